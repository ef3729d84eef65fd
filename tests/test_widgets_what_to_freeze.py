"""What to freeze: its JavaScript against Keras' ledger and against steps that PyTorch and Keras really take."""

import functools
import itertools

import keras
import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
import traitlets
from torch import nn
from torch.utils.flop_counter import FlopCounterMode
from widget_kit import node

from course_utils.ledger import ledger
from course_utils.widgets import WhatToFreeze
from course_utils.widgets.what_to_freeze import HEADS, NETS, NORMS

NAME = "what_to_freeze"
PLAIN = {
    "framework": "keras", "head": "pooled", "batch_norm": "frozen", "told_norm": "frozen", "head_trained": True,
    "augment": False, "rate_body": 1e-5, "rate_head": 1e-3, "batch": 32, "checked": False, "images": 0,
}  # fmt: skip


def blocks_of(net):
    return [*(name for name, *_ in NETS[net]["blocks"]), "head"]


def plan(net, trains, told=None, **more):
    some = {"net": net, "side": NETS[net]["sides"][-1], "trains": trains, "told": trains if told is None else told}
    return PLAIN | some | more


def steps(plans):
    return node(NAME, "step", [(one, NETS) for one in plans])


def faults(plans):
    return [[one["fault"] for one in found] for found in node(NAME, "faults", [(one, NETS) for one in plans])]


def random_plans(seed, count, nets=("VGG16", "ResNet50", "digits net"), **fixed):
    rng = np.random.default_rng(seed)
    for _ in range(count):
        net = str(rng.choice(nets))
        names = blocks_of(net)
        some = {name: [b for b in names if rng.random() < 0.5] for name in ("trains", "told")}
        norms = {name: str(rng.choice(NORMS)) for name in ("batch_norm", "told_norm")}
        yield plan(net, **some, **norms, head=str(rng.choice(list(HEADS)))) | fixed


# ---- the ledger ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("net", ["VGG16", "ResNet50"])
def test_blocks_hold_and_put_out_what_keras_says(net):
    model = getattr(keras.applications, net)(include_top=False, weights=None, input_shape=(64, 64, 3))
    (rows,) = [one["rows"][:-1] for one in steps([plan(net, [], side=64)])]
    for row in rows:
        inside = [layer for layer in model.layers if layer.name.split("_")[0] == row["name"]]
        if row["name"] == "conv1":
            inside += [layer for layer in model.layers if layer.name.startswith("pool1")]
        assert row["numbers"] == sum(layer.count_params() for layer in inside), row["name"]
        assert tuple(row["shape"]) == model.get_layer(row["end"]).output.shape[1:]
    assert sum(row["numbers"] for row in rows) == model.count_params()
    if net == "VGG16":
        assert sum(row["forward"] for row in rows) == ledger(model).macs


def test_the_ledger_s_trainable_numbers_of_vgg16_from_each_block_on():
    model = keras.applications.VGG16(include_top=False, weights=None, input_shape=(32, 32, 3))
    blocks = blocks_of("VGG16")[:-1]
    plans = [plan("VGG16", blocks[first:]) for first in range(5)]
    for first, told in enumerate(steps(plans)):
        for layer in model.layers:
            layer.trainable = layer.name.split("_")[0] in blocks[first:]
        body = told["rows"][:-1]
        assert sum(row["trainable"] for row in body) == ledger(model).trainable
        assert sum(row["frozen"] for row in body) == ledger(model).non_trainable


