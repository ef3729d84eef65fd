"""The page "What texts get wrong": what the lessons themselves have checked, beside the sentences it corrects.

A claim with a source, such as F01, belongs to the sentence that names this row, else to the bold sentence above its
cell. Statements and values are read from the executed lesson's output; nothing on the page is written by hand but its
introduction.
"""

import copy
import html
import itertools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import nbformat
from nbformat import NotebookNode

from course_utils.book.markdown import plain, table

SECTION = "What texts get wrong"
ROW = r"[FMOTU]\d{2,}"
ROWS = re.compile(rf"\b{ROW}\b")
CITED = re.compile(rf"\s*\((?:(?:{ROW})(?:,\s*|\s+and\s+)?)+\)")
VERDICTS = {"F": "false", "M": "misleading", "O": "outdated", "U": "cannot be verified", "T": "right"}
CLAIM = re.compile(
    r'<div class="course-claim" data-claim="(?P<row>[^"]+)">✓ (?P<statement>.*): '
    r"<strong>(?P<value>.*)</strong> \[[^\]]*\]</div>",
    re.DOTALL,
)
BOLD = re.compile(r"\*\*(?P<words>.+?)\*\*", re.DOTALL)

INTRODUCTION = f"""# {SECTION}

Widely read texts on convolutional networks were audited, sentence by sentence. What a lesson of this course corrects,
it tests in front of you: the values below are the lessons' own output, and a lesson stops where one of them does not
hold. Follow a value to the cell that computes it, change its numbers, and try to save the sentence.

*False* is what fails the test; *misleading* is what holds in part, or in a special case, and is told as a rule.
"""
RIGHT = """## What they get right

The audit confirmed sentences, too. Here are those that the lessons recompute.
"""
EMPTY = "None of the days that are in this book has tested a sentence yet."


@dataclass(frozen=True)
class Claim:
    """One checked claim. row: of the list of audited claims; cell: number of its cell; target: of links to the cell."""

    row: str
    statement: str
    value: str
    cell: int
    target: str


@dataclass
class Saying:
    """What a text says, in Markdown, and the claims that test it. cell: where it stands; words: "" if unknown."""

    words: str
    comment: str
    rows: frozenset[str]
    cell: int
    claims: list[Claim] = field(default_factory=list)

    @property
    def verdict(self) -> str:
        """One word or several; a right detail beside a wrong sentence does not count."""
        letters = sorted({claim.row[0] for claim in self.claims}, key="FMOUT".index)
        return ", ".join(VERDICTS[letter] for letter in letters if letter != "T") or VERDICTS["T"]


def claims(notebook: NotebookNode, docname: str) -> list[Claim]:
    """The claims with a source in an executed notebook, in order, as its outputs say them."""
    found: list[Claim] = []
    checks = 0
    for number, cell in enumerate(notebook.cells):
        here = [match for match in _outputs(cell) if ROWS.fullmatch(match["row"])]
        checks += bool(here)
        found += [
            Claim(
                match["row"],
                html.unescape(match["statement"]),
                html.unescape(match["value"]),
                number,
                f"{docname.rpartition('/')[2].replace('_', '-')}-check-{checks}",
            )
            for match in here
        ]
    return found


def anchored(notebook: NotebookNode, docname: str) -> NotebookNode:
    """A copy with a target before each cell that holds a claim with a source, for the links of the page."""
    targets = {claim.cell: claim.target for claim in claims(notebook, docname)}
    notebook = copy.deepcopy(notebook)
    for number, target in sorted(targets.items(), reverse=True):
        notebook.cells.insert(number, nbformat.v4.new_markdown_cell(f"({target})=", id=target[-64:]))
    return notebook


def sayings(notebook: NotebookNode, docname: str) -> list[Saying]:
    """What the lesson quotes from texts, with the claims that test it; in the order of the first claim."""
    quoted, cited = list(_quoted(notebook)), list(_cited(notebook))
    last = max((number for number, _, inside in _paragraphs(notebook) if inside), default=-1)
    found = claims(notebook, docname)
    owner: dict[str, Saying] = {}  # of each row: one sentence, wherever in the lesson it is tested
    for claim in found:
        naming = [saying for saying in quoted if claim.row in saying.rows]
        above = [saying for saying in quoted if saying.cell < claim.cell <= last + 1]
        if saying := (naming or above[-1:] or [None])[0]:
            owner.setdefault(claim.row, saying)
    for claim in found:
        named = next((saying for saying in cited if claim.row in saying.rows), None)
        saying = owner.setdefault(claim.row, named or Saying("", "", frozenset({claim.row}), claim.cell))
        saying.claims.append(claim)
    every = {id(saying): saying for saying in owner.values()}
    return sorted(every.values(), key=lambda saying: saying.claims[0].cell)


