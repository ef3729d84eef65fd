"""Day 11: a classifier with faults, and the ledger that gives them away."""

import math
from typing import Any, ClassVar

import matplotlib.pyplot as plt
import numpy as np
import traitlets
from matplotlib.figure import Figure

from course_utils import plots
from course_utils.widgets.explorer import Explorer

INPUT_SHAPE, CLASSES = (32, 32, 3), 10
ACTIVATIONS = ("linear", "relu", "sigmoid", "softmax")
MOST_LAYERS = 24
ARGUMENTS: dict[str, dict[str, Any]] = {
    "Conv2D": {"filters": 32, "kernel_size": 3, "padding": "same", "activation": "relu"},
    "Dense": {"units": 64, "activation": "relu"},
    "MaxPooling2D": {"pool_size": 2},
    "Flatten": {},
    "GlobalAveragePooling2D": {},
    "BatchNormalization": {},
    "Dropout": {"rate": 0.25},
    "ReLU": {},
}
"""Kinds of layer with their arguments, named as in Keras, and what an argument is where it is left out."""
LIMITS = {"filters": (1, 1024), "units": (1, 4096), "kernel_size": (1, 15), "pool_size": (1, 8)}
CHOICES = {"padding": ("same", "valid"), "activation": ACTIVATIONS}


def _conv(filters: int, **other: Any) -> dict:
    return {"kind": "Conv2D", **ARGUMENTS["Conv2D"], "filters": filters, **other}


def _dense(units: int, activation: str) -> dict:
    return {"kind": "Dense", "units": units, "activation": activation}


POOL, FLATTEN = {"kind": "MaxPooling2D", "pool_size": 2}, {"kind": "Flatten"}
GOOD = {
    "loss": "sparse_categorical_crossentropy",
    "labels": "integers",
    "from_logits": False,
    "learning_rate": 0.001,
    "scaled": True,
    "validation": "split",
    "early_stopping": "best",
}
HEALTHY = GOOD | {
    "stack": [
        *[_conv(32), _conv(32), POOL, {"kind": "Dropout", "rate": 0.25}],
        *[_conv(64), _conv(64), POOL, {"kind": "Dropout", "rate": 0.25}],
        *[FLATTEN, _dense(128, "relu"), {"kind": "Dropout", "rate": 0.5}, _dense(CLASSES, "softmax")],
    ]
}
PROJECT = GOOD | {
    "stack": [
        _dense(64, "sigmoid"),
        _conv(32, padding="valid", activation="sigmoid"),
        POOL,
        _dense(128, "sigmoid"),
        _dense(CLASSES, "relu"),
        FLATTEN,
    ],
    "scaled": False,
    "validation": "test",
    "early_stopping": "none",
}


class Stack(traitlets.List):
    """Layers as dictionaries: `kind` and the arguments of Keras; what is left out gets its default."""

    def validate(self, obj: Any, value: Any) -> list[dict]:
        """The layers in full. Raises TraitError in one sentence."""
        if not isinstance(value, list | tuple) or not 1 <= len(value) <= MOST_LAYERS:
            raise traitlets.TraitError(f"stack: 1 to {MOST_LAYERS} layers such as {{'kind': 'Flatten'}} are wanted")
        return [self._layer(i, layer) for i, layer in enumerate(value, start=1)]

    def _layer(self, number: int, layer: Any) -> dict:
        kind = layer.get("kind") if isinstance(layer, dict) else layer
        if not isinstance(layer, dict) or kind not in ARGUMENTS:
            raise traitlets.TraitError(f"layer {number} has as its 'kind' one of {', '.join(ARGUMENTS)}, not {kind!r}")
        known = ARGUMENTS[kind]
        if strange := sorted(map(str, layer.keys() - known.keys() - {"kind"})):
            takes = ", ".join(known) or "no arguments"
            raise traitlets.TraitError(f"layer {number}, {kind}, takes {takes}, not {', '.join(strange)}")
        full = {name: layer.get(name, default) for name, default in known.items()}
        for name, given in full.items():
            if not _suits(name, given):
                raise traitlets.TraitError(f"{name} of layer {number} is {_wanted(name)}, not {given!r}")
        return {"kind": kind, **full}


def _suits(name: str, given: Any) -> bool:
    if name in CHOICES:
        return given in CHOICES[name]
    if isinstance(given, bool) or not isinstance(given, int | float | np.number):
        return False
    if name == "rate":
        return 0 <= given < 1
    least, most = LIMITS[name]
    return least <= given <= most and given == int(given)


def _wanted(name: str) -> str:
    if name in CHOICES:
        return "one of " + ", ".join(CHOICES[name])
    return "at least 0 and below 1" if name == "rate" else "a whole number between {} and {}".format(*LIMITS[name])


