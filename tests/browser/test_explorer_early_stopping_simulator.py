"""The early stopping simulator, driven by mouse, keyboard and touch, shows what Keras' rules do."""

import numpy as np
import pytest
from anywidget import AnyWidget
from playwright.sync_api import Locator, expect

from browser import kit
from browser.kit import Explorer
from course_utils.widgets import EarlyStoppingSimulator

NAME = "early_stopping_simulator"
OWN = {"curve": [0.9, 0.7, 0.8, 0.75, 0.5, 0.6], "patience": 2}


def button(explorer: Explorer, name: str) -> Locator:
    return explorer.root.get_by_role("button", name=name)


def control(explorer: Explorer, name: str) -> Locator:
    return explorer.root.get_by_label(name, exact=True)


def rows(explorer: Explorer) -> list[list[str]]:
    """The table, epoch by epoch."""
    box = explorer.root.get_by_role("region", name="epoch by epoch")
    return [line.locator("th, td").all_inner_texts() for line in box.locator("tbody tr").all()]


def dot(explorer: Explorer, epoch: int) -> Locator:
    return explorer.root.locator(f"[data-epoch='{epoch - 1}']")


def agrees(explorer: Explorer) -> bool:
    """What the page computes is what Python computes from the same state."""
    names = {name for name in EarlyStoppingSimulator.class_trait_names(sync=True) if not hasattr(AnyWidget, name)}
    state = names - {"values", "stopped", "kept", "cuts", "presets"}
    widget = EarlyStoppingSimulator(**{name: explorer.trait(name) for name in state})
    np.testing.assert_allclose(explorer.trait("values"), widget._measured(), rtol=1e-12)
    assert (explorer.trait("stopped"), explorer.trait("kept")) == widget._run()
    assert explorer.trait("cuts") == widget._cuts(widget._run()[0])
    return True


def test_it_is_stepped_through_and_the_end_stays_hidden_until_then(explorer_page):
    explorer = explorer_page(NAME, **OWN)
    assert explorer.says().startswith("Epoch 1 of 6: 0.9000 is the first")
    seen = []
    for _ in range(3):
        assert "stop" not in explorer.root.locator(".cx-chart").first.text_content()
        seen.append([line[2:] for line in rows(explorer) if line[3]][-1])
        button(explorer, "Next epoch").press("Enter")
    assert seen == [["–", "yes", "0", "1"], ["0.9000", "yes", "0", "2"], ["0.7000", "no", "1", "2"]]
    assert explorer.says().startswith("It stops after epoch 4 of 6: wait has reached 2. You take home the weights of ")
    expect(button(explorer, "Next epoch")).to_be_disabled()
    assert rows(explorer)[3] == ["▸ 4", "0.7500", "0.7000", "no", "2", "2"]
    assert rows(explorer)[4] == ["5", "0.5000", "", "not run", "", ""]


def test_the_table_is_walked_by_keys_and_by_a_click(explorer_page):
    explorer = explorer_page(NAME, **OWN)
    table = explorer.root.get_by_role("region", name="epoch by epoch")
    table.focus()
    explorer.press("ArrowDown", "ArrowDown", "ArrowUp")
    assert explorer.trait("epoch") == 2
    table.locator("tr[aria-current=step]").get_by_text("0.7000").wait_for()
    table.locator("tbody tr").nth(2).click()
    assert explorer.trait("epoch") == 3 and "wait is 1 of 2" in explorer.says()


def test_a_point_is_dragged_and_the_run_follows(explorer_page):
    explorer = explorer_page(NAME, **OWN, epoch=6)
    box = dot(explorer, 3).bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    explorer.page.mouse.move(x, y)
    explorer.page.mouse.down()
    explorer.page.mouse.move(x, y + 60, steps=4)
    explorer.page.mouse.move(x, y + 80)
    explorer.page.mouse.up()
    curve = explorer.trait("curve")
    assert curve[2] < 0.7 and [*curve[:2], *curve[3:]] == [0.9, 0.7, 0.75, 0.5, 0.6]
    assert (explorer.trait("stopped"), explorer.trait("kept")) == (6, 5) and agrees(explorer)
    assert control(explorer, "Curve").input_value() == "own curve"
    button(explorer, "Undo").click()
    assert explorer.trait("curve") == OWN["curve"], "a drag is undone at once"


