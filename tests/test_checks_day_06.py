"""Day 6: the fragments of code that the exercise asks about do what the key says of them."""

import keras
import numpy as np
import pytest
import torch
import torch.nn.functional as F

from course_utils import reference
from course_utils.checks import day_06


@pytest.mark.parametrize("letter", day_06.FRAGMENTS)
def test_a_fragment_applies_softmax_as_often_as_the_key_says(letter):
    rng = np.random.default_rng(0)
    logits, labels = rng.normal(0, 2, (6, 4)).astype("float32"), rng.integers(0, 4, 6)
    one_hot = np.eye(4)[labels]
    if "keras" in (code := day_06.FRAGMENTS[letter]):
        names = {"keras": keras, "z": logits, "labels": labels}
    else:
        names = {"F": F, "torch": torch, "z": torch.tensor(logits), "labels": torch.tensor(labels)}
        names["one_hot"] = torch.tensor(one_hot, dtype=torch.float32)
    value = float(eval(code, names))
    if "binary" in code:
        once = reference.binary_cross_entropy(logits, one_hot)
        twice = reference.binary_cross_entropy(reference.sigmoid(logits), one_hot)
    else:
        once = reference.cross_entropy(logits, labels)
        twice = reference.cross_entropy(reference.softmax(logits), labels)
    found = (
        "right" if np.isclose(value, once, rtol=1e-4) else "twice" if np.isclose(value, twice, rtol=1e-4) else "missing"
    )
    assert found == day_06.softmaxes.reference[letter]
