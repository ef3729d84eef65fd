# ---
# jupyter:
#   course:
#     budget_s:
#       cpu: 60
#       gpu: 60
#       smoke: 60
#     data: []
#     day: 10
#     frameworks: []
#     minutes: 80
#     title: 'Regularization: exercise'
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
# # Day 10 · Regularization: exercise
#
# You write what stands between a network and its training pictures: noise that is there in training and gone in use,
# statistics that change their source with the mode, pictures that are mixtures. At the end you decide what an ablation
# table really shows.
#
# Each question has a small example that you can work out on paper, a cell for your answer, and a check. Run the check
# as often as you like: it shows the smallest input on which your answer fails, and names the mistake if it knows it.
#
# Whatever is random comes in as an argument, so that your answer can be compared. Use NumPy, and leave your inputs as
# they are.

# %% tags=["parameters"]
PROFILE = "auto"  # "smoke", "cpu", "gpu", or "auto": gpu where one is visible, else cpu
SEED = 0

# %%
import numpy as np

from course_utils import plots, profiles
from course_utils.checks import check, summary
from course_utils.checks import day_10 as questions
from course_utils.claims import claim

profile = profiles.start(PROFILE, seed=SEED)

# %% [markdown]
# ## 1. Inverted dropout · 3 points
#
# Write `inverted_dropout(x, draws, rate, training)`. `draws` holds a number from 0 to 1 for each number of `x`.
#
# - In training, a number whose draw is **below** `rate` becomes 0. The others are divided by the share that is kept.
# - In use (`training` is False) nothing happens.
#
# On paper first: the numbers 8, 8, 8, 8 with the draws 0.1, 0.3, 0.7, 0.9 and a rate of 0.25. Which go? What do the
# others become, and what is the mean of the four?

# %%
claim("mean of 0 and three numbers of 8 / 0.75", (0 + 3 * 8 / 0.75) / 4, 8.0)


# %% nbgrader={"grade": false, "grade_id": "inverted_dropout", "locked": false, "schema_version": 3, "solution": true, "task": false}
def inverted_dropout(x, draws, rate, training):
    """Dropout that scales in training; an array of x's shape."""
    ### BEGIN SOLUTION
    if not training:
        return x
    return np.where(draws < rate, 0, x) / (1 - rate)
    ### END SOLUTION


# %%
print(inverted_dropout(np.full(4, 8.0), np.array([0.1, 0.3, 0.7, 0.9]), 0.25, True))

# %% nbgrader={"grade": true, "grade_id": "check-inverted_dropout", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
check(questions.inverted_dropout, inverted_dropout)

# %% [markdown]
# ## 2. Decay, joined or apart · 2 points
#
# Write one step of an optimiser: `decay_step(weights, gradient, scale, decayed, lr, decay, decoupled)`. All arrays have the
# shape of the weights. `scale` is what the optimiser divides a gradient by: 1 for plain gradient descent, about the
# gradient's size for Adam. `decayed` is True where a weight decays, and False for biases and for the $\gamma$ and
# $\beta$ of batch norm.
#
# - `decoupled` False: **L2**. The penalty's gradient, `decay · w`, is added to the gradient, and the sum is divided by
#   `scale` and multiplied by `lr`.
# - `decoupled` True: the weight keeps the share `1 − lr · decay` of itself. Then comes the plain step.
#
# On paper first: a weight of 4, no gradient, a scale of 2, `lr` 0.1, `decay` 0.5. What is left, in each way?

# %%
claim(
    "L2, then decoupled",
    np.array([4 - 0.1 * (0.5 * 4) / 2, 4 * (1 - 0.1 * 0.5)]),
    np.array([3.9, 3.8]),
    tolerance=1e-12,
)


# %% nbgrader={"grade": false, "grade_id": "decay_step", "locked": false, "schema_version": 3, "solution": true, "task": false}
def decay_step(weights, gradient, scale, decayed, lr, decay, decoupled):
    """The weights after one step."""
    ### BEGIN SOLUTION
    pull = np.where(decayed, decay * weights, 0)
    if decoupled:
        return weights - lr * pull - lr * gradient / scale
    return weights - lr * (gradient + pull) / scale
    ### END SOLUTION


# %%
for decoupled in (False, True):
    print(decay_step(np.array([4.0]), np.array([0.0]), np.array([2.0]), np.array([True]), 0.1, 0.5, decoupled))

# %% nbgrader={"grade": true, "grade_id": "check-decay_step", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check(questions.decay_step, decay_step)

