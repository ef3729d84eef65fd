# ---
# jupyter:
#   course:
#     budget_s:
#       cpu: 60
#       gpu: 60
#       smoke: 60
#     data: []
#     day: 6
#     digest: e5e95ab623d55f9f
#     frameworks: []
#     generated_from: solutions/day_06_activations_and_losses.py
#     minutes: 80
#     title: 'Activations and losses: exercise'
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
# # Day 6 · Activations and losses: exercise
#
# You look for dead units, and write the three functions at the end of nearly every classifier so that no logit can break
# them: softmax, cross-entropy, and two of its relatives. Then you choose the ends of eight networks, and look for the
# softmax that is one too many.
#
# Each question has a small example that you can work out on paper, a cell for your answer, and a check. Run the check
# as often as you like: it shows the smallest input on which your answer fails, and names the mistake if it knows it.
# Where one known mistake is all that is wrong, the question gives a point.
#
# Use NumPy only. A batch of logits has the shape (N, C): a row for each image, a column for each class.

# %% tags=["parameters"]
PROFILE = "auto"   # "smoke", "cpu", "gpu", or "auto": gpu where one is visible, else cpu
SEED = 0

# %%
import numpy as np

from course_utils import plots, profiles
from course_utils.checks import check, summary
from course_utils.checks import day_06 as questions
from course_utils.claims import claim

profile = profiles.start(PROFILE, seed=SEED)

# %% [markdown]
# ## 1. Dead units · 2 points
#
# Write `dead_units(sums)`. `sums` is what a layer hands to ReLU: of shape (examples, units) for a dense layer, or
# (examples, rows, columns, channels) for a convolution, where a channel counts as one unit. Return the numbers of the
# units that are off, that is zero or less, for every example and at every place. The first unit is number 0.
#
# On paper first: three units and two examples. Which of them are dead?

# %%
sums = np.array([[-1.0, 0.5, 0.0], [-2.0, -3.0, -1.0]])
plots.show(plots.pixels(sums, title="sums: rows are examples, columns are units"), alt=f"The sums {sums.tolist()}.")


# %% nbgrader={"grade": false, "grade_id": "dead_units", "locked": false, "schema_version": 3, "solution": true, "task": false}
def dead_units(sums):
    """Numbers of the units whose sums are never above zero."""
    # YOUR CODE HERE
    ...


# %%
print(dead_units(sums))

# %% nbgrader={"grade": true, "grade_id": "check-dead_units", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check(questions.dead_units, dead_units)

# %% [markdown]
# ## 2. Softmax · 3 points
#
# Write `softmax(logits, temperature=1.0)` for a batch: divide the logits by the temperature, take exponentials, and
# divide each row by its total. Logits may be as large as 1000 or as small as −1000, and nothing may overflow.
#
# On paper first: a row with the logits 1 and 0 at temperature 1. Then a row with 1000 and 999: which of the two rows
# has the larger first probability?

# %%
claim("one logit more is e times the probability", np.exp(1) / (np.exp(1) + 1), 0.731, tolerance=1e-3)


# %% nbgrader={"grade": false, "grade_id": "softmax", "locked": false, "schema_version": 3, "solution": true, "task": false}
def softmax(logits, temperature=1.0):
    """Probabilities, row by row; an array of the shape of the logits."""
    # YOUR CODE HERE
    ...


# %%
print(softmax(np.array([[1.0, 0.0], [1000.0, 999.0], [-1000.0, -999.0]])))

# %% nbgrader={"grade": true, "grade_id": "check-softmax", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
check(questions.softmax, softmax)

# %% [markdown]
# ## 3. Cross-entropy · 4 points
#
# Write `cross_entropy(logits, labels)`: the mean over the images of −log p, where p is the probability that softmax
# gives to the label. `labels` holds whole numbers, of shape (N,). It has to be exact for all logits: a mistake of 1000
# costs 1000, not infinity and not 16. So no probability may be formed on the way.
#
# On paper first: two images with two classes. Logits 0 and 0, label 1: log 2. Logits 0 and 1000, label 0: what is the
# logarithm of $e^0 + e^{1000}$, nearly? So what is the loss of the second image, and of the batch?

# %%
claim("log(1 + e to the 30) is nearly", np.log(1 + np.exp(30.0)), 30.0, tolerance=1e-9)


# %% nbgrader={"grade": false, "grade_id": "cross_entropy", "locked": false, "schema_version": 3, "solution": true, "task": false}
def cross_entropy(logits, labels):
    """Mean of −log softmax(logits) at the labels; a number."""
    # YOUR CODE HERE
    ...


# %%
print(cross_entropy(np.array([[0.0, 0.0], [0.0, 1000.0]]), np.array([1, 0])))
print("ten classes, before the first step:", cross_entropy(np.zeros((5, 10)), np.arange(5)))

# %% nbgrader={"grade": true, "grade_id": "check-cross_entropy", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
check(questions.cross_entropy, cross_entropy)

