# ---
# jupyter:
#   course:
#     budget_s:
#       cpu: 300
#       gpu: 300
#       smoke: 60
#     data: []
#     day: 13
#     frameworks:
#     - keras
#     - torch
#     minutes: 90
#     title: Diagnosing training
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
# # Day 13: Diagnosing training
#
# **The loss does not fall. What do you measure before you change anything?**
#
# After this day you can (in brackets: the question of the exercise that asks for it)
#
# 1. measure what flows through a network: gradient norms, dead units, updates against weights [1 to 3];
# 2. find the operation in which the first NaN is born [4];
# 3. find wrong labels with a model that has not seen them [5, 6];
# 4. read learning curves, and say what they cannot show [7];
# 5. examine a training in a fixed order, from cheap to expensive, and name its illness [7].
#
# **Time** about 90 minutes, of which the machine trains a few. **You need** dead units and cross-entropy (Day 6),
# gradients and initialisation (Day 7), learning rates (Day 8), the training loop (Day 9), dropout (Day 10), and the
# examinations of Day 11.

# %% tags=["parameters"]
PROFILE = "auto"  # "smoke", "cpu", "gpu", or "auto": gpu where one is visible, else cpu
SEED = 0

# %%
from itertools import pairwise

import keras
import matplotlib.pyplot as plt
import numpy as np
import torch
import torch.nn.functional as F
from keras import layers
from sklearn.datasets import load_digits
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import KFold, cross_val_predict
from sklearn.neighbors import KNeighborsClassifier
from torch import nn

from course_utils import clinic, plots, profiles
from course_utils.claims import claim, result

profile = profiles.start(PROFILE, seed=SEED, frameworks=("keras", "torch"))
torch.set_num_threads(1)  # the nets of this day are tiny: a second thread would only be in the way

# %% [markdown] topics=["T1"]
# ## The idea: a clinic
#
# On Day 11 you had one patient with ten faults. Today it is the other way round: many patients, **one illness each**. The
# healthy recipe is small. It reads 1,200 handwritten digits, 8 × 8 pixels, with two convolutions and two dense layers, and
# takes less than a second. In each patient exactly one thing is planted:
#
# | illness | what is planted |
# |---|---|
# | rate too high, rate too low | the learning rate, many times larger or smaller |
# | unscaled inputs | pixels from 0 to 16, or up to 255, instead of mean 0 and spread 1 |
# | wrong labels | a part of the labels is replaced by others |
# | double softmax | the model ends in a softmax, and the loss applies another one |
# | weights too small | initial weights a tenth of what they should be, or less |
# | leak | validation images are copies of training images |
# | NaN pixels | a few images hold a pixel that is not a number |
# | dead units | the biases of a layer begin so low that ReLU never opens |
# | frozen layers | some layers are not trained |
# | wrong mode | the model is validated in training mode, with dropout switched on |
# | imbalance | one class has most of the images |
# | not reshuffled | the images come in the same order in each epoch, more or less sorted by class |
#
# Twelve illnesses; the first has two forms, so there are thirteen names. Each comes mild or severe: its **strength** runs
# from 0 to 1.

# %%
names = [clinic.HEALTHY, *clinic.ILLNESSES]
model = clinic.Net()
claim("parameters of the net", sum(p.numel() for p in model.parameters()), 9_802)
claim("names: twelve illnesses, one of them in two forms", len(clinic.ILLNESSES), 13)
healthy = clinic.run(seed=SEED)
print("healthy, epoch by epoch:", {name: np.round(values, 2).tolist() for name, values in healthy.history.items()})
claim("a healthy run ends well", healthy.history["val_accuracy"][-1], lambda a: a > 0.9)


# %% [markdown] topics=["Q10"]
# ### All the curves at once
#
# A doctor looks at the patient first. We look at the curves: the loss on training images and on validation images, after
# each epoch. The helper draws one patient; the loop calls it for all fourteen.
#
# **Before you run:** how many of the thirteen will you tell from the healthy one by their curves? Which will look alike?

# %%
def draw_losses(ax, run, title):
    """Training and validation loss of a run; says so where there is none to draw."""
    for key, name, style in (("loss", "training", "o-"), ("val_loss", "validation", "s--")):
        values = np.array(run.history[key])
        values[~(np.abs(values) < 100)] = np.nan  # beyond any use
        ax.plot(np.arange(1, len(values) + 1), values, style, label=name, markersize=4)
    if not np.isfinite(run.history["loss"]).any():
        ax.text(0.5, 0.5, "NaN", transform=ax.transAxes, ha="center", va="center", fontsize=14)
    ax.set(title=title, ylim=(0, 3))
    ax.title.set_fontsize(9)
    ax.grid(linewidth=0.6)


def doses(seed):
    """A strength for each patient of a ward, drawn by its seed."""
    return dict(zip(names, np.random.default_rng([SEED, seed]).random(len(names)), strict=True))


ward = {"healthy": healthy}
for name, strength in doses(0).items():
    ward[name] = ward.get(name) or clinic.run(name, strength, seed=SEED)
fig, axes = plt.subplots(4, 4, figsize=(8.6, 8.2), sharex=True, sharey=True)
for ax, (name, run) in zip(axes.flat, ward.items(), strict=False):
    draw_losses(ax, run, name)
for ax in axes.flat[len(ward) :]:
    ax.axis("off")
axes[0, 0].legend(fontsize=7)
fig.supxlabel("epoch")
fig.supylabel("loss (nats)")
alike = [name for name, run in ward.items() if run.history["val_loss"][-1] < 0.4]
flat = [name for name, run in ward.items() if run.history["loss"][-1] > 2.2]
lost = [name for name, run in ward.items() if not np.isfinite(run.history["loss"][-1])]
plots.show(
    fig,
    alt="Fourteen small panels, a healthy run and thirteen ill ones: training and validation loss over six epochs. "
    f"Fall below 0.4: {', '.join(alike)}. Stay near 2.3: {', '.join(flat)}. Without a number: {', '.join(lost)}.",
)

