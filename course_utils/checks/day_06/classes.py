"""Cross-entropy from logits, plain and with smoothed labels."""

import numpy as np

from course_utils import reference
from course_utils.checks.day_06.units import quiet
from course_utils.checks.question import Case, question


def _batch(rng, n, c, scale=2.0):
    """Logits and labels of which not all are the largest logit's class, nor all the smallest's."""
    logits = rng.normal(0, scale, (n, c)).round(2)
    labels = rng.integers(0, c, n)
    labels[0] = logits[0].argmin()
    return {"logits": logits, "labels": labels}


def _far_apart(rng):
    """Sure and right, sure and wrong, by a thousand and more."""
    high = float(rng.integers(900, 2000))
    logits = np.array([[high, 0.0, -5.0], [0.0, high, 3.0], [-high, 1.0, 2.0]])
    return {"logits": logits, "labels": np.array([0, 2, 0])}


def _picked(values, labels):
    return values[np.arange(len(labels)), labels]


def _from_powers(logits):
    powers = np.exp(logits)
    return powers / powers.sum(axis=1, keepdims=True)


# --- cross_entropy ------------------------------------------------------------------------------------------------


def _one_maximum(logits, labels):
    largest = logits.max()
    return np.mean(largest + np.log(np.exp(logits - largest).sum(axis=1)) - _picked(logits, labels))


EPSILONS = (1e-15, 1e-12, 1e-10, 1e-9, 1e-8, 1e-7, 1e-6)


def _kept_from_zero(epsilon):
    return lambda logits, labels: -np.log(np.maximum(_picked(reference.softmax(logits), labels), epsilon)).mean()


_HELD = {
    f"You keep the logarithm from zero by {epsilon:g}, so a mistake can never cost more than {-np.log(epsilon):.1f}. "
    "Take the logarithm of the whole formula, not of a probability: log-sum-exp.": _kept_from_zero(epsilon)
    for epsilon in EPSILONS
}

cross_entropy = question(
    "cross_entropy",
    shortcuts=("scipy", "torch", "keras", "tensorflow", "jax", "sklearn"),
    points=4,
    partial=1,
    reference=reference.cross_entropy,
    cases=lambda rng: [
        Case(**_batch(rng, 2, 3)),
        Case(**_batch(rng, 4, 3)),
        Case(**_batch(rng, 5, 10)),
        Case(**_far_apart(rng)),
    ],
    mistakes={
        "Infinity over infinity is no number, nor is 0 times the logarithm of 0. Form neither powers of large logits "
        "nor probabilities: log-sum-exp minus the logit of the label.": quiet(
            lambda logits, labels: -np.log(_picked(_from_powers(logits), labels)).mean()
        ),
        "Your probabilities are safe, but one is 0 and its logarithm infinite. Do not form probabilities at all: "
        "log-sum-exp minus the logit of the label.": quiet(
            lambda logits, labels: -np.log(_picked(reference.softmax(logits), labels)).mean()
        ),
        "You subtract the largest logit of the whole batch. In a row far below it all powers are 0: subtract each "
        "row's own maximum.": quiet(_one_maximum),
        **_HELD,
        "You add the losses up. The loss of a batch is the mean over its images.": lambda logits, labels: (
            reference.cross_entropy(logits, labels) * len(labels)
        ),
        "You give a loss for each image. The loss of a batch is one number, their mean.": lambda logits, labels: (
            -_picked(reference.log_softmax(logits), labels)
        ),
        "You take the mean over images and classes, so the loss is too small by the number of classes: divide by the "
        "number of images.": lambda logits, labels: reference.cross_entropy(logits, labels) / logits.shape[1],
        "The sign is missing: the loss is minus the logarithm, and never negative.": lambda logits, labels: (
            -reference.cross_entropy(logits, labels)
        ),
        "Written as values[:, labels], every label takes its column from every row. One entry of each row is "
        "values[np.arange(len(labels)), labels].": lambda logits, labels: (
            -reference.log_softmax(logits)[:, labels].mean()
        ),
        "You charge for the class that the network prefers. Charge for the label, preferred or not.": (
            lambda logits, labels: -reference.log_softmax(logits).max(axis=1).mean()
        ),
        "Your columns are normalised. Each row is an image, so its classes share the probability.": (
            lambda logits, labels: -_picked(reference.log_softmax(logits, axis=0), labels).mean()
        ),
        "Softmax is applied twice.": lambda logits, labels: reference.cross_entropy(reference.softmax(logits), labels),
        "Your logarithm has another base than e.": lambda logits, labels: (
            reference.cross_entropy(logits, labels) / np.log(2)
        ),
        "You return the mean probability of the label, without a logarithm.": lambda logits, labels: _picked(
            reference.softmax(logits), labels
        ).mean(),
    },
    hints={
        "shape": "Return one number: the mean over the images.",
        "values": "Take one image with logits 0, 0: its loss is log 2. With logits 0, 1000 and label 0 it is 1000.",
        "raised": "The labels are integers: logits[np.arange(len(labels)), labels] is the logit of each label.",
        "type": "Return one number.",
    },
)

