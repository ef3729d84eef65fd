"""Day 16: which numbers of a pretrained net move in the next step, and what that costs."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any, ClassVar

import matplotlib.pyplot as plt
import numpy as np
import traitlets
from matplotlib.figure import Figure

from course_utils.plots import COLOURS
from course_utils.widgets.explorer import Explorer

# A layer is ["conv", width, kernel, stride], ["pool", stride] or ["bottleneck", width, stride], which widens by 4 and
# has a projection beside it where its shape changes. A block is [name, its last layer, layers].
NETS: dict[str, dict[str, Any]] = {
    "VGG16": {
        "bias": True, "norm": False, "channels": 3, "outputs": 2, "sides": [224, 128, 96, 64, 32],
        "blocks": [
            [f"block{b}", f"block{b}_pool", [["conv", width, 3, 1]] * convs + [["pool", 2]]]
            for b, (width, convs) in enumerate([(64, 2), (128, 2), (256, 3), (512, 3), (512, 3)], start=1)
        ],
    },
    "ResNet50": {
        "bias": True, "norm": True, "channels": 3, "outputs": 2, "sides": [224, 128, 96, 64, 32],
        "blocks": [["conv1", "pool1_pool", [["conv", 64, 7, 2], ["pool", 2]]]] + [
            [f"conv{b}", f"conv{b}_block{n}_out", [["bottleneck", w, step]] + [["bottleneck", w, 1]] * (n - 1)]
            for b, (w, n, step) in enumerate([(64, 3, 1), (128, 4, 2), (256, 6, 2), (512, 3, 2)], start=2)
        ],
    },
    "digits net": {
        "bias": False, "norm": True, "channels": 1, "outputs": 5, "sides": [16],
        "blocks": [
            ["stage 1", "the pooling of stage 1", [["conv", 16, 3, 1], ["pool", 2]]],
            ["stage 2", "the pooling of stage 2", [["conv", 32, 3, 1], ["pool", 2]]],
            ["stage 3", "the ReLU of stage 3", [["conv", 64, 3, 1]]],
        ],
    },
}  # fmt: skip
"""VGG16 and ResNet50 as keras.applications builds them without their heads, and the net of Day 16."""
HEAD = "head"
HEADS = {"pooled": (True, []), "pooled 256": (True, [256]), "flattened 256": (False, [256])}
NORMS = ("frozen", "inference", "training")


class WhatToFreeze(Explorer):
    """A pretrained net, block by block frozen or trained: what the next step moves, and what the plan gets wrong."""

    title = "What to freeze"
    day = 16
    question = "Which numbers move in the next step, and what does that cost?"
    try_this: ClassVar = (
        "VGG16's head has been trained, and block5 thawed: the ledger counts it as trainable. How many of its numbers "
        "does the next step move? Find what is missing, so that block5 and the head train, and nothing else.",
        "Train block1 and the head instead. Block1 is tiny beside block5: predict which of the two plans has more work "
        "in the backward pass, and which has to keep more activations. Look for the reason in the table.",
        "Let the features that can be kept have as few numbers for each image as possible. Which settings spoil that?",
        "ResNet50 in PyTorch, only the head trains, batch norm in training mode. Guess how many numbers of the frozen "
        "body move, then check the plan. Change it until no fault is left. What does Keras do differently?",
    )

    net = traitlets.Enum(list(NETS), "VGG16", help="the pretrained net").tag(sync=True)
    side = traitlets.CInt(224, help="pixels along a side of the image, of those that the net offers").tag(sync=True)
    head = traitlets.Enum(list(HEADS), "pooled", help="what is put on the body; 256: a hidden layer").tag(sync=True)
    framework = traitlets.Enum(["keras", "torch"], "keras", help="whose rules hold").tag(sync=True)
    trains = traitlets.List(traitlets.Unicode(), ["block5", HEAD], help="blocks switched to trainable").tag(sync=True)
    told = traitlets.List(
        traitlets.Unicode(),
        [HEAD],
        help="blocks that were trainable when Keras last compiled, or that PyTorch's optimiser knows",
    ).tag(sync=True)
    batch_norm = traitlets.Enum(
        NORMS, "frozen", help="of the body: all of it frozen; γ and β follow their block, in inference or training mode"
    ).tag(sync=True)
    told_norm = traitlets.Enum(NORMS, "frozen", help="the same, when the framework was told").tag(sync=True)
    head_trained = traitlets.CBool(True, help="whether the head has been trained before, or is random").tag(sync=True)
    augment = traitlets.CBool(False, help="whether each step sees new versions of the images").tag(sync=True)
    rate_body = traitlets.CFloat(1e-5, min=1e-6, max=0.3, help="learning rate of the body").tag(sync=True)
    rate_head = traitlets.CFloat(1e-3, min=1e-6, max=0.3, help="learning rate of the head").tag(sync=True)
    batch = traitlets.CInt(32, min=1, max=256, help="images in a step").tag(sync=True)
    checked = traitlets.CBool(False, help="name the faults of the plan").tag(sync=True)
    measured = traitlets.Dict(
        help="of this lesson, if it has measured: amounts, and accuracy: strategy -> (amounts, seeds), from 0 to 1"
    ).tag(sync=True)
    images = traitlets.CInt(0, min=0, help="labelled images of each class, where there are measurements").tag(sync=True)
    nets = traitlets.Dict(NETS, help="what the nets are made of").tag(sync=True)
    step = traitlets.Dict(help="computed in the browser: what the next step moves, and what it costs").tag(sync=True)
    faults = traitlets.List(help="computed in the browser: the names of the plan's faults").tag(sync=True)

    def __init__(self, net: str = "VGG16", **traits: Any) -> None:
        if net in NETS:  # what is not said follows from the net
            *_, (last, *_) = NETS[net]["blocks"]
            traits = {"trains": [last, HEAD], "side": NETS[net]["sides"][0]} | traits
        super().__init__(net=net, **traits)

    @traitlets.validate("trains", "told")
    def _blocks(self, proposal: traitlets.Bunch) -> list[str]:
        known = [*(block for block, *_ in NETS[self.net]["blocks"]), HEAD]
        for name in proposal["value"]:
            if name not in known:
                raise traitlets.TraitError(
                    f"{proposal['trait'].name}: {self.net} has the blocks {', '.join(known)}, not {name!r}"
                )
        return [name for name in known if name in proposal["value"]]

    @traitlets.validate("side")
    def _side(self, proposal: traitlets.Bunch) -> int:
        if proposal["value"] not in NETS[self.net]["sides"]:
            sides = ", ".join(map(str, NETS[self.net]["sides"]))
            raise traitlets.TraitError(f"side: {self.net} is offered for {sides} pixels, not {proposal['value']}")
        return proposal["value"]

    @traitlets.validate("measured")
    def _curves(self, proposal: traitlets.Bunch) -> dict:
        given = proposal["value"]
        if not given:
            return {}
        try:
            amounts = [int(n) for n in given["amounts"]]
            accuracy = {str(name): np.asarray(rows, float) for name, rows in given["accuracy"].items()}
        except (KeyError, TypeError, ValueError, AttributeError):
            raise traitlets.TraitError("measured: {'amounts': [...], 'accuracy': {name: rows}} is wanted") from None
        for name, rows in accuracy.items():
            if rows.ndim != 2 or len(rows) != len(amounts) or not ((rows >= 0) & (rows <= 1)).all():
                raise traitlets.TraitError(f"measured: {name} needs a row of accuracies from 0 to 1 for each amount")
        return {"amounts": amounts, "accuracy": {name: rows.tolist() for name, rows in accuracy.items()}}

    def to_figure(self) -> Figure:
        """The numbers of each block, told apart by whether the next step moves them."""
        parts = list(self._parts())
        names = [name for name, *_ in parts]
        moving = np.array([moves for _, _, moves in parts]) / 1e6
        held = np.array([numbers - moves for _, numbers, moves in parts]) / 1e6
        fig, ax = plt.subplots(figsize=(6.6, 0.45 * len(parts) + 1.2))
        ax.barh(names, moving, color=COLOURS[1], label="moves in the next step")
        bars = ax.barh(names, held, left=moving, color=COLOURS[0], hatch="//", label="stays")
        ax.bar_label(bars, [f"{moves:,} of {numbers:,}" for _, numbers, moves in parts], padding=4)
        ax.margins(x=0.7)
        ax.invert_yaxis()
        ax.set(xlabel="numbers (millions)", title=f"{self.net}, {'Keras' if self.framework == 'keras' else 'PyTorch'}")
        ax.legend(loc="center left", bbox_to_anchor=(1, 0.5))
        return fig

    def describe(self) -> str:
        """What the ledger counts and what the next step moves."""
        parts = list(self._parts())
        total, moves = (sum(part[i] for part in parts) for i in (1, 2))
        where = ", ".join(name for name, _, moved in parts if moved) or "nowhere"
        switched = ", ".join(self.trains) or "nothing"
        return (
            f"{self.net} with {switched} switched to trainable: the next step moves {moves:,} of {total:,} numbers "
            f"({where})."
        )

    def _parts(self) -> Iterator[tuple[str, int, int]]:
        """(block, its numbers, those that the next step moves), from the image on."""
        torch, spec = self.framework == "torch", NETS[self.net]
        norm = self.batch_norm if torch else self.told_norm
        channels, side = spec["channels"], self.side
        for name, _, layers in spec["blocks"]:
            weights = scales = 0
            for layer in layers:
                side //= layer[-1]
                own, norms, channels = self._layer(layer, channels)
                weights, scales = weights + own, scales + 2 * norms * spec["norm"]
            moved = name in self.told and (not torch or name in self.trains)
            learns = moved and "frozen" not in (norm, self.told_norm)
            collects = norm == "training" and (torch or moved)
            yield name, weights + 2 * scales, moved * weights + learns * scales + collects * scales
        pooled, hidden = HEADS[self.head]
        widths = [channels if pooled else channels * side**2, *hidden, spec["outputs"]]
        numbers = sum(a * b + b for a, b in pairwise(widths))
        yield HEAD, numbers, numbers * (HEAD in self.told and (not torch or HEAD in self.trains))

    def _layer(self, layer: list, channels: int) -> tuple[int, int, int]:
        """Weights and biases of the convolutions, normalised channels, and the channels that come out."""
        kind, width, *rest = layer
        if kind == "pool":
            return 0, 0, channels
        if kind == "conv":
            windows, widths = [rest[0] ** 2 * channels], [width]
        else:
            widths = [width, width, 4 * width]
            windows = [k * c for k, c in zip((1, 9, 1), (channels, width, width), strict=True)]
            if channels != 4 * width or rest[0] > 1:
                windows, widths = [*windows, channels], [*widths, 4 * width]
        bias = NETS[self.net]["bias"]
        return sum((k + bias) * w for k, w in zip(windows, widths, strict=True)), sum(widths), widths[-1]
