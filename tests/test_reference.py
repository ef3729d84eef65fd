"""The NumPy reference against the frameworks, SciPy, scikit-learn and examples small enough for a hand."""

import subprocess
import sys

import numpy as np
import pytest
import sklearn.metrics
import torch
from scipy.signal import convolve2d, correlate2d

from course_utils import reference
from course_utils.reference import KERNELS, conv2d, im2col, output_size

# An image of our own whose Laplacian map is the published worked example (T01).
IMAGE = np.array(
    [
        [250, 250, 23, 250, 20],
        [30, 194, 183, 146, 20],
        [250, 161, 169, 208, 249],
        [20, 52, 89, 143, 250],
        [250, 21, 20, 20, 250],
    ],
    dtype=np.uint8,
)


def test_no_framework_is_imported():
    code = (
        "import sys, course_utils.reference; print(*{'torch', 'keras', 'tensorflow', 'matplotlib'} & set(sys.modules))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == ""


def test_the_published_laplacian_example():
    expected = [[152, 200, -77], [-21, 35, 125], [-83, -28, 5]]
    assert conv2d(IMAGE, KERNELS["laplacian"]).tolist() == expected


def test_the_vertical_edge_example_that_a_text_gets_wrong_is_zero():
    window = np.array([[1, 9, 1], [0, 9, 1], [1, 9, 0]])  # the middle column meets zeros
    products = window * [[-1, 0, 1]] * 1
    assert products.ravel().tolist() == [-1, 0, 1, 0, 0, 1, -1, 0, 0]
    assert conv2d(window, [[-1, 0, 1]] * 3).tolist() == [[0]]


def test_uint8_images_do_not_wrap_around():
    assert conv2d(np.full((3, 3), 255, np.uint8), np.ones((3, 3), np.uint8)).tolist() == [[9 * 255]]


def test_integers_stay_exact_and_floats_are_float64():
    assert conv2d(IMAGE, KERNELS["sharpen"]).dtype == np.int64
    assert conv2d(IMAGE.astype(np.float32), KERNELS["sharpen"]).dtype == np.float64


def test_inputs_are_not_changed():
    image, kernel = np.ones((4, 4)), np.ones((2, 2))
    conv2d(image, kernel, bias=3, padding=1)[:] = 7
    im2col(image, 2)[:] = 7
    assert (image == 1).all() and (kernel == 1).all()


@pytest.mark.parametrize("name", KERNELS)
def test_it_is_correlation_not_mathematical_convolution(name):
    image = np.random.default_rng(0).normal(size=(9, 7))
    np.testing.assert_allclose(conv2d(image, KERNELS[name]), correlate2d(image, KERNELS[name], mode="valid"))
    flipped = KERNELS[name][::-1, ::-1]
    np.testing.assert_allclose(conv2d(image, flipped), convolve2d(image, KERNELS[name], mode="valid"))


@pytest.mark.parametrize("seed", range(20))
def test_conv2d_agrees_with_torch(seed):
    rng = np.random.default_rng(seed)
    c_in, c_out, kh, kw = rng.integers(1, 5, 4)
    stride, padding, dilation = (tuple(map(int, rng.integers(low, 4, 2))) for low in (1, 0, 1))
    image = rng.normal(size=(*rng.integers(10, 16, 2), c_in))
    kernel, bias = rng.normal(size=(kh, kw, c_in, c_out)), rng.normal(size=c_out)
    expected = torch.nn.functional.conv2d(
        torch.tensor(image).permute(2, 0, 1)[None],
        torch.tensor(kernel).permute(3, 2, 0, 1),
        torch.tensor(bias),
        stride,
        padding,
        dilation,
    )[0].permute(1, 2, 0)
    answer = conv2d(image, kernel, bias, stride, padding, dilation)
    np.testing.assert_allclose(answer, expected.numpy(), atol=1e-12)
    sizes = zip(image.shape, (kh, kw), stride, padding, dilation, strict=False)
    assert answer.shape == (*(output_size(int(n), int(k), s, p, d) for n, k, s, p, d in sizes), c_out)
    one = conv2d(image, kernel[..., 0], bias[0], stride, padding, dilation)
    np.testing.assert_allclose(one, answer[..., 0])


def test_a_grey_image_may_meet_many_kernels():
    kernels = np.stack([KERNELS["laplacian"], KERNELS["sharpen"]], axis=-1)[:, :, None, :]
    maps = conv2d(IMAGE, kernels, bias=[0, 1])
    assert maps.shape == (3, 3, 2)
    assert maps[0, 0].tolist() == [152, 152 + 194 + 1]


def test_one_integer_means_both_axes():
    np.testing.assert_array_equal(
        conv2d(IMAGE, KERNELS["gaussian"], stride=2, padding=1, dilation=2),
        conv2d(IMAGE, KERNELS["gaussian"], stride=(2, 2), padding=(1, 1), dilation=(2, 2)),
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"image": np.ones(5)}, "2 or 3 axes"),
        ({"kernel": np.ones(3)}, "2, 3 or 4 axes"),
        ({"image": np.ones((5, 5, 3))}, "1 channel.* image has 3"),
        ({"kernel": np.ones((3, 3, 2))}, "2 channel.* image has 1"),
        ({"kernel": np.ones((6, 2))}, "rows: a kernel spanning 6 does not fit"),
        ({"dilation": (1, 3)}, "columns: a kernel spanning 7 does not fit"),
        ({"stride": 0}, "stride is an integer of at least 1, not 0"),
        ({"stride": 1.5}, "stride is one integer or a pair"),
        ({"stride": (1, 2, 3)}, "stride is one integer or a pair"),
        ({"padding": -1}, "padding is an integer of at least 0, not -1"),
        ({"bias": [1, 2]}, "1 output channel.* as many biases"),
        ({"kernel": np.ones((3, 3, 1, 2)), "bias": 1.0}, "2 output channel.* as many biases"),
        ({"image": np.array([["a"]])}, "not real numbers"),
    ],
)
def test_conv2d_names_what_does_not_fit(change, message):
    with pytest.raises(ValueError, match=message):
        conv2d(**{"image": IMAGE, "kernel": KERNELS["identity"]} | change)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [((32, 3), 30), ((15, 3), 13), ((32, 3, 1, 1), 32), ((32, 3, 2, 1), 16), ((7, 3, 1, 0, 2), 3), ((3, 3), 1)],
)
def test_output_size_by_hand(arguments, expected):
    assert output_size(*arguments) == expected


