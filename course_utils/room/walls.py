"""Shutting a worker in: namespaces and file systems of its own, no capability, another uid where there is one, limits.

Bubblewrap builds the outer wall, around the template; this is the inner one, between one worker and the next, which is
taken down with its worker: processes and files end with it. Linux only, see namespaces(7), capabilities(7).
"""

import ctypes
import os
import re
import signal
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from course_utils.errors import CourseError
from course_utils.room import filter as system_calls

try:
    import resource
except ImportError:
    raise CourseError(
        "Grading runs on Linux: use a container, a virtual machine or WSL 2, see docs/grading.md."
    ) from None

NEW_MOUNTS, NEW_IPC, NEW_PROCESSES = 0x00020000, 0x08000000, 0x20000000
MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REC, MS_PRIVATE = 2, 4, 8, 0x4000, 0x40000
PR_SET_DUMPABLE, PR_CAPBSET_DROP, PR_CAP_AMBIENT, AMBIENT_CLEAR_ALL = 4, 24, 47, 4
CAPABILITY_VERSION, LAST_CAPABILITY = 0x20080522, 63
ROOM = Path("/room")
WORK = ROOM / "work"


@dataclass(frozen=True)
class Limits:
    """What a worker may use. seconds: of processor time; it may wait three times as long. memory_mb: beyond what it
    begins with; virtual: whether that also bounds its address space, which frameworks do not survive."""

    seconds: float = 20.0
    memory_mb: int = 1024
    disk_mb: int = 64
    processes: int = 64
    files: int = 256
    reply_mb: int = 16
    virtual: bool = True

    @property
    def wall_s(self) -> float:
        return 3 * self.seconds


def fork() -> int:
    """Fork into a process namespace of the child's own, which ends with it. Needs CAP_SYS_ADMIN."""
    _call("unshare", NEW_PROCESSES)
    pid = os.fork()
    if pid:  # else the next child would be born into the first one's namespace
        own = os.open("/proc/self/ns/pid", os.O_RDONLY)
        _call("setns", own, NEW_PROCESSES)
        os.close(own)
    return pid


def enter(limits: Limits, reply: int, uid: int | None) -> None:
    """Shut this process in; only the file descriptor `reply` stays open. uid: to become where this is root.

    Raises OSError where a wall cannot be built: the worker must not go on then.
    """
    _call("unshare", NEW_MOUNTS | NEW_IPC)
    _mount(None, "/", None, MS_REC | MS_PRIVATE)
    size = f"size={limits.disk_mb}m,nr_inodes=10000,mode=700" + (f",uid={uid},gid={uid}" if uid else "")
    for folder in own_folders():
        _mount("tmpfs", folder, "tmpfs", MS_NOSUID | MS_NODEV, size)
    _mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC)
    _drop_bounding_set()
    if uid:
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
    for name in ("home", "work"):
        (ROOM / name).mkdir()
    os.chdir(WORK)
    if uid or _kernel() >= (5, 14):  # before, all of a user's processes counted, wherever they were
        _limit(resource.RLIMIT_NPROC, limits.processes)
    restrict(limits, reply)
    _drop_capabilities()
    _prctl(PR_SET_DUMPABLE, 1)  # a change of uid had taken its own /proc from the process
    system_calls.apply()


def own_folders() -> list[str]:
    """Where a worker may write: each gets them empty. Not /tmp where Python itself lies below it."""
    prefixes = [Path(sys.prefix), Path(sys.base_prefix)]
    below = any(prefix.is_relative_to("/tmp") for prefix in prefixes)
    return [str(ROOM), "/dev/shm", *([] if below else ["/tmp"])]


def restrict(limits: Limits, reply: int) -> None:
    """The limits that need no namespace: also what is left of the walls without a sandbox."""
    null = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(null, standard)
    os.closerange(3, reply)
    os.closerange(reply + 1, 65536)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGCHLD, signal.SIGPIPE):
        signal.signal(number, signal.SIG_DFL)
    seconds = int(limits.seconds) + 1
    wanted = {
        resource.RLIMIT_CPU: seconds,
        resource.RLIMIT_FSIZE: limits.disk_mb * 2**20,
        resource.RLIMIT_NOFILE: limits.files,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_MEMLOCK: 0,
        resource.RLIMIT_MSGQUEUE: 0,
    }
    if limits.virtual:
        wanted[resource.RLIMIT_AS] = _address_space() + limits.memory_mb * 2**20
    for name, value in wanted.items():
        _limit(name, value)


def _limit(name: int, value: int) -> None:
    hard = resource.getrlimit(name)[1]
    value = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(name, (value, value))


def _kernel() -> tuple[int, int]:
    major, minor = re.match(r"(\d+)\.(\d+)", os.uname().release).groups()
    return int(major), int(minor)


def _address_space() -> int:
    """Bytes of address space that this process has already."""
    return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()


def _drop_bounding_set() -> None:
    """No program that is started later can gain a capability."""
    for capability in range(LAST_CAPABILITY + 1):
        if _libc().prctl(PR_CAPBSET_DROP, capability, 0, 0, 0):
            return  # beyond the kernel's last capability


def _drop_capabilities() -> None:
    _prctl(PR_CAP_AMBIENT, AMBIENT_CLEAR_ALL)
    header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION, 0)
    _call("capset", header, (ctypes.c_uint32 * 6)())


def _mount(source: str | None, target: str, kind: str | None, flags: int, data: str | None = None) -> None:
    texts = [text and text.encode() for text in (source, target, kind, data)]
    _call("mount", *texts[:3], ctypes.c_ulong(flags), texts[3])


def _prctl(option: int, value: int) -> None:
    _call("prctl", option, ctypes.c_ulong(value), *[ctypes.c_ulong(0)] * 3)


def _call(name: str, *arguments: object) -> None:
    if getattr(_libc(), name)(*arguments) < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")


@cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)
