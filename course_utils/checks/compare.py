"""Values: what an answer may consist of, and in what respect one differs from another."""

from typing import Any, NamedTuple

import numpy as np

from course_utils.checks.describe import describe_shape

MAX_DEPTH, MAX_ENTRIES = 6, 1_000_000
BLANK = (None, ..., NotImplemented)


class Unreadable(Exception):
    """An answer that holds no value to look at: one sentence for the student."""


class Difference(NamedTuple):
    """In what respect a value is not the expected one; `text` never tells the expected values."""

    fault: str  # "type", "shape" or "values"
    text: str


def plain(answer: Any, depth: int = 0) -> Any:
    """The answer as numbers, strings, base-class arrays (copies), and lists and dicts of these.

    Tensors of any framework become arrays, tuples lists, np.matrix an ordinary array. None stays None: no answer.
    Raises Unreadable for anything else: objects, generators, masked, complex or object arrays, nesting without end.
    """
    if any(answer is blank for blank in BLANK):
        return None
    if depth > MAX_DEPTH:
        raise Unreadable("The answer is nested too deeply.")
    if isinstance(answer, str):
        return str.__str__(answer)
    if isinstance(answer, bool | int | float) and type(answer) in (bool, int, float):
        return answer
    if isinstance(answer, dict):
        return {str(key): plain(value, depth + 1) for key, value in dict.items(answer)}
    if isinstance(answer, list | tuple):
        if len(answer) > MAX_ENTRIES:
            raise Unreadable(f"The answer is a list of {len(answer):,} entries; an array is expected at that size.")
        walk = list.__iter__ if isinstance(answer, list) else tuple.__iter__
        return [plain(value, depth + 1) for value in walk(answer)]
    if isinstance(answer, set | frozenset):
        raise Unreadable("The answer is a set, which has no order; a list is expected.")
    if isinstance(answer, np.ma.MaskedArray) and np.ma.is_masked(answer):
        raise Unreadable("Some entries of the answer are masked; an ordinary array is expected.")
    return _array(answer)


def _array(answer: Any) -> Any:
    kind = type(answer).__name__
    if not isinstance(answer, np.ndarray | np.generic | int | float) and not hasattr(answer, "__array__"):
        raise Unreadable(f"The answer is of the type {kind}, which is neither a number, an array, a list nor a text.")
    try:
        if hasattr(answer, "detach"):  # a torch tensor may hang in a graph, or lie on a GPU
            answer = answer.detach().cpu()
        array = np.array(np.asarray(answer), copy=True, subok=False)
    except Exception as error:
        raise Unreadable(f"The answer, of the type {kind}, cannot be read as an array.") from error
    if array.dtype.kind == "U":
        return array.tolist()
    if array.dtype.kind not in "biuf":
        what = {"O": "objects", "c": "complex numbers"}.get(array.dtype.kind, f"entries of type {array.dtype}")
        raise Unreadable(f"The answer is an array of {what}; ordinary numbers are expected.")
    return array.item() if isinstance(answer, np.generic | int | float) else array


def difference(
    expected: Any, value: Any, tolerance: float, options: tuple[str, ...] = (), counted: bool = True
) -> Difference | None:
    """In what respect a plain value differs from the expected one, or None.

    Numbers count by their value, so 3.0 is 3, and a list of numbers is as good as an array. Arrays agree if their
    shapes do and no entry is further off than `tolerance` times the largest expected magnitude, or times 1.
    counted: whether to tell how many entries of an array are wrong; where they are the answer it could be found so.
    """
    if value is None:
        return Difference("type", "There is no answer here.")
    if isinstance(expected, dict):
        return _differing_dict(expected, value, tolerance, options)
    if isinstance(expected, str):
        return _differing_text(expected, value, options)
    if isinstance(expected, list | tuple) and not is_numeric(expected):
        return _differing_list(expected, value, tolerance, options)
    return _differing_numbers(np.asarray(expected), value, tolerance, counted)


