"""Day 1, why convolution: counting weights, the fixed shuffle of pixels, equivariance and invariance."""

from course_utils.checks.day_01.counting import WIRINGS, map_parameters, mlp_parameters
from course_utils.checks.day_01.shuffling import rewire, shuffle_pixels
from course_utils.checks.day_01.symmetries import (
    LAYERS_TO_TEST,
    NETWORKS,
    SYMMETRIES,
    TASKS,
    equivariance_error,
    mlp_or_cnn,
    symmetry,
)

__all__ = [  # noqa: RUF022 - the questions in the order of asking
    "mlp_parameters",
    "map_parameters",
    "shuffle_pixels",
    "rewire",
    "equivariance_error",
    "symmetry",
    "mlp_or_cnn",
    "WIRINGS",
    "LAYERS_TO_TEST",
    "SYMMETRIES",
    "TASKS",
    "NETWORKS",
]
