"""Day 2, convolution: the sliding product in one channel and in many, im2col, counting parameters, naming kernels."""

from course_utils.checks.day_02.kernels import (
    KERNEL_CHOICES,
    KERNELS_TO_NAME,
    KERNELS_TO_TURN,
    count_parameters,
    flip_matters,
    kernel_names,
)
from course_utils.checks.day_02.sliding import conv2d, conv_layer, im2col

__all__ = [  # noqa: RUF022 - the questions in the order of asking
    "conv2d",
    "conv_layer",
    "im2col",
    "count_parameters",
    "kernel_names",
    "flip_matters",
    "KERNELS_TO_NAME",
    "KERNELS_TO_TURN",
    "KERNEL_CHOICES",
]
