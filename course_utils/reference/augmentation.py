"""Augmentation that mixes two images and their targets. What is random comes in as an argument. Day 10."""

import numpy as np
from numpy.typing import ArrayLike, NDArray


def mixup(images: ArrayLike, targets: ArrayLike, order: ArrayLike, share: float) -> tuple[NDArray, NDArray]:
    """Each image times `share` plus its partner's times 1 - share, and the targets alike; (images, targets).

    images: (N, H, W[, C]); targets: (N, classes), one-hot rows or probabilities; order: (N,), each image's partner.
    Returns float64. Raises ValueError for shapes that do not fit, or a share outside 0 ... 1.
    Introduced on Day 10. Source: Zhang et al. 2018.
    """
    x, t, order = _batch(images, targets, order, share)
    return share * x + (1 - share) * x[order], share * t + (1 - share) * t[order]


def cutmix(
    images: ArrayLike, targets: ArrayLike, order: ArrayLike, share: float, centre: tuple[int, int]
) -> tuple[NDArray, NDArray]:
    """Paste a box of the partner into each image; targets are mixed by the area that the box really has.

    images, targets, order: as in `mixup`. The box has the sides int(H √(1 - share)) and int(W √(1 - share)), reaches
    half of them, rounded down, to both sides of the centre (row, column), and ends at the border.
    Returns float64 (images, targets).
    Raises ValueError as `mixup`, and for a centre outside the image.
    Introduced on Day 10. Source: Yun et al. 2019.
    """
    x, t, order = _batch(images, targets, order, share)
    sides = []
    for side, middle in zip(x.shape[1:3], centre, strict=True):
        if not 0 <= middle < side:
            raise ValueError(f"the centre lies inside the image of {x.shape[1]} x {x.shape[2]} pixels, not at {centre}")
        half = int(side * np.sqrt(1 - share)) // 2
        sides.append(slice(max(middle - half, 0), min(middle + half, side)))
    rows, columns = sides
    mixed = x.copy()
    mixed[:, rows, columns] = x[order][:, rows, columns]
    pasted = (rows.stop - rows.start) * (columns.stop - columns.start) / (x.shape[1] * x.shape[2])
    return mixed, (1 - pasted) * t + pasted * t[order]


def _batch(images: ArrayLike, targets: ArrayLike, order: ArrayLike, share: float) -> tuple[NDArray, NDArray, NDArray]:
    x, t, order = np.array(images, dtype=float), np.array(targets, dtype=float), np.asarray(order)
    if x.ndim not in (3, 4) or t.ndim != 2 or len(t) != len(x) or order.shape != (len(x),):
        raise ValueError(f"images {x.shape}, targets {t.shape} and order {order.shape} are not of one batch")
    if order.dtype.kind not in "iu" or not np.isin(order, np.arange(len(x))).all():
        raise ValueError(f"order names images from 0 to {len(x) - 1}")
    if not 0 <= share <= 1:
        raise ValueError(f"share lies between 0 and 1, not {share!r}")
    return x, t, order
