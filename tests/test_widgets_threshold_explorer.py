"""The threshold explorer: its JavaScript against the reference and scikit-learn, its Python side."""

import re

import matplotlib.pyplot as plt
import numpy as np
import pytest
import traitlets
from sklearn import metrics
from widget_kit import node

from course_utils import reference
from course_utils.widgets import ThresholdExplorer

NAME = "threshold_explorer"
COUNTS = ("tp", "fp", "fn", "tn")


def sets(seed, count=60):
    """Labels and scores, 2 to 80 of them: with ties for every other, as probabilities or as any numbers."""
    rng = np.random.default_rng(seed)
    for i in range(count):
        labels = rng.permutation([0, 1, *rng.integers(0, 2, rng.integers(0, 79))])
        scores = rng.normal(labels * rng.uniform(-1, 3), 1)
        if i % 4 > 1:
            scores = 1 / (1 + np.exp(-scores))
        yield labels, np.round(scores, 1) if i % 2 else scores


def at_thresholds(seed):
    """(set, threshold) at scores, beside them and beyond them."""
    rng = np.random.default_rng(seed + 100)
    for labels, scores in sets(seed):
        for threshold in (*rng.choice(scores, 2), scores.min() - 1, scores.max() + 1, np.median(scores) + 0.03):
            yield (labels, scores), float(threshold)


def test_confusion_matrices_are_the_references():
    cases = list(at_thresholds(1))
    found = node(NAME, "(set, t) => countsAt(curve(set), t)", cases)
    assert [tuple(one[key] for key in COUNTS) for one in found] == [
        tuple(reference.binary_counts(*pair, threshold)) for pair, threshold in cases
    ]


def same(found, wanted):
    """NaN in Python is null on the page."""
    assert (found is None) == bool(np.isnan(wanted))
    if found is not None:
        assert found == pytest.approx(wanted, rel=1e-12, abs=1e-15)


def test_measures_are_the_references():
    cases = list(at_thresholds(2))
    for found, case in zip(node(NAME, "(set, t) => measures(countsAt(curve(set), t))", cases), cases, strict=True):
        counts = reference.binary_counts(*case[0], case[1])
        for key, value in found.items():
            same(value, getattr(counts, key))


@pytest.mark.parametrize("prevalence", [0.001, 0.05, 0.5, 0.99])
def test_another_prevalence_moves_what_depends_on_it(prevalence):
    cases = [(*case, prevalence) for case in at_thresholds(3)]
    for found, ((labels, scores), threshold, _) in zip(
        node(NAME, "(set, t, p) => measures(countsAt(curve(set), t), p)", cases), cases, strict=True
    ):
        counts = reference.binary_counts(labels, scores, threshold)
        assert (found["sensitivity"], found["specificity"]) == (counts.sensitivity, counts.specificity)
        ppv, npv = reference.predictive_values(counts.sensitivity, counts.specificity, prevalence)
        same(found["ppv"], ppv)
        same(found["npv"], npv)
        weights = np.where(labels == 1, prevalence / labels.mean(), (1 - prevalence) / (1 - labels.mean()))
        called = scores >= threshold
        same(found["accuracy"], metrics.accuracy_score(labels, called, sample_weight=weights))
        same(found["f1"], metrics.f1_score(labels, called, sample_weight=weights))


def test_roc_curves_are_the_references():
    cases = list(sets(4))
    found = node(NAME, "(...set) => curve(set)", cases)
    for one, (labels, scores) in zip(found, cases, strict=True):
        fpr, tpr, thresholds = reference.roc_curve(labels, scores)
        assert [point["threshold"] for point in one["points"]] == thresholds.tolist()
        np.testing.assert_allclose([point["tp"] / one["positives"] for point in one["points"]], tpr, rtol=1e-12)
        np.testing.assert_allclose([point["fp"] / one["negatives"] for point in one["points"]], fpr, rtol=1e-12)


def test_areas_are_exact_with_ties():
    cases = list(sets(5, 120))
    for area, case in zip(node(NAME, "(...set) => auc(curve(set))", cases), cases, strict=True):
        assert area == reference.auc(*case)
        assert area == pytest.approx(metrics.roc_auc_score(*case), rel=1e-12)


