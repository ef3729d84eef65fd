"""PaddingAndStride: its JavaScript against the reference, and its Python side."""

import numpy as np
import pytest
import traitlets
from widget_kit import Thrown, node

from course_utils.reference import (
    KERNELS,
    PADDING_MODES,
    conv2d,
    pad2d,
    padding_sources,
    same_padding_keras,
    same_padding_torch,
    touch_counts,
)
from course_utils.widgets import PaddingAndStride

NAME = "padding_and_stride"


def reference_sides(state):
    """((top, bottom), (left, right)), or None where PyTorch refuses."""
    shapes = zip(state["image"].shape, state["kernel"].shape, strict=True)
    stride, dilation = state["stride"], state["dilation"]
    if state["padding"] == "same_keras":
        return tuple(same_padding_keras(n, k, stride, dilation) for n, k in shapes)
    if state["padding"] == "same_torch":
        try:
            return tuple(same_padding_torch(k, stride, dilation) for _, k in shapes)
        except ValueError:
            return None
    return ((state["padding"],) * 2,) * 2


def reference_output(state):
    """The output map, or an empty list where the reference, PyTorch or Keras refuse."""
    sides = reference_sides(state)
    keras_refuses = state["padding"] == "same_keras" and min(state["stride"], state["dilation"]) > 1
    if sides is None or keras_refuses:
        return []
    try:
        padded = pad2d(state["image"], sides, state["mode"])
        return conv2d(padded, state["kernel"], stride=state["stride"], dilation=state["dilation"]).tolist()
    except ValueError as error:
        assert "does not fit" in str(error)
        return []


def drawn(seed, mode, padding):
    rng = np.random.default_rng(seed)
    stride, dilation = map(int, rng.integers(1, 4, 2))
    return {
        "image": rng.integers(-9, 10, rng.integers(1, 13, 2)),
        "kernel": rng.integers(-4, 5, rng.integers(1, 6, 2)),
        "mode": mode,
        "padding": padding,
        "stride": stride,
        "dilation": dilation,
    }


PADDINGS = (0, 1, 2, 3, 4, "same_keras", "same_torch")
STATES = [
    drawn([seed, i, j], mode, padding)
    for seed in range(8)
    for i, mode in enumerate(PADDING_MODES)
    for j, padding in enumerate(PADDINGS)
]


def test_sources_agree_in_all_modes():
    cases = [(n, before, 3, mode) for mode in PADDING_MODES for n in (1, 2, 3, 7) for before in (0, 1, 4, 9)]
    assert node(NAME, "sources", cases) == [padding_sources(*case).tolist() for case in cases]


def test_padded_images_outputs_and_touch_counts_agree_in_all_modes():
    results = node(NAME, "(s) => [geometry(s), padded(s), outputMap(s), touches(s)]", STATES)
    with_output = 0
    for state, (geometry, padded, output, touches) in zip(STATES, results, strict=True):
        wanted, sides = reference_output(state), reference_sides(state)
        with_output += bool(wanted)
        assert bool(geometry["refused"]) == (wanted == []), state
        assert output == wanted, state
        if sides:
            assert geometry["pad"] == [list(both) for both in sides]
            assert padded == pad2d(state["image"], sides, state["mode"]).tolist()
        if wanted:
            assert geometry["out"] == list(np.shape(wanted))
            counts = {"kernel_size": state["kernel"].shape, "stride": state["stride"], "dilation": state["dilation"]}
            expected = touch_counts(state["image"].shape, padding=sides, mode=state["mode"], **counts)
            assert touches["pixels"] == expected.tolist()
            assert touches["cells"] == touch_counts(np.shape(padded), **counts).tolist()
    assert 0 < with_output < len(STATES), "both kinds must be among the cases"


def test_the_frame_is_where_windows_read_padding():
    state = {"image": np.full((5, 5), 9), "kernel": np.ones((3, 3)), "stride": 1, "dilation": 1, "padding": 1}
    zero, reflect, valid = node(
        NAME, "frame", [state | {"mode": "zero"}, state | {"mode": "reflect"}, state | {"mode": "zero", "padding": 0}]
    )
    assert zero == {"frame": pytest.approx((4 * 36 + 12 * 54) / 16), "inside": 81, "outputs": 25}
    assert reflect["frame"] == reflect["inside"] == 81
    assert valid == {"frame": None, "inside": 81, "outputs": 9}


def test_only_circular_padding_moves_along_everywhere():
    image = np.random.default_rng(0).integers(0, 10, (6, 6))
    state = {"image": image, "kernel": KERNELS["sobel vertical edges"], "stride": 1, "dilation": 1, "padding": 1}
    moved = dict(
        zip(PADDING_MODES, node(NAME, "movesAlong", [state | {"mode": mode} for mode in PADDING_MODES]), strict=True)
    )
    for mode, (kept, asked) in moved.items():
        before, after = (conv2d(pad2d(x, 1, mode), state["kernel"]) for x in (image, np.roll(image, 1, axis=1)))
        assert (kept, asked) == ((after == np.roll(before, 1, axis=1)).sum(), 36)
        assert (kept == asked) == (mode == "circular")
    assert node(NAME, "movesAlong", [state | {"mode": "zero", "padding": 0}]) == [[12, 12]]
    assert node(NAME, "movesAlong", [state | {"mode": "circular", "stride": 2}]) == [[9, 9]]


