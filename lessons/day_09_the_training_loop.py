# ---
# jupyter:
#   course:
#     budget_s:
#       cpu: 300
#       gpu: 300
#       smoke: 60
#     data: []
#     day: 9
#     frameworks:
#     - keras
#     - torch
#     minutes: 90
#     title: The training loop
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
# # Day 9: The training loop
#
# **Leave out one line of a training loop. Who would tell you?**
#
# After this day you can (in brackets: the question of the exercise that asks for it)
#
# 1. work out the loss of an epoch whose last batch is smaller [1];
# 2. write an epoch of training and one of validation from memory, and say what happens when a line is missing [2, 3];
# 3. stop a training early, with the weights of its best epoch, and say what Keras' callbacks keep [4];
# 4. say what a data pipeline brings in its second epoch, and mend one that leaks [5, 6];
# 5. save a checkpoint from which a killed run goes on as if nothing had happened, to the last bit [7].
#
# **Time** about 90 minutes. **You need** softmax, cross-entropy and its gradient (Days 6 and 7); SGD with momentum,
# learning-rate schedules, patience and `ReduceLROnPlateau` (Day 8).

# %% tags=["parameters"]
PROFILE = "auto"  # "smoke", "cpu", "gpu", or "auto": gpu where one is visible, else cpu
SEED = 0

# %%
import copy
import inspect
import os
import subprocess
import sys
import tempfile
import time
import warnings
from itertools import pairwise
from pathlib import Path

import keras
import matplotlib.pyplot as plt
import numpy as np
import torch
import torch.nn.functional as F
from IPython.display import Markdown
from keras import layers
from torch import nn

from course_utils import plots, profiles
from course_utils.claims import claim, result

profile = profiles.start(PROFILE, seed=SEED, frameworks=("keras", "torch"))
torch.set_num_threads(1)  # the nets of this day are tiny: a second thread would only be in the way

# %% [markdown]
# ## The idea: four steps in a circle
#
# Training repeats four steps for each **batch** of images. Forget the old gradients. Go *forward* to the loss. Go
# *backward* to the new gradients. Make one *step* with the weights. When every image has had its turn, an **epoch** is
# over. Then comes a second, slower circle: measure on images that were not trained on, keep the weights if they are the
# best so far, and decide whether to go on.

# %%
places = {"zero_grad()": (2.4, 1.9), "forward": (0, 1.9), "backward()": (0, 0), "step()": (2.4, 0)}
later = {"validate": (4.8, 0), "better?\nkeep a copy": (7.2, 0), "patience\nused up?": (7.2, 1.9), "stop, take\nthe copy": (9.6, 1.9)}
around = [*places, "zero_grad()"]
fig = plots.boxes(
    places | later,
    [*pairwise(around), ("step()", "validate"), *pairwise(later), ("patience\nused up?", "zero_grad()")],
    groups=dict.fromkeys(later, 1),
    notes={"backward()": "for each batch", "validate": "after each epoch"},
)
plots.show(
    fig,
    alt="Two circles of boxes. Left, for each batch: zero_grad, forward, backward, step, and back to zero_grad. Right, after "
    "each epoch, from step on: validate; better? keep a copy; patience used up? If so, stop and take the copy; if not, back to "
    "zero_grad.",
)

# %% [markdown]
# In symbols, for the batch $B_t$ with $|B_t|$ images, weights $w$ and learning rate $\eta$:
#
# $$ L_t = \frac{1}{|B_t|} \sum_{i \in B_t} \ell_i(w_t), \qquad w_{t+1} = w_t - \eta \, \frac{\partial L_t}{\partial w} $$
#
# Here $\ell_i$ is the loss of one image and $t$ counts the batches.
#
# ### By hand
#
# A model with one weight says $\hat y = w x$. The loss is $(\hat y - y)^2$, so its gradient is $2(\hat y - y)\,x$.
# There are two examples, each a batch of its own: $x = 1, y = 2$ and $x = 2, y = 4$. Start at $w = 0$ with
# $\eta = 0.1$. **Before you run:** work out both steps on paper.

# %%
w, losses = 0.0, []
for x, y in [(1, 2), (2, 4)]:
    gradient = 2 * (w * x - y) * x
    losses.append((w * x - y) ** 2)
    w = w - 0.1 * gradient
    print(f"gradient {gradient:.1f}, new weight {w:.2f}")
claim("the weight after both", w, 1.68, tolerance=1e-12)


# %% [markdown]
# Now PyTorch does it. `backward()` *adds* to `.grad`; it does not replace what is there. **Before you run:** what is
# the second gradient if `zero_grad()` is forgotten, and where does the weight end?

# %%
def two_steps(with_zero_grad):
    w = torch.zeros(1, requires_grad=True)
    optimiser = torch.optim.SGD([w], lr=0.1)
    for x, y in [(1.0, 2.0), (2.0, 4.0)]:
        if with_zero_grad:
            optimiser.zero_grad()
        loss = (w * x - y) ** 2
        loss.backward()
        optimiser.step()
    return w.grad.item(), w.item()


claim("second gradient and weight, as by hand", np.array(two_steps(True)), np.array([-12.8, 1.68]), tolerance=1e-5)
claim("without zero_grad()", np.array(two_steps(False)), np.array([-4 - 12.8, 0.4 + 1.68]), tolerance=1e-5)

# %% [markdown]
# The second gradient is the sum of both. No error, no warning, only another weight.
#
# ## From scratch: one epoch in NumPy
#
# From here on there is real data: 1,797 handwritten digits of 8 × 8 pixels, which come with scikit-learn. Training
# alone proves nothing; a model can learn its images by heart. So they are dealt into three piles:
#
# - the **training set**: weights are learnt from it;
# - the **validation set**: it is looked at after each epoch and decides, for example when to stop;
# - the **test set**: it is looked at once, at the very end, and decides nothing.
#
# A **stratified** split draws from each class by itself, so each pile holds the ten digits in the same shares. Images
# that belong together must stay together; more of that below.

# %%
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

digits = load_digits()
pixels, labels = (digits.images / 16).astype("float32"), digits.target  # (1797, 8, 8) from 0 to 1, (1797,)
rest, test = train_test_split(np.arange(len(labels)), test_size=300, stratify=labels, random_state=SEED)
train, validation = train_test_split(rest, test_size=300, stratify=labels[rest], random_state=SEED)
train = train[np.argsort(labels[train], kind="stable")]  # sorted by class, as data often lie in folders
print("training, validation, test:", len(train), len(validation), len(test))
print("validation images of each digit:", np.bincount(labels[validation]))
shares = [np.bincount(labels[pile]) / len(pile) for pile in (train, validation, test)]
claim("a class's share differs between the piles by, at most", np.ptp(shares, axis=0).max(), lambda d: d < 0.005)

# %% [markdown]
# The model is the smallest classifier there is: one dense layer with softmax, 64 pixels in, ten classes out. Its
# gradient is known from Days 6 and 7: probability minus one-hot label, times the pixels. Look for the four steps. Which
# of them is missing, and why is that right here?

# %%
BATCH, RATE = 64, 0.5


def numpy_epoch(weight, bias, x, y, order):
    """One epoch of softmax regression; (weight, bias, mean loss over the images)."""
    total = 0.0
    for start in range(0, len(order), BATCH):
        batch = order[start : start + BATCH]  # the last one is shorter
        z = x[batch] @ weight + bias  # forward
        p = np.exp(z - z.max(axis=1, keepdims=True))
        p /= p.sum(axis=1, keepdims=True)
        loss = -np.log(p[np.arange(len(batch)), y[batch]]).mean()
        slope = (p - np.eye(10)[y[batch]]) / len(batch)  # backward
        weight = weight - RATE * x[batch].T @ slope  # step
        bias = bias - RATE * slope.sum(axis=0)
        total += loss * len(batch)
    return weight, bias, total / len(order)


flat, targets = pixels.reshape(-1, 64)[train], labels[train]
order = np.random.default_rng(SEED).permutation(len(train))
ours = numpy_epoch(np.zeros((64, 10)), np.zeros(10), flat.astype(float), targets, order)
print(
    f"batches in an epoch: {-(-len(train) // BATCH)}, images in the last: {len(train) % BATCH or BATCH}, loss {ours[2]:.3f}"
)
claim("the mean loss of the epoch is below that of guessing, ln 10", ours[2] < np.log(10), True)


# %% [markdown] topics=["L4"]
# `zero_grad()` is missing: `slope` is made anew for each batch, so there is nothing to forget.
#
# ## The same in PyTorch, line by line
#
# | line | what it is for |
# |---|---|
# | `model.train()` | layers that behave differently in training are told so |
# | `optimiser.zero_grad()` | forget the gradients of the batch before |
# | `logits = model(images)` | forward; PyTorch remembers what it needs for the way back |
# | `loss = loss_of(logits, labels)` | the mean loss of this batch, on raw logits |
# | `loss.backward()` | add the gradient of every weight to its `.grad` |
# | `optimiser.step()` | move every weight by its rule |
# | `total += loss.item() * len(labels)` | a plain number, weighted by the images in the batch |
#
# And the same epoch a third time in Keras, whose `fit` has the loop inside. All three start from zeros and see the same
# batches in the same order. **Before you run:** does the loss that Keras prints agree with ours, last batch and all?

# %%
def torch_epoch(model, x, y, order, optimiser):
    """One epoch; the mean loss over the images, each measured before the step that used it."""
    model.train()
    total = 0.0
    for batch in order.split(BATCH):
        optimiser.zero_grad()
        logits = model(x[batch])
        loss = F.cross_entropy(logits, y[batch])
        loss.backward()
        optimiser.step()
        total += loss.item() * len(batch)
    return total / len(order)


linear = nn.Linear(64, 10)
nn.init.zeros_(linear.weight), nn.init.zeros_(linear.bias)
loss = torch_epoch(
    linear, torch.tensor(flat), torch.tensor(targets), torch.tensor(order), torch.optim.SGD(linear.parameters(), RATE)
)
claim("PyTorch: weights", linear.weight.detach().numpy().T, ours[0], tolerance=1e-5)
claim("PyTorch: loss of the epoch", loss, ours[2], tolerance=1e-5)

