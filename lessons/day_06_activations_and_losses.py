# ---
# jupyter:
#   course:
#     budget_s:
#       cpu: 300
#       gpu: 300
#       smoke: 60
#     data:
#     - cifar10
#     day: 6
#     frameworks:
#     - keras
#     - torch
#     minutes: 90
#     title: Activations and losses
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
# # Day 6: Activations and losses
#
# **A network learns, its answers get better, and its loss will not fall below 1.46, however long you train. Where is
# the mistake?**
#
# After this day you can (in brackets: the question of the exercise that asks for it)
#
# 1. say what the bend between two layers is for, choose one, and find units that are dead [1];
# 2. turn logits into probabilities, with a temperature, and into a loss, without a number becoming too large [2, 3];
# 3. choose the end of a network and its loss for a task [4];
# 4. change what a loss cares about: smoothed labels, focal loss [5, 6];
# 5. recognise a softmax that is applied twice, or not at all [7].
#
# **Time** about 90 minutes, of which the machine trains two. **You need** Day 1: neuron, logits, and the short loop
# that trains a network. How that loop finds its way is the subject of Days 7 to 9; today we only use it.

# %% tags=["parameters"]
PROFILE = "auto"  # "smoke", "cpu", "gpu", or "auto": gpu where one is visible, else cpu
SEED = 0

# %%
import warnings

import keras
import matplotlib.pyplot as plt
import numpy as np
import torch
import torch.nn.functional as F
from numpy.lib.stride_tricks import sliding_window_view
from scipy.signal import convolve2d
from torch import nn

from course_utils import data, layouts, plots, profiles
from course_utils.claims import claim, result
from course_utils.reference import KERNELS

profile = profiles.start(PROFILE, seed=SEED, frameworks=("keras", "torch"))
torch.set_num_threads(1)  # today's networks are small: one core is faster than two


def conv2d(image, kernel):
    """Day 2's convolution: the kernel stays inside the image and moves by one pixel."""
    return np.einsum("ijmn,mn->ij", sliding_window_view(image, kernel.shape), kernel)


# %% [markdown]
# ## The idea: joints, a cake, and a price
#
# Today is about the three places of a network where numbers are not just multiplied and added.
#
# - **Joints.** Weld straight rods end to end, and you have one longer straight rod. An arm reaches around a corner
#   because it has joints. The **activation function** is the joint between two layers.
# - **A cake.** The last layer says one number for each class. **Softmax** makes shares of one cake of them: who gets
#   more takes it from the others.
# - **A price.** When the answer is known, the network pays for the share that it did *not* give to the truth. That
#   price is the **loss**, and training does nothing but make it small.

# %%
fig = plots.boxes(
    {
        "image": (0, 0),
        "layer": (2.4, 0),
        "activation": (4.8, 0),
        "last layer": (7.2, 0),
        "softmax": (9.6, 0),
        "loss": (12, 0),
        "label": (14.4, 0),
    },
    [
        ("image", "layer"),
        ("layer", "activation"),
        ("activation", "last layer"),
        ("last layer", "softmax"),
        ("softmax", "loss"),
        ("label", "loss"),
    ],
    groups={"image": 4, "label": 4, "layer": 2, "last layer": 2, "activation": 1, "softmax": 1, "loss": 3},
    notes={
        "image": "pixels",
        "layer": "weighted sums",
        "activation": "a joint:\nReLU, sigmoid ...",
        "last layer": "logits z,\nany numbers",
        "softmax": "probabilities p,\nadd up to 1",
        "loss": "one number",
        "label": "the true\nclass y",
    },
    title="layers and activations come many times in a row; softmax and loss once",
)
plots.show(
    fig,
    alt="A row of boxes joined by arrows: image, layer (weighted sums), activation (a joint such as ReLU), last layer (logits), softmax "
    "(probabilities that add up to 1), loss (one number). From the other side an arrow leads from the label, the true class, to the loss.",
)

# %% [markdown]
# | symbol | what it is |
# |---|---|
# | $z$ | a weighted sum; of the last layer: the **logits** $z_1 \dots z_C$, one for each of $C$ classes |
# | $p$ | probabilities: each between 0 and 1 |
# | $y$ | the true class |
# | $L$ | the loss of one example; of a batch: the mean of its examples |
#
# ## Why a bend?

# %% [markdown] topics=["G1"]
# The field says **activation function**, or activation; a bend is what it does. Take two small layers without one.
# Day 1 wrote a layer as `x @ W + b`. **Before you run:** work out the output for $x = (2, 1)$ on paper. Then multiply
# the two matrices with each other first.

# %%
x = np.array([2, 1])
W1, b1 = np.array([[1, -1], [2, 1]]), np.array([1, 0])
W2, b2 = np.array([[1], [3]]), np.array([-2])
hidden = x @ W1 + b1
claim("after the first layer", hidden, np.array([5, -1]))
claim("after the second", hidden @ W2 + b2, np.array([0]))

W, b = W1 @ W2, b1 @ W2 + b2  # one layer that does both
claim("weights and bias of the one layer", np.append(W, b), np.array([-2, 5, -1]))
claim("it gives the same", x @ W + b, np.array([0]))
claim("with a bend between the layers: cut off below zero", np.maximum(hidden, 0) @ W2 + b2, np.array([3]))

# %% [markdown]
# Two straight layers are one. For every $x$: $(x W_1 + b_1) W_2 + b_2 = x (W_1 W_2) + (b_1 W_2 + b_2)$. A hundred
# straight layers are one, too. Convolutions are no exception. **Before you run:** three 3 × 3 convolutions in a row,
# nothing between them. Which single kernel does the same? How large is it?

# %%
from skimage import data as photos

photo = photos.camera().reshape(128, 4, 128, 4).mean(axis=(1, 3)) / 255  # grey, 128 × 128, from 0 to 1
three = [KERNELS[name] for name in ("sobel vertical edges", "gaussian", "box blur")]
one = convolve2d(convolve2d(three[0], three[1]), three[2])  # all ways from a pixel to the output, added up

straight = bent = photo
for kernel in three:
    straight = conv2d(straight, kernel)
    bent = np.maximum(conv2d(bent, kernel), 0)
claim("three 3 × 3 convolutions in a row are one kernel of", one.shape, (7, 7), source="T11")
claim("three layers and the one kernel differ by", np.abs(straight - conv2d(photo, one)).max(), 0, tolerance=1e-12)

windows = sliding_window_view(photo, (7, 7)).reshape(-1, 49)
windows = np.column_stack([windows, np.ones(len(windows))])  # 49 weights and a bias
fit = windows @ np.linalg.lstsq(windows, bent.ravel(), rcond=None)[0]  # the best single kernel, as on Day 2
missed = np.mean((fit - bent.ravel()) ** 2) / np.var(bent)
result("bent_layers_missed_by_the_best_kernel", missed, "%")
claim("with bends, the best single kernel misses a good part", missed, lambda share: share > 0.2)

# %% [markdown]
# One 7 × 7 kernel replaces the three. With a bend after each layer, no kernel does: the best one leaves unexplained
# what stands above.
#
# ### What no straight layer can learn
#
# "Are the two different?" is the smallest question that needs a joint (logicians call it XOR). **Before you run:**
# the best straight answer to these four rows, what could it be?

# %%
pairs = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
different = np.array([0, 1, 1, 0])
columns = np.column_stack([pairs, np.ones(4)])
best_line = columns @ np.linalg.lstsq(columns, different, rcond=None)[0]
claim("the best straight layer answers", best_line.round(12), np.array([0.5, 0.5, 0.5, 0.5]))

total = pairs.sum(axis=1)
two_bends = np.maximum(total, 0) - 2 * np.maximum(total - 1, 0)
claim("two neurons with a bend answer", two_bends, different)

# %% [markdown]
# "I do not know", four times. Two bent neurons are exact: the first counts, the second takes back what is too much.
#
# Is that a puzzle for logicians only? Here is the same question about real handwriting: two digits, each a 0 or a 1.
# *Are they different?* The network has three layers. **Before you run:** what will it score without bends? And with
# them? Guessing scores a half.

# %%
from sklearn.datasets import load_digits

digits = load_digits()
X, Y = torch.tensor(digits.data / 16, dtype=torch.float32), torch.tensor(digits.target)


def train(model, images, labels, epochs, loss=F.cross_entropy, step=3e-3, batch_size=50):
    """Day 1's loop; gives back the mean loss of each epoch."""
    optimizer, history = torch.optim.Adam(model.parameters(), lr=step), []
    for _ in range(epochs):
        total = 0.0
        for batch in torch.randperm(len(images), device=images.device).split(batch_size):
            price = loss(model(images[batch]), labels[batch])
            optimizer.zero_grad()
            price.backward()
            optimizer.step()
            total += price.item() * len(batch)
        history.append(total / len(images))
    return history


@torch.no_grad()
def outputs_of(model, images):
    return torch.cat([model(part) for part in images.split(1000)])


def accuracy(model, images, labels):
    return (outputs_of(model, images).argmax(dim=1) == labels).float().mean().item()


def mlp(n_in, n_out, activation=nn.ReLU, width=64, depth=1):
    """`depth` hidden layers with an activation function after each, then the logits."""
    layers = []
    for _ in range(depth):
        layers, n_in = [*layers, nn.Linear(n_in, width), activation()], width
    return nn.Sequential(*layers, nn.Linear(n_in, n_out))


# %%
rng = np.random.default_rng(SEED)


def digit_pairs(n, pool, rng):
    """n pairs of digits from a pool, side by side, and whether they differ."""
    left, right = rng.choice(pool, n), rng.choice(pool, n)
    return torch.cat([X[left], X[right]], dim=1), (Y[left] != Y[right]).long()


zeros_and_ones = rng.permutation(np.flatnonzero(digits.target < 2))
learn, exam = digit_pairs(2000, zeros_and_ones[:240], rng), digit_pairs(1000, zeros_and_ones[240:], rng)
scores = {}
for name, activation in {"no bend": nn.Identity, "ReLU": nn.ReLU}.items():
    torch.manual_seed(SEED)
    model = mlp(128, 2, activation, width=32, depth=2)
    train(model, *learn, epochs=8)
    scores[name] = accuracy(model, *exam)
    result(f"different_digits_{name.lower().replace(' ', '_')}", scores[name], "%")
shown = [np.concatenate([half.reshape(8, 8) for half in pair.numpy().reshape(2, 64)], axis=1) for pair in exam[0][:6]]
plots.show(
    plots.image_grid(shown, ["different" if d else "same" for d in exam[1][:6]], columns=6),
    alt="Six pairs of handwritten zeros and ones: "
    + ", ".join("different" if d else "same" for d in exam[1][:6])
    + ".",
)
claim("three layers without a bend: no better than guessing", scores["no bend"], lambda share: share < 0.62)
claim("with ReLU", scores["ReLU"], lambda share: share > 0.97)

# %% [markdown]
# Same layers, same number of weights. Only the activation function is new.