def test_a_point_is_moved_by_keys_and_by_numbers(explorer_page):
    explorer = explorer_page(NAME)
    values = explorer.trait("values")
    chart = explorer.root.get_by_role("application")
    chart.focus()
    explorer.press("ArrowRight", "ArrowRight", "ArrowUp", "ArrowUp")
    changed = explorer.trait("values")
    assert [e for e, pair in enumerate(zip(values, changed, strict=True), start=1) if len({*pair}) > 1] == [11]
    assert changed[10] == pytest.approx(values[10] + 0.02)
    assert f"Point of epoch 11: {changed[10]:.4f}" in chart.get_attribute("aria-label")
    control(explorer, "Point of epoch").fill("2")
    explorer.press("Tab")
    control(explorer, "value").fill("0.3")
    explorer.press("Enter")
    assert explorer.trait("values")[1] == 0.3, "with the noise that is drawn, not without it"
    assert (explorer.trait("stopped"), explorer.trait("kept")) == (5, 2) and agrees(explorer)


def test_every_knob_does_what_python_says(explorer_page):
    explorer = explorer_page(NAME)
    button(explorer, "Run to the end").click()
    ends = []
    for label, key in (("patience", "ArrowRight"), ("min_delta", "ArrowUp"), ("start_from_epoch", "ArrowUp")):
        control(explorer, label).focus()
        explorer.press(*[key] * 4)
        ends.append((explorer.trait("stopped"), explorer.trait("kept")))
        assert agrees(explorer)
    assert ends[0] == (25, 18) and len(set(ends)) > 1
    control(explorer, "restore_best_weights").uncheck()
    assert explorer.trait("kept") == explorer.trait("stopped") and "not those of its best" in explorer.says()
    control(explorer, "mode").select_option("max")
    assert agrees(explorer) and "takes a higher loss for better" in explorer.says()
    button(explorer, "Draw the noise anew").click()
    assert explorer.trait("draw") == 4 and agrees(explorer)
    assert explorer.says().startswith("It "), "a run that was over is shown whole again"


def test_every_curve_keeps_to_python_and_asks_first(explorer_page):
    explorer = explorer_page(NAME)
    curves = control(explorer, "Curve")
    for name in explorer.trait("presets"):
        curves.select_option("a slow, steady fall")
        curves.select_option(name)
        assert "Predict before you go on" in explorer.says()
        assert agrees(explorer)
    control(explorer, "Images, half of them sick").select_option("64")
    button(explorer, "Run to the end").click()
    assert agrees(explorer) and set(np.array(explorer.trait("values")) * 32**2 % 1) == {0}


def test_the_rate_is_cut_beside_it(explorer_page):
    explorer = explorer_page(NAME, **OWN, epoch=6)
    assert "ReduceLROnPlateau(" not in explorer.root.locator("pre").inner_text()
    control(explorer, "ReduceLROnPlateau beside it").check()
    assert "No epoch is run at a lower rate. A cut comes after the last epoch" in explorer.says()
    control(explorer, "its patience").press("ArrowDown")
    assert explorer.trait("cuts") == [3, 4] and agrees(explorer)
    assert "ReduceLROnPlateau" in explorer.root.locator("pre").inner_text()
    assert rows(explorer)[2][6:] == ["0", "0", "0.1 ▾"]
    control(explorer, "cooldown").fill("2")
    explorer.press("Enter")
    assert explorer.trait("cuts") == [3] and rows(explorer)[2][6:] == ["0", "2", "0.1 ▾"]


def test_many_draws_are_shown_when_asked(explorer_page):
    explorer = explorer_page(NAME, width=kit.NARROW, touch=True)
    results = explorer.root.get_by_role("region", name="results by patience")
    expect(results).to_be_hidden()
    control(explorer, "200 draws of the noise, by patience").tap()
    control(explorer, "ReduceLROnPlateau beside it").tap()
    chosen = results.locator("tbody tr", has_text="chosen")
    assert chosen.locator("th").inner_text() == "3, chosen"
    before = chosen.inner_text()
    button(explorer, "Next epoch").tap()
    assert chosen.inner_text() == before
    explorer.set(patience=4)
    assert results.locator("tbody th").all_inner_texts() == ["1", "2", "3", "4, chosen", "5", "7", "10", "15"]
    assert kit.too_wide(explorer.page) == [] and kit.small_texts(explorer.root) == []
    assert kit.accessibility(explorer.page) == []
    explorer.set(noise=0)
    expect(explorer.root.get_by_text("There is no noise")).to_be_visible()
