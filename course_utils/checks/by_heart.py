"""Models that know their answers by heart: what tests put in the place of trained ones, without training."""

from typing import Any

import numpy as np
from numpy.typing import NDArray


def model_with_scores(images: NDArray, scores: NDArray, width: int = 10) -> Any:
    """A Keras model without hidden layers whose scores for these images are the given ones.

    images: (N, H, W, C), 0 to 255; scores: (N, classes). The weights solve least squares, which is exact as long as
    there are no more images than pixels. width: of a layer before the last; it changes the number of parameters and
    nothing else.
    """
    import keras
    from keras import layers

    classes = scores.shape[1]
    model = keras.Sequential([keras.Input(images.shape[1:]), layers.Rescaling(1 / 255), layers.Flatten()])
    model.add(layers.Dense(width, use_bias=False))
    model.add(layers.Dense(classes, use_bias=False))
    pixels = images.reshape(len(images), -1) / 255
    weights = np.linalg.lstsq(pixels, scores.astype(float), rcond=None)[0]
    model.set_weights([np.pad(weights, ((0, 0), (0, width - classes))), np.eye(width, classes)])
    return model
