"""Sealed questions: the same verdicts as the open ones, and no value to be read."""

import inspect

import numpy as np
import pytest

from course_utils import wire
from course_utils.checks import Case, Rule, check, hidden, judge, question, questions_of, sealed
from course_utils.checks.hidden import Hidden, form_of
from course_utils.errors import CourseError

VALUES = {
    "a number": (391_466, {"Without the biases.": 390_000, "A little less.": 391_460}),
    "a small number": (0.25, {"Half of it.": 0.125, "Negative.": -0.25}),
    "a number in a wide tolerance": (0.84, {"Of the others.": 0.16, "In per cent.": 84.0}),
    "a text": ("Valid", {"The other.": "same"}),
    "a truth": (True, {"No.": False}),
    "a list of texts": (["relu", "softmax"], {"Exchanged.": ["softmax", "relu"]}),
    "an array": (np.array([[1, -2], [3000, 4]]), {"Turned.": np.array([[1, 3000], [-2, 4]]), "Row.": np.arange(4)}),
    "a list of numbers": ([0.5, 1.5, 0.0], {"Ones.": [1.0, 1.0, 1.0]}),
    "truths": (np.array([True, False]), {"All.": np.array([True, True])}),
    "a form": ({"a": "blur", "b": 3, "c": [1, 2]}, {"One more.": {"a": "blur", "b": 4, "c": [1, 2]}}),
    "rows of both": ([["cat", 3], ["dog", 2]], {"Exchanged.": [["dog", 2], ["cat", 3]]}),
}
OTHERS = [
    *(None, "", "x", " valid ", 0, 1, 3, -7.5, 391_467, 1e300, True, False, [], {}, ["relu"], ["relu", 1], [[1], 2]),
    *(float("nan"), float("inf"), np.array([[1, -2], [3000, np.nan]]), np.zeros((2, 2)), np.zeros((0,)), object()),
    *([0.5, 1.5], [0, 0, 0], ["", ""], {"a": "", "b": None, "c": 1}, {"a": "blur", "b": "x", "c": [1, 2]}, lambda: 1),
    *({"a": "blur", "b": 3, "c": [2, 1]}, {"a": "x", "b": 3, "c": [1, 2, 3]}, [["cat", 3]], [["cat", 2], ["dog", 2]]),
]


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """The hash is slow on purpose; what it hides is the same."""
    monkeypatch.setitem(hidden.SLOW, "n", 2)


def value_question(name):
    value, mistakes = VALUES[name]
    tolerance = 0.02 if "wide" in name else 1e-5
    hints = {"values": "Count again.", "type": "As it is asked for."}
    return question("asked", points=3, partial=1, reference=value, mistakes=mistakes, tolerance=tolerance, hints=hints)


@pytest.fixture
def closed(tmp_path, monkeypatch):
    """`closed(question)`: the question as the bundle has it."""
    monkeypatch.setattr(sealed, "KEYS", tmp_path)

    def close(opened, **more):
        (tmp_path / "asked.key").write_bytes(sealed.seal(opened, "salt"))
        same = {name: getattr(opened, name) for name in ("points", "kind", "tolerance", "partial", "hints", "options")}
        return sealed.question(opened.name, key="asked", **same, **more)

    return close


@pytest.mark.parametrize("name", VALUES)
def test_a_hidden_value_is_judged_as_an_open_one(closed, name):
    opened = value_question(name)
    secret = closed(opened)
    value, mistakes = VALUES[name]
    for answer in [value, *mistakes.values(), *OTHERS]:
        assert judge(secret, answer) == judge(opened, answer), answer
    assert judge(secret, value).status == "right"
    assert [judge(secret, wrong).mistake for wrong in mistakes.values()] == list(mistakes)


@pytest.mark.parametrize("tolerance", [1e-9, 1e-5, 0.02])
@pytest.mark.parametrize("size", [0.001, 1, 17, 391_466])
def test_numbers_are_hidden_to_the_last_bit_of_the_tolerance(tolerance, size):
    rng = np.random.default_rng([int(size * 1000), int(1 / tolerance)])
    for value in rng.normal(size=4) * size:
        secret = Hidden.of(float(value), tolerance, "salt")
        allowed = tolerance * max(1, abs(value))
        for off in (0, 0.99, -0.99):
            assert secret.difference(value + off * allowed, tolerance, ()) is None
        for off in (1.01, -1.01, 3, 30):
            assert secret.difference(value + off * allowed, tolerance, ()).fault == "values"


def test_an_arrays_entries_may_be_off_by_what_its_largest_allows():
    value = np.array([0.001, 5000.0, -3.0])
    secret = Hidden.of(value, 1e-5, "salt")
    assert secret.difference(value + np.array([0.0499, -0.0499, 0.0499]), 1e-5, ()) is None
    assert secret.difference(value + np.array([0.0501, 0, 0]), 1e-5, ()).fault == "values"


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("a number", "391466 390000"),
        ("a number in a wide tolerance", "0.84 0.16"),
        ("a text", "alid same"),
        ("a list of texts", "relu softmax"),
        ("an array", "3000"),
        ("a form", "blur"),
        ("rows of both", "cat dog"),
    ],
)
def test_neither_values_nor_sentences_stand_in_the_file(name, written):
    opened = value_question(name)
    data = sealed.seal(opened, "salt")
    for text in [*opened.mistakes, *written.split()]:
        assert text.encode() not in data and text.encode().hex().encode() not in data
    if isinstance(opened.reference, np.ndarray | float | int):
        for dtype in ("<i8", "<f8", ">f8"):
            assert np.asarray(opened.reference).astype(dtype).tobytes() not in data


