"""NumPy reference of what the lessons derive, plain enough to read beside a lesson; no framework is imported.

Images are (height, width) or (height, width, channels), kernels (height, width[, C_in[, C_out]]).
"""

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import ArrayLike, NDArray

Size = int | tuple[int, int]
"""One integer for both axes, or (rows, columns)."""


def output_size(n: int, k: int, stride: int = 1, padding: int = 0, dilation: int = 1) -> int:
    """Length of a convolution's output along one axis.

    n, k: input and kernel length in pixels; stride, dilation >= 1; padding: pixels added on each side.
    Returns floor((n + 2*padding - dilation*(k - 1) - 1) / stride) + 1.
    Raises ValueError if the dilated kernel is longer than the padded input.
    Introduced on Day 2, derived on Day 3. Source: Dumoulin & Visin 2016, relationship 15.
    """
    _at_least(1, n=n, k=k, stride=stride, dilation=dilation)
    _at_least(0, padding=padding)
    span = dilation * (k - 1) + 1
    if span > n + 2 * padding:
        raise ValueError(f"a kernel spanning {span} does not fit into {n} + 2·{padding} pixels")
    return (n + 2 * padding - span) // stride + 1


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
    x, w = _image(image), _numbers(kernel, "kernel")
    if w.ndim not in (2, 3, 4):
        raise ValueError(f"a kernel has 2, 3 or 4 axes (kh, kw[, C_in[, C_out]]), not {w.ndim}")
    one_map = w.ndim < 4
    if w.ndim == 2:
        w = w[:, :, None]
    if one_map:
        w = w[..., None]
    if w.shape[2] != x.shape[2]:
        raise ValueError(f"the kernel has {w.shape[2]} channel(s) but the image has {x.shape[2]}")
    rows, columns = _pair(padding, "padding")
    _at_least(0, padding=min(rows, columns))
    x = np.pad(x, ((rows, rows), (columns, columns), (0, 0)))
    windows = _windows(x, w.shape[:2], stride, dilation)
    maps = np.tensordot(windows, w, axes=([2, 3, 4], [0, 1, 2]))
    if bias is not None:
        b = _numbers(bias, "bias")
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
    windows = _windows(_image(image), _pair(kernel_size, "kernel_size"), stride, 1)
    oh, ow, kh, kw, channels = windows.shape
    return windows.reshape(oh * ow, kh * kw * channels)


def convolution_matrix(kernel: ArrayLike, image_shape: Sequence[int], stride: Size = 1) -> NDArray:
    """The matrix M with `M @ image.ravel() == conv2d(image, kernel, stride=stride).ravel()`.

    kernel: (kh, kw) or (kh, kw, C); image_shape: (H, W) or (H, W, C). Returns a dense (oh*ow, H*W*C) array,
    mostly zeros, each row the same weights moved along: meant for small images.
    Raises ValueError as `conv2d`.
    Introduced on Day 2. Source: Dumoulin & Visin 2016, section 4.1.
    """
    w = _numbers(kernel, "kernel")
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


def conv_parameters(kernel_size: Size, c_in: int, c_out: int, bias: bool = True) -> int:
    """Weights of a convolution layer: (kh * kw * c_in + 1) * c_out, without the 1 if there is no bias.

    The image's size does not appear. Raises ValueError for counts below 1. Introduced on Day 2.
    """
    kh, kw = _pair(kernel_size, "kernel_size")
    _at_least(1, kernel_size=min(kh, kw), c_in=c_in, c_out=c_out)
    return (kh * kw * c_in + bool(bias)) * c_out


def dense_parameters(n_in: int, n_out: int, bias: bool = True) -> int:
    """Weights of a fully connected layer: (n_in + 1) * n_out, without the 1 if there is no bias.

    Raises ValueError for counts below 1. Introduced on Day 1.
    """
    _at_least(1, n_in=n_in, n_out=n_out)
    return (n_in + bool(bias)) * n_out


