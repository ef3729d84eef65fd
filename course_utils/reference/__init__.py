"""NumPy reference of what the lessons derive, plain enough to read beside a lesson; no framework is imported.

Images are (height, width) or (height, width, channels), kernels (height, width[, C_in[, C_out]]).
"""

from course_utils.reference.binary import (
    BinaryCounts,
    auc,
    binary_counts,
    expected_cost,
    precision_recall_curve,
    predictive_values,
    roc_curve,
    threshold_for_sensitivity,
    wilson_interval,
)
from course_utils.reference.convolution import conv2d, convolution_matrix, im2col
from course_utils.reference.inputs import Size
from course_utils.reference.kernels import KERNELS
from course_utils.reference.metrics import accuracy, confusion_matrix, top_confusions
from course_utils.reference.padding import (
    PADDING_MODES,
    Amounts,
    pad2d,
    padding_sources,
    same_padding_keras,
    same_padding_torch,
    touch_counts,
)
from course_utils.reference.parameters import conv_parameters, dense_parameters
from course_utils.reference.pooling import (
    adaptive_avg_pool2d,
    adaptive_bins,
    avg_pool2d,
    blur_pool2d,
    max_pool2d,
    max_pool2d_backward,
)
from course_utils.reference.sizes import ReceptiveField, output_size, paths_to_unit, receptive_field

__all__ = [
    "KERNELS",
    "PADDING_MODES",
    "Amounts",
    "BinaryCounts",
    "ReceptiveField",
    "Size",
    "accuracy",
    "adaptive_avg_pool2d",
    "adaptive_bins",
    "auc",
    "avg_pool2d",
    "binary_counts",
    "blur_pool2d",
    "confusion_matrix",
    "conv2d",
    "conv_parameters",
    "convolution_matrix",
    "dense_parameters",
    "expected_cost",
    "im2col",
    "max_pool2d",
    "max_pool2d_backward",
    "output_size",
    "pad2d",
    "padding_sources",
    "paths_to_unit",
    "precision_recall_curve",
    "predictive_values",
    "receptive_field",
    "roc_curve",
    "same_padding_keras",
    "same_padding_torch",
    "threshold_for_sensitivity",
    "top_confusions",
    "touch_counts",
    "wilson_interval",
]
