"""Batch normalisation, forward, in training and in use."""

from collections.abc import Callable

import numpy as np

from course_utils import reference
from course_utils.checks.question import Case, question


def _cases(rng: np.random.Generator) -> list[Case]:
    def case(shape, training):
        c = shape[-1]
        centre, spread = rng.choice([-1, 1], c) * rng.uniform(2, 5, c), rng.uniform(1, 4, c)
        return Case(
            x=rng.normal(centre, spread, shape).round(2),
            gamma=rng.uniform(1.5, 3, c).round(2),
            beta=-rng.uniform(1, 3, c).round(2),
            running_mean=rng.uniform(1, 3, c).round(2),
            running_var=rng.uniform(2, 5, c).round(2),
            training=training,
            momentum=float(rng.choice([0.1, 0.2])),
            eps=0.1,  # large, so that it shows where it stands
        )

    return [case((2, 1, 1, 2), True), case((2, 1, 1, 2), False), case((3, 2, 3, 2), True), case((2, 3, 2, 3), False)]


def _wrong(
    axes: Callable = lambda x: (0, 1, 2),
    own: Callable = lambda var, n: var,
    kept: Callable = lambda var, n: var * n / (n - 1),
    move: Callable = lambda old, new, m: (1 - m) * old + m * new,
    root: Callable = lambda var, eps: np.sqrt(var + eps),
    scale: Callable = lambda z, gamma, beta: gamma * z + beta,
    batch_in_use: bool = False,
    moves_in_use: bool = False,
    running_in_training: bool = False,
) -> Callable:
    """batch_norm with one part exchanged."""

    def batch_norm(x, gamma, beta, running_mean, running_var, training, momentum, eps):
        over = axes(x)
        n = np.prod([x.shape[axis] for axis in over])
        mean, var = x.mean(axis=over, keepdims=True), x.var(axis=over, keepdims=True)
        moved = training or moves_in_use
        per_channel = x.mean(axis=(0, 1, 2)), kept(x.var(axis=(0, 1, 2)), x[..., 0].size)
        new = [
            move(old, now, momentum) if moved else old
            for old, now in zip((running_mean, running_var), per_channel, strict=True)
        ]
        if (not training and not batch_in_use) or (training and running_in_training):
            mean, var = running_mean, running_var
        else:
            var = own(var, n)
        return scale((x - mean) / root(var, eps), gamma, beta), *new

    return batch_norm


batch_norm = question(
    "batch_norm",
    shortcuts=("keras", "tensorflow", "torch", "sklearn"),
    points=5,
    partial=2,
    reference=lambda x, gamma, beta, running_mean, running_var, training, momentum, eps: reference.batch_norm(
        x, gamma, beta, running_mean, running_var, training, momentum, eps
    ),
    cases=_cases,
    mistakes={
        "Your mean is taken over the images only, so each pixel has its own. A channel has ONE mean, over images, rows "
        "and columns.": _wrong(axes=lambda x: (0,)),
        "Your mean is taken in each image by itself. That is instance norm; batch norm takes all images together.": (
            _wrong(axes=lambda x: (1, 2))
        ),
        "Your mean is taken over all channels. Each channel, the last axis, has its own.": _wrong(
            axes=lambda x: (0, 1, 2, 3)
        ),
        "Your mean is taken over the channels of each pixel, which is a kind of layer norm. Batch norm takes the other "
        "axes.": _wrong(axes=lambda x: (3,)),
        "In use you take the batch's own mean and variance. There the running ones serve.": _wrong(batch_in_use=True),
        "The running statistics move in use. Only training moves them.": _wrong(moves_in_use=True),
        "In use you normalise by the batch, and the running statistics move: the mode is not looked at.": _wrong(
            batch_in_use=True, moves_in_use=True
        ),
        "In training you normalise by the running statistics. There the batch's own serve.": _wrong(
            running_in_training=True
        ),
        "The running statistics never move.": _wrong(move=lambda old, new, m: old),
        "The running statistics are replaced by the batch's. They move towards them by the share `momentum`.": _wrong(
            move=lambda old, new, m: new
        ),
        "You read momentum as Keras does, as the share of the OLD statistics. Here, as in PyTorch, it is the share of "
        "the new.": _wrong(move=lambda old, new, m: m * old + (1 - m) * new),
        "The running variance gets the batch's variance divided by n. PyTorch hands it the one divided by n − 1.": (
            _wrong(kept=lambda var, n: var)
        ),
        "You normalise by the variance divided by n − 1. That one is for the running variance only; the "
        "batch itself is "
        "divided by n.": _wrong(own=lambda var, n: var * n / (n - 1)),
        "The two variances are exchanged: the batch is normalised by the one divided by n, the running one "
        "collects the one "
        "divided by n − 1.": _wrong(own=lambda var, n: var * n / (n - 1), kept=lambda var, n: var),
        "Epsilon stands outside the root. It is added to the variance.": _wrong(
            root=lambda var, eps: np.sqrt(var) + eps
        ),
        "Epsilon is missing.": _wrong(root=lambda var, eps: np.sqrt(var)),
        "You divide by the variance. Divide by its root, so that the spread becomes 1.": _wrong(
            root=lambda var, eps: var + eps
        ),
        "Gamma and beta are exchanged: gamma scales, beta shifts.": _wrong(
            scale=lambda z, gamma, beta: beta * z + gamma
        ),
        "The shift comes before the scale, so gamma stretches beta too.": _wrong(
            scale=lambda z, gamma, beta: gamma * (z + beta)
        ),
        "Gamma and beta are not used.": _wrong(scale=lambda z, gamma, beta: z),
    },
    hints={
        "shape": "Return three: y of x's shape, and the two running statistics, one number for each channel.",
        "values": "Take one channel with the numbers 1 and 3 on paper: mean, variance, then both running numbers.",
        "raised": "The axes of x are (N, H, W, C); the mean of a channel is x.mean(axis=(0, 1, 2)).",
        "type": "Return three arrays: y, running mean, running variance.",
    },
)
