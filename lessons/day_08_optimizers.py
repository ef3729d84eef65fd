# ---
# jupyter:
#   course:
#     budget_s:
#       cpu: 300
#       gpu: 300
#       smoke: 60
#     data: []
#     day: 8
#     frameworks:
#     - keras
#     - torch
#     minutes: 90
#     title: Optimizers
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
# # Day 8: Optimizers
#
# **The gradient says which way is down. How far do you go?**
#
# After this day you can (in brackets: the question of the exercise that asks for it)
#
# 1. write momentum in PyTorch's form and say where Keras' form parts from it [1];
# 2. write the rules that give each weight a step of its own, AdaGrad, RMSProp, Adam and AdamW, and say what their
#    first step is [2, 3];
# 3. write SAM, which looks at two gradients before it makes one step [4];
# 4. write learning-rate schedules, and say at which epoch a plateau lowers the rate and early stopping ends a run [5,
#    6, 7].
#
# All of it serves one comparison, made fairly: each rule at its own rate, with the same number of gradients and several
# seeds.
#
# **Time** about 90 minutes. **You need** the loss of Day 6 and the gradient of Day 7: for each weight, how fast the
# loss grows if the weight does.

# %% tags=["parameters"]
PROFILE = "auto"  # "smoke", "cpu", "gpu", or "auto": gpu where one is visible, else cpu
SEED = 0

# %%
import matplotlib.pyplot as plt
import numpy as np

from course_utils import plots, profiles
from course_utils.claims import claim, result

profile = profiles.start(PROFILE, seed=SEED, frameworks=("keras", "torch"))

# %% [markdown]
# ## The idea: downhill in fog
#
# You stand on a hillside in thick fog and want to go down. You see nothing but the ground under your boots. It tells
# you two things: which way is steepest, and how steep it is. It does not tell you how far away the valley is, whether
# the slope bends in a metre, or whether this is the lowest valley around.
#
# A network is in the same position. Its place is given by its weights $w$, the height is the loss $L(w)$, and the
# slope is the gradient $g = \partial L / \partial w$. An **optimiser** is the rule that turns gradients into steps.
# The simplest one steps against the gradient:
#
# $$ w \;\leftarrow\; w - \eta\, g $$
#
# | symbol | what it is |
# |---|---|
# | $w$ | the weights, all of them in one long row |
# | $g$ | the gradient of the loss at $w$, of the same shape |
# | $\eta$ | the **learning rate** (*eta*, in code `lr`), or *rate* for short: how far to step for a slope of 1 |
#
# Everything today answers one of three questions. How large should $\eta$ be? Should it be the same for all weights?
# And should it stay the same while we train?

# %% [markdown] topics=["J1"]
# ## By hand: five steps, over and over
#
# Training is a cycle of five steps. Take the smallest model there is: one weight $w = 1$, one pixel $x = 2$, and the
# answer should be $y = 6$. The rate is 0.1.
#
# 1. **Forward**: the model answers $w\,x = 2$.
# 2. **Loss**: half the squared error, $(2 - 6)^2 / 2 = 8$.
# 3. **Backward**: the gradient, $(2 - 6) \cdot x = -8$.
# 4. **Update**: $w \leftarrow 1 - 0.1 \cdot (-8) = 1.8$.
# 5. **Repeat**, with the new weight.
#
# **Before you run:** what is the loss after this one step?

# %%
x, y, w = 2.0, 6.0, 1.0
losses = []
for _ in range(3):
    answer = w * x  # forward
    losses.append((answer - y) ** 2 / 2)  # loss
    g = (answer - y) * x  # backward
    w = w - 0.1 * g  # update
    print(f"loss {losses[-1]:.4f}, gradient {g:.2f}, new weight {w:.3f}")
claim("the loss before and after the first step", losses[:2], [8.0, 2.88], tolerance=1e-12)


# %% [markdown]
# ## Too small, right, too large
#
# Now the plainest valley: one weight, $L = w^2/2$, so that the gradient is $w$ itself. Start at $w = 10$. One step
# takes $w$ to $w - \eta w = (1 - \eta)\,w$: every step multiplies by the same number.
#
# **Before you run:** write down the first three weights for the rates 0.1, 1, 1.9, 2 and 2.1.

# %%
def sgd(w, g, state, lr):
    """One step of plain gradient descent. The state is what a rule remembers from step to step; this one needs none."""
    return w - lr * g


def descend(rule, gradient, start, lr, steps, **settings):
    """Follow a rule for some steps; returns the places, the start included. lr: one number, or one for each step."""
    w, state, path = np.asarray(start, dtype=float), {}, [np.asarray(start, dtype=float)]
    for rate in np.broadcast_to(lr, steps):
        w = rule(w, gradient(w), state, rate, **settings)
        path.append(w)
    return np.array(path)


# %%
walks = {rate: descend(sgd, lambda w: w, 10, rate, 12) for rate in (0.1, 1, 1.9, 2, 2.1)}
for rate, walk in walks.items():
    print(f"rate {rate}: {walk[:4].round(2)} ...")
first = np.array([walk[1] for walk in walks.values()])
claim("the weight after one step", first, np.array([9, 0, -9, -10, -11]), tolerance=1e-12)
fig = plots.curves(
    {f"rate {rate}": walk for rate, walk in walks.items()}, x=range(13), xlabel="step", ylabel="weight w"
)
told = "; ".join(f"rate {rate}: {walk[-1]:.2f}" for rate, walk in walks.items())
plots.show(fig, alt=f"The weight over 12 steps from 10, for five rates. At the end: {told}. The valley lies at 0.")

# %% [markdown] topics=["J8"]
# Five rates, five fates. A rate of 0.1 creeps. A rate of 1 lands in one step. A rate of 1.9 jumps across the valley
# each time and still gets there. At 2 the weight jumps back and forth for ever. Above 2 every jump is longer than the
# one before, and soon the numbers overflow.
#
# If the valley is $a$ times as curved, $L = a\,w^2/2$, the factor is $1 - \eta a$, and the border lies at
# $\eta = 2/a$. You do not know $a$. But you can read the loss:
#
# | loss curve | rate |
# |---|---|
# | falls, slowly and evenly, and is still falling at the end | too small: try 3 times, then 10 times as much |
# | falls fast, then settles | about right |
# | falls, but jumps about or settles high | a little too large, or right for now and too large for later |
# | rises, becomes NaN, or sits at the loss of guessing, $\ln C$ for $C$ classes, from the first steps on | far too large |
#
# People begin with 0.001 for Adam, with 0.1 or 0.01 for SGD, with 0.0001 or less when they fine-tune. These are
# places to begin a search, no more. Below you will see how to search.

# %% [markdown] topics=["J3"]
# ## Four kinds of trouble
#
# A network has thousands of weights, and its landscape is no bowl. **Before you run:** here are four small landscapes
# of two weights. Gradient descent starts at the dot. Where will it end in each?
#
# - A **ravine**: steep across, almost flat along.
# - A **saddle**: up to the left and right, down ahead and behind. We start exactly on the ridge.
# - A **plateau**: nearly flat, with a hole in the middle.
# - Two **valleys**: the left one is deeper. (The landscape is *not convex*: a straight line between two places may
#   run under the hills.)

# %%
# name: (loss, gradient, start, rate)
landscapes = {
    "ravine": (
        lambda x, y: (x**2 + 25 * y**2) / 2,
        lambda w: w * [1, 25],
        (-2.5, 0.6),
        0.07,
    ),
    "saddle": (
        lambda x, y: x**2 / 2 - y**2 / 2 + y**4 / 4,
        lambda w: np.array([w[0], w[1] ** 3 - w[1]]),
        (-2.5, 0.0),
        0.2,
    ),
    "plateau": (
        lambda x, y: 1 - np.exp(-(x**2 + y**2)),
        lambda w: 2 * w * np.exp(-(w @ w)),
        (-2.5, 0.6),
        0.2,
    ),
    "two valleys": (
        lambda x, y: (x**2 - 1) ** 2 + 0.3 * x + y**2,
        lambda w: np.array([4 * w[0] * (w[0] ** 2 - 1) + 0.3, 2 * w[1]]),
        (1.9, 0.6),
        0.05,
    ),
}


def contours(ax, loss, levels=14):
    across, up = np.meshgrid(np.linspace(-2.8, 2.8, 141), np.linspace(-1.6, 1.6, 81))
    heights = loss(across, up)
    # Levels that lie closer together near the bottom show the shape of the valley, not only of the walls.
    lines = heights.min() + np.ptp(heights) * np.linspace(0, 1, levels) ** 2
    ax.contour(across, up, heights, lines, colors=plots.INK, linewidths=0.6, linestyles="solid")
    ax.set(xlabel="first weight", ylabel="second weight", aspect="equal", xlim=(-2.8, 2.8), ylim=(-1.6, 1.6))


def place(w):
    """(x, y) with two decimals, and without a minus before a zero."""
    return "({:.2f}, {:.2f})".format(*(np.round(w, 2) + 0.0)).replace("-", "−")


# %%
ends = {}
fig, axes = plt.subplots(2, 2, figsize=(9, 5.6))
for ax, (name, (loss, gradient, start, rate)) in zip(axes.flat, landscapes.items(), strict=True):
    path = descend(sgd, gradient, start, rate, 60)
    ends[name] = path[-1]
    contours(ax, loss)
    ax.plot(*path.T, "o-", color=plots.COLOURS[1], markersize=2.5, linewidth=1)
    ax.plot(*path[0], "o", color=plots.COLOURS[0], markersize=8)
    ax.set_title(f"{name}: ends at {place(path[-1])}")
told = "; ".join(f"{name}: from {place(landscapes[name][2])} to {place(end)}" for name, end in ends.items())
plots.show(fig, alt=f"Contour lines of four landscapes with 60 steps of gradient descent in each. {told}.")

# %%
claim("saddle: on the ridge it stops at the saddle", ends["saddle"], np.zeros(2), tolerance=1e-5)
_, gradient, start, rate = landscapes["saddle"]
pushed = descend(sgd, gradient, (start[0], 1e-6), rate, 120)[-1]
claim("saddle: a push of a millionth is enough to leave", pushed, np.array([0, 1]), tolerance=1e-3)
claim("plateau: still more than 2 away from the hole", np.hypot(*ends["plateau"]), lambda distance: distance > 2)
claim("two valleys: it ends in the right one, which is not the deepest", ends["two valleys"][0] > 0, True)

# %% [markdown]
# In the ravine it jumps from wall to wall and creeps along the bottom. At the saddle the slope is zero: gradient
# descent stands still at a place that is no valley. A push of a millionth sets it free, and batches push all the
# time. On the plateau there is hardly a slope to follow. Of two valleys it takes the nearer one, and never learns
# that there is another.
#
# A fifth trouble is missing in the pictures: **noise**. The gradient of a batch is only an estimate of the gradient
# of all images. We measure it below.

# %% [markdown]
# ### The ravine, in numbers
#
# Across, the curvature is 25; along, it is 1. The steep direction allows no rate above $2/25 = 0.08$. So the flat one
# shrinks by at best $1 - 0.08 = 0.92$ in a step. **Before you run:** how many steps to come a hundred times closer?

# %%
claim("the largest rate that the steep direction allows", 2 / 25, 0.08)
claim("steps of × 0.92 to a hundredth", int(np.ceil(np.log(0.01) / np.log(0.92))), 56)


# %% [markdown]
# One direction dictates the rate, all others wait. In deep networks it is worse: a few directions are curved by far more
# than all the others (Sagun et al. 2017). There are two ways out: remember where you came from (momentum), or give each
# weight its own rate (Adam and its family).

