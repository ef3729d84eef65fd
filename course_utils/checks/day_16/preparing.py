"""Images as VGG16 was trained on them."""

from collections.abc import Callable

import numpy as np

from course_utils import reference
from course_utils.checks.question import Case, question

RED, GREEN, BLUE = 123.68, 116.779, 103.939
MEANS = {"bgr": (BLUE, GREEN, RED), "rgb": (RED, GREEN, BLUE)}


def _image_cases(rng: np.random.Generator) -> list[Case]:
    """One pixel of each kind first; bytes above and below the means, so that nothing wraps around unseen."""

    def case(*shape):
        spread = np.linspace(3, 252, int(np.prod(shape)) + 2).round()[1:-1]
        return Case(images=rng.permutation(spread).astype(np.uint8).reshape(shape))

    return [case(1, 1, 1, 1), case(1, 1, 2, 3), case(2, 3, 2, 1), case(3, 4, 5, 3)]


def _colours(images):
    return np.repeat(images, 3, axis=-1) if images.shape[-1] == 1 else images


def _prepared(order: str = "bgr", less: str = "bgr", scale: float = 1.0, std: Callable = lambda order: 1.0) -> Callable:
    def preprocess_vgg(images):
        x = _colours(images).astype(float)
        x = x[..., ::-1] if order == "bgr" else x
        return (x - np.array(MEANS.get(less, 0.0))) * scale / std(order)

    return preprocess_vgg


def _std(order: str) -> np.ndarray:
    rgb = 255 * np.array([0.229, 0.224, 0.225])
    return rgb[::-1] if order == "bgr" else rgb


def _wrapped(images):
    return (_colours(images)[..., ::-1] - np.array(MEANS["bgr"]).astype(np.uint8)).astype(float)


def _own_means(images):
    x = _colours(images)[..., ::-1].astype(float)
    return x - x.mean(axis=(0, 1, 2))


preprocess_vgg = question(
    "preprocess_vgg",
    shortcuts=("keras", "preprocess_input", "torchvision"),
    points=3,
    partial=1,
    reference=reference.preprocess_vgg,
    cases=_image_cases,
    mistakes={
        "You divide by 255 and do nothing else. VGG16 never saw numbers between 0 and 1: to its filters every such "
        "image is nearly the same grey.": _prepared("rgb", "none", 1 / 255),
        "The colours stay in the order RGB. The means are right, but the first filters expect blue first.": (
            _prepared("rgb", "rgb")
        ),
        "The order BGR is right, but the means stand in the order RGB: blue has the smallest, 103.939.": (
            _prepared("bgr", "rgb")
        ),
        "The means of BGR are subtracted from colours in the order RGB: turn the colours round first.": (
            _prepared("rgb", "bgr")
        ),
        "You divide by a standard deviation, too. Other nets want that; VGG16 was trained on differences from the mean "
        "alone.": _prepared(std=_std),
        "That is how most models of PyTorch want it: RGB, mean off, divided by a standard deviation. This VGG16 wants "
        "BGR and no division.": _prepared("rgb", "rgb", std=_std),
        "You scale by 1/255 after the means are off. VGG16 wants steps of 1, not of 1/255.": _prepared(scale=1 / 255),
        "You divide by 255 and then subtract means that belong to 0 … 255: all images look alike after that.": (
            lambda images: reference.preprocess_vgg(images) - _colours(images)[..., ::-1] * (254 / 255)
        ),
        "You scale to -1 … 1, as Inception and MobileNet want it. Each net has a preparation of its own.": (
            lambda images: _colours(images) / 127.5 - 1
        ),
        "You change the order to BGR and leave the means on.": _prepared("bgr", "none"),
        "You subtract in uint8, where 100 - 104 is 252: turn the images into float32 first.": _wrapped,
        "You subtract the means of these images. They change with every batch; VGG16 wants those of ImageNet.": (
            _own_means
        ),
        "You turn the columns round and mirror the image. Colours lie along the last axis: images[..., ::-1].": (
            lambda images: _colours(images)[:, :, ::-1].astype(float) - np.array(MEANS["bgr"])
        ),
        "You subtract one mean from all three colours; each has its own.": (
            lambda images: _colours(images)[..., ::-1].astype(float) - np.mean(MEANS["bgr"])
        ),
        "A grey image keeps one channel. The net has weights for three: give it the grey three times.": (
            lambda images: images - np.mean(MEANS["bgr"]) if images.shape[-1] == 1 else reference.preprocess_vgg(images)
        ),
        "A grey image fills one colour and leaves the others black: the net sees a coloured picture.": (
            lambda images: reference.preprocess_vgg(
                np.pad(images, ((0, 0), (0, 0), (0, 0), (0, 2))) if images.shape[-1] == 1 else images
            )
        ),
    },
    hints={
        "raised": "Does it work for a grey image, whose last axis has the length 1?",
        "shape": "The result has the shape (N, H, W, 3), for grey images, too.",
        "type": "Return one array of float32.",
        "values": "Take one pixel of pure red, (255, 0, 0). It becomes (0, 0, 255); then each colour loses its mean.",
    },
)
