# ---
# jupyter:
#   course:
#     budget_s:
#       cpu: 300
#       gpu: 300
#       smoke: 60
#     data:
#     - cifar10
#     day: 5
#     frameworks:
#     - keras
#     - torch
#     minutes: 90
#     title: Receptive fields
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
# # Day 5: Receptive fields
#
# **How much of the picture can one number deep inside a network know?**
#
# After this day you can (in brackets: the question of the exercise that asks for it)
#
# 1. work out for any stack of layers how wide the view of a unit is, where it lies, and how far apart the views of
#    neighbours are [1];
# 2. say which pixels a unit sees, which it misses, and whether any unit sees the whole image [2, 3, 4];
# 3. measure with gradients how much each pixel really counts [5, 6];
# 4. reach a given view in four ways, and pick by what they cost [7].
#
# **Time** about 90 minutes. **You need** convolution (Day 2), padding, stride and dilation (Day 3), pooling (Day 4).

# %% tags=["parameters"]
PROFILE = "auto"  # "smoke", "cpu", "gpu", or "auto": gpu where one is visible, else cpu
SEED = 0

# %%
import matplotlib.pyplot as plt
import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from course_utils import data, layouts, plots, profiles
from course_utils.claims import claim, result
from course_utils.ledger import ledger

profile = profiles.start(PROFILE, seed=SEED, frameworks=("keras", "torch"))


def conv2d(image, kernel, dilation=1):
    """Days 2 and 3: slide the kernel over one channel, no padding, stride 1."""
    spans = [dilation * (k - 1) + 1 for k in kernel.shape]
    windows = sliding_window_view(image, spans)[:, :, ::dilation, ::dilation]
    return np.einsum("ijmn,mn->ij", windows, kernel)


# %% [markdown] topics=["F1"]
# ## The idea: change a pixel, watch a number
#
# Put a finger on one number in a deep feature map. We call such a number a **unit**. Now somebody changes one pixel of
# the picture. Does the number under your finger move? Go through all pixels, one by one, and mark those that move it.
# What you have marked is the **receptive field** of the unit: the pixels that *can* influence it. Whatever lies
# outside, the unit cannot know.
#
# Day 1 had a mural behind a keyhole. In the first layer every unit looks through a keyhole of 3 × 3 pixels. **Before
# you run:** three layers of 3 × 3, one after the other. How many pixels move a unit of layer 1, of layer 2, of layer 3?

# %%
rng = np.random.default_rng(SEED)
picture = rng.normal(size=(11, 11))
kernels = rng.normal(size=(3, 3, 3))  # three layers, one kernel each


