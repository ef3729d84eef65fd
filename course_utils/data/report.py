"""What is where: the rows of `course data status`."""

from course_utils.data import cache, sources
from course_utils.data.catalogue import SPECS, SPLITS, Spec
from course_utils.data.hub import Hub


def status() -> list[dict[str, str]]:
    """A row for each data set and each file of pretrained weights; `found` is empty where there is nothing."""
    rows = [_row(spec) for spec in SPECS.values()]
    for file in sorted((sources.home() / "weights").glob("*.h5")):
        rows.append(_columns(f"weights {file.name}", str(file), size=file.stat().st_size))
    return rows


def _row(spec: Spec) -> dict[str, str]:
    source = sources.local(spec)
    if source is None:
        if sources.course_data():  # whoever sets it means it: `load` does not go on to the Hub
            return _columns(spec.name, "")
        source = Hub(spec)
        if not source.is_here():
            return _columns(spec.name, "")
    decoded = cache.cached(spec, source)
    if decoded:
        counts = [len(split) for split in (decoded.train, decoded.validation, decoded.test)]
        images = "{:,} train + {:,} validation + {:,} test".format(*counts)
    else:
        images = " + ".join(f"{source.rows(split):,} {split}" for split in SPLITS)
    folder = cache.location(spec, source)
    repeated = decoded.duplicates if decoded else {}
    return _columns(
        spec.name,
        source.line,
        images,
        "yes" if decoded else "not yet",
        ", ".join(f"{n} {where}" for where, n in repeated.items()),
        cache.size(folder),
    )


def _columns(
    name: str, found: str, images: str = "", decoded: str = "", duplicates: str = "", size: int = 0
) -> dict[str, str]:
    on_disk = f"{size / 1e6:,.0f} MB" if size else ""
    return {
        "name": name,
        "found": found,
        "images": images,
        "decoded": decoded,
        "identical images": duplicates,
        "on disk": on_disk,
    }