# %% [markdown]
# Two groups stand out. Some patients are **flat**: the loss stays near $\ln 10$ whatever the cause. Others look **well**:
# their loss falls as it should, and something is wrong all the same. A curve says *that* something is wrong, at best. It
# does not say what.

# %%
claim("patients that lie flat and have other illnesses", len(flat), lambda n: n >= 2)
claim("patients whose validation loss looks well", len(set(alike) - {"healthy"}), lambda n: n >= 2)
claim("the leak is among them", "leak" in alike, True)


# %% [markdown]
# ## Instruments, small enough to check by hand
#
# **Gradient norm.** The gradient of a layer is an array. Its norm, the root of the sum of squares, is one number: how hard
# the loss pulls at the layer. On paper: a layer has the two gradients 3 and 4. Norm?
#
# **Update ratio.** A step moves weights $w$ by $\Delta w$. Whether that is much depends on the weights: the ratio is
# $\lVert \Delta w \rVert / \lVert w \rVert$. A step in which it is 1 replaces the layer; with 0.00001 nothing will happen
# for thousands of steps. The notes of Stanford's course CS231n ask for about 0.001; the table below says what our healthy
# run has. On paper: the weights (3, 4) become (3, 4.5).
#
# **Dead share.** A unit is dead if ReLU leaves it at zero for *every* image and at every place. On paper: three images,
# four units.

# %%
def norm(values):
    """Root of the sum of squares; 0 where there is no array at all."""
    return 0.0 if values is None else float(np.sum(np.square(values, dtype=float))) ** 0.5


def ratio(old, new):
    return norm(new - old) / norm(old)


def dead(a):
    """Share of units whose largest value over images (axis 0) and places (axis 2) is not above zero."""
    return float(np.mean(a.max(axis=2).max(axis=0) <= 0))


claim("norm of (3, 4)", norm(np.array([3, 4])), 5.0)
claim("update ratio", ratio(np.array([3, 4]), np.array([3, 4.5])), 0.1, tolerance=1e-12)
table = np.array([[0, 0.2, 0, 0], [0, 0, 0, 1.5], [0, 0.7, 0, 0]])[..., None]  # images, units, one place
claim("dead share: the first and the third unit", dead(table), 0.5)

# %% [markdown]
# The same in both frameworks. A single unit without bias sees the input (3, 4); its weights are 0, the target is −0.5, the
# loss is the squared error. The derivative for the weights is $2\,(w \cdot x - t)\,x$. On paper: what is its norm?
#
# With the rate 1, plain gradient descent subtracts exactly the gradient. So what the weights lose in one step *is* the
# gradient, and Keras needs no further machinery to show it.

# %%
x, target = np.array([[3.0, 4.0]], "float32"), np.array([[-0.5]], "float32")

unit = nn.Linear(2, 1, bias=False)
nn.init.zeros_(unit.weight)
F.mse_loss(unit(torch.from_numpy(x)), torch.from_numpy(target)).backward()

same_unit = keras.Sequential([keras.Input((2,)), layers.Dense(1, use_bias=False, kernel_initializer="zeros")])
same_unit.compile(keras.optimizers.SGD(1.0), "mse")
same_unit.train_on_batch(x, target)

claim("gradient in PyTorch, its norm", norm(unit.weight.grad.numpy()), 5.0, tolerance=1e-6)
claim("what Keras subtracts, its norm", norm(same_unit.get_weights()[0]), 5.0, tolerance=1e-6)

# %% [markdown]
# ### Three flat lines
#
# Now the instruments on three flat patients. **Before you run:** one has a rate that is too low, one has weights that are
# too small, one has dead units. Which instrument will tell which?

# %%
flat_runs = {"healthy": healthy}
flat_runs |= {name: clinic.run(name, 0.7, seed=SEED) for name in ("rate too low", "weights too small", "dead units")}
fig = plots.curves(
    {name: run.history["loss"] for name, run in flat_runs.items()}, ylabel="loss on training images (nats)"
)
plots.show(
    fig,
    alt="Training loss over six epochs. The healthy run falls below 0.5. The runs with weights too small and with dead "
    "units lie on top of each other near 2.3; the run with a low rate falls little.",
)
print(f"{'':19}{'gradient norms, layer by layer':38}{'update ratios':38}dead shares")
for name, run in flat_runs.items():
    first = run.moments[0]
    flow = [norm(g) for g in first.gradients.values()]
    moved = [ratio(first.before[layer], first.after[layer]) for layer in first.before]
    off = [dead(a) for a in first.activations.values()]
    columns = [" ".join(f"{v:8.1e}" for v in values) for values in (flow, moved)]
    print(f"{name:19}{columns[0]:38}{columns[1]:38}{' '.join(f'{v:.2f}' for v in off)}")

# %%
at_first = {name: run.moments[0] for name, run in flat_runs.items()}
flows = {name: max(norm(g) for g in m.gradients.values()) for name, m in at_first.items()}
claim("rate too low: gradients as large as in a healthy run", flows["rate too low"], flows["healthy"], tolerance=1e-6)
claim("weights too small: a hundredth, or less", flows["weights too small"] / flows["healthy"], lambda r: r < 0.01)
claim("dead units: all units of a layer", max(dead(a) for a in at_first["dead units"].activations.values()), 1.0)
claim("and no gradient before it", norm(at_first["dead units"].gradients["conv1"]), 0.0)

