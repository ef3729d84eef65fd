"""Small data sets in the Hub's schema, made for the tests of course_utils.data."""

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")


def png(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(array).save(file, "PNG")
    return file.getvalue()


def cifar_rows(n: int = 200, seed: int = 0) -> list[dict]:
    """Rows of noise images 32 × 32 with labels 0, 1, … 9, 0, …"""
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 256, (n, 32, 32, 3), dtype=np.uint8)
    return [{"img": {"bytes": png(x), "path": None}, "label": i % 10} for i, x in enumerate(images)]


def xray_rows(patients: int = 60, seed: int = 0, size: tuple[int, int] = (48, 40)) -> list[dict]:
    """One to four grey images of each patient, a third of them without pneumonia."""
    rng = np.random.default_rng(seed)
    rows = []
    for p in range(patients):
        for i in range(rng.integers(1, 5)):
            name = f"person{p}_bacteria_{i}.jpeg" if p % 3 else f"IM-{p:04}-{i:04}.jpeg"
            image = rng.integers(0, 256, size, dtype=np.uint8)
            rows.append({"image": {"bytes": png(image), "path": name}, "label": int(p % 3 > 0)})
    return rows


def write(
    file: Path, rows: list[dict], classes: tuple[str, ...] | None = CLASSES, label: pa.DataType | None = None
) -> Path:
    """Write rows as parquet, with the metadata in which the Hub keeps class names."""
    file.parent.mkdir(parents=True, exist_ok=True)
    column = next(key for key in rows[0] if key != "label") if rows else "img"
    image = pa.struct({"bytes": pa.binary(), "path": pa.string()})
    if rows and not isinstance(rows[0][column], dict):
        image = None
    table = {column: pa.array([row[column] for row in rows], image)}
    if not rows or "label" in rows[0]:
        table["label"] = pa.array([row["label"] for row in rows], label or pa.int64())
    table = pa.table(table)
    if classes:
        features = {column: {"_type": "Image"}, "label": {"names": list(classes), "_type": "ClassLabel"}}
        table = table.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})
    pq.write_table(table, file)
    return file


def cifar(directory: Path, train: list[dict] | None = None, test: list[dict] | None = None) -> Path:
    """An offline data directory with a small CIFAR-10."""
    write(directory / "cifar10/train.parquet", cifar_rows(200) if train is None else train)
    write(directory / "cifar10/test.parquet", cifar_rows(50, seed=1) if test is None else test)
    return directory


def xrays(directory: Path, train: list[dict] | None = None) -> Path:
    """An offline data directory with small X-rays."""
    write(directory / "chest_xray/train.parquet", train or xray_rows(), ("NORMAL", "PNEUMONIA"))
    write(directory / "chest_xray/test.parquet", xray_rows(20, seed=1), ("NORMAL", "PNEUMONIA"))
    return directory


def python(code: str, **environment: str) -> subprocess.Popen:
    """Another Python process that runs this code; stdout and stderr are piped."""
    return subprocess.Popen(
        [sys.executable, "-c", code],
        env=os.environ | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def left_behind(cache: Path) -> list[str]:
    """What a failed build must not leave: anything in the cache but locks."""
    return sorted(p.name for p in cache.glob("data/*") if p.suffix != ".lock") + sorted(
        p.name for p in cache.glob("data/.*")
    )
