"""Before and during training: the weights of the classes, what they do to the scores, which layers train when."""

import numpy as np

from course_utils import reference
from course_utils.checks.compare import Unreadable
from course_utils.checks.question import Case, question

# --- class_weights ------------------------------------------------------------------------------------------------


def _label_cases(rng: np.random.Generator) -> list[Case]:
    def case(*counts):
        return Case(labels=rng.permutation(np.repeat(np.arange(len(counts)), counts)))

    few, some, many = (int(n) for n in np.sort(rng.permutation(np.arange(5, 60))[:3]))
    return [case(1, 3), case(few, many), case(many, few, some), case(1341, 3875)]


def _by_count(weigh):
    """Class -> a weight from the counts of the films of all classes."""

    def weights(labels):
        classes, counts = np.unique(labels, return_counts=True)
        return {int(c): float(w) for c, w in zip(classes, weigh(counts), strict=True)}

    return weights


def _exchanged(counts):
    if len(counts) != 2:
        raise ValueError  # what would be exchanged for what?
    return counts.sum() / (2 * counts[::-1])


def _of_each_film(labels):
    weights = reference.class_weights(labels)
    return np.array([weights[int(label)] for label in labels])


class_weights = question(
    "class_weights",
    points=2,
    partial=1,
    reference=reference.class_weights,
    cases=_label_cases,
    mistakes={
        "These are the shares of the classes. A weight is the inverse of that: the rarer, the heavier.": _by_count(
            lambda n: n / n.sum()
        ),
        "The weights are exchanged: the frequent class has the large one.": _by_count(_exchanged),
        "You give N / films of the class. Divide by the number of classes too, so that the mean weight of a film is "
        "1: else the whole loss grows, and with it every step.": _by_count(lambda n: n.sum() / n),
        "The number of classes is fixed at two; there may be more.": _by_count(lambda n: n.sum() / (2 * n)),
        "The weights add up to 1. The ratio is right, but the mean weight of a film has to be 1, or the loss shrinks, "
        "and every step with it.": _by_count(lambda n: (1 / n) / (1 / n).sum()),
        "The weights add up to the number of classes. Their mean over the *films* has to be 1.": _by_count(
            lambda n: len(n) * (1 / n) / (1 / n).sum()
        ),
        "The most frequent class has the weight 1. The ratio is right, but the mean weight of a film is above 1: every "
        "step grows.": _by_count(lambda n: n.max() / n),
        "You take 1 − share. Films of two classes then do not weigh the same in all: divide by the share instead.": (
            _by_count(lambda n: 1 - n / n.sum())
        ),
        "You round the weights; leave them as they are.": _by_count(lambda n: (n.sum() / (len(n) * n)).round(2)),
        "You give one weight for each film. Keras wants a dictionary, class → weight.": _of_each_film,
    },
    hints={
        "raised": "Labels are an array of whole numbers; np.unique(labels, return_counts=True) counts each.",
        "type": "Return a dictionary, class → weight, with one entry for each class that occurs.",
        "shape": "One number for each class.",
        "values": "On paper: the labels 0, 1, 1, 1. Both classes weigh the same in all, and the four weights add up to "
        "4.",
    },
)

# --- undo_class_weights -------------------------------------------------------------------------------------------


def _score_cases(rng: np.random.Generator) -> list[Case]:
    def case(n, *counts):
        weights = reference.class_weights(np.repeat([0, 1], counts))
        inner = rng.uniform(0.02, 0.98, n - 2).round(3)
        return Case(scores=np.concatenate([[0.0, 1.0], inner]), weights={c: round(w, 3) for c, w in weights.items()})

    few, many = (int(n) for n in np.sort(rng.permutation(np.arange(20, 200))[:2]))
    first = Case(scores=rng.uniform(0.1, 0.9, 2).round(2), weights={0: 2.0, 1: 0.5})
    return [first, case(5, 1341, 3875), case(8, many, few + 1), case(40, few, many)]


def _odds(change, back=lambda odds: odds / (1 + odds)):
    def undo(scores, weights):
        with np.errstate(all="ignore"):
            return back(change(scores / (1 - scores), weights))

    return undo


def _logit_added(scores, weights):
    return 1 / (1 + np.exp(-(scores + np.log(weights[0] / weights[1]))))


