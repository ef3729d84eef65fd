"""PoolingAndShift: its JavaScript against the reference and torch's gradients, and its Python side."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
import traitlets
from widget_kit import Thrown, node

from course_utils.reference import (
    adaptive_avg_pool2d,
    adaptive_bins,
    avg_pool2d,
    blur_pool2d,
    max_pool2d,
    max_pool2d_backward,
)
from course_utils.widgets import PoolingAndShift

NAME = "pooling_and_shift"
METHODS = ("max", "average", "subsample", "blur", "max_blur", "adaptive")


def reference_pooled(state, image=None):
    """The pooled map by the reference; empty where no window fits."""
    x, window, stride = state["image"] if image is None else image, state["window"], state["stride"]
    try:
        match state["method"]:
            case "max":
                return max_pool2d(x, window, stride)
            case "average":
                return avg_pool2d(x, window, stride)
            case "subsample":
                return max_pool2d(x, 1, stride)
            case "blur":
                return blur_pool2d(x, stride)
            case "max_blur":
                return blur_pool2d(max_pool2d(x, window, 1), stride)
            case "adaptive":
                return adaptive_avg_pool2d(x, state["output_size"])
    except ValueError as error:
        assert "does not fit" in str(error)
        return np.zeros((0, 0))


def torch_pooled(state, x):
    def blurred(maps):
        weights = torch.tensor(np.outer([1, 2, 1], [1, 2, 1]) / 16)[None, None]
        return F.conv2d(F.pad(maps, (1, 1, 1, 1), "reflect"), weights, stride=state["stride"])

    return {
        "max": lambda: F.max_pool2d(x, state["window"], state["stride"]),
        "average": lambda: F.avg_pool2d(x, state["window"], state["stride"]),
        "subsample": lambda: x[:, :, :: state["stride"], :: state["stride"]],
        "blur": lambda: blurred(x),
        "max_blur": lambda: blurred(F.max_pool2d(x, state["window"], 1)),
        "adaptive": lambda: F.adaptive_avg_pool2d(x, state["output_size"]),
    }[state["method"]]()


def reference_shifted(state):
    image, dy, dx = state["image"], state["dy"], state["dx"]
    moved = np.roll(image, (dy, dx), axis=(0, 1))
    if state["border"] == "zero":
        padded = np.pad(image, 3)
        moved = padded[3 - dy : 3 - dy + image.shape[0], 3 - dx : 3 - dx + image.shape[1]]
    return moved


def drawn(seed, method, least=1):
    rng = np.random.default_rng(seed)
    dy, dx = map(int, rng.integers(-3, 4, 2))
    return {
        "image": rng.integers(-2, 5, rng.integers(least, 13, 2)),  # few values, many ties
        "method": method,
        "window": int(rng.integers(2, 5)),
        "stride": int(rng.integers(1, 5)),
        "output_size": int(rng.integers(1, 9)),
        "dx": dx,
        "dy": dy,
        "border": ["circular", "zero"][int(rng.integers(2))],
        "tolerance": float(rng.integers(0, 2)),
        "row": 0,
        "column": 0,
    }


STATES = [drawn([seed, i], method) for seed in range(25) for i, method in enumerate(METHODS)]


def test_shifts_and_pooled_maps_agree_in_all_modes():
    results = node(NAME, "(s) => [shifted(s), pooled(s), pooled(s, shifted(s)), pooledSize(s)]", STATES)
    for state, (moved, before, after, size) in zip(STATES, results, strict=True):
        wanted = reference_pooled(state)
        np.testing.assert_array_equal(moved, reference_shifted(state))
        assert tuple(size) == wanted.shape
        if wanted.size:
            np.testing.assert_allclose(before, wanted, atol=1e-12)
            np.testing.assert_allclose(after, reference_pooled(state, reference_shifted(state)), atol=1e-12)
        else:
            assert before == after == []
    assert any(not result[1] for result in results), "a window that does not fit must be among the cases"


def test_adaptive_bins_agree():
    cases = [(n, out) for n in range(1, 13) for out in range(1, 9)]
    assert node(NAME, "bins", cases) == [[list(one) for one in adaptive_bins(*case)] for case in cases]


def test_the_route_of_the_gradient_agrees_with_torch():
    cases, wanted = [], []
    for seed in range(12):
        for i, method in enumerate(METHODS):
            state, rng = drawn([seed, i], method, least=6), np.random.default_rng(seed)
            x = torch.tensor(state["image"], dtype=torch.float64)[None, None].requires_grad_()
            out = torch_pooled(state, x)
            row, column = (int(rng.integers(n)) for n in out.shape[2:])
            out[0, 0, row, column].backward()
            cases.append(state | {"row": row, "column": column})
            wanted.append(x.grad[0, 0].numpy())
    for state, found, expected in zip(cases, node(NAME, "gradient", cases), wanted, strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-12, err_msg=str(state))


def test_the_gradient_of_max_pooling_agrees_with_the_reference():
    for state in [drawn(seed, "max", least=4) for seed in range(8)]:
        upstream = np.zeros(reference_pooled(state).shape)
        upstream[-1, -1] = 1
        chosen = state | {"row": upstream.shape[0] - 1, "column": upstream.shape[1] - 1}
        expected = max_pool2d_backward(state["image"], upstream, state["window"], state["stride"])
        assert node(NAME, "gradient", [chosen]) == [expected.tolist()]


def test_windows_hold_all_pixels_with_a_share():
    windows = node(NAME, "(s) => pooledSize(s)[0] ? [windowOf(s, 0, 0), gradient(s)] : null", STATES)
    for found in filter(None, windows):
        box, gradient = found[0], np.array(found[1])
        outside = gradient.copy()
        outside[box["top"] : box["top"] + box["high"], box["left"] : box["left"] + box["wide"]] = 0
        assert not outside.any() and gradient.sum() == pytest.approx(1)


def test_what_survives_is_counted_as_the_reference_would():
    for state, found in zip(STATES, node(NAME, "survival", STATES), strict=True):
        before, after = reference_pooled(state), reference_pooled(state, reference_shifted(state))
        if not before.size:
            assert found["outputs"] == found["kept"] == 0
            continue

        def same(a, b, most=state["tolerance"] + 1e-9):
            return np.abs(a - b) <= most

        lit = (np.abs(before) > 1e-9) | (np.abs(after) > 1e-9)
        assert (found["outputs"], found["kept"]) == (before.size, same(before, after).sum())
        assert (found["lit"], found["keptLit"]) == (lit.sum(), (same(before, after) & lit).sum())
        assert found["change"] == pytest.approx(np.abs(after - before).mean())
        if np.abs(before).sum() > 0:
            assert found["relative"] == pytest.approx(np.abs(after - before).sum() / np.abs(before).sum())
        else:
            assert found["relative"] is None
        steps = [state | {"dy": dy, "dx": dx} for dy, dx in ((0, 1), (0, -1), (1, 0), (-1, 0))]
        kept = [same(before, reference_pooled(one, reference_shifted(one))).sum() for one in steps]
        assert found["step"] == [sum(kept), 4 * before.size]


@pytest.mark.parametrize("method", ["max", "average", "subsample"])
def test_a_shift_by_the_stride_only_moves_the_map(method):
    state = drawn(5, method) | {"image": np.random.default_rng(5).integers(0, 9, (8, 8)), "window": 2, "stride": 2}
    state |= {"border": "circular", "tolerance": 0}
    two, one, far = node(
        NAME, "survival", [state | move for move in ({"dx": 2, "dy": -2}, {"dx": 1, "dy": 0}, {"dx": -2, "dy": 0})]
    )
    assert two["along"] == far["along"] == [16, 16]
    assert one["along"] is None
    assert node(NAME, "survival", [state | {"border": "zero", "dx": 2, "dy": 0}])[0]["along"] == [12, 12]


def test_overlapping_windows_that_turn_around_the_border_are_not_all_kept():
    state = drawn(5, "max") | {"image": np.arange(64).reshape(8, 8), "window": 3, "stride": 1, "border": "circular"}
    kept, compared = node(NAME, "survival", [state | {"dx": 1, "dy": 0, "tolerance": 0}])[0]["along"]
    assert kept == compared == 30  # six rows, and the five of six columns that have a neighbour to come from


def test_the_words_name_the_winner_the_tie_and_the_shared_gradient():
    state = drawn(1, "max") | {"image": np.array([[1, 7], [7, 2]]), "window": 2, "stride": 2, "row": 0, "column": 0}
    won, shared = node(NAME, "routeText", [state, state | {"method": "average"}])
    assert "7, in row 0, column 1" in won and "2 pixels tie" in won and "first in reading order" in won
    assert shared == "The mean of 4 pixels is 4.25: each gets 1/4 of the gradient."


def test_overlapping_bins_and_left_over_pixels_are_said():
    state = drawn(1, "adaptive") | {"image": np.ones((7, 6)), "output_size": 3}
    assert node(NAME, "notes", [state]) == [
        [
            "Bins of rows: 0–2, 2–4, 4–6. In more than one bin: rows 2, 4.",
            "Bins of columns: 0–1, 2–3, 4–5. No two bins overlap.",
        ]
    ]
    (said,) = node(NAME, "notes", [state | {"method": "max", "window": 4, "stride": 2}])
    assert said == [
        "Windows overlap: they are 4 wide and only 2 apart.",
        "Left over at the end, read by no window: 1 row and 0 columns.",
    ]


def test_states_from_links_are_made_valid_or_refused():
    state = {
        "image": np.ones((5, 5)), "method": "median", "window": 9, "stride": None, "output_size": "x", "dx": 1e9,
        "dy": -7, "border": 3, "tolerance": -1, "route": "yes", "row": 99, "column": -1,
    }  # fmt: skip
    cleaned, broken = node(NAME, "clean", [state, state | {"image": [[1, 2], [3]]}])
    del cleaned["image"]
    assert cleaned == {
        "method": "max", "window": 4, "stride": 1, "output_size": 1, "dx": 3, "dy": -3, "border": "circular",
        "tolerance": 0, "route": True, "row": 1, "column": 0,
    }  # fmt: skip
    assert broken == Thrown("image is no table of up to 12 × 12 numbers")


@pytest.mark.parametrize("state", STATES[::4], ids=str)
def test_python_counts_what_the_browser_counts(state):
    text, before = PoolingAndShift(**state).describe(), reference_pooled(state)
    if before.size:
        change = np.abs(reference_pooled(state, reference_shifted(state)) - before)
        assert f"{(change <= state['tolerance'] + 1e-9).sum()} of {before.size} values are kept" in text
    else:
        assert "does not fit" in text


@pytest.mark.parametrize("method", METHODS)
def test_the_figure_shows_both_images_and_maps(method):
    figure = PoolingAndShift(method=method, row=9, column=9).to_figure()
    titles = [axis.get_title() for axis in figure.axes]
    assert titles == ["image", "shifted by (0, 1)", "", "pooled", "pooled after the shift", "difference"]


def test_the_figure_says_where_no_window_fits():
    figure = PoolingAndShift(image=np.ones((3, 3)), window=4).to_figure()
    assert figure.axes[4].texts[0].get_text() == "no window fits"


@pytest.mark.parametrize(
    ("trait", "value"),
    [
        ("method", "median"), ("window", 1), ("window", 5), ("stride", 0), ("output_size", 9), ("dx", 4), ("dy", -4),
        ("border", "reflect"), ("tolerance", -1), ("tolerance", float("nan")), ("image", np.ones((13, 2))), ("row", -1),
    ],
)  # fmt: skip
def test_values_that_are_none_are_refused_in_a_sentence(trait, value):
    with pytest.raises(traitlets.TraitError, match=r"^[^\n]+$"):
        PoolingAndShift(**{trait: value})
