"""What a notebook says about itself in its header, under `jupyter: course:`."""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from course_utils.errors import CourseError
from course_utils.paths import root
from course_utils.profiles import NAMES as PROFILES

STEM = re.compile(r"day_(\d\d)_([a-z0-9]+(?:_[a-z0-9]+)*)")
# Enough for TensorFlow and PyTorch side by side with CIFAR-10; a laptop has 8 GiB.
DEFAULT_MEMORY_MB = 6000


@dataclass(frozen=True)
class Facts:
    """The facts of one notebook.

    minutes: for a student; budget_s: seconds allowed per profile, the framework's import included; data: names for
    `data.load`; frameworks: what it imports; memory_mb: the most that its processes may hold together.
    """

    day: int
    slug: str
    stem: str
    title: str
    minutes: int
    budget_s: dict[str, float]
    data: tuple[str, ...]
    frameworks: tuple[str, ...]
    memory_mb: float = DEFAULT_MEMORY_MB


def facts(path: Path) -> Facts:
    """The facts in the header of a notebook (.py or .ipynb), validated.

    Raises CourseError for a header that is missing, is not YAML, lacks a fact, or disagrees with the file's name.
    """
    path = Path(path)
    name = STEM.fullmatch(path.stem)
    if not name:
        raise CourseError(f"{relative(path)} is not named like a notebook of the course: day_NN_slug.py.")
    course = metadata(path).get("course")
    if not isinstance(course, dict):
        raise CourseError(
            f"{relative(path)} has no facts: its header needs `jupyter: course:` with day, title, minutes, budget_s, "
            "data and frameworks."
        )

    def fact(key: str, holds: bool, wanted: str) -> Any:
        if key not in course:
            raise CourseError(f"{relative(path)}: the header lacks `{key}` under `jupyter: course:`; add {wanted}.")
        if not holds:
            raise CourseError(f"{relative(path)}: `{key}` in the header is {course[key]!r}; it must be {wanted}.")
        return course[key]

    get = course.get
    day = fact("day", _whole(get("day")), "the number of the day")
    if day != int(name[1]):
        raise CourseError(f"{relative(path)}: the header says day {day}, the file's name says day {int(name[1])}.")
    budget = get("budget_s")
    budget_holds = isinstance(budget, dict) and all(_positive(budget.get(profile)) for profile in PROFILES)
    return Facts(
        day=day,
        slug=name[2],
        stem=path.stem,
        title=fact("title", isinstance(get("title"), str) and bool(get("title")), "the title as text"),
        minutes=fact("minutes", _whole(get("minutes")), "a student's working time in minutes"),
        budget_s=dict(fact("budget_s", budget_holds, f"seconds for each of {', '.join(PROFILES)}")),
        data=tuple(fact("data", _names(get("data")), "a list of data sets, [] for none")),
        frameworks=tuple(fact("frameworks", _names(get("frameworks")), "a list of frameworks, [] for none")),
        memory_mb=fact("memory_mb", _positive(get("memory_mb")), "a number of megabytes")
        if "memory_mb" in course
        else DEFAULT_MEMORY_MB,
    )


def metadata(path: Path) -> dict[str, Any]:
    """The notebook metadata of a .py or .ipynb file, without converting the rest. Raises CourseError if unreadable."""
    text = read_text(path)
    try:
        if path.suffix == ".ipynb":
            return dict(json.loads(text).get("metadata", {}))
        header = re.match(r"#\s*---\s*\n((?:#.*\n)*?)#\s*---\s*(?:\n|$)", text)
        if not header:
            raise CourseError(f"{relative(path)} has no header: it must begin with a `# ---` block of facts.")
        found = yaml.safe_load(re.sub(r"^# ?", "", header[1], flags=re.MULTILINE))
        return dict((found or {}).get("jupyter") or {})
    except (ValueError, AttributeError, TypeError, yaml.YAMLError) as error:
        mark = getattr(error, "problem_mark", None)
        # The mark counts from 0 and the YAML begins below the file's first line.
        where = f" at line {mark.line + 2}" if mark else ""
        problem = getattr(error, "problem", None) or getattr(error, "msg", None) or error
        wrong = "is not a valid notebook" if path.suffix == ".ipynb" else "has a header that is not valid YAML"
        raise CourseError(f"{relative(path)} {wrong}{where}: {problem}.") from error


def read_text(path: Path) -> str:
    """The text of a notebook file, with a sentence instead of a traceback where it cannot be read."""
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise CourseError(f"There is no notebook {relative(path)}.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise CourseError(f"{relative(path)} cannot be read as text: {error}.") from error


def relative(path: Path) -> str:
    """The path as a reader knows it: from the course's folder where it lies in it."""
    try:
        return path.resolve().relative_to(root().resolve()).as_posix()
    except (ValueError, CourseError):
        return str(path)


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def _positive(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value > 0


def _names(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)
