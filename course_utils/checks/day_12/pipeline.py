"""The way of the data into a model: an honest split, an epoch of batches."""

from itertools import islice

import numpy as np

from course_utils.checks.question import Case, Rule, question

# --- stratified_split ---------------------------------------------------------------------------------------------


def _label_cases(rng: np.random.Generator) -> list[Case]:
    def case(counts, fraction, ordered):
        labels = np.repeat(np.arange(len(counts)), counts)
        labels = labels if ordered else rng.permutation(labels)
        return Case(labels=labels, fraction=fraction, seed=int(rng.integers(1000)))

    return [case([20, 20], 0.25, True), case([40, 20, 60], 0.25, True), case([50] * 10, 0.1, False)]


def _three_splits(split, labels, fraction, seed):
    """The same split twice and another one: more than one call is needed to see what the seed does."""
    return [split(labels.copy(), fraction, s) for s in (seed, seed, seed + 1)]


def _parts(value, which=0):
    """Training and validation indices. Raises for what cannot index an array."""
    train, validation = (np.asarray(part) for part in value[which])
    if {train.dtype.kind, validation.dtype.kind} - set("iu") or train.ndim != 1 or validation.ndim != 1:
        raise ValueError("not two lists of indices")
    return train, validation


def _is_start_or_end(part, whole) -> bool:
    part = np.sort(part)
    return len(part) > 0 and (np.array_equal(part, whole[: len(part)]) or np.array_equal(part, whole[-len(part) :]))


def _has_size(value, labels, fraction, **_) -> bool:
    return abs(len(_parts(value)[1]) - fraction * len(labels)) <= len(np.unique(labels))


def _is_stratified(value, labels, fraction, **_) -> bool:
    wanted = fraction * np.bincount(labels)
    return bool(np.all(np.abs(np.bincount(labels[_parts(value)[1]], minlength=len(wanted)) - wanted) <= 1))


def _is_shuffled_within_classes(value, labels, **_) -> bool:
    classes = [np.flatnonzero(labels == name) for name in np.unique(labels)]
    return not all(_is_start_or_end(np.intersect1d(_parts(value)[1], members), members) for members in classes)


def _same_parts(value, one, other) -> bool:
    pairs = zip(_parts(value, one), _parts(value, other), strict=True)
    return all(np.array_equal(np.sort(a), np.sort(b)) for a, b in pairs)


def _split(labels, fraction, seed, shuffle=True):
    rng = np.random.default_rng(seed)
    validation = []
    for name in np.unique(labels):
        members = np.flatnonzero(labels == name)
        members = rng.permutation(members) if shuffle else members
        validation.append(members[: round(fraction * len(members))])
    validation = np.concatenate(validation)
    return np.setdiff1d(np.arange(len(labels)), validation), validation


def _all_for_training(labels, fraction, seed):
    return np.arange(len(labels)), _split(labels, fraction, seed)[1]


def _drawn_with_replacement(labels, fraction, seed):
    train, validation = _split(labels, fraction, seed)
    return np.random.default_rng(seed).choice(train, len(train)), validation


def _last_part(labels, fraction, seed):
    return np.split(np.arange(len(labels)), [len(labels) - round(fraction * len(labels))])


