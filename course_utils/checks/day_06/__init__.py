"""Day 6, activations and losses: dead units, softmax, cross-entropy, ends of networks, smoothing, focal loss, twice."""

from course_utils.checks.day_06.choices import FRAGMENTS, TASKS, ends, softmaxes
from course_utils.checks.day_06.classes import cross_entropy, smoothed_cross_entropy
from course_utils.checks.day_06.focusing import focal_loss
from course_utils.checks.day_06.units import dead_units, softmax

__all__ = [  # noqa: RUF022 - the questions in the order of asking
    "dead_units",
    "softmax",
    "cross_entropy",
    "ends",
    "smoothed_cross_entropy",
    "focal_loss",
    "softmaxes",
    "FRAGMENTS",
    "TASKS",
]
