"""Day 7, backpropagation: gradients of a dense layer and a convolution, finite differences, first weights, depth."""

from course_utils.checks.day_07.convolution import conv2d_backward_input, conv2d_backward_weights
from course_utils.checks.day_07.dense import dense_backward
from course_utils.checks.day_07.depth import NETWORKS, diagnosis
from course_utils.checks.day_07.differences import gradient_check, numerical_gradient
from course_utils.checks.day_07.first_weights import he_normal

__all__ = [  # noqa: RUF022 - the questions in the order of asking
    "dense_backward",
    "conv2d_backward_weights",
    "conv2d_backward_input",
    "numerical_gradient",
    "gradient_check",
    "he_normal",
    "diagnosis",
    "NETWORKS",
]
