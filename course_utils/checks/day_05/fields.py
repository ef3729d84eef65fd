"""Size, jump and start of a receptive field, and where it lies on the image."""

from collections.abc import Callable

import numpy as np

from course_utils import reference
from course_utils.checks.question import Case, question

# --- receptive_field ----------------------------------------------------------------------------------------------


def _layer(rng: np.random.Generator, *, strided: bool = False) -> tuple[int, int, int, int]:
    kernel = int(rng.choice([2, 3, 4, 5]))
    return kernel, int(rng.integers(2, 4)) if strided else 1, int(rng.integers(0, 4)), int(rng.integers(1, 4))


def _stack_cases(rng: np.random.Generator) -> list[Case]:
    """One thing more in each: equal kernels, a stride in the middle, dilation, padding, then all of it."""
    k = int(rng.choice([3, 5]))
    return [
        Case(layers=[(k, 1, 0, 1)]),
        Case(layers=[(k, 1, 0, 1), (3, 1, 0, 1)]),
        Case(layers=[(3, 1, 0, 1), (2, 2, 0, 1), (k, 1, 0, 1)]),
        Case(layers=[(k, 2, 0, 1), (3, 2, 0, 1), (2, 3, 0, 1)]),
        Case(layers=[(3, 1, 0, 2), (k, 1, 0, 3)]),
        Case(layers=[(3, 2, 1, 1), (k, 1, 2, 1), (4, 2, 0, 1)]),
        Case(layers=[_layer(rng, strided=bool(i % 2)) for i in range(5)]),
        Case(layers=[_layer(rng, strided=bool(i % 2)) for i in range(1, 7)]),
    ]


def _by(size: Callable, jump: Callable, start: Callable) -> Callable[..., list]:
    """receptive_field whose three recursions are the given functions of (size, jump, start) and the layer."""

    def receptive_field(layers):
        rows, field = [], (1, 1, 0.0)
        for k, stride, padding, dilation in layers:
            values = (*field, k, stride, padding, dilation)
            field = size(*values), jump(*values), start(*values)
            rows.append(field)
        return rows

    return receptive_field


def _right_size(r, j, c, k, s, p, d):
    return r + d * (k - 1) * j


def _right_jump(r, j, c, k, s, p, d):
    return j * s


def _right_start(r, j, c, k, s, p, d):
    return c + (d * (k - 1) / 2 - p) * j


def _plain(layers):
    return [tuple(field) for field in reference.receptive_field(layers)]


def _first_pixels(layers):
    """Start as the first pixel of the field of unit 0 instead of its middle."""
    return [(size, jump, start - (size - 1) / 2) for size, jump, start in _plain(layers)]


def _corner_counted(layers):
    return [(size, jump, start + 0.5) for size, jump, start in _plain(layers)]