undo_class_weights = question(
    "undo_class_weights",
    points=2,
    partial=1,
    reference=reference.undo_class_weights,
    cases=_score_cases,
    mistakes={
        "You apply the weights once more. Training has multiplied the odds by w1 / w0: divide by it.": (
            lambda scores, weights: scores * weights[1] / (scores * weights[1] + (1 - scores) * weights[0])
        ),
        "A score of 1 becomes NaN: its odds are infinite. Weigh s and 1 − s apart, then divide by their sum.": _odds(
            lambda odds, w: odds * w[0] / w[1]
        ),
        "You divide the probability. Weights act on the odds s / (1 − s): a probability would leave 0 to 1.": (
            lambda scores, weights: scores * weights[0] / weights[1]
        ),
        "You divide the probability and cut it off at 1. Weights act on the odds s / (1 − s).": (
            lambda scores, weights: np.clip(scores * weights[0] / weights[1], 0, 1)
        ),
        "You use the weight of class 1 only. Weighting class 0 moves the odds as well: what counts is w0 / w1.": (
            lambda scores, weights: (scores / weights[1]) / (scores / weights[1] + 1 - scores)
        ),
        "You use the weight of class 0 only. Weighting class 1 moves the odds as well: what counts is w0 / w1.": (
            lambda scores, weights: scores * weights[0] / (scores * weights[0] + 1 - scores)
        ),
        "These are the odds; asked for are probabilities: odds / (1 + odds).": _odds(
            lambda odds, w: odds * w[0] / w[1], back=lambda odds: odds
        ),
        "You add the logarithm of w0 / w1 to the probability. It belongs to the logit, ln(s / (1 − s)).": _logit_added,
        "You divide the score by its weight and stop there. Divide 1 − s by w0 as well, then by the sum of the two: "
        "the probabilities of both classes add up to 1.": lambda scores, weights: scores / weights[1],
    },
    hints={
        "raised": "The weights are a dictionary with the keys 0 and 1.",
        "type": "Return an array, one probability for each score.",
        "shape": "Return one probability for each score.",
        "values": "On paper: a score of 0.5 has the odds 1. With the weights 2 and 0.5 they become 4: 4 / 5 = 0.8.",
    },
)

# --- two_phase_plan --------------------------------------------------------------------------------------------------

Layers = tuple[tuple[str, int], ...]


def _vgg(blocks: tuple[tuple[int, int], ...], channels: int = 3) -> Layers:
    """The rows of a net like VGG16: its convolutions, 3 × 3 and with a bias, and its pooling layers."""
    rows = [("input", 0)]
    for number, (convolutions, width) in enumerate(blocks, start=1):
        for place in range(1, convolutions + 1):
            rows.append((f"block{number}_conv{place}", (9 * channels + 1) * width))
            channels = width
        rows.append((f"block{number}_pool", 0))
    return tuple(rows)


VGG16 = _vgg(((2, 64), (2, 128), (3, 256), (3, 512), (3, 512)))
"""(name, parameters) of each layer of VGG16 without its dense layers."""

HEAD = (("global_average", 0), ("dropout", 0), ("answer", 513))
"""The head that is put on it: pooled maps, one probability."""


def _layer_cases(rng: np.random.Generator) -> list[Case]:
    def case(blocks, head, rate):
        rows = [[name, n] for name, n in _vgg(blocks)]
        return Case(backbone=rows, head=[list(row) for row in head], block=f"block{len(blocks)}", rate=rate)

    small, wide = (int(n) for n in 4 * rng.integers(2, 9, 2))
    hidden = int(rng.integers(16, 128))
    dense = (("flatten", 0), ("hidden", (wide + 1) * hidden), ("dropout", 0), ("answer", hidden + 1))
    return [
        case(((1, small), (2, wide)), (("answer", wide + 1),), 1e-3),
        case(((2, small), (1, small), (4, wide)), dense, 3e-3),
        case(((2, 64), (2, 128), (3, 256), (3, 512), (3, 512)), HEAD, 1e-3),
    ]