# %% [markdown]
# One curve, three causes, and a different instrument for each. With a low rate the gradients are as large as in the
# healthy run; only the updates are small. With small weights the gradients themselves have faded, in *every* layer, because
# each layer multiplies by its small weights on the way forward and back (Day 7). With dead units nothing passes at all.
#
# A longer training, a larger rate or a better initialisation: each cures one of them and does nothing for the others.

# %% [markdown] topics=["T2", "T11"]
# ## The examination
#
# Each test looks at one link of the chain, and needs only what can be observed of a run: what was fed, what came out, how
# the weights moved. The order goes from the data to the model to the rate. That is no matter of taste: a NaN in the data
# makes every later instrument say NaN, and unscaled inputs make gradients and updates large, though the rate is well.

# %%
flow_chart = {
    "not finite?": ("NaN pixels", (0, 4)),
    "spread of\nthe inputs?": ("unscaled inputs", (2.5, 4)),
    "counts of\nthe labels?": ("imbalance", (5, 4)),
    "labels agree with\nneighbours?": ("wrong labels", (7.5, 4)),
    "twins across\nthe split?": ("leak", (10, 4)),
    "order of\ntwo epochs?": ("not reshuffled", (0, 1.8)),
    "asked twice,\nthe same?": ("wrong mode", (2.5, 1.8)),
    "outputs\nadd up to 1?": ("double softmax", (5, 1.8)),
    "units that\nnever open?": ("dead units", (7.5, 1.8)),
    "layers that\nstand still?": ("frozen layers", (10, 1.8)),
    "gradients\nfaded?": ("weights too small", (2.5, -0.4)),
    "updates against\nweights?": ("rate too high,\nrate too low", (5, -0.4)),
    "nothing found": ("healthy, or not\nof our thirteen", (7.5, -0.4)),
}
stations = list(flow_chart)
rows = [stations[:5], stations[5:10], stations[10:]]
fig = plots.boxes(
    {test: place for test, (_, place) in flow_chart.items()},
    [pair for row in rows for pair in pairwise(row)],
    wraps=[(row[-1], following[0]) for row, following in pairwise(rows)],
    notes={
        test: f"{number}. if so: {cause}" if test != "nothing found" else cause
        for number, (test, (cause, _)) in enumerate(flow_chart.items(), start=1)
    },
    groups={test: number for number, row in enumerate(rows) for test in row},
    size=(2.0, 0.95),
)
plots.show(
    fig,
    alt="A flow chart in three rows. First row, the data: not finite, spread of the inputs, counts of the labels, labels "
    "against neighbours, twins across the split. Second row, feeding and answers: order of two epochs, asked twice, "
    "outputs that add up to one, units that never open, layers that stand still. Third row: faded gradients, then updates "
    "against weights, then nothing found. From the end of each row an arrow leads to the beginning of the next. Below "
    "each test stands the illness that it finds.",
)


# %% [markdown]
# Read it row by row: what goes in; how it is fed and what comes out; what flows and moves. Here are the measurements, a
# line or two for each. The label check asks the five nearest neighbours of each image, taken from the *other* folds, what
# they would call it; more of that below.

# %%
def neighbours_agree(images, labels):
    """Share of the images whose label is that of most of their five nearest neighbours, each in another fold."""
    flat_images = np.nan_to_num(images.reshape(len(images), -1))
    folds = KFold(5, shuffle=True, random_state=0)
    return float(np.mean(cross_val_predict(KNeighborsClassifier(5), flat_images, labels, cv=folds) == labels))


def examine(run):
    """Everything that the flow chart asks for, as numbers."""
    first = run.moments[0]
    in_training = {image.tobytes() for image in run.images}
    moves = [ratio(first.before[layer], first.after[layer]) for layer in first.before]
    return {
        "broken images": int(np.sum(~np.isfinite(run.images).all(axis=(1, 2, 3)))),
        "spread": float(np.sqrt(np.nanmean(run.images**2))),  # 1, if mean 0 and standard deviation 1
        "largest class": float(np.bincount(run.labels).max() / len(run.labels)),
        "agreement": neighbours_agree(run.images, run.labels),
        "twins": float(np.mean([image.tobytes() in in_training for image in run.validation_images])),
        "orders": len(np.unique(run.order, axis=0)),  # different ones among all epochs
        "asked twice": float(np.abs(run.answers[0] - run.answers[1]).max()),
        "sum - 1": float(np.abs(run.answers[0].sum(axis=1) - 1).max()),
        "dead": max(dead(a) for a in first.activations.values()),
        "still": sum(move == 0 for move in moves),
        "gradient": max(norm(g) for g in first.gradients.values()),
        "update": float(np.median(moves)),
    }


def diagnose(chart):
    """The flow chart, from the first test to the last; the first that strikes names the illness."""
    tests = {
        "NaN pixels": chart["broken images"] > 0,
        "unscaled inputs": chart["spread"] > 3,
        "imbalance": chart["largest class"] > 0.3,
        "wrong labels": chart["agreement"] < 0.85,
        "leak": chart["twins"] > 0,
        "not reshuffled": chart["orders"] == 1,
        "wrong mode": chart["asked twice"] > 0,
        "double softmax": chart["sum - 1"] < 1e-3,
        "dead units": chart["dead"] > 0.95,
        "frozen layers": chart["still"] > 0,
        "weights too small": chart["gradient"] < 0.1,
        "rate too high": chart["update"] > 0.02,
        "rate too low": chart["update"] < 3e-4,
    }
    return next((name for name, strikes in tests.items() if strikes), "healthy")


charts = {name: examine(run) for name, run in ward.items()}
print(f"{'':19}" + "".join(f"{key:>15}" for key in charts["healthy"]))
for name, chart in charts.items():
    print(f"{name:19}" + "".join(f"{value:15.3g}" for value in chart.values()))

