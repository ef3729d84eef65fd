# ---
# jupyter:
#   course:
#     budget_s:
#       cpu: 300
#       gpu: 300
#       smoke: 60
#     data:
#     - cifar10
#     day: 11
#     frameworks:
#     - keras
#     minutes: 90
#     title: 'Refactor a broken CNN: exercise'
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
# # Day 11 · Refactor a broken CNN: exercise
#
# Another patient lies here. You make the instruments first, then examine it, write its list, rebuild it, and train it.
#
# Each question has a small example to work out on paper, a cell for your answer, and a check, which you may run as often
# as you like.

# %% tags=["parameters"]
PROFILE = "auto"   # "smoke", "cpu", "gpu", or "auto": gpu where one is visible, else cpu
SEED = 0

# %%
import keras
import numpy as np
from keras import layers

from course_utils import data, plots, profiles
from course_utils.checks import check, summary
from course_utils.checks import day_11 as questions
from course_utils.claims import claim

profile = profiles.start(PROFILE, seed=SEED, frameworks=("keras",))
cifar = data.load("cifar10", profile=profile)
print(cifar.source)


# %% [markdown]
# ## 1. How many numbers come out? · 2 points
#
# Write `outputs(stack, input_shape)`: how many numbers a stack of layers puts out for one image.
#
# - `input_shape`: a list `[height, width, channels]`. `stack`: a list of dictionaries, from the input on:
#   - `{"kind": "Conv2D", "filters": f, "kernel_size": k, "padding": "valid" or "same"}`, stride 1;
#   - `{"kind": "MaxPooling2D"}`, windows of 2 × 2 with stride 2, an odd last row or column left out;
#   - `{"kind": "Flatten"}`; `{"kind": "Dense", "units": n}`.
# - Nothing else occurs. A stack may end in a map: then all its numbers count.
#
# On paper first: pictures of 6 × 6 × 1, a `Conv2D` of 2 filters with kernel 3 and no padding, then `Flatten`. And the same
# with a `Dense(5)` before the `Flatten`?

