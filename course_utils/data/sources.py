"""Where a data set can come from, and which of these is at hand.

Everything here is quick: no decoding, and the network is asked only by `Hub`.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from course_utils.data.catalogue import SPLITS, Spec
from course_utils.data.records import Batch
from course_utils.errors import CourseError
from course_utils.paths import cache_dir

WAYS = (
    "get it in one of three ways: connect to the internet once, so that it comes from the Hugging Face Hub; set "
    "COURSE_DATA to an offline data directory (made elsewhere by `course data pack`); or run `course data import` on "
    "files that you have (the smoke profile needs none: it draws sample data)"
)


class Source(Protocol):
    """line: one line for the reader. place: what a newer version replaces. version: changes with the content."""

    line: str
    place: str
    version: str
    is_sample: bool

    def rows(self, split: str) -> int:
        """Number of images in "train" or "test"."""

    def batches(self, split: str) -> Iterator[Batch]:
        """The images of "train" or "test", encoded. Raises CourseError where they are not what they should be."""


class Folder:
    """`train.parquet` and `test.parquet` in a folder: of COURSE_DATA, or what `course data import` wrote."""

    is_sample = False

    def __init__(self, spec: Spec, folder: Path) -> None:
        self.spec, self.folder = spec, folder
        self.line = self.place = str(folder.absolute())
        lacking = [f"{split}.parquet" for split in SPLITS if not self.file(split).is_file()]
        if lacking:
            raise CourseError(f"{folder} lacks {' and '.join(lacking)}: copy or make it afresh.")
        stats = [self.file(split).stat() for split in SPLITS]
        self.version = f"{self.place} {[(s.st_size, s.st_mtime_ns) for s in stats]}"

    def file(self, split: str) -> Path:
        return self.folder / f"{split}.parquet"

    def files(self, split: str) -> list[Path]:
        """The parquet files of a split, their checksums compared with SHA256SUMS where that lists them."""
        from course_utils.data import sums

        try:
            sums.check(self.file(split), self.folder.parent)
        except OSError as error:
            raise CourseError(f"{self.file(split)} cannot be read: {error.strerror or error}.") from error
        return [self.file(split)]

    def rows(self, split: str) -> int:
        from course_utils.data import records

        return records.row_count([self.file(split)])

    def batches(self, split: str) -> Iterator[Batch]:
        from course_utils.data import records

        return records.read(self.files(split), self.spec)


def find(spec: Spec, *, smoke: bool = False) -> Source:
    """The first source that is at hand: COURSE_DATA, what was imported, the Hub.

    In smoke nothing is downloaded: where no real data is on this machine, the sample drawn by code stands in. Raises
    CourseError if COURSE_DATA is no folder, or, outside smoke, if it lacks this data set: whoever sets it means it.
    """
    from course_utils.data.hub import Hub

    if offline := local(spec):
        return offline
    directory = course_data()
    if directory and not smoke:
        raise CourseError(
            f"COURSE_DATA={directory} has no {spec.name}/train.parquet: add it with `course data pack {directory}` "
            f"where there is internet or `course data import {spec.name} PATH`, or unset COURSE_DATA."
        )
    hub = Hub(spec)
    if not smoke or hub.is_here():
        return hub
    from course_utils.data.sample import Sample

    return Sample(spec)


def local(spec: Spec) -> Folder | None:
    """The data set in COURSE_DATA, or, where that is unset, as imported; None where there is none."""
    folder = home() / spec.name
    return Folder(spec, folder) if any((folder / f"{split}.parquet").exists() for split in SPLITS) else None


def home() -> Path:
    """The offline data directory: COURSE_DATA, or a folder of the cache where that is unset."""
    return course_data() or cache_dir() / "offline"


def course_data() -> Path | None:
    """COURSE_DATA, or None where it is unset. Raises CourseError if it is no folder."""
    value = os.environ.get("COURSE_DATA")
    if not value:
        return None
    folder = Path(value).expanduser()
    if not folder.is_dir():
        raise CourseError(f"COURSE_DATA={value} is not a folder: correct it, or unset it to use the Hugging Face Hub.")
    return folder
