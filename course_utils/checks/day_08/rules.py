"""What a rule does with the gradients of some steps: momentum; a step for each weight with AdaGrad and RMSProp."""

from collections.abc import Callable

import numpy as np

from course_utils import reference
from course_utils.checks.day_08.walking import FRAMEWORKS, drawn_gradients, walk
from course_utils.checks.question import Case, question

# --- momentum_path ------------------------------------------------------------------------------------------------


def _momentum_cases(rng: np.random.Generator) -> list[Case]:
    def case(steps, n, nesterov):
        rates = 0.5 * 0.6 ** np.arange(steps) * rng.uniform(0.8, 1.2, steps)  # falling: that tells the forms apart
        gradients, mu = drawn_gradients(rng, steps, n), float(rng.choice([0.5, 0.8, 0.9]))
        return Case(weights=rng.normal(size=n), gradients=gradients, rates=rates, mu=mu, nesterov=nesterov)

    return [case(3, 1, False), case(3, 1, True), case(4, 2, False), case(4, 3, True), case(6, 2, False)]


def _momentum_wrong(keep=lambda mu: mu, add=lambda mu: 1.0, sign=-1.0, look=None, forget=False) -> Callable:
    def momentum_path(weights, gradients, rates, mu, nesterov):
        def step(w, g, t, memory):
            old = 0 * g if forget else memory.get("v", 0 * g)
            v = memory["v"] = keep(mu) * old + add(mu) * g
            ahead = look(mu, old, v, g) if look and nesterov else g + mu * v if nesterov else v
            return w + sign * rates[t - 1] * ahead

        return walk(step, weights, gradients)

    return momentum_path


momentum_path = question(
    "momentum_path",
    shortcuts=FRAMEWORKS,
    points=3,
    partial=1,
    reference=lambda weights, gradients, rates, mu, nesterov: reference.momentum_path(
        weights, gradients, rates, mu, nesterov
    ),
    cases=_momentum_cases,
    mistakes={
        "The rate is inside the velocity. That is Keras' form, and equal as long as the rate is constant; here it "
        "falls from step to step. PyTorch sums plain gradients and applies the present rate to the sum.": (
            lambda weights, gradients, rates, mu, nesterov: reference.momentum_path(
                weights, gradients, rates, mu, nesterov, rate_inside=True
            )
        ),
        "The rate is inside the velocity, and nesterov makes no difference. PyTorch sums plain gradients, applies the "
        "present rate to the sum, and with nesterov goes along g + mu · v.": (
            lambda weights, gradients, rates, mu, nesterov: reference.momentum_path(
                weights, gradients, rates, mu, rate_inside=True
            )
        ),
        "Your velocity is a mean: the gradient is multiplied by 1 − mu. In this form it joins the sum whole.": (
            _momentum_wrong(add=lambda mu: 1 - mu)
        ),
        "The velocity is not kept from one step to the next, so nothing builds up.": _momentum_wrong(forget=True),
        "The velocity never fades: multiply the old one by mu before you add the gradient.": _momentum_wrong(
            keep=lambda mu: 1.0
        ),
        "You climb: the weights move against the gradient, so subtract.": _momentum_wrong(sign=1.0),
        "Nesterov makes no difference in your answer. Its step is g + mu · v with the NEW velocity; with the old one "
        "it is ordinary momentum again.": lambda weights, gradients, rates, mu, nesterov: reference.momentum_path(
            weights, gradients, rates, mu
        ),
        "Your Nesterov step is mu · v without the gradient itself: it is g + mu · v.": _momentum_wrong(
            look=lambda mu, old, v, g: mu * v
        ),
        "Your Nesterov step is g + v: the new velocity is multiplied by mu.": _momentum_wrong(
            look=lambda mu, old, v, g: g + v
        ),
        "You use the first rate in all steps. Each step has its own.": (
            lambda weights, gradients, rates, mu, nesterov: reference.momentum_path(
                weights, gradients, rates[0], mu, nesterov
            )
        ),
        "Your path begins with the start. Asked for are the weights after each step.": (
            lambda weights, gradients, rates, mu, nesterov: np.vstack(
                [weights, reference.momentum_path(weights, gradients, rates, mu, nesterov)]
            )
        ),
        "You return the last weights only. Asked for is one row for each step.": (
            lambda weights, gradients, rates, mu, nesterov: reference.momentum_path(
                weights, gradients, rates, mu, nesterov
            )[-1]
        ),
    },
    hints={
        "shape": "Return one row for each step: the weights after it.",
        "values": "Take the example on paper, step by step: velocity first, then the weights.",
        "raised": "Loop over the steps; gradients[t] is one gradient, rates[t] one number.",
        "type": "Return a NumPy array (steps, number of weights).",
    },
)

