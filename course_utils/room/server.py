"""A server that forks a worker for each job, shuts it in, watches it, and says how it ended. One job at a time.

It serves twice: as the template inside the sandbox, and outside as the desk at which replies are judged. Jobs and
replies go between grader and worker; the server never holds them, see `channel`.
"""

import contextlib
import gc
import os
import select
import signal
import socket
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from course_utils.room import channel
from course_utils.room.walls import Limits

LOOK_S = 0.05
WALLS_UP = b"+"  # the first byte of a worker, before it meets anything of the job
MIB = 2**20
PAGE = os.sysconf("SC_PAGE_SIZE")
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class End:
    """How a worker ended. why: "" if by itself and in order, else "time", "memory", "processes",
    "reply" (too long) or "died"."""

    why: str
    seconds: float
    cpu_s: float
    detail: str = ""


Enter = Callable[[Limits, int], None]
Work = Callable[[bytes, Callable[[bytes], None]], None]


def connected() -> socket.socket:
    """The socket that a server is started with as its standard input, which becomes empty."""
    control = socket.socket(fileno=os.dup(0))
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    os.dup2(null, 1)
    os.close(null)
    return control


def serve(control: socket.socket, fork: Callable[[], int], enter: Enter, work: Work) -> None:
    """Answer jobs until the other side closes. A job comes with two files: the job itself, and where its reply goes.

    fork: os.fork, perhaps into a namespace. enter: shuts the worker in; where it raises, the job is not done.
    work: does the job with the walls up, and writes through the function that it is given.
    """
    gc.collect()
    gc.freeze()  # else each worker's first collection would copy the pages that it shares
    channel.send(control, {"ready": True})
    while message := channel.receive(control):
        head, files = message
        if len(files) == 2:  # else it was to stop a job that has ended by itself
            channel.send(control, asdict(_one(control, files, Limits(**head), fork, enter, work)))


def _one(
    control: socket.socket, files: list[int], limits: Limits, fork: Callable[[], int], enter: Enter, work: Work
) -> End:
    start, (job, reply) = time.monotonic(), files
    pid = fork()
    if not pid:
        _worker(job, reply, limits, enter, work)
    for file in files:
        os.close(file)
    try:
        why = _watch(pid, control, limits, start)
    finally:
        os.kill(pid, signal.SIGKILL)  # with it ends all that it has started
        _, status, usage = os.wait4(pid, 0)
    code = os.waitstatus_to_exitcode(status)
    spent = usage.ru_utime + usage.ru_stime
    if not why and code:
        why = "time" if spent >= limits.seconds else "died"
    return End(why, round(time.monotonic() - start, 4), round(spent, 4), f"exit code {code}" if why else "")


def _worker(job: int, reply: int, limits: Limits, enter: Enter, work: Work) -> None:
    """The forked process: it never returns."""
    try:
        data = channel.contents(job)
        enter(limits, reply)
        os.write(reply, WALLS_UP)
    except BaseException:  # whatever it was, the job must not begin
        os._exit(1)

    def write(data: bytes) -> None:
        view = memoryview(data)
        while view:
            view = view[os.write(reply, view) :]

    try:
        work(data, write)
    except BaseException:  # a worker that fell has said so by its exit code; there is nobody to read a traceback
        os._exit(1)
    os._exit(0)


def _watch(pid: int, control: socket.socket, limits: Limits, start: float) -> str:
    """Wait until the worker ends or breaks a limit: what it broke, or ""."""
    ended = os.pidfd_open(pid)
    try:
        while True:
            ready, _, _ = select.select([ended, control], [], [], LOOK_S)
            if ended in ready:
                return ""
            if control in ready:  # the grader has had enough of the reply, or is gone
                channel.receive(control)
                return "reply"
            if why := _broken(pid, limits, start):
                return why
    finally:
        os.close(ended)


def _broken(pid: int, limits: Limits, start: float) -> str:
    """The limit that the worker and all that it has started break together, or ""."""
    if time.monotonic() - start > limits.wall_s:
        return "time"
    family = _family(pid)
    if len(family) > limits.processes:
        return "processes"
    if sum(seconds for seconds, _ in family.values()) > limits.seconds:
        return "time"
    # It shares with this process what was there before it; what is resident counts shared pages for each process, so
    # the fair share is read where that matters.
    allowed = limits.memory_mb * MIB + _stat("self")[2]
    if sum(held for _, held in family.values()) > allowed and sum(map(_share, family)) > allowed:
        return "memory"
    return ""


def _family(pid: int) -> dict[int, tuple[float, int]]:
    """(processor seconds, resident bytes) of a process and all below it, by pid; orphans come to the worker itself."""
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError, ValueError):
                found[int(entry.name)] = _stat(entry.name)
    family, wanted = {}, {pid}
    while wanted:
        family |= {p: found[p][1:] for p in wanted if p in found}
        wanted = {p for p, (parent, *_) in found.items() if parent in wanted} - set(family)
    return family


def _stat(pid: str) -> tuple[int, float, int]:
    """(parent, processor seconds, resident bytes), see proc(5); the name in brackets may hold anything."""
    fields = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
    return int(fields[1]), sum(map(int, fields[11:15])) / TICKS, int(fields[21]) * PAGE


def _share(pid: int) -> int:
    """Bytes of memory, each page divided among the processes that hold it; where that is not told, all resident."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))
    except (OSError, StopIteration):
        with contextlib.suppress(OSError, ValueError):
            return _stat(str(pid))[2]
        return 0  # it has ended
