"""Which pixels a unit is connected to, and whether any unit sees them all."""

from types import MappingProxyType

import numpy as np

from course_utils import reference
from course_utils.checks.question import Case, question

# --- seen_pixels --------------------------------------------------------------------------------------------------


def _seeing_cases(rng: np.random.Generator) -> list[Case]:
    """One thing more in each: a kernel, two, a stride, padding at both ends, holes, paths lost in inner padding."""
    a, b = int(rng.integers(2, 5)), int(rng.integers(1, 4))
    return [
        Case(layers=[(3, 1, 0, 1)], n=6, unit=int(rng.integers(1, 4))),
        Case(layers=[(3, 1, 0, 1), (2, 1, 0, 1)], n=9 + b, unit=a),
        Case(layers=[(2, 2, 0, 1), (3, 1, 0, 1)], n=20, unit=a),
        Case(layers=[(3, 1, 0, 1), (3, 3, 0, 1)], n=26, unit=a),
        Case(layers=[(3, 1, 1, 1), (3, 1, 1, 1)], n=12 + b, unit=0),
        Case(layers=[(3, 1, 2, 2)], n=8 + b, unit=1),  # pixel 0 is beside a place in the padding, and not seen
        Case(layers=[(3, 1, 0, 1), (3, 1, 2, 2)], n=10 + b, unit=1),  # nor through the padding of an inner layer
        Case(layers=[(3, 1, 1, 1), (3, 1, 1, 1)], n=12 + b, unit=11 + b),
        Case(layers=[(2, 2, 0, 1), (3, 1, 1, 1)], n=13 + 2 * b, unit=5 + b),
        Case(layers=[(3, 1, 2, 2), (3, 1, 2, 2)], n=16 + b, unit=6 + b),
        Case(layers=[(2, 1, 0, 3), (3, 2, 0, 1)], n=24 + b, unit=a),
        Case(layers=[(3, 2, 1, 1), (3, 1, 4, 4), (3, 2, 1, 1)], n=40, unit=int(rng.integers(0, 2))),
        Case(layers=[(3, 1, 1, 1), (2, 2, 0, 1), (3, 1, 2, 2), (3, 2, 1, 1)], n=32 + b, unit=a),
    ]


def _climb(layers, n, unit, *, taps=range, place=lambda i, s, p, d, tap: s * i - p + d * tap, cut=None):
    """seen_pixels with another way down. cut: what becomes of places in the padding, (places, length) -> places."""
    lengths = [n]
    for layer in layers:
        lengths.append(reference.output_size(lengths[-1], *layer))
    seen = {unit}
    for (k, s, p, d), length in zip(reversed(layers), reversed(lengths[:-1]), strict=True):
        seen = {place(i, s, p, d, tap) for i in seen for tap in taps(k)}
        if cut is not None:
            seen = cut(seen, length)
    return np.array(sorted(place for place in seen if 0 <= place < n), dtype=int)


def _inside(places, length):
    return {place for place in places if 0 <= place < length}


def _window_filled(layers, n, unit):
    first, last = reference.image_window(*reference.receptive_field(layers)[-1], unit, n)
    return np.arange(first, last + 1)


def _holes_filled(layers, n, unit):
    """Every layer from its first place to its last inside the layer below, without gaps."""
    return _climb(layers, n, unit, cut=lambda places, length: _inside(set(range(min(places), max(places) + 1)), length))


def _moved_in(places, length):
    return {min(max(place, 0), length - 1) for place in places}


def _wrapped(places, length):
    return {place + length if place < 0 else place for place in places if -length <= place < length}


def _every_path(layers, n, unit):
    """seen_pixels with a pixel for each path that leads to it."""
    lengths, places = [n], [unit]
    for layer in layers:
        lengths.append(reference.output_size(lengths[-1], *layer))
    for (k, s, p, d), length in zip(layers[::-1], lengths[-2::-1], strict=True):
        places = [at for i in places for tap in range(k) if 0 <= (at := s * i - p + d * tap) < length]
    return np.array(sorted(places), dtype=int)


def _only_ends(layers, n, unit):
    return _climb(layers, n, unit, taps=lambda k: (0, k - 1), cut=_inside)


