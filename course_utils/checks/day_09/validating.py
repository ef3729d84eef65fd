"""An epoch of validation in PyTorch."""

import numpy as np

from course_utils import reference
from course_utils.checks.day_09.watching import (
    PAIR,
    cut,
    drawn,
    is_,
    is_of_means,
    is_sum,
    loader,
    small_model,
    start_in_numpy,
    summed_up,
    watched,
    whole,
)
from course_utils.checks.question import Case, Rule, question


def _evaluate_cases(rng: np.random.Generator) -> list[Case]:
    def case(*sizes):
        return Case(**drawn(rng, *sizes))

    return [case(6, 4, 2, 2), case(23, 10, 4, 3), case(58, 16, 5, 3)]


def _watch_evaluation(evaluate, inputs, labels, batch_size, weight, bias):
    """A small model, fresh from training, for one pass of the student's validation."""
    import torch

    model = small_model(weight, bias).train()
    batches = loader(inputs, labels, batch_size)
    return watched(lambda: evaluate(model, batches, torch.nn.CrossEntropyLoss()), model)


def _judged(inputs, labels, batch_size, weight, bias):
    """Losses and verdicts, batch by batch, computed in NumPy."""
    model = start_in_numpy(weight, bias)
    found = [reference.judge_batch(model, x, y) for x, y in cut(inputs, labels, batch_size)]
    return reference.Epoch(model, [losses for losses, _ in found], [right for _, right in found])


def _evaluate(mode=True, grad=False, most=None, loss="whole", accuracy="whole"):
    """A validation, and what it returns; the reference, and with other words each mistake."""

    def one_pass(model, batches, loss_of):
        import torch

        if mode:
            model.eval()
        losses, rights, sizes = [], [], []
        with torch.set_grad_enabled(grad):
            for inputs, labels in list(batches)[:most]:
                logits = model(inputs)
                losses.append(loss_of(logits, labels))
                rights.append((logits.argmax(1) == labels).sum().item())
                sizes.append(len(labels))
        return summed_up(losses, rights, sizes, loss, accuracy)

    return one_pass


evaluate = question(
    "evaluate",
    points=3,
    partial=1,
    reference=_evaluate(),
    cases=_evaluate_cases,
    observe=_watch_evaluation,
    rules={
        "The model is in training mode: its answers depend on the other images of the batch, and validation images "
        "change its running averages. Begin with model.eval().": Rule(
            lambda value, **_: not value["modes"].any(), _evaluate(mode=False)
        ),
        "PyTorch still remembers all that it needs for a way back, which costs memory and time: work within "
        "torch.no_grad().": Rule(lambda value, **_: not value["grads"].any(), _evaluate(grad=True)),
        "Not every batch goes through the model exactly once.": Rule(
            lambda value, labels, batch_size, **_: len(value["modes"]) == -(-len(labels) // batch_size),
            _evaluate(most=1),
        ),
        "The loss is a sum; the mean over the images is asked for.": Rule(
            lambda value, **case: not is_sum(value, "loss", _judged(**case).losses), _evaluate(loss="sum")
        ),
        "The loss is the mean of the batch means. The last batch is smaller: weight each by its images.": Rule(
            lambda value, **case: not is_of_means(value, "loss", _judged(**case).losses), _evaluate(loss="means")
        ),
        "The loss is not the mean over all images.": Rule(
            lambda value, **case: is_(value, "loss", whole(_judged(**case).losses)), _evaluate(loss="last")
        ),
        "The accuracy is a share, between 0 and 1, and neither a count nor a percentage.": Rule(
            lambda value, **_: -1e-6 <= float(value["accuracy"]) <= 1 + 1e-6, _evaluate(accuracy="count")
        ),
        "The accuracy is the mean of the batches' accuracies. Count right answers, and divide once at the end.": Rule(
            lambda value, **case: not is_of_means(value, "accuracy", _judged(**case).right),
            _evaluate(accuracy="means"),
        ),
        "The accuracy is not the share of images for which the largest logit is that of their label.": Rule(
            lambda value, **case: is_(value, "accuracy", whole(_judged(**case).right)), _evaluate(accuracy="wrong")
        ),
    },
    hints={
        "shape": PAIR + ".",
        "type": "Write a function evaluate(model, batches, loss_of). " + PAIR + ".",
        "raised": "Try it on the small model in the cell above the check.",
    },
)
