"""Day 17: a study of chest X-rays as a careful team does it, from the weights of the classes to the model card."""

from course_utils.checks.day_17.card import RUN, model_card
from course_utils.checks.day_17.reports import possible_report
from course_utils.checks.day_17.splitting import patient_split
from course_utils.checks.day_17.thresholds import cost_curve, screening_threshold
from course_utils.checks.day_17.training import HEAD, VGG16, class_weights, two_phase_plan, undo_class_weights

__all__ = [  # noqa: RUF022 - the questions in the order of asking
    "class_weights",
    "undo_class_weights",
    "two_phase_plan",
    "possible_report",
    "cost_curve",
    "screening_threshold",
    "patient_split",
    "model_card",
    "VGG16",
    "HEAD",
    "RUN",
]