seen_pixels = question(
    "seen_pixels",
    points=4,
    partial=1,
    reference=reference.seen_pixels,
    cases=_seeing_cases,
    shortcuts=("reference", "paths_to_unit", "torch", "keras", "tensorflow"),
    mistakes={
        "You mark everything from the first pixel of the field to the last. Dilation and strides can leave holes in "
        "between: follow each weight.": _window_filled,
        "Holes are filled: in a dilated layer only every `dilation`-th unit of the layer below is read.": _holes_filled,
        "Places in the padding of an inner layer are followed to the image. They are zeros, not units: no path goes "
        "through them, so drop them in every layer.": lambda layers, n, unit: _climb(layers, n, unit),
        "A place below 0 has come round to the far end: in Python, index −1 is the last entry. Drop places in the "
        "padding before you mark them.": lambda layers, n, unit: _climb(layers, n, unit, cut=_wrapped),
        "Places in the padding are moved to the border pixel. A zero was read there, no pixel: drop them.": (
            lambda layers, n, unit: _climb(layers, n, unit, cut=_moved_in)
        ),
        "You compare the places of every layer with n, the length of the image. Behind a stride a layer has fewer "
        "units: compare with its own length.": lambda layers, n, unit: _climb(
            layers, n, unit, cut=lambda places, length: _inside(places, n)
        ),
        "A pixel stands in your answer once for each path to it. Asked for is which pixels, each once.": _every_path,
        "You give True or False for each pixel. Asked for are the numbers of those that are seen.": (
            lambda layers, n, unit: np.isin(np.arange(n), reference.seen_pixels(layers, n, unit))
        ),
        "The dilation is not used: the weights read units that are `dilation` apart.": lambda layers, n, unit: _climb(
            layers, n, unit, place=lambda i, s, p, d, tap: s * i - p + tap, cut=_inside
        ),
        "The stride is not used: the window of unit i begins `stride` · i places on, less the padding.": (
            lambda layers, n, unit: _climb(layers, n, unit, place=lambda i, s, p, d, tap: i - p + d * tap, cut=_inside)
        ),
        "The stride is applied inside the window: it stands between windows, and the weights are `dilation` apart.": (
            lambda layers, n, unit: _climb(
                layers, n, unit, place=lambda i, s, p, d, tap: s * (i + d * tap) - p, cut=_inside
            )
        ),
        "The padding is not used: it moves every window by `padding` places towards smaller ones.": (
            lambda layers, n, unit: _climb(layers, n, unit, place=lambda i, s, p, d, tap: s * i + d * tap, cut=_inside)
        ),
        "The windows are centred on the unit's own number. Unit i reads from s·i − p on, and a window without padding "
        "begins at its unit's number.": lambda layers, n, unit: _climb(
            layers, n, unit, taps=lambda k: range(-(k // 2), k - k // 2), cut=_inside
        ),
        "Only the first and the last weight of each kernel are followed.": _only_ends,
        "One weight of each kernel is missing: a kernel of k has the weights 0 to k − 1.": (
            lambda layers, n, unit: _climb(layers, n, unit, taps=lambda k: range(k - 1), cut=_inside)
        ),
        "The layers are taken from the first to the last. You start at a unit of the *last* layer, so go down from "
        "there.": lambda layers, n, unit: _climb(layers[::-1], n, unit, cut=_inside),
    },
    hints={
        "shape": "A pixel is missing, or one is too many. Which units of the layer below does the unit read? Which do "
        "those read? Draw it.",
        "values": "Which units of the layer below does the unit read? Which units do those read? Draw it.",
        "raised": "Can a place lie below 0, or beyond the last unit of its layer? How many units does each layer have?",
        "type": "Return the numbers of the pixels, from small to large, each once.",
    },
)

# --- sees_it_all --------------------------------------------------------------------------------------------------

_CONV, _POOL, _HALF = (3, 1, 1, 1), (2, 2, 0, 1), (3, 2, 1, 1)

STACKS = MappingProxyType(
    {
        "A": (32, (_CONV, _CONV, _POOL, _CONV, _CONV, _POOL, _CONV, _CONV)),
        "B": (5, ((3, 1, 0, 1), (3, 1, 0, 1))),
        "C": (9, ((3, 1, 2, 2), (3, 1, 2, 2))),
        "D": (15, ((3, 1, 1, 1), (3, 1, 2, 2), (3, 1, 4, 4))),
        "E": (16, (_HALF,) * 4),
        "F": (32, (_HALF,) * 4),
        "G": (224, (_CONV, _CONV, _POOL) * 2 + (_CONV, _CONV, _CONV, _POOL) * 3),
        "H": (32, (_CONV, (32, 1, 0, 1))),
    }
)
"""Pixels along a side, and the layers (kernel, stride, padding, dilation) from the image on."""


def _sees_it_all(n, layers) -> bool:
    units = n
    for layer in layers:
        units = reference.output_size(units, *layer)
    return any(len(reference.seen_pixels(layers, n, unit)) == n for unit in range(units))


_SEES = {letter: _sees_it_all(n, layers) for letter, (n, layers) in STACKS.items()}


def _but(**changes: bool) -> dict[str, bool]:
    return _SEES | changes


sees_it_all = question(
    "sees_it_all",
    points=2,
    partial=1,
    reference=_SEES,
    mistakes={
        "The field is as wide as the image, but no unit stands in its middle: every field hangs over an end.": _but(
            A=True
        ),
        "Two layers of 3 without padding leave a single unit on 5 pixels: count the pixels below it.": _but(B=False),
        "The field spans the image, but with a constant dilation it has holes.": _but(C=True),
        "When the dilation doubles, the holes close: the unit in the middle sees all of its field.": _but(D=False),
        "The only unit is not centred on the image, but its field reaches far enough to both sides.": _but(E=False),
        "The field is one pixel short: four layers with stride 2 see 31.": _but(F=True),
        "Many layers are not enough by themselves: work out the last size, and compare it with 224.": _but(G=True),
        "The last layer reads the whole map at once, as global pooling does.": _but(H=False),
    },
    hints={
        "values": "Two things decide: is the field wide enough, and does it lie right? Then: has it holes? Try each "
        "with your own functions.",
        "type": "Give each letter True or False, without quotes.",
    },
)
