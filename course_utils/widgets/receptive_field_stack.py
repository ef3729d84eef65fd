"""Day 5: what one unit of a stack of layers sees of the image."""

from typing import Any, ClassVar

import matplotlib.pyplot as plt
import numpy as np
import traitlets
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from course_utils.plots import COLOURS, INK
from course_utils.reference import paths_to_unit
from course_utils.widgets.explorer import Explorer

KINDS = ("conv", "pool")
LIMITS = {"kernel": (1, 15), "stride": (1, 8), "padding": (0, 64), "dilation": (1, 32)}
"""Least and most of each number of a layer."""
MOST_LAYERS = 24
CONV, POOL = ["conv", 3, 1, 1, 1], ["pool", 2, 2, 0, 1]
CIFAR = [CONV, CONV, POOL] * 3
PRESETS = {
    "published CIFAR-10 net": (32, CIFAR),
    "three 3 × 3": (16, [CONV] * 3),
    "one 7 × 7": (16, [["conv", 7, 1, 3, 1]]),
    "stride 2 in layer 1": (16, [["conv", 3, 2, 1, 1], CONV, CONV]),
    "stride 2 in layer 2": (16, [CONV, ["conv", 3, 2, 1, 1], CONV]),
    "VGG block": (32, [CONV, CONV, POOL]),
    "VGG16": (224, [CONV, CONV, POOL] * 2 + [CONV, CONV, CONV, POOL] * 3),
    "ResNet stem": (224, [["conv", 7, 2, 3, 1], ["pool", 3, 2, 1, 1], CONV, CONV]),
    "pool, conv, pool": (24, [POOL, CONV, POOL]),
    "dilation 1, 2, 4": (32, [["conv", 3, 1, d, d] for d in (1, 2, 4)]),
    "dilation 2, 2, 2": (32, [["conv", 3, 1, 2, 2]] * 3),
}


class Layers(traitlets.List):
    """Layers from the input on, each (kind, kernel, stride, padding, dilation); what is left out gets its default."""

    def validate(self, obj: Any, value: Any) -> list[list]:
        """The layers in full. Raises TraitError in one sentence."""
        if not isinstance(value, list | tuple) or not 1 <= len(value) <= MOST_LAYERS:
            raise traitlets.TraitError(f"layers: 1 to {MOST_LAYERS} layers such as ('conv', 3) are wanted")
        return [self._layer(i, layer) for i, layer in enumerate(value, start=1)]

    def _layer(self, number: int, layer: Any) -> list:
        if not isinstance(layer, list | tuple) or not 2 <= len(layer) <= 5 or layer[0] not in KINDS:
            raise traitlets.TraitError(
                f"layer {number} is ('conv' or 'pool', kernel[, stride, padding, dilation]), not {layer!r}"
            )
        kind, kernel, *others = layer
        defaults = [kernel if kind == "pool" else 1, 0, 1]  # a pooling's windows stand side by side
        full = [kernel, *others, *defaults[len(others) :]]
        for (name, (least, most)), number_given in zip(LIMITS.items(), full, strict=True):
            if isinstance(number_given, bool) or not isinstance(number_given, int | np.integer):
                raise traitlets.TraitError(f"the {name} of layer {number} is a whole number, not {number_given!r}")
            if not least <= number_given <= most:
                raise traitlets.TraitError(
                    f"the {name} of layer {number} is between {least} and {most}, not {number_given}"
                )
        return [kind, *map(int, full)]


