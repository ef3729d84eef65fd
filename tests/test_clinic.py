"""The clinic: each illness does what it says, and the lesson's own diagnosis tells each from the others."""

import ast
from pathlib import Path

import numpy as np
import pytest
import torch

from course_utils import clinic
from course_utils.checks import day_13
from course_utils.errors import CourseError

LESSON = Path(__file__).parents[1] / "lessons" / "day_13_diagnosing_training.py"
NAMES = [clinic.HEALTHY, *clinic.ILLNESSES]
SEEDS = (11, 12)
pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def lesson():
    """The functions that the lesson defines in its open cells, and what it imports for them."""
    tree = ast.parse(LESSON.read_text(encoding="utf-8"))
    wanted = {"norm", "ratio", "dead", "neighbours_agree", "examine", "diagnose"}
    imported = ("numpy", "sklearn")
    kept = [
        node
        for node in tree.body
        if (isinstance(node, ast.FunctionDef) and node.name in wanted)
        or (isinstance(node, ast.Import) and node.names[0].name in imported)
        or (isinstance(node, ast.ImportFrom) and (node.module or "").startswith(imported))
    ]
    space = {}
    exec(compile(ast.Module(kept, []), str(LESSON), "exec"), space)
    return space


@pytest.fixture(scope="module")
def wards():
    """Every name with each seed: one mild, one severe, and one drawn strength among the seeds."""
    torch.set_num_threads(1)
    strengths = dict(zip((*SEEDS, 13), (0.0, 1.0, 0.4), strict=True))
    return [(name, clinic.run(name, s, seed)) for seed, s in strengths.items() for name in NAMES]


def test_the_lessons_diagnosis_tells_each_illness_from_the_others(lesson, wards):
    table = np.zeros((len(NAMES), len(NAMES)), int)
    for name, run in wards:
        table[NAMES.index(name), NAMES.index(lesson["diagnose"](lesson["examine"](run)))] += 1
    assert np.trace(table) >= 0.9 * table.sum(), table
    assert (np.diag(table) > 0).all(), table  # and no illness is always missed


def test_there_are_twelve_illnesses_one_of_them_in_two_forms():
    assert len({name.removesuffix(" high").removesuffix(" low") for name in clinic.ILLNESSES}) == 12
    assert tuple(NAMES) == day_13.DIAGNOSES[:1] + tuple(clinic.ILLNESSES)
    assert set(day_13.DIAGNOSES) == set(NAMES)


def test_the_unseen_runs_are_what_the_question_takes_them_for():
    for letter, number in day_13.UNSEEN.items():
        assert clinic._drawn(number)[0] == day_13.diagnoses.reference[letter]


def test_the_unseen_runs_can_be_told_by_the_lessons_tests(lesson):
    for letter, number in day_13.UNSEEN.items():
        found = lesson["diagnose"](lesson["examine"](clinic.unseen(number)))
        assert found == day_13.diagnoses.reference[letter]


def test_a_run_is_the_same_again_and_leaves_the_generator_alone():
    torch.manual_seed(5)
    wanted = torch.rand(3)
    torch.manual_seed(5)
    one, other = clinic.run("imbalance", 0.3, 4), clinic.run("imbalance", 0.3, 4)
    assert torch.equal(torch.rand(3), wanted)
    assert one.step_losses == other.step_losses != clinic.run("imbalance", 0.3, 5).step_losses


def test_what_a_run_records_has_the_shapes_that_are_promised(wards):
    run = dict(wards[: len(NAMES)])[clinic.HEALTHY]
    steps = -(-len(run.labels) // run.batch_size)
    assert len(run.step_losses) == clinic.EPOCHS * steps
    assert run.order.shape == (clinic.EPOCHS, len(run.labels))
    assert run.answers.shape == (2, len(run.validation_labels), 10)
    assert all(len(values) == clinic.EPOCHS for values in run.history.values())
    assert len(run.moments) == 3 and run.first_bad is None
    moment = run.moments[0]
    assert {k: a.shape[1:] for k, a in moment.activations.items()} == {
        "conv1": (8, 64), "conv2": (16, 64), "dense1": (32, 1),
    }  # fmt: skip
    assert [name for name, _ in moment.walk] == ["input", *clinic.LAYERS]
    assert run.history["val_accuracy"][-1] > 0.9


def test_the_first_update_is_the_rate_times_the_gradient():
    moment = clinic.run(seed=3).moments[0]
    for layer in clinic.LAYERS:
        step = moment.before[layer] - moment.after[layer]
        assert np.allclose(step, clinic.RATE * moment.gradients[layer], atol=1e-7)


def test_clipping_limits_the_norm_of_all_gradients():
    moment = clinic.run("unscaled inputs", 1.0, seed=0, clip=0.5).moments[0]
    assert np.sqrt(sum(np.sum(g**2) for g in moment.gradients.values())) <= 0.5 + 1e-4


def test_an_illness_changes_what_it_says(wards):
    mild = dict(wards[: len(NAMES)])
    assert np.isnan(mild["NaN pixels"].images).any() and mild["NaN pixels"].first_bad is not None
    assert mild["frozen layers"].moments[0].gradients["conv1"] is None
    assert np.abs(mild["unscaled inputs"].images).max() == pytest.approx(16)
    changed = mild["wrong labels"].labels != mild["healthy"].labels
    assert 0.2 < changed.mean() < 0.3
    assert min(mild["double softmax"].step_losses) >= -np.log(np.e / (np.e + 9)) - 1e-6


@pytest.mark.parametrize(("illness", "strength"), [("flu", 0.5), ("leak", 1.1), ("leak", -0.1), ("leak", np.nan)])
def test_an_unknown_illness_or_strength_is_refused(illness, strength):
    with pytest.raises(CourseError, match=r"healthy|between 0"):
        clinic.run(illness, strength)
