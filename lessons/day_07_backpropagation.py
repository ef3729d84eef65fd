# ---
# jupyter:
#   course:
#     budget_s:
#       cpu: 300
#       gpu: 300
#       smoke: 60
#     data: []
#     day: 7
#     frameworks:
#     - keras
#     - torch
#     minutes: 90
#     title: Backpropagation
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
# # Day 7: Backpropagation
#
# **A network has thousands of weights and one number that says how wrong it was. How does each weight learn its share
# of the blame?**
#
# After this day you can (in brackets: the question of the exercise that asks for it)
#
# 1. follow the chain rule backwards through a small network by hand, and write it for a dense layer with ReLU [1];
# 2. derive and write the gradients of a convolution: of its filters, its biases and its image [2, 3];
# 3. check any gradient by nudging, with a step that is neither too large nor too small [4, 5];
# 4. choose first weights of the right size, and say why that size is right [6];
# 5. read the numbers of a deep network layer by layer, and name what is wrong with it [7].
#
# **Time** about 90 minutes. **You need** derivatives of one variable and the chain rule from school. From Day 2:
# convolution, its turned kernel and its matrix. From Day 4: max pooling. From Day 6: ReLU, softmax, cross-entropy.

# %% tags=["parameters"]
PROFILE = "auto"  # "smoke", "cpu", "gpu", or "auto": gpu where one is visible, else cpu
SEED = 0

# %%
from itertools import pairwise

import matplotlib.pyplot as plt
import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from threadpoolctl import threadpool_limits

from course_utils import layouts, plots, profiles
from course_utils.claims import claim, result

profile = profiles.start(PROFILE, seed=SEED, frameworks=("keras", "torch"))
threadpool_limits(1, user_api="blas")  # NumPy's matrix products are small today: one core is faster than several

# %% [markdown]
# ## The idea: gears
#
# Picture a row of gears. You turn the first one a little. The second turns twice as fast, the third half as fast as
# the second, and so on to a pointer at the end. How far does the pointer move? Multiply the ratios of all the gears
# on the way. If two rows of gears lead from your knob to the pointer, work out both and add them.
#
# A network is such a machine. The knobs are its weights, the pointer is the **loss**, $L$. The ratio of a gear is a
# derivative: how much its output changes for a small change of its input. So there are just two rules:
#
# - **multiply along a path**,
# - **add over paths**.
#
# What we want is, for every weight $w$, the ratio from this knob to the pointer: $\partial L / \partial w$. All of
# them together are the **gradient**.
#
# ### One unit, by hand
#
# The smallest network there is: one input $x = 2$, one weight $w = 3$, one bias $b = -4$, ReLU, and the target 5.
# Forwards, from left to right:
#
# $$ z = w x + b = 2 \qquad a = \max(z, 0) = 2 \qquad L = (a - 5)^2 = 9 $$
#
# Backwards, from right to left. Each step multiplies what has come so far by the ratio of one more gear:
#
# $$ \frac{\partial L}{\partial a} = 2(a - 5) \qquad \frac{\partial L}{\partial z} = \frac{\partial L}{\partial a} \cdot 1
# \qquad \frac{\partial L}{\partial w} = \frac{\partial L}{\partial z} \cdot x \qquad
# \frac{\partial L}{\partial b} = \frac{\partial L}{\partial z} \cdot 1 \qquad
# \frac{\partial L}{\partial x} = \frac{\partial L}{\partial z} \cdot w $$
#
# (The ratio of ReLU is 1 where $z > 0$ and 0 elsewhere.) **Before you run:** put in the numbers. Should $w$ become
# larger or smaller?

# %%
x, w, b, target = 2.0, 3.0, -4.0, 5.0
z = w * x + b
a = max(z, 0)
L = (a - target) ** 2

dL_da = 2 * (a - target)
dL_dz = dL_da * (z > 0)  # the gate of ReLU: open or shut
dL_dw, dL_db, dL_dx = dL_dz * x, dL_dz * 1, dL_dz * w
claim("the loss", L, 9)
claim("gradient of the weight, the bias, the input", [dL_dw, dL_db, dL_dx], [-12, -6, -18])

# %%
places = {"w = 3": (0, 2.6), "x = 2": (0, 1.1), "b = −4": (0, -0.4)}
places |= {"z = wx + b": (3.2, 1.1), "a = ReLU(z)": (6.4, 1.1), "L = (a − 5)²": (9.6, 1.1)}
arrows = [("w = 3", "z = wx + b"), ("x = 2", "z = wx + b"), ("b = −4", "z = wx + b")]
arrows += [("z = wx + b", "a = ReLU(z)"), ("a = ReLU(z)", "L = (a − 5)²")]
values = {"z = wx + b": z, "a = ReLU(z)": a, "L = (a − 5)²": L}
back = {
    "w = 3": dL_dw,
    "x = 2": dL_dx,
    "b = −4": dL_db,
    "z = wx + b": dL_dz,
    "a = ReLU(z)": dL_da,
    "L = (a − 5)²": 1,
}
notes = {
    name: (f"forwards {values[name]:g}\n" if name in values else "") + f"backwards {back[name]:g}".replace("-", "−")
    for name in places
}
plots.show(
    plots.boxes(places, arrows, groups={"w = 3": 1, "b = −4": 1}, notes=notes),
    alt="Weight, input and bias lead to the sum z, on to ReLU and to the loss. Below each box its value and its gradient: "
    + "; ".join(f"{name}: {note}" for name, note in notes.items()).replace("\n", ", ")
    + ".",
)


# %% [markdown]
# A negative gradient: turn $w$ *up*, and the loss goes down. Believe nothing; nudge the weight and look:

# %%
def loss(w, b):
    return (max(w * x + b, 0) - target) ** 2


slope = (loss(w + 0.001, b) - loss(w, b)) / 0.001
print(f"the weight 0.001 larger: the loss changes by {loss(w + 0.001, b) - loss(w, b):.6f}")
claim("change of the loss for each unit of change of the weight, about", slope, -12, tolerance=0.01)

# %% [markdown] topics=["J1"]
# ### The cycle of learning
#
# Learning repeats five steps: **forward** (compute the output), **loss** (how wrong?), **backward** (whose fault?),
# **update** (move each weight a little against its gradient), **repeat**. How little, says the **learning rate**
# $\eta$: $w \leftarrow w - \eta \; \partial L / \partial w$. With $\eta = 0.01$ the new weight is 3.12 and the new
# bias −3.94.
#
# **Before you run:** the gradient promises a loss smaller by $0.01 \cdot (12^2 + 6^2) = 1.8$, so 7.2. Will it be
# exactly that?

# %%
losses = [loss(w, b)]
new_w, new_b = w, b
for _ in range(10):
    a = max(new_w * x + new_b, 0)  # forward
    dz = 2 * (a - target) * (a > 0)  # loss and backward
    new_w, new_b = new_w - 0.01 * dz * x, new_b - 0.01 * dz  # update
    losses.append(loss(new_w, new_b))
    if len(losses) == 2:
        claim("weight and bias after one step", np.array([new_w, new_b]), np.array([3.12, -3.94]), tolerance=1e-12)
        claim("the loss after one step", losses[1], 7.29, tolerance=1e-12)
print("the loss, step by step:", np.round(losses, 2))
claim("it falls with every step", bool(np.all(np.diff(losses) < 0)), True)

# %% [markdown]
# Not quite 7.2: the slope is that of the place where we stand, and it changes as we go. That is why steps are small.
# Which steps are good is tomorrow's subject; today is about the gradient.
#
# **Why backwards?** Nudging needs a whole forward pass for *every* weight. Backwards, each number on the way is
# computed once and used by everything before it: in the picture, $\partial L / \partial z$ served three knobs. One
# pass gives the gradient of all weights, however many. That is **backpropagation** (Rumelhart, Hinton & Williams
# 1986). The price is memory: the ratios depend on the values of the forward pass ($x$, the sign of $z$), so these
# must be kept until the way back.
#
# ## The gradient of a filter
#
# Now a convolution, small enough for paper. An image of 3 × 3, a kernel of 2 × 2, so four outputs. Whatever comes
# after the layer, it hands back one number for each output: $G[i, j] = \partial L / \partial S[i, j]$, the **upstream
# gradient**. It has the shape of the map. We assume some numbers.

