"""The reference's optimisers against PyTorch's and Keras' own, step by step."""

import numpy as np
import pytest
import torch

from course_utils.reference import adamw_path, adaptive_path, momentum_path, sam_step

STEPS = 30


def problem(seed):
    """Weights, a gradient for each step, and rates that change."""
    rng = np.random.default_rng(seed)
    rates = 0.1 * rng.uniform(0.1, 1, STEPS)
    return rng.normal(size=(3, 2)), rng.normal(size=(STEPS, 3, 2)) * rng.uniform(0.01, 10, (3, 2)), rates


def by_torch(make, weights, gradients, rates=None):
    """Where an optimiser of PyTorch is after each step."""
    parameter = torch.nn.Parameter(torch.tensor(weights))
    optimiser = make([parameter])
    path = []
    for t, gradient in enumerate(gradients):
        if rates is not None:
            optimiser.param_groups[0]["lr"] = rates[t]
        parameter.grad = torch.tensor(gradient)
        optimiser.step()
        path.append(parameter.detach().numpy().copy())
    return np.array(path)


def by_keras(optimiser, weights, gradients, rates=None):
    """Where an optimiser of Keras is after each step; its rate and constants are float32."""
    import keras

    variable = keras.Variable(weights, dtype="float64")
    path = []
    for t, gradient in enumerate(gradients):
        if rates is not None:
            optimiser.learning_rate = rates[t]
        optimiser.apply([keras.ops.convert_to_tensor(gradient)], [variable])
        path.append(np.array(keras.ops.convert_to_numpy(variable)))
    return np.array(path)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("mu", "nesterov"), [(0.0, False), (0.9, False), (0.9, True)])
def test_momentum_is_that_of_torch_while_the_rate_changes(seed, mu, nesterov):
    weights, gradients, rates = problem(seed)
    theirs = by_torch(lambda p: torch.optim.SGD(p, 1.0, momentum=mu, nesterov=nesterov), weights, gradients, rates)
    np.testing.assert_allclose(momentum_path(weights, gradients, rates, mu, nesterov), theirs, rtol=0, atol=1e-12)


@pytest.mark.parametrize("nesterov", [False, True])
def test_with_the_rate_inside_momentum_is_that_of_keras(nesterov):
    import keras

    weights, gradients, rates = problem(0)
    ours = momentum_path(weights, gradients, rates, 0.9, nesterov, rate_inside=True)
    theirs = by_keras(keras.optimizers.SGD(1.0, 0.9, nesterov), weights, gradients, rates)
    np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-5)
    assert np.abs(ours - momentum_path(weights, gradients, rates, 0.9, nesterov)).max() > 0.01


def test_both_forms_of_momentum_agree_at_a_constant_rate():
    weights, gradients, _ = problem(1)
    for nesterov in (False, True):
        forms = [momentum_path(weights, gradients, 0.1, 0.9, nesterov, inside) for inside in (False, True)]
        np.testing.assert_allclose(*forms, rtol=0, atol=1e-12)


def test_momentum_by_hand():
    assert momentum_path([0.0], [[1.0], [1.0], [1.0]], 1.0, 0.5).ravel().tolist() == [-1, -2.5, -4.25]
    assert momentum_path(0.0, [1.0, 1.0], [1.0, 0.1], 0.5).tolist() == [-1, -1.15]
    assert momentum_path(0.0, [1.0, 1.0], [1.0, 0.1], 0.5, rate_inside=True).tolist() == [-1, -1.6]


@pytest.mark.parametrize("eps", [1e-8, 0.3])
@pytest.mark.parametrize("seed", range(3))
def test_adagrad_and_rmsprop_are_those_of_torch(seed, eps):
    weights, gradients, _ = problem(seed)
    theirs = by_torch(lambda p: torch.optim.Adagrad(p, 0.1, eps=eps), weights, gradients)
    np.testing.assert_allclose(adaptive_path("adagrad", weights, gradients, 0.1, eps=eps), theirs, rtol=0, atol=1e-12)
    theirs = by_torch(lambda p: torch.optim.RMSprop(p, 0.1, alpha=0.9, eps=eps), weights, gradients)
    ours = adaptive_path("rmsprop", weights, gradients, 0.1, 0.9, eps)
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-12)


