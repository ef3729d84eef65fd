"""The prediction browser: its JavaScript against the reference, NumPy and torch; its Python side; its pictures."""

import base64
import io
import json

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
import traitlets
from PIL import Image
from widget_kit import node

from course_utils.reference import accuracy, confusion_matrix
from course_utils.widgets import PredictionBrowser
from course_utils.widgets.prediction_browser import ORDERS

NAME = "prediction_browser"
FREE = {"true_class": None, "predicted_class": None, "verdict": "all", "order": "as given"}


def random_data(seed, n=80, classes=5):
    """Labels and probabilities (N, C) with ties and exact zeros and ones among them."""
    rng = np.random.default_rng(seed)
    probabilities = rng.dirichlet(np.full(classes, 0.4), n)
    probabilities[: n // 4] = np.eye(classes)[rng.integers(classes, size=n // 4)]
    probabilities[n // 4 : n // 3] = 1 / classes
    names = [f"class {c}" for c in range(classes)]
    return {"class_names": names, "labels": rng.integers(classes, size=n), "probabilities": probabilities}


def random_states(seed, data, count=80):
    rng = np.random.default_rng(seed)
    for _ in range(count):
        yield {
            "true_class": rng.choice([None, *data["class_names"]]),
            "predicted_class": rng.choice([None, None, *data["class_names"]]),
            "verdict": rng.choice(["all", "right", "wrong"]),
            "order": rng.choice(ORDERS),
        }


def expected_indices(state, data):
    """The images that a state shows, in order, by NumPy."""
    y, p = np.array(data["labels"]), np.array(data["probabilities"])
    names, taken, ordered = np.array(data["class_names"]), p.argmax(axis=1), np.sort(p, axis=1)
    with np.errstate(divide="ignore"):
        losses = -np.log(p[np.arange(len(y)), y])
    keys = {
        "as given": np.zeros(len(y)),
        "most confident": -p.max(axis=1),
        "least confident": p.max(axis=1),
        "largest loss": -losses,
        "smallest loss": losses,
        "smallest margin": ordered[:, -1] - ordered[:, -2],
    }
    passes = np.ones(len(y), bool)
    if state["true_class"] is not None:
        passes &= names[y] == state["true_class"]
    if state["predicted_class"] is not None:
        passes &= names[taken] == state["predicted_class"]
    if state["verdict"] != "all":
        passes &= (taken == y) == (state["verdict"] == "right")
    order = np.argsort(keys[state["order"]], kind="stable")
    return order[passes[order]]


def test_filters_and_orders_are_numpys():
    data = random_data(1)
    states = list(random_states(1, data))
    found = node(NAME, "filtered", [(state, data) for state in states])
    assert found == [expected_indices(state, data).tolist() for state in states]
    assert not all(found) and any(found), "sets with and without images must be among the cases"


def test_accuracy_and_confusion_matrix_of_any_set_are_the_references():
    data = random_data(2)
    y, taken = data["labels"], data["probabilities"].argmax(axis=1)
    sets = [expected_indices(state, data) for state in random_states(2, data)]
    calls = [(indices, data) for indices in sets if len(indices)]
    summaries, matrices = node(NAME, "summary", calls), node(NAME, "confusion", calls)
    for (indices, _), found, matrix in zip(calls, summaries, matrices, strict=True):
        assert found["count"] == len(indices)
        assert found["accuracy"] == pytest.approx(accuracy(y[indices], taken[indices]))
        assert found["confidence"] == pytest.approx(data["probabilities"][indices].max(axis=1).mean())
        assert matrix == confusion_matrix(y[indices], taken[indices], 5).tolist()


def test_losses_are_the_cross_entropy_of_torch():
    data = random_data(3)
    p, y = torch.tensor(data["probabilities"]), torch.tensor(data["labels"])
    expected = torch.nn.functional.nll_loss(p.log(), y, reduction="none").numpy()
    calls = list(zip(data["probabilities"], data["labels"], strict=True))
    np.testing.assert_allclose(node(NAME, "loss", calls), expected, rtol=1e-12, atol=1e-15)
    assert np.isinf(expected).any(), "a class held impossible must be among the cases"
    some = np.flatnonzero(np.isfinite(expected))
    (found,) = node(NAME, "summary", [(some, data)])
    assert found["loss"] == pytest.approx(expected[some].mean())


def test_no_images_have_no_accuracy():
    nothing = {"count": 0, "accuracy": None, "confidence": None, "loss": None}
    assert node(NAME, "summary", [([], random_data(4))]) == [nothing]
    assert np.sum(node(NAME, "confusion", [([], random_data(4))])) == 0


def test_the_first_of_equally_probable_classes_is_the_answer():
    assert node(NAME, "guess", [[0.2, 0.4, 0.4], [0.25] * 4]) == [1, 0]
    assert node(NAME, "margin", [[0.2, 0.4, 0.4], [0.1, 0.2, 0.7]]) == pytest.approx([0, 0.5])


def test_a_probability_does_not_look_like_0_or_1_unless_it_is():
    texts = node(NAME, "probability", [0, 1e-9, 0.00012, 0.5, 0.99995, 1])
    expected = ["0 %", "< 0.01 %", "0.01 %", "50 %", "> 99.99 %", "100 %"]
    assert [text.replace("\u00a0", " ") for text in texts] == expected


# States from a link or from Python


def clean(states, data):
    return node(NAME, "(state, data) => clean(state, (name) => data[name])", [(state, data) for state in states])


def test_any_state_becomes_a_valid_one():
    data = random_data(5)
    odd = [-1e9, 1e30, float("nan"), float("inf"), None, "x", [], [[9]], {"a": 1}, True]
    names = (*FREE, "selected", "threshold")
    for state in clean([dict.fromkeys(names, value) for value in odd] + [{}], data):
        assert {name: state[name] for name in FREE} == FREE
        assert type(state["selected"]) is int and 0 <= state["selected"] < 80
        assert 0 <= state["threshold"] <= 1


def test_the_chosen_image_is_one_of_those_shown():
    data = random_data(6)
    states = [state | {"selected": 7, "threshold": 0.3} for state in random_states(6, data)]
    for state, found in zip(states, clean(states, data), strict=True):
        shown = expected_indices(state, data)
        assert found["selected"] == (7 if 7 in shown or not len(shown) else shown[0])
        assert {name: found[name] for name in FREE} == {name: state[name] for name in FREE}


# Python


def small(n=30, classes=4, side=8, **changed):
    data = random_data(7, n, classes)
    images = np.random.default_rng(7).integers(0, 256, (n, side, side, 3), np.uint8)
    return {"images": images} | data | changed


def sheet(browser):
    kind, _, text = browser.sprite.partition(";base64,")
    picture = np.asarray(Image.open(io.BytesIO(base64.b64decode(text))))
    return kind.removeprefix("data:image/"), picture


@pytest.mark.parametrize("n", [1, 7, 20, 45])
def test_every_image_is_in_its_place_on_the_sheet(n):
    data = small(n)
    browser = PredictionBrowser(**data)
    kind, picture = sheet(browser)
    columns, rows = browser.sheet["columns"], browser.sheet["rows"]
    assert kind == "png" and picture.shape == (8 * rows, 8 * columns, 3)
    for i, image in enumerate(data["images"]):
        top, left = 8 * (i // columns), 8 * (i % columns)
        assert np.array_equal(picture[top : top + 8, left : left + 8], image)


@pytest.mark.parametrize("shape", [(30, 8, 8), (30, 8, 8, 1)])
def test_grey_images_are_fine(shape):
    images = np.arange(30 * 64, dtype=np.uint8).reshape(shape)
    _, picture = sheet(PredictionBrowser(**small(images=images)))
    assert np.array_equal(picture[:8, 8:16], images[1].reshape(8, 8))


def test_two_hundred_photographs_fit_onto_a_page_nearly_as_they_are():
    from skimage.data import astronaut

    corners = [(20 * r, 24 * c) for r in range(10) for c in range(20)]
    photographs = np.stack([astronaut()[top : top + 32, left : left + 32] for top, left in corners])
    browser = PredictionBrowser(**small(200, 10, images=photographs))
    assert len(json.dumps(browser.get_state(), default=str)) < 500_000  # with the toolkit itself
    kind, picture = sheet(browser)
    error = np.abs(picture[:32, :32].astype(int) - photographs[0])
    assert kind in ("png", "jpeg") and error.mean() < 2


def test_probabilities_keep_seven_digits():
    data = small()
    np.testing.assert_allclose(PredictionBrowser(**data).probabilities, data["probabilities"], rtol=1e-6)


def test_words_and_picture_agree_with_the_reference():
    data = small()
    wanted = FREE | {"true_class": "class 2"}
    indices, y, taken = expected_indices(wanted, data), data["labels"], data["probabilities"].argmax(axis=1)
    browser = PredictionBrowser(**data, true_class="class 2", selected=int(indices[0]), caption="made up")
    words = browser.describe()
    assert f"{len(indices)} of 30 images are shown, {accuracy(y[indices], taken[indices]):.1%} of them right" in words
    assert f"the model says class {taken[indices[0]]} with {data['probabilities'][indices[0]].max():.1%}" in words
    assert words.endswith("(made up).")
    figure = browser.to_figure()
    drawn = figure.axes[2].images[0].get_array()
    assert np.array_equal(drawn, confusion_matrix(y[indices], taken[indices], 4))
    plt.close(figure)


def test_a_filter_that_nothing_passes_is_described():
    data = small(3, 2, labels=[0, 0, 0], probabilities=[[0.9, 0.1]] * 3)
    browser = PredictionBrowser(**data, true_class="class 1")
    assert browser.describe().endswith("0 of 3 images are shown.")
    plt.close(browser.to_figure())


def test_without_data_it_shows_drawings_and_says_so():
    browser = PredictionBrowser()
    assert "sample data, drawn by code" in browser.caption and "sample data, drawn by code" in browser.describe()
    right = accuracy(browser.labels, np.argmax(browser.probabilities, axis=1))
    assert 0.5 < right < 1, "something to look at: a model that learnt, and errs"
    assert PredictionBrowser().sprite == browser.sprite


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"labels": None}, "come together, or not at all"),
        ({"images": np.zeros((30, 8, 8, 3))}, "images are uint8"),
        ({"images": np.zeros((30, 8, 8, 4), np.uint8)}, "images are uint8"),
        ({"images": np.zeros((0, 8, 8, 3), np.uint8)}, "images are uint8"),
        ({"labels": np.zeros(29, int)}, "labels are 30 integers from 0 to 3"),
        ({"labels": np.full(30, 4)}, "labels are 30 integers from 0 to 3"),
        ({"labels": np.zeros(30)}, "labels are 30 integers"),
        ({"probabilities": np.full((30, 5), 0.2)}, "need probabilities (30, 4), not (30, 5)"),
        ({"probabilities": np.ones((30, 4))}, "apply softmax to logits first"),
        ({"probabilities": np.full((30, 4), np.nan)}, "apply softmax to logits first"),
        ({"probabilities": np.tile([2.0, -1, 0, 0], (30, 1))}, "apply softmax to logits first"),
        ({"class_names": ["a", "b", "c", "a"]}, "each with a name of its own"),
        ({"true_class": "zebra"}, "true_class is one of class 0, class 1, class 2, class 3, not zebra"),
        ({"selected": 30}, "there are 30 images, numbered from 0"),
        ({"selected": -1}, "should not be less than 0"),
        ({"verdict": "maybe"}, "verdict"),
        ({"order": "random"}, "order"),
        ({"threshold": 2}, "should not be greater than 1"),
        ({"threshold": np.nan}, "from 0 to 1"),
    ],
    ids=lambda value: value if isinstance(value, str) else next(iter(value)),
)
def test_bad_values_are_refused_in_a_sentence(changed, said):
    with pytest.raises(traitlets.TraitError) as caught:
        PredictionBrowser(**small(**changed))
    assert said in str(caught.value) and "\n" not in str(caught.value)


def test_too_many_pictures_for_a_page_are_refused_with_a_number_that_fits():
    noise = np.random.default_rng(8).integers(0, 256, (30, 224, 224, 3), np.uint8)
    with pytest.raises(traitlets.TraitError, match=r"30 images of 224 × 224 take .* kB.*show about \d+ of them"):
        PredictionBrowser(**small(images=noise))
