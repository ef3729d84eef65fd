"""Activation functions, softmax and its relatives, and the units that ReLU has switched off for good."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from course_utils.reference.inputs import numbers


def relu(z: ArrayLike) -> NDArray:
    """max(z, 0), element by element. Introduced on Day 6. Source: Nair & Hinton 2010."""
    return np.maximum(_floats(z), 0)


def leaky_relu(z: ArrayLike, slope: float = 0.01) -> NDArray:
    """z above zero, slope * z below, element by element.

    slope: 0.01 as in PyTorch; Keras' function takes 0.2 and its layer 0.3.
    Introduced on Day 6. Source: Maas, Hannun & Ng 2013.
    """
    z = _floats(z)
    return np.where(z > 0, z, slope * z)


def elu(z: ArrayLike, alpha: float = 1.0) -> NDArray:
    """z above zero, alpha * (exp(z) - 1) below. Introduced on Day 6. Source: Clevert, Unterthiner & Hochreiter 2016."""
    z = _floats(z)
    return np.where(z > 0, z, alpha * np.expm1(np.minimum(z, 0)))


def sigmoid(z: ArrayLike) -> NDArray:
    """1 / (1 + exp(-z)), element by element, without overflow. Introduced on Day 6."""
    z = _floats(z)
    small = np.exp(-np.abs(z))  # never above 1
    return np.where(z >= 0, 1, small) / (1 + small)


def softmax(logits: ArrayLike, temperature: float = 1.0, axis: int = -1) -> NDArray:
    """Probabilities that add up to 1 along an axis: exp(z / T) over its sum, for logits of any size.

    logits: (..., classes) or as `axis` says; returns float64 of the same shape.
    Raises ValueError for a temperature that is not above 0, and as `logsumexp`.
    Introduced on Day 6. Source: Bridle 1990; Blanchard, Higham & Higham 2021.
    """
    return np.exp(log_softmax(logits, temperature, axis))


def log_softmax(logits: ArrayLike, temperature: float = 1.0, axis: int = -1) -> NDArray:
    """The logarithm of `softmax`, finite where a probability is too small for a number. Shapes and errors as there."""
    if not temperature > 0:
        raise ValueError(f"a temperature is above 0, not {temperature!r}")
    z = _floats(logits) / temperature
    return z - np.expand_dims(logsumexp(z, axis), axis)


def logsumexp(z: ArrayLike, axis: int = -1) -> NDArray:
    """log of the sum of exp(z) along an axis, which disappears; no power is larger than 1.

    Raises ValueError for what is no array of finite numbers, or empty along the axis.
    Introduced on Day 6. Source: Blanchard, Higham & Higham 2021.
    """
    z = _floats(z)
    if z.ndim == 0 or not z.shape[axis]:
        raise ValueError(f"a softmax needs at least one class along its axis; the shape is {z.shape}")
    if not np.isfinite(z).all():
        raise ValueError("logits are finite numbers; there is an infinity or NaN among them")
    largest = z.max(axis=axis, keepdims=True)
    return np.squeeze(largest, axis) + np.log(np.exp(z - largest).sum(axis=axis))


def dead_units(sums: ArrayLike) -> NDArray:
    """Which units or channels ReLU sets to zero for every example and at every place: bool (units,).

    sums: what ReLU is applied to, (examples, units) or (examples, rows, columns, channels).
    At a sum of exactly 0 the slope counts as 0, as frameworks have it. Raises ValueError for fewer than two axes, or
    for no examples. Introduced on Day 6.
    """
    z = _floats(sums)
    if z.ndim < 2 or not z.shape[0]:
        raise ValueError(f"sums are (examples, ..., units) with at least one example, not of shape {z.shape}")
    return (z <= 0).all(axis=tuple(range(z.ndim - 1)))


def _floats(array: ArrayLike) -> NDArray:
    return numbers(array, "input").astype(np.float64)
