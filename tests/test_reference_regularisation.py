"""Regularisation of the reference against PyTorch and Keras, in both modes."""

import numpy as np
import pytest
import torch

from course_utils.reference import ablation_gains, batch_norm, decay_step, drop_path, inverted_dropout


def drawn_norm(seed, n=6, c=3):
    rng = np.random.default_rng(seed)
    x = rng.normal(rng.normal(size=c), rng.uniform(0.5, 3, c), size=(n, 4, 5, c))
    return x, rng.uniform(0.5, 2, c), rng.normal(size=c), rng.normal(size=c), rng.uniform(0.5, 2, c)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("training", [True, False])
def test_batch_norm_agrees_with_torch(seed, training):
    x, gamma, beta, mean, var = drawn_norm(seed)
    layer = torch.nn.BatchNorm2d(3, momentum=0.2, eps=1e-3, dtype=torch.float64).train(training)
    with torch.no_grad():
        tensors = layer.weight, layer.bias, layer.running_mean, layer.running_var
        for tensor, values in zip(tensors, (gamma, beta, mean, var), strict=True):
            tensor.copy_(torch.tensor(values))
        theirs = layer(torch.tensor(x).permute(0, 3, 1, 2)).permute(0, 2, 3, 1).numpy()
    y, new_mean, new_var = batch_norm(x, gamma, beta, mean, var, training, momentum=0.2, eps=1e-3)
    np.testing.assert_allclose(y, theirs, atol=1e-12)
    np.testing.assert_allclose(new_mean, layer.running_mean.numpy(), atol=1e-12)
    np.testing.assert_allclose(new_var, layer.running_var.numpy(), atol=1e-12)


def test_keras_calls_the_other_share_momentum_and_divides_by_n():
    import keras

    x, gamma, beta, mean, var = drawn_norm(7)
    layer = keras.layers.BatchNormalization(momentum=0.8, epsilon=1e-3)
    layer.build(x.shape)
    layer.set_weights([gamma, beta, mean, var])
    theirs = keras.ops.convert_to_numpy(layer(x.astype("float32"), training=True))
    y, new_mean, new_var = batch_norm(x, gamma, beta, mean, var, True, momentum=0.2, eps=1e-3)
    np.testing.assert_allclose(theirs, y, atol=1e-4)
    moved = [keras.ops.convert_to_numpy(w) for w in (layer.moving_mean, layer.moving_variance)]
    np.testing.assert_allclose(moved[0], new_mean, atol=1e-5)
    n = x[..., 0].size
    np.testing.assert_allclose(moved[1], 0.8 * var + (new_var - 0.8 * var) * (n - 1) / n, atol=1e-5)
    in_use = keras.ops.convert_to_numpy(layer(x.astype("float32"), training=False))
    np.testing.assert_allclose(in_use, batch_norm(x, gamma, beta, *moved, False, eps=1e-3)[0], atol=1e-4)


def test_dropout_uses_the_values_of_the_frameworks():
    import keras

    ones = np.ones((200, 50), dtype="float32")
    ours = inverted_dropout(ones, np.random.default_rng(0).random(ones.shape), 0.25, True)
    theirs = torch.nn.functional.dropout(torch.tensor(ones), 0.25, training=True).numpy()
    in_keras = keras.ops.convert_to_numpy(keras.layers.Dropout(0.25, seed=0)(ones, training=True))
    for values in (ours, theirs, in_keras):
        np.testing.assert_allclose(np.unique(values), [0, 4 / 3], atol=1e-6)
        assert abs(values.mean() - 1) < 0.03
    np.testing.assert_array_equal(inverted_dropout(ones, np.zeros_like(ones), 0.25, False), ones)


def test_spatial_draws_take_whole_maps():
    draws = np.array([0.1, 0.9]).reshape(1, 1, 1, 2)
    out = inverted_dropout(np.ones((1, 3, 3, 2)), draws, 0.5, True)
    assert (out[..., 0] == 0).all() and (out[..., 1] == 2).all()


