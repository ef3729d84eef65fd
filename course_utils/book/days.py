"""Executed notebooks as pages: a lesson as it ran, an exercise with its answers folded away."""

import ast
import copy

import nbformat
from IPython.core.inputtransformer2 import TransformerManager
from nbformat import NotebookNode

from course_utils.notebooks.exercises import BEGIN, END
from course_utils.notebooks.text import PARAMETERS, set_ids

INJECTED = "injected-parameters"
NOTE = """```{admonition} Solve it first
:class: tip
Below each task stands the cell as you get it; the answer and what follows from it are folded away. To write your own
and have it checked, open this page with the rocket above, or in JupyterLab on your machine.
```"""


def lesson_page(executed: NotebookNode) -> NotebookNode:
    """A lesson as it ran, its parameters folded away."""
    page = copy.deepcopy(executed)
    page.cells = [cell for cell in page.cells if INJECTED not in _tags(cell)]
    for cell in page.cells:
        if PARAMETERS in _tags(cell):
            _fold(cell, "hide-input", "the parameters")
    for key in ("jupytext", "papermill"):
        page.metadata.pop(key, None)
    set_ids(page)
    return page


def exercise_page(executed: NotebookNode, exercise: NotebookNode) -> NotebookNode:
    """The page of an exercise, from its executed solution and from the notebook that students get.

    Each answer cell becomes the cell that a student sees, then the answer, folded. What other cells print from an
    answer is folded too, except for the checks' cards.
    """
    page = lesson_page(executed)
    stubs = {_grading(cell)["grade_id"]: cell.source for cell in exercise.cells if _grading(cell).get("solution")}
    cells, answers = [], set()
    for cell in page.cells:
        if _grading(cell).get("solution"):
            cells.append(nbformat.v4.new_code_cell(stubs[_grading(cell)["grade_id"]], metadata={"tags": ["stub"]}))
            answers |= _defined(cell.source)
            cell.source = _without_markers(cell.source)
            _fold(cell, "hide-cell", "the answer")
        elif cell.cell_type == "code" and not _grading(cell).get("grade") and _used(cell.source) & answers:
            answers |= _defined(cell.source)
            _fold(cell, "hide-output", "what it prints")
        cells.append(cell)
    page.cells = [*cells[:1], nbformat.v4.new_markdown_cell(NOTE), *cells[1:]]
    set_ids(page)
    return page


def _fold(cell: NotebookNode, tag: str, what: str) -> None:
    cell.metadata["tags"] = [*_tags(cell), tag]
    cell.metadata["mystnb"] = {"code_prompt_show": f"Show {what}", "code_prompt_hide": f"Hide {what}"}


def _without_markers(source: str) -> str:
    lines = source.splitlines()
    return "\n".join(line for line in lines if line.strip() not in (f"### {BEGIN}", f"### {END}"))


def _defined(source: str) -> set[str]:
    """The names that a cell leaves behind."""
    found = set()
    for statement in _parse(source).body:
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(statement.name)  # what is assigned inside stays inside
        else:
            found |= {node.id for node in ast.walk(statement) if isinstance(node, ast.Name) and _stores(node)}
    return found


def _used(source: str) -> set[str]:
    return {node.id for node in ast.walk(_parse(source)) if isinstance(node, ast.Name) and not _stores(node)}


def _stores(name: ast.Name) -> bool:
    return isinstance(name.ctx, ast.Store)


def _parse(source: str) -> ast.Module:
    return ast.parse(TransformerManager().transform_cell(source))


def _grading(cell: NotebookNode) -> dict:
    return cell.metadata.get("nbgrader", {})


def _tags(cell: NotebookNode) -> list[str]:
    return list(cell.metadata.get("tags", []))
