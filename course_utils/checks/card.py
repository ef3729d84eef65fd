"""Showing a verdict: a small card in the notebook, the same words in a terminal."""

import os
from types import ModuleType
from typing import Any

from course_utils.checks.judge import Verdict, judge
from course_utils.checks.question import Question, questions_of
from course_utils.display import escape, show_html

# Glyph and word carry the meaning; the colour (Okabe and Ito's, readable on white and on black) only helps.
MARKS = {"right": ("✓", "right", "#009E73"), "wrong": ("✗", "not right yet", "#D55E00"),
         "unanswered": ("○", "not answered yet", "#808080")}  # fmt: skip

_latest: dict[Question, Verdict] = {}


def check(question: Question, answer: Any, **given: Any) -> int | None:
    """Judge an answer and show the card: points, the mistake recognised, the smallest input that shows it.

    given: what the question's cases need from outside, such as images. Returns None, so that a cell shows the card
    only; where nbgrader executes the cell, the points, which nbgrader then takes for its score.
    Shows nothing where the question has no answers to compare with, as while a submission is graded.
    Raises TypeError if the question does not come first.
    """
    if not isinstance(question, Question):
        raise TypeError("check takes the question first, then the answer: check(questions.conv2d, conv2d)")
    if not question.judged:
        return None
    _latest[question] = verdict = judge(question, answer, **given)
    show_html(to_html(verdict), to_text(verdict))
    return verdict.points if os.environ.get("NBGRADER_EXECUTION") else None


def summary(day: ModuleType) -> None:
    """Show the points of a day's questions as last checked in this session."""
    questions = questions_of(day)
    verdicts = [_latest.get(q) or Verdict(q.name, 0, q.points, "unanswered") for q in questions]
    total = f"{sum(v.points for v in verdicts)} of {sum(v.max_points for v in verdicts)} points"
    rows = [(MARKS[v.status][0], v.question, f"{v.points} of {v.max_points}", MARKS[v.status][1]) for v in verdicts]
    width = max(len(v.question) for v in verdicts)
    text = "\n".join([total, *(f"{mark} {name:<{width}}  {points}  {word}" for mark, name, points, word in rows)])
    cells = "".join(
        f"<tr><td>{mark}</td>{_left(f'<code>{escape(name)}</code>')}<td>{points}</td>{_left(word)}</tr>"
        for mark, name, points, word in rows
    )
    html = f'<div class="course-summary"><strong>{total}</strong><table><tbody>{cells}</tbody></table></div>'
    show_html(html, text)


def _left(html: str) -> str:
    return f'<td style="text-align:left">{html}</td>'  # JupyterLab sets every cell flush right


def to_text(verdict: Verdict) -> str:
    """The card for a terminal."""
    mark, word, _ = MARKS[verdict.status]
    head = f"{mark} {verdict.question}   {_points(verdict)}, {word}"
    return "\n".join([head, *(f"  {line}" for line in _body(verdict))])


def to_html(verdict: Verdict) -> str:
    """The card for a notebook or a page: it inherits text colour and ground, and everything in it is escaped."""
    mark, word, colour = MARKS[verdict.status]
    body = "".join(f'<p style="margin:.3em 0 0;overflow-wrap:anywhere">{escape(line)}</p>' for line in _body(verdict))
    return (
        f'<div class="course-check course-check-{verdict.status}" role="status" '
        f'style="border:1px solid {colour};border-left-width:6px;border-radius:4px;padding:.5em .8em;max-width:46em">'
        f'<span aria-hidden="true" style="color:{colour};font-weight:bold">{mark}</span> '
        f"<strong>{escape(verdict.question)}</strong> · {_points(verdict)} · {word}{body}</div>"
    )


def _points(verdict: Verdict) -> str:
    return f"{verdict.points} of {verdict.max_points} points"


def _body(verdict: Verdict) -> list[str]:
    """The message, unless the card's first line says all of it."""
    return verdict.message.split("\n") if verdict.status == "wrong" else []
