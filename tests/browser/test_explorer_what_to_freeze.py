"""What to freeze, by mouse, keyboard and touch: it says what the next step moves, and names the faults of a plan."""

from playwright.sync_api import Locator, expect

from browser.kit import Explorer

NAME = "what_to_freeze"
MEASURED = {"amounts": [2, 20, 80], "accuracy": {
    "frozen": [[0.3, 0.5], [0.5, 0.6], [0.6, 0.6]], "from scratch": [[0.2, 0.6], [0.5, 0.5], [0.8, 0.9]],
}}  # fmt: skip


def button(explorer: Explorer, name: str) -> Locator:
    return explorer.root.get_by_role("button", name=name)


def cells(explorer: Explorer, block: str) -> list[str]:
    """What the table says of a block: trainable, moved, frozen, forward, backward pass, activations kept."""
    row = explorer.root.get_by_role("row").filter(has=explorer.page.get_by_role("checkbox", name=block, exact=True))
    return row.locator("td").all_inner_texts()


def findings(explorer: Explorer) -> list[str]:
    return explorer.root.locator("ul strong").all_inner_texts()


def test_it_starts_with_a_block_that_is_thawed_and_will_not_move(explorer_page):
    explorer = explorer_page(NAME)
    assert cells(explorer, "block5")[:3] == ["7,079,424", "0", "0"]
    assert cells(explorer, "head")[:2] == ["1,026", "1,026"]
    assert "moves 1,026 of 14,715,714 numbers (head), although the ledger counts 7,080,450" in explorer.says()


def test_compiling_makes_the_step_follow_the_ledger(explorer_page):
    explorer = explorer_page(NAME)
    compile_it = button(explorer, "Compile")
    compile_it.focus()
    explorer.press("Enter")
    counted = 3 * (9 * 512 * 512 + 512) + 2 * (512 + 1)  # three convolutions, and a dense layer on pooled maps
    assert explorer.trait("step")["weights"] == counted
    assert f"moves {counted:,} of" in explorer.says() and "although" not in explorer.says()
    assert cells(explorer, "block5")[3:5] == ["each step", "weights, then it ends"]
    assert "features can be kept behind block4_pool" in explorer.says()


def test_a_plan_is_put_right_by_keyboard(explorer_page):
    explorer = explorer_page(NAME, trains=["block1", "head"], told=["head"], head_trained=False, rate_body=1e-3)
    assert findings(explorer) == []
    button(explorer, "Check the plan").press("Enter")
    assert findings(explorer) == [
        "Thawed, but not compiled.", "A frozen block behind one that trains.", "A random head pulls at the body.",
        "The body is not slower than the head.",
    ]  # fmt: skip
    assert explorer.says().endswith("4 faults.")
    for block in ("block1", "block5"):
        explorer.root.get_by_role("checkbox", name=block).press("Space")
    button(explorer, "Compile").press("Enter")
    explorer.root.get_by_role("slider", name="Rate of the body").press("Home")
    expect(explorer.root.get_by_text("No fault is left in this plan.")).to_be_visible()
    assert explorer.says().endswith("No fault.") and explorer.trait("faults") == []


def test_the_backward_pass_crosses_what_is_frozen(explorer_page):
    explorer = explorer_page(NAME, trains=["block1", "head"], told=["block1", "head"])
    assert [cells(explorer, f"block{b}")[4] for b in (1, 3)] == ["weights, then it ends", "inputs only, on its way"]
    assert cells(explorer, "block3")[1] == "0" and cells(explorer, "block3")[5] != "–"
    assert "The backward pass ends in block1." in explorer.says()


def test_averages_of_a_frozen_body_move_in_pytorch_and_not_in_keras(explorer_page):
    explorer = explorer_page(NAME, net="ResNet50", trains=["head"])
    explorer.root.get_by_label("Batch norm of the body").select_option(index=2)
    button(explorer, "Compile").click()
    assert "running averages" not in explorer.says()
    explorer.root.get_by_label("Framework").select_option("PyTorch")
    assert "and 53,120 running averages" in explorer.says() and "no features can be kept" in explorer.says()
    button(explorer, "Check the plan").click()
    assert findings(explorer) == ["Batch norm in training mode in a frozen body."]
    expect(explorer.root.get_by_text("the mode is one thing")).to_be_visible()


def test_another_net_begins_with_its_own_blocks(explorer_page):
    explorer = explorer_page(NAME)
    batch_norm = explorer.root.get_by_label("Batch norm of the body")
    expect(batch_norm).to_be_hidden()
    explorer.root.get_by_label("Net", exact=True).select_option("digits net")
    assert explorer.root.get_by_role("checkbox").count() == 6  # four rows, the head's past, augmentation
    assert (explorer.trait("side"), explorer.trait("trains")) == (16, ["stage 3", "head"])
    expect(batch_norm).to_be_visible()
    button(explorer, "Undo").click()
    assert (explorer.trait("net"), explorer.trait("side")) == ("VGG16", 224)


def test_augmentation_leaves_nothing_to_keep(explorer_page):
    explorer = explorer_page(NAME, trains=["head"], touch=True, width=360)
    assert "features can be kept behind the global pooling" in explorer.says()
    explorer.root.get_by_label("Augmentation").tap()
    assert "no features can be kept, since each step sees new images" in explorer.says()
    assert cells(explorer, "block1")[3] == "each step"


def test_measurements_are_shown_where_a_lesson_hands_them_in(explorer_page):
    assert explorer_page(NAME).root.get_by_label("Labelled images").count() == 0
    explorer = explorer_page(NAME, measured=MEASURED, images=2)
    table = explorer.root.get_by_role("table", name="measured accuracy")
    assert table.locator("tbody th").all_inner_texts() == ["frozen", "from scratch"]
    explorer.root.get_by_role("slider", name="Labelled images of each class").press("End")
    assert explorer.trait("images") == 80
    first = table.locator("tbody tr").first.locator("th, td")
    assert first.all_inner_texts() == ["from scratch", "85\u00a0%", "7.1\u00a0%"]
    expect(explorer.root.get_by_text("from scratch is first, 25 points before frozen")).to_contain_text("2 of 2 seeds")
