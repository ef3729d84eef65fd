"""data.pack, data.import_data, data.status, data.weights_path: data for machines without internet."""

import io
import os
import pickle
import tarfile
from pathlib import Path

import data_kit as kit
import numpy as np
import pytest

from course_utils import data
from course_utils.errors import CourseError
from course_utils.pretrained import WEIGHTS

REAL = os.environ.get("COURSE_DATA", "")


pytestmark = pytest.mark.usefixtures("cache")


@pytest.fixture
def offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    directory = kit.xrays(kit.cifar(tmp_path / "offline"))
    monkeypatch.setenv("COURSE_DATA", str(directory))
    return directory


def planes(n: int, seed: int) -> tuple[np.ndarray, list[int]]:
    """n images as CIFAR's archive stores them, (n, 3072), and their labels."""
    return np.random.default_rng(seed).integers(0, 256, (n, 3072), dtype=np.uint8), [i % 10 for i in range(n)]


def batches(kind: str = "python") -> dict[str, bytes]:
    """The members of an archive with 5 × 40 training and 40 test images."""
    members = {}
    for seed, name in enumerate([*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"]):
        pixels, labels = planes(40, seed)
        if kind == "python":
            members[name] = pickle.dumps({b"data": pixels, b"labels": labels}, protocol=2)
        else:
            members[f"{name}.bin"] = np.column_stack([np.array(labels, np.uint8), pixels]).tobytes()
    if kind == "python":
        members["batches.meta"] = pickle.dumps({"label_names": [name.encode() for name in kit.CLASSES]}, protocol=2)
    else:
        members["batches.meta.txt"] = "\n".join(kit.CLASSES).encode() + b"\n\n"
    return members


def archive(path: Path, members: dict[str, bytes]) -> Path:
    with tarfile.open(path, "w:gz") as tar:
        for name, content in members.items():
            info = tarfile.TarInfo(f"cifar-10-batches-py/{name}")
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return path


def tree(root: Path, suffix: str = ".png") -> Path:
    """An image-folder tree of X-rays, with the clutter that such folders have."""
    for split, patients in (("train", 40), ("test", 10)):
        for row in kit.xray_rows(patients, seed=len(split)):
            name = ("NORMAL", "PNEUMONIA")[row["label"]]
            file = (root / split / name / row["image"]["path"]).with_suffix(suffix)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(row["image"]["bytes"])
    (root / "train/.DS_Store").touch()
    (root / "train/NORMAL/._IM-0000-0000.png").write_bytes(b"mac")
    (root / "val/NORMAL").mkdir(parents=True)
    return root


@pytest.mark.parametrize("kind", ["python", "binary"])
@pytest.mark.parametrize("packed", [True, False], ids=["packed", "unpacked"])
def test_import_the_cifar_archive(tmp_path: Path, kind: str, packed: bool) -> None:
    if packed:
        path = archive(tmp_path / "cifar-10.tar.gz", batches(kind))
    else:
        path = tmp_path / "cifar-10-batches-py"
        path.mkdir()
        for name, content in batches(kind).items():
            (path / name).write_bytes(content)
    data.import_data("cifar10", path)
    found = data.load("cifar10")
    assert (len(found.train), len(found.validation), len(found.test)) == (180, 20, 40)
    pixels, labels = planes(40, seed=5)
    wanted = {x.reshape(3, 32, 32).transpose(1, 2, 0).tobytes(): y for x, y in zip(pixels, labels, strict=True)}
    assert {x.tobytes(): y for x, y in zip(found.test.images, found.test.labels, strict=True)} == wanted


def test_both_versions_of_the_archive_give_the_same_splits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = []
    for kind in ("python", "binary"):
        (tmp_path / kind).mkdir()
        monkeypatch.setenv("COURSE_DATA", str(tmp_path / kind))
        data.import_data("cifar10", archive(tmp_path / f"{kind}.tar.gz", batches(kind)))
        found.append(data.load("cifar10"))
    assert np.array_equal(found[0].train.images, found[1].train.images)


class Evil:
    def __reduce__(self) -> tuple:
        return os.system, ("touch evil",)


def test_a_pickle_that_runs_code_is_refused(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    members = batches() | {"data_batch_3": pickle.dumps({b"data": Evil(), b"labels": []}, protocol=2)}
    with pytest.raises(CourseError, match=r"not the official CIFAR-10 archive, or damaged: it asks for .*system"):
        data.import_data("cifar10", archive(tmp_path / "evil.tar.gz", members))
    assert not (tmp_path / "evil").exists() and not (cache / "offline/cifar10").exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"data_batch_2": b"\x80\x02}q"}, r"or damaged"),
        ({"data_batch_2": pickle.dumps([1, 2])}, r"not a dictionary"),
        ({"data_batch_2": pickle.dumps({b"data": np.zeros((4, 12), np.uint8), b"labels": [0] * 4})}, r"3,072 bytes"),
        ({"data_batch_2": pickle.dumps({b"data": np.zeros((1, 3072), np.uint8), b"labels": [10]})}, r"between 0 and 9"),
        ({"batches.meta": pickle.dumps({b"label_names": [b"beaver"]})}, r"its classes are beaver"),
    ],
)
def test_an_archive_with_wrong_contents(tmp_path: Path, change: dict[str, bytes], message: str) -> None:
    with pytest.raises(CourseError, match=message):
        data.import_data("cifar10", archive(tmp_path / "wrong.tar.gz", batches() | change))


