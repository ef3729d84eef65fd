"""Sample data, drawn by code: stands in for real images where a notebook is only tried out (the smoke profile).

The images go through the same path as real ones: encoded as PNG, with labels and file names, decoded into the cache.
A few training steps suffice to tell the classes apart: shapes on a ground, or lungs with and without a bright patch.
"""

import io
from collections.abc import Iterator

import numpy as np
from PIL import Image

from course_utils.data.catalogue import Spec
from course_utils.data.dataset import SAMPLE
from course_utils.data.records import BATCH, Batch

ROWS = {"cifar10": {"train": 2000, "test": 500}, "chest_xray": {"train": 240, "test": 60}}
SEEDS = {"train": 1, "test": 2}
VERSION = 1  # to be raised when the drawing changes


class Sample:
    """A data set drawn by code, the same on every machine."""

    is_sample = True
    line = SAMPLE
    place = "sample"

    def __init__(self, spec: Spec) -> None:
        self.spec = spec
        self.version = f"sample {VERSION}"

    def rows(self, split: str) -> int:
        return ROWS[self.spec.name][split]

    def batches(self, split: str) -> Iterator[Batch]:
        rng = np.random.default_rng(SEEDS[split])
        n, classes = self.rows(split), len(self.spec.class_names)
        draw = lungs if self.spec.by_patient else shapes
        for first in range(0, n, BATCH):
            labels = np.arange(first, min(first + BATCH, n)) % classes
            images = draw(labels, self.spec.shape, rng)
            paths = [self._name(split, first + i, label) for i, label in enumerate(labels)]
            yield Batch([_png(image) for image in images], labels, paths, SAMPLE, first)

    def _name(self, split: str, i: int, label: int) -> str:
        if not self.spec.by_patient:
            return f"{split}_{i:05}.png"
        # Rows i and i + 2 have the same class and patient: a person is often X-rayed more than once.
        patient = i // 4 + 1 + (1000 if split == "test" else 0)
        return f"person{patient}_virus_{i}.png" if label else f"IM-{patient:04}-{i:04}.png"


def shapes(labels: np.ndarray, shape: tuple[int, int, int], rng: np.random.Generator) -> np.ndarray:
    """Ten kinds of shape in varying colour, place and size on a coloured ground, with noise: uint8 (n, H, W, 3)."""
    height, width, _ = shape
    y, x = np.mgrid[:height, :width] - np.array([height, width]).reshape(2, 1, 1) / 2
    images = np.empty((len(labels), *shape), np.uint8)
    for i, label in enumerate(labels):
        cx, cy = rng.uniform(-4, 4, 2)
        u, v, r = x - cx, y - cy, rng.uniform(8, 11)
        box, distance = np.maximum(abs(u), abs(v)), np.hypot(u, v)
        mask = (
            ((abs(u) < 2.5) | (abs(v) < 2.5)) & (box < r),  # plus
            (abs(v) < r / 2) & (abs(u) < r),  # bar
            distance < r,  # disc
            (distance < r) & (distance > r / 2),  # ring
            (v > -r) & (v < r) & (abs(u) < (v + r) / 2),  # triangle
            ((abs(u - v) < 3) | (abs(u + v) < 3)) & (box < r),  # cross
            (np.floor(u / 4) % 2 == 0) & (box < r),  # upright stripes
            (np.floor(v / 4) % 2 == 0) & (box < r),  # level stripes
            ((np.floor(u / 4) + np.floor(v / 4)) % 2 == 0) & (box < r),  # chequers
            (box < r) & (box > r - 3),  # frame
        )[label]
        # The ground's hue leans towards the class, too: a model of colours alone gets some right, not all.
        angle = 2 * np.pi * (label / 10 + rng.normal(0, 0.06)) + np.array([0, 2, 4]) * np.pi / 3
        ground = 110 + 50 * np.cos(angle) + rng.normal(0, 10)
        ink = 255 - ground + rng.normal(0, 15, 3)
        image = np.where(mask[..., None], ink, ground) + rng.normal(0, 12, shape)
        images[i] = image.clip(0, 255)
    return images


def lungs(labels: np.ndarray, shape: tuple[int, int, int], rng: np.random.Generator) -> np.ndarray:
    """Two dark lungs in a bright chest; with label 1, a cloudy patch lies in one of them: uint8 (n, H, W, 1)."""
    height, width, _ = shape
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j].astype(np.float32)
    images = np.empty((len(labels), *shape), np.uint8)
    for i, label in enumerate(labels):
        centre, breadth, length = rng.uniform([0.36, 0.22, 0.5], [0.46, 0.3, 0.65])
        inside = ((abs(x) - centre) / breadth) ** 2 + ((y - 0.05) / length) ** 2
        image = 185 - 50 * y**2 - 60 * x**2 - 105 / (1 + inside**4)
        image += 8 * np.cos(22 * (y + 0.25 * abs(x))) + rng.uniform(-15, 15)  # ribs, exposure
        if label:
            side, down = rng.choice([-1, 1]) * centre, rng.uniform(-0.1, 0.4)
            image += rng.uniform(75, 110) * np.exp(-(((x - side) / 0.22) ** 2) - ((y - down) / 0.26) ** 2)
        images[i, :, :, 0] = image.clip(0, 255)
    return images


def _png(image: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(image.squeeze()).save(file, "PNG", compress_level=1)
    return file.getvalue()
