"""Batches, with an examiner that runs nothing: what is graded, kept, resumed and refused; what a lost process costs."""

import errno
import hashlib
import io
import json
import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from rich.console import Console

from course_utils.errors import CourseError
from course_utils.grading import batch, store
from course_utils.grading.examiner import Settings
from course_utils.grading.results import Mark, Result

# A batch in a process of its own, for a signal to meet.
ALONE = """
import sys
from pathlib import Path
from course_utils.grading import batch
from course_utils.grading.examiner import Settings
from test_grading_batch import Examiner

if __name__ == "__main__":
    room = Path(sys.argv[1])
    batch.grade(room / "in", room / "out", Settings(room), jobs=int(sys.argv[2]), factory=Examiner)
"""


class Examiner:
    """Gives a point for each "x" in a file. A file may say "die" or "fail", or "once" to die the first time."""

    def __init__(self, settings):
        self.settings = settings

    def days(self):
        return [2, 3]

    def fingerprint(self, student, day, filename, data):
        return hashlib.sha256(repr((student, day, filename, data, self.settings)).encode()).hexdigest()

    def prove(self):
        if (self.settings.root / "no start").exists():
            os.kill(os.getpid(), signal.SIGKILL)
        if (self.settings.root / "no sandbox").exists():
            raise CourseError("The sandbox does not hold.")

    def grade(self, student, day, filename, data):
        with (self.settings.root / "log").open("a") as log:
            log.write(f"{student} {day}\n")
        text = data.decode()
        if text == "slow":
            time.sleep(60)
        if text == "stop":
            raise KeyboardInterrupt
        if text == "full":
            raise OSError(errno.ENOSPC, "No space left on device")
        if text == "fail":
            raise RuntimeError("secret detail")
        first = self.settings.root / f"first {student}"
        if text == "die" or (text == "once" and not first.exists()):
            first.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        mark = Mark("count", text.count("x"), 5, "right" if "x" in text else "wrong", feedback="Counted.")
        fingerprint = self.fingerprint(student, day, filename, data)
        return Result(student, day, filename, fingerprint, (mark,), sandboxed=not self.settings.unsafe)

    def nothing(self, student, day, filename, reason):
        mark = Mark("count", 0, 5, "unanswered", feedback=reason)
        return Result(student, day, filename, "", (mark,), reason, sandboxed=not self.settings.unsafe)

    def close(self):
        (self.settings.root / f"closed {os.getpid()}").touch()


@pytest.fixture
def room(tmp_path):
    (tmp_path / "in").mkdir()
    return tmp_path


def hand_in(room, **files):
    """hand_in(room, ann="xx") is ann's Day 2."""
    for student, text in files.items():
        path = room / "in" / student / "day_02_x.py"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)


def grade(room, **options):
    text = io.StringIO()
    settings = Settings(room, unsafe=options.pop("unsafe", False), profile=options.pop("profile", "smoke"))
    options = {"out": room / "out", "console": Console(file=text), "factory": Examiner} | options
    try:
        return batch.grade(room / "in", settings=settings, **options), text.getvalue()
    finally:
        grade.said = text.getvalue()


def points(room, out="out"):
    found = [json.loads(path.read_text()) for path in (room / out / "results").glob("*.json")]
    return {one["student"]: sum(mark["points"] for mark in one["marks"]) for one in found}


def asked(room):
    return (room / "log").read_text().split("\n")[:-1] if (room / "log").exists() else []


def test_a_second_run_grades_only_what_changed(room):
    hand_in(room, ann="x", bob="xx", carl="")
    report, _ = grade(room)
    assert (report.graded, report.kept, report.unfit) == (2, 0, 1)
    hand_in(room, bob="xxx", dora="x")
    (room / "log").unlink()
    report, said = grade(room)
    assert asked(room) == ["bob 2", "dora 2"]
    assert (report.graded, report.kept, report.unfit) == (2, 1, 1)
    assert "1 of 4 have not changed" in said
    assert points(room) == {"ann": 1, "bob": 3, "carl": 0, "dora": 1}
    report, _ = grade(room, fresh=True)
    assert (report.graded, report.kept) == (3, 0)