# %% [markdown]
# Go down each column and find the patient that stands out. The thresholds lie between what healthy runs show and what the
# mildest cases show. They belong to *this* recipe: measure a healthy run of yours before you set your own.
#
# ### Does it work?
#
# A diagnosis by rules sounds convincing; so does a horoscope. Test it: new wards, each with another split, other initial
# weights, and another strength for each illness. Beside it works a doctor who sees **only the curves** (loss and accuracy,
# training and validation, all epochs): for each patient he names the one whose curves were most alike in the other wards.
#
# **Before you run:** what share of the patients does each of the two get right? A guess would get 1 in 14.

# %%
wards = profile.pick(smoke=2, cpu=6, gpu=10)  # the first is the one above
seen = list(ward.items())
for number in range(1, wards):
    seen += [(name, clinic.run(name, dose, seed=SEED + 100 * number)) for name, dose in doses(number).items()]
truth = np.array([names.index(name) for name, _ in seen])
found = [diagnose(chart) for chart in charts.values()] + [diagnose(examine(run)) for _, run in seen[len(ward) :]]
by_instruments = np.array([names.index(name) for name in found])

curves = np.array([np.concatenate(list(run.history.values())) for _, run in seen])
curves = np.clip(np.nan_to_num(curves, nan=5, posinf=5), 0, 5)
distances = np.abs(curves[:, None] - curves[None]).sum(axis=2)
same_ward = np.arange(len(seen)) // len(names)
distances[same_ward[:, None] == same_ward[None]] = np.inf
by_curves = truth[distances.argmin(axis=1)]

right = {"curves only": np.mean(by_curves == truth), "instruments": np.mean(by_instruments == truth)}
matrix = np.zeros((len(names), len(names)), int)
np.add.at(matrix, (truth, by_instruments), 1)
curve_matrix = np.zeros_like(matrix)
np.add.at(curve_matrix, (truth, by_curves), 1)
for title, counts in (("by curves only", curve_matrix), ("by instruments", matrix)):
    fig, ax = plt.subplots(figsize=(7.4, 6.6))
    fig = plots.confusion(counts, names, normalise=False, title=title, ax=ax)
    ax.set(xlabel="diagnosis", ylabel="true illness")
    fig.axes[-1].set_ylabel("patients")
    plots.show(
        fig,
        alt=f"Confusion table {title}: true illness in rows, diagnosis in columns, {len(seen)} patients; "
        f"{np.trace(counts)} lie on the diagonal.",
    )
for doctor, share in right.items():
    result(f"right_by_{doctor.replace(' ', '_')}", share, "%")
claim("right by instruments", right["instruments"], lambda share: share >= 0.9)
claim("by curves only, fewer", right["instruments"] - right["curves only"], lambda more: more > 0.2)

# %% [markdown]
# The doctor of curves is not stupid: he has seen every illness before. What he needs is not in the curves.
#
# Do not read too much into the second table either. Each patient has exactly one illness, and it is one that we know. In
# the wild there may be two, and the first that strikes hides the second: so examine again after each cure.
#
# ## Try it yourself: the third doctor
#
# Here is the second ward. You have not seen its curves; the two doctors have. The names are shuffled. Two of the tests are
# not in the flow chart: the first loss, which is about $\ln 10$ in a model without an opinion (Day 11), and the NaN hunt,
# which comes below.

# %%
from course_utils.widgets import CurveClinic

CurveClinic.of(seen[len(ward) : 2 * len(ward)])


# %% [markdown] tags=["explorer"]
# **Explorer: curve clinic.** The curves are free. Order tests one at a time, as few as you need, then name the illness. Three
# things to try:
#
# 1. *Curves only.* Name five patients without any test. Did you do better than the doctor of curves?
# 2. *One test each.* Before each test say which of the open diagnoses it can exclude. Then look at how many are left.
# 3. *Calling a run healthy.* Find the healthy one. How many tests do you need before nothing else is left, and how many does a
#    leak need? Why is health the harder diagnosis?
#
# `CurveClinic()` brings others, two with each illness, one mild and one severe. For a strength of your own:
# `CurveClinic.of([("wrong labels", clinic.run("wrong labels", 0.1))])`. *From which strength on would its curves tell you?*

# %% [markdown] topics=["Q9", "Q8"]
# ## Reading learning curves
#
# Curves cannot name the cause. Three things they do show, and you can put numbers to all of them:
#
# - the **level** at the end: is the training loss still high?
# - the **gap** at the end: validation loss minus training loss;
# - the **wobble**: add up all ups and downs of the training loss. Which share of that sum is ups?
#
# | shape | level | gap | wobble |
# |---|---|---|---|
# | healthy | low | small | small |
# | underfit | high | small | small |
# | overfit | low | large | small |
# | unstable | any, or no number | any | large |
#
# Four recipes for the same net: all images; a small rate and few epochs; 60 images and many epochs; a few hundred images
# and large steps on small batches.
# **Before you run:** which is which?

# %%
def learning_curves(images, rate, epochs, batch=32, momentum=0.9):
    """Losses after each epoch of a fresh net, trained on the first `images` training images of the healthy run."""
    torch.manual_seed(SEED)
    net = clinic.Net()
    x, y = torch.from_numpy(healthy.images[:images]), torch.from_numpy(healthy.labels[:images])
    new_x, new_y = torch.from_numpy(healthy.validation_images), torch.from_numpy(healthy.validation_labels)
    optimizer = torch.optim.SGD(net.parameters(), lr=rate, momentum=momentum)
    history = {"loss": [], "val_loss": [], "val_accuracy": []}
    for _ in range(epochs):
        net.train()
        for chosen in torch.randperm(images).split(batch):
            optimizer.zero_grad()
            F.cross_entropy(net(x[chosen]), y[chosen]).backward()
            optimizer.step()
        net.eval()
        with torch.no_grad():
            said = net(new_x)
            history["loss"].append(F.cross_entropy(net(x), y).item())
            history["val_loss"].append(F.cross_entropy(said, new_y).item())
            history["val_accuracy"].append((said.argmax(dim=1) == new_y).float().mean().item())
    return history


