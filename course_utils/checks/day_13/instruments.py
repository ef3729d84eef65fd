"""Four instruments: gradient norms, dead units, update-to-weight ratios, the first bad number."""

import numpy as np

from course_utils import reference
from course_utils.checks.question import Case, question

LAYERS = ("conv1", "conv2", "dense1", "dense2")

# --- gradient_norms -----------------------------------------------------------------------------------------------


def _gradient_cases(rng: np.random.Generator) -> list[Case]:
    def drawn(*shape):
        return rng.normal(0, 2, shape).round(2)

    return [
        Case(gradients={"a": drawn(2), "b": None}),
        Case(gradients={"conv1": drawn(4, 1, 3, 3), "dense1": drawn(3, 8)}),
        Case(gradients={"conv1": None, "conv2": drawn(2, 4, 3, 3), "dense1": None, "dense2": drawn(5, 3) * 1e-2}),
    ]


def _of_each(measure, missing=0.0):
    """A measure of each layer; `missing` stands for a layer without a gradient."""
    return lambda gradients: {k: missing if g is None else float(measure(np.asarray(g))) for k, g in gradients.items()}


gradient_norms = question(
    "gradient_norms",
    points=3,
    partial=1,
    reference=reference.gradient_norms,
    cases=_gradient_cases,
    mistakes={
        "You leave out the layers without a gradient. A layer that is missing from a report is overlooked: report 0.": (
            lambda gradients: reference.gradient_norms({k: g for k, g in gradients.items() if g is not None})
        ),
        "The root is missing: the norm is the square root of the sum of squares.": _of_each(lambda g: (g**2).sum()),
        "You take the root of the mean of the squares. The norm sums them; it does not divide by their number.": (
            _of_each(lambda g: np.sqrt((g**2).mean()))
        ),
        "You take the mean of the absolute values.": _of_each(lambda g: np.abs(g).mean()),
        "You add up the absolute values; the norm is the root of the sum of squares.": _of_each(
            lambda g: np.abs(g).sum()
        ),
        "You take the largest entry only.": _of_each(lambda g: np.abs(g).max()),
        "You add up the entries with their signs, so that they cancel.": _of_each(lambda g: g.sum()),
    },
    hints={
        "raised": "A gradient may be None. Ask for that first: `gradient is None`.",
        "type": "Return a dictionary with one number for each layer.",
        "shape": "One number for each layer: all entries of a gradient together, whatever its shape.",
        "values": "On paper: entries 3 and 4 have the norm 5. What does your function say?",
    },
)

# --- dead_shares --------------------------------------------------------------------------------------------------


def _activation_cases(rng: np.random.Generator) -> list[Case]:
    def layer(images, units, places, dead):
        """Every image leaves some units at 0, some units are 0 always, one is on for a single image at one place."""
        a = np.maximum(rng.normal(0.3, 1, (images, units, places)), 0).round(2)
        a[:, :dead] = 0
        a[:, dead] = 0
        a[int(rng.integers(images)), dead, int(rng.integers(places))] = 0.5
        a[0, dead + 1] = 0  # off for one image, not dead
        a[1:, dead + 1] = 1
        return a[:, rng.permutation(units)]

    return [
        Case(activations={"dense1": layer(3, 4, 1, 1)}),
        Case(activations={"conv1": layer(5, 6, 4, 2), "dense1": layer(5, 8, 1, 3)}),
        Case(activations={"conv1": layer(6, 5, 9, 0), "conv2": layer(6, 7, 4, 1), "dense1": layer(6, 9, 1, 5)}),
    ]


def _shares(dead):
    return lambda activations: {k: float(np.mean(dead(np.asarray(a)))) for k, a in activations.items()}


dead_shares = question(
    "dead_shares",
    points=2,
    partial=1,
    reference=reference.dead_shares,
    cases=_activation_cases,
    mistakes={
        "You count zeros. A unit is dead only if it is zero for every image and at every place.": _shares(
            lambda a: a <= 0
        ),
        "A unit that is zero for one image is not dead: it has to be zero for all of them.": _shares(
            lambda a: (a <= 0).all(axis=2).any(axis=0)
        ),
        "You count each place of a map as a unit. All places share the unit's weights: it is dead only if all are 0.": (
            _shares(lambda a: (a <= 0).all(axis=0))
        ),
        "You give the share of units that are alive.": _shares(lambda a: (a > 0).any(axis=(0, 2))),
        "You give the number of dead units; asked for is their share, from 0 to 1.": (
            lambda activations: {k: float((a <= 0).all(axis=(0, 2)).sum()) for k, a in activations.items()}
        ),
        "You look along the wrong axis: units lie along axis 1, images along axis 0.": _shares(
            lambda a: (a <= 0).all(axis=(1, 2))
        ),
    },
    hints={
        "raised": "Each array has three axes: images, units, places.",
        "type": "Return a dictionary with one number for each layer.",
        "shape": "Return one number for each layer.",
        "values": "Go through the units of the smallest case one by one: is it ever above 0?",
    },
)

# --- update_ratios ------------------------------------------------------------------------------------------------


