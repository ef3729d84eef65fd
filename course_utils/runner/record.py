"""Writing measured results under results/: the only place that does."""

import json
import statistics
from datetime import UTC, datetime
from pathlib import Path

from course_utils.errors import CourseError
from course_utils.notebooks.text import write_text
from course_utils.paths import root
from course_utils.profiles import Profile, hardware, versions
from course_utils.runner.result import Result


def refuse_smoke(profile: Profile) -> None:
    """Numbers from the smoke profile say nothing, and may come from sample data: they are never recorded."""
    if profile.name == "smoke":
        raise CourseError(
            f"Results of the smoke profile ({profile.reason}) are never recorded, since it may run on sample data: "
            "choose --profile cpu or gpu with --record."
        )


def record(results: list[Result]) -> list[Path]:
    """Write one file for each lesson of which every seed passed; returns them. Others keep the file they had."""
    written = []
    for notebook in dict.fromkeys(result.notebook for result in results):
        runs = [result for result in results if result.notebook == notebook]
        if not notebook.startswith("lessons/") or not all(run.passed for run in runs):
            continue
        stem, profile = Path(notebook).stem, runs[0].profile
        entries: dict[str, dict] = {}
        for run in runs:
            # A name reported twice in one run counts once, with its last value.
            for line in {line["name"]: line for line in run.recorded}.values():
                entry = entries.setdefault(line["name"], {"values": [], "unit": line["unit"]})
                entry["values"].append(line["value"])
        for entry in entries.values():
            values = entry["values"]
            entry |= {"mean": statistics.mean(values), "n": len(values)}
            entry["sd"] = statistics.stdev(values) if len(values) > 1 else None
        content = {
            "day": int(stem[4:6]),
            "profile": profile,
            "hardware": hardware(),
            "versions": versions(),
            "seeds": [run.seed for run in runs],
            "results": entries,
            "seconds": round(statistics.mean(run.seconds for run in runs), 1),
            "peak_memory_mb": max(run.peak_memory_mb for run in runs),
            "date": datetime.now(UTC).date().isoformat(),
        }
        path = root() / "results" / f"{stem}.{profile}.json"
        write_text(path, json.dumps(content, indent=2, ensure_ascii=False) + "\n")
        written.append(path)
    return written
