"""Questions without their answers, as students have them: `course bundle` writes modules that declare them so.

The checks of the notebook work all the same. For a question that is answered by a function, a file holds the inputs
of the notebook's cases with what the reference and each mistake give for them. For a question that is answered by a
value, the file holds that value and those of the mistakes hidden (see `hidden`). Rules stand in the module itself.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from course_utils import wire
from course_utils.checks.carried import Carry
from course_utils.checks.hidden import Hidden
from course_utils.checks.judge import Key, make_key
from course_utils.checks.observe import Outcome
from course_utils.checks.question import Case, Kind, Question, Rule
from course_utils.errors import CourseError

KEYS = Path(__file__).parent / "keys"


@dataclass(frozen=True, eq=False, repr=False)
class SealedQuestion(Question):
    """A question whose cases and key come from a file. Without one its check shows nothing."""

    path: Path | None = None

    @property
    def judged(self) -> bool:
        return bool(self.rules) or self.path is not None

    def draw(self, seed: int | None = None, **given: Any) -> list[Case]:
        """The notebook's cases. Raises ValueError for a seed: other cases cannot be made here."""
        if self.rules:
            return super().draw(seed, **given)
        if seed is not None:
            raise ValueError(f"{self.name}: a sealed question has the notebook's cases only")
        return self._opened[0]

    def key(self) -> Key:
        return self._opened[1]

    @cached_property
    def _opened(self) -> tuple[list[Case], Key]:
        try:
            return unsealed(self.path.read_bytes())
        except (OSError, wire.Malformed, KeyError, TypeError, ValueError) as error:
            raise CourseError(
                f"The check of {self.name} misses its file {self.path.name}, or it is damaged: take it from the "
                "course's bundle again."
            ) from error


def question(
    name: str,
    *,
    points: int,
    key: str = "",
    kind: Kind | None = None,
    cases: Callable[..., list[Case]] | None = None,
    rules: Mapping[str, Rule] | None = None,
    observe: Callable[..., Any] | None = None,
    options: Sequence[str] = (),
    tolerance: float = 1e-5,
    partial: int = 0,
    hints: Mapping[str, str] | None = None,
    shortcuts: Sequence[str] = (),
    carry: Carry | None = None,
) -> SealedQuestion:
    """Declare a question as `checks.question` does, but for its answers.

    key: the file below `keys` that an answer is compared with, such as "day_02/conv2d"; "" for no check.
    """
    return SealedQuestion(
        name,
        points,
        kind or ("function" if cases else "value"),
        None,
        cases,
        rules=dict(rules or {}),
        observe=observe,
        options=tuple(options),
        tolerance=tolerance,
        partial=partial,
        hints=dict(hints or {}),
        shortcuts=tuple(shortcuts),
        carry=carry,
        path=KEYS / f"{key}.key" if key else None,
    )


def seal(question: Question, salt: str) -> bytes:
    """What `unsealed` reads: the notebook's cases of a question with mistakes, and their key.

    Raises CourseError for inputs or values that cannot be written down, and for cases that need data from outside.
    """
    try:
        cases = question.draw()
        key = make_key(question, cases)
        if question.kind == "value":
            hide = Hidden.of
            expected = [hide(key.expected[0], question.tolerance, salt)]
            mistakes = {
                number: [hide(outcome.value, question.tolerance, salt, sentence) for outcome in outcomes]
                for number, (sentence, outcomes) in enumerate(key.mistakes.items())
            }
        else:
            expected = key.expected
            mistakes = {
                sentence: [None if _undefined(one) else one.value for one in outcomes]
                for sentence, outcomes in key.mistakes.items()
            }
        inputs = [dict(case.inputs) for case in cases]
        hidden = question.kind == "value"
        return wire.encode({"hidden": hidden, "cases": inputs, "expected": expected, "mistakes": mistakes})
    except (TypeError, ValueError) as error:
        raise CourseError(f"The check of the question {question.name} cannot be sealed: {error}.") from error


def unsealed(data: bytes) -> tuple[list[Case], Key]:
    """The cases and the key in what `seal` wrote. Raises wire.Malformed for anything else."""
    read = wire.decode(data)
    value = (lambda entry: Hidden(*entry)) if read["hidden"] else (lambda entry: entry)
    mistakes = {
        sentence: [Outcome(fault="raised") if entry is None else Outcome(value(entry)) for entry in entries]
        for sentence, entries in read["mistakes"].items()
    }
    return [Case(**inputs) for inputs in read["cases"]], Key([value(one) for one in read["expected"]], lambda: mistakes)


def _undefined(outcome: Outcome) -> bool:
    return outcome.fault not in ("", "mutates")
