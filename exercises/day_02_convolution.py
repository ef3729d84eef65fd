# ---
# jupyter:
#   course:
#     budget_s:
#       cpu: 60
#       gpu: 60
#       smoke: 60
#     data: []
#     day: 2
#     digest: 6575f65f22bd293f
#     frameworks: []
#     generated_from: solutions/day_02_convolution.py
#     minutes: 75
#     title: 'Convolution: exercise'
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
# # Day 2 · Convolution: exercise
#
# You write the convolution yourself, first for a grey image, then for a layer with many channels, then as one matrix
# product. After that you count a layer's parameters and read kernels.
#
# Each question has a small example that you can work out on paper, a cell for your answer, and a check. Run the check
# as often as you like: it shows the smallest input on which your answer fails, and names the mistake if it knows it.
# A question is worth its points when all of it is right. Where one known mistake is all that is wrong, some
# questions give a point.
#
# Use NumPy and loops. Nothing has to be fast, and nothing needs more than ten lines.

# %% tags=["parameters"]
PROFILE = "auto"   # "smoke", "cpu", "gpu", or "auto": gpu where one is visible, else cpu
SEED = 0

# %%
import matplotlib.pyplot as plt
import numpy as np

from course_utils import plots, profiles
from course_utils.checks import check, summary
from course_utils.checks import day_02 as questions
from course_utils.claims import claim

profile = profiles.start(PROFILE, seed=SEED)

# %% [markdown]
# ## 1. One channel · 4 points
#
# Write `conv2d(image, kernel, stride=1)`.
#
# - `image` is an array of shape (height, width), `kernel` one of shape (kernel height, kernel width). Neither has to be
#   square, and neither may be changed.
# - Lay the kernel on the top left window, multiply each pixel by the weight above it, add up: that is the first
#   output. Then move the window by `stride` pixels. No padding: the kernel stays inside the image.
# - Return an array with one number for each position.
#
# On paper first: the image below and the kernel `[[1, 0], [2, -1]]` with stride 1. There are two positions in each
# direction, so four outputs. The first is 1·1 + 2·0 + 4·2 + 5·(−1) = 4. Find the other three.

# %%
small = np.array([[1, 2, 3], [4, 5, 6], [7, 8, 9]])
plots.show(
    plots.pixels(small, title="image", highlight=(0, 0, 2, 2)),
    alt="A 3 by 3 image with the numbers 1 to 9 in reading order; the top left 2 by 2 window is marked.",
)
claim("the first output", 1 * 1 + 2 * 0 + 4 * 2 + 5 * (-1), 4)


# %% nbgrader={"grade": false, "grade_id": "conv2d", "locked": false, "schema_version": 3, "solution": true, "task": false}
def conv2d(image, kernel, stride=1):
    """Slide `kernel` over `image` without padding; an array (out height, out width)."""
    # YOUR CODE HERE
    ...


# %%
print(conv2d(small, np.array([[1, 0], [2, -1]])))

# %% nbgrader={"grade": true, "grade_id": "check-conv2d", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
check(questions.conv2d, conv2d)

# %% [markdown]
# ## 2. Channels in, maps out · 4 points
#
# A layer reads all channels of its input and makes several maps. Write `conv_layer(image, kernels, bias)`, with stride
# 1 and without padding.
#
# - `image`: (height, width, input channels). `kernels`: (kernel height, kernel width, input channels, maps).
#   `bias`: one number for each map.
# - Map number `o` comes from `kernels[:, :, :, o]`, which is as deep as the image: multiply, add up over the window
#   *and over the channels*, and add `bias[o]`.
# - Return an array (out height, out width, maps).
#
# On paper first: one pixel with two channels, `[3, 5]`, and 1×1 kernels. For the first map the weights are 2 and −1,
# the bias is 10. Its output is 3·2 + 5·(−1) + 10 = 11. The second map has the weights 0 and 1 and the bias −5: what
# is its output?

# %%
pixel = np.array([[[3, 5]]])
one_by_one = np.array([[[[2, 0], [-1, 1]]]])
print("image", pixel.shape, "kernels", one_by_one.shape)
claim("the first map's output", 3 * 2 + 5 * (-1) + 10, 11)


# %% nbgrader={"grade": false, "grade_id": "conv_layer", "locked": false, "schema_version": 3, "solution": true, "task": false}
def conv_layer(image, kernels, bias):
    """A convolution layer with stride 1 and no padding; an array (out height, out width, maps)."""
    # YOUR CODE HERE
    ...


# %%
print(conv_layer(pixel, one_by_one, np.array([10, -5])))

# %% nbgrader={"grade": true, "grade_id": "check-conv_layer", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
check(questions.conv_layer, conv_layer)


# %% [markdown]
# ## 3. Windows as rows · 3 points
#
# The loops can be replaced by one matrix product, if every window is laid out as a row. Write
# `im2col(image, kernel_size, stride=1)`.
#
# - `image`: (height, width, channels). `kernel_size`: the side of a square window.
# - Return an array with one row for each window. Windows in the order in which one reads: along the first row of
#   positions, then the next. Within a window: row by row, pixel by pixel, and the channels of a pixel side by side.
#
# On paper first: the image of question 1 as (3, 3, 1), windows of side 2. There are four windows. The first row is
# `1 2 4 5`. What is the last?

