# ---
# jupyter:
#   course:
#     budget_s:
#       cpu: 300
#       gpu: 300
#       smoke: 60
#     data:
#     - cifar10
#     day: 10
#     frameworks:
#     - keras
#     - torch
#     minutes: 90
#     title: Regularization
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
# # Day 10: Regularization
#
# **A network knows 500 pictures by heart. How do you make it learn what they have in common?**
#
# After this day you can (in brackets: the question of the exercise that asks for it)
#
# 1. write dropout and stochastic depth, and say what they do in training and in use [1, 3];
# 2. make weights decay, and say why L2 and decay are not the same thing [2];
# 3. write batch normalisation in both modes, with its running statistics [4];
# 4. mix two pictures and their labels by mixup and by CutMix [5, 6];
# 5. read an ablation table with its spread, and choose what fits your data [7].
#
# **Time** about 90 minutes, of which the machine trains two. **You need** the training loop with its two modes and its
# validation set (Day 9), Adam and AdamW (Day 8), label smoothing (Day 6).

# %% tags=["parameters"]
PROFILE = "auto"  # "smoke", "cpu", "gpu", or "auto": gpu where one is visible, else cpu
SEED = 0

# %%
import itertools

import keras
import matplotlib.pyplot as plt
import numpy as np
import torch
import torch.nn.functional as F
from keras import layers
from scipy import ndimage
from threadpoolctl import threadpool_limits
from torch import nn

from course_utils import data, plots, profiles
from course_utils.claims import claim, result

profile = profiles.start(PROFILE, seed=SEED, frameworks=("keras", "torch"))
torch.set_num_threads(1)  # the nets of this day are tiny: a second thread would only be in the way
threadpool_limits(1)  # and so it is for NumPy and scikit-learn
cifar = data.load("cifar10", profile=profile)
rng = np.random.default_rng(SEED)
print(cifar.source)

# %% [markdown] topics=["M1"]
# ## The idea: learnt, or learnt by heart?
#
# A pupil can pass Friday's test in two ways. She can understand the matter, or learn the answers by heart. On Friday
# nobody sees the difference. On Monday, with new questions, everybody does. A network is such a pupil. The training
# pictures are Friday's questions, the validation pictures are Monday's.
#
# How good is a network at learning by heart? Here is a small one, with two convolutions and two
# **residual blocks**. Such a block adds what its layers make of the input *to the input*: $x + f(x)$. The switches of
# `build` and `train` are the subject of this day; now all of them are off.

# %%
WIDTH, BATCH = 24, 50


class Residual(nn.Module):
    """x + ReLU(norm(conv(x))); in training the second term is left out for some images (stochastic depth)."""

    def __init__(self, channels, norm, survival):
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)
        self.norm = nn.BatchNorm2d(channels) if norm else nn.Identity()
        self.survival = survival

    def forward(self, x):
        branch = F.relu(self.norm(self.conv(x)))
        if self.training and self.survival < 1:
            branch = branch * (torch.rand(len(x), 1, 1, 1) < self.survival) / self.survival
        return x + branch


def build(norm=False, norm_after=False, dropout=0.0, spatial=0.0, survival=1.0):
    def stage(c_in, c_out, stride):
        before, after = ([nn.BatchNorm2d(c_out)] if on else [] for on in (norm, norm_after))
        convolution = nn.Conv2d(c_in, c_out, 3, stride=stride, padding=1)
        block = Residual(c_out, norm, survival)
        return [convolution, *before, nn.ReLU(), *after, nn.MaxPool2d(2), block, nn.Dropout2d(spatial)]

    head = [nn.Flatten(), nn.Dropout(dropout), nn.Linear(2 * WIDTH * 16, 10)]
    return nn.Sequential(*stage(3, WIDTH, 2), *stage(WIDTH, 2 * WIDTH, 1), *head)


def as_tensors(split):
    """Images as (N, C, H, W) from -1 to 1, and labels."""
    return torch.tensor(split.images).permute(0, 3, 1, 2) / 127.5 - 1, torch.tensor(split.labels)


def train(images, labels, seed, epochs, lr=0.005, augment=None, mix=None, decay=0.0, l1=0.0, smoothing=0.0, **switches):
    """Train a net with AdamW under a one-cycle schedule; (the net, mean loss of each epoch)."""
    torch.manual_seed(seed)
    model = build(**switches)
    optimiser = torch.optim.AdamW(model.parameters(), lr=lr, weight_decay=decay)
    steps = epochs * -(-len(images) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, lr, total_steps=steps)
    losses = []
    model.train()
    for _ in range(epochs):
        total = 0.0
        for chosen in torch.randperm(len(images)).split(BATCH):
            x, targets = images[chosen], F.one_hot(labels[chosen], 10).float()
            if augment:
                x = augment(x)
            if mix:
                x, targets = mix(x, targets)
            optimiser.zero_grad()
            loss = F.cross_entropy(model(x), targets, label_smoothing=smoothing)
            if l1:
                loss = loss + l1 * sum(p.abs().sum() for p in model.parameters() if p.ndim > 1)
            loss.backward()
            optimiser.step()
            schedule.step()
            total += loss.item() * len(chosen)
        losses.append(total / len(images))
    return model.eval(), losses


def examine(model, images, labels):
    """Accuracy and mean cross-entropy on some images, in the mode for use."""
    with torch.no_grad():
        logits = model.eval()(images)
    return (logits.argmax(1) == labels).float().mean().item(), F.cross_entropy(logits, labels).item()


claim("weights and biases", sum(p.numel() for p in build().parameters()), 44_770)

# %% [markdown]
# It gets 500 pictures of CIFAR-10 (150 in the profile smoke). Then the same pictures with labels drawn by lot, so that
# there is nothing to understand. **Before you run:** how many of the 500 labels does it know in the end? And how many of
# the random ones?

# %%
few = cifar.train.subset(profile.pick(smoke=150, cpu=500, gpu=500), seed=SEED)
held_back = cifar.validation.subset(profile.pick(smoke=100, cpu=1000, gpu=5000), seed=SEED)
x, y = as_tensors(few)
val_x, val_y = as_tensors(held_back)
by_lot = torch.tensor(rng.integers(0, 10, len(y)))
EPOCHS = profile.pick(smoke=40, cpu=25, gpu=25)

memorised, true_losses = train(x, y, SEED, EPOCHS)
parrot, lot_losses = train(x, by_lot, SEED, 2 * EPOCHS)
known, (unseen, unseen_loss) = examine(memorised, x, y)[0], examine(memorised, val_x, val_y)
known_by_lot = examine(parrot, x, by_lot)[0]
fig = plots.curves(
    {"true labels": true_losses, "labels by lot": lot_losses[:EPOCHS]},
    ylabel="training loss (nats)",
    caption=cifar.caption,
)
plots.show(
    fig,
    alt=f"Training loss over {EPOCHS} epochs. True labels: {true_losses[0]:.2f} to {true_losses[-1]:.3f}. Labels by lot start alike, fall later, and are at {lot_losses[EPOCHS - 1]:.2f} by then.",
)
result("known_by_heart", known, "%")
result("random_labels_known_by_heart", known_by_lot, "%")
result("unseen_pictures_right", unseen, "%")
result("loss_on_unseen_pictures", unseen_loss, "nats")
claim("true labels known by heart", known, lambda share: share > 0.95)
claim("random labels known by heart", known_by_lot, lambda share: share > 0.9)
claim(
    "the loss on unseen pictures is higher than on known ones by, at least",
    unseen_loss - examine(memorised, x, y)[1],
    lambda gap: gap > 0.05,
)

# %% [markdown]
# It learns the lots as well; it only takes longer. So a training accuracy of 100 % proves nothing: this network would
# have reached it on nonsense (Zhang et al., 2017). What counts is the other number. On real CIFAR-10 the validation
# accuracy stays far below, and the validation loss is above $\ln 10 = 2.3$, *worse than guessing*: the network is wrong,
# and sure of it. That is **overfitting**, and its signs are
#
# - a training loss that goes to zero while the validation loss rises;
# - a gap between training and validation accuracy;
# - confident mistakes.
#
# **Regularisation** is whatever narrows the gap. There are four families, and you get to know them in this order: keep
# the weights small, add noise inside, normalise, vary the pictures.
#
# ## Family 1: keep the weights small
#
# Add a price for large weights to the loss:
#
# $$ L + \lambda \sum w^2 \quad (\text{L2}) \qquad\qquad L + \lambda \sum |w| \quad (\text{L1}) $$
#
# with a strength $\lambda$ (lambda). **Before you run:** weights 3 and 0.03, $\lambda = 0.01$. What does each price, and
# which way does each pull?

# %%
w = np.array([3.0, 0.03])
claim("L2 price", 0.01 * (w**2).sum(), 0.090009, tolerance=1e-9)
claim("L1 price", 0.01 * np.abs(w).sum(), 0.0303, tolerance=1e-9)
claim("pull of L2: in proportion to the weight", 2 * 0.01 * w, np.array([0.06, 0.0006]), tolerance=1e-12)
claim("pull of L1: the same for both", 0.01 * np.sign(w), np.array([0.01, 0.01]))
in_keras = keras.regularizers.L2(0.01)(w)
claim("Keras' L2(0.01) is λ Σ w², without a half", float(in_keras), 0.090009, tolerance=1e-6, source="T30")


