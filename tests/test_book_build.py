"""How the book is put together: contents, links, pages of lessons and exercises, explorers, the site, the branch."""

import json
import re
import shutil
import stat
import textwrap
from pathlib import Path

import nbformat
import pytest
import yaml
from IPython.core.interactiveshell import InteractiveShell

from course_utils import book, notebooks
from course_utils.book import branch, contents, days, generated, links, live, site, staging
from course_utils.errors import CourseError
from course_utils.runner.result import Report

ROOT = Path(__file__).parents[1]
REPOSITORY = "https://github.com/somebody/cnn"


def grading(name, points=0, **kind):
    facts = {"grade": False, "solution": False, **kind, "grade_id": name, "locked": not kind.get("solution")}
    return "nbgrader=" + json.dumps(
        {**facts, "schema_version": 3, "task": False, **({"points": points} if points else {})}
    )


LESSON = """
# %% [markdown]
# # Day 2: Small
#
# **What is one and one?** The formula is $1 + 1 = 2$. See [the exercise](../exercises/day_02_small.py), the
# [other file](../pyproject.toml) and `[no](link.py)`.

# %%
print("two:", 1 + 1)
"""
SOLUTION = f"""
# %% [markdown]
# # Day 2: exercise
#
# Write `double`.

# %%
import math

# %% {grading("double", solution=True)}
def double(number):
    ### BEGIN SOLUTION
    twice = number * 2
    return twice
    ### END SOLUTION

# %%
shown = double(3)
print(shown)

# %%
print("also from the answer", shown)

# %%
twice = math.pi
print("nothing of the answer")

# %% {grading("check-double", points=1, grade=True)}
print("right" if double(4) == 8 else "wrong")
"""
TOC = """
format: jb-book
root: index
parts:
  - caption: Week 1
    chapters:
      - file: lessons/day_02_small
        sections:
          - file: exercises/day_02_small
"""
SYLLABUS = """
weeks:
  - title: Week 1
    days:
      - {day: 1, slug: tiny, title: Tiny, line: Less.}
      - {day: 2, slug: small, title: Planned otherwise, line: More.}
"""


@pytest.fixture
def course(course, add, monkeypatch):
    """A course of one day, with a book of its own; the pages made from the library are left out."""
    add("lessons/day_02_small.py", LESSON, title="Small")
    add("solutions/day_02_small.py", SOLUTION, title="Small: exercise")
    settings = yaml.safe_load((ROOT / "_config.yml").read_text())
    settings["repository"]["url"] = REPOSITORY
    (course / "_config.yml").write_text(yaml.safe_dump(settings))
    (course / "_toc.yml").write_text(TOC)
    (course / "index.md").write_text("# A book\n\nIt is small.\n\n## Days\n\n<!-- the days -->\n")
    shutil.copytree(ROOT / "book" / "static", course / "book" / "static")
    (course / "book" / "syllabus.yml").write_text(SYLLABUS)
    shutil.copy(ROOT / "book" / "topics.yml", course / "book")
    monkeypatch.setattr(generated, "pages", lambda executed, report: {})
    return course


@pytest.fixture
def executed(course):
    """The day as if it had been executed, each code cell with one output."""
    found = {}
    for path in notebooks.find(folders=("lessons", "solutions")):
        notebook = notebooks.read(path)
        for cell in notebooks.code_cells(notebook):
            cell.outputs = [nbformat.v4.new_output("stream", text="shown\n")]
        notebook.cells.insert(2, nbformat.v4.new_code_cell("SEED = 1", metadata={"tags": ["injected-parameters"]}))
        found[f"{path.parent.name}/{path.stem}"] = notebook
    return found


REPORT = Report((), None, Path("report.html"), Path("report.json"))


def stage(executed, course):
    staging.stage(executed, REPORT, course / "source")
    return course / "source"


# ---- links ----------------------------------------------------------------------------------------------------------

