"""The convolution stepper: its JavaScript against the reference, its Python side against SciPy."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
import traitlets
from scipy.signal import convolve2d
from widget_kit import Thrown, node

from course_utils.reference import KERNELS, conv2d
from course_utils.widgets import ConvolutionStepper

NAME = "convolution_stepper"


def random_states(seed, count=60):
    """Images of 1 to 7 pixels a side, kernels of 1 to the image's side, 1 to 4 channels, both ways of sliding."""
    rng = np.random.default_rng(seed)
    for i in range(count):
        height, width, channels = *rng.integers(1, 8, 2), int(rng.integers(1, 5))
        kh, kw = rng.integers(1, height + 1), rng.integers(1, width + 1)
        whole = i % 2 == 0
        draw = (lambda *shape: rng.integers(-9, 256, shape)) if whole else (lambda *shape: rng.normal(size=shape))
        yield {
            "image": draw(height, width, channels),
            "kernel": draw(kh, kw, channels),
            "bias": float(rng.integers(-5, 6)) if i % 3 else 0.0,
            "flip": bool(i % 4 // 2),
            "row": int(rng.integers(height - kh + 1)),
            "column": int(rng.integers(width - kw + 1)),
        }


def turned(state):
    """The kernel as it is laid on the image."""
    return state["kernel"][::-1, ::-1] if state["flip"] else state["kernel"]


def test_feature_maps_are_the_references():
    states = list(random_states(1, 200))
    for state, computed in zip(states, node(NAME, "featureMap", states), strict=True):
        expected = conv2d(state["image"], turned(state), state["bias"])
        assert np.shape(computed) == expected.shape
        np.testing.assert_allclose(computed, expected, rtol=1e-9, atol=1e-9)


def test_whole_numbers_stay_exact():
    states = list(random_states(2))[::2]
    for state, computed in zip(states, node(NAME, "featureMap", states), strict=True):
        assert computed == conv2d(state["image"], turned(state), state["bias"]).tolist()


def test_a_turned_kernel_is_convolution_as_mathematics_means_it():
    states = [state | {"flip": True, "bias": 0.0} for state in random_states(3)]
    for state, computed in zip(states, node(NAME, "featureMap", states), strict=True):
        planes = zip(np.moveaxis(state["image"], 2, 0), np.moveaxis(state["kernel"], 2, 0), strict=True)
        expected = sum(convolve2d(plane, kernel, mode="valid") for plane, kernel in planes)
        np.testing.assert_allclose(computed, expected, rtol=1e-9, atol=1e-9)


def test_products_are_those_of_the_window_and_add_up_to_the_map():
    states = list(random_states(4))
    results = node(NAME, "(s) => [products(s), featureMap(s)[s.row][s.column]]", states)
    for state, (products, total) in zip(states, results, strict=True):
        kh, kw, _ = state["kernel"].shape
        window = state["image"][state["row"] :, state["column"] :][:kh, :kw]
        np.testing.assert_allclose(products, window * turned(state), rtol=1e-12)
        assert total == pytest.approx(np.sum(products) + state["bias"], rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("name", KERNELS)
def test_every_kernel_on_offer_gives_the_published_example_its_map(name):
    explorer = ConvolutionStepper(kernel=KERNELS[name])
    state = {"image": explorer.image, "kernel": explorer.kernel, "bias": 0, "flip": False}
    expected = conv2d(np.array(explorer.image), np.array(explorer.kernel))
    np.testing.assert_allclose(node(NAME, "featureMap", [state])[0], expected, atol=1e-12)


def test_a_kernel_is_cut_and_grown_around_its_middle():
    kernel = np.arange(1, 26).reshape(5, 5, 1)
    three, five, wide = node(NAME, "resized", [(kernel, 3), (kernel[1:4, 1:4], 5), (kernel, 1, 5)])
    assert np.array_equal(three, kernel[1:4, 1:4])
    assert np.array_equal(five, np.pad(kernel[1:4, 1:4], ((1, 1), (1, 1), (0, 0))))
    assert np.array_equal(wide, kernel[2:3])


# Any state that a link or Python may bring


def test_a_valid_state_is_left_as_it_is():
    states = list(random_states(5))
    for state, cleaned in zip(states, node(NAME, "clean", states), strict=True):
        assert {name: np.array(value).tolist() for name, value in state.items()} == cleaned


def test_an_impossible_position_moves_to_the_nearest_window():
    state = next(random_states(6)) | {"image": np.ones((5, 4, 1)), "kernel": np.ones((3, 2, 1))}
    asked = [(99, 99), (-3, -1), (1.4, 1.6), (float("nan"), float("inf")), ("x", None)]
    found = node(NAME, "clean", [state | {"row": row, "column": column} for row, column in asked])
    assert [(state["row"], state["column"]) for state in found] == [(2, 2), (0, 0), (1, 2), (0, 2), (0, 0)]


def test_kernel_and_bias_are_made_to_fit():
    image = np.ones((2, 6, 3))
    state = {"image": image, "kernel": np.arange(9.0).reshape(3, 3, 1), "bias": "x", "flip": 0, "row": 0, "column": 0}
    (cleaned,) = node(NAME, "clean", [state])
    assert np.shape(cleaned["kernel"]) == (2, 3, 3)
    assert cleaned["bias"] == 0
    assert np.isfinite(node(NAME, "featureMap", [cleaned])[0]).all()


@pytest.mark.parametrize("image", [[[1]], [], None, "x", [[[1], [2]], [[1]]], [[[1]], [["x"]]]], ids=str)
def test_what_cannot_be_an_image_is_refused(image):
    state = {"image": image, "kernel": [[[1]]], "bias": 0, "flip": False, "row": 0, "column": 0}
    (refused,) = node(NAME, "clean", [state])
    assert isinstance(refused, Thrown)


# Python


def test_words_and_picture_agree_with_the_reference():
    rng = np.random.default_rng(7)
    image, kernel = rng.integers(0, 9, (5, 6, 2)), rng.integers(-3, 4, (2, 3, 2))
    explorer = ConvolutionStepper(image=image, kernel=kernel, bias=-2.5, flip=True, row=3, column=1)
    expected = conv2d(image, kernel[::-1, ::-1], -2.5)
    value = f"{expected[3, 1]:g}".replace("-", "−")
    assert explorer.describe() == (
        "A kernel of 2 × 3 on an image of 5 × 6. In the window at row 3, column 1, 12 products and the bias add up to "
        f"{value}."
    )
    figure = explorer.to_figure()
    (drawn,) = [ax for ax in figure.axes if ax.get_title() == "feature map"]
    np.testing.assert_allclose(drawn.images[0].get_array(), expected)
    plt.close(figure)


def test_a_new_image_takes_the_kernel_along():
    explorer = ConvolutionStepper(kernel=KERNELS["laplacian"])
    explorer.image = np.ones((5, 5, 3))
    assert np.array_equal(explorer.kernel, np.repeat(KERNELS["laplacian"][..., None], 3, axis=2))
    explorer.image = np.ones((1, 5))
    assert np.array_equal(explorer.kernel, KERNELS["laplacian"][1:2, :, None])


def test_a_position_beyond_the_map_means_its_last_window():
    assert "row 2, column 2" in ConvolutionStepper(row=50, column=50).describe()


@pytest.mark.parametrize(
    ("traits", "said"),
    [
        ({"kernel": np.ones((3, 3, 2))}, "the image has 1 channel(s), so the kernel needs as many, not 2"),
        ({"kernel": np.ones((7, 3))}, "a kernel of 7 × 3 does not fit into an image of 5 × 5"),
        ({"kernel": np.ones((8, 8))}, "axes of 1 to 7 numbers"),
        ({"image": np.ones((17, 3))}, "axes of 1 to 16 numbers"),
        ({"image": np.full((3, 3), np.nan)}, "every number must be finite"),
        ({"bias": np.inf}, "the bias must be finite"),
        ({"bias": "much"}, "expected a float"),
        ({"row": -1}, "should not be less than 0"),
    ],
    ids=str,
)
def test_bad_values_are_refused_in_a_sentence(traits, said):
    with pytest.raises(traitlets.TraitError) as caught:
        ConvolutionStepper(**traits)
    assert said in str(caught.value) and "\n" not in str(caught.value)
