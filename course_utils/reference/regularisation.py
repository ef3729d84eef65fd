"""Against learning by heart: dropout, batch normalisation, stochastic depth, weight decay, and what an ablation shows.

What is random comes in as an argument, so that two implementations can be compared. Introduced on Day 10.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray


def inverted_dropout(x: ArrayLike, draws: ArrayLike, rate: float, training: bool) -> NDArray:
    """In training: zero where a draw is below `rate`, x / (1 - rate) elsewhere. In use: x.

    x: any shape; draws: uniform numbers from [0, 1) that broadcast to it: of x's shape for dropout, (N, 1, 1, C) for
    spatial dropout of images (N, H, W, C). Returns float64 of x's shape. Raises ValueError for a rate outside [0, 1) or
    draws that do not fit. Introduced on Day 10. Source: Srivastava et al. 2014; scaled in training as in PyTorch.
    """
    if not 0 <= rate < 1:
        raise ValueError(f"rate is at least 0 and below 1, not {rate!r}")
    x = np.array(x, dtype=float)
    kept = np.broadcast_to(np.asarray(draws) >= rate, x.shape)
    return np.where(kept, x / (1 - rate), 0.0) if training else x


def batch_norm(
    x: ArrayLike,
    gamma: ArrayLike,
    beta: ArrayLike,
    running_mean: ArrayLike,
    running_var: ArrayLike,
    training: bool,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> tuple[NDArray, NDArray, NDArray]:
    """gamma * (x - mean) / sqrt(var + eps) + beta for each channel; (y, running mean, running variance).

    x: (..., C), channels last; the others: (C,). In training mean and var are those of all other axes, var divided by
    n, and the running ones move by the share `momentum` towards the batch's mean and its variance divided by n - 1, as
    in PyTorch. (Keras calls 1 - momentum so, and divides by n in both places.) In use the running ones serve and stay.
    Raises ValueError if shapes do not fit, or for fewer than 2 numbers a channel in training.
    Introduced on Day 10. Source: Ioffe & Szegedy 2015; `torch.nn.BatchNorm2d`.
    """
    x = np.asarray(x, dtype=float)
    gamma, beta, mean, var = (np.array(a, dtype=float) for a in (gamma, beta, running_mean, running_var))
    if x.ndim < 2 or any(a.shape != x.shape[-1:] for a in (gamma, beta, mean, var)):
        raise ValueError(f"batch norm of {x.shape} needs one number a channel, the last axis, of each kind")
    new_mean, new_var = mean, var
    if training:
        axes, n = tuple(range(x.ndim - 1)), x[..., 0].size
        if n < 2:
            raise ValueError("batch norm needs at least 2 numbers in each channel in training")
        mean, var = x.mean(axis=axes), x.var(axis=axes)
        new_mean = (1 - momentum) * new_mean + momentum * mean
        new_var = (1 - momentum) * new_var + momentum * var * n / (n - 1)
    return gamma * (x - mean) / np.sqrt(var + eps) + beta, new_mean, new_var


def drop_path(x: ArrayLike, branch: ArrayLike, draws: ArrayLike, survival: float, training: bool) -> NDArray:
    """Stochastic depth: x + branch / survival where an image's draw is below `survival`, else x; in use x + branch.

    x, branch: (N, ...), the input of a residual block and what its layers made of it; draws: (N,) from [0, 1).
    Returns float64 of x's shape. Raises ValueError for a survival outside (0, 1] or shapes that do not fit.
    Introduced on Day 10. Source: Huang et al. 2016, scaled in training instead of in use.
    """
    x, branch, draws = np.asarray(x, dtype=float), np.asarray(branch, dtype=float), np.asarray(draws)
    if not 0 < survival <= 1:
        raise ValueError(f"survival is above 0 and at most 1, not {survival!r}")
    if x.shape != branch.shape or draws.shape != x.shape[:1]:
        raise ValueError(f"x {x.shape} and branch {branch.shape} are alike, with one draw an image, not {draws.shape}")
    if not training:
        return x + branch
    kept = (draws < survival).reshape(-1, *(1,) * (x.ndim - 1))
    return x + np.where(kept, branch / survival, 0.0)


def decay_step(
    weights: ArrayLike,
    gradient: ArrayLike,
    scale: ArrayLike,
    decayed: ArrayLike,
    lr: float,
    decay: float,
    decoupled: bool,
) -> NDArray:
    """One step of an optimiser that divides by `scale`, with L2 in the gradient or with decoupled decay.

    weights, gradient, scale, decayed: one shape; scale is 1 for plain gradient descent and about the gradient's size
    for Adam; decayed: True where a weight decays (kernels), False where not (biases, γ and β).
    Coupled: w - lr (g + λ w) / scale; decoupled: (1 - lr λ) w - lr g / scale. Returns float64.
    Raises ValueError if shapes differ or a scale is not above 0.
    Introduced on Day 10. Source: Loshchilov & Hutter 2019.
    """
    w, g, scale = (np.asarray(a, dtype=float) for a in (weights, gradient, scale))
    rate = decay * np.asarray(decayed, dtype=bool)
    if not w.shape == g.shape == scale.shape == rate.shape:
        raise ValueError(f"weights {w.shape}, gradient {g.shape}, scale {scale.shape} and decayed have one shape")
    if not np.all(scale > 0):
        raise ValueError("what a gradient is divided by is above 0")
    return (1 - lr * rate) * w - lr * g / scale if decoupled else w - lr * (g + rate * w) / scale


def ablation_gains(baseline: ArrayLike, arms: ArrayLike) -> NDArray:
    """Mean gain of each arm over the baseline, paired by seed, and its standard error, (arms, 2).

    baseline: (seeds,), a score for each seed; arms: (arms, seeds), in the same order of seeds. The standard error is
    that of the mean difference: the differences' standard deviation (over seeds - 1) divided by the root of seeds.
    Raises ValueError for fewer than 2 seeds or shapes that do not fit. Introduced on Day 10.
    """
    base, scores = np.asarray(baseline, dtype=float), np.asarray(arms, dtype=float)
    if base.ndim != 1 or len(base) < 2 or scores.ndim != 2 or scores.shape[1] != len(base):
        raise ValueError(f"arms (arms, seeds) and baseline (seeds,), 2 seeds or more, not {scores.shape}, {base.shape}")
    gains = scores - base
    return np.stack([gains.mean(axis=1), gains.std(axis=1, ddof=1) / np.sqrt(len(base))], axis=1)
