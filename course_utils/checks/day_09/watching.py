"""Looking at a loop in PyTorch from outside: a small model, what a student's loop does to it, and numbers to compare.

Hooks note the mode of each forward pass; what counts are the weights and the numbers that come out. They are computed
again in NumPy, so no rule needs a framework.
"""

import numpy as np

from course_utils import reference
from course_utils.checks.compare import Unreadable

PAIR = "Return two numbers, the mean loss and the accuracy: return loss, accuracy"


def small_model(weight, bias):
    """Batch normalisation and a dense layer in PyTorch, with running averages that no batch has."""
    import torch

    classes, features = weight.shape
    model = torch.nn.Sequential(torch.nn.BatchNorm1d(features, affine=False), torch.nn.Linear(features, classes))
    with torch.no_grad():
        model[1].weight.copy_(torch.from_numpy(weight))
        model[1].bias.copy_(torch.from_numpy(bias))
        model[0].running_mean.fill_(0.5)
        model[0].running_var.fill_(2.0)
    return model


def start_in_numpy(weight, bias):
    """The same model for NumPy."""
    features = weight.shape[1]
    return reference.NormedSoftmax(weight, bias, np.full(features, 0.5), np.full(features, 2.0))


def loader(inputs, labels, batch_size):
    """A DataLoader that keeps the order."""
    from torch import from_numpy
    from torch.utils.data import DataLoader, TensorDataset

    return DataLoader(TensorDataset(from_numpy(inputs), from_numpy(labels)), batch_size=batch_size)


def cut(inputs, labels, batch_size):
    """The same batches as the loader's, for NumPy."""
    starts = range(0, len(labels), batch_size)
    return [(inputs[start : start + batch_size], labels[start : start + batch_size]) for start in starts]


def watched(loop, model):
    """Runs `loop()`: the modes of all forward passes, the two numbers that it returns, the weights after it."""
    import torch

    modes, grads = [], []

    def note(module, _):
        modes.append(module.training)
        grads.append(torch.is_grad_enabled())

    model.register_forward_pre_hook(note)
    told = loop()
    if not isinstance(told, tuple | list) or len(told) != 2:
        kind = f"{len(told)} values" if isinstance(told, tuple | list) else f"a {type(told).__name__}"
        raise Unreadable(f"{PAIR}. Yours returns {kind}.")
    return {
        "modes": np.array(modes, dtype=bool),
        "grads": np.array(grads, dtype=bool),
        "tensor": isinstance(told[0], torch.Tensor),
        "loss": told[0],
        "accuracy": told[1],
        "weight": model[1].weight,
        "bias": model[1].bias,
    }


def near(one, other) -> bool:
    """Whether two results agree, but for the rounding of float32."""
    return bool(np.allclose(np.asarray(one, dtype=float), other, rtol=1e-3, atol=1e-4))


def is_(value, name, wanted) -> bool:
    """Whether a number that the loop returned is the one wanted."""
    return near(np.asarray(value[name]).reshape(()), wanted)


def whole(parts) -> float:
    """Mean over all examples of what each batch says of its own."""
    return float(np.concatenate(parts).mean())


def of_means(parts) -> float:
    """Mean of the means of the batches."""
    return float(np.mean([part.mean() for part in parts]))


def is_sum(value, name, parts) -> bool:
    """Whether the number is a sum, over examples or over batches."""
    return is_(value, name, np.concatenate(parts).sum()) or is_(value, name, sum(part.mean() for part in parts))


def is_of_means(value, name, parts) -> bool:
    """Whether the number is the mean of means where that is wrong."""
    return is_(value, name, of_means(parts)) and not is_(value, name, whole(parts))


def drawn(rng, n, batch_size, features, classes):
    """What an epoch over n inputs begins with: data, batch size, and the weights of a linear model."""
    return {
        "inputs": rng.normal(1, 2, (n, features)).astype(np.float32),
        "labels": rng.integers(0, classes, n),
        "batch_size": batch_size,
        "weight": rng.normal(size=(classes, features)).astype(np.float32),
        "bias": rng.normal(size=classes).astype(np.float32),
    }


def summed_up(losses, rights, sizes, loss, accuracy):
    """Loss and accuracy of an epoch from its batches, in the way named: the right one, or that of a mistake.

    losses: tensors, the mean of each batch; rights: how many were right; sizes: images in each batch.
    """
    weighted = sum(one * size for one, size in zip(losses, sizes, strict=True)) / sum(sizes)
    shares = [one / size for one, size in zip(rights, sizes, strict=True)]
    of_loss = {
        "whole": weighted.item(),
        "tensor": weighted,
        "sum": sum(one.item() for one in losses),
        "means": sum(one.item() for one in losses) / len(losses),
        "last": losses[-1].item(),
    }
    of_right = {
        "whole": sum(rights) / sum(sizes),
        "count": sum(rights) + 1,
        "means": sum(shares) / len(sizes),
        "wrong": 1 - sum(rights) / sum(sizes) + 1e-2,
    }
    return of_loss[loss], of_right[accuracy]
