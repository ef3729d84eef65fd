"""The signal through depth, driven by mouse, keyboard and touch, shows NumPy's numbers."""

import numpy as np
import pytest
from playwright.sync_api import Locator, expect

from browser.kit import Explorer
from course_utils.widgets import SignalThroughDepth

NAME = "signal_through_depth"
GAIN = "Gain √(n · Var(w))"
STATE = ("gain", "biases", "activation", "depth", "seed", "inputs")


def button(explorer: Explorer, name: str) -> Locator:
    return explorer.root.get_by_role("button", name=name)


def slider(explorer: Explorer, name: str) -> Locator:
    return explorer.root.get_by_role("slider", name=name, exact=True)


def chart(explorer: Explorer, title: str) -> Locator:
    return explorer.root.get_by_role("figure").filter(has_text=title).get_by_role("img")


def numbers(explorer: Explorer) -> dict[str, np.ndarray]:
    """What Python makes of the explorer's state; the traits that Python reads are the same."""
    found = SignalThroughDepth(**{name: explorer.trait(name) for name in STATE}).measure()
    for name, wanted in found.items():
        np.testing.assert_allclose(explorer.trait(name), wanted, rtol=1e-8, atol=1e-12 if name == "spreads" else 0)
    return found


def factors(explorer: Explorer) -> list[list[str]]:
    """The table's two columns, formula and measured."""
    return [row.locator("td").all_inner_texts() for row in explorer.root.locator("tbody tr").all()]


def test_the_outcome_is_hidden_until_it_is_asked_for(explorer_page):
    explorer = explorer_page(NAME)
    question = explorer.root.get_by_text("Which gain keeps the signal alive through 20 layers of ReLU?")
    expect(question).to_contain_text("then send the signal")
    found = numbers(explorer)
    came_in = np.sqrt(np.mean(np.square(explorer.trait("inputs"))))
    assert f"Layer 1 multiplies the size of the signal by {found['sizes'][0] / came_in:.3g}." in explorer.says()
    assert "not shown yet" in chart(explorer, "Forwards").get_attribute("aria-label")
    expect(slider(explorer, "Layer")).to_be_hidden()
    button(explorer, "Send the signal").press("Enter")
    assert "Signal and gradient vanish: larger weights." in explorer.says()
    assert f"Size of the outputs, from {found['sizes'][0]:.3g} at layer 1" in chart(explorer, "Forwards").get_attribute(
        "aria-label"
    )
    button(explorer, "Hide, and predict again").click()
    assert "Decide, then send the signal." in explorer.says()
    expect(slider(explorer, "Layer")).to_be_hidden()


def test_the_slider_finds_the_gain_that_keeps_the_signal(explorer_page):
    explorer = explorer_page(NAME, shown=True)
    slider(explorer, GAIN).focus()
    verdicts = []
    for _ in range(40):
        explorer.press("ArrowRight")
        verdicts.append(explorer.root.locator(".cx-says").text_content().partition("gradient at layer 20. ")[2])
    assert explorer.trait("gain") == pytest.approx(1.8)
    assert verdicts[0] == "Signal and gradient vanish: larger weights."
    alive = [1.02 + 0.02 * i for i, verdict in enumerate(verdicts) if verdict == "Signal and gradient stay alive."]
    assert min(alive) < 2**0.5 < max(alive)
    assert verdicts[-1] == "Signal and gradient explode: smaller weights."
    numbers(explorer)


def test_named_first_weights_are_named_gains(explorer_page):
    explorer = explorer_page(NAME, shown=True)
    weights = explorer.root.get_by_label("First weights, Var(w)")
    for label, gain, biases in (("He: 2/n", 2**0.5, False), ("PyTorch's default: 1/(3n) and biases", 3**-0.5, True)):
        weights.select_option(label)
        assert (explorer.trait("gain"), explorer.trait("biases")) == (pytest.approx(gain), biases)
        numbers(explorer)
    assert "It only looks alive" in explorer.says()
    explorer.root.get_by_label("Random biases").uncheck()
    assert weights.evaluate("e => e.selectedOptions[0].text") == "PyTorch's, biases 0"
    slider(explorer, GAIN).press("ArrowRight")
    assert weights.evaluate("e => e.selectedOptions[0].text") == "own gain"


