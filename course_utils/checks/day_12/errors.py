"""Which errors a classifier makes: the confusion matrix and its largest entries."""

import numpy as np

from course_utils import reference
from course_utils.checks.question import Case, question

# --- confusion_matrix and top_confusions --------------------------------------------------------------------------


def _prediction_cases(rng: np.random.Generator) -> list[Case]:
    def case(n, n_classes, present):
        true = rng.integers(0, present, n)
        right = rng.random(n) < 0.6
        return Case(
            y_true=true,
            y_pred=np.where(right, true, (true + rng.integers(1, present, n)) % present),
            n_classes=n_classes,
        )

    small = Case(y_true=np.array([0, 0, 0, 1, 1, 2]), y_pred=rng.permutation([1, 1, 0]).repeat(2), n_classes=3)
    return [small, case(12, 3, 3), case(40, 4, 3), case(500, 10, 10)]


def _by_axis(axis):
    def shares(y_true, y_pred, n_classes):
        counts = reference.confusion_matrix(y_true, y_pred, n_classes)
        return counts / np.maximum(counts.sum(axis=axis, keepdims=True), 1)

    return shares


def _only_classes_met(y_true, y_pred, n_classes):
    met = np.union1d(y_true, y_pred)
    return reference.confusion_matrix(y_true, y_pred, n_classes)[np.ix_(met, met)]


def _fancy_add(y_true, y_pred, n_classes):
    counts = np.zeros((n_classes, n_classes), dtype=int)
    counts[y_true, y_pred] += 1
    return counts


confusion_matrix = question(
    "confusion_matrix",
    points=3,
    partial=1,
    reference=reference.confusion_matrix,
    cases=_prediction_cases,
    mistakes={
        "Rows and columns are exchanged: the true class is the row, the predicted class the column.": (
            lambda y_true, y_pred, n_classes: reference.confusion_matrix(y_pred, y_true, n_classes)
        ),
        "You return shares of each row. That is a good picture, but the matrix itself holds counts.": _by_axis(1),
        "You return shares of each column (of what was predicted). The matrix itself holds counts.": _by_axis(0),
        "Classes that do not occur are missing: the matrix has n_classes rows and columns whatever the labels are.": (
            _only_classes_met
        ),
        "Each pair is counted once at most: counts[y_true, y_pred] += 1 adds only once for a pair that comes again. "
        "Use a loop, np.add.at or np.bincount.": _fancy_add,
        "The right answers are missing: they belong on the diagonal.": lambda y_true, y_pred, n_classes: (
            reference.confusion_matrix(y_true, y_pred, n_classes) * (1 - np.eye(n_classes, dtype=int))
        ),
    },
    hints={
        "values": "Fill the matrix by hand for the smallest case: one stroke for each image.",
        "shape": "The matrix has n_classes rows and n_classes columns.",
        "type": "Return a NumPy array of two axes.",
        "raised": "Labels begin with 0, so the last class is n_classes - 1.",
    },
)


def _matrix_cases(rng: np.random.Generator) -> list[Case]:
    names = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")

    def case(n, k, kept):
        counts = rng.permutation(np.arange(1, n * n + 1)).reshape(n, n)  # no ties: the order is clear
        counts[counts > kept] = 0
        np.fill_diagonal(counts, rng.integers(2 * n * n, 3 * n * n, n))
        return Case(matrix=counts, k=k, class_names=[str(name) for name in rng.permutation(names)[:n]])

    return [case(3, 2, 9), case(4, 3, 16), case(5, 12, 9), case(10, 10, 100)]


def _ranked(matrix, k, class_names, keep=lambda i, j: i != j, key=lambda row: -row[2]):
    n = len(matrix)
    pairs = [(class_names[i], class_names[j], int(matrix[i, j])) for i in range(n) for j in range(n) if keep(i, j)]
    return sorted(pairs, key=key)[:k]


top_confusions = question(
    "top_confusions",
    points=3,
    partial=1,
    reference=reference.top_confusions,
    cases=_matrix_cases,
    mistakes={
        "The diagonal is listed as well: these are the right answers, no confusions.": (
            lambda matrix, k, class_names: _ranked(matrix, k, class_names, keep=lambda i, j: True)
        ),
        "Both directions are added up. A cat taken for a dog and a dog taken for a cat are two different mistakes.": (
            lambda matrix, k, class_names: _ranked(matrix + matrix.T, k, class_names, keep=lambda i, j: i < j)
        ),
        "The rarest come first; the most frequent are asked for.": lambda matrix, k, class_names: _ranked(
            matrix, k, class_names, key=lambda row: row[2] or np.inf
        ),
        "The true and the predicted class are exchanged: the row of the matrix is the true one, and comes first.": (
            lambda matrix, k, class_names: reference.top_confusions(matrix.T, k, class_names)
        ),
        "The right pairs, but sorted by name: the most frequent comes first.": lambda matrix, k, class_names: sorted(
            reference.top_confusions(matrix, k, class_names)
        ),
        "Pairs that never occurred are listed with a count of 0; leave them out.": lambda matrix, k, class_names: (
            _ranked(matrix, k, class_names)
        ),
    },
    hints={
        "values": "Look at the smallest case: which number off the diagonal is the largest, in which row and column?",
        "shape": "There are k entries, or fewer if there are not k pairs with a count above 0.",
        "type": "Return a list of (true name, predicted name, count).",
        "raised": "Work on a copy if you set the diagonal to 0.",
    },
)