# %% [markdown] topics=["G2"]
# ## A family of activation functions
#
# An activation function takes one number and gives back one. These are the usual ones. The third column is its
# **slope**: how much the output moves when the input moves a little. Slopes matter because training works by them: a
# weight is changed in proportion to the slope of the loss by that weight (Day 7). Where a slope is zero, nothing
# moves.
#
# | name | formula | slope |
# |---|---|---|
# | **ReLU**, rectified linear unit | $\max(z, 0)$ | 1 above zero, 0 below |
# | **leaky ReLU** | $z$ above zero, $a z$ below, with a small $a$ | 1 above, $a$ below |
# | **ELU**, exponential linear unit | $z$ above zero, $e^z - 1$ below | 1 above, $e^z$ below |
# | **GELU** | $z \cdot$ the share of a bell curve to the left of $z$ | smooth, slightly below 0 at $z \approx -1$ |
# | **sigmoid** | $1 / (1 + e^{-z})$ | at most 1/4 |
# | **tanh** | $2 \cdot \text{sigmoid}(2z) - 1$ | at most 1 |
#
# **Before you run:** for which of them does the output stay in a fixed range, and what is the slope far from zero
# then?

# %%
from scipy.special import erf

ACTIVATIONS = {
    "ReLU": lambda z: np.maximum(z, 0),
    "leaky ReLU, a = 0.1": lambda z: np.where(z > 0, z, 0.1 * z),
    "ELU": lambda z: np.where(z > 0, z, np.expm1(np.minimum(z, 0))),  # expm1(z) is exp(z) − 1, also for tiny z
    "GELU": lambda z: z * (1 + erf(z / np.sqrt(2))) / 2,
    "sigmoid": lambda z: 1 / (1 + np.exp(-z)),
    "tanh": np.tanh,
}


def slope_of(function, z, h=1e-5):
    return (function(z + h) - function(z - h)) / (2 * h)


z = np.linspace(-4, 4, 400)  # without 0, where ReLU has a corner and no slope
fig, axes = plt.subplots(2, 3, figsize=(9.2, 4.8), sharex=True)
for ax, (name, function) in zip(axes.flat, ACTIVATIONS.items(), strict=True):
    plots.curves({"output": function(z), "slope": slope_of(function, z)}, name, ax, x=z, xlabel="z", ylabel="")
    ax.set_ylim(-1.3, 2.2)
    ax.label_outer()
far = {name: [round(float(slope_of(f, at)), 2) + 0.0 for at in (-4.0, 4.0)] for name, f in ACTIVATIONS.items()}
told = "; ".join(f"{name} {low:.2f} and {high:.2f}" for name, (low, high) in far.items())
plots.show(fig, alt=f"Six activation functions and their slopes over z from −4 to 4. Slopes at −4 and at 4: {told}.")

# %%
claim("largest slope of the sigmoid", slope_of(ACTIVATIONS["sigmoid"], z).max(), 0.25, tolerance=1e-4)
claim("largest slope of tanh", slope_of(ACTIVATIONS["tanh"], z).max(), 1, tolerance=1e-3)
claim(
    "slopes of ReLU at −1 and at 1", slope_of(ACTIVATIONS["ReLU"], np.array([-1, 1])), np.array([0, 1]), tolerance=1e-9
)
claim("lowest slope of GELU is below zero", slope_of(ACTIVATIONS["GELU"], z).min(), lambda low: -0.2 < low < -0.1)

# %% [markdown]
# Sigmoid and tanh are flat on both sides; the others on one side at most. That is why the first two left the inside
# of networks: in a chain of layers slopes **multiply**. **Before you run:** a chain of ten sigmoids, each at its
# steepest point. How much of a change comes through?

# %%
claim("through ten sigmoids at best", 0.25**10, lambda share: share < 1e-6)
claim("through ten ReLUs that are on", 1.0**10, 1)

# %% [markdown]
# The sigmoids leave less than a millionth. Ten ReLUs that are on leave all of it (the weights between them have their
# say as well: Day 7).
#
# ### Sparsity
#
# ReLU has another effect: it writes exact zeros. Here is a photo under Day 2's kernels. Ten maps, and ReLU behind
# each. **Before you run:** which share of the numbers is zero afterwards?

# %%
maps = {name: conv2d(photo, weights) for name, weights in KERNELS.items()}
zero_share = {name: float((np.maximum(m, 0) == 0).mean()) for name, m in maps.items()}
edges = maps["sobel vertical edges"]
fig, axes = plt.subplots(1, 3, figsize=(9, 3.1))
plots.image(photo, "photo", axes[0])
plots.image(edges, "Sobel, vertical edges", axes[1], signed=True)
plots.image(np.maximum(edges, 0), f"after ReLU: {zero_share['sobel vertical edges']:.0%} zeros", axes[2])
plots.show(
    fig,
    alt="A man with a camera; its map of vertical edges, with positive and negative answers; and the map after ReLU, where only "
    f"the positive ones are left. {zero_share['sobel vertical edges']:.0%} of it is exactly zero.",
)
finders = [name for name, weights in KERNELS.items() if weights.sum() == 0]
print({name: f"{share:.0%}" for name, share in zero_share.items()})
result("zeros_after_relu_edge_kernels", np.mean([zero_share[name] for name in finders]), "%")
claim(
    "edge kernels: about half of the map becomes zero",
    [zero_share[name] for name in finders],
    lambda shares: min(shares) > 0.35 and max(shares) < 0.65,
)
claim("kernels that keep brightness: nothing does", zero_share["gaussian"], 0.0)

# %% [markdown]
# A map that says nothing about half of the places is **sparse**: each place is described by the few units that have
# something to say. It is also a loss. Bright-to-dark edges are gone, and if nobody else looks for them, for good.

# %% [markdown] topics=["G3"]
# ## Dead units
#
# A unit behind ReLU is *off* for an image when its sum $z$ is zero or less. What if it is off for **every** image?
# Its output is always 0, its slope is always 0, so no step ever changes its weights: the unit is **dead**. In the
# first layer it stays so for good. Further up, the layers before it still move, and may wake it by chance; nothing
# pulls it back.
#
# By hand. A unit with weight 1 and bias −3 gets inputs between 0 and 2. **Before you run:** is it dead? With which
# bias would it just be alive? And would a *leaky* unit be dead?

# %%
inputs = np.array([0.0, 0.5, 1.0, 2.0])
sums = 1 * inputs - 3
claim("its sums", sums, np.array([-3, -2.5, -2, -1]))
claim("dead: every sum is zero or less", bool((sums <= 0).all()), True)
claim("dead with a bias of −2, and of −1.9", [bool((1 * inputs + b <= 0).all()) for b in (-2, -1.9)], [True, False])
claim(
    "slopes of leaky ReLU (a = 0.1) there",
    slope_of(ACTIVATIONS["leaky ReLU, a = 0.1"], sums),
    np.full(4, 0.1),
    tolerance=1e-9,
)


# %% [markdown]
# How do units die? One way is a **step that is too large**: it throws the weights to a place where all sums are
# negative. We train one hidden layer of 128 units on the digits, with larger and larger steps (the *learning rate*,
# Day 8), and count.
#
# **Before you run:** the usual step here is 0.003. How many of the 128 are dead after training with 0.1, and what
# does the network still score?

# %%
def split_digits(seed):
    """1,000 digits to learn from and 797 for the exam, drawn by the seed."""
    torch.manual_seed(seed)
    shuffled = torch.randperm(len(X))
    return (X[shuffled[:1000]], Y[shuffled[:1000]]), (X[shuffled[1000:]], Y[shuffled[1000:]])


def dead_share_and_accuracy(activation, step, seed, bias=None):
    learn, exam = split_digits(seed)
    model = mlp(64, 10, activation, width=128)
    if bias is not None:
        nn.init.constant_(model[0].bias, bias)
    train(model, *learn, epochs=10, step=step)
    sums = outputs_of(model[0], learn[0])
    return (sums <= 0).all(dim=0).float().mean().item(), accuracy(model, *exam)


steps = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3)
seeds = range(SEED, SEED + profile.pick(smoke=2, cpu=5, gpu=5))
hidden_activations = {"ReLU": nn.ReLU, "leaky ReLU": lambda: nn.LeakyReLU(0.1)}
found = {
    name: np.array([[dead_share_and_accuracy(activation, step, seed) for seed in seeds] for step in steps]).mean(axis=1)
    for name, activation in hidden_activations.items()
}

# %%
fig, axes = plt.subplots(1, 2, figsize=(9.2, 3.1))
dead = 100 * found["ReLU"][:, 0]
plots.curves({"ReLU": dead}, "dead units", axes[0], x=steps, xlabel="step (learning rate)", ylabel="of 128 (%)")
right_answers = {name: 100 * values[:, 1] for name, values in found.items()}
plots.curves(
    right_answers, "right answers in the exam", axes[1], x=steps, xlabel="step (learning rate)", ylabel="accuracy (%)"
)
for ax in axes:
    ax.set(xscale="log", ylim=(-4, 104))
told = "; ".join(
    f"step {s}: {d:.0f} % dead, accuracy {a:.0f} %, leaky {b:.0f} %"
    for s, d, a, b in zip(steps, dead, *right_answers.values(), strict=True)
)
plots.show(fig, alt=f"Share of dead ReLU units, and accuracy of ReLU and leaky ReLU, by the size of the step. {told}.")
result("dead_at_a_large_step", found["ReLU"][4, 0], "%")
result("accuracy_at_a_large_step", found["ReLU"][4, 1], "%")
result("dead_at_a_huge_step", found["ReLU"][5, 0], "%")
claim("at 0.1 most units are dead", found["ReLU"][4, 0], lambda share: share > 0.7)
claim("and the accuracy is still high", found["ReLU"][4, 1], lambda share: share > 0.9)
claim("at 0.3 more than nine in ten are dead", found["ReLU"][5, 0], lambda share: share > 0.9)
claim("and leaky ReLU is clearly better there", found["leaky ReLU"][5, 1] > found["ReLU"][5, 1] + 0.05, True)

# %% [markdown]
# Most of the layer is dead, and the accuracy does not tell. The few survivors suffice for ten digits; you pay for 128
# units and own the few. Only when hardly any are left does the score fall. So **count** dead units, do not wait for
# the score to tell.
#
# The other way to die is a **bad start**. Somebody sets all biases to −2: every unit is off before the first step.
# Three repairs. **Before you run:** which of them helps?

# %%
repairs = {
    "ReLU, bias −2": (nn.ReLU, 0.003, -2.0),
    "smaller step": (nn.ReLU, 0.0003, -2.0),
    "leaky ReLU": (hidden_activations["leaky ReLU"], 0.003, -2.0),
    "bias 0": (nn.ReLU, 0.003, 0.0),
}
repaired = {
    name: np.mean([dead_share_and_accuracy(activation, step, seed, bias) for seed in seeds], axis=0)
    for name, (activation, step, bias) in repairs.items()
}
told = "; ".join(f"{name}: {score:.0%}" for name, (_, score) in repaired.items())
plots.show(
    plots.bars(
        list(repairs),
        [v[1] for v in repaired.values()],
        title="a start with every unit off",
        label="accuracy",
        unit="%",
    ),
    alt=f"Accuracy after a start with all units off, and with three repairs. {told}.",
)
claim("dead at the start, dead at the end", repaired["ReLU, bias −2"][0], 1.0)
claim("a smaller step cannot wake the dead", repaired["smaller step"][0], 1.0)
claim("leaky ReLU: nothing is stuck", repaired["leaky ReLU"][1], lambda share: share > 0.9)
claim("the usual start", repaired["bias 0"][1], lambda share: share > 0.9)