# %%
image = np.array([[1, 2, 0], [3, 1, 2], [0, 1, 4]])
kernel = np.array([[1, -1], [2, 0]])
G = np.array([[1, -2], [3, 2]])  # upstream: how the loss changes with each output


def conv2d(image, kernel):
    """Day 2's convolution: the kernel stays inside the image and moves by one pixel."""
    return np.einsum("ijmn,mn->ij", sliding_window_view(image, kernel.shape), kernel)


outputs = conv2d(image, kernel)
claim("the four outputs", outputs, np.array([[5, 4], [2, 1]]))

# %% [markdown]
# Take one weight, the one at the top left, $K[0, 0]$. It is a knob with *four* rows of gears, because the kernel
# stood in four places. In each place it was multiplied with another pixel. So its ratio is
#
# - 1, the pixel, towards the output $S[0, 0]$, and from there $G[0, 0] = 1$ to the loss;
# - 2 towards $S[0, 1]$, and from there $G[0, 1] = -2$;
# - 3 towards $S[1, 0]$, and $G[1, 0] = 3$;
# - 1 towards $S[1, 1]$, and $G[1, 1] = 2$.
#
# Multiply along each path, add over the paths: $1 \cdot 1 + 2 \cdot (-2) + 3 \cdot 3 + 1 \cdot 2 = 8$. **Before you
# run:** which four pixels did the weight at the top *right* meet? Work out its gradient.

# %%
fig, axes = plt.subplots(1, 4, figsize=(8.6, 2.6), width_ratios=[3, 3, 2, 2])
plots.pixels(image, "met by K[0, 0]", axes[0], highlight=(0, 0, 2, 2), labels=False)
plots.pixels(image, "met by K[0, 1]", axes[1], highlight=(0, 1, 2, 2), labels=False)
plots.kernel(G, "upstream G", axes[2])
dK = np.array([[(image[m : m + 2, n : n + 2] * G).sum() for n in range(2)] for m in range(2)])
plots.kernel(dK, "gradient of K", axes[3])
plots.show(
    fig,
    alt="The image twice: framed are the four pixels that the top left weight met, rows and columns 0 and 1, and those that the "
    f"top right weight met, one column further. Beside them G = {G.tolist()} and the gradient of the kernel, {dK.tolist()}.",
)
claim("gradient of the four weights", dK, np.array([[8, 9], [3, 8]]))

# %% [markdown] topics=["J2"]
# Look at the frames. The pixels that a weight met form a *window of the size of G*, and the next weight's window lies
# one pixel further. Multiply the window by $G$, add up, move on by one: we have met that before.
#
# $$ \frac{\partial L}{\partial K[m, n]} \;=\; \sum_{i}\sum_{j} G[i, j]\; I[i + m,\; j + n] $$
#
# This is the formula of Day 2, with $G$ in the place of the kernel. **The gradient of a filter is the correlation of
# the input with the upstream gradient.** No new code is needed. The bias was added to all outputs, with the ratio 1:
# its gradient is the sum of $G$.

# %%
from scipy.signal import convolve2d, correlate2d

claim("gradient of the kernel: image and G, correlated", conv2d(image, G), dK, source="T25")
claim("by SciPy's name for it", correlate2d(image, G, mode="valid"), dK, source="T25")
claim("gradient of the bias: the sum of G", G.sum(), 4)

# %% [markdown]
# ### The gradient of the image
#
# The layer before us will ask: what did my outputs, your pixels, do to the loss? Turn the question round. **Which
# outputs read pixel $I[r, c]$?** Those whose window begins at or before it: output $S[r - m, c - n]$ read it with
# weight $K[m, n]$.
#
# $$ \frac{\partial L}{\partial I[r, c]} \;=\; \sum_{m}\sum_{n} G[r - m,\; c - n]\; K[m, n] $$
#
# where $G$ counts as zero outside. Minus signs: on Day 2 that was the *mathematician's* convolution. To slide, turn
# the kernel by half a turn; and since corner pixels count too, put $k - 1$ zeros around $G$ (SciPy calls that
# "full").
#
# **Before you run:** the corner at the top left was read by one output only, the centre by four. Work out both.

# %%
G_around = np.pad(G, 1)
turned = kernel[::-1, ::-1]
dI = conv2d(G_around, turned)
fig, axes = plt.subplots(1, 3, figsize=(7.6, 2.9), width_ratios=[4, 2, 3])
plots.kernel(G_around, "G with zeros around", axes[0])
plots.kernel(turned, "kernel, turned", axes[1])
plots.kernel(dI, "gradient of the image", axes[2])
plots.show(
    fig,
    alt=f"G with a frame of zeros, {G_around.tolist()}, the kernel turned by half a turn, {turned.tolist()}, and the gradient "
    f"of the image that comes of sliding one over the other, {dI.tolist()}.",
)

# %%
claim("the corner", dI[0, 0], 1 * 1)
claim("the centre", dI[1, 1], 1 * 0 - 2 * 2 + 3 * -1 + 2 * 1)
claim("the whole gradient: a convolution in the mathematical sense", convolve2d(G, kernel, mode="full"), dI)

basis = np.eye(9, dtype=int).reshape(9, 3, 3)  # Day 2: the columns of the matrix are answers to a single 1
M = np.stack([conv2d(single, kernel).ravel() for single in basis], axis=1)
claim("and Day 2's transposed matrix sends G back to it", (M.T @ G.ravel()).reshape(3, 3), dI)


# %% [markdown]
# Three ways, one result. The transposed matrix says it most plainly: forwards a pixel travels along certain weights
# to certain outputs; backwards the blame travels along *the same weights*, in the other direction.
#
# **With stride** $s$, output $(i, j)$ read from row $s\,i$, column $s\,j$ on. It is as if the outputs in between had
# been computed and then ignored. Who is ignored sends no blame: put $s - 1$ zeros between the entries of $G$, and the
# case is the one we know. (Pixels at the end that no window reached get zero.) You will write it in the exercise.
#
# ## Check it: nudge and see
#
# Derivations go wrong. Fortunately there is a test that needs no derivation at all: move one weight up by a small
# step $h$, move it down by $h$, and see what the loss does. The **central difference** is
#
# $$ \frac{\partial L}{\partial w} \;\approx\; \frac{L(w + h) - L(w - h)}{2h} $$
#
# To have a true loss, let our four outputs be logits of four classes, of which class 0 is right. The loss is
# cross-entropy, $L = \log \sum_c e^{z_c} - z_0$. What it hands back you know from Day 6 for two classes, and it is
# the same for any number: the slope of the first part by $z_c$ is the probability $p_c$, and the second part takes 1
# away at the right class. So $G = p - y$, probabilities minus the one-hot label.

# %%
def logits_loss(kernel, dtype=float):
    logits = conv2d(image.astype(dtype), kernel.astype(dtype)).ravel()
    return np.log(np.exp(logits - logits.max()).sum()) + logits.max() - logits[0]


logits = outputs.ravel()
p = np.exp(logits) / np.exp(logits).sum()
exact = conv2d(image, (p - [1, 0, 0, 0]).reshape(2, 2))  # p − y is our G
print(exact.round(4))


# %% [markdown]
# How small should $h$ be? The derivative is the limit for $h \to 0$. **Before you run:** we try 0.1, 0.01, and so on
# down to $10^{-16}$. Draw the error over $h$ as you expect it. Which step is best? And what if the loss is computed
# in float32?

# %%
def difference(h, central=True, dtype=np.float64):
    """The gradient of the 2 × 2 kernel by nudging each weight."""
    found = np.zeros((2, 2))
    for place in np.ndindex(2, 2):
        up, down = kernel.astype(dtype), kernel.astype(dtype)
        up[place] += h
        down[place] -= h if central else 0
        found[place] = (logits_loss(up, dtype) - logits_loss(down, dtype)) / (2 * h if central else h)
    return found


