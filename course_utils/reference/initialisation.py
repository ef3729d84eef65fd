"""First weights: how large they have to be for a signal to pass through many layers."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

INITIALISATIONS = ("he", "xavier", "torch")


def fans(shape: Sequence[int]) -> tuple[int, int]:
    """(fan_in, fan_out): how many inputs one output adds up, and how many outputs one input goes into.

    shape: (in, out) of a dense layer or (kh, kw, C_in, C_out) of a convolution; there both count the kernel's area.
    Raises ValueError for other shapes. Introduced on Day 7. Source: Glorot & Bengio 2010; He et al. 2015.
    """
    if len(shape) not in (2, 4) or min(shape) < 1:
        raise ValueError(f"weights have the shape (in, out) or (kh, kw, C_in, C_out), not {tuple(shape)}")
    area = int(np.prod(shape[:-2]))
    return area * int(shape[-2]), area * int(shape[-1])


def initial_std(shape: Sequence[int], scheme: str = "he") -> float:
    """The standard deviation with which weights begin.

    scheme: "he", √(2 / fan_in), for ReLU; "xavier" (Glorot), √(2 / (fan_in + fan_out)), Keras' default;
    "torch", √(1 / (3 fan_in)), the default of PyTorch's Linear and Conv2d.
    Raises ValueError for another scheme and as `fans`. Introduced on Day 7.
    """
    fan_in, fan_out = fans(shape)
    match scheme:
        case "he":
            variance = 2 / fan_in
        case "xavier":
            variance = 2 / (fan_in + fan_out)
        case "torch":
            variance = 1 / (3 * fan_in)
        case _:
            raise ValueError(f"an initialisation is one of {', '.join(INITIALISATIONS)}, not {scheme!r}")
    return float(np.sqrt(variance))


def initial_weights(
    shape: Sequence[int], rng: np.random.Generator, scheme: str = "he", uniform: bool = False
) -> NDArray:
    """Random weights of that standard deviation and mean 0, drawn from rng: normal, or uniform between ±√3 of it.

    shape, scheme: as in `initial_std`, whose errors are raised. Returns float64. Introduced on Day 7.
    """
    std = initial_std(shape, scheme)
    if uniform:
        return rng.uniform(-np.sqrt(3) * std, np.sqrt(3) * std, tuple(shape))
    return rng.normal(0, std, tuple(shape))
