"""Every exercise runs through unsolved, executed by papermill as `course run` does.

Lessons and solutions are executed by nbval (see the root's conftest.py), so that nothing is executed twice.
"""

from pathlib import Path

import pytest

from course_utils import notebooks, runner

EXERCISES = notebooks.find(folders=("exercises",))


@pytest.mark.parametrize("path", EXERCISES, ids=lambda path: path.stem)
def test_an_unsolved_exercise_runs_through(path: Path, course_profile: str, tmp_path: Path) -> None:
    report = runner.run([path], profile=course_profile, out=tmp_path)
    assert not report.failed, report.failed[0].sentence()
