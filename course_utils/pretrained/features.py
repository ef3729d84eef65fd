"""Features computed once: what a network makes of images, kept image by image in the cache.

A folder below the cache belongs to one way of computing: backend, layers, weights and preparation. Its files hold the
outputs for a few dozen images each, next to the keys of these images, so that work that was interrupted goes on where
it stopped, and another selection of the same images finds those it shares.
"""

import hashlib
import uuid
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import DTypeLike, NDArray

from course_utils.data import cache, progress, writing
from course_utils.paths import cache_dir

if TYPE_CHECKING:
    import keras

AT_ONCE = 32  # inputs: what is lost at most when the work is interrupted
VERSION = 1  # to be raised when files are written in another way


def features(
    model: "keras.Model",
    inputs: NDArray,
    prepare: Callable[[NDArray], NDArray[np.float32]],
    dtype: DTypeLike = np.float32,
    what: str = "images",
) -> NDArray:
    """The model's outputs (N, ...) for `inputs`, from the cache as far as it has them, in the order of the inputs.

    inputs: numbers (N, ...), N at least 1: images, or features of another model. prepare: makes of some of them what
    the model takes. dtype: float16 halves the room that maps take, at three digits. what: a word for the progress bar.
    Another backend, weight, layer or way of preparing has entries of its own. Raises ValueError where there is no
    input, CourseError where the cache cannot be written. Used on Days 16 and 17.
    """
    if np.ndim(inputs) < 2 or not len(inputs):
        raise ValueError(f"inputs are an array (N, ...) with at least one of them, not {np.shape(inputs)}")
    folder = cache_dir() / "features" / _fingerprint(model, prepare, inputs, np.dtype(dtype))
    keys = np.array([hashlib.blake2b(one.tobytes(), digest_size=16).digest() for one in inputs], "S16")
    with cache.disk_faults(folder):
        outputs, found = _read(folder, keys)
        _, first = np.unique(keys, return_index=True)  # of equal inputs, one is enough
        missing = first[~found[first]]
        with progress.bar(f"Features of {what}", len(missing), what) as bar:
            for start in range(0, len(missing), AT_ONCE):
                rows = missing[start : start + AT_ONCE]
                made = np.asarray(model.predict_on_batch(prepare(inputs[rows]))).astype(dtype)
                _write(folder, keys[rows], made)
                bar.update(len(rows))
        return _read(folder, keys)[0] if len(missing) else outputs


def _fingerprint(model: "keras.Model", prepare: Callable, inputs: NDArray, dtype: np.dtype) -> str:
    """Name of the folder: changes with all that decides what the model makes of inputs of this kind."""
    import keras

    probe = (np.arange(inputs[0].size) * 37 % 256).astype(inputs.dtype).reshape(1, *inputs.shape[1:])
    layers = [
        (type(layer).__name__, {k: v for k, v in layer.get_config().items() if k != "name"}) for layer in model.layers
    ]
    content = hashlib.blake2b(digest_size=16)
    content.update(repr((VERSION, keras.backend.backend(), probe.dtype, model.output_shape, layers, dtype)).encode())
    content.update(np.ascontiguousarray(prepare(probe)))
    for weight in model.get_weights():
        content.update(np.ascontiguousarray(weight))
    return content.hexdigest()


def _read(folder: Path, keys: NDArray) -> tuple[NDArray, NDArray[np.bool_]]:
    """Outputs (N, ...) of the images with these keys, and which of them were found, bool (N,)."""
    outputs, found = np.empty(0), np.zeros(len(keys), bool)
    for file in sorted(folder.glob("*.npz")):
        try:
            with np.load(file) as stored:
                here, order = np.isin(keys, stored["keys"]), np.argsort(stored["keys"])
                if not here.any():
                    continue
                values = stored["outputs"]
                rows = order[np.searchsorted(stored["keys"], keys[here], sorter=order)]
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
            file.unlink()  # damaged: made afresh
            continue
        if not found.any():
            outputs = np.empty((len(keys), *values.shape[1:]), values.dtype)
        outputs[here], found = values[rows], found | here
    return outputs, found


def _write(folder: Path, keys: NDArray, outputs: NDArray) -> None:
    with writing.whole(folder / f"{uuid.uuid4().hex}.npz") as part, part.open("wb") as file:
        np.savez(file, keys=keys, outputs=outputs)