def test_a_damaged_result_is_graded_again(room):
    hand_in(room, ann="x")
    grade(room)
    (path,) = (room / "out" / "results").glob("*.json")
    path.write_text('{"student": "ann"')
    assert grade(room)[0].graded == 1
    assert points(room) == {"ann": 1}


def test_one_day_only_leaves_the_other_days_scores(room):
    hand_in(room, ann="x")
    (room / "in" / "ann" / "day_03_y.py").write_text("xxx")
    assert grade(room, day=3)[0].graded == 1
    assert asked(room) == ["ann 3"]
    assert grade(room, day=2)[0].graded == 1
    assert (room / "out" / "totals.csv").read_text("utf-8-sig").splitlines()[1] == "ann,1,3,4,yes"


def test_interrupted_keeps_and_publishes_what_is_finished(room):
    hand_in(room, ann="x", bob="stop", carl="x")
    with pytest.raises(KeyboardInterrupt):
        grade(room)
    assert "1 of 3 are graded and kept" in grade.said
    assert "ann" in (room / "out" / "gradebook.csv").read_text()
    hand_in(room, bob="x")
    report, _ = grade(room)
    assert (report.graded, report.kept) == (2, 1)


def test_a_failure_of_the_graders_own_is_one_result_and_tried_again(room):
    hand_in(room, ann="x", bob="fail", carl="x")
    report, _ = grade(room)
    assert (report.graded, report.unfit) == (3, 1)
    assert points(room) == {"ann": 1, "bob": 0, "carl": 1}
    texts = " ".join(path.read_text() for path in (room / "out").rglob("*.*") if path.is_file())
    assert "The grader itself failed" in texts
    assert "secret detail" not in texts
    hand_in(room, bob="xx")
    assert grade(room)[0].graded == 1
    assert points(room)["bob"] == 2


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_machine_that_runs_short_costs_no_points(room, jobs):
    hand_in(room, ann="full", bob="full")
    with pytest.raises(CourseError, match=r"ran short .No space left"):
        grade(room, jobs=jobs)
    assert list((room / "out").glob("results/*")) == []


def test_without_a_sandbox_nothing_is_graded(room):
    hand_in(room, ann="x", bob="x")
    (room / "no sandbox").touch()
    for jobs in (1, 2):
        with pytest.raises(CourseError, match="does not hold"):
            grade(room, jobs=jobs)
    assert asked(room) == []


def test_several_processes_give_the_same_files(room):
    hand_in(room, **{f"s{number:02}": "x" * (number % 4) or "y" for number in range(12)})
    grade(room)
    report, _ = grade(room, out=room / "out2", jobs=3, seed_file=room / "out" / "seed")
    assert report.graded == 12
    for name in ("gradebook.csv", "totals.csv"):
        assert (room / "out" / name).read_bytes() == (room / "out2" / name).read_bytes()
    assert len(list(room.glob("closed *"))) == 4, "each examiner is closed, the main one too"


def test_a_killed_process_costs_time_only(room):
    hand_in(room, **{f"s{number}": "x" for number in range(6)}, once="once")
    report, _ = grade(room, jobs=2)
    assert report.unfit == 0
    assert points(room) == {**{f"s{number}": 1 for number in range(6)}, "once": 0}
    assert sorted(asked(room)).count("once 2") == 2


def test_processes_that_do_not_start_are_no_fault_of_a_file(room):
    hand_in(room, ann="x", bob="x")
    (room / "no start").touch()
    with pytest.raises(CourseError, match="does not start"):
        grade(room, jobs=2)
    assert points(room) == {}


