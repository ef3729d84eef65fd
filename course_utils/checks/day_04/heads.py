"""What stands between the last maps and the classes: parameters of three heads."""

import numpy as np

from course_utils.checks.question import Case, question
from course_utils.reference import dense_parameters

HEADS = ("flatten", "average", "1x1")


def _cases(rng: np.random.Generator) -> list[Case]:
    def case(height, width, channels, hidden, classes, head):
        return Case(height=height, width=width, channels=channels, hidden=hidden, classes=classes, head=head)

    small = [case(2, 3, 4, *(int(n) for n in rng.choice(np.arange(5, 12), 2, replace=False)), head) for head in HEADS]
    sides = [int(n) for n in rng.choice(np.arange(5, 15), 3, replace=False)]
    wide = [int(n) for n in rng.choice(np.arange(30, 300), 3, replace=False)]
    large = [case(side, side + 2, c, 128, 10, head) for side, c, head in zip(sides, wide, HEADS, strict=True)]
    return small + large


def _head_parameters(height, width, channels, hidden, classes, head):
    if head == "1x1":
        return dense_parameters(channels, classes)
    inputs = height * width * channels if head == "flatten" else channels
    return dense_parameters(inputs, hidden) + dense_parameters(hidden, classes)


def _without_biases(height, width, channels, hidden, classes, head):
    inputs = height * width * channels if head == "flatten" else channels
    return channels * classes if head == "1x1" else inputs * hidden + hidden * classes


def _no_hidden_layer(height, width, channels, hidden, classes, head):
    return dense_parameters(height * width * channels if head == "flatten" else channels, classes)


def _average_of_channels(height, width, channels, hidden, classes, head):
    if head == "average":
        return dense_parameters(height * width, hidden) + dense_parameters(hidden, classes)
    return _head_parameters(height, width, channels, hidden, classes, head)


def _at_each_place(height, width, channels, hidden, classes, head):
    right = _head_parameters(height, width, channels, hidden, classes, head)
    return right * height * width if head == "1x1" else right


def _filters_on_all(height, width, channels, hidden, classes, head):
    if head == "1x1":
        return dense_parameters(height * width * channels, classes)
    return _head_parameters(height, width, channels, hidden, classes, head)


def _dense_behind(height, width, channels, hidden, classes, head):
    right = _head_parameters(height, width, channels, hidden, classes, head)
    return right + dense_parameters(classes, classes) if head == "1x1" else right


def _hidden_in_all(height, width, channels, hidden, classes, head):
    return _head_parameters(height, width, channels, hidden, classes, "average" if head == "1x1" else head)


def _place_by_place(height, width, channels, hidden, classes, head):
    inputs = height * width if head == "flatten" else channels
    right = _head_parameters(height, width, channels, hidden, classes, head)
    return dense_parameters(inputs, hidden) + dense_parameters(hidden, classes) if head == "flatten" else right


head_parameters = question(
    "head_parameters",
    points=2,
    partial=1,
    reference=_head_parameters,
    cases=_cases,
    mistakes={
        "The biases are missing: each neuron, and each filter of the 1 × 1 convolution, has one.": _without_biases,
        "The biases of the 1 × 1 convolution are missing: each of its filters has one.": (
            lambda height, width, channels, hidden, classes, head: (
                channels * classes
                if head == "1x1"
                else _head_parameters(height, width, channels, hidden, classes, head)
            )
        ),
        "The average goes over the places: one number is left for each channel, not one for each place.": (
            _average_of_channels
        ),
        "Flattening keeps everything: height · width · channels numbers. You forgot the channels.": _place_by_place,
        "The head makes no difference in your answer: you always flatten. After a global average only `channels` "
        "numbers are left.": lambda height, width, channels, hidden, classes, head: _head_parameters(
            height, width, channels, hidden, classes, "flatten"
        ),
        "The hidden layer is missing: flatten and average are followed by two dense layers.": _no_hidden_layer,
        "A 1 × 1 convolution uses the same weights at every place, so they count once, not height · width times.": (
            _at_each_place
        ),
        "A filter of a 1 × 1 convolution reads the channels of one place, not the whole flattened map.": (
            _filters_on_all
        ),
        "No dense layer stands behind the 1 × 1 convolution: its filters are the classes, and their maps are "
        "averaged.": (_dense_behind),
        "The head makes no difference in your answer: you always take a global average. Flattening keeps every "
        "place.": (
            lambda height, width, channels, hidden, classes, head: _head_parameters(
                height, width, channels, hidden, classes, "average"
            )
        ),
        "The head 1x1 has no hidden layer: one map for each class comes out of its filters, and is averaged.": (
            _hidden_in_all
        ),
        "Only the first dense layer is counted; the one from the hidden neurons to the classes is missing.": (
            lambda height, width, channels, hidden, classes, head: (
                _head_parameters(height, width, channels, hidden, classes, head)
                - (0 if head == "1x1" else dense_parameters(hidden, classes))
            )
        ),
    },
    hints={
        "values": "How many numbers reach the first layer with weights? Each neuron has one for each, and a bias.",
        "type": "Return one integer for each of the three heads: flatten, average, 1x1.",
        "shape": "Return one integer.",
        "raised": 'The head is one of "flatten", "average", "1x1".',
    },
)
