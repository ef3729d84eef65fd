"""The page of topics: what the course has to teach, line by line, and the section of the day that teaches it."""

import copy
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from nbformat import NotebookNode

from course_utils.book.contents import read_yaml
from course_utils.book.markdown import plain, table
from course_utils.errors import CourseError

TOPICS, TAG = "book/topics.yml", "topics"
HEADING = re.compile(r"^#{1,6} +(.+?) *$", re.M)
INTRODUCTION = """# What is taught where

Every topic of the course, and the sections that teach it: each lesson tags its cells with the topics they teach, and
this page is made from these tags. A topic without a link is still to come, on the day that is named."""


@dataclass(frozen=True)
class Group:
    """Topics that belong together, by id ("C1"), and the days that share them."""

    id: str
    title: str
    days: tuple[int, ...]
    topics: Mapping[str, str]


@dataclass(frozen=True)
class Place:
    """A cell that teaches a topic. number: of the cell among all cells; section: the heading above it."""

    lesson: str
    number: int
    section: str

    @property
    def target(self) -> str:
        """Of a link to the cell, unlike any other in the book."""
        return f"topic-{self.lesson.rpartition('/')[2].replace('_', '-')}-{self.number}"


def groups() -> list[Group]:
    """The groups of `book/topics.yml`, in order."""
    return [
        Group(
            one["id"],
            one["title"],
            tuple(one["days"]),
            {f"{one['id']}{number}": topic for number, topic in enumerate(one["topics"], start=1)},
        )
        for one in read_yaml(TOPICS)["groups"]
    ]


def places(notebook: NotebookNode, lesson: str) -> dict[str, list[Place]]:
    """Topic id -> the cells of a lesson tagged with it.

    Raises CourseError for an id that is not in the list, and for a tag on code: text teaches, code shows.
    """
    known = {topic for group in groups() for topic in group.topics}
    found: dict[str, list[Place]] = {}
    for number, section, topics in _tagged(notebook):
        if notebook.cells[number].cell_type != "markdown":
            raise CourseError(f"{lesson}.py tags code with topic {topics[0]}: tag the text above it.")
        for topic in topics:
            if topic not in known:
                raise CourseError(f"{lesson}.py tags a cell with topic {topic!r}, which {TOPICS} does not list.")
            found.setdefault(topic, []).append(Place(lesson, number, section))
    return found


def anchored(notebook: NotebookNode, lesson: str) -> NotebookNode:
    """A copy with a target in each tagged cell, for the links of the page."""
    notebook = copy.deepcopy(notebook)
    targets = {place.number: place.target for some in places(notebook, lesson).values() for place in some}
    for number, target in targets.items():
        notebook.cells[number].source = f"({target})=\n{notebook.cells[number].source}"
    return notebook


def missing(taught: Mapping[str, list[Place]], written: set[int]) -> list[str]:
    """The topics that no lesson teaches although all days of their group are written."""
    return [
        topic
        for group in groups()
        if set(group.days) <= written
        for topic in group.topics
        if topic not in taught
    ]


def page(executed: Mapping[str, NotebookNode]) -> str:
    """The page as Markdown. executed: notebooks by name, such as "lessons/day_02_convolution"."""
    taught: dict[str, list[Place]] = {}
    for lesson, notebook in sorted(executed.items()):
        if lesson.startswith("lessons/"):
            for topic, some in places(notebook, lesson).items():
                taught.setdefault(topic, []).extend(some)
    parts = [INTRODUCTION]
    for group in groups():
        days = " and ".join(f"{{day}}`{day}`" for day in group.days)
        rows = [
            [topic, plain(name), "<br>".join(map(_link, taught.get(topic, []))) or f"*to come: {days}*"]
            for topic, name in group.topics.items()
        ]
        parts += [f"## {group.id}. {plain(group.title)}", table(["", "Topic", "Taught in"], rows)]
    return "\n\n".join(parts) + "\n"


def _link(place: Place) -> str:
    day = int(re.search(r"day_(\d+)", place.lesson)[1])
    return f"[Day {day}: {plain(place.section)}](#{place.target})"


def _tagged(notebook: NotebookNode) -> Iterator[tuple[int, str, list[str]]]:
    """Number, heading and topics of each tagged cell. The heading is the first in the cell, else the last above it."""
    section = ""
    for number, cell in enumerate(notebook.cells):
        headings = HEADING.findall(cell.source) if cell.cell_type == "markdown" else []
        if topics := cell.metadata.get(TAG):
            yield number, headings[0] if headings else section, list(topics)
        section = headings[-1] if headings else section
