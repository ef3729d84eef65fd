# ---
# jupyter:
#   course:
#     budget_s:
#       cpu: 300
#       gpu: 300
#       smoke: 60
#     data: []
#     day: 9
#     digest: f657e9443343991a
#     frameworks:
#     - torch
#     generated_from: solutions/day_09_the_training_loop.py
#     minutes: 90
#     title: 'The training loop: exercise'
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
# # Day 9 · The training loop: exercise
#
# You write the loop that you will use for the rest of the course: an epoch of training, one of validation, a reason to stop, a
# checkpoint. In between you look at pipelines, and mend one that flatters its model.
#
# Each question has a small example to work out on paper, a cell for your answer, and a check, which you may run as often as you
# like.

# %% tags=["parameters"]
PROFILE = "auto"  # "smoke", "cpu", "gpu", or "auto": gpu where one is visible, else cpu
SEED = 0

# %%
import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from course_utils import profiles
from course_utils.checks import check, summary
from course_utils.checks import day_09 as questions
from course_utils.claims import claim

profile = profiles.start(PROFILE, seed=SEED, frameworks=("torch",))


# %% [markdown]
# ## 1. The loss of an epoch · 2 points
#
# Write `epoch_loss(batch_losses, n, batch_size)`: the mean loss of `n` images.
#
# - `batch_losses`: an array with the mean loss of each batch, in order.
# - Each batch holds `batch_size` images; the last holds what is left.
#
# On paper first: five images in batches of 2, with the mean losses 1, 1 and 4. The mean of the three numbers is 2. What is the
# mean over the five images?

# %% nbgrader={"grade": false, "grade_id": "epoch_loss", "locked": false, "schema_version": 3, "solution": true, "task": false}
def epoch_loss(batch_losses, n, batch_size):
    """Mean loss of the n images: one number."""
    # YOUR CODE HERE
    ...


# %%
print(epoch_loss(np.array([1.0, 1.0, 4.0]), 5, 2))

# %% nbgrader={"grade": true, "grade_id": "check-epoch_loss", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check(questions.epoch_loss, epoch_loss)


# %% [markdown]
# ## 2. An epoch of training · 4 points
#
# Write `train_epoch(model, batches, loss_of, optimiser)` in PyTorch, from memory.
#
# - `batches`: a `DataLoader`; each turn gives a pair (inputs, labels). `loss_of(logits, labels)` is the mean loss of a batch.
# - One step for each batch. The model may have been left in evaluation mode by somebody.
# - Return two plain numbers: the mean loss over all images, and the share of right answers (0 to 1), both as the images were
#   met, before the step that they caused.
#
# On paper first: write the seven lines of the loop without looking, then say of each what happens without it.

# %% nbgrader={"grade": false, "grade_id": "train_epoch", "locked": false, "schema_version": 3, "solution": true, "task": false}
def train_epoch(model, batches, loss_of, optimiser):
    """One epoch of training; (mean loss, accuracy)."""
    # YOUR CODE HERE
    ...


# %% [markdown]
# A small model on small data, to try it. The labels can be learnt: the mean loss should fall from epoch to epoch.

# %%
inputs = torch.randn(90, 4)
small_data = DataLoader(TensorDataset(inputs, (inputs[:, 0] > inputs[:, 1]).long()), batch_size=16, shuffle=True)
small_model = nn.Sequential(nn.BatchNorm1d(4), nn.Linear(4, 2))
small_optimiser = torch.optim.SGD(small_model.parameters(), lr=0.5)
for _ in range(3):
    print(train_epoch(small_model, small_data, nn.CrossEntropyLoss(), small_optimiser))

# %% nbgrader={"grade": true, "grade_id": "check-train_epoch", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
check(questions.train_epoch, train_epoch)


# %% [markdown]
# ## 3. An epoch of validation · 3 points
#
# Write `evaluate(model, batches, loss_of)`: mean loss and share of right answers again, without learning anything.
#
# - The model comes fresh from training. Its answers may not depend on how the images are put into batches, and looking may not
#   change it.
# - PyTorch shall remember nothing for a way back.
#
# On paper first: which three lines of question 2 are gone, which word is another one, and what is new?

