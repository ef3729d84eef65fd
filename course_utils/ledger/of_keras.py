"""The ledger of a Keras model, whatever its backend."""

import math
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import keras
from keras import layers

from course_utils.ledger.rows import (
    ELEMENTWISE,
    SHAPELESS,
    STAY,
    UNKNOWN,
    Effect,
    Ledger,
    Row,
    Window,
    first_fields,
    see,
    sizes,
)

Shape = tuple[int, ...]


def walk(model: keras.layers.Layer, input_shape: Shape | None) -> Ledger:
    """The ledger of `model`; see `course_utils.ledger.ledger`."""
    shape = start = _input_shape(model, input_shape)
    fields, rows = first_fields(shape), []
    for name, layer in _layers(model):
        try:
            out = tuple(layer.compute_output_shape((None, *shape)))[1:]
        except ValueError as error:
            raise ValueError(f"layer {name} ({type(layer).__name__}) cannot take {shape}: {error}") from None
        effect = _effect(layer, shape, out)
        fields = see(fields, effect)
        rows.append(
            Row(
                name,
                type(layer).__name__,
                out,
                sizes(w.shape for w in layer.weights),
                sizes(w.shape for w in layer.trainable_weights),
                effect.macs,
                fields,
                effect.note,
            )
        )
        shape = out
    return Ledger(model.name, start, rows)


def _input_shape(model: keras.layers.Layer, given: Shape | None) -> Shape:
    if not model.built:
        if given is None:
            raise ValueError("the model is not built yet: say ledger(model, (height, width, channels))")
        model.build((None, *given))
        return tuple(given)
    known = getattr(model, "input_shape", None)
    if given is None:
        if known is None or None in known[1:]:
            raise ValueError("the model takes images of any size: say ledger(model, (height, width, channels))")
        return tuple(known[1:])
    if known is not None:
        fits = len(known) == len(given) + 1 and all(k in (None, g) for k, g in zip(known[1:], given, strict=True))
        if not fits:
            raise ValueError(f"the model was built for images of shape {known[1:]}, not {tuple(given)}")
    return tuple(given)


def _layers(model: keras.layers.Layer, prefix: str = "") -> Iterator[tuple[str, keras.layers.Layer]]:
    """Layers in the order of computation, those of nested models with their path."""
    if not isinstance(model, keras.Sequential | keras.models.Model) or _is_subclassed(model):
        yield prefix + model.name, model
        return
    if not isinstance(model, keras.Sequential):
        _must_be_one_path(model)
    for layer in model.layers:
        if isinstance(layer, keras.Model) and not _is_subclassed(layer):
            yield from _layers(layer, f"{prefix}{layer.name}/")
        elif not isinstance(layer, layers.InputLayer):
            yield prefix + layer.name, layer


def _is_subclassed(model: Any) -> bool:
    """A model whose computation is its own `call`: its layers say nothing of their order."""
    return type(model) not in (keras.Sequential, keras.Model) and type(model).__name__ != "Functional"


def _must_be_one_path(model: keras.Model) -> None:
    entries = model.get_config()["layers"]
    for before, entry in pairwise(entries):
        if _sources(entry["inbound_nodes"]) != [before["name"]]:
            raise ValueError(
                f"the ledger follows one path from input to output, but {model.name} branches at layer {entry['name']}"
            )


def _sources(config: Any) -> list[str]:
    """Names of the layers whose outputs a layer's configuration refers to, in every call of it."""
    if isinstance(config, dict):
        if "keras_history" in config:
            return [config["keras_history"][0]]
        config = list(config.values())
    if isinstance(config, list | tuple):
        return [name for part in config for name in _sources(part)]
    return []


