"""What the functions of the reference take: checked, and as plain numbers."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

Size = int | tuple[int, int]
"""One integer for both axes, or (rows, columns)."""


def as_image(image: ArrayLike) -> NDArray:
    """The image as (H, W, C)."""
    x = numbers(image, "image")
    if x.ndim not in (2, 3):
        raise ValueError(f"an image has 2 or 3 axes (H, W[, C]), not {x.ndim}")
    return x[:, :, None] if x.ndim == 2 else x


def numbers(array: ArrayLike, name: str) -> NDArray:
    """As int64 or float64: sums of uint8 products would wrap around at 256."""
    a = np.asarray(array)
    if a.dtype.kind not in "biuf":
        raise ValueError(f"the {name} holds {a.dtype}, not real numbers")
    return a.astype(np.float64 if a.dtype.kind == "f" else np.int64)


def pair(value: Size, name: str) -> tuple[int, int]:
    """(rows, columns) of an integer or of a pair. Raises ValueError, with the name, for anything else."""
    both = (value, value) if np.ndim(value) == 0 else tuple(value)
    if len(both) != 2 or not all(isinstance(v, int | np.integer) for v in both):
        raise ValueError(f"{name} is one integer or a pair (rows, columns), not {value!r}")
    return int(both[0]), int(both[1])


def at_least(least: int, **values: int) -> None:
    """Raises ValueError, with the name, for a value that is no integer or below `least`."""
    for name, value in values.items():
        if not isinstance(value, int | np.integer) or value < least:
            raise ValueError(f"{name} is an integer of at least {least}, not {value!r}")