def page(executed: Mapping[str, NotebookNode]) -> str:
    """The page, in MyST Markdown. executed: {"lessons/day_02_convolution": executed notebook, ...}."""
    found = [
        (int(name[1]), saying)
        for docname, notebook in sorted(executed.items())
        if (name := re.match(r"lessons/day_(\d\d)_", docname))
        for saying in sayings(notebook, docname)
    ]
    wrong = [(day, saying) for day, saying in found if saying.verdict != VERDICTS["T"]]
    right = [(day, saying) for day, saying in found if saying.verdict == VERDICTS["T"]]
    if not found:
        return f"{INTRODUCTION}\n{EMPTY}\n"
    head = ["What a text says", "What the lesson finds", "Verdict", "Day"]
    parts = [INTRODUCTION, table(head, [_row(*item) for item in wrong], classes="course-filter by-verdict by-day")]
    if right:
        rows = [[_value(claim), f"{{day}}`{day}`"] for day, saying in right for claim in saying.claims]
        parts += [RIGHT, table(["What the lesson finds", "Day"], rows, classes="course-filter by-day")]
    return "\n\n".join(parts) + "\n"


def _row(day: int, saying: Saying) -> list[str]:
    words = saying.words or "The lesson tells what was said."
    finds = "\n".join(f"- {_value(claim)}" for claim in saying.claims)
    comment = f"{saying.comment}\n\n" if saying.comment else ""
    return [words, comment + finds, saying.verdict, f"{{day}}`{day}`"]


def _value(claim: Claim) -> str:
    return f"[{plain(claim.statement)}: **{plain(claim.value)}**](#{claim.target})"


def _outputs(cell: NotebookNode) -> Iterator[re.Match]:
    for output in cell.get("outputs", []):
        text = output.get("data", {}).get("text/html", "")
        if match := CLAIM.fullmatch("".join(text).strip()):
            yield match


def _quoted(notebook: NotebookNode) -> Iterator[Saying]:
    """The bold sentences of the section, each with the text up to the next."""
    for number, paragraph, inside in _paragraphs(notebook):
        heads = [bold for bold in BOLD.finditer(paragraph) if _opens(bold)] if inside else []
        for bold, following in itertools.zip_longest(heads, heads[1:]):
            words, rest = bold["words"], paragraph[bold.end() : following.start() if following else None]
            rows = frozenset(ROWS.findall(words + rest))
            if rest.startswith(","):  # the sentence goes on behind its bold part
                more, _, rest = rest.partition(". ")
                words += f"{more}."
            yield Saying(_clean(words), _clean(rest), rows, number)


def _opens(bold: re.Match) -> bool:
    """Whether bold words are what a text says, and not a stressed word or a call to predict."""
    first = not bold.string[: bold.start()].strip()
    return (first or bold["words"][0] in '"“') and not _call(bold)


def _call(bold: re.Match) -> bool:
    return "before you run" in bold["words"].lower()


def _cited(notebook: NotebookNode) -> Iterator[Saying]:
    """The sentences elsewhere in the lesson that name a row, as (F47)."""
    for number, paragraph, inside in _paragraphs(notebook):
        for sentence in re.split(r"(?<=[.?!])\s+", "" if inside else paragraph):
            if rows := {row for cited in CITED.finditer(sentence) for row in ROWS.findall(cited[0])}:
                yield Saying(_clean(sentence), "", frozenset(rows), number)


def _paragraphs(notebook: NotebookNode) -> Iterator[tuple[int, str, bool]]:
    """Each paragraph of prose with the number of its cell, and whether it stands in the section on texts."""
    inside = False
    for number, cell in enumerate(notebook.cells):
        for paragraph in re.split(r"\n\s*\n", cell.source) if cell.cell_type == "markdown" else ():
            if heading := re.match(r"##?\s+(.*)", paragraph):
                inside = heading[1].strip() == SECTION
            elif not paragraph.lstrip().startswith(("|", "#")):
                yield number, paragraph, inside


def _clean(text: str) -> str:
    """Markdown on one line, without numbers of rows and without what was to be done before running the cell."""
    if call := next((bold for bold in BOLD.finditer(text) if _call(bold)), None):
        text = text[: call.start()]
    return re.sub(r'(["”])\.$', r"\1", " ".join(CITED.sub("", text).split()))
