"""Gradients of the reference against PyTorch's autograd, finite differences and examples by hand."""

import numpy as np
import pytest
import torch
from scipy.signal import convolve2d, correlate2d

from course_utils.reference import (
    conv2d,
    conv2d_backward,
    dense_relu_backward,
    numerical_gradient,
    relative_error,
)


def torch_gradients(image, kernel, upstream, **settings):
    """The same by autograd, axes turned to and fro."""
    x = torch.tensor(image.transpose(2, 0, 1)[None], requires_grad=True)
    w = torch.tensor(kernel.transpose(3, 2, 0, 1).copy(), requires_grad=True)
    b = torch.zeros(kernel.shape[3], dtype=torch.float64, requires_grad=True)
    maps = torch.nn.functional.conv2d(x, w, b, **settings)
    maps.backward(torch.tensor(upstream.transpose(2, 0, 1)[None].copy()))
    return x.grad[0].permute(1, 2, 0).numpy(), w.grad.permute(2, 3, 1, 0).numpy(), b.grad.numpy()


@pytest.mark.parametrize("seed", range(12))
def test_conv2d_backward_agrees_with_autograd(seed):
    rng = np.random.default_rng(seed)
    kh, kw, stride_rows, stride_columns, dilation = map(int, rng.integers(1, 4, 5))
    padding = tuple(map(int, rng.integers(0, 3, 2)))
    c_in, c_out = map(int, rng.integers(1, 4, 2))
    settings = {"stride": (stride_rows, stride_columns), "padding": padding, "dilation": dilation}
    image, kernel = rng.normal(size=(9, 8, c_in)), rng.normal(size=(kh, kw, c_in, c_out))
    upstream = rng.normal(size=conv2d(image, kernel, np.zeros(c_out), **settings).shape)
    ours = conv2d_backward(image, kernel, upstream, **settings)
    for mine, theirs in zip(ours, torch_gradients(image, kernel, upstream, **settings), strict=True):
        np.testing.assert_allclose(mine, theirs, atol=1e-12)


def test_the_gradient_of_a_kernel_is_a_correlation_and_that_of_the_image_a_full_convolution():
    rng = np.random.default_rng(0)
    image, kernel, upstream = (rng.integers(-5, 6, shape) for shape in ((6, 5), (3, 2), (4, 4)))
    for_image, for_kernel, for_bias = conv2d_backward(image, kernel, upstream)
    np.testing.assert_array_equal(for_kernel, correlate2d(image, upstream, mode="valid"))
    np.testing.assert_array_equal(for_image, convolve2d(upstream, kernel, mode="full"))
    assert for_bias == upstream.sum()


def test_one_filter_over_several_channels_and_several_filters_over_grey():
    rng = np.random.default_rng(1)
    image, kernel, upstream = (rng.normal(size=shape) for shape in ((5, 5, 2), (2, 2, 2), (4, 4)))
    one = conv2d_backward(image, kernel, upstream)
    many = conv2d_backward(image, kernel[..., None], upstream[..., None])
    for a, b in zip(one, many, strict=True):
        np.testing.assert_array_equal(a, b.reshape(np.shape(a)))
    grey = conv2d_backward(image[..., 0], rng.normal(size=(2, 2, 1, 3)), rng.normal(size=(4, 4, 3)))
    assert [np.shape(gradient) for gradient in grey] == [(5, 5), (2, 2, 1, 3), (3,)]


def test_pixels_that_no_window_reads_get_nothing():
    for_image, _, _ = conv2d_backward(np.ones((6, 6)), np.ones((3, 3)), np.ones((2, 2)), stride=2)
    assert (for_image[5] == 0).all() and (for_image[:, 5] == 0).all() and for_image[2, 2] == 4


def test_the_inputs_are_not_changed():
    arrays = [np.ones((4, 4)), np.ones((2, 2)), np.ones((3, 3))]
    conv2d_backward(*arrays)
    assert all((array == 1).all() for array in arrays)


