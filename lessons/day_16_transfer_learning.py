# ---
# jupyter:
#   course:
#     budget_s:
#       cpu: 300
#       gpu: 300
#       smoke: 60
#     data:
#     - cifar10
#     - chest_xray
#     day: 16
#     frameworks:
#     - keras
#     - torch
#     minutes: 100
#     title: Transfer learning
#   jupytext:
#     formats: py:percent
#     notebook_metadata_filter: course,-jupytext.text_representation.jupytext_version
#     text_representation:
#       extension: .py
#       format_name: percent
#       format_version: '1.3'
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Day 16: Transfer learning
#
# **Can a net that learnt one thing help with another?**
#
# After this day you can (in brackets: the question of the exercise that asks for it)
#
# 1. choose a head for a pretrained body, and count its parameters before you build it [1];
# 2. feed a pretrained net what it was trained on, and measure what happens otherwise [2];
# 3. plan what is frozen, freeze it so that nothing moves, unfreeze it so that it does, and prove both by counts [4 to 6];
# 4. give each layer its learning rate, and measure what a net forgets while it learns [3];
# 5. compute features once, keep them, and read from a curve which strategy fits your amount of data [7].
#
# **Time** about 100 minutes, of which the machine computes a few. **You need** convolution, pooling and global average
# pooling (Days 2 to 4), the ledger (Day 2), Adam and one-cycle schedules (Day 8), batch normalisation (Day 10), and the
# three piles of Day 12.

# %% tags=["parameters"]
PROFILE = "auto"  # "smoke", "cpu", "gpu", or "auto": gpu where one is visible, else cpu
SEED = 0

# %%
import copy
import functools
import hashlib
import itertools
import logging
import time

import keras
import matplotlib.pyplot as plt
import numpy as np
import torch
import torch.nn.functional as F
from keras import layers
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from course_utils import data, layouts, plots, pretrained, profiles
from course_utils.claims import claim, result
from course_utils.ledger import ledger

profile = profiles.start(PROFILE, seed=SEED, frameworks=("keras", "torch"))
logging.getLogger("tensorflow").setLevel(logging.ERROR)  # it remarks on each of many small models
torch.set_num_threads(1)  # the first nets of this day are tiny: a second thread would only be in the way

# %% [markdown]
# ## The idea: an eye that is already trained
#
# Somebody who reads Latin letters learns Greek ones in an afternoon. Nobody has to teach her again what a stroke is, a
# corner, a loop, or that a letter stays the same when it moves across the page. She learns 24 new names for combinations
# of what she sees already. A child who has never read needs years.
#
# A convolutional network can be cut in the same place. The **body** $g$, or backbone, makes features of the image; the
# **head** $h$ turns them into an answer:
#
# $$ f(x) = h\big(g(x)\big), \qquad g(x) \in \mathbb{R}^d. $$
#
# The body has weights $\theta$, the head has weights $w$. On the **source task**, with much data, both were learnt. On the
# **target task**, with little data, the head must be new, because the classes are. For the body there is a choice:
#
# - **from scratch**: start $\theta$ at random, learn $\theta$ and $w$;
# - **frozen** (feature extraction): take $\theta$ from the source task, keep it, learn $w$ alone;
# - **fine-tuned**: take $\theta$ from the source task, learn $w$, and move $\theta$ a little.

# %%
fig = plots.boxes(
    {
        "source images": (0, 2), "body g": (2.6, 2), "old head": (5.2, 2),
        "target images": (0, 0), "the same body": (2.6, 0), "new head": (5.2, 0),
    },
    [("source images", "body g"), ("body g", "old head"), ("target images", "the same body"),
     ("the same body", "new head"), ("body g", "the same body")],
    notes={"old head": "thrown away", "new head": "always learnt", "the same body": "frozen or fine-tuned"},
    groups={"old head": 1, "new head": 1, "source images": 2, "target images": 2},
    size=(2.0, 0.8),
)  # fmt: skip
plots.show(
    fig,
    alt="Two rows of boxes. Above: source images go through the body g into the old head, which is thrown away. Below: "
    "target images go through the same body, frozen or fine-tuned, into a new head, which is always learnt.",
)

# %% [markdown]
# ## Small enough to check by hand
#
# The smallest network that can be cut: the input has two numbers, the body makes one feature of them, the head multiplies
# it. The source task has taught the body to add: $g(x) = x_1 + x_2$. The target is $y = 2 (x_1 + x_2)$, and nobody tells
# us. We get **one** example: $x = (2, 1)$, $y = 6$.
#
# **Before you run:** which head makes the example right? And if body and head were learnt from scratch from this one
# example, starting at zero, which weights would gradient descent find? What would both say about $x = (1, 3)$?

# %%
body = np.array([1.0, 1.0])
example, target = np.array([2.0, 1.0]), 6.0
unseen, truth = np.array([1.0, 3.0]), 8.0

head = target / (body @ example)
claim("the head, from one example", head, 2.0)
claim("body and head on the unseen input: the truth", head * (body @ unseen), truth)

weights = np.zeros(2)
for _ in range(200):
    weights -= 0.05 * (weights @ example - target) * example
claim("from scratch: the example is right", weights @ example, target, tolerance=1e-9)
claim("from scratch: the weights, a multiple of the example", weights, np.array([2.4, 1.2]), tolerance=1e-9)
claim("from scratch on the unseen input, where the truth is 8", weights @ unseen, 6.0, tolerance=1e-9)

# %% [markdown]
# Both fit the example. From scratch there are many weights that do, and descent takes the nearest. The body has left only
# one number open, and one example settles it. That is all that transfer is: **fewer questions left open**.
#
# Now another target, $y = x_1 - x_2$, and *many* examples. **Before you run:** the best head on the frozen body, how good
# is it? And two weights from scratch?

# %%
rng = np.random.default_rng(SEED)
many = rng.normal(size=(500, 2))
difference = many @ np.array([1.0, -1.0])
features = many @ body
best_head = features @ difference / (features @ features)
left_frozen = np.mean((best_head * features - difference) ** 2) / np.mean(difference**2)
left_scratch = np.mean((many @ np.linalg.lstsq(many, difference)[0] - difference) ** 2)
claim("frozen: part of the squared target that stays wrong", left_frozen, lambda part: part > 0.9)
claim("from scratch: squared error", left_scratch, 0.0, tolerance=1e-12)

# %% [markdown]
# The frozen body has thrown away the very thing that the target needs, and no amount of data brings it back. This is
# **negative transfer**. So freezing is a bet: few questions stay open, and we hope that the closed ones were answered right.
# Keep both outcomes in mind. The same will happen with images.
#
# ## Two tasks from one set of digits
#
# scikit-learn's 1,797 handwritten digits, 8 × 8 pixels, are too easy alone: everything works. So we throw each digit to a
# random place on a noisy canvas of 16 × 16. The source task is 0 to 4, with many images; the target task is 5 to 9, with
# few. Nothing in the source labels speaks of a 7. What the two have in common is strokes, noise, and that the place does not
# matter.

# %%
SIDE, NOISE = 16, 0.2
digits = load_digits()


def thrown(pictures, rng, times=1):
    """Each picture (N, 8, 8), `times` times, at random places of noisy canvases: a tensor (times · N, 1, 16, 16)."""
    pictures = np.repeat(pictures / 16, times, axis=0)
    canvases = rng.normal(0, NOISE, (len(pictures), SIDE, SIDE))
    corners = rng.integers(0, SIDE - 8 + 1, (len(pictures), 2))
    for canvas, picture, (row, column) in zip(canvases, pictures, corners, strict=True):
        canvas[row : row + 8, column : column + 8] += picture
    return torch.tensor(canvases[:, None] - canvases.mean(), dtype=torch.float32)


def task(classes, known, rng, times_known=1):
    """Images and labels to learn from (`known` different digits), and to validate on."""
    chosen = rng.permutation(np.flatnonzero(np.isin(digits.target, classes)))
    labels = torch.tensor(digits.target[chosen] - classes[0])
    learn = thrown(digits.images[chosen[:known]], rng, times_known), labels[:known].repeat_interleave(times_known)
    return *learn, thrown(digits.images[chosen[known:]], rng, 2), labels[known:].repeat_interleave(2)


rng = np.random.default_rng(SEED)
source_x, source_y, source_val_x, source_val_y = task(range(5), 600, rng, times_known=8)
target_x, target_y, val_x, val_y = task(range(5, 10), 450, rng)
fig = plots.image_grid(
    [*source_x[::200, 0][:8], *target_x[:8, 0]],
    [f"source: {int(c)}" for c in source_y[::200][:8]] + [f"target: {int(c) + 5}" for c in target_y[:8]],
)
plots.show(
    fig,
    alt="Sixteen noisy canvases of 16 by 16 pixels, each with a small handwritten digit at a random place. First row, the "
    "source task: " + ", ".join(str(int(c)) for c in source_y[::200][:8]) + ". Second row, the target task: "
    + ", ".join(str(int(c) + 5) for c in target_y[:8]) + ".",
)  # fmt: skip

# %% [markdown]
# The net has three **stages** (convolution, batch norm, ReLU, pooling) and a head. The training function takes a learning
# rate for each of the four. Stages with the rate 0 are **held**, and as they do not change, their output for each
# image does not either: it is computed once, before the first step.

# %%
STAGES = ("stage 1", "stage 2", "stage 3", "head")


