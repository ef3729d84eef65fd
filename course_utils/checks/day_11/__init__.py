"""Day 11: a patient of one's own, examined, written up, rebuilt and trained."""

from course_utils.checks.day_11.reading import expected_first_loss, one_batch_overfits, outputs
from course_utils.checks.day_11.structure import BUDGET, build_fixed_model
from course_utils.checks.day_11.training import ACCURACY, train, trained_model
from course_utils.checks.day_11.writing import FAULTS, FIXES, REASONS, fixes, model_faults, reasons, setup_faults

__all__ = [  # noqa: RUF022 - the questions in the order of asking
    "outputs",
    "expected_first_loss",
    "one_batch_overfits",
    "model_faults",
    "setup_faults",
    "reasons",
    "fixes",
    "build_fixed_model",
    "train",
    "trained_model",
    "ACCURACY",
    "BUDGET",
    "FAULTS",
    "FIXES",
    "REASONS",
]
