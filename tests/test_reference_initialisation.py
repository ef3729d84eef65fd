"""First weights of the reference against PyTorch's own."""

import numpy as np
import pytest
import torch

from course_utils.reference import INITIALISATIONS, fans, initial_std, initial_weights

SHAPES = [(300, 200), (3, 3, 32, 48), (5, 5, 3, 64), (1, 1, 96, 64)]


def as_torch(shape):
    """An empty tensor of the same layer in PyTorch's order of axes."""
    return torch.empty(*(shape[::-1] if len(shape) == 2 else (shape[3], shape[2], *shape[:2])))


@pytest.mark.parametrize("shape", SHAPES)
def test_fans_agree_with_torch(shape):
    assert fans(shape) == torch.nn.init._calculate_fan_in_and_fan_out(as_torch(shape))


@pytest.mark.parametrize("shape", SHAPES)
def test_stds_agree_with_what_torch_draws(shape):
    torch.manual_seed(0)
    init = torch.nn.init
    drawn = {
        "he": init.kaiming_normal_(as_torch(shape)),
        "xavier": init.xavier_normal_(as_torch(shape)),
        "torch": init.kaiming_uniform_(as_torch(shape), a=5**0.5),
    }
    for scheme, weights in drawn.items():
        assert initial_std(shape, scheme) == pytest.approx(weights.std().item(), rel=0.03)


def test_the_torch_scheme_is_that_of_its_fresh_layers():
    torch.manual_seed(0)
    for layer, shape in [(torch.nn.Conv2d(64, 64, 3), (3, 3, 64, 64)), (torch.nn.Linear(400, 300), (400, 300))]:
        assert layer.weight.std().item() == pytest.approx(initial_std(shape, "torch"), rel=0.02)


def test_stds_by_hand():
    assert initial_std((3, 3, 64, 64)) == pytest.approx((2 / 576) ** 0.5)
    assert initial_std((8, 4), "xavier") == pytest.approx((2 / 12) ** 0.5)
    assert initial_std((12, 4), "torch") == pytest.approx(1 / 6)


@pytest.mark.parametrize("uniform", [False, True])
@pytest.mark.parametrize("scheme", INITIALISATIONS)
def test_weights_have_the_std_and_come_from_the_generator(scheme, uniform):
    shape = (3, 3, 40, 50)
    weights = initial_weights(shape, np.random.default_rng(0), scheme, uniform)
    assert weights.shape == shape
    assert abs(weights.mean()) < 0.03 * weights.std()
    assert weights.std() == pytest.approx(initial_std(shape, scheme), rel=0.02)
    assert np.array_equal(weights, initial_weights(shape, np.random.default_rng(0), scheme, uniform))
    if uniform:
        assert np.abs(weights).max() <= 3**0.5 * initial_std(shape, scheme)


@pytest.mark.parametrize("shape", [(3,), (3, 3, 64), (0, 5), (3, 3, 0, 5)])
def test_other_shapes_are_named(shape):
    with pytest.raises(ValueError, match=r"\(in, out\)"):
        fans(shape)


def test_an_unknown_scheme_is_named():
    with pytest.raises(ValueError, match="he, xavier, torch"):
        initial_std((3, 4), "lecun")
