"""Mixup and CutMix of the reference against the identities that define them, and against PyTorch's loss."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from course_utils.reference import cutmix, mixup


def drawn(seed, n=4, side=(8, 10)):
    rng = np.random.default_rng(seed)
    images = 1 + rng.permutation(n * side[0] * side[1] * 3).reshape(n, *side, 3)  # each pixel tells whose it is
    return images, np.eye(5)[rng.integers(0, 5, n)], rng.permutation(n), float(rng.uniform(0.1, 0.9)), rng


@pytest.mark.parametrize("seed", range(5))
def test_the_loss_of_mixed_targets_is_the_mix_of_the_losses(seed):
    images, targets, order, share, rng = drawn(seed)
    mixed, soft = mixup(images, targets, order, share)
    np.testing.assert_allclose(mixed - images[order], share * (images - images[order]))
    logits = torch.tensor(rng.normal(size=(4, 5)))
    own, other = (F.cross_entropy(logits, torch.tensor(t.argmax(1))) for t in (targets, targets[order]))
    both = F.cross_entropy(logits, torch.tensor(soft))
    assert both.item() == pytest.approx(share * own.item() + (1 - share) * other.item())


@pytest.mark.parametrize("seed", range(30))
def test_targets_follow_the_pixels(seed):
    images, targets, order, share, rng = drawn(seed)
    centre = int(rng.integers(0, 8)), int(rng.integers(0, 10))
    mixed, soft = cutmix(images, targets, order, share, centre)
    for i, partner in enumerate(order):
        from_partner = (mixed[i] == images[partner]).all(axis=-1)
        assert (from_partner | (mixed[i] == images[i]).all(axis=-1)).all()
        if partner != i:
            pasted = from_partner.mean()
            np.testing.assert_allclose(soft[i], (1 - pasted) * targets[i] + pasted * targets[partner], atol=1e-12)
            rows, columns = np.flatnonzero(from_partner.any(1)), np.flatnonzero(from_partner.any(0))
            assert from_partner.sum() == len(rows) * len(columns)  # one box


def test_the_box_by_hand():
    images = np.stack([np.zeros((8, 8)), np.ones((8, 8))])
    mixed, soft = cutmix(images, np.eye(2), [1, 0], 0.75, (4, 4))
    assert mixed[0, 2:6, 2:6].all() and mixed[0].sum() == 16
    np.testing.assert_allclose(soft, [[0.75, 0.25], [0.25, 0.75]])
    corner, soft = cutmix(images, np.eye(2), [1, 0], 0.75, (0, 0))  # three quarters of the box lie outside
    assert corner[0].sum() == 4
    np.testing.assert_allclose(soft[0], [1 - 4 / 64, 4 / 64])


def test_the_inputs_stay():
    images, targets, order, share, _ = drawn(0)
    before = images.copy(), targets.copy()
    cutmix(images, targets, order, share, (3, 3)), mixup(images, targets, order, share)
    np.testing.assert_array_equal(images, before[0])
    np.testing.assert_array_equal(targets, before[1])


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"share": 1.5}, "between 0 and 1"),
        ({"order": [0, 1]}, "one batch"),
        ({"order": [0, 1, 2, 9]}, "order names"),
        ({"targets": np.eye(3)}, "one batch"),
        ({"centre": (8, 0)}, "centre"),
    ],
)
def test_what_does_not_fit_is_refused(change, told):
    images, targets, order, share, _ = drawn(0)
    inputs = {"images": images, "targets": targets, "order": order, "share": share, "centre": (0, 0)} | change
    with pytest.raises(ValueError, match=told):
        cutmix(**inputs)