PAGES = {
    "lessons/day_02_small.py": "lessons/day_02_small.ipynb",
    "exercises/day_02_small.py": "exercises/day_02_small.ipynb",
    "solutions/day_02_small.py": "exercises/day_02_small.ipynb",
    "docs/grading.md": "docs/grading.md",
    "index.md": "index.ipynb",
}


@pytest.mark.parametrize(
    ("name", "text", "wanted"),
    [
        ("lessons/day_02_small.py", "[a](../exercises/day_02_small.py)", "[a](../exercises/day_02_small.ipynb)"),
        ("lessons/day_02_small.py", "[a](../docs/grading.md#now)", "[a](../docs/grading.md#now)"),
        ("solutions/day_02_small.py", "[a](../lessons/day_02_small.py)", "[a](../lessons/day_02_small.ipynb)"),
        ("index.md", '[a `b`](solutions/day_02_small.py "c")', '[a `b`](exercises/day_02_small.ipynb "c")'),
        ("docs/grading.md", "[a](../index.md)", "[a](../index.ipynb)"),
        ("index.md", "[a](pyproject.toml)", f"[a]({REPOSITORY}/blob/HEAD/pyproject.toml)"),
        ("index.md", "[a](lessons)", f"[a]({REPOSITORY}/tree/HEAD/lessons)"),
        ("index.md", "[a](https://b.org/c.py) [b](#c) <c>", "[a](https://b.org/c.py) [b](#c) <c>"),
        ("index.md", "`[a](b.py)`", "`[a](b.py)`"),
        ("index.md", "- x\n\n  ```python d.py\n  a[0](b)\n  ```\n", "- x\n\n  ```python d.py\n  a[0](b)\n  ```\n"),
    ],
)
def test_a_link_leads_to_a_page_or_to_the_repository(name, text, wanted, course):
    assert links.rewrite(text, name, PAGES, course, REPOSITORY) == wanted


def test_a_link_that_leads_nowhere_is_named(course):
    with pytest.raises(CourseError, match=r"docs/grading.md links to gone.md, which is neither"):
        links.rewrite("[a](gone.md)", "docs/grading.md", PAGES, course, REPOSITORY)


# ---- contents -------------------------------------------------------------------------------------------------------


def test_the_contents_list_every_day_that_is_written_in_the_week_of_the_syllabus(monkeypatch):
    monkeypatch.chdir(ROOT)
    contents.check_days(contents.entries())
    planned = {week["title"]: week["days"] for week in contents.read_yaml(contents.SYLLABUS)["weeks"]}
    assert [day["day"] for week in planned.values() for day in week] == list(range(1, 22))
    for part in contents.read_yaml(contents.TOC)["parts"]:
        listed = [chapter["file"] for chapter in part["chapters"] if chapter["file"].startswith("lessons/")]
        week = [f"lessons/day_{day['day']:02}_{day['slug']}" for day in planned.get(part["caption"], [])]
        assert [lesson for lesson in week if lesson in listed] == listed


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda toc: toc.replace("lessons/day_02_small", "lessons/day_03_other"), "day_02_small is not in _toc"),
        (lambda toc: toc + "      - file: lessons/day_03_other\n", "lists lessons/day_03_other, which is not written"),
        (lambda toc: toc + "      - file: exercises/day_02_small\n", "lists exercises/day_02_small twice"),
        (lambda toc: toc + "      - file: docs/gone\n", "lists docs/gone, and there is no such page"),
        (lambda toc: toc + "      - glob: docs/*\n", r"lists docs/\*, and there is no such page"),
        (lambda toc: toc + "  - {", "_toc.yml is not valid YAML"),
    ],
)
def test_contents_that_disagree_with_the_pages_are_refused(change, sentence, course, executed):
    (course / "_toc.yml").write_text(change(TOC))
    with pytest.raises(CourseError, match=sentence):
        stage(executed, course)


def test_the_landing_page_links_written_days_and_names_the_others(course, executed):
    text = (stage(executed, course) / "index.md").read_text()
    assert "### Week 1" in text
    assert "| 1 | Tiny (coming) | Less. |  |" in text
    assert "| 2 | [Small](lessons/day_02_small.ipynb) | More. | [exercise](exercises/day_02_small.ipynb) |" in text