# %% nbgrader={"grade": false, "grade_id": "evaluate", "locked": false, "schema_version": 3, "solution": true, "task": false}
def evaluate(model, batches, loss_of):
    """One pass without training; (mean loss, accuracy)."""
    # YOUR CODE HERE
    ...


# %%
print(evaluate(small_model, small_data, nn.CrossEntropyLoss()))

# %% nbgrader={"grade": true, "grade_id": "check-evaluate", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
check(questions.evaluate, evaluate)


# %% [markdown]
# ## 4. Early stopping that keeps the best weights · 3 points
#
# Day 8 asked *when* to stop. Now write the object that a training loop asks after each epoch: a class `EarlyStopping`.
#
# - `EarlyStopping(patience, min_delta=0.0)` makes one.
# - `update(loss, weights)` is called after each epoch with the validation loss and the present weights, a list of arrays. It
#   returns `True` if training should stop now, else `False`.
# - An epoch is better if its loss is below the best so far by more than `min_delta`. Training should stop with the
#   `patience`-th epoch in a row that is not better.
# - `best_weights` are the weights of the best epoch, a list of arrays. Training goes on changing its arrays *in place*.
#
# On paper first: losses 0.9, 0.7, 0.8, 0.75 and a patience of 2. After which epoch does it stop? The weights are one array, which is
# changed in place after each epoch. What does `best_weights` hold at the end if you kept the array itself?

# %% nbgrader={"grade": false, "grade_id": "EarlyStopping", "locked": false, "schema_version": 3, "solution": true, "task": false}
class EarlyStopping:
    """Says when to stop, and keeps the best weights in best_weights."""

    def __init__(self, patience, min_delta=0.0):
        # YOUR CODE HERE
        ...

    def update(self, loss, weights):
        """True if training should stop after this epoch."""
        # YOUR CODE HERE
        ...


# %%
stopper, weights = EarlyStopping(2), [np.zeros(3)]
for epoch, loss in enumerate([0.9, 0.7, 0.8, 0.75], start=1):
    weights[0][:] = epoch
    print(f"epoch {epoch}, loss {loss}: stop? {stopper.update(loss, weights)}")
print("best weights:", getattr(stopper, "best_weights", None))

# %% nbgrader={"grade": true, "grade_id": "check-EarlyStopping", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
check(questions.EarlyStopping, EarlyStopping)

# %% [markdown]
# ## 5. What does the second epoch bring? · 2 points
#
# Six pipelines; the data go through the steps from left to right. "augment" changes each image at random. Compare the second
# epoch with the first. Answer each letter with one word:
#
# - `"order"`: the same pictures in another order;
# - `"pictures"`: newly changed pictures in the same order;
# - `"both"`: new pictures in another order;
# - `"nothing"`: the second epoch is a copy of the first.

# %%
for letter, steps in questions.PIPELINES.items():
    print(f"{letter}: {' → '.join(steps)}")

# %% nbgrader={"grade": false, "grade_id": "second_epoch", "locked": false, "schema_version": 3, "solution": true, "task": false}
second_epoch = {"A": None, "B": None, "C": None, "D": None, "E": None, "F": None}
# YOUR CODE HERE

# %% nbgrader={"grade": true, "grade_id": "check-second_epoch", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check(questions.second_epoch, second_epoch)


# %% [markdown]
# ## 6. Mend a leaking pipeline · 4 points
#
# Forty patients, some with many X-rays. The labels are coin tosses, one for each patient, so there is *nothing to learn*. The pipeline
# below was written in good faith. It mirrors the images for more data, scales them, and holds out a part for validation. Then a
# classifier looks up the most similar training image.

# %%
def leaking(images, labels, groups, fraction, seed):
    """Images (N, H, W), labels (N,), groups (N,): training images and labels, validation images and labels."""
    x = np.concatenate([images, images[:, :, ::-1]]).astype(float)
    y = np.concatenate([labels, labels])
    x = (x - x.mean()) / x.std()
    order = np.random.default_rng(seed).permutation(len(x))
    first = round(fraction * len(x))
    return x[order[first:]], y[order[first:]], x[order[:first]], y[order[:first]]


