"""Three examinations: the shapes, the first loss, one batch learnt by heart. Keras is imported where one is built."""

from math import prod
from typing import Any

import numpy as np

from course_utils import reference
from course_utils.checks.question import Case, Rule, question

# --- outputs ------------------------------------------------------------------------------------------------------


def _conv(filters: int, kernel_size: int = 3, padding: str = "valid") -> dict:
    return {"kind": "Conv2D", "filters": filters, "kernel_size": kernel_size, "padding": padding}


def _dense(units: int) -> dict:
    return {"kind": "Dense", "units": units}


_POOL, _FLATTEN = {"kind": "MaxPooling2D"}, {"kind": "Flatten"}


def _stack_cases(rng: np.random.Generator) -> list[Case]:
    a, b, c = (int(n) for n in rng.permutation(np.arange(5, 20))[:3])
    side = int(rng.integers(8, 14)) * 2 + 1
    return [
        Case(stack=[_conv(2), _FLATTEN], input_shape=[6, 6, 1]),
        Case(stack=[_conv(a), _POOL, _FLATTEN, _dense(b)], input_shape=[7, 9, 3]),
        Case(stack=[_conv(a), _dense(b), _FLATTEN], input_shape=[side, side, 3]),
        Case(stack=[_dense(a), _conv(b), _POOL, _dense(c), _FLATTEN], input_shape=[side, side, 3]),
        Case(stack=[_conv(a, 5, "same"), _POOL, _conv(b), _POOL, _dense(c)], input_shape=[side, side + 2, 1]),
        Case(stack=[_conv(a, padding="same"), _POOL, _conv(b), _FLATTEN, _dense(10)], input_shape=[32, 32, 3]),
    ]