# %%
in_keras = keras.Sequential([keras.Input((64,)), layers.Dense(10, kernel_initializer="zeros")])
in_keras.compile(keras.optimizers.SGD(RATE), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
history = in_keras.fit(flat[order], targets[order], batch_size=BATCH, shuffle=False, verbose=0)
rounding = 1e-2 if profiles.visible_gpus() else 1e-5  # a GPU rounds factors to 10 binary digits (TF32)
claim("Keras: weights", in_keras.get_weights()[0], ours[0], tolerance=rounding)
claim("Keras: loss of the epoch", history.history["loss"][0], ours[2], tolerance=rounding)


# %% [markdown] topics=["L2"]
# It agrees. `compile` says *what* to minimise and by which rule; `fit` runs the circle and returns a **history**, a
# list of numbers for each curve. With validation data and a metric there are four curves. The loss of the training is a
# mean *over the epoch*, taken while the weights moved; the validation loss is taken after the last step. So the two are
# not measured with the same weights.
#
# ## One line at a time
#
# Softmax regression is too simple to show everything. Here is a small convolutional network with two layers that have a
# *switch*:
#
# - **Dropout** sets random numbers to zero in training, and does nothing in use.
# - **Batch normalisation** centres and scales each map. In training it uses the mean and variance of the *batch*; in
#   use it takes *running averages* that it collected in training.
#
# Day 10 builds both. Today the switch matters: `model.train()` and `model.eval()` turn it.

# %%
def build():
    return nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(8, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Dropout(0.25), nn.Linear(64, 10),
    )  # fmt: skip


images, classes = (torch.tensor(array[train]) for array in (pixels[:, None], labels))
val_images, val_classes = (torch.tensor(array[validation]) for array in (pixels[:, None], labels))
claim("parameters", sum(p.numel() for p in build().parameters()), 8 * 9 + 16 + 16 * 72 + 32 + 650)


def train_net(
    order="zero forward backward step", shuffled=True, call_train=True, call_eval=True, lr=0.1, seed=SEED, epochs=5
):
    """Train a net with the lines of the loop in the given order; (the net, its validation accuracy, its first weights)."""
    torch.manual_seed(seed)
    model = build()
    optimiser = torch.optim.SGD(model.parameters(), lr=lr, momentum=0.9)
    first = copy.deepcopy(model.state_dict())
    for _ in range(epochs):
        if call_train:
            model.train()
        everything = torch.randperm(len(classes)) if shuffled else torch.arange(len(classes))
        for batch in everything.split(BATCH):
            for line in order.split():
                if line == "zero":
                    optimiser.zero_grad()
                elif line == "forward":
                    loss = F.cross_entropy(model(images[batch]), classes[batch])
                elif line == "backward":
                    loss.backward()
                elif line == "step":
                    optimiser.step()
        if call_eval:
            model.eval()
        with torch.no_grad():
            answers = torch.cat([model(part).argmax(1) for part in val_images.split(50)])
    return model, (answers == val_classes).float().mean().item(), first


def equal_weights(one, other):
    return all(torch.equal(one[name], other[name]) for name in one if name.endswith(("weight", "bias")))


# %% [markdown]
# The four lines are words now, and we may say them in any order. **Before you run:** decide for each what happens. Does
# it learn as before? Does it learn nothing? Does it raise an error?
#
# 1. `forward backward step zero`
# 2. `forward backward step` (nobody says zero)
# 3. `zero forward step backward`
# 4. `forward backward zero step`
# 5. `zero forward backward` (nobody steps)
# 6. `forward step zero backward`

# %%
SEEDS = range(SEED, SEED + profile.pick(smoke=2, cpu=5, gpu=5))
table = []  # rows: the line, its fault, whether there is an error, what was measured


def measured(**fault):
    """Mean validation accuracy over the seeds, and as text with its standard deviation."""
    found = np.array([train_net(**fault, seed=seed)[1] for seed in SEEDS])
    return found.mean(), f"validation accuracy {found.mean():.1%} ± {found.std(ddof=1):.1%}"


right, text = measured()
table.append(("all lines", "none", "no", text))
reference_net, _, first = train_net()

turned, _, _ = train_net("forward backward step zero")
claim("1. learns as before: equal weights", equal_weights(turned.state_dict(), reference_net.state_dict()), True)
table.append(("zero_grad()", "none: it stands at the end", "no", "the same weights, bit for bit"))

for number, order, line, fault in [
    (3, "zero forward step backward", "step()", "before backward()"),
    (4, "forward backward zero step", "zero_grad()", "between backward() and step()"),
    (5, "zero forward backward", "step()", "missing"),
]:
    stuck, accuracy, first = train_net(order)
    claim(f"{number}. learns nothing: no weight has moved", equal_weights(stuck.state_dict(), first), True)
    moved = not torch.equal(stuck[1].running_mean, first["1.running_mean"])
    claim("but batch norm's running averages have", moved, True)
    table.append((line, fault, "no", f"weights never move; accuracy {accuracy:.1%}"))

try:
    train_net("forward step zero backward")
    told = "nothing"
except RuntimeError as error:
    told = type(error).__name__
    print(str(error)[:118])
claim("6. raises", told, "RuntimeError")
table.append(("backward()", "after the step that follows", told, "weights were changed under its feet"))

summed, text = measured(order="forward backward step")
claim("2. learns, but not this: accuracy lost against the right loop", right - summed, lambda lost: lost > 0.3)
table.append(("zero_grad()", "missing", "no", text))

# %% [markdown]
# Were you surprised by 1? A circle has no first line: what comes before the next forward comes after the last step. And
# five of these six orders run without a word of complaint. PyTorch notices only number 6, because weights that the way
# back still needs were changed.
#
# In 2 every step goes along the sum of *all* gradients so far. Momentum adds up old gradients, too (Day 8), but momentum
# forgets, and `.grad` does not. **Before you run:** would a smaller learning rate save it, say a hundredth?

# %%
careful, _ = measured(order="forward backward step", lr=0.001)
patient, _ = measured(lr=0.001)
result("accuracy_without_zero_grad_at_a_hundredth_of_the_rate", careful, "%")
result("accuracy_right_at_a_hundredth_of_the_rate", patient, "%")
claim("accuracy lost at a hundredth of the rate", patient - careful, lambda lost: lost > 0.3)

# %% [markdown]
# ### Shuffling
#
# The training images lie sorted by class: first all zeros, then all ones. **Before you run:** the loop takes them as
# they lie. How accurate does it get?

# %%
in_order, text = measured(shuffled=False)
claim("accuracy lost by not shuffling", right - in_order, lambda lost: lost > 0.3)
table.append(("shuffling", "missing, data sorted by class", "no", text))
result("accuracy_right", right, "%")
result("accuracy_without_zero_grad", summed, "%")
result("accuracy_without_shuffling", in_order, "%")

# %% [markdown] topics=["L5"]
# Near chance. Each batch holds one or two kinds of digit, and every step teaches the net to say that digit, whatever it
# sees. The last lesson was "nine".
#
# ### `train()` and `eval()`
#
# Forget `model.eval()` before validation. First look for what is certain. **Before you run:** the net is in training
# mode, and we ask it for the class of *one* image, once beside 49 others, once beside 49 different ones. There is no
# dropout in this copy. Are the ten logits the same?

# %%
net = copy.deepcopy(reference_net)
net[9].p = 0.0  # dropout off, so that only batch norm is left
companions = val_images[1:50], val_images[51:100]
before = net[1].running_mean.clone()


def logits_beside(others, mode):
    net.train(mode == "train")
    with torch.no_grad():
        return net(torch.cat([val_images[:1], others]))[0]


apart = {
    mode: (logits_beside(companions[0], mode) - logits_beside(companions[1], mode)).abs().max().item()
    for mode in ("eval", "train")
}
print(apart)
claim("eval: the logits differ by, at most", apart["eval"], 0, tolerance=1e-4)
claim("train: they differ by, at least", apart["train"], lambda gap: gap > 0.01)
claim("after it, the running averages are what they were", torch.equal(net[1].running_mean, before), False)


# %% [markdown]
# So a forgotten `eval()` makes an answer depend on its neighbours, and lets validation images change the model,
# `no_grad()` or not. Is the damage large? That depends on how the batches are made. **Before you run:** the same net,
# the same images, in training mode. Once the batches are mixed, once each batch is sorted by class. How many points
# does it cost?

# %%
def accuracy_in(mode, sorted_by_class):
    probe = copy.deepcopy(reference_net).train(mode == "train")
    order = val_classes.argsort() if sorted_by_class else torch.arange(len(val_classes))
    torch.manual_seed(SEED)
    with torch.no_grad():
        answers = torch.cat([probe(val_images[part]).argmax(1) for part in order.split(25)])
    return (answers == val_classes[order]).float().mean().item()


found = {(mode, tidy): accuracy_in(mode, tidy) for mode in ("eval", "train") for tidy in (False, True)}
for (mode, tidy), accuracy in found.items():
    print(f"{mode:5} mode, {'sorted' if tidy else 'mixed':6} batches: {accuracy:.1%}")
claim("eval: the order of the images changes nothing", found["eval", True], found["eval", False])
claim(
    "train: sorting costs, in points", 100 * (found["train", False] - found["train", True]), lambda points: points > 4
)
result("lost_without_eval_mixed_batches", found["eval", False] - found["train", False], "%")
result("lost_without_eval_sorted_batches", found["eval", True] - found["train", True], "%")
table.append(
    (
        "model.eval()",
        "missing",
        "no",
        f"mixed batches {found['train', False]:.1%}, sorted {found['train', True]:.1%}, right {found['eval', True]:.1%}",
    )
)

without_train, text = measured(call_train=False)  # a new net is in training mode; the first eval() then lasts for ever
late = train_net(call_train=False)[0][1].running_mean
early = train_net(call_train=False, epochs=1)[0][1].running_mean
claim("without train(), the running averages stand still after the first epoch", torch.equal(late, early), True)
table.append(("model.train()", "missing after the first eval()", "no", text))
result("accuracy_without_train_mode", without_train, "%")


# %% [markdown]
# With mixed batches the fault hides: a batch is a fair sample, so its own statistics do. Sort the images, or classify
# one at a time in use, and the same model is worse. What is broken is the way it is asked, not its weights.
#
# ### `no_grad()` and `item()`
#
# Neither changes a single number. They change what is kept in memory. **Before you run:** 100 images of 8 × 8 pixels
# are 25.6 kB. How much does the forward pass keep for a way back that never comes?

# %%
def kept_for_backward(grad):
    kept = 0

    def count(tensor):
        nonlocal kept
        kept += tensor.numel() * tensor.element_size()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(count, lambda t: t), torch.set_grad_enabled(grad):
        reference_net.eval()(val_images[:100])
    return kept


bytes_kept = kept_for_backward(True)
print(f"kept for the way back: {bytes_kept / 1000:.0f} kB, {bytes_kept / val_images[:100].nbytes:.0f} times the images")
claim("with no_grad(), bytes kept", kept_for_backward(False), 0)
claim(
    "without it, times as much as the images themselves", bytes_kept / val_images[:100].nbytes, lambda times: times > 20
)
table.append(
    ("no_grad()", "missing in validation", "no", f"same numbers; {bytes_kept / 1000:.0f} kB kept for 100 images")
)


def graph_size(tensor):
    """Operations that PyTorch remembers behind a tensor."""
    seen, waiting = set(), [tensor.grad_fn] if tensor.requires_grad else []
    while waiting:
        node = waiting.pop()
        if node is not None and node not in seen:
            seen.add(node)
            waiting += [behind for behind, _ in node.next_functions]
    return len(seen)


sizes, total = [], torch.zeros(())
for batch in torch.arange(len(classes)).split(BATCH):
    total = total + F.cross_entropy(reference_net(images[batch]), classes[batch])  # no .item()
    sizes.append(graph_size(total))
print("operations remembered after each batch:", sizes[:4], "...", sizes[-1])
claim("each batch adds the same number", len(set(np.diff(sizes))), 1)
claim("with .item() there are", graph_size(torch.tensor(total.item())), 0)
table.append(
    ("loss.item()", "loss kept as a tensor", "no", f"{sizes[1] - sizes[0]} operations more in memory with each batch")
)


# %% [markdown]
# On a laptop with small images nobody notices. On a GPU this is the run that dies of memory in its third epoch.
#
# ### Schedules and devices
#
# `schedule.step()` comes *after* `optimiser.step()`. **Before you run:** the rate shall be 1, then a tenth, then a
# hundredth. Which rates do three steps use if the two lines are exchanged?

# %%
def rates_used(schedule_first):
    parameter = nn.Parameter(torch.zeros(1))
    optimiser = torch.optim.SGD([parameter], lr=1.0)
    schedule = torch.optim.lr_scheduler.ExponentialLR(optimiser, gamma=0.1)
    used = []
    for _ in range(3):
        for step in ("schedule", "optimiser") if schedule_first else ("optimiser", "schedule"):
            if step == "schedule":
                schedule.step()
            else:
                used.append(optimiser.param_groups[0]["lr"])
                optimiser.step()
    return used


with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    exchanged = rates_used(schedule_first=True)
claim("the right order uses", np.array(rates_used(False)), np.array([1, 0.1, 0.01]), tolerance=1e-12)
claim("the other order skips the first", np.array(exchanged), np.array([0.1, 0.01, 0.001]), tolerance=1e-12)
claim("and PyTorch warns", any("lr_scheduler.step()" in str(warning.message) for warning in caught), True)
table.append(("schedule.step()", "before optimiser.step()", "a warning", "the first rate is never used"))

# %% [markdown]
# And the device: model and images must lie on the same one, or there is an error. Not every reader has a GPU, so we use
# PyTorch's device `meta`, which computes shapes only. Two more rules hide in this cell: `tensor.to(...)` returns a new
# tensor, so it must be assigned; `model.to(...)` changes the model itself.

# %%
batch = val_images[:2]
batch.to("meta")  # the result is thrown away
claim("the images lie on", str(batch.device), "cpu")
elsewhere = build()
elsewhere.to("meta")
claim("the model lies on", str(next(elsewhere.parameters()).device), "meta")
try:
    elsewhere(batch)
    told = "nothing"
except RuntimeError as error:
    told = type(error).__name__
    print(str(error)[:100])
claim("images on one device, model on another", told, "RuntimeError")
table.append((".to(device)", "missing for the images", told, "stops at the first batch"))

# %% [markdown]
# ### The last batch
#
# Many loops report the mean of the batch means. **Before you run:** five images in batches of 2, 2 and 1 have the mean
# losses 1, 1 and 4. What is the mean loss of the five images? What is the mean of the means?

# %%
means, counts = np.array([1.0, 1.0, 4.0]), np.array([2, 2, 1])
claim("mean over the images", (means * counts).sum() / counts.sum(), 1.6)
claim("mean of the means", means.mean(), 2.0, source="M23")

# %% [markdown]
# The lonely image in the last batch counts as much as two others. For $k$ batches and $n$ images the error can be
# written down: batch $t$ gets the weight $1/k$ in place of $|B_t|/n$.
#
# $$ \frac1k \sum_t L_t - \frac1n \sum_t |B_t|\, L_t \;=\; \sum_t \Bigl(\frac1k - \frac{|B_t|}{n}\Bigr) L_t $$
#
# It vanishes if all batches are equal. With our 300 validation images, batches of 64 end with 44, and batches of 299
# with a single image.

# %%
with torch.no_grad():
    each = F.cross_entropy(reference_net.eval()(val_images), val_classes, reduction="none").double().numpy()
n = len(each)
for size in (50, 64, 299):
    parts = np.split(each, range(size, n, size))
    means, counts = np.array([part.mean() for part in parts]), np.array([len(part) for part in parts])
    gap = means.mean() - each.mean()
    claim(
        f"batches of {size}: error of the mean of means",
        gap,
        ((1 / len(parts) - counts / n) * means).sum(),
        tolerance=1e-12,
        source="M23",
    )
    print(f"batches of {size:3}, the last of {counts[-1]:3}: {means.mean():.4f} instead of {each.mean():.4f}")
    if size == 50:
        claim("equal batches: no error", gap, 0, tolerance=1e-12)
table.append(
    (
        "* len(batch)",
        "mean of the batch means",
        "no",
        f"loss {means.mean():.4f} instead of {each.mean():.4f} (last batch: one image)",
    )
)

# %% [markdown]
# ### The table
#
# All of it on one page, with what this run measured.

# %%
rows = [f"| `{line}` | {fault} | {told} | {symptom} |" for line, fault, told, symptom in table]
Markdown("\n".join(["| line | fault | error? | what happens |", "|---|---|---|---|", *rows]))

# %%
told_of_faults = [told for _, fault, told, _ in table if not fault.startswith("none")]
silent = told_of_faults.count("no")
print(f"{silent} of {len(told_of_faults)} faults say nothing")
claim("faults that say nothing outnumber the others", silent > len(told_of_faults) - silent, True)


# %% [markdown]
# Count the *no* in the third column. That is the answer to the day's question: hardly ever would anybody tell you. So
# write the loop once, test it, and use it everywhere.

# %% [markdown] topics=["L1"]
# ## Keras: the circle inside `fit`
#
# Keras offers two ways to build a model. **Sequential** is a list of layers, one after the other. The **functional**
# way calls layers like functions, and can branch. **Before you run:** the same layers, built both ways: as many
# parameters? And which way can add a layer's input to its output, a *skip*?

# %%
def the_layers():
    keras.utils.set_random_seed(SEED)
    return [
        layers.Conv2D(8, 3, padding="same", activation="relu"),
        layers.MaxPooling2D(4),
        layers.Flatten(),
        layers.Dense(10),
    ]


sequential = keras.Sequential([keras.Input((8, 8, 1)), *the_layers()])
x = start = keras.Input((8, 8, 1))
for layer in the_layers():
    x = layer(x)
functional = keras.Model(start, x)
some = pixels[validation][:20, :, :, None]
as_numpy = keras.ops.convert_to_numpy
claim("parameters, both ways", [sequential.count_params(), functional.count_params()], [80 + 330, 80 + 330])
claim("logits, both ways", as_numpy(functional(some)), as_numpy(sequential(some)), tolerance=rounding)

before = layers.Conv2D(8, 3, padding="same")(start)
with_skip = keras.Model(start, layers.Add()([before, layers.Conv2D(8, 3, padding="same")(before)]))
claim("roads that lead into the last layer of a model with a skip", len(with_skip.layers[-1].input), 2)

# %% [markdown] topics=["L6", "L9"]
# Only the functional way can lead two roads into one layer.
#
# A **callback** is an object that `fit` calls after each epoch (and at other times) with the numbers of that epoch. Day
# 8 showed two of them on a list of losses: `EarlyStopping` and `ReduceLROnPlateau`. `ModelCheckpoint` writes the model
# to a file whenever the watched number is the best so far. Here all three work together on the digits.

# %%
folder = Path(tempfile.mkdtemp())
keras.utils.set_random_seed(SEED)
convnet = keras.Sequential(
    [
        keras.Input((8, 8, 1)),
        layers.Conv2D(16, 3, padding="same", activation="relu"), layers.MaxPooling2D(),
        layers.Conv2D(32, 3, padding="same", activation="relu"), layers.Flatten(), layers.Dense(10),
    ]
)  # fmt: skip
convnet.compile(
    keras.optimizers.Adam(0.01), keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"]
)
val_pair = pixels[validation][..., None], labels[validation]
history = convnet.fit(
    pixels[train][..., None], labels[train], batch_size=BATCH, epochs=profile.pick(smoke=9, cpu=30, gpu=30), verbose=0,
    validation_data=val_pair,
    callbacks=[
        keras.callbacks.EarlyStopping("val_loss", patience=4, restore_best_weights=True),
        keras.callbacks.ReduceLROnPlateau("val_loss", factor=0.3, patience=2),
        keras.callbacks.ModelCheckpoint(folder / "best.keras", "val_loss", save_best_only=True),
    ],
)  # fmt: skip
curves = history.history
best = int(np.argmin(curves["val_loss"]))
fig = plots.curves({name: curves[name] for name in ("loss", "val_loss", "accuracy", "val_accuracy")})
plots.show(
    fig,
    alt=f"Keras on the digits, {len(curves['loss'])} epochs. Training loss falls to {curves['loss'][-1]:.3f}; validation loss is lowest "
    f"in epoch {best + 1} with {curves['val_loss'][best]:.3f} and ends at {curves['val_loss'][-1]:.3f}. Accuracy rises accordingly.",
)

# %% [markdown]
# The history has a line for each epoch that was run; the weights are those of one of them. **Before you run:** what
# does `evaluate` return now, the last number of the curve or the lowest? And the file?

# %%
in_memory = convnet.evaluate(*val_pair, batch_size=BATCH, verbose=0)[0]
in_file = keras.saving.load_model(folder / "best.keras").evaluate(*val_pair, batch_size=BATCH, verbose=0)[0]
print(
    f"lowest {curves['val_loss'][best]:.4f} in epoch {best + 1}, last {curves['val_loss'][-1]:.4f} in epoch {len(curves['loss'])}"
)
claim("in memory: the lowest", in_memory, curves["val_loss"][best], tolerance=rounding)
claim("in the file: the same", in_file, in_memory, tolerance=rounding)
result("keras_validation_accuracy", curves["val_accuracy"][best], "%")


# %% [markdown] topics=["L7", "L8"]
# ## Stop, in detail
#
# An epoch counts as *better* if its loss is below the best so far by more than `min_delta`. Both rules of Day 8 fit
# into one short function. **Before you run:** the loss creeps down by 0.04 an epoch. With `min_delta=0.1` and a
# patience of 3, does it ever stop?

# %%
def rules(losses, patience, min_delta=0.0):
    """(last epoch of early stopping, its best epoch, all epochs that cut the rate), counted from 1, as Keras counts."""
    best, best_epoch, wait, stopped, cuts = np.inf, 0, 0, len(losses), []
    for epoch, loss in enumerate(losses, start=1):
        if loss < best - min_delta:
            best, wait = loss, 0
            best_epoch = epoch if not cuts else best_epoch
        else:
            wait += 1
        if wait == patience:
            if not cuts:
                stopped = epoch  # early stopping ends the run here; the other rule goes on
            cuts.append(epoch)
            wait = 0
    return stopped, best_epoch, cuts


creeping = [1 - 0.04 * epoch for epoch in range(12)]
print(rules(creeping, patience=3, min_delta=0.1))
claim("creeping by 0.04, min_delta 0.1: stopped after, best epoch, cuts", str(rules(creeping, 3, 0.1)), "(12, 10, [])")
claim("with a patience of 2 it stops after epoch", rules(creeping, 2, 0.1)[0], 3)

# %% [markdown]
# The loss is compared with the *best that counted*, not with the epoch before. So small gains add up, and after three
# of them the sum counts. Patience and `min_delta` together ask: is there a gain of more than `min_delta` within every
# `patience` epochs?
#
# Is our function really what Keras does? Instead of reading the source we try it on many random lists of losses, with
# the real callbacks. The model's only weight is set to the number of the epoch, as on Day 8.

# %%
probe = keras.Sequential([keras.Input((1,)), layers.Dense(1, use_bias=False)])
probe.compile(keras.optimizers.SGD(), "mse")


def drive(callbacks, logs):
    """Call the callbacks as `fit` would: (last epoch, the epoch whose weights are kept, the rate after each epoch)."""
    probe.stop_training, probe.optimizer.learning_rate, rates = False, 1.0, []
    for callback in callbacks:
        callback.set_model(probe)
        callback.on_train_begin()
    for epoch, numbers in enumerate(logs, start=1):
        probe.set_weights([np.full((1, 1), epoch, "float32")])
        for callback in callbacks:
            callback.on_epoch_end(epoch - 1, dict(numbers))  # Keras counts from 0
        rates.append(float(probe.optimizer.learning_rate))
        if probe.stop_training:
            break
    for callback in callbacks:
        callback.on_train_end()
    return epoch, int(probe.get_weights()[0].item()), rates


def falls(rates):
    return [
        epoch
        for epoch, (before, after) in enumerate(zip([1.0, *rates], rates, strict=False), start=1)
        if after < 0.9 * before
    ]


rng, agree = np.random.default_rng(SEED), []
for _ in range(profile.pick(smoke=40, cpu=200, gpu=200)):
    losses = (rng.normal(size=14).cumsum() * 0.1 + 2).tolist()
    patience, delta = int(rng.integers(1, 5)), float(rng.choice([0, 0.05, 0.2]))
    logs = [{"val_loss": loss} for loss in losses]
    stopped, kept, _ = drive(
        [keras.callbacks.EarlyStopping(patience=patience, min_delta=delta, restore_best_weights=True)], logs
    )
    _, _, rates = drive([keras.callbacks.ReduceLROnPlateau(factor=0.5, patience=patience, min_delta=delta)], logs)
    optimiser = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=1.0)
    plateau, torch_rates = (
        torch.optim.lr_scheduler.ReduceLROnPlateau(
            optimiser, factor=0.5, patience=patience - 1, threshold=delta, threshold_mode="abs"
        ),
        [],
    )
    for loss in losses:
        plateau.step(loss)
        torch_rates.append(plateau.get_last_lr()[0])
    agree.append((stopped, kept, falls(rates)) == rules(losses, patience, delta) and falls(torch_rates) == falls(rates))
