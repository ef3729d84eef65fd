"""A pipeline without leaks: split by group first, then copies and scaling with the training part alone."""

import numpy as np

from course_utils.checks.question import Case, Rule, question

SEEDS = 4
"""Other seeds to try: two of them may well draw the same groups."""


def _group_cases(rng: np.random.Generator) -> list[Case]:
    def case(n_groups, fraction, most):
        groups = np.repeat(rng.choice(100, n_groups, replace=False), rng.integers(2, most + 1, n_groups))
        light = {g: int(rng.integers(0, 150)) for g in np.unique(groups).tolist()}
        # No two pixels of an image are equal, so their order tells which image it is, however it was scaled.
        pixels = [light[g] + rng.choice(100, 12, replace=False) for g in groups.tolist()]
        order = rng.permutation(len(groups))
        return Case(
            images=np.array(pixels, dtype=np.uint8).reshape(-1, 3, 4)[order],
            labels=rng.integers(0, 2, len(groups)),
            groups=groups[order],
            fraction=fraction,
            seed=int(rng.integers(1000)),
        )

    return [case(6, 1 / 3, 4), case(8, 0.25, 8), case(20, 0.2, 5)]


def _some_seeds(prepare, images, labels, groups, fraction, seed):
    """What it gives for one seed, for the same again, and for others."""
    seeds = [seed, *(seed + k for k in range(SEEDS + 1))]
    return [prepare(images.copy(), labels.copy(), groups.copy(), fraction, one) for one in seeds]


def _known(images) -> dict[bytes, tuple[int, bool]]:
    """The order of an image's pixels -> (its index, whether it is mirrored)."""
    return {
        np.argsort(picture.ravel()).tobytes(): (i, mirrored)
        for mirrored in (False, True)
        for i, picture in enumerate(images[:, :, ::-1] if mirrored else images)
    }


def _found(value, images, side, which=0) -> list[tuple[int, bool]]:
    """(index, mirrored) of each image on a side: 0 for training, 2 for validation. (-1, False) for one not known."""
    pictures, known = np.asarray(value[which][side], dtype=float), _known(images)
    if pictures.ndim != 3:
        raise ValueError("not a batch of images")
    return [known.get(np.argsort(picture.ravel()).tobytes(), (-1, False)) for picture in pictures]


def _originals(value, images, side, which=0) -> np.ndarray:
    return np.array(sorted(i for i, mirrored in _found(value, images, side, which) if not mirrored), dtype=int)


def _labels_belong(value, images, labels, **_) -> bool:
    return all(
        np.array_equal(np.asarray(value[0][side + 1]), labels[[i for i, _ in _found(value, images, side)]])
        for side in (0, 2)
    )


def _apart(value, images, groups, **_) -> bool:
    sides = [{groups[i] for i, _ in _found(value, images, side)} for side in (0, 2)]
    return not sides[0] & sides[1]


def _all_there(value, images, **_) -> bool:
    both = np.concatenate([_originals(value, images, side) for side in (0, 2)])
    return np.array_equal(np.sort(both), np.arange(len(images)))


def _all_mirrored(value, images, **_) -> bool:
    found = _found(value, images, 0)
    copies = sorted(i for i, mirrored in found if mirrored)
    return copies == _originals(value, images, 0).tolist()


def _has_size(value, images, groups, fraction, **_) -> bool:
    held_out = {groups[i] for i, _ in _found(value, images, 2)}
    return len(held_out) == round(fraction * len(np.unique(groups)))


def _scaled_by(value, images, side, of) -> bool:
    """Whether a side is scaled by mean and standard deviation of these images."""
    found = _found(value, images, side)
    pixels = np.stack([images[i, :, ::-1] if mirrored else images[i] for i, mirrored in found]).astype(float)
    wanted = (pixels - of.mean()) / of.std()
    return bool(np.allclose(np.asarray(value[0][side], dtype=float), wanted, atol=1e-3))


def _of_training(value, images) -> np.ndarray:
    return images[_originals(value, images, 0)].astype(float)


def _same_split(value, images, one, other) -> bool:
    return all(
        np.array_equal(_originals(value, images, side, one), _originals(value, images, side, other)) for side in (0, 2)
    )


