"""The fault finder: its ledger against the course's ledger of Keras models, its flags against what Keras does."""

import math

import keras
import matplotlib.pyplot as plt
import numpy as np
import pytest
import traitlets
from widget_kit import Thrown, node

from course_utils.ledger import ledger
from course_utils.widgets import FaultFinder
from course_utils.widgets.fault_finder import ARGUMENTS, GOOD, HEALTHY, PROJECT

NAME = "fault_finder"
SOFTMAX = {"kind": "Dense", "units": 10, "activation": "softmax"}
CONV, POOL, FLATTEN = {"kind": "Conv2D"}, {"kind": "MaxPooling2D"}, {"kind": "Flatten"}


def random_stacks(seed, count):
    """Stacks of 1 to 7 layers of all kinds in any order; many cannot be built."""
    rng = np.random.default_rng(seed)
    values = {
        "filters": (1, 5, 16), "units": (1, 10, 33), "kernel_size": (1, 2, 3, 5, 9), "pool_size": (1, 2, 3, 5),
        "rate": (0.0, 0.25, 0.9), "padding": ("same", "valid"), "activation": ("linear", "relu", "sigmoid", "softmax"),
    }  # fmt: skip
    kinds, odds = zip(*{kind: 4 if kind in ("Conv2D", "MaxPooling2D", "Dense") else 1 for kind in ARGUMENTS}.items(),
                      strict=True)  # fmt: skip
    for _ in range(count):
        drawn = rng.choice(kinds, int(rng.integers(1, 8)), p=np.array(odds) / sum(odds))
        yield [
            {"kind": str(kind), **{name: rng.choice(values[name]).item() for name in ARGUMENTS[str(kind)]}}
            for kind in drawn
        ]


def state(stack=None, **changes):
    """A sound state with this stack and these changes."""
    stack = HEALTHY["stack"] if stack is None else FaultFinder(stack=stack).stack
    return GOOD | {"stack": stack, "marks": [], "score": [], "seed": 0} | changes


def faults(**changes):
    """(row, fault) of all flags."""
    (found,) = node(NAME, "flags", [state(**changes)])
    return {(flag["row"], flag["fault"]) for flag in found}


def built(stack):
    """The stack as a Keras model, with as many layers as Keras takes."""
    for count in range(len(stack), 0, -1):
        try:
            return count, FaultFinder(stack=stack[:count]).to_keras()
        except ValueError:
            continue
    return 0, None


def test_shapes_parameters_and_multiply_adds_are_the_ledgers():
    stacks = list(random_stacks(1, 60))
    whole = 0
    for stack, rows in zip(stacks, node(NAME, "ledger", [state(stack) for stack in stacks]), strict=True):
        count, model = built(stack)
        mine = [(tuple(row["shape"]), row["parameters"], row["macs"]) for row in rows if "shape" in row]
        theirs = ledger(model).rows if model else []
        assert mine == [(row.output_shape, row.parameters, row.macs) for row in theirs], stack
        assert [("cannot" in row, "after" in row) for row in rows] == [
            (i == count, i > count) for i in range(len(stack))
        ], stack
        whole += count == len(stack)
        sizes = FaultFinder(stack=stack)._sizes()
        assert sizes[1:] == mine, "Python draws and describes the same numbers"
    assert 15 < whole < 55, "both stacks that can be built and stacks that cannot are tried"


def test_the_project_has_the_syllabus_faults():
    found = faults(**PROJECT)
    assert found == {
        ("layer 1", "dense on an image"),
        ("layer 1", "sigmoid in a hidden layer"),
        ("layer 2", "sigmoid in a hidden layer"),
        ("layer 4", "dense on an image"),
        ("layer 4", "sigmoid in a hidden layer"),
        ("layer 5", "dense on an image"),
        ("layer 5", "ReLU at the output"),
        ("layer 6", "flatten comes last"),
        ("layer 6", "wrong number of outputs"),
        ("inputs", "unscaled inputs"),
        ("loss", "outputs are not probabilities"),
        ("validation", "test set as validation"),
        ("early stopping", "no early stopping"),
    }
    (flags,) = node(NAME, "flags", [state() | PROJECT])
    assert "2,250 outputs for 10 classes" in next(f["why"] for f in flags if f["fault"] == "wrong number of outputs")