# %% nbgrader={"grade": false, "grade_id": "im2col", "locked": false, "schema_version": 3, "solution": true, "task": false}
def im2col(image, kernel_size, stride=1):
    """Every window as a row; an array (number of windows, kernel_size · kernel_size · channels)."""
    # YOUR CODE HERE
    ...


# %%
windows = im2col(small[:, :, None], 2)
print(windows)

# %% nbgrader={"grade": true, "grade_id": "check-im2col", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
check(questions.im2col, im2col)

# %% [markdown]
# With these rows a whole layer is one product. Once your function works, the two lines below agree: the loops of
# question 2 and the matrix.

# %%
if windows is not None:
    rng = np.random.default_rng(SEED)
    picture, weights, offsets = rng.normal(size=(8, 8, 3)), rng.normal(size=(3, 3, 3, 4)), rng.normal(size=4)
    product = im2col(picture, 3) @ weights.reshape(-1, 4) + offsets
    print("matrix product", product.reshape(6, 6, 4)[0, 0])
    looped = conv_layer(picture, weights, offsets)
    print("loops         ", looped if looped is None else looped[0, 0])

# %% [markdown]
# ## 4. How many parameters? · 2 points
#
# Write `count_parameters(image_shape, kernel_size, n_filters)`: the number of weights and biases of a convolution layer
# with `n_filters` square kernels of side `kernel_size`, each with a bias, on images of shape (height, width,
# channels).
#
# On paper first: 2 filters of side 3 on grey images of 28×28 pixels. One filter has 9 weights and a bias, so the layer
# has 20 parameters. And on RGB images? And on images of 56×56 pixels?

# %%
claim("parameters of 2 filters of side 3 on grey images", (9 + 1) + (9 + 1), 20)


# %% nbgrader={"grade": false, "grade_id": "count_parameters", "locked": false, "schema_version": 3, "solution": true, "task": false}
def count_parameters(image_shape, kernel_size, n_filters):
    """Weights and biases of a convolution layer; an integer."""
    # YOUR CODE HERE
    ...


# %%
for shape in [(28, 28, 1), (28, 28, 3), (56, 56, 1)]:
    print(shape, count_parameters(shape, 3, 2))

# %% nbgrader={"grade": true, "grade_id": "check-count_parameters", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check(questions.count_parameters, count_parameters)

# %% [markdown]
# ## 5. Name the kernel · 3 points
#
# What does each of these seven kernels do? Look at the signs, add up the weights, and say what you expect before you
# try. A kernel is named by **what it responds to**: vertical edges are vertical lines, where the brightness changes
# from left to right. Some kernels look like one thing and respond to another, so test them: the two steps below are
# made for that, and `conv2d` is yours.

# %%
fig, axes = plt.subplots(1, 7, figsize=(12, 2.2))
for (letter, kernel), ax in zip(questions.KERNELS_TO_NAME.items(), axes, strict=True):
    plots.kernel(kernel, title=letter, ax=ax)
rows = "; ".join(f"{letter}: {kernel.tolist()}" for letter, kernel in questions.KERNELS_TO_NAME.items())
plots.show(fig, alt=f"Seven kernels of three by three weights. {rows}.")
print("Choices:", ", ".join(questions.KERNEL_CHOICES))

# %%
left_to_right = np.tile([0, 0, 0, 1, 1, 1], (6, 1))   # dark on the left, bright on the right
top_to_bottom = left_to_right.T                       # dark above, bright below

# %% nbgrader={"grade": false, "grade_id": "kernel_names", "locked": false, "schema_version": 3, "solution": true, "task": false}
# One of the choices for each letter, in quotes.
kernel_names = {"A": None, "B": None, "C": None, "D": None, "E": None, "F": None, "G": None}
# YOUR CODE HERE

# %% nbgrader={"grade": true, "grade_id": "check-kernel_names", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
check(questions.kernel_names, kernel_names)

# %% [markdown]
# ## 6. Does the flip matter? · 2 points
#
# A convolution in mathematics turns the kernel by half a turn before it slides; deep learning slides it as it is
# (cross-correlation). For which of these kernels do the two give **different maps** on an ordinary photo? Decide by eye,
# then test.

# %%
fig, axes = plt.subplots(1, 5, figsize=(9, 2.2))
for (letter, kernel), ax in zip(questions.KERNELS_TO_TURN.items(), axes, strict=True):
    plots.kernel(kernel, title=letter, ax=ax)
rows = "; ".join(f"{letter}: {kernel.tolist()}" for letter, kernel in questions.KERNELS_TO_TURN.items())
plots.show(fig, alt=f"Five kernels of three by three weights. {rows}.")

# %% nbgrader={"grade": false, "grade_id": "flip_matters", "locked": false, "schema_version": 3, "solution": true, "task": false}
# True where the maps differ, False where they are the same.
flip_matters = {"P": None, "Q": None, "R": None, "S": None, "T": None}
# YOUR CODE HERE

# %% nbgrader={"grade": true, "grade_id": "check-flip_matters", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check(questions.flip_matters, flip_matters)

# %% [markdown]
# ## Your points so far

# %%
summary(questions)
