"""Day 8, optimizers: momentum, a step for each weight, Adam and AdamW, SAM, schedules, watching the loss."""

from course_utils.checks.day_08.adam import adamw_path, sam_step
from course_utils.checks.day_08.rules import adaptive_path, momentum_path
from course_utils.checks.day_08.schedules import learning_rate
from course_utils.checks.day_08.watching import early_stopping, plateau_rates

__all__ = [  # noqa: RUF022 - the questions in the order of asking
    "momentum_path",
    "adaptive_path",
    "adamw_path",
    "sam_step",
    "learning_rate",
    "plateau_rates",
    "early_stopping",
]
