"""Day 4, pooling: maximum and mean with padding, adaptive bins, gradient of the maximum, heads, shifts."""

from course_utils.checks.day_04.bins import adaptive_avg_pool2d
from course_utils.checks.day_04.gradients import max_pool2d_backward
from course_utils.checks.day_04.heads import head_parameters
from course_utils.checks.day_04.shifts import POOLED, share_kept, stays
from course_utils.checks.day_04.windows import avg_pool2d, max_pool2d

__all__ = [  # noqa: RUF022 - the questions in the order of asking
    "max_pool2d",
    "avg_pool2d",
    "adaptive_avg_pool2d",
    "max_pool2d_backward",
    "head_parameters",
    "share_kept",
    "stays",
    "POOLED",
]
