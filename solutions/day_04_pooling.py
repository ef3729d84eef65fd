# ---
# jupyter:
#   course:
#     budget_s:
#       cpu: 60
#       gpu: 60
#       smoke: 60
#     data: []
#     day: 4
#     frameworks: []
#     minutes: 80
#     title: 'Pooling: exercise'
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
# # Day 4 · Pooling: exercise
#
# You write the two poolings with everything that belongs to them: overlap, borders, padding. Then pooling for
# pictures of any size, and the way back, which training needs. You count what three heads cost, measure how many
# numbers survive a shift, and judge nine small networks by what they forget.
#
# Each question has a small example that you can work out on paper, a cell for your answer, and a check. Run the check
# as often as you like: it shows the smallest input on which your answer fails, and names the mistake if it knows it.
# Where one known mistake is all that is wrong, the question gives a point.
#
# Use NumPy, slices and loops. All images have one channel, so their shape is (height, width).

# %% tags=["parameters"]
PROFILE = "auto"   # "smoke", "cpu", "gpu", or "auto": gpu where one is visible, else cpu
SEED = 0

# %%
import numpy as np

from course_utils import plots, profiles
from course_utils.checks import check, summary
from course_utils.checks import day_04 as questions
from course_utils.claims import claim

profile = profiles.start(PROFILE, seed=SEED)

# %% [markdown]
# ## 1. Max pooling · 3 points
#
# Write `max_pool2d(image, size, stride, padding)`: the largest number of each window of `size` × `size`. Windows move
# by `stride`. `padding` rows and columns are added on each of the four sides, and *padding never wins*, not even
# against negative numbers. Windows that do not fit into the padded image are left out.
#
# On paper first: below, windows of 2 with stride 2 and without padding. The last column is in no window. And with
# windows of 3 and stride 1?

# %%
small = np.array([[-3, -7, 4, 1, 9], [-2, -5, 0, 2, 8]])
plots.show(
    plots.pixels(small, title="image"),
    alt="An image of 2 by 5 pixels. First row: −3, −7, 4, 1, 9. Second row: −2, −5, 0, 2, 8.",
)
claim("the two largest numbers", np.array([small[:, 0:2].max(), small[:, 2:4].max()]), np.array([-2, 4]))


# %% nbgrader={"grade": false, "grade_id": "max_pool2d", "locked": false, "schema_version": 3, "solution": true, "task": false}
def max_pool2d(image, size, stride, padding):
    """The largest number of each window; an array (out height, out width)."""
    ### BEGIN SOLUTION
    height, width = image.shape
    padded = np.full((height + 2 * padding, width + 2 * padding), -np.inf)
    padded[padding : padding + height, padding : padding + width] = image
    rows = (padded.shape[0] - size) // stride + 1
    columns = (padded.shape[1] - size) // stride + 1
    pooled = np.zeros((rows, columns))
    for i in range(rows):
        for j in range(columns):
            pooled[i, j] = padded[i * stride : i * stride + size, j * stride : j * stride + size].max()
    return pooled
    ### END SOLUTION


# %%
print(max_pool2d(small, 2, 2, 0))
print(max_pool2d(small, 2, 2, 1))

# %% nbgrader={"grade": true, "grade_id": "check-max_pool2d", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
check(questions.max_pool2d, max_pool2d)

# %% [markdown]
# ## 2. Average pooling · 3 points
#
# Write `avg_pool2d(image, size, stride, padding, count_padding)`: the mean of each window, with zeros for padding.
# Where `count_padding` is True, the zeros count: divide by `size` · `size` (PyTorch's default). Where it is False,
# divide by the number of the image's *own* pixels in the window (Keras).
#
# On paper first: white paper, 4 × 4 pixels of 1, windows of 3, stride 1, padding 1. The window in the corner holds
# four pixels and five zeros. Which two means are possible?

# %%
claim("the corner of white paper, zeros counted", (4 * 1 + 5 * 0) / 9, 4 / 9, tolerance=1e-12)
claim("and not counted", (4 * 1 + 5 * 0) / 4, 1.0)


# %% nbgrader={"grade": false, "grade_id": "avg_pool2d", "locked": false, "schema_version": 3, "solution": true, "task": false}
def avg_pool2d(image, size, stride, padding, count_padding):
    """The mean of each window; an array (out height, out width)."""
    ### BEGIN SOLUTION
    padded, own = np.pad(image, padding), np.pad(np.ones(image.shape), padding)
    rows = (padded.shape[0] - size) // stride + 1
    columns = (padded.shape[1] - size) // stride + 1
    pooled = np.zeros((rows, columns))
    for i in range(rows):
        for j in range(columns):
            window = slice(i * stride, i * stride + size), slice(j * stride, j * stride + size)
            pooled[i, j] = padded[window].sum() / (size * size if count_padding else own[window].sum())
    return pooled
    ### END SOLUTION


