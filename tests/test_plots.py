"""Figures as a reader meets them: SVG in a page's own colours, with a text alternative."""

import re
from xml.etree import ElementTree

import matplotlib.pyplot as plt
import numpy as np
import pytest

from course_utils import plots
from course_utils.reference import KERNELS

SVG = "{http://www.w3.org/2000/svg}"
IMAGE = np.arange(25, dtype=np.uint8).reshape(5, 5) * 10
NAMES = ["cat", "dog", "ship"]

FIGURES = {
    "pixels": lambda **kw: plots.pixels(IMAGE, highlight=(0, 0, 3, 3), **kw),
    "kernel": lambda **kw: plots.kernel(KERNELS["gaussian"], **kw),
    "image": lambda **kw: plots.image(IMAGE, **kw),
    "image_grid": lambda **kw: plots.image_grid([IMAGE] * 3, NAMES, columns=2, colours=plots.COLOURS[:3], **kw),
    "feature_maps": lambda **kw: plots.feature_maps(np.random.default_rng(0).normal(size=(6, 6, 5)), columns=3, **kw),
    "confusion": lambda **kw: plots.confusion(np.diag([3, 4, 5]) + 1, NAMES, **kw),
    "curves": lambda **kw: plots.curves({"loss": [3, 2, 1], "val_loss": [3, 2.5, 2]}, **kw),
    "bars": lambda **kw: plots.bars(NAMES, [0.1, 0.5, 0.9], [0.0, 0.1, 0.01], label="accuracy", unit="%", **kw),
    "boxes": lambda **kw: plots.boxes({"eye": (0, 0), "V1": (2.5, 0)}, [("eye", "V1")], notes={"V1": "edges"}, **kw),
}


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def svg(fig, alt="what it shows"):
    return ElementTree.fromstring(plots.to_svg(fig, alt))


def texts(root):
    return ["".join(element.itertext()).strip() for element in root.iter(f"{SVG}text")]


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_is_a_page_fragment_in_the_pages_colours(name):
    code = plots.to_svg(FIGURES[name](caption="sample data, drawn by code"), "what it shows")
    root = ElementTree.fromstring(code)
    assert root.tag == f"{SVG}svg"
    assert root.get("role") == "img" and root.get("aria-label") == "what it shows"
    assert "currentColor" in code and plots.INK not in code
    assert "max-width:100%" in root.get("style")
    assert not {"style", "script", "metadata", "title"} & {element.tag.removeprefix(SVG) for element in root.iter()}
    assert any(text.startswith("sample data") for text in texts(root))


@pytest.mark.parametrize("name", FIGURES)
def test_nothing_paints_a_background(name):
    fig = FIGURES[name]()
    assert all(part.get_facecolor()[3] == 0 for part in (fig, *fig.axes))


@pytest.mark.parametrize("name", FIGURES)
def test_nothing_is_cut_off(name):
    fig = FIGURES[name](caption="sample data, drawn by code, in a sentence that is longer than a small figure is wide")
    plots.to_svg(fig, "drawn, so that the layout is settled")
    drawn, (width, height) = fig.get_tightbbox(), fig.get_size_inches()
    assert min(drawn.x0, drawn.y0) >= -0.02 and drawn.x1 <= width + 0.02 and drawn.y1 <= height + 0.02


def test_two_figures_on_a_page_share_no_id_and_every_reference_is_met():
    page = "".join(plots.to_svg(FIGURES["curves"](), "curves") for _ in range(2))
    ids = re.findall(r'\bid="([^"]+)"', page)
    assert ids and len(ids) == len(set(ids))
    assert set(re.findall(r'url\(#([^)]+)\)|href="#([^"]+)"', page)) <= {
        pair for name in ids for pair in ((name, ""), ("", name))
    }


@pytest.mark.parametrize("alt", [None, "", "  \n", 7])
def test_a_figure_without_alt_text_is_refused(alt):
    with pytest.raises(ValueError, match="what it shows"):
        plots.show(FIGURES["image"](), alt)


