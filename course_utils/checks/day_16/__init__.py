"""Day 16, transfer learning: a head's parameters, VGG16's input, what is frozen, at which rate, features kept."""

from course_utils.checks.day_16.caching import cached_features
from course_utils.checks.day_16.counting import freeze_plan, head_parameters, layer_rates
from course_utils.checks.day_16.frozen import FrozenBackbone
from course_utils.checks.day_16.preparing import preprocess_vgg
from course_utils.checks.day_16.unfreezing import unfreeze_stage

__all__ = [  # noqa: RUF022 - the questions in the order of asking
    "head_parameters",
    "preprocess_vgg",
    "layer_rates",
    "freeze_plan",
    "FrozenBackbone",
    "unfreeze_stage",
    "cached_features",
]
