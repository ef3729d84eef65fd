"""How strongly a unit sees: shares of squared gradients, and the square that holds a given share."""

import numpy as np

from course_utils import reference
from course_utils.checks.question import Case, question

# --- effective_field ----------------------------------------------------------------------------------------------


def _gradient_cases(rng: np.random.Generator) -> list[Case]:
    """One image and channel first; then several, with signs that cancel, and images of very different strength."""

    def case(*shape):
        strength = 3.0 ** rng.permutation(shape[0]).reshape(-1, 1, 1, 1)
        return Case(gradients=(strength * rng.normal(size=shape)).round(2))

    tiny = Case(gradients=np.array([[3.0, -4.0], [0.0, 5.0]]).reshape(1, 2, 2, 1) * int(rng.integers(1, 4)))
    return [tiny, case(1, 3, 4, 1), case(1, 4, 3, 2), case(3, 4, 5, 1), case(4, 6, 5, 3), case(5, 9, 9, 2)]


def _normalised(energy):
    return energy / energy.sum()


def _each_image_alone(gradients):
    energy = (gradients**2).sum(axis=3)
    return (energy / energy.sum(axis=(1, 2), keepdims=True)).mean(axis=0)


effective_field = question(
    "effective_field",
    points=3,
    partial=1,
    reference=reference.effective_field,
    cases=_gradient_cases,
    mistakes={
        "You average the gradients before you square them. They have both signs, so they cancel: square first.": (
            lambda gradients: _normalised(gradients.mean(axis=(0, 3)) ** 2)
        ),
        "You average over the images before you square: gradients of different images cancel. Square first.": (
            lambda gradients: _normalised((gradients.mean(axis=0) ** 2).sum(axis=2))
        ),
        "You add up the channels before you square: red and green may pull in opposite directions. Square first.": (
            lambda gradients: _normalised((gradients.sum(axis=3) ** 2).sum(axis=0))
        ),
        "You take absolute values. That is a measure too, but asked for are shares of the squares.": (
            lambda gradients: _normalised(np.abs(gradients).sum(axis=(0, 3)))
        ),
        "You take the root at the end: shares of the squares add up as they are.": lambda gradients: _normalised(
            np.sqrt((gradients**2).sum(axis=(0, 3)))
        ),
        "The gradients are not squared. Negative ones count as much as positive ones.": lambda gradients: _normalised(
            gradients.sum(axis=(0, 3))
        ),
        "The shares do not add up to 1: divide by the sum over all pixels.": lambda gradients: (gradients**2).sum(
            axis=(0, 3)
        ),
        "The mean is not yet a share: divide by the sum over all pixels.": lambda gradients: (gradients**2).mean(
            axis=(0, 3)
        ),
        "You divide by the largest value. Then the middle is 1 and the field does not add up to 1.": lambda gradients: (
            (gradients**2).sum(axis=(0, 3)) / (gradients**2).sum(axis=(0, 3)).max()
        ),
        "Only the first image is used: add up the squares over all of them.": lambda gradients: _normalised(
            (gradients[0] ** 2).sum(axis=2)
        ),
        "Each image is turned into shares by itself. Add up the squares of all images first, and divide once.": (
            _each_image_alone
        ),
        "You take the axes for (images, channels, rows, columns). Here the channels come last.": lambda gradients: (
            _normalised((gradients**2).sum(axis=(0, 1)))
        ),
    },
    hints={
        "shape": "Return one number for each pixel, (rows, columns): images and channels are added up.",
        "values": "Work out the example on paper: square, add up over images and channels, divide by the total.",
        "type": "Return a NumPy array of two axes.",
        "raised": "The axes are (images, rows, columns, channels).",
    },
)

# --- side_holding -------------------------------------------------------------------------------------------------


def _field_cases(rng: np.random.Generator) -> list[Case]:
    """Bells with their middle elsewhere than the array's and not quite where one looks, and without any middle."""

    def bell(height, width, row, column, spread, share, beside=(0, 0)):
        rows, columns = np.indices((height, width))
        field = np.exp(-((rows - row) ** 2 + (columns - column) ** 2) / (2 * spread**2))
        field = _normalised(field * rng.uniform(0.7, 1.3, field.shape))
        return Case(field=field, row=row + beside[0], column=column + beside[1], share=share)

    small = np.array([[1, 1, 1], [1, 4, 1], [1, 1, 1]]) / 12
    rough = _normalised(rng.uniform(0.2, 1, (9, 12)))
    low, high = float(rng.uniform(0.45, 0.55)), float(rng.uniform(0.85, 0.92))
    return [
        Case(field=small, row=1, column=1, share=0.5),
        Case(field=small, row=0, column=0, share=0.5),
        bell(9, 13, 4, 8, 1.5, low, beside=(1, -3)),
        bell(15, 15, 3, 10, 2.5, high),
        bell(21, 17, 8, 8, 3.0, low),
        Case(field=rough, row=int(rng.integers(2, 4)), column=int(rng.integers(2, 4)), share=0.7),
    ]