# ---- pages of days --------------------------------------------------------------------------------------------------


def test_a_lesson_shows_its_cells_and_folds_its_parameters(executed):
    page = days.lesson_page(executed["lessons/day_02_small"])
    parameters, printing = notebooks.code_cells(page)
    assert parameters.metadata.tags == ["parameters", "hide-input"]
    assert parameters.metadata.mystnb.code_prompt_show == "Show the parameters"
    assert "tags" not in printing.metadata and printing.outputs[0].text == "shown\n"


def test_an_exercise_shows_the_stub_then_the_folded_answer_then_the_card(executed, course):
    exercise = notebooks.exercise(course / "solutions" / "day_02_small.py")
    page = days.exercise_page(executed["solutions/day_02_small"], exercise)
    cells = notebooks.code_cells(page)
    place = next(n for n, cell in enumerate(cells) if "YOUR CODE HERE" in cell.source)
    stub, answer, shown, also, other, card = cells[place:]
    assert stub.outputs == [] and "twice" not in stub.source
    assert answer.source == "def double(number):\n    twice = number * 2\n    return twice"
    assert answer.metadata.tags == ["hide-cell"]
    assert answer.metadata.mystnb.code_prompt_show == "Show the answer"
    assert [cell.metadata.get("tags", []) for cell in (shown, also, other, card)] == [["hide-output"]] * 2 + [[]] * 2
    assert card.outputs[0].text == "shown\n"
    assert not any("SOLUTION" in cell.source for cell in page.cells)


# ---- explorers on pages ---------------------------------------------------------------------------------------------

CELL = """# A page

Text.

```{code-cell}
:tags: [remove-input]
from ipywidgets import IntSlider
IntSlider(5)
```

```{code-cell}
IntSlider(7)
```
"""


def test_a_page_with_cells_holds_their_widgets_and_is_the_same_each_time():
    assert live.has_cells(CELL) and not live.has_cells("```python\nIntSlider()\n```")
    page = live.notebook(CELL, "book/page.md")
    assert nbformat.writes(page) == nbformat.writes(live.notebook(CELL, "book/page.md"))
    state = page.metadata.widgets[live.STATE]["state"]
    first, second = notebooks.code_cells(page)
    shown = [cell.outputs[0].data[live.VIEW]["model_id"] for cell in (first, second)]
    assert [state[model]["state"]["value"] for model in shown] == [5, 7]
    assert first.metadata.tags == ["remove-input"]


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        ("1 / 0", r"book/page.md, cell 1: ZeroDivisionError"),
        ("import math", r"book/page.md, cell 1: a cell of a page ends with an explorer"),
        ("x = = 1", r"book/page.md, cell 1: SyntaxError"),
    ],
)
def test_a_cell_that_shows_no_widget_is_named(source, sentence):
    with pytest.raises(CourseError, match=sentence):
        live.notebook(f"# A\n\n```{{code-cell}}\n{source}\n```\n", "book/page.md")


# ---- staging --------------------------------------------------------------------------------------------------------


def test_only_what_changed_is_written_and_what_is_gone_is_removed(course, executed):
    source = stage(executed, course)
    before = {path: path.stat().st_mtime_ns for path in source.rglob("*") if path.is_file()}
    (source / "lessons" / "old.ipynb").write_text("of a day that was renamed")
    (course / "index.md").write_text("# A book\n\nIt is still small.\n")
    stage(executed, course)
    after = {path: path.stat().st_mtime_ns for path in source.rglob("*") if path.is_file()}
    assert [path.name for path in after if after[path] != before.get(path)] == ["index.md"]
    assert set(after) == set(before)


