"""A network that somebody else has trained, VGG16, and its features for many images, computed once."""

from course_utils.pretrained.features import features
from course_utils.pretrained.films import CUT, FILM_SIZE, film_features
from course_utils.pretrained.vgg import SMALLEST, UNTRAINED, WEIGHTS, Backbone, cut, prepare, vgg16

__all__ = [
    "CUT",
    "FILM_SIZE",
    "SMALLEST",
    "UNTRAINED",
    "WEIGHTS",
    "Backbone",
    "cut",
    "features",
    "film_features",
    "prepare",
    "vgg16",
]
