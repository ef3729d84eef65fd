"""The ledger against the frameworks' own counts, published numbers, and what a unit really sees."""

import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import keras
import numpy as np
import pytest
import torch
from keras import layers
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from course_utils.ledger import ledger

SAME = {"padding": "same", "activation": "relu"}


def text_001_keras():
    return keras.Sequential(
        [
            keras.Input((32, 32, 3)),
            layers.Conv2D(32, 3, **SAME), layers.BatchNormalization(),
            layers.Conv2D(32, 3, **SAME), layers.MaxPooling2D(), layers.Dropout(0.25),
            layers.Conv2D(64, 3, **SAME), layers.BatchNormalization(),
            layers.Conv2D(64, 3, **SAME), layers.MaxPooling2D(), layers.Dropout(0.25),
            layers.Conv2D(128, 3, **SAME), layers.BatchNormalization(), layers.MaxPooling2D(), layers.Dropout(0.25),
            layers.Flatten(), layers.Dense(512, activation="relu"), layers.BatchNormalization(), layers.Dropout(0.5),
            layers.Dense(10, activation="softmax"),
        ]
    )  # fmt: skip


def text_003_keras():
    model = keras.Sequential([keras.Input((32, 32, 3))])
    for channels in (32, 64, 128):
        for _ in range(2):
            model.add(layers.Conv2D(channels, 3, **SAME))
            model.add(layers.BatchNormalization())
        model.add(layers.MaxPooling2D())
    model.add(layers.Flatten())
    for units in (256, 128):
        model.add(layers.Dense(units, activation="relu"))
        model.add(layers.BatchNormalization())
        model.add(layers.Dropout(0.5))
    model.add(layers.Dense(10, activation="softmax"))
    return model


def conv_torch(c_in, c_out, norm=True):
    return [nn.Conv2d(c_in, c_out, 3, padding=1), nn.ReLU(), *([nn.BatchNorm2d(c_out)] if norm else [])]


def text_001_torch():
    return nn.Sequential(
        *conv_torch(3, 32), *conv_torch(32, 32, norm=False), nn.MaxPool2d(2), nn.Dropout(0.25),
        *conv_torch(32, 64), *conv_torch(64, 64, norm=False), nn.MaxPool2d(2), nn.Dropout(0.25),
        *conv_torch(64, 128), nn.MaxPool2d(2), nn.Dropout(0.25),
        nn.Flatten(), nn.Linear(2048, 512), nn.ReLU(), nn.BatchNorm1d(512), nn.Dropout(0.5), nn.Linear(512, 10),
    )  # fmt: skip


def text_003_torch():
    blocks = [
        nn.Sequential(*conv_torch(c_in, c_out), *conv_torch(c_out, c_out), nn.MaxPool2d(2))
        for c_in, c_out in ((3, 32), (32, 64), (64, 128))
    ]
    dense = [nn.Sequential(nn.Linear(a, b), nn.ReLU(), nn.BatchNorm1d(b)) for a, b in ((2048, 256), (256, 128))]
    return nn.Sequential(*blocks, nn.Flatten(), *dense, nn.Linear(128, 10))


def by_kind(led, *kinds):
    return [row for row in led.rows if row.kind in kinds]


@pytest.mark.parametrize(
    ("build", "published"),
    [(text_001_keras, (1_196_586, 1_195_114, 1_472)), (text_003_keras, (849_066, 847_402, 1_664))],
)
def test_keras_parameters_agree_with_keras_and_with_the_published_count(build, published):
    model = build()
    led = ledger(model)
    assert (led.parameters, led.trainable, led.non_trainable) == published
    assert led.parameters == model.count_params()
    assert [row.parameters for row in led.rows] == [layer.count_params() for layer in model.layers]
    assert [row.output_shape for row in led.rows] == [tuple(layer.output.shape[1:]) for layer in model.layers]


@pytest.mark.parametrize(("build", "twin"), [(text_001_torch, text_001_keras), (text_003_torch, text_003_keras)])
def test_torch_parameters_agree_with_torch_and_with_the_keras_twin(build, twin):
    model = build()
    led, other = ledger(model, (3, 32, 32)), ledger(twin())
    assert led.trainable == sum(p.numel() for p in model.parameters())
    assert (led.parameters, led.trainable, led.macs) == (other.parameters, other.trainable, other.macs)


