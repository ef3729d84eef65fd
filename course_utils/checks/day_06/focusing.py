"""Focal loss: easy examples nearly free."""

import numpy as np

from course_utils import reference
from course_utils.checks.day_06.units import quiet
from course_utils.checks.question import Case, question


def _cases(rng: np.random.Generator) -> list[Case]:
    def case(n, gamma, alpha):
        labels = np.zeros(n, dtype=int)
        labels[: max(1, n // 3)] = 1
        return Case(logits=rng.normal(0, 2, n).round(2), labels=labels, gamma=gamma, alpha=alpha)

    high = float(rng.integers(800, 2000))
    far = Case(logits=np.array([high, -high, high, -high]), labels=np.array([1, 1, 0, 0]), gamma=2.0, alpha=0.25)
    return [case(3, 2.0, 0.25), case(5, 0.0, 0.75), case(8, 1.0, 0.4), case(10, 5.0, 0.25), far]


def _p(logits):
    return 1 / (1 + np.exp(-logits))


def _focal(*, factor=None, weight=None, probability=reference.sigmoid, price=None, total=np.mean):
    """focal_loss with one part exchanged; `factor` and `price` see p, p_t, y and gamma or not."""

    @quiet
    def loss(logits, labels, gamma, alpha):
        p = probability(logits)
        p_true = np.where(labels == 1, p, 1 - p)
        by_class = np.where(labels == 1, alpha, 1 - alpha) if weight is None else weight(labels, alpha)
        focus = (1 - p_true) ** gamma if factor is None else factor(p, p_true, gamma)
        # As far as it is right, from the logits: so that only the exchanged part is wrong.
        signed = np.where(labels == 1, logits, -logits)
        right_price = np.logaddexp(0, -signed)
        cost = right_price if price is None else price(p, p_true)
        return total(by_class * focus * cost)

    return loss


def _from_probabilities(logits, labels, gamma, alpha, probability, epsilon=0.0):
    p = np.clip(probability(logits), epsilon, 1 - epsilon)
    p_true = np.where(labels == 1, p, 1 - p)
    return np.mean(np.where(labels == 1, alpha, 1 - alpha) * (1 - p_true) ** gamma * -np.log(p_true))


def _clipped(epsilon):
    return lambda *inputs: _from_probabilities(*inputs, reference.sigmoid, epsilon)


@quiet
def _without_log_of_sum(logits, labels, gamma, alpha):
    return _from_probabilities(logits, labels, gamma, alpha, _p)


@quiet
def _both_terms(logits, labels, gamma, alpha):
    p = _p(logits)
    yes, no = alpha * (1 - p) ** gamma * np.log(p), (1 - alpha) * p**gamma * np.log(1 - p)
    return -np.mean(labels * yes + (1 - labels) * no)


@quiet
def _logits_as_probabilities(logits, labels, gamma, alpha):
    return _from_probabilities(logits, labels, gamma, alpha, lambda z: z, -np.inf)


focal_loss = question(
    "focal_loss",
    shortcuts=("scipy", "torch", "keras", "tensorflow", "jax"),
    points=4,
    partial=1,
    reference=reference.focal_loss,
    cases=_cases,
    mistakes={
        "One of your probabilities is exactly 0, and its logarithm infinite. Compute −log p_t from the logit: for a "
        "yes log(1 + exp(−z)), in its safe form.": _without_log_of_sum,
        "You add the term of the yes and that of the no, each times 0 or 1. Where a logarithm is infinite, 0 times it "
        "is no number: choose with np.where, and compute −log p_t from the logit.": _both_terms,
        **{
            f"You clip the probability at {epsilon:g}, so the worst mistakes cost no more than {-np.log(epsilon):.1f}. "
            "Compute −log p_t from the logit instead.": _clipped(epsilon)
            for epsilon in (1e-15, 1e-12, 1e-10, 1e-9, 1e-8, 1e-7, 1e-6)
        },
        "The factor uses p for every example. What counts is p_t, the probability of the truth: 1 − p for a no.": (
            _focal(factor=lambda p, p_true, gamma: (1 - p) ** gamma)
        ),
        "The factor is p_t to the power gamma, which makes the easy examples expensive: it is (1 − p_t) to the power "
        "gamma.": _focal(factor=lambda p, p_true, gamma: p_true**gamma),
        "You multiply by gamma. It is an exponent of (1 − p_t).": _focal(
            factor=lambda p, p_true, gamma: gamma * (1 - p_true)
        ),
        "You do not use gamma.": _focal(factor=lambda p, p_true, gamma: 1.0),
        "The factor is missing its exponent: (1 − p_t) alone is gamma = 1.": _focal(
            factor=lambda p, p_true, gamma: 1 - p_true
        ),
        "You do not use alpha.": _focal(weight=lambda labels, alpha: 1.0),
        "You weigh all examples by alpha. It weighs a yes; a no is weighed by 1 − alpha.": _focal(
            weight=lambda labels, alpha: alpha
        ),
        "You weigh a yes by alpha, but a no is not weighed at all: its weight is 1 − alpha.": _focal(
            weight=lambda labels, alpha: np.where(labels == 1, alpha, 1.0)
        ),
        "The weights alpha and 1 − alpha are exchanged: alpha belongs to a yes, the label 1.": _focal(
            weight=lambda labels, alpha: np.where(labels == 1, 1 - alpha, alpha)
        ),
        "The logarithm is that of p for every example, also where the truth is a no: take p_t.": quiet(
            lambda logits, labels, gamma, alpha: _focal(price=lambda p, p_true: np.logaddexp(0, -logits))(
                logits, labels, gamma, alpha
            )
        ),
        "You add the losses up: the answer is their mean.": _focal(total=np.sum),
        "You divide by the number of yes. Some detectors do; here it is the mean over all examples.": (
            lambda logits, labels, gamma, alpha: (
                reference.focal_loss(logits, labels, gamma, alpha) * len(labels) / np.sum(labels)
            )
        ),
        "You give a loss for each example: the answer is one number, their mean.": _focal(total=lambda losses: losses),
        "The sign is missing: a loss is never negative.": lambda *inputs: -reference.focal_loss(*inputs),
        "You take the logits for probabilities: a sigmoid is needed first.": _logits_as_probabilities,
    },
    hints={
        "shape": "Return one number: the mean over the examples.",
        "values": "Take a single example with logit 0: p is 0.5 for yes and no. What are p_t, the factor, the price?",
        "raised": "To take a for a yes and b for a no, write np.where(labels == 1, a, b).",
        "type": "Return one number.",
    },
)