print(f"{sum(agree)} of {len(agree)} lists")
claim("share of the lists on which our rules, Keras and PyTorch agree", np.mean(agree), 1.0)

# %% [markdown]
# PyTorch agreed because we gave it one less of patience (Day 8) and told it that the threshold is *absolute*. By
# default its threshold is a share of the best loss. The defaults differ inside Keras, too. **Before you run:** the loss
# falls by 0.00005 in each epoch. Which of Keras' two callbacks thinks that this is progress, when neither is told a
# `min_delta`?

# %%
slow_fall = [{"val_loss": 0.5 - 0.00005 * epoch} for epoch in range(12)]
stopped, _, _ = drive([keras.callbacks.EarlyStopping(patience=3)], slow_fall)
_, _, rates = drive([keras.callbacks.ReduceLROnPlateau(factor=0.5, patience=2)], slow_fall)
claim("early stopping, min_delta 0: runs until epoch", stopped, 12)
claim("plateau, min_delta 0.0001: cuts, times", len(falls(rates)), lambda cuts: cuts >= 3)
broken = [{"val_loss": loss} for loss in (1.0, 0.8, np.nan, np.nan, np.nan)]
stopped, kept, _ = drive([keras.callbacks.EarlyStopping(patience=2, restore_best_weights=True)], broken)
claim("a loss that becomes NaN is never better: stopped after, weights of epoch", (stopped, kept), (4, 2))

