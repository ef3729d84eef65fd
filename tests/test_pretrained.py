"""course_utils.pretrained: VGG16 from wherever its weights are, and features that are computed once."""

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

import keras
import numpy as np
import pytest
from keras.applications.vgg16 import preprocess_input
from typer.testing import CliRunner

from course_utils import data, pretrained
from course_utils.cli import app
from course_utils.errors import CourseError

FILMS = np.random.default_rng(0).integers(0, 256, (40, 9, 7, 1), dtype=np.uint8)
REAL = os.environ.get("COURSE_DATA", "")


@pytest.fixture(autouse=True)
def no_weights(cache: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An offline data directory without weights, and a home of Keras without any."""
    offline = tmp_path / "offline"
    offline.mkdir()
    monkeypatch.setenv("COURSE_DATA", str(offline))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    return offline


@pytest.fixture(scope="module")
def untrained() -> pretrained.Backbone:
    return pretrained.vgg16(32, "smoke")


def small(seed: int = 0, strides: int = 1) -> keras.Model:
    """One convolution on 9 × 7 films, with drawn weights."""
    keras.utils.set_random_seed(seed)
    return keras.Sequential([keras.Input((9, 7, 1)), keras.layers.Conv2D(2, 3, strides=strides)])


class Counted:
    """A preparation that remembers how many inputs it was asked for; the probe of the cache is none of them."""

    def __init__(self, prepare: Callable = np.float32) -> None:
        self.prepare, self.batches = prepare, []

    def __call__(self, inputs: np.ndarray) -> np.ndarray:
        self.batches.append(len(inputs))
        return self.prepare(inputs)

    @property
    def inputs(self) -> int:
        return sum(self.batches[1:])


def test_smoke_without_weights_is_seeded_and_says_so(untrained: pretrained.Backbone) -> None:
    again = pretrained.vgg16(32, "smoke")
    assert untrained.caption == "untrained weights" and not untrained.is_trained
    assert untrained.model.count_params() == 14_714_688 and untrained.model.output_shape == (None, 1, 1, 512)
    assert np.array_equal(untrained.model.get_weights()[0], again.model.get_weights()[0])
    assert not np.array_equal(untrained.model.get_weights()[0], pretrained.vgg16(32, "smoke", 1).model.get_weights()[0])


def test_weights_of_the_offline_directory_come_first(no_weights: Path, untrained: pretrained.Backbone) -> None:
    file = no_weights / "weights" / pretrained.WEIGHTS
    file.parent.mkdir()
    untrained.model.save_weights(file)
    found = pretrained.vgg16(48, "cpu")
    assert found.is_trained and found.caption == "" and found.source == str(file)
    assert np.array_equal(found.model.get_weights()[-2], untrained.model.get_weights()[-2])
    file.write_bytes(b"not weights")
    with pytest.raises(CourseError, match="does not hold the weights of VGG16: copy it afresh"):
        pretrained.vgg16(32)


def test_weights_that_cannot_be_fetched_name_the_ways_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(*_: object, **__: object) -> None:
        raise Exception("URL fetch failure")

    monkeypatch.setattr("keras.src.utils.file_utils.get_file", unreachable)
    with pytest.raises(CourseError, match=r"could not be fetched \(URL fetch failure\): connect .* COURSE_DATA"):
        pretrained.vgg16(32, "cpu")


def test_too_small_an_input_is_refused() -> None:
    with pytest.raises(CourseError, match="31 pixels are too few, 32 the least"):
        pretrained.vgg16(31, "smoke")


def test_weights_are_packed_for_machines_without_internet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, untrained: pretrained.Backbone
) -> None:
    monkeypatch.setattr(pretrained, "vgg16", lambda size, profile: untrained)
    data.pack(tmp_path / "usb", ["vgg16"])
    monkeypatch.undo()
    monkeypatch.setenv("COURSE_DATA", str(tmp_path / "usb"))
    assert np.array_equal(pretrained.vgg16(32, "cpu").model.get_weights()[2], untrained.model.get_weights()[2])


def test_prepare_is_what_keras_asks_for() -> None:
    red = np.zeros((1, 4, 4, 3), np.uint8)
    red[..., 0] = 255
    assert np.allclose(pretrained.prepare(red, 4)[0, 0, 0], [-103.939, -116.779, 255 - 123.68])
    colours = np.random.default_rng(1).integers(0, 256, (2, 8, 8, 3), dtype=np.uint8)
    assert np.array_equal(pretrained.prepare(colours, 8), preprocess_input(colours.astype(np.float32)))
    grey = pretrained.prepare(colours[..., :1], 8)
    assert np.array_equal(grey, preprocess_input(np.repeat(colours[..., :1], 3, axis=3).astype(np.float32)))


def test_prepare_shrinks_by_the_mean_of_the_area() -> None:
    films = np.random.default_rng(1).integers(0, 256, (2, 8, 8, 1), dtype=np.uint8)
    blocks = films.reshape(2, 4, 2, 4, 2).mean(axis=(2, 4))
    assert np.abs(pretrained.prepare(films, 4)[..., 0] + 103.939 - blocks).max() <= 1.01, "rounded twice"
    assert pretrained.prepare(films, 16).shape == (2, 16, 16, 3)
    assert pretrained.prepare(films[:0], 4).shape == (0, 4, 4, 3)


@pytest.mark.parametrize("images", [np.zeros((2, 8, 8, 3)), np.zeros((8, 8, 3), "u1"), np.zeros((1, 8, 8, 2), "u1")])
def test_prepare_refuses_other_arrays(images: np.ndarray) -> None:
    with pytest.raises(ValueError, match="uint8 images"):
        pretrained.prepare(images, 8)


def test_features_are_the_models_own_in_the_order_of_the_inputs() -> None:
    model, order = small(), np.random.default_rng(2).permutation(40)
    wanted = model.predict(FILMS.astype(np.float32), verbose=0)
    assert np.allclose(pretrained.features(model, FILMS, Counted()), wanted, atol=1e-3)
    assert np.allclose(pretrained.features(model, FILMS[order], Counted()), wanted[order], atol=1e-3)
    half = pretrained.features(model, FILMS, Counted(), np.float16)
    assert half.dtype == np.float16 and np.allclose(half, wanted, rtol=1e-2, atol=0.5)


def test_features_of_inputs_seen_before_are_not_computed_again() -> None:
    prepare = Counted()
    pretrained.features(small(), FILMS[:30], prepare)
    assert prepare.inputs == 30
    again, more = Counted(), Counted()
    pretrained.features(small(), FILMS[10:20], again)
    pretrained.features(small(), FILMS[[5, 35, 5, 35]], more)
    assert (again.inputs, more.inputs) == (0, 1)


@pytest.mark.parametrize("change", ["weights", "layer", "preparation"])
def test_features_of_another_kind_are_computed_afresh(change: str) -> None:
    pretrained.features(small(), FILMS, Counted())
    other = {"weights": small(seed=1), "layer": small(strides=2)}.get(change, small())
    scale = 2 if change == "preparation" else 1
    prepare = Counted(lambda films: np.float32(scale) * films)
    outputs = pretrained.features(other, FILMS, prepare)
    assert prepare.inputs == 40
    assert np.allclose(outputs, other.predict(np.float32(scale) * FILMS, verbose=0), atol=1e-2)


def test_features_go_on_where_they_were_interrupted() -> None:
    class Interrupted(Counted):
        def __call__(self, inputs: np.ndarray) -> np.ndarray:
            if self.inputs:
                raise KeyboardInterrupt
            return super().__call__(inputs)

    prepare = Counted()
    with pytest.raises(KeyboardInterrupt):
        pretrained.features(small(), FILMS, Interrupted())
    pretrained.features(small(), FILMS, prepare)
    assert prepare.inputs == 8, "32 of 40 were in the cache"


def test_a_damaged_file_of_features_is_made_afresh(cache: Path) -> None:
    wanted = pretrained.features(small(), FILMS[:5], Counted())
    (file,) = (cache / "features").rglob("*.npz")
    file.write_bytes(file.read_bytes()[:100])
    assert np.array_equal(pretrained.features(small(), FILMS[:5], Counted()), wanted)


@pytest.mark.parametrize("inputs", [FILMS[:0], np.zeros(3), np.float32(1)])
def test_features_of_nothing_are_refused(inputs: np.ndarray) -> None:
    with pytest.raises(ValueError, match="at least one"):
        pretrained.features(small(), inputs, Counted())


def test_a_cache_that_cannot_be_written_is_one_sentence(cache: Path) -> None:
    cache.mkdir(parents=True, exist_ok=True)
    (cache / "features").write_text("a file where a folder should be")
    with pytest.raises(CourseError, match="COURSE_CACHE"):
        pretrained.features(small(), FILMS, Counted())


def test_cut_parts_a_chain_in_two(untrained: pretrained.Backbone) -> None:
    lower, upper = pretrained.cut(untrained.model, "block4_pool")
    x = pretrained.prepare(np.random.default_rng(3).integers(0, 256, (2, 32, 32, 1), dtype=np.uint8), 32)
    assert np.allclose(upper(lower(x)), untrained.model(x), atol=1e-4)
    assert upper.count_params() == 7_079_424, "block 5"
    for layer in ("block6_pool", "block5_pool"):
        with pytest.raises(ValueError, match=f"cannot be cut behind '{layer}'"):
            pretrained.cut(untrained.model, layer)


def test_film_features_are_block_4_and_the_mean_of_block_5(untrained: pretrained.Backbone) -> None:
    films = np.random.default_rng(3).integers(0, 256, (3, 40, 40, 1), dtype=np.uint8)
    maps, pooled = pretrained.film_features(untrained, films)
    x = pretrained.prepare(films, 32)
    assert maps.dtype == np.float16 and maps.shape == (3, 2, 2, 512)
    assert np.allclose(pooled, np.asarray(untrained.model(x)).mean(axis=(1, 2)), rtol=0.05, atol=1e-2)


def test_the_command_computes_what_the_lesson_asks_for(
    monkeypatch: pytest.MonkeyPatch, untrained: pretrained.Backbone
) -> None:
    monkeypatch.delenv("COURSE_DATA")
    monkeypatch.setenv("COURSE_PROFILE", "smoke")
    monkeypatch.setattr(pretrained, "vgg16", lambda size: untrained)
    shown = CliRunner().invoke(app, ["data", "features"])
    assert shown.exit_code == 0 and "test: features of 60 films" in shown.output
    lower, _ = pretrained.cut(untrained.model, pretrained.CUT)
    prepare = Counted(partial(pretrained.prepare, size=32))
    for split in ("train", "validation", "test"):
        pretrained.features(lower, getattr(data.load("chest_xray"), split).images[:9], prepare, np.float16)
        assert prepare.batches == [1], "the probe only"
        prepare.batches.clear()


@pytest.mark.skipif(not REAL, reason="needs real data: set COURSE_DATA")
def test_the_published_weights_see_films(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COURSE_DATA", REAL)
    backbone = pretrained.vgg16(64)
    films = data.load("chest_xray").test.images[:8]
    _, pooled = pretrained.film_features(backbone, films)
    assert backbone.is_trained and pooled.shape == (8, 512) and pooled.std(axis=0).max() > 0.1
