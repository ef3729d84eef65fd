"""A screening study with two classes: weights, phases, a split by patient, thresholds, costs, reports, a model card.

Class 1 is the disease, and a score of at least the threshold is called positive. Introduced on Day 17.
"""

from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from course_utils.reference.binary import (
    BinaryCounts,
    auc,
    binary_counts,
    expected_cost,
    threshold_for_sensitivity,
    wilson_interval,
)
from course_utils.reference.inputs import numbers

Layers = Sequence[tuple[str, int]]
TEXTS = ("intended use", "not for", "data", "split", "limits")
NOT_STATED = "not stated"
SLOWER = 100


def class_weights(labels: ArrayLike) -> dict[int, float]:
    """Class -> N / (classes * films of the class), so that all classes weigh alike and the mean weight is 1.

    labels: whole numbers (N,). Raises ValueError for none. Source: "balanced" weights, King & Zeng 2001.
    """
    y = numbers(labels, "labels")
    if y.ndim != 1 or not y.size:
        raise ValueError(f"labels are a list of at least one class, not of shape {y.shape}")
    classes, counts = np.unique(y, return_counts=True)
    return {int(c): float(y.size / (len(classes) * n)) for c, n in zip(classes, counts, strict=True)}


def undo_class_weights(scores: ArrayLike, weights: Mapping[int, float]) -> NDArray:
    """Probabilities of class 1 without the weights that training gave the classes: float64, as scores.

    scores: between 0 and 1; weights: {0: w0, 1: w1}, above 0. Weights multiply the odds of class 1 by w1 / w0; this
    divides by it. Raises ValueError for other scores or weights. Source: Elkan 2001, theorem 2.
    """
    p, w0, w1 = numbers(scores, "scores").astype(float), weights[0], weights[1]
    if not ((p >= 0) & (p <= 1)).all():
        raise ValueError("scores are probabilities, between 0 and 1")
    if min(w0, w1) <= 0:
        raise ValueError(f"weights are above 0, not {w0} and {w1}")
    ill, well = p / w1, (1 - p) / w0
    return ill / (ill + well)


def two_phase_plan(backbone: Layers, head: Layers, block: str, rate: float) -> dict[str, dict[str, Any]]:
    """What trains in two phases: the head alone, then the last block with it, at a rate 100 times smaller.

    backbone, head: (name, parameters) of each layer, in order; block: "block5" means names that begin with "block5_".
    Returns for "phase 1" and "phase 2" the names of the layers with weights that train, their parameters, the rate.
    Raises ValueError if the block has no weights.
    """
    thawed = [(name, n) for name, n in backbone if name.startswith(f"{block}_") and n]
    if not thawed:
        raise ValueError(f"no layer of {block!r} has weights")
    top = [(name, n) for name, n in head if n]
    plan = {}
    for phase, rows, pace in (("phase 1", top, rate), ("phase 2", thawed + top, rate / SLOWER)):
        plan[phase] = {"layers": [name for name, _ in rows], "parameters": sum(n for _, n in rows), "rate": pace}
    return plan


def patient_split(
    labels: ArrayLike, patients: ArrayLike, contents: ArrayLike, fraction: float, seed: int | None
) -> NDArray:
    """Which films go to validation, bool (N,): about `fraction` of each class, no patient and no picture on both sides.

    labels, patients, contents: (N,); films with the same content are the same picture. Groups come in random order,
    and each goes over that still fits into what its classes may give. Raises ValueError for unlike lengths, or for a
    fraction that is not between 0 and 1.
    """
    if not len(labels) == len(patients) == len(contents):
        raise ValueError("one patient and one content for each label")
    if not 0 < fraction < 1:
        raise ValueError(f"a fraction lies between 0 and 1, not at {fraction}")
    group = np.unique(patients, return_inverse=True)[1]
    picture = np.unique(contents, return_inverse=True)[1]
    for number in np.flatnonzero(np.bincount(picture) > 1):
        met = np.unique(group[picture == number])
        group[np.isin(group, met)] = met[0]
    classes, label = np.unique(labels, return_inverse=True)
    room = np.rint(fraction * np.bincount(label))
    chosen = np.zeros(len(group), bool)
    for number in np.random.default_rng(seed).permutation(np.unique(group)):
        films = np.bincount(label[group == number], minlength=len(classes))
        if np.all(films <= room):
            chosen[group == number] = True
            room -= films
    return chosen


