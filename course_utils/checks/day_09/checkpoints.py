"""A checkpoint from which a training goes on as if it had not been interrupted."""

import io
from typing import Any

import numpy as np

from course_utils.checks.compare import Unreadable
from course_utils.checks.question import Case, Rule, question


def _resuming_cases(rng: np.random.Generator) -> list[Case]:
    def case(n, features, epochs, saved_after):
        return Case(
            inputs=rng.normal(size=(n, features)).astype(np.float32),
            labels=rng.integers(0, 3, n),
            epochs=epochs,
            saved_after=saved_after,
        )

    return [case(16, 3, 3, 1), case(40, 6, 5, 2), case(40, 6, 6, 4)]


class _Run:
    """A small training: model, optimiser with momentum, schedule, and the generator that shuffles."""

    def __init__(self, inputs, labels, seed):
        import torch

        torch.manual_seed(seed)
        self.x, self.y = torch.from_numpy(inputs), torch.from_numpy(labels)
        self.model = torch.nn.Sequential(
            torch.nn.Linear(inputs.shape[1], 5), torch.nn.BatchNorm1d(5), torch.nn.ReLU(), torch.nn.Linear(5, 3)
        )
        self.optimiser = torch.optim.SGD(self.model.parameters(), lr=0.1, momentum=0.9)
        self.schedule = torch.optim.lr_scheduler.StepLR(self.optimiser, step_size=2, gamma=0.3)
        self.generator = torch.Generator().manual_seed(seed)
        self.parts = self.model, self.optimiser, self.schedule, self.generator

    def train(self, first, last):
        import torch

        for _ in range(first, last):
            for batch in torch.randperm(len(self.y), generator=self.generator).split(8):
                self.optimiser.zero_grad()
                torch.nn.functional.cross_entropy(self.model(self.x[batch]), self.y[batch]).backward()
                self.optimiser.step()
            self.schedule.step()

    def seen(self) -> dict[str, Any]:
        """What a checkpoint has to hold, as arrays."""
        import torch

        momenta = [
            self.optimiser.state.get(p, {}).get("momentum_buffer", torch.zeros_like(p)) for p in self.model.parameters()
        ]
        return {
            "weights": _flat(self.model.parameters()),
            "averages": _flat(buffer for buffer in self.model.buffers() if buffer.is_floating_point()),
            "momentum": _flat(momenta),
            "rate": self.optimiser.param_groups[0]["lr"],
            "schedule": self.schedule.last_epoch,
            "order": self.generator.get_state().clone(),
        }


def _flat(tensors):
    return np.concatenate([tensor.detach().numpy().ravel().copy() for tensor in tensors])


def _interrupt(make, inputs, labels, epochs, saved_after):
    """Train, save, train on to the end; then load into a run of another seed and train that to the end."""
    import torch

    first = _Run(inputs, labels, seed=0)
    first.train(0, saved_after)
    then = first.seen()
    state = make(*first.parts).save(saved_after)
    if state is None:
        raise NotImplementedError  # the empty class
    file = io.BytesIO()
    try:
        torch.save(state, file)
        file.seek(0)
        state = torch.load(file, weights_only=True)
    except Exception as error:  # of pickle, or of PyTorch's
        raise Unreadable(
            "PyTorch does not read the checkpoint back: keep state dicts, tensors and plain numbers in it, no objects."
        ) from error
    first.train(saved_after, epochs)
    second = _Run(inputs, labels, seed=1)
    begin = make(*second.parts).load(state)
    found = second.seen()
    second.train(saved_after, epochs)
    pairs = {name: [then[name], found[name]] for name in then}
    ends = [run.seen()["weights"] for run in (first, second)]
    return {"begin": -1 if begin is None else begin, "end": ends, **pairs}


def _same(value, name) -> bool:
    return np.array_equal(*map(np.asarray, value[name]))


def _forgetting(*names, epoch=True):
    """A class that saves and loads all parts but these; the reference with none."""

    class Saver:
        def __init__(self, net, rule, plan, dice):
            self.net, self.rule, self.plan, self.dice = net, rule, plan, dice

        def save(self, done):
            return {
                "done": done,
                "net": dict(self.net.named_parameters()) if "averages" in names else self.net.state_dict(),
                "rule": self.rule.state_dict(),
                "plan": self.plan.state_dict(),
                "dice": self.dice.get_state(),
            }

        def load(self, kept):
            if "weights" not in names:
                self.net.load_state_dict(kept["net"], strict="averages" not in names)
            if "momentum" not in names:
                self.rule.load_state_dict(kept["rule"])
            if "rate" in names:
                self.rule.param_groups[0]["lr"] = 0.7
            if "settings" in names:
                self.rule.param_groups[0]["momentum"] = 0.5
            if "schedule" not in names:
                self.plan.load_state_dict(kept["plan"])
            if "order" not in names:
                self.dice.set_state(kept["dice"])
            return kept["done"] if epoch else 0

    return Saver


Checkpoint = question(
    "Checkpoint",
    points=3,
    partial=1,
    reference=_forgetting(),
    cases=_resuming_cases,
    observe=_interrupt,
    rules={
        "The model's weights are not back after load.": Rule(
            lambda value, **_: _same(value, "weights"), _forgetting("weights", "averages")
        ),
        "The weights are back, but batch normalisation's running averages are not: parameters() has only what is "
        "learnt, state_dict() has both.": Rule(lambda value, **_: _same(value, "averages"), _forgetting("averages")),
        "The optimiser begins without its momentum: its state_dict belongs to the checkpoint.": Rule(
            lambda value, **_: _same(value, "momentum"), _forgetting("momentum")
        ),
        "The learning rate is not the one that the run had reached.": Rule(
            lambda value, **_: _same(value, "rate"), _forgetting("rate")
        ),
        "The schedule begins anew: it counts epochs, and its state_dict belongs to the checkpoint.": Rule(
            lambda value, **_: _same(value, "schedule"), _forgetting("schedule")
        ),
        "The images will come in another order: keep generator.get_state(), and set it again.": Rule(
            lambda value, **_: _same(value, "order"), _forgetting("order")
        ),
        "The method load does not return the number of epochs that are done, which save was given.": Rule(
            lambda value, saved_after, **_: int(value["begin"]) == saved_after, _forgetting(epoch=False)
        ),
        "The resumed run does not end with the weights of the run that was not interrupted.": Rule(
            lambda value, **_: _same(value, "end"), _forgetting("settings")
        ),
    },
    hints={
        "shape": "The method save returns a dictionary; load takes it and returns how many epochs are done.",
        "type": "Write a class with save(epoch) and load(state). Keep state dicts, tensors and numbers in the state.",
        "raised": "Try the cell above the check: what does save(1) give?",
    },
)
