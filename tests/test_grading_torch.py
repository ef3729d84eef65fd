"""Graded PyTorch models, with an instructor's own questions: the same promises as for Keras."""

import sys

import model_kit
import pytest
from model_kit import mark, marks

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the sandbox needs Linux")

QUESTIONS = '''
"""An instructor's questions about PyTorch models."""

import numpy as np

from course_utils.checks import Case, Rule, question
from course_utils.checks.carried import TORCH

DAY, EXERCISE = 33, "exercise.py"
__all__ = ["Net", "fitted"]


def draw(rng, n=60):
    """Pictures of 8 by 8 pixels with a level (0) or an upright (1) bar."""
    labels = rng.permutation(np.arange(n) % 2)
    images = rng.normal(0, 0.3, (n, 1, 8, 8)).astype(np.float32)
    for image, label, place in zip(images, labels, rng.integers(1, 7, n)):
        image[(0, slice(None), place) if label else (0, place)] += 2
    return images, labels


def _cases(rng):
    images, labels = draw(rng)
    return [Case(images=images).knowing(labels=labels)]


def _look(model, images):
    import torch

    model = model() if not isinstance(model, torch.nn.Module) else model
    with torch.no_grad():
        torch.manual_seed(0)
        passes = [model.train(mode)(torch.from_numpy(images)) for mode in (False, False, True, True)]
    return {"parameters": sum(p.numel() for p in model.parameters()), "scores": passes[:2], "training": passes[2:]}


def _net(dropout=0.3, width=4, classes=2):
    from torch import nn

    layers = [nn.Conv2d(1, width, 3), nn.ReLU(), nn.Flatten(), nn.Dropout(dropout), nn.Linear(36 * width, classes)]
    return nn.Sequential(*layers)


def _right(value, labels):
    return (value["scores"][0].argmax(axis=1) == labels).mean()


def _sure(labels, turn=False, weights=1, weight=1.0):
    """A model by hand: an upright bar makes some column bright."""
    import torch
    from torch import nn

    class Bars(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter(torch.full((weights,), weight))

        def forward(self, x):
            level, upright = x.mean(3).amax((1, 2)), x.mean(2).amax((1, 2))
            scores = torch.stack([level, upright] if not turn else [upright, level], 1)
            return scores * self.weight[:1]

    return Bars()


Net = question(
    "Net",
    points=3,
    reference=_net,
    cases=_cases,
    observe=_look,
    carry=TORCH,
    rules={
        "Two scores are asked for.": Rule(
            lambda value, images, **_: value["scores"][0].shape == (len(images), 2), lambda: _net(classes=3)
        ),
        "More than 1,000 parameters.": Rule(lambda value, **_: value["parameters"] <= 1000, lambda: _net(width=40)),
        "Dropout is on when the model is used, or off in training.": Rule(
            lambda value, **_: np.array_equal(*value["scores"]) and not np.array_equal(*value["training"]),
            lambda: _net(dropout=0.0),
        ),
    },
)
fitted = question(
    "fitted",
    points=4,
    kind="object",
    reference=_sure,
    cases=_cases,
    observe=_look,
    carry=TORCH,
    rules={
        "More than 1,000 parameters.": Rule(
            lambda value, **_: value["parameters"] <= 1000, lambda labels, **_: _sure(labels, weights=2000)
        ),
        "NaN.": Rule(
            lambda value, **_: np.isfinite(value["scores"][0]).all(),
            lambda labels, **_: _sure(labels, weight=float("nan")),
        ),
        "Fewer than nine of ten are right.": Rule(
            lambda value, labels, **_: _right(value, labels) >= 0.9, lambda labels, **_: _sure(labels, turn=True)
        ),
    },
)
'''
EXERCISE = """
# ---
# jupyter:
#   course:
#     budget_s: {smoke: 4}
#     frameworks: [torch]
# ---

# %%
import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

torch.manual_seed(0)
labels = np.arange(200) % 2
images = np.random.default_rng(0).normal(0, 0.3, (200, 1, 8, 8)).astype(np.float32)
for i, place in enumerate(np.random.default_rng(1).integers(1, 7, 200)):
    images[(i, 0, slice(None), place) if labels[i] else (i, 0, place)] += 2

# %% nbgrader={"grade_id": "Net", "solution": true}
class Net(nn.Module):
    ...

# %% nbgrader={"grade_id": "fitted", "solution": true}
fitted = None
"""
NET = """
class Net(nn.Module):
    def __init__(self, width=8, classes=2, dropout=0.3):
        super().__init__()
        self.conv = nn.Sequential(nn.Conv2d(1, width, 3, bias=False), nn.BatchNorm2d(width), nn.ReLU())
        self.out = nn.Linear(width * 9, classes)
        self.dropout = dropout

    def forward(self, x):
        x = F.max_pool2d(self.conv(x), 2)
        x = F.dropout(x.view(x.size(0), -1), self.dropout, self.training)
        return self.out(x)
"""
FIT = """
def fit(model, labels=labels):
    optimiser = torch.optim.Adam(model.parameters(), 0.01)
    x, y = torch.from_numpy(images), torch.from_numpy(labels)
    for _ in range(60):
        optimiser.zero_grad()
        F.cross_entropy(model(x), y).backward()
        optimiser.step()
    return model
"""


@pytest.fixture(scope="module")
def examiner(tmp_path_factory):
    with model_kit.examiner(tmp_path_factory.mktemp("torch"), QUESTIONS, EXERCISE, seconds=8) as made:
        yield made


def net(examiner, source):
    return mark(examiner, "Net", Net=source)


def fitted(examiner, source):
    return mark(examiner, "fitted", fitted=NET.replace("Net", "Own") + FIT + source)


