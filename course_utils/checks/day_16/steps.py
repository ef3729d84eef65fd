"""One training step of a torch model, and what there is to look at before and after it."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """Models as small as these are several times slower where threads wait for each other."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def take_step(model, optimiser, x, y) -> None:
    """One step of an ordinary training loop."""
    import torch

    optimiser.zero_grad()
    torch.nn.functional.cross_entropy(model(x), y).backward()
    optimiser.step()


def flat(tensors) -> np.ndarray:
    """All numbers of some tensors, in one array (n,), copied."""
    return np.concatenate([np.zeros(0), *(tensor.detach().numpy().ravel() for tensor in tensors)])


def misled(model) -> bool:
    """Whether somebody set requires_grad on a module, where nobody reads it."""
    return any("requires_grad" in vars(part) for part in model.modules())


def seeded(make: Callable[[], Any], seed: int) -> Any:
    """A model with the weights of this seed; torch's generator is left as it was."""
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return make()
