"""Every page of the book that nobody writes by hand, from the checks, the results, the run and the library itself."""

from collections.abc import Mapping

from nbformat import NotebookNode

from course_utils.book import api, explorer_pages, results_page, times_page, topics_page, wrong_texts
from course_utils.paths import root
from course_utils.runner import Report


def pages(executed: Mapping[str, NotebookNode], report: Report) -> dict[str, str]:
    """Path below the book's source -> its text, MyST Markdown or, in *.rst, reStructuredText.

    executed: notebooks by name without suffix, such as "lessons/day_02_convolution"; report: of the run that made them.
    Raises CourseError where a record in `results/` or the run's report cannot be read.
    """
    results = root() / "results"
    return {
        "book/wrong_texts.md": wrong_texts.page(executed),
        "book/results.md": results_page.page(results, executed),
        "book/times.md": times_page.page(report, results, executed),
        "book/topics.md": topics_page.page(executed),
        **explorer_pages.pages(),
        **api.pages(),
    }


def prepare(notebook: NotebookNode, name: str) -> NotebookNode:
    """The executed notebook with what the generated pages link to, which is in lessons only. name: as in `pages`."""
    if not name.startswith("lessons/"):
        return notebook
    return wrong_texts.anchored(topics_page.anchored(notebook, name), name)
