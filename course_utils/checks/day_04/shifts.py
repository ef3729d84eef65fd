"""What of a pooled map stays when the map moves or its places are shuffled."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from course_utils.checks.question import Case, question

# --- share_kept ---------------------------------------------------------------------------------------------------


def _blocks(image: NDArray, k: int) -> NDArray:
    """(rows, columns, k · k): the pixels of the windows that lie side by side."""
    rows, columns = (n // k for n in image.shape)
    blocks = image[: rows * k, : columns * k].reshape(rows, k, columns, k)
    return blocks.transpose(0, 2, 1, 3).reshape(rows, columns, k * k)


def _largest_of_two(image: NDArray) -> NDArray:
    """The largest number of each 2 × 2 window."""
    return _blocks(image, 2).max(axis=2)


def _largest_of_three(image: NDArray) -> NDArray:
    """The largest number of each 3 × 3 window."""
    return _blocks(image, 3).max(axis=2)


def _mean_of_two(image: NDArray) -> NDArray:
    """The mean of each 2 × 2 window."""
    return _blocks(image, 2).mean(axis=2)


def _every_second(image: NDArray) -> NDArray:
    """Every second row and column."""
    return image[::2, ::2]


_POOLS: Mapping[str, Callable[[NDArray], NDArray]] = MappingProxyType(
    {
        "max 2 × 2": _largest_of_two,
        "max 3 × 3": _largest_of_three,
        "mean 2 × 2": _mean_of_two,
        "every 2nd": _every_second,
    }
)


def _share_cases(rng: np.random.Generator) -> list[Case]:
    def case(pool, height, width, shift):
        # Few different numbers, so that some survive; a bright bar, so that rows and columns differ.
        image = rng.integers(0, 3, (height, width))
        image[:, width // 2] += 4
        if width > 10:  # a row ends as it begins, and rows differ: whoever lets rows spill over is found out
            image[:, :2] = image[:, -2:] = rng.integers(5, 9, (height, 1))
        return Case(pool=pool, image=image, shift=shift)

    return [
        case("max 2 × 2", 4, 6, 1),
        case("every 2nd", 8, 6, 1),
        case("mean 2 × 2", 8, 12, 1),
        # With windows of 3 a shift to the left and a shift of the pooled map give other shares.
        case("max 3 × 3", 24, 12, 2),
        case("every 2nd", 30, 10, -3),
        case("max 2 × 2", 40, 10, 3),
        case("max 3 × 3", 45, 15, -1),
        case("max 3 × 3", 48, 18, 4),
    ]


def _ask_with_the_pool(answer, pool, image, shift):
    return answer(_POOLS[pool], image, shift)


def _kept(before: NDArray, after: NDArray) -> float:
    return float(np.mean(np.isclose(before, after, rtol=0, atol=1e-9)))


def _share_kept(pool, image, shift):
    return _kept(pool(image), pool(np.roll(image, shift, axis=1)))


def _where_something_is(pool, image, shift):
    before, after = pool(image), pool(np.roll(image, shift, axis=1))
    found = (before != 0) | (after != 0)
    return _kept(before[found], after[found])


share_kept = question(
    "share_kept",
    points=2,
    partial=1,
    reference=_share_kept,
    cases=_share_cases,
    observe=_ask_with_the_pool,
    mistakes={
        "You give the share that changes. Asked for is the share that stays.": lambda pool, image, shift: (
            1 - _share_kept(pool, image, shift)
        ),
        "You give a number of values. The share is that number divided by how many there are.": (
            lambda pool, image, shift: _share_kept(pool, image, shift) * pool(image).size
        ),
        "You give per cent. A share lies between 0 and 1.": lambda pool, image, shift: (
            100 * _share_kept(pool, image, shift)
        ),
        "You divide by the number of pixels of the image. The share is one of the pooled numbers, and there are "
        "fewer.": (lambda pool, image, shift: _share_kept(pool, image, shift) * pool(image).size / image.size),
        "You leave out the places where both maps are 0. Here all places count.": _where_something_is,
        "You shift the pooled map as well. That asks whether it moves along; here we ask which numbers stay.": (
            lambda pool, image, shift: _kept(np.roll(pool(image), shift, axis=1), pool(np.roll(image, shift, axis=1)))
        ),
        "You shift the pooled map instead of the image. The image moves, and then it is pooled anew.": (
            lambda pool, image, shift: _kept(pool(image), np.roll(pool(image), shift, axis=1))
        ),
        "You move the rows. A shift to the right moves columns: axis=1.": lambda pool, image, shift: _kept(
            pool(image), pool(np.roll(image, shift, axis=0))
        ),
        "Without an axis np.roll unrolls the image into one long line, so rows spill into each other: say axis=1.": (
            lambda pool, image, shift: _kept(pool(image), pool(np.roll(image, shift)))
        ),
        "The image is shifted the other way: a positive shift moves it to the right.": (
            lambda pool, image, shift: _share_kept(pool, image, -shift)
        ),
        "You compare the images. Pool both first, and compare the pooled maps.": lambda pool, image, shift: _kept(
            image, np.roll(image, shift, axis=1)
        ),
        "You give how far the numbers change. Asked for is which share of them does not change at all.": (
            lambda pool, image, shift: float(np.abs(pool(np.roll(image, shift, axis=1)) - pool(image)).mean())
        ),
    },
    hints={
        "values": "There are two pooled maps: that of the image, and that of the image after np.roll(..., axis=1).",
        "type": "Return one number between 0 and 1.",
        "shape": "Return one number, not an array of True and False: take its mean.",
        "raised": "The first argument, pool, is a function: pool(image) is the pooled map.",
    },
)

# --- stays --------------------------------------------------------------------------------------------------------


def _described(layers: str, moves: str) -> Mapping[str, str]:
    return MappingProxyType({"layers": layers, "moves": moves})


POOLED = MappingProxyType(
    {
        "A": _described("flatten", "places shuffled"),
        "B": _described("global average", "places shuffled"),
        "C": _described("global max", "places shuffled"),
        "D": _described("adaptive average, 2 × 2 bins", "places shuffled"),
        "E": _described("max 2 × 2, then global average", "rolled by 1"),
        "F": _described("average 2 × 2, then global average", "rolled by 1"),
        "G": _described("max 2 × 2, then global max", "rolled by 1"),
        "H": _described("max 2 × 2, then flatten", "rolled by 2"),
        "I": _described("max 2 × 2, then global average", "rolled by 2"),
    }
)
"""Layers by letter, and what happens to the map of 8 × 8 places that they get: windows of 2 × 2 have stride 2."""

_STEPS: Mapping[str, Callable[[NDArray], NDArray]] = MappingProxyType(
    {
        "flatten": np.ravel,
        "global average": np.mean,
        "global max": np.max,
        "adaptive average, 2 × 2 bins": lambda x: _blocks(x, 4).mean(axis=2),
        "max 2 × 2": _largest_of_two,
        "average 2 × 2": _mean_of_two,
    }
)


def _stays(entry: Mapping[str, str]) -> bool:
    rng = np.random.default_rng(0)
    image = rng.normal(size=(8, 8))
    if entry["moves"] == "places shuffled":
        moved = rng.permutation(image.ravel()).reshape(8, 8)
    else:
        moved = np.roll(image, int(entry["moves"].split()[-1]), axis=1)
    for step in entry["layers"].split(", then "):
        image, moved = _STEPS[step](image), _STEPS[step](moved)
    return bool(np.allclose(image, moved, rtol=0, atol=1e-9))


_RIGHT = {letter: _stays(entry) for letter, entry in POOLED.items()}


def _but(**changes: bool) -> dict[str, bool]:
    return _RIGHT | changes


stays = question(
    "stays",
    points=2,
    partial=1,
    reference=_RIGHT,
    mistakes={
        "Flattening keeps every number at an index of its own: shuffle the places, and the row is another row.": _but(
            A=True
        ),
        "A mean over all places does not ask where a number stood.": _but(B=False),
        "The largest of all numbers is the largest wherever it stands.": _but(C=False),
        "Each bin is a mean over a quarter of the places, and shuffling carries numbers from one quarter to another.": (
            _but(D=True)
        ),
        "After a roll by 1 the windows hold other pixels, so other numbers win, and their mean is another one.": _but(
            E=True
        ),
        "Average pooling weighs every pixel alike, wherever it stands. So the mean of the means is the mean of all "
        "pixels.": _but(F=False),
        "The largest of the largest is the largest of all, in whatever windows.": _but(G=False),
        "A roll by the stride brings the same windows back, one place further. Flattened, one place further is another "
        "index.": _but(H=True),
        "A roll by the stride brings the same windows back, one place further, and a global average does not mind the "
        "place.": _but(I=False),
    },
    hints={
        "values": "Try each with your own functions on random numbers: once as they are, once moved.",
        "type": "Give each letter True or False, without quotes.",
    },
)
