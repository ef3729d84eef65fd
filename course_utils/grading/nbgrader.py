"""Scores into nbgrader's database, through its own interface (nbgrader.api.Gradebook) and without its autograder."""

import contextlib
import os
import sys
import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path

from course_utils.errors import CourseError
from course_utils.grading.results import Result

CHECK = "check-"  # the course's check cells are named after their questions


def export(database: Path, students: Iterable[tuple[str, list[Result]]], names: dict[int, str]) -> int:
    """Write the scores of what was handed in and return how many submissions that were.

    names: assignment and notebook of each day, as in `day_02_convolution`. What is there already stays: assignments are
    completed, scores of an earlier run replaced, and scores that an instructor set by hand are left alone, for nbgrader
    prefers those. Raises CourseError where nbgrader or the database is missing its part.
    """
    try:
        from nbgrader.api import Gradebook
        from sqlalchemy.exc import SAWarning, SQLAlchemyError
    except ModuleNotFoundError as error:
        raise CourseError("--nbgrader needs nbgrader: `pip install -c requirements.lock -e '.[grading]'`.") from error
    if not database.parent.is_dir():
        raise CourseError(
            f"The folder of {database} does not exist: name nbgrader's gradebook.db in its course folder."
        )
    written = 0
    try:
        with warnings.catch_warnings(), _tools_on_path(), Gradebook(f"sqlite:///{database.resolve()}") as gradebook:
            warnings.simplefilter("ignore", SAWarning)  # about nbgrader's own order of work
            for student, results in students:
                for result in results:
                    if result.file:
                        _write(gradebook, student, result, names.get(result.day, f"day_{result.day:02}"))
                        written += 1
    except (SQLAlchemyError, OSError) as error:
        cause = str(getattr(error, "orig", error)).splitlines()[0]
        raise CourseError(f"nbgrader's database {database} cannot be written: {cause}.") from error
    return written


def exercise_names(root: Path, questions: Path | None) -> dict[int, str]:
    """The stem of each day's exercise; with a file of questions, of its own exercise only."""
    if questions:
        from course_utils.grading.desk import load

        module = load(str(questions))
        return {module.DAY: Path(module.EXERCISE).stem}
    return {int(path.name[4:6]): path.stem for path in (root / "exercises").glob("day_*.py")}


@contextlib.contextmanager
def _tools_on_path() -> Iterator[None]:
    """nbgrader calls alembic by name, which lies beside Python but not on the path of an environment not activated."""
    before = os.environ.get("PATH", "")
    os.environ["PATH"] = os.pathsep.join((str(Path(sys.executable).parent), before))
    try:
        yield
    finally:
        os.environ["PATH"] = before


def _write(gradebook: "Gradebook", student: str, result: Result, name: str) -> None:  # noqa: F821
    from nbgrader.api import Grade, MissingEntry

    gradebook.update_or_create_assignment(name)
    notebook = gradebook.update_or_create_notebook(name, name)
    cells = {}
    for mark in result.marks:
        cell = gradebook.update_or_create_grade_cell(
            CHECK + mark.question, name, name, max_score=mark.max_points, cell_type="code"
        )
        cells[mark.question] = cell
    gradebook.update_or_create_student(student)
    submission = gradebook.update_or_create_submission(name, student)
    (submitted,) = [one for one in submission.notebooks if one.notebook_id == notebook.id]
    for mark in result.marks:
        try:
            grade = gradebook.find_grade(CHECK + mark.question, name, name, student)
        except MissingEntry:  # the submission is older than the cell
            grade = Grade(cell_id=cells[mark.question].id, notebook=submitted)
            gradebook.db.add(grade)
        grade.auto_score = mark.points
        grade.needs_manual_grade = False
    gradebook.db.commit()
