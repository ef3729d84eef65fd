"""Values that can be recognised, but not read: what the bundle holds of an answer that is itself the value asked for.

Of such a value only the form is in the open: keys, types, shapes. The value stands in a box, whose key comes out of a
slow hash of a right answer. So a right answer opens it, and anybody else has to try answers at the hash's pace.
"""

import functools
import hashlib
import json
import math
from typing import Any, NamedTuple

import numpy as np

from course_utils import wire
from course_utils.checks.compare import Difference, difference, is_numeric, not_right

SLOW = {"n": 2**14, "r": 8, "p": 1, "dklen": 64}  # 16 MiB and 50 to 100 ms a try
SHIFTS = 4


class Hidden(NamedTuple):
    """A value of which the form can be read, and no more.

    form: as `form_of` gives it. salt: of the hash; where forms are equal too, one hash serves all values of a question.
    tag: tells whether the key fits. box: the value and a sentence about it, encrypted.
    """

    form: Any
    salt: str
    tag: str
    box: str

    @classmethod
    def of(cls, value: Any, tolerance: float, salt: str, sentence: str = "") -> "Hidden":
        """Hide a plain value. Raises ValueError for numbers that are not finite."""
        form = form_of(value, tolerance)
        tag, key = _hash(form, value, salt)
        return cls(form, salt, tag, _mixed(key, wire.encode([value, sentence])).hex())

    def opened(self, value: Any) -> tuple[Any, str] | None:
        """The hidden value and its sentence, if `value` is of its form and as near as the tolerance."""
        try:
            tag, key = _hash(self.form, value, self.salt)
        except (ValueError, TypeError, KeyError, OverflowError):
            return None
        return tuple(wire.decode(_mixed(key, bytes.fromhex(self.box)))) if tag == self.tag else None

    def difference(self, value: Any, tolerance: float, options: tuple[str, ...]) -> Difference | None:
        """As `compare.difference` of the hidden value, for a question that asks for a value."""
        blank = blank_of(self.form)
        misfit = difference(blank, value, tolerance, options, counted=False)
        if misfit and misfit.fault != "values":
            return misfit
        if found := self.opened(value):
            return difference(found[0], value, tolerance, options, counted=False)
        return misfit or not_right(blank)


def form_of(value: Any, tolerance: float) -> Any:
    """The form of a plain value: ["text"], ["truths", shape], ["numbers", shape, step, shift], ["list", ...] or a dict.

    Numbers are told apart in steps of at least eight tolerances, a power of two that tells the largest number's order
    of magnitude; the shift, 0 to 3, tells in which quarter of its step a number lies, and nothing else of it.
    """
    if isinstance(value, dict):
        return {key: form_of(entry, tolerance) for key, entry in value.items()}
    if isinstance(value, str):
        return ["text"]
    if isinstance(value, list | tuple) and not is_numeric(value):
        return ["list", *(form_of(entry, tolerance) for entry in value)]
    array = np.asarray(value)
    if array.dtype.kind == "b":
        return ["truths", list(array.shape)]
    if not np.isfinite(array).all():
        raise ValueError("a number that is not finite cannot be hidden")
    largest = max(1.0, float(np.max(np.abs(array), initial=0.0)))
    step = 2.0 ** math.ceil(math.log2(8 * tolerance * largest)) if tolerance else 2.0**-40
    shifts = np.floor(array / step * SHIFTS).astype(np.int64) % SHIFTS
    return ["numbers", list(array.shape), step, shifts.tolist()]


def blank_of(form: Any) -> Any:
    """A value of that form that tells no more than the form."""
    if isinstance(form, dict):
        return {key: blank_of(entry) for key, entry in form.items()}
    kind, *rest = form
    if kind == "text":
        return ""
    if kind == "list":
        return [blank_of(entry) for entry in rest]
    return np.zeros(rest[0], dtype=bool if kind == "truths" else float)[()]


def _rounded(form: Any, value: Any) -> Any:
    """What all values within the tolerance have in common. Raises ValueError for one of another form."""
    if isinstance(form, dict):
        return {key: _rounded(entry, value[key]) for key, entry in form.items()}
    kind, *rest = form
    if kind == "text":
        return value.strip().casefold()
    if kind == "list":
        return [_rounded(entry, one) for entry, one in zip(rest, value, strict=True)]
    array = np.asarray(value)
    if list(array.shape) != rest[0]:
        raise ValueError("another shape")
    if kind == "truths":
        return array.astype(bool).tolist()
    step, shifts = rest[1], np.asarray(rest[2])
    # Moved so that the hidden value lies in the middle quarter of its step, and all within the tolerance in it too.
    places = np.floor(array.astype(float) / step - (shifts - 1.5) / SHIFTS)
    if not np.isfinite(places).all():
        raise ValueError("not finite")
    return places.tolist()


@functools.lru_cache(maxsize=8)
def _slow(text: str, salt: str) -> bytes:
    return hashlib.scrypt(text.encode(), salt=salt.encode(), **SLOW)


def _hash(form: Any, value: Any, salt: str) -> tuple[str, bytes]:
    """A tag that may be seen and a key that may not; the same for all values within the tolerance."""
    digest = _slow(json.dumps([form, _rounded(form, value)], sort_keys=True), salt)
    return digest[:32].hex(), digest[32:]


def _mixed(key: bytes, data: bytes) -> bytes:
    """Encrypted or decrypted: each byte with one of a stream that only the key gives."""
    stream = hashlib.shake_256(key).digest(len(data))
    return bytes(a ^ b for a, b in zip(data, stream, strict=True))
