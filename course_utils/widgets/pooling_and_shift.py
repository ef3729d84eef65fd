"""Day 4: what pooling keeps of an image, and what is left of that when the image moves."""

from typing import ClassVar

import matplotlib.pyplot as plt
import numpy as np
import traitlets
from matplotlib.figure import Figure
from numpy.lib.stride_tricks import sliding_window_view
from scipy.ndimage import convolve

from course_utils import plots
from course_utils.widgets.explorer import Explorer, Numbers

DIGIT = ["00000000", "00799800", "05900960", "00000970", "00009700", "00098000", "00980000", "08999990"]
METHODS = {
    "max": "max pooling",
    "average": "average pooling",
    "subsample": "subsampling",
    "blur": "blurring and subsampling",
    "max_blur": "max pooling, blurring and subsampling",
    "adaptive": "adaptive average pooling",
}


class PoolingAndShift(Explorer):
    """Pool an image and its shifted copy in six ways, count what stays the same, and follow the gradient."""

    title = "Pooling and shift"
    day = 4
    question = "The image moves by one pixel: how much of the pooled map stays what it was?"
    try_this: ClassVar = (
        "Take the digit and shift it by one pixel, then by two. How many values does max pooling keep each time? "
        "Which shifts only move the map along, and why these?",
        "Take the stripes that are two wide, and shift them by one. What does max pooling make of them before and "
        "after, and which method changes least?",
        "Choose adaptive average, an image with side 7 and an output size of 3. Which rows stand in two bins? Show the "
        "route of the gradient and visit the corner and the centre.",
    )

    image = Numbers([[int(v) for v in row] for row in DIGIT], 2, most=12, help="(H, W), up to 12 × 12").tag(sync=True)
    method = traitlets.Enum(list(METHODS), "max", help="how windows become values").tag(sync=True)
    window = traitlets.CInt(2, min=2, max=4, help="side of the window, for max, average and max_blur").tag(sync=True)
    stride = traitlets.CInt(2, min=1, max=4, help="step from window to window").tag(sync=True)
    output_size = traitlets.CInt(3, min=1, max=8, help="rows and columns that adaptive pooling makes").tag(sync=True)
    dx = traitlets.CInt(1, min=-3, max=3, help="pixels that the image moves to the right").tag(sync=True)
    dy = traitlets.CInt(0, min=-3, max=3, help="pixels that the image moves down").tag(sync=True)
    border = traitlets.Enum(
        ["circular", "zero"], "circular", help="what comes in: what left on the other side, or zeros"
    ).tag(sync=True)
    tolerance = traitlets.CFloat(0.0, min=0.0, help="values that differ by no more count as kept").tag(sync=True)
    route = traitlets.CBool(False, help="show each pixel's share of the chosen output's gradient").tag(sync=True)
    row = traitlets.CInt(0, min=0, help="row of the chosen output").tag(sync=True)
    column = traitlets.CInt(1, min=0, help="column of the chosen output").tag(sync=True)
    pooled = traitlets.List(help="computed in the browser: (oh, ow), empty where no window fits").tag(sync=True)
    pooled_shifted = traitlets.List(help="computed in the browser: the same of the shifted image").tag(sync=True)
    gradient = traitlets.List(help="computed in the browser: of the chosen output, (H, W)").tag(sync=True)

    @traitlets.validate("tolerance")
    def _finite(self, proposal: traitlets.Bunch) -> float:
        if not np.isfinite(proposal["value"]):
            raise traitlets.TraitError(f"tolerance is a finite number of at least 0, not {proposal['value']}")
        return proposal["value"]

    def to_figure(self) -> Figure:
        """Image and shifted image above, their pooled maps and the difference below."""
        image = np.array(self.image)
        moved, before, after = self._shifted(image), self._pooled(image), self._pooled(self._shifted(image))
        height = (image.shape[0] + max(before.shape[0], 2)) * 0.42 + 2
        fig, axes = plt.subplots(2, 3, figsize=(9, height), height_ratios=[image.shape[0], max(before.shape[0], 2)])
        box = None
        if before.size:
            box = self._window(*self._position(before), image.shape)
        plots.pixels(image, "image", axes[0, 0], highlight=box, labels=False)
        plots.pixels(moved, f"shifted by ({self.dy}, {self.dx})", axes[0, 1], highlight=box, labels=False)
        axes[0, 2].set_axis_off()
        if not before.size:
            for axis in axes[1]:
                axis.set_axis_off()
            axes[1, 1].text(0.5, 0.5, "no window fits", ha="center", va="center", transform=axes[1, 1].transAxes)
            return fig
        chosen = (*self._position(before), 1, 1)
        both = np.concatenate([before, after])
        limits = (float(min(both.min(), 0)), float(both.max()))
        plots.pixels(before, "pooled", axes[1, 0], highlight=chosen, limits=limits, labels=False)
        plots.pixels(after, "pooled after the shift", axes[1, 1], highlight=chosen, limits=limits, labels=False)
        plots.kernel(after - before, "difference", axes[1, 2])
        return fig

    def describe(self) -> str:
        """The method, the shift, and how many pooled values it leaves as they were."""
        image = np.array(self.image)
        before, after = self._pooled(image), self._pooled(self._shifted(image))
        size = (
            f"to {self.output_size} × {self.output_size}" if self.method == "adaptive" else f"with stride {self.stride}"
        )
        if self.method in ("max", "average", "max_blur"):
            size = f"with a window of {self.window} × {self.window} and stride {self.stride}"
        text = f"{METHODS[self.method].capitalize()} of an image of {image.shape[0]} × {image.shape[1]} {size}: "
        if not before.size:
            return text + "the window does not fit."
        change = np.abs(after - before)
        kept = int((change <= self.tolerance + 1e-9).sum())
        return text + (
            f"when the image moves by {self.dx} to the right and {self.dy} down, {kept} of {before.size} values are "
            f"kept, and they change by {change.mean():.3g} on average."
        ).replace("-", "−")

    def _shifted(self, image: np.ndarray) -> np.ndarray:
        moved = np.roll(image, (self.dy, self.dx), axis=(0, 1))
        if self.border == "zero":
            rows, columns = np.indices(image.shape)
            height, width = image.shape
            came = (rows - self.dy < 0) | (rows - self.dy >= height)
            moved = np.where(came | (columns - self.dx < 0) | (columns - self.dx >= width), 0, moved)
        return moved

    def _pooled(self, image: np.ndarray) -> np.ndarray:
        """The pooled map, without a row where no window fits."""
        if self.method == "adaptive":
            rows, columns = (self._averaging(n) for n in image.shape)
            return rows @ image @ columns.T
        maps = image
        if self.method in ("max", "average", "max_blur"):
            if min(image.shape) < self.window:
                return np.zeros((0, 0))
            windows = sliding_window_view(image, (self.window, self.window))
            maps = windows.mean(axis=(2, 3)) if self.method == "average" else windows.max(axis=(2, 3))
        if self.method in ("blur", "max_blur"):
            maps = convolve(maps, np.outer([1, 2, 1], [1, 2, 1]) / 16, mode="mirror")
        return maps[:: self.stride, :: self.stride]

    def _bin(self, i: int, n: int) -> tuple[int, int]:
        return i * n // self.output_size, -(-(i + 1) * n // self.output_size)

    def _averaging(self, n: int) -> np.ndarray:
        """(output_size, n): a row for each bin, which times the pixels is their mean."""
        matrix = np.zeros((self.output_size, n))
        for i, line in enumerate(matrix):
            start, end = self._bin(i, n)
            line[start:end] = 1 / (end - start)
        return matrix

    def _window(self, row: int, column: int, shape: tuple[int, ...]) -> tuple[int, int, int, int]:
        """(top, left, height, width) of the pixels that an output reads."""
        if self.method == "adaptive":
            edges = [self._bin(i, n) for i, n in zip((row, column), shape, strict=True)]
        else:
            before = 1 if self.method in ("blur", "max_blur") else 0
            size = {"subsample": 1, "blur": 3, "max_blur": self.window + 2}.get(self.method, self.window)
            starts = [i * self.stride - before for i in (row, column)]
            edges = [(max(start, 0), min(start + size, n)) for start, n in zip(starts, shape, strict=True)]
        (top, bottom), (left, right) = edges
        return top, left, bottom - top, right - left

    def _position(self, out: np.ndarray) -> tuple[int, int]:
        return min(self.row, out.shape[0] - 1), min(self.column, out.shape[1] - 1)
