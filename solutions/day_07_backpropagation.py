# ---
# jupyter:
#   course:
#     budget_s:
#       cpu: 60
#       gpu: 60
#       smoke: 60
#     data: []
#     day: 7
#     frameworks: []
#     minutes: 90
#     title: 'Backpropagation: exercise'
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
# # Day 7 · Backpropagation: exercise
#
# You write what goes on behind `loss.backward()`: the way back through a dense layer and through a convolution, the
# test that tells whether a gradient is right, and the first weights that let a signal through. At the end six
# networks of 20 layers are waiting for a diagnosis.
#
# Each question has a small example that you can work out on paper, a cell for your answer, and a check. Run the check
# as often as you like: it shows the smallest input on which your answer fails, and names the mistake if it knows it.
# Where one known mistake is all that is wrong, some questions give a point.
#
# Use NumPy today; a framework would do the work for you. Loops are welcome.

# %% tags=["parameters"]
PROFILE = "auto"   # "smoke", "cpu", "gpu", or "auto": gpu where one is visible, else cpu
SEED = 0

# %%
import numpy as np

from course_utils import plots, profiles
from course_utils.checks import check, summary
from course_utils.checks import day_07 as questions
from course_utils.claims import claim

profile = profiles.start(PROFILE, seed=SEED)

# %% [markdown]
# ## 1. A dense layer with ReLU, backwards · 3 points
#
# Forwards the layer computes `np.maximum(x @ weights + bias, 0)`: `x` is (N, in), `weights` (in, out), `bias` (out,).
# From the layer behind it comes `upstream`, the gradient of the loss by each of its outputs, (N, out).
#
# Write `dense_backward(x, weights, bias, upstream)`. Return the three gradients `(for_x, for_weights, for_bias)`,
# each of the shape of what it belongs to. Nothing is averaged here; examples add up. (No sum is exactly zero.)
#
# On paper first: one example x = (1, 2), weights [[1, 2], [1, −2]], no bias. The sums are 3 and −2, so ReLU lets
# through 3 and 0. Let `upstream` be (10, 100). What arrives before ReLU? At the weights? At x?

# %%
claim("the sums", np.array([[1, 2]]) @ np.array([[1, 2], [1, -2]]), np.array([[3, -2]]))


# %% nbgrader={"grade": false, "grade_id": "dense_backward", "locked": false, "schema_version": 3, "solution": true, "task": false}
def dense_backward(x, weights, bias, upstream):
    """Gradients of a dense layer with ReLU; (for_x, for_weights, for_bias)."""
    ### BEGIN SOLUTION
    behind_relu = np.where(x @ weights + bias > 0, upstream, 0)
    return behind_relu @ weights.T, x.T @ behind_relu, behind_relu.sum(axis=0)
    ### END SOLUTION


# %%
print(dense_backward(np.array([[1, 2]]), np.array([[1, 2], [1, -2]]), np.zeros(2), np.array([[10, 100]])))

# %% nbgrader={"grade": true, "grade_id": "check-dense_backward", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
check(questions.dense_backward, dense_backward)

# %% [markdown]
# ## 2. A convolution, backwards: its weights · 4 points
#
# One image goes through a convolution without padding: `image` is (H, W, C_in), the filters (kh, kw, C_in, C_out),
# one bias for each filter. Output `(i, j)` reads the window that begins at row `i·stride`, column `j·stride`.
# `upstream` is the gradient by the outputs, (oh, ow, C_out).
#
# Write `conv2d_backward_weights(image, upstream, kernel_size, stride=1)`; `kernel_size` is `(kh, kw)`. Return
# `(for_filters, for_bias)`, of the shapes (kh, kw, C_in, C_out) and (C_out,).
#
# A way that works: begin with zeros. Go through all outputs. Each says: *my window of the image, times what came back
# to me, is my share.* With channels, one window (kh, kw, C_in) meets C_out numbers, and each pair makes a product:
# `window[..., None] * upstream[i, j]`.
#
# On paper first: the image and the upstream gradient below, one channel, one filter, stride 1. Each of the four
# weights met four pixels.

# %%
small = np.array([[1, 0, 2], [0, 3, 1], [1, 1, 0]])
came_back = np.array([[1, 2], [-1, 0]])
plots.show(plots.pixels(small, title="image"), alt=f"The image {small.tolist()}.")
plots.show(plots.kernel(came_back, title="upstream"), alt=f"The upstream gradient {came_back.tolist()}.")
claim("the weight at the top left", 1 * 1 + 2 * 0 - 1 * 0 + 0 * 3, 1)


# %% nbgrader={"grade": false, "grade_id": "conv2d_backward_weights", "locked": false, "schema_version": 3, "solution": true, "task": false}
def conv2d_backward_weights(image, upstream, kernel_size, stride=1):
    """Gradients of a convolution's filters and biases; (for_filters, for_bias)."""
    ### BEGIN SOLUTION
    kh, kw = kernel_size
    for_filters = np.zeros((kh, kw, image.shape[2], upstream.shape[2]))
    for i in range(upstream.shape[0]):
        for j in range(upstream.shape[1]):
            top, left = i * stride, j * stride
            for_filters += image[top : top + kh, left : left + kw, :, None] * upstream[i, j]
    return for_filters, upstream.sum(axis=(0, 1))
    ### END SOLUTION


