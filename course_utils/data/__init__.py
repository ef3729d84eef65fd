"""The data sets of the course: CIFAR-10 and the chest X-rays, from wherever they are at hand.

`load` looks in COURSE_DATA (an offline data directory), then at what `course data import` wrote, then at the Hugging
Face Hub. Only in the smoke profile, and only where no real data is on this machine, it draws sample data. The first
call decodes the images into memory-mapped arrays in the cache; later calls open these. No framework is imported.
"""

from pathlib import Path

from course_utils.data.catalogue import SPECS, spec
from course_utils.data.dataset import SAMPLE, DataSet, Split
from course_utils.profiles import Profile, is_smoke

__all__ = ["SAMPLE", "SPECS", "DataSet", "Split", "at_hand", "import_data", "load", "pack", "status", "weights_path"]

VGG16 = "vgg16"  # beside the data sets, a name for its weights


def load(name: str, profile: Profile | str | None = None) -> DataSet:
    """A data set, decoded: uint8 images (N, H, W, C), memory-mapped and read-only, and int64 labels (N,).

    name: "cifar10", images (32, 32, 3), or "chest_xray", images (224, 224, 1), scaled to that size if they have
    another. profile: "smoke" allows sample data; default: what COURSE_PROFILE says. Validation is a tenth of the
    published training split, stratified; images with identical pixels, and all X-rays of a patient, stay together.
    Rows come well mixed, in an order that is the same on every machine. Raises CourseError, naming the cause and the
    way out. Used from Day 12 on.
    """
    from course_utils.data import cache, sources

    wanted = spec(name)
    return cache.load(wanted, sources.find(wanted, smoke=is_smoke(profile)))


def at_hand(name: str) -> bool:
    """Whether `load` would get real data: it is on this machine, or the Hub answers. Downloads and decodes nothing.

    Raises CourseError if COURSE_DATA is no folder.
    """
    from course_utils.data import sources
    from course_utils.data.hub import Hub

    wanted = spec(name)
    if sources.local(wanted):
        return True
    hub = Hub(wanted)
    return sources.course_data() is None and (hub.is_here() or hub.is_reachable())


def status() -> list[dict[str, str]]:
    """For each data set and each file of pretrained weights: where it is, and how large. Asks no network."""
    from course_utils.data.report import status as report

    return report()


def pack(folder: Path | str, names: list[str] | None = None) -> list[Path]:
    """Make an offline data directory in `folder`, from COURSE_DATA or the internet, and return its parquet files.

    names: data sets, and "vgg16" for the weights of Days 16 and 17; default all. What is there already with the right
    checksum is kept, so that an interrupted call can be repeated. Raises CourseError.
    """
    from course_utils.data import packing

    names = names or [*SPECS, VGG16]
    return packing.pack(Path(folder).expanduser(), [spec(n) for n in names if n != VGG16], weights=VGG16 in names)


def import_data(name: str, path: Path | str) -> Path:
    """Take a data set from files at `path`, and return the folder that now holds it as parquet files.

    path: a folder train/CLASS/*.png|jpg and test/CLASS/*, or, for cifar10, the official archive (python or binary
    version, packed or unpacked). It is written to COURSE_DATA, or to the cache where that is unset; nothing that is
    there is overwritten. Raises CourseError.
    """
    from course_utils.data import importing

    return importing.import_data(spec(name), Path(path).expanduser())


def weights_path(file: str) -> Path | None:
    """Pretrained weights in the offline data directory, `weights/FILE`, or None where they are not there."""
    from course_utils.data import sources

    path = sources.home() / "weights" / file
    return path if path.is_file() else None
