"""From plain values to a verdict: compared with the reference, the mistake named. Runs no code of the student's."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

from course_utils.checks.compare import Difference, difference, plain
from course_utils.checks.describe import describe, describe_inputs
from course_utils.checks.hidden import Hidden
from course_utils.checks.observe import Outcome, observe
from course_utils.checks.question import Case, Question

UNANSWERED = "Not answered yet."


@dataclass(frozen=True)
class Verdict:
    """What became of an answer.

    fault: in what respect it is wrong ("raised", "type", "shape", "values", "mutates") or "". mistake: the sentence of
    the mistake recognised, or "". smallest_case: the smallest input that shows the fault, in words, or "".
    message: all that a student is told; it holds no expected value.
    """

    question: str
    points: int
    max_points: int
    status: Literal["right", "wrong", "unanswered"]
    fault: str = ""
    mistake: str = ""
    smallest_case: str = ""
    message: str = ""


@dataclass(frozen=True)
class Key:
    """What answers are compared with: for each case the expected value, and what each mistake gives there.

    An outcome with a fault stands where a mistake is not defined. The mistakes are made when a wrong answer asks for
    them. Of a hidden value the sentence is hidden too, and its place taken by a number.
    """

    expected: list[Any]
    make_mistakes: Callable[[], Mapping[str | int, list[Outcome]]]

    @cached_property
    def mistakes(self) -> Mapping[str | int, list[Outcome]]:
        return self.make_mistakes()


def judge(question: Question, answer: Any, seed: int | None = None, **given: Any) -> Verdict:
    """Put the question to an answer. Never raises because of the answer.

    seed: draws the cases; None is the seed of the notebook. given: handed to the question's `cases`.
    """
    cases = question.draw(seed, **given)
    return decide(question, cases, observe(question, answer, cases))


def make_key(question: Question, cases: list[Case]) -> Key:
    """Run the reference and every mistake on the cases (nothing for a question with rules)."""
    if question.rules:
        return Key([None] * len(cases), dict)
    return question.key() or Key(
        [_expected(question, case) for case in cases],
        lambda: {sentence: observe(question, wrong, cases) for sentence, wrong in question.mistakes.items()},
    )


def decide(question: Question, cases: list[Case], outcomes: list[Outcome], key: Key | None = None) -> Verdict:
    """The verdict on what `observe` found. key: that of the cases, if it was made before."""
    if all(outcome.fault == "unanswered" for outcome in outcomes):
        return Verdict(question.name, 0, question.points, "unanswered", message=UNANSWERED)
    key = key or make_key(question, cases)
    found = [
        _difference(question, case, outcome, expected)
        for case, outcome, expected in zip(cases, outcomes, key.expected, strict=True)
    ]
    if not any(found):
        return Verdict(question.name, question.points, question.points, "right", message="All of it is right.")
    mistake, where = _recognise(question, outcomes, found, key)
    first = where if where is not None else next(i for i, one in enumerate(found) if one)
    # One case is no choice of cases, and an answer of the wrong kind altogether is so for every input.
    of_no_use = len(cases) == 1 or all(one and one.fault == "type" for one in found)
    smallest = "" if of_no_use else describe_inputs(cases[first].inputs)
    points = question.partial if mistake else 0
    message = _message(question, outcomes[first], found[first], mistake, smallest)
    return Verdict(question.name, points, question.points, "wrong", found[first].fault, mistake, smallest, message)


def _expected(question: Question, case: Case) -> Any:
    inputs = case.copied()
    if question.observe:
        return plain(question.observe(question.reference, **inputs))
    return plain(question.reference(*inputs.values()) if question.kind == "function" else question.reference)


def _difference(question: Question, case: Case, outcome: Outcome, expected: Any) -> Difference | None:
    if outcome.fault == "unanswered":
        return Difference("type", "Your function returns nothing here.")
    if outcome.fault == "raised":
        return Difference("raised", f"Your code stops with {outcome.detail.rstrip('.')}.")
    if outcome.fault == "type":
        return Difference("type", outcome.detail)
    if question.rules:
        found = _broken_rule(question, case, outcome.value)
    else:
        found = _against(question, expected, outcome.value, question.options)
    if not found and outcome.fault == "mutates":
        return Difference("mutates", f"Your function changes its input ({outcome.detail}): work on a copy.")
    return found


def _against(question: Question, expected: Any, value: Any, options: tuple[str, ...] = ()) -> Difference | None:
    if isinstance(expected, Hidden):
        return expected.difference(value, question.tolerance, options)
    return difference(expected, value, question.tolerance, options, counted=question.kind != "value")


def _broken_rule(question: Question, case: Case, value: Any) -> Difference | None:
    for sentence, rule in question.rules.items():
        try:
            if not rule.holds(value, **case.copied(), **case.hidden):
                return Difference("values", sentence)
        except Exception:  # the value is not of the form that the rule reads
            return Difference("shape", "Your answer does not have the form asked for.")
    return None


def _recognise(
    question: Question, outcomes: list[Outcome], found: list[Difference | None], key: Key
) -> tuple[str, int | None]:
    """The sentence of the mistake made and the first case that shows it, or ("", None)."""
    if question.rules:
        first = next(i for i, one in enumerate(found) if one)
        known = found[first].fault == "values" and found[first].text in question.rules
        return (found[first].text, first) if known else ("", None)
    best: tuple[str, int | None] = ("", None)
    most = 0
    for sentence, wrongs in key.mistakes.items():
        telling = _agreement(question, outcomes, wrongs, found)
        if len(telling) > most:
            best, most = (_said(sentence, wrongs[telling[0]], outcomes[telling[0]]), telling[0]), len(telling)
    return best


def _said(sentence: str | int, wrong: Outcome, outcome: Outcome) -> str:
    return wrong.value.opened(outcome.value)[1] if isinstance(wrong.value, Hidden) else sentence


def _agreement(
    question: Question, outcomes: list[Outcome], wrongs: list[Outcome], found: list[Difference | None]
) -> list[int]:
    """The cases on which the answer is the mistake and not right, if it is the mistake wherever that is defined."""
    telling = []
    for i, (outcome, wrong) in enumerate(zip(outcomes, wrongs, strict=True)):
        if wrong.fault not in ("", "mutates"):
            continue
        if outcome.fault not in ("", "mutates") or _against(question, wrong.value, outcome.value):
            return []
        if found[i] and found[i].fault != "mutates":
            telling.append(i)
    return telling


def _message(question: Question, outcome: Outcome, found: Difference, mistake: str, smallest: str) -> str:
    lines = [mistake] if mistake else []
    if smallest:
        lines.append(f"Smallest case that shows it: {smallest}.")
    if found.text != mistake:
        lines.append(found.text)
    if outcome.value is not None and question.kind == "function" and not question.observe:
        lines.append(f"Your answer there: {describe(outcome.value)}.")
    if not mistake and (hint := question.hints.get(found.fault)):
        lines.append(hint)
    return "\n".join(lines)
