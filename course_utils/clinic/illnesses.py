"""The recipe of the clinic as it is set up, and the illnesses, each of which changes one thing in it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

CLASSES, IMAGES, TRAINING, PROBE = 10, 1797, 1200, 64
EPOCHS, BATCH, RATE, MOMENTUM = 6, 32, 0.05, 0.9
LAYERS = ("conv1", "conv2", "dense1", "dense2")


class Net(nn.Module):
    """Two convolutions, pooling, two dense layers: 9,802 parameters for images (N, 1, 8, 8), logits (N, 10)."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(1, 8, 3, padding=1), nn.Conv2d(8, 16, 3, padding=1)
        self.dense1, self.dense2 = nn.Linear(256, 32), nn.Linear(32, CLASSES)
        self.dropout = nn.Dropout(0.3)
        self.ending: Callable = nn.Identity()
        for name in LAYERS:
            nn.init.kaiming_normal_(getattr(self, name).weight, nonlinearity="relu")
            nn.init.zeros_(getattr(self, name).bias)
        nn.init.normal_(self.dense2.weight, std=0.03)  # no opinion at the start: the first loss is near ln 10

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.walk(x)[-1][1]

    def walk(self, x: torch.Tensor) -> list[tuple[str, torch.Tensor]]:
        """(name, values) of the input and of what each row puts out, in the order of computing."""
        steps = [("input", x)]
        for name in LAYERS[:2]:
            x = F.relu(getattr(self, name)(x))
            steps.append((name, x))
        x = F.relu(self.dense1(F.max_pool2d(x, 2).flatten(1)))
        steps.append(("dense1", x))
        return [*steps, ("dense2", self.ending(self.dense2(self.dropout(x))))]


@dataclass
class Setup:
    """A recipe about to be trained; an illness changes one thing in it. Images (N, 1, 8, 8) float32, labels int64."""

    images: np.ndarray
    labels: np.ndarray
    validation_images: np.ndarray
    validation_labels: np.ndarray
    model: Net
    rng: np.random.Generator
    rate: float = RATE
    shuffle: bool = True
    evaluate_in_training_mode: bool = False


def _between(mild: float, severe: float, strength: float) -> float:
    return mild * (severe / mild) ** strength


def _rate_too_high(s: Setup, strength: float) -> None:
    s.rate *= _between(20, 100, strength)


def _rate_too_low(s: Setup, strength: float) -> None:
    s.rate /= _between(100, 1000, strength)


def _unscaled(s: Setup, strength: float) -> None:
    largest = _between(16, 255, strength)
    for name in ("images", "validation_images"):
        raw = getattr(s, name)
        setattr(s, name, (raw - raw.min()) / np.ptp(raw) * np.float32(largest))


def _wrong_labels(s: Setup, strength: float) -> None:
    share = _between(0.25, 0.8, strength)
    for labels in (s.labels, s.validation_labels):
        chosen = s.rng.permutation(len(labels))[: round(share * len(labels))]
        labels[chosen] = (labels[chosen] + s.rng.integers(1, CLASSES, len(chosen))) % CLASSES


def _double_softmax(s: Setup, strength: float) -> None:
    s.model.ending = nn.Softmax(dim=1)


def _weights_too_small(s: Setup, strength: float) -> None:
    with torch.no_grad():
        for name in LAYERS:
            getattr(s.model, name).weight *= _between(0.1, 0.01, strength)


def _leak(s: Setup, strength: float) -> None:
    copied = s.rng.permutation(len(s.labels))[: round(_between(0.2, 1, strength) * len(s.validation_labels))]
    s.validation_images[: len(copied)] = s.images[copied]
    s.validation_labels[: len(copied)] = s.labels[copied]


def _nan_pixels(s: Setup, strength: float) -> None:
    broken = s.rng.permutation(len(s.labels))[: round(_between(1, 50, strength))]
    s.images[broken, 0, 3, 3] = np.nan


def _dead_units(s: Setup, strength: float) -> None:
    with torch.no_grad():
        s.model.dense1.bias -= _between(20, 100, strength)


def _frozen(s: Setup, strength: float) -> None:
    for name in LAYERS[: 1 + round(2 * strength)]:
        getattr(s.model, name).requires_grad_(False)


def _wrong_mode(s: Setup, strength: float) -> None:
    s.model.dropout.p = _between(0.2, 0.6, strength)
    s.evaluate_in_training_mode = True


def _imbalance(s: Setup, strength: float) -> None:
    often = int(s.rng.integers(CLASSES))
    kept = _between(0.15, 0.02, strength)  # of the images of the other classes
    for images, labels in (("images", "labels"), ("validation_images", "validation_labels")):
        y = getattr(s, labels)
        chosen = (y == often) | (s.rng.random(len(y)) < kept)
        setattr(s, images, getattr(s, images)[chosen])
        setattr(s, labels, y[chosen])


def _not_shuffled(s: Setup, strength: float) -> None:
    s.shuffle = False
    keys = np.where(s.rng.random(len(s.labels)) < strength, s.labels, s.rng.integers(0, CLASSES, len(s.labels)))
    order = np.argsort(keys, kind="stable")
    s.images, s.labels = s.images[order], s.labels[order]


ILLNESSES: Mapping[str, Callable[[Setup, float], None]] = {
    "rate too high": _rate_too_high,
    "rate too low": _rate_too_low,
    "unscaled inputs": _unscaled,
    "wrong labels": _wrong_labels,
    "double softmax": _double_softmax,
    "weights too small": _weights_too_small,
    "leak": _leak,
    "NaN pixels": _nan_pixels,
    "dead units": _dead_units,
    "frozen layers": _frozen,
    "wrong mode": _wrong_mode,
    "imbalance": _imbalance,
    "not reshuffled": _not_shuffled,
}
"""Name -> what changes one thing in a Setup; strength 0 is mild, 1 severe."""
HEALTHY = "healthy"
