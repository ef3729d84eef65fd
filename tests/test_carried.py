"""Models carried as data: what is rebuilt computes the same, and what is not a model's data is refused."""

import json

import numpy as np
import pytest

from course_utils.checks import Case, Unreadable, observe, question
from course_utils.checks.carried import KERAS, TORCH
from course_utils.checks.question import Rule

keras = pytest.importorskip("keras")
torch = pytest.importorskip("torch")

from keras import layers  # noqa: E402 - after the check that it is there
from torch import nn  # noqa: E402
from torch.nn import functional as F  # noqa: E402

IMAGES = np.random.default_rng(0).random((4, 8, 8, 3), dtype=np.float32)


def outputs(model, training=False):
    return keras.ops.convert_to_numpy(model(IMAGES, training=training))


def sequential(*parts):
    return keras.Sequential([keras.Input((8, 8, 3)), *parts])


def functional(build):
    image = keras.Input((8, 8, 3))
    return keras.Model(image, build(image))


def residual(x):
    x = layers.Conv2D(4, 1)(x)
    return layers.Dense(2)(layers.Flatten()(x + layers.Conv2D(4, 3, padding="same", activation="relu")(x) * 0.5))


def inception(x):
    paths = [layers.Conv2D(2, 1)(x), layers.Conv2D(2, 3, padding="same")(x), layers.MaxPooling2D(3, 1, "same")(x)]
    return layers.GlobalAveragePooling2D()(layers.Concatenate()(paths))


def attention(x):
    squeezed = layers.Dense(3, "sigmoid")(layers.GlobalAveragePooling2D(keepdims=True)(x))
    return keras.ops.mean(layers.Multiply()([x, squeezed])[:, 1:5], axis=(1, 2))


def shared(x):
    conv = layers.Conv2D(3, 3, padding="same")
    return layers.GlobalMaxPooling2D()(conv(conv(x)))


KERAS_MODELS = {
    "convolutions": lambda: sequential(layers.Conv2D(4, 3, 2, "same", dilation_rate=1), layers.Conv2DTranspose(2, 3)),
    "depthwise and separable": lambda: sequential(layers.DepthwiseConv2D(3), layers.SeparableConv2D(5, 3)),
    "pooling": lambda: sequential(layers.MaxPooling2D(), layers.AveragePooling2D(2, 1), layers.GlobalMaxPooling2D()),
    "batch normalisation": lambda: sequential(layers.Conv2D(4, 3), layers.BatchNormalization(momentum=0.9)),
    "other normalisations": lambda: sequential(layers.LayerNormalization(), layers.GroupNormalization(3)),
    "regularised": lambda: sequential(layers.Conv2D(4, 3, kernel_regularizer="l2", kernel_constraint="max_norm")),
    "activations": lambda: sequential(layers.Activation("gelu"), layers.PReLU(), layers.Dense(2, keras.ops.silu)),
    "an activation that is a layer": lambda: sequential(layers.Dense(2, activation=layers.LeakyReLU(0.1))),
    "scaling by lists": lambda: sequential(layers.Rescaling([1, 2, 3.0]),
                                             layers.Normalization(mean=[1, 2, 3], variance=[1, 1, 2])),
    "a NumPy scale": lambda: sequential(layers.Rescaling(np.float32(1 / 255))),
    "mixed precision": lambda: sequential(layers.Conv2D(4, 3, dtype="mixed_bfloat16"), layers.Dense(2)),
    "models inside a model": lambda: sequential(sequential(layers.Conv2D(4, 3)), layers.ReLU()),
    "a functional model inside": lambda: functional(lambda x: functional(residual)(x)),
    "residual": lambda: functional(residual),
    "inception": lambda: functional(inception),
    "squeeze and excitation": lambda: functional(attention),
    "shared layers": lambda: functional(shared),
    "a stack of names": lambda: sequential(layers.Conv2D(2, 3, name="first"), layers.Conv2D(2, 3, name="second")),
}  # fmt: skip


@pytest.mark.parametrize("name", KERAS_MODELS)
def test_a_keras_model_computes_the_same_after_the_journey(name):
    model = KERAS_MODELS[name]()
    rng = np.random.default_rng(1)
    model.set_weights([weight + rng.random(weight.shape).astype(weight.dtype) for weight in model.get_weights()])
    rebuilt = KERAS.unpack(KERAS.pack(model))
    assert np.allclose(outputs(model), outputs(rebuilt), atol=1e-5)
    assert rebuilt.count_params() == model.count_params()
    assert rebuilt.get_config()["name"] == model.get_config()["name"]


