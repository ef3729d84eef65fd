# ---
# jupyter:
#   course:
#     budget_s:
#       cpu: 300
#       gpu: 300
#       smoke: 60
#     data:
#     - cifar10
#     day: 12
#     frameworks:
#     - keras
#     minutes: 90
#     title: 'CIFAR-10: exercise'
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
# # Day 12 · CIFAR-10: exercise
#
# You build the way from pictures to an honest number: a split, batches, a small model that augments its own images, its
# training, and a look at what it gets wrong.
#
# Each question has a small example to work out on paper, a cell for your answer, and a check, which you may run as often
# as you like. The test images are not used here at all: every choice is made on the validation images.

# %% tags=["parameters"]
PROFILE = "auto"   # "smoke", "cpu", "gpu", or "auto": gpu where one is visible, else cpu
SEED = 0

# %%
import keras
import numpy as np
from keras import layers

from course_utils import data, plots, profiles
from course_utils.checks import check, summary
from course_utils.checks import day_12 as questions
from course_utils.claims import claim

profile = profiles.start(PROFILE, seed=SEED, frameworks=("keras",))
cifar = data.load("cifar10", profile=profile)
print(cifar.source)


# %% [markdown]
# ## 1. An honest split · 3 points
#
# Write `stratified_split(labels, fraction, seed)`.
#
# - `labels`: (N,) integers. Return two arrays of indices: those for training, then those for validation.
# - Every index is in exactly one of the two. From **each class** the validation part takes `fraction` of its images
#   (rounded), drawn at random.
# - The same `seed` gives the same split, another seed another one.
#
# On paper first: the labels `0 0 0 0 1 1 1 1` and the fraction 0.25. How many images of each class are in the validation
# part? In how many ways can they be drawn? What would "the first quarter" have given?

# %% nbgrader={"grade": false, "grade_id": "stratified_split", "locked": false, "schema_version": 3, "solution": true, "task": false}
def stratified_split(labels, fraction, seed):
    """Indices for training and for validation: two arrays."""
    ### BEGIN SOLUTION
    rng = np.random.default_rng(seed)
    validation = []
    for label in np.unique(labels):
        members = rng.permutation(np.flatnonzero(labels == label))
        validation.extend(members[: round(fraction * len(members))])
    train = np.setdiff1d(np.arange(len(labels)), validation)
    return train, np.array(validation)
    ### END SOLUTION


# %%
print(stratified_split(np.array([0, 0, 0, 0, 1, 1, 1, 1]), 0.25, seed=SEED))

# %% nbgrader={"grade": true, "grade_id": "check-stratified_split", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
check(questions.stratified_split, stratified_split)


# %% [markdown]
# ## 2. One epoch, batch by batch · 3 points
#
# Write `epoch_of_batches(images, labels, batch_size, seed)`.
#
# - `images`: uint8, (N, height, width, 3), values 0 to 255. `labels`: (N,).
# - Return a list of pairs (or `yield` them): the images of a batch as float32 between 0 and 1, and their labels.
# - In one epoch every image comes exactly once, in a random order that depends on `seed`. Each batch holds `batch_size`
#   images; only the last may hold fewer.
#
# On paper first: 12 images in batches of 5. How many batches are there, and how long is the last?

# %% nbgrader={"grade": false, "grade_id": "epoch_of_batches", "locked": false, "schema_version": 3, "solution": true, "task": false}
def epoch_of_batches(images, labels, batch_size, seed):
    """The batches of one epoch: a list of (images, labels)."""
    ### BEGIN SOLUTION
    order = np.random.default_rng(seed).permutation(len(images))
    batches = []
    for start in range(0, len(order), batch_size):
        chosen = order[start : start + batch_size]
        batches.append((images[chosen].astype("float32") / 255, labels[chosen]))
    return batches
    ### END SOLUTION


# %%
batches = epoch_of_batches(np.zeros((12, 2, 2, 3), np.uint8), np.arange(12), 5, seed=SEED)
if batches is not None:
    print([labels.tolist() for _, labels in batches])

# %% nbgrader={"grade": true, "grade_id": "check-epoch_of_batches", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
check(questions.epoch_of_batches, epoch_of_batches)