def middle_unit(picture, depth):
    """The number in the middle of the map after `depth` layers."""
    for kernel in kernels[:depth]:
        picture = conv2d(picture, kernel)
    return picture[len(picture) // 2, len(picture) // 2]


marks = np.zeros((3, 11, 11))
for depth in (1, 2, 3):
    before = middle_unit(picture, depth)
    for pixel in np.ndindex(11, 11):
        changed = picture.copy()
        changed[pixel] += 1
        marks[depth - 1][pixel] = middle_unit(changed, depth) != before

fig, axes = plt.subplots(1, 3, figsize=(8.6, 3.1))
for depth, (ax, marked) in enumerate(zip(axes, marks, strict=True), start=1):
    plots.image(marked, f"layer {depth}: {marked.sum():.0f} pixels", ax)
told = ", ".join(f"layer {depth}: {marked.sum():.0f}" for depth, marked in enumerate(marks, start=1))
plots.show(
    fig, alt=f"White: the pixels that move the middle unit. Pixels, always a filled square in the middle: {told}."
)
claim("pixels that move a unit of layers 1, 2 and 3", marks.sum(axis=(1, 2)), np.array([9, 25, 49]), source="T09")


# %% [markdown]
# Nobody made the keyhole larger. A unit of layer 3 reads 3 × 3 units of layer 2, and each of these reads 3 × 3 units of
# layer 1. The views of neighbours overlap, so together they are wider by only one pixel on each side.
#
# Rows and columns behave alike. From here on one line of pixels is mostly enough. The next cell draws such a line at
# the bottom, the layers above it, and everything that one unit is connected to.

# %%
def draw_stack(ax, strides, unit, n=13):
    """Layers with kernels of 3 and these strides over n pixels; what `unit` is connected to is drawn dark."""
    centres, connected, levels = np.arange(n), {unit}, [np.arange(n)]
    for stride in strides:
        centres = sliding_window_view(centres, 3)[::stride].mean(axis=1)  # a unit stands over the middle of its window
        levels.append(centres)
    for level in range(len(strides), 0, -1):
        reads = [(place, strides[level - 1] * place + tap) for place in connected for tap in range(3)]
        for place, below in reads:
            ends = [levels[level][place], levels[level - 1][below]]
            ax.plot(ends, [level, level - 1], "-", color=plots.COLOURS[0], lw=1)
        ax.scatter(levels[level], [level] * len(levels[level]), s=26, color=plots.INK, alpha=0.3, lw=0)
        ax.scatter(levels[level][list(connected)], [level] * len(connected), s=44, color=plots.COLOURS[0], zorder=3)
        connected = {below for _, below in reads}
    ax.scatter(levels[0], [0] * n, s=26, color=plots.INK, alpha=0.3, lw=0)
    ax.scatter(list(connected), [0] * len(connected), s=44, marker="s", color=plots.COLOURS[1], zorder=3)
    ax.set(xticks=[], xlabel="pixel", yticks=range(len(strides) + 1))
    ax.set_yticklabels(["pixels", *(f"layer {level}" for level in range(1, len(strides) + 1))])
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    return len(connected)


# %%
fig, ax = plt.subplots(figsize=(7, 2.6))
width = draw_stack(ax, [1, 1, 1], unit=3)
plots.show(
    fig, alt=f"A line of 13 pixels below three layers. The middle unit of layer 3 hangs on {width} pixels, as a cone."
)
claim("pixels of a line under a unit of layer 3", width, 7)

# %% [markdown] topics=["F2"]
# A kernel of $k$ adds $k - 1$ pixels to the view, so after $L$ layers
#
# $$ r \;=\; 1 + L\,(k - 1). $$
#
# Many texts print this formula and stop. It holds for equal kernels with stride 1, without pooling and without
# dilation. What happens with a stride?
#
# **Before you run:** three layers with kernels of 3, one of them with stride 2. How wide is the view of a unit of the
# last layer if the *first* layer has the stride? If the *second* has it? If the *third* has it?

# %%
fig, axes = plt.subplots(1, 3, figsize=(9.6, 2.8))
widths = []
for position, ax in enumerate(axes):
    strides = [2 if layer == position else 1 for layer in range(3)]
    widths.append(draw_stack(ax, strides, unit=0))
    ax.set_title(f"stride 2 in layer {position + 1}: {widths[-1]} pixels")
    if position:
        ax.set_yticklabels([])
plots.show(
    fig,
    alt=f"The first unit of layer 3 over a line of 13 pixels. With stride 2 in layer 1, 2, 3 it hangs on {widths} pixels.",
)
claim("view with stride 2 in layer 1, 2, 3", widths, [11, 9, 7], source="F12")


# %% [markdown]
# The stride of a layer does not widen *its own* view. A unit of that layer still reads three neighbours. But its units
# stand further apart, so every layer *after* it takes longer steps. In the last layer a stride widens nothing.
#
# ## Two numbers for the size, one for the place
#
# So carry two numbers along from layer to layer: how wide a view is, and how far apart the views of neighbours are. A
# third one says where the views lie.
#
# | symbol | what it is |
# |---|---|
# | $r_l$ | **size** of the receptive field of a unit of layer $l$, in pixels; $r_0 = 1$, a pixel sees itself |
# | $j_l$ | **jump**: pixels between the fields of two neighbouring units; $j_0 = 1$ |
# | $c_l$ | **start**: the middle of the field of unit 0; $c_0 = 0$, the middle of pixel 0 |
# | $k_l, s_l, p_l, d_l$ | kernel, stride, padding and dilation of layer $l$; a pooling is a layer like any other |
#
# From the first to the last weight of a kernel it is $d\,(k-1)$ units of the layer below, and each of them is one jump:
#
# $$ r_l = r_{l-1} + d_l\,(k_l - 1)\; j_{l-1} \qquad\qquad j_l = j_{l-1}\; s_l $$
#
# Padding is missing from both. It moves the fields, it does not widen them:
#
# $$ c_l = c_{l-1} + \Bigl(\frac{d_l\,(k_l-1)}{2} - p_l\Bigr)\, j_{l-1} $$
#
# Unit $i$ has its middle at $c_l + i\,j_l$. So its field begins at $c_l + i\,j_l - (r_l - 1)/2$.

# %%
def grow(layers):
    """(size, jump, start) after each layer; a layer is (kernel, stride, padding, dilation)."""
    rows, r, j, c = [], 1, 1, 0.0
    for k, s, p, d in layers:
        steps = d * (k - 1)
        r, j, c = r + steps * j, j * s, c + (steps / 2 - p) * j  # on the right stands the jump of the layer below
        rows.append((r, j, c))
    return rows


for position in range(3):
    strided = [(3, 2 if layer == position else 1, 0, 1) for layer in range(3)]
    print(f"stride 2 in layer {position + 1}: sizes {[r for r, _, _ in grow(strided)]}")
    claim(f"as drawn, stride in layer {position + 1}", grow(strided)[-1][0], widths[position], source="T09")


# %% [markdown]
# A formula is easily off by one, so we check it by another way. Start at the unit and walk *down*: unit $i$ of a layer
# reads the units from $s\,i - p$ to $s\,i - p + d\,(k-1)$ of the layer below. Keep the first and the last.

# %%
def walk_down(layers, unit):
    """First and last place on the line of pixels that a unit of the last layer reaches; below 0 lies padding."""
    first = last = unit
    for k, s, p, d in reversed(layers):
        first, last = s * first - p, s * last - p + d * (k - 1)
    return first, last


rng = np.random.default_rng(SEED)
agree = 0
for _ in range(500):
    layers = [tuple(rng.integers((1, 1, 0, 1), (8, 4, 4, 4))) for _ in range(rng.integers(1, 7))]
    (r, j, c), unit = grow(layers)[-1], int(rng.integers(20))
    first, last = walk_down(layers, unit)
    agree += last - first + 1 == r and (first + last) / 2 == c + unit * j
claim("random stacks on which both ways agree, of 500", agree, 500)

# %% [markdown] topics=["F3"]
# ## A published table, recomputed
#
# A widely read guide builds this network for CIFAR-10, whose pictures have 32 × 32 pixels: convolution, convolution,
# pooling, three times over. All kernels are 3 × 3 with one pixel of padding, all poolings 2 × 2 with stride 2. It
# prints the size of the field after each of the first eight layers.

# %%
CONV, POOL = (3, 1, 1, 1), (2, 2, 0, 1)
published = [CONV, CONV, POOL] * 3
names = ["conv 1", "conv 2", "pool 1", "conv 3", "conv 4", "pool 2", "conv 5", "conv 6", "pool 3"]
n = 32
print("layer    units  size  jump  start")
for name, (k, s, p, d), (r, j, c) in zip(names, published, grow(published), strict=True):
    n = (n + 2 * p - d * (k - 1) - 1) // s + 1
    print(f"{name:7s} {n:6d} {r:5d} {j:5d} {c:6.1f}")
sizes = [r for r, _, _ in grow(published)]
claim("sizes as printed", sizes[:8], [3, 5, 6, 10, 14, 16, 24, 32], source="T10")
claim("and after the last pooling", sizes[8], 36)

# %% [markdown]
# The sizes are right. See how slowly it begins and how fast it ends: behind two poolings every 3 × 3 adds 8 pixels.
#
# Then the guide concludes: *conv 6 has a field of 32 × 32, so its units see the entire image.* The map of conv 6 has 8
# × 8 units. **Before you run:** how many of the 8 units along one axis see all 32 rows? Which ones?

# %%
conv6 = published[:8]
fields = [walk_down(conv6, unit) for unit in range(8)]
rows_seen = np.array([min(last, 31) - max(first, 0) + 1 for first, last in fields])
fig, ax = plt.subplots(figsize=(8.4, 3.3))
ax.axvspan(-0.5, 31.5, color=plots.INK, alpha=0.12, lw=0)
for unit, (first, last) in enumerate(fields):
    ax.barh(unit, last - first + 1, left=first - 0.5, height=0.62, fill=False, edgecolor=plots.COLOURS[0])
    ax.barh(unit, rows_seen[unit], left=max(first, 0) - 0.5, height=0.62, color=plots.COLOURS[0], lw=0)
    ax.text(47.5, unit, f"sees {rows_seen[unit]}", va="center")
ax.text(15.5, -0.85, "the image", ha="center", va="bottom")
ax.set(xlabel="row (pixels)", ylabel="unit of conv 6", yticks=range(8), xlim=(-16, 54), ylim=(7.6, -1.7))
ax.spines["left"].set_visible(False)
plots.show(
    fig,
    alt="Bars of 32 rows for the 8 units of conv 6, each 4 rows further down than the one before. All hang over an end of the "
    f"image, which has the rows 0 to 31. Of these the units see {rows_seen.tolist()}.",
)
claim("units of conv 6 that see all 32 rows", (rows_seen == 32).sum(), 0, source="F21")
claim("rows that each unit sees", rows_seen, np.array([18, 22, 26, 30, 30, 26, 22, 18]), source="F21")

# %% [markdown]
# None. A field of 32 would have to lie exactly on the image, and not one does. Each lies around its own middle, and
# hangs over an end: there it sees zeros that padding has put in. The best two units see 30 of 32 rows.
#
# **Before you run:** above conv 6 lies the last pooling. Its field has 36 pixels, four *more* than the image. Does one
# of its four units see everything?

# %%
at_pool3 = [walk_down(published, unit) for unit in range(4)]
seen_by_pool3 = [min(last, 31) - max(first, 0) + 1 for first, last in at_pool3]
claim("rows that the units of pool 3 see", seen_by_pool3, [22, 30, 30, 22], source="F21")
for name, layers, unit in [("conv 6", conv6, 3), ("pool 3", published, 1)]:
    r, j, c = grow(layers)[-1]
    off = abs(c + unit * j - 15.5)  # the middle of the image lies between rows 15 and 16
    print(f"{name}, unit {unit}: middle at {c + unit * j}, {off:g} beside the image's; it would need {32 + 2 * off:g}")
    claim(f"{name}: the field is too small for its place", r < 32 + 2 * off, True)

# %% [markdown]
# Again none, and again 30. The pooling has widened the fields by 4 pixels and moved them further from the middle. A
# unit sees all $n$ pixels only if
#
# $$ r \;\ge\; n + 2\,\lvert\text{its middle} - \text{the image's middle}\rvert . $$
#
# So **no unit of this network's maps ever sees the whole picture.** Only the dense layers behind them put the parts
# together. That is not a defect. But "field as large as the image" and "sees the image" are two statements, and only
# the first is in the table.

# %% [markdown] topics=["F4"]
# ## Two small kernels for one large one
#
# Two layers of 3 × 3 have the field of one layer of 5 × 5, three that of 7 × 7. **Before you run:** with 64 channels
# everywhere, which is cheaper, and by how much?

# %%
import keras
from keras import layers as kl


def in_a_row(sizes, channels=64):
    """Convolutions of these kernel sizes on a map of 32 × 32, each with a ReLU, without biases."""
    stack = [kl.Conv2D(channels, k, padding="same", use_bias=False, activation="relu") for k in sizes]
    return ledger(keras.Sequential([keras.Input((32, 32, channels)), *stack]))


for small, large in [((3, 3), (5,)), ((3, 3, 3), (7,))]:
    few, many = in_a_row(small), in_a_row(large)
    for book in (few, many):
        print(f"field {book.rows[-1].receptive_field}: {book.parameters:7,} parameters, {book.macs:11,} multiply-adds")
    claim("the same field", few.rows[-1].receptive_field, many.rows[-1].receptive_field, source="T11")
    saved = 1 - few.parameters / many.parameters
    claim(f"saved by {len(small)} layers of 3 × 3", round(100 * saved), 28 if len(small) == 2 else 45, source="T11")

# %% [markdown]
# With $C$ channels in and out the counts are $2 \cdot 9\,C^2 = 18\,C^2$ against $25\,C^2$: a saving of 28 %, in weights
# and in multiply-adds alike. Three layers save 45 %. This was the argument of the network VGG (Simonyan & Zisserman
# 2015). There is a second one: between the small layers stands a ReLU. Two layers with a bend between them can do what
# one cannot (Day 6).
#
# And there is a price. Is the view of the two layers the *same* as the view of the large kernel?
#
# ## Not all pixels count alike
#
# Go back to the cone. From the pixel in the middle many **paths** lead up to the unit, from a pixel at the rim only
# one. **Before you run:** draw two layers with kernels of 3 over 5 pixels. From each pixel, in how many ways can you
# climb to the top? And with three layers over 7 pixels?

# %%
paths = [np.ones(1, dtype=int)]
for _ in range(3):
    paths.append(np.convolve(paths[-1], [1, 1, 1]))  # each unit passes its paths on to three places
    print(paths[-1])
claim("two layers of 3", paths[2], np.array([1, 2, 3, 2, 1]))
claim("three layers of 3", paths[3], np.array([1, 3, 6, 7, 6, 3, 1]))
grid = np.outer(paths[3], paths[3])  # a path chooses its rows and its columns independently
plots.show(
    plots.pixels(grid, "paths to a unit of layer 3", labels=False),
    alt=f"Number of paths from each of 7 by 7 pixels: {grid.tolist()}.",
)
claim("paths from the middle, for one path from a corner", grid[3, 3] / grid[0, 0], 49.0)


# %% [markdown]
# If all weights were equal, the pixel in the middle would count 49 times as much as the pixel in the corner. One 7 × 7
# kernel gives every pixel exactly one path.
#
# Add layers. **Before you run:** ten layers of 3 × 3 see 21 × 21 pixels. The 7 × 7 pixels in the middle are 11 % of
# them. Which share of all paths do they hold?

# %%
def path_shares(layers):
    """Share of the paths to one unit from each pixel of its field, along one axis, far from any border."""
    shares = np.ones(1)
    for k, s, _, d in reversed(layers):
        spread = np.zeros(s * (len(shares) - 1) + 1)
        spread[::s] = shares  # its neighbours stand s places apart in the layer below
        taps = np.zeros(d * (k - 1) + 1)
        taps[::d] = 1 / k
        shares = np.convolve(spread, taps)
    return shares


def middle(field, side):
    """What the middle square of this side holds."""
    edge = (len(field) - side) // 2
    return field[edge : edge + side, edge : edge + side].sum()


ten = np.outer(*[path_shares([CONV] * 10)] * 2)
claim("area of the middle 7 × 7, of 21 × 21, in per cent", round(100 * 49 / 441), 11)
claim("share of the paths, in per cent", round(100 * middle(ten, 7)), 68, source="T12")

# %%
depths = np.arange(1, 41)
profiles_by_depth = {L: path_shares([CONV] * L) for L in depths}


def spread_of(shares):
    """Standard deviation of the shares around their middle, in pixels."""
    places = np.arange(len(shares)) - (len(shares) - 1) / 2
    return np.sqrt(shares @ places**2)


spreads = np.array([spread_of(profiles_by_depth[L]) for L in depths])
fig, (left, right) = plt.subplots(1, 2, figsize=(9.4, 3.1))
for i, L in enumerate((5, 20, 40)):
    left.plot(np.arange(-L, L + 1), 100 * profiles_by_depth[L], marker=".", color=plots.COLOURS[i], label=f"{L} layers")
left.set(xlabel="pixel, counted from the middle", ylabel="share of the paths (%)", title="along one row of the field")
left.legend()
plots.curves(
    {"receptive field": 2 * depths + 1, "holds about 96 % of a row's paths": 4 * spreads},
    "two ways to grow",
    right,
    x=depths,
    xlabel="layers of 3 × 3",
    ylabel="width (pixels)",
)
plots.show(
    fig,
    alt="Left: shares of the paths along a row for 5, 20 and 40 layers, bell curves that get lower and wider. Right: over the "
    f"number of layers, the receptive field rises along a straight line to {2 * 40 + 1} pixels, the width that holds about 96 % bends "
    f"down and reaches {4 * spreads[-1]:.0f}.",
)
claim("spread after L layers is √(2L/3)", spreads, np.sqrt(2 * depths / 3), tolerance=1e-9)
claim("four times as many layers: the spread grows by the factor", spreads[39] / spreads[9], 2.0, tolerance=1e-9)
inside = [profiles_by_depth[L][np.abs(np.arange(-L, L + 1)) <= 2 * spreads[L - 1]].sum() for L in (10, 20, 40)]
claim("share within two spreads of the middle", inside, np.full(3, 0.96), tolerance=0.015)

# %% [markdown] topics=["F5"]
# A bell, the **Gaussian**: adding up many independent steps always ends there. The field grows with $L$, its bright
# spot only with $\sqrt{L}$. What really counts is called the **effective receptive field** (Luo et al. 2016), and the
# deeper the stack, the smaller a part of the field it is.
#
# ## Measured with gradients
#
# So far all weights were equal. Networks have other weights, and ReLUs between the layers. We can measure what each
# pixel counts without counting a path. Nudge a pixel by a tiny $h$, and the unit moves by $g\,h$. The number $g$ is the
# **gradient** of the unit by this pixel: how sensitive the unit is to it. PyTorch gives the gradients by *all* pixels
# in one go; Day 7 shows how. Here we only check that they are what the nudge says.

# %%
import torch
from torch import nn

torch.set_num_threads(1)  # layers as small as today's are faster on one core
torch.manual_seed(SEED)
small_net = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Conv2d(4, 1, 3)).double()
image = torch.randn(1, 1, 5, 5, dtype=torch.double, requires_grad=True)  # please keep track of this
small_net(image)[0, 0, 0, 0].backward()  # gradients of this one unit, by everything it depends on

