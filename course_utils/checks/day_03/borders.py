"""At the border: what five paddings put there, and how often each pixel is read."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from course_utils import reference
from course_utils.checks.question import Case, question

# --- pad2d --------------------------------------------------------------------------------------------------------


def _pad_cases(rng: np.random.Generator) -> list[Case]:
    def case(height, width, amount, mode):
        # Every pixel a number of its own, none zero, so that each entry tells where it came from.
        pixels = 1 + rng.permutation(height * width).reshape(height, width)
        return Case(image=pixels, amount=amount, mode=mode)

    small = [case(2, 3, 1, mode) for mode in reference.PADDING_MODES]
    large = [case(3, 4, 2, mode) for mode in reference.PADDING_MODES]
    return [*small, *large, Case(image=rng.normal(size=(5, 4)), amount=3, mode="reflect"), case(6, 4, 3, "circular")]


def _wrong_in(mode: str, sources: Callable[[int, int], NDArray]) -> Callable[..., NDArray]:
    """pad2d whose pixels in one mode copy the places `sources(n, amount)` of each axis."""

    def pad2d(image, amount, chosen):
        if chosen != mode:
            return reference.pad2d(image, amount, chosen)
        rows, columns = (sources(n, amount) for n in image.shape)
        return image[np.ix_(rows, columns)]

    return pad2d


def _reads_on(n, amount):
    """The border's neighbours, copied without being turned round."""
    return np.concatenate([np.arange(1, amount + 1), np.arange(n), np.arange(n - 1 - amount, n - 1)])


def _own_side(n, amount):
    return np.concatenate([np.arange(amount), np.arange(n), np.arange(n - amount, n)])


def _mirrored_far_side(n, amount):
    """The other end, but turned round."""
    return np.concatenate([np.arange(n)[: -amount - 1 : -1], np.arange(n), np.arange(amount)[::-1]])


def _empty_corners(image, amount, mode):
    padded, (height, width) = reference.pad2d(image, amount, mode), image.shape
    for rows in (slice(amount), slice(amount + height, None)):
        for columns in (slice(amount), slice(amount + width, None)):
            padded[rows, columns] = 0
    return padded


def _exchanged(one: str, other: str) -> Callable[..., NDArray]:
    swap = {one: other, other: one}
    return lambda image, amount, mode: reference.pad2d(image, amount, swap.get(mode, mode))


pad2d = question(
    "pad2d",
    shortcuts=("np.pad", "numpy.pad", "import pad", "scipy", "skimage", "torch", "keras", "tensorflow", "cv2"),
    points=4,
    partial=1,
    reference=lambda image, amount, mode: reference.pad2d(image, amount, mode),
    cases=_pad_cases,
    mistakes={
        "Reflect and symmetric are exchanged: reflect turns round on the border pixel and does not repeat it; "
        "symmetric repeats it.": _exchanged("reflect", "symmetric"),
        "Reflect repeats the border pixel. Its mirror lies on that pixel, not behind it, so the first pixel outside "
        "copies the border's neighbour.": _wrong_in(
            "reflect", lambda n, amount: reference.padding_sources(n, amount, amount, "symmetric")
        ),
        "Symmetric copies the border pixel over and over, which is replicate. The two agree on the first pixel outside "
        "and differ on the second.": _wrong_in(
            "symmetric", lambda n, amount: reference.padding_sources(n, amount, amount, "replicate")
        ),
        "Symmetric does not repeat the border pixel, as reflect. Its mirror stands behind that pixel, so the first "
        "pixel outside is the border pixel again.": _wrong_in(
            "symmetric", lambda n, amount: reference.padding_sources(n, amount, amount, "reflect")
        ),
        "Symmetric copies the right pixels in the wrong order: a mirror turns them round.": _wrong_in(
            "symmetric", _own_side
        ),
        "Replicate mirrors the pixels, which is symmetric. The two agree on the first pixel outside; replicate then "
        "goes on with the border pixel.": _wrong_in(
            "replicate", lambda n, amount: reference.padding_sources(n, amount, amount, "symmetric")
        ),
        "Circular turns the other end round. On a ring nothing is mirrored: left of the first column stands the last, "
        "and left of that the last but one.": _wrong_in("circular", _mirrored_far_side),
        "Reflect copies the right pixels in the wrong order: a mirror turns them round.": _wrong_in(
            "reflect", _reads_on
        ),
        "Circular copies from the side it is on. The picture goes on at its other end: what lies left of the first "
        "column is the last one.": _wrong_in("circular", _own_side),
        "Only the columns are padded. Rows are needed above and below as well.": lambda image, amount, mode: (
            reference.pad2d(image, (0, amount), mode)
        ),
        "Only the rows are padded. Columns are needed left and right as well.": lambda image, amount, mode: (
            reference.pad2d(image, (amount, 0), mode)
        ),
        "The corners are left at zero. Pad the rows first, then the columns of what you have got.": _empty_corners,
        "Only the top and the left are padded: bottom and right need as many pixels.": lambda image, amount, mode: (
            reference.pad2d(image, ((amount, 0), (amount, 0)), mode)
        ),
        "Your output holds integers, so fractions are cut off: keep the type of the image.": (
            lambda image, amount, mode: reference.pad2d(image, amount, mode).astype(np.int64)
        ),
        "The mode is not used: you always fill in zeros.": lambda image, amount, mode: reference.pad2d(image, amount),
    },
    hints={
        "shape": "Each axis gets `amount` pixels before and `amount` after.",
        "values": "Write the line 1 2 3 4 on paper with two pixels on each side, mode by mode, and compare.",
        "raised": "Each mode is one of zero, reflect, symmetric, replicate, circular; height and width differ.",
        "type": "Return a NumPy array of two axes.",
    },
)

