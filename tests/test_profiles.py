"""Profiles: which one is chosen and why, what it may spend, and that a seed repeats."""

import random
import subprocess
import sys

import numpy as np
import pytest

from course_utils import profiles
from course_utils.errors import CourseError


@pytest.fixture(autouse=True)
def no_override(monkeypatch):
    monkeypatch.delenv("COURSE_PROFILE", raising=False)


@pytest.fixture
def gpus(monkeypatch):
    """Let the driver show this many GPUs."""
    return lambda count: monkeypatch.setattr(profiles, "visible_gpus", lambda: count)


def test_auto_is_cpu_without_a_gpu_and_says_why(gpus):
    gpus(0)
    profile = profiles.choose("auto")
    assert profile.name == "cpu"
    assert str(profile) == "Profile cpu: no GPU is visible."


def test_auto_is_gpu_where_one_is_visible(gpus):
    gpus(2)
    assert str(profiles.choose()) == "Profile gpu: 2 GPU visible."


def test_the_environment_overrides_auto_but_not_a_name(gpus, monkeypatch):
    gpus(0)
    monkeypatch.setenv("COURSE_PROFILE", "smoke")
    assert profiles.choose("auto").name == "smoke"
    assert profiles.choose("cpu").name == "cpu"


@pytest.mark.parametrize("name", ["fast", "", "GPU", "cpu "])
def test_an_unknown_profile_is_named_with_the_choices(name):
    with pytest.raises(CourseError, match="auto, smoke, cpu, gpu"):
        profiles.choose(name)


def test_an_unknown_profile_in_the_environment_is_refused_too(monkeypatch):
    monkeypatch.setenv("COURSE_PROFILE", "turbo")
    with pytest.raises(CourseError, match="'turbo'"):
        profiles.choose("auto")


def test_gpu_without_a_gpu_is_one_sentence(gpus):
    gpus(0)
    with pytest.raises(CourseError, match="no GPU is visible"):
        profiles.choose("gpu")


def test_a_gpu_that_the_framework_does_not_see_stops_a_profile_that_was_asked_for(gpus, monkeypatch):
    gpus(1)
    monkeypatch.setattr(profiles, "framework_device", lambda name: "CPU")
    with pytest.raises(CourseError, match=r"not seen by torch.*KERAS_BACKEND=torch"):
        profiles.start("gpu", frameworks=["torch"])


def test_auto_falls_back_aloud_where_the_framework_does_not_see_the_gpu(gpus, monkeypatch, capsys):
    gpus(1)
    monkeypatch.setattr(profiles, "framework_device", lambda name: "CPU")
    assert profiles.start("auto", frameworks=["torch"]).name == "cpu"
    assert "a GPU is visible, but it is not seen by torch" in capsys.readouterr().out


def test_start_says_profile_device_and_seed(gpus, capsys):
    gpus(0)
    profiles.start("smoke", seed=7, frameworks=["torch"])
    assert capsys.readouterr().out == "Profile smoke: as asked. torch on CPU. Seed 7.\n"


def test_pick_gives_the_amount_of_the_profile_and_wants_all_three():
    profile = profiles.Profile("smoke", "as asked")
    assert profile.pick(smoke=1, cpu=6, gpu=40) == 1
    with pytest.raises(ValueError, match="an amount for each of smoke, cpu, gpu"):
        profile.pick(smoke=1, cpu=6)


def test_the_same_seed_repeats_and_another_differs():
    import torch

    def draw(seed):
        profiles.seed_everything(seed)
        return random.random(), np.random.rand(), torch.rand(1).item()

    assert draw(3) == draw(3)
    assert all(a != b for a, b in zip(draw(3), draw(4), strict=True))


def test_an_unknown_framework_is_named():
    with pytest.raises(CourseError, match="'caffe'"):
        profiles.framework_device("caffe")


def test_hardware_and_versions_describe_this_machine():
    found = profiles.hardware()
    assert found["cores"] >= 1
    assert found["memory_gib"] >= 1
    assert profiles.versions()["numpy"] == np.__version__
    assert found["processor"] in profiles.device_report()


def test_importing_the_package_imports_nothing_heavy():
    code = (
        "import sys, course_utils, course_utils.cli, course_utils.profiles, course_utils.claims;"
        "print(sorted({'numpy', 'torch', 'keras', 'tensorflow', 'matplotlib', 'datasets', 'sklearn', 'IPython'}"
        " & set(sys.modules)))"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"
