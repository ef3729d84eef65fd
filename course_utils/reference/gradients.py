"""Gradients backwards through a layer, and the finite differences that they are checked against."""

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from course_utils.reference.inputs import Size, as_image, at_least, numbers, pair
from course_utils.reference.windows import all_windows


def conv2d_backward(
    image: ArrayLike,
    kernel: ArrayLike,
    upstream: ArrayLike,
    stride: Size = 1,
    padding: Size = 0,
    dilation: Size = 1,
) -> tuple[NDArray, NDArray, NDArray]:
    """The gradients of a loss with respect to what `conv2d` was given: (image, kernel, bias).

    image: (H, W) or (H, W, C_in). kernel: (kh, kw), (kh, kw, C_in) or (kh, kw, C_in, C_out). upstream: the gradient
    with respect to the maps, of their shape, (oh, ow) or (oh, ow, C_out). stride, padding, dilation: as in `conv2d`.
    Returns three arrays of the shapes of image, kernel and bias, float64 or int64; pixels that no window reads get 0.
    Raises ValueError as `conv2d`, or if upstream has another shape than the maps.
    Introduced on Day 7. Source: LeCun et al. 1989; Dumoulin & Visin 2016, section 4.
    """
    x, w, g = as_image(image), numbers(kernel, "kernel"), numbers(upstream, "upstream gradient")
    if w.ndim not in (2, 3, 4):
        raise ValueError(f"a kernel has 2, 3 or 4 axes (kh, kw[, C_in[, C_out]]), not {w.ndim}")
    one_map = w.ndim < 4
    filters = w.reshape(*w.shape[:2], -1, 1) if one_map else w
    kh, kw, c_in, c_out = filters.shape
    if c_in != x.shape[2]:
        raise ValueError(f"the kernel has {c_in} channel(s) but the image has {x.shape[2]}")
    (top, left), (sh, sw), (dh, dw) = pair(padding, "padding"), pair(stride, "stride"), pair(dilation, "dilation")
    at_least(0, padding=min(top, left))
    padded = np.pad(x, ((top, top), (left, left), (0, 0)))
    windows = all_windows(padded, (kh, kw), (sh, sw), (dh, dw))
    oh, ow = windows.shape[:2]
    if g.shape != ((oh, ow) if one_map else (oh, ow, c_out)):
        raise ValueError(f"upstream has shape {g.shape}, the maps have {(oh, ow) if one_map else (oh, ow, c_out)}")
    g = g.reshape(oh, ow, c_out)
    for_kernel = np.tensordot(windows, g, axes=([0, 1], [0, 1]))
    for_padded = np.zeros(padded.shape, dtype=np.result_type(g, filters))
    for m in range(kh):
        for n in range(kw):  # the pixels that this weight was multiplied with, one for each output
            rows, columns = slice(m * dh, m * dh + sh * oh, sh), slice(n * dw, n * dw + sw * ow, sw)
            for_padded[rows, columns] += g @ filters[m, n].T
    for_image = for_padded[top : top + x.shape[0], left : left + x.shape[1]]
    for_bias = g.sum(axis=(0, 1))
    return for_image.reshape(np.shape(image)), for_kernel.reshape(w.shape), for_bias[0] if one_map else for_bias


def dense_relu_backward(
    x: ArrayLike, weights: ArrayLike, bias: ArrayLike, upstream: ArrayLike
) -> tuple[NDArray, NDArray, NDArray]:
    """The gradients of a loss through `np.maximum(x @ weights + bias, 0)`: with respect to (x, weights, bias).

    x: (N, in); weights: (in, out); bias: (out,); upstream: the gradient with respect to the layer's output, (N, out).
    Where the sum is exactly 0 the gradient is 0, as in PyTorch and TensorFlow. Raises ValueError if shapes do not fit.
    Introduced on Day 7. Source: Rumelhart, Hinton & Williams 1986.
    """
    names = ("x", "weights", "bias", "upstream gradient")
    x, w, b, g = (numbers(array, name) for array, name in zip((x, weights, bias, upstream), names, strict=True))
    if w.ndim != 2 or x.shape[1:] != w.shape[:1] or b.shape != w.shape[1:] or g.shape != (len(x), w.shape[1]):
        raise ValueError(
            f"a dense layer needs x (N, in), weights (in, out), bias (out,) and upstream (N, out), "
            f"not {x.shape}, {w.shape}, {b.shape} and {g.shape}"
        )
    g = g * (x @ w + b > 0)
    return g @ w.T, x.T @ g, g.sum(axis=0)


def numerical_gradient(f: Callable[[NDArray], float], x: ArrayLike, h: float = 1e-5) -> NDArray:
    """The gradient of f at x by central differences, one entry after the other: two calls of f for each.

    f: takes an array of x's shape and returns a number. h: the step, in the unit of x. Returns float64 of x's shape.
    The error falls as h² until rounding, which grows as 1/h, is larger; near 1e-5 both are small in float64.
    Raises ValueError for a step that is not positive. Introduced on Day 7.
    """
    if not h > 0:
        raise ValueError(f"the step h is a positive number, not {h!r}")
    x = np.array(x, dtype=np.float64)  # a copy: x is moved to and fro
    gradient = np.zeros_like(x)
    for place in np.ndindex(x.shape):
        here = x[place]
        x[place] = here + h
        above = f(x)
        x[place] = here - h
        gradient[place] = (above - f(x)) / (2 * h)
        x[place] = here  # not −h +2h −h, which rounds
    return gradient


def relative_error(one: ArrayLike, other: ArrayLike) -> float:
    """How far two gradients are apart, ‖one − other‖ / (‖one‖ + ‖other‖): 0 if they are equal, at most 1.

    Two gradients of zeros are equal. Raises ValueError if their shapes differ. Introduced on Day 7.
    """
    a, b = np.asarray(one, dtype=np.float64), np.asarray(other, dtype=np.float64)
    if a.shape != b.shape:
        raise ValueError(f"gradients of the shapes {a.shape} and {b.shape} cannot be compared")
    size = np.linalg.norm(a) + np.linalg.norm(b)
    return float(np.linalg.norm(a - b) / size) if size else 0.0
