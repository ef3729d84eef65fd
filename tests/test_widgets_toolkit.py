"""What the explorers share: the toolkit's pure functions, linking, the base class, the trait for arrays."""

import inspect
import json
import re

import matplotlib.pyplot as plt
import numpy as np
import pytest
import traitlets
from anywidget import AnyWidget
from ipywidgets import Widget
from matplotlib.colors import to_rgb
from widget_kit import Thrown, node

import course_utils.widgets
from course_utils.widgets import EXPLORERS, Explorer
from course_utils.widgets.explorer import HERE, Numbers, linked, mulberry32

each = pytest.mark.parametrize("kind", EXPLORERS, ids=lambda kind: kind.name)
STATE_LIMIT = 400_000  # bytes of JSON: every page that shows an explorer carries its state


# The toolkit's arithmetic


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ((0.5,), "0.5"),
        ((-3,), "−3"),
        ((2.0,), "2"),
        ((1.005, 1), "1"),
        ((-0.004,), "0"),
        ((1234.5678, 3), "1234.568"),
        ((float("inf"),), "∞"),
        ((float("-inf"),), "−∞"),
        ((float("nan"),), "undefined"),
    ],
)
def test_numbers_are_written_for_a_reader(arguments, text):
    assert node("toolkit", "format", [arguments]) == [text]


def test_whole_numbers_get_separators():
    numbers = [0, 12, 999, 1000, 1196586, 150529000, -45000]
    assert node("toolkit", "thousands", numbers) == [f"{n:,}".replace("-", "−") for n in numbers]


def test_clamp_range_and_table():
    assert node("toolkit", "clamp", [(7, 0, 5), (-1, 0, 5), (3, 0, 5)]) == [5, 0, 3]
    assert node("toolkit", "range", [0, 3]) == [[], [0, 1, 2]]
    assert node("toolkit", "(r, c) => table(r, c, (i, j) => 10 * i + j)", [(2, 3)]) == [[[0, 1, 2], [10, 11, 12]]]


def test_numbers_from_a_link_are_brought_between_two_ends():
    cases = [(7, 0, 5, 1), (-1, 0, 5, 1), (3, 0, 5, 1), (None, 0, 5, 1), ("3", 0, 5, 1), (float("nan"), 0, 5, None)]
    assert node("toolkit", "numberIn", cases) == [5, 0, 3, 1, 1, None]


def test_lists_and_exponents_are_written_for_a_reader():
    lists = [([],), (["a"],), (["a", "b"],), ([1, 2, 3],)]
    assert node("toolkit", "listed", lists) == ["", "a", "a and b", "1, 2 and 3"]
    assert node("toolkit", "raised", [-12, 0, 345]) == ["⁻¹²", "⁰", "³⁴⁵"]


def test_python_and_the_browser_draw_the_same_numbers():
    cases = [(0, 1), (0, 2), (-1, 7), (2**31 - 1, 204_800), (-(2**31), 2**32 - 1)]
    drawn = node("toolkit", "mulberry32", cases)
    assert drawn == [mulberry32(start, place) for start, place in cases]
    assert drawn[:2] == [0.26642920868471265, 0.0003297457005828619]  # what the published generator gives for seed 0
    many = mulberry32(12345, np.arange(100_000))
    assert 0 <= many.min() < 1e-4 and 1 - 1e-4 < many.max() < 1
    assert np.histogram(many, 10, (0, 1))[0] == pytest.approx(10_000, abs=400)


def test_a_python_literal_evaluates_to_what_it_stands_for():
    values = [None, True, False, 0, -1.5, "a 'quoted' \"text\"", [], [[1, [True]], "x"], {"a b": {"c": [None]}}]
    assert [eval(text) for text in node("toolkit", "literal", values)] == values


def test_the_nearest_of_given_values():
    assert node("toolkit", "nearest", [([1, 10, 100], 40), ([1, 10, 100], 80), ([5], 0)]) == [1, 2, 0]


def rgb(style):
    """Background and letters of a style, as (3,) arrays from 0 to 1."""
    background = np.array([int(part) for part in re.findall(r"\d+", style["background"])]) / 255
    return background, np.array(to_rgb(style["color"]))


