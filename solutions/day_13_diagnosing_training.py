# ---
# jupyter:
#   course:
#     budget_s:
#       cpu: 300
#       gpu: 300
#       smoke: 60
#     data: []
#     day: 13
#     frameworks:
#     - torch
#     minutes: 75
#     title: 'Diagnosing training: exercise'
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
# # Day 13 · Diagnosing training: exercise
#
# You build the instruments of a clinic, try each on a patient whose illness you know, and then examine three whose illness you
# do not know.
#
# Each question has a small example to work out on paper, a cell for your answer, and a check, which you may run as often as
# you like.

# %% tags=["parameters"]
PROFILE = "auto"  # "smoke", "cpu", "gpu", or "auto": gpu where one is visible, else cpu
SEED = 0

# %%
import numpy as np
import torch
from sklearn.datasets import load_digits

from course_utils import clinic, plots, profiles
from course_utils.checks import check, summary
from course_utils.checks import day_13 as questions
from course_utils.claims import claim
from course_utils.reference import class_mean_probabilities

profile = profiles.start(PROFILE, seed=SEED, frameworks=("torch",))
torch.set_num_threads(1)  # the net of the clinic is tiny

healthy = clinic.run(seed=SEED)
moment = healthy.moments[0]  # what was recorded at the first step
print({layer: gradient.shape for layer, gradient in moment.gradients.items()})


# %% [markdown]
# ## 1. The gradient-flow report · 3 points
#
# Write `gradient_norms(gradients)`.
#
# - `gradients`: a dictionary, layer → array of any shape, or `None` where a layer has no gradient.
# - Return a dictionary, layer → Euclidean norm of its gradient, all entries together; **0 for a layer without one**. Every
#   layer stands in the report.
#
# On paper first: one layer with the gradient [[3, 0], [0, 4]], and one with `None`.

# %% nbgrader={"grade": false, "grade_id": "gradient_norms", "locked": false, "schema_version": 3, "solution": true, "task": false}
def gradient_norms(gradients):
    """Layer -> norm of its gradient."""
    ### BEGIN SOLUTION
    report = {}
    for layer, gradient in gradients.items():
        report[layer] = 0.0 if gradient is None else np.linalg.norm(np.ravel(gradient))
    return report
    ### END SOLUTION


# %%
print(gradient_norms({"first": np.array([[3.0, 0.0], [0.0, 4.0]]), "second": None}))

# %% nbgrader={"grade": true, "grade_id": "check-gradient_norms", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
check(questions.gradient_norms, gradient_norms)


# %% [markdown]
# ## 2. Dead units · 2 points
#
# Write `dead_shares(activations)`.
#
# - `activations`: a dictionary, layer → array (images, units, places), what comes out of its ReLU. In a convolution the units
#   are the channels, and the places are those of the map; a dense layer has one place.
# - Return a dictionary, layer → share of its units (0 to 1) that are zero for **every** image at **every** place.
#
# On paper first: two images, two units, one place. The first unit gives 0 and 0, the second 0 and 0.3.

# %% nbgrader={"grade": false, "grade_id": "dead_shares", "locked": false, "schema_version": 3, "solution": true, "task": false}
def dead_shares(activations):
    """Layer -> share of dead units."""
    ### BEGIN SOLUTION
    shares = {}
    for layer, values in activations.items():
        ever_on = (values > 0).any(axis=(0, 2))
        shares[layer] = 1 - np.mean(ever_on)
    return shares
    ### END SOLUTION


# %%
print(dead_shares({"dense1": np.array([[[0.0], [0.0]], [[0.0], [0.3]]])}))

# %% nbgrader={"grade": true, "grade_id": "check-dead_shares", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check(questions.dead_shares, dead_shares)


# %% [markdown]
# ## 3. Updates against weights · 3 points
#
# Write `update_ratios(before, after)`.
#
# - `before`, `after`: dictionaries, layer → array of its weights before and after one step.
# - Return a dictionary, layer → norm of what the step changed, divided by the norm of the weights before it.
#
# On paper first: the weights (3, 4) become (−3, −4). What is the ratio, and what would the difference of the two norms say?

# %% nbgrader={"grade": false, "grade_id": "update_ratios", "locked": false, "schema_version": 3, "solution": true, "task": false}
def update_ratios(before, after):
    """Layer -> size of the update, relative to the weights."""
    ### BEGIN SOLUTION
    ratios = {}
    for layer, old in before.items():
        change = np.ravel(after[layer] - old)
        ratios[layer] = np.linalg.norm(change) / np.linalg.norm(np.ravel(old))
    return ratios
    ### END SOLUTION


