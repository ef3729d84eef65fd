# ---
# jupyter:
#   course:
#     budget_s:
#       cpu: 300
#       gpu: 300
#       smoke: 60
#     data:
#     - cifar10
#     day: 4
#     frameworks:
#     - keras
#     - torch
#     minutes: 90
#     title: Pooling
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
# # Day 4: Pooling
#
# **What may a network forget, and does a picture that moves by one pixel stay the same picture?**
#
# After this day you can (in brackets: the question of the exercise that asks for it)
#
# 1. work out max and average pooling for any window, stride and padding, by hand and in code [1, 2];
# 2. pool a map of any size into as many bins as you want, down to a single one [3];
# 3. say which pixels the gradient reaches through a pooling layer, and write it [4];
# 4. count the parameters of a network's head, and say what flattening and global pooling keep [5, 7];
# 5. measure what a shift does to a pooled map, and choose by it how to shrink [6, 7].
#
# **Time** about 90 minutes. **You need** Day 3: output size with its floor, stride, the five paddings. From Day 1:
# *equivariant* (the output moves along), *invariant* (the output stays), dense layer, softmax, ReLU.

# %% tags=["parameters"]
PROFILE = "auto"  # "smoke", "cpu", "gpu", or "auto": gpu where one is visible, else cpu
SEED = 0

# %%
import matplotlib.pyplot as plt
import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from course_utils import data, layouts, plots, profiles, reference
from course_utils.claims import claim, result
from course_utils.reference import KERNELS

profile = profiles.start(PROFILE, seed=SEED, frameworks=("keras", "torch"))

# %% [markdown]
# ## The idea: a shorter report
#
# A feature map is a report. For every place it says how well the picture fits the kernel there. One filter on a photo
# of 224 × 224 pixels writes 50,176 numbers, and the next layer has to read them all, for every filter. Who needs to
# know to the pixel where the edge was? So let four neighbours send one number together. There are two natural
# questions to ask them:
#
# - *Was it there at all?* Keep the **largest**: **max pooling**.
# - *How much of it was there?* Keep the **mean**: **average pooling**.
#
# A window slides over the map, as a kernel does, but it carries no weights. Usually it jumps by its own length, so
# that the windows lie side by side. **Before you run:** work out both answers for the four windows on paper.

# %%
feature_map = np.array([[12, 20, 3, 14], [8, 4, 11, 8], [13, 2, 6, 22], [7, 10, 19, 1]])
blocks = [(0, 0, 2, 2), (0, 2, 2, 2), (2, 0, 2, 2), (2, 2, 2, 2)]  # row, column, height, width
largest = np.array([feature_map[r : r + h, c : c + w].max() for r, c, h, w in blocks]).reshape(2, 2)
mean = np.array([feature_map[r : r + h, c : c + w].mean() for r, c, h, w in blocks]).reshape(2, 2)
fig, axes = plt.subplots(1, 3, figsize=(7.6, 3), width_ratios=[4, 2, 2])
cells = [(0, 0, 1, 1), (0, 1, 1, 1), (1, 0, 1, 1), (1, 1, 1, 1)]
plots.pixels(feature_map, "feature map", axes[0], highlight=blocks, labels=False, limits=(0, 22))
plots.pixels(largest, "max pooling", axes[1], highlight=cells, labels=False, limits=(0, 22))
plots.pixels(mean, "average pooling", axes[2], highlight=cells, labels=False, limits=(0, 22))
plots.show(
    fig,
    alt=f"A map of 4 by 4 numbers, {feature_map.tolist()}, cut into four windows of 2 by 2. Max pooling gives "
    f"{largest.tolist()}, average pooling {mean.tolist()}.",
)
claim("numbers in a map of 224 × 224", 224 * 224, 50_176, source="T17")
claim("max pooling", largest, np.array([[20, 14], [13, 22]]), source="T02")
claim("share of the numbers that is dropped", 1 - largest.size / feature_map.size, 0.75, source="T02")


# %% [markdown] topics=["E1"]
# In symbols, for a window of $k \times k$ that moves by $s$:
#
# $$ \text{max:} \quad P[i, j] = \max_{0 \le m, n < k} I[s\,i + m,\; s\,j + n] \qquad\qquad \text{average:} \quad P[i, j] = \frac{1}{k^2} \sum_{m=0}^{k-1} \sum_{n=0}^{k-1} I[s\,i + m,\; s\,j + n] $$
#
# | symbol | what it is |
# |---|---|
# | $I[r, c]$ | the map to be pooled: the number in row $r$, column $c$ |
# | $P[i, j]$ | the **pooled map**: one number for each window |
# | $k$, $s$ | side of the window, and stride; frameworks take $s = k$ unless you say otherwise |
#
# With channels, each channel is pooled by itself: as many maps come out as went in. How long the output is you know
# from Day 3: $\lfloor (n - k)/s \rfloor + 1$. In code it is two lines. The windows come without copying (Day 2),
# every `stride`-th is kept, and `how` makes one number of each.

# %%
def pool(image, k, stride, how):
    """Every window of k × k to one number; how: np.max, np.mean, ..."""
    windows = sliding_window_view(image, (k, k))[::stride, ::stride]
    return how(windows, axis=(2, 3))


claim("two lines, the same numbers", pool(feature_map, 2, 2, np.max), largest)
claim("and for the mean", pool(feature_map, 2, 2, np.mean), mean)
window = np.array([[3, 7], [4, 9]])
claim("largest of 3 7 4 9", pool(window, 2, 2, np.max).item(), 9, source="T03")
claim("mean of 3 7 4 9", pool(window, 2, 2, np.mean).item(), 5.75, source="T03")

# %% [markdown]
# ## Presence or amount?
#
# When do the two questions give different reports? Take two windows of 4 × 4. In one, a single place has found
# something. In the other, all have found a little. **Before you run:** which window wins by max, which by mean?

# %%
spot, texture = np.zeros((4, 4)), np.full((4, 4), 2.0)
spot[1, 2] = 9
reports = np.array([[pool(picture, 4, 4, how).item() for how in (np.max, np.mean)] for picture in (spot, texture)])
print("        max    mean")
for name, (most, average) in zip(("spot", "texture"), reports, strict=True):
    print(f"{name:8s}{most:3g}  {average:6.4f}")
claim("by max the spot wins", reports[0, 0] > reports[1, 0], True)
claim("by mean the texture wins", reports[1, 1] > reports[0, 1], True)

# %% [markdown]
# Max pooling is made for things that are there or not, such as a corner of an eye. Average pooling is made for things
# that come in amounts, such as grass. And when there is *nothing*, only noise? **Before you run:** a map of random
# numbers with mean 0 and standard deviation 1 is pooled by 2 × 2. Guess mean and standard deviation after each
# pooling.

# %%
noise = np.random.default_rng(SEED).normal(size=(800, 800))
for name, how in {"max": np.max, "mean": np.mean}.items():
    pooled = pool(noise, 2, 2, how)
    print(f"{name:5s} mean {pooled.mean():6.3f}, standard deviation {pooled.std():.3f}")
claim("max of four: the mean rises to about", pool(noise, 2, 2, np.max).mean(), lambda m: abs(m - 1.03) < 0.02)
claim("mean of four: the noise is halved, to about", pool(noise, 2, 2, np.mean).std(), lambda s: abs(s - 0.5) < 0.01)

# %% [markdown]
# Averaging quiets noise; max pooling *believes* it. Of four accidents it reports the largest. Both can be right:
# behind a good filter and a ReLU most of a map is zero, and the largest number is the one that means something.
#
# On a photograph you can see the difference. The third way is the plainest: keep every fourth pixel and throw the
# others away, **subsampling**. A convolution with stride 4 does just that to its map (Day 3). **Before you run:** the
# legs of the tripod are bright metal with a thin dark line along each. What will each of the three make of metal and
# line?

# %%
from skimage import data as photos

camera = photos.camera() / 255
quarter = {
    "max pooling": pool(camera, 4, 4, np.max),
    "average pooling": pool(camera, 4, 4, np.mean),
    "every 4th pixel": camera[::4, ::4],
}
fig, axes = plt.subplots(1, 4, figsize=(9.6, 2.7))
plots.image(camera[130:, 90:472], "photo", axes[0])
for ax, (title, small) in zip(axes[1:], quarter.items(), strict=True):
    plots.image(small[32:, 22:118], title, ax)
brightness = {name: small.mean() for name, small in quarter.items()}
told = ", ".join(f"{name} {value:.2f}" for name, value in brightness.items())
plots.show(
    fig,
    alt="A man with a camera on a tripod, and the photo at a quarter of its side. Max pooling is brighter: the legs "
    "of the tripod turn white and thick, the dark lines along them are gone; average pooling is soft; every fourth pixel is "
    "sharp and jagged. "
    f"Mean brightness: the photo {camera.mean():.2f}, {told}.",
)
claim("average pooling keeps the mean", brightness["average pooling"], camera.mean(), tolerance=1e-12)
claim("max pooling raises it", brightness["max pooling"] > camera.mean() + 0.05, True)

# %% [markdown] topics=["E2"]
# Average pooling *is* a convolution, with four weights of 1/4 and stride 2 (Day 3). Max pooling is not: no weighted
# sum can do it. A weighted sum of two maps added is the sum of the two results. The largest of a sum is not the sum
# of the largest:

# %%
one, other = np.array([[5, 0], [0, 0]]), np.array([[0, 0], [0, 5]])
claim(
    "mean of the sum, sum of the means",
    np.array([(one + other).mean(), one.mean() + other.mean()]),
    np.array([2.5, 2.5]),
)
claim(
    "largest of the sum, sum of the largest",
    np.array([(one + other).max(), one.max() + other.max()]),
    np.array([5, 10]),
)

