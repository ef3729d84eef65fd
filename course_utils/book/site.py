"""The staged sources made into a static site by Jupyter Book's Sphinx; a warning is an error."""

import shutil
from pathlib import Path

from course_utils.book.fonts import cut_icons
from course_utils.errors import CourseError


def make_site(source: Path, html: Path) -> None:
    """Write the site afresh into `html`; only sources that changed are read again.

    Every page is written, since each shows the contents of the whole book. Raises CourseError where Sphinx finds a
    fault, which it has printed.
    """
    try:
        from jupyter_book.sphinx import build_sphinx
    except ImportError:
        raise CourseError(
            "Building the book needs Jupyter Book: pip install -c requirements.lock -e '.[book]'"
        ) from None
    shutil.rmtree(html, ignore_errors=True)
    outcome = build_sphinx(
        source,
        html,
        noconfig=True,
        path_config=source / "_config.yml",
        confoverrides={"external_toc_path": str(source / "_toc.yml"), "latex_individualpages": False},
        doctreedir=html.parent / "doctrees",
        warningiserror=True,
        keep_going=True,
        force_all=True,
        quiet=True,
    )
    if outcome:
        raise CourseError(f"Sphinx found faults in the book, listed above; its sources lie in {source}.")
    cut_icons(html)
