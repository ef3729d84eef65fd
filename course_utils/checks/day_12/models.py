"""A model under a budget, and what it has learnt.

Models are looked at, never compared. Keras is imported only where one is built, by the mistakes that need one.
"""

from types import MappingProxyType
from typing import Any

import numpy as np

from course_utils import reference
from course_utils.checks.compare import Unreadable
from course_utils.checks.question import Case, Rule, question

BUDGET = 50_000
"""Parameters that the exercise's model may have."""
ACCURACY = MappingProxyType({"sample": 0.6, "smoke": 0.25, "cpu": 0.55, "gpu": 0.7})
"""Accuracy to reach on images that were not trained on: on the sample data, or on real images by profile."""

# --- build_model --------------------------------------------------------------------------------------------------

AUGMENTS = ("Random", "RandAugment", "AugMix", "MixUp", "CutMix")
"""What the names of Keras' augmentation layers begin with."""


def _build_cases(rng: np.random.Generator) -> list[Case]:
    return [Case(images=rng.integers(0, 256, (32, 32, 32, 3)).astype(np.float32)).knowing(budget=BUDGET)]


def _look_at_model(build, images) -> dict[str, Any]:
    """What a freshly built Keras model is like: its size, its kinds of layers, two passes in each mode."""
    model = build()
    if not hasattr(model, "count_params") or not callable(model):
        raise Unreadable(f"build_model returns an object of the type {type(model).__name__}, not a Keras model.")
    return {
        "parameters": int(model.count_params()),
        "layers": [type(layer).__name__ for layer in _all_layers(model)],
        "inference": [model(images, training=False) for _ in range(2)],
        "training": [model(images, training=True) for _ in range(2)],
    }


def _all_layers(layer):
    for inner in getattr(layer, "layers", []):
        yield inner
        yield from _all_layers(inner)


def _is_steady(value, mode) -> bool:
    return np.array_equal(*value[mode])


def _augments(value, **_) -> bool:
    """A layer known to augment, or, for one of the student's own, a random pass that no dropout explains."""
    named = any(name.startswith(AUGMENTS) for name in value["layers"])
    return named or not (_is_steady(value, "training") or any("Dropout" in name for name in value["layers"]))


def _net(shift=0.1, always=False, width=8, classes=10):
    """A small Keras classifier with a random shift inside (None: without one)."""
    import keras
    from keras import layers

    class AlwaysOn(layers.RandomTranslation):
        def call(self, inputs, training=True):
            return super().call(inputs, training=True)

    image = keras.Input((32, 32, 3))
    augment = AlwaysOn if always else layers.RandomTranslation
    x = image if shift is None else augment(shift, shift)(image)
    x = layers.Conv2D(width, 3, strides=4, activation="relu")(layers.Rescaling(1 / 255)(x))
    return keras.Model(image, layers.Dense(classes)(layers.Flatten()(x)))


build_model = question(
    "build_model",
    points=4,
    reference=_net,
    cases=_build_cases,
    observe=_look_at_model,
    rules={
        "The model does not give ten numbers for each image, one for each class.": Rule(
            lambda value, images, **_: value["inference"][0].shape == (len(images), 10), lambda: _net(classes=1)
        ),
        f"The model is over the budget of {BUDGET:,} parameters. Where do they sit? model.summary() tells; a "
        "GlobalAveragePooling2D in place of Flatten saves most.": Rule(
            lambda value, budget, **_: value["parameters"] <= budget, lambda: _net(width=256)
        ),
        "No augmentation stands inside the model. A block of Random… layers that is made and then not put into it does "
        "nothing at all.": Rule(_augments, lambda: _net(shift=None)),
        "Two predictions for the same image differ: the augmentation is also on when the model is used. A layer of "
        "your own has to look at its argument `training`.": Rule(
            lambda value, **_: _is_steady(value, "inference"), lambda: _net(always=True)
        ),
        "Augmentation stands in the model but changes nothing: two passes in training mode are equal.": Rule(
            lambda value, **_: not _is_steady(value, "training"), lambda: _net(shift=0.0)
        ),
    },
    hints={
        "raised": "Build it in the notebook, and pass it two images: build_model()(images[:2]).",
        "type": "Return a Keras model: keras.Sequential([...]) or keras.Model(inputs, outputs).",
        "shape": "Return a Keras model: keras.Sequential([...]) or keras.Model(inputs, outputs).",
    },
)