# %% [markdown] tags=["explorer"]
# ### Try it yourself: when does it stop?
#
# **Explorer: early stopping simulator.** A validation curve, the two rules of Keras, and a table of all that they
# count. The dots can be dragged. It waits in the middle of a run, so that you can predict the end. Four things to try:
#
# 1. *Too eager.* When does the noisy valley stop, and whose weights do you take home? Predict, then run to the end.
#    Raise the patience until the stop costs nothing. Draw the noise anew, or 200 times at once: is it still enough?
# 2. *Too strict.* On the clean valley, raise `min_delta` from 0 to 0.02 and 0.04. The weights that are kept come from
#    earlier epochs. Look at the column "must be below": why?
# 3. *Slow, but steady.* Take the slow, steady fall and a `min_delta` of 0.01. Which patience lets it run to its end?
# 4. *First the rate, then the stop.* On the plateau with a second descent, put `ReduceLROnPlateau` beside it, with the
#    same patience. After which epoch is the rate cut, and which epoch is left to use it?
#
# In a notebook, `widgets.EarlyStoppingSimulator(curve=curves["val_loss"])` shows the run from above.

# %%
from course_utils import widgets

widgets.EarlyStoppingSimulator()

# %% [markdown]
# So the rate needs less patience than the stop. And `cooldown`, the rest that the rate is given after a cut, is one
# epoch shorter than its number says. Both with the real callbacks, on a loss that falls once and then stands still:

# %%
standing = [{"val_loss": loss} for loss in (1.0, *[0.8] * 11)]
last, _, rates = drive(
    [keras.callbacks.EarlyStopping(patience=3), keras.callbacks.ReduceLROnPlateau(factor=0.1, patience=3)], standing
)
claim("one patience for both: epochs run at the lower rate", sum(rate < 0.5 for rate in rates[:-1]), 0)
cut_after = [
    falls(drive([keras.callbacks.ReduceLROnPlateau(factor=0.1, patience=2, cooldown=rest)], standing)[2])
    for rest in range(3)
]
claim("epochs from cut to cut with a cooldown of 0, 1 and 2", [b - a for a, b, *_ in cut_after], [2, 2, 3])

# %% [markdown]
# ### Which patience?
#
# Texts say 3, 5, 7 or 10, and give no reason. The reason is noise. Take a true curve that falls until epoch 40 and then
# rises, and add noise of different size. For each patience: how much worse is the true loss of the weights that we keep
# than the best possible, and how many epochs does it cost? **Before you run:** which patience is enough without noise?

# %%
epochs = np.arange(1, 121)
true_loss = 0.3 + 0.7 * np.exp(-epochs / 12) + 0.002 * np.maximum(epochs - 40, 0)
patiences, noises = [1, 2, 3, 5, 7, 10, 15], [0.0, 0.005, 0.02]
excess, length = {}, {}
noise_rng = np.random.default_rng(SEED)
for sigma in noises:
    runs = true_loss + sigma * noise_rng.normal(size=(200, len(epochs)))
    ends = np.array([[rules(run, patience)[:2] for run in runs] for patience in patiences])
    name = f"noise {sigma:g}"
    excess[name] = (true_loss[ends[..., 1] - 1] - true_loss.min()).mean(axis=1)
    length[name] = ends[..., 0].mean(axis=1)

fig, axes = plt.subplots(1, 2, figsize=(8.6, 3))
plots.curves(excess, x=patiences, xlabel="patience (epochs)", ylabel="loss above the best (nats)", ax=axes[0])
plots.curves(length, x=patiences, xlabel="patience (epochs)", ylabel="epochs run", ax=axes[1])
axes[0].set_ylabel("loss above the best (nats)"), axes[1].set_ylabel("epochs run")
told = "; ".join(
    f"{name}: " + ", ".join(f"{p}: {e:.3f}" for p, e in zip(patiences, values, strict=True))
    for name, values in excess.items()
)
plots.show(
    fig,
    alt=f"Left: how far the true loss of the kept weights is above the best, by patience. {told}. Right: epochs run, which grow with patience.",
)
claim("without noise, a patience of 1 finds the best", excess["noise 0"][0], 0, tolerance=1e-12)
strong = excess["noise 0.02"]
claim(
    "with strong noise, patience 10 against patience 1: excess left", strong[5] / strong[0], lambda share: share < 0.25
)
kept = ends[5, :, 1] - 1  # of the last noise, with patience 10
flattery = (true_loss[kept] - runs[np.arange(len(runs)), kept]).mean()
claim("there, the measured loss of the weights that are kept is too low, on average by", flattery, lambda nats: nats > 0.02)

# %% [markdown]
# So the number belongs to *your* curve: look at how much the validation loss jumps from epoch to epoch, and take a
# patience that is longer than an unlucky streak. A larger validation set is less noisy and allows a shorter patience.
#
# And mind the last claim. The best epoch was chosen *for* its low number, so part of that number is luck. The loss that
# made you keep the weights is no estimate of how good they are.
#
# ### The best weights, really?
#
# In PyTorch there is no callback; you keep the best weights yourself. The obvious line is `best = model.state_dict()`.
# **Before you run:** we keep it, train on for one epoch, and compare what we kept with what we had.

# %%
model, _, _ = train_net(epochs=1)
kept, copied = model.state_dict(), copy.deepcopy(model.state_dict())
torch_epoch(model, images, classes, torch.randperm(len(classes)), torch.optim.SGD(model.parameters(), 0.1))
claim("what we kept is the weights of the best epoch", equal_weights(kept, copied), False)
claim("what we kept is the weights of now", equal_weights(kept, model.state_dict()), True)

# %% [markdown] topics=["L10"]
# `state_dict()` hands out the tensors themselves, and training changes them in place. `copy.deepcopy` takes a
# photograph. This fault, too, is silent: the loop "reloads the best weights" and changes nothing.
#
# ### What to watch
#
# Accuracy counts; the loss weighs. On few images a count is coarse. A published project on chest X-rays stops on the
# AUC of a validation folder of 16 images, 8 of each kind. The **AUC** is the share of pairs, one sick and one healthy,
# that the model puts in the right order (Day 17). **Before you run:** how many values can it take, and how often will a
# model whose true AUC is 0.972 score a perfect 1.0 by luck?

# %%
from sklearn.metrics import roc_auc_score

truth, auc_rng = np.repeat([0, 1], 8), np.random.default_rng(SEED)
distance = 2.703  # between the means of two normal distributions of width 1: gives an AUC of 0.972
healthy, sick = auc_rng.normal(size=(2, 4000, 8))
sick += distance
drawn = (sick[:, :, None] > healthy[:, None, :]).mean(axis=(1, 2))  # share of the 64 pairs in the right order
claim(
    "the same as scikit-learn's", drawn[0], roc_auc_score(truth, np.concatenate([healthy[0], sick[0]])), tolerance=1e-12
)
claim("values that it can take", 8 * 8 + 1, 65, source="M01")
claim("mean", drawn.mean(), 0.972, tolerance=0.004, source="M01")
claim("standard deviation", drawn.std(), 0.038, tolerance=0.004, source="M01")
claim("perfect by luck, in %", 100 * (drawn == 1).mean(), lambda share: 38 < share < 48, source="M01")

# %% [markdown]
# Nearly every second epoch looks perfect; the first of them wins for ever, since nothing can be better than 1.0. See it
# happen in the simulator above, on its last curve: which epoch wins, and what is it worth? Then take more images. Watch
# the loss, or a count over many images.
#
# If a larger number is better, the callback must be told. **Before you run:** the AUC rises to 0.9 in epoch 3 and falls
# after. Which epoch's weights does each `mode` keep?

# %%
auc_logs = [{"val_auc": auc} for auc in (0.6, 0.7, 0.9, 0.85, 0.8, 0.8)]
for mode, expected in [("max", 3), ("min", 1)]:
    _, kept, _ = drive(
        [keras.callbacks.EarlyStopping("val_auc", patience=2, mode=mode, restore_best_weights=True)], auc_logs
    )
    claim(f"mode='{mode}' keeps the weights of epoch", kept, expected, source="T47")
try:
    drive([keras.callbacks.EarlyStopping("val_auc", patience=2)], auc_logs)
    told = "nothing"
except ValueError as error:
    told = type(error).__name__
    print(str(error)[:137])
claim("without a mode, Keras 3 cannot know for a metric that the model has not: it raises", told, "ValueError")


# %% [markdown] topics=["U5"]
# ## Data on its way
#
# Before an image reaches the loop it goes through a pipeline. Five steps occur in every framework:
#
# - **cache**: remember what came the first time, and bring the same again;
# - **shuffle**: change the order, by drawing from a buffer;
# - **batch**: put several together;
# - **augment**: a random change of each image, such as a flip (Day 10);
# - **prefetch**: prepare the next while the loop is busy with this one.
#
# Each of the first four is a few lines. A step takes a source and makes a new one; a source is a function that starts
# an epoch.

# %%
def cache(source):
    kept = []

    def epoch():
        if not kept:
            kept.extend(source())
        yield from kept

    return epoch


def shuffle(source, buffer, rng):
    def epoch():
        held = []
        for item in source():
            held.append(item)
            if len(held) == buffer:
                yield held.pop(rng.integers(len(held)))
        while held:
            yield held.pop(rng.integers(len(held)))

    return epoch


def batch(source, size):
    def epoch():
        held = []
        for item in source():
            held.append(item)
            if len(held) == size:
                yield held
                held = []
        if held:
            yield held

    return epoch


def augment(source, rng):
    """Marks an image with a random number: the trace that a random flip or crop would leave."""

    def mark(item):
        return [mark(one) for one in item] if isinstance(item, list) else (item[0], int(rng.integers(10**6)))

    return lambda: (mark(item) for item in source())


# %% [markdown]
# An image is a pair here: its number, and the mark that augmentation leaves. Two epochs of the same pipeline tell
# everything. Two questions to each: do the images come in a new **order**? Are they new **pictures**, with new marks?
#
# **Before you run:** answer both for each of the six pipelines. One of them is recommended in a popular guide.

# %%
PIPELINES = [
    "cache shuffle batch augment",
    "shuffle batch augment cache",
    "augment cache shuffle batch",
    "shuffle cache augment batch",
    "shuffle augment batch",
    "cache batch shuffle augment",
]


def our_pipeline(steps, n=100, rng=None):
    rng = rng or np.random.default_rng(SEED)
    make = {
        "cache": cache,
        "shuffle": lambda source: shuffle(source, n, rng),
        "batch": lambda source: batch(source, 10),
        "augment": lambda source: augment(source, rng),
    }
    source = lambda: ((number, 0) for number in range(n))  # noqa: E731
    for step in steps.split():
        source = make[step](source)
    return source


def what_changes(epochs):
    """Of two epochs, lists of batches of (number, mark): new order? new pictures? new company in the batches?"""
    one, two = ([pair for group in epoch for pair in group] for epoch in epochs)
    company = [{frozenset(number for number, _ in group) for group in epoch} for epoch in epochs]
    return {
        "order": [number for number, _ in one] != [number for number, _ in two],
        "pictures": dict(one) != dict(two),
        "company": company[0] != company[1],
    }


changes = {}
for steps in PIPELINES:
    start = our_pipeline(steps)
    changes[steps] = what_changes([list(start()), list(start())])
    print(f"{steps:28}", "  ".join(f"{what}: {'new' if new else 'OLD'}" for what, new in changes[steps].items()))