@pytest.mark.parametrize(
    ("shapes", "message"),
    [
        (((4, 4), (2, 2), (2, 2)), "upstream has shape"),
        (((4, 4, 2), (2, 2, 3, 1), (3, 3, 1)), "3 channel"),
        (((4, 4), (5, 5), (1, 1)), "does not fit"),
        (((4, 4), (2,), (3, 3)), "a kernel has 2, 3 or 4 axes"),
        (((4,), (2, 2), (3, 3)), "an image has 2 or 3 axes"),
    ],
)
def test_shapes_that_do_not_fit_are_named(shapes, message):
    with pytest.raises(ValueError, match=message):
        conv2d_backward(*(np.ones(shape) for shape in shapes))


def test_a_negative_padding_is_refused():
    with pytest.raises(ValueError, match="padding"):
        conv2d_backward(np.ones((4, 4)), np.ones((2, 2)), np.ones((1, 1)), padding=-1)


@pytest.mark.parametrize("seed", range(4))
def test_dense_relu_backward_agrees_with_autograd(seed):
    rng = np.random.default_rng(seed)
    arrays = [rng.normal(size=shape) for shape in ((5, 3), (3, 4), (4,))]
    upstream = rng.normal(size=(5, 4))
    x, w, b = (torch.tensor(array, requires_grad=True) for array in arrays)
    torch.relu(x @ w + b).backward(torch.tensor(upstream))
    for mine, theirs in zip(dense_relu_backward(*arrays, upstream), (x, w, b), strict=True):
        np.testing.assert_allclose(mine, theirs.grad, atol=1e-12)


def test_dense_relu_backward_by_hand():
    x, w, b = [[1, 2]], [[1, 2], [1, -1]], [0, 0]  # sums 3 and 0: the second is not above zero
    for_x, for_w, for_b = dense_relu_backward(x, w, b, [[10, 100]])
    assert for_x.tolist() == [[10, 10]]
    assert for_w.tolist() == [[10, 0], [20, 0]]
    assert for_b.tolist() == [10, 0]


def test_dense_shapes_that_do_not_fit_are_named():
    with pytest.raises(ValueError, match=r"\(N, in\)"):
        dense_relu_backward(np.ones((5, 3)), np.ones((4, 3)), np.ones(3), np.ones((5, 3)))


def test_numerical_gradient_of_functions_with_known_gradients():
    x = np.random.default_rng(0).normal(size=(2, 3))
    np.testing.assert_allclose(numerical_gradient(lambda v: (v**3).sum(), x), 3 * x**2, atol=1e-8)
    # Central differences of a cube are off by exactly h².
    np.testing.assert_allclose(numerical_gradient(lambda v: (v**3).sum(), x, h=0.1), 3 * x**2 + 0.01, atol=1e-12)
    assert numerical_gradient(lambda v: v[0] * v[1], [2, 5], h=0.5).tolist() == [5, 2]


def test_numerical_gradient_agrees_with_conv2d_backward():
    rng = np.random.default_rng(2)
    image, kernel, upstream = (rng.normal(size=shape) for shape in ((5, 6, 2), (3, 2, 2, 2), (2, 3, 2)))

    def loss(x, w):
        return (conv2d(x, w, stride=2) * upstream).sum()

    for_image, for_kernel, _ = conv2d_backward(image, kernel, upstream, stride=2)
    assert relative_error(numerical_gradient(lambda x: loss(x, kernel), image), for_image) < 1e-9
    assert relative_error(numerical_gradient(lambda w: loss(image, w), kernel), for_kernel) < 1e-9


def test_numerical_gradient_leaves_x_as_it_was():
    x = np.array([0.1, 0.7])
    numerical_gradient(lambda v: v.sum(), x, h=0.3)
    assert x.tolist() == [0.1, 0.7]


@pytest.mark.parametrize("h", [0, -1e-5, float("nan")])
def test_a_step_that_is_not_positive_is_refused(h):
    with pytest.raises(ValueError, match="positive"):
        numerical_gradient(np.sum, [1.0], h)


def test_relative_error_by_hand():
    assert relative_error([3, 4], [3, 4]) == 0
    assert relative_error([3, 4], [-3, -4]) == 1
    assert relative_error([2], [1]) == pytest.approx(1 / 3)
    assert relative_error(np.zeros(3), np.zeros(3)) == 0
    with pytest.raises(ValueError, match="cannot be compared"):
        relative_error(np.ones(2), np.ones((2, 1)))
