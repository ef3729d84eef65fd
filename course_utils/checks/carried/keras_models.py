"""Keras models as data: Sequential and functional models of Keras' own layers and operations.

What Keras writes of a model (`get_config`) names classes to import and functions to call. Rebuilding accepts only names
listed here and JSON's own types, drops what matters in training alone, and sets weights by their shapes.
"""

import json
import sys
from typing import Any

import numpy as np

from course_utils.checks.carried import few_numbers, names
from course_utils.checks.compare import Unreadable

MOST_WEIGHTS = 15_000_000
MODELS = frozenset({"Sequential", "Functional"})
LAYERS = names(
    """
    InputLayer Dense EinsumDense Embedding Activation Dropout Identity Masking Flatten Reshape Permute RepeatVector
    Conv1D Conv2D Conv3D Conv1DTranspose Conv2DTranspose Conv3DTranspose DepthwiseConv1D DepthwiseConv2D
    SeparableConv1D SeparableConv2D MaxPooling1D MaxPooling2D MaxPooling3D AveragePooling1D AveragePooling2D
    AveragePooling3D GlobalMaxPooling1D GlobalMaxPooling2D GlobalMaxPooling3D GlobalAveragePooling1D
    GlobalAveragePooling2D GlobalAveragePooling3D AdaptiveAveragePooling1D AdaptiveAveragePooling2D
    AdaptiveMaxPooling1D AdaptiveMaxPooling2D ZeroPadding1D ZeroPadding2D ZeroPadding3D Cropping1D Cropping2D Cropping3D
    UpSampling1D UpSampling2D UpSampling3D Add Subtract Multiply Average Maximum Minimum Concatenate Dot
    BatchNormalization LayerNormalization GroupNormalization RMSNormalization UnitNormalization SpectralNormalization
    Normalization Rescaling Resizing CenterCrop CategoryEncoding ReLU LeakyReLU PReLU ELU Softmax
    ActivityRegularization AlphaDropout GaussianDropout GaussianNoise SpatialDropout1D SpatialDropout2D
    SpatialDropout3D Attention AdditiveAttention MultiHeadAttention TimeDistributed Pipeline AugMix AutoContrast
    Equalization RandAugment RandomBrightness RandomColorDegeneration RandomColorJitter RandomContrast RandomCrop
    RandomErasing RandomFlip RandomGaussianBlur RandomGrayscale RandomHue RandomInvert RandomPerspective
    RandomPosterization RandomRotation RandomSaturation RandomSharpness RandomShear RandomTranslation RandomZoom
    Solarization
    """
)
OPERATIONS = {
    "keras.src.ops.numpy": names(
        "Add Subtract Multiply Divide TrueDivide Negative Power Square Sqrt Exp Log Absolute Abs Maximum Minimum Clip "
        "Mean Sum Max Min Amax Amin Var Std Concatenate Stack Reshape Squeeze ExpandDims Transpose Ravel Flip Pad "
        "GetItem Matmul Einsum Tanh Repeat Tile"
    ),
    "keras.src.ops.nn": names(
        "Relu Relu6 Sigmoid Softplus Softsign Silu LogSigmoid LeakyRelu HardSigmoid HardSilu Elu Selu Gelu Celu "
        "Softmax LogSoftmax MaxPool AveragePool AdaptiveMaxPool AdaptiveAveragePool Normalize DepthToSpace "
        "SpaceToDepth"
    ),
    "keras.src.ops.image": frozenset({"Resize", "PadImages", "CropImages", "RGBToGrayscale"}),
}
ACTIVATIONS = names(
    "celu elu exponential gelu glu hard_shrink hard_sigmoid hard_silu hard_swish hard_tanh leaky_relu linear "
    "log_sigmoid log_softmax mish relu relu6 selu sigmoid silu soft_shrink softmax softplus softsign sparse_plus "
    "sparsemax squareplus swish tanh tanh_shrink threshold"
)
VALUES = frozenset({"__keras_tensor__", "__numpy__", "__slice__", "__ellipsis__"})
TYPES = names("float16 bfloat16 float32 float64 mixed_float16 mixed_bfloat16 bool int8 uint8 int16 int32 int64")
ONLY_IN_TRAINING = ("_initializer", "_regularizer", "_constraint")
BROKEN = "The model cannot be rebuilt from its layers and weights."


