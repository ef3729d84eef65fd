"""Day 5, receptive fields: size, jump and start; who sees which pixels; effective fields; a stack under a budget."""

from course_utils.checks.day_05.design import DESIGN, stack
from course_utils.checks.day_05.effective import effective_field, side_holding
from course_utils.checks.day_05.fields import image_window, receptive_field
from course_utils.checks.day_05.seeing import STACKS, seen_pixels, sees_it_all

__all__ = [  # noqa: RUF022 - the questions in the order of asking
    "receptive_field",
    "image_window",
    "seen_pixels",
    "sees_it_all",
    "effective_field",
    "side_holding",
    "stack",
    "STACKS",
    "DESIGN",
]
