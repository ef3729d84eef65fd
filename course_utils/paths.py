"""Where the course's files lie."""

import os
from pathlib import Path

from course_utils.errors import CourseError

FOLDERS = ("lessons", "exercises", "solutions")
INSTRUCTORS = ("book", "bundle", "grading", "room")
"""Packages of course_utils that students do without, so that no notebook depends on them."""


def root() -> Path:
    """The folder that holds the lessons: the current one, one above it, or the one the package lies in.

    A student bundle may lack `solutions`; `lessons` is always there. Raises CourseError where none is found.
    """
    for folder in (Path.cwd(), *Path.cwd().parents, Path(__file__).parents[1]):
        if (folder / "lessons").is_dir() and (folder / "pyproject.toml").is_file():
            return folder
    raise CourseError("This is not a course folder: change into the folder that holds `lessons` and try again.")


def cache_dir() -> Path:
    """The folder for decoded data: `COURSE_CACHE`, or the user's cache folder of this platform."""
    if folder := os.environ.get("COURSE_CACHE"):
        return Path(folder).expanduser()
    from platformdirs import user_cache_path

    return user_cache_path("cnn-course", appauthor=False)