def build(seed, classes=5):
    torch.manual_seed(seed)
    stages = []
    for c_in, c_out, pool in ((1, 16, nn.MaxPool2d(2)), (16, 32, nn.MaxPool2d(2)), (32, 64, nn.AdaptiveMaxPool2d(1))):
        convolution = nn.Conv2d(c_in, c_out, 3, padding=1, bias=False)
        stages.append(nn.Sequential(convolution, nn.BatchNorm2d(c_out), nn.ReLU(), pool))
    return nn.Sequential(*stages, nn.Sequential(nn.Flatten(), nn.Linear(64, classes)))


def train(model, x, y, rates, steps, seed, batch=32):
    """Adam under one cycle, with a rate for each stage; the first stages, as long as their rate is 0, are held."""
    held = next(i for i, rate in enumerate(rates) if rate > 0)
    with torch.no_grad():
        x = model[:held].eval()(x)  # what stands still is computed once, not in each step
    moving = model[held:]
    groups = [{"params": stage.parameters(), "lr": rate} for stage, rate in zip(moving, rates[held:], strict=True)]
    optimiser = torch.optim.Adam(groups)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, rates[held:], total_steps=steps)
    generator = torch.Generator().manual_seed(seed)
    moving.train()
    for _ in range(steps):
        chosen = torch.randint(len(x), (batch,), generator=generator) if len(x) > batch else slice(None)
        optimiser.zero_grad()
        F.cross_entropy(moving(x[chosen]), y[chosen]).backward()
        optimiser.step()
        schedule.step()
    return model.eval()


def accuracy(model, x, y):
    with torch.no_grad():
        return (model.eval()(x).argmax(1) == y).float().mean().item()


source_net = train(build(SEED), source_x, source_y, [0.02] * 4, profile.pick(smoke=120, cpu=300, gpu=300), SEED, 64)
result("source_accuracy", accuracy(source_net, source_val_x, source_val_y), "%")
claim("source task, new digits", accuracy(source_net, source_val_x, source_val_y), lambda a: a > 0.9)
ledger(source_net, (1, SIDE, SIDE))


# %% [markdown]
# ### How much is it worth, and until when?
#
# Now the target task, with 1 to 80 labelled images of each digit. Four candidates get the same images, the same number of
# steps, and the same validation images:
#
# - **from scratch**;
# - **frozen**: three stages of the source net, held; a new head;
# - **fine-tuned**: the same start, everything moves, the stages slower than the head;
# - **untrained, frozen**: three stages with *random* weights, held. It is the control. If it did as well as "frozen", then
#   not the source task would have helped, but the architecture.
#
# Chance is 20 %. **Before you run:** sketch the four curves over the number of images. Does "frozen" stay ahead of "from
# scratch" all the way?

# %%
def with_body(source, keep, seed):
    """A new net whose first `keep` stages come from `source`, the others start at random."""
    model = build(seed)
    for new, old in zip(model[:keep], source[:keep], strict=True):
        new.load_state_dict(old.state_dict())
    return model


def few(amount, seed):
    """`amount` labelled images of each target digit."""
    order = np.random.default_rng([SEED, seed]).permutation(len(target_y))
    chosen = np.concatenate([order[target_y[order].numpy() == c][:amount] for c in range(5)])
    return target_x[chosen], target_y[chosen]


HEAD_RATE, STEPS = 0.03, profile.pick(smoke=60, cpu=80, gpu=80)
candidates = {
    "from scratch": (0, [0.01] * 4),
    "frozen": (3, [0, 0, 0, HEAD_RATE]),
    "fine-tuned": (3, [0.003, 0.003, 0.003, HEAD_RATE]),
    "untrained, frozen": (0, [0, 0, 0, HEAD_RATE]),
}
amounts = profile.pick(smoke=(2, 80), cpu=(1, 2, 5, 10, 20, 40, 80), gpu=(1, 2, 5, 10, 20, 40, 80))
runs = profile.pick(smoke=2, cpu=3, gpu=5)
by_amount = {
    name: np.array(
        [
            [
                accuracy(
                    train(with_body(source_net, keep, 100 + seed), *few(n, seed), rates, STEPS, seed), val_x, val_y
                )
                for seed in range(runs)
            ]
            for n in amounts
        ]
    )
    for name, (keep, rates) in candidates.items()
}


def draw_spread(table, x, xlabel, ylabel, caption="", chance=None):
    """A line with the standard deviation over seeds for each name. table: name -> (amounts, seeds), from 0 to 1."""
    fig, ax = plt.subplots(figsize=(6.6, 3.2))
    for i, (name, values) in enumerate(table.items()):
        ax.errorbar(
            x[: len(values)], 100 * values.mean(axis=1), 100 * values.std(axis=1, ddof=1),
            marker="osD^vP"[i], markersize=4.5, capsize=3, label=name,
        )  # fmt: skip
    if chance:
        ax.axhline(100 * chance, color=plots.INK, linewidth=0.8, label="chance")
    ax.set(xscale="log", xlabel=xlabel, ylabel=ylabel, xticks=x, xticklabels=[f"{n:,}" for n in x])
    ax.minorticks_off()
    ax.grid(linewidth=0.6)
    ax.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    if caption:
        fig.supxlabel(caption, fontsize=9, style="italic")
    return fig


def ends(table, x):
    """The first and the last point of each line, in words."""
    parts = [
        f"{k} from {v[0].mean():.0%} at {x[0]:,} to {v[-1].mean():.0%} at {x[len(v) - 1]:,}" for k, v in table.items()
    ]
    return "; ".join(parts) + "."


plots.show(
    draw_spread(by_amount, amounts, "labelled images of each digit", "validation accuracy (%)", chance=0.2),
    alt="Validation accuracy on the target digits over the number of labelled images, with the spread over seeds: "
    + ends(by_amount, amounts),
)
mean = {name: values.mean(axis=1) for name, values in by_amount.items()}
few_at = amounts.index(2)
for name in candidates:
    result(f"digits_{name.replace(' ', '_').replace(',', '').replace('-', '_')}_few", mean[name][few_at], "%")
    result(f"digits_{name.replace(' ', '_').replace(',', '').replace('-', '_')}_many", mean[name][-1], "%")
claim(
    "two images each: frozen beats scratch by, in points",
    100 * (mean["frozen"] - mean["from scratch"])[few_at],
    lambda p: p > 5,
)
claim(
    "80 images each: scratch beats frozen by, in points",
    100 * (mean["from scratch"] - mean["frozen"])[-1],
    lambda p: p > 5,
)
claim("two images each: fine-tuned beats scratch", mean["fine-tuned"][few_at] > mean["from scratch"][few_at], True)
gain = 100 * (mean["fine-tuned"] - mean["from scratch"])[-1]
claim("80 images each: gained by fine-tuning against scratch, in points", gain, lambda p: p < 3)
claim("the untrained body never gets above", mean["untrained, frozen"].max(), lambda a: a < 0.5)

# %% [markdown] topics=["S1"]
# The curves **cross**. With a handful of images the frozen body is far ahead. With many it is last of the three: the second
# outcome of the example by hand. It sees what separates a 0 from a 3, and no head can ask it for more. The fine-tuned net
# starts as high and is not stuck; yet with 80 images each, the net without a past does as well. And the untrained body shows
# that the features matter, not the fact that something was held still.
#
# So "is transfer better?" has no answer. "Is it better with *this* much data, for *these* two tasks?" has one, and it is
# measured in minutes.
#
# ### How many stages to keep?
#
# Between "all frozen" and "all new" there is more. Keep the first $k$ stages, held, and let the rest start at random and
# learn. **Before you run:** 20 images each. Which $k$ from 0 to 3 is best, and which is worst?

# %%
depths = np.array(
    [
        [
            accuracy(
                train(with_body(source_net, keep, 200 + seed), *few(20, seed), [0] * keep + [0.01] * (3 - keep) + [HEAD_RATE],
                      STEPS, seed),
                val_x, val_y,
            )
            for seed in range(runs)
        ]
        for keep in range(4)
    ]
)  # fmt: skip
fig = plots.bars(
    [f"first {keep} kept" for keep in range(4)],
    depths.mean(axis=1),
    depths.std(axis=1, ddof=1),
    label="validation accuracy, 20 images of each digit",
    unit="%",
)
plots.show(
    fig,
    alt="Bars of accuracy when the first 0, 1, 2 or 3 stages of the source net are kept: "
    + ", ".join(f"{a:.0%}" for a in depths.mean(axis=1)) + ".",
)  # fmt: skip
between = depths[1:3].mean(axis=1).max()
claim("one or two kept beat none, in points", 100 * (between - depths[0].mean()), lambda p: p > 2)
claim("one or two kept beat all three, in points", 100 * (between - depths[3].mean()), lambda p: p > 2)


# %% [markdown]
# The extremes lose. The first stages are **general**: strokes and edges serve any digit. The last stage is **specific**:
# it has been bent towards five particular digits. Yosinski et al. (2014) measured the same in a large network, layer by
# layer. So the usual order is: the head is always new, the last stages are the first to be moved, the first stages
# the last.

# %% [markdown] topics=["S2"]
# ## Freezing that really freezes
#
# Above, the held stages ran once and were done. Often that is impossible: with augmentation, each step brings new images,
# and the whole net must run. Then somebody has to *say* that the body is frozen. In PyTorch each weight has a switch,
# `requires_grad`. Count first. The third stage and the head are to learn; by hand:

# %%
def freeze_plan(model, learns):
    """Switch the gradients of each stage on or off; (trainable, frozen) numbers, by the ledger."""
    for name, stage in zip(STAGES, model, strict=True):
        stage.requires_grad_(name in learns)
    count = ledger(model, (1, SIDE, SIDE))
    return count.trainable, count.non_trainable


