"""What a head holds, what trains and what is frozen, and how fast each depth learns."""

from collections.abc import Callable
from itertools import pairwise

import numpy as np

from course_utils import reference
from course_utils.checks.question import Case, question

# --- head_parameters ----------------------------------------------------------------------------------------------


def _head_cases(rng: np.random.Generator) -> list[Case]:
    def maps(low, high):
        height, width = rng.choice(np.arange(low, high), 2, replace=False)
        return int(height), int(width), int(rng.integers(8, 30))

    wide, narrow = int(rng.integers(20, 40)), int(rng.integers(5, 15))
    return [
        Case(maps=maps(2, 5), units=[int(rng.integers(2, 6))], pooled=True),
        Case(maps=maps(2, 5), units=[int(rng.integers(2, 6))], pooled=False),
        Case(maps=maps(3, 8), units=[wide, narrow, 3], pooled=True),
        Case(maps=maps(3, 8), units=[wide, narrow, 3], pooled=False),
    ]


def _head_wrong(
    flat: Callable = lambda h, w, c: h * w * c, pooled_to: Callable = lambda h, w, c: c, bias: int = 1
) -> Callable:
    def head_parameters(maps, units, pooled):
        inputs = pooled_to(*maps) if pooled else flat(*maps)
        return sum((a + bias) * b for a, b in pairwise([inputs, *units]))

    return head_parameters


def _each_from_the_maps(maps, units, pooled):
    inputs = maps[2] if pooled else maps[0] * maps[1] * maps[2]
    return sum((inputs + 1) * n for n in units)


head_parameters = question(
    "head_parameters",
    shortcuts=("keras", "torch", "count_params"),
    points=2,
    partial=1,
    reference=reference.head_parameters,
    cases=_head_cases,
    mistakes={
        "The biases are missing: each unit has one.": _head_wrong(bias=0),
        "Pooling changes nothing in your count. It leaves one number for each map, so C go into the first layer.": (
            _head_wrong(pooled_to=lambda h, w, c: h * w * c)
        ),
        "Without pooling all H · W · C numbers go into the first layer, not only C.": _head_wrong(
            flat=lambda h, w, c: c
        ),
        "You pool over the wrong axes. Each map becomes one number: H and W go, C stays.": _head_wrong(
            pooled_to=lambda h, w, c: h * w
        ),
        "You exchange the two: pooled means C inputs, flattened means H · W · C.": _head_wrong(
            flat=lambda h, w, c: c, pooled_to=lambda h, w, c: h * w * c
        ),
        "You count the first dense layer only.": lambda maps, units, pooled: reference.head_parameters(
            maps, units[:1], pooled
        ),
        "You feed the maps into every layer. Each dense layer gets what the one before it puts out.": (
            _each_from_the_maps
        ),
        "You forget the last layer, that of the outputs: it has weights, too.": lambda maps, units, pooled: (
            reference.head_parameters(maps, units[:-1], pooled)
        ),
        "One bias for each layer is too few: each unit has its own.": lambda maps, units, pooled: (
            _head_wrong(bias=0)(maps, units, pooled) + len(units)
        ),
    },
    hints={
        "raised": "Three numbers (H, W, C) come as `maps`; `units` is a list, of one layer or of several.",
        "type": "Return one whole number.",
        "shape": "Return one whole number for the whole head.",
        "values": "Draw the chain on paper: how many numbers go into each layer, how many come out?",
    },
)

# --- layer_rates --------------------------------------------------------------------------------------------------

_DEPTHS = ("stem", "block1", "block2", "block3", "block4", "block5", "head")


def _rate_cases(rng: np.random.Generator) -> list[Case]:
    def case(n, frozen=()):
        rate, decay = float(rng.choice([0.1, 0.02, 0.01])), float(rng.choice([0.5, 0.3, 0.2]))
        return Case(groups=list(_DEPTHS[-n:]), rate=rate, decay=decay, frozen=list(frozen))

    return [case(2), case(4), case(4, ["block3"]), case(6, ["block1", "block4"]), case(7, ["stem", "block2"])]


