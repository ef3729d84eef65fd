"""Three unseen runs of the clinic, to be named by what was measured."""

from types import MappingProxyType

from course_utils.checks.question import question

DIAGNOSES = (
    "healthy",
    "rate too high",
    "rate too low",
    "unscaled inputs",
    "wrong labels",
    "double softmax",
    "weights too small",
    "leak",
    "NaN pixels",
    "dead units",
    "frozen layers",
    "wrong mode",
    "imbalance",
    "not reshuffled",
)
"""What a run may have, in the words of the clinic."""

UNSEEN = MappingProxyType({"A": 6, "B": 38, "C": 17})
"""Patient -> number of its run, for `clinic.unseen`."""

_TRUE = {"A": "weights too small", "B": "wrong labels", "C": "frozen layers"}

diagnoses = question(
    "diagnoses",
    points=3,
    partial=1,
    reference=_TRUE,
    options=DIAGNOSES,
    mistakes={
        "A is flat, and a low rate would explain that. But look at its gradients: how large are they before any rate "
        "comes in, and how large are those of a healthy run?": _TRUE | {"A": "rate too low"},
        "A is flat, but its units are not dead: compare the share with that of a healthy run.": (
            _TRUE | {"A": "dead units"}
        ),
        "Training does go on in B, and its updates are of the usual size. What do nearest neighbours say of its "
        "labels?": _TRUE | {"B": "rate too low"},
        "The classes of B are about equally frequent: print the counts. Something else is wrong with its labels.": (
            _TRUE | {"B": "imbalance"}
        ),
        "The curves of C look well, and it is not healthy. Read its update ratios layer by layer.": (
            _TRUE | {"C": "healthy"}
        ),
        "A low rate shrinks the updates of all layers of C alike. Are they alike?": _TRUE | {"C": "rate too low"},
        "Dead units of C would show in its activations. They are alive; why does one layer not move?": (
            _TRUE | {"C": "dead units"}
        ),
    },
    hints={
        "values": "Go through the examinations in their order, and compare each number with that of a healthy run.",
        "type": "Give each letter one of the words in questions.DIAGNOSES, in quotes.",
    },
)
