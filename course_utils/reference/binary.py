"""Two classes and a score: what happens at each threshold. A score of at least the threshold is called positive."""

from statistics import NormalDist
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from course_utils.reference.inputs import numbers


class BinaryCounts(NamedTuple):
    """A confusion matrix of two classes. A share of nothing is NaN, such as the PPV where nobody is called positive."""

    tp: int
    fp: int
    fn: int
    tn: int

    @property
    def sensitivity(self) -> float:
        """Share of the positives that are found: recall, true positive rate."""
        return _share(self.tp, self.tp + self.fn)

    @property
    def specificity(self) -> float:
        """Share of the negatives that are cleared: true negative rate."""
        return _share(self.tn, self.tn + self.fp)

    @property
    def ppv(self) -> float:
        """Positive predictive value, or precision: share of right ones among those called positive."""
        return _share(self.tp, self.tp + self.fp)

    @property
    def npv(self) -> float:
        """Negative predictive value: share of right ones among those called negative."""
        return _share(self.tn, self.tn + self.fn)

    @property
    def accuracy(self) -> float:
        """Share of right ones among all."""
        return _share(self.tp + self.tn, sum(self))

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall."""
        return _share(2 * self.tp, 2 * self.tp + self.fp + self.fn)


def binary_counts(y_true: ArrayLike, scores: ArrayLike, threshold: float) -> BinaryCounts:
    """The confusion matrix at a threshold.

    y_true: 0 or 1, positives are 1, (N,); scores: (N,). Raises ValueError for other labels, one class only, unlike
    lengths, scores that are not finite, or a threshold that is NaN. Introduced on Day 17.
    """
    if np.isnan(threshold):
        raise ValueError("a threshold is a number, not NaN")
    positive, negative = by_class(y_true, scores)
    tp, fp = int((positive >= threshold).sum()), int((negative >= threshold).sum())
    return BinaryCounts(tp, fp, positive.size - tp, negative.size - fp)


def roc_curve(y_true: ArrayLike, scores: ArrayLike) -> tuple[NDArray, NDArray, NDArray]:
    """One point for each threshold that makes a difference, from "nobody" to "everybody".

    y_true: 0 or 1, (N,); scores: (N,). Returns false positive rates, true positive rates and thresholds, (K + 1,) each
    for K different scores; the first threshold is infinite. Raises ValueError as `binary_counts`. Introduced on Day 17.
    """
    positive, negative = by_class(y_true, scores)
    thresholds = np.append(np.inf, np.unique(np.concatenate([positive, negative]))[::-1])
    rates = [(values >= thresholds[:, None]).mean(axis=1) for values in (negative, positive)]
    return rates[0], rates[1], thresholds


def auc(y_true: ArrayLike, scores: ArrayLike) -> float:
    """Area under the ROC curve: the chance that a positive scores higher than a negative, a tie counting one half.

    That is the Mann-Whitney U over the number of pairs (Hanley & McNeil 1982). Raises ValueError as `binary_counts`.
    Introduced on Day 17.
    """
    positive, negative = by_class(y_true, scores)
    ordered = np.sort(negative)
    below, up_to = (np.searchsorted(ordered, positive, side).sum() for side in ("left", "right"))
    return float(below + up_to) / (2 * positive.size * negative.size)


def precision_recall_curve(y_true: ArrayLike, scores: ArrayLike) -> tuple[NDArray, NDArray, NDArray]:
    """Precision and recall at each different score, from the highest: (K,) each, and these thresholds.

    Where nobody is called positive there is no precision, hence no point. Raises ValueError as `binary_counts`.
    Introduced on Day 18.
    """
    _, recall, thresholds = roc_curve(y_true, scores)
    counts = [binary_counts(y_true, scores, threshold) for threshold in thresholds[1:]]
    return np.array([c.ppv for c in counts]), recall[1:], thresholds[1:]


def threshold_for_sensitivity(y_true: ArrayLike, scores: ArrayLike, target: float) -> float:
    """The highest threshold that finds at least the share `target` of the positives.

    target: above 0, at most 1. Raises ValueError for another, else as `binary_counts`. Introduced on Day 17.
    """
    if not 0 < target <= 1:
        raise ValueError(f"a target sensitivity is above 0 and at most 1, not {target}")
    positive = np.sort(by_class(y_true, scores)[0])[::-1]
    found = np.arange(1, positive.size + 1) / positive.size
    return float(positive[np.argmax(found >= target - 1e-12)])  # 1e-12: 0.07 of 100 is 7, whatever binary fractions say


def predictive_values(sensitivity: float, specificity: float, prevalence: float) -> tuple[float, float]:
    """PPV and NPV by Bayes' rule where a share `prevalence` is positive; NaN for a share of nothing.

    All between 0 and 1. Raises ValueError outside. Introduced on Day 17.
    """
    for name, value in (("sensitivity", sensitivity), ("specificity", specificity), ("prevalence", prevalence)):
        if not 0 <= value <= 1:
            raise ValueError(f"the {name} lies between 0 and 1, not at {value}")
    found, missed = prevalence * sensitivity, prevalence * (1 - sensitivity)
    cleared, alarmed = (1 - prevalence) * specificity, (1 - prevalence) * (1 - specificity)
    return _share(found, found + alarmed), _share(cleared, cleared + missed)


def expected_cost(
    counts: BinaryCounts, miss: float, false_alarm: float, prevalence: float | None = None, per: float = 1
) -> float:
    """What the mistakes of so many (`per`) cost on average.

    miss, false_alarm: cost of one, at least 0. prevalence: share of positives where the classifier is used, by default
    as in the counts. Raises ValueError for a negative cost or another prevalence. Introduced on Day 17.
    """
    if min(miss, false_alarm) < 0:
        raise ValueError(f"costs are at least 0, not {miss} and {false_alarm}")
    share = (counts.tp + counts.fn) / sum(counts) if prevalence is None else prevalence
    if not 0 <= share <= 1:
        raise ValueError(f"the prevalence lies between 0 and 1, not at {share}")
    missed, alarmed = share * (1 - counts.sensitivity), (1 - share) * (1 - counts.specificity)
    return per * (missed * miss + alarmed * false_alarm)


def wilson_interval(successes: int, n: int, confidence: float = 0.95) -> tuple[float, float]:
    """Wilson's score interval for a share of `successes` in `n` (1927): it stays within 0 and 1, and is never empty.

    Raises ValueError unless 0 <= successes <= n, n >= 1 and 0 < confidence < 1. Introduced on Day 17.
    """
    if not (0 <= successes <= n and n >= 1 and 0 < confidence < 1):
        raise ValueError(f"no interval for {successes} of {n} with a confidence of {confidence}")
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    share, weight = successes / n, z**2 / n
    middle = (share + weight / 2) / (1 + weight)
    half = z * np.sqrt(share * (1 - share) / n + weight / (4 * n)) / (1 + weight)
    return max(0.0, middle - float(half)), min(1.0, middle + float(half))


def by_class(y_true: ArrayLike, scores: ArrayLike) -> tuple[NDArray, NDArray]:
    """The scores of the positives and those of the negatives. Raises ValueError as `binary_counts` says."""
    labels, values = numbers(y_true, "labels"), numbers(scores, "scores").astype(float)
    if labels.ndim != 1 or labels.shape != values.shape:
        raise ValueError(f"one score for each label, not shapes {labels.shape} and {values.shape}")
    if not np.isin(labels, (0, 1)).all():
        raise ValueError(f"labels are 0 or 1, not {labels[~np.isin(labels, (0, 1))][0]}")
    if not np.isfinite(values).all():
        raise ValueError("every score must be finite")
    positive, negative = values[labels == 1], values[labels == 0]
    if not (positive.size and negative.size):
        raise ValueError(f"both classes are needed: there are {positive.size} positives and {negative.size} negatives")
    return positive, negative


def _share(part: float, whole: float) -> float:
    return part / whole if whole else float("nan")