def _weight_cases(rng: np.random.Generator) -> list[Case]:
    def pair(shapes, size):
        before = {k: rng.normal(0.5, 1, shape).round(2) for k, shape in shapes.items()}
        # A layer that shrinks to a half and one that is frozen are among them.
        after = {k: w + rng.normal(size, size, w.shape).round(3) for k, w in before.items()}
        first = next(iter(before))
        after[first] = before[first] if len(shapes) > 2 else before[first] * 0.5
        return Case(before=before, after=after)

    return [
        pair({"a": (2,), "b": (3,)}, 0.5),
        pair({"conv1": (2, 1, 3, 3), "dense1": (4, 6)}, 0.1),
        pair(dict(zip(LAYERS, [(3, 1, 3, 3), (4, 3, 3, 3), (5, 8), (3, 5)], strict=True)), 0.02),
    ]


def _ratios(of):
    return lambda before, after: {k: float(of(np.asarray(before[k]), np.asarray(after[k]))) for k in before}


_norm = np.linalg.norm  # of the whole array for one or more axes, once it is raveled

update_ratios = question(
    "update_ratios",
    points=3,
    partial=1,
    reference=reference.update_ratios,
    cases=_weight_cases,
    mistakes={
        "You give the size of the update. Whether it is large depends on the weights: divide by their norm.": _ratios(
            lambda a, b: _norm((b - a).ravel())
        ),
        "You compare the two norms. Weights can turn a long way and keep their norm: take the norm of the "
        "difference.": (_ratios(lambda a, b: abs(_norm(b.ravel()) - _norm(a.ravel())) / _norm(a.ravel()))),
        "You divide by the weights after the step; asked for are those before it.": _ratios(
            lambda a, b: _norm((b - a).ravel()) / _norm(b.ravel())
        ),
        "You have it upside down: update divided by weight.": (
            lambda before, after: {
                k: float(_norm(np.ravel(before[k])) / max(_norm(np.ravel(after[k] - before[k])), 1e-300))
                for k in before
            }
        ),
        "You divide entry by entry and average. A single weight near 0 then spoils the mean: divide norm by norm.": (
            _ratios(lambda a, b: np.mean(np.abs((b - a) / np.where(a == 0, 1e-12, a))))
        ),
        "You divide mean by mean. Entries of both signs cancel: take norms.": _ratios(
            lambda a, b: abs((b - a).mean()) / max(abs(a.mean()), 1e-300)
        ),
        "You give the square of the ratio: a root is missing.": _ratios(
            lambda a, b: ((b - a) ** 2).sum() / (a**2).sum()
        ),
    },
    hints={
        "raised": "Both dictionaries have the same layers; each pair of arrays has the same shape.",
        "type": "Return a dictionary with one number for each layer.",
        "shape": "One number for each layer: all its weights together.",
        "values": "On paper: weights (3, 4) become (3, 4.5). The update has the norm 0.5, the weights 5.",
    },
)

# --- first_bad ----------------------------------------------------------------------------------------------------


def _walk_cases(rng: np.random.Generator) -> list[Case]:
    def walk(rows, shape, **planted):
        """Arrays row by row; planted: row -> a number that is not finite, at some place of its array."""
        values = [rng.normal(0, 3, shape).round(2) for _ in range(rows)]
        for row, bad in planted.items():
            values[int(row[3:])].flat[int(rng.integers(values[0].size))] = bad
        return Case(values=values)

    return [
        walk(2, (1, 2)),
        walk(3, (2, 2), row1=np.inf, row2=np.nan),
        walk(7, (2, 3), row4=np.inf, row5=np.nan, row6=np.nan),
        walk(7, (3, 4), row0=np.nan, row1=np.nan, row3=-np.inf, row6=np.nan),
        walk(8, (3, 4), row5=-np.inf, row6=np.nan),
        walk(6, (4, 4)),
    ]


def _first(is_bad, missing=-1):
    return lambda values: next((i for i, v in enumerate(values) if is_bad(v)), missing)


def _last(values):
    return max((i for i, v in enumerate(values) if not np.isfinite(v).all()), default=-1)


first_bad = question(
    "first_bad",
    points=2,
    partial=1,
    reference=reference.first_bad,
    cases=_walk_cases,
    mistakes={
        "You look for NaN only. Mostly an infinity comes first, and the next row makes NaN of it: see np.isfinite.": (
            _first(lambda v: np.isnan(v).any())
        ),
        "You ask whether all numbers of a row are bad. One is enough.": _first(lambda v: not np.isfinite(v).any()),
        "You give the last bad row. There it ends; asked for is where it begins.": _last,
        "You give the row before the first bad one. That is the last healthy row.": (
            lambda values: max(reference.first_bad(values) - 1, -1)
        ),
        "You overlook minus infinity, as the logarithm of 0 gives it.": _first(
            lambda v: (np.isnan(v) | (v == np.inf)).any()
        ),
        "You count rows from one; count from zero, as Python does.": (
            lambda values: found + 1 if (found := reference.first_bad(values)) >= 0 else -1
        ),
        "Where every number is finite, you say the first row. Say minus one.": (
            lambda values: max(reference.first_bad(values), 0)
        ),
        "You count the bad rows; asked for is the place of the first.": (
            lambda values: sum(not np.isfinite(v).all() for v in values)
        ),
    },
    hints={
        "raised": "You get one list, `values`, of arrays, in the order of computing.",
        "type": "Return one whole number: the place of a row in the list.",
        "shape": "Return one whole number: the place of a row in the list.",
        "values": "Go along the rows from the first. Which is the first with a number that is not finite?",
    },
)
