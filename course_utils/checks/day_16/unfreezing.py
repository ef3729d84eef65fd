"""Progressive unfreezing in PyTorch: which blocks have gradients after a stage, and at which rate they move."""

from collections.abc import Callable
from typing import Any

import numpy as np

from course_utils.checks.compare import Unreadable
from course_utils.checks.day_16.steps import flat, misled, one_thread, seeded, take_step
from course_utils.checks.question import Case, Rule, question

HEAD_RATE, MOMENTUM = 0.2, 0.9


def _stage_cases(rng: np.random.Generator) -> list[Case]:
    """One stage after the other, then a leap over one, then the same stage twice."""

    def case(n, blocks, stages):
        x = rng.normal(size=(n, 5)).astype(np.float32)
        rates = [round(float(rng.uniform(0.01, 0.09)), 3) for _ in stages]
        return Case(x=x, y=rng.permutation(np.arange(n) % 2), blocks=blocks, stages=stages, rates=rates)

    return [case(6, 2, [1]), case(8, 3, [1, 2, 3]), case(8, 4, [2, 3]), case(8, 4, [1, 1, 3])]


def _staged_model(blocks: int):
    from torch import nn

    body = [nn.Sequential(nn.Linear(5, 5), nn.Tanh()) for _ in range(blocks)]
    for tensor in nn.ModuleList(body).parameters():
        tensor.requires_grad = False
    return nn.Sequential(*body, nn.Linear(5, 2))


class _Steps:
    """Runs steps and keeps its own account of momentum, from which the rate of each block is read off."""

    def __init__(self, model, optimiser, x, y):
        import torch

        self.model, self.optimiser = model, optimiser
        self.x, self.y = torch.from_numpy(x), torch.from_numpy(y)
        self.momenta = [0.0] * len(model)

    def step(self) -> dict[str, list]:
        before = [flat(part.parameters()) for part in self.model]
        take_step(self.model, self.optimiser, self.x, self.y)
        reached, rates, steady = [], [], []
        for i, part in enumerate(self.model):
            tensors = list(part.parameters())
            grads = [tensor.grad for tensor in tensors if tensor.grad is not None]
            reached.append(len(grads) / len(tensors))
            if not grads:
                rates.append(0.0)
                steady.append(True)
                continue
            g = np.concatenate([np.ravel(0 * t.detach() if t.grad is None else t.grad) for t in tensors])
            self.momenta[i] = MOMENTUM * self.momenta[i] + g
            moved = before[i] - flat(tensors)
            rates.append(float(moved @ self.momenta[i] / (self.momenta[i] @ self.momenta[i])))
            steady.append(bool(np.allclose(moved, rates[-1] * self.momenta[i], rtol=1e-2, atol=1e-5)))
        return {"reached": reached, "rates": rates, "steady": steady}


@one_thread()
def _watch_stages(unfreeze_stage, x, y, blocks, stages, rates) -> dict[str, Any]:
    """What a step changes after each stage: by block, whether it has gradients, and at which rate it moves."""
    import torch

    model = seeded(lambda: _staged_model(blocks), 0)
    optimiser = torch.optim.SGD(model[-1].parameters(), lr=HEAD_RATE, momentum=MOMENTUM)
    steps = _Steps(model, optimiser, x, y)
    steps.step()
    seen: dict[str, Any] = {"told": [], "reached": [], "rates": [], "steady": []}
    for stage, rate in zip(stages, rates, strict=True):
        told = unfreeze_stage(model, optimiser, stage, rate)
        if isinstance(told, bool) or not isinstance(told, int | np.integer):
            raise Unreadable("Return how many parameters train now: one whole number.")
        seen["told"].append(int(told))
        for name, part in steps.step().items():
            seen[name].append(part)
    return {**seen, "misled": misled(model)}


def _first_seen(blocks: int, stages: list[int], rates: list[float]) -> list[list[float]]:
    """The rate of each block and of the head after each stage: that of the stage which it began with, 0 before."""
    rows, now = [], [0.0] * blocks + [HEAD_RATE]
    for stage, rate in zip(stages, rates, strict=True):
        now = [rate if i >= blocks - stage and not old else old for i, old in enumerate(now)]
        rows.append(now)
    return rows


def _training(value, blocks, stages, **_) -> tuple[np.ndarray, np.ndarray]:
    """Which blocks have gradients, and which should: both bool (stages, blocks)."""
    reached = np.array(value["reached"])[:, :blocks] > 0
    return reached, np.arange(blocks) >= blocks - np.array(stages)[:, None]