@pytest.mark.parametrize(
    "layer",
    [
        layers.Dropout(0.5),
        layers.SpatialDropout2D(0.5),
        layers.GaussianNoise(1.0),
        layers.RandomFlip("horizontal"),
        layers.RandomTranslation(0.2, 0.2),
        layers.RandomRotation(0.2),
        layers.RandomZoom(0.3),
        layers.RandomContrast(0.9),
        layers.RandomBrightness(0.9, value_range=(0, 1)),
        layers.RandomCrop(6, 6),
        layers.RandomErasing(),
        layers.Pipeline([layers.RandomFlip(), layers.RandomTranslation(0.2, 0.2)]),
    ],
    ids=lambda layer: type(layer).__name__,
)
def test_what_is_random_in_training_is_so_after_the_journey(layer):
    rebuilt = KERAS.unpack(KERAS.pack(sequential(layer)))
    assert np.array_equal(outputs(rebuilt), outputs(rebuilt))
    passes = [outputs(rebuilt, training=True) for _ in range(4)]
    assert any(not np.array_equal(passes[0], one) for one in passes[1:])


def test_batch_normalisation_uses_the_batch_in_training_only():
    model = sequential(layers.BatchNormalization())
    rebuilt = KERAS.unpack(KERAS.pack(model))
    assert np.allclose(outputs(rebuilt), IMAGES, atol=1e-2)
    assert np.allclose(np.mean(outputs(rebuilt, training=True), axis=(0, 1, 2)), 0, atol=1e-4)


class Own(layers.Layer):
    def call(self, x):
        return x


class OwnModel(keras.Model):
    def call(self, x):
        return x


def doubled(x):
    return 2 * x


UNREADABLE_KERAS = {
    "no model": (object, "not a Keras model"),
    "a layer": (lambda: layers.Dense(2), "not a Keras model"),
    "a layer of one's own": (lambda: sequential(Own()), "Own is a class of your own"),
    "a model class of one's own": (OwnModel, "OwnModel is a class of your own"),
    "a Lambda": (lambda: sequential(layers.Lambda(lambda x: x)), "Lambda is a class of your own, or one that cannot"),
    "an activation of one's own": (lambda: sequential(layers.Dense(2, doubled)), "or one that cannot"),
    "not built": (lambda: keras.Sequential([layers.Dense(2)]), "keras.Input"),
    "numbers in settings": (lambda: sequential(layers.Rescaling(np.ones((8, 8, 3)).tolist())), "Rescaling"),
    "numbers in an operation": (lambda: functional(lambda x: x + np.ones((8, 8, 3), "float32")), "many numbers"),
}


@pytest.mark.parametrize("name", UNREADABLE_KERAS)
def test_what_cannot_be_carried_is_told_in_a_sentence(name):
    make, sentence = UNREADABLE_KERAS[name]
    with pytest.raises(Unreadable, match=sentence) as refused:
        KERAS.unpack(KERAS.pack(make()))
    assert str(refused.value)[-1] == "."


def described(*inner):
    start = {"class_name": "InputLayer", "module": "keras.layers", "config": {"batch_shape": [None, 8, 8, 3]}}
    return json.dumps({"class_name": "Sequential", "module": "keras", "config": {"layers": [start, *inner]}})


def data(name, module, config, *weights):
    """The data of a model with one layer of this description."""
    return {"model": described({"class_name": name, "module": module, "config": config}), "weights": list(weights)}


LAMBDA = {"class_name": "__lambda__", "config": {"value": "x"}}
HOSTILE_KERAS = {
    "nothing": None,
    "a text": "model",
    "no weights": {"model": described()},
    "not JSON": {"model": "{", "weights": []},
    "deep": {"model": "[" * 10**5, "weights": []},
    "a layer instead of a model": {"model": '{"class_name":"ReLU","module":"keras.layers","config":{}}', "weights": []},
    "a class of Python": data("Popen", "subprocess", {}),
    "a Keras function": data("function", "keras.utils", "get_file"),
    "a lambda": data("__lambda__", None, {"value": "x"}),
    "a lambda inside": data("Dense", "keras.layers", {"units": 2, "activation": LAMBDA}),
    "settings that do not exist": data("ReLU", "keras.layers", {"x": 1}),
    "one weight too many": {"model": described(), "weights": [np.ones(3)]},
    "a weight of another shape": data("Dense", "keras.layers", {"units": 2}, np.ones((2, 2)), np.ones(2)),
    "unhashable": data(["ReLU"], {}, {}),
}


@pytest.mark.parametrize("name", HOSTILE_KERAS)
def test_hostile_data_is_refused(name):
    with pytest.raises(Unreadable):
        KERAS.unpack(HOSTILE_KERAS[name])


# --- PyTorch ------------------------------------------------------------------------------------------------------


