"""The receptive field stack, driven by mouse, keyboard and touch, shows the reference's numbers."""

import numpy as np
from playwright.sync_api import Locator, expect

from browser.kit import Explorer
from course_utils.reference import output_size, paths_to_unit, receptive_field

NAME = "receptive_field_stack"


def button(explorer: Explorer, name: str) -> Locator:
    return explorer.root.get_by_role("button", name=name)


def place(explorer: Explorer) -> tuple[int, int]:
    return explorer.trait("layer"), explorer.trait("unit")


def drawing(explorer: Explorer) -> Locator:
    return explorer.root.get_by_role("application")


def agrees(explorer: Explorer) -> bool:
    """Table, traits and sentence all say what the reference says."""
    size, (layer, unit) = explorer.trait("size"), place(explorer)
    layers = [tuple(one[1:]) for one in explorer.trait("layers")]
    fields, n = receptive_field(layers), size
    lines = explorer.root.locator("tbody tr").all()
    assert lines[0].locator("td").all_inner_texts() == [str(size), "1", "1", "0"]
    for line, field, one in zip(lines[1:], fields, layers, strict=True):
        n = output_size(n, *one)
        shown = [float(text.replace("−", "-")) for text in line.locator("td").all_inner_texts()]
        assert shown == [n, *field]
    paths = paths_to_unit(layers[:layer], size, unit)
    assert explorer.trait("paths") == paths.tolist()
    field = fields[layer - 1]
    low = round(field.start + unit * field.jump - (field.size - 1) / 2)
    says = explorer.says().replace("−", "-")
    assert f"Unit {unit} of layer {layer} " in says
    assert f"sees pixels {low} to {low + field.size - 1} ({field.size} pixel" in says and f"jump {field.jump}." in says
    assert f"{np.count_nonzero(paths)} × {np.count_nonzero(paths)} pixels" in says
    return True


def test_the_slider_walks_through_the_units(explorer_page):
    explorer = explorer_page(NAME)
    explorer.root.get_by_role("slider", name="Unit").focus()
    places = []
    for key in ("ArrowRight", "ArrowRight", "End", "Home"):
        explorer.press(key)
        places.append(place(explorer))
        assert agrees(explorer)
    assert places == [(8, 4), (8, 5), (8, 7), (8, 0)]
    assert "2 of them padding" not in explorer.says() and "14 of them padding" in explorer.says()


def test_arrow_keys_move_through_the_drawing(explorer_page):
    explorer = explorer_page(NAME)
    drawing(explorer).focus()
    places = []
    for key in ("ArrowRight", "ArrowDown", "ArrowDown", "Home", "ArrowLeft", "ArrowUp", "End"):
        explorer.press(key)
        places.append(place(explorer))
    # Down a layer, the unit whose field has the nearest centre is chosen; beyond the ends nothing is.
    assert places == [(8, 4), (7, 4), (6, 4), (6, 0), (6, 0), (7, 0), (7, 7)]
    assert agrees(explorer)


def test_a_click_chooses_a_unit_of_a_layer(explorer_page):
    explorer = explorer_page(NAME)
    box = drawing(explorer).locator("svg").bounding_box()
    explorer.page.mouse.click(box["x"] + box["width"] / 2, box["y"] + 34 * 4 + 17)  # five rows from the top: layer 5
    assert explorer.trait("layer") == 5 and 3 <= explorer.trait("unit") <= 12
    assert agrees(explorer)


def test_the_table_chooses_a_layer(explorer_page):
    explorer = explorer_page(NAME)
    chosen = button(explorer, "layer 3: pool 2×2, stride 2")
    chosen.click()
    assert chosen.get_attribute("aria-pressed") == "true"
    assert explorer.trait("layer") == 3 and agrees(explorer)


def test_layers_are_edited_added_moved_and_removed(explorer_page):
    explorer = explorer_page(NAME)
    explorer.root.get_by_label("Stack", exact=True).select_option("three 3 × 3")
    assert agrees(explorer)
    for label, value in (("Kernel", "5"), ("Stride", "2"), ("Padding", "3"), ("Dilation", "2")):
        field = explorer.root.get_by_label(label, exact=True)
        field.fill(value)
        field.press("Enter")
        assert agrees(explorer)
    explorer.root.get_by_label("Kind").select_option("pooling")
    assert explorer.trait("layers")[2] == ["pool", 5, 2, 3, 2]
    button(explorer, "Earlier").click()
    assert [layer[0] for layer in explorer.trait("layers")] == ["conv", "pool", "conv"] and agrees(explorer)
    button(explorer, "Add a layer").click()
    assert [layer[0] for layer in explorer.trait("layers")] == ["conv", "pool", "pool", "conv"] and agrees(explorer)
    button(explorer, "Remove").click()
    button(explorer, "Later").click()
    assert [layer[0] for layer in explorer.trait("layers")] == ["conv", "conv", "pool"] and agrees(explorer)
    explorer.root.get_by_label("Kernel", exact=True).fill("99")
    explorer.press("Tab")
    assert explorer.root.get_by_label("Kernel", exact=True).input_value() == "5", "what cannot be is put back"


def test_every_preset_keeps_to_the_reference(explorer_page):
    explorer = explorer_page(NAME)
    stacks = explorer.root.get_by_label("Stack", exact=True)
    for name in explorer.trait("presets"):
        stacks.select_option(name)
        assert agrees(explorer)


def test_it_says_that_no_unit_sees_the_whole_image(explorer_page):
    explorer = explorer_page(NAME)
    asked = explorer.root.get_by_text("Does any unit see the whole image?")
    expect(asked).to_contain_text("No: in layer 8 the best sees 30 of 32 pixels")
    explorer.set(size=16)
    expect(asked).to_contain_text("Yes: in layer 8")


def test_a_stack_that_cannot_be_built_is_explained(explorer_page):
    explorer = explorer_page(NAME, size=8, layers=[("conv", 3), ("conv", 7)], layer=2)
    assert explorer.says().startswith("Layer 2 cannot be built: its kernel spans 7 pixels, but only 6 are there.")
    expect(drawing(explorer)).to_be_hidden()
    field = explorer.root.get_by_label("Padding", exact=True)
    field.fill("1")
    field.press("Enter")
    expect(drawing(explorer)).to_be_visible()
    assert agrees(explorer)


def test_a_finger_does_what_a_mouse_does_on_a_large_image(explorer_page):
    explorer = explorer_page(NAME, touch=True, width=360, size=512)
    button(explorer, "layer 2").tap()
    drawing(explorer).locator("svg").tap(position={"x": 100, "y": 34 * 2 + 17})
    assert explorer.trait("layer") == 7 and agrees(explorer)