# %%
answer = conv2d_backward_weights(small[:, :, None], came_back[:, :, None], (2, 2))
print(answer if answer is None else (answer[0][:, :, 0, 0], answer[1]))

# %% nbgrader={"grade": true, "grade_id": "check-conv2d_backward_weights", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
check(questions.conv2d_backward_weights, conv2d_backward_weights)

# %% [markdown]
# ## 3. A convolution, backwards: its image · 4 points
#
# The same layer. Now the gradient of the image, so that the layer before it can learn too. Write
# `conv2d_backward_input(filters, upstream, image_shape, stride=1)`; `image_shape` is `(height, width)`. Return an
# array (height, width, C_in). Pixels that no window reads get zero.
#
# There are two ways, and both are right. Slide the turned kernel over the upstream gradient with zeros around it
# (and, with a stride, zeros in it). Or hand out: each output gives to every pixel of its window the weight that it
# was read with, times what came back.
#
# On paper first: `upstream` as above, the kernel [[1, 2], [0, −1]]. The corner at the top left was read by one
# output; the centre by all four, with the weights −1, 0, 2, 1 in the order of the outputs.

# %%
stamp = np.array([[1, 2], [0, -1]])
claim("the centre", 1 * -1 + 2 * 0 - 1 * 2 + 0 * 1, -3)


# %% nbgrader={"grade": false, "grade_id": "conv2d_backward_input", "locked": false, "schema_version": 3, "solution": true, "task": false}
def conv2d_backward_input(filters, upstream, image_shape, stride=1):
    """Gradient of a convolution's image; (height, width, C_in)."""
    ### BEGIN SOLUTION
    kh, kw, channels, _ = filters.shape
    for_image = np.zeros((*image_shape, channels))
    for i in range(upstream.shape[0]):
        for j in range(upstream.shape[1]):
            top, left = i * stride, j * stride
            for_image[top : top + kh, left : left + kw] += (filters * upstream[i, j]).sum(axis=3)
    return for_image
    ### END SOLUTION


# %%
answer = conv2d_backward_input(stamp[:, :, None, None], came_back[:, :, None], (3, 3))
print(answer if answer is None else answer[:, :, 0])

# %% nbgrader={"grade": true, "grade_id": "check-conv2d_backward_input", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
check(questions.conv2d_backward_input, conv2d_backward_input)

# %% [markdown]
# ## 4. Nudge and see · 3 points
#
# Write `numerical_gradient(f, x, h=1e-5)`: the gradient of a function by central differences. `f` takes an array and
# returns one number; `x` is an array of any shape and may hold integers or float32. Move one entry at a time, up by
# `h` and down by `h`, and put it back. Return an array of the shape of `x`, computed in float64. `x` itself may not
# be changed.
#
# On paper first: $f(x) = x_0^3 + x_1^3$ at (1, 2), with the large step $h = 0.1$. For $x_0$:
# $(1.1^3 - 0.9^3) / 0.2 = 3.01$; the derivative is 3. And for $x_1$?

# %%
claim("the first entry", (1.1**3 - 0.9**3) / 0.2, 3.01, tolerance=1e-9)


# %% nbgrader={"grade": false, "grade_id": "numerical_gradient", "locked": false, "schema_version": 3, "solution": true, "task": false}
def numerical_gradient(f, x, h=1e-5):
    """Central differences; an array of the shape of x."""
    ### BEGIN SOLUTION
    point = np.array(x, dtype=np.float64)
    slopes = np.zeros(point.shape)
    for place in np.ndindex(point.shape):
        middle = point[place]
        point[place] = middle + h
        upper = f(point)
        point[place] = middle - h
        lower = f(point)
        point[place] = middle
        slopes[place] = (upper - lower) / (2 * h)
    return slopes
    ### END SOLUTION


# %%
print(numerical_gradient(lambda x: (x**3).sum(), np.array([1, 2]), h=0.1))

# %% nbgrader={"grade": true, "grade_id": "check-numerical_gradient", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
check(questions.numerical_gradient, numerical_gradient)

# %% [markdown]
# ## 5. How wrong is a gradient? · 2 points
#
# Write `gradient_check(f, gradient, x, h=1e-5)`. `gradient` is a function that claims to give the gradient of `f` at
# `x`. Compare it with the one by central differences, $n$, in one number that does not depend on how large the
# gradients are:
#
# $$ \frac{\lVert a - n \rVert}{\lVert a \rVert + \lVert n \rVert} \qquad \text{with } a \text{ what } \texttt{gradient(x)} \text{ gives} $$
#
# where $\lVert v \rVert$ is the root of the sum of squares. If both gradients are zero everywhere they agree: return
# 0.
#
# On paper first: $f(x) = x^2$ at 1 has the gradient 2. Someone forgot the 2 and claims 1. The number is
# $1 / (1 + 2)$.

