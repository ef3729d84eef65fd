"""Claims hold or stop the notebook; results are shown beside the recorded ones and handed to the runner only."""

import json

import numpy as np
import pytest

from course_utils import claims
from course_utils.claims import ClaimFailed, claim, result


def test_a_true_claim_is_shown(capsys):
    claim("the first output", np.int64(152), 152, source="T01")
    assert capsys.readouterr().out == "✓ the first output: 152 [T01]\n"


@pytest.mark.parametrize(
    ("value", "expected"),
    [(1, 2), (0.1 + 0.2, 0.3), (float("nan"), 1.0), (float("nan"), float("nan")), ("a", "b"), ("1", 1), (None, 0)],
)
def test_a_false_claim_stops_with_both_values(value, expected):
    with pytest.raises(ClaimFailed, match=r"the sum: computed .*, but the text says"):
        claim("the sum", value, expected)


def test_tolerance_is_the_largest_absolute_difference(capsys):
    a = np.zeros((30, 30))
    b = a.copy()
    b[3, 4] = 1e-3
    claim("edges agree", a, b, tolerance=1e-3)
    assert "largest difference 0.001" in capsys.readouterr().out
    with pytest.raises(ClaimFailed, match=r"largest difference 0\.001"):
        claim("edges agree", a, b, tolerance=1e-4)


def test_shapes_must_agree_even_where_numpy_would_broadcast():
    with pytest.raises(ClaimFailed, match=r"shape \(3,\) against \(1, 3\)"):
        claim("rows", np.ones(3), np.ones((1, 3)))


def test_a_predicate_may_take_the_place_of_a_value(capsys):
    claim("units seen", 30, lambda seen: seen < 32)
    assert "units seen: 30" in capsys.readouterr().out
    with pytest.raises(ClaimFailed, match="the condition"):
        claim("units seen", 32, lambda seen: seen < 32)


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [(0.789, "%", "78.9 %"), (1196586, "", "1,196,586"), (3.14159, "s", "3.14 s"), (4.0, "ms", "4 ms")],
)
def test_values_read_well(value, unit, text):
    assert claims.format_value(value, unit) == text


def test_a_summary_gives_mean_spread_and_n():
    assert claims.summary([0.70, 0.72, 0.74], "%") == "72.0 % ± 2.0 % (n = 3)"
    assert claims.summary([5.0]) == "5 (n = 1)"


def test_a_result_is_handed_to_the_runner_only_when_it_records(tmp_path, monkeypatch):
    target = tmp_path / "record.jsonl"
    monkeypatch.delenv("COURSE_RECORD", raising=False)
    result("test_accuracy", 0.78, "%")
    assert not target.exists()
    monkeypatch.setenv("COURSE_RECORD", str(target))
    result("test_accuracy", np.float32(0.5), "%")
    assert json.loads(target.read_text()) == {"name": "test_accuracy", "value": 0.5, "unit": "%"}


def test_a_result_shows_what_was_recorded_for_its_notebook(tmp_path, monkeypatch, capsys):
    (tmp_path / "lessons").mkdir()
    (tmp_path / "pyproject.toml").touch()
    (tmp_path / "results").mkdir()
    record = {
        "profile": "cpu",
        "hardware": {"cores": 2},
        "results": {"test_accuracy": {"values": [0.7, 0.8], "unit": "%"}},
    }
    (tmp_path / "results" / "day_12_cifar10.cpu.json").write_text(json.dumps(record))
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("COURSE_RECORD", raising=False)
    monkeypatch.setenv("COURSE_NOTEBOOK", "day_12_cifar10")
    result("test_accuracy", 0.6, "%")
    expected = "test accuracy: 60.0 % (this run); recorded: 75.0 % ± 7.1 % (n = 2) in profile cpu on 2 cores\n"
    assert capsys.readouterr().out == expected
    monkeypatch.setenv("COURSE_NOTEBOOK", "day_02_convolution")
    result("test_accuracy", 0.6, "%")
    assert "recorded" not in capsys.readouterr().out
