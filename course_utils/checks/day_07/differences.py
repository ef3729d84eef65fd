"""Gradients by nudging: central differences, and the number that compares two gradients."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from course_utils import reference
from course_utils.checks.question import Case, question


def _cubes(x: NDArray) -> float:
    return (x**3).sum()


def _cubes_gradient(x: NDArray) -> NDArray:
    return 3 * x**2


def _neighbours(x: NDArray) -> float:
    """The products of each entry with the next one, in the order of reading, added up."""
    line = x.ravel()
    return (line[1:] * line[:-1] ** 2).sum()


def _neighbours_gradient(x: NDArray) -> NDArray:
    line, gradient = x.ravel(), np.zeros(x.size)
    gradient[1:] += line[:-1] ** 2
    gradient[:-1] += 2 * line[1:] * line[:-1]
    return gradient.reshape(x.shape)


def _small(x: NDArray) -> float:
    return 1e-6 * (x**3).sum()


def _small_gradient(x: NDArray) -> NDArray:
    return 3e-6 * x**2


def _flat(x: NDArray) -> float:
    return 7.0


_FUNCTIONS: Mapping[str, tuple[Callable, Callable]] = MappingProxyType(
    {
        "sum of cubes": (_cubes, _cubes_gradient),
        "squares times their neighbours": (_neighbours, _neighbours_gradient),
        "a millionth of the sum of cubes": (_small, _small_gradient),
        "always 7": (_flat, np.zeros_like),
    }
)


# --- numerical_gradient -------------------------------------------------------------------------------------------


def _gradient_cases(rng: np.random.Generator) -> list[Case]:
    def case(f, x, h):
        return Case(f=f, x=x, h=h)

    def entries(*shape):  # away from zero, and no two alike
        return (1 + rng.permutation(int(np.prod(shape))).reshape(shape)) / 4

    return [
        case("sum of cubes", entries(2), 0.1),
        case("squares times their neighbours", entries(3), 0.1),
        case("sum of cubes", rng.integers(1, 5, 3), 0.25),
        case("squares times their neighbours", entries(2, 3), 0.05),
        case("sum of cubes", entries(3).astype(np.float32), 1e-4),
        case("squares times their neighbours", rng.normal(size=(3, 4)), 0.1),
    ]


def _ask_with_f(answer, f, x, h):
    return answer(_FUNCTIONS[f][0], x, h)


def _nudged(f, x, h, dtype=float, back=True, quotient=lambda above, here, below, h: (above - below) / (2 * h)):
    """Differences as a student writes them, with one thing or another left out. dtype None: that of x."""
    x, middle = np.array(x, dtype=dtype), np.asarray(x, dtype=float)
    gradient = np.zeros(x.shape)
    for place in np.ndindex(x.shape):
        here = x[place]
        x[place] = here + h
        above = f(x)
        x[place] = here - h
        gradient[place] = quotient(above, f(middle), f(x), h)
        if back:
            x[place] = here
    return gradient


def _quotient(quotient):
    return lambda f, x, h: _nudged(f, x, h, quotient=quotient)


numerical_gradient = question(
    "numerical_gradient",
    shortcuts=("torch", "tensorflow", "jax", "scipy", "approx_fprime", "autograd"),
    points=3,
    partial=1,
    reference=reference.numerical_gradient,
    cases=_gradient_cases,
    observe=_ask_with_f,
    mistakes={
        "You step forwards only. Central differences go a step up and a step down, and take the difference of the two: "
        "that makes the error far smaller.": _quotient(lambda above, here, below, h: (above - here) / h),
        "You step backwards only. Central differences go a step up and a step down, and take the difference of the "
        "two.": _quotient(lambda above, here, below, h: (here - below) / h),
        "You divide by h, but the two points are 2h apart.": _quotient(
            lambda above, here, below, h: (above - below) / h
        ),
        "You do not divide by the distance of the two points.": _quotient(lambda above, here, below, h: above - below),
        "The sign is wrong: it is the value a step up minus the value a step down.": _quotient(
            lambda above, here, below, h: (below - above) / (2 * h)
        ),
        "An entry is not put back before the next one is moved, so that you measure the slope at another point.": (
            lambda f, x, h: _nudged(f, x, h, back=False)
        ),
        "All entries are moved at once. A gradient has an entry for each of them: move one, leave the others.": (
            lambda f, x, h: (f(x + h) - f(x - h)) / (2 * h)
        ),
        "The gradient has lost the shape of x: it is one long row.": lambda f, x, h: _nudged(f, x, h).ravel(),
        "Your x keeps its type: an integer array cuts the step off, and float32 drowns it in rounding. Make a copy in "
        "float64 first.": lambda f, x, h: _nudged(f, x, h, dtype=None),
    },
    hints={
        "shape": "A gradient has the shape of x.",
        "values": "Try it on a function whose gradient you know: `numerical_gradient(lambda x: (x**2).sum(), "
        "np.array([1.0, 2.0]), 0.1)` is 2 and 4.",
        "raised": "The loop `for place in np.ndindex(x.shape)` meets each place of an array of any shape, one by one.",
        "type": "Return an array of the shape of x.",
    },
)

# --- gradient_check -----------------------------------------------------------------------------------------------


def _one_sign(gradient: NDArray) -> NDArray:
    turned = gradient.copy()
    turned.flat[-1] *= -1
    return turned


_CHANGES: Mapping[str, Callable[[NDArray], NDArray]] = MappingProxyType(
    {
        "right": lambda gradient: gradient,
        "half of it": lambda gradient: gradient / 2,
        "last sign wrong": _one_sign,
        "minus it": lambda gradient: -gradient,
        "zeros": np.zeros_like,
    }
)


def _check_cases(rng: np.random.Generator) -> list[Case]:
    def case(f, gradient, *shape):
        x = (1 + rng.permutation(int(np.prod(shape))).reshape(shape)) / 2 + rng.uniform(0, 0.1)
        return Case(f=f, gradient=gradient, x=x, h=1e-3)

    return [
        case("sum of cubes", "right", 2),
        case("sum of cubes", "half of it", 2),
        case("a millionth of the sum of cubes", "half of it", 2),
        case("always 7", "right", 2),
        case("sum of cubes", "last sign wrong", 3),
        case("sum of cubes", "minus it", 3),
        case("squares times their neighbours", "right", 2, 2),
        case("squares times their neighbours", "last sign wrong", 2, 3),
        case("sum of cubes", "zeros", 2, 3),
    ]


def _ask_with_both(answer, f, gradient, x, h):
    function, right = _FUNCTIONS[f]
    return answer(function, lambda x: _CHANGES[gradient](right(x)), x, h)


def _compare(compare, numerical=reference.numerical_gradient):
    def check(f, gradient, x, h):
        with np.errstate(all="ignore"):
            return float(compare(np.asarray(gradient(x), dtype=float), numerical(f, x, h)))

    return check


def _size(*gradients):
    return sum(np.linalg.norm(gradient) for gradient in gradients)


gradient_check = question(
    "gradient_check",
    shortcuts=("torch", "tensorflow", "jax", "scipy", "check_grad", "gradcheck"),
    points=2,
    partial=1,
    reference=_compare(reference.relative_error),
    cases=_check_cases,
    observe=_ask_with_both,
    mistakes={
        "Your number is not relative: a tiny gradient that is wrong by half would pass. Divide by the sizes of both.": (
            _compare(lambda a, n: _size(a - n))
        ),
        "Two gradients of zeros give 0/0, which is NaN. They are equal: return 0.": _compare(
            lambda a, n: _size(a - n) / _size(a, n)
        ),
        "You divide by the size of one gradient only: by the sum of both, the number never exceeds 1.": _compare(
            lambda a, n: _size(a - n) / _size(n) if _size(n) else 0.0
        ),
        "You compare how large the gradients are, not where they point: subtract them entry by entry first.": _compare(
            lambda a, n: abs(_size(a) - _size(n)) / _size(a, n) if _size(a, n) else 0.0
        ),
        "You divide by the size of the sum, not by the sum of the sizes. Opposite gradients would give 1/0.": _compare(
            lambda a, n: _size(a - n) / _size(a + n) if _size(a + n) > 1e-6 else np.nan
        ),
        "You divide entry by entry and take the mean. Here the size of the whole difference is asked for, divided by "
        "the sizes of both gradients.": _compare(
            lambda a, n: np.mean(np.abs(a - n) / np.maximum(np.abs(a) + np.abs(n), 1e-12))
        ),
        "You take the largest entry for the size. Here the size of a gradient is the root of the sum of its squares.": (
            _compare(lambda a, n: np.abs(a - n).max() / max(np.abs(a).max() + np.abs(n).max(), 1e-300))
        ),
        "The small number that you add below the line to avoid 0/0 is not small beside a tiny gradient. Ask whether "
        "both are zero instead.": _compare(lambda a, n: _size(a - n) / (_size(a, n) + 1e-8)),
        "You step forwards only, which is far less exact: a right gradient looks slightly wrong. Use central "
        "differences.": _compare(
            reference.relative_error,
            lambda f, x, h: _nudged(f, x, h, quotient=lambda above, here, below, h: (above - here) / h),
        ),
    },
    hints={
        "shape": "Return one number.",
        "values": "By hand: the gradients (2) and (1) differ by 1, their sizes are 2 and 1, so the answer is 1/3.",
        "raised": "Both `f` and `gradient` are functions: call them with x. The size of an array of any shape is "
        "given by `np.linalg.norm`.",
        "type": "Return one number.",
    },
)