# %% [markdown] topics=["J4"]
# ## Momentum: a heavy ball
#
# Let a heavy ball roll instead of a hiker walking. It keeps its speed, so pushes to and fro across the ravine cancel,
# and pushes along it add up. The ball's **velocity** $v$ is a running sum of gradients, in which old ones fade:
#
# $$ v \;\leftarrow\; \mu\, v + g, \qquad w \;\leftarrow\; w - \eta\, v $$
#
# $\mu$ (*mu*, the **momentum**) says how much of the velocity is kept in each step; 0.9 is the usual number.
#
# **Before you run:** on an even slope the gradient is 1 at every step. With $\eta = 1$ and $\mu = 0.9$, how long are
# the first three steps, and how long do they become in the end?

# %%
def momentum(w, g, state, lr, mu=0.9):
    state["v"] = mu * state.get("v", 0) + g
    return w - lr * state["v"]


lengths = -np.diff(descend(momentum, lambda w: np.array(1.0), 0, 1, 200))
claim("the first three steps", lengths[:3], np.array([1, 1.9, 2.71]), tolerance=1e-12)
claim("in the end", lengths[-1], 10, tolerance=1e-6)


# %% [markdown]
# Ten times as long: $1 + \mu + \mu^2 + \dots = 1/(1-\mu)$. Whoever switches momentum on and leaves the rate as it was
# has also multiplied the rate by ten, along every slope that lasts.
#
# ### Two forms under one name
#
# PyTorch computes what you have just seen. Keras, and most papers, put the rate *inside* the velocity:
#
# $$ v \;\leftarrow\; \mu\, v + \eta\, g, \qquad w \;\leftarrow\; w - v $$
#
# Multiply PyTorch's $v$ by a constant $\eta$ and you have this one. So they are the same, as long as the rate is.
# **Before you run:** the gradient is always 1. After the first step the rate drops from 0.1 to 0.01. Which form feels
# it at once, and which one coasts?

# %%
def momentum_inside(w, g, state, lr, mu=0.9):
    """The form of Keras: the rate is part of the velocity."""
    state["v"] = mu * state.get("v", 0) + lr * g
    return w - state["v"]


def slope(w):
    return np.array(1.0)


outside = descend(momentum, slope, 1, [0.1, 0.01, 0.01], 3)
inside = descend(momentum_inside, slope, 1, [0.1, 0.01, 0.01], 3)
print("rate outside (PyTorch):", outside)
print("rate inside (Keras):   ", inside)
claim("PyTorch's form after three steps", outside[-1], 0.8539, tolerance=1e-12, source="M59")
claim("Keras' form after three steps", inside[-1], 0.70, tolerance=1e-12, source="M59")
same = [descend(rule, slope, 1, 0.1, 50) for rule in (momentum, momentum_inside)]
claim("at a constant rate they part by", np.abs(same[0] - same[1]).max(), 0, tolerance=1e-12)


# %% [markdown]
# With the rate outside, a lower rate brakes the whole ball at once. With the rate inside, the ball coasts on with the
# velocity that it had, for about $1/(1-\mu)$ steps. A schedule that falls in jumps behaves differently in the two
# frameworks, and so does a rate that *rises*.
#
# ### Nesterov: look before you roll
#
# The ball will roll by $\eta \mu v$ anyway. So why not take the gradient *there*, at the place where it will be? That
# is **Nesterov's** momentum. It brakes earlier when the slope turns.

# %%
def look_ahead(gradient, start, lr, steps, mu=0.9):
    """Nesterov's momentum as it is told: roll first, then ask for the slope. Returns the places where it asks."""
    w, v, asked = np.asarray(start, dtype=float), 0, []
    for _ in range(steps):
        ahead = w - lr * mu * v
        asked.append(ahead)
        v = mu * v + gradient(ahead)
        w = w - lr * v
    return np.array(asked)


def nesterov(w, g, state, lr, mu=0.9):
    """Nesterov's momentum as PyTorch computes it, from the gradient at w itself."""
    state["v"] = mu * state.get("v", 0) + g
    return w - lr * (g + mu * state["v"])


# %% [markdown]
# The second function is what frameworks compute. It never looks ahead, so how can it be the same? **Before you run:**
# its weights are not those of the ball. Which places of the first function are they?

# %%
_, ravine, start, _ = landscapes["ravine"]
gap = np.abs(descend(nesterov, ravine, start, 0.05, 30)[:-1] - look_ahead(ravine, start, 0.05, 30)).max()
claim("PyTorch's weights are the places where the ball asks for the slope, up to", gap, 0, tolerance=1e-12)


def steps_to(rule, lr, goal=0.01, **settings):
    """Steps until both weights of the ravine are, and stay, below the goal; None if that takes over 500."""
    far = np.abs(descend(rule, ravine, start, lr, 500, **settings)).max(axis=1) > goal
    return None if far[-1] else int(np.flatnonzero(far)[-1]) + 1


# %% [markdown]
# The frameworks keep the looked-ahead place as "the weights". At a constant rate that is the same algorithm, seen
# from one step further.
#
# Now the ravine again, at the best of many rates for each rule. **Before you run:** how many of the steps will
# momentum save? And is 0.9 the best momentum?

# %%
rates = np.geomspace(0.001, 0.2, 50)
tried = {"SGD": (sgd, {}), "momentum 0.9": (momentum, {"mu": 0.9}), "Nesterov 0.9": (nesterov, {"mu": 0.9})}
tried["momentum 0.44"] = (momentum, {"mu": 0.44})
best = {}
for name, (rule, settings) in tried.items():
    with np.errstate(over="ignore", invalid="ignore"):  # rates that are too large overflow: that is an answer, too
        found = [steps_to(rule, rate, **settings) or np.inf for rate in rates]
    best[name] = int(min(found))
    print(f"{name:14s} {best[name]:4d} steps at rate {rates[np.argmin(found)]:.3f}")
claim("momentum 0.44 needs less than half of the steps of SGD", best["momentum 0.44"] < best["SGD"] / 2, True)
claim("here momentum 0.9 needs fewer steps than SGD", best["momentum 0.9"] < best["SGD"], False)
root = np.sqrt(0.9)
claim("the ratio of curvatures for which 0.9 is made, in hundreds", round(((1 + root) / (1 - root)) ** 2 / 100), 14)


# %% [markdown]
# Surprised? On a ravine of 25 to 1, a momentum of 0.9 is too heavy: the ball overshoots the end of the valley and
# comes back. Theory gives the best number for a bowl with curvatures $a < b$,
# $\mu = \bigl((\sqrt b - \sqrt a)/(\sqrt b + \sqrt a)\bigr)^2$, here $(4/6)^2 = 0.44$. A momentum of 0.9 is made for
# a ratio of about 1,400. It has become the usual choice because networks have long ravines, not because it is better
# everywhere.

# %% [markdown] topics=["J5"]
# ## A rate for each weight
#
# The second way out of the ravine: let each weight have its own rate. Small gradients should be stepped on more
# boldly than large ones. So collect the *squared* gradients of each weight, and divide its step by the root of what
# was collected.
#
# - **AdaGrad** (2011) collects the sum of all squared gradients: $S \leftarrow S + g^2$.
# - **RMSProp** (2012) collects a running mean, so that the past fades: $S \leftarrow \alpha S + (1-\alpha)\, g^2$.
#
# Both step by $\;w \leftarrow w - \eta\, g / (\sqrt{S} + \varepsilon)$, weight by weight. $\varepsilon$ (*epsilon*)
# is tiny and keeps us from dividing by zero.
#
# **Before you run:** the gradient is 1 at every step, and $\eta = 1$. How long are the steps of AdaGrad after 100
# steps? And those of RMSProp with PyTorch's $\alpha = 0.99$, in the long run and in the *first* step?

# %%
def adagrad(w, g, state, lr, eps=1e-10):
    state["S"] = state.get("S", 0) + g**2
    return w - lr * g / (np.sqrt(state["S"]) + eps)


def rmsprop(w, g, state, lr, alpha=0.99, eps=1e-8):
    state["S"] = alpha * state.get("S", 0) + (1 - alpha) * g**2
    return w - lr * g / (np.sqrt(state["S"]) + eps)


# %%
step_of = {
    name: -np.diff(descend(rule, slope, 0, 1, 1000)) for name, rule in [("AdaGrad", adagrad), ("RMSProp", rmsprop)]
}
claim("AdaGrad: the 100th step", step_of["AdaGrad"][99], 0.1, tolerance=1e-6)
claim("RMSProp: the 1000th step", step_of["RMSProp"][-1], 1, tolerance=1e-3)
claim("RMSProp: the first step", step_of["RMSProp"][0], 10, tolerance=1e-3)

# %% [markdown]
# AdaGrad's steps shrink as $1/\sqrt{t}$ and never grow again: it carries a schedule of its own. RMSProp settles at
# $\eta$, whatever the gradient is. But it *begins* with a step ten times as long as you asked for, because its mean
# starts at zero and is far too small at first: $1/\sqrt{0.01} = 10$.
#
# Now to the ravine with AdaGrad. **Before you run:** it divides each weight's step by the size of that weight's
# gradients. How much longer will it take if the ravine is 2,500 to 1 instead of 25 to 1?

# %%
places = []
for across in (25, 2500):
    path = descend(adagrad, lambda w, across=across: w * [1, across], start, 0.5, 60)
    places.append(path)
    print(f"{across} to 1: after 60 steps at {path[-1].round(6)}")
claim("the two paths differ by", np.abs(places[0] - places[1]).max(), 0, tolerance=1e-9)


# %% [markdown]
# Not at all. Multiply the gradient of a weight by 100, and $\sqrt S$ grows by 100 as well: the step is the same. A
# ravine that runs along the axes is no ravine for these rules. (One that runs *diagonally* is: they know each
# weight's size, and nothing of how two weights go together. The explorer below has such a ravine.)

# %% [markdown] topics=["J6"]
# ## Adam: both ideas, and a correction
#
# **Adam** (2015) takes momentum for the direction and RMSProp for the size. Both are running means:
#
# $$ m \leftarrow \beta_1 m + (1-\beta_1)\, g \qquad\qquad v \leftarrow \beta_2 v + (1-\beta_2)\, g^2 $$
#
# Both begin at zero, so both are too small at first. In step $t$ the weights in such a mean add up to $1-\beta^t$
# only, so Adam divides by that. This is the **bias correction**:
#
# $$ \hat m = \frac{m}{1-\beta_1^t} \qquad \hat v = \frac{v}{1-\beta_2^t} \qquad w \leftarrow w - \eta\, \frac{\hat m}{\sqrt{\hat v} + \varepsilon} $$
#
# The defaults are $\eta = 0.001$, $\beta_1 = 0.9$, $\beta_2 = 0.999$.

# %%
def adam(w, g, state, lr, beta1=0.9, beta2=0.999, eps=1e-8, correct=True):
    t = state["t"] = state.get("t", 0) + 1
    m = state["m"] = beta1 * state.get("m", 0) + (1 - beta1) * g
    v = state["v"] = beta2 * state.get("v", 0) + (1 - beta2) * g**2
    if correct:
        m, v = m / (1 - beta1**t), v / (1 - beta2**t)
    return w - lr * m / (np.sqrt(v) + eps)


# %% [markdown]
# **Before you run, write down:** with a rate of 0.001, how far does Adam's *first* step move a weight whose gradient
# is 1? One whose gradient is 1,000,000? One whose gradient is 0.00001?

# %%
gradients = np.array([1, 1e6, -1e6, 1e-5, 0])
moved = adam(np.zeros(5), gradients, {}, lr=0.001)
for g, by in zip(gradients, moved, strict=True):
    print(f"gradient {g:10g}: the weight moves by {by:+.6f}")
claim("the first step is the rate times the sign", moved, -0.001 * np.sign(gradients), tolerance=2e-6, source="T26")


