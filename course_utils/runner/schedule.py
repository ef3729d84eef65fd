"""Many notebooks: resolve the profile, take up what an earlier run finished, run the rest, report."""

import os
import tempfile
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from threading import Event

from filelock import FileLock, Timeout
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from course_utils import notebooks
from course_utils.errors import CourseError
from course_utils.notebooks.facts import read_text, relative
from course_utils.notebooks.text import parameters_cell
from course_utils.paths import root
from course_utils.profiles import Profile, choose
from course_utils.runner import record as recording
from course_utils.runner import result as results_module
from course_utils.runner.execute import Stopped, Task, execute
from course_utils.runner.report import write_report
from course_utils.runner.result import Report, Result


def run(
    paths: Iterable[Path],
    profile: str = "auto",
    jobs: int = 1,
    record: bool = False,
    seeds: int = 1,
    out: Path | None = None,
    fresh: bool = False,
    console: Console | None = None,
) -> Report:
    """Execute notebooks, each in its own process and working folder, and write a report.

    jobs: how many at the same time, each with its part of the cores; seeds: each notebook runs with SEED 0 to
    seeds - 1; record: write the lessons' measured results under results/; out: folder of the report and the executed
    notebooks, `build/run` if None, which several runs may share; fresh: execute also what passed before and has not
    changed since. Every fault of the request is raised (CourseError) before the first notebook starts. Ctrl-C ends all
    kernels, keeps what is finished, and is raised again.
    """
    console = console or Console(highlight=False, soft_wrap=True)
    out = (Path(out) if out else root() / "build" / "run").resolve()
    chosen, tasks = _plan(list(paths), profile, seeds, record)
    _writable(out)
    kept = {} if fresh else {task.blank: results_module.load(task.blank, out) for task in tasks}
    results = {task.blank: found for task in tasks if (found := kept.get(task.blank))}
    left = [task for task in tasks if task.blank not in results]
    console.print(str(chosen), markup=False)
    if results:
        console.print(
            f"{len(results)} of {len(tasks)} passed before and have not changed: not executed again (--fresh does)."
        )
    try:
        results |= _execute_all(left, out, jobs, fresh, console)
    except KeyboardInterrupt:
        # What was running left no result; what finished is on disk.
        finished = sum(results_module.load(task.blank, out) is not None for task in tasks)
        console.print(
            f"Interrupted: {finished} of {len(tasks)} have passed and are kept; the same command does the rest."
        )
        raise
    report = write_report([results[task.blank] for task in tasks], chosen, out)
    for result in report.failed:
        console.print(f"✗ {result.sentence()}\n    whole output: {out / f'{result.name}.ipynb'}", markup=False)
    if record:
        written = recording.record(list(report.results))
        console.print("Recorded: " + (", ".join(map(relative, written)) or "nothing, since no lesson passed"))
    passed = len(report.results) - len(report.failed)
    console.print(f"{passed} of {len(report.results)} passed. Report: {report.html_path}", markup=False)
    return report


def _plan(paths: list[Path], asked: str, seeds: int, record: bool) -> tuple[Profile, list[Task]]:
    """The profile and the tasks, everything about them checked."""
    if not paths:
        raise CourseError("There are no notebooks to run.")
    facts = {path: notebooks.facts(path) for path in paths}
    sources = {path: notebooks.read(path) for path in paths}
    for path, source in sources.items():
        parameters_cell(source, path)
    profile = _resolve(asked, {name for fact in facts.values() for name in fact.data})
    if record:
        recording.refuse_smoke(profile)
    tasks = []
    for path in paths:
        text = read_text(path)
        for seed in range(seeds):
            blank = Result(
                notebook=relative(path),
                profile=profile.name,
                seed=seed,
                status="",
                seconds=0.0,
                budget_s=facts[path].budget_s[profile.name],
                peak_memory_mb=0.0,
                memory_mb=facts[path].memory_mb,
                key=results_module.key(text, profile.name, seed, record),
            )
            tasks.append(Task(path, sources[path], blank, record))
    return profile, tasks


def _resolve(asked: str, needed: set[str]) -> Profile:
    """`auto` is the machine's profile where the data is at hand, else smoke, which draws its sample."""
    profile = choose(asked)
    if asked != "auto" or os.environ.get("COURSE_PROFILE") or not needed:
        return profile
    from course_utils import data

    missing = sorted(name for name in needed if not data.at_hand(name))
    if not missing:
        return profile
    return Profile("smoke", f"{', '.join(missing)} not at hand (`course data status`), so sample data is used")


def _writable(out: Path) -> None:
    try:
        out.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=out):
            pass
    except OSError as error:
        raise CourseError(f"The output folder {out} cannot be written ({error.strerror}): choose another.") from error


@dataclass
class _Line:
    """A line of the progress display, made when its notebook starts."""

    progress: Progress
    task: Task
    id: int | None = None

    def update(self, cell: int) -> None:
        if self.id is None:
            seed = f" seed {self.task.blank.seed}" if self.task.blank.seed else ""
            self.id = self.progress.add_task(f"{self.task.blank.notebook}{seed}", total=self.task.cells)
        self.progress.update(self.id, completed=max(cell - 1, 0))

    def close(self) -> None:
        if self.id is not None:
            self.progress.remove_task(self.id)


def _execute_all(tasks: list[Task], out: Path, jobs: int, fresh: bool, console: Console) -> dict[Result, Result]:
    stop = Event()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("cells"))
    with Progress(*columns, TimeElapsedColumn(), console=console, transient=True) as progress:

        def one(task: Task) -> Result | None:
            if stop.is_set():
                return None
            line = _Line(progress, task)
            line.update(0)
            try:
                # Another run into the same folder may be at this notebook: what it leaves is taken up.
                with FileLock(out / f".{task.blank.name}.lock").acquire(cancel_check=stop.is_set):
                    if not fresh and (found := results_module.load(task.blank, out)):
                        return found
                    result = execute(task, out, jobs, stop, line.update)
                    results_module.save(result, out)
            except (Stopped, Timeout):
                return None
            finally:
                line.close()
            console.print(_summary(result), markup=False)
            return result

        with ThreadPoolExecutor(max_workers=jobs, thread_name_prefix="notebook") as pool:
            futures: dict[Result, Future[Result | None]] = {task.blank: pool.submit(one, task) for task in tasks}
            try:
                wait(futures.values())
            except KeyboardInterrupt:
                stop.set()
                pool.shutdown(wait=True, cancel_futures=True)
                raise
    return {blank: result for blank, future in futures.items() if (result := future.result())}


def _summary(result: Result) -> str:
    mark = "✓" if result.passed else "✗"
    seed = f" seed {result.seed}" if result.seed else ""
    slow = ", over its budget" if result.passed and result.seconds > result.budget_s else ""
    return (
        f"{mark} {result.notebook}{seed}: {result.status} in {result.seconds:.1f} s "
        f"(budget {result.budget_s:.0f} s{slow}), {result.peak_memory_mb:.0f} MB"
    )
