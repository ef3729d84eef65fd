"""The explorers as a part of the package: what is installed, what is imported, and who does without them."""

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def python(code):
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr


def test_explorers_need_no_framework():
    python(
        "import sys, course_utils.widgets\n"
        "heavy = {'torch', 'tensorflow', 'keras', 'jax', 'sklearn', 'skimage', 'datasets'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )


@pytest.mark.parametrize(
    "module", ["course_utils", "course_utils.cli", "course_utils.room.work", "course_utils.room.server"]
)
def test_who_grades_needs_no_explorers(module):
    """A room and its examiner work where anywidget is not installed."""
    python(
        "import sys, importlib\n"
        "sys.modules['anywidget'] = sys.modules['ipywidgets'] = None\n"
        f"importlib.import_module({module!r})\n"
        "import course_utils.grading.examiner, course_utils.checks.day_02, course_utils.checks.day_12\n"
        "assert 'course_utils.widgets' not in sys.modules"
    )


def test_an_installed_package_has_the_front_ends(tmp_path):
    source = tmp_path / "source"
    source.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE", "LICENSE-text"):
        shutil.copy(ROOT / name, source)
    shutil.copytree(ROOT / "course_utils", source / "course_utils", ignore=shutil.ignore_patterns("__pycache__"))
    code = f"from setuptools import build_meta; build_meta.build_wheel({str(tmp_path)!r})"
    done = subprocess.run([sys.executable, "-c", code], cwd=source, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    (wheel,) = tmp_path.glob("*.whl")
    installed = set(zipfile.ZipFile(wheel).namelist())
    files = (ROOT / "course_utils" / "widgets").iterdir()
    front = {f"course_utils/widgets/{path.name}" for path in files if path.suffix in (".py", ".js", ".css")}
    assert len(front) > 4 and front <= installed
