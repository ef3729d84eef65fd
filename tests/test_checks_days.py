"""Every question of every day: the reference passes, each mistake fails and is named, no answer leaks."""

import dataclasses
import importlib
import inspect
import pkgutil
import re
import subprocess
import sys

import numpy as np
import pytest

from course_utils import checks, reference
from course_utils.checks import day_02, decide, judge, make_key, observe, questions_of
from course_utils.checks.describe import describe

DAYS = [
    importlib.import_module(f"course_utils.checks.{found.name}")
    for found in pkgutil.iter_modules(checks.__path__)
    if re.fullmatch(r"day_\d\d", found.name)
]
QUESTIONS = [pytest.param(q, id=f"{day.__name__[-6:]}-{q.name}") for day in DAYS for q in questions_of(day)]
COMPARED = [p for p in QUESTIONS if p.values[0].mistakes and not p.values[0].rules]
MISTAKES = [
    pytest.param(q, sentence, id=f"{p.id}-{number}")
    for p in QUESTIONS
    for q in p.values
    for number, sentence in enumerate(q.mistakes)
]
SEEDS = [None, 1, 2, 3]


def given(question):
    """What the question's cases need from outside, made up."""
    known = {
        "images": np.random.default_rng(0).integers(0, 256, (40, 32, 32, 3), dtype=np.uint8),
        "labels": np.arange(40) % 10,
        "setting": "sample",
    }
    names = list(inspect.signature(question.cases).parameters)[1:] if question.cases else []
    return {name: known[name] for name in names}


def seeds(question):
    # Building Keras models takes seconds, and what is asked of them does not depend on the seed.
    builds = question.observe and "import keras" in inspect.getsource(question.observe)
    return SEEDS[:1] if question.carry or builds else SEEDS


def as_answer(question, declared, case):
    """The answer that a reference or a mistake stands for."""
    return declared(**case.inputs, **case.hidden) if question.kind == "object" else declared


def test_there_are_days():
    assert {"day_02", "day_12"} <= {day.__name__[-6:] for day in DAYS}


def test_declaring_the_questions_imports_no_framework():
    names = ", ".join(day.__name__ for day in DAYS)
    code = f"import sys, {names}; print({{'keras', 'tensorflow', 'torch', 'jax'}} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


@pytest.mark.parametrize("question", QUESTIONS)
def test_the_reference_earns_all_points(question):
    for seed in seeds(question):
        cases = question.draw(seed, **given(question))
        verdict = decide(question, cases, observe(question, as_answer(question, question.reference, cases[0]), cases))
        assert (verdict.status, verdict.points) == ("right", question.points), verdict.message


@pytest.mark.parametrize(("question", "sentence"), MISTAKES)
def test_each_mistake_fails_and_is_named(question, sentence):
    for seed in seeds(question):
        cases = question.draw(seed, **given(question))
        wrong = as_answer(question, question.mistakes[sentence], cases[0])
        verdict = decide(question, cases, observe(question, wrong, cases))
        assert verdict.status == "wrong"
        assert verdict.mistake == sentence
        assert verdict.points == question.partial < question.points


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_question_knows_at_least_three_mistakes_that_are_sentences(question):
    assert len(question.mistakes) >= 3
    for sentence in [*question.mistakes, *question.hints.values()]:
        assert sentence[0].isupper() and sentence[-1] in ".?", sentence


@pytest.mark.parametrize("question", QUESTIONS)
def test_an_empty_answer_is_not_answered_yet(question):
    stubs = [lambda *_, **__: None, lambda *_, **__: ...] if question.kind == "function" else []
    for empty in [None, ..., *stubs]:
        verdict = judge(question, empty, **given(question))
        assert (verdict.status, verdict.points) == ("unanswered", 0)


HOSTILE = {
    "a text": "text",
    "a number": -12345.678,
    "NaN": np.full((3, 3), np.nan),
    "infinity": np.full((2, 2), np.inf),
    "an object array": np.array([None, "x"], dtype=object),
    "an object": object(),
    "an empty list": [],
    "an empty dictionary": {"nothing": 0},
    "a masked array": np.ma.masked_all((3, 3)),
}


def _raises(*_, **__):
    raise RuntimeError("no")


def _exits(*_, **__):
    raise SystemExit(0)


@pytest.mark.parametrize("question", QUESTIONS)
@pytest.mark.parametrize("name", HOSTILE)
def test_an_answer_of_another_kind_earns_nothing_and_is_told_why(question, name):
    value = HOSTILE[name]
    for answer in (value, lambda *_, **__: value):
        verdict = judge(question, answer, **given(question))
        assert (verdict.status, verdict.points) == ("wrong", 0)
        assert verdict.message


@pytest.mark.parametrize("question", QUESTIONS)
@pytest.mark.parametrize("answer", [_raises, _exits, lambda: 1, lambda *_: (i for i in range(3))])
def test_a_function_that_breaks_earns_nothing_and_is_told_why(question, answer):
    verdict = judge(question, answer, **given(question))
    assert (verdict.status, verdict.points) == ("wrong", 0)
    assert verdict.message and "Traceback" not in verdict.message