class FaultFinder(Explorer):
    """Mark what looks wrong in a model and its training, reveal the faults, and repair them one at a time."""

    title = "Fault finder"
    day = 11
    question = "It builds, it trains, and it learns nothing: which lines are wrong?"
    try_this: ClassVar = (
        "Read the output shapes of the project from the input to the last row before you mark anything. Look at the "
        "number of outputs: how many classes are there, and why does nothing complain?",
        "Reveal, then repair one row at a time from the top. Watch the expected loss at initialisation: which repair "
        "brings it to ln 10?",
    )

    stack = Stack(PROJECT["stack"], help="layers: kind, and arguments as in Keras").tag(sync=True)
    loss = traitlets.Enum(
        ["sparse_categorical_crossentropy", "categorical_crossentropy", "mean_squared_error"],
        GOOD["loss"],
        help="the loss, by Keras' name",
    ).tag(sync=True)
    labels = traitlets.Enum(["integers", "one-hot"], "integers", help="how the labels are written").tag(sync=True)
    from_logits = traitlets.CBool(False, help="whether the loss is told that it gets logits").tag(sync=True)
    learning_rate = traitlets.CFloat(0.001, min=1e-8, max=10, help="of Adam").tag(sync=True)
    scaled = traitlets.CBool(False, help="pixels divided by 255").tag(sync=True)
    validation = traitlets.Enum(["split", "test", "none"], "test", help="what it is validated on").tag(sync=True)
    early_stopping = traitlets.Enum(
        ["best", "last", "none"], "none", help="stops early and keeps the best or the last weights, or does not stop"
    ).tag(sync=True)
    seed = traitlets.CInt(0, min=0, help="of the last broken model drawn at random").tag(sync=True)
    marks = traitlets.List(
        traitlets.Unicode(), help='rows marked as suspicious, such as "layer 1" or "validation"'
    ).tag(sync=True)
    score = traitlets.List(
        traitlets.Int(), help="rows found, missed and wrongly marked when it was revealed; empty before"
    ).tag(sync=True)
    rows = traitlets.List(help="computed in the browser: shape, parameters, macs of each layer").tag(sync=True)
    flags = traitlets.List(help="computed in the browser: row, fault, why, fix of each fault").tag(sync=True)
    presets = traitlets.Dict({"the project": PROJECT, "a healthy model": HEALTHY}, help="models to choose from").tag(
        sync=True
    )

    def to_keras(self) -> Any:
        """The stack as a Keras model, unchanged, faults included. Raises ValueError, as Keras does, if it cannot be."""
        import keras

        model = keras.Sequential([keras.Input(INPUT_SHAPE)])
        for layer in self.stack:
            arguments = {name: value for name, value in layer.items() if name != "kind"}
            model.add(getattr(keras.layers, layer["kind"])(**arguments))
        return model

    def to_figure(self) -> Figure:
        """Output shape, parameters and multiply-adds of each layer as bars."""
        sizes = self._sizes()
        shown = [(*layer, shape) for layer, shape in zip(enumerate(self.stack, 1), sizes[1:], strict=False)]
        names = [f"{i} {layer['kind']}\n{_sides(shape)}" for i, layer, (shape, _, _) in shown]
        fig, axes = plt.subplots(1, 2, figsize=(9, 1.2 + 0.45 * max(1, len(names))))
        for ax, column, label in zip(axes, (1, 2), ("parameters", "multiply-adds for one image"), strict=True):
            plots.bars(names, [row[column] for row in sizes[1:]], title=label, ax=ax, label="number")
            ax.locator_params(axis="x", nbins=3)
            ax.xaxis.set_major_formatter("{x:,.0f}")
        axes[1].set_yticklabels([])
        return fig

    def describe(self) -> str:
        """What comes out of the stack, and what was found."""
        sizes = self._sizes()
        built = len(sizes) - 1
        if built < len(self.stack):
            layer = self.stack[built]["kind"]
            says = (
                f"A model whose layer {built + 1}, {layer}, cannot take what comes before it, {_sides(sizes[-1][0])}."
            )
        else:
            parameters = sum(row[1] for row in sizes)
            says = (
                f"A model of {len(self.stack)} layers and {parameters:,} parameters, which puts out "
                f"{_sides(sizes[-1][0])} numbers for {CLASSES} classes."
            )
        if len(self.score) == 3:
            found, missed, wrong = self.score
            says += f" {found} of {found + missed} faulty rows were found, {wrong} marked that are sound."
        return says

    def _sizes(self) -> list[tuple[tuple[int, ...], int, int]]:
        """(output shape, parameters, multiply-adds) of the input and each layer, as far as the stack can be built."""
        rows = [(INPUT_SHAPE, 0, 0)]
        for layer in self.stack:
            row = _through(layer, rows[-1][0])
            if row is None:
                break
            rows.append(row)
        return rows


def _through(layer: dict, shape: tuple[int, ...]) -> tuple[tuple[int, ...], int, int] | None:
    """(output shape, parameters, multiply-adds) of a layer that gets `shape`; None if it cannot take it."""
    kind, channels = layer["kind"], shape[-1]
    if kind == "Dense":
        out = (*shape[:-1], layer["units"])
        return out, (channels + 1) * layer["units"], math.prod(out) * channels
    if kind == "Flatten":
        return (math.prod(shape),), 0, 0
    if kind == "BatchNormalization":
        return shape, 4 * channels, 0
    if kind in ("Dropout", "ReLU"):
        return shape, 0, 0
    if len(shape) != 3:
        return None
    if kind == "GlobalAveragePooling2D":
        return (channels,), 0, 0
    if kind == "MaxPooling2D":
        sides = [side // layer["pool_size"] for side in shape[:2]]
        return ((*sides, channels), 0, 0) if min(sides) else None
    window = layer["kernel_size"]
    sides = [side if layer["padding"] == "same" else side - window + 1 for side in shape[:2]]
    if min(sides) < 1:
        return None
    weights = window * window * channels * layer["filters"]
    return (*sides, layer["filters"]), weights + layer["filters"], math.prod(sides) * weights


def _sides(shape: tuple[int, ...]) -> str:
    return " × ".join(f"{side:,}" for side in shape)