# %% [markdown]
# The first step is the rate, whatever the gradient. Only its sign counts, because $\hat m / \sqrt{\hat v} = g / |g|$.
# So Adam's rate is a *distance*: roughly how far each weight may move in a step. SGD's rate is a factor on the
# gradient. This is why the two need different numbers, and why 0.001 for one says nothing about 0.001 for the other.
#
# A consequence: multiply the loss by 1,000 (or forget to divide by the number of images). **Before you run:** what
# changes for SGD, what for Adam?

# %%
def thousandfold(w):
    return 1000 * ravine(w)


paths = [descend(adam, gradient, start, 0.05, 100) for gradient in (ravine, thousandfold)]
claim("Adam's paths differ by", np.abs(paths[0] - paths[1]).max(), 0, tolerance=1e-6)
with np.errstate(over="ignore", invalid="ignore"):
    sgd_ends = [descend(sgd, gradient, start, 0.07, 100)[-1] for gradient in (ravine, thousandfold)]
print("SGD ends at", sgd_ends[0].round(3), "and at", sgd_ends[1])
claim(
    "SGD arrives on the loss, but not on 1000 times the loss", [np.abs(e).max() < 0.1 for e in sgd_ends], [True, False]
)

# %% [markdown]
# And the correction? $m$ and $v$ are both too small at first. **Before you run:** without the correction, are Adam's
# first steps shorter or longer than the rate?

# %%
step_of["Adam"] = -np.diff(descend(adam, slope, 0, 1, 1000))
step_of["Adam, not corrected"] = -np.diff(descend(adam, slope, 0, 1, 1000, correct=False))
fig, ax = plt.subplots(figsize=(6.6, 3))
plots.curves(step_of, ax=ax, x=range(1, 1001), xlabel="step", ylabel="length of the step (rates)", log=True)
ax.set_xscale("log")
told = "; ".join(f"{name} {s[0]:.2f}, {s[9]:.2f}, {s[99]:.2f} and {s[999]:.2f}" for name, s in step_of.items())
plots.show(fig, alt=f"Length of each step at a gradient of 1. In steps 1, 10, 100 and 1000: {told}.")
claim("the first step without correction", step_of["Adam, not corrected"][0], 0.1 / np.sqrt(0.001), tolerance=1e-3)
claim("and the longest, in rates", step_of["Adam, not corrected"].max(), lambda most: most > 6)
claim("with it, all steps are the rate", step_of["Adam"], np.ones(1000), tolerance=1e-5)


# %% [markdown]
# Longer. The direction $m$ is a tenth of what it should be, but the divisor $\sqrt v$ is only
# $\sqrt{0.001} \approx 0.03$ of what it should be. The divisor wins: the first step is three times too long, and it
# gets worse before it gets better. The correction is a brake.

# %% [markdown] topics=["J7"]
# ### AdamW: decay apart
#
# Day 10 will want all weights to shrink a little in each step, as a rein on overfitting. Plain SGD can do that by
# adding $\lambda w$ to the gradient ($\lambda$, *lambda*, is the **weight decay**): then
# $w \leftarrow w - \eta\,(g + \lambda w) = (1-\eta\lambda)\,w - \eta g$. In Adam the same line does something else.
# **Before you run:** two weights, 3 and 0.03, no gradient from the loss at all, $\lambda = 0.01$, $\eta = 0.01$. What
# does one step of Adam do to each, when $\lambda w$ is its gradient?

# %%
def adamw(w, g, state, lr, weight_decay=0.01, **settings):
    """Adam, and apart from it every weight is multiplied by 1 − ηλ."""
    return adam((1 - lr * weight_decay) * w, g, state, lr, **settings)


two = np.array([3, 0.03])
coupled = adam(two, 0.01 * two, {}, lr=0.01)
apart = adamw(two, np.zeros(2), {}, lr=0.01)
print("Adam with λw in the gradient:", coupled.round(5), "  AdamW:", apart)
claim("added to Adam's gradient: both shrink by", two - coupled, np.array([0.01, 0.01]), tolerance=1e-5, source="M60")
claim("AdamW: both keep this share", apart / two, np.full(2, 1 - 0.01 * 0.01), tolerance=1e-12, source="T27")


# %% [markdown]
# Adam divides the decay by its own size, as it does with every gradient: the small weight loses a third, the large
# one next to nothing. **AdamW** (2019) keeps the decay out of the gradient, so that every weight loses the same
# share, $\eta\lambda$. In PyTorch the two are `Adam(weight_decay=...)` and `AdamW(weight_decay=...)`. Use the second.

# %% [markdown] topics=["M13"]
# ## SAM: is it steep around here?
#
# So far a rule looked at the slope under its boots. **Sharpness-aware minimisation** (SAM, 2021) asks for a valley
# that is *wide*, in the hope that what is low and wide on the training images is also low on others. It needs **two
# passes** for each step:
#
# 1. Take the gradient at $w$ and climb: $\hat w = w + \rho\, g / \lVert g \rVert$, a step of length $\rho$ (*rho*)
#    uphill.
# 2. Take the gradient there, go **back** to $w$, and step from $w$ with the gradient of $\hat w$.
#
# So the slope of a bad place nearby decides, and how steep that place is depends on how narrow the valley is.
#
# Here is a valley whose floor is level: the loss is zero all along the line where the second weight is 0. On the left
# it is narrow, on the right it is wide. Both rules start at the dot. **Before you run:** gradient descent stops where
# it reaches the floor. Will SAM stop there as well?

# %%
def sam_descend(gradient, start, lr, steps, rho):
    w, path = np.asarray(start, dtype=float), [np.asarray(start, dtype=float)]
    for _ in range(steps):
        uphill = gradient(w)
        climbed = w + rho * uphill / np.linalg.norm(uphill)  # first pass
        w = w - lr * gradient(climbed)  # second pass; the step starts at w
        path.append(w)
    return np.array(path)


def floor(x, y):
    return (1 + 2 * (x - 2) ** 2) * y**2 / 2  # the curvature across is 1 at x = 2 and 33 at x = −2


def floor_slope(w):
    x, y = w
    return np.array([2 * (x - 2) * y**2, (1 + 2 * (x - 2) ** 2) * y])


# %%
RHO = 0.3
paths = {
    "SGD": descend(sgd, floor_slope, (-2, 0.6), 0.02, 2000),
    "SAM": sam_descend(floor_slope, (-2, 0.6), 0.02, 2000, RHO),
}
nearby = {name: floor(path[-1, 0], np.abs(path[-1, 1]) + RHO) for name, path in paths.items()}
fig, ax = plt.subplots(figsize=(7, 4))
contours(ax, floor)
for (name, path), marker, colour in zip(paths.items(), "os", plots.COLOURS, strict=False):
    ax.plot(*path.T, color=colour, linewidth=1)
    ax.plot(
        *path[-1],
        marker,
        color=colour,
        markersize=9,
        label=f"{name}; {RHO} beside its end the loss is {nearby[name]:.2f}",
    )
ax.plot(-2, 0.6, "o", color=plots.INK)
ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1))
told = "; ".join(f"{name} ends at {place(path[-1])}" for name, path in paths.items())
plots.show(
    fig, alt=f"A level valley, narrow on the left and wide on the right, with two paths from the same start. {told}."
)

# %%
claim("SGD stays on the narrow side", paths["SGD"][-1, 0], lambda x: x < -1.5)
claim("SAM walks along the floor to the wide side", paths["SAM"][-1, 0], 2, tolerance=0.1)
claim(
    "beside the end of SGD the loss is so many times as high", nearby["SGD"] / nearby["SAM"], lambda times: times > 10
)

# %% [markdown]
# On the floor the slope is zero, and gradient descent has nothing left to do. SAM never looks at the floor: it looks
# $\rho$ up the wall, where the slope still points to where the wall is lower. Whether wide valleys are better on new
# images is a question for experiments, and "wide" depends on how a network's weights are scaled (Dinh et al. 2017).
# What is certain is the price: two gradients for each step.

# %% [markdown]
# ## Equal to PyTorch, step by step
#
# Eight rules. Are they PyTorch's? The test: a curved valley of two weights, 40 steps, and after half of them the rate
# drops to a tenth, so that no two forms can be mixed up. All numbers are float64. The gradient is ours, by hand;
# PyTorch gets its own from `backward` (Day 7). `optimiser.step()` applies the rule.

# %%
import torch


def curved(w):
    return (1 - w[0]) ** 2 + 5 * (w[1] - w[0] ** 2) ** 2


def curved_slope(w):
    off = w[1] - w[0] ** 2
    return np.array([-2 * (1 - w[0]) - 20 * w[0] * off, 10 * off])


