"""PyTorch models as data: what `forward` does, as a list of steps, and the tensors that it uses.

torch.fx follows a symbol through `forward`, once in training mode and once in evaluation mode, and writes down each
call. Rebuilding accepts the modules, functions and methods listed here; a small interpreter runs the steps.
"""

import inspect
import operator
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import fx, nn
from torch.nn import functional

from course_utils.checks.carried import few_numbers, names
from course_utils.checks.compare import Unreadable

MOST_WEIGHTS = 15_000_000
MODULES = names(
    """
    Identity Linear Bilinear Conv1d Conv2d Conv3d ConvTranspose1d ConvTranspose2d ConvTranspose3d MaxPool1d MaxPool2d
    MaxPool3d AvgPool1d AvgPool2d AvgPool3d AdaptiveAvgPool1d AdaptiveAvgPool2d AdaptiveAvgPool3d AdaptiveMaxPool1d
    AdaptiveMaxPool2d LPPool2d BatchNorm1d BatchNorm2d BatchNorm3d GroupNorm LayerNorm RMSNorm InstanceNorm2d
    LocalResponseNorm Dropout Dropout1d Dropout2d Dropout3d AlphaDropout ReLU ReLU6 LeakyReLU PReLU ELU SELU CELU GELU
    SiLU Mish Sigmoid Tanh Softplus Softsign Hardtanh Hardsigmoid Hardswish Softmax LogSoftmax Flatten Unflatten
    ZeroPad2d ReflectionPad2d ReplicationPad2d ConstantPad2d PixelShuffle PixelUnshuffle ChannelShuffle Upsample
    Embedding
    """
)
ONLY_WHEN_MADE = ("device", "dtype", "inplace")  # arguments of a module that change nothing in what it computes
_SOURCES = {
    torch: "add sub mul div cat concat stack flatten relu sigmoid tanh softmax log_softmax mean sum amax amin max min "
    "abs exp log sqrt pow clamp matmul reshape permute transpose squeeze unsqueeze chunk split "
    "zeros_like ones_like",
    functional: "relu relu6 leaky_relu elu selu celu gelu silu mish hardswish hardsigmoid hardtanh softplus sigmoid "
    "tanh softmax log_softmax normalize dropout dropout2d max_pool1d max_pool2d avg_pool1d avg_pool2d "
    "adaptive_avg_pool1d adaptive_avg_pool2d adaptive_max_pool2d interpolate pad pixel_shuffle linear conv1d conv2d "
    "batch_norm layer_norm group_norm",
    operator: "add sub mul truediv floordiv neg pow matmul getitem iadd isub imul itruediv",
}
FUNCTIONS: dict[str, Callable] = {
    f"{source.__name__}.{name}": getattr(source, name) for source, names in _SOURCES.items() for name in names.split()
}
METHODS = names(
    "add add_ sub sub_ mul mul_ div div_ neg abs exp log sqrt pow clamp relu relu_ sigmoid tanh softmax log_softmax "
    "mean sum amax amin max min var std norm view reshape flatten permute transpose contiguous squeeze unsqueeze "
    "expand repeat size dim chunk split clone detach float matmul t"
)
ATTRIBUTES = frozenset({"shape", "ndim", "T"})
BROKEN = "The model cannot be rebuilt from its steps and weights."
WAY_OUT = "build it from layers of torch.nn, and keep `forward` free of branches on the values in a tensor"