def pack(model: Any) -> dict[str, Any]:
    """The model's configuration as JSON, and its weights in Keras' order."""
    keras = sys.modules.get("keras")  # without it, nothing is a Keras model
    if keras is None or not isinstance(model, keras.Model):
        raise Unreadable(f"This is an object of the type {type(model).__name__}, not a Keras model.")
    for part in (model, *_inner(model)):
        if type(part).__module__.partition(".")[0] != "keras":
            raise _own(type(part).__name__)
    if not model.built:
        raise Unreadable("The model does not know its input yet: begin it with keras.Input(the shape of one image).")
    if (count := model.count_params()) > MOST_WEIGHTS:
        raise Unreadable(f"The model has {count:,} parameters, more than can be looked at ({MOST_WEIGHTS:,}).")
    try:
        config = {"class_name": type(model).__name__, "module": "keras", "config": model.get_config()}
        text = json.dumps(config, default=_number)
    except Exception as error:  # NotImplementedError among them, which would mean "not answered"
        raise Unreadable(f"Keras cannot write down what the model is made of: {type(error).__name__}.") from error
    return {"model": text, "weights": [_sendable(weight) for weight in model.get_weights()]}


def unpack(packed: Any) -> Any:
    """A new Keras model, not compiled."""
    import keras

    try:
        config, weights = json.loads(packed["model"]), list(packed["weights"])
        clean = _object(config)
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise Unreadable(BROKEN) from error
    if clean["class_name"] not in MODELS:
        raise Unreadable(BROKEN)
    try:
        model = keras.saving.deserialize_keras_object(clean)
        model.set_weights(weights)
    except Exception as error:  # Keras raises whatever comes up for layers that do not fit together
        raise Unreadable(BROKEN) from error
    return model


def _inner(model: Any) -> Any:
    for layer in getattr(model, "layers", []):
        yield layer
        yield from _inner(layer)


def _own(name: Any) -> Unreadable:
    return Unreadable(
        f"{str(name)[:60]} is a class of your own, or one that cannot be carried over: build the model from Keras' own "
        "layers, with keras.Sequential([...]) or keras.Model(inputs, outputs)."
    )


def _sendable(weight: np.ndarray) -> np.ndarray:
    return weight if weight.dtype.kind in "biuf" else weight.astype(np.float32)  # such as bfloat16


def _number(value: Any) -> Any:
    """NumPy's numbers for JSON."""
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    raise TypeError(type(value).__name__)


def _object(config: dict[str, Any]) -> dict[str, Any]:
    """An object's description with nothing but what is known. Raises Unreadable for a class that is not."""
    name, module = config["class_name"], config.get("module")
    if module is None and name in VALUES:
        return {"class_name": name, "config": _settings(config.get("config") or {}, name)}
    if (module, name) == ("keras", "DTypePolicy"):
        return _known(config["config"]["name"], TYPES)
    if (module, name) == ("builtins", "function"):
        return _known(config["config"], ACTIVATIONS)
    if name in MODELS and module in ("keras", "keras.models", "keras.src.models.functional"):
        clean = {"module": "keras" if name == "Sequential" else "keras.src.models.functional"}
    elif name in LAYERS and module == "keras.layers":
        clean = {"module": module}
    elif name in OPERATIONS.get(module, ()):
        clean = {"module": module, "registered_name": name}
    else:
        raise _own(name)
    clean |= {"class_name": name, "config": _settings(config["config"], name)}
    clean |= {key: _value(config[key]) for key in ("name", "inbound_nodes") if key in config}
    few_numbers(clean.get("inbound_nodes"), name)
    return clean


def _settings(settings: dict[str, Any], part: str) -> dict[str, Any]:
    clean = {
        str(key): _activation(value) if key.endswith("activation") else _value(value)
        for key, value in settings.items()
        if not key.endswith(ONLY_IN_TRAINING)
    }
    if part not in MODELS:
        few_numbers(clean, part)
    return clean


def _activation(value: Any) -> Any:
    """A known name, None, or a layer."""
    if value is None or (isinstance(value, dict) and "class_name" in value):
        return _value(value)
    return _known(value if isinstance(value, str) else "an activation", ACTIVATIONS)


def _value(value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, list):
        return [_value(entry) for entry in value]
    if "class_name" in value:
        return _object(value)
    return {str(key): _value(entry) for key, entry in value.items()}


def _known(name: Any, names: frozenset[str]) -> str:
    if name not in names:
        raise _own(name)
    return name
