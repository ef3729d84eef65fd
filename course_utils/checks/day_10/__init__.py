"""Day 10, regularization: decay, dropout, batch norm in both modes, stochastic depth, mixup, CutMix, an ablation."""

from course_utils.checks.day_10.mixing import cutmix, mixup
from course_utils.checks.day_10.noise import drop_path, inverted_dropout
from course_utils.checks.day_10.norm import batch_norm
from course_utils.checks.day_10.steps import ablation_gains, decay_step

__all__ = [  # noqa: RUF022 - the questions in the order of asking
    "inverted_dropout",
    "decay_step",
    "drop_path",
    "batch_norm",
    "mixup",
    "cutmix",
    "ablation_gains",
]
