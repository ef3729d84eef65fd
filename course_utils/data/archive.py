"""The official CIFAR-10 archive: python or binary version, packed (cifar-10-*.tar.gz) or unpacked."""

import io
import pickle
import re
import tarfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from PIL import Image

from course_utils.data.catalogue import Spec
from course_utils.data.records import BATCH, Batch
from course_utils.errors import CourseError

MEMBER = re.compile(r"(data_batch_[1-5]|test_batch)(\.bin)?|batches\.meta(\.txt)?")
LARGEST = 1 << 26  # bytes; a batch has 31 MB
PIXELS = 3 * 32 * 32
# All that a pickled NumPy array needs. A pickle can name any function to be called: others are refused.
ALLOWED = {
    ("numpy._core.multiarray", "_reconstruct"),
    ("numpy._core.numeric", "_frombuffer"),
    ("numpy", "ndarray"),
    ("numpy", "dtype"),
    ("_codecs", "encode"),
}


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        module = module.replace("numpy.core", "numpy._core")  # renamed in NumPy 2
        if (module, name) not in ALLOWED:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}, which no image needs")
        return super().find_class(module, name)


def is_cifar(path: Path) -> bool:
    """Whether this is a tar archive, or a folder with CIFAR-10 batches."""
    if path.is_dir():
        return _folder(path) is not None
    return path.is_file() and tarfile.is_tarfile(path)


def readers(path: Path, spec: Spec) -> dict[str, tuple[int, Callable[[], Iterator[Batch]]]]:
    """For train and test: the number of images, and what yields them as PNG. Raises CourseError."""
    folder = _folder(path)
    members = _in_folder(folder) if folder else _in_tar(path)
    binary = any(name.endswith(".bin") for name in members)
    suffix = ".bin" if binary else ""
    wanted = {"train": [f"data_batch_{i}{suffix}" for i in range(1, 6)], "test": [f"test_batch{suffix}"]}
    meta = "batches.meta.txt" if binary else "batches.meta"
    lacking = [name for name in (*wanted["train"], *wanted["test"], meta) if name not in members]
    if lacking:
        raise CourseError(f"{path} lacks {', '.join(lacking)}: fetch the CIFAR-10 archive afresh.")
    try:
        names = members[meta].decode().split() if binary else _names(members[meta])
        if tuple(names) != spec.class_names:
            raise ValueError(f"its classes are {', '.join(names)}")
        read = _read_binary if binary else _read_pickled
        arrays = {split: [read(members[name]) for name in batch] for split, batch in wanted.items()}
    except Exception as error:  # a damaged pickle may raise anything
        raise CourseError(f"{path} is not the official CIFAR-10 archive, or damaged: {error}.") from error
    return {split: (sum(len(a[1]) for a in some), partial(_batches, some, str(path))) for split, some in arrays.items()}


def _folder(path: Path) -> Path | None:
    for folder in (path, path / "cifar-10-batches-py", path / "cifar-10-batches-bin"):
        if any((folder / name).is_file() for name in ("data_batch_1", "data_batch_1.bin")):
            return folder
    return None


def _in_folder(folder: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in folder.iterdir() if MEMBER.fullmatch(p.name)}


def _in_tar(path: Path) -> dict[str, bytes]:
    """The members by name, read into memory: nothing is unpacked to disk."""
    members = {}
    try:
        with tarfile.open(path) as tar:
            for member in tar:
                name = PurePosixPath(member.name).name
                if member.isfile() and member.size <= LARGEST and MEMBER.fullmatch(name):
                    members[name] = tar.extractfile(member).read()
    except (tarfile.TarError, OSError, EOFError) as error:
        raise CourseError(f"{path} is damaged ({error}): fetch the CIFAR-10 archive afresh.") from error
    return members


def _names(content: bytes) -> list[str]:
    return [name.decode() for name in _unpickle(content)[b"label_names"]]


def _unpickle(content: bytes) -> dict[bytes, Any]:
    found = _Unpickler(io.BytesIO(content), encoding="bytes").load()
    if not isinstance(found, dict):
        raise ValueError("a batch is not a dictionary")
    # Written by Python 2, keys are bytes; a copy that Python 3 has written has strings.
    return {key.encode() if isinstance(key, str) else key: value for key, value in found.items()}


def _read_pickled(content: bytes) -> tuple[np.ndarray, np.ndarray, list[str]]:
    batch = _unpickle(content)
    names = [name.decode() if isinstance(name, bytes) else str(name) for name in batch.get(b"filenames", [])]
    return _arrays(batch[b"data"], np.array(batch[b"labels"]), names)


def _read_binary(content: bytes) -> tuple[np.ndarray, np.ndarray, list[str]]:
    rows = np.frombuffer(content, np.uint8).reshape(-1, 1 + PIXELS)
    return _arrays(rows[:, 1:], rows[:, 0].astype(np.int64), [])


def _arrays(data: Any, labels: np.ndarray, names: list[str]) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Images uint8 (N, 32, 32, 3), labels, names; the archive stores each image as its red, green and blue plane."""
    if not (isinstance(data, np.ndarray) and data.dtype == np.uint8 and data.shape == (len(labels), PIXELS)):
        raise ValueError("a batch does not hold a row of 3,072 bytes for each label")
    if labels.dtype.kind not in "iu" or labels.min(initial=0) < 0 or labels.max(initial=0) > 9:
        raise ValueError("a label is not between 0 and 9")
    images = data.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
    return images, labels.astype(np.int64), names if len(names) == len(labels) else [""] * len(labels)


def _batches(arrays: list[tuple[np.ndarray, np.ndarray, list[str]]], where: str) -> Iterator[Batch]:
    for images, labels, names in arrays:
        for i in range(0, len(labels), BATCH):
            some = slice(i, i + BATCH)
            yield Batch([_png(image) for image in images[some]], labels[some], names[some], where, i)


def _png(image: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(image)).save(file, "PNG", compress_level=1)
    return file.getvalue()
