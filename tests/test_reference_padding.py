"""Padding of the reference against NumPy, PyTorch and Keras."""

import re

import numpy as np
import pytest
import torch

from course_utils.reference import (
    PADDING_MODES,
    conv2d,
    output_size,
    pad2d,
    padding_sources,
    same_padding_keras,
    same_padding_torch,
    touch_counts,
)

TORCH_MODES = {"zero": "constant", "reflect": "reflect", "replicate": "replicate", "circular": "circular"}


@pytest.mark.parametrize("mode", PADDING_MODES)
@pytest.mark.parametrize("seed", range(8))
def test_pad2d_agrees_with_numpy_even_far_beyond_the_image(mode, seed):
    rng = np.random.default_rng(seed)
    image = rng.integers(0, 256, size=(*rng.integers(1, 6, 2), 3)).astype(np.uint8)
    sides = tuple(tuple(map(int, rng.integers(0, 12, 2))) for _ in range(2))
    padded = pad2d(image, sides, mode)
    np.testing.assert_array_equal(padded, np.pad(image, (*sides, (0, 0)), mode=PADDING_MODES[mode]))
    np.testing.assert_array_equal(padded, pad2d(image, sides, PADDING_MODES[mode]))
    np.testing.assert_array_equal(padded[..., 0], pad2d(image[..., 0], sides, mode))


@pytest.mark.parametrize("mode", TORCH_MODES)
def test_pad2d_agrees_with_torch(mode):
    image = np.random.default_rng(1).normal(size=(5, 7))
    top, bottom, left, right = 1, 4, 3, 2
    expected = torch.nn.functional.pad(torch.tensor(image)[None], (left, right, top, bottom), TORCH_MODES[mode])[0]
    np.testing.assert_array_equal(pad2d(image, ((top, bottom), (left, right)), mode), expected)


def test_the_five_modes_by_hand():
    line = {mode: pad2d([[1, 2, 3]], (0, 2), mode)[0].tolist() for mode in PADDING_MODES}
    assert line == {
        "zero": [0, 0, 1, 2, 3, 0, 0],
        "reflect": [3, 2, 1, 2, 3, 2, 1],
        "symmetric": [2, 1, 1, 2, 3, 3, 2],
        "replicate": [1, 1, 1, 2, 3, 3, 3],
        "circular": [2, 3, 1, 2, 3, 1, 2],
    }


def test_zero_padding_takes_another_value_and_integers_stay_exact():
    assert pad2d([[5]], 1, value=9).tolist() == [[9, 9, 9], [9, 5, 9], [9, 9, 9]]
    assert pad2d([[5]], 1, value=9).dtype == np.int64


def test_the_image_is_not_changed():
    image = np.ones((2, 2))
    pad2d(image, 0)[:] = 7
    assert (image == 1).all()


def test_sources_say_where_each_pixel_comes_from():
    assert padding_sources(3, 1, 2, "zero").tolist() == [-1, 0, 1, 2, -1, -1]
    assert padding_sources(3, 1, 2, "reflect").tolist() == [1, 0, 1, 2, 1, 0]


@pytest.mark.parametrize("amount", [1.5, (1, 2, 3), ((1, 2), (3,)), "1", None])
def test_an_amount_that_is_none_is_named(amount):
    with pytest.raises(ValueError, match=re.escape(repr(amount))):
        pad2d(np.ones((3, 3)), amount)


def test_negative_amounts_and_unknown_modes_are_refused():
    with pytest.raises(ValueError, match="negative"):
        pad2d(np.ones((3, 3)), ((0, -1), (0, 0)))
    with pytest.raises(ValueError, match="zero, reflect, symmetric, replicate, circular"):
        pad2d(np.ones((3, 3)), 1, "mirror")


def keras_amounts(n, k, stride, dilation):
    """What Keras adds along one axis, seen from outside: a kernel of one 1 reads the position, or a zero."""
    import keras

    line = np.arange(1, n + 1, dtype="float32").reshape(1, 1, n, 1)
    first = np.zeros((1, k, 1, 1), "float32")
    first[0, 0] = 1
    last = first[:, ::-1]
    reads = [
        np.asarray(
            keras.ops.conv(line, kernel, strides=(1, stride), padding="same", dilation_rate=(1, dilation))
        ).ravel()
        for kernel in (first, last)
    ]
    return reads[0], reads[1]


