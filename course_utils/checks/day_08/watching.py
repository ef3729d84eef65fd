"""Rules that watch the validation loss: reduce on plateau, early stopping. As in Keras."""

from collections.abc import Callable

import numpy as np

from course_utils import reference
from course_utils.checks.question import Case, question


def _losses(rng: np.random.Generator, epochs: int) -> list[float]:
    """Falls, each followed by some epochs about level, of which some are better by a hair."""
    losses, level = [], 2.0
    while len(losses) < epochs:
        level *= float(rng.uniform(0.5, 0.8))
        level_for = int(rng.integers(3, 8))
        losses += [level, *(level + rng.choice([-0.004, 0.0, 0.02, 0.05], level_for))]
    return [round(float(loss), 3) for loss in losses[:epochs]]


BY_HAND = [0.9, 0.8, 0.8, 0.82, 0.797, 0.5, 0.5, 0.51, 0.52]
"""With min_delta 0.01 the rate falls in epochs 4 and 8 for a patience of 2, in epochs 5 and 9 for one of 3."""

BY_HAIRS = [1.0, *(round(0.994 - 0.006 * i, 3) for i in range(10))]
"""Each epoch is a little better, every second one by more than 0.01 below the best that counted."""


def _plateau_cases(rng: np.random.Generator) -> list[Case]:
    def case(losses, patience):
        return Case(losses=losses, rate=1.0, factor=0.5, patience=patience, min_delta=0.01)

    return [
        case(BY_HAND, 2),
        case(BY_HAND, 3),
        case(BY_HAIRS, 2),
        *(case(_losses(rng, 24), patience) for patience in (2, 3, 4)),
    ]


def _plateau_wrong(
    enough: Callable = lambda bad, patience: bad >= patience,
    better: Callable = lambda loss, best, previous, delta: loss < best - delta,
    best_moves: bool = False,
    resets: bool = True,
    forgives: bool = True,
) -> Callable:
    """plateau_rates with one part exchanged. best_moves: the best is the lowest loss, however little lower."""

    def plateau_rates(losses, rate, factor, patience, min_delta):
        best, previous, bad, rates = np.inf, np.inf, 0, []
        for loss in losses:
            if better(loss, best, previous, min_delta):
                best, bad = loss, 0 if forgives else bad
            else:
                best, bad = min(loss, best) if best_moves else best, bad + 1
                if enough(bad, patience):
                    rate, bad = rate * factor, 0 if resets else bad
            previous = loss
            rates.append(rate)
        return rates

    return plateau_rates


plateau_rates = question(
    "plateau_rates",
    points=2,
    partial=1,
    reference=reference.plateau_rates,
    cases=_plateau_cases,
    mistakes={
        "Your cut comes one epoch late. PyTorch forgives `patience` bad epochs; Keras cuts after the last of them.": (
            _plateau_wrong(enough=lambda bad, patience: bad > patience)
        ),
        "Each epoch is compared with the one before it. It has to beat the best so far.": _plateau_wrong(
            better=lambda loss, best, previous, delta: loss < previous - delta
        ),
        "You do not use min_delta: an epoch is good if its loss is below the best by MORE than that.": _plateau_wrong(
            better=lambda loss, best, previous, delta: loss < best
        ),
        "An improvement that is too small to count moves your best all the same.": _plateau_wrong(best_moves=True),
        "After a cut you do not begin to count anew, so the rate falls again in every bad epoch.": _plateau_wrong(
            resets=False
        ),
        "A good epoch does not set your count back to zero: bad epochs count only if they come in a row.": (
            _plateau_wrong(forgives=False)
        ),
        "Your list is one epoch late: entry i is the rate AFTER epoch i, with the cut that it caused.": (
            lambda losses, rate, *rest: [rate, *reference.plateau_rates(losses, rate, *rest)[:-1]]
        ),
        "You return the rate at the end only. Asked for is the rate after each epoch.": (
            lambda *inputs: reference.plateau_rates(*inputs)[-1]
        ),
    },
    hints={
        "shape": "Return one rate for each loss.",
        "values": "Go through the example with a pencil: loss, best so far, bad epochs in a row, rate.",
        "type": "Return a list of numbers.",
    },
)

# --- early_stopping -----------------------------------------------------------------------------------------------


def _stopping_cases(rng: np.random.Generator) -> list[Case]:
    def case(losses, patience, min_delta=0.01):
        return Case(losses=losses, patience=patience, min_delta=min_delta)

    never = [round(float(loss), 3) for loss in np.cumprod(rng.uniform(0.6, 0.9, 9))] + [0.9]
    drawn = [case(_losses(rng, 24), patience) for patience in (2, 3, 4)]
    return [case(BY_HAND, 2), case(BY_HAND, 3), case(never, 2), *drawn]


def _stopping_wrong(
    better: Callable = lambda loss, best, previous, delta: loss < best - delta, more=0, best_of=None, from_0=0
) -> Callable:
    """early_stopping with one part exchanged. best_of(losses seen, last, best, patience): another best epoch."""

    def early_stopping(losses, patience, min_delta):
        lowest, previous, best, bad = np.inf, np.inf, 0, 0
        for last, loss in enumerate(losses, start=1):
            good = better(loss, lowest, previous, min_delta)
            lowest, best, bad = (loss, last, 0) if good else (lowest, best, bad + 1)
            previous = loss
            if bad >= patience + more:
                break
        if best_of:
            best = best_of(losses[:last], losses, last, patience)
        return last - from_0, best - from_0

    return early_stopping


early_stopping = question(
    "early_stopping",
    points=2,
    partial=1,
    reference=lambda losses, patience, min_delta: tuple(reference.early_stop(losses, patience, min_delta)),
    cases=_stopping_cases,
    mistakes={
        "You stop one epoch late: the `patience`-th bad epoch in a row is the last.": _stopping_wrong(more=1),
        "Your epochs are counted from 0. Here the first is epoch 1.": _stopping_wrong(from_0=1),
        "Each epoch is compared with the one before it. It has to beat the best so far.": _stopping_wrong(
            better=lambda loss, best, previous, delta: loss < previous - delta
        ),
        "You do not use min_delta: an epoch is good if its loss is below the best by MORE than that.": _stopping_wrong(
            better=lambda loss, best, previous, delta: loss < best
        ),
        "Your best epoch is the one with the lowest loss of the whole list, epochs that were never trained included.": (
            _stopping_wrong(best_of=lambda seen, losses, last, patience: 1 + int(np.argmin(losses)))
        ),
        "Your best epoch is the last one. Those weights are the result of `patience` bad epochs.": _stopping_wrong(
            best_of=lambda seen, losses, last, patience: last
        ),
        "Your best epoch is always `patience` before the last. That fails for a run that was never stopped.": (
            _stopping_wrong(best_of=lambda seen, losses, last, patience: last - patience)
        ),
        "You return the best epoch first. Asked for is (last epoch, best epoch).": (
            lambda *inputs: tuple(reference.early_stop(*inputs))[::-1]
        ),
    },
    hints={
        "shape": "Return two numbers: the last epoch, and the best.",
        "values": "Go through the example with a pencil: loss, best so far, bad epochs in a row.",
        "type": "Return two integers, (last, best).",
    },
)
