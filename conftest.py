"""Notebooks as tests: `pytest lessons/day_02_convolution.py` runs its cells one by one, a test for each.

Who executes what, so that nothing is executed twice: nbval runs lessons/ and solutions/ here, so that a red test names
the cell; papermill, the runner's way, runs exercises/ in tests/test_exercises.py. Both use the same environment, guard
and budgets. Under xdist use `--dist loadfile`: a notebook's cells share one kernel.
"""

import os
import shutil
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from queue import Empty
from typing import Any
from unittest.mock import patch

import pytest
from nbval.kernel import CURRENT_ENV_KERNEL_NAME, RunningKernel
from nbval.plugin import IPyNbCell, IPyNbFile, find_comment_markers, find_metadata_tags

from course_utils import notebooks
from course_utils.errors import CourseError
from course_utils.notebooks import Facts
from course_utils.notebooks.figures import untold
from course_utils.profiles import NAMES, choose
from course_utils.runner.environment import ALLOWANCE, guarded, kernel_environment
from course_utils.runner.failure import own
from course_utils.runner.guard import EXTENSION

EXECUTED_HERE = ("lessons", "solutions")
KERNEL_START_S = 120


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--profile", choices=NAMES, default="smoke", help="the profile in which notebooks are executed")


def pytest_configure(config: pytest.Config) -> None:
    try:
        choose(config.getoption("--profile"))
    except CourseError as error:
        raise pytest.UsageError(str(error)) from None


@pytest.fixture
def course_profile(request: pytest.FixtureRequest) -> str:
    """The profile in which this session executes notebooks."""
    return request.config.getoption("--profile")


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> "NotebookFile | None":
    if parent.session.isinitpath(file_path):
        return None  # pytest takes a py file named on its command line for a module, and asks below
    return _notebook(file_path, parent)


def pytest_pycollect_makemodule(module_path: Path, parent: pytest.Collector) -> "NotebookFile | None":
    return _notebook(module_path, parent)


def _notebook(path: Path, parent: pytest.Collector) -> "NotebookFile | None":
    if path.suffix == ".py" and path.parent in [parent.config.rootpath / name for name in EXECUTED_HERE]:
        return NotebookFile.from_parent(parent, path=path)
    return None


class Kernel(RunningKernel):
    """nbval's kernel, which notices that its process has died instead of waiting for its answer."""

    def get_message(self, stream: str, timeout: float | None = None) -> dict[str, Any]:
        end = time.monotonic() + (timeout or float("inf"))
        while True:
            try:
                return super().get_message(stream, timeout=min(1.0, max(0.0, end - time.monotonic())))
            except Empty:
                if not self.is_alive():
                    raise RuntimeError("the kernel died in this cell") from None
                if time.monotonic() >= end:
                    raise


class NotebookFile(IPyNbFile):
    """A py notebook with its kernel, which works in a temporary folder."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.compare_outputs = False  # py files hold no outputs
        self.executed = 0
        self.broken = ""

    def collect(self) -> Iterator["Cell"]:
        try:
            self.facts: Facts = notebooks.facts(self.path)
            parameters = {"PROFILE": self.config.getoption("--profile"), "SEED": 0}
            self.nb = guarded(notebooks.with_parameters(notebooks.read(self.path), self.path, **parameters))
        except CourseError as error:
            raise self.CollectError(str(error)) from None
        for number, cell in enumerate(notebooks.code_cells(self.nb), start=1):
            options = defaultdict(bool, find_metadata_tags(cell.metadata))
            options.update(find_comment_markers(cell.source))
            options.setdefault("check", False)
            name = f"Cell {number}" if own(cell) else "after the last cell"
            yield Cell.from_parent(self, name=name, cell_num=number, cell=cell, options=options)

    def setup(self) -> None:
        profile = self.config.getoption("--profile")
        self.deadline = time.monotonic() + ALLOWANCE * self.facts.budget_s[profile]
        self.folder = Path(tempfile.mkdtemp(prefix="course-"))
        workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
        work = self.folder / "work"
        work.mkdir()
        with patch.dict(os.environ, kernel_environment(self.path.stem, profile, self.folder, workers), clear=True):
            self.kernel = Kernel(CURRENT_ENV_KERNEL_NAME, cwd=str(work), startup_timeout=KERNEL_START_S)
        self.setup_sanitize_files()
        self.kernel.await_reply(self.kernel.execute_cell_input(f"%load_ext {EXTENSION}"), timeout=KERNEL_START_S)

    def teardown(self) -> None:
        super().teardown()
        shutil.rmtree(self.folder, ignore_errors=True)


class Cell(IPyNbCell):
    """A code cell, numbered like In [n] of a run from the top."""

    def runtest(self) -> None:
        notebook = self.parent
        if notebook.broken:
            pytest.skip(f"{notebook.broken} failed before it")
        # Asked for one cell by its id, run those before it, which pytest has not selected.
        for cell in notebooks.code_cells(notebook.nb)[notebook.executed : self.cell_num - 1]:
            self._within_budget()
            notebook.kernel.await_reply(notebook.kernel.execute_cell_input(cell.source), timeout=self._left())
        notebook.executed = self.cell_num
        self._within_budget()
        self.config.option.nbval_cell_timeout = self._left()
        try:
            super().runtest()
        except Exception:
            notebook.broken = self.name
            raise
        if faults := [fault for output in self.test_outputs for fault in untold(output)]:
            pytest.fail(f"{self.name}: {'; '.join(faults)}", pytrace=False)

    def _left(self) -> float:
        return max(1.0, self.parent.deadline - time.monotonic())

    def _within_budget(self) -> None:
        if time.monotonic() > self.parent.deadline:
            self.parent.broken = self.name
            pytest.fail(f"{self.name} begins when the notebook's time budget and half of it are spent", pytrace=False)