# %%
print(update_ratios({"dense1": np.array([3.0, 4.0])}, {"dense1": np.array([-3.0, -4.0])}))

# %% nbgrader={"grade": true, "grade_id": "check-update_ratios", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
check(questions.update_ratios, update_ratios)


# %% [markdown]
# ## 4. The NaN hunt · 2 points
#
# Write `first_bad(values)`.
#
# - `values`: a list of arrays, in the order in which they were computed: the input, then what each row puts out.
# - Return the place in the list (0 is the first) of the first array that holds anything but finite numbers. If all numbers
#   are finite, return −1.
#
# On paper first: the input 1000, then its exponential in 64 bits, then that minus itself.

# %% nbgrader={"grade": false, "grade_id": "first_bad", "locked": false, "schema_version": 3, "solution": true, "task": false}
def first_bad(values):
    """Place of the first array with NaN or an infinity."""
    ### BEGIN SOLUTION
    for place, value in enumerate(values):
        if not np.all(np.isfinite(value)):
            return place
    return -1
    ### END SOLUTION


# %%
with np.errstate(all="ignore"):
    numbers = np.array([1000.0])
    print(first_bad([numbers, np.exp(numbers), np.exp(numbers) - np.exp(numbers)]))

# %% nbgrader={"grade": true, "grade_id": "check-first_bad", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check(questions.first_bad, first_bad)

# %% [markdown]
# On a patient: this run ended in NaN. In which row was it born?

# %%
poisoned = clinic.run("NaN pixels", 0.3, seed=SEED).first_bad
rows, values = zip(*poisoned.walk, strict=True)
place = first_bad(list(values))
print("rows:", ", ".join(rows), "· born in:", None if place is None else rows[place])

# %% [markdown]
# ## 5. Judged by strangers · 4 points
#
# Write `out_of_fold(images, labels, folds, classes)`.
#
# - `images`: (N, D), one row for each image. `labels`: (N,), from 0 to `classes` − 1. `folds`: (N,), the number of the fold of
#   each image.
# - Return probabilities, (N, classes). Row i is what a model says of image i that was fitted on the images of **all other folds**.
# - The model is given: `class_mean_probabilities(known_images, known_labels, new_images, classes)` takes the mean image of each
#   class and returns probabilities (M, classes) for M new images; the nearer a mean, the more probable.
#
# On paper first: six images in two folds. Which images may be used to judge the first one?

# %%
known, marks = np.array([[0.0], [2.0]]), np.array([0, 1])
print(class_mean_probabilities(known, marks, np.array([[0.0], [1.0], [2.0]]), classes=2).round(3))


# %% nbgrader={"grade": false, "grade_id": "out_of_fold", "locked": false, "schema_version": 3, "solution": true, "task": false}
def out_of_fold(images, labels, folds, classes):
    """Probabilities (N, classes), each row from a model that has not seen its image."""
    ### BEGIN SOLUTION
    said = np.empty((len(images), classes))
    for number in np.unique(folds):
        here = folds == number
        others = ~here
        said[here] = class_mean_probabilities(images[others], labels[others], images[here], classes)
    return said
    ### END SOLUTION


# %%
line = np.array([[0.0], [2.0], [0.2], [1.8], [0.1], [2.2]])
print(out_of_fold(line, np.array([0, 1, 0, 1, 0, 1]), np.array([0, 0, 0, 1, 1, 1]), 2))

# %% nbgrader={"grade": true, "grade_id": "check-out_of_fold", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
check(questions.out_of_fold, out_of_fold)


# %% [markdown]
# ## 6. The suspects · 3 points
#
# Write `suspects(probabilities, labels, n)`.
#
# - `probabilities`: (N, classes), out of fold; `labels`: (N,), as they were given.
# - A suspect is an image whose most probable class is **not** its label. Its confidence is that largest probability.
# - Return the numbers of the `n` most confident suspects, the most confident first; fewer, if there are fewer.
#
# On paper first: three images with the probabilities (0.9, 0.1), (0.4, 0.6), (0.2, 0.8), all labelled 0, and n = 1.

