"""A server that forks a worker for each job, shuts it in, watches it, and hands back what it wrote. One job at a time.

It serves twice: as the template inside the sandbox, and outside as the desk at which replies are judged. The server
itself never looks into a job or a reply. Jobs come on one file descriptor, answers go to another, both as `message`s.
"""

import contextlib
import gc
import json
import os
import select
import signal
import struct
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import BinaryIO

from course_utils.room.walls import Limits

HEAD = struct.Struct(">II")
LOOK_S = 0.05
WALLS_UP = b"+"  # the first byte of a worker, before it meets anything of the job
MIB = 2**20
PAGE = os.sysconf("SC_PAGE_SIZE")
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class End:
    """How a worker ended. why: "" if by itself and in order, else "time", "memory", "processes",
    "reply" (too long), "died", or "walls" (they could not be built, and nothing was done)."""

    why: str
    seconds: float
    cpu_s: float
    detail: str = ""


Enter = Callable[[Limits, int], None]
Work = Callable[[bytes, Callable[[bytes], None]], None]


def send(file: BinaryIO, head: dict, body: bytes = b"") -> None:
    """Write a message: the lengths of both parts, a JSON head, a body. Between trusted processes only."""
    text = json.dumps(head).encode()
    file.write(HEAD.pack(len(text), len(body)) + text + body)
    file.flush()


def receive(file: BinaryIO) -> tuple[dict, bytes] | None:
    """Read a message; None when the other side has closed."""
    lengths = file.read(HEAD.size)
    if len(lengths) < HEAD.size:
        return None
    head, body = HEAD.unpack(lengths)
    text, rest = file.read(head), file.read(body)
    return (json.loads(text), rest) if len(text) == head and len(rest) == body else None


def serve(jobs: BinaryIO, answers: BinaryIO, fork: Callable[[], int], enter: Enter, work: Work) -> None:
    """Answer jobs until the other side closes.

    fork: os.fork, perhaps into a namespace. enter: shuts the worker in; where it raises, the job is not done.
    work: does the job with the walls up, and writes through the function that it is given.
    """
    gc.collect()
    gc.freeze()  # else each worker's first collection would copy the pages that it shares
    send(answers, {"ready": True})
    while message := receive(jobs):
        limits = Limits(**message[0])
        end, reply = _one(message[1], limits, fork, enter, work)
        send(answers, asdict(end), reply)


def _one(job: bytes, limits: Limits, fork: Callable[[], int], enter: Enter, work: Work) -> tuple[End, bytes]:
    start = time.monotonic()
    inlet, outlet = os.pipe()
    pid = fork()
    if not pid:
        _worker(job, limits, outlet, enter, work)
    os.close(outlet)
    try:
        why, reply = _watch(pid, inlet, limits, start)
    finally:
        os.close(inlet)
        os.kill(pid, signal.SIGKILL)  # with it ends all that it has started
        _, status, usage = os.wait4(pid, 0)
    code = os.waitstatus_to_exitcode(status)
    spent = usage.ru_utime + usage.ru_stime
    if not reply:
        why = "walls"
    elif not why and code:
        why = "time" if spent >= limits.seconds else "died"
    return End(why, round(time.monotonic() - start, 4), round(spent, 4), f"exit code {code}" if why else ""), reply[1:]


def _worker(job: bytes, limits: Limits, outlet: int, enter: Enter, work: Work) -> None:
    """The forked process: it never returns."""
    try:
        enter(limits, outlet)
        os.write(outlet, WALLS_UP)
    except BaseException:  # whatever it was, the job must not begin
        os._exit(1)

    def write(data: bytes) -> None:
        view = memoryview(data)
        while view:
            view = view[os.write(outlet, view) :]

    try:
        work(job, write)
    except BaseException:  # a worker that fell has said so by its exit code; there is nobody to read a traceback
        os._exit(1)
    os._exit(0)


def _watch(pid: int, inlet: int, limits: Limits, start: float) -> tuple[str, bytes]:
    """Collect what the worker writes until it ends or breaks a limit: (what it broke or "", what it wrote)."""
    parts, size = [], 0
    ended = os.pidfd_open(pid)
    look = start + LOOK_S
    try:
        while True:
            ready, _, _ = select.select([inlet, ended], [], [], max(0, look - time.monotonic()))
            if inlet in ready:
                part = os.read(inlet, 2**20)
                parts.append(part)
                size += len(part)
                if size > limits.reply_mb * MIB:
                    return "reply", b"".join(parts)[: limits.reply_mb * MIB]
                if not part:  # ended, or gone on with its end closed: nothing more can come
                    return "", b"".join(parts)
            elif ended in ready:
                return "", b"".join(parts)
            if time.monotonic() >= look:
                look = time.monotonic() + LOOK_S
                if why := _broken(pid, limits, start):
                    return why, b"".join(parts)
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
