"""The reference of Day 17, against scikit-learn, SciPy, brute force and examples by hand."""

import re

import numpy as np
import pytest
from scipy.stats import binomtest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support, recall_score, roc_auc_score, roc_curve
from sklearn.utils.class_weight import compute_class_weight

from course_utils.checks import day_17
from course_utils.data.splitting import connected
from course_utils.reference import (
    class_weights,
    cost_curve,
    model_card,
    patient_split,
    possible_report,
    screening_threshold,
    two_phase_plan,
    undo_class_weights,
)

TRAIN = np.repeat([0, 1], [1341, 3875])


def drawn(seed, well=60, ill=90):
    """Labels and scores with ties."""
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.repeat([0, 1], [well, ill]))
    return labels, (1 / (1 + np.exp(-rng.normal(2 * labels - 1, 1)))).round(2)


@pytest.mark.parametrize("seed", range(8))
def test_weights_are_scikit_learns_balanced_ones(seed):
    labels = np.random.default_rng(seed).choice([0, 1, 4, 7], 50, p=[0.1, 0.2, 0.3, 0.4])
    classes = np.unique(labels)
    wanted = compute_class_weight("balanced", classes=classes, y=labels)
    found = class_weights(labels)
    assert list(found) == classes.tolist()
    assert list(found.values()) == pytest.approx(wanted, rel=1e-12)
    assert np.mean([found[label] for label in labels]) == pytest.approx(1)


def test_the_weights_of_the_study():
    weights = class_weights(TRAIN)
    assert {c: round(w, 3) for c, w in weights.items()} == {0: 1.945, 1: 0.673}
    assert undo_class_weights([0.3], weights)[0] == pytest.approx(0.553, abs=5e-4)


def test_undoing_weights_gives_the_probabilities_of_the_population():
    """Of a weighted fit on every cell of a table, where the model can be exact."""
    rng = np.random.default_rng(0)
    cell = rng.integers(0, 4, 4000)
    labels = (rng.random(4000) < np.array([0.2, 0.5, 0.8, 0.95])[cell]).astype(int)
    weights, x = class_weights(labels), np.eye(4)[cell]
    fits = [
        LogisticRegression(C=1e8, fit_intercept=False, class_weight=w, tol=1e-10, max_iter=2000).fit(x, labels)
        for w in (weights, None)
    ]
    weighted, plain = (fit.predict_proba(np.eye(4))[:, 1] for fit in fits)
    assert abs(weighted - plain).max() > 0.05
    np.testing.assert_allclose(undo_class_weights(weighted, weights), plain, atol=1e-4)


def test_undoing_keeps_the_ends_the_order_and_so_the_area():
    labels, scores = drawn(1)
    undone = undo_class_weights(scores, {0: 3, 1: 0.5})
    assert undo_class_weights([0.0, 1.0], {0: 3, 1: 0.5}).tolist() == [0, 1]
    assert roc_auc_score(labels, undone) == roc_auc_score(labels, scores)
    np.testing.assert_allclose(undo_class_weights(undone, {0: 0.5, 1: 3}), scores, rtol=1e-12)


def test_the_plan_of_vgg16():
    plan = two_phase_plan(day_17.VGG16, day_17.HEAD, "block5", 1e-3)
    assert plan["phase 1"] == {"layers": ["answer"], "parameters": 513, "rate": 1e-3}
    block = [f"block5_conv{i}" for i in (1, 2, 3)]
    assert plan["phase 2"]["layers"] == [*block, "answer"]
    assert plan["phase 2"]["parameters"] == 7_079_424 + 513 == 3 * (9 * 512 + 1) * 512 + 513
    assert plan["phase 2"]["rate"] == pytest.approx(1e-5)
    assert sum(n for _, n in day_17.VGG16) == 14_714_688  # as Keras counts it without the dense layers


