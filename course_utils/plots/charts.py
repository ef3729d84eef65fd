"""Curves and bars."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from course_utils.plots.svg import COLOURS, INK, finish

MARKERS = "osD^vP"


def curves(
    history: Mapping[str, Sequence[float]],
    title: str | None = None,
    ax: Axes | None = None,
    *,
    x: Sequence[float] | None = None,
    xlabel: str = "epoch",
    ylabel: str | None = None,
    log: bool = False,
    caption: str = "",
) -> Figure:
    """Numbers over epochs.

    history: name -> values. Without ylabel, one panel a metric as in a Keras history: "loss" and "val_loss" share a
    panel as training and validation. With ylabel (say its unit) or ax, one panel with a line for each name.
    x: common positions, 1, 2, ... by default. log: logarithmic y axis.
    Raises ValueError if history is empty or the lengths of values and x differ.
    """
    if not history or any(not len(values) for values in history.values()):
        raise ValueError("nothing to draw: the history holds no values")
    panels: dict[str, dict[str, Sequence[float]]] = {}
    if ylabel is not None or ax is not None:
        panels[ylabel or "value"] = dict(history)
    else:
        for name, values in history.items():
            metric = name.removeprefix("val_")
            panels.setdefault(metric, {})["training" if metric == name else "validation"] = values
    if ax is not None:
        fig, axes = ax.figure, [ax]
    else:
        fig, axes = plt.subplots(1, len(panels), figsize=(max(4.6, 3.4 * len(panels)), 2.7), squeeze=False)
        axes = axes[0]
    for panel, (label, lines) in zip(axes, panels.items(), strict=True):
        for i, (name, values) in enumerate(lines.items()):
            steps = np.arange(1, len(values) + 1) if x is None else np.asarray(x)
            if len(steps) != len(values):
                raise ValueError(f"{name} has {len(values)} values for {len(steps)} positions")
            # A few markers tell lines apart without colour and show a history of a single epoch.
            every = max(1, len(values) // 10)
            panel.plot(steps, values, label=name, marker=MARKERS[i % 6], markersize=4.5, markevery=every)
        panel.set(xlabel=xlabel, ylabel=label.replace("_", " "))
        if log:
            panel.set_yscale("log")
        if x is None:
            panel.xaxis.get_major_locator().set_params(integer=True)
            if panel.dataLim.width == 0:
                panel.set(xlim=(0, 2), xticks=[1])
        panel.grid(linewidth=0.6)
        if len(lines) > 3:  # too many to leave room among the lines
            panel.legend(loc="center left", bbox_to_anchor=(1, 0.5))
        elif len(lines) > 1 or label == "value":
            panel.legend()
    if title and len(axes) > 1:
        fig.suptitle(title, fontsize=10)
        title = None
    return finish(fig, axes[0], title, caption)


def bars(
    names: Sequence[str],
    values: ArrayLike,
    errors: ArrayLike | None = None,
    title: str | None = None,
    ax: Axes | None = None,
    *,
    label: str = "",
    unit: str = "",
    accent: str | None = None,
    caption: str = "",
) -> Figure:
    """Horizontal bars, first name on top, each with its value written beside it.

    values, errors (drawn as ±): (N,). label: what is measured; unit: "%" shows fractions as per cent.
    accent: the name of one bar to set apart, by colour and hatching. Raises ValueError if lengths differ.
    """
    lengths = np.asarray(values, dtype=float) * (100 if unit == "%" else 1)
    spread = None if errors is None else np.asarray(errors, dtype=float) * (100 if unit == "%" else 1)
    if lengths.shape != (len(names),) or (spread is not None and spread.shape != lengths.shape):
        raise ValueError(f"{len(names)} names need as many values and errors")
    if accent is not None and accent not in names:
        raise ValueError(f"no bar is called {accent}")
    if ax is None:
        _, ax = plt.subplots(figsize=(5.6, 0.8 + 0.34 * len(names) + 0.25 * bool(title)))
    places = np.arange(len(names))
    drawn = ax.barh(places, lengths, height=0.68, color=COLOURS[0], linewidth=0)
    if accent is not None:
        chosen = drawn[list(names).index(accent)]
        chosen.set(facecolor=COLOURS[1], hatch="//")
    if spread is not None:
        ax.errorbar(lengths, places, xerr=spread, fmt="none", ecolor=INK, capsize=3)
    reach = lengths if spread is None else lengths + np.where(lengths < 0, -spread, spread)
    digits = _digits(lengths if spread is None else np.append(lengths, spread), unit)
    for i, place in enumerate(places):
        text = f"{lengths[i]:,.{digits}f}".replace("-", "−")
        if spread is not None:
            text += f" ± {spread[i]:,.{digits}f}"
        left = lengths[i] < 0
        ax.annotate(
            text, (reach[i], place), xytext=(-4 if left else 4, 0), textcoords="offset points",
            va="center", ha="right" if left else "left",
        )  # fmt: skip
    ax.set_yticks(places, names)
    ax.invert_yaxis()
    ax.tick_params(axis="y", length=0)
    ax.margins(x=0.18)
    ax.axvline(0, color=INK, linewidth=0.8)
    ax.set_xlabel(f"{label} ({unit})" if label and unit else label or unit)
    return finish(ax.figure, ax, title, caption)


def _digits(numbers: NDArray, unit: str) -> int:
    """Decimals that all values of a chart share: three significant digits of the largest."""
    if unit == "%":
        return 1
    if np.array_equal(numbers, np.rint(numbers)):
        return 0
    return int(np.clip(2 - np.floor(np.log10(np.max(np.abs(numbers)))), 0, 6))
