# ---
# jupyter:
#   course:
#     budget_s:
#       cpu: 60
#       gpu: 60
#       smoke: 60
#     data: []
#     day: 5
#     digest: 12a5293119c4ae78
#     frameworks: []
#     generated_from: solutions/day_05_receptive_fields.py
#     minutes: 80
#     title: 'Receptive fields: exercise'
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
# # Day 5 · Receptive fields: exercise
#
# You work out what a unit sees: how wide its field is, where it lies, which pixels have a path to it, how strongly each
# of them counts. At the end you design a stack of layers that sees far, sees everything, and costs little.
#
# Each question has a small example that you can work out on paper, a cell for your answer, and a check. Run the check
# as often as you like: it shows the smallest input on which your answer fails, and names the mistake if it knows it.
# Where one known mistake is all that is wrong, some questions give a point.
#
# Everything happens along one axis, until question 5. A layer is `(kernel, stride, padding, dilation)`, a convolution
# or a pooling alike. Pixels and units are counted from 0.

# %% tags=["parameters"]
PROFILE = "auto"   # "smoke", "cpu", "gpu", or "auto": gpu where one is visible, else cpu
SEED = 0

# %%
import numpy as np
from scipy.signal import convolve2d

from course_utils import plots, profiles
from course_utils.checks import check, summary
from course_utils.checks import day_05 as questions
from course_utils.claims import claim

profile = profiles.start(PROFILE, seed=SEED)

# %% [markdown]
# ## 1. Size, jump, start · 4 points
#
# Write `receptive_field(layers)`. Return a list with one `(size, jump, start)` for each layer, from the first to the
# last:
#
# - **size**: how many pixels the field of a unit spans, holes and padding included;
# - **jump**: how many pixels lie between the fields of two neighbouring units;
# - **start**: the *middle* of the field of unit 0. The middle of pixel 0 is 0, between pixels 0 and 1 lies 0.5.
#
# The input itself has size 1, jump 1 and start 0; it is not in the list.
#
# On paper first: a convolution `(3, 1, 0, 1)` without padding, then a pooling `(2, 2, 0, 1)`. Unit 0 of the convolution
# reads the pixels 0, 1, 2, so its middle is 1. Unit 0 of the pooling reads units 0 and 1, which see the pixels 0 to 3.
# Unit 1 reads units 2 and 3. Which pixels do these see? Write down the two triples.

# %%
claim("middle of the pixels 0 to 3", np.mean([0, 1, 2, 3]), 1.5)


# %% nbgrader={"grade": false, "grade_id": "receptive_field", "locked": false, "schema_version": 3, "solution": true, "task": false}
def receptive_field(layers):
    """(size, jump, start) after each of the layers (kernel, stride, padding, dilation)."""
    # YOUR CODE HERE
    ...


# %%
print(receptive_field([(3, 1, 0, 1), (2, 2, 0, 1)]))
print(receptive_field([(7, 2, 3, 1), (3, 2, 1, 1), (3, 1, 1, 1)]))

# %% nbgrader={"grade": true, "grade_id": "check-receptive_field", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
check(questions.receptive_field, receptive_field)

# %% [markdown]
# ## 2. From where to where? · 2 points
#
# Write `image_window(size, jump, start, unit, n)`: the first and the last pixel of the *image* that lie in the field of
# `unit`. The image has `n` pixels along the axis. What lies outside is padding and does not count. Return two integers,
# both pixels included. (A field may have holes; only its ends matter here.)
#
# On paper first: size 5, jump 2, start 1, unit 0, on 10 pixels. The middle is at 1, two pixels lie on each side, so the
# field goes from −1 to 3. In the image that is `(0, 3)`. And unit 4?

# %%
claim("pixels from -1 to 3", len(range(-1, 3 + 1)), 5)


# %% nbgrader={"grade": false, "grade_id": "image_window", "locked": false, "schema_version": 3, "solution": true, "task": false}
def image_window(size, jump, start, unit, n):
    """First and last pixel of the image in the field of a unit; two integers."""
    # YOUR CODE HERE
    ...


# %%
for unit in range(5):
    print(unit, image_window(5, 2, 1, unit, 10))

# %% nbgrader={"grade": true, "grade_id": "check-image_window", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check(questions.image_window, image_window)


