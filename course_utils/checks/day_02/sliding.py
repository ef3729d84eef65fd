"""Sliding a kernel: in one channel with stride, in many channels, and as a matrix of windows."""

import numpy as np

from course_utils import reference
from course_utils.checks.question import Case, question

# The loops are the point of these questions; what an instructor would want to look at.
SHORTCUTS = ("scipy", "skimage", "torch", "keras", "tensorflow", "cv2")

# --- conv2d: one channel, with stride -----------------------------------------------------------------------------


def _single_channel_cases(rng: np.random.Generator) -> list[Case]:
    digits = lambda *shape: rng.integers(0, 10, shape)  # noqa: E731
    signs = lambda n: (rng.permutation(n * n) - 3).reshape(n, n)  # noqa: E731 - distinct weights: no symmetry
    return [
        Case(image=digits(3, 3), kernel=rng.permutation(np.arange(1, 5)).reshape(2, 2), stride=1),
        Case(image=digits(3, 5), kernel=signs(2), stride=1),
        Case(image=digits(5, 4), kernel=signs(3), stride=1),
        Case(image=digits(6, 5), kernel=signs(2), stride=2),
        Case(image=digits(4, 6), kernel=signs(3)[:, :2], stride=1),
        Case(image=rng.integers(100, 256, (5, 7)).astype(np.uint8), kernel=signs(3), stride=2),
        Case(image=rng.normal(size=(8, 9)), kernel=rng.normal(size=(3, 3)), stride=3),
        Case(image=rng.integers(0, 256, (12, 10)), kernel=reference.KERNELS["gaussian"] + signs(3) / 8, stride=1),
    ]


def _slide(image, kernel, stride, combine, step=None, short=0):
    """The loops as a beginner writes them; `step` is how far the window really moves, `short` rows too few."""
    step = step or stride
    kh, kw = kernel.shape
    oh, ow = (image.shape[0] - kh) // stride + 1 - short, (image.shape[1] - kw) // stride + 1 - short
    out = np.zeros((max(oh, 0), max(ow, 0)))
    for i in range(oh):
        for j in range(ow):
            out[i, j] = combine(image[i * step : i * step + kh, j * step : j * step + kw], kernel)
    return out


def _product_sum(window, kernel):
    return np.sum(window * kernel)


conv2d = question(
    "conv2d",
    shortcuts=SHORTCUTS,
    points=4,
    partial=1,
    reference=lambda image, kernel, stride: reference.conv2d(image, kernel, stride=stride),
    cases=_single_channel_cases,
    mistakes={
        "Your kernel is flipped. Mathematics flips it; deep learning does not: the first output is the sum of the "
        "image's top left window times the kernel, corner to corner.": lambda image, kernel, stride: reference.conv2d(
            image, kernel[::-1, ::-1], stride=stride
        ),
        "The number of outputs follows the stride, but the window still moves by one pixel: output (i, j) reads "
        "the window that begins at (i·stride, j·stride).": lambda image, kernel, stride: _slide(
            image, kernel, stride, _product_sum, step=1
        ),
        "The stride is not used: the window moves by one pixel whatever it says.": lambda image, kernel, stride: (
            reference.conv2d(image, kernel)
        ),
        "The last row and the last column of windows are missing: a range ends before its end, so it needs a + 1.": (
            lambda image, kernel, stride: _slide(image, kernel, stride, _product_sum, short=1)
        ),
        "Window and kernel are multiplied as matrices (@). Here each pixel meets one weight: use *, then add up.": (
            lambda image, kernel, stride: _slide(image, kernel, stride, lambda w, k: np.sum(w @ k))
        ),
        "Rows and columns of the output are swapped: row i belongs to windows i·stride pixels down.": (
            lambda image, kernel, stride: reference.conv2d(image, kernel, stride=stride).T
        ),
        "You take the mean of the products. A convolution takes their sum; only a blur divides, and does so in its "
        "kernel.": lambda image, kernel, stride: _slide(image, kernel, stride, lambda w, k: np.mean(w * k)),
        "Your output has the image's own type. Sums of pixels do not fit into uint8: they wrap around at 256, and "
        "below 0.": lambda image, kernel, stride: (
            reference.conv2d(image, kernel, stride=stride).astype(np.int64).astype(image.dtype)
            if image.dtype.kind != "f"
            else reference.conv2d(image, kernel, stride=stride)
        ),
        "Your output holds integers, so fractions are cut off: make the output array a float array.": (
            lambda image, kernel, stride: reference.conv2d(image, kernel, stride=stride).astype(np.int64)
        ),
    },
    hints={
        "shape": "Along each axis there are (n - k) // stride + 1 positions at which the kernel fits.",
        "values": "Compute the first output by hand: lay the kernel on the top left window, multiply, add up.",
        "raised": "Does the last window still lie inside the image, also when height and width differ?",
        "type": "Return a NumPy array of two axes.",
    },
)

# --- conv_layer: channels in, maps out ----------------------------------------------------------------------------


