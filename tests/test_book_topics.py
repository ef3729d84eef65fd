"""The page of topics: every tag is found, a missing topic shows, and no written day leaves one out."""

import re
from pathlib import Path

import nbformat
import pytest

from course_utils import notebooks
from course_utils.book import topics_page
from course_utils.errors import CourseError

ROOT = Path(__file__).parents[1]
LESSONS = {f"lessons/{path.stem}": path for path in sorted((ROOT / "lessons").glob("day_*.py"))}


def lesson(*cells):
    notebook = nbformat.v4.new_notebook()
    notebook.cells = [nbformat.v4.new_markdown_cell(text, metadata={"topics": tags}) for text, tags in cells]
    return notebook


def test_a_topic_is_linked_to_the_section_that_teaches_it():
    notebook = lesson(("# Day 2\n\n## By hand\n\ntext", []), ("more of it", ["C1"]), ("## Sizes", ["C7", "C1"]))
    page = topics_page.page({"lessons/day_02_convolution": notebook, "solutions/day_02_convolution": notebook})
    row = next(line for line in page.splitlines() if line.startswith("* - C1\n") or line == "* - C1")
    after = page.split(row)[1].split("* -")[0]
    assert re.findall(r"\[(.*?)\]\(#(.*?)\)", after) == [
        ("Day 2: By hand", "topic-day-02-convolution-1"),
        ("Day 2: Sizes", "topic-day-02-convolution-2"),
    ]


def test_each_link_has_its_target():
    notebook = lesson(("# Day 2", ["C3"]), ("text", ["C1", "C2"]))
    page = topics_page.page({"lessons/day_02_convolution": notebook})
    text = "\n".join(cell.source for cell in topics_page.anchored(notebook, "lessons/day_02_convolution").cells)
    links = set(re.findall(r"\]\(#(topic-[\w-]+)\)", page))
    assert len(links) == 2
    assert set(re.findall(r"^\((topic-[\w-]+)\)=$", text, re.M)) == links


def test_a_topic_that_nobody_teaches_names_its_days():
    page = topics_page.page({})
    assert page.count("*to come:") == sum(len(group.topics) for group in topics_page.groups())
    assert "*to come: {day}`7` and {day}`8`*" in page


def test_an_unknown_topic_is_refused_with_its_lesson():
    with pytest.raises(CourseError, match=r"lessons/day_02_convolution.py .*'C99'"):
        topics_page.places(lesson(("# Day 2", ["C99"])), "lessons/day_02_convolution")


def test_a_tag_on_code_is_refused():
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1", metadata={"topics": ["C1"]})])
    with pytest.raises(CourseError, match="text"):
        topics_page.places(notebook, "lessons/day_02_convolution")


def test_only_groups_whose_days_are_all_written_can_lack_a_topic():
    assert topics_page.missing({}, {8}) == []
    lacking = topics_page.missing({"K2": []}, {7})
    assert lacking == ["K1", "K3"]
    assert "J1" in topics_page.missing({}, {7, 8})


def test_the_written_days_teach_all_topics_of_their_groups():
    taught = {}
    for name, path in LESSONS.items():
        for topic, places in topics_page.places(notebooks.read(path), name).items():
            taught.setdefault(topic, []).extend(places)
    written = {notebooks.facts(path).day for path in LESSONS.values()}
    assert topics_page.missing(taught, written) == []
