"""The folder of a batch: one JSON file for each submission, written at once or not at all, and what batch it is."""

import contextlib
import errno
import hashlib
import json
import os
import secrets
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from course_utils.errors import CourseError
from course_utils.grading.results import Result, from_json
from course_utils.grading.submissions import Submission, file_stem
from course_utils.notebooks.text import write_text

MISSING = "Not handed in."
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@dataclass(frozen=True)
class Store:
    """out: the folder that `course grade --out` names."""

    out: Path

    def open(self, submissions: Path, questions: Path | None, seed_file: Path | None) -> bytes:
        """Make the folder, or go on with it if it is this batch's own; the secret seed, made on first use.

        Raises CourseError for a folder that holds anything else, and where nothing can be written.
        """
        marker = self.out / "run.json"
        about = {"submissions": str(submissions.resolve()), "questions": str(questions.resolve()) if questions else ""}
        with writing(self.out):
            if self.out.exists() and not self.out.is_dir():
                raise CourseError(f"{self.out} is a file: name a folder for the results with --out.")
            self.out.mkdir(parents=True, exist_ok=True, mode=0o700)
            known = _known(marker)
            if known is None and (marker.exists() or any(self.out.iterdir())):
                raise CourseError(
                    f"{self.out} holds files that are no results of `course grade`: choose another --out."
                )
            for key, value in about.items() if known else ():
                if known.get(key) != value:
                    raise CourseError(
                        f"{self.out} holds the results of another run ({key} {known.get(key) or 'of the course'}): "
                        "choose another --out."
                    )
            seed_file = seed_file or self.out / "seed"
            if known and not seed_file.exists():
                raise CourseError(
                    f"{self.out} was graded with a secret seed that is not in {seed_file}: name its file with "
                    "--seed-file, or choose another --out."
                )
            seed = _seed(seed_file)
            about["seed"] = hashlib.sha256(b"which seed " + seed).hexdigest()[:16]
            if known and known.get("seed") != about["seed"]:
                raise CourseError(
                    f"{self.out} was graded with another secret seed than that in {seed_file}: choose another --out."
                )
            if not known:
                write_text(marker, json.dumps(about, indent=1, ensure_ascii=False) + "\n")
        return seed

    def load(self, student: str, day: int) -> Result | None:
        """What is known of a student's day; None where nothing is, or nothing that can be read."""
        try:
            result = from_json(self._path(student, day).read_text(encoding="utf-8"))
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None
        return result if (result.student, result.day) == (student, day) else None

    def save(self, result: Result) -> None:
        """Keep a result. Raises CourseError if the disk is full."""
        with writing(self.out):
            write_text(self._path(result.student, result.day), result.to_json() + "\n")

    def students(self, submissions: Iterable[Submission]) -> Iterator[tuple[str, list[Result]]]:
        """Each student with the results so far, day by day, one student in memory at a time.

        A day that others handed in and this student did not has a result as well: no file, and the reason `MISSING`.
        """
        days: dict[str, set[int]] = defaultdict(set)
        for one in submissions:
            days[one.student].add(one.day)
        blank: dict[int, Result] = {}
        for student in sorted(days):
            for day in sorted(days[student] - set(blank)):
                if (result := self.load(student, day)) is not None:
                    blank[day] = _missing(result)
        for student in sorted(days):
            results = []
            for day in sorted(blank):
                found = self.load(student, day) if day in days[student] else replace(blank[day], student=student)
                results += [found] if found else []
            yield student, results

    def left_over(self, submissions: Iterable[Submission]) -> int:
        """How many results belong to no file any more."""
        known = {self._path(one.student, one.day) for one in submissions}
        return sum(path not in known for path in (self.out / "results").glob("*.json"))

    def _path(self, student: str, day: int) -> Path:
        return self.out / "results" / f"{file_stem(student)}_day_{day:02}.json"


@contextlib.contextmanager
def writing(out: Path) -> Iterator[None]:
    """Turn a failure to write into one sentence."""
    try:
        yield
    except OSError as error:
        if error.errno in FULL:
            raise CourseError(
                f"The disk of {out} is full: make room and run the same command again; what was graded is kept."
            ) from error
        raise CourseError(f"{out} cannot be written ({error.strerror}): choose another --out.") from error


def _known(marker: Path) -> dict | None:
    try:
        known = json.loads(marker.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return known if isinstance(known, dict) and "seed" in known else None


def _seed(path: Path) -> bytes:
    """The secret in a file; made, for its owner's eyes only, if there is no such file."""
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_hex(32) + "\n")
    except FileExistsError:
        pass
    except FileNotFoundError:
        raise CourseError(f"The seed file {path} cannot be made, for its folder does not exist.") from None
    try:
        seed = path.read_bytes().strip()
    except OSError as error:
        raise CourseError(f"The seed file {path} cannot be read ({error.strerror}).") from error
    if len(seed) < 16:
        raise CourseError(f"The seed file {path} is too short to be a secret: delete it, and a new one is made.")
    return seed


def _missing(like: Result) -> Result:
    marks = tuple(
        replace(mark, points=0, status="unanswered", fault="", mistake="", feedback=MISSING, seconds=0.0, flags=())
        for mark in like.marks
    )
    return Result("", like.day, "", "", marks, MISSING, sandboxed=like.sandboxed)
