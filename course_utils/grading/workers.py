"""Who grades: this process, several, or a Dask cluster. The results are the same; a lost process costs time only."""

import errno
import multiprocessing
import signal
import sys
import threading
import traceback
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path

from course_utils.errors import CourseError
from course_utils.grading.examiner import Examiner, Settings
from course_utils.grading.results import Result

Factory = Callable[[Settings], Examiner]
TRIES = 3
LOST = f"Grading this file ended the grader itself {TRIES} times."
# What a machine runs out of is no fault of a submission, and must cost no points.
SHORT = (errno.ENOSPC, errno.EDQUOT, errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EAGAIN)
ANSWER_S, IDLE_S = 10, 60
READY = "ready"


@dataclass(frozen=True)
class Task:
    """One file to grade."""

    student: str
    day: int
    file: str
    data: bytes


def here(examiner: Examiner, tasks: Iterable[Task]) -> Iterator[Result]:
    """Grade in this process."""
    examiner.prove()
    for task in tasks:
        yield _grade(examiner, task)


def in_processes(examiner: Examiner, factory: Factory, tasks: Iterable[Task], jobs: int) -> Iterator[Result]:
    """Grade in `jobs` processes, each with an examiner of its own. One that dies is replaced and its file tried again.

    Raises CourseError as an examiner raises it, for example where the sandbox does not hold.
    """
    queue, again, tries = iter(tasks), deque[Task](), Counter[tuple[str, int]]()

    def occupy(worker: _Worker) -> None:
        worker.give(again.popleft() if again else next(queue, None))

    crew = [_Worker(examiner.settings, factory) for _ in range(jobs)]
    try:
        for worker in crew:
            occupy(worker)
        while busy := {worker.pipe: worker for worker in crew if worker.task}:
            for pipe in wait(list(busy)):
                worker, task = busy[pipe], busy[pipe].task
                try:
                    reply = pipe.recv()
                except (EOFError, OSError):
                    if not worker.ready:
                        raise CourseError("A process for grading does not start: try with --jobs 1.") from None
                    crew.remove(worker)
                    worker.end()
                    tries[task.student, task.day] += 1
                    if tries[task.student, task.day] < TRIES:
                        again.append(task)
                    else:
                        yield examiner.nothing(task.student, task.day, task.file, LOST)
                    crew.append(worker := _Worker(examiner.settings, factory))
                else:
                    if reply == READY:
                        worker.ready = True
                        continue
                    if isinstance(reply, Exception):
                        raise reply
                    yield reply
                occupy(worker)
    finally:
        for worker in crew:
            worker.end()


def on_cluster(examiner: Examiner, factory: Factory, tasks: Iterable[Task], address: str) -> Iterator[Result]:
    """Grade on the workers of a Dask scheduler, which have the course at the same place.

    Raises CourseError where Dask is not installed, no scheduler answers, or no worker is left.
    """
    try:
        import distributed
    except ModuleNotFoundError as error:
        raise CourseError("--cluster needs Dask: `pip install -c requirements.lock -e '.[grading]'`.") from error
    try:
        client = distributed.Client(address, timeout=ANSWER_S, set_as_default=False)
    except (OSError, ValueError, TimeoutError) as error:
        raise CourseError(f"No Dask scheduler answers at {address}: start one, or leave --cluster out.") from error
    with client, client.as_current():
        threads = sum(client.nthreads().values())
        if not threads:
            raise CourseError(
                f"The Dask scheduler at {address} has no workers: start some with `dask worker {address}`."
            )
        queue, running, idle = iter(tasks), {}, 0

        def fill() -> None:
            while len(running) < 2 * threads and (task := next(queue, None)) is not None:
                running[client.submit(_grade_there, examiner.settings, factory, task, pure=False)] = task

        fill()
        try:
            while running:
                try:
                    done = distributed.wait(list(running), timeout=ANSWER_S, return_when="FIRST_COMPLETED").done
                except TimeoutError:
                    idle = 0 if client.nthreads() else idle + ANSWER_S
                    if idle >= IDLE_S:
                        raise CourseError(f"All workers of the Dask scheduler at {address} are gone.") from None
                    continue
                for future in done:
                    task = running.pop(future)
                    try:
                        yield future.result()
                    except distributed.KilledWorker:
                        yield examiner.nothing(task.student, task.day, task.file, LOST)
                fill()
        finally:
            client.cancel(list(running))
            client.run(_leave, on_error="ignore")


class _Worker:
    """A process and the task that it has."""

    def __init__(self, settings: Settings, factory: Factory) -> None:
        context = multiprocessing.get_context("spawn")  # a fork would copy threads' locks
        self.pipe, theirs = context.Pipe()
        self.process: BaseProcess = context.Process(target=_serve, args=(theirs, settings, factory))
        # Until it minds Ctrl-C itself: a process interrupted at its imports would complain at length.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
        try:
            self.process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        theirs.close()
        self.task: Task | None = None
        self.ready = False

    def give(self, task: Task | None) -> None:
        self.task = task
        try:
            self.pipe.send(task)
        except OSError:  # it has ended: waiting for its reply will tell
            return

    def end(self) -> None:
        self.pipe.close()
        if self.task is None:
            self.process.join(ANSWER_S)
        self.process.terminate()
        self.process.join(ANSWER_S)
        self.process.kill()
        self.process.join()


def _serve(pipe: Connection, settings: Settings, factory: Factory) -> None:
    """What a process of the crew does. Ctrl-C reaches it too, but it is for the grader to act on."""
    signal.signal(signal.SIGINT, lambda *_: None)  # to ignore it would be inherited by the rooms
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT])
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    examiner = factory(settings)
    try:
        examiner.prove()
        pipe.send(READY)
        while (task := pipe.recv()) is not None:
            pipe.send(_grade(examiner, task))
    except CourseError as error:
        pipe.send(error)
    except (EOFError, OSError):
        return
    finally:
        examiner.close()


_there: dict[tuple[Settings, Factory], Examiner] = {}
_one = threading.Lock()


def _grade_there(settings: Settings, factory: Factory, task: Task) -> Result:
    """What a Dask worker does: it keeps its examiner, since starting one takes longer than a file."""
    with _one:
        if (settings, factory) not in _there:
            _close_all()
            examiner = factory(settings)
            examiner.prove()
            _there[settings, factory] = examiner
        return _grade(_there[settings, factory], task)


def _leave() -> None:
    with _one:
        _close_all()


def _close_all() -> None:
    while _there:
        _there.popitem()[1].close()


def _grade(examiner: Examiner, task: Task) -> Result:
    """Grade one file. A fault of the grader's own is a result too; without a fingerprint, it is not kept."""
    try:
        return examiner.grade(task.student, task.day, task.file, task.data)
    except CourseError:
        raise
    except Exception as error:
        if isinstance(error, OSError) and error.errno in SHORT:
            raise CourseError(
                f"This machine ran short ({error.strerror}), so grading stops; what was graded is kept: "
                "run the same command again when there is room."
            ) from error
        place = traceback.extract_tb(error.__traceback__)[-1]
        reason = (
            f"The grader itself failed, which is no fault of the file ({type(error).__name__} in "
            f"{Path(place.filename).name}, line {place.lineno})."
        )
        return examiner.nothing(task.student, task.day, task.file, reason)