# %% [markdown] topics=["M2"]
# ### L2 is not weight decay
#
# Plain gradient descent with L2 makes every weight a little smaller in each step, by the same *share*. That is **weight
# decay**, and in plain SGD the two are one, up to a factor of two: PyTorch adds $\lambda w$ to the gradient, which belongs
# to $\frac{\lambda}{2} w^2$; Keras' `L2(λ)` has the gradient $2 \lambda w$. The same number in both is not the same
# strength.
#
# Adam divides a gradient by its own size (Day 8). **Before you run:** the loss is flat here, so that the penalty is
# the only gradient. What does one step of Adam with `weight_decay=0.1` and a rate of 0.01 take from 3, and what from 0.03?

# %%
def one_step(kind, **settings):
    weight = torch.tensor(w, requires_grad=True)
    weight.grad = torch.zeros_like(weight)
    kind([weight], lr=0.01, weight_decay=0.1, **settings).step()
    return w - weight.detach().numpy()


shrunk = {kind.__name__: one_step(kind) for kind in (torch.optim.SGD, torch.optim.Adam, torch.optim.AdamW)}
for name, taken in shrunk.items():
    print(f"{name:6} takes {taken.round(5)}, that is {(taken / w).round(4)} of the weights")
claim("Adam takes the same from both", shrunk["Adam"], np.array([0.01, 0.01]), tolerance=1e-5, source="M60")
claim("AdamW takes the share lr · λ", shrunk["AdamW"] / w, np.array([0.001, 0.001]), tolerance=1e-9, source="M60")
claim("and so does SGD", shrunk["SGD"], shrunk["AdamW"], tolerance=1e-12)

# %% [markdown]
# Adam with L2 takes a third of the small weight and nothing worth mentioning from the large one. **Decoupled decay**
# (AdamW) stays out of the gradient: $w \leftarrow (1 - \eta\lambda)\, w$, then the ordinary step. Use it with Adam. And
# let kernels decay only: a bias, or the $\gamma$ and $\beta$ of batch norm below, can hardly learn a picture by heart.
#
# ### How strong?
#
# Texts print 1e-4, or 1e-3. **Before you run:** a linear classifier on digits, with L2. We have 100 images. We choose
# $\lambda$ by **cross-validation**: split the images into five parts, train on four, test on the fifth, five times. Then
# the same with 1,000. Will the best $\lambda$ be the same?

# %%
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_score, train_test_split

digits = load_digits()
pictures, numbers = digits.images / 16, digits.target  # (1797, 8, 8) from 0 to 1
strengths = 10.0 ** np.arange(-6, 1)  # λ for the MEAN loss
scores = {}
for amount in (100, 1000):
    part = train_test_split(np.arange(len(numbers)), train_size=amount, stratify=numbers, random_state=SEED)[0]
    folds = StratifiedKFold(5, shuffle=True, random_state=SEED)
    scores[f"{amount} images"] = np.array(
        [
            cross_val_score(
                LogisticRegression(C=1 / (2 * strength * 0.8 * amount), max_iter=100, tol=1e-2),  # scikit-learn's C
                pictures[part].reshape(amount, 64), numbers[part], cv=folds,
            ).mean()
            for strength in strengths
        ]
    )  # fmt: skip
fig, ax = plt.subplots(figsize=(5.6, 2.8))
plots.curves(
    {name: 100 * s for name, s in scores.items()},
    x=strengths,
    xlabel="strength λ of L2 (no unit)",
    ylabel="accuracy in five folds (%)",
    ax=ax,
)
ax.set_xscale("log")
told = "; ".join(f"{name}: " + ", ".join(f"{v:.0%}" for v in s) for name, s in scores.items())
plots.show(
    fig, alt=f"Cross-validated accuracy over the strength of L2 from 1e-6 to 1. {told}. Both fall at the strong end."
)
best = {name: float(strengths[s.argmax()]) for name, s in scores.items()}
print("best strength:", best)
claim("parameters of this classifier: 64 pixels and a bias, ten times", (64 + 1) * 10, 650)
claim(
    "with 100 images, λ = 1 costs against the best, in points",
    100 * (scores["100 images"].max() - scores["100 images"][-1]),
    lambda p: p > 2,
)
claim("with 1,000 images the best λ is no larger", best["1000 images"] <= best["100 images"], True)

# %% [markdown] topics=["M15"]
# The curve is flat over several powers of ten, and then falls. So do not argue whether 1e-4 or 1e-3 is right: try powers
# of ten on *your* data. What is seen here holds widely: more data need less of it.
#
# The curve shows two other cures as well. **More data** lifts the whole curve, more than any $\lambda$ does. And
# **capacity** counts: this model has 650 parameters and cannot memorise much. A smaller network, early stopping (Day 9) and
# cross-validation, which uses a small set five times, come before any trick.
#
# ### L1 and zeros
#
# L1 pulls a small weight as hard as a large one, so it should push useless weights to *exactly* zero. **Before you run:**
# 20 inputs, of which three matter. We train with the L1 gradient, and count exact zeros. How many of the 17?

# %%
useful = np.zeros(20)
useful[:3] = 2, -3, 1.5
inputs = rng.normal(size=(200, 20))
outputs = inputs @ useful + 0.1 * rng.normal(size=200)


def descend(l1, l2, proximal, rate=0.03, steps=400):
    weights = 0.1 * np.random.default_rng(SEED).normal(size=20)
    for _ in range(steps):
        slope = inputs.T @ (inputs @ weights - outputs) / len(outputs) + l2 * weights
        if proximal:  # step, then pull by rate · l1, but never across zero
            weights = weights - rate * slope
            weights = np.sign(weights) * np.maximum(np.abs(weights) - rate * l1, 0)
        else:
            weights = weights - rate * (slope + l1 * np.sign(weights))
    return weights


by_gradient, by_threshold, elastic = descend(0.1, 0, False), descend(0.1, 0, True), descend(0.1, 0.5, True)
for name, weights in {"gradient": by_gradient, "threshold": by_threshold, "elastic net": elastic}.items():
    print(
        f"{name:12} exact zeros {np.sum(weights == 0):2}, the useful ones {weights[:3].round(2)}, largest other {np.abs(weights[3:]).max():.4f}"
    )
claim("exact zeros with the L1 gradient", np.sum(by_gradient == 0), 0, source="M61")
claim("exact zeros with the threshold", np.sum(by_threshold[3:] == 0), lambda n: n >= 15, source="M61")
claim("the useful weights are kept", np.all(by_threshold[:3] != 0), True)


# %% [markdown] topics=["M3"]
# None. The gradient jumps from one side of zero to the other and never lands. Exact zeros need a step that *stops* at zero,
# the **soft threshold**. Deep-learning optimisers have none, so with them L1 gives small weights, not zeros. L1 and L2
# together are called **elastic net**; its L2 part also shrinks the useful weights.
#
# ## Family 2: noise inside
#
# ### Dropout by hand
#
# **Dropout** sets random numbers to zero in training. At a rate $p$, each number is dropped with probability $p$. Then
# the next layer would get a smaller sum than it will get in use. So what is kept is divided by $1-p$: **inverted
# dropout**. In use, nothing happens. **Before you run:** the numbers 0.5, 0.2, 0.3, 0.8, 0.2 at the rate 0.5. The draw
# keeps the first, third and fifth. What comes out?

# %%
def dropout(x, kept, p):
    """Inverted dropout in training; kept: True where a number stays."""
    return kept * x / (1 - p)


activations, kept = np.array([0.5, 0.2, 0.3, 0.8, 0.2]), np.array([True, False, True, False, True])
claim("after dropout", dropout(activations, kept, 0.5), np.array([1, 0, 0.6, 0, 0.4]), tolerance=1e-12, source="T28")

many = rng.random((100_000, 5)) >= 0.3
claim(
    "mean over many draws, rate 0.3: the numbers themselves",
    dropout(activations, many, 0.3).mean(axis=0),
    activations,
    tolerance=0.01,
)
claim("share dropped at 0.3", 1 - many.mean(), 0.3, tolerance=0.01, source="T70")

ones = np.ones((1000, 50), "float32")
for p in (0.25, 0.5):
    layer, module = layers.Dropout(p, seed=SEED), nn.Dropout(p)
    seen = {
        "ours": dropout(ones, rng.random(ones.shape) >= p, p),
        "Keras": keras.ops.convert_to_numpy(layer(ones, training=True)),
        "PyTorch": module(torch.tensor(ones)).numpy(),
    }
    for name, values in seen.items():
        claim(
            f"rate {p}, {name}: values in training",
            np.unique(values),
            np.array([0, 1 / (1 - p)]),
            tolerance=1e-6,
            source="F35",
        )
    claim("in use: Keras", keras.ops.convert_to_numpy(layer(ones, training=False)), ones, source="F35")
    claim("in use: PyTorch", module.eval()(torch.tensor(ones)).numpy(), ones, source="F35")

# %% [markdown] topics=["M4"]
# Nothing is scaled in use, in any framework of today. The very first paper did it the other way round, multiplying by $1-p$
# in use; texts still copy that.
#
# Why does noise help? A unit cannot rely on one particular neighbour: it may be gone. Usual rates are 0.5 before the
# last dense layers, where most weights are, and 0.1 to 0.3 elsewhere. Start low, and raise it while the gap is wide.
#
# ### An ensemble of masks
#
# Five numbers have $2^5$ masks, so dropout trains 32 thinned networks that share their weights. In use we take none of
# them, but all numbers at once. **Before you run:** is the output in use the average of the 32 networks? With one linear
# layer? With a ReLU behind it?

