"""Numbers that stand behind the prose: `claim` checks one, `result` reports a measured one.

A lesson never asks to be believed: each number in its text is computed by a cell and passes through here.
"""

import json
import os
import statistics
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from course_utils.display import escape, show_html
from course_utils.errors import CourseError

T = TypeVar("T")


class ClaimFailed(AssertionError):
    """A sentence of the lesson is not true: the notebook stops, and so does the build."""


def claim(
    statement: str,
    value: T,
    expected: Any | Callable[[T], bool],
    *,
    tolerance: float = 0.0,
    source: str | None = None,
) -> None:
    """Check that `value` is what the text says, and show it.

    expected: a number, string or array of the same shape, compared within `tolerance` (largest absolute difference),
    or a predicate. source: the row of the claims list that this corrects or confirms, such as "F01".
    Raises ClaimFailed with both values if it does not hold.
    """
    if callable(expected):
        holds, shown = bool(expected(value)), _brief(value)
    else:
        holds, shown = _agree(value, expected, tolerance)
    if not holds:
        wanted = "the condition" if callable(expected) else _brief(expected)
        raise ClaimFailed(f"{statement}: computed {shown}, but the text says {wanted}")
    row = f" [{source}]" if source else ""
    attribute = f' data-claim="{escape(source)}"' if source else ""
    line = f"✓ {escape(statement)}: <strong>{escape(shown)}</strong>{escape(row)}"
    show_html(f'<div class="course-claim"{attribute}>{line}</div>', f"✓ {statement}: {shown}{row}")


def result(name: str, value: float, unit: str = "") -> None:
    """Show a measured value beside the recorded one.

    name: stable within a notebook, in snake_case; value: a number in `unit` ("%" shows a fraction as per cent).
    Under `course run --record` the value is also handed to the runner, the only writer of `results/`.
    """
    value = float(value)
    if target := os.environ.get("COURSE_RECORD"):
        with Path(target).open("a", encoding="utf-8") as lines:
            lines.write(json.dumps({"name": name, "value": value, "unit": unit}) + "\n")
    text = f"{name.replace('_', ' ')}: {format_value(value, unit)} (this run)"
    if past := recorded(name):
        text += f"; recorded: {past}"
    show_html(f'<div class="course-result">{escape(text)}</div>', text)


def recorded(name: str, notebook: str | None = None) -> str:
    """What `results/` holds for `name`, profile by profile: mean ± standard deviation, n and hardware; or "".

    notebook: the stem that recorded it; by default the running one, which the runner names in `COURSE_NOTEBOOK` and
    JupyterLab in `JPY_SESSION_NAME`. Where neither is known nothing is shown: another day may use the same name.
    """
    from course_utils.paths import root

    notebook = notebook or os.environ.get("COURSE_NOTEBOOK") or Path(os.environ.get("JPY_SESSION_NAME", "")).stem
    try:
        files = sorted((root() / "results").glob(f"{notebook}.*.json")) if notebook else []
    except CourseError:  # the package is used outside a course folder: nothing is recorded there
        return ""
    parts = []
    for file in files:
        record = json.loads(file.read_text(encoding="utf-8"))
        if entry := record["results"].get(name):
            where = record["hardware"].get("gpu") or f"{record['hardware']['cores']} cores"
            parts.append(f"{summary(entry['values'], entry['unit'])} in profile {record['profile']} on {where}")
    return "; ".join(parts)


def summary(values: list[float], unit: str = "") -> str:
    """Mean ± sample standard deviation and n of repeated measurements, as text."""
    mean = format_value(statistics.mean(values), unit)
    if len(values) == 1:
        return f"{mean} (n = 1)"
    return f"{mean} ± {format_value(statistics.stdev(values), unit)} (n = {len(values)})"


def format_value(value: float, unit: str = "") -> str:
    """A number as text with its unit; unit "%" turns a fraction into per cent."""
    if unit == "%":
        return f"{100 * value:.1f} %"
    text = f"{value:,.0f}" if abs(value) >= 1000 or value == int(value) else f"{value:.3g}"
    return f"{text} {unit}".rstrip()


def _agree(value: Any, expected: Any, tolerance: float) -> tuple[bool, str]:
    import numpy as np

    if isinstance(expected, str) or isinstance(value, str) or expected is None or value is None:
        return type(value) is type(expected) and value == expected, _brief(value)
    a, b = np.asarray(value), np.asarray(expected)
    if a.shape != b.shape:
        return False, f"shape {a.shape} against {b.shape}"
    if a.dtype.kind not in "biufc" or b.dtype.kind not in "biufc":
        return bool(np.array_equal(a, b)), _brief(value)
    a, b = (x.astype(complex if x.dtype.kind == "c" else float) for x in (a, b))
    gap = float(np.max(np.abs(a - b), initial=0.0))
    holds = gap <= tolerance  # NaN is not <= anything, so it never passes
    if a.ndim == 0 or (tolerance == 0 and a.size <= 25):
        return holds, _brief(value)
    return holds, f"largest difference {gap:.2g}"


def _brief(value: Any) -> str:
    import numpy as np

    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    if isinstance(value, int | np.integer):
        return f"{value:,}"
    if isinstance(value, float | np.floating):
        return f"{value:.6g}"
    if isinstance(value, np.ndarray):
        if value.ndim == 0:
            return _brief(value.item())
        return str(value.tolist()) if value.size <= 25 else f"array of shape {value.shape}"
    return str(value)