# %% [markdown]
# ## 3. Which pixels exactly? · 4 points
#
# Write `seen_pixels(layers, n, unit)`: the numbers of all pixels that have a path to `unit` of the last layer, from
# small to large. Return a list or an array.
#
# Go down from the unit. Unit $i$ of a layer reads the places $s\,i - p,\; s\,i - p + d,\; s\,i - p + 2d, \dots$ of the
# layer below, one for each of its $k$ weights. A place below 0, or beyond the last unit of that layer, is padding: a
# zero, and no path goes through it. So you need to know how many units each layer has (Day 3); the function below tells
# you.
#
# On paper first: 6 pixels, one layer `(3, 1, 0, 2)`. Unit 1 reads the pixels 1, 3 and 5. With padding 2, `(3, 1, 2, 2)`,
# unit 1 reads −1, 1 and 3, so it sees 1 and 3.

# %%
def units_after(layers, n):
    """How many units each layer has, the n pixels of the image first; one number more than there are layers."""
    lengths = [n]
    for k, stride, padding, dilation in layers:
        lengths.append((lengths[-1] + 2 * padding - dilation * (k - 1) - 1) // stride + 1)
    return lengths


print(units_after([(3, 1, 1, 1), (2, 2, 0, 1)], 9))
claim("places that unit 1 reads with padding 2 and dilation 2", [1 - 2 + 2 * m for m in range(3)], [-1, 1, 3])


# %% nbgrader={"grade": false, "grade_id": "seen_pixels", "locked": false, "schema_version": 3, "solution": true, "task": false}
def seen_pixels(layers, n, unit):
    """The pixels that have a path to `unit` of the last layer, from small to large."""
    # YOUR CODE HERE
    ...


# %%
print(seen_pixels([(3, 1, 0, 2)], 6, 1), seen_pixels([(3, 1, 2, 2)], 6, 1))
print(seen_pixels([(3, 1, 2, 2), (3, 1, 2, 2)], 9, 4))

# %% nbgrader={"grade": true, "grade_id": "check-seen_pixels", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
check(questions.seen_pixels, seen_pixels)

# %% [markdown]
# ## 4. Does any unit see it all? · 2 points
#
# For each of these stacks: is there a unit in the last layer that is connected to *every* pixel along the axis? Decide
# first, by size, place and holes. Then test with your functions.

# %%
for letter, (n, layers) in questions.STACKS.items():
    print(f"{letter}: {n:3d} pixels, {len(layers)} layers: {' '.join(str(layer) for layer in layers)}")

# %% nbgrader={"grade": false, "grade_id": "sees_it_all", "locked": false, "schema_version": 3, "solution": true, "task": false}
# True where some unit of the last layer sees every pixel, else False.
sees_it_all = {"A": None, "B": None, "C": None, "D": None, "E": None, "F": None, "G": None, "H": None}
# YOUR CODE HERE

# %% nbgrader={"grade": true, "grade_id": "check-sees_it_all", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check(questions.sees_it_all, sees_it_all)

# %% [markdown]
# ## 5. How strongly? · 3 points
#
# `gradients` holds the gradients of one unit by the pixels of several images, of shape (images, rows, columns,
# channels). Write `effective_field(gradients)`: an array (rows, columns) with each pixel's **share of the squares**. Add
# up the squares over images and channels; all shares together make 1.
#
# On paper first: one image of 2 × 2 pixels with one channel, and the gradients 3, −4, 0, 5. The squares are 9, 16, 0,
# 25, together 50.

# %%
claim("share of the second pixel", (-4) ** 2 / (3**2 + 4**2 + 0**2 + 5**2), 0.32)


# %% nbgrader={"grade": false, "grade_id": "effective_field", "locked": false, "schema_version": 3, "solution": true, "task": false}
def effective_field(gradients):
    """Each pixel's share of the squared gradients; an array (rows, columns)."""
    # YOUR CODE HERE
    ...


# %%
print(effective_field(np.array([3.0, -4.0, 0.0, 5.0]).reshape(1, 2, 2, 1)))

# %% nbgrader={"grade": true, "grade_id": "check-effective_field", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
check(questions.effective_field, effective_field)

# %% [markdown]
# Now use it. Ten layers of 3 × 3 with one channel and nothing between them are *one* kernel of 21 × 21, and the
# gradients are the weights of that kernel. Here are 200 such stacks with random weights. **Before you run:** what will
# the mean look like?

# %%
rng = np.random.default_rng(SEED)
stacks = []
for _ in range(200):
    together = np.ones((1, 1))
    for weights in rng.normal(size=(10, 3, 3)):
        together = convolve2d(together, weights)
    stacks.append(together / np.linalg.norm(together))  # each stack counts alike
measured = effective_field(np.array(stacks)[..., None])
if measured is not None:
    plots.show(
        plots.image(measured, "share of the squared gradients"),
        alt="A heat map of 21 by 21 pixels: a bright spot in the middle, nearly black at the rim.",
    )

# %% [markdown]
# ## 6. The square that holds half of it · 2 points
#
# One number for the width of such a spot: the side of the smallest square around its middle that holds a given share.
# Write `side_holding(field, row, column, share)`. The square stands around (row, column), reaches equally far in all
# four directions (so its side is 1, 3, 5, ...), and is cut off where it hangs over the array. Return the side of the
# whole square, cut off or not.
#
# On paper first: nine shares, 4/12 in the middle and 1/12 around it. The square of side 1 holds 4/12, which is less
# than half. So the side is 3. And around the corner (0, 0)?

# %%
nine = np.array([[1, 1, 1], [1, 4, 1], [1, 1, 1]]) / 12
claim("what the square of side 3 around the corner holds, in twelfths", round(12 * nine[:2, :2].sum()), 7)


# %% nbgrader={"grade": false, "grade_id": "side_holding", "locked": false, "schema_version": 3, "solution": true, "task": false}
def side_holding(field, row, column, share):
    """Side of the smallest square around (row, column) that holds at least `share`; an odd integer."""
    # YOUR CODE HERE
    ...


# %%
print(side_holding(nine, 1, 1, 0.5), side_holding(nine, 0, 0, 0.5))
if measured is not None:
    print("ten layers of 3 × 3, field of 21: half of it lies in a square of", side_holding(measured, 10, 10, 0.5))

# %% nbgrader={"grade": true, "grade_id": "check-side_holding", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check(questions.side_holding, side_holding)

# %% [markdown]
# ## 7. Design a stack · 3 points
#
# A picture of 64 × 64 pixels with 3 channels comes in. A map is to come out in which every unit has looked around
# widely, so that a later layer can mark objects place by place. Give a list of convolutions, each
# `(filters, kernel, stride, dilation)`. All kernels are square with an odd side, padding is always
# `dilation * (kernel - 1) // 2`, and each layer has a bias for each filter.
#
# | the stack must | |
# |---|---|
# | have in each layer at least | 16 filters |
# | leave a map of at least | 16 × 16 units |
# | have a field of at least | 63 pixels, **without holes** |
# | have at most | 12,000 parameters |
# | need at most | 4,000,000 multiply-adds |
#
# Each of the four ways of the lesson fails alone: depth and large kernels at the parameters, strides at the map,
# dilation at the multiply-adds. There is more than one good design. The cell below tells what yours costs; the explorer
# of the lesson draws it.

# %%
limits = questions.DESIGN
claim("least filters, map and field", [limits["filters"], limits["map"], limits["field"]], [16, 16, 63])
claim("budgets", [limits["parameters"], limits["multiply_adds"]], [12_000, 4_000_000])


def tell(stack):
    """What a stack costs, and what your own functions say of its field."""
    side, channels, parameters, macs = 64, 3, 0, 0
    for filters, k, stride, _ in stack:
        side = -(-side // stride)  # divided by the stride, rounded up
        parameters += k * k * channels * filters + filters
        macs += k * k * channels * filters * side**2
        channels = filters
    print(f"map {side} × {side}, {parameters:,} parameters, {macs:,} multiply-adds")
    layers = [(k, stride, dilation * (k - 1) // 2, dilation) for _, k, stride, dilation in stack]
    if fields := receptive_field(layers):
        size, jump, _ = fields[-1]
        n = 4 * (size + jump)  # a long line, and a unit far from its ends
        seen = seen_pixels(layers, n, n // (2 * jump))
        print(f"field {size}, jump {jump}" + ("" if seen is None else f", of which it sees {len(seen)} pixels"))


tell([(16, 3, 1, 1), (16, 3, 1, 2), (16, 3, 2, 4)])

# %% nbgrader={"grade": false, "grade_id": "stack", "locked": false, "schema_version": 3, "solution": true, "task": false}
# (filters, kernel, stride, dilation) of each layer
stack = None
# YOUR CODE HERE

# %%
if stack is not None:
    tell(stack)

# %% nbgrader={"grade": true, "grade_id": "check-stack", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
check(questions.stack, stack)

# %% [markdown]
# ## Your points so far

# %%
summary(questions)
