"""Notebooks as tests: `pytest lessons/day_02_convolution.py` executes one, and a failure names its cell.

The course's own runner executes every notebook once for all tests, those of the book and of the exercises included.
What it leaves in RUNS is taken up by the next run of the tests, while neither the notebook nor the library changes.
"""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import nbformat
import pytest
from nbformat import NotebookNode

from course_utils import notebooks, runner
from course_utils.errors import CourseError
from course_utils.notebooks.figures import untold
from course_utils.profiles import NAMES, choose
from course_utils.runner.failure import own

FOLDERS = ("lessons", "solutions", "exercises")
RUNS = Path("build") / "test-run"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--profile", choices=NAMES, default="smoke", help="the profile in which notebooks are executed")


def pytest_configure(config: pytest.Config) -> None:
    try:
        choose(config.getoption("--profile"))
    except CourseError as error:
        raise pytest.UsageError(str(error)) from None


@pytest.fixture
def executed(pytestconfig: pytest.Config) -> Callable[[Path], NotebookNode]:
    """`executed(path)` is a notebook of this repository with its outputs; the test fails if the notebook does."""
    return lambda path: _executed(path, pytestconfig)


@pytest.fixture(scope="session")
def runs(pytestconfig: pytest.Config) -> Path:
    """The folder that keeps what the tests executed."""
    return pytestconfig.rootpath / RUNS


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> "NotebookFile | None":
    if parent.session.isinitpath(file_path):
        return None  # pytest takes a py file named on its command line for a module, and asks below
    return _notebook(file_path, parent)


def pytest_pycollect_makemodule(module_path: Path, parent: pytest.Collector) -> "NotebookFile | None":
    return _notebook(module_path, parent)


def _notebook(path: Path, parent: pytest.Collector) -> "NotebookFile | None":
    if path.suffix == ".py" and path.parent in [parent.config.rootpath / name for name in FOLDERS]:
        return NotebookFile.from_parent(parent, path=path)
    return None


class NotebookFile(pytest.File):
    """A py notebook, which is one test."""

    def collect(self) -> Iterator["Run"]:
        yield Run.from_parent(self, name="runs through")


class Run(pytest.Item):
    """Executes the notebook; each of its figures has to say in words what it shows."""

    def runtest(self) -> None:
        notebook = _executed(self.path, self.config)
        for number, cell in enumerate(filter(own, notebooks.code_cells(notebook)), start=1):
            for fault in (fault for output in cell.outputs for fault in untold(output)):
                pytest.fail(f"{self.path.name}, cell {number}: {fault}", pytrace=False)


def _executed(path: Path, config: pytest.Config) -> NotebookNode:
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    out = config.rootpath / RUNS
    try:
        report = runner.run([path], profile=config.getoption("--profile"), jobs=workers, out=out)
    except CourseError as error:
        pytest.fail(str(error), pytrace=False)
    if report.failed:
        pytest.fail(report.failed[0].sentence(), pytrace=False)
    return nbformat.read(out / f"{report.results[0].name}.ipynb", as_version=4)
