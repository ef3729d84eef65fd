"""Day 17: one threshold, and all that follows from it."""

from typing import Any, ClassVar

import matplotlib.pyplot as plt
import numpy as np
import traitlets
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from course_utils import plots
from course_utils.widgets.explorer import Explorer

OWN = "your scores"
MOST = 5_000


class Scored(traitlets.List):
    """A trait that takes (y_true, scores), labels 0 or 1 with at least one of each, and keeps both as lists."""

    def validate(self, obj: Any, value: Any) -> list:
        """The value as [labels, scores]. Raises TraitError in one sentence."""
        try:
            return self._pair(value)
        except (ValueError, TypeError) as error:
            raise traitlets.TraitError(f"{type(obj).__name__}.{self.name}: {error}") from None

    def _pair(self, value: Any) -> list:
        if len(value) == 0:
            return []
        if len(value) != 2:
            raise ValueError(f"a pair (y_true, scores) is wanted, not {len(value)} things")
        labels, scores = np.asarray(value[0]), np.asarray(value[1], dtype=float)
        if labels.ndim != 1 or labels.shape != scores.shape or labels.size > MOST:
            raise ValueError(f"one score for each of up to {MOST} labels, not shapes {labels.shape} and {scores.shape}")
        if labels.dtype.kind not in "biuf" or not np.isin(labels, (0, 1)).all():
            raise ValueError("labels are 0 or 1")
        if not np.isfinite(scores).all():
            raise ValueError("every score must be finite")
        if len(np.unique(labels)) < 2:
            raise ValueError(f"both classes are needed, and all {labels.size} labels are {labels[:1].astype(int)[0]}")
        return [labels.astype(int).tolist(), scores.tolist()]


def _drawn(seed: int, counts: tuple[int, int], centres: tuple[float, float], spread: float = 1.5) -> list:
    """Labels and probabilities of so many negatives and positives, as a network might give them."""
    rng = np.random.default_rng(seed)
    logits = np.concatenate([rng.normal(c, spread, n) for c, n in zip(centres, counts, strict=True)])
    scores = np.clip(np.round(1 / (1 + np.exp(-logits)), 3), 0.001, 0.999)
    return [np.repeat([0, 1], counts).tolist(), scores.tolist()]


def _rated() -> list:
    """109 CT images of the head, each rated from 1 (surely normal) to 5 (surely abnormal): Hanley & McNeil (1982)."""
    by_rating = ((33, 6, 6, 11, 2), (3, 2, 2, 11, 33))
    ratings = np.concatenate([np.repeat(range(1, 6), counts) for counts in by_rating])
    return [np.repeat([0, 1], [sum(counts) for counts in by_rating]).tolist(), ratings.tolist()]


def _samples() -> dict[str, dict]:
    films = {"classes": ["normal", "pneumonia"], "unit": "films", "note": "sample data, drawn by code"}
    drawn = {
        "chest films": ([50, 150], (-1.7, 2.0), [80, 120], (-0.9, 1.7)),
        "a rare disease": ([285, 15], (-2.2, 1.2), [285, 15], (-1.9, 0.0)),
        "a coin's opinion": ([100, 100], (0.0, 0.0), [100, 100], (0.0, 0.0)),
        "perfect": ([100, 100], (-5.0, 5.0), [100, 100], (-5.0, 5.0)),
    }
    samples = {}
    for seed, (name, (n, centres, n_test, centres_test)) in enumerate(drawn.items(), start=2):
        spread = 0.8 if name == "perfect" else 1.5
        pair = {
            "validation": _drawn(2 * seed, n, centres, spread),
            "test": _drawn(2 * seed + 1, n_test, centres_test, spread),
        }
        samples[name] = films | pair
    note = "109 CT images, rated from 1 to 5: Hanley & McNeil (1982)"
    samples["a radiologist's ratings"] = {
        "validation": _rated(), "test": None, "classes": ["normal", "abnormal"], "unit": "images", "note": note,
    }  # fmt: skip
    return samples


