"""Transfer learning in numbers, against Keras and PyTorch, by hand, and against what a folder holds."""

from itertools import pairwise

import numpy as np
import pytest

from course_utils import reference

VGG16 = [
    (f"block{block}", kind, numbers)
    for block, (convs, c_in, c_out) in enumerate(
        [(2, 3, 64), (2, 64, 128), (3, 128, 256), (3, 256, 512), (3, 512, 512)], start=1
    )
    for kind, numbers in [
        *(("conv", reference.conv_parameters(3, c_in if i == 0 else c_out, c_out)) for i in range(convs)),
        ("pooling", 0),
    ]
]


# --- heads --------------------------------------------------------------------------------------------------------


def test_a_flattened_head_of_vgg16_is_49_times_as_large_but_for_biases():
    assert reference.head_parameters((7, 7, 512), [256], pooled=False) == 25_088 * 256 + 256 == 6_422_784
    assert reference.head_parameters((7, 7, 512), [256], pooled=True) == 512 * 256 + 256 == 131_328


@pytest.mark.parametrize("pooled", [True, False])
@pytest.mark.parametrize("units", [[1], [6, 3], [9, 4, 2]])
def test_heads_hold_what_torch_counts(pooled, units):
    from torch import nn

    widths = [5 if pooled else 3 * 4 * 5, *units]
    layers = [nn.Linear(a, b) for a, b in pairwise(widths)]
    counted = sum(tensor.numel() for layer in layers for tensor in layer.parameters())
    assert reference.head_parameters((3, 4, 5), units, pooled) == counted


@pytest.mark.parametrize(("maps", "units"), [((0, 7, 8), [2]), ((7, 7, 8), [0]), ((7, 7, 8.5), [2])])
def test_a_head_of_nothing_is_refused(maps, units):
    with pytest.raises(ValueError, match="at least 1"):
        reference.head_parameters(maps, units, pooled=True)


# --- preparation --------------------------------------------------------------------------------------------------


def test_images_are_prepared_as_keras_does():
    from keras.applications.vgg16 import preprocess_input

    images = np.random.default_rng(0).integers(0, 256, (3, 5, 4, 3)).astype(np.uint8)
    prepared = reference.preprocess_vgg(images)
    assert prepared.dtype == np.float32
    assert np.allclose(prepared, preprocess_input(images.astype(np.float32)), atol=1e-4)


def test_pure_red_and_a_grey_pixel_by_hand():
    red = np.array([255, 0, 0], np.uint8).reshape(1, 1, 1, 3)
    assert np.allclose(reference.preprocess_vgg(red).ravel(), [-103.939, -116.779, 131.32], atol=1e-4)
    grey = np.full((1, 1, 1, 1), 120, np.uint8)
    assert np.allclose(reference.preprocess_vgg(grey).ravel(), [16.061, 3.221, -3.68], atol=1e-4)


@pytest.mark.parametrize(
    "images", [np.zeros((1, 2, 2, 3)), np.zeros((2, 2, 3), np.uint8), np.zeros((1, 2, 2, 2), "u1")]
)
def test_what_is_no_batch_of_images_in_bytes_is_refused(images):
    with pytest.raises(ValueError, match="uint8"):
        reference.preprocess_vgg(images)


# --- plans and rates ----------------------------------------------------------------------------------------------


def test_block_5_of_vgg16_is_three_convolutions():
    head = [("head", "dense", reference.head_parameters((7, 7, 512), [1], pooled=True))]
    plan = reference.freeze_plan(VGG16 + head, "block5")
    assert plan["trainable"] == 7_079_424 + 513
    assert sum(plan.values()) == 14_714_688 + 513
    assert sum(kind == "conv" for block, kind, _ in VGG16 if block == "block5") == 3


