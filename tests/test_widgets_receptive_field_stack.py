"""The receptive field stack: its JavaScript against the reference, its Python side against gradients."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
import traitlets
from widget_kit import Thrown, node

from course_utils.reference import output_size, paths_to_unit, receptive_field
from course_utils.widgets import ReceptiveFieldStack
from course_utils.widgets.receptive_field_stack import PRESETS

NAME = "receptive_field_stack"


def random_states(seed, count=150):
    """Stacks of 1 to 7 layers with every number at work, on 8 to 90 pixels; some do not fit."""
    rng = np.random.default_rng(seed)
    numbers = ((1, 2, 3, 3, 5, 7), (1, 1, 1, 2, 3), (0, 1, 2, 3, 6), (1, 1, 2, 4))
    for _ in range(count):
        layers = [
            [str(rng.choice(["conv", "pool"])), *(int(rng.choice(some)) for some in numbers)]
            for _ in range(rng.integers(1, 8))
        ]
        state = {"size": int(rng.integers(8, 91)), "layers": layers, "layer": int(rng.integers(1, len(layers) + 1))}
        units = outputs(state)[: state["layer"]][-1]
        yield state | {"unit": int(rng.integers(units)) if units else 0}


def outputs(state):
    """Units after each layer by the reference; None from the first layer on that does not fit."""
    sizes = [state["size"]]
    for _, *layer in state["layers"]:
        try:
            sizes.append(None if sizes[-1] is None else output_size(sizes[-1], *layer))
        except ValueError:
            sizes.append(None)
    return sizes[1:]


def fitting(states):
    return [state for state in states if outputs(state)[state["layer"] - 1]]


def below(state):
    return [tuple(layer[1:]) for layer in state["layers"][: state["layer"]]]


def test_outputs_fields_jumps_and_starts_are_the_references():
    states = list(random_states(1))
    for state, rows in zip(states, node(NAME, "walk", states), strict=True):
        fields = receptive_field(layer[1:] for layer in state["layers"])
        assert [(row["size"], row["jump"], row["start"]) for row in rows[1:]] == fields
        assert [row["output"] for row in rows] == [state["size"], *outputs(state)]
    assert any(None in outputs(state) for state in states), "no stack that does not fit was tried"


def test_a_stack_that_cannot_be_built_is_explained_and_no_other():
    states = list(random_states(2))
    for state, why in zip(states, node(NAME, "fault", states), strict=True):
        sizes = outputs(state)
        if None in sizes:
            assert why.startswith(f"Layer {sizes.index(None) + 1} cannot be built: its kernel spans ")
        else:
            assert why is None


def test_paths_are_the_references_exactly():
    states = fitting(random_states(3))
    for state, paths in zip(states, node(NAME, "(s) => paths(s)[0].paths", states), strict=True):
        assert paths == paths_to_unit(below(state), state["size"], state["unit"]).tolist()


def test_the_field_is_centred_where_start_and_jump_say():
    states = fitting(random_states(4))
    for state, ends in zip(states, node(NAME, "field", states), strict=True):
        field = receptive_field(below(state))[-1]
        assert ends["high"] - ends["low"] + 1 == field.size
        assert (ends["low"] + ends["high"]) / 2 == field.start + state["unit"] * field.jump


def test_coverage_counts_the_pixels_of_every_unit():
    states = fitting(random_states(5, 40))
    for state, layers in zip(states, node(NAME, "coverage", states), strict=True):
        counts = layers[state["layer"] - 1]
        seen = [np.count_nonzero(paths_to_unit(below(state), state["size"], unit)) for unit in range(len(counts))]
        assert counts == seen


def test_no_unit_of_the_published_net_sees_the_whole_image():
    size, layers = PRESETS["published CIFAR-10 net"]
    state = {"size": size, "layers": layers, "layer": 8, "unit": 0}
    (counts,), (reply,) = node(NAME, "(s) => coverage(s)[7]", [state]), node(NAME, "answer", [state])
    assert receptive_field(layer[1:] for layer in layers)[7].size == size
    assert max(counts) == 30 and reply.startswith("No: in layer 8 the best sees 30 of 32 pixels")


def test_holes_of_equal_dilations_stay_and_are_closed_by_growing_ones():
    seen = {}
    for name in ("dilation 2, 2, 2", "dilation 1, 2, 4"):
        size, layers = PRESETS[name]
        (seen[name],) = node(NAME, "(s) => paths(s)[0].paths.flatMap((n, i) => (n ? [i] : []))",
                             [{"size": size, "layers": layers, "layer": 3, "unit": 15}])  # fmt: skip
    assert seen == {"dilation 2, 2, 2": list(range(9, 22, 2)), "dilation 1, 2, 4": list(range(8, 23))}


@pytest.mark.parametrize(("counts", "pixels"), [([0, 0], 0), ([5], 1), ([1, 2, 1], 1), ([1, 1, 1, 1, 1], 3)])
def test_half_of_the_paths(counts, pixels):
    assert node(NAME, "half", [(counts,)]) == [pixels]


def test_any_state_from_a_link_is_made_valid():
    wild = [
        {"size": 1e9, "layers": [["conv", 99, -1, 0.4, None]], "layer": 7, "unit": -3},
        {"size": "x", "layers": [["elephant"], []] * 40, "layer": None, "unit": 1e9},
    ]
    for state in node(NAME, "clean", wild):
        checked = ReceptiveFieldStack(**state)
        assert 1 <= state["layer"] <= len(state["layers"]) and checked.layers == state["layers"]
        units = outputs(state)[state["layer"] - 1]
        assert 0 <= state["unit"] < (units or 1)
    for nothing in (None, [], "three", [3]):
        assert isinstance(node(NAME, "clean", [{"size": 8, "layers": nothing}])[0], Thrown)


def test_layers_may_be_written_short():
    stack = ReceptiveFieldStack(layers=[("conv", 3), ("pool", 2), ("conv", 5, 2, 1)])
    assert stack.layers == [["conv", 3, 1, 0, 1], ["pool", 2, 2, 0, 1], ["conv", 5, 2, 1, 1]]


@pytest.mark.parametrize(
    ("traits", "says"),
    [
        ({"layers": []}, "1 to 24 layers"),
        ({"layers": [("dense", 3)]}, "layer 1 is .*'conv' or 'pool'.*dense"),
        ({"layers": [("conv", 3), ("conv", 0)]}, "kernel of layer 2 is between 1 and 15, not 0"),
        ({"layers": [("conv", 3, 1.5)]}, "stride of layer 1 is a whole number"),
        ({"size": 4}, "size"),
    ],
)
def test_bad_values_are_refused_in_a_sentence(traits, says):
    with pytest.raises(traitlets.TraitError, match=says):
        ReceptiveFieldStack(**traits)


def test_it_describes_what_a_unit_sees():
    assert ReceptiveFieldStack().describe() == (
        "A stack of 9 on 32 pixels. Unit 3 of layer 8 sees pixels −2 to 29: 32 pixels, 2 of them padding; "
        "30 of the image's 32 are connected to it."
    )
    assert "no unit is left" in ReceptiveFieldStack(size=8, layers=[("conv", 15)]).describe()


@pytest.mark.parametrize("traits", [{}, {"size": 8, "layers": [("conv", 15)]}])
def test_it_draws_itself(traits):
    stack = ReceptiveFieldStack(**traits)
    figure = stack.to_figure()
    shares = [bar.get_height() for bar in figure.axes[0].patches]
    assert sum(shares) == pytest.approx(0 if traits else 100)
    assert [ax.get_xlabel() for ax in figure.axes] == ["pixel", "column (pixels)"]
    plt.close(figure)
