"""The pages that grading writes: HTML that needs nothing else, runs no script and escapes whatever it is given."""

from collections.abc import Iterable
from html import escape
from pathlib import Path

from course_utils.grading.results import Mark, Result
from course_utils.grading.submissions import file_stem
from course_utils.notebooks.text import write_text

# Okabe–Ito blue and vermilion, darkened or lightened until they pass 4.5:1 on their ground; a sign says it too.
STYLE = """
:root { color-scheme: light dark; --text: #1b1b1b; --ground: #fff; --line: #767676; --soft: #d5d5d5;
  --good: #00588f; --bad: #a33b00; --alarm: #b00020; }
@media (prefers-color-scheme: dark) {
  :root { --text: #e8e8e8; --ground: #17191c; --line: #8c8c8c; --soft: #3d4147; --good: #6fc1f2; --bad: #ff9d5c; }
}
* { box-sizing: border-box; }
body { font: 1rem/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 60rem; padding: 0 1rem;
  color: var(--text); background: var(--ground); overflow-wrap: anywhere; }
h1 { line-height: 1.2; } h2 { margin-top: 2.5rem; }
a { color: var(--good); }
.scroll { position: relative; overflow-x: auto; margin-bottom: 1.5rem; overflow-wrap: break-word; }
.marks { overflow-wrap: anywhere; } .marks th[scope=row] { white-space: nowrap; }
table { border-collapse: collapse; width: 100%; }
caption { text-align: start; font-weight: 600; padding-bottom: .4rem; }
th, td { text-align: start; vertical-align: top; padding: .4rem .8rem .4rem 0; border-bottom: 1px solid var(--soft); }
th[scope=row] { font-weight: 400; }
.number { text-align: end; font-variant-numeric: tabular-nums; white-space: nowrap; }
.right { color: var(--good); } .wrong { color: var(--bad); } .right, .wrong, .unanswered { white-space: nowrap; }
.told { white-space: pre-line; min-width: 12rem; }
.alarm { background: var(--alarm); color: #fff; padding: .8rem 1rem; font-weight: 600; }
p code { overflow-wrap: anywhere; }
svg { width: 100%; min-width: 38rem; max-width: 40rem; height: auto; } svg text { fill: var(--text); font-size: 12px; }
svg .bar { fill: var(--good); } svg .axis { stroke: var(--line); }
@media (max-width: 30rem) {
  .marks thead { position: absolute; clip-path: inset(50%); }
  .marks tr { display: block; border-bottom: 1px solid var(--line); padding: .5rem 0; }
  .marks th[scope=row] { white-space: normal; }
  .marks th[scope=row], .marks td { display: inline-block; border: 0; padding: 0 .8rem 0 0; }
  .marks td.told { display: block; min-width: 0; }
}
"""
ALARM = "These scores were made without the sandbox: a submission could read answers and change anybody's scores."
SIGNS = {"right": "✓ right", "wrong": "✗ wrong", "unanswered": "– no answer"}


def write(out: Path, students: Iterable[tuple[str, list[Result]]]) -> None:
    """Write feedback/NAME.html, a page for each student."""
    for student, results in students:
        write_text(out / feedback_page(student), feedback(student, results))


def feedback_page(student: str) -> str:
    """Where a student's page is, below the results' folder."""
    return f"feedback/{file_stem(student)}.html"


def feedback(student: str, results: list[Result]) -> str:
    """The page of one student: days, questions, points, and what was found."""
    body = "".join(_day(result) for result in results)
    return page(f"Feedback for {student}", body, all(result.sandboxed for result in results))


def page(title: str, body: str, sandboxed: bool) -> str:
    """A whole page. title: text; body: HTML."""
    alarm = "" if sandboxed else f'<p class="alarm" role="alert">{ALARM}</p>'
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="referrer" content="no-referrer">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)}</title>
<style>{STYLE}</style>
</head>
<body>
<main>
<h1>{escape(title)}</h1>
{alarm}
{body}
</main>
</body>
</html>
"""


def table(caption: str, heads: dict[str, str], rows: Iterable[Iterable[str]], kind: str = "") -> str:
    """A table. heads: a column's title and its class. rows: cells as HTML, the first one the row's head."""
    cells = "".join(f'<th scope="col"{_class(name)}>{escape(head)}</th>' for head, name in heads.items())
    lines = []
    for first, *rest in rows:
        data = "".join(f"<td{_class(name)}>{cell}</td>" for name, cell in zip([*heads.values()][1:], rest, strict=True))
        lines.append(f'<tr><th scope="row">{first}</th>{data}</tr>')
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{escape(caption)}"><table{_class(kind)}>'
        f"<caption>{escape(caption)}</caption><thead><tr>{cells}</tr></thead>\n"
        f"<tbody>\n{chr(10).join(lines)}\n</tbody></table></div>\n"
    )


def _class(name: str) -> str:
    return f' class="{name}"' if name else ""


def _day(result: Result) -> str:
    heading = f"<h2>Day {result.day}: {result.points} of {result.max_points} points</h2>"
    file = f"<p>Graded file: <code>{escape(result.file)}</code></p>" if result.file else ""
    if result.reason:
        return f"{heading}{file}<p>{escape(result.reason)}</p>"
    heads = {"Question": "", "Result": "", "Points": "number", "What was found": "told"}
    return heading + file + table("Questions", heads, map(_mark, result.marks), "marks")


def _mark(mark: Mark) -> tuple[str, ...]:
    return (
        f"<code>{escape(mark.question)}</code>",
        f'<span class="{escape(mark.status)}">{escape(SIGNS.get(mark.status, mark.status))}</span>',
        f"{mark.points}\N{NO-BREAK SPACE}of\N{NO-BREAK SPACE}{mark.max_points}",
        escape(mark.feedback),
    )
