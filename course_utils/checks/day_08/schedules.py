"""The learning rate in a step, by five schedules."""

from collections.abc import Callable

import numpy as np

from course_utils import reference
from course_utils.checks.question import Case, question

EVERY, FACTOR, WARM_UP = 30, 0.97, 10
"""Steps between the cuts of "step"; the factor of "exponential"; the steps that "warm-up" rises."""
KINDS = ("step", "exponential", "cosine", "warm-up", "one-cycle")


def _rate(kind: str, step: int, steps: int, peak: float) -> float:
    match kind:
        case "step":
            return reference.step_decay(step, peak, EVERY)
        case "exponential":
            return reference.exponential_decay(step, peak, FACTOR)
        case "cosine":
            return reference.cosine_decay(step, peak, steps)
        case "warm-up":
            return reference.warm_up_cosine(step, peak, steps, WARM_UP)
        case _:
            return reference.one_cycle(step, peak, steps)


def _cases(rng: np.random.Generator) -> list[Case]:
    """Each kind at its beginning, in its middle and near its end; peaks are large, so that rates are of order one."""
    cases = []
    for place in (0.0, 0.05, 0.45, 0.7, 1.0):
        for kind in KINDS:
            steps, peak = int(rng.integers(90, 140)), float(rng.uniform(1, 9))
            cases.append(Case(kind=kind, step=round(place * (steps - 1)), steps=steps, peak=peak))
    return cases


def _wrong_in(kind: str, rate: Callable[[int, int, float], float]) -> Callable:
    def learning_rate(chosen, step, steps, peak):
        return rate(step, steps, peak) if chosen == kind else _rate(chosen, step, steps, peak)

    return learning_rate


def _half_cosine(part):
    return (1 + np.cos(np.pi * part)) / 2


def _lines(step, steps, peak):
    """One cycle with straight lines."""
    turn, start, last = 0.3 * steps - 1, peak / 25, steps - 1
    return np.interp(step, [0, turn, last], [start, peak, start / 1e4])


def _one_cycle_from(start, end) -> Callable:
    return lambda step, steps, peak: reference.one_cycle(step, peak, steps, 0.3, start, end)


def _cycle_late(step, steps, peak):
    """One cycle that counts its steps from 1."""
    return reference.one_cycle(min(step + 1, steps - 1), peak, steps)


learning_rate = question(
    "learning_rate",
    points=4,
    partial=1,
    reference=_rate,
    cases=_cases,
    mistakes={
        'Your "step" falls a little in every step. It stays on a stair: step // 30, without a remainder.': _wrong_in(
            "step", lambda step, steps, peak: peak * 0.1 ** (step / EVERY)
        ),
        'Your "step" falls only once. It is divided by ten after every 30 steps.': _wrong_in(
            "step", lambda step, steps, peak: peak * (0.1 if step >= EVERY else 1.0)
        ),
        'Your "exponential" takes 3 % of the PEAK away in each step, a straight line. Multiply by 0.97 in each.': (
            _wrong_in("exponential", lambda step, steps, peak: peak * (1 - 0.03 * step))
        ),
        'Your "exponential" is one step ahead: in step 0 the rate is the peak.': _wrong_in(
            "exponential", lambda step, steps, peak: peak * FACTOR ** (step + 1)
        ),
        'Your "cosine" falls to minus the peak: add 1 to the cosine, and halve.': _wrong_in(
            "cosine", lambda step, steps, peak: peak * np.cos(np.pi * step / steps)
        ),
        'Your "cosine" is not halved: in step 0 it is twice the peak.': _wrong_in(
            "cosine", lambda step, steps, peak: 2 * peak * _half_cosine(step / steps)
        ),
        'Your "cosine" comes back up: it runs over 2π. Half a turn, π, ends at zero.': _wrong_in(
            "cosine", lambda step, steps, peak: peak * _half_cosine(2 * step / steps)
        ),
        'Your "cosine" takes the angle in degrees; np.cos wants radians, so use np.pi.': _wrong_in(
            "cosine", lambda step, steps, peak: peak * (1 + np.cos(180 * step / steps)) / 2
        ),
        'Your "warm-up" begins with a rate of 0, so its first step does nothing: step + 1 over 10.': _wrong_in(
            "warm-up",
            lambda step, steps, peak: (
                peak * step / WARM_UP if step < WARM_UP else peak * _half_cosine((step - WARM_UP) / (steps - WARM_UP))
            ),
        ),
        'The cosine of your "warm-up" counts from step 0, so it jumps where the warm-up ends. It begins in step 10 and '
        "takes the steps that are left.": _wrong_in(
            "warm-up",
            lambda step, steps, peak: (
                peak * (step + 1) / WARM_UP if step < WARM_UP else peak * _half_cosine(step / steps)
            ),
        ),
        'Your "warm-up" stays at the peak. After it comes a cosine.': _wrong_in(
            "warm-up", lambda step, steps, peak: peak * min((step + 1) / WARM_UP, 1)
        ),
        'Your "one-cycle" goes up and down in straight lines. Both ways are half a cosine.': _wrong_in(
            "one-cycle", _lines
        ),
        'Your "one-cycle" begins at zero. It begins at a 25th of the peak.': _wrong_in(
            "one-cycle", _one_cycle_from(1e12, 1.0)
        ),
        'Your "one-cycle" ends where it began. It goes on falling to a 10,000th of that.': _wrong_in(
            "one-cycle", _one_cycle_from(25, 1.0)
        ),
        'Your "one-cycle" is one step ahead: step 0 has a 25th of the peak, step steps − 1 the end.': _wrong_in(
            "one-cycle", _cycle_late
        ),
    },
    hints={
        "values": "Draw the schedule over 100 steps, and compare its beginning, its peak and its end with the list.",
        "type": "Return one number.",
        "raised": "The kind is one of step, exponential, cosine, warm-up, one-cycle.",
    },
)
