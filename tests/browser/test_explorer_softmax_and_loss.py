"""The softmax explorer, driven by mouse, keyboard and touch, shows the reference's numbers."""

import numpy as np
import pytest
from playwright.sync_api import Locator, expect

from browser.kit import Explorer
from course_utils.reference import cross_entropy, cross_entropy_gradient, softmax

NAME = "softmax_and_loss"


def choose(explorer: Explorer, label: str, option: str) -> None:
    explorer.root.get_by_label(label).select_option(option)


def button(explorer: Explorer, name: str) -> Locator:
    return explorer.root.get_by_role("button", name=name, exact=True)


def rows(explorer: Explorer, table: int) -> dict[str, list[str]]:
    """The texts of a table's cells (0: classes, 1: losses, 2: ways in 32 bits), by the row's name."""
    lines = explorer.root.locator("table").nth(table).locator("tbody tr").all()
    return {
        line.locator("th").inner_text().splitlines()[0]: [text.strip() for text in line.locator("td").all_inner_texts()]
        for line in lines
    }


def number(text: str) -> float:
    return float(text.replace("−", "-").split()[0])


def agrees(explorer: Explorer) -> bool:
    """Probabilities, pushes of cross-entropy and its price are the reference's."""
    logits, y = np.array(explorer.trait("logits")), explorer.trait("true_class")
    heat, classes = explorer.trait("temperature"), rows(explorer, 0)
    seen = (logits + explorer.trait("offset"))[None] / heat
    np.testing.assert_allclose(explorer.trait("probabilities"), softmax(seen)[0], atol=1e-12)
    np.testing.assert_allclose([number(cells[1]) for cells in classes.values()], softmax(seen)[0], atol=5.1e-5)
    assert number(rows(explorer, 1)["cross-entropy"][0]) == pytest.approx(
        cross_entropy(seen, np.array([y])), abs=5.1e-5
    )
    if explorer.trait("loss") == "cross_entropy" and explorer.trait("guess") != "ask":
        push = -cross_entropy_gradient(seen, np.array([y]))[0] / heat
        np.testing.assert_allclose([number(cells[2]) for cells in classes.values()], push, atol=5.1e-5)
    return True


def test_pushes_are_shown_after_a_guess_and_asked_again_in_a_new_situation(explorer_page):
    explorer = explorer_page(NAME)
    assert "Guess first." in explorer.says() and "focal" not in explorer.says()
    assert rows(explorer, 0)["truck"][2] == rows(explorer, 1)["focal loss"][2] == "?"
    assert button(explorer, "100 steps").is_disabled()
    choose(explorer, "Which loss pulls", "cross-entropy")
    assert "Hardest on truck: focal loss, 1.0267. You guessed cross-entropy." in explorer.says()
    assert agrees(explorer)
    choose(explorer, "Situation", "torn between two")
    assert "Guess first." in explorer.says()
    choose(explorer, "Which loss pulls", "cross-entropy")
    assert explorer.says().endswith("You guessed right.")
    choose(explorer, "Which loss pulls", "show me")
    choose(explorer, "Situation", "knows nothing")
    assert "10 classes tie" in explorer.says() and rows(explorer, 1)["cross-entropy"][0] == f"{np.log(10):.4f}"


def test_a_logit_is_typed_and_stepped_by_keyboard(explorer_page):
    explorer = explorer_page(NAME, guess="show")
    field = explorer.root.get_by_label("logit of truck")
    field.fill("6.25")
    field.press("Enter")
    assert explorer.trait("logits")[9] == 6.25 and "the net is right" in explorer.says()
    field.press("ArrowDown")
    assert explorer.trait("logits")[9] == 6.2 and agrees(explorer)
    field.fill("")
    field.press("Tab")
    assert field.input_value() == "6.2"


def test_a_bar_is_dragged_by_the_mouse_and_undone_at_once(explorer_page):
    explorer = explorer_page(NAME, guess="show")
    bar = explorer.root.locator("tbody tr").nth(9).locator("td").first.locator("[aria-hidden]")
    bar.scroll_into_view_if_needed()
    box = bar.bounding_box()
    middle = box["y"] + box["height"] / 2
    explorer.page.mouse.move(box["x"] + box["width"] / 3, middle)
    explorer.page.mouse.down()
    explorer.page.mouse.move(box["x"] + box["width"] / 2, middle)
    explorer.page.mouse.move(box["x"] + box["width"] * 0.75, middle)
    explorer.page.mouse.up()
    assert explorer.trait("logits")[9] == pytest.approx(3, abs=0.11) and agrees(explorer)
    button(explorer, "Undo").click()
    assert explorer.trait("logits")[9] == -2


def test_a_constant_changes_only_the_softmax_as_written(explorer_page):
    explorer = explorer_page(NAME, guess="show")
    losses, before = rows(explorer, 1), rows(explorer, 0)
    slider = explorer.root.get_by_role("slider", name="Added to all logits")
    for _ in range(7):
        slider.press("ArrowRight")
    assert explorer.trait("offset") == 100
    assert rows(explorer, 1) == losses and rows(explorer, 0) == before
    ways = rows(explorer, 2)
    assert ways["softmax as written"] == ["inf", "inf", "nan", "nan"]
    assert ways["largest subtracted"][3] == ways["log-sum-exp"][3] == losses["cross-entropy"][0]
    assert explorer.says().endswith("Written out in 32 bits, the loss is nan.")
    expect(explorer.root.get_by_text("no probability, no loss and no push changes")).to_be_visible()


def test_only_log_sum_exp_finds_the_loss_of_a_mistake_of_200(explorer_page):
    explorer = explorer_page(NAME)
    choose(explorer, "Situation", "wrong by 200")
    assert [cells[3] for cells in rows(explorer, 2).values()] == ["inf", "inf", "200"]


def test_steps_follow_the_chosen_loss(explorer_page):
    explorer = explorer_page(NAME, guess="show")
    choose(explorer, "Situation", "sure and wrong")
    steps = {name: cells[3] for name, cells in rows(explorer, 1).items()}
    button(explorer, "softmax twice").click()
    assert explorer.trait("loss") == "twice" and rows(explorer, 1)["softmax twice"][2] == "+0.00038"
    button(explorer, "100 steps").click()
    assert (
        "the net answers" in explorer.says()
        and int(rows(explorer, 1)["softmax twice"][3]) == int(steps["softmax twice"]) - 100
    )
    button(explorer, "Undo").click()
    button(explorer, "cross-entropy").press("Enter")
    for _ in range(int(steps["cross-entropy"])):
        button(explorer, "1 step along the push").click()
    assert "the net is right" in explorer.says() and rows(explorer, 1)["cross-entropy"][3] == "0"
    assert agrees(explorer)


def test_temperature_and_truth_change_the_price(explorer_page):
    explorer = explorer_page(NAME, guess="show", width=360)
    choose(explorer, "True class", "cat")
    explorer.root.get_by_role("slider", name="Temperature").press("End")
    assert (explorer.trait("true_class"), explorer.trait("temperature")) == (3, 30)
    expect(explorer.root.get_by_text("Each push is then divided by T = 30")).to_be_visible()
    assert agrees(explorer)


def test_two_unnamed_classes_and_a_finger(explorer_page):
    explorer = explorer_page(NAME, logits=[2, -1], classes=["cat"], true_class=1, guess="show", touch=True, width=360)
    assert list(rows(explorer, 0)) == ["cat", "class 1"] and agrees(explorer)
    button(explorer, "squared error").tap()
    button(explorer, "1 step along the push").tap()
    assert explorer.trait("logits")[1] > -1
    assert agrees(explorer)
