"""Every window that a kernel covers, as a view: convolution and pooling both slide one."""

from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from course_utils.reference.inputs import Size, pair
from course_utils.reference.sizes import output_size


def all_windows(x: NDArray, kernel_size: tuple[int, int], stride: Size, dilation: Size) -> NDArray:
    """A view (oh, ow, kh, kw, C) of all windows of x (H, W, C)."""
    stride, dilation = pair(stride, "stride"), pair(dilation, "dilation")
    for axis, name in enumerate(("rows", "columns")):
        try:
            output_size(x.shape[axis], kernel_size[axis], stride[axis], 0, dilation[axis])
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from None
    span = tuple(d * (k - 1) + 1 for k, d in zip(kernel_size, dilation, strict=True))
    view = sliding_window_view(x, span, axis=(0, 1))  # (oh, ow, C, kh, kw) before stride and dilation
    view = view[:: stride[0], :: stride[1], :, :: dilation[0], :: dilation[1]]
    return view.transpose(0, 1, 3, 4, 2)