def _read(plan, backbone, head, block, rate) -> dict[str, str]:
    """What an answer says, as texts: a rate of 1e-5 would vanish beside seven million."""
    answer, seen = plan(backbone, head, block, rate), {}
    if not isinstance(answer, dict) or not {"phase 1", "phase 2"} <= set(answer):
        raise Unreadable('Return a dictionary with the keys "phase 1" and "phase 2".')
    for phase in ("phase 1", "phase 2"):
        rows = answer[phase]
        if not isinstance(rows, dict) or not {"layers", "parameters", "rate"} <= set(rows):
            raise Unreadable(f'Under "{phase}" a dictionary belongs, with the keys "layers", "parameters" and "rate".')
        try:
            names = [str(name) for name in rows["layers"]]
            seen[f"layers of {phase}"] = " ".join(names) or "none"
            seen[f"parameters of {phase}"] = f"{int(rows['parameters'])}"
            seen[f"rate of {phase}"] = f"{float(rows['rate']) / rate:.6g} times the first"
        except (TypeError, ValueError):
            raise Unreadable('"layers" is a list of names, "parameters" a whole number, "rate" a number.') from None
    return seen


def _planned(second=None, slower=100, first=None, count=sum):
    """A plan; first, second: which rows train in that phase; count: what becomes of their numbers of parameters."""

    def plan(backbone, head, block, rate):
        last, top = _with_weights([row for row in backbone if row[0].startswith(block)]), _with_weights(head)
        rows = {
            "phase 1": first(backbone, last, top, head) if first else top,
            "phase 2": second(backbone, last, top, head) if second else last + top,
        }
        rates = {"phase 1": rate, "phase 2": rate / slower}
        return {
            phase: {
                "layers": [name for name, _ in some],
                "parameters": count([n for _, n in some]),
                "rate": rates[phase],
            }
            for phase, some in rows.items()
        }

    return plan


def _with_weights(rows):
    return [row for row in rows if row[1]]


two_phase_plan = question(
    "two_phase_plan",
    points=3,
    partial=1,
    reference=reference.two_phase_plan,
    cases=_layer_cases,
    observe=_read,
    mistakes={
        "Layers without weights are listed too: pooling, dropout and the like. Nothing in them can train.": _planned(
            first=lambda backbone, last, top, head: head,
            second=lambda backbone, last, top, head: [*last, backbone[-1], *head],
        ),
        "The pooling layer of the block is listed as well. It has no weights: nothing in it can train.": _planned(
            lambda backbone, last, top, head: [*last, backbone[-1], *top]
        ),
        "Phase 2 takes the last four convolutions. Go by the names: a block has as many as its names say, in VGG16 "
        "three.": _planned(lambda backbone, last, top, head: _with_weights(backbone)[-4:] + top),
        "The head is forgotten in phase 2. It goes on training beside the block.": _planned(
            lambda backbone, last, top, head: last
        ),
        "The rate of phase 2 is 10 times smaller; asked for is 100 times. From 1e-3 to 1e-5 are two zeros.": _planned(
            slower=10
        ),
        "The rate of phase 2 is that of phase 1. A large step destroys what the block has learnt.": _planned(slower=1),
        "The rate of phase 2 is 100 times larger. Fine-tuning takes small steps.": _planned(slower=0.01),
        "Phase 2 trains the whole backbone; only its last block is to be unfrozen.": _planned(
            lambda backbone, last, top, head: _with_weights(backbone) + top
        ),
        "Phase 1 trains the block as well. There the backbone is frozen as a whole: only the head learns.": _planned(
            first=lambda backbone, last, top, head: last + top
        ),
        "Phase 1 trains everything. There the backbone is frozen: only the head learns.": _planned(
            first=lambda backbone, last, top, head: _with_weights(backbone) + top
        ),
        "Your parameters are a number of layers. Add up the parameters of the layers that train.": _planned(count=len),
        "The head stands before the block. List the layers in the order of the network.": _planned(
            lambda backbone, last, top, head: top + last
        ),
    },
    hints={
        "raised": "Each layer is a pair: for name, parameters in backbone. Names of a block begin with block + '_'.",
        "type": 'Return {"phase 1": {"layers": [...], "parameters": n, "rate": r}, "phase 2": {...}}.',
        "values": "Go through the smallest case by hand: which layers have weights, and which of them belong to the "
        "head or to the block? And how much smaller is the second rate?",
    },
)
