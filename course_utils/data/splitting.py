"""The course's own validation split."""

import numpy as np

FRACTION = 0.1


def validation_rows(labels: np.ndarray, *groupings: np.ndarray, fraction: float = FRACTION) -> np.ndarray:
    """Which rows go to validation, bool (N,): `fraction` of each class, and no group on both sides.

    labels: int (N,). groupings: arrays (N,) of anything comparable; rows that share a value in any of them (a
    patient, identical pixels) belong together. Rows must come in an order that has nothing to do with their content:
    groups are taken from the front, each that still fits into what its classes may give. No random numbers and no
    library's shuffling are involved, so that every machine and every version gets the same split.
    """
    group = connected(len(labels), *groupings)
    classes, label = np.unique(labels, return_inverse=True)
    room = np.rint(fraction * np.bincount(label)).astype(int)
    sizes = np.zeros((group.max(initial=-1) + 1, len(classes)), int)
    np.add.at(sizes, (group, label), 1)
    taken = np.zeros(len(sizes), bool)
    for g, size in enumerate(sizes):
        if (size <= room).all():
            taken[g] = True
            room -= size
    return taken[group]


def connected(n: int, *groupings: np.ndarray) -> np.ndarray:
    """Number of the group of each of `n` rows, int (n,), numbered by first appearance; sharing any value connects."""
    if not groupings:
        return np.arange(n)
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    rows, columns, width = [], [], n
    for grouping in groupings:
        _, value = np.unique(grouping, return_inverse=True)
        rows.append(np.arange(n))
        columns.append(value + width)
        width += value.max(initial=-1) + 1
    ends = (np.concatenate(rows), np.concatenate(columns))
    graph = coo_array((np.ones(len(ends[0]), np.int8), ends), shape=(width, width))
    component = connected_components(graph, directed=False)[1][:n]
    _, first, index = np.unique(component, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[index]