class ReceptiveFieldStack(Explorer):
    """Build a stack of layers and see which pixels a unit sees, and by how many paths. All counts start at 0."""

    title = "Receptive field stack"
    day = 5
    question = "Which pixels can change this unit?"
    try_this: ClassVar = (
        "The published CIFAR-10 net: layer 8 has a field of 32 pixels on an image of 32. Walk through its 8 units. "
        "Look for one that sees the whole image: why is there none?",
        "Compare dilation 2, 2, 2 with dilation 1, 2, 4. Look at the bars below the input: which pixels have no path "
        "at all, although they lie inside the field?",
    )

    size = traitlets.CInt(32, min=8, max=512, help="pixels along a side of the image").tag(sync=True)
    layers = Layers(CIFAR, help="(kind, kernel, stride, padding, dilation) of each, kind 'conv' or 'pool'").tag(
        sync=True
    )
    layer = traitlets.CInt(8, min=1, help="the chosen unit's layer; the input is layer 0").tag(sync=True)
    unit = traitlets.CInt(3, min=0, help="the chosen unit, the same along rows and columns").tag(sync=True)
    fields = traitlets.List(help="computed in the browser: output, size, jump, start after each layer").tag(sync=True)
    pixels = traitlets.List(help="computed in the browser: the pixels that the unit sees").tag(sync=True)
    paths = traitlets.List(help="computed in the browser: paths from each pixel to the unit").tag(sync=True)
    presets = traitlets.Dict(
        {name: {"size": size, "layers": layers} for name, (size, layers) in PRESETS.items()},
        help="stacks to choose from",
    ).tag(sync=True)

    def to_figure(self) -> Figure:
        """The share of the paths from each pixel along one axis, and over the image."""
        seen = self._seen()
        fig, (left, right) = plt.subplots(1, 2, figsize=(8.4, 3.2), width_ratios=(1.7, 1))
        right.set(aspect="equal", xlabel="column (pixels)", ylabel="row (pixels)")
        left.set(xlabel="pixel", ylabel="share of the paths (%)", xlim=(-0.5, self.size - 0.5))
        right.set(xlim=(-0.5, self.size - 0.5), ylim=(self.size - 0.5, -0.5))
        if seen is None:
            return fig
        layer, unit, low, high, paths = seen
        shares = paths / max(paths.sum(), 1)
        left.bar(range(self.size), 100 * shares, width=0.85, color=COLOURS[0])
        for edge in (low - 0.5, high + 0.5):
            left.axvline(edge, color=COLOURS[1], linestyle="--")
        left.set(title=f"unit {unit} of layer {layer}", xlim=(min(low, 0) - 1.5, max(high, self.size - 1) + 1.5))
        heat = np.ma.masked_equal(np.outer(shares, shares), 0)
        right.imshow(heat, extent=(-0.5, self.size - 0.5, self.size - 0.5, -0.5))
        right.add_patch(Rectangle((-0.5, -0.5), self.size, self.size, fill=False, edgecolor=INK))
        side = high - low + 1
        field = Rectangle((low - 0.5, low - 0.5), side, side, fill=False, edgecolor=COLOURS[1], linestyle="--")
        right.add_patch(field)
        right.set(title="image and field", xlim=left.get_xlim(), ylim=left.get_xlim()[::-1])
        return fig

    def describe(self) -> str:
        """Which pixels the chosen unit sees."""
        seen = self._seen()
        stack = f"A stack of {len(self.layers)} on {self.size} pixels"
        if seen is None:
            return f"{stack}, but a kernel spans more pixels than there are: no unit is left to look at."
        layer, unit, low, high, paths = seen
        field, inside = high - low + 1, max(0, min(high, self.size - 1) - max(low, 0) + 1)
        connected = np.count_nonzero(paths)
        return (
            f"{stack}. Unit {unit} of layer {layer} sees pixels {low} to {high}: {field} pixels, {field - inside} of "
            f"them padding; {connected} of the image's {self.size} are connected to it."
        ).replace("-", "−")

    def _seen(self) -> tuple[int, int, int, int, np.ndarray] | None:
        """(layer, unit, first and last pixel of its field, paths), or None where no unit is left."""
        layer = min(self.layer, len(self.layers))
        below = [layer[1:] for layer in self.layers[:layer]]
        units = self.size
        for kernel, stride, padding, dilation in below:
            units = len(range(0, units + 2 * padding - dilation * (kernel - 1), stride))
            if not units:
                return None
        low = high = unit = min(self.unit, units - 1)
        for kernel, stride, padding, dilation in reversed(below):
            low, high = low * stride - padding, high * stride - padding + dilation * (kernel - 1)
        return layer, unit, low, high, paths_to_unit(below, self.size, unit)