class Residual(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = nn.Sequential(nn.Conv2d(3, 3, 3, padding=1, bias=False), nn.BatchNorm2d(3), nn.ReLU(inplace=True))
        self.scale = nn.Parameter(torch.randn(3, 1, 1))
        self.register_buffer("shift", torch.ones(1))

    def forward(self, x):
        y = x + self.inner(x) * self.scale
        y += self.shift
        return torch.flatten(F.adaptive_avg_pool2d(F.relu(y), 1), 1)


class Branches(nn.Module):
    def __init__(self):
        super().__init__()
        self.paths = nn.ModuleList([nn.Conv2d(3, 2, k, padding=k // 2) for k in (1, 3)])
        self.out = nn.Linear(8, 2)

    def forward(self, x):
        x = torch.cat([path(x) for path in self.paths], dim=1)
        x = F.max_pool2d(x[:, :2], 4)
        return self.out(x.view(x.size(0), -1)).softmax(dim=-1)


class ByMode(nn.Module):
    def forward(self, x):
        return F.dropout(x, 0.5, self.training) if self.training else x * 2


TORCH_MODELS = {
    "convolutions": lambda: nn.Sequential(nn.Conv2d(3, 6, 3, stride=2, groups=3), nn.ConvTranspose2d(6, 2, 3)),
    "depthwise and separable": lambda: nn.Sequential(nn.Conv2d(3, 3, 3, groups=3, padding="same"), nn.Conv2d(3, 5, 1)),
    "pooling": lambda: nn.Sequential(nn.MaxPool2d(2), nn.AvgPool2d(2, 1), nn.AdaptiveAvgPool2d((1, None))),
    "normalisations": lambda: nn.Sequential(nn.BatchNorm2d(3), nn.GroupNorm(3, 3), nn.LayerNorm([8, 8])),
    "activations": lambda: nn.Sequential(nn.PReLU(), nn.LeakyReLU(0.2), nn.GELU(), nn.Softmax(dim=1)),
    "padding and upsampling": lambda: nn.Sequential(nn.ZeroPad2d(1), nn.Upsample(scale_factor=2, mode="nearest")),
    "residual": Residual,
    "branches": Branches,
    "by mode": ByMode,
    "modules inside": lambda: nn.Sequential(Residual(), nn.Linear(3, 2)),
}  # fmt: skip
PICTURES = torch.from_numpy(IMAGES.transpose(0, 3, 1, 2).copy())


@pytest.mark.parametrize("name", TORCH_MODELS)
def test_a_torch_model_computes_the_same_after_the_journey(name):
    torch.manual_seed(0)
    model = TORCH_MODELS[name]()
    model(PICTURES)  # so that moving averages are not as they began
    rebuilt = TORCH.unpack(TORCH.pack(model))
    assert model.training and not rebuilt.training
    for mode in (False, True):
        torch.manual_seed(1)
        expected = model.train(mode)(PICTURES)
        torch.manual_seed(1)
        assert torch.allclose(expected, rebuilt.train(mode)(PICTURES), atol=1e-6)
    held = [*model.parameters(), *(b for n, b in model.named_buffers() if n.endswith("shift"))]
    assert sum(p.numel() for p in rebuilt.parameters()) == sum(p.numel() for p in held)


def test_a_tensor_that_forward_makes_counts_as_a_parameter():
    class Hidden(nn.Module):
        def forward(self, x):
            return x + torch.ones(8, 8)

    assert sum(p.numel() for p in TORCH.unpack(TORCH.pack(Hidden())).parameters()) >= 64  # once for each mode


class Branching(nn.Module):
    def forward(self, x):
        return x if x.sum() > 0 else -x


UNREADABLE_TORCH = {
    "no model": (object, "not a PyTorch model"),
    "a branch on values": (Branching, "cannot be written down"),
    "an unknown module": (lambda: nn.Sequential(nn.LSTM(8, 8)), "LSTM in the model cannot be carried over"),
    "an unknown function": (lambda: by(torch.fft.fft), "cannot be carried over"),
    "an unknown method": (lambda: by(lambda x: x.numpy()), "numpy in the model cannot be carried over"),
    "an unknown attribute": (lambda: by(lambda x: x.grad), "cannot be rebuilt"),
    "numbers in a call": (lambda: by(lambda x: x.permute(*range(20))), "many numbers"),
}


def by(function):
    class Calling(nn.Module):
        def forward(self, x):
            return function(x)

    return Calling()


@pytest.mark.parametrize("name", UNREADABLE_TORCH)
def test_what_cannot_be_carried_of_torch_is_told_in_a_sentence(name):
    make, sentence = UNREADABLE_TORCH[name]
    with pytest.raises(Unreadable, match=sentence):
        TORCH.unpack(TORCH.pack(make()))(PICTURES)


# --- both halves in a check ---------------------------------------------------------------------------------------


def test_a_check_looks_at_the_rebuilt_model_only():
    seen = []

    def look(model, images):
        seen.append(model)
        return model.count_params()

    small = question("small", points=1, kind="object", reference=None, cases=lambda rng: [Case(images=IMAGES)],
                     observe=look, carry=KERAS, rules={"Big.": Rule(lambda value, **_: value < 10, 1)})  # fmt: skip
    model = sequential(layers.Dense(1000))
    model.count_params = lambda: 1
    (outcome,) = observe(small, model, small.draw())
    assert outcome.value == 4000 and seen[0] is not model


def test_a_carried_question_says_what_to_observe():
    with pytest.raises(ValueError, match="say what to look at"):
        question("q", points=1, reference=None, cases=lambda rng: [], mistakes={"M.": 1}, carry=KERAS)