def _by_place(power: Callable, frozen_too: bool = False) -> Callable:
    """Rates by a group's place and by how many groups there are."""

    def layer_rates(groups, rate, decay, frozen):
        n = len(groups)
        return [0.0 if g in frozen and not frozen_too else rate * power(decay, i, n) for i, g in enumerate(groups)]

    return layer_rates


def _skipping(groups, rate, decay, frozen):
    """Frozen groups are no steps."""
    rates, now = [], rate
    for group in reversed(groups):
        rates.append(0.0 if group in frozen else now)
        now *= 1 if group in frozen else decay
    return rates[::-1]


def _left_out(groups, rate, decay, frozen):
    return [one for one in reference.layer_rates(groups, rate, decay, frozen) if one]


layer_rates = question(
    "layer_rates",
    points=2,
    partial=1,
    tolerance=1e-9,
    reference=reference.layer_rates,
    cases=_rate_cases,
    mistakes={
        "The rates run the wrong way: the head, which knows nothing yet, gets the largest; what lies next to the image "
        "gets the smallest.": _by_place(lambda d, i, n: d**i),
        "All groups have the same rate.": _by_place(lambda d, i, n: 1.0),
        "You make one step too many: the head itself gets `rate`, undiminished.": _by_place(
            lambda d, i, n: d ** (n - i)
        ),
        "You divide by `decay`, so that the rates grow towards the image.": _by_place(lambda d, i, n: d ** (i - n + 1)),
        "Below the head all groups have one rate. Each step down multiplies once more.": _by_place(
            lambda d, i, n: 1.0 if i == n - 1 else d
        ),
        "You divide by the number of steps. The decay is geometric: each step multiplies by `decay`.": _by_place(
            lambda d, i, n: d / (n - 1 - i) if i < n - 1 else 1.0
        ),
        "You subtract the same amount at each step; multiply instead.": _by_place(
            lambda d, i, n: 1 - (1 - d) * (n - 1 - i)
        ),
        "Frozen groups are given a rate. Theirs is 0.": _by_place(lambda d, i, n: d ** (n - 1 - i), frozen_too=True),
        "You skip frozen groups when you count steps. The rate depends on the depth, frozen or not.": _skipping,
        "Frozen groups are missing from your list: give them 0, or the rates belong to the wrong groups.": _left_out,
        "The list is turned round: its first entry belongs to the first group, next to the image.": (
            lambda groups, rate, decay, frozen: reference.layer_rates(groups, rate, decay, frozen)[::-1]
        ),
    },
    hints={
        "raised": "The inputs are a list of names, two numbers, and a list of names, which may be empty.",
        "type": "Return a list of numbers: one rate for each group, 0 for a frozen one.",
        "shape": "One rate for each group, in the order of `groups`.",
        "values": "Write the groups on paper, the head last, and go downwards from it, one step at a time.",
    },
)

# --- freeze_plan --------------------------------------------------------------------------------------------------


def _plan_cases(rng: np.random.Generator) -> list[Case]:
    def block(name, convs, normed):
        layers = []
        for _ in range(convs):
            layers.append((name, "conv", int(rng.integers(200, 900))))
            if normed:
                layers.append((name, "batch norm", 4 * int(rng.integers(5, 40))))
        return [*layers, (name, "pooling", 0)]

    def head(normed):
        between = [("head", "batch norm", 4 * int(rng.integers(5, 40)))] if normed else []
        return [("head", "dense", int(rng.integers(100, 400))), *between, ("head", "dense", int(rng.integers(10, 90)))]

    def case(first, convs, body_normed=False, head_normed=False):
        body = [layer for i, n in enumerate(convs, start=1) for layer in block(f"block{i}", n, body_normed)]
        return Case(layers=body + head(head_normed), first=first)

    plain = [*block("block1", 1, False)[:-1], *block("block2", 1, False)[:-1], *head(False)[:-1]]
    normed = [*block("block1", 1, True)[:-1], *head(True)[:-1]]
    return [
        Case(layers=plain, first="block2"),
        Case(layers=normed, first="block1"),
        case("block2", (1, 2, 3)),
        case("block4", (2, 2, 3, 3), body_normed=True),
        case("block3", (1, 2, 2, 3, 3), body_normed=True, head_normed=True),
        case("head", (2, 2), body_normed=True, head_normed=True),
    ]