# %% [markdown]
# ## 3. Stochastic depth · 2 points
#
# A residual block gives `x + branch`. Write `drop_path(x, branch, draws, survival, training)`: in training the branch of
# an image survives where its draw is **below** `survival`, and is then divided by `survival`; else it is left out. `x`
# always goes through. In use nothing is dropped and nothing is divided.
#
# `x` and `branch` have the shape (N, ...), with any number of axes; `draws` has the shape (N,).
#
# On paper first: x = 2, branch = 3, survival 0.75. What are the two possible outputs, and their mean over many draws?

# %%
claim("mean output in training", 0.75 * (2 + 3 / 0.75) + 0.25 * 2, 5.0)


# %% nbgrader={"grade": false, "grade_id": "drop_path", "locked": false, "schema_version": 3, "solution": true, "task": false}
def drop_path(x, branch, draws, survival, training):
    """x plus what is left of the branch; an array of x's shape."""
    ### BEGIN SOLUTION
    if training:
        factor = np.where(draws < survival, 1 / survival, 0)
        branch = branch * factor.reshape((len(x),) + (1,) * (x.ndim - 1))
    return x + branch
    ### END SOLUTION


# %%
print(drop_path(np.full((2, 1), 2.0), np.full((2, 1), 3.0), np.array([0.2, 0.9]), 0.75, True))

# %% nbgrader={"grade": true, "grade_id": "check-drop_path", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check(questions.drop_path, drop_path)

# %% [markdown]
# ## 4. Batch normalisation, in both modes · 5 points
#
# Write `batch_norm(x, gamma, beta, running_mean, running_var, training, momentum=0.1, eps=1e-5)`. `x` has the shape
# (N, H, W, C); the four others have one number for each channel. Return three arrays: `(y, running_mean, running_var)`.
#
# - In **training**, each channel is centred by its mean over images, rows and columns, and divided by
#   √(variance + eps). This variance is a sum divided by n, where n counts all numbers of the channel. Then times `gamma`,
#   plus `beta`. The running statistics move towards the batch's by the share `momentum`:
#   new = (1 − momentum) · old + momentum · batch. What the running **variance** moves towards is the batch's sum divided by
#   n − 1, as in PyTorch.
# - In **use**, the running statistics take the place of the batch's, and stay as they are.
#
# On paper first: one channel with the numbers 1 and 3. The mean is 2, the variance 1 (and 2, divided by n − 1). With
# running statistics of 0 and 1 and a momentum of 0.1: what are they afterwards?

# %%
claim(
    "running mean and variance", np.array([0.9 * 0 + 0.1 * 2, 0.9 * 1 + 0.1 * 2]), np.array([0.2, 1.1]), tolerance=1e-12
)


# %% nbgrader={"grade": false, "grade_id": "batch_norm", "locked": false, "schema_version": 3, "solution": true, "task": false}
def batch_norm(x, gamma, beta, running_mean, running_var, training, momentum=0.1, eps=1e-5):
    """Normalised x, and the running statistics after it; three arrays."""
    ### BEGIN SOLUTION
    if not training:
        return gamma * (x - running_mean) / np.sqrt(running_var + eps) + beta, running_mean, running_var
    flat = x.reshape(-1, x.shape[-1])
    centre, square = flat.mean(axis=0), flat.var(axis=0)
    y = gamma * (x - centre) / np.sqrt(square + eps) + beta
    after = (1 - momentum) * running_mean + momentum * centre
    return y, after, (1 - momentum) * running_var + momentum * flat.var(axis=0, ddof=1)
    ### END SOLUTION


# %%
one_channel = np.array([1.0, 3.0]).reshape(2, 1, 1, 1)
answer = batch_norm(one_channel, np.ones(1), np.zeros(1), np.zeros(1), np.ones(1), True)
print(answer and [part.ravel().round(3) for part in answer])

# %% nbgrader={"grade": true, "grade_id": "check-batch_norm", "locked": true, "points": 5, "schema_version": 3, "solution": false, "task": false}
check(questions.batch_norm, batch_norm)

# %% [markdown]
# ## 5. Mixup · 2 points
#
# Write `mixup(images, targets, order, share)`. Image i is mixed with its partner, image `order[i]`: `share` of itself, the
# rest of the partner. The targets, one-hot rows of the shape (N, classes), are mixed alike. Return
# `(images, targets)`.
#
# On paper first: two pictures of one pixel, 8 and 0, of the classes 0 and 1; each is the other's partner; share 0.75.

# %%
claim("the first picture, and its target", np.array([0.75 * 8 + 0.25 * 0, 0.75, 0.25]), np.array([6, 0.75, 0.25]))


