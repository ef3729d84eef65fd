"""Units that are off for good, and probabilities from logits."""

import numpy as np

from course_utils import reference
from course_utils.checks.question import Case, question

quiet = np.errstate(all="ignore")  # a mistake overflows as a student's code does; only the student should be warned

# --- dead_units ---------------------------------------------------------------------------------------------------


def _sums_cases(rng: np.random.Generator) -> list[Case]:
    def case(places, kinds):
        """kinds, one a unit: "dead", "zero" (dead, at zero once), "once" (on for a single sum), "most", "on"."""
        sums = -rng.uniform(1, 4, (*places, len(kinds)))
        for unit, kind in enumerate(rng.permutation(kinds)):
            flat = sums[..., unit].ravel()
            chosen = rng.permutation(flat.size)
            match kind:
                case "zero":
                    flat[chosen[0]] = 0
                case "once":
                    flat[chosen[0]] = rng.uniform(0.1, 0.5)
                case "most":
                    flat[chosen[1:]] *= -1
                case "on":
                    flat *= -1
            sums[..., unit] = flat.reshape(places)
        return Case(sums=sums.round(2))

    return [
        case((2,), ["dead", "once", "on"]),
        case((3,), ["dead", "zero", "once", "most", "on"]),
        case((2, 2, 2), ["dead", "zero", "once", "on"]),
        case((4, 3, 3), ["dead", "dead", "zero", "once", "once", "most", "on"]),
    ]


def _but_units(sums):
    return tuple(range(sums.ndim - 1))


dead_units = question(
    "dead_units",
    points=2,
    partial=1,
    reference=lambda sums: np.flatnonzero(reference.dead_units(sums)),
    cases=_sums_cases,
    mistakes={
        "A unit that is off for some examples is not dead: it has to be off for all of them.": (
            lambda sums: np.flatnonzero((sums <= 0).any(axis=_but_units(sums)))
        ),
        "You look at the mean. A unit whose mean is negative may still be on for one example, and learn from it.": (
            lambda sums: np.flatnonzero(sums.mean(axis=_but_units(sums)) <= 0)
        ),
        "A sum of exactly 0 gives no slope either: 0 counts as off.": lambda sums: np.flatnonzero(
            (sums < 0).all(axis=_but_units(sums))
        ),
        "You count each place of a map as a unit. A channel has the same weights everywhere, so it is dead only if it "
        "is off at all places.": lambda sums: np.flatnonzero((sums <= 0).all(axis=0)),
        "You take the second axis for the units. Units and channels lie along the last axis.": lambda sums: (
            np.flatnonzero((np.moveaxis(sums, 1, -1) <= 0).all(axis=_but_units(sums)))
        ),
        "You count each place of a map by itself: look at all axes but the last together.": (
            lambda sums: np.where((sums <= 0).all(axis=0))[0]
        ),
        "You give the units that are alive.": lambda sums: np.flatnonzero(~reference.dead_units(sums)),
        "You give True or False for each unit. Asked for are the numbers of the dead ones: see np.flatnonzero.": (
            reference.dead_units
        ),
    },
    hints={
        "shape": "Give the number of each dead unit, and nothing for the others. Of a row of True and False, "
        "np.flatnonzero gives the numbers; np.where wraps them in a tuple.",
        "values": "Go through the smallest case unit by unit, that is column by column: is it ever above zero?",
        "type": "Return a list or an array of whole numbers: 0 is the first unit.",
        "raised": "The sums may have two axes or four; tuple(range(sums.ndim - 1)) names all axes but the last.",
    },
)

# --- softmax ------------------------------------------------------------------------------------------------------


def _logit_cases(rng: np.random.Generator) -> list[Case]:
    def case(n, c, temperature, scale=2.0):
        return Case(logits=rng.normal(0, scale, (n, c)).round(2), temperature=temperature)

    apart = np.array([[1000.0, 998.0, 1001.0], [-1000.0, -1002.0, -1001.0]]) + rng.integers(0, 5, (2, 1))
    return [
        case(2, 3, 1.0),
        case(3, 4, 2.0),
        case(5, 3, 0.5),
        Case(logits=apart, temperature=1.0),
        Case(logits=rng.normal(0, 900, (6, 10)).round(), temperature=3.0),
    ]


def _of(logits, axis=-1):
    powers = np.exp(logits)
    return powers / powers.sum(axis=axis, keepdims=True)


def _one_maximum(logits, temperature):
    z = logits / temperature
    return _of(z - z.max())


softmax = question(
    "softmax",
    shortcuts=("scipy", "torch", "keras", "tensorflow", "jax"),
    points=3,
    partial=1,
    reference=reference.softmax,
    cases=_logit_cases,
    mistakes={
        "The power of a large logit is too large for a number: subtract the row's largest logit before you take "
        "exponentials.": quiet(lambda logits, temperature: _of(logits / temperature)),
        "You subtract the largest logit of the whole batch. A row far below it has only zeros left: subtract each "
        "row's own maximum.": quiet(_one_maximum),
        "Your columns add up to 1. Each row is an image, so it is each row that has to.": lambda logits, temperature: (
            reference.softmax(logits, temperature, axis=0)
        ),
        "You divide by the total of the whole batch: each row has a total of its own.": lambda logits, temperature: (
            reference.softmax(logits.ravel(), temperature).reshape(logits.shape)
        ),
        "The temperature is not used.": lambda logits, temperature: reference.softmax(logits),
        "The temperature multiplies the logits. It divides them: hot means even.": lambda logits, temperature: (
            reference.softmax(logits, 1 / temperature)
        ),
        "The probabilities are divided by the temperature. It divides the logits, before the exponential.": (
            lambda logits, temperature: reference.softmax(logits) / temperature
        ),
        "You take the softmax of probabilities: it was applied twice.": lambda logits, temperature: reference.softmax(
            reference.softmax(logits), temperature
        ),
        "You return logarithms of probabilities.": reference.log_softmax,
        "The logits are divided by their sum, without exponentials: negative logits would be negative shares.": quiet(
            lambda logits, temperature: logits / temperature / (logits / temperature).sum(axis=1, keepdims=True)
        ),
    },
    hints={
        "shape": "The answer has the shape of the logits: one probability for each.",
        "values": "Each row adds up to 1. Take a row of two logits, 1 and 0, at temperature 1: 0.731 and 0.269.",
        "raised": "With keepdims=True a row's maximum and total keep their axis, so that shapes fit.",
        "type": "Return a NumPy array of two axes.",
    },
)