def test_output_size_refuses_what_cannot_be():
    with pytest.raises(ValueError, match="does not fit into 2"):
        output_size(2, 3)
    for wrong in ((0, 1), (5, 0), (5, 3, 0), (5, 3, 1, -1), (5, 3, 1, 0, 0), (5.0, 3)):
        with pytest.raises(ValueError, match="integer of at least"):
            output_size(*wrong)


def test_im2col_by_hand():
    image = np.arange(12).reshape(3, 4)
    assert im2col(image, 2).tolist() == [
        [0, 1, 4, 5], [1, 2, 5, 6], [2, 3, 6, 7],
        [4, 5, 8, 9], [5, 6, 9, 10], [6, 7, 10, 11],
    ]  # fmt: skip
    assert im2col(image, (3, 2), stride=2).tolist() == [[0, 1, 4, 5, 8, 9], [2, 3, 6, 7, 10, 11]]


def test_im2col_turns_a_convolution_into_a_matrix_product():
    rng = np.random.default_rng(1)
    image, kernel = rng.normal(size=(8, 9, 3)), rng.normal(size=(3, 2, 3, 4))
    product = im2col(image, (3, 2), stride=(2, 1)) @ kernel.reshape(-1, 4)
    np.testing.assert_allclose(product, conv2d(image, kernel, stride=(2, 1)).reshape(-1, 4))


def test_im2col_agrees_with_torch_unfold():
    image = np.random.default_rng(2).normal(size=(6, 7))
    expected = torch.nn.functional.unfold(torch.tensor(image)[None, None], 3)[0].T
    np.testing.assert_array_equal(im2col(image, 3), expected)


@pytest.mark.parametrize(("shape", "kernel_shape", "stride"), [((5, 6), (3, 2), 1), ((7, 7, 2), (3, 3, 2), 2)])
def test_the_convolution_matrix_is_the_convolution(shape, kernel_shape, stride):
    rng = np.random.default_rng(3)
    image, kernel = rng.normal(size=shape), rng.normal(size=kernel_shape)
    matrix = reference.convolution_matrix(kernel, shape, stride)
    expected = conv2d(image, kernel, stride=stride)
    assert matrix.shape == (expected.size, image.size)
    np.testing.assert_allclose(matrix @ image.ravel(), expected.ravel())
    assert (np.count_nonzero(matrix, axis=1) == kernel.size).all()


def test_the_convolution_matrix_needs_fitting_channels():
    with pytest.raises(ValueError, match="does not have the image's 3"):
        reference.convolution_matrix(np.ones((3, 3)), (5, 5, 3))
    with pytest.raises(ValueError, match="needs a kernel"):
        reference.convolution_matrix(np.ones((3, 3, 1, 2)), (5, 5))


@pytest.mark.parametrize("bias", [True, False])
def test_parameters_agree_with_torch(bias):
    conv, dense = torch.nn.Conv2d(3, 32, (3, 5), bias=bias), torch.nn.Linear(784, 100, bias=bias)
    assert reference.conv_parameters((3, 5), 3, 32, bias) == sum(p.numel() for p in conv.parameters())
    assert reference.dense_parameters(784, 100, bias) == sum(p.numel() for p in dense.parameters())


