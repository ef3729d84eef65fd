"""The folder that Sphinx reads: every page and every file that the book serves, written only where it changed."""

import shutil
from collections.abc import Iterable, Mapping
from fnmatch import fnmatch
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from course_utils import notebooks
from course_utils.book import contents, days, generated, links, live
from course_utils.errors import CourseError
from course_utils.notebooks.text import write_text
from course_utils.paths import root
from course_utils.runner import Report

STATIC = "static"  # a root folder `_static` would be put into every page, file by file
DAYS = "<!-- the days -->"


def stage(executed: Mapping[str, NotebookNode], report: Report, source: Path) -> None:
    """Bring the folder `source` up to date: pages, contents, settings, static files; nothing else is left in it.

    executed: notebooks by name without suffix, such as "lessons/day_02_convolution". Raises CourseError where the
    contents and the pages that there are disagree, and for a link that leads nowhere.
    """
    listed = contents.entries()
    contents.check_days(listed)
    files = dict(_files(listed, executed, report))
    for name in (contents.TOC, contents.CONFIG):
        files[name] = (root() / name).read_text(encoding="utf-8")
    statics = {f"{STATIC}/{name}": path for name, path in _statics()}
    for name, text in files.items():
        _put(source / name, text)
    for name, path in statics.items():
        _copy(path, source / name)
    for path in sorted(source.rglob("*"), reverse=True):
        if path.is_file() and path.relative_to(source).as_posix() not in {*files, *statics}:
            path.unlink()


def _files(listed: list[str], executed: Mapping[str, NotebookNode], report: Report) -> Iterable[tuple[str, str]]:
    """Name below the source, and text, of each page."""
    texts = {f"{name}.md": path.read_text("utf-8") for name in listed if (path := contents.page_path(name)).is_file()}
    texts |= generated.pages(executed, report)
    pages = {name: name for name in texts} | {name: _notebook(name) for name in texts if live.has_cells(texts[name])}
    for name in executed:
        pages[f"{name}.py"] = _notebook(name).replace("solutions/", "exercises/")
        pages[f"{name.replace('solutions/', 'exercises/')}.py"] = pages[f"{name}.py"]
    _refuse_missing(listed, {name.rsplit(".", 1)[0] for name in pages.values()})
    repository = contents.repository()

    def linked(text: str, name: str) -> str:
        return links.rewrite(text, name, pages, root(), repository)

    for name, text in texts.items():
        if DAYS in text:
            text = text.replace(DAYS, contents.days_tables())
        if name.endswith(".md"):
            text = linked(text, name)
        yield pages[name], nbformat.writes(live.notebook(text, name)) if pages[name] != name else text
    for name, notebook in executed.items():
        notebook, path = generated.prepare(notebook, name), root() / f"{name}.py"
        lesson = path.parent.name == "lessons"
        page = days.lesson_page(notebook) if lesson else days.exercise_page(notebook, notebooks.exercise(path))
        for cell in page.cells:
            if cell.cell_type == "markdown":
                cell.source = linked(cell.source, f"{name}.py")
        yield pages[f"{name}.py"], nbformat.writes(page)


def _notebook(name: str) -> str:
    return f"{name.removesuffix('.md')}.ipynb"


def _refuse_missing(listed: list[str], made: set[str]) -> None:
    for name in listed:
        if not any(fnmatch(page, name) for page in made):
            raise CourseError(f"{contents.TOC} lists {name}, and there is no such page: write it, or take it out.")


def _statics() -> Iterable[tuple[str, Path]]:
    """Name and origin of what the book serves besides its pages: its own styles and scripts."""
    own = root() / "book" / "static"
    yield from ((path.relative_to(own).as_posix(), path) for path in sorted(own.rglob("*")) if path.is_file())


def _put(path: Path, text: str) -> None:
    # Sphinx reads again what is newer than its page.
    if not path.is_file() or path.read_text(encoding="utf-8") != text:
        write_text(path, text)


def _copy(origin: Path, path: Path) -> None:
    if not path.is_file() or path.read_bytes() != origin.read_bytes():
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(origin, path)
