"""The ledger of a model: shapes, parameters, multiply-adds and receptive field, layer by layer."""

import sys
from typing import Any

from course_utils.ledger.rows import Ledger, Row

__all__ = ["Ledger", "Row", "ledger"]


def ledger(model: Any, input_shape: tuple[int, ...] | None = None) -> Ledger:
    """What each layer of a Keras or torch model puts out, holds, computes and sees.

    model: a Keras Sequential or functional model without branches, or a torch nn.Sequential; nested ones are opened.
    input_shape: of one image without the batch axis, (H, W, C) in Keras, where it may be left out if the model is
    built (an unbuilt one is built for it), (C, H, W) in torch. Shapes are in the framework's own layout.

    Parameters: weights, plus the running mean and variance of batch normalisation, which count as not trainable in
    both frameworks (Keras' own count; torch keeps them as buffers). Multiply-adds (MACs) for one image: the products
    in convolutions and dense layers, without biases, normalisation, activations and pooling; 1 MAC = 2 FLOPs.
    Receptive field and jump: see `reference.ReceptiveField`; none once Flatten has given up the image's axes.
    A layer that the ledger does not know has no MACs and says so, and the total is "at least".

    The model keeps its weights and its mode. Raises ValueError if the model has branches, no input shape, or a
    layer that cannot take what the one before puts out. Introduced on Day 2, receptive fields on Day 5.
    """
    # A model's framework is imported already. Keras first: under its torch backend, its layers are torch modules, too.
    keras, torch = sys.modules.get("keras"), sys.modules.get("torch")
    if keras is not None and isinstance(model, keras.layers.Layer):
        from course_utils.ledger.of_keras import walk
    elif torch is not None and isinstance(model, torch.nn.Module):
        from course_utils.ledger.of_torch import walk
    else:
        raise ValueError(f"the ledger reads Keras and torch models, not {type(model).__name__}")
    return walk(model, input_shape)