def not_right(expected: Any, wrong: int | None = None) -> Difference:
    """What is said of a value of the right form. wrong: how many entries of an array are, if that may be told."""
    if isinstance(expected, str):
        text = "This is not the right choice."
    elif isinstance(expected, dict) or (isinstance(expected, list | tuple) and not is_numeric(expected)):
        text = "Not every entry is right."
    elif np.ndim(expected) == 0:
        text = "The value is not right."
    else:
        text = f"Your shape is right; {f'{wrong} of {np.size(expected)}' if wrong else 'not all of the'} values are"
        text += " not." if wrong else "."
    return Difference("values", text)


def _differing_dict(expected: dict, value: Any, tolerance: float, options: tuple[str, ...]) -> Difference | None:
    if not isinstance(value, dict):
        return Difference("type", f"A dictionary is asked for; yours is {_noun(value)}.")
    missing = [key for key in expected if value.get(key) is None or value.get(key) == ""]
    if missing:
        return Difference("type", f"Still without an answer: {', '.join(missing)}.")
    found = [difference(entry, value[key], tolerance, options) for key, entry in expected.items()]
    # A wrong form may be told entry by entry; which values are wrong may not, or the answer could be found by trying.
    for key, one in zip(expected, found, strict=True):
        if one and one.fault != "values":
            return Difference(one.fault, f"Entry {key}: {one.text}")
    return not_right(expected) if any(found) else None


def _differing_list(
    expected: list | tuple, value: Any, tolerance: float, options: tuple[str, ...]
) -> Difference | None:
    if not isinstance(value, list) and not (isinstance(value, np.ndarray) and value.ndim):
        return Difference("type", f"A list is asked for; yours is {_noun(value)}.")
    if len(value) != len(expected):
        return Difference("shape", f"Your list has {len(value)} entries; {len(expected)} are asked for.")
    found = [difference(e, plain(v), tolerance, options) for e, v in zip(expected, value, strict=True)]
    return next((one for one in found if one and one.fault != "values"), not_right(expected) if any(found) else None)


def _differing_text(expected: str, value: Any, options: tuple[str, ...]) -> Difference | None:
    if not isinstance(value, str):
        return Difference("type", f"A text in quotes is asked for; yours is {_noun(value)}.")
    word = value.strip().casefold()
    if options and word not in [option.casefold() for option in options]:
        return Difference("type", f"{value[:40]!r} is none of the choices ({', '.join(options)}).")
    return None if word == expected.casefold() else not_right(expected)


def _differing_numbers(expected: np.ndarray, value: Any, tolerance: float, counted: bool) -> Difference | None:
    try:
        array = np.asarray(value)
    except ValueError:
        return Difference("type", "Your lists are of unlike lengths; they do not make an array.")
    wanted = "a single number" if expected.ndim == 0 else "an array of numbers"
    if array.dtype.kind not in "biuf":
        return Difference("type", f"The answer asked for is {wanted}; yours is {_noun(value)}.")
    if array.shape != expected.shape:
        return Difference(
            "shape", f"Your answer is {describe_shape(array.shape)}; asked for is {describe_shape(expected.shape)}."
        )
    if (array.dtype.kind == "b") != (expected.dtype.kind == "b"):
        asked = "True or False" if expected.dtype.kind == "b" else "a number"
        return Difference("type", f"The answer asked for is {asked}; yours is of the type {array.dtype}.")
    a, e = array.astype(np.float64), expected.astype(np.float64)
    if np.isfinite(e).all() and not np.isfinite(a).all():
        what = "NaN (not a number)" if np.isnan(a).any() else "an infinite value"
        return Difference("values", f"There is {what} in your answer.")
    allowed = tolerance * max(1.0, float(np.max(np.abs(e), initial=0.0, where=np.isfinite(e))))
    wrong = ~np.isclose(a, e, rtol=0, atol=allowed, equal_nan=True)
    return not_right(expected, int(wrong.sum()) if counted else None) if wrong.any() else None


def is_numeric(values: list | tuple) -> bool:
    """Whether a list makes an array of numbers."""
    try:
        return np.asarray(values).dtype.kind in "biuf"
    except ValueError:
        return False


def _noun(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return describe_shape(value.shape)
    nouns = {
        str: "a text",
        bool: "True or False",
        int: "a number",
        float: "a number",
        list: "a list",
        dict: "a dictionary",
    }
    return nouns.get(type(value), f"of the type {type(value).__name__}")
