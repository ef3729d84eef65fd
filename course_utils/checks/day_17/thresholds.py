"""Thresholds: what each costs, and one that finds enough, chosen on validation and judged on the test films."""

import numpy as np

from course_utils import reference
from course_utils.checks.question import Case, question

# --- cost_curve ---------------------------------------------------------------------------------------------------


def _drawn(rng: np.random.Generator, well: int, ill: int, digits: int = 2):
    """Labels in random order and scores; the ill have higher ones."""
    labels = rng.permutation(np.repeat([0, 1], [well, ill]))
    return labels, (1 / (1 + np.exp(-rng.normal(2.4 * labels - 1.2, 1)))).round(digits)


def _cost_cases(rng: np.random.Generator) -> list[Case]:
    def case(well, ill, n, miss, false_alarm, prevalence):
        labels, scores = _drawn(rng, well, ill)
        thresholds = np.sort(rng.choice(np.unique(scores), n, replace=False))  # ties count
        return Case(
            labels=labels,
            scores=scores,
            thresholds=thresholds,
            miss=miss,
            false_alarm=false_alarm,
            prevalence=prevalence,
        )

    dear = [float(x) for x in rng.integers(4, 30, 2)]
    rare = [float(x) for x in rng.uniform(0.02, 0.3, 2).round(2)]
    return [
        case(4, 6, 2, 10.0, 1.0, 0.1),
        case(20, 30, 5, dear[0], 2.0, rare[0]),
        case(234, 390, 20, dear[1], 1.0, rare[1]),
    ]


def _cost(formula, called=np.greater_equal):
    """Costs from the formula, which gets the rates of misses and false alarms, the costs and the prevalence."""

    def curve(labels, scores, thresholds, miss, false_alarm, prevalence):
        costs = []
        for threshold in thresholds:
            alarm = called(scores, threshold)
            missed, alarmed = np.mean(~alarm[labels == 1]), np.mean(alarm[labels == 0])
            costs.append(formula(missed, alarmed, miss, false_alarm, prevalence, labels.mean()))
        return np.array(costs)

    return curve


def _expected(missed, alarmed, miss, false_alarm, prevalence, here):
    return prevalence * missed * miss + (1 - prevalence) * alarmed * false_alarm


def _in_counts(labels, scores, thresholds, miss, false_alarm, prevalence):
    alarm = scores >= thresholds[:, None]
    return (~alarm & (labels == 1)).sum(axis=1) * miss + (alarm & (labels == 0)).sum(axis=1) * false_alarm


def _among_the_alarms(labels, scores, thresholds, miss, false_alarm, prevalence):
    alarm = scores >= thresholds[:, None]
    missed, wrong = (~alarm & (labels == 1)).sum(axis=1), (alarm & (labels == 0)).sum(axis=1)
    shares = missed / np.maximum((~alarm).sum(axis=1), 1), wrong / np.maximum(alarm.sum(axis=1), 1)
    return _expected(*shares, miss, false_alarm, prevalence, None)