# --- smoothed_cross_entropy ---------------------------------------------------------------------------------------


def _with_targets(make):
    """The mean loss for targets that `make(one_hot, smoothing, classes)` gives."""

    def loss(logits, labels, smoothing):
        targets = make(np.eye(logits.shape[1])[labels], smoothing, logits.shape[1])
        return -(targets * reference.log_softmax(logits)).sum(axis=1).mean()

    return loss


@quiet
def _through_powers(logits, labels, smoothing):
    targets = (1 - smoothing) * np.eye(logits.shape[1])[labels] + smoothing / logits.shape[1]
    return -(targets * np.log(_from_powers(logits))).sum(axis=1).mean()


@quiet
def _through_probabilities(logits, labels, smoothing):
    targets = (1 - smoothing) * np.eye(logits.shape[1])[labels] + smoothing / logits.shape[1]
    return -(targets * np.log(reference.softmax(logits))).sum(axis=1).mean()


def _smoothed_output(logits, labels, smoothing):
    p = (1 - smoothing) * reference.softmax(logits) + smoothing / logits.shape[1]
    return -np.log(_picked(p, labels)).mean()


smoothed_cross_entropy = question(
    "smoothed_cross_entropy",
    shortcuts=("scipy", "torch", "keras", "tensorflow", "jax"),
    points=3,
    partial=1,
    reference=lambda logits, labels, smoothing: reference.cross_entropy(logits, labels, smoothing),
    cases=lambda rng: [
        Case(**_batch(rng, 2, 3), smoothing=0.1),
        Case(**_batch(rng, 3, 4), smoothing=0.2),
        Case(**_batch(rng, 5, 10), smoothing=round(float(rng.uniform(0.05, 0.3)), 2)),
        Case(**_far_apart(rng), smoothing=0.1),
    ],
    mistakes={
        "The other classes share the whole of `smoothing`. Here all classes share it, the true one as well: it ends at "
        "1 − smoothing + smoothing / C.": _with_targets(
            lambda one_hot, s, c: (1 - s) * one_hot + s / (c - 1) * (1 - one_hot)
        ),
        "Your targets do not add up to 1: the true class gets its part of the shared `smoothing`, too.": _with_targets(
            lambda one_hot, s, c: (1 - s) * one_hot + s / c * (1 - one_hot)
        ),
        "Each other class gets the whole of `smoothing`: it is shared by all C classes.": _with_targets(
            lambda one_hot, s, c: (1 - s) * one_hot + s * (1 - one_hot)
        ),
        "You add `smoothing` / C to the one-hot row without taking it away from the true class.": _with_targets(
            lambda one_hot, s, c: one_hot + s / c
        ),
        "The parts are exchanged: it is the small part, `smoothing`, that is shared.": _with_targets(
            lambda one_hot, s, c: s * one_hot + (1 - s) / c
        ),
        "The smoothing is not used.": lambda logits, labels, smoothing: reference.cross_entropy(logits, labels),
        "You smooth the network's probabilities. It is the label that is smoothed.": _smoothed_output,
        "A logit is too large for the exponential: subtract each row's largest logit first.": _through_powers,
        "One of your probabilities is 0, and its logarithm infinite: take the logarithm of the formula, "
        "z − log-sum-exp(z), for every class.": _through_probabilities,
        "You add the losses up. The loss of a batch is the mean over its images.": lambda logits, labels, smoothing: (
            reference.cross_entropy(logits, labels, smoothing) * len(labels)
        ),
        "You take the mean over images and classes: add up over the classes, then take the mean over the images.": (
            lambda logits, labels, smoothing: reference.cross_entropy(logits, labels, smoothing) / logits.shape[1]
        ),
    },
    hints={
        "shape": "Return one number: the mean over the images.",
        "values": "Write down the targets of one image: do they add up to 1, and is only the true one large?",
        "raised": "One-hot rows of integer labels: np.eye(C)[labels], where C is logits.shape[1].",
        "type": "Return one number.",
    },
)
