"""Day 3, padding and stride: sizes, five paddings, strided and dilated convolution, "same", touch counts, shifts."""

from course_utils.checks.day_03.borders import pad2d, touch_counts
from course_utils.checks.day_03.shifts import LAYERS_TO_SHIFT, moves_along
from course_utils.checks.day_03.sizes import output_size, same_padding_keras, same_padding_torch
from course_utils.checks.day_03.sliding import conv2d

__all__ = [  # noqa: RUF022 - the questions in the order of asking
    "output_size",
    "pad2d",
    "conv2d",
    "same_padding_keras",
    "same_padding_torch",
    "touch_counts",
    "moves_along",
    "LAYERS_TO_SHIFT",
]
