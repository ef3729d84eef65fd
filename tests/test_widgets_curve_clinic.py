"""The curve clinic: its differential diagnosis against the same in Python, its answers against what was planted."""

import itertools
import json

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
import traitlets
from widget_kit import node

from course_utils import clinic
from course_utils.checks import day_13
from course_utils.clinic.charts import chart
from course_utils.widgets import CurveClinic
from course_utils.widgets.curve_clinic import DIAGNOSES, TESTS, WARD, order

NAME = "curve_clinic"
PATIENTS, RANGES = WARD["patients"], WARD["ranges"]
CURVES = ["final loss", "final val_loss", "final accuracy", "final val_accuracy", "least loss"]
LAYERS = clinic.LAYERS
READS = {
    "inputs": ["broken images", "mean", "spread"], "counts": ["largest class"], "neighbours": ["agreement"],
    "twins": ["twins"], "orders": ["orders"], "twice": ["asked twice"], "sums": ["sums"], "first": ["first loss"],
    "dead": [f"dead {layer}" for layer in LAYERS[:3]], "gradients": [f"gradient {layer}" for layer in LAYERS],
    "updates": [f"update {layer}" for layer in LAYERS], "nan": ["born in"],
}  # fmt: skip
ROOM = {
    "final loss": 0.25, "final val_loss": 0.25, "final accuracy": 0.05, "final val_accuracy": 0.05, "least loss": 0.15,
    "mean": 0.3, "spread": 0.2, "largest class": 0.05, "agreement": 0.04, "first loss": 0.25, "dead": 0.2,
}  # fmt: skip


def outside(name, value, span):
    """The rule of the explorer, written again: some room is added to what was measured, or doubles it."""
    if isinstance(value, str):
        kinds = [row if row in ("input", "nowhere") else "a layer" for row in (value, *span)]
        return kinds[0] not in kinds[1:]
    if value is None or span[0] is None:
        return not span[2] if value is None else True
    room, times = ROOM.get(name, ROOM.get(name.split()[0], 0)), 1
    if name.split()[0] in ("gradient", "update", "asked", "sums"):
        times = 2
    return not span[0] / times - room <= value <= span[1] * times + room


def left(patient, tests):
    names = [*CURVES, *itertools.chain(*(READS[test] for test in tests))]
    return [
        illness for illness in RANGES
        if not any(outside(name, patient["readings"][name], RANGES[illness][name]) for name in names)
    ]  # fmt: skip


def test_the_lists_are_the_same_on_both_sides():
    tests = "Object.entries(TESTS).map(([test, [name, reads]]) => [test, name.toLowerCase(), reads])"
    ((tests, names, readings),) = node(NAME, f"() => [{tests}, NAMES, Object.keys(READINGS)]", [()])
    assert {test: name for test, name, _ in tests} == {test: name.lower() for test, name in TESTS.items()}
    assert {test: reads for test, _, reads in tests} == READS
    assert names == list(DIAGNOSES) == list(day_13.DIAGNOSES)
    assert sorted(readings) == sorted(PATIENTS[0]["readings"])


def test_what_the_tests_leave_open_follows_from_the_measured_ranges():
    rng = np.random.default_rng(1)
    draws = [rng.permutation(list(TESTS))[: rng.integers(0, 6)].tolist() for _ in range(4 * len(PATIENTS))]
    cases = list(zip(PATIENTS * 4, draws, strict=True))
    found = node(NAME, "open", [(some, p, RANGES) for p, some in cases])
    for (patient, tests), names in zip(cases, found, strict=True):
        assert names == left(patient, tests)
        assert patient["illness"] in names, "no measured number speaks against the truth"


def test_the_fewest_tests_are_enough_and_no_fewer_are():
    found = node(NAME, "fewest", [(p, RANGES) for p in PATIENTS])
    for patient, tests in zip(PATIENTS, found, strict=True):
        assert left(patient, tests) == [patient["illness"]]
        fewer = itertools.combinations(TESTS, len(tests) - 1) if tests else ()
        assert all(len(left(patient, some)) > 1 for some in fewer)
    needed = dict(zip((p["illness"] for p in PATIENTS), map(len, found), strict=True))
    assert needed["healthy"] == max(needed.values()) > 1, "health takes the most tests"


def test_every_answer_names_a_number_that_lies_outside_what_healthy_runs_show():
    proofs = node(NAME, "proof", [(p, RANGES) for p in PATIENTS])
    for patient, text in zip(PATIENTS, proofs, strict=True):
        if patient["illness"] == "healthy":
            assert text.startswith("Nothing that the tests measure lies outside")
        else:
            assert text.startswith("The proof: the ") and "(healthy runs: " in text
    by_name = dict(zip((p["illness"] for p in PATIENTS), proofs, strict=True))
    assert "dead share of dense1 is 100 % (healthy runs: 0 % to" in by_name["dead units"]
    assert "number of different orders in six epochs is 1 (healthy runs: 6)" in by_name["not reshuffled"]


def test_a_wrong_diagnosis_is_met_by_a_measured_number_or_by_the_test_that_is_missing():
    leak = next(p for p in PATIENTS if p["illness"] == "leak")
    cases = [("dead units", []), ("healthy", []), ("healthy", ["counts", "twins"]), ("wrong mode", ["twice"])]
    said = node(NAME, "objection", [(*case, leak, RANGES) for case in cases])
    assert said[0].startswith("Not “dead units”. The curves speak against it: the ")
    assert said[1].endswith("Nothing that you have measured speaks against it; “Twins across the split” would have.")
    assert said[2].startswith("Not “healthy”. “Twins across the split” speaks against it: the share of validation")
    assert "“Asked twice” speaks against it" in said[3] and "is 0 (runs with wrong mode: 26" in said[3]


