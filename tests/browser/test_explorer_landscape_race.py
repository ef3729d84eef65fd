"""The landscape race, driven by mouse, keyboard and touch, shows the numbers of the reference."""

import numpy as np
import pytest
from playwright.sync_api import Locator, expect

from browser.kit import Explorer
from course_utils.reference import momentum_path
from course_utils.widgets.landscape_race import LANDSCAPES

NAME = "landscape_race"


def button(explorer: Explorer, name: str) -> Locator:
    return explorer.root.get_by_role("button", name=name, exact=True)


def row(explorer: Explorer, rule: str) -> list[str]:
    """A rule's rate, place, loss, last update and fate, with plain minus signs."""
    line = explorer.root.locator("tbody tr", has=explorer.page.get_by_role("button", name=rule, exact=True))
    return [text.replace("−", "-") for text in line.locator("td").all_inner_texts()[1:]]


def pair(text: str) -> list[float]:
    return [float(part) for part in text.strip("()").split(", ")]


def by_hand(explorer: Explorer, rule: str, steps: int) -> np.ndarray:
    """Places of SGD, momentum or Nesterov on the landscape that is shown, by the reference's rule."""
    slope = LANDSCAPES[explorer.trait("landscape")].slope
    mu = 0 if rule == "SGD" else explorer.trait("momentum")
    start, gradients = np.array([explorer.trait("x"), explorer.trait("y")]), []
    path = [start]
    for _ in range(steps):
        gradients.append(slope(path[-1]))
        rate = explorer.trait("rates")[rule]
        path = [start, *momentum_path(start, gradients, rate, mu, nesterov=rule == "Nesterov")]
    return np.array(path)


def agrees(explorer: Explorer) -> None:
    """Traits and table say of SGD, momentum and Nesterov what the reference says at this step."""
    step, loss = explorer.trait("step"), LANDSCAPES[explorer.trait("landscape")].loss
    for rule in ("SGD", "momentum", "Nesterov"):
        path = by_hand(explorer, rule, step)
        assert explorer.trait("places")[rule] == pytest.approx(path[-1])
        assert explorer.trait("losses")[rule] == pytest.approx(loss(*path[-1]))
        _, place, shown, update, _ = row(explorer, rule)
        assert pair(place) == pytest.approx(path[-1], rel=1e-3) and float(shown) == pytest.approx(loss(*path[-1]), 1e-3)
        assert pair(update) == pytest.approx(path[-1] - path[-2], rel=1e-3)


def test_the_step_slider_walks_through_the_race(explorer_page):
    explorer = explorer_page(NAME)
    slider = explorer.root.get_by_role("slider", name="Step")
    slider.focus()
    explorer.press("Home")
    assert explorer.says().startswith("Step 0 of 40, all at rate 0.05. All stand at the start, loss 7.625.")
    assert row(explorer, "Adam")[1:4] == ["(-2.5, 0.6)", "7.625", "none yet"]
    explorer.press("ArrowRight")
    agrees(explorer)
    assert row(explorer, "SGD")[3] == "(0.125, -0.75)"
    assert row(explorer, "Adam")[3] == "(0.05, -0.05)", "Adam's first step has the size of the rate"
    explorer.press("ArrowRight", "ArrowRight")
    agrees(explorer)
    assert slider.get_attribute("aria-valuetext") == "3 of 40"


def test_one_rate_for_all_and_who_diverges_when(explorer_page):
    explorer = explorer_page(NAME)
    rate = explorer.root.get_by_role("slider", name="Rate of all rules")
    rate.focus()
    while explorer.trait("rates")["SGD"] < 0.15:
        explorer.press("ArrowRight")
    assert set(explorer.trait("rates").values()) == {0.15} and rate.get_attribute("aria-valuetext") == "0.15"
    far = next(k for k in range(40) if 0.6 * abs(1 - 25 * 0.15) ** k > 1000)
    assert explorer.trait("diverged")["SGD"] == far and row(explorer, "SGD")[4] == f"diverged at step {far}"
    says = explorer.says()
    assert f"SGD diverged at step {far} and Nesterov at step " in says and "more than a curvature of 25 bears" in says
    assert "momentum" not in says.split("highest")[1].split(".")[-2], "momentum bears up to 0.152"
    assert explorer.trait("diverged")["momentum"] is explorer.trait("diverged")["Adam"] is None


