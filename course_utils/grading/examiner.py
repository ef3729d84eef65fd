"""The examiner: one submission in, one result out. It holds the answers and meets none of the student's code.

A room (inside the sandbox) runs the code and replies with values; a desk (outside) draws the cases and judges replies.
Both are processes of their own, and both do each job in a worker that is thrown away.
"""

import contextlib
import dataclasses
import functools
import hashlib
import hmac
import itertools
import os
import random
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from course_utils import wire
from course_utils.errors import CourseError
from course_utils.grading import proof, sandbox
from course_utils.grading.days import Day, gradable, room_library, start_desk
from course_utils.grading.desk import MESSAGES
from course_utils.grading.feedback import SENTENCES
from course_utils.grading.processes import Server
from course_utils.grading.results import Mark, Result
from course_utils.room import work
from course_utils.room.server import End
from course_utils.room.walls import Limits

RETRIES = 3
DESK = Limits(seconds=60.0, memory_mb=4096)
# After these, running more of the cells would only cost the same again.
ROOM_FAULTS = ("time", "memory", "processes", "reply", "died")


@dataclass(frozen=True)
class Settings:
    """How a batch is graded.

    root: the course's folder. questions: an instructor's own file of questions, or None for the course's. seed: the
    secret that all cases are drawn from. profile: how much training notebooks may spend. unsafe: without the sandbox.
    seconds: processor time for an answer that needs no framework; one that does gets four times the day's budget.
    """

    root: Path
    questions: Path | None = None
    seed: bytes = b""
    profile: str = "smoke"
    unsafe: bool = False
    seconds: float = 20.0


