"""Noise in training, none in use: inverted dropout, stochastic depth."""

import numpy as np

from course_utils import reference
from course_utils.checks.question import Case, question

FRAMEWORKS = ("keras", "tensorflow", "torch")

# --- inverted_dropout ---------------------------------------------------------------------------------------------


def _dropout_cases(rng: np.random.Generator) -> list[Case]:
    def case(shape, rate, training):
        draws = rng.permutation(np.linspace(0.02, 0.97, int(np.prod(shape)))).reshape(
            shape
        )  # on both sides of the rate
        return Case(x=rng.uniform(1, 9, shape).round(1), draws=draws.round(3), rate=rate, training=training)

    return [
        case((4,), 0.25, True),
        case((4,), 0.25, False),
        case((2, 4), 0.6, True),
        case((3, 5), float(rng.choice([0.3, 0.4])), True),
        case((2, 3), 0.6, False),
    ]


def _keep(draws, rate):
    return np.asarray(draws) >= rate


inverted_dropout = question(
    "inverted_dropout",
    shortcuts=FRAMEWORKS,
    points=3,
    partial=1,
    reference=reference.inverted_dropout,
    cases=_dropout_cases,
    mistakes={
        "The kept numbers are not scaled up. Then the sum that the next layer sees is smaller in training "
        "than in use.": (lambda x, draws, rate, training: x * _keep(draws, rate) if training else x),
        "You scale in use, by the share that is kept. That is the old form; with inverted dropout nothing at "
        "all happens "
        "in use, and training scales up.": lambda x, draws, rate, training: (
            x * _keep(draws, rate) if training else x * (1 - rate)
        ),
        "You scale twice: up in training and down in use. In use x stays as it is.": lambda x, draws, rate, training: (
            x * _keep(draws, rate) / (1 - rate) if training else x * (1 - rate)
        ),
        "You divide by the rate. Divide by the share that is kept, 1 − rate.": lambda x, draws, rate, training: (
            x * _keep(draws, rate) / rate if training else x
        ),
        "You keep the share `rate` and drop the rest. The rate says how much is dropped.": (
            lambda x, draws, rate, training: x * (np.asarray(draws) < rate) / rate if training else x
        ),
        "You keep exactly those numbers that should go: a draw below the rate drops its number.": (
            lambda x, draws, rate, training: x * (np.asarray(draws) < rate) / (1 - rate) if training else x
        ),
        "You drop in use, too. There nothing is random: return x.": lambda x, draws, rate, training: (
            x * _keep(draws, rate) / (1 - rate)
        ),
        "You multiply by 1 − rate in training. The kept numbers have to grow, so divide.": (
            lambda x, draws, rate, training: x * _keep(draws, rate) * (1 - rate) if training else x
        ),
        "The modes are exchanged: you drop in use and leave x alone in training.": lambda x, draws, rate, training: (
            x if training else x * _keep(draws, rate) / (1 - rate)
        ),
    },
    hints={
        "shape": "The result has the shape of x.",
        "values": "Take four numbers and four draws on paper: which go, and what do the others become?",
        "type": "Return a NumPy array of x's shape.",
    },
)

# --- drop_path ----------------------------------------------------------------------------------------------------


def _path_cases(rng: np.random.Generator) -> list[Case]:
    def case(n, shape, survival, training):
        draws = rng.permutation(np.linspace(0.05, 0.95, n)).round(2)
        if draws[0] < survival:  # the first image is dropped, so that one draw for all shows
            draws = draws[::-1].copy() if draws[-1] >= survival else np.sort(draws)[::-1].copy()
        whole = (n, *shape)
        x, branch = rng.normal(size=whole).round(2), rng.uniform(1, 5, whole).round(2)
        return Case(x=x, branch=branch, draws=draws, survival=survival, training=training)

    return [
        case(2, (2,), 0.8, True),
        case(2, (2,), 0.8, False),
        case(3, (2, 2), 0.5, True),
        case(4, (2, 3, 2), 0.75, True),
        case(2, (2, 2), 0.6, False),
    ]


def _alive(x, draws, survival):
    return (np.asarray(draws) < survival).reshape(-1, *(1,) * (np.ndim(x) - 1))


drop_path = question(
    "drop_path",
    shortcuts=FRAMEWORKS,
    points=2,
    partial=1,
    reference=reference.drop_path,
    cases=_path_cases,
    mistakes={
        "You divide the sum, skip included. Then even the input is scaled, and training differs from use; divide the "
        "branch alone.": lambda x, branch, draws, survival, training: (
            np.where(_alive(x, draws, survival), (x + branch) / survival, x) if training else x + branch
        ),
        "A dropped image is dropped altogether. What is dropped is the branch: x goes through.": (
            lambda x, branch, draws, survival, training: (
                _alive(x, draws, survival) * (x + branch / survival) if training else x + branch
            )
        ),
        "The branch is not scaled in training, so its mean differs from that in use.": (
            lambda x, branch, draws, survival, training: (
                x + _alive(x, draws, survival) * branch if training else x + branch
            )
        ),
        "You scale in use, as the paper does. Here training divides by the survival, and use takes the branch whole.": (
            lambda x, branch, draws, survival, training: (
                x + (_alive(x, draws, survival) * branch if training else survival * branch)
            )
        ),
        "One draw decides for the whole batch. Each image has its own.": lambda x, branch, draws, survival, training: (
            x + (draws[0] < survival) * branch / survival if training else x + branch
        ),
        "You drop the images that should keep their branch: it survives where the draw is below `survival`.": (
            lambda x, branch, draws, survival, training: (
                x + ~_alive(x, draws, survival) * branch / survival if training else x + branch
            )
        ),
        "You drop in use, too. There every branch is whole.": lambda x, branch, draws, survival, training: (
            x + _alive(x, draws, survival) * branch / survival
        ),
    },
    hints={
        "shape": "The result has the shape of x; draws needs axes of length 1 to go along with it.",
        "values": "Take two images of two numbers on paper, one draw below the survival and one above.",
        "raised": "There is one draw for each image. Give draws axes of length 1: draws.reshape(-1, 1, 1, 1) for "
        "images.",
        "type": "Return a NumPy array of x's shape.",
    },
)
