"""`course doctor`: one line a finding, and for whatever is missing, how to mend it."""

import sys

import pytest

from course_utils import doctor
from course_utils.doctor import BROKEN, OK, WARNING
from course_utils.grading import sandbox


@pytest.fixture
def frameworks(monkeypatch):
    """Stand-ins for the frameworks, which take seconds to import: (device, version, error) of each."""
    found = dict.fromkeys(doctor.FRAMEWORKS, ("CPU", "1.0", ""))
    monkeypatch.setattr(doctor, "_device", lambda name: found[name])
    return found


def test_the_report_has_a_line_for_each_subject_and_passes_here(frameworks, capsys):
    assert doctor.report() == 0
    lines = capsys.readouterr().out.splitlines()
    for subject in ("Python", "packages", "memory", "disk", "GPU", "torch", "tensorflow", "keras", "data", "sandbox"):
        assert any(subject in line and line[:1] in "✓!" for line in lines), subject


def test_every_finding_that_is_not_ok_says_how_to_mend_it(frameworks):
    for finding in doctor.findings():
        assert (finding.mend != "") == (finding.state != OK), finding


def test_a_broken_framework_is_named_and_fails(frameworks, capsys):
    frameworks["torch"] = ("", "", "ImportError: libtorch.so is missing")
    assert doctor.report() == 1
    assert "✗ broken  torch: ImportError: libtorch.so is missing  → run `make clean lab`" in capsys.readouterr().out


def test_a_gpu_that_a_framework_does_not_see_is_a_warning_with_the_way_out():
    finding = doctor.framework("keras", 1, "CPU", "3.15", "")
    assert (finding.state, finding.detail) == (WARNING, "3.15 sees no GPU")
    assert "KERAS_BACKEND=torch" in finding.mend
    assert doctor.framework("keras", 1, "GPU H200", "3.15", "").state == OK
    assert doctor.framework("keras", 0, "CPU", "3.15", "").state == OK
    assert doctor.framework("keras", 0, "", "", "it crashed").state == BROKEN


def test_a_real_framework_is_asked_in_its_own_process():
    device, version, error = doctor._device("torch")
    assert error == ""
    assert version.startswith("2.")
    assert device.startswith(("CPU", "GPU"))


def test_a_framework_that_cannot_be_imported_is_reported():
    assert doctor._device("no_such_framework")[2].startswith("course_utils.errors.CourseError")


def test_packages_that_differ_from_the_lock_are_named(tmp_path, monkeypatch):
    monkeypatch.setattr(doctor.paths, "root", lambda: tmp_path)
    assert doctor.packages().state == OK
    (tmp_path / "requirements.lock").write_text("# comment\nnumpy==1.0\nnot-installed==2.0\n")
    finding = doctor.packages()
    assert finding.state == WARNING
    assert "1 differ: numpy" in finding.detail
    assert "(lock: 1.0)" in finding.detail


def test_little_disk_is_a_warning_also_where_the_folder_does_not_exist_yet(tmp_path, monkeypatch):
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda path: type("Usage", (), {"free": 2**30})())
    finding = doctor.disk(tmp_path / "not" / "yet")
    assert finding.state == WARNING
    assert "1.0 GiB free" in finding.detail
    assert "COURSE_CACHE" in finding.mend


def test_a_data_directory_that_is_none_is_said_not_raised(monkeypatch, tmp_path):
    monkeypatch.setenv("COURSE_DATA", str(tmp_path / "missing"))
    findings = list(doctor.data())
    assert [finding.state for finding in findings] == [WARNING]
    assert "missing" in findings[0].detail


def test_data_that_is_not_here_says_how_it_comes(monkeypatch, tmp_path):
    monkeypatch.delenv("COURSE_DATA", raising=False)
    monkeypatch.setenv("COURSE_CACHE", str(tmp_path))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    states = {finding.subject: finding for finding in doctor.data()}
    assert states["data cifar10"].state == WARNING
    assert "course data import" in states["data cifar10"].mend


@pytest.mark.skipif(sys.platform != "linux", reason="bubblewrap is for Linux")
@pytest.mark.parametrize(
    ("script", "state", "detail"),
    [
        ("exit 0", OK, "isolates"),
        ("echo 'bwrap: No permissions to create new namespace' >&2; exit 1", WARNING, "No permissions"),
        ("exit 3", WARNING, "no reason given"),
    ],
)
def test_the_sandbox_is_tried_not_assumed(tmp_path, monkeypatch, script, state, detail):
    bwrap = tmp_path / "bwrap"
    bwrap.write_text(f"#!/bin/sh\n{script}\n")
    bwrap.chmod(0o755)
    monkeypatch.setattr(sandbox, "bubblewrap", lambda: str(bwrap))
    finding = doctor.sandbox()
    assert finding.state == state
    assert detail in finding.detail + finding.mend


def test_no_sandbox_is_a_warning_for_graders_only(monkeypatch):
    monkeypatch.setattr(sandbox.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(sandbox.shutil, "which", lambda name: None)
    finding = doctor.sandbox()
    assert finding.state == WARNING and "pip install -e '.[grading]'" in finding.mend
    assert "only grading" in finding.detail
