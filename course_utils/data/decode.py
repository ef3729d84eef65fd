"""Encoded images to pixels, on all cores."""

import hashlib
import io
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
from PIL import Image

from course_utils.data.catalogue import Spec
from course_utils.data.records import Batch
from course_utils.errors import CourseError

CHUNK = 64


def pixels(encoded: bytes, spec: Spec) -> tuple[np.ndarray, bytes]:
    """One image as uint8 (H, W, C), and a 16-byte key of its content. Raises ValueError saying what is wrong.

    The key is the same on every machine and whichever way the data came: of the pixels where the file is lossless, of
    the file where it is a JPEG, since JPEG decoders may differ in the last bit.
    """
    height, width, channels = spec.shape
    try:
        with Image.open(io.BytesIO(encoded)) as image:
            if not spec.resize and image.size != (width, height):
                raise ValueError(
                    f"the image is {image.size[0]} × {image.size[1]} pixels, but {spec.title} has {width} × {height}"
                )
            lossy = image.format == "JPEG"
            # Lets the JPEG decoder skip detail that resizing removes anyway; it keeps at least twice what is needed.
            if spec.resize and lossy:
                image.draft(spec.mode, (2 * width, 2 * height))
            decoded = image.convert(spec.mode)
    except (OSError, SyntaxError, EOFError, Image.DecompressionBombError) as error:
        raise ValueError(f"the image cannot be decoded ({' '.join(str(error).split())[:120]})") from error
    if decoded.size != (width, height):
        decoded = decoded.resize((width, height), Image.Resampling.BILINEAR)
    array = np.asarray(decoded).reshape(height, width, channels)
    return array, digest(encoded if lossy else array.tobytes())


def digest(content: bytes) -> bytes:
    """16 bytes that stand for this content."""
    return hashlib.blake2b(content, digest_size=16).digest()


def decoded(batches: Iterator[Batch], spec: Spec) -> Iterator[tuple[np.ndarray, list[bytes], Batch]]:
    """For each batch: images uint8 (n, H, W, C), keys of their content, and the batch. Raises CourseError."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for batch in batches:
            starts = range(0, len(batch.images), CHUNK)
            done = [row for rows in pool.map(partial(_chunk, batch, spec), starts) for row in rows]
            yield np.stack([array for array, _ in done]), [key for _, key in done], batch


def _chunk(batch: Batch, spec: Spec, start: int) -> list[tuple[np.ndarray, bytes]]:
    rows = []
    for i, encoded in enumerate(batch.images[start : start + CHUNK], start):
        try:
            rows.append(pixels(encoded, spec))
        except ValueError as error:
            name = f" ({batch.paths[i]})" if batch.paths[i] else ""
            raise CourseError(f"{batch.where}, row {batch.first + i}{name}: {error}.") from error
    return rows