# %% [markdown]
# A smaller step *prevents* deaths and wakes nobody: zero slope times any step is zero. Leaky ReLU and ELU keep a
# slope below zero, so a unit can climb back. A good start, small weights around zero and biases of zero, keeps about
# half of the sums positive (Day 7 derives how small).
#
# | what you see | repair |
# |---|---|
# | units die in the first epochs | smaller step, scaled inputs |
# | units are off before the first step | initialisation: weights around zero, bias 0 |
# | they keep dying | leaky ReLU, ELU or GELU; or batch normalisation before the bend (Day 10) |

# %% [markdown] topics=["G5"]
# ## From logits to probabilities: softmax
#
# A network looks at a photo and gives ten logits. Which number is a probability? None: some are negative, and they do
# not add up to 1. **Softmax** takes the exponential of each, which makes them positive and keeps their order, and
# divides by the total:
#
# $$ p_c = \frac{e^{z_c}}{e^{z_1} + e^{z_2} + \dots + e^{z_C}} $$
#
# **Before you run:** which class wins? If the bird's logit rises by 1, what happens to the cat's probability?

# %%
CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
logits = np.array([1.0, -1.5, 3.2, 1.9, 1.1, 0.7, 0.9, -0.5, -0.8, -2.0])


def softmax(z):
    powers = np.exp(z)
    return powers / powers.sum()


p = softmax(logits)
more_bird = softmax(logits + np.eye(10)[2])
for name, before, after in zip(CLASSES, p, more_bird, strict=True):
    print(f"{name:11s} {before:6.1%} {after:6.1%}")
claim("the ten probabilities add up to", p.sum(), 1, tolerance=1e-12, source="T20")
claim("the class with the largest one", CLASSES[p.argmax()], "bird", source="T20")
others = np.arange(10) != 2
claim("every other class shrinks by the same factor", np.ptp((more_bird / p)[others]), 0, tolerance=1e-12)

# %% [markdown]
# Nobody touched the cat's logit, and its probability fell: there is one cake. Two more facts come from the formula at
# once.
#
# - **Only differences count.** Add 5 to all logits: each power grows by $e^5$, the total too, nothing changes.
# - **A difference is a ratio.** $p_a / p_b = e^{z_a - z_b}$: one logit more is 2.7 times the probability, whatever
#   the rest does.

# %%
claim("all logits + 5: probabilities change by", np.abs(softmax(logits + 5) - p).max(), 0, tolerance=1e-12)
claim("bird over cat", p[2] / p[3], np.exp(3.2 - 1.9), tolerance=1e-9)

# %% [markdown]
# ### Temperature
#
# What if you *multiply* all logits? Then differences grow. By custom one divides, by a **temperature** $T$:
# $p = \text{softmax}(z / T)$. **Before you run:** what will a very small and a very large $T$ do? Can $T$ change
# which class wins?

# %%
temperatures = np.geomspace(0.1, 30, 60)
by_temperature = np.array([softmax(logits / t) for t in temperatures])
shown = {CLASSES[c]: by_temperature[:, c] for c in (2, 3, 4, 5, 9)}
fig = plots.curves(shown, "the same logits", x=temperatures, xlabel="temperature T", ylabel="probability")
fig.axes[0].set_xscale("log")
plots.show(
    fig,
    alt="Probabilities of five classes over the temperature. At T = 0.1 the bird has "
    f"{by_temperature[0, 2]:.3f} of 1; with growing T it falls and the others rise; at T = 30 all lie between "
    f"{by_temperature[-1].min():.3f} and {by_temperature[-1].max():.3f}.",
)
claim("hot: all ten close to a tenth", by_temperature[-1], np.full(10, 0.1), tolerance=0.02)
claim("cold: the winner takes all", by_temperature[0, 2], 1, tolerance=1e-4)
claim("the winner at every temperature", set(by_temperature.argmax(axis=1).tolist()), lambda winners: winners == {2})

# %% [markdown]
# Temperature changes how *sure* the network sounds, never what it answers. Day 18 uses it to make a network that is
# too sure honest.

# %% [markdown] topics=["G4"]
# ## Yes or no: the sigmoid
#
# With two classes softmax is simpler than it looks. Divide numerator and denominator by $e^{z_1}$:
#
# $$ p_1 = \frac{e^{z_1}}{e^{z_1} + e^{z_0}} = \frac{1}{1 + e^{-(z_1 - z_0)}} = \sigma(z_1 - z_0) $$
#
# That is the **sigmoid** of the difference. So a yes-or-no network needs only *one* output, the difference itself,
# and the second output of a two-class softmax brings no new possibility. **Before you run:** what do a sigmoid of 0
# and a softmax over *one* logit give?

# %%
sigmoid = ACTIVATIONS["sigmoid"]
z1, z0 = rng.normal(0, 3, (2, 1000))
two_classes = np.array([softmax(np.array(pair))[0] for pair in zip(z1, z0, strict=True)])
claim(
    "sigmoid of the difference, two-class softmax: they differ by",
    np.abs(sigmoid(z1 - z0) - two_classes).max(),
    0,
    tolerance=1e-12,
    source="T24",
)
claim("sigmoid(0)", sigmoid(0.0), 0.5)
claim(
    "softmax over a single logit, whatever it is",
    [softmax(np.array([v])).item() for v in (-7.0, 0.0, 4.0)],
    [1.0, 1.0, 1.0],
)

# %% [markdown]
# Mind the last line. One output with a softmax is always sure, and cannot learn anything.
#
# **One cake or many lamps?** A photo shows a cat *and* a dog. Classes that exclude each other share a cake
# (**multi-class**: softmax). Labels that may be true together, or all be false, get a lamp each (**multi-label**: one
# sigmoid for each). **Before you run:** logits 4, 4, −4 for cat, dog, ship. What does each say?

# %%
animals = np.array([4.0, 4.0, -4.0])
print("softmax ", softmax(animals).round(3))
print("sigmoids", sigmoid(animals).round(3))
claim("softmax: neither cat nor dog can pass", softmax(animals)[:2], lambda shares: (shares <= 0.5).all())
claim("sigmoids: both are nearly sure", sigmoid(animals)[:2], lambda shares: (shares > 0.98).all())
nothing_there = np.array([-4.0, -4.0, -4.0])
claim("an empty photo, softmax", softmax(nothing_there), np.full(3, 1 / 3), tolerance=1e-12)
claim("an empty photo, sigmoids", sigmoid(nothing_there), lambda shares: (shares < 0.02).all())

# %% [markdown]
# | task | last layer | activation at the end | loss (below) |
# |---|---|---|---|
# | one of $C$ classes | $C$ units | softmax | cross-entropy |
# | yes or no | 1 unit | sigmoid | binary cross-entropy |
# | any of $C$ labels | $C$ units | sigmoid, each by itself | binary cross-entropy, averaged |
# | a number (age, a coordinate) | 1 unit each | none | squared error, absolute error, Huber |

# %% [markdown] topics=["I1"]
# ## What a wrong answer costs: cross-entropy
#
# A forecaster says "rain with 90 %". It stays dry. How much should she pay? She gave 10 % to what happened.
# **Cross-entropy** charges the negative logarithm of the probability that was given to the truth:
#
# $$ L = -\log p_y $$
#
# Sure and right costs nothing. Each time the share of the truth is halved, the price rises by the same $\log 2$. Sure
# and wrong has no upper limit. **Before you run:** the price for 71 %, for 10 %, for 1 %?

# %%
prices = -np.log(np.array([0.71, 0.1, 0.01]))
claim("−log of 71 %, 10 %, 1 %", prices.round(3), np.array([0.342, 2.303, 4.605]), source="T19")
share = np.linspace(0.003, 1, 400)
fig = plots.curves(
    {"−log p": -np.log(share)}, x=share, xlabel="probability given to the true class", ylabel="loss (nats)"
)
ax = fig.axes[0]
for at, price in zip((0.71, 0.1, 0.01), prices, strict=True):
    ax.plot(at, price, "o", color=plots.COLOURS[1], markersize=7)
    ax.annotate(f"{at:.0%}: {price:.2f}", (at, price), xytext=(8, 6), textcoords="offset points")
plots.show(
    fig,
    alt="The loss, minus the logarithm of the probability of the true class: it falls from about 6 near zero to 0 at 1. "
    f"Marked: {prices[0]:.2f} at 71 %, {prices[1]:.2f} at 10 %, {prices[2]:.2f} at 1 %.",
)

# %% [markdown]
# Labels come in two forms. An **integer label** is the number of the class, 2. A **one-hot label** is a row of zeros
# with a 1 at that place. With it the loss reads $-\sum_c t_c \log p_c$, where $t$ is the row: all terms but one are
# zero. So both are the same loss. The sum has a use, though: $t$ need not be one-hot. We come back to that.

# %%
one_hot = np.eye(10)[2]
claim("the loss by integer label is that by one-hot label", -np.log(p[2]), -(one_hot * np.log(p)).sum(), source="T23")
print(f"the bird's photo costs {-np.log(p[2]):.3f}; had it been a truck: {-np.log(p[9]):.3f}")

# %% [markdown]
# ### Before the first step
#
# A network that knows nothing should give each of $C$ classes $1/C$. The price is $-\log(1/C) = \log C$. That is the
# most useful number of this day: **look at the loss before the first step.** **Before you run:** what is it for ten
# classes? And what will twenty fresh networks on the digits say, whose last layers start with weights that are ten
# times too large?

# %%
fresh = {"as it comes": [], "last layer × 10": []}
for seed in range(SEED, SEED + 20):
    torch.manual_seed(seed)
    model = mlp(64, 10)
    fresh["as it comes"].append(F.cross_entropy(outputs_of(model, X), Y).item())
    with torch.no_grad():
        model[2].weight *= 10
    fresh["last layer × 10"].append(F.cross_entropy(outputs_of(model, X), Y).item())
print({name: f"{np.mean(values):.2f}, from {min(values):.2f} to {max(values):.2f}" for name, values in fresh.items()})
claim("log 10", np.log(10), 2.303, tolerance=1e-3)
claim("fresh networks", np.mean(fresh["as it comes"]), np.log(10), tolerance=0.05)
claim("too large a start: worse than knowing nothing", min(fresh["last layer × 10"]) > np.log(10) + 0.05, True)


# %% [markdown]
# Above $\log C$ by much: the network is *sure of nonsense*; look at the last layer's weights and at the scale of the
# inputs. Exactly $\log C$, epoch after epoch: it learns nothing. Clearly below it before the first step: look for a leak.
#
# ### Which way is down?
#
# The loss by the logits: $L = -\log p_y = \log\left(\sum_j e^{z_j}\right) - z_y$. The slope of the first term by
# $z_c$ is $e^{z_c} / \sum_j e^{z_j}$, which is $p_c$. The second term has slope 1 at the true class. So
#
# $$ \frac{\partial L}{\partial z_c} = p_c - \mathbb{1}[c = y] $$
#
# **softmax minus one-hot**: what the network said, minus what it should have said. Each slope lies between −1 and 1,
# and they add up to 0. **Before you run:** logits 2, 1, 0, and the first class is true. Write down three slopes (Day
# 1 found the probabilities 0.665, 0.245, 0.090).

