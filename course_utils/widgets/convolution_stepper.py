"""Day 2: one window at a time, every product in sight."""

from typing import ClassVar

import matplotlib.pyplot as plt
import numpy as np
import traitlets
from matplotlib.figure import Figure
from scipy.signal import correlate2d

from course_utils import plots
from course_utils.reference import KERNELS
from course_utils.widgets.explorer import Explorer, Numbers

BY_HAND = [
    [250, 250, 23, 250, 20],
    [30, 194, 183, 146, 20],
    [250, 161, 169, 208, 249],
    [20, 52, 89, 143, 250],
    [250, 21, 20, 20, 250],
]
ZEROS_AND_ONES = [[1, 0, 1, 0, 1], [0, 1, 1, 1, 0], [1, 1, 0, 1, 1], [0, 1, 1, 1, 0], [1, 0, 0, 1, 1]]


def _images() -> dict[str, list]:
    rows, columns = np.indices((7, 7))
    box = 9 * ((abs(rows - 3) < 3) & (abs(columns - 3) < 2))
    colours = np.stack([9 * (columns < 3), 9 * (columns > 3), 9 * (rows > 3)], axis=-1)  # red | green, blue below
    pictures = {
        "worked example": BY_HAND,
        "zeros and ones": ZEROS_AND_ONES,
        "a box": box,
        "brighter to the right": 3 * np.tile(np.arange(7) > 3, (7, 1)),
        "a diagonal line": 9 * np.eye(7),
        "three colours": colours,
    }
    return {name: np.atleast_3d(picture).astype(int).tolist() for name, picture in pictures.items()}


class ConvolutionStepper(Explorer):
    """Slide a kernel over an image and see each product, their sum and the feature map; grey or several channels."""

    title = "Convolution stepper"
    day = 2
    question = "How do nine products become one number of a feature map?"
    try_this: ClassVar = (
        "Visit all windows of the image of zeros and ones with Sobel's kernel for vertical edges. Look for outputs "
        "of 0: is any of those windows blank? What cancels what?",
        "Change the pixel in the centre, then one in the middle of an edge, then one in a corner. How many outputs "
        "change with it, and why are they not equally many?",
    )

    image = Numbers(BY_HAND, 3, channels=True, most=16, help="(H, W) or (H, W, C), up to 16 × 16").tag(sync=True)
    kernel = Numbers(KERNELS["laplacian"], 3, channels=True, most=7, help="(kh, kw) or (kh, kw, C)").tag(sync=True)
    bias = traitlets.CFloat(0.0, help="added to every output").tag(sync=True)
    flip = traitlets.CBool(False, help="turn the kernel first: convolution in mathematics").tag(sync=True)
    row = traitlets.CInt(0, min=0, help="top row of the window").tag(sync=True)
    column = traitlets.CInt(0, min=0, help="left column of the window").tag(sync=True)
    feature_map = traitlets.List(help="computed in the browser: (oh, ow)").tag(sync=True)
    products = traitlets.List(help="computed in the browser: (kh, kw, C)").tag(sync=True)
    presets = traitlets.Dict(
        {"kernels": {name: np.atleast_3d(k).tolist() for name, k in KERNELS.items()}, "images": _images()},
        help="images and kernels to choose from",
    ).tag(sync=True)

    @traitlets.validate("kernel")
    def _fits(self, proposal: traitlets.Bunch) -> list:
        has, wanted = np.shape(proposal["value"])[2], np.shape(self.image)[2]
        if has != wanted:
            raise traitlets.TraitError(f"the image has {wanted} channel(s), so the kernel needs as many, not {has}")
        (kh, kw), (height, width) = np.shape(proposal["value"])[:2], np.shape(self.image)[:2]
        if kh > height or kw > width:
            raise traitlets.TraitError(f"a kernel of {kh} × {kw} does not fit into an image of {height} × {width}")
        return proposal["value"]

    @traitlets.validate("bias")
    def _finite(self, proposal: traitlets.Bunch) -> float:
        if not np.isfinite(proposal["value"]):
            raise traitlets.TraitError(f"the bias must be finite, not {proposal['value']}")
        return proposal["value"]

    @traitlets.observe("image")
    def _fit_kernel(self, change: traitlets.Bunch) -> None:
        """As the browser does: cut the kernel around its middle, and repeat its first channel."""
        kernel, (height, width, channels) = np.array(self.kernel), np.shape(change["new"])
        top, left = max(0, (kernel.shape[0] - height) // 2), max(0, (kernel.shape[1] - width) // 2)
        cut = kernel[top : top + height, left : left + width]
        self.kernel = cut if cut.shape[2] == channels else np.repeat(cut[..., :1], channels, axis=2)

    def to_figure(self) -> Figure:
        """Image with its window, kernel, products and feature map; channels below each other."""
        image, kernel, products, out = self._arrays()
        row, column = self._position(out)
        kh, kw, channels = kernel.shape
        widths = [image.shape[1], kw, kw, out.shape[1]]
        fig, axes = plt.subplots(channels, 4, figsize=(9, 2.7 * channels), width_ratios=widths, squeeze=False)
        for k, line in enumerate(axes):
            suffix = f", channel {k + 1}" if channels > 1 else ""
            plots.pixels(image[..., k], "image" + suffix, line[0], highlight=(row, column, kh, kw))
            plots.kernel(kernel[..., k], "kernel" + suffix, line[1])
            plots.pixels(products[..., k], "products" + suffix, line[2], labels=False)
            line[3].set_axis_off()
        axes[0, 3].set_axis_on()
        plots.pixels(out, "feature map", axes[0, 3], highlight=(row, column, 1, 1))
        return fig

    def describe(self) -> str:
        """Where the window is and what it gives."""
        image, kernel, products, out = self._arrays()
        row, column = self._position(out)
        (height, width), (kh, kw) = image.shape[:2], kernel.shape[:2]
        return (
            f"A kernel of {kh} × {kw} on an image of {height} × {width}. In the window at row {row}, "
            f"column {column}, {products.size} products and the bias add up to {out[row, column]:g}."
        ).replace("-", "−")

    def _arrays(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        image, kernel = np.array(self.image), np.array(self.kernel)
        turned = kernel[::-1, ::-1] if self.flip else kernel
        out = self.bias + sum(
            correlate2d(image[..., k], turned[..., k], mode="valid") for k in range(image.shape[2])
        )
        row, column = self._position(out)
        window = image[row : row + kernel.shape[0], column : column + kernel.shape[1]]
        return image, kernel, window * turned, out

    def _position(self, out: np.ndarray) -> tuple[int, int]:
        return min(self.row, out.shape[0] - 1), min(self.column, out.shape[1] - 1)
