"""The steps of `course book`: execute the notebooks, stage the pages, let Sphinx write them."""

from pathlib import Path

import nbformat
from rich.console import Console

from course_utils import notebooks, runner
from course_utils.book.site import make_site
from course_utils.book.staging import stage
from course_utils.errors import CourseError
from course_utils.notebooks.text import write_text
from course_utils.paths import root

MARKER = ".course-book"


def build(
    out: Path | None = None, runs: Path | None = None, profile: str = "smoke", jobs: int = 1, fresh: bool = False
) -> Path:
    """Build the book and return the folder of its pages, `out/html`; what has not changed is not done again.

    out: a folder for everything that is made on the way, `build/book` if None; runs: the folder in which `course run`
    executes notebooks, `build/run` if None; profile, jobs: of the notebooks' execution; fresh: execute all of them
    again. Raises CourseError where a notebook fails, which the runner has printed with its cell, where a page is
    faulty, and for a folder with other things in it. Ctrl-C keeps what is finished.
    """
    console = Console(highlight=False, soft_wrap=True)
    out = (Path(out) if out else root() / "build" / "book").resolve()
    _own(out)
    runs = (Path(runs) if runs else root() / "build" / "run").resolve()
    paths = notebooks.find(folders=("lessons", "solutions"))
    report = runner.run(paths, profile=profile, jobs=jobs, fresh=fresh, out=runs, console=console)
    if report.failed:
        raise CourseError(f"The book is not built: {report.failed[0].sentence().splitlines()[0]}.")
    executed = {
        result.notebook.removesuffix(".py"): nbformat.read(runs / f"{result.name}.ipynb", as_version=4)
        for result in report.results
    }
    with console.status("Putting the pages together"):
        stage(executed, report, out / "source")
    with console.status("Writing the site; a change in one page takes seconds, all pages a minute"):
        make_site(out / "source", out / "html")
    console.print(f"The book: {out / 'html' / 'index.html'}", markup=False)
    return out / "html"


def _own(out: Path) -> None:
    """Make the folder, or see that it is of an earlier build: what is in it will be replaced."""
    try:
        if out.is_file() or (out.exists() and any(out.iterdir()) and not (out / MARKER).exists()):
            raise CourseError(f"{out} holds something else than a book: name a new or an empty folder.")
        write_text(out / MARKER, "Made by `course book`; everything here is replaced by the next build.\n")
    except OSError as error:
        raise CourseError(f"The folder {out} cannot be written ({error.strerror}): name another.") from error
