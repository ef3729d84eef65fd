"""SignalThroughDepth: its JavaScript against torch, NumPy and the reference's first weights, and its Python side."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
import traitlets
from widget_kit import node

from course_utils.reference import initial_std
from course_utils.widgets import SignalThroughDepth
from course_utils.widgets.signal_through_depth import ACTIVATIONS, BLOCK, MOST_DEPTH, WIDTH, draws

NAME = "signal_through_depth"
TORCH = {
    "identity": lambda z: z * 1,
    "relu": torch.relu,
    "leaky_relu": torch.nn.functional.leaky_relu,
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
}
MEASURED = "(s, i) => { const r = send(s, i); return [r.sizes.slice(1), r.spreads.slice(1), r.gradients.slice(1)]; }"


def random_cases(seed, count=20):
    """States with every trait at work, and inputs of their own."""
    rng = np.random.default_rng(seed)
    for number in range(count):
        state = {
            "activation": list(ACTIVATIONS)[number % len(ACTIVATIONS)],
            "gain": float(rng.choice([0, 0.08, 3**-0.5, 1, 2**0.5, rng.uniform(0.02, 2)])),
            "biases": bool(rng.integers(2)),
            "depth": int(rng.integers(2, 26)),
            "seed": int(rng.integers(1000)),
        }
        yield state, rng.normal(size=(rng.integers(2, 17), WIDTH)).round(3)


CASES = list(random_cases(1))


def by_torch(state, inputs):
    """Size, spread and gradient as the lesson measures them, with the explorer's random numbers."""
    x, outputs = torch.tensor(inputs), []
    for number in range(state["depth"]):
        numbers = torch.tensor(draws(state["seed"], number * BLOCK, BLOCK))
        layer = torch.nn.Linear(WIDTH, WIDTH, dtype=torch.float64)
        with torch.no_grad():
            layer.weight.copy_(state["gain"] / WIDTH**0.5 * numbers[: WIDTH**2].reshape(WIDTH, WIDTH).T)
            layer.bias.copy_(numbers[WIDTH**2 :] / (3 * WIDTH) ** 0.5 if state["biases"] else torch.zeros(WIDTH))
        x = TORCH[state["activation"]](layer(x))
        x.retain_grad()
        outputs.append(x)
    x.backward(torch.tensor(draws(state["seed"], MOST_DEPTH * BLOCK, x.numel())).reshape(x.shape))

    def size(tensor):
        return tensor.detach().pow(2).mean().sqrt().item()

    return [
        [size(output) for output in outputs],
        [size(output.std(dim=0)) for output in outputs],
        [size(output.grad) for output in outputs],
    ]


def test_size_spread_and_gradient_are_torchs():
    for (state, inputs), found in zip(CASES, node(NAME, MEASURED, CASES), strict=True):
        sizes, spreads, gradients = by_torch(state, inputs)
        np.testing.assert_allclose(found[0], sizes, rtol=1e-9, err_msg=str(state))
        rounding = 2e-13 * max(sizes)  # what is smaller is called 0
        np.testing.assert_allclose(found[1], spreads, rtol=1e-9, atol=rounding, err_msg=str(state))
        np.testing.assert_allclose(found[2], gradients, rtol=1e-9, err_msg=str(state))


def test_python_measures_what_the_browser_measures():
    for (state, inputs), found in zip(CASES, node(NAME, MEASURED, CASES), strict=True):
        numbers = SignalThroughDepth(**state, inputs=inputs).measure()
        for wanted, name in zip(found, ("sizes", "spreads", "gradients"), strict=True):
            least = 2e-13 * numbers["sizes"].max() if name == "spreads" else 0
            np.testing.assert_allclose(numbers[name], wanted, rtol=1e-9, atol=least, err_msg=f"{name} {state}")


def test_random_numbers_are_the_same_to_the_last_bit_and_as_they_should_be():
    cases = [(0, 0, 500), (999, 3 * BLOCK, 500), (7, MOST_DEPTH * BLOCK, 500)]
    found = node(NAME, "(...a) => [...draws(...a)]", cases)
    assert found == [draws(*case).tolist() for case in cases]
    many = draws(3, 0, 20 * BLOCK)
    assert many.mean() == pytest.approx(0, abs=0.02) and many.var() == pytest.approx(1, abs=0.02)
    assert np.abs(many).max() < 3**0.5
    neighbours = np.corrcoef(many[:-1], many[1:])[0, 1], np.corrcoef(draws(4, 0, many.size), many)[0, 1]
    assert np.abs(neighbours).max() < 0.02


