"""Which pixels a unit sees, and how strongly: from the layers' numbers, and from measured gradients."""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from course_utils.reference.inputs import at_least
from course_utils.reference.sizes import output_size


def image_window(size: int, jump: int, start: float, unit: int, n: int) -> tuple[int, int]:
    """First and last pixel of the image that lie in a unit's field, along one axis of n pixels; both included.

    size, jump, start: as in `ReceptiveField`; unit: counted from 0. What reaches beyond the image is cut off.
    Raises ValueError if none of the field lies in the image. Introduced on Day 5.
    """
    at_least(1, size=size, jump=jump, n=n)
    at_least(0, unit=unit)
    first = round(start + unit * jump - (size - 1) / 2)
    window = max(first, 0), min(first + size - 1, n - 1)
    if window[0] > window[1]:
        raise ValueError(f"the field of unit {unit} lies outside the {n} pixels")
    return window


def seen_pixels(layers: Iterable[Sequence[int]], n: int, unit: int) -> NDArray[np.int64]:
    """The numbers of those pixels of one axis that are connected to `unit` of the last layer, from small to large.

    layers: as in `receptive_field`; n: pixels along the axis. Places in the padding of any layer are no units, so
    nothing is seen through them.
    Raises ValueError if a layer does not fit or has no such unit. Introduced on Day 5.
    """
    sees = np.eye(n, dtype=bool)  # row i: the pixels that unit i sees
    for layer in layers:
        k, stride, padding, dilation = (*layer, *(1, 1, 0, 1)[len(layer) :])
        windows = stride * np.arange(output_size(len(sees), k, stride, padding, dilation))
        padded = np.pad(sees, ((padding, padding), (0, 0)))
        sees = np.logical_or.reduce([padded[windows + dilation * tap] for tap in range(k)])
    if not 0 <= unit < len(sees):
        raise ValueError(f"the last layer has {len(sees)} units, so there is no unit {unit}")
    return np.flatnonzero(sees[unit])


def effective_field(gradients: ArrayLike) -> NDArray[np.float64]:
    """The effective receptive field of a unit: each pixel's share of the squared gradients, (H, W), adding up to 1.

    gradients: (N, H, W, C), of one unit's output by the pixels of N images. With random weights of mean 0, the expected
    square of a pixel's gradient is proportional to the number of paths from the pixel to the unit.
    Raises ValueError for another shape, or if all gradients are 0.
    Introduced on Day 5. Source: Luo, Li, Urtasun & Zemel 2016, who take absolute values.
    """
    gradients = np.asarray(gradients, dtype=float)
    if gradients.ndim != 4:
        raise ValueError(f"gradients are (images, rows, columns, channels), not of shape {gradients.shape}")
    energy = (gradients**2).sum(axis=(0, 3))
    if not energy.any():
        raise ValueError("all gradients are 0: no pixel moves the unit, and there are no shares")
    return energy / energy.sum()


def side_holding(field: ArrayLike, row: int, column: int, share: float) -> int:
    """Side of the smallest square around (row, column) that holds at least `share` of the field; an odd number.

    field: (H, W), not negative, adding up to 1; share: above 0, at most 1. What of the square lies outside the field
    counts as 0. Raises ValueError for a place outside or a share out of range. Introduced on Day 5.
    """
    field = np.asarray(field, dtype=float)
    height, width = field.shape
    if not (0 <= row < height and 0 <= column < width):
        raise ValueError(f"there is no pixel ({row}, {column}) in a field of {height} × {width}")
    if not 0 < share <= 1:
        raise ValueError(f"a share lies above 0 and is at most 1, not {share}")
    farthest = max(row, column, height - 1 - row, width - 1 - column)
    for reach in range(farthest):
        square = field[max(row - reach, 0) : row + reach + 1, max(column - reach, 0) : column + reach + 1]
        if square.sum() >= share:
            return 2 * reach + 1
    return 2 * farthest + 1
