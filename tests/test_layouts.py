"""From channels last to channels first and back: against Keras, by gradients, and what is refused."""

import keras
import numpy as np
import pytest
import torch

from course_utils import layouts


@pytest.fixture
def images():
    return np.random.default_rng(0).normal(size=(2, 5, 7, 3)).astype("float32")


def test_a_pixel_is_found_under_its_new_place(images):
    tensor = layouts.to_torch(images)
    assert tuple(tensor.shape) == (2, 3, 5, 7) and tensor.dtype == torch.float32
    assert tensor[1, 2, 4, 6] == images[1, 4, 6, 2]
    assert torch.equal(layouts.to_torch(images[0]), tensor[0])


def test_there_and_back(images):
    assert np.array_equal(layouts.from_torch(layouts.to_torch(images)), images)
    assert layouts.to_torch(images.astype("uint8")).dtype == torch.uint8


def test_a_turned_or_sealed_array_is_copied(images):
    images.setflags(write=False)
    turned = layouts.to_torch(images[:, ::-1])
    turned += 1
    assert np.array_equal(layouts.from_torch(turned), images[:, ::-1] + 1)


def test_gradients_pass(images):
    leaf = torch.tensor(images, requires_grad=True)
    layouts.to_torch(leaf)[0, 2, 1, 0].backward()
    assert leaf.grad[0, 1, 0, 2] == 1 and leaf.grad.sum() == 1
    assert layouts.from_torch(layouts.to_torch(leaf)).shape == images.shape


def test_a_convolution_with_the_same_kernels_is_that_of_keras(images):
    layer = keras.layers.Conv2D(4, 3)
    in_keras = keras.ops.convert_to_numpy(layer(images))
    kernels, bias = layer.get_weights()
    maps = torch.nn.functional.conv2d(layouts.to_torch(images), layouts.kernels_to_torch(kernels), torch.tensor(bias))
    np.testing.assert_allclose(layouts.from_torch(maps), in_keras, atol=1e-5)


@pytest.mark.parametrize("wrong", [np.ones(3), np.ones((4, 4)), torch.ones(4, 4)])
def test_what_has_no_channels_is_refused(wrong):
    for function in (layouts.to_torch, layouts.from_torch):
        with pytest.raises(ValueError, match="rows, columns and channels are wanted"):
            function(torch.as_tensor(wrong))


def test_kernels_have_four_axes():
    with pytest.raises(ValueError, match=r"\(kh, kw, C_in, C_out\); these have the shape \(3, 3\)"):
        layouts.kernels_to_torch(np.ones((3, 3)))