def test_the_formula_is_written_with_its_numbers():
    state = {"image": np.ones((7, 8)), "kernel": np.ones((3, 3)), "stride": 2, "dilation": 1, "padding": 0}
    assert node(NAME, "sizeFormula", [(state | {"mode": "zero"}, 1)]) == [
        "⌊(8 + 0 + 0 − 1·(3 − 1) − 1) / 2⌋ + 1 = ⌊2.5⌋ + 1 = 3"
    ]
    assert node(NAME, "sizeFormula", [(state | {"image": np.ones((2, 2))}, 0)])[0].endswith("= 0: no window fits")


def test_weights_are_said_exactly():
    assert node(NAME, "asFraction", [1 / 9, 2, -1 / 16, 0, 0.5, 1 / 3, 0.123456789]) == [
        "1/9", "2", "−1/16", "0", "1/2", "1/3", "0.12"
    ]  # fmt: skip


def test_the_code_that_is_shown_computes_the_same():
    import keras
    import torch

    ran, states = {"torch": 0, "keras": 0}, STATES[::2]  # there are 35 kinds, an odd number: all are among them
    for state, code in zip(states, node(NAME, "asCode", states), strict=True):
        wanted, image = reference_output(state), state["image"].astype("float32")
        for framework, text in code.items():
            if text.startswith("#"):
                assert wanted == [] or "symmetric" in text or "stride and a dilation" in text
                continue
            channels_first = framework == "torch"
            x = torch.tensor(image)[None, None] if channels_first else image[None, :, :, None]
            names = {"np": np, "torch": torch, "keras": keras, "x": x}
            try:
                exec(text, names)
                layer, x, kernel = names["layer"], names["x"], state["kernel"].astype("float32")
                if channels_first:
                    layer.weight.data = torch.tensor(kernel)[None, None]
                    found = layer(x)[0, 0].detach().numpy()
                else:
                    layer.build(x.shape)
                    layer.set_weights([kernel[:, :, None, None]])
                    found = np.asarray(layer(x))[0, :, :, 0]
            except Exception as error:  # too much for the frameworks, as the notes say
                said = node(NAME, "notes", [state])[0]
                assert any("refuse" in line for line in said), (text, error)
                continue
            np.testing.assert_allclose(found, wanted, atol=1e-3, err_msg=text)
            ran[framework] += 1
    assert min(ran.values()) > len(states) / 4


def test_pixels_that_no_window_reads_are_counted():
    state = {"image": np.ones((6, 6)), "kernel": np.ones((3, 3)), "stride": 2, "dilation": 1, "padding": 0}
    (said,) = node(NAME, "notes", [state | {"mode": "zero"}])
    assert any("11 cells" in line and "11 of them in the image" in line for line in said)


def test_a_mean_stays_a_mean_when_it_grows_and_other_kernels_keep_their_middle():
    mean, sobel = node(NAME, "resized", [(np.full((3, 3), 1 / 9), 2, 5), (KERNELS["sobel vertical edges"], 5, 1)])
    assert mean == np.full((2, 5), 1 / 10).tolist()
    assert sobel == [[0]] * 5
    assert node(NAME, "resized", [([[1, 2], [3, 4]], 3, 3)]) == [[[0, 0, 0], [0, 1, 2], [0, 3, 4]]]


def test_states_from_links_are_made_valid_or_refused():
    state = {
        "image": np.ones((3, 3)), "kernel": np.ones((2, 2)), "mode": "mirror", "padding": 99, "stride": "x",
        "dilation": -2, "view": None, "row": 1e9, "column": None, "cell_row": -99, "cell_column": 99,
    }  # fmt: skip
    cleaned, broken, ragged, huge = node(
        NAME,
        "clean",
        [state, state | {"image": None}, state | {"kernel": [[1], [1, 2]]}, state | {"image": np.ones((13, 1))}],
    )
    assert (cleaned["mode"], cleaned["padding"], cleaned["stride"], cleaned["dilation"]) == ("zero", 4, 1, 1)
    assert (cleaned["row"], cleaned["column"], cleaned["cell_row"], cleaned["cell_column"]) == (9, 0, -4, 6)
    assert broken == huge == Thrown("image is no table of up to 12 × 12 numbers")
    assert ragged == Thrown("kernel is no table of up to 5 × 5 numbers")


@pytest.mark.parametrize("state", STATES[::3], ids=str)
def test_python_shows_what_the_browser_computes(state):
    explorer, wanted = PaddingAndStride(**state), reference_output(state)
    text = explorer.describe()
    if wanted:
        assert f"an output of {len(wanted)} × {len(wanted[0])}, {wanted[0][0]:g} in".replace("-", "−") in text
    else:
        assert "refuses" in text or "does not fit" in text


@pytest.mark.parametrize("padding", [1, "same_torch"])
def test_the_figure_shows_padded_image_kernel_and_output_or_none(padding):
    figure = PaddingAndStride(stride=2, padding=padding, row=9).to_figure()
    titles = [axis.get_title() or axis.texts[0].get_text() for axis in figure.axes]
    assert titles == ["padded image (zero)", "kernel", "output map" if padding == 1 else "no output"]


def test_valid_is_no_padding():
    assert PaddingAndStride(padding="valid").padding == 0


@pytest.mark.parametrize(
    ("trait", "value"),
    [
        ("padding", 5), ("padding", -1), ("padding", "full"), ("padding", True), ("padding", [1]), ("mode", "mirror"),
        ("stride", 0), ("stride", 4), ("dilation", 9), ("image", np.ones((13, 3))), ("image", [[np.nan]]),
        ("kernel", np.ones((6, 1))), ("kernel", "x"), ("view", "all"), ("row", -1),
    ],
)  # fmt: skip
def test_values_that_are_none_are_refused_in_a_sentence(trait, value):
    with pytest.raises(traitlets.TraitError, match=r"^[^\n]+$"):
        PaddingAndStride(**{trait: value})
