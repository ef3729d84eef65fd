"""The parameter explosion, driven by mouse, keyboard and touch, shows the reference's numbers."""

import re

from browser.kit import Explorer
from course_utils.reference import conv_parameters, dense_parameters

NAME = "parameter_explosion"


def agrees(explorer: Explorer) -> bool:
    """Cards, traits and sentence all say what the reference says."""
    traits = ("side", "channels", "hidden_units", "filters", "kernel_size", "bias")
    state = {name: explorer.trait(name) for name in traits}
    places = state["side"] ** 2
    dense = dense_parameters(places * state["channels"], state["hidden_units"], bias=state["bias"])
    kernel = conv_parameters(state["kernel_size"], state["channels"], state["filters"], bias=state["bias"])
    work = conv_parameters(state["kernel_size"], state["channels"], state["filters"], bias=False) * places
    for name, parameters in {"Dense layer": dense, "Windows, nothing shared": places * kernel}.items():
        assert f"= {parameters:,} parameters" in card(explorer, name)
    assert f"= {kernel:,} parameters" in card(explorer, "Convolution layer")
    assert f"= {work:,} multiply-adds" in card(explorer, "Convolution layer")
    assert explorer.trait("counts")["convolution"]["parameters"] == kernel
    assert explorer.trait("counts")["dense"]["parameters"] == dense
    assert f"{dense:,} parameters" in explorer.says() and f"which has {kernel:,}." in explorer.says()
    assert f"dense {dense:,}" in explorer.root.get_by_role("img", name="Parameters over").get_attribute("aria-label")
    return True


def card(explorer: Explorer, name: str) -> str:
    return explorer.root.get_by_role("group", name=name, exact=True).inner_text().replace("\u00a0", " ")


def row(explorer: Explorer, name: str, row: str) -> str:
    """What a card says of one thing."""
    line = explorer.root.get_by_role("group", name=name, exact=True).get_by_role("row").filter(has_text=row)
    return line.get_by_role("cell").inner_text().replace("\u00a0", " ")


def test_every_example_shows_the_references_numbers(explorer_page):
    explorer = explorer_page(NAME)
    choice = explorer.root.get_by_label("Example")
    for option in choice.locator("option").all_inner_texts():
        choice.select_option(option)
        assert agrees(explorer)
        assert choice.locator("option:checked").inner_text() == option or option == "own numbers"


def test_doubling_the_side_multiplies_what_the_card_foretold(explorer_page):
    explorer = explorer_page(NAME, bias=False)
    names = ("Dense layer", "Windows, nothing shared", "Convolution layer")
    told = {name: row(explorer, name, "parameters at twice the side") for name in names}
    assert [re.search(r"\(× (.*)\)", text)[1] for text in told.values()] == ["4", "4", "1"]
    assert row(explorer, "Convolution layer", "multiply-adds at twice").endswith("(× 4)")
    explorer.root.get_by_role("button", name="Double the side").click()
    assert explorer.trait("side") == 56 and agrees(explorer)
    for name in names:
        assert f"= {told[name].split()[0]} parameters" in card(explorer, name)
    explorer.root.get_by_role("button", name="Halve the side").click()
    assert explorer.trait("side") == 28 and agrees(explorer)


def test_the_side_stops_at_its_ends(explorer_page):
    explorer = explorer_page(NAME, side=12)
    assert explorer.root.get_by_role("button", name="Halve the side").is_disabled()
    double = explorer.root.get_by_role("button", name="Double the side")
    while double.is_enabled():
        double.click()
    assert explorer.trait("side") == 768


def test_arrow_keys_move_every_slider(explorer_page):
    explorer = explorer_page(NAME)
    for label, trait in {
        "Image side": "side",
        "Channels": "channels",
        "Hidden units": "hidden_units",
        "Filters": "filters",
        "Kernel": "kernel_size",
    }.items():
        before = explorer.trait(trait)
        explorer.root.get_by_role("slider", name=label).press("ArrowRight")
        assert explorer.trait(trait) > before
    explorer.root.get_by_label("Bias").press("Space")
    assert explorer.trait("bias") is False
    assert agrees(explorer)


def test_any_side_can_be_typed_and_nonsense_is_put_back(explorer_page):
    explorer = explorer_page(NAME)
    field = explorer.root.get_by_role("spinbutton", name="or exactly")
    field.fill("299")
    field.press("Enter")
    assert explorer.trait("side") == 299 and agrees(explorer)
    field.fill("5000")
    field.press("Enter")
    assert explorer.trait("side") == 299 and field.input_value() == "299"


def test_a_click_on_the_chart_chooses_the_side_below_it(explorer_page):
    explorer = explorer_page(NAME)
    chart = explorer.root.get_by_role("img", name="Parameters over")
    box = chart.bounding_box()
    chart.click(position={"x": box["width"] * (46 + (292 - 46) * 4 / 7) / 300, "y": box["height"] / 2})
    assert 120 <= explorer.trait("side") <= 136  # 8 · 2⁴, four sevenths of the way to 8 · 2⁷
    assert agrees(explorer)


def test_training_images_are_compared_with_the_weights(explorer_page):
    explorer = explorer_page(NAME, training_images=100)
    assert row(explorer, "Dense layer", "per training image") == "785"
    assert row(explorer, "Convolution layer", "per training image") == "3.2"
    assert row(explorer, "Dense layer", "memory") == "0.299 MiB"


def test_a_finger_does_what_a_mouse_does(explorer_page):
    explorer = explorer_page(NAME, touch=True, width=360)
    explorer.root.get_by_role("button", name="Double the side").tap()
    explorer.root.get_by_label("Bias").tap()
    assert (explorer.trait("side"), explorer.trait("bias")) == (56, False) and agrees(explorer)


def test_python_changes_the_numbers_too(explorer_page):
    explorer = explorer_page(NAME)
    explorer.set(side=224, channels=3, hidden_units=1000)
    assert f"{dense_parameters(224 * 224 * 3, 1000):,}" in card(explorer, "Dense layer") and agrees(explorer)