claim("cache first, augment last: all is new", all(changes[PIPELINES[0]].values()), True)
claim("cache last: anything is new", any(changes[PIPELINES[1]].values()), False, source="F66")
claim("augment before cache: new pictures", changes[PIPELINES[2]]["pictures"], False)
claim("shuffle before cache: a new order", changes[PIPELINES[3]]["order"], False)
claim("shuffle after batch: new company for an image in its batch", changes[PIPELINES[5]]["company"], False)

# %% [markdown]
# The rule behind it: **whatever stands before the cache happens once.** So what shall be random anew stands after it.
# And batches are shuffled as they are, so shuffle images, not batches. Last of all comes prefetch: a second thread
# fetches the next batch while the loop works on this one, and it can only prepare what stands before it. It changes no
# image. At best it saves half of the time, when reading and stepping take equally long (Day 20 measures it).
#
# The real thing is TensorFlow's `tf.data`, so this cell needs TensorFlow. Do its six pipelines do what ours did?

# %%
if keras.backend.backend() == "tensorflow":
    import tensorflow as tf

    random = tf.random.Generator.from_seed(SEED)

    def mark(number, _):
        return number, random.uniform(tf.shape(number), maxval=10**6, dtype=tf.int64)

    def tf_pipeline(steps, n=100):
        source = tf.data.Dataset.range(n).map(lambda number: (number, tf.zeros((), tf.int64)))
        for step in steps.split():
            source = {
                "cache": lambda data: data.cache(),
                "shuffle": lambda data: data.shuffle(n),
                "batch": lambda data: data.batch(10),
                "augment": lambda data: data.map(mark),
            }[step](source)
        return source.prefetch(tf.data.AUTOTUNE)

    for steps in PIPELINES:
        dataset = tf_pipeline(steps)
        twice = [
            [list(zip(*map(np.ndarray.tolist, group), strict=True)) for group in dataset.as_numpy_iterator()]
            for _ in range(2)
        ]
        claim(f"tf.data, {steps}: the same is new", str(what_changes(twice)), str(changes[steps]), source="F66")

# %% [markdown]
# One trap is left, and it sits in the first line of every notebook of this course: the seed. **Before you run:**
# `tf.random.uniform` draws inside a `map`, and a global seed is set. No cache anywhere. Are the numbers of the second
# epoch new?

# %%
if keras.backend.backend() == "tensorflow":
    four = tf.data.Dataset.range(4)

    def two_epochs(draw):
        numbers = four.map(lambda _: draw(shape=(), maxval=10**6, dtype=tf.int64))
        return [[int(value) for value in numbers] for _ in range(2)]

    tf.random.set_seed(SEED)
    one, two = two_epochs(tf.random.uniform)
    print("tf.random.uniform:", one, two)
    claim("with a global seed, the second epoch repeats the first", one == two, True)
    one, two = two_epochs(tf.random.Generator.from_seed(SEED).uniform)
    claim("a generator that lives outside repeats itself", one == two, False)

# %% [markdown]
# Every epoch starts the `map` afresh, with the same seed, so each image gets the same "random" flip for ever. `shuffle`
# and Keras' own augmentation layers carry their state along and are not affected.
#
# ### A buffer that is too small
#
# `shuffle(buffer)` draws from a buffer, not from the data set. **Before you run:** the data lie sorted by class, 100
# images of each of ten classes, and the buffer holds 50 images. Which classes are in the first batch of 64?

# %%
sorted_source = lambda: iter(range(1000))  # noqa: E731 - image number // 100 is its class
in_first = {}
for buffer in (50, 300, 1000):
    first_batch = next(batch(shuffle(sorted_source, buffer, np.random.default_rng(SEED)), 64)())
    in_first[buffer] = sorted({number // 100 for number in first_batch})
    print(f"buffer {buffer:4}: classes in the first batch {in_first[buffer]}")
claim("buffer 50: no class beyond the second", max(in_first[50]), lambda c: c <= 1)
claim("buffer as large as the data: classes", len(in_first[1000]), lambda count: count >= 8)

# %% [markdown]
# The first 64 images can only come from the first 64 + 50. That is the accident of the sorted digits again, half
# hidden. Shuffle the *list of files* once, and give the buffer a good size.
#
# ### PyTorch's `DataLoader`
#
# It shuffles the *whole* data set and makes the batches; augmentation is the data set's own work, when an image is
# asked for. `generator=` gives the shuffling a seed of its own. `num_workers` is the number of processes that read.
# **Before you run:** does the order depend on the number of workers? And the second epoch on the first?

# %%
from torch.utils.data import DataLoader, Dataset, TensorDataset


def loader_order(workers, seed):
    loader = DataLoader(
        TensorDataset(torch.arange(10)),
        batch_size=4,
        shuffle=True,
        num_workers=workers,
        generator=torch.Generator().manual_seed(seed),
    )
    return [[int(number) for (group,) in loader for number in group] for _ in range(2)]


class Noisy(Dataset):
    """Each item is a random number, from a generator that the data set carries along."""

    def __init__(self):
        self.rng = np.random.default_rng(SEED)

    def __len__(self):
        return 8

    def __getitem__(self, index):
        return int(self.rng.integers(10**6))


alone = loader_order(0, SEED)
print("two epochs:", alone)
claim("the second epoch has the order of the first", alone[0] == alone[1], False)
claim("a new loader with the same seed brings both again", loader_order(0, SEED) == alone, True)
can_fork = hasattr(os, "fork")  # elsewhere, workers cannot use a class that is defined in a notebook
if can_fork:
    claim("two workers: the same order", loader_order(2, SEED) == alone, True)

# %% [markdown]
# Workers are copies of your process. **Before you run:** the data set carries a NumPy generator with a seed. Two
# workers take turns, batch by batch, for two epochs. How many of the 16 random numbers are different?

# %%
if can_fork:
    noisy = DataLoader(Noisy(), batch_size=2, num_workers=2)
    drawn = [[group.tolist() for group in noisy] for _ in range(2)]
    for number, epoch in enumerate(drawn, start=1):
        print(f"epoch {number}: first worker {epoch[0::2]}, second worker {epoch[1::2]}")
    claim("different numbers of 16", len({value for epoch in drawn for group in epoch for value in group}), 4)
    claim("the second worker repeats the first", drawn[0][0::2] == drawn[0][1::2], True)
    claim("the second epoch repeats the first", drawn[0] == drawn[1], True)


# %% [markdown]
# Four of sixteen. Both workers got the same copy of the generator, and in the next epoch they get it again. The
# augmentation that should be fresh is the same for ever. Cure: make the generator in the worker from
# `torch.initial_seed()`, which PyTorch changes for each worker and each epoch; or draw with `torch.rand`, or NumPy's
# global functions, which PyTorch seeds in each worker.

# %%
class Fresh(Noisy):
    def __getitem__(self, index):
        rng = np.random.default_rng([torch.initial_seed(), index])
        return int(rng.integers(10**6))


if can_fork:
    fresh = DataLoader(Fresh(), batch_size=2, num_workers=2, generator=torch.Generator().manual_seed(SEED))
    values = [value for _ in range(2) for group in fresh for value in group.tolist()]
    claim("different numbers of 16", len(set(values)), lambda count: count >= 15)

# %% [markdown] topics=["H2"]
# ### Pictures in folders
#
# Data often come as a folder for each class. Keras' `image_dataset_from_directory` and PyTorch's `ImageFolder` number
# the classes in the order of their names. **Before you run:** the folders are called 1, 2 and 10. Which class number
# does 10 get?

# %%
from PIL import Image

for name in ("1", "2", "10"):
    (folder / "numbers" / name).mkdir(parents=True)
    for copy_number in range(4):
        grey = np.full((6, 8), 20 * int(name) + copy_number, np.uint8)
        Image.fromarray(grey).save(folder / "numbers" / name / f"{copy_number}.png")
names = sorted(path.name for path in (folder / "numbers").iterdir())
files = [path for name in names for path in sorted((folder / "numbers" / name).iterdir())]
from_folders = np.array([names.index(path.parent.name) for path in files])
print(names, from_folders)
claim("the folder 10 is class", names.index("10"), 1)

if keras.backend.backend() == "tensorflow":
    from keras.utils import image_dataset_from_directory

    dataset = image_dataset_from_directory(
        folder / "numbers", image_size=(6, 8), batch_size=4, shuffle=False, verbose=False
    )
    claim("Keras' names", dataset.class_names == names, True, source="T46")
    read = np.concatenate([group.numpy() for _, group in dataset])
    claim("Keras' labels, in the order of the files, since shuffle=False", read, from_folders, source="T46")
    claim("a grey picture is read with channels", next(iter(dataset))[0].shape[-1], 3, source="T46")

# %% [markdown]
# As texts, "10" stands before "2". Call folders 01, 02, 10, or take the names from the data set and never from memory.
#
# `shuffle=False` matters for more than looks. **Before you run:** a model that is *always right* is asked for its
# answers in one pass over a shuffled loader. The labels are collected in a second pass. What accuracy comes out?

# %%
shuffled_loader = DataLoader(
    TensorDataset(torch.tensor(labels)), batch_size=100, shuffle=True, generator=torch.Generator().manual_seed(SEED)
)
perfect_answers = torch.cat([group for (group,) in shuffled_loader])  # the model answers with the truth
collected_later = torch.cat([group for (group,) in shuffled_loader])
accuracy = (perfect_answers == collected_later).float().mean().item()
claim("accuracy of a perfect model, labels from a second pass", accuracy, lambda share: 0.06 < share < 0.14)

# %% [markdown] topics=["H8"]
# Chance. Take images and labels from the *same* pass, or do not shuffle where nothing is trained.
#
# ### One size for a batch
#
# A network that ends in global average pooling takes images of any size (Day 4). A **batch** is one array, so its
# images must agree. There are three ways to make them agree. **Before you run:** which of the three keeps both the
# shape of things and all of the picture?

# %%
flexible = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 10))
for sides in ((50, 50), (33, 71)):
    claim(
        f"{sides[0]} × {sides[1]} pixels: shape of the answer",
        tuple(flexible(torch.zeros(1, 3, *sides)).shape),
        (1, 10),
        source="M93",
    )
from skimage import data as photos
from skimage.transform import resize

photo = photos.coffee()[:, 60:]
height, width = photo.shape[:2]
middle = (width - height) // 2
padded = np.pad(photo, ((middle, middle), (0, 0), (0, 0)))
ways = {"stretched": photo, "padded": padded, "cropped": photo[:, middle : middle + height]}
fig, axes = plt.subplots(1, 4, figsize=(8.6, 2.5), width_ratios=[width / height, 1, 1, 1])
plots.image(photo, f"photo, {height} × {width}", axes[0])
for ax, (name, picture) in zip(axes[1:], ways.items(), strict=True):
    plots.image(resize(picture, (50, 50), anti_aliasing=True), f"{name} to 50 × 50", ax)
plots.show(
    fig,
    alt="A wide photo of a cup of coffee on a saucer, and three versions of 50 by 50 pixels. Stretched: the saucer is narrower than high. "
    "Padded: proportions kept, black bars above and below. Cropped: proportions kept, left and right side of the photo lost.",
)
claim("stretching changes height against width by the factor", width / height, lambda factor: factor > 1.3)

# %% [markdown]
# Padding keeps both and wastes pixels on bars. Stretching is the default of most tools; it is harmless if every image
# is stretched alike. Only one thing is wrong everywhere: one way in training and another in use.
#
# "Sizes should be powers of two." What matters is whether the network's strides divide the side; otherwise rows at the
# border are left over. Five halvings divide by 32:

# %%
claim(
    "rows left over of 224, 256, 299 and 380",
    [side % 32 for side in (224, 256, 299, 380)],
    [0, 0, 11, 28],
    source="M90",
)
claim("224 is a power of two", np.log2(224).is_integer(), False, source="M90")

