"""Scores and thresholds of the reference against scikit-learn and SciPy."""

import re

import numpy as np
import pytest
from scipy.stats import binomtest, mannwhitneyu
from sklearn import metrics

from course_utils.reference import (
    BinaryCounts,
    auc,
    binary_counts,
    expected_cost,
    precision_recall_curve,
    predictive_values,
    roc_curve,
    threshold_for_sensitivity,
    wilson_interval,
)


def drawn(seed):
    """Labels and scores, 2 to 80 of them: with ties for every other seed, as probabilities or as any numbers."""
    rng = np.random.default_rng(seed)
    labels = rng.permutation([0, 1, *rng.integers(0, 2, rng.integers(0, 79))])
    scores = rng.normal(labels * rng.uniform(-1, 3), 1)
    if seed % 4 > 1:
        scores = 1 / (1 + np.exp(-scores))
    return labels, np.round(scores, 1) if seed % 2 else scores


seeds = pytest.mark.parametrize("seed", range(24))


@seeds
def test_counts_and_measures_are_scikit_learns(seed):
    labels, scores = drawn(seed)
    for threshold in [*scores[:8], scores.min() - 1, scores.max() + 1, 0.5]:
        counts, predicted = binary_counts(labels, scores, threshold), scores >= threshold
        tn, fp, fn, tp = metrics.confusion_matrix(labels, predicted, labels=[0, 1]).ravel()
        assert counts == (tp, fp, fn, tn)
        wanted = {
            "sensitivity": metrics.recall_score(labels, predicted),
            "specificity": metrics.recall_score(labels, predicted, pos_label=0),
            "ppv": metrics.precision_score(labels, predicted, zero_division=np.nan),
            "npv": metrics.precision_score(labels, predicted, pos_label=0, zero_division=np.nan),
            "accuracy": metrics.accuracy_score(labels, predicted),
            "f1": metrics.f1_score(labels, predicted),
        }
        for name, value in wanted.items():
            assert getattr(counts, name) == pytest.approx(value, rel=1e-12, nan_ok=True), name


@seeds
def test_the_roc_curve_is_scikit_learns(seed):
    labels, scores = drawn(seed)
    wanted = metrics.roc_curve(labels, scores, drop_intermediate=False)
    for ours, theirs in zip(roc_curve(labels, scores), wanted, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=0)


@seeds
def test_the_area_is_scikit_learns_and_a_rank_sum(seed):
    labels, scores = drawn(seed)
    area = auc(labels, scores)
    fpr, tpr, _ = roc_curve(labels, scores)
    positive, negative = scores[labels == 1], scores[labels == 0]
    assert area == pytest.approx(metrics.roc_auc_score(labels, scores), rel=1e-12)
    assert area == pytest.approx(np.trapezoid(tpr, fpr), rel=1e-12)
    u = mannwhitneyu(positive, negative).statistic
    assert area == pytest.approx(u / (positive.size * negative.size), rel=1e-12)


@seeds
def test_the_precision_recall_curve_is_scikit_learns(seed):
    labels, scores = drawn(seed)
    precision, recall, thresholds = metrics.precision_recall_curve(labels, scores)
    wanted = (precision[:-1], recall[:-1], thresholds)  # without its added point at recall 0
    for ours, theirs in zip(precision_recall_curve(labels, scores), wanted, strict=True):
        np.testing.assert_allclose(ours[::-1], theirs, rtol=1e-12, atol=0)


def test_a_published_table_gives_its_published_area():
    """Hanley & McNeil (1982): 109 images rated from 1 to 5, area 0.893."""
    normal, abnormal = (33, 6, 6, 11, 2), (3, 2, 2, 11, 33)
    labels = np.repeat([0, 1], [sum(normal), sum(abnormal)])
    ratings = np.concatenate([np.repeat(range(1, 6), normal), np.repeat(range(1, 6), abnormal)])
    assert round(auc(labels, ratings), 3) == 0.893


@pytest.mark.parametrize(("scores", "area"), [([0.1, 0.2, 0.8, 0.9], 1), ([0.9, 0.8, 0.2, 0.1], 0), ([3] * 4, 0.5)])
def test_areas_that_are_known(scores, area):
    assert auc([0, 0, 1, 1], scores) == area