h, nudged = 1e-6, np.zeros((5, 5))
with torch.no_grad():
    for row, column in np.ndindex(5, 5):
        changed = image.clone()
        changed[0, 0, row, column] += h
        nudged[row, column] = (small_net(changed) - small_net(image)).item() / h
plots.show(
    plots.pixels(nudged.round(2) + 0.0, "gradient by each pixel", labels=False),
    alt=f"Gradients of the unit by 5 by 5 pixels, positive and negative: {nudged.round(2).tolist()}.",
)
claim("nudging and PyTorch agree", image.grad[0, 0].numpy(), nudged, tolerance=1e-6)


# %% [markdown]
# Some gradients are positive, some negative. How much a pixel counts is a question of size, so we square them. Shares
# of the squares add up to 1, as the shares of the paths do. They are even the *same* shares on average, if the weights
# are drawn at random around 0: each path contributes a product of random weights, products of different paths do not
# know of each other, and so the squares add up path by path.
#
# In the heat maps of this day yellow counts most, dark blue nothing. **Before you run:** ten layers of 3 × 3 with 16
# channels and random weights. Once with nothing between the layers, once with ReLU, which sets about half of the units
# to zero and cuts every path through them. What will ReLU do to the bright spot?

# %%
def random_stack(depth, relu):
    """Convolutions of 3 × 3 with random weights, drawn so that the signal keeps its size (Day 7)."""
    modules = []
    for layer in range(depth):
        last = layer == depth - 1
        conv = nn.Conv2d(1 if layer == 0 else 16, 1 if last else 16, 3, bias=False)
        nn.init.kaiming_normal_(conv.weight, nonlinearity="relu" if relu else "linear")
        modules += [conv] if last or not relu else [conv, nn.ReLU()]
    return nn.Sequential(*modules)


