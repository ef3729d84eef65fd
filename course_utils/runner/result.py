"""What a run found: one Result for each notebook and seed, kept on disk as soon as it is there."""

import dataclasses
import hashlib
import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from course_utils.notebooks.text import write_text
from course_utils.paths import INSTRUCTORS
from course_utils.profiles import Profile, versions

STATUSES = ("passed", "failed", "over time", "over memory", "died")
# Settings that change what a notebook computes.
SETTINGS = ("COURSE_DATA", "KERAS_BACKEND")


@dataclass(frozen=True)
class Failure:
    """Where and why a notebook failed.

    cell: the n-th code cell, In [n] of a run from the top, None after the last; line: in the py file, None if unknown;
    text: that line; error: the exception in one line; traceback: the whole of it, without colours.
    """

    cell: int | None
    line: int | None
    text: str
    error: str
    traceback: str = ""


@dataclass(frozen=True)
class Result:
    """One executed notebook. seconds: from the start of its process; budget_s: without the allowance of half."""

    notebook: str
    profile: str
    seed: int
    status: str
    seconds: float
    budget_s: float
    peak_memory_mb: float
    memory_mb: float
    key: str
    failure: Failure | None = None
    recorded: tuple[dict[str, Any], ...] = ()
    reused: bool = False

    @property
    def name(self) -> str:
        """File name, without suffix, of what this run left in the output folder."""
        stem = re.sub(r"[^\w.]+", "-", self.notebook.removesuffix(".py").removesuffix(".ipynb")).strip("-")
        return f"{stem}.{self.profile}.seed{self.seed}"

    @property
    def passed(self) -> bool:
        return self.status == "passed"

    def sentence(self) -> str:
        """The failure for a terminal: notebook, cell, line, its text, the exception."""
        if not self.failure:
            return f"{self.notebook}: {self.status}"
        f = self.failure
        where = f"{self.notebook}:{f.line}" if f.line else self.notebook
        cell = f"cell {f.cell}" if f.cell else "after the last cell"
        text = f"\n    {f.text.strip()}" if f.text.strip() else ""
        return f"{where}, {cell}: {self.status}{text}\n    {f.error}"


@dataclass(frozen=True)
class Report:
    """The outcome of a run; `failed` is empty when every notebook passed."""

    results: tuple[Result, ...]
    profile: Profile
    html_path: Path
    json_path: Path

    @property
    def failed(self) -> list[Result]:
        return [result for result in self.results if not result.passed]


def key(source: str, profile: str, seed: int, record: bool) -> str:
    """A fingerprint of all that a notebook's outcome depends on: while it holds, a passed run need not be repeated."""
    package = Path(__file__).parents[1]
    library = hashlib.sha256()
    for file in sorted(package.rglob("*")):
        apart = file.relative_to(package).parts[0] in INSTRUCTORS
        if file.suffix in (".py", ".json", ".js", ".css") and not apart:
            library.update(file.relative_to(package).as_posix().encode() + file.read_bytes())
    settings = {name: os.environ.get(name, "") for name in SETTINGS}
    parts = [source, profile, seed, record, library.hexdigest(), versions(), settings]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:20]


def save(result: Result, out: Path) -> None:
    """Keep a result, so that a later run can take it up."""
    write_text(out / f"{result.name}.json", json.dumps(dataclasses.asdict(result), indent=1))


def load(blank: Result, out: Path) -> Result | None:
    """The kept result of the same notebook, profile and seed, if it passed and its key still holds."""
    try:
        kept = json.loads((out / f"{blank.name}.json").read_text(encoding="utf-8"))
        kept["recorded"], kept["failure"] = tuple(kept["recorded"]), None
        result = Result(**{**kept, "reused": True})
    except (OSError, ValueError, TypeError, KeyError):
        return None  # nothing kept, or by another version: run it
    complete = result.passed and result.key == blank.key and (out / f"{blank.name}.ipynb").is_file()
    return result if complete else None
