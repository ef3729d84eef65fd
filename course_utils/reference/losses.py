"""Losses: of classes from logits, of numbers, and of areas. Each is the mean over the batch."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from course_utils.reference.activations import log_softmax, softmax
from course_utils.reference.inputs import numbers


def cross_entropy(logits: ArrayLike, labels: ArrayLike, smoothing: float = 0.0) -> float:
    """Mean of -sum(t * log softmax(z)), in nats.

    logits: (N, C); labels: integers 0 ... C - 1, (N,). The target t gives 1 - smoothing to the label, and smoothing
    shared by all C classes, the label among them, as Keras and PyTorch do. Finite for logits of any size.
    Raises ValueError for shapes, labels or a smoothing outside 0 ... 1 that do not fit.
    Introduced on Day 6. Source: Szegedy et al. 2016 for the smoothing.
    """
    log_p, labels = _classes(log_softmax(logits), labels)
    if not 0 <= smoothing <= 1:
        raise ValueError(f"smoothing lies between 0 and 1, not {smoothing!r}")
    true = log_p[np.arange(len(labels)), labels]
    return float(-np.mean((1 - smoothing) * true + smoothing * log_p.mean(axis=1)))


def cross_entropy_gradient(logits: ArrayLike, labels: ArrayLike) -> NDArray:
    """Slope of the mean cross-entropy by each logit: (softmax - one-hot) / N, (N, C).

    Shapes and errors as in `cross_entropy`. Introduced on Day 6.
    """
    p, labels = _classes(softmax(logits), labels)
    p[np.arange(len(labels)), labels] -= 1
    return p / len(labels)


def binary_cross_entropy(logits: ArrayLike, labels: ArrayLike) -> float:
    """Mean of -y log p - (1 - y) log(1 - p) with p = sigmoid(z), for logits of any size.

    logits and labels of the same shape, labels 0 or 1. Raises ValueError if not. Introduced on Day 6.
    """
    return float(np.mean(-_log_p_true(logits, labels)[0]))


def focal_loss(logits: ArrayLike, labels: ArrayLike, gamma: float = 2.0, alpha: float | None = None) -> float:
    """Mean of -(1 - p_t)^gamma log p_t, where p_t is the probability of the true answer, yes or no.

    logits and labels of the same shape, labels 0 or 1. gamma 0 gives binary cross-entropy. alpha: a weight of alpha for
    label 1 and of 1 - alpha for label 0, or none. Raises ValueError for other labels or shapes, a negative gamma, or an
    alpha outside 0 ... 1. Introduced on Day 6. Source: Lin et al. 2017.
    """
    if gamma < 0 or (alpha is not None and not 0 <= alpha <= 1):
        raise ValueError(f"gamma is at least 0 and alpha between 0 and 1, not {gamma!r} and {alpha!r}")
    log_p_true, y = _log_p_true(logits, labels)
    weight = 1.0 if alpha is None else np.where(y == 1, alpha, 1 - alpha)
    return float(np.mean(-weight * (-np.expm1(log_p_true)) ** gamma * log_p_true))


def huber(predicted: ArrayLike, true: ArrayLike, width: float = 1.0) -> float:
    """Mean of e² / 2 for errors up to `width`, and of width * (|e| - width / 2) beyond, as PyTorch's `huber_loss`.

    Arrays of the same shape. Raises ValueError if not, or for a width that is not above 0.
    Introduced on Day 6. Source: Huber 1964.
    """
    predicted, true = _alike(predicted, true)
    if not width > 0:
        raise ValueError(f"a width is above 0, not {width!r}")
    size = np.abs(predicted - true)
    return float(np.mean(np.where(size <= width, size**2 / 2, width * (size - width / 2))))


def dice(predicted: ArrayLike, true: ArrayLike) -> float:
    """Overlap of two masks, 2 * sum(p t) / (sum(p) + sum(t)), from 0 to 1; the Dice loss is 1 minus this.

    predicted: probabilities or a mask; true: a mask, of the same shape. Two empty masks agree: 1.
    Raises ValueError for shapes that differ or values outside 0 ... 1.
    Introduced on Day 6. Source: Milletari, Navab & Ahmadi 2016.
    """
    p, t = _alike(predicted, true)
    if p.size and (min(p.min(), t.min()) < 0 or max(p.max(), t.max()) > 1):
        raise ValueError("masks hold values from 0 to 1")
    total = p.sum() + t.sum()
    return float(2 * (p * t).sum() / total) if total else 1.0


def _classes(rows: NDArray, labels: ArrayLike) -> tuple[NDArray, NDArray]:
    """Rows (N, C) and integer labels (N,) that fit each other."""
    y = np.asarray(labels)
    if rows.ndim != 2 or y.shape != rows.shape[:1] or not len(y):
        raise ValueError(f"logits (N, C) and labels (N,) belong together, not {rows.shape} and {y.shape}")
    if y.dtype.kind not in "iu" or y.min() < 0 or y.max() >= rows.shape[1]:
        raise ValueError(f"labels are integers from 0 to {rows.shape[1] - 1}")
    return rows, y


def _log_p_true(logits: ArrayLike, labels: ArrayLike) -> tuple[NDArray, NDArray]:
    """log of the probability of each true answer, yes or no, and the labels."""
    z, y = _alike(logits, labels)
    if not z.size or not np.isin(y, (0, 1)).all():
        raise ValueError("binary labels are 0 or 1, and there is at least one")
    signed = np.where(y == 1, z, -z)
    return np.minimum(signed, 0) - np.log1p(np.exp(-np.abs(signed))), y


def _alike(one: ArrayLike, other: ArrayLike) -> tuple[NDArray, NDArray]:
    a, b = numbers(one, "first array").astype(float), numbers(other, "second array").astype(float)
    if a.shape != b.shape:
        raise ValueError(f"the two arrays have the same shape, not {a.shape} and {b.shape}")
    return a, b
