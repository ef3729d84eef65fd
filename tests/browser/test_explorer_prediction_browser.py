"""The prediction browser, driven by mouse, keyboard and touch, shows the images and the reference's numbers."""

import base64
import io

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Locator

from browser.kit import Explorer
from course_utils.reference import accuracy, confusion_matrix
from course_utils.widgets import PredictionBrowser

NAME = "prediction_browser"
DATA = PredictionBrowser()
LABELS, P = np.array(DATA.labels), np.array(DATA.probabilities)
GUESSES, CONFIDENCE, LOSS = P.argmax(axis=1), P.max(axis=1), -np.log(P[np.arange(len(LABELS)), LABELS])
WRONG = np.flatnonzero(LABELS != GUESSES)


def behind(true: int | None = None, taken: int | None = None) -> np.ndarray:
    """The images of a true class that were taken for a class, in their own order."""
    wanted = [(LABELS, true), (GUESSES, taken)]
    return np.flatnonzero(np.all([np.equal(classes, c) for classes, c in wanted if c is not None], axis=0))


def plain(text: str) -> str:
    return text.replace("\u00a0", " ").replace("−", "-")


def images(explorer: Explorer) -> Locator:
    return explorer.root.get_by_role("grid", name="images")


def shown(explorer: Explorer) -> list[int]:
    """The images in the gallery, in order, as a screen reader is told."""
    names = images(explorer).get_by_role("gridcell").evaluate_all(
        "cells => cells.filter((c) => c.checkVisibility({ visibilityProperty: true })).map((c) => c.ariaLabel)"
    )
    return [int(name.split()[1].rstrip(",")) for name in names]


def matrix(explorer: Explorer) -> np.ndarray:
    rows = explorer.root.get_by_role("grid", name="confusion matrix").locator(".cx-row").all()
    return np.array([[int(text) for text in row.locator(".cx-cell").all_inner_texts()] for row in rows])


def scores(explorer: Explorer) -> list[list[str]]:
    """Count, share of right ones, mean confidence and mean loss of: shown, surer, less sure."""
    rows = explorer.root.get_by_role("table", name="how good they are").get_by_role("row").all()[1:]
    return [[plain(text) for text in row.get_by_role("cell").all_inner_texts()] for row in rows]


def agrees(explorer: Explorer, indices: np.ndarray) -> bool:
    """Gallery, traits, table and sentence speak of these images, in this order."""
    indices = np.asarray(indices)
    assert shown(explorer) == explorer.trait("shown") == indices.tolist()
    right = accuracy(LABELS[indices], GUESSES[indices])
    assert explorer.trait("accuracy") == pytest.approx(right)
    assert explorer.trait("confusion_matrix") == confusion_matrix(LABELS[indices], GUESSES[indices], 10).tolist()
    sure = CONFIDENCE[indices] >= explorer.trait("threshold")
    for part, (count, share, confidence, loss) in zip(
        (indices, indices[sure], indices[~sure]), scores(explorer), strict=True
    ):
        assert int(count) == len(part)
        if len(part):
            assert float(share.rstrip(" %")) == pytest.approx(100 * np.mean(LABELS[part] == GUESSES[part]), abs=0.051)
            assert float(confidence.rstrip(" %")) == pytest.approx(100 * CONFIDENCE[part].mean(), abs=0.051)
            assert float(loss) == pytest.approx(LOSS[part].mean(), abs=0.00051)
        else:
            assert share == confidence == loss == "none"
    assert f"{len(indices)} of 100 images are shown" in explorer.says()
    return True


def about(explorer: Explorer, index: int) -> bool:
    """Everything that speaks of the chosen image speaks of this one."""
    name = DATA.class_names[LABELS[index]]
    assert explorer.trait("selected") == index
    assert explorer.root.get_by_role("img", name=f"image {index}, a {name}").is_visible()
    rows = explorer.root.get_by_role("table", name="probabilities").get_by_role("row").all()
    for row, p in zip(rows, P[index], strict=True):
        text = plain(row.get_by_role("cell").last.inner_text())
        assert text in ("< 0.01 %", "> 99.99 %") or float(text.rstrip(" %")) == pytest.approx(100 * p, abs=0.00501)
    said = plain(explorer.says())
    assert said.startswith(f"Image {index} is a {name}. The model says {DATA.class_names[GUESSES[index]]},")
    assert float(said.split("= ")[1].split(". ")[0]) == pytest.approx(LOSS[index], abs=0.0001)
    return True


def test_it_starts_with_all_images_and_says_that_they_are_drawn(explorer_page):
    explorer = explorer_page(NAME)
    assert agrees(explorer, range(100)) and about(explorer, 0)
    assert explorer.root.get_by_text("sample data, drawn by code").is_visible()
    assert np.array_equal(matrix(explorer), confusion_matrix(LABELS, GUESSES, 10))


def test_the_picture_is_the_image_pixel_for_pixel(explorer_page):
    explorer = explorer_page(NAME, selected=57)
    large = explorer.root.get_by_role("img", name="image 57")
    large.scroll_into_view_if_needed()
    drawn = np.asarray(Image.open(io.BytesIO(large.screenshot())).convert("RGB"))[1:-1, 1:-1]
    sheet = Image.open(io.BytesIO(base64.b64decode(DATA.sprite.split(",")[1])))
    row, column = divmod(57, DATA.sheet["columns"])
    image = np.asarray(sheet)[32 * row : 32 * row + 32, 32 * column : 32 * column + 32]
    middles = 6 * np.arange(31) + 3  # of the enlarged pixels, away from the frame
    np.testing.assert_array_equal(drawn[np.ix_(middles, middles)], image[:31, :31])