@pytest.mark.parametrize(
    ("n", "k", "stride", "dilation"),
    [(n, k, s, 1) for n in (4, 7, 9) for k in (1, 2, 3, 5) for s in (1, 2, 3)]
    + [(9, 3, 1, 2), (9, 2, 1, 3), (9, 4, 1, 2)],
)
def test_same_amounts_of_keras(n, k, stride, dilation):
    before, after = same_padding_keras(n, k, stride, dilation)
    first, last = keras_amounts(n, k, stride, dilation)
    places = np.arange(len(first)) * stride - before  # of each window's first pixel
    ends = places + dilation * (k - 1)
    assert len(first) == -(-n // stride) == output_size(n + before + after, k, stride, 0, dilation)
    assert first.tolist() == [p + 1 if 0 <= p < n else 0 for p in places]
    assert last.tolist() == [p + 1 if 0 <= p < n else 0 for p in ends]
    if k > 1 and before + after:
        assert max(ends[-1] - n + 1, 0) == after


def test_same_of_keras_lengthens_an_even_input_on_one_side_only():
    assert same_padding_keras(8, 3, stride=2) == (0, 1)
    assert same_padding_keras(7, 3, stride=2) == (1, 1)


@pytest.mark.parametrize("dilation", [1, 2, 3])
@pytest.mark.parametrize("k", [1, 2, 3, 4, 5])
def test_same_amounts_of_torch(k, dilation):
    layer = torch.nn.Conv2d(1, 1, k, padding="same", dilation=dilation, bias=False).double()
    image = np.random.default_rng(k).normal(size=(6, 8))
    sides = (same_padding_torch(k, dilation=dilation),) * 2
    kernel = layer.weight.detach().numpy()[0, 0]
    expected = layer(torch.tensor(image)[None]).detach().numpy()[0]
    np.testing.assert_allclose(conv2d(pad2d(image, sides), kernel, dilation=dilation), expected, atol=1e-12)


def test_torch_refuses_same_with_a_stride_and_so_does_the_reference():
    with pytest.raises(ValueError, match="stride"):
        torch.nn.Conv2d(1, 1, 3, padding="same", stride=2)
    with pytest.raises(ValueError, match="stride of 2"):
        same_padding_torch(3, stride=2)


def test_the_corner_is_touched_least():
    valid, same = touch_counts((5, 5), 3), touch_counts((5, 5), 3, padding=1)
    assert (valid[0, 0], valid[0, 2], valid[2, 2]) == (1, 3, 9)
    assert (same[0, 0], same[0, 2], same[2, 2]) == (4, 6, 9)
    assert (touch_counts((5, 5), 3, padding=1, mode="circular") == 9).all()


@pytest.mark.parametrize("mode", TORCH_MODES)
@pytest.mark.parametrize("seed", range(5))
def test_touch_counts_are_the_gradient_of_a_sum_of_ones(mode, seed):
    rng = np.random.default_rng(seed)
    kernel, stride, dilation = (tuple(map(int, rng.integers(1, 4, 2))) for _ in range(3))
    sides = tuple(tuple(map(int, rng.integers(0, 4, 2))) for _ in range(2))
    image = torch.zeros(1, 1, 7, 8, requires_grad=True)
    padded = torch.nn.functional.pad(image, (*sides[1], *sides[0]), TORCH_MODES[mode])
    torch.nn.functional.conv2d(padded, torch.ones(1, 1, *kernel), stride=stride, dilation=dilation).sum().backward()
    np.testing.assert_array_equal(touch_counts((7, 8), kernel, stride, sides, dilation, mode), image.grad[0, 0])


def test_touch_counts_of_a_kernel_that_does_not_fit():
    with pytest.raises(ValueError, match="does not fit"):
        touch_counts((3, 3), 5)
