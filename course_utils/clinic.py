"""The clinic of Day 13: one healthy recipe, the illnesses that can be planted in it, and what is recorded of a run.

A run hands out raw material only (losses, gradients, activations, weights, what was fed, what was answered). The
instruments that turn it into symptoms are written in the lesson, and by students.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn

from course_utils.errors import CourseError

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


@dataclass(frozen=True)
class Moment:
    """What was recorded at one training step.

    gradients: layer -> gradient of its weights, or None where there is none. activations: layer -> (N, units, places)
    for the probe images, places being 1 for a dense layer. before, after: layer -> weights around the step.
    walk: (name, values) of input and rows in the order of computing, for the batch of the step.
    """

    gradients: Mapping[str, np.ndarray | None]
    activations: Mapping[str, np.ndarray]
    before: Mapping[str, np.ndarray]
    after: Mapping[str, np.ndarray]
    walk: list[tuple[str, np.ndarray]]


@dataclass
class Run:
    """What can be observed of a training, without knowing the recipe.

    history: loss, val_loss, accuracy, val_accuracy after each epoch. step_losses: (steps,). moments: at the first step,
    at the last step of the first epoch and at the last of all. order: (epochs, N), which image was fed when. answers:
    (2, M, 10), what the validation procedure says of the validation images, asked twice. first_bad: the moment in which
    the loss was not finite for the first time, or None.
    """

    images: np.ndarray
    labels: np.ndarray
    validation_images: np.ndarray
    validation_labels: np.ndarray
    batch_size: int = BATCH
    history: dict[str, list[float]] = field(default_factory=dict)
    step_losses: list[float] = field(default_factory=list)
    moments: list[Moment] = field(default_factory=list)
    order: np.ndarray | None = None
    answers: np.ndarray | None = None
    first_bad: Moment | None = None


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


def run(illness: str = HEALTHY, strength: float = 0.5, seed: int = 0, clip: float | None = None) -> Run:
    """Train the healthy recipe, or the same with an illness planted, and record it. About a second on one core.

    strength: 0 (mild) to 1 (severe). seed: of split, weights, order and planting. clip: largest global gradient norm.
    Raises CourseError for an unknown illness or a strength outside 0 to 1.
    """
    if illness != HEALTHY and illness not in ILLNESSES:
        raise CourseError(f"The clinic has no illness {illness!r}: choose one of {', '.join([HEALTHY, *ILLNESSES])}.")
    if not 0 <= strength <= 1:
        raise CourseError(f"A strength lies between 0 (mild) and 1 (severe), not at {strength}.")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        setup = _healthy(np.random.default_rng(seed))
        if illness != HEALTHY:
            ILLNESSES[illness](setup, strength)
        return _train(setup, clip)


def unseen(number: int) -> Run:
    """A run whose illness is drawn by a number and told to nobody."""
    illness, strength = _drawn(number)
    return run(illness, strength, seed=number)


def _drawn(number: int) -> tuple[str, float]:
    rng = np.random.default_rng(number)
    return str(rng.choice(list(ILLNESSES))), float(rng.random())


def _healthy(rng: np.random.Generator) -> Setup:
    digits = load_digits()
    order = rng.permutation(IMAGES)
    images = digits.images.astype(np.float32)[order][:, None]
    labels = digits.target.astype(np.int64)[order]
    mean, std = images[:TRAINING].mean(), images[:TRAINING].std()
    images = (images - mean) / std
    return Setup(images[:TRAINING], labels[:TRAINING], images[TRAINING:], labels[TRAINING:], Net(), rng)


def _train(s: Setup, clip: float | None) -> Run:
    seen = Run(s.images, s.labels, s.validation_images, s.validation_labels)
    seen.history = {name: [] for name in ("loss", "val_loss", "accuracy", "val_accuracy")}
    images, labels = torch.from_numpy(s.images), torch.from_numpy(s.labels)
    model = s.model
    optimizer = torch.optim.SGD(model.parameters(), lr=s.rate, momentum=MOMENTUM)
    steps = -(-len(labels) // BATCH)
    orders = [s.rng.permutation(len(labels)) if s.shuffle else np.arange(len(labels)) for _ in range(EPOCHS)]
    kept = {0, steps - 1, EPOCHS * steps - 1}
    for number in range(EPOCHS * steps):
        epoch, place = divmod(number, steps)
        chosen = torch.from_numpy(orders[epoch][place * BATCH : (place + 1) * BATCH])
        model.train()
        walk = model.walk(images[chosen])
        loss = F.cross_entropy(walk[-1][1], labels[chosen])
        optimizer.zero_grad()
        loss.backward()
        if clip is not None:
            nn.utils.clip_grad_norm_(model.parameters(), clip)
        recorded = number in kept or (seen.first_bad is None and not bool(torch.isfinite(loss)))
        before = _weights(model) if recorded else {}
        optimizer.step()
        seen.step_losses.append(loss.item())
        if recorded:
            moment = _moment(model, before, walk, images[:PROBE])
            if number in kept:
                seen.moments.append(moment)
            if seen.first_bad is None and not np.isfinite(loss.item()):
                seen.first_bad = moment
        if place == steps - 1:
            _note_epoch(seen, s, np.mean(seen.step_losses[-steps:]))
    seen.order = np.stack(orders)
    seen.answers = np.stack([_answers(s, s.validation_images) for _ in range(2)])
    return seen


def _weights(model: Net) -> dict[str, np.ndarray]:
    return {name: getattr(model, name).weight.detach().numpy().copy() for name in LAYERS}


def _moment(model: Net, before: dict, walk: list, probe: torch.Tensor) -> Moment:
    gradients = {name: getattr(model, name).weight.grad for name in LAYERS}
    with torch.no_grad():
        model.eval()
        activations = {name: x.flatten(2) if x.ndim > 2 else x[..., None] for name, x in model.walk(probe)[1:-1]}
    return Moment(
        {name: None if g is None else g.numpy().copy() for name, g in gradients.items()},
        {name: x.numpy().copy() for name, x in activations.items()},
        before,
        _weights(model),
        [(name, x.detach().numpy().copy()) for name, x in walk],
    )


def _answers(s: Setup, images: np.ndarray) -> np.ndarray:
    s.model.train(s.evaluate_in_training_mode)
    with torch.no_grad():
        return s.model(torch.from_numpy(images)).numpy()


def _note_epoch(seen: Run, s: Setup, loss: float) -> None:
    said, truth = torch.from_numpy(_answers(s, s.validation_images)), torch.from_numpy(s.validation_labels)
    on_training = _answers(s, s.images).argmax(axis=1)
    values = {
        "loss": loss,
        "val_loss": F.cross_entropy(said, truth).item(),
        "accuracy": np.mean(on_training == s.labels),
        "val_accuracy": np.mean(said.numpy().argmax(axis=1) == s.validation_labels),
    }
    for name, value in values.items():
        seen.history[name].append(float(value))
