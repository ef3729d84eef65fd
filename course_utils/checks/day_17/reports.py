"""Judging what was published: whether any confusion matrix rounds to a report."""

from itertools import product

import numpy as np

from course_utils import reference
from course_utils.checks.question import Case, question

# --- possible_report ----------------------------------------------------------------------------------------------


def _report_cases(rng: np.random.Generator) -> list[Case]:
    def drawn(support, digits):
        """The report of a matrix that exists, such that all ways of rounding halves agree."""
        while True:
            well, ill = (int(rng.integers(int(0.6 * n), n)) for n in support)
            called = well + support[1] - ill, ill + support[0] - well
            recall = [round(well / support[0], digits), round(ill / support[1], digits)]
            precision = [round(well / called[0], digits), round(ill / called[1], digits)]
            if abs(precision[0] - precision[1]) > 0.04 and _is_clear(precision, recall, support, digits):
                return Case(precision=precision, recall=recall, support=list(support), digits=digits)

    sizes = [int(n) for n in rng.integers(80, 300, 4)]
    return [
        drawn((7, 9), 2),
        Case(precision=[0.93, 0.91], recall=[0.85, 0.96], support=[234, 390], digits=2),
        Case(precision=[0.91, 0.93], recall=[0.85, 0.96], support=[234, 390], digits=2),
        drawn(sizes[:2], 2),
        drawn(sizes[2:], 3),
        drawn((234, 390), 2),
    ]


def _is_clear(precision, recall, support, digits) -> bool:
    """Whether no ratio that could be published so lies just between two numbers of so many digits."""
    off = []
    for well, ill in product(*(_counts(*one, digits, _within(1)) for one in zip(support, recall, strict=True))):
        called = well + support[1] - ill, ill + support[0] - well
        off += [well / support[0] - recall[0], ill / support[1] - recall[1]]
        off += [n / max(of, 1) - p for n, of, p in zip((well, ill), called, precision, strict=True)]
    return not np.any(np.abs(np.abs(off) * 10**digits - 0.5) < 1e-6)


def _asked(find, **report):
    """The answer as it is. Cards show no answer that was observed: an empty list would be right for other reports."""
    return find(*report.values())


def _within(units):
    """Whether a value is so many units of the last digit, or less, away from the published one."""
    return lambda value, published, digits: abs(value - published) * 10**digits <= units + 1e-7


def _cut_off(value, published, digits):
    return np.floor(value * 10**digits + 1e-7) == np.rint(published * 10**digits)


def _counts(n, share, digits, near):
    return [k for k in range(n + 1) if near(k / n, share, digits)]


def _fitting(near=_within(0.5), classes=(0, 1), exchanged=False, nearest=False, made=lambda found: found):  # noqa: B008
    """All matrices that agree, for somebody who looks at the precision of these classes only, and so on."""

    def find(precision, recall, support, digits):
        wanted = precision[::-1] if exchanged else precision
        right = [_counts(n, r, digits, near) for n, r in zip(support, recall, strict=True)]
        if nearest:
            right = [[int(np.rint(r * n))] for n, r in zip(support, recall, strict=True)]
        found = []
        for pair in product(*right):
            called = [pair[0] + support[1] - pair[1], pair[1] + support[0] - pair[0]]
            if all(called[c] and near(pair[c] / called[c], wanted[c], digits) for c in classes):
                found.append(pair)
        return made(found)

    return find


possible_report = question(
    "possible_report",
    points=3,
    partial=1,
    reference=reference.possible_report,
    cases=_report_cases,
    observe=_asked,
    mistakes={
        "You look at the recalls only. The precisions have to fit the same matrix.": _fitting(classes=()),
        "You look at the precision of class 1 only; that of class 0 has to fit as well.": _fitting(classes=(1,)),
        "You look at the precision of class 0 only; that of class 1 has to fit as well.": _fitting(classes=(0,)),
        "The precisions are exchanged: that of class 0 divides by all films that were *called* 0.": _fitting(
            exchanged=True
        ),
        "You try one matrix only. Several whole numbers round to the same recall: try them all.": _fitting(
            nearest=True
        ),
        "You cut digits off; published numbers are rounded.": _fitting(near=_cut_off),
        "You allow a whole unit of the last digit. Rounding moves a number by half a unit at most.": _fitting(
            near=_within(1)
        ),
        "You give the pairs as (right of class 1, right of class 0); class 0 comes first.": _fitting(
            made=lambda found: sorted(pair[::-1] for pair in found)
        ),
        "You say whether the report is possible; asked for is the list of the pairs that make it so.": _fitting(
            made=bool
        ),
        "You say how many pairs there are; asked for are the pairs.": _fitting(made=len),
    },
    hints={
        "raised": "If no film is called 0, there is no precision of class 0: look before you divide.",
        "type": "Return a list of pairs of whole numbers, empty if there are none.",
        "shape": "Go through all pairs: 0 to support[0] films of class 0 right, 0 to support[1] of class 1. If nothing "
        "ever fits, look at the rounding, and at what a precision divides by: the films that were called so.",
        "values": "List the pairs in ascending order, and write the matrix of the smallest case on paper.",
    },
)
