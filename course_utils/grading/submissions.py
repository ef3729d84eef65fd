"""Finding what students handed in, and reading it. Names and files are theirs: neither is trusted.

Found are `student/…/day_NN_slug.ipynb` (or .py) with any folders in between, as nbgrader's `submitted` has them, and
`student_day_NN_slug.ipynb` in a flat folder, with what Canvas and Moodle add before and after the name.
"""

import errno
import hashlib
import os
import re
import stat
import unicodedata
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from course_utils.errors import CourseError

MAX_BYTES = 20_000_000
DEPTH = 8
NOTEBOOKS = (".ipynb", ".py")
JUNK = re.compile(r"\.ipynb_checkpoints|__pycache__|__MACOSX|\.git|\.DS_Store|\._.*", re.DOTALL)
DAY = re.compile(r"(?<![^\W\d_])day[ _-]?(\d{1,2})(?!\d)", re.IGNORECASE)
# What platforms put around a name. The number tells two students of one name apart: Canvas's is the same all year,
# Moodle's another one for each assignment.
MOODLE = re.compile(r"(?P<name>.+)_(?P<number>\d+)_assignsubmission_.*", re.DOTALL)
CANVAS = re.compile(r"(?P<name>.+?)(?:_LATE)?_(?P<number>\d+)_\d+(?:_.*)?", re.DOTALL)


@dataclass(frozen=True)
class Submission:
    """One file to grade. student: a name fit to print; path: below the folder; problem: why it is unreadable, or ""."""

    student: str
    day: int
    path: Path
    problem: str = ""
    notes: tuple[str, ...] = ()

    @property
    def file(self) -> str:
        """The path, fit to print, its end kept."""
        return _shown(self.path)


@dataclass(frozen=True)
class Found:
    """submissions: sorted by student and day, one for each. skipped: a sentence for whatever was left out."""

    submissions: tuple[Submission, ...]
    skipped: tuple[str, ...]


@dataclass
class _Candidate:
    """A file before it is known who else is there.

    key: whose it is; lasting: the key is the same for each day; short, long: names to show.
    """

    key: str
    lasting: bool
    short: str
    long: str
    day: int
    path: Path
    problem: str
    modified: float


@dataclass
class _Walk:
    """What is met on the way through the folder."""

    root: Path
    leave_out: tuple[Path, ...]
    skipped: list[str] = field(default_factory=list)

    def candidates(self, folder: Path, depth: int = 0) -> Iterator[_Candidate]:
        try:
            with os.scandir(folder) as entries:
                inside = sorted(entries, key=lambda entry: os.fsencode(entry.name))
        except OSError as error:
            self._skip(folder, f"the folder cannot be opened ({error.strerror})")
            return
        for entry in inside:
            path = Path(entry.path)
            if JUNK.fullmatch(entry.name) or path in self.leave_out:
                continue
            named = path.suffix.lower() in NOTEBOOKS
            if entry.name.startswith("."):
                self._skip(path, "its name starts with a dot, which hides it")
            elif entry.is_dir(follow_symlinks=False) and not named:
                if depth < DEPTH:
                    yield from self.candidates(path, depth + 1)
                else:
                    self._skip(path, "it lies too deep")
            elif named:
                yield from self._file(entry, path)
            elif entry.is_symlink():
                self._skip(path, "it is a link, and links are not followed")
            elif DAY.search(entry.name) or path.suffix.lower() in (".zip", ".gz", ".7z", ".rar"):
                self._skip(path, "it is no .ipynb or .py file")

    def _file(self, entry: os.DirEntry, path: Path) -> Iterator[_Candidate]:
        relative = path.relative_to(self.root)
        whose, day = _whose(relative)
        if day is None:
            self._skip(path, "no day is in its name, such as day_02")
        elif not whose.strip(" _-"):
            self._skip(path, "no student is in its name, and it lies in no student's folder")
        else:
            key, lasting, short, long = _names(whose)
            try:
                about = entry.stat(follow_symlinks=False)
            except OSError as error:
                problem, modified = f"The file cannot be read ({error.strerror}).", 0.0
            else:
                problem, modified = _problem(about), about.st_mtime
            yield _Candidate(key, lasting, short, long, day, relative, problem, modified)

    def _skip(self, path: Path, why: str) -> None:
        self.skipped.append(f"{_shown(path.relative_to(self.root))}: {why}.")