def test_a_block_is_not_another_whose_name_begins_alike():
    layers = [("block1_conv1", 10), ("block10_conv1", 20)]
    assert two_phase_plan(layers, [("answer", 3)], "block1", 1)["phase 2"]["layers"] == ["block1_conv1", "answer"]


@pytest.mark.parametrize("seed", range(12))
def test_a_split_parts_no_patient_and_no_picture(seed):
    rng = np.random.default_rng(seed)
    patients = rng.permutation(np.repeat(np.arange(80), rng.integers(1, 6, 80)))
    labels, contents = (patients % 3 > 0).astype(int), np.arange(len(patients))
    for one, other in rng.integers(0, len(patients), (15, 2)):
        contents[one] = contents[other]
    chosen = patient_split(labels, patients, contents, 0.2, seed)
    group = connected(len(labels), patients, contents)  # by SciPy
    assert not set(group[chosen]) & set(group[~chosen])
    for name in (0, 1):
        largest = np.bincount(group[labels == name]).max()
        short = 0.2 * (labels == name).sum() - chosen[labels == name].sum()
        assert -0.5 <= short <= largest
    assert np.array_equal(chosen, patient_split(labels, patients, contents, 0.2, seed))
    assert not np.array_equal(chosen, patient_split(labels, patients, contents, 0.2, seed + 100))


def test_a_chain_of_pictures_ties_its_patients():
    patients, contents = [1, 1, 2, 2, 3, 3, 4, 5], [0, 1, 1, 2, 2, 3, 4, 5]
    for seed in range(20):
        chosen = patient_split([1] * 8, patients, contents, 0.75, seed)
        assert chosen[:6].all() or not chosen[:6].any()


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("target", [0.5, 0.9, 0.95, 1.0])
def test_the_threshold_is_the_first_on_scikit_learns_curve(seed, target):
    known, new = drawn(seed), drawn(seed + 100, 40, 30)
    found = screening_threshold(*known, *new, target)
    _, tpr, thresholds = roc_curve(*known, drop_intermediate=False)
    assert found["threshold"] == thresholds[np.argmax(tpr >= target)]
    called = new[1] >= found["threshold"]
    assert found["sensitivity"] == pytest.approx(recall_score(new[0], called))
    wanted = binomtest(int(called[new[0] == 1].sum()), 30).proportion_ci(method="wilson")
    assert (found["low"], found["high"]) == pytest.approx((wanted.low, wanted.high), rel=1e-9)


@pytest.mark.parametrize("seed", range(4))
def test_costs_are_those_of_a_population_with_that_prevalence(seed):
    labels, scores = drawn(seed)
    thresholds = np.array([0.0, 0.2, 0.5, scores[0], 1.01])
    for threshold, cost in zip(thresholds, cost_curve(labels, scores, thresholds, 7, 2, 0.1), strict=True):
        weights = np.where(labels == 1, 0.1 / labels.mean(), 0.9 / (1 - labels.mean()))
        matrix = confusion_matrix(labels, scores >= threshold, sample_weight=weights / len(labels))
        assert cost == pytest.approx(7 * matrix[1, 0] + 2 * matrix[0, 1], abs=1e-12)


def test_the_published_report_is_impossible_and_the_exchanged_one_is_not():
    recall, support = [0.85, 0.96], [234, 390]
    assert possible_report([0.91, 0.93], recall, support, 2) == []
    assert possible_report([0.93, 0.91], recall, support, 2)


@pytest.mark.parametrize("seed", range(6))
def test_reports_by_brute_force_in_scikit_learn(seed):
    rng = np.random.default_rng(seed)
    support = [int(n) for n in rng.integers(5, 12, 2)]
    labels = np.repeat([0, 1], support)

    def report(well, ill):
        called = np.concatenate([np.arange(support[0]) >= well, np.arange(support[1]) < ill]).astype(int)
        return precision_recall_fscore_support(labels, called, zero_division=np.nan)[:2]

    published = [values.round(2) for values in report(*(int(n) - 1 for n in support))]
    wanted = [
        (well, ill)
        for well in range(support[0] + 1)
        for ill in range(support[1] + 1)
        if np.abs(np.subtract(report(well, ill), published)).max() <= 0.005 + 1e-9
    ]
    assert possible_report(*published, support, 2) == wanted != []


