# ---
# jupyter:
#   course:
#     budget_s:
#       cpu: 60
#       gpu: 60
#       smoke: 60
#     data: []
#     day: 3
#     digest: b575b755a26e2e6d
#     frameworks: []
#     generated_from: solutions/day_03_padding_and_stride.py
#     minutes: 80
#     title: 'Padding and stride: exercise'
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
# # Day 3 · Padding and stride: exercise
#
# You write what a convolution does at the border and between its steps: how long the output is, what stands around
# the picture, where the windows go. Then you find out what "same" means in two frameworks, count who is read, and
# judge eight layers by what they do to a shift.
#
# Each question has a small example that you can work out on paper, a cell for your answer, and a check. Run the check
# as often as you like: it shows the smallest input on which your answer fails, and names the mistake if it knows it.
# Where one known mistake is all that is wrong, some questions give a point.
#
# Use NumPy, slices and loops, and leave `np.pad` aside today: you are writing it.

# %% tags=["parameters"]
PROFILE = "auto"   # "smoke", "cpu", "gpu", or "auto": gpu where one is visible, else cpu
SEED = 0

# %%
import numpy as np

from course_utils import plots, profiles
from course_utils.checks import check, summary
from course_utils.checks import day_03 as questions
from course_utils.claims import claim

profile = profiles.start(PROFILE, seed=SEED)

# %% [markdown]
# ## 1. How long is the output? · 2 points
#
# Write `output_size(n, k, stride=1, padding=0, dilation=1)` for one axis: `n` pixels, a kernel of `k` weights,
# `padding` pixels added on *each* side. Return an integer.
#
# On paper first: 6 pixels, a kernel of 3, stride 2. Windows begin at pixel 0 and at pixel 2. Pixel 4 is too late. So
# there are two outputs. And 5 pixels, the same kernel, dilation 2?

# %%
claim("windows of 3 that begin at every second of 6 pixels", len([i for i in range(0, 6, 2) if i + 3 <= 6]), 2)


# %% nbgrader={"grade": false, "grade_id": "output_size", "locked": false, "schema_version": 3, "solution": true, "task": false}
def output_size(n, k, stride=1, padding=0, dilation=1):
    """Length of a convolution's output along one axis; an integer."""
    # YOUR CODE HERE
    ...


# %%
for case in [(6, 3, 2), (5, 3, 1, 0, 2), (32, 3, 2), (224, 7, 2, 3)]:
    print(case, output_size(*case))

# %% nbgrader={"grade": true, "grade_id": "check-output_size", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check(questions.output_size, output_size)

# %% [markdown]
# ## 2. Five paddings · 4 points
#
# Write `pad2d(image, amount, mode)`: the image, of shape (height, width), with `amount` pixels more on each of its
# four sides. `mode` is one of `"zero"`, `"reflect"`, `"symmetric"`, `"replicate"`, `"circular"`. `amount` is at least
# 1 and smaller than height and width. The image may not be changed.
#
# On paper first: the line 1 2 3 4 and two pixels on each side. Zero gives 0 0 1 2 3 4 0 0. Write down the other four.
# A mirror that stands *on* the border pixel (reflect) does not repeat it; one that stands *behind* it (symmetric)
# does.
#
# A way that works: pad the rows above and below, then do the same to the transposed result (`.T`), and transpose
# back. So the corners come by themselves.

# %%
small = np.arange(1, 10).reshape(3, 3)
plots.show(plots.pixels(small, title="image"), alt="A 3 by 3 image with the numbers 1 to 9 in reading order.")


# %% nbgrader={"grade": false, "grade_id": "pad2d", "locked": false, "schema_version": 3, "solution": true, "task": false}
def pad2d(image, amount, mode):
    """`amount` pixels around the image; an array (height + 2·amount, width + 2·amount)."""
    # YOUR CODE HERE
    ...


# %%
for mode in ("zero", "reflect", "symmetric", "replicate", "circular"):
    print(mode, pad2d(small, 2, mode), sep="\n")

# %% nbgrader={"grade": true, "grade_id": "check-pad2d", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
check(questions.pad2d, pad2d)

# %% [markdown]
# ## 3. Stride, padding, dilation · 4 points
#
# Write `conv2d(image, kernel, stride=1, padding=0, dilation=1)` for one channel.
#
# - Put `padding` rows and columns of zeros around the image.
# - The window of output (i, j) begins at row i·stride and column j·stride. Its pixels are `dilation` apart.
# - Multiply each by the weight that lies on it, without turning the kernel, and add up.
#
# Compute only what you return. The whole map of stride 1, thinned out afterwards, holds the same numbers, for
# stride · stride times the work. Neither image nor kernel has to be square.
#
# On paper first: the image above, the kernel `[[1, 0], [2, -1]]`, dilation 2. It just fits, once: 1·1 + 3·0 + 7·2 +
# 9·(−1) = 6.

# %%
claim("the only output at dilation 2", 1 * 1 + 3 * 0 + 7 * 2 + 9 * (-1), 6)


# %% nbgrader={"grade": false, "grade_id": "conv2d", "locked": false, "schema_version": 3, "solution": true, "task": false}
def conv2d(image, kernel, stride=1, padding=0, dilation=1):
    """Slide `kernel` over the padded `image`; an array (out height, out width)."""
    # YOUR CODE HERE
    ...


# %%
print(conv2d(small, np.array([[1, 0], [2, -1]]), dilation=2))

# %% nbgrader={"grade": true, "grade_id": "check-conv2d", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
check(questions.conv2d, conv2d)

