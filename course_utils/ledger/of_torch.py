"""The ledger of a torch model."""

import math
from collections.abc import Iterator

import torch
from torch import nn
from torch.nn.parameter import UninitializedTensorMixin

from course_utils.ledger.rows import ELEMENTWISE, SHAPELESS, UNKNOWN, Effect, Ledger, Row, Window, first_fields, see

Shape = tuple[int, ...]


def walk(model: nn.Module, input_shape: Shape | None) -> Ledger:
    """The ledger of `model`; see `course_utils.ledger.ledger`."""
    if input_shape is None:
        raise ValueError("a torch model does not know its input: say ledger(model, (channels, height, width))")
    if any(isinstance(p, UninitializedTensorMixin) for p in model.parameters()):
        raise ValueError("the model has lazy layers without weights yet: call it once on a batch, then ask again")
    like = next(model.parameters(), torch.empty(0))
    x = torch.zeros(1, *input_shape, device=like.device, dtype=like.dtype)
    fields, rows, counted = first_fields(input_shape), [], set()
    modes = {module: module.training for module in model.modules()}
    model.eval()  # augmentation and dropout off; running statistics stay as they are
    try:
        with torch.no_grad():
            for name, layer in _layers(model):
                before, x = x, _call(name, layer, x)
                effect = _effect(layer, before, x)
                fields = see(fields, effect)
                parameters, trainable = _count(layer, counted)
                shape = tuple(x.shape[1:])
                rows.append(
                    Row(name, type(layer).__name__, shape, parameters, trainable, effect.macs, fields, effect.note)
                )
    finally:
        for module, training in modes.items():
            module.training = training
    return Ledger(type(model).__name__, tuple(input_shape), rows)


def _layers(model: nn.Module, prefix: str = "") -> Iterator[tuple[str, nn.Module]]:
    """Layers in the order of computation, those of nested Sequentials with their path, as in a state dict."""
    if type(model) is not nn.Sequential:
        yield prefix.rstrip(".") or type(model).__name__, model
        return
    for name, layer in model._modules.items():  # named_children() would leave out a layer's second use
        yield from _layers(layer, f"{prefix}{name}.")


def _call(name: str, layer: nn.Module, x: torch.Tensor) -> torch.Tensor:
    try:
        return layer(x)
    except (RuntimeError, ValueError) as error:
        shape = tuple(x.shape[1:])
        raise ValueError(f"layer {name} ({type(layer).__name__}) cannot take {shape}: {error}") from None


def _count(layer: nn.Module, counted: set[int]) -> tuple[int, int]:
    """All and trainable parameters of the layer that were not counted before (weights may be shared)."""
    total = trainable = 0
    for parameter in layer.parameters():
        if id(parameter) not in counted:
            counted.add(id(parameter))
            total += parameter.numel()
            trainable += parameter.numel() * parameter.requires_grad
    for name, buffer in layer.named_buffers():
        if name.endswith(("running_mean", "running_var")) and id(buffer) not in counted:
            counted.add(id(buffer))
            total += buffer.numel()
    return total, trainable


def _effect(layer: nn.Module, x: torch.Tensor, y: torch.Tensor) -> Effect:
    # The exact type: a subclass may compute something else.
    kind = type(layer)
    if kind in _ELEMENTWISE or y is x:  # such as augmentation of one's own, which hands images on at prediction
        return ELEMENTWISE
    if kind in _SHAPELESS:
        return SHAPELESS
    if kind is nn.Linear:
        return Effect(y.numel() * layer.in_features, None)
    if kind is nn.Conv2d:
        kernel, dilation = layer.kernel_size, layer.dilation
        products = math.prod(kernel) * layer.in_channels // layer.groups * layer.out_channels
        padding = layer.padding
        if isinstance(padding, str):
            padding = tuple(d * (k - 1) // 2 if padding == "same" else 0 for k, d in zip(kernel, dilation, strict=True))
        windows = tuple(zip(kernel, layer.stride, padding, dilation, strict=True))
        return Effect(math.prod(y.shape[2:]) * products, windows)
    if kind in _POOLS:
        dilation = _pair(getattr(layer, "dilation", 1))
        sides = (_pair(layer.kernel_size), _pair(layer.stride), _pair(layer.padding), dilation)
        return Effect(0, tuple(zip(*sides, strict=True)))
    if kind in _ADAPTIVE_POOLS:
        return Effect(0, _adaptive(x.shape[-2:], y.shape[-2:]))
    if kind in _PADS:
        left, _, top, _ = layer.padding
        return Effect(0, ((1, 1, top, 1), (1, 1, left, 1)))
    return UNKNOWN


def _adaptive(before: Shape, after: Shape) -> tuple[Window, ...] | None:
    """Equal windows side by side where the sizes divide; otherwise windows differ and no one size describes them."""
    if any(n % m for n, m in zip(before, after, strict=True)):
        return None
    return tuple((n // m, n // m, 0, 1) for n, m in zip(before, after, strict=True))


def _pair(value: int | tuple[int, int]) -> tuple[int, int]:
    return (value, value) if isinstance(value, int) else tuple(value)


_POOLS = {nn.MaxPool2d, nn.AvgPool2d}
_ADAPTIVE_POOLS = {nn.AdaptiveAvgPool2d, nn.AdaptiveMaxPool2d}
_PADS = {nn.ZeroPad2d, nn.ConstantPad2d}
_SHAPELESS = {nn.Flatten, nn.Unflatten, nn.Upsample, nn.UpsamplingNearest2d}
_ELEMENTWISE = {
    nn.ReLU, nn.ReLU6, nn.LeakyReLU, nn.PReLU, nn.RReLU, nn.ELU, nn.SELU, nn.CELU, nn.GELU, nn.SiLU, nn.Mish,
    nn.Sigmoid, nn.Tanh, nn.Hardswish, nn.Hardsigmoid, nn.Hardtanh, nn.Softplus, nn.Softsign, nn.LogSigmoid,
    nn.Softmax, nn.Softmax2d, nn.LogSoftmax, nn.Identity, nn.BatchNorm1d, nn.BatchNorm2d,
    nn.Dropout, nn.Dropout2d, nn.AlphaDropout, nn.FeatureAlphaDropout,
}  # fmt: skip
