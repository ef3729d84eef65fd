"""`course data import`: a data set from image folders, or from the official CIFAR-10 archive."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from tqdm import tqdm

from course_utils.data import archive, cache, decode, progress, sources, sums, writing
from course_utils.data.catalogue import SPLITS, Spec
from course_utils.data.records import BATCH, Batch
from course_utils.errors import CourseError

SUFFIXES = {".png", ".jpg", ".jpeg"}
Reader = tuple[int, Callable[[], Iterator[Batch]]]  # number of images, and what yields them


def import_data(spec: Spec, path: Path) -> Path:
    """Write the images at `path` to the offline data directory; return the folder of the data set."""
    if not path.exists():
        raise CourseError(f"{path} does not exist: name a folder of images, or the CIFAR-10 archive.")
    directory = sources.home()
    folder = directory / spec.name
    if folder.exists():
        raise CourseError(
            f"{folder} is already there and is left as it is: move it away to import {spec.title} afresh."
        )
    readers = _readers(spec, path)
    part = directory / f".{spec.name}.part"
    with cache.disk_faults(directory, "set COURSE_DATA to another folder"):
        shutil.rmtree(part, ignore_errors=True)
        try:
            for split in SPLITS:
                n, batches = readers[split]
                with progress.bar(f"Importing {spec.title}, {split}", n, "images") as bar:
                    writing.write(_checked(batches(), spec, bar), part / f"{split}.parquet", spec)
            part.rename(folder)
        finally:
            shutil.rmtree(part, ignore_errors=True)
        for split in SPLITS:
            sums.record(folder / f"{split}.parquet", directory)
        writing.describe(directory)
    print(f"{folder}: {readers['train'][0]:,} training and {readers['test'][0]:,} test images.", flush=True)
    return folder


def _readers(spec: Spec, path: Path) -> dict[str, Reader]:
    if archive.is_cifar(path):
        if spec.name != "cifar10":
            raise CourseError(f"{path} is CIFAR-10, not {spec.title}: use `course data import cifar10`.")
        return archive.readers(path, spec)
    if path.is_file():
        raise CourseError(f"{path} is not a CIFAR-10 archive that can be read: unpack it, and name the folder.")
    tree = _tree(path)
    return {split: _images(tree[split], spec) for split in SPLITS}


def _tree(path: Path) -> dict[str, Path]:
    """The folders `train` and `test` in `path`, or in the one folder inside it that has them."""
    for folder in (path, *sorted(p for p in path.iterdir() if p.is_dir() and p.name[0] not in "._")):
        found = {p.name.lower(): p for p in folder.iterdir() if p.is_dir()}
        if all(split in found for split in SPLITS):
            return found
    raise CourseError(f"{path} has no folders `train` and `test`: images must lie in train/CLASS/ and test/CLASS/.")


def _images(folder: Path, spec: Spec) -> Reader:
    classes = {p.name.lower(): p for p in sorted(folder.iterdir()) if p.is_dir() and p.name[0] not in "._"}
    wanted = {name.lower(): label for label, name in enumerate(spec.class_names)}
    if classes.keys() != wanted.keys():
        raise CourseError(
            f"{folder} has the folders {', '.join(sorted(classes)) or 'none'}; {spec.title} needs one for each class: "
            f"{', '.join(spec.class_names)}."
        )
    files = [
        (file, label)
        for name, label in wanted.items()
        for file in sorted(classes[name].iterdir())
        if file.suffix.lower() in SUFFIXES and file.name[0] != "."
    ]
    for name in wanted:
        if not any(file.parent == classes[name] for file, _ in files):
            raise CourseError(f"{classes[name]} has no images: png, jpg and jpeg files are read.")

    def batches() -> Iterator[Batch]:
        for first in range(0, len(files), BATCH):
            some = files[first : first + BATCH]
            labels = np.array([label for _, label in some])
            yield Batch(
                [file.read_bytes() for file, _ in some], labels, [file.name for file, _ in some], str(folder), first
            )

    return len(files), batches


def _checked(batches: Iterator[Batch], spec: Spec, bar: tqdm) -> Iterator[Batch]:
    """The batches, each image decoded once, so that a bad one is named now and not in the first lesson."""
    for images, _, batch in decode.decoded(batches, spec):
        bar.update(len(images))
        yield batch
