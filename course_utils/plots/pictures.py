"""Images, grids of numbers, kernels, feature maps and matrices."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib import patheffects
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import ArrayLike, NDArray

from course_utils.plots.svg import COLOURS, finish

Box = tuple[int, int, int, int]
"""(row, column, height, width) in cells."""

DIVERGING = "PuOr_r"  # negative purple, zero white, positive orange; safe for colour-blind readers (ColorBrewer)
CELL = 0.42  # inches a cell that holds a number


def pixels(
    array: ArrayLike,
    title: str | None = None,
    ax: Axes | None = None,
    highlight: Box | Sequence[Box] | None = None,
    *,
    limits: tuple[float, float] | None = None,
    labels: bool = True,
    caption: str = "",
) -> Figure:
    """A small array as coloured cells with the number in each.

    array: (H, W); NaN leaves a cell empty. highlight: one or more boxes (row, column, height, width) to frame.
    Grey from smallest to largest value, or, where there are negative values, purple to orange with white at zero.
    limits: (low, high) values of the ends of the colours, to compare grids, such as (0, 255).
    labels: number the rows and columns. Raises ValueError if the array does not have two axes.
    """
    values = _plane(array)
    if np.nanmin(values) < 0:
        most = float(np.nanmax(np.abs(limits if limits else values)))
        return _cells(values, DIVERGING, (-most, most), title, ax, highlight, labels, caption)
    limits = limits or (float(np.nanmin(values)), float(np.nanmax(values)))
    return _cells(values, "gray", limits, title, ax, highlight, labels, caption)


def kernel(
    array: ArrayLike,
    title: str | None = None,
    ax: Axes | None = None,
    *,
    limit: float | None = None,
    caption: str = "",
) -> Figure:
    """The weights of a kernel: purple for negative, white for zero, orange for positive, with the numbers.

    array: (kh, kw). limit: the absolute weight at the ends of the colours; the kernel's own largest by default.
    Raises ValueError if the array does not have two axes.
    """
    weights = _plane(array)
    most = float(limit or np.max(np.abs(weights)) or 1.0)
    return _cells(weights, DIVERGING, (-most, most), title, ax, None, False, caption)


def image(
    array: ArrayLike,
    title: str | None = None,
    ax: Axes | None = None,
    *,
    signed: bool = False,
    caption: str = "",
) -> Figure:
    """One image, or one map of numbers.

    array: (H, W) or (H, W, 1), any numbers: grey from smallest to largest, uint8 from 0 to 255; or (H, W, 3), uint8
    or floats from 0 to 1. signed: a map whose zero matters, purple to orange with white at zero.
    Raises ValueError for other shapes and for colours out of range.
    """
    pixels = _picture(array)
    if ax is None:
        height, width = pixels.shape[:2]
        side = 3.2
        _, ax = plt.subplots(figsize=(side * min(1, width / height), side * min(1, height / width) + 0.3))
    if signed and pixels.ndim == 2:
        most = float(np.max(np.abs(pixels))) or 1.0
        _bare(ax, pixels, DIVERGING, (-most, most))
    else:
        _bare(ax, pixels, "gray", _range(pixels))
    return finish(ax.figure, ax, title, caption)


def image_grid(
    images: Sequence[ArrayLike],
    titles: Sequence[str] | None = None,
    columns: int = 8,
    colours: Sequence[str] | None = None,
    *,
    caption: str = "",
) -> Figure:
    """Several images in rows, in their own order.

    images: (N, H, W[, C]) or a list of images as for `image`. titles: a short line above each. colours: of each
    frame; say in the title, too, what they mean. Raises ValueError if numbers of images and titles differ.
    """
    pictures = [_picture(picture) for picture in images]
    _same_length(pictures, titles=titles, colours=colours)
    fig, axes = _panels(len(pictures), columns, 0.3 if titles is not None else 0.0)
    for i, (ax, picture) in enumerate(zip(axes, pictures, strict=True)):
        _bare(ax, picture, "gray", _range(picture))
        if titles is not None:
            ax.set_title(titles[i], fontsize=9)
        if colours is not None:
            ax.spines[:].set(color=colours[i], linewidth=2.5)
    return finish(fig, None, None, caption)


def feature_maps(
    maps: ArrayLike,
    titles: Sequence[str] | None = None,
    columns: int = 8,
    *,
    channels_first: bool = False,
    shared: bool = True,
    caption: str = "",
) -> Figure:
    """All channels of one image's activations, side by side.

    maps: (H, W, C), or (C, H, W) with channels_first. shared: one colour scale for all, drawn beside them;
    otherwise each map uses the whole scale. Maps with negative values are purple to orange with white at zero.
    Raises ValueError if maps does not have three axes or titles do not fit.
    """
    stack = np.asarray(maps, dtype=float)
    if stack.ndim != 3:
        raise ValueError(f"feature maps of one image have 3 axes, not {stack.ndim}: leave out the batch axis")
    if not channels_first:
        stack = np.moveaxis(stack, 2, 0)
    _same_length(stack, titles=titles)
    signed = stack.min() < 0
    cmap = DIVERGING if signed else "cividis"
    fig, axes = _panels(len(stack), columns, 0.3)
    for i, (ax, channel) in enumerate(zip(axes, stack, strict=True)):
        most = float(np.max(np.abs(stack if shared else channel))) or 1.0
        _bare(ax, channel, cmap, (-most if signed else 0.0, most))
        ax.set_title(titles[i] if titles is not None else f"channel {i}", fontsize=9)
    if shared:
        _colour_bar(fig, axes, cmap, (-most if signed else 0.0, most), "activation")
    return finish(fig, None, None, caption)


def confusion(
    matrix: ArrayLike,
    class_names: Sequence[str],
    normalise: bool = True,
    title: str | None = None,
    ax: Axes | None = None,
    *,
    caption: str = "",
) -> Figure:
    """A confusion matrix, rows = true class.

    matrix: counts (classes, classes). normalise: show per cent of the true class instead of counts.
    Raises ValueError if the matrix is not square or names are missing.
    """
    counts = _plane(matrix)
    if counts.shape[0] != counts.shape[1]:
        raise ValueError(f"a confusion matrix is square, not of shape {counts.shape}")
    _same_length(counts, class_names=class_names)
    totals = counts.sum(axis=1, keepdims=True)
    values = 100 * counts / np.maximum(totals, 1) if normalise else counts
    n = len(counts)
    fig = (
        ax.figure
        if ax is not None
        else plt.figure(figsize=(1.6 + 0.44 * n, max(1.0 + 0.4 * n, 2.4) + 0.3 * bool(caption)))
    )
    ax = ax if ax is not None else fig.subplots()
    limits = (0.0, 100.0 if normalise else float(values.max()) or 1.0)
    ax.imshow(values, cmap="cividis", vmin=limits[0], vmax=limits[1], aspect="auto")
    _write_numbers(ax, np.rint(values).astype(int), "cividis", Normalize(*limits))
    ax.set_xticks(range(n), class_names, rotation=45, ha="right", rotation_mode="anchor")
    ax.set_yticks(range(n), class_names)
    ax.set(xlabel="predicted class", ylabel="true class")
    ax.tick_params(length=0)
    _colour_bar(ax.figure, [ax], "cividis", limits, "share of true class (%)" if normalise else "images")
    return finish(ax.figure, ax, title, caption)


def _cells(values, cmap, limits, title, ax, highlight, labels, caption) -> Figure:
    rows, columns = values.shape
    if ax is None:
        margin = 0.55 if labels else 0.2
        size = (max(columns * CELL + margin, 1.4), rows * CELL + margin + 0.3 * bool(title) + 0.25 * bool(caption))
        _, ax = plt.subplots(figsize=size)
    norm = Normalize(*limits)
    ax.imshow(np.ma.masked_invalid(values), cmap=cmap, norm=norm)
    _write_numbers(ax, values, cmap, norm)
    ax.set_xticks(np.arange(columns + 1) - 0.5, minor=True)
    ax.set_yticks(np.arange(rows + 1) - 0.5, minor=True)
    ax.grid(which="minor", linewidth=0.6, alpha=1)
    ax.tick_params(which="both", length=0)
    if labels:
        ax.set_xticks(range(columns))
        ax.set_yticks(range(rows))
        ax.set(xlabel="column", ylabel="row")
    else:
        ax.set(xticks=[], yticks=[])
    ax.spines[:].set_visible(True)
    boxes = [] if highlight is None else [highlight] if np.ndim(highlight) == 1 else list(highlight)
    for i, (row, column, height, width) in enumerate(boxes):
        frame = Rectangle((column - 0.5, row - 0.5), width, height, fill=False, clip_on=False)
        frame.set(edgecolor=COLOURS[(i + 1) % len(COLOURS)], linewidth=2.5, zorder=3)
        # A white rim keeps the frame visible on cells of its own lightness.
        frame.set_path_effects([patheffects.withStroke(linewidth=4.5, foreground="white")])
        ax.add_patch(frame)
    return finish(ax.figure, ax, title, caption)


def _write_numbers(ax: Axes, values: NDArray, cmap: str, norm: Normalize) -> None:
    """Each value in its cell, black or white, whichever stands out more from the cell's own colour."""
    colours = plt.get_cmap(cmap)(norm(values))[..., :3]
    linear = np.where(colours <= 0.04045, colours / 12.92, ((colours + 0.055) / 1.055) ** 2.4)
    luminance = linear @ (0.2126, 0.7152, 0.0722)  # WCAG 2; at 0.179 black and white contrast alike
    numbers = {cell: _number(value) for cell, value in np.ndenumerate(values) if np.isfinite(value)}
    longest = max(map(len, numbers.values()), default=0)
    size = 9 if longest <= 4 else 7.5 if longest <= 6 else 6.5
    for (row, column), text in numbers.items():
        shade = "black" if luminance[row, column] > 0.179 else "white"
        ax.text(column, row, text, color=shade, ha="center", va="center", fontsize=size)