def test_the_book_brings_its_own_styles_and_scripts(course, executed):
    source = stage(executed, course)
    settings = yaml.safe_load((source / "_config.yml").read_text())["sphinx"]["config"]
    served = {path.relative_to(source / "static").as_posix() for path in (source / "static").rglob("*")}
    wanted = {*settings["html_css_files"], *settings["html_js_files"], *settings["nb_ipywidgets_js"]}
    assert wanted <= served
    assert settings["html_static_path"] == ["static"]


# ---- the site -------------------------------------------------------------------------------------------------------


def test_a_whole_book(course, capsys):
    (course / "book" / "page.md").write_text(CELL)
    (course / "_toc.yml").write_text(f"{TOC}      - file: book/page\n")
    html = book.build(course / "out")
    assert html == course / "out" / "html"
    lesson, exercise = ((html / folder / "day_02_small.html").read_text() for folder in ("lessons", "exercises"))
    assert '<html lang="en"' in lesson
    assert "<title>Day 2: Small &#8212; " in lesson
    assert '<meta name="description" content="What is one and one? The formula is' in lesson
    assert "two: 2" in lesson and 'href="../exercises/day_02_small.html"' in lesson
    for page, name in ((lesson, "lessons/day_02_small.ipynb"), (exercise, "exercises/day_02_small.ipynb")):
        assert f"https://colab.research.google.com/github/somebody/cnn/blob/notebooks/{name}" in page
        assert f"https://mybinder.org/v2/gh/somebody/cnn/notebooks?urlpath=lab/tree/{name}" in page
    assert re.search(r"<details.*?Show the answer.*?<details.*?Show what it prints.*?</details>.*right", exercise, re.S)
    page, index = ((html / name).read_text() for name in ("book/page.html", "index.html"))
    assert "colab" not in page + index
    assert "afm-host.js" in page and "afm-host.js" not in lesson
    assert "<math>" in lesson and "mathjax/" not in lesson.lower()
    assert (html / "_static" / "math.woff2").stat().st_size > 10_000
    for path in html.rglob("*.html"):
        outside = re.findall(r'<(?:script|link|img)[^>]*(?:src|href)="(https?:[^"]*)', path.read_text())
        assert [address for address in outside if "colab" not in address] == [], path
    assert "Search.setIndex" in (html / "searchindex.js").read_text()
    assert (html / "_static" / "scripts" / "fontawesome.js").stat().st_size < 1000

    # Again, with less: nothing is executed a second time, and what is gone from the book is gone from the site.
    capsys.readouterr()
    (course / "_toc.yml").write_text(TOC)
    book.build(course / "out")
    assert "2 of 2 passed before" in capsys.readouterr().out
    assert not (html / "book" / "page.html").exists()


def test_a_failing_notebook_stops_the_build_and_is_named_with_its_cell(course, add):
    add("lessons/day_02_small.py", LESSON.replace("1 + 1)", "1 / 0)"), title="Small")
    with pytest.raises(CourseError, match=r"not built: lessons/day_02_small.py:\d+, cell 2: failed"):
        book.build(course / "out")
    assert not (course / "out" / "html").exists()


def test_a_warning_stops_the_build(course, executed, capfd):
    (course / "index.md").write_text("# A book\n\n{doc}`gone`\n")
    with pytest.raises(CourseError, match="Sphinx found faults"):
        site.make_site(stage(executed, course), course / "html")
    assert "unknown document: 'gone'" in capfd.readouterr().err


def test_a_folder_with_something_else_in_it_is_left_alone(course):
    (course / "mine").mkdir()
    (course / "mine" / "thesis.txt").write_text("mine")
    with pytest.raises(CourseError, match="holds something else than a book"):
        book.build(course / "mine")
    with pytest.raises(CourseError, match="holds something else than a book"):
        book.build(course / "mine" / "thesis.txt")
    assert [path.name for path in (course / "mine").rglob("*")] == ["thesis.txt"]


def test_without_jupyter_book_the_extra_is_named(course, executed, monkeypatch):
    source = stage(executed, course)
    monkeypatch.setitem(__import__("sys").modules, "jupyter_book.sphinx", None)
    with pytest.raises(CourseError, match=r"pip install .*\[book\]"):
        site.make_site(source, course / "html")