def squared_gradients(network, images, row, column):
    """Squares of the gradients of the unit (row, column), added up over images and channels: (rows, columns)."""
    images = images.clone().requires_grad_()
    maps, total = network(images), 0
    for channel in range(maps.shape[1]):
        (gradient,) = torch.autograd.grad(maps[:, channel, row, column].sum(), images, retain_graph=True)
        total = total + gradient.square().sum(dim=(0, 1))
    return total.cpu().numpy()


def shares_of(squares):
    return squares / squares.sum()


draws = profile.pick(smoke=30, cpu=100, gpu=200)
torch.manual_seed(SEED)
measured = {}
for name, relu in {"linear": False, "ReLU": True}.items():
    single = [
        shares_of(squared_gradients(random_stack(10, relu), torch.randn(4, 1, 21, 21), 0, 0)) for _ in range(draws)
    ]
    measured[f"{name}, one network"], measured[f"{name}, mean of {draws}"] = single[0], np.mean(single, axis=0)

# %%
fig, axes = plt.subplots(1, 5, figsize=(10.4, 2.7))
panels = {"all weights equal": ten, **measured}
for ax, (title, field) in zip(axes, panels.items(), strict=True):
    ax.imshow(field, cmap="cividis", vmin=0)
    ax.add_patch(plt.Rectangle((6.5, 6.5), 7, 7, fill=False, edgecolor="white", linewidth=1.2))
    ax.set(xticks=[], yticks=[], title=title, xlabel=f"{middle(field, 7):.0%} in the frame")
    ax.title.set_fontsize(9)
told = "; ".join(f"{title}: {middle(field, 7):.0%}" for title, field in panels.items())
plots.show(
    fig,
    alt="Effective receptive fields of ten layers of 3 by 3 as heat maps of 21 by 21 pixels, bright in the middle and dark at the "
    f"rim; single networks are patchy, means are smooth. Share in the middle 7 by 7: {told}.",
)
for name in ("linear", "ReLU"):
    share = middle(measured[f"{name}, mean of {draws}"], 7)
    result(f"middle_share_{name.lower()}", share, "%")
    claim(f"{name}: the middle share, beside that of the paths", share, middle(ten, 7), tolerance=0.08)

# %% [markdown]
# Nothing, as far as you can see. ReLU cuts paths everywhere alike, so the *shape* stays. A single network is patchy;
# the mean over many is the bell that counting had predicted.
#
# So think of a unit as a **spotlight**, not as a window. Here is the field of 20 layers on a photograph: what the unit
# could see, and what counts.

# %%
from skimage import data as photos

photo = photos.astronaut()[:256, 100:356].reshape(64, 4, 64, 4, 3).mean(axis=(1, 3)) / 255  # 64 × 64, 0 to 1
light = np.outer(*[path_shares([CONV] * 20)] * 2)
row, column = 26, 31  # the middle of the field
window, spot = np.zeros((64, 64, 1)), np.zeros((64, 64, 1))
here = np.s_[row - 20 : row + 21, column - 20 : column + 21]
window[here] = 1
spot[here] = (light / light.max())[:, :, None]
fig, axes = plt.subplots(1, 3, figsize=(9, 3.2))
titles = ["the picture", "receptive field: 41 × 41", "effective: weighted by paths"]
for ax, title, mask in zip(axes, titles, (1, window, spot), strict=True):
    plots.image(photo * mask, title, ax)
half = min(side for side in range(1, 42, 2) if middle(light, side) >= 0.5)
plots.show(
    fig,
    alt="A portrait, then the square of 41 by 41 pixels around the face that a unit of layer 20 can see, then the same weighted "
    f"by paths: a round spot of light on the face. {half} by {half} pixels hold half of the paths.",
)
claim("side of the square that holds half of the paths", half, 9)
claim("its area, in per cent of the field", round(100 * half**2 / 41**2), 5)

# %% [markdown]
# Half of the weight lies on 5 % of the field.
#
# ## The same in Keras and PyTorch
#
# Back to the published net. Its fields were counted; now we let two frameworks show them. For Keras we need no
# gradient: make 1,024 pictures, each black with a *single* lit pixel, and send them through in one batch. A unit that
# is not 0 sees that pixel. All weights are 1, so the number that comes out is the number of paths. For the poolings we
# take the mean: max pooling would let only the brightest through, and its field is the same.

# %%
lit = np.eye(32 * 32, dtype="float32").reshape(-1, 32, 32)  # picture i has pixel i lit

keras_conv6, torch_conv6 = keras.Sequential([keras.Input((32, 32, 1))]), nn.Sequential()
for k, _, p, _ in conv6:
    if k == 3:
        keras_conv6.add(kl.Conv2D(1, 3, padding="same", use_bias=False, kernel_initializer="ones"))
        torch_conv6.append(nn.Conv2d(1, 1, 3, padding=p, bias=False))
        nn.init.ones_(torch_conv6[-1].weight)
    else:
        keras_conv6.add(kl.AveragePooling2D(2))
        torch_conv6.append(nn.AvgPool2d(2))

answers = 16 * keras.ops.convert_to_numpy(keras_conv6(lit[:, :, :, None]))[..., 0]  # each of two poolings divides by 4
by_keras = answers.reshape(32, 32, 8, 8)  # (row and column of the pixel, row and column of the unit)

black = torch.zeros(1, 1, 32, 32, requires_grad=True)
torch_conv6(black)[0, 0, 3, 5].backward()
by_torch = 16 * black.grad[0, 0].numpy()  # (row and column of the pixel), of unit (3, 5)

# %%
from course_utils.reference import paths_to_unit  # counts paths at borders, too

