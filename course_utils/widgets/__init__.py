"""The explorers: widgets that compute in the browser, and so move in JupyterLab and on the published page alike."""

from course_utils.widgets.augmentation_preview import AugmentationPreview
from course_utils.widgets.convolution_stepper import ConvolutionStepper
from course_utils.widgets.curve_clinic import CurveClinic
from course_utils.widgets.early_stopping_simulator import EarlyStoppingSimulator
from course_utils.widgets.explorer import Explorer
from course_utils.widgets.fault_finder import FaultFinder
from course_utils.widgets.landscape_race import LandscapeRace
from course_utils.widgets.padding_and_stride import PaddingAndStride
from course_utils.widgets.parameter_explosion import ParameterExplosion
from course_utils.widgets.pooling_and_shift import PoolingAndShift
from course_utils.widgets.prediction_browser import PredictionBrowser
from course_utils.widgets.receptive_field_stack import ReceptiveFieldStack
from course_utils.widgets.signal_through_depth import SignalThroughDepth
from course_utils.widgets.softmax_and_loss import SoftmaxAndLoss
from course_utils.widgets.threshold_explorer import ThresholdExplorer
from course_utils.widgets.what_to_freeze import WhatToFreeze

EXPLORERS: tuple[type[Explorer], ...] = (
    ParameterExplosion,
    ConvolutionStepper,
    PaddingAndStride,
    PoolingAndShift,
    ReceptiveFieldStack,
    SoftmaxAndLoss,
    SignalThroughDepth,
    LandscapeRace,
    EarlyStoppingSimulator,
    AugmentationPreview,
    FaultFinder,
    PredictionBrowser,
    CurveClinic,
    WhatToFreeze,
    ThresholdExplorer,
)
"""All explorers, in the order of their days."""

__all__ = [
    "EXPLORERS",
    "AugmentationPreview",
    "ConvolutionStepper",
    "CurveClinic",
    "EarlyStoppingSimulator",
    "Explorer",
    "FaultFinder",
    "LandscapeRace",
    "PaddingAndStride",
    "ParameterExplosion",
    "PoolingAndShift",
    "PredictionBrowser",
    "ReceptiveFieldStack",
    "SignalThroughDepth",
    "SoftmaxAndLoss",
    "ThresholdExplorer",
    "WhatToFreeze",
]