def test_pairs_are_those_that_a_double_loop_counts():
    cases = list(sets(6, 20))
    for found, (labels, scores) in zip(node(NAME, "(...set) => pairs(curve(set))", cases), cases, strict=True):
        difference = scores[labels == 1][:, None] - scores[labels == 0]
        assert found == {
            "higher": (difference > 0).sum(),
            "equal": (difference == 0).sum(),
            "all": difference.size,
        }


@pytest.mark.parametrize("prevalence", [None, 0.02])
def test_average_precision_is_scikit_learns(prevalence):
    cases = list(sets(7))
    found = node(
        NAME, f"(...set) => averagePrecision(curve(set), {'null' if prevalence is None else prevalence})", cases
    )
    for value, (labels, scores) in zip(found, cases, strict=True):
        share = labels.mean() if prevalence is None else prevalence
        weights = np.where(labels == 1, share / labels.mean(), (1 - share) / (1 - labels.mean()))
        wanted = metrics.average_precision_score(labels, scores, sample_weight=weights)
        assert value == pytest.approx(wanted, rel=1e-9)


def test_intervals_are_the_references():
    cases = [(k, n) for n in (1, 2, 16, 390) for k in {0, 1, n // 2, n - 1, n}]
    for (k, n), found in zip(cases, node(NAME, "wilson", cases), strict=True):
        assert found == pytest.approx(reference.wilson_interval(k, n), rel=1e-12, abs=1e-15)


@pytest.mark.parametrize("prevalence", [None, 0.1])
@pytest.mark.parametrize(("miss", "alarm"), [(1, 1), (20, 1), (0, 3), (0.5, 7)])
def test_costs_and_the_cheapest_threshold(prevalence, miss, alarm):
    cases = [(pair, miss, alarm, prevalence) for pair in sets(8, 30)]
    found = node(NAME, "(set, ...given) => cheapest(curve(set), ...given)", cases)
    for one, (pair, *_) in zip(found, cases, strict=True):
        prices = {
            threshold: reference.expected_cost(
                reference.binary_counts(*pair, threshold), miss, alarm, prevalence, per=100
            )
            for threshold in reference.roc_curve(*pair)[2]
        }
        assert one["cost"] == pytest.approx(min(prices.values()), rel=1e-12, abs=1e-12)
        equal = [t for t, price in prices.items() if price <= min(prices.values()) * (1 + 1e-9) + 1e-15]
        assert one["threshold"] == min(equal), "of equally cheap ones, that with the fewest misses"


@pytest.mark.parametrize("target", [0.01, 0.5, 0.9, 0.95, 1])
def test_targets_are_reached_at_the_references_threshold(target):
    cases = list(sets(9))
    found = node(NAME, f"(...set) => thresholdFor(curve(set), {target})", cases)
    assert found == [reference.threshold_for_sensitivity(*case, target) for case in cases]


def test_histograms_lose_nobody_and_know_right_from_wrong():
    cases = [(pair, *bounds(pair[1]), 20, threshold) for pair, threshold in at_thresholds(10)]
    found = node(NAME, "histogram", cases)
    for bins, ((labels, scores), least, most, _, threshold) in zip(found, cases, strict=True):
        counts = reference.binary_counts(labels, scores, threshold)
        for kind, right, wrong in (("positive", counts.tp, counts.fn), ("negative", counts.tn, counts.fp)):
            assert np.sum([one[kind] for one in bins], axis=0).tolist() == [right, wrong]
        heights = [sum(one["positive"]) for one in bins]
        if most > 1.01:  # no score lies on an edge, where rounding decides
            assert heights == np.histogram(scores[labels == 1], 20, (least, most))[0].tolist()


def bounds(scores):
    widget = ThresholdExplorer([0, 1], [scores.min(), scores.max()])
    return widget._range()


def test_page_and_python_agree_where_thresholds_lie():
    cases = [*sets(11), ([0, 1], [0.5, 0.5]), ([0, 1], [0, 1]), ([0, 1], [3, 3])]
    found = node(NAME, "(...set) => domain(set)", cases)
    for one, (_, scores) in zip(found, cases, strict=True):
        assert one == pytest.approx(bounds(np.asarray(scores, dtype=float)), rel=1e-12)


def test_tick_marks_are_round_and_inside():
    cases = [(0, 1), (0, 7), (-40, 40), (0.8, 5.2), (0, 363.2), (0, 1e-3)]
    for (least, most), marks in zip(cases, node(NAME, "ticks", cases), strict=True):
        assert 3 <= len(marks) <= 12 and least <= marks[0] and marks[-1] <= most
        steps = np.diff(marks)
        assert steps == pytest.approx(steps[0]) and f"{steps[0]:.0e}"[0] in "125"


GIVEN = """(state, validation = [], test = []) => {
    const a = { validation: [[0, 1], [0.2, 0.8]], test: null };
    const b = { validation: [[0, 1], [1, 5]], test: [[0, 1], [2, 6]] };
    return clean(state, (name) => ({ validation, test, samples: { a, b } })[name]);
}"""


def cleaned(state, *own):
    (found,) = node(NAME, GIVEN, [(state, *own)])
    return found


def test_any_state_is_made_one_that_can_be_shown():
    start = {"sample": "a", "shown": "validation", "threshold": 0.5, "target": 0.95, "prevalence": None}
    start |= {"cost_miss": 5, "cost_alarm": 1}
    assert cleaned(start) == start
    for value in (None, "x", [], {"no": 1}, [[[1e30]]]):
        found = cleaned(dict.fromkeys(start, value))
        assert found == start | {"cost_miss": 1, "cost_alarm": 1}
    assert cleaned(dict.fromkeys(start, -1e9)) == start | {
        "threshold": 0, "target": 0.01, "prevalence": 0.0001, "cost_miss": 0, "cost_alarm": 0,
    }  # fmt: skip
    assert cleaned(start | {"shown": "test"})["shown"] == "validation", "a has no test set"
    assert cleaned(start | {"shown": "test", "sample": "b"})["shown"] == "test"
    assert cleaned(start | {"sample": "b"})["threshold"] == pytest.approx(0.75), "below every score of b"


def test_scores_of_ones_own_can_be_chosen_where_there_are_some():
    state = {"sample": "your scores", "threshold": 0.5}
    assert cleaned(state)["sample"] == "a"
    assert cleaned(state, [[0, 1], [0.3, 0.4]])["sample"] == "your scores"


# The Python side


@pytest.mark.parametrize("name", ThresholdExplorer().samples)
def test_samples_are_what_they_claim(name):
    sample = ThresholdExplorer().samples[name]
    pairs = [pair for pair in (sample["validation"], sample["test"]) if pair]
    assert all(set(labels) == {0, 1} and len(labels) == len(scores) for labels, scores in pairs)
    areas = [reference.auc(*pair) for pair in pairs]
    if name == "perfect":
        assert areas == [1, 1]
    elif name == "a coin's opinion":
        assert areas == pytest.approx([0.5, 0.5], abs=0.1)
    elif name == "a radiologist's ratings":
        assert round(areas[0], 3) == 0.893  # as published
    else:
        assert 0.5 < areas[1] < areas[0] < 1, "the test set is a little harder"
    assert "drawn by code" in sample["note"] or "1982" in sample["note"]


def test_the_same_numbers_are_drawn_each_time():
    assert ThresholdExplorer().samples == ThresholdExplorer().samples


def test_scores_of_ones_own():
    labels, scores = np.array([False, True, True]), np.array([0.1, 0.4, 0.9], dtype=np.float32)
    widget = ThresholdExplorer(labels, scores, test=([0, 1], [0.2, 0.3]), threshold=0.5)
    assert widget.sample == "your scores"
    assert widget.validation == [[0, 1, 1], pytest.approx([0.1, 0.4, 0.9])]
    assert "1 of 2 positive are found (sensitivity 50.0 %)" in widget.describe()
    assert "The area under the ROC curve is 1.0000." in widget.describe()
    widget.shown = "test"
    assert "0 of 1 positive are found" in widget.describe() and "test set" in widget.describe()
    widget.validation = []
    assert widget.sample == "chest films"


def test_words_say_what_the_reference_says():
    widget = ThresholdExplorer(threshold=0.3)
    pair = widget.samples["chest films"]["validation"]
    counts = reference.binary_counts(*pair, 0.3)
    said = widget.describe()
    assert f"{counts.tp} of {counts.tp + counts.fn} pneumonia are found" in said
    assert f"specificity {100 * counts.specificity:.1f} %" in said
    assert f"{reference.auc(*pair):.4f}" in said


def test_a_set_that_is_not_there_is_not_described():
    widget = ThresholdExplorer(sample="a radiologist's ratings", shown="test", threshold=3)
    assert "in the validation set" in widget.describe()


@pytest.mark.parametrize("state", [{}, {"shown": "test", "prevalence": 0.05}, {"threshold": 1.0}, {"cost_miss": 0}])
@pytest.mark.parametrize("sample", ["chest films", "perfect", "a radiologist's ratings"])
def test_the_figure_draws_the_references_curves(sample, state):
    widget = ThresholdExplorer(sample=sample, **state)
    pair = widget.samples[sample][widget.shown] or widget.samples[sample]["validation"]
    figure = widget.to_figure()
    _, roc, pr, bill = figure.axes
    fpr, tpr, thresholds = reference.roc_curve(*pair)
    np.testing.assert_allclose(np.transpose([fpr, tpr]), roc.lines[0].get_xydata())
    counts = reference.binary_counts(*pair, widget.threshold)
    np.testing.assert_allclose([[1 - counts.specificity, counts.sensitivity]], roc.lines[2].get_xydata(), atol=1e-12)
    each = [reference.binary_counts(*pair, threshold) for threshold in thresholds]
    share = np.mean(pair[0]) if widget.prevalence is None else widget.prevalence
    wanted = [reference.predictive_values(c.sensitivity, c.specificity, share)[0] for c in each[1:]]
    np.testing.assert_allclose(pr.lines[0].get_ydata()[1:], wanted)
    prices = [reference.expected_cost(c, widget.cost_miss, widget.cost_alarm, widget.prevalence, per=100) for c in each]
    np.testing.assert_allclose(bill.patches[0].get_data().values, prices[::-1], atol=1e-12)
    plt.close(figure)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"validation": ([1, 1], [0.1, 0.2])}, "both classes are needed, and all 2 labels are 1"),
        ({"y_true": [0, 0, 0], "scores": [1, 2, 3]}, "both classes are needed, and all 3 labels are 0"),
        ({"validation": ([0, 1], [0.1])}, "one score for each of up to 5000 labels, not shapes (2,) and (1,)"),
        ({"validation": ([0, 2], [0.1, 0.2])}, "labels are 0 or 1"),
        ({"validation": (["no", "yes"], [0.1, 0.2])}, "labels are 0 or 1"),
        ({"validation": ([0, 1], [0.1, np.inf])}, "every score must be finite"),
        ({"validation": ([0, 1], ["a", "b"])}, "could not convert"),
        ({"validation": [1, 2, 3]}, "a pair (y_true, scores) is wanted, not 3 things"),
        ({"validation": 3}, "ThresholdExplorer.validation"),
        ({"validation": (np.zeros(6000), np.zeros(6000))}, "up to 5000 labels"),
        ({"y_true": [0, 1]}, "takes labels and scores, both or neither"),
        ({"test": ([0, 1], [0.1, 0.2])}, "a test set needs a validation set"),
        ({"sample": "mine"}, "no sample is called mine; there are chest films"),
        ({"classes": ["a"]}, "two classes have two names"),
        ({"shown": "training"}, "validation"),
        ({"threshold": np.nan}, "threshold must be finite"),
        ({"threshold": "high"}, "threshold"),
        ({"prevalence": 0}, "prevalence"),
        ({"prevalence": 1.5}, "prevalence"),
        ({"target": 0}, "target"),
        ({"cost_miss": -1}, "cost_miss"),
        ({"cost_alarm": np.inf}, "cost_alarm"),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence(arguments, said):
    with pytest.raises(traitlets.TraitError, match=re.escape(said)) as caught:
        ThresholdExplorer(**arguments)
    assert "\n" not in str(caught.value)