def test_the_card_of_the_drawn_run():
    run = day_17.RUN
    card, test = model_card(run), run["test"]
    called = test["scores"] >= run["threshold"]
    assert card["results"]["AUC"]["value"] == pytest.approx(roc_auc_score(test["labels"], test["scores"]))
    assert card["results"]["sensitivity"]["value"] == pytest.approx(recall_score(test["labels"], called))
    assert card["results"]["specificity"]["value"] == pytest.approx(recall_score(1 - test["labels"], ~called))
    assert [row["n"] for row in card["results"].values()] == [624, 390, 234]
    assert {name: row["n"] for name, row in card["groups"].items()} == {"bacterial": 242, "viral": 148}
    for row in card["groups"].values():
        wanted = binomtest(round(row["value"] * row["n"]), row["n"]).proportion_ci(method="wilson")
        assert (row["low"], row["high"]) == pytest.approx((wanted.low, wanted.high), rel=1e-9)
    ordered = np.sort(run["aucs"])
    low, high = card["results"]["AUC"]["low"], card["results"]["AUC"]["high"]
    assert ordered[4] <= low <= ordered[5] and ordered[-6] <= high <= ordered[-5]


def test_the_drawn_run_was_screened_as_it_says():
    run = day_17.RUN
    films = [run[part][name] for part in ("validation", "test") for name in ("labels", "scores")]
    assert screening_threshold(*films, run["target"])["threshold"] == run["threshold"]


def test_a_gap_in_the_texts_is_seen_on_the_card():
    run = dict(day_17.RUN) | {"texts": {"data": "films", "limits": ""}}
    card = model_card(run)
    assert card["data"] == "films"
    assert card["limits"] == card["not for"] == card["intended use"] == card["split"] == "not stated"


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: class_weights([]), "at least one class, not of shape (0,)"),
        (lambda: class_weights([[0, 1]]), "not of shape (1, 2)"),
        (lambda: class_weights(["a"]), "not real numbers"),
        (lambda: undo_class_weights([1.2], {0: 1, 1: 1}), "scores are probabilities"),
        (lambda: undo_class_weights([np.nan], {0: 1, 1: 1}), "scores are probabilities"),
        (lambda: undo_class_weights([0.2], {0: 0, 1: 1}), "weights are above 0, not 0 and 1"),
        (lambda: two_phase_plan([("block1_pool", 0)], [], "block1", 1), "no layer of 'block1' has weights"),
        (lambda: patient_split([0, 1], [1], [1, 2], 0.5, 0), "one patient and one content for each label"),
        (lambda: patient_split([0, 1], [1, 2], [1, 2], 1, 0), "a fraction lies between 0 and 1, not at 1"),
        (lambda: screening_threshold([0, 1], [0, 1], [0, 1], [0, 1], 0), "above 0 and at most 1, not 0"),
        (lambda: screening_threshold([0, 1], [0, 1], [1, 1], [0, 1], 1), "both classes are needed"),
        (lambda: cost_curve([0, 1], [0, 1], [0.5], -1, 1, 0.5), "costs are at least 0"),
        (lambda: cost_curve([0, 1], [0, 1], [np.nan], 1, 1, 0.5), "a threshold is a number"),
        (lambda: possible_report([1, 1], [1, 1], [0, 3], 2), "two classes, each with at least one film"),
        (lambda: possible_report([1], [1, 1], [3, 3], 2), "two classes"),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence(call, said):
    with pytest.raises(ValueError, match=re.escape(said)):
        call()
