"""Saying compactly in words what a value is."""

from collections.abc import Mapping
from typing import Any

import numpy as np

SMALL = 25  # numbers that a reader can still take in
LONG = 160  # characters


def describe(value: Any) -> str:
    """A small array or number as written, a large array as its shape and type, anything else cut short."""
    if isinstance(value, np.ndarray):
        if value.size <= SMALL:
            return _numbers(value) + (f" ({'×'.join(map(str, value.shape))})" if value.ndim > 2 else "")
        return f"{describe_shape(value.shape)} ({value.dtype})"
    if isinstance(value, float | np.floating):
        return f"{value:.6g}"
    if isinstance(value, list | tuple) and len(value) > SMALL:
        return f"a list of {len(value)} entries"
    return _short(repr(value.item() if isinstance(value, np.generic) else value))


def describe_inputs(inputs: Mapping[str, Any]) -> str:
    """Inputs by name: "kernel = [[1, 2], [3, 4]], stride = 2"."""
    return ", ".join(f"{name} = {describe(value)}" for name, value in inputs.items())


def describe_shape(shape: tuple[int, ...]) -> str:
    """A shape in words: "a single number", "an array of shape (4,)", "an array of shape 3×3"."""
    if not shape:
        return "a single number"
    if len(shape) == 1:
        return f"an array of shape ({shape[0]},)"
    return f"an array of shape {'×'.join(map(str, shape))}"


def _numbers(array: np.ndarray) -> str:
    if array.dtype.kind == "f":
        array = np.vectorize(lambda number: float(f"{number:.4g}"), otypes=[float])(array) if array.size else array
    return _short(str(array.tolist()), 4 * LONG)


def _short(text: str, length: int = LONG) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"
