"""Label errors: predictions out of fold, and the most confident contradictions."""

import numpy as np

from course_utils import reference
from course_utils.checks.question import Case, question

# --- out_of_fold --------------------------------------------------------------------------------------------------


def _fold_cases(rng: np.random.Generator) -> list[Case]:
    def case(n, d, classes, folds):
        labels = rng.permutation(np.arange(n) % classes)
        centres = rng.normal(0, 0.7, (classes, d))
        images = (centres[labels] + rng.normal(0, 0.6, (n, d))).round(2)
        while True:  # each class must be in at least two folds, or it would be unknown to one of them
            fold = rng.permutation(np.arange(n) % folds)
            if all(len(set(fold[labels == c])) > 1 for c in range(classes)):
                return Case(images=images, labels=labels, folds=fold, classes=classes)

    return [case(6, 1, 2, 2), case(12, 2, 3, 3), case(30, 4, 3, 5)]


_means = reference.class_mean_probabilities


def _by_fold(choose):
    """Predictions fold by fold; `choose` says from which images, given which are held out."""

    def predict(images, labels, folds, classes):
        out = np.zeros((len(images), classes))
        for f in np.unique(folds):
            held = folds == f
            known = choose(held)
            out[held] = _means(images[known], labels[known], images[held], classes)
        return out

    return predict


def _stacked(images, labels, folds, classes):
    parts = [_means(images[folds != f], labels[folds != f], images[folds == f], classes) for f in np.unique(folds)]
    return np.concatenate(parts)


def _from_one_fold(images, labels, folds, classes):
    out = np.zeros((len(images), classes))
    for f in np.unique(folds):
        out[folds != f] = _means(images[folds == f], labels[folds == f], images[folds != f], classes)
    return out


out_of_fold = question(
    "out_of_fold",
    points=4,
    partial=2,
    reference=reference.out_of_fold,
    cases=_fold_cases,
    mistakes={
        "Each image is judged by a model that has seen its label: fit on the images of the *other* folds.": _by_fold(
            lambda held: np.ones_like(held)
        ),
        "You fit on the fold and predict the same fold. Fit on all the others.": _by_fold(lambda held: held),
        "You fit on one fold and predict all the others, over and over. Fit on the others, predict the one.": (
            _from_one_fold
        ),
        "You put the folds one after another. Row i of the result belongs to image i: write into out[held].": _stacked,
        "You give the predicted class; asked for are the probabilities of all classes.": (
            lambda images, labels, folds, classes: reference.out_of_fold(images, labels, folds, classes).argmax(axis=1)
        ),
    },
    hints={
        "raised": "The comparison folds == f is True for the images of a fold, and ~(folds == f) for all others.",
        "type": "Return an array (images, classes) of probabilities.",
        "shape": "One row for each image, one column for each class.",
        "values": "Take the smallest case: which images may be used to judge image 0?",
    },
)

# --- suspects -----------------------------------------------------------------------------------------------------


def _suspect_cases(rng: np.random.Generator) -> list[Case]:
    def case(n, classes, wrong, asked):
        """More contradictions than are asked for, and images that are confident and agree."""
        sharp = rng.permutation(np.linspace(0.5, 4, n))
        best = rng.integers(0, classes, n)
        scores = rng.normal(0, 0.3, (n, classes))
        scores[np.arange(n), best] += 1 + sharp
        p = np.exp(scores)
        p = (p / p.sum(axis=1, keepdims=True)).round(4)
        labels = p.argmax(axis=1)
        chosen = rng.permutation(n)[:wrong]
        labels[chosen] = (labels[chosen] + rng.integers(1, classes, wrong)) % classes
        return Case(probabilities=p, labels=labels, n=asked)

    return [case(5, 2, 2, 1), case(12, 3, 6, 4), case(40, 4, 12, 8), case(40, 10, 3, 8)]


def _ranked(score, keep=lambda p, y: np.ones(len(y), bool)):
    def find(probabilities, labels, n):
        kept = np.flatnonzero(keep(probabilities, labels))
        return kept[np.argsort(-score(probabilities, labels)[kept], kind="stable")][:n]

    return find


def _against(p, y):
    return p.argmax(axis=1) != y


def _sure(p, y):
    return p.max(axis=1)


suspects = question(
    "suspects",
    points=3,
    partial=1,
    reference=reference.suspects,
    cases=_suspect_cases,
    mistakes={
        "You list confident images whose label agrees as well. Only contradictions are suspects.": _ranked(_sure),
        "You begin with the least confident contradiction. The surest one comes first.": _ranked(
            lambda p, y: -_sure(p, y), _against
        ),
        "You leave the suspects in the order of the data: sort them by confidence before you take the first n.": (
            _ranked(lambda p, y: np.zeros(len(y)), _against)
        ),
        "You list the images that the model is least sure of, whether their label agrees or not.": _ranked(
            lambda p, y: -_sure(p, y)
        ),
        "You give places in the list of contradictions, not the numbers of the images.": (
            lambda probabilities, labels, n: np.argsort(
                -_sure(probabilities, labels)[_against(probabilities, labels)], kind="stable"
            )[:n]
        ),
        "You give True or False for each image; asked for are their numbers.": (
            lambda probabilities, labels, n: _against(probabilities, labels)
        ),
    },
    hints={
        "raised": "The probabilities have one row for each image; argmax(axis=1) is what the model would say.",
        "type": "Return an array of whole numbers: 0 is the first image.",
        "shape": "At most n numbers, and fewer where there are fewer contradictions.",
        "values": "First the images whose label is not the most probable class, then by the largest probability.",
    },
)
