# ---
# jupyter:
#   course:
#     budget_s:
#       cpu: 300
#       gpu: 300
#       smoke: 60
#     data:
#     - cifar10
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
import hashlib
import time

import keras
import matplotlib.pyplot as plt
import numpy as np
import torch
import torch.nn.functional as F
from keras import layers
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import nn

from course_utils import data, plots, pretrained, profiles
from course_utils.claims import claim, result
from course_utils.ledger import ledger

profile = profiles.start(PROFILE, seed=SEED, frameworks=("keras", "torch"))
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
# The frozen body has thrown away the very thing that the target needs, and no amount of data brings it back. So freezing is
# a bet: few open questions, if the body answers the right ones. With little data the bet is good; with much data it is a
# chain. Keep the two outcomes in mind. The same will happen with images.
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


source_net = train(build(SEED), source_x, source_y, [0.02] * 4, profile.pick(smoke=150, cpu=300, gpu=300), SEED, 64)
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
# - **frozen, untrained**: three stages with *random* weights, held. It is the control. If it did as well as "frozen", then
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


HEAD_RATE, STEPS = 0.03, profile.pick(smoke=70, cpu=80, gpu=80)
candidates = {
    "from scratch": (0, [0.01] * 4),
    "frozen": (3, [0, 0, 0, HEAD_RATE]),
    "fine-tuned": (3, [0.003, 0.003, 0.003, HEAD_RATE]),
    "frozen, untrained": (0, [0, 0, 0, HEAD_RATE]),
}
amounts = profile.pick(smoke=(2, 80), cpu=(1, 2, 5, 10, 20, 40, 80), gpu=(1, 2, 5, 10, 20, 40, 80))
runs = profile.pick(smoke=2, cpu=3, gpu=5)
by_amount = {
    name: np.array(
        [
            [
                accuracy(train(with_body(source_net, keep, 100 + seed), *few(n, seed), rates, STEPS, seed), val_x, val_y)
                for seed in range(runs)
            ]
            for n in amounts
        ]
    )
    for name, (keep, rates) in candidates.items()
}


def draw_spread(table, x, xlabel, caption="", chance=None):
    """A line with the standard deviation over seeds for each name. table: name -> (amounts, seeds), from 0 to 1."""
    fig, ax = plt.subplots(figsize=(6.6, 3.2))
    for i, (name, values) in enumerate(table.items()):
        ax.errorbar(
            x[: len(values)], 100 * values.mean(axis=1), 100 * values.std(axis=1, ddof=1),
            marker="osD^vP"[i], markersize=4.5, capsize=3, label=name,
        )  # fmt: skip
    if chance:
        ax.axhline(100 * chance, color=plots.INK, linewidth=0.8, label="chance")
    ax.set(xscale="log", xlabel=xlabel, ylabel="validation accuracy (%)", xticks=x, xticklabels=[f"{n:,}" for n in x])
    ax.minorticks_off()
    ax.grid(linewidth=0.6)
    ax.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    if caption:
        fig.supxlabel(caption, fontsize=9, style="italic")
    return fig


def ends(table, x):
    """The first and the last point of each line, in words."""
    parts = [f"{k} from {v[0].mean():.0%} at {x[0]:,} to {v[-1].mean():.0%} at {x[len(v) - 1]:,}" for k, v in table.items()]
    return "; ".join(parts) + "."


plots.show(
    draw_spread(by_amount, amounts, "labelled images of each digit", chance=0.2),
    alt="Validation accuracy on the target digits over the number of labelled images, with the spread over seeds: "
    + ends(by_amount, amounts),
)
mean = {name: values.mean(axis=1) for name, values in by_amount.items()}
few_at = amounts.index(2)
for name in candidates:
    result(f"digits_{name.replace(' ', '_').replace(',', '').replace('-', '_')}_few", mean[name][few_at], "%")
    result(f"digits_{name.replace(' ', '_').replace(',', '').replace('-', '_')}_many", mean[name][-1], "%")
claim("two images each: frozen beats scratch by, in points", 100 * (mean["frozen"] - mean["from scratch"])[few_at], lambda p: p > 5)
claim("80 images each: scratch beats frozen by, in points", 100 * (mean["from scratch"] - mean["frozen"])[-1], lambda p: p > 5)
claim("two images each: fine-tuned beats scratch", mean["fine-tuned"][few_at] > mean["from scratch"][few_at], True)
claim("the untrained body never gets above", mean["frozen, untrained"].max(), lambda a: a < 0.5)

# %% [markdown] topics=["S1"]
# The curves **cross**. With a handful of images the frozen body is far ahead. With many it is last of the three. It has
# become the chain of the example by hand: it sees what separates a 0 from a 3, and the head cannot ask for more. The
# fine-tuned net starts as high and is not stuck. The untrained body shows that the features matter, not the fact that
# something was held still.
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
