"""Decoded data sets on disk: built once, opened in milliseconds as memory-mapped arrays.

A build writes into a temporary folder and renames it when all is there, so that a folder of the final name is whole.
One process builds at a time; others wait and use what it made. `info.json` holds the sizes of all files: a folder that
was damaged later is noticed and built afresh.
"""

import errno
import hashlib
import json
import math
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from course_utils.data.catalogue import Spec
from course_utils.data.dataset import DataSet, Split
from course_utils.data.sources import Source
from course_utils.errors import CourseError
from course_utils.paths import cache_dir

INFO = "info.json"
# To be raised when the same source gives other arrays (decoding, order, split): old copies are then made afresh.
VERSION = 2
PARTS = ("train", "validation", "test")


def load(spec: Spec, source: Source) -> DataSet:
    """The data set of this source from the cache; decoded first if it is not there. Raises CourseError."""
    if (found := cached(spec, source)) is not None:
        return found
    folder = location(spec, source)
    with disk_faults(folder.parent):
        folder.parent.mkdir(parents=True, exist_ok=True)
        with _locked(folder.parent / f"{spec.name}.lock", spec.title):
            if (found := cached(spec, source)) is not None:  # the process that held the lock has built it
                return found
            _build(spec, source, folder)
    found = cached(spec, source)
    if found is None:
        raise CourseError(f"{folder} was written but cannot be read back: check this disk, or set COURSE_CACHE.")
    return found


def cached(spec: Spec, source: Source) -> DataSet | None:
    """The decoded data set of this source, or None where there is none, or only a damaged one. Decodes nothing."""
    folder = location(spec, source)
    try:
        info = json.loads((folder / INFO).read_text(encoding="utf-8"))
        if any((folder / name).stat().st_size != size for name, size in info["sizes"].items()):
            return None
        splits = {part: _open(folder, part, spec) for part in PARTS}
    except (OSError, ValueError, KeyError):
        return None
    return DataSet(
        name=spec.name,
        class_names=spec.class_names,
        source=source.line,
        is_sample=source.is_sample,
        duplicates=info["duplicates"],
        **splits,
    )


def location(spec: Spec, source: Source) -> Path:
    """The folder for this data set from this source; another when the source or the way of decoding changes."""
    fingerprint = hashlib.sha256(f"{VERSION}\n{spec}\n{source.version}".encode()).hexdigest()[:16]
    return cache_dir() / "data" / f"{spec.name}-{fingerprint}"


