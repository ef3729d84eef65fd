"""An epoch of training in PyTorch."""

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
    near,
    small_model,
    start_in_numpy,
    summed_up,
    watched,
    whole,
)
from course_utils.checks.question import Case, Rule, question


def _train_cases(rng: np.random.Generator) -> list[Case]:
    def case(*sizes):
        return Case(**drawn(rng, *sizes), rate=round(float(rng.uniform(0.2, 0.6)), 2))

    return [case(6, 4, 2, 2), case(23, 10, 4, 3), case(58, 16, 5, 3)]


def _watch_training(train_epoch, inputs, labels, batch_size, weight, bias, rate):
    """A small model, left in evaluation mode by somebody, for one epoch of the student's loop."""
    import torch

    model, steps = small_model(weight, bias).eval(), []
    optimiser = torch.optim.SGD(model.parameters(), lr=rate)
    optimiser.register_step_post_hook(lambda *_: steps.append(1))
    batches = loader(inputs, labels, batch_size)
    seen = watched(lambda: train_epoch(model, batches, torch.nn.CrossEntropyLoss(), optimiser), model)
    return {**seen, "steps": len(steps)}


def _trained(inputs, labels, batch_size, weight, bias, rate, accumulate=False):
    """What the epoch gives, computed in NumPy."""
    batches = cut(inputs, labels, batch_size)
    return reference.train_normed_softmax(start_in_numpy(weight, bias), batches, rate, accumulate)


def _has_weights(value, model) -> bool:
    return near(value["weight"], model.weight) and near(value["bias"], model.bias)


def _train(lines="zfbs", mode=True, most=None, factor=1, late=False, loss="whole", accuracy="whole"):
    """A loop with zero_grad, forward, backward, step in this order; the reference, and in other words each mistake."""

    def one_epoch(model, batches, loss_of, optimiser):
        if mode:
            model.train()
        losses, rights, sizes = [], [], []
        for inputs, labels in list(batches)[:most]:
            for letter in lines:
                match letter:
                    case "z":
                        optimiser.zero_grad()
                    case "f":
                        logits = model(inputs)
                        value = loss_of(logits, labels)
                    case "b":
                        (factor * value).backward()
                    case "s":
                        optimiser.step()
            losses.append(value)
            rights.append((logits.argmax(1) == labels).sum().item())
            sizes.append(len(labels))
        if late:
            optimiser.step()
        return summed_up(losses, rights, sizes, loss, accuracy)

    return one_epoch


train_epoch = question(
    "train_epoch",
    points=4,
    partial=1,
    reference=_train(),
    cases=_train_cases,
    observe=_watch_training,
    rules={
        "The model is not in training mode. Somebody may have left it in evaluation mode, so the epoch begins with "
        "model.train().": Rule(lambda value, **_: value["modes"].all(), _train(mode=False)),
        "Not every batch goes through the model exactly once.": Rule(
            lambda value, labels, batch_size, **_: len(value["modes"]) == -(-len(labels) // batch_size), _train(most=1)
        ),
        "The weights have not moved: step() is missing, or it comes when the gradients have just been forgotten.": Rule(
            lambda value, weight, bias, **_: not (near(value["weight"], weight) and near(value["bias"], bias)),
            _train("fbzs"),
        ),
        "The gradients of earlier batches are added to those of this one: optimiser.zero_grad() is missing.": Rule(
            lambda value, **case: not _has_weights(value, _trained(**case, accumulate=True).model),
            _train("fbs"),
        ),
        "There is not exactly one step() for each batch.": Rule(
            lambda value, labels, batch_size, **_: value["steps"] == -(-len(labels) // batch_size),
            _train("fb", late=True),
        ),
        "The weights after the epoch are not those of one plain step for each batch. What goes backward is the mean "
        "loss of the batch, as loss_of gives it.": Rule(
            lambda value, **case: _has_weights(value, _trained(**case).model), _train(factor=3)
        ),
        "The loss that you return is a tensor, and all batches hang on it in memory: add up loss.item().": Rule(
            lambda value, **_: not value["tensor"], _train(loss="tensor")
        ),
        "The loss is a sum; the mean over the images is asked for.": Rule(
            lambda value, **case: not is_sum(value, "loss", _trained(**case).losses), _train(loss="sum")
        ),
        "The loss is the mean of the batch means. The last batch is smaller: weight each by its images.": Rule(
            lambda value, **case: not is_of_means(value, "loss", _trained(**case).losses), _train(loss="means")
        ),
        "The loss is not the mean over the images, each with the loss that it had when its batch came.": Rule(
            lambda value, **case: is_(value, "loss", whole(_trained(**case).losses)), _train(loss="last")
        ),
        "The accuracy is a share, between 0 and 1, and neither a count nor a percentage.": Rule(
            lambda value, **_: -1e-6 <= float(value["accuracy"]) <= 1 + 1e-6, _train(accuracy="count")
        ),
        "The accuracy is the mean of the batches' accuracies. Count right answers, and divide once at the end.": Rule(
            lambda value, **case: not is_of_means(value, "accuracy", _trained(**case).right), _train(accuracy="means")
        ),
        "The accuracy is not the share of images for which the largest logit was that of their label.": Rule(
            lambda value, **case: is_(value, "accuracy", whole(_trained(**case).right)), _train(accuracy="wrong")
        ),
    },
    hints={
        "shape": PAIR + ".",
        "type": "Write a function train_epoch(model, batches, loss_of, optimiser). " + PAIR + ".",
        "raised": "Try it on the small model in the cell above the check.",
    },
)
