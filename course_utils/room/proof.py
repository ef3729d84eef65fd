"""Trying the walls from inside, before any student does. It reports what it could do; whether that is well is judged
outside, see `grading.proof`."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from course_utils.room.walls import own_folders

PROOF = b"P"
SETTLED = 8


def prove(attempt: str, **asked: Any) -> Iterator[tuple[bytes, Any]]:
    """One attempt by name; yields what it found."""
    yield PROOF, ATTEMPTS[attempt](**asked)


def _reach(port: int, path: str, name: str) -> list[str]:
    """Listeners of the machine outside that answer: on TCP, on a socket file, on an abstract name."""
    reached = []
    for family, address in (
        (socket.AF_INET, ("127.0.0.1", port)),
        (socket.AF_UNIX, path),
        (socket.AF_UNIX, "\0" + name),
    ):
        try:
            with socket.socket(family) as caller:
                caller.settimeout(2)
                caller.connect(address)
            reached.append(str(address))
        except OSError:
            pass
    return reached


def _read(paths: list[str]) -> list[str]:
    """Files that can be opened, and folders that can be listed."""
    readable = []
    for path in paths:
        try:
            if Path(path).is_dir():
                list(Path(path).iterdir())
            else:
                Path(path).open("rb").close()
            readable.append(path)
        except OSError:
            pass
    return readable


def _write() -> list[str]:
    """Mounted file systems, but for the worker's own, that can be written to."""
    writable = []
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        folder = line.split()[4]
        if folder in (*own_folders(), "/proc"):
            continue
        try:
            trial = Path(folder) / "trial"
            trial.write_bytes(b"")
            trial.unlink()
            writable.append(folder)
        except OSError:
            pass
    return writable


def _identity() -> dict[str, Any]:
    """Who and where the worker is: processes it sees, user, capabilities, whether the kernel filters its calls."""
    status = dict(line.split(":\t", 1) for line in Path("/proc/self/status").read_text().splitlines() if ":\t" in line)
    return {
        "processes": sorted(int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()),
        "uid": os.getuid(),
        "capabilities": [status[name].strip() for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")],
        "filtered": status["Seccomp"].strip() == "2" and status["NoNewPrivs"].strip() == "1",
        "environment": _given(),
    }


def _given() -> list[str]:
    """The variables that the room was started with; what libraries add by themselves is their own."""
    entries = Path("/proc/self/environ").read_bytes().split(b"\0")
    return sorted(entry.partition(b"=")[0].decode(errors="replace") for entry in entries if entry)


def _fork(count: int) -> int:
    """How many processes can be started at once."""
    started = 0
    for _ in range(count):
        try:
            if not os.fork():
                os.read(os.pipe()[0], 1)
            started += 1
        except OSError:
            break
    return started


def _hold(mebibytes: int) -> int:
    """How many MiB of memory can be filled."""
    held = []
    for _ in range(mebibytes // SETTLED):
        try:
            held.append(bytearray(os.urandom(1) * (SETTLED * 2**20)))
        except MemoryError:
            break
    return len(held) * SETTLED


def _fill(mebibytes: int) -> int:
    """How many MiB can be written to all folders that are the worker's own."""
    written = 0
    for folder in own_folders():
        for number in range(mebibytes // SETTLED):
            try:
                (Path(folder) / f"{number}").write_bytes(b"x" * (SETTLED * 2**20))
                written += SETTLED
            except OSError:
                break
    return written


ATTEMPTS = {
    "reach": _reach,
    "read": _read,
    "write": _write,
    "identity": _identity,
    "fork": _fork,
    "hold": _hold,
    "fill": _fill,
}
