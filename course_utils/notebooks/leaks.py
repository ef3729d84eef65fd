"""Finding lines of an answer where no answer belongs."""

from collections.abc import Iterable
from pathlib import Path

from nbformat import NotebookNode

from course_utils.notebooks.text import read

TELLING = 20
"""A shorter line may well stand in the question too (`return x`), and gives nothing away."""


def telling(lines: Iterable[str]) -> set[str]:
    """The lines that give an answer away, without indentation: no comments, no imports, nothing short."""
    stripped = {line.strip() for line in lines}
    return {line for line in stripped if len(line) >= TELLING and not line.startswith(("#", "import ", "from "))}


def leaked(secret: set[str], text: str) -> list[str]:
    """Which of the telling lines stand in a text, in alphabetical order."""
    return sorted(secret & {line.strip() for line in text.splitlines()})


def answers(solution: Path, exercise: Path) -> dict[str, list[str]]:
    """By grade_id, the lines of the answers in a solution file that its exercise file does not have."""
    released = {cell.metadata.nbgrader.grade_id: cell.source for cell in _answer_cells(exercise)}
    return {
        cell.metadata.nbgrader.grade_id: [
            line
            for line in cell.source.splitlines()
            if line not in released.get(cell.metadata.nbgrader.grade_id, "").splitlines()
        ]
        for cell in _answer_cells(solution)
    }


def _answer_cells(path: Path) -> list[NotebookNode]:
    return [cell for cell in read(path).cells if cell.metadata.get("nbgrader", {}).get("solution")]
