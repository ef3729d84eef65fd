"""The patient trained: how it was set up, and what it has learnt. Keras is imported where a model is built."""

from types import MappingProxyType
from typing import Any

import numpy as np

from course_utils import reference
from course_utils.checks.by_heart import model_with_scores
from course_utils.checks.carried import KERAS
from course_utils.checks.question import Case, Rule, question
from course_utils.checks.unseen import unseen_images

ACCURACY = MappingProxyType({"sample": 0.5, "smoke": 0.2, "cpu": 0.5, "gpu": 0.65})
"""Accuracy to reach on images that were not trained on: on the sample data, or on real images by profile."""

# --- train --------------------------------------------------------------------------------------------------------


def _train_cases(rng: np.random.Generator) -> list[Case]:
    def pile(n):
        return rng.integers(0, 256, (n, 32, 32, 3)).astype(np.uint8), rng.integers(0, 10, n)

    images, labels = pile(24)
    seen, known = pile(12)
    return [Case(images=images, labels=labels, seen=seen, known=known)]


def _watched(train, images, labels, seen, known) -> dict[str, Any]:
    """How a training was set up, from a model that writes down what it is asked to do."""
    import keras
    from keras import layers

    asked: dict[str, Any] = {}

    class Watched(keras.Sequential):
        def fit(self, x=None, y=None, **settings):
            asked.update(settings, x=x)
            return super().fit(x, y, **settings)

    small = [layers.Rescaling(1 / 255), layers.Conv2D(4, 3, 4, activation="relu"), layers.Flatten()]
    model = Watched([keras.Input(images.shape[1:]), *small, layers.Dense(10, "softmax")])
    train(model, images, labels, (seen, known), 1)
    stops = [call for call in asked.get("callbacks") or [] if isinstance(call, keras.callbacks.EarlyStopping)]
    given = asked.get("validation_data")
    return {
        "fitted": bool(asked),
        "on_all": asked.get("x") is not None and len(asked["x"]) == len(images),
        "validated": given is not None and np.array_equal(np.asarray(given[0]), seen),
        "shuffled": bool(asked.get("shuffle", True)),
        "optimizer": type(model.optimizer).__name__,
        "rate": float(np.asarray(model.optimizer.learning_rate)),
        "monitors": [stop.monitor for stop in stops],
        "restores": all(stop.restore_best_weights for stop in stops),
    }


def _training(rate=1e-3, monitor="val_loss", restore=True, stop=True, validate=True, shuffle=True, part=None):
    """A function that trains as the settings say."""

    def train(model, images, labels, validation, epochs):
        import keras

        model.compile(keras.optimizers.Adam(rate), "sparse_categorical_crossentropy", metrics=["accuracy"])
        early = keras.callbacks.EarlyStopping(monitor=monitor, patience=3, restore_best_weights=restore)
        return model.fit(
            images[:part],
            labels[:part],
            epochs=epochs,
            validation_data=validation if validate else (images, labels),
            callbacks=[early] if stop else [],
            shuffle=shuffle,
            verbose=0,
        )

    return train


def _only_compiled(model, images, labels, validation, epochs):
    model.compile("adam", "sparse_categorical_crossentropy")
    return {}


train = question(
    "train",
    points=3,
    reference=_training(),
    cases=_train_cases,
    observe=_watched,
    rules={
        "The model was never fitted: call model.fit and return what it returns.": Rule(
            lambda value, **_: value["fitted"], _only_compiled
        ),
        "You train on a part of the images only; the validation pile has been cut off already.": Rule(
            lambda value, **_: value["on_all"], _training(part=8)
        ),
        "The validation images are not those of `validation`: hand that pair over as validation_data.": Rule(
            lambda value, **_: value["validated"], _training(validate=False)
        ),
        "The images are not shuffled between epochs.": Rule(
            lambda value, **_: value["shuffled"], _training(shuffle=False)
        ),
        "The learning rate is not in the usual range: up to 0.01 for Adam and its kin, up to 0.5 for SGD.": Rule(
            lambda value, **_: 1e-5 <= value["rate"] <= (0.5 if value["optimizer"] == "SGD" else 0.01),
            _training(rate=0.5),
        ),
        "Nothing stops the training early: add keras.callbacks.EarlyStopping.": Rule(
            lambda value, **_: bool(value["monitors"]), _training(stop=False)
        ),
        "Early stopping watches a figure of the training images. Let it watch val_loss.": Rule(
            lambda value, **_: all(monitor.startswith("val_") for monitor in value["monitors"]),
            _training(monitor="loss"),
        ),
        "The last weights stay: ask early stopping for restore_best_weights=True.": Rule(
            lambda value, **_: value["restores"], _training(restore=False)
        ),
    },
    hints={
        "raised": "Call it in the notebook with your model, a few images and one epoch.",
        "type": "Write a function train(model, images, labels, validation, epochs).",
        "shape": "Write a function train(model, images, labels, validation, epochs).",
    },
)

# --- trained_model ------------------------------------------------------------------------------------------------


def _trained_cases(rng: np.random.Generator, images: np.ndarray, labels: np.ndarray, setting: str) -> list[Case]:
    """images: uint8 (N, 32, 32, 3) that the model was not trained on; labels: (N,); setting: a key of ACCURACY."""
    return [Case(images=images).knowing(labels=np.asarray(labels), accuracy=ACCURACY[setting])]


def _accuracy(value, labels) -> float:
    return reference.accuracy(labels, value["scores"].argmax(axis=1))


def _knowing(share):
    """A model that knows the true class of this share of the images, and names the next class for the rest."""

    def model(images, labels, **_):
        known = np.arange(len(labels)) < share * len(labels)
        return model_with_scores(images, np.eye(10)[np.where(known, labels, (labels + 1) % 10)])

    return model


trained_model = question(
    "trained_model",
    points=3,
    kind="object",
    reference=_knowing(1.0),
    cases=_trained_cases,
    given=unseen_images,
    carry=KERAS,
    observe=lambda model, images: {"scores": model.predict(images, batch_size=256, verbose=0)},
    rules={
        "The model does not give ten numbers for each image, one for each class.": Rule(
            lambda value, images, **_: value["scores"].shape == (len(images), 10),
            lambda images, **_: model_with_scores(images, np.zeros((len(images), 1))),
        ),
        "The model says the same class for every image. Go back to the examinations: first loss, one batch.": Rule(
            lambda value, **_: len(np.unique(value["scores"].argmax(axis=1))) > 1,
            lambda images, **_: model_with_scores(images, np.eye(10)[np.full(len(images), 3)]),
        ),
        "The model does no better than guessing. Was it trained, and do images and labels belong together?": Rule(
            lambda value, labels, **_: _accuracy(value, labels) > 0.15, _knowing(0.0)
        ),
        "The model has learnt something, but is below the accuracy asked for. Do both curves still rise? Then the "
        "rate is small, or the blocks are narrow.": Rule(
            lambda value, labels, accuracy, **_: _accuracy(value, labels) >= accuracy, _knowing(0.18)
        ),
    },
    hints={
        "raised": "Does model.predict(images) work, with the images as they come, uint8 from 0 to 255?",
        "type": "Hand over the trained model itself, as your build_fixed_model makes it.",
        "shape": "Hand over the trained model itself.",
    },
)
