"""Seconds a submission of a NumPy day, here and by nbgrader, in one run: python benchmarks/grading.py [--memory N]

Both grade the same solved Day 2, one submission after another: `course grade` with its sandbox, nbgrader's autograder
in its own process, as it does by default. Rounds alternate; medians and ranges. The rest of a round is what starting
costs: a sandbox that is proved and a template here, nbgrader's start there. Both are also given with that left out.

--memory N: instead, grade N submissions in one batch and show the grader's memory on the way.
"""

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import nbformat
import psutil

from course_utils import notebooks, profiles
from course_utils.grading.examiner import Examiner, Settings

ROOT = Path(__file__).parents[1]
STEM = "day_02_convolution"
BIN = Path(sys.executable).parent
ROUNDS, STUDENTS = 3, 8


def solved() -> bytes:
    """The solved day as an ipynb file."""
    return nbformat.writes(notebooks.read(ROOT / "solutions" / f"{STEM}.py")).encode()


def submissions(folder: Path, count: int) -> Path:
    """A folder with the solved day of this many students."""
    for number in range(count):
        (folder / f"student{number:04}").mkdir(parents=True)
        (folder / f"student{number:04}" / f"{STEM}.ipynb").write_bytes(solved())
    return folder


def by_course(folder: Path) -> tuple[float, float]:
    """(seconds in all, seconds of that for the submissions) of one batch by the command."""
    given = submissions(folder / "submissions", STUDENTS)
    start = time.perf_counter()
    line = [BIN / "course", "grade", given, "--out", folder / "grades", "--jobs", "1"]
    subprocess.run(line, check=True, cwd=ROOT, stdout=subprocess.DEVNULL)
    whole = time.perf_counter() - start
    rows = (folder / "grades" / "gradebook.csv").read_text(encoding="utf-8-sig").splitlines()
    if sum(",right," in row for row in rows) != 6 * STUDENTS:
        raise SystemExit("course grade did not give all points: the comparison would be worth nothing")
    return whole, warm()


def warm() -> float:
    """Seconds for as many submissions by an examiner that has graded one already."""
    examiner, data = Examiner(Settings(ROOT, seed=b"benchmark")), solved()
    examiner.prove()
    examiner.grade("first", 2, f"{STEM}.ipynb", data)
    start = time.perf_counter()
    for number in range(STUDENTS):
        examiner.grade(f"student{number}", 2, f"{STEM}.ipynb", data)
    seconds = time.perf_counter() - start
    examiner.close()
    return seconds


def by_nbgrader(folder: Path) -> tuple[float, float]:
    """(seconds in all, seconds beyond those for a single submission) of nbgrader's autograder."""
    source = folder / "source" / STEM
    source.mkdir(parents=True)
    (source / f"{STEM}.ipynb").write_bytes(solved())
    (folder / "nbgrader_config.py").write_text("c = get_config()\nc.CourseDirectory.course_id = 'benchmark'\n")

    environment = {**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}  # it calls alembic by name

    def nbgrader(*arguments: str) -> float:
        start = time.perf_counter()
        subprocess.run([BIN / "nbgrader", *arguments], check=True, cwd=folder, capture_output=True, env=environment)
        return time.perf_counter() - start

    nbgrader("generate_assignment", STEM)
    for path in submissions(folder / "given", STUDENTS).iterdir():
        shutil.copytree(path, folder / "submitted" / path.name / STEM)
    one = nbgrader("autograde", STEM, "--student", "student0000", "--force")
    whole = nbgrader("autograde", STEM, "--force")
    from nbgrader.api import Gradebook

    with Gradebook(f"sqlite:///{folder}/gradebook.db") as book:
        if any(submission.score != 18 for submission in book.assignment_submissions(STEM)):
            raise SystemExit("nbgrader did not give all points: the comparison would be worth nothing")
    return whole, (whole - one) * STUDENTS / (STUDENTS - 1)


def compare() -> None:
    """Alternate between both; print medians, ranges and ratios."""
    times: dict[str, list[tuple[float, float]]] = {"course grade": [], "nbgrader": []}
    for _ in range(ROUNDS):
        for name, run in (("course grade", by_course), ("nbgrader", by_nbgrader)):
            with tempfile.TemporaryDirectory() as folder:
                times[name].append(tuple(seconds / STUDENTS for seconds in run(Path(folder))))
    print(f"{profiles.device_report()}; {profiles.versions()}; {STUDENTS} submissions, n = {ROUNDS} rounds")
    for i, what in enumerate(("with the start", "without the start")):
        medians = {}
        for name, values in times.items():
            column = [value[i] for value in values]
            medians[name] = statistics.median(column)
            spread = f"{min(column):.2f} to {max(column):.2f}"
            print(f"{name:13} {medians[name]:.2f} s a submission ({spread}) {what}")
        print(f"{'ratio':13} {medians['nbgrader'] / medians['course grade']:.1f} {what}")


def memory(count: int) -> None:
    """Grade many submissions in one batch; print the grader's own memory and that of all below it on the way."""
    with tempfile.TemporaryDirectory() as folder:
        given, out = submissions(Path(folder) / "submissions", count), Path(folder) / "grades"
        start = time.perf_counter()
        line = [BIN / "course", "grade", given, "--out", out, "--jobs", "2"]
        process = psutil.Popen(line, cwd=ROOT, stdout=subprocess.DEVNULL)
        shown = 0
        while process.poll() is None:
            time.sleep(1)
            done = sum(1 for _ in (out / "results").glob("*")) if out.is_dir() else 0
            if done >= shown + count // 10:
                shown = done
                print(f"{done:6} graded, {_held(process):7.1f} MB, {time.perf_counter() - start:6.0f} s", flush=True)
        seconds = time.perf_counter() - start
        print(f"{count} submissions in {seconds:.0f} s on {profiles.cores()} cores, {seconds / count:.2f} s each")


def _held(process: psutil.Popen) -> float:
    """MB held by the grader and all below it, each shared page counted once."""
    total = 0
    for one in [process, *process.children(recursive=True)]:
        try:
            total += one.memory_full_info().pss
        except psutil.Error:
            continue
    return total / 2**20


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--memory", type=int, metavar="N", help="grade N submissions and show the memory")
    asked = parser.parse_args()
    memory(asked.memory) if asked.memory else compare()
