"""The sandbox: its walls are tried before every batch, each missing wall is noticed, and refusals name the remedy."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from course_utils import wire
from course_utils.errors import CourseError
from course_utils.grading import sandbox
from course_utils.grading.examiner import Examiner, Settings
from course_utils.grading.proof import TRIAL
from course_utils.grading.submissions import MAX_BYTES
from course_utils.room import filter as system_calls
from course_utils.room import proof
from course_utils.room.walls import Limits, own_folders

ROOT = Path(__file__).parents[1]
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the sandbox needs Linux")


@pytest.fixture
def examiner():
    made = Examiner(Settings(ROOT, seed=b"a seed"))
    yield made
    made.close()


def test_the_walls_hold(examiner):
    examiner.prove()


def without(monkeypatch, *dropped, added=()):
    """Take arguments out of bubblewrap's command, or put some in front of the program."""
    whole = sandbox.command

    def command(library, environment):
        line = [word for word in whole(library, environment) if word not in dropped]
        at = line.index("--chdir")
        return [*line[:at], *added, *line[at:]]

    monkeypatch.setattr(sandbox, "command", command)


def test_a_network_is_noticed(examiner, monkeypatch):
    without(monkeypatch, "--unshare-net")
    with pytest.raises(CourseError, match="the network can be reached"):
        examiner.prove()


def test_private_files_are_noticed(examiner, monkeypatch):
    without(monkeypatch, added=("--ro-bind", str(ROOT), str(ROOT)))
    with pytest.raises(CourseError, match="private files can be read"):
        examiner.prove()


def test_a_folder_that_outlives_a_worker_is_noticed(examiner, monkeypatch, tmp_path):
    tmp_path.chmod(0o777)
    without(monkeypatch, added=("--bind", str(tmp_path), "/usr/share/man"))
    with pytest.raises(CourseError, match="files can be written that outlive the worker"):
        examiner.prove()


def test_the_environment_is_noticed(examiner, monkeypatch):
    monkeypatch.setenv("A_PASSWORD", "secret")
    without(monkeypatch, "--clearenv")
    with pytest.raises(CourseError, match="the environment can be read"):
        examiner.prove()


def test_limits_that_do_not_bind_are_noticed(examiner, monkeypatch):
    generous = Limits(seconds=60, memory_mb=8000, disk_mb=512, processes=1000, virtual=False)
    for name in ("processes", "memory_mb", "disk_mb"):
        trial = Limits(**{**vars(TRIAL), name: getattr(generous, name)})
        monkeypatch.setattr("course_utils.grading.proof.TRIAL", trial)
        with pytest.raises(CourseError, match="is not limited"):
            examiner.prove()


def ask(examiner, attempt, limits=TRIAL, **asked):
    room, _ = examiner._servers(examiner.days()[0])
    end, reply = room.ask(wire.encode({"do": "prove", "attempt": attempt, **asked}), limits)
    return end, [wire.decode(body) for kind, body in wire.frames(reply) if kind == proof.PROOF]


def test_a_worker_finds_nothing_of_the_one_before(examiner):
    assert ask(examiner, "fill", mebibytes=8)[1] == [8 * len(own_folders())]
    first, second = (ask(examiner, "identity")[1][0] for _ in range(2))
    assert first == second and first["processes"] == [1]
    assert ask(examiner, "fill", mebibytes=8)[1] == [8 * len(own_folders())]


def test_memory_is_watched_where_addresses_are_free(examiner):
    end, found = ask(examiner, "hold", Limits(seconds=20, memory_mb=200, virtual=False), mebibytes=4000)
    assert (end.why, found) == ("memory", [])


def test_a_worker_as_root_is_another_user(examiner):
    if os.geteuid():
        pytest.skip("not root")
    assert ask(examiner, "identity")[1][0]["uid"] >= sandbox.FIRST_UID


# --- refusals -----------------------------------------------------------------------------------------------------