# %% nbgrader={"grade": false, "grade_id": "mixup", "locked": false, "schema_version": 3, "solution": true, "task": false}
def mixup(images, targets, order, share):
    """Mixed images and mixed targets."""
    ### BEGIN SOLUTION
    return tuple(share * part + (1 - share) * part[order] for part in (images, targets))
    ### END SOLUTION


# %%
print(mixup(np.array([8.0, 0.0]).reshape(2, 1, 1), np.eye(2), np.array([1, 0]), 0.75))

# %% nbgrader={"grade": true, "grade_id": "check-mixup", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check(questions.mixup, mixup)

# %% [markdown]
# ## 6. CutMix, by the area that is really pasted · 4 points
#
# Write `cutmix(images, targets, order, share, centre)` for images of the shape (N, H, W) or (N, H, W, C).
#
# - The box is `int(H · √(1 − share))` high and `int(W · √(1 − share))` wide. **Half** of each, rounded down, lies on each
#   side of the centre (row, column): rows from `row − half` up to and without `row + half`.
# - What hangs over the border is cut off.
# - Image i gets the pixels of image `order[i]` inside the box.
# - The targets are mixed by the area that the box **really** has, as a share of the picture.
#
# Return `(images, targets)`; the batch that came in stays as it is.
#
# On paper first: 8 × 8 pixels, share 0.75. The box has sides of 4. Around the centre (4, 4) it covers 16 of 64 pixels. And
# around (0, 0)?

# %%
claim("around the corner, pixels that are left of the box", 2 * 2, 4)


# %% nbgrader={"grade": false, "grade_id": "cutmix", "locked": false, "schema_version": 3, "solution": true, "task": false}
def cutmix(images, targets, order, share, centre):
    """Images with a box of their partners, and targets mixed by its area."""
    ### BEGIN SOLUTION
    mixed = np.array(images, dtype=float)
    inside = np.ones(images.shape[1:3], dtype=bool)
    for axis, middle in enumerate(centre):
        places = np.arange(images.shape[axis + 1])
        reach = int(len(places) * np.sqrt(1 - share)) // 2
        along = (places >= middle - reach) & (places < middle + reach)
        inside &= along[:, None] if axis == 0 else along
    mixed[:, inside] = images[order][:, inside]
    return mixed, targets + inside.mean() * (targets[order] - targets)
    ### END SOLUTION


# %%
black_and_white = np.stack([np.zeros((8, 8)), np.ones((8, 8))])
for centre in [(4, 4), (0, 0)]:
    answer = cutmix(black_and_white, np.eye(2), np.array([1, 0]), 0.75, centre)
    print(answer and answer[1])
if answer:
    plots.show(plots.pixels(answer[0][0]), alt="The first picture after CutMix around the corner, as you made it.")

# %% nbgrader={"grade": true, "grade_id": "check-cutmix", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
check(questions.cutmix, cutmix)

# %% [markdown]
# ## 7. What does the ablation show? · 2 points
#
# A table has a row for each trained variant (an *arm*) and a column for each seed. The baseline was trained with the same
# seeds. Write `ablation_gains(baseline, arms)`, with shapes (seeds,) and (arms, seeds). Return an array (arms, 2): the mean
# gain over the baseline, seed by seed, and the standard error of that mean, which is the standard deviation of the gains
# (`ddof=1`) divided by the root of the number of seeds.
#
# On paper first: baseline 0.40 and 0.50, an arm with 0.44 and 0.56. The gains are 0.04 and 0.06. Their mean? Their
# standard error?

# %%
claim(
    "mean gain and its error",
    np.array([(0.04 + 0.06) / 2, np.std([0.04, 0.06], ddof=1) / np.sqrt(2)]),
    np.array([0.05, 0.01]),
    tolerance=1e-12,
)


# %% nbgrader={"grade": false, "grade_id": "ablation_gains", "locked": false, "schema_version": 3, "solution": true, "task": false}
def ablation_gains(baseline, arms):
    """Mean gain and its standard error, one row for each arm."""
    ### BEGIN SOLUTION
    rows = []
    for scores in arms:
        paired = np.asarray(scores) - baseline
        rows.append([np.mean(paired), np.std(paired, ddof=1) / len(paired) ** 0.5])
    return np.array(rows)
    ### END SOLUTION


# %%
print(ablation_gains(np.array([0.40, 0.50]), np.array([[0.44, 0.56]])))

# %% nbgrader={"grade": true, "grade_id": "check-ablation_gains", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check(questions.ablation_gains, ablation_gains)

# %% [markdown]
# ## Your points so far

# %%
summary(questions)
