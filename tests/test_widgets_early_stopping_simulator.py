"""The early stopping simulator: its JavaScript against Keras, the reference and scikit-learn, its Python side."""

import keras
import matplotlib.pyplot as plt
import numpy as np
import pytest
import traitlets
from anywidget import AnyWidget
from scipy.stats import kstest, norm
from sklearn.metrics import roc_auc_score
from widget_kit import Thrown, node

from course_utils import reference
from course_utils.widgets import EarlyStoppingSimulator
from course_utils.widgets.early_stopping_simulator import PRESETS, _normals

NAME = "early_stopping_simulator"
RULES = ("patience", "min_delta", "mode", "restore_best_weights", "start_from_epoch")


def random_cases(seed, count=60):
    """Curves of 2 to 16 values and both rules with every number at work; every other curve is full of ties."""
    rng = np.random.default_rng(seed)
    for i in range(count):
        values = rng.normal(size=rng.integers(2, 17)).cumsum() * 0.1 + 0.6
        if i % 2:
            values = values.round(1)  # so that a value may lie on the limit itself: 0.5 + 0.1 against 0.6
        yield {
            "curve": values.tolist(),
            "patience": int(rng.integers(0, 5)),
            "min_delta": float(rng.choice([0, 0.1, 0.2, 0.03])),
            "mode": str(rng.choice(["min", "max"])),
            "restore_best_weights": bool(rng.integers(2)),
            "start_from_epoch": int(rng.choice([0, 0, 1, 4])),
            "factor": float(rng.choice([0.1, 0.3, 0.5])),
            "plateau_patience": int(rng.integers(1, 4)),
            "cooldown": int(rng.integers(0, 4)),
        }


class Model:
    """As much of a Keras model as a callback asks for: the only weight is the number of the epoch."""

    def __init__(self):
        self.stop_training, self.optimizer = False, keras.optimizers.SGD(1.0)

    def get_weights(self):
        return self.epoch

    def set_weights(self, epoch):
        self.epoch = epoch


def driven(callback, values, model):
    """The callback as `fit` calls it: what it waits, and the learning rate, after each epoch."""
    callback.set_model(model)
    callback.on_train_begin()
    waits, rates = [], []
    for epoch, value in enumerate(values):
        model.epoch = epoch + 1
        callback.on_epoch_end(epoch, {"watched": value})
        waits.append(callback.wait)
        rates.append(float(model.optimizer.learning_rate))
        if model.stop_training:
            break
    callback.on_train_end()
    return waits, rates


def test_both_rules_are_those_of_keras():
    cases = list(random_cases(1))
    found = node(NAME, "(s) => [early(s.curve, s), plateauRows(s.curve, s)]", cases)
    for case, (run, plateau) in zip(cases, found, strict=True):
        model = Model()
        stopping = keras.callbacks.EarlyStopping("watched", **{name: case[name] for name in RULES})
        waits, _ = driven(stopping, case["curve"], model)
        assert [row["wait"] for row in run["rows"]] == waits
        assert (run["kept"], run["early"]) == (model.epoch, model.stop_training)

        model = Model()
        reducing = keras.callbacks.ReduceLROnPlateau(
            "watched", case["factor"], case["plateau_patience"], mode=case["mode"], cooldown=case["cooldown"]
        )
        waits, rates = driven(reducing, case["curve"], model)
        assert [row["wait"] for row in plateau] == waits
        assert [row["rate"] for row in plateau] == pytest.approx(rates, rel=1e-6)
        assert plateau[-1]["cooldown"] == reducing.cooldown_counter
        widget = EarlyStoppingSimulator(**case, plateau=True)
        assert widget._run() == (len(run["rows"]), run["kept"]), "Python and the page agree"
        assert widget._cuts(len(case["curve"])) == [e for e, row in enumerate(plateau, start=1) if row["cut"]]
    tried = {(case["mode"], run["early"]) for case, (run, _) in zip(cases, found, strict=True)}
    assert len(tried) == 4, "both modes, with a stop and without one"


