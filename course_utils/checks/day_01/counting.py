"""How many parameters: a stack of dense layers, and three ways to wire an image to maps."""

from itertools import pairwise

import numpy as np

from course_utils.checks.question import Case, question

# --- mlp_parameters -----------------------------------------------------------------------------------------------


def _width_cases(rng: np.random.Generator) -> list[Case]:
    draw = lambda n, low, high: [int(width) for width in rng.choice(np.arange(low, high), n, replace=False)]  # noqa: E731
    return [
        Case(widths=draw(2, 3, 10)),
        Case(widths=draw(3, 4, 20)),
        Case(widths=[28 * 28, *draw(1, 30, 200), 10]),
        Case(widths=[32 * 32 * 3, *draw(3, 16, 600), 10]),
    ]


def _dense_layers(widths):
    total = 0
    for n_in, n_out in pairwise(widths):
        total += n_in * n_out + n_out
    return total


mlp_parameters = question(
    "mlp_parameters",
    points=2,
    partial=1,
    reference=_dense_layers,
    cases=_width_cases,
    mistakes={
        "The biases are missing: each neuron has one, so a layer has as many as it has outputs.": (
            lambda widths: sum(a * b for a, b in pairwise(widths))
        ),
        "You count one bias for each layer; each neuron has its own.": (
            lambda widths: sum(a * b + 1 for a, b in pairwise(widths))
        ),
        "You count a bias for each input of a layer. A bias belongs to a neuron, that is, to an output.": (
            lambda widths: sum(a * b + a for a, b in pairwise(widths))
        ),
        "The inputs get biases too. They are only numbers handed in; they have no parameters.": (
            lambda widths: sum(a * b + b for a, b in pairwise(widths)) + widths[0]
        ),
        "The biases of the last layer are missing: the neurons that give the answers have one each, like all others.": (
            lambda widths: _dense_layers(widths) - widths[-1]
        ),
        "Only the first layer is counted.": lambda widths: (widths[0] + 1) * widths[1],
        "You multiply all the widths. Each layer is counted by itself, and the layers are added up.": (
            lambda widths: int(np.prod(widths))
        ),
    },
    hints={
        "values": "Draw two inputs and three neurons, and count the lines and the biases.",
        "type": "Return one integer.",
        "raised": "The list may have two entries or more: there is one layer less than there are entries.",
        "shape": "Return one integer.",
    },
)

# --- map_parameters: three wirings --------------------------------------------------------------------------------

WIRINGS = ("full", "local", "shared")


def _wiring_cases(rng: np.random.Generator) -> list[Case]:
    def case(height, width, channels, size, maps, wiring):
        return Case(image_shape=(height, width, channels), kernel_size=size, maps=maps, wiring=wiring)

    sides = [int(side) for side in rng.choice(np.arange(12, 40), 3, replace=False)]
    maps = [int(number) for number in rng.choice(np.arange(4, 40), 3, replace=False)]
    small = [case(4, 5, 2, 3, int(rng.integers(2, 6)), wiring) for wiring in WIRINGS]
    large = [case(side, side + 3, 3, 5, n, wiring) for side, n, wiring in zip(sides, maps, WIRINGS, strict=True)]
    return small + large


def _places(image_shape, kernel_size):
    return (image_shape[0] - kernel_size + 1) * (image_shape[1] - kernel_size + 1)


def _wired(image_shape, kernel_size, maps, wiring):
    outputs = _places(image_shape, kernel_size) * maps
    height, width, channels = image_shape
    window = kernel_size * kernel_size * channels
    if wiring == "full":
        return (height * width * channels + 1) * outputs
    return (window + 1) * (outputs if wiring == "local" else maps)


def _a_bias_for_each_map(image_shape, kernel_size, maps, wiring):
    without = _without_biases(image_shape, kernel_size, maps, wiring)
    return without + maps


def _without_biases(image_shape, kernel_size, maps, wiring):
    right = _wired(image_shape, kernel_size, maps, wiring)
    return right - (maps if wiring == "shared" else _places(image_shape, kernel_size) * maps)


def _one_place_short(image_shape, kernel_size, maps, wiring):
    places = (image_shape[0] - kernel_size) * (image_shape[1] - kernel_size)
    right = _wired(image_shape, kernel_size, maps, wiring)
    return right if wiring == "shared" else right * places // _places(image_shape, kernel_size)


def _window_not_squared(image_shape, kernel_size, maps, wiring):
    if wiring == "full":
        return _wired(image_shape, kernel_size, maps, wiring)
    outputs = _places(image_shape, kernel_size) * maps if wiring == "local" else maps
    return (kernel_size * image_shape[2] + 1) * outputs


def _neurons_as_maps(image_shape, kernel_size, maps, wiring):
    right = _wired(image_shape, kernel_size, maps, wiring)
    return right // _places(image_shape, kernel_size) if wiring == "full" else right


def _biases_not_shared(image_shape, kernel_size, maps, wiring):
    right = _wired(image_shape, kernel_size, maps, wiring)
    return right + maps * (_places(image_shape, kernel_size) - 1) if wiring == "shared" else right


def _overhanging(image_shape, kernel_size, maps, wiring):
    height, width, channels = image_shape
    bigger = (height + kernel_size - 1, width + kernel_size - 1, channels)
    if wiring == "full":
        return (height * width * channels + 1) * height * width * maps
    return _wired(bigger, kernel_size, maps, wiring)


map_parameters = question(
    "map_parameters",
    points=3,
    partial=1,
    reference=_wired,
    cases=_wiring_cases,
    mistakes={
        "The biases are missing.": _without_biases,
        "You count one bias for each map in all three wirings. Only where weights are shared is the bias shared too; "
        "otherwise each output has its own.": _a_bias_for_each_map,
        "The channels of the image are missing: an output reads all channels of its window.": (
            lambda image_shape, kernel_size, maps, wiring: _wired((*image_shape[:2], 1), kernel_size, maps, wiring)
        ),
        "Shared weights are counted anew at every place. They are the same numbers everywhere, so they count once.": (
            lambda image_shape, kernel_size, maps, wiring: _wired(
                image_shape, kernel_size, maps, "local" if wiring == "shared" else wiring
            )
        ),
        "The places are not right: the window has to fit into the image, so there are fewer places than pixels.": (
            _overhanging
        ),
        "One place in each direction is missing: a window of k fits n − k + 1 times into n pixels.": _one_place_short,
        "The window is a square: it holds kernel_size · kernel_size numbers of each channel.": _window_not_squared,
        "With the full wiring you count one output for each map. A map has an output for every place at which the "
        "window fits, whatever the wiring.": _neurons_as_maps,
        "With shared weights you still count a bias for each place. The outputs of a map share their bias too.": (
            _biases_not_shared
        ),
        "Only one map is counted.": lambda image_shape, kernel_size, maps, wiring: _wired(
            image_shape, kernel_size, 1, wiring
        ),
    },
    hints={
        "values": "How many outputs are there? How many numbers does each read? Which of its weights are its own?",
        "type": "Return one integer for each of the three wirings: full, local, shared.",
        "raised": "The image_shape is (height, width, channels), and wiring one of full, local, shared.",
        "shape": "Return one integer.",
    },
)
