"""The clinic of Day 13: one healthy recipe, the illnesses that can be planted in it, and what is recorded of a run.

A run hands out raw material only (losses, gradients, activations, weights, what was fed, what was answered). The
instruments that turn it into symptoms are written in the lesson, and by students.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn

from course_utils.clinic.illnesses import (
    BATCH,
    EPOCHS,
    HEALTHY,
    ILLNESSES,
    IMAGES,
    LAYERS,
    MOMENTUM,
    PROBE,
    RATE,
    TRAINING,
    Net,
    Setup,
)
from course_utils.errors import CourseError

__all__ = ["EPOCHS", "HEALTHY", "ILLNESSES", "LAYERS", "RATE", "Moment", "Net", "Run", "run", "unseen"]


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