def _through(stack, shape, *, dense_flattens=False, always_same=False, rounded_up=False, no_pooling=False):
    """The shape that comes out of a stack: as it is, or as somebody believes."""
    for row in stack:
        if row["kind"] == "Conv2D":
            same = always_same or row["padding"] == "same"
            sides = [n if same else reference.output_size(n, row["kernel_size"]) for n in shape[:2]]
            shape = [*sides, row["filters"]]
        elif row["kind"] == "MaxPooling2D" and not no_pooling:
            shape = [*(-(-n // 2) if rounded_up else n // 2 for n in shape[:2]), shape[2]]
        elif row["kind"] == "Flatten":
            shape = [prod(shape)]
        elif row["kind"] == "Dense":
            shape = [row["units"]] if dense_flattens else [*shape[:-1], row["units"]]
    return shape


outputs = question(
    "outputs",
    points=2,
    reference=lambda stack, input_shape: prod(_through(stack, input_shape)),
    cases=_stack_cases,
    mistakes={
        "Dense does not flatten: it replaces the last axis only, at each place of the map.": (
            lambda stack, input_shape: prod(_through(stack, input_shape, dense_flattens=True))
        ),
        "You return the last axis only. Without Flatten there are as many numbers for each place of the map.": (
            lambda stack, input_shape: _through(stack, input_shape)[-1]
        ),
        "A convolution with padding 'valid' cuts kernel_size − 1 rows and columns; yours keeps them.": (
            lambda stack, input_shape: prod(_through(stack, input_shape, always_same=True))
        ),
        "Pooling by 2 rounds down: an odd last row is left out.": (
            lambda stack, input_shape: prod(_through(stack, input_shape, rounded_up=True))
        ),
        "The pooling layers change nothing in your function; each halves the rows and the columns.": (
            lambda stack, input_shape: prod(_through(stack, input_shape, no_pooling=True))
        ),
    },
    hints={
        "values": "Print the shape after each row, and compare with the column that you write on paper.",
        "type": "Return one whole number.",
        "shape": "Return one whole number.",
    },
)

# --- expected_first_loss ------------------------------------------------------------------------------------------


def _loss_cases(rng: np.random.Generator) -> list[Case]:
    drawn = [int(n) for n in rng.integers(11, 3000, 2)]
    return [Case(n=n, kind=kind) for n in (2, 10, *drawn) for kind in ("softmax", "sigmoid")]


expected_first_loss = question(
    "expected_first_loss",
    points=2,
    reference=lambda n, kind: float(np.log(n if kind == "softmax" else 2)),
    cases=_loss_cases,
    mistakes={
        "Each sigmoid answers yes or no by itself and says 1/2: the mean over them does not depend on n.": (
            lambda n, kind: float(np.log(n))
        ),
        "The losses of the sigmoids are averaged, not added up.": (
            lambda n, kind: float(np.log(n)) if kind == "softmax" else float(n * np.log(2))
        ),
        "You take the logarithm to base 10; cross-entropy takes the natural one, np.log.": (
            lambda n, kind: float(np.log10(n if kind == "softmax" else 2))
        ),
        "You take the logarithm to base 2; cross-entropy takes the natural one, np.log.": (
            lambda n, kind: float(np.log2(n if kind == "softmax" else 2))
        ),
        "That is the probability that an honest beginner gives; the loss is minus its logarithm.": (
            lambda n, kind: 1 / n if kind == "softmax" else 0.5
        ),
    },
    hints={
        "values": "Which probability does a model that knows nothing give to the true answer? The loss is −ln of it.",
        "type": "Return one number.",
        "shape": "Return one number.",
    },
)

# --- one_batch_overfits -------------------------------------------------------------------------------------------

def _batch_cases(rng: np.random.Generator) -> list[Case]:
    """A model that can learn; one whose rate is zero; one with dropout, which behaves otherwise in training."""
    images = rng.random((16, 6, 6, 1)).astype(np.float32)
    labels = rng.permutation(np.arange(16) % 4)
    return [
        Case(images=images, labels=labels, steps=steps, rate=rate, dropout=dropout)
        for steps, rate, dropout in [(40, 0.02, 0.0), (5, 0.0, 0.0), (60, 0.02, 0.8)]
    ]


def _right(model, images, labels) -> float:
    return float(np.mean(np.asarray(model.predict_on_batch(images)).argmax(axis=1) == labels))


def _watched(answer, images, labels, steps, rate, dropout) -> dict[str, Any]:
    """What the answer says of a model, what is true of it afterwards, and how many steps it took."""
    import keras
    from keras import layers

    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((6, 6, 1)), layers.Flatten(), layers.Dense(64, activation="relu")])
    model.add(layers.Dropout(dropout, seed=1))
    model.add(layers.Dense(4, activation="softmax"))
    model.compile(keras.optimizers.Adam(rate), "sparse_categorical_crossentropy", metrics=["accuracy"])
    said = answer(model, images, labels, steps)
    return {
        "said": float(np.asarray(said)),
        "true": _right(model, images, labels),
        "steps": int(np.asarray(model.optimizer.iterations)),
    }


def _by_heart(model, images, labels, steps):
    for _ in range(steps):
        model.train_on_batch(images, labels)
    return _right(model, images, labels)


def _in_small_batches(model, images, labels, steps):
    model.fit(images, labels, batch_size=4, epochs=steps, verbose=0)
    return _right(model, images, labels)


def _last_training_figure(model, images, labels, steps):
    history = model.fit(images, labels, batch_size=len(images), epochs=steps, verbose=0)
    return history.history["accuracy"][-1]


def _loss_instead(model, images, labels, steps):
    model.fit(images, labels, batch_size=len(images), epochs=steps, verbose=0)
    return 1 + model.evaluate(images, labels, verbose=0)[0]


def _once(model, images, labels, steps):
    model.train_on_batch(images, labels)
    return _right(model, images, labels)


one_batch_overfits = question(
    "one_batch_overfits",
    points=3,
    reference=_by_heart,
    cases=_batch_cases,
    observe=_watched,
    rules={
        "Return the share of the batch that the model gets right, a number from 0 to 1.": Rule(
            lambda value, **_: 0 <= value["said"] <= 1, _loss_instead
        ),
        "The model has made too few steps: take `steps` of them, each on the whole batch.": Rule(
            lambda value, steps, **_: value["steps"] >= steps, _once
        ),
        "The model has made more steps than asked for: one step is one update on the whole batch, so give `fit` "
        "batch_size=len(images) and one epoch for each step.": Rule(
            lambda value, steps, **_: value["steps"] <= steps, _in_small_batches
        ),
        "That is not the share that the model gets right afterwards. The figure that `fit` reports was taken in "
        "training mode, with dropout, and before the last step: predict once more when the training is over.": Rule(
            lambda value, **_: abs(value["said"] - value["true"]) < 1e-6, _last_training_figure
        ),
    },
    hints={
        "raised": "Try it in the notebook on a small compiled model, with 16 images.",
        "type": "Return one number: the share of the labels that the largest output agrees with.",
        "shape": "Return one number: the share of the labels that the largest output agrees with.",
    },
)