# %% [markdown]
# ## Windows that overlap, sides that do not divide
#
# Nothing forces the stride to be the window's length. AlexNet pools windows of 3 × 3 with stride 2, and so does the
# first pooling layer of ResNets; neighbouring windows share a row or a column. The opposite happens with a window of
# 2 × 2 on an odd side: the last row and column are in no window. **Before you run:** for 5 × 5 pixels, write down in
# how many windows each pixel lies, for 3 × 3 with stride 2 and for 2 × 2 with stride 2.

# %%
numbers = np.arange(25).reshape(5, 5)
reads = {}
for k in (3, 2):
    windows = sliding_window_view(numbers, (k, k))[::2, ::2]
    reads[k] = np.bincount(windows.ravel(), minlength=25).reshape(5, 5)
fig, axes = plt.subplots(1, 2, figsize=(6, 3))
for ax, (k, counts) in zip(axes, reads.items(), strict=True):
    plots.pixels(counts, f"{k} × {k}, stride 2", ax, labels=False, limits=(0, 4))
told = " ".join(f"{k} by {k}: {counts.tolist()}." for k, counts in reads.items())
plots.show(fig, alt=f"In how many windows each of 5 by 5 pixels lies. {told}")
claim("3 × 3: largest of each window", pool(numbers, 3, 2, np.max), np.array([[12, 14], [22, 24]]), source="M35")
claim("3 × 3: the centre lies in windows", reads[3][2, 2], 4, source="M35")
claim("2 × 2: pixels that nobody reads", (reads[2] == 0).sum(), 9)
unseen = np.zeros((5, 5))
unseen[4, 1] = 100  # the strongest answer of all, in the last row
claim("2 × 2: the largest pooled number", pool(unseen, 2, 2, np.max).max(), 0.0)

# %% [markdown] topics=["E4"]
# Overlapping windows give the same size and a smoother report: a spot in the centre is seen four times. An odd side
# loses its last row without a word. Frameworks can keep it, by letting the last window hang over the border:
# `ceil_mode=True` in PyTorch, `padding="same"` in Keras. What hangs over counts as −∞, which never wins.

# %%
import keras
import torch
import torch.nn.functional as F

row = np.arange(1, 26, dtype="float32").reshape(5, 5)
by_torch = F.max_pool2d(torch.from_numpy(row)[None, None], 2, ceil_mode=True)[0, 0].numpy()
by_keras = keras.ops.convert_to_numpy(keras.ops.max_pool(row[None, :, :, None], 2, padding="same"))[0, :, :, 0]
print(by_torch)
claim("PyTorch, ceil_mode: a row and a column more", by_torch.shape, (3, 3))
claim("Keras, same: the same numbers", by_keras, by_torch)

# %% [markdown]
# ## What does it save?
#
# "Pooling reduces the number of parameters", many texts say. Two networks, one without and one with a pooling layer
# in the middle. **Before you run:** which of the three counts of parameters (first convolution, second convolution,
# dense layer) get smaller, and by how much? And the multiply-adds of the second convolution?

# %%
from course_utils.ledger import ledger

layers = keras.layers
books = {}
for name, middle in {"without": [], "with": [layers.MaxPooling2D(2)]}.items():
    model = keras.Sequential(
        [
            keras.Input((32, 32, 3)),
            layers.Conv2D(32, 3, padding="same", activation="relu"),
            *middle,
            layers.Conv2D(64, 3, padding="same", activation="relu"),
            layers.Flatten(),
            layers.Dense(10),
        ]
    )
    books[name] = [line for line in ledger(model).rows if line.parameters]
    print(
        f"{name:8s} parameters",
        [line.parameters for line in books[name]],
        "  MACs",
        [line.macs for line in books[name]],
    )
without, with_pool = books["without"], books["with"]
same = [a.parameters == b.parameters for a, b in zip(without, with_pool, strict=True)]
claim("the same number of parameters", same, [True, True, False], source="M34")
claim("the second convolution's work shrinks by a factor of", without[1].macs / with_pool[1].macs, 4.0, source="M34")
claim(
    "the dense layer's weights shrink by a factor of",
    (without[2].parameters - 10) / (with_pool[2].parameters - 10),
    4.0,
    source="M34",
)


# %% [markdown]
# Pooling has no parameters, and it takes none from a convolution. It saves *work* and *memory*: everything behind it
# has a quarter of the places. Only a dense layer that reads a flattened map gets smaller with it. And it does one
# thing more: the next 3 × 3 kernel spans six pixels of the old map instead of three. Day 5 is about that.
#
# ## Who gets the credit?
#
# Training will ask each pixel: *if you were a little larger, how much would the output grow?* That ratio is the
# **gradient** (Day 7 works it out for whole networks). No theory is needed to measure it: nudge one pixel by a tiny
# amount, look at the pooled numbers, divide. **Before you run:** the window 3 7 4 9. Four gradients for max, four for
# mean?

# %%
def nudge(image, k, stride, how, by=1e-6):
    """For each pixel: growth of the sum of all pooled numbers, divided by the nudge."""
    growth = np.zeros(image.shape)
    for place in np.ndindex(image.shape):
        nudged = image.astype(float)
        nudged[place] += by
        growth[place] = (pool(nudged, k, stride, how).sum() - pool(image.astype(float), k, stride, how).sum()) / by
    return growth


claim("max: only the winner counts", nudge(window, 2, 2, np.max), np.array([[0, 0], [0, 1]]), tolerance=1e-6)
claim("mean: all alike", nudge(window, 2, 2, np.mean), np.full((2, 2), 0.25), tolerance=1e-6)

# %% [markdown]
# Now windows that overlap: 3 × 3, stride 2, on the map below, whose largest number stands in the middle. **Before you
# run:** what will stand in the centre of the gradient?

# %%
hill = np.array([[2, 1, 0, 3, 1], [0, 4, 5, 2, 6], [1, 3, 9, 4, 0], [7, 2, 3, 1, 2], [0, 5, 1, 8, 3]])
credit = {"max": nudge(hill, 3, 2, np.max), "mean": nudge(hill, 3, 2, np.mean)}
fig, axes = plt.subplots(1, 3, figsize=(8.6, 3))
plots.pixels(hill, "map", axes[0], labels=False)
for ax, (name, growth) in zip(axes[1:], credit.items(), strict=True):
    plots.pixels(growth.round(2) + 0.0, f"gradient, {name} of 3 × 3, stride 2", ax, labels=False)
told = " ".join(f"{name}: {(growth.round(2) + 0.0).tolist()}." for name, growth in credit.items())
plots.show(
    fig, alt=f"A map of 5 by 5 with a 9 in its centre, and the gradient of the sum of its pooled numbers. {told}"
)
claim("max: the centre wins in all four windows", credit["max"][2, 2], 4.0, tolerance=1e-6)
claim("max: pixels that get anything at all", np.count_nonzero(credit["max"].round(3)), 1)
claim("mean: the centre", credit["mean"][2, 2], 4 / 9, tolerance=1e-6)
claim("each window hands out 1, so there are four in all", credit["mean"].sum(), 4.0, tolerance=1e-6)

# %% [markdown]
# With max pooling a window hands *all* its credit to its winner, and a pixel that wins in several windows collects
# from each: the amounts are **added**. Losers learn nothing from this picture. With average pooling everybody gets
# the same small share.
#
# Now the awkward case. **Before you run:** the window is 5 5 1 2. Nudge the first 5; nudge the second 5. What does
# each get? What should a framework do, which must hand out the credit in one go?

# %%
tie = np.array([[5.0, 5.0], [1.0, 2.0]])
print("nudged up:  ", nudge(tie, 2, 2, np.max).round(3).ravel() + 0.0)
print("nudged down:", nudge(tie, 2, 2, np.max, by=-1e-6).round(3).ravel() + 0.0)


def torch_gradient(image, pooled):
    """The gradient of the sum of pooled(image), as PyTorch's own machinery gives it."""
    x = torch.tensor(image[None, None], requires_grad=True)
    pooled(x).sum().backward()
    return x.grad[0, 0].numpy()


first = torch_gradient(tie, lambda x: F.max_pool2d(x, 2))
split = torch_gradient(tie, lambda x: x.amax(dim=(2, 3)))
claim("torch's max_pool2d gives all of it to the first", first, np.array([[1.0, 0], [0, 0]]))
claim("torch's amax, the same largest number, splits it", split, np.array([[0.5, 0.5], [0, 0]]))
ours = torch_gradient(hill.astype(float), lambda x: F.max_pool2d(x, 3, 2))
claim("where nobody ties, PyTorch and nudging agree", ours, credit["max"], tolerance=1e-6)

if keras.backend.backend() == "tensorflow":  # only TensorFlow can say what TensorFlow does
    import tensorflow as tf

    variable = tf.Variable(tie[None, :, :, None])
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(tf.nn.max_pool2d(variable, 2, 2, "VALID"))
    by_tensorflow = tape.gradient(total, variable).numpy()[0, :, :, 0]
    claim("TensorFlow's max_pool2d: the first, too", by_tensorflow, first)

# %% [markdown]
# Nudged up, both fives would get 1; nudged down, none gets anything. At a tie there is no gradient, mathematically,
# so somebody has to decide. The frameworks' pooling layers take the **first** in reading order. Are ties rare? Not at
# all:

