"""Day 12, CIFAR-10: an honest split, an epoch of batches, a model under a budget, its accuracy, its errors."""

from course_utils.checks.day_12.errors import confusion_matrix, top_confusions
from course_utils.checks.day_12.models import ACCURACY, BUDGET, build_model, trained_model
from course_utils.checks.day_12.pipeline import epoch_of_batches, stratified_split

__all__ = [  # noqa: RUF022 - the questions in the order of asking
    "stratified_split",
    "epoch_of_batches",
    "build_model",
    "trained_model",
    "confusion_matrix",
    "top_confusions",
    "ACCURACY",
    "BUDGET",
]
