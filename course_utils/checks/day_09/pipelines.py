"""What the second epoch of a data pipeline brings."""

from types import MappingProxyType

from course_utils import reference
from course_utils.checks.question import question

PIPELINES = MappingProxyType(
    {
        "A": ("cache", "augment", "shuffle", "batch", "prefetch"),
        "B": ("augment", "shuffle", "cache", "batch", "prefetch"),
        "C": ("shuffle", "batch", "cache", "augment", "prefetch"),
        "D": ("augment", "cache", "shuffle", "batch", "prefetch"),
        "E": ("augment", "batch", "prefetch"),
        "F": ("augment", "shuffle", "batch", "prefetch"),
    }
)
"""Pipelines, step by step in the order in which the data go through them."""


def _word(order: bool, pictures: bool) -> str:
    return {(False, False): "nothing", (True, False): "order", (False, True): "pictures", (True, True): "both"}[
        order, pictures
    ]


_RIGHT = {letter: _word(**reference.second_epoch(steps)) for letter, steps in PIPELINES.items()}

second_epoch = question(
    "second_epoch",
    points=2,
    partial=1,
    reference=_RIGHT,
    options=("nothing", "order", "pictures", "both"),
    mistakes={
        "You read the pipelines as if cache did nothing. What stands before it happens once, and the same is brought "
        "again.": {letter: _word("shuffle" in steps, "augment" in steps) for letter, steps in PIPELINES.items()},
        "You let a cache freeze everything. It freezes what stands before it; steps after it happen anew.": {
            letter: _word("cache" not in steps and "shuffle" in steps, "cache" not in steps)
            for letter, steps in PIPELINES.items()
        },
        "It is the other way round: what stands before the cache happens once, what stands after it anew.": {
            letter: _word(
                "shuffle" in (before := steps[: steps.index("cache")] if "cache" in steps else steps),
                "augment" in before,
            )
            for letter, steps in PIPELINES.items()
        },
        "You expect the second epoch to bring new pictures only if they are shuffled. Augmentation draws anew for each "
        "image, in whatever order they come.": _RIGHT | {"C": "nothing", "E": "nothing"},
        "Shuffling changes the order and nothing else: the pictures stay what they were.": _RIGHT | {"D": "both"},
    },
    hints={
        "values": "Look for the cache. Which of shuffle and augment stand after it, or have no cache after them?",
        "type": 'Answer each letter with one of the words "nothing", "order", "pictures", "both".',
    },
)
