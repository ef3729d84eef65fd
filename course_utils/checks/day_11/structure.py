"""The patient rebuilt: one rule for each fault that may be left. Keras is imported where a model is built."""

from typing import Any

import numpy as np

from course_utils.checks.carried import KERAS
from course_utils.checks.question import Case, Rule, question

BUDGET = 500_000
"""Parameters that the rebuilt model may have."""

# --- build_fixed_model --------------------------------------------------------------------------------------------

BENDING = ("relu", "leaky_relu", "relu6", "elu", "selu", "gelu", "silu", "swish", "mish", "hard_silu", "hard_swish")
"""Activations for hidden layers that do not saturate on both sides."""


def _build_cases(rng: np.random.Generator) -> list[Case]:
    images = rng.integers(0, 256, (64, 32, 32, 3)).astype(np.float32)
    return [Case(images=images).knowing(labels=np.arange(64) % 10, budget=BUDGET)]


def _rows(model) -> list[dict]:
    """Kind, activation (the one that follows included) and what else matters of each layer, in order."""
    rows: list[dict] = []
    for layer in model.layers:
        kind, config = type(layer).__name__, layer.get_config()
        if hasattr(layer, "layers"):
            rows += _rows(layer)
            continue
        bend = config.get("activation", "linear") if kind != "Activation" else "linear"
        rows.append({"kind": kind, "bend": bend, "rate": config.get("rate", 0.0), "strides": config.get("strides", 1)})
        after = config.get("activation") if kind == "Activation" else kind.lower().replace("leakyrelu", "leaky_relu")
        if kind in ("Activation", "ReLU", "LeakyReLU", "ELU", "Softmax") and (bent := _computing(rows)):
            bent[-1]["bend"] = after
    return rows


def _computing(rows):
    return [row for row in rows if _convolves(row) or row["kind"] == "Dense"]


def _convolves(row) -> bool:
    return row["kind"] in ("Conv2D", "SeparableConv2D")


def _look(build, images) -> dict[str, Any]:
    model = build()
    return {"rows": _rows(model), "parameters": int(model.count_params()), "scores": model(images, training=False)}


def _blocks(value) -> int:
    """How often the maps are halved after a convolution: by pooling, or by a convolution's stride."""
    halvings = [
        row
        for row in value["rows"]
        if row["kind"] in ("MaxPooling2D", "AveragePooling2D") or (_convolves(row) and np.max(row["strides"]) > 1)
    ]
    return len(halvings)


def _gives_up_maps_first(value) -> bool:
    kinds = [row["kind"] for row in value["rows"]]
    givers = [i for i, kind in enumerate(kinds) if kind == "Flatten" or kind.startswith("Global")]
    return bool(givers) and givers[0] < kinds.index("Dense")


def _first_loss(value, labels) -> float:
    scores = np.asarray(value["scores"], dtype=float)
    if _computing(value["rows"])[-1]["bend"] != "softmax":
        scores = np.exp(scores - scores.max(axis=1, keepdims=True))
    chosen = scores[np.arange(len(labels)), labels] / scores.sum(axis=1)
    return float(-np.mean(np.log(np.maximum(chosen, 1e-12))))


def net(
    *,
    filters=(16, 32),
    bend="relu",
    dense_bend="relu",
    outputs=10,
    end="softmax",
    scale=1 / 255,
    drop=0.3,
    first=(),
    width=64,
):
    """A sound classifier, or one with a single row changed."""
    import keras
    from keras import layers

    model = keras.Sequential([keras.Input((32, 32, 3)), *first])
    model.add(layers.Rescaling(scale))
    for n in filters:
        model.add(layers.Conv2D(n, 3, padding="same", activation=bend))
        model.add(layers.MaxPooling2D())
    model.add(layers.GlobalAveragePooling2D() if filters else layers.Flatten())
    model.add(layers.Dense(width, activation=dense_bend))
    if drop:
        model.add(layers.Dropout(drop))
    model.add(layers.Dense(outputs, activation=end))
    return model


def _dense_first():
    from keras import layers

    return net(first=[layers.Dense(8, activation="relu")])


def _flattened_last():
    import keras
    from keras import layers

    rows = [layers.Rescaling(1 / 255), layers.Conv2D(8, 3, strides=2, activation="relu"), layers.MaxPooling2D()]
    rows += [layers.Dense(10, activation="relu"), layers.GlobalAveragePooling2D(), layers.Softmax()]
    return keras.Sequential([keras.Input((32, 32, 3)), *rows])


build_fixed_model = question(
    "build_fixed_model",
    points=4,
    reference=net,
    cases=_build_cases,
    carry=KERAS,
    observe=_look,
    rules={
        "The model does not give ten numbers for each image, one for each class. Print model.output_shape.": Rule(
            lambda value, images, **_: value["scores"].shape == (len(images), 10), lambda: net(outputs=100)
        ),
        "A dense layer stands before the convolutions, or there are none. On a picture it is a 1 × 1 convolution, and "
        "sees no neighbours.": Rule(lambda value, **_: _convolves(_computing(value["rows"])[0]), _dense_first),
        "The maps are not given up before the first dense layer: Flatten or GlobalAveragePooling2D belongs between "
        "them.": Rule(lambda value, **_: _gives_up_maps_first(value), _flattened_last),
        "A hidden layer has a sigmoid, tanh or softmax, which saturates: take ReLU.": Rule(
            lambda value, **_: not any(
                row["bend"] in ("sigmoid", "tanh", "softmax", "hard_sigmoid") for row in _computing(value["rows"])[:-1]
            ),
            lambda: net(bend="sigmoid"),
        ),
        "A hidden layer has no activation: two layers without a bend between them are one.": Rule(
            lambda value, **_: all(row["bend"] in BENDING for row in _computing(value["rows"])[:-1]),
            lambda: net(dense_bend="linear"),
        ),
        "The outputs are bent by something else than a softmax. Take a softmax, or no activation (logits).": Rule(
            lambda value, **_: _computing(value["rows"])[-1]["bend"] in ("softmax", "linear"), lambda: net(end="relu")
        ),
        "Two or three blocks of convolution and pooling are asked for: halve the maps two or three times.": Rule(
            lambda value, **_: 2 <= _blocks(value) <= 3, lambda: net(filters=(16,))
        ),
        "There is no dropout that could help: one layer with a rate between 0.1 and 0.7 is asked for.": Rule(
            lambda value, **_: any("Dropout" in row["kind"] and 0.1 <= row["rate"] <= 0.7 for row in value["rows"]),
            lambda: net(drop=0.95),
        ),
        f"The model is over the budget of {BUDGET:,} parameters. Print model.summary(): where do they sit?": Rule(
            lambda value, budget, **_: value["parameters"] <= budget, lambda: net(width=20_000)
        ),
        "The first loss is not near ln 10 for images from 0 to 255. Scaling is the model's own work: put Rescaling in "
        "front.": Rule(
            lambda value, labels, **_: abs(_first_loss(value, labels) - np.log(10)) < 0.5, lambda: net(scale=1.0)
        ),
    },
    hints={
        "raised": "Build it in the notebook, and pass it two images: build_fixed_model()(images[:2]).",
        "type": "Return a Keras model of Keras' own layers, which begins with keras.Input((32, 32, 3)).",
        "shape": "Return a Keras model: keras.Sequential([...]), one layer after the other.",
    },
)
