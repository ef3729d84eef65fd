"""What a question is: its reference, the inputs it is asked with, and the mistakes it knows, each as code."""

import copy
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType, ModuleType
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from course_utils.checks.carried import Carry

if TYPE_CHECKING:
    from course_utils.checks.judge import Key

Kind = Literal["function", "value", "object"]
FAULTS = ("raised", "type", "shape", "values")


class Case:
    """One set of inputs, by parameter name and in the order in which a function is called with them."""

    def __init__(self, /, **inputs: Any) -> None:
        self.inputs = MappingProxyType(inputs)
        self.hidden: Mapping[str, Any] = {}

    def knowing(self, **hidden: Any) -> "Case":
        """The case with what only the rules of the question see, such as the true labels of the images."""
        self.hidden = MappingProxyType(hidden)
        return self

    def copied(self) -> dict[str, Any]:
        """Deep copies of the inputs: what a student's code gets, so that nothing it does to them matters."""
        return copy.deepcopy(dict(self.inputs))


class Rule(NamedTuple):
    """What a right answer keeps, and an answer that breaks it: a mistake as code."""

    holds: Callable[..., bool]  # of the value, and of the case's inputs and hidden by name
    broken_by: Any = None  # never None, but in a student's copy of the question


@dataclass(frozen=True, eq=False, repr=False)
class Question:
    """A question as declared by `question`, which says what each field means."""

    name: str
    points: int
    kind: Kind
    reference: Any
    cases: Callable[..., list[Case]] | None = None
    mistakes: Mapping[str, Any] = field(default_factory=dict)
    rules: Mapping[str, Rule] = field(default_factory=dict)
    observe: Callable[..., Any] | None = None
    options: tuple[str, ...] = ()
    tolerance: float = 1e-5
    partial: int = 0
    hints: Mapping[str, str] = field(default_factory=dict)
    given: Callable[..., dict[str, Any]] | None = None
    shortcuts: tuple[str, ...] = ()
    carry: Carry | None = None

    def __repr__(self) -> str:  # never the reference: students print things
        return f"Question({self.name!r}, points={self.points})"

    @property
    def judged(self) -> bool:
        """Whether there is something here to judge answers by."""
        return True

    def key(self) -> "Key | None":
        """What answers are compared with, where it was made beforehand and cannot be made here."""
        return None

    def draw(self, seed: int | None = None, **given: Any) -> list[Case]:
        """The cases of a seed, from small to large; None is the seed of the notebook.

        given: what the cases need from outside, such as a data set; the names are those of `cases`' parameters.
        """
        if self.cases is None:
            return [Case()]
        # The name goes in, so that one seed does not give two questions the same pictures.
        rng = np.random.default_rng([0 if seed is None else seed, zlib.crc32(self.name.encode())])
        return self.cases(rng, **given)


def question(
    name: str,
    *,
    points: int,
    reference: Any,
    cases: Callable[..., list[Case]] | None = None,
    mistakes: Mapping[str, Any] | None = None,
    rules: Mapping[str, Rule] | None = None,
    observe: Callable[..., Any] | None = None,
    kind: Kind | None = None,
    options: Sequence[str] = (),
    tolerance: float = 1e-5,
    partial: int = 0,
    hints: Mapping[str, str] | None = None,
    given: Callable[..., dict[str, Any]] | None = None,
    shortcuts: Sequence[str] = (),
    carry: Carry | None = None,
) -> Question:
    """Declare a question.

    kind: "function" (the default where there are cases): the answer is called with each case's inputs;
    "value" (the default where there are none): the answer is compared as it is; "object": anything else, such as a
    trained model, which `observe` turns into values.
    reference: the right function or value. cases: `cases(rng, **given)` gives the list of cases, small to large.
    mistakes: {sentence that explains it: wrong function or value}. An answer that equals a mistake on all cases where
    the mistake is defined, one of them telling it from the reference, is told the sentence.
    rules: instead of mistakes where right answers are not unique: {sentence if it does not hold:
    Rule(holds, broken_by)} in the order of asking; broken_by is an answer that breaks this rule and none before it.
    The reference is then an example only. A rule that raises means that the answer has not the form asked for.
    observe: `observe(answer, **inputs)` gives the value to look at instead of calling the answer. It runs beside the
    student's code, sees neither reference nor rules, and raises `Unreadable(sentence)` for what it cannot use.
    For kind "object", reference and mistakes are functions of a case's inputs and hidden that give such an answer.
    options: the words to choose from. tolerance: allowed difference, relative to the largest expected value or to 1.
    partial: points for an answer whose only fault is a named mistake. All other wrong answers earn none.
    hints: what to say, besides the bare fact, about an answer that is wrong in no way known: {"raised", "type",
    "shape", "values": sentence}. Never the answer.
    given: `given(rng)` makes what `cases` needs from outside when the question is graded, where the notebook hands over
    its own. shortcuts: words in an answer that an instructor would want to look at, such as "scipy.signal".
    carry: for an answer that is a model, or a function without arguments that builds one: how it is carried as data
    (`KERAS` or `TORCH` of `checks.carried`). `observe` then sees a model rebuilt from the data, away from the student's
    code, so that what the model says of itself is worth nothing.
    Raises ValueError for a declaration that cannot work.
    """
    kind = kind or ("function" if cases else "value")
    rules, hints = dict(rules or {}), dict(hints or {})
    if bool(mistakes) == bool(rules):
        raise ValueError(f"{name}: declare either mistakes, or rules that are broken by them")
    if any(rule.broken_by is None for rule in rules.values()):
        raise ValueError(f"{name}: say of each rule what breaks it")
    if not 0 <= partial < points:
        raise ValueError(f"{name}: partial points lie between 0 and {points - 1}")
    if kind != "value" and cases is None:
        raise ValueError(f"{name}: a {kind} question needs cases")
    if kind == "object" and not (observe and rules):
        raise ValueError(f"{name}: an object question says what to observe, and has rules for it")
    if carry and not observe:
        raise ValueError(f"{name}: a carried model is observed; say what to look at")
    if unknown := set(hints) - set(FAULTS):
        raise ValueError(f"{name}: hints are for {', '.join(FAULTS)}, not {', '.join(unknown)}")
    known = dict(mistakes or {sentence: rule.broken_by for sentence, rule in rules.items()})
    return Question(
        name,
        points,
        kind,
        reference,
        cases,
        known,
        rules,
        observe,
        tuple(options),
        tolerance,
        partial,
        hints,
        given,
        tuple(shortcuts),
        carry,
    )


def questions_of(day: ModuleType) -> list[Question]:
    """The questions of a day's module, in the order of its `__all__`."""
    return [value for name in day.__all__ if isinstance(value := getattr(day, name), Question)]
