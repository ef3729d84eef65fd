"""Lengths along one axis: of the output, and of the padding that "same" means."""

import numpy as np

from course_utils import reference
from course_utils.checks.question import Case, question

# --- output_size --------------------------------------------------------------------------------------------------


def _size_cases(rng: np.random.Generator) -> list[Case]:
    """In each but the first the last jump does not come out even, which is what the floor is for."""

    def case(stride, padding, dilation, rest=1):
        k, steps = int(rng.integers(3, 6)), int(rng.integers(4, 30))
        n = dilation * (k - 1) + 1 + steps * stride + rest - 2 * padding
        return Case(n=n, k=k, stride=stride, padding=padding, dilation=dilation)

    simple = Case(n=int(rng.integers(6, 12)), k=3, stride=1, padding=0, dilation=1)
    return [
        simple,
        case(2, 0, 1),
        case(2, 2, 1),
        case(3, 0, 3),
        case(4, 3, 1, rest=2),
        case(4, 1, 1, rest=3),
        case(3, 2, 3),
    ]


def _fits(n, k, stride, padding, dilation):
    """How many whole jumps fit behind the first position, before rounding."""
    return (n + 2 * padding - dilation * (k - 1) - 1) / stride


output_size = question(
    "output_size",
    points=2,
    reference=reference.output_size,
    cases=_size_cases,
    mistakes={
        "The first position is not counted: there is one output before the first jump, hence the + 1.": (
            lambda *sizes: int(_fits(*sizes))
        ),
        "You round up. A jump after which the kernel does not fit any more is not made, so round down.": (
            lambda *sizes: int(np.ceil(_fits(*sizes))) + 1
        ),
        "You round to the nearest whole number. The last jump is made whole or not at all, so always round down.": (
            lambda *sizes: round(_fits(*sizes)) + 1
        ),
        "You do not round. An output has a whole number of pixels: the last jump is made whole or not at all.": (
            lambda *sizes: _fits(*sizes) + 1
        ),
        "You do not round, and the dilation is not used: whole jumps only, by a kernel that spans its gaps too.": (
            lambda n, k, stride, padding, dilation: _fits(n, k, stride, padding, 1) + 1
        ),
        'You give the length under "same" padding. Here the padding is given, and the length follows from it.': (
            lambda n, k, stride, padding, dilation: -(-n // stride)
        ),
        "The padding is counted once. It stands on both sides, before the first pixel and after the last.": (
            lambda n, k, stride, padding, dilation: reference.output_size(n + padding, k, stride, 0, dilation)
        ),
        "The padding is not used. It makes the line longer, on both sides.": (
            lambda n, k, stride, padding, dilation: reference.output_size(n, k, stride, 0, dilation)
        ),
        "The stride is not used: you count every place, not every `stride`-th.": (
            lambda n, k, stride, padding, dilation: reference.output_size(n, k, 1, padding, dilation)
        ),
        "The dilation is not used: a dilated kernel spans more pixels than it has weights.": (
            lambda n, k, stride, padding, dilation: reference.output_size(n, k, stride, padding)
        ),
        "Your kernel spans one pixel too few. Its k weights lie `dilation` apart, and the pixel under the last weight "
        "counts too.": lambda n, k, stride, padding, dilation: (n + 2 * padding - dilation * (k - 1)) // stride + 1,
        "Your weights lie too far apart. Dilation is the step from one weight to the next: 1 is an ordinary kernel, "
        "2 leaves out one pixel between two weights.": lambda n, k, stride, padding, dilation: reference.output_size(
            n, k, stride, padding, dilation + 1
        ),
        "The span of the dilated kernel is too long. Between k weights there are k − 1 steps of `dilation`, and one "
        "pixel more makes the span.": lambda n, k, stride, padding, dilation: reference.output_size(
            n, dilation * k, stride, padding
        ),
        "The + 1 stands inside the division. Divide first, round down, then add 1 for the first position.": (
            lambda n, k, stride, padding, dilation: (n + 2 * padding - dilation * (k - 1)) // stride
        ),
    },
    hints={
        "values": "Draw 6 pixels and a kernel of 3, mark the places at which it starts with stride 2, and count them.",
        "type": "Return one integer.",
    },
)

# --- same, in Keras and in PyTorch --------------------------------------------------------------------------------


def _keras_cases(rng: np.random.Generator) -> list[Case]:
    """Both parities of n under stride 2, an even kernel, a kernel shorter than the stride, and dilation."""
    half, third = int(rng.integers(4, 30)), int(rng.integers(4, 20))
    rows = [
        (5, 3, 1, 1),
        (2 * half, 3, 2, 1),
        (2 * half + 1, 3, 2, 1),
        (2 * half, 4, 1, 1),
        (3 * third + 2, 5, 3, 1),
        (3 * third + 1, 1, 3, 1),  # needs nothing: ...
        (3 * third, 1, 3, 1),  # ... and here two pixels less than nothing
        (2 * half + 1, 3, 1, int(rng.integers(2, 5))),
    ]
    return [Case(n=n, k=k, stride=stride, dilation=dilation) for n, k, stride, dilation in rows]


def _keras_total(n, k, stride, dilation):
    return (-(-n // stride) - 1) * stride + dilation * (k - 1) + 1 - n


def _halves(total):
    return total // 2, total - total // 2


same_padding_keras = question(
    "same_padding_keras",
    points=3,
    partial=1,
    reference=reference.same_padding_keras,
    cases=_keras_cases,
    mistakes={
        "The stride is not used. With a stride above 1 fewer pixels are needed, and how many depends on the length.": (
            lambda n, k, stride, dilation: reference.same_padding_keras(n, k, 1, dilation)
        ),
        "The odd pixel stands before the image. Keras puts it after the last pixel.": (
            lambda *sizes: reference.same_padding_keras(*sizes)[::-1]
        ),
        "An odd pixel gets lost: when the total is odd, one side gets one pixel more.": (
            lambda *sizes: (reference.same_padding_keras(*sizes)[0],) * 2
        ),
        "You halve an odd number of pixels. Pixels are whole: one side gets one pixel more, the side after the "
        "image.": (lambda *sizes: (sum(reference.same_padding_keras(*sizes)) / 2,) * 2),
        'Your output is as long as the input whatever the stride. "Same" means n / stride here, rounded up.': (
            lambda n, k, stride, dilation: _halves(max((n - 1) * stride + dilation * (k - 1) + 1 - n, 0))
        ),
        "You use (k − 1) / 2 on each side. That is right for odd kernels with stride 1 only.": (
            lambda n, k, stride, dilation: (dilation * (k - 1) // 2,) * 2
        ),
        "You give the total for each side. It is to be shared between the two.": (
            lambda *sizes: (sum(reference.same_padding_keras(*sizes)),) * 2
        ),
        "An amount is negative. Where the kernel needs no more pixels than there are, the padding is 0.": (
            lambda *sizes: _halves(_keras_total(*sizes))
        ),
        "The dilation is not used: a dilated kernel spans more pixels than it has weights.": (
            lambda n, k, stride, dilation: reference.same_padding_keras(n, k, stride)
        ),
        'You round n / stride down. Under "same" the output is as long as n / stride rounded up.': (
            lambda n, k, stride, dilation: _halves(
                max(_keras_total(n // stride * stride, k, stride, dilation) - n % stride, 0)
            )
        ),
    },
    hints={
        "shape": "Return two numbers: pixels before the image, pixels after it.",
        "values": "How long must the output be? Where does its last window then end, and how many pixels are missing?",
        "type": "Return two integers, (before, after).",
    },
)


def _torch_cases(rng: np.random.Generator) -> list[Case]:
    odd, even = 2 * int(rng.integers(2, 6)) + 1, 2 * int(rng.integers(2, 6))
    rows = [(3, 1), (4, 1), (odd, 1), (3, 2), (even, 1), (even, 3), (odd, int(rng.integers(2, 5)))]
    return [Case(k=k, dilation=dilation) for k, dilation in rows]


same_padding_torch = question(
    "same_padding_torch",
    points=2,
    reference=lambda k, dilation: reference.same_padding_torch(k, 1, dilation),
    cases=_torch_cases,
    mistakes={
        "The odd pixel stands before the image. PyTorch puts it after the last pixel, as Keras does.": (
            lambda k, dilation: reference.same_padding_torch(k, 1, dilation)[::-1]
        ),
        "An odd pixel gets lost: the rule (k − 1) / 2 on each side is for odd spans only.": (
            lambda k, dilation: (dilation * (k - 1) // 2,) * 2
        ),
        "You halve an odd number of pixels. Pixels are whole: one side gets one pixel more, the side after the "
        "image.": (lambda k, dilation: (dilation * (k - 1) / 2,) * 2),
        "You use dilation · (k // 2) on each side. That is right for odd kernels only.": (
            lambda k, dilation: (dilation * (k // 2),) * 2
        ),
        "You halve before you multiply by the dilation. Work out all that the dilated kernel takes away, then halve "
        "it.": (lambda k, dilation: ((k - 1) // 2 * dilation, k // 2 * dilation)),
        "You round both halves up. Then an even kernel gives one output too many.": (
            lambda k, dilation: (-(-dilation * (k - 1) // 2),) * 2
        ),
        "You use k // 2 on each side. That is right for odd kernels without dilation only.": (
            lambda k, dilation: (k // 2,) * 2
        ),
        "You give the total for each side. It is to be shared between the two.": (
            lambda k, dilation: (dilation * (k - 1),) * 2
        ),
        "The dilation is not used: a dilated kernel spans more pixels than it has weights.": (
            lambda k, dilation: reference.same_padding_torch(k)
        ),
        "The span of the dilated kernel is too long: between k weights there are k − 1 steps of `dilation`.": (
            lambda k, dilation: reference.same_padding_torch(dilation * k)
        ),
    },
    hints={
        "shape": "Return two numbers: pixels before the image, pixels after it.",
        "values": "With stride 1 the output is as long as the input. How many pixels does the kernel take away?",
        "type": "Return two integers, (before, after).",
    },
)