# %%
for counted in (True, False):
    print(avg_pool2d(np.ones((4, 4)), 3, 1, 1, counted))

# %% nbgrader={"grade": true, "grade_id": "check-avg_pool2d", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
check(questions.avg_pool2d, avg_pool2d)

# %% [markdown]
# ## 3. Any size in, fixed size out · 4 points
#
# Write `adaptive_avg_pool2d(image, output_size)`, where `output_size` is `(rows, columns)`. Cut the height into
# `rows` bins and the width into `columns` bins, and return the mean of each cell. Of `n` pixels in `bins` bins, bin
# number `i` begins at `i · n / bins`, rounded *down*, and ends before `(i + 1) · n / bins`, rounded *up*. There may
# be more bins than pixels.
#
# On paper first: 5 pixels in 2 bins. The first ends at 2.5, so before pixel 3; the second begins at 2.5, so at pixel
# 2. Pixel 2 is in both.

# %%
line = np.array([10, 20, 30, 40, 50])
claim("the means of the two bins", np.array([line[0:3].mean(), line[2:5].mean()]), np.array([20.0, 40.0]))


# %% nbgrader={"grade": false, "grade_id": "adaptive_avg_pool2d", "locked": false, "schema_version": 3, "solution": true, "task": false}
def adaptive_avg_pool2d(image, output_size):
    """The mean of each bin; an array of the shape output_size."""
    ### BEGIN SOLUTION
    (height, width), (rows, columns) = image.shape, output_size
    pooled = np.zeros((rows, columns))
    for i in range(rows):
        top, bottom = i * height // rows, -((i + 1) * -height // rows)
        for j in range(columns):
            left, right = j * width // columns, -((j + 1) * -width // columns)
            pooled[i, j] = image[top:bottom, left:right].mean()
    return pooled
    ### END SOLUTION


# %%
print(adaptive_avg_pool2d(line[None], (1, 2)))
print(adaptive_avg_pool2d(line[None], (1, 1)))

# %% nbgrader={"grade": true, "grade_id": "check-adaptive_avg_pool2d", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
check(questions.adaptive_avg_pool2d, adaptive_avg_pool2d)

# %% [markdown]
# ## 4. The way back through max pooling · 4 points
#
# Training sends a gradient back to each pooled number: `upstream[i, j]` says how much the loss would grow if pooled
# number (i, j) grew. Write `max_pool2d_backward(image, upstream, size, stride)`, without padding: the gradient for
# each pixel of the image.
#
# - A window hands all that arrives at it to its largest pixel.
# - At a tie the first in reading order (row by row) gets it.
# - A pixel that wins in several windows collects from all of them.
#
# On paper first: the line 4 1 3 2 5, windows of 1 × 3 with stride 2. The winners are the 4 and the 5. If 10 and −20
# arrive, the gradient is 10 0 0 0 −20. And for the line 1 2 9 3 4?

# %%
winners = [int(np.argmax([1, 2, 9])), 2 + int(np.argmax([9, 3, 4]))]
claim("places of the winners in 1 2 9 3 4", winners, [2, 2])


# %% nbgrader={"grade": false, "grade_id": "max_pool2d_backward", "locked": false, "schema_version": 3, "solution": true, "task": false}
def max_pool2d_backward(image, upstream, size, stride):
    """The gradient of the loss by each pixel; an array of the image's shape."""
    ### BEGIN SOLUTION
    gradient = np.zeros(image.shape)
    for i in range(upstream.shape[0]):
        for j in range(upstream.shape[1]):
            window = image[i * stride : i * stride + size, j * stride : j * stride + size]
            row, column = np.unravel_index(window.argmax(), window.shape)
            gradient[i * stride + row, j * stride + column] += upstream[i, j]
    return gradient
    ### END SOLUTION


# %%
example = np.array([[3, 7, 7], [4, 9, 5], [2, 1, 9]])
print(max_pool2d_backward(example, np.array([[1, 10], [100, 1000]]), 2, 1))

# %% nbgrader={"grade": true, "grade_id": "check-max_pool2d_backward", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
check(questions.max_pool2d_backward, max_pool2d_backward)