def nearest_accuracy(train_images, train_labels, val_images, val_labels):
    """Accuracy of the label of the most similar training image."""
    a, b = (part.reshape(len(part), -1) for part in (val_images, train_images))
    distance = (a**2).sum(1)[:, None] - 2 * a @ b.T + (b**2).sum(1)
    return np.mean(train_labels[distance.argmin(axis=1)] == val_labels)


rng = np.random.default_rng(SEED)
patients = np.repeat(np.arange(40), rng.integers(2, 9, 40))
coins = rng.integers(0, 2, 40)[patients]
faces = rng.uniform(60, 190, (40, 8, 8))[patients]
xrays = np.clip(faces + rng.normal(0, 15, faces.shape), 0, 255).astype(np.uint8)
before = [nearest_accuracy(*leaking(xrays, coins, patients, 0.25, seed)) for seed in range(10)]
print(f"{np.mean(before):.0%} of the coins guessed")
claim("with leaks, far more than half of the coins are guessed", np.mean(before) > 0.8, True)


# %% [markdown]
# Find the leaks, then write `prepare(images, labels, groups, fraction, seed)`. It takes and returns the same as `leaking`:
# training images, training labels, validation images, validation labels.
#
# - `images`: uint8 (N, H, W). `groups`: (N,), the patient of each image. Of the **groups**, the share `fraction` (rounded) is held
#   out for validation, drawn at random from `seed`. Same seed, same split.
# - The training part holds its images and their mirrored copies (left to right). The validation part is not augmented.
# - All images are scaled by *one* mean and *one* standard deviation: those of the pixels of the training part.
# - The order within a part is yours; labels go with their images.
#
# On paper first: in which order do the three steps split, mirror, scale have to come?

# %% nbgrader={"grade": false, "grade_id": "prepare", "locked": false, "schema_version": 3, "solution": true, "task": false}
def prepare(images, labels, groups, fraction, seed):
    """Training images, training labels, validation images, validation labels; no leak."""
    # YOUR CODE HERE
    ...


# %%
if prepare(xrays, coins, patients, 0.25, 0) is not None:
    after = [nearest_accuracy(*prepare(xrays, coins, patients, 0.25, seed)) for seed in range(10)]
    print(f"{np.mean(after):.0%} of the coins guessed; there is nothing to learn")

# %% nbgrader={"grade": true, "grade_id": "check-prepare", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
check(questions.prepare, prepare)


# %% [markdown]
# ## 7. A checkpoint · 3 points
#
# Write a class `Checkpoint` from which a killed run can go on, to the last bit.
#
# - `Checkpoint(model, optimiser, schedule, generator)` is made once, before the training. `generator` is the `torch.Generator`
#   that shuffles the images.
# - `save(epoch)` returns a dictionary with all that a run needs after `epoch` epochs. The check writes it to a file with
#   `torch.save` and reads it with `weights_only=True`, so it may hold state dicts, tensors and plain numbers.
# - `load(state)` puts everything back into the four objects (new ones, of another seed) and returns the number of epochs that
#   are done.
#
# On paper first: write the list of what is lost when the power fails.

# %% nbgrader={"grade": false, "grade_id": "Checkpoint", "locked": false, "schema_version": 3, "solution": true, "task": false}
class Checkpoint:
    """Saves and restores a model, its optimiser, schedule and shuffling."""

    def __init__(self, model, optimiser, schedule, generator):
        self.model, self.optimiser, self.schedule, self.generator = model, optimiser, schedule, generator

    def save(self, epoch):
        """All that the run needs to go on: a dictionary."""
        # YOUR CODE HERE
        ...

    def load(self, state):
        """Put everything back; the number of epochs that are done."""
        # YOUR CODE HERE
        ...


# %%
small_schedule = torch.optim.lr_scheduler.StepLR(small_optimiser, step_size=2)
state = Checkpoint(small_model, small_optimiser, small_schedule, torch.Generator()).save(1)
if state is not None:
    print({name: type(entry).__name__ for name, entry in state.items()})

# %% nbgrader={"grade": true, "grade_id": "check-Checkpoint", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
check(questions.Checkpoint, Checkpoint)

# %% [markdown]
# ## Your points so far

# %%
summary(questions)