def _none_missing(value, **case) -> bool:
    reached, wanted = _training(value, **case)
    return not (wanted & ~reached).any()


def _none_too_many(value, **case) -> bool:
    reached, wanted = _training(value, **case)
    return not (reached & ~wanted).any()


def _not_misled(value, **case) -> bool:
    return not value["misled"] or bool(_training(value, **case)[0].any())


def _from_the_head(value, **case) -> bool:
    """Not so that the first block trains and the last one does not."""
    reached, _ = _training(value, **case)
    return not (reached[:, 0] & ~reached[:, -1]).any()


def _moves(value, **_) -> bool:
    return bool(((np.array(value["reached"]) == 0) | (np.array(value["rates"]) != 0)).all())


def _old_rates(value, blocks, stages, rates, **_) -> bool:
    """Whether what trained before has kept its rate and its momentum."""
    wanted = np.array(_first_seen(blocks, stages, rates))
    was = np.vstack([[False] * blocks + [True], wanted[:-1] > 0])
    return bool((np.isclose(value["rates"], wanted, rtol=1e-2) | ~was).all() and np.array(value["steady"])[was].all())


def _new_rates(value, blocks, stages, rates, **_) -> bool:
    return bool(np.allclose(value["rates"], _first_seen(blocks, stages, rates), rtol=1e-2, atol=1e-5))


def _counted(value, blocks, stages, **_) -> bool:
    return value["told"] == [5 * 2 + 2 + stage * (5 * 5 + 5) for stage in stages]


def _unfreezing(
    chosen: Callable = lambda n, stage: range(n - 1 - stage, n - 1),
    how: str = "tensors",
    known: bool = True,
    own_rate: bool = True,
    old: str = "kept",
    count: str = "training",
) -> Callable:
    """The function, in other words than the solution's, or with a mistake."""

    def unfreeze(model, optimiser, stage, rate):
        new = [model[i] for i in chosen(len(model), stage) if i >= 0]
        met = {id(tensor) for group in optimiser.param_groups for tensor in group["params"]}
        for part in new:
            if how == "attribute":
                part.requires_grad = True
                continue
            for learned in part.parameters():
                learned.requires_grad = True
        joined = [tensor for part in new for tensor in part.parameters() if id(tensor) not in met]
        if joined and known:
            optimiser.add_param_group({"params": joined, **({"lr": rate} if own_rate else {})})
        if old == "slowed":
            for group in optimiser.param_groups:
                group["lr"] = rate
        elif old == "restarted":
            optimiser.state.clear()
        if count == "all":
            return sum(tensor.numel() for tensor in model.parameters())
        return sum(tensor.numel() for tensor in model.parameters() if tensor.requires_grad)

    return unfreeze


unfreeze_stage = question(
    "unfreeze_stage",
    points=4,
    reference=_unfreezing(),
    cases=_stage_cases,
    observe=_watch_stages,
    rules={
        "No block of the body gets a gradient: nothing is unfrozen. Set on a module, requires_grad is a new attribute "
        "that nobody reads; each of its parameters has to be told.": Rule(_not_misled, _unfreezing(how="attribute")),
        "You begin at the wrong end: a block next to the image trains before the one below the head.": Rule(
            _from_the_head, _unfreezing(lambda n, stage: range(stage))
        ),
        "More blocks have gradients than the stage says.": Rule(
            _none_too_many, _unfreezing(lambda n, stage: range(n - 1))
        ),
        "Fewer blocks have gradients than the stage says: `stage` counts blocks of the body, without the head, and all "
        "from there up to the head train.": Rule(_none_missing, _unfreezing(lambda n, stage: [n - 1 - stage])),
        "The blocks have gradients and do not move: the optimiser was made before, and does not know them. Tell it, "
        "with add_param_group.": Rule(_moves, _unfreezing(known=False)),
        "What trained before goes on at another rate, or has lost its momentum. Leave the groups that are there as "
        "they are.": Rule(_old_rates, _unfreezing(old="slowed")),
        "The new blocks move at another rate than `rate`. A new group has the optimiser's, unless you give it one.": (
            Rule(_new_rates, _unfreezing(own_rate=False))
        ),
        "The number that you return is not that of the parameters which train now, head and blocks.": Rule(
            _counted, _unfreezing(count="all")
        ),
    },
    hints={
        "raised": "An optimiser refuses parameters that it knows already: add only those that are new to it. The same "
        "stage may be asked for twice.",
        "type": "Change the model and the optimiser, and return one whole number.",
        "shape": "Return one whole number.",
    },
)
