"""Images as they come: encoded bytes, label and file name, in batches, read from parquet files in the Hub's schema.

The files are read with pyarrow, below the `datasets` library: `load_dataset` would first write an Arrow copy of the
whole set to disk (1.2 GB for the X-rays), beside the decoded one that lessons use. `datasets` still says what the
columns mean: its `Features` are the schema.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from course_utils.data.catalogue import Spec
from course_utils.errors import CourseError

if TYPE_CHECKING:
    import datasets
    import pyarrow.parquet

BATCH = 512


class Batch(NamedTuple):
    """Some rows of a data set. `where` and `first` name the file and its row for error messages."""

    images: list[bytes]
    labels: np.ndarray  # int64
    paths: list[str]
    where: str
    first: int = 0


def features(spec: Spec) -> "datasets.Features":
    """The schema of a data set as the Hub has it: an image column and a class label."""
    import datasets

    names = list(spec.class_names)
    return datasets.Features({spec.image_column: datasets.Image(), "label": datasets.ClassLabel(names=names)})


def row_count(files: list[Path]) -> int:
    """Number of rows, from the footers of the files alone."""
    return sum(_open(file).metadata.num_rows for file in files)


def read(files: list[Path], spec: Spec) -> Iterator[Batch]:
    """Batches of the rows, checked: columns, types, class names, labels in range.

    Raises CourseError that names the file and the fault.
    """
    import pyarrow as pa

    for file in files:
        parquet = _open(file)
        _check_schema(parquet, file, spec)
        first = 0
        batches = parquet.iter_batches(batch_size=BATCH, columns=[spec.image_column, "label"])
        while True:
            try:
                table = next(batches, None)
            except (pa.ArrowException, OSError) as error:
                raise damaged(file, str(error)) from error
            if table is None:
                break
            yield _batch(table, file, first, spec)
            first += table.num_rows


def damaged(file: Path, why: str) -> CourseError:
    """The error for a file that is not what it was: to be raised."""
    reason = " ".join(why.split())[:160].rstrip(".")
    return CourseError(f"{file} is damaged or not a parquet file ({reason}): fetch or copy it afresh.")


def _open(file: Path) -> "pyarrow.parquet.ParquetFile":
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return pq.ParquetFile(file)
    except FileNotFoundError as error:
        raise CourseError(f"{file} is missing: fetch or copy it.") from error
    except (pa.ArrowException, OSError) as error:
        raise damaged(file, str(error)) from error


def _check_schema(parquet: "pyarrow.parquet.ParquetFile", file: Path, spec: Spec) -> None:
    import datasets
    import pyarrow as pa

    schema = parquet.schema_arrow
    wanted = f"`{spec.image_column}` (struct of bytes and path) and `label` (integer)"
    lacking = {spec.image_column, "label"} - set(schema.names)
    if lacking:
        raise CourseError(f"{file} has the columns {', '.join(schema.names)}, but {spec.title} needs {wanted}.")
    image, label = schema.field(spec.image_column).type, schema.field("label").type
    if not (pa.types.is_struct(image) and {"bytes", "path"} <= {f.name for f in image} and pa.types.is_integer(label)):
        raise CourseError(f"{file} has columns of the wrong type ({image}, {label}): {spec.title} needs {wanted}.")
    try:
        names = getattr(datasets.Features.from_arrow_schema(schema)["label"], "names", None)
    except (ValueError, TypeError, KeyError) as error:
        raise damaged(file, f"its Hugging Face metadata cannot be read: {error}") from error
    if names is not None and tuple(names) != spec.class_names:
        raise CourseError(
            f"{file} has the classes {', '.join(names)}; {spec.title} has {', '.join(spec.class_names)}, in this order."
        )


def _batch(table: "pyarrow.RecordBatch", file: Path, first: int, spec: Spec) -> Batch:
    column, labels = table.column(spec.image_column), table.column("label")
    images, paths = column.field("bytes").to_pylist(), column.field("path").to_pylist()
    if labels.null_count:
        raise CourseError(f"{file} has rows without a label.")
    labels = labels.to_numpy(zero_copy_only=False).astype(np.int64)
    wrong = np.flatnonzero((labels < 0) | (labels >= len(spec.class_names)))
    if wrong.size:
        row, last = wrong[0], len(spec.class_names) - 1
        raise CourseError(f"{file}, row {first + row}: the label {labels[row]} is not between 0 and {last}.")
    if None in images:
        raise CourseError(f"{file}, row {first + images.index(None)}: the bytes of the image are missing.")
    if spec.by_patient and None in paths:
        raise CourseError(
            f"{file}, row {first + paths.index(None)}: the file name, which carries the patient tag, is missing."
        )
    return Batch(images, labels, [path or "" for path in paths], str(file), first)