# --- adaptive_path ------------------------------------------------------------------------------------------------


def _adaptive_cases(rng: np.random.Generator) -> list[Case]:
    """eps is large, so that it shows where it stands."""

    def case(kind, steps, n):
        alpha, eps = float(rng.choice([0.7, 0.8, 0.9])), float(rng.choice([0.2, 0.3, 0.5]))
        gradients = drawn_gradients(rng, steps, n)
        return Case(kind=kind, weights=rng.normal(size=n), gradients=gradients, lr=0.5, alpha=alpha, eps=eps)

    kinds = ("adagrad", "rmsprop")
    return [*(case(kind, 2, 1) for kind in kinds), *(case(kind, 3, 2) for kind in kinds), case("rmsprop", 5, 3)]


def _adaptive_wrong(collect: Callable | None = None, divide: Callable | None = None) -> Callable:
    """collect(S, g, kind, alpha) -> S; divide(S, eps, t, alpha, kind) -> what the gradient is divided by."""

    def adaptive_path(kind, weights, gradients, lr, alpha, eps):
        def step(w, g, t, memory):
            old = memory.get("S", 0 * g)
            rule = collect or _collected
            memory["S"] = rule(old, g, kind, alpha)
            root = divide(memory["S"], eps, t, alpha, kind) if divide else np.sqrt(memory["S"]) + eps
            return w - lr * g / root

        return walk(step, weights, gradients)

    return adaptive_path


def _late(kind, weights, gradients, lr, alpha, eps):
    def step(w, g, t, memory):
        before = memory.get("S", 0 * g)
        memory["S"] = _collected(before, g, kind, alpha)
        return w - lr * g / (np.sqrt(before) + eps)

    return walk(step, weights, gradients)


def _collected(old, g, kind, alpha):
    return old + g**2 if kind == "adagrad" else alpha * old + (1 - alpha) * g**2


adaptive_path = question(
    "adaptive_path",
    shortcuts=FRAMEWORKS,
    points=3,
    partial=1,
    reference=reference.adaptive_path,
    cases=_adaptive_cases,
    mistakes={
        "Epsilon stands inside the root. That is Keras' form; PyTorch adds it after the root is taken.": (
            lambda *inputs: reference.adaptive_path(*inputs, eps_inside=True)
        ),
        "The root is missing: you divide by the squares, so the step shrinks as the gradient grows.": _adaptive_wrong(
            divide=lambda S, eps, t, alpha, kind: S + eps
        ),
        "Epsilon is not used. It is added to the root.": _adaptive_wrong(
            divide=lambda S, eps, t, alpha, kind: np.sqrt(S)
        ),
        "Both kinds are AdaGrad in your answer: RMSProp lets the past fade, by alpha.": (
            lambda kind, *rest: reference.adaptive_path("adagrad", *rest)
        ),
        "Both kinds are RMSProp in your answer: AdaGrad sums all squares and lets nothing fade.": (
            lambda kind, *rest: reference.adaptive_path("rmsprop", *rest)
        ),
        "RMSProp's new square is not multiplied by 1 − alpha. It is a mean, not a fading sum.": _adaptive_wrong(
            collect=lambda old, g, kind, alpha: old + g**2 if kind == "adagrad" else alpha * old + g**2
        ),
        "You exchange alpha and 1 − alpha: alpha is the share of the OLD mean that stays.": _adaptive_wrong(
            collect=lambda old, g, kind, alpha: _collected(old, g, kind, 1 - alpha)
        ),
        "Only the present gradient counts: S has to be kept from step to step.": _adaptive_wrong(
            collect=lambda old, g, kind, alpha: _collected(0 * old, g, kind, alpha)
        ),
        "You collect the gradients, not their squares.": _adaptive_wrong(
            collect=lambda old, g, kind, alpha: old + g if kind == "adagrad" else alpha * old + (1 - alpha) * g,
            divide=lambda S, eps, t, alpha, kind: np.sqrt(S**2) + eps,
        ),
        "Your RMSProp corrects its mean for the beginning, as Adam does. RMSProp has no correction.": _adaptive_wrong(
            divide=lambda S, eps, t, alpha, kind: np.sqrt(S / (1 - alpha**t if kind == "rmsprop" else 1)) + eps
        ),
        "You divide by the root as it was before this step. Collect first, then step.": _late,
    },
    hints={
        "shape": "Return one row for each step: the weights after it.",
        "values": "Take the example on paper: first S, then its root, then add epsilon, then divide the gradient.",
        "raised": "Loop over the steps; S begins as zeros of the weights' shape.",
        "type": "Return a NumPy array (steps, number of weights).",
    },
)