# %%
def loss_of(z, y):
    return np.log(np.exp(z).sum()) - z[y]


small = np.array([2.0, 1.0, 0.0])
by_formula = softmax(small) - np.eye(3)[0]
by_nudging = np.array([slope_of(lambda v, c=c: loss_of(small + v * np.eye(3)[c], 0), 0.0) for c in range(3)])
claim("softmax minus one-hot", by_formula.round(3), np.array([-0.335, 0.245, 0.09]))
claim("by nudging each logit", by_nudging, by_formula, tolerance=1e-9)
claim("they add up to", by_formula.sum(), 0, tolerance=1e-12)

# %% [markdown] topics=["I3"]
# ### Binary cross-entropy
#
# With one sigmoid unit, $p$ is the probability of *yes* and $y$ is 1 or 0:
#
# $$ L = -\,y \log p - (1 - y) \log (1 - p), \qquad \frac{\partial L}{\partial z} = p - y $$
#
# It is the cross-entropy of two classes, nothing new. What if we took the squared error $(p - y)^2$ instead? It is
# zero in the right place, too. But its slope has the sigmoid's own slope in it, $2 (p - y) \cdot p (1 - p)$, and that
# is nearly zero where the unit is sure. **Sure and wrong moves least.**
#
# **Before you run:** one unit, $y = 1$, starts at $z = -8$: sure and wrong. In each step, $z$ moves by minus the
# slope. After how many steps does it cross $p = 0.5$ with each of the two losses?

# %%
SLOPES = {
    "cross-entropy": lambda z: sigmoid(z) - 1,
    "squared error": lambda z: 2 * (sigmoid(z) - 1) * sigmoid(z) * (1 - sigmoid(z)),
}
paths = {}
for name, slope in SLOPES.items():
    path = [-8.0]
    while path[-1] < 0:
        path.append(path[-1] - slope(path[-1]))
    paths[name] = path
    print(f"{name}: slope at the start {slope(-8.0):.6f}, {len(path) - 1:,} steps to p = 0.5")
claim("steps with cross-entropy", len(paths["cross-entropy"]) - 1, 9)
claim("steps with the squared error", len(paths["squared error"]) - 1, 1507)

fig, axes = plt.subplots(1, 2, figsize=(9.2, 3))
z = np.linspace(-8, 8, 200)
plots.curves(
    {name: slope(z) for name, slope in SLOPES.items()},
    "slope, y = 1",
    axes[0],
    x=z,
    xlabel="z",
    ylabel="slope of the loss",
)
for (name, path), colour, style in zip(paths.items(), plots.COLOURS, ("-", "--"), strict=False):
    axes[1].plot(np.arange(len(path)) + 1, path, style, color=colour, label=name)
axes[1].set(xscale="log", xlabel="step", ylabel="z", title="from sure and wrong to p = 0.5")
axes[1].legend(loc="center")
axes[1].grid(linewidth=0.6)
plots.show(
    fig,
    alt="Left: the slope of cross-entropy is −1 where the unit is sure and wrong, that of the squared error nearly zero there. "
    f"Right: z climbs from −8 to 0 in {len(paths['cross-entropy']) - 1} steps with cross-entropy, and in "
    f"{len(paths['squared error']) - 1:,} with the squared error.",
)

# %% [markdown]
# The logarithm in the loss undoes the exponential in the sigmoid. They belong together, like a key and its lock.
#
# ## Numbers too large for a computer
#
# Our softmax has a flaw. **Before you run:** what does it give for the logits 1000 and 0? The right answer is 1 and
# 0. From which logit on does `exp` overflow in 64, 32 and 16 bits?

# %%
with np.errstate(all="ignore"):  # NumPy would warn; a network in training goes on silently
    print("softmax(1000, 0) =", softmax(np.array([1000.0, 0.0])))
    claim("the first entry", bool(np.isnan(softmax(np.array([1000.0, 0.0]))[0])), True)
    for kind in (np.float64, np.float32, np.float16):
        print(
            f"{kind.__name__}: largest number {float(np.finfo(kind).max):.3g}, exp overflows above {np.log(float(np.finfo(kind).max)):.2f}"
        )
    claim(
        "float16: exp(11), exp(12)",
        [float(np.exp(np.float16(v))) for v in (11, 12)],
        lambda v: v[0] < 6e4 and np.isinf(v[1]),
    )


# %% [markdown]
# Infinity over infinity is **NaN**, not a number, and one NaN in the loss makes every weight NaN after one step. A
# logit of 12 is nothing unusual; in float16, one of the two kinds of 16 bits that networks are trained in (Day 20), it
# is fatal.
#
# The cure costs one subtraction. Only differences count, so subtract the largest logit from all. Then the largest
# power is $e^0 = 1$, and nothing overflows. The others may underflow to 0, and that is right.

# %%
def stable_softmax(z):
    powers = np.exp(z - z.max())
    return powers / powers.sum()


claim("softmax of 1000 and 0", stable_softmax(np.array([1000.0, 0.0])), np.array([1.0, 0.0]))
claim("on ordinary logits nothing changes", stable_softmax(logits), p, tolerance=1e-15)


# %% [markdown]
# Is the loss safe now? Take logits 0 and 1000, and let the *first* class be true. The loss should be 1000. But
# $p = 0$, and $-\log 0$ is infinite. The two functions must be one:
#
# $$ L = \log \sum_j e^{z_j} - z_y = \Bigl( m + \log \sum_j e^{z_j - m} \Bigr) - z_y, \qquad m = \max_j z_j $$
#
# The bracket is called **log-sum-exp**. The largest power is 1, so the sum is at least 1 and the logarithm is
# harmless. No probability is ever formed. **Before you run:** four ways to compute the same loss in 32 bits, for a
# network that prefers the wrong class by 0 to 200. Which of them leaves the line, and where?

# %%
def cross_entropy_of(z, y):
    """Of one example, from its logits."""
    m = z.max()
    return m + np.log(np.exp(z - m).sum()) - z[y]


gaps = np.arange(0, 201, 2)
ways = {
    "softmax, then log": lambda z: -np.log(softmax(z)[0]),
    "stable softmax, then log": lambda z: -np.log(stable_softmax(z)[0]),
    "stable, clipped at 1e-7": lambda z: -np.log(np.clip(stable_softmax(z)[0], np.float32(1e-7), 1)),
    "log-sum-exp": lambda z: cross_entropy_of(z, 0),
}
with np.errstate(all="ignore"):
    computed = {n: [float(way(np.array([0, gap], dtype=np.float32))) for gap in gaps] for n, way in ways.items()}
fig, ax = plt.subplots(figsize=(7.4, 3.2))
plots.curves(
    computed,
    "the true loss equals the gap",
    ax,
    x=gaps,
    xlabel="gap: logit of the wrong class minus logit of the true one",
    ylabel="loss, as computed",
)
last = {name: max(g for g, v in zip(gaps, values, strict=True) if np.isfinite(v)) for name, values in computed.items()}
told = "; ".join(f"{name}: finite up to {at}" for name, at in last.items())
plots.show(
    fig,
    alt=f"Computed loss against the gap of two logits in float32. {told}. The clipped one stays at {computed['stable, clipped at 1e-7'][-1]:.2f} "
    "from a gap of about 16 on; log-sum-exp follows the straight line all the way.",
)
claim("log-sum-exp at a gap of 200", computed["log-sum-exp"][-1], 200.0)
claim("the clipped loss cannot exceed", computed["stable, clipped at 1e-7"][-1], 16.118, tolerance=1e-3, source="M47")
claim(
    "the two others end in infinity or NaN",
    [bool(np.isfinite(computed[name][-1])) for name in list(ways)[:2]],
    [False, False],
)

# %% [markdown]
# Clipping is no cure. The loss stays finite, but it is *flat* from there on: the worst mistakes stop to matter. The
# same for yes or no: from the logit $z$, $L = \max(z, 0) - y z + \log(1 + e^{-|z|})$. The rule for life:
#
# > **Hand the loss logits, never probabilities.**
#
# ## The same in Keras and PyTorch
#
# First the activation functions. The same name, the same function? **Before you run:** what is leaky ReLU of −1 in
# each?

# %%
points = np.array([-3, -1, -0.5, 0, 0.5, 2], dtype=np.float32)


def in_keras(function, *arrays, **settings):
    tensors = [keras.ops.convert_to_tensor(a) for a in arrays]
    return keras.ops.convert_to_numpy(function(*tensors, **settings))


def in_torch(function, *arrays, **settings):
    return function(*(torch.from_numpy(np.asarray(a)) for a in arrays), **settings).numpy()


for name, in_name in {"ReLU": "relu", "ELU": "elu", "GELU": "gelu", "sigmoid": "sigmoid", "tanh": "tanh"}.items():
    ours = ACTIVATIONS[name](points.astype(float))
    claim(f"{name}: Keras", in_keras(getattr(keras.activations, in_name), points), ours, tolerance=1e-6)
    torch_function = getattr(torch, in_name, None) or getattr(F, in_name)
    claim(f"{name}: PyTorch", in_torch(torch_function, points), ours, tolerance=1e-6)

# %%
minus_one = np.array([-1], dtype=np.float32)
leaks = {
    "keras.activations.leaky_relu": in_keras(keras.activations.leaky_relu, minus_one)[0],
    "keras.layers.LeakyReLU()": in_keras(keras.layers.LeakyReLU(), minus_one)[0],
    "torch.nn.LeakyReLU()": nn.LeakyReLU()(torch.tensor([-1.0]))[0].item(),
}
for name, value in leaks.items():
    print(f"{name:30s} {value:.2f}")
claim(
    "leaky ReLU of −1, three defaults",
    np.array(list(leaks.values())).round(6),
    np.array([-0.2, -0.3, -0.01]),
    source="M37",
)

# %% [markdown]
# One name, three slopes: write the number down whenever you use it. Now the losses, for a batch of four images and
# three classes. Both frameworks return the **mean** over the batch.

# %%
z4 = rng.normal(0, 2, (4, 3)).astype(np.float32)
y4 = np.array([0, 2, 1, 2])
ours = np.mean([cross_entropy_of(z, y) for z, y in zip(z4.astype(float), y4, strict=True)])
losses = {
    "torch cross_entropy": in_torch(F.cross_entropy, z4, y4),
    "torch cross_entropy as log_softmax, then nll_loss": in_torch(
        lambda z, y: F.nll_loss(F.log_softmax(z, dim=1), y), z4, y4
    ),
    "keras sparse, from_logits": in_keras(keras.losses.SparseCategoricalCrossentropy(from_logits=True), y4, z4),
    "keras one-hot, from_logits": in_keras(
        keras.losses.CategoricalCrossentropy(from_logits=True), np.eye(3, dtype=np.float32)[y4], z4
    ),
    "keras sparse, of probabilities": in_keras(
        keras.losses.SparseCategoricalCrossentropy(), y4, in_torch(torch.softmax, z4, dim=1)
    ),
}
for name, value in losses.items():
    claim(name, float(value), ours, tolerance=1e-5, source="T22" if "nll_loss" in name else None)

