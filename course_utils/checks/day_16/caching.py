"""Features that are computed once: an extractor counts the images that it is asked for."""

import contextlib
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from course_utils import reference
from course_utils.checks.compare import Unreadable
from course_utils.checks.question import Case, Rule, question

ASKED = "Return an array with one row of features for each image."


def _image_cases(rng: np.random.Generator) -> list[Case]:
    def case(n, height, width, channels, batch):
        images = rng.integers(0, 256, (n, height, width, channels)).astype(np.uint8)
        images[-1, -1, -2:] = [[7], [201]]  # two unlike pixels, which will change their places
        new = rng.integers(0, 256, (2, height, width, channels)).astype(np.uint8)
        return Case(images=images, new=new, order=np.roll(rng.permutation(n + 2), 1), batch=batch)

    return [case(5, 2, 14, 1, 2), case(8, 4, 6, 3, 3)]


class PowerCut(KeyboardInterrupt):
    """What ends a computation in the middle."""


class _Extractor:
    """Stands for a pretrained net: counts the images it is asked for, and fails after so many batches if told to."""

    def __init__(self, factor: float = 1.0, fails_after: int | None = None):
        self.factor, self.left = factor, fails_after
        self.images, self.largest = 0, 0

    def __call__(self, images: Any) -> np.ndarray:
        if self.left == 0:
            raise PowerCut
        self.left = None if self.left is None else self.left - 1
        self.images += len(images)
        self.largest = max(self.largest, len(images))
        return self.of(np.asarray(images))

    def of(self, images: np.ndarray) -> np.ndarray:
        """Three numbers for each image, of its pixels, their places and its shape: float32 (N, 3)."""
        flat = images.reshape(len(images), -1).astype(np.float64)
        places = np.cos(np.arange(flat.shape[1]))
        shape = np.full(len(flat), images.shape[2] / images.shape[1])
        return (self.factor * np.stack([flat.mean(axis=1), flat @ places, shape], axis=1)).astype(np.float32)


