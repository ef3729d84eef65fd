"""One notebook: a papermill process in a temporary folder, its time and memory watched from outside."""

import contextlib
import dataclasses
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Any

import nbformat
import psutil
from nbformat import NotebookNode

from course_utils.notebooks import code_cells, write
from course_utils.notebooks.text import write_text
from course_utils.runner.environment import allowance_s, guarded, kernel_environment
from course_utils.runner.failure import at_cell, find_failure, number_at, without_marks
from course_utils.runner.result import Result

POLL_S = 0.2
MIB = 2**20


class Stopped(Exception):
    """The run was interrupted while this notebook was executing."""


@dataclass(frozen=True)
class Task:
    """A notebook to execute. blank: its result before anything is known."""

    path: Path
    source: NotebookNode
    blank: Result
    record: bool

    @property
    def cells(self) -> int:
        return len(code_cells(self.source))


def execute(task: Task, out: Path, jobs: int, stop: Event, progress: Callable[[int], None]) -> Result:
    """Execute a notebook and leave it as ipynb and HTML in `out`.

    jobs: kernels that share the cores; progress is told the number of the code cell that runs. Raises Stopped, with
    every process ended, when `stop` is set.
    """
    folder = Path(tempfile.mkdtemp(prefix="course-"))
    try:
        return _execute(task, folder, out, jobs, stop, progress)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _execute(task: Task, folder: Path, out: Path, jobs: int, stop: Event, progress: Callable[[int], None]) -> Result:
    blank, work = task.blank, folder / "work"
    work.mkdir()
    prepared = guarded(task.source)
    write(prepared, folder / "input.ipynb")
    job = {
        "input": str(folder / "input.ipynb"),
        "output": str(folder / "output.ipynb"),
        "progress": str(folder / "progress"),
        "parameters": {"PROFILE": blank.profile, "SEED": blank.seed},
    }
    write_text(folder / "job.json", json.dumps(job))
    environment = kernel_environment(task.path.stem, blank.profile, folder, jobs)
    environment.pop("COURSE_RECORD", None)
    if task.record:
        environment["COURSE_RECORD"] = str(folder / "record.jsonl")
    start = time.monotonic()
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "course_utils.runner.worker", str(folder / "job.json")],
            cwd=work,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            start_new_session=True,  # Ctrl-C reaches this process only, which then ends the others in order
        )
        watch = _Watch(psutil.Process(process.pid))
        status = "passed"
        try:
            while process.poll() is None:
                if stop.wait(POLL_S):
                    raise Stopped
                watch.look()
                progress(_current(folder, prepared))
                if time.monotonic() - start > allowance_s(blank.budget_s, jobs):
                    status = "over time"
                elif watch.peak_mb > blank.memory_mb:
                    status = "over memory"
                if status != "passed":
                    break
        finally:
            seconds = time.monotonic() - start
            watch.end()
            process.stdin.close()
            process.wait()
    result = dataclasses.replace(
        blank, status=status, seconds=round(seconds, 2), peak_memory_mb=round(watch.peak_mb), recorded=_records(folder)
    )
    return _judge(result, task, folder, out, jobs, prepared, process.returncode)


def _judge(
    result: Result, task: Task, folder: Path, out: Path, jobs: int, prepared: NotebookNode, exit_code: int
) -> Result:
    """Add what the executed notebook says, and keep it as ipynb and HTML."""
    executed = prepared
    with contextlib.suppress(OSError, ValueError):  # absent, or cut off by the end of its process
        executed = nbformat.read(folder / "output.ipynb", as_version=4)
    current, failure = _current(folder, prepared), None
    if result.status == "over time":
        failure = at_cell(
            current,
            task.path,
            f"took longer than {allowance_s(result.budget_s, jobs):.0f} s; its budget is {result.budget_s:.0f} s",
        )
    elif result.status == "over memory":
        failure = at_cell(
            current, task.path, f"held {result.peak_memory_mb:.0f} MB, more than its {result.memory_mb:.0f} MB"
        )
    elif exit_code == 0:
        failure = find_failure(executed, task.path)
        result = dataclasses.replace(result, status="failed" if failure else "passed")
    else:
        log = (folder / "log").read_text(encoding="utf-8", errors="replace").strip()
        last = log.split("\n")[-1] or f"its process ended with {exit_code}"
        failure = dataclasses.replace(at_cell(current, task.path, last), traceback=log)
        result = dataclasses.replace(result, status="died")
    executed = without_marks(executed)
    write(executed, out / f"{result.name}.ipynb")
    write_text(out / f"{result.name}.html", _html(executed, result.notebook))
    return dataclasses.replace(result, failure=failure)


class _Watch:
    """Every process below the worker that was ever seen, and the most memory that they held together."""

    def __init__(self, worker: psutil.Process) -> None:
        self.worker = worker
        self.seen: set[psutil.Process] = set()
        self.peak_mb = 0.0

    def look(self) -> None:
        with contextlib.suppress(psutil.NoSuchProcess):
            self.seen |= set(self.worker.children(recursive=True))
        held = 0
        for process in list(self.seen):
            with contextlib.suppress(psutil.Error):
                # Forked workers share pages with the kernel: count each page once where the system tells (Linux).
                full = process.memory_full_info()
                held += getattr(full, "pss", full.rss)
        self.peak_mb = max(self.peak_mb, held / MIB)

    def end(self) -> None:
        """End them all: the kernel leads a process group of its own, and may have started others."""
        self.look()
        every = [self.worker, *self.seen]
        for process in every:
            with contextlib.suppress(psutil.Error):
                process.kill()
        psutil.wait_procs(every, timeout=10)


def _current(folder: Path, prepared: NotebookNode) -> int:
    """Number of the code cell that runs, 0 before the first."""
    try:
        index = int((folder / "progress").read_text())
    except (OSError, ValueError):
        return 0
    cells = prepared.cells
    injected = next((i for i, cell in enumerate(cells) if "parameters" in cell.metadata.get("tags", [])), len(cells))
    return number_at(prepared, index - 1 if index > injected else index)


def _records(folder: Path) -> tuple[dict[str, Any], ...]:
    file = folder / "record.jsonl"
    if not file.exists():
        return ()
    return tuple(json.loads(line) for line in file.read_text(encoding="utf-8").splitlines() if line.strip())


def _html(executed: NotebookNode, title: str) -> str:
    """The executed notebook as one page that loads nothing from elsewhere."""
    from nbconvert import HTMLExporter

    exporter = HTMLExporter(
        template_name="lab", require_js_url="", jquery_url="", mathjax_url="", mermaid_js_url="", embed_images=True
    )
    return exporter.from_notebook_node(executed, resources={"metadata": {"name": title}})[0]
