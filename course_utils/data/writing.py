"""Writing data sets as parquet files in the Hub's schema, whole or not at all."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from course_utils.data.catalogue import SPECS, Spec
from course_utils.data.records import Batch


@contextmanager
def whole(file: Path) -> Iterator[Path]:
    """A temporary name beside `file`, renamed to it when the block ends well, removed when it does not."""
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_name(f"{file.name}.part")
    try:
        yield part
        part.replace(file)
    finally:
        part.unlink(missing_ok=True)


def write(batches: Iterable[Batch], file: Path, spec: Spec) -> int:
    """Write rows as one parquet file and return their number. Images are kept as encoded."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    from course_utils.data import records

    schema = records.features(spec).arrow_schema
    rows = 0
    with whole(file) as part, pq.ParquetWriter(part, schema, compression="none") as writer:  # images are compressed
        for batch in batches:
            images = [
                {"bytes": image, "path": path or None} for image, path in zip(batch.images, batch.paths, strict=True)
            ]
            writer.write_table(pa.Table.from_pydict({spec.image_column: images, "label": batch.labels}, schema))
            rows += len(images)
    return rows


def describe(directory: Path) -> None:
    """Write the README of an offline data directory, unless somebody has put one of their own there."""
    readme, title = directory / "README.md", "# Offline data of the course"
    if readme.exists() and not readme.read_text(encoding="utf-8").startswith(title):
        return
    here = [spec for spec in SPECS.values() if (directory / spec.name).is_dir()]
    lines = [
        title,
        "",
        "Copy this folder to a machine without internet and set `COURSE_DATA` to it. Each data set is in the schema",
        "of the Hugging Face Hub, readable with `datasets.load_dataset`. `SHA256SUMS` lists the checksums.",
        "",
        *(f"- `{spec.name}/`: {spec.title}. {spec.licence}" for spec in here),
    ]
    readme.write_text("\n".join(lines) + "\n", encoding="utf-8")
