"""Day 13: patients of the clinic, to be named by their curves and as few tests as possible."""

import json
from collections.abc import Iterable, Mapping
from copy import deepcopy
from typing import TYPE_CHECKING, Any, ClassVar

import matplotlib.pyplot as plt
import numpy as np
import traitlets
from matplotlib.figure import Figure
from traitlets import TraitError

from course_utils.plots import COLOURS, INK
from course_utils.widgets.explorer import HERE, Explorer

if TYPE_CHECKING:
    from course_utils.clinic import Run

WARD = json.loads((HERE / "curve_clinic.json").read_text(encoding="utf-8"))
"""What `python -m course_utils.clinic.charts` measured: ranges of readings by illness, and patients."""
DIAGNOSES = tuple(WARD["ranges"])
TESTS = {
    "inputs": "input statistics",
    "counts": "label counts",
    "neighbours": "labels against neighbours",
    "twins": "twins across the split",
    "orders": "order of the epochs",
    "twice": "asked twice",
    "sums": "sums of the outputs",
    "first": "first loss against ln 10",
    "dead": "dead units",
    "gradients": "gradient norms",
    "updates": "updates against weights",
    "nan": "NaN hunt",
}
"""The tests that can be ordered, in the order of the lesson's flow chart."""
LARGEST = 150_000  # letters of the patients: every page that shows the explorer carries them
TOP = 4  # nats at the upper end of the axes