class ReceptiveField(NamedTuple):
    """What one unit sees along one axis, in pixels of the input.

    size: width of the field; jump: distance between the fields of neighbouring units; start: centre of the
    first unit's field, where 0 is the centre of the first pixel (fields may reach into the padding).
    Introduced on Day 5. Source: Araujo, Norris & Sim 2019.
    """

    size: int = 1
    jump: int = 1
    start: float = 0.0

    def after(self, k: int, stride: int = 1, padding: int = 0, dilation: int = 1) -> "ReceptiveField":
        """The field after one more layer that slides a kernel of length k (convolution or pooling).

        padding: pixels added before the first one. Raises ValueError for k, stride, dilation < 1.
        """
        _at_least(1, k=k, stride=stride, dilation=dilation)
        _at_least(0, padding=padding)
        reach = dilation * (k - 1)
        return ReceptiveField(
            self.size + reach * self.jump,
            self.jump * stride,
            self.start + (reach / 2 - padding) * self.jump,
        )


def receptive_field(layers: Iterable[Sequence[int]]) -> list[ReceptiveField]:
    """Receptive field after each layer, along one axis.

    layers: (k,), (k, stride), (k, stride, padding) or (k, stride, padding, dilation), from the input on.
    Raises ValueError for k, stride, dilation < 1 or padding < 0. Introduced on Day 5.
    """
    fields, field = [], ReceptiveField()
    for layer in layers:
        field = field.after(*layer)
        fields.append(field)
    return fields


def accuracy(y_true: ArrayLike, y_pred: ArrayLike) -> float:
    """Share of right answers, 0 to 1.

    y_true, y_pred: labels, (N,). Raises ValueError if empty or unlike in length. Introduced on Day 12.
    """
    true, predicted = _labels(y_true, y_pred)
    if not true.size:
        raise ValueError("the accuracy of no predictions is not defined")
    return float(np.mean(true == predicted))


def confusion_matrix(y_true: ArrayLike, y_pred: ArrayLike, n_classes: int) -> NDArray:
    """How often each class (row) was taken for each class (column).

    y_true, y_pred: integer labels 0 ... n_classes - 1, (N,). Returns int64 (n_classes, n_classes), sum N.
    Raises ValueError for labels that are no such integers or unlike in length. Introduced on Day 12.
    """
    true, predicted = _labels(y_true, y_pred)
    _at_least(1, n_classes=n_classes)
    for labels in (true, predicted):
        if labels.size and labels.dtype.kind not in "iu":
            raise ValueError(f"labels are integers, not {labels.dtype}: take the argmax of scores first")
        if labels.size and not 0 <= labels.min() <= labels.max() < n_classes:
            raise ValueError(f"labels run from {labels.min()} to {labels.max()}, outside 0 … {n_classes - 1}")
    pairs = true.astype(np.int64) * n_classes + predicted.astype(np.int64)
    return np.bincount(pairs, minlength=n_classes**2).reshape(n_classes, n_classes)


def top_confusions(
    matrix: ArrayLike, k: int, class_names: Sequence[str] | None = None
) -> list[tuple[int, int, int]] | list[tuple[str, str, int]]:
    """The k most frequent mistakes of a confusion matrix (rows = true), largest first, ties in reading order.

    Returns (true, predicted, count), as names if `class_names` is given, without pairs that never occurred.
    Raises ValueError if the matrix is not square or names are missing. Introduced on Day 12.
    """
    counts = np.array(matrix)
    if counts.ndim != 2 or counts.shape[0] != counts.shape[1]:
        raise ValueError(f"a confusion matrix is square, not of shape {counts.shape}")
    _at_least(0, k=k)
    if class_names is not None and len(class_names) != len(counts):
        raise ValueError(f"{len(counts)} classes need as many names, not {len(class_names)}")
    np.fill_diagonal(counts, 0)
    name = (lambda i: i) if class_names is None else class_names.__getitem__
    order = np.argsort(-counts.ravel(), kind="stable")[:k]
    pairs = (divmod(int(position), len(counts)) for position in order)
    return [(name(true), name(seen), int(counts[true, seen])) for true, seen in pairs if counts[true, seen]]


def _read_only(rows: list[list[int]], divisor: int = 1) -> NDArray:
    array = np.array(rows) / divisor if divisor != 1 else np.array(rows)
    array.flags.writeable = False
    return array


