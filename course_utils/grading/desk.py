"""The desk: where cases are drawn and replies judged, `python -m course_utils.grading.desk`.

It has the questions with their answers and the secret, and runs nothing of the student's. Each job is done by a
throw-away worker under limits: a reply made to choke whoever reads it costs one question.
"""

import hashlib
import hmac
import importlib
import importlib.util
import itertools
import os
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from course_utils import wire
from course_utils.checks import Case, Outcome, Question, Unreadable, decide, plain, questions_of
from course_utils.errors import CourseError
from course_utils.grading.feedback import feedback
from course_utils.room import channel, server, walls, work

FAULTS = ("", "unanswered", "raised", "type", "mutates")
# A question is asked with several draws of its cases; a model or a trained one, with a single draw.
DRAWS = 2
MESSAGES = 10**6  # of a reply are looked at


def load(source: str) -> ModuleType:
    """The questions: a module's name, or the path of an instructor's file. Raises CourseError."""
    if not source.endswith(".py"):
        return importlib.import_module(source)
    path = Path(source)
    try:
        spec = importlib.util.spec_from_file_location(path.stem, path)
        module = importlib.util.module_from_spec(spec)
        sys.modules[path.stem] = module  # dataclasses and pickles look there
        spec.loader.exec_module(module)
        questions = questions_of(module)
    except CourseError:
        raise
    except Exception as error:  # it is somebody's own Python: anything may be wrong with it
        raise CourseError(f"{path} cannot be used as questions: {type(error).__name__}: {error}") from error
    if not questions:
        raise CourseError(f"{path} declares no question: name the questions in its __all__.")
    return module


def number(secret: bytes, *about: object) -> int:
    """A number that only the owner of the secret can foretell, and always the same for the same things."""
    return int.from_bytes(hmac.digest(secret, repr(about).encode(), hashlib.sha256)[:8])


class Desk:
    """The questions of one day, ready to be asked and judged."""

    def __init__(self, module: ModuleType, secret: bytes) -> None:
        self.questions = {question.name: question for question in questions_of(module)}
        self.secret = secret

    def do(self, job: bytes, write: Callable[[bytes], None]) -> None:
        """One job, as encoded by `wire`: {"do": "ask" or "judge", ...}; the answer likewise."""
        asked = wire.decode(job)
        answer = {"ask": self._ask, "judge": self._judge}[asked.pop("do")](**asked)
        write(wire.encode(answer))

    def _ask(self, student: str, day: int) -> dict[str, list[dict]]:
        """The inputs of every case by question, as this student gets them."""
        asked = {}
        for question in self.questions.values():
            asked[question.name] = [dict(case.inputs) for case in self._cases(question, student, day)]
        return asked

    def _judge(self, student: str, day: int, question: str, reply: np.ndarray, why: str) -> dict[str, Any]:
        """The verdict on a room's reply. why: how the worker ended, "" if in order."""
        asked = self.questions[question]
        cases = self._cases(asked, student, day)
        said = _read(reply.tobytes(), len(cases))
        broken = why and len(said.outcomes) < len(cases)
        outcomes = (said.outcomes + [Outcome(fault="raised")] * len(cases))[: len(cases)]
        verdict = decide(asked, cases, outcomes)
        fault = why if broken else verdict.fault
        mistake = "" if broken else verdict.mistake
        raised = next((outcome.detail for outcome in outcomes if outcome.fault == "raised"), "")
        return {
            "points": 0 if broken else verdict.points,
            "status": "wrong" if broken else verdict.status,
            "fault": fault,
            "mistake": mistake,
            "feedback": feedback(asked, verdict, fault, mistake, raised),
            "begun": said.begun,
            "skipped": said.skipped,
            "more": said.more,
        }

    def _cases(self, question: Question, student: str, day: int) -> list[Case]:
        draws = DRAWS if question.cases and question.kind != "object" else 1
        found = []
        for draw in range(draws):
            seed = number(self.secret, student, day, question.name, draw)
            given = question.given(np.random.default_rng(seed)) if question.given else {}
            found += question.draw(seed, **given)
        return found


class _Reply(NamedTuple):
    """What a room's reply says. begun: the statement that it did not get beyond, or []; skipped: one that was left out
    because it had ended an earlier try, or []; more: whether there are cells that were not run."""

    outcomes: list[Outcome]
    begun: list[int]
    skipped: list[int]
    more: bool


def _read(stream: bytes, cases: int) -> _Reply:
    bodies: list[bytes] = []
    latest: dict[bytes, bytes] = {}
    for kind, body in itertools.islice(wire.frames(stream), MESSAGES):
        latest[kind] = body
        if kind == work.OUTCOME and len(bodies) < cases:
            bodies.append(body)
    outcomes = [_outcome(_value(body)) for body in bodies]
    if work.FAULT in latest:  # no case was tried with it
        outcomes = [_fault(_value(latest[work.FAULT]))] * cases
    begun, skipped = (_place(latest.get(kind)) for kind in (work.BEGINS, work.SKIPPED))
    return _Reply(outcomes, begun, skipped, work.MORE in latest)


def _place(body: bytes | None) -> list[int]:
    """The place of a statement, or [] for what is none."""
    value = None if body is None else _value(body)
    return value if isinstance(value, list) and all(type(n) is int for n in value) else []


def _value(body: bytes) -> Any:
    try:
        return wire.decode(body)
    except wire.Malformed:
        return None


def _outcome(value: Any) -> Outcome:
    """What a reply says of one case; whatever is not of the agreed form is no answer."""
    if not (isinstance(value, list) and len(value) == 3):
        return Outcome(fault="type")
    fault, detail, answer = value
    if fault not in FAULTS or not isinstance(detail, str):
        return Outcome(fault="type")
    try:
        return Outcome(plain(answer), fault, detail[:200])
    except Unreadable:
        return Outcome(fault="type")


def _fault(value: Any) -> Outcome:
    found = _outcome([*value, None] if isinstance(value, list) else value)
    return found if found.fault else Outcome(fault="type")


def main() -> int:
    """Serve jobs until the grader closes. The first message names the questions; the secret comes with it."""
    control = server.connected()
    message = channel.receive(control)
    if message is None:
        return 1
    head, (file,) = message
    desk = Desk(load(head["questions"]), channel.contents(file))
    os.close(file)
    server.serve(control, os.fork, walls.restrict, desk.do)
    return 0


if __name__ == "__main__":
    sys.exit(main())
