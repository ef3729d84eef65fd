"""Paths to a unit, against the gradients of torch: with weights of 1 a pixel's gradient is its number of paths."""

import numpy as np
import pytest
import torch
from torch.nn.functional import conv1d

from course_utils.reference import paths_to_unit


@pytest.mark.parametrize("seed", range(40))
def test_paths_are_the_gradients_of_a_stack_of_ones(seed):
    rng = np.random.default_rng(seed)
    layers = [tuple(int(rng.choice(c)) for c in ((1, 2, 3, 5), (1, 2, 3), (0, 1, 4), (1, 2, 3))) for _ in range(4)]
    x = image = torch.ones(1, 1, 60, dtype=torch.float64, requires_grad=True)
    built = []
    for k, stride, padding, dilation in layers:
        if dilation * (k - 1) + 1 > x.shape[-1] + 2 * padding:
            break
        x = conv1d(x, torch.ones(1, 1, k, dtype=x.dtype), stride=stride, padding=padding, dilation=dilation)
        built.append((k, stride, padding, dilation))
    unit = int(rng.integers(x.shape[-1]))
    x[0, 0, unit].backward()
    np.testing.assert_array_equal(paths_to_unit(built, 60, unit), image.grad[0, 0].numpy())


def test_what_is_left_out_is_stride_1_no_padding_no_dilation():
    np.testing.assert_array_equal(paths_to_unit([(3,), (2, 2)], 8, 1), [0, 0, 1, 2, 2, 1, 0, 0])


@pytest.mark.parametrize(
    ("layers", "unit", "says"),
    [
        ([(3,)], 6, "6 units, so there is no unit 6"),
        ([(3,)], -1, "no unit -1"),
        ([(3,), (9,)], 0, "layer 2 does not fit"),
        ([(3, 0)], 0, "stride"),
    ],
)
def test_what_cannot_be_is_named(layers, unit, says):
    with pytest.raises(ValueError, match=says):
        paths_to_unit(layers, 8, unit)
