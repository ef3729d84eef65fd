"""AdamW with its corrections, and SAM with its two gradients."""

from collections.abc import Callable

import numpy as np

from course_utils import reference
from course_utils.checks.day_08.walking import FRAMEWORKS, drawn_gradients, walk
from course_utils.checks.question import Case, question

# --- adamw_path ---------------------------------------------------------------------------------------------------


def _adamw_cases(rng: np.random.Generator) -> list[Case]:
    """The first without decay, so that it is Adam; eps is large, so that it shows where it stands."""

    def case(steps, n, decay):
        settings = {"lr": 0.3, "beta1": float(rng.choice([0.7, 0.8])), "beta2": float(rng.choice([0.9, 0.95]))}
        settings |= {"eps": float(rng.choice([0.1, 0.2])), "weight_decay": decay}
        gradients = drawn_gradients(rng, steps, n)
        weights = rng.choice([-1.0, 1.0], n) * rng.uniform(1, 4, n)
        return Case(weights=weights, gradients=gradients, **settings)

    return [case(2, 1, 0.0), case(2, 1, 0.5), case(3, 2, 0.0), case(4, 2, 0.4), case(6, 3, 0.2)]


def _mean(old, beta, new):
    return beta * old + (1 - beta) * new


def _adamw_wrong(
    correct: Callable = lambda mean, beta, t: mean / (1 - beta**t),
    correct_square: Callable | None = None,
    square: Callable = np.square,
    root: Callable = lambda v, eps: np.sqrt(v) + eps,
    decay: Callable = lambda w, g, lr, rate: (w * (1 - lr * rate), g),
    keep_corrected: bool = False,
    swap: bool = False,
) -> Callable:
    """adamw_path with one part exchanged. decay: from weights and gradient to both as they are used."""

    def adamw_path(weights, gradients, lr, beta1, beta2, eps, weight_decay):
        b1, b2 = (beta2, beta1) if swap else (beta1, beta2)

        def step(w, g, t, memory):
            w, g = decay(w, g, lr, weight_decay)
            m = memory["m"] = _mean(memory.get("m", 0 * g), b1, g)
            v = memory["v"] = _mean(memory.get("v", 0 * g), b2, square(g))
            m, v = correct(m, b1, t), (correct_square or correct)(v, b2, t)
            if keep_corrected:
                memory.update(m=m, v=v)
            return w - lr * m / root(v, eps)

        return walk(step, weights, gradients)

    return adamw_path


def _decay_last(weights, gradients, lr, beta1, beta2, eps, weight_decay):
    def step(w, g, t, memory):
        m = memory["m"] = _mean(memory.get("m", 0 * g), beta1, g)
        v = memory["v"] = _mean(memory.get("v", 0 * g), beta2, g**2)
        stepped = w - lr * (m / (1 - beta1**t)) / (np.sqrt(v / (1 - beta2**t)) + eps)
        return stepped * (1 - lr * weight_decay)

    return walk(step, weights, gradients)


def _uncorrected(mean, beta, t):
    return mean


