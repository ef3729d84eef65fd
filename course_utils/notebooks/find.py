"""Finding notebooks by day, and refusing folders that hold something else."""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from course_utils.errors import CourseError
from course_utils.notebooks.facts import STEM, metadata, relative
from course_utils.paths import FOLDERS, root

DAYS = re.compile(r"(?:day_)?(\d{1,2})(?:\s*-\s*(?:day_)?(\d{1,2}))?")


def find(days: Iterable[str] | None = None, folders: Sequence[str] | None = None) -> list[Path]:
    """The notebooks of these days, in the course's order: by day, lesson before exercise before solution.

    days: "2", "2,12", "1-5", "day_02", "day_02_convolution", a folder of the course, or a path; all days if None or
    empty. folders: some of `paths.FOLDERS`; all if None. Raises CourseError for a day that does not exist, and for a
    file in these folders that is no notebook of the course.
    """
    base = root()
    folders = tuple(folders or FOLDERS)
    if unknown := [folder for folder in folders if folder not in FOLDERS]:
        raise CourseError(f"There are no notebooks in {unknown[0]!r}: choose from {', '.join(FOLDERS)}.")
    every = [path for folder in folders for path in _notebooks(base, folder)]
    every.sort(key=lambda path: (path.name, FOLDERS.index(path.parent.name)))
    asked = [part.strip() for spec in days or () for part in str(spec).split(",") if part.strip()]
    if not asked:
        return every
    chosen: list[Path] = []
    for spec in asked:
        chosen += [path for path in _select(spec, every, base) if path not in chosen]
    return chosen


def _select(spec: str, every: list[Path], base: Path) -> list[Path]:
    if spec.rstrip("/") in FOLDERS:
        return [path for path in every if path.parent.name == spec.rstrip("/")]
    if "/" in spec or "\\" in spec or spec.endswith((".py", ".ipynb")):
        for path in (Path(spec), base / spec):
            if path.is_file():
                return [path.resolve()]
        raise CourseError(f"There is no notebook {spec}.")
    if number := DAYS.fullmatch(spec):
        first, last = int(number[1]), int(number[2] or number[1])
        found = [path for path in every if first <= int(path.name[4:6]) <= last]
    elif STEM.fullmatch(spec):
        found = [path for path in every if path.stem == spec]
    else:
        raise CourseError(
            f"{spec!r} is no day: give a number (2), several (2,12), a range (1-5) or the path of a notebook."
        )
    if not found:
        existing = sorted({int(path.name[4:6]) for path in every})
        listed = ", ".join(map(str, existing)) or "none yet"
        raise CourseError(f"There is no day {spec}: the days that exist are {listed}.")
    return found


def _notebooks(base: Path, folder: str) -> list[Path]:
    found = sorted(path for path in (base / folder).glob("*.py") if not path.name.startswith("."))
    for path in found:
        if folder == "exercises":
            _known_exercise(base, path)
        if not STEM.fullmatch(path.stem):
            raise CourseError(
                f"{relative(path)} is no notebook of the course, since its name is not day_NN_slug.py: "
                f"rename it, or move it out of {folder}/."
            )
    return found


def _known_exercise(base: Path, path: Path) -> None:
    """Refuse an exercise that was renamed, or whose solution is gone: neither may be overwritten or left to drift."""
    if not (base / "solutions").is_dir() or (base / "solutions" / path.name).is_file():
        return
    try:
        source = metadata(path).get("course", {}).get("generated_from")
    except (CourseError, AttributeError):
        source = None
    if source and (base / source).is_file():
        raise CourseError(
            f"{relative(path)} was made from {source} and renamed: call it {Path(source).name} again, or move it "
            "out of exercises/."
        )
    raise CourseError(
        f"{relative(path)} has no solution in solutions/{path.name}: bring the solution back, or move the exercise out "
        "of exercises/."
    )