# %%
claim("the forgotten 2", abs(1 - 2) / (1 + 2), 1 / 3)


# %% nbgrader={"grade": false, "grade_id": "gradient_check", "locked": false, "schema_version": 3, "solution": true, "task": false}
def gradient_check(f, gradient, x, h=1e-5):
    """Relative error of a gradient: 0 right, 1 at worst."""
    ### BEGIN SOLUTION
    claimed, measured = gradient(x), numerical_gradient(f, x, h)
    total = np.linalg.norm(claimed) + np.linalg.norm(measured)
    return np.linalg.norm(claimed - measured) / total if total > 0 else 0.0
    ### END SOLUTION


# %%
print(gradient_check(lambda x: (x**2).sum(), lambda x: x, np.array([1.0])))

# %% nbgrader={"grade": true, "grade_id": "check-gradient_check", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check(questions.gradient_check, gradient_check)

# %% [markdown]
# Now put your own convolution to the test. The cell nudges every weight and every pixel of a small layer with stride
# 2, and compares with your answers to questions 2 and 3.

# %%
rng = np.random.default_rng(SEED)
picture, filters, upstream = rng.normal(size=(6, 5, 2)), rng.normal(size=(2, 3, 2, 3)), rng.normal(size=(3, 2, 3))


def loss(picture, filters):
    """The convolution forwards, then each output times its upstream gradient, added up."""
    windows = np.lib.stride_tricks.sliding_window_view(picture, (2, 3), axis=(0, 1))[::2, ::2]
    return (np.einsum("ijcmn,mnco->ijo", windows, filters) * upstream).sum()


for_weights = conv2d_backward_weights(picture, upstream, (2, 3), 2)
for_picture = conv2d_backward_input(filters, upstream, (6, 5), 2)
if for_weights is not None:
    print("filters:", gradient_check(lambda w: loss(picture, w), lambda w: for_weights[0], filters))
if for_picture is not None:
    print("image:  ", gradient_check(lambda p: loss(p, filters), lambda p: for_picture, picture))

# %% [markdown]
# ## 6. First weights · 3 points
#
# Write `he_normal(shape, rng)`: first weights after He, from a normal distribution with mean 0 and variance
# $2 / n_{in}$. `shape` is (in, out) for a dense layer or (kh, kw, C_in, C_out) for a convolution; $n_{in}$ is the
# number of products that one output adds up. Draw from the generator `rng`
# (`rng.normal(mean, standard deviation, shape)`), so that a seed repeats them.
#
# On paper first: one output of a 3 × 3 convolution over 8 channels adds up 72 products. The variance is 1/36. And the
# standard deviation?

# %%
claim("products in one output", 3 * 3 * 8, 72)


# %% nbgrader={"grade": false, "grade_id": "he_normal", "locked": false, "schema_version": 3, "solution": true, "task": false}
def he_normal(shape, rng):
    """First weights of the given shape, drawn from rng."""
    ### BEGIN SOLUTION
    products = int(np.prod(shape[:-1]))
    return rng.normal(0.0, (2.0 / products) ** 0.5, size=shape)
    ### END SOLUTION


# %%
weights = he_normal((3, 3, 8, 32), np.random.default_rng(SEED))
print(weights if weights is None else f"shape {weights.shape}, mean {weights.mean():.4f}, standard deviation {weights.std():.4f}")

# %% nbgrader={"grade": true, "grade_id": "check-he_normal", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
check(questions.he_normal, he_normal)

# %% [markdown]
# ## 7. Six networks · 2 points
#
# Six networks of 20 dense layers with ReLU, 64 units each, before their first step. 200 images went in, a random
# gradient came back. The table gives, at four of the layers, the size (root of the mean square) of
#
# - the **outputs**;
# - their **spread over the images**: what of it differs from image to image;
# - their **spread over the units**: what of it differs from unit to unit;
# - the **gradient** that arrives before the layer.
#
# Name what is wrong: `"healthy"`, `"vanishing"`, `"exploding"`, `"symmetric"` (all units of a layer say the same) or
# `"dead"` (a layer is shut: exactly 0 for every image). A name may be right more than once, or never.

# %%
for letter, network in questions.NETWORKS.items():
    print(f"network {letter}" + " " * 16 + "".join(f"layer {layer:<5d}" for layer in (1, 5, 10, 20)))
    for quantity, numbers in network.items():
        print(f"  {quantity:24s}" + "".join(f"{number:<11.2g}" for number in numbers.values()))

# %% nbgrader={"grade": false, "grade_id": "diagnosis", "locked": false, "schema_version": 3, "solution": true, "task": false}
diagnosis = {"A": "", "B": "", "C": "", "D": "", "E": "", "F": ""}
### BEGIN SOLUTION
diagnosis = {"A": "exploding", "B": "vanishing", "C": "healthy", "D": "symmetric", "E": "vanishing", "F": "dead"}
### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "check-diagnosis", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check(questions.diagnosis, diagnosis)

# %% [markdown]
# ## Your points so far

# %%
summary(questions)