def pack(model: Any) -> dict[str, Any]:
    """The steps of `forward` in both modes, the modules that they call with their settings, and all tensors."""
    model = getattr(model, "_orig_mod", model)  # as torch.compile has wrapped it
    if not isinstance(model, nn.Module):
        raise Unreadable(f"This is an object of the type {type(model).__name__}, not a PyTorch model.")
    if (count := sum(tensor.numel() for tensor in model.state_dict().values())) > MOST_WEIGHTS:
        raise Unreadable(f"The model has {count:,} parameters, more than can be looked at ({MOST_WEIGHTS:,}).")
    steps, modules, tensors = {}, {}, {}
    mode = model.training
    for name, training in (("training", True), ("evaluation", False)):
        model.train(training)
        try:
            traced = fx.symbolic_trace(model)
        except Exception as error:  # whatever `forward` makes of a symbol
            why = type(error).__name__
            raise Unreadable(f"What `forward` does cannot be written down ({why}): {WAY_OUT}.") from error
        finally:
            model.train(mode)
        steps[name] = [_step(node) for node in traced.graph.nodes]
        for node in traced.graph.nodes:
            if node.op == "call_module":
                module = traced.get_submodule(node.target)
                modules[node.target] = _described(module)
                tensors |= {f"{node.target}.{key}": _array(value) for key, value in module.state_dict().items()}
            elif node.op == "get_attr":  # a parameter, a buffer, or a tensor that `forward` has made
                tensors[node.target] = _array(operator.attrgetter(node.target)(traced))
    return {"steps": steps, "modules": modules, "tensors": tensors}


def unpack(packed: Any) -> nn.Module:
    """A module that does the same steps, in evaluation mode. What the steps use besides layers are its parameters."""
    try:
        tensors = {name: torch.from_numpy(np.array(value)) for name, value in packed["tensors"].items()}
        modules = {name: _module(name, *about, tensors) for name, about in packed["modules"].items()}
        steps = {
            name: [_checked(step, modules, tensors) for step in listed] for name, listed in packed["steps"].items()
        }
        return Rebuilt(steps["training"], steps["evaluation"], modules, tensors).eval()
    except Unreadable:
        raise
    except Exception as error:  # torch raises many kinds for settings and shapes that do not fit
        raise Unreadable(BROKEN) from error


class Rebuilt(nn.Module):
    """Runs steps. `modules()` and `parameters()` give what the steps use."""

    def __init__(
        self,
        training: list[dict[str, Any]],
        evaluation: list[dict[str, Any]],
        modules: dict[str, nn.Module],
        tensors: dict[str, torch.Tensor],
    ) -> None:
        super().__init__()
        self.steps = {True: training, False: evaluation}
        self.places = {name: i for i, name in enumerate(modules)}
        self.layers = nn.ModuleList(modules.values())
        held = {step["target"] for step in (*training, *evaluation) if step["op"] == "get_attr"}
        self.names = {name: i for i, name in enumerate(sorted(held))}
        # Not only what was a parameter: images kept in a buffer are held by the model as well, and count.
        self.held = nn.ParameterList(nn.Parameter(tensors[name], requires_grad=False) for name in sorted(held))

    def forward(self, *inputs: torch.Tensor) -> Any:
        """What the last step gives; inputs as those of the model."""
        values: dict[str, Any] = {}
        waiting = iter(inputs)
        for step in self.steps[self.training]:
            args, kwargs = _filled(step["args"], values), _filled(step["kwargs"], values)
            target = step["target"]
            if step["op"] == "placeholder":
                values[step["name"]] = next(waiting, *args)
            elif step["op"] == "get_attr":
                values[step["name"]] = self.held[self.names[target]]
            elif step["op"] == "call_module":
                values[step["name"]] = self.layers[self.places[target]](*args, **kwargs)
            elif step["op"] == "call_function":
                values[step["name"]] = _called(target, args, kwargs)
            elif step["op"] == "call_method":
                values[step["name"]] = _method(target, args, kwargs)
            else:
                return args[0]
        raise Unreadable(BROKEN)


def _step(node: fx.Node) -> dict[str, Any]:
    target = node.target
    if node.op == "call_function":
        target = next((name for name, function in FUNCTIONS.items() if function is target), None)
        if node.target is getattr:
            target = "getattr"
        if target is None:
            raise _unknown(getattr(node.target, "__name__", "a function"))
    return {"op": node.op, "name": node.name, "target": target, "args": _sent(node.args), "kwargs": _sent(node.kwargs)}


