"""The page "Measured results": what `results/` holds, with the hardware, the versions and the number of repeats."""

import json
import statistics
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nbformat import NotebookNode

from course_utils.book.markdown import plain, table
from course_utils.claims import format_value
from course_utils.errors import CourseError
from course_utils.notebooks.facts import relative

INTRODUCTION = """# Measured results

What a lesson measures (an accuracy, a time, a share) depends on the machine and on luck. So it is measured with several
seeds and recorded by `course run --record`, which alone writes these numbers. Each row gives the mean over the runs,
the sample standard deviation, and the smallest and largest value.
"""
NEEDED = ("day", "profile", "hardware", "versions", "seeds", "results", "seconds", "peak_memory_mb", "date")
EMPTY = "Nothing has been recorded yet: `course run --profile cpu --record --seeds 3` does it."


def read(folder: Path) -> list[tuple[str, dict[str, Any]]]:
    """The recorded runs below `folder` in the order of the days, each as (stem of the lesson, record).

    Raises CourseError for a file that is no record.
    """
    records = []
    for path in sorted(folder.glob("*.json")):
        try:
            record = json.loads(path.read_text(encoding="utf-8"))
            if lacking := [key for key in NEEDED if key not in record]:
                raise ValueError(f"it lacks {lacking[0]!r}")
        except (OSError, ValueError, TypeError) as error:
            message = f"{relative(path)} is no record of results ({error}): restore it, or record it again."
            raise CourseError(message) from error
        records.append((path.name.split(".")[0], record))
    return records


def page(folder: Path, executed: Mapping[str, NotebookNode]) -> str:
    """The page, in MyST Markdown. folder: `results/`; executed: lessons by docname, for their titles."""
    parts = [INTRODUCTION]
    if (note := folder / "README.md").is_file():
        # Its first paragraph says how the files are made; what follows qualifies the numbers.
        paragraphs = [text for text in note.read_text(encoding="utf-8").split("\n\n") if not text.startswith("#")]
        parts += ["```{note}\n" + "\n\n".join(paragraphs[1:]).strip() + "\n```"] if paragraphs[1:] else []
    records = read(folder)
    for stem, record in records:
        lesson = executed.get(f"lessons/{stem}")
        title = lesson.metadata["course"]["title"] if lesson else stem
        rows = [_row(name, entry) for name, entry in record["results"].items()]
        head = ["Quantity", "Mean ± standard deviation", "Smallest to largest", "n", "Unit"]
        parts += [
            f"## Day {record['day']}: {plain(title)}, profile {plain(record['profile'])}",
            f"Lesson: {{day}}`{record['day']}`. {_seeds(record['seeds'])} on {plain(hardware(record['hardware']))}.",
            table(head, rows, numbers=(1, 2, 3)),
            f"With {plain(', '.join(f'{name} {version}' for name, version in record['versions'].items()))}. "
            f"Recorded on {plain(record['date'])}.",
        ]
    return "\n\n".join(parts if records else [INTRODUCTION, EMPTY]) + "\n"


def hardware(facts: Mapping[str, Any]) -> str:
    """The machine in words, from what `profiles.hardware` recorded."""
    gpu = facts.get("gpu") or ("no GPU" if not facts.get("gpus") else f"{facts['gpus']} GPU")
    named = [facts.get("processor"), f"{facts['cores']} cores" if "cores" in facts else None]
    named += [f"{facts['memory_gib']} GiB of memory" if "memory_gib" in facts else None, gpu, facts.get("system")]
    return ", ".join(str(part) for part in named if part)


def _row(name: str, entry: Mapping[str, Any]) -> list[str]:
    values, unit = entry["values"], entry.get("unit", "")

    def number(value: float) -> str:
        return format_value(value, unit).removesuffix(unit).rstrip()

    spread = f" ± {number(statistics.stdev(values))}" if len(values) > 1 else ""
    span = " to ".join(dict.fromkeys(map(number, (min(values), max(values)))))
    mean = number(statistics.mean(values)) + spread
    return [plain(name.replace("_", " ")), mean, span, str(len(values)), plain(unit)]


def _seeds(seeds: list[int]) -> str:
    if len(seeds) == 1:
        return f"One run with seed {seeds[0]}"
    return f"{len(seeds)} runs with seeds {seeds[0]} to {seeds[-1]}"
