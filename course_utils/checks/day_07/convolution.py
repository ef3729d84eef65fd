"""A convolution, backwards: the gradients of filters, biases and image."""

import numpy as np

from course_utils import reference
from course_utils.checks.question import Case, question

BANNED = ("torch", "keras", "tensorflow", "jax", "scipy")


def _layer(rng, side, kernel_size, channels, filters, stride, whole=True):
    """Image, filters and upstream gradient of a layer; all weights differ, so that none can be taken for another."""
    shapes = [(*side, channels), (*kernel_size, channels, filters)]
    sizes = [reference.output_size(n, k, stride) for n, k in zip(side, kernel_size, strict=True)]
    shapes.append((*sizes, filters))
    if not whole:
        return [rng.normal(size=shape) for shape in shapes]
    return [1 + rng.permutation(int(np.prod(shape))).reshape(shape) for shape in shapes]


# --- conv2d_backward_weights --------------------------------------------------------------------------------------


def _weight_cases(rng: np.random.Generator) -> list[Case]:
    def case(side, kernel_size, channels, filters, stride, whole=True):
        image, _, upstream = _layer(rng, side, kernel_size, channels, filters, stride, whole)
        return Case(image=image, upstream=upstream, kernel_size=kernel_size, stride=stride)

    return [
        case((3, 3), (2, 2), 1, 1, 1),
        case((3, 4), (2, 2), 1, 2, 1),
        case((4, 3), (2, 2), 2, 1, 1),
        case((5, 4), (2, 2), 1, 1, 2),
        case((6, 5), (3, 2), 2, 3, 2),
        case((9, 8), (3, 3), 3, 4, 3, whole=False),
    ]


def _weights(image, upstream, kernel_size, stride):
    filters = np.zeros((*kernel_size, image.shape[2], upstream.shape[2]))
    return reference.conv2d_backward(image, filters, upstream, stride)[1:]


def _windows(image, upstream, kernel_size, stride):
    """The window and the upstream gradient of each output, in the order of reading."""
    kh, kw = kernel_size
    for i, j in np.ndindex(upstream.shape[:2]):
        yield image[i * stride : i * stride + kh, j * stride : j * stride + kw], upstream[i, j]


def _of_the_last_window(image, upstream, kernel_size, stride):
    *_, (window, g) = _windows(image, upstream, kernel_size, stride)
    return window[..., None] * g, _weights(image, upstream, kernel_size, stride)[1]


def _with_stride_one(image, upstream, kernel_size, stride):
    oh, ow = upstream.shape[:2]
    part = image[: oh + kernel_size[0] - 1, : ow + kernel_size[1] - 1]  # as far as windows one pixel apart reach
    return _weights(part, upstream, kernel_size, 1)


def _channels_added(image, upstream, kernel_size, stride):
    for_filters, for_bias = _weights(image, upstream, kernel_size, stride)
    return np.broadcast_to(for_filters.sum(axis=2, keepdims=True), for_filters.shape), for_bias


def _changed(filters=lambda gradient, outputs: gradient, bias=lambda gradient, outputs: gradient):
    def backward(image, upstream, kernel_size, stride):
        for_filters, for_bias = _weights(image, upstream, kernel_size, stride)
        outputs = upstream.shape[0] * upstream.shape[1]
        return filters(for_filters, outputs), bias(for_bias, outputs)

    return backward


conv2d_backward_weights = question(
    "conv2d_backward_weights",
    shortcuts=BANNED,
    points=4,
    partial=1,
    reference=_weights,
    cases=_weight_cases,
    mistakes={
        "The gradient of the filters is turned by half a turn. It is a plain correlation of image and upstream "
        "gradient: nothing is turned here.": _changed(lambda gradient, _: gradient[::-1, ::-1]),
        "The upstream gradient is turned by half a turn before it slides. It lies on the image as it is.": (
            lambda image, upstream, kernel_size, stride: _weights(image, upstream[::-1, ::-1], kernel_size, stride)
        ),
        "You overwrite where you have to add: the result is that of the last window alone. Every window used the same "
        "weights, so all of them have a say.": _of_the_last_window,
        "You take the mean over the outputs. Each of them passes its own share of the loss back, and shares add up.": (
            _changed(lambda gradient, outputs: gradient / outputs, lambda gradient, outputs: gradient / outputs)
        ),
        "The gradient of the bias is a mean. The bias was added to every output of its map, so their gradients add "
        "up.": _changed(bias=lambda gradient, outputs: gradient / outputs),
        "The gradient of the bias is one number. Each filter has a bias of its own: add up over rows and columns "
        "only.": _changed(bias=lambda gradient, _: gradient.sum()),
        "You return the gradient of the filters only. The biases learn too: return (gradient of the filters, gradient "
        "of the biases).": lambda image, upstream, kernel_size, stride: _weights(image, upstream, kernel_size, stride)[
            0
        ],
        "The stride is not used: output (i, j) read the window that begins at row i·stride, column j·stride.": (
            _with_stride_one
        ),
        "The channels of the image are added up. On the way forward each channel met a kernel of its own, so each has "
        "a gradient of its own.": _channels_added,
    },
    hints={
        "shape": "Return the gradient of the filters, (kh, kw, C_in, C_out), and that of the biases, (C_out,).",
        "values": "Take the example on paper: with which pixels was the weight in row 0, column 1 multiplied, and what "
        "came back from those outputs?",
        "raised": "Output (i, j) read `image[i * stride : i * stride + kh, j * stride : j * stride + kw]`, of shape "
        "(kh, kw, C_in); what comes back to it is `upstream[i, j]`, of shape (C_out,).",
        "type": "Return two arrays: (gradient of the filters, gradient of the biases).",
    },
)