def test_changing_the_input_is_told():
    def conv2d(image, kernel, stride=1):
        out = reference.conv2d(image, kernel, stride=stride)
        image[0, 0] += 1
        return out

    verdict = judge(day_02.conv2d, conv2d)
    assert (verdict.points, verdict.fault) == (0, "mutates") and "image" in verdict.message


def _spoilt(value):
    """Another value of the same form that no mistake gives."""
    if isinstance(value, dict):
        odd = list(value)[::2]
        others = list(dict.fromkeys(value.values()))
        return {k: others[(others.index(v) + 1) % len(others)] if k in odd else v for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [(*row[:-1], row[-1] + 7) if np.ndim(row) else row + 7 for row in value]
    return value + 7


@pytest.mark.parametrize("question", COMPARED)
def test_an_unknown_mistake_fails_without_a_name_and_gets_the_hint(question):
    seen = question
    if question.observe:  # the answer may be a class: what is seen of it can be spoilt
        answer = question.reference
        seen = dataclasses.replace(question, observe=lambda *args, **inputs: _spoilt(question.observe(*args, **inputs)))
    elif question.kind == "value":
        answer = _spoilt(question.reference)
    else:
        answer = lambda *inputs: _spoilt(question.reference(*inputs))  # noqa: E731
    for seed in SEEDS:
        cases = question.draw(seed)
        verdict = decide(question, cases, observe(seen, answer, cases))
        assert (verdict.points, verdict.mistake, verdict.fault) == (0, "", "values")
        assert question.hints["values"] in verdict.message


@pytest.mark.parametrize("question", COMPARED)
def test_no_message_holds_an_expected_value(question):
    wrong = [_raises, "text", lambda *_: np.full((2, 2), 0.123), lambda *_: 0.123, lambda *_: [], {"A": "text"}]
    for seed in SEEDS:
        cases = question.draw(seed)
        inputs = " ".join(describe(value) for case in cases for value in case.inputs.values())
        for expected in make_key(question, cases).expected:
            for answer in wrong:
                message = judge(question, answer, seed).message
                for secret in _written(expected):
                    alone = re.compile(rf"(?<![\w.]){re.escape(secret)}(?!\w|\.\d)")  # 12 is not given away by 0.123
                    assert secret in inputs or not alone.search(message)


def _written(value):
    """The ways in which a value could be read off a page: whole, and row by row."""
    if isinstance(value, dict):
        return [str(value), *(f"{k}: {v}" for k, v in value.items())]
    if isinstance(value, list):
        return [str(value), *(str(row) for row in value if not np.isscalar(row))]  # one number of a pair is no answer
    array = np.asarray(value)
    rows = [str(row.tolist()) for row in array] if array.ndim > 1 else []
    return [describe(array), str(array.tolist()), *rows]


def _listed(value):
    """A value whose arrays are lists, so that two can be compared."""
    if isinstance(value, dict):
        return {key: _listed(entry) for key, entry in value.items()}
    return [_listed(entry) for entry in value] if isinstance(value, list) else np.asarray(value).tolist()


@pytest.mark.parametrize("question", QUESTIONS)
def test_cases_depend_on_the_seed_only(question):
    def drawn(seed):
        # As text, for NaN equals nothing.
        return repr([_listed(dict(case.inputs)) for case in question.draw(seed, **given(question))])

    assert drawn(1) == drawn(1)
    if question.kind == "function":
        assert drawn(1) != drawn(2) != drawn(None)


@pytest.mark.parametrize("question", [p for p in QUESTIONS if p.values[0].kind == "function"])
def test_the_smallest_case_comes_first(question):
    sizes = [sum(np.size(v) for v in case.inputs.values()) for case in question.draw()]
    assert sizes[0] == min(sizes)


def _strongest(kernel, picture):
    return np.abs(reference.conv2d(picture, kernel)).max()


def test_edge_kernels_are_named_by_what_they_respond_to():
    left_to_right = np.tile([0, 0, 0, 1, 1, 1], (6, 1))
    for letter, name in day_02.kernel_names.reference.items():
        kernel = day_02.KERNELS_TO_NAME[letter]
        vertical, horizontal = _strongest(kernel, left_to_right), _strongest(kernel, left_to_right.T)
        if name == "vertical edges":
            assert vertical > 3 * horizontal
        elif name == "horizontal edges":
            assert horizontal > 3 * vertical
        else:
            assert np.isclose(vertical, horizontal)
        keeps_brightness = np.isclose(kernel.sum(), 1)
        assert keeps_brightness == (name in ("blur", "sharpen", "shift left", "shift right"))


def test_the_shift_goes_where_it_is_said_to_go():
    (letter,) = [letter for letter, name in day_02.kernel_names.reference.items() if name == "shift left"]
    image = np.arange(25).reshape(5, 5)
    moved = reference.conv2d(image, day_02.KERNELS_TO_NAME[letter])
    assert np.array_equal(moved, image[1:-1, 2:])  # each pixel holds what stood on its right


def test_turning_matters_where_a_photo_shows_it():
    photo = np.random.default_rng(0).normal(size=(9, 9))
    for letter, matters in day_02.flip_matters.reference.items():
        kernel = day_02.KERNELS_TO_TURN[letter]
        same = np.allclose(reference.conv2d(photo, kernel), reference.conv2d(photo, kernel[::-1, ::-1]))
        assert matters != same
