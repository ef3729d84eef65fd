"""What a training loop computes: the loss of an epoch, the weights after it, the best epoch, a pipeline's second epoch.

Introduced on Day 9.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from course_utils.reference.inputs import at_least

STEPS = ("cache", "shuffle", "batch", "augment", "prefetch")
"""What a data pipeline does, step by step."""


def epoch_loss(batch_losses: ArrayLike, n: int, batch_size: int) -> float:
    """Mean loss of n examples, from the mean losses of their batches, (batches,); the last batch may be smaller.

    Raises ValueError if the number of batches is not ⌈n / batch_size⌉.
    """
    at_least(1, n=n, batch_size=batch_size)
    losses = np.asarray(batch_losses, dtype=float)
    batches = -(-n // batch_size)
    if losses.shape != (batches,):
        raise ValueError(f"{n} examples in batches of {batch_size} make {batches} losses, not {losses.shape}")
    sizes = np.full(batches, batch_size)
    sizes[-1] = n - (batches - 1) * batch_size
    return float(losses @ sizes / n)


class NormedSoftmax(NamedTuple):
    """Batch normalisation without scale and shift, then a dense layer: logits = x̂ weightᵀ + bias.

    weight: (classes, features); bias: (classes,); mean, var: running averages, (features,).
    """

    weight: NDArray
    bias: NDArray
    mean: NDArray
    var: NDArray


class Epoch(NamedTuple):
    """The model after an epoch, and the losses and verdicts that each batch had before its step."""

    model: NormedSoftmax
    losses: list[NDArray]
    right: list[NDArray]


MOMENTUM, EPSILON = 0.1, 1e-5
"""Of batch normalisation in PyTorch: the share of a running average that a batch replaces; added to the variance."""


def judge_batch(model: NormedSoftmax, x: ArrayLike, labels: ArrayLike) -> tuple[NDArray, NDArray]:
    """Cross-entropy of each example (N,), and whether its largest logit is that of its label (N,), in evaluation mode.

    x: (N, features). Source: Ioffe & Szegedy 2015; `torch.nn.BatchNorm1d` in evaluation mode.
    """
    return _judge(model, (np.asarray(x, dtype=float) - model.mean) / np.sqrt(model.var + EPSILON), labels)[:2]


def train_normed_softmax(
    model: NormedSoftmax, batches: Iterable[tuple[ArrayLike, ArrayLike]], rate: float, accumulate: bool = False
) -> Epoch:
    """One epoch of plain SGD on the mean cross-entropy of each batch, in training mode.

    batches: pairs x (N, features), labels (N,), each of at least two examples. accumulate: gradients add up over the
    batches, as they do in PyTorch without zero_grad(). Raises ValueError for a batch of one, which has no variance.
    """
    weight, bias, mean, var = (np.array(part, dtype=float) for part in model)
    sums = [np.zeros_like(weight), np.zeros_like(bias)]
    losses, right = [], []
    for x, labels in batches:
        x = np.asarray(x, dtype=float)
        if len(x) < 2:
            raise ValueError(f"batch normalisation needs at least two examples in a batch, not {len(x)}")
        normed = (x - x.mean(axis=0)) / np.sqrt(x.var(axis=0) + EPSILON)
        loss, correct, slope = _judge(NormedSoftmax(weight, bias, mean, var), normed, labels)
        losses.append(loss)
        right.append(correct)
        gradients = slope.T @ normed / len(x), slope.sum(axis=0) / len(x)
        sums = [old * accumulate + new for old, new in zip(sums, gradients, strict=True)]
        weight, bias = weight - rate * sums[0], bias - rate * sums[1]
        mean = mean + MOMENTUM * (x.mean(axis=0) - mean)
        var = var + MOMENTUM * (x.var(axis=0, ddof=1) - var)
    return Epoch(NormedSoftmax(weight, bias, mean, var), losses, right)


def _judge(model: NormedSoftmax, normed: NDArray, labels: ArrayLike) -> tuple[NDArray, NDArray, NDArray]:
    """Losses (N,), verdicts (N,), and the gradient by the logits (N, classes)."""
    logits = normed @ model.weight.T + model.bias
    logits = logits - logits.max(axis=1, keepdims=True)
    probability = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    own = np.arange(len(logits)), np.asarray(labels)
    slope = probability.copy()
    slope[own] -= 1
    return -np.log(probability[own]), logits.argmax(axis=1) == own[1], slope


class EarlyStopping:
    """Says when to stop, and keeps a copy of the best weights.

    An epoch is better if its loss is below the best by more than min_delta; with the `patience`-th epoch in a row that
    is not, training should stop. Source: Keras' `EarlyStopping` with `restore_best_weights=True`.
    """

    def __init__(self, patience: int, min_delta: float = 0.0) -> None:
        at_least(1, patience=patience)
        self.patience, self.min_delta = patience, min_delta
        self.best_loss, self.best_weights, self.bad = np.inf, None, 0

    def update(self, loss: float, weights: Sequence[NDArray]) -> bool:
        """After an epoch: its validation loss and the present weights, which training goes on changing in place."""
        if loss < self.best_loss - self.min_delta:
            self.best_loss, self.bad = loss, 0
            self.best_weights = [weight.copy() for weight in weights]
        else:
            self.bad += 1
        return self.bad >= self.patience


def second_epoch(steps: Sequence[str]) -> dict[str, bool]:
    """What a pipeline's second epoch brings anew: {"order": ..., "pictures": ...}.

    steps: names from STEPS, in the order in which they act. What stands before a cache happens once.
    Raises ValueError for an unknown step. Source: `tf.data.Dataset`.
    """
    if unknown := [step for step in steps if step not in STEPS]:
        raise ValueError(f"a pipeline is made of {', '.join(STEPS)}, not {', '.join(map(repr, unknown))}")
    last_cache = max((place for place, step in enumerate(steps) if step == "cache"), default=-1)
    return {"order": "shuffle" in steps[last_cache + 1 :], "pictures": "augment" in steps[last_cache + 1 :]}
