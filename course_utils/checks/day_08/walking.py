"""What the questions on update rules share: gradients to be fed, and a rule that walks along them."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

FRAMEWORKS = ("torch.optim", "keras.optimizers", "tensorflow", "optax")
"""What an answer should not be made of."""


def drawn_gradients(rng: np.random.Generator, steps: int, n: int) -> NDArray:
    """(steps, n), of different size for each weight and with both signs."""
    return rng.choice([-1.0, 1.0], (steps, n)) * rng.uniform(0.3, 2.0, (steps, n)) * rng.uniform(0.5, 4.0, n)


def walk(step: Callable, weights: NDArray, gradients: NDArray) -> NDArray:
    """The path of a rule that keeps what it remembers in a dictionary: step(w, g, t, memory) -> w, with t from 1."""
    w, memory, path = np.array(weights, dtype=float), {}, []
    with np.errstate(all="ignore"):  # a wrong rule may divide by zero
        for t, gradient in enumerate(gradients, start=1):
            w = step(w, gradient, t, memory)
            path.append(w)
    return np.array(path)
