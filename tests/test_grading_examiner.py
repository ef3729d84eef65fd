"""The examiner, with real rooms: fair scores, named mistakes, nothing of the student's in what is told."""

import dataclasses
import json
import os
import signal
import sys
import textwrap
from pathlib import Path

import nbformat
import psutil
import pytest

from course_utils.checks import questions_of
from course_utils.errors import CourseError
from course_utils.grading.desk import load
from course_utils.grading.examiner import Examiner, Settings
from course_utils.grading.results import from_json
from course_utils.notebooks import read

ROOT = Path(__file__).parents[1]
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the sandbox needs Linux")

OWN = '''
"""An instructor's own questions."""

import numpy as np

from course_utils.checks import Case, question

DAY = 77
EXERCISE = "exercise.py"
SECRET = "the instructor's secret"

__all__ = ["scale", "word", "table"]


def _cases(rng):
    return [Case(values=rng.integers(1, 9, n), factor=int(rng.integers(2, 9))) for n in (2, 3, 5)]


scale = question(
    "scale",
    points=4,
    partial=1,
    reference=lambda values, factor: values * factor,
    cases=_cases,
    mistakes={"You add the factor.": lambda values, factor: values + factor},
    hints={"values": "Multiply.", "raised": "It should not stop."},
    shortcuts=["scipy.signal"],
)
word = question("word", points=2, reference="kernel", mistakes={"That is the map.": "map"}, options=["kernel", "map"])
table = question("table", points=2, reference={"a": 1.5, "b": True}, mistakes={"b is wrong": {"a": 1.5, "b": False}})
'''
EXERCISE = """
# %% tags=["parameters"]
PROFILE = "auto"

# %%
import numpy as np

# %% nbgrader={"grade_id": "scale", "solution": true}
def scale(values, factor):
    ...

# %% nbgrader={"grade_id": "check-scale", "grade": true, "points": 4}
check(own.scale, scale)

# %% nbgrader={"grade_id": "word", "solution": true}
word = None

# %% nbgrader={"grade_id": "table", "solution": true}
table = {"a": None, "b": None}
"""
RIGHT = {
    "scale": "def scale(values, factor):\n    return np.asarray(values) * factor",
    "word": "word = 'kernel'",
    "table": "table = {'a': 1.5, 'b': True}",
}


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    """A folder with an instructor's questions and exercise."""
    folder = tmp_path_factory.mktemp("own")
    (folder / "own_questions.py").write_text(OWN)
    (folder / "exercise.py").write_text(EXERCISE)
    return folder / "own_questions.py"


@pytest.fixture(scope="module")
def examiner(own):
    made = Examiner(Settings(ROOT, questions=own, seed=b"a seed", seconds=3))
    yield made
    made.close()


def submission(*extra, **changed):
    """A notebook of right answers, some of them changed, with further cells at its end."""
    cells = [nbformat.v4.new_code_cell("import numpy as np")]
    for name, source in {**RIGHT, **changed}.items():
        metadata = {"nbgrader": {"grade_id": name, "solution": True}}
        cells.append(nbformat.v4.new_code_cell(textwrap.dedent(source), metadata=metadata))
    cells += [nbformat.v4.new_code_cell(source) for source in extra]
    return nbformat.writes(nbformat.v4.new_notebook(cells=cells)).encode()


def grade(examiner, *extra, student="ann", **changed):
    return examiner.grade(student, 77, "day_77_own.ipynb", submission(*extra, **changed))


def mark(result, name):
    return next(mark for mark in result.marks if mark.question == name)


def test_right_answers_get_all_points(examiner):
    result = grade(examiner)
    assert [(m.question, m.points, m.status) for m in result.marks] == [
        ("scale", 4, "right"),
        ("word", 2, "right"),
        ("table", 2, "right"),
    ]
    assert (result.points, result.max_points, result.sandboxed, result.reason) == (8, 8, True, "")


def test_the_released_exercise_is_unanswered(examiner, own):
    result = examiner.grade("ann", 77, "exercise.py", (own.parent / "exercise.py").read_bytes())
    assert [(m.points, m.status, m.feedback) for m in result.marks] == [(0, "unanswered", "Not answered yet.")] * 3


def test_a_mistake_is_named_and_earns_its_part(examiner):
    found = mark(grade(examiner, scale="def scale(values, factor):\n    return values + factor"), "scale")
    assert (found.points, found.status, found.mistake) == (1, "wrong", "You add the factor.")
    assert found.feedback.startswith("You add the factor.\nSmallest case that shows it: values = [")