def screening_threshold(
    validation_labels: ArrayLike,
    validation_scores: ArrayLike,
    test_labels: ArrayLike,
    test_scores: ArrayLike,
    target: float,
) -> dict[str, float]:
    """The highest threshold that finds the share `target` of the ill in validation, and what it finds in the test set.

    Returns "threshold", "sensitivity" on the test films, and Wilson's 95 % interval of it, "low" and "high". Raises
    ValueError as `threshold_for_sensitivity`.
    """
    threshold = threshold_for_sensitivity(validation_labels, validation_scores, target)
    counts = binary_counts(test_labels, test_scores, threshold)
    low, high = wilson_interval(counts.tp, counts.tp + counts.fn)
    return {"threshold": threshold, "sensitivity": counts.sensitivity, "low": low, "high": high}


def cost_curve(
    labels: ArrayLike,
    scores: ArrayLike,
    thresholds: ArrayLike,
    miss: float,
    false_alarm: float,
    prevalence: float,
) -> NDArray:
    """Expected cost of one film at each threshold, where a share `prevalence` of the films shows the disease: (K,).

    miss, false_alarm: what one of each costs. Raises ValueError as `binary_counts` and `expected_cost`.
    Source: Drummond & Holte 2006.
    """
    costs = []
    for threshold in np.asarray(thresholds, float):
        counts = binary_counts(labels, scores, threshold)
        costs.append(expected_cost(counts, miss, false_alarm, prevalence))
    return np.array(costs)


def possible_report(
    precision: Sequence[float], recall: Sequence[float], support: Sequence[int], digits: int
) -> list[tuple[int, int]]:
    """Every (right of class 0, right of class 1) whose precisions and recalls round to the published ones.

    precision, recall, support: one number for each of two classes. An empty list says that the report is impossible.
    Raises ValueError unless there are two classes with films.
    """
    if not len(precision) == len(recall) == len(support) == 2 or min(support) < 1:
        raise ValueError("a report has two classes, each with at least one film")

    def rounds(value: float, published: float) -> bool:
        return abs(value - published) <= 0.5 * 10.0**-digits + 1e-9

    right = [[k for k in range(n + 1) if rounds(k / n, share)] for n, share in zip(support, recall, strict=True)]
    found = []
    for well, ill in product(*right):
        counts = BinaryCounts(tp=ill, fp=support[0] - well, fn=support[1] - ill, tn=well)
        # NaN, where nobody is called so, rounds to nothing.
        if rounds(counts.npv, precision[0]) and rounds(counts.ppv, precision[1]):
            found.append((well, ill))
    return found


def model_card(run: Mapping[str, Any]) -> dict[str, Any]:
    """What a reader must know of a model before using it, from a run.

    run: "texts" {field: text}, "threshold", "target", "aucs" (B,) of bootstrap draws, "test" {"labels", "scores",
    "kinds" (N,)}: the kind of disease of a film, 0 where there is none, "kind names" {kind: name}. Returns the five
    texts ("not stated" for a missing one), "threshold", "results" and "groups"; a result has value, low, high and n.
    Source: Mitchell et al. 2019, "Model cards for model reporting".
    """
    test, threshold = run["test"], run["threshold"]
    labels, kinds = np.asarray(test["labels"]), np.asarray(test["kinds"])
    positive = np.asarray(test["scores"]) >= threshold
    low, high = np.percentile(run["aucs"], [2.5, 97.5])
    area = {"value": auc(labels, test["scores"]), "low": float(low), "high": float(high), "n": len(labels)}
    ill, well = labels == 1, labels == 0
    card: dict[str, Any] = {field: run["texts"].get(field) or NOT_STATED for field in TEXTS}
    card["threshold"] = {"value": threshold, "chosen on": "validation", "target sensitivity": run["target"]}
    card["results"] = {"AUC": area, "sensitivity": _share(positive[ill]), "specificity": _share(~positive[well])}
    card["groups"] = {name: _share(positive[ill & (kinds == kind)]) for kind, name in run["kind names"].items()}
    return card


def _share(right: NDArray) -> dict[str, float]:
    found, n = int(right.sum()), right.size
    low, high = wilson_interval(found, n)
    return {"value": found / n, "low": low, "high": high, "n": n}
