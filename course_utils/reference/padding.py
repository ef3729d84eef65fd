"""What is put around an image, how much of it, and how often a kernel then reads each pixel."""

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
from numpy.typing import ArrayLike, NDArray

from course_utils.reference.inputs import Size, as_image, at_least, pair
from course_utils.reference.sizes import output_size

Amounts = int | tuple[int, int] | tuple[tuple[int, int], tuple[int, int]]
"""Pixels to add: on all sides, or (rows, columns) on both sides, or ((top, bottom), (left, right))."""

PADDING_MODES: Mapping[str, str] = MappingProxyType(
    {"zero": "constant", "reflect": "reflect", "symmetric": "symmetric", "replicate": "edge", "circular": "wrap"}
)
"""The five ways to pad, with NumPy's name for each; PyTorch says "zeros" or "constant" for the first.

On [1 2 3], one pixel on each side: zero 0 1 2 3 0, reflect 2 1 2 3 2, symmetric 1 1 2 3 3, replicate 1 1 2 3 3 (two
pixels tell these apart), circular 3 1 2 3 1. Introduced on Day 3.
"""


def pad2d(image: ArrayLike, amount: Amounts, mode: str = "zero", value: float = 0) -> NDArray:
    """The image with pixels added around it.

    image: (H, W) or (H, W, C); returns (top + H + bottom, left + W + right[, C]), int64 or float64.
    amount: as `Amounts`. mode: one of PADDING_MODES, or NumPy's name. value: what the mode "zero" fills in.
    Amounts beyond the image go on bouncing or turning, as in NumPy; PyTorch refuses them.
    Raises ValueError for another mode, a negative amount or axes that are no image's.
    Introduced on Day 3. Source: Dumoulin & Visin 2016, section 2; NumPy's `pad`.
    """
    x = as_image(image)
    sides = _sides(amount)
    for axis, (before, after) in enumerate(sides):
        sources = padding_sources(x.shape[axis], before, after, mode)
        filled = np.take(x, np.maximum(sources, 0), axis=axis)
        outside = np.expand_dims(sources < 0, (1, 2) if axis == 0 else (0, 2))
        x = np.where(outside, value, filled)
    return x[:, :, 0] if np.ndim(image) == 2 else x


def padding_sources(n: int, before: int, after: int, mode: str = "zero") -> NDArray:
    """The position 0 ... n - 1 along one axis that each pixel of the padded axis copies, −1 where none does.

    Returns int64 (before + n + after,). Raises ValueError as `pad2d`. Introduced on Day 3.
    """
    at_least(1, n=n)
    at_least(0, before=before, after=after)
    names = {**{name: name for name in PADDING_MODES}, **{other: name for name, other in PADDING_MODES.items()}}
    if mode not in names:
        raise ValueError(f"a padding mode is one of {', '.join(PADDING_MODES)}, not {mode!r}")
    place = np.arange(-before, n + after)
    match names[mode]:
        case "zero":
            return np.where((place < 0) | (place >= n), -1, place)
        case "replicate":
            return np.clip(place, 0, n - 1)
        case "circular":
            return place % n
        case "symmetric":  # there and back again, the last pixel twice: 0 1 2 2 1 0 0 1 2 ...
            place = place % (2 * n)
            return np.minimum(place, 2 * n - 1 - place)
        case _:  # reflect: there and back again, the last pixel once: 0 1 2 1 0 1 2 ...
            place = place % max(2 * n - 2, 1)
            return np.minimum(place, 2 * n - 2 - place)


def same_padding_keras(n: int, k: int, stride: int = 1, dilation: int = 1) -> tuple[int, int]:
    """Pixels (before, after) that Keras and TensorFlow add along one axis for padding="same".

    As many as make the output ⌈n / stride⌉ long, an odd one at the end; they depend on the input's length.
    Raises ValueError for n, k, stride or dilation below 1.
    Introduced on Day 3. Source: TensorFlow's `tf.nn.convolution`.
    """
    at_least(1, n=n, k=k, stride=stride, dilation=dilation)
    out = -(-n // stride)
    total = max((out - 1) * stride + dilation * (k - 1) + 1 - n, 0)
    return total // 2, total - total // 2


def same_padding_torch(k: int, stride: int = 1, dilation: int = 1) -> tuple[int, int]:
    """Pixels (before, after) that PyTorch adds along one axis for padding="same".

    Together dilation * (k - 1), an odd one at the end, whatever the input's length.
    Raises ValueError for a stride other than 1, as PyTorch does. Introduced on Day 3. Source: `torch.nn.Conv2d`.
    """
    at_least(1, k=k, stride=stride, dilation=dilation)
    if stride != 1:
        raise ValueError(f"PyTorch has no padding='same' for a stride of {stride}: it takes a stride of 1 only")
    total = dilation * (k - 1)
    return total // 2, total - total // 2


def touch_counts(
    shape: tuple[int, int],
    kernel_size: Size,
    stride: Size = 1,
    padding: Amounts = 0,
    dilation: Size = 1,
    mode: str = "zero",
) -> NDArray:
    """How often each pixel of an image is read while a kernel visits all its windows.

    shape: (H, W) of the image; padding, mode: as in `pad2d`. Returns int64 (H, W). With zeros around, that is the
    number of windows that touch the pixel; in the other modes what a copy in the padding is read counts for its pixel.
    Raises ValueError as `pad2d`, or if the kernel does not fit. Introduced on Day 3.
    """
    kernel_size, stride, dilation = (
        pair(value, name) for value, name in ((kernel_size, "kernel_size"), (stride, "stride"), (dilation, "dilation"))
    )
    lines = []
    for axis, (before, after) in enumerate(_sides(padding)):
        n, k, s, d = shape[axis], kernel_size[axis], stride[axis], dilation[axis]
        starts = np.arange(output_size(n + before + after, k, s, 0, d)) * s
        sources = padding_sources(n, before, after, mode)[starts[:, None] + np.arange(k) * d]
        lines.append(np.bincount(sources[sources >= 0], minlength=n))
    return np.outer(*lines)  # a window is its rows times its columns, and so are the counts


def _sides(amount: Amounts) -> tuple[tuple[int, int], tuple[int, int]]:
    """((top, bottom), (left, right)) of any amount."""
    shape = "an integer, (rows, columns) or ((top, bottom), (left, right))"
    try:
        both = (amount, amount) if np.ndim(amount) == 0 else tuple(amount)
        if len(both) != 2:
            raise ValueError
        sides = tuple(pair(side, "side") for side in both)
    except (ValueError, TypeError):
        raise ValueError(f"padding is {shape}, not {amount!r}") from None
    if min(min(side) for side in sides) < 0:
        raise ValueError(f"padding cannot be negative, as in {amount!r}")
    return sides
