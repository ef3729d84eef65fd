"""Activation functions and softmax of the reference against PyTorch and SciPy."""

import numpy as np
import pytest
import scipy.special
import torch
import torch.nn.functional as F

from course_utils.reference import dead_units, elu, leaky_relu, log_softmax, logsumexp, relu, sigmoid, softmax

POINTS = np.concatenate([np.linspace(-6, 6, 49), [-1000.0, 1000.0, 0.0]])


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (relu, F.relu),
        (leaky_relu, F.leaky_relu),
        (lambda z: leaky_relu(z, 0.3), lambda z: F.leaky_relu(z, 0.3)),
        (elu, F.elu),
        (lambda z: elu(z, 0.5), lambda z: F.elu(z, 0.5)),
        (sigmoid, torch.sigmoid),
    ],
)
def test_activations_agree_with_torch(ours, theirs):
    np.testing.assert_allclose(ours(POINTS), theirs(torch.tensor(POINTS)), atol=1e-12)


def test_sigmoid_agrees_with_scipy_far_out_and_does_not_overflow():
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        np.testing.assert_allclose(sigmoid(POINTS), scipy.special.expit(POINTS), rtol=1e-12)


def test_integers_are_taken_as_numbers():
    assert sigmoid(0) == 0.5
    assert relu([-1, 2]).tolist() == [0, 2]
    assert leaky_relu([-1, 2], 0.5).tolist() == [-0.5, 2]


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("scale", [1, 30, 1000])
def test_softmax_agrees_with_scipy(seed, scale):
    z = np.random.default_rng(seed).normal(0, scale, (4, 3, 5))
    for axis in (-1, 0, 1):
        np.testing.assert_allclose(softmax(z, axis=axis), scipy.special.softmax(z, axis=axis), rtol=1e-10, atol=1e-300)
        np.testing.assert_allclose(log_softmax(z, axis=axis), scipy.special.log_softmax(z, axis=axis), atol=1e-9)
        np.testing.assert_allclose(logsumexp(z, axis=axis), scipy.special.logsumexp(z, axis=axis), rtol=1e-12)
    np.testing.assert_allclose(softmax(z, 2.5), torch.softmax(torch.tensor(z) / 2.5, dim=-1), rtol=1e-9, atol=1e-300)


def test_softmax_by_hand():
    np.testing.assert_allclose(softmax([2, 1, 0]), [0.665241, 0.244728, 0.090031], atol=1e-6)
    assert softmax([1000, 0]).tolist() == [1, 0]
    assert log_softmax([1000, 0]).tolist() == [0, -1000]


def test_two_classes_are_a_sigmoid():
    z = np.random.default_rng(0).normal(0, 5, (100, 2))
    np.testing.assert_allclose(softmax(z)[:, 0], sigmoid(z[:, 0] - z[:, 1]), atol=1e-12)


@pytest.mark.parametrize("temperature", [0, -1, float("nan")])
def test_a_temperature_that_is_none_is_refused(temperature):
    with pytest.raises(ValueError, match="temperature"):
        softmax([1.0, 2.0], temperature)


@pytest.mark.parametrize("logits", [3.0, [], [np.nan, 1], [np.inf, 1], ["a", "b"]])
def test_logits_that_are_none_are_refused(logits):
    with pytest.raises(ValueError, match=r"class|finite|numbers"):
        softmax(logits)


def test_dead_units_by_hand():
    sums = [[-1.0, 2.0, 0.0, -1.0], [-3.0, -2.0, 0.0, 0.5]]
    assert dead_units(sums).tolist() == [True, False, True, False]


def test_dead_units_have_no_slope_in_torch():
    rng = np.random.default_rng(3)
    sums = rng.normal(-2.2, 1, (6, 2, 2, 40))
    sums[..., 0] = 0
    z = torch.tensor(sums, requires_grad=True)
    F.relu(z).sum().backward()
    stuck = (z.grad == 0).numpy().all(axis=(0, 1, 2))
    assert 1 < stuck.sum() < 40
    np.testing.assert_array_equal(dead_units(sums), stuck)


@pytest.mark.parametrize("sums", [[1.0, 2.0], 3.0, np.zeros((0, 4))])
def test_sums_of_no_batch_are_refused(sums):
    with pytest.raises(ValueError, match="at least one example"):
        dead_units(sums)