# %%
weights = np.array([1.0, -2.0, 1.0, 0.5, -1.0])
all_masks = np.array(list(itertools.product([0, 1], repeat=5)))
thinned = dropout(activations, all_masks, 0.5) @ weights  # 32 networks
whole = activations @ weights
claim("linear: mean of 32 networks", thinned.mean(), whole, tolerance=1e-12)
print(
    f"with ReLU: the mean of 32 networks is {np.maximum(thinned, 0).mean():.3f}, the whole network says {max(whole, 0):.3f}"
)
claim("with ReLU they are equal", np.isclose(np.maximum(thinned, 0).mean(), max(whole, 0)), False)

# %% [markdown] topics=["M6"]
# Linear: exactly. Behind a ReLU: only roughly. One can also leave dropout on in use, ask many times, and look at how far the
# answers lie apart: **Monte Carlo dropout**, a cheap picture of doubt. Here it is for a net trained with dropout: two unseen
# pictures, the one it is most sure of and the one it is least sure of. Count how many of the 50 masks name the same class.

# %%
doubter, _ = train(x, y, SEED, profile.pick(smoke=10, cpu=15, gpu=15), dropout=0.5)
with torch.no_grad():
    sure = doubter(val_x).softmax(1).max(1).values
    pair = val_x[[sure.argmax().item(), sure.argmin().item()]]
    doubter.train()
    asked = torch.stack([doubter(pair).softmax(1) for _ in range(50)]).numpy()  # (50, 2, 10)
fig, axes = plt.subplots(1, 2, figsize=(8.6, 2.9), sharey=True)
for ax, answers, title in zip(axes, asked.transpose(1, 0, 2), ["surest picture", "least sure picture"], strict=True):
    ax.boxplot(100 * answers, tick_labels=cifar.class_names, medianprops={"color": plots.COLOURS[1]},
               boxprops={"color": plots.INK}, whiskerprops={"color": plots.INK}, capprops={"color": plots.INK},
               flierprops={"markeredgecolor": plots.INK, "markersize": 3})  # fmt: skip
    ax.set(title=title, xlabel="class")
    ax.tick_params(axis="x", rotation=60)
axes[0].set_ylabel("probability, 50 masks (%)")
fig.supxlabel(cifar.caption, fontsize=9, style="italic")
agreed = [np.bincount(named).max() for named in asked.argmax(axis=2).T]  # masks that name the most frequent class
plots.show(
    fig,
    alt=f"Box plots of the ten probabilities over 50 dropout masks. On the surest picture one class is ahead, named by {agreed[0]} of the 50 masks; on the least sure one the boxes overlap, and the most frequent answer comes from {agreed[1]}.",
)
claim("more masks agree on the surest picture than on the least sure one", agreed[0] > agreed[1], True)

# %% [markdown]
# ### Whole maps
#
# In a feature map, neighbours say nearly the same. **Before you run:** drop half of the pixels of a smooth map, one by
# one. Could the next layer guess them from the neighbours that are left?

# %%
from skimage import data as photos
from skimage.transform import resize

photo = resize(photos.chelsea()[:, 75:375], (96, 96), anti_aliasing=True)  # (96, 96, 3), from 0 to 1
smooth = ndimage.gaussian_filter(photo.mean(axis=2), 1.5)
stays = rng.random(smooth.shape) >= 0.5
around = ndimage.uniform_filter(stays * smooth, 5) / np.maximum(ndimage.uniform_filter(stays.astype(float), 5), 1e-9)
guessed = np.corrcoef(around[~stays], smooth[~stays])[0, 1]
claim("correlation of what was dropped with the guess from what stays", guessed, lambda r: r > 0.9, source="M80")

maps = torch.ones(1, 8, 4, 4)
torch.manual_seed(SEED)
whole_maps = F.dropout2d(maps, 0.5)[0].numpy().reshape(8, 16)
claim("Dropout2d: a map is all zero or all doubled", np.ptp(whole_maps, axis=1).max(), 0, source="T29")
claim("its values", set(whole_maps.ravel().tolist()) <= {0.0, 2.0}, True, source="T29")
by_pixel = layers.SpatialDropout2D(0.5, seed=SEED)(np.ones((1, 4, 4, 8), "float32"), training=True)
claim("Keras' SpatialDropout2D: the same", np.ptp(keras.ops.convert_to_numpy(by_pixel), axis=(1, 2)).max(), 0)

# %% [markdown] topics=["M5"]
# It could. Element-wise dropout takes away almost nothing that the neighbours do not tell. **Spatial dropout** drops
# whole maps: `SpatialDropout2D` in Keras, `Dropout2d` in PyTorch. (Each image of the batch loses other maps.)
#
# ### Stochastic depth
#
# One step further: drop a whole *branch* of a residual block. The block becomes $x$ in place of $x + f(x)$, so in
# training the network is shorter, each time in another way. The branch survives with probability $p$. Again training and
# use must agree in the mean. Three versions for $x = 2$, $f(x) = 3$, $p = 0.8$. **Before you run:** which of them agree?
#
# 1. training: $x + f$ or $x$; use: $x + p f$ (the paper);
# 2. training: $x + f/p$ or $x$; use: $x + f$ (inverted, as in the libraries of today);
# 3. training: $(x + f)/p$ or $x$; use: $x + f$ (printed in a widely read text).

# %%
value, branch, p = 2.0, 3.0, 0.8
versions = {
    "1 paper": (p * (value + branch) + (1 - p) * value, value + p * branch),
    "2 inverted": (p * (value + branch / p) + (1 - p) * value, value + branch),
    "3 printed": (p * (value + branch) / p + (1 - p) * value, value + branch),
}
for name, (training, use) in versions.items():
    print(f"{name:11} mean in training {training:.2f}, in use {use:.2f}")
claim("1: they agree", versions["1 paper"][0], versions["1 paper"][1], tolerance=1e-12)
claim("2: they agree", versions["2 inverted"][0], versions["2 inverted"][1], tolerance=1e-12)
claim(
    "3: apart by 0.2 · x",
    versions["3 printed"][0] - versions["3 printed"][1],
    0.2 * value,
    tolerance=1e-12,
    source="F50",
)

block = Residual(4, False, 0.8).train()
with torch.no_grad():
    one = torch.rand(1, 4, 5, 5)
    outputs_in_training = block(one.repeat(4000, 1, 1, 1)).mean(0)
    gap = (outputs_in_training - block.eval()(one)[0]).abs().max().item()
claim("our block: training and use differ in the mean by, at most", gap, 0, tolerance=0.05)

# %% [markdown] topics=["M12"]
# The third one scales the *skip* too. The input itself grows from block to block in training and not in use. In deep
# networks $p$ falls from 1 at the first block to about 0.5 at the last.
#
# ### Smooth labels
#
# Day 6 moved a little of the target to the other classes. That is the mean of noisy labels: with the probability
# $1-\varepsilon$ the right one, with $\varepsilon$ one of all classes by lot. Ours from NumPy against PyTorch:

# %%
logits = rng.normal(size=(4, 10))
truth = np.array([3, 1, 4, 1])
towards = (1 - 0.1) * np.eye(10)[truth] + 0.1 / 10
log_p = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
theirs = F.cross_entropy(torch.tensor(logits), torch.tensor(truth), label_smoothing=0.1).item()
claim("cross-entropy with smooth targets", -(towards * log_p).sum(axis=1).mean(), theirs, tolerance=1e-9, source="T34")
smoothed, _ = train(x, y, SEED, EPOCHS, smoothing=0.1)
with torch.no_grad():
    confidence = {
        name: net(val_x).softmax(1).max(1).values.mean().item()
        for name, net in {"plain": memorised, "smoothed": smoothed}.items()
    }
result("confidence_plain", confidence["plain"], "%")
result("confidence_smoothed", confidence["smoothed"], "%")
result("loss_on_unseen_pictures_smoothed", examine(smoothed, val_x, val_y)[1], "nats")
claim("smoothing lowers the confidence", confidence["smoothed"] < confidence["plain"], True)


# %% [markdown] topics=["M11"]
# Compare the confidence with the share of right answers above. The plain network is far too sure. The smoothed one pays
# less for its mistakes; whether it makes *fewer* is another question, which the table below answers.
#
# ## Family 3: batch normalisation
#
# **Batch norm** takes each channel by itself. In training, with the mean $\mu$ and the variance $\sigma^2$ of that channel
# over the whole batch (images, rows, columns):
#
# $$ y = \gamma\, \frac{x - \mu}{\sqrt{\sigma^2 + \varepsilon}} + \beta $$
#
# $\gamma$ and $\beta$ are learnt, so that the network can undo it. In use there may be a single image, so running averages
# of $\mu$ and $\sigma^2$ take their place. **Before you run:** one channel holds 1 and 3. What comes out, with
# $\gamma = 1, \beta = 0$? The running averages stand at 0 and 1 and move a tenth of the way. Where are they then?