FROM, STEPS = [-1.2, 1.0], 40
brake = np.where(np.arange(STEPS) < STEPS // 2, 1, 0.1)


def in_torch(make, lr, rho=0.0):
    w = torch.tensor(FROM, dtype=torch.float64, requires_grad=True)
    optimiser, path = make([w], lr=lr), [w.detach().numpy().copy()]
    for share in brake:
        for group in optimiser.param_groups:
            group["lr"] = lr * share
        optimiser.zero_grad()
        curved(w).backward()
        if rho:  # SAM's two passes: climb, ask again, go back
            up = rho * w.grad / w.grad.norm()
            with torch.no_grad():
                w += up
            optimiser.zero_grad()
            curved(w).backward()
            with torch.no_grad():
                w -= up
        optimiser.step()
        path.append(w.detach().numpy().copy())
    return np.array(path)


# %%
from functools import partial

optim = torch.optim
pairs = {
    "SGD": (sgd, optim.SGD, 0.01),
    "momentum": (momentum, partial(optim.SGD, momentum=0.9), 0.01),
    "Nesterov": (nesterov, partial(optim.SGD, momentum=0.9, nesterov=True), 0.01),
    "AdaGrad": (adagrad, optim.Adagrad, 0.1),
    "RMSProp": (rmsprop, optim.RMSprop, 0.01),
    "Adam": (adam, optim.Adam, 0.1),
    "AdamW": (adamw, optim.AdamW, 0.1),
}
for name, (rule, make, lr) in pairs.items():
    gap = np.abs(descend(rule, curved_slope, FROM, lr * brake, STEPS) - in_torch(make, lr)).max()
    claim(
        f"{name}: 40 steps of ours and of PyTorch's differ by",
        gap,
        0,
        tolerance=1e-12,
        source={"Adam": "T26"}.get(name),
    )


def sam_rule(w, g, state, lr, rho=0.1):
    """SAM as a rule: g is the first pass, the second is taken here."""
    return momentum(w, curved_slope(w + rho * g / np.linalg.norm(g)), state, lr)


ours = descend(sam_rule, curved_slope, FROM, 0.01 * brake, STEPS)
theirs = in_torch(partial(optim.SGD, momentum=0.9), 0.01, rho=0.1)
claim(
    "SAM with momentum: ours and two passes in PyTorch", np.abs(ours - theirs).max(), 0, tolerance=1e-12, source="T39"
)

# %% [markdown] topics=["L14"]
# The inner loop over `param_groups` is more than a way to set the rate. Each **group** of weights may have a rate of
# its own, such as a small one for layers that were trained before and a large one for a new head (Day 16):

# %%
old, new = (torch.ones(3, dtype=torch.float64, requires_grad=True) for _ in range(2))
optimiser = optim.SGD([{"params": [old], "lr": 0.001}, {"params": [new], "lr": 0.1}])
(old.sum() + new.sum()).backward()  # the gradient is 1 everywhere
optimiser.step()
claim(
    "the new layer moves this many times as far",
    ((1 - new) / (1 - old)).detach().numpy(),
    np.full(3, 100),
    tolerance=1e-6,
)

# %% [markdown]
# ### Keras means something else
#
# The names are the same, the numbers are not. The differences are small where $\varepsilon$ is tiny against the
# gradients, and large where it is not.
#
# | rule | PyTorch | Keras |
# |---|---|---|
# | momentum, Nesterov | rate outside the velocity | rate inside |
# | AdaGrad | $S$ begins at 0; $g / (\sqrt S + \varepsilon)$, $\varepsilon = 10^{-10}$ | $S$ begins at **0.1**; $g / \sqrt{S + \varepsilon}$, $\varepsilon = 10^{-7}$ |
# | RMSProp | $\alpha = 0.99$; $g / (\sqrt S + \varepsilon)$, $\varepsilon = 10^{-8}$ | $\alpha$ is called `rho` and is **0.9**; $g / \sqrt{S + \varepsilon}$, $\varepsilon = 10^{-7}$ |
# | Adam | $\hat m / (\sqrt{\hat v} + \varepsilon)$, $\varepsilon = 10^{-8}$ | $\varepsilon$ is added to the *uncorrected* $\sqrt v$, $\varepsilon = 10^{-7}$ |
# | AdamW | $w \leftarrow (1 - \eta\lambda)\, w$ first, $\lambda = 0.01$ | the same, $\lambda = 0.004$ |
# | SGD with `weight_decay` | $\lambda w$ joins the gradient, and momentum collects it | $w \leftarrow (1 - \eta\lambda)\, w$, apart |
#
# To see the forms we write Keras' as rules, too, and choose an $\varepsilon$ so large that it cannot hide. Keras
# counts in float32, so the last digits differ.

# %%
import keras


def in_keras(optimiser, start, slope, rates):
    w, path = keras.Variable(np.array(start), dtype="float64"), [np.array(start)]
    for rate in rates:
        optimiser.learning_rate = rate
        optimiser.apply([keras.ops.convert_to_tensor(slope(path[-1]))], [w])
        path.append(np.array(keras.ops.convert_to_numpy(w)))
    return np.array(path)


def adagrad_keras(w, g, state, lr, eps=1e-7):
    state["S"] = state.get("S", 0.1) + g**2
    return w - lr * g / np.sqrt(state["S"] + eps)


def rmsprop_keras(w, g, state, lr, rho=0.9, eps=1e-7):
    state["S"] = rho * state.get("S", 0) + (1 - rho) * g**2
    return w - lr * g / np.sqrt(state["S"] + eps)


def adam_keras(w, g, state, lr, beta1=0.9, beta2=0.999, eps=1e-7):
    t = state["t"] = state.get("t", 0) + 1
    m = state["m"] = beta1 * state.get("m", 0) + (1 - beta1) * g
    v = state["v"] = beta2 * state.get("v", 0) + (1 - beta2) * g**2
    return w - lr * np.sqrt(1 - beta2**t) / (1 - beta1**t) * m / (np.sqrt(v) + eps)


# %%
EPS, kind = 0.5, keras.optimizers
# name: (Keras' form, Keras' own, PyTorch's form, rate), and what the forms are given
keras_rows = {
    "momentum": (momentum_inside, kind.SGD(momentum=0.9), momentum, 0.01, {}, {}),
    "AdaGrad": (adagrad_keras, kind.Adagrad(epsilon=EPS), adagrad, 0.1, {"eps": EPS}, {"eps": EPS}),
    "RMSProp": (rmsprop_keras, kind.RMSprop(epsilon=EPS), rmsprop, 0.1, {"eps": EPS}, {"alpha": 0.9, "eps": EPS}),
    "Adam": (adam_keras, kind.Adam(epsilon=EPS), adam, 0.1, {"eps": EPS}, {"eps": EPS}),
}
for name, (rule, optimiser, of_torch, lr, settings, same) in keras_rows.items():
    theirs = in_keras(optimiser, FROM, curved_slope, lr * brake)
    ours = descend(rule, curved_slope, FROM, lr * brake, STEPS, **settings)
    claim(f"{name}: our rule in Keras' form and Keras", np.abs(ours - theirs).max(), 0, tolerance=1e-4)
    other = descend(of_torch, curved_slope, FROM, lr * brake, STEPS, **same)
    claim(f"{name}: PyTorch's form is off by", np.abs(other - theirs).max(), lambda gap: gap > 0.01)

# %%
defaults = [
    kind.Adagrad().initial_accumulator_value,
    kind.RMSprop().rho,
    kind.Adam().epsilon,
    kind.AdamW().weight_decay,
]
claim("Keras: S of AdaGrad at the start, rho, ε of Adam, λ of AdamW", defaults, [0.1, 0.9, 1e-7, 0.004])
some = [torch.zeros(1, requires_grad=True)]
defaults = [
    optim.Adagrad(some).defaults["initial_accumulator_value"],
    optim.RMSprop(some).defaults["alpha"],
    optim.Adam(some).defaults["eps"],
    optim.AdamW(some).defaults["weight_decay"],
]
claim("PyTorch: the same four", defaults, [0, 0.99, 1e-8, 0.01])


# %% [markdown]
# Where does this bite? In Adam's first steps with small gradients. **Before you run:** the gradient is 0.000001 at
# every step, both frameworks use their defaults. How far do they get in ten steps, measured in rates?

# %%
def tiny(w):
    return np.array([1e-6])


ten_keras = -in_keras(kind.Adam(), [0.0], tiny, [0.001] * 10)[-1, 0] / 0.001
ten_ours = -descend(adam, tiny, [0.0], 0.001, 10)[-1, 0] / 0.001
print(f"ten steps of Adam, in rates: PyTorch's form {ten_ours:.2f}, Keras {ten_keras:.2f}")
claim("PyTorch's form takes about ten", ten_ours, 10, tolerance=0.2)
claim("Keras takes less than half of that", ten_keras < 5, True)


# %% [markdown]
# Ported with all its numbers, a model can train more slowly in one framework for no other reason than the place of an
# $\varepsilon$.

# %% [markdown] topics=["L13"]
# ## Schedules: the rate over time
#
# Early on, far from the valley, large steps save time. Later they jump over its floor, and noise keeps the loss up.
# So let the rate fall while you train. A **schedule** says how. Steps count from 0; the peak is the rate you tuned.
#
# - **Step**: divide by ten every so often.
# - **Exponential**: multiply by a little less than 1 in each step.
# - **Cosine**: half a cosine from the peak to zero. Slow, fast, slow.
# - **Cosine with restarts**: several of them, one after the other.
# - **Warm-up**: rise in a straight line first, then fall. The first gradients are large and point in wild directions,
#   and Adam's means have seen next to nothing.
# - **One cycle**: up along a cosine, and down along another, in one training.
#
# **Before you run:** which of these use the end of training, so that you have to know the number of steps before you
# start?

# %%
def step_decay(step, peak, every, factor=0.1):
    return peak * factor ** (step // every)


def exponential(step, peak, factor):
    return peak * factor**step


def cosine(step, peak, steps):
    return peak * (1 + np.cos(np.pi * step / steps)) / 2


def restarts(step, peak, period):
    return cosine(step % period, peak, period)


def warm_up(step, peak, steps, rising):
    return peak * (step + 1) / rising if step < rising else cosine(step - rising, peak, steps - rising)


def one_cycle(step, peak, steps, up=0.3):
    """As in PyTorch: begin at peak/25, end at a ten-thousandth of that; the peak is in step up · steps − 1."""
    turn, start = up * steps - 1, peak / 25
    if step <= turn:
        return peak + (start - peak) * (1 + np.cos(np.pi * step / turn)) / 2
    end = start / 1e4
    return end + (peak - end) * (1 + np.cos(np.pi * (step - turn) / (steps - 1 - turn))) / 2


# %%
N, PEAK = 100, 0.1
schedules = {
    "step": [step_decay(t, PEAK, 30) for t in range(N)],
    "exponential": [exponential(t, PEAK, 0.96) for t in range(N)],
    "cosine": [cosine(t, PEAK, N) for t in range(N)],
    "restarts": [restarts(t, PEAK, 25) for t in range(N)],
    "warm-up, cosine": [warm_up(t, PEAK, N, 10) for t in range(N)],
    "one cycle": [one_cycle(t, PEAK, N) for t in range(N)],
}
fig, axes = plt.subplots(2, 3, figsize=(9, 4.4), sharex=True, sharey=True)
for ax, (name, rates) in zip(axes.flat, schedules.items(), strict=True):
    ax.plot(rates, color=plots.COLOURS[0], marker=".", markersize=3)
    ax.set_title(name)
for ax in axes[1]:
    ax.set_xlabel("step")
for ax in axes[:, 0]:
    ax.set_ylabel("learning rate")
told = "; ".join(f"{name} {r[0]:.3f}, {r[30]:.3f}, {r[60]:.3f}, {r[99]:.3f}" for name, r in schedules.items())
plots.show(fig, alt=f"Six schedules over 100 steps with a peak of 0.1. The rate in steps 0, 30, 60 and 99: {told}.")

# %% [markdown]
# Cosine, warm-up with cosine and one cycle have the number of steps in their formula. Stop such a training half-way
# and you have not got half of its benefit; go on beyond the end and there is no rate for it. Now PyTorch's own, step
# by step:

# %%
scheduler = torch.optim.lr_scheduler


def rates_in_torch(make, steps=N):
    optimiser = optim.SGD([torch.zeros(1, requires_grad=True)], lr=PEAK)
    plan, rates = make(optimiser), []
    for _ in range(steps):
        rates.append(plan.get_last_lr()[0])
        optimiser.step()
        plan.step()  # after optimiser.step(), once a step: the order matters
    return rates


def rising_then_cosine(optimiser):
    rise = scheduler.LinearLR(optimiser, start_factor=1 / 10, total_iters=9)
    return scheduler.SequentialLR(optimiser, [rise, scheduler.CosineAnnealingLR(optimiser, N - 10)], milestones=[10])


of_torch = {
    "step": lambda o: scheduler.StepLR(o, 30),
    "exponential": lambda o: scheduler.ExponentialLR(o, 0.96),
    "cosine": lambda o: scheduler.CosineAnnealingLR(o, N),
    "restarts": lambda o: scheduler.CosineAnnealingWarmRestarts(o, 25),
    "warm-up, cosine": rising_then_cosine,
    "one cycle": lambda o: scheduler.OneCycleLR(o, PEAK, total_steps=N),
}
import warnings

with warnings.catch_warnings():
    warnings.simplefilter("ignore", UserWarning)  # SequentialLR calls its own parts in a deprecated way
    for name, make in of_torch.items():
        gap = np.abs(np.array(rates_in_torch(make)) - schedules[name]).max()
        claim(f"{name}: ours and PyTorch's differ by", gap, 0, tolerance=1e-12)

# %% [markdown]
# Keras has `CosineDecay` (with `warmup_steps`), `ExponentialDecay`, `PiecewiseConstantDecay` and
# `CosineDecayRestarts` in `keras.optimizers.schedules`. They are functions of the step, handed to the optimiser in
# place of the rate:

# %%
in_keras_cosine = [float(kind.schedules.CosineDecay(PEAK, N)(t)) for t in range(N)]
claim(
    "cosine: ours and Keras' differ by",
    np.abs(np.array(in_keras_cosine) - schedules["cosine"]).max(),
    0,
    tolerance=1e-7,
)


# %% [markdown] topics=["L8", "L7"]
# ## Watching the loss
#
# A schedule is blind. Two rules look at the validation loss after each epoch instead (an **epoch** is one pass over
# all training images). Both wait for an epoch that is better than the *best* so far, and count the bad epochs in
# between. When the count reaches their **patience**,
#
# - **reduce on plateau** multiplies the rate by a factor, and begins to count anew;
# - **early stopping** ends the training. Best weights are those of the best epoch, not of the last.
#
# **Before you run:** the losses are 0.9, 0.8, 0.7, 0.7, 0.71, 0.69, 0.7, 0.7, 0.7, 0.7, and the patience is 3. After
# which epoch (from 1) does the rate fall? After which does early stopping end it, and which epoch was best?

# %%
def watch(losses, patience):
    """Epochs, counted from 1, in which the count of bad ones reaches the patience, and the best epoch up to each."""
    best, bad, reached = 0, 0, []
    for epoch, loss in enumerate(losses, start=1):
        if best == 0 or loss < losses[best - 1]:
            best, bad = epoch, 0
        else:
            bad += 1
        if bad == patience:
            reached.append((epoch, best))
            bad = 0
    return reached


seen = [0.9, 0.8, 0.7, 0.7, 0.71, 0.69, 0.7, 0.7, 0.7, 0.7]
print(watch(seen, 3))
claim("the rate falls, and early stopping ends the run, after epoch", watch(seen, 3)[0][0], 9)
claim("the best epoch", watch(seen, 3)[0][1], 6)


# %% [markdown]
# Did you say 6? Epochs 4 and 5 are bad, but epoch 6 is better by 0.01 and sets the count back. Now the real
# callbacks. We call them as `fit` would, with our losses. The model's only weight is set to the number of the epoch,
# so that it tells where it comes from.

# %%
def drive(callback, losses):
    """Feed losses to a callback of Keras: (rate after each epoch, last epoch, the weight that the model then has)."""
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, use_bias=False)])
    model.compile(kind.SGD(1.0), "mse")
    callback.set_model(model)
    callback.on_train_begin()
    rates = []
    for epoch, loss in enumerate(losses, start=1):
        model.set_weights([np.full((1, 1), epoch, "float32")])
        callback.on_epoch_end(epoch - 1, {"val_loss": loss})  # Keras counts from 0
        rates.append(round(float(model.optimizer.learning_rate), 6))
        if model.stop_training:
            break
    callback.on_train_end()
    return rates, epoch, model.get_weights()[0].item()