def shape_of(history):
    """Name, and the three numbers behind it."""
    loss = np.array(history["loss"])
    steps = np.diff(loss)
    level, gap = float(loss[-1]), float(history["val_loss"][-1] - loss[-1])
    wobble = float(steps[steps > 0].sum() / np.abs(steps).sum())
    if not np.isfinite(loss).all() or wobble > 0.3:
        return "unstable", level, gap, wobble
    if gap > 0.25:
        return "overfit", level, gap, wobble
    return ("underfit" if level > 0.6 else "healthy"), level, gap, wobble


recipes = {
    "A": {"images": 1200, "rate": 0.01, "epochs": 12},
    "B": {"images": 1200, "rate": 0.001, "epochs": 6, "momentum": 0},
    "C": {"images": 60, "rate": 0.01, "epochs": 40},
    "D": {"images": 300, "rate": 0.3, "epochs": 12, "momentum": 0, "batch": 8},
}
histories = {letter: learning_curves(**recipe) for letter, recipe in recipes.items()}
shapes = {letter: shape_of(history) for letter, history in histories.items()}
fig, axes = plt.subplots(1, 4, figsize=(9.6, 2.7), sharey=True, layout="constrained")
for ax, (letter, history) in zip(axes, histories.items(), strict=True):
    plots.curves({"training": history["loss"], "validation": history["val_loss"]}, letter, ax, ylabel="loss (nats)")
    ax.set(ylim=(0, 3), ylabel="loss (nats)" if letter == "A" else "")
ends = "; ".join(f"{k}: level {v[1]:.2f}, gap {v[2]:.2f}, wobble {v[3]:.2f}" for k, v in shapes.items())
plots.show(fig, alt=f"Training and validation loss of four recipes over their epochs. At the end, {ends}. What lies above 3 is cut off.")
for letter, (shape, level, gap, wobble) in shapes.items():
    print(f"{letter}: level {level:.2f}, gap {gap:.2f}, wobble {wobble:.2f}: {shape}")
claim(
    "the shapes of A to D",
    ", ".join(shape for shape, *_ in shapes.values()),
    "healthy, underfit, overfit, unstable",
)

# %% [markdown]
# A guide gives limits for the gap between training and validation accuracy: 5, 8 or 15 points. Before you apply any, ask
# how sure the validation accuracy is. On paper, with the formula of Day 12: one standard error, for an accuracy of 80 % on
# 100 validation images? And on 10,000?

# %%
for pile, error in ((100, 0.04), (10_000, 0.004)):
    claim(f"standard error on {pile:,} images", (0.8 * 0.2 / pile) ** 0.5, error, tolerance=1e-12)

# %% [markdown]
# On 100 images a gap of 5 points is little more than chance. The limits belong to the size of the pile, not to nature.

# %% [markdown]
# ## The NaN hunt
#
# One NaN is enough: a sum with a NaN in it is NaN, so is the loss, so is every gradient, and after one step every weight.
# When you see it, it is everywhere. The question is **where it was born**. NaN has few parents:
#
# - $0 / 0$, and $\infty - \infty$, and $0 \cdot \infty$;
# - so mostly an infinity came first: $e^{100}$ in 32 bits, $1/0$, $\log 0$.
#
# The hunt: take the first step whose loss is not finite, and walk from the input to the loss. The first row that holds
# anything but finite numbers is the birthplace.
#
# A softmax by hand, without the trick of Day 6. **Before you run:** the scores are 100 and 0. Which row is the first bad
# one: the exponential, the sum, the quotient, or the logarithm?

# %%
scores = np.array([100.0, 0.0], "float32")
with np.errstate(all="ignore"):
    exponentials = np.exp(scores)
    total = exponentials.sum()
    quotient = exponentials / total
    walk = {"scores": scores, "exp": exponentials, "sum": total, "quotient": quotient, "log": np.log(quotient)}
for row, value in walk.items():
    print(f"{row:9} {value}")
born_in = [row for row, value in walk.items() if not np.all(np.isfinite(value))]
claim("first bad row", born_in[0], "exp")
claim("a search for NaN alone would say", next(row for row, v in walk.items() if np.isnan(v).any()), "quotient")

# %% [markdown]
# Now a real one. A careful person scales each *pixel* of the digits by its own mean and spread. **Before you run:** how many
# of the 1,797 images will hold a NaN?

# %%
digits = load_digits()
pixels = digits.images.reshape(len(digits.images), -1)
with np.errstate(all="ignore"):
    each_scaled = (pixels - pixels.mean(axis=0)) / pixels.std(axis=0)
never_change = np.flatnonzero(pixels.std(axis=0) == 0)
broken = np.isnan(each_scaled).any(axis=1)
claim("pixels that are the same in all images", len(never_change), 3)
claim("images with a NaN", int(broken.sum()), 1_797)

# %% [markdown]
# All of them. Three pixels are always 0: 0/0. The cure is to divide by the spread *plus a small number*, or to leave such
# pixels out.
#
# Two of our illnesses can end in NaN. The loss says the same of both; the walk does not. (The second has 100 times the healthy
# rate. Not every such run gets as far as NaN: we take the first seed with which it does.)

# %%
ended_in_nan = {}
for name, dose in (("NaN pixels", 0.5), ("rate too high", 1.0)):
    tries = (clinic.run(name, dose, seed=SEED + extra) for extra in range(20))
    ended_in_nan[name] = next(run for run in tries if run.first_bad)
