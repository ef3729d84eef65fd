"""The explorers: widgets that compute in the browser, and so move in JupyterLab and on the published page alike."""

from course_utils.widgets.convolution_stepper import ConvolutionStepper
from course_utils.widgets.explorer import Explorer

EXPLORERS: tuple[type[Explorer], ...] = (ConvolutionStepper,)
"""All explorers, in the order of their days."""

__all__ = ["EXPLORERS", "ConvolutionStepper", "Explorer"]