def size(folder: Path) -> int:
    """Bytes that a folder takes on disk; 0 where there is none."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


@contextmanager
def disk_faults(folder: Path, elsewhere: str = "set COURSE_CACHE to another folder") -> Iterator[None]:
    """Turns a failure to write below `folder` (disk full, no permission) into one sentence."""
    try:
        yield
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
        why = "there is no room" if full else "it is not possible to write"
        way = "free some" if full else "check its permissions"
        raise CourseError(f"In {folder} {why} ({error.strerror or error}): {way}, or {elsewhere}.") from error


def _open(folder: Path, part: str, spec: Spec) -> Split:
    tags = [np.load(folder / f"{part}_{kind}.npy") for kind in ("groups", "names")] if spec.by_patient else []
    return Split(
        np.load(folder / f"{part}_images.npy", mmap_mode="r"), np.load(folder / f"{part}_labels.npy"), *tags
    )


@contextmanager
def _locked(path: Path, title: str) -> Iterator[None]:
    from filelock import FileLock, Timeout

    lock = FileLock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        print(f"Another process is decoding {title}; waiting for it.", flush=True)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _build(spec: Spec, source: Source, folder: Path) -> None:
    # Under the lock nobody else builds this data set: what is unfinished was left by a process that died.
    for stale in folder.parent.glob(f".{spec.name}-*.part"):
        shutil.rmtree(stale, ignore_errors=True)
    if folder.exists():
        print(f"The decoded copy of {spec.title} is damaged; making it afresh.", flush=True)
        shutil.rmtree(folder)
    rows = {split: source.rows(split) for split in ("train", "test")}
    _need_room(folder.parent, (2 * rows["train"] + rows["test"]) * math.prod(spec.shape))
    work = folder.with_name(f".{folder.name}.{os.getpid()}.part")
    work.mkdir()
    try:
        _decode(spec, source, rows, work)
        work.rename(folder)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    _forget_superseded(spec, source, folder)


def _need_room(folder: Path, needed: int) -> None:
    if shutil.disk_usage(folder).free < needed:
        raise OSError(errno.ENOSPC, f"{needed / 1e9:.1f} GB are needed for decoded data")


def _decode(spec: Spec, source: Source, rows: dict[str, int], work: Path) -> None:
    from course_utils.data import splitting

    train = _Decoded(spec, source, "train", rows["train"], work)
    test = _Decoded(spec, source, "test", rows["test"], work)
    groupings = [train.contents] + ([train.groups] if spec.by_patient else [])
    held_out = splitting.validation_rows(train.labels, *groupings)
    if held_out.all() or not held_out.any():
        raise CourseError(f"{source.line}: {len(held_out)} training images are too few to set a tenth of them apart.")
    train.write(np.flatnonzero(~held_out), "train")
    train.write(np.flatnonzero(held_out), "validation")
    test.write(np.arange(len(test.labels)), "test")
    train.raw.unlink()
    test.raw.unlink()
    duplicates = {
        "train": len(train.contents) - len(np.unique(train.contents)),
        "test": len(test.contents) - len(np.unique(test.contents)),
        "test in train": int(np.isin(test.contents, train.contents).sum()),
    }
    info = {
        "source": source.line,
        "place": source.place,
        "duplicates": duplicates,
        "sizes": {path.name: path.stat().st_size for path in sorted(work.glob("*.npy"))},
    }
    (work / INFO).write_text(json.dumps(info, indent=1), encoding="utf-8")


class _Decoded:
    """One split of a source, its pixels in a temporary file, its rows in the order of the keys of their contents.

    That order is as good as shuffled, and the same on every machine and whichever way the data came.
    """

    def __init__(self, spec: Spec, source: Source, split: str, rows: int, work: Path) -> None:
        from course_utils.data import decode, progress

        if not rows:
            raise CourseError(f"{source.line}: the {split} split has no rows.")
        self.shape, self.work = spec.shape, work
        self.raw = work / f"{split}.raw"
        keys, contents, labels, paths = [], [], [], []
        with self.raw.open("wb") as file, progress.bar(f"Decoding {spec.title}, {split}", rows, "images") as bar:
            for images, batch_keys, batch in decode.decoded(source.batches(split), spec):
                file.write(images.data)
                keys += batch_keys
                contents += [decode.digest(image.data) for image in images]
                labels.append(batch.labels)
                paths += batch.paths
                bar.update(len(images))
        key = np.frombuffer(b"".join(keys), "S16")
        label = np.concatenate(labels)
        self.order = np.lexsort((np.array(paths), label, key))
        self.labels = label[self.order]
        self.contents = np.frombuffer(b"".join(contents), "S16")[self.order]
        self.groups = self.names = None
        if spec.by_patient:
            self.groups = np.array([spec.group(path) for path in paths])[self.order]
            self.names = np.array([spec.file_name(path) for path in paths])[self.order]

    def write(self, rows: np.ndarray, part: str) -> None:
        """Write these rows as the arrays of a part. By ordinary writes: a full disk kills whoever writes to a map."""
        shape = (len(rows), *self.shape)
        raw = np.memmap(self.raw, np.uint8, "r", shape=(len(self.order), *self.shape))
        with (self.work / f"{part}_images.npy").open("wb") as file:
            np.lib.format.write_array_header_1_0(file, {"descr": "|u1", "fortran_order": False, "shape": shape})
            for some in np.array_split(self.order[rows], max(1, len(rows) // 1024)):
                file.write(raw[some].data)
            file.flush()
            os.fsync(file.fileno())
        np.save(self.work / f"{part}_labels.npy", self.labels[rows])
        if self.groups is not None:
            np.save(self.work / f"{part}_groups.npy", self.groups[rows])
            np.save(self.work / f"{part}_names.npy", self.names[rows])


def _forget_superseded(spec: Spec, source: Source, folder: Path) -> None:
    for other in folder.parent.glob(f"{spec.name}-*"):
        try:
            place = json.loads((other / INFO).read_text(encoding="utf-8"))["place"]
        except (OSError, ValueError, KeyError):
            continue
        if other != folder and place == source.place:
            shutil.rmtree(other, ignore_errors=True)