for name, run in ended_in_nan.items():
    moment = run.first_bad
    step = int(np.flatnonzero(~np.isfinite(run.step_losses))[0]) + 1
    rows = {"weights": np.concatenate([w.ravel() for w in moment.before.values()])} | dict(moment.walk)
    bad = [row for row, value in rows.items() if not np.isfinite(value).all()]
    largest = np.nanmax(np.abs(rows["weights"]))
    print(f"{name:14} step {step:3}: first bad row {bad[0] if bad else 'the loss'}; largest weight before it {largest:.2g}")
    if name == "NaN pixels":
        claim("NaN pixels: born in", bad[0], "input")
        claim("NaN pixels: weights before that step are ordinary", largest, lambda w: w < 10)
    else:
        claim("rate too high: the input is fine", np.isfinite(rows["input"]).all(), True)
        claim("rate too high: weights have blown up, or are not finite", not largest < 10, True)

# %% [markdown]
# "Lower the learning rate" is the usual advice against NaN. It cures the second patient. For the first it does nothing: a
# NaN times any rate is NaN.

# %%
claim("NaN times a rate of one in a million", bool(np.isnan(np.nan * 1e-6)), True)


# %% [markdown] topics=["T2"]
# ## Out of memory, and too slow
#
# One complaint is loud: the program stops and says *out of memory*. What fills it? The backward pass needs the outputs of the
# layers, so PyTorch keeps them until it has run. **Before you run:** the batch grows from 32 to 64 to 96 images. How do the
# kept bytes grow? And how many are kept under `no_grad`?

# %%
def kept_bytes(net, images):
    """Bytes that one forward pass keeps for the backward pass: outputs of layers, and the weights themselves."""
    sizes = []

    def keep(tensor):
        sizes.append(tensor.numel() * tensor.element_size())
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        net(images).sum()
    return sum(sizes)


small_batch, twice, thrice = (kept_bytes(clinic.Net(), torch.rand(n, 1, 8, 8)) for n in (32, 64, 96))
print(f"kept: {small_batch:,} bytes for 32 images, {twice:,} for 64, {thrice:,} for 96")
claim("each further image costs the same", thrice - twice, twice - small_batch)
with torch.no_grad():
    claim("kept under no_grad", kept_bytes(clinic.Net(), torch.rand(96, 1, 8, 8)), 0)

# %% [markdown]
# So the cure is a smaller batch, and a lower rate with it (Day 8). Evaluate under `no_grad`. And sum `loss.item()`, never
# `loss`: the sum of tensors holds on to the kept outputs of every step.
#
# "Too slow" has two causes that look alike: the model, or what feeds it. Run the loop once without the model. If it takes
# nearly as long, cache and prefetch (Day 9); if not, Day 20 makes the model faster.

# %% [markdown] topics=["T3"]
# ## Gradient clipping
#
# Some steps are far larger than the rest: a burst. **Clipping** puts a limit on the length of a step and keeps its direction.
# With $g$ for the gradients of *all* layers, written one after another, and the limit $c$:
#
# $$ g \leftarrow g \cdot \min\!\left(1, \frac{c}{\lVert g \rVert}\right). $$
#
# On paper: one layer has the gradient (3, 4), another (0, 12). The norm of all is 13. Clip to 6.5: what is left of each?
#
# **Before you run:** Keras has `clipnorm` and `global_clipnorm`. One of them is this formula. What does the other one do to
# (3, 4)?

# %%
one, other = np.array([3.0, 4.0], "float32"), np.array([0.0, 12.0], "float32")
both = norm(np.concatenate([one, other]))
claim("norm of all", both, 13.0)
clipped = [g * min(1, 6.5 / both) for g in (one, other)]

in_torch = [nn.Parameter(torch.zeros(2)) for _ in range(2)]
for parameter, g in zip(in_torch, (one, other), strict=True):
    parameter.grad = torch.from_numpy(g.copy())
nn.utils.clip_grad_norm_(in_torch, 6.5)
claim("in PyTorch", np.stack([p.grad.numpy() for p in in_torch]), np.stack(clipped), tolerance=1e-5)


def step_of_keras(**clip):
    """What plain descent with rate 1 subtracts from two weights."""
    variables = [keras.Variable(np.zeros(2, "float32")) for _ in range(2)]
    gradients = [keras.ops.convert_to_tensor(g) for g in (one, other)]
    keras.optimizers.SGD(1.0, **clip).apply(gradients, variables)
    return np.stack([-keras.ops.convert_to_numpy(v) for v in variables])


claim("Keras, global_clipnorm", step_of_keras(global_clipnorm=6.5), np.stack(clipped), tolerance=1e-5)
each = np.array([[3, 4], [0, 6.5]])
claim("Keras, clipnorm: each array by itself", step_of_keras(clipnorm=6.5), each, tolerance=1e-5, source="T55")

# %% [markdown]
# `clipnorm` limits each array by itself. It leaves (3, 4) alone and cuts only the other: the *direction* of the whole step
# has changed. Both are in use; they are not the same.
#
# A planted blow-up: unscaled inputs make the first gradients many times too large, and the run dies of its first steps.
# **Before you run:** will a limit of 1 save it? Will it save a run whose rate is 100 times too high?

# %%
saved = {("rate too high", None): ended_in_nan["rate too high"]}
for name, strength, limit in (("rate too high", 1.0, 1.0), ("unscaled inputs", 0.5, None), ("unscaled inputs", 0.5, 1.0)):
    saved[name, limit] = clinic.run(name, strength, seed=SEED, clip=limit)
for (name, limit), run in saved.items():
    print(f"{name}, limit {limit}: validation accuracy {run.history['val_accuracy'][-1]:.0%}")