def _from_early_classes(labels, fraction, seed):
    # A plain shuffle is stratified by chance now and then; this one never is, so that the rule can be tested.
    early = np.flatnonzero(labels < max(1, np.unique(labels).size * 3 // 4))
    validation = np.random.default_rng(seed).choice(early, round(fraction * len(labels)), replace=False)
    return np.setdiff1d(np.arange(len(labels)), validation), validation


stratified_split = question(
    "stratified_split",
    points=3,
    reference=_split,
    cases=_label_cases,
    observe=_three_splits,
    rules={
        "Training and validation part share images: the validation accuracy would reward learning by heart.": Rule(
            lambda value, **_: not set(_parts(value)[0]) & set(_parts(value)[1]), _all_for_training
        ),
        "Not every image is there exactly once: the two parts together are all the indices.": Rule(
            lambda value, labels, **_: np.array_equal(np.sort(np.concatenate(_parts(value))), np.arange(len(labels))),
            _drawn_with_replacement,
        ),
        "The parts are exchanged: return the training indices first, then the validation indices.": Rule(
            lambda value, labels, fraction, **_: not _has_size([_parts(value)[::-1]], labels, fraction),
            lambda labels, fraction, seed: _split(labels, fraction, seed)[::-1],
        ),
        "The validation part does not have the size asked for: it is the given fraction of the images.": Rule(
            _has_size, lambda labels, fraction, seed: _split(labels, 0.1, seed)
        ),
        "The validation part is the beginning or the end of the data, unshuffled. Data often lie sorted, and it would "
        "hold few classes.": Rule(
            lambda value, labels, **_: not _is_start_or_end(_parts(value)[1], np.arange(len(labels))), _last_part
        ),
        "The classes are not represented alike: take the fraction of each class, not of the whole.": Rule(
            _is_stratified, _from_early_classes
        ),
        "Nothing is shuffled: of each class you take images that stand side by side.": Rule(
            _is_shuffled_within_classes,
            lambda labels, fraction, seed: _split(labels, fraction, seed, shuffle=False),
        ),
        "The same seed gives two different splits: make the generator from the seed, inside the function.": Rule(
            lambda value, **_: _same_parts(value, 0, 1), lambda labels, fraction, seed: _split(labels, fraction, None)
        ),
        "Every seed gives the same split: the seed is not used.": Rule(
            lambda value, **_: not _same_parts(value, 0, 2), lambda labels, fraction, seed: _split(labels, fraction, 0)
        ),
    },
    hints={
        "shape": "Return two arrays of indices: training, validation.",
        "type": "Return two arrays of indices: training, validation.",
        "raised": "Try it on np.array([0, 0, 0, 0, 1, 1, 1, 1]) with the fraction 0.25.",
    },
)

# --- epoch_of_batches ---------------------------------------------------------------------------------------------


def _epoch_cases(rng: np.random.Generator) -> list[Case]:
    def case(n, batch_size):
        images = rng.integers(0, 256, (n, 4, 4, 3), dtype=np.uint8)
        images[:, 0, 0] = 255  # so that the largest value tells the scale
        labels = rng.integers(0, 10, n)
        return Case(images=images, labels=labels, batch_size=batch_size, seed=int(rng.integers(1000)))

    return [case(12, 5), case(64, 16), case(150, 32)]


def _two_epochs(epoch, images, labels, batch_size, seed):
    """Two epochs of different seeds. A generator may be endless: no more batches are taken than could be right."""
    most = len(images) + 1
    return [list(islice(epoch(images.copy(), labels.copy(), batch_size, s), most)) for s in (seed, seed + 1)]


def _pixels(value, which=0):
    return [np.asarray(x) for x, _ in value[which]]


def _found(value, images, which=0):
    """The index of each image that came, in the order of coming, or -1."""
    positions = {image.tobytes(): i for i, image in enumerate(images)}
    came = np.concatenate([np.rint(x * 255).astype(np.uint8) for x in _pixels(value, which)])
    return np.array([positions.get(image.tobytes(), -1) for image in came])


def _labels_match(value, images, labels, **_) -> bool:
    came = np.concatenate([np.asarray(y).reshape(-1) for _, y in value[0]])
    return np.array_equal(came, labels[_found(value, images)])


def _batch(images, labels, batch_size, order, scale=255, dtype=np.float32):
    starts = range(0, len(order), batch_size)
    chunks = [order[start : start + batch_size] for start in starts]
    return [((images[chunk] / scale).astype(dtype), labels[chunk]) for chunk in chunks]


def _order(images, seed):
    return np.random.default_rng(seed).permutation(len(images))


def _shuffled_apart(images, labels, batch_size, seed):
    return _batch(images, labels[_order(images, seed + 1)], batch_size, _order(images, seed))


def _without_the_rest(images, labels, batch_size, seed):
    whole = len(images) // batch_size * batch_size
    return _batch(images, labels, batch_size, _order(images, seed)[:whole])


def _drawn_anew(images, labels, batch_size, seed):
    return _batch(images, labels, batch_size, np.random.default_rng(seed).integers(0, len(images), len(images)))


epoch_of_batches = question(
    "epoch_of_batches",
    points=3,
    reference=lambda images, labels, batch_size, seed: _batch(images, labels, batch_size, _order(images, seed)),
    cases=_epoch_cases,
    observe=_two_epochs,
    rules={
        "The pixels are not scaled: divide by 255, so that they lie between 0 and 1.": Rule(
            lambda value, **_: max(x.max() for x in _pixels(value)) < 254,
            lambda images, labels, batch_size, seed: _batch(images, labels, batch_size, _order(images, seed), 1),
        ),
        "The pixels are scaled twice: nothing is left above 1/255.": Rule(
            lambda value, **_: max(x.max() for x in _pixels(value)) > 0.01,
            lambda images, labels, batch_size, seed: _batch(images, labels, batch_size, _order(images, seed), 255**2),
        ),
        "Fractions are cut off: turn the pixels into floats before they become integers again.": Rule(
            lambda value, **_: any(np.any(x != np.rint(x)) for x in _pixels(value)),
            lambda images, labels, batch_size, seed: _batch(images // 255, labels, batch_size, _order(images, seed), 1),
        ),
        "The batches are not float32, which a network computes in: float64 takes twice the memory for nothing.": Rule(
            lambda value, **_: all(x.dtype == np.float32 for x in _pixels(value)),
            lambda images, labels, batch_size, seed: _batch(
                images, labels, batch_size, _order(images, seed), dtype=np.float64
            ),
        ),
        "The last images are missing: an epoch ends with a smaller batch when the size does not divide the number.": (
            Rule(
                lambda value, images, batch_size, **_: (
                    sum(map(len, _pixels(value))) != len(images) // batch_size * batch_size
                    or len(images) % batch_size == 0
                ),
                _without_the_rest,
            )
        ),
        "The batches do not have the size asked for; only the last may be smaller.": Rule(
            lambda value, images, batch_size, **_: (
                all(len(x) == batch_size for x in _pixels(value)[:-1]) and len(_pixels(value)[-1]) <= batch_size
            ),
            lambda images, labels, batch_size, seed: _batch(images, labels, 2 * batch_size, _order(images, seed)),
        ),
        "Some images come twice and others never: shuffle the indices once, then cut them into batches.": Rule(
            lambda value, images, **_: np.array_equal(np.sort(_found(value, images)), np.arange(len(images))),
            _drawn_anew,
        ),
        "Images and labels are shuffled apart, so that a cat is called a truck: one order has to serve both.": Rule(
            _labels_match, _shuffled_apart
        ),
        "Nothing is shuffled: the batches come in the order of the data.": Rule(
            lambda value, images, **_: not np.array_equal(_found(value, images), np.arange(len(images))),
            lambda images, labels, batch_size, seed: _batch(images, labels, batch_size, np.arange(len(images))),
        ),
        "Each epoch has the same order, whatever the seed.": Rule(
            lambda value, images, **_: not np.array_equal(_found(value, images), _found(value, images, 1)),
            lambda images, labels, batch_size, seed: _batch(images, labels, batch_size, _order(images, 0)),
        ),
    },
    hints={
        "shape": "Return a list of pairs (images of the batch, labels of the batch), or yield them.",
        "type": "Return a list of pairs (images of the batch, labels of the batch), or yield them.",
        "raised": "Try it on 12 images with a batch size of 5: that makes batches of 5, 5 and 2.",
    },
)
