"""What a unit sees and how strongly: against nudged pixels, torch's gradients, and fields worked out by hand."""

import numpy as np
import pytest
import torch
from torch.nn.functional import conv1d, conv2d

from course_utils.reference import (
    ReceptiveField,
    effective_field,
    image_window,
    output_size,
    paths_to_unit,
    receptive_field,
    seen_pixels,
    side_holding,
)

CONV, POOL = (3, 1, 1), (2, 2)
PUBLISHED = [CONV, CONV, POOL] * 3


def drawn(seed):
    """Layers that fit on 40 pixels, and a unit of the last one."""
    rng, layers, length = np.random.default_rng(seed), [], 40
    for _ in range(4):
        layer = tuple(int(rng.choice(c)) for c in ((1, 2, 3, 5), (1, 2, 3), (0, 1, 3), (1, 2, 3)))
        if layer[3] * (layer[0] - 1) + 1 > length + 2 * layer[2]:
            break
        layers.append(layer)
        length = output_size(length, *layer)
    return layers, int(rng.integers(length))


# --- receptive_field ----------------------------------------------------------------------------------------------


def test_receptive_fields_worked_out_by_hand():
    assert [field.size for field in receptive_field([(3,)] * 3)] == [3, 5, 7]
    assert receptive_field([(3, 1, 1), (2, 2)]) == [(3, 1, 0.0), (4, 2, 0.5)]
    assert receptive_field([(3, 2), (3,)]) == [(3, 2, 1.0), (7, 2, 3.0)]
    assert receptive_field([(3, 1, 2, 2)]) == [(5, 1, 0.0)]
    assert receptive_field([]) == []


def test_the_published_cifar_net():
    """The sizes that its authors print, with the last pooling."""
    assert [field.size for field in receptive_field(PUBLISHED)] == [3, 5, 6, 10, 14, 16, 24, 32, 36]


@pytest.mark.parametrize("seed", range(30))
def test_a_field_spans_from_the_first_to_the_last_pixel_with_a_path(seed):
    layers, unit = drawn(seed)
    field = receptive_field(layers)[-1]
    # On a line that is padded nowhere but at its far ends, no field is cut off.
    free = [(k, stride, 0, dilation) for k, stride, _, dilation in layers]
    seen = np.flatnonzero(paths_to_unit(free, 400, unit))
    assert seen[-1] - seen[0] + 1 == field.size
    assert (seen[0] + seen[-1]) / 2 == receptive_field(free)[-1].start + unit * field.jump


@pytest.mark.parametrize("layer", [(0,), (3, 0), (3, 1, -1), (3, 1, 0, 0), (2.5,)])
def test_a_layer_that_cannot_be_is_refused(layer):
    with pytest.raises(ValueError, match="integer of at least"):
        receptive_field([layer])


# --- image_window -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(30))
def test_the_window_is_the_field_walked_back_and_cut_off(seed):
    layers, unit = drawn(seed)
    first = last = unit
    for k, stride, padding, dilation in reversed(layers):
        first, last = first * stride - padding, last * stride - padding + dilation * (k - 1)
    field = receptive_field(layers)[-1]
    if last < 0 or first > 39:
        with pytest.raises(ValueError, match="lies outside"):
            image_window(*field, unit, 40)
    else:
        assert image_window(*field, unit, 40) == (max(first, 0), min(last, 39))


def test_no_unit_of_the_published_net_sees_the_whole_image():
    for layers, units in ((8, 8), (9, 4)):
        windows = [image_window(*receptive_field(PUBLISHED[:layers])[-1], unit, 32) for unit in range(units)]
        assert max(last - first + 1 for first, last in windows) == 30


def test_a_window_is_two_plain_integers():
    assert all(type(pixel) is int for pixel in image_window(*ReceptiveField(5, 1, 0.0), 2, 9))


@pytest.mark.parametrize(
    ("inputs", "says"), [((3, 1, 0.0, -1, 9), "unit"), ((0, 1, 0.0, 0, 9), "size"), ((3, 1, 0.0, 20, 9), "unit 20")]
)
def test_a_window_that_cannot_be_is_refused(inputs, says):
    with pytest.raises(ValueError, match=says):
        image_window(*inputs)


# --- seen_pixels --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(40))
def test_seen_pixels_are_those_that_move_the_unit(seed):
    layers, unit = drawn(seed)
    x = torch.eye(40, dtype=torch.float64)[:, None]  # one image for each pixel, with that pixel alone lit
    for k, stride, padding, dilation in layers:
        x = conv1d(x, torch.ones(1, 1, k, dtype=x.dtype), stride=stride, padding=padding, dilation=dilation)
    np.testing.assert_array_equal(seen_pixels(layers, 40, unit), np.flatnonzero(x[:, 0, unit].numpy()))
    np.testing.assert_array_equal(seen_pixels(layers, 40, unit), np.flatnonzero(paths_to_unit(layers, 40, unit)))