def _watched(cached_features, images, new, order, batch) -> dict[str, Any]:
    """One visit after another, each with what it asked the extractor for and whether its features are right."""

    def visit(seen, folder, name="vgg16-block5", factor=1.0):
        extract = _Extractor(factor)
        got = np.asarray(cached_features(seen.copy(), extract, name, folder, batch))
        wanted = extract.of(seen)
        if got.dtype.kind not in "biuf" or got.ndim != 2:
            form = f" Yours has the shape {got.shape}." if got.ndim else ""
            raise Unreadable(f"{ASKED}{form}")
        right = got.shape == wanted.shape and bool(np.allclose(got, wanted, rtol=1e-3, atol=1e-3))
        return {"right": right, "asked": extract.images, "largest": extract.largest}

    changed = images.copy()
    changed[-1, -1, -2:] = changed[-1, -1, [-1, -2]]  # the last image, whose row is right in any order of known and new
    wider = images.reshape(len(images), images.shape[1] // 2, -1, images.shape[3])
    with tempfile.TemporaryDirectory() as scratch:
        home, away, empty, cut = (Path(scratch) / name for name in ("home", "away", "empty", "cut"))
        for folder in (home, empty, cut):
            folder.mkdir()
        visits = {"first": visit(images, home), "again": visit(images, home)}
        shutil.copytree(home, away)
        visits |= {"moved": visit(images, away), "empty": visit(images, empty)}
        visits["changed"] = visit(changed, home)
        visits["mixed"] = visit(np.concatenate([images, new])[order], home)
        visits["other"] = visit(images, home, "vgg16-block4", factor=2.0)
        visits["wider"] = visit(wider, home)
        failing = _Extractor(fails_after=1)
        with contextlib.suppress(PowerCut):
            cached_features(images.copy(), failing, "vgg16-block5", cut, batch)
        visits["cut"] = {"right": True, "asked": failing.images, "largest": failing.largest}
        visits["resumed"] = visit(images, cut)
    return visits


def _largest(value) -> int:
    return max(visit["largest"] for visit in value.values())


def _cache(
    key: Callable = lambda place, image, name: (name, image.shape, image.tobytes()),
    at_once: bool = False,
    late: bool = False,
    shuffled: bool = False,
    turned: bool = False,
    promised: bool = False,
) -> Callable:
    """A cache in one file, by the keys given: the reference in other words, or a mistake."""

    def with_cache(images, extract, name, folder, batch):
        file = folder / "all.npy"
        kept = np.load(file, allow_pickle=True).item() if file.exists() else {}
        keys = [key(place, image, name) for place, image in enumerate(images)]
        todo = [place for place, one in enumerate(keys) if one not in kept]
        known = [one for one in keys if one in kept]
        if promised:
            np.save(file, kept | {keys[place]: np.zeros(3) for place in todo}, allow_pickle=True)
        step = max(len(todo), 1) if at_once else batch
        for part in [todo[i : i + step] for i in range(0, len(todo), step)]:
            kept |= zip([keys[place] for place in part], extract(images[part]), strict=True)
            if not late and not promised:
                np.save(file, kept, allow_pickle=True)
        np.save(file, kept, allow_pickle=True)
        rows = known + [keys[place] for place in todo] if shuffled else keys
        return np.stack([kept[one] for one in (rows[::-1] if turned else rows)])

    return with_cache


def _without(images, extract, name, folder, batch):
    return np.concatenate([extract(images[i : i + batch]) for i in range(0, len(images), batch)])


def _in_memory() -> Callable:
    memory: dict[Any, np.ndarray] = {}

    def with_memory(images, extract, name, folder, batch):
        keys = [(name, image.shape, image.tobytes()) for image in images]
        todo = [i for i, one in enumerate(keys) if one not in memory]
        for part in [todo[i : i + batch] for i in range(0, len(todo), batch)]:
            memory.update(zip([keys[i] for i in part], extract(images[part]), strict=True))
        return np.stack([memory[one] for one in keys])

    return with_memory


def _whole_set(images, extract, name, folder, batch):
    """One entry for the whole array; resumes, so that this alone is wrong."""
    return _cache(key=lambda place, image, _: (name, images.shape, images.tobytes(), place))(
        images, extract, name, folder, batch
    )


cached_features = question(
    "cached_features",
    points=4,
    reference=reference.cached_features,
    cases=_image_cases,
    observe=_watched,
    shortcuts=("joblib", "lru_cache", " hash("),
    rules={
        "On the first visit, with an empty folder, the rows are not what `extract` gives for the images, in their "
        "order.": Rule(lambda value, **_: value["first"]["right"], _cache(turned=True)),
        "You hand more than `batch` images to `extract` at once. With real films the memory ends there.": Rule(
            lambda value, batch, **_: _largest(value) <= batch, _cache(at_once=True)
        ),
        "The same images a second time: `extract` is asked again, though all features are known.": Rule(
            lambda value, **_: value["again"]["asked"] == 0, _without
        ),
        "The features are not in the folder, or not all of them: what is kept in memory, or by a path, is gone "
        "tomorrow. A copy of the folder has to know all, an empty one nothing.": Rule(
            lambda value, images, **_: value["moved"]["asked"] == 0 and value["empty"]["asked"] == len(images),
            _in_memory(),
        ),
        "An image whose pixels changed gets the features of the old one. The key has to be made of all pixels, each in "
        "its place, and not of the image's number, its shape or a sum.": Rule(
            lambda value, **_: value["changed"]["right"], _cache(key=lambda place, image, name: (name, place))
        ),
        "Known and new images mixed: row i is not that of image i. Order the rows as the images come, not the known "
        "ones first.": Rule(lambda value, **_: value["mixed"]["right"], _cache(shuffled=True)),
        "Another extractor, by its `name`, gets the features of the first one. The name belongs to the key.": Rule(
            lambda value, **_: value["other"]["right"],
            _cache(key=lambda place, image, name: (image.shape, image.tobytes())),
        ),
        "Two images with the same bytes in another shape share their features. The shape belongs to the key.": Rule(
            lambda value, **_: value["wider"]["right"], _cache(key=lambda place, image, name: (name, image.tobytes()))
        ),
        "A single new image, and known ones are computed again: each image needs a key of its own.": Rule(
            lambda value, new, **_: value["changed"]["asked"] == 1 and value["mixed"]["asked"] == len(new), _whole_set
        ),
        "A computation was interrupted after its first batch, and that batch is computed once more: keep the features "
        "of each batch as soon as they are there.": Rule(
            lambda value, images, **_: value["resumed"]["asked"] <= len(images) - value["cut"]["asked"],
            _cache(late=True),
        ),
        "After an interruption you take images for known whose features were never computed.": Rule(
            lambda value, **_: value["resumed"]["right"], _cache(promised=True)
        ),
    },
    hints={
        "raised": "Try it in the cell above the check: with an empty folder, then again, then with one new image. When "
        "all features are known, there is no batch to extract.",
        "type": "Look at the shape of what you return in the cell above the check.",
        "shape": ASKED,
    },
)
