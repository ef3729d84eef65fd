"""The ground that attacks are let loose on: a grader's machine with secrets, doors that listen, and a record."""

import hashlib
import io
import json
import os
import re
import secrets
import socket
import subprocess
import sys
import sysconfig
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psutil
from rich.console import Console

import course_utils
from attacks.kit import FULL, NAME, Attack, Base, Grounds, code
from course_utils.grading import batch
from course_utils.grading.examiner import Settings
from course_utils.grading.results import Result, from_json

ROOT = Path(course_utils.__file__).parents[1]
SECONDS = 2.0  # of processor time for an answer: most attacks that hang do so until then
JOBS, EVERY, HONEST = 2, 80, "honest"  # honest students stand between so many attacks
SHARED = (Path("/tmp"), Path("/dev/shm"), Path("/var/tmp"), Path("/dev"))


@dataclass
class Ground:
    """A machine to grade on. home: the grader's; out: where the results go; caught: doors at which somebody knocked."""

    folder: Path
    secret: str = field(default_factory=lambda: f"CANARY-{secrets.token_hex(16)}")
    token: str = field(default_factory=lambda: f"left-by-an-attack-{secrets.token_hex(6)}")
    caught: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        for name in ("home", "submissions", "temporary", "doors"):
            (self.folder / name).mkdir(parents=True)
        self.home, self.out = self.folder / "home", self.folder / "out"
        self.submissions, self.seed = self.folder / "submissions", self.home / "seed"
        names = (".bash_history", ".bashrc", ".ssh-key", ".ipython", "gradebook.csv")
        self.files = [self.home / name for name in names]
        for path in self.files:
            path.write_text(f"# {self.secret}\n")
        self.seed.write_text(secrets.token_hex(32) + "\n")
        self._held = self.files[0].open()  # as a grader reads submissions
        self._doors = [socket.socket(family) for family in (socket.AF_INET, socket.AF_UNIX, socket.AF_UNIX)]
        path, name = str(self.folder / "doors" / "s"), secrets.token_hex(8)
        for door, address in zip(self._doors, (("127.0.0.1", 0), path, "\0" + name), strict=True):
            door.bind(address)
            door.listen()
            threading.Thread(target=self._answer, args=(door, repr(address)), daemon=True).start()
        self.grounds = Grounds(
            tuple(map(str, self.files)),
            tuple(map(str, (self.home, self.submissions, self.out, self.folder, ROOT / "solutions", ROOT / "tests"))),
            port=self._doors[0].getsockname()[1],
            socket=path,
            abstract=name,
            pids=(os.getpid(),),
            token=self.token,
        )
        self.base = Base(ROOT, self.grounds)

    def _answer(self, door: socket.socket, address: str) -> None:
        while True:
            try:
                door.accept()[0].close()
            except OSError:  # it was closed
                return
            self.caught.append(address)

    def close(self) -> None:
        """Take the doors down."""
        self._held.close()
        for door in self._doors:
            door.close()

    def environment(self) -> dict[str, str]:
        """What a grader has in the environment."""
        return {self.grounds.variable: self.secret, "HOME": str(self.home), "TMPDIR": str(self.folder / "temporary")}

    def honest(self) -> bytes:
        """The notebook of a student who did everything right, and whose work is secret."""
        notebook = self.base.solved()
        for cell in notebook.cells:
            if cell.cell_type == "code":  # enough to be found, should it stay in somebody's memory
                cell.source += "\n" + "\n".join(f"# {self.secret} {line}" for line in range(150))
        return self.base.ipynb(notebook)

    def hand_in(self, attacks: list[Attack]) -> dict[str, str]:
        """Write all submissions; honest ones before, between and after the attacks. By attack its student's name."""
        students: dict[str, str] = {}

        def write(name: str, filename: str, data: bytes) -> str:
            # Sorted by number: the order of grading. The name of an attack need not be fit to be a folder's.
            student = f"{len(list(self.submissions.iterdir())):03} {name}"
            (self.submissions / student).mkdir()
            (self.submissions / student / filename).write_bytes(data)
            return student

        for number, attack in enumerate(attacks):
            if number % EVERY == 0 or attack.name == "own_memory":
                for _ in range(JOBS):
                    write(HONEST, f"{NAME}.ipynb", self.honest())
            students[attack.name] = write(attack.name, attack.filename, attack.build(self.base))
        write(HONEST, f"{NAME}.ipynb", self.honest())
        return students

    def traces(self) -> dict[str, object]:
        """What must not change: files and their contents, packages, shared folders, processes."""
        site = {Path(sysconfig.get_path(kind)) for kind in ("purelib", "platlib")}
        startup = [path for folder in site for path in folder.glob("*.pth")]
        startup += [path for folder in site for path in folder.glob("*customize*.py")]
        return {
            "files": _digests([*self.files, self.seed]),
            "home": sorted(str(path) for path in self.home.rglob("*")),
            "packages": [sorted(path.name for path in folder.iterdir()) for folder in sorted(site)],
            "start-up files": _digests(sorted(startup)),
            "submissions": _digests([path for path in sorted(self.submissions.rglob("*")) if path.is_file()]),
            "left in shared folders": [str(path) for folder in SHARED for path in folder.glob(f"*{self.token}*")],
            "temporary files": sorted(path.name for path in (self.folder / "temporary").iterdir()),
            "processes": sorted(self._processes()),
        }

    def _processes(self) -> Iterator[str]:
        """Processes of ours that are sandboxes, or carry the token."""
        for process in psutil.process_iter():
            try:
                line = " ".join(process.cmdline())
                if self.token in line:
                    yield line
            except psutil.Error:
                continue
        for child in psutil.Process().children(recursive=True):
            if re.search(r"bwrap|course_utils\.(room|grading)", " ".join(child.cmdline())):
                yield " ".join(child.cmdline())


