"""The loss of an epoch, from the losses of its batches."""

import numpy as np

from course_utils import reference
from course_utils.checks.question import Case, question


def _loss_cases(rng: np.random.Generator) -> list[Case]:
    def case(n, batch_size):
        losses = rng.integers(2, 30, -(-n // batch_size)) / 8
        losses[-1] = losses.max() + 1  # the last batch stands out
        return Case(batch_losses=losses, n=n, batch_size=batch_size)

    return [case(5, 2), case(12, 4), case(33, 8), case(100, 30), case(1000, 111)]


epoch_loss = question(
    "epoch_loss",
    points=2,
    partial=1,
    reference=reference.epoch_loss,
    cases=_loss_cases,
    mistakes={
        "You take the mean of the batch means. The last batch holds fewer images, so it must weigh less.": (
            lambda batch_losses, n, batch_size: batch_losses.mean()
        ),
        "Every batch is counted as if it were full, the last one too.": (
            lambda batch_losses, n, batch_size: batch_losses.sum() * batch_size / n
        ),
        "The last batch is left out: it is smaller, but its images belong to the epoch.": (
            lambda batch_losses, n, batch_size: (
                batch_losses[: n // batch_size].mean() if n // batch_size else batch_losses.mean()
            )
        ),
        "This is the sum over the images; divide by their number.": (
            lambda batch_losses, n, batch_size: reference.epoch_loss(batch_losses, n, batch_size) * n
        ),
        "You divide the sum of the batch losses by the number of images. Each of them is a mean already: multiply it "
        "by the images of its batch first.": lambda batch_losses, n, batch_size: batch_losses.sum() / n,
    },
    hints={
        "values": "How many images are in the last batch? Each batch's loss counts as often as it has images.",
        "shape": "Return a single number.",
        "type": "Return a single number.",
        "raised": "Try it on np.array([1.0, 1.0, 4.0]) with n = 5 and batch_size = 2.",
    },
)