@seeds
@pytest.mark.parametrize("target", [0.01, 0.5, 0.8, 0.95, 1.0])
def test_no_higher_threshold_reaches_the_target(seed, target):
    labels, scores = drawn(seed)
    found = threshold_for_sensitivity(labels, scores, target)
    assert binary_counts(labels, scores, found).sensitivity >= target - 1e-12
    assert binary_counts(labels, scores, np.nextafter(found, np.inf)).sensitivity < target


def test_binary_fractions_do_not_move_the_target():
    for n in (10, 50, 100, 200):
        labels, scores = np.append(np.ones(n, int), 0), np.append(np.arange(n), 0)
        for k in range(1, n + 1):
            assert threshold_for_sensitivity(labels, scores, round(k / n, 3)) == n - k


@pytest.mark.parametrize("seed", range(6))
def test_predictive_values_agree_with_a_count_of_the_same_prevalence(seed):
    labels, scores = drawn(seed + 6)
    counts = binary_counts(labels, scores, np.median(scores))
    found = predictive_values(counts.sensitivity, counts.specificity, labels.mean())
    assert found == pytest.approx((counts.ppv, counts.npv), rel=1e-12)
    weights = np.where(labels == 1, 0.02 / labels.mean(), 0.98 / (1 - labels.mean()))
    wanted = metrics.precision_score(labels, scores >= np.median(scores), sample_weight=weights)
    assert predictive_values(counts.sensitivity, counts.specificity, 0.02)[0] == pytest.approx(wanted, rel=1e-12)


def test_a_rare_disease_by_hand():
    ppv, npv = predictive_values(0.9, 0.9, 0.01)  # of 1,000: 9 of 10 found, 99 of 990 alarmed
    assert ppv == pytest.approx(9 / 108) and npv == pytest.approx(891 / 892)
    assert np.isnan(predictive_values(0, 1, 0.3)[0])


def test_costs_by_hand():
    counts = BinaryCounts(tp=45, fp=10, fn=5, tn=40)
    assert expected_cost(counts, 10, 1, per=100) == pytest.approx(5 * 10 + 10 * 1)
    assert expected_cost(counts, 10, 1, prevalence=0.1, per=100) == pytest.approx(100 * (0.1 * 0.1 * 10 + 0.9 * 0.2))


@pytest.mark.parametrize(("k", "n"), [(0, 1), (1, 1), (0, 16), (8, 16), (374, 390), (624, 624)])
@pytest.mark.parametrize("confidence", [0.8, 0.95, 0.99])
def test_wilsons_interval_is_scipys(k, n, confidence):
    wanted = binomtest(k, n).proportion_ci(confidence, method="wilson")
    assert wilson_interval(k, n, confidence) == pytest.approx((wanted.low, wanted.high), rel=1e-9, abs=1e-12)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: auc([1, 1], [0.1, 0.2]), "both classes are needed: there are 2 positives and 0 negatives"),
        (lambda: auc([], []), "both classes are needed"),
        (lambda: roc_curve([0, 2], [0.1, 0.2]), "labels are 0 or 1, not 2"),
        (lambda: binary_counts([0, 1, 1], [0.1, 0.2], 0.5), "one score for each label, not shapes (3,) and (2,)"),
        (lambda: auc([0, 1], [[0.1, 0.2]]), "one score for each label"),
        (lambda: auc([0, 1], [0.1, np.nan]), "every score must be finite"),
        (lambda: auc(["a", "b"], [0, 1]), "not real numbers"),
        (lambda: binary_counts([0, 1], [0, 1], np.nan), "a threshold is a number"),
        (lambda: threshold_for_sensitivity([0, 1], [0, 1], 0), "above 0 and at most 1, not 0"),
        (lambda: predictive_values(0.5, 1.5, 0.5), "the specificity lies between 0 and 1, not at 1.5"),
        (lambda: expected_cost(BinaryCounts(1, 1, 1, 1), -1, 1), "costs are at least 0"),
        (lambda: expected_cost(BinaryCounts(1, 1, 1, 1), 1, 1, prevalence=2), "the prevalence lies between 0 and 1"),
        (lambda: wilson_interval(3, 2), "no interval for 3 of 2"),
        (lambda: wilson_interval(0, 0), "no interval for 0 of 0"),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence(call, said):
    with pytest.raises(ValueError, match=re.escape(said)):
        call()
