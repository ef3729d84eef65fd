"""Day 3: what is put around an image, where a kernel then goes, and what comes out."""

from typing import Any, ClassVar

import matplotlib.pyplot as plt
import numpy as np
import traitlets
from matplotlib import patheffects
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from scipy.signal import correlate2d

from course_utils import plots
from course_utils.reference import KERNELS
from course_utils.widgets.explorer import Explorer, Numbers

MODES = {"zero": "constant", "reflect": "reflect", "symmetric": "symmetric", "replicate": "edge", "circular": "wrap"}
PADDINGS = (0, 1, 2, 3, 4, "same_keras", "same_torch")
MOST_PIXELS, MOST_WEIGHTS = 12, 5


def _position_mark(x: float, y: float) -> Rectangle:
    """A frame inside the cell in column x, row y, visible on any grey."""
    frame = Rectangle((x - 0.4, y - 0.4), 0.8, 0.8, fill=False, edgecolor=plots.COLOURS[0], linewidth=2, linestyle="--")
    frame.set_path_effects([patheffects.withStroke(linewidth=4, foreground="white")])
    return frame


class PaddingAndStride(Explorer):
    """Pad an image in five ways, slide a kernel over it with stride and dilation, and see who is read how often."""

    title = "Padding and stride"
    day = 3
    question = "What is put around the image, where do the windows go, and who touches the corner?"
    try_this: ClassVar = (
        "Show how many windows read each cell, first without padding, then with 1 on each side. How often is a corner "
        "read, how often the centre? Which mode makes all pixels equal if copies count?",
        "Take the image that is all the same and the mean. Which of the five modes draws a frame into the output, and "
        "how wide does it become with a kernel of 5 × 5?",
        "Set same of Keras, a kernel of 3 × 3 and stride 2, and change the number of columns from 6 to 7. Where does "
        "the padding go? Then ask for same of PyTorch.",
    )

    image = Numbers(np.arange(1, 37).reshape(6, 6), 2, most=MOST_PIXELS, help="(H, W), up to 12 × 12").tag(sync=True)
    kernel = Numbers(np.full((3, 3), 1 / 9), 2, most=MOST_WEIGHTS, help="(kh, kw), up to 5 × 5").tag(sync=True)
    mode = traitlets.Enum(list(MODES), "zero", help="what the padding is filled with").tag(sync=True)
    padding = traitlets.Any(1, help='pixels on each side, 0 to 4, or "valid" (0), "same_keras", "same_torch"').tag(
        sync=True
    )
    stride = traitlets.CInt(1, min=1, max=3, help="step from window to window").tag(sync=True)
    dilation = traitlets.CInt(1, min=1, max=3, help="step from weight to weight").tag(sync=True)
    view = traitlets.Enum(
        ["values", "windows", "pixels"],
        "values",
        help="what the padded image shows: values, windows that read a cell, or reads of a pixel with its copies",
    ).tag(sync=True)
    row = traitlets.CInt(0, min=0, help="row of the chosen output").tag(sync=True)
    column = traitlets.CInt(0, min=0, help="column of the chosen output").tag(sync=True)
    cell_row = traitlets.CInt(0, help="row of the chosen cell, 0 in the image's first, negative above").tag(sync=True)
    cell_column = traitlets.CInt(0, help="column of the chosen cell, 0 in the image's first").tag(sync=True)
    kernels = traitlets.Dict(
        {name: kernel.tolist() for name, kernel in KERNELS.items()}, help="kernels to choose from"
    ).tag(sync=True)
    output = traitlets.List(help="computed in the browser: (oh, ow), empty where there is none").tag(sync=True)
    amounts = traitlets.List(help="computed in the browser: [[top, bottom], [left, right]]").tag(sync=True)
    touch_counts = traitlets.List(help="computed in the browser: how often each pixel is read, (H, W)").tag(sync=True)

    @traitlets.validate("padding")
    def _known(self, proposal: traitlets.Bunch) -> Any:
        value = 0 if proposal["value"] == "valid" else proposal["value"]
        if isinstance(value, bool) or value not in PADDINGS:
            raise traitlets.TraitError(
                f'padding is 0 to 4 pixels, "valid", "same_keras" or "same_torch", not {proposal["value"]!r}'
            )
        return value

    def to_figure(self) -> Figure:
        """Padded image with the chosen window, kernel and output map; or why there is no output."""
        padded, kernel, out, sides = self._arrays()
        shapes = [padded.shape[1], kernel.shape[1], max(out.shape[1], 3)]
        height = max(padded.shape[0], out.shape[0]) * 0.42 + 1
        fig, axes = plt.subplots(1, 3, figsize=(sum(shapes) * 0.42 + 2, height), width_ratios=shapes)
        (top, _), (left, _) = sides
        title = f"padded image ({self.mode})"
        plots.pixels(padded, title, axes[0], highlight=(top, left, *np.shape(self.image)), labels=False)
        plots.kernel(kernel, "kernel", axes[1])
        if out.size:
            row, column = self._position(out)
            for r, c in np.ndindex(kernel.shape):
                corner = (column * self.stride + c * self.dilation, row * self.stride + r * self.dilation)
                axes[0].add_patch(_position_mark(*corner))
            plots.pixels(out, "output map", axes[2], highlight=(row, column, 1, 1))
        else:
            axes[2].set_axis_off()
            axes[2].text(0.5, 0.5, "no output", ha="center", va="center", transform=axes[2].transAxes)
        return fig

    def describe(self) -> str:
        """The padding, the size of the output, and the value of the chosen one; or why there is none."""
        padded, kernel, out, ((top, bottom), (left, right)) = self._arrays()
        height, width = np.shape(self.image)
        text = (
            f"An image of {height} × {width} with {top} + {bottom} rows and {left} + {right} columns of {self.mode} "
            f"padding, a kernel of {kernel.shape[0]} × {kernel.shape[1]}, stride {self.stride}, dilation "
            f"{self.dilation}: "
        )
        if not out.size:
            return text + self._refusal(padded.shape)
        row, column = self._position(out)
        value = f"{out[row, column]:.6g}".replace("-", "−")
        return f"{text}an output of {out.shape[0]} × {out.shape[1]}, {value} in row {row}, column {column}."

    def _refusal(self, shape: tuple[int, ...]) -> str:
        if self.padding == "same_torch" and self.stride > 1:
            return 'PyTorch refuses padding="same" with a stride above 1.'
        if self.padding == "same_keras" and self.stride > 1 and self.dilation > 1:
            return "Keras refuses a stride and a dilation above 1 together."
        spans = [self.dilation * (k - 1) + 1 for k in np.shape(self.kernel)]
        if all(span <= n for span, n in zip(spans, shape, strict=True)):
            return ""
        return f"the kernel spans {spans[0]} × {spans[1]} and does not fit into {shape[0]} × {shape[1]} pixels."

    def _sides(self) -> list[tuple[int, int]]:
        totals = []
        for n, k in zip(np.shape(self.image), np.shape(self.kernel), strict=True):
            reach = self.dilation * (k - 1)
            steps = (-(-n // self.stride) - 1) * self.stride
            same = {"same_keras": max(steps + reach + 1 - n, 0), "same_torch": reach}
            totals.append(same[self.padding] if self.padding in same else 2 * self.padding)
        return [(total // 2, total - total // 2) for total in totals]

    def _arrays(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[tuple[int, int]]]:
        """Padded image, kernel, output (empty where there is none) and [(top, bottom), (left, right)]."""
        sides, kernel = self._sides(), np.array(self.kernel)
        padded = np.pad(np.array(self.image), sides, mode=MODES[self.mode])
        if self._refusal(padded.shape):
            return padded, kernel, np.zeros((0, 0)), sides
        apart = np.zeros([self.dilation * (k - 1) + 1 for k in kernel.shape])
        apart[:: self.dilation, :: self.dilation] = kernel
        out = correlate2d(padded, apart, mode="valid")[:: self.stride, :: self.stride]
        return padded, kernel, out, sides

    def _position(self, out: np.ndarray) -> tuple[int, int]:
        return min(self.row, out.shape[0] - 1), min(self.column, out.shape[1] - 1)