cost_curve = question(
    "cost_curve",
    points=2,
    partial=1,
    reference=reference.cost_curve,
    cases=_cost_cases,
    mistakes={
        "You take the share of the ill among these films. Where the model is used it is another one: `prevalence`.": (
            _cost(
                lambda missed, alarmed, miss, false_alarm, prevalence, here: _expected(
                    missed, alarmed, miss, false_alarm, here, here
                )
            )
        ),
        "The costs are exchanged: `miss` is for the ill that are called well.": _cost(
            lambda missed, alarmed, miss, false_alarm, prevalence, here: _expected(
                missed, alarmed, false_alarm, miss, prevalence, here
            )
        ),
        "The prevalence is on the wrong side: it weighs the misses, and 1 − prevalence the false alarms.": _cost(
            lambda missed, alarmed, miss, false_alarm, prevalence, here: _expected(
                missed, alarmed, miss, false_alarm, 1 - prevalence, here
            )
        ),
        "A score equal to the threshold is called positive: compare with >=.": _cost(_expected, np.greater),
        "The prevalence is not used: you add up the two rates as if there were as many ill as well.": _cost(
            lambda missed, alarmed, miss, false_alarm, prevalence, here: missed * miss + alarmed * false_alarm
        ),
        "You add up the costs of all these films; asked for is what one film costs on average, where the ill are as "
        "frequent as `prevalence` says.": _in_counts,
        "You charge what is found. What costs is the share of the ill that is missed, 1 − sensitivity.": _cost(
            lambda missed, alarmed, miss, false_alarm, prevalence, here: _expected(
                1 - missed, alarmed, miss, false_alarm, prevalence, here
            )
        ),
        "You charge the well that are cleared. What costs is the share of the well that is alarmed, 1 − specificity.": (
            _cost(
                lambda missed, alarmed, miss, false_alarm, prevalence, here: _expected(
                    missed, 1 - alarmed, miss, false_alarm, prevalence, here
                )
            )
        ),
        "You divide by the films that are called so. The rate of misses divides by all the ill, that of false alarms "
        "by all the well.": _among_the_alarms,
        "You give the lowest cost; asked for is the cost at each threshold.": (
            lambda labels, scores, thresholds, miss, false_alarm, prevalence: reference.cost_curve(
                labels, scores, thresholds, miss, false_alarm, prevalence
            ).min()
        ),
        "You give the cheapest threshold; asked for is the cost at each threshold.": (
            lambda labels, scores, thresholds, miss, false_alarm, prevalence: thresholds[
                reference.cost_curve(labels, scores, thresholds, miss, false_alarm, prevalence).argmin()
            ]
        ),
    },
    hints={
        "raised": "Labels and scores are arrays of one length; thresholds is an array of another.",
        "type": "Return an array, one cost for each threshold.",
        "shape": "Return one cost for each threshold.",
        "values": "On paper: of 2 ill one is missed, of 2 well nobody is alarmed. With a prevalence of 0.1 and 10 for "
        "a miss, a film costs 0.1 · 0.5 · 10 = 0.5.",
    },
)

# --- screening_threshold ------------------------------------------------------------------------------------------


def _screening_cases(rng: np.random.Generator) -> list[Case]:
    def case(validation, test, target, digits=2):
        known, films = _drawn(rng, *validation, digits), _drawn(rng, *test, digits)
        # One of the ill has just the score that counts as positive.
        films[1][films[0].argmax()] = reference.threshold_for_sensitivity(*known, target)
        return Case(
            validation_labels=known[0],
            validation_scores=known[1],
            test_labels=films[0],
            test_scores=films[1],
            target=target,
        )

    more = int(rng.integers(50, 90))
    return [
        case((4, 5), (3, 6), 0.7),
        case((12, 18), (14, 25), 0.85, 1),  # many ties
        case((40, more), (60, 100), 0.95),
        case((134, 387), (234, 390), 0.97, 3),
    ]


def _called(scores, threshold, strict=False):
    return scores > threshold if strict else scores >= threshold


def _highest(labels, scores, target, strict=False):
    """The highest score that finds the target, from scratch."""
    known, candidates = np.sort(scores[labels == 1]), np.unique(scores)
    found = len(known) - np.searchsorted(known, candidates, "right" if strict else "left")
    enough = found >= target * len(known) - 1e-9
    return candidates[enough].max() if enough.any() else scores.min() - 0.01


def _specific(labels, scores, target):
    """The lowest score at which so many of the well are cleared."""
    well = np.sort(scores[labels == 0])
    candidates = np.append(np.unique(scores), np.inf)
    return candidates[np.searchsorted(well, candidates, "left") >= target * len(well) - 1e-9].min()


def _just_below(labels, scores, target):
    """The lowest score that does not quite reach the target."""
    ill = np.sort(scores[labels == 1])[::-1]
    return ill[max(int(np.floor(target * len(ill) - 1e-9)) - 1, 0)]


_wilson = reference.wilson_interval


def _normal(k, n):
    half = 1.96 * np.sqrt(k / n * (1 - k / n) / n)
    return k / n - half, k / n + half


def _screened(choose=_highest, chosen_on=0, judged_on=1, counted=None, interval=_wilson, strict=False):
    """An answer with one thing changed: where and how the threshold is chosen, on what it is judged, by which interval.

    counted(labels, alarms): the right ones and how many there are.
    """

    def answer(validation_labels, validation_scores, test_labels, test_scores, target):
        films = (validation_labels, validation_scores), (test_labels, test_scores)
        threshold = choose(*films[chosen_on], target)
        labels, scores = films[judged_on]
        alarm = _called(scores, threshold, strict)
        count = counted or (lambda labels, alarm: (alarm[labels == 1].sum(), (labels == 1).sum()))
        k, n = (int(number) for number in count(labels, alarm))
        low, high = interval(k, n)
        return {"threshold": float(threshold), "sensitivity": k / n, "low": float(low), "high": float(high)}

    return answer


