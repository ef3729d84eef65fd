"""Day 12: the images behind a score, sorted and filtered by what the model says of them."""

import base64
import functools
import io
from collections.abc import Sequence
from typing import Any, ClassVar

import matplotlib.pyplot as plt
import numpy as np
import traitlets
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray
from PIL import Image
from traitlets import TraitError

from course_utils import plots
from course_utils.data import SAMPLE
from course_utils.data.sample import shapes
from course_utils.widgets.explorer import Explorer

SHAPES = ("plus", "bar", "disc", "ring", "triangle", "cross", "fence", "ladder", "chessboard", "frame")
ORDERS = ("as given", "most confident", "least confident", "largest loss", "smallest loss", "smallest margin")
COLUMNS = 20  # of the sheet that holds all images
LARGEST = 300_000  # letters of the sheet: every page that shows the explorer carries it


class PredictionBrowser(Explorer):
    """Browse what a model says of each image: probabilities, loss, confusions; by default of drawings made by code.

    images: (N, H, W[, 3]) uint8. labels: (N,) integers. probabilities: (N, C), each row adding up to 1.
    class_names: C of them. caption: what the data is, such as `data.load(...).caption`. Any of the traits below may
    follow. These five are given once; the traits may be set at any time. Raises TraitError in one sentence if they do
    not fit each other, or if the images are too many for a page (200 of 32 × 32 are fine).
    """

    title = "Prediction browser"
    day = 12
    question = "Which images does the model get wrong, and how sure is it of them?"
    try_this: ClassVar = (
        "Order by “largest loss” and step through the first images. Where is the model wrong and sure? Would you have "
        "known better, or is it the label that you would change?",
        "Move “Sure from” up. Does the accuracy of the surer images rise? Compare it with their mean confidence: "
        "is the model as good as it says?",
    )

    selected = traitlets.CInt(0, min=0, help="index of the chosen image").tag(sync=True)
    true_class = traitlets.Unicode(None, allow_none=True, help="show images of this class only").tag(sync=True)
    predicted_class = traitlets.Unicode(None, allow_none=True, help="show what was taken for it only").tag(sync=True)
    verdict = traitlets.Enum(("all", "right", "wrong"), "all", help="all, right or wrong answers").tag(sync=True)
    order = traitlets.Enum(ORDERS, "as given", help="how the images are sorted").tag(sync=True)
    threshold = traitlets.CFloat(0.5, min=0, max=1, help="confidence that counts as sure").tag(sync=True)
    shown = traitlets.List(help="computed in the browser: indices of the shown images, in order").tag(sync=True)
    accuracy = traitlets.Float(
        None, allow_none=True, help="computed in the browser: share of right answers among the shown"
    ).tag(sync=True)
    confusion_matrix = traitlets.List(help="computed in the browser: (C, C) counts of the shown").tag(sync=True)
    class_names = traitlets.List(traitlets.Unicode(), help="given: C names").tag(sync=True)
    labels = traitlets.List(traitlets.Int(), help="given: true classes, (N,)").tag(sync=True)
    probabilities = traitlets.List(help="given: (N, C), to seven digits").tag(sync=True)
    caption = traitlets.Unicode("", help="given: what the data is").tag(sync=True)
    sprite = traitlets.Unicode("", help="all images in one picture, as a data address").tag(sync=True)
    sheet = traitlets.Dict(help="how many columns and rows of images the sprite has").tag(sync=True)

    def __init__(
        self,
        images: ArrayLike | None = None,
        labels: ArrayLike | None = None,
        probabilities: ArrayLike | None = None,
        class_names: Sequence[str] | None = None,
        caption: str = "",
        **traits: Any,
    ) -> None:
        data = (images, labels, probabilities, class_names)
        if all(part is None for part in data):
            *data, caption = *_drawn(), f"{SAMPLE}; the model compares with the mean drawing of each class"
        elif any(part is None for part in data):
            raise TraitError("images, labels, probabilities and class_names come together, or not at all")
        self._images, y, p, names = _checked(*data)
        super().__init__(
            class_names=names,
            labels=y.tolist(),
            probabilities=[[float(f"{value:.7g}") for value in row] for row in p],
            caption=caption,
            sprite=_sprite(self._images),
            sheet={"columns": min(COLUMNS, len(y)), "rows": -(-len(y) // COLUMNS)},
            **traits,
        )

    @traitlets.validate("true_class", "predicted_class")
    def _known(self, proposal: traitlets.Bunch) -> str | None:
        if proposal["value"] is not None and proposal["value"] not in self.class_names:
            known = ", ".join(self.class_names)
            raise TraitError(f"{proposal['trait'].name} is one of {known}, not {proposal['value']}")
        return proposal["value"]

    @traitlets.validate("selected")
    def _there(self, proposal: traitlets.Bunch) -> int:
        n, index = len(self.labels), proposal["value"]
        if index >= n:
            raise TraitError(f"there are {n} images, numbered from 0: none of them is image {index}")
        return index

    @traitlets.validate("threshold")
    def _finite(self, proposal: traitlets.Bunch) -> float:
        if not np.isfinite(proposal["value"]):
            raise TraitError("the threshold is a confidence from 0 to 1, not nan")
        return proposal["value"]

    def to_figure(self) -> Figure:
        """The chosen image, its probabilities, and the confusion matrix of the images that are shown."""
        index, label, p = self.selected, self.labels[self.selected], np.array(self.probabilities[self.selected])
        fig, axes = plt.subplots(1, 3, figsize=(9.5, 3.4), width_ratios=(1, 1.3, 1.7))
        plots.image(self._images[index], f"image {index}: {self.class_names[label]}", axes[0], caption=self.caption)
        plots.bars(self.class_names, p, ax=axes[1], label="probability", unit="%", accent=self.class_names[label])
        labels, guesses = self._shown()
        counts = np.zeros((len(p), len(p)), int)
        np.add.at(counts, (labels, guesses), 1)
        plots.confusion(counts, self.class_names, normalise=False, ax=axes[2])
        return fig

    def describe(self) -> str:
        """The chosen image, what the model says of it, and the accuracy of what is shown."""
        p, label = self.probabilities[self.selected], self.labels[self.selected]
        labels, guesses = self._shown()
        right = f", {np.mean(labels == guesses):.1%} of them right" if len(labels) else ""
        source = f" ({self.caption})" if self.caption else ""
        return (
            f"Image {self.selected} has the class {self.class_names[label]}; the model says "
            f"{self.class_names[np.argmax(p)]} with {max(p):.1%} and gives the true class {p[label]:.1%}. "
            f"{len(labels)} of {len(self.labels)} images are shown{right}{source}."
        )

    def _shown(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """True and predicted classes of the images that pass the filters."""
        labels, guesses = np.array(self.labels), np.argmax(self.probabilities, axis=1)
        passes = np.full(len(labels), True)
        for classes, wanted in ((labels, self.true_class), (guesses, self.predicted_class)):
            if wanted is not None:
                passes &= classes == self.class_names.index(wanted)
        if self.verdict != "all":
            passes &= (guesses == labels) == (self.verdict == "right")
        return labels[passes], guesses[passes]


def _checked(images: ArrayLike, labels: ArrayLike, probabilities: ArrayLike, names: Sequence[str]) -> tuple:
    x, y, p = np.asarray(images), np.asarray(labels), np.asarray(probabilities, dtype=float)
    names = [str(name) for name in names]
    if x.ndim == 4 and x.shape[3] == 1:
        x = x[..., 0]
    if x.dtype != np.uint8 or x.ndim not in (3, 4) or (x.ndim == 4 and x.shape[3] != 3) or not x.size:
        raise TraitError(f"images are uint8 of shape (N, H, W) or (N, H, W, 3), not {x.dtype} of shape {x.shape}")
    if len(set(names)) != len(names) or len(names) < 2:
        raise TraitError("two or more classes are wanted, each with a name of its own")
    if p.shape != (len(x), len(names)):
        wanted = f"({len(x)}, {len(names)})"
        raise TraitError(f"{len(x)} images and {len(names)} classes need probabilities {wanted}, not {p.shape}")
    if not np.all(p >= 0) or np.abs(p.sum(axis=1) - 1).max() > 1e-3:
        raise TraitError("each row of the probabilities is at least 0 and adds up to 1: apply softmax to logits first")
    if y.shape != (len(x),) or y.dtype.kind not in "iu" or not 0 <= y.min() <= y.max() < len(names):
        raise TraitError(f"labels are {len(x)} integers from 0 to {len(names) - 1}")
    return x, y, p, names


def _sprite(images: NDArray) -> str:
    """All images in one: as PNG, or, where that is too large for a page, as JPEG, as fine as fits."""
    n, height, width = images.shape[:3]
    columns, rows = min(COLUMNS, n), -(-n // COLUMNS)
    whole = np.zeros((rows * columns, *images.shape[1:]), np.uint8)
    whole[:n] = images
    whole = whole.reshape(rows, columns, *images.shape[1:]).swapaxes(1, 2)
    picture = Image.fromarray(whole.reshape(rows * height, columns * width, *images.shape[3:]))
    fine = [("jpeg", {"quality": quality, "subsampling": 0}) for quality in (95, 90, 80)]
    for kind, options in (("png", {"optimize": True}), *fine):
        file = io.BytesIO()
        picture.save(file, kind, **options)
        text = f"data:image/{kind};base64,{base64.b64encode(file.getvalue()).decode()}"
        if len(text) <= LARGEST:
            return text
    raise TraitError(
        f"{n} images of {height} × {width} take {len(text) // 1000:,} kB, a page should carry {LARGEST // 1000} kB at "
        f"most: show about {n * LARGEST // len(text)} of them, or smaller ones"
    )


@functools.cache
def _drawn() -> tuple[NDArray, NDArray, NDArray, tuple[str, ...]]:
    """Drawings of ten shapes, and the answers of a small but real model: the nearer a class's mean, the likelier."""
    rng = np.random.default_rng(12)
    labels = np.arange(400) % len(SHAPES)
    images = shapes(labels, (32, 32, 3), rng) // 16 * 16  # fewer colours, so that the sheet stays small
    x, y = images.reshape(len(images), -1) / 255.0, labels
    train, held_out = slice(0, 300), slice(300, 400)
    means = np.stack([x[train][y[train] == c].mean(axis=0) for c in range(len(SHAPES))])
    distances = ((x[held_out][:, None] - means) ** 2).sum(axis=2)
    scores = -distances / 4
    likely = np.exp(scores - scores.max(axis=1, keepdims=True))
    return images[held_out], y[held_out], likely / likely.sum(axis=1, keepdims=True), SHAPES