# %% [markdown]
# ## 3. A small model that augments its own images · 4 points
#
# Write `build_model()`, which returns a Keras model, not yet trained.
#
# - Input: images of shape (32, 32, 3) **as they come**, 0 to 255. Scaling is the model's own work, and so is
#   augmentation: flips or shifts on in training, off when the model is used.
# - Output: ten numbers for each image (logits or probabilities, as you like).
# - It may have at most `questions.BUDGET` parameters, those that are not trained included.
# - Use Keras' own layers, in `keras.Sequential` or `keras.Model(inputs, outputs)`: the model is rebuilt from its layers and
#   weights to be looked at, and a class of your own cannot be.
#
# On paper first: the cell below prints what some layers cost. Where would a `Dense(10)` after `Flatten` of an
# 8×8×64 map stand in this list?

# %%
def cost(layer, shape):
    """How many parameters Keras makes for a layer that reads inputs of this shape."""
    layer.build((None, *shape))
    return layer.count_params()


print(f"budget                          {questions.BUDGET:7,}")
for channels_in, channels_out in [(3, 32), (32, 64), (64, 64), (64, 128)]:
    count = cost(layers.Conv2D(channels_out, 3), (32, 32, channels_in))
    print(f"3×3 convolution, {channels_in:3} → {channels_out:3}      {count:7,}")
print(f"Dense(10) after global pooling  {cost(layers.Dense(10), (64,)):7,}   (64 maps)")


# %% nbgrader={"grade": false, "grade_id": "build_model", "locked": false, "schema_version": 3, "solution": true, "task": false}
def build_model():
    """An untrained Keras model: images 0 … 255 in, ten numbers out."""
    ### BEGIN SOLUTION
    model = keras.Sequential([keras.Input((32, 32, 3)), layers.Rescaling(1 / 255)])
    model.add(layers.RandomFlip("horizontal"))
    model.add(layers.ZeroPadding2D(4))
    model.add(layers.RandomCrop(32, 32))  # a shift of up to 4 pixels; the centre when the model is used
    for filters in (32, 48, 64):
        model.add(layers.Conv2D(filters, 3, padding="same", use_bias=False))
        model.add(layers.BatchNormalization(momentum=0.9))
        model.add(layers.ReLU())
        model.add(layers.MaxPooling2D())
    model.add(layers.GlobalAveragePooling2D())
    model.add(layers.Dense(10))
    return model
    ### END SOLUTION


# %%
model = build_model()
if model is not None:
    model.summary()

# %% nbgrader={"grade": true, "grade_id": "check-build_model", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
check(questions.build_model, build_model)

# %% [markdown]
# ## 4. Train it · 4 points
#
# Write `train(model, images, labels, validation, epochs)`: compile the model, fit it, and return what `fit` returns.
# `validation` is a pair (images, labels). Batch size, optimiser, learning rate and its schedule are yours. The labels are
# integers. Does your model end in logits or in probabilities? The loss has to know.
#
# In grading, `train` runs in the profile `smoke`, on images drawn by code: that makes fewer steps than here. Will every
# layer of your model have settled by then? BatchNormalization keeps the share `momentum` of its averages at each step.
#
# The check asks for the accuracy below, on validation images. To keep the wait short you train on a part of the
# training images. Watch the curves, and change one thing at a time.

# %%
amount = profile.pick(smoke=2000, cpu=20_000, gpu=45_000)
epochs = profile.pick(smoke=20, cpu=8, gpu=30)
training, validation = cifar.train.subset(min(amount, len(cifar.train.labels)), seed=SEED), cifar.validation
setting = "sample" if cifar.is_sample else profile.name
print(f"{len(training.labels):,} images to train on, {len(validation.labels):,} to validate on, {epochs} epochs")
print(f"accuracy asked for: {questions.ACCURACY[setting]:.0%}")