# --- trained_model ------------------------------------------------------------------------------------------------


def _trained_cases(rng: np.random.Generator, images: np.ndarray, labels: np.ndarray, setting: str) -> list[Case]:
    """images: uint8 (N, 32, 32, 3) that the model was not trained on; labels: (N,); setting: a key of ACCURACY."""
    return [Case(images=images).knowing(labels=np.asarray(labels), accuracy=ACCURACY[setting], budget=BUDGET)]


def _look_at_predictions(model, images) -> dict[str, Any]:
    if not hasattr(model, "count_params") or not hasattr(model, "predict"):
        raise Unreadable(f"This is an object of the type {type(model).__name__}, not a Keras model.")
    return {"parameters": int(model.count_params()), "scores": model.predict(images, batch_size=256, verbose=0)}


def _accuracy(value, labels) -> float:
    return reference.accuracy(labels, value["scores"].argmax(axis=1))


class _StandIn:
    """What the rules look at in a model, without a model: tests need no training."""

    def __init__(self, scores, parameters=1000):
        self.scores, self.parameters = scores, parameters

    def count_params(self):
        return self.parameters

    def predict(self, images, **_):
        return self.scores


def _knows_all(labels, **_):
    return _StandIn(np.eye(10)[labels])


def _knows_some(labels, accuracy, **_):
    known = np.arange(len(labels)) < (accuracy - 0.1) * len(labels)
    return _StandIn(np.eye(10)[np.where(known, labels, (labels + 1) % 10)])


trained_model = question(
    "trained_model",
    points=4,
    kind="object",
    reference=_knows_all,
    cases=_trained_cases,
    observe=_look_at_predictions,
    rules={
        "The model does not give ten numbers for each image, one for each class.": Rule(
            lambda value, images, **_: value["scores"].shape == (len(images), 10),
            lambda images, **_: _StandIn(np.zeros((len(images), 1))),
        ),
        "The predictions are NaN: the training has diverged. Begin with a smaller learning rate.": Rule(
            lambda value, **_: np.isfinite(value["scores"]).all(),
            lambda images, **_: _StandIn(np.full((len(images), 10), np.nan)),
        ),
        "The model says the same class for every image. Are the pixels scaled twice, or not at all? Was it trained?": (
            Rule(
                lambda value, **_: len(np.unique(value["scores"].argmax(axis=1))) > 1,
                lambda images, **_: _StandIn(np.eye(10)[np.full(len(images), 3)]),
            )
        ),
        "The model does no better than guessing. Was it trained, and do images and labels belong together?": Rule(
            lambda value, labels, **_: _accuracy(value, labels) > 0.15,
            lambda labels, **_: _StandIn(np.eye(10)[(labels + 1) % 10]),
        ),
        f"The model is over the budget of {BUDGET:,} parameters.": Rule(
            lambda value, budget, **_: value["parameters"] <= budget,
            lambda labels, budget, **_: _StandIn(np.eye(10)[labels], budget + 1),
        ),
        "The model has learnt something, but is below the accuracy asked for. Look at the curves: if both still rise, "
        "train longer; if training is slow from the start, raise the learning rate; else spend the parameters "
        "elsewhere.": Rule(
            lambda value, labels, accuracy, **_: _accuracy(value, labels) >= accuracy,
            _knows_some,
        ),
    },
    hints={
        "raised": "Does model.predict(images) work, with the images as they come, uint8 from 0 to 255?",
        "type": "Hand over the trained model itself.",
        "shape": "Hand over the trained model itself.",
    },
)
