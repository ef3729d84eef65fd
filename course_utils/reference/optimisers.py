"""What optimisers do with gradients: momentum, AdaGrad and RMSProp, Adam and AdamW, SAM. PyTorch's forms.

A path is where the weights are after each step, (steps, ...), given the gradient of each step. Introduced on Day 8.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray


def momentum_path(
    weights: ArrayLike,
    gradients: ArrayLike,
    rates: ArrayLike,
    mu: float = 0.0,
    nesterov: bool = False,
    rate_inside: bool = False,
) -> NDArray:
    """Stochastic gradient descent with momentum: v = μv + g, then w = w − ηv.

    weights: any shape; gradients: (steps, *shape), one a step; rates: η, one number or (steps,). mu = 0 is plain SGD.
    nesterov: w = w − η(g + μv). rate_inside: v = μv + ηg and w = w − v, as in Keras and in most papers; the two differ
    once η changes. Returns float64 (steps, *shape). Raises ValueError if shapes do not fit, or for mu outside [0, 1).
    Introduced on Day 8. Source: Polyak 1964; Sutskever et al. 2013 (Nesterov); `torch.optim.SGD`.
    """
    w, gradients = _checked(weights, gradients)
    rates = np.broadcast_to(np.asarray(rates, dtype=float), len(gradients))
    _share(mu=mu)
    velocity, path = np.zeros_like(w), []
    for gradient, rate in zip(gradients, rates, strict=True):
        inner, outer = (rate, 1.0) if rate_inside else (1.0, rate)
        velocity = mu * velocity + inner * gradient
        w = w - outer * (mu * velocity + inner * gradient if nesterov else velocity)
        path.append(w)
    return np.array(path)


def adaptive_path(
    kind: str,
    weights: ArrayLike,
    gradients: ArrayLike,
    lr: float,
    alpha: float = 0.99,
    eps: float = 1e-8,
    eps_inside: bool = False,
) -> NDArray:
    """AdaGrad or RMSProp: each weight's step is divided by the root of its collected squared gradients.

    kind: "adagrad" collects their sum, "rmsprop" their running mean αS + (1 − α)g². weights, gradients: as in
    `momentum_path`. The step is ηg / (√S + ε); eps_inside: ηg / √(S + ε), as in Keras. Returns float64 (steps, *shape).
    Raises ValueError for another kind, for shapes that do not fit, or for alpha outside [0, 1).
    Introduced on Day 8. Source: Duchi et al. 2011; Tieleman & Hinton 2012; `torch.optim.Adagrad` and `RMSprop`.
    """
    if kind not in ("adagrad", "rmsprop"):
        raise ValueError(f"kind is adagrad or rmsprop, not {kind!r}")
    w, gradients = _checked(weights, gradients)
    _share(alpha=alpha)
    keep, add = (1.0, 1.0) if kind == "adagrad" else (alpha, 1 - alpha)
    collected, path = np.zeros_like(w), []
    for gradient in gradients:
        collected = keep * collected + add * np.square(gradient)
        root = np.sqrt(collected + eps) if eps_inside else np.sqrt(collected) + eps
        w = w - lr * gradient / root
        path.append(w)
    return np.array(path)


def adamw_path(
    weights: ArrayLike,
    gradients: ArrayLike,
    lr: float = 1e-3,
    beta1: float = 0.9,
    beta2: float = 0.999,
    eps: float = 1e-8,
    weight_decay: float = 0.0,
) -> NDArray:
    """Adam, and with weight_decay AdamW: running means of g and g², corrected for having begun at zero.

    weights, gradients: as in `momentum_path`. Each step first multiplies the weights by 1 − ηλ, then goes by
    −η m̂ / (√v̂ + ε). Returns float64 (steps, *shape). Raises ValueError for shapes that do not fit, or a beta outside
    [0, 1). Introduced on Day 8. Source: Kingma & Ba 2015; Loshchilov & Hutter 2019; `torch.optim.AdamW`.
    """
    w, gradients = _checked(weights, gradients)
    _share(beta1=beta1, beta2=beta2)
    mean, square, path = np.zeros_like(w), np.zeros_like(w), []
    for t, gradient in enumerate(gradients, start=1):
        mean = beta1 * mean + (1 - beta1) * gradient
        square = beta2 * square + (1 - beta2) * np.square(gradient)
        corrected, spread = mean / (1 - beta1**t), np.sqrt(square / (1 - beta2**t))
        w = (1 - lr * weight_decay) * w - lr * corrected / (spread + eps)
        path.append(w)
    return np.array(path)


def sam_step(weights: ArrayLike, gradient: Callable[[NDArray], ArrayLike], lr: float, rho: float) -> NDArray:
    """One step of sharpness-aware minimisation (SAM) over plain gradient descent: two gradients, one step.

    gradient: from weights to the gradient there. The first pass climbs by ρ along the gradient; the second takes the
    gradient up there, and the step is made from where the weights were. Returns float64 of the weights' shape.
    Raises ValueError for rho below 0. Introduced on Day 8. Source: Foret et al. 2021.
    """
    if rho < 0:
        raise ValueError(f"rho is a distance, not negative as in {rho!r}")
    w = np.array(weights, dtype=float)
    uphill = np.asarray(gradient(w.copy()), dtype=float)
    length = np.sqrt(np.sum(np.square(uphill)))
    climbed = w + rho * uphill / length if length > 0 else w.copy()
    return w - lr * np.asarray(gradient(climbed), dtype=float)


def _checked(weights: ArrayLike, gradients: ArrayLike) -> tuple[NDArray, NDArray]:
    """Both as float64. Raises ValueError unless each gradient has the shape of the weights."""
    w, g = np.array(weights, dtype=float), np.asarray(gradients, dtype=float)
    if g.ndim == 0 or g.shape[1:] != w.shape:
        raise ValueError(f"gradients of weights of shape {w.shape} have the shape (steps, *shape), not {g.shape}")
    return w, g


def _share(**values: float) -> None:
    for name, value in values.items():
        if not 0 <= value < 1:
            raise ValueError(f"{name} is at least 0 and below 1, not {value!r}")