def test_heads_hold_what_they_should():
    cases = [(head, side) for head in HEADS for side in (32, 224)]
    found = steps([plan("VGG16", ["head"], head=head, side=side) for head, side in cases])
    for (head, side), told in zip(cases, found, strict=True):
        pooled, hidden = HEADS[head]
        layers = [keras.layers.GlobalAveragePooling2D() if pooled else keras.layers.Flatten()]
        layers += [keras.layers.Dense(units) for units in [*hidden, 2]]
        model = keras.Sequential([keras.Input((side // 32, side // 32, 512)), *layers])
        assert told["rows"][-1]["numbers"] == model.count_params()


# ---- steps that PyTorch takes ----------------------------------------------------------------------------------------


class Bottleneck(nn.Module):
    def __init__(self, spec, into, width, stride):
        super().__init__()
        one, two = conv(spec, into, width, 1, stride), conv(spec, width, width, 3, 1)
        self.path = nn.Sequential(*one, nn.ReLU(), *two, nn.ReLU(), *conv(spec, width, 4 * width, 1, 1))
        changes = into != 4 * width or stride > 1
        self.around = nn.Sequential(*conv(spec, into, 4 * width, 1, stride)) if changes else nn.Identity()

    def forward(self, x):
        return torch.relu(self.path(x) + self.around(x))


def conv(spec, into, width, kernel, stride):
    layers = [nn.Conv2d(into, width, kernel, stride, kernel // 2, bias=spec["bias"])]
    return layers + [nn.BatchNorm2d(width)] * spec["norm"]


class Pooled(nn.Module):
    def forward(self, x):
        return x.mean((2, 3))


def in_torch(state):
    """The net of a plan: an nn.Sequential with an entry for each block."""
    spec = NETS[state["net"]]
    channels, side, parts = spec["channels"], state["side"], []
    for _, _, layers in spec["blocks"]:
        part = []
        for kind, *numbers in layers:
            side //= numbers[-1]
            if kind == "pool":
                part.append(nn.MaxPool2d(2))
            elif kind == "conv":
                part += [*conv(spec, channels, *numbers), nn.ReLU()]
                channels = numbers[0]
            else:
                part.append(Bottleneck(spec, channels, *numbers))
                channels = 4 * numbers[0]
        parts.append(nn.Sequential(*part))
    pooled, hidden = HEADS[state["head"]]
    widths = [channels * (1 if pooled else side * side), *hidden, spec["outputs"]]
    dense = [layer for pair in itertools.pairwise(widths) for layer in (nn.Linear(*pair), nn.ReLU())][:-1]
    return nn.Sequential(*parts, nn.Sequential(Pooled() if pooled else nn.Flatten(), *dense))


def switch(net, state, which="batch_norm", blocks="trains"):
    """Gradients and modes as the plan says; the parameters that need a gradient."""
    for name, part in zip(blocks_of(state["net"]), net, strict=True):
        part.requires_grad_(name in state[blocks]).train()
        for norm in (one for one in part.modules() if isinstance(one, nn.BatchNorm2d)):
            norm.train(state[which] == "training")
            if state[which] == "frozen":
                norm.requires_grad_(False)
    return [p for p in net.parameters() if p.requires_grad]


def images(state, n=4):
    channels = NETS[state["net"]]["channels"]
    return torch.randn(n, channels, state["side"], state["side"], generator=torch.Generator().manual_seed(1))


def test_a_step_of_pytorch_moves_these_numbers():
    torch.manual_seed(0)
    plans = list(random_plans(1, 12, ["digits net"], framework="torch"))
    assert any(not set(one["trains"]) <= set(one["told"]) for one in plans)
    for state, told in zip(plans, steps(plans), strict=True):
        net = in_torch(state)
        known = switch(net, state, "told_norm", "told")
        optimiser = torch.optim.Adam(known, 0.01) if known else None

        def once(net=net, optimiser=optimiser, state=state):
            net.zero_grad()
            out = net(images(state))
            if out.requires_grad:
                nn.functional.cross_entropy(out, torch.arange(len(out))).backward()
                if optimiser:
                    optimiser.step()

        once()
        switch(net, state)
        before = {name: value.clone() for name, value in net.state_dict().items()}
        once()
        after = net.state_dict()
        changed = {name for name in after if not torch.equal(before[name], after[name])}
        averages = {name for name in changed if "running" in name}
        for number, row in enumerate(told["rows"]):
            mine = {name for name in changed if name.startswith(f"{number}.") and "tracked" not in name}
            assert row["weights"] == sum(after[name].numel() for name in mine - averages), (row["name"], state)
            assert row["averages"] == sum(after[name].numel() for name in mine & averages), (row["name"], state)
        assert told["gradients"] == sum(p.grad.numel() for p in net.parameters() if p.grad is not None)
        kept = optimiser.state.values() if optimiser else []
        assert told["moments"] == sum(one["exp_avg"].numel() + one["exp_avg_sq"].numel() for one in kept)


def test_multiply_adds_are_those_that_pytorch_counts_forward_and_backward():
    plans = [one for one in random_plans(2, 9, framework="torch") if one["trains"]]
    plans += [plan("ResNet50", ["conv1", "head"], framework="torch"), plan("VGG16", ["block1"], framework="torch")]
    for state, told in zip(plans, steps(plans), strict=True):
        with torch.device("meta"):  # shapes are enough to count
            net = in_torch(state)
            switch(net, state)
            x = torch.empty(1, 3 if state["net"] != "digits net" else 1, state["side"], state["side"])
            with FlopCounterMode(display=False) as forward:
                out = net.eval()(x).sum()
            with FlopCounterMode(display=False) as backward:
                out.backward()
        assert 2 * told["forward"] == forward.get_total_flops(), state
        assert 2 * told["backward"] == backward.get_total_flops(), state


@functools.cache
def made(net, head, side):
    """One net for many plans: its numbers do not matter here, so none is drawn."""
    with torch.device("meta"):
        model = in_torch({"net": net, "head": head, "side": side})
    model = model.to_empty(device="cpu")
    for tensor in model.state_dict().values():
        tensor.fill_(0.01 if tensor.is_floating_point() else 0)
    return model


def saved(state):
    """Numbers of activations that PyTorch keeps for the backward pass, for one image, each tensor once."""
    net, kept = made(state["net"], state["head"], state["side"]), {}
    switch(net, state)
    own = {tensor.data_ptr() for tensor in net.state_dict().values()}

    def pack(tensor):
        if tensor.is_floating_point() and tensor.ndim in (2, 4) and tensor.data_ptr() not in own:
            kept[tensor.data_ptr()] = tensor
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        out = net(images(state, 2)).sum()
    del out
    return sum(tensor.numel() for tensor in kept.values()) // 2


def test_activations_kept_are_those_that_pytorch_keeps_from_a_block_on():
    plans = [
        plan(net, blocks_of(net)[first:], framework="torch", batch_norm=norm, told_norm=norm, head=head)
        for net, head, norm in [("VGG16", "pooled", "frozen"), ("VGG16", "flattened 256", "frozen"),
                                ("ResNet50", "pooled", "inference"), ("digits net", "pooled", "training")]
        for first in range(len(blocks_of(net)))
    ]  # fmt: skip
    for state, told in zip(plans, steps(plans), strict=True):
        assert told["keeps"] == saved(state), state


def test_never_more_activations_are_kept_than_pytorch_keeps():
    plans = list(random_plans(3, 6, framework="torch"))
    for state, told in zip(plans, steps(plans), strict=True):
        assert told["keeps"] <= saved(state), state


# ---- steps that Keras takes ------------------------------------------------------------------------------------------


class Inference(keras.Model):
    """fit would override training=False of a call in a functional model, but not in a `call` of one's own."""

    def __init__(self, body):
        super().__init__()
        self.body, self.pool, self.head = body, keras.layers.GlobalMaxPooling2D(), keras.layers.Dense(5)

    def call(self, x):
        return self.head(self.pool(self.body(x, training=False)))


def in_keras():
    body = keras.Sequential([
        keras.Input((16, 16, 1)), keras.layers.Conv2D(16, 3, padding="same", use_bias=False),
        keras.layers.BatchNormalization(), keras.layers.ReLU(), keras.layers.MaxPooling2D(),
    ])  # fmt: skip
    inputs = keras.Input((16, 16, 1))
    return body, keras.Model(inputs, keras.layers.Dense(5)(keras.layers.GlobalMaxPooling2D()(body(inputs))))


def test_keras_overrides_training_false_in_a_functional_model():
    """The explorer says so: were Keras to change this, the sentence would have to go."""
    body, _ = in_keras()
    inputs = keras.Input((16, 16, 1))
    maps = body(inputs, training=False)
    model = keras.Model(inputs, keras.layers.Dense(5)(keras.layers.GlobalMaxPooling2D()(maps)))
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    before = body.layers[1].moving_mean.numpy()
    model.train_on_batch(np.random.default_rng(0).normal(size=(8, 16, 16, 1)), np.arange(8) % 5)
    assert not np.array_equal(before, body.layers[1].moving_mean.numpy())


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="other backends refuse what TensorFlow passes over")
@pytest.mark.parametrize(
    ("told", "trains", "norm"),
    [([], ["stage 1"], "training"), (["stage 1"], [], "training"), (["stage 1"], ["stage 1"], "inference"),
     (["stage 1"], ["stage 1"], "frozen")],
)  # fmt: skip
def test_a_step_of_keras_moves_what_was_trainable_when_it_was_compiled(told, trains, norm):
    body, model = in_keras()
    if norm == "inference":
        model = Inference(body)
    body.trainable = bool(told)
    if norm == "frozen":
        body.layers[1].trainable = False
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    x, y = np.random.default_rng(0).normal(size=(8, 16, 16, 1)), np.arange(8) % 5
    model.train_on_batch(x, y)
    body.trainable = bool(trains)
    before = model.get_weights()
    model.train_on_batch(x, y)
    moved = [not np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True)]
    sizes = [value.size for value in before]
    state = plan("digits net", [*trains, "head"], [*told, "head"], batch_norm=norm, told_norm=norm)
    row = steps([state])[0]["rows"][0]
    assert row["weights"] == sum(n for n, one in zip(sizes[:3], moved[:3], strict=True) if one)
    assert row["averages"] == sum(n for n, one in zip(sizes[3:5], moved[3:5], strict=True) if one)
    assert moved[5:] == [True, True]


# ---- features, faults, state -----------------------------------------------------------------------------------------


def test_features_are_kept_up_to_the_first_block_that_moves():
    head, block5 = plan("VGG16", ["head"], side=224), plan("VGG16", ["block5", "head"], side=224)
    block1 = plan("VGG16", ["block1"])
    flat = plan("VGG16", ["head"], side=224, head="flattened 256")
    drifting = plan("ResNet50", ["head"], framework="torch", batch_norm="training", told_norm="training")
    found = [one["cache"] for one in steps([head, block5, flat, block1, head | {"augment": True}, drifting])]
    assert [one and (one["behind"], one["numbers"]) for one in found] == [
        ("the global pooling", 512), ("block4_pool", 14 * 14 * 512), ("block5_pool", 7 * 7 * 512), None, None, None,
    ]  # fmt: skip
    rows = steps([block5])[0]["rows"]
    assert found[1]["saves"] == sum(row["forward"] for row in rows[:4])


def test_each_fault_is_found_and_no_other():
    sound = plan("ResNet50", ["conv5", "head"])
    cases = [
        (sound, None),
        (sound | {"framework": "torch"}, None),
        (sound | {"told": ["head"]}, "thawed, but not compiled"),
        (sound | {"told": ["head"], "framework": "torch"}, "thawed, but the optimiser was not told"),
        (sound | {"trains": ["head"]}, "frozen, but not compiled"),
        (sound | {"trains": ["head"], "framework": "torch"}, None),
        (sound | {"trains": [], "told": []}, "nothing trains"),
        (sound | {"trains": ["conv1", "head"], "told": ["conv1", "head"]}, "a frozen block behind one that trains"),
        (sound | {"trains": ["conv5"], "told": ["conv5"], "head_trained": False}, "a random head stays random"),
        (sound | {"head_trained": False, "rate_body": 3e-4}, "a random head pulls at the body"),
        (sound | {"head_trained": False, "rate_body": 1e-4}, None),
        (sound | {"rate_body": 1e-3}, "the body is not slower than the head"),
        (sound | {"batch_norm": "inference"}, "batch norm changed, but nobody told"),
        (sound | {"batch_norm": "training", "told_norm": "training"}, None),
        (
            sound | {"batch_norm": "training", "told_norm": "training", "framework": "torch"},
            "batch norm in training mode in a frozen body",
        ),
    ]
    for (state, fault), found in zip(cases, faults([state for state, _ in cases]), strict=True):
        assert found == ([fault] if fault else []), state


def test_any_state_from_a_link_is_made_valid():
    wild = [
        {"net": "AlexNet", "side": 7, "trains": ["tail", "block2"], "told": "head", "rate_body": "x", "batch": 1e9},
        {"net": "digits net", "side": None, "trains": None, "told": [["head"]], "images": "x", "batch_norm": 3},
    ]
    for state in node(NAME, "cleaned", [(one, NETS, {"amounts": [1, 5], "accuracy": {}}) for one in wild]):
        assert state["images"] in (1, 5)
        WhatToFreeze(**state | {"images": 0})


def test_the_best_of_what_was_measured_comes_first():
    accuracy = {"frozen": [[0.3, 0.5], [0.6, 0.6]], "scratch": [[0.2, 0.3], [0.8, 0.9]]}
    measured = {"amounts": [2, 80], "accuracy": accuracy}
    few, many = node(NAME, "ranking", [(measured, 2), (measured, 80)])
    assert [one["name"] for one in few] == ["frozen", "scratch"]
    assert [one["name"] for one in many] == ["scratch", "frozen"]
    assert few[0]["spread"] == pytest.approx(np.std([0.3, 0.5], ddof=1))


def test_python_says_what_the_browser_shows():
    plans = [one | {"framework": f} for one in random_plans(4, 20) for f in ("keras", "torch")]
    for state, told in zip(plans, steps(plans), strict=True):
        explorer = WhatToFreeze(**state)
        assert f"moves {told['weights'] + told['averages']:,} of {told['numbers']:,} numbers" in explorer.describe()


def test_what_is_not_said_follows_from_the_net():
    explorer = WhatToFreeze("digits net")
    assert (explorer.trains, explorer.told, explorer.side) == (["stage 3", "head"], ["head"], 16)


@pytest.mark.parametrize(
    ("traits", "says"),
    [
        ({"trains": ["block6"]}, "trains: VGG16 has the blocks block1, .*, head, not 'block6'"),
        ({"net": "AlexNet"}, "net"),
        ({"side": 100}, "side: VGG16 is offered for 224"),
        ({"rate_body": -1}, "rate_body"),
        ({"measured": {"amounts": [1]}}, "measured: {'amounts'"),
        ({"measured": {"amounts": [1], "accuracy": {"frozen": [[90]]}}}, "measured: frozen needs a row"),
    ],
)
def test_bad_values_are_refused_in_a_sentence(traits, says):
    with pytest.raises(traitlets.TraitError, match=says):
        WhatToFreeze(**traits)


def test_it_draws_itself():
    explorer = WhatToFreeze(told=["block5", "head"])
    figure = explorer.to_figure()
    widths = [bar.get_width() for bar in figure.axes[0].patches]
    assert sum(widths) * 1e6 == pytest.approx(14_714_688 + 1_026)
    assert figure.axes[0].get_xlabel() == "numbers (millions)"
    plt.close(figure)