KERNELS: Mapping[str, NDArray] = MappingProxyType(
    {
        "identity": _read_only([[0, 0, 0], [0, 1, 0], [0, 0, 0]]),
        "box blur": _read_only([[1, 1, 1], [1, 1, 1], [1, 1, 1]], 9),
        "gaussian": _read_only([[1, 2, 1], [2, 4, 2], [1, 2, 1]], 16),
        "sharpen": _read_only([[0, -1, 0], [-1, 5, -1], [0, -1, 0]]),
        "laplacian": _read_only([[0, -1, 0], [-1, 4, -1], [0, -1, 0]]),
        "sobel vertical edges": _read_only([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]]),
        "sobel horizontal edges": _read_only([[-1, -2, -1], [0, 0, 0], [1, 2, 1]]),
        "prewitt vertical edges": _read_only([[-1, 0, 1], [-1, 0, 1], [-1, 0, 1]]),
        "prewitt horizontal edges": _read_only([[-1, -1, -1], [0, 0, 0], [1, 1, 1]]),
        "diagonal": _read_only([[2, -1, -1], [-1, 2, -1], [-1, -1, 2]]),
    }
)
"""Hand-made 3×3 kernels by name, read-only.

Identity, blurs and sharpen sum to 1 (they keep brightness), the others to 0 (flat areas vanish). "Vertical edges"
answers to vertical lines, that is, to changes from left to right; "diagonal" to lines from top left to bottom
right. The Laplacian has a positive centre, so that sharpen = identity + laplacian.
Introduced on Day 2. Sources: Gonzalez & Woods, Digital Image Processing; Prewitt 1970; Sobel & Feldman 1968.
"""


def _windows(x: NDArray, kernel_size: tuple[int, int], stride: Size, dilation: Size) -> NDArray:
    """A view (oh, ow, kh, kw, C) of all windows of x (H, W, C)."""
    stride, dilation = _pair(stride, "stride"), _pair(dilation, "dilation")
    for axis, name in enumerate(("rows", "columns")):
        try:
            output_size(x.shape[axis], kernel_size[axis], stride[axis], 0, dilation[axis])
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from None
    span = tuple(d * (k - 1) + 1 for k, d in zip(kernel_size, dilation, strict=True))
    windows = sliding_window_view(x, span, axis=(0, 1))  # (oh, ow, C, kh, kw) before stride and dilation
    windows = windows[:: stride[0], :: stride[1], :, :: dilation[0], :: dilation[1]]
    return windows.transpose(0, 1, 3, 4, 2)


def _image(image: ArrayLike) -> NDArray:
    """The image as (H, W, C)."""
    x = _numbers(image, "image")
    if x.ndim not in (2, 3):
        raise ValueError(f"an image has 2 or 3 axes (H, W[, C]), not {x.ndim}")
    return x[:, :, None] if x.ndim == 2 else x


def _numbers(array: ArrayLike, name: str) -> NDArray:
    """As int64 or float64: sums of uint8 products would wrap around at 256."""
    a = np.asarray(array)
    if a.dtype.kind not in "biuf":
        raise ValueError(f"the {name} holds {a.dtype}, not real numbers")
    return a.astype(np.float64 if a.dtype.kind == "f" else np.int64)


def _pair(value: Size, name: str) -> tuple[int, int]:
    pair = (value, value) if np.ndim(value) == 0 else tuple(value)
    if len(pair) != 2 or not all(isinstance(v, int | np.integer) for v in pair):
        raise ValueError(f"{name} is one integer or a pair (rows, columns), not {value!r}")
    return int(pair[0]), int(pair[1])


def _at_least(least: int, **values: int) -> None:
    for name, value in values.items():
        if not isinstance(value, int | np.integer) or value < least:
            raise ValueError(f"{name} is an integer of at least {least}, not {value!r}")


def _labels(y_true: ArrayLike, y_pred: ArrayLike) -> tuple[NDArray, NDArray]:
    true, predicted = np.asarray(y_true), np.asarray(y_pred)
    if true.ndim != 1 or true.shape != predicted.shape:
        raise ValueError(f"one prediction for each label, not shapes {true.shape} and {predicted.shape}")
    return true, predicted