rates, _, _ = drive(keras.callbacks.ReduceLROnPlateau(factor=0.1, patience=3), seen)
print("rates in Keras:  ", rates)
claim("Keras cuts after epoch", rates.index(0.1) + 1, 9)
_, stopped, kept = drive(keras.callbacks.EarlyStopping(patience=3), seen)
claim("early stopping: the last epoch, and the epoch whose weights stay", [stopped, kept], [9, 9], source="M13")
_, stopped, kept = drive(keras.callbacks.EarlyStopping(patience=3, restore_best_weights=True), seen)
claim("with restore_best_weights", [stopped, kept], [9, 6], source="M13")

# %% [markdown]
# A trap: `EarlyStopping` alone leaves you with the *last* weights, those after three bad epochs. And another one, in
# PyTorch. **Before you run:** its `ReduceLROnPlateau` gets the same losses and the same
# patience. After which epoch does it cut?

# %%
optimiser = optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
plan, rates = scheduler.ReduceLROnPlateau(optimiser, factor=0.1, patience=3), []
for loss in seen:
    plan.step(loss)
    rates.append(plan.get_last_lr()[0])
print("rates in PyTorch:", rates)
claim("PyTorch cuts after epoch", rates.index(0.1) + 1, 10)
claim("our rule with one more of patience", watch(seen, 3 + 1)[0][0], 10)

# %% [markdown]
# One epoch later: PyTorch's patience is the number of bad epochs that are *forgiven*, Keras' the number that is
# *enough*. Day 9 puts both to use.

# %% [markdown] tags=["explorer"]
# ## Try it yourself: a race down the landscapes
#
# **Explorer: landscape race.** Today's rules run over today's landscapes. You choose the start, the rate and the momentum;
# the slider *Step* shows for each step where each rule is, its loss, and the update that brought it there. Press a rule's
# name, and that step is worked out below the table. Three things to try:
#
# 1. *At which rate does each rule leave the ravine?* Raise the rate of all. SGD must break above $2/25 = 0.08$. Which of the
#    others breaks first, and is it before or after SGD? Which never do? Write the order down; only then press *Show the loss
#    at every rate*.
# 2. *The right weight of the ball.* Set the rate to 0.1, and go from a momentum of 0.9 down to 0.44, then to 0. Look for the
#    path that goes straight for the bottom. Why does the last one never get there?
# 3. *Whose first step is as long as the rate?* Go to step 1. The two slopes are 2.5 and 15. Whose update tells you so? Then
#    take *the same ravine, turned by 37°*: which rules do not notice the turn, and which lose by it?

# %%
from course_utils.widgets import LandscapeRace

LandscapeRace(landscape="ravine", x=start[0], y=start[1], rates=0.05, momentum=0.9, steps=40)

# %% [markdown]
# ### Which rate each rule bears
#
# And by calculation? **Before you run:** put SGD, momentum 0.9 and Nesterov 0.9 in the order of the largest rate that they
# bear. We try one rate after the other, until a rule is still far away after 600 steps.

# %%
limits = {}
for name, rule in {"SGD": sgd, "momentum": momentum, "Nesterov": nesterov}.items():
    for rate in np.arange(0.03, 0.2, 0.001):
        if np.abs(descend(rule, ravine, start, rate, 600)[-1]).max() > 1:
            break  # still far away after 600 steps: it does not settle any more
        limits[name] = rate
print({name: f"{rate:.3f}" for name, rate in limits.items()})
claim("the order", sorted(limits, key=limits.get), ["Nesterov", "SGD", "momentum"])
claim("SGD bears up to", limits["SGD"], 2 / 25, tolerance=0.0015)
claim("momentum bears (1 + μ) times as much", limits["momentum"], 1.9 * 2 / 25, tolerance=0.0015)
claim("Nesterov bears (1 + μ)/(1 + 2μ) times as much", limits["Nesterov"], 1.9 / 2.8 * 2 / 25, tolerance=0.0015)
own_step = {"AdaGrad": adagrad, "RMSProp": rmsprop, "Adam": adam}
wild = {name: np.abs(descend(rule, ravine, start, 3, 600)[-1]).max() for name, rule in own_step.items()}
claim("at a rate of 3 AdaGrad, RMSProp and Adam end within", max(wild.values()), lambda distance: distance < 2)

# %% [markdown]
# Momentum bears more than plain SGD: to and fro, its gradients cancel. Nesterov bears less than both, because its step
# $g + \mu v$ counts the newest gradient $1 + \mu$ times. A rate that suits momentum can break Nesterov.
#
# AdaGrad, RMSProp and Adam do not break in this way: their steps do not grow with the slope. Too large a rate keeps them
# jumping about, no more.
#
# And the turn of 37°? **Before you run:** each rule makes 40 steps at a rate of 0.05, once in the ravine and once in the
# turned one. Who comes less far in the second?

# %%
turn = np.array([[0.8, -0.6], [0.6, 0.8]])  # by 37°: the ravine now runs along (0.8, 0.6)


def turned(w):
    return turn @ ravine(turn.T @ w)


left = {}
for name, rule in {"SGD": sgd, "momentum": momentum, **own_step}.items():
    ends = [descend(rule, g, at, 0.05, 40)[-1] for g, at in ((ravine, start), (turned, turn @ start))]
    left[name] = np.linalg.norm(ends, axis=1)
    print("{:9s} distance to the bottom {:.3f}, in the turned ravine {:.3f}".format(name, *left[name]))
same = [np.ptp(left[name]) for name in ("SGD", "momentum")]
claim("SGD and momentum: the two distances differ by", max(same), 0, tolerance=1e-9)
worse = [bool(left[name][1] > left[name][0]) for name in own_step]
claim("AdaGrad, RMSProp and Adam are farther away", worse, [True, True, True])

# %% [markdown]
# SGD and momentum take the same path, turned with the ravine: they never look at single weights. The three others give each
# *weight* a rate of its own, and no weight runs along the turned ravine. In a network nobody turns the ravines for you.

# %% [markdown]
# ## Experiment: a fair race
#
# Small landscapes are for understanding. Which rule is best for a network? Most comparisons are decided before they
# begin, by giving everyone the same rate, or their framework's default. You have just seen that a rate means
# different things to different rules. So here are the terms of a fair race:
#
# - the same data, the same network, the same random start and the same batches for each seed;
# - the same number of **gradients**. SAM takes two for a step, so it gets half of the steps;
# - the same grid of rates for everyone, and each runs at its own best;
# - the rate is chosen with some seeds, and the race is run with **other** seeds. Otherwise the winner may be the
#   luckiest;
# - the spread over the seeds stands beside every number.
#
# The data are scikit-learn's 1,797 handwritten digits of 8 × 8 pixels; they ship with the library. The network is as
# small: a convolution of 3 × 3 with stride 2 and 8 filters, ReLU, 32 hidden units, ReLU, ten logits. The gradient is
# Day 7's, by hand; all weights lie in one row, so that our rules take them as they are.

# %%
from numpy.lib.stride_tricks import sliding_window_view
from sklearn.datasets import load_digits
from threadpoolctl import threadpool_limits

threadpool_limits(1, user_api="blas")  # for matrices as small as these a second core costs more than it brings

digits = load_digits()
padded = np.pad(digits.images / 16, ((0, 0), (1, 1), (1, 1)))
windows = sliding_window_view(padded, (3, 3), axis=(1, 2))[:, ::2, ::2].reshape(-1, 16, 9)  # im2col of Day 2
order = np.random.default_rng(SEED).permutation(len(windows))
train, held_out = order[:1280], order[1280:]
shapes = {"convolution": (9, 8), "hidden": (128, 32), "output": (32, 10)}
sizes = [n for rows, columns in shapes.values() for n in (rows * columns, columns)]  # weights and bias of each layer
claim("images, and weights of the network", [len(windows), sum(sizes)], [1797, 4538])
print(f"{len(train)} images to train on, {len(held_out)} held out; {sum(sizes):,} weights")


def layers_of(w):
    """[(weights, bias) of each layer], as views of the one row."""
    parts = np.split(w, np.cumsum(sizes)[:-1])
    return [(parts[2 * i].reshape(shape), parts[2 * i + 1]) for i, shape in enumerate(shapes.values())]


def initial(rng):
    """He's initialisation (Day 7); the biases are zero."""
    w = np.zeros(sum(sizes))
    for weights, _ in layers_of(w):
        weights[:] = rng.normal(0, np.sqrt(2 / len(weights)), weights.shape)
    return w


def forward(w, images):
    (kernels, b1), (hidden, b2), (output, b3) = layers_of(w)
    maps = np.maximum(windows[images] @ kernels + b1, 0)
    units = np.maximum(maps.reshape(len(images), -1) @ hidden + b2, 0)
    return maps, units, units @ output + b3


