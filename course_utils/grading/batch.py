"""A folder of submissions, graded: what changed since the last time, with progress, and nothing finished is lost."""

import contextlib
import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from course_utils.errors import CourseError
from course_utils.grading import gradebook, nbgrader, pages, submissions, summary, workers
from course_utils.grading.examiner import Examiner, Settings
from course_utils.grading.results import Result
from course_utils.grading.store import Store, writing
from course_utils.grading.submissions import Found, Submission
from course_utils.grading.workers import Factory, Task
from course_utils.profiles import NAMES as PROFILES

LINES = 20  # that a batch writes about its progress where there is no terminal
SHOWN = 10  # of what was left out; the summary has all


@dataclass(frozen=True)
class Report:
    """What a batch did. unfit: files that could not be graded, with a reason each; seconds: in all."""

    out: Path
    graded: int
    kept: int
    unfit: int
    skipped: tuple[str, ...]
    seconds: float
    median_seconds: float
    sandboxed: bool


def grade(
    folder: Path,
    out: Path,
    settings: Settings,
    *,
    seed_file: Path | None = None,
    day: int | None = None,
    jobs: int = 1,
    cluster: str | None = None,
    fresh: bool = False,
    database: Path | None = None,
    console: Console | None = None,
    factory: Factory = Examiner,
) -> Report:
    """Grade the submissions below `folder` and write results, gradebook, pages and summary into `out`.

    seed_file: holds the secret that inputs are drawn from, by default `out`/seed; made on first use. day: the only one
    to grade. jobs: processes on this machine; cluster: address of a Dask scheduler instead. fresh: grade also what has
    not changed. database: nbgrader's, to write the scores to. Raises CourseError before anything is graded if the
    request or the sandbox is at fault. Ctrl-C keeps and publishes what is finished, and is raised again.
    """
    console = console or Console(highlight=False, soft_wrap=True)
    if settings.profile not in PROFILES:
        raise CourseError(f"There is no profile {settings.profile!r}: choose one of {', '.join(PROFILES)}.")
    if settings.questions and not settings.questions.is_file():
        raise CourseError(f"There is no file {settings.questions} with questions.")
    store = Store(Path(out))
    found = submissions.find(folder, leave_out=(store.out,))
    if not found.submissions:
        more = f" ({found.skipped[0]})" if found.skipped else ""
        raise CourseError(
            f"There is no submission in {folder}{more}: they are named student/day_02_slug.ipynb or "
            "student_day_02_slug.ipynb."
        )
    settings = replace(settings, seed=store.open(Path(folder), settings.questions, seed_file))
    examiner = factory(settings)
    with contextlib.closing(examiner):
        days = examiner.days()
        listed = ", ".join(map(str, days))
        if day is not None and day not in days:
            raise CourseError(f"Day {day} cannot be graded: the days with an exercise and questions are {listed}.")
        found = _gradable(found, days, listed)
        asked = [one for one in found.submissions if day in (None, one.day)]
        if not asked:
            raise CourseError(f"There is no submission for {f'Day {day}' if day else f'Days {listed}'} in {folder}.")
        batch = _Batch(Path(folder), store, examiner, factory, found, console)
        left = batch.sort_out(asked, fresh)
        report = batch.run(left, len(asked), jobs, cluster)
    if database:
        names = nbgrader.exercise_names(settings.root, settings.questions)
        written = nbgrader.export(database, store.students(found.submissions), names)
        console.print(f"nbgrader: {written} submissions written to {database}.", markup=False)
    return report


def tell(report: Report, console: Console | None = None) -> None:
    """Say on the terminal what a batch did and where it is."""
    console = console or Console(highlight=False, soft_wrap=True)
    table = Table(show_header=False)
    table.add_row("graded", str(report.graded))
    table.add_row("kept from before", str(report.kept))
    table.add_row("not gradable, scored 0", str(report.unfit))
    table.add_row("left out", str(len(report.skipped)))
    if report.graded:
        table.add_row("seconds in all", f"{report.seconds:.1f}")
        table.add_row("seconds a submission (median)", f"{report.median_seconds:.2f}")
    console.print(table)
    for line in report.skipped[:SHOWN]:
        console.print(f"Left out: {line}", markup=False)
    if len(report.skipped) > SHOWN:
        console.print(f"… and {len(report.skipped) - SHOWN} more, in the summary.")
    console.print(f"Summary: {report.out / 'summary.html'}; feedback pages: {report.out / 'feedback'}", markup=False)
    if not report.sandboxed:
        console.print("These scores were made without the sandbox: every page says so.")


