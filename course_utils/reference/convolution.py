"""Convolution as deep learning means it, and the two ways to write it as a matrix product."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from course_utils.reference.inputs import Size, as_image, at_least, numbers, pair
from course_utils.reference.windows import all_windows


def conv2d(
    image: ArrayLike,
    kernel: ArrayLike,
    bias: ArrayLike | None = None,
    stride: Size = 1,
    padding: Size = 0,
    dilation: Size = 1,
) -> NDArray:
    """What deep learning calls convolution: slide the kernel as it is (cross-correlation), multiply, add up.

    image: (H, W) or (H, W, C_in). kernel: (kh, kw) or (kh, kw, C_in) gives one map (oh, ow);
    (kh, kw, C_in, C_out) gives (oh, ow, C_out). A grey image counts as C_in = 1.
    bias: None, a number for one map, or (C_out,). stride, padding (zeros), dilation: integer or (rows, columns).
    Integers give exact integers (int64), anything else float64. Inputs are not changed.
    Raises ValueError if axes or channels do not fit, or the kernel is larger than the padded image.
    Introduced on Day 2 (stride, padding, dilation: Day 3). Source: Goodfellow et al. 2016, eq. 9.6.
    """
    x, w = as_image(image), numbers(kernel, "kernel")
    if w.ndim not in (2, 3, 4):
        raise ValueError(f"a kernel has 2, 3 or 4 axes (kh, kw[, C_in[, C_out]]), not {w.ndim}")
    one_map = w.ndim < 4
    if w.ndim == 2:
        w = w[:, :, None]
    if one_map:
        w = w[..., None]
    if w.shape[2] != x.shape[2]:
        raise ValueError(f"the kernel has {w.shape[2]} channel(s) but the image has {x.shape[2]}")
    rows, columns = pair(padding, "padding")
    at_least(0, padding=min(rows, columns))
    x = np.pad(x, ((rows, rows), (columns, columns), (0, 0)))
    view = all_windows(x, w.shape[:2], stride, dilation)
    maps = np.tensordot(view, w, axes=([2, 3, 4], [0, 1, 2]))
    if bias is not None:
        b = numbers(bias, "bias")
        if b.shape not in ((), (w.shape[3],)) or (b.ndim == 0 and not one_map):
            raise ValueError(f"{w.shape[3]} output channel(s) need as many biases, not shape {b.shape}")
        maps = maps + b
    return maps[:, :, 0] if one_map else maps


def im2col(image: ArrayLike, kernel_size: Size, stride: Size = 1) -> NDArray:
    """Every window of the image as one row, so that a convolution becomes one matrix product.

    image: (H, W) or (H, W, C). kernel_size, stride: one integer or (rows, columns).
    Returns (oh*ow, kh*kw*C): windows in raster order, columns in (row, column, channel) order, so that
    `im2col(image, (kh, kw)) @ kernel.reshape(kh*kw*C, C_out)` is the convolution.
    Raises ValueError as `conv2d`. Introduced on Day 2. Source: Chellapilla et al. 2006.
    """
    view = all_windows(as_image(image), pair(kernel_size, "kernel_size"), stride, 1)
    oh, ow, kh, kw, channels = view.shape
    return view.reshape(oh * ow, kh * kw * channels)


def convolution_matrix(kernel: ArrayLike, image_shape: Sequence[int], stride: Size = 1) -> NDArray:
    """The matrix M with `M @ image.ravel() == conv2d(image, kernel, stride=stride).ravel()`.

    kernel: (kh, kw) or (kh, kw, C); image_shape: (H, W) or (H, W, C). Returns a dense (oh*ow, H*W*C) array,
    mostly zeros, each row the same weights moved along: meant for small images.
    Raises ValueError as `conv2d`.
    Introduced on Day 2. Source: Dumoulin & Visin 2016, section 4.1.
    """
    w = numbers(kernel, "kernel")
    if w.ndim not in (2, 3) or len(image_shape) not in (2, 3):
        raise ValueError("a convolution matrix needs a kernel (kh, kw[, C]) and an image shape (H, W[, C])")
    channels = image_shape[2] if len(image_shape) == 3 else 1
    if (w.shape[2] if w.ndim == 3 else 1) != channels:
        raise ValueError(f"the kernel of shape {w.shape} does not have the image's {channels} channel(s)")
    # A picture whose pixels are their own positions tells, once unrolled, where each weight goes.
    positions = im2col(np.arange(np.prod(image_shape)).reshape(image_shape), w.shape[:2], stride)
    matrix = np.zeros((len(positions), int(np.prod(image_shape))), dtype=w.dtype)
    matrix[np.arange(len(positions))[:, None], positions] = w.ravel()
    return matrix