def contrast(style):
    """The contrast of a cell's number with its colour, as WCAG 2 defines it."""
    light = []
    for colour in rgb(style):
        linear = np.where(colour <= 0.04045, colour / 12.92, ((colour + 0.055) / 1.055) ** 2.4)
        light.append(linear @ (0.2126, 0.7152, 0.0722))
    return (max(light) + 0.05) / (min(light) + 0.05)


@pytest.mark.parametrize("scale", ["grey(v, -50, 50)", "signed(v, 50)", "amount(v + 50, 100)"])
def test_numbers_can_be_read_on_every_colour_of_a_scale(scale):
    styles = node("toolkit", f"(v) => {scale}", np.linspace(-60, 60, 121).tolist())
    assert min(map(contrast, styles)) >= 4.5


def test_scales_have_their_ends_and_survive_a_single_value():
    ends = node("toolkit", "(v) => grey(v, 0, 255).background", [0, 255, 300, -1])
    assert ends == ["rgb(0 0 0)", "rgb(255 255 255)", "rgb(255 255 255)", "rgb(0 0 0)"]
    assert node("toolkit", "(v) => signed(v, 0).background", [5]) == ["rgb(247 247 247)"]
    constant = node("toolkit", "() => [grey(7, 7, 7), signed(0, 0), amount(0, 0)]", [0])
    assert "NaN" not in json.dumps(constant)


def test_amounts_follow_cividis_and_get_lighter():
    shares = np.linspace(0, 1, 33)
    drawn = [rgb(style)[0] for style in node("toolkit", "(v) => amount(v, 1)", shares.tolist())]
    whole = plt.get_cmap("cividis")(shares)[:, :3]
    assert np.abs(np.array(drawn) - whole).max() < 0.1  # five stops stand for 256
    assert np.abs(np.array(drawn) - whole)[::8].max() < 0.02  # at the stops themselves
    lightness = np.array(drawn) @ (0.2126, 0.7152, 0.0722)
    assert np.all(np.diff(lightness) > 0)


# The kit itself


def test_the_kit_carries_arrays_and_special_numbers_and_errors():
    assert node("toolkit", "(x) => x.map((v) => 1 / v)", [np.array([2.0, 0.0])]) == [[0.5, float("inf")]]
    assert np.isnan(node("toolkit", "() => ({ deep: [0 / 0] })", [0])[0]["deep"][0])
    assert node("toolkit", "(x) => { throw new Error(`no ${x}`) }", [1, 2]) == [Thrown("no 1"), Thrown("no 2")]
    with pytest.raises(AssertionError, match="Node cannot run"):
        node("toolkit", "no_such_function", [1])


# Linking


def test_a_linked_module_is_one_text_without_imports():
    for kind in EXPLORERS:
        text = linked(kind.name)
        assert not re.search(r"^\s*import\b", text, re.M)
        assert text.count("export default explorer(") == 1
        assert kind._esm is not None and "export default" in str(kind._esm)


@pytest.mark.parametrize(
    "text",
    [
        "export default explorer({});",
        'import x from "https://cdn.example/x.js";\nimport { h } from "./toolkit.js";\n',
        'import { h } from "./toolkit.js";\nconst x = await import("./other.js");\n',
        'import { h } from "./other.js";\n',
    ],
    ids=["no import", "from elsewhere too", "later", "another module"],
)
def test_an_explorer_may_import_from_the_toolkit_only(tmp_path, monkeypatch, text):
    (tmp_path / "bad.js").write_text(text)
    (tmp_path / "toolkit.js").write_text((HERE / "toolkit.js").read_text())
    monkeypatch.setattr("course_utils.widgets.explorer.HERE", tmp_path)
    with pytest.raises(ValueError, match=r"bad\.js has one import statement"):
        linked("bad")


@each
def test_no_name_is_taken_twice(kind):
    """Toolkit and explorer share one scope, so a second `const range` would be a syntax error on the page."""
    assert node(kind.name, "() => 1", [0]) == [1]


# What every explorer promises to Python and to the book


@each
def test_an_explorer_says_what_it_is_for(kind):
    assert kind.title and 1 <= kind.day <= 21
    assert kind.question.endswith("?")
    assert len(kind.try_this) >= 2 and all(len(what) > 40 for what in kind.try_this)
    assert inspect.getdoc(kind) and kind.__name__ in course_utils.widgets.__all__


def test_explorers_come_in_the_order_of_their_days():
    days = [kind.day for kind in EXPLORERS]
    assert days == sorted(days) and len({kind.name for kind in EXPLORERS}) == len(EXPLORERS)