@dataclass
class _Batch:
    """One run. The counts are for the report."""

    folder: Path
    store: Store
    examiner: Examiner
    factory: Factory
    found: Found
    console: Console
    kept: int = 0
    unfit: int = 0
    seconds: list[float] = field(default_factory=list)

    @property
    def graded(self) -> int:
        return len(self.seconds)

    def sort_out(self, asked: list[Submission], fresh: bool) -> list[Submission]:
        """What is left to grade. What cannot be read has its result at once, and what has not changed keeps its own."""
        left = []
        for one in sorted(asked, key=lambda one: one.day):  # a change of the day restarts the examiner's servers
            data, problem = submissions.read(self.folder, one)
            if problem:
                self.unfit += 1
                self._save(one, self.examiner.nothing(one.student, one.day, one.file, problem))
                continue
            known = None if fresh else self.store.load(one.student, one.day)
            if known and known.fingerprint == self.examiner.fingerprint(one.student, one.day, one.file, data):
                self.kept += 1
                self.unfit += bool(known.reason)
                if known.notes != one.notes:
                    self._save(one, known)
            else:
                left.append(one)
        return left

    def run(self, left: list[Submission], asked: int, jobs: int, cluster: str | None) -> Report:
        """Grade the rest and publish, also when interrupted."""
        if self.kept:
            self.console.print(f"{self.kept} of {asked} have not changed and keep their scores (--fresh grades again).")
        start = time.monotonic()
        try:
            if left:
                self._grade(left, jobs, cluster)
        except (KeyboardInterrupt, CourseError):
            self.console.print(
                f"Stopped: {self.graded} of {len(left)} are graded and kept; the same command does the rest."
            )
            if self.graded:
                self._publish()
            raise
        report = Report(
            self.store.out,
            self.graded,
            self.kept,
            self.unfit,
            self.found.skipped,
            time.monotonic() - start,
            statistics.median(self.seconds or [0.0]),
            not self.examiner.settings.unsafe,
        )
        self._publish()
        return report

    def _grade(self, left: list[Submission], jobs: int, cluster: str | None) -> None:
        by_name = {(one.student, one.day): one for one in left}
        jobs = min(jobs, len(left))
        with _progress(self.console, len(left)) as advance:
            if cluster:
                results = workers.on_cluster(self.examiner, self.factory, self._tasks(left), cluster)
            elif jobs > 1:
                results = workers.in_processes(self.examiner, self.factory, self._tasks(left), jobs)
            else:
                results = workers.here(self.examiner, self._tasks(left))
            with contextlib.closing(results):
                for result in results:
                    self._save(by_name[result.student, result.day], result)
                    self.seconds.append(result.seconds)
                    self.unfit += bool(result.reason)
                    advance()

    def _tasks(self, left: list[Submission]) -> Iterator[Task]:
        """One file in memory at a time."""
        for one in left:
            data, _ = submissions.read(self.folder, one)  # gone since: it is no notebook then, which the examiner says
            yield Task(one.student, one.day, one.file, data)

    def _save(self, one: Submission, result: Result) -> None:
        self.store.save(replace(result, notes=one.notes))

    def _publish(self) -> None:
        """Write what people read, from the results on disk."""
        files, skipped = self.found.submissions, list(self.found.skipped)
        if left_over := self.store.left_over(files):
            skipped.append(f"{left_over} results in {self.store.out / 'results'} belong to no file any more: left out.")
        with writing(self.store.out):
            gradebook.write(self.store.out, self.store.students(files))
            pages.write(self.store.out, self.store.students(files))
            summary.write(self.store.out, self.store.students(files), skipped)


def _gradable(found: Found, days: list[int], listed: str) -> Found:
    fit = tuple(one for one in found.submissions if one.day in days)
    unfit = (
        f"{one.file}: Day {one.day} is none of the days that can be graded ({listed})."
        for one in found.submissions
        if one.day not in days
    )
    return Found(fit, (*found.skipped, *unfit))


@contextlib.contextmanager
def _progress(console: Console, total: int) -> Iterator:
    """A bar on a terminal, else some lines in all. Gives the function to call after each submission."""
    if console.is_terminal:
        columns = (TextColumn("Grading"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with Progress(*columns, console=console) as bar:
            task = bar.add_task("", total=total)
            yield lambda: bar.advance(task)
        return
    done, start = 0, time.monotonic()

    def advance() -> None:
        nonlocal done
        done += 1
        if done == total or done % max(1, total // LINES) == 0:
            spent = time.monotonic() - start
            console.print(f"{done} of {total} graded, about {spent / done * (total - done):.0f} s left")

    yield advance
