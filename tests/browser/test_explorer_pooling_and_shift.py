"""The pooling explorer, driven by mouse, keyboard and touch, shows the reference's numbers."""

import numpy as np
import pytest
from playwright.sync_api import Locator, expect

from browser.kit import Explorer
from course_utils.reference import adaptive_avg_pool2d, avg_pool2d, blur_pool2d, max_pool2d

NAME = "pooling_and_shift"
METHODS = {
    "maximum": lambda x, window, stride, size: max_pool2d(x, window, stride),
    "average": lambda x, window, stride, size: avg_pool2d(x, window, stride),
    "subsampling only (a stride without pooling)": lambda x, window, stride, size: x[::stride, ::stride],
    "blur [1 2 1], then subsample": lambda x, window, stride, size: blur_pool2d(x, stride),
    "maximum, blur [1 2 1], then subsample": lambda x, window, stride, size: blur_pool2d(
        max_pool2d(x, window, 1), stride
    ),
    "adaptive average": lambda x, window, stride, size: adaptive_avg_pool2d(x, size),
}


def numbers(grid: Locator) -> np.ndarray:
    """The numbers that a grid shows, by rows."""
    rows = [row.locator(".cx-cell").all_inner_texts() for row in grid.locator(".cx-row").all()]
    return np.array([[float(text.replace("−", "-")) for text in row] for row in rows])


def pane(explorer: Explorer, name: str) -> Locator:
    return explorer.root.get_by_role("grid", name=name, exact=True)


def agrees(explorer: Explorer, method: str) -> bool:
    """Both maps, the count and the sentence all say what the reference says."""
    image = np.array(explorer.trait("image"))
    moved = np.roll(image, (explorer.trait("dy"), explorer.trait("dx")), axis=(0, 1))
    settings = [explorer.trait(name) for name in ("window", "stride", "output_size")]
    before, after = (METHODS[method](x, *settings) for x in (image, moved))
    np.testing.assert_allclose(numbers(pane(explorer, "pooled")), before, atol=0.0501)  # one decimal in a cell
    np.testing.assert_allclose(numbers(pane(explorer, "pooled after the shift")), after, atol=0.0501)
    np.testing.assert_allclose(explorer.trait("pooled"), before, atol=1e-9)
    np.testing.assert_allclose(explorer.trait("pooled_shifted"), after, atol=1e-9)
    kept = (np.abs(after - before) <= explorer.trait("tolerance") + 1e-9).sum()
    assert f"{kept} of {before.size} pooled values are kept" in explorer.says()
    row, column = explorer.trait("row"), explorer.trait("column")
    assert f"Output row {row}, column {column}: " in explorer.says()
    return True


@pytest.mark.parametrize("method", METHODS)
def test_each_method_pools_as_the_reference(explorer_page, method):
    explorer = explorer_page(NAME, window=3)
    explorer.root.get_by_label("Method", exact=True).select_option(method)
    assert agrees(explorer, method)


def test_sliders_shift_the_image_by_keyboard(explorer_page):
    explorer = explorer_page(NAME)
    for name, key in (("Shift right", "ArrowRight"), ("Shift down", "ArrowLeft"), ("Window", "ArrowRight")):
        explorer.root.get_by_role("slider", name=name).press(key)
    assert [explorer.trait(name) for name in ("dx", "dy", "window")] == [2, -1, 3]
    assert "Shifted 2 right and 1 up" in explorer.says()
    assert agrees(explorer, "maximum")


def test_the_chosen_output_shows_its_window_its_winner_and_the_route(explorer_page):
    explorer = explorer_page(NAME)
    pane(explorer, "pooled").get_by_role("gridcell").nth(4).click()
    assert (explorer.trait("row"), explorer.trait("column")) == (1, 0)
    expect(
        explorer.root.get_by_text("The largest of 4 pixels is 5, in row 2, column 1: all of the gradient")
    ).to_be_visible()
    explorer.root.get_by_label("Show the route of the gradient").check()
    texts = pane(explorer, "image").get_by_role("gridcell").all_inner_texts()
    assert {i: text for i, text in enumerate(texts) if text} == {2 * 8 + 1: "1"}
    explorer.root.get_by_label("Method", exact=True).select_option("average")
    texts = pane(explorer, "image").get_by_role("gridcell").all_inner_texts()
    assert {i: text for i, text in enumerate(texts) if text} == dict.fromkeys([16, 17, 24, 25], "1/4")
    assert np.sum(explorer.trait("gradient")) == 1


