"""Which end and which loss a task needs, and how often a softmax is applied."""

from collections.abc import Mapping
from types import MappingProxyType

from course_utils.checks.question import question

# --- ends ---------------------------------------------------------------------------------------------------------

TASKS: Mapping[str, str] = MappingProxyType(
    {
        "A": "Which of ten digits is it? Ten outputs.",
        "B": "Which of 14 findings does an X-ray show? Several may be there, or none. 14 outputs.",
        "C": "Is there a pneumonia, yes or no? One output.",
        "D": "How many years old is the person? One output.",
        "E": "Of each pixel: road, car, person or sky? Four outputs for each pixel.",
        "F": "Where are the four sides of the box, in pixels? Four outputs.",
        "G": "Cat or dog, always exactly one of the two? Two outputs.",
        "H": "Which of 50 words do people use for this photo? They use several. 50 outputs.",
    }
)
ENDS = ("softmax", "sigmoid", "none")
_FITTING = dict(
    zip(TASKS, ("softmax", "sigmoid", "sigmoid", "none", "softmax", "none", "softmax", "sigmoid"), strict=True)
)

ends = question(
    "ends",
    points=2,
    partial=1,
    reference=_FITTING,
    options=ENDS,
    mistakes={
        "Where several labels may be true at once, or none, they must not share one cake: a sigmoid for each.": {
            **_FITTING,
            "B": "softmax",
            "H": "softmax",
        },
        "A softmax over one output is always 1, whatever the network says. One output for yes or no needs a sigmoid.": {
            **_FITTING,
            "C": "softmax",
        },
        "A pixel is one thing only, so its four outputs compete, at each pixel anew.": {**_FITTING, "E": "sigmoid"},
        "Two outputs of which exactly one is true compete. Two sigmoids could both say yes.": {
            **_FITTING,
            "G": "sigmoid",
        },
        "An age or a coordinate in pixels is no probability: a sigmoid could not get beyond 1.": {
            **_FITTING,
            "D": "sigmoid",
            "F": "sigmoid",
        },
        "Softmax and sigmoid are exchanged: softmax where exactly one class is true, sigmoid where each is a question "
        "of its own.": {
            letter: {"softmax": "sigmoid", "sigmoid": "softmax"}.get(end, end) for letter, end in _FITTING.items()
        },
        "Four numbers of a box do not add up to 1.": {**_FITTING, "F": "softmax"},
    },
    hints={
        "values": "Ask of each: may two outputs be true at once? May none be? Is the answer a probability at all?",
        "type": "Give each letter one of the choices, in quotes.",
    },
)

# --- softmaxes ----------------------------------------------------------------------------------------------------

FRAGMENTS: Mapping[str, str] = MappingProxyType(
    {
        "A": "F.cross_entropy(z, labels)",
        "B": "F.cross_entropy(torch.softmax(z, dim=1), labels)",
        "C": "keras.losses.SparseCategoricalCrossentropy()(labels, z)",
        "D": "keras.losses.SparseCategoricalCrossentropy()(labels, keras.ops.softmax(z))",
        "E": "F.nll_loss(F.log_softmax(z, dim=1), labels)",
        "F": "F.cross_entropy(F.log_softmax(z, dim=1), labels)",
        "G": "F.nll_loss(z, labels)",
        "H": "F.binary_cross_entropy_with_logits(torch.sigmoid(z), one_hot)",
    }
)
"""Losses of logits z, outputs of a last layer without a bend, as code in PyTorch and Keras."""

COUNTS = ("right", "twice", "missing")
_COUNTED = dict(
    zip(FRAGMENTS, ("right", "twice", "missing", "right", "right", "right", "missing", "twice"), strict=True)
)

softmaxes = question(
    "softmaxes",
    points=3,
    partial=1,
    reference=_COUNTED,
    options=COUNTS,
    mistakes={
        "PyTorch's cross_entropy has a softmax inside. What goes in are logits; a softmax before it is the second.": {
            **_COUNTED,
            "A": "missing",
            "B": "right",
        },
        "Keras' losses expect probabilities unless from_logits=True is given. Logits alone lack their softmax.": {
            **_COUNTED,
            "C": "right",
        },
        "Keras' losses expect probabilities unless from_logits=True is given, so a softmax before them is right.": {
            **_COUNTED,
            "C": "right",
            "D": "twice",
        },
        "What nll_loss takes are logarithms of probabilities, and it only picks the label's: log_softmax before it is "
        "right.": {
            **_COUNTED,
            "E": "twice",
        },
        "There is no softmax inside nll_loss: it only picks the label's entry and turns its sign. Without log_softmax "
        "the loss is minus a logit, and falls for ever.": {**_COUNTED, "G": "right"},
        "Twice log_softmax is log_softmax: its outputs are logits whose powers already add up to 1. No mistake, only a "
        "waste.": {**_COUNTED, "F": "twice"},
        "The name ends in with_logits: the sigmoid is inside. A sigmoid before it is the second.": {
            **_COUNTED,
            "H": "right",
        },
        "Two things: log_softmax twice is harmless, and nll_loss without log_softmax is not.": {
            **_COUNTED,
            "F": "twice",
            "G": "right",
        },
    },
    hints={
        "values": "Ask of each loss what it expects: logits, probabilities, or logarithms of probabilities. Then ask "
        "what it is given.",
        "type": "Give each letter one of the choices, in quotes.",
    },
)