def test_text_003_split_and_receptive_fields():
    for led in (ledger(text_003_keras()), ledger(text_003_torch(), (3, 32, 32))):
        totals = {
            name: sum(row.parameters for row in by_kind(led, *kinds))
            for name, kinds in {
                "conv": ("Conv2D", "Conv2d"),
                "dense": ("Dense", "Linear"),
                "norm": ("BatchNormalization", "BatchNorm1d", "BatchNorm2d"),
            }.items()
        }
        assert totals == {"conv": 287_008, "dense": 558_730, "norm": 3_328}
        sliding = by_kind(led, "Conv2D", "MaxPooling2D", "Conv2d", "MaxPool2d")
        assert [row.receptive_field for row in sliding[:8]] == [3, 5, 6, 10, 14, 16, 24, 32]
        assert [row.jump for row in sliding] == [1, 1, 2, 2, 2, 4, 4, 4, 8]
        assert led.rows[-1].receptive_field is None and led.rows[-1].jump is None


def test_no_unit_of_the_last_convolution_sees_more_than_30_rows():
    last = by_kind(ledger(text_003_keras()), "Conv2D")[-1]
    field, units = last.fields[0], last.output_shape[0]
    half = (field.size - 1) / 2
    centres = [field.start + i * field.jump for i in range(units)]
    rows = [(max(0, int(c - half)), min(31, int(c + half))) for c in centres]
    assert rows[0] == (0, 17) and rows[-1] == (14, 31)
    assert max(b - a + 1 for a, b in rows) == 30


def test_vgg16_without_top_has_its_published_parameters_and_needs_an_image_size():
    model = keras.applications.VGG16(weights=None, include_top=False)
    with pytest.raises(ValueError, match="any size"):
        ledger(model)
    led = ledger(model, (224, 224, 3))
    assert led.parameters == model.count_params() == 14_714_688
    assert led.rows[-1].output_shape == (7, 7, 512)
    assert led.macs == 15_346_630_656  # 15.3 GMACs, as published for the convolutions of VGG16
    assert led.rows[-1].receptive_field == 212 and led.rows[-1].jump == 32


@pytest.mark.parametrize(
    "model",
    [
        text_001_torch(),
        nn.Sequential(nn.Conv2d(3, 8, (3, 5), stride=(2, 1), padding=(0, 2), bias=False), nn.AvgPool2d(2)),
        nn.Sequential(nn.Conv2d(3, 12, 3, dilation=2, padding="same"), nn.Conv2d(12, 24, 3, groups=12), nn.GELU()),
        nn.Sequential(nn.Conv2d(3, 8, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 5, bias=False)),
        nn.Sequential(nn.Linear(32, 7)),
    ],
    ids=["cifar", "oblong", "dilated-grouped", "global-pool", "dense-on-image"],
)
def test_macs_are_half_of_torchs_flop_count(model):
    led = ledger(model, (3, 32, 32))
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model.eval()(torch.zeros(1, 3, 32, 32))
    assert led.complete
    assert 2 * led.macs == counter.get_total_flops()


def window_by_gradient(model, shape, row, column):
    """(first row, last row, first column, last column) of the input that move one unit of the output."""
    x = torch.zeros(1, *shape, requires_grad=True)
    model(x)[0, 0, row, column].backward()
    rows, columns = np.nonzero(x.grad[0].abs().sum(0).numpy())
    return rows.min(), rows.max(), columns.min(), columns.max()


