"""Pooling of the reference against PyTorch, Keras and SciPy."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from scipy.ndimage import convolve

from course_utils.reference import (
    adaptive_avg_pool2d,
    adaptive_bins,
    avg_pool2d,
    blur_pool2d,
    max_pool2d,
    max_pool2d_backward,
)


def as_torch(image):
    return torch.tensor(np.asarray(image, dtype=float)).permute(2, 0, 1)[None]


def as_numpy(maps):
    return maps[0].permute(1, 2, 0).numpy()


def drawn(seed):
    """An image with ties, a window, a stride and a padding."""
    rng = np.random.default_rng(seed)
    size, stride = (tuple(map(int, rng.integers(1, 5, 2))) for _ in range(2))
    padding = tuple(int(rng.integers(0, k // 2 + 1)) for k in size)
    return rng.integers(-4, 4, size=(*rng.integers(4, 12, 2), 2)), size, stride, padding


@pytest.mark.parametrize("seed", range(20))
def test_max_and_average_pooling_agree_with_torch(seed):
    image, size, stride, padding = drawn(seed)
    expected = as_numpy(F.max_pool2d(as_torch(image), size, stride, padding))
    np.testing.assert_array_equal(max_pool2d(image, size, stride, padding), expected)
    for included in (True, False):
        expected = as_numpy(F.avg_pool2d(as_torch(image), size, stride, padding, count_include_pad=included))
        np.testing.assert_allclose(avg_pool2d(image, size, stride, padding, included), expected, atol=1e-12)


@pytest.mark.parametrize("seed", range(10))
def test_the_gradient_of_max_pooling_agrees_with_torch_in_ties_too(seed):
    image, size, stride, padding = drawn(seed)
    x = as_torch(image).requires_grad_()
    pooled = F.max_pool2d(x, size, stride, padding)
    upstream = torch.tensor(np.random.default_rng(seed).normal(size=pooled.shape))
    pooled.backward(upstream)
    gradient = max_pool2d_backward(image, as_numpy(upstream), size, stride, padding)
    np.testing.assert_allclose(gradient, as_numpy(x.grad), atol=1e-12)


@pytest.mark.parametrize("stride", [1, 2, 3])
def test_keras_agrees_without_padding_and_does_not_count_it_with_same(stride):
    import keras

    image = np.random.default_rng(stride).normal(size=(7, 9, 3)).astype("float32")
    expected = np.asarray(keras.ops.max_pool(image[None], 3, stride))[0]
    np.testing.assert_array_equal(max_pool2d(image, 3, stride), expected)
    expected = np.asarray(keras.ops.average_pool(image[None], 3, 1, padding="same"))[0]
    np.testing.assert_allclose(avg_pool2d(image, 3, 1, 1, count_include_pad=False), expected, atol=1e-6)


def test_tensorflow_gives_a_tie_to_the_first_too():
    import keras

    if keras.backend.backend() != "tensorflow":
        pytest.skip("TensorFlow is not the backend")
    import tensorflow as tf

    image = np.random.default_rng(3).integers(0, 3, size=(6, 6))
    variable = tf.Variable(image[None, :, :, None].astype("float32"))
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(tf.nn.max_pool2d(variable, 3, 2, "VALID"))
    expected = tape.gradient(total, variable).numpy()[0, :, :, 0]
    np.testing.assert_array_equal(max_pool2d_backward(image, np.ones((2, 2)), 3, 2), expected)


def test_pooling_by_hand():
    window = [[1, 9], [6, 7]]
    assert max_pool2d(window, 2).tolist() == [[9]]
    assert avg_pool2d(window, 2).tolist() == [[5.75]]
    assert max_pool2d_backward(window, [[2]], 2).tolist() == [[0, 2], [0, 0]]


def test_windows_overlap_where_the_stride_is_smaller():
    assert max_pool2d(np.arange(25).reshape(5, 5), 3, 2).tolist() == [[12, 14], [22, 24]]


def test_padding_never_wins_but_counts_in_the_mean():
    assert max_pool2d([[-5, -6], [-7, -8]], 2, 2, 1).tolist() == [[-5, -6], [-7, -8]]
    assert avg_pool2d([[-8]], (2, 2), 1, 1).tolist() == [[-2, -2], [-2, -2]]
    assert avg_pool2d([[-8]], (2, 2), 1, 1, count_include_pad=False).tolist() == [[-8, -8], [-8, -8]]


@pytest.mark.parametrize(("n", "out"), [(7, 3), (10, 4), (3, 5), (1, 1), (12, 5), (8, 8)])
def test_adaptive_bins_are_torchs(n, out):
    indicator = torch.eye(n)[None]  # row i is 1 at pixel i: which bins does it count in?
    reads = F.adaptive_avg_pool1d(indicator, out)[0].numpy() > 0
    assert adaptive_bins(n, out) == [(int(bins.argmax()), int(bins.nonzero()[0][-1]) + 1) for bins in reads.T]


@pytest.mark.parametrize("size", [1, 7, (3, 5), (12, 9)])
def test_adaptive_pooling_agrees_with_torch(size):
    image = np.random.default_rng(0).normal(size=(10, 8, 3))
    expected = as_numpy(F.adaptive_avg_pool2d(as_torch(image), size))
    np.testing.assert_allclose(adaptive_avg_pool2d(image, size), expected, atol=1e-12)


def test_adaptive_pooling_to_one_is_the_global_mean():
    image = np.random.default_rng(0).normal(size=(5, 6))
    np.testing.assert_allclose(adaptive_avg_pool2d(image, 1), [[image.mean()]])


@pytest.mark.parametrize("stride", [1, 2, 3, (2, 1)])
def test_blur_pooling_is_a_blur_and_then_a_choice(stride):
    image = np.random.default_rng(0).normal(size=(9, 7))
    rows, columns = stride if isinstance(stride, tuple) else (stride, stride)
    blurred = convolve(image, np.outer([1, 2, 1], [1, 2, 1]) / 16, mode="mirror")
    np.testing.assert_allclose(blur_pool2d(image, stride), blurred[::rows, ::columns], atol=1e-12)


def test_a_grey_image_gives_a_grey_map():
    assert max_pool2d(np.ones((4, 4)), 2).shape == avg_pool2d(np.ones((4, 4)), 2).shape == (2, 2)
    assert blur_pool2d(np.ones((4, 4)), 2).shape == adaptive_avg_pool2d(np.ones((4, 4)), 2).shape == (2, 2)


def test_inputs_that_do_not_fit_are_named():
    with pytest.raises(ValueError, match="does not fit"):
        max_pool2d(np.ones((2, 2)), 3)
    with pytest.raises(ValueError, match="more than half"):
        avg_pool2d(np.ones((4, 4)), 2, padding=2)
    with pytest.raises(ValueError, match=r"upstream has shape \(3, 3\)"):
        max_pool2d_backward(np.ones((4, 4)), np.ones((3, 3)), 2)
    with pytest.raises(ValueError, match="out is an integer of at least 1"):
        adaptive_avg_pool2d(np.ones((4, 4)), 0)
    with pytest.raises(ValueError, match="stride"):
        blur_pool2d(np.ones((4, 4)), 0)
