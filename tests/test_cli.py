"""The `course` command: answers, and one sentence with exit code 2 for what a user gets wrong."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
COURSE = [sys.executable, "-c", "from course_utils.cli import main; main()"]


def course(*words, cwd=ROOT, **environment):
    line = [*COURSE, *map(str, words)]
    return subprocess.run(line, cwd=cwd, capture_output=True, text=True, env={**os.environ, **environment}, timeout=120)


@pytest.mark.parametrize("command", ["lab", "run", "sync", "doctor", "data"])
def test_help_lists_every_command(command):
    assert command in course("--help").stdout


@pytest.mark.parametrize("command", ["status", "pack", "import"])
def test_help_of_data_lists_its_commands(command):
    assert command in course("data", "--help").stdout


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["run", "99"], "99"),
        (["run", "two"], "two"),
        (["run", "lessons/day_02_convolutions.py"], "day_02_convolutions.py"),
        (["lab", "99"], "99"),
        (["run", "2", "--profile", "turbo"], "There is no profile 'turbo'"),
        (["run", "2", "--profile", "smoke", "--record"], "smoke"),
        (["data", "import", "mnist", "."], "mnist"),
        (["data", "import", "cifar10", "no-such-folder"], "no-such-folder"),
    ],
)
def test_a_mistake_is_one_sentence_and_exit_code_2(words, sentence):
    done = course(*words)
    assert done.returncode == 2, done.stderr
    assert sentence in done.stderr
    assert done.stderr.startswith("course: ")
    assert done.stderr.count("\n") == 1, done.stderr
    assert "Traceback" not in done.stderr + done.stdout


def test_outside_a_course_folder_the_packages_own_course_is_used(tmp_path):
    done = course("sync", "--check", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_exercises_are_those_of_the_solutions():
    """The committed exercises are generated; `course sync` makes them."""
    done = course("sync", "--check")
    assert done.returncode == 0, done.stdout + done.stderr


def test_gpu_is_refused_where_there_is_none():
    done = course("run", "2", "--profile", "gpu", CUDA_VISIBLE_DEVICES="")
    assert done.returncode == 2
    assert "no GPU is visible" in done.stderr