in_stage = [9 * 1 * 16, 9 * 16 * 32, 9 * 32 * 64, 64 * 5 + 5]  # kernels without bias; the head's weights and biases
norms = [2 * 16, 2 * 32, 2 * 64]  # γ and β; and as many running averages, which no gradient ever reaches
plan = {
    "head": in_stage[3],
    "stage 3 and head": in_stage[3] + in_stage[2] + norms[2],
    "all": sum(in_stage) + sum(norms),
}
counted = copy.deepcopy(source_net)
whole = sum(in_stage) + 2 * sum(norms)
for name, learns in {"head": STAGES[3:], "stage 3 and head": STAGES[2:], "all": STAGES}.items():
    claim(f"{name}: trainable and frozen", freeze_plan(counted, learns), (plan[name], whole - plan[name]))

# %% [markdown]
# Even with everything switched on, some numbers are not trainable: the running averages of batch norm (Day 10). They are
# not learnt by gradients. They are *collected*, whenever images pass in training mode.
#
# So here is the trap. All gradients of the body are off. There is no optimiser, and no step. We only send images through it
# in training mode, as every training loop does. They are target images from another scanner, which makes everything brighter.
#
# **Before you run:** can this change what the net says about the *source* task, which it knew nearly perfectly?

# %%
brighter = target_x + 1
watched = copy.deepcopy(source_net)
freeze_plan(watched, STAGES[3:])
before = accuracy(watched, source_val_x, source_val_y)
kernels = [stage[0].weight.clone() for stage in watched[:3]]
watched.train()
with torch.no_grad():
    for batch in brighter.split(32):
        watched(batch)
after = accuracy(watched, source_val_x, source_val_y)
result("source_accuracy_before_images_passed", before, "%")
result("source_accuracy_after_images_passed", after, "%")
claim("kernels that changed", sum(not torch.equal(k, s[0].weight) for k, s in zip(kernels, watched, strict=False)), 0)
claim("source accuracy lost without a single step, in points", 100 * (before - after), lambda p: p > 15)


# %% [markdown] topics=["S6"]
# It can. The kernels are untouched, and yet $g$ is another function: batch norm now subtracts the mean of other
# images. A frozen body must also be in **evaluation mode**, for batch norm and for dropout. And it must stay there: the next
# `model.train()`, at the start of each epoch, switches *every* module below it back. Calling `body.eval()` once before the loop
# is not enough. The remedy is a body that does not listen. (Its `forward` runs without `no_grad`: a layer in front of it may
# want to learn, and the gradient has to pass through.)

# %%
class FrozenBackbone(nn.Module):
    """A body whose weights get no gradient, and that answers in evaluation mode whatever mode is asked for."""

    def __init__(self, stages):
        super().__init__()
        self.stages = stages.requires_grad_(False).eval()

    def train(self, mode=True):
        return super().train(mode=False)

    def forward(self, x):
        return self.stages(x)


def averages(module):
    return np.concatenate([b.numpy().ravel().copy() for name, b in module.named_buffers() if "running" in name])


changed = {}
for name in ("eval() once", "FrozenBackbone"):
    stages = copy.deepcopy(source_net[:3]).requires_grad_(False)
    net = nn.Sequential(
        FrozenBackbone(stages) if name == "FrozenBackbone" else stages.eval(), nn.Flatten(), nn.Linear(64, 5)
    )
    at_start = averages(net)
    for _epoch in range(2):
        net.train()  # the first line of every training loop
        net(brighter)
    changed[name] = int(np.sum(averages(net) != at_start))
claim("running averages in the body", len(at_start), 2 * (16 + 32 + 64))
claim("changed, after eval() once before the loop", changed["eval() once"], lambda n: n > 200)
claim("changed, with FrozenBackbone", changed["FrozenBackbone"], 0, source="M27")

# %% [markdown]
# ### The same in Keras
#
# In Keras the switch is `trainable`, of a layer or a whole model. For batch norm it does one thing more: with
# `trainable = False` a batch norm runs in **inference mode**, even when it is called with `training=True`. So one line does
# both. **Before you run:** four times one pass of training. Which of kernel, running mean and head will move in each?

# %%
images, labels = target_x[:64].numpy().transpose(0, 2, 3, 1), target_y[:64].numpy()
loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def build_keras():
    body = keras.Sequential(
        [
            keras.Input((SIDE, SIDE, 1)),
            layers.Conv2D(16, 3, padding="same", use_bias=False),
            layers.BatchNormalization(epsilon=1e-5),
            layers.ReLU(),
            layers.GlobalMaxPooling2D(),
        ]
    )
    return keras.Sequential([keras.Input((SIDE, SIDE, 1)), body, layers.Dense(5)])


def moves(model):
    """Which of kernel, running mean and head change in one pass of training, or what goes wrong."""
    watched = {"kernel": 0, "mean": 3, "head": 5}  # places in the list of weights
    before = {name: model.get_weights()[place] for name, place in watched.items()}
    try:
        model.fit(images, labels, batch_size=32, verbose=0)
    except ValueError as error:  # the torch backend refuses what TensorFlow passes over in silence
        print("   refused:", str(error)[:60])
    return {name: not np.array_equal(before[name], model.get_weights()[place]) for name, place in watched.items()}


net = build_keras()
keras_body = net.layers[0]
keras_body.trainable = False
claim("trainable, by the ledger: the head", ledger(net).trainable, 16 * 5 + 5)
net.compile(keras.optimizers.SGD(0.01), loss)
passes = {"frozen, compiled": moves(net)}
keras_body.trainable = True
claim("trainable again, by the ledger", ledger(net).trainable, 9 * 16 + 2 * 16 + 85)
passes["unfrozen, not compiled again"] = moves(net)
net.compile(keras.optimizers.SGD(0.01), loss)
passes["unfrozen, compiled again"] = moves(net)
keras_body.layers[1].trainable = False
net.compile(keras.optimizers.SGD(0.01), loss)
passes["only batch norm frozen"] = moves(net)
for name, what in passes.items():
    print(f"{name:29}", *(f"{part} {'moves' if moved else 'stays'}; " for part, moved in what.items()))
claim("frozen: only the head moves", passes["frozen, compiled"], {"kernel": False, "mean": False, "head": True}.__eq__)
claim("unfrozen, not compiled: the kernel moves", passes["unfrozen, not compiled again"]["kernel"], False)
claim("compiled again: everything moves", all(passes["unfrozen, compiled again"].values()), True)
claim(
    "batch norm frozen: its mean stays, the kernel moves",
    passes["only batch norm frozen"]["kernel"] and not passes["only batch norm frozen"]["mean"],
    True,
)

# %% [markdown]
# The second line is the one to remember. The ledger says that the body is trainable, `summary()` would say it, and it does
# **not** learn: `compile` has fixed what the training step updates. TensorFlow says nothing; with PyTorch under Keras you get
# an error. So: *change `trainable`, then compile*.
#
# Guides recommend another way to keep the averages: call the body with `training=False` when the model is built. **Before you
# run:** does that hold in `fit`?

# %%
inside, image = build_keras().layers[0], keras.Input((SIDE, SIDE, 1))
net = keras.Model(image, layers.Dense(5)(inside(image, training=False)))
net.compile(keras.optimizers.SGD(0.01), loss)
claim("built with training=False, then fitted: the running mean moves", moves(net)["mean"], True)

# %% [markdown]
# Not in Keras 3: `fit` calls the model in training mode, and a model that was built from inputs to outputs hands this on to
# each of its layers, your `False` notwithstanding. So freeze the batch norms themselves, as in the fourth pass above.
#
# Is the arithmetic the same in both frameworks? A frozen batch norm, with equal averages, in Keras called with
# `training=True`, in PyTorch in evaluation mode:

# %%
keras_norm = keras_body.layers[1]
torch_norm = nn.BatchNorm2d(16).eval()
with torch.no_grad():
    own = torch_norm.weight, torch_norm.bias, torch_norm.running_mean, torch_norm.running_var
    for tensor, value in zip(own, keras_norm.get_weights(), strict=True):
        tensor.copy_(torch.from_numpy(value))
maps = np.random.default_rng(SEED).normal(size=(4, 6, 6, 16)).astype("float32")
from_keras = keras.ops.convert_to_numpy(keras_norm(maps, training=True))
from_torch = torch_norm(torch.from_numpy(maps).permute(0, 3, 1, 2)).permute(0, 2, 3, 1).detach().numpy()
claim("frozen batch norm in Keras and PyTorch", from_keras, from_torch, tolerance=1e-4)


# %% [markdown] topics=["S5"]
# ## Unfreezing that really unfreezes
#
# **Progressive unfreezing** (Howard & Ruder, 2018): first the head alone, until it makes sense; then the last stage with it;
# then the one before. The reason: a new head is random, its first gradients are large and mean little, and a body that
# moves with them is damaged for nothing.
#
# In PyTorch the optimiser was given its parameters when it was made. **Before you run:** we make it for the head, as one
# does, then switch on the gradients of stage 3. Does stage 3 move?

# %%
def stage_moves(model, optimiser, x, y, steps=3):
    """For each stage, whether its weights change in a few steps."""
    before = [torch.cat([p.detach().ravel() for p in stage.parameters()]) for stage in model]
    for _ in range(steps):
        optimiser.zero_grad()
        F.cross_entropy(model(x), y).backward()
        optimiser.step()
    now = [torch.cat([p.detach().ravel() for p in stage.parameters()]) for stage in model]
    return [name for name, a, b in zip(STAGES, before, now, strict=True) if not torch.equal(a, b)]


def unfreeze_stage(model, optimiser, number, rate):
    """Let one more stage learn: its gradients on, and its parameters handed to the optimiser."""
    parameters = list(model[number].requires_grad_(True).parameters())
    known = {id(p) for group in optimiser.param_groups for p in group["params"]}
    if not any(id(p) in known for p in parameters):
        optimiser.add_param_group({"params": parameters, "lr": rate})