along_rows, along_columns = (paths_to_unit(conv6, 32, unit) for unit in (3, 5))
by_numpy = np.outer(along_rows, along_columns)
rounding = 0.05 * by_numpy.max() if profiles.visible_gpus() else 1e-3  # a GPU rounds factors to 10 binary digits
claim("Keras, lit pixels, and counted paths", by_keras[:, :, 3, 5], by_numpy, tolerance=rounding)
claim("PyTorch, gradients, and counted paths", by_torch, by_numpy, tolerance=rounding)
seen = by_keras > 0.5
rows_of_unit = seen.any(axis=1)[:, :, 0].sum(axis=0)  # for each row of units, how many rows of pixels it sees
claim("rows that the units of conv 6 see, in Keras", rows_of_unit, rows_seen, source="F21")
claim("pixels of 1,024 that the best unit sees", seen.sum(axis=(0, 1)).max(), 900, source="F21")

# %%
fig, axes = plt.subplots(1, 4, figsize=(9.6, 2.8))
for ax, (row, column) in zip(axes, [(0, 0), (0, 4), (3, 3), (7, 7)], strict=True):
    ax.imshow(by_keras[:, :, row, column], cmap="cividis", vmin=0)
    ax.set(xticks=[0, 31], yticks=[0, 31], xlabel="column (pixels)", title=f"unit ({row}, {column})")
axes[0].set_ylabel("row (pixels)")
told = ", ".join(f"({r}, {c}): {seen[:, :, r, c].sum()}" for r, c in [(0, 0), (0, 4), (3, 3), (7, 7)])
plots.show(
    fig,
    alt="Paths from each of 32 by 32 pixels to four units of conv 6, as heat maps. Each is a bright spot around the unit's own "
    f"place. Pixels seen at all, of 1,024: {told}.",
)

# %% [markdown]
# Even the unit in the middle, (3, 3), does not reach the last two rows and columns. And look how dark it is long before
# that.
#
# ## Try it yourself: a stack of layers

# %%
from course_utils.widgets import ReceptiveFieldStack

ReceptiveFieldStack()

# %% [markdown] tags=["explorer"]
# **Explorer: receptive field stack.** Build a stack, choose a layer and a unit, and see its field, the paths to it, and
# whether any unit sees the whole image. Two things to try:
#
# 1. *Who sees it all?* Begin with the published CIFAR-10 net and walk through the eight units of layer 8. Then add
#    layers of 3 × 3 after it until one unit sees the whole image. Look at the answer below the drawing.
# 2. *Holes.* Choose dilation 2, 2, 2 and look at the bars below the input: which pixels inside the field have no path
#    at all? Change the three dilations so that the field stays at least as wide and the holes close.

# %% [markdown] topics=["F6"]
# ## How much must a unit see?
#
# It depends on the question.
#
# | question | what a unit must see |
# |---|---|
# | Is this cloth, grass or brick? | a few repetitions of the **texture**: small fields are enough |
# | Is this a cup? | most of the **object**, so a field somewhat larger than it |
# | Is this a kitchen or a bathroom? | the **scene**: things far apart, together |
#
# Try it on the handwritten digits of Day 1, 8 × 8 pixels. Five networks with nearly the same number of parameters
# differ in their fields: 1, 3, 5, 7 and all 8 pixels. No padding, and at the end the mean of each map over all places.
# So a network with a field of 3 sees only snippets of 3 × 3 pixels, and does **not** know where they were.
#
# **Before you run:** guess its share of right answers. Guessing a digit gives 10 %.

# %%
import torch.nn.functional as F
from sklearn.datasets import load_digits

digits = load_digits()
X = torch.tensor(digits.images[:, None] / 16 - 0.3, dtype=torch.float32)  # (1797, 1, 8, 8), about centred
Y = torch.tensor(digits.target)


def snippets_net(kernel_sizes, channels):
    modules, before = [], 1
    for k in kernel_sizes:
        modules += [nn.Conv2d(before, channels, k), nn.ReLU()]
        before = channels
    return nn.Sequential(*modules, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, 10))


