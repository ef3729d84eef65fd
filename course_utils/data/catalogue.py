"""What the course knows about each data set before it has seen a byte of it."""

import re
from dataclasses import dataclass
from pathlib import PurePosixPath

from course_utils.errors import CourseError

SPLITS = ("train", "test")
# The tags in the names of the chest X-rays: person1018_bacteria_2949, IM-0491-0001-0002, NORMAL2-IM-0171-0001.
PATIENT = re.compile(r"(person\d+)_|((?:NORMAL2-)?IM-\d+)-")


@dataclass(frozen=True)
class HubFile:
    """A parquet file on the Hub. Without a sha256 here, the checksum that the Hub itself announces is checked."""

    path: str
    sha256: str | None = None


@dataclass(frozen=True)
class Spec:
    """A data set: its schema on the Hub, and what it becomes once decoded.

    shape: (height, width, channels) of each decoded image. resize: whether images of other sizes are scaled to it
    (aspect ratio not kept) or refused. by_patient: whether a file name carries the tag of a patient, whose images must
    all lie on one side of a split. class_counts: images per class in each split of the public data set.
    """

    name: str
    title: str
    image_column: str
    class_names: tuple[str, ...]
    shape: tuple[int, int, int]
    resize: bool
    by_patient: bool
    repository: str
    revision: str
    files: dict[str, tuple[HubFile, ...]]
    class_counts: dict[str, tuple[int, ...]]
    licence: str

    @property
    def mode(self) -> str:
        """Pillow's name for the colours: RGB, or L for grey."""
        return "RGB" if self.shape[2] == 3 else "L"

    def group(self, path: str) -> str:
        """The patient tag in a file name; a name without a tag counts as a patient of its own."""
        name = self.file_name(path)
        tag = PATIENT.match(name)
        return (tag[1] or tag[2]) if tag else name

    @staticmethod
    def file_name(path: str) -> str:
        """The name of the file, without the folders of the machine on which the data were packed."""
        return PurePosixPath(path.replace("\\", "/")).name


CIFAR10 = Spec(
    name="cifar10",
    title="CIFAR-10",
    image_column="img",
    class_names=("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"),
    shape=(32, 32, 3),
    resize=False,
    by_patient=False,
    repository="uoft-cs/cifar10",
    revision="0b2714987fa478483af9968de7c934580d0bb9a2",
    files={
        "train": (
            HubFile(
                "plain_text/train-00000-of-00001.parquet",
                "8428b53a88a11ac374111006708df51469e315a22ac6d66470afd9c78d2ae883",
            ),
        ),
        "test": (
            HubFile(
                "plain_text/test-00000-of-00001.parquet",
                "841389e6f2d64f28bf17310e430aebac20ec3ba611a3c5e231dc93c645ce84de",
            ),
        ),
    },
    class_counts={"train": (5000,) * 10, "test": (1000,) * 10},
    licence="Krizhevsky, Learning Multiple Layers of Features from Tiny Images, 2009",
)

CHEST_XRAY = Spec(
    name="chest_xray",
    title="chest X-rays",
    image_column="image",
    class_names=("NORMAL", "PNEUMONIA"),
    shape=(224, 224, 1),
    resize=True,
    by_patient=True,
    repository="hf-vision/chest-xray-pneumonia",
    revision="c1a67c18df1a52ec332ffc00418f4eaa61a9f2bc",
    # The Hub's own validation split has 16 images, too few to choose anything by: the course makes its own.
    files={
        "train": tuple(HubFile(f"data/train-{i:05}-of-00007.parquet") for i in range(7)),
        "test": (HubFile("data/test-00000-of-00001.parquet"),),
    },
    class_counts={"train": (1341, 3875), "test": (234, 390)},
    licence="Kermany et al., Cell 172(5), 2018, CC BY 4.0",
)

SPECS = {spec.name: spec for spec in (CIFAR10, CHEST_XRAY)}


def spec(name: str) -> Spec:
    """The data set of this name. Raises CourseError for an unknown one."""
    if name not in SPECS:
        raise CourseError(f"There is no data set {name!r} in this course: choose one of {', '.join(SPECS)}.")
    return SPECS[name]
