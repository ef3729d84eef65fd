"""data.load where something is wrong: one clear sentence, and nothing left behind that could be taken for whole."""

import resource
import signal
import time
from pathlib import Path

import data_kit as kit
import numpy as np
import pyarrow as pa
import pytest

from course_utils import data
from course_utils.errors import CourseError

LOAD = "from course_utils import data; print(len(data.load('cifar10').train))"


@pytest.fixture(autouse=True)
def offline(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """COURSE_DATA is a small, sound data directory; each test breaks it in its own way."""
    monkeypatch.setenv("COURSE_DATA", str(kit.cifar(tmp_path / "offline")))


def train_file(cache: Path) -> Path:
    return cache.parent / "offline/cifar10/train.parquet"


def refused(cache: Path, message: str, name: str = "cifar10") -> None:
    """load fails with a sentence in every profile, and nothing but locks is left."""
    for profile in ("cpu", "smoke"):
        with pytest.raises(CourseError, match=message) as caught:
            data.load(name, profile=profile)
        assert "\n" not in str(caught.value)
    assert kit.left_behind(cache) == []


def changed(index: int, **values: object) -> list[dict]:
    rows = kit.cifar_rows(200)
    rows[index] |= values
    return rows


def image(array: np.ndarray) -> dict:
    return {"bytes": kit.png(array), "path": None}


def test_truncated_parquet(cache: Path) -> None:
    file = train_file(cache)
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    refused(cache, r"train\.parquet is damaged or not a parquet file")


def test_not_a_parquet_file(cache: Path) -> None:
    train_file(cache).write_text("<html>404</html>")
    refused(cache, r"train\.parquet is damaged or not a parquet file")


def test_corrupt_in_the_middle(cache: Path) -> None:
    file = train_file(cache)
    content = bytearray(file.read_bytes())
    content[len(content) // 4 : len(content) // 2] = bytes(len(content) // 2 - len(content) // 4)
    file.write_bytes(content)
    refused(cache, r"train\.parquet.*(damaged|cannot be decoded)")


def test_checksum_that_differs(cache: Path) -> None:
    (cache.parent / "offline/SHA256SUMS").write_text("0" * 64 + "  cifar10/train.parquet\n")
    refused(cache, r"train\.parquet differs from its checksum in .*SHA256SUMS")


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (
            [{"picture": row["img"], "label": row["label"]} for row in kit.cifar_rows(20)],
            r"columns picture, label, but",
        ),
        ([{"img": row["img"]} for row in kit.cifar_rows(20)], r"has the columns img, but"),
        ([{"img": "x.png", "label": 1}] * 20, r"columns of the wrong type"),
        (changed(7, img=image(np.zeros((28, 28, 3), np.uint8))), r"row 7: the image is 28 × 28 .* 32 × 32"),
        (changed(7, img={"bytes": b"GIF89a, not really", "path": "x.gif"}), r"row 7 \(x\.gif\): .*cannot be decoded"),
        (changed(7, img={"bytes": kit.cifar_rows(1)[0]["img"]["bytes"][:900], "path": None}), r"row 7: .*cannot be"),
        (changed(7, img={"bytes": None, "path": "x.png"}), r"row 7: the bytes of the image are missing"),
        (changed(7, label=10), r"row 7: the label 10 is not between 0 and 9"),
        (changed(7, label=-1), r"row 7: the label -1 is not between 0 and 9"),
        (changed(7, label=None), r"rows without a label"),
        ([], r"no rows"),
        (kit.cifar_rows(10), r"too few"),
    ],
)
def test_wrong_rows(cache: Path, rows: list[dict], message: str) -> None:
    kit.write(train_file(cache), rows, classes=None)
    refused(cache, message)


def test_labels_that_are_words(cache: Path) -> None:
    rows = [row | {"label": "cat"} for row in kit.cifar_rows(20)]
    kit.write(train_file(cache), rows, classes=None, label=pa.string())
    refused(cache, r"columns of the wrong type")


def test_classes_in_another_order(cache: Path) -> None:
    kit.write(train_file(cache), kit.cifar_rows(200), classes=kit.CLASSES[::-1])
    refused(cache, r"has the classes truck, ship.*in this order")


def test_xrays_without_file_names(cache: Path) -> None:
    rows = [{"image": row["image"] | {"path": None}, "label": row["label"]} for row in kit.xray_rows()]
    kit.xrays(cache.parent / "offline", train=rows)
    refused(cache, r"row 0: the file name, which carries the patient tag, is missing", name="chest_xray")


def test_one_of_two_files(cache: Path) -> None:
    train_file(cache).unlink()
    refused(cache, r"cifar10 lacks train\.parquet")


def test_course_data_without_the_data_set(cache: Path) -> None:
    with pytest.raises(CourseError, match=r"COURSE_DATA=.* has no chest_xray/train\.parquet.*pack.*import.*unset"):
        data.load("chest_xray", profile="cpu")
    assert data.load("chest_xray", profile="smoke").is_sample


def test_course_data_that_is_no_folder(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COURSE_DATA", str(cache.parent / "usb-stick"))
    refused(cache, r"COURSE_DATA=.*usb-stick is not a folder")


def test_cache_that_cannot_be_written(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache.write_text("a file where a folder should be")
    with pytest.raises(CourseError, match=r"not possible to write.*COURSE_CACHE"):
        data.load("cifar10")


def test_no_room(cache: Path) -> None:
    # A limit on the size of files is a disk that fills up within the build, for this process alone.
    code = f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, {resource.RLIM_INFINITY})); {LOAD}"
    out, err = kit.python(code).communicate()
    assert out == "" and "CourseError: In" in err and "there is no room" in err and "COURSE_CACHE" in err
    assert kit.left_behind(cache) == []
    assert len(data.load("cifar10").train) == 180


def test_two_processes_at_once(cache: Path) -> None:
    kit.cifar(cache.parent / "offline", train=kit.cifar_rows(300) * 10)
    processes = [kit.python(LOAD) for _ in range(3)]
    results = [process.communicate() for process in processes]
    assert all(out.endswith("2700\n") for out, _ in results), results
    assert len(kit.left_behind(cache)) == 1


def test_who_waits_for_another_process_says_so(cache: Path) -> None:
    from filelock import FileLock

    (cache / "data").mkdir(parents=True)
    with FileLock(cache / "data/cifar10.lock"):
        process = kit.python(LOAD)
        assert "waiting" in process.stdout.readline()
    assert process.communicate()[0] == "180\n"


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGINT], ids=["killed", "interrupted"])
def test_a_build_that_ends_in_the_middle(cache: Path, end: signal.Signals) -> None:
    kit.cifar(cache.parent / "offline", train=kit.cifar_rows(200) * 100)
    process = kit.python(LOAD)
    deadline = time.monotonic() + 60
    while not any(p.stat().st_size for p in cache.glob("data/.*/train.raw")):
        assert process.poll() is None and time.monotonic() < deadline, process.communicate()
        time.sleep(0.002)
    process.send_signal(end)
    assert process.communicate()[0] == ""
    unfinished = kit.left_behind(cache)
    assert all(name.endswith(".part") for name in unfinished)
    assert unfinished == [] or end is signal.SIGKILL
    assert len(data.load("cifar10").train) == 18_000
    assert [name for name in kit.left_behind(cache) if name.endswith(".part")] == []
