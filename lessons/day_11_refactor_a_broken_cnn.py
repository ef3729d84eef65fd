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
#     - torch
#     minutes: 90
#     title: Refactor a broken CNN
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
# # Day 11: Refactor a broken CNN
#
# **It builds, it trains, nothing complains, and it learns nothing. Where do you look first?**
#
# After this day you can (in brackets: the question of the exercise that asks for it)
#
# 1. read a model from input to output, and name the row in which it goes wrong [1];
# 2. say what the loss of an untrained classifier must be, and what it means when it is not [2];
# 3. find out in a minute whether a model can learn anything at all [3];
# 4. write the list that a colleague needs: fault, reason, fix [4 to 7];
# 5. rebuild the model and its training, one change at a time, each change measured [8, 9].
#
# **Time** about 90 minutes, of which the machine trains a few. **You need** shapes and pooling (Days 2 to 4), softmax
# and cross-entropy (Day 6), why sigmoids fade (Day 7), learning rates (Day 8), the training loop with its validation
# images and callbacks (Day 9), dropout (Day 10).

# %% tags=["parameters"]
PROFILE = "auto"  # "smoke", "cpu", "gpu", or "auto": gpu where one is visible, else cpu
SEED = 0

# %%
import inspect
import time
from itertools import pairwise

import keras
import matplotlib.pyplot as plt
import numpy as np
import torch
from keras import layers
from torch import nn

from course_utils import data, layouts, plots, profiles
from course_utils.claims import claim, result
from course_utils.ledger import ledger

profile = profiles.start(PROFILE, seed=SEED, frameworks=("keras", "torch"))
cifar = data.load("cifar10", profile=profile)
rounding = 1e-4 if profile.name != "gpu" else 2e-2  # a GPU may round what it multiplies to 10 bits (TF32)
print(cifar.source)

# %% [markdown] topics=["T1"]
# ## The idea: five examinations, the cheap ones first
#
# A doctor does not begin with surgery. She takes the pulse first, because it costs ten seconds and rules out a lot. A
# model that learns nothing is examined in the same way. Each step below costs more than the one before it, and each
# answers a question of its own.

# %%
stations = {
    "0  data\nlook at it": (0, 0),
    "1  shapes\nrow by row": (2.2, 0),
    "2  first loss\nagainst ln C": (4.4, 0),
    "3  one batch\nlearnt by heart": (6.6, 0),
    "4  answers\none by one": (8.8, 0),
    "5  one change\nand measure": (11, 0),
}
names = list(stations)
notes = dict(zip(names, ["seconds", "seconds", "seconds", "a minute", "a minute", "minutes each"], strict=True))
fig = plots.boxes(stations, list(pairwise(names)), notes=notes)
plots.show(
    fig,
    alt="Six boxes in a row, joined by arrows: data, shapes, first loss, one batch, answers, one change. Below them "
    "what each costs: seconds for the first three, about a minute for the next two, minutes for each change.",
)

# %% [markdown]
# Step 0 comes before any model. Look at what goes in: the pictures, their range, the labels beside them.

# %%
train, validation = cifar.train, cifar.validation
pictures = train.images[:12]
fig, axes = plt.subplots(2, 6, figsize=(9, 3.4))
for ax, picture, label in zip(axes.flat, pictures, train.labels, strict=False):
    plots.image(picture, cifar.class_names[label], ax)
fig.supxlabel(cifar.caption, fontsize=9)
plots.show(fig, alt="Twelve small colour pictures, each with the name of its class above it.")
print("pixels", train.images.dtype, train.images.min(), "to", train.images.max(), "· labels", np.unique(train.labels))
claim("classes", len(np.unique(train.labels)), 10)
claim("largest pixel: nobody has scaled them yet", int(train.images.max()) > 200, True)


# %% [markdown]
# The data are well. Keep the last line in mind.
#
# ## The patient
#
# This is a whole recipe, as you may find it on the web: model, compilation, training. Read it before you go on.
# **Before you run:** how many faults do you see? Will Keras object to any of them?