# --- touch_counts -------------------------------------------------------------------------------------------------


def _touch_cases(rng: np.random.Generator) -> list[Case]:
    def case(kernel_size, stride, padding):
        height, width = (kernel_size + 2 + int(more) for more in rng.permutation(5)[:2])
        return Case(height=height, width=width, kernel_size=kernel_size, stride=stride, padding=padding)

    return [case(2, 1, 0), case(3, 1, 1), case(3, 2, 0), case(3, 2, 1), case(5, 1, 2), case(5, 3, 1)]


def _touches(height, width, kernel_size, stride, padding):
    return reference.touch_counts((height, width), kernel_size, stride, padding)


def _starts_only(height, width, kernel_size, stride, padding):
    # A window counts for its first pixel alone, wherever that pixel belongs to the image.
    starts = _touches(height + 2 * padding, width + 2 * padding, kernel_size, stride, 0) * 0
    starts[: starts.shape[0] - kernel_size + 1 : stride, : starts.shape[1] - kernel_size + 1 : stride] = 1
    return starts[padding : padding + height, padding : padding + width]


def _sliced_below_zero(height, width, kernel_size, stride, padding):
    counts, ends = np.zeros((height, width), dtype=int), []
    for n in (height, width):
        ends.append([i * stride - padding for i in range(reference.output_size(n, kernel_size, stride, padding))])
    for row in ends[0]:
        for column in ends[1]:
            counts[row : row + kernel_size, column : column + kernel_size] += 1
    return counts


touch_counts = question(
    "touch_counts",
    points=3,
    partial=1,
    reference=_touches,
    cases=_touch_cases,
    mistakes={
        "The padding is counted too: return the counts of the image's own pixels, so cut the padding off again.": (
            lambda height, width, kernel_size, stride, padding: _touches(
                height + 2 * padding, width + 2 * padding, kernel_size, stride, 0
            )
        ),
        "The padding is not used: with padding, windows also begin outside the image.": (
            lambda height, width, kernel_size, stride, padding: _touches(height, width, kernel_size, stride, 0)
        ),
        "The stride is not used: fewer windows read fewer pixels.": (
            lambda height, width, kernel_size, stride, padding: _touches(height, width, kernel_size, 1, padding)
        ),
        "You say that every pixel is read equally often. That holds far from the border, with stride 1.": (
            lambda height, width, kernel_size, stride, padding: np.full((height, width), kernel_size**2)
        ),
        "A window that begins in the padding is lost: your slice begins below 0, and for Python that counts from "
        "the far end. Count on an array that has the padding too.": _sliced_below_zero,
        "You count only the pixel at which a window begins; a window reads all the pixels under it.": _starts_only,
        "Rows and columns are swapped: the answer has the shape (height, width).": (
            lambda height, width, kernel_size, stride, padding: _touches(height, width, kernel_size, stride, padding).T
        ),
        "The padding is cut off at the wrong place: the image begins `padding` rows and columns further in.": (
            lambda height, width, kernel_size, stride, padding: _touches(
                height + 2 * padding, width + 2 * padding, kernel_size, stride, 0
            )[:height, :width]
        ),
    },
    hints={
        "shape": "Return one count for each pixel of the image, without the padding.",
        "values": "Take a line of 5 pixels and a kernel of 3, write down the three windows, and count at each pixel.",
        "raised": "Count on an array that has the padding too, then cut the padding off.",
        "type": "Return a NumPy array of two axes.",
    },
)
