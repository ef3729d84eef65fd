"""Day 10: eight draws of an augmentation, what was done in each, and which label must go with it."""

import base64
import functools
import itertools
from typing import Any, ClassVar

import numpy as np
import traitlets
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage
from traitlets import TraitError

from course_utils import plots
from course_utils.widgets.explorer import Explorer, mulberry32

DRAWS = 8
MOST_SIDE = 96
BORDERS = {"reflect": "reflect", "constant": "constant", "nearest": "nearest", "wrap": "grid-wrap"}
"""What comes in at the border, and SciPy's name of it."""


class Picture(traitlets.Dict):
    """A trait that takes an array (H, W) or (H, W, 3), uint8 or floats from 0 to 1, and keeps its bytes as text."""

    def validate(self, obj: Any, value: Any) -> dict:
        """The picture as {height, width, channels, pixels}, pixels in base64. Raises TraitError in one sentence."""
        try:
            array = _pixels(value) if isinstance(value, dict) else np.asarray(value)
        except (ValueError, TypeError, KeyError):
            raise TraitError(f"{self.name} is an array (H, W) or (H, W, 3)") from None
        if array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] != 3):
            raise TraitError(f"{self.name} is an array (H, W) or (H, W, 3), not of shape {array.shape}")
        if not 4 <= min(array.shape[:2]) <= max(array.shape[:2]) <= MOST_SIDE:
            raise TraitError(f"{self.name} has sides of 4 to {MOST_SIDE} pixels, not {array.shape[:2]}")
        if array.dtype != np.uint8:
            if array.dtype.kind != "f" or not np.all((array >= 0) & (array <= 1)):
                raise TraitError(f"{self.name} holds uint8, or floats from 0 to 1")
            array = np.round(255 * array).astype(np.uint8)
        return _kept(array)


def _kept(array: NDArray[np.uint8]) -> dict:
    height, width, *channels = array.shape
    text = base64.b64encode(array.tobytes()).decode()
    return {"height": height, "width": width, "channels": 3 if channels else 1, "pixels": text}


def _pixels(picture: dict) -> NDArray[np.uint8]:
    shape = (picture["height"], picture["width"], 3)[: 3 if picture["channels"] == 3 else 2]
    return np.frombuffer(base64.b64decode(picture["pixels"]), np.uint8).reshape(shape)


@functools.cache
def _photo(name: str, height: int, width: int) -> NDArray[np.uint8]:
    """The square middle of one of scikit-image's photographs, made small."""
    from skimage import data  # only where a picture is needed: importing the explorers stays quick

    photo = {"cat": lambda: data.chelsea()[:, 75:375], "cup": lambda: data.coffee()[:, 100:500]}[name]()
    return np.asarray(Image.fromarray(photo).resize((width, height), Image.Resampling.LANCZOS))


def _drawn(lines: list[tuple], side: int = 48) -> NDArray[np.uint8]:
    """White strokes on black along lines of points (row, column)."""
    rows, columns = np.mgrid[:side, :side]
    nearest = np.full((side, side), np.inf)
    for line in lines:
        for (r0, c0), (r1, c1) in itertools.pairwise(line):
            long = max((r1 - r0) ** 2 + (c1 - c0) ** 2, 1e-9)
            along = np.clip(((rows - r0) * (r1 - r0) + (columns - c0) * (c1 - c0)) / long, 0, 1)
            nearest = np.minimum(nearest, np.hypot(rows - r0 - along * (r1 - r0), columns - c0 - along * (c1 - c0)))
    return np.round(255 * np.clip(3.4 - nearest, 0, 1)).astype(np.uint8)


def _digits() -> dict[str, dict]:
    """A 6, and a 7 to mix it with. Turned by 180 degrees about the middle, the 6 is this font's 9."""
    angle = np.linspace(0, 2 * np.pi, 40)
    bowl = list(zip(30.5 + 8.5 * np.sin(angle), 23.5 + 8.5 * np.cos(angle), strict=True))
    angle = np.linspace(np.pi, 1.62 * np.pi, 20)
    stem = list(zip(30.5 + 23 * np.sin(angle), 30 + 15 * np.cos(angle), strict=True))
    return {"6": _kept(_drawn([bowl, stem])), "7": _kept(_drawn([[(10, 13), (10, 34), (39, 20)]]))}


