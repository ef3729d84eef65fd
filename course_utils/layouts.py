"""Two layouts of images: channels last (H, W, C), as in NumPy and Keras, and channels first (C, H, W), as in PyTorch.

Day 2 explains them and does by hand what these functions do. Axes are reordered, never reshaped. PyTorch is imported
when a function is called.
"""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import torch


def to_torch(images: Any) -> "torch.Tensor":
    """(..., H, W, C) as a tensor (..., C, H, W), such as NHWC as NCHW.

    images: an array, which is copied, or a tensor, whose gradients find their way back. Type and values stay.
    Raises ValueError for fewer than three axes.
    """
    return _moved(images, 3, lambda tensor: tensor.movedim(-1, -3))


def from_torch(maps: "torch.Tensor") -> NDArray:
    """A tensor (..., C, H, W) as an array (..., H, W, C), such as NCHW as NHWC; gradients are left behind.

    Raises ValueError for fewer than three axes.
    """
    return _moved(maps, 3, lambda tensor: tensor.movedim(-3, -1)).detach().cpu().numpy()


def kernels_to_torch(kernels: Any) -> "torch.Tensor":
    """Kernels (kh, kw, C_in, C_out) of Keras and of the course as those of a torch Conv2d, (C_out, C_in, kh, kw).

    kernels: as images in `to_torch`. Raises ValueError for another number of axes than four.
    """
    if len(np.shape(kernels)) != 4:
        shape = tuple(np.shape(kernels))
        raise ValueError(f"kernels have the axes (kh, kw, C_in, C_out); these have the shape {shape}")
    return _moved(kernels, 4, lambda tensor: tensor.permute(3, 2, 0, 1))


def _moved(values: Any, least: int, move: Any) -> "torch.Tensor":
    import torch

    tensor = values if isinstance(values, torch.Tensor) else torch.tensor(np.ascontiguousarray(values))
    if tensor.ndim < least:
        raise ValueError(f"rows, columns and channels are wanted; this has the shape {tuple(tensor.shape)}")
    return move(tensor).contiguous()