def test_a_rule_gets_a_rate_of_its_own(explorer_page):
    explorer = explorer_page(NAME)
    button(explorer, "Adam").click()
    own = explorer.root.get_by_label("Rate of Adam alone")
    own.fill("0.3")
    own.press("Enter")
    assert (explorer.trait("rates")["Adam"], explorer.trait("rates")["SGD"]) == (0.3, 0.05)
    assert "each at a rate of its own" in explorer.says() and row(explorer, "Adam")[0] == "0.3"
    own.fill("99")
    own.press("Tab")
    assert own.input_value() == "0.3", "what cannot be is put back"


def test_every_rate_is_shown_only_when_asked(explorer_page):
    explorer = explorer_page(NAME)
    chart = explorer.root.get_by_role("img", name="Loss after 40 steps over the rate")
    answer = explorer.root.get_by_text(
        "momentum below (1 + μ) · 2/L = 0.152, Nesterov below (1 + μ)/(1 + 2μ) · 2/L = 0.05429"
    )
    expect(explorer.root.get_by_text("SGD settles with rates below 2/L = 0.08.")).to_be_visible()
    expect(chart).to_be_hidden()
    expect(answer).to_be_hidden()
    button(explorer, "Show the loss at every rate").press("Enter")
    expect(chart).to_be_visible()
    expect(answer).to_be_visible()


def test_each_at_its_best_rate_is_a_fair_race(explorer_page):
    explorer = explorer_page(NAME)
    before = explorer.trait("losses")
    button(explorer, "Each shown rule at its best rate").click()
    after = explorer.trait("losses")
    assert all(after[rule] < before[rule] for rule in before)
    assert len(set(explorer.trait("rates").values())) > 3


def test_the_start_moves_by_keys_and_by_mouse(explorer_page):
    explorer = explorer_page(NAME, steps=3, step=3)
    stage = explorer.root.get_by_role("application")
    stage.focus()
    explorer.press("ArrowRight", "ArrowUp", "Shift+ArrowDown")
    assert (explorer.trait("x"), explorer.trait("y")) == (-2.4, 0.69)
    agrees(explorer)
    axes = stage.locator("svg").bounding_box()
    unit, middle = axes["width"] / 300, (40 + 292) / 2  # the drawing is 300 units wide
    x, y = axes["x"] + middle * unit, axes["y"] + 80 * unit
    explorer.page.mouse.move(x + 40 * unit, y)
    explorer.page.mouse.down()
    explorer.page.mouse.move(x, y, steps=3)
    explorer.page.mouse.up()
    assert explorer.trait("x") == 0 and abs(explorer.trait("y")) < 0.06, "from the middle of the picture"
    button(explorer, "Undo").click()
    assert explorer.trait("x") == -2.5, "all that the start did in a row is one change"


def test_a_finger_moves_the_start_and_the_table_stays_in_its_place(explorer_page):
    explorer = explorer_page(NAME, touch=True, width=360)
    explorer.root.get_by_role("application").locator("svg").tap(position={"x": 200, "y": 60})
    assert explorer.trait("x") > 0 and explorer.trait("y") > 0
    explorer.root.get_by_label("show SAM").tap()
    assert "SAM" in explorer.trait("places")


def test_landscapes_begin_where_the_lesson_begins(explorer_page):
    explorer = explorer_page(NAME, steps=60, step=60, rates=0.2)
    choice = explorer.root.get_by_label("Landscape", exact=True)
    for text, name in (("saddle", "saddle"), ("two valleys", "two valleys"), ("plateau", "plateau")):
        choice.select_option(label=text)
        assert (explorer.trait("x"), explorer.trait("y")) == LANDSCAPES[name].start
    assert row(explorer, "SGD")[4] == "hardly a slope, no bottom near"
    choice.select_option(label="saddle")
    assert row(explorer, "SGD")[4] == "hardly a slope, no bottom near"
    field = explorer.root.get_by_label("second weight", exact=True)
    field.fill("0.000001")
    field.press("Enter")
    explorer.root.get_by_label("Steps", exact=True).select_option("200")
    assert row(explorer, "SGD")[4].endswith(": (0, 1)") and row(explorer, "SGD")[4].startswith("arrived at step ")


def test_the_last_rule_cannot_be_hidden_and_a_chosen_one_is_shown(explorer_page):
    explorer = explorer_page(NAME, rules=["Adam"], steps=1, step=1)
    explorer.root.get_by_label("show Adam").click()
    assert explorer.trait("rules") == ["Adam"] and explorer.root.get_by_label("show Adam").is_checked()
    button(explorer, "RMSProp").click()
    assert explorer.trait("rules") == ["RMSProp", "Adam"]
    worked = explorer.root.locator("ol li").all_inner_texts()
    assert worked[-2].replace("−", "-") == "update = -0.05 · g / √S = (0.5, -0.5)", "ten times the rate"