# %%
class BatchNorm:
    """Batch norm for images (N, H, W, C), forward, in PyTorch's convention."""

    def __init__(self, channels, momentum=0.1, eps=1e-5):
        self.gamma, self.beta = np.ones(channels), np.zeros(channels)  # learnt
        self.mean, self.var = np.zeros(channels), np.ones(channels)  # collected
        self.momentum, self.eps = momentum, eps

    def __call__(self, x, training):
        mean, var = self.mean, self.var
        if training:
            mean, var = x.mean(axis=(0, 1, 2)), x.var(axis=(0, 1, 2))  # the sum over n, divided by n
            n = x.size / x.shape[-1]
            self.mean = self.mean + self.momentum * (mean - self.mean)
            self.var = self.var + self.momentum * (var * n / (n - 1) - self.var)  # divided by n - 1
        return self.gamma * ((x - mean) / np.sqrt(var + self.eps)) + self.beta


tiny = BatchNorm(1)
y_tiny = tiny(np.array([1.0, 3.0]).reshape(2, 1, 1, 1), training=True).ravel()
claim("1 and 3 become", y_tiny, np.array([-1.0, 1.0]), tolerance=1e-4, source="T31")
claim("running mean", tiny.mean, np.array([0.2]), tolerance=1e-12)
claim("running variance: 0.9 · 1 + 0.1 · 2", tiny.var, np.array([1.1]), tolerance=1e-12)
claim(
    "in use, 1 becomes (1 − 0.2) / √1.1",
    tiny(np.ones((1, 1, 1, 1)), training=False).item(),
    0.8 / 1.1**0.5,
    tolerance=1e-4,
)

# %% [markdown]
# Why 2 and not 1 in the running variance? A sample of $n$ numbers spreads a bit less than what it is drawn from; dividing
# by $n-1$ mends that. PyTorch uses $n$ for the batch and $n-1$ for the running average. Keras uses $n$ for both. And the
# word *momentum* means opposite things:
#
# | | PyTorch | Keras |
# |---|---|---|
# | new running mean | (1 − m) · old + m · batch | m · old + (1 − m) · batch |
# | default m | 0.1 | 0.99 |
# | variance for the running average | divided by n − 1 | divided by n |
# | default ε | 1e-5 | 1e-3 |
#
# **Before you run:** 8 images of 4 × 4 pixels. By what factor do the two running variances differ?

# %%
batches = [rng.normal(2.0, 3.0, (8, 4, 4, 3)).astype("float32") for _ in range(3)]
ours, in_torch = BatchNorm(3), nn.BatchNorm2d(3)
in_keras = layers.BatchNormalization(momentum=0.9, epsilon=1e-5)  # made alike
for batch in batches:
    mine = ours(batch, training=True)
    theirs = in_torch(torch.tensor(batch).permute(0, 3, 1, 2)).detach().permute(0, 2, 3, 1).numpy()
    keras_says = keras.ops.convert_to_numpy(in_keras(batch, training=True))
claim("training: PyTorch", theirs, mine, tolerance=1e-4)
claim("training: Keras", keras_says, mine, tolerance=1e-3)
claim("running mean: PyTorch", in_torch.running_mean.numpy(), ours.mean, tolerance=1e-5)
claim("running variance: PyTorch", in_torch.running_var.numpy(), ours.var, tolerance=1e-4)
keras_mean, keras_var = (keras.ops.convert_to_numpy(w) for w in (in_keras.moving_mean, in_keras.moving_variance))
n, faded = 8 * 4 * 4, 0.9**3  # what is left of the first 1 after three batches
claim("running mean: Keras", keras_mean, ours.mean, tolerance=1e-4)
claim(
    "running variance: Keras has n where we have n − 1",
    (keras_var - faded) * n / (n - 1),
    ours.var - faded,
    tolerance=1e-3,
)
claim("the factor", n / (n - 1), 128 / 127)