# %% nbgrader={"grade": false, "grade_id": "suspects", "locked": false, "schema_version": 3, "solution": true, "task": false}
def suspects(probabilities, labels, n):
    """Numbers of the n most confident contradictions."""
    ### BEGIN SOLUTION
    doubtful = np.flatnonzero(np.argmax(probabilities, axis=1) != labels)
    confidence = probabilities[doubtful].max(axis=1)
    order = np.argsort(-confidence, kind="stable")
    return doubtful[order[:n]]
    ### END SOLUTION


# %%
print(suspects(np.array([[0.9, 0.1], [0.4, 0.6], [0.2, 0.8]]), np.array([0, 0, 0]), 1))

# %% nbgrader={"grade": true, "grade_id": "check-suspects", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
check(questions.suspects, suspects)

# %% [markdown]
# Both together, on real digits: 90 labels were changed. How many of your first 20 suspects are among them?

# %%
digits = load_digits()
rng = np.random.default_rng(SEED)
pictures, marks = digits.data / 16, digits.target.copy()
changed = rng.choice(len(marks), 90, replace=False)
marks[changed] = (marks[changed] + rng.integers(1, 10, 90)) % 10
judged = out_of_fold(pictures, marks, rng.integers(0, 5, len(marks)), 10)
listed = None if judged is None else suspects(judged, marks, 20)
if listed is not None:
    print(f"{np.isin(listed, changed).sum()} of the first {len(listed)} suspects were changed")

# %% [markdown]
# ## 7. Three patients · 3 points
#
# Three runs, A, B and C. In each exactly one thing may be wrong, as in the lesson; one of the words below is right for each.
# The cell examines them with your instruments, beside a healthy run. Read the tables **in the order of the flow chart**: what
# goes in, how it is fed and what comes out, what flows and moves. Add measurements of your own where you need them:
# a patient has `images`, `labels`, `validation_images`, `order`, `answers`, `history`, `moments`.

# %%
patients = {"healthy": healthy} | {letter: clinic.unseen(number) for letter, number in questions.UNSEEN.items()}
print("words:", ", ".join(questions.DIAGNOSES), "\n")
fig = plots.curves(
    {name: run.history["loss"] for name, run in patients.items()}, ylabel="loss on training images (nats)"
)
plots.show(fig, alt="Training loss of the healthy run and of the patients A, B and C over six epochs.")


def row_of(report):
    return "no answer yet" if report is None else "  ".join(f"{layer} {value:9.2e}" for layer, value in report.items())


for name, run in patients.items():
    first = run.moments[0]
    counts = np.bincount(run.labels, minlength=10)
    classes_of_neighbours = out_of_fold(run.images.reshape(len(run.images), -1), run.labels, np.arange(len(run.labels)) % 5, 10)
    print(f"{name}: inputs finite {np.isfinite(run.images).all()}, mean {run.images.mean():.2f}, spread {run.images.std():.2f}")
    print(f"  images of each class: {counts.min()} to {counts.max()}; orders of feeding: {len(np.unique(run.order, axis=0))}")
    if classes_of_neighbours is not None:
        agree = np.mean(classes_of_neighbours.argmax(axis=1) == run.labels)
        print(f"  labels that the class means agree with, out of fold: {agree:.0%}")
    twins = len({x.tobytes() for x in run.images} & {x.tobytes() for x in run.validation_images})
    print(f"  twins across the split: {twins}; asked twice, largest difference: {np.ptp(run.answers, axis=0).max():.2g}")
    print(f"  largest distance of the outputs' sums from 1: {np.abs(run.answers[0].sum(axis=1) - 1).max():.2g}")
    print("  gradient norms ", row_of(gradient_norms(first.gradients)))
    print("  dead shares    ", row_of(dead_shares(first.activations)))
    print("  update ratios  ", row_of(update_ratios(first.before, first.after)))

# %% nbgrader={"grade": false, "grade_id": "diagnoses", "locked": false, "schema_version": 3, "solution": true, "task": false}
diagnoses = {"A": None, "B": None, "C": None}
### BEGIN SOLUTION
diagnoses = {"A": "weights too small", "B": "wrong labels", "C": "frozen layers"}
### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "check-diagnoses", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
check(questions.diagnoses, diagnoses)

# %% [markdown]
# ## Before you go
#
# A number to keep: what a ten-class model without an opinion says, in nats. Patient A has not left it.

# %%
claim("ln 10", np.log(10), 2.30, tolerance=0.005)
print(f"loss of patient A after the last epoch: {patients['A'].history['loss'][-1]:.2f}")

# %% [markdown]
# ## Your points so far

# %%
summary(questions)