def test_published_parameter_counts():
    assert reference.conv_parameters(3, 3, 32) == 896
    assert (reference.conv_parameters(3, 1, 64), reference.conv_parameters(3, 3, 64)) == (640, 1792)
    assert reference.dense_parameters(784, 100, bias=False) == 78_400
    with pytest.raises(ValueError, match="c_in"):
        reference.conv_parameters(3, 0, 32)


def test_kernels_sum_to_what_they_keep():
    sums = {name: kernel.sum() for name, kernel in KERNELS.items()}
    assert {name for name, total in sums.items() if np.isclose(total, 1)} == {
        "identity", "box blur", "gaussian", "sharpen",
    }  # fmt: skip
    assert {name for name, total in sums.items() if total == 0} == set(KERNELS) - {
        "identity", "box blur", "gaussian", "sharpen",
    }  # fmt: skip
    assert all(kernel.shape == (3, 3) for kernel in KERNELS.values())


def test_edge_kernels_answer_to_the_edges_in_their_names():
    step = np.repeat([[0, 0, 1, 1]], 4, axis=0)
    for family in ("sobel", "prewitt"):
        vertical, horizontal = KERNELS[f"{family} vertical edges"], KERNELS[f"{family} horizontal edges"]
        assert (conv2d(step, vertical) > 0).all() and (conv2d(step, horizontal) == 0).all()
        assert (conv2d(step.T, horizontal) > 0).all() and (conv2d(step.T, vertical) == 0).all()
    falling = np.eye(3, dtype=int)
    assert conv2d(falling, KERNELS["diagonal"]) > conv2d(falling[::-1], KERNELS["diagonal"])


def test_kernels_cannot_be_changed():
    with pytest.raises(ValueError, match="read-only"):
        KERNELS["identity"][1, 1] = 2
    with pytest.raises(TypeError):
        KERNELS["mine"] = np.ones((3, 3))


def test_receptive_fields_of_the_published_cifar_net():
    conv, pool = (3, 1, 1), (2, 2)
    fields = reference.receptive_field([conv, conv, pool] * 2 + [conv, conv])
    assert [field.size for field in fields] == [3, 5, 6, 10, 14, 16, 24, 32]
    assert [field.jump for field in fields] == [1, 1, 2, 2, 2, 4, 4, 4]
    assert fields[-1].start == 1.5


def test_a_stride_acts_on_later_layers_only():
    # F12: a text gives 3, 7, 11
    assert [field.size for field in reference.receptive_field([(3,), (3, 2), (3,)])] == [3, 5, 9]
    assert reference.receptive_field([(3, 1, 0, 2)])[0] == (5, 1, 2.0)
    with pytest.raises(ValueError, match="stride"):
        reference.receptive_field([(3, 0)])


def test_confusion_matrix_and_accuracy_agree_with_scikit_learn():
    rng = np.random.default_rng(4)
    true, predicted = rng.integers(0, 5, (2, 300))
    matrix = reference.confusion_matrix(true, predicted, 6)
    np.testing.assert_array_equal(matrix, sklearn.metrics.confusion_matrix(true, predicted, labels=range(6)))
    assert reference.accuracy(true, predicted) == sklearn.metrics.accuracy_score(true, predicted)
    assert reference.confusion_matrix([], [], 2).tolist() == [[0, 0], [0, 0]]


@pytest.mark.parametrize(
    ("true", "predicted", "message"),
    [
        ([0, 1], [0], "one prediction for each label"),
        ([0, 3], [0, 1], "0 to 3, outside 0 … 2"),
        ([0, 1], [-1, 1], "-1 to 1, outside"),
        ([0, 1], [0.2, 0.8], "argmax"),
        ([[0, 1]], [[0, 1]], "one prediction for each label"),
    ],
)
def test_confusion_matrix_names_bad_labels(true, predicted, message):
    with pytest.raises(ValueError, match=message):
        reference.confusion_matrix(true, predicted, 3)


def test_accuracy_of_nothing_is_not_defined():
    with pytest.raises(ValueError, match="not defined"):
        reference.accuracy([], [])


def test_top_confusions():
    matrix = [[9, 2, 0], [5, 9, 2], [0, 0, 9]]
    assert reference.top_confusions(matrix, 2) == [(1, 0, 5), (0, 1, 2)]
    names = ["cat", "dog", "ship"]
    assert reference.top_confusions(matrix, 9, names) == [("dog", "cat", 5), ("cat", "dog", 2), ("dog", "ship", 2)]
    assert matrix[0][0] == 9
    with pytest.raises(ValueError, match="as many names"):
        reference.top_confusions(matrix, 2, names[:2])
    with pytest.raises(ValueError, match="square"):
        reference.top_confusions([[1, 2]], 2)
