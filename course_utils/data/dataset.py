"""What `load` returns."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from course_utils.errors import CourseError

SAMPLE = "sample data, drawn by code"


@dataclass(frozen=True, eq=False, repr=False)
class Split:
    """Images with their labels.

    images: uint8 (N, H, W, C), memory-mapped and read-only. labels: int64 (N,). groups: (N,) patient tags, and names:
    (N,) file names, which tell more of a film than its label; both None where the data set knows no patients.
    """

    images: np.ndarray
    labels: np.ndarray
    groups: np.ndarray | None = None
    names: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.labels)

    def __repr__(self) -> str:
        return f"Split(images uint8 {self.images.shape}, labels int64 {self.labels.shape})"

    def subset(self, n: int, seed: int = 0) -> "Split":
        """`n` of these images, in memory, drawn at random with the classes in the same proportions, in this order.

        Raises CourseError if `n` is below 1 or above the number of images.
        """
        if not 1 <= n <= len(self):
            raise CourseError(
                f"A subset of {n:,} images cannot be drawn from {len(self):,}: ask for 1 to {len(self):,}."
            )
        classes, counts = np.unique(self.labels, return_counts=True)
        exact = n * counts / len(self)
        quota = np.floor(exact).astype(int)
        # What rounding down left over goes to the classes that lost most by it.
        quota[np.argsort(quota - exact, kind="stable")[: n - quota.sum()]] += 1
        rng = np.random.default_rng(seed)
        chosen = [rng.permutation(np.flatnonzero(self.labels == c))[:k] for c, k in zip(classes, quota, strict=True)]
        index = np.sort(np.concatenate(chosen))
        groups, names = (None if tags is None else tags[index] for tags in (self.groups, self.names))
        return Split(np.asarray(self.images)[index], self.labels[index], groups, names)


@dataclass(frozen=True, eq=False, repr=False)
class DataSet:
    """A data set in three splits; `validation` is the course's own, and `test` is never used for a choice.

    source: one line that says where it came from. duplicates: how many images are identical, pixel by pixel, to
    another one: "train" and "test" within each, "test in train" across (nothing is moved: the test set stays as
    published).
    """

    name: str
    train: Split
    validation: Split
    test: Split
    class_names: tuple[str, ...]
    source: str
    is_sample: bool = False
    duplicates: Mapping[str, int] = field(default_factory=dict)

    @property
    def caption(self) -> str:
        """What every figure made from this data must say: "sample data, drawn by code", or nothing for real data."""
        return SAMPLE if self.is_sample else ""

    def __repr__(self) -> str:
        sizes = ", ".join(f"{len(getattr(self, s)):,} {s}" for s in ("train", "validation", "test"))
        return f"{self.name}: {sizes} images of {self.train.images.shape[1:]}, from {self.source}"
