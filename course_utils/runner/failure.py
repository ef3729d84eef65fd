"""Reading an executed notebook: which cell failed, on which line, and why."""

import re
from pathlib import Path

from nbformat import NotebookNode

from course_utils.notebooks.text import cell_lines, read
from course_utils.runner.environment import GUARD_TAG
from course_utils.runner.result import Failure

ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
MAY_RAISE = "raises-exception"
PAPERMILL_MARK = "papermill-error-cell-tag"


def find_failure(executed: NotebookNode, source: Path) -> Failure | None:
    """The first failure in a notebook that papermill went through, or None if all of it ran.

    A cell tagged `raises-exception` may raise. A notebook that ends early without an error (`sys.exit()`) has failed.
    """
    number = 0
    for cell in executed.cells:
        if cell.cell_type != "code":
            continue
        tags = cell.metadata.get("tags", [])
        number += own(cell)
        errors = [output for output in cell.get("outputs", []) if output.output_type == "error"]
        if errors and MAY_RAISE not in tags:
            error = errors[0]
            trace = ANSI.sub("", "\n".join(error.traceback))
            line, text = _line(cell, trace, source, number if own(cell) else None)
            first = error.evalue.strip().split("\n")[0]
            return Failure(number if own(cell) else None, line, text, f"{error.ename}: {first}".rstrip(": "), trace)
        state = cell.metadata.get("papermill", {})
        if state.get("status") != "completed" or state.get("exception"):
            if MAY_RAISE in tags and errors:
                continue
            return at_cell(number, source, "the notebook ended here without an error that can be shown")
    return None


def at_cell(number: int, source: Path, error: str) -> Failure:
    """A failure known only by its cell: the time or memory budget, or the death of the kernel."""
    cells = [cell for cell in read(source).cells if cell.cell_type == "code"]
    if not 1 <= number <= len(cells):
        return Failure(None, None, "", error)
    starts = cell_lines(source, read(source))
    text = next((line for line in cells[number - 1].source.split("\n") if line.strip()), "")
    return Failure(number, starts[number - 1] if starts else None, text, error)


def own(cell: NotebookNode) -> bool:
    """Whether a code cell is the notebook's own: not the guard's, not the parameters that papermill puts in."""
    return not {GUARD_TAG, "injected-parameters"} & set(cell.metadata.get("tags", []))


def number_at(executed: NotebookNode, index: int) -> int:
    """The number, from 1, of the notebook's own code cell at or before an index into the executed cells."""
    return sum(cell.cell_type == "code" and own(cell) for cell in executed.cells[: index + 1])


def without_marks(executed: NotebookNode) -> NotebookNode:
    """Drop what execution added for itself: the guard's cell and papermill's error notes."""
    drop = {GUARD_TAG, PAPERMILL_MARK}
    executed.cells = [cell for cell in executed.cells if not drop & set(cell.metadata.get("tags", []))]
    return executed


def _line(cell: NotebookNode, trace: str, source: Path, number: int | None) -> tuple[int | None, str]:
    """Line of the py file and its text, from the frame of this cell in the traceback."""
    frames = re.findall(rf"Cell In\s?\[{cell.execution_count}\],? line (\d+)", trace)
    lines = cell.source.split("\n")
    if number is None:
        return None, ""
    # Without a frame of its own (an exception in a task, `sys.exit()`) the cell is named by its first line.
    within = int(frames[-1]) if frames and int(frames[-1]) <= len(lines) else 1
    starts = cell_lines(source, read(source))
    return (starts[number - 1] + within - 1 if starts else None), lines[within - 1]