def _plan_wrong(
    chosen: Callable | None = None, body_norm: float = 0.0, head_norm: float = 0.5, weight: Callable = lambda n: n
) -> Callable:
    """A plan that trains the layers chosen by (place, block, place of the first one, block asked for)."""
    chosen = chosen or (lambda i, block, start, first: i >= start)

    def freeze_plan(layers, first):
        start = next(i for i, layer in enumerate(layers) if layer[0] == first)
        trainable = 0
        for i, (block, kind, n) in enumerate(layers):
            part = {"head": head_norm}.get(block, body_norm) if kind == "batch norm" else 1
            trainable += part * weight(n) * bool(chosen(i, block, start, first))
        return {"trainable": trainable, "frozen": sum(weight(n) for *_, n in layers) - trainable}

    return freeze_plan


def _four_convolutions(layers, first):
    convs = [i for i, (_, kind, _) in enumerate(layers) if kind == "conv"]
    return _plan_wrong(lambda i, block, *_: block == "head" or i in convs[-4:])(layers, first)


def _turned(layers, first):
    plan = reference.freeze_plan(layers, first)
    return {"trainable": plan["frozen"], "frozen": plan["trainable"]}


def _without_averages(layers, first):
    left_out = sum(n // 2 for block, kind, n in layers if (block, kind) == ("head", "batch norm"))
    plan = reference.freeze_plan(layers, first)
    return plan | {"frozen": plan["frozen"] - left_out}


freeze_plan = question(
    "freeze_plan",
    points=3,
    partial=1,
    reference=reference.freeze_plan,
    cases=_plan_cases,
    mistakes={
        "The head is missing from what trains. It is new, and there is nothing in it to keep.": _plan_wrong(
            lambda i, block, start, first: i >= start and (block != "head" or first == "head")
        ),
        "You train the named block and the head, and freeze the blocks between them. All from there on train.": (
            _plan_wrong(lambda i, block, start, first: block in (first, "head"))
        ),
        "You train one block alone. Everything from there on trains, the head too.": _plan_wrong(
            lambda i, block, start, first: block == first
        ),
        "Only the head trains in your plan.": _plan_wrong(lambda i, block, start, first: block == "head"),
        "The two numbers are exchanged.": _turned,
        "You begin one block too late: the named one trains as well.": _plan_wrong(
            lambda i, block, start, first: i > start and (block != first or first == "head")
        ),
        "You train what lies before the named block. Those are the general filters next to the image: freeze them.": (
            _plan_wrong(lambda i, block, start, first: i < start or block == "head")
        ),
        "You let the last four convolutions train, whatever the block. How many a block has, the list says; in VGG16's "
        "last one there are three.": _four_convolutions,
        "You count batch norm like any other layer. In the body it stays frozen, and of the head's only half trains.": (
            _plan_wrong(body_norm=1, head_norm=1)
        ),
        "Batch norm in the body trains in your plan, by half. Of a pretrained body it stays frozen as a whole.": (
            _plan_wrong(body_norm=0.5)
        ),
        "All numbers of the head's batch norm train in your plan. Its running mean and variance, half of them, are "
        "measured, never trained.": _plan_wrong(head_norm=1),
        "The head's batch norm is frozen in your plan. It is new: its γ and β, half of its numbers, train.": (
            _plan_wrong(head_norm=0)
        ),
        "Some numbers are in neither count: the head's running averages do not train, so they are frozen.": (
            _without_averages
        ),
        "You count layers; asked for are their numbers.": _plan_wrong(body_norm=0, head_norm=1, weight=lambda n: 1),
        "What you call frozen is the whole net. Take off what trains.": lambda layers, first: {
            "trainable": reference.freeze_plan(layers, first)["trainable"],
            "frozen": sum(n for *_, n in layers),
        },
    },
    hints={
        "raised": "Each layer is three things: for block, kind, numbers in layers.",
        "type": 'Return a dictionary: {"trainable": ..., "frozen": ...}.',
        "shape": "Both entries are single numbers.",
        "values": "Go through the smallest case layer by layer and write T or F beside each.",
    },
)
