"""The page "Run times": how long each notebook takes, and how much memory, against its budget."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nbformat import NotebookNode

from course_utils.book.markdown import plain, table
from course_utils.book.results_page import hardware, read
from course_utils.errors import CourseError
from course_utils.runner.result import Report, Result

INTRODUCTION = """# Run times

Every output in this book comes from a run of the notebook from top to bottom, in a process of its own. Seconds count
from the start of that process, so the import of the frameworks is in them; memory is the most that the process and its
children held together. A notebook that overruns its budget by half fails, and so does the book.
"""


def page(report: Report, results: Path, executed: Mapping[str, NotebookNode]) -> str:
    """The page, in MyST Markdown. report: of the run that the book shows; results: folder of the recorded runs."""
    try:
        facts = json.loads(report.json_path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        message = f"The run's report {report.json_path} cannot be read ({error}): run the notebooks again."
        raise CourseError(message) from error
    head = ["Notebook", "Seconds", "Budget (s)", "Share of budget", "Peak memory (MB)"]
    rows = [_row(result) for result in report.results]
    parts = [
        INTRODUCTION,
        "## This book's own run",
        f"Profile {plain(facts['profile'])} on {plain(hardware(facts['hardware']))}; "
        f"report of {plain(_minute(facts['date']))}. With {plain(_list(facts['versions']))}.",
        table(head, rows, numbers=(1, 2, 3, 4)),
    ]
    if any(result.reused for result in report.results):
        parts.append("¹ Not executed again: it passed before, and nothing that it depends on has changed since.")
    if recorded := read(results):
        parts += [
            "## Recorded runs",
            "The runs behind the [measured results](results.md), one for each seed: mean seconds, largest memory.",
            table(
                ["Lesson", "Profile", "Seconds", "Budget (s)", "Peak memory (MB)", "Runs", "Machine", "Date"],
                [_recorded(stem, record, executed) for stem, record in recorded],
                numbers=(2, 3, 4, 5, 7),
            ),
        ]
    return "\n\n".join(parts) + "\n"


def _row(result: Result) -> list[str]:
    folder, _, name = result.notebook.partition("/")
    stem = name.removesuffix(".py")
    day = f"{{day}}`{int(stem[4:6])}`" if folder == "lessons" else f"{{doc}}`Day {int(stem[4:6])} </exercises/{stem}>`"
    kind = {"lessons": "lesson", "solutions": "exercise with answers", "exercises": "exercise"}.get(folder, folder)
    mark = " ¹" if result.reused else ""
    share = f"{100 * result.seconds / result.budget_s:.0f} %"
    times = [f"{result.seconds:.1f}", f"{result.budget_s:.0f}", share]
    return [f"{day}, {kind}{mark}", *times, f"{result.peak_memory_mb:,.0f}"]


def _recorded(stem: str, record: Mapping[str, Any], executed: Mapping[str, NotebookNode]) -> list[str]:
    lesson = executed.get(f"lessons/{stem}")
    budget = lesson.metadata["course"]["budget_s"][record["profile"]] if lesson else None
    return [
        f"{{day}}`{record['day']}`",
        plain(record["profile"]),
        f"{record['seconds']:.1f}",
        f"{budget:.0f}" if budget else "–",
        f"{record['peak_memory_mb']:,.0f}",
        str(len(record["seeds"])),
        plain(hardware(record["hardware"])),
        plain(record["date"]),
    ]


def _minute(date: str) -> str:
    return date[:16].replace("T", " ") + " UTC"


def _list(facts: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in facts.items())
