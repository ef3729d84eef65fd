"""From a student's answer to plain values: the only part of a check that runs code of the student's."""

import contextlib
import inspect
import io
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from course_utils.checks.compare import BLANK, Unreadable, plain
from course_utils.checks.question import Case, Question


@dataclass(frozen=True)
class Outcome:
    """What an answer gave for one case: a plain value, or why there is none."""

    value: Any = None
    fault: Literal["", "unanswered", "raised", "type", "mutates"] = ""
    detail: str = ""


def observe(question: Question, answer: Any, cases: list[Case]) -> list[Outcome]:
    """One outcome for each case. Never raises, whatever the answer does, except on an interrupt."""
    if question.carry:
        carried = packed(question, answer)
        return [carried] * len(cases) if carried.fault else looked(question, carried.value, cases)
    if any(answer is blank for blank in BLANK):
        return [Outcome(fault="unanswered")] * len(cases)
    if question.kind == "function" and (unfit := _unfit(question, answer, cases[0])):
        return [Outcome(fault="type", detail=unfit)] * len(cases)
    if question.kind == "value" and callable(answer):
        detail = f"`{question.name}` is asked for as a value; yours is a function or a class."
        return [Outcome(fault="type", detail=detail)]
    return [_one(question, answer, case) for case in cases]


def packed(question: Question, answer: Any) -> Outcome:
    """A model as data: the first half of observing one, beside the student's code. The value is for `looked` only."""
    if any(answer is blank for blank in BLANK):
        return Outcome(fault="unanswered")
    if question.kind == "function" and not callable(answer):
        return Outcome(fault="type", detail=_no_function(question, answer))
    make = _insisting(answer) if question.kind == "function" else lambda: answer
    return _attempt(lambda: question.carry.pack(make()))


def looked(question: Question, data: Any, cases: list[Case]) -> list[Outcome]:
    """What `observe` sees in a model rebuilt from data: the second half, where no code of the student's runs."""
    rebuilt = _attempt(lambda: question.carry.unpack(data))
    if rebuilt.fault:
        return [rebuilt] * len(cases)
    answer = (lambda: rebuilt.value) if question.kind == "function" else rebuilt.value
    return [_one(question, answer, case) for case in cases]


def _unfit(question: Question, answer: Any, case: Case) -> str:
    """Why the answer cannot be called with these inputs, or ""."""
    if not callable(answer):
        return _no_function(question, answer)
    if question.observe:
        return ""
    try:
        inspect.signature(answer).bind(*case.inputs.values())
    except TypeError:
        names = ", ".join(case.inputs)
        return f"Your function is called as {question.name}({names}), but does not take these arguments."
    except ValueError:  # a built-in without a signature
        pass
    return ""


def _no_function(question: Question, answer: Any) -> str:
    return f"`{question.name}` is asked for as a function; yours is of the type {type(answer).__name__}."


def _one(question: Question, answer: Any, case: Case) -> Outcome:
    inputs = case.copied()

    def value() -> Any:
        if question.observe:
            return plain(question.observe(_insisting(answer) if question.kind == "function" else answer, **inputs))
        return plain(answer(*inputs.values()) if question.kind == "function" else answer)

    outcome = _attempt(value)
    if not outcome.fault and (changed := _changed(case.inputs, inputs)):
        return Outcome(outcome.value, "mutates", changed)
    return outcome


def _attempt(work: Callable[[], Any]) -> Outcome:
    """What a piece of work gives, or what came in its way."""
    # What a student prints while looking for a fault would bury the card under one page for each case.
    quiet = contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO())
    try:
        with quiet[0], quiet[1], warnings.catch_warnings():
            warnings.simplefilter("ignore")
            value = work()
    except NotImplementedError:
        return Outcome(fault="unanswered")
    except Unreadable as reason:
        return Outcome(fault="type", detail=str(reason))
    except (Exception, SystemExit) as error:
        return Outcome(fault="raised", detail=_brief(error))
    if value is None or _all_blank(value):
        return Outcome(fault="unanswered")
    return Outcome(value)


def _insisting(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, which says so where it returns nothing: `observe` need not look for that."""

    def call(*args: Any, **kwargs: Any) -> Any:
        value = function(*args, **kwargs)
        if any(value is blank for blank in BLANK):
            raise NotImplementedError
        return value

    return call


def _all_blank(value: Any) -> bool:
    """A form of which no entry has been filled in."""
    if not isinstance(value, dict) or not value:
        return False
    return all(entry is None or (isinstance(entry, str) and not entry) for entry in value.values())


def _changed(before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    names = [
        name
        for name, value in before.items()
        if isinstance(value, np.ndarray)
        and not (
            value.shape == after[name].shape and np.array_equal(value, after[name], equal_nan=value.dtype.kind == "f")
        )
    ]
    return ", ".join(names)


def _brief(error: BaseException) -> str:
    """The exception's type and the first line of its text, without control characters."""
    try:
        text = str(error).strip().split("\n")[0]
    except Exception:
        text = ""
    text = "".join(c for c in text if c.isprintable())
    return f"{type(error).__name__}: {text[:120]}" if text else type(error).__name__
