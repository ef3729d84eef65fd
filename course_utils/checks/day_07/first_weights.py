"""First weights: random, so they are judged by what all right draws have in common."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from course_utils import reference
from course_utils.checks.question import Case, Rule, question

SIGMAS = 6  # a right answer is further off than this once in 500 million draws


def _cases(rng: np.random.Generator) -> list[Case]:
    # In and out differ, and so do the kernel's area and 1, or wrong variances would be right by chance.
    wide, narrow = int(rng.integers(140, 180)), int(rng.integers(50, 70))
    shapes = [(wide, narrow), (3, 3, 24, wide), (5, 5, narrow, 8)]
    return [Case(shape=shape, seed=int(rng.integers(1000))) for shape in shapes]


def _three_draws(answer, shape, seed):
    """Two draws from one generator, and the first one again from a generator of the same seed."""
    one, same = np.random.default_rng(seed), np.random.default_rng(seed)
    return [answer(shape, one), answer(shape, one), answer(shape, same)]


def _weights(value: Sequence) -> NDArray:
    return np.asarray(value[0], dtype=float)


def _close(value, variance: float) -> bool:
    """Whether the weights' variance is this one, as far as chance allows."""
    weights = _weights(value)
    return bool(abs(np.mean(weights**2) / variance - 1) < SIGMAS * np.sqrt(2 / weights.size))


def _variance(shape, in_weight=1.0, out_weight=0.0):
    fan_in, fan_out = reference.fans(shape)
    return 2 / (in_weight * fan_in + out_weight * fan_out)


def _drawn(std):
    """An answer whose weights have the standard deviation `std(shape)`."""
    return lambda shape, rng: rng.normal(0, std(shape), shape)


def _is_normal(value, **_) -> bool:
    """A normal distribution has heavier ends than a uniform one: its fourth moment is 3, not 1.8, squared variances."""
    weights = _weights(value)
    return bool(np.mean(weights**4) / np.mean(weights**2) ** 2 > 2.4)


he_normal = question(
    "he_normal",
    points=3,
    shortcuts=("torch", "keras", "tensorflow", "jax", "kaiming"),
    reference=lambda shape, rng: reference.initial_weights(shape, rng, "he"),
    cases=_cases,
    observe=_three_draws,
    rules={
        "Your weights do not have the shape asked for.": Rule(
            lambda value, shape, **_: _weights(value).shape == tuple(shape),
            lambda shape, rng: rng.normal(0, np.sqrt(2 / np.prod(shape[:-1])), shape[::-1]),
        ),
        "There are weights that are NaN or infinite.": Rule(
            lambda value, **_: bool(np.isfinite(_weights(value)).all()), lambda shape, rng: np.full(shape, np.nan)
        ),
        "All weights are equal. Units that begin alike stay alike: draw them at random.": Rule(
            lambda value, **_: bool(np.ptp(_weights(value)) > 0),
            lambda shape, rng: np.full(shape, np.sqrt(2 / np.prod(shape[:-1]))),
        ),
        "The weights do not come from the generator `rng`: the same seed gives other weights. Draw with `rng.normal`, "
        "not with `np.random`.": Rule(
            lambda value, **_: np.array_equal(_weights(value), np.asarray(value[2])),
            lambda shape, rng: np.random.default_rng().normal(0, np.sqrt(2 / np.prod(shape[:-1])), shape),
        ),
        "Two calls with one generator give the same weights: draw from the `rng` that is handed over, and make no new "
        "one.": Rule(
            lambda value, **_: not np.array_equal(_weights(value), np.asarray(value[1])),
            lambda shape, rng: np.random.default_rng(0).normal(0, np.sqrt(2 / np.prod(shape[:-1])), shape),
        ),
        "The mean is not 0.": Rule(
            lambda value, **_: bool(
                abs(_weights(value).mean()) < SIGMAS * _weights(value).std() / np.sqrt(_weights(value).size)
            ),
            lambda shape, rng: np.abs(rng.normal(0, np.sqrt(2 / np.prod(shape[:-1])), shape)),
        ),
        "The standard deviation is 2 / fan_in. That is to be the variance; `rng.normal` takes its root.": Rule(
            lambda value, shape, **_: not _close(value, _variance(shape) ** 2), _drawn(_variance)
        ),
        "The area of the kernel is left out. One output of a convolution adds up kh·kw·C_in products.": Rule(
            lambda value, shape, **_: len(shape) == 2 or not _close(value, 2 / shape[-2]),
            _drawn(lambda shape: np.sqrt(2 / shape[-2])),
        ),
        "You use fan_out, the products that one input goes into. Asked for is fan_in, those that one output adds up.": (
            Rule(
                lambda value, shape, **_: not _close(value, _variance(shape, 0, 1)),
                _drawn(lambda shape: np.sqrt(_variance(shape, 0, 1))),
            )
        ),
        "The variance is 1 / fan_in. ReLU throws half of the signal away, which the 2 of He makes good.": Rule(
            lambda value, shape, **_: not _close(value, _variance(shape) / 2),
            _drawn(lambda shape: np.sqrt(_variance(shape) / 2)),
        ),
        "That is Xavier's variance, 2 / (fan_in + fan_out). He's is 2 / fan_in.": Rule(
            lambda value, shape, **_: not _close(value, _variance(shape, 1, 1)),
            _drawn(lambda shape: np.sqrt(_variance(shape, 1, 1))),
        ),
        "The variance is not 2 / fan_in, where fan_in counts the products that one output adds up.": Rule(
            lambda value, shape, **_: _close(value, _variance(shape)), _drawn(lambda shape: 0.01)
        ),
        "The variance is right, but the weights are drawn uniformly; a normal distribution is asked for.": Rule(
            _is_normal,
            lambda shape, rng: rng.uniform(-1, 1, shape) * np.sqrt(3 * _variance(shape)),
        ),
    },
    hints={
        "shape": "Return one array of the shape asked for.",
        "type": "Return one array of the shape asked for.",
        "raised": "Shapes have two entries, (in, out), or four, (kh, kw, C_in, C_out); the last one is the number of "
        "outputs.",
    },
)
