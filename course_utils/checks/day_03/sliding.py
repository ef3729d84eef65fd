"""Sliding a kernel with stride, padding and dilation."""

import numpy as np

from course_utils import reference
from course_utils.checks.question import Case, question


def _cases(rng: np.random.Generator) -> list[Case]:
    def case(shape, kernel_shape, stride, padding, dilation):
        weights = 1 + rng.permutation(kernel_shape[0] * kernel_shape[1])  # all different: no symmetry
        image = rng.integers(1, 10, shape)
        return Case(
            image=image, kernel=weights.reshape(kernel_shape), stride=stride, padding=padding, dilation=dilation
        )

    return [
        case((2, 3), (2, 2), 1, 0, 1),
        case((3, 4), (2, 2), 2, 0, 1),
        case((3, 4), (2, 2), 1, 0, 2),
        case((3, 4), (3, 3), 1, 1, 1),
        case((5, 6), (3, 2), 2, 1, 1),
        case((7, 6), (2, 3), 1, 1, 2),
        case((9, 8), (3, 3), 2, 2, 3),
        Case(image=rng.normal(size=(12, 11)), kernel=rng.normal(size=(3, 3)), stride=3, padding=2, dilation=2),
    ]


def _conv2d(image, kernel, stride=1, padding=0, dilation=1):
    return reference.conv2d(image, kernel, stride=stride, padding=padding, dilation=dilation)


def _pixels_thrown_away(image, kernel, stride, padding, dilation):
    padded = np.pad(image, padding)[::stride, ::stride]
    return _conv2d(padded, kernel, 1, 0, dilation)


conv2d = question(
    "conv2d",
    shortcuts=("scipy", "skimage", "torch", "keras", "tensorflow", "cv2"),
    points=4,
    partial=1,
    reference=_conv2d,
    cases=_cases,
    mistakes={
        "The dilation is not used: the weights lie on pixels `dilation` apart.": (
            lambda image, kernel, stride, padding, dilation: _conv2d(image, kernel, stride, padding)
        ),
        "Your weights lie too far apart. Dilation is the step from one weight to the next: 1 is an ordinary kernel, "
        "2 leaves out one pixel between two weights.": lambda image, kernel, stride, padding, dilation: _conv2d(
            image, kernel, stride, padding, dilation + 1
        ),
        "The stride is not used: the window moves by one pixel whatever it says.": (
            lambda image, kernel, stride, padding, dilation: _conv2d(image, kernel, 1, padding, dilation)
        ),
        "You throw pixels away before the kernel has read them. The stride is between windows; inside a window all "
        "pixels count.": _pixels_thrown_away,
        "Stride and dilation are exchanged: stride is the step from window to window, dilation the step from weight to "
        "weight.": lambda image, kernel, stride, padding, dilation: _conv2d(image, kernel, dilation, padding, stride),
        "The padding is not used.": lambda image, kernel, stride, padding, dilation: _conv2d(
            image, kernel, stride, 0, dilation
        ),
        "The zeros stand above and on the left only: bottom and right need as many.": (
            lambda image, kernel, stride, padding, dilation: _conv2d(
                np.pad(image, ((padding, 0), (padding, 0))), kernel, stride, 0, dilation
            )
        ),
        "The padding copies the border pixels. Here it is made of zeros.": (
            lambda image, kernel, stride, padding, dilation: _conv2d(
                np.pad(image, padding, mode="edge"), kernel, stride, 0, dilation
            )
        ),
        "Your output holds integers, so fractions are cut off: make the output array a float array.": (
            lambda image, kernel, stride, padding, dilation: _conv2d(image, kernel, stride, padding, dilation).astype(
                np.int64
            )
        ),
        "Your kernel is flipped: lay it on the window as it is.": lambda image, kernel, stride, padding, dilation: (
            _conv2d(image, kernel[::-1, ::-1], stride, padding, dilation)
        ),
    },
    hints={
        "shape": "Along each axis there are as many outputs as your output_size says.",
        "values": "Compute the output in row 0, column 1 by hand: where does its window begin, which pixels are in it?",
        "raised": "Does the last window still lie inside the padded image? It reaches dilation · (k − 1) pixels "
        "beyond its first.",
        "type": "Return a NumPy array of two axes.",
    },
)
