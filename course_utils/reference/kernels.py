"""Kernels that people designed, long before anyone trained one."""

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray


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
