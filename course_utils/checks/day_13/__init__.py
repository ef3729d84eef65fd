"""Day 13: the instruments of the clinic, the label check, and three unseen runs."""

from course_utils.checks.day_13.instruments import dead_shares, first_bad, gradient_norms, update_ratios
from course_utils.checks.day_13.labels import out_of_fold, suspects
from course_utils.checks.day_13.ward import DIAGNOSES, UNSEEN, diagnoses

__all__ = [  # noqa: RUF022 - the questions in the order of asking
    "gradient_norms",
    "dead_shares",
    "update_ratios",
    "first_bad",
    "out_of_fold",
    "suspects",
    "diagnoses",
    "DIAGNOSES",
    "UNSEEN",
]