def test_says_what_is_left_at_both_ends(explorer_page):
    explorer = explorer_page(NAME, shown=True, gain=2**0.5, depth=12)
    found = numbers(explorer)
    sizes, gradients = found["sizes"], found["gradients"]
    assert (
        f"The outputs of layer 12 have {100 * sizes[-1] / sizes[0]:.2g} % of the size of layer 1's" in explorer.says()
    )
    assert f"; {100 * found['spreads'][-1] / sizes[-1]:.2g} % of that differs from input to input" in explorer.says()
    assert f"layer 1 gets {100 * gradients[0] / gradients[-1]:.2g} % of the gradient at layer 12" in explorer.says()


def test_a_layer_shows_its_factors_its_bars_and_its_rows(explorer_page):
    explorer = explorer_page(NAME, shown=True, gain=2**0.5)
    slider(explorer, "Layer").press("Home")
    for _ in range(4):
        slider(explorer, "Layer").press("ArrowRight")
    assert explorer.trait("layer") == 5
    found = numbers(explorer)
    table = factors(explorer)
    assert [formula for formula, _ in table] == ["× 2", "× 0.5", "× 1", "× 1"]
    assert table[2][1] == f"× {found['sizes'][4] / found['sizes'][3]:.3g}"
    assert table[3][1] == f"× {found['gradients'][3] / found['gradients'][4]:.3g}"
    outputs = chart(explorer, "Outputs of layer 5: size ").get_attribute("aria-label")
    assert f"size {found['sizes'][4]:.3g}" in outputs and "% exactly 0" in outputs
    expect(explorer.root.get_by_role("img", name="Outputs of layer 5: 16 inputs by 64 units")).to_be_visible()


def test_a_click_in_a_chart_chooses_the_layer(explorer_page):
    explorer = explorer_page(NAME, shown=True)
    for title, share in (("Forwards", 0.5), ("Backwards", 0.75)):
        box = chart(explorer, title).bounding_box()
        left, right = box["width"] * 58 / 300, box["width"] * 292 / 300
        explorer.page.mouse.click(box["x"] + left + share * (right - left), box["y"] + box["height"] / 2)
        assert explorer.trait("layer") == round(20 * share)


def test_sigmoid_gives_every_input_the_same_answer(explorer_page):
    explorer = explorer_page(NAME, shown=True, depth=50, layer=40)
    explorer.root.get_by_label("Activation").select_option("sigmoid")
    assert "nothing of that differs from input to input" in explorer.says()
    assert explorer.says().endswith("every input gets the same answer, and the gradient vanishes.")
    expect(explorer.root.get_by_text("below 10⁻¹³ of the size and lost in rounding: only stripes.")).to_be_visible()
    assert explorer.trait("spreads")[-1] == 0
    numbers(explorer)


def test_another_draw_wavers_and_depth_keeps_the_layer_inside(explorer_page):
    explorer = explorer_page(NAME, shown=True, gain=2**0.5, layer=20)
    before = explorer.trait("sizes")
    button(explorer, "Draw other weights").press("Enter")
    assert explorer.trait("seed") == 1 and explorer.trait("sizes") != before
    numbers(explorer)
    slider(explorer, "Depth (layers)").press("Home")
    assert (explorer.trait("depth"), explorer.trait("layer"), len(explorer.trait("sizes"))) == (2, 2, 2)
    assert slider(explorer, "Layer").get_attribute("max") == "2"
    button(explorer, "Undo").click()
    assert explorer.trait("layer") == 20 and slider(explorer, "Layer").input_value() == "20"


def test_inputs_of_ones_own_go_through_by_touch(explorer_page):
    rng = np.random.default_rng(0)
    explorer = explorer_page(NAME, touch=True, width=360, inputs=rng.normal(size=(3, 64)).round(2), gain=0)
    button(explorer, "Send the signal").tap()
    assert "The outputs of layer 20 are all 0." in explorer.says()
    assert factors(explorer)[0] == ["–", "–"]
    explorer.root.get_by_label("First weights, Var(w)").select_option("He: 2/n")
    numbers(explorer)
    expect(explorer.root.get_by_role("img", name="Outputs of layer 10: 3 inputs by 64 units")).to_be_visible()
