"""The augmentation preview, driven by mouse, keyboard and touch: pictures, labels and warnings belong together."""

import re

import numpy as np
from playwright.sync_api import Locator, expect

from browser.kit import Explorer
from course_utils.widgets import AugmentationPreview

NAME = "augmentation_preview"
SINGLE = {"flip": False, "shift": 0, "rotate": 0, "mix": "none"}


def button(explorer: Explorer, name: str) -> Locator:
    return explorer.root.get_by_role("button", name=name)


def slider(explorer: Explorer, name: str) -> Locator:
    return explorer.root.get_by_role("slider", name=name)


def reveal(explorer: Explorer) -> None:
    explorer.root.get_by_label("Show the labels").check()


def tiles(explorer: Explorer) -> list[str]:
    """What stands below each of the eight pictures."""
    return explorer.root.locator("figure:has(button) figcaption").all_inner_texts()


def labels(explorer: Explorer) -> list[str]:
    return [text.partition("Label: ")[2].removesuffix(" ⚠") for text in tiles(explorer)]


def pixels(canvas: Locator) -> np.ndarray:
    """(H, W, 3), from 0 to 255."""
    data = canvas.evaluate(
        "(c) => [c.height, c.width, ...c.getContext('2d').getImageData(0, 0, c.width, c.height).data]"
    )
    return np.reshape(data[2:], (data[0], data[1], 4))[..., :3]


def mean(explorer: Explorer) -> np.ndarray:
    """The picture of the mean, once all draws are in it."""
    expect(explorer.root.get_by_text("mean of 1,000 draws")).to_be_visible()
    return pixels(explorer.root.get_by_role("img", name="the mean of many draws"))


def test_the_labels_are_asked_before_they_are_shown(explorer_page):
    explorer = explorer_page(NAME)
    assert labels(explorer) == ["?"] * 8
    assert explorer.says().endswith("Would you still say cat? Decide what its label has to be, then show the labels.")
    assert "Its label" not in explorer.root.inner_text()
    reveal(explorer)
    for text, label, kept in zip(tiles(explorer), labels(explorer), explorer.trait("kept"), strict=True):
        high, wide = map(int, re.search(r"box of coffee cup, (\d+) × (\d+) px", text).groups())
        share = 1 - high * wide / 64**2
        assert kept == share and label == f"cat {share:.3f}".rstrip("0") + f", coffee cup {1 - share:.3f}".rstrip("0")
    assert f"Its label: {labels(explorer)[0]}. The box has " in explorer.says()


def test_the_pictures_are_those_of_the_figure(explorer_page):
    traits = {"brightness": 0.3, "contrast": 0.5, "cutout": 0.4, "rotate": 60, "border": "nearest", "seed": 3}
    explorer = explorer_page(NAME, **traits)
    axes = AugmentationPreview(**traits).to_figure().axes
    wanted = [np.asarray(axis.images[0].get_array()) for axis in (*axes[1:5], *axes[6:10])]
    for canvas, picture in zip(explorer.root.locator("button canvas").all(), wanted, strict=True):
        assert np.abs(pixels(canvas) - 255 * picture).max() < 0.51


def test_a_draw_is_followed_step_by_step(explorer_page):
    explorer = explorer_page(NAME, cutout=0.4)
    chosen = button(explorer, "draw 3")
    chosen.focus()
    explorer.press("Enter")
    assert explorer.trait("chosen") == 2 and chosen.get_attribute("aria-pressed") == "true"
    film = explorer.root.locator("figure:not(:has(button)):visible")
    captions = film.locator("figcaption").all_inner_texts()
    done = tiles(explorer)[2].removeprefix("3 ▾ ").partition("\n")[0]
    assert captions[0] == "cat" and captions[-3] == "to mix in, as it is: coffee cup"
    assert ", ".join(captions[1:-3] + captions[-2:-1]) == done and done in explorer.says()
    np.testing.assert_array_equal(pixels(film.locator("canvas").nth(-2)), pixels(chosen.locator("canvas")))