x, y = few(10, seed=0)
net = with_body(source_net, 3, seed=300)
freeze_plan(net, ["head"])
optimiser = torch.optim.SGD([p for p in net.parameters() if p.requires_grad], lr=0.01)
claim("phase 1 moves", stage_moves(net, optimiser, x, y), ["head"])
net[2].requires_grad_(True)
claim("gradients on, optimiser not told: moves", stage_moves(net, optimiser, x, y), ["head"])
unfreeze_stage(net, optimiser, 2, rate=0.003)
claim("phase 2 moves", stage_moves(net, optimiser, x, y), ["stage 3", "head"])
claim("trainable in phase 2", ledger(net, (1, SIDE, SIDE)).trainable, plan["stage 3 and head"])
unfreeze_stage(net, optimiser, 1, rate=0.001)
claim("phase 3 moves", stage_moves(net, optimiser, x, y), ["stage 2", "stage 3", "head"])
unfreeze_stage(net, optimiser, 1, rate=0.001)
claim("groups of the optimiser, though stage 2 was unfrozen twice", len(optimiser.param_groups), 3)


# %% [markdown]
# A count of trainable numbers is not enough, then: in the second line the ledger would have said that stage 3 learns. The
# proof is to compare the weights before and after a step. It costs three lines; write them into every fine-tuning.
#
# ## Rates by depth, and forgetting
#
# The first stages are general and should move little; the head is new and should move much. **Discriminative rates** give
# each stage, counted from the head down, a fixed part of the rate above it. On paper: the head gets 0.03, each stage below a
# quarter of the one above. What does stage 1 get?

# %%
def layer_rates(names, top, part):
    """Learning rate of each stage: `top` for the last one, and `part` of the stage above for each below."""
    return {name: top * part**below for below, name in enumerate(reversed(names))}


rates = layer_rates(STAGES, top=0.03, part=0.25)
claim("stage 3", rates["stage 3"], 0.0075, tolerance=1e-12)
claim("stage 1: 0.03 / 64", rates["stage 1"], 0.00046875, tolerance=1e-12)
by_name = [{"params": stage.parameters(), "lr": rates[name]} for name, stage in zip(STAGES, net, strict=True)]
claim(
    "PyTorch takes them as groups",
    [g["lr"] for g in torch.optim.Adam(by_name).param_groups],
    [rates[n] for n in STAGES],
)


# %% [markdown]
# Does a net that learns the target task still know the source task? Put the **old head** back on the new body and ask it
# about digits 0 to 4. We fine-tune with 20 images of each target digit, in four ways.
#
# **Before you run:** which of them will have forgotten most? And will the one that forgets most at least be the best at the
# target task?

# %%
def still_knows(model):
    """Accuracy on the source task of this body with the source net's own head."""
    return accuracy(nn.Sequential(*model[:3], source_net[3]), source_val_x, source_val_y)


recipes = {
    "rate 0.2 everywhere": [0.2] * 4,
    "rate 0.01 everywhere": [0.01] * 4,
    "a quarter per stage": [rates[name] for name in STAGES],
    "body frozen": [0, 0, 0, HEAD_RATE],
}
learnt_and_kept = {}
for name, stage_rates in recipes.items():
    pairs = []
    for seed in range(runs):
        net = train(with_body(source_net, 3, 400 + seed), *few(20, seed), stage_rates, STEPS, seed)
        pairs.append((accuracy(net, val_x, val_y), still_knows(net)))
    learnt_and_kept[name] = np.array(pairs)
    told = learnt_and_kept[name].mean(axis=0)
    print(f"{name:21} target {told[0]:.0%}, source {told[1]:.0%}")

fig, ax = plt.subplots(figsize=(6.6, 3.2))
for i, (name, pairs) in enumerate(learnt_and_kept.items()):
    (a, b), (sa, sb) = 100 * pairs.mean(axis=0), 100 * pairs.std(axis=0, ddof=1)
    ax.errorbar(a, b, sb, sa, marker="osD^"[i], capsize=3, linestyle="", label=name)
ax.axhline(100 * before, color=plots.INK, linewidth=0.8, linestyle=":", label="source net itself")
ax.set(xlabel="accuracy on the target task (%)", ylabel="accuracy on the source task (%)")
ax.grid(linewidth=0.6)
ax.legend(loc="center left", bbox_to_anchor=(1, 0.5))
told = "; ".join(f"{k}: {v[:, 0].mean():.0%} and {v[:, 1].mean():.0%}" for k, v in learnt_and_kept.items())
plots.show(fig, alt=f"Accuracy on the target task and, with the old head, on the source task. {told}.")
kept = {name: pairs[:, 1].mean() for name, pairs in learnt_and_kept.items()}
learnt = {name: pairs[:, 0].mean() for name, pairs in learnt_and_kept.items()}
for name in recipes:
    short = name.replace(" ", "_").replace(".", "_")
    result(f"target_{short}", learnt[name], "%")
    result(f"source_{short}", kept[name], "%")
lost = {name: 100 * (before - share) for name, share in kept.items()}
claim("forgotten at 0.2 everywhere, in points", lost["rate 0.2 everywhere"], lambda p: p > 30)
claim("forgotten with a quarter per stage, in points", lost["a quarter per stage"], lambda p: p < 10)
claim("forgotten with a frozen body, in points", lost["body frozen"], 0.0, tolerance=1e-4)
gain = 100 * (learnt["rate 0.2 everywhere"] - learnt["rate 0.01 everywhere"])
claim("gained on the target by 0.2 against 0.01, in points", gain, lambda p: p < 3)
gain = 100 * (learnt["a quarter per stage"] - learnt["body frozen"])
claim("gained on the target by a quarter per stage against frozen, in points", gain, lambda p: p > 5)

# %% [markdown] topics=["S4"]
# The high rate forgets nearly everything: **catastrophic forgetting**. And it buys nothing for it. What it tore down would
# have been useful for the target, too. A moderate rate everywhere learns most and forgets a little. Rates by depth forget still
# less, and learn far more than a frozen body, which forgets nothing and learns least.
#
# Why care about a task that is done? Because forgetting shows that the general features are being lost, the ones that you took the
# net for. On the target's few training images everything looks fine.
#
# So the usual recipe has two phases: first the head on a frozen body; then the last stage or two at a rate 10 to 100 times
# smaller, compiled again, batch norm frozen.

# %% [markdown] tags=["explorer"]
# ## Try it yourself: what to freeze?
#
# **Explorer: what to freeze.** Tick the blocks that train. The table says what the next step moves, what its backward pass meets,
# which activations it has to keep, and how far features are computed once. Name a plan's faults yourself before you
# press "Check the plan". Below the plan stand the accuracies that you have just measured. Three things to try:
#
# 1. *Who was told?* Stage 3 is ticked, and the optimiser knows the head alone. How many numbers move? Put that right. Then set
#    batch norm to training mode, first in PyTorch, then in Keras: which stages drift?
# 2. *A cheap block?* Choose VGG16, which comes next. Its block 1 is tiny, its block 5 is not. Train block 1 and the head, then
#    block 5 and the head. Before you look: which plan has more work on the way back, and for which can more be kept?
# 3. *More data, other answer.* Move the number of labelled images. From where on is "from scratch" first, and in how many
#    of the seeds?

# %%
from course_utils import widgets

widgets.WhatToFreeze(
    "digits net", framework="torch", rate_body=HEAD_RATE / 10, rate_head=HEAD_RATE,
    measured={"amounts": amounts, "accuracy": by_amount}, images=amounts[few_at],
)  # fmt: skip


# %% [markdown]
# Does PyTorch agree that a small block may be dear? It can count what a backward pass multiplies. On paper, for one image: the
# convolution of stage 1 takes $16^2 \cdot 9 \cdot 1 \cdot 16$ multiply-adds forward, those of stages 2 and 3 take
# $8^2 \cdot 9 \cdot 16 \cdot 32$ and $4^2 \cdot 9 \cdot 32 \cdot 64$. On the way back a convolution costs as much again for
# the gradient of its weights, and as much for the gradient of its inputs, if anything before it waits for that.
# **Before you run:** stage 1 and the head, or stage 3 and the head: which costs more?

# %%
def work_back(*learns):
    """Multiply-adds of the backward pass for one image, when these stages learn; and how many numbers learn."""
    trainable, _ = freeze_plan(counted, learns)
    output = counted(source_x[:1]).sum()
    with FlopCounterMode(display=False) as counter:
        output.backward()
    return counter.get_total_flops() // 2, trainable  # 2 operations are 1 multiply-add


one, two, three = 16**2 * 9 * 1 * 16, 8**2 * 9 * 16 * 32, 4**2 * 9 * 32 * 64
top = 2 * 64 * 5  # the head: weights and inputs
for name, work in {"stage 1": one + two + three + top, "stage 3": three + top}.items():
    back, learning = work_back(name, "head")
    print(f"{name} and head: {learning:,} numbers learn")
    claim(f"{name} and head: multiply-adds on the way back", back, work)

# %% [markdown]
# Far fewer numbers learn, and the way back costs more: the gradient has to pass through everything behind stage 1, frozen or
# not. What saves work is a frozen *front*, and that is also what can be computed once.

# %% [markdown]
# ## A net that has seen a million photographs
#
# From the small to the real. **VGG16** (Simonyan & Zisserman, 2014) was trained for weeks on the 1.2 million photographs of
# ImageNet, which show things of 1,000 kinds. Its body is five blocks of 3 × 3 convolutions, each block ended by a max pooling.
# `include_top=False` leaves out the head with its 1,000 classes. There is no batch norm: it is older.

