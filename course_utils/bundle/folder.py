"""`course bundle OUT`: the folder that students get, made aside and searched for answers before it is put in place."""

import hashlib
import json
import re
import shutil
import tempfile
from pathlib import Path

from course_utils import notebooks
from course_utils.bundle.leaks import search
from course_utils.bundle.library import Library, write_library
from course_utils.errors import CourseError
from course_utils.paths import root

MARKER = ".course-bundle.json"
AS_THEY_ARE = ("requirements.lock", "environment.yml", "LICENSE", "LICENSE-text", "CITATION.cff")
HANDOUT = Path(__file__).parent / "handout"
MAINTAINERS = re.compile(r"\bdev\b")
"""What a paragraph of the Makefile, or a section of pyproject.toml, is about if students have no use for it."""


def make_bundle(out: Path, *, archive: bool = False) -> Path:
    """Make or update the students' folder; returns it, or the zip file beside it if `archive`.

    A file in `out` that this did not write, or that was edited since, is never changed. Raises CourseError for a folder
    that holds anything else, for edited files, and, before anything is written, for answers in what would be written.
    """
    out = Path(out).absolute()
    with tempfile.TemporaryDirectory(prefix="course-bundle-") as made:
        folder = Path(made)
        library = Library(sealed=True)
        _write(folder, library)
        search(folder, library)
        put(folder, out)
    if not archive:
        return out
    return Path(shutil.make_archive(str(out), "zip", out.parent, out.name))


def write_shared(folder: Path, library: Library) -> None:
    """Write what students get in any form: the library, recorded results, licences, what to install."""
    base = root()
    write_library(library, folder)
    for name in AS_THEY_ARE:
        if (base / name).is_file():
            shutil.copyfile(base / name, folder / name)
    for path in sorted((base / "results").glob("day_*.json")):  # what lessons show beside their own measurements
        (folder / "results").mkdir(exist_ok=True)
        shutil.copyfile(path, folder / "results" / path.name)
    (folder / "pyproject.toml").write_text(_project(base / "pyproject.toml"), encoding="utf-8")


def put(folder: Path, out: Path) -> None:
    """Move what was made into place. Raises CourseError where something of anybody's would be lost."""
    known = _known(out)
    new = {path.relative_to(folder).as_posix(): _digest(path) for path in folder.rglob("*") if path.is_file()}
    present = {name: _digest(out / name) for name in sorted({*known, *new}) if (out / name).exists()}
    edited = [name for name, digest in present.items() if digest not in [*known.get(name, []), new.get(name)]]
    if edited:
        listed = ", ".join(edited[:3]) + (" and more" if len(edited) > 3 else "")
        raise CourseError(f"{out} holds files that were edited ({listed}): move them away, or name another folder.")
    out.mkdir(parents=True, exist_ok=True)
    both = {name: sorted({*known.get(name, []), *([new[name]] if name in new else [])}) for name in {**known, **new}}
    _mark(out, both)  # an interrupted run can be repeated: whatever stands there then is known
    for name in new:
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(folder / name, out / name)
        shutil.copymode(folder / name, out / name)
    for name in set(known) - set(new):
        (out / name).unlink(missing_ok=True)
    _mark(out, {name: [digest] for name, digest in new.items()})


def _write(folder: Path, library: Library) -> None:
    write_shared(folder, library)
    for path in notebooks.find(folders=("lessons", "exercises")):
        copy = folder / path.parent.name / path.name
        copy.parent.mkdir(exist_ok=True)
        shutil.copyfile(path, copy)
        if path.parent.name == "exercises":
            notebook = notebooks.read(path)
            notebook.metadata.pop("jupytext", None)  # an ipynb of its own: nothing to keep in step with
            notebooks.write(notebook, folder / "notebooks" / f"{path.stem}.ipynb")
    shutil.copyfile(HANDOUT / "README.md", folder / "README.md")
    (folder / "Makefile").write_text(_makefile(root() / "Makefile"), encoding="utf-8")


def _project(path: Path) -> str:
    """The project without what maintainers need: extras, tests, style."""
    sections = re.split(r"(?m)^(?=\[)", path.read_text(encoding="utf-8"))
    others = ("[project.optional-dependencies", "[tool.pytest", "[tool.ruff")
    return "".join(section for section in sections if not section.startswith(others)).rstrip() + "\n"


def _makefile(path: Path) -> str:
    """The Makefile without the maintainers' targets."""
    paragraphs = [text for text in path.read_text(encoding="utf-8").split("\n\n") if not MAINTAINERS.search(text)]
    text = "\n\n".join(paragraphs).rstrip() + "\n"
    targets = set(re.findall(r"(?m)^([a-z]+):", text))
    for name in re.findall(r"(?m)^([A-Z]+) \?=", text):
        if f"$({name})" not in text:
            text = re.sub(rf"(?m)^(#.*\n)?{name} \?=.*\n", "", text)
    listed = re.search(r"(?m)^\.PHONY:(.*)$", text)
    if listed:
        kept = [name for name in listed[1].split() if name in targets]
        text = text.replace(listed[0], " ".join([".PHONY:", *kept]))
    return re.sub(r"\A#.*", "# `make lab` is all that you need; it sets up .venv when it is missing.", text)


def _known(out: Path) -> dict[str, list[str]]:
    """The digests of what an earlier run wrote to this folder. Raises CourseError for a folder of other things."""
    if out.exists() and not out.is_dir():
        raise CourseError(f"{out} is a file: name a folder for the bundle.")
    if not out.exists() or not any(out.iterdir()):
        return {}
    try:
        return json.loads((out / MARKER).read_text(encoding="utf-8"))["files"]
    except (OSError, ValueError, KeyError, TypeError):
        raise CourseError(f"{out} holds something else than a bundle: name a new or an empty folder.") from None


def _mark(out: Path, files: dict[str, list[str]]) -> None:
    text = json.dumps({"made_by": "course bundle", "files": dict(sorted(files.items()))}, indent=1)
    (out / MARKER).write_text(text + "\n", encoding="utf-8")


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16] if path.is_file() else "not a file"
