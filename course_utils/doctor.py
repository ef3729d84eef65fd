"""`course doctor`: what this machine has, and how to mend what is missing."""

import importlib.metadata
import json
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from course_utils import paths, profiles
from course_utils.errors import CourseError

FRAMEWORKS = ("torch", "tensorflow", "keras")
OK, WARNING, BROKEN = "ok", "warning", "broken"
DOWNLOAD = "the first day that needs it downloads it; without internet, set COURSE_DATA or use `course data import`"
MEMORY_GIB, DISK_GIB = 4, 3  # what the largest day needs at its peak, and the decoded data sets beside their downloads


@dataclass(frozen=True)
class Finding:
    """One line of the report. `mend` says what to do where `state` is not ok."""

    state: str
    subject: str
    detail: str
    mend: str = ""


def report() -> int:
    """Print all findings, one line each; exit code 1 if something is broken, else 0."""
    from rich.console import Console

    console = Console(highlight=False, soft_wrap=True)
    signs = {OK: "[green]✓ ok     [/]", WARNING: "[yellow]! warning[/]", BROKEN: "[red]✗ broken [/]"}
    worst = OK
    with console.status("Looking around (the frameworks take some seconds to import)"):
        for finding in findings():
            mend = f"  → {finding.mend}" if finding.mend else ""
            console.print(f"{signs[finding.state]} {finding.subject}: {finding.detail}{mend}")
            worst = BROKEN if BROKEN in (worst, finding.state) else finding.state
    return 1 if worst == BROKEN else 0


def findings() -> Iterator[Finding]:
    """Every finding, in the order in which a user would mend things."""
    with ThreadPoolExecutor() as pool:
        devices = {name: pool.submit(_device, name) for name in FRAMEWORKS}
        yield python()
        yield packages()
        yield memory()
        yield disk(paths.cache_dir())
        gpus = profiles.visible_gpus()
        name = f"{profiles.hardware()['gpu']} ({gpus} visible)" if gpus else "none is visible, so the profile is cpu"
        yield Finding(OK, "GPU", name)
        for name, device in devices.items():
            yield framework(name, gpus, *device.result())
    yield from data()
    yield sandbox()


def python() -> Finding:
    """The interpreter; the installation itself refuses one that is too old."""
    return Finding(OK, "Python", f"{platform.python_version()} at {sys.executable}")


def packages() -> Finding:
    """The installed packages against requirements.lock; a bundle without a lock is only said to have none."""
    lock = Path(paths.root()) / "requirements.lock"
    if not lock.is_file():
        return Finding(OK, "packages", "no requirements.lock here to compare with")
    pins = [line.split("==") for line in lock.read_text().splitlines() if "==" in line and line[0] != "#"]
    other = []
    for name, wanted in pins:
        try:
            found = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue  # the lock also covers extras that a student does not install
        if found.split("+")[0] != wanted:
            other.append(f"{name} {found} (lock: {wanted})")
    if other:
        return Finding(WARNING, "packages", f"{len(other)} differ: {', '.join(other[:4])}", "run `make clean lab`")
    return Finding(OK, "packages", "as in requirements.lock")


def memory() -> Finding:
    """Memory that is free now."""
    import psutil

    m = psutil.virtual_memory()
    detail = f"{m.available / 2**30:.1f} of {m.total / 2**30:.1f} GiB free, {profiles.hardware()['cores']} cores"
    if m.available < MEMORY_GIB * 2**30:
        return Finding(WARNING, "memory", detail, f"close other programs: training days want {MEMORY_GIB} GiB")
    return Finding(OK, "memory", detail)


def disk(folder: Path) -> Finding:
    """Room for decoded data where `folder` is or will be."""
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    free = shutil.disk_usage(existing).free / 2**30
    if free < DISK_GIB:
        return Finding(WARNING, "disk", f"{free:.1f} GiB free at {folder}", "free some, or set COURSE_CACHE elsewhere")
    return Finding(OK, "disk", f"{free:.0f} GiB free for decoded data at {folder}")


def framework(name: str, gpus: int, device: str, version: str, error: str) -> Finding:
    """Whether a framework imports, and whether it sees the GPU that the driver shows."""
    if error:
        return Finding(BROKEN, name, error, "run `make clean lab`")
    if gpus and not device.startswith("GPU"):
        other = "or compute with PyTorch: KERAS_BACKEND=torch" if name != "torch" else "for this driver"
        return Finding(WARNING, name, f"{version} sees no GPU", f"install its GPU build, {other}")
    return Finding(OK, name, f"{version} on {device}")


def data() -> Iterator[Finding]:
    """Each data set: found and where, or how to get it."""
    from course_utils import data as data_module

    try:
        rows = data_module.status()
    except CourseError as error:
        yield Finding(WARNING, "data", str(error), "see `course data --help`")
        return
    for row in rows:
        detail = ", ".join(f"{key} {value}" for key, value in row.items() if key != "name" and value not in ("", None))
        state, mend = (OK, "") if row["found"] else (WARNING, DOWNLOAD)
        yield Finding(state, f"data {row['name']}", detail, mend)


def sandbox() -> Finding:
    """Whether bubblewrap can start an isolated process, which only grading needs."""
    try:
        from course_utils.grading import sandbox as outer
    except ImportError:
        return Finding(OK, "sandbox", "not part of this copy of the course; only grading needs it")
    try:
        bwrap = outer.bubblewrap()
    except CourseError as error:
        return Finding(WARNING, "sandbox", "none; only grading needs it", str(error))
    line = [bwrap, "--unshare-all", "--ro-bind", "/", "/", "--die-with-parent", "true"]
    try:
        done = subprocess.run(line, capture_output=True, text=True, timeout=20)
    except (OSError, subprocess.TimeoutExpired) as error:
        return Finding(WARNING, "sandbox", f"bubblewrap does not start: {error}", "grade on another machine")
    if done.returncode:
        return Finding(WARNING, "sandbox", "does not start; only grading needs it", outer.remedy(done.stderr))
    return Finding(OK, "sandbox", f"bubblewrap isolates ({bwrap})")


def _device(name: str) -> tuple[str, str, str]:
    """(device, version, error) of a framework, asked in a process of its own: a broken build may crash."""
    code = (
        "import importlib.metadata, json; from course_utils import profiles; "
        f"print(json.dumps([profiles.framework_device({name!r}), importlib.metadata.version({name!r})]))"
    )
    try:
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300)
    except subprocess.TimeoutExpired:
        return "", "", "does not answer within 300 s"
    if done.returncode:
        return "", "", (done.stderr.strip().splitlines() or ["it crashed"])[-1]
    device, version = json.loads(done.stdout.strip().splitlines()[-1])
    return device, version, ""