def test_a_file_that_kills_each_process_is_reported(room):
    hand_in(room, ann="x", bob="die", carl="x")
    report, _ = grade(room, jobs=2)
    assert report.unfit == 1
    assert asked(room).count("bob 2") == 3
    assert points(room) == {"ann": 1, "bob": 0, "carl": 1}
    assert "ended the grader itself" in (room / "out" / "gradebook.csv").read_text()


def test_ctrl_c_keeps_what_is_finished_and_ends_every_process(room):
    hand_in(room, ann="x", bob="slow", carl="slow")
    (room / "alone.py").write_text(ALONE)
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent)}
    line = [sys.executable, room / "alone.py", room, "2"]
    process = subprocess.Popen(line, env=environment, start_new_session=True, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 120
    while len(asked(room)) < 3 and time.monotonic() < deadline:
        time.sleep(0.1)
    children = psutil.Process(process.pid).children(recursive=True)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does it
    _, said = process.communicate(timeout=60)
    assert said.rstrip().endswith("KeyboardInterrupt")
    assert points(room) == {"ann": 1}
    assert "ann" in (room / "out" / "gradebook.csv").read_text()
    assert psutil.wait_procs(children, timeout=10)[1] == []
    assert len(list(room.glob("closed *"))) == 3


def test_the_seed_is_made_once_for_its_owner_only_and_used_again(room):
    hand_in(room, ann="x")
    grade(room, seed_file=room / "secret")
    seed = (room / "secret").read_bytes()
    assert len(seed.strip()) == 64
    assert stat.S_IMODE((room / "secret").stat().st_mode) == 0o600
    assert not (room / "out" / "seed").exists()
    assert grade(room, seed_file=room / "secret")[0].kept == 1
    assert (room / "secret").read_bytes() == seed
    assert seed.strip().decode() not in "".join(p.read_text() for p in (room / "out").rglob("*") if p.is_file())


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda room: (room / "out" / "seed").unlink(), "not in .*--seed-file"),
        (lambda room: (room / "out" / "seed").write_text("another secret of its own"), "another secret seed"),
        (lambda room: (room / "out" / "seed").write_text("short"), "too short"),
        (lambda room: (room / "out" / "run.json").write_text("[]"), "choose another --out"),
        (lambda room: (room / "out" / "run.json").unlink(), "no results of `course grade`"),
    ],
    ids=["seed lost", "seed changed", "seed short", "marker damaged", "marker lost"],
)
def test_the_results_of_another_run_are_left_alone(room, change, sentence):
    hand_in(room, ann="x")
    grade(room)
    change(room)
    before = {path: path.read_bytes() for path in (room / "out").rglob("*") if path.is_file()}
    with pytest.raises(CourseError, match=sentence):
        grade(room)
    assert {path: path.read_bytes() for path in (room / "out").rglob("*") if path.is_file()} == before


def test_another_folder_or_a_file_as_output_is_refused(room):
    hand_in(room, ann="x")
    grade(room)
    (room / "in").rename(room / "elsewhere")
    (room / "in").mkdir()
    hand_in(room, bob="x")
    (room / "in2").mkdir()
    (room / "in" / "bob").rename(room / "in2" / "bob")
    with pytest.raises(CourseError, match="another run"):
        batch.grade(room / "in2", room / "out", Settings(room), factory=Examiner)
    (room / "file").touch()
    with pytest.raises(CourseError, match="is a file"):
        batch.grade(room / "in2", room / "file", Settings(room), factory=Examiner)


def test_a_full_disk_is_one_sentence_and_leaves_nothing_half_written(room, monkeypatch):
    hand_in(room, ann="x", bob="x")
    write, left = store.write_text, [2]  # run.json and one result fit

    def write_text(path, text):
        left[0] -= 1
        if left[0] < 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        write(path, text)

    monkeypatch.setattr(store, "write_text", write_text)
    for module in (batch.gradebook, batch.pages, batch.summary):
        monkeypatch.setattr(module, "write_text", write_text)
    with pytest.raises(CourseError, match=r"disk of .* is full: make room"):
        grade(room)
    assert points(room) == {"ann": 1}
    monkeypatch.undo()
    report, _ = grade(room)
    assert (report.graded, report.kept) == (1, 1)