def test_a_run_that_was_not_measured_before_is_never_excluded_from_its_own_illness():
    strange = json.loads(json.dumps(PATIENTS[2]))
    strange["readings"] |= {"update conv1": 40.0, "final loss": 90.0, "least loss": None}
    all_tests = "open(Object.keys(TESTS), p, {})".format
    both = f"(p, ward) => [{all_tests('ward.ranges')}, {all_tests('spans(ward, [p])')}]"
    (merged,) = node(NAME, both, [(strange, WARD)])
    assert merged == [[], [strange["illness"]]]


def test_the_ranges_hold_for_other_runs_too():
    torch.set_num_threads(1)
    names = ("healthy", "weights too small")
    fresh = [{"illness": name, **chart(clinic.run(name, 0.6, seed=77))} for name in names]
    found = node(NAME, "(p, ranges) => open(Object.keys(TESTS), p, ranges)", [(p, RANGES) for p in fresh])
    assert found == [[name] for name in names]


def test_the_patients_come_in_the_same_order_in_python_and_in_the_browser():
    cases = [(seed, count) for seed in (0, 1, 77, 9999) for count in (1, 2, 14, 28)]
    for (seed, count), places in zip(cases, node(NAME, "order", cases), strict=True):
        assert places == order(seed, count) and sorted(places) == list(range(count))
    firsts = {order(seed, 28)[0] for seed in range(60)}
    assert len(firsts) > 20, "nobody learns the order by heart"


@pytest.mark.parametrize(
    ("number", "text"),
    [(0, "0"), (2.31, "2.31"), (12.34, "12.3"), (0.00123, "0.00123"), (11210, "11,210"), (-0.5, "−0.5"),
     (2.4e-7, "2.4·10⁻⁷"), (385000, "3.9·10⁵"), (None, "not a number"), ("input", "input")],
)  # fmt: skip
def test_numbers_are_written_exactly_enough(number, text):
    assert node(NAME, "exact", [number]) == [text]


def test_any_state_from_a_link_is_made_valid():
    wild = [
        {"seed": 1e99, "patient": -3, "ordered": ["dead", "dead", "x", 3], "diagnosis": "flu", "named": None,
         "shown": 1, "hints": "yes", "finished": [{"case": 0, "tests": 99}, {"case": 0}, None, {"case": 1e9}]},
        {"ordered": {"dead": 1}, "finished": "x", "patient": 5e5},
    ]  # fmt: skip
    for state in node(NAME, "(s) => clean(s, () => Array(28).fill(0))", wild):
        made = CurveClinic(**state)
        assert made.ordered == state["ordered"] and 1 <= made.patient <= 28
        assert [entry["case"] for entry in state["finished"]] in ([0], [])


def test_the_ward_of_the_course_is_there_without_training():
    explorer = CurveClinic()
    assert len(explorer.patients) == 2 * len(DIAGNOSES)
    assert len(json.dumps(explorer.patients)) < 80_000, "every page that shows it carries it"


def test_runs_of_ones_own_become_patients():
    torch.set_num_threads(1)
    explorer = CurveClinic.of([("leak", clinic.run("leak", 0.5, seed=3))], ordered=["twins"])
    (patient,) = explorer.patients
    assert patient["illness"] == "leak" and patient["readings"]["twins"] > 0.1
    assert explorer.case == 0 and "twins across the split" in explorer.describe()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"patients": []}, "at least one patient"),
        ({"patients": [{"illness": "leak"}]}, "patient 1 has no history and no steps and no readings"),
        ({"patients": [{**PATIENTS[0], "illness": "flu"}]}, "patient 1 is none of Day 13's clinic"),
        ({"patients": [{**PATIENTS[0], "readings": {}}]}, "patient 1 is none of Day 13's clinic"),
        ({"patients": PATIENTS * 3}, "84 patients are too many for a page: take"),
        ({"ordered": ["blood"]}, "ordered"),
        ({"diagnosis": "flu"}, "diagnosis"),
        ({"patient": 0}, "patient"),
    ],
)
def test_bad_values_are_refused_in_a_sentence(arguments, says):
    with pytest.raises(traitlets.TraitError, match=says):
        CurveClinic(**arguments)


def test_it_describes_a_patient_and_keeps_the_answer_until_it_is_asked_for():
    explorer = CurveClinic(patient=3, ordered=["updates"])
    illness = explorer.patients[explorer.case]["illness"]
    assert explorer.describe().startswith("Patient 3 of 28: after the last epoch the loss is ")
    assert explorer.describe().endswith("Tests ordered: updates against weights.")
    explorer.named = [illness]
    assert explorer.describe().endswith(f" The answer: {illness}.")


def test_it_draws_every_patient():
    explorer = CurveClinic()
    for patient in (1, 20):
        explorer.patient = patient
        figure = explorer.to_figure()
        figure.canvas.draw()
        assert [ax.get_xlabel() for ax in figure.axes] == ["epoch", "epoch", "step"]
        drawn = figure.axes[1].lines[0].get_ydata()
        assert np.allclose(drawn, 100 * np.array(explorer.patients[explorer.case]["history"]["accuracy"]))
        plt.close(figure)