lines = {"no limit": saved["unscaled inputs", None].history["loss"], "limit 1": saved["unscaled inputs", 1.0].history["loss"]}
fig = plots.curves(lines, ylabel="loss on training images (nats)", log=True)
plots.show(
    fig,
    alt="Training loss over six epochs with unscaled inputs, on a logarithmic axis. It ends at "
    + " and ".join(f"{loss[-1]:.2f} with {name}" for name, loss in lines.items()) + ".",
)
finals = {key: run.history["val_accuracy"][-1] for key, run in saved.items()}
claim("unscaled, not clipped", finals["unscaled inputs", None], lambda a: a < 0.3)
claim("unscaled, clipped", finals["unscaled inputs", 1.0], lambda a: a > 0.8)
claim("scaled inputs, not clipped: a lower loss", healthy.history["loss"][-1] < lines["limit 1"][-1], True)
claim("rate 100 times too high, clipped", finals["rate too high", 1.0], lambda a: a < 0.3)
for (name, limit), accuracy in finals.items():
    result(f"{name.replace(' ', '_')}_{'clipped' if limit else 'not_clipped'}", accuracy, "%")

# %% [markdown]
# It saves the first, and not the second: there the limited step is still far too long. And the first is saved, not cured. Its
# inputs are as they were, and the healthy run, with scaled inputs, ends at a lower loss. Clipping is right for *rare*
# bursts. If most steps are clipped, something else is wrong: measure how often it strikes.

# %% [markdown] topics=["T8"]
# ## Wrong labels, found out of fold
#
# Labels are made by people, and people err. In a set of thousands nobody can look at all of them. Let a model point at those
# where it is sure, and disagrees. We plant: 5 % of the labels become another digit.
#
# **Before you run:** a random forest (Day 12) is trained on all these images, right and wrong labels alike. Then it is asked
# about the *same* images. How many of the planted errors does it contradict?

# %%
rng = np.random.default_rng(SEED)
labels = digits.target.copy()
planted = rng.choice(len(labels), round(0.05 * len(labels)), replace=False)
labels[planted] = (labels[planted] + rng.integers(1, 10, len(planted))) % 10
is_planted = np.isin(np.arange(len(labels)), planted)

forest = RandomForestClassifier(profile.pick(smoke=60, cpu=300, gpu=300), random_state=SEED)
in_sample = forest.fit(pixels, labels).predict(pixels)
claim("planted errors", len(planted), 90)
claim("found by asking about what was learnt", int(np.sum(in_sample[planted] != labels[planted])), lambda n: n <= 3)

# %% [markdown]
# Next to none. It has learnt the errors by heart, as a network would. A judge must not have seen the case before.
#
# So cut the images into five folds. Train on four, ask about the fifth; then the next four, until each image has been judged
# by a model that has never seen it: **out of fold**. Then sort the contradictions by how sure the model was.

# %%
folds = KFold(5, shuffle=True, random_state=SEED)
probabilities = cross_val_predict(forest, pixels, labels, cv=folds, method="predict_proba")
guess, sureness = probabilities.argmax(axis=1), probabilities.max(axis=1)
ranking = sorted(np.flatnonzero(guess != labels), key=lambda i: -sureness[i])

top = ranking[: len(planted)]
contradicted = float(is_planted[ranking].sum() / len(planted))
precision = float(np.mean(is_planted[top]))
result("planted_errors_contradicted_out_of_fold", contradicted, "%")
result("planted_among_the_first_90", precision, "%")
claim("planted errors contradicted out of fold", contradicted, lambda share: share > 0.9)
claim("of the first 90 suspects, planted", precision, lambda share: share > 0.8)
print(f"{len(ranking)} contradictions; planted among the first 10: {is_planted[ranking[:10]].sum()}")

# %% [markdown]
# Here are the surest suspects, and, in the second row, the surest that we did *not* plant. Somebody labelled those in 1998.
# Would you have?

# %%
honest = [i for i in ranking if not is_planted[i]][:8]
shown = [*ranking[:8], *honest]
titles = [f"{labels[i]}? says {guess[i]}" for i in shown]
fig = plots.image_grid([digits.images[i].astype("float32") for i in shown], titles, columns=8)
plots.show(
    fig,
    alt="Two rows of handwritten digits, 8 by 8 pixels, each with its label and what the model says. First row, the surest "
    "contradictions of all; second row, the surest among labels that nobody tampered with.",
)

# %% [markdown]
# The list is a list of **suspects**. Have a person look, correct what is wrong, and leave the hard but right ones in: a model
# that throws away whatever it finds hard will look better and be worse. And never correct the test labels with the same
# model that you want to test.

# %% [markdown] topics=["T5", "T10"]
# ## Treat: one change at a time, and write it down
#
# A diagnosis asks for one treatment, from a fresh model, and for a second examination. In which order to try things when
# several seem wrong? Data first, then the rate, because nothing else can be judged at a wrong rate; then batch and size,
# then regularisation (Day 19 does this in earnest).
#
# The log below is what a colleague needs to follow you. Each line: what was changed, what came out, kept or not.

# %%
log, best = [], (None, 0.0)
for rate in (0.001, 0.01, 0.05):
    history = learning_curves(1200, rate, 6)  # a fresh net each time
    accuracy = history["val_accuracy"][-1]
    kept = accuracy > best[1]
    best = (rate, accuracy) if kept else best
    log.append(f"rate {rate:<6} | {shape_of(history)[0]:12} | validation accuracy {accuracy:.1%} | {'kept' if kept else '-'}")
print("\n".join(log))
claim("the best of three rates is not the smallest", best[0] > 0.001, True)


# %% [markdown]
# ## What texts get wrong
#
# **"Test with a smaller data set first: `model.fit(X_train[:1000], y_train[:1000])`."** Good advice. In the guide that
# gives it the loss is categorical cross-entropy, and the labels are integers. **Before you run:** what happens?