def test_an_output_folder_without_permission_is_refused(room):
    hand_in(room, ann="x")
    (room / "out").mkdir(mode=0o500)
    if os.access(room / "out", os.W_OK):
        pytest.skip("root may write anywhere")
    with pytest.raises(CourseError, match="cannot be written"):
        grade(room)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"day": 9}, "Day 9 cannot be graded: .* 2, 3"),
        ({"day": 3}, "no submission for Day 3"),
        ({"profile": "huge"}, "no profile 'huge'"),
        ({"seed_file": Path("/nonexistent/seed")}, "seed file /nonexistent/seed cannot be made"),
    ],
)
def test_a_request_that_cannot_be_met_is_one_sentence(room, options, sentence):
    hand_in(room, ann="x")
    with pytest.raises(CourseError, match=sentence):
        grade(room, **options)
    assert asked(room) == []


def test_an_empty_or_missing_folder_is_refused(room):
    with pytest.raises(CourseError, match="There is no submission"):
        grade(room)
    (room / "in").rmdir()
    with pytest.raises(CourseError, match="There is no folder"):
        grade(room)
    assert not (room / "out").exists()


def test_days_that_cannot_be_graded_are_named(room):
    hand_in(room, ann="x")
    (room / "in" / "ann" / "day_55_z.py").write_text("x")
    report, _ = grade(room)
    assert report.graded == 1
    assert report.skipped == ("ann/day_55_z.py: Day 55 is none of the days that can be graded (2, 3).",)


def test_a_student_who_left_is_left_out_but_not_deleted(room):
    hand_in(room, ann="x", bob="x")
    grade(room)
    (room / "in" / "bob" / "day_02_x.py").unlink()
    grade(room)
    assert "bob" not in (room / "out" / "gradebook.csv").read_text()
    assert points(room) == {"ann": 1, "bob": 1}
    assert "1 results in" in (room / "out" / "summary.html").read_text()


def test_the_output_may_lie_inside_the_submissions(room):
    hand_in(room, ann="x")
    out = room / "in" / "out"
    assert grade(room, out=out)[0].skipped == ()
    report, _ = grade(room, out=out)
    assert (report.kept, report.skipped) == (1, ())


def test_progress_without_a_terminal_is_a_few_lines(room):
    hand_in(room, **{f"s{number:03}": "x" for number in range(100)})
    _, said = grade(room)
    lines = [line for line in said.splitlines() if "graded, about" in line]
    assert 5 <= len(lines) <= 25
    assert lines[-1].startswith("100 of 100 graded")


@pytest.mark.skipif(sys.platform != "linux", reason="grading needs Linux")
def test_two_dask_workers_give_the_same_scores_and_one_may_be_killed(room):
    distributed = pytest.importorskip("distributed")
    hand_in(room, **{f"s{number:02}": "x" * (number % 3) or "y" for number in range(10)}, once="once")
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address=None, silence_logs=50
    ) as cluster:
        report, _ = grade(room, cluster=cluster.scheduler_address)
    assert (report.graded, report.unfit) == (11, 0)
    grade(room, out=room / "out1", seed_file=room / "out" / "seed")
    assert (room / "out" / "gradebook.csv").read_bytes() == (room / "out1" / "gradebook.csv").read_bytes()
    assert asked(room).count("once 2") == 3, "twice on the cluster, once here"


def test_a_scheduler_that_does_not_answer_is_one_sentence(room, monkeypatch):
    pytest.importorskip("distributed")
    hand_in(room, ann="x")
    monkeypatch.setattr(batch.workers, "ANSWER_S", 1)
    with pytest.raises(CourseError, match=r"No Dask scheduler answers at tcp://127\.0\.0\.1:9"):
        grade(room, cluster="tcp://127.0.0.1:9")
    with pytest.raises(CourseError, match="No Dask scheduler answers"):
        grade(room, cluster="nonsense://")
