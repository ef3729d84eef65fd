"""Six networks of 20 layers at birth, by their numbers: which of them can learn?"""

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from course_utils.checks.question import question

DEPTH, WIDTH, IMAGES = 20, 64, 200
LAYERS = (1, 5, 10, 20)  # those whose numbers are shown
ILLNESSES = ("healthy", "vanishing", "exploding", "symmetric", "dead")


def _measured(weights: list[NDArray], biases: list[NDArray]) -> Mapping[str, dict[int, float]]:
    """What passes through the layers, forwards and backwards, with ReLU after each: quantity -> layer -> number."""
    rng = np.random.default_rng(7)
    x, outputs = np.abs(rng.normal(size=(IMAGES, WIDTH))), []
    for w, b in zip(weights, biases, strict=True):
        x = np.maximum(x @ w + b, 0)
        outputs.append(x)
    gradient, gradients = np.abs(rng.normal(size=x.shape)), []
    for w, output in zip(reversed(weights), reversed(outputs), strict=True):
        gradient = (gradient * (output > 0)) @ w.T
        gradients.insert(0, gradient)

    def size(array):
        return float(f"{np.sqrt(np.mean(array**2)):.1e}")

    def shown(measure, arrays):
        return {layer: measure(arrays[layer - 1]) for layer in LAYERS}

    return MappingProxyType(
        {
            "size of the outputs": shown(size, outputs),
            "spread over the images": shown(lambda a: size(a.std(axis=0)), outputs),
            "spread over the units": shown(lambda a: size((a - a.mean(axis=1, keepdims=True)).round(12)), outputs),
            "size of the gradients": shown(size, gradients),
        }
    )


def _network(scale=1.0, bias=0.0, shut=0, constant=False) -> Mapping[str, dict[int, float]]:
    """scale: of the weights, times 1/√WIDTH; bias: largest random bias; shut: the layer with a huge negative bias."""
    rng = np.random.default_rng(77)
    weights = [rng.normal(0, scale / np.sqrt(WIDTH), (WIDTH, WIDTH)) for _ in range(DEPTH)]
    if constant:
        weights = [np.full((WIDTH, WIDTH), 1 / WIDTH) for _ in range(DEPTH)]
    biases = [bias * rng.uniform(-1, 1, WIDTH) - 100 * (layer == shut) for layer in range(1, DEPTH + 1)]
    return _measured(weights, biases)


NETWORKS: Mapping[str, Mapping[str, dict[int, float]]] = MappingProxyType(
    {
        "A": _network(scale=2.8),
        "B": _network(scale=0.58, bias=0.13),
        "C": _network(scale=1.414),
        "D": _network(constant=True),
        "E": _network(scale=0.7),
        "F": _network(scale=1.414, shut=4),
    }
)
"""What is measured of each network before its first step: quantity -> {layer: number}."""

_RIGHT = dict(zip(NETWORKS, ["exploding", "vanishing", "healthy", "symmetric", "vanishing", "dead"], strict=True))

diagnosis = question(
    "diagnosis",
    points=2,
    partial=1,
    reference=_RIGHT,
    options=ILLNESSES,
    mistakes={
        "One network looks alive only because of its biases. Look at the spread over the images: what reaches its last "
        "layer no longer depends on the image.": _RIGHT | {"B": "healthy"},
        "Numbers flow through one network undiminished, and yet all its units say the same. Look at the spread over "
        "the units.": _RIGHT | {"D": "healthy"},
        "Vanishing and exploding are exchanged: numbers that shrink from layer to layer vanish.": {
            letter: {"vanishing": "exploding", "exploding": "vanishing"}.get(name, name)
            for letter, name in _RIGHT.items()
        },
        "Small is not zero. A vanishing signal gets smaller by a factor at each layer; a dead layer gives exactly 0, "
        "and nothing comes back.": _RIGHT | {"F": "vanishing"},
        "Tiny numbers are not dead: a dead layer gives exactly 0.": _RIGHT | {"E": "dead"},
        "A healthy network may waver by a small factor over 20 layers. Vanishing and exploding are powers of ten.": (
            _RIGHT | {"C": "vanishing"}
        ),
        "Symmetric means that all units of a layer say the same: their spread is exactly 0 while numbers flow.": (
            _RIGHT | {"D": "dead"}
        ),
    },
    hints={
        "values": "Read each row from layer 1 to layer 20, the gradients from 20 to 1. Does it shrink, grow, stay, or "
        "is it exactly 0?",
        "type": "Give each letter one of the choices, in quotes.",
    },
)
