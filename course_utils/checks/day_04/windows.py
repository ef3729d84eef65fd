"""Max and average pooling with stride and padding."""

import numpy as np

from course_utils import reference
from course_utils.checks.question import Case, question

SHORTCUTS = ("scipy", "skimage", "torch", "keras", "tensorflow", "cv2")

# --- max_pool2d ---------------------------------------------------------------------------------------------------


def _max_cases(rng: np.random.Generator) -> list[Case]:
    def case(shape, size, stride, padding, low=1):
        image = rng.permutation(np.arange(low, low + shape[0] * shape[1])).reshape(shape)
        return Case(image=image, size=size, stride=stride, padding=padding)

    return [
        case((2, 3), 2, 1, 0),
        case((4, 6), 2, 2, 0),
        case((3, 4), 2, 2, 1, low=-30),  # all negative: whoever starts from 0, or pads with it, is found out
        case((5, 7), 2, 2, 0),  # the last row and column are in no window
        case((5, 7), 3, 2, 0),
        case((6, 5), 2, 3, 1),
        case((6, 9), 3, 2, 1, low=-60),
        Case(image=rng.normal(size=(9, 8)), size=3, stride=2, padding=1),
    ]


def _max_pool2d(image, size, stride, padding):
    return reference.max_pool2d(image, size, stride, padding)


def _zeros_around(image, size, stride, padding):
    return reference.max_pool2d(np.pad(image, padding), size, stride)


