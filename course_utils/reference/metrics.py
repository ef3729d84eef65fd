"""How good predictions are."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from course_utils.reference.inputs import at_least


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
    at_least(1, n_classes=n_classes)
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
    at_least(0, k=k)
    if class_names is not None and len(class_names) != len(counts):
        raise ValueError(f"{len(counts)} classes need as many names, not {len(class_names)}")
    np.fill_diagonal(counts, 0)
    name = (lambda i: i) if class_names is None else class_names.__getitem__
    order = np.argsort(-counts.ravel(), kind="stable")[:k]
    pairs = (divmod(int(position), len(counts)) for position in order)
    return [(name(true), name(seen), int(counts[true, seen])) for true, seen in pairs if counts[true, seen]]


def _labels(y_true: ArrayLike, y_pred: ArrayLike) -> tuple[NDArray, NDArray]:
    true, predicted = np.asarray(y_true), np.asarray(y_pred)
    if true.ndim != 1 or true.shape != predicted.shape:
        raise ValueError(f"one prediction for each label, not shapes {true.shape} and {predicted.shape}")
    return true, predicted