class Examiner:
    """Grades submissions, one at a time. Its processes start with the first submission of a day."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._folder = tempfile.TemporaryDirectory(prefix="course-grading-")
        self._open: tuple[int, Server, Server] | None = None

    def days(self) -> list[int]:
        """The days that can be graded."""
        return sorted(self._days)

    def fingerprint(self, student: str, day: int, filename: str, data: bytes) -> str:
        """Equal fingerprints mean that grading again would give the same marks."""
        known = self._day(day).fingerprint
        about = repr(
            (student, day, filename, known, self.settings.profile, self.settings.unsafe, self.settings.seconds)
        )
        return hmac.digest(self.settings.seed, about.encode() + data, hashlib.sha256).hex()[:32]

    def prove(self) -> None:
        """Try the walls of a room. Raises CourseError where one does not hold, unless the settings do without them."""
        sandbox.refuse_other_systems()
        if not self.settings.unsafe:
            room, _ = self._servers(self.days()[0])
            proof.prove(room)

    def grade(self, student: str, day: int, filename: str, data: bytes) -> Result:
        """Grade one file, whatever is in it."""
        start = time.monotonic()
        known = self._day(day)
        fingerprint = self.fingerprint(student, day, filename, data)
        room, desk = self._servers(day)
        done = functools.partial(Result, student, day, filename, fingerprint, sandboxed=not self.settings.unsafe)
        about = {"do": "read", "data": np.frombuffer(data, np.uint8), "suffix": Path(filename).suffix.lower()}
        end, reply = room.ask(wire.encode(about), Limits(seconds=self.settings.seconds))
        found = _by_kind(reply)
        if work.CELLS not in found:
            reason = "The file is not a notebook." if end.why else str(wire.decode(found[work.UNFIT]))
            return done(known.nothing(reason), reason=reason, seconds=time.monotonic() - start)
        shortcuts = wire.decode(found[work.SHORTCUTS]) if work.SHORTCUTS in found else {}
        asked = wire.decode(desk.ask(wire.encode({"do": "ask", "student": student, "day": day}), DESK)[1])
        order = list(known.questions)
        # Which question comes first is nothing to build upon, and yet the same each time.
        random.Random(hmac.digest(self.settings.seed, f"order {student} {day}".encode(), hashlib.sha256)).shuffle(order)
        sitting = _Sitting(student, day, found[work.CELLS], known, self._limits(day), room, desk)
        marks = {name: sitting.mark(name, asked[name], shortcuts.get(name, [])) for name in order}
        return done(tuple(marks[name] for name in known.questions), seconds=round(time.monotonic() - start, 3))

    def nothing(self, student: str, day: int, filename: str, reason: str) -> Result:
        """The result of a file that cannot be graded. It has no fingerprint, so the next batch tries it again."""
        marks = self._day(day).nothing(reason)
        return Result(student, day, filename, "", marks, reason, sandboxed=not self.settings.unsafe)

    def close(self) -> None:
        """End all processes and remove what they needed."""
        self._close_servers()
        self._folder.cleanup()

    @functools.cached_property
    def _days(self) -> dict[int, Day]:
        return gradable(self.settings.root, self.settings.questions)

    def _day(self, day: int) -> Day:
        if day not in self._days:
            listed = ", ".join(map(str, self.days()))
            raise CourseError(f"Day {day} cannot be graded: the days with an exercise and questions are {listed}.")
        return self._days[day]

    def _limits(self, day: int) -> Limits:
        return self._day(day).limits(self.settings.seconds, self.settings.profile)

    @functools.cached_property
    def _library(self) -> Path:
        return room_library(Path(self._folder.name) / "library", self.settings.questions)

    def _servers(self, day: int) -> tuple[Server, Server]:
        """The room and the desk of a day; those of another day are ended first, for they may hold a framework each."""
        if self._open and self._open[0] != day:
            self._close_servers()
        if not self._open:
            known = self._day(day)
            environment = {"COURSE_PROFILE": known.profile(self.settings.profile)}
            if backend := os.environ.get("KERAS_BACKEND"):
                environment["KERAS_BACKEND"] = backend
            uid = None if self.settings.unsafe else sandbox.uid()
            head = {"imports": ["jupytext", *known.imports], "sandboxed": not self.settings.unsafe, "uid": uid}
            start = functools.partial(sandbox.start, self._library, environment, not self.settings.unsafe)
            room = Server(start, head, wire.encode(known.room))
            desk = Server(start_desk, {"questions": known.source}, self.settings.seed)
            self._open = (day, room, desk)
        return self._open[1:]

    def _close_servers(self) -> None:
        for server in self._open[1:] if self._open else ():
            server.close()
        self._open = None


@dataclass
class _Sitting:
    """One submission while its questions are put."""

    student: str
    day: int
    cells: bytes
    known: Day
    limits: Limits
    room: Server
    desk: Server

    def __post_init__(self) -> None:
        self.ended: dict[tuple[int, ...], str] = {}  # statements that ended a worker, and how

    def mark(self, name: str, cases: list[dict], shortcuts: list[str]) -> Mark:
        """Put one question: first to the cells that the answer needs, then, if it is not right, to all of them."""
        question, seconds = self.known.questions[name], 0.0
        best: dict[str, Any] | None = None
        for every in (False, True):
            judged, spent = self._try(name, cases, every)
            seconds += spent
            if best is None or judged["points"] > best["points"]:
                best = judged
            if judged["status"] == "right" or not judged["more"] or judged["fault"] in ROOM_FAULTS:
                break
        flags = tuple(f"{name} uses {word}" for word in shortcuts)
        told = [best[key] for key in ("points", "status", "fault", "mistake", "feedback")]
        return Mark(name, told[0], question.points, *told[1:], seconds=round(seconds, 3), flags=flags)

    def _try(self, name: str, cases: list[dict], every: bool) -> tuple[dict[str, Any], float]:
        """Run the program; a statement that ends the worker is left out the next time."""
        seconds, carried = 0.0, self.known.questions[name].carry
        for _ in range(RETRIES + 1):
            job = {"do": "run", "own": np.frombuffer(self.cells, np.uint8), "question": name, "every": every}
            job |= {"skip": list(map(list, self.ended)), "cases": [] if carried else cases, "seed": self.day}
            end, reply = self.room.ask(wire.encode(job), self.limits)
            if carried:
                end, reply = self._look(name, cases, end, reply)
            judged = self._judge(name, end, reply)
            seconds += end.seconds
            if not judged["begun"]:
                break
            self.ended[tuple(judged["begun"])] = end.why or "died"
        # Without the statement there is no answer: that it ended the worker is what the student should know.
        why = self.ended.get(tuple(judged["skipped"]))
        if why and judged["status"] == "unanswered":
            judged |= {"status": "wrong", "fault": why, "feedback": SENTENCES[why]}
        return judged, seconds

    def _look(self, name: str, cases: list[dict], end: End, reply: bytes) -> tuple[End, bytes]:
        """Have a fresh worker look at the model that the student's worker sent, of which only the data counts."""
        sent = list(itertools.islice(wire.frames(reply), MESSAGES))
        before = b"".join(wire.frame(*one) for one in sent if one[0] not in (work.OUTCOME, work.PACKED))
        packed = next((body for kind, body in sent if kind == work.PACKED), None)
        if packed is None:
            return end, before
        job = {"do": "look", "question": name, "data": np.frombuffer(packed, np.uint8), "cases": cases}
        looked, outcomes = self.room.ask(wire.encode(job), self.limits)
        return dataclasses.replace(looked, seconds=end.seconds + looked.seconds), before + outcomes

    def _judge(self, name: str, end: End, reply: bytes) -> dict[str, Any]:
        job = {"do": "judge", "student": self.student, "day": self.day, "question": name, "why": end.why}
        end, verdict = self.desk.ask(wire.encode({**job, "reply": np.frombuffer(reply, np.uint8)}), DESK)
        with contextlib.suppress(wire.Malformed):
            if not end.why:
                return wire.decode(verdict)
        # The reply was more than the desk's worker could bear.
        text = "Your answer cannot be read."
        told = {"points": 0, "status": "wrong", "fault": "reply", "mistake": "", "feedback": text}
        return {**told, "begun": [], "skipped": [], "more": False}


def _by_kind(stream: bytes) -> dict[bytes, bytes]:
    return dict(wire.frames(stream))