receptive_field = question(
    "receptive_field",
    points=4,
    partial=1,
    reference=_plain,
    cases=_stack_cases,
    shortcuts=("reference", "ReceptiveField", "ledger"),
    mistakes={
        "A layer's own stride widens its field in your code. Its units still read neighbours of the layer below: "
        "enlarge the size with the old jump, then multiply the jump.": _by(
            lambda r, j, c, k, s, p, d: r + d * (k - 1) * j * s, _right_jump, _right_start
        ),
        "Size and start are both worked out with the new jump. The steps of a kernel are taken on the layer below, so "
        "both need the old one: update the jump last.": _by(
            lambda r, j, c, k, s, p, d: r + d * (k - 1) * j * s,
            _right_jump,
            lambda r, j, c, k, s, p, d: c + (d * (k - 1) / 2 - p) * j * s,
        ),
        "The size grows by k − 1 pixels in every layer, which is right with stride 1 only. Behind a stride, units "
        "stand `jump` pixels apart, and each step of the kernel is one jump.": _by(
            lambda r, j, c, k, s, p, d: r + d * (k - 1), _right_jump, _right_start
        ),
        "The jump is the stride of the layer alone in your code. Jumps multiply from layer to layer: the old one times "
        "the stride.": _by(_right_size, lambda r, j, c, k, s, p, d: s, _right_start),
        "Only the stride of this very layer is used for its size. What counts is the product of all strides below it: "
        "the jump.": _by(lambda r, j, c, k, s, p, d: r + d * (k - 1) * s, _right_jump, _right_start),
        "The size is multiplied by the kernel. Views of neighbours overlap: a kernel of k takes k − 1 steps, each of "
        "one jump.": _by(lambda r, j, c, k, s, p, d: r * k, _right_jump, _right_start),
        "The size grows by k jumps. A kernel of k takes k − 1 steps from its first weight to its last.": _by(
            lambda r, j, c, k, s, p, d: r + d * k * j, _right_jump, _right_start
        ),
        "The dilation is not used: from one weight to the next it is `dilation` steps, for size and start alike.": _by(
            lambda r, j, c, k, s, p, d: r + (k - 1) * j,
            _right_jump,
            lambda r, j, c, k, s, p, d: c + ((k - 1) / 2 - p) * j,
        ),
        "The dilated kernel spans too much. Its k weights have k − 1 steps of `dilation` between them, so the size "
        "grows by dilation · (k − 1) jumps.": _by(
            lambda r, j, c, k, s, p, d: r + (d * k - 1) * j,
            _right_jump,
            lambda r, j, c, k, s, p, d: c + ((d * k - 1) / 2 - p) * j,
        ),
        "The dilation is missing from the size: from one weight to the next it is `dilation` steps.": _by(
            lambda r, j, c, k, s, p, d: r + (k - 1) * j, _right_jump, _right_start
        ),
        "The dilation is missing from the start: half of the kernel's whole span lies before its middle.": _by(
            _right_size, _right_jump, lambda r, j, c, k, s, p, d: c + ((k - 1) / 2 - p) * j
        ),
        "The dilation has got into the jump. It sets weights apart, not units: only strides multiply the jump.": _by(
            _right_size, lambda r, j, c, k, s, p, d: j * s * d, _right_start
        ),
        "The strides are added. Each one multiplies the distance that there was: jump = jump · stride.": _by(
            _right_size, lambda r, j, c, k, s, p, d: j + s - 1, _right_start
        ),
        "The padding has got into the size. It moves fields and does not widen them: it belongs into the start.": _by(
            lambda r, j, c, k, s, p, d: r + d * (k - 1) * j - 2 * p * j, _right_jump, _right_start
        ),
        "The padding is missing from the start: it moves unit 0 by `padding` jumps towards smaller pixels.": _by(
            _right_size, _right_jump, lambda r, j, c, k, s, p, d: c + d * (k - 1) / 2 * j
        ),
        "The padding moves unit 0 the wrong way in your code: with padding it begins before the image, so subtract "
        "it.": (_by(_right_size, _right_jump, lambda r, j, c, k, s, p, d: c + (d * (k - 1) / 2 + p) * j)),
        "The padding is subtracted in pixels. It is counted in units of the layer below, which stand `jump` pixels "
        "apart.": _by(_right_size, _right_jump, lambda r, j, c, k, s, p, d: c + d * (k - 1) / 2 * j - p),
        "The start begins anew in every layer. Add each layer's share to the start of the layer below.": _by(
            _right_size, _right_jump, lambda r, j, c, k, s, p, d: (d * (k - 1) / 2 - p) * j
        ),
        "Start is worked out without the jump. Half a kernel and the padding are counted in units of the layer below, "
        "which stand `jump` pixels apart.": _by(
            _right_size, _right_jump, lambda r, j, c, k, s, p, d: c + d * (k - 1) / 2 - p
        ),
        "Start is worked out with the new jump. The steps are taken on the layer below, so it needs the old one.": _by(
            _right_size, _right_jump, lambda r, j, c, k, s, p, d: c + (d * (k - 1) / 2 - p) * j * s
        ),
        "Start is rounded down. The middle of an even field lies between two pixels, so keep the half.": _by(
            _right_size, _right_jump, lambda r, j, c, k, s, p, d: c + (d * (k - 1) // 2 - p) * j
        ),
        "Your start is the first pixel of the field of unit 0. Asked for is its middle.": _first_pixels,
        "Your starts are half a pixel too far: 0 is the middle of the first pixel, so the input starts at 0.": (
            _corner_counted
        ),
        "The layers are taken from the last to the first. Begin at the input: strides below a layer count for it.": (
            lambda layers: _plain(layers[::-1])
        ),
    },
    hints={
        "shape": "Return a list with one (size, jump, start) for each layer, from the first to the last; the input has "
        "none.",
        "values": "Draw 9 pixels and two layers with kernels of 3, the first with stride 2, and count.",
        "type": "Return a list with one (size, jump, start) for each layer.",
        "raised": "Each layer is (kernel, stride, padding, dilation). Begin with size 1, jump 1, start 0.",
    },
)

# --- image_window -------------------------------------------------------------------------------------------------


def _window_cases(rng: np.random.Generator) -> list[Case]:
    """Fields inside the image, over its first pixel, over its last, over both; odd and even sizes."""

    def case(size, jump, first, unit, n):
        return Case(size=size, jump=jump, start=first - unit * jump + (size - 1) / 2, unit=unit, n=n)

    a, b = int(rng.integers(1, 5)), int(rng.integers(2, 6))
    return [
        case(3, 1, 1, 1, 6),
        case(2 * a + 5, 2, 4, 3, 40),
        case(2 * a + 4, b, 3 + a, 2, 40),
        case(2 * a + 6, 4, -a, 1, 32),
        case(2 * b + 7, 2, 30 - b, 6, 32),
        case(4 * b + 31, 8, -b - 1, 2, 30),
    ]


def _edges(size, jump, start, unit):
    first = start + unit * jump - (size - 1) / 2
    return first, first + size - 1


def _clipped(first, last, n):
    return int(max(first, 0)), int(min(last, n - 1))


def _cut_too_early(size, jump, start, unit, n):
    first = int(max(_edges(size, jump, start, unit)[0], 0))
    return first, min(first + size - 1, n - 1)


image_window = question(
    "image_window",
    points=2,
    reference=reference.image_window,
    cases=_window_cases,
    mistakes={
        "The field is not cut off at the image: pixels below 0 and above n − 1 are padding.": (
            lambda size, jump, start, unit, n: tuple(map(int, _edges(size, jump, start, unit)))
        ),
        "Only the low end is cut off: the last pixel of the image is n − 1.": lambda size, jump, start, unit, n: (
            _clipped(*_edges(size, jump, start, unit), 10**6)
        ),
        "Only the high end is cut off: the first pixel of the image is 0.": lambda size, jump, start, unit, n: (
            int(_edges(size, jump, start, unit)[0]),
            _clipped(*_edges(size, jump, start, unit), n)[1],
        ),
        "You cut off the beginning and then count the whole size from there. What hangs over is lost: work out both "
        "ends first, then cut off.": _cut_too_early,
        "Your last pixel is one too many: pixels are counted from 0, so the image ends with n − 1.": (
            lambda size, jump, start, unit, n: _clipped(*_edges(size, jump, start, unit), n + 1)
        ),
        "The end is given as in a slice, one behind the last pixel. Asked for is the last pixel itself.": (
            lambda size, jump, start, unit, n: (
                _clipped(*_edges(size, jump, start, unit), n)[0],
                _clipped(*_edges(size, jump, start, unit), n)[1] + 1,
            )
        ),
        "You take `start` for the first pixel of the field. It is the middle, so half the field lies before it.": (
            lambda size, jump, start, unit, n: _clipped(start + unit * jump, start + unit * jump + size - 1, n)
        ),
        "The field reaches size / 2 to either side, which is one pixel too many: (size − 1) / 2 on each side of the "
        "middle.": lambda size, jump, start, unit, n: _clipped(
            start + unit * jump - size // 2, start + unit * jump + size // 2, n
        ),
        "You are half a pixel off where the size is even. The middle then lies between two pixels, and the field "
        "reaches (size − 1) / 2 to either side of it.": lambda size, jump, start, unit, n: (
            max(start + unit * jump - size // 2, 0),
            min(start + unit * jump - size // 2 + size - 1, n - 1),
        ),
        "You reach size / 2 to either side of the middle and round. It is (size − 1) / 2, which comes out even.": (
            lambda size, jump, start, unit, n: _clipped(
                int(start + unit * jump - size / 2), int(start + unit * jump + size / 2), n
            )
        ),
        "The jump is not used: the field of the next unit lies `jump` pixels further.": (
            lambda size, jump, start, unit, n: _clipped(*_edges(size, 1, start, unit), n)
        ),
        "Units are counted from 1 in your code; here unit 0 is the first, and `start` is its middle.": (
            lambda size, jump, start, unit, n: _clipped(*_edges(size, jump, start, unit - 1), n)
        ),
        "The unit is not used: you always give the window of unit 0.": lambda size, jump, start, unit, n: _clipped(
            *_edges(size, jump, start, 0), n
        ),
    },
    hints={
        "shape": "Return two numbers: the first pixel and the last.",
        "values": "Where is the middle of this unit's field? How many pixels lie on each side of the middle?",
        "type": "Return two integers, (first, last).",
    },
)
