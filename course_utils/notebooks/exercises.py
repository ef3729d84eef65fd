"""Solution → exercise with nbgrader's ClearSolutions, and keeping exercises/ in step with solutions/."""

import ast
import copy
import difflib
import hashlib
import json
import logging
import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

from nbformat import NotebookNode

from course_utils.errors import CourseError
from course_utils.notebooks.facts import facts, read_text, relative
from course_utils.notebooks.find import find
from course_utils.notebooks.leaks import leaked, telling
from course_utils.notebooks.text import MARKER, NOISE, code_cells, read, write_text, writes
from course_utils.paths import root

BEGIN, END = "BEGIN SOLUTION", "END SOLUTION"
# An unsolved exercise runs through: a function body of `...` returns None, and its check says "not answered yet".
STUB = "# YOUR CODE HERE\n..."


@dataclass(frozen=True)
class Change:
    """What `sync` did to a file, or would do under `check`."""

    path: Path
    kind: Literal["made", "updated", "normal form"]
    kept: Path | None = None  # the copy of a student's edited version

    def __str__(self) -> str:
        line = f"{relative(self.path)}: {self.kind}"
        return f"{line}; it had been edited, and that version is kept as {relative(self.kept)}" if self.kept else line


def exercise(path: Path) -> NotebookNode:
    """The exercise of a solution file: the same notebook, with a stub for each answer.

    Its header says `generated_from` and `digest` (of the cells as generated), so that a student's edits are
    recognised. Raises CourseError, with file and line, for markers that do not pair, for an answer outside a cell that
    nbgrader knows as a solution, for a stub that leaves a cell invalid, and for an answer that can be read elsewhere.
    """
    path = Path(path)
    facts(path)
    regions = _regions(path)
    notebook = read(path)
    answers = _clear(notebook, path) + [line for _, line in regions]
    notebook.metadata.course = {**notebook.metadata.course, "generated_from": f"solutions/{path.name}"}
    _refuse_leaks(notebook, answers, path)
    for number, cell in enumerate(code_cells(notebook), start=1):
        _refuse_invalid(cell, number, path)
    notebook.metadata.course["digest"] = digest(notebook)
    return notebook


def digest(notebook: NotebookNode) -> str:
    """A fingerprint of the cells: their kind, text, tags and nbgrader metadata, and nothing that a save may change.

    Empty cells do not count: JupyterLab adds one when the last cell is executed.
    """
    cells = [
        [
            cell.cell_type,
            cell.source.strip(),
            {key: value for key, value in cell.metadata.items() if value and key in ("tags", "nbgrader")},
        ]
        for cell in notebook.cells
        if cell.source.strip()
    ]
    return hashlib.sha256(json.dumps(cells, sort_keys=True).encode()).hexdigest()[:16]


def sync(check: bool = False) -> list[Change]:
    """Make exercises/ from solutions/, and bring lessons/ and solutions/ into normal form. Prints what it does.

    check: write nothing, print a diff per file that would change. Every fault in any notebook is raised (CourseError)
    before the first file is written. An exercise that was edited is copied to exercises/edited/ before it is replaced.
    """
    base = root()
    if not (base / "solutions").is_dir():
        raise CourseError("There is no solutions/ folder here: making exercises is for instructors, who have it.")
    find()
    for path in find(folders=("lessons",)):
        facts(path)
    wanted = {path: writes(read(path)) for path in find(folders=("lessons", "solutions"))}
    wanted |= {base / "exercises" / path.name: writes(exercise(path)) for path in find(folders=("solutions",))}
    changes = []
    for path, text in wanted.items():
        present = read_text(path) if path.exists() else ""
        if present == text:
            continue
        kind = ("updated" if present else "made") if path.parent.name == "exercises" else "normal form"
        edited = kind == "updated" and _edited(path)
        if check:
            print(_diff(relative(path), present, text))
            changes.append(Change(path, kind))
            continue
        kept = _keep(path, present) if edited else None
        write_text(path, text)
        changes.append(Change(path, kind, kept))
        print(changes[-1])
    if check and changes:
        print(f"{len(changes)} of {len(wanted)} files differ; `course sync` brings them into step.")
    elif not changes:
        print(f"All {len(wanted)} files are in step.")
    return changes


