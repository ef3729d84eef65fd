"""`course data pack`: an offline data directory for machines without internet."""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from tqdm import tqdm

from course_utils.data import cache, progress, records, sources, sums, writing
from course_utils.data.catalogue import SPLITS, Spec
from course_utils.data.hub import Hub
from course_utils.data.records import Batch
from course_utils.errors import CourseError

CHUNK = 1 << 22


def pack(directory: Path, specs: list[Spec], weights: bool) -> list[Path]:
    """Write `<directory>/<name>/{train,test}.parquet`, SHA256SUMS and a README.

    weights: also those of VGG16, fetched if they are not at hand; other files of weights are copied where at hand.
    """
    in_use = sources.home().resolve() == directory.resolve()  # then what it lacks comes from the Hub
    written = []
    with cache.disk_faults(directory, "name another folder"):
        directory.mkdir(parents=True, exist_ok=True)
        for spec in specs:
            if in_use and sources.local(spec):
                print(f"{directory / spec.name}: in use, and left as it is.", flush=True)
                continue
            source = Hub(spec) if in_use else sources.find(spec)
            for split in SPLITS:
                written.append(_split(directory, spec, source, split))
        writing.describe(directory)
        for file in sorted((sources.home() / "weights").glob("*.h5")):
            _copy(file, directory / "weights" / file.name, directory)
        if weights:
            _vgg16(directory)
    return written


def _vgg16(directory: Path) -> None:
    from course_utils import pretrained

    target = directory / "weights" / pretrained.WEIGHTS
    if target.is_file() and sums.matches(target, directory) is not False:
        return
    with TemporaryDirectory(dir=directory) as folder:
        fetched = Path(folder) / pretrained.WEIGHTS
        pretrained.vgg16(pretrained.SMALLEST, "cpu").model.save_weights(fetched)
        _copy(fetched, target, directory)


def _split(directory: Path, spec: Spec, source: sources.Folder | Hub, split: str) -> Path:
    file = directory / spec.name / f"{split}.parquet"
    if file.is_file() and sums.matches(file, directory):
        print(f"{file}: already there, checksum right.", flush=True)
        return file
    files = source.files(split)
    rows = source.rows(split)
    if len(files) == 1:
        _copy(files[0], file, directory)
    else:
        with progress.bar(f"Packing {spec.title}, {split}", rows, "images") as bar:
            writing.write(_counted(records.read(files, spec), bar), file, spec)
        sums.record(file, directory)
    found = records.row_count([file])
    if found != rows:
        file.unlink()
        raise CourseError(f"{file} has {found:,} rows instead of {rows:,} and was removed: pack it again.")
    print(f"{file}: {rows:,} images from {source.line}.", flush=True)
    return file


def _counted(batches: Iterator[Batch], bar: tqdm) -> Iterator[Batch]:
    for batch in batches:
        yield batch
        bar.update(len(batch.images))


def _copy(source: Path, target: Path, directory: Path) -> None:
    """Copy a file, and enter its checksum; a copy that differs from its source is refused."""
    if target.is_file() and sums.matches(target, directory):
        return
    with writing.whole(target) as part:
        bar = progress.bar(f"Copying {source.name}", source.stat().st_size, "B")
        with source.open("rb") as old, part.open("wb") as new, bar:
            while some := old.read(CHUNK):
                new.write(some)
                bar.update(len(some))
        if sums.sha256(part) != sums.sha256(source):
            raise CourseError(f"The copy of {source} in {directory} differs from it: check this disk.")
    sums.record(target, directory)
