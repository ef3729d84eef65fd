"""Searching a finished bundle for answers, by their text and by their value: a second look that trusts nothing."""

import ast
import importlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from course_utils import notebooks
from course_utils.bundle.library import Library, day_modules, notebook_code
from course_utils.checks import Unreadable, make_key, plain, questions_of
from course_utils.checks.compare import difference
from course_utils.errors import CourseError
from course_utils.paths import root

TEXTS = (".py", ".md", ".toml", ".json", ".ipynb", ".yml", ".cff", "")


def search(folder: Path, library: Library) -> None:
    """Raise CourseError if a file below `folder` holds the lines or the value of an answer.

    Lines: two that tell something of the same answer, or its only one. Values: those that questions ask for, where
    they have several entries, written out in Python or JSON.
    """
    secrets = {where: secret for where, lines in _answers(library) if (secret := notebooks.telling(lines))}
    values = list(_values())
    for path in sorted(path for path in folder.rglob("*") if path.suffix in TEXTS and path.is_file()):
        name, text = path.relative_to(folder).as_posix(), _text(path)
        for where, secret in secrets.items():
            found = notebooks.leaked(secret, text)
            if len(found) >= min(2, len(secret)):
                raise CourseError(f"{name} would give away an answer ({where}): it holds the line `{found[0]}`.")
        for written in _literals(path, text):
            for question, expected, tolerance in values:
                if difference(expected, written, tolerance) is None:
                    raise CourseError(f"{name} would give away the answer to the question `{question}`: it holds it.")


def _answers(library: Library) -> Iterator[tuple[str, list[str]]]:
    yield from library.secrets().items()
    for path in sorted((root() / "solutions").glob("*.py")):
        exercise = root() / "exercises" / path.name
        if not exercise.is_file():
            raise CourseError(f"exercises/{path.name} is missing: run `course sync`, then make the bundle.")
        for grade_id, lines in notebooks.answers(path, exercise).items():
            yield f"solutions/{path.name}, {grade_id}", lines


def _values() -> Iterator[tuple[str, Any, float]]:
    """What value questions ask for, if it is more than one number or word."""
    for name in day_modules():
        for question in questions_of(importlib.import_module(name)):
            if question.kind == "value":
                (expected,) = make_key(question, question.draw()).expected
                if isinstance(expected, dict | list) or getattr(expected, "ndim", 0):
                    yield question.name, expected, question.tolerance


def _text(path: Path) -> str:
    """A file as text; of a notebook its cells, whose lines stand in quotes otherwise."""
    text = path.read_text(encoding="utf-8")
    if path.suffix != ".ipynb":
        return text
    return "\n".join(cell.source for cell in notebooks.read(path).cells)


def _literals(path: Path, text: str) -> Iterator[Any]:
    """The lists and dictionaries that are written out in a file, as plain values."""
    if path.suffix == ".json":
        yield from _entries(json.loads(text))
    if path.suffix not in (".py", ".ipynb"):
        return
    tree = ast.parse(notebook_code(path) if path.suffix == ".ipynb" or _is_notebook(path) else text)
    for node in ast.walk(tree):
        if isinstance(node, ast.Dict | ast.List | ast.Tuple):
            try:
                yield plain(ast.literal_eval(node))
            except (ValueError, TypeError, Unreadable):
                continue


def _entries(value: Any) -> Iterator[Any]:
    if isinstance(value, dict | list):
        yield value
        for entry in value.values() if isinstance(value, dict) else value:
            yield from _entries(entry)


def _is_notebook(path: Path) -> bool:
    return path.parent.name in ("lessons", "exercises")