# --- conv2d_backward_input ----------------------------------------------------------------------------------------


def _input_cases(rng: np.random.Generator) -> list[Case]:
    def case(side, kernel_size, channels, filters, stride, whole=True):
        _, weights, upstream = _layer(rng, side, kernel_size, channels, filters, stride, whole)
        return Case(filters=weights, upstream=upstream, image_shape=side, stride=stride)

    return [
        case((3, 3), (2, 2), 1, 1, 1),
        case((3, 4), (2, 2), 1, 2, 1),
        case((4, 3), (2, 2), 2, 1, 1),
        case((5, 4), (2, 2), 1, 1, 2),
        case((6, 6), (3, 3), 2, 3, 2),
        case((9, 8), (3, 2), 3, 4, 3, whole=False),
    ]


def _input(filters, upstream, image_shape, stride):
    image = np.zeros((*image_shape, filters.shape[2]))
    return reference.conv2d_backward(image, filters, upstream, stride)[0]


def _stamped(filters, upstream, image_shape, stride, add=True):
    """The gradient of the image as a student would write it: window by window."""
    gradient = np.zeros((*image_shape, filters.shape[2]))
    kh, kw = filters.shape[:2]
    for i, j in np.ndindex(upstream.shape[:2]):
        window = gradient[i * stride : i * stride + kh, j * stride : j * stride + kw]
        window[:] = window * add + filters @ upstream[i, j]
    return gradient


def _averaged(filters, upstream, image_shape, stride):
    reads = reference.touch_counts(image_shape, filters.shape[:2], stride)
    return _input(filters, upstream, image_shape, stride) / np.maximum(reads, 1)[:, :, None]


def _last_filter(filters, upstream, image_shape, stride):
    return _input(filters[..., -1:], upstream[..., -1:], image_shape, stride)


def _channels_alike(filters, upstream, image_shape, stride):
    gradient = _input(filters, upstream, image_shape, stride)
    return np.broadcast_to(gradient.sum(axis=2, keepdims=True), gradient.shape)


conv2d_backward_input = question(
    "conv2d_backward_input",
    shortcuts=BANNED,
    points=4,
    partial=1,
    reference=_input,
    cases=_input_cases,
    mistakes={
        "The kernel lies the wrong way round. If you slide over the upstream gradient, turn the kernel by half a turn; "
        "if you add windows to the image, do not turn it.": lambda filters, upstream, image_shape, stride: _input(
            filters[::-1, ::-1], upstream, image_shape, stride
        ),
        "You overwrite where you have to add: where windows overlap, a pixel hears from each of them.": (
            lambda filters, upstream, image_shape, stride: _stamped(filters, upstream, image_shape, stride, add=False)
        ),
        "You take the mean over the windows that read a pixel. What they say adds up.": _averaged,
        "The stride is not used: output (i, j) belongs to the window that begins at row i·stride, column j·stride.": (
            lambda filters, upstream, image_shape, stride: _stamped(filters, upstream, image_shape, 1)
        ),
        "Only one filter is used: a pixel went into the maps of all filters, and each of them sends something back.": (
            _last_filter
        ),
        "All channels of the image get the same. Each channel met its own kernel of every filter.": _channels_alike,
        "The gradient is the wrong way round, as if the first output had read the last pixels.": (
            lambda filters, upstream, image_shape, stride: _input(filters, upstream[::-1, ::-1], image_shape, stride)
        ),
    },
    hints={
        "shape": "Return one number for each pixel and channel of the image: (height, width, C_in).",
        "values": "Take the example on paper: which outputs read the pixel in row 0, column 1, with which weight, and "
        "what came back from them?",
        "raised": "A window of the gradient, `[i * stride : i * stride + kh, j * stride : j * stride + kw]`, has the "
        "shape (kh, kw, C_in); `upstream[i, j]` has the shape (C_out,).",
        "type": "Return one array of three axes.",
    },
)
