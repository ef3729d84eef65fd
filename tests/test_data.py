"""data.load: schema, cache, validation split, sample data, subsets."""

import hashlib
import io
import os
from pathlib import Path

import data_kit as kit
import numpy as np
import pytest
from PIL import Image

from course_utils import data
from course_utils.errors import CourseError

pytestmark = pytest.mark.usefixtures("cache")


@pytest.fixture
def cifar(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("COURSE_DATA", str(kit.cifar(tmp_path / "offline")))
    return tmp_path / "offline"


@pytest.fixture
def xrays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("COURSE_DATA", str(kit.xrays(tmp_path / "offline")))
    return tmp_path / "offline"


def pixels(images: np.ndarray) -> list[bytes]:
    return [image.tobytes() for image in images]


def test_schema_of_cifar10(cifar: Path) -> None:
    found = data.load("cifar10")
    assert found.class_names == kit.CLASSES and not found.is_sample and found.caption == ""
    assert str(cifar / "cifar10") == found.source
    for split, n in ((found.train, 180), (found.validation, 20), (found.test, 50)):
        assert isinstance(split.images, np.memmap) and not split.images.flags.writeable
        assert split.images.shape == (n, 32, 32, 3) and split.images.dtype == np.uint8
        assert split.labels.shape == (n,) and split.labels.dtype == np.int64
        assert split.groups is None and split.names is None


def test_every_image_keeps_its_label(cifar: Path) -> None:
    found = data.load("cifar10")
    wanted = {row["img"]["bytes"]: row["label"] for row in kit.cifar_rows(200)}
    images = np.concatenate([found.train.images, found.validation.images])
    labels = np.concatenate([found.train.labels, found.validation.labels])
    assert {kit.png(image): label for image, label in zip(images, labels, strict=True)} == wanted


def test_validation_is_a_tenth_of_each_class(cifar: Path) -> None:
    assert np.bincount(data.load("cifar10").validation.labels).tolist() == [2] * 10


def test_order_and_split_do_not_depend_on_the_order_of_the_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = []
    for name, rows in (("a", kit.cifar_rows(200)), ("b", kit.cifar_rows(200)[::-1])):
        monkeypatch.setenv("COURSE_DATA", str(kit.cifar(tmp_path / name, train=rows)))
        found.append(data.load("cifar10"))
    assert np.array_equal(found[0].train.images, found[1].train.images)
    assert np.array_equal(found[0].validation.images, found[1].validation.images)


def test_identical_images_stay_on_one_side(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = kit.cifar_rows(100)
    test = [*kit.cifar_rows(50, seed=1), rows[0]]
    monkeypatch.setenv("COURSE_DATA", str(kit.cifar(tmp_path / "offline", train=rows * 2, test=test)))
    found = data.load("cifar10")
    assert not set(pixels(found.train.images)) & set(pixels(found.validation.images))
    assert len(found.validation) == 20
    assert found.duplicates == {"train": 100, "test": 0, "test in train": 1}


def test_xrays_are_grey_scaled_and_split_by_patient(xrays: Path) -> None:
    found = data.load("chest_xray")
    assert found.class_names == ("NORMAL", "PNEUMONIA")
    assert found.train.images.shape[1:] == (224, 224, 1)
    assert not set(found.train.groups) & set(found.validation.groups)
    assert all(tag.startswith(("person", "IM-")) and tag.count("_") == 0 for tag in found.train.groups)
    rows = kit.xray_rows()
    labels = {row["image"]["path"]: row["label"] for row in rows}
    for split in (found.train, found.validation, found.train.subset(20)):
        assert [labels[name] for name in split.names] == split.labels.tolist()
        assert all(name.startswith(tag) for name, tag in zip(split.names, split.groups, strict=True))
    share = len(found.validation) / len(rows)
    ill = np.mean([row["label"] for row in rows])
    assert abs(share - 0.1) < 0.02 and abs(found.validation.labels.mean() - ill) < 0.1


def test_identical_xrays_join_their_patients(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = kit.xray_rows()
    twins = [{"image": {**row["image"], "path": f"person{900 + i}_virus_1.jpeg"}, "label": row["label"]}
             for i, row in enumerate(rows)]  # fmt: skip
    monkeypatch.setenv("COURSE_DATA", str(kit.xrays(tmp_path / "offline", train=rows + twins)))
    found = data.load("chest_xray")
    assert not set(pixels(found.train.images)) & set(pixels(found.validation.images))
    assert not set(found.train.groups) & set(found.validation.groups) and len(found.validation) > 0


def test_a_second_load_decodes_nothing_and_imports_nothing_heavy(cifar: Path) -> None:
    data.load("cifar10")
    heavy = {"datasets", "pyarrow", "huggingface_hub", "PIL", "sklearn", "scipy", "torch", "tensorflow", "keras"}
    code = f"import sys; from course_utils import data; data.load('cifar10'); print([*({heavy} & set(sys.modules))])"
    out, err = kit.python(code).communicate()
    assert out.strip() == "[]", err


def test_every_process_gets_the_same_arrays(cifar: Path, tmp_path: Path) -> None:
    found = data.load("cifar10")
    code = (
        "import hashlib; from course_utils import data; d = data.load('cifar10');"
        "print(hashlib.sha256(d.train.images.tobytes() + d.validation.images.tobytes()).hexdigest())"
    )
    out, err = kit.python(code, COURSE_CACHE=str(tmp_path / "other"), PYTHONHASHSEED="1").communicate()
    assert (
        out.strip() == hashlib.sha256(found.train.images.tobytes() + found.validation.images.tobytes()).hexdigest()
    ), err


def test_new_files_replace_the_old_decoded_copy(cifar: Path, cache: Path) -> None:
    data.load("cifar10")
    kit.cifar(cifar, train=kit.cifar_rows(300, seed=5))
    assert len(data.load("cifar10").train) == 270
    assert len(list(cache.glob("data/cifar10-*"))) == 1


@pytest.mark.parametrize("name", ["train_images.npy", "test_labels.npy", "info.json"])
def test_a_damaged_cache_is_made_afresh(cifar: Path, cache: Path, name: str, capsys: pytest.CaptureFixture) -> None:
    before = np.array(data.load("cifar10").train.images)
    (file,) = cache.glob(f"data/cifar10-*/{name}")
    os.truncate(file, file.stat().st_size // 2)
    assert np.array_equal(data.load("cifar10").train.images, before)
    assert "damaged" in capsys.readouterr().out


@pytest.mark.parametrize(("name", "sizes"), [("cifar10", (1800, 200, 500)), ("chest_xray", (216, 24, 60))])
def test_sample_data_only_in_smoke_and_always_said(name: str, sizes: tuple[int, ...]) -> None:
    found = data.load(name, profile="smoke")
    assert found.is_sample and found.caption == "sample data, drawn by code" == found.source
    assert (len(found.train), len(found.validation), len(found.test)) == sizes
    assert len(np.unique(found.train.labels)) == len(found.class_names)
    again = data.load(name, profile="smoke")
    assert np.array_equal(found.train.images, again.train.images)


def test_sample_data_can_be_learned() -> None:
    from sklearn.neighbors import NearestCentroid

    found = data.load("cifar10", profile="smoke")
    flat = [split.images.reshape(len(split), -1) / 255 for split in (found.train, found.test)]
    assert NearestCentroid().fit(flat[0], found.train.labels).score(flat[1], found.test.labels) > 0.5


def test_real_data_goes_before_the_sample_in_smoke(cifar: Path) -> None:
    assert not data.load("cifar10", profile="smoke").is_sample


def test_the_profile_of_a_run_counts_where_none_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COURSE_PROFILE", "smoke")
    assert data.load("cifar10").is_sample


def test_at_hand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not data.at_hand("cifar10")
    monkeypatch.setenv("COURSE_DATA", str(kit.cifar(tmp_path / "offline")))
    assert data.at_hand("cifar10") and not data.at_hand("chest_xray")


def test_unknown_name() -> None:
    with pytest.raises(CourseError, match=r"no data set 'mnist'.*cifar10, chest_xray"):
        data.load("mnist")


def test_subset_keeps_the_proportions(xrays: Path) -> None:
    train = data.load("chest_xray").train
    part = train.subset(40)
    assert len(part) == 40 and part.groups.shape == (40,) and part.images.dtype == np.uint8
    assert abs(part.labels.sum() - 40 * train.labels.mean()) < 1
    assert np.array_equal(train.subset(40).images, part.images)
    assert not np.array_equal(train.subset(40, seed=1).images, part.images)
    assert len(set(pixels(part.images))) == 40
    assert np.array_equal(train.subset(len(train)).labels, train.labels)


@pytest.mark.parametrize("n", [0, -1, 181])
def test_subset_of_impossible_size(cifar: Path, n: int) -> None:
    with pytest.raises(CourseError, match=r"ask for 1 to 180"):
        data.load("cifar10").train.subset(n)


def test_large_jpegs_are_scaled_as_plain_resizing_would(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    y, x = np.mgrid[:900, :1300]
    rows = []
    for i in range(40):
        file = io.BytesIO()
        wave = 128 + 100 * np.sin(x / 150 + i) * np.cos(y / 120)
        Image.fromarray(wave.astype(np.uint8)).convert("RGB").save(file, "JPEG", quality=95)
        rows.append({"image": {"bytes": file.getvalue(), "path": f"person{i}_virus_1.jpeg"}, "label": i % 2})
    monkeypatch.setenv("COURSE_DATA", str(kit.xrays(tmp_path / "offline", train=rows)))
    train = data.load("chest_xray").train
    for image, tag in zip(train.images[:5], train.groups[:5], strict=True):
        i = int(tag.removeprefix("person"))
        wave = (128 + 100 * np.sin(x / 150 + i) * np.cos(y / 120)).astype(np.uint8)
        plain = np.asarray(Image.fromarray(wave).resize((224, 224), Image.Resampling.BILINEAR))
        assert np.abs(image[..., 0].astype(int) - plain).max() <= 4
