"""NumPy reference of what the lessons derive, plain enough to read beside a lesson; no framework is imported.

Images are (height, width) or (height, width, channels), kernels (height, width[, C_in[, C_out]]).
"""

from course_utils.reference.convolution import conv2d, convolution_matrix, im2col
from course_utils.reference.inputs import Size
from course_utils.reference.kernels import KERNELS
from course_utils.reference.metrics import accuracy, confusion_matrix, top_confusions
from course_utils.reference.parameters import conv_parameters, dense_parameters
from course_utils.reference.sizes import ReceptiveField, output_size, receptive_field

__all__ = [
    "KERNELS",
    "ReceptiveField",
    "Size",
    "accuracy",
    "confusion_matrix",
    "conv2d",
    "conv_parameters",
    "convolution_matrix",
    "dense_parameters",
    "im2col",
    "output_size",
    "receptive_field",
    "top_confusions",
]