def test_keys_turn_a_change_off_and_leave_the_others_alone(explorer_page):
    explorer = explorer_page(NAME)
    before = explorer.trait("draws")
    slider(explorer, "Rotate").press("Home")
    assert explorer.trait("rotate") == 0 and not any("turned" in text for text in tiles(explorer))
    assert [draw | {"angle": 0} for draw in before] == [draw | {"angle": 0} for draw in explorer.trait("draws")]
    slider(explorer, "λ, to be kept").press("ArrowLeft")
    assert explorer.trait("share") == 0.65


def test_draw_again_gives_other_draws_and_can_be_undone(explorer_page):
    explorer = explorer_page(NAME)
    before = tiles(explorer)
    button(explorer, "Draw again").click()
    assert explorer.trait("seed") == 1 and not set(tiles(explorer)) & set(before)
    button(explorer, "Undo").click()
    assert tiles(explorer) == before


def test_a_six_that_is_turned_or_mirrored_is_no_six(explorer_page):
    explorer = explorer_page(NAME, mix="none", shift=0, seed=2)
    explorer.root.get_by_label("Picture", exact=True).select_option("the digits 6 and 7")
    slider(explorer, "Rotate").press("End")
    expect(explorer.root.get_by_text("⚠")).to_have_count(0)
    reveal(explorer)
    wanted = [
        "no digit" if draw["flip"] else "9" if abs(draw["angle"]) > 90 else "6" for draw in explorer.trait("draws")
    ]
    assert labels(explorer) == wanted and set(wanted) == {"no digit", "9", "6"}
    assert ["⚠" in text for text in tiles(explorer)] == [label != "6" for label in wanted]
    expect(explorer.root.get_by_text("draws it is no 6 any more")).to_be_visible()
    button(explorer, f"draw {wanted.index('9') + 1}").click()
    assert explorer.says().endswith("Its label: 9. Turned by more than 90°, it is nearer to a 9 than to a 6.")


def test_the_mean_weighs_every_draw(explorer_page):
    explorer = explorer_page(NAME, **SINGLE | {"flip": True}, subject="digit", revealed=True)
    said = explorer.root.get_by_text("draws it is no 6 any more").inner_text()
    mirrored = int(re.search(r"(\d+) are mirrored", said)[1])
    assert 400 < mirrored < 600
    six = pixels(explorer.root.get_by_role("img", name="before any change: 6"))
    np.testing.assert_allclose(mean(explorer), six + mirrored / 1000 * (six[:, ::-1] - six), atol=0.51)


def test_own_pictures_and_mixup(explorer_page):
    rng = np.random.default_rng(0)
    dot, dash = rng.integers(0, 256, (2, 12, 8, 3), dtype=np.uint8)
    own = AugmentationPreview(image=dot, partner=dash, class_names=("dot", "dash"), share=0.25, **SINGLE)
    explorer = explorer_page(own)
    reveal(explorer)
    assert labels(explorer) == ["dot"] * 8 and "unchanged" in tiles(explorer)[0]
    assert "Its label: dot. As before: nothing of this changes it." in explorer.says()
    explorer.root.get_by_label("Mix by").select_option("mixup")
    assert labels(explorer) == ["dot 0.25, dash 0.75"] * 8
    np.testing.assert_allclose(mean(explorer), 0.25 * dot + 0.75 * dash, atol=0.51)


def test_a_finger_does_what_a_mouse_does(explorer_page):
    explorer = explorer_page(NAME, touch=True, width=360)
    explorer.root.get_by_label("Show the labels").tap()
    button(explorer, "draw 8").tap()
    says = explorer.says()
    assert says.startswith("Draw 8 of 8, seed 0: ") and f"Its label: {labels(explorer)[7]}." in says