def test_ties_go_to_the_first(explorer_page):
    explorer = explorer_page(NAME, image=np.ones((4, 4)), row=1, column=1)
    expect(explorer.root.get_by_text("4 pixels tie: PyTorch and TensorFlow take the first")).to_be_visible()
    assert explorer.trait("gradient")[2][2] == 1


def test_arrow_keys_visit_the_outputs_and_typing_changes_the_image(explorer_page):
    explorer = explorer_page(NAME)
    pane(explorer, "pooled after the shift").locator("[tabindex='0']").focus()
    explorer.press("ArrowDown", "End")
    assert (explorer.trait("row"), explorer.trait("column")) == (1, 3)
    pane(explorer, "image").locator("[tabindex='0']").focus()
    explorer.press("ArrowRight", "8")
    assert explorer.trait("image")[0][1] == 8
    assert agrees(explorer, "maximum")


def test_bins_of_adaptive_pooling_are_drawn_with_their_overlap(explorer_page):
    explorer = explorer_page(NAME, image=np.arange(49).reshape(7, 7), method="adaptive", output_size=3, row=1, column=1)
    bins = explorer.root.get_by_role("grid", name="bins of rows: 0 to 2, 2 to 4, 4 to 6")
    cells = bins.locator(".cx-cell").all_inner_texts()
    third = "1/3"
    assert cells == [third] * 3 + [""] * 4 + [""] * 2 + [third] * 3 + [""] * 2 + [""] * 4 + [third] * 3
    expect(explorer.root.get_by_text("In more than one bin: rows 2, 4.")).to_be_visible()
    neighbours = pane(explorer, "image").locator("xpath=..").locator(".cx-frame.cx-other")
    assert neighbours.count() == 4


def test_the_table_compares_all_methods(explorer_page):
    explorer = explorer_page(NAME, dx=2)
    rows = explorer.root.get_by_role("row").filter(has=explorer.page.get_by_role("rowheader"))
    assert rows.count() == len(METHODS)
    chosen = rows.filter(has_text="maximum, chosen").get_by_role("cell").all_inner_texts()
    image = np.array(explorer.trait("image"))
    before, after = max_pool2d(image, 2), max_pool2d(np.roll(image, 2, axis=1), 2)
    assert chosen[0] == f"{(before == after).sum()} of 16"
    assert chosen[4] == "16 of 16"


def test_a_window_that_does_not_fit_is_explained(explorer_page):
    explorer = explorer_page(NAME, image=np.ones((3, 3)), window=3)
    explorer.root.get_by_role("slider", name="Window").press("ArrowRight")
    assert explorer.says().startswith("The window of 4 × 4 does not fit into an image of 3 × 3")
    assert explorer.trait("pooled") == []
    expect(pane(explorer, "pooled")).to_be_hidden()
    explorer.root.get_by_label("Method", exact=True).select_option("average")
    explorer.root.get_by_label("side", exact=True).select_option("6")
    assert agrees(explorer, "average")


def test_a_finger_does_what_a_mouse_does(explorer_page):
    explorer = explorer_page(NAME, touch=True, width=360)
    pane(explorer, "pooled").get_by_role("gridcell").nth(15).tap()
    pane(explorer, "image").get_by_role("gridcell").nth(0).tap()
    explorer.root.get_by_role("button", name="more").first.tap()
    assert (explorer.trait("row"), explorer.trait("column"), explorer.trait("image")[0][0]) == (3, 3, 1)
    assert agrees(explorer, "maximum")