def test_all_numbers_of_an_order_of_magnitude_have_one_form_in_four():
    forms = {str(form_of(number, 1e-5)) for number in range(262_144, 391_466, 997)}
    assert len(forms) <= 2 * 4  # two powers of two, four shifts


def test_a_number_that_is_not_finite_cannot_be_sealed():
    asked = question("asked", points=1, reference=np.array([np.nan]), mistakes={"Zero.": np.zeros(1)})
    with pytest.raises(CourseError, match=r"asked cannot be sealed: .*not finite"):
        sealed.seal(asked, "salt")


def test_cases_from_outside_cannot_be_sealed():
    asked = question(
        "asked", points=1, reference=abs, cases=lambda rng, images: [Case(n=images)], mistakes={"M.": lambda n: 0}
    )
    with pytest.raises(CourseError, match="asked cannot be sealed"):
        sealed.seal(asked, "salt")


def sums(**changed):
    def cases(rng):
        return [Case(x=rng.normal(size=n), more=(n, [n]), name="sum") for n in (2, 3, 9)]

    mistakes = {
        "The mean.": lambda x, more, name: x.mean(),
        "Three at most.": lambda x, more, name: {2: x[0], 3: x[1]}[len(x)],
    }
    declared = {"reference": lambda x, more, name: x.sum(), "cases": cases, "mistakes": mistakes}
    return question("asked", points=3, partial=1, hints={"values": "Add up."}, **declared | changed)


ANSWERS = {
    "right": lambda x, more, name: x.sum(),
    "a list": lambda x, more, name: [x.sum()],
    "the mean": lambda x, more, name: sum(x) / len(x),
    "undefined on long ones": lambda x, more, name: x[0] if len(x) == 2 else x[1] if len(x) == 3 else 0.0,
    "no mistake known": lambda x, more, name: x.sum() + 1,
    "by the tuple": lambda x, more, name: x.sum() * hash(more) / hash(tuple(more)),
    "raising": lambda x, more, name: x[99],
    "nothing": lambda x, more, name: None,
    "changing": lambda x, more, name: (x.sort(), x.sum())[1],
    "NaN": lambda x, more, name: float("nan"),
    "of other arguments": lambda x: 1,
    "no function": 3,
    "blank": ...,
}


@pytest.mark.parametrize("name", ANSWERS)
def test_a_function_is_judged_as_by_the_open_question(closed, name):
    assert judge(closed(sums()), ANSWERS[name]) == judge(sums(), ANSWERS[name])


def test_what_is_observed_is_judged_as_by_the_open_question(closed):
    def observe(answer, x, more, name):
        return {"sum": answer(x, more, name), "twice": answer(2 * x, more, name)}

    opened = sums(observe=observe)
    secret = closed(opened, observe=observe)
    for answer in ANSWERS.values():
        assert judge(secret, answer) == judge(opened, answer)


def test_all_that_a_question_may_say_can_be_said_of_a_sealed_one():
    opened, closed = (set(inspect.signature(declare).parameters) for declare in (question, sealed.question))
    assert closed == opened - {"reference", "mistakes", "given"} | {"key"}


def test_rules_are_judged_where_they_stand():
    rules = {"It is odd.": Rule(lambda value, **_: value % 2 == 0)}
    asked = sealed.question("asked", points=1, cases=lambda rng: [Case(n=1)], rules=rules)
    assert judge(asked, lambda n: 2).points == 1
    assert judge(asked, lambda n: n).mistake == "It is odd."


def test_without_a_key_a_check_shows_nothing(capsys):
    asked = sealed.question("asked", points=1, kind="function")
    assert check(asked, lambda n: n) is None
    assert capsys.readouterr().out == ""


def test_only_the_notebooks_cases_are_there(closed):
    secret = closed(sums())
    assert [case.inputs["more"] for case in secret.draw()] == [(2, [2]), (3, [3]), (9, [9])]
    with pytest.raises(ValueError, match="notebook's cases only"):
        secret.draw(1)


@pytest.mark.parametrize("data", [None, b"", b"nonsense", wire.encode({"cases": []}), wire.encode([1])])
def test_a_missing_or_damaged_key_is_said_in_a_sentence(closed, tmp_path, data):
    secret = closed(sums())
    (tmp_path / "asked.key").unlink() if data is None else (tmp_path / "asked.key").write_bytes(data)
    with pytest.raises(CourseError, match=r"The check of asked misses its file asked\.key, or it is damaged"):
        judge(secret, ANSWERS["right"])


def test_sealing_is_the_same_each_time():
    assert sealed.seal(sums(), "salt") == sealed.seal(sums(), "salt")


def test_a_sealed_question_is_one_of_its_days_questions(closed):
    from types import ModuleType

    day = ModuleType("day")
    day.__all__, day.asked = ["asked"], closed(sums())
    assert questions_of(day) == [day.asked] and repr(day.asked) == "Question('asked', points=3)"