def test_named_first_weights_have_the_references_variance():
    starts = {name.split(":")[0]: (gain, biases) for name, gain, biases in node(NAME, "() => STARTS", [()])[0]}
    for name, scheme in (("He", "he"), ("Keras' default, Glorot", "xavier"), ("PyTorch's default", "torch")):
        assert starts[name][0] / WIDTH**0.5 == pytest.approx(initial_std((WIDTH, WIDTH), scheme))
    assert starts["standard deviation 0.01"][0] / WIDTH**0.5 == pytest.approx(0.01)
    assert [name for name, (_, biases) in starts.items() if biases] == ["PyTorch's default"]
    assert starts["zero"][0] == 0 and starts["He, doubled"][0] == 2 * starts["He"][0]


def test_the_formula_halves_the_mean_square_at_a_relu_and_no_other():
    states = [{"activation": name, "gain": 1.3, "biases": False} for name in ACTIVATIONS]
    found = node(NAME, "layerFormula", [(state, 0.7) for state in states])
    sums = 1.3**2 * 0.7
    wanted = {"identity": (1, 1), "relu": (0.5, 0.5), "leaky_relu": (0.50005, 0.50005)}
    z = np.sqrt(sums) * np.random.default_rng(0).normal(size=1_000_000)
    for name in ("tanh", "sigmoid"):
        function, slope = ACTIVATIONS[name]
        wanted[name] = np.mean(function(z) ** 2) / sums, np.mean(slope(z) ** 2)
    for name, one in zip(ACTIVATIONS, found, strict=True):
        assert one["sums"] == pytest.approx(sums)
        exact = 1e-9 if name in ("identity", "relu", "leaky_relu") else 5e-3  # the others: a mean over a sample
        assert one["outputs"] / sums == pytest.approx(wanted[name][0], rel=exact)
        assert one["gradient"] / 1.3**2 == pytest.approx(wanted[name][1], rel=exact)


def test_the_formula_over_a_stack_is_the_one_layers_raised_to_the_depth():
    state = {"activation": "relu", "gain": 1, "biases": False, "depth": 20}
    (told,) = node(NAME, "formula", [(state, 2, 3)])
    np.testing.assert_allclose(told["sizes"], 2 * 0.5 ** (np.arange(21) / 2))
    np.testing.assert_allclose(told["gradients"], 3 * 0.5 ** (np.arange(20, -1, -1) / 2))
    state |= {"biases": True, "gain": 0}
    assert node(NAME, "formula", [(state, 2, 3)])[0]["sizes"][5] == pytest.approx((1 / (3 * WIDTH) / 2) ** 0.5)


def test_measured_factors_agree_with_the_formula_on_average():
    state = {"activation": "relu", "gain": 2**0.5, "biases": False, "depth": 20}
    cases = [(state | {"seed": seed}, SignalThroughDepth().inputs) for seed in range(12)]
    call = "(s, i) => [1, 10, 20].map((l) => factors(s, send(s, i), l).map(([, by, found]) => [by, found]))"
    found = np.array(node(NAME, call, cases))
    np.testing.assert_allclose(found[..., 0], np.broadcast_to([2, 0.5, 1, 1], found.shape[:-1]), rtol=1e-9)
    np.testing.assert_allclose(found[..., 1].mean(axis=(0, 1)), [2, 0.5, 1, 1], rtol=0.1)
    np.testing.assert_allclose(found[..., 2, 1] ** 2, found[..., 0, 1] * found[..., 1, 1])
    zero = node(NAME, call, [(state | {"seed": 0, "gain": 0}, SignalThroughDepth().inputs)])[0]
    assert zero[1][:3] == [[None, None]] * 3, "where nothing comes in, nothing is multiplied"


def test_bars_count_shares_and_what_lies_beyond():
    (shares,) = node(NAME, "histogram", [([-9, -4, 0, 0.05, -0.05, 4, 100, 1],)])
    assert len(shares) == 41 and sum(shares) == pytest.approx(1)
    assert (shares[0], shares[20], shares[40]) == (2 / 8, 3 / 8, 2 / 8)


