"""The charts of the clinic: what they read of a run, and that the explorer's ward is what the clinic still gives."""

import json

import numpy as np
import pytest

from course_utils import clinic
from course_utils.checks import day_13
from course_utils.clinic import charts
from course_utils.reference import dead_shares, gradient_norms, update_ratios

NAMES = [clinic.HEALTHY, *clinic.ILLNESSES]
STORED = json.loads(charts.WARD.read_text(encoding="utf-8"))
pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.mark.parametrize("name", ["weights too small", "imbalance"])
def test_a_stored_patient_is_what_the_clinic_gives_today(name):
    """If not, and the clinic was meant to change: `python -m course_utils.clinic.charts` measures the ward afresh."""
    recipe = charts.recipe(name, charts.shown(name)[1])
    stored = next(p for p in STORED["patients"] if p["seed"] == recipe["seed"])
    assert {key: stored[key] for key in recipe} == recipe
    now = charts.chart(clinic.run(**recipe))
    assert len(now["steps"]) == len(stored["steps"])
    for values in ("loss", "val_loss", "accuracy", "val_accuracy"):  # other machines round otherwise, step after step
        assert now["history"][values] == pytest.approx(stored["history"][values], abs=0.12)
    trained = ("final", "least", "asked", "sums")
    for reading, value in stored["readings"].items():
        if not reading.startswith(trained):
            wanted = value if isinstance(value, str) else pytest.approx(value, rel=0.02)
            assert now["readings"][reading] == wanted, reading


def test_the_ward_has_two_patients_of_each_name_and_ranges_that_hold_them():
    assert list(STORED["ranges"]) == NAMES and STORED["runs"] == charts.RUNS
    assert [p["illness"] for p in STORED["patients"]] == [name for name in NAMES for _ in range(2)]
    for patient in STORED["patients"]:
        for reading, value in patient["readings"].items():
            span = STORED["ranges"][patient["illness"]][reading]
            if isinstance(value, str):
                assert value in span
            else:
                assert span[2] if value is None else span[0] <= value <= span[1]


def test_no_patient_is_an_unseen_run_of_the_exercise():
    assert not {p["seed"] for p in STORED["patients"]} & set(day_13.UNSEEN.values())


def test_the_readings_are_those_of_the_reference():
    run = clinic.run("frozen layers", 0.1, seed=5)
    first, readings = run.moments[0], charts.chart(run)["readings"]
    for name, reference in {
        "gradient": gradient_norms(first.gradients),
        "update": update_ratios(first.before, first.after),
        "dead": dead_shares(first.activations),
    }.items():
        assert {layer: readings[f"{name} {layer}"] for layer in reference} == pytest.approx(reference, rel=1e-3)
    assert readings["gradient conv1"] == readings["update conv1"] == 0 < readings["update conv2"]
    assert readings["first loss"] == pytest.approx(run.step_losses[0], rel=1e-3)
    assert readings["orders"] == clinic.EPOCHS and readings["born in"] == "nowhere" and readings["asked twice"] == 0


def test_where_there_is_no_number_the_chart_says_so():
    run = clinic.run("NaN pixels", 1.0, seed=1)
    chart = charts.chart(run)
    assert chart["readings"]["born in"] == "input" and chart["readings"]["broken images"] == 50
    assert [value is None for value in chart["steps"]] == [not np.isfinite(loss) for loss in run.step_losses]
    assert chart["history"]["loss"][-1] is None
    json.dumps(chart, allow_nan=False)


def test_ranges_are_from_the_least_to_the_largest_and_say_where_a_number_was_missing():
    rows = [{"readings": {"a": a, "born in": b}} for a, b in ((2, "nowhere"), (None, "input"), (1, "nowhere"))]
    assert charts.ranges(rows) == {"a": [1, 2, True], "born in": ["input", "nowhere"]}
