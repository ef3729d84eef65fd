"""CONTRIBUTING.md's ten steps work as they stand: files are written and commands run in a copy of the course."""

import os
import re
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
GUIDE = (ROOT / "CONTRIBUTING.md").read_text()
STEPS = re.split(r"^(?=\d+\. \*\*)", GUIDE.partition("## Add a day, in ten steps")[2], flags=re.M)[1:]
BLOCK = re.compile(r"^ *```(\w+) ?(\S*)\n(.*?)^ *```$", re.M | re.S)


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """The course without its own days, so that only the new day is at work."""
    folder = tmp_path_factory.mktemp("course")
    for name in ("course_utils", "tests"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "conftest.py"):
        shutil.copy(ROOT / name, folder)
    for name in ("lessons", "solutions", "exercises"):
        (folder / name).mkdir()
    return folder


def run(line, folder):
    program = Path(sys.executable).parent
    environment = {**os.environ, "PYTHONPATH": str(folder), "PATH": f"{program}{os.pathsep}{os.environ['PATH']}"}
    return subprocess.run(line, shell=True, cwd=folder, env=environment, capture_output=True, text=True, timeout=600)


def test_there_are_ten_steps():
    assert [int(step.split(".")[0]) for step in STEPS] == list(range(1, 11))


def test_the_steps_add_a_day(copy):
    commands = 0
    for step in STEPS:
        for kind, path, text in BLOCK.findall(step):
            text = textwrap.dedent(text)
            if kind == "python":
                (copy / path).write_text(text)
                continue
            for line in text.splitlines():
                done = run(line, copy)
                assert done.returncode == 0, f"step {step[:2]}: {line}\n{done.stdout[-3000:]}{done.stderr[-2000:]}"
                commands += 1
    assert commands == 6
    exercise = (copy / "exercises" / "day_99_your_topic.py").read_text()
    assert "def places(n, k):" in exercise
    assert "n - k + 1" not in exercise


def test_the_house_is_described_as_it_is():
    described = set(re.findall(r"^  (\w+)/? {2,}", GUIDE, re.M)) | {"doctor", "lab", "cli"}
    package = ROOT / "course_utils"
    modules = {p.stem for p in package.glob("*.py")} | {p.parent.name for p in package.glob("*/__init__.py")}
    assert modules - {"__init__", "errors", "paths", "display"} <= described