# %%
sobel = KERNELS["sobel vertical edges"]
edges = np.maximum(np.einsum("ijmn,mn->ij", sliding_window_view(camera, (3, 3)), sobel), 0)  # Sobel, then ReLU
fours = sliding_window_view(edges, (2, 2))[::2, ::2].reshape(-1, 4)
tied = (fours == fours.max(axis=1, keepdims=True)).sum(axis=1) > 1
all_zero = fours.max(axis=1) == 0
result("windows_with_a_tie_behind_relu", tied.mean(), "%")
claim("windows with a tie are at least one in ten", tied.mean(), lambda share: share > 0.1)
claim("of these, windows of four zeros", all_zero.sum() / tied.sum(), lambda share: share > 0.7)

# %% [markdown]
# Most of them are four zeros behind a ReLU, and there the credit dies one step later anyway: ReLU hands nothing to an
# input that it has cut off (Day 6). So the choice hardly ever matters. It does when you compare two frameworks to the
# last digit.
#
# ## The same in Keras and PyTorch
#
# Layouts are those of Day 2, and axes are reordered, never reshaped. **Before you run:** average pooling of white
# paper, all ones, by 3 × 3 with stride 1 and one pixel of padding. What stands in the corner? Will the two agree?

# %%
rng = np.random.default_rng(SEED)
maps = rng.normal(size=(2, 9, 12, 5)).astype("float32")  # (N, H, W, C)


def in_keras(batch, layer):
    return keras.ops.convert_to_numpy(layer(batch))


def in_torch(batch, layer):
    return layouts.from_torch(layer(layouts.to_torch(batch)))


def in_numpy(batch, k, stride, how):
    """pool, for each image and each channel."""
    pooled = [[pool(image[:, :, c], k, stride, how) for c in range(batch.shape[3])] for image in batch]
    return np.array(pooled).transpose(0, 2, 3, 1)


for k, s in [(2, 2), (3, 2), (3, 1)]:
    largest, average = in_numpy(maps, k, s, np.max), in_numpy(maps, k, s, np.mean)
    claim(f"max, {k} × {k}, stride {s}: Keras", in_keras(maps, layers.MaxPooling2D(k, s)), largest)
    claim(f"max, {k} × {k}, stride {s}: PyTorch", in_torch(maps, torch.nn.MaxPool2d(k, s)), largest)
    claim(f"mean, {k} × {k}, stride {s}: Keras", in_keras(maps, layers.AveragePooling2D(k, s)), average, tolerance=1e-6)
    claim(f"mean, {k} × {k}, stride {s}: PyTorch", in_torch(maps, torch.nn.AvgPool2d(k, s)), average, tolerance=1e-6)

# %%
paper = np.ones((1, 4, 4, 1), dtype="float32")
corner = {
    "PyTorch, padding=1": in_torch(paper, torch.nn.AvgPool2d(3, 1, padding=1)),
    "PyTorch, count_include_pad=False": in_torch(paper, torch.nn.AvgPool2d(3, 1, padding=1, count_include_pad=False)),
    'Keras, padding="same"': in_keras(paper, layers.AveragePooling2D(3, 1, padding="same")),
}
for name, pooled in corner.items():
    print(f"{name:33s} corner {pooled[0, 0, 0, 0]:.4f}, edge {pooled[0, 0, 1, 0]:.4f}, inside {pooled[0, 1, 1, 0]:.4f}")
most = in_keras(maps, layers.MaxPooling2D(3, 1, padding="same"))
claim("max pooling, padded: Keras and PyTorch agree", in_torch(maps, torch.nn.MaxPool2d(3, 1, padding=1)), most)
corners = [pooled[0, 0, 0, 0] for pooled in corner.values()]
claim("corner: PyTorch, PyTorch without counting, Keras", np.array(corners), np.array([4 / 9, 1, 1]), tolerance=1e-6)

# %% [markdown]
# PyTorch counts the padded zeros in the mean and so draws Day 3's frame; Keras divides by the number of real pixels.
# Same shape, no error, other numbers along the border. With max pooling they agree, since −∞ never wins.
#
# ## One pixel to the right
#
# Pooling is said to make a network blind to small shifts: if the edge moves by a pixel, the largest of the window is
# still the largest. Let us look. A bright column moves across eight dark ones, and we pool by 2. **Before you run:**
# the column moves from place 0 to 1, and from 1 to 2. After which of the two moves does the pooled map look as
# before?

# %%
for place in range(8):
    line = np.zeros((2, 8), dtype=int)
    line[:, place] = 1
    print(f"column {place}:", line[0], " pooled:", pool(line, 2, 2, np.max)[0])
seen = []
for times in (0, 1, 2, 3):
    finals = set()
    for place in range(8):
        line = np.zeros((8, 8), dtype=int)
        line[:, place] = 1
        for _ in range(times):
            line = pool(line, 2, 2, np.max)
        finals.add(line.tobytes())
    seen.append(len(finals))
claim("pictures that are still told apart after 0, 1, 2, 3 poolings", seen, [8, 4, 2, 1])

# %% [markdown]
# From 0 to 1 nothing changes at all; from 1 to 2 everything does. The tolerance holds *inside* a window and ends at
# its border, and each shift carries some things across a border. And look at the last line. What pooling tolerates,
# it has forgotten: after three poolings nobody can say in which of eight columns the line was. Tolerance and loss are
# one and the same thing.
#
# Now a digit. It moves by one pixel, and what leaves on the right comes in on the left, so that only the shift counts
# (Day 3). Sixteen pooled numbers. **Write down your guess before you run:** how many of the sixteen are the same
# numbers after the shift, for max pooling, for average pooling, and for subsampling?

# %%
from course_utils.widgets.pooling_and_shift import DIGIT

digit = np.array([[int(value) for value in line] for line in DIGIT])
moved = np.roll(digit, 1, axis=1)


def every_second(image):
    return image[::2, ::2]


shrink = {
    "every 2nd pixel": every_second,
    "max": lambda image: pool(image, 2, 2, np.max),
    "average": lambda image: pool(image, 2, 2, np.mean),
}
fig, axes = plt.subplots(2, 4, figsize=(9.6, 5), width_ratios=[2, 1, 1, 1])
for line, (title, picture) in zip(axes, {"digit": digit, "one pixel to the right": moved}.items(), strict=True):
    plots.pixels(picture, title, line[0], labels=False, limits=(0, 9))
    for ax, (name, small) in zip(line[1:], shrink.items(), strict=True):
        plots.pixels(small(picture), name, ax, labels=False, limits=(0, 9))
told = " ".join(f"{name}: {f(digit).tolist()} becomes {f(moved).tolist()}." for name, f in shrink.items())
plots.show(
    fig, alt=f"A digit 2 of 8 by 8 pixels and the same one pixel further right, shrunk to 4 by 4 in three ways. {told}"
)

# %%
survivors = {name: int((f(digit) == f(moved)).sum()) for name, f in shrink.items()}
size = {name: np.abs(f(digit) - f(moved)).mean() for name, f in shrink.items()}
for name in shrink:
    print(f"{name:16s} {survivors[name]:2d} of 16 survive; the mean change is {size[name]:.2f}")
claim("survivors: every 2nd pixel, max, average", list(survivors.values()), [10, 8, 2], source="F27")
found = (shrink["max"](digit) > 0) | (shrink["max"](moved) > 0)  # where nothing is, nothing can change
claim(
    "max: survivors where there is a part of the digit",
    [int((shrink["max"](digit) == shrink["max"](moved))[found].sum()), int(found.sum())],
    [6, 14],
    source="F27",
)
two_on = [np.array_equal(f(np.roll(digit, 2, axis=1)), np.roll(f(digit), 1, axis=1)) for f in shrink.values()]
claim("two pixels: the pooled map is the old one, one place on", two_on, [True, True, True], source="F27")

# %% [markdown]
# Half of the max-pooled numbers are other numbers, after a shift that you would not notice. Simply keeping every
# second pixel has *more* survivors, and averaging hardly any. Does that make averaging the worst? Look at the mean
# change: it is the smallest of the three. Nearly every mean changes, but only a little. To count survivors is to ask
# a strange question. We will need a better one.
#
# And the last claim is Day 3 again: a shift by the stride brings the same windows back, one place further. In
# between, *other windows* are computed.

# %% [markdown] tags=["explorer"]
# ## Try it yourself: pooling and shift
#
# **Explorer: pooling and shift.** Choose a picture and a way to shrink it, move the picture, and see which pooled
# numbers stay, how far the others change, and which pixels get the credit. Two things to try:
#
# 1. *Two wide, moved by one.* Take the stripes that are two pixels wide and shift them by one. Look at what max
#    pooling makes of them before and after. Which way of shrinking changes least?
# 2. *Which shifts only move the map along?* Let the window be 2 and go through the shifts from −3 to 3; then set the
#    stride to 3. Look for a rule that you could have known beforehand.

# %%
from course_utils import widgets

widgets.PoolingAndShift()

# %% [markdown]
# ### Why it happens: fine patterns in disguise
#
# The thinnest stripes there are: dark, bright, dark, bright. **Before you run:** keep every second pixel. What is
# left? And after moving the stripes by one?

# %%
stripes = np.tile([0, 1], (4, 4))
for shift in (0, 1):
    shifted = np.roll(stripes, shift, axis=1)
    print(f"moved by {shift}:", {name: f(shifted)[0].tolist() for name, f in shrink.items()})
claim(
    "every 2nd pixel: all dark, then all bright",
    every_second(stripes).max() < every_second(np.roll(stripes, 1, 1)).min(),
    True,
)
stays = pool(stripes, 2, 2, np.mean), pool(np.roll(stripes, 1, axis=1), 2, 2, np.mean)
claim("average: grey, and grey again", stays[0], stays[1])

# %% [markdown]
# Stripes turn into plain darkness or plain light. Which, depends on one pixel. Something finer than the new grid can
# show does not vanish; it appears as something else. This is called **aliasing**, and it is why wheels turn backwards
# in films. A wave that is a little less fine shows it better: 0.45 periods for each pixel. **Before you run:** how
# fine will the wave look after subsampling?