adamw_path = question(
    "adamw_path",
    shortcuts=FRAMEWORKS,
    points=4,
    partial=1,
    reference=reference.adamw_path,
    cases=_adamw_cases,
    mistakes={
        "The bias correction is missing: in step t both means are divided by 1 − beta^t.": _adamw_wrong(
            correct=_uncorrected
        ),
        "Only the mean of the gradients is corrected; the mean of the squares began at zero as well.": _adamw_wrong(
            correct_square=_uncorrected
        ),
        "You keep the corrected means for the next step. Keep them as they are, and correct a copy.": _adamw_wrong(
            keep_corrected=True
        ),
        "Your t counts from 0 in the correction, so the first step divides by zero. The first step has t = 1.": (
            _adamw_wrong(correct=lambda mean, beta, t: mean / (1 - beta ** (t - 1)))
        ),
        "You correct by beta^1 in every step; the power is the number of the step.": _adamw_wrong(
            correct=lambda mean, beta, t: mean / (1 - beta)
        ),
        "The decay is part of the gradient. That is Adam with L2; AdamW keeps it apart.": _adamw_wrong(
            decay=lambda w, g, lr, rate: (w, g + rate * w)
        ),
        "The decay is not multiplied by the learning rate: the weights keep the share 1 − lr · weight_decay.": (
            _adamw_wrong(decay=lambda w, g, lr, rate: (w * (1 - rate), g))
        ),
        "The decay comes after the step, so it shrinks the step too. It comes first.": _decay_last,
        "The weight decay is not used.": _adamw_wrong(decay=lambda w, g, lr, rate: (w, g)),
        "Epsilon stands inside the root. It is added to the root.": _adamw_wrong(root=lambda v, eps: np.sqrt(v + eps)),
        "You exchange beta1 and beta2: beta1 is for the gradients, beta2 for their squares.": _adamw_wrong(swap=True),
        "The second mean collects the gradients' size, not their squares.": _adamw_wrong(square=np.abs),
    },
    hints={
        "shape": "Return one row for each step: the weights after it.",
        "values": "Without decay the first step is lr · g / (|g| + eps). Is yours? Then look at the second.",
        "raised": "Loop over the steps with t from 1; both means begin as zeros of the weights' shape.",
        "type": "Return a NumPy array (steps, number of weights).",
    },
)

# --- sam_step -----------------------------------------------------------------------------------------------------


def _sam_cases(rng: np.random.Generator) -> list[Case]:
    def case(n):
        # A valley that is curved differently along each weight, and more so further out.
        curvature, lr, rho = rng.uniform(1, 5, n), float(rng.uniform(0.05, 0.2)), float(rng.uniform(0.3, 0.8))
        return Case(weights=rng.choice([-1.0, 1.0], n) * rng.uniform(0.5, 2, n), curvature=curvature, lr=lr, rho=rho)

    return [case(1), case(2), case(2), case(4)]


def _step_in_valley(sam_step, weights, curvature, lr, rho):
    """The weights after one step in a valley whose gradient is curvature · w + w³."""
    return sam_step(weights, lambda w: curvature * np.asarray(w) + np.asarray(w) ** 3, lr, rho)


def _sam_wrong(climb: Callable = lambda g, rho: rho * g / np.sqrt(np.sum(g**2)), sign=1.0, back=True) -> Callable:
    def sam_step(weights, gradient, lr, rho):
        climbed = weights + sign * climb(gradient(weights), rho)
        return (weights if back else climbed) - lr * gradient(climbed)

    return sam_step


sam_step = question(
    "sam_step",
    points=3,
    partial=1,
    reference=reference.sam_step,
    cases=_sam_cases,
    observe=_step_in_valley,
    mistakes={
        "The step begins at the place that was climbed to. Take the gradient there, go back, and step from where the "
        "weights were.": _sam_wrong(back=False),
        "This is plain gradient descent: the gradient is to be taken at the place that was climbed to.": (
            lambda weights, gradient, lr, rho: weights - lr * gradient(weights)
        ),
        "The first pass goes downhill. It climbs: add rho times the gradient's direction.": _sam_wrong(sign=-1.0),
        "The climb is not normalised: divide the gradient by its length, so that the climb is rho long.": _sam_wrong(
            climb=lambda g, rho: rho * g
        ),
        "Each entry of the gradient is divided by its own size. The climb follows the gradient's direction, so divide "
        "by ONE length, of the whole gradient.": _sam_wrong(climb=lambda g, rho: rho * np.sign(g)),
        "You divide by the square of the length; take the root.": _sam_wrong(
            climb=lambda g, rho: rho * g / np.sum(g**2)
        ),
        "You return the place that was climbed to, and make no step.": (
            lambda weights, gradient, lr, rho: (
                weights + rho * gradient(weights) / np.sqrt(np.sum(gradient(weights) ** 2))
            )
        ),
    },
    hints={
        "shape": "Return the new weights, of the shape of the old ones.",
        "values": "Do the example on paper: a gradient, a climb of length rho, another gradient, one step from before.",
        "raised": "You are given a function: gradient(weights) is an array of the weights' shape.",
        "type": "Return a NumPy array of the weights' shape.",
    },
)