def test_with_epsilon_inside_they_are_those_of_keras():
    import keras

    weights, gradients, _ = problem(0)
    ours = adaptive_path("rmsprop", weights, gradients, 0.1, 0.9, 0.3, eps_inside=True)
    theirs = by_keras(keras.optimizers.RMSprop(0.1, rho=0.9, epsilon=0.3), weights, gradients)
    np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-5)
    ours = adaptive_path("adagrad", weights, gradients, 0.1, eps=0.3, eps_inside=True)
    keras_adagrad = keras.optimizers.Adagrad(0.1, initial_accumulator_value=0.0, epsilon=0.3)
    np.testing.assert_allclose(ours, by_keras(keras_adagrad, weights, gradients), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("eps", "decay"), [(1e-8, 0.0), (0.3, 0.0), (1e-8, 0.5)])
def test_adamw_is_that_of_torch(seed, eps, decay):
    weights, gradients, _ = problem(seed)
    settings = {"betas": (0.8, 0.95), "eps": eps, "weight_decay": decay}
    theirs = by_torch(lambda p: torch.optim.AdamW(p, 0.1, **settings), weights, gradients)
    ours = adamw_path(weights, gradients, 0.1, 0.8, 0.95, eps, decay)
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-12)
    if not decay:
        theirs = by_torch(lambda p: torch.optim.Adam(p, 0.1, betas=(0.8, 0.95), eps=eps), weights, gradients)
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-12)


def test_adams_first_step_is_the_rate_whatever_the_gradient():
    for gradient in (1e-3, 1.0, -1e5):
        assert adamw_path(0.0, [gradient], 0.01).item() == pytest.approx(-0.01 * np.sign(gradient), rel=1e-4)


def loss_in_torch(w):
    return (w**4).sum() / 4 + (w[0] - 2 * w[1]) ** 2


def gradient_in_numpy(w):
    return w**3 + 2 * (w[0] - 2 * w[1]) * np.array([1.0, -2.0])


@pytest.mark.parametrize("rho", [0.0, 0.05, 0.5])
def test_sam_is_two_passes_of_autograd(rho):
    ours = np.array([1.0, -0.7])
    parameter = torch.nn.Parameter(torch.tensor(ours))
    for _ in range(20):
        ours = sam_step(ours, gradient_in_numpy, 0.05, rho)
        (first,) = torch.autograd.grad(loss_in_torch(parameter), parameter)
        climbed = (parameter + rho * first / first.norm()).detach().requires_grad_()
        (second,) = torch.autograd.grad(loss_in_torch(climbed), climbed)
        with torch.no_grad():
            parameter -= 0.05 * second
        np.testing.assert_allclose(ours, parameter.detach().numpy(), rtol=0, atol=1e-12)


def test_sam_asks_twice_stays_where_the_slope_is_zero_and_changes_nothing_of_yours():
    asked, weights = [], np.array([3.0, 4.0])

    def gradient(w):
        asked.append(w.copy())
        w += 100  # what the function does to its argument stays there
        return weights

    assert sam_step(weights, gradient, 0.1, 1.0).tolist() == pytest.approx([2.7, 3.6])
    assert np.array(asked) == pytest.approx(np.array([[3, 4], [3.6, 4.8]]))
    assert sam_step([1.0], lambda w: np.zeros(1), 0.1, 1.0).tolist() == [1.0]


def test_an_input_is_not_changed_and_wrong_ones_are_named():
    weights, gradients, _ = problem(0)
    kept = weights.copy()
    for path in (
        momentum_path(weights, gradients, 0.1, 0.9),
        adaptive_path("adagrad", weights, gradients, 0.1),
        adamw_path(weights, gradients),
    ):
        assert path.shape == gradients.shape
    assert (weights == kept).all()
    for wrong in (lambda: momentum_path(weights, gradients[0], 0.1), lambda: adamw_path(1.0, 1.0)):
        with pytest.raises(ValueError, match="steps"):
            wrong()
    with pytest.raises(ValueError, match="mu is at least 0 and below 1, not 1"):
        momentum_path(weights, gradients, 0.1, 1)
    with pytest.raises(ValueError, match="alpha"):
        adaptive_path("rmsprop", weights, gradients, 0.1, alpha=1.0)
    with pytest.raises(ValueError, match="beta2"):
        adamw_path(weights, gradients, beta2=-0.1)
    with pytest.raises(ValueError, match="not 'adam'"):
        adaptive_path("adam", weights, gradients, 0.1)
    with pytest.raises(ValueError, match="rho"):
        sam_step(weights, lambda w: w, 0.1, -1.0)
