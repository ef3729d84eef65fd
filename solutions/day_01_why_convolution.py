# ---
# jupyter:
#   course:
#     budget_s:
#       cpu: 60
#       gpu: 60
#       smoke: 60
#     data: []
#     day: 1
#     frameworks: []
#     minutes: 60
#     title: 'Why convolution: exercise'
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
# # Day 1 · Why convolution: exercise
#
# You count what a network has to learn, scramble pictures and undo the damage inside a network, and write the
# measuring instrument that tells whether a layer moves along when the picture moves.
#
# Each question has a small example that you can work out on paper, a cell for your answer, and a check. Run the check
# as often as you like: it shows the smallest input on which your answer fails, and names the mistake if it knows it.
# A question is worth its points when all of it is right. Where one known mistake is all that is wrong, some
# questions give a point.
#
# NumPy is enough. Nothing has to be fast, and nothing needs more than ten lines.

# %% tags=["parameters"]
PROFILE = "auto"   # "smoke", "cpu", "gpu", or "auto": gpu where one is visible, else cpu
SEED = 0

# %%
import numpy as np

from course_utils import plots, profiles
from course_utils.checks import check, summary
from course_utils.checks import day_01 as questions
from course_utils.claims import claim

profile = profiles.start(PROFILE, seed=SEED)

# %% [markdown]
# ## 1. A stack of dense layers · 2 points
#
# Write `mlp_parameters(widths)`. `widths` is a list: first the number of inputs, then the number of neurons of each
# layer. Every neuron has a weight for each of its inputs, and one bias. Return how many parameters there are in all.
#
# On paper first: `[2, 3, 1]` is two inputs, three neurons, one neuron. The first layer has 2 · 3 weights and 3 biases. The
# second has 3 · 1 weights and 1 bias. How many together?

# %%
claim("parameters of [2, 3, 1]", (2 * 3 + 3) + (3 * 1 + 1), 13)


# %% nbgrader={"grade": false, "grade_id": "mlp_parameters", "locked": false, "schema_version": 3, "solution": true, "task": false}
def mlp_parameters(widths):
    """Weights and biases of all dense layers; an integer."""
    ### BEGIN SOLUTION
    count = 0
    for i in range(len(widths) - 1):
        count += (widths[i] + 1) * widths[i + 1]
    return count
    ### END SOLUTION


# %%
print(mlp_parameters([2, 3, 1]), mlp_parameters([32 * 32 * 3, 512, 256, 10]))

# %% nbgrader={"grade": true, "grade_id": "check-mlp_parameters", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check(questions.mlp_parameters, mlp_parameters)

# %% [markdown]
# ## 2. Three ways to wire an image · 3 points
#
# A layer looks at an image and writes down several maps. Each map has one number for every place at which a square
# window fits into the image. Write `map_parameters(image_shape, kernel_size, maps, wiring)`.
#
# - `image_shape` is (height, width, channels), `kernel_size` the side of the window, `maps` the number of maps.
# - `wiring` says what an output reads, and with whose weights:
#   - `"full"`: all numbers of the image, with weights and a bias of its own (a dense layer);
#   - `"local"`: the numbers of its window, in all channels, with weights and a bias of its own;
#   - `"shared"`: the numbers of its window, in all channels, with the weights and the bias that all outputs of the same
#     map share (a convolution).
# - Return the number of parameters.
#
# On paper first: a grey image of 3 × 3 pixels, windows of 2 × 2, one map. The window fits at four places, so there are four
# outputs. *Full*: each has 9 weights and a bias, 40 in all. *Local*: each has 4 weights and a bias. *Shared*?

# %%
claim("full, on paper", 4 * (9 + 1), 40)


# %% nbgrader={"grade": false, "grade_id": "map_parameters", "locked": false, "schema_version": 3, "solution": true, "task": false}
def map_parameters(image_shape, kernel_size, maps, wiring):
    """Weights and biases of a layer from an image to maps; an integer."""
    ### BEGIN SOLUTION
    rows, columns, channels = image_shape
    n_outputs = (rows - kernel_size + 1) * (columns - kernel_size + 1) * maps
    seen = kernel_size**2 * channels
    if wiring == "full":
        return n_outputs * (rows * columns * channels + 1)
    if wiring == "local":
        return n_outputs * (seen + 1)
    return maps * (seen + 1)
    ### END SOLUTION