def fake(tmp_path, monkeypatch, script):
    """A bubblewrap that runs this shell script instead."""
    path = tmp_path / "bwrap"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setattr(sandbox, "bubblewrap", lambda: str(path))


REFUSALS = [
    "bwrap: No permissions to create new namespace, likely because the kernel does not allow non-privileged user "
    "namespaces.",
    "bwrap: setting up uid map: Permission denied",
    "bwrap: Creating new namespace failed: Operation not permitted",
    "bwrap: Failed to make / slave: Operation not permitted",
    "bwrap: loopback: Failed RTM_NEWADDR: Operation not permitted",
]


@pytest.mark.parametrize("message", REFUSALS)
def test_a_kernel_that_forbids_namespaces_is_named_with_its_remedies(examiner, monkeypatch, tmp_path, message):
    fake(tmp_path, monkeypatch, f"echo '{message}' >&2; exit 1")
    with pytest.raises(CourseError) as refused:
        examiner.prove()
    text = str(refused.value)
    assert (
        message in text and "kernel.apparmor_restrict_unprivileged_userns=0" in text and "--cap-add SYS_ADMIN" in text
    )
    assert "\n" not in text


def test_a_bubblewrap_that_is_broken_is_named(examiner, monkeypatch, tmp_path):
    fake(tmp_path, monkeypatch, "echo 'error while loading shared libraries: libcap.so.2' >&2; exit 127")
    with pytest.raises(CourseError, match=r"does not start \(error while loading shared libraries"):
        examiner.prove()


def test_a_grade_is_never_given_without_the_sandbox(examiner, monkeypatch, tmp_path):
    fake(tmp_path, monkeypatch, "exit 1")
    with pytest.raises(CourseError, match="does not start"):
        examiner.grade("ann", examiner.days()[0], "day.ipynb", b"{}")


def test_without_bubblewrap_the_way_to_it_is_named(monkeypatch):
    monkeypatch.setattr(sandbox.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(sandbox.shutil, "which", lambda name: None)
    with pytest.raises(CourseError, match=r"pip install -e '.\[grading\]'"):
        sandbox.bubblewrap()


@pytest.mark.parametrize(("system", "machine"), [("darwin", "arm64"), ("win32", "AMD64"), ("linux", "riscv64")])
def test_other_machines_are_refused(monkeypatch, system, machine):
    monkeypatch.setattr(sandbox.sys, "platform", system)
    monkeypatch.setattr(system_calls.platform, "machine", lambda: machine)
    with pytest.raises(CourseError, match="grade on Linux"):
        sandbox.bubblewrap()


def test_the_template_ends_with_the_examiner():
    code = f"""
import os, signal, sys
from pathlib import Path
import psutil
from course_utils.grading.examiner import Examiner, Settings
from course_utils.grading.proof import TRIAL
from course_utils.grading.submissions import MAX_BYTES
examiner = Examiner(Settings(Path({str(ROOT)!r}), seed=b"a seed"))
examiner.prove()
print(*[process.pid for process in psutil.Process().children(recursive=True)], flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    below = [psutil.Process(int(pid)) for pid in done.stdout.split() if psutil.pid_exists(int(pid))]
    assert done.stdout, done.stderr
    assert psutil.wait_procs(below, timeout=10)[1] == []


def test_the_document_tells_the_limits_that_bind():
    text = " ".join((ROOT / "docs" / "grading.md").read_text().split())
    limits = Limits(seconds=Settings(ROOT).seconds)
    parts = [
        f"{limits.seconds:.0f} s of processor time ({limits.wall_s:.0f} s of waiting),",
        f"{limits.memory_mb // 1024} GB of memory, {limits.disk_mb} MB of files,",
        f"{limits.processes} processes, {limits.reply_mb} MB of reply.",
    ]
    assert " ".join(parts) in text
    assert f"files over {MAX_BYTES / 1e6:.0f} MB are not read" in text
