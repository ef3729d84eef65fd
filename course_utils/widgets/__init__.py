"""The explorers: widgets that compute in the browser, and so move in JupyterLab and on the published page alike."""

from course_utils.widgets.convolution_stepper import ConvolutionStepper
from course_utils.widgets.curve_clinic import CurveClinic
from course_utils.widgets.explorer import Explorer
from course_utils.widgets.fault_finder import FaultFinder
from course_utils.widgets.padding_and_stride import PaddingAndStride
from course_utils.widgets.parameter_explosion import ParameterExplosion
from course_utils.widgets.pooling_and_shift import PoolingAndShift
from course_utils.widgets.prediction_browser import PredictionBrowser
from course_utils.widgets.receptive_field_stack import ReceptiveFieldStack
from course_utils.widgets.threshold_explorer import ThresholdExplorer

EXPLORERS: tuple[type[Explorer], ...] = (
    ParameterExplosion,
    ConvolutionStepper,
    PaddingAndStride,
    PoolingAndShift,
    ReceptiveFieldStack,
    FaultFinder,
    PredictionBrowser,
    CurveClinic,
    ThresholdExplorer,
)
"""All explorers, in the order of their days."""

__all__ = [
    "EXPLORERS",
    "ConvolutionStepper",
    "CurveClinic",
    "Explorer",
    "FaultFinder",
    "PaddingAndStride",
    "ParameterExplosion",
    "PoolingAndShift",
    "PredictionBrowser",
    "ReceptiveFieldStack",
    "ThresholdExplorer",
]
