"""py:percent ↔ notebook, by jupytext, in one normal form.

The normal form makes the round trip py → ipynb → py the identity, and saving from JupyterLab changes nothing that was
not edited: the header keeps the `course` facts and no version of jupytext, metadata is sorted as nbformat sorts it, and
the spacing between cells is jupytext's own.
"""

import copy
import hashlib
import os
import re
import tempfile
from pathlib import Path
from typing import Any

import jupytext
import nbformat
from jupytext.stringparser import StringParser
from nbformat import NotebookNode

from course_utils.errors import CourseError
from course_utils.notebooks.facts import metadata, read_text, relative

FORMAT = "py:percent"
KERNELSPEC = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
JUPYTEXT = {
    "formats": FORMAT,
    "notebook_metadata_filter": "course,-jupytext.text_representation.jupytext_version",
    "text_representation": {"extension": ".py", "format_name": "percent", "format_version": "1.3"},
}
# What JupyterLab notes about a cell's last display and jupytext about its spacing: no part of the course.
NOISE = {
    *("autoscroll", "collapsed", "scrolled", "trusted", "execution", "ExecuteTime"),
    *("cell_marker", "lines_to_next_cell", "lines_to_end_of_cell_marker", "skipline", "noskipline"),
}
MARKER = re.compile(r"#\s*%%+(\s|$)")  # not the `# %%time` of a commented magic
PARAMETERS = "parameters"


def read(path: Path) -> NotebookNode:
    """The notebook in a .py (py:percent) or .ipynb file, with cell ids that depend on the content only.

    Raises CourseError if the file is not a valid notebook.
    """
    path = Path(path)
    metadata(path)  # a broken header is explained here; jupytext would take it for a comment
    text = read_text(path)
    try:
        notebook = jupytext.reads(text, FORMAT) if path.suffix == ".py" else nbformat.reads(text, as_version=4)
        notebook.metadata.setdefault("kernelspec", nbformat.from_dict(KERNELSPEC))
        set_ids(notebook)
        nbformat.validate(notebook)
    except Exception as error:  # jupytext and nbformat raise many kinds, all meaning the same to a reader
        reason = str(error).strip().split("\n")[0]
        raise CourseError(f"{relative(path)} is not a valid notebook: {reason}") from error
    return notebook


def writes(notebook: NotebookNode) -> str:
    """The notebook as py:percent text in normal form."""
    notebook = copy.deepcopy(notebook)
    course = notebook.metadata.get("course")
    notebook.metadata = nbformat.from_dict(
        {**({"course": course} if course else {}), "jupytext": JUPYTEXT, "kernelspec": KERNELSPEC}
    )
    for cell in notebook.cells:
        cell.metadata = nbformat.from_dict(
            _sorted({k: v for k, v in cell.metadata.items() if k not in NOISE and not (k == "tags" and not v)})
        )
    return jupytext.writes(notebook, FORMAT)


def write(notebook: NotebookNode, path: Path) -> None:
    """Write the notebook as .py or .ipynb, at once or not at all."""
    path = Path(path)
    text = writes(notebook) if path.suffix == ".py" else nbformat.writes(notebook, version=4) + "\n"
    write_text(path, text)


def write_text(path: Path, text: str) -> None:
    """Replace a file's text at once or not at all; folders are made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
        Path(name).chmod(path.stat().st_mode & 0o777 if path.exists() else 0o644)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def to_ipynb(path: Path, out: Path, **parameters: Any) -> Path:
    """Write a py notebook as ipynb, with parameters such as PROFILE="smoke" set where they are given."""
    notebook = read(path)
    write(with_parameters(notebook, path, **parameters) if parameters else notebook, out)
    return Path(out)


def with_parameters(notebook: NotebookNode, path: Path, **parameters: Any) -> NotebookNode:
    """A copy whose parameters cell ends with these assignments, so that no cell is added or moved."""
    notebook = copy.deepcopy(notebook)
    cell = parameters_cell(notebook, path)
    cell.source = "\n".join([cell.source, *(f"{name} = {value!r}" for name, value in parameters.items())])
    return notebook


def parameters_cell(notebook: NotebookNode, path: Path) -> NotebookNode:
    """The cell tagged `parameters`. Raises CourseError where none, or more than one, is."""
    found = [cell for cell in code_cells(notebook) if PARAMETERS in cell.metadata.get("tags", [])]
    if len(found) != 1:
        many = "no cell is" if not found else f"{len(found)} cells are"
        raise CourseError(
            f'{relative(Path(path))}: {many} tagged "{PARAMETERS}"; tag the one that sets PROFILE and SEED: '
            f'# %% tags=["{PARAMETERS}"]'
        )
    return found[0]


def code_cells(notebook: NotebookNode) -> list[NotebookNode]:
    """The code cells in order; the n-th, counted from 1, is the cell n of reports: In [n] of a run from the top."""
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def cell_lines(path: Path, notebook: NotebookNode) -> list[int]:
    """For each code cell of a py notebook, the line of the file on which its source begins; [] if unknown."""
    if path.suffix != ".py":
        return []
    starts, quotes = [], StringParser("python")
    for number, line in enumerate(read_text(path).splitlines(), start=1):
        if MARKER.match(line) and not quotes.is_quoted():
            starts.append(number + 1)
        quotes.read_line(line)
    if len(starts) != len(notebook.cells):
        return []
    return [start for start, cell in zip(starts, notebook.cells, strict=True) if cell.cell_type == "code"]


def set_ids(notebook: NotebookNode) -> None:
    """Give each cell an id made from its content, so that generated files do not churn."""
    seen: dict[str, int] = {}
    for cell in notebook.cells:
        content = f"{cell.cell_type}\n{cell.source}"
        seen[content] = seen.get(content, 0) + 1
        cell.id = hashlib.sha256(f"{content}\n{seen[content]}".encode()).hexdigest()[:12]
    notebook.nbformat, notebook.nbformat_minor = 4, max(notebook.nbformat_minor, 5)


def _sorted(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _sorted(value[key]) for key in sorted(value)}
    return [_sorted(item) for item in value] if isinstance(value, list) else value