class ThresholdExplorer(Explorer):
    """Move a threshold over scores and see confusion matrix, measures, ROC, precision and recall, and cost follow.

    With scores of your own: `ThresholdExplorer(y_true, scores, test=(y_true, scores))`, where labels are 0 or 1 and the
    test set may be left out.
    """

    title = "Threshold explorer"
    day = 17
    question = "Where should the line be drawn, and who pays for it?"
    try_this: ClassVar = (
        "Reach a sensitivity of 0.95 on validation, then turn to the test set without touching anything else. Look at "
        "what is left of 95 %, and whether the interval had warned you.",
        "Set the threshold to 0.5 and draw the prevalence down to 1 %. Look at which measures move and which stay, and "
        "at how many of 1,000 are alarmed for each one that is found.",
        "Make a miss cost 1, then 5, then 50 false alarms. Look at where the cheapest threshold goes, and at its "
        "point on the ROC curve. Does the AUC change?",
    )

    validation = Scored([], help="(y_true, scores) to choose the threshold on").tag(sync=True)
    test = Scored([], help="(y_true, scores) to look at with the threshold chosen; may be left empty").tag(sync=True)
    classes = traitlets.List(["negative", "positive"], help="what labels 0 and 1 mean").tag(sync=True)
    unit = traitlets.Unicode("cases", help="what is classified, in the plural").tag(sync=True)
    sample = traitlets.Unicode("chest films", help=f"scores to show: a name in samples, or '{OWN}'").tag(sync=True)
    shown = traitlets.Enum(("validation", "test"), "validation", help="the set that is shown").tag(sync=True)
    threshold = traitlets.CFloat(0.5, help="scores of at least this are called positive").tag(sync=True)
    target = traitlets.CFloat(0.95, min=0.01, max=1.0, help="sensitivity to reach").tag(sync=True)
    prevalence = traitlets.CFloat(
        None, allow_none=True, min=0.0001, max=0.9999, help="share of positives where it is used; None: as in the data"
    ).tag(sync=True)
    cost_miss = traitlets.CFloat(5.0, min=0.0, max=1e6, help="cost of a positive that is missed").tag(sync=True)
    cost_alarm = traitlets.CFloat(1.0, min=0.0, max=1e6, help="cost of a false alarm").tag(sync=True)
    counts = traitlets.Dict(help="computed in the browser: tp, fp, fn, tn").tag(sync=True)
    measures = traitlets.Dict(
        help="computed in the browser: sensitivity, specificity, ppv, npv, accuracy, f1, auc, average_precision, cost"
    ).tag(sync=True)
    samples = traitlets.Dict(_samples(), help="scores to choose from").tag(sync=True)

    def __init__(self, y_true: ArrayLike | None = None, scores: ArrayLike | None = None, **traits: Any) -> None:
        if (y_true is None) != (scores is None):
            raise traitlets.TraitError("ThresholdExplorer takes labels and scores, both or neither")
        if y_true is not None:
            traits["validation"] = (y_true, scores)
        if traits.get("test") is not None and traits.get("validation") is None:
            raise traitlets.TraitError("a test set needs a validation set to choose the threshold on")
        super().__init__(**traits)

    @traitlets.observe("validation")
    def _show_own(self, change: traitlets.Bunch) -> None:
        self.sample = OWN if change["new"] else next(iter(self.samples))

    @traitlets.validate("sample")
    def _known(self, proposal: traitlets.Bunch) -> str:
        if proposal["value"] not in [OWN, *self.samples]:
            raise traitlets.TraitError(f"no sample is called {proposal['value']}; there are {', '.join(self.samples)}")
        return proposal["value"]

    @traitlets.validate("classes")
    def _two(self, proposal: traitlets.Bunch) -> list[str]:
        if len(proposal["value"]) != 2 or not all(isinstance(name, str) and name for name in proposal["value"]):
            raise traitlets.TraitError(f"two classes have two names, not {proposal['value']}")
        return proposal["value"]

    @traitlets.validate("threshold", "target", "prevalence", "cost_miss", "cost_alarm")
    def _finite(self, proposal: traitlets.Bunch) -> float | None:
        if proposal["value"] is not None and not np.isfinite(proposal["value"]):
            raise traitlets.TraitError(f"{proposal['trait'].name} must be finite, not {proposal['value']}")
        return proposal["value"]

    def to_figure(self) -> Figure:
        """Scores of both classes, ROC, precision over recall, cost over the threshold, each with its present point."""
        labels, scores, about = self._data()
        truth, at = labels == 1, np.unique(scores)[::-1, None]
        tp, fp = ((scores[truth] >= at).mean(axis=1), (scores[~truth] >= at).mean(axis=1))
        tp, fp = np.append(0, tp), np.append(0, fp)
        p = truth.mean() if self.prevalence is None else self.prevalence
        here = [(scores[group] >= self.threshold).mean() for group in (truth, ~truth)]
        fig, axes = plt.subplots(2, 2, figsize=(8, 6.4))
        (back, roc), (pr, bill) = axes
        edges, (no, yes) = np.linspace(*self._range(), 21), about["classes"]
        for group, sign, name, colour in ((truth, 1, yes, plots.COLOURS[0]), (~truth, -1, no, plots.COLOURS[1])):
            heights = sign * np.histogram(scores[group], edges)[0]
            back.bar(edges[:-1], heights, np.diff(edges), align="edge", color=colour, label=name)
        back.yaxis.set_major_formatter(lambda value, _: f"{abs(value):g}")
        back.axvline(self.threshold, color=plots.INK)
        back.set(xlabel="score", ylabel=about["unit"], title=f"{about['shown']} set")
        back.legend()
        roc.plot(fp, tp, color=plots.COLOURS[0])
        roc.plot([0, 1], [0, 1], linestyle="--", color=plots.INK, linewidth=0.8)
        roc.plot(here[1], here[0], "o", color=plots.COLOURS[1])
        roc.set(xlabel="false alarms: 1 − specificity", ylabel="sensitivity", title=f"AUC {self._auc():.4f}")
        precision = p * tp[1:] / (p * tp[1:] + (1 - p) * fp[1:])
        pr.plot(tp, np.append(precision[0], precision), drawstyle="steps-pre", color=plots.COLOURS[0])
        pr.axhline(p, linestyle="--", color=plots.INK, linewidth=0.8)
        if sum(here):
            pr.plot(here[0], p * here[0] / (p * here[0] + (1 - p) * here[1]), "o", color=plots.COLOURS[1])
        pr.set(
            xlabel="recall: sensitivity",
            ylabel="precision: PPV",
            ylim=(-0.03, 1.03),
            title=f"prevalence {100 * p:.3g} %",
        )
        cost = 100 * (p * (1 - tp) * self.cost_miss + (1 - p) * fp * self.cost_alarm)
        bill.stairs(cost[::-1], [edges[0], *at[::-1, 0], edges[-1]], baseline=None, color=plots.COLOURS[1])
        bill.axvline(self.threshold, color=plots.INK)
        bill.set(xlabel="threshold", ylabel=f"cost of 100 {about['unit']}", ylim=(0, None))
        return fig

    def describe(self) -> str:
        """What the threshold does to both classes."""
        labels, scores, about = self._data()
        threshold = f"{self.threshold:g}".replace("-", "−")
        called, (no, yes) = scores >= self.threshold, about["classes"]
        found, cleared = called[labels == 1], ~called[labels == 0]
        return (
            f"At a threshold of {threshold}, {found.sum()} of {found.size} {yes} are found (sensitivity "
            f"{100 * found.mean():.1f} %) and {cleared.sum()} of {cleared.size} {no} are cleared (specificity "
            f"{100 * cleared.mean():.1f} %) in the {about['shown']} set. "
            f"The area under the ROC curve is {self._auc():.4f}."
        )

    def _shown_sample(self) -> dict:
        if self.sample != OWN or not self.validation:
            return self.samples.get(self.sample) or next(iter(self.samples.values()))
        return {"validation": self.validation, "test": self.test, "classes": self.classes, "unit": self.unit}

    def _data(self) -> tuple[NDArray, NDArray, dict]:
        about = self._shown_sample()
        shown = self.shown if about[self.shown] else "validation"
        labels, scores = map(np.asarray, about[shown])
        return labels, scores, about | {"shown": shown}

    def _range(self) -> tuple[float, float]:
        """Where thresholds lie, as in the browser."""
        about = self._shown_sample()
        scores = np.concatenate([about[name][1] for name in ("validation", "test") if about[name]])
        least, most = scores.min(), scores.max()
        if least >= 0 and most <= 1:
            return 0.0, 1.0 if most < 1 else 1.01
        margin = (most - least) / 20 or 0.5
        return least - margin, most + margin

    def _auc(self) -> float:
        labels, scores, _ = self._data()
        difference = scores[labels == 1][:, None] - scores[labels == 0]
        return float((difference > 0).mean() + (difference == 0).mean() / 2)
