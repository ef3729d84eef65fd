"""What Day 17 lets VGG16 compute once for each chest X-ray."""

from functools import partial

import numpy as np
from numpy.typing import NDArray

from course_utils.pretrained.features import features
from course_utils.pretrained.vgg import Backbone, cut, prepare

FILM_SIZE = 128  # pixels a side in the cpu profile
CUT = "block4_pool"  # block 5 behind it is trained again, so it needs the maps that come in


def film_features(backbone: Backbone, films: NDArray[np.uint8]) -> tuple[NDArray[np.float16], NDArray[np.float32]]:
    """The maps behind block 4, float16 (N, s / 16, s / 16, 512), and the means of the last maps, float32 (N, 512).

    films: uint8 (N, H, W, 1), prepared at the backbone's size s. Both come from the cache as far as it has them.
    Raises CourseError where that cannot be written.
    """
    import keras

    size = backbone.model.input_shape[1]
    lower, upper = cut(backbone.model, CUT)
    pooled = keras.Model(upper.input, keras.layers.GlobalAveragePooling2D()(upper.output))
    maps = features(lower, films, partial(prepare, size=size), np.float16, "films")
    return maps, features(pooled, maps, np.float32, what="maps")
