"""The run report: one HTML page that needs nothing else, and the same as JSON."""

import dataclasses
import json
from datetime import UTC, datetime
from html import escape
from pathlib import Path

from course_utils.notebooks.text import write_text
from course_utils.profiles import Profile, hardware, versions
from course_utils.runner.result import Report, Result

# Okabe–Ito blue and vermilion darkened or lightened until they pass 4.5:1 on their ground; the mark says it too.
STYLE = """
:root { color-scheme: light dark; --text: #1b1b1b; --ground: #fff; --line: #767676; --good: #00588f; --bad: #a33b00; }
@media (prefers-color-scheme: dark) {
  :root { --text: #e8e8e8; --ground: #17191c; --line: #8c8c8c; --good: #6fc1f2; --bad: #ff9d5c; }
}
body { font: 1rem/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 75rem; padding: 0 1rem;
  color: var(--text); background: var(--ground); }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: start; vertical-align: top; padding: .4rem .8rem .4rem 0; border-bottom: 1px solid var(--line); }
td.number, th.number { text-align: end; font-variant-numeric: tabular-nums; white-space: nowrap; }
a { color: var(--good); }
td.status { white-space: nowrap; }
.passed { color: var(--good); } .failed { color: var(--bad); font-weight: 600; }
pre { overflow-x: auto; padding: .6rem; border: 1px solid var(--line); }
code { overflow-wrap: anywhere; }
.scroll { overflow-x: auto; }
"""
NUMBERS = """<p>Cells are counted as JupyterLab counts them in a run from the top. The executed notebook, and so the
traceback, counts one more, since it holds the parameters as a cell of their own.</p>"""


def write_report(results: list[Result], profile: Profile, out: Path) -> Report:
    """Write report.html and report.json into `out`."""
    report = Report(tuple(results), profile, out / "report.html", out / "report.json")
    facts = {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "profile": profile.name,
        "reason": profile.reason,
        "hardware": hardware(),
        "versions": versions(),
    }
    rows = [dataclasses.asdict(result) | {"executed": f"{result.name}.ipynb"} for result in results]
    content = facts | {"passed": not report.failed, "notebooks": rows}
    write_text(report.json_path, json.dumps(content, indent=1, ensure_ascii=False) + "\n")
    write_text(report.html_path, _page(report, facts))
    return report


def _page(report: Report, facts: dict) -> str:
    failed, total = len(report.failed), len(report.results)
    verdict = f"{failed} of {total} notebooks failed" if failed else f"All {total} notebooks passed"
    rows = "\n".join(_row(result) for result in report.results)
    failures = "\n".join(_failure(result) for result in report.failed)
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(verdict)} · run report</title>
<style>{STYLE}</style>
</head>
<body>
<main>
<h1>{escape(verdict)}</h1>
<p>{escape(str(report.profile))} {escape(facts["date"])}</p>
<p>Seconds count from the start of a notebook's process, imports included. A notebook fails when it overruns its budget
by half, or holds more memory than its limit.</p>
<div class="scroll" tabindex="0" role="region" aria-label="Notebooks">
<table>
<thead><tr><th scope="col">Notebook</th><th scope="col">Status</th><th scope="col" class="number">Seconds</th>
<th scope="col" class="number">Budget (s)</th><th scope="col" class="number">Peak memory (MB)</th>
<th scope="col">Profile</th><th scope="col" class="number">Seed</th><th scope="col">Failing cell</th></tr></thead>
<tbody>
{rows}
</tbody>
</table>
</div>
{f"<h2>What failed</h2>{NUMBERS}{failures}" if failures else ""}
<h2>Machine and versions</h2>
{_list(facts["hardware"])}
{_list(facts["versions"])}
</main>
</body>
</html>
"""


def _row(result: Result) -> str:
    mark, kind = ("✓", "passed") if result.passed else ("✗", "failed")
    again = " (not executed again: nothing changed)" if result.reused else ""
    over = " (over budget)" if result.passed and result.seconds > result.budget_s else ""
    name = escape(result.notebook)
    ipynb = f'<a href="{result.name}.ipynb" aria-label="{name} as ipynb">ipynb</a>'
    links = f'<a href="{result.name}.html">{name}</a> ({ipynb})'
    return (
        f'<tr><th scope="row">{links}</th><td class="status {kind}">{mark} {escape(result.status + again)}</td>'
        f'<td class="number">{result.seconds:.1f}{over}</td><td class="number">{result.budget_s:.0f}</td>'
        f'<td class="number">{result.peak_memory_mb:.0f}</td><td>{result.profile}</td>'
        f'<td class="number">{result.seed}</td><td>{_place(result)}</td></tr>'
    )


def _place(result: Result) -> str:
    f = result.failure
    if f is None:
        return "–"
    cell = f"cell {f.cell}" if f.cell else "after the last cell"
    return f'<a href="#{result.name}">{cell}{f", line {f.line}" if f.line else ""}</a>: {escape(f.error)}'


def _failure(result: Result) -> str:
    f = result.failure
    heading = f'<h3 id="{result.name}">{escape(result.notebook)}, seed {result.seed}</h3>'
    if f is None:
        return heading
    cell = f"Cell {f.cell}" if f.cell else "After the last cell"
    line = f", line {f.line} of the file" if f.line else ""
    text = f": <code>{escape(f.text.strip())}</code>" if f.text.strip() else ""
    folded = f"<details><summary>Traceback</summary><pre>{escape(f.traceback)}</pre></details>" if f.traceback else ""
    return f"{heading}<p>{cell}{line}{text}<br>{escape(f.error)}</p>{folded}"


def _list(facts: dict) -> str:
    return "<ul>" + "".join(f"<li>{escape(str(k))}: {escape(str(v))}</li>" for k, v in facts.items()) + "</ul>"