def test_a_click_chooses_an_image(explorer_page):
    explorer = explorer_page(NAME)
    images(explorer).get_by_role("gridcell").nth(15).click()
    assert about(explorer, 15)


def test_arrow_keys_walk_through_the_images(explorer_page):
    explorer = explorer_page(NAME)
    images(explorer).locator("[tabindex='0']").focus()
    visited = []
    for key in ("ArrowRight", "ArrowDown", "ArrowDown", "ArrowLeft", "End", "PageDown"):
        explorer.press(key)
        visited.append(explorer.trait("selected"))
    assert visited == [1, 7, 13, 12, 17, 99]  # six in a row; the last row has four places
    assert about(explorer, 99)
    focused = explorer.page.evaluate("document.activeElement.getAttribute('aria-label')")
    assert focused.startswith("image 99,")
    explorer.press("ArrowUp")
    assert about(explorer, 93)


def test_buttons_go_around_through_what_is_shown(explorer_page):
    explorer = explorer_page(NAME, verdict="wrong")
    assert about(explorer, WRONG[0])
    explorer.root.get_by_role("button", name="Previous image").click()
    assert about(explorer, WRONG[-1])
    explorer.root.get_by_role("button", name="Next image").click()
    explorer.root.get_by_role("button", name="Next image").click()
    assert about(explorer, WRONG[1])


def test_filters_and_orders_show_what_they_say(explorer_page):
    explorer = explorer_page(NAME)
    explorer.root.get_by_label("Answer").select_option("wrong")
    assert agrees(explorer, WRONG)
    explorer.root.get_by_label("Order").select_option("largest loss")
    worst = WRONG[np.argsort(-LOSS[WRONG], kind="stable")]
    assert agrees(explorer, worst) and about(explorer, worst[0])
    explorer.root.get_by_label("Answer").select_option("all")
    explorer.root.get_by_label("Order").select_option("least confident")
    assert agrees(explorer, np.argsort(CONFIDENCE, kind="stable"))
    explorer.root.get_by_label("True class").select_option("fence")
    explorer.root.get_by_label("Order").select_option("as given")
    fence, ladder = map(DATA.class_names.index, ("fence", "ladder"))
    assert agrees(explorer, behind(true=fence))
    explorer.root.get_by_label("Taken for", exact=True).select_option("ladder")
    assert agrees(explorer, behind(true=fence, taken=ladder))


def test_a_click_on_the_confusion_matrix_shows_the_images_behind_the_number(explorer_page):
    explorer = explorer_page(NAME)
    whole = confusion_matrix(LABELS, GUESSES, 10)
    true, taken = np.unravel_index((whole - np.diag(whole.diagonal())).argmax(), whole.shape)
    cell = explorer.root.get_by_role("grid", name="confusion matrix").get_by_role("gridcell").nth(10 * true + taken)
    cell.click()
    assert agrees(explorer, behind(true, taken))
    assert len(shown(explorer)) == whole[true, taken] and np.array_equal(matrix(explorer), whole)
    assert cell.get_attribute("aria-selected") == "true"
    explorer.root.get_by_role("button", name="All classes").click()
    assert agrees(explorer, range(100))


def test_arrow_keys_walk_over_the_confusion_matrix(explorer_page):
    explorer = explorer_page(NAME)
    explorer.root.get_by_role("grid", name="confusion matrix").locator("[tabindex='0']").focus()
    for key, cell in {"ArrowDown": (1, 0), "ArrowRight": (1, 1), "ArrowLeft": (1, 0)}.items():
        explorer.press(key)
        assert agrees(explorer, behind(*cell))
    explorer.press("ArrowLeft")
    assert agrees(explorer, behind(1, 0)), "the edge is the edge"


def test_nothing_to_show_is_said(explorer_page):
    explorer = explorer_page(NAME, true_class="plus", predicted_class="frame")
    assert "No image passes these filters." in explorer.says()
    assert explorer.trait("shown") == [] and explorer.trait("accuracy") is None
    assert explorer.root.get_by_role("button", name="Next image").is_disabled()
    assert scores(explorer)[0] == ["0", "none", "none", "none"]


def test_the_threshold_parts_the_sure_from_the_unsure(explorer_page):
    explorer = explorer_page(NAME)
    slider = explorer.root.get_by_role("slider", name="Sure from")
    slider.fill("0.9")
    assert explorer.trait("threshold") == 0.9 and agrees(explorer, range(100))
    slider.press("Home")
    assert scores(explorer)[2][0] == "0" and agrees(explorer, range(100))


def test_a_finger_does_what_a_mouse_does(explorer_page):
    explorer = explorer_page(NAME, touch=True, width=360)
    images(explorer).get_by_role("gridcell").nth(8).tap()
    assert about(explorer, 8)
    explorer.root.get_by_role("grid", name="confusion matrix").get_by_role("gridcell").nth(11).tap()
    assert agrees(explorer, behind(1, 1))


def test_python_filters_too_and_reads_what_is_shown(explorer_page):
    explorer = explorer_page(NAME)
    explorer.set(verdict="wrong", order="smallest loss")
    assert agrees(explorer, WRONG[np.argsort(LOSS[WRONG], kind="stable")])
    assert explorer.trait("selected") in WRONG
