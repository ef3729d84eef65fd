"""Which layers let a shift pass through unchanged."""

from types import MappingProxyType

import numpy as np

from course_utils import reference
from course_utils.checks.question import question


def _layer(kernel_size=3, padding=0, mode="zero", stride=1, dilation=1, shift=1):
    sizes = {"kernel_size": kernel_size, "padding": padding, "stride": stride, "dilation": dilation}
    return MappingProxyType({**sizes, "mode": mode, "shift": shift})


SIDE = 12
LAYERS_TO_SHIFT = MappingProxyType(
    {
        "A": _layer(padding=1, mode="zero"),
        "B": _layer(padding=1, mode="circular"),
        "C": _layer(padding=1, mode="reflect"),
        "D": _layer(padding=0),
        "E": _layer(kernel_size=1),
        "F": _layer(padding=2, mode="circular", dilation=2),
        "G": _layer(padding=1, mode="circular", stride=2),
        "H": _layer(padding=1, mode="circular", stride=2, shift=2),
    }
)
"""Layers on images of 12 × 12 pixels, and by how many columns the image is rolled."""


def _moves(layer) -> bool:
    rng = np.random.default_rng(0)
    image, kernel = rng.normal(size=(SIDE, SIDE)), rng.normal(size=(layer["kernel_size"],) * 2)

    def output(picture):
        padded = reference.pad2d(picture, layer["padding"], layer["mode"])
        return reference.conv2d(padded, kernel, stride=layer["stride"], dilation=layer["dilation"])

    before, after = output(image), output(np.roll(image, layer["shift"], axis=1))
    return any(np.allclose(after, np.roll(before, by, axis=1)) for by in range(before.shape[1]))


_MOVES = {letter: _moves(layer) for letter, layer in LAYERS_TO_SHIFT.items()}


def _but(**changes: bool) -> dict[str, bool]:
    return _MOVES | changes


moves_along = question(
    "moves_along",
    points=2,
    partial=1,
    reference=_MOVES,
    mistakes={
        "Reflecting invents plausible pixels, but other ones than the pixels that a rolled image brings there.": _but(
            C=True
        ),
        "Without padding nothing is invented, but columns are lost: what leaves the map on one side does not come in "
        "on the other.": _but(D=True),
        "A kernel of one pixel has no neighbours to miss: it needs no padding.": _but(E=False),
        "Dilation moves weights apart; around a circle every window is still like every other.": _but(F=False),
        "With stride 2 only every second window is computed: after a shift by one, quite other windows are.": _but(
            G=True
        ),
        "A shift by as many columns as the stride brings the same windows back, one place further.": _but(H=False),
        "You look away from the border. Three of your layers move the map along inside the picture only, and here it "
        "must do so at every pixel.": _but(A=True, C=True, D=True),
        "Zeros are not what a rolled image brings to the border.": _but(A=True),
    },
    hints={
        "values": "Try each with your own pad2d and conv2d: roll the image, and see whether the map is the rolled map.",
        "type": "Give each letter True or False, without quotes.",
    },
)