# %% [markdown] topics=["H7", "H6"]
# ### Which numbers
#
# Stored images are uint8, one byte a value. Networks compute in **float32**, four bytes; NumPy makes **float64**,
# eight, if you do not watch. **Before you run:** the 45,000 training images of CIFAR-10, 32 × 32 × 3: how many
# megabytes in each type?

# %%
values = 45_000 * 32 * 32 * 3
sizes = {kind: values * np.dtype(kind).itemsize / 1e6 for kind in ("uint8", "float32", "float64")}
print({kind: f"{size:.0f} MB" for kind, size in sizes.items()})
claim("megabytes as float64", sizes["float64"], 1105.92, tolerance=1e-9)
claim("dividing bytes by 255 gives", str((np.zeros(3, np.uint8) / 255).dtype), "float64")
claim("dividing by a float32 keeps", str((np.zeros(3, np.uint8) / np.float32(255)).dtype), "float32")


def matrix_seconds(kind):
    a = torch.ones(400, 400, dtype=kind)
    times = []
    for _ in range(9):
        start = time.perf_counter()
        a @ a
        times.append(time.perf_counter() - start)
    return np.median(times)


result(
    "float64_over_float32_time_of_a_matrix_product",
    matrix_seconds(torch.float64) / matrix_seconds(torch.float32),
    "times",
)
try:
    linear(torch.tensor(flat[:2].astype("float64")))
    told = "nothing"
except RuntimeError as error:
    told = type(error).__name__
    print(str(error)[:100])
claim("float64 images into a float32 model", told, "RuntimeError")

# %% [markdown]
# A text says that float64 is two to four times slower on a GPU (M46). Twice is right for the large cards of data
# centres. On ordinary cards it is about 32 times.
#
# The range matters as much as the type. A model that was trained by others expects what *it* was trained with, and
# there is no common rule. One pixel of pure red, [255, 0, 0], in the words of four models:

# %%
from keras.applications import densenet, efficientnet, mobilenet_v2, vgg16

red = np.array([[[[255.0, 0, 0]]]])
expected = {
    module.__name__.rpartition(".")[2]: module.preprocess_input(red.copy()).ravel()
    for module in (vgg16, efficientnet, mobilenet_v2, densenet)
}
for name, values in expected.items():
    print(f"{name:14} {values.round(2)}")
claim(
    "VGG16: blue, green, red, mean subtracted",
    expected["vgg16"],
    np.array([-103.9, -116.8, 131.3]),
    tolerance=0.1,
    source="F76",
)
claim("EfficientNet: nothing, the network scales by itself", expected["efficientnet"], red.ravel(), source="M41")
claim("MobileNetV2: from −1 to 1", expected["mobilenet_v2"], np.array([1, -1, -1]), tolerance=1e-6, source="M41")


# %% [markdown]
# What does dividing by 255 do for a model of your own? "It keeps large features from dominating", say texts (M77). All
# pixels share the range 0 to 255; none dominates. The real reason can be computed. Make the inputs of a linear layer
# $c$ times as large: its gradient grows by $c$, and the step acts on the output by another $c$. **Before you run:**
# which learning rate makes training on raw pixels *the same* as training on scaled ones?

# %%
def train_linear(scale, rate):
    """Twenty steps of softmax regression without bias on scaled pixels; the logits of 50 images."""
    x, weight = flat.astype(float) * scale, np.zeros((64, 10))
    turn = np.random.default_rng(SEED).permutation(len(x))
    with np.errstate(over="ignore"):
        for step in range(20):
            some = turn[step * 50 : step * 50 + 50]
            z = x[some] @ weight
            p = np.exp(z - z.max(axis=1, keepdims=True))
            p /= p.sum(axis=1, keepdims=True)
            weight -= rate * x[some].T @ (p - np.eye(10)[targets[some]]) / len(some)
    return x[:50] @ weight


scaled, raw = train_linear(1, 0.1), train_linear(255, 0.1)
print(f"largest logit: scaled {abs(scaled).max():.1f}, raw at the same rate {abs(raw).max():,.0f}")
claim(
    "raw pixels with the rate divided by 255²: the same logits",
    train_linear(255, 0.1 / 255**2),
    scaled,
    tolerance=1e-9,
    source="M77",
)

# %% [markdown]
# Scaling is a learning rate in disguise: raw pixels take a rate that is $255^2 = 65{,}025$ times smaller. Nobody would
# try that one. And a rule "normalise: subtract the mean, divide by the standard deviation" beside code that only
# divides by 255 describes two different things (M91): the one centres, the other does not.

# %% [markdown] topics=["L11"]
# ## Experiment: how large is a leak?
#
# A **leak** is any way by which validation or test images influence the model. Three piles do not help if the same
# thing lies in two of them. Here is an experiment in which *nothing can be learnt*: 200 digits, and for each we toss a
# coin and call the result its class. Then we photograph each digit five times, with noise in every picture.
#
# **Before you run:** a quarter of the photographs is drawn at random for validation. How many of their coins will a
# classifier guess that looks up the most similar training image? And if all photographs *of a digit* stay on one side?

# %%
from sklearn.model_selection import GroupShuffleSplit
from sklearn.neighbors import KNeighborsClassifier

NEAREST = KNeighborsClassifier(1, algorithm="brute")


def photographed(originals, rng, times=5, noise=0.15):
    """Each image `times` times, with noise: (images as rows, the number of the original of each)."""
    groups = np.repeat(np.arange(len(originals)), times)
    return originals.reshape(-1, 64)[groups] + noise * rng.normal(size=(len(groups), 64)), groups


def accuracy_of_split(x, y, groups, model=NEAREST, on=None):
    """Mean accuracy over six splits that hold out a quarter of the groups; measured there, or on the pair `on`."""
    splits = GroupShuffleSplit(6, test_size=0.25, random_state=SEED).split(x, y, groups)
    return np.mean([model.fit(x[a], y[a]).score(*(on or (x[b], y[b]))) for a, b in splits])


leak_rng = np.random.default_rng(SEED)
chosen = leak_rng.permutation(train)[:200]
photographs, group = photographed(pixels[chosen], leak_rng)
each_alone = np.arange(len(group))  # every photograph is a group of its own: an ordinary random split
coins = leak_rng.integers(0, 2, 200)[group]
by_photograph = accuracy_of_split(photographs, coins, each_alone)
by_digit = accuracy_of_split(photographs, coins, group)
claim("split by photograph: coins guessed, in %", 100 * by_photograph, lambda share: share > 95)
claim("split by digit: coins guessed, in %", 100 * by_digit, lambda share: 35 < share < 65)

# %% [markdown]
# A splendid score for guessing coins. The classifier knows no class at all; it recognises *the digit that it has seen*.
# Photographs of one patient, frames of one video, crops of one picture, sentences of one author: whatever belongs
# together is a **group** and must stay on one side.
#
# Now the true classes, and two more leaks: copying rare images before the split ("more data"), and taking mean and
# standard deviation from all images. To know the truth, the other training digits are kept aside, photographed once.
# **Before you run:** order the three leaks by their size.

# %%
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

truth_rng = np.random.default_rng([SEED, 1])
new = truth_rng.permutation(np.setdiff1d(train, chosen))[:400]
on_new = photographed(pixels[new], truth_rng, times=1, noise=0.3)[0], labels[new]
hard, group = photographed(pixels[chosen], truth_rng, noise=0.3)
digit = labels[chosen][group]
once = np.arange(0, len(hard), 5)  # one photograph of each digit
copies = once[truth_rng.integers(0, len(once), 600)]
truth = accuracy_of_split(hard, digit, group, on=on_new)
truth_of_copies = accuracy_of_split(hard[copies], digit[copies], copies, on=on_new)
standardised = StandardScaler().fit_transform(hard)  # has seen the validation images
within = accuracy_of_split(hard, digit, group, make_pipeline(StandardScaler(), NEAREST))
leaks = {
    "no leak: split by digit": accuracy_of_split(hard, digit, group) - truth,
    "mean and deviation of all images": accuracy_of_split(standardised, digit, group) - within,
    "split by photograph": accuracy_of_split(hard, digit, each_alone) - truth,
    "copied before the split": accuracy_of_split(hard[copies], digit[copies], np.arange(600)) - truth_of_copies,
}
fig = plots.bars(list(leaks), list(leaks.values()), label="validation accuracy above the truth", unit="%")
plots.show(
    fig,
    alt="Points by which the validation accuracy is too high: "
    + "; ".join(f"{name} {100 * leak:.1f}" for name, leak in leaks.items())
    + ".",
)
claim("split by digit is honest: off by, at most", abs(leaks["no leak: split by digit"]), lambda gap: gap < 0.1)
claim(
    "split by photograph flatters",
    leaks["split by photograph"] - leaks["no leak: split by digit"],
    lambda gap: gap > 0.05,
)
claim("copies before the split flatter", leaks["copied before the split"], lambda gap: gap > 0.05, source="M14")
claim(
    "statistics of all images: next to nothing", abs(leaks["mean and deviation of all images"]), lambda gap: gap < 0.03
)
for name, leak in list(leaks.items())[1:]:
    result(f"leak_{name.replace(' ', '_')}", leak, "%")

# %% [markdown]
# Leaks differ in size by orders of magnitude, and the sizes depend on the data; so measure, do not guess. Every one of
# them has the same cure: **split first, by group; then do everything else with the training part alone.** Copies,
# augmentation, means, the choice of pixels or features, all of it after the split. And validation images are never
# augmented: they stand for the images of the real world (M11).
#
# The rule that your report should state: which unit was drawn (image, patient, video), from which source, with which
# seed, how many in each pile, and what the validation set decided. It decides a lot: whatever chooses epochs or
# settings by it makes its score flattering (M15). Only a test set that decided nothing is clean.

# %% [markdown] topics=["H10"]
# ## Seeds, and what they do not fix
#
# A **seed** is the number from which all random numbers of a run follow. **Before you run:** the same net, trained
# twice with one seed and once with another. Are the weights of the first two equal, to the last bit? How far apart are
# accuracies over seeds?

# %%
again = train_net()[0]
claim(
    "same seed: the same weights, to the last bit", equal_weights(again.state_dict(), reference_net.state_dict()), True
)
over_seeds = [train_net(seed=SEED + 100 + k)[1] for k in range(profile.pick(smoke=3, cpu=12, gpu=12))]
print("accuracy by seed:", [f"{accuracy:.1%}" for accuracy in sorted(over_seeds)])
result("best_minus_worst_seed", max(over_seeds) - min(over_seeds), "%")


# %% [markdown]
# Nothing changed but the seed. Whoever compares two recipes with one seed each compares luck; and whoever *chooses* a
# seed by its score has found a new way to leak.
#
# A seed fixes a **stream** of numbers, not who gets which. **Before you run:** between seeding and shuffling, one line
# more draws a single random number, say for a picture. What happens to the order of the images?

# %%
def first_order(extra_line, own_generator):
    torch.manual_seed(SEED)
    sampler = torch.Generator().manual_seed(SEED) if own_generator else None
    if extra_line:
        torch.rand(1)
    return torch.randperm(50, generator=sampler).tolist()


claim("one stream for all: the same order", first_order(True, False) == first_order(False, False), False)
claim("a generator of its own: the same order", first_order(True, True) == first_order(False, True), True)

# %% [markdown]
# Give each job its own generator. What else can differ with all seeds fixed?
#
# - **The order of adding.** Rounding makes $(a + b) + c$ differ from $a + (b + c)$. The number of threads, the batch
#   size, the processor and the library's version decide in which order sums are made.
# - **GPU kernels** that add from many threads at once, in the order in which they finish.
#   `torch.use_deterministic_algorithms(True)` forbids these or raises; some need `CUBLAS_WORKSPACE_CONFIG=:4096:8`,
#   too. `keras.utils.set_random_seed` seeds Python, NumPy and the backend; with TensorFlow,
#   `tf.config.experimental.enable_op_determinism()` does the rest.
# - **Sets of texts**, whose order changes from one start of Python to the next.

# %%
claim("(0.1 + 0.2) + 0.3 equals 0.1 + (0.2 + 0.3)", (0.1 + 0.2) + 0.3 == 0.1 + (0.2 + 0.3), False)
with torch.no_grad():
    together = reference_net.eval()(val_images)
    one_by_one = torch.cat([reference_net(image[None]) for image in val_images])
