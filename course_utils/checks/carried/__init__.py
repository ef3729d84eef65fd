"""Models carried as data: what a model is made of, and its weights.

A model is an object of the student's and can say anything of itself. So a check packs it, rebuilds it from a
whitelist of the framework's own parts, and looks at what was rebuilt. The frameworks are imported where they are used.
"""

import importlib
from dataclasses import dataclass
from typing import Any

from course_utils.checks.compare import Unreadable

MOST_NUMBERS = 16
"""Numbers that one part of a model may have among its settings: more could hide weights, or images, from a count."""


@dataclass(frozen=True)
class Carry:
    """How models of a framework become plain values, and models again. module: where its `pack` and `unpack` are."""

    module: str

    def pack(self, model: Any) -> dict[str, Any]:
        """The model as texts, numbers and arrays. Raises Unreadable for what cannot be carried."""
        return importlib.import_module(self.module).pack(model)

    def unpack(self, packed: Any) -> Any:
        """The model that `pack` described, rebuilt; `packed` may be anybody's. Raises Unreadable for anything else."""
        return importlib.import_module(self.module).unpack(packed)


KERAS = Carry("course_utils.checks.carried.keras_models")
TORCH = Carry("course_utils.checks.carried.torch_models")


def names(text: str) -> frozenset[str]:
    """The words of a text."""
    return frozenset(text.split())


def few_numbers(settings: Any, part: str) -> None:
    """Raises Unreadable if a part of a model has many numbers, at any depth, among its settings.

    Parts inside it (they say their "class_name") have settings of their own.
    """
    if _numbers(settings) > MOST_NUMBERS:
        raise Unreadable(f"The {part} of the model holds many numbers in its settings; they belong in its weights.")


def _numbers(settings: Any) -> int:
    if isinstance(settings, dict):
        return 0 if "class_name" in settings else sum(map(_numbers, settings.values()))
    if isinstance(settings, list | tuple):
        return sum(map(_numbers, settings))
    return isinstance(settings, int | float) and not isinstance(settings, bool)
