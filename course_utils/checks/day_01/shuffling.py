"""The fixed shuffle of pixels: doing it, and undoing it in the weights of a dense layer."""

import numpy as np
from numpy.typing import NDArray

from course_utils.checks.question import Case, question

# --- shuffle_pixels and rewire ------------------------------------------------------------------------------------


def _order(rng: np.random.Generator, n: int) -> NDArray:
    """A permutation that is not its own inverse, so that a mix-up of the two shows."""
    while True:
        order = rng.permutation(n)
        if not np.array_equal(order, np.argsort(order)):
            return order


def _shuffle_cases(rng: np.random.Generator) -> list[Case]:
    def case(n, height, width, channels):
        pixels = rng.permutation(n * height * width * channels).reshape(n, height, width, channels)
        return Case(images=pixels, order=_order(rng, height * width))

    return [case(1, 2, 2, 2), case(2, 2, 3, 3), case(3, 4, 3, 3), case(5, 6, 5, 3)]


def _shuffled(images, order):
    n, height, width, channels = images.shape
    flat = images.reshape(n, height * width, channels)
    return flat[:, order].reshape(images.shape)


def _down_the_columns(images, order):
    return _shuffled(images.swapaxes(1, 2), order).swapaxes(1, 2)


def _colours_torn_apart(images, order):
    n, height, width, channels = images.shape
    return images.reshape(n, channels, height * width)[:, :, order].reshape(images.shape)


shuffle_pixels = question(
    "shuffle_pixels",
    points=2,
    partial=1,
    reference=_shuffled,
    cases=_shuffle_cases,
    mistakes={
        "You use the order backwards: the new pixel p is the old pixel order[p], not the other way round.": (
            lambda images, order: _shuffled(images, np.argsort(order))
        ),
        "The colours of a pixel are torn apart. All channels of a pixel move together: keep them as the last axis.": (
            _colours_torn_apart
        ),
        "The images come back as rows of pixels. Give them their height and width again.": lambda images, order: (
            _shuffled(images, order).reshape(len(images), len(order), -1)
        ),
        "The pixels are numbered down the columns. Here they are numbered as one reads: along the first row first.": (
            _down_the_columns
        ),
        "The images come back as they were.": lambda images, order: images.copy(),
    },
    hints={
        "values": "Follow one pixel of the smallest case: where does the old pixel order[0] go?",
        "shape": "The result has the shape of images.",
        "type": "Return a NumPy array of four axes.",
        "raised": "Write each image as a list of pixels first: reshape to (images, height · width, channels).",
    },
)


def _rewire_cases(rng: np.random.Generator) -> list[Case]:
    def case(n_in, n_out):
        return Case(weights=rng.permutation(n_in * n_out).reshape(n_in, n_out) - 3, order=_order(rng, n_in))

    return [case(3, 2), case(4, 4), case(6, 3), case(64, 10)]


def _moved_along(weights, order):
    moved = np.empty_like(weights)
    for new, old in enumerate(order):
        moved[new] = weights[old]
    return moved


rewire = question(
    "rewire",
    points=3,
    partial=1,
    reference=_moved_along,
    cases=_rewire_cases,
    mistakes={
        "You use the order backwards: the new pixel p is the old pixel order[p], so it needs that pixel's weights.": (
            lambda weights, order: weights[np.argsort(order)]
        ),
        "You reorder the neurons, which are the columns. The pixels are the rows.": (
            lambda weights, order: weights[:, order]
        ),
        "The weights are as they were: each pixel then meets a weight that was meant for another one.": (
            lambda weights, order: weights.copy()
        ),
        "Rows and columns are exchanged: one row for each pixel, one column for each neuron.": (
            lambda weights, order: weights[order].T
        ),
    },
    hints={
        "values": "Try x[order] @ your weights against x @ weights with x = np.array([1, 10, 100]).",
        "shape": "The result has the shape of weights.",
        "type": "Return a NumPy array of two axes.",
        "raised": "The weights have one row for each pixel; order has as many entries as there are rows.",
    },
)
