"""What the book holds and in which order: the hand-written `_toc.yml`, and the days that the syllabus plans."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from course_utils import notebooks
from course_utils.errors import CourseError
from course_utils.paths import root

TOC, CONFIG, SYLLABUS = "_toc.yml", "_config.yml", "book/syllabus.yml"
HEAD = ("| day | lesson | what you will know | practice |", "|--:|---|---|---|")


def read_yaml(name: str) -> dict[str, Any]:
    """A YAML file of the course folder. Raises CourseError where it is missing or broken."""
    try:
        return yaml.safe_load((root() / name).read_text(encoding="utf-8"))
    except OSError as error:
        raise CourseError(f"{name} cannot be read ({error.strerror}): build the book in a full clone.") from error
    except yaml.YAMLError as error:
        raise CourseError(f"{name} is not valid YAML: {str(error).splitlines()[0]}.") from error


def repository() -> str:
    """The address of the public repository, as `_config.yml` has it."""
    return read_yaml(CONFIG)["repository"]["url"].rstrip("/")


def branch() -> str:
    """The branch of the published notebooks, which launch buttons open."""
    return read_yaml(CONFIG)["repository"]["branch"]


def entries() -> list[str]:
    """The pages that `_toc.yml` names, without suffix and in order; one with a `*` stands for several."""
    return list(_entries(read_yaml(TOC)))


def check_days(listed: list[str]) -> None:
    """Raise CourseError unless the contents list each lesson and each exercise that is written, and no other."""
    written = [f"lessons/{path.stem}" for path in notebooks.find(folders=("lessons",))]
    written += [f"exercises/{path.stem}" for path in notebooks.find(folders=("solutions",))]
    if missing := [name for name in written if name not in listed]:
        raise CourseError(f"{missing[0]} is not in {TOC}: enter it there, in its week.")
    days = [name for name in listed if name.startswith(("lessons/", "exercises/"))]
    if unwritten := [name for name in days if name not in written]:
        raise CourseError(f"{TOC} lists {unwritten[0]}, which is not written yet: take it out.")
    if doubled := [name for name in days if days.count(name) > 1]:
        raise CourseError(f"{TOC} lists {doubled[0]} twice: keep one.")


def days_tables() -> str:
    """All days in Markdown, a heading and a table for each week: those written with links, the others as planned."""
    lessons = {path.stem: notebooks.facts(path).title for path in notebooks.find(folders=("lessons",))}
    exercises = {path.stem for path in notebooks.find(folders=("solutions",))}
    lines = []
    for week in read_yaml(SYLLABUS)["weeks"]:
        lines += ["", f"### {week['title']}", "", *HEAD]
        for day in week["days"]:
            stem = f"day_{day['day']:02}_{day['slug']}"
            title = f"[{lessons[stem]}](lessons/{stem}.py)" if stem in lessons else f"{day['title']} (coming)"
            practice = f"[exercise](exercises/{stem}.py)" if stem in exercises else ""
            lines.append(f"| {day['day']} | {title} | {day['line']} | {practice} |")
    return "\n".join(lines)


def _entries(part: dict[str, Any]) -> Iterator[str]:
    for key in ("root", "file", "glob"):
        if key in part:
            yield part[key]
    for key in ("parts", "chapters", "sections", "subtrees", "entries"):
        for inner in part.get(key, []):
            yield from _entries(inner)


def page_path(name: str) -> Path:
    """The hand-written file of the course folder that a page of the contents is made from, if it has one."""
    return root() / f"{name}.md"
