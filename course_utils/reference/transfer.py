"""Transfer learning in numbers: what a head holds, VGG16's preparation, a freeze plan, rates by depth, kept features.

Introduced on Day 16.
"""

import hashlib
from collections.abc import Callable, Sequence
from itertools import pairwise
from math import prod
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from course_utils.reference.inputs import at_least
from course_utils.reference.parameters import dense_parameters

IMAGENET_MEANS_BGR = (103.939, 116.779, 123.68)


def head_parameters(maps: tuple[int, int, int], units: Sequence[int], pooled: bool) -> int:
    """Parameters of a chain of dense layers with biases on maps (H, W, C).

    units: of each dense layer in turn. pooled: whether each map is averaged to one number, else all are flattened.
    Raises ValueError for counts below 1.
    """
    at_least(1, maps=min(maps))
    widths = [maps[-1] if pooled else prod(maps), *units]
    return sum(dense_parameters(*step) for step in pairwise(widths))


def preprocess_vgg(images: NDArray) -> NDArray:
    """What VGG16 was trained on: BGR from 0 to 255, less the ImageNet mean of each colour; float32 (N, H, W, 3).

    images: uint8 (N, H, W, 3) in the order RGB, or (N, H, W, 1) grey, which stands for three equal colours.
    Raises ValueError for another type or shape. Source: Simonyan and Zisserman 2015, weights as converted for Caffe.
    """
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[-1] not in (1, 3):
        raise ValueError(f"images are uint8 (N, H, W, 3 or 1), not {images.dtype} {images.shape}")
    blue_green_red = np.broadcast_to(images, (*images.shape[:-1], 3))[..., ::-1]
    return blue_green_red.astype(np.float32) - np.float32(IMAGENET_MEANS_BGR)


def freeze_plan(layers: Sequence[tuple[str, str, int]], first: str) -> dict[str, int]:
    """How many numbers train and how many are frozen if a net is fine-tuned from the block `first` on.

    layers: (block, kind, numbers) from the image on; the last block is "head". Batch norm of other blocks stays frozen
    everywhere; of the head's, which counts four numbers for each channel, the two running averages are never trained.
    Returns {"trainable": ..., "frozen": ...}. Raises ValueError if no layer belongs to `first`.
    """
    blocks = [block for block, _, _ in layers]
    if first not in blocks:
        raise ValueError(f"no layer belongs to the block {first!r}")
    trainable = 0
    for block, kind, numbers in layers[blocks.index(first) :]:
        if kind != "batch norm":
            trainable += numbers
        elif block == "head":
            trainable += numbers // 2
    return {"trainable": trainable, "frozen": sum(numbers for _, _, numbers in layers) - trainable}


def layer_rates(groups: Sequence[str], rate: float, decay: float, frozen: Sequence[str] = ()) -> list[float]:
    """A learning rate for each group, from the image on: `rate` for the last, and `decay` times as much per step down.

    frozen: groups with a rate of 0, which count as steps all the same. Raises ValueError for one that does not exist.
    Source: discriminative fine-tuning, Howard and Ruder 2018.
    """
    if unknown := set(frozen) - set(groups):
        raise ValueError(f"no group is named {', '.join(sorted(unknown))}")
    depth = len(groups) - 1
    return [0.0 if name in frozen else rate * decay ** (depth - place) for place, name in enumerate(groups)]


def cached_features(
    images: NDArray, extract: Callable[[NDArray], NDArray], name: str, folder: Path, batch: int
) -> NDArray:
    """Features (N, D) of images (N, ...), each computed once in the life of `folder`, a file for each.

    extract: at most `batch` images at once -> their features. name: of the extractor, its weights and its preparation.
    Whatever has been computed is kept, should a later batch fail. Raises ValueError for a batch below 1.
    """
    at_least(1, batch=batch)
    files = [Path(folder) / f"{_digest(image, name)}.npy" for image in images]
    absent = list({file: place for place, file in enumerate(files) if not file.exists()}.items())
    for done in range(0, len(absent), batch):
        some = absent[done : done + batch]
        for (file, _), row in zip(some, extract(images[[place for _, place in some]]), strict=True):
            half_written = file.with_suffix(".part.npy")
            np.save(half_written, row)
            half_written.rename(file)
    return np.array([np.load(file) for file in files])


def _digest(image: NDArray, name: str) -> str:
    told = f"{name} {image.dtype} {image.shape}".encode()
    return hashlib.sha256(told + image.tobytes()).hexdigest()