WRONG = {
    "values": ("return values - factor", "Multiply."),
    "raised": ("raise ValueError('<b>my secret</b>')", "Your code stops with a ValueError."),
    "shape": ("return values[:1]", "Your answer does not have the shape asked for."),
    "type": ("return 'text'", "Your answer is not of the kind asked for."),
    "mutates": ("values *= factor; return values", "Your function changes its input: work on a copy."),
    "time": ("while True: pass", "Your code took longer than it may."),
    "died": ("import os; os._exit(0)", "Your code stops with an error."),
    "memory": ("return np.ones(3 * 2**30, np.uint8)", "Your code stops with a MemoryError."),
    "reply": ("return [['x' * 10**6] * 99]", "Your answer is too large."),
}


@pytest.mark.parametrize("fault", WRONG)
def test_a_wrong_answer_is_told_its_fault_and_costs_its_question_only(examiner, fault):
    body, sentence = WRONG[fault]
    result = grade(examiner, scale=f"def scale(values, factor):\n    {body}")
    found = mark(result, "scale")
    assert (found.points, found.status, result.points) == (0, "wrong", 4)
    assert sentence in found.feedback.split("\n")


def test_what_a_student_wrote_is_told_to_nobody(examiner):
    body = "raise type('Leak<script>', (Exception,), {})('my secret')"
    result = grade(examiner, scale=f"def scale(values, factor):\n    {body}", word="word = 'my secret'")
    assert "secret" not in result.to_json() and "script" not in result.to_json()


def test_feedback_never_tells_a_right_answer(examiner):
    result = grade(examiner, word="word = 'blur'", table="table = {'a': 2, 'b': None}")
    assert "kernel" not in result.to_json() and "1.5" not in result.to_json()


@pytest.mark.parametrize(
    "ending",
    ["import os; os._exit(0)", "while True: pass", "import os; os.kill(os.getpid(), 9); os.abort()", "np.ones(2**40)",
     "import ctypes; ctypes.string_at(0)", "raise SystemExit", "import sys; sys.exit(3)", "input('name? ')"],
)  # fmt: skip
def test_a_statement_that_ends_the_worker_is_left_out(examiner, ending):
    changed = RIGHT["scale"] + "\n" + ending
    assert grade(examiner, scale=changed).points == 8
    assert grade(examiner, scale=ending + "\n" + RIGHT["scale"]).points == 8


@pytest.mark.parametrize(("ending", "fault"), [("while True: pass", "time"), ("__import__('os')._exit(0)", "died")])
def test_an_answer_that_never_comes_is_told_why(examiner, ending, fault):
    source = f"if True:\n    {ending}\n    word = 'kernel'"
    found = mark(grade(examiner, word=source), "word")
    assert (found.points, found.status, found.fault) == (0, "wrong", fault)


def test_a_cell_elsewhere_does_not_matter(examiner):
    assert grade(examiner, "while True: pass", "np = 3", "import os; os._exit(1)").points == 8


def test_a_shortcut_is_flagged_and_not_punished(examiner):
    result = grade(examiner, scale="import scipy.signal\n" + RIGHT["scale"])
    assert result.points == 8 and mark(result, "scale").flags == ("scale uses scipy.signal",)
    assert mark(grade(examiner, "import scipy.signal"), "scale").flags == ()


def test_the_instructors_answers_are_not_in_the_room(examiner):
    look = "import own_questions as q; seen = str(vars(q)) + str(vars(q.word)) + open(q.__file__).read()"
    for text in ("reference=", "SECRET", "values * factor", "That is the map"):
        word = f"{look}\nword = 'kernel' if {text!r} in seen else 'map'"
        assert mark(grade(examiner, word=word), "word").mistake == "That is the map."


def test_the_same_seed_gives_the_same_result(own):
    results = []
    for _ in range(2):
        again = Examiner(Settings(ROOT, questions=own, seed=b"another", seconds=3))
        found = grade(again, scale="def scale(values, factor):\n    return values + 2 * factor")
        results.append([dataclasses.replace(m, seconds=0) for m in found.marks])
        again.close()
    assert results[0] == results[1]


def test_students_and_seeds_get_inputs_of_their_own(own, examiner):
    wrong = "def scale(values, factor):\n    return values - factor"
    other = Examiner(Settings(ROOT, questions=own, seed=b"another", seconds=3))
    told = [
        mark(grade(examiner, scale=wrong), "scale").feedback,
        mark(grade(examiner, scale=wrong, student="bob"), "scale").feedback,
        mark(grade(other, scale=wrong), "scale").feedback,
    ]
    other.close()
    assert len(set(told)) == 3