@pytest.mark.parametrize(
    "stack",
    [
        [nn.Conv2d(1, 1, 3, padding=1), nn.Conv2d(1, 1, 5, stride=2, padding=2), nn.AvgPool2d(2), nn.Conv2d(1, 1, 3)],
        [nn.Conv2d(1, 1, 3, dilation=3), nn.AvgPool2d(3, stride=2, padding=1), nn.Conv2d(1, 1, 2, stride=3)],
        [nn.Conv2d(1, 1, (3, 5), stride=(1, 2), padding=(0, 2)), nn.Conv2d(1, 1, (1, 3), dilation=(1, 2))],
        [nn.ZeroPad2d((3, 0, 2, 0)), nn.Conv2d(1, 1, 4, padding="same"), nn.Conv2d(1, 1, 3, stride=2)],
    ],
)
def test_receptive_field_jump_and_start_are_what_gradients_show(stack):
    model = nn.Sequential(*stack)
    for parameter in model.parameters():
        nn.init.ones_(parameter)
    last = ledger(model, (1, 64, 64)).rows[-1]
    r, c = (n // 2 for n in last.output_shape[1:])
    top, bottom, left, right = window_by_gradient(model, (1, 64, 64), r, c)
    below, _, beside, _ = window_by_gradient(model, (1, 64, 64), r + 1, c + 1)
    rows, columns = last.fields
    assert (rows.size, columns.size) == (bottom - top + 1, right - left + 1)
    assert (rows.jump, columns.jump) == (below - top, beside - left)
    assert rows.start + r * rows.jump == (top + bottom) / 2
    assert columns.start + c * columns.jump == (left + right) / 2


@pytest.mark.parametrize("n", [32, 33])
def test_keras_same_padding_is_placed_where_impulses_show_it(n):
    ones = {"padding": "same", "kernel_initializer": "ones"}
    model = keras.Sequential(
        [
            keras.Input((n, n, 1)),
            layers.Conv2D(1, 3, strides=2, **ones),
            layers.DepthwiseConv2D(4, padding="same", depthwise_initializer="ones"),
            layers.AveragePooling2D(3, 2, padding="same"),
        ]
    )
    last = ledger(model).rows[-1]
    impulses = np.zeros((n, n, n, 1), dtype="float32")
    impulses[np.arange(n), np.arange(n), n // 2] = 1
    unit = last.output_shape[0] // 2
    answers = np.asarray(model.predict(impulses, verbose=0))[:, unit].sum(axis=(1, 2))
    seen = np.flatnonzero(answers)
    field = last.fields[0]
    assert field.size == len(seen)
    assert field.start + unit * field.jump == (seen[0] + seen[-1]) / 2


def test_keras_counts_depthwise_and_separable_convolutions():
    model = keras.Sequential(
        [
            keras.Input((16, 16, 8)),
            layers.DepthwiseConv2D(3, depth_multiplier=2, padding="same"),
            layers.SeparableConv2D(32, 5, strides=2, padding="same"),
            layers.Conv2D(32, 1, groups=4),
            layers.GlobalAveragePooling2D(),
        ]
    )
    led = ledger(model)
    assert [row.macs for row in led.rows] == [
        16 * 16 * 9 * 16,
        8 * 8 * (25 * 16 + 16 * 32),
        8 * 8 * 32 * (32 // 4),
        0,
    ]
    assert led.parameters == model.count_params()
    assert [row.receptive_field for row in led.rows] == [3, 7, 7, 7 + 7 * 2]


def test_augmentation_inside_a_keras_model_costs_nothing_and_keeps_the_field():
    model = keras.Sequential(
        [
            keras.Input((32, 32, 3)),
            layers.RandomFlip("horizontal"),
            layers.RandomTranslation(0.1, 0.1),
            layers.Rescaling(1 / 255),
            layers.Conv2D(4, 3),
        ]
    )
    led = ledger(model)
    assert led.complete
    assert led.parameters == model.count_params() == 112
    assert [row.receptive_field for row in led.rows] == [1, 1, 1, 3]


def test_nested_keras_models_are_opened():
    base = keras.Sequential([keras.Input((32, 32, 3)), layers.Conv2D(4, 3, name="first")], name="base")
    base.trainable = False
    image = keras.Input((32, 32, 3))
    model = keras.Model(image, layers.Dense(2, name="head")(layers.Flatten(name="flat")(base(image))))
    led = ledger(model)
    assert [row.name for row in led.rows] == ["base/first", "flat", "head"]
    assert (led.parameters, led.non_trainable) == (model.count_params(), 112)


def test_frozen_torch_layers_are_not_trainable():
    model = text_003_torch()
    model[0].requires_grad_(False)
    led = ledger(model, (3, 32, 32))
    assert led.trainable == sum(p.numel() for p in model.parameters() if p.requires_grad)
    assert led.rows[0].name == "0.0" and led.rows[0].trainable == 0 and led.rows[0].parameters == 896


def test_a_layer_used_twice_is_counted_once_but_works_twice():
    shared = nn.Conv2d(3, 3, 3, padding=1)
    model = nn.Sequential(shared, nn.ReLU(), shared)
    led = ledger(model, (3, 8, 8))
    assert led.parameters == sum(p.numel() for p in model.parameters())
    assert led.macs == 2 * 8 * 8 * 3 * 27
    assert led.rows[-1].receptive_field == 5


def test_a_torch_model_keeps_its_mode_and_buffers():
    model = text_001_torch().train()
    model[0].eval()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    ledger(model, (3, 32, 32))
    assert model.training and not model[0].training and model[1].training
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())


class Doubled(nn.Conv2d):
    """Not a plain convolution: twice the work."""

    def forward(self, x):
        return super().forward(super().forward(x))


class Flip(nn.Module):
    """Augmentation of one's own: only in training."""

    def forward(self, x):
        return x.flip(-1) if self.training else x


def test_an_unknown_layer_has_no_macs_and_the_total_says_at_least():
    model = nn.Sequential(nn.Conv2d(3, 3, 3, padding=1), Doubled(3, 3, 3, padding=1), nn.Conv2d(3, 1, 1))
    led = ledger(model, (3, 8, 8))
    unknown = led.rows[1]
    assert (unknown.macs, unknown.receptive_field, unknown.parameters) == (None, None, 84)
    assert unknown.output_shape == (3, 8, 8)
    assert led.rows[2].receptive_field is None, "nothing is known after an unknown layer"
    assert not led.complete
    assert "at least" in str(led) and "Doubled" in str(led).splitlines()[-1]


class Scaled(layers.Conv2D):
    """Not a plain convolution."""

    def call(self, x):
        return 2 * super().call(x)


def test_a_keras_layer_of_ones_own_is_not_taken_for_its_parent():
    model = keras.Sequential([keras.Input((8, 8, 3)), Scaled(4, 3), layers.Conv2D(2, 1)])
    led = ledger(model)
    assert [row.output_shape for row in led.rows] == [(6, 6, 4), (6, 6, 2)]
    assert (led.rows[0].macs, led.rows[0].receptive_field, led.complete) == (None, None, False)
    assert led.parameters == model.count_params()
    assert led.macs == 6 * 6 * 4 * 2


def test_a_module_that_hands_its_input_on_at_prediction_is_known_to_do_nothing():
    led = ledger(nn.Sequential(Flip(), nn.Conv2d(3, 4, 3)), (3, 8, 8))
    assert led.complete
    assert led.rows[1].receptive_field == 3


def test_an_unbuilt_keras_model_is_built_for_the_shape_that_is_given():
    model = keras.Sequential([layers.Conv2D(8, 3), layers.Flatten(), layers.Dense(2)])
    with pytest.raises(ValueError, match="not built yet"):
        ledger(model)
    assert ledger(model, (10, 10, 1)).parameters == model.count_params() == 80 + 8 * 8 * 8 * 2 + 2


def test_bad_input_is_named():
    with pytest.raises(ValueError, match="Keras and torch models, not list"):
        ledger([1, 2])
    with pytest.raises(ValueError, match="does not know its input"):
        ledger(nn.Sequential(nn.Linear(2, 2)))
    with pytest.raises(ValueError, match=r"layer 1 \(Linear\) cannot take \(4, 6, 6\)"):
        ledger(nn.Sequential(nn.Conv2d(3, 4, 3), nn.Linear(99, 2)), (3, 8, 8))
    with pytest.raises(ValueError, match="lazy"):
        ledger(nn.Sequential(nn.LazyLinear(3)), (8,))
    with pytest.raises(ValueError, match="was built for"):
        ledger(text_001_keras(), (28, 28, 1))


def test_a_model_with_branches_is_refused():
    image = keras.Input((8, 8, 3))
    left = layers.Conv2D(3, 3, padding="same", name="left")(image)
    model = keras.Model(image, layers.Add(name="sum")([left, image]))
    with pytest.raises(ValueError, match="branches at layer sum"):
        ledger(model)


def test_the_html_table_is_well_formed_and_accessible():
    model = nn.Sequential()
    model.add_module("<b>", nn.Conv2d(3, 64, (3, 1)))
    led = ledger(model, (3, 32, 32))
    root = ElementTree.fromstring(led._repr_html_())
    assert (root.get("role"), root.get("tabindex")) == ("region", "0")  # it scrolls, by keyboard too
    assert root.get("aria-label")
    assert "3 × 32 × 32" in root.find("table/caption").text
    assert {th.get("scope") for th in root.find("table/thead").iter("th")} == {"col"}
    body, total = root.find("table/tbody"), root.find("table/tfoot")
    assert body.find("tr/th").text == "<b>" and body.find("tr/th").get("scope") == "row"
    assert "3 × 1" in [td.text for td in body.iter("td")]
    assert f"{led.macs:,}" in [td.text for td in total.iter("td")]


def test_the_text_table_has_a_line_a_layer():
    led = ledger(text_003_torch(), (3, 32, 32))
    lines = str(led).splitlines()
    assert sum(line.startswith(tuple(row.name for row in led.rows)) for line in lines) >= len(led.rows)
    assert f"{led.parameters:,}" in next(line for line in lines if line.startswith("total"))


def test_keras_on_the_torch_backend_gives_the_same_ledger():
    code = "from tests.test_ledger import *; print(ledger(text_003_keras()))"
    run = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"KERAS_BACKEND": "torch"},
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[1],
    )
    assert run.returncode == 0, run.stderr
    assert [line.split()[1:] for line in run.stdout.splitlines()[1:-1]] == [
        line.split()[1:] for line in str(ledger(text_003_keras())).splitlines()[1:-1]
    ]