# %% nbgrader={"grade": false, "grade_id": "train", "locked": false, "schema_version": 3, "solution": true, "task": false}
def train(model, images, labels, validation, epochs):
    """Compile and fit `model`; what `fit` returns."""
    ### BEGIN SOLUTION
    batch_size = 64
    steps = epochs * -(-len(images) // batch_size)
    model.compile(
        optimizer=keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(5e-3, steps)),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    return model.fit(
        images, labels, batch_size=batch_size, epochs=epochs, validation_data=validation, verbose=2
    )
    ### END SOLUTION


# %%
history = None
if model is not None:
    history = train(model, training.images, training.labels, (validation.images, validation.labels), epochs)
if history is not None:
    curves = plots.curves(history.history, caption=cifar.caption)
    plots.show(curves, alt="Loss and accuracy after each epoch, for training and validation images.")

# %% nbgrader={"grade": true, "grade_id": "check-trained_model", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
trained_model = None if history is None else model
check(questions.trained_model, trained_model, images=validation.images, labels=validation.labels, setting=setting)


# %% [markdown]
# ## 5. The confusion matrix · 3 points
#
# Write `confusion_matrix(y_true, y_pred, n_classes)`: how often each true class (row) was taken for each class (column).
# Return an integer array (n_classes, n_classes).
#
# On paper first: the true classes are `0 0 1 1`, the predicted ones `0 1 1 1`. Where does the single error stand, right
# above or left below the diagonal?

# %% nbgrader={"grade": false, "grade_id": "confusion_matrix", "locked": false, "schema_version": 3, "solution": true, "task": false}
def confusion_matrix(y_true, y_pred, n_classes):
    """Counts, rows = true class, columns = predicted class; an array (n_classes, n_classes)."""
    ### BEGIN SOLUTION
    counts = np.zeros((n_classes, n_classes), dtype=int)
    for true, predicted in zip(y_true, y_pred, strict=True):
        counts[true, predicted] += 1
    return counts
    ### END SOLUTION


# %%
print(confusion_matrix(np.array([0, 0, 1, 1]), np.array([0, 1, 1, 1]), 2))

# %% nbgrader={"grade": true, "grade_id": "check-confusion_matrix", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
check(questions.confusion_matrix, confusion_matrix)

# %% [markdown]
# ## 6. What is taken for what? · 3 points
#
# Write `top_confusions(matrix, k, class_names)`: the `k` most frequent mistakes of a confusion matrix, the most
# frequent first. Return a list of `(true name, predicted name, count)`. Leave out pairs that never occurred. No two
# counts are equal in the check, so you need no rule for ties.
#
# On paper first: in the matrix below, a cat was taken for a dog 7 times. What is the second most frequent mistake?

# %%
pets = ["cat", "dog", "frog"]
counts = np.array([[80, 7, 1], [5, 90, 0], [2, 3, 95]])
print(counts)
claim("cats taken for dogs", counts[pets.index("cat"), pets.index("dog")], 7)


# %% nbgrader={"grade": false, "grade_id": "top_confusions", "locked": false, "schema_version": 3, "solution": true, "task": false}
def top_confusions(matrix, k, class_names):
    """The k most frequent mistakes: a list of (true name, predicted name, count)."""
    ### BEGIN SOLUTION
    pairs = []
    for i, true in enumerate(class_names):
        for j, predicted in enumerate(class_names):
            if i != j and matrix[i, j] > 0:
                pairs.append((true, predicted, int(matrix[i, j])))
    return sorted(pairs, key=lambda pair: pair[2], reverse=True)[:k]
    ### END SOLUTION


# %%
print(top_confusions(counts, 2, pets))

# %% nbgrader={"grade": true, "grade_id": "check-top_confusions", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
check(questions.top_confusions, top_confusions)

# %% [markdown]
# ## Your model's own errors
#
# With both functions and a trained model, this cell shows what yours confuses. Say first which two classes you expect.

# %%
if trained_model is not None:
    predicted = trained_model.predict(validation.images, batch_size=256, verbose=0).argmax(axis=1)
    own = confusion_matrix(validation.labels, predicted, len(cifar.class_names))
    if own is not None:
        figure = plots.confusion(own, cifar.class_names, caption=cifar.caption)
        plots.show(figure, alt="Confusion matrix of your model on the validation images, as shares of each true class.")
        for true, seen, count in top_confusions(own, 5, cifar.class_names) or []:
            print(f"{true} taken for {seen}: {count}")

# %% [markdown]
# ## Your points so far

# %%
summary(questions)