def test_a_truncated_archive(tmp_path: Path) -> None:
    path = archive(tmp_path / "cut.tar.gz", batches())
    path.write_bytes(path.read_bytes()[:400_000])
    with pytest.raises(CourseError, match=r"cut\.tar\.gz.*(damaged|lacks)"):
        data.import_data("cifar10", path)


@pytest.mark.parametrize("inside", [".", "chest_xray"])
def test_import_image_folders(tmp_path: Path, inside: str, offline: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tree(tmp_path / "images" / inside)
    new = tmp_path / "new"
    new.mkdir()
    monkeypatch.setenv("COURSE_DATA", str(new))
    assert data.import_data("chest_xray", tmp_path / "images") == new / "chest_xray"
    found = data.load("chest_xray")
    assert found.train.images.shape[1:] == (224, 224, 1)
    assert len(found.train) + len(found.validation) == len(kit.xray_rows(40, seed=5))
    assert "IM-0000" in {*found.train.groups, *found.validation.groups}
    assert "chest_xray/train.parquet" in (new / "SHA256SUMS").read_text()


def test_what_was_imported_is_in_the_schema_of_the_hub(tmp_path: Path, cache: Path) -> None:
    import datasets

    folder = data.import_data("cifar10", archive(tmp_path / "cifar-10.tar.gz", batches()))
    assert folder == cache / "offline/cifar10"
    found = datasets.load_dataset(str(folder), cache_dir=str(tmp_path / "arrow"))
    assert found["train"].features["label"].names == list(kit.CLASSES)
    assert found["test"][0]["img"].size == (32, 32)


@pytest.mark.parametrize(
    ("name", "spoil", "message"),
    [
        ("chest_xray", lambda root: (root / "test").rename(root / "tests"), r"no folders `train` and `test`"),
        ("chest_xray", lambda root: (root / "train/NORMAL").rename(root / "train/HEALTHY"), r"folders healthy, pneum"),
        ("cifar10", lambda root: None, r"needs one for each class: airplane"),
        ("chest_xray", lambda root: (root / "train/NORMAL/x.png").write_bytes(b"no"), r"row \d+ \(x\.png\): .*decoded"),
        ("chest_xray", lambda root: [p.unlink() for p in (root / "test/NORMAL").iterdir()], r"NORMAL has no images"),
    ],
)
def test_image_folders_with_a_fault(tmp_path: Path, cache: Path, name: str, spoil: object, message: str) -> None:
    spoil(tree(tmp_path / "images"))
    with pytest.raises(CourseError, match=message):
        data.import_data(name, tmp_path / "images")
    assert not list(cache.glob("offline/*"))


def test_import_of_what_is_not_there_or_not_readable(tmp_path: Path) -> None:
    with pytest.raises(CourseError, match=r"does not exist"):
        data.import_data("cifar10", tmp_path / "nowhere")
    (tmp_path / "images.zip").write_bytes(b"PK")
    with pytest.raises(CourseError, match=r"unpack it"):
        data.import_data("chest_xray", tmp_path / "images.zip")
    with pytest.raises(CourseError, match=r"is CIFAR-10, not chest X-rays"):
        data.import_data("chest_xray", archive(tmp_path / "cifar-10.tar.gz", batches()))


def test_import_overwrites_nothing(tmp_path: Path, offline: Path) -> None:
    before = (offline / "cifar10/train.parquet").read_bytes()
    with pytest.raises(CourseError, match=r"already there and is left as it is"):
        data.import_data("cifar10", archive(tmp_path / "cifar-10.tar.gz", batches()))
    assert (offline / "cifar10/train.parquet").read_bytes() == before


def test_pack_copies_verifies_and_is_used(tmp_path: Path, offline: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (offline / "weights").mkdir()
    for name in ("net.weights.h5", WEIGHTS):
        (offline / "weights" / name).write_bytes(b"weights")
    before = np.array(data.load("chest_xray").train.images)
    files = data.pack(tmp_path / "usb")
    assert [file.relative_to(tmp_path / "usb").as_posix() for file in files] == [
        f"{name}/{split}.parquet" for name in ("cifar10", "chest_xray") for split in ("train", "test")
    ]
    assert "COURSE_DATA" in (tmp_path / "usb/README.md").read_text()
    monkeypatch.setenv("COURSE_DATA", str(tmp_path / "usb"))
    assert np.array_equal(data.load("chest_xray").train.images, before)
    for name in ("net.weights.h5", WEIGHTS):
        assert data.weights_path(name) == tmp_path / "usb/weights" / name
    assert data.weights_path("other.weights.h5") is None


def test_pack_again_mends_only_what_is_damaged(tmp_path: Path, offline: Path, capsys: pytest.CaptureFixture) -> None:
    train, test = data.pack(tmp_path / "usb", ["cifar10"])
    os.truncate(train, 1000)
    kept = test.stat().st_mtime_ns
    data.pack(tmp_path / "usb", ["cifar10"])
    assert train.read_bytes() == (offline / "cifar10/train.parquet").read_bytes()
    assert test.stat().st_mtime_ns == kept
    assert "already there" in capsys.readouterr().out


def test_pack_never_packs_sample_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COURSE_PROFILE", "smoke")
    data.load("cifar10")
    with pytest.raises(CourseError, match=r"cannot be reached|three ways"):
        data.pack(tmp_path / "usb", ["cifar10"])
    assert not list((tmp_path / "usb").glob("cifar10/*"))


def test_pack_into_the_folder_in_use_leaves_what_is_there(offline: Path, capsys: pytest.CaptureFixture) -> None:
    before = (offline / "cifar10/train.parquet").stat().st_mtime_ns
    data.pack(offline, ["cifar10"])
    assert "left as it is" in capsys.readouterr().out
    assert (offline / "cifar10/train.parquet").stat().st_mtime_ns == before


def test_status(offline: Path) -> None:
    (offline / "weights").mkdir()
    (offline / "weights/net.weights.h5").write_bytes(b"weights")
    before = {row["name"]: row for row in data.status()}
    assert before["cifar10"]["decoded"] == "not yet" and "200 train" in before["cifar10"]["images"]
    assert before["weights net.weights.h5"]["found"]
    data.load("cifar10")
    after = data.status()[0]
    assert after["decoded"] == "yes" and after["images"] == "180 train + 20 validation + 50 test"
    assert all(list(row) == list(after) for row in data.status())


def test_status_of_nothing() -> None:
    assert [row["found"] for row in data.status()] == ["", ""]


@pytest.mark.skipif(not REAL, reason="needs real data: set COURSE_DATA")
class TestRealData:
    """The published sets, wherever COURSE_DATA has them."""

    @pytest.fixture(autouse=True)
    def real(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("COURSE_DATA", REAL)

    def test_cifar10(self) -> None:
        found = data.load("cifar10")
        assert np.bincount(found.train.labels).tolist() == [4500] * 10
        assert np.bincount(found.validation.labels).tolist() == [500] * 10
        assert np.bincount(found.test.labels).tolist() == [1000] * 10

    def test_chest_xray(self) -> None:
        found = data.load("chest_xray")
        labels = np.concatenate([found.train.labels, found.validation.labels])
        assert np.bincount(labels).tolist() == list(data.SPECS["chest_xray"].class_counts["train"])
        assert not set(found.train.groups) & set(found.validation.groups)
        assert abs(len(found.validation) / len(labels) - 0.1) < 0.005
        assert abs(found.validation.labels.mean() - labels.mean()) < 0.01
        sides = [{image.tobytes() for image in split.images} for split in (found.train, found.validation)]
        assert not sides[0] & sides[1]