def test_what_the_exercise_asks_for_is_the_same_rule():
    cases = [case | {"mode": "min", "start_from_epoch": 0, "restore_best_weights": True} for case in random_cases(2)]
    cases = [case for case in cases[::2] if case["patience"]]  # without ties, since only Keras rounds
    for case, run in zip(cases, node(NAME, "(s) => early(s.curve, s)", cases), strict=True):
        stopper = reference.EarlyStopping(case["patience"], case["min_delta"])
        stops = [stopper.update(value, [np.array(epoch)]) for epoch, value in enumerate(case["curve"], start=1)]
        last = stops.index(True) + 1 if True in stops else len(stops)
        assert len(run["rows"]) == last
        assert (last < len(stops)) <= run["early"]


def test_the_limit_in_the_table_is_what_is_compared():
    cases = list(random_cases(3))
    for case, run in zip(cases, node(NAME, "(s) => early(s.curve, s)", cases), strict=True):
        sign = 1 if case["mode"] == "min" else -1
        for row in run["rows"]:
            if row["limit"] is not None and abs(row["value"] - row["limit"]) > 1e-6:
                assert row["better"] == (sign * row["value"] < sign * row["limit"])


def test_the_noise_is_normal_and_the_same_in_python():
    draws = node(NAME, "(draw) => Array.from(normals(draw, 60))", range(1, 201))
    for draw, numbers in enumerate(draws, start=1):
        np.testing.assert_allclose(numbers, _normals(draw, 60), rtol=1e-12, atol=1e-12)
    everything = np.array(draws)
    assert kstest(everything.ravel(), norm.cdf).pvalue > 0.001
    between = np.corrcoef(everything) - np.eye(200)
    assert np.abs(between).max() < 0.6, "no draw is a copy of another"


def test_distance_gives_the_area():
    areas = [0.001, 0.3, 0.5, 0.6, 0.75, 0.9, 0.972, 0.999]
    assert node(NAME, "distance", areas) == pytest.approx(np.sqrt(2) * norm.ppf(areas), rel=1e-12, abs=1e-15)


@pytest.mark.parametrize("images", [16, 32])
def test_an_auc_is_measured_on_a_few_images(images):
    curve = [0.972] * 20
    state = {"curve": curve, "noise": 0, "images": images}
    found = np.array(node(NAME, "observed", [(state, draw) for draw in range(1, 201)]))
    assert set((found * (images / 2) ** 2).ravel() % 1) == {0}, "a share of the pairs"
    assert found.mean() == pytest.approx(0.972, abs=0.003)
    if images == 16:
        assert 0.38 < (found == 1).mean() < 0.48  # perfect by luck, as the lesson counts
        scores = np.sort(_normals(7, 20 * 16).reshape(20, 2, 8)) + np.array([[0], [np.sqrt(2) * norm.ppf(0.972)]])
        wanted = [roc_auc_score(np.repeat([0, 1], 8), epoch.ravel()) for epoch in scores]
        np.testing.assert_allclose(found[6], wanted, rtol=1e-12)


@pytest.mark.parametrize("preset", PRESETS)
def test_page_and_python_measure_the_same(preset):
    widget = EarlyStoppingSimulator(**PRESETS[preset] | {"draw": 11})
    (values,) = node(NAME, "observed", [(PRESETS[preset], 11)])
    np.testing.assert_allclose(values, widget._measured(), rtol=1e-12)


@pytest.mark.parametrize("preset", ["a noisy valley", "the AUC of a few images"])
def test_many_draws_are_summed_up_as_numpy_does(preset):
    state = PRESETS[preset] | {"patience": 4, "min_delta": 0.01, "restore_best_weights": True, "start_from_epoch": 2}
    (found,) = node(NAME, "experiment", [state])
    assert [row["patience"] for row in found] == [1, 2, 3, 4, 5, 7, 10, 15]
    row, curve, sign = found[3], np.array(state["curve"]), -1 if state["mode"] == "max" else 1
    runs = []
    for draw in range(1, 201):
        widget = EarlyStoppingSimulator(**state | {"draw": draw})
        stopped, kept = widget._run()
        runs.append((sign * (curve[kept - 1] - sign * (sign * curve).min()), stopped,
                     sign * (curve[kept - 1] - widget._measured()[kept - 1])))  # fmt: skip
    for name, numbers in zip(("excess", "epochs"), np.transpose(runs)[:2], strict=True):
        low, median, high = np.quantile(numbers, [0.1, 0.5, 0.9])
        wanted = {"mean": numbers.mean(), "low": low, "median": median, "high": high}
        assert row[name] == pytest.approx(wanted, rel=1e-9, abs=1e-12)
    assert row["flattery"] == pytest.approx(np.mean(runs, axis=0)[2], rel=1e-9)
    assert row["flattery"] > 0, "who is chosen for a number has a flattering number"


