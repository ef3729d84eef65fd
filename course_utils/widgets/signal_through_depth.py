"""Day 7: what is left of a signal after many layers, and how much of the gradient comes back."""

from typing import Any, ClassVar

import matplotlib.pyplot as plt
import numpy as np
import traitlets
from matplotlib.figure import Figure

from course_utils import plots
from course_utils.widgets.explorer import Explorer, Numbers, mulberry32

WIDTH, MOST_DEPTH, MOST_INPUTS = 64, 50, 16
BLOCK = WIDTH * WIDTH + WIDTH  # random numbers of a layer: weights (in, out), then biases
LEAST_GAIN, MOST_GAIN, ROUNDING = 0.02, 4.0, 1e-13

ACTIVATIONS = {
    "identity": (lambda z: z, np.ones_like),
    "relu": (lambda z: np.maximum(z, 0), lambda z: (z > 0).astype(float)),
    "leaky_relu": (lambda z: np.where(z > 0, z, 0.01 * z), lambda z: np.where(z > 0, 1, 0.01)),
    "tanh": (np.tanh, lambda z: 1 - np.tanh(z) ** 2),
    "sigmoid": (lambda z: 1 / (1 + np.exp(-z)), lambda z: np.exp(-abs(z)) / (1 + np.exp(-abs(z))) ** 2),
}
"""name -> (function, slope)"""
NAMES = {"identity": "no activation", "relu": "ReLU", "leaky_relu": "leaky ReLU"}


def draws(seed: int, start: int, count: int) -> np.ndarray:
    """Random numbers of mean 0 and variance 1, spread evenly, as the browser draws them."""
    numbers = mulberry32((seed + 1) * 0x9E3779B9, np.arange(start, start + count))
    return np.sqrt(3) * (2 * numbers + 2**-32 - 1)


def rms(array: np.ndarray) -> float:
    """The size of an array: the root of its mean square."""
    return float(np.sqrt(np.mean(np.square(array))))