# %%
for wiring in questions.WIRINGS:
    print(wiring, map_parameters((3, 3, 1), 2, 1, wiring), map_parameters((224, 224, 3), 3, 64, wiring))

# %% nbgrader={"grade": true, "grade_id": "check-map_parameters", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
check(questions.map_parameters, map_parameters)

# %% [markdown]
# ## 3. Shuffle the pixels · 2 points
#
# Number the pixels of an image as you read: along the first row, then the next. Write `shuffle_pixels(images, order)`.
#
# - `images` has the shape (images, height, width, channels).
# - `order` says which old pixel comes to which place: the new pixel number `p` is the old pixel number `order[p]`. The same
#   order serves all images. A pixel keeps its colour: its channels move together.
# - Return an array of the same shape. Do not change `images`.
#
# On paper first: one grey image of 2 × 2 pixels with the values 10, 20, 30, 40, and the order 2, 0, 3, 1. The new first
# pixel is the old pixel number 2, that is, 30. What are the other three?

# %%
small = np.array([10, 20, 30, 40]).reshape(1, 2, 2, 1)
small_order = np.array([2, 0, 3, 1])


# %% nbgrader={"grade": false, "grade_id": "shuffle_pixels", "locked": false, "schema_version": 3, "solution": true, "task": false}
def shuffle_pixels(images, order):
    """Every image with its pixels in the same new order; an array of the shape of `images`."""
    ### BEGIN SOLUTION
    as_lists = images.reshape(len(images), -1, images.shape[-1])
    return as_lists[:, order, :].reshape(images.shape)
    ### END SOLUTION


# %%
print(shuffle_pixels(small, small_order))

# %% nbgrader={"grade": true, "grade_id": "check-shuffle_pixels", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check(questions.shuffle_pixels, shuffle_pixels)


# %% [markdown]
# ## 4. Rewire the network · 3 points
#
# A dense layer computes `x @ weights`, where `x` is the list of pixels. `weights` has one row for each pixel and one column
# for each neuron. Now somebody shuffles the pixels: the layer gets `x[order]`. Write `rewire(weights, order)`: new weights
# with which the shuffled pixels give exactly the same outputs.
#
# On paper first: three pixels, one neuron, weights 5, 6, 7 and the order 1, 2, 0. The layer now gets the old pixel 1 first.
# Which weight does that pixel need?

# %% nbgrader={"grade": false, "grade_id": "rewire", "locked": false, "schema_version": 3, "solution": true, "task": false}
def rewire(weights, order):
    """Weights that do for x[order] what `weights` does for x; an array of the shape of `weights`."""
    ### BEGIN SOLUTION
    return weights[order]
    ### END SOLUTION


# %%
print(rewire(np.array([[5], [6], [7]]), np.array([1, 2, 0])))

# %% nbgrader={"grade": true, "grade_id": "check-rewire", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
check(questions.rewire, rewire)

# %% [markdown]
# Both functions together make the test of this day. Real digits of 8 × 8 pixels, shuffled by yours; a layer with random
# weights, rewired by yours. The two columns agree, so a dense layer that is given other weights cannot tell that anything
# happened. Look at the shuffled digits: can you?

# %%
from sklearn.datasets import load_digits

digits = load_digits().images[:6, :, :, None]
rng = np.random.default_rng(SEED)
order, weights = rng.permutation(64), rng.normal(size=(64, 3))
shuffled, rewired = shuffle_pixels(digits, order), rewire(weights, order)
if shuffled is not None and rewired is not None:
    plots.show(
        plots.image_grid([*digits, *shuffled], columns=6),
        alt="Six handwritten digits, 0 to 5, and below each the same digit with its pixels shuffled: noise to the eye.",
    )
    print("before and after:")
    print(np.stack([digits.reshape(6, 64) @ weights, shuffled.reshape(6, 64) @ rewired], axis=-1)[0].round(2))

