"""The desk: with a secret's own cases it names the same mistakes, and a reply is an answer, whatever it claims."""

import json

import numpy as np
import pytest

from course_utils import wire
from course_utils.checks import observe, questions_of
from course_utils.grading.desk import Desk, load, number
from course_utils.room import work

DAY_2 = load("course_utils.checks.day_02")
WHO = {"student": "ann", "day": 2}


@pytest.fixture(scope="module")
def desk():
    return Desk(DAY_2, b"a seed")


def ask(desk, **job):
    said = []
    desk.do(wire.encode(job), said.append)
    return wire.decode(b"".join(said))


def judge(desk, question, reply, why="", **who):
    data = np.frombuffer(reply, np.uint8)
    return ask(desk, do="judge", question=question, reply=data, why=why, **{**WHO, **who})


def reply(desk, question, answer):
    """What an honest room would say of this answer."""
    asked = desk.questions[question]
    outcomes = observe(asked, answer, desk._cases(asked, *WHO.values()))
    return b"".join(outcome_of(o.fault, o.detail, o.value) for o in outcomes)


def outcome_of(*parts):
    return wire.frame(work.OUTCOME, wire.encode(list(parts)))


@pytest.mark.parametrize("question", questions_of(DAY_2), ids=lambda question: question.name)
def test_the_reference_is_right_and_nothing_is_unanswered(desk, question):
    right = judge(desk, question.name, reply(desk, question.name, question.reference))
    assert (right["points"], right["status"], right["feedback"]) == (question.points, "right", "All of it is right.")
    assert judge(desk, question.name, reply(desk, question.name, None))["status"] == "unanswered"


MISTAKES = [(question, sentence) for question in questions_of(DAY_2) for sentence in question.mistakes]


@pytest.mark.parametrize(("question", "sentence"), MISTAKES, ids=[f"{q.name}-{i}" for i, (q, _) in enumerate(MISTAKES)])
def test_each_mistake_is_named_on_secret_cases(desk, question, sentence):
    verdict = judge(desk, question.name, reply(desk, question.name, question.mistakes[sentence]))
    assert (verdict["mistake"], verdict["points"], verdict["status"]) == (sentence, question.partial, "wrong")
    assert verdict["feedback"].startswith(sentence)


def test_the_cases_are_more_than_the_notebooks_and_other_for_everyone(desk):
    mine, yours = (ask(desk, do="ask", student=student, day=2)["conv2d"] for student in ("ann", "bob"))
    again = Desk(DAY_2, b"a seed")
    assert len(mine) > len(DAY_2.conv2d.draw(None))
    assert wire.encode(mine) == wire.encode(ask(again, do="ask", student="ann", day=2)["conv2d"])
    shown = {wire.encode(dict(case.inputs)) for case in DAY_2.conv2d.draw(None)}
    assert len({wire.encode(case) for case in (*mine, *yours)} | shown) == len(mine) + len(yours) + len(shown)


def test_a_secret_number_depends_on_everything():
    numbers = {number(*about) for about in [(b"a", 1, 2), (b"b", 1, 2), (b"a", 12), (b"a", "1", 2), (b"a", 2, 1)]}
    assert len(numbers) == 5 and all(0 <= value < 2**64 for value in numbers)


def forged(desk):
    """Replies that claim more than they hold, by what they try."""
    right = reply(desk, "conv2d", DAY_2.conv2d.reference)
    messages = list(wire.frames(right))
    verdict = {"points": 4, "status": "right", "fault": "", "mistake": "", "feedback": "", "begun": [], "more": False}
    first = outcome_of("", "", np.zeros((2, 2)))
    return {
        "nothing": b"",
        "a verdict": wire.encode(verdict),
        "a verdict as an outcome": wire.frame(work.OUTCOME, wire.encode(verdict)) * len(messages),
        "a verdict as a value": outcome_of("", "", verdict) * len(messages),
        "JSON": json.dumps(verdict).encode(),
        "one outcome less": b"".join(wire.frame(*message) for message in messages[:-1]),
        "a wrong outcome before the right ones": first + right,
        "right but for one that cannot be read": right[: -len(wire.frame(*messages[-1]))] + wire.frame(b"O", b"\xff"),
        "no fault known": outcome_of("right", "", None) * len(messages),
        "faults of other types": outcome_of(["raised"], "", None) * len(messages),
        "outcomes of two parts": wire.frame(work.OUTCOME, wire.encode(["", ""])) * len(messages),
        "outcomes of four": outcome_of("", "", np.zeros(1), 4) * len(messages),
        "NaN": outcome_of("", "", np.full((2, 2), np.nan)) * len(messages),
        "true": outcome_of("", "", True) * len(messages),
        "a dict of arrays": outcome_of("", "", {"a": np.zeros(3)}) * len(messages),
        "deep lists": outcome_of("", "", [[[[[[[[[[1]]]]]]]]]]) * len(messages),
        "names of other questions": outcome_of("", "", ["kernel_names", "blur"]) * len(messages),
    }


@pytest.mark.parametrize("name", forged(Desk(DAY_2, b"a seed")))
def test_a_forged_reply_is_a_wrong_answer(desk, name):
    verdict = judge(desk, "conv2d", forged(desk)[name])
    assert verdict["points"] == 0 and verdict["status"] == "wrong"


def test_outcomes_after_the_last_case_do_not_count(desk):
    right = reply(desk, "conv2d", DAY_2.conv2d.reference)
    assert judge(desk, "conv2d", right + outcome_of("raised", "", None))["points"] == 4


@pytest.mark.parametrize("why", ["time", "memory", "processes", "reply", "died"])
def test_a_worker_that_was_ended_early_earns_nothing(desk, why):
    right = list(wire.frames(reply(desk, "conv2d", DAY_2.conv2d.reference)))
    early = b"".join(wire.frame(*message) for message in right[:-1])
    verdict = judge(desk, "conv2d", early, why)
    assert (verdict["points"], verdict["fault"]) == (0, why) and verdict["feedback"].startswith("Your ")


def test_what_an_exception_says_is_not_told(desk):
    count = len(list(wire.frames(reply(desk, "conv2d", None))))
    told = judge(desk, "conv2d", outcome_of("raised", "ValueError: <script>secret", None) * count)["feedback"]
    assert told.startswith("Your code stops with a ValueError.") and "secret" not in told
    told = judge(desk, "conv2d", outcome_of("raised", "<script>: x", None) * count)["feedback"]
    assert told.startswith("Your code stops with an error.") and "script" not in told