def test_right_models_earn_all_points(examiner):
    answers = {"Net": NET, "fitted": NET.replace("Net", "Own") + FIT + "fitted = fit(Own())"}
    assert [m.points for m in marks(examiner, **answers)] == [3, 4]


def test_nothing_is_unanswered(examiner):
    assert {m.status for m in marks(examiner, fitted="fitted = None")} == {"unanswered"}


@pytest.mark.parametrize(
    ("source", "mistake"),
    [
        (NET.replace("classes=2", "classes=3"), "Two scores are asked for."),
        (NET.replace("width=8", "width=80"), "More than 1,000 parameters."),
        (NET.replace("self.training", "True"), "Dropout is on when the model is used, or off in training."),
        (NET.replace("dropout=0.3", "dropout=0.0").replace("nn.BatchNorm2d(width)", "nn.Identity()"),
         "Dropout is on when the model is used, or off in training."),
    ],
)  # fmt: skip
def test_each_mistake_in_building_is_named(examiner, source, mistake):
    found = net(examiner, source)
    assert (found.points, found.mistake) == (0, mistake)


WIDE = NET.replace("width=8", "width=80")
BAD = {
    "a count that lies": WIDE + "    def parameters(self, recurse=True): return iter(())\n",
    "a state that lies": WIDE + "    def state_dict(self, *a, **k): return {}\n    numel = lambda self: 0\n",
    "a branch on a value": NET.replace("return self.out(x)", "return self.out(x) if x.sum() > 0 else x"),
    "code of one's own": NET.replace("self.out(x)", "torch.from_numpy(np.ones((len(x), 2), np.float32))"),
    "not a module": "class Net:\n    def __call__(self, x): return x\n    def parameters(self): return []",
    "no call": "Net = 3",
    "a module nobody knows": NET.replace("nn.ReLU()", "nn.MultiheadAttention(2, 1)"),
    "too many parameters to look at": NET.replace("width=8", "width=1_000_000"),
    "huge": NET.replace("width=8", "width=10**11"),
    "patched": WIDE + "nn.Module.parameters = lambda self: iter(())\ntorch.Tensor.numel = lambda self: 1",
}


@pytest.mark.parametrize("name", BAD)
def test_a_model_that_cannot_be_believed_earns_nothing(examiner, name):
    found = net(examiner, BAD[name])
    assert (found.points, found.status) == (0, "wrong")


def step(op, target, args):
    """Data of a model that does one thing between its input and its output, as the text of an expression."""
    steps = [("placeholder", "x", "x", []), (op, "y", target, args), ("output", "z", "output", [{"step": "y"}])]
    keys = ("op", "name", "target", "args")
    listed = [dict(zip(keys, (*one[:3], {"tuple": one[3]}), strict=True), kwargs={"dict": {}}) for one in steps]
    return repr({"steps": {"training": listed, "evaluation": listed}, "modules": {}, "tensors": {}})


SENT = {
    "a function outside torch": step("call_function", "os.system", ["touch /tmp/owned"]),
    "a method of another object": step("call_method", "__class__", [{"step": "x"}]),
    "an attribute nobody needs": step("call_function", "getattr", [{"step": "x"}, "__class__"]),
    "a module outside torch.nn": "{'steps': {}, 'modules': {'a': ['Module', {}]}, 'tensors': {}}",
    "a module of 10**14 weights": "{'steps': {}, 'modules': {'a': ['Linear', dict(in_features=10**7, "
    "out_features=10**7)]}, 'tensors': {'a.weight': np.ones(1)}}",
    "a step that never was": step("call_method", "relu", [{"step": "nowhere"}]),
    "no steps": "{'steps': {'training': [], 'evaluation': []}, 'modules': {}, 'tensors': {}}",
    "numbers among the settings": step("call_function", "torch.add", [{"step": "x"}, list(range(100))]),
    "a text": "'model'",
    "nothing": "None",
}


@pytest.mark.parametrize("name", SENT)
def test_hostile_data_in_place_of_a_model_earns_nothing(examiner, name):
    patch = "from course_utils.checks.carried import torch_models\n"
    found = net(examiner, f"{patch}torch_models.pack = lambda model: {SENT[name]}\ndef Net():\n    return 1")
    assert (found.points, found.mistake) == (0, "")


CHEATS = {
    "never trained": "fitted = Own()",
    "trained on noise": "fitted = fit(Own(), np.random.permutation(labels))",
    "weights that are NaN": "fitted = fit(Own())\nfitted.out.weight.data *= float('nan')",
    "forward replaced": "fitted = Own()\nfitted.forward = lambda x: torch.ones(len(x), 2)",
    "learnt by heart in a buffer": """
class Near(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("seen", torch.from_numpy(images.reshape(200, -1)))
        self.register_buffer("known", torch.eye(2)[torch.from_numpy(labels)])
    def forward(self, x):
        near = torch.matmul(torch.flatten(x, 1), self.seen.t()) * 2 - (self.seen * self.seen).sum(1)
        return torch.matmul(torch.softmax(near, 1), self.known)
fitted = Near()
""",
}


@pytest.mark.parametrize("cheat", CHEATS)
def test_training_is_graded_by_its_effect(examiner, cheat):
    found = fitted(examiner, CHEATS[cheat])
    assert (found.points, found.status) == (0, "wrong")
    if "heart" in cheat:
        assert found.mistake == "More than 1,000 parameters."


def test_weights_set_by_hand_count_if_they_work(examiner):
    by_hand = """
class Bars(nn.Module):
    def forward(self, x):
        return torch.stack([x.mean(3).amax((1, 2)), x.mean(2).amax((1, 2))], 1)
fitted = Bars()
"""
    assert fitted(examiner, by_hand).points == 4
