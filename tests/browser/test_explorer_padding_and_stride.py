"""The padding explorer, driven by mouse, keyboard and touch, shows the reference's numbers."""

import numpy as np
import pytest
from playwright.sync_api import Locator, expect

from browser.kit import Explorer
from course_utils.reference import conv2d, pad2d, same_padding_keras, same_padding_torch, touch_counts

NAME = "padding_and_stride"


def numbers(grid: Locator) -> np.ndarray:
    """The numbers that a grid shows, by rows; NaN where a cell is blank."""
    rows = [row.locator(".cx-cell").all_inner_texts() for row in grid.locator(".cx-row").all()]
    return np.array([[float(text.replace("−", "-") or "nan") for text in row] for row in rows])


def padded_image(explorer: Explorer) -> Locator:
    return explorer.root.get_by_role("grid", name="padded image")


def output_map(explorer: Explorer) -> Locator:
    return explorer.root.get_by_role("grid", name="output map")


def choose(explorer: Explorer, label: str, option: str) -> None:
    explorer.root.get_by_label(label, exact=True).select_option(option)


def expected(explorer: Explorer) -> tuple[np.ndarray, np.ndarray]:
    """The padded image and the output by the reference, from the traits as they stand."""
    image, kernel = np.array(explorer.trait("image")), np.array(explorer.trait("kernel"))
    padding, stride, dilation = (explorer.trait(name) for name in ("padding", "stride", "dilation"))
    sides = {
        "same_keras": lambda n, k: same_padding_keras(n, k, stride, dilation),
        "same_torch": lambda n, k: same_padding_torch(k, stride, dilation),
    }.get(padding, lambda n, k: (padding, padding))
    padded = pad2d(image, tuple(map(sides, image.shape, kernel.shape)), explorer.trait("mode"))
    return padded, conv2d(padded, kernel, stride=stride, dilation=dilation)


def agrees(explorer: Explorer) -> bool:
    """Pictures, traits and sentence all say what the reference says."""
    padded, output = expected(explorer)
    row, column = explorer.trait("row"), explorer.trait("column")
    np.testing.assert_allclose(numbers(padded_image(explorer)), padded, atol=0.05)  # one decimal in a cell
    np.testing.assert_allclose(numbers(output_map(explorer)), output, atol=0.0501)
    np.testing.assert_allclose(explorer.trait("output"), output, atol=1e-9)
    assert explorer.says().startswith(f"Output row {row}, column {column} of {len(output)} × {len(output[0])}:")
    value = float(explorer.says().rpartition("= ")[2].replace("−", "-"))
    assert value == pytest.approx(output[row, column], abs=0.005)
    return True


@pytest.mark.parametrize("mode", ["zero", "reflect", "symmetric", "replicate", "circular"])
def test_each_mode_pads_and_computes_as_the_reference(explorer_page, mode):
    explorer = explorer_page(NAME, padding=2)
    choose(explorer, "Padding mode", mode)
    assert explorer.trait("mode") == mode
    assert agrees(explorer)


@pytest.mark.parametrize("amount", ["0: none, “valid”", "3 on each side", "same of Keras", "same of PyTorch"])
def test_each_amount_with_an_even_kernel(explorer_page, amount):
    explorer = explorer_page(NAME, mode="reflect")
    choose(explorer, "kernel rows", "4")
    choose(explorer, "Amount", amount)
    assert agrees(explorer)


def test_stride_and_dilation_by_keyboard(explorer_page):
    explorer = explorer_page(NAME, padding=3)
    explorer.root.get_by_role("slider", name="Stride").focus()
    explorer.press("ArrowRight")
    explorer.root.get_by_role("slider", name="Dilation").focus()
    explorer.press("ArrowRight")
    assert (explorer.trait("stride"), explorer.trait("dilation")) == (2, 2)
    assert agrees(explorer)
    positions = padded_image(explorer).locator("xpath=..").locator(".cx-frame")
    assert positions.count() == 9, "each position of the dilated window is marked by itself"


def test_arrow_keys_move_the_window_in_the_output_map(explorer_page):
    explorer = explorer_page(NAME)
    output_map(explorer).locator("[tabindex='0']").focus()
    explorer.press("ArrowRight", "ArrowDown", "End", "ArrowRight")
    assert (explorer.trait("row"), explorer.trait("column")) == (1, 5)
    assert agrees(explorer)