# %%
x = np.arange(60)
wave = np.cos(2 * np.pi * 0.45 * x)
blurred = np.convolve(np.pad(wave, 1, mode="reflect"), [1 / 4, 2 / 4, 1 / 4], mode="valid")
halved = {
    "every 2nd pixel": wave[::2],
    "mean of two": wave.reshape(-1, 2).mean(axis=1),
    "blur, then every 2nd": blurred[::2],
}
fig, axes = plt.subplots(2, 1, figsize=(8.6, 4.2), sharex=True)
axes[0].plot(x, wave, "-o", markersize=3, linewidth=0.8, color=plots.INK)
axes[0].set(title="a fine wave", ylabel="value")
plots.curves(
    halved, "the same wave, halved in three ways", axes[1], x=2 * np.arange(30), xlabel="pixel", ylabel="value"
)
axes[1].legend(loc="center left", bbox_to_anchor=(1, 0.5))
swing = {name: np.ptp(values[3:-3]) / 2 for name, values in halved.items()}
told = ", ".join(f"{name} {value:.2f}" for name, value in swing.items())
plots.show(
    fig,
    alt="A wave that swings nearly once in two pixels. Halved by keeping every second pixel it looks like a slow wave of full "
    f"height, one swing in ten numbers. How far the halved waves swing: {told}.",
)
claim("how far they swing", np.array(list(swing.values())).round(2), np.array([1.0, 0.15, 0.02]))
swings = [int(np.argmax(np.abs(np.fft.rfft(values)))) for values in (wave, wave[::2])]  # the strongest frequency
claim("swings over the 60 pixels, before and after", swings, [27, 3])

# %% [markdown]
# The fine wave comes out as a slow one, at full height and nine times slower, and no such wave was there. A mean of
# two weakens the ghost; a blur with weights 1 2 1 all but removes it. This is what every sound engineer does before
# halving the rate of a recording: first remove what the new grid cannot show, then subsample.
#
# ### Anti-aliased pooling
#
# Zhang (2019) put that into networks. Blur with $[1\;2\;1]/4$ along both axes and keep every second place: **blur
# pooling**. It is a convolution with fixed weights and stride 2. For max pooling, split the layer in two: take the
# largest of each window with stride *1*, which is equivariant, and only then blur and subsample.

# %%
tent = np.outer([1, 2, 1], [1, 2, 1]) / 16


def blur_pool(image):
    """Blur, then every second pixel; the picture goes on in a circle."""
    around = np.pad(image, 1, mode="wrap")
    return np.einsum("ijmn,mn->ij", sliding_window_view(around, (3, 3)), tent)[::2, ::2]


def max_blur_pool(image):
    """The largest of each 2 × 2 window with stride 1, then blur_pool."""
    return blur_pool(pool(np.pad(image, ((0, 1), (0, 1)), mode="wrap"), 2, 1, np.max))


shrink |= {"blur": blur_pool, "max-blur": max_blur_pool}
claim("blur pooling of the stripes: grey", blur_pool(stripes), np.full((2, 4), 0.5))
claim("max-blur pooling of the digit: survivors of 16", (max_blur_pool(digit) == max_blur_pool(moved)).sum(), 0)


# %% [markdown]
# Zero survivors. Is it worthless? Now the better question, on real photographs. We take feature maps of four photos,
# made by six edge kernels, each with both signs and a ReLU, move the photo by one pixel, and measure three things for
# each way to shrink:
#
# - **survivors**: the share of pooled numbers that stay exactly, where anything was found;
# - **change**: how far the pooled map moves away from itself, compared with how much it varies (root mean square of
#   the change, divided by the map's standard deviation);
# - **total**: how much the mean over the whole pooled map changes.
#
# **Before you run:** which way will be best in each?