def _hanging_over(image, size, stride, padding):
    """Windows that begin inside the padded image count, even if they end outside."""
    x = np.pad(image.astype(float), padding, constant_values=-np.inf)
    more = [-(-(n - size) // stride) * stride + size - n for n in x.shape]
    return reference.max_pool2d(np.pad(x, [(0, n) for n in more], constant_values=-np.inf), size, stride)


max_pool2d = question(
    "max_pool2d",
    shortcuts=SHORTCUTS,
    points=3,
    partial=1,
    reference=_max_pool2d,
    cases=_max_cases,
    mistakes={
        "Your padding is made of zeros, and a zero wins against negative numbers. Pad with −∞, which never wins.": (
            _zeros_around
        ),
        "Your maximum starts from 0, so negative windows give 0. Start from −∞, or from the window's first number.": (
            lambda image, size, stride, padding: np.maximum(_max_pool2d(image, size, stride, padding), 0)
        ),
        "The stride is not used: your windows lie side by side, `size` apart.": (
            lambda image, size, stride, padding: _max_pool2d(image, size, size, padding)
        ),
        "The stride is not used: your window moves by one pixel whatever it says.": (
            lambda image, size, stride, padding: _max_pool2d(image, size, 1, padding)
        ),
        "Stride and size are exchanged: `size` is the window's side, `stride` the step from window to window.": (
            lambda image, size, stride, padding: reference.max_pool2d(
                np.pad(image.astype(float), padding, constant_values=-np.inf), stride, size
            )
        ),
        "The padding is not used.": lambda image, size, stride, padding: _max_pool2d(image, size, stride, 0),
        "Your last windows hang over the border. Only windows that fit into the padded image count: round down.": (
            _hanging_over
        ),
        "You take the mean. Max pooling keeps the largest number of the window.": (
            lambda image, size, stride, padding: reference.avg_pool2d(image, size, stride, padding)
        ),
        "You throw pixels away before the windows have read them. The stride is between windows; inside a window all "
        "pixels count.": lambda image, size, stride, padding: reference.max_pool2d(
            np.pad(image.astype(float), padding, constant_values=-np.inf)[::stride, ::stride], size, 1
        ),
        "Your output holds integers, so fractions are cut off: make the output array a float array.": (
            lambda image, size, stride, padding: _max_pool2d(image, size, stride, padding).astype(np.int64)
        ),
    },
    hints={
        "shape": "Along each axis there are ⌊(n + 2 · padding − size) / stride⌋ + 1 windows.",
        "values": "Take a line 4 1 3 2 5, windows of 3 with stride 2, and write down both windows and their largest.",
        "raised": "Does the last window still lie inside the padded image?",
        "type": "Return a NumPy array of two axes.",
    },
)

# --- avg_pool2d ---------------------------------------------------------------------------------------------------


def _avg_cases(rng: np.random.Generator) -> list[Case]:
    def case(shape, size, stride, padding, count_padding):
        image = rng.integers(1, 20, shape)
        image[-1, 0] = image[0, -1] = 0  # a pixel may be 0: whoever tells padding by its zeros is found out
        return Case(image=image, size=size, stride=stride, padding=padding, count_padding=count_padding)

    return [
        case((2, 3), 2, 1, 0, True),
        case((3, 4), 2, 2, 1, True),
        case((3, 4), 2, 2, 1, False),
        case((5, 6), 3, 2, 1, False),
        case((6, 5), 3, 2, 1, True),
        case((7, 8), 2, 3, 0, False),
        Case(image=rng.normal(size=(9, 8)), size=3, stride=1, padding=1, count_padding=False),
    ]


def _avg_pool2d(image, size, stride, padding, count_padding):
    return reference.avg_pool2d(image, size, stride, padding, count_include_pad=count_padding)


def _zeros_not_counted(image, size, stride, padding, count_padding):
    own = reference.avg_pool2d(np.pad(image != 0, padding).astype(float), size, stride)
    return _avg_pool2d(image, size, stride, padding, True) / (1 if count_padding else np.maximum(own, 1 / size**2))


avg_pool2d = question(
    "avg_pool2d",
    shortcuts=SHORTCUTS,
    points=3,
    partial=1,
    reference=_avg_pool2d,
    cases=_avg_cases,
    mistakes={
        "You always divide by size · size. Where the padding does not count, divide by the number of the image's own "
        "pixels in the window.": lambda image, size, stride, padding, count_padding: _avg_pool2d(
            image, size, stride, padding, True
        ),
        "You never count the padding. Where it counts, divide by size · size.": (
            lambda image, size, stride, padding, count_padding: _avg_pool2d(image, size, stride, padding, False)
        ),
        "You have count_padding the wrong way round: True divides by size · size, zeros included.": (
            lambda image, size, stride, padding, count_padding: _avg_pool2d(
                image, size, stride, padding, not count_padding
            )
        ),
        "You count the numbers that are not zero. A pixel of the image may be 0 as well: pad an image of ones "
        "likewise, and add it up.": _zeros_not_counted,
        "Your padding is made of −∞, as in max pooling. A mean needs zeros around the image.": (
            lambda image, size, stride, padding, count_padding: reference.avg_pool2d(
                np.pad(image.astype(float), padding, constant_values=-np.inf), size, stride
            )
        ),
        "The stride is not used: your window moves by one pixel whatever it says.": (
            lambda image, size, stride, padding, count_padding: _avg_pool2d(image, size, 1, padding, count_padding)
        ),
        "You give the sum of each window, not its mean.": (
            lambda image, size, stride, padding, count_padding: (
                _avg_pool2d(image, size, stride, padding, True) * size**2
            )
        ),
        "You divide by `size`. A window holds size · size numbers.": (
            lambda image, size, stride, padding, count_padding: (
                _avg_pool2d(image, size, stride, padding, count_padding) * size
            )
        ),
        "The padding copies the border pixels. Here it is made of zeros.": (
            lambda image, size, stride, padding, count_padding: _avg_pool2d(
                np.pad(image, padding, mode="edge"), size, stride, 0, True
            )
        ),
        "The padding is not used.": lambda image, size, stride, padding, count_padding: _avg_pool2d(
            image, size, stride, 0, count_padding
        ),
        "The stride is not used: your windows lie side by side, `size` apart.": (
            lambda image, size, stride, padding, count_padding: _avg_pool2d(image, size, size, padding, count_padding)
        ),
        "You take the largest number. Average pooling keeps the mean.": (
            lambda image, size, stride, padding, count_padding: reference.max_pool2d(
                np.pad(image, padding), size, stride
            )
        ),
        "Your output holds integers, so fractions are cut off: make the output array a float array.": (
            lambda image, size, stride, padding, count_padding: _avg_pool2d(
                image, size, stride, padding, count_padding
            ).astype(np.int64)
        ),
    },
    hints={
        "shape": "There are as many windows as in max pooling.",
        "values": "White paper, all ones, padding 1, windows of 3: what is the mean in the corner, with the zeros and "
        "without?",
        "raised": "How many of the image's own pixels lie in a window? Pad an image of ones likewise, and add up.",
        "type": "Return a NumPy array of two axes.",
    },
)