# %%
def small_classifier():
    keras.utils.set_random_seed(SEED)
    model = keras.Sequential(
        [keras.Input((64,)), layers.Dense(32, activation="relu"), layers.Dense(10, activation="softmax")]
    )
    model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
    return model


inputs, integers = (pixels / 16).astype("float32"), digits.target


def error_of(call):
    try:
        call()
    except Exception as error:
        return type(error).__name__
    return "nothing"


told = error_of(lambda: small_classifier().fit(inputs[:1000], integers[:1000], verbose=0))
claim("the guide's quick test", told, "ValueError", source="F68")

# %% [markdown]
# It stops at once, and that is the *harmless* kind of fault. Try your debugging code before you need it.
#
# **The same guide's cheat sheet ends with `model.evaluate(X_test, y_test)`.** The labels there are integers again, and the
# images were never divided by 255, though those of the training were. The first fault raises an error; whoever mends it
# meets the second, which raises none. On our digits, with 16 for 255:

# %%
one_hot = np.eye(10, dtype="float32")[integers]
small = small_classifier()
small.fit(inputs[:1200], one_hot[:1200], batch_size=32, epochs=8, verbose=0)
scaled_loss, _ = small.evaluate(inputs[1200:], one_hot[1200:], verbose=0)
raw_loss, _ = small.evaluate(inputs[1200:] * 16, one_hot[1200:], verbose=0)
told = error_of(lambda: small.evaluate(inputs[1200:], integers[1200:], verbose=0))
claim("evaluate with integer labels", told, "ValueError", source="F69")
print(f"loss on scaled images {scaled_loss:.2f}, on the same images unscaled {raw_loss:.2f}")
claim("unscaled images: the loss is several times as large", raw_loss / scaled_loss, lambda r: r > 2, source="F69")

# %% [markdown]
# **A loop over `p.grad.norm()` as a gradient monitor.** It breaks at the first layer without a gradient, the frozen one that
# you are looking for (M73):

# %%
half_frozen = clinic.Net()
half_frozen.conv1.requires_grad_(False)
half_frozen(torch.zeros(2, 1, 8, 8)).sum().backward()
told = error_of(lambda: [p.grad.norm() for p in half_frozen.parameters()])
claim("the published loop on a frozen layer", told, "AttributeError", source="M73")

# %% [markdown]
# **What the texts get right.** Plotting gradients layer by layer does work and does help (T40), and so does
# `Adam(clipnorm=1.0)` (T55), if you know what it limits.

# %% [markdown] topics=["T11"]
# ## Pitfalls: a page for your wall
#
# The guides end with golden rules. These are ours, and each was measured today or on Day 11. Add your own.
#
# | symptom | cause | fix |
# |---|---|---|
# | Flat near ln C, gradients as usual, updates tiny | rate too low | ten times the rate, then look again |
# | Flat, all gradients tiny from the first step | weights too small | He initialisation (Day 7) |
# | Flat, a layer with a dead share of 1 | biases too low, or a step that was too long | initialise again; lower the rate |
# | Loss jumps, updates a few per cent of the weights or more | rate too high | a tenth of the rate |
# | First loss far above ln C | inputs not scaled | mean and spread of the *training* images |
# | Accuracy fine, loss never below 1.46 | softmax twice | hand logits to the loss |
# | NaN, first in the input | broken images, or 0/0 in the scaling | repair the data; no rate helps |
# | NaN, first in a layer, weights huge | blow-up | lower rate; clip if it is rare |
# | All well, one layer with update ratio 0 | frozen | `requires_grad_(True)`, and hand it to the optimiser |
# | Validation scatters when asked twice | training mode | `model.eval()` |
# | Validation too good to be true | twins across the split | compare bytes; split by person or source |
# | High accuracy, rare classes never predicted | imbalance | counts, per-class recall, weights (Day 17) |
# | Loss goes up and down with the class of the batch | not reshuffled | `shuffle=True`, after the cache |
# | Stops: out of memory | the batch, or sums of `loss` that keep every step | half the batch; `no_grad`; `loss.item()` |
# | Training stops improving at a level that no model passes | wrong labels | out-of-fold suspects, then a person |
#
# Where does the 1.46 come from? Two softmaxes: the best that the inner one can say is (1, 0, …, 0). What does the outer one
# make of it, for ten classes? $-\ln\left(e / (e + 9)\right)$.

# %%
claim("smallest loss under a double softmax", -np.log(np.e / (np.e + 9)), 1.46, tolerance=0.005)
doubled = clinic.run("double softmax", 0.5, seed=SEED)
claim("and the ward's patient stays above it", min(doubled.step_losses), lambda loss: loss >= 1.46)

# %% [markdown]
# ## Recap
#
# 1. A curve says that something is wrong, seldom what; and several illnesses leave it looking well.
# 2. Examine in order: what goes in, what comes out, what flows and moves. The first test that strikes is treated first.
# 3. Gradient norms, dead shares and update ratios tell apart what looks alike; compare with a healthy run of your own.
# 4. Hunt NaN from the input on, for the first number that is not *finite*. Clip rare bursts, and only those.
# 5. A model finds wrong labels among images that it has not learnt from.
#
# ### Further reading
#
# - Northcutt, Athalye & Mueller, *Pervasive Label Errors in Test Sets Destabilize Machine Learning Benchmarks* (2021):
#   out-of-fold suspects in ten famous data sets.
# - Pascanu, Mikolov & Bengio, *On the difficulty of training recurrent neural networks* (2013): clipping, and why.
# - Zinkevich, *Rules of Machine Learning* (2017): faults of pipelines, from practice.
# - Sculley et al., *Hidden Technical Debt in Machine Learning Systems* (2015): what no curve shows.
#
# **Now you:** [the exercise of Day 13](../exercises/day_13_diagnosing_training.py). You build the instruments, and three
# patients wait.
