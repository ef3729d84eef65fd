"""Every figure that more than one notebook draws, in one style: colour-blind safe, readable in light and dark.

Each function returns a matplotlib Figure and draws into `ax` where one is given; `show` displays it with its alt
text. Importing this module sets the style for all matplotlib figures.
"""

from course_utils.plots.charts import bars, curves
from course_utils.plots.diagrams import boxes
from course_utils.plots.pictures import confusion, feature_maps, image, image_grid, kernel, pixels
from course_utils.plots.svg import COLOURS, INK, show, to_svg

__all__ = [
    "COLOURS",
    "INK",
    "bars",
    "boxes",
    "confusion",
    "curves",
    "feature_maps",
    "image",
    "image_grid",
    "kernel",
    "pixels",
    "show",
    "to_svg",
]
