"""The learning rate over the steps of training, and what is decided by watching the loss. Steps count from 0.

Introduced on Day 8.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from course_utils.reference.inputs import at_least


def step_decay(step: int, peak: float, every: int, factor: float = 0.1) -> float:
    """The rate is multiplied by the factor after every so many steps. Source: `torch.optim.lr_scheduler.StepLR`."""
    at_least(0, step=step)
    at_least(1, every=every)
    return peak * factor ** (step // every)


def exponential_decay(step: int, peak: float, factor: float) -> float:
    """The rate is multiplied by the factor after each step. Source: `torch.optim.lr_scheduler.ExponentialLR`."""
    at_least(0, step=step)
    return peak * factor**step


def cosine_decay(step: int, peak: float, steps: int, least: float = 0.0) -> float:
    """Half a cosine from the peak at step 0 down to `least` at `steps`, where it stays.

    Source: Loshchilov & Hutter 2017; `CosineAnnealingLR`, which climbs again after `steps`.
    """
    at_least(0, step=step)
    at_least(1, steps=steps)
    return float(least + (peak - least) / 2 * (1 + np.cos(np.pi * min(step, steps) / steps)))


def cosine_restarts(step: int, peak: float, period: int, least: float = 0.0) -> float:
    """Half a cosine that begins anew every `period` steps. Source: `CosineAnnealingWarmRestarts`."""
    at_least(0, step=step)
    at_least(1, period=period)
    return cosine_decay(step % period, peak, period, least)


def warm_up_cosine(step: int, peak: float, steps: int, warm_up: int) -> float:
    """A straight line up, which reaches the peak in step `warm_up` − 1, then a cosine to 0 from there to `steps`.

    Raises ValueError unless 1 ≤ warm_up < steps. Source: Goyal et al. 2017 (warm-up).
    """
    at_least(0, step=step)
    at_least(1, warm_up=warm_up)
    at_least(warm_up + 1, steps=steps)
    if step < warm_up:
        return peak * (step + 1) / warm_up
    return cosine_decay(step - warm_up, peak, steps - warm_up)


def one_cycle(
    step: int, peak: float, steps: int, up: float = 0.3, start_divisor: float = 25.0, end_divisor: float = 1e4
) -> float:
    """By cosines from peak/25 up to the peak, then down to (peak/25)/10,000 in the last step, `steps` − 1.

    up: the share of the steps that rise; the peak lies at step up · steps − 1. Raises ValueError for a step beyond the
    last, or if nothing is left to rise or to fall. Source: Smith & Topin 2018; `torch.optim.lr_scheduler.OneCycleLR`.
    """
    at_least(0, step=step)
    turn, last = up * steps - 1, steps - 1
    if step > last or not 0 < turn < last:
        raise ValueError(f"step {step} of {steps} with {up:g} of them rising is no step of one cycle")
    low = peak / start_divisor if step <= turn else peak / start_divisor / end_divisor
    height = step / turn if step <= turn else (last - step) / (last - turn)
    return float(low + (peak - low) / 2 * (1 - np.cos(np.pi * height)))


def plateau_rates(
    losses: Sequence[float],
    rate: float,
    factor: float,
    patience: int,
    min_delta: float = 0.0,
    framework: str = "keras",
) -> list[float]:
    """The rate after each epoch, if it is multiplied by the factor whenever the loss has stopped falling.

    An epoch is good if its loss is below the best so far by more than min_delta; torch counts min_delta as a share of
    the best. The cut comes with the `patience`-th bad epoch in a row in Keras, one epoch later in torch. The count then
    begins anew. Raises ValueError for another framework. Source: Keras' and PyTorch's `ReduceLROnPlateau`.
    """
    if framework not in ("keras", "torch"):
        raise ValueError(f"framework is keras or torch, not {framework!r}")
    at_least(1, patience=patience)
    allowed = patience - 1 if framework == "keras" else patience
    best, bad, rates = np.inf, 0, []
    for loss in losses:
        needed = best - (min_delta if framework == "keras" or np.isinf(best) else best * min_delta)
        best, bad = (loss, 0) if loss < needed else (best, bad + 1)
        if bad > allowed:
            rate, bad = rate * factor, 0
        rates.append(rate)
    return rates


class Stop(NamedTuple):
    """Epochs, counted from 1."""

    last: int
    best: int


def early_stop(losses: Sequence[float], patience: int, min_delta: float = 0.0) -> Stop:
    """When early stopping ends the training, and which epoch's weights are the best.

    It stops with the `patience`-th epoch in a row whose loss is not below the best by more than min_delta. Without such
    an epoch the last one is the last of the losses. Raises ValueError without losses. Source: Keras' `EarlyStopping`.
    """
    at_least(1, patience=patience, epochs=len(losses))
    lowest, best = np.inf, 0
    for epoch, loss in enumerate(losses, start=1):
        if loss < lowest - min_delta:
            lowest, best = loss, epoch
        if epoch - best >= patience:
            return Stop(epoch, best)
    return Stop(len(losses), best)