def loss_and_gradient(w, images):
    """Mean cross-entropy of some images, by their numbers, and its gradient."""
    maps, units, logits = forward(w, images)
    p = np.exp(logits - logits.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    right = np.arange(len(images)), digits.target[images]
    loss = -np.log(np.maximum(p[right], 1e-300)).mean()
    p[right] -= 1
    d_logits = p / len(images)
    _, (hidden, _), (output, _) = layers_of(w)
    d_units = (d_logits @ output.T) * (units > 0)
    d_maps = (d_units @ hidden.T).reshape(maps.shape) * (maps > 0)
    by_layer = [
        (np.tensordot(windows[images], d_maps, ((0, 1), (0, 1))), d_maps.sum(axis=(0, 1))),
        (maps.reshape(len(images), -1).T @ d_units, d_units.sum(axis=0)),
        (units.T @ d_logits, d_logits.sum(axis=0)),
    ]
    return loss, np.concatenate([part.ravel() for pair in by_layer for part in pair])


# %% [markdown]
# A gradient that is wrong makes every rule look bad in its own way. So check it first, as on Day 7: along some random
# directions, against the difference of two losses. (Not at the start itself: there all biases are zero, so every
# black window sits exactly on the corner of ReLU, where a slope has two values.)

# %%
rng = np.random.default_rng(SEED)
w = initial(rng)
somewhere = w + rng.normal(0, 0.01, len(w))
_, g = loss_and_gradient(somewhere, train)
for _ in range(3):
    direction = rng.normal(0, 1e-7, len(w))
    up, down = (loss_and_gradient(somewhere + sign * direction, train)[0] for sign in (1, -1))
    claim("two losses, over what the gradient says", (up - down) / 2 / (g @ direction), 1, tolerance=1e-3)
print(f"loss at the start {loss_and_gradient(w, train)[0]:.2f}; ln 10 = {np.log(10):.2f} would be guessing")


# %% [markdown] topics=["L15"]
# ## A learning-rate finder
#
# Before the race, a cheap look at the rate. Train for some 100 steps while the rate grows by a constant factor in each
# step, from far too small to far too large, and watch the loss of the batches. It does nothing at first, then falls, then
# rises or breaks. Where it is lowest the rate is already too large to last, so begin with a tenth of that. (The idea is
# Smith's, of 2017. Many libraries suggest the rate at which the loss falls fastest; in as few steps as these, noise at the
# very beginning is often what falls fastest.)

# %%
def find_rate(rule, w, rng, lowest=1e-5, highest=10, steps=120, batch=32):
    """Sweep the rate upwards over a copy of the weights: (rates, smoothed losses, a tenth of the best rate)."""
    state, average = {}, 0
    rates, smooth = np.geomspace(lowest, highest, steps), []
    with np.errstate(all="ignore"):
        for step, rate in enumerate(rates, start=1):
            loss, g = loss_and_gradient(w, rng.choice(train, batch))
            average = 0.9 * average + 0.1 * loss
            smooth.append(average / (1 - 0.9**step))  # Adam's bias correction, for the same reason
            if not np.isfinite(loss) or smooth[-1] > 2 * min(smooth):
                break  # it has broken
            w = rule(w, g, state, rate)
    return rates[: len(smooth)], np.array(smooth), rates[np.argmin(smooth)] / 10


# %% [markdown]
# **Before you run:** for which rule will it suggest the larger rate, SGD or Adam, and by how much?

# %%
before = w.copy()
sweeps = {name: find_rate(rule, w, np.random.default_rng(SEED)) for name, rule in [("SGD", sgd), ("Adam", adam)]}
claim("the finder leaves the weights as they were", w, before)
fig, ax = plt.subplots(figsize=(6.6, 3))
for (name, (rates, smooth, found)), marker, colour in zip(sweeps.items(), "os", plots.COLOURS, strict=False):
    ax.plot(rates, smooth, color=colour, label=f"{name}: begin with {found:.2g}")
    ax.plot(10 * found, smooth.min(), marker, color=colour)
ax.set(xscale="log", xlabel="learning rate", ylabel="loss of the batches (nats, smoothed)", ylim=(0, 3.5))
ax.legend()
told = "; ".join(
    f"{name} is lowest at {10 * found:.2g} and ends at {r[-1]:.2g}" for name, (r, _, found) in sweeps.items()
)
plots.show(fig, alt=f"Loss while the rate grows from 0.00001, for SGD and Adam. {told}.")
for name, (_, _, found) in sweeps.items():
    result(f"rate_found_{name.lower()}", found)
claim("the rate for SGD is larger than that for Adam", sweeps["SGD"][2] > sweeps["Adam"][2], True)


# %% [markdown]
# ## The race
#
# One function trains. `schedule` gives the share of the peak for each step; `rho` switches SAM on.

# %%
def train_net(rule, lr, seed, gradients, schedule=None, rho=0.0, batch=32, **settings):
    """The weights after a training that may take this many gradients."""
    rng = np.random.default_rng([SEED, seed])
    w, state = initial(rng), {}
    steps = gradients // 2 if rho else gradients
    with np.errstate(all="ignore"):  # what diverges overflows
        for step in range(steps):
            images = rng.choice(train, batch)
            loss, g = loss_and_gradient(w, images)
            if rho:
                _, g = loss_and_gradient(w + rho * g / np.sqrt(g @ g), images)
            if not np.isfinite(loss):
                break
            w = rule(w, g, state, lr * (schedule(step, steps) if schedule else 1), **settings)
    return w


def score(w):
    """(training loss, share of the images held out that are named right); a network that overflowed has the loss inf."""
    with np.errstate(all="ignore"):
        loss = loss_and_gradient(w, train)[0]
        right = (forward(w, held_out)[-1].argmax(axis=1) == digits.target[held_out]).mean()
    return (loss, right) if np.isfinite(loss) else (np.inf, 0.1)


GRADIENTS = profile.pick(smoke=100, cpu=300, gpu=300)
tuning = range(profile.pick(smoke=2, cpu=3, gpu=3))
racing = range(100, 100 + profile.pick(smoke=3, cpu=5, gpu=10))
grid = 10.0 ** np.arange(-3, 0.6, 0.5)
field = {
    "SGD": (sgd, {}),
    "momentum": (momentum, {}),
    "Nesterov": (nesterov, {}),
    "SAM": (momentum, {"rho": 0.05}),
    "AdaGrad": (adagrad, {}),
    "RMSProp": (rmsprop, {}),
    "Adam": (adam, {}),
    "AdamW": (adamw, {}),
}


def loss_by_rate(rule, **settings):
    """Mean training loss over the tuning seeds for each rate of the grid."""
    return np.array([np.mean([score(train_net(rule, lr, s, GRADIENTS, **settings))[0] for s in tuning]) for lr in grid])


# %% [markdown]
# **Before you run, write down:** the order of the eight, if all run at the same rate of 0.001. And the order, if each
# runs at its own.

# %%
tuned = {name: loss_by_rate(rule, **settings) for name, (rule, settings) in field.items()}
own = {name: grid[np.argmin(losses)] for name, losses in tuned.items()}
fig, axes = plt.subplots(1, 2, figsize=(9.4, 3.4), sharey=True)
for ax, names in zip(axes, (list(field)[:4], list(field)[4:]), strict=True):
    for name, marker, colour in zip(names, "osD^", plots.COLOURS, strict=False):
        ax.plot(grid, np.minimum(tuned[name], 5), marker=marker, color=colour, label=name, markersize=5)
    ax.set(xscale="log", yscale="log", xlabel="learning rate")
    ax.grid(linewidth=0.6)
    ax.legend()
axes[0].set_ylabel("training loss (nats)")
told = "; ".join(f"{name} {losses.min():.3f} at {own[name]:.2g}" for name, losses in tuned.items())
plots.show(fig, alt=f"Training loss after {GRADIENTS} gradients against the rate, for eight rules. Lowest: {told}.")


# %% [markdown]
# Each curve is a valley of its own: too slow on the left, broken on the right. A vertical line through the picture is
# an unfair race, and where you draw it decides who wins. Now the race with fresh seeds: once at 0.001 for all, once
# at everyone's own rate.

# %%
def race(rates, **more):
    """name -> (training losses, accuracies) over the racing seeds."""
    runs = {
        name: [score(train_net(rule, rates[name], s, GRADIENTS, **settings, **more)) for s in racing]
        for name, (rule, settings) in field.items()
    }
    return {name: np.array(scores).T for name, scores in runs.items()}


races = {"0.001 for all": race(dict.fromkeys(field, 0.001)), "each at its own rate": race(own)}
fig, axes = plt.subplots(1, 2, figsize=(9.6, 3.6))
for ax, (title, found) in zip(axes, races.items(), strict=True):
    means, spread = ([function(found[name][0]) for name in field] for function in (np.mean, partial(np.std, ddof=1)))
    plots.bars(list(field), means, spread, title, ax, label="training loss (nats)")
told = "; ".join(
    f"{title}: " + ", ".join(f"{name} {losses.mean():.3f}" for name, (losses, _) in found.items())
    for title, found in races.items()
)
plots.show(fig, alt=f"Mean training loss over {len(racing)} seeds, with standard deviations. {told}.")

# %%
means = {title: {name: losses.mean() for name, (losses, _) in found.items()} for title, found in races.items()}
apart = {title: max(losses.values()) - min(losses.values()) for title, losses in means.items()}
for title, losses in means.items():
    print(
        f"{title}: {apart[title]:.2f} nats between first and last; the order is",
        ", ".join(sorted(losses, key=losses.get)),
    )
for name, (losses, right) in races["each at its own rate"].items():
    print(
        f"{name:9s} rate {own[name]:6.3f}  loss {losses.mean():.3f}  held out: {right.mean():.1%} ± {right.std(ddof=1):.1%}"
    )
    result(f"loss_{name.lower()}", losses.mean())
one_rate, own_rate = apart.values()
claim("own rates bring the field together: nats apart, as a share", own_rate / one_rate, lambda share: share < 0.4)
unfair = sorted(field, key=means["0.001 for all"].get)
claim("first at 0.001 for all", unfair[0], "RMSProp")
claim("the next two", sorted(unfair[1:3]), ["Adam", "AdamW"])
fair = means["each at its own rate"]
claim("each at its own rate: AdaGrad ends below SGD", fair["AdaGrad"] < fair["SGD"], True)
claim("momentum ends below SAM with momentum, which has half of the steps", fair["momentum"] < fair["SAM"], True)
claim("SGD's own rate is at least ten times Adam's", own["SGD"] >= 9.9 * own["Adam"], True)


# %% [markdown]
# Three things to see. (Mind the two scales.)
#
# **The unfair race is about units.** At 0.001 RMSProp, Adam and AdamW walk, since their rate is a distance. The others
# hardly move: SGD and its kin because their rate is a factor on small gradients, AdaGrad because its steps shrink from
# the first one on. First comes RMSProp, and you know why: without a correction its first steps are up to ten times as
# long as it was told.
#
# **The fair race is close.** The distance from first to last shrinks to a fraction. Compare what is left with the
# spread over the seeds before you call anybody a winner. If two bars overlap, this race does not tell them apart.
#
# **Look where AdaGrad is.** Textbooks list it as history, because its steps shrink for ever. In a race as short as
# this, a rate that shrinks is a good thing, and AdaGrad was the only one that had it built in. So was the race fair,
# after all? We let everybody tune the rate, and nobody its schedule. **Before you run:** give all of them a cosine,
# tune the peak anew, and race again. Who gains most, who nothing? And is AdaGrad still where it was?

# %%
def falling(step, steps):
    return cosine(step, 1, steps)


tuned_cosine = {name: loss_by_rate(rule, schedule=falling, **settings) for name, (rule, settings) in field.items()}
own_cosine = {name: grid[np.argmin(losses)] for name, losses in tuned_cosine.items()}
races["cosine"] = race(own_cosine, schedule=falling)

ends = {"constant rate": races["each at its own rate"], "cosine": races["cosine"]}
fig, ax = plt.subplots(figsize=(7, 3.8))
for shift, (title, found), marker, colour in zip((-0.15, 0.15), ends.items(), "oD", plots.COLOURS, strict=False):
    losses = np.array([found[name][0] for name in field])
    rows = np.arange(len(field)) + shift
    ax.errorbar(losses.mean(1), rows, xerr=losses.std(1, ddof=1), fmt=marker, color=colour, capsize=3, label=title)
ax.set_yticks(range(len(field)), list(field))
ax.invert_yaxis()
ax.set(xlabel="training loss (nats), each rule at its own rate", xlim=(0, None))
ax.legend()
final = {title: {name: found[name][0].mean() for name in field} for title, found in ends.items()}
told = "; ".join(f"{name} {final['constant rate'][name]:.3f} and {final['cosine'][name]:.3f}" for name in field)
plots.show(
    fig, alt=f"Mean training loss of eight rules with a constant rate and with a cosine, and its spread. {told}."
)

# %%
for title, losses in final.items():
    print(f"{title}: the order is", ", ".join(sorted(losses, key=losses.get)))
for name in field:
    result(f"loss_{name.lower()}_with_cosine", final["cosine"][name])
claim("the cosine lowers the loss of AdaGrad", final["cosine"]["AdaGrad"] < final["constant rate"]["AdaGrad"], False)


# %% [markdown]
# AdaGrad *loses*: its rate was falling already, and now it falls twice. Of the others, see for yourself who gained, and
# whether by more than the spread. (With the 300 gradients of the profile cpu a fall pays for most of them; with 100 it may
# come too early for some.) The rule with the old-fashioned brakes did well because the others had none. So the answer to
# "which optimiser wins?" is another question: with which schedule, at which rate, after how many steps, on which network?
# Schmidt et al. (2021) ran tens of thousands of such races, and found no winner either.
#
# What the numbers do support, here and in most published races:
#
# - **Tune the rate before you change the rule.** It matters far more.
# - **Try a schedule.** It costs nothing, but you must know the number of steps.
# - SAM paid for its second gradient with half of its steps, and in a race for training loss that is a bad trade. It
#   was made for something else (Day 10).
# - AdamW with a cosine for what you do not know yet; SGD with Nesterov momentum and one cycle for convolutional
#   networks that you tune with care (Day 12). These are habits that have worked, not laws.
#
# (One network of 4,538 weights and one data set of tiny pictures prove nothing about yours. The method carries over,
# the order does not.)
#
# ### What warm-up buys
#
# **Before you run:** Adam with a cosine, with and without a warm-up in the first tenth of the steps. Where do the two
# differ, at low peaks or at high ones?

# %%
def warmed(step, steps):
    return warm_up(step, 1, steps, rising=steps // 10)


high = grid[grid > 0.009]
by_peak = {
    name: [[score(train_net(adam, lr, s, GRADIENTS, schedule=plan))[0] for s in tuning] for lr in high]
    for name, plan in {
        "cosine": falling,
        "warm-up, cosine": warmed,
        "one cycle": lambda t, n: one_cycle(t, 1, n),
    }.items()
}
fig, ax = plt.subplots(figsize=(6.6, 3))
plots.curves(
    {n: np.mean(v, axis=1) for n, v in by_peak.items()},
    ax=ax,
    x=high,
    xlabel="peak of the rate",
    ylabel="training loss (nats)",
    log=True,
)
ax.set_xscale("log")
told = "; ".join(f"{n} " + ", ".join(f"{np.mean(v):.3f}" for v in values) for n, values in by_peak.items())
plots.show(fig, alt=f"Training loss of Adam with three schedules at the peaks {high.round(3).tolist()}. {told}.")
for name, values in by_peak.items():
    result(
        f"adam_best_loss_{name.replace(', ', '_').replace('-', '_').replace(' ', '_')}", np.mean(values, axis=1).min()
    )

rescued = np.argmin(np.abs(high - 0.3))
without, with_it = (np.mean(by_peak[name][rescued]) for name in ("cosine", "warm-up, cosine"))
claim("at a peak of 0.32 the warm-up saves so many nats", without - with_it, lambda nats: nats > 0.25)
claim(
    "at 0.01 the two are so far apart",
    np.mean(by_peak["cosine"][0]) - np.mean(by_peak["warm-up, cosine"][0]),
    0,
    tolerance=0.05,
)

# %% [markdown]
# At low peaks a warm-up hardly matters; at high ones it is what lets the training survive its beginning. So it is
# most useful where the rate must be large, such as with large batches, to which we come now.

# %% [markdown] topics=["J9", "J10"]
# ## Batches: how much noise?
#
# One epoch shows every image once. With 1,280 images and a batch of 32 that is 40 **steps**; with a batch of 512 it
# is three, the last of them smaller. A larger batch means fewer steps, each with a better gradient. How much better?
# **Before you run:** a batch of 8 gives a gradient with a certain error. How large must the batch be to halve it?

# %%
rng = np.random.default_rng(SEED)
w = initial(rng)
_, exact = loss_and_gradient(w, train)
batches = np.array([8, 16, 32, 64, 128, 256, 512])
draws = profile.pick(smoke=60, cpu=200, gpu=200)
noise = []
for batch in batches:
    errors = [np.sum((loss_and_gradient(w, rng.choice(train, batch))[1] - exact) ** 2) for _ in range(draws)]
    noise.append(np.sqrt(np.mean(errors)))
slope_, _ = np.polyfit(np.log(batches), np.log(noise), 1)
fig, ax = plt.subplots(figsize=(6, 3))
ax.plot(batches, noise, "o", color=plots.COLOURS[0], label="measured")
ax.plot(batches, noise[0] * np.sqrt(8 / batches), color=plots.COLOURS[1], label="1 / √batch, through the first")
ax.axhline(np.linalg.norm(exact), color=plots.INK, linewidth=1, linestyle=":", label="length of the gradient itself")
ax.set(xscale="log", yscale="log", xlabel="images in the batch", ylabel="length of the error (nats per unit of w)")
ax.set_xticks(batches, batches)
ax.set_yticks([0.25, 0.5, 1, 2], ["0.25", "0.5", "1", "2"])
ax.minorticks_off()
ax.legend()
told = ", ".join(f"{n:.2f} at {b}" for b, n in zip(batches, noise, strict=True))
plots.show(
    fig,
    alt=f"Root mean square error of a batch's gradient: {told}. The gradient itself has the length {np.linalg.norm(exact):.2f}.",
)
claim("steps in an epoch with batches of 32, of 512", [-(-len(train) // 32), -(-len(train) // 512)], [40, 3])
claim("slope in this picture", slope_, -0.5, tolerance=0.05, source="F36")
claim("from 8 to 32 images: the noise falls by", noise[0] / noise[2], 2, tolerance=0.5, source="F36")


# %% [markdown]
# Four times. The mean of $B$ independent errors falls as $1/\sqrt{B}$, here as in every survey. Look at the dotted
# line: where the noise lies above it, a batch's gradient is more error than gradient, and training works all the
# same, because errors cancel over many steps and the slope does not.
#
# ### Twice the batch, twice the rate?
#
# Two steps with batches of 32, at nearly the same place, are one step with a batch of 64 at twice the rate. That is
# the **linear scaling rule** (Goyal et al. 2017). "At nearly the same place" is the catch. **Before you run:** four
# epochs with each batch size, once at the same rate, once at a rate that grows with the batch. How far does the rule
# carry?

# %%
def four_epochs(batch, lr, seed):
    rng = np.random.default_rng([SEED, seed])
    w = initial(rng)
    for _ in range(4):
        shuffled = rng.permutation(train)
        for start_ in range(0, len(train), batch):
            w = sgd(w, loss_and_gradient(w, shuffled[start_ : start_ + batch])[1], None, lr)
    return score(w)[0]


BASE, scaled_from = 0.04, 16
growth = batches[1:] / scaled_from
with np.errstate(all="ignore"):
    by_batch = {
        "the same rate": [np.mean([four_epochs(b, BASE, s) for s in tuning]) for b in batches[1:]],
        "rate grows with the batch": [
            np.mean([four_epochs(b, BASE * f, s) for s in tuning]) for b, f in zip(batches[1:], growth, strict=True)
        ],
    }
fig, ax = plt.subplots(figsize=(6.6, 3))
plots.curves(by_batch, ax=ax, x=batches[1:], xlabel="images in the batch", ylabel="training loss (nats)")
ax.set_xscale("log")
ax.set_xticks(batches[1:], batches[1:])
ax.minorticks_off()
told = "; ".join(f"{name} " + ", ".join(f"{v:.2f}" for v in values) for name, values in by_batch.items())
plots.show(fig, alt=f"Training loss after four epochs with batches of 16 to 512 images. {told}.")
same_rate, scaled = by_batch.values()
claim("batch 64 at the same rate: so much worse than 16", same_rate[2] - same_rate[0], lambda nats: nats > 0.5)
claim("batch 64 at four times the rate: only so much", scaled[2] - scaled[0], lambda nats: nats < 0.3)
claim("batch 512 at 32 times the rate: the rule has broken", scaled[-1] - scaled[0], lambda nats: nats > 0.5)

# %% [markdown]
# At the same rate a larger batch looks like worse learning. It is not: it is fewer steps. The rule repairs that up to
# a point; beyond it the rate meets the limit $2/a$ of the curvature, and no amount of good gradients helps.
#
# And why not always the smallest batch? Because hardware likes many images at once. **Before you run:** how much
# longer does a batch of 512 take than one of 16, by the clock?

# %%
import time


def milliseconds(batch):
    times = []
    for _ in range(15):
        images = rng.choice(train, batch)
        begin = time.perf_counter()
        loss_and_gradient(w, images)
        times.append(time.perf_counter() - begin)
    return 1000 * float(np.median(times))


small, large = milliseconds(16), milliseconds(512)
print(f"one gradient: {small:.2f} ms for 16 images, {large:.2f} ms for 512")
result("time_of_512_images_over_16", large / small, "times")
floats = sum(maps.size for maps in forward(w, train[:512])[:2]) / sum(maps.size for maps in forward(w, train[:16])[:2])
claim("numbers kept for the backward pass, 512 against 16", floats, 32)


# %% [markdown]
# 32 times the images. If the time has grown by less than that, the small batch left part of the processor idle; on a GPU
# that part is much larger. Memory grows in proportion, and sets the end. Between noise, time and memory most people
# settle at 32 to 128, and at more if they tune rate and warm-up for it.

# %% [markdown] topics=["J11"]
# ## Which layer settles first?
#
# One more look at a training. Weights begin somewhere and end somewhere. After a tenth of the steps, how much of the
# way is still ahead, layer by layer? **Before you run:** a text says that early layers converge first. Our first
# layer is the convolution. Does it?

# %%
def way_ahead(rule, lr, seed, steps=400):
    """For each layer: distance to its final weights after a tenth of the steps, as a share of the distance at the start."""
    rng = np.random.default_rng([SEED, seed])
    w = initial(rng)
    state, kept = {}, [w]
    for step in range(steps):
        w = rule(w, loss_and_gradient(w, rng.choice(train, 32))[1], state, lr)
        if step + 1 == steps // 10:
            kept.append(w)
    begin, tenth, end = ([weights for weights, _ in layers_of(v)] for v in (*kept, w))
    return [np.linalg.norm(t - e) / np.linalg.norm(b - e) for b, t, e in zip(begin, tenth, end, strict=True)]


ahead = {
    name: np.array([way_ahead(rule, lr, s) for s in racing[:3]])
    for name, rule, lr in (("momentum", momentum, 0.03), ("Adam", adam, 0.01))
}
for name, shares in ahead.items():
    print(
        f"{name:9s}",
        ", ".join(f"{layer} {share:.0%}" for layer, share in zip(shapes, shares.mean(axis=0), strict=True)),
    )
    for layer, share in zip(shapes, shares.mean(axis=0), strict=True):
        result(f"way_ahead_{name.lower()}_{layer}", share, "%")
first, last = ahead["Adam"].mean(axis=0)[[0, 2]]
claim(
    "Adam: the output layer has less of its way ahead than the convolution",
    first - last,
    lambda gap: gap > 0.03,
    source="U11",
)
claim(
    "momentum: the three layers are so far apart",
    np.ptp(ahead["momentum"].mean(axis=0)),
    lambda gap: gap < 0.1,
    source="U11",
)

# %% [markdown]
# Not here. With momentum all three keep pace; with Adam the *last* layer is ahead. In deep networks others have found
# the opposite (Raghu et al. 2017). It depends on depth, rule and initialisation, so measure it before you freeze a
# layer because "it has converged".

# %% [markdown]
# ## What texts get wrong
#
# Each cell tests a sentence from a widely read text. Change the numbers and try to save it.
#
# **"Momentum is $v = \gamma v + \eta g$, $w = w - v$", shown with PyTorch's SGD (M59).** PyTorch keeps the rate
# outside. You saw the two part as soon as the rate changed. **"Larger batches train less stably, smaller ones more"
# (F36).** You measured the noise: it falls as $1/\sqrt{B}$. **"The first layers converge first" (U11).** Not in the
# network above. **"Early stopping keeps the best weights" (M13).** Only with `restore_best_weights=True`.
#
# **"L2 regularisation is `Adam(weight_decay=...)`, the penalty $\lambda \sum w^2$" (M60).** In Adam it shrinks large
# and small weights by the same *amount*; you saw it. And even in SGD it is half of that penalty:

# %%
w = torch.tensor([3.0], requires_grad=True)
(0.01 * w**2).sum().backward()
claim("the gradient of λ Σ w² at 3, for λ = 0.01", w.grad.item(), 0.06, tolerance=1e-6, source="M60")
optimiser = optim.SGD([w], lr=1.0, weight_decay=0.01)
w.grad = torch.zeros(1)
optimiser.step()
claim("what PyTorch's weight_decay takes from it", 3 - w.item(), 0.03, tolerance=1e-6, source="M60")


# %% [markdown]
# **"AdaGrad and RMSProp divide by $\sqrt{S + \varepsilon}$"**, shown beside PyTorch's classes. That is Keras' form.
# One step from 0 with a gradient of 2, a rate of 1 and an $\varepsilon$ of 0.5:

# %%
def one_step(make, **settings):
    w = torch.zeros(1, dtype=torch.float64, requires_grad=True)
    w.grad = torch.full((1,), 2.0, dtype=torch.float64)
    make([w], lr=1.0, eps=0.5, **settings).step()
    return w.item()


claim("AdaGrad in PyTorch", one_step(optim.Adagrad), -2 / (2 + 0.5), tolerance=1e-9, source="M96")
claim("AdaGrad as printed", -2 / np.sqrt(2**2 + 0.5), -0.94, tolerance=0.005, source="M96")
claim("RMSProp in PyTorch", one_step(optim.RMSprop), -2.86, tolerance=0.005, source="M96")
claim("RMSProp as printed", -2 / np.sqrt(0.01 * 2**2 + 0.5), -2.72, tolerance=0.005, source="M96")


# %% [markdown]
# **"Here is SAM as an optimiser class."** One printed class stops with two faults. It calls a method `_grad_norm`
# that nobody wrote, and it runs forward and backward inside `step`, which is decorated with `no_grad`: without a
# graph there is nothing to differentiate.

# %%
class AsPrinted(optim.SGD):
    @torch.no_grad()
    def step(self, closure):
        return closure()


w = torch.ones(1, requires_grad=True)
try:
    AsPrinted([w], lr=0.1).step(lambda: (w**2).sum().backward())
    told = "nothing"
except RuntimeError as error:
    told = type(error).__name__
    print(str(error)[:90])
claim("backward under no_grad", told, "RuntimeError", source="F49")
claim("PyTorch's optimisers have a _grad_norm", hasattr(AsPrinted, "_grad_norm"), False, source="F49")

# %% [markdown]
# The cure is `with torch.enable_grad():` around the closure, and a norm of your own. Or the two passes in the open,
# as above.
#
# **"CosineAnnealingLR lets the rate fall, potentially with restarts."** It never restarts. Beyond `T_max` it climbs
# back along the same cosine, as slowly as it fell:

# %%
longer = rates_in_torch(lambda o: scheduler.CosineAnnealingLR(o, 50), steps=101)
claim(
    "the rate at T_max, a little later, and at twice T_max",
    [longer[50], longer[60], longer[100]],
    [0, PEAK * (1 - np.cos(np.pi / 5)) / 2, PEAK],
    tolerance=1e-12,
    source="M99",
)

# %% [markdown]
# **"Use OneCycleLR for a warm-up."** It is a warm-up *and* all of the fall after it, over a number of *steps*. With a
# peak of 0.01 in the first tenth of 1,000 steps:

# %%
whole = [one_cycle(t, 0.01, 1000, up=0.1) for t in range(1000)]
claim("it begins at", whole[0], 0.01 / 25, tolerance=1e-12, source="M64")
claim("the peak lies in step", int(np.argmax(whole)), 99, source="M64")
claim("it ends at", whole[-1], 4e-8, tolerance=1e-12, source="M64")
claim(
    "called once an epoch for 10 epochs instead, it has reached this share of its peak",
    whole[9] / 0.01,
    lambda share: share < 0.1,
    source="M64",
)

# %% [markdown]
# **"ReduceLROnPlateau with patience 3 cuts after epoch 13, for the losses 0.85, 0.84, 0.84, 0.84 in epochs 10 to
# 13."** Only two of them are bad:

# %%
rates, _, _ = drive(keras.callbacks.ReduceLROnPlateau(factor=0.1, patience=3), [0.85] + [0.84] * 5)
claim("Keras cuts after epoch", 9 + rates.index(0.1) + 1, 14, source="F16")

# %% [markdown]
# **"A lower rate may let Adam escape a local minimum."** The other way round. 200 walkers sit in the right one of the
# two valleys, with noise on every gradient. How many have crossed over after 300 steps of Adam?

# %%
rng = np.random.default_rng(SEED)


def noisy_slope(x):
    return 4 * x * (x**2 - 1) + 0.3 + rng.normal(0, 3, x.shape)


crossed = {
    rate: np.mean(descend(adam, noisy_slope, np.full(200, 0.96), rate, 300)[-1] < 0) for rate in (0.03, 0.1, 0.3)
}
print({rate: f"{share:.0%}" for rate, share in crossed.items()})
claim("at a rate of 0.03", crossed[0.03], lambda share: share < 0.02, source="M48")
claim("at a rate of 0.3", crossed[0.3], lambda share: share > 0.4, source="M48")

# %% [markdown]
# **"45,000 images in batches of 64 are 703 steps."** The last batch is smaller, and a batch all the same:

# %%
claim("steps in an epoch", -(-45_000 // 64), 704, source="F18")

# %% [markdown]
# **"`Adam(lr=0.001)`"**, and **"`ReduceLROnPlateau(verbose=True)`"**. Both once worked. Keras' argument is
# `learning_rate`, and PyTorch dropped `verbose`: ask `get_last_lr()`.

# %%
try:
    keras.optimizers.Adam(lr=0.001)
    told = "nothing"
except (ValueError, TypeError) as error:
    told = type(error).__name__
claim("Keras' Adam(lr=0.001)", told, "ValueError", source="O05")
try:
    scheduler.ReduceLROnPlateau(optimiser, verbose=True)
    told = "nothing"
except TypeError as error:
    told = type(error).__name__
claim("PyTorch's ReduceLROnPlateau(verbose=True)", told, "TypeError", source="O09")

# %% [markdown]
# **"`LRFinder(...).suggestion()`" (F52).** The package that is meant, torch-lr-finder, has `range_test`, `plot` and
# `reset`; a suggestion comes back from `plot(suggest_lr=True)`. And call `reset` afterwards, or you train on with the
# weights that the sweep has ruined. Ours works on a copy.
#
# ## Pitfalls
#
# | symptom | cause | fix |
# |---|---|---|
# | The loss is NaN after a few steps | rate too large, or loss summed instead of averaged | divide the rate by ten; average over the batch |
# | The loss sits at $\ln C$ and does not move | far too large a rate killed all ReLUs, or far too small a one does nothing | run the rate finder: it tells the two apart |
# | Momentum was switched on, and now it diverges | along a slope that lasts the steps are $1/(1-\mu)$ times as long, and lead to steeper places; Nesterov also bears less | divide the rate by as much |
# | A recipe works in PyTorch and not in Keras, or the other way round | $\varepsilon$, $\alpha$, the form of momentum and of weight decay differ | set all of them by hand; compare ten steps |
# | `CosineAnnealingLR`: the loss falls, then rises again | trained beyond `T_max` | `T_max` is the whole number of steps |
# | The schedule ends after a tenth of the training, or has hardly begun at its end | stepped per batch instead of per epoch, or the reverse | print `get_last_lr()` at the end of each epoch |
# | "optimizer B is better" in your own comparison | both ran at the rate that A likes | tune the rate of each; other seeds for the race |
# | A larger batch gives a worse model | fewer steps at the same rate | scale the rate with a warm-up, or train for as many steps |
# | Weight decay of 0.01 does nothing, or ruins all | it is multiplied by the rate (AdamW), or divided by the gradient's size (Adam) | use AdamW; tune $\lambda$ after $\eta$ |
# | Training goes on worse after a restart | velocity and means were not saved | save the optimiser's state as well (Day 9) |
#
# One of them to feel. **Before you run:** SGD trains well at a rate of 0.2. The loss is now *summed* over the batch
# of 32. What is left of it?

# %%
with np.errstate(all="ignore"):
    mean_loss, _ = score(train_net(sgd, 0.2, 0, 100))
    sum_loss, _ = score(train_net(lambda w, g, state, lr: sgd(w, 32 * g, state, lr), 0.2, 0, 100))
print(f"averaged: {mean_loss:.2f}, summed: {sum_loss:.2f}; guessing: {np.log(10):.2f}")
claim("summed, it has learnt nothing", sum_loss > 2, True)
claim("averaged, it has", mean_loss < 1, True)

# %% [markdown]
# ## Recap
#
# 1. $w \leftarrow w - \eta g$. The curvature sets the limit $2/a$, and the steepest direction sets it for all.
# 2. Momentum multiplies the step by up to $1/(1-\mu)$; PyTorch keeps the rate outside the velocity, Keras inside.
# 3. Adam's rate is a distance: the first step is $\eta$, whatever the gradient. Without its correction the first
#    steps are too *long*.
# 4. A tuned rate matters more than the rule, and a schedule can turn the order round. Compare each at its own rate, over
#    several seeds, or do not compare.
# 5. Noise falls as $1/\sqrt{B}$; a rate that grows with the batch makes up for fewer steps, until it meets the
#    curvature.
#
# ### Further reading
#
# - Polyak, *Some methods of speeding up the convergence of iteration methods* (1964); Nesterov (1983); Sutskever et
#   al., *On the importance of initialization and momentum in deep learning* (2013).
# - Duchi, Hazan & Singer, *Adaptive Subgradient Methods* (2011), AdaGrad; Tieleman & Hinton, *Lecture 6.5: RMSProp*
#   (2012).
# - Kingma & Ba, *Adam* (2015); Loshchilov & Hutter, *Decoupled Weight Decay Regularization* (2019) and *SGDR* (2017),
#   the cosine.
# - Foret et al., *Sharpness-Aware Minimization* (2021); Dinh et al., *Sharp Minima Can Generalize for Deep Nets*
#   (2017).
# - Smith, *Cyclical Learning Rates* (2017), the finder; Smith & Topin, *Super-Convergence* (2018), one cycle.
# - Sagun et al., *Empirical Analysis of the Hessian of Over-Parametrized Neural Networks* (2017): how curved, and where.
# - Goyal et al., *Accurate, Large Minibatch SGD* (2017): linear scaling and warm-up.
# - Schmidt, Schneider & Hennig, *Descending through a Crowded Valley* (2021): fifteen optimisers, a fair race.
# - Raghu et al., *SVCCA* (2017): which layers settle first.
#
# **Now you:** [the exercise of Day 8](../exercises/day_08_optimizers.py). You will write momentum, the rules with a
# step for each weight, SAM, five schedules, and the two rules that watch the loss. Every check answers at once.