def _sent(value: Any) -> Any:
    """Arguments as plain values; of another step its name."""
    if isinstance(value, fx.Node):
        return {"step": value.name}
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, slice):
        return {"slice": [_sent(value.start), _sent(value.stop), _sent(value.step)]}
    if value is Ellipsis:
        return {"ellipsis": True}
    if isinstance(value, tuple):
        return {"tuple": [_sent(entry) for entry in value]}
    if isinstance(value, list):
        return [_sent(entry) for entry in value]
    if isinstance(value, dict):
        return {"dict": {str(key): _sent(entry) for key, entry in value.items()}}
    raise _unknown(f"an argument of the type {type(value).__name__}")


def _filled(value: Any, values: dict[str, Any]) -> Any:
    """The arguments that `_sent` described, with the values of earlier steps."""
    if isinstance(value, list):
        return [_filled(entry, values) for entry in value]
    if not isinstance(value, dict):
        return value
    ((kind, inner),) = value.items()
    if kind == "step":
        return values[inner]
    if kind == "dict":
        return {key: _filled(entry, values) for key, entry in inner.items()}
    if kind == "ellipsis":
        return ...
    return {"tuple": tuple, "slice": lambda parts: slice(*parts)}[kind](_filled(inner, values))


def _checked(step: dict[str, Any], modules: dict[str, Any], tensors: dict[str, Any]) -> dict[str, Any]:
    """A step whose target is known; else raises Unreadable."""
    known = {
        "placeholder": (step["target"],),
        "output": (step["target"],),
        "get_attr": tensors,
        "call_module": modules,
        "call_function": (*FUNCTIONS, "getattr"),
        "call_method": METHODS,
    }
    if step["op"] not in known or step["target"] not in known[step["op"]]:
        raise _unknown(step["target"])
    few_numbers([step["args"], step["kwargs"]], f"step {step['name']}")
    return step


def _called(name: str, args: tuple, kwargs: dict[str, Any]) -> Any:
    if name != "getattr":
        return FUNCTIONS[name](*args, **kwargs)
    tensor, attribute = args
    if not isinstance(tensor, torch.Tensor) or attribute not in ATTRIBUTES:
        raise Unreadable(BROKEN)
    return getattr(tensor, attribute)


def _method(name: str, args: tuple, kwargs: dict[str, Any]) -> Any:
    if not isinstance(args[0], torch.Tensor):
        raise Unreadable(BROKEN)
    return getattr(args[0], name)(*args[1:], **kwargs)


def _described(module: nn.Module) -> list[Any]:
    """[class, settings]: the arguments that would make such a module, read off it."""
    kind = type(module)
    if not kind.__module__.startswith("torch.nn.") or kind.__name__ not in MODULES:
        raise _unknown(kind.__name__)
    settings = {}
    for name in inspect.signature(kind).parameters:
        if name not in ONLY_WHEN_MADE and hasattr(module, name):
            value = getattr(module, name)
            settings[name] = value is not None if name == "bias" else _sent(value)
    return [kind.__name__, settings]


def _module(name: str, kind: str, settings: dict[str, Any], tensors: dict[str, torch.Tensor]) -> nn.Module:
    """The module of these settings; its tensors take the place of its own, which were never made."""
    if kind not in MODULES:
        raise _unknown(kind)
    few_numbers(settings, kind)
    with torch.device("meta"):
        module = getattr(nn, kind)(**{key: _filled(value, {}) for key, value in settings.items()})
    own = {key.rpartition(".")[2]: value for key, value in tensors.items() if key.rpartition(".")[0] == name}
    module.load_state_dict(own, assign=True)
    return module


def _array(tensor: torch.Tensor) -> np.ndarray:
    return tensor.detach().cpu().to(torch.float32 if tensor.is_floating_point() else tensor.dtype).numpy()


def _unknown(what: Any) -> Unreadable:
    return Unreadable(f"{str(what)[:60]} in the model cannot be carried over: {WAY_OUT}.")