class AugmentationPreview(Explorer):
    """Augment one picture eight times; by default scikit-image's cat, with its coffee cup to mix in.

    image, partner: your own pictures of one size, (H, W[, 3]); class_names: what they show. All arithmetic is the
    lesson's: strengths are the most that is drawn, up or down; 0 leaves a change out.
    """

    title = "Augmentation preview"
    day = 10
    question = "Would you still say cat, and what does the label have to be?"
    try_this: ClassVar = (
        "Leave the labels hidden. Choose a draw, read the size of the pasted box, and work out how much cat is left in "
        "its label. Then show the labels. How many of the eight have the share λ that was asked for?",
        "Choose the digit 6, turn it by up to 180° and switch the mix off. Which of the eight are no 6 any more? Show "
        "the labels and look how many of 1,000 draws would teach a falsehood. Which strength is safe?",
        "Switch off all but one change and raise it until you would no longer say cat. Then look at the mean of 1,000 "
        "draws: what is left of the cat there, and what has every draw in common?",
    )

    subject = traitlets.Enum(("picture", "digit"), "picture", help="image and partner, or a 6 and a 7").tag(sync=True)
    flip = traitlets.CBool(True, help="mirror every second draw, by lot").tag(sync=True)
    shift = traitlets.CFloat(0.15, min=0, max=0.5, help="up to this share of each side").tag(sync=True)
    rotate = traitlets.CFloat(15.0, min=0, max=180, help="up to so many degrees").tag(sync=True)
    brightness = traitlets.CFloat(0.0, min=0, max=0.9, help="add up to this, white being 1").tag(sync=True)
    contrast = traitlets.CFloat(0.0, min=0, max=1, help="stretch about the mean by 1 ± up to this").tag(sync=True)
    cutout = traitlets.CFloat(0.0, min=0, max=1, help="side of the grey box, as a share").tag(sync=True)
    mix = traitlets.Enum(("none", "mixup", "cutmix"), "cutmix", help="how the partner comes in").tag(sync=True)
    share = traitlets.CFloat(0.7, min=0, max=1, help="λ: what is to be kept of the picture").tag(sync=True)
    border = traitlets.Enum(list(BORDERS), "reflect", help="what comes in at the border").tag(sync=True)
    seed = traitlets.CInt(0, min=0, max=2**31 - 1, help="another seed, other draws").tag(sync=True)
    chosen = traitlets.CInt(0, min=0, max=DRAWS - 1, help="the draw that is shown step by step").tag(sync=True)
    revealed = traitlets.CBool(False, help="show the labels").tag(sync=True)
    image = Picture(help="given: the picture, (H, W) or (H, W, 3)").tag(sync=True)
    partner = Picture(help="given: what it is mixed with, of the same height and width").tag(sync=True)
    class_names = traitlets.Tuple(
        traitlets.Unicode(), traitlets.Unicode(), default_value=("cat", "coffee cup"), help="given: of both"
    ).tag(sync=True)
    digits = traitlets.Dict(_digits(), help="given: the other pair of pictures").tag(sync=True)
    draws = traitlets.List(help="computed in the browser: what is done in each of the eight draws").tag(sync=True)
    kept = traitlets.List(help="computed in the browser: the picture's share of each label").tag(sync=True)

    @traitlets.default("image")
    def _cat(self) -> NDArray[np.uint8]:
        return _photo("cat", 64, 64)

    @traitlets.default("partner")
    def _cup(self) -> NDArray[np.uint8]:
        return _photo("cup", self.image["height"], self.image["width"])

    @traitlets.validate("shift", "rotate", "brightness", "contrast", "cutout", "share")
    def _finite(self, proposal: traitlets.Bunch) -> float:
        if not np.isfinite(proposal["value"]):
            raise TraitError(f"{proposal['trait'].name} is a finite number, not {proposal['value']}")
        return proposal["value"]

    @traitlets.validate("image", "partner")
    def _alike(self, proposal: traitlets.Bunch) -> dict:
        pair = {"image": self.image, "partner": self.partner, proposal["trait"].name: proposal["value"]}
        first, second = ((picture["height"], picture["width"]) for picture in (pair["image"], pair["partner"]))
        if first != second:
            raise TraitError(f"image and partner have one size, not {first} and {second} pixels: give both at once")
        return proposal["value"]

    def to_figure(self) -> Figure:
        """The picture, its partner, and the eight draws, each with its label."""
        image, partner, names = self._pair()
        shown, labels = zip(*(self._draw(number, image, partner, names) for number in range(DRAWS)), strict=True)
        titles = [names[0], *labels[:4], names[1], *labels[4:]]
        return plots.image_grid([image, *shown[:4], partner, *shown[4:]], titles, columns=5)

    def describe(self) -> str:
        """The changes that are on, and the eight labels."""
        image, partner, names = self._pair()
        signs = {"shift": " of the side", "rotate": "°", "brightness": "", "contrast": ""}
        on = ["flip"] * self.flip + [f"{n} ±{getattr(self, n):g}{s}" for n, s in signs.items() if getattr(self, n)]
        on += [f"cutout {self.cutout:g} of the side"] * bool(self.cutout)
        on += [f"{self.mix} with λ = {self.share:g}"] * (self.mix != "none")
        labels = "; ".join(self._draw(number, image, partner, names)[1] for number in range(DRAWS))
        return (
            f"Eight draws of a picture ({names[0]}) of {image.shape[0]} × {image.shape[1]} pixels, seed {self.seed}, "
            f"with {', '.join(on) or 'no change'}. Their labels: {labels}."
        )

    def _pair(self) -> tuple[NDArray, NDArray, tuple[str, str]]:
        """The two pictures, (H, W, 3) from 0 to 1, and their names."""
        pair, names = (self.image, self.partner), tuple(self.class_names)
        if self.subject == "digit":
            pair, names = tuple(self.digits.values()), tuple(self.digits)
        first, second = (_pixels(one) / 255 for one in pair)
        return *(one if one.ndim == 3 else np.stack([one] * 3, axis=2) for one in (first, second)), names

    def _draw(self, number: int, image: NDArray, partner: NDArray, names: tuple[str, str]) -> tuple[NDArray, str]:
        """One draw: (picture, label in words). Same random numbers as in the browser."""
        u, sides, mode = _uniforms(self.seed, number), np.array(image.shape[:2]), BORDERS[self.border]
        spread, name, kept = [2 * one - 1 for one in u], names[0], self.share if self.mix == "mixup" else 1.0
        mirrored, angle = self.flip and u[0] < 0.5, self.rotate * spread[3]
        if self.subject == "digit" and (mirrored or abs(angle) > 90):
            name = "no digit" if mirrored else "9"
        moved = [round(self.shift * part * n) for part, n in zip(spread[1:3], sides, strict=True)]
        x = ndimage.shift(image[:, ::-1] if mirrored else image, (*moved, 0), order=0, mode=mode)
        x = ndimage.rotate(x, angle, reshape=False, order=1, mode=mode)
        x = np.clip(x + self.brightness * spread[4], 0, 1)
        x = np.clip(x.mean() + (1 + self.contrast * spread[5]) * (x - x.mean()), 0, 1)
        x[_box(u[6:8], (self.cutout * sides / 2).astype(int), sides)] = 0.5
        if self.mix == "mixup":
            x = partner + kept * (x - partner)
        elif self.mix == "cutmix":
            place = _box(u[8:10], (sides * np.sqrt(1 - self.share)).astype(int) // 2, sides)
            x[place] = partner[place]
            kept = 1 - x[place].size / x.size
        parts = [(part, part_share) for part, part_share in ((name, kept), (names[1], 1 - kept)) if part_share > 0]
        return x, ", ".join(f"{part} {part_share:.3g}" if part_share < 1 else part for part, part_share in parts)


def _box(u: list[float], reach: NDArray, sides: NDArray) -> tuple[slice, ...]:
    """A box that reaches so far from a pixel drawn by lot, cut off at the border."""
    middle = (np.array(u) * sides).astype(int)
    return tuple(slice(max(m - r, 0), min(m + r, n)) for m, r, n in zip(middle, reach, sides, strict=True))


def _uniforms(seed: int, number: int) -> list[float]:
    """Ten numbers from [0, 1) for a draw, as in the browser, so that both show the same draws."""
    return mulberry32(seed * 0x9E3779B1 + number * 0x85EBCA6B, np.arange(1, 11)).tolist()
