"""The model card: a study drawn by code, and what its card must say."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from course_utils import reference
from course_utils.checks.question import Case, Rule, question

TEXTS = ("intended use", "not for", "data", "split", "limits")
MEASURES = ("AUC", "sensitivity", "specificity")
ENTRIES = ("value", "low", "high", "n")


def _drawn(seed: int, validation: tuple[int, ...], test: tuple[int, ...], missed: int = 6) -> dict[str, Any]:
    """A run with drawn scores, in which bacterial disease is easier to see than viral.

    validation, test: how many films are normal, bacterial and viral; one of `missed` ill ones lies below the threshold.
    """
    rng = np.random.default_rng(seed)

    def films(counts):
        kinds = rng.permutation(np.repeat([0, 1, 2], counts))
        scores = 1 / (1 + np.exp(-rng.normal(np.array([-1.4, 1.8, 0.6])[kinds], 1)))
        return {"labels": (kinds > 0).astype(int), "scores": scores.round(3), "kinds": kinds}

    known, new = films(validation), films(test)
    ill = np.sort(known["scores"][known["labels"] == 1])
    threshold = ill[len(ill) // missed]
    aucs = []
    for _ in range(200):
        rows = rng.integers(0, sum(test), sum(test))
        if 0 < new["labels"][rows].sum() < len(rows):
            aucs.append(reference.auc(new["labels"][rows], new["scores"][rows]))
    return {
        "texts": {
            "intended use": "Puts the films of children in an order, the most suspicious first, for a doctor to read.",
            "not for": "Adults; ruling out disease; deciding without a doctor; other machines without a new test.",
            "data": f"Drawn by code: {sum(validation)} films for validation, {sum(test)} for the test.",
            "split": "By patient and stratified, identical pictures together.",
            "limits": "Drawn scores stand in for a model's: nothing here says anything about patients.",
        },
        "threshold": float(threshold),
        "target": np.floor(1000 * np.mean(ill >= threshold)).item() / 1000,
        "validation": known,
        "test": new,
        "aucs": np.array(aucs),
        "kind names": {1: "bacterial", 2: "viral"},
    }


RUN: Mapping[str, Any] = MappingProxyType(_drawn(17, (100, 130, 70), (234, 242, 148), missed=20))
"""A drawn run with as many test films as the study has: normal, bacterial and viral."""


def _run_cases(rng: np.random.Generator) -> list[Case]:
    seeds = [int(seed) for seed in rng.integers(0, 2**31, 3)]
    normal, bacterial = (int(n) for n in rng.integers(30, 60, 2))
    gap = _drawn(seeds[1], (40, 30, 25), (normal, bacterial, 24))
    missing = [str(field) for field in rng.permutation(TEXTS)[:2]]
    del gap["texts"][missing[0]]
    gap["texts"][missing[1]] = ""
    return [
        Case(run=_drawn(seeds[0], (20, 20, 15), (24, 26, 18))),
        Case(run=gap),
        Case(run=_drawn(seeds[2], (100, 130, 70), (234, 242, 148))),
    ]


def _close(one, other) -> bool:
    return abs(float(one) - float(other)) < 5e-4


def _positive(run, films="test", threshold=None):
    return run[films]["scores"] >= (run["threshold"] if threshold is None else threshold)


def _rates(run, films="test", threshold=None):
    """Sensitivity and specificity: found and number, each."""
    labels, positive = run[films]["labels"], _positive(run, films, threshold)
    ill, well = labels == 1, labels == 0
    return (positive[ill].sum(), ill.sum()), ((~positive)[well].sum(), well.sum())


def _values(rates):
    return [float(k / n) for k, n in rates]


def _told(value):
    return [float(value["results"][name]["value"]) for name in ("sensitivity", "specificity")]


def _matches(told, wanted) -> bool:
    return all(_close(one, other) for one, other in zip(told, wanted, strict=True))


def _differs(value, run, wrong) -> bool:
    """Whether the card does not hold these wrong values, unless they are the right ones as well."""
    return not _matches(_told(value), wrong) or _matches(wrong, _values(_rates(run)))


def _keeps_the_texts(value, run, **_) -> bool:
    return all(value[field] == run["texts"][field] for field in TEXTS if run["texts"].get(field))


def _shows_the_gaps(value, run, **_) -> bool:
    return all(str(value[field]).strip().lower() == "not stated" for field in TEXTS if not run["texts"].get(field))


def _tells_the_threshold(value, run, **_) -> bool:
    told = value["threshold"]
    if not isinstance(told, dict) or str(told.get("chosen on")).strip().lower() != "validation":
        return False
    return _close(told["value"], run["threshold"]) and _close(told["target sensitivity"], run["target"])


def _rows_are_whole(value, run, **_) -> bool:
    rows = [value["results"].get(name) for name in MEASURES]
    rows += [value["groups"].get(name) for name in run["kind names"].values()]
    return all(isinstance(row, dict) and set(ENTRIES) <= set(row) for row in rows)


def _holds_the_middle(value, run, **_) -> bool:
    """Whether about 2.5 % of the draws lie below, and as many above."""
    row, draws = value["results"]["AUC"], run["aucs"]
    low, high = float(row["low"]), float(row["high"])
    below = np.mean(draws < low) <= 0.03 and np.mean(draws <= low) >= 0.02
    return bool(below and np.mean(draws > high) <= 0.03 and np.mean(draws >= high) >= 0.02)


def _is_counted(value, run, **_) -> bool:
    films = [len(run["test"]["labels"]), *(n for _, n in _rates(run))]
    return all(value["results"][name]["n"] == n for name, n in zip(MEASURES, films, strict=True))


def _is_wilson(row, k, n) -> bool:
    low, high = reference.wilson_interval(int(k), int(n))
    return _close(row["low"], low) and _close(row["high"], high)


def _found_by_kind(run):
    """Name of a kind -> how many are found, of how many."""
    kinds, positive = run["test"]["kinds"], _positive(run)
    return {name: (positive[kinds == kind].sum(), (kinds == kind).sum()) for kind, name in run["kind names"].items()}


def _precise(run):
    labels, positive = run["test"]["labels"], _positive(run)
    return labels[positive].mean(), (1 - labels)[~positive].mean()


def _with(change):
    """The right card, with something changed in a copy of it."""

    def answer(run):
        card = reference.model_card(run)
        change(card, run)
        return card

    return answer


def _with_results(values):
    def change(card, run):
        for name, value in zip(("sensitivity", "specificity"), values(run), strict=True):
            card["results"][name]["value"] = float(value)

    return _with(change)


def _normal(row):
    half = 1.96 * np.sqrt(row["value"] * (1 - row["value"]) / row["n"])
    return row | {"low": row["value"] - half, "high": row["value"] + half}


def _counting_all(card, run):
    for row in card["results"].values():
        row["n"] = len(run["test"]["labels"])


def _percentiles(low, high):
    def change(card, run):
        ends = np.percentile(run["aucs"], [low, high])
        card["results"]["AUC"] |= {"low": float(ends[0]), "high": float(ends[1])}

    return _with(change)


model_card = question(
    "model_card",
    points=3,
    reference=reference.model_card,
    cases=_run_cases,
    rules={
        'A field is missing. A card has the five texts, "threshold", "results" and "groups".': Rule(
            lambda value, **_: {*TEXTS, "threshold", "results", "groups"} <= set(value),
            _with(lambda card, run: card.pop("limits")),
        ),
        "A text of the run is lost or changed: copy each into the field of its name.": Rule(
            _keeps_the_texts, _with(lambda card, run: card.update({"not for": card["intended use"]}))
        ),
        'The run lacks a text, or it is empty, and the card does not say so. Write "not stated": a gap must be seen.': (
            Rule(_shows_the_gaps, _with(lambda card, run: card.update(dict.fromkeys(TEXTS, "") | run["texts"])))
        ),
        'The field "threshold" holds "value", "chosen on" and "target sensitivity": that of the run, "validation", and '
        "the target of the run.": Rule(
            _tells_the_threshold, _with(lambda card, run: card["threshold"].update(value=0.5))
        ),
        'Every result and group needs "value", "low", "high" and "n": a number without its interval says little.': (
            Rule(
                _rows_are_whole,
                _with(lambda card, run: card["results"].update({k: v["value"] for k, v in card["results"].items()})),
            )
        ),
        "Your results are those of the validation films, where the threshold was chosen. Report the test films.": Rule(
            lambda value, run, **_: _differs(value, run, _values(_rates(run, "validation"))),
            _with_results(lambda run: _values(_rates(run, "validation"))),
        ),
        "You count at a threshold of 0.5. The card is about the threshold of the run.": Rule(
            lambda value, run, **_: _differs(value, run, _values(_rates(run, threshold=0.5))),
            _with_results(lambda run: _values(_rates(run, threshold=0.5))),
        ),
        "Sensitivity and specificity are exchanged. Sensitivity is the share of the ill that is found.": Rule(
            lambda value, run, **_: _differs(value, run, _values(_rates(run))[::-1]),
            _with_results(lambda run: _values(_rates(run))[::-1]),
        ),
        "You report predictive values. Sensitivity divides by all the ill, specificity by all the well.": Rule(
            lambda value, run, **_: _differs(value, run, _precise(run)), _with_results(_precise)
        ),
        "The sensitivity or the specificity is wrong: the share of the ill with a score of at least the threshold, the "
        "share of the well below it.": Rule(
            lambda value, run, **_: _matches(_told(value), _values(_rates(run))),
            _with_results(lambda run: (0.5, 0.5)),
        ),
        "The AUC is not that of the test films. It takes the scores themselves, not the calls at the threshold.": (
            Rule(
                lambda value, run, **_: _close(
                    value["results"]["AUC"]["value"], reference.auc(run["test"]["labels"], run["test"]["scores"])
                ),
                _with(
                    lambda card, run: card["results"]["AUC"].update(
                        value=reference.auc(run["test"]["labels"], _positive(run).astype(int))
                    )
                ),
            )
        ),
        'The interval of the AUC holds the middle 95 % of the draws in run["aucs"]: cut off 2.5 % on each side.': Rule(
            _holds_the_middle, _percentiles(5, 95)
        ),
        "An n is wrong: all test films for the AUC, the ill for the sensitivity, the well for the specificity.": Rule(
            _is_counted,
            _with(_counting_all),
        ),
        "The interval of the sensitivity or the specificity is not Wilson's for its own n.": Rule(
            lambda value, run, **_: all(
                _is_wilson(value["results"][name], *rate)
                for name, rate in zip(("sensitivity", "specificity"), _rates(run), strict=True)
            ),
            _with(
                lambda card, run: card["results"].update(
                    {name: _normal(card["results"][name]) for name in ("sensitivity", "specificity")}
                )
            ),
        ),
        "A group does not have its own sensitivity: look at the films of that kind only.": Rule(
            lambda value, run, **_: all(
                _close(value["groups"][name]["value"], k / n) for name, (k, n) in _found_by_kind(run).items()
            ),
            _with(lambda card, run: card.update(groups=dict.fromkeys(card["groups"], card["results"]["sensitivity"]))),
        ),
        "A group has the n or the interval of other films. A small group has a wide interval, and the card shows it.": (
            Rule(
                lambda value, run, **_: all(
                    value["groups"][name]["n"] == n and _is_wilson(value["groups"][name], k, n)
                    for name, (k, n) in _found_by_kind(run).items()
                ),
                _with(
                    lambda card, run: card.update(
                        groups={
                            name: card["results"]["sensitivity"] | {"value": row["value"]}
                            for name, row in card["groups"].items()
                        }
                    )
                ),
            )
        ),
    },
    hints={
        "raised": 'The run is a dictionary. Print run.keys() and run["test"].keys() in a cell of your own.',
        "type": "Return a dictionary: one entry for each field of the card.",
        "shape": 'Texts are texts, "threshold", "results" and "groups" are dictionaries, and numbers are numbers.',
    },
)
