"""Instruments for a training that goes wrong: gradients, dead units, updates, the first bad number, label errors.

Introduced on Day 13.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from course_utils.reference.class_means import class_mean_probabilities


def gradient_norms(gradients: Mapping[str, ArrayLike | None]) -> dict[str, float]:
    """Layer -> Euclidean norm of the gradient of its weights, over all its entries; 0 where there is none (None)."""
    return {name: 0.0 if g is None else float(np.sqrt(np.sum(_floats(g) ** 2))) for name, g in gradients.items()}


def dead_shares(activations: Mapping[str, ArrayLike]) -> dict[str, float]:
    """Layer -> share of its units that ReLU leaves at zero for every image and at every place.

    activations: layer -> (images, units, places), what comes out of ReLU. Raises ValueError for another number of axes.
    """
    shares = {}
    for name, values in activations.items():
        a = _floats(values)
        if a.ndim != 3:
            raise ValueError(f"activations of {name} are (images, units, places), not of shape {a.shape}")
        shares[name] = float(np.mean((a <= 0).all(axis=(0, 2))))
    return shares


def update_ratios(before: Mapping[str, ArrayLike], after: Mapping[str, ArrayLike]) -> dict[str, float]:
    """Layer -> norm of what a step changed, divided by the norm of the weights before it.

    Raises ValueError if the layers or their shapes differ, or if the weights of a layer are all zero.
    """
    if set(before) != set(after):
        raise ValueError("before and after have the same layers")
    ratios = {}
    for name in before:
        old, new = _floats(before[name]), _floats(after[name])
        if old.shape != new.shape:
            raise ValueError(f"the weights of {name} change their shape from {old.shape} to {new.shape}")
        if not old.any():
            raise ValueError(f"the weights of {name} are all zero; no ratio to them is defined")
        ratios[name] = float(np.linalg.norm((new - old).ravel()) / np.linalg.norm(old.ravel()))
    return ratios


def first_bad(values: Sequence[ArrayLike]) -> int:
    """Place of the first array, in the order of computing, that holds NaN or an infinity; -1 if none does."""
    bad = [place for place, value in enumerate(values) if not np.isfinite(_floats(value)).all()]
    return bad[0] if bad else -1


def out_of_fold(images: ArrayLike, labels: ArrayLike, folds: ArrayLike, classes: int) -> NDArray:
    """Probabilities (N, classes) of each image, from the class means of the images that are in other folds.

    images: (N, D); labels, folds: (N,). Source: cross-validated predictions, Stone 1974.
    """
    x, y, fold = _floats(images), np.asarray(labels), np.asarray(folds)
    probabilities = np.zeros((len(x), classes))
    for f in np.unique(fold):
        held = fold == f
        probabilities[held] = class_mean_probabilities(x[~held], y[~held], x[held], classes)
    return probabilities


def suspects(probabilities: ArrayLike, labels: ArrayLike, n: int) -> NDArray:
    """Up to n images whose label the prediction contradicts, the most confident contradiction first: int64 (≤ n,).

    probabilities: (N, C); labels: (N,). Confidence is the largest probability of an image; ties keep their order.
    Source: Northcutt et al. 2021, "Confident learning", in its simplest form.
    """
    p, y = _floats(probabilities), np.asarray(labels)
    against = np.flatnonzero(p.argmax(axis=1) != y)
    return against[np.argsort(-p[against].max(axis=1), kind="stable")][:n]


def _floats(array: ArrayLike) -> NDArray:
    return np.asarray(array, dtype=np.float64)