# %% nbgrader={"grade": false, "grade_id": "outputs", "locked": false, "schema_version": 3, "solution": true, "task": false}
def outputs(stack, input_shape):
    """How many numbers come out for one image: an integer."""
    ### BEGIN SOLUTION
    shape = list(input_shape)
    for row in stack:
        if row["kind"] == "Conv2D":
            cut = row["kernel_size"] - 1 if row["padding"] == "valid" else 0
            shape = [shape[0] - cut, shape[1] - cut, row["filters"]]
        elif row["kind"] == "MaxPooling2D":
            shape = [shape[0] // 2, shape[1] // 2, shape[2]]
        elif row["kind"] == "Flatten":
            shape = [int(np.prod(shape))]
        else:
            shape[-1] = row["units"]
    return int(np.prod(shape))
    ### END SOLUTION


# %%
conv = {"kind": "Conv2D", "filters": 2, "kernel_size": 3, "padding": "valid"}
print(outputs([conv, {"kind": "Flatten"}], [6, 6, 1]))
print(outputs([conv, {"kind": "Dense", "units": 5}, {"kind": "Flatten"}], [6, 6, 1]))

# %% nbgrader={"grade": true, "grade_id": "check-outputs", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check(questions.outputs, outputs)


# %% [markdown]
# ## 2. Where must the loss begin? · 2 points
#
# Write `expected_first_loss(n, kind)`: the mean loss of an untrained model that has no opinion.
#
# - `kind="softmax"`: `n` classes, one of them right; the loss is the cross-entropy.
# - `kind="sigmoid"`: `n` questions, each answered yes or no by a sigmoid of its own, which says 1/2 at first; the loss is
#   the binary cross-entropy, **averaged** over the questions.
#
# On paper first: two classes under softmax, and one yes-or-no question. Which loss begins higher?

# %% nbgrader={"grade": false, "grade_id": "expected_first_loss", "locked": false, "schema_version": 3, "solution": true, "task": false}
def expected_first_loss(n, kind):
    """Loss in nats of a model without an opinion."""
    ### BEGIN SOLUTION
    return np.log(n) if kind == "softmax" else np.log(2)
    ### END SOLUTION


# %%
print(expected_first_loss(2, "softmax"), expected_first_loss(1, "sigmoid"))

# %% nbgrader={"grade": true, "grade_id": "check-expected_first_loss", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check(questions.expected_first_loss, expected_first_loss)


# %% [markdown]
# ## 3. One batch by heart · 3 points
#
# Write `one_batch_overfits(model, images, labels, steps)`.
#
# - `model` is a compiled Keras model that gives one number for each class; `images` and `labels` are **one** batch.
# - Train it for `steps` updates, each on the whole batch. Then return the share of the batch that it gets right **in use**, a
#   number from 0 to 1.
#
# On paper first: 16 images, `fit(..., batch_size=4, epochs=10)`. How many updates are that?

# %% nbgrader={"grade": false, "grade_id": "one_batch_overfits", "locked": false, "schema_version": 3, "solution": true, "task": false}
def one_batch_overfits(model, images, labels, steps):
    """Share of the batch that the model gets right after `steps` updates on it."""
    ### BEGIN SOLUTION
    for _ in range(steps):
        model.train_on_batch(images, labels)
    scores = model.predict(images, batch_size=len(images), verbose=0)
    return float(np.mean(scores.argmax(axis=1) == labels))
    ### END SOLUTION


# %%
pupil = keras.Sequential([keras.Input((4,)), layers.Dense(16, activation="relu"), layers.Dense(3, activation="softmax")])
pupil.compile(keras.optimizers.Adam(0.05), "sparse_categorical_crossentropy")
points = np.random.default_rng(SEED).normal(size=(9, 4)).astype("float32")
print(one_batch_overfits(pupil, points, np.arange(9) % 3, steps=100))

# %% nbgrader={"grade": true, "grade_id": "check-one_batch_overfits", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
check(questions.one_batch_overfits, one_batch_overfits)

# %% [markdown]
# ## The patient
#
# A colleague sends this recipe. It runs without an error and learns next to nothing. The arrays hold CIFAR-10: ten classes,
# pixels from 0 to 255, labels from 0 to 9. **The training images lie sorted by class**: first all of class 0, then all of
# class 1, and so on.
#
# ```python
# inputs = images.astype("float32")                                          # A
# model = keras.Sequential([
#     keras.Input((32, 32, 3)),
#     layers.Conv2D(32, 3, padding="same", activation="relu"),               # B
#     layers.MaxPooling2D(),                                                 # C
#     layers.Conv2D(64, 3, padding="same", activation="softmax"),            # D
#     layers.MaxPooling2D(),                                                 # E
#     layers.Flatten(),                                                      # F
#     layers.Dense(128),                                                     # G
#     layers.Dropout(0.95),                                                  # H
#     layers.Dense(100, activation="softmax"),                               # I
# ])
# model.compile(
#     optimizer=keras.optimizers.Adam(learning_rate=0.5),                    # J
#     loss="sparse_categorical_crossentropy",                                # K
# )
# model.fit(
#     inputs, labels,
#     validation_data=(test_images, test_labels),                            # L
#     callbacks=[keras.callbacks.EarlyStopping(monitor="loss", patience=5)], # M
#     batch_size=64,                                                         # N
#     shuffle=False,                                                         # O
# )
# ```
#
# Use your instruments on it if you like: build it here, count its outputs, take its first loss, give it one batch.

# %% [markdown]
# ## 4. Which rows of the model are faulty? · 2 points
#
# Give each of the rows A to I one of the words that the cell prints. Most words are needed once at most, and some not at all.

# %%
print(*questions.FAULTS, sep="\n")

# %% nbgrader={"grade": false, "grade_id": "model_faults", "locked": false, "schema_version": 3, "solution": true, "task": false}
model_faults = {"A": None, "B": None, "C": None, "D": None, "E": None, "F": None, "G": None, "H": None, "I": None}
### BEGIN SOLUTION
model_faults = {
    "A": "not scaled",
    "B": "sound",
    "C": "sound",
    "D": "wrong activation",
    "E": "sound",
    "F": "sound",
    "G": "no activation",
    "H": "drops too much",
    "I": "wrong number of outputs",
}
### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "check-model_faults", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check(questions.model_faults, model_faults)

# %% [markdown]
# ## 5. And which of its training? · 2 points
#
# The same for the rows J to O, with the same words.

# %% nbgrader={"grade": false, "grade_id": "setup_faults", "locked": false, "schema_version": 3, "solution": true, "task": false}
setup_faults = {"J": None, "K": None, "L": None, "M": None, "N": None, "O": None}
### BEGIN SOLUTION
setup_faults = {
    "J": "step too large",
    "K": "sound",
    "L": "test images used",
    "M": "watches the wrong loss",
    "N": "sound",
    "O": "not shuffled",
}
### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "check-setup_faults", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check(questions.setup_faults, setup_faults)

# %% [markdown]
# ## 6. Why does it hurt? · 2 points
#
# A list of faults convinces nobody without reasons. Give each fault, those that this patient does not have included, the
# letter of its reason. One reason is left over.

# %%
for letter, reason in questions.REASONS.items():
    print(f"{letter}  {reason}")

# %% nbgrader={"grade": false, "grade_id": "reasons", "locked": false, "schema_version": 3, "solution": true, "task": false}
reasons = dict.fromkeys(questions.FAULTS[1:])  # to each fault its letter
### BEGIN SOLUTION
reasons = {
    "not scaled": "b",
    "sees no neighbours": "k",
    "wrong activation": "e",
    "no activation": "a",
    "drops too much": "i",
    "wrong number of outputs": "g",
    "step too large": "h",
    "loss and labels do not match": "l",
    "test images used": "f",
    "watches the wrong loss": "d",
    "batches too small": "m",
    "not shuffled": "c",
}
### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "check-reasons", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check(questions.reasons, reasons)

# %% [markdown]
# ## 7. What mends it? · 2 points
#
# And the letter of its fix. One fix serves two faults; two serve none.

# %%
for letter, fix in questions.FIXES.items():
    print(f"{letter}  {fix}")

# %% nbgrader={"grade": false, "grade_id": "fixes", "locked": false, "schema_version": 3, "solution": true, "task": false}
fixes = dict.fromkeys(questions.FAULTS[1:])  # to each fault its letter
### BEGIN SOLUTION
fixes = {
    "not scaled": "r",
    "sees no neighbours": "n",
    "wrong activation": "q",
    "no activation": "q",
    "drops too much": "v",
    "wrong number of outputs": "s",
    "step too large": "w",
    "loss and labels do not match": "o",
    "test images used": "t",
    "watches the wrong loss": "x",
    "batches too small": "z",
    "not shuffled": "u",
}
### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "check-fixes", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check(questions.fixes, fixes)


# %% [markdown]
# ## 8. Rebuild it · 4 points
#
# Write `build_fixed_model()`, which returns a Keras model, not yet trained.
#
# - Input: images of shape (32, 32, 3) **as they come**, 0 to 255; scaling is the model's own work.
# - Two or three blocks of convolution and pooling, ReLU (or a relative of it) in every hidden layer, the maps given up
#   before the first dense layer, dropout somewhere, ten outputs: a softmax, or logits.
# - At most `questions.BUDGET` parameters. One layer after the other, of Keras' own kinds: the model is rebuilt from its
#   layers and weights to be looked at.
#
# On paper first: what must its first loss be?

# %% nbgrader={"grade": false, "grade_id": "build_fixed_model", "locked": false, "schema_version": 3, "solution": true, "task": false}
def build_fixed_model():
    """An untrained Keras model: images 0 … 255 in, ten numbers out."""
    ### BEGIN SOLUTION
    rows = [keras.Input((32, 32, 3)), layers.Rescaling(1 / 255)]
    for filters in (32, 64, 64):
        rows += [layers.Conv2D(filters, 3, padding="same", activation="relu"), layers.MaxPooling2D()]
    rows += [layers.Flatten(), layers.Dense(96, activation="relu"), layers.Dropout(0.4)]
    return keras.Sequential([*rows, layers.Dense(10, activation="softmax")])
    ### END SOLUTION


# %%
model = build_fixed_model()
if model is not None:
    model.summary()

# %% nbgrader={"grade": true, "grade_id": "check-build_fixed_model", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
check(questions.build_fixed_model, build_fixed_model)


# %% [markdown]
# ## 9. Set up its training · 3 points
#
# Write `train(model, images, labels, validation, epochs)`: compile the model, fit it, return what `fit` returns.
#
# - `validation` is a pair (images, labels), cut off beforehand. The labels are integers.
# - A rate of the usual size, early stopping that watches a figure of the validation images, and the best weights kept.
# - Does your model end in a softmax or in logits? The loss has to know.
#
# On paper first: the colleague's early stopping watches `loss`. When would it have stopped?

# %% nbgrader={"grade": false, "grade_id": "train", "locked": false, "schema_version": 3, "solution": true, "task": false}
def train(model, images, labels, validation, epochs):
    """Compile and fit `model`; what `fit` returns."""
    ### BEGIN SOLUTION
    model.compile(
        optimizer=keras.optimizers.Adam(1e-3),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    stop = keras.callbacks.EarlyStopping(monitor="val_loss", patience=4, restore_best_weights=True)
    return model.fit(
        images, labels, batch_size=32, epochs=epochs, validation_data=validation, callbacks=[stop], verbose=2
    )
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-train", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
check(questions.train, train)

# %% [markdown]
# ## 10. Does it learn? · 3 points
#
# Now train it. Before the long run, two of your instruments: the first loss and one batch. If they disagree with you, stop
# here.

# %%
amount = profile.pick(smoke=1200, cpu=15_000, gpu=45_000)
epochs = profile.pick(smoke=8, cpu=8, gpu=30)
training, validation = cifar.train.subset(min(amount, len(cifar.train.labels)), seed=SEED), cifar.validation
setting = "sample" if cifar.is_sample else profile.name
print(f"{len(training.labels):,} images to train on, {len(validation.labels):,} to validate on, {epochs} epochs")
print(f"accuracy asked for: {questions.ACCURACY[setting]:.0%}")

# %%
history = None
if model is not None:
    history = train(model, training.images, training.labels, (validation.images, validation.labels), epochs)
if history is not None:
    curves = plots.curves(history.history, caption=cifar.caption)
    plots.show(curves, alt="Loss and accuracy after each epoch, for training and validation images.")

# %% nbgrader={"grade": true, "grade_id": "check-trained_model", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
trained_model = None if history is None else model
check(questions.trained_model, trained_model, images=validation.images, labels=validation.labels, setting=setting)

# %% [markdown]
# ## Before and after
#
# The loss of a model without an opinion, and what yours has come to:

# %%
claim("first loss of ten classes", np.log(10), 2.30, tolerance=0.005)
if history is not None:
    print(f"smallest validation loss of your model: {min(history.history['val_loss']):.2f}")

# %% [markdown]
# ## Your points so far

# %%
summary(questions)