def _number(value: float) -> str:
    whole = value == int(value) or abs(value) >= 100
    return (f"{value:.0f}" if whole else f"{value:.3g}").replace("-", "−")


def _bare(ax: Axes, array: NDArray, cmap: str, limits: tuple[float, float]) -> None:
    """An image without ticks, framed so that white images end somewhere on a white page."""
    ax.imshow(array, cmap=cmap, vmin=limits[0], vmax=limits[1])
    ax.set(xticks=[], yticks=[])
    ax.spines[:].set(visible=True, linewidth=0.6)


def _colour_bar(fig: Figure, axes: Sequence[Axes], cmap: str, limits: tuple[float, float], label: str) -> None:
    bar = fig.colorbar(ScalarMappable(Normalize(*limits), cmap), ax=list(axes), label=label, fraction=0.04, pad=0.02)
    bar.outline.set_visible(False)


def _panels(n: int, columns: int, title_height: float) -> tuple[Figure, list[Axes]]:
    if n < 1 or columns < 1:
        raise ValueError("a grid needs at least one image and one column")
    columns = min(columns, n)
    rows = -(-n // columns)
    fig, axes = plt.subplots(rows, columns, figsize=(columns * 1.05, rows * (1.0 + title_height)), squeeze=False)
    for spare in axes.flat[n:]:
        spare.remove()
    return fig, list(axes.flat[:n])


def _plane(array: ArrayLike) -> NDArray:
    values = np.asarray(array, dtype=float)
    if values.ndim != 2 or not values.size:
        raise ValueError(f"a grid of numbers has 2 axes (rows, columns), not shape {values.shape}")
    return values


def _picture(array: ArrayLike) -> NDArray:
    picture = np.asarray(array)
    if picture.ndim == 3 and picture.shape[2] == 1:
        picture = picture[:, :, 0]
    if picture.ndim != 2 and not (picture.ndim == 3 and picture.shape[2] == 3):
        raise ValueError(f"an image is (H, W), (H, W, 1) or (H, W, 3), not {picture.shape}")
    if picture.ndim == 3 and picture.dtype != np.uint8 and not (picture.min() >= 0 and picture.max() <= 1):
        raise ValueError("colours are uint8 from 0 to 255 or floats from 0 to 1")
    return picture


def _range(picture: NDArray) -> tuple[float, float]:
    return (0, 255) if picture.dtype == np.uint8 else (float(picture.min()), float(picture.max()))


def _same_length(things: Sequence, **others: Sequence | None) -> None:
    for name, other in others.items():
        if other is not None and len(other) != len(things):
            raise ValueError(f"{len(things)} pictures or classes need as many {name}, not {len(other)}")