class SignalThroughDepth(Explorer):
    """Send inputs through up to 50 dense layers of 64 units and a random gradient back, and measure both.

    The weights have the variance gain² / n for n inputs: He is √2, Glorot and LeCun 1, PyTorch's default 1/√3. Size,
    spread and gradient are those of the lesson, one number for each layer.
    """

    title = "Signal through depth"
    day = 7
    question = "How much of the signal is left after 20 layers, and how much of the gradient comes back?"
    try_this: ClassVar = (
        "Before you send anything: which gain keeps the signal alive through 20 layers of ReLU? Choose one, send the "
        "signal, and mend it. Then hide the answer and do the same for tanh, and for 50 layers.",
        "Take the sigmoid with gain 1. Its size stays calm: what happens to the line that tells inputs apart, to the "
        "gradient, and to the rows of the picture? Is there a gain that saves it?",
        "Compare PyTorch's default with and without its biases. Which curves change, which do not, and what does the "
        "picture of layer 20 say about the difference?",
    )

    gain = traitlets.CFloat(1.0, help="√(n · Var(w)): 0, or from 0.02 to 4").tag(sync=True)
    biases = traitlets.CBool(False, help="biases drawn evenly from ±1/√n, as PyTorch does; else 0").tag(sync=True)
    activation = traitlets.Enum(list(ACTIVATIONS), "relu", help="after every layer").tag(sync=True)
    depth = traitlets.CInt(20, min=2, max=MOST_DEPTH, help="layers").tag(sync=True)
    layer = traitlets.CInt(10, min=1, max=MOST_DEPTH, help="the layer to look at").tag(sync=True)
    seed = traitlets.CInt(0, min=0, max=999, help="of weights, biases and the gradient that starts back").tag(sync=True)
    shown = traitlets.CBool(False, help="whether the signal has been sent, and the curves are shown").tag(sync=True)
    inputs = Numbers(
        draws(999_983, 0, MOST_INPUTS * WIDTH).reshape(MOST_INPUTS, WIDTH).round(3),
        2,
        help="(N, 64) with 2 to 16 inputs, best of mean square 1; given once, not part of a link",
    ).tag(sync=True)
    sizes = traitlets.List(help="computed in the browser: root mean square of each layer's outputs").tag(sync=True)
    spreads = traitlets.List(help="computed in the browser: the same of their standard deviation over inputs").tag(
        sync=True
    )
    gradients = traitlets.List(help="computed in the browser: size of the gradient at each layer's outputs").tag(
        sync=True
    )

    @traitlets.validate("gain")
    def _gain(self, proposal: traitlets.Bunch) -> float:
        gain = proposal["value"]
        if gain != 0 and not LEAST_GAIN <= gain <= MOST_GAIN:
            raise traitlets.TraitError(f"gain is 0 or a number from {LEAST_GAIN} to {MOST_GAIN:g}, not {gain}")
        return gain

    @traitlets.validate("inputs")
    def _inputs(self, proposal: traitlets.Bunch) -> list:
        shape = np.shape(proposal["value"])
        if not 2 <= shape[0] <= MOST_INPUTS or shape[1] != WIDTH:
            raise traitlets.TraitError(f"inputs are 2 to {MOST_INPUTS} rows of {WIDTH} numbers, not {shape}")
        return proposal["value"]

    def measure(self) -> dict[str, np.ndarray]:
        """What the browser measures, by NumPy: "sizes", "spreads" and "gradients", (depth,) each."""
        function, slope = ACTIVATIONS[self.activation]
        x, passed, outputs = np.array(self.inputs), [], []
        for number in range(self.depth):
            w, b = self._layer(number)
            passed.append((w, x @ w + b))
            x = function(passed[-1][1])
            outputs.append(x)
        gradient, sizes = draws(self.seed, MOST_DEPTH * BLOCK, x.size).reshape(x.shape), [rms(x) for x in outputs]
        gradients = [rms(gradient)]
        for w, z in passed[:0:-1]:
            gradient = (gradient * slope(z)) @ w.T
            gradients.insert(0, rms(gradient))
        spreads = [rms(x.std(axis=0, ddof=1)) for x in outputs]
        lost = [spread < ROUNDING * size for spread, size in zip(spreads, sizes, strict=True)]
        found: dict[str, Any] = {"sizes": sizes, "spreads": np.where(lost, 0, spreads), "gradients": gradients}
        return {name: np.array(numbers) for name, numbers in found.items()}

    def _layer(self, number: int) -> tuple[np.ndarray, np.ndarray]:
        """Weights (in, out) and biases."""
        numbers = draws(self.seed, number * BLOCK, BLOCK)
        weights = self.gain / np.sqrt(WIDTH) * numbers[:-WIDTH].reshape(WIDTH, WIDTH)
        return weights, self.biases / np.sqrt(3 * WIDTH) * numbers[-WIDTH:]

    def to_figure(self) -> Figure:
        """Size and spread of the outputs, and the size of the gradient, over the layers."""
        found, fig = self.measure(), plt.figure(figsize=(9, 3.2))
        left, right = fig.subplots(1, 2)
        forwards = {"size of the outputs": found["sizes"], "what differs from input to input": found["spreads"]}
        for axis, lines, title in (
            (left, forwards, "forwards"),
            (right, {"size of the gradient": found["gradients"]}, "backwards"),
        ):
            # A size of 0 has no place on a logarithmic axis.
            lines = {name: np.where(numbers > 0, numbers, np.nan) for name, numbers in lines.items()}
            plots.curves(lines, title, axis, x=range(1, self.depth + 1), xlabel="layer", log=True)
            axis.set_ylabel("size")
        return fig

    def describe(self) -> str:
        """The stack, and what is left at its two ends."""
        found = self.measure()
        sizes, spreads, gradients = found["sizes"], found["spreads"], found["gradients"]
        biases = "random biases" if self.biases else "no biases"
        name = NAMES.get(self.activation, self.activation)
        return (
            f"{self.depth} layers of {WIDTH} units, {name}, gain {self.gain:.3g}, {biases}. The size of the outputs "
            f"goes from {sizes[0]:.2g} at layer 1 to {sizes[-1]:.2g} at layer {self.depth}, and what differs from "
            f"input to input from {spreads[0]:.2g} to {spreads[-1]:.2g}. The size of the gradient is "
            f"{gradients[-1]:.2g} at layer {self.depth} and {gradients[0]:.2g} at layer 1."
        ).replace("-", "−")