gap = (together - one_by_one).abs().max().item()
print(f"batch of {len(val_images)} against one at a time: logits differ by up to {gap:.1g}")
claim("no more than rounding", gap, 0, tolerance=1e-3)

classes_of = "print(list({'cat', 'dog', 'frog', 'horse', 'ship', 'truck'}))"
starts = [
    subprocess.run(
        [sys.executable, "-c", classes_of],
        env={**os.environ, "PYTHONHASHSEED": str(k)},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    for k in range(2)
]
print(*starts, end="")
claim("two starts of Python: the same order of one set of class names", starts[0] == starts[1], False)


# %% [markdown]
# Class numbers made from a set point to other names tomorrow; `sorted` mends it.
#
# Rounding looks harmless. **Before you run:** one weight of the first layer is changed by $10^{-6}$, about the size of
# a rounding error, and nothing else. How far apart are the weights after five epochs?

# %%
def weights_by_epoch(nudge):
    torch.manual_seed(SEED)
    net, kept = build(), []
    with torch.no_grad():
        net[0].weight[0, 0, 0, 0] += nudge
    optimiser = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
    for epoch in range(6):
        if epoch:
            torch_epoch(net, images, classes, torch.randperm(len(classes)), optimiser)
        kept.append(torch.cat([p.detach().ravel() for p in net.parameters()]))
    return kept


pairs = zip(weights_by_epoch(1e-6), weights_by_epoch(0), strict=True)
grown = [(one - other).norm().item() for one, other in pairs]
fig = plots.curves({"distance": grown}, x=range(6), ylabel="distance of all weights", log=True)
told = ", ".join(f"{distance:.1g}" for distance in grown)
plots.show(fig, alt=f"Distance of the weights of two runs after 0 to 5 epochs, on a logarithmic axis: {told}.")
claim("times as far apart after five epochs as at the start", grown[5] / grown[0], lambda times: times > 100)


# %% [markdown]
# Training magnifies differences. That is why "the same seed" on another machine may end with another accuracy, and why
# a result should be told with its spread over seeds.
#
# ## Kill it, and go on
#
# Runs end early: a battery, a quota, a power cut. A **checkpoint** holds what a run needs to go on. What is that?
# **Before you run the next cells:** write a list. The weights, and...?
#
# The function trains from the last checkpoint in its folder, if there is one. The argument `forget` leaves a piece out
# when it resumes; we need it later.

# %%
def train_on(folder, epochs, pause=0.0, forget=""):
    """Train to the end, from the last checkpoint if there is one; a checkpoint after each epoch. Returns the model."""
    torch.set_num_threads(1)
    images, classes = (torch.from_numpy(np.load(folder / name)) for name in ("images.npy", "classes.npy"))
    torch.manual_seed(0)  # first weights, and dropout
    model = build()
    optimiser = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, epochs)
    sampler = torch.Generator().manual_seed(1)  # the order of the images
    begin, file = 0, folder / "checkpoint.pt"
    if file.exists():
        state = torch.load(file, weights_only=True)
        begin = state["epoch"]
        model.load_state_dict(state["model"])
        if forget != "optimiser":
            optimiser.load_state_dict(state["optimiser"])
        if forget != "schedule":
            schedule.load_state_dict(state["schedule"])
        if forget != "sampler":
            sampler.set_state(state["sampler"])
        if forget != "random numbers":
            torch.set_rng_state(state["random numbers"])
    for epoch in range(begin, epochs):
        model.train()
        for batch in torch.randperm(len(classes), generator=sampler).split(64):
            optimiser.zero_grad()
            torch.nn.functional.cross_entropy(model(images[batch]), classes[batch]).backward()
            optimiser.step()
            time.sleep(pause)
        schedule.step()
        state = {
            "epoch": epoch + 1,
            "model": model.state_dict(),  # weights, and batch norm's running averages
            "optimiser": optimiser.state_dict(),  # momentum, and the present rate
            "schedule": schedule.state_dict(),  # how far it has come
            "sampler": sampler.get_state(),
            "random numbers": torch.get_rng_state(),
        }
        torch.save(state, folder / "unfinished.pt")
        (folder / "unfinished.pt").replace(file)  # at one stroke: a kill leaves the old file or the new one
    return model


def new_folder(name):
    (folder / name).mkdir()
    np.save(folder / name / "images.npy", images.numpy())
    np.save(folder / name / "classes.npy", classes.numpy())
    return folder / name


EPOCHS = 6
straight = train_on(new_folder("straight"), EPOCHS)
claim(
    "a second run from the beginning: equal, to the last bit",
    equal_weights(train_on(new_folder("again"), EPOCHS).state_dict(), straight.state_dict()),
    True,
)

# %% [markdown]
# Now for real. The same function goes into a Python process of its own, with a short pause after each step so that we
# have time. When the second checkpoint is there, we kill the process. It gets no warning and cannot clean up. Then this
# notebook goes on from the file. **Before you run:** will the weights agree with those of the run that nobody killed?

# %%
place = new_folder("killed")
imports = "import sys, time\nfrom pathlib import Path\nimport numpy as np, torch\nfrom torch import nn\n"
call = f"train_on(Path(sys.argv[1]), {EPOCHS}, pause=0.05)"
script = imports + inspect.getsource(build) + inspect.getsource(train_on) + call
(place / "run.py").write_text(script)
process = subprocess.Popen([sys.executable, place / "run.py", place])
give_up = time.monotonic() + 120
while process.poll() is None and time.monotonic() < give_up:
    if (place / "checkpoint.pt").exists() and torch.load(place / "checkpoint.pt", weights_only=True)["epoch"] >= 2:
        process.kill()
        break
    time.sleep(0.02)
ended = process.wait()
done = torch.load(place / "checkpoint.pt", weights_only=True)["epoch"]
print(f"ended with {ended}; epochs in the checkpoint: {done} of {EPOCHS}")
claim("the process did not end by itself", ended != 0, True)
claim("and there was work left", done < EPOCHS, True)

# %%
half_way = (place / "checkpoint.pt").read_bytes()
resumed = train_on(place, EPOCHS)
whole = resumed.state_dict()
claim(
    "killed and resumed: the weights of the straight run, to the last bit",
    equal_weights(whole, straight.state_dict()),
    True,
)
claim(
    "and its running averages",
    all(torch.equal(whole[name], value) for name, value in straight.state_dict().items()),
    True,
)

# %% [markdown]
# To the last bit. Two processes, one result.
#
# Which entry of the checkpoint could have been left out? **Before you run:** the optimiser, the schedule, the sampler,
# the random numbers of dropout: resumed without one of them, after which do the weights end furthest from the straight
# run?

# %%
far = {}
for piece in ("optimiser", "schedule", "sampler", "random numbers"):
    (place / "checkpoint.pt").write_bytes(half_way)
    other = train_on(place, EPOCHS, forget=piece)
    pairs = zip(straight.parameters(), other.parameters(), strict=True)
    far[piece] = (
        torch.cat([(a - b).detach().ravel() for a, b in pairs]).norm().item()
        / torch.cat([p.detach().ravel() for p in straight.parameters()]).norm().item()
    )
    claim(f"without the {piece}, the weights differ", far[piece] > 0, True)
fig = plots.bars(
    list(far), list(far.values()), label="distance from the straight run, as a share of the weights' length", unit="%"
)
plots.show(
    fig,
    alt="How far the weights end from those of the straight run, by what was forgotten: "
    + "; ".join(f"{piece} {share:.1%}" for piece, share in far.items())
    + ".",
)
claim("largest distance over smallest", max(far.values()) / min(far.values()), lambda times: times < 5)

# %% [markdown] topics=["L18"]
# All about equally far, for the reason that you have just seen: once two runs differ, they part. So the distance does
# not tell the harm. Without the sampler or the random numbers you get *another run of the same recipe*, as good as the
# first. Without the optimiser or the schedule you get *another recipe*: momentum starts from zero, the rate is not
# where it should be. None of them raises an error.
#
# Why write to another name first? A kill in the middle of writing leaves half a file, and half a file is none. And a
# checkpoint of *state dicts* holds tensors and plain numbers only; that is why `torch.load` may open it with
# `weights_only=True`, its default, which refuses to run code from a file.