yes = np.array([[1], [0], [0], [1]], dtype=np.float32)
z1 = z4[:, :1]
ours = np.mean(np.maximum(z1, 0) - yes * z1 + np.log1p(np.exp(-np.abs(z1))))
claim("binary: PyTorch", in_torch(F.binary_cross_entropy_with_logits, z1, yes), ours, tolerance=1e-6)
claim("binary: Keras", in_keras(keras.losses.BinaryCrossentropy(from_logits=True), yes, z1), ours, tolerance=1e-6)

# %% [markdown] topics=["I2"]
# Read the names again, because here is the trap. PyTorch's `cross_entropy` (and the class `CrossEntropyLoss`) expects
# **logits**: softmax is *inside*. Keras' losses expect **probabilities** unless you say `from_logits=True`. So a
# network that ends in a softmax is right with one and wrong with the other, and neither complains. In PyTorch this is
# **softmax twice**:

# %%
once, twice = (
    F.cross_entropy(torch.tensor(z4), torch.tensor(y4)),
    F.cross_entropy(torch.tensor(z4).softmax(dim=1), torch.tensor(y4)),
)
print(f"once {once:.3f}, twice {twice:.3f}")
claim("softmax twice is another number", abs(once.item() - twice.item()) > 0.01, True)

# %% [markdown]
# ## Experiment: the softmax that nobody missed
#
# How bad is it? Let us derive what we can. The loss takes probabilities for logits. These lie between 0 and 1. The
# best that a network can do is to be perfectly right and perfectly sure: $p = (1, 0, \dots, 0)$. The second softmax
# makes of this
#
# $$ \frac{e^1}{e^1 + (C-1)\, e^0} = \frac{e}{e + C - 1}, \qquad L_{min} = -\log \frac{e}{e + C - 1} $$
#
# **Before you run:** for ten classes, is that below or above the $\log 10 = 2.30$ of knowing nothing, and by how
# much?

# %%
floor = -np.log(np.e / (np.e + 9))
perfect = torch.zeros(10)
perfect[0] = 1
claim("the floor for ten classes", floor, 1.4612, tolerance=1e-4)
claim("PyTorch on a perfect answer", F.cross_entropy(perfect, torch.tensor(0)).item(), floor, tolerance=1e-6)
claim(
    "for two classes, and for a thousand",
    [round(float(-np.log(np.e / (np.e + c - 1))), 2) for c in (2, 1000)],
    [0.31, 5.91],
)
sure_and_wrong = torch.eye(10)[1]
claim("sure and wrong", F.cross_entropy(sure_and_wrong, torch.tensor(0)).item(), np.log(np.e + 9), tolerance=1e-6)
claim("that is", np.log(np.e + 9), 2.461, tolerance=1e-3)

# %% [markdown]
# There is the answer to the question at the top: **1.46 is the loss of a perfect network behind two softmaxes.** The
# whole range from knowing everything to knowing nothing is squeezed into 1.46 … 2.30, and even the worst mistake
# costs no more than 2.46.
#
# Now train. Photographs from CIFAR-10, a small CNN, once with and once without a `Softmax` at its end; the same
# seeds, the same steps. **Before you run:** will the second one (a) stop with an error, (b) learn nothing, (c) learn,
# but slower, (d) learn just as well?

# %%
cifar = data.load("cifar10", profile=profile)
device = "cuda" if torch.cuda.is_available() else "cpu"


def as_tensors(split, n):
    part = split.subset(n, seed=SEED) if n < len(split) else split
    pixels = layouts.to_torch(part.images).to(device)
    return pixels.float() / 255 - 0.5, torch.tensor(part.labels, device=device).long()


def small_cnn(*end):
    """Three convolutions of stride 2, then the logits, then whatever the end is."""
    layers, c_in = [], 3
    for c_out in (24, 48, 64):
        layers += [nn.Conv2d(c_in, c_out, 3, stride=2, padding=1), nn.ReLU()]
        c_in = c_out
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(4 * 4 * 64, 10), *end).to(device)


images, kinds = as_tensors(cifar.train, profile.pick(smoke=400, cpu=8_000, gpu=45_000))
exam_images, exam_kinds = as_tensors(cifar.validation, profile.pick(smoke=200, cpu=2_000, gpu=5_000))
cifar_epochs = profile.pick(smoke=6, cpu=5, gpu=10)
cifar_seeds = range(SEED, SEED + profile.pick(smoke=1, cpu=3, gpu=5))
curves, cifar_scores = {}, {}
for name, end in {"softmax once": (), "softmax twice": (nn.Softmax(dim=1),)}.items():
    runs = []
    for seed in cifar_seeds:
        torch.manual_seed(seed)
        model = small_cnn(*end)
        history = train(
            model, images, kinds, cifar_epochs, step=2e-3, batch_size=profile.pick(smoke=32, cpu=128, gpu=128)
        )
        runs.append((history, accuracy(model, exam_images, exam_kinds)))
    curves[name], cifar_scores[name] = np.mean([h for h, _ in runs], axis=0), np.array([a for _, a in runs])

# %%
fig, ax = plt.subplots(figsize=(5.6, 3.2))
plots.curves(curves, "training loss on photographs", ax, ylabel="loss (nats)", caption=cifar.caption)
for height, text in ((np.log(10), "knows nothing: log 10"), (floor, "floor of softmax twice")):
    ax.axhline(height, color=plots.INK, linewidth=1, linestyle=":")
    ax.annotate(text, (cifar_epochs, height), xytext=(0, 3), textcoords="offset points", ha="right")
ax.set_ylim(min(1.2, curves["softmax once"].min() - 0.1), 2.45)
told = "; ".join(
    f"{name}: loss {h[0]:.2f} to {h[-1]:.2f}, accuracy {cifar_scores[name].mean():.1%}" for name, h in curves.items()
)
plots.show(
    fig, alt=f"Training loss by epoch, with lines at log 10 = {np.log(10):.2f} and at the floor {floor:.2f}. {told}."
)
for name, score in cifar_scores.items():
    result(f"cifar10_accuracy_{name.replace(' ', '_')}", score.mean(), "%")
result("cifar10_loss_softmax_twice", curves["softmax twice"][-1])
print(f"{len(images):,} images, {cifar_epochs} epochs; {cifar.source}")
claim("softmax twice learns: better than guessing", cifar_scores["softmax twice"].mean(), lambda share: share > 0.2)
claim("and its loss is above the floor", curves["softmax twice"].min() > floor, True)
claim(
    "its loss falls, but within a narrow band",
    curves["softmax twice"][0] - curves["softmax twice"][-1],
    lambda fall: 0 < fall < np.log(10) - floor,
)


# %% [markdown]
# It learns. No error, a loss that falls, an accuracy well above guessing: (c). Whoever has never seen the right
# version has no reason to suspect anything. Compare the two accuracies above. Why slower? The same reason as with the
# squared error: the inner softmax is flat where it is sure, so sure and wrong hardly moves. **Before you run:** the
# slope of the loss by the logit of the true class, when the network prefers the wrong class by 0, 2, 4, 8?

# %%
def slope_at(gap, twice):
    z = torch.zeros(10)
    z[1] = float(gap)  # class 0 is true, class 1 is preferred
    z.requires_grad_(True)
    F.cross_entropy(z.softmax(dim=0) if twice else z, torch.tensor(0)).backward()
    return z.grad[0].item()


for gap in (0, 2, 4, 8):
    print(f"gap {gap}: once {slope_at(gap, False):.4f}, twice {slope_at(gap, True):.5f}")
claim(
    "sure and wrong by 8: once pulls more than a thousand times as hard",
    slope_at(8, False) / slope_at(8, True),
    lambda times: times > 1000,
)
claim("from the start, at equal logits: about", slope_at(0, False) / slope_at(0, True), lambda times: 9 < times < 11)

# %% [markdown]
# Already at the start it pulls with a tenth of the strength; on a sure mistake, with next to nothing. Today's
# optimiser, Adam, evens out a factor that is the same for all images (Day 8). It cannot help where the worst mistakes
# hardly count.
#
# **How to find it.** Look at the loss of a network that answers everything right: it should be near 0, not near
# $\log(1 + (C-1)/e)$. Look at the outputs: if they add up to 1, they are no logits. And one combination is harmless:
# *log*-softmax twice is the same as once, because its outputs are logits of a kind, whose exponentials already add up
# to 1.

# %%
log_twice = F.cross_entropy(F.log_softmax(torch.tensor(z4), dim=1), torch.tensor(y4))
claim("log-softmax, then cross_entropy", log_twice.item(), once.item(), tolerance=1e-6)

# %% [markdown]
# **And Keras?** A model that ends in `activation="softmax"` and a loss with `from_logits=True` is the same mistake.
# **Before you run:** which of the two numbers, once or twice, will come out?

# %%
ends_in_softmax = keras.Sequential([keras.Input((3,)), keras.layers.Activation("softmax")])
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    by_model = float(keras.losses.SparseCategoricalCrossentropy(from_logits=True)(y4, ends_in_softmax(z4)))
    plain = keras.ops.convert_to_numpy(ends_in_softmax(z4))  # the same numbers, but nobody knows where they are from
    by_array = float(keras.losses.SparseCategoricalCrossentropy(from_logits=True)(y4, plain))
told = [str(w.message) for w in caught if "from_logits" in str(w.message)]
print(f"backend {keras.backend.backend()}: from the model {by_model:.3f}, from a plain array {by_array:.3f}")
print(*told[:1], sep="\n")
undone = keras.backend.backend() == "tensorflow"
claim("Keras undoes the softmax, on TensorFlow only", by_model, (once if undone else twice).item(), tolerance=1e-5)
claim("it warns when it does", bool(told), undone)
claim("from a plain array: softmax twice", by_array, twice.item(), tolerance=1e-5)


# %% [markdown]
# On TensorFlow, Keras remembers that these numbers came out of a softmax, goes back to the logits, and warns. On
# other backends, and for numbers whose origin it does not know, it believes you. The opposite mistake is logits into
# a loss that expects probabilities: Keras clips and rescales them, and the result means nothing.

# %% [markdown] topics=["G6"]
# ### Other wrong ends
#
# Four more ways to spoil a network that works, each with its right twin. Digits, the same steps for all. **Before you
# run:** which will hurt most?
#
# - **ReLU on the logits**: "all layers get a ReLU".
# - **Sigmoid inside**, five hidden layers deep, against five with ReLU.
# - **Squared error on softmax** probabilities instead of cross-entropy.
# - **No bend** at all.

# %%
def squared_error_of_softmax(z, y):
    return ((z.softmax(dim=1) - F.one_hot(y, 10)) ** 2).sum(dim=1).mean()


ends = {
    "right": (lambda: mlp(64, 10, depth=2), F.cross_entropy),
    "ReLU on the logits": (lambda: nn.Sequential(mlp(64, 10, depth=2), nn.ReLU()), F.cross_entropy),
    "squared error": (lambda: mlp(64, 10, depth=2), squared_error_of_softmax),
    "no bend": (lambda: mlp(64, 10, nn.Identity, depth=2), F.cross_entropy),
    "5 layers, ReLU": (lambda: mlp(64, 10, depth=5), F.cross_entropy),
    "5 layers, sigmoid": (lambda: mlp(64, 10, nn.Sigmoid, depth=5), F.cross_entropy),
}
end_scores, never = {name: [] for name in ends}, []
for seed in seeds:
    learn, exam = split_digits(seed)
    for name, (build, loss) in ends.items():
        torch.manual_seed(seed)
        model = build()
        train(model, *learn, epochs=12, loss=loss)
        end_scores[name].append(accuracy(model, *exam))
        if name == "ReLU on the logits":
            never.append(10 - len(set(outputs_of(model, exam[0]).argmax(dim=1).tolist())))
