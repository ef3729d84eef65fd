"""The parameter explosion: its JavaScript against the reference and the frameworks, its Python side."""

import re

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
import traitlets
from widget_kit import node

from course_utils.ledger import ledger
from course_utils.reference import conv_parameters, dense_parameters
from course_utils.widgets import ParameterExplosion

NAME = "parameter_explosion"
ENDS = {
    "side": (8, 1024),
    "channels": (1, 512),
    "hidden_units": (1, 4096),
    "filters": (1, 512),
    "kernel_size": (1, 11),
    "training_images": (1, 10**9),
}


def random_states(seed, count=300):
    rng = np.random.default_rng(seed)
    for i in range(count):
        state = {name: int(np.exp(rng.uniform(*np.log(ends)))) for name, ends in ENDS.items()}
        yield state | {"bias": bool(i % 2)}
    for end in range(2):
        yield {name: ends[end] for name, ends in ENDS.items()} | {"bias": True}


def test_parameters_are_the_references():
    states = list(random_states(1))
    for s, layers in zip(states, node(NAME, "counts", states), strict=True):
        dense = dense_parameters(s["side"] ** 2 * s["channels"], s["hidden_units"], bias=s["bias"])
        convolution = conv_parameters(s["kernel_size"], s["channels"], s["filters"], bias=s["bias"])
        assert layers["dense"]["parameters"] == dense
        assert layers["convolution"]["parameters"] == convolution
        assert layers["unshared"]["parameters"] == s["side"] ** 2 * convolution


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize(("side", "channels", "filters", "k"), [(8, 3, 5, 3), (13, 2, 4, 5), (9, 1, 1, 1)])
def test_multiply_adds_and_outputs_are_the_ledgers(side, channels, filters, k, bias):
    state = {"side": side, "channels": channels, "hidden_units": 7, "filters": filters, "kernel_size": k, "bias": bias}
    (layers,) = node(NAME, "counts", [state])
    convolution = torch.nn.Conv2d(channels, filters, k, padding="same", bias=bias)
    dense = torch.nn.Linear(side * side * channels, 7, bias=bias)
    for name, model, shape in (
        ("convolution", torch.nn.Sequential(convolution), (channels, side, side)),
        ("dense", torch.nn.Sequential(torch.nn.Flatten(), dense), (channels, side, side)),
    ):
        count = ledger(model, shape)
        outputs = model(torch.zeros(1, *shape)).numel()
        assert (layers[name]["parameters"], layers[name]["outputs"]) == (count.parameters, outputs)
        assert layers[name]["multiply_adds"] == count.macs
    assert layers["unshared"]["multiply_adds"] == layers["convolution"]["multiply_adds"]


def test_each_line_of_arithmetic_is_true():
    states = list(random_states(2, 60))
    for layers in node(NAME, "arithmetic", states):
        for line in (line for lines in layers.values() for line in lines):
            left, right = re.sub(r"places|inputs|under the kernel|parameters|multiply-adds|,", "", line).split("=")
            assert eval(left.replace("×", "*")) == int(right), line


def test_each_result_of_the_arithmetic_is_the_count():
    states = list(random_states(3, 60))
    for lines, layers in node(NAME, "(s) => [arithmetic(s), counts(s)]", states):
        for name, count in layers.items():
            assert lines[name][1].endswith(f"= {count['parameters']:,} parameters")
            assert lines[name][2].endswith(f"= {count['multiply_adds']:,} multiply-adds")


def test_memory_is_four_bytes_a_parameter():
    assert node(NAME, "mebibytes", [2**18, 150_529_000]) == [1, np.zeros(150_529_000, np.float32).nbytes / 2**20]


def test_rough_numbers_keep_three_digits_that_count():
    assert node(NAME, "rough", [574.219, 0.00122, 1234567.8, 99.96, 0]) == ["574", "0.00122", "1,234,568", "100", "0"]


def test_a_convolution_does_not_grow_with_the_image_but_its_work_does():
    small = next(random_states(4)) | {"side": 32, "bias": False}
    one, two = node(NAME, "counts", [small, small | {"side": 64}])
    growth = {(name, what): two[name][what] / one[name][what] for name in one for what in one[name]}
    assert growth["convolution", "parameters"] == 1 and growth["convolution", "multiply_adds"] == 4
    assert growth["dense", "parameters"] == growth["unshared", "parameters"] == 4


# States from a link or from Python


def test_any_state_becomes_a_valid_one():
    odd = [-1e9, 0, 3.6, 1e30, float("inf"), float("-inf"), float("nan"), None, "x", "12", [], [[9]], {"a": 1}, True]
    cleaned = node(NAME, "clean", [dict.fromkeys((*ENDS, "bias"), value) for value in odd] + [{}])
    for state in cleaned:
        ParameterExplosion(**state)  # refuses what is outside
        assert all(type(state[name]) is int for name in ENDS)
    middle = next(random_states(5)) | {"kernel_size": 3.6}
    assert node(NAME, "clean", [middle]) == [middle | {"kernel_size": 4}]


def test_page_and_python_have_the_same_limits_and_defaults():
    (limits,) = node(NAME, "() => LIMITS", [0])
    traits = ParameterExplosion.class_traits()
    assert limits == {name: [traits[name].min, traits[name].max, traits[name].default_value] for name in ENDS}


# Python


def test_words_and_picture_have_the_references_numbers():
    explorer = ParameterExplosion(side=224, channels=3, hidden_units=1000, filters=64, kernel_size=7)
    dense, convolution = dense_parameters(224 * 224 * 3, 1000), conv_parameters(7, 3, 64)
    for number in (dense, convolution, 224**2 * convolution):
        assert f"{number:,}" in explorer.describe()
    figure = explorer.to_figure()
    points = [line.get_xydata()[0].tolist() for line in figure.axes[0].lines if len(line.get_xdata()) == 1]
    assert points == [[224, dense], [224, 224**2 * convolution], [224, convolution]]
    plt.close(figure)


def test_every_example_is_a_valid_state():
    for preset in ParameterExplosion().presets.values():
        explorer = ParameterExplosion(**preset)
        assert {name: getattr(explorer, name) for name in preset} == preset


@pytest.mark.parametrize(
    ("traits", "said"),
    [
        ({"side": 7}, "should not be less than 8"),
        ({"side": 1025}, "should not be greater than 1024"),
        ({"channels": 0}, "should not be less than 1"),
        ({"kernel_size": 12}, "should not be greater than 11"),
        ({"hidden_units": "many"}, "expected an int"),
        ({"training_images": 0}, "should not be less than 1"),
    ],
    ids=str,
)
def test_bad_values_are_refused_in_a_sentence(traits, said):
    with pytest.raises(traitlets.TraitError) as caught:
        ParameterExplosion(**traits)
    assert said in str(caught.value) and "\n" not in str(caught.value)