# %% [markdown]
# ## 4. Which end? · 2 points
#
# Eight tasks. What comes after the last layer: `"softmax"` over its outputs, a `"sigmoid"` on each output by itself, or
# `"none"` at all? The loss follows from it: cross-entropy, binary cross-entropy, or a distance of numbers.

# %%
for letter, task in questions.TASKS.items():
    print(letter, task)

# %% nbgrader={"grade": false, "grade_id": "ends", "locked": false, "schema_version": 3, "solution": true, "task": false}
# One of "softmax", "sigmoid", "none" for each.
ends = {"A": None, "B": None, "C": None, "D": None, "E": None, "F": None, "G": None, "H": None}
# YOUR CODE HERE

# %% nbgrader={"grade": true, "grade_id": "check-ends", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check(questions.ends, ends)

# %% [markdown]
# ## 5. Smoothed labels · 3 points
#
# Write `smoothed_cross_entropy(logits, labels, smoothing)`. The target of an image is no longer 1 for its label and 0 for
# the rest: the label keeps `1 - smoothing`, and `smoothing` is shared by all C classes alike, the label among them. The
# loss of an image is −Σ target · log p, summed over the classes; return the mean over the images. Large logits again.
#
# On paper first: four classes, `smoothing` 0.2, label 0. Write down the four targets, and check that they add up to 1.

# %%
claim("the targets add up to", round((1 - 0.2 + 0.2 / 4) + 3 * (0.2 / 4), 12), 1.0)


# %% nbgrader={"grade": false, "grade_id": "smoothed_cross_entropy", "locked": false, "schema_version": 3, "solution": true, "task": false}
def smoothed_cross_entropy(logits, labels, smoothing):
    """Mean cross-entropy with smoothed targets; a number."""
    # YOUR CODE HERE
    ...


# %%
sure_and_right = np.array([[20.0, 0.0, 0.0, 0.0]])
for smoothing in (0.0, 0.1, 0.2):
    print(smoothing, smoothed_cross_entropy(sure_and_right, np.array([0]), smoothing))

# %% nbgrader={"grade": true, "grade_id": "check-smoothed_cross_entropy", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
check(questions.smoothed_cross_entropy, smoothed_cross_entropy)

# %% [markdown]
# ## 6. Focal loss · 4 points
#
# Write `focal_loss(logits, labels, gamma, alpha)` for yes-or-no questions: one logit and one label, 1 or 0, for each
# example, both of shape (N,). With p the sigmoid of the logit, let p_t be p for a yes and 1 − p for a no. The loss of an
# example is
#
# weight · (1 − p_t)^gamma · (−log p_t), where the weight is `alpha` for a yes and `1 - alpha` for a no.
#
# Return the mean. Here, too, logits may be ±1000. What helps: for a yes, −log p_t = log(1 + e^(−z)), and for a no
# log(1 + e^z). `np.logaddexp(0, x)` is log(1 + e^x) for an x of any size.
#
# On paper first: a yes with p = 0.9, gamma 2, alpha 0.25. And a no with the same p: how many times as much?

# %%
yes, no = 0.25 * (1 - 0.9) ** 2 * -np.log(0.9), 0.75 * (1 - 0.1) ** 2 * -np.log(0.1)
print(f"yes {yes:.6f}, no {no:.4f}")


# %% nbgrader={"grade": false, "grade_id": "focal_loss", "locked": false, "schema_version": 3, "solution": true, "task": false}
def focal_loss(logits, labels, gamma, alpha):
    """Mean focal loss of yes-or-no questions; a number."""
    # YOUR CODE HERE
    ...


# %%
logit = np.log(0.9 / 0.1)  # its sigmoid is 0.9
print(focal_loss(np.array([logit]), np.array([1]), 2.0, 0.25), focal_loss(np.array([logit]), np.array([0]), 2.0, 0.25))

# %% nbgrader={"grade": true, "grade_id": "check-focal_loss", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
check(questions.focal_loss, focal_loss)

# %% [markdown]
# ## 7. Find the softmax that is one too many · 3 points
#
# A last layer without a bend gives logits `z`. Eight programmers wrote their loss. In which line is the softmax (in H: the
# sigmoid) applied as often as it should be, in which once too often, in which not at all? `labels` are whole numbers,
# `one_hot` the same as rows; where Keras computes, its backend is TensorFlow.
#
# On paper first: with ten classes, what is the smallest loss that B can ever reach? A perfect network hands it a 1 and
# nine 0.

# %%
claim("the floor of B with ten classes", -np.log(np.e / (np.e + 9)), 1.461, tolerance=1e-3)
for letter, line in questions.FRAGMENTS.items():
    print(letter, line)

# %% nbgrader={"grade": false, "grade_id": "softmaxes", "locked": false, "schema_version": 3, "solution": true, "task": false}
# One of "right", "twice", "missing" for each. A combination that changes nothing is right.
softmaxes = {"A": None, "B": None, "C": None, "D": None, "E": None, "F": None, "G": None, "H": None}
# YOUR CODE HERE

# %% nbgrader={"grade": true, "grade_id": "check-softmaxes", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
check(questions.softmaxes, softmaxes)

# %% [markdown]
# ## Your points so far

# %%
summary(questions)