steps = 10.0 ** -np.arange(1, 17)
ways = {"central": (True, np.float64), "one-sided": (False, np.float64), "central, float32": (True, np.float32)}
errors = {
    name: np.array([np.linalg.norm(difference(h, *way) - exact) / np.linalg.norm(exact) for h in steps])
    for name, way in ways.items()
}
fig = plots.curves(
    {name: np.maximum(error, 1e-16) for name, error in errors.items()},
    "how wrong the nudged gradient is",
    x=steps,
    xlabel="step h",
    ylabel="relative error",
    log=True,
)
fig.axes[0].set_xscale("log")
best = {name: steps[error.argmin()] for name, error in errors.items()}
told = "; ".join(f"{name}: least error {errors[name].min():.0e} at h = {h:.0e}" for name, h in best.items())
plots.show(
    fig,
    alt="Relative error of the nudged gradient over the step, both axes logarithmic. Each of the three curves is a V: from the "
    f"right it falls with the step, then it rises again. {told}.",
)

# %%
c, one_sided, coarse = errors.values()
claim("ten times smaller step: one-sided error smaller by", one_sided[1] / one_sided[2], lambda r: 9 < r < 11)
claim("ten times smaller step: central error smaller by", c[1] / c[2], lambda r: 90 < r < 110)
claim("the best central step lies near 10⁻⁵", best["central"], lambda h: 1e-7 < h < 1e-3)
claim("at 10⁻¹³ the error is larger than at 10⁻²", c[12] > c[1], True)
claim("a step of 10⁻¹⁷ measures exactly", float(np.abs(difference(1e-17)).max()), 0.0)
claim("float32 at its best is worse, times", coarse.min() / c.min(), lambda times: times > 1000)
claim("float32 with the step that is best in float64: relative error", coarse[4], lambda error: error > 1e-3)


# %% [markdown]
# A V, and smaller is *not* better. Two errors fight. On the right side rules **truncation**: the curve is not
# straight between the two points, and the error grows as $h$, or as $h^2$ for central differences, where the first
# term cancels. On the left side rules **rounding**: two nearly equal losses are subtracted, of which only about 16
# digits are known, and the rest is divided by a tiny $h$. In the end $w + h$ *is* $w$, and the slope is zero. So:
# central, float64, $h \approx 10^{-5}$.
#
# To compare two gradients, use a number that does not depend on their size:
# $\text{relative error} = \lVert a - n \rVert / (\lVert a \rVert + \lVert n \rVert)$, which is 0 if they are equal
# and 1 if they are opposite. Below $10^{-7}$ all is well; above $10^{-3}$ something is wrong, unless a kink is near
# (see the pitfalls).
#
# ## A whole network, backwards
#
# A network is layers in a row. If every layer can answer one question, the whole can: *given the gradient of the loss
# by your outputs, what is it by your inputs and by your weights?* So a layer is a thing with two methods.
#
# | layer | forwards | keeps | hands back to its input |
# |---|---|---|---|
# | convolution | correlate, add bias | its windows | full convolution of $g$ |
# | ReLU | $\max(z, 0)$ | where $z > 0$ | $g$ there, 0 elsewhere |
# | max pooling | largest of each block | which one it was | $g$ to that pixel, 0 to the others; in a tie to the first (Day 4) |
# | dense | $x W + b$ | $x$ | $g\, W^T$ |
#
# Here $g$ is the gradient that arrives. The dense layer's weights get $x^T g$: each weight met one input and one
# output, in every example of the batch, and the examples add up. (Check the shapes: (in, N) times (N, out) is (in,
# out). There is only one way in which they fit.)

# %%
def windows_of(x, kernel_size):
    """A view of all windows: (N, oh, ow, channels, kh, kw)."""
    return sliding_window_view(x, kernel_size, axis=(1, 2))


class Conv:
    turn = -1  # the step through the kernel's rows and columns on the way back: from the last to the first

    def __init__(self, w, b):
        self.w, self.b = w, b  # (kh, kw, C_in, C_out), (C_out,)

    def forward(self, x):
        self.windows = windows_of(x, self.w.shape[:2])
        # optimize: einsum finds the matrix products in the sums, which are many times faster
        return np.einsum("nijcab,abco->nijo", self.windows, self.w, optimize=True) + self.b

    def backward(self, g):
        self.dw = np.einsum("nijcab,nijo->abco", self.windows, g, optimize=True)
        self.db = g.sum(axis=(0, 1, 2))
        kh, kw = self.w.shape[:2]
        around = np.pad(g, ((0, 0), (kh - 1, kh - 1), (kw - 1, kw - 1), (0, 0)))
        kernels = self.w[:: self.turn, :: self.turn]
        return np.einsum("nrsoab,abco->nrsc", windows_of(around, (kh, kw)), kernels, optimize=True)


class ReLU:
    def forward(self, x):
        self.open = x > 0
        return x * self.open

    def backward(self, g):
        return g * self.open


