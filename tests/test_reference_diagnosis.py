"""The instruments of Day 13, against PyTorch, scikit-learn and examples by hand."""

import numpy as np
import pytest
import torch
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.model_selection import PredefinedSplit, cross_val_predict
from sklearn.neighbors import NearestCentroid

from course_utils.reference import (
    class_mean_probabilities,
    dead_shares,
    first_bad,
    gradient_norms,
    out_of_fold,
    suspects,
    update_ratios,
)


def test_gradient_norms_by_hand_and_in_torch():
    assert gradient_norms({"a": [[3, 0], [0, 4]], "b": None}) == {"a": 5.0, "b": 0.0}
    net = torch.nn.Sequential(torch.nn.Conv2d(1, 3, 3), torch.nn.Flatten(), torch.nn.Linear(12, 2))
    net(torch.ones(5, 1, 4, 4)).square().sum().backward()
    gradients = {name: p.grad for name, p in net.named_parameters()}
    total = np.linalg.norm(list(gradient_norms({k: g.numpy() for k, g in gradients.items()}).values()))
    assert total == pytest.approx(float(torch.nn.utils.get_total_norm(gradients.values())), rel=1e-5)


def test_dead_shares_by_hand():
    a = np.zeros((3, 4, 2))
    a[1, 2, 0] = 0.1
    a[:, 3] = 1
    assert dead_shares({"conv": a, "dense": np.ones((3, 5, 1))}) == {"conv": 0.5, "dense": 0.0}


def test_dead_shares_refuse_arrays_of_other_axes():
    with pytest.raises(ValueError, match="dense1"):
        dead_shares({"dense1": np.zeros((3, 4))})


def test_an_update_of_plain_descent_is_the_rate_times_the_gradient():
    layer = torch.nn.Linear(4, 3)
    before = layer.weight.detach().numpy().copy()
    optimizer = torch.optim.SGD(layer.parameters(), lr=0.1)
    layer(torch.randn(6, 4)).square().mean().backward()
    optimizer.step()
    wanted = 0.1 * float(layer.weight.grad.norm()) / np.linalg.norm(before)
    ratios = update_ratios({"dense": before}, {"dense": layer.weight.detach().numpy()})
    assert ratios["dense"] == pytest.approx(wanted, rel=1e-4)


@pytest.mark.parametrize(
    ("before", "after"),
    [({"a": [1]}, {"b": [1]}), ({"a": [1]}, {"a": [1, 2]}), ({"a": [0, 0]}, {"a": [1, 1]})],
)
def test_update_ratios_refuse_what_has_no_ratio(before, after):
    with pytest.raises(ValueError):
        update_ratios(before, after)


def test_the_first_bad_row():
    assert first_bad([[1.0], [np.inf], [np.nan]]) == 1
    assert first_bad([[1.0, -np.inf], [0.0]]) == 0
    assert first_bad([[1.0], [2.0]]) == -1


class ClassMeans(ClassifierMixin, BaseEstimator):
    """The given model in scikit-learn's clothes."""

    def fit(self, x, y):
        self.x, self.y, self.classes_ = x, y, np.arange(3)
        return self

    def predict(self, x):
        return self.predict_proba(x).argmax(axis=1)

    def predict_proba(self, x):
        return class_mean_probabilities(self.x, self.y, x, 3)


def data(seed=0, n=60):
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % 3
    return rng.normal(size=(3, 4))[labels] + rng.normal(0, 0.7, (n, 4)), labels, rng.integers(0, 5, n)


def test_class_means_agree_with_nearest_centroids():
    x, y, _ = data()
    probabilities = class_mean_probabilities(x[:40], y[:40], x[40:], 3)
    assert probabilities.sum(axis=1) == pytest.approx(1)
    assert np.array_equal(probabilities.argmax(axis=1), NearestCentroid().fit(x[:40], y[:40]).predict(x[40:]))


def test_class_means_of_a_missing_class_and_of_no_images():
    assert class_mean_probabilities([[0.0], [1.0]], [0, 2], [[0.5]], 3).tolist() == [[0.5, 0, 0.5]]
    with pytest.raises(ValueError, match="no images"):
        class_mean_probabilities(np.zeros((0, 1)), [], [[0.5]], 3)


def test_out_of_fold_is_what_scikit_learn_predicts():
    x, y, folds = data()
    wanted = cross_val_predict(ClassMeans(), x, y, cv=PredefinedSplit(folds), method="predict_proba")
    assert np.allclose(out_of_fold(x, y, folds, 3), wanted)


def test_suspects_by_hand():
    p = np.array([[0.9, 0.1], [0.4, 0.6], [0.2, 0.8], [0.1, 0.9]])
    assert suspects(p, [0, 0, 0, 1], 1).tolist() == [2]
    assert suspects(p, [0, 0, 0, 1], 9).tolist() == [2, 1]
    assert suspects(p, [0, 1, 1, 1], 3).tolist() == []