def _prepare(by="groups", mirror="training", scale="training", drop=0, share=1.0, fixed=None, mixed=False):
    """The pipeline, and with other words each mistake; the reference with none."""

    def prepare(images, labels, groups, fraction, seed):
        rng = np.random.default_rng({"same": 0, "none": None}.get(fixed, seed))
        unit = groups if by == "groups" else np.arange(len(images))
        names = np.unique(unit)
        chosen = rng.permutation(names)[: round(share * fraction * len(names))]
        held_out = np.isin(unit, chosen)
        parts = [np.flatnonzero(~held_out)[drop:], np.flatnonzero(held_out)]
        sides = [(images[part].astype(np.float32), labels[part]) for part in parts]
        of = {"all": images, "training": sides[0][0], "own": sides[0][0]}.get(scale, images).astype(np.float32)
        axes = 0 if scale == "by pixel" else None
        numbers = [(of.mean(axis=axes), of.std(axis=axes) + 1e-9)] * 2
        if scale == "own":
            numbers[1] = sides[1][0].mean(), sides[1][0].std()
        if scale == "255":
            numbers = [(0, 255)] * 2
        done = []
        for (x, y), (mean, std), name in zip(sides, numbers, ("training", "validation"), strict=True):
            if mirror in (name, "all"):
                x, y = np.concatenate([x, x[:, :, ::-1]]), np.concatenate([y, y])
            done += [(x - mean) / std, 1 - y if mixed else y]
        return tuple(done)

    return prepare


prepare = question(
    "prepare",
    points=4,
    partial=1,
    reference=_prepare(),
    cases=_group_cases,
    observe=_some_seeds,
    rules={
        "Some images cannot be recognised: mirror them left to right, and scale every pixel by the same two numbers, "
        "one mean and one standard deviation.": Rule(
            lambda value, images, **_: all(i >= 0 for side in (0, 2) for i, _ in _found(value, images, side)),
            _prepare(scale="by pixel"),
        ),
        "Labels and images do not belong together.": Rule(_labels_belong, _prepare(mixed=True)),
        "Images of one group are on both sides, so the validation rewards recognising the group: draw groups, not "
        "images.": Rule(_apart, _prepare(by="images")),
        "The validation images are mirrored as well. They stand for the images of the real world.": Rule(
            lambda value, images, **_: not any(mirrored for _, mirrored in _found(value, images, 2)),
            _prepare(mirror="all"),
        ),
        "Not every image is there exactly once, besides the mirrored copies.": Rule(_all_there, _prepare(drop=1)),
        "The training part holds each of its images and its mirrored copy; yours does not.": Rule(
            _all_mirrored, _prepare(mirror="none")
        ),
        "The validation part does not hold the given fraction of the groups.": Rule(_has_size, _prepare(share=1.6)),
        "Mean and standard deviation come from all images, so the validation images have a say in them: take the "
        "training images alone.": Rule(
            lambda value, images, **_: not _scaled_by(value, images, 2, images.astype(float)), _prepare(scale="all")
        ),
        "The validation images are scaled by their own mean and standard deviation. A model meets them with the "
        "numbers that it was trained with: those of the training part.": Rule(
            lambda value, images, **_: (
                not _scaled_by(value, images, 2, images[_originals(value, images, 2)].astype(float))
            ),
            _prepare(scale="own"),
        ),
        "The images are not scaled to mean 0 and standard deviation 1 of the training part.": Rule(
            lambda value, images, **_: all(
                _scaled_by(value, images, side, _of_training(value, images)) for side in (0, 2)
            ),
            _prepare(scale="255"),
        ),
        "The same seed gives two different splits: make the generator from the seed, inside the function.": Rule(
            lambda value, images, **_: _same_split(value, images, 0, 1), _prepare(fixed="none")
        ),
        "Every seed gives the same split: the seed is not used.": Rule(
            lambda value, images, **_: not all(_same_split(value, images, 0, k + 2) for k in range(SEEDS)),
            _prepare(fixed="same"),
        ),
    },
    hints={
        "shape": "Return four arrays: training images, training labels, validation images, validation labels.",
        "type": "Return four arrays: training images, training labels, validation images, validation labels.",
        "raised": "Try it on the small data of the cell above the check.",
    },
)