# %% [markdown]
# ## 4. "Same" in Keras · 3 points
#
# Under `padding="same"` Keras and TensorFlow make the output `n / stride` long, rounded **up**. They add as many
# zeros as the last window needs, half before the image and half after it; an odd one goes after. Never less than
# none.
#
# Write `same_padding_keras(n, k, stride=1, dilation=1)` for one axis. Return two integers, `(before, after)`.
#
# On paper first: 6 pixels, kernel 3, stride 2. Three outputs, so windows begin at 0, 2 and 4 of the padded line, and
# the last one ends with its pixel 6, the seventh. One pixel is missing: `(0, 1)`. And 7 pixels? And a kernel of 1
# with stride 2?

# %%
claim("pixels that the three windows need", 2 * (3 - 1) + 3, 7)


# %% nbgrader={"grade": false, "grade_id": "same_padding_keras", "locked": false, "schema_version": 3, "solution": true, "task": false}
def same_padding_keras(n, k, stride=1, dilation=1):
    """Zeros that Keras adds along one axis for padding="same"; (before, after)."""
    # YOUR CODE HERE
    ...


# %%
for case in [(6, 3, 2), (7, 3, 2), (6, 1, 2), (32, 4), (224, 7, 2)]:
    print(case, same_padding_keras(*case))

# %% nbgrader={"grade": true, "grade_id": "check-same_padding_keras", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
check(questions.same_padding_keras, same_padding_keras)

# %% [markdown]
# ## 5. "Same" in PyTorch · 2 points
#
# PyTorch takes `padding="same"` with stride 1 only, and does not ask how long the input is: it gives back what the
# kernel takes away. Again an odd pixel goes after. Write `same_padding_torch(k, dilation=1)`. Return
# `(before, after)`.
#
# On paper first: a kernel of 4 takes 3 pixels away. How are they shared?

# %%
claim("pixels that a kernel of 4 takes away from 9", 9 - (9 - 4 + 1), 3)


# %% nbgrader={"grade": false, "grade_id": "same_padding_torch", "locked": false, "schema_version": 3, "solution": true, "task": false}
def same_padding_torch(k, dilation=1):
    """Zeros that PyTorch adds along one axis for padding="same"; (before, after)."""
    # YOUR CODE HERE
    ...


# %%
for case in [(3, 1), (4, 1), (3, 2), (4, 3)]:
    print(case, same_padding_torch(*case))

# %% nbgrader={"grade": true, "grade_id": "check-same_padding_torch", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check(questions.same_padding_torch, same_padding_torch)

# %% [markdown]
# ## 6. Who is read how often? · 3 points
#
# Write `touch_counts(height, width, kernel_size, stride=1, padding=0)`: for each pixel of the *image*, in how many
# windows of a square kernel it lies. With padding, windows also begin outside; what they read there does not count.
# Return an array (height, width) of integers.
#
# On paper first: a line of 5 pixels and a kernel of 3. Windows 0 1 2, 1 2 3, 2 3 4: the counts are 1 2 3 2 1. Rows
# and columns multiply, so the corner of a 5 × 5 image has 1·1 and the centre 3·3.

# %%
claim("touch counts of a line", np.bincount([0, 1, 2, 1, 2, 3, 2, 3, 4]), np.array([1, 2, 3, 2, 1]))


# %% nbgrader={"grade": false, "grade_id": "touch_counts", "locked": false, "schema_version": 3, "solution": true, "task": false}
def touch_counts(height, width, kernel_size, stride=1, padding=0):
    """In how many windows each pixel of the image lies; an array (height, width)."""
    # YOUR CODE HERE
    ...


# %%
for padding in (0, 1):
    print(touch_counts(5, 5, 3, padding=padding))

# %% nbgrader={"grade": true, "grade_id": "check-touch_counts", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
check(questions.touch_counts, touch_counts)

# %% [markdown]
# ## 7. Which layers let a shift pass? · 2 points
#
# An image of 12 × 12 pixels is **rolled** by some columns: what leaves on the right comes in on the left. For which
# of these layers is the new map *exactly* the old map, rolled as well (by whatever number of columns)? The weights
# are arbitrary. Decide first, then test: once your functions work, the cell after the table helps.

# %%
print("layer  kernel  padding      stride  dilation  rolled by")
for letter, layer in questions.LAYERS_TO_SHIFT.items():
    padded = f"{layer['padding']} {layer['mode']}" if layer["padding"] else "none"
    print(
        f"{letter:5s}  {layer['kernel_size']} × {layer['kernel_size']}   {padded:11s}  {layer['stride']:<6d}  "
        f"{layer['dilation']:<8d}  {layer['shift']}"
    )


# %%
def map_of(image, kernel, padding, mode, stride, dilation):
    """Your own functions, one after the other: conv2d on the image padded in the given mode."""
    padded = pad2d(image, padding, mode) if padding else image
    return None if padded is None else conv2d(padded, kernel, stride, 0, dilation)


rng = np.random.default_rng(SEED)
picture, weights = rng.normal(size=(12, 12)), rng.normal(size=(3, 3))
for moved in (picture, np.roll(picture, 1, axis=1)):
    output = map_of(moved, weights, 1, "zero", 1, 1)  # layer A; for E take weights[:1, :1]
    print(output if output is None else output[5].round(2))

# %% nbgrader={"grade": false, "grade_id": "moves_along", "locked": false, "schema_version": 3, "solution": true, "task": false}
# True where the new map is the old one, rolled; False where it is not.
moves_along = {"A": None, "B": None, "C": None, "D": None, "E": None, "F": None, "G": None, "H": None}
# YOUR CODE HERE

# %% nbgrader={"grade": true, "grade_id": "check-moves_along", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check(questions.moves_along, moves_along)

# %% [markdown]
# ## Your points so far

# %%
summary(questions)
