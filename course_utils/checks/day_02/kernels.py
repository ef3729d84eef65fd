"""Kernels: how many parameters, what they respond to, when turning them matters."""

from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from course_utils import reference
from course_utils.checks.question import Case, question

# --- count_parameters ---------------------------------------------------------------------------------------------


def _parameter_cases(rng: np.random.Generator) -> list[Case]:
    return [
        Case(
            image_shape=(int(side), int(side) + 2, int(channels)),
            kernel_size=int(rng.choice([3, 5, 7])),
            n_filters=int(filters),
        )
        for side, channels, filters in zip(
            rng.integers(8, 64, 4), [1, 3, *rng.integers(4, 64, 2)], rng.permutation(np.arange(8, 40))[:4], strict=True
        )
    ]


def _positions(image_shape, kernel_size):
    return np.prod([reference.output_size(n, kernel_size) for n in image_shape[:2]])


count_parameters = question(
    "count_parameters",
    points=2,
    reference=lambda image_shape, kernel_size, n_filters: reference.conv_parameters(
        kernel_size, image_shape[2], n_filters
    ),
    cases=_parameter_cases,
    mistakes={
        "The biases are missing: one for each filter.": lambda image_shape, kernel_size, n_filters: (
            kernel_size**2 * image_shape[2] * n_filters
        ),
        "You count one bias for the whole layer; each filter has its own.": (
            lambda image_shape, kernel_size, n_filters: kernel_size**2 * image_shape[2] * n_filters + 1
        ),
        "You count a bias for each input channel of each filter; a filter has one bias however deep it is.": (
            lambda image_shape, kernel_size, n_filters: (kernel_size**2 + 1) * image_shape[2] * n_filters
        ),
        "The input channels are missing: a filter reads all of them, with weights for each.": (
            lambda image_shape, kernel_size, n_filters: (kernel_size**2 + 1) * n_filters
        ),
        "You count the weights anew at every position. They are shared: the image's size does not matter.": (
            lambda image_shape, kernel_size, n_filters: (
                (kernel_size**2 * image_shape[2] + 1) * n_filters * _positions(image_shape, kernel_size)
            )
        ),
        "A kernel is a square: its side times its side.": lambda image_shape, kernel_size, n_filters: (
            (kernel_size * image_shape[2] + 1) * n_filters
        ),
    },
    hints={
        "values": "Count the weights of one filter first, then its bias, then take all the filters.",
        "shape": "Return one number.",
        "type": "Return one number.",
    },
)

# --- kernel_names: what does it respond to? -----------------------------------------------------------------------


def _named(rows: dict[str, list[list[float]]]) -> MappingProxyType[str, NDArray]:
    return MappingProxyType({name: np.array(row) for name, row in rows.items()})


KERNELS_TO_NAME = _named(
    {
        "A": [[1, 0, -1], [2, 0, -2], [1, 0, -1]],
        "B": [[-1, -1, -1], [0, 0, 0], [1, 1, 1]],
        "C": [[-1, -1, -1], [-1, 8, -1], [-1, -1, -1]],
        "D": [[-1, -1, -1], [-1, 9, -1], [-1, -1, -1]],
        "E": [[0.05, 0.1, 0.05], [0.1, 0.4, 0.1], [0.05, 0.1, 0.05]],
        "F": [[0, 0, 0], [0, 0, 1], [0, 0, 0]],
        "G": [[2.0, 0.3, 0.4], [0.1, -0.2, 0.1], [-2.1, -0.2, -0.4]],
    }
)
KERNEL_CHOICES = (
    "blur",
    "sharpen",
    "vertical edges",
    "horizontal edges",
    "edges in every direction",
    "shift left",
    "shift right",
)
_NAMES = dict(
    zip(
        KERNELS_TO_NAME,
        [
            "vertical edges",
            "horizontal edges",
            "edges in every direction",
            "sharpen",
            "blur",
            "shift left",
            "horizontal edges",
        ],
        strict=True,
    )
)


def _exchanged(one: str, other: str, letters: str = "ABCDEFG") -> dict[str, str]:
    swap = {one: other, other: one}
    return {letter: swap.get(name, name) if letter in letters else name for letter, name in _NAMES.items()}


kernel_names = question(
    "kernel_names",
    points=3,
    partial=1,
    reference=_NAMES,
    options=KERNEL_CHOICES,
    mistakes={
        "Vertical and horizontal are exchanged. A kernel is named by the line it answers to: a vertical edge is a "
        "vertical line, across which the brightness changes from left to right.": _exchanged(
            "vertical edges", "horizontal edges"
        ),
        "Sharpening and finding edges are exchanged. Add up the weights: a sum of 1 keeps the picture, a sum of 0 "
        "leaves flat areas black.": _exchanged("sharpen", "edges in every direction"),
        "The picture moves the other way: an output pixel that copies its right neighbour pulls the picture to the "
        "left.": _exchanged("shift left", "shift right"),
        "Blurring and sharpening are exchanged: a mean of neighbours smooths; taking neighbours away sharpens.": (
            _exchanged("blur", "sharpen")
        ),
        "One kernel is named by where its large numbers stand, not by what it responds to: let a vertical and a "
        "horizontal step pass through it and compare.": _exchanged("vertical edges", "horizontal edges", "G"),
    },
    hints={
        "values": "Try each on a picture that is dark on the left and bright on the right, and on one that is dark "
        "above and bright below.",
        "type": "Give each letter one of the choices, in quotes.",
    },
)

# --- flip_matters: cross-correlation against convolution ----------------------------------------------------------

KERNELS_TO_TURN = _named(
    {
        "P": [[1, 2, 1], [2, 4, 2], [1, 2, 1]],
        "Q": [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]],
        "R": [[-1, -1, -1], [0, 0, 0], [1, 1, 1]],
        "S": [[2, -1, -1], [-1, 2, -1], [-1, -1, 2]],
        "T": [[-2, -1, 0], [-1, 1, 1], [0, 1, 2]],
    }
)


def _differs(turn) -> dict[str, bool]:
    return {name: not np.array_equal(turn(kernel), kernel) for name, kernel in KERNELS_TO_TURN.items()}


flip_matters = question(
    "flip_matters",
    points=2,
    reference=_differs(lambda kernel: kernel[::-1, ::-1]),
    mistakes={
        "You mirror left and right only. A convolution turns the kernel by half a turn: left to right and top to "
        "bottom.": _differs(lambda kernel: kernel[:, ::-1]),
        "You swap rows and columns. A convolution turns the kernel by half a turn: left to right and top to bottom.": (
            _differs(lambda kernel: kernel.T)
        ),
        "Half a turn that changes all signs does change the map: bright edges become dark ones.": {
            name: differs and not np.array_equal(KERNELS_TO_TURN[name][::-1, ::-1], -KERNELS_TO_TURN[name])
            for name, differs in _differs(lambda kernel: kernel[::-1, ::-1]).items()
        },
        "It matters for some of them and not for others: turn each by half a turn on paper and compare.": dict.fromkeys(
            KERNELS_TO_TURN, True
        ),
    },
    hints={
        "values": "Turn each kernel by half a turn on paper (or by kernel[::-1, ::-1]). Is it the same kernel?",
        "type": "Give each letter True or False, without quotes.",
    },
)
