"""What the tests of graded models share: an examiner with an instructor's own questions, notebooks of answers."""

import contextlib
import textwrap
from pathlib import Path

import nbformat

from course_utils.grading.examiner import Examiner, Settings

ROOT = Path(__file__).parents[1]


@contextlib.contextmanager
def examiner(folder, questions, exercise, seconds):
    """An examiner for these questions and their exercise (texts), written to the folder."""
    (folder / "own_models.py").write_text(questions)
    (folder / "exercise.py").write_text(exercise)
    made = Examiner(Settings(ROOT, questions=folder / "own_models.py", seed=b"a seed", seconds=seconds))
    yield made
    made.close()


def marks(examiner, **answers):
    """The marks of a notebook with these answers."""
    cells = []
    for name, source in answers.items():
        metadata = {"nbgrader": {"grade_id": name, "solution": True}}
        cells.append(nbformat.v4.new_code_cell(textwrap.dedent(source), metadata=metadata))
    data = nbformat.writes(nbformat.v4.new_notebook(cells=cells)).encode()
    return examiner.grade("ann", examiner.days()[0], "models.ipynb", data).marks


def mark(examiner, name, **answers):
    """The mark for one question of a notebook with these answers."""
    return next(mark for mark in marks(examiner, **answers) if mark.question == name)