@pytest.mark.parametrize(
    ("left", "says"),
    [
        ({"signal": 0.5, "gradient": 0.7, "differs": 0.3}, "Signal and gradient stay alive."),
        ({"signal": 1e-4, "gradient": 1e-4, "differs": 0.3}, "Signal and gradient vanish"),
        ({"signal": 0, "gradient": 1, "differs": 0.3}, "The signal vanishes"),
        ({"signal": 0, "gradient": 0, "differs": 0}, "Nothing passes"),
        ({"signal": 1e4, "gradient": 1e4, "differs": 0.3}, "Signal and gradient explode"),
        ({"signal": 0.3, "gradient": 1e-8, "differs": 1e-7}, "It only looks alive"),
        ({"signal": 1, "gradient": 3000, "differs": 1}, "The signal lives, but the gradient explodes."),
        ({"signal": 1, "gradient": 0.001, "differs": 1}, "The signal lives, but the gradient vanishes."),
    ],
)
def test_the_verdict(left, says):
    assert node(NAME, "verdict", [left])[0].startswith(says)


def test_amounts_are_said_in_words():
    amounts = [0, 1.3e-7, 0.0012, 0.5, 1.1, 754.2, 2.04e7]
    assert node(NAME, "ofIt", amounts) == [
        "nothing of", "1.3 · 10⁻⁷ of", "0.12 % of", "50 % of", "110 % of", "754 times", "2 · 10⁷ times",
    ]  # fmt: skip


def test_inputs_of_zeros_are_no_trouble():
    call = "(s, i) => { const r = send(s, i); return [true, false].map((shown) => sentence({ ...s, shown }, r)); }"
    state = {"activation": "relu", "gain": 1, "biases": False, "depth": 3, "seed": 0}
    for biases, says in ((False, "The outputs of layer 3 are all 0."), (True, "nothing of that differs")):
        sent, asked = node(NAME, call, [(state | {"biases": biases}, np.zeros((2, WIDTH)))])[0]
        assert says in sent and "multiplies the size of the signal by –." in asked


def test_states_from_links_are_made_valid():
    wild = {"activation": "relu6", "gain": 1e9, "biases": "yes", "depth": 0, "layer": 99, "seed": -3, "shown": 1}
    more = {
        "activation": "constructor",
        "gain": 1e-9,
        "biases": 0,
        "depth": "x",
        "layer": None,
        "seed": 1e9,
        "shown": None,
    }
    assert node(NAME, "clean", [wild, more, more | {"gain": "x"}]) == [
        {"activation": "relu", "gain": 4, "biases": True, "depth": 2, "layer": 2, "seed": 0, "shown": True},
        {"activation": "relu", "gain": 0.02, "biases": False, "depth": 2, "layer": 1, "seed": 999, "shown": False},
        {"activation": "relu", "gain": 0, "biases": False, "depth": 2, "layer": 1, "seed": 999, "shown": False},
    ]


@pytest.mark.parametrize(
    ("traits", "says"),
    [
        ({"gain": -1}, "gain is 0 or a number from 0.02 to 4, not -1"),
        ({"gain": 0.001}, "gain is 0 or"),
        ({"gain": float("nan")}, "gain is 0 or"),
        ({"activation": "swish"}, "activation"),
        ({"depth": 51}, "depth"),
        ({"depth": 1}, "depth"),
        ({"layer": 0}, "layer"),
        ({"seed": -1}, "seed"),
        ({"inputs": np.ones((4, 63))}, r"inputs are 2 to 16 rows of 64 numbers, not \(4, 63\)"),
        ({"inputs": np.ones((1, 64))}, "inputs are 2 to 16 rows"),
        ({"inputs": np.ones((17, 64))}, "inputs are 2 to 16 rows"),
        ({"inputs": np.full((4, 64), np.nan)}, "every number must be finite"),
    ],
)
def test_bad_values_are_refused_in_a_sentence(traits, says):
    with pytest.raises(traitlets.TraitError, match=says) as refused:
        SignalThroughDepth(**traits)
    assert "\n" not in str(refused.value)


def test_it_describes_both_ends():
    explorer = SignalThroughDepth(gain=2**0.5, depth=5)
    found = explorer.measure()
    text = explorer.describe()
    assert text.startswith("5 layers of 64 units, ReLU, gain 1.41, no biases.")
    assert f"to {found['sizes'][-1]:.2g} at layer 5" in text and f"{found['gradients'][0]:.2g} at layer 1." in text


@pytest.mark.parametrize("traits", [{}, {"gain": 0}, {"activation": "sigmoid", "depth": 50}])
def test_it_draws_itself(traits):
    explorer = SignalThroughDepth(**traits)
    figure = explorer.to_figure()
    left, right = figure.axes
    assert (left.get_title(), right.get_title()) == ("forwards", "backwards")
    drawn = np.nan_to_num(left.get_lines()[0].get_ydata())
    np.testing.assert_allclose(drawn, explorer.measure()["sizes"])
    figure.canvas.draw()
    plt.close(figure)
