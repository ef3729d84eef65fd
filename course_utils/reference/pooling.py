"""Many pixels to one: the largest, the mean, or the mean of bins that fit any size."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from course_utils.reference.inputs import Size, as_image, at_least, pair
from course_utils.reference.padding import pad2d
from course_utils.reference.windows import all_windows


def max_pool2d(image: ArrayLike, size: Size, stride: Size | None = None, padding: Size = 0) -> NDArray:
    """The largest value of each window.

    image: (H, W) or (H, W, C); returns (oh, ow[, C]), int64 or float64. size, stride (by default the size), padding:
    integer or (rows, columns). The padding never wins: it is −∞, as in PyTorch and Keras.
    Raises ValueError if a window does not fit, or the padding is more than half of it.
    Introduced on Day 4. Source: Ranzato et al. 2007; overlapping windows: Krizhevsky et al. 2012.
    """
    windows = _windows(as_image(image), size, stride, padding, least=True)
    return _like(image, windows.max(axis=(2, 3)))


def max_pool2d_backward(
    image: ArrayLike, upstream: ArrayLike, size: Size, stride: Size | None = None, padding: Size = 0
) -> NDArray:
    """The gradient of a loss with respect to the image, through `max_pool2d`.

    upstream: the gradient with respect to the pooled values, of their shape. Returns float64 of the image's shape: each
    window hands all of its gradient to its largest pixel, in a tie to the first in reading order, as PyTorch and
    TensorFlow do. Raises ValueError as `max_pool2d`, or if upstream has another shape than the pooled values.
    Introduced on Day 4.
    """
    x = as_image(image)
    windows = _windows(x, size, stride, padding, least=True)
    g = as_image(upstream)
    oh, ow, kh, kw, channels = windows.shape
    if g.shape != (oh, ow, channels):
        raise ValueError(
            f"upstream has shape {np.shape(upstream)}, the pooled values have {_like(image, windows[:, :, 0, 0]).shape}"
        )
    winner = windows.reshape(oh, ow, kh * kw, channels).argmax(axis=2)  # the first of equals
    (sh, sw), (top, left) = pair(size if stride is None else stride, "stride"), pair(padding, "padding")
    r, c, channel = np.indices(winner.shape)
    gradient = np.zeros(x.shape)
    np.add.at(gradient, (r * sh + winner // kw - top, c * sw + winner % kw - left, channel), g)
    return _like(image, gradient)


def avg_pool2d(
    image: ArrayLike, size: Size, stride: Size | None = None, padding: Size = 0, count_include_pad: bool = True
) -> NDArray:
    """The mean of each window.

    image, size, stride, padding: as in `max_pool2d`, with zeros around. Returns float64 (oh, ow[, C]).
    count_include_pad: True divides by the window's size, zeros included (PyTorch's default); False by the number of
    the image's own pixels in it (Keras with padding="same"). Raises ValueError as `max_pool2d`.
    Introduced on Day 4. Source: LeCun et al. 1989.
    """
    x = as_image(image)
    total = _windows(x, size, stride, padding).sum(axis=(2, 3))
    ones = np.ones_like(x) if not count_include_pad else None
    pixels = np.prod(pair(size, "size")) if ones is None else _windows(ones, size, stride, padding).sum(axis=(2, 3))
    return _like(image, total / pixels)


def adaptive_bins(n: int, out: int) -> list[tuple[int, int]]:
    """The bins (start, end) into which adaptive pooling cuts n pixels: ⌊i·n/out⌋ to ⌈(i+1)·n/out⌉, end excluded.

    Bins overlap where out does not divide n. Raises ValueError for n or out below 1. Introduced on Day 4.
    Source: PyTorch's `AdaptiveAvgPool2d`.
    """
    at_least(1, n=n, out=out)
    return [(i * n // out, -(-(i + 1) * n // out)) for i in range(out)]


def adaptive_avg_pool2d(image: ArrayLike, output_size: Size) -> NDArray:
    """The mean of each bin, as many bins as are wanted, whatever the image's size; 1 is global average pooling.

    image: (H, W) or (H, W, C); output_size: integer or (rows, columns). Returns float64 (oh, ow[, C]).
    Raises ValueError as `adaptive_bins`. Introduced on Day 4. Source: He et al. 2014; Lin et al. 2013 (global).
    """
    x = as_image(image)
    rows, columns = (
        adaptive_bins(n, out) for n, out in zip(x.shape[:2], pair(output_size, "output_size"), strict=True)
    )
    means = [[x[top:bottom, left:right].mean(axis=(0, 1)) for left, right in columns] for top, bottom in rows]
    return _like(image, np.array(means))


def blur_pool2d(image: ArrayLike, stride: Size) -> NDArray:
    """Anti-aliased subsampling: blur by [1 2 1] / 4 along both axes, then keep every stride-th row and column.

    image: (H, W) or (H, W, C), reflected by one pixel at its border; returns float64 (⌈H/sh⌉, ⌈W/sw⌉[, C]).
    After `max_pool2d(image, size, stride=1)` this is anti-aliased max pooling. Raises ValueError for a stride below 1.
    Introduced on Day 4. Source: Zhang 2019.
    """
    weights = np.outer([1, 2, 1], [1, 2, 1]) / 16
    windows = all_windows(pad2d(as_image(image), 1, "reflect"), (3, 3), stride, 1)
    return _like(image, np.einsum("rcijk,ij->rck", windows, weights))


def _windows(x: NDArray, size: Size, stride: Size | None, padding: Size, least: bool = False) -> NDArray:
    """A view (oh, ow, kh, kw, C) of all windows; least: pad with what is never the largest."""
    size, padding = pair(size, "size"), pair(padding, "padding")
    for k, p in zip(size, padding, strict=True):
        at_least(0, padding=p)
        if p > k // 2:
            raise ValueError(f"the padding, {p}, is more than half of the window, {k}: a window could lie outside")
    lowest = -np.inf if x.dtype.kind == "f" else np.iinfo(x.dtype).min
    return all_windows(pad2d(x, padding, value=lowest if least else 0), size, size if stride is None else stride, 1)


def _like(image: ArrayLike, result: NDArray) -> NDArray:
    """The result with as many axes as the image has."""
    return result[:, :, 0] if np.ndim(image) == 2 else result
