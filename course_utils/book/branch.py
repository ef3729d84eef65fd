"""`course publish OUT`: the folder that becomes the branch which Colab and Binder open.

It holds lessons and exercises as notebooks that were not executed, and the library as students have it. No answer is in
it: what was made is searched for answers before it is put in place.
"""

import shutil
import tempfile
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from course_utils import notebooks
from course_utils.book import contents, links
from course_utils.bundle.folder import put, write_shared
from course_utils.bundle.leaks import search
from course_utils.bundle.library import Library
from course_utils.notebooks.text import set_ids
from course_utils.paths import root

# `%pip` inside an `if` works: IPython sees a line's own magic.
INSTALL = """# Google Colab has no copy of the course's library: this installs it there, and does nothing elsewhere.
import sys

if "google.colab" in sys.modules:
    %pip install --quiet "git+{repository}@{branch}\""""
README = """# Notebooks of the course, made for Colab and Binder

Lessons and exercises as they are before anybody ran them, with the library that they use. Everything here is made by a
machine from [the course itself]({repository}), which is the place to read, to install from, and to report a fault.
"""


def make_branch(out: Path) -> Path:
    """Make or update the folder; returns it.

    The same course gives the same bytes, so that a push changes only what was changed. Raises CourseError for a folder
    that holds anything else, for edited files, and, before anything is written, for an answer in what would be written.
    """
    out = Path(out).absolute()
    with tempfile.TemporaryDirectory(prefix="course-branch-") as made:
        folder, library = Path(made), Library(sealed=True)
        write_shared(folder, library)
        _write(folder)
        search(folder, library)
        put(folder, out)
    return out


def _write(folder: Path) -> None:
    base, repository = root(), contents.repository()
    paths = notebooks.find(folders=("lessons", "exercises"))
    pages = {path.relative_to(base).as_posix(): f"{path.parent.name}/{path.stem}.ipynb" for path in paths}
    install = INSTALL.format(repository=repository, branch=contents.branch())
    for path in paths:
        name = path.relative_to(base).as_posix()
        notebook = _for_colab(notebooks.read(path), install)
        for cell in notebook.cells:
            if cell.cell_type == "markdown":
                cell.source = links.rewrite(cell.source, name, pages, base, repository)
        notebooks.write(notebook, folder / pages[name])
    shutil.copytree(base / ".binder", folder / ".binder")
    (folder / "README.md").write_text(README.format(repository=repository), encoding="utf-8")


def _for_colab(notebook: NotebookNode, install: str) -> NotebookNode:
    notebook.metadata.pop("jupytext", None)  # an ipynb of its own: nothing to keep in step with
    notebook.cells.insert(0, nbformat.v4.new_code_cell(install))
    set_ids(notebook)
    return notebook
