"""How many weights a layer has."""

from course_utils.reference.inputs import Size, at_least, pair


def conv_parameters(kernel_size: Size, c_in: int, c_out: int, bias: bool = True) -> int:
    """Weights of a convolution layer: (kh * kw * c_in + 1) * c_out, without the 1 if there is no bias.

    The image's size does not appear. Raises ValueError for counts below 1. Introduced on Day 2.
    """
    kh, kw = pair(kernel_size, "kernel_size")
    at_least(1, kernel_size=min(kh, kw), c_in=c_in, c_out=c_out)
    return (kh * kw * c_in + bool(bias)) * c_out


def dense_parameters(n_in: int, n_out: int, bias: bool = True) -> int:
    """Weights of a fully connected layer: (n_in + 1) * n_out, without the 1 if there is no bias.

    Raises ValueError for counts below 1. Introduced on Day 1.
    """
    at_least(1, n_in=n_in, n_out=n_out)
    return (n_in + bool(bias)) * n_out