# %%
def broken_recipe():
    keras.utils.set_random_seed(SEED)
    model = keras.Sequential(
        [
            keras.Input((32, 32, 3)),
            layers.Dense(32, activation="sigmoid"),
            layers.Conv2D(32, 3, activation="sigmoid"),
            layers.MaxPooling2D(),
            layers.Dense(128, activation="sigmoid"),
            layers.Dense(10, activation="relu"),
            layers.Flatten(),
        ]
    )
    model.compile(keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


amount = profile.pick(smoke=480, cpu=6_400, gpu=20_000)  # images of a short run
epochs = 2  # of a short run
few = train.subset(amount, seed=SEED)

broken = broken_recipe()
broken_history = broken.fit(
    few.images.astype("float32"),
    few.labels,
    epochs=epochs,
    validation_data=(cifar.test.images.astype("float32"), cifar.test.labels),
    verbose=2,
)

# %% [markdown] topics=["T2"]
# No error, no warning. A loss is printed, and it even moves. The accuracy is that of a guess, or worse:

# %%
broken_accuracy = broken_history.history["val_accuracy"][-1]
result("broken_recipe_accuracy", broken_accuracy, "%")
claim("no better than guessing", broken_accuracy, lambda a: a < 0.2)

# %% [markdown]
# At this point many people train longer, or add layers. Neither can help here, as you will see. Examine it instead.
#
# ## Examination 1: the shapes, by hand
#
# Begin at the input and write down what comes out of each row. Two rules are enough, and one surprise.
#
# - A convolution without padding cuts `k − 1` rows and columns; pooling by 2 halves them, rounded down (Days 3 and 4).
# - `Dense(n)` replaces the **last axis**, whatever stands before it, by `n` numbers.
#
# The second rule is the surprise. On a picture the last axis is the colour. So `Dense` mixes the colours of each
# pixel, with the same weights at every pixel, and looks at no neighbour. **Before you run:** which operation of Day 2
# is that?

# %%
rng = np.random.default_rng(SEED)
pixels = rng.random((4, 5, 3)).astype("float32")  # 4 rows, 5 columns, 3 colours
weights, bias = rng.normal(size=(3, 2)).astype("float32"), np.array([0.1, -0.2], "float32")

by_hand = pixels @ weights + bias  # (4, 5, 2)

dense, pointwise = layers.Dense(2), layers.Conv2D(2, 1)
for layer, kernel in ((dense, weights), (pointwise, weights.reshape(1, 1, 3, 2))):
    layer.build((1, 4, 5, 3))
    layer.set_weights([kernel, bias])
as_dense = keras.ops.convert_to_numpy(dense(pixels[None]))[0]
as_convolution = keras.ops.convert_to_numpy(pointwise(pixels[None]))[0]

in_torch = nn.Conv2d(3, 2, kernel_size=1)
with torch.no_grad():
    in_torch.weight.copy_(layouts.kernels_to_torch(weights.reshape(1, 1, 3, 2)))
    in_torch.bias.copy_(torch.from_numpy(bias))
    as_torch = layouts.from_torch(in_torch(layouts.to_torch(pixels[None])))[0]

claim("Dense on a picture, by hand in NumPy", as_dense, by_hand, tolerance=rounding)
claim("a 1 × 1 convolution in Keras", as_convolution, by_hand, tolerance=rounding)
claim("a 1 × 1 convolution in PyTorch", as_torch, by_hand, tolerance=rounding)

# %% [markdown]
# So a dense layer on a picture is a 1 × 1 convolution. That is why the recipe builds. Now the whole column, on paper
# first. Where do ten outputs become something else?
#
# | row | what comes out |
# |---|---|
# | input | 32 × 32 × 3 |
# | Dense(32) | 32 × 32 × 32: another last axis |
# | Conv2D(32, 3) | 30 × 30 × 32: two less |
# | MaxPooling2D | 15 × 15 × 32 |
# | Dense(128) | 15 × 15 × 128 |
# | Dense(10) | 15 × 15 × 10: ten numbers *at each of 225 places* |
# | Flatten | ? |

# %%
print(ledger(broken))
claim("outputs", broken.output_shape[-1], 15 * 15 * 10, source="T63")
claim("in figures", 15 * 15 * 10, 2250, source="T63")

# %% [markdown]
# **2,250 outputs for ten classes.** `Flatten` stands at the end instead of before the dense layers. Look at the column
# of the receptive field as well: no output sees more than a few pixels of the picture.
#
# Why did nobody complain? The labels are the integers 0 to 9, and the loss is *sparse*: it takes output number `label`
# and never asks how many others there are. With one-hot labels, ten columns meet 2,250, and Keras says so at once:

# %%
strict = keras.models.clone_model(broken)
strict.compile("adam", "categorical_crossentropy")
try:
    strict.fit(few.images[:32].astype("float32"), np.eye(10)[few.labels[:32]], verbose=0)
    said = ""
except ValueError as error:
    said = str(error).splitlines()[0]
print("Keras:", said)
claim("one-hot labels are refused", said != "", True, source="T63")

# %% [markdown]
# PyTorch's `CrossEntropyLoss` takes integers too, and is silent too:

# %%
torch_loss = nn.CrossEntropyLoss()(torch.zeros(4, 2250), torch.tensor([3, 1, 4, 1]))
claim("loss of 2,250 equal outputs", float(torch_loss), np.log(2250), tolerance=1e-4)

# %% [markdown]
# ## Examination 2: the first loss
#
# That number leads to the second examination. Before training, a classifier knows nothing. If it says so honestly, each
# of $C$ classes gets the probability $1/C$, and the cross-entropy (Day 6) is
#
# $$ -\ln \frac{1}{C} = \ln C. $$
#
# **Before you run:** what is it for ten classes? For 2,250 outputs?

# %%
claim("ln 10", np.log(10), 2.30, tolerance=0.005, source="T19")
claim("ln 2250", np.log(2250), 7.72, tolerance=0.005)

# %% [markdown]
# So the loss of a fresh ten-class model has to start near 2.3. If it starts near 7.7, count the outputs. If it starts
# somewhere else, the outputs are not honest: they are very sure of something before they have seen anything.
#
# Our patient has one more complaint of this kind. Its last activation is ReLU. The loss expects probabilities. It takes
# what it gets, divides by the sum, and keeps the result away from zero by a tiny number, $10^{-7}$. ReLU makes exact
# zeros. By hand: three outputs 0, 0.25, 0.75, and the true class is the first one. Its probability is lifted from 0
# to $10^{-7}$, so the loss is

# %%
tiny = keras.config.epsilon()
by_hand = -np.log(tiny)
by_keras = keras.losses.sparse_categorical_crossentropy(np.array([0]), np.array([[0.0, 0.25, 0.75]], "float32"))
claim("the tiny number of Keras", tiny, 1e-7)
claim("loss by hand", by_hand, 16.12, tolerance=0.005)
claim("the same by Keras", float(by_keras[0]), by_hand, tolerance=0.01)


# %% [markdown]
# An exact zero also has no slope (Day 6): where the right output is 0, nothing pulls it up again. Now take the pulse.
# The first loss of the patient, before any training:

# %%
def first_loss(model, images, labels):
    """Mean loss of a model on some images, without training it."""
    return float(model.compute_loss(y=labels, y_pred=model(images)))


probe = few.images[:256].astype("float32"), few.labels[:256]
at_start = first_loss(broken_recipe(), *probe)
result("broken_first_loss", at_start)
claim("far from ln 10, and not ln 2250 either", at_start, lambda loss: loss > 9)


# %% [markdown]
# Not 2.3, not 7.7. Two illnesses at once: too many outputs, and outputs that are no probabilities.
#
# ## Examination 3: one batch, learnt by heart
#
# Take 32 pictures and train on them alone, again and again. A sound classifier with a hundred thousand weights learns
# 32 labels by heart in no time. This proves nothing about other pictures. But if a model **cannot** do even this, then no
# amount of data or patience will help it, and you know it after seconds.

# %%
def accuracy(model, images, labels):
    """Share of the images whose largest output is the right one."""
    return float(np.mean(keras.ops.convert_to_numpy(model(images)).argmax(axis=-1) == labels))


def learns_by_heart(model, images, labels, passes):
    """Train on one batch only; the share of it that the model then gets right."""
    for _ in range(passes):
        model.train_on_batch(images, labels)
    return accuracy(model, images, labels)


passes = profile.pick(smoke=50, cpu=120, gpu=120)
unseen = validation.images[:1000].astype("float32"), validation.labels[:1000]
batch = few.images[:32].astype("float32"), few.labels[:32]
by_heart = learns_by_heart(broken_recipe(), *batch, passes)
result("broken_one_batch", by_heart, "%")
claim("it cannot learn 32 labels by heart", by_heart, lambda share: share < 0.5)

# %% [markdown]
# ## Examination 4: what does it say?
#
# Look at the answers, not only at their score. **Before you run:** a model with 2,250 outputs may name any of them. What
# does ours say after its training?

# %%
answers = broken.predict(validation.images[:500].astype("float32"), verbose=0).argmax(axis=-1)
named, times = np.unique(answers, return_counts=True)
order = np.argsort(times)[::-1]
for answer, count in zip(named[order][:5], times[order][:5], strict=True):
    name = cifar.class_names[answer] if answer < 10 else "no class at all"
    print(f"output {answer:4}: {count:3} of 500 pictures ({name})")
result("different_answers", len(named))

# %% [markdown]
# Whatever stands there in your run, it is not the mixture of ten classes that the pictures are. If it is one answer
# for everything, the outputs have died: all are equal, and `argmax` names the first. Then the loss stands still at
# ln 2250, and the accuracy at exactly the share of class 0.
#
# ## The list
#
# Seven faults stand in the model and its compilation, three more in the call of `fit`. Read the recipe once more, row by
# row, and compare with your own count:
#
# | | fault | why it hurts | fix |
# |---|---|---|---|
# | 1 | pixels 0 … 255 go in unscaled | the first sums are huge; sigmoids saturate | `Rescaling(1/255)` in the model |
# | 2 | `Dense` before the convolution | a 1 × 1 convolution: sees no neighbours, costs time | convolutions first |
# | 3 | sigmoid in hidden layers | its slope is at most 1/4, so gradients fade (Day 7) | ReLU |
# | 4 | ReLU at the output | the loss wants probabilities; zeros have no slope | softmax, or logits with `from_logits=True` |
# | 5 | `Flatten` at the end | 2,250 outputs, which a sparse loss does not notice | flatten before the dense layers |
# | 6 | Adam with rate 0.01 | steps ten times the usual size | 0.001 to begin with (Day 8) |
# | 7 | a single convolution | sees 4 × 4 pixels, and leaves a huge dense layer | two or three blocks |
# | 8 | the test images are the validation images | every choice is fitted to them; nothing is left to report | split the training images |
# | 9 | no early stopping, the last weights stay | the best epoch is thrown away | `EarlyStopping(restore_best_weights=True)` |
# | 10 | nothing against overfitting | with time it learns its pictures by heart (Day 10) | dropout |
#
# The next cell writes the recipe with switches, one for each of the first seven. `left` says which faults are still in.

# %%
FAULTS = ("unscaled", "dense first", "sigmoid", "ReLU output", "flatten last", "rate 0.01", "one block")


def build(left):
    """The recipe with the faults named in `left`; without any it is the repaired one."""
    hidden = "sigmoid" if "sigmoid" in left else "relu"
    model = keras.Sequential([keras.Input((32, 32, 3))])
    if "unscaled" not in left:
        model.add(layers.Rescaling(1 / 255))
    if "dense first" in left:
        model.add(layers.Dense(32, activation=hidden))
    for filters in (32,) if "one block" in left else (32, 64, 128):
        model.add(layers.Conv2D(filters, 3, activation=hidden))
        model.add(layers.MaxPooling2D())
    if "flatten last" not in left:
        model.add(layers.Flatten())
    model.add(layers.Dense(128, activation=hidden))
    model.add(layers.Dense(10, activation="relu" if "ReLU output" in left else "softmax"))
    if "flatten last" in left:
        model.add(layers.Flatten())
    rate = 0.01 if "rate 0.01" in left else 0.001
    model.compile(keras.optimizers.Adam(rate), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


claim("with all seven it is the patient", build(FAULTS).count_params(), broken.count_params())


# %% [markdown] topics=["T10"]
# ## Examination 5: one change at a time
#
# Now the repair. One fault is removed, everything else stays, and the examinations are repeated: first loss, one batch,
# accuracy after a short training. Then the next fault.
#
# **Before you run:** seven repairs, seven measurements of the accuracy. Draw the curve that you expect. Does it climb
# step by step?

# %%
def examine(left):
    """First loss, share of one batch learnt by heart, validation accuracy after a short training."""
    keras.utils.set_random_seed(SEED)
    model = build(left)
    model.optimizer.build(model.trainable_variables)
    variables = [*model.variables, *model.optimizer.variables]
    fresh = [np.copy(keras.ops.convert_to_numpy(variable)) for variable in variables]
    loss = first_loss(model, *probe)
    heart = learns_by_heart(model, *batch, passes)
    for variable, value in zip(variables, fresh, strict=True):  # as if it had never learnt that batch
        variable.assign(value)
    model.fit(few.images.astype("float32"), few.labels, epochs=epochs, verbose=0)
    return loss, heart, accuracy(model, *unseen)


ladder = [("as found", examine(FAULTS))]
for repaired in range(1, len(FAULTS) + 1):
    ladder.append((f"− {FAULTS[repaired - 1]}", examine(FAULTS[repaired:])))
print(f"{'':15} first loss   one batch   accuracy")
for name, (loss, heart, score) in ladder:
    print(f"{name:15} {loss:10.2f}   {heart:9.0%}   {score:8.1%}")

# %%
steps, (losses, hearts, accuracies) = [name for name, _ in ladder], zip(*[row for _, row in ladder], strict=True)
fig, axes = plt.subplots(1, 2, figsize=(10, 4.2), sharey=True)
for ax, values, label, lines in (
    (axes[0], losses, "first loss (nats)", {"ln 10": np.log(10), "ln 2250": np.log(2250)}),
    (axes[1], accuracies, "accuracy on validation images", {"a guess": 0.1}),
):
    ax.plot(values, range(len(steps)), "o-", color=plots.COLOURS[0])
    for name, x in lines.items():
        ax.axvline(x, color=plots.INK, linestyle=":")
        ax.text(x, -0.75, name, ha="center")
    ax.set(xlabel=label, xlim=(-0.02 * max(values), None), ylim=(len(steps) - 0.5, -0.5))
fig.supxlabel(cifar.caption, fontsize=9)
axes[0].set(yticks=range(len(steps)), yticklabels=steps, ylabel="repair, from top to bottom")
plots.show(
    fig,
    alt="Two columns of eight points, one for each repair from top to bottom. Left, the first loss: far above both marks "
    "at the beginning, at ln 2250 once the output is a softmax, at ln 10 once Flatten is in its place. Right, the "
    "accuracy: near or below a guess for the first four repairs, then far above it.",
)

# %%
softmax_in, flatten_in = FAULTS.index("ReLU output") + 1, FAULTS.index("flatten last") + 1
claim("with a softmax at the end the first loss is about ln 2250", losses[softmax_in], np.log(2250), tolerance=0.4)
claim("with Flatten in its place it is about ln 10", losses[flatten_in], np.log(10), tolerance=0.3)
claim("accuracy after the first four repairs: a guess", max(accuracies[:5]), lambda a: a < 0.25)
claim("the repaired model learns one batch by heart", hearts[-1], lambda share: share > 0.9)
claim("its accuracy is far above that of the patient", accuracies[-1] - accuracies[0], lambda gain: gain > 0.1)
for name, value in zip(("as_found", *FAULTS), accuracies, strict=True):
    result(f"accuracy_after_{name.replace(' ', '_').replace('.', '_')}", value, "%")

# %% [markdown]
# The accuracy does not climb step by step. Through four repairs it lies flat, at a guess or below, and rises only when the
# last fault is gone that kept the *output* from working. Whoever watches the accuracy alone repairs four faults, sees
# nothing, and takes the repairs back.
#
# The first loss tells more. It moves as soon as the output is repaired, to ln 2250, and again when the number of outputs
# is right. That is why the examinations are separate: **each looks at one link of the chain**, and the accuracy only at
# the whole chain.
#
# ## Which fault is fatal?
#
# Now the other way round. Take the repaired model and put **one** fault back. **Before you run:** which single fault
# does the most harm? Which one the least?

# %%
put_back = profile.pick(smoke=("unscaled", "ReLU output", "rate 0.01"), cpu=FAULTS[:6], gpu=FAULTS[:6])
alone = {fault: examine((fault,)) for fault in put_back}
names = ["none", *put_back]
values = [accuracies[-1], *(alone[fault][2] for fault in names[1:])]
fig = plots.bars(names, values, label="accuracy on validation images after a short training", unit="%", accent="none", caption=cifar.caption)
fig.axes[0].axvline(10, color=plots.INK, linestyle=":")
plots.show(
    fig,
    alt="Bars of accuracy for the repaired model and for the same model with one fault put back. ReLU at the output "
    "leaves no more than a guess.",
)
for fault, (_, _, score) in alone.items():
    result(f"only_{fault.replace(' ', '_').replace('.', '_')}", score, "%")
claim("first loss with unscaled pixels: far from ln 10", alone["unscaled"][0] - np.log(10), lambda excess: excess > 2)
claim("first loss with ReLU at the output: far from ln 10", alone["ReLU output"][0] - np.log(10), lambda e: e > 2)
claim("first loss with the rate too high: as it should be", alone["rate 0.01"][0], np.log(10), tolerance=0.3)


# %% [markdown]
# Three things to take from it.
#
# - **One fatal fault is enough.** A single one of them brings the accuracy down to a guess, or close to it.
# - **The ugliest row does little harm.** `Dense` before the convolutions looks most wrong, and is a 1 × 1 convolution. On the
#   real photographs it costs time and hardly any accuracy (see the recorded figures). A fault list without measurements
#   would have put it on top.
# - **The first loss cannot see everything.** It finds unscaled pixels and a wrong output. It is perfectly well with a
#   learning rate that is too high, because no step has been taken yet.
#
# ## Rebuild it
#
# The recipe once more, with all ten repairs. Two things deserve a word. The convolutions are padded, so that the maps end
# at 4 × 4 and not at 2 × 2. And a validation pile is cut from the *training* images, so that the test images stay out.

# %%
def repaired_recipe(filters=(32, 64, 128)):
    keras.utils.set_random_seed(SEED)
    model = keras.Sequential([keras.Input((32, 32, 3))])
    model.add(layers.Rescaling(1 / 255))
    for n in filters:
        model.add(layers.Conv2D(n, 3, padding="same", activation="relu"))
        model.add(layers.MaxPooling2D())
    model.add(layers.Flatten())
    model.add(layers.Dense(128, activation="relu"))
    model.add(layers.Dropout(0.3))
    model.add(layers.Dense(10, activation="softmax"))
    model.compile(keras.optimizers.Adam(0.001), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


repaired = repaired_recipe()
print(ledger(repaired))
claim("outputs", repaired.output_shape[-1], 10)
claim("first loss", first_loss(repaired, *probe), np.log(10), tolerance=0.3)
claim("one batch by heart", learns_by_heart(repaired_recipe(), *batch, passes), lambda share: share > 0.9)

# %% [markdown]
# Examined and sound. Only now does it get the long training, with a validation pile, early stopping, and the best weights.
# Beside it runs the model with a *single* block, the last row of the ladder but one. In the short training it was hardly
# worse, or even ahead. **Before you run:** will it stay so?

# %%
long_amount, long_epochs = profile.pick(smoke=960, cpu=30_000, gpu=45_000), profile.pick(smoke=6, cpu=5, gpu=20)
many = train.subset(long_amount, seed=SEED)
stop = {"monitor": "val_loss", "patience": 3, "restore_best_weights": True}
histories, seconds = {}, {}
for name, filters in {"three blocks": (32, 64, 128), "one block": (32,)}.items():
    start, model = time.perf_counter(), repaired_recipe(filters)
    histories[name] = model.fit(
        many.images,
        many.labels,
        batch_size=64,
        epochs=long_epochs,
        validation_data=(validation.images, validation.labels),
        callbacks=[keras.callbacks.EarlyStopping(**stop)],
        verbose=0,
    ).history
    seconds[name] = time.perf_counter() - start
    best = int(np.argmin(histories[name]["val_loss"]))
    key = name.replace(" ", "_")
    result(f"{key}_accuracy", histories[name]["val_accuracy"][best], "%")
    result(f"{key}_seconds", seconds[name], "s")
    result(f"{key}_parameters", model.count_params())
fig = plots.curves(
    {name: history["val_accuracy"] for name, history in histories.items()},
    ylabel="accuracy on validation images",
    caption=cifar.caption,
)
plots.show(fig, alt="Validation accuracy after each epoch for the model with three blocks and for the one with one block.")
longest = histories["three blocks"]["val_accuracy"]
claim("repaired, the recipe learns", max(longest) - broken_accuracy, lambda gain: gain > 0.2)

# %% [markdown]
# Compare the recorded figures of the two. The single block has most of its weights in one dense layer, which learns
# quickly and then levels off. Three blocks begin slowly and end higher. **A short run prefers what learns fast, not what
# ends well**: choose between sound models by a run of the length that you mean to use.
#
# And one fault was never seen by any examination. The recipe validated on the test images: the curves look the same, and
# the score would too. Nothing but reading the call of `fit` finds it. Day 12 measures how much such a score flatters.
#
# ## Try it yourself: fault finder

# %%
from course_utils.widgets import FaultFinder

FaultFinder()

# %% [markdown] tags=["explorer"]
# **Explorer: fault finder.** A recipe row by row, with its shapes. Mark what looks wrong, reveal the faults, repair them.
# Two things to try:
#
# 1. *Where do ten outputs become 2,250?* Read the shapes from the input down, mark the rows that you suspect, and reveal.
#    Which of the faults did you miss, and which sound row did you accuse?
# 2. *Which repair moves the first loss?* Repair one row at a time from the top, and watch the expected first loss. Then draw
#    another broken model and do it without the list of today.

# %% [markdown] topics=["T4"]
# ## What texts get wrong
#
# A widely read lesson hands its students a broken CNN much like ours, and explains the repair. Most of the explanation is
# right. Some of it is not.
#
# **"Dense layers need one-dimensional input, so the model cannot work before Flatten."** It can, and does: you have seen
# it build and train. `Dense` works on the last axis of whatever it gets, which is what makes this fault so quiet:

# %%
shape = layers.Dense(7)(np.zeros((2, 32, 32, 3), "float32")).shape
claim("a dense layer on two pictures gives", tuple(shape), (2, 32, 32, 7), source="F40")

# %% [markdown]
# **"Always Flatten before Dense."** Something has to give up the map. It need not be `Flatten`: global average pooling
# (Day 4) does it with one number for each feature map, and is the usual choice today. **Before you run:** how many
# parameters has the dense layer after each?

# %%
costs = {}
for between in (layers.Flatten(), layers.GlobalAveragePooling2D()):
    head = keras.Sequential([keras.Input((4, 4, 128)), between, layers.Dense(10)])
    costs[type(between).__name__] = head.count_params()
print(costs)
claim("Dense(10) after each", list(costs.values()), [20_490, 1_290], source="M94")

# %% [markdown]
# **"CNN layers need an input of fixed size."** `Flatten` followed by `Dense` does. Convolutions do not:

# %%
free = keras.Sequential(
    [keras.Input((None, None, 3)), layers.Conv2D(8, 3), layers.GlobalAveragePooling2D(), layers.Dense(10)]
)
for side in ((32, 32), (50, 50), (33, 71)):
    claim(f"outputs for {side[0]} × {side[1]}", tuple(free(np.zeros((1, *side, 3), "float32")).shape), (1, 10), source="M93")

# %% [markdown]
# **"`EarlyStopping(patience=5)` keeps the best model."** Not by default. It stops, and leaves the weights of the *last*
# epoch, five after the best one:

# %%
default = inspect.signature(keras.callbacks.EarlyStopping).parameters["restore_best_weights"].default
claim("restore_best_weights, if you do not ask for it", default, False, source="M13")

# %% [markdown]
# That lesson loads training and test images only. So its `val_loss` can come from nowhere but the test images: fault 8 of
# our list.
#
# **"Dividing by 255 keeps large features from dominating, and makes pixels equal."** All pixels share one range already,
# so none dominates. What the division changes is the *scale*: the same random weights meet inputs 255 times as large.
# **Before you run:** how does that show in the first loss of the repaired model?

# %%
scales = {}
for scale in (1 / 255, 1):
    keras.utils.set_random_seed(SEED)
    model = build(("unscaled",))
    scales[scale] = first_loss(model, probe[0] * np.float32(scale), probe[1])
    print(f"pixels times {scale:.4f}: first loss {scales[scale]:.2f}")
claim("scaled: about ln 10", scales[1 / 255], np.log(10), tolerance=0.3, source="M77")
claim("unscaled: far above", scales[1] - scales[1 / 255], lambda excess: excess > 2, source="M77")

# %% [markdown]
# **"Over-sample or under-sample rare classes during preprocessing."** *When* matters. Copy images first and split
# afterwards, and copies of one picture stand on both sides. Ten rare pictures, copied ten times each, then a tenth drawn
# for validation. **Before you run:** how many of the rare pictures in validation are in training too?

# %%
copies = np.repeat(np.arange(10), 10)  # which picture each copy shows
drawn = np.random.default_rng(SEED).permutation(len(copies))
in_validation, in_training = copies[drawn[:10]], copies[drawn[10:]]
leaked = float(np.mean(np.isin(in_validation, in_training)))
claim("of the validation copies are in training as well", leaked, 1.0, source="M14")

# %% [markdown]
# **`input_shape=` on the first layer.** An old form; it works, with a warning. Write `keras.Input` (O10).
#
# **What the texts get right.** The patient does build, and a sparse loss does train it silently (T63). Plotting training
# and validation curves does show over- and underfitting (T64). And dropout does what they say in training: it sets a random
# part of its inputs to zero, at each step another one (T70). In use it does nothing:

# %%
dropout = layers.Dropout(0.3, seed=SEED)
ones = np.ones((1, 10_000), "float32")
zeros = float(np.mean(keras.ops.convert_to_numpy(dropout(ones, training=True)) == 0))
claim("share of zeros in training", zeros, 0.3, tolerance=0.03, source="T70")
claim("in use", keras.ops.convert_to_numpy(dropout(ones, training=False)), ones, source="T70")

# %% [markdown]
# ## Pitfalls
#
# | symptom | cause | fix |
# |---|---|---|
# | No error, accuracy of a guess, more outputs than classes | `Flatten` at the end, under a sparse loss | print the output shape; flatten before the dense layers |
# | The loss starts at ln of another number | that many outputs | count them in the last row of the ledger |
# | The loss starts far above ln C | unscaled pixels, or outputs that are no probabilities | scale; softmax, or logits with `from_logits=True` |
# | The loss stands still at exactly ln C, one answer for all | dead outputs, or a rate so high that the layers died | softmax at the end; a tenth of the rate |
# | One batch cannot be learnt by heart | a fault in the model, the loss or the rate; never a lack of data | examine rows and loss; do not train longer |
# | One batch is learnt, validation stays at a guess | labels and images do not belong together, or validation is prepared differently | look at pictures with their labels on both sides |
# | Four repairs, no effect | a fatal fault is left | measure what each repair should change, not only the accuracy |
# | A smaller model seems better | the run was short | compare at the length that you will use |
# | A fine score that nobody can reproduce | chosen on the test images | a validation pile from the training images |
#
# ## Recap
#
# 1. Examine from cheap to expensive: data, shapes, first loss, one batch, predictions; then one change at a time.
# 2. A sparse loss accepts any number of outputs. Only the shapes, or a first loss that is not $\ln C$, give it away.
# 3. A model that cannot learn one batch by heart is broken; more data or time will not help it.
# 4. Several faults hide each other: the accuracy stays at a guess while one fatal fault is left.
# 5. Some faults no measurement of the model can show. Test images used for validation are found by reading.
#
# ### Further reading
#
# - Karpathy, *A Recipe for Training Neural Networks* (2019): the first loss, one batch, and patience.
# - Glorot & Bengio, *Understanding the difficulty of training deep feedforward neural networks* (2010): why hidden
#   sigmoids saturate.
# - Zhang et al., *Understanding deep learning requires rethinking generalization* (2017): networks learn even random
#   labels by heart.
# - Sculley et al., *Hidden Technical Debt in Machine Learning Systems* (2015): faults that live outside the model.
#
# **Now you:** [the exercise of Day 11](../exercises/day_11_refactor_a_broken_cnn.py). Another patient waits there: you
# examine it, write its list, rebuild it and train it.