# %% [markdown]
# ## 5. What does a head cost? · 2 points
#
# The last maps have `height` × `width` places and `channels` channels. Write `head_parameters(height, width,
# channels, hidden, classes, head)`: the number of parameters, biases included, of
#
# - `"flatten"`: flatten, a dense layer with `hidden` neurons, a dense layer with one neuron for each of the
#   `classes`;
# - `"average"`: a global average, then the same two dense layers;
# - `"1x1"`: a 1 × 1 convolution with one filter for each class, then a global average. No dense layer at all.
#
# On paper first: 2 × 3 places, 4 channels, 5 hidden neurons, 2 classes, flattened. 24 numbers reach the first layer:
# (24 + 1) · 5 parameters. And (5 + 1) · 2 in the second.

# %%
claim("parameters of the small head, flattened", (2 * 3 * 4 + 1) * 5 + (5 + 1) * 2, 137)


# %% nbgrader={"grade": false, "grade_id": "head_parameters", "locked": false, "schema_version": 3, "solution": true, "task": false}
def head_parameters(height, width, channels, hidden, classes, head):
    """Parameters of all layers of the head; an integer."""
    ### BEGIN SOLUTION
    if head == "1x1":
        return (channels + 1) * classes
    inputs = height * width * channels if head == "flatten" else channels
    return (inputs + 1) * hidden + (hidden + 1) * classes
    ### END SOLUTION


# %%
for head in ("flatten", "average", "1x1"):
    print(head, head_parameters(7, 7, 512, 256, 10, head))

# %% nbgrader={"grade": true, "grade_id": "check-head_parameters", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check(questions.head_parameters, head_parameters)

# %% [markdown]
# ## 6. How many survive a shift? · 2 points
#
# Write `share_kept(pool, image, shift)`. `pool` is a function that makes a pooled map of an image, such as your own.
# Roll the image by `shift` columns to the right (what leaves on one side comes in on the other: `np.roll`). Return
# the share, from 0 to 1, of the pooled numbers that are the same as before, *at their place*, within 1e-9.
#
# On paper first: the line 1 1 2 2, largest of two. Before: 1 2. Rolled by one the line is 2 1 1 2, and the pooled map
# 2 2. One of two is the same.

# %%
claim("rolled by one", np.roll([1, 1, 2, 2], 1), np.array([2, 1, 1, 2]))


# %% nbgrader={"grade": false, "grade_id": "share_kept", "locked": false, "schema_version": 3, "solution": true, "task": false}
def share_kept(pool, image, shift):
    """Share of the pooled numbers that a shift leaves as they are; a number from 0 to 1."""
    ### BEGIN SOLUTION
    gap = np.abs(pool(np.roll(image, shift, axis=1)) - pool(image))
    return np.mean(gap <= 1e-9)
    ### END SOLUTION


# %%
def halve(image):
    """Your max pooling of 2 × 2."""
    return max_pool2d(image, 2, 2, 0)


picture = np.random.default_rng(SEED).integers(0, 4, (8, 8))
if halve(picture) is not None:
    for shift in range(4):
        print(f"shift {shift}:", share_kept(halve, picture, shift))

# %% nbgrader={"grade": true, "grade_id": "check-share_kept", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check(questions.share_kept, share_kept)

# %% [markdown]
# ## 7. What stays? · 2 points
#
# A map has 8 × 8 places. Either its places are **shuffled**, or the map is **rolled** by some columns: what leaves on
# the right comes in on the left. The numbers are arbitrary. For which of these does the output stay *exactly* the
# same? Windows of 2 × 2 have stride 2. Decide first; then you can test it with your own functions.

# %%
print("      layers                              the map is")
for letter, entry in questions.POOLED.items():
    print(f"{letter}     {entry['layers']:34s}  {entry['moves']}")

# %%
numbers = np.random.default_rng(SEED).normal(size=(8, 8))
for moved in (numbers, np.roll(numbers, 1, axis=1)):
    maps = halve(moved)
    print(maps if maps is None else maps.mean().round(6))  # E: max 2 × 2, then global average

# %% nbgrader={"grade": false, "grade_id": "stays", "locked": false, "schema_version": 3, "solution": true, "task": false}
# True where the output is exactly the same as before; False where it is not.
stays = {"A": None, "B": None, "C": None, "D": None, "E": None, "F": None, "G": None, "H": None, "I": None}
### BEGIN SOLUTION
stays = {"A": False, "B": True, "C": True, "D": False, "E": False, "F": True, "G": True, "H": False, "I": True}
### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "check-stays", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check(questions.stays, stays)

# %% [markdown]
# ## Your points so far

# %%
summary(questions)
