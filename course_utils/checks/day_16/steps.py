"""One training step of a torch model, and what there is to look at before and after it."""

from collections.abc import Callable
from typing import Any

import numpy as np


def take_step(model, optimiser, x, y) -> None:
    """One step of an ordinary training loop."""
    import torch

    optimiser.zero_grad()
    torch.nn.functional.cross_entropy(model(x), y).backward()
    optimiser.step()


def flat(tensors) -> np.ndarray:
    """All numbers of some tensors, in one array (n,), copied."""
    return np.concatenate([tensor.detach().numpy().ravel().copy() for tensor in tensors])


def seeded(make: Callable[[], Any], seed: int) -> Any:
    """A model with the weights of this seed; torch's generator is left as it was."""
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return make()
