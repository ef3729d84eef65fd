"""What a shift of the image does to a layer's output, and which network that suits."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from course_utils.checks.question import Case, question

# --- equivariance_error -------------------------------------------------------------------------------------------


def _circular_blur(image: NDArray) -> NDArray:
    """The mean of each pixel and its four neighbours; beyond the border the image begins anew."""
    moved = [np.roll(image, step, axis) for axis in (0, 1) for step in (-1, 1)]
    return (image + sum(moved)) / 5


def _zero_padded_edges(image: NDArray) -> NDArray:
    """Right neighbour minus left neighbour; beyond the border there are zeros."""
    padded = np.pad(image, ((0, 0), (1, 1)))
    return padded[:, 2:] - padded[:, :-2]


def _ramp(image: NDArray) -> NDArray:
    """Each column times a weight of its own."""
    return image * np.linspace(0.5, 1.5, image.shape[1])


def _threshold(image: NDArray) -> NDArray:
    """What exceeds a half."""
    return np.maximum(image - 0.5, 0)


def _mean_of_all(image: NDArray) -> NDArray:
    """Global average pooling: one number."""
    return image.mean(keepdims=True)


def _dense(image: NDArray) -> NDArray:
    """Flatten and a dense layer with three neurons and fixed weights."""
    weights = np.cos(np.arange(3 * image.size).reshape(3, image.size) ** 1.5)
    return (weights @ image.ravel()).reshape(1, 3)


def _largest(image: NDArray) -> NDArray:
    """Global max pooling: one number."""
    return image.max(keepdims=True)


_LAYERS: Mapping[str, Callable[[NDArray], NDArray]] = MappingProxyType(
    {"circular blur": _circular_blur, "zero-padded edges": _zero_padded_edges, "a weight for each column": _ramp}
)


def _layer_cases(rng: np.random.Generator) -> list[Case]:
    def case(layer, height, width, rows, columns):
        return Case(layer=layer, image=rng.integers(1, 10, (height, width)).astype(float), shift=(rows, columns))

    names = list(_LAYERS)
    small = [case(name, 3, 4, 0, 1) for name in names]
    return [*small, *(case(name, 6, 7, 2, -1) for name in names), *(case(name, 5, 8, 1, 0) for name in names)]


def _ask_with_the_layer(answer, layer, image, shift):
    return answer(_LAYERS[layer], image, shift)


def _rolled(array, shift):
    return np.roll(array, shift, axis=(0, 1))


def _largest_difference(layer, image, shift):
    moved_after = _rolled(layer(image), shift)
    moved_before = layer(_rolled(image, shift))
    return np.max(np.abs(moved_before - moved_after))


equivariance_error = question(
    "equivariance_error",
    points=4,
    partial=1,
    reference=_largest_difference,
    cases=_layer_cases,
    observe=_ask_with_the_layer,
    mistakes={
        "You compare the outputs of the shifted and of the unshifted image. That is a test of invariance; for "
        "equivariance the second output has to be shifted as well.": lambda layer, image, shift: np.max(
            np.abs(layer(_rolled(image, shift)) - layer(image))
        ),
        "The output is shifted the other way than the image.": lambda layer, image, shift: np.max(
            np.abs(layer(_rolled(image, shift)) - _rolled(layer(image), [-s for s in shift]))
        ),
        "Rows and columns of the shift are exchanged: shift[0] moves down (axis 0), shift[1] to the right (axis 1).": (
            lambda layer, image, shift: _largest_difference(layer, image, shift[::-1])
        ),
        "Without an axis np.roll unrolls the image into one long line, so rows spill into each other: say axis=(0, "
        "1).": (
            lambda layer, image, shift: np.max(np.abs(layer(np.roll(image, shift)) - np.roll(layer(image), shift)))
        ),
        "You add up the differences. Asked for is the largest of them.": lambda layer, image, shift: np.sum(
            np.abs(layer(_rolled(image, shift)) - _rolled(layer(image), shift))
        ),
        "You take the root of the sum of the squares. Asked for is the largest single difference.": (
            lambda layer, image, shift: np.linalg.norm(layer(_rolled(image, shift)) - _rolled(layer(image), shift))
        ),
        "You take the mean of the differences. A single pixel that goes its own way is enough to break equivariance: "
        "take the largest.": lambda layer, image, shift: np.mean(
            np.abs(layer(_rolled(image, shift)) - _rolled(layer(image), shift))
        ),
        "The signs are left in, so that a large negative difference does not count: take absolute values first.": (
            lambda layer, image, shift: np.max(layer(_rolled(image, shift)) - _rolled(layer(image), shift))
        ),
        "The image is shifted, but the layer is never applied to it: compare layer(shifted image) with the shifted "
        "layer(image).": lambda layer, image, shift: np.max(
            np.abs(_rolled(image, shift) - _rolled(layer(image), shift))
        ),
    },
    hints={
        "values": "There are two ways: shift the image and apply the layer, or apply the layer and shift its output.",
        "type": "Return one number.",
        "shape": "Return one number: the largest difference over all pixels.",
        "raised": "Use np.roll(array, shift, axis=(0, 1)) to shift rows and columns at once.",
    },
)

# --- symmetry, mlp_or_cnn -----------------------------------------------------------------------------------------

LAYERS_TO_TEST: Mapping[str, Callable[[NDArray], NDArray]] = MappingProxyType(
    {
        "A": _zero_padded_edges,
        "B": _mean_of_all,
        "C": _circular_blur,
        "D": _dense,
        "E": _threshold,
        "F": _largest,
        "G": _ramp,
    }
)
"""Layers by letter: each takes an image (H, W) and returns an array of two axes."""

SYMMETRIES = ("equivariant", "invariant", "neither")
_RIGHT = dict(
    zip(
        LAYERS_TO_TEST,
        ["neither", "invariant", "equivariant", "neither", "equivariant", "invariant", "neither"],
        strict=True,
    )
)

symmetry = question(
    "symmetry",
    points=3,
    partial=1,
    reference=_RIGHT,
    options=SYMMETRIES,
    mistakes={
        "The layer with zeros beyond its border is not equivariant everywhere. Shift sideways, and look at the columns "
        "at the border.": {**_RIGHT, "A": "equivariant"},
        "The two words are exchanged. Equivariant: the output moves along. Invariant: the output stays the same.": {
            letter: {"equivariant": "invariant", "invariant": "equivariant"}.get(name, name)
            for letter, name in _RIGHT.items()
        },
        "A layer that gives one number for the whole image has no place to move to, but the number may stay the same: "
        "compare its outputs before and after a shift.": {
            letter: name.replace("invariant", "neither") for letter, name in _RIGHT.items()
        },
        "A single number cannot move, so the error of a layer that gives one is 0 as soon as it stays the same. Such a "
        "layer is called invariant here.": {**_RIGHT, "B": "equivariant", "F": "equivariant"},
        "A layer that treats each pixel by itself, and all alike, does not care where the pixel stands: its output "
        "moves along.": {**_RIGHT, "E": "neither"},
        "A dense layer has a weight for each place, so its output changes when the image moves.": {
            **_RIGHT,
            "D": "invariant",
        },
        "One of the layers treats each column differently, whatever it looks like: test shifts along both axes.": {
            **_RIGHT,
            "G": "equivariant",
        },
    },
    hints={
        "values": "Test each layer with several images and with shifts down, sideways and both.",
        "type": "Give each letter one of the choices, in quotes.",
    },
)

TASKS: Mapping[str, str] = MappingProxyType(
    {
        "A": "Find cracks in photographs of concrete, wherever they run.",
        "B": "Estimate the price of a flat from its area, floor, age and eight other columns of a table.",
        "C": "Recognise one of ten spoken words in a recording of 16,000 sound samples.",
        "D": "Tell from forty blood values whether a patient has one of three diseases.",
        "E": "Sort photographs whose pixels a camera has scrambled, always in the same order, which nobody knows.",
    }
)
NETWORKS = ("MLP", "CNN")
_FITTING = dict(zip(TASKS, ["CNN", "MLP", "CNN", "MLP", "MLP"], strict=True))

mlp_or_cnn = question(
    "mlp_or_cnn",
    points=2,
    partial=1,
    reference=_FITTING,
    options=NETWORKS,
    mistakes={
        "A recording is no picture, but its samples have neighbours too, and a word may come earlier or later: slide a "
        "kernel along time.": {**_FITTING, "C": "MLP"},
        "Scrambled pictures have lost their neighbourhoods. What a CNN takes for granted is not true of them.": {
            **_FITTING,
            "E": "CNN",
        },
        "The columns of a table have no neighbours: nobody would mind if they were put in another order.": {
            **_FITTING,
            "B": "CNN",
            "D": "CNN",
        },
        "Flats are described by columns of a table. They have no neighbours: another order would change nothing.": {
            **_FITTING,
            "B": "CNN",
        },
        "Blood values have no neighbours: nobody would mind if the forty were put in another order.": {
            **_FITTING,
            "D": "CNN",
        },
        "The two are exchanged: the CNN is the one that expects neighbours to belong together.": {
            letter: NETWORKS[name == "MLP"] for letter, name in _FITTING.items()
        },
    },
    hints={
        "values": "Ask of each: do neighbours belong together? May the same pattern stand anywhere? Would a fixed "
        "shuffle of the inputs destroy something?",
        "type": "Give each letter one of the choices, in quotes.",
    },
)
