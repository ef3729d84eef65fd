"""The course's colours can be told apart without full colour vision, and stand out from light and dark pages.

Colour-blind vision is simulated after Machado et al. 2009 at full severity. Differences are in CAM02-UCS, where 1 is
about the smallest that can be noticed side by side; 10 is plain at a glance.
"""

import ast
import itertools
import re
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest
from colorspacious import cspace_convert
from matplotlib.colors import to_rgb
from widget_kit import node

from course_utils import plots
from course_utils.plots.pictures import DIVERGING
from course_utils.widgets.explorer import HERE

ROOT = Path(__file__).parents[1]
VISIONS = [None, "deuteranomaly", "protanomaly", "tritanomaly"]
PAGES = {"white": "#ffffff", "the book's dark page": "#14181e", "JupyterLab's dark page": "#111111"}
SEQUENTIAL = ("cividis", "gray")
STEPS = 9  # shades that a reader should be able to rank
PLAIN, NOTICEABLE = 10, 3

each_vision = pytest.mark.parametrize("vision", VISIONS, ids=lambda kind: kind or "full colour vision")


def seen(colours, vision):
    """sRGB colours (N, 3) from 0 to 1 as this vision has them, in CAM02-UCS: lightness first."""
    colours = np.asarray(colours, dtype=float)
    if vision:
        space = {"name": "sRGB1+CVD", "cvd_type": vision, "severity": 100}
        colours = np.clip(cspace_convert(colours, space, "sRGB1"), 0, 1)
    return cspace_convert(colours, "sRGB1", "CAM02-UCS")


def contrast(one, other):
    """Of two colours by WCAG 2, from 1 to 21."""

    def luminance(colour):
        channels = np.array(to_rgb(colour))
        linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
        return linear @ (0.2126, 0.7152, 0.0722)

    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def explorers_map(function, values):
    """What the explorers' JavaScript paints for these values, as sRGB from 0 to 1."""
    painted = node("toolkit", f"(value, ...limits) => {function}(value, ...limits).background", values)
    return np.array([[int(part) for part in re.findall(r"\d+", colour)] for colour in painted]) / 255


def sequential(name):
    """A map from least to most, at STEPS places."""
    places = np.linspace(0, 1, STEPS)
    if name in SEQUENTIAL:
        return plt.get_cmap(name)(places)[:, :3]
    return explorers_map(name, [(place, 0, 1) if name == "grey" else (place, 1) for place in places.tolist()])


def diverging(name):
    """A map from the most negative over zero, in the middle, to the most positive."""
    places = np.linspace(-1, 1, STEPS)
    if name == "explorers":
        return explorers_map("signed", [(place, 1) for place in places.tolist()])
    return plt.get_cmap(name)((places + 1) / 2)[:, :3]


@each_vision
def test_colours_of_lines_and_bars_differ_plainly(vision):
    found = seen([to_rgb(colour) for colour in plots.COLOURS], vision)
    close = {
        (plots.COLOURS[i], plots.COLOURS[j]): round(float(np.linalg.norm(found[i] - found[j])), 1)
        for i, j in itertools.combinations(range(len(found)), 2)
    }
    assert {pair: distance for pair, distance in close.items() if distance < PLAIN} == {}


@pytest.mark.parametrize("page", PAGES)
def test_ink_and_colours_stand_out_from_the_page(page):
    found = {colour: round(float(contrast(colour, PAGES[page])), 2) for colour in (plots.INK, *plots.COLOURS)}
    assert {colour: ratio for colour, ratio in found.items() if ratio < 3} == {}  # WCAG 2.2, 1.4.11


@each_vision
@pytest.mark.parametrize("name", [*SEQUENTIAL, "amount", "grey"])
def test_more_is_always_lighter_in_a_sequential_map(name, vision):
    found = seen(sequential(name), vision)
    assert np.diff(found[:, 0]).min() > NOTICEABLE
    assert np.linalg.norm(found[-1] - found[0]) > 5 * PLAIN


@each_vision
@pytest.mark.parametrize("name", [DIVERGING, "explorers"])
def test_signs_can_be_told_apart_in_a_diverging_map(name, vision):
    found = seen(diverging(name), vision)
    middle = STEPS // 2
    assert found[middle, 0] > 95, "zero is nearly white"
    assert np.diff(found[middle:, 0]).max() < -NOTICEABLE and np.diff(found[: middle + 1, 0]).min() > NOTICEABLE
    ends = np.linalg.norm(found[:2] - found[:-3:-1], axis=1)
    assert ends.min() > PLAIN, "values of half the range and more show their sign"


def test_figures_use_these_maps_only():
    assert plt.rcParams["image.cmap"] in SEQUENTIAL
    sources = [path for folder in ("lessons", "solutions", "course_utils") for path in (ROOT / folder).rglob("*.py")]
    used = {}
    for path in sources:
        for node_ in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node_, ast.Constant) and node_.value in plt.colormaps():
                used.setdefault(node_.value, path.relative_to(ROOT).as_posix())
    assert {name: path for name, path in used.items() if name not in (*SEQUENTIAL, DIVERGING)} == {}
    assert DIVERGING in used


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_an_explorers_lines_and_marks_stand_out(theme):
    blocks = re.findall(r"\{[^{}]*--fg: #[^{}]*\}", (HERE / "toolkit.css").read_text(encoding="utf-8"))
    light, dark = (dict(re.findall(r"--(\w+): (#\w+)", block)) for block in blocks)
    colours = light if theme == "light" else light | dark
    ratios = {
        (mark, ground): contrast(colours[mark], colours[ground])
        for mark in ("fg", "line", "mark", "other")
        for ground in ("bg", "soft")
    }
    low = {pair: round(float(r), 2) for pair, r in ratios.items() if r < (4.5 if pair[0] == "fg" else 3)}
    assert low == {}