class MaxPool:
    """Blocks of 2 × 2."""

    def forward(self, x):
        n, h, w, c = x.shape
        blocks = x.reshape(n, h // 2, 2, w // 2, 2, c).transpose(0, 1, 3, 5, 2, 4).reshape(n, h // 2, w // 2, c, 4)
        self.winner = blocks.argmax(axis=-1)[..., None]  # in a tie the first
        return np.take_along_axis(blocks, self.winner, axis=-1)[..., 0]

    def backward(self, g):
        n, h, w, c = g.shape
        blocks = np.zeros((n, h, w, c, 4))
        np.put_along_axis(blocks, self.winner, g[..., None], axis=-1)
        return blocks.reshape(n, h, w, c, 2, 2).transpose(0, 1, 4, 2, 5, 3).reshape(n, 2 * h, 2 * w, c)


class Flatten:
    def forward(self, x):
        self.shape = x.shape
        return x.reshape(len(x), -1)

    def backward(self, g):
        return g.reshape(self.shape)


class Dense:
    def __init__(self, w, b):
        self.w, self.b = w, b  # (in, out), (out,)

    def forward(self, x):
        self.x = x
        return x @ self.w + self.b

    def backward(self, g):
        self.dw = self.x.T @ g
        self.db = g.sum(axis=0)
        return g @ self.w.T


# %% [markdown]
# Then the loss, and the two passes. The loss of a batch is the mean over its images, so the gradient that starts the
# way back is $(p - y) / N$.

# %%
def cross_entropy(logits, labels):
    """The loss of a batch, and its gradient by the logits."""
    shifted = logits - logits.max(axis=1, keepdims=True)
    p = np.exp(shifted) / np.exp(shifted).sum(axis=1, keepdims=True)
    y = np.eye(logits.shape[1])[labels]
    return -np.log((p * y).sum(axis=1)).mean(), (p - y) / len(labels)


def forward(network, x):
    for layer in network:
        x = layer.forward(x)
    return x


def loss_and_gradients(network, x, labels):
    """One pass forwards and one backwards; afterwards each layer knows its dw and db. Returns the loss."""
    value, g = cross_entropy(forward(network, x), labels)
    for layer in reversed(network):
        g = layer.backward(g)
    return value


def with_weights(network):
    return [layer for layer in network if hasattr(layer, "w")]


# %% [markdown]
# Two convolutions, a pooling, a dense layer, for the 8 × 8 digits of scikit-learn. (Why these standard deviations of
# the first weights? Second half of the day.)

# %%
from sklearn.datasets import load_digits

digits = load_digits()
X, Y = digits.images[..., None] / 16, digits.target


def small_cnn(rng, conv=Conv):
    def normal(*shape):
        return rng.normal(0, np.sqrt(2 / np.prod(shape[:-1])), shape)

    return [
        conv(normal(3, 3, 1, 8), np.zeros(8)),  # 8 × 8 → 6 × 6
        ReLU(),
        conv(normal(3, 3, 8, 16), np.zeros(16)),  # → 4 × 4
        ReLU(),
        MaxPool(),  # → 2 × 2
        Flatten(),
        Dense(normal(64, 10), np.zeros(10)),
    ]


network = small_cnn(np.random.default_rng(SEED))
parameters = sum(layer.w.size + layer.b.size for layer in with_weights(network))
claim("parameters", parameters, (9 * 1 + 1) * 8 + (9 * 8 + 1) * 16 + (64 + 1) * 10)

# %% [markdown]
# Now nudge **every one** of them, up and down: twice as many forward passes as there are parameters, against one pass
# backwards. **Before you run:** how many times faster is the backward pass? (The biases get small random numbers
# first; the pitfalls say why.)

# %%
from time import perf_counter

rng = np.random.default_rng(SEED)
for layer in with_weights(network):
    layer.b += rng.normal(0, 0.1, layer.b.shape)
few, few_labels = X[:8], Y[:8]


def nudged(network, array, h=1e-5):
    """The gradient of the loss by one array of the network, by central differences."""
    found = np.zeros_like(array)
    for place in np.ndindex(array.shape):
        here = array[place]
        values = []
        for step in (h, -h):
            array[place] = here + step
            values.append(cross_entropy(forward(network, few), few_labels)[0])
        array[place] = here
        found[place] = (values[0] - values[1]) / (2 * h)
    return found


def relative_error(one, other):
    return np.linalg.norm(one - other) / (np.linalg.norm(one) + np.linalg.norm(other))


started = perf_counter()
by_nudging = [(nudged(network, layer.w), nudged(network, layer.b)) for layer in with_weights(network)]
slow = perf_counter() - started
started = perf_counter()
loss_and_gradients(network, few, few_labels)
fast = perf_counter() - started
result("nudging_over_backpropagation", slow / fast, "times")

for layer, (dw, db) in zip(with_weights(network), by_nudging, strict=True):
    name = f"{type(layer).__name__} {layer.w.shape}"
    claim(f"{name}: relative error of the weights", relative_error(layer.dw, dw), lambda error: error < 1e-7)
    claim(f"{name}: relative error of the biases", relative_error(layer.db, db), lambda error: error < 1e-7)

# %% [markdown]
# And that was a tiny network. The backward pass costs about twice a forward pass, however many weights there are:
# each layer does one product for its weights and one for its input, where forwards it did one. Nudging costs two
# forward passes for *each* weight.
#
# ## The same in PyTorch and TensorFlow
#
# Both record the forward pass and walk back over the record. That is called **automatic differentiation**; each
# operation knows its backward step, as our classes do. PyTorch does so whenever a tensor asks for its gradient. We
# copy our weights, in float64, so that only the last digits may differ. The layout is Day 2's: PyTorch wants (N, C,
# H, W), and kernels as (C_out, C_in, kh, kw).

# %%
import torch
import torch.nn.functional as F

w1, b1, w2, b2, w3, b3 = [
    torch.tensor(array, requires_grad=True) for layer in with_weights(network) for array in (layer.w, layer.b)
]
x_torch = layouts.to_torch(few)
x_torch = F.relu(F.conv2d(x_torch, layouts.kernels_to_torch(w1), b1))
x_torch = F.relu(F.conv2d(x_torch, layouts.kernels_to_torch(w2), b2))
x_torch = F.max_pool2d(x_torch, 2)
x_torch = x_torch.permute(0, 2, 3, 1).flatten(1)  # back to channels last, or the pixels meet the wrong weights
loss_torch = F.cross_entropy(x_torch @ w3 + b3, torch.tensor(few_labels))
loss_torch.backward()

ours = [array for layer in with_weights(network) for array in (layer.dw, layer.db)]
claim("the loss", loss_torch.item(), cross_entropy(forward(network, few), few_labels)[0], tolerance=1e-12)
for name, tensor, array in zip(["w1", "b1", "w2", "b2", "w3", "b3"], (w1, b1, w2, b2, w3, b3), ours, strict=True):
    claim(f"PyTorch: the gradient of {name}", tensor.grad.numpy(), array, tolerance=1e-12)

# %% [markdown]
# Keras does not walk back itself; its backend does. With TensorFlow the recorder is called `GradientTape`. This cell
# is TensorFlow's own and is left out where Keras runs on another backend.

# %%
import keras

if keras.backend.backend() == "tensorflow":
    import tensorflow as tf

    variables = [tf.Variable(array) for layer in with_weights(network) for array in (layer.w, layer.b)]
    with tf.GradientTape() as tape:
        u1, c1, u2, c2, u3, c3 = variables
        maps = keras.ops.relu(keras.ops.conv(few, u1, padding="valid") + c1)
        maps = keras.ops.relu(keras.ops.conv(maps, u2, padding="valid") + c2)
        rows = keras.ops.reshape(keras.ops.max_pool(maps, 2), (len(few), -1))
        losses_tf = keras.ops.sparse_categorical_crossentropy(few_labels, rows @ u3 + c3, from_logits=True)
        loss_tf = keras.ops.mean(losses_tf)
    for name, gradient, array in zip(
        ["w1", "b1", "w2", "b2", "w3", "b3"], tape.gradient(loss_tf, variables), ours, strict=True
    ):
        claim(f"TensorFlow: the gradient of {name}", gradient.numpy(), array, tolerance=1e-12)

# %% [markdown]
# And the stride, with zeros between the entries of the upstream gradient, against PyTorch:

# %%
picture, weights = torch.rand(1, 1, 7, 7, dtype=torch.float64), torch.rand(1, 1, 3, 3, dtype=torch.float64)
weights.requires_grad_()
upstream = torch.rand(1, 1, 3, 3, dtype=torch.float64)
F.conv2d(picture, weights, stride=2).backward(upstream)
spread = np.zeros((5, 5))
spread[::2, ::2] = upstream[0, 0]
claim(
    "stride 2: the kernel's gradient",
    weights.grad[0, 0].numpy(),
    conv2d(picture[0, 0].numpy(), spread),
    tolerance=1e-12,
)


# %% [markdown]
# ## Experiment: a CNN of our own learns to read, and a broken one too
#
# 1,000 digits to learn from, 797 for the exam, plain steps against the gradient. Three networks begin with the same
# weights:
#
# - the **right** one;
# - one whose author **forgot to turn** the kernel on the way back, so that the first layer gets a wrong gradient. No
#   error is raised, all shapes fit;
# - one whose convolutions are **frozen**: they keep their random first weights, and only the dense layer learns.
#
# **Before you run:** guess the accuracy of the three. Guessing a digit gives 10 %.

# %%
class ForgotToTurn(Conv):
    turn = 1


class Frozen(Conv):
    def backward(self, g):
        self.dw, self.db = np.zeros_like(self.w), np.zeros_like(self.b)
        return np.zeros(1)  # nobody before it learns either


def train(network, rng, learn, epochs, lr=0.1, watch=lambda network: None):
    """Plain gradient descent in batches of 50; watch(network) is called before the first and after every epoch."""
    seen = [watch(network)]
    for _ in range(epochs):
        for batch in np.array_split(rng.permutation(learn), len(learn) // 50):
            loss_and_gradients(network, X[batch], Y[batch])
            for layer in with_weights(network):
                layer.w -= lr * layer.dw
                layer.b -= lr * layer.db
        seen.append(watch(network))
    return seen


kinds = {"right": Conv, "forgot to turn": ForgotToTurn, "frozen": Frozen}
epochs, seeds = profile.pick(smoke=20, cpu=30, gpu=30), range(SEED, SEED + profile.pick(smoke=1, cpu=5, gpu=5))
curves = {name: [] for name in kinds}
weights_over_time = []  # of the right networks
for seed in seeds:
    shuffled = np.random.default_rng(seed).permutation(len(X))
    learn, exam = shuffled[:1000], shuffled[1000:]
    for name, conv in kinds.items():
        rng = np.random.default_rng(seed)

        def watch(network, exam=exam):
            accuracy = (forward(network, X[exam]).argmax(axis=1) == Y[exam]).mean()
            return accuracy, [layer.w.copy() for layer in with_weights(network)]

        seen = train(small_cnn(rng, conv), rng, learn, epochs, watch=watch)
        curves[name].append([accuracy for accuracy, _ in seen])
        if name == "right":
            weights_over_time.append([weights for _, weights in seen])
claim("digits to learn from, and for the exam", [len(learn), len(exam)], [1000, 797])

# %%
mean_curves = {name: np.mean(runs, axis=0) for name, runs in curves.items()}
final = {name: curve[-1] for name, curve in mean_curves.items()}
fig = plots.curves(
    {name: 100 * curve for name, curve in mean_curves.items()},
    f"reading digits, {'one run' if len(seeds) == 1 else f'mean of {len(seeds)} runs'}",
    x=range(epochs + 1),
    ylabel="exam accuracy (%)",
)
fig.axes[0].set_xticks(range(0, epochs + 1, 5))
told = ", ".join(f"{name} {value:.1%}" for name, value in final.items())
plots.show(
    fig,
    alt=f"Exam accuracy over the epochs. After the last: {told}. The curves of the first two lie close together.",
)
for name, value in final.items():
    result(f"digits_{name.replace(' ', '_')}", value, "%")
claim("the right one reads", final["right"], lambda score: score > 0.9)
claim("with a wrong gradient in the first layer", final["forgot to turn"], lambda score: score > 0.85)
claim("points lost by it", 100 * (final["right"] - final["forgot to turn"]), lambda lost: lost < 8)

# %% [markdown]
# The broken network learns, and nothing in its curve gives it away. Its dense layer and its second convolution get
# right gradients, only the first layer is led astray; and the frozen network shows how far one gets without training
# any filter. **A falling loss does not show that a gradient is right.** In a large network such a mistake may cost a
# few points that nobody misses. Only the nudge test finds it, at once:

# %%
broken = small_cnn(np.random.default_rng(SEED), ForgotToTurn)
for layer, sound in zip(with_weights(broken), with_weights(network), strict=True):
    layer.b[:] = sound.b  # all weights are now those of the network that we nudged
loss_and_gradients(broken, few, few_labels)
found = [relative_error(layer.dw, dw) for layer, (dw, _) in zip(with_weights(broken), by_nudging, strict=True)]
print("relative error, first to last layer:", [f"{error:.1e}" for error in found])
claim("the first layer's gradient is wrong", found[0], lambda error: error > 0.1)
claim("the others are right", max(found[1:]), lambda error: error < 1e-7)

# %% [markdown]
# ### Which layer is finished first?
#
# A text says that early layers settle first. We kept the weights of the right network after each epoch. How far is
# each layer from where it ends, as a share of its whole way? **Before you run:** will the first convolution arrive
# earlier than the dense layer?

# %%
LAYERS = ["first convolution", "second convolution", "dense"]
to_go, moved = {}, {}
for number, name in enumerate(LAYERS):
    ways = []
    for run in weights_over_time:
        path = np.array([weights[number].ravel() for weights in run])
        ways.append(np.linalg.norm(path - path[-1], axis=1) / np.linalg.norm(path[0] - path[-1]))
        moved.setdefault(name, []).append(np.linalg.norm(path[-1] - path[0]) / np.linalg.norm(path[0]))
    to_go[name] = np.mean(ways, axis=0)
fig = plots.curves(to_go, "way still to go", x=range(epochs + 1), ylabel="share of the layer's whole way")
fig.axes[0].set_xticks(range(0, epochs + 1, 5))
told = ", ".join(f"{name} {way[epochs // 2]:.2f}" for name, way in to_go.items())
plots.show(fig, alt=f"How far each layer is from its last weights, over the epochs. Half-way through: {told}.")
for name, way in to_go.items():
    result(f"halfway_after_{name.replace(' ', '_')}", np.argmax(way < 0.5), "epochs")
moved = {name: np.mean(shares) for name, shares in moved.items()}
print("moved, relative to the size of the first weights:", {name: round(float(m), 2) for name, m in moved.items()})
gap = max(np.abs(way - to_go["dense"]).max() for way in to_go.values())
claim("the three curves are never further apart than", gap, lambda gap: gap < 0.2, source="U11")
claim("relative to its size, the dense layer moves most", max(moved, key=moved.get), "dense")

# %% [markdown] topics=["J11"]
# Here they go together; only the length of the way differs, and that is greatest for the last layer. In large
# networks others found the lower layers to settle first (Raghu et al. 2017). So the sentence depends on the set-up,
# and on what is called settled. Measure yours.
#
# ## Where do the weights begin?
#
# Training moves weights; somebody has to choose where they start. Zero sounds modest. **Before you run:** all 1,898
# parameters begin at zero. How many of them get a gradient that is not zero?

# %%
zeros = small_cnn(np.random.default_rng(SEED))
for layer in with_weights(zeros):
    layer.w[:], layer.b[:] = 0, 0
loss_and_gradients(zeros, X[:200], Y[:200])
alive = sum(np.count_nonzero(layer.dw) + np.count_nonzero(layer.db) for layer in with_weights(zeros))
claim("parameters with a gradient", alive, 10)

# %% [markdown]
# Ten: the last biases. Every other gradient is a product in which some factor is zero, an activation or a weight.
# Such a network can learn how common each digit is, and nothing else.
#
# What about another constant, such as 0.05 everywhere? Numbers flow now. **Before you run:** the second layer has 16
# filters. After training, how many *different* filters will there be?

# %%
alike = small_cnn(np.random.default_rng(SEED))
for layer in with_weights(alike):
    layer.w[:] = 0.05
shuffled = np.random.default_rng(SEED).permutation(len(X))
learn, exam = shuffled[:1000], shuffled[1000:]
train(alike, np.random.default_rng(SEED), learn, epochs=20)
filters = alike[2].w.reshape(-1, 16)
accuracy = (forward(alike, X[exam]).argmax(axis=1) == Y[exam]).mean()
result("digits_constant_start", accuracy, "%")
claim("it has learnt something", accuracy, lambda share: share > 0.2)
claim("the weights have moved by up to", np.abs(filters - 0.05).max(), lambda way: way > 0.02)
claim("the 16 filters differ by at most", np.ptp(filters, axis=1).max(), 0, tolerance=1e-9)
claim("behind the network that began at random by", final["right"] - accuracy, lambda gap: gap > 0.1)

# %% [markdown] topics=["K1", "K2"]
# One. Filters that begin alike get the same gradient and stay alike for ever; 16 filters do the work of one. This is
# called **symmetry**, and only chance can break it: weights begin **random**. Biases may begin at zero, since the
# weights behind them are already different.
#
# ### How large?
#
# "Small random numbers", said the books for a long time. How small? Follow one unit. It adds up $n$ products,
# $z = \sum_i w_i x_i$, where $n$ is its **fan-in**: the number of inputs that one output adds up ($k_h k_w C_{in}$
# for a convolution). The weights are drawn with mean 0 and variance $\mathrm{Var}(w)$, independently of the inputs.
# Then products of different weights cancel on average, and what is left is
#
# $$ \mathrm{Var}(z) \;=\; n \; \mathrm{Var}(w) \; \mathrm{mean}(x^2) $$
#
# with $\mathrm{mean}(x^2)$ the mean square of the inputs. So each layer multiplies the mean square of its signal by
# $n\,\mathrm{Var}(w)$. To keep it, $\mathrm{Var}(w) = 1/n$ (LeCun et al. 1998). But then comes ReLU: $z$ is as often
# negative as positive, and ReLU deletes one half of the mean square. To make that good:
#
# $$ \mathrm{Var}(w) = \frac{2}{n_{in}} \quad \text{(He et al. 2015, for ReLU)} \qquad\qquad
# \mathrm{Var}(w) = \frac{2}{n_{in} + n_{out}} \quad \text{(Glorot, also Xavier, 2010)} $$
#
# Where does $n_{out}$ come from? On the way back the same sum runs over the outputs that one input went into, its
# **fan-out** ($k_h k_w C_{out}$), so the gradient wants $1/n_{out}$. Glorot and Bengio took the middle of both. They
# had no ReLU in mind, so there is no factor of two for it.
#
# **Before you run:** 1,000 inputs of mean square 1, a layer of 1,000 units with $\mathrm{Var}(w) = 2/1000$. What is
# the mean square of the sums? After ReLU? On paper: what standard deviation gives He for 3 × 3 kernels over 64
# channels?

# %%
rng = np.random.default_rng(SEED)
signal = rng.normal(size=(200, 1000))
sums = signal @ rng.normal(0, np.sqrt(2 / 1000), (1000, 1000))
claim("mean square of the sums", np.mean(sums**2), 2, tolerance=0.1)
claim("after ReLU", np.mean(np.maximum(sums, 0) ** 2), 1, tolerance=0.1)
claim("He for 3 × 3 × 64", np.sqrt(2 / (3 * 3 * 64)), 0.0589, tolerance=5e-5)

# %% [markdown]
# ### What frameworks do when you do not ask
#
# Make a fresh layer, look at its weights. **Before you run:** do Keras and PyTorch begin with He? With the same
# numbers at all?

# %%
torch_layer = torch.nn.Conv2d(64, 64, 3)
keras_layer = keras.layers.Conv2D(64, 3)
keras_layer.build((None, 8, 8, 64))
kernel_keras, bias_keras = (keras.ops.convert_to_numpy(weight) for weight in keras_layer.weights)
fresh = {"PyTorch": torch_layer.weight.detach().numpy(), "Keras": kernel_keras}
wanted = {"PyTorch": np.sqrt(1 / (3 * 576)), "Keras": np.sqrt(2 / (576 + 576)), "He": np.sqrt(2 / 576)}
for name, weights in fresh.items():
    spread_text = f"std {weights.std():.4f}, from {weights.min():.3f} to {weights.max():.3f}"
    print(f"{name:8s} {spread_text}, He would be {wanted['He']:.4f}")
    claim(f"{name}: standard deviation", weights.std(), wanted[name], tolerance=0.02 * wanted[name], source="M63")
claim("Keras: biases", float(np.abs(bias_keras).max()), 0.0)
claim("PyTorch: largest bias", torch_layer.bias.abs().max().item(), lambda largest: 0.03 < largest <= 1 / 24)

# %% [markdown] topics=["K3"]
# Neither is He. Keras draws **Glorot uniform**: evenly between $\pm\sqrt{6 / (n_{in} + n_{out})}$, biases zero.
# PyTorch draws weights *and biases* evenly between $\pm 1/\sqrt{n_{in}}$ (its source calls it
# `kaiming_uniform_(a=√5)`, which looks like He and is not: the variance is $1/(3\,n_{in})$, a sixth of He's). The
# names of the draws:
#
# | | variance | PyTorch | Keras |
# |---|---|---|---|
# | He | $2/n_{in}$ | `init.kaiming_normal_` | `"he_normal"` |
# | LeCun | $1/n_{in}$ | `init.kaiming_normal_(…, nonlinearity="linear")` | `"lecun_normal"` |
# | Glorot, Xavier | $2/(n_{in}+n_{out})$ | `init.xavier_normal_` | `"glorot_normal"`; default: `"glorot_uniform"` |
# | PyTorch's default | $1/(3\,n_{in})$ | what you get | – |
#
# ## Experiment: a signal on its way through 20 layers
#
# Patches of a photograph go through 20 convolutions of 3 × 3 with ReLU after each, nothing trained. Seven kinds of
# first weights. At every layer we take the **size** of the signal, the root of its mean square. Then we send a random
# gradient from the end back to the start and take its size as well.
#
# **Before you run:** per layer, He keeps the mean square, Glorot halves it, PyTorch's default takes a sixth. What is
# left of the size after 20 layers: a half, a hundredth, a millionth? Write down a power of ten for each.

# %%
from skimage import data as photos

portrait = photos.astronaut().reshape(128, 4, 128, 4, 3).mean(axis=(1, 3))
portrait = (portrait - portrait.mean(axis=(0, 1))) / portrait.std(axis=(0, 1))
rng = np.random.default_rng(SEED)
side = profile.pick(smoke=10, cpu=16, gpu=16)
corners = rng.integers(0, 128 - side, (profile.pick(smoke=4, cpu=8, gpu=8), 2))
patches = np.stack([portrait[row : row + side, column : column + side] for row, column in corners])
patches = layouts.to_torch(patches)  # (patches, 3, side, side)
width = profile.pick(smoke=32, cpu=64, gpu=64)  # maps of each layer


def set_weights(draw):
    """An initialisation: `draw` fills the weights in place; biases become zero."""

    def initialise(layer):
        draw(layer.weight)
        torch.nn.init.zeros_(layer.bias)

    return initialise


init = torch.nn.init
STARTS = {
    "zero": set_weights(init.zeros_),
    "normal, std 0.01": set_weights(lambda w: init.normal_(w, 0, 0.01)),
    "PyTorch's default": lambda layer: None,  # it is there already
    "PyTorch's, biases 0": set_weights(lambda w: None),
    "Keras' default": set_weights(init.xavier_uniform_),
    "He": set_weights(init.kaiming_normal_),
    "He, doubled": set_weights(lambda w: init.kaiming_normal_(w, a=0).mul_(2)),
}


def size(tensor):
    return tensor.detach().pow(2).mean().sqrt().item()


def send(start, depth=20, activation=torch.relu, width=width):
    """Patches through `depth` fresh layers and a random gradient back: {quantity: one number for each layer}."""
    torch.manual_seed(SEED)
    x, sums, outputs = patches, [], []
    for number in range(depth):
        layer = torch.nn.Conv2d(3 if number == 0 else width, width, 3, padding=1, dtype=torch.float64)
        with torch.no_grad():
            STARTS[start](layer)
        z = layer(x)
        x = activation(z)
        x.retain_grad()
        sums.append(z.detach())
        outputs.append(x)
    x.backward(torch.randn_like(x))
    return {
        "size": [size(output) for output in outputs],
        "spread": [size(output.std(dim=0)) for output in outputs],  # over the patches
        "gradient": [size(output.grad) for output in outputs],
        "sums": sums,
    }


# %%
sent = {start: send(start) for start in STARTS}
shown = [start for start in STARTS if start not in ("zero", "PyTorch's default")]
layers = range(1, 21)
fig, axes = plt.subplots(1, 2, figsize=(10, 3.4))
for ax, quantity, title in zip(
    axes, ("size", "gradient"), ("signal, forwards", "gradient, backwards"), strict=True
):
    lines = {start: sent[start][quantity] for start in shown}
    plots.curves(lines, title, ax, x=layers, xlabel="layer", log=True)
    ax.set_ylabel(f"size of the {quantity.replace('size', 'signal')}")
    ax.set_xticks([1, 5, 10, 15, 20])
axes[0].get_legend().remove()
told = "; ".join(f"{s}: {sent[s]['size'][-1]:.0e} and {sent[s]['gradient'][0]:.0e}" for s in shown)
plots.show(
    fig,
    alt="Two logarithmic charts over 20 layers: size of the signal, and size of the gradient. All lines are nearly straight. Only He "
    f"stays level. Signal at layer 20 and gradient at layer 1: {told}. The gradients shrink or grow towards the first layer.",
)

# %%
after = {start: numbers["size"][-1] / numbers["size"][0] for start, numbers in sent.items() if start != "zero"}
claim("zero: signal at layer 20", sent["zero"]["size"][-1], 0.0)
claim("normal, std 0.01: share of the first layer's signal", after["normal, std 0.01"], lambda share: share < 1e-12)
claim("PyTorch's, biases 0: share", after["PyTorch's, biases 0"], lambda share: share < 1e-6, source="M63")
claim("Keras' default: share", after["Keras' default"], lambda share: 1e-5 < share < 0.05, source="T68")
claim("He: share", after["He"], lambda share: 0.03 < share < 30, source="T68")
claim("He, doubled: times the first layer's signal", after["He, doubled"], lambda times: times > 1e4)
for start in ("PyTorch's, biases 0", "Keras' default", "He", "He, doubled"):
    expected = {"P": 1 / 6, "K": 1 / 2, "H": 1}[start[0]] * (4 if "doubled" in start else 1)
    found = (sent[start]["gradient"][0] / sent[start]["gradient"][-1]) ** (2 / 19)
    print(
        f"{start:20s} mean square of the gradient, for each layer: times {found:.2f}; the formula says {expected:.2f}"
    )
    claim(f"{start}: within 40 % of the formula", found / expected, lambda ratio: 0.6 < ratio < 1.4)

# %% [markdown] topics=["K2"]
# Straight lines on a logarithmic axis: each layer multiplies by the same factor, so 20 layers raise it to the 20th
# power. A factor that looks harmless, such as 0.41 for the size ($\sqrt{1/6}$), becomes $10^{-8}$. The gradient goes
# the same way in the other direction: it **vanishes**, or, a little above He, it **explodes**. (He wavers, because a
# layer of finite width hits its factor only on average, and the zeros of the padding take a little away.)
#
# Look at the sums before ReLU, layer by layer. The wider the bell, the more signal.

# %%
rows = ["normal, std 0.01", "PyTorch's, biases 0", "Keras' default", "He", "He, doubled"]
edges = np.linspace(-4, 4, 42)  # an odd number of bars, so that one stands on zero
fig, axes = plt.subplots(len(rows), 4, figsize=(9, 7.2), sharex=True)
for line, start in zip(axes, rows, strict=True):
    for ax, layer in zip(line, (1, 5, 10, 20), strict=True):
        z = sent[start]["sums"][layer - 1].numpy().ravel()
        ax.hist(np.clip(z, -4, 4), edges, weights=np.full(z.size, 100 / z.size), color=plots.COLOURS[0])
        ax.set_title(f"layer {layer}: std {z.std():.1g}", fontsize=9)
    line[0].set_ylabel(f"{start}\nshare (%)", fontsize=8)
for ax in axes[-1]:
    ax.set(xlabel="sum before ReLU", xticks=[-4, -2, 0, 2, 4])
told = "; ".join(f"{s} {sent[s]['sums'][0].std():.1g} and {sent[s]['sums'][-1].std():.1g}" for s in rows)
plots.show(
    fig,
    alt="Histograms of the sums before ReLU at layers 1, 5, 10 and 20, a row for each initialisation; what is beyond ±4 is counted in the "
    f"last bars. Standard deviation at layers 1 and 20: {told}. With He the bell keeps its width; with smaller weights it becomes a "
    "needle at zero, with larger ones all of it lies beyond the ends.",
)

# %% [markdown]
# ### The layer that looks alive
#
# One line was missing: PyTorch's default *with* its random biases, as you really get it. **Before you run:** with
# biases, is the signal at layer 20 larger or smaller? And if two different patches go in, do two different things
# come out?

# %%
default = sent["PyTorch's default"]
fig = plots.curves(
    {"size of the outputs": default["size"], "what differs from patch to patch": default["spread"]},
    "PyTorch's default, with biases",
    x=layers,
    xlabel="layer",
    ylabel="size",
    log=True,
)
fig.axes[0].set_xticks([1, 5, 10, 15, 20])
plots.show(
    fig,
    alt=f"Two lines over 20 layers, logarithmic. The size of the outputs settles at {default['size'][-1]:.2f}. What differs between "
    f"patches falls steadily, from {default['spread'][0]:.1g} to {default['spread'][-1]:.0e}.",
)
claim("size of the outputs at layer 20", default["size"][-1], lambda size: size > 0.005)
claim(
    "of that, what depends on the patch: a share of",
    default["spread"][-1] / default["size"][-1],
    lambda share: share < 1e-5,
)
result("default_size_at_layer_20", default["size"][-1])
result("default_spread_at_layer_20", default["spread"][-1])
claim(
    "the gradient at layer 1 has vanished all the same",
    default["gradient"][0] / default["gradient"][-1],
    lambda share: share < 1e-5,
)

# %% [markdown]
# A histogram of these activations does not look dead. But the numbers come from the biases. What the network says
# about the *picture* has faded to less than a hundred-thousandth of it, and every picture gets the same answer.
# Measure what varies from image to image, not only whether there are numbers.
#
# ### Does it matter for learning?
#
# Twenty dense layers of 64 units on the digits, with our own classes, plain steps with learning rate 0.01, four kinds
# of first weights. **Before you run:** which of them will learn anything in 40 epochs? (A network that knows nothing
# has a loss of $\ln 10 \approx 2.30$.)

# %%
flat = (digits.data / 16 - 0.3) / 0.37  # about mean 0 and mean square 1


def drawn(start, rng, n_in, n_out):
    """Weights and biases of a dense layer."""
    gain = {
        "normal, std 0.01": 0.01 * np.sqrt(n_in),
        "Keras' default": np.sqrt(2 * n_in / (n_in + n_out)),
        "He": np.sqrt(2),
    }
    if start == "PyTorch's default":
        bound = 1 / np.sqrt(n_in)
        return rng.uniform(-bound, bound, (n_in, n_out)), rng.uniform(-bound, bound, n_out)
    return gain[start] / np.sqrt(n_in) * rng.normal(size=(n_in, n_out)), np.zeros(n_out)


def learn_deep(start, depth=20, lr=0.01):
    """Trains `depth` dense layers on 1,000 digits: training loss after each of 40 epochs, and exam accuracy."""
    rng = np.random.default_rng(SEED)
    shuffled = rng.permutation(len(flat))
    learn, exam = shuffled[:1000], shuffled[1000:]
    network = []
    for _ in range(depth - 1):
        network += [Dense(*drawn(start, rng, 64, 64)), ReLU()]
    network.append(Dense(*drawn(start, rng, 64, 10)))
    losses = []
    for _ in range(40):
        for batch in np.array_split(rng.permutation(learn), 20):
            loss_and_gradients(network, flat[batch], Y[batch])
            for layer in with_weights(network):
                layer.w -= lr * layer.dw
                layer.b -= lr * layer.db
        losses.append(cross_entropy(forward(network, flat[learn]), Y[learn])[0])
    return losses, (forward(network, flat[exam]).argmax(axis=1) == Y[exam]).mean()


# %%
names = {"normal, std 0.01": "small", "PyTorch's default": "pytorch", "Keras' default": "keras", "He": "he"}
deep_losses, deep_scores = {}, {}
for start in names:
    deep_losses[start], deep_scores[start] = learn_deep(start)
fig = plots.curves(deep_losses, "20 layers learn, or not", ylabel="training loss (nats)")
told = "; ".join(f"{s}: loss {v[-1]:.2f}, accuracy {deep_scores[s]:.1%}" for s, v in deep_losses.items())
plots.show(
    fig,
    alt=f"Training loss over 40 epochs. After the last: {told}. Only He's line falls far; two stay flat at 2.3.",
)
for start, name in names.items():
    result(f"deep_accuracy_{name}", deep_scores[start], "%")
claim("He has learnt to read", deep_scores["He"], lambda score: score > 0.6)
for start in ("normal, std 0.01", "PyTorch's default"):
    claim(
        f"{start}: the loss is still near ln 10",
        deep_losses[start][-1],
        lambda loss: abs(loss - np.log(10)) < 0.05,
        source="M63",
    )
claim("Keras' default is far behind", deep_scores["He"] - deep_scores["Keras' default"], lambda gap: gap > 0.2)

# %% [markdown]
# The same layers, the same data, the same steps; only the size of the first random numbers differs. (He's curve
# jumps: at such a depth plain steps are shaky even so.) Keras' default wakes up later, or with larger steps.
# PyTorch's does not: its first layers get a gradient of next to nothing. Are these defaults bad, then? **Before you
# run:** PyTorch's once more, with *five* layers and steps of 0.05.

# %%
losses, score = learn_deep("PyTorch's default", depth=5, lr=0.05)
print(f"five layers: loss {losses[-1]:.3f}, exam accuracy {score:.1%}")
claim("five layers of PyTorch's default have learnt to read", score, lambda share: share > 0.8)

# %% [markdown]
# At five layers nobody notices. The defaults are not bad; they are not made for depth.
#
# So with ReLU and plain layers, ask for He. For much deeper networks even that is not enough, and two inventions take
# over: normalisation, which sets the size of the signal anew at every layer (Day 10), and residual connections, a way
# around each block (Day 15).

# %% [markdown] tags=["explorer"]
# ## Try it yourself: signal through depth
#
# **Explorer: signal through depth.** Sixteen digits go through up to 50 dense layers of 64 units, and a random gradient
# comes back, as in the experiment. All first weights lie on one scale, the **gain** $\sqrt{n\,\mathrm{Var}(w)}$:
# $\sqrt{1/3}$ is PyTorch's default, 1 is Glorot and LeCun, $\sqrt{2}$ is He. At first you see layer 1 only. Three things
# to try, and what to look for:
#
# 1. *Which gain keeps the signal alive through 20 layers of ReLU?* Look at what layer 1 does, choose a gain, and only
#    then send the signal. By how much may you miss it? Then ask the same for 50 layers.
# 2. *Is it ReLU's fault?* Take the sigmoid with gain 1. The size looks calm: sigmoid's outputs lie around a half. Look
#    at the spread over the inputs, at the rows of the picture, and at the gradient. The slope of sigmoid is at most
#    1/4, at *every* layer.
# 3. *Whom was Glorot made for?* Take tanh with Glorot and with He, then 5 layers instead of 20 with all of them. At
#    which depth would you begin to care?

# %%
from course_utils import widgets

widgets.SignalThroughDepth(inputs=flat[:16])

# %% [markdown]
# Some of the answers, so that you can compare. ReLU wants $\sqrt{2}$; with a gain a tenth smaller, 20 layers leave
# $0.9^{20}$ of that, about an eighth, and 50 layers half a per cent. Sigmoid: its sums stay small, so its slope is close
# to 1/4, and 19 layers are $4^{-19}$. Tanh with Glorot: alive, if a little tired.

# %%
he, smaller = (widgets.SignalThroughDepth(gain=gain, depth=50).measure()["sizes"] for gain in (2**0.5, 0.9 * 2**0.5))
claim("a gain a tenth smaller than He's: share of his signal at layer 20", smaller[19] / he[19], 0.12, tolerance=0.005)
claim("at layer 50", smaller[49] / he[49], 0.005, tolerance=0.0005)
claim("PyTorch knows the gain that ReLU wants", torch.nn.init.calculate_gain("relu"), np.sqrt(2), tolerance=1e-12)
sigmoid, tanh = send("Keras' default", activation=torch.sigmoid), send("Keras' default", activation=torch.tanh)
claim(
    "sigmoid: gradient at layer 1 over that at layer 20",
    sigmoid["gradient"][0] / sigmoid["gradient"][-1],
    lambda r: r < 1e-8,
)
claim("tanh with Glorot: signal at layer 20", tanh["size"][-1], lambda signal: 0.02 < signal < 1, source="T68")

# %% [markdown]
# ## What texts get wrong
#
# Each cell tests a sentence from a widely read text. Change the numbers and try to save it.
#
# **"Frameworks already apply a suitable initialisation."** For shallow networks it does no harm. Above, 20 layers of
# PyTorch's default let less than a millionth of the signal through, and did not learn (M63).
#
# **"With ReLU gradients do not vanish."** ReLU has the slope 1 where it is open. But the gradient also passes through
# the *weights*, and their size decides. Here it passes through PyTorch's default weights, once with ReLU and once with
# a leaky ReLU, which is never shut:

# %%
for name, function in {"ReLU": torch.relu, "leaky ReLU": F.leaky_relu}.items():
    gradient = send("PyTorch's default", activation=function)["gradient"]
    share = gradient[0] / gradient[-1]
    print(f"{name}: of the gradient at layer 20, layer 1 gets {share:.0e}")
    claim(f"{name}: it has vanished", share < 1e-5, True, source="M37")

# %% [markdown]
# **"Convolutions benefit from fan_out, dense layers from fan_in."** Where a layer has as many channels out as in, the
# two are the same number. Where they differ, each layer is off by the factor $n_{in}/n_{out}$, and over a whole
# network these factors cancel: the output of one layer is the input of the next. Only first and last width are left.
# **Before you run:** widths grow from 32 to 256 in 20 layers. By what factor is the signal smaller with fan_out? He
# et al. (2015) say themselves that either will do.

# %%
widths = [32] * 6 + [64] * 5 + [128] * 5 + [256] * 5  # 20 layers between them
left = {"fan_in": [], "fan_out": []}
for fan, remaining in left.items():
    for trial in range(20):
        rng = np.random.default_rng([SEED, trial])
        signal = rng.normal(size=(50, widths[0]))
        for n_in, n_out in pairwise(widths):
            n = n_in if fan == "fan_in" else n_out
            signal = np.maximum(signal @ (rng.normal(size=(n_in, n_out)) * (2 / n) ** 0.5), 0)
        remaining.append(np.mean(signal**2))
sizes = {fan: np.sqrt(np.median(remaining)) for fan, remaining in left.items()}
print({fan: round(float(value), 2) for fan, value in sizes.items()})
claim("fan_in: the signal is alive", sizes["fan_in"], lambda value: 0.1 < value < 10, source="M62")
ratio = sizes["fan_out"] / sizes["fan_in"]
claim(
    "fan_out over fan_in: the root of first over last width", ratio, np.sqrt(32 / 256), tolerance=1e-9, source="M62"
)

# %% [markdown]
# One factor of $\sqrt{32/256} \approx 0.35$ for the whole network, not for each layer. Neither dies.
#
# **"Early layers converge first."** In our network the three layers went together (U11).
#
# **"The gradient of a filter is the correlation of input and upstream gradient"** and **"Xavier for tanh, He for
# ReLU"** are right; you have seen both (T25, T68).
#
# ## Pitfalls
#
# | symptom | cause | fix |
# |---|---|---|
# | The loss falls, accuracy is a little low | one gradient is wrong, the other layers make up for it | nudge a few weights of *every* layer |
# | The nudge test fails by a factor of 2 in a few places | a kink: a sum within $h$ of ReLU's zero | test where no sum is zero; give biases small random numbers |
# | It fails everywhere by a little, a few per cent | the loss is computed in float32 | test in float64, $h = 10^{-5}$ |
# | It fails for layers behind dropout or a shuffle | the two losses use different random numbers | the same seed for both, or switch it off |
# | Gradients are twice, three times too large | they were added to those of the last step (PyTorch adds) | set them to zero before each backward pass |
# | The loss stays at $\ln(\text{classes})$ from the start | the signal fades on its way: deep, first weights too small | He for ReLU; print the size of the signal by layer |
# | NaN within the first steps | first weights or steps too large: it explodes | He; smaller steps; look at the size of the gradient by layer |
# | All filters of a layer look the same | constant first weights | random ones |
# | Same weights, other gradients in PyTorch | flattened as (C, H, W) there, as (H, W, C) here | bring the axes into one order before flattening |
#
# Two of them to feel. **Before you run:** ReLU at $z = 10^{-7}$ has the slope 1. What does a central difference with
# $h = 10^{-5}$ measure? And digits have black corners: what is the sum there, with biases of zero?

# %%
h, z = 1e-5, 1e-7
measured = (max(z + h, 0) - max(z - h, 0)) / (2 * h)
claim("the slope that the nudge sees", measured, 0.505, tolerance=1e-6)

fresh_network = small_cnn(np.random.default_rng(SEED))  # biases zero
sums = fresh_network[0].forward(few)
print(f"sums that are exactly zero: {np.mean(sums == 0):.1%}")
loss_and_gradients(fresh_network, few, few_labels)
claim(
    "so the test of the first biases fails",
    relative_error(fresh_network[0].db, nudged(fresh_network, fresh_network[0].b)) > 1e-3,
    True,
)

accumulated = torch.tensor([3.0], requires_grad=True)
for _ in range(2):
    (accumulated**2).sum().backward()
claim("PyTorch adds: the gradient of w² at 3, asked for twice", accumulated.grad.item(), 12)

# %% [markdown]
# The gradient was right; the *test* was wrong, because it stood on a kink. Where a sum is exactly zero there is no
# slope, only a convention (frameworks take 0).
#
# ## Recap
#
# 1. Multiply along a path, add over paths. Backwards, one pass gives the gradients of all weights, for about twice
#    the price of a forward pass and the memory of its values.
# 2. A filter's gradient is the correlation of its input with the upstream gradient; the input's is a full convolution
#    with the kernel turned. Both are convolutions again.
# 3. Check gradients by central differences in float64 with a step near $10^{-5}$. A falling loss proves nothing.
# 4. First weights are random, to break symmetry, and of variance $2/n_{in}$ for ReLU, to keep the signal. Twenty
#    layers raise a small mistake to the 20th power.
# 5. Frameworks do not begin with He. Look at the size of signal and gradient by layer, and at what varies from image
#    to image.
#
# ### Further reading
#
# - Rumelhart, Hinton & Williams, *Learning representations by back-propagating errors* (1986).
# - LeCun et al., *Backpropagation Applied to Handwritten Zip Code Recognition* (1989): the same, with shared weights.
# - LeCun et al., *Efficient BackProp* (1998): first weights of variance one over fan-in.
# - Glorot & Bengio, *Understanding the difficulty of training deep feedforward neural networks* (2010).
# - He et al., *Delving Deep into Rectifiers* (2015): the factor of two.
# - Baydin et al., *Automatic Differentiation in Machine Learning: a Survey* (2018).
# - Raghu et al., *SVCCA* (2017): which layers settle first.
#
# **Now you:** [the exercise of Day 7](../exercises/day_07_backpropagation.py). You will write the backward pass of a
# dense layer and of a convolution with stride, your own gradient check, and He's first weights; then you examine six
# networks of 20 layers. Every check answers at once.
