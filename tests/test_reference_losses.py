"""Losses of the reference against PyTorch, Keras, scikit-learn and examples by hand."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from course_utils.reference import (
    binary_cross_entropy,
    cross_entropy,
    cross_entropy_gradient,
    dice,
    focal_loss,
    huber,
)


def batch(seed, scale=3.0, n=7, c=5):
    rng = np.random.default_rng(seed)
    return rng.normal(0, scale, (n, c)), rng.integers(0, c, n)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("scale", [1, 20, 2000])
@pytest.mark.parametrize("smoothing", [0.0, 0.1, 1.0])
def test_cross_entropy_agrees_with_torch(seed, scale, smoothing):
    logits, labels = batch(seed, scale)
    expected = F.cross_entropy(torch.tensor(logits), torch.tensor(labels), label_smoothing=smoothing).item()
    assert cross_entropy(logits, labels, smoothing) == pytest.approx(expected, rel=1e-12)


def test_cross_entropy_with_smoothing_agrees_with_keras():
    import keras

    logits, labels = batch(1)
    loss = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=0.2)
    expected = float(loss(np.eye(5, dtype="float32")[labels], logits.astype("float32")))
    assert cross_entropy(logits, labels, 0.2) == pytest.approx(expected, rel=1e-5)


def test_cross_entropy_by_hand():
    assert cross_entropy([[0.0] * 10], [3]) == pytest.approx(np.log(10))
    assert cross_entropy([[0.0, 1000.0]], [0]) == 1000
    assert cross_entropy([[0.0, 1000.0]], [1]) == 0


@pytest.mark.parametrize("scale", [1, 2000])
def test_the_gradient_agrees_with_autograd(scale):
    logits, labels = batch(2, scale)
    z = torch.tensor(logits, requires_grad=True)
    F.cross_entropy(z, torch.tensor(labels)).backward()
    np.testing.assert_allclose(cross_entropy_gradient(logits, labels), z.grad, atol=1e-14)


@pytest.mark.parametrize(
    ("logits", "labels"),
    [
        (np.zeros((2, 3)), [0]),
        (np.zeros((2, 3)), [[0], [1]]),
        (np.zeros(3), [0]),
        (np.zeros((0, 3)), np.zeros(0, int)),
        (np.zeros((2, 3)), [0, 3]),
        (np.zeros((2, 3)), [0, -1]),
        (np.zeros((2, 3)), [0.0, 1.0]),
    ],
)
def test_labels_that_do_not_fit_are_refused(logits, labels):
    for function in (cross_entropy, cross_entropy_gradient):
        with pytest.raises(ValueError, match="labels"):
            function(logits, labels)


def test_smoothing_outside_0_and_1_is_refused():
    with pytest.raises(ValueError, match="smoothing"):
        cross_entropy(np.zeros((1, 2)), [0], 1.5)


@pytest.mark.parametrize("scale", [1, 1000])
def test_binary_losses_agree_with_torch(scale):
    rng = np.random.default_rng(4)
    logits, labels = rng.normal(0, scale, (6, 3)), rng.integers(0, 2, (6, 3))
    expected = F.binary_cross_entropy_with_logits(torch.tensor(logits), torch.tensor(labels).double()).item()
    assert binary_cross_entropy(logits, labels) == pytest.approx(expected, rel=1e-12)
    assert focal_loss(logits, labels, gamma=0) == pytest.approx(expected, rel=1e-12)
    assert focal_loss(logits, labels, gamma=0, alpha=0.5) == pytest.approx(expected / 2, rel=1e-12)


@pytest.mark.parametrize("alpha", [None, 0.25, 0.9])
@pytest.mark.parametrize("gamma", [0.5, 2.0, 5.0])
def test_focal_loss_agrees_with_keras(gamma, alpha):
    import keras

    rng = np.random.default_rng(5)
    logits, labels = rng.normal(0, 2, (8, 1)), rng.integers(0, 2, (8, 1))
    loss = keras.losses.BinaryFocalCrossentropy(
        apply_class_balancing=alpha is not None, alpha=alpha or 0.25, gamma=gamma, from_logits=True
    )
    expected = float(loss(labels.astype("float32"), logits.astype("float32")))
    assert focal_loss(logits, labels, gamma, alpha) == pytest.approx(expected, rel=1e-4)


def test_focal_loss_by_hand():
    sure = np.log(9)  # sigmoid gives 0.9
    assert focal_loss([sure], [1]) == pytest.approx(0.01 * -np.log(0.9))
    assert focal_loss([sure], [0]) == pytest.approx(0.81 * -np.log(0.1))
    assert focal_loss([sure], [0], alpha=0.25) == pytest.approx(0.75 * 0.81 * -np.log(0.1))
    assert focal_loss([-1000.0], [1]) == 1000
    assert focal_loss([1000.0], [1]) == 0


@pytest.mark.parametrize("labels", [[2, 0], [0.5, 1], [0], []])
def test_binary_labels_that_are_none_are_refused(labels):
    for function in (binary_cross_entropy, focal_loss):
        with pytest.raises(ValueError, match=r"labels|shape"):
            function(np.zeros(2 if labels else 0), labels)


@pytest.mark.parametrize("settings", [{"gamma": -1}, {"alpha": 1.5}, {"alpha": -0.1}])
def test_focal_settings_out_of_range_are_refused(settings):
    with pytest.raises(ValueError, match="gamma"):
        focal_loss([0.0], [1], **settings)


@pytest.mark.parametrize("width", [0.5, 1.0, 10.0])
def test_huber_agrees_with_torch(width):
    rng = np.random.default_rng(6)
    a, b = rng.normal(0, 3, (2, 20))
    expected = F.huber_loss(torch.tensor(a), torch.tensor(b), delta=width).item()
    assert huber(a, b, width) == pytest.approx(expected, rel=1e-12)


def test_huber_refuses_shapes_that_broadcast_and_no_width():
    with pytest.raises(ValueError, match="same shape"):
        huber(np.zeros(4), np.zeros((4, 1)))
    with pytest.raises(ValueError, match="width"):
        huber([1.0], [1.0], 0)


def test_dice_is_the_f1_score_and_follows_from_iou():
    from sklearn.metrics import f1_score, jaccard_score

    one, other = np.random.default_rng(7).integers(0, 2, (2, 9, 9))
    assert dice(one, other) == pytest.approx(f1_score(other.ravel(), one.ravel()))
    iou = jaccard_score(other.ravel(), one.ravel())
    assert dice(one, other) == pytest.approx(2 * iou / (1 + iou))


def test_dice_by_hand_and_at_the_edges():
    assert dice([[1, 1, 0, 0]], [[0, 1, 1, 0]]) == 0.5
    assert dice([[0.5, 0.5]], [[1, 0]]) == 0.5
    assert dice(np.zeros((2, 2)), np.zeros((2, 2))) == 1
    with pytest.raises(ValueError, match="from 0 to 1"):
        dice([2.0], [1])
    with pytest.raises(ValueError, match="same shape"):
        dice([1, 0], [[1, 0]])
