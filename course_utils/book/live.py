"""Explorers on a page that is no lesson: code cells in Markdown, run here and now, with their widgets' state kept.

A widget needs no kernel to tell its state, and a page with one then needs none to show it.
"""

import ast
import json
from typing import Any

import jupytext
import nbformat
from nbformat import NotebookNode

from course_utils.errors import CourseError
from course_utils.notebooks.text import set_ids

CELL = "```{code-cell}"
VIEW, STATE = "application/vnd.jupyter.widget-view+json", "application/vnd.jupyter.widget-state+json"
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python", "pygments_lexer": "ipython3"},
}


def has_cells(text: str) -> bool:
    """Whether a Markdown page holds code cells."""
    return any(line.startswith(CELL) for line in text.splitlines())


def notebook(text: str, name: str) -> NotebookNode:
    """The page as a notebook, each cell run in this process, with the widget that its last line is.

    Raises CourseError, with page and cell, where a cell fails or ends with anything but a widget.
    """
    from ipywidgets.embed import dependency_state

    page = jupytext.reads(text, "md:myst")
    page.metadata = nbformat.from_dict(METADATA)
    namespace: dict[str, Any] = {"__name__": "__main__"}
    cells = [cell for cell in page.cells if cell.cell_type == "code"]
    widgets = [_run(cell.source, namespace, f"{name}, cell {n}") for n, cell in enumerate(cells, start=1)]
    for cell, widget in zip(cells, widgets, strict=True):
        view = {"version_major": 2, "version_minor": 0, "model_id": widget.model_id}
        data = {VIEW: view, "text/plain": type(widget).__name__}
        cell.outputs = [nbformat.v4.new_output("display_data", data)]
    state = {"version_major": 2, "version_minor": 0, "state": dependency_state(widgets, drop_defaults=False)}
    page.metadata["widgets"] = nbformat.from_dict({STATE: state})
    # Ids are random; the same page has to be the same text.
    set_ids(page)
    made = nbformat.writes(page)
    for number, model in enumerate(state["state"]):
        made = made.replace(model, f"explorer-{number}")
    for widget in widgets:
        widget.close()
    return nbformat.reads(made, as_version=4)


def _run(source: str, namespace: dict[str, Any], where: str) -> Any:
    from ipywidgets import DOMWidget

    try:
        tree = ast.parse(source)
        last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
        exec(compile(tree, where, "exec"), namespace)
        value = eval(compile(ast.Expression(last.value), where, "eval"), namespace) if last else None
    except Exception as error:
        raise CourseError(f"{where}: {type(error).__name__}: {error}") from error
    if not isinstance(value, DOMWidget):
        raise CourseError(f"{where}: a cell of a page ends with an explorer, and this one with {json.dumps(source)}.")
    return value
