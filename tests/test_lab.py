"""JupyterLab opens on a day, and the course's settings reach it: py files open as notebooks."""

import json
import os
import urllib.request
from pathlib import Path

import lab_kit
import pytest

from course_utils import lab
from course_utils.errors import CourseError


def test_the_first_lesson_opens_by_default():
    path = next(word for word in lab.command() if word.endswith(".py"))
    first = min(p.name for p in (lab.root() / "lessons").glob("day_*.py"))
    assert Path(path) == Path("lessons") / first


def test_a_day_can_be_named_and_a_browser_left_closed():
    line = lab.command("12", browser=False)
    assert str(Path("lessons/day_12_cifar10.py")) in line
    assert "--no-browser" in line


def test_a_day_without_a_lesson_is_refused():
    with pytest.raises(CourseError, match="99"):
        lab.command("99")


def test_the_users_own_settings_are_kept(monkeypatch):
    monkeypatch.setenv("JUPYTER_CONFIG_PATH", "/home/me/jupyter")
    monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", "0")
    environment = lab.environment()
    assert environment["JUPYTER_CONFIG_PATH"] == os.pathsep.join([str(lab.CONFIG), "/home/me/jupyter"])
    assert environment["TF_CPP_MIN_LOG_LEVEL"] == "0"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """`server(path)`: what a running JupyterLab answers."""
    with lab_kit.running(tmp_path_factory.mktemp("home")) as address:

        def get(path):
            with urllib.request.urlopen(f"{address}/{path}?token={lab_kit.TOKEN}", timeout=10) as answer:
                return json.load(answer)

        yield get


def test_py_files_open_as_notebooks(server):
    schema = server("lab/api/settings/@jupyterlab/docmanager-extension:plugin")["schema"]
    assert schema["properties"]["defaultViewers"]["default"] == {"python": "Jupytext Notebook"}


def test_the_extension_that_offers_this_viewer_is_installed(server):
    names = [plugin["id"] for plugin in server("lab/api/settings")["settings"]]
    assert any(name.startswith("jupyterlab-jupytext") for name in names)


def test_the_server_reads_a_lesson_as_a_notebook(server):
    path = next(word for word in lab.command() if word.endswith(".py"))
    content = server(f"api/contents/{path}")  # from the course's folder, so that exercises are within reach
    assert content["type"] == "notebook"
    assert any("parameters" in cell["metadata"].get("tags", []) for cell in content["content"]["cells"])
