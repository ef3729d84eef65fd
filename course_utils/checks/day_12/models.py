"""A model under a budget, and what it has learnt.

Models are looked at, never compared, and only after they were carried as data. Keras is imported where one is built.
"""

from types import MappingProxyType
from typing import Any

import numpy as np

from course_utils import reference
from course_utils.checks.by_heart import model_with_scores
from course_utils.checks.carried import KERAS
from course_utils.checks.question import Case, Rule, question
from course_utils.checks.unseen import unseen_images

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
    """A layer known to augment, or a random pass that no dropout explains, such as of GaussianNoise."""
    named = any(name.startswith(AUGMENTS) for name in value["layers"])
    return named or not (_is_steady(value, "training") or any("Dropout" in name for name in value["layers"]))


def _net(shift=0.1, width=8, classes=10):
    """A small Keras classifier with a random shift inside (None: without one)."""
    import keras
    from keras import layers

    image = keras.Input((32, 32, 3))
    x = image if shift is None else layers.RandomTranslation(shift, shift)(image)
    x = layers.Conv2D(width, 3, strides=4, activation="relu")(layers.Rescaling(1 / 255)(x))
    return keras.Model(image, layers.Dense(classes)(layers.Flatten()(x)))


build_model = question(
    "build_model",
    points=4,
    reference=_net,
    cases=_build_cases,
    carry=KERAS,
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
        "Augmentation stands in the model but changes nothing: two passes in training mode are equal.": Rule(
            lambda value, **_: not _is_steady(value, "training"), lambda: _net(shift=0.0)
        ),
    },
    hints={
        "raised": "Build it in the notebook, and pass it two images: build_model()(images[:2]).",
        "type": "Return a Keras model of Keras' own layers: keras.Sequential([...]) or keras.Model(inputs, outputs), "
        "which begins with keras.Input((32, 32, 3)).",
        "shape": "Return a Keras model: keras.Sequential([...]) or keras.Model(inputs, outputs).",
    },
)

# --- trained_model ------------------------------------------------------------------------------------------------


def _trained_cases(rng: np.random.Generator, images: np.ndarray, labels: np.ndarray, setting: str) -> list[Case]:
    """images: uint8 (N, 32, 32, 3) that the model was not trained on; labels: (N,); setting: a key of ACCURACY."""
    return [Case(images=images).knowing(labels=np.asarray(labels), accuracy=ACCURACY[setting], budget=BUDGET)]


def _look_at_predictions(model, images) -> dict[str, Any]:
    return {
        "parameters": int(model.count_params()),
        "scores": model.predict(images, batch_size=256, verbose=0),
        "scores_in_training": model(images[:512], training=True),
    }


def _accuracy(value, labels, mode="scores") -> float:
    return reference.accuracy(labels[: len(value[mode])], value[mode].argmax(axis=1))


def _has_settled(value, labels, accuracy, **_) -> bool:
    """Whether the model is about as good in use as it is with the statistics of a batch."""
    found = _accuracy(value, labels)
    return found >= accuracy or _accuracy(value, labels, "scores_in_training") - found < 0.3


def _unsettled(images, labels, **_):
    from keras import layers

    model = model_with_scores(images, np.eye(10)[labels])
    model.add(normalise := layers.BatchNormalization(center=False, scale=False))
    normalise.set_weights([-10.0 * np.arange(10), np.ones(10)])  # moving averages far from those of any batch
    return model


def _knows_all(images, labels, **_):
    return model_with_scores(images, np.eye(10)[labels])


def _diverged(images, **_):
    model = model_with_scores(images, np.zeros((len(images), 10)))
    model.set_weights([weight * np.nan for weight in model.get_weights()])
    return model


def _knows_some(images, labels, accuracy, **_):
    known = np.arange(len(labels)) < (accuracy - 0.1) * len(labels)
    return model_with_scores(images, np.eye(10)[np.where(known, labels, (labels + 1) % 10)])


trained_model = question(
    "trained_model",
    points=4,
    kind="object",
    reference=_knows_all,
    cases=_trained_cases,
    given=unseen_images,
    carry=KERAS,
    observe=_look_at_predictions,
    rules={
        "The model does not give ten numbers for each image, one for each class.": Rule(
            lambda value, images, **_: value["scores"].shape == (len(images), 10),
            lambda images, **_: model_with_scores(images, np.zeros((len(images), 1))),
        ),
        "The predictions are NaN: the training has diverged. Begin with a smaller learning rate.": Rule(
            lambda value, **_: np.isfinite(value["scores"]).all(),
            _diverged,
        ),
        "In training mode the model is right far more often than in use: the moving averages of BatchNormalization "
        "have not settled. They take several hundred steps; with fewer, give it momentum=0.9.": Rule(
            _has_settled, _unsettled
        ),
        "The model says the same class for every image. Are the pixels scaled twice, or not at all? Was it trained?": (
            Rule(
                lambda value, **_: len(np.unique(value["scores"].argmax(axis=1))) > 1,
                lambda images, **_: model_with_scores(images, np.eye(10)[np.full(len(images), 3)]),
            )
        ),
        "The model does no better than guessing. Was it trained, and do images and labels belong together?": Rule(
            lambda value, labels, **_: _accuracy(value, labels) > 0.15,
            lambda images, labels, **_: model_with_scores(images, np.eye(10)[(labels + 1) % 10]),
        ),
        f"The model is over the budget of {BUDGET:,} parameters.": Rule(
            lambda value, budget, **_: value["parameters"] <= budget,
            lambda images, labels, **_: model_with_scores(images, np.eye(10)[labels], width=20),
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
        "type": "Hand over the trained model itself, as your build_model makes it.",
        "shape": "Hand over the trained model itself.",
    },
)