def _effect(layer: keras.layers.Layer, shape: Shape, out: Shape) -> Effect:
    # The exact type: a subclass may compute something else.
    kind = type(layer)
    if kind in _ELEMENTWISE:
        return ELEMENTWISE
    if kind in _SHAPELESS:
        return SHAPELESS
    if kind is layers.Dense:
        # On an image, Dense works on each pixel's channels alone.
        return Effect(math.prod(out) * shape[-1], STAY if len(shape) == 3 else None)
    if kind in _CONVOLUTIONS:
        return _convolution(layer, shape, out)
    if kind in _POOLS:
        return Effect(0, _windows(layer, layer.pool_size, layer.strides, (1, 1), shape))
    if kind in _GLOBAL_POOLS:
        return Effect(0, tuple((n, n, 0, 1) for n in _spatial(layer, shape)))
    if kind is layers.LayerNormalization:
        return Effect(0, STAY if layer.axis in (-1, [-1], len(shape), [len(shape)]) else None)
    if kind is layers.ZeroPadding2D:
        return Effect(0, tuple((1, 1, before, 1) for before, _ in layer.padding))
    return UNKNOWN


def _convolution(layer: keras.layers.Layer, shape: Shape, out: Shape) -> Effect:
    windows = _windows(layer, layer.kernel_size, layer.strides, layer.dilation_rate, shape)
    channels = shape[-1] if layer.data_format == "channels_last" else shape[0]
    positions, window = math.prod(_spatial(layer, out)), math.prod(layer.kernel_size)
    if type(layer) is layers.Conv2D:
        products = window * channels // layer.groups * layer.filters
    else:
        products = window * channels * layer.depth_multiplier
        if type(layer) is layers.SeparableConv2D:
            products += channels * layer.depth_multiplier * layer.filters
    return Effect(positions * products, windows)


def _windows(layer, kernel, strides, dilation, shape: Shape) -> tuple[Window, ...]:
    return tuple(
        (k, s, _same_padding(n, k, s, d) if layer.padding == "same" else 0, d)
        for n, k, s, d in zip(_spatial(layer, shape), kernel, strides, dilation, strict=True)
    )


def _same_padding(n: int, k: int, stride: int, dilation: int) -> int:
    """Pixels that "same" adds before the first one: half of what is missing, the odd one goes to the end."""
    missing = (math.ceil(n / stride) - 1) * stride + dilation * (k - 1) + 1 - n
    return max(missing, 0) // 2


def _spatial(layer, shape: Shape) -> Shape:
    return shape[:2] if layer.data_format == "channels_last" else shape[1:]


_CONVOLUTIONS = {layers.Conv2D, layers.DepthwiseConv2D, layers.SeparableConv2D}
_POOLS = {layers.MaxPooling2D, layers.AveragePooling2D}
_GLOBAL_POOLS = {layers.GlobalAveragePooling2D, layers.GlobalMaxPooling2D}
_SHAPELESS = {
    layers.Flatten, layers.Reshape, layers.Permute, layers.UpSampling2D, layers.Resizing,
    layers.CenterCrop, layers.Cropping2D, layers.RandomCrop,
}  # fmt: skip
_ELEMENTWISE = {
    layers.Activation, layers.ReLU, layers.LeakyReLU, layers.PReLU, layers.ELU, layers.Softmax, layers.Identity,
    layers.BatchNormalization, layers.Dropout, layers.SpatialDropout2D,
    layers.GaussianNoise, layers.GaussianDropout, layers.Rescaling, layers.Normalization,
    layers.ActivityRegularization,
    # Augmentation does nothing at prediction.
    layers.RandomFlip, layers.RandomTranslation, layers.RandomRotation, layers.RandomZoom, layers.RandomShear,
    layers.RandomContrast, layers.RandomBrightness, layers.RandomHue, layers.RandomSaturation,
    layers.RandomColorJitter, layers.RandomColorDegeneration, layers.RandomGrayscale, layers.RandomInvert,
    layers.RandomPosterization, layers.RandomSharpness, layers.RandomGaussianBlur, layers.RandomErasing,
    layers.RandomElasticTransform, layers.RandomPerspective, layers.RandAugment, layers.AugMix, layers.MixUp,
    layers.CutMix, layers.Solarization,
}  # fmt: skip