def test_alt_text_is_escaped():
    hostile = 'a "<b>&\n two'
    code = plots.to_svg(FIGURES["image"](), hostile)
    assert "<b>" not in code
    assert ElementTree.fromstring(code).get("aria-label") == 'a "<b>& two'


def test_a_terminal_gets_the_alt_text_and_the_figure_is_closed(capsys):
    fig = FIGURES["bars"]()
    plots.show(fig, "three bars that rise")
    assert capsys.readouterr().out == "three bars that rise\n"
    assert not plt.fignum_exists(fig.number)


def test_a_notebook_gets_one_bundle_and_no_second_picture():
    import nbformat
    from nbclient import NotebookClient

    code = 'from course_utils import plots\nplots.show(plots.image([[0, 1]]), alt="two pixels")'
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)])
    NotebookClient(book, timeout=60, kernel_name="python3").execute()
    (output,) = book.cells[0].outputs
    assert output.data["text/plain"] == "two pixels"
    assert "<svg" in output.data["text/html"] and set(output.data) == {"text/html", "text/plain"}


def test_numbers_stand_in_the_cells_and_contrast_with_them():
    fig = plots.pixels([[0, 255], [-2.5, np.nan]], limits=(0, 255))
    assert {"0", "255", "−2.5"} <= set(texts(svg(fig)))
    assert not any("nan" in text for text in texts(svg(fig)))
    dark_and_light = plots.pixels([[0, 255]], labels=False)
    shades = {text.get_text(): text.get_color() for text in dark_and_light.axes[0].texts}
    assert shades == {"0": "white", "255": "black"}


def test_zero_is_white_in_a_kernel():
    fig = plots.kernel([[-1, 0, 4]])
    picture = fig.axes[0].images[0]
    low, high = picture.get_clim()
    assert (low, high) == (-4, 4)
    assert min(picture.cmap(picture.norm(0.0))[:3]) > 0.95


def test_small_images_keep_square_pixels_and_photographs_are_smooth():
    small, large = (svg(plots.image(np.zeros((n, n)))).find(f".//{SVG}image") for n in (32, 200))
    assert "pixelated" in small.get("style") and small.get("width") == "32"
    assert "pixelated" not in large.get("style", "")


def test_images_of_all_common_forms_are_taken():
    grey, colour = np.zeros((4, 5, 1)), np.zeros((4, 5, 3), np.uint8)
    for image in (grey, colour, colour / 255.0):
        assert plots.image(image).axes[0].images[0].get_array().shape[:2] == (4, 5)
    uint8 = plots.image(IMAGE).axes[0].images[0].get_clim()
    assert uint8 == (0, 255), "a dark picture must look dark"


def test_a_keras_history_becomes_a_panel_for_each_metric():
    history = {"loss": [2, 1], "val_loss": [2, 1.5], "accuracy": [0.1, 0.4], "val_accuracy": [0.1, 0.3]}
    fig = plots.curves(history)
    assert [ax.get_ylabel() for ax in fig.axes] == ["loss", "accuracy"]
    assert [line.get_label() for line in fig.axes[0].lines] == ["training", "validation"]
    assert list(fig.axes[0].lines[0].get_xdata()) == [1, 2]
    styles = {(line.get_linestyle(), line.get_marker()) for line in fig.axes[0].lines}
    assert len(styles) == 2, "lines must differ by more than colour"


def test_lines_to_compare_share_a_panel_when_it_is_named():
    fig = plots.curves({"SGD": [2, 1], "Adam": [2, 0.5]}, ylabel="loss (nats)")
    (panel,) = fig.axes
    assert panel.get_ylabel() == "loss (nats)"
    assert [text.get_text() for text in panel.get_legend().get_texts()] == ["SGD", "Adam"]