# ---- the branch for Colab and Binder --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    return branch.make_branch(tmp_path_factory.mktemp("published") / "notebooks")


def test_the_branch_holds_every_lesson_and_exercise_not_executed(published):
    for path in notebooks.find(folders=("lessons", "exercises")):
        made = nbformat.read(published / path.parent.name / f"{path.stem}.ipynb", as_version=4)
        sources = [cell.source for cell in notebooks.read(path).cells if cell.cell_type == "code"]
        assert [cell.source for cell in notebooks.code_cells(made)[1:]] == sources
        assert not any(cell.outputs or cell.execution_count for cell in notebooks.code_cells(made))
        assert "jupytext" not in made.metadata
    everything = {path.relative_to(published).as_posix() for path in published.rglob("*")}
    assert not [name for name in everything if re.match(r"solutions|tests|course_utils/(book|bundle|grading)/", name)]
    assert "course_utils/checks/__init__.py" in everything


def test_links_between_its_notebooks_lead_to_notebooks(published):
    lesson = (published / "lessons" / "day_02_convolution.ipynb").read_text()
    assert "](../exercises/day_02_convolution.ipynb)" in lesson
    assert "](../exercises/day_02_convolution.py)" not in lesson


def test_the_first_cell_installs_the_library_on_colab_and_does_nothing_elsewhere(published, monkeypatch):
    settings = contents.read_yaml(contents.CONFIG)["repository"]
    first = nbformat.read(published / "lessons" / "day_02_convolution.ipynb", as_version=4).cells[0]
    assert f'%pip install --quiet "git+{settings["url"]}@{settings["branch"]}"' in first.source
    ran = []
    shell = InteractiveShell()
    shell.register_magic_function(ran.append, magic_name="pip")
    shell.run_cell(first.source).raise_error()
    assert ran == []
    monkeypatch.setitem(__import__("sys").modules, "google.colab", object())
    shell.run_cell(first.source).raise_error()
    assert ran == [f'install --quiet "git+{settings["url"]}@{settings["branch"]}"']


def test_the_same_course_gives_the_same_branch(published, tmp_path):
    again = branch.make_branch(tmp_path / "again")
    for path in (path for path in published.rglob("*.ipynb")):
        assert (again / path.relative_to(published)).read_bytes() == path.read_bytes()


def test_binder_finds_what_it_needs(published):
    lines = [line for line in (published / ".binder" / "requirements.txt").read_text().splitlines() if line[0] != "#"]
    assert lines == [
        "--extra-index-url https://download.pytorch.org/whl/cpu",
        "--constraint ../requirements.lock",
        "--editable .",
    ]
    assert (published / "requirements.lock").is_file() and (published / "pyproject.toml").is_file()
    assert stat.S_IMODE((published / ".binder" / "start").stat().st_mode) & 0o111
    assert "export COURSE_PROFILE=smoke" in (published / ".binder" / "start").read_text()


def test_an_answer_in_a_lesson_stops_it(tmp_path, monkeypatch):
    shutil.copytree(ROOT, tmp_path / "copy", ignore=shutil.ignore_patterns(".*", "build", "*.egg-info", "__pycache__"))
    shutil.copytree(ROOT / ".binder", tmp_path / "copy" / ".binder")
    answer = (ROOT / "solutions" / "day_02_convolution.py").read_text().split("### BEGIN SOLUTION")[1].split("###")[0]
    with (tmp_path / "copy" / "lessons" / "day_02_convolution.py").open("a") as lesson:
        lesson.write(f"\n# %%\n{textwrap.dedent(answer).replace('return out', 'out')}\n")
    monkeypatch.chdir(tmp_path / "copy")
    with pytest.raises(CourseError, match="give away an answer"):
        branch.make_branch(tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_the_marker_lists_what_was_written(published):
    listed = json.loads((published / ".course-bundle.json").read_text())["files"]
    assert ".binder/start" in listed and "lessons/day_02_convolution.ipynb" in listed