COMPUTED = {"values", "stopped", "kept", "cuts", "presets"}
TRAITS = EarlyStoppingSimulator.class_traits(sync=True)
STATE = {name for name in TRAITS if not hasattr(AnyWidget, name)} - COMPUTED
START = {name: TRAITS[name].default() for name in STATE}


def sentences(**cases):
    found = node(NAME, "(s) => sentence(clean(s))", [START | case for case in cases.values()])
    return dict(zip(cases, found, strict=True))


def test_it_says_the_step_and_what_follows():
    clean = {"noise": 0, "curve": [0.9, 0.7, 0.8, 0.75, 0.5], "patience": 2, "epoch": 5}
    said = sentences(
        first=clean | {"epoch": 1},
        better=clean | {"epoch": 2},
        waits=clean | {"epoch": 3},
        stops=clean | {"epoch": 4},
        over=clean,
        last=clean | {"restore_best_weights": False},
        through=clean | {"patience": 3},
        none=clean | {"patience": 0},
        delta=clean | {"epoch": 3, "min_delta": 0.1},
        mode=clean | {"epoch": 2, "mode": "max"},
        auc=clean | {"epoch": 2, "mode": "max", "monitor": "val_auc"},
        skipped=clean | {"epoch": 1, "start_from_epoch": 2},
    )
    assert said["first"].startswith("Epoch 1 of 5: 0.9000 is the first that is looked at, so it is the best")
    assert said["better"].startswith("Epoch 2 of 5: 0.7000 is below 0.9000 (the best so far, epoch 1): a new best")
    assert said["waits"].startswith(
        "Epoch 3 of 5: 0.8000 is not below 0.7000 (the best so far, epoch 2): wait is 1 of 2."
    )
    assert "Predict" in said["waits"] and "stops after" not in said["waits"]
    assert said["stops"] == said["over"] == (
        "It stops after epoch 4 of 5: wait has reached 2. You take home the weights of epoch 2, loss 0.7000. "
        "Without the stop it would have been epoch 5, 0.5000: 0.2000 better."
    )  # fmt: skip
    assert "weights of epoch 4, loss 0.7500, not those of its best, epoch 2 with 0.7000." in said["last"]
    assert said["through"].startswith("It runs through all 5 epochs, and wait ends at 0 of 3.")
    assert "a patience of 0 acts as 1" in said["none"]
    assert "is not below 0.6000 (0.7000 − min_delta, from the best so far, epoch 2)" in said["delta"]
    assert "“max” takes a higher loss for better" in said["mode"]
    assert "Mind the mode" not in said["auc"]
    assert "is not looked at, since start_from_epoch is 2" in said["skipped"]


def test_it_says_whom_a_cut_of_the_rate_serves():
    flat = {"noise": 0, "curve": [1, 0.5, 0.6, 0.6, 0.6, 0.6], "epoch": 6, "plateau": True, "patience": 3}
    names = enumerate(("one", "two", "three"), start=1)
    said = sentences(**{name: flat | {"plateau_patience": patience} for patience, name in names})
    assert "No epoch is run at a lower rate. A cut comes after the last epoch" in said["three"]
    assert "The rate is cut after epoch 4, to 0.1 of what it was." in said["two"]
    assert "cut after epochs 3 and 4, to 0.01 of what it was. Another cut comes" in said["one"]


def test_the_controls_are_lines_of_keras():
    (line,) = node(NAME, "keras", [START | {"plateau": True}])
    both = eval(f"[{line.replace(')', '),', 1)}]", vars(keras.callbacks).copy())  # our own explorer wrote it
    stopping, reducing = both
    assert [getattr(stopping, name) for name in RULES] == [START[name] for name in RULES]
    assert (reducing.factor, reducing.patience, reducing.cooldown) == (0.1, 2, 0)


