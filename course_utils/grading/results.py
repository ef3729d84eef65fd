"""What grading finds out: plain records, written as JSON and read back. They hold the course's own sentences only."""

import dataclasses
import json
from dataclasses import dataclass
from typing import Any, Literal

Status = Literal["right", "wrong", "unanswered"]


@dataclass(frozen=True)
class Mark:
    """What became of one question of one submission.

    fault: in what respect the answer is wrong: "raised", "type", "shape", "values", "mutates" as in a notebook's check,
    or "time", "memory", "processes", "died", "reply" where the room had to be closed; "" otherwise.
    mistake: the sentence of the mistake recognised, or "". feedback: all that the student is told. flags: for the
    instructor only, such as the use of a shortcut. Nothing here was written by the student.
    """

    question: str
    points: int
    max_points: int
    status: Status
    fault: str = ""
    mistake: str = ""
    feedback: str = ""
    seconds: float = 0.0
    flags: tuple[str, ...] = ()


@dataclass(frozen=True)
class Result:
    """What became of one submission.

    file: its name as found. fingerprint: of the file, the questions, the seed and the grader: equal means that grading
    again would give the same. reason: why the file could not be graded ("" if it was); its marks are then all 0.
    notes: what the instructor should know, such as a second notebook for the same day.
    """

    student: str
    day: int
    file: str
    fingerprint: str
    marks: tuple[Mark, ...]
    reason: str = ""
    notes: tuple[str, ...] = ()
    sandboxed: bool = True
    seconds: float = 0.0

    @property
    def points(self) -> int:
        return sum(mark.points for mark in self.marks)

    @property
    def max_points(self) -> int:
        return sum(mark.max_points for mark in self.marks)

    def to_json(self) -> str:
        return json.dumps(dataclasses.asdict(self), ensure_ascii=False, indent=1)


def from_json(text: str) -> Result:
    """Read back what `Result.to_json` wrote. Raises ValueError, KeyError or TypeError for anything else."""
    read: dict[str, Any] = json.loads(text)
    marks = tuple(Mark(**{**mark, "flags": tuple(mark["flags"])}) for mark in read["marks"])
    return Result(**{**read, "marks": marks, "notes": tuple(read["notes"])})
