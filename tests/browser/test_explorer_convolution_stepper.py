"""The convolution stepper, driven by mouse, keyboard and touch, shows the reference's numbers."""

import numpy as np
import pytest
from playwright.sync_api import Locator

from browser.kit import Explorer
from course_utils.reference import KERNELS, conv2d

NAME = "convolution_stepper"


def expected(explorer: Explorer) -> np.ndarray:
    """The feature map by the reference, (oh, ow), from the traits as they stand."""
    image, kernel = np.array(explorer.trait("image")), np.array(explorer.trait("kernel"))
    if explorer.trait("flip"):
        kernel = kernel[::-1, ::-1]
    return conv2d(image, kernel, explorer.trait("bias"))


def numbers(grid: Locator) -> np.ndarray:
    """The numbers that a grid shows, by rows."""
    rows = [row.locator(".cx-cell").all_inner_texts() for row in grid.locator(".cx-row").all()]
    return np.array([[float(text.replace("−", "-")) for text in row] for row in rows])


def agrees(explorer: Explorer) -> bool:
    """Picture, traits and sentence all say what the reference says."""
    wanted, (row, column) = expected(explorer), (explorer.trait("row"), explorer.trait("column"))
    np.testing.assert_allclose(numbers(feature_map(explorer)), wanted, atol=0.05)  # one decimal in a cell
    np.testing.assert_allclose(explorer.trait("feature_map"), wanted, rtol=1e-12, atol=1e-9)
    assert f"Row {row}, column {column} of {wanted.shape[0]} × {wanted.shape[1]}" in explorer.says()
    assert float(explorer.says().rpartition("= ")[2].replace("−", "-")) == pytest.approx(wanted[row, column], abs=0.005)
    return True


def feature_map(explorer: Explorer) -> Locator:
    return explorer.root.get_by_role("grid", name="feature map")


def enter(explorer: Explorer, name: str) -> None:
    """Put the focus where the Tab key would put it in this grid."""
    explorer.root.get_by_role("grid", name=name).locator("[tabindex='0']").focus()


def place(explorer: Explorer) -> tuple[int, int]:
    return explorer.trait("row"), explorer.trait("column")


def test_a_click_on_the_map_moves_the_window(explorer_page):
    explorer = explorer_page(NAME)
    feature_map(explorer).get_by_role("gridcell").nth(5).click()
    assert place(explorer) == (1, 2)
    assert agrees(explorer)


def test_buttons_walk_through_all_windows_and_around(explorer_page):
    explorer = explorer_page(NAME)
    forward = explorer.root.get_by_role("button", name="Next window")
    visited = []
    for _ in range(9):
        visited.append(place(explorer))
        forward.click()
    assert visited == [(r, c) for r in range(3) for c in range(3)] and place(explorer) == (0, 0)
    explorer.root.get_by_role("button", name="Previous window").click()
    assert place(explorer) == (2, 2) and agrees(explorer)


def test_arrow_keys_move_the_window_and_stop_at_the_edge(explorer_page):
    explorer = explorer_page(NAME)
    enter(explorer, "feature map")
    places = []
    for key in ("ArrowRight", "ArrowDown", "ArrowRight", "ArrowRight", "Home", "End", "PageUp", "ArrowUp", "ArrowLeft"):
        explorer.press(key)
        places.append(place(explorer))
    assert places == [(0, 1), (1, 1), (1, 2), (1, 2), (1, 0), (1, 2), (0, 2), (0, 2), (0, 1)]
    focused = explorer.page.evaluate("document.activeElement.getAttribute('aria-label')")
    assert focused.startswith("row 0, column 1")
    assert agrees(explorer)


def test_numbers_typed_into_image_and_kernel_change_the_map(explorer_page):
    explorer = explorer_page(NAME)
    enter(explorer, "image")
    explorer.press("ArrowRight", "ArrowDown", "9", "0")
    assert explorer.trait("image")[1][1] == [90]
    enter(explorer, "kernel")
    explorer.press("ArrowRight", "ArrowDown", "Shift+ArrowUp")
    assert explorer.trait("kernel")[1][1] == [KERNELS["laplacian"][1, 1] + 1]
    assert agrees(explorer)


def test_a_field_below_the_grid_changes_the_chosen_pixel(explorer_page):
    explorer = explorer_page(NAME)
    explorer.root.get_by_role("grid", name="image").get_by_role("gridcell").nth(24).click()
    field = explorer.root.get_by_role("spinbutton", name="image, row 4, column 4")
    field.fill("7.5")
    field.press("Enter")
    assert explorer.trait("image")[4][4] == [7.5]
    assert agrees(explorer)


def test_presets_sizes_and_the_flip_keep_to_the_reference(explorer_page):
    explorer = explorer_page(NAME)
    explorer.root.get_by_label("Image", exact=True).select_option("a diagonal line")
    for kernel in ("sobel vertical edges", "gaussian"):
        explorer.root.get_by_label("Kernel", exact=True).select_option(kernel)
        assert agrees(explorer)
    explorer.root.get_by_label("Kernel size").select_option("2 × 2")
    assert len(explorer.trait("kernel")) == 2
    explorer.root.get_by_label("Turn the kernel").check()
    assert explorer.trait("flip") is True
    assert agrees(explorer)


def test_three_channels_are_added_up(explorer_page):
    explorer = explorer_page(NAME, bias=0.5)
    explorer.root.get_by_label("Image", exact=True).select_option("three colours")
    assert explorer.root.get_by_role("grid", name="kernel, blue").is_visible()
    feature_map(explorer).get_by_role("gridcell").nth(12).click()
    assert np.shape(explorer.trait("products")) == (3, 3, 3)
    assert agrees(explorer)


def test_a_prediction_is_asked_for_and_judged(explorer_page):
    explorer = explorer_page(NAME)
    explorer.root.get_by_label("Predict first").check()
    answer = expected(explorer)[0, 0]
    assert set(feature_map(explorer).locator(".cx-cell").all_inner_texts()) == {"?"}
    assert explorer.says().endswith("= ?")
    guess = explorer.root.get_by_label("Your prediction")
    guess.fill(str(answer + 1))
    guess.press("Enter")
    assert "Not" in explorer.root.get_by_role("status").first.inner_text()
    guess.fill(str(answer))
    explorer.root.get_by_role("button", name="Check").click()
    assert explorer.says().endswith(f"= {answer:g}".replace("-", "−"))


def test_a_finger_does_what_a_mouse_does(explorer_page):
    explorer = explorer_page(NAME, touch=True, width=360)
    explorer.root.get_by_role("button", name="Next window").tap()
    assert place(explorer) == (0, 1)
    feature_map(explorer).get_by_role("gridcell").nth(8).tap()
    explorer.root.get_by_role("grid", name="kernel").get_by_role("gridcell").nth(0).tap()
    explorer.root.get_by_role("button", name="more").last.tap()
    assert explorer.trait("kernel")[0][0] == [KERNELS["laplacian"][0, 0] + 1]
    assert place(explorer) == (2, 2) and agrees(explorer)


def test_python_moves_the_window_too(explorer_page):
    explorer = explorer_page(NAME, row=1)
    explorer.set(column=2, bias=-3.5)
    assert (
        feature_map(explorer).locator("[aria-selected=true]").get_attribute("aria-label").startswith("row 1, column 2")
    )
    assert agrees(explorer)