# %%
(place / "half.pt").write_bytes(half_way[: len(half_way) // 2])
try:
    torch.load(place / "half.pt", weights_only=True)
    told = "nothing"
except Exception as error:  # PyTorch's own kinds vary
    told = type(error).__name__
claim("what half a checkpoint leads to", told, lambda name: name != "nothing")

convnet.save(folder / "whole.keras")
back = keras.saving.load_model(folder / "whole.keras")
claim(
    "Keras: the .keras file keeps the optimiser's step",
    int(back.optimizer.iterations),
    int(convnet.optimizer.iterations),
    source="T53",
)
claim("and its state", len(back.optimizer.variables), len(convnet.optimizer.variables), source="T53")
claim(
    "but also the history", hasattr(back, "history") and bool(getattr(back.history, "history", {})), False, source="T53"
)


# %% [markdown]
# | file | holds |
# |---|---|
# | `model.save("m.keras")` | architecture, weights, optimiser and its state, loss; not the history, not the place in the epoch, no random state |
# | `model.save_weights("m.weights.h5")` | weights |
# | `.h5` by `model.save` | the older format of the first; still read and written, with a warning |
# | `torch.save(model.state_dict(), ...)` | weights and running averages; the code that builds the model is yours |
# | a checkpoint as above | all that a run needs |
#
# In Keras, `keras.callbacks.BackupAndRestore(folder)` keeps such a checkpoint for `fit`; it starts again at the
# beginning of the epoch in which the run died.

# %% [markdown] topics=["L17"]
# ## Look inside: gradients by layer
#
# When a loop is right and the net still does not learn, look at the size of the gradient in each layer, after
# `backward()`. **Before you run:** in the second net the biases of the second normalisation are set to −100, so that
# ReLU lets nothing through. Which layers still get a gradient?

# %%
def gradient_norms(model):
    """Length of the gradient of each parameter; None where backward() never came."""
    model.train().zero_grad()
    F.cross_entropy(model(images[: 64 * 19 : 19]), classes[: 64 * 19 : 19]).backward()
    return {name: None if p.grad is None else p.grad.norm().item() for name, p in model.named_parameters()}


torch.manual_seed(SEED)
healthy_net = build()
ill = copy.deepcopy(healthy_net)
nn.init.constant_(ill[5].bias, -100.0)
layer_names = {
    "0.weight": "convolution 1",
    "1.weight": "batch norm 1",
    "4.weight": "convolution 2",
    "5.weight": "batch norm 2",
    "10.weight": "dense, weight",
    "10.bias": "dense, bias",
}
norms = {name: gradient_norms(net) for name, net in (("healthy", healthy_net), ("dead layer", ill))}
fig, axes = plt.subplots(1, 2, figsize=(8.6, 2.6))
for ax, (name, found) in zip(axes, norms.items(), strict=True):
    plots.bars(
        list(layer_names.values()),
        [found[key] for key in layer_names],
        title=name,
        ax=ax,
        label="length of the gradient",
    )
told = "; ".join(
    f"{name}: " + ", ".join(f"{label} {found[key]:.2g}" for key, label in layer_names.items())
    for name, found in norms.items()
)
plots.show(fig, alt=f"Length of the gradient by layer. {told}.")
claim("healthy: every layer has a gradient", min(norms["healthy"].values()), lambda least: least > 0)
claim("dead: gradients in all weights", sum(norms["dead layer"][key] for key in layer_names if key != "10.bias"), 0)
claim("only the last bias still learns", norms["dead layer"]["10.bias"], lambda length: length > 0)

with_unused = nn.ModuleDict({"net": build(), "unused": nn.Linear(3, 3)})
with_unused.forward = lambda x: with_unused["net"](x)
gradient_norms(with_unused)
try:
    print([p.grad.norm().item() for p in with_unused.parameters()])
    told = "nothing"
except AttributeError as error:
    told = type(error).__name__
claim("a published loop over p.grad.norm(), with a layer that is not used", told, "AttributeError", source="M73")


# %% [markdown]
# One look tells the illness and the place. Day 13 makes a tool of this.

# %% [markdown] topics=["L6"]
# ## All of it in one loop
#
# Here is the whole of the day in one function for PyTorch: the fast circle, the slow circle, the best weights, a reason
# to stop. Read it aloud, line by line, and say for each what would happen without it.

# %%
def fit(model, epochs, patience, lr=0.05):
    """Train with early stopping; leaves the best weights in the model and returns the curves."""
    optimiser = torch.optim.SGD(model.parameters(), lr=lr, momentum=0.9)
    plateau = torch.optim.lr_scheduler.ReduceLROnPlateau(optimiser, factor=0.3, patience=1)
    sampler = torch.Generator().manual_seed(SEED)
    curves, best, best_weights, wait = {"loss": [], "val_loss": [], "val_accuracy": []}, np.inf, None, 0
    for _ in range(epochs):
        curves["loss"].append(
            torch_epoch(model, images, classes, torch.randperm(len(classes), generator=sampler), optimiser)
        )
        model.eval()
        loss, correct = 0.0, 0
        with torch.no_grad():
            for x, y in zip(val_images.split(BATCH), val_classes.split(BATCH), strict=True):
                logits = model(x)
                loss += F.cross_entropy(logits, y).item() * len(y)
                correct += (logits.argmax(1) == y).sum().item()
        curves["val_loss"].append(loss / len(val_classes))
        curves["val_accuracy"].append(correct / len(val_classes))
        plateau.step(curves["val_loss"][-1])
        if curves["val_loss"][-1] < best:
            best, best_weights, wait = curves["val_loss"][-1], copy.deepcopy(model.state_dict()), 0
        else:
            wait += 1
            if wait == patience:
                break
    model.load_state_dict(best_weights)
    return curves


torch.manual_seed(SEED)
final = build()
curves = fit(final, epochs=profile.pick(smoke=12, cpu=60, gpu=60), patience=5)
best = int(np.argmin(curves["val_loss"]))
fig = plots.curves(curves)
plots.show(
    fig,
    alt=f"{len(curves['loss'])} epochs in PyTorch. Training loss falls to {curves['loss'][-1]:.3f}; validation loss is lowest in epoch {best + 1} with "
    f"{curves['val_loss'][best]:.3f}; validation accuracy reaches {max(curves['val_accuracy']):.1%}.",
)
with torch.no_grad():
    loss_now = F.cross_entropy(final.eval()(val_images), val_classes).item()
claim(
    "the weights in the model are those of the lowest validation loss",
    loss_now,
    min(curves["val_loss"]),
    tolerance=1e-5,
    source="T38",
)
torch.save(final.state_dict(), folder / "best.pt")
reloaded = build()
reloaded.load_state_dict(torch.load(folder / "best.pt", weights_only=True, map_location="cpu"))
with torch.no_grad():
    claim("reloaded: the same logits", reloaded.eval()(val_images).numpy(), final(val_images).numpy(), source="T71")

# %% [markdown]
# Everything is decided. Now the test set, once.

# %%
with torch.no_grad():
    answers = final(torch.tensor(pixels[test][:, None])).argmax(1).numpy()
test_accuracy = np.mean(answers == labels[test])
print(f"{test_accuracy:.1%} of {len(test)} test digits")
result("test_accuracy", test_accuracy, "%")
claim("far above guessing", test_accuracy, lambda accuracy: accuracy > 0.9)

# %% [markdown] topics=["L3"]
# ## What texts get wrong
#
# You met M23 (mean of means), F66 (cache last), M01 (16 images), M14 (copies before the split), F76 and M41
# (preprocessing), M46, M77, M90, M91, M93 and M73 above.
#
# **"tf.keras is the standard for production."** Since TensorFlow 2.16 `tf.keras` *is* Keras 3. There are not two of
# them to choose from; `import keras` also runs on PyTorch and JAX.

# %%
if keras.backend.backend() == "tensorflow":
    claim("the Dense layer of tf.keras is that of keras", tf.keras.layers.Dense is layers.Dense, True, source="O01")
    claim("version", tf.keras.__version__, keras.__version__, source="O01")

# %% [markdown]
# **"Save the best weights: ModelCheckpoint on val_accuracy, EarlyStopping on val_loss."** Two watched numbers, two
# different best models. And by default the file holds the whole model, not "the weights". The losses say epoch 2, the
# accuracies epoch 4. **Before you run:** which epoch's weights are in memory at the end, which in the file?

# %%
both = [
    {"val_loss": loss, "val_accuracy": accuracy}
    for loss, accuracy in [(0.9, 0.6), (0.5, 0.7), (0.6, 0.75), (0.7, 0.8), (0.8, 0.78)]
]
_, kept, _ = drive(
    [
        keras.callbacks.ModelCheckpoint(folder / "accurate.keras", "val_accuracy", mode="max", save_best_only=True),
        keras.callbacks.EarlyStopping("val_loss", patience=3, restore_best_weights=True),
    ],
    both,
)
in_file = keras.saving.load_model(folder / "accurate.keras")
claim("in memory: weights of epoch", kept, 2, source="M07")
claim("in the file: weights of epoch", int(in_file.get_weights()[0].item()), 4, source="M07")
claim("the file is a whole model, with an optimiser", in_file.optimizer is not None, True, source="M08")

# %% [markdown]
# **"`EarlyStopping(monitor='val_loss', patience=5)` prevents overfitting."** Without `restore_best_weights=True` the
# model keeps the weights of the last, fifth bad epoch. And in the project that prints this there are only two piles, so
# `val_loss` is the loss on the *test* images.

# %%
overfitting = [{"val_loss": loss} for loss in (0.5, 0.4, 0.45, 0.5, 0.6, 0.7, 0.8)]
last, kept, _ = drive([keras.callbacks.EarlyStopping(patience=5)], overfitting)
claim("stopped after epoch, with the weights of epoch", (last, kept), (7, 7), source="M13")
last, kept, _ = drive([keras.callbacks.EarlyStopping(patience=10, restore_best_weights=True)], overfitting)
claim("the run ends before the patience does: Keras 3 restores all the same, epoch", kept, 2, source="T52")

# %% [markdown]
# **"The first tenth of the data is the validation set", and on another page `validation_split=0.1`.** Keras takes the
# *last* tenth, before it shuffles. Two different sets, and neither is stratified. With our sorted digits:

# %%
tenth = len(train) // 10
first_tenth, last_tenth = (set(labels[part].tolist()) for part in (train[:tenth], train[-tenth:]))
print("digits in the first tenth:", first_tenth, "in the last:", last_tenth)
claim("digits that are in both", len(first_tenth & last_tenth), 0, source="M16")

# %% [markdown]
# **"`cache()` and `prefetch()` make this training fast", above a `fit` on NumPy arrays.** Neither is used there (F65).
# And the pipeline that the text shows is built from all training images, validation images included (F67).
#
# **`ReduceLROnPlateau(..., verbose=True)`, `Dense(..., input_shape=...)`, `save_weights("model.h5")`.** Three lines
# from widely read texts. **Before you run:** which of them still work?

# %%
optimiser = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=1.0)
try:
    torch.optim.lr_scheduler.ReduceLROnPlateau(optimiser, verbose=True)
    told = "nothing"
except TypeError as error:
    told = type(error).__name__
claim("PyTorch, verbose=True", told, "TypeError", source="O09")
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    keras.Sequential([layers.Dense(2, input_shape=(4,))])
claim(
    "Keras, input_shape in a layer: works, with a warning",
    any("input_shape" in str(w.message) for w in caught),
    True,
    source="O10",
)
try:
    probe.save_weights(folder / "model.h5")
    told = "nothing"
except ValueError as error:
    told = type(error).__name__
claim("Keras, weights into model.h5: the name must end in .weights.h5", told, "ValueError", source="T54")

# %% [markdown]
# **"703/703 [====================]".** Keras 3 prints other lines than the texts do, and the number of steps is rounded
# *up* (O16; Day 12 counts them). **"`flow_from_directory` loads efficiently."** It belongs to a module that Keras calls
# legacy; `image_dataset_from_directory`, as above, reads ahead with `tf.data` (O03).
#
# Nine more sentences were tested on the way:
#
# - **"The loss of an epoch is the mean of its batch losses."** Only if all batches are of one size (M23).
# - **"Stop early on the AUC of the validation folder."** That folder holds 16 images, and perfect luck is common (M01).
# - **"Shuffle, batch, prefetch, cache."** What is cached last never changes again (F66).
# - **"A CNN needs images of one size."** A batch does; convolutions do not (M93).
# - **"Resize to powers of two."** The usual sizes are none (M90).
# - **"rescale=1/255 is right for VGG16."** VGG16 was trained on other numbers (F76).
# - **"Subtract the ImageNet mean for every pretrained model."** Each has a rule of its own (M41).
# - **"Over-sample rare classes during preprocessing."** After the split, in the training part alone (M14).
# - **"Print p.grad.norm() for every parameter."** A layer that is not used has no gradient to ask (M73).
#
# ## Pitfalls
#
# | symptom | cause | fix |
# |---|---|---|
# | Loss explodes or wanders, no error | `zero_grad()` missing | it belongs before each `backward()` |
# | Loss does not move at all | `step()` missing, or `zero_grad()` between `backward()` and `step()` | print one weight before and after a step |
# | Validation changes with the batch size or the order of images | `eval()` missing | `model.eval()` first, `model.train()` at the top of each epoch |
# | Memory grows from batch to batch | a loss is kept as a tensor | `.item()`; `torch.no_grad()` in validation |
# | "Expected all tensors to be on the same device" | images not moved, or the result of `.to()` thrown away | `x = x.to(device)` |
# | "mat1 and mat2 must have the same dtype" | float64 from NumPy | `.astype("float32")` |
# | Accuracy near chance, all the same class | data sorted and not shuffled, or a buffer that is too small | shuffle all of it |
# | The second epoch is a copy of the first | cache after shuffle or augment; a generator copied into the workers | what shall be new stands after the cache; seed in the worker |
# | "Best weights" equal the last ones | `state_dict()` without a copy; `restore_best_weights` left out | `copy.deepcopy`; `restore_best_weights=True` |
# | Early stopping never stops, or at once | `mode` wrong, `min_delta` against the size of the loss | drive it on a list first |
# | Perfect predictions, accuracy at chance | labels from a second pass over a shuffled loader | one pass for both |
# | Validation is splendid, use is not | one patient, video or picture on both sides | split by group, before anything else |
# | A resumed run has a kink in its curve | optimiser or schedule not in the checkpoint | save all state dicts; compare bit for bit once |
#
# ## Recap
#
# 1. Zero, forward, backward, step: a circle. Most of its faults are silent, so test the loop and do not trust it.
# 2. `train()` and `eval()` turn a switch in the model; `no_grad()` and `item()` save memory and change no number.
# 3. Better means below the best by more than `min_delta`; patience answers to noise; keep a *copy* of the best.
# 4. What stands before the cache happens once. Split by group first, and do all the rest with the training part.
# 5. A seed fixes a stream, not the rounding. A checkpoint holds weights, averages, optimiser, schedule, sampler, random
#    state and the epoch.
#
# ### Further reading
#
# - Prechelt, *Early Stopping: But When?* (1998): patience against noise, measured.
# - Bouthillier et al., *Accounting for Variance in Machine Learning Benchmarks* (2021): what a seed is worth.
# - Kapoor & Narayanan, *Leakage and the Reproducibility Crisis in Machine-Learning-Based Science* (2023): leaks in
#   published work.
# - Goldberg, *What Every Computer Scientist Should Know About Floating-Point Arithmetic* (1991): why adding has an
#   order.
# - Murray et al., *tf.data: A Machine Learning Data Processing Framework* (2021).
#
# **Now you:** [the exercise of Day 9](../exercises/day_09_the_training_loop.py). You will write `train_epoch`,
# `evaluate`, `EarlyStopping` and a checkpoint, predict what pipelines do, and repair one that leaks. Every check
# answers at once.