means = {name: np.mean(values) for name, values in end_scores.items()}
plots.show(
    plots.bars(
        list(means),
        list(means.values()),
        np.std(list(end_scores.values()), axis=1, ddof=1),
        label="accuracy",
        unit="%",
        accent="right",
    ),
    alt="Mean accuracy on digits, and its spread over seeds: "
    + "; ".join(f"{n}: {m:.1%}" for n, m in means.items())
    + ".",
)
for name, mean in means.items():
    result(f"digits_{name.replace(' ', '_').replace(',', '').lower()}", mean, "%")
claim("ReLU on the logits: clearly worse", means["right"] - means["ReLU on the logits"], lambda gap: gap > 0.05)
claim("classes that it never answers, of ten", never, lambda counts: max(counts) >= 1)
claim(
    "five layers of sigmoid: clearly worse than five of ReLU",
    means["5 layers, ReLU"] - means["5 layers, sigmoid"],
    lambda gap: gap > 0.2,
)
claim("squared error: nearly as good here", means["right"] - means["squared error"], lambda gap: gap < 0.05)
claim("no bend: nearly as good here", means["right"] - means["no bend"], lambda gap: gap < 0.05)

# %% [markdown]
# Three lessons in one picture.
#
# - **ReLU on the logits** kills classes: a logit that is negative for all images becomes 0 with slope 0. The class is
#   a dead unit, and is never answered again.
# - **Deep sigmoids** hardly start: five slopes of at most a quarter are multiplied.
# - **No bend** and **squared error** pass unnoticed, because the task is *easy*: straight layers suffice for these
#   digits. A test that everybody passes finds no mistake. "Are the two different?" found the missing bend at once.

# %% [markdown] tags=["explorer"]
# ## Try it yourself: softmax and loss
#
# **Explorer: softmax and loss.** The ten logits from above, but now the photo shows a truck. Drag the bars or type
# numbers, and see the probabilities, what five losses charge, and how they push each logit. A **push** is the slope with
# the other sign: the way a step goes. Two of the losses come in the next section: *label smoothing* asks for a little
# less than certainty, and *focal loss* makes answers that are nearly right cheap. Three things to try:
#
# 1. *Who pulls hardest?* Choose the situation "sure and wrong" and guess which loss pulls the true logit up hardest.
#    Then read the last column: how many steps of size 1 does each loss need until the net is right?
# 2. *Who else is pulled?* Press Reset, choose "show me" and the squared error. Which wrong classes does it push up
#    too, and which of them harder than the truth? Compare with cross-entropy.
# 3. *Can heat rescue a wrong answer?* Raise the temperature from 0.5 to 5. Does the price of truck fall or rise? Make
#    bird the true class and do it again, then cat. Does the net's answer ever change?

# %%
from course_utils import widgets

widgets.SoftmaxAndLoss(logits=logits, classes=CLASSES, true_class=9)

# %% [markdown]
# **What you should have found.** Cross-entropy pushes up the truth and nobody else. The squared error multiplies each
# push by the class's own $p$. The truck has hardly any, so the cat is pushed up harder, although it is just as wrong as
# the bird. Heat lowers the price of truck and raises that of bird. The price of cat falls first and rises later: heat
# helps a class as long as its logit is below the mean of all logits, each weighed by its $p$.

# %%
photo_logits = torch.tensor(logits[None], requires_grad=True)
squared_error_of_softmax(photo_logits, torch.tensor([9])).backward()
push = -photo_logits.grad[0].numpy()
claim("squared error: the cat is pushed up harder than the truck", push[3] > push[9] > 0, True)
claim("cross-entropy pushes up", [CLASSES[c] for c in np.flatnonzero(np.eye(10)[9] - p > 0)], ["truck"])
by_heat = {CLASSES[c]: [round(float(cross_entropy_of(logits / t, c)), 2) for t in (0.5, 1, 5)] for c in (9, 2, 3)}
claim("the price of truck at T = 0.5, 1, 5", by_heat["truck"], lambda price: price[0] > price[1] > price[2])
claim("of bird", by_heat["bird"], lambda price: price[0] < price[1] < price[2])
claim("of cat: first lower, then higher", by_heat["cat"], lambda price: price[0] > price[1] < price[2])

# %% [markdown]
# ## Losses for other aims
#
# A loss says what you care about. Here are some changes of mind, each of them a line of code.
#
# ### Do not be too sure: label smoothing
#
# Cross-entropy is never content: 99 % could be 99.9 %, so the logits grow for ever. **Label smoothing** moves a small
# part $\varepsilon$ of the target from the true class to all $C$ classes alike: the true one gets
# $1 - \varepsilon + \varepsilon/C$, each other $\varepsilon/C$. The loss is the sum from above,
# $-\sum_c t_c \log p_c$. **Before you run:** for $\varepsilon = 0.1$ and ten classes, what are the targets? At which
# difference of logits would a network be content?

# %%
smoothing, n_classes = 0.1, 10
smooth_target = (1 - smoothing) * np.eye(n_classes)[0] + smoothing / n_classes
claim("target of the true class, and of each other", smooth_target[:2].round(12), np.array([0.91, 0.01]))
content = np.log(smooth_target[0] / smooth_target[1])
claim("content at a difference of", content, 4.51, tolerance=0.005)
at_best = np.array([content] + [0.0] * 9)
floor_smooth = -(smooth_target * np.log(smooth_target)).sum()
smoothed = -(smooth_target * np.log(stable_softmax(at_best))).sum()
claim("its loss there: not zero, and no lower is possible", smoothed, floor_smooth, tolerance=1e-12)
surer = -(smooth_target * np.log(stable_softmax(2 * at_best))).sum()
claim("a network that is surer pays more", surer > smoothed, True)
claim(
    "torch's label_smoothing",
    in_torch(F.cross_entropy, at_best[None], np.array([0]), label_smoothing=0.1),
    smoothed,
    tolerance=1e-9,
    source="T34",
)

# %% [markdown]
# So a smoothed loss has a floor as well (here 0.50): do not compare it with an unsmoothed one. Some texts share
# $\varepsilon$ among the *other* classes only; Keras and PyTorch share it among all. **Before you run:** how sure is
# a network of its answers in the exam, with and without?

# %%
sure = {}
for name, amount in {"plain": 0.0, "smoothed": 0.1}.items():
    values = []
    for seed in seeds:
        learn, exam = split_digits(seed)
        model = mlp(64, 10)
        train(model, *learn, epochs=25, loss=lambda z, y, amount=amount: F.cross_entropy(z, y, label_smoothing=amount))
        values.append(
            (outputs_of(model, exam[0]).softmax(dim=1).max(dim=1).values.mean().item(), accuracy(model, *exam))
        )
    sure[name] = np.mean(values, axis=0)
    print(f"{name}: mean confidence {sure[name][0]:.1%}, accuracy {sure[name][1]:.1%}")
    result(f"confidence_{name}", sure[name][0], "%")
claim("smoothing lowers the confidence", sure["plain"][0] - sure["smoothed"][0], lambda gap: gap > 0.03)
claim("now the network is less sure than it is right", sure["smoothed"][0] < sure["smoothed"][1], True)
claim("the accuracy is hardly touched", abs(sure["plain"][1] - sure["smoothed"][1]), lambda gap: gap < 0.03)

# %% [markdown]
# Plain networks are often too sure, and smoothing is a cure. On these digits it overdoes it: the network is right
# more often than it says. Day 18 measures that (calibration), Day 10 returns to smoothing as a means against
# overfitting.

# %% [markdown] topics=["I5"]
# ### Rare and hard: focal loss
#
# A detector asks of 100,000 places "is there something?", and ten times the answer is yes. It says 0.01 at each empty
# place: quite right. It says 0.1 at each object: quite wrong. **Before you run:** which of the two groups makes up
# the loss?

# %%
easy, hard = 100_000 * -np.log(1 - 0.01), 10 * -np.log(0.1)
claim("the easy ones together, the hard ones together", np.round([easy, hard]), np.array([1005, 23]))
print(f"share of the hard ones: {hard / (easy + hard):.1%}")

# %% [markdown]
# A thousand little coins outweigh ten notes. **Focal loss** makes the coins smaller still. Call $p_t$ the probability
# that the network gives to the truth ($p$ for a yes, $1-p$ for a no):
#
# $$ L = -(1 - p_t)^{\gamma} \log p_t $$
#
# With $\gamma = 0$ it is cross-entropy. With $\gamma = 2$ and $p_t = 0.9$ the factor is $0.1^2$. A second factor,
# $\alpha$ for a yes and $1 - \alpha$ for a no, may weigh the two classes.

# %%
gamma = 2
easy_focal, hard_focal = easy * (1 - 0.99) ** gamma, hard * (1 - 0.1) ** gamma
claim("the factor at 0.9", (1 - 0.9) ** gamma, 0.01, tolerance=1e-12)
left = (1 - p[[2, 9]]) ** gamma
claim("what the bird and the truck of the explorer keep of the price", left, np.array([0.18, 0.99]), tolerance=0.005)
claim("share of the hard ones with focal loss", hard_focal / (easy_focal + hard_focal), lambda share: share > 0.99)

share = np.linspace(0.01, 1, 200)
fig = plots.curves(
    {f"γ = {g}": -((1 - share) ** g) * np.log(share) for g in (0, 1, 2, 5)},
    x=share,
    xlabel="probability given to the truth",
    ylabel="loss (nats)",
)
fig.axes[0].set_ylim(0, 4)
at_08 = ", ".join(f"γ = {g}: {-((1 - 0.8) ** g) * np.log(0.8):.4f}" for g in (0, 1, 2, 5))
plots.show(
    fig, alt=f"Focal loss for γ = 0, 1, 2, 5: the larger γ, the earlier it comes close to zero. At 0.8: {at_08}."
)


# %% [markdown]
# The explorer above shows the same: choose focal loss and move γ from 0 to 5, first with bird as the true class, then
# with truck. Who keeps nearly the whole price?
#
# Does it help? The digits again, "is it an 8?", with only 20 eights among about 900 others. Two scores: the
# **recall**, the share of the eights in the exam that are found, and the number of false alarms. Beside it a plainer
# cure: **weigh** each eight as much as 40 others. **Before you run:** what recall does plain binary cross-entropy
# reach?

# %%
def focal(z, y, gamma):
    price = F.binary_cross_entropy_with_logits(z, y, reduction="none")  # −log p_t, from the logits
    return ((1 - torch.exp(-price)) ** gamma * price).mean()


def weighted(z, y):
    return F.binary_cross_entropy_with_logits(z, y, pos_weight=torch.tensor(40.0))