class CurveClinic(Explorer):
    """Look at a patient's curves, order tests one at a time, and name what ails it; every number was measured.

    patients: charts as `CurveClinic.of` makes them; without, the ward that comes with the course: two runs of each
    illness and two healthy ones.
    """

    title = "Curve clinic"
    day = 13
    question = "What ails this run, and how few tests do you need to know?"
    try_this: ClassVar = (
        "Look at the curves of three patients and write down what you think before you order anything. Then order one "
        "test at a time, the one that would cut most from your list. How often was the first guess right?",
        "Find a patient whose curves look well. Which illnesses can hide behind such curves, and how many tests does "
        "it take until you may call a run healthy?",
    )

    seed = traitlets.CInt(0, min=0, max=9999, help="of the order in which the patients come").tag(sync=True)
    patient = traitlets.CInt(1, min=1, help="which of them is shown, counted from 1").tag(sync=True)
    ordered = traitlets.List(traitlets.Enum(list(TESTS)), help="the tests, in the order in which they were asked").tag(
        sync=True
    )
    diagnosis = traitlets.Enum(["", *DIAGNOSES], "", help="what is chosen as the diagnosis").tag(sync=True)
    named = traitlets.List(traitlets.Enum(list(DIAGNOSES)), help="the diagnoses that were given so far").tag(sync=True)
    shown = traitlets.CBool(False, help="show the answer").tag(sync=True)
    hints = traitlets.CBool(False, help="say after each test which diagnoses it excludes").tag(sync=True)
    finished = traitlets.List(
        traitlets.Dict(), help="of each finished patient: case (its place in the ward), tests, wrong, right"
    ).tag(sync=True)
    left = traitlets.List(help="computed in the browser: diagnoses that curves and tests leave open").tag(sync=True)
    patients = traitlets.List(help="given: illness, history, steps, readings (and strength, seed)").tag(sync=True)
    ward = traitlets.Dict(help="given: how many runs of each illness were measured, and the ranges of readings").tag(
        sync=True
    )

    def __init__(self, patients: Iterable[Mapping[str, Any]] | None = None, **traits: Any) -> None:
        own = deepcopy(WARD)  # what is done to one explorer must not reach another
        charts = own.pop("patients") if patients is None else deepcopy(list(patients))
        like = WARD["patients"][0]
        for number, chart in enumerate(charts, start=1):
            if missing := [name for name in ("illness", "history", "steps", "readings") if name not in chart]:
                raise TraitError(f"patient {number} has no {' and no '.join(missing)}: use CurveClinic.of(runs)")
            if chart["illness"] not in DIAGNOSES or chart["readings"].keys() != like["readings"].keys():
                raise TraitError(f"patient {number} is none of Day 13's clinic: use CurveClinic.of(runs)")
        if not charts:
            raise TraitError("a clinic has at least one patient")
        if (letters := len(json.dumps(charts))) > LARGEST:
            most = len(charts) * LARGEST // letters
            raise TraitError(f"these {len(charts)} patients are too many for a page: take {most}")
        super().__init__(patients=charts, ward={name: own[name] for name in ("runs", "ranges")}, **traits)

    @classmethod
    def of(cls, runs: Iterable[tuple[str, "Run"]], **traits: Any) -> "CurveClinic":
        """The explorer with runs of your own: (illness, run) of each, where the run comes from `clinic.run`."""
        from course_utils.clinic.charts import chart  # brings torch, which the explorer itself does not need

        return cls([{"illness": illness, **chart(run)} for illness, run in runs], **traits)

    @property
    def case(self) -> int:
        """The place of the present patient in `patients`, counted from 0."""
        return order(self.seed, len(self.patients))[min(self.patient, len(self.patients)) - 1]

    def to_figure(self) -> Figure:
        """Losses and accuracies after each epoch, and the loss at each step."""
        chart = self.patients[self.case]
        history = {name: np.array(values, dtype=float) for name, values in chart["history"].items()}
        steps = np.array(chart["steps"], dtype=float)
        epochs = np.arange(1, len(history["loss"]) + 1)
        fig, axes = plt.subplots(1, 3, figsize=(10, 2.9), layout="constrained")
        kinds = (("loss", 1, TOP, "loss (nats)"), ("accuracy", 100, 100, "accuracy (%)"))
        for ax, (prefix, factor, top, label) in zip(axes, kinds, strict=False):
            for key, name, style in ((prefix, "training", "o-"), (f"val_{prefix}", "validation", "s--")):
                ax.plot(epochs, np.minimum(factor * history[key], top), style, label=name, markersize=4)
            ax.set(xlabel="epoch", ylabel=label, ylim=(0, top))
        axes[2].plot(np.arange(1, len(steps) + 1), np.minimum(steps, TOP), color=COLOURS[0], linewidth=0.9)
        axes[2].set(xlabel="step", ylabel="loss of the batch (nats)", ylim=(0, TOP))
        for ax in (axes[0], axes[2]):
            ax.axhline(np.log(10), color=INK, linestyle=":", linewidth=1)
        axes[0].legend(fontsize=8)
        return fig

    def describe(self) -> str:
        """The curves' ends, the tests that were ordered, and what was named."""
        readings = self.patients[self.case]["readings"]
        ends = [readings[f"final {name}"] for name in ("loss", "val_loss", "accuracy", "val_accuracy")]
        loss, val_loss = ("not a number" if value is None else f"{value:.2f}" for value in ends[:2])
        tests = ", ".join(TESTS[test] for test in self.ordered) or "none yet"
        number = min(self.patient, len(self.patients))
        says = (
            f"Patient {number} of {len(self.patients)}: after the last epoch the loss is {loss} on training and "
            f"{val_loss} on validation images, the accuracy {ends[2]:.1%} and {ends[3]:.1%}. "
            f"Tests ordered: {tests}."
        )
        illness = self.patients[self.case]["illness"]
        return says + (f" The answer: {illness}." if self.shown or illness in self.named else "")


def order(seed: int, count: int) -> list[int]:
    """The patients' places, shuffled by the seed, the same here and in the browser."""
    places, state = list(range(count)), (seed + 1) * 1_000_003
    for i in range(count - 1, 0, -1):
        state = state * 48_271 % 2_147_483_647
        j = state % (i + 1)
        places[i], places[j] = places[j], places[i]
    return places