in_use = ours(batches[0], training=False)
claim(
    "use: PyTorch",
    in_torch.eval()(torch.tensor(batches[0]).permute(0, 3, 1, 2)).detach().permute(0, 2, 3, 1).numpy(),
    in_use,
    tolerance=1e-4,
)
ours.mean, ours.var = keras_mean, keras_var
claim(
    "use: Keras, from its own averages",
    keras.ops.convert_to_numpy(in_keras(batches[0], training=False)),
    ours(batches[0], training=False),
    tolerance=1e-3,
)
claim("numbers a channel: γ, β, running mean, running variance", in_keras.count_params() // 3, 4)
claim("of them learnt", sum(int(np.prod(w.shape)) for w in in_keras.trainable_weights) // 3, 2)
claim("collected numbers of norms with 32, 64, 128 and 512 channels", 2 * (32 + 64 + 128 + 512), 1472, source="F02")

# %% [markdown] topics=["M7"]
# Equal in both modes. Two of the four numbers a channel are learnt, two only collected: `summary()` counts the latter as
# *non-trainable*. A published model with norms of 32, 64, 128 and 512 channels reports 640 of them; there are
# 2 · (32 + 64 + 128 + 512) = 1,472 (F02, F03: it has four of these layers, and prints five).
#
# ### Where to put it
#
# Before the ReLU or after it? Texts say both, one says both on different pages. Let us see what a published architecture does:
# for every convolution of MobileNetV2, what comes next?

# %%
backbone = keras.applications.MobileNetV2(input_shape=(32, 32, 3), weights=None, include_top=False, alpha=0.35)
followers = set()
for layer in backbone.layers:
    if isinstance(layer, layers.Conv2D | layers.DepthwiseConv2D):
        node = layer._outbound_nodes[0]
        followers.add(type(node.operation).__name__)
print("a convolution is followed by", followers)
claim("what follows a convolution", followers, lambda kinds: kinds == {"BatchNormalization"}, source="F37")
claim("convolutions with a bias", sum(layer.use_bias for layer in backbone.layers if hasattr(layer, "use_bias")), 0)

# %% [markdown] topics=["M8"]
# **Convolution → batch norm → activation** is the convention (ResNet, MobileNet, EfficientNet; ResNet V2 and DenseNet put
# norm and ReLU *before* the convolution). The convolution needs no bias then: $\beta$ does its work. We take the convention, and
# measure the other order below.
#
# ### What it is good for, and where it fails
#
# The usual reason, that it reduces "internal covariate shift", is contested: Santurkar et al. (2018) found a smoother loss,
# and no less shift (M38). What is easily seen is that larger steps become possible. **Before you run:** ten times the
# learning rate, with and without.

# %%
speeds = {}
for rate, norm in itertools.product((0.005, 0.05), (False, True)):
    net, losses = train(x, y, SEED, profile.pick(smoke=15, cpu=10, gpu=10), lr=rate, norm=norm)
    speeds[rate, norm] = losses[-1]
    print(
        f"rate {rate:5}, {'with' if norm else 'without':7} batch norm: training loss {losses[-1]:.3f}, validation accuracy {examine(net, val_x, val_y)[0]:.1%}"
    )
    result(f"training_loss_rate_{str(rate).replace('.', '_')}_{'with' if norm else 'without'}_norm", losses[-1], "nats")
claim("at the high rate batch norm saves, in nats", speeds[0.05, False] - speeds[0.05, True], lambda nats: nats > 0)

# %% [markdown]
# And now where it fails. The statistics are those of a batch. **Before you run:** one image stays the same, its
# companions change. How far does its output wander, in batches of 2, 8, 32?

# %%
wander = {}
pool = rng.normal(size=(4000, 6))
subject = np.array([1.0, -1, 0.5, 2, 0, 1])
for size in (2, 8, 32):
    seen = []
    for _ in range(300):
        batch = np.vstack([subject, pool[rng.integers(0, 4000, size - 1)]]).reshape(size, 1, 1, 6)
        seen.append(BatchNorm(6)(batch, training=True)[0].ravel())
    wander[size] = np.std(seen, axis=0).mean()
    print(f"batch of {size:2}: its output wanders by {wander[size]:.2f} (standard deviation)")
claim("the larger the batch, the steadier", wander[2] > wander[8] > wander[32], True)
try:
    nn.BatchNorm2d(4)(torch.ones(1, 4, 1, 1))
    told = "nothing"
except ValueError as error:
    told = type(error).__name__
    print("PyTorch:", error)
claim("a batch of one with maps of 1 × 1", told, "ValueError", source="T32")


def group_norm(x, groups):
    """Each image by itself: its channels in groups, each group centred and scaled. groups=1 is a layer norm."""
    n, h, w, c = x.shape
    split = x.reshape(n, h, w, groups, c // groups)
    mean, var = split.mean(axis=(1, 2, 4), keepdims=True), split.var(axis=(1, 2, 4), keepdims=True)
    return ((split - mean) / np.sqrt(var + 1e-5)).reshape(x.shape)


for groups in (1, 2, 6):
    some = rng.normal(size=(2, 4, 4, 6))
    theirs = F.group_norm(torch.tensor(some).permute(0, 3, 1, 2), groups).permute(0, 2, 3, 1).numpy()
    claim(f"{groups} groups: PyTorch", theirs, group_norm(some, groups), tolerance=1e-6)

# %% [markdown] topics=["M9"]
# That wandering is a mild regulariser when batches are large, and plain trouble when they are small. **Layer norm** and
# **group norm** take each image by itself, do not know the batch, and have one mode only. Use group norm where only a few
# images fit into memory.
#
# ### Dropout before batch norm
#
# **Before you run:** numbers of variance 1 pass dropout at 0.5, then batch norm. Which variance does it see in training,
# and which in use?

# %%
signal = rng.normal(size=200_000)
in_training = dropout(signal, rng.random(signal.shape) >= 0.5, 0.5).var()
claim("variance in training", in_training, 2.0, tolerance=0.05, source="M69")
claim("variance in use", signal.var(), 1.0, tolerance=0.02, source="M69")


# %% [markdown] topics=["M10"]
# The running variance says 2, and in use 1 arrives: everything behind it is too small by $\sqrt 2$. This is the **variance
# shift** (Li et al., 2018). "Dropout after batch norm" mends it inside a block only; the *next* batch norm is behind that
# dropout again (M69). So: dropout after the last batch norm, before the last dense layer.
#
# ## Family 4: vary the pictures
#
# A cat that is moved by two pixels is a cat. **Augmentation** changes a training picture at random, in ways that keep its
# label. Three rules: fresh in each epoch, never on validation or test pictures, and only changes that the world makes too.
#
# The pictures here are arrays (height, width, 3) from 0 to 1. Each function gets a random generator, so a seed repeats
# it. Nothing is changed in place.

# %%
def flip(image, rng):
    return image[:, ::-1] if rng.random() < 0.5 else image


def shift(image, rng, most=0.15, mode="reflect"):
    rows, columns = (round(rng.uniform(-most, most) * side) for side in image.shape[:2])
    return ndimage.shift(image, (rows, columns, 0), order=0, mode=mode)


def rotate(image, rng, most=15, mode="reflect"):
    return ndimage.rotate(image, rng.uniform(-most, most), reshape=False, order=1, mode=mode).clip(0, 1)


def warp(image, matrix, mode="reflect"):
    """Rows and columns times a 2 × 2 matrix, about the centre."""
    centre = (np.array(image.shape[:2]) - 1) / 2
    planes = [
        ndimage.affine_transform(image[..., c], matrix, centre - matrix @ centre, order=1, mode=mode) for c in range(3)
    ]
    return np.stack(planes, axis=2).clip(0, 1)


def zoom(image, rng, most=0.25):
    return warp(image, np.eye(2) / (1 + rng.uniform(-most, most)))


def shear(image, rng, most=0.3):
    return warp(image, np.array([[1, 0], [rng.uniform(-most, most), 1]]))


def crop(image, rng, share=0.8):
    height, width = (int(share * side) for side in image.shape[:2])
    top, left = (rng.integers(0, side - part + 1) for side, part in zip(image.shape[:2], (height, width), strict=True))
    return resize(image[top : top + height, left : left + width], image.shape[:2])


def brightness(image, rng, most=0.3):
    return (image + rng.uniform(-most, most)).clip(0, 1)


def contrast(image, rng, most=0.5):
    return ((image - image.mean()) * (1 + rng.uniform(-most, most)) + image.mean()).clip(0, 1)


def saturation(image, rng, most=0.8):
    grey = image.mean(axis=2, keepdims=True)
    return (grey + (image - grey) * (1 + rng.uniform(-most, most))).clip(0, 1)


def noise(image, rng, most=0.1):
    return (image + rng.normal(0, most, image.shape)).clip(0, 1)


def blur(image, rng, most=1.5):
    return ndimage.gaussian_filter(image, (*(rng.uniform(0, most),) * 2, 0))


def cutout(image, rng, side=0.4):
    """Random erasing: a grey square somewhere, cut off at the border."""
    half = [int(side * n / 2) for n in image.shape[:2]]
    middle = [rng.integers(0, n) for n in image.shape[:2]]
    erased = image.copy()
    rows, columns = (slice(max(m - h, 0), m + h) for m, h in zip(middle, half, strict=True))
    erased[rows, columns] = 0.5
    return erased


TRANSFORMS = [flip, shift, rotate, zoom, shear, crop, brightness, contrast, saturation, noise, blur, cutout]
shown = [photo, *(transform(photo, np.random.default_rng(SEED + 3)) for transform in TRANSFORMS)]
before = photo.copy()
for number in range(3):  # RandAugment: two transforms drawn by lot, one after the other
    lot, variant = np.random.default_rng([SEED, number]), photo
    for transform in lot.choice(TRANSFORMS, 2, replace=False):
        variant = transform(variant, lot)
    shown.append(variant)
titles = ["the picture", *(transform.__name__ for transform in TRANSFORMS), *(f"two by lot, {k}" for k in (1, 2, 3))]
plots.show(
    plots.image_grid(shown, titles, columns=4),
    alt=f"A cat's face sixteen times: {', '.join(titles)}. It is recognisable as the same cat in all of them.",
)
claim("variants", len(shown), 16)
claim("the picture itself is unchanged", photo, before)

# %% [markdown] topics=["N1", "N2", "N3", "N9"]
# Geometry (flip, shift, crop, rotate, zoom, shear; perspective is a shear that grows with the row), appearance (brightness,
# contrast, saturation, noise, blur; hue turns the colours), and **cutout**, which hides a part so that the network looks at
# the rest as well. Each keeps the label *cat*. Note `.copy()` in `cutout`: without it the training set itself would get holes,
# more of them in each epoch.
#
# ### What comes in at the border?
#
# A shifted picture has an empty edge. The names are old acquaintances from Day 3:

# %%
modes = {"constant": "black", "nearest": "last pixel repeated", "reflect": "mirror", "grid-wrap": "other side (wrap)"}
moved = [ndimage.shift(photo, (0, 25, 0), order=0, mode=mode) for mode in modes]
plots.show(
    plots.image_grid(moved, [f"{'wrap' if 'wrap' in mode else mode}" for mode in modes], columns=4),
    alt="The cat, moved right by 25 pixels, with four fillings of the empty left edge: constant, black; nearest, streaks; reflect, a mirror image; wrap, the right edge of the picture comes in.",
)
claim("constant: the edge is black", moved[0][:, :25].max(), 0.0)
claim("nearest: the edge repeats column 0", moved[1][:, :25], np.repeat(photo[:, :1], 25, axis=1))
claim("wrap: the edge is the other side", moved[3][:, :25], photo[:, -25:])


# %% [markdown] topics=["N5"]
# Reflect invents the least conspicuous edge. Black edges are something that a network can learn, and that no
# validation picture has.
#
# ### Mixup and CutMix
#
# Two pictures can be mixed; then their labels must be mixed too. **Mixup** averages pixels and one-hot labels with the same
# share $\lambda$. **CutMix** pastes a box of the second picture. The box's sides are $\sqrt{1-\lambda}$ of the picture's,
# so that its *area* is $1-\lambda$. Two traps: the box is rounded to whole pixels, and it may hang over the border.
#
# In training $\lambda$ is drawn anew for each batch: uniformly for CutMix, and for mixup from a Beta distribution. The one that
# we take below is mostly near 0 or 1, so that one of the two pictures prevails.

# %%
def boxed(image, partner, share, middle):
    """A box of the partner, of the area 1 - share where it fits, around the middle; (the picture, share really kept)."""
    side = np.array(image.shape[:2])
    reach = (side * np.sqrt(1 - share)).astype(int) // 2
    (top, left), (bottom, right) = np.clip(middle - reach, 0, side), np.clip(middle + reach, 0, side)
    pasted = image.copy()
    pasted[top:bottom, left:right] = partner[top:bottom, left:right]
    return pasted, 1 - (bottom - top) * (right - left) / side.prod()


other = resize(photos.coffee()[:, 100:500], (96, 96), anti_aliasing=True)
cut_and_pasted, cat_left = boxed(photo, other, 0.7, np.array((20, 80)))
plots.show(
    plots.image_grid(
        [photo, other, 0.7 * photo + 0.3 * other, cut_and_pasted],
        ["cat", "coffee cup", "mixup, λ = 0.7", f"CutMix, {cat_left:.2f} cat"],
        columns=4,
    ),
    alt=f"The cat; a coffee cup; mixup, the cat with a pale cup over it; CutMix, the cat with a box of the cup at the upper right border, of which {cat_left:.0%} are cat.",
)

# %% [markdown]
# **Before you run:** 32 × 32 pixels, $\lambda = 0.75$. How many pixels does the box have in the middle? In the corner?
# How much cat is left in the label?

# %%
cat, cup = np.zeros((32, 32, 3)), np.ones((32, 32, 3))
for where, middle in {"middle": (16, 16), "corner": (0, 0)}.items():
    pasted, cat_share = boxed(cat, cup, 0.75, np.array(middle))
    print(f"{where}: box of {int(pasted[..., 0].sum())} pixels, cat share {cat_share:.4f}")
    claim("the label goes with the pixels", cat_share, 1 - pasted.mean(), tolerance=1e-12)
claim("in the middle", boxed(cat, cup, 0.75, np.array((16, 16)))[1], 0.75)
claim("in the corner", boxed(cat, cup, 0.75, np.array((0, 0)))[1], 1 - 64 / 1024)
off = [abs(boxed(cat, cup, s, rng.integers(0, 32, 2))[1] - s) for s in rng.random(500)]
print(
    f"the share that was drawn would be wrong by {np.mean(off):.1%} of the label on average, {np.max(off):.0%} at worst"
)
claim(
    "labels by the share drawn are wrong, on average by more than", np.mean(off), lambda gap: gap > 0.05, source="O06"
)

share = 0.7
soft = share * np.eye(10)[truth] + (1 - share) * np.eye(10)[truth[::-1]]
of_soft = -(soft * log_p).sum(axis=1).mean()
of_two = share * -log_p[np.arange(4), truth].mean() + (1 - share) * -log_p[np.arange(4), truth[::-1]].mean()
claim("mixup: the loss on the mixed label is the mix of the two losses", of_soft, of_two, tolerance=1e-12, source="T33")

# %% [markdown] topics=["N10", "N11"]
# In the corner three quarters of the box are lost, and the picture is 94 % cat. A label of 75 % would teach a falsehood.
# So count the *real* area. (The text's own version stops in today's NumPy: `np.int` is gone since 1.24.)

# %% [markdown] tags=["explorer"]
# ### Try it yourself: augmentation preview
#
# **Explorer: augmentation preview.** Eight draws of the same cat, now 64 × 64 pixels. Below each stands what was done to it. The
# labels stay hidden until you ask for them. Three things to try:
#
# 1. *Whose label?* Choose a draw and read the size of the pasted box. How much cat is left in its label? Then show the
#    labels. How many of the eight have the share λ = 0.7 that was asked for?
# 2. *When is it no cat any more?* Let nothing be mixed in. Raise the rotation to 180°, then the cutout to 90 % of the side.
#    Would you still say cat? Look at the mean of 1,000 draws: what is left of the cat there?
# 3. *Six or nine?* Take the digits, flipped and turned by up to 180°. Decide for each draw whether it is still a 6. Show the
#    labels: how many of 1,000 draws would teach a falsehood? Find strengths that teach none.

# %%
from course_utils import widgets

widgets.AugmentationPreview(seed=SEED)

# %% [markdown]
# ### When a flip is wrong
#
# **Before you run:** a linear classifier is trained on upright digits. Then we mirror the digits from left to right. Which
# digits does it still recognise?

# %%
learn, watch = train_test_split(np.arange(len(numbers)), train_size=200, stratify=numbers, random_state=SEED)
reader = LogisticRegression(max_iter=300).fit(pictures[learn].reshape(-1, 64), numbers[learn])
mirrored = reader.predict(pictures[watch][:, :, ::-1].reshape(-1, 64)) == numbers[watch]
recognised = np.array([mirrored[numbers[watch] == d].mean() for d in range(10)])
plots.show(
    plots.bars([f"digit {d}" for d in range(10)], recognised, label="mirrored digits recognised", unit="%"),
    alt="Share of mirrored digits that are recognised: "
    + ", ".join(f"{d}: {r:.0%}" for d, r in enumerate(recognised))
    + ".",
)
claim("0 and 8 survive", recognised[[0, 8]].min(), lambda r: r > 0.6)
claim("5 and 6 do not", recognised[[5, 6]].max(), lambda r: r < 0.2)


# %% [markdown] topics=["N4"]
# What is symmetric survives. A mirrored 2 is no digit at all, mirrored text is none either. CIFAR-10 may be flipped: a cat
# seen from the other side is a cat. And **X-rays**? A text says yes, "the lungs are symmetric". The heart lies on the left,
# the right lung has three lobes and the left one two: a flipped film shows a rare anomaly (F39). A flip may still raise
# a score there, but measure it, and know what you paint.
#
# ### How far to turn
#
# Texts rotate by ±10, ±15, ±20 or ±36 degrees. Keras' `RandomRotation(0.1)` sounds mild and *is* ±36: a tenth of a full turn.
# **Before you run:** we train on 200 digits, each turned eight times within ±r. Which r is best for upright validation
# digits? Which for digits that were scanned crooked, by 25 degrees? What happens to the *training* accuracy?

# %%
def turned(images, angle):
    return np.array([ndimage.rotate(image, a, reshape=False, order=1) for image, a in zip(images, angle, strict=True)])


RANGES, SEEDS = (0, 10, 20, 40, 90, 180), range(SEED, SEED + profile.pick(smoke=2, cpu=3, gpu=3))
rows = {"training": [], "validation, upright": [], "validation, turned by 25°": []}
for most in RANGES:
    found = []
    for seed in SEEDS:
        own = np.random.default_rng(seed)
        learn, watch = train_test_split(np.arange(len(numbers)), train_size=200, stratify=numbers, random_state=seed)
        watch = watch[:500]
        eight, classes = np.tile(learn, 8), np.tile(numbers[learn], 8)
        varied = turned(pictures[eight], own.uniform(-most, most, len(eight))).reshape(-1, 64)
        model = LogisticRegression(max_iter=300).fit(varied, classes)
        crooked = turned(pictures[watch], np.full(len(watch), 25.0))
        sets = (
            (varied, classes),
            (pictures[watch].reshape(-1, 64), numbers[watch]),
            (crooked.reshape(-1, 64), numbers[watch]),
        )
        found.append([model.score(*one) for one in sets])
    for name, mean in zip(rows, np.mean(found, axis=0), strict=True):
        rows[name].append(100 * mean)
fig, ax = plt.subplots(figsize=(6.4, 3))
plots.curves(rows, x=RANGES, xlabel="rotated in training by up to (degrees)", ylabel="accuracy (%)", ax=ax)
told = "; ".join(f"{name}: " + ", ".join(f"{v:.0f}" for v in values) for name, values in rows.items())
plots.show(
    fig,
    alt=f"Accuracy in per cent for training rotations of up to {RANGES} degrees. {told}. Training and upright fall from the start; crooked rises to a peak near 40 degrees.",
)
training, upright, crooked = rows.values()
claim("upright: no rotation is best, ±180 costs so many points", upright[0] - upright[-1], lambda points: points > 25)
claim("crooked: ±40 gains so many points over none", crooked[3] - crooked[0], lambda points: points > 20)
claim("training accuracy falls by so many points", training[0] - training[-1], lambda points: points > 20, source="M92")

# %% [markdown] topics=["N15"]
# On upright digits *every* rotation hurts: the digits were never crooked, so there is nothing to gain, and 6 and 9 meet at
# 180 degrees. On crooked ones it gains a lot, up to a point. There is no right range, only the range of *your* pictures: look at
# them, take what you see there, measure. For CIFAR-10, ±36 is much, ±15 plenty.
#
# And look at the training curve. A text says that too much augmentation makes a network *over*fit the augmented pictures.
# It is the reverse: training accuracy falls as well. That is **underfitting** (M92).
#
# ### Let the mistakes choose
#
# Augmentation can be chosen from mistakes: look at the confusion matrix, find a cause, add *one* transform, look again.
# The reader of upright digits meets crooked ones:

# %%
crooked_digits = turned(pictures[watch], np.full(len(watch), 25.0)).reshape(-1, 64)
before_and_after = {}
for most in (0, 30):
    varied = turned(pictures[eight], np.random.default_rng(SEED).uniform(-most, most, len(eight))).reshape(-1, 64)
    said = LogisticRegression(max_iter=300).fit(varied, classes).predict(crooked_digits)
    table = np.zeros((10, 10), int)
    np.add.at(table, (numbers[watch], said), 1)
    before_and_after[most] = table
wrong = before_and_after[0] - np.diag(np.diag(before_and_after[0]))
true_digit, answer = np.unravel_index(wrong.argmax(), wrong.shape)
print(
    f"most often confused: {true_digit} read as {answer}, {wrong.max()} times; with rotation {before_and_after[30][true_digit, answer]} times"
)
fig, axes = plt.subplots(1, 2, figsize=(10, 4.2))
for ax, (most, table) in zip(axes, before_and_after.items(), strict=True):
    plots.confusion(table, [str(d) for d in range(10)], title=f"trained with ±{most} degrees", ax=ax)
plots.show(
    fig,
    alt=f"Two confusion matrices of digits turned by 25 degrees. Without rotation in training many lie off the diagonal, most often {true_digit} read as {answer}; with ±30 degrees the diagonal is strong.",
)
claim(
    "the top confusion is rarer with the one transform",
    before_and_after[30][true_digit, answer] < wrong.max() / 2,
    True,
)

# %% [markdown] topics=["N13"]
# One cause, one transform, one measurement.
#
# ### In the frameworks
#
# In Keras augmentation is made of layers. **Before you run:** in a model, `RandomFlip` comes first. What does it do under
# `predict`?

# %%
picture_batch = np.tile(photo[None, :32, :32], (400, 1, 1, 1)).astype("float32")
flipping = layers.RandomFlip("horizontal", seed=SEED)
flipped = keras.ops.convert_to_numpy(flipping(picture_batch, training=True))
share_flipped = np.mean([not np.allclose(one, picture_batch[0]) for one in flipped])
claim("share flipped in training", share_flipped, 0.5, tolerance=0.1, source="T51")
claim(
    "in use: unchanged",
    keras.ops.convert_to_numpy(flipping(picture_batch, training=False)),
    picture_batch,
    source="T51",
)
claim("RandomRotation(0.1): degrees", 360 * 0.1, 36.0, source="M79")
pipeline = keras.Sequential(
    [
        layers.RandomFlip("horizontal"),
        layers.RandomRotation(15 / 360),
        layers.RandomZoom(0.1),
        layers.RandomContrast(0.2),
    ]
)
claim("shape after four layers", tuple(pipeline(picture_batch[:4], training=True).shape), (4, 32, 32, 3))

for chosen in (layers.RandAugment((0, 1), seed=SEED), layers.RandomErasing(value_range=(0, 1), seed=SEED)):
    out = keras.ops.convert_to_numpy(chosen(picture_batch[:4], training=True))
    claim(
        f"{type(chosen).__name__}: pictures changed",
        int(sum(not np.allclose(a, b) for a, b in zip(out, picture_batch[:4], strict=True))),
        lambda n: n > 0,
    )

# %% [markdown] topics=["N6", "N12"]
# Nothing in use: the layer knows the mode. So it may live inside the model, and be saved with it. Keras also has `MixUp`,
# `CutMix`, `RandAugment`, `AugMix` and some twenty more. **AutoAugment** searched for the best transforms with thousands of
# trainings; **RandAugment** draws them by lot with one common strength, and does about as well. You wrote it above in three
# lines.
#
# Old texts use `ImageDataGenerator` with `flow` and `flow_from_directory`; `datagen.fit` computes means for it. Where is it now?

# %%
from keras.src.legacy.preprocessing.image import ImageDataGenerator

print(ImageDataGenerator.__module__, "|", ImageDataGenerator.__doc__.strip().splitlines()[0])
claim("it says of itself", "DEPRECATED" in ImageDataGenerator.__doc__, True, source="O02")


class Compose:
    """One transform after the other, as torchvision's class of that name."""

    def __init__(self, *steps):
        self.steps = steps

    def __call__(self, image, rng):
        for step in self.steps:
            image = step(image, rng)
        return image


def normalise(image, rng):
    return (image - photo.mean(axis=(0, 1))) / photo.std(axis=(0, 1))


for_training, for_use = Compose(crop, flip, brightness, normalise), Compose(normalise)
views = [for_training(photo, np.random.default_rng(k)) for k in range(8)]
claim("training: different views of one picture", len({view.tobytes() for view in views}), 8)
claim("use: always the same", for_use(photo, rng), for_use(photo, np.random.default_rng(1)))

# %% [markdown] topics=["N7", "N8"]
# In its place: `keras.utils.image_dataset_from_directory` and layers, or tf.data (O03).
#
# In PyTorch the package torchvision has the transforms, chained by `Compose` as in our class. There are **two** chains:
#
# | | training | validation and use |
# |---|---|---|
# | size | `RandomResizedCrop(224)` | `Resize(256)`, `CenterCrop(224)` |
# | geometry | `RandomHorizontalFlip()`, `RandomAffine(10)` | – |
# | colour | `ColorJitter(...)`, in `RandomApply([...], p=0.5)` | – |
# | last | `Normalize(mean, std)` | the same `Normalize(mean, std)` |
#
# ### When the label is a place
#
# In detection the label is a box. If the picture moves, the box must move along. Medical pictures are bent as tissue bends
# (**elastic deformation**), and a mask is bent with them:

# %%
marked = np.zeros((96, 96, 3))
marked[20:50, 10:40] = 1  # the object, and its box: top, left, bottom, right
box = (20, 10, 50, 40)
mirrored_box = (box[0], 96 - box[3], box[2], 96 - box[1])
lit = np.argwhere(marked[:, ::-1, 0])
found_box = (*lit.min(axis=0).tolist(), *(lit.max(axis=0) + 1).tolist())
claim("the mirrored box fits the mirrored object", found_box, mirrored_box)

bend = [ndimage.gaussian_filter(rng.uniform(-1, 1, (96, 96)), 8) * 180 for _ in range(2)]
places = np.mgrid[:96, :96] + np.array(bend)
bent = np.stack([ndimage.map_coordinates(photo[..., c], places, order=1, mode="reflect") for c in range(3)], axis=2)
mask = photo.mean(axis=2) > 0.5
bent_mask = ndimage.map_coordinates(mask.astype(float), places, order=0, mode="reflect")
plots.show(
    plots.image_grid(
        [photo, bent, mask.astype(float), bent_mask], ["picture", "bent", "its mask", "bent alike"], columns=4
    ),
    alt="The cat, the cat bent smoothly, a mask of its bright parts, and the mask bent by the same field.",
)
claim("a mask stays a mask: its values", np.unique(bent_mask), np.array([0.0, 1.0]))


# %% [markdown] topics=["N14"]
# `order=0` for the mask: a label is copied, never averaged.
#
# ## The experiment: an ablation
#
# Now everything is at hand. Each cure is switched on **alone**, then some together, on the same 500 pictures, with the same
# seeds. Such a table is called an **ablation**. For speed the augmentations are written once more, for whole batches.

# %%
def flip_and_shift(batch, most=4):
    """Each image by itself: mirrored or not, and moved by up to `most` pixels; mirrored edges come in."""
    n, side = len(batch), batch.shape[-1]
    padded = F.pad(batch, (most,) * 4, mode="reflect")
    rows, columns = (torch.arange(side) + torch.randint(0, 2 * most + 1, (n, 1)) for _ in range(2))
    columns = torch.where(torch.rand(n, 1) < 0.5, columns, columns.flip(1))
    index = torch.arange(n)[:, None, None, None], torch.arange(3)[None, :, None, None]
    return padded[*index, rows[:, None, :, None], columns[:, None, None, :]]


def batch_cutout(batch, half=6):
    place, middle = torch.arange(batch.shape[-1]), torch.randint(0, batch.shape[-1], (2, len(batch), 1))
    hidden_rows, hidden_columns = (place - middle).abs() < half
    return batch * ~(hidden_rows[:, None, :, None] & hidden_columns[:, None, None, :])


def mixed(batch, targets):
    partner, kept = torch.randperm(len(batch)), torch.distributions.Beta(0.4, 0.4).sample()
    return torch.lerp(batch[partner], batch, kept), torch.lerp(targets[partner], targets, kept)


def cut_and_mixed(batch, targets):
    side, partner = batch.shape[-1], torch.randperm(len(batch))
    reach = int(side * torch.rand(()).sqrt()) // 2  # 1 - λ is uniform too
    (top, left), (bottom, right) = ((torch.randint(0, side, (2,)) + d).clamp(0, side) for d in (-reach, reach))
    bottom, right = torch.maximum(bottom, top), torch.maximum(right, left)
    batch = batch.clone()
    batch[:, :, top:bottom, left:right] = batch[partner][:, :, top:bottom, left:right]
    return batch, torch.lerp(targets, targets[partner], ((bottom - top) * (right - left) / side**2).float())


CHANGES = [
    lambda batch: batch,
    flip_and_shift,
    batch_cutout,
    lambda batch: batch + 0.3 * torch.randn(len(batch), 1, 1, 1),  # brightness
    lambda batch: batch * torch.empty(len(batch), 1, 1, 1).uniform_(0.6, 1.4),  # contrast
    lambda batch: batch + 0.2 * torch.randn_like(batch),  # noise
]


def two_changes(batch):
    """RandAugment: for each image two changes by lot, one after the other."""
    for _ in range(2):
        changed = torch.stack([change(batch) for change in CHANGES])  # (changes, N, C, H, W)
        batch = changed[torch.randint(0, len(CHANGES), (len(batch),)), torch.arange(len(batch))]
    return batch


SHIFTED = {"augment": flip_and_shift}
ARMS = {
    "nothing": {},
    "weight decay": {"decay": 0.5},
    "L1": {"l1": 3e-4},
    "dropout": {"dropout": 0.5},
    "spatial dropout": {"spatial": 0.2},
    "stochastic depth": {"survival": 0.5},
    "label smoothing": {"smoothing": 0.1},
    "batch norm": {"norm": True},
    "batch norm after ReLU": {"norm_after": True},
    "flip and shift": SHIFTED,
    "cutout": {"augment": batch_cutout},
    "RandAugment": {"augment": two_changes},
    "mixup": {"mix": mixed},
    "CutMix": {"mix": cut_and_mixed},
    "batch norm, flip and shift": {"norm": True, **SHIFTED},
    "the same, decay, smoothing": {"norm": True, "decay": 0.1, "smoothing": 0.1, **SHIFTED},
    "everything at once": {
        "norm": True, "decay": 0.5, "smoothing": 0.1, "dropout": 0.5, "spatial": 0.2, "survival": 0.5,
        "augment": lambda batch: batch_cutout(flip_and_shift(batch)), "mix": cut_and_mixed,
    },
}  # fmt: skip

# %% [markdown] topics=["M16"]
# Before a long run, one look that takes a second: is each switch really **on**? A published guide lists augmentation among
# its defences, defines it, and never puts it into the path of the data (F64); another sets the dropout rate of a network that
# has no dropout layer (F60). The test: with the same seed, a switch must change the first loss or the first step.

# %%
switched = {}
for name, switches in ARMS.items():
    net, losses = train(x[:BATCH], y[:BATCH], SEED, 2, **switches)
    switched[name] = torch.cat([p.detach().ravel() for p in net.parameters() if p.ndim > 1])
off = [name for name, end in switched.items() if name != "nothing" and torch.equal(end, switched["nothing"])]
claim("switches that change nothing", off, lambda names: names == [])

# %% [markdown]
# **Before you run** (a minute and a half on two cores): write down which single switch gains most, which lose, and where
# "everything at once" ends. Everyone recommends each of them, so the sum should be best. Should it not?

# %%
ablation_epochs = profile.pick(smoke=2, cpu=25, gpu=60)
seeds = range(SEED, SEED + profile.pick(smoke=2, cpu=3, gpu=5))
measured = {name: [] for name in ARMS}
for name, switches in ARMS.items():
    for seed in seeds:
        net, _ = train(x, y, seed, ablation_epochs, **switches)
        measured[name].append((examine(net, x, y)[0], *examine(net, val_x, val_y)))
measured = {name: np.array(rows) for name, rows in measured.items()}  # (seeds, 3)

baseline = measured["nothing"][:, 1]
gain, error = {}, {}
print(f"{'switched on':28} training  validation  loss   gain ± standard error (points)")
for name, rows in measured.items():
    paired = 100 * (rows[:, 1] - baseline)  # the same seeds: compare seed by seed
    gain[name], error[name] = paired.mean(), np.sqrt(paired.var(ddof=1) / len(paired))
    train_mean, val_mean, loss_mean = rows.mean(axis=0)
    print(f"{name:28} {train_mean:7.1%} {val_mean:10.1%} {loss_mean:8.2f} {gain[name]:+7.1f} ± {error[name]:.1f}")
    key = name.replace(", ", "_").replace(" ", "_").lower()
    result(f"validation_accuracy_{key}", val_mean, "%")
    result(f"training_accuracy_{key}", train_mean, "%")
    result(f"validation_loss_{key}", loss_mean, "nats")

# %%
means, deviations = ([f(rows[:, 1]) for rows in measured.values()] for f in (np.mean, lambda v: np.std(v, ddof=1)))
fig = plots.bars(
    list(measured),
    means,
    deviations,
    label="validation accuracy, mean ± standard deviation over seeds",
    unit="%",
    accent="nothing",
    caption=cifar.caption,
)
told = "; ".join(f"{name} {m:.1%} ± {d:.1%}" for name, m, d in zip(measured, means, deviations, strict=True))
plots.show(
    fig,
    alt=f"Validation accuracy of {len(ARMS)} variants with its standard deviation over {len(list(seeds))} seeds. {told}.",
)
claim("seeds alike for all arms", {rows.shape for rows in measured.values()}, lambda shapes: len(shapes) == 1)
claim(
    "everything at once fits its training pictures worse than nothing does",
    measured["everything at once"][:, 0].mean() < measured["nothing"][:, 0].mean(),
    True,
)

# %% [markdown] topics=["M14"]
# In the profile smoke only the machinery is tried: a few steps on drawn sample pictures. What follows is what we measured with
# 500 pictures of CIFAR-10 in the profile cpu, three seeds; compare with your own table.
#
# - **Some cures do nothing alone.** Weight decay, L1, label smoothing and mixup end within about a point of nothing. Cutout,
#   spatial dropout and stochastic depth gain a point or two, about as much as three seeds scatter: no finding yet.
# - **Two gain clearly:** flip and shift, and batch norm. RandAugment, dropout and CutMix gain about half as much. Flip and shift
#   *with* batch norm gain nearly the sum of both. There are only 500 pictures, and flipping makes more of them.
# - **The place counts.** Batch norm *after* the ReLU gained little here; in the usual place it gained a lot.
# - **Look at the loss as well.** Label smoothing and mixup cut the validation loss to about half and leave the accuracy where it
#   was. They cure the *confidence*, not the mistakes. If you need probabilities, that is a lot.
# - **More is not better.** Decay and smoothing on top of the best pair added nothing. And **everything at once** ended far below
#   the pair, at the level of no regularisation or under it. The training column tells why: it does not even learn its own
#   pictures any more. That is underfitting. Each cure costs capacity or time, and the costs add up.
#
# So combine with care: start with augmentation that fits the pictures and batch norm in its usual place; look at the gap; as
# long as training accuracy is far above validation accuracy, add *one* thing, weakly, and measure over seeds. When the training
# accuracy is low, take something *away*, or train longer. Large networks and long trainings bear more than this small one; with
# ten times the epochs CutMix would look better, since it makes the task harder. Search strengths by powers of two or ten, on a
# grid or by the methods of Day 19. Gains of others' tables ("augmentation +3 to 5 points") are those of their network, data
# and epochs (U05).
#
# ## What texts get wrong
#
# **"At inference, dropout outputs are scaled by the keep probability."** You saw both frameworks leave the ones alone (F35);
# nor is there any scaling that "the framework handles" then (M81):

# %%
alone = np.ones((1, 6), "float32")
for p in (0.1, 0.5, 0.9):
    claim(
        f"a rate of {p}, in use",
        keras.ops.convert_to_numpy(layers.Dropout(p)(alone, training=False)),
        alone,
        source="M81",
    )

# %% [markdown]
# **"L2 regularisation: `Adam(weight_decay=...)`, for the penalty $\lambda \sum w^2$."** In Adam it shrank 3 and 0.03 by the same
# 0.01. And the factor of two:

# %%
claim(
    "gradient of λ Σ w² at 3, λ = 0.01, against what PyTorch adds",
    2 * 0.01 * 3 / (0.01 * 3),
    2.0,
    tolerance=1e-12,
    source="M60",
)

# %% [markdown]
# **"L1 gives exact zeros"**, shown with an SGD code. It gave none (M61).
#
# **"A stochastic-depth block divides its output by the survival probability."** It must divide the branch alone. Through
# ten blocks with $p = 0.8$ and empty branches, the input of the printed version grows in the mean by

# %%
claim("(0.8 / 0.8 + 0.2)¹⁰", (0.8 / 0.8 + 0.2) ** 10, 6.19, tolerance=0.01, source="F50")

# %% [markdown]
# **"Batch norm after the activation is the modern convention."** No convolution of MobileNetV2 does it; the same holds for
# the ResNet and EfficientNet backbones (F37).
#
# **"Convolutions need only weak dropout, because pixels are correlated."** The correlation makes element-wise dropout weak in
# its effect; the answer is to drop maps (M80).
#
# **"Put dropout after batch norm, and its statistics stay true."** The next one sees variance 2 (M69).
#
# **"Do not put strong dropout and L2 on the same layer"**, above code that does exactly that (M18). It is no law. Here is
# the pair, measured:

# %%
both = [examine(train(x, y, seed, ablation_epochs, dropout=0.5, decay=0.5)[0], val_x, val_y)[0] for seed in seeds]
result("validation_accuracy_dropout_and_decay", np.mean(both), "%")
pair_error = np.sqrt(np.var(both, ddof=1) / len(both))
print(
    f"dropout alone {measured['dropout'][:, 1].mean():.1%}, decay alone {measured['weight decay'][:, 1].mean():.1%}, both {np.mean(both):.1%} ± {pair_error:.1%}"
)
claim("seeds behind it", len(both), len(baseline), source="M18")

# %% [markdown]
# **"±36° is slightly angled."** It is what `RandomRotation(0.1)` does, and much for photographs (M79). **"Excessive rotation cost
# weeks"** is an anecdote (U17); you have a curve.
#
# **"Too much augmentation overfits."** It underfits (M92). **"Augmentation is part of the defence"**, in a guide whose network
# never gets it (F64): check each switch, as we did. **"Flip X-rays, lungs are symmetric"** (F39): they are not.
#
# **"Elastic net is often best"** (U14), **"batch norm trains 2 to 3 times as fast"** (U08): no source, no runs. Measure.
#
# Three more were tested on the way. **"640 parameters are not trained."** Two for each of the channels that are normed (F02).
# **"λ is the share that stays in CutMix."** Not at the border (O06). **"Augment with ImageDataGenerator."** Its own
# documentation says that it is out of use (O02).
#
# ## Pitfalls
#
# | symptom | cause | fix |
# |---|---|---|
# | Fine in training mode, poor in use | batch norm's averages have seen too few batches: Keras' 0.99 needs hundreds | more steps, or `momentum=0.9` |
# | Ported weights behave differently after more training | momentum means the opposite in the other framework | 0.1 in PyTorch is 0.9 in Keras |
# | `ValueError: Expected more than 1 value per channel` | a last batch of one image, behind global pooling | `drop_last=True`, or group norm |
# | Training accuracy is *below* validation accuracy | augmentation and dropout act in training only | nothing; evaluate training images in use mode |
# | Augmentation changes nothing | defined, but not in the path of the data, or cached behind it (Day 9) | look at one batch twice |
# | The training set decays from epoch to epoch | cutout or CutMix wrote into it in place | copy first |
# | CutMix labels seem noisy | share drawn instead of real area | count the pixels |
# | All pictures become alike, both accuracies low | too much at once | take away, or train longer |
# | Weight decay spoils batch norm's γ | everything decays | kernels only |
#
# ## Recap
#
# 1. A network can learn even random labels by heart; only unseen pictures tell what it has learnt.
# 2. Dropout, spatial dropout and stochastic depth are noise in training, scaled there, and nothing in use.
# 3. Batch norm takes the batch in training and running averages in use; conventions of momentum and variance differ.
# 4. Decay is not L2 under Adam; exact zeros need a threshold; the strength depends on the data.
# 5. Augment as the world does, mix labels by real areas, switch on one thing at a time, and compare over seeds.
#
# ### Further reading
#
# - Zhang et al., *Understanding Deep Learning Requires Rethinking Generalization* (2017): random labels.
# - Srivastava et al., *Dropout* (2014). Huang et al., *Deep Networks with Stochastic Depth* (2016).
# - Ioffe & Szegedy, *Batch Normalization* (2015). Santurkar et al., *How Does Batch Normalization Help Optimization?* (2018).
# - Wu & He, *Group Normalization* (2018). Li et al., *Understanding the Disharmony between Dropout and Batch Normalization* (2018).
# - Loshchilov & Hutter, *Decoupled Weight Decay Regularization* (2019).
# - Zhang et al., *mixup* (2018). Yun et al., *CutMix* (2019). DeVries & Taylor, *Cutout* (2017). Cubuk et al., *RandAugment* (2020).
#
# **Now you:** [the exercise of Day 10](../exercises/day_10_regularization.py). You will write dropout, decay, stochastic depth,
# batch norm, mixup and CutMix, and judge an ablation. Every check answers at once.