def own_traits(kind):
    return [name for name in kind.class_trait_names(sync=True) if not hasattr(AnyWidget, name)]


@each
def test_every_trait_is_explained(kind):
    assert own_traits(kind)
    assert [name for name in own_traits(kind) if not kind.class_traits()[name].help] == []


@each
def test_page_and_python_speak_of_the_same_explorer(kind):
    text = (HERE / f"{kind.name}.js").read_text()
    (called,) = re.findall(r"^  name: \"(.*)\",$", text, re.M)
    (python,) = re.findall(r"^  python: \"(.*)\",$", text, re.M)
    (title,) = re.findall(r"^  title: \"(.*)\",$", text, re.M)
    (traits,) = re.findall(r"^  traits: \[(.*?)\],$", text, re.M | re.S)
    assert (called, python, title) == (kind.name, kind.__name__, kind.title)
    assert set(re.findall(r"\"(\w+)\"", traits)) <= set(own_traits(kind))


@each
def test_an_explorer_describes_and_draws_itself(kind):
    widget = kind()
    words = widget.describe()
    assert len(words.split()) >= 5 and "nan" not in words.lower().split()
    figure = widget.to_figure()
    assert figure.get_axes()
    figure.canvas.draw()
    plt.close(figure)


@each
def test_a_terminal_gets_words(kind):
    bundle = kind()._repr_mimebundle_()[0]
    assert bundle["text/plain"].startswith(f"{kind.title}: ")
    assert "application/vnd.jupyter.widget-view+json" in bundle


@each
def test_the_state_is_json_and_small_enough_for_a_page(kind):
    widget = kind()
    (state,) = Widget.get_manager_state(drop_defaults=False, widgets=[widget])["state"].values()
    own = {name: state["state"][name] for name in own_traits(kind)}
    assert len(json.dumps(own)) < STATE_LIMIT
    assert len(str(state["state"]["_esm"])) < 100_000


@each
def test_one_explorer_does_not_change_another(kind):
    first = json.dumps(kind().get_state(own_traits(kind)), default=str)
    widget = kind()
    for name in own_traits(kind):
        value = getattr(widget, name)
        if isinstance(value, list):
            value.clear()
    assert json.dumps(kind().get_state(own_traits(kind)), default=str) == first


@pytest.mark.parametrize("method", ["to_figure", "describe"])
def test_the_base_class_leaves_picture_and_words_to_the_explorer(method):
    with pytest.raises(NotImplementedError):
        getattr(Explorer, method)(None)


# Arrays as traits


class Holder(traitlets.HasTraits):
    plane = Numbers([[1, 2], [3, 4]], 2, most=4, help="")
    pixels = Numbers([[1]], 3, channels=True, help="")


def test_numbers_takes_arrays_and_keeps_lists():
    holder = Holder(plane=np.arange(6, dtype=np.uint8).reshape(2, 3))
    assert holder.plane == [[0, 1, 2], [3, 4, 5]]
    holder.plane = [[0.25, 7]]
    assert holder.plane == [[0.25, 7]] and type(holder.plane[0][1]) is float


def test_numbers_adds_the_axis_of_channels():
    assert Holder().pixels == [[[1]]]
    assert Holder(pixels=np.ones((2, 3))).pixels == [[[1]] * 3] * 2
    assert Holder(pixels=np.ones((2, 3, 4))).pixels == [[[1] * 4] * 3] * 2


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ([1, 2], "2 axes of 1 to 4 numbers are wanted, not shape"),
        (np.zeros((5, 1)), "not shape (5, 1)"),
        (np.zeros((0, 3)), "not shape (0, 3)"),
        ([[np.nan]], "every number must be finite"),
        ([[np.inf]], "every number must be finite"),
        ([["x"]], "could not convert"),
        ([[1, 2], [3]], "inhomogeneous"),
        (None, "2 axes"),
    ],
    ids=str,
)
def test_numbers_refuses_in_one_sentence_and_keeps_what_was(value, said):
    holder = Holder()
    with pytest.raises(traitlets.TraitError) as caught:
        holder.plane = value
    message = str(caught.value)
    assert message.startswith("Holder.plane: ") and said in message and "\n" not in message
    assert holder.plane == [[1, 2], [3, 4]]