def train(network, images, labels, epochs, rate, after_epoch=lambda: None):
    """Day 1's six lines; the step grows and then shrinks to zero over the run (Day 8)."""
    optimizer = torch.optim.Adam(network.parameters())
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, total_steps=epochs * -(-len(images) // 64))
    for _ in range(epochs):
        for batch in torch.randperm(len(images)).split(64):
            loss = F.cross_entropy(network(images[batch]), labels[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
        after_epoch()
    return network


plans = {1: ((1, 1, 1), 64), 3: ((3, 1, 1), 60), 5: ((3, 3, 1), 28), 7: ((3, 3, 3), 21), 8: ((8, 1, 1), 46)}
for field, plan in plans.items():
    book = ledger(snippets_net(*plan), (1, 8, 8))
    widest = max(row.receptive_field or 0 for row in book.rows[: 2 * len(plan[0])])
    print(f"field {widest}: {book.parameters:,} parameters")
    claim(f"kernels {plan[0]}: field", widest, field)

# %%
epochs, seeds = profile.pick(smoke=10, cpu=20, gpu=20), range(SEED, SEED + profile.pick(smoke=1, cpu=3, gpu=5))
correct = {field: [] for field in plans}
for seed in seeds:
    torch.manual_seed(seed)
    shuffled = torch.randperm(len(X))
    learn, exam = shuffled[:1000], shuffled[1000:]
    for field, plan in plans.items():
        network = train(snippets_net(*plan), X[learn], Y[learn], epochs, rate=1e-2)
        with torch.no_grad():
            correct[field].append((network(X[exam]).argmax(dim=1) == Y[exam]).float().mean().item())
scores = {field: np.mean(found) for field, found in correct.items()}
fig = plots.bars(
    [f"{field} × {field} pixels" for field in scores],
    list(scores.values()),
    title="digits, by the field of the last units",
    label="right answers",
    unit="%",
)
told = ", ".join(f"field {field}: {score:.0%}" for field, score in scores.items())
plots.show(fig, alt=f"Share of right answers on unseen digits. {told}.")
for field, score in scores.items():
    result(f"digits_field_{field}", score, "%")
claim("snippets of 3 × 3 are far better than guessing", scores[3], lambda score: score > 0.5)
claim("and far better than single pixels", scores[3] - scores[1], lambda gain: gain > 0.2)
claim("a field of 7 is better still", scores[7] > scores[3], True)

# %% [markdown]
# Snippets of 3 × 3, thrown into a bag, tell most digits apart. A round stroke, an end, a crossing: how often each of
# them occurs is a good description. The same was found for photographs of a thousand kinds of things (Brendel & Bethge
# 2019, *bags of local features*). A small field is not blind; it is short-sighted. And the gain from seeing more is
# real, but it shrinks with every step.
#
# ## Does training move the spot?
#
# All heat maps so far came from random or equal weights. Now train a network on CIFAR-10 and measure before and after:
# the first layer with stride 2, then seven layers of 3 × 3. We look at a unit in the middle of the last map.
#
# **Before you run:** the loss never mentions the spot. Will it get wider, get narrower, or stay?

# %%
device = "cuda" if torch.cuda.is_available() else "cpu"
cifar = data.load("cifar10", profile=profile)
amount = profile.pick(smoke=256, cpu=8000, gpu=45_000)
some = cifar.train.subset(amount, seed=SEED) if amount < len(cifar.train) else cifar.train
probe = cifar.validation.images[: profile.pick(smoke=32, cpu=64, gpu=256)]


def as_tensor(images):
    pixels = (np.asarray(images, dtype="float32") / 255 - 0.5) * 4  # about centred, spread about 1
    return layouts.to_torch(pixels).to(device, memory_format=torch.channels_last)


stack = [(3, 2, 1, 1)] + [CONV] * 7
(r, j, c) = grow(stack)[-1]
print(f"field {r}, jump {j}; unit 8 has its middle at pixel {c + 8 * j:g} of 32")
torch.manual_seed(SEED)
modules = []
for layer, (k, s, p, _) in enumerate(stack):
    modules += [nn.Conv2d(3 if layer == 0 else 16, 16, k, stride=s, padding=p), nn.ReLU()]
    nn.init.kaiming_normal_(modules[-2].weight)
classifier = nn.Sequential(*modules, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, 10))
classifier = classifier.to(device, memory_format=torch.channels_last)
maps_of = classifier[:15]  # up to the last convolution, before its ReLU


# %%
def spot():
    """Shares of the squared gradients of unit (8, 8), over the probe images."""
    return shares_of(squared_gradients(maps_of, as_tensor(probe), 8, 8))


def spreads_of(field, row, column):
    """Standard deviations around (row, column), in pixels: from top to bottom, and from left to right."""
    rows, columns = np.indices(field.shape)
    return [np.sqrt((field * (places - at) ** 2).sum()) for places, at in ((rows, row), (columns, column))]


labels = torch.from_numpy(np.asarray(some.labels)).long().to(device)
spots = [spot()]
classifier = train(
    classifier,
    as_tensor(some.images),
    labels,
    profile.pick(smoke=2, cpu=8, gpu=20),
    rate=4e-3,
    after_epoch=lambda: spots.append(spot()),
)

# %%
down, across = np.array([spreads_of(field, 16, 16) for field in spots]).T
sample = ", sample data drawn by code" if cifar.is_sample else ""
fig, (first, last, lines) = plt.subplots(1, 3, figsize=(9.6, 3.1), width_ratios=(1, 1, 1.25))
for ax, title, field in ((first, "before training", spots[0]), (last, "after training", spots[-1])):
    ax.imshow(np.sqrt(field), cmap="cividis", vmin=0)  # the root, so that the rim shows
    ax.set(xticks=[0, 31], yticks=[0, 31], title=title, xlabel="column (pixels)")
first.set_ylabel("row (pixels)")
plots.curves(
    {"top to bottom": down, "left to right": across},
    None,
    lines,
    x=range(len(spots)),
    xlabel="epochs",
    ylabel="spread (pixels)",
)
lines.xaxis.get_major_locator().set_params(integer=True)
fig.supxlabel(f"CIFAR-10{sample}; heat maps show square roots", fontsize=9)
plots.show(
    fig,
    alt=f"Effective receptive field of a unit in the middle, before and after training on CIFAR-10{sample}: a spot around the "
    f"middle. Its spread goes from {down[0]:.1f} to {down[-1]:.1f} pixels from top to bottom, and from {across[0]:.1f} to "
    f"{across[-1]:.1f} from left to right.",
)
for name, spread in {"down": down, "across": across}.items():
    result(f"spread_{name}_before_training", spread[0], "pixels")
    result(f"spread_{name}_after_training", spread[-1], "pixels")
    change = spread[-1] / spread[0] - 1
    print(f"{name}: training has made the spot {abs(change):.0%} {'wider' if change > 0 else 'narrower'}")
evenly = np.sqrt((r**2 - 1) / 12)
claim("a field seen evenly would have a spread of, in pixels", round(evenly, 1), 8.9)
claim("the spot is narrower than that all the time", max(down.max(), across.max()) < 0.8 * evenly, True)

# %% [markdown]
# In our three runs on CIFAR-10 in the cpu profile the spot got narrower from left to right each time. From top to bottom
# it did so once, and stayed about as wide twice. Nobody asked for that; the pictures did. (Sample data drawn by code need not agree.) Luo et al. (2016) found it
# *wider* after training, in a deep residual network (Day 15) trained to the end. So training moves the weights, and with them the
# spot, in a way that depends on the network, the data and the time. What it cannot move is the field: not one pixel
# outside it will ever count.
#
# ## Reach 31 pixels in four ways
#
# Suppose the question needs a field of 31 × 31 pixels. Four means are at hand: more layers, larger kernels, strides (or
# poolings), dilation. We put each on a map of 64 × 64 with 16 channels, and let the ledger count.
#
# **Before you run:** which of the four has the most parameters? Which needs the fewest multiply-adds?

# %%
ways = {
    "depth: fifteen 3 × 3": [CONV] * 15,
    "kernel: one 31 × 31": [(31, 1, 15, 1)],
    "stride: 2, 2, 2, then 1": [(3, 2, 1, 1)] * 3 + [CONV],
    "dilation: 1, 2, 4, 8": [(3, 1, d, d) for d in (1, 2, 4, 8)],
}


def convolutions(stack, channels=16):
    """These layers in PyTorch, with as many channels all the way."""
    return nn.Sequential(*(nn.Conv2d(channels, channels, k, s, p, d) for k, s, p, d in stack))


books = {name: ledger(convolutions(stack), (16, 64, 64)) for name, stack in ways.items()}
print(f"{'':24s}  field  jump  map      parameters  multiply-adds  holds half")
for name, book in books.items():
    row, shares = book.rows[-1], path_shares(ways[name])
    half = min(side for side in range(1, 32, 2) if middle(np.outer(shares, shares), side) >= 0.5)
    size = f"{row.output_shape[1]} × {row.output_shape[2]}"
    print(
        f"{name:24s}  {row.receptive_field:5d}  {row.jump:4d}  {size:7s}  {book.parameters:10,}  {book.macs:13,}  "
        f"{half} × {half}"
    )
claim("field of each", [book.rows[-1].receptive_field for book in books.values()], [31] * 4)

# %%
fig, (left, right) = plt.subplots(1, 2, figsize=(10.2, 2.7))
short = [name.split(":")[0] for name in ways]
plots.bars(short, [book.parameters / 1e3 for book in books.values()], ax=left, label="parameters (thousands)")
plots.bars(short, [book.macs / 1e6 for book in books.values()], ax=right, label="multiply-adds (millions)")
right.set_yticklabels([])
told = "; ".join(
    f"{name}: {book.parameters:,} and {book.macs / 1e6:.1f} million"
    for name, book in zip(short, books.values(), strict=True)
)
plots.show(fig, alt=f"Parameters and multiply-adds of four ways to a field of 31 pixels. {told}.")
by_depth, by_kernel, by_stride, by_dilation = books.values()
claim("stride and dilation: the same parameters", by_stride.parameters, by_dilation.parameters)
claim("most parameters: the kernel, times those of stride", by_kernel.parameters // by_stride.parameters, 26)
claim("multiply-adds, dilation for one of stride", by_dilation.macs / by_stride.macs, lambda times: 11 < times < 12)
claim("multiply-adds, kernel for one of stride", by_kernel.macs / by_stride.macs, lambda times: times > 300)

# %% [markdown]
# The large kernel is the dearest in both. Depth pays in multiply-adds. Strides are cheap twice over: few layers, and
# each on a smaller map. But look at the map: 8 × 8 units are left of 64 × 64. For one answer about the picture that is
# fine; to mark an object pixel by pixel it is not. Dilation keeps the map, and pays for it.
#
# All four fields are equally wide. **Before you run:** are they equally bright? Two of the four will look *exactly* the
# same. Which two?

# %%
fig, axes = plt.subplots(1, 4, figsize=(9.6, 2.9))
lines = {name: path_shares(stack) for name, stack in ways.items()}
for ax, (name, shares) in zip(axes, lines.items(), strict=True):
    ax.imshow(np.outer(shares, shares), cmap="cividis", vmin=0)
    ax.set(xticks=[0, 15, 30], yticks=[0, 15, 30], xlabel="column (pixels)")
    ax.set_title(f"{name}\nspread {spread_of(shares):.1f}", fontsize=9)
axes[0].set_ylabel("row (pixels)")
told = ", ".join(f"{name}: {spread_of(shares):.1f}" for name, shares in lines.items())
plots.show(
    fig,
    alt="Shares of the paths over a field of 31 by 31 pixels. Depth: a small bright spot. Kernel: all equal. Stride and dilation: "
    f"the same fractal pattern, spread widely. Spread in pixels: {told}.",
)
depth, kernel, stride, dilation = lines.values()
claim("stride and dilation, path by path", stride, dilation, tolerance=1e-12)
four_spreads = np.array([spread_of(line) for line in (kernel, stride, depth)])
claim("spread: kernel, stride, depth", four_spreads.round(1), np.array([8.9, 7.5, 3.2]))

# %% [markdown]
# Stride and dilation: every unit of the strided stack reads the same pixels by the same paths as *one* unit of the
# dilated stack. The dilated stack only computes all of them, the strided one every eighth along each axis:

# %%
torch.manual_seed(SEED)
dilated, strided = convolutions(ways["dilation: 1, 2, 4, 8"]), convolutions(ways["stride: 2, 2, 2, then 1"])
strided.load_state_dict(dilated.state_dict())  # the same weights
feature_map = torch.randn(1, 16, 64, 64)
with torch.no_grad():
    all_units, every_eighth = dilated(feature_map)[0].numpy(), strided(feature_map)[0].numpy()
claim("maps of the two", (all_units.shape, every_eighth.shape), ((16, 64, 64), (16, 8, 8)))
inner = all_units[:, ::8, ::8][:, 2:-2, 2:-2]  # far enough from the padding
claim("every eighth unit of the dilated map", every_eighth[:, 2:-2, 2:-2], inner, tolerance=1e-4)

# %% [markdown]
# This is why a trained strided network can be turned into one that answers for every pixel: replace the strides by
# dilations, and keep the weights.
#
# ### Holes
#
# Day 3 found that a constant dilation leaves holes in a line. Here they are in rows and columns. What do they do?
# **Before you run:** how many pixels do two neighbouring units share after three layers of dilation 2? After
# dilations 1, 2, 4?

# %%
rates = {"2, 2, 2": (2, 2, 2), "1, 2, 4": (1, 2, 4), "1, 2, 5": (1, 2, 5)}
fig, axes = plt.subplots(1, 3, figsize=(8.8, 3.2))
shared = {}
for ax, (name, dilations) in zip(axes, rates.items(), strict=True):
    line = path_shares([(3, 1, 0, d) for d in dilations])
    mine = np.append(np.outer(line, line) > 0, np.zeros((len(line), 1), dtype=bool), axis=1)
    shared[name] = int((mine & np.roll(mine, 1, axis=1)).sum())  # the neighbour's pixels lie one column further
    heat = np.outer(line, line)
    ax.imshow(np.ma.masked_equal(heat, 0), cmap="cividis", vmin=0)
    ax.set(xticks=[], yticks=[], xlabel=f"{np.count_nonzero(heat)} of {heat.size} pixels seen")
    ax.set_title(f"dilations {name}: {len(line)} × {len(line)}")
told = "; ".join(f"{name}: {number}" for name, number in shared.items())
plots.show(
    fig,
    alt="Fields of three dilated layers. With 2, 2, 2 only every second row and column is seen, the rest is empty. With 1, 2, 4 and "
    f"1, 2, 5 there are no holes. Pixels shared by neighbouring units: {told}.",
)
claim("pixels shared by neighbours at 2, 2, 2", shared["2, 2, 2"], 0)
claim("and at 1, 2, 4", shared["1, 2, 4"], 14 * 15)

# %% [markdown]
# None. With a constant dilation of 2 the picture falls into four pictures, and each unit knows one of them. Neighbours
# know nothing of each other. This is **gridding**, and here is what it does. We lay a faint chessboard of single pixels
# on the portrait and blur it with three dilated averages. **Before you run:** which blur removes the chessboard?

# %%
grey = photo.mean(axis=2)
chessboard = 0.12 * (-1.0) ** np.indices((64, 64)).sum(axis=0)
blurred, left_over = {}, {}
for name, dilations in rates.items():
    smooth, board = grey + chessboard, chessboard
    for d in dilations:
        smooth, board = conv2d(smooth, np.full((3, 3), 1 / 9), d), conv2d(board, np.full((3, 3), 1 / 9), d)
    blurred[name], left_over[name] = smooth, np.abs(board).max() / 0.12
fig, axes = plt.subplots(1, 4, figsize=(9.8, 2.8))
plots.image(grey + chessboard, "with a chessboard", axes[0])
for ax, (name, smooth) in zip(axes[1:], blurred.items(), strict=True):
    plots.image(smooth, f"dilations {name}", ax)
told = ", ".join(f"{name}: {share:.1%}" for name, share in left_over.items())
plots.show(
    fig,
    alt="A portrait with a faint chessboard of single pixels, and after three blurs. With dilations 2, 2, 2 the portrait is blurred "
    f"and the chessboard still there; with 1, 2, 4 it is faint, with 1, 2, 5 gone. Left of the chessboard: {told}.",
)
claim("left of the chessboard after 2, 2, 2", left_over["2, 2, 2"], 1.0, tolerance=1e-9)
claim("left of the chessboard after 1, 2, 4", left_over["1, 2, 4"], 1 / 9, tolerance=1e-9)

# %% [markdown]
# A blur that cannot see the finest pattern cannot remove it. A filter that is meant to *find* it cannot, either.
#
# **And the whole picture?** Three means skip the slow growth altogether. *Global pooling* (Day 4) averages a map over
# all places: every unit behind it sees everything, and knows no place. *Attention* lets each place read every other
# one, weighted by content (Day 15). *Skip connections* add a layer's input to its output (Day 15): the field does not
# grow by them, but there are short paths beside the long ones, so fine detail and wide view arrive together.
#
# ## What texts get wrong
#
# Each cell tests a sentence from a widely read text. Change the numbers and try to save it.
#
# **"With stride 2 in the second of three layers the fields are 3, 7, 11."** That is stride 2 in the *first* layer. A
# layer's own stride counts only for the layers behind it:

# %%
plain, halving = (3, 1, 1, 1), (3, 2, 1, 1)
claim("stride 2 in layer 2", [r for r, _, _ in grow([plain, halving, plain])], [3, 5, 9], source="F12")
claim("stride 2 in layer 1", [r for r, _, _ in grow([halving, plain, plain])], [3, 7, 11], source="F12")

# %% [markdown]
# **"A unit of conv 6 has a field of 32 × 32 and sees the entire 32 × 32 image."** You have seen it in two frameworks:
# the best unit sees 30 rows of 32 (F21). How many more layers does it take? Add layers of 3 × 3 after conv 6 until one
# unit sees it all:

# %%
longer = list(conv6)
while not any(first <= 0 and last >= 31 for first, last in (walk_down(longer, unit) for unit in range(8))):
    longer.append(CONV)
claim("layers that have to be added", len(longer) - len(conv6), 1, source="F21")
claim("field of the first unit that sees all 32 rows", grow(longer)[-1][0], 40, source="F21")

# %% [markdown]
# **"The receptive field is 1 + depth · (F − 1)."** The text's own network has five convolutions and three poolings.
# **Before you run:** what does the sentence say, and what is it after the last pooling?

# %%
own_net = [CONV, CONV, POOL, CONV, CONV, POOL, CONV, POOL]
claim("what the sentence says for five layers of 3 × 3", 1 + 5 * (3 - 1), 11, source="M32")
claim("field after the text's last pooling", grow(own_net)[-1][0], 28, source="M32")

# %% [markdown]
# **"Two 3 × 3 layers need 18 parameters per position, one 5 × 5 needs 25."** Parameters are shared by *all* positions
# (Day 1). The numbers count one pair of an input and an output channel. Make the map four times as large:

# %%
for side in (32, 64):
    model = keras.Sequential(
        [keras.Input((side, side, 64)), kl.Conv2D(64, 3, use_bias=False), kl.Conv2D(64, 3, use_bias=False)]
    )
    print(f"{side} × {side}: {model.count_params():,} parameters")
    claim(f"for each pair of channels, on {side} × {side}", model.count_params() / 64**2, 18.0, source="F25")

# %% [markdown]
# **"From layer 7 on, units recognise parts of objects."** The number of a layer says little. In a plain stack of 3 × 3
# and in two well-known networks for 224 × 224 pixels, work out the field of the seventh convolution:

# %%
vgg16 = [CONV, CONV, POOL] * 2 + [CONV, CONV, CONV, POOL] * 3
resnet18 = [(7, 2, 3, 1), (3, 2, 1, 1)] + [CONV] * 4 + [halving, CONV, CONV, CONV] * 3  # along its longest path
seventh = {}
for name, net in {"3 × 3 only": [CONV] * 7, "VGG16": vgg16, "ResNet-18": resnet18}.items():
    is_convolution = [layer != POOL and (name, place) != ("ResNet-18", 1) for place, layer in enumerate(net)]
    seventh[name] = grow(net)[np.flatnonzero(is_convolution)[6]][0]
    print(f"{name:10s} field of convolution 7: {seventh[name]:3d} pixels; of the last layer: {grow(net)[-1][0]}")
claim("fields of the seventh convolution", list(seventh.values()), [15, 40, 67], source="U16")
claim("VGG16: does the field of its last pooling cover 224 pixels?", grow(vgg16)[-1][0] >= 224, False)

# %% [markdown]
# **"To keep resolution, lower the stride of the first convolution of ResNet's layer 1."** There is nothing to lower: its
# stride is 1. Maps shrink in the first convolution and the pooling before it:

# %%
jumps = [j for _, j, _ in grow(resnet18)]
claim(
    "jump after the first convolution, the pooling, and all of layer 1",
    [jumps[i] for i in (0, 1, 5)],
    [2, 4, 4],
    source="F59",
)

# %% [markdown]
# **"To widen the field, replace the first convolution of layer 3 by a dilated one with 256 channels in and out."** In
# ResNet-18 and 34, 128 channels arrive there. And it halves the map, which the replacement would not:

# %%
arriving = torch.zeros(1, 128, 28, 28)
try:
    nn.Conv2d(256, 256, 3, padding=2, dilation=2)(arriving)
except RuntimeError as error:
    message = str(error)
    print(message[:130])
claim("the replacement takes what arrives", "expected input" not in message, False, source="F58")
fits = nn.Conv2d(128, 256, 3, stride=2, padding=2, dilation=2)(arriving)
claim("channels and stride kept, dilated: the shape", tuple(fits.shape), (1, 256, 14, 14), source="F58")

# %% [markdown]
# **"The effective receptive field is smaller than the theoretical one, and looks like a Gaussian."** True (T12). But it
# is a statement about *many small layers*. One large kernel sees its field evenly, and a few strided or dilated layers
# spread the light widely: you have drawn all four.
#
# ## Pitfalls
#
# | symptom | cause | fix |
# |---|---|---|
# | Your field is too large behind a stride | the layer's own stride was already used for it | enlarge the size first, then multiply the jump |
# | "The field covers the image", yet objects at the border are missed | the size was computed, not the place | compute the start too, or walk down from the unit |
# | The field is large, but the network uses only details | the effective field grows with the root of the depth | strides, poolings or dilation instead of more small layers |
# | A chequered texture in the output; neighbours contradict each other | constant dilation: holes | rates 1, 2, 4 or 1, 2, 5 |
# | A dilated layer shrinks the map, or raises an error | padding still 1; channels not kept | padding $d\,(k-1)/2$; same channels and stride as before |
# | `image.grad` is `None` | PyTorch was not asked to keep track of the image | `image.requires_grad_()` before the forward pass |
# | The heat map is empty, or only a few pixels | one picture, and ReLU or max pooling has cut the paths | add up squares over many pictures and channels |
# | Every pixel has a gradient, far outside the field | the layer uses statistics of the whole map or batch (batch normalisation in training, Day 10) | `model.eval()` first |
#
# One of them to feel. **Before you run:** a unit behind max pooling, one picture. How many of the 36 pixels of its
# field have a gradient?

# %%
torch.manual_seed(SEED)
pooled = nn.Sequential(nn.Conv2d(1, 1, 3, bias=False), nn.MaxPool2d(4))
one, many = (squared_gradients(pooled, torch.randn(number, 1, 6, 6), 0, 0) for number in (1, 500))
claim("pixels of the field with a gradient, one picture", np.count_nonzero(one), 9)
claim("and with 500 pictures", np.count_nonzero(many), 36)

# %% [markdown]
# ## Recap
#
# 1. A layer widens the field by $d\,(k-1)$ jumps of the layer *below*; its own stride counts for the layers behind it.
# 2. Size is not place. A unit sees the whole image only if its field also lies right: in the published net none does.
# 3. Pixels count by their paths. With depth the field grows like $L$, its bright spot like $\sqrt{L}$.
# 4. The same field costs very different amounts: strides are cheap and lose places, dilation keeps them, depth and
#    large kernels are dear.
# 5. A constant dilation leaves holes. How much a unit must see depends on the question, and a little goes far.
#
# ### Further reading
#
# - Luo, Li, Urtasun & Zemel, *Understanding the Effective Receptive Field in Deep Convolutional Neural Networks* (2016).
# - Araujo, Norris & Sim, *Computing Receptive Fields of Convolutional Neural Networks* (2019): the recursion, also for
#   networks that branch.
# - Simonyan & Zisserman, *Very Deep Convolutional Networks for Large-Scale Image Recognition* (2015): small kernels.
# - Yu & Koltun, *Multi-Scale Context Aggregation by Dilated Convolutions* (2016).
# - Wang et al., *Understanding Convolution for Semantic Segmentation* (2018): gridding, and rates against it.
# - Brendel & Bethge, *Approximating CNNs with Bag-of-local-Features Models Works Surprisingly Well on ImageNet* (2019).
# - Ding et al., *Scaling Up Your Kernels to 31 × 31* (2022): large kernels come back, one for each channel.
#
# **Now you:** [the exercise of Day 5](../exercises/day_05_receptive_fields.py). You will write the recursion, find the
# pixels that a unit sees, judge eight networks, measure effective fields, and design a stack under a budget. Every
# check answers at once.
