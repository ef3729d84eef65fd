"""Day 9, the training loop: an epoch's loss, training, validation, early stopping, pipelines, a leak, a checkpoint."""

from course_utils.checks.day_09.checkpoints import Checkpoint
from course_utils.checks.day_09.epochs import epoch_loss
from course_utils.checks.day_09.pipelines import PIPELINES, second_epoch
from course_utils.checks.day_09.preparing import prepare
from course_utils.checks.day_09.stopping import EarlyStopping
from course_utils.checks.day_09.training import train_epoch
from course_utils.checks.day_09.validating import evaluate

__all__ = [  # noqa: RUF022 - the questions in the order of asking
    "epoch_loss",
    "train_epoch",
    "evaluate",
    "EarlyStopping",
    "second_epoch",
    "prepare",
    "Checkpoint",
    "PIPELINES",
]