# %%
def grey(photo, side=256):
    """The photo in grey, halved, cut to a square."""
    values = photo.mean(axis=2) if photo.ndim == 3 else photo.astype(float)
    return values[:side, :side].reshape(side // 2, 2, side // 2, 2).mean(axis=(1, 3)) / 255


scenes = [grey(photos.camera(), 512), grey(photos.astronaut(), 512), grey(photos.coins()), grey(photos.chelsea())]
edge_kernels = [weights for weights in KERNELS.values() if weights.sum() == 0]
edge_maps = []
for scene in scenes:
    patches = sliding_window_view(np.pad(scene, 1, mode="wrap"), (3, 3))
    edge_maps += [np.maximum(sign * np.einsum("ijmn,mn->ij", patches, w), 0) for w in edge_kernels for sign in (1, -1)]

measured = {}
for name, f in shrink.items():
    kept, change, total = [], [], []
    for fmap in edge_maps:
        before, after = f(fmap), f(np.roll(fmap, 1, axis=1))
        anything = (before > 0) | (after > 0)
        kept.append(np.isclose(before, after, rtol=0, atol=1e-12)[anything].mean())
        change.append(np.sqrt(np.mean((after - before) ** 2)) / before.std())
        total.append(abs(after.mean() - before.mean()) / before.mean())
    measured[name] = np.array([np.mean(kept), np.mean(change), np.max(total)])

# %%
fig, axes = plt.subplots(1, 3, figsize=(10, 2.6))
titles = {"survivors": "of the numbers", "change": "of the standard deviation", "total, worst map": "of the mean"}
for column, (ax, (title, of)) in enumerate(zip(axes, titles.items(), strict=True)):
    values = [numbers[column] for numbers in measured.values()]
    plots.bars(list(shrink), values, title=title, ax=ax, label=of, unit="%")
    if column:
        ax.set_yticks(range(len(shrink)), [""] * len(shrink))
told = "; ".join(f"{n}: {k:.1%} survive, change {c:.0%}, total {t:.1%}" for n, (k, c, t) in measured.items())
plots.show(
    fig,
    alt=f"What a shift by one pixel does to {len(edge_maps)} feature maps of photographs, halved in five ways. {told}.",
)

# %%
kept, change, total = (dict(zip(measured, column, strict=True)) for column in np.array(list(measured.values())).T)
for name in shrink:
    result(f"survivors_{name.replace(' ', '_').replace('-', '_')}", kept[name], "%")
    result(f"change_{name.replace(' ', '_').replace('-', '_')}", change[name], "%")
claim("most survivors", max(kept, key=kept.get), "max", source="F27")
claim("but fewer than a third of its numbers survive", kept["max"], lambda share: share < 1 / 3, source="F27")
claim("least change", min(change, key=change.get), "max-blur")
claim("most change", max(change, key=change.get), "every 2nd pixel")
untouched = [name for name in total if total[name] < 1e-9]
claim("the total does not change at all for", untouched, ["average", "blur", "max-blur"])


# %% [markdown] topics=["E3"]
# Three questions, three answers. Max pooling has by far the most survivors, and still three of four numbers change.
# Max-blur has next to none, and its maps change least. For three of the ways the *total* does not change at all, and
# not by luck: averaging and blurring weigh every pixel of their map alike, wherever it stands, so moving the pixels
# around changes no sum. Every second pixel and max pooling weigh some pixels and ignore others, and a shift changes
# which. Keep that in mind until the experiment.
#
# So: pooling *keeps* presence or amount, it *discards* the place inside the window, it *saves* work behind it, and
# the tolerance it *gives* is a matter of degree. Measure it.
#
# ## Any size in, a fixed size out
#
# A dense layer wants a fixed number of inputs, and photographs come in all sizes. So turn the question round: do not
# fix the window, fix the number of windows. **Adaptive pooling** cuts $n$ pixels into as many **bins** as you ask
# for. Bin $i$ of $b$ begins at pixel $\lfloor i\,n/b \rfloor$ and ends before pixel $\lceil (i+1)\,n/b \rceil$:
# rounded outwards, so that no pixel is lost. **Before you run:** draw the bins for 7 pixels in 3 bins. Are all
# equally long? Is any pixel in two?

# %%
def draw_bins(ax, n, b):
    """The bins of n pixels, one in each row; returns their ends."""
    ends = [(int(np.floor(i * n / b)), int(np.ceil((i + 1) * n / b))) for i in range(b)]
    for pixel in range(n):
        ax.add_patch(plt.Rectangle((pixel - 0.45, -0.45), 0.9, 0.9, color=plots.INK))
    for line, (start, end) in enumerate(ends, start=1):
        ax.add_patch(plt.Rectangle((start - 0.45, line - 0.35), end - start - 0.1, 0.7, color=plots.COLOURS[0]))
    ax.set(
        xlim=(-0.7, 9.7), ylim=(5.6, -0.7), xticks=range(n), yticks=[], aspect="equal", title=f"{n} pixels, {b} bins"
    )
    ax.set_xlabel("pixel")
    ax.spines["left"].set_visible(False)
    return ends


fig, axes = plt.subplots(1, 4, figsize=(9.6, 2.6))
bins = {(n, b): draw_bins(ax, n, b) for ax, (n, b) in zip(axes, [(6, 3), (7, 3), (10, 4), (3, 5)], strict=True)}
told = "; ".join(f"{n} in {b}: {ends}" for (n, b), ends in bins.items())
plots.show(fig, alt=f"Bins of adaptive pooling as first pixel and the pixel after the last. {told}.")
claim("7 pixels in 3 bins", bins[7, 3], [(0, 3), (2, 5), (4, 7)])
seven = torch.arange(7.0)[None]
claim("PyTorch's means of 0 to 6 in 3 bins", F.adaptive_avg_pool1d(seven, 3)[0].numpy(), np.array([1.0, 3.0, 5.0]))

# %% [markdown] topics=["E6"]
# Where $b$ does not divide $n$, neighbouring bins may share a pixel. More bins than pixels are allowed: then pixels
# are repeated. So one network can take any picture: whatever its maps' size, seven times seven numbers come out of
# each, or one.

# %%
torch.manual_seed(SEED)
network = torch.nn.Sequential()
for c_in, c_out in [(3, 8), (8, 16), (16, 32)]:
    network.extend([torch.nn.Conv2d(c_in, c_out, 3, padding=1), torch.nn.ReLU(), torch.nn.MaxPool2d(2)])
with torch.no_grad():
    for height, width in [(8, 8), (32, 32), (50, 50), (33, 71), (224, 224)]:
        found = network(torch.zeros(1, 3, height, width))
        fixed = [F.adaptive_avg_pool2d(found, bins).flatten(1).shape[1] for bins in (7, 1)]
        print(
            f"{height:3d} × {width:3d}: maps {tuple(found.shape[1:])}, in 7 × 7 bins {fixed[0]}, in one bin {fixed[1]}"
        )
        claim(f"numbers from {height} × {width}", fixed, [32 * 49, 32], source="M93")
    try:
        network(torch.zeros(1, 3, 7, 7))
        fits = True
    except RuntimeError as error:
        print("7 × 7:", str(error).splitlines()[0][:100])
        fits = False
claim("7 × 7 goes through three poolings", fits, False, source="T16")

# %% [markdown] topics=["E5"]
# A single bin, as large as the map, is **global pooling**: **global average pooling** (GAP, Lin et al. 2013) or
# **global max pooling**. Each filter sends one number: 64 maps, 64 numbers. *How much of it was there in the whole
# picture? Was it there at all?* That is where ResNets and MobileNets (T67) end.

# %%
by_hand = maps.mean(axis=(1, 2))  # (N, H, W, C) to (N, C)
by_keras = in_keras(maps, layers.GlobalAveragePooling2D())
by_torch = in_torch(maps, torch.nn.AdaptiveAvgPool2d(1))[:, 0, 0]  # PyTorch has no layer of that name
claim("global average: Keras", by_keras, by_hand, tolerance=1e-6)
claim("global average: PyTorch", by_torch, by_hand, tolerance=1e-6)
claim("global max: Keras", in_keras(maps, layers.GlobalMaxPooling2D()), maps.max(axis=(1, 2)))

# %% [markdown]
# ## Two that gamble
#
# Pooling by 2 throws three of four numbers away, each time. Two ideas soften that with dice.
#
# **Fractional max pooling** (Graham 2014) shrinks by a factor between 1 and 2, say 1.4, so that a network can shrink
# more often and more gently. The windows are one or two pixels long, in an order that is drawn anew each time. With
# $\alpha = n/b$ and a random number $u$ between 0 and 1, window $i$ begins at $\lceil \alpha\,(i+u) \rceil - \lceil
# \alpha\,u \rceil$.
#
# **Stochastic pooling** (Zeiler & Fergus 2013) draws one number from each window, with a probability in proportion to
# its size. In use, when dice are not wanted, it gives the mean of these draws: each number weighted by its
# probability. **Before you run:** the window 0 2 0 6. With which probabilities is each drawn? What is the mean of the
# draws?

# %%
rng = np.random.default_rng(SEED)
small = np.array([0.0, 2.0, 0.0, 6.0])
chances = small / small.sum()
draws = rng.choice(small, size=20_000, p=chances)
claim("probabilities", chances, np.array([0, 0.25, 0, 0.75]), source="T69")
claim("in use", (chances * small).sum(), 5.0, source="T69")
claim("mean of 20,000 draws: about", draws.mean(), lambda mean: abs(mean - 5) < 0.06, source="T69")


def stochastic_pool(image):
    """One number of each 2 × 2 window, drawn in proportion to its size; image: no negative numbers."""
    fours = sliding_window_view(image, (2, 2))[::2, ::2].reshape(-1, 4)
    upto = np.cumsum(fours, axis=1)
    drawn = (upto < rng.uniform(size=(len(fours), 1)) * upto[:, -1:]).sum(axis=1)
    return fours[np.arange(len(fours)), drawn].reshape(image.shape[0] // 2, -1)


def fractional_max_pool(image, b):
    """b × b windows of one or two pixels a side, drawn at random; the largest of each."""
    for axis in (0, 1):
        alpha, u = image.shape[axis] / b, rng.uniform()
        starts = np.ceil(alpha * (np.arange(b) + u)) - np.ceil(alpha * u)
        image = np.maximum.reduceat(image, starts.astype(int), axis=axis)
    return image


# %%
portrait = grey(photos.astronaut()[:256, 90:346])
shown = {
    "photo, 128 × 128": portrait,
    "stochastic": stochastic_pool(portrait),
    "stochastic, again": stochastic_pool(portrait),
    "fractional, 91 × 91": fractional_max_pool(portrait, 91),
    "fractional, again": fractional_max_pool(portrait, 91),
}
fig, axes = plt.subplots(1, 5, figsize=(10, 2.4))
for ax, (title, picture) in zip(axes, shown.items(), strict=True):
    plots.image(picture, title, ax)
plots.show(
    fig,
    alt="Portrait of an astronaut; twice after stochastic pooling, grainy, with other grains each time; twice after fractional max "
    "pooling to 91 by 91, slightly uneven, as if stretched here and there.",
)
again = np.abs(shown["stochastic"] - shown["stochastic, again"]).mean(), shown["fractional, 91 × 91"].shape
claim("two draws of the same photo differ", again[0] > 0, True, source="T69")
claim("rows and columns at α = 128/91", again[1], (91, 91), source="T69")
torchs = torch.nn.FractionalMaxPool2d(2, output_ratio=0.71)
claim(
    "PyTorch has a fractional layer: 128 become",
    tuple(torchs(torch.zeros(1, 1, 128, 128)).shape[2:]),
    (90, 90),
    source="T69",
)

# %% [markdown] topics=["E7"]
# Each pass sees a slightly different report of the same picture. A network that trains on such reports cannot learn
# one of them by heart: the dice act as a **regulariser**, something that narrows the gap between training and exam
# (Day 10). Both are rare today: Day 10 shows simpler means to the same end.
#
# ## Flatten: nothing is lost
#
# Between the last map and a dense layer something has to turn a block of numbers into a row. **Flattening** writes
# them one after the other. A block of 4 × 4 places and 8 channels becomes a row of 128. **Before you run:** at which
# place of the row does channel 3 of row 1, column 2 stand, in Keras' order (H, W, C) and in PyTorch's (C, H, W)?

# %%
block = rng.normal(size=(4, 4, 8)).astype("float32")  # (H, W, C)
keras_row = keras.ops.convert_to_numpy(layers.Flatten()(block[None]))[0]
torch_row = torch.flatten(layouts.to_torch(block[None]), start_dim=1)[0].numpy()
claim("length", len(keras_row), 128, source="T18")
claim("Keras: (row · 4 + column) · 8 + channel", keras_row[(1 * 4 + 2) * 8 + 3], block[1, 2, 3], source="T18")
claim("PyTorch: (channel · 4 + row) · 4 + column", torch_row[(3 * 4 + 1) * 4 + 2], block[1, 2, 3], source="T18")
claim("unflattened, the block is back", keras_row.reshape(4, 4, 8), block, source="F32")

# %% [markdown] topics=["E9"]
# The block comes back, to the last number: flattening forgets *nothing*. The place of a number has become its index.
# But the two orders differ, and that is a trap for everyone who moves a dense layer from one framework to the other.
# **Before you run:** which of the two ways is right?

# %%
dense = layers.Dense(10)
dense.build((None, 128))
weights, bias = dense.get_weights()
answer = keras_row @ weights + bias
as_it_is = torch_row @ weights + bias
in_new_order = torch_row @ weights.reshape(4, 4, 8, 10).transpose(2, 0, 1, 3).reshape(128, 10) + bias
claim("weights as they are: the same answer", np.allclose(as_it_is, answer, atol=1e-3), False, source="T18")
claim("weights reordered from (H, W, C) to (C, H, W)", in_new_order, answer, tolerance=1e-5, source="T18")

# %% [markdown]
# Any order will do as long as the weights have the same. The shapes agree either way, so no error tells you.
#
# **Must one flatten before a dense layer?** Leave it out and see. **Before you run:** an error?

# %%
straight = layers.Dense(10)
out = straight(block[None])
print("a dense layer on (1, 4, 4, 8) gives", tuple(out.shape))
w, b = straight.get_weights()
one_by_one = layers.Conv2D(10, kernel_size=1)
one_by_one.build((None, 4, 4, 8))
one_by_one.set_weights([w[None, None], b])
claim("its shape", tuple(out.shape), (1, 4, 4, 10), source="F40")
gap = np.abs(in_keras(block[None], one_by_one) - keras.ops.convert_to_numpy(out)).max()
tolerance = 1e-2 if profiles.visible_gpus() else 1e-5  # a GPU rounds factors to 10 binary digits (TF32)
claim("it is a convolution with a kernel of 1 × 1: they differ by up to", gap, 0, tolerance=tolerance, source="F40")

# %% [markdown] topics=["E10"]
# No error. A dense layer in Keras (and `Linear` in PyTorch) works along the last axis, at each place by itself. That
# is a 1 × 1 convolution, a perfectly good layer, but not the one you meant: ten numbers *for each of the 16 places*
# instead of ten for the picture. Day 11 has a patient with this illness. So between maps and classes something must
# come that ends with one row for each picture: flattening *or* a global pooling.
#
# ## What does each keep?
#
# Shuffle the places of a block: each place keeps its channels and gets a new seat. **Before you run:** which of these
# notice: flatten with a dense layer, global average, global max, a 1 × 1 convolution?

# %%
seats = rng.permutation(16)
shuffled = block.reshape(16, 8)[seats].reshape(4, 4, 8)
looks = {
    "flatten, dense": lambda z: z.reshape(-1) @ weights + bias,
    "global average": lambda z: z.mean(axis=(0, 1)),
    "global max": lambda z: z.max(axis=(0, 1)),
    "1 × 1 convolution": lambda z: z @ w + b,
}
notices = {name: not np.allclose(look(shuffled), look(block), atol=1e-5) for name, look in looks.items()}
claim(
    "notices the shuffle",
    notices,
    {**dict.fromkeys(looks, False), "flatten, dense": True, "1 × 1 convolution": True},
    source="F30",
)
maps_along = looks["1 × 1 convolution"](block).reshape(16, 10)[seats].reshape(4, 4, 10)
claim(
    "the 1 × 1 convolution's map is shuffled along",
    looks["1 × 1 convolution"](shuffled),
    maps_along,
    tolerance=1e-5,
    source="F31",
)

# %% [markdown]
# Global pooling forgets *all* places at once. An eye above a nose and a nose above an eye are the same to it, if the
# filters that report them see no further than one of the two. Flattening keeps every place, and the dense layer
# behind it has a weight of its own for each: what it has learnt at one place it does not know at another (Day 1).
# Neither is better. Which do you need?
#
# ### And what does it cost?
#
# A well-known network, VGG16, ends with 512 maps of 7 × 7. Suppose the next layer has 256 neurons. **Before you
# run:** how many weights, flattened and with a global average?

# %%
flat, averaged = 7 * 7 * 512 * 256, 512 * 256
claim("flattened", flat, 6_422_528, source="T41")
claim("global average", averaged, 131_072, source="T41")

sides = [32]
for shrunk in (lambda n: n - 2, lambda n: n // 2, lambda n: n - 2, lambda n: n // 2):  # conv 3 × 3, pool 2, twice
    sides.append(shrunk(sides[-1]))
convs = without[0].parameters + without[1].parameters  # 3 × 3, 32 and 64 filters, as in "What does it save?"
head = reference.dense_parameters(sides[-1] ** 2 * 64, 128) + reference.dense_parameters(128, 10)
claim("sides of the maps of a small network", sides, [32, 30, 15, 13, 6], source="T06")
claim("64 maps, flattened", sides[-1] ** 2 * 64, 2304, source="T06")
claim("parameters of that network, with 128 neurons behind", convs + head, 315_722, source="T06")

side = (((224 - 2) // 2) - 2) // 2  # the same layers on a picture of 224 × 224
big = reference.dense_parameters(side**2 * 64, 128)
claim("on 224 × 224: numbers after flattening", side**2 * 64, 186_624, source="M29")
claim("all parameters", convs + big + reference.dense_parameters(128, 10), 23_908_682, source="M29")
claim("share that sits in one dense layer", big / 23_908_682, lambda share: share > 0.999, source="M29")


# %% [markdown]
# The last one is printed in a popular text as a "basic CNN". 99.9 % of it is one dense layer: an MLP with a small
# convolutional hat.
#
# **Three heads on one backbone.** The part that makes the maps is called the **backbone**, what comes behind it the
# **head**. Besides flattening and global pooling there is a third way, **attention pooling**: a mean over the places
# again, but a *weighted* one, and the network chooses the weights. Each place gets a score, a weighted sum of its
# channels; softmax over the places turns scores into weights that add up to 1 (Day 1):
#
# $$ a_p = \frac{e^{v \cdot x_p}}{\sum_q e^{v \cdot x_q}} \qquad\qquad y = \sum_p a_p\, x_p $$
#
# Here $x_p$ are the channels at place $p$, $v$ are the learnt weights of the score, one for each channel, and $y$ is
# the pooled row.

# %%
def attend(places, v):
    """places (P, C), v (C,): the weights of the places, and their weighted mean."""
    scores = np.exp(places @ v - (places @ v).max())
    a = scores / scores.sum()
    return a, a @ places


places = block.reshape(16, 8)
v = rng.normal(size=8)
_, pooled = attend(places, 0 * v)
claim("all scores equal: the global average", pooled, places.mean(axis=0), tolerance=1e-6)
_, pooled = attend(places, 1000 * v)
claim(
    "very unequal scores: the place with the highest score alone", pooled, places[np.argmax(places @ v)], tolerance=1e-6
)
claim("shuffled places: the same row", attend(shuffled.reshape(16, 8), v)[1], attend(places, v)[1], tolerance=1e-6)

# %%
row_length = 8 * 8 * 64  # a backbone that ends in 8 × 8 places with 64 channels; 10 classes
on_64 = reference.dense_parameters(64, 10)
heads = {
    "flatten, dense 128, dense": reference.dense_parameters(row_length, 128) + reference.dense_parameters(128, 10),
    "flatten, dense": reference.dense_parameters(row_length, 10),
    "attention, dense": 64 + on_64,
    "global average, dense": on_64,
}
for name, count in heads.items():
    print(f"{name:26s} {count:8,} parameters")
fig = plots.bars(
    list(heads),
    list(heads.values()),
    title="heads on 64 maps of 8 × 8, 10 classes",
    label="parameters (each step ten times as many)",
)
fig.axes[0].set(xscale="log", xlim=(100, 9e6))
plots.show(fig, alt="Parameters of four heads: " + ", ".join(f"{n}: {c:,}" for n, c in heads.items()) + ".")
claim(
    "the first costs as much as the last, times", heads["flatten, dense 128, dense"] / on_64, lambda times: times > 800
)

# %% [markdown] topics=["E11"]
# | head | keeps | forgets | parameters | other picture sizes |
# |---|---|---|---|---|
# | flatten, dense layers | everything, place by place | nothing | most; grow with the area | refused |
# | adaptive bins, then flatten | the rough place | the place inside a bin | in between | taken |
# | attention pooling | a weighted amount; the weights can be shown | places, unless they are written into the channels | one score more | taken |
# | global average | the amount of each feature | all places | fewest | taken |
# | global max | the presence of each feature | all places, and how often | fewest | taken |
#
# ## Experiment 1: where does the network lose the digit?
#
# Real handwritten digits (Day 1), on a black field of 16 × 16, *always in the middle*. Small networks learn them
# there: two convolutions with ReLU, each followed by a way to halve the map, then a head. Then the exam: unseen
# digits, moved to the right by 0, 1, 2, ... 8 pixels. All convolutions use circular padding, so borders play no part
# (Day 3).
#
# | name | shrinks twice by | head |
# |---|---|---|
# | max, flatten | max pooling | flatten |
# | stride, average | stride 2 | global average |
# | max, average | max pooling | global average |
# | max-blur, average | max-blur pooling | global average |
# | nothing, max | nothing | global max |
#
# A convolution is equivariant, and a global average forgets places. **Draw your guess for "stride, average" before
# you run:** accuracy from 0 to 8 pixels. A flat line? A slope?

# %%
from sklearn.datasets import load_digits
from torch import nn

torch.set_num_threads(1)  # such small layers are faster on one core
digits = load_digits()
fields = np.zeros((1797, 1, 16, 16), dtype="float32")
fields[:, 0, 4:12, 4:12] = digits.images / 16
fields, names_of_digits = torch.from_numpy(fields), torch.tensor(digits.target)


class BlurPool(nn.Module):
    """blur_pool for batches of maps."""

    def forward(self, x):
        kernel = torch.tensor(tent, dtype=x.dtype).expand(x.shape[1], 1, 3, 3)  # each channel by itself
        return F.conv2d(F.pad(x, (1, 1, 1, 1), mode="circular"), kernel, stride=2, groups=x.shape[1])


class MaxBlurPool(nn.Module):
    """max_blur_pool for batches of maps."""

    def forward(self, x):
        return BlurPool()(F.max_pool2d(F.pad(x, (0, 1, 0, 1), mode="circular"), 2, stride=1))


difference = MaxBlurPool()(torch.from_numpy(camera[None, None])).numpy()[0, 0] - max_blur_pool(camera)
claim("the layer is the function from above", np.abs(difference).max(), 0, tolerance=1e-12)

WAYS = {"max": nn.MaxPool2d(2), "max-blur": MaxBlurPool(), "stride": nn.Identity(), "nothing": nn.Identity()}
HEADS = {"flatten": nn.Identity(), "average": nn.AdaptiveAvgPool2d(1), "max": nn.AdaptiveMaxPool2d(1)}


def build(way, head):
    stride = 2 if way == "stride" else 1
    return nn.Sequential(
        nn.Conv2d(1, 8, 3, stride, padding=1, padding_mode="circular"), nn.ReLU(), WAYS[way],
        nn.Conv2d(8, 24, 3, stride, padding=1, padding_mode="circular"), nn.ReLU(), WAYS[way],
        HEADS[head], nn.Flatten(), nn.Linear(24 * 4 * 4 if head == "flatten" else 24, 10),
    )  # fmt: skip


# %% [markdown]
# The training is Day 1's six lines. `moving` is for later.

# %%
def accuracies(way, head, seed, moving=False):
    """Share of right answers on unseen digits, moved by 0 to 8 pixels."""
    torch.manual_seed(seed)
    order = torch.randperm(1797)
    learn, exam = order[:1000], order[1000 : profile.pick(smoke=1300, cpu=1797, gpu=1797)]
    model = build(way, head)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    for _ in range(profile.pick(smoke=12, cpu=20, gpu=20)):
        for batch in learn[torch.randperm(1000)].split(50):
            by = int(torch.randint(16, (1,))) if moving else 0
            loss = F.cross_entropy(model(fields[batch].roll(by, dims=3)), names_of_digits[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    with torch.no_grad():
        answers = [model(fields[exam].roll(by, dims=3)).argmax(dim=1) for by in range(9)]
    return [(answer == names_of_digits[exam]).float().mean().item() for answer in answers]


seeds = range(SEED, SEED + profile.pick(smoke=1, cpu=3, gpu=5))
networks = [("max", "flatten"), ("stride", "average"), ("max", "average"), ("max-blur", "average"), ("nothing", "max")]
by_shift = {}
for way, head in networks:
    by_shift[f"{way}, {head}"] = np.mean([accuracies(way, head, seed) for seed in seeds], axis=0)

# %%
fig, ax = plt.subplots(figsize=(8.4, 3.4))
plots.curves(
    {name: 100 * line for name, line in by_shift.items()},
    None,
    ax,
    x=range(9),
    xlabel="shift (pixels)",
    ylabel="right answers (%)",
)
ax.set(ylim=(0, 103))
told = "; ".join(f"{name}: {', '.join(f'{share:.0%}' for share in line)}" for name, line in by_shift.items())
plots.show(fig, alt=f"Share of right answers when digits are moved by 0 to 8 pixels. {told}.")

# %%
comb, flat_head, steady, exact = (
    by_shift[name] for name in ("stride, average", "max, flatten", "max-blur, average", "nothing, max")
)
result("stride_average_in_place", comb[0], "%")
result("stride_average_moved_by_2", comb[2], "%")
result("max_average_moved_by_1", by_shift["max, average"][1], "%")
result("max_blur_average_in_place", steady[0], "%")
result("nothing_max_in_place", exact[0], "%")
result("max_flatten_moved_by_2", flat_head[2], "%")
claim("stride, average: in its place it knows more than half", comb[0], lambda share: share > 0.5)
claim("two pixels on it loses more than 30 of 100", comb[0] - comb[2], lambda lost: lost > 0.3)
claim("four and eight pixels on it is as good as ever", comb[[4, 8]], comb[[0, 0]], tolerance=0.005)
claim(
    "max, average: one pixel costs", by_shift["max, average"][0] - by_shift["max, average"][1], lambda lost: lost > 0.02
)
claim("max-blur, average: largest difference between shifts", np.ptp(steady), lambda spread: spread < 0.05)
claim("max-blur, average: in its place it knows less than max, average", steady[0] < by_shift["max, average"][0], True)
claim("nothing, max: largest difference between shifts", np.ptp(exact), lambda spread: spread < 0.005)
claim("max, flatten: two pixels on it loses more than 30 of 100", flat_head[0] - flat_head[2], lambda lost: lost > 0.3)

# %% [markdown]
# A comb. Moved by two pixels, a network that ends in a global average falls far, and moved by four it is as good as
# ever. This is the total from before: two strides of 2 keep every fourth place, in both directions. There are sixteen
# such grids; the network was trained on *one*. A shift by four lays the same grid on the digit. A shift by two lays
# another one, and the average is over other numbers. Max pooling softens the comb and does not remove it. With
# max-blur the line is nearly flat, but after this short training it lies lower: steadiness has its price here. Where
# nothing is thrown away before the global pooling, it is exactly flat.
#
# The flattened network fails more with every pixel: it has weights for places at which it never saw a digit.
#
# Is the comb a law? **Before you run:** train "stride, average" once more, but roll each batch by a random number of
# columns. Will the comb stay?

# %%
moving = np.mean([accuracies("stride", "average", seed, moving=True) for seed in seeds], axis=0)
print("right answers:", ", ".join(f"{share:.0%}" for share in moving))
result("stride_average_trained_on_moved_digits", moving.mean(), "%")
claim("largest difference between shifts", np.ptp(moving), lambda spread: spread < 0.15)

# %% [markdown]
# Gone: it has now seen all the grids. Tolerance can be *built in* (no aliasing, a global pooling) or *learnt* from
# pictures that move (**augmentation**, Day 10). Learning needs such pictures, and it holds for those shifts that were
# shown.
#
# ## Experiment 2: photographs
#
# Do photographs behave like digits on black? For this we need no training of filters. Cut 16 patches of 5 × 5 pixels
# at random from training photographs of CIFAR-10, subtract their mean, and use *them* as kernels, with both signs and
# ReLU: 32 maps of 28 × 28 for each photo. (A kernel answers most to a picture of itself: Day 2.) Then shrink the maps
# to 7 × 7 in four ways, or pool them adaptively into 2 × 2 bins or one. A reader is fitted to the result: one
# weighted sum for each class, by least squares with a penalty on large weights.
#
# Two numbers count on new photographs: how many answers are **right**, and how many **change** when the photo moves
# by one pixel. **Before you run:** order the six ways by each. Is there one that wins in both?

# %%
from sklearn.linear_model import RidgeClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

cifar = data.load("cifar10", profile=profile)
torch.set_num_threads(profile.pick(smoke=1, cpu=profiles.cores(), gpu=profiles.cores()))


def as_tensors(split, n):
    part = split.subset(n, seed=SEED)
    return layouts.to_torch(part.images).float() / 255, part.labels


learn, learn_labels = as_tensors(cifar.train, profile.pick(smoke=400, cpu=4_000, gpu=10_000))
exam, exam_labels = as_tensors(cifar.validation, profile.pick(smoke=100, cpu=2_000, gpu=5_000))
moved_exam = F.pad(exam, (1, 0, 0, 0), mode="replicate")[..., :32]  # one pixel to the right; the border column stays

rng = np.random.default_rng(SEED)
corners = zip(rng.integers(len(learn), size=16), *rng.integers(28, size=(2, 16)), strict=True)
kernels = torch.stack([learn[i, :, r : r + 5, c : c + 5] for i, r, c in corners])
kernels = kernels - kernels.mean(dim=(2, 3), keepdim=True)


def quartered(way):
    return nn.Sequential(way, way)


to_bins = {
    "stride, 7 × 7": lambda z: z[:, :, ::4, ::4],
    "max, 7 × 7": quartered(nn.MaxPool2d(2)),
    "average, 7 × 7": quartered(nn.AvgPool2d(2)),
    "max-blur, 7 × 7": quartered(MaxBlurPool()),
    "average, 2 × 2": nn.AdaptiveAvgPool2d(2),
    "average, global": nn.AdaptiveAvgPool2d(1),
}


def features(images):
    """For each way to shrink: (images, numbers)."""
    found = {name: [] for name in to_bins}
    for part in images.split(250):
        answers = F.conv2d(part, kernels)
        maps = torch.cat([answers.relu(), (-answers).relu()], dim=1)
        for name, shrink_maps in to_bins.items():
            found[name].append(shrink_maps(maps).flatten(1))
    return {name: torch.cat(parts).numpy() for name, parts in found.items()}


# %%
known, new, moved_new = features(learn), features(exam), features(moved_exam)
right, changed = {}, {}
for name in to_bins:
    # each number is first brought to mean 0 and spread 1
    reader = make_pipeline(StandardScaler(), RidgeClassifier(alpha=1000)).fit(known[name], learn_labels)
    before, after = reader.predict(new[name]), reader.predict(moved_new[name])
    right[name], changed[name] = (before == exam_labels).mean(), (before != after).mean()

fig, axes = plt.subplots(1, 2, figsize=(9.4, 3))
plots.bars(
    list(right),
    list(right.values()),
    title="right answers",
    ax=axes[0],
    label="of new photographs",
    unit="%",
    caption=cifar.caption,
)
plots.bars(
    list(changed),
    list(changed.values()),
    title="answers changed by one pixel",
    ax=axes[1],
    label="of new photographs",
    unit="%",
)
axes[1].set_yticks(range(len(changed)), [""] * len(changed))
told = "; ".join(f"{name}: {right[name]:.1%} right, {changed[name]:.1%} changed" for name in to_bins)
plots.show(fig, alt=f"Right answers, and answers that change when the photograph moves by one pixel. {told}.")

# %%
for name in to_bins:
    key = name.replace(", ", "_").replace(" × ", "x").replace("-", "_")
    result(f"right_{key}", right[name], "%")
    result(f"changed_{key}", changed[name], "%")
fine = [name for name in to_bins if "7 × 7" in name]
if not cifar.is_sample:  # a few drawn pictures decide nothing
    claim("of the four at 7 × 7, changes most", max(fine, key=changed.get), "stride, 7 × 7")
    claim("of the four at 7 × 7, changes least", min(fine, key=changed.get), "max-blur, 7 × 7")
    claim("of the four at 7 × 7, right least often", min(fine, key=right.get), "stride, 7 × 7")
    claim("max-blur is right no less often than max", right["max-blur, 7 × 7"] >= right["max, 7 × 7"], True)
    claim("of all six, changes least", min(changed, key=changed.get), "average, global")
    claim("2 × 2 bins change less than all at 7 × 7", changed["average, 2 × 2"] < min(changed[n] for n in fine), True)
    claim("the global average pays: right less often than 2 × 2 bins", right["average, global"] < right["average, 2 × 2"], True)

# %% [markdown] topics=["E8"]
# Of the four that keep 7 × 7 places, throwing places away unread (stride) is the worst in both: least often right, and
# the shakiest. Max-blur changes its mind least of them, and it is not paid for with accuracy. The global average is the
# calmest of all and pays: it has forgotten where the sky was. Two by two bins, which still know top from bottom, are
# right more often than the global average, and calmer than all that keep 7 × 7. (On the drawn samples of the smoke profile,
# with few pictures, the bars mean little.)
#
# These are readers of fixed kernels, not trained networks. Trained ones behave alike: Zhang (2019) found *more*
# accuracy and steadier answers on ImageNet with blur pooling.
#
# ### To pool or not to pool?
#
# | way to shrink | parameters | good for | price |
# |---|---|---|---|
# | max pooling | none | presence of sparse features, behind ReLU | aliasing; one winner learns |
# | average pooling | none | amounts, textures; the end of a network | dilutes what is rare |
# | strided convolution | $k^2 C^2 + C$ for $C$ channels | learns its own summary; computes only what it keeps | aliasing unless it learns to blur |
# | max-blur, blur | none | steady answers | a little more work, softer maps |
# | attention | a score, or far more | choosing among places | work; needs data |
# | no shrinking, dilation instead (Day 3) | none | a label for *every pixel* (segmentation, depth) | all the work and memory |
#
# For a label for every pixel, forgetting places is the wrong thing. Such networks shrink little, or they shrink and
# find the way back with the help of maps kept from before. For a label of the whole picture, forget places late and
# without aliasing.
#
# ## What texts get wrong
#
# Each cell tests a sentence from a widely read text. Change the numbers and try to save it.
#
# **"With max pooling, small shifts do not affect the output."** You counted: 8 of 16 numbers of the digit survived,
# and less than a third on photographs. Only shifts by the stride move the map along unchanged (F27).
#
# **"Pooling reduces the number of parameters."** It has none, and convolutions keep theirs; only a flattening dense
# layer shrinks (M34).
#
# **"A basic CNN", said of a network with two convolutions for pictures of 224 × 224.** You counted: 99.9 % of its
# parameters are one dense layer behind a flattened map (M29).
#
# **"Pooling works on non-overlapping regions."** It may; AlexNet and ResNets let 3 × 3 windows overlap (M35).
#
# **"Global average pooling loses less information than flattening."** Flattening loses nothing; the average of 16
# shuffled places is the same average (F30). **"Global average pooling keeps spatial awareness."** It is exactly what
# it gives up. A 1 × 1 convolution keeps it (F31).
#
# **"After flattening, all spatial information is lost, and the network no longer cares where something is."** It
# cares more than any other head. Move the block by one column and look at what the dense layer answers:

# %%
shifted = np.roll(block, 1, axis=1)
gap = {name: float(np.abs(look(shifted) - look(block)).max()) for name, look in looks.items()}
print({name: round(value, 3) for name, value in gap.items()})
claim("flatten, dense: the answer changes", gap["flatten, dense"] > 0.05, True, source="F32")
claim("global average: it does not", gap["global average"] < 1e-6, True, source="F32")

# %% [markdown]
# **"Flattening gives dense layers a fixed size, whatever the image's size."** The row is as long as the map has
# numbers (F33). **"The number of parameters of a CNN does not depend on the image's size."** That of its convolutions
# does not (M52). 32 filters, pooling, flattening, ten classes:

# %%
counts, in_convolution, refused = {}, [], None
for side in (32, 64):
    model = keras.Sequential(
        [
            keras.Input((side, side, 3)),
            layers.Conv2D(32, 3, padding="same"),
            layers.MaxPooling2D(2),
            layers.Flatten(),
            layers.Dense(10),
        ]
    )
    counts[side] = model.count_params()
    in_convolution.append(model.layers[0].count_params())
try:
    model(np.zeros((1, 32, 32, 3), dtype="float32"))
except ValueError as error:
    refused = next(line for line in str(error).splitlines() if "incompatible" in line)
    print("a picture of 32 × 32 for the network of 64 × 64:", refused[refused.find("expected") : refused.rfind(")") + 1])
claim("parameters at 32 and at 64 pixels", list(counts.values()), [82_826, 328_586], source="F33")
claim("of these in the convolution", in_convolution, [896, 896], source="M52")
claim("and the network of 64 refuses a picture of 32", refused is not None, True, source="F33")

# %% [markdown]
# **"The layers of a CNN have a fixed input size."** Convolution, pooling and global pooling take any size that the
# windows fit in: 8 × 8, 33 × 71 and 224 × 224 went through one network above (M93). Only a flattening head refuses.
#
# **"A dense layer needs a one-dimensional input."** It takes any number of axes and works on the last one; you saw
# the 1 × 1 convolution (F40). **"Always flatten before a dense layer."** Flatten *or pool globally*. The second is
# the usual choice today, and cheaper:

# %%
spent = {}
for name, bridge in {"flatten": layers.Flatten(), "global average": layers.GlobalAveragePooling2D()}.items():
    model = keras.Sequential([keras.Input((8, 8, 64)), bridge, layers.Dense(10)])
    spent[name] = model.count_params()
    print(f"{name:15s} output {model.output_shape}, {spent[name]:,} parameters")
claim("both end in ten numbers; parameters", list(spent.values()), [40_970, 650], source="M94")

# %% [markdown]
# **"`tf.reshape(x, [x.shape[0], -1])` flattens in Keras."** While a model is built the number of images is not known
# yet (F61). **"`x.view(batch, -1)` flattens in PyTorch."** Not where the numbers lie in memory in another order
# (M74):

# %%
placeholder = keras.Input((4, 4, 8))  # what a layer meets while a model is built
claim("images that Keras expects while it builds", str(placeholder.shape[0]), "None", source="F61")
refused = []
if keras.backend.backend() == "tensorflow":
    try:
        tf.reshape(placeholder, [placeholder.shape[0], -1])
    except ValueError as error:
        refused.append(str(error).strip().splitlines()[0])
    claim("tf.reshape refuses", len(refused), 1, source="F61")
last = torch.zeros(2, 8, 4, 4).to(memory_format=torch.channels_last)
try:
    last.view(2, -1)
except RuntimeError as error:
    refused.append(str(error).splitlines()[0])
print("\n".join(message[:100] for message in refused))
claim("view refuses numbers in channels_last order", "view" in refused[-1], True, source="M74")
right_way = [layers.Flatten()(placeholder).shape[1], torch.flatten(last, 1).shape[1]]
claim("layers.Flatten and torch.flatten work", right_way, [128, 128])

# %% [markdown]
# ## Pitfalls
#
# | symptom | cause | fix |
# |---|---|---|
# | An object at the right or lower border is never found | 2 × 2 pooling of an odd side drops the last row | even sides, `ceil_mode=True`, or `padding="same"` |
# | PyTorch: "Output size is too small" | pooled more often than the picture can be halved | fewer poolings, larger pictures, adaptive pooling |
# | A pale frame in averaged maps, in PyTorch only | padded zeros count in the mean | `count_include_pad=False` |
# | Padded max pooling written by hand gives zeros where all numbers are negative | padded with 0 | pad with −∞ |
# | Ten numbers for each place instead of ten for the picture | no flattening and no global pooling before the dense layer | add one |
# | "mat1 and mat2 shapes cannot be multiplied" at another picture size | flattened | global or adaptive pooling |
# | A dense layer moved from Keras to PyTorch answers nonsense, no error | (H, W, C) and (C, H, W) flatten in another order | reorder the rows of its weights |
# | Answers flicker in a video | aliasing in strides and max pooling | blur pooling; train on moved pictures |
# | A network with a global average learns "above or below?" badly | the average forgets places | bins of 2 × 2, or flatten |
# | 99 % of the parameters in one layer | a dense layer behind a large flattened map | global average; more shrinking before |
#
# Two of them to feel. **Before you run:** max pooling with zeros around a map of −5 −6 −7 −8?

# %%
negative = np.array([[-5.0, -6.0], [-7.0, -8.0]])
with_zeros = pool(np.pad(negative, 1), 2, 2, np.max)
right_way = F.max_pool2d(torch.from_numpy(negative)[None, None], 2, padding=1)[0, 0].numpy()
claim("padded with zeros, by hand: a map of zeros", with_zeros, np.zeros((2, 2)))
claim("PyTorch pads with −∞", right_way, negative)
try:
    nn.Linear(128, 10)(torch.zeros(1, 8 * 5 * 5))
except RuntimeError as error:
    print(str(error)[:90])

# %% [markdown]
# ## Recap
#
# 1. Pooling makes one number of each window, without weights: the largest (was it there?) or the mean (how much?).
# 2. Max hands its gradient to the winner, at a tie to the first; the mean shares it; overlaps add up.
# 3. A shift by one pixel changes most pooled numbers; only shifts by the stride pass. Blurring before subsampling
#    makes the change smallest.
# 4. Flattening keeps everything and costs most; global pooling forgets every place, costs least, and takes any size;
#    adaptive bins lie in between.
# 5. Invariance has to be measured: a global average behind two strides of 2 lost the digit after two pixels and had
#    it back after four.
#
# ### Further reading
#
# - Boureau, Ponce & LeCun, *A Theoretical Analysis of Feature Pooling in Visual Recognition* (2010): when max, when
#   average.
# - Lin, Chen & Yan, *Network in Network* (2013): global average pooling and 1 × 1 convolutions.
# - Zeiler & Fergus, *Stochastic Pooling for Regularization of Deep Convolutional Neural Networks* (2013); Graham,
#   *Fractional Max-Pooling* (2014).
# - Springenberg et al., *Striving for Simplicity: The All Convolutional Net* (2015): strides instead of pooling.
# - Azulay & Weiss, *Why Do Deep Convolutional Networks Generalize So Poorly to Small Image Transformations?* (2019).
# - Zhang, *Making Convolutional Networks Shift-Invariant Again* (2019): blur pooling.
#
# **Now you:** [the exercise of Day 4](../exercises/day_04_pooling.py). You will write both poolings with padding,
# adaptive bins, the gradient of max pooling and the parameter counts of heads; measure survivors of a shift; and say
# which outputs stay. Every check answers at once.