# %%
torch.set_num_threads(profiles.cores())  # from here on there is work for all of them
backbone = pretrained.vgg16(32, profile)
vgg = backbone.model
print("weights:", backbone.source)
count = ledger(vgg)
claim("parameters of the body", count.parameters, 14_714_688)
count

# %% [markdown]
# The input may have any size from 32 pixels on, because a convolution does not care (Day 2). Frozen, not one of these numbers
# is trainable. Unfrozen from a block on, by hand and by the ledger:

# %%
blocks = [f"block{b}" for b in range(1, 6)]
widths = {"block1": (3, 64, 64), "block2": (64, 128, 128), "block3": (128, 256, 256, 256),
          "block4": (256, 512, 512, 512), "block5": (512, 512, 512, 512)}  # fmt: skip
by_hand = {name: sum(9 * a * b + b for a, b in itertools.pairwise(w)) for name, w in widths.items()}
for first, name in enumerate(blocks):
    for layer in vgg.layers:
        layer.trainable = layer.name.split("_")[0] in blocks[first:]
    learning = sum(by_hand[block] for block in blocks[first:])
    claim(f"trainable from {name} on", ledger(vgg).trainable, learning)
claim("block 5 alone: three convolutions", by_hand["block5"], 7_079_424)
vgg.trainable = False
claim("frozen", ledger(vgg).trainable, 0)

# %% [markdown]
# Block 5 alone holds half of the body. "We only fine-tune the last block" sounds modest; it is 7 million numbers.
#
# ## What the net was trained on
#
# A pretrained net is a function of *its* inputs. VGG16's weights come from Caffe, a library that read images in the order
# blue, green, red; they were left at 0 to 255, and the mean colour of ImageNet was subtracted. Nothing else: no division.
# By hand for a pure red pixel, (255, 0, 0) in RGB. **Before you run:** which three numbers does the net want?

# %%
IMAGENET_RGB = np.array([123.68, 116.779, 103.939])  # mean colour of its training images


def preprocess_vgg(images):
    """(N, H, W, 3) RGB from 0 to 255, as VGG16 was trained to see it; (N, H, W, 1) grey spreads over the three means."""
    return np.flip(images - IMAGENET_RGB, axis=-1).astype("float32")


red = np.array([255, 0, 0], np.uint8).reshape(1, 1, 1, 3)
wanted = np.array([0 - 103.939, 0 - 116.779, 255 - 123.68])
claim("pure red", preprocess_vgg(red).ravel(), wanted, tolerance=1e-4, source="F76")

cifar = data.load("cifar10", profile=profile)
photos = cifar.train.subset(profile.pick(smoke=32, cpu=300, gpu=5000), seed=SEED)
photos_val = cifar.validation.subset(profile.pick(smoke=16, cpu=300, gpu=2000), seed=SEED)
some = photos.images[:8]
claim("Keras' own function", preprocess_vgg(some), keras.applications.vgg16.preprocess_input(some), tolerance=1e-4)
claim("the course's, for images of this size", preprocess_vgg(some), pretrained.prepare(some, 32), tolerance=1e-4)
mine = some.astype("float32")
keras.applications.vgg16.preprocess_input(mine)
claim("Keras' function has changed the float array that it was given", not np.array_equal(mine, some), True)

# %% [markdown]
# The last line is a trap of its own: from a float array Keras makes its result *in place*. Whoever runs the cell twice
# subtracts twice.
#
# ### Grey images into a net for colours
#
# X-rays, scans and digits have one channel; the first kernels of VGG16 have three. Two ways:
#
# - **repeat** the grey channel three times;
# - **sum** the three parts of each first kernel, $K = \sum_c k_c$, and give the net one channel. A convolution is linear, so
#   $\sum_c k_c * x = \big(\sum_c k_c\big) * x$, and that is a third of the work in this layer.
#
# **Before you run:** are the two the same to the last digit or so? And are they still, once the three different means are
# subtracted and the summed net gets a bias that makes up for them?

# %%
kernel, bias = vgg.get_layer("block1_conv1").get_weights()
films = data.load("chest_xray", profile=profile)
grey = films.train.images[:4, 96:128, 96:128].astype("float32")  # a piece of 32 x 32 pixels of four films


def first_layer(weights, x):
    layer = layers.Conv2D(64, 3, padding="same")
    layer.build(x.shape)
    layer.set_weights(weights)
    return keras.ops.convert_to_numpy(layer(x))


summed = kernel.sum(axis=2, keepdims=True)
repeated = first_layer([kernel, bias], np.repeat(grey, 3, axis=3))
size_of_outputs = np.abs(repeated).max()
gap = np.abs(first_layer([summed, bias], grey) - repeated).max()
claim("repeated against summed, of the largest output", gap / size_of_outputs, 0.0, tolerance=1e-5)

means = IMAGENET_RGB[::-1].astype("float32")  # blue, green, red, as the kernels come
make_up = bias - np.einsum("hwcf,c->f", kernel, means)
apart = np.abs(first_layer([kernel, bias], grey - means) - first_layer([summed, make_up], grey))
claim("with means: inside", apart[:, 1:-1, 1:-1].max() / size_of_outputs, 0.0, tolerance=1e-5)
claim("with means: in the outermost frame of pixels", apart.max() / size_of_outputs, lambda a: a > 1e-3)


# %% [markdown] topics=["S7"]
# Equal, but for a frame of one pixel, and there far from it. Padding adds zeros *after* the means have gone, so at the border
# the kernel misses some of the means that the bias makes up for. "Equivalent" is worth a test. And do not *average* the
# three kernels instead of summing them: everything behind would see a third of its input.
#
# The course repeats: it costs almost nothing, and the weights stay as they were published.
#
# ### Heads
#
# What comes out of the body are maps. For an image of 224 pixels, five poolings leave $224 / 2^5 = 7$: maps 7 × 7 × 512. **Before
# you run:** a dense layer with 256 units on all of them, flattened, or on their averages. How many parameters has each?

# %%
def head_parameters(maps, units, pooled):
    """Weights and biases of dense layers on maps (H, W, C): flattened, or pooled to one number each."""
    total, inputs = 0, maps[2] if pooled else maps[0] * maps[1] * maps[2]
    for width in units:
        total, inputs = total + inputs * width + width, width
    return total