def _multi_channel_cases(rng: np.random.Generator) -> list[Case]:
    def case(height, width, size, c_in, c_out):
        weights = rng.permutation(size * size * c_in * c_out) - 3
        return Case(
            image=rng.integers(1, 10, (height, width, c_in)),
            kernels=weights.reshape(size, size, c_in, c_out),
            bias=rng.permutation(np.arange(1, 10))[:c_out] * 100,
        )

    normal = rng.normal
    return [
        case(2, 2, 2, 1, 2),
        case(2, 3, 1, 2, 2),
        case(3, 4, 2, 2, 3),
        case(4, 5, 3, 3, 2),
        case(5, 4, 2, 3, 3),
        Case(image=normal(size=(9, 8, 3)), kernels=normal(size=(3, 3, 3, 8)), bias=normal(size=8)),
    ]


def _layer(image, kernels, bias):
    return reference.conv2d(image, kernels, bias)


def _channels_and_maps_mixed_up(image, kernels, bias):
    return _layer(image, np.stack([kernels[:, :, o, :] for o in range(kernels.shape[3])], axis=-1), bias)


conv_layer = question(
    "conv_layer",
    shortcuts=SHORTCUTS,
    points=4,
    partial=1,
    reference=_layer,
    cases=_multi_channel_cases,
    mistakes={
        "The bias is missing: each map has one number that is added to all of its pixels.": (
            lambda image, kernels, bias: reference.conv2d(image, kernels)
        ),
        "The bias is added once for every input channel. It belongs to the map: add up the channels, then add the "
        "bias once.": lambda image, kernels, bias: _layer(image, kernels, bias * image.shape[2]),
        "You take the mean over the input channels; their products are added up.": lambda image, kernels, bias: (
            reference.conv2d(image, kernels) / image.shape[2] + bias
        ),
        "Only the first input channel is read: a kernel is as deep as its input.": lambda image, kernels, bias: _layer(
            image[:, :, :1], kernels[:, :, :1], bias
        ),
        "The maps come first in your output. This course keeps channels last: (rows, columns, maps).": (
            lambda image, kernels, bias: np.moveaxis(_layer(image, kernels, bias), -1, 0)
        ),
        "All maps are added up to one. Each of the kernels[:, :, :, o] makes a map of its own.": (
            lambda image, kernels, bias: _layer(image, kernels, bias).sum(axis=-1)
        ),
        "Input channels and maps are mixed up: kernels[:, :, c, o] joins input channel c to map o.": (
            _channels_and_maps_mixed_up
        ),
        "Your kernels are flipped: lay them on the window as they are.": lambda image, kernels, bias: _layer(
            image, kernels[::-1, ::-1], bias
        ),
    },
    hints={
        "shape": "The output is (rows, columns, maps), with as many maps as the last axis of kernels is long.",
        "values": "Compute one pixel of one map by hand: all channels of the window times all of the kernel, summed, "
        "plus that map's bias.",
        "raised": "Try it on an image with 2 channels and a layer with 3 maps.",
        "type": "Return a NumPy array of three axes.",
    },
)

# --- im2col -------------------------------------------------------------------------------------------------------


def _im2col_cases(rng: np.random.Generator) -> list[Case]:
    def case(height, width, channels, kernel_size, stride):
        # Every pixel a number of its own, so that each entry tells where it came from.
        pixels = rng.permutation(height * width * channels)
        return Case(image=pixels.reshape(height, width, channels), kernel_size=kernel_size, stride=stride)

    return [case(3, 3, 1, 2, 1), case(2, 3, 2, 2, 1), case(3, 4, 2, 2, 1), case(5, 6, 1, 2, 2), case(7, 8, 3, 3, 2)]


def _windows_down_the_columns(image, kernel_size, stride):
    oh, ow = (reference.output_size(n, kernel_size, stride) for n in image.shape[:2])
    rows = reference.im2col(image, kernel_size, stride)
    return rows.reshape(oh, ow, -1).swapaxes(0, 1).reshape(oh * ow, -1)


def _channel_by_channel(image, kernel_size, stride):
    channels = [reference.im2col(image[:, :, c], kernel_size, stride) for c in range(image.shape[2])]
    return np.concatenate(channels, axis=1)


im2col = question(
    "im2col",
    shortcuts=SHORTCUTS,
    points=3,
    partial=1,
    reference=reference.im2col,
    cases=_im2col_cases,
    mistakes={
        "Rows and columns are swapped: each window is one row here.": lambda image, kernel_size, stride: (
            reference.im2col(image, kernel_size, stride).T
        ),
        "Each row holds one channel after the other. Here the channels of one pixel stand together: row, column, "
        "channel, the order of window.ravel().": _channel_by_channel,
        "The windows are listed down the columns of the image. Here they go along each row first, as one reads.": (
            _windows_down_the_columns
        ),
        "Your windows do not overlap: they move by the stride, not by their own size.": (
            lambda image, kernel_size, stride: reference.im2col(image, kernel_size, kernel_size)
        ),
        "The stride is not used: the windows move by one pixel whatever it says.": (
            lambda image, kernel_size, stride: reference.im2col(image, kernel_size, 1)
        ),
    },
    hints={
        "shape": "There is one row for each window, and one column for each number in a window.",
        "values": "Print image[0:2, 0:2] of the smallest case and compare it with your first row.",
        "raised": "Does the last window still lie inside the image, also when height and width differ?",
        "type": "Return a NumPy array of two axes.",
    },
)