def _clear(notebook: NotebookNode, path: Path) -> list[str]:
    """Clear the answers in place; return the lines of the answer cells that are gone."""
    try:
        from nbgrader.preprocessors import ClearSolutions
    except ImportError:
        raise CourseError("Making exercises needs nbgrader: pip install -e '.[dev]'") from None
    before = copy.deepcopy(notebook)
    clear = ClearSolutions(code_stub={"python": STUB}, log=logging.getLogger("course.quiet"))
    clear.log.setLevel(logging.CRITICAL + 1)
    try:
        clear.preprocess(notebook, {})
    except RuntimeError as error:
        raise CourseError(f"{relative(path)}: {error}") from error
    for old, new in zip(before.cells, notebook.cells, strict=True):
        if old.source != new.source:  # an unindented stub needs no body, and would show "Ellipsis" below the cell
            new.source = re.sub(r"(?m)^# YOUR CODE HERE\n\.\.\.$", "# YOUR CODE HERE", new.source)
    return [
        line
        for old, new in zip(before.cells, notebook.cells, strict=True)
        if old.source != new.source
        for line in old.source.splitlines()
        if line not in new.source.splitlines()
    ]


def _regions(path: Path) -> list[tuple[int, str]]:
    """The (number, text) of each line between markers. Raises CourseError where markers do not pair."""
    found, opened, solution_cell = [], 0, False
    lines = read_text(path).split("\n")
    for number, line in enumerate([*lines, "# %%"], start=1):
        where = f"{relative(path)}, line {opened or number}"
        if MARKER.match(line):
            if opened:
                raise CourseError(f"{where}: `### {BEGIN}` is not closed; end it with `### {END}` in the same cell.")
            solution_cell = '"solution": true' in line or '"solution":true' in line
        elif BEGIN in line:
            if opened:
                raise CourseError(f"{where}: `### {BEGIN}` is not closed before the next one, in line {number}.")
            if not solution_cell:
                raise CourseError(
                    f"{where}: an answer outside an answer cell; give the cell nbgrader metadata with "
                    '"solution": true and a "grade_id".'
                )
            opened = number
        elif END in line:
            if not opened:
                raise CourseError(f"{where}: `### {END}` without a `### {BEGIN}` before it in the cell.")
            opened = 0
        elif opened:
            found.append((number, line))
    return found


def _refuse_leaks(notebook: NotebookNode, answers: list[str], path: Path) -> None:
    """No telling line of an answer may stand anywhere in the exercise, in text or metadata."""
    secret = telling(answers)
    for cell in notebook.cells:
        hidden = json.dumps({key: value for key, value in cell.metadata.items() if key not in NOISE})
        found = leaked(secret, cell.source) or sorted(line for line in secret if json.dumps(line)[1:-1] in hidden)
        if found:
            begins = (cell.source.strip().splitlines() or ["(empty)"])[0]
            raise CourseError(
                f"{relative(path)}: the answer's line `{found[0]}` can also be read outside the answer, in the cell "
                f"that begins `{begins}`."
            )
    if json.dumps(notebook.metadata.course).find(BEGIN) >= 0:
        raise CourseError(f"{relative(path)}: the header holds a solution marker.")


def _refuse_invalid(cell: NotebookNode, number: int, path: Path) -> None:
    from IPython.core.inputtransformer2 import TransformerManager

    try:
        compile(TransformerManager().transform_cell(cell.source), path.name, "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    except SyntaxError as error:
        raise CourseError(
            f"{relative(path)}: without its answer, code cell {number} is not valid Python ({error.msg}: "
            f"{(error.text or '').strip()!r}); put whole statements between the markers."
        ) from error


def _diff(name: str, present: str, wanted: str) -> str:
    lines = difflib.unified_diff(
        present.splitlines(), wanted.splitlines(), name, f"{name} (after course sync)", lineterm=""
    )
    return "\n".join(lines)


def _edited(path: Path) -> bool:
    """Whether an exercise differs from what was generated; one whose header is gone or broken counts as edited."""
    try:
        notebook = read(path)
        return notebook.metadata["course"]["digest"] != digest(notebook)
    except (CourseError, KeyError, TypeError):
        return True


def _keep(path: Path, text: str) -> Path:
    # A folder of its own, so that `find` meets notebooks only; git ignores it.
    stamp = datetime.now().strftime("%Y%m%d-%H%M%S-%f")
    kept = path.parent / "edited" / f"{path.stem}.{stamp}.py"
    write_text(kept, text)
    return kept
