"""Early stopping that keeps the best weights, driven on lists of losses."""

import copy

import numpy as np

from course_utils import reference
from course_utils.checks.compare import Unreadable
from course_utils.checks.question import Case, question


def _stopping_cases(rng: np.random.Generator) -> list[Case]:
    def case(losses, patience, min_delta=0.0):
        return Case(losses=[round(float(loss), 4) for loss in losses], patience=patience, min_delta=min_delta)

    def jumping(n, patience):
        """Falls for a while, with bad epochs in between, then rises."""
        fall = 1 - 0.05 * np.arange(n) + np.where(np.arange(n) % 3 == 2, 0.12, 0)
        return case([*(fall + rng.uniform(0, 0.01, n)), *rng.uniform(0.95, 1.2, patience + 4)], patience)

    step = rng.uniform(0.028, 0.032)
    return [
        case([0.9, 0.7, 0.8, 0.75, 0.8, 0.85, 0.6, 0.9], 3),
        jumping(12, 4),
        case([*(1 - step * np.arange(8)), *(0.9 + 0.01 * np.arange(6))], 3, 0.05),  # creeps down, then up
        case(1 - 0.02 * np.arange(9) - rng.uniform(0, 0.01, 9), 2),  # never stops
        case([1.0, *rng.uniform(0.95, 0.98, 3), 0.5, *rng.uniform(0.6, 0.9, 12)], 4, 0.1),
    ]


def _drive(make, losses, patience, min_delta):
    """Train for these losses: the epoch in which it says stop, and the weights that it has kept, the epoch's number.

    The weights are changed in place, as training does, and once more before they are looked at.
    """
    stopper = make(patience, min_delta)
    weights, told = [np.zeros(3), np.zeros((2, 2))], []
    for epoch, loss in enumerate(losses, start=1):
        for array in weights:
            array[...] = epoch
        told.append(stopper.update(loss, weights))
        if told[-1]:
            break
    for array in weights:
        array[...] = -1
    kept = getattr(stopper, "best_weights", None)
    if kept is None and all(one is None for one in told):
        raise NotImplementedError  # the empty class
    return {"stopped": epoch, "kept": _epoch_of(kept, weights)}


def _epoch_of(kept, weights) -> int:
    """The epoch that the weights kept come from; 0 where they are a mixture."""
    try:
        arrays = [np.asarray(array, dtype=float) for array in kept]
    except (TypeError, ValueError):
        arrays = []
    if [array.shape for array in arrays] != [array.shape for array in weights]:
        raise Unreadable("The attribute best_weights is a list of arrays like the weights that update gets.")
    found = {float(number) for array in arrays for number in array.flat}
    return int(found.pop()) if len(found) == 1 else 0


class _Stopper(reference.EarlyStopping):
    """The reference, so that each mistake can change one thing."""

    def better(self, loss):
        return loss < self.best_loss - self.min_delta

    def keep(self, loss, weights):
        self.best_loss, self.bad = loss, 0
        self.best_weights = copy.deepcopy(weights)

    def update(self, loss, weights):
        if self.better(loss):
            self.keep(loss, weights)
        else:
            self.bad += 1
        return self.bad >= self.patience


class _NoCopy(_Stopper):
    def keep(self, loss, weights):
        self.best_loss, self.best_weights, self.bad = loss, list(weights), 0


class _LastWeights(_Stopper):
    def update(self, loss, weights):
        stop = super().update(loss, weights)
        self.best_weights = copy.deepcopy(weights)
        return stop


class _OneLate(_Stopper):
    def update(self, loss, weights):
        super().update(loss, weights)
        return self.bad > self.patience


class _OneEarly(_Stopper):
    def update(self, loss, weights):
        super().update(loss, weights)
        return self.bad >= self.patience - 1


class _NotInARow(_Stopper):
    def keep(self, loss, weights):
        self.best_loss, self.best_weights = loss, copy.deepcopy(weights)


class _AgainstTheLast(_Stopper):
    last = np.inf

    def better(self, loss):
        before, self.last = self.last, loss
        return loss < before - self.min_delta


class _HigherIsBetter(_Stopper):
    def better(self, loss):
        return self.best_weights is None or loss > self.best_loss + self.min_delta


class _NoDelta(_Stopper):
    def better(self, loss):
        return loss < self.best_loss


class _BestCreeps(_Stopper):
    def update(self, loss, weights):
        stop = super().update(loss, weights)
        self.best_loss = min(self.best_loss, loss)
        return stop


EarlyStopping = question(
    "EarlyStopping",
    points=3,
    partial=1,
    reference=reference.EarlyStopping,
    cases=_stopping_cases,
    observe=_drive,
    mistakes={
        "You keep the arrays themselves, or a list of them, and training changes them in place: what you kept are the "
        "last weights. Copy each array.": _NoCopy,
        "The weights are stored after every epoch, so in the end they are the last ones; store them when the loss is "
        "the best so far.": _LastWeights,
        "It stops one epoch late: the epoch that makes `patience` bad ones in a row is the last.": _OneLate,
        "It stops one epoch early: `patience` bad epochs in a row are needed.": _OneEarly,
        "The bad epochs are counted in all. A better epoch sets the count back to 0.": _NotInARow,
        "You compare with the epoch before. Better means below the best so far.": _AgainstTheLast,
        "You take a higher loss for a better one.": _HigherIsBetter,
        "Nothing uses min_delta: a gain that is not larger than it does not count.": _NoDelta,
        "Small gains that do not count still move the best loss. Then a loss that creeps down never counts; the best "
        "is the loss of the last epoch that was better by more than min_delta.": _BestCreeps,
    },
    hints={
        "values": "Write down for each epoch of the smallest case the best loss so far and the number of bad epochs.",
        "type": "Write a class with update(loss, weights), which says True or False, and best_weights.",
        "raised": "Make one with a patience of 2 and call update(0.5, [np.zeros(3)]).",
    },
)
