"""A step with weight decay, joined or apart; and what an ablation shows, with its spread."""

from collections.abc import Callable

import numpy as np

from course_utils import reference
from course_utils.checks.question import Case, question

# --- decay_step ---------------------------------------------------------------------------------------------------


def _decay_cases(rng: np.random.Generator) -> list[Case]:
    def case(n, decoupled, plain=False):
        decayed = np.arange(n) % 3 != 1
        return Case(
            weights=rng.choice([-1.0, 1.0], n) * rng.uniform(1, 5, n).round(1),
            gradient=rng.choice([-1.0, 1.0], n) * rng.uniform(1, 3, n).round(1),
            scale=np.ones(n) if plain else rng.choice([0.2, 0.5, 2.0, 4.0], n),
            decayed=decayed,
            lr=float(rng.choice([0.1, 0.2])),
            decay=float(rng.choice([0.3, 0.5])),
            decoupled=decoupled,
        )

    return [case(2, False), case(2, True), case(3, True, plain=True), case(5, False), case(5, True)]


def _decay_wrong(coupled: Callable | None = None, apart: Callable | None = None) -> Callable:
    """Each from (w, g, scale, lr, rate), the rate 0 where nothing decays."""

    def decay_step(weights, gradient, scale, decayed, lr, decay, decoupled):
        inputs = weights, gradient, scale, lr, decay * decayed
        if decoupled:
            return (apart or _apart)(*inputs)
        return (coupled or _coupled)(*inputs)

    return decay_step


def _coupled(w, g, scale, lr, rate):
    return w - lr * (g + rate * w) / scale


def _apart(w, g, scale, lr, rate):
    return (1 - lr * rate) * w - lr * g / scale


decay_step = question(
    "decay_step",
    shortcuts=("keras", "tensorflow", "torch"),
    points=2,
    partial=1,
    reference=reference.decay_step,
    cases=_decay_cases,
    mistakes={
        "Decoupled, the decay is divided by `scale` as well. Apart means: the weight loses its share, "
        "whatever the scale.": (_decay_wrong(apart=_coupled)),
        "With L2 the decay is not divided by `scale`. There it is part of the gradient, and shares its fate.": (
            _decay_wrong(coupled=_apart)
        ),
        "The two kinds are exchanged: L2 is in the gradient, decoupled decay is apart.": _decay_wrong(_apart, _coupled),
        "All weights decay. Where `decayed` is False, such as for biases, the step is the plain one.": (
            lambda weights, gradient, scale, decayed, lr, decay, decoupled: _decay_wrong()(
                weights, gradient, scale, np.ones_like(decayed), lr, decay, decoupled
            )
        ),
        "Decay falls on the wrong weights: on those where `decayed` is False.": (
            lambda weights, gradient, scale, decayed, lr, decay, decoupled: _decay_wrong()(
                weights, gradient, scale, ~decayed, lr, decay, decoupled
            )
        ),
        "Nothing decays.": lambda weights, gradient, scale, decayed, lr, decay, decoupled: (
            weights - lr * gradient / scale
        ),
        "The gradient of (λ/2) w² is λ w, without a factor of two.": _decay_wrong(
            lambda w, g, scale, lr, rate: _coupled(w, g, scale, lr, 2 * rate)
        ),
        "The decoupled decay is not multiplied by the learning rate: a weight keeps the share 1 − lr · decay.": (
            _decay_wrong(apart=lambda w, g, scale, lr, rate: (1 - rate) * w - lr * g / scale)
        ),
        "Your decay makes the weights larger: it pulls towards zero.": _decay_wrong(
            lambda w, g, scale, lr, rate: _coupled(w, g, scale, lr, -rate),
            lambda w, g, scale, lr, rate: _apart(w, g, scale, lr, -rate),
        ),
        "Your decay takes the same amount from every weight, by sign: that is L1. L2 takes a share.": _decay_wrong(
            lambda w, g, scale, lr, rate: w - lr * (g + rate * np.sign(w)) / scale,
            lambda w, g, scale, lr, rate: w - lr * rate * np.sign(w) - lr * g / scale,
        ),
    },
    hints={
        "shape": "Return one new weight for each weight.",
        "values": "Do one weight on paper, both ways: first without decay, then see where the decay comes in.",
        "type": "Return a NumPy array of the weights' shape.",
    },
)

# --- ablation_gains -----------------------------------------------------------------------------------------------


def _gain_cases(rng: np.random.Generator) -> list[Case]:
    def case(arms, seeds):
        baseline = rng.uniform(0.3, 0.6, seeds)  # seeds differ more among themselves than arms do
        scores = baseline + rng.uniform(-0.05, 0.1, (arms, 1)) + rng.normal(0, 0.01, (arms, seeds))
        return Case(baseline=baseline.round(3), arms=scores.round(3))

    return [case(1, 2), case(2, 3), case(3, 4), case(4, 5)]


def _error(gains, ddof=1, root=np.sqrt):
    return gains.std(axis=1, ddof=ddof) / root(gains.shape[1])


def _columns(first, second):
    return np.stack([first, second], axis=1)


ablation_gains = question(
    "ablation_gains",
    shortcuts=("scipy",),
    points=2,
    partial=1,
    tolerance=1e-6,
    reference=reference.ablation_gains,
    cases=_gain_cases,
    mistakes={
        "Your standard deviation divides by the number of seeds. With few seeds divide by one less: ddof=1.": (
            lambda baseline, arms: _columns((arms - baseline).mean(1), _error(arms - baseline, ddof=0))
        ),
        "The second column is the standard deviation of the gains. The error of their MEAN is smaller: "
        "divide by the root "
        "of the number of seeds.": lambda baseline, arms: _columns(
            (arms - baseline).mean(1), (arms - baseline).std(axis=1, ddof=1)
        ),
        "You divide by the number of seeds; divide by its root.": lambda baseline, arms: _columns(
            (arms - baseline).mean(1), _error(arms - baseline, root=float)
        ),
        "The spread is that of the arm's own scores. Both were trained with the same seeds: take the "
        "differences seed by "
        "seed first.": lambda baseline, arms: _columns((arms - baseline).mean(1), _error(arms)),
        "The two are taken as independent: their errors are added in squares. They are paired, seed by seed.": (
            lambda baseline, arms: _columns((arms - baseline).mean(1), np.hypot(_error(arms), _error(baseline[None])))
        ),
        "A gain is the arm minus the baseline; yours has the other sign.": lambda baseline, arms: _columns(
            (baseline - arms).mean(1), _error(arms - baseline)
        ),
        "The first column is the arm's mean score, not its gain over the baseline.": lambda baseline, arms: _columns(
            arms.mean(1), _error(arms - baseline)
        ),
        "Rows and columns are exchanged: one row for each arm.": lambda baseline, arms: (
            reference.ablation_gains(baseline, arms).T
        ),
    },
    hints={
        "shape": "Return one row for each arm, with two numbers: the mean gain, and its standard error.",
        "values": "Take two seeds on paper: two differences, their mean, their standard deviation over the root of "
        "two.",
        "type": "Return a NumPy array (arms, 2).",
    },
)
