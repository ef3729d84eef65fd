"""A frozen body in PyTorch: neither weights nor running averages move, whatever a training loop does."""

import contextlib
import copy
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from course_utils.checks.compare import Unreadable
from course_utils.checks.day_16.steps import flat, misled, one_thread, seeded, take_step
from course_utils.checks.question import Case, Rule, question


def _batch_cases(rng: np.random.Generator) -> list[Case]:
    """Without dropout first, so that batch norm alone is seen."""

    def case(n, side, dropout):
        x = rng.normal(3, 2, (n, 1, side, side)).astype(np.float32)
        return Case(x=x, y=rng.permutation(np.arange(n) % 2), dropout=dropout)

    return [case(4, 3, 0.0), case(6, 4, 0.0), case(8, 4, 0.5)]


def _backbone(dropout: float):
    from torch import nn

    body = nn.Sequential(
        nn.Conv2d(3, 4, 2), nn.BatchNorm2d(4), nn.ReLU(), nn.Dropout(dropout), nn.AdaptiveAvgPool2d(1), nn.Flatten()
    )
    body[1].running_mean.fill_(0.2)
    body[1].running_var.fill_(1.5)
    return body


@one_thread()
def _watch_frozen(make, x, y, dropout) -> dict[str, Any]:
    """What the loop of a careless colleague does to the body, to the layer before it, and to its output."""
    import torch

    body = seeded(lambda: _backbone(dropout), 0)
    in_use = copy.deepcopy(body).eval()
    front, head = seeded(lambda: (torch.nn.Conv2d(1, 3, 1), torch.nn.Linear(4, 2)), 1)
    frozen = make(body)
    if not isinstance(frozen, torch.nn.Module):
        raise Unreadable("FrozenBackbone(body) is asked to be an nn.Module: class FrozenBackbone(nn.Module).")
    model = torch.nn.Sequential(front, frozen, head)
    images, labels = torch.from_numpy(x), torch.from_numpy(y)
    colours = front(images).detach()
    first = frozen(colours)
    if first is None:
        raise NotImplementedError
    if not isinstance(first, torch.Tensor) or first.shape != (len(x), 4):
        raise Unreadable("FrozenBackbone(body)(images) gives what the body gives for these images.")
    optimiser = torch.optim.SGD(model.parameters(), lr=0.3, momentum=0.9, weight_decay=0.1)
    start = flat([front.weight])
    seen: dict[str, Any] = {"saved": len(model.state_dict()) >= len(in_use.state_dict()) + 4, "misled": misled(model)}
    for moment in ("built", "train", "again"):
        if moment == "again":
            model.eval()
        if moment != "built":
            model.train()
        take_step(model, optimiser, images, labels)
        seen |= {f"{moment}_{name}": part for name, part in _parts(frozen, body).items()}
    with torch.no_grad():
        whole, alone, twice = frozen(colours), frozen(colours[:2]), frozen(colours)
        return {
            **seen,
            "weights": flat(in_use.parameters()),
            "averages": _averages(in_use),
            "front": float(np.abs(flat([front.weight]) - start).max()),
            "repeats": bool(torch.allclose(whole, twice, atol=1e-5)),
            "alone": bool(torch.allclose(whole[:2], alone, atol=1e-5)),
            "right": bool(torch.allclose(whole, in_use(colours), atol=1e-5)),
            "itself": frozen.eval() is frozen and frozen.train() is frozen,
        }


def _parts(frozen, body) -> dict[str, np.ndarray]:
    """Weights and running averages of the body: of a copy, if the answer works with one."""
    inner = next((m for m in frozen.modules() if type(m) is type(body) and len(m.state_dict())), body)
    return {"weights": flat(inner.parameters()), "averages": _averages(inner)}


def _averages(body) -> np.ndarray:
    return flat(part for part in body.buffers() if part.is_floating_point())


def _kept(value, what: str, *moments: str) -> bool:
    return all(np.array_equal(value[f"{moment}_{what}"], value[what]) for moment in moments)


