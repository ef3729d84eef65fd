"""The fault finder, driven by mouse, keyboard and touch: its ledger is the course's, and it judges what was marked."""

import itertools
import re

from playwright.sync_api import Locator, expect

from browser.kit import Explorer
from course_utils.ledger import ledger
from course_utils.widgets import FaultFinder

NAME = "fault_finder"


def button(explorer: Explorer, name: str) -> Locator:
    return explorer.root.get_by_role("button", name=name)


def tick(explorer: Explorer, row: str) -> Locator:
    return explorer.root.get_by_role("checkbox", name=re.compile(rf"^suspicious: {row}\b"))


def agrees(explorer: Explorer) -> bool:
    """The table shows the ledger of the Keras model of the same stack."""
    rows = ledger(FaultFinder(stack=explorer.trait("stack")).to_keras()).rows
    lines = explorer.root.locator("tbody").first.locator("tr").all()
    shown = [tuple(line.locator("td").all_inner_texts()[1:]) for line in lines]
    assert shown == [
        (" × ".join(f"{side:,}" for side in row.output_shape), f"{row.parameters:,}", f"{row.macs:,}") for row in rows
    ]
    return True


def choose(explorer: Explorer, layer: str, **values: str) -> None:
    button(explorer, layer).click()
    for label, value in values.items():
        field = explorer.root.get_by_label(label, exact=True)
        if field.evaluate("e => e.localName") == "select":
            field.select_option(value)
        else:
            field.fill(value)
            field.press("Enter")


def test_marks_are_judged_when_the_faults_are_revealed(explorer_page):
    explorer = explorer_page(NAME)
    assert agrees(explorer)
    assert "2,250 outputs for 10 classes" in explorer.says() and "fault" not in explorer.says()
    expect(explorer.root.get_by_role("listitem")).to_have_count(0)
    for row in ("layer 1", "layer 3", "inputs"):
        tick(explorer, row).press("Space")
    assert explorer.says().endswith("3 rows marked.")
    button(explorer, "Reveal").press("Enter")
    assert explorer.trait("score") == [2, 7, 1]
    assert explorer.says().startswith("Found 2 of 9 faulty rows, missed 7, 1 false alarm. Now 13 faults in 9 rows.")
    expect(explorer.root.get_by_role("listitem").last).to_have_text(
        "Layer 3, MaxPooling2D: marked, but sound as it stands."
    )
    button(explorer, "Hide").click()
    assert explorer.trait("score") == [] and explorer.says().endswith("3 rows marked.")


def test_the_project_is_repaired_one_fault_at_a_time(explorer_page):
    explorer = explorer_page(NAME)
    button(explorer, "Reveal").click()
    left = [len(explorer.trait("flags"))]

    def count() -> None:
        assert agrees(explorer)
        left.append(len(explorer.trait("flags")))

    choose(explorer, "1 Dense", kind="Conv2D")
    count()
    for layer in ("2 Conv2D", "4 Dense"):
        choose(explorer, layer, activation="relu")
        count()
    button(explorer, "6 Flatten").click()
    button(explorer, "Earlier").click()
    button(explorer, "Earlier").click()  # before the two Dense layers
    count()
    choose(explorer, "6 Dense", activation="softmax")
    count()
    expect(explorer.root.get_by_text("Expected loss at initialisation: ln 10 = 2.3, if the inputs")).to_be_visible()
    for label, value in (
        ("Inputs", "pixels / 255"),
        ("Validation on", "10 % of the training set"),
        ("Early stopping", "yes, best weights restored"),
    ):
        explorer.root.get_by_label(label, exact=True).select_option(value)
        count()
    assert all(before > after for before, after in itertools.pairwise(left)) and left[-1] == 0
    assert "Now no fault is left." in explorer.says()


def test_marks_stay_with_their_layers(explorer_page):
    explorer = explorer_page(NAME)
    tick(explorer, "layer 3").check()
    tick(explorer, "layer 5").check()
    button(explorer, "4 Dense").click()
    button(explorer, "Add a layer").click()
    assert explorer.trait("marks") == ["layer 3", "layer 6"]
    button(explorer, "Remove").click()
    assert explorer.trait("marks") == ["layer 3", "layer 5"]
    button(explorer, "Earlier").click()
    assert explorer.trait("marks") == ["layer 4", "layer 5"]
    button(explorer, "4 MaxPooling2D").click()
    button(explorer, "Remove").click()
    assert explorer.trait("marks") == ["layer 4"]


def test_a_healthy_model_and_broken_ones_can_be_had(explorer_page):
    explorer = explorer_page(NAME)
    button(explorer, "A healthy model").click()
    button(explorer, "Reveal").click()
    assert agrees(explorer) and explorer.trait("flags") == [] and "Now no fault is left." in explorer.says()
    stacks = set()
    for seed in (1, 2, 3):
        button(explorer, "Another broken model").click()
        stacks.add(str(explorer.trait("stack")))
        assert explorer.trait("seed") == seed and explorer.trait("score") == [] and len(explorer.trait("flags")) >= 2
    assert len(stacks) == 3


def test_what_cannot_be_built_says_so(explorer_page):
    explorer = explorer_page(NAME, stack=[{"kind": "Flatten"}, {"kind": "Conv2D"}, {"kind": "Dense"}])
    assert explorer.says().startswith("Layer 2 cannot be built.")
    explorer.root.get_by_role("cell", name="cannot be built").wait_for()
    button(explorer, "Reveal").click()
    expect(explorer.root.get_by_role("listitem").filter(has_text="impossible")).to_contain_text(
        "gets a vector of 3,072"
    )


def test_a_finger_does_what_a_mouse_does(explorer_page):
    explorer = explorer_page(NAME, touch=True, width=360)
    tick(explorer, "validation").tap()
    button(explorer, "Reveal").tap()
    assert explorer.trait("marks") == ["validation"] and explorer.trait("score") == [1, 8, 0]
    button(explorer, "2 Conv2D").tap()
    button(explorer, "Remove").tap()
    assert len(explorer.trait("stack")) == 5 and agrees(explorer)