def test_drop_path_keeps_the_skip_and_the_mean():
    rng = np.random.default_rng(0)
    x, branch = rng.normal(size=(4000, 2, 2)), np.ones((4000, 2, 2))
    out = drop_path(x, branch, rng.random(4000), 0.8, True)
    extra = out - x
    np.testing.assert_allclose(np.unique(extra.round(9)), [0, 1.25])
    assert np.allclose(extra, extra[:, :1, :1])  # an image as a whole
    assert abs(extra.mean() - 1) < 0.03
    np.testing.assert_array_equal(drop_path(x, branch, np.ones(4000), 0.8, False), x + branch)


@pytest.mark.parametrize("decoupled", [True, False])
def test_a_decayed_step_is_that_of_torch(decoupled):
    """The first step of Adam divides by the gradient's size, L2 included; SGD by one."""
    rng = np.random.default_rng(3)
    w, g, lr, decay = rng.normal(size=4), rng.normal(size=4), 0.1, 0.3
    weight = torch.tensor(w, requires_grad=True)
    kind = torch.optim.AdamW if decoupled else torch.optim.Adam
    optimiser = kind([weight], lr=lr, weight_decay=decay, eps=1e-12)
    weight.grad = torch.tensor(g)
    optimiser.step()
    scale = np.abs(g if decoupled else g + decay * w)
    ours = decay_step(w, g, scale, np.ones(4, bool), lr, decay, decoupled)
    np.testing.assert_allclose(ours, weight.detach().numpy(), atol=1e-9)
    plain = torch.tensor(w, requires_grad=True)
    optimiser = torch.optim.SGD([plain], lr=lr, weight_decay=decay)
    plain.grad = torch.tensor(g)
    optimiser.step()
    ours = decay_step(w, g, np.ones(4), np.ones(4, bool), lr, decay, decoupled)
    np.testing.assert_allclose(ours, plain.detach().numpy(), atol=1e-12)


def test_what_does_not_decay_takes_the_plain_step():
    ours = decay_step([2.0, 2.0], [0.0, 0.0], [1.0, 1.0], [True, False], 0.1, 0.5, True)
    np.testing.assert_allclose(ours, [1.9, 2.0])


def test_gains_by_hand_and_as_scipy():
    from scipy.stats import sem

    base, arms = np.array([0.4, 0.5, 0.6]), np.array([[0.5, 0.6, 0.7], [0.4, 0.7, 0.6]])
    gains = ablation_gains(base, arms)
    np.testing.assert_allclose(gains[0], [0.1, 0], atol=1e-12)
    np.testing.assert_allclose(gains[1], [0.2 / 3, sem(arms[1] - base)])


ONES = np.ones(3)


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda: inverted_dropout(ONES, ONES, 1.0, True), "rate"),
        (lambda: inverted_dropout(ONES, np.ones(4), 0.5, True), "broadcast"),
        (lambda: batch_norm(np.ones((4, 2)), ONES, ONES, ONES, ONES, True), "channel"),
        (lambda: batch_norm(np.ones((1, 1, 1, 3)), ONES, ONES, ONES, ONES, True), "at least 2"),
        (lambda: drop_path(ONES, ONES, ONES, 0.0, True), "survival"),
        (lambda: drop_path(ONES, np.ones(2), ONES, 0.5, True), "alike"),
        (lambda: decay_step(ONES, ONES, np.ones(2), ONES, 0.1, 0.1, True), "one shape"),
        (lambda: decay_step(ONES, ONES, np.zeros(3), ONES, 0.1, 0.1, True), "above 0"),
        (lambda: ablation_gains([0.5], [[0.6]]), "2 seeds"),
        (lambda: ablation_gains(ONES, ONES), "2 seeds"),
    ],
)
def test_what_does_not_fit_is_refused(call, told):
    with pytest.raises(ValueError, match=told):
        call()
