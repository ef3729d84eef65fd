"""VGG16 without its head, with ImageNet weights from wherever they are at hand."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from course_utils import data
from course_utils.errors import CourseError
from course_utils.profiles import Profile, is_smoke

if TYPE_CHECKING:
    import keras

UNTRAINED = "untrained weights"
WEIGHTS = "vgg16_notop.weights.h5"
SMALLEST = 32  # pixels: five poolings halve 32 to 1


@dataclass(frozen=True, eq=False)
class Backbone:
    """A network without its head.

    model: keras.Model from float32 (N, size, size, 3), as `prepare` makes them, to maps (N, size // 32, size // 32,
    512).
    source: one line that says where its weights came from.
    """

    model: "keras.Model"
    is_trained: bool
    source: str

    @property
    def caption(self) -> str:
        """What every figure made with it must say: "untrained weights", or nothing."""
        return "" if self.is_trained else UNTRAINED


def vgg16(size: int = 224, profile: Profile | str | None = None, seed: int = 0) -> Backbone:
    """VGG16 (Simonyan and Zisserman 2014) up to its last pooling, in Keras, for images of `size` × `size` pixels.

    Weights come from COURSE_DATA (`weights/vgg16_notop.weights.h5`), else through keras.applications, which fetches
    them once. Only in the smoke profile, and only where no weights are on this machine, they are drawn from `seed`.
    Raises CourseError for a size below 32, and where weights can be neither found, read nor fetched. Used from Day 16.
    """
    if size < SMALLEST:
        raise CourseError(f"VGG16 halves its input five times: {size} pixels are too few, {SMALLEST} the least.")
    import keras

    def build(weights: str | None) -> "keras.Model":
        return keras.applications.VGG16(include_top=False, weights=weights, input_shape=(size, size, 3))

    if path := data.weights_path(WEIGHTS):
        model = build(None)
        try:
            model.load_weights(path)
        except (OSError, ValueError, KeyError) as error:
            raise CourseError(f"{path} does not hold the weights of VGG16: copy it afresh, or remove it.") from error
        return Backbone(model, True, str(path))
    if is_smoke(profile) and not _fetched().is_file():
        keras.utils.set_random_seed(seed)
        return Backbone(build(None), False, UNTRAINED)
    try:
        return Backbone(build("imagenet"), True, "keras.applications, ImageNet")
    except Exception as error:  # Keras raises a bare Exception when it cannot fetch a file
        raise CourseError(
            f"The weights of VGG16 could not be fetched ({' '.join(str(error).split())[:120]}): connect to the "
            f"internet once, or set COURSE_DATA to an offline data directory with weights/{WEIGHTS} (made elsewhere "
            "by `course data pack`)."
        ) from error


def cut(model: "keras.Model", layer: str) -> tuple["keras.Model", "keras.Model"]:
    """Two models that share the layers of `model`: up to and including `layer`, and what follows it.

    model: a chain, each layer fed by the one before. Raises ValueError where there is no such layer, or none behind it.
    """
    import keras

    names = [each.name for each in model.layers]
    if layer not in names[:-1]:
        raise ValueError(f"{model.name} cannot be cut behind {layer!r}: choose one of {', '.join(names[:-1])}")
    lower = keras.Model(model.input, model.get_layer(layer).output)
    between = maps = keras.Input(lower.output_shape[1:])
    for each in model.layers[names.index(layer) + 1 :]:
        maps = each(maps)
    return lower, keras.Model(between, maps)


def prepare(images: NDArray[np.uint8], size: int) -> NDArray[np.float32]:
    """Images as VGG16 was trained to see them: float32 (N, size, size, 3), BGR, ImageNet's mean colour subtracted.

    images: uint8 (N, H, W, 3), or (N, H, W, 1), whose grey is repeated for all three colours. Other sizes are scaled,
    each output pixel the mean of the area it covers where the image shrinks (Pillow's box filter), bilinear where it
    grows. Raises ValueError for other arrays. Taught on Day 16.
    """
    images = np.asarray(images)
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[3] not in (1, 3):
        raise ValueError(f"uint8 images (N, H, W, 1 or 3) are wanted, not {images.dtype} {images.shape}")
    from keras.applications.vgg16 import preprocess_input

    if images.shape[1:3] != (size, size):
        images = np.array([_scaled(image, size) for image in images], np.uint8).reshape(-1, size, size, images.shape[3])
    colours = np.broadcast_to(images, (*images.shape[:3], 3)).astype(np.float32)
    return preprocess_input(colours, data_format="channels_last")


def _scaled(image: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    from PIL import Image

    grows = size > min(image.shape[:2])
    way = Image.Resampling.BILINEAR if grows else Image.Resampling.BOX
    return np.asarray(Image.fromarray(image.squeeze()).resize((size, size), way))


def _fetched() -> Path:
    """Where keras.applications keeps VGG16 once it has fetched it."""
    home = Path(os.environ.get("KERAS_HOME") or "~/.keras").expanduser()
    return home / "models" / "vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5"
