"""The gradebook as CSV files, for a spreadsheet or the import into a learning platform.

Both begin with a byte order mark, by which spreadsheets know UTF-8. A cell that a spreadsheet would take for a formula
gets an apostrophe in front: names are the students' own (OWASP, "CSV injection").
"""

import csv
import io
from collections.abc import Iterable
from pathlib import Path

from course_utils.grading.results import Result
from course_utils.notebooks.text import write_text

COLUMNS = (
    *("student", "day", "question", "points", "max_points", "status", "mistake", "fault", "reason", "file", "flags"),
    *("notes", "sandboxed"),
)
FORMULA = ("=", "+", "-", "@", "\t", "\r", "|", "%")


def write(out: Path, students: Iterable[tuple[str, list[Result]]]) -> None:
    """Write gradebook.csv, a row for each student and question, and totals.csv, a row for each student.

    A day that a student did not hand in has rows of 0 points in gradebook.csv and an empty cell in totals.csv, so that
    an import leaves alone what may be excused or late.
    """
    rows: list[list] = []
    totals: list[tuple[str, dict[int, int], bool]] = []
    most: dict[int, int] = {}
    for student, results in students:
        rows += [row for result in results for row in _rows(result)]
        most |= {result.day: result.max_points for result in results}
        handed_in = {result.day: result.points for result in results if result.file}
        totals.append((student, handed_in, all(result.sandboxed for result in results)))
    days = sorted(most)
    head = ["student", *(f"day_{day:02} (of {most[day]})" for day in days), f"total (of {sum(most.values())})"]
    table = [
        [student, *(points.get(day, "") for day in days), sum(points.values()), _yes(sandboxed)]
        for student, points, sandboxed in totals
    ]
    _write(out / "gradebook.csv", [list(COLUMNS), *rows])
    _write(out / "totals.csv", [[*head, "sandboxed"], *table])


def safe(cell: object) -> object:
    """A cell that no spreadsheet takes for a formula."""
    return f"'{cell}" if isinstance(cell, str) and cell.lstrip().startswith(FORMULA) else cell


def _rows(result: Result) -> Iterable[list]:
    for mark in result.marks:
        yield [
            *(result.student, result.day, mark.question, mark.points, mark.max_points, mark.status, mark.mistake),
            *(mark.fault, result.reason, result.file, "; ".join(mark.flags), " ".join(result.notes)),
            _yes(result.sandboxed),
        ]


def _yes(sandboxed: bool) -> str:
    return "yes" if sandboxed else "NO"


def _write(path: Path, rows: list[list]) -> None:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows([safe(cell) for cell in row] for row in rows)
    write_text(path, "\ufeff" + text.getvalue())
