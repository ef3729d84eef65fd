"""Day 1: how many weights a dense layer and a convolution need as the image grows."""

from typing import ClassVar

import matplotlib.pyplot as plt
import numpy as np
import traitlets
from matplotlib.figure import Figure

from course_utils import plots
from course_utils.widgets.explorer import Explorer

NAMES = ("side", "channels", "hidden_units", "filters", "kernel_size", "training_images")
PRESETS = {
    "MNIST, 100 hidden units": (28, 1, 100, 32, 3, 60_000),
    "CIFAR-10, 512 hidden units": (32, 3, 512, 32, 3, 50_000),
    "ImageNet, 1,000 classes at once": (224, 3, 1000, 64, 7, 1_281_167),
    "chest X-ray, 256 hidden units": (512, 1, 256, 32, 3, 5_216),
    "a photo of a megapixel, 1,000 hidden units": (1000, 3, 1000, 64, 3, 10_000),
}


class ParameterExplosion(Explorer):
    """Parameters, memory and multiply-adds of a dense layer, of windows without sharing, and of a convolution."""

    title = "Parameter explosion"
    day = 1
    question = "Why not give every pixel a weight of its own?"
    try_this: ClassVar = (
        "Predict first: if the image's side doubles, by how much do the three parameter counts grow? Press “Double the "
        "side” and look. Then compare the multiply-adds: which saving does a convolution not give you?",
        "A convolution saves twice: by looking at a window only, and by sharing its weights. Compare the three cards. "
        "Which of the two saves more on MNIST, and which on an X-ray?",
    )

    side = traitlets.CInt(28, min=8, max=1024, help="height and width of the image in pixels").tag(sync=True)
    channels = traitlets.CInt(1, min=1, max=512, help="numbers per pixel: 1 grey, 3 colour").tag(sync=True)
    hidden_units = traitlets.CInt(100, min=1, max=4096, help="outputs of the dense layer").tag(sync=True)
    filters = traitlets.CInt(32, min=1, max=512, help="output channels of the convolution").tag(sync=True)
    kernel_size = traitlets.CInt(3, min=1, max=11, help="height and width of the kernel").tag(sync=True)
    bias = traitlets.CBool(True, help="whether each output, or each filter, has a bias").tag(sync=True)
    training_images = traitlets.CInt(60_000, min=1, max=10**9, help="to compare the weights with").tag(sync=True)
    counts = traitlets.Dict(
        help="computed in the browser: layer -> parameters, multiply_adds, outputs, sees, uses"
    ).tag(sync=True)
    presets = traitlets.Dict(
        {name: dict(zip(NAMES, values, strict=True)) for name, values in PRESETS.items()},
        help="examples to choose from",
    ).tag(sync=True)

    def to_figure(self) -> Figure:
        """Parameters over the image's side, with the present side marked."""
        sides = np.geomspace(8, 1024, 50)
        fig, ax = plt.subplots(figsize=(5.2, 3.2))
        for name, marker in {"dense": "s", "unshared windows": "D", "convolution": "o"}.items():
            (line,) = ax.plot(sides, [self._parameters(side)[name] for side in sides], label=name)
            ax.plot(self.side, self._parameters(self.side)[name], marker, color=line.get_color(), clip_on=False)
        ax.axvline(self.side, color=plots.INK, linewidth=0.8)
        ax.set(xscale="log", yscale="log", xlabel="image side (pixels)", ylabel="parameters", xlim=(8, 1024))
        ax.set_xticks([8, 32, 128, 512], ["8", "32", "128", "512"])
        ax.minorticks_off()
        ax.legend()
        return fig

    def describe(self) -> str:
        """Both layers and their counts."""
        count = self._parameters(self.side)
        return (
            f"On {self.side} × {self.side} × {self.channels} pixels a dense layer of {self.hidden_units:,} units has "
            f"{count['dense']:,} parameters, a convolution of {self.filters} filters of {self.kernel_size} × "
            f"{self.kernel_size} has {count['convolution']:,}, and {count['unshared windows']:,} if every window had "
            f"weights of its own."
        )

    def _parameters(self, side: float) -> dict[str, float]:
        kernel = self.kernel_size**2 * self.channels * self.filters + self.bias * self.filters
        dense = side**2 * self.channels * self.hidden_units + self.bias * self.hidden_units
        return {"dense": dense, "unshared windows": side**2 * kernel, "convolution": kernel}
