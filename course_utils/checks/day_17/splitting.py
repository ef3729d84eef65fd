"""The course's own validation split: no patient and no picture on both sides, both classes near their share."""

import numpy as np

from course_utils import reference
from course_utils.checks.question import Case, Rule, question
from course_utils.data.splitting import connected


def _film_cases(rng: np.random.Generator) -> list[Case]:
    def case(n_patients, fraction, twins):
        """Patients of 1 to 5 films, three of four ill; twins: how often two films of the ill are one picture."""
        films = rng.choice([1, 1, 2, 3, 5], n_patients)
        patients = np.repeat(rng.permutation(10 * n_patients)[:n_patients], films)  # no order in the tags
        labels = np.repeat(np.arange(n_patients) % 4 > 0, films).astype(int)
        # Some patients were ill in one year and well in another.
        labels[np.repeat(np.arange(n_patients) % 8 == 5, films) & (np.arange(len(labels)) % 2 == 0)] = 0
        contents = rng.permutation(10 * len(labels))[: len(labels)]
        for one, other in rng.permutation(np.flatnonzero(labels))[: 2 * twins].reshape(-1, 2):
            contents[one] = contents[other]
        group = connected(len(labels), patients, contents)
        order = rng.permutation(len(labels))
        return Case(
            labels=labels[order],
            patients=patients[order],
            contents=contents[order],
            fraction=fraction,
            seed=int(rng.integers(1000)),
        ).knowing(largest=[int(np.bincount(group[labels == c]).max()) for c in (0, 1)])

    return [case(60, 0.25, 0), case(120, 0.2, 12), case(400, 0.1, 40)]


def _four_splits(split, labels, patients, contents, fraction, seed):
    """The same split twice and two others: more than one call is needed to see what the seed does."""
    seeds = (seed, seed, seed + 1, seed + 2)
    return [split(labels.copy(), patients.copy(), contents.copy(), fraction, s) for s in seeds]


def _chosen(value, which=0):
    return np.asarray(value[which])


def _is_mask(value, labels, **_) -> bool:
    return all(_chosen(value, i).dtype.kind == "b" and _chosen(value, i).shape == labels.shape for i in range(4))


def _is_apart(value, marks) -> bool:
    """Whether no mark stands on both sides."""
    return not np.isin(marks[_chosen(value)], marks[~_chosen(value)]).any()


def _off(value, labels, fraction):
    """How many films of each class are too many or too few."""
    return [abs(_chosen(value)[labels == c].sum() - fraction * (labels == c).sum()) for c in (0, 1)]


def _is_stratified(value, labels, fraction, largest, **_) -> bool:
    return all(off <= most for off, most in zip(_off(value, labels, fraction), largest, strict=True))


def _same(value, one, other) -> bool:
    return np.array_equal(_chosen(value, one), _chosen(value, other))


_split = reference.patient_split


def _leaking(labels, patients, contents, fraction, seed):
    """By patient only, with a seed for which a picture stands on both sides, if there is one."""
    for more in range(100):
        mask = _split(labels, patients, np.arange(len(labels)), fraction, seed + 1000 * more)
        if not _is_apart([mask], contents):
            break
    return mask


def _from_one_class(labels, patients, contents, fraction, seed):
    """Whole groups of the ill alone, until so many films are there."""
    group = connected(len(labels), patients, contents)
    sizes, well = np.bincount(group), np.bincount(group, labels == 0)
    ill = np.random.default_rng(seed).permutation(np.flatnonzero(well == 0))
    return np.isin(group, ill[np.cumsum(sizes[ill]) <= fraction * len(labels)])


patient_split = question(
    "patient_split",
    points=4,
    reference=reference.patient_split,
    cases=_film_cases,
    observe=_four_splits,
    shortcuts=("validation_rows", "connected"),
    rules={
        "Return an array that says True or False for each film: True where it goes to validation. Row numbers are "
        "something else.": Rule(_is_mask, lambda *args: np.flatnonzero(_split(*args))),
        "More than half of the films go to validation. True stands for validation, False for training.": Rule(
            lambda value, **_: _chosen(value).mean() < 0.5, lambda *args: ~_split(*args)
        ),
        "A patient has films on both sides: the model would be asked about people it knows. Move patients, not films; "
        "a patient may have films of both classes.": Rule(
            lambda value, patients, **_: _is_apart(value, patients),
            lambda labels, patients, contents, fraction, seed: _split(
                labels, np.arange(len(labels)), np.arange(len(labels)), fraction, seed
            ),
        ),
        "The same picture stands on both sides, under the tags of two patients. Films of equal content tie their "
        "patients together, and a chain of such films ties more than two.": Rule(
            lambda value, contents, **_: _is_apart(value, contents), _leaking
        ),
        "The validation part is far from the size asked for: `fraction` is a share of the films.": Rule(
            lambda value, labels, fraction, largest, **_: (
                abs(_chosen(value).sum() - fraction * len(labels)) <= sum(largest)
            ),
            lambda labels, patients, contents, fraction, seed: _split(labels, patients, contents, fraction / 20, seed),
        ),
        "A class does not give its share. Each gives `fraction` of its films, one group more or less: look at both "
        "classes, and count films, not patients.": Rule(_is_stratified, _from_one_class),
        "The same seed gives two different splits: make the generator from the seed, inside the function.": Rule(
            lambda value, **_: _same(value, 0, 1),
            lambda labels, patients, contents, fraction, seed: _split(labels, patients, contents, fraction, None),
        ),
        "Every seed gives the same split: the seed is not used.": Rule(
            lambda value, **_: not (_same(value, 0, 2) and _same(value, 0, 3)),
            lambda labels, patients, contents, fraction, seed: _split(labels, patients, contents, fraction, 0),
        ),
    },
    hints={
        "shape": "Return one array for each call: True or False for each film.",
        "type": "Return an array of True and False, one for each film.",
        "raised": "Labels, patients and contents are arrays of one length; try np.unique(patients).",
    },
)