def test_a_plan_with_batch_norm_counts_as_torch_does():
    from torch import nn

    body = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.Conv2d(8, 6, 3), nn.BatchNorm2d(6))
    head = nn.Sequential(nn.Linear(6, 5), nn.BatchNorm1d(5), nn.Linear(5, 2))
    body.requires_grad_(False)
    body[2].requires_grad_(True)

    def size(layer):
        buffers = [buffer for buffer in layer.buffers() if buffer.ndim]  # without the count of batches
        return sum(tensor.numel() for tensor in [*layer.parameters(), *buffers])

    kinds = {nn.Conv2d: "conv", nn.Linear: "dense", nn.BatchNorm1d: "batch norm", nn.BatchNorm2d: "batch norm"}
    rows = [(f"block{i // 2 + 1}", kinds[type(layer)], size(layer)) for i, layer in enumerate(body)]
    rows += [("head", kinds[type(layer)], size(layer)) for layer in head]
    plan = reference.freeze_plan(rows, "block2")
    trainable = sum(t.numel() for t in nn.ModuleList([body, head]).parameters() if t.requires_grad)
    assert plan == {"trainable": trainable, "frozen": sum(n for *_, n in rows) - trainable}


def test_a_plan_for_a_block_that_is_not_there_is_refused():
    with pytest.raises(ValueError, match="block6"):
        reference.freeze_plan(VGG16, "block6")


def test_rates_fall_from_the_head_down_and_frozen_groups_are_steps():
    rates = reference.layer_rates(["block1", "block2", "block3", "head"], 0.01, 0.5, ["block1", "block3"])
    assert np.allclose(rates, [0, 0.0025, 0, 0.01], rtol=1e-12)
    assert reference.layer_rates(["head"], 0.01, 0.5) == [0.01]


def test_freezing_a_group_that_is_not_there_is_refused():
    with pytest.raises(ValueError, match="block9"):
        reference.layer_rates(["block1", "head"], 0.01, 0.5, ["block9"])


# --- features -----------------------------------------------------------------------------------------------------


class Net:
    """Counts images, and answers with a number of theirs; stops when it has seen enough."""

    def __init__(self, enough=10**9):
        self.seen, self.enough = 0, enough

    def __call__(self, images):
        if self.seen + len(images) > self.enough:
            raise KeyboardInterrupt
        self.seen += len(images)
        return images.reshape(len(images), -1).sum(axis=1, keepdims=True).astype(np.float32)


@pytest.fixture
def images():
    return np.random.default_rng(0).integers(0, 256, (7, 4, 6, 1)).astype(np.uint8)


def test_features_are_computed_once_and_come_in_order(images, tmp_path):
    first, again = Net(), Net()
    features = reference.cached_features(images[:5], first, "net", tmp_path, 2)
    mixed = reference.cached_features(images[::-1], again, "net", tmp_path, 2)
    assert (first.seen, again.seen) == (5, 2)
    assert np.array_equal(features, Net()(images[:5])) and np.array_equal(mixed, Net()(images[::-1]))


def test_an_image_twice_is_computed_once(images, tmp_path):
    net = Net()
    features = reference.cached_features(images[[0, 1, 0, 0]], net, "net", tmp_path, 4)
    assert net.seen == 2 and np.array_equal(features, Net()(images[[0, 1, 0, 0]]))


@pytest.mark.parametrize(
    ("change", "name"),
    [
        (lambda images: images ^ 1, "net"),
        (lambda images: images.reshape(7, 6, 4, 1), "net"),
        (lambda images: images.astype(np.int8), "net"),
        (lambda images: images, "another net"),
    ],
)
def test_whatever_changes_features_is_in_the_key(images, tmp_path, change, name):
    reference.cached_features(images, Net(), "net", tmp_path, 3)
    net = Net()
    reference.cached_features(change(images), net, name, tmp_path, 3)
    assert net.seen == len(images)


def test_an_interruption_costs_one_batch_and_leaves_nothing_half_written(images, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        reference.cached_features(images, Net(enough=5), "net", tmp_path, 2)
    assert len(list(tmp_path.iterdir())) == 4
    net = Net()
    assert np.array_equal(reference.cached_features(images, net, "net", tmp_path, 2), Net()(images))
    assert net.seen == 3


def test_batches_of_nothing_are_refused(images, tmp_path):
    with pytest.raises(ValueError, match="batch"):
        reference.cached_features(images, Net(), "net", tmp_path, 0)
