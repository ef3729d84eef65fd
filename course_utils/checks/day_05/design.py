"""A design task: a wide field without holes on a fine map, under a budget. Many answers are right."""

from types import MappingProxyType
from typing import Any

from course_utils.checks.question import Rule, question
from course_utils.reference import ReceptiveField, paths_to_unit

DESIGN = MappingProxyType(
    {
        "side": 64,
        "channels": 3,
        "filters": 16,
        "field": 63,
        "map": 16,
        "parameters": 12_000,
        "multiply_adds": 4_000_000,
    }
)
"""Pixels and channels of the image; least filters of a layer, least field, least side of the map; the two budgets."""

_MOST_LAYERS, _MOST = 40, {"filters": 512, "kernel": 63, "stride": 64, "dilation": 64}
"""Beyond these nobody's design lies, and counting would take long."""


def _layers(value: Any) -> list[tuple[int, int, int, int]]:
    """(filters, kernel, stride, dilation) of each layer. Raises for what is no such list."""
    layers = [tuple(int(number) for number in layer) for layer in value]
    if not 1 <= len(layers) <= _MOST_LAYERS or any(
        list(layer) != list(given) or len(layer) != 4 for layer, given in zip(layers, value, strict=True)
    ):
        raise ValueError("not a list of layers")
    return layers


def _numbers_are_possible(value) -> bool:
    return all(
        1 <= number <= most for layer in _layers(value) for number, most in zip(layer, _MOST.values(), strict=True)
    )


def _windows(value) -> list[tuple[int, int, int, int]]:
    """(kernel, stride, padding, dilation) of each layer; the padding keeps the side at stride 1."""
    return [(k, stride, dilation * (k - 1) // 2, dilation) for _, k, stride, dilation in _layers(value)]


def _field(value) -> ReceptiveField:
    field = ReceptiveField()
    for window in _windows(value):
        field = field.after(*window)
    return field


def _has_no_holes(value) -> bool:
    """Whether a unit far from any border is connected to every pixel of its field."""
    field = _field(value)
    n = 4 * field.size + 4 * field.jump
    paths = paths_to_unit(_windows(value), n, n // (2 * field.jump))
    return int((paths > 0).sum()) == field.size


def _costs(value) -> tuple[int, int, int]:
    """Parameters, multiply-adds, and the side of the last map."""
    parameters, multiply_adds, channels, side = 0, 0, DESIGN["channels"], DESIGN["side"]
    for filters, k, stride, _ in _layers(value):
        side = -(-side // stride)
        weights = k * k * channels * filters
        parameters, multiply_adds, channels = parameters + weights + filters, multiply_adds + weights * side**2, filters
    return parameters, multiply_adds, side


_FINE = [(16, 3, 2, 1), (16, 3, 2, 1), (16, 3, 1, 1), (16, 3, 1, 2), (16, 3, 1, 4)]

stack = question(
    "stack",
    points=3,
    reference=_FINE,
    rules={
        "A number is out of range: filters, kernel, stride and dilation are whole numbers from 1 on.": Rule(
            _numbers_are_possible, [(16, 3, 0, 1)]
        ),
        "A kernel has an even side. Take odd ones, so that the padding is the same on both sides.": Rule(
            lambda value: all(k % 2 for _, k, _, _ in _layers(value)), [(16, 4, 2, 1), (16, 3, 1, 8)]
        ),
        f"A layer has fewer than {DESIGN['filters']} filters.": Rule(
            lambda value: all(filters >= DESIGN["filters"] for filters, *_ in _layers(value)), [(8, 3, 2, 1)]
        ),
        f"The last map is smaller than {DESIGN['map']} × {DESIGN['map']}: too many strides. They multiply to 4 "
        "at most.": Rule(
            lambda value: _costs(value)[2] >= DESIGN["map"],
            [(16, 3, 2, 1), (16, 3, 2, 1), (16, 3, 2, 1), (16, 3, 2, 1), (16, 3, 1, 2)],
        ),
        f"The field is smaller than {DESIGN['field']} pixels. A layer widens it by dilation · (kernel − 1) jumps: a "
        "stride early on makes every later layer count for more.": Rule(
            lambda value: _field(value).size >= DESIGN["field"],
            [(16, 3, 2, 1), (16, 3, 2, 1), (16, 3, 1, 1), (16, 3, 1, 2)],
        ),
        "The field has holes: some pixels in it have no path to the unit. Look at each layer: do the windows that it "
        "joins touch?": Rule(_has_no_holes, [(16, 3, 2, 1), (16, 3, 2, 1), (16, 3, 1, 4), (16, 3, 1, 4)]),
        f"More than {DESIGN['parameters']:,} parameters. A large kernel costs its square, and depth adds up: dilation "
        "widens the field without a single weight.": Rule(
            lambda value: _costs(value)[0] <= DESIGN["parameters"],
            [(16, 3, 2, 1), (16, 3, 2, 1)] + [(16, 3, 1, 1)] * 7,
        ),
        f"More than {DESIGN['multiply_adds']:,} multiply-adds. Each layer works on as many places as its map has: make "
        "the map small early.": Rule(
            lambda value: _costs(value)[1] <= DESIGN["multiply_adds"],
            [(16, 3, 1, d) for d in (1, 2, 4, 8, 16)],
        ),
    },
    hints={
        "shape": "Give a list of layers, each with four whole numbers: (filters, kernel, stride, dilation).",
        "type": "Give a list of layers, each with four whole numbers: (filters, kernel, stride, dilation).",
    },
)