def _over_all_films(validation_labels, validation_scores, test_labels, test_scores, target):
    told = reference.screening_threshold(validation_labels, validation_scores, test_labels, test_scores, target)
    n = len(test_labels)
    low, high = _wilson(round(told["sensitivity"] * n), n)
    return told | {"low": low, "high": high}


def _interval_of_validation(*films_and_target):
    told = reference.screening_threshold(*films_and_target)
    return told | {k: _screened(judged_on=0)(*films_and_target)[k] for k in ("low", "high")}


def _bounded(k, n):
    low, high = _normal(k, n)
    return max(low, 0.0), min(high, 1.0)


screening_threshold = question(
    "screening_threshold",
    points=3,
    partial=1,
    reference=reference.screening_threshold,
    cases=_screening_cases,
    tolerance=5e-5,
    mistakes={
        "The threshold is chosen on the test films. Then their sensitivity is what you wished for, no measurement: "
        "choose on validation.": _screened(chosen_on=1),
        "The sensitivity is that of the validation films, on which the threshold was chosen. Measure it on the test "
        "films.": _screened(judged_on=0),
        "The interval belongs to the validation films; it has to go with the sensitivity on the test films.": (
            _interval_of_validation
        ),
        "Chosen by the test films and judged by the validation films: the two sets are exchanged.": _screened(
            chosen_on=1, judged_on=0
        ),
        "A score equal to the threshold is called positive: compare with >=, in choosing and in judging.": _screened(
            choose=lambda labels, scores, target: _highest(labels, scores, target, strict=True), strict=True
        ),
        "The threshold is chosen with >= and the test films are judged with >: a score equal to it is positive.": (
            _screened(strict=True)
        ),
        "You reach the target for specificity: you look at the scores of the well. Sensitivity is about the ill.": (
            _screened(choose=_specific)
        ),
        "You look at all validation films. Sensitivity is about the ill among them: labels == 1.": _screened(
            choose=lambda labels, scores, target: _highest(np.ones_like(labels), scores, target)
        ),
        "The threshold finds all the ill in validation, more than the target asks. The highest that finds enough costs "
        "the fewest false alarms.": _screened(choose=lambda labels, scores, target: scores[labels == 1].min()),
        "The threshold just misses the target on the validation films: *at least* that share is to be found.": (
            _screened(choose=_just_below)
        ),
        "A quantile lies between two scores, and may find more than is asked, or too few. Take one of "
        "the scores: the highest that finds enough.": _screened(
            choose=lambda labels, scores, target: np.quantile(scores[labels == 1], 1 - target)
        ),
        "You report the precision, the share of the ill among those called positive. Sensitivity is the share of the "
        "ill that is found.": _screened(
            counted=lambda labels, alarm: ((alarm & (labels == 1)).sum(), max(alarm.sum(), 1))
        ),
        "You report the specificity: the share of the well that is cleared.": _screened(
            counted=lambda labels, alarm: ((~alarm & (labels == 0)).sum(), (labels == 0).sum())
        ),
        "You report the accuracy: the share of all films that is right.": _screened(
            counted=lambda labels, alarm: ((alarm == labels).sum(), len(labels))
        ),
        "The interval counts all test films. A sensitivity is measured on the ill alone: that is its n.": (
            _over_all_films
        ),
        "The interval is p ± 1.96 √(p (1 − p) / n). Near 1 it leaves the scale, and at p = 1 it has no width: take "
        "Wilson's.": _screened(interval=_normal),
        "The interval is p ± 1.96 √(p (1 − p) / n), cut off at 1. It is still too narrow near 1: take Wilson's.": (
            _screened(interval=_bounded)
        ),
        "The interval is one of 90 %, or of one side; asked for is 95 %, 2.5 % on each side.": _screened(
            interval=lambda k, n: reference.wilson_interval(k, n, 0.9)
        ),
    },
    hints={
        "raised": "The ill are scores[labels == 1]; sort them, and try one after the other as a threshold.",
        "type": 'Return a dictionary with the keys "threshold", "sensitivity", "low" and "high".',
        "values": "Take the smallest case on paper: sort the scores of the ill in validation, and go down until the "
        "target is reached.",
    },
)