def find(folder: Path, leave_out: tuple[Path, ...] = ()) -> Found:
    """All submissions below a folder; of a student's several for a day, the newest that can be read.

    leave_out: folders not to look into, such as that of the results. Links are never followed. Raises CourseError if
    `folder` is none or cannot be opened.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise CourseError(f"There is no folder {folder}: name the one that holds your students' notebooks.")
    root = folder.resolve()
    if not os.access(root, os.R_OK | os.X_OK):
        raise CourseError(f"The folder {folder} cannot be opened: you lack the permission to read it.")
    walk = _Walk(root, tuple(path.resolve() for path in leave_out))
    candidates = _with_names(list(walk.candidates(root)))
    grouped: dict[tuple[str, int], list[_Candidate]] = defaultdict(list)
    for candidate in candidates:
        grouped[candidate.short, candidate.day].append(candidate)
    return Found(tuple(_newest(grouped[key]) for key in sorted(grouped)), tuple(walk.skipped))


def read(folder: Path, submission: Submission) -> tuple[bytes, str]:
    """(the content, "") or (b"", why there is none). Opens regular files only, and never waits for one."""
    if submission.problem:
        return b"", submission.problem
    try:
        handle = os.open(Path(folder) / submission.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(handle, "rb") as file:
            if problem := _problem(os.fstat(handle)):
                return b"", problem
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        told = "it is a link" if error.errno == errno.ELOOP else error.strerror
        return b"", f"The file cannot be read ({told})."
    if len(data) > MAX_BYTES:
        return b"", _too_large(len(data))
    return data, "" if data else "The file is empty."


def printable(text: str, longest: int = 120) -> str:
    """A name as one line of plain text: no control characters, no marks that turn the direction, no half characters."""
    text = unicodedata.normalize("NFC", os.fsencode(text).decode("utf-8", "replace"))
    # ZWNJ and ZWJ (Cf) belong to the spelling of names in some scripts.
    plain = "".join(
        " " if unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") else c
        for c in text
        if unicodedata.category(c) != "Cf" or c in "\u200c\u200d"
    )
    plain = " ".join(plain.split())
    return plain if len(plain) <= longest else plain[: longest - 1] + "…"


def _shown(path: Path, longest: int = 200) -> str:
    text = printable(path.as_posix(), 10_000)
    return text if len(text) <= longest else f"…{text[1 - longest :]}"


def file_stem(name: str) -> str:
    """A name for a student's files: letters and digits, with a digest that tells any two students apart."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    words = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:40].strip("-")
    return "-".join(filter(None, (words, hashlib.sha256(name.encode()).hexdigest()[:10])))


def _problem(about: os.stat_result) -> str:
    if stat.S_ISLNK(about.st_mode):
        return "It is a link, and links are not followed."
    if stat.S_ISDIR(about.st_mode):
        return "It is a folder that is named like a notebook."
    if not stat.S_ISREG(about.st_mode):
        return "It is no ordinary file."
    if about.st_size == 0:
        return "The file is empty."
    return _too_large(about.st_size) if about.st_size > MAX_BYTES else ""


def _too_large(size: int) -> str:
    return f"The file is too large: {size / 1e6:.0f} MB, where {MAX_BYTES / 1e6:.0f} MB are read."


def _whose(path: Path) -> tuple[str, int | None]:
    """(what the path says of the student, the day). A folder named like a day is nobody's."""
    *folders, name = path.parts
    match = DAY.search(name)
    day = int(match[1]) if match else next((int(m[1]) for f in reversed(folders) if (m := DAY.search(f))), None)
    owners = [one for one in folders if not DAY.match(one)]
    if owners:
        return owners[0], day
    return name[: match.start()].rstrip("_- ") if match else "", day


def _names(whose: str) -> tuple[str, bool, str, str]:
    """(key, lasting, short, long) of what a folder or a file name says."""
    key = unicodedata.normalize("NFC", os.fsencode(whose).decode("utf-8", "backslashreplace"))
    moodle = MOODLE.fullmatch(key)
    if match := moodle or CANVAS.fullmatch(key):
        key = f"{match['name']}_{match['number']}"
        return key, not moodle, printable(match["name"]), printable(key)
    return key, True, printable(key), printable(key)


def _with_names(candidates: list[_Candidate]) -> list[_Candidate]:
    """Show the short name where it is one student's; where two share it, the long one; else a digest goes with it."""
    for spelled in ("long", "digest"):
        keys = defaultdict(set)
        for one in candidates:
            keys[one.short, 0 if one.lasting else one.day].add(one.key)
        shared = {short for (short, _), owners in keys.items() if len(owners) > 1}
        for one in candidates:
            if one.short in shared or not one.short:
                digest = hashlib.sha256(one.key.encode()).hexdigest()[:6]
                one.short = one.long if spelled == "long" and one.long else f"{one.long} #{digest}".strip()
    return candidates


def _newest(candidates: list[_Candidate]) -> Submission:
    """One submission of a student for a day: readable before unreadable, then the newest, then the last by name."""
    *others, best = sorted(candidates, key=lambda one: (not one.problem, one.modified, one.path.as_posix()))
    submission = Submission(best.short, best.day, best.path, best.problem)
    if not others:
        return submission
    listed = ", ".join(_shown(one.path) for one in others)
    return replace(submission, notes=(f"More than one file for Day {best.day}: the newest is graded, not {listed}.",))