maps_224 = (224 // 32, 224 // 32, 512)
flat_256, pooled_256 = (head_parameters(maps_224, [256], pooled) for pooled in (False, True))
claim("numbers that Flatten hands on", maps_224[0] * maps_224[1] * maps_224[2], 25_088, source="T41")
claim("Flatten, Dense 256", flat_256, 6_422_784, source="T41")
claim("global average pooling, Dense 256", pooled_256, 131_328, source="T41")
published = head_parameters(maps_224, [4096, 4096, 1000], pooled=False)
claim("VGG16's own head", published, 123_642_856)
claim("the whole of VGG16", published + count.parameters, 138_357_544)

# %% [markdown]
# Nine tenths of the famous VGG16 are its head. You do not take that part.
#
# ### Small images into big nets
#
# CIFAR-10's images have 32 pixels. VGG16 takes them, it says so in its documentation. **Before you run:** which shape do its
# last maps have? What does global average pooling average then?

# %%
claim("last maps at 32 pixels", vgg.output_shape[1:], (1, 1, 512))


# %% [markdown]
# One pixel: five poolings have eaten the image, and the kernels of block 5, on maps of 2 × 2, see mostly padding (Day 3).
# They have learnt to look for parts of things a hundred pixels wide, and now the whole thing is smaller than one part. Two ways
# out: **enlarge** the image, so that things have the size that the net knows; or **cut** the net earlier, behind block 4.
#
# An enlarged image holds not one bit more than the small one. Cutting throws half of the parameters away. **Before you run:**
# which of the two helps, against the whole net at 32 pixels?

# %%
def logistic(features, labels):
    """Logistic regression on features (N, D), each scaled to mean 0 and spread 1."""
    regression = LogisticRegression(C=0.01, tol=1e-2, max_iter=100)
    with threadpool_limits(1):  # small matrices: a second thread would only be in the way
        return make_pipeline(StandardScaler(), regression).fit(features, labels)


def halves(seed):
    """Two thirds of the photographs, drawn afresh for each seed."""
    return np.random.default_rng([SEED, seed]).permutation(len(photos))[: 2 * len(photos) // 3]


by_body = {}
for size in (32, 64):
    model = pretrained.vgg16(size, profile).model
    four_blocks, fifth_block = pretrained.cut(model, "block4_pool")
    at_size = functools.partial(pretrained.prepare, size=size)
    maps = [pretrained.features(four_blocks, p.images, at_size, what="photographs") for p in (photos, photos_val)]
    tops = [pretrained.features(fifth_block, m, np.asarray, what="maps") for m in maps]
    for name, (learn, check) in {"four blocks": maps, "five blocks": tops}.items():
        learn, check = learn.mean(axis=(1, 2)), check.mean(axis=(1, 2))
        by_body[f"{size} pixels, {name}"] = np.array(
            [logistic(learn[i], photos.labels[i]).score(check, photos_val.labels) for i in map(halves, range(runs))]
        )
caption = ", ".join(filter(None, (cifar.caption, backbone.caption)))
fig = plots.bars(
    list(by_body), [v.mean() for v in by_body.values()], [v.std(ddof=1) for v in by_body.values()],
    label=f"accuracy on CIFAR-10, {len(halves(0))} labelled images", unit="%", caption=caption,
)  # fmt: skip
told = "; ".join(f"{k}: {v.mean():.0%}" for k, v in by_body.items())
plots.show(fig, alt=f"Bars of accuracy on CIFAR-10 with a logistic head on frozen VGG16. {told}. {caption}")
for name, values in by_body.items():
    result(f"photos_{name.replace(', ', '_').replace(' ', '_')}", values.mean(), "%")


# %% [markdown] topics=["S8"]
# In the recorded run half the net beats the whole, at both sizes: block 5 is worse than nothing. And enlarging helps the four
# blocks. It adds no information; it brings what is there to the size that the kernels know, at four times the work for twice the
# side.
#
# The size is one suspect for block 5; the weights are another. The cell that built the net has printed where yours come
# from. Those behind the recorded numbers are ImageNet's weights *after a second training*, on finding edges, and you have
# seen what a second training can do, most of all to the last stage. With the plain weights, from `keras.applications`, the bars
# of five blocks will differ. How much of the loss is size and how much forgetting, these numbers cannot tell.
#
# ## Features: once, then never again
#
# A frozen body gives the same features for the same image, for ever. Head after head can be trained on them, in seconds. So
# compute them once and keep them. The key of an image is a **hash** of its bytes: a number that is different for different
# contents. Not its place in the list: after a shuffle, another image stands there.

# %%
def cached_features(images, compute, store):
    """Features of each image; `store` remembers them, and `compute` gets only images that it does not know."""
    names = [hashlib.sha256(image.tobytes()).digest() for image in images]
    unknown = {name: place for place, name in enumerate(names) if name not in store}
    if unknown:
        store.update(zip(unknown, compute(images[list(unknown.values())]), strict=True))
    return np.stack([store[name] for name in names])


asked = []  # how many images each call had to compute


def pooled_vgg(images):
    asked.append(len(images))
    return np.asarray(vgg.predict_on_batch(preprocess_vgg(images))).mean(axis=(1, 2))


store = {}
first_time = cached_features(some, pooled_vgg, store)
shuffled = cached_features(some[::-1], pooled_vgg, store)
cached_features(photos.images[4:12], pooled_vgg, store)
claim("images computed by each of three calls; the second computes none", asked, [8, 4])
claim("shuffled, the features follow their images", shuffled, first_time[::-1])

# %% [markdown]
# What must be part of the key besides the bytes: the image's shape and type, the net, its weights, the layer, the way of
# preparing. Change the preprocessing and keep the cache, and you measure the old one. `pretrained.features` does all that, on
# disk and batch by batch: features survive the day, and a computation that was interrupted goes on where it stopped.
#
# The images from here on are **chest X-rays** of children, with and without pneumonia (Kermany et al., 2018): far from the
# photographs of ImageNet, grey, and in real life expensive to label. Day 17 studies them with the care that they need. Today
# they are the target task, at 96 pixels (128 in the profile gpu).
#
# We keep the maps *behind block 4*, because we want to train block 5 later, and from them what block 5 makes of them.

# %%
SIZE = profile.pick(smoke=64, cpu=96, gpu=128)
pool = films.train.subset(profile.pick(smoke=32, cpu=400, gpu=2000), seed=SEED)
held_back = films.validation.subset(profile.pick(smoke=16, cpu=300, gpu=520), seed=SEED)
caption = ", ".join(filter(None, (films.caption, backbone.caption)))
large = pretrained.vgg16(SIZE, profile).model
lower, block5 = pretrained.cut(large, "block4_pool")
at_size = functools.partial(pretrained.prepare, size=SIZE)

maps = pretrained.features(lower, pool.images, at_size, what="films")
val_maps = pretrained.features(lower, held_back.images, at_size, what="films")
for _ in range(2):  # the first time Keras also prepares its graph; the second one is measured
    start = time.perf_counter()
    lower.predict_on_batch(at_size(pool.images[:32]))
    computed = (time.perf_counter() - start) / len(pool.images[:32])
start = time.perf_counter()
again = pretrained.features(lower, held_back.images, at_size, what="films")
from_cache = (time.perf_counter() - start) / len(held_back)
result("seconds_for_1000_films_computed", 1000 * computed, "s")
result("seconds_for_1000_films_from_the_cache", 1000 * from_cache, "s")
claim("from the cache: the same numbers", again, val_maps)
tops, val_tops = (pretrained.features(block5, m, np.asarray, what="maps") for m in (maps, val_maps))
frozen, val_frozen = tops.mean(axis=(1, 2)), val_tops.mean(axis=(1, 2))
claim(
    "maps behind block 4, behind block 5",
    (maps.shape[1:], tops.shape[1:]),
    ((SIZE // 16, SIZE // 16, 512), (SIZE // 32, SIZE // 32, 512)).__eq__,
)

# %% [markdown]
# One number to score with. The classes are unequal, so accuracy says little. The **AUC** is the chance that a film with
# pneumonia, drawn at random, gets a higher score than a film without: 1 is perfect, 0.5 is a coin. By hand: scores 0.9 and 0.4
# with, 0.6 and 0.1 without. Of the four pairs, how many are in the right order? (Day 17 takes the AUC apart.)

# %%
claim("AUC by hand: three of four pairs", roc_auc_score([1, 1, 0, 0], [0.9, 0.4, 0.6, 0.1]), 0.75)


# %% [markdown]
# ### Does the preparation matter?
#
# The same films, prepared in three ways, of which two are in circulation and wrong for this net. **Before you run:** the head
# can adapt to whatever features come; it even scales them first. So will it matter at all? Which is worse, the missing factor
# of 255, or the mean and spread that PyTorch's nets want?

# %%
def per_class(amount, seed):
    """Places of `amount` films of each class in the pool."""
    order = np.random.default_rng([SEED, seed]).permutation(len(pool))
    return np.concatenate([order[pool.labels[order] == c][:amount] for c in (0, 1)])


def head_scores(features, val_features, amount):
    """AUC on the validation films of logistic heads, each from another draw of films."""
    draws = [per_class(amount, seed) for seed in range(runs)]
    heads = [logistic(features[i], pool.labels[i]) for i in draws]
    return np.array([roc_auc_score(held_back.labels, head.decision_function(val_features)) for head in heads])


def upright(images):
    """At the net's size, in RGB from 0 to 255, nothing subtracted."""
    return np.flip(at_size(images), axis=-1) + IMAGENET_RGB.astype("float32")


def by_255(images):
    return upright(images) / np.float32(255)


def as_for_pytorch(images):
    spread_of_imagenet = np.array([0.229, 0.224, 0.225])  # of its pixels from 0 to 1
    return ((upright(images) - IMAGENET_RGB) / 255 / spread_of_imagenet).astype("float32")


EACH = profile.pick(smoke=4, cpu=90, gpu=400)  # films of each class
whole_large = keras.Sequential([large, layers.GlobalAveragePooling2D()])
by_way = {"as VGG16 was trained": head_scores(frozen, val_frozen, EACH)}
for name, way in {"PyTorch's mean and spread": as_for_pytorch, "divided by 255": by_255}.items():
    learn, check = (pretrained.features(whole_large, split.images, way, what="films") for split in (pool, held_back))
    by_way[name] = head_scores(learn, check, EACH)
fig = plots.bars(
    list(by_way),
    [1 - values.mean() for values in by_way.values()],
    [values.std(ddof=1) for values in by_way.values()],
    label=f"pairs of films in the wrong order, {2 * EACH} labelled films",
    unit="%",
    caption=caption,
)
told = "; ".join(f"{name}: {1 - values.mean():.1%}" for name, values in by_way.items())
plots.show(
    fig,
    alt="Bars of the share of pairs of films that a logistic head on VGG16's features puts in the wrong order, for three "
    f"preparations. {told}. {caption}",
)
for name, key in zip(by_way, ("right", "for_pytorch", "by_255"), strict=True):
    result(f"auc_prepared_{key}", by_way[name].mean())


# %% [markdown]
# In the recorded run it matters, although the head adapts: what the body has lost, no head finds again. Divided by
# 255, more than twice as many pairs are in the wrong order. And nothing warns you. The model trains, the loss falls, the AUC
# still looks good.
#
# ### Which head?
#
# The same 512 maps, flattened or pooled, and one dense layer, two, or a chain that starts wide and narrows down. All get the
# same films and the same number of steps. **Before you run:** which is best, and how many parameters more does the
# second-best have?

# %%
def head_of(units, pooled):
    """Dense layers with ReLU between them, dropout before the last, on pooled or flattened maps."""
    inputs, stack = (512 if pooled else tops[0].size), []
    for width in units[:-1]:
        stack += [nn.Linear(inputs, width), nn.ReLU()]
        inputs = width
    return nn.Sequential(*stack, nn.Dropout(0.5 if stack else 0.0), nn.Linear(inputs, units[-1]))


def auc(model, x):
    """AUC on the validation films of a torch model with two outputs."""
    with torch.no_grad():
        return roc_auc_score(held_back.labels, model.eval()(x).diff(dim=1).numpy().ravel())


def standard(learn, check):
    """Both with the mean and spread of the first, as tensors (N, D)."""
    mean, spread = learn.mean(axis=0), learn.std(axis=0) + 1e-3
    return [torch.tensor((part - mean) / spread).flatten(1).float() for part in (learn, check)]


heads = {
    "pooled, 2": ([2], True),
    "flattened, 2": ([2], False),
    "pooled, 256, 2": ([256, 2], True),
    "pooled, 512, 256, 64, 2": ([512, 256, 64, 2], True),
    "flattened, 256, 2": ([256, 2], False),
}
by_head, sizes = {}, {}
for name, (units, pooled) in heads.items():
    values = []
    for seed in range(runs):
        chosen = per_class(EACH // 3 + 1, seed)
        learn, check = standard(*((frozen[chosen], val_frozen) if pooled else (tops[chosen], val_tops)))
        labels = torch.tensor(pool.labels[chosen])
        torch.manual_seed(seed)
        net = head_of(units, pooled)
        optimiser = torch.optim.AdamW(net.parameters(), lr=1e-3, weight_decay=0.05)
        for _ in range(profile.pick(smoke=5, cpu=60, gpu=200)):
            batch = torch.randint(len(learn), (32,))
            optimiser.zero_grad()
            F.cross_entropy(net(learn[batch]), labels[batch]).backward()
            optimiser.step()
        values.append(auc(net, check))
    by_head[name] = np.array(values)
    sizes[name] = sum(p.numel() for p in net.parameters())
    claim(f"parameters, {name}", sizes[name], head_parameters(tops.shape[1:], units, pooled))
    result(f"auc_head_{name.replace(', ', '_')}", by_head[name].mean())
fig, ax = plt.subplots(figsize=(6.6, 3))
for i, (name, values) in enumerate(by_head.items()):
    ax.errorbar(sizes[name], values.mean(), values.std(ddof=1), marker="osD^v"[i], capsize=3, label=name, linestyle="")
ax.set(xscale="log", xlabel="parameters of the head", ylabel="AUC on validation films")
ax.grid(linewidth=0.6)
ax.legend(loc="center left", bbox_to_anchor=(1, 0.5))
if caption:
    fig.supxlabel(caption, fontsize=9, style="italic")
told = "; ".join(f"{k}, {sizes[k]:,} parameters: {v.mean():.3f}" for k, v in by_head.items())
plots.show(fig, alt=f"AUC over the number of parameters of five heads. {told}. {caption}")
largest_over_smallest = max(sizes.values()) / min(sizes.values())
claim(
    "the largest head has so many times the parameters of the smallest",
    largest_over_smallest,
    lambda times: times > 400,
)


# %% [markdown] topics=["S3"]
# In the recorded run the smallest head is not beaten, and the worst is the flattened one with a single layer: every place of the
# map gets weights of its own, so there are nine times as many open questions for the same few films. So begin with the
# smallest: pooled, one dense layer. Add a hidden layer when validation says so, with dropout before the last layer (Day 10). A
# batch norm in the head is new and learns, its averages included; it is the body's that must stand still. "Start wide, narrow
# down" is a habit, not a law.
#
# ## The curve on films
#
# Now the strategies of the day's first curve, over the number of labelled films:
#
# - **from scratch**: a small net for films of 48 pixels, four convolutions with batch norm;
# - **frozen, five blocks** and **frozen, four blocks** of VGG16, logistic head;
# - **fine-tuned**: five blocks; block 5 and the head move, block 5 at a tenth of the head's rate.
#
# The head of the last one need not be trained afresh. A logistic regression *is* a dense layer; the scaling in front of it
# can be folded into its weights: $W (x - \mu) / \sigma + b = (W / \sigma)\, x + (b - W \mu / \sigma)$.
#
# **Before you run:** sketch the curves again. Films are no photographs. Do they cross?

# %%
def scratch_score(amount, seed):
    """AUC of a small net that has seen only these films."""
    torch.manual_seed(seed)
    chosen = per_class(amount, seed)
    learn, check = (
        F.interpolate(layouts.to_torch(i).float() / 127.5 - 1, size=(48, 48), mode="area")
        for i in (pool.images[chosen], held_back.images)
    )
    stack = []
    for c_in, c_out, stride in ((1, 16, 2), (16, 32, 2), (32, 64, 2), (64, 64, 1)):
        stack += [nn.Conv2d(c_in, c_out, 3, stride, padding=1, bias=False), nn.BatchNorm2d(c_out), nn.ReLU()]
    net = nn.Sequential(*stack, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 2))
    labels, steps = torch.tensor(pool.labels[chosen]), profile.pick(smoke=5, cpu=120, gpu=600)
    optimiser = torch.optim.AdamW(net.parameters(), lr=0.005, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 0.005, total_steps=steps)
    for _ in range(steps):
        batch = torch.randint(len(chosen), (32,))
        optimiser.zero_grad()
        F.cross_entropy(net(learn[batch]), labels[batch]).backward()
        optimiser.step()
        schedule.step()
    return auc(net, check)


def torch_block5():
    """Block 5 with ImageNet's weights, in PyTorch: three convolutions, ReLU after each, and a max pooling."""
    stack = []
    for name in ("block5_conv1", "block5_conv2", "block5_conv3"):
        kernel, bias = large.get_layer(name).get_weights()
        convolution = nn.Conv2d(512, 512, 3, padding=1)
        with torch.no_grad():
            convolution.weight.copy_(layouts.kernels_to_torch(kernel)), convolution.bias.copy_(torch.from_numpy(bias))
        stack += [convolution, nn.ReLU()]
    return nn.Sequential(*stack, nn.MaxPool2d(2))


in_torch, val_in_torch = layouts.to_torch(maps), layouts.to_torch(val_maps)
with torch.no_grad():
    same = layouts.from_torch(torch_block5()(val_in_torch[:8]))
gap = np.abs(same - val_tops[:8]).max() / val_tops.max()
claim("block 5 in Keras and PyTorch, of the largest output", gap, 0.0, tolerance=1e-2)


def folded(regression):
    """A dense layer with two logits whose difference is what the regression, scaling included, says."""
    (_, scaler), (_, fitted) = regression.steps
    weights = fitted.coef_ / scaler.scale_
    head, sides = nn.Linear(512, 2), np.array([-1, 1]) / 2
    with torch.no_grad():
        head.weight.copy_(torch.tensor(sides[:, None] * weights))
        head.bias.copy_(torch.tensor(sides * (fitted.intercept_ - weights @ scaler.mean_)))
    return head


regression = logistic(frozen, pool.labels)
with torch.no_grad():
    logits = folded(regression)(torch.tensor(val_frozen)).diff(dim=1).numpy().ravel()
claim("regression and folded layer agree", logits, regression.decision_function(val_frozen), tolerance=1e-3)


def fine_tuned_score(amount, seed):
    """AUC after block 5 has moved, and the head with it."""
    chosen = per_class(amount, seed)
    head = folded(logistic(frozen[chosen], pool.labels[chosen]))
    net = nn.Sequential(torch_block5(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), head)
    speeds = layer_rates(("block 5", "head"), top=3e-4, part=0.1)
    optimiser = torch.optim.Adam(
        [{"params": net[0].parameters(), "lr": speeds["block 5"]}, {"params": head.parameters(), "lr": speeds["head"]}]
    )
    labels, generator = torch.tensor(pool.labels), torch.Generator().manual_seed(seed)
    for _ in range(profile.pick(smoke=2, cpu=25, gpu=60)):
        batch = chosen[torch.randint(len(chosen), (16,), generator=generator).numpy()]
        optimiser.zero_grad()
        F.cross_entropy(net(in_torch[batch]), labels[batch]).backward()
        optimiser.step()
    return auc(net, val_in_torch)


AMOUNTS = profile.pick(smoke=(4,), cpu=(5, 20, 90), gpu=(5, 20, 90, 400))
four = maps.mean(axis=(1, 2)), val_maps.mean(axis=(1, 2))  # behind block 4, pooled
on_films = {
    "from scratch": np.array([[scratch_score(n, seed) for seed in range(runs)] for n in AMOUNTS]),
    "frozen, five blocks": np.array([head_scores(frozen, val_frozen, n) for n in AMOUNTS]),
    "frozen, four blocks": np.array([head_scores(*four, n) for n in AMOUNTS]),
    "fine-tuned": np.array([[fine_tuned_score(n, seed) for seed in range(2)] for n in AMOUNTS]),
}
all_films = [2 * n for n in AMOUNTS]
plots.show(
    draw_spread(on_films, all_films, "labelled films", "AUC on validation films (%)", caption, chance=0.5),
    alt="AUC in per cent over the number of labelled films, with the spread over seeds: "
    + ends(on_films, all_films)
    + f" {caption}",
)
for name, values in on_films.items():
    for n, value in zip(all_films, values.mean(axis=1), strict=True):
        result(f"films_{name.replace(', ', '_').replace(' ', '_').replace('-', '_')}_{n}", value)
if profile.name == "cpu" and backbone.is_trained and not films.is_sample:
    claim("180 films, frozen, four blocks: AUC", on_films["frozen, four blocks"][-1].mean(), lambda area: area > 0.9)

# %% [markdown] topics=["S9"]
# Read the left end of the recorded runs first. With ten films the whole frozen VGG16 is *behind* a small net from scratch on
# average, and scatters widely. That is negative transfer, and with few labels, where transfer is said to shine. Its last block
# has been bent to other tasks; these weights even twice. Cut it off, and the same net leads, and stays ahead all the way.
# Fine-tuning, in 25 steps, mends most of what the last block lacks.
#
# Read the right end with suspicion. With 180 films everything comes close to 1. Has a small net learnt medicine from 180 films?
# More likely the two kinds of films differ in more than the lungs. Day 17 looks into that.
#
# ### Which strategy, then?
#
# | your situation | begin with | because, from today |
# |---|---|---|
# | few labels, tasks alike | frozen body, one dense layer on pooled features | fewest open questions; the left end of the first curve |
# | few labels, tasks unlike | cut earlier, then as above | the last stages are specific: the bars of depth, the left end of the second curve |
# | more labels | the same, then the last stages at a small rate | the frozen line goes flat, the tuned one does not |
# | many labels, task unlike the source | from scratch *and* fine-tuned, compared | the first curve crosses |
# | images much smaller than the net's | enlarge, or cut earlier, before anything else | the bars of size and blocks |
#
# Texts put numbers in the first column: below 10,000 images, below 100,000. Our two curves, drawn on one day, tell different
# stories. The number belongs to your task; the experiment that finds it is the cell above.
#
# ## What texts get wrong
#
# Each cell lets you see for yourself. A letter with a number names a row of the course's list of audited claims.
#
# **"`rescale=1/255` prepares the images for VGG16."** A text on X-rays does so, against its own first rule, to use the
# preprocessing of the pretrained model (F76). **Before you run:** one white pixel and one black one. How far apart are they for
# VGG16, prepared its own way, and prepared so?

# %%
black_and_white = np.array([0, 255], np.uint8).reshape(2, 1, 1, 1).repeat(3, axis=3)
own_way, printed_way = preprocess_vgg(black_and_white), (black_and_white / 255).astype("float32")
claim("white, as VGG16 wants it", own_way[1].ravel(), 255 - means, tolerance=1e-4, source="F76")
claim("from black to white, as VGG16 wants them", np.ptp(own_way, axis=0).max(), 255.0, tolerance=1e-3, source="F76")
claim("from black to white, divided by 255", np.ptp(printed_way, axis=0).max(), 1.0, source="F76")

# %% [markdown]
# So to VGG16 every image divided by 255 is an even field of the mean colour, with traces of a picture. How much a head can make
# of traces, the bars above have shown.
#
# **"For pretrained models subtract the ImageNet mean and divide by its deviation; never feed 0 to 255."** (M41) **Before you
# run:** pure red again, through the preparation that belongs to each of seven nets. How many different answers?

# %%
answers = {}
for name in ("vgg16", "resnet50", "densenet", "mobilenet_v2", "inception_v3", "efficientnet", "convnext"):
    answers[name] = getattr(keras.applications, name).preprocess_input(red.astype("float32")).ravel()
    print(f"{name:13}", answers[name].round(2))
claim("different answers for one red pixel", len({tuple(a.round(3)) for a in answers.values()}), 4, source="M41")
claim("EfficientNet: nothing is done", answers["efficientnet"], red.ravel().astype("float32"), source="M41")
efficient = keras.applications.EfficientNetB0(weights=None, include_top=False, input_shape=(32, 32, 3))
claim("because the net begins with", type(efficient.layers[1]).__name__, "Rescaling", source="M41")


# %% [markdown]
# Only one of the four is mean and deviation. Two families *want* 0 to 255 and scale inside. There is no rule; there is a
# function beside each model, and its name is `preprocess_input`. (The same texts call EfficientNet-B0 "very fast" and state of
# the art. Keras' own table has it slower than VGG16 on a GPU and below other nets in accuracy; what it is, is small, M49.)
#
# **"`model.fc.requires_grad = True` switches the head on again."** The net is frozen as a whole, then this line is to free the
# head. **Before you run:** how many parameters are trainable then?

# %%
class Printed(nn.Module):
    """A body and a head called fc, as torchvision's residual nets call it."""

    def __init__(self):
        super().__init__()
        self.body, self.fc = nn.Linear(8, 4), nn.Linear(4, 3)

    def forward(self, x):
        return self.fc(torch.relu(self.body(x)))


net = Printed().requires_grad_(False)
net.fc.requires_grad = True
claim("trainable parameters", sum(p.numel() for p in net.parameters() if p.requires_grad), 0, source="F48")
try:
    net(torch.ones(2, 8)).sum().backward()
    told = "nothing"
except RuntimeError as error:
    told = type(error).__name__
claim("backward", told, "RuntimeError", source="F48")
net.fc.requires_grad_(True)
claim("with requires_grad_(True): tensors that learn", sum(p.requires_grad for p in net.parameters()), 2, source="F48")


# %% [markdown]
# Python allows any attribute on any object, so the line sets one that nobody reads. The underscore makes it a method, and
# the method reaches the parameters.
#
# **"Three strategies: feature extraction, fine-tuning, progressive unfreezing."** Here is what the code
# of the first and of the third amounts to. **Before you run:** in which weights do they differ?

# %%
def as_printed(strategy):
    net = Printed()
    if strategy == "feature_extraction":
        for parameter in net.parameters():
            parameter.requires_grad = False
        net.fc = nn.Linear(4, 5)
    if strategy == "progressive_unfreezing":
        for parameter in net.parameters():
            parameter.requires_grad = False
        net.fc = nn.Linear(4, 5)  # "start with the head, unfreeze later"; there is no later
    return [name for name, parameter in net.named_parameters() if parameter.requires_grad]


extraction, progressive = as_printed("feature_extraction"), as_printed("progressive_unfreezing")
claim("what feature extraction trains", extraction, ["fc.weight", "fc.bias"], source="M26")
claim("progressive unfreezing trains the same", extraction == progressive, True, source="M26")

# %% [markdown]
# **"Freezing the parameters freezes the backbone."** You have seen the running averages move (M27). The same text's snippet for
# fine-tuning keeps the old head, with its 1,000 outputs, for a task of fewer. Say, of ten. It runs. **Before you run:** what is the
# first loss, if all outputs are alike, and what should it be?

# %%
labels = torch.tensor([3, 1, 4])
for outputs, first_loss in ((1000, 6.908), (10, 2.303)):
    said = F.cross_entropy(torch.zeros(3, outputs), labels).item()
    claim(f"first loss with {outputs} outputs", said, first_loss, tolerance=1e-3, source="M27")

# %% [markdown]
# Nobody complains: labels 0 to 9 are legal among 1,000. A first loss near 6.9 is the sign.
#
# **"Use ResNet50 for CIFAR-10: `input_shape=(32, 32, 3)`."** (M89) It is allowed, as with VGG16. **Before you run:** what does
# its global average pooling average?

# %%
residual = keras.applications.ResNet50(weights=None, include_top=False, input_shape=(32, 32, 3))
claim("last maps of ResNet50 at 32 pixels", residual.output_shape[1:], (1, 1, 2048), source="M89")

# %% [markdown]
# One pixel, nothing to average. Enlarge, and use its own `preprocess_input`, which the text forgets, too. Another one has
# "ResNet50 95 %, EfficientNet 98 % in hours" for CIFAR-10. Such numbers come from nets that were pretrained on ImageNet and
# fed with enlarged images, not from training at 32 pixels (M86).
#
# **"Use transfer learning below 100,000 images"**, or below 10,000, on another page of the same text (M17). Neither says where
# the number is from, and the text itself trains 50,000 images from scratch. The day's first curve contradicts any single number:

# %%
better = mean["from scratch"] > mean["frozen"]
crossing = [n for n, won in zip(amounts, better, strict=True) if won]
claim("images of each digit from which on scratch beat frozen", crossing[0], lambda n: n <= 80, source="M17")
claim("while two of each were too few for it", bool(better[few_at]), False, source="M17")

# %% [markdown]
# ## Pitfalls
#
# | symptom | cause | fix |
# |---|---|---|
# | Fine-tuning changes nothing, the ledger says trainable | Keras: not compiled again; PyTorch: the optimiser does not know the parameters | compile after each change of `trainable`; `add_param_group`; compare weights before and after a step |
# | RuntimeError: does not require grad | everything is frozen, the head as well | `model.fc.requires_grad_(True)`, with the underscore |
# | The frozen body gives other features after training | batch norm has collected new averages | PyTorch: evaluation mode, and a `train()` that does not reach it; Keras: `trainable = False` for the batch norms, not `training=False` |
# | First loss near 6.9 | the old head with 1,000 outputs is still there | a new head for your classes |
# | Frozen features are hardly better than raw pixels | wrong preparation, or images too small for the net | the model's own `preprocess_input`; enlarge; look at the shape of the last maps |
# | Accuracy falls in the first steps of fine-tuning, and never comes back | rate too high, or head still random | train the head first; a rate 10 to 100 times smaller; rates by depth |
# | Second run of a cell, other features | `preprocess_input` has changed the float array in place | hand it a copy, or integers |
# | New preparation, same result to the last digit | the cache knows only the image | net, weights and preparation belong into the key |
# | Validation is wonderful, new data are not | features were chosen, or images shared, across the split | split first, by person or source; then extract (Day 12) |
#
# ## Recap
#
# 1. Transfer leaves fewer questions open. With few labels that wins; with many, a frozen body holds you back.
# 2. First stages are general, last ones specific: keep from the front, move from the back.
# 3. Frozen means no gradients *and* no new statistics; unfrozen means that a step moves the weights. Test both.
# 4. A net is a function of its own inputs: its preparation, its size, its colours.
# 5. Compute features once; choose the strategy from a curve of your own data.
#
# ### Further reading
#
# - Yosinski, Clune, Bengio & Lipson, *How transferable are features in deep neural networks?* (2014): general to specific, layer
#   by layer.
# - Sharif Razavian et al., *CNN Features off-the-shelf* (2014): frozen features and a linear head.
# - Kornblith, Shlens & Le, *Do Better ImageNet Models Transfer Better?* (2019): sixteen nets, twelve data sets.
# - Howard & Ruder, *Universal Language Model Fine-tuning* (2018): discriminative rates, gradual unfreezing.
# - Raghu et al., *Transfusion: Understanding Transfer Learning for Medical Imaging* (2019): where ImageNet helps less than hoped.
# - Kirkpatrick et al., *Overcoming catastrophic forgetting in neural networks* (2017).
#
# **Now you:** [the exercise of Day 16](../exercises/day_16_transfer_learning.py). You will count heads, prepare images, plan what is
# frozen, build a body that stays frozen and a stage that really wakes, and a cache that never computes twice.
