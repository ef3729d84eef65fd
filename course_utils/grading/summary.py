"""The summary of a class, for the instructor: distribution, questions, mistakes, times, and what needs a look."""

import statistics
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from html import escape
from pathlib import Path

from course_utils.grading.pages import feedback_page, page, table
from course_utils.grading.results import Result
from course_utils.grading.store import MISSING
from course_utils.notebooks.text import write_text

BINS = 10
MISTAKES = 12
FAULTS = {
    "raised": "The code stops with an error.",
    "type": "The answer is of another type.",
    "shape": "The answer has another shape.",
    "values": "The values are not right, for no known reason.",
    "mutates": "The input is changed.",
    "time": "The time ran out.",
    "memory": "The memory ran out.",
    "processes": "Too many processes were started.",
    "died": "The code ended its process.",
    "reply": "The answer was too large or unreadable.",
}


@dataclass
class _Question:
    max_points: int
    points: list[int] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    status: Counter = field(default_factory=Counter)


@dataclass
class _Day:
    """What is kept of a day: numbers, and the lines for whoever needs a look."""

    totals: list[int] = field(default_factory=list)
    max_points: int = 0
    missing: list[str] = field(default_factory=list)
    questions: dict[str, _Question] = field(default_factory=dict)
    mistakes: Counter = field(default_factory=Counter)
    unfit: list[tuple[str, str, str]] = field(default_factory=list)
    remarks: list[tuple[str, str]] = field(default_factory=list)

    def add(self, result: Result) -> None:
        self.max_points = result.max_points
        if result.reason == MISSING and not result.file:
            self.missing.append(result.student)
            return
        self.totals.append(result.points)
        if result.reason:
            self.unfit.append((result.student, result.file, result.reason))
        self.remarks += [(result.student, note) for note in result.notes]
        for mark in result.marks:
            question = self.questions.setdefault(mark.question, _Question(mark.max_points))
            question.points.append(mark.points)
            question.status[mark.status] += 1
            if not result.reason:
                question.seconds.append(mark.seconds)
            if mark.mistake or mark.fault:
                self.mistakes[mark.question, mark.mistake or FAULTS.get(mark.fault, mark.fault)] += 1
            self.remarks += [(result.student, flag) for flag in mark.flags]


def write(out: Path, students: Iterable[tuple[str, list[Result]]], skipped: Iterable[str]) -> None:
    """Write summary.html. skipped: sentences on what in the folder was no submission."""
    days: dict[int, _Day] = defaultdict(_Day)
    sandboxed, listed = True, []
    for student, results in students:
        for result in results:
            days[result.day].add(result)
            sandboxed = sandboxed and result.sandboxed
        points = sum(result.points for result in results)
        listed.append((_link(student), str(sum(1 for result in results if result.file)), str(points)))
    body = f"<p>{_count(len(listed), 'student')}, {_count(len(days), 'day')}.</p>"
    body += "".join(_section(number, days[number]) for number in sorted(days))
    if skipped := list(skipped):
        body += "<h2>Left out</h2><ul>" + "".join(f"<li>{escape(line)}</li>" for line in skipped) + "</ul>"
    heads = {"Student": "", "Days handed in": "number", "Points": "number"}
    body += "<h2>Students</h2>" + table("Feedback pages and points over all days", heads, listed)
    write_text(out / "summary.html", page("Summary of the class", body, sandboxed))


def _section(number: int, day: _Day) -> str:
    parts = [f"<h2>Day {number}</h2>"]
    if day.totals:
        middle = statistics.median(day.totals)
        parts.append(
            f"<p>{_count(len(day.totals), 'submission')}; median {middle:g}, mean {statistics.mean(day.totals):.1f} of "
            f"{day.max_points} points.</p>"
        )
        parts += [_histogram(day.totals, day.max_points), _questions(day)]
    if day.mistakes:
        rows = [
            (f"<code>{escape(question)}</code>", escape(what), str(count))
            for (question, what), count in sorted(day.mistakes.items(), key=lambda item: (-item[1], item[0]))[:MISTAKES]
        ]
        parts.append(table("Most frequent mistakes", {"Question": "", "Mistake": "told", "Students": "number"}, rows))
    if day.unfit:
        rows = [(_link(student), f"<code>{escape(file)}</code>", escape(why)) for student, file, why in day.unfit]
        parts.append(table("Could not be graded, and scored 0", {"Student": "", "File": "", "Reason": "told"}, rows))
    if day.remarks:
        rows = [(_link(student), escape(text)) for student, text in day.remarks]
        parts.append(table("Flags and notes", {"Student": "", "What to look at": "told"}, rows))
    if day.missing:
        names = ", ".join(map(_link, day.missing))
        parts.append(f"<h3>Not handed in: {len(day.missing)}</h3><p>{names}</p>")
    return "\n".join(parts)


def _questions(day: _Day) -> str:
    heads = {"Question": "", "Right": "number", "Wrong": "number", "No answer": "number", "Mean points": "number"}
    heads |= {"Median time (s)": "number", "Longest (s)": "number"}
    rows = []
    for name, question in day.questions.items():
        times = [f"{of(question.seconds):.2f}" for of in (statistics.median, max)] if question.seconds else ["–", "–"]
        mean = f"{statistics.mean(question.points):.1f} of {question.max_points}"
        status = (str(question.status[kind]) for kind in ("right", "wrong", "unanswered"))
        rows.append((f"<code>{escape(name)}</code>", *status, mean, *times))
    return table("Questions", heads, rows)


def _histogram(totals: list[int], most: int) -> str:
    """Students by points: a bar for each number of points, or for each tenth of them. The numbers stand on the bars."""
    step = 1 if most <= BINS else -(-most // BINS)
    counts = Counter(total // step for total in totals)
    bins = range(max(most // step, max(counts)) + 1)
    labels = [str(low) if step == 1 else _span(low * step, min((low + 1) * step - 1, most)) for low in bins]
    width, height, foot = 560, 150, 40
    wide, unit = width / len(bins), (height - 20) / max(counts.values())
    bars = []
    for place, label in enumerate(labels):
        tall, middle = counts[place] * unit, (place + 0.5) * wide
        bars.append(
            f'<rect class="bar" x="{place * wide + 2:.1f}" y="{height - tall:.1f}" width="{wide - 4:.1f}" '
            f'height="{tall:.1f}"/><text x="{middle:.1f}" y="{height - tall - 4:.1f}" text-anchor="middle">'
            f'{counts[place] or ""}</text><text x="{middle:.1f}" y="{height + 15}" text-anchor="middle">{label}</text>'
        )
    told = "; ".join(
        f"{label} points: {_count(counts[place], 'student')}" for place, label in enumerate(labels) if counts[place]
    )
    return (
        '<div class="scroll" tabindex="0" role="region" aria-label="Distribution of points">'
        f'<svg viewBox="0 0 {width} {height + foot}" role="img" aria-label="Distribution of points. {told}.">'
        f'{"".join(bars)}<line class="axis" x1="0" y1="{height}" x2="{width}" y2="{height}"/>'
        f'<text x="{width / 2}" y="{height + 34}" text-anchor="middle">points (bars: number of students)</text>'
        "</svg></div>"
    )


def _span(low: int, high: int) -> str:
    return str(low) if low == high else f"{low}–{high}"


def _link(student: str) -> str:
    return f'<a href="{feedback_page(student)}">{escape(student)}</a>'


def _count(number: int, what: str) -> str:
    return f"{number} {what}" + ("" if number == 1 else "s")