def _digests(paths: list[Path]) -> dict[str, str]:
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


def grade(ground: Ground) -> dict[str, Result]:
    """Grade all that was handed in, as `course grade` does; the results by student."""
    settings = Settings(ROOT, seconds=SECONDS)
    console = Console(file=io.StringIO())
    batch.grade(ground.submissions, ground.out, settings, seed_file=ground.seed, jobs=JOBS, console=console)
    results = [from_json(path.read_text(encoding="utf-8")) for path in (ground.out / "results").glob("*.json")]
    return {result.student: result for result in results}


# Where there are no walls and the whole course can be imported: for each probe whether its answer is right.
OPEN = """
import json, os, sys
import numpy as np
from course_utils import reference
from course_utils.checks import day_02 as questions, judge

for name, (question, source) in json.load(sys.stdin).items():
    child = os.fork()
    if not child:
        out = os.dup(1)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        try:
            cells = {"__name__": "__main__", "np": np, "questions": questions, "reference": reference}
            exec(source, cells)
            status = judge(getattr(questions, question), cells[question]).status
        except BaseException as error:
            status = repr(error)
        os.write(out, f"{name} {status}\\n".encode())
        os._exit(0)
    os.waitpid(child, 0)
"""


def in_the_open(attacks: list[Attack], ground: Ground) -> dict[str, str]:
    """By probe, the status of its answer without any walls; the grader himself runs it."""
    sources = {a.name: (probed(a), ground.base.filled(probed(a), code(a.probe))) for a in attacks}
    environment = {**os.environ, **ground.environment()}
    run = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", OPEN], input=json.dumps(sources), capture_output=True, text=True,
        timeout=120, cwd=ground.home, env=environment, check=True,
    )  # fmt: skip
    return dict(line.split(" ", 1) for line in run.stdout.splitlines())


def probed(attack: Attack) -> str:
    """The question in whose cell the probe stands."""
    return next((name for name, points in attack.fair.items() if points < FULL[name]), "conv2d")