def _growing(squares, result=lambda reach: 2 * reach + 1, endless=False):
    """side_holding by squares(field, row, column, reach). endless: where none holds enough, there is no answer."""

    def side_holding(field, row, column, share):
        for reach in range(2 * max(field.shape)):
            if squares(field, row, column, reach).sum() >= share:
                return result(reach)
        return None if endless else result(max(field.shape))

    return side_holding


def _square(field, row, column, reach):
    return field[max(row - reach, 0) : row + reach + 1, max(column - reach, 0) : column + reach + 1]


def _in_the_middle(field, row, column, reach):
    return _square(field, field.shape[0] // 2, field.shape[1] // 2, reach)


def _around_the_peak(field, row, column, reach):
    return _square(field, *np.unravel_index(field.argmax(), field.shape), reach)


def _to_the_right(field, row, column, reach):
    return field[row : row + 2 * reach + 1, column : column + 2 * reach + 1]


def _open_at_the_end(field, row, column, reach):
    return field[max(row - reach, 0) : row + reach, max(column - reach, 0) : column + reach]


def _below_zero(field, row, column, reach):
    return field[row - reach : row + reach + 1, column - reach : column + reach + 1]


def _rows_only(field, row, column, reach):
    return field[max(row - reach, 0) : row + reach + 1]


def _one_row(field, row, column, reach):
    return _normalised(field[row])[max(column - reach, 0) : column + reach + 1]


def _share_of_the_peak(field, row, column, share):
    wide = np.flatnonzero(field[row] >= share * field.max())
    return int(wide[-1] - wide[0] + 1) if len(wide) else 0


def _pixels_counted(field, row, column, share):
    return int(np.searchsorted(np.cumsum(np.sort(field.ravel())[::-1]), share) + 1)


def _what_is_left(field, row, column, share):
    for reach in range(max(field.shape)):
        square = _square(field, row, column, reach)
        if square.sum() >= share:
            return max(square.shape)
    return max(field.shape)


side_holding = question(
    "side_holding",
    points=2,
    reference=reference.side_holding,
    cases=_field_cases,
    mistakes={
        "You give how far the square reaches to one side. Its side is twice that, and the pixel in the middle.": (
            _growing(_square, lambda reach: reach)
        ),
        "You give the side of what is left of the square after cutting off. Asked for is the whole square, 2r + 1.": (
            _what_is_left
        ),
        "The pixel in the middle is not counted: a square that reaches r pixels to each side has 2r + 1.": _growing(
            _square, lambda reach: 2 * reach
        ),
        "You give the area of the square. Asked for is its side.": _growing(
            _square, lambda reach: (2 * reach + 1) ** 2
        ),
        "The square is one size too large: stop at the first one that holds the share.": _growing(
            _square, lambda reach: 2 * reach + 3
        ),
        "The square is one size too small: it is the last one that does *not* hold the share.": _growing(
            _square, lambda reach: max(2 * reach - 1, 1)
        ),
        "The square stands in the middle of the array. It belongs around (row, column).": _growing(_in_the_middle),
        "The square stands around the largest value. It belongs around (row, column).": _growing(_around_the_peak),
        "The square begins at (row, column). That is its middle: go up and left as far as down and right.": _growing(
            _to_the_right
        ),
        "The last row and column of the square are missing: a slice does not hold its end.": _growing(_open_at_the_end),
        "Near the border your slice begins below 0, and for Python that counts from the far end. Cut it off at 0.": (
            _growing(_below_zero, endless=True)
        ),
        "You take whole rows instead of a square: cut off the columns as well.": _growing(_rows_only),
        "You look along one row only. The square holds the pixels of all its rows.": _growing(_one_row),
        "You look for pixels above a share of the *largest* value. Asked for is a share of the total.": (
            _share_of_the_peak
        ),
        "You count the strongest pixels that together hold the share, wherever they lie. Asked for is a square.": (
            _pixels_counted
        ),
    },
    hints={
        "values": "Try reach 0, 1, 2 and so on, add up what lies inside the square, and stop when it is enough.",
        "type": "Return one integer, the side of the square in pixels.",
        "raised": "The square may reach beyond the array: cut it off at its first row and column.",
    },
)