def test_scales_hold_their_numbers_and_have_round_ticks():
    cases = [([0, 1],), ([0.4, 1.06],), ([5, 5],), ([-3, 200],), ([1e-6, 3e-6],), ([0, 30], 0), ([0, 0], 0)]
    for (numbers, *_), axis in zip(cases, node(NAME, "scale", cases), strict=True):
        assert axis["least"] <= min(numbers) and axis["most"] >= max(numbers) and axis["least"] < axis["most"]
        steps = np.diff(axis["ticks"])
        assert 2 <= len(axis["ticks"]) <= 8 and steps == pytest.approx(steps[0])
        assert f"{steps[0]:.0e}"[0] in "125"


def test_any_state_from_a_link_is_made_valid():
    wild = [START | dict.fromkeys(set(START) - {"curve"}, value) for value in (None, "x", -1e9, 1e9, [], {"no": 1})]
    for state in node(NAME, "clean", wild):
        widget = EarlyStoppingSimulator(**state)
        assert {name: getattr(widget, name) for name in state} == state
    curves = (None, [], [1], "three", [1, None], [[1, 2]], [0.1] * 101, [0, 1e7])
    assert {type(one) for one in node(NAME, "clean", [START | {"curve": curve} for curve in curves])} == {Thrown}


# The Python side


def test_a_curve_of_ones_own_is_taken_as_it_is():
    widget = EarlyStoppingSimulator(curve=np.array([0.9, 0.7, 0.8, 0.75, 0.5], dtype="float32"), patience=2)
    assert (widget.noise, widget.epoch) == (0, 1)
    assert widget.describe() == (
        "Early stopping on a validation loss of 5 epochs, patience 2, min_delta 0, mode min: the run ends after "
        "epoch 4 with the weights of epoch 2, validation loss 0.7000."
    )
    assert EarlyStoppingSimulator(curve=[0.5, 0.7], monitor="val_accuracy").mode == "max"


@pytest.mark.parametrize(
    ("traits", "says"),
    [
        ({"curve": [1.0]}, "a curve has 2 to 100 numbers"),
        ({"curve": [0.1] * 101}, "1 axes of 1 to 100 numbers"),
        ({"curve": [1.0, np.nan]}, "every number must be finite"),
        ({"curve": [1.0, 1e9]}, "between -1e6 and 1e6"),
        ({"curve": "falling"}, "curve"),
        ({"patience": -1}, "patience"),
        ({"min_delta": np.nan}, "min_delta is a finite number"),
        ({"noise": 2}, "noise"),
        ({"mode": "auto"}, "mode"),
        ({"monitor": "val_f1"}, "monitor"),
        ({"images": 17}, "images"),
        ({"factor": 1.0}, "factor"),
        ({"draw": 0}, "draw"),
    ],
)
def test_bad_values_are_refused_in_a_sentence(traits, says):
    with pytest.raises(traitlets.TraitError, match=says):
        EarlyStoppingSimulator(**traits)


@pytest.mark.parametrize("traits", [{}, PRESETS["the AUC of a few images"], {"curve": [3, 2, 1]}, {"plateau": True}])
def test_it_draws_itself(traits):
    widget = EarlyStoppingSimulator(**traits)
    figure = widget.to_figure()
    (ax,) = figure.axes
    drawn = {one.get_label(): one.get_xydata() for one in ax.lines}
    stopped, kept = widget._run()
    parts = [drawn["measured"], drawn["not run"][1:]] if "not run" in drawn else [drawn["measured"]]
    np.testing.assert_allclose(np.concatenate(parts)[:, 1], widget._measured())
    assert len(parts[0]) == stopped
    assert drawn[f"kept: {kept}"].tolist() == [[kept, widget._measured()[kept - 1]]]
    assert f"last epoch: {stopped}" in drawn
    assert ("without noise" in drawn) == (traits != {"curve": [3, 2, 1]})
    assert ("rate cut" in drawn) == bool(traits.get("plateau"))
    plt.close(figure)