rare_losses = {
    "binary cross-entropy": lambda z, y: focal(z, y, 0),
    "focal, γ = 2": lambda z, y: focal(z, y, 2),
    "focal, γ = 5": lambda z, y: focal(z, y, 5),
    "eights weigh 40": weighted,
}
found_eights = {name: [] for name in rare_losses}
for seed in seeds:
    (learn, kinds_learn), (exam, kinds_exam) = split_digits(seed)
    keep = torch.cat([torch.where(kinds_learn == 8)[0][:20], torch.where(kinds_learn != 8)[0]])
    learn, is_eight = learn[keep], (kinds_learn[keep] == 8).float()[:, None]
    for name, loss in rare_losses.items():
        torch.manual_seed(seed)
        model = mlp(64, 1)
        train(model, learn, is_eight, epochs=30, loss=loss)
        said = outputs_of(model, exam)[:, 0] > 0  # a logit above 0 is a probability above a half
        found_eights[name].append((said[kinds_exam == 8].float().mean().item(), said[kinds_exam != 8].sum().item()))
eights = {name: np.mean(values, axis=0) for name, values in found_eights.items()}
for name, (recall, alarms) in eights.items():
    print(f"{name:21s} recall {recall:6.1%}, false alarms {alarms:5.1f} of {int((kinds_exam != 8).sum())}")
    result(
        f"recall_of_eights_{name.replace(',', '').replace(' = ', '').replace('γ', 'gamma').replace('-', '_').replace(' ', '_')}",
        recall,
        "%",
    )
claim(
    "focal loss with γ = 5 finds more than plain cross-entropy",
    eights["focal, γ = 5"][0] - eights["binary cross-entropy"][0],
    lambda gap: gap > 0.1,
)
claim("weighing finds still more", eights["eights weigh 40"][0] > eights["focal, γ = 5"][0], True)
claim("and rings more false alarms", eights["eights weigh 40"][1] > eights["focal, γ = 5"][1] + 3, True)

# %% [markdown]
# Plain cross-entropy nearly never says *eight*: saying *no* to everything costs it little. Focal loss changes that
# with hardly a false alarm; the weight finds the most and pays with false alarms. Neither is the better one: they sit
# at different places of the same trade. (Part of it is the *threshold* of one half, and not the loss. Day 17 moves
# the threshold instead.)

# %% [markdown] topics=["I4"]
# ### Numbers instead of classes: squared error and outliers
#
# Five people draw the left side of a box around a cat, in pixels: 10, 11, 12, 10, and one slips: 90. A network that
# must answer *one* number for this photo answers what its loss likes best. **Before you run:** which number has the
# smallest mean **squared** error (MSE)? Which the smallest mean **absolute** error (MAE)?

# %%
drawn = np.array([10.0, 11.0, 12.0, 10.0, 90.0])
guesses = np.linspace(0, 95, 951)


def huber(error, width=5.0):
    """Squared near zero, straight further out: the slope never exceeds 1."""
    size = np.abs(error)
    return np.where(size <= width, size**2 / (2 * width), size - width / 2)


error = guesses[:, None] - drawn
number_losses = {
    "squared ÷ 50": (error**2).mean(axis=1) / 50,
    "absolute": np.abs(error).mean(axis=1),
    "Huber, width 5": huber(error).mean(axis=1),
}
best = {name: guesses[values.argmin()] for name, values in number_losses.items()}
fig, ax = plt.subplots(figsize=(6.4, 3.2))
plots.curves(
    number_losses, "four say about 11, one says 90", ax, x=guesses, xlabel="answer (pixels)", ylabel="mean loss"
)
for (name, at), colour, height in zip(best.items(), plots.COLOURS, (12, 4, 4), strict=False):
    ax.plot([at, at], [height, number_losses[name].min()], color=colour, linewidth=1)
    side = "right" if name == "absolute" else "left"
    ax.annotate(
        f"{at:.1f}", (at, height), xytext=(-3 if side == "right" else 3, -3), textcoords="offset points", ha=side
    )
ax.set_ylim(0, 120)
plots.show(
    fig,
    alt="Three losses over the answer in pixels. Smallest: "
    + ", ".join(f"{n} at {v:.1f}" for n, v in best.items())
    + ".",
)
claim("best answer by squared error: the mean", best["squared ÷ 50"], drawn.mean(), tolerance=0.05)
claim("by absolute error: the median", best["absolute"], 11.0, tolerance=0.05)
claim("Huber: close to the median", best["Huber, width 5"], lambda at: 10 < at < 13)
claim(
    "Huber in PyTorch",
    in_torch(F.huber_loss, drawn, np.full(5, 12.0), delta=5.0) / 5,
    huber(drawn - 12).mean(),
    tolerance=1e-9,
)

# %% [markdown]
# The squared error answers 26.6, where nobody drew anything: a mistake of 80 pixels counts 6,400. Take it where large
# errors are real and matter; take Huber or the absolute error where they are slips.
#
# ### A map of losses
#
# | loss | in one line | where |
# |---|---|---|
# | cross-entropy, binary cross-entropy | the price of the share not given to the truth | classification |
# | focal | the same, easy examples nearly free | dense detectors, rare classes |
# | squared, absolute, Huber | distance of numbers | boxes, ages, depth |
# | **Dice**, **IoU** loss | 1 − overlap of two areas | segmentation, where the object is small |
# | **detection** loss | class + box + "is there anything?", added with weights | detectors |
# | **perceptual** | distance of two pictures *in the feature maps of a trained network* | super-resolution, style |
# | **adversarial** | a second network is trained to tell real from made; fool it | generating pictures |
#
# Dice in two lines, because of a trap in cross-entropy. A mask of 100 × 100 pixels with an object of 10 × 10. A
# network says "1 % everywhere". **Before you run:** how many pixels does it get right, and is its cross-entropy high
# or low?

# %%
mask = np.zeros((100, 100))
mask[40:50, 40:50] = 1
lazy = np.full(mask.shape, 0.01)
pixel_loss = -(mask * np.log(lazy) + (1 - mask) * np.log(1 - lazy)).mean()
dice = 2 * (mask * lazy).sum() / (mask.sum() + lazy.sum())
claim("right pixels", ((lazy > 0.5) == mask).mean(), 0.99)
claim("its cross-entropy looks fine", pixel_loss, 0.056, tolerance=1e-3)
claim("its Dice overlap", dice, 0.01, tolerance=1e-9)

shifted = np.roll(mask, 5, axis=1)  # half beside the object
overlap, union = (mask * shifted).sum(), np.maximum(mask, shifted).sum()
iou, dice = overlap / union, 2 * overlap / (mask.sum() + shifted.sum())
claim("a mask that is half beside: IoU and Dice", np.round([iou, dice], 3), np.array([0.333, 0.5]))
claim("Dice = 2 IoU / (1 + IoU)", dice, 2 * iou / (1 + iou), tolerance=1e-12, source="T35")


# %% [markdown] topics=["I6"]
# ### Two aims at once: a weighted sum
#
# A detector must say *what* and *where*. Its loss is a sum, $L = \alpha L_{class} + \beta L_{box}$, and somebody has
# to choose the weights. Here: a digit lies somewhere in a black strip; a small CNN says which digit, and its column.
# Both weights are 1. The column can be given in **pixels**, 0 to 16, or as a **fraction** of 16. That is the same
# information. **Before you run:** will it matter?

# %%
def strips(seed):
    """Digits in strips of 12 × 24 pixels: images, digits, columns 0 … 16."""
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(digits.images))
    pictures, columns = np.zeros((len(order), 1, 12, 24), np.float32), rng.integers(0, 17, len(order))
    for picture, digit, row, column in zip(
        pictures, digits.images[order] / 16, rng.integers(0, 5, len(order)), columns, strict=True
    ):
        picture[0, row : row + 8, column : column + 8] = digit
    return torch.tensor(pictures), Y[order], torch.tensor(columns, dtype=torch.float32)


def what_and_where(seed, unit, beta=1.0):
    """Accuracy of the digit and mean error of the column (pixels), with columns given in `unit` pixels."""
    pictures, kinds, columns = strips(seed)
    torch.manual_seed(seed)
    model = nn.Sequential(
        nn.Conv2d(1, 16, 3, stride=2, padding=1), nn.ReLU(),
        nn.Conv2d(16, 32, 3, stride=2, padding=1), nn.ReLU(),
        nn.Flatten(), nn.Linear(3 * 6 * 32, 11),
    )  # fmt: skip
    target = torch.stack([kinds.float(), columns / unit], dim=1)

    def both(z, t):
        return F.cross_entropy(z[:, :10], t[:, 0].long()) + beta * F.mse_loss(z[:, 10], t[:, 1])

    train(model, pictures[:1300], target[:1300], profile.pick(smoke=10, cpu=20, gpu=20), loss=both)
    z = outputs_of(model, pictures[1300:])
    miss = (z[:, 10] * unit - columns[1300:]).abs().mean().item()
    return (z[:, :10].argmax(dim=1) == kinds[1300:]).float().mean().item(), miss


settings = {"pixels, β = 1": (1, 1.0), "fraction, β = 1": (16, 1.0), "fraction, β = 256": (16, 256.0)}
balance = {}
for name, (unit, beta) in settings.items():
    balance[name] = np.mean(
        [what_and_where(seed, unit, beta) for seed in seeds[: profile.pick(smoke=1, cpu=3, gpu=5)]], axis=0
    )
    result(f"digit_accuracy_{name.replace(', β = ', '_beta_')}", balance[name][0], "%")
fig, axes = plt.subplots(1, 2, figsize=(9.4, 1.9))
plots.bars(
    list(balance), [v[0] for v in balance.values()], title="what: right digits", ax=axes[0], label="accuracy", unit="%"
)
plots.bars(
    list(balance), [v[1] for v in balance.values()], title="where: mean error", ax=axes[1], label="columns (pixels)"
)
plots.show(
    fig,
    alt="What and where by unit and weight: "
    + "; ".join(f"{n}: {a:.0%} right digits, {m:.2f} pixels off" for n, (a, m) in balance.items())
    + ".",
)
claim(
    "same weights, another unit: right digits gained",
    balance["fraction, β = 1"][0] - balance["pixels, β = 1"][0],
    lambda gap: gap > 0.1,
)
claim("squared error of the answer 0, in pixels", np.mean(np.arange(17.0) ** 2), 88.0)
claim("and the column gets worse", balance["fraction, β = 1"][1] > balance["pixels, β = 1"][1], True)

# %% [markdown]
# The unit is a hidden weight. In pixels the squared error starts near 88, beside 2.3 for the class, and the training
# looks at nothing else. As a fraction it is 256 times smaller, and with $\beta = 256$ the loss is again that of
# pixels (the network differs only in the scale of one output). So: bring the terms to comparable size first, **plot
# each term by itself**, then choose the weights by what you need.

# %% [markdown] topics=["I8"]
# ## Accuracy is a metric, not the loss
#
# You want accuracy. Why not train for it? **Before you run:** nudge one number of a trained network by a
# hundred-thousandth. Does the accuracy change? Does the loss?

# %%
learn, exam = split_digits(SEED)
model = mlp(64, 10)
train(model, *learn, epochs=3)
shift = np.linspace(-0.15, 0.15, 601)
swept = {"accuracy": [], "loss": []}
logits_learn = outputs_of(model, learn[0])
for by in shift:
    moved = logits_learn.clone()
    moved[:, 8] += float(by)  # the bias of the eight's logit
    swept["accuracy"].append((moved.argmax(dim=1) == learn[1]).float().mean().item())
    swept["loss"].append(F.cross_entropy(moved, learn[1]).item())
