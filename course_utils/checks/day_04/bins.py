"""Adaptive average pooling: any size in, as many bins as are wanted out."""

import numpy as np

from course_utils import reference
from course_utils.checks.day_04.windows import SHORTCUTS
from course_utils.checks.question import Case, question


def _cases(rng: np.random.Generator) -> list[Case]:
    def case(shape, rows, columns):
        # Powers keep sums of different pixels apart, so that a bin with a pixel too many or too few shows.
        image = rng.permutation(shape[0] * shape[1]).reshape(shape) ** 2
        return Case(image=image, output_size=(rows, columns))

    return [
        case((2, 3), 1, 2),
        case((4, 6), 2, 3),
        case((5, 7), 2, 3),
        case((7, 5), 1, 1),
        case((8, 11), 3, 4),
        case((3, 4), 5, 6),
        Case(image=rng.normal(size=(10, 13)), output_size=(7, 5)),
    ]


def _pool(image, output_size, bins, how=np.mean):
    rows, columns = (bins(n, out) for n, out in zip(image.shape, output_size, strict=True))
    cells = [[image[top:bottom, left:right] for left, right in columns] for top, bottom in rows]
    if any(cell.size == 0 for line in cells for cell in line):
        raise ValueError("a bin holds no pixel")
    return np.array([[how(cell) for cell in line] for line in cells])


def _of(edges):
    """Adaptive pooling whose bin i runs from the first to the second of edges(i, n, out)."""
    return lambda image, output_size: _pool(image, output_size, lambda n, out: [edges(i, n, out) for i in range(out)])


def _shared_out(i, n, out):
    """np.array_split: no overlap, and the first bins get what is left over."""
    length, left = divmod(n, out)
    return i * length + min(i, left), (i + 1) * length + min(i + 1, left)


def _one_length(n, out):
    """The recipe by which people imitate adaptive pooling with a stride and a window."""
    stride = n // out
    return [(i * stride, n - (out - 1 - i) * stride) for i in range(out)]


adaptive_avg_pool2d = question(
    "adaptive_avg_pool2d",
    shortcuts=SHORTCUTS,
    points=4,
    partial=1,
    reference=lambda image, output_size: reference.adaptive_avg_pool2d(image, output_size),
    cases=_cases,
    mistakes={
        "You round the end of a bin down, so that bins never overlap. It is rounded up: a pixel that a bin touches "
        "belongs to it.": _of(lambda i, n, out: (i * n // out, (i + 1) * n // out)),
        "All your bins have the length n // bins, and the pixels that are left over at the end are in none.": _of(
            lambda i, n, out: (i * (n // out), (i + 1) * (n // out))
        ),
        "All your bins have the length n // bins but the last, which takes what is left over. Both ends of a bin "
        "follow from i · n / bins.": _of(
            lambda i, n, out: (i * (n // out), n if i == out - 1 else (i + 1) * (n // out))
        ),
        "Your bins do not overlap, and the first ones get the pixels that are left over, as in np.array_split. Both "
        "ends of a bin follow from i · n / bins.": _of(_shared_out),
        "All your bins have the length n / bins rounded up. A bin's length follows from both its ends, and they are "
        "rounded one by one.": _of(lambda i, n, out: (i * n // out, i * n // out - (-n // out))),
        "All your bins have one length and one step. That works only where the sizes happen to fit; both ends of a bin "
        "follow from i · n / bins.": lambda image, output_size: _pool(image, output_size, _one_length),
        "You round the beginning of a bin up. It is rounded down: a pixel that a bin touches belongs to it.": _of(
            lambda i, n, out: (-(-i * n // out), -(-(i + 1) * n // out))
        ),
        "You round to the nearest pixel. The beginning is rounded down and the end up.": _of(
            lambda i, n, out: (round(i * n / out), round((i + 1) * n / out))
        ),
        "The end of your bins is one pixel too far: a slice does not hold its last index.": _of(
            lambda i, n, out: (i * n // out, -(-(i + 1) * n // out) + 1)
        ),
        "Rows and columns are exchanged: output_size is (rows, columns), and image.shape is (height, width).": (
            lambda image, output_size: reference.adaptive_avg_pool2d(image, output_size[::-1])
        ),
        "You give the sum of each bin, not its mean.": lambda image, output_size: _pool(
            image, output_size, reference.adaptive_bins, np.sum
        ),
        "You divide every bin by the same number. Bins differ in length: divide by the pixels that are in the bin.": (
            lambda image, output_size: (
                _pool(image, output_size, reference.adaptive_bins, np.sum) * np.prod(output_size) / image.size
            )
        ),
        "You take the largest of each bin, not its mean.": lambda image, output_size: _pool(
            image, output_size, reference.adaptive_bins, np.max
        ),
        "Your output holds integers, so fractions are cut off: make the output array a float array.": (
            lambda image, output_size: reference.adaptive_avg_pool2d(image, output_size).astype(np.int64)
        ),
    },
    hints={
        "shape": "The answer has the shape output_size, whatever the image's.",
        "values": "Draw 7 pixels in 3 bins. Where does each begin and end, before rounding? Round outwards.",
        "raised": "There may be more bins than pixels: then a bin of one pixel comes twice, and none is empty.",
        "type": "Return a NumPy array of two axes.",
    },
)
