"""The exercises and their questions belong together: metadata, points, and what solved and unsolved ones earn."""

import importlib
import re

import pytest
from nbgrader.nbgraderformat import MetadataValidator

from course_utils import notebooks
from course_utils.checks import questions_of

SOLUTIONS = notebooks.find(folders=("solutions",))
CHECK = re.compile(r"^check\(questions\.(\w+), ", re.MULTILINE)


def questions(path):
    day = importlib.import_module(f"course_utils.checks.{path.stem[:6]}")
    return {question.name: question for question in questions_of(day)}


def graded(notebook):
    return [cell for cell in notebook.cells if cell.metadata.get("nbgrader", {}).get("grade")]


def answers(notebook):
    return [cell for cell in notebook.cells if cell.metadata.get("nbgrader", {}).get("solution")]


def summary(executed):
    """The lines of the points at the end of an executed exercise."""
    (output,) = notebooks.code_cells(executed)[-1].outputs
    return output.data["text/plain"].splitlines()


@pytest.mark.parametrize("path", SOLUTIONS, ids=lambda path: path.stem)
class TestExercise:
    def test_nbgrader_accepts_its_metadata(self, path):
        for notebook in (notebooks.read(path), notebooks.exercise(path)):
            MetadataValidator().validate_nb(notebook)
            ids = [cell.metadata.nbgrader.grade_id for cell in notebook.cells if "nbgrader" in cell.metadata]
            assert len(ids) == len(set(ids))

    def test_each_question_is_checked_once_for_its_points(self, path):
        asked = {}
        for cell in graded(notebooks.read(path)):
            (name,) = CHECK.findall(cell.source)
            assert name not in asked
            assert cell.metadata.nbgrader.locked and not cell.metadata.nbgrader.solution
            assert cell.metadata.nbgrader.grade_id == f"check-{name}"
            asked[name] = cell.metadata.nbgrader.points
        assert asked == {name: question.points for name, question in questions(path).items()}

    def test_answer_cells_give_no_points_themselves(self, path):
        cells = answers(notebooks.read(path))
        assert cells and not any(cell.metadata.nbgrader.grade or cell.metadata.nbgrader.locked for cell in cells)

    def test_unsolved_everything_is_not_answered_yet(self, path, executed):
        known = questions(path).values()
        lines = summary(executed(path.parents[1] / "exercises" / path.name))
        assert lines[0] == f"0 of {sum(question.points for question in known)} points"
        for line, question in zip(lines[1:], known, strict=True):
            assert line.startswith(f"○ {question.name} ") and line.endswith("not answered yet")

    def test_solved_it_earns_all_points(self, path, executed):
        points = sum(question.points for question in questions(path).values())
        assert summary(executed(path))[0] == f"{points} of {points} points"