def test_keras_trains_the_project_without_a_word():
    model = FaultFinder().to_keras()
    assert model.output_shape == (None, 2250)
    model.compile("adam", "sparse_categorical_crossentropy")
    rng = np.random.default_rng(1)
    history = model.fit(rng.random((8, 32, 32, 3)), rng.integers(0, 10, 8), verbose=0)
    assert np.isfinite(history.history["loss"]).all()


HEADS = [
    [{"kind": "Flatten"}, SOFTMAX],
    [{"kind": "GlobalAveragePooling2D"}, SOFTMAX],
    [{"kind": "Conv2D", "filters": 10, "activation": "softmax"}, {"kind": "GlobalAveragePooling2D"}],
]


@pytest.mark.parametrize("head", HEADS)
def test_sound_models_have_no_flag(head):
    assert faults() == set()
    body = [
        {"kind": "Conv2D", "activation": "linear"}, {"kind": "BatchNormalization"}, {"kind": "ReLU"}, POOL, CONV, POOL,
    ]  # fmt: skip
    assert faults(stack=[*body, *head]) == set()
    logits = [layer | {"activation": "linear"} if layer.get("activation") == "softmax" else layer for layer in head]
    assert faults(stack=[*body, *logits], from_logits=True) == set()


CASES = {
    "linear layers in a row": (
        {"stack": [{"kind": "Conv2D", "activation": "linear"}, CONV, FLATTEN, SOFTMAX]}, ("layer 1", "no non-linearity")
    ),
    "softmax inside": (
        {"stack": [{"kind": "Conv2D", "activation": "softmax"}, FLATTEN, SOFTMAX]},
        ("layer 1", "softmax in a hidden layer"),
    ),
    "an MLP": ({"stack": [FLATTEN, SOFTMAX]}, ("layer 1", "pixels flattened first")),
    "ReLU as a layer": ({"stack": [CONV, FLATTEN, SOFTMAX, {"kind": "ReLU"}]}, ("layer 4", "ReLU at the output")),
    "sigmoid scores": (
        {"stack": [CONV, FLATTEN, SOFTMAX | {"activation": "sigmoid"}]}, ("layer 3", "sigmoid at the output")
    ),
    "a map at the end": ({"stack": [CONV, SOFTMAX]}, ("layer 2", "wrong number of outputs")),
    "one output": ({"stack": [CONV, FLATTEN, SOFTMAX | {"units": 1}]}, ("layer 3", "wrong number of outputs")),
    "a large kernel": (
        {"stack": [POOL, POOL, POOL, {"kind": "Conv2D", "kernel_size": 5, "padding": "valid"}, FLATTEN, SOFTMAX]},
        ("layer 4", "impossible"),
    ),
    "convolution on a vector": ({"stack": [FLATTEN, CONV, FLATTEN, SOFTMAX]}, ("layer 2", "impossible")),
    "dropout last": ({"stack": [CONV, FLATTEN, SOFTMAX, {"kind": "Dropout"}]}, ("layer 4", "dropout on the outputs")),
    "heavy dropout": (
        {"stack": [CONV, FLATTEN, {"kind": "Dropout", "rate": 0.9}, SOFTMAX]}, ("layer 3", "too much dropout")
    ),
    "double softmax": ({"from_logits": True}, ("loss", "softmax twice")),
    "logits as probabilities": (
        {"stack": [CONV, FLATTEN, SOFTMAX | {"activation": "linear"}]}, ("loss", "outputs are not probabilities")
    ),
    "one-hot, sparse": ({"labels": "one-hot"}, ("loss", "labels do not fit the loss")),
    "integers, not sparse": ({"loss": "categorical_crossentropy"}, ("loss", "labels do not fit the loss")),
    "squared error": ({"loss": "mean_squared_error"}, ("loss", "squared error for classes")),
    "a high rate": ({"learning_rate": 0.1}, ("learning rate", "learning rate too high")),
    "a low rate": ({"learning_rate": 1e-6}, ("learning rate", "learning rate too low")),
    "no validation": ({"validation": "none"}, ("validation", "no validation")),
    "last weights": ({"early_stopping": "last"}, ("early stopping", "last weights kept")),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_each_fault_is_flagged_at_its_row(case):
    changes, wanted = CASES[case]
    assert wanted in faults(**changes)


def test_every_flag_says_why_and_what_to_do():
    changes = [state(**changes) for changes, _ in CASES.values()] + [state() | PROJECT]
    for found in node(NAME, "flags", changes):
        for flag in found:
            assert flag["why"].endswith((".", "!")) and flag["fix"].endswith(".")
            assert "undefined" not in flag["why"] + flag["fix"] and "NaN d" not in flag["why"]


def test_labels_that_do_not_fit_the_loss_do_stop_keras():
    model = FaultFinder(stack=[POOL, FLATTEN, SOFTMAX]).to_keras()
    images, integers = np.zeros((4, 32, 32, 3)), np.array([0, 1, 2, 3])
    for loss, labels in (
        ("sparse_categorical_crossentropy", np.eye(10)[integers]),
        ("categorical_crossentropy", integers),
    ):
        model.compile("sgd", loss)
        with pytest.raises(ValueError, match=r"(?i)shape|rank"):
            model.evaluate(images, labels, verbose=0)


def test_planted_faults_are_found():
    planted = []
    for drawn in node(NAME, "(seed) => ({ ...broken(seed), flags: flags(broken(seed).state) })", range(400)):
        assert 2 <= len(drawn["planted"]) <= 6
        assert set(drawn["planted"]) <= {flag["fault"] for flag in drawn["flags"]}, drawn
        FaultFinder(stack=drawn["state"]["stack"])
        planted += drawn["planted"]
    assert len(set(planted)) == 19, "every kind of fault is planted now and then"


def test_what_a_fault_is_planted_in_is_sound():
    for found in node(NAME, "(seed) => flags(sound(seed).state)", range(200)):
        assert found == []


def test_what_is_said_of_softmax_twice():
    (found,) = node(NAME, "flags", [state(from_logits=True)])
    (flag,) = found
    sure = np.eye(10)[:1]  # as right and as sure as softmax can be
    twice = np.exp(sure) / np.exp(sure).sum()
    assert f"cannot fall below {-math.log(twice[0, 0]):.2f}" in flag["why"]
    model = FaultFinder(stack=[POOL, FLATTEN, SOFTMAX]).to_keras()
    images, labels = np.random.default_rng(1).random((8, 32, 32, 3)), np.arange(8)
    probabilities = model.predict(images, verbose=0)
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    once = -np.log(probabilities[np.arange(8), labels]).mean()
    if keras.backend.backend() == "tensorflow":
        with pytest.warns(UserWarning, match="received `from_logits=True`"):
            assert model.evaluate(images, labels, verbose=0) == pytest.approx(once, rel=1e-4)
    else:
        assert model.evaluate(images, labels, verbose=0) != pytest.approx(once, rel=1e-2)


def test_a_seed_is_a_model():
    first, again, other = node(NAME, "broken", [5, 5, 6])
    assert first == again != other


def test_the_loss_at_initialisation_is_what_keras_gives():
    rng = np.random.default_rng(3)
    keras.utils.set_random_seed(3)
    images, labels = rng.random((256, 32, 32, 3)), rng.integers(0, 10, 256)
    for stack, outputs in ((HEALTHY["stack"], 10), ([CONV, POOL, SOFTMAX | {"units": 2}, FLATTEN], None)):
        (expected,) = node(NAME, "initialLoss", [state(stack)])
        model = FaultFinder(stack=stack).to_keras()
        if outputs is None:
            assert expected == pytest.approx(math.log(model.output_shape[-1]))
            continue
        model.compile("adam", "sparse_categorical_crossentropy")
        assert expected == math.log(outputs)
        assert model.evaluate(images, labels, verbose=0) == pytest.approx(expected, abs=0.15)
    assert node(NAME, "initialLoss", [state() | PROJECT]) == [None]


@pytest.mark.parametrize(
    ("marks", "score"),
    [([], [0, 9, 0]), (["layer 1", "layer 3", "loss"], [2, 7, 1]), (["learning rate", "layer 3"], [0, 9, 2])],
)
def test_marks_are_judged_by_rows(marks, score):
    assert node(NAME, "judge", [state() | PROJECT | {"marks": marks}]) == [score]


def test_any_state_from_a_link_is_made_valid():
    wild = state() | {
        "stack": [{"kind": "Dense", "units": -5, "activation": "magic"}, {"kind": "Dropout", "rate": 3}, CONV],
        "loss": 3,
        "from_logits": "yes",
        "learning_rate": "fast",
        "validation": None,
        "seed": -2.5,
        "marks": ["layer 9", "loss", 1],
        "score": [1, "two", 3],
    }
    (sound,) = node(NAME, "clean", [wild])
    FaultFinder(**sound)
    assert sound["stack"][:2] == [
        {"kind": "Dense", "units": 1, "activation": "relu"},
        {"kind": "Dropout", "rate": 0.99},
    ]
    assert (sound["marks"], sound["score"], sound["learning_rate"], sound["seed"]) == (["loss"], [], 0.001, 0)
    for nothing in (None, [], [{}], [{"kind": "toString"}], ["Dense"]):
        assert isinstance(node(NAME, "clean", [state() | {"stack": nothing}])[0], Thrown)


@pytest.mark.parametrize(
    ("traits", "says"),
    [
        ({"stack": []}, "1 to 24 layers"),
        ({"stack": ["Dense"]}, "layer 1 has as its 'kind' one of Conv2D"),
        ({"stack": [{"kind": "Conv3D"}]}, "not 'Conv3D'"),
        ({"stack": [{"kind": "Flatten", "units": 3}]}, "layer 1, Flatten, takes no arguments, not units"),
        ({"stack": [CONV, {"kind": "Conv2D", "filters": 2.5}]}, "filters of layer 2 is a whole number"),
        ({"stack": [{"kind": "Dropout", "rate": 1}]}, "rate of layer 1 is at least 0 and below 1"),
        ({"stack": [{"kind": "Dense", "activation": "magic"}]}, "activation of layer 1 is one of linear"),
        ({"learning_rate": -1}, "learning_rate"),
        ({"validation": "train"}, "validation"),
    ],
)
def test_bad_values_are_refused_in_a_sentence(traits, says):
    with pytest.raises(traitlets.TraitError, match=says):
        FaultFinder(**traits)


def test_it_describes_the_model_and_what_was_found():
    assert FaultFinder().describe().endswith("which puts out 2,250 numbers for 10 classes.")
    assert FaultFinder(score=[3, 6, 1]).describe().endswith("3 of 9 faulty rows were found, 1 marked that are sound.")
    assert "layer 2, MaxPooling2D, cannot take" in FaultFinder(stack=[FLATTEN, POOL]).describe()


@pytest.mark.parametrize("stack", [PROJECT["stack"], [CONV, FLATTEN, POOL]])
def test_it_draws_itself(stack):
    finder = FaultFinder(stack=stack)
    figure = finder.to_figure()
    sizes = finder._sizes()[1:]
    drawn = [[bar.get_width() for bar in ax.patches] for ax in figure.axes]
    assert drawn == [[row[1] for row in sizes], [row[2] for row in sizes]]
    plt.close(figure)
