"""Values as bytes, without pickle: a JSON text for the structure, followed by the arrays' raw numbers.

Reading is for bytes that somebody hostile may have written: every size is checked before it is used.
"""

import json
import re
import struct
from collections.abc import Iterator
from typing import Any

import numpy as np

MAX_JSON, MAX_DEPTH, MAX_AXES = 32 * 2**20, 16, 32
NUMBERS = re.compile(r"[<>|][biuf][1248]")
LENGTH = struct.Struct(">I")


class Malformed(Exception):
    """Bytes that hold no value."""


def encode(value: Any) -> bytes:
    """Numbers, texts, None, arrays of numbers, and lists, tuples and dicts of these. Raises TypeError for the rest."""
    arrays: list[np.ndarray] = []
    text = json.dumps(_tagged(value, arrays), ensure_ascii=False).encode("utf-8", "surrogatepass")
    heads = json.dumps([[array.dtype.str, list(array.shape)] for array in arrays]).encode()
    parts = [LENGTH.pack(len(text)), text, LENGTH.pack(len(heads)), heads]
    return b"".join([*parts, *(np.ascontiguousarray(array).tobytes() for array in arrays)])


def decode(data: bytes) -> Any:
    """The value in bytes that `encode` wrote. Raises Malformed for any others."""
    try:
        text, rest = _take(data)
        heads, rest = _take(rest)
        return _untagged(_json(text), list(_arrays(_json(heads), rest)), 0)
    except (ValueError, TypeError, KeyError, IndexError, RecursionError, MemoryError, OverflowError) as error:
        raise Malformed("the bytes hold no value") from error


def frame(kind: bytes, body: bytes) -> bytes:
    """One message of a stream: a letter, the length, the body."""
    return kind + LENGTH.pack(len(body)) + body


def frames(stream: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The (kind, body) of each whole message; a message that is cut off ends the stream."""
    at = 0
    while at + 5 <= len(stream):
        (length,) = LENGTH.unpack_from(stream, at + 1)
        if at + 5 + length > len(stream):
            return
        yield stream[at : at + 1], stream[at + 5 : at + 5 + length]
        at += 5 + length


def _tagged(value: Any, arrays: list[np.ndarray]) -> Any:
    if value is None or type(value) in (bool, int, float, str):
        return value
    if isinstance(value, dict):
        return {"dict": [[_tagged(k, arrays), _tagged(v, arrays)] for k, v in value.items()]}
    if isinstance(value, list):
        return [_tagged(entry, arrays) for entry in value]
    if isinstance(value, tuple):
        return {"tuple": [_tagged(entry, arrays) for entry in value]}
    if isinstance(value, np.ndarray | np.generic) and NUMBERS.fullmatch(value.dtype.str):
        arrays.append(np.asarray(value))
        return {"array" if isinstance(value, np.ndarray) else "scalar": len(arrays) - 1}
    raise TypeError(f"a value of the type {type(value).__name__} cannot be sent")


def _untagged(value: Any, arrays: list[np.ndarray], depth: int) -> Any:
    if depth > MAX_DEPTH:
        raise ValueError("nested too deeply")
    if isinstance(value, list):
        return [_untagged(entry, arrays, depth + 1) for entry in value]
    if not isinstance(value, dict):
        return value
    ((tag, inner),) = value.items()
    if tag == "dict":
        return {_hashable(k): _untagged(v, arrays, depth + 1) for k, v in inner}
    if tag == "tuple":
        return tuple(_untagged(entry, arrays, depth + 1) for entry in inner)
    if tag in ("array", "scalar") and type(inner) is int and inner >= 0:
        return arrays[inner] if tag == "array" else arrays[inner][()]
    raise ValueError(f"unknown tag {tag!r}")


def _hashable(key: Any) -> Any:
    if key is not None and type(key) not in (bool, int, float, str):
        raise ValueError("a key is a number or a text")
    return key


def _arrays(heads: Any, data: bytes) -> Iterator[np.ndarray]:
    at = 0
    for kind, shape in heads:
        if not isinstance(kind, str) or not NUMBERS.fullmatch(kind):
            raise ValueError("not a type of number")
        if len(shape) > MAX_AXES or not all(type(n) is int and 0 <= n < 2**31 for n in shape):
            raise ValueError("not a shape")
        dtype, count = np.dtype(kind), 1
        for n in shape:
            count *= n
        if at + count * dtype.itemsize > len(data):
            raise ValueError("fewer numbers than the shape says")
        yield np.frombuffer(data, dtype, count, at).reshape(shape).copy()
        at += count * dtype.itemsize
    if at != len(data):
        raise ValueError("more numbers than the shapes say")


def _take(data: bytes) -> tuple[bytes, bytes]:
    if len(data) < 4:
        raise ValueError("cut off")
    (length,) = LENGTH.unpack_from(data)
    if length > min(MAX_JSON, len(data) - 4):
        raise ValueError("cut off, or too long")
    return data[4 : 4 + length], data[4 + length :]


def _json(text: bytes) -> Any:
    return json.loads(text.decode("utf-8", "surrogatepass"))