def test_a_path_through_the_padding_between_two_layers_leads_nowhere():
    # Layer 2 reads units -2, 0 and 2 of layer 1: the first is padding, so pixels 1 and below are seen by unit 0 alone.
    np.testing.assert_array_equal(seen_pixels([(3, 1, 1), (3, 1, 2, 2)], 6, 0), [0, 1, 2, 3])


def test_constant_dilation_leaves_holes():
    assert seen_pixels([(3, 1, 0, 2)] * 2, 9, 0).tolist() == [0, 2, 4, 6, 8]


@pytest.mark.parametrize(
    ("layers", "unit", "says"),
    [([(3,)], 6, "6 units, so there is no unit 6"), ([(9,)], 0, "does not fit"), ([(3, 0)], 0, "stride")],
)
def test_a_unit_that_is_not_there_is_named(layers, unit, says):
    with pytest.raises(ValueError, match=says):
        seen_pixels(layers, 8, unit)


# --- effective_field ----------------------------------------------------------------------------------------------


def test_shares_are_those_of_torch_gradients():
    torch.manual_seed(0)
    x = torch.randn(5, 3, 9, 9, dtype=torch.float64, requires_grad=True)
    first, second = torch.randn(4, 3, 3, 3, dtype=x.dtype), torch.randn(2, 4, 3, 3, dtype=x.dtype)
    conv2d(conv2d(x, first).tanh(), second)[:, 0, 2, 2].sum().backward()
    energy = x.grad.square().sum(dim=(0, 1)).numpy()
    found = effective_field(x.grad.permute(0, 2, 3, 1).numpy())
    np.testing.assert_allclose(found, energy / energy.sum())
    assert found.sum() == pytest.approx(1)
    assert np.count_nonzero(found) == 25


def test_random_weights_give_the_shares_of_the_paths_on_average():
    torch.manual_seed(0)
    total = np.zeros((9, 9))
    for _ in range(400):
        x = torch.zeros(1, 1, 9, 9, requires_grad=True)
        y = x
        for c_in, c_out in ((1, 6), (6, 6), (6, 6), (6, 1)):
            y = conv2d(y, torch.randn(c_out, c_in, 3, 3))
        y.sum().backward()
        total += effective_field(x.grad.permute(0, 2, 3, 1).numpy()) / 400
    paths = paths_to_unit([(3,)] * 4, 9, 0)
    np.testing.assert_allclose(total, np.outer(paths, paths) / 81**2, atol=0.006)


@pytest.mark.parametrize(("gradients", "says"), [(np.ones((3, 3)), "not of shape"), (np.zeros((1, 3, 3, 1)), "are 0")])
def test_gradients_without_shares_are_refused(gradients, says):
    with pytest.raises(ValueError, match=says):
        effective_field(gradients)


# --- side_holding -------------------------------------------------------------------------------------------------


def test_sides_of_a_field_of_equal_shares():
    equal = np.full((7, 7), 1 / 49)
    assert [side_holding(equal, 3, 3, share) for share in (0.01, 9 / 49 - 1e-9, 0.2, 0.6, 1 - 1e-9)] == [1, 3, 5, 7, 7]


@pytest.mark.parametrize("seed", range(20))
def test_the_square_holds_the_share_and_the_next_smaller_one_does_not(seed):
    rng = np.random.default_rng(seed)
    field = rng.random((int(rng.integers(3, 9)), int(rng.integers(3, 9)))) ** 3
    field /= field.sum()
    row, column = (int(rng.integers(side)) for side in field.shape)
    share = float(rng.uniform(0.05, 0.99))
    side = side_holding(field, row, column, share)
    distance = np.maximum(*np.abs(np.indices(field.shape) - np.array([row, column])[:, None, None]))
    assert side % 2 == 1
    assert field[distance <= side // 2].sum() >= share > field[distance < side // 2].sum()


@pytest.mark.parametrize(
    ("place", "share", "says"), [((3, 0), 0.5, "no pixel"), ((-1, 0), 0.5, "no pixel"), ((0, 0), 0.0, "share"),
                                 ((0, 0), 1.1, "share")]
)  # fmt: skip
def test_a_square_that_cannot_be_is_refused(place, share, says):
    with pytest.raises(ValueError, match=says):
        side_holding(np.full((3, 3), 1 / 9), *place, share)