@cache
def _frozen_class(
    weights: str = "tensors",
    mode: str = "always",
    passed: str = "grad",
    hidden: bool = False,
    factor: int = 1,
    told: bool = True,
) -> type:
    """The class, in other words than the solution's, or with a mistake."""
    import torch
    from torch import nn

    norms = nn.modules.batchnorm._BatchNorm

    class Wrapped(nn.Module):
        def __init__(self, inner):
            super().__init__()
            self.held = [inner] if hidden else nn.ModuleList([inner])
            if weights == "tensors":
                for learned in inner.parameters():
                    learned.requires_grad = False
            elif weights == "attribute":
                inner.requires_grad = False
            if mode == "momentum":
                for part in inner.modules():
                    if isinstance(part, norms):
                        part.momentum = 0.0
            elif mode != "never":
                self._still()

        def _still(self):
            for part in self.held[0].modules():
                if mode != "norms" or isinstance(part, norms):
                    part.training = False

        def train(self, mode_asked=True):
            super().train(mode_asked)
            if mode in ("always", "norms"):
                self._still()
            return self if told else None

        def forward(self, maps):
            with torch.no_grad() if passed == "no grad" else contextlib.nullcontext():
                return factor * self.held[0](maps)

    return Wrapped


def _wrapping(**how: Any) -> Callable:
    return lambda body: _frozen_class(**how)(body)


FrozenBackbone = question(
    "FrozenBackbone",
    points=3,
    reference=_wrapping(),
    cases=_batch_cases,
    observe=_watch_frozen,
    rules={
        "Weights or running averages of the body are missing from the model's state_dict(), so they will not be saved. "
        "Keep the body whole, and as an attribute of the module, self.body = body.": Rule(
            lambda value, **_: value["saved"], _wrapping(hidden=True)
        ),
        "The weights of the body move in a step. Each parameter has a requires_grad of its own; set on the module, the "
        "word is a new attribute that nobody reads.": Rule(
            lambda value, **_: not value["misled"] or _kept(value, "weights", "built", "train", "again"),
            _wrapping(weights="attribute"),
        ),
        "The weights of the body move in a step: its parameters still ask for gradients.": Rule(
            lambda value, **_: _kept(value, "weights", "built", "train", "again"), _wrapping(weights="free")
        ),
        "Batch norm's running averages move with every batch. They are no parameters, so requires_grad does not hold "
        "them: the body has to be in evaluation mode, from __init__ on.": Rule(
            lambda value, **_: _kept(value, "averages", "built"), _wrapping(mode="never")
        ),
        "At first the running averages hold still, but the loop calls model.train(), and that reaches the body. Say in "
        "a method `train` of your own what becomes of the body then.": Rule(
            lambda value, **_: _kept(value, "averages", "train", "again"), _wrapping(mode="once")
        ),
        "The features of an image depend on the other images of its batch. The averages are kept, but not used: "
        "evaluation mode does both.": Rule(
            lambda value, **_: value["alone"] or not value["repeats"], _wrapping(mode="momentum")
        ),
        "The same images give other features the second time: dropout is active. All of the body belongs in evaluation "
        "mode, not batch norm alone.": Rule(lambda value, **_: value["repeats"], _wrapping(mode="norms")),
        "The features are not those that the body gives in use.": Rule(
            lambda value, **_: value["right"], _wrapping(factor=2)
        ),
        "The small layer in front of the body does not learn: no gradient comes through. Frozen weights need none, but "
        "the way back to the input has to stay open.": Rule(
            lambda value, **_: value["front"] > 1e-6, _wrapping(passed="no grad")
        ),
        "Your method `train` does not return the module. frozen.eval() calls it and is not the module then: "
        "return self.": Rule(lambda value, **_: value["itself"], _wrapping(told=False)),
    },
    hints={
        "raised": "Does super().__init__() come first? Try your class in the cell above the check.",
        "type": "Write a class FrozenBackbone(nn.Module) with __init__(body), forward(images) and train(mode).",
        "shape": "Write a class FrozenBackbone(nn.Module) with __init__(body), forward(images) and train(mode).",
    },
)
