"""The way back through max pooling: who gets the gradient."""

import numpy as np

from course_utils import reference
from course_utils.checks.day_04.windows import SHORTCUTS
from course_utils.checks.question import Case, question


def _cases(rng: np.random.Generator) -> list[Case]:
    def case(shape, size, stride, ties=False):
        pixels = rng.permutation(shape[0] * shape[1]).reshape(shape) + 1
        if ties:
            # Each window of the first row of windows holds its largest number twice, then more at random.
            pixels = rng.integers(1, 4, shape)
            pixels[:size, :size] = rng.integers(1, 4, (size, size))
            pixels[0, 1] = pixels[1, 0] = 9
        grid = [reference.output_size(n, size, stride) for n in shape]
        upstream = 1 + rng.permutation(grid[0] * grid[1]).reshape(grid)
        upstream[rng.uniform(size=grid) < 0.3] *= -1
        return Case(image=pixels, upstream=upstream, size=size, stride=stride)

    return [
        case((2, 3), 2, 2),
        case((4, 6), 2, 2),
        case((2, 4), 2, 2, ties=True),
        case((4, 5), 3, 1),
        case((5, 7), 3, 2),
        case((6, 7), 2, 3),
        case((6, 4), 2, 2, ties=True),
        case((7, 9), 3, 2, ties=True),
    ]


def _windows(image, upstream, size, stride):
    """(place of the window, its pixels, the gradient that arrives there)."""
    for i, j in np.ndindex(upstream.shape):
        place = (slice(i * stride, i * stride + size), slice(j * stride, j * stride + size))
        yield place, image[place], upstream[i, j]


def _handing_out(share):
    """A backward pass in which `share(pixels)` says how much of its gradient a window gives each pixel."""

    def backward(image, upstream, size, stride):
        gradient = np.zeros(image.shape)
        for place, pixels, arriving in _windows(image, upstream, size, stride):
            gradient[place] += share(pixels) * arriving
        return gradient

    return backward


def _at(place, shape):
    out = np.zeros(shape)
    out[place] = 1
    return out


def _first(pixels):
    return _at(np.unravel_index(np.argmax(pixels), pixels.shape), pixels.shape)


def _last(pixels):
    flat = pixels.size - 1 - np.argmax(pixels.ravel()[::-1])
    return _at(np.unravel_index(flat, pixels.shape), pixels.shape)


def _first_down(pixels):
    return _first(pixels.T).T


def _overwriting(image, upstream, size, stride):
    gradient = np.zeros(image.shape)
    for place, pixels, arriving in _windows(image, upstream, size, stride):
        gradient[place][_first(pixels) > 0] = arriving
    return gradient


def _anywhere(image, upstream, size, stride):
    gradient = np.zeros(image.shape)
    for _, pixels, arriving in _windows(image, upstream, size, stride):
        gradient[image == pixels.max()] += arriving
    return gradient


def _in_the_corner(image, upstream, size, stride):
    gradient = np.zeros(image.shape)
    for _, pixels, arriving in _windows(image, upstream, size, stride):
        gradient[: pixels.shape[0], : pixels.shape[1]] += _first(pixels) * arriving
    return gradient


def _at_the_start(image, upstream, size, stride):
    gradient = np.zeros(image.shape)
    for place, _, arriving in _windows(image, upstream, size, stride):
        gradient[place][0, 0] += arriving
    return gradient


def _side_by_side(image, upstream, size, stride):
    rows, columns = (n // size for n in image.shape)
    return _handing_out(_first)(image, upstream[:rows, :columns], size, size)


max_pool2d_backward = question(
    "max_pool2d_backward",
    shortcuts=SHORTCUTS,
    points=4,
    partial=1,
    reference=lambda image, upstream, size, stride: reference.max_pool2d_backward(image, upstream, size, stride),
    cases=_cases,
    mistakes={
        "At a tie each of the largest gets the whole gradient, so that a window hands out more than it got. The first "
        "in reading order takes all of it.": _handing_out(lambda pixels: pixels == pixels.max()),
        "At a tie you split the gradient among the largest. PyTorch's and TensorFlow's pooling give all of it to the "
        "first in reading order.": _handing_out(
            lambda pixels: (pixels == pixels.max()) / np.count_nonzero(pixels == pixels.max())
        ),
        "At a tie you take the last of the largest. The first in reading order takes the gradient: compare with >, "
        "not with >=.": _handing_out(_last),
        "At a tie you read column by column. The first in reading order is looked for row by row.": _handing_out(
            _first_down
        ),
        "You look for the window's largest number in the whole image. Other pixels with the same number get gradient "
        "that is not theirs: look inside the window.": _anywhere,
        "All windows hand out in the image's upper left corner: the winner's place in its window is not its place "
        "in the image. Add the window's beginning.": _in_the_corner,
        "Where windows overlap, a later window overwrites what an earlier one gave. Gradients of several windows are "
        "added: use +=.": _overwriting,
        "You share the gradient among all pixels of the window; that is average pooling's. Here the winner gets all.": (
            _handing_out(lambda pixels: np.full(pixels.shape, 1 / pixels.size))
        ),
        "All pixels of a window get its whole gradient. Only the winner does.": _handing_out(
            lambda pixels: np.ones(pixels.shape)
        ),
        "You put a 1 at each winner. It gets what arrives from above, upstream[i, j].": (
            lambda image, upstream, size, stride: _handing_out(_first)(image, np.ones(upstream.shape), size, stride)
        ),
        "You put the largest pixel itself at its place. What goes there is the gradient from above, upstream[i, j].": (
            lambda image, upstream, size, stride: reference.max_pool2d_backward(
                image, reference.max_pool2d(image, size, stride), size, stride
            )
        ),
        "The gradient goes to the window's first pixel instead of its largest: add the winner's place in the window to "
        "the window's beginning.": _at_the_start,
        "The stride is not used: window (i, j) begins at row i · stride and column j · stride.": _side_by_side,
    },
    hints={
        "shape": "The gradient has the shape of the image: one number for each pixel.",
        "values": "Take one window, 3 7 4 9, and an upstream gradient of 2. Who gets what? Then let two windows share "
        "their winner.",
        "raised": "Go through the pooled places: there are upstream.shape[0] times upstream.shape[1] of them.",
        "type": "Return a NumPy array of two axes.",
    },
)