def test_a_fingerprint_changes_with_what_decides_the_marks(examiner, own):
    of = examiner.fingerprint
    known = of("ann", 77, "a.ipynb", b"data")
    other = Examiner(Settings(ROOT, questions=own, seed=b"another", seconds=3))
    assert known == of("ann", 77, "a.ipynb", b"data")
    others = [of("bob", 77, "a.ipynb", b"data"), of("ann", 77, "a.py", b"data"), of("ann", 77, "a.ipynb", b"date"),
              other.fingerprint("ann", 77, "a.ipynb", b"data")]  # fmt: skip
    other.close()
    assert len({known, *others}) == 5


def test_a_room_that_is_killed_costs_time_and_no_score(examiner):
    room, desk = examiner._servers(77)
    for server in (room, desk):
        os.killpg(server.process.pid, signal.SIGKILL)
        assert grade(examiner).points == 8


def test_nothing_is_left_behind(own):
    again = Examiner(Settings(ROOT, questions=own, seed=b"a seed", seconds=3))
    folder = Path(again._folder.name)
    daemon = "import os\nif not os.fork():\n    os.setsid()\n    import time; time.sleep(600)"
    assert grade(again, scale=RIGHT["scale"] + "\n" + daemon).points == 8
    below = [child for server in again._servers(77) for child in _family(server.process.pid)]
    assert len(below) >= 3  # bubblewrap, the template, the desk
    again.close()
    assert not folder.exists() and psutil.wait_procs(below, timeout=10)[1] == []


def _family(pid):
    process = psutil.Process(pid)
    return [process, *process.children(recursive=True)]


def test_without_the_sandbox_every_result_says_so(own):
    unsafe = Examiner(Settings(ROOT, questions=own, seed=b"a seed", unsafe=True, seconds=3))
    unsafe.prove()
    result = grade(unsafe)
    unsafe.close()
    assert (result.points, result.sandboxed) == (8, False)


def test_a_result_survives_as_json(examiner):
    result = grade(examiner, scale="def scale(values, factor):\n    return 1")
    assert from_json(result.to_json()) == result
    with pytest.raises((ValueError, KeyError, TypeError)):
        from_json(json.dumps({"student": "ann"}))


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"\x00" * 1000, b"[" * 10**6, "Grüße".encode("utf-16")])
def test_what_is_no_notebook_scores_nothing_with_a_reason(examiner, data):
    result = examiner.grade("ann", 77, "day_77_own.ipynb", data)
    assert result.points == 0 and result.max_points == 8
    assert result.reason.startswith("The file is ") and {m.feedback for m in result.marks} == {result.reason}


def test_a_day_without_questions_is_named(examiner):
    with pytest.raises(CourseError, match=r"Day 5 cannot be graded: the days with an exercise and questions are 77\."):
        examiner.grade("ann", 5, "day_05.ipynb", b"{}")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("x = ", "cannot be used as questions: SyntaxError"),
        ("import no_such_module", "cannot be used as questions: ModuleNotFoundError"),
        ("x = 1", "cannot be used as questions: AttributeError"),
        ("__all__ = []", "declares no question"),
        (OWN.replace("DAY = 77", ""), "must say DAY"),
        (OWN.replace("exercise.py", "missing.py"), "must say DAY"),
    ],
)
def test_a_file_of_questions_that_cannot_be_used_is_named(own, tmp_path, text, complaint):
    path = tmp_path / "questions.py"
    path.write_text(text)
    with pytest.raises(CourseError, match=complaint) as refused:
        Examiner(Settings(ROOT, questions=path)).days()
    assert "\n" not in str(refused.value)


# --- the course's own days ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def day_2():
    made = Examiner(Settings(ROOT, seed=b"a seed", seconds=5))
    yield made
    made.close()


def test_the_solution_of_day_2_gets_all_points_and_its_exercise_none(day_2):
    solved = nbformat.writes(read(ROOT / "solutions" / "day_02_convolution.py")).encode()
    assert day_2.grade("ann", 2, "day_02_convolution.ipynb", solved).points == 18
    released = (ROOT / "exercises" / "day_02_convolution.py").read_bytes()
    result = day_2.grade("ann", 2, "day_02_convolution.py", released)
    assert {m.status for m in result.marks} == {"unanswered"} and result.points == 0


def test_every_day_with_questions_can_be_graded(day_2):
    days = {int(path.name[4:6]) for path in (ROOT / "exercises").glob("day_*.py")}
    assert set(day_2.days()) == days
    assert all(questions_of(load(f"course_utils.checks.day_{day:02}")) for day in days)