def test_confusion_shows_per_cent_of_the_true_class_or_counts():
    matrix = [[3, 1], [0, 0]]
    assert [t.get_text() for t in plots.confusion(matrix, NAMES[:2]).axes[0].texts] == ["75", "25", "0", "0"]
    counts = plots.confusion(matrix, NAMES[:2], normalise=False)
    assert [t.get_text() for t in counts.axes[0].texts] == ["3", "1", "0", "0"]


def test_bars_say_value_and_spread():
    written = texts(svg(FIGURES["bars"]()))
    assert {"10.0 ± 0.0", "50.0 ± 10.0", "90.0 ± 1.0", "accuracy (%)"} <= set(written)


def test_boxes_stand_where_they_are_placed_with_an_arrow_for_each_pair():
    fig = plots.boxes({"eye": (0, 0), "V1": (2.5, 1)}, [("eye", "V1")], notes={"eye": "light"})
    (ax,) = fig.axes
    assert {text.get_text(): text.get_position() for text in ax.texts}["V1"] == (2.5, 1)
    kinds = [type(patch).__name__ for patch in ax.patches]
    assert (kinds.count("FancyBboxPatch"), kinds.count("FancyArrowPatch")) == (2, 1)


def test_an_arrow_to_the_next_row_goes_between_the_rows_and_not_through_boxes():
    places = {"a": (0, 2), "b": (2.5, 2), "c": (0, 0)}
    fig = plots.boxes(places, [("a", "b")], wraps=[("b", "c")])
    (ax,) = fig.axes
    wrap = ax.patches[-1]
    fig.canvas.draw()
    start, *corners, end = wrap.get_path().vertices[:6]  # the arrow's head follows
    assert np.allclose(start, (2.5 + 0.9, 2), atol=0.2) and np.allclose(end, (-0.9, 0), atol=0.2)
    (out, top), (same_out, low), (back, same_low), (same_back, foot) = np.round(corners, 6)
    assert (top, out, low, back, foot) == (2, same_out, same_low, same_back, 0), "straight along the axes"
    assert 0.45 < low < 2 - 0.45, "between the rows"
    assert ax.get_xlim()[0] < back < -0.9 and 2.5 + 0.9 < out < ax.get_xlim()[1]


def test_figures_can_share_one():
    fig, axes = plt.subplots(1, 2)
    assert plots.pixels(IMAGE, ax=axes[0]) is fig and plots.kernel(KERNELS["identity"], "identity", axes[1]) is fig
    assert axes[1].get_title() == "identity"


@pytest.mark.parametrize(
    ("draw", "message"),
    [
        (lambda: plots.pixels([1, 2]), "2 axes"),
        (lambda: plots.kernel(np.ones((3, 3, 3))), "2 axes"),
        (lambda: plots.image(np.ones((3, 4, 4))), "an image is"),
        (lambda: plots.image(np.full((4, 4, 3), 200.0)), "0 to 255 or floats from 0 to 1"),
        (lambda: plots.image_grid([IMAGE], ["one", "two"]), "1 .* as many titles"),
        (lambda: plots.image_grid([]), "at least one image"),
        (lambda: plots.feature_maps(np.ones((1, 4, 4, 3))), "leave out the batch axis"),
        (lambda: plots.confusion([[1, 2]], ["a"]), "square"),
        (lambda: plots.confusion([[1, 2], [3, 4]], ["a"]), "as many class_names"),
        (lambda: plots.curves({}), "no values"),
        (lambda: plots.curves({"loss": []}), "no values"),
        (lambda: plots.curves({"loss": [1, 2]}, x=[1]), "2 values for 1 positions"),
        (lambda: plots.bars(["a"], [1, 2]), "as many values"),
        (lambda: plots.bars(["a"], [1], accent="b"), "no bar is called"),
        (lambda: plots.boxes({"eye": (0, 0)}, [("eye", "V1")]), "no box is called V1"),
    ],
)
def test_bad_input_is_named(draw, message):
    with pytest.raises(ValueError, match=message):
        draw()