# %% [markdown]
# ## 5. Does it move along? · 4 points
#
# A layer is **equivariant** to a shift if shifting the image first and shifting the layer's output afterwards give the same.
# Write `equivariance_error(layer, image, shift)`: by how much do the two differ, at most?
#
# - `layer` is a function: it takes an image of shape (height, width) and returns an array of the same shape.
# - `shift` is a pair (rows, columns): down and to the right, or up and to the left where negative. Pixels that leave on one
#   side come back on the other: `np.roll` does that.
# - Return the largest absolute difference over all pixels, one number. It is 0 (up to rounding) for an equivariant layer.
#
# On paper first: the image `[[1, 2, 3]]`, a shift by one column, and a layer that multiplies the three columns by 1, 2 and 3.
# Shifted image: 3 1 2; the layer makes it 3 2 6. The other way: the layer gives 1 4 9, shifted 9 1 4. The differences
# are −6, 1 and 2. So the error is 6.

# %%
three = np.array([[1.0, 2.0, 3.0]])


def by_column(image):
    return image * np.arange(1, image.shape[1] + 1)


claim("layer of the shifted image", by_column(np.roll(three, 1, axis=1)), np.array([[3, 2, 6]]))
claim("the layer's output, shifted", np.roll(by_column(three), 1, axis=1), np.array([[9, 1, 4]]))


# %% nbgrader={"grade": false, "grade_id": "equivariance_error", "locked": false, "schema_version": 3, "solution": true, "task": false}
def equivariance_error(layer, image, shift):
    """The largest difference between "shift, then layer" and "layer, then shift"; a number."""
    ### BEGIN SOLUTION
    shift_then_layer = layer(np.roll(image, shift, axis=(0, 1)))
    layer_then_shift = np.roll(layer(image), shift, axis=(0, 1))
    return np.abs(shift_then_layer - layer_then_shift).max()
    ### END SOLUTION


# %%
print(equivariance_error(by_column, three, (0, 1)))

# %% nbgrader={"grade": true, "grade_id": "check-equivariance_error", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
check(questions.equivariance_error, equivariance_error)

# %% [markdown]
# ## 6. Name the symmetry · 3 points
#
# Here are seven layers. Test each, with your function or by hand, and choose for each letter:
#
# - **equivariant**: the image moves, and the output moves along, at every pixel, for every shift;
# - **invariant**: the image moves, and the output stays the same;
# - **neither**.
#
# All shifts are those of `np.roll`. `layer(image)` returns an array with two axes; it need not be as large as the image.
# A single number has nowhere to move to: where it stays the same, choose *invariant*.

# %%
photo = rng.uniform(size=(6, 8))
for letter, layer in questions.LAYERS_TO_TEST.items():
    print(letter, photo.shape, "->", layer(photo).shape)
print("Choices:", ", ".join(questions.SYMMETRIES))

# %% nbgrader={"grade": false, "grade_id": "symmetry", "locked": false, "schema_version": 3, "solution": true, "task": false}
# One of the choices for each letter, in quotes.
symmetry = {"A": None, "B": None, "C": None, "D": None, "E": None, "F": None, "G": None}
### BEGIN SOLUTION
symmetry = {
    "A": "neither",
    "B": "invariant",
    "C": "equivariant",
    "D": "neither",
    "E": "equivariant",
    "F": "invariant",
    "G": "neither",
}
### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "check-symmetry", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
check(questions.symmetry, symmetry)

# %% [markdown]
# ## 7. Which network for which task? · 2 points
#
# You have to start somewhere. For each of these tasks, which of the two would you try first? Remember that a convolution
# can slide along one axis as well as along two.

# %%
for letter, task in questions.TASKS.items():
    print(f"{letter}: {task}")
print("Choices:", ", ".join(questions.NETWORKS))

# %% nbgrader={"grade": false, "grade_id": "mlp_or_cnn", "locked": false, "schema_version": 3, "solution": true, "task": false}
# One of the choices for each letter, in quotes.
mlp_or_cnn = {"A": None, "B": None, "C": None, "D": None, "E": None}
### BEGIN SOLUTION
mlp_or_cnn = {"A": "CNN", "B": "MLP", "C": "CNN", "D": "MLP", "E": "MLP"}
### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "check-mlp_or_cnn", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check(questions.mlp_or_cnn, mlp_or_cnn)

# %% [markdown]
# ## Your points so far

# %%
summary(questions)