def test_a_chosen_pad_cell_says_what_it_copies_and_changes_its_source(explorer_page):
    explorer = explorer_page(NAME, mode="reflect")
    padded_image(explorer).get_by_role("gridcell").first.click()
    told = explorer.root.get_by_text("Chosen: padding, a copy of row 1, column 1 of the image: 8.")
    expect(told).to_be_visible()
    assert padded_image(explorer).locator("xpath=..").locator(".cx-frame.cx-other").count() == 1
    explorer.press("5")
    assert explorer.trait("image")[1][1] == 5
    assert agrees(explorer)
    choose(explorer, "Padding mode", "zero")
    expect(explorer.root.get_by_text("Chosen: padding, filled with 0.")).to_be_visible()
    padded_image(explorer).locator("[tabindex='0']").focus()
    explorer.press("7")
    assert explorer.trait("image")[1][1] == 5, "a zero of the padding is no pixel"


def test_touch_counts_are_shown(explorer_page):
    explorer = explorer_page(NAME)
    choose(explorer, "Padded image shows", "windows that read a cell")
    np.testing.assert_array_equal(numbers(padded_image(explorer)), touch_counts((8, 8), 3))
    choose(explorer, "Padding mode", "circular")
    choose(explorer, "Padded image shows", "reads, copies included")
    shown = numbers(padded_image(explorer))
    np.testing.assert_array_equal(shown[1:-1, 1:-1], np.full((6, 6), 9))
    assert np.isnan(shown[0]).all() and explorer.trait("touch_counts") == np.full((6, 6), 9).tolist()


def test_what_cannot_be_is_explained_and_drawn(explorer_page):
    explorer = explorer_page(NAME, image=np.ones((3, 4)), padding=0)
    choose(explorer, "kernel rows", "5")
    assert explorer.says() == (
        "The kernel does not fit: it spans 5 rows, the padded image has 3. "
        "Pad more, or take a smaller kernel or dilation."
    )
    expect(output_map(explorer)).to_be_hidden()
    assert padded_image(explorer).get_by_role("row").count() == 5, "the kernel hangs over, where there is no pixel"
    assert explorer.trait("output") == []
    choose(explorer, "Amount", "1 on each side")
    assert agrees(explorer)
    choose(explorer, "Amount", "same of PyTorch")
    explorer.root.get_by_role("slider", name="Stride").press("ArrowRight")
    assert explorer.says().startswith('PyTorch refuses padding="same" with a stride of 2')


def test_pixels_that_no_window_reaches_are_struck_through(explorer_page):
    explorer = explorer_page(NAME, padding=0, stride=2)
    cells = padded_image(explorer).get_by_role("gridcell")
    struck = [i for i, cell in enumerate(cells.all()) if "no window" in cell.get_attribute("aria-label")]
    assert struck == [i for i in range(36) if i % 6 == 5 or i // 6 == 5]
    assert cells.nth(35).evaluate("e => getComputedStyle(e).textDecorationLine") == "line-through"
    expect(explorer.root.get_by_text("11 cells of the padded image are read by no window")).to_be_visible()


def test_the_image_can_be_exchanged_and_resized(explorer_page):
    explorer = explorer_page(NAME, mode="replicate")
    choose(explorer, "Image", "one bright pixel")
    choose(explorer, "columns", "9")
    choose(explorer, "Kernel", "sobel vertical edges")
    assert np.shape(explorer.trait("image")) == (6, 9) and np.max(explorer.trait("image")) == 9
    assert agrees(explorer)


def test_a_finger_does_what_a_mouse_does(explorer_page):
    explorer = explorer_page(NAME, touch=True, width=360)
    output_map(explorer).get_by_role("gridcell").nth(7).tap()
    padded_image(explorer).get_by_role("gridcell").nth(9).tap()
    explorer.root.get_by_role("button", name="more").first.tap()
    assert (explorer.trait("row"), explorer.trait("column"), explorer.trait("image")[0][0]) == (1, 1, 2)
    assert agrees(explorer)
