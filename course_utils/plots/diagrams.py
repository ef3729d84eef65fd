"""Diagrams of labelled boxes and arrows."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch
from matplotlib.path import Path

from course_utils.plots.svg import COLOURS, INK, finish

INCH = 0.62  # of a unit of x or y, so that boxes and their text keep their proportions
LINE = 0.22  # units that a line of a note is high
TURN = 0.3  # units that an arrow goes on beside a row before it turns to the next


def boxes(
    places: Mapping[str, tuple[float, float]],
    arrows: Sequence[tuple[str, str]] = (),
    title: str | None = None,
    ax: Axes | None = None,
    *,
    size: tuple[float, float] = (1.8, 0.9),
    groups: Mapping[str, int] | None = None,
    notes: Mapping[str, str] | None = None,
    wraps: Sequence[tuple[str, str]] = (),
    caption: str = "",
) -> Figure:
    """Labelled boxes joined by arrows, left to right or as placed.

    places: text of a box -> (x, y) of its centre; a box is `size` units wide and high. arrows: (from, to), by text.
    groups: text -> number of the colour, 0 by default. notes: text -> a remark in small letters below the box.
    wraps: further arrows, from the end of a row to the beginning of the row below, drawn between the two rows.
    Raises ValueError if an arrow, a group or a note names no box.
    """
    groups, notes = groups or {}, notes or {}
    if unknown := {*(name for arrow in (*arrows, *wraps) for name in arrow), *groups, *notes} - set(places):
        raise ValueError(f"no box is called {', '.join(sorted(unknown))}")
    width, height = size
    xs, ys = zip(*places.values(), strict=True)
    lines = {text: notes[text].count("\n") + 1 if text in notes else 0 for text in places}
    aside = 0.2 + TURN * bool(wraps)
    left, right = min(xs) - width / 2 - aside, max(xs) + width / 2 + aside
    bottom = min(y - height / 2 - LINE * lines[text] for text, (_, y) in places.items()) - 0.25
    top = max(ys) + height / 2 + 0.2
    if ax is None:
        _, ax = plt.subplots(figsize=(INCH * (right - left), INCH * (top - bottom) + 0.3 * bool(title)))
    ax.set(xlim=(left, right), ylim=(bottom, top), aspect="equal")
    ax.axis("off")
    patches = {}
    for text, (x, y) in places.items():
        colour = COLOURS[groups.get(text, 0) % len(COLOURS)]
        corner = (x - width / 2, y - height / 2)
        patches[text] = FancyBboxPatch(corner, width, height, boxstyle="round,pad=0,rounding_size=0.15")
        patches[text].set(facecolor=to_rgba(colour, 0.16), edgecolor=colour, linewidth=1.4)
        ax.add_patch(patches[text])
        ax.text(x, y, text, ha="center", va="center", fontsize=8.5)
        if text in notes:
            ax.text(x, y - height / 2 - 0.12, notes[text], ha="center", va="top", fontsize=7, linespacing=1.3)
    for one, other in arrows:
        line = FancyArrowPatch(
            places[one], places[other], patchA=patches[one], patchB=patches[other], arrowstyle="-|>", mutation_scale=11
        )
        line.set(edgecolor=INK, facecolor=INK, linewidth=1.2, zorder=0)
        ax.add_patch(line)
    for one, other in wraps:
        (x, y), (end_x, end_y) = places[one], places[other]
        gap = end_y + height / 2 + 0.25
        out, back = x + width / 2 + TURN, end_x - width / 2 - TURN
        corners = [(x + width / 2, y), (out, y), (out, gap), (back, gap), (back, end_y), (end_x - width / 2, end_y)]
        line = FancyArrowPatch(path=Path(corners), arrowstyle="-|>", mutation_scale=11)
        line.set(facecolor="none", edgecolor=INK, linewidth=1.2, zorder=0)
        ax.add_patch(line)
    return finish(ax.figure, ax, title, caption)