fig, axes = plt.subplots(1, 2, figsize=(9.2, 2.9))
axes[0].step(shift, 100 * np.array(swept["accuracy"]), where="mid")
axes[0].set(xlabel="change of one bias", ylabel="accuracy (%)", title="steps, flat in between")
axes[1].plot(shift, swept["loss"])
axes[1].set(xlabel="change of one bias", ylabel="cross-entropy (nats)", title="no steps, and a slope")
plots.show(
    fig,
    alt="Accuracy and loss on the training digits while one bias is changed. The accuracy moves in steps and is flat between them; the "
    f"loss is a smooth line from {swept['loss'][0]:.4f} to {swept['loss'][-1]:.4f} without any step.",
)
nudged = logits_learn.double()[None] + 1e-5 * torch.eye(10, dtype=torch.float64)[:, None]  # ten biases, one at a time
same = [(n.argmax(dim=1) == learn[1]).sum() == (logits_learn.argmax(dim=1) == learn[1]).sum() for n in nudged]
moved = [F.cross_entropy(n, learn[1]) != F.cross_entropy(logits_learn.double(), learn[1]) for n in nudged]
claim("ten small nudges: the accuracy stays, the loss moves", [int(sum(same)), int(sum(moved))], [10, 10])

# %% [markdown]
# Accuracy is flat almost everywhere, and where it is not flat it jumps: it has no slope to follow. The loss is a
# stand-in with a slope. They can disagree. Two models, four images, the probability that each gave to the truth.
# **Before you run:** which is more accurate? Which has the lower loss?

# %%
timid, bold = np.array([0.51, 0.51, 0.51, 0.51]), np.array([0.99, 0.99, 0.99, 0.45])
for name, given in {"timid": timid, "bold": bold}.items():
    print(f"{name}: accuracy {(given > 0.5).mean():.0%}, loss {-np.log(given).mean():.3f}")
claim("the timid one is more accurate", (timid > 0.5).mean() > (bold > 0.5).mean(), True)
claim("and has the higher loss", -np.log(timid).mean() > -np.log(bold).mean(), True)

# %% [markdown] topics=["I7"]
# ### How to choose a loss
#
# 1. **Target.** What form has the answer: one of many, any of many, a number, an area? That fixes the end of the
#    network.
# 2. **Slope.** Does it pull where the answer is wrong, most of all where it is sure and wrong?
# 3. **Alignment.** Does its smallest value mean what you want? (26.6 pixels did not.)
# 4. **Stability.** Does it take logits? Can a number overflow?
# 5. **Dynamics.** What should it be before the first step, and what is its floor? Do its terms have comparable sizes?
# 6. **Imbalance.** Who makes up the sum: the many easy ones, or those you care about?
# 7. **Metric.** Report what you want beside it, always.
#
# ## What texts get wrong
#
# Each cell tests a sentence from a widely read text. Change the numbers and try to save it.
#
# **"Softmax is only ever used at the output."** Any place where shares are wanted will do. *Attention* (Day 15) uses
# it inside: scores say how well each of three values fits a question, softmax makes weights of the scores, and the
# output is the weighted mean:

# %%
scores_of_three, values = np.array([2.0, 1.0, 0.0]), np.array([10.0, 20.0, 30.0])
attended = stable_softmax(scores_of_three) @ values
claim("attention over 10, 20, 30", attended, 14.25, tolerance=0.01, source="F38")
torch_attention = F.scaled_dot_product_attention(
    *(torch.tensor(v).reshape(1, -1, 1) for v in (np.array([1.0]), scores_of_three, values))
)
claim("PyTorch's attention layer", torch_attention.item(), attended, tolerance=1e-9, source="F38")

# %% [markdown]
# **"ReLU has no vanishing gradient, and leaky ReLU, with its slope of 0.01, is preferred for very deep networks."**
# ReLU's slope is 1 where it is on. But in a chain the weights are multiplied as well. And you saw that leaky ReLU has
# three slopes by default, 0.2, 0.3 and 0.01 (M37):

# %%
chain = torch.tensor(3.0, requires_grad=True)
signal = chain
for _ in range(20):
    signal = torch.relu(0.5 * signal)  # twenty layers with one weight of one half, ReLU on all the way
signal.backward()
claim("what comes through twenty layers", chain.grad.item(), 0.5**20, tolerance=1e-12, source="M37")
claim("is less than a millionth", chain.grad.item() < 1e-6, True, source="M37")

# %% [markdown]
# Day 7 does it with real layers. The well-known very deep networks (ResNets, Day 15) use plain ReLU.
#
# **"Cross-entropy measures the distance between two distributions, and log(0) makes it infinite."** A distance is
# symmetric, and zero between equals. Cross-entropy is neither. And what a zero costs depends on the code: Keras clips
# probabilities at $10^{-7}$, so there the price ends at 16.12 (M47):

# %%
one_way, other_way = np.array([0.9, 0.1]), np.array([0.5, 0.5])


def cross(t, p):
    return -(t * np.log(p)).sum()


claim(
    "there and back",
    [round(float(cross(a, b)), 3) for a, b in ((one_way, other_way), (other_way, one_way))],
    [0.693, 1.204],
    source="M47",
)
claim("of a distribution and itself: not zero", cross(one_way, one_way), 0.325, tolerance=1e-3, source="M47")

# %%
wrong_and_sure = in_keras(
    keras.losses.SparseCategoricalCrossentropy(), np.array([0]), np.array([[0.0, 1.0]], np.float32)
)
claim("Keras on a probability of 0", float(wrong_and_sure), 16.118, tolerance=1e-3, source="M47")

# %% [markdown]
# **"The outputs of the last layer are proportional to the class probabilities."** Logits may be negative, and adding
# a constant to all changes their proportions and no probability:

# %%
claim(
    "logits 2 and 1: the probabilities have the ratio",
    np.divide(*stable_softmax(np.array([2.0, 1.0]))),
    np.e,
    tolerance=1e-9,
    source="M58",
)
claim("logits 12 and 11: still", np.divide(*stable_softmax(np.array([12.0, 11.0]))), np.e, tolerance=1e-9, source="M58")

# %% [markdown]
# **"Temperature scaling divides the softmax outputs."** It divides the *logits*. Dividing the outputs and normalising
# again changes nothing; sending them through another softmax is softmax twice:

# %%
heat = 2.0
right_way = stable_softmax(logits / heat)
normalised_again = (p / heat) / (p / heat).sum()
claim(
    "outputs divided and normalised: the same as before",
    np.abs(normalised_again - p).max(),
    0,
    tolerance=1e-15,
    source="M68",
)
twice_softmax = stable_softmax(p / heat)
print(
    f"the bird's probability: {p[2]:.1%} before, {right_way[2]:.1%} at T = 2, {twice_softmax[2]:.1%} by softmax of the outputs"
)
claim("softmax of the outputs is something else", np.abs(twice_softmax - right_way).max() > 0.1, True, source="M68")

# %% [markdown]
# Some sentences were right: the prices of 71 %, 10 % and 1 % (T19), softmax and its winner (T20), `CrossEntropyLoss`
# as log-softmax with the negative logarithm (T22), integer and one-hot labels (T23), sigmoid as softmax of two (T24),
# and label smoothing (T34).
#
# ## Pitfalls
#
# | symptom | cause | fix |
# |---|---|---|
# | The loss stops near 1.46 (ten classes), the accuracy is fair | softmax in the model *and* in the loss | remove it from the model; apply it only when you show probabilities |
# | Keras: the loss is odd from the start, the accuracy hardly moves | logits into a loss that expects probabilities | `from_logits=True` |
# | The loss before the first step is far above $\log C$ | last layer or inputs too large | scale the inputs, look at the initialisation |
# | The loss is NaN after some steps | `exp` or `log` by hand | the framework's loss, from logits |
# | The loss is exactly $\log C$ for ever | all units dead, or slope zero elsewhere | count units that are off for all images |
# | Some classes are never answered | ReLU on the logits | no bend after the last layer |
# | A yes-or-no network always says 1 | softmax over a single unit | sigmoid |
# | Two labels are true, both get about a half | softmax where sigmoids belong | one sigmoid for each label |
# | One part of a summed loss does not fall | another part is many times as large | plot the parts, bring them to one scale |
# | The same model, another framework, another result | leaky ReLU with another slope | write the slope down |
# | PyTorch: "expected scalar type Long" or "0D or 1D target tensor expected" | labels as floats, or of shape (N, 1) | integer labels of shape (N,) |
#
# One of them to feel. **Before you run:** labels of shape (4, 1) and predictions of shape (4,), squared error. What
# happens?

# %%
prediction, column_of_labels = torch.tensor([1.0, 2.0, 3.0, 4.0]), torch.tensor([[1.0], [2.0], [3.0], [4.0]])
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    spread_out = F.mse_loss(prediction, column_of_labels).item()
print(str(caught[0].message).splitlines()[0][:130])
claim("perfect predictions, and the loss is", spread_out, 2.5)

# %% [markdown]
# Every prediction was compared with every label: 16 pairs instead of 4. A warning, no error. Look at shapes before
# you look at losses.
#
# ## Recap
#
# 1. Without a bend, layers in a row are one layer. ReLU is the usual bend; a unit that is off for every image is
#    dead, and the accuracy may not tell.
# 2. Softmax shares one cake; sigmoids are lamps. The sigmoid is the softmax of two. Temperature changes the
#    confidence, not the winner.
# 3. Cross-entropy is $-\log p_y$. It starts at $\log C$, its slope is softmax minus one-hot, and it pulls hardest
#    where the network is sure and wrong.
# 4. Hand the loss logits. Log-sum-exp keeps them finite; clipping only hides. Softmax twice still trains, slowly,
#    above 1.46 for ten classes.
# 5. A loss says what you care about: smoothing, focal, Huber, Dice, weighted sums. Report the metric beside it.
#
# ### Further reading
#
# - Bridle, *Probabilistic Interpretation of Feedforward Classification Network Outputs* (1990): where softmax got its
#   name.
# - Glorot, Bordes & Bengio, *Deep Sparse Rectifier Neural Networks* (2011): ReLU and sparsity.
# - Maas, Hannun & Ng, *Rectifier Nonlinearities Improve Neural Network Acoustic Models* (2013): leaky ReLU. Clevert,
#   Unterthiner & Hochreiter (2016): ELU. Hendrycks & Gimpel (2016): GELU.
# - Golik, Doetsch & Ney, *Cross-Entropy vs. Squared Error Training* (2013).
# - Szegedy et al., *Rethinking the Inception Architecture* (2016): label smoothing. Müller, Kornblith & Hinton, *When
#   Does Label Smoothing Help?* (2019).
# - Lin et al., *Focal Loss for Dense Object Detection* (2017). Milletari, Navab & Ahmadi, *V-Net* (2016): Dice as a
#   loss.
# - Blanchard, Higham & Higham, *Accurately Computing the Log-Sum-Exp and Softmax Functions* (2021).
#
# **Now you:** [the exercise of Day 6](../exercises/day_06_activations_and_losses.py). You will find dead units, write
# softmax and cross-entropy that nothing can break, choose the ends of eight networks, smooth labels, focus, and find
# the softmax that is one too many. Every check answers at once.
