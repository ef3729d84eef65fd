"""Notebooks as files: facts, finding, the round trip, exercises from solutions."""

import json
from collections.abc import Callable
from pathlib import Path

import jupytext
import nbformat
import pytest

from course_utils import notebooks
from course_utils.errors import CourseError

REPOSITORY = Path(__file__).parents[1]
ALL = sorted(path for folder in ("lessons", "exercises", "solutions") for path in (REPOSITORY / folder).glob("*.py"))
TRICKY = Path(__file__).parent / "notebooks" / "day_01_tricky.py"
AddNotebook = Callable[..., Path]

ANSWER_CELL = (
    '# %% nbgrader={"cell_type": "code", "grade": false, "grade_id": "f", "locked": false, "schema_version": 3, '
    '"solution": true, "task": false}\n'
)
SOLUTION = (
    ANSWER_CELL
    + '''def f(image):
    """Its height, doubled."""
    ### BEGIN SOLUTION
    height_of_the_image = image.shape[0]
    return 2 * height_of_the_image
    ### END SOLUTION

# %% [markdown] tags=["hint"]
# Think of `shape`.
'''
)


# Facts


def test_facts_of_a_header(add: AddNotebook) -> None:
    facts = notebooks.facts(add("lessons/day_07_two_words.py", title="Seven: a day", data=["cifar10"], memory_mb=900))
    assert (facts.day, facts.slug, facts.stem) == (7, "two_words", "day_07_two_words")
    assert (facts.title, facts.minutes, facts.data, facts.memory_mb) == ("Seven: a day", 10, ("cifar10",), 900)
    assert facts.budget_s == {"smoke": 60, "cpu": 60, "gpu": 60}


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"minutes": None}, "lacks `minutes`"),
        ({"budget_s": {"smoke": 60}}, "`budget_s` in the header is"),
        ({"budget_s": {"smoke": 60, "cpu": 0, "gpu": 1}}, "`budget_s` in the header is"),
        ({"data": "cifar10"}, "`data` in the header is 'cifar10'"),
        ({"title": ""}, "`title` in the header is ''"),
        ({"day": 3}, "the header says day 3, the file's name says day 2"),
        ({"day": True}, "`day` in the header is True"),
        ({"memory_mb": "much"}, "`memory_mb` in the header is 'much'"),
    ],
)
def test_a_wrong_fact_is_named(add: AddNotebook, changed: dict, said: str) -> None:
    with pytest.raises(CourseError, match=r"lessons/day_02_x\.py") as caught:
        notebooks.facts(add("lessons/day_02_x.py", **changed))
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("day_02_x.py", "# %%\n1\n", "has no header"),
        ("day_02_x.py", "", "has no header"),
        ("day_02_x.py", "# ---\n# jupyter:\n#   kernelspec: {name: python3}\n# ---\n", "has no facts"),
        ("day_02_x.py", "# ---\n# title: x\n# ---\n", "has no facts"),
        ("day_02_x.py", "# ---\n# jupyter:\n#   course: [day: 2\n# ---\n", "not valid YAML at line 4"),
        ("day_02_x.py", "# ---\n# - jupyter\n# ---\n", "not valid YAML"),
        ("day_02_x.ipynb", '{"cells": [', "is not a valid notebook"),
        ("day_02_x.ipynb", "[]", "is not a valid notebook"),
        ("day_02_x.py", b"\xff\xfe\x00", "cannot be read as text"),
        ("convolution.py", "# %%\n", "not named like a notebook"),
    ],
)
def test_a_broken_file_is_one_sentence(course: Path, name: str, text: str | bytes, said: str) -> None:
    path = course / "lessons" / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(CourseError) as caught:
        notebooks.facts(path)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_ipynb_that_is_no_notebook_is_one_sentence(course: Path) -> None:
    path = course / "day_02_x.ipynb"
    path.write_text(json.dumps({"metadata": {}, "nbformat": 4, "nbformat_minor": 5, "cells": [{"cell_type": "odd"}]}))
    with pytest.raises(CourseError, match="not a valid notebook"):
        notebooks.read(path)


# Finding


@pytest.fixture
def days(add: AddNotebook) -> None:
    for name in (
        "lessons/day_02_b",
        "solutions/day_02_b",
        "exercises/day_02_b",
        "lessons/day_12_a",
        "lessons/day_03_c",
    ):
        add(f"{name}.py")


def names(paths: list[Path]) -> list[str]:
    return [f"{path.parent.name[0]}{path.stem[4:]}" for path in paths]


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        (None, ["l02_b", "e02_b", "s02_b", "l03_c", "l12_a"]),
        (["12"], ["l12_a"]),
        (["12", "3"], ["l12_a", "l03_c"]),
        (["3,12", "3"], ["l03_c", "l12_a"]),
        (["1-5"], ["l02_b", "e02_b", "s02_b", "l03_c"]),
        (["day_03"], ["l03_c"]),
        (["day_03_c"], ["l03_c"]),
        (["exercises"], ["e02_b"]),
        (["solutions/day_02_b.py"], ["s02_b"]),
    ],
)
def test_find(days: None, asked: list[str] | None, found: list[str]) -> None:
    assert names(notebooks.find(asked)) == found


def test_find_in_some_folders(days: None) -> None:
    assert names(notebooks.find(["2"], folders=("solutions", "lessons"))) == ["l02_b", "s02_b"]


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("7", "There is no day 7: the days that exist are 2, 3, 12."),
        ("13-20", "There is no day 13-20"),
        ("day_02_other", "There is no day day_02_other"),
        ("convolution", "'convolution' is no day"),
        ("lessons/day_09_x.py", "There is no notebook lessons/day_09_x.py."),
    ],
)
def test_an_unknown_day_is_named_with_those_that_exist(days: None, asked: str, said: str) -> None:
    with pytest.raises(CourseError) as caught:
        notebooks.find([asked])
    assert said in str(caught.value)


def test_a_stray_file_is_refused(days: None, course: Path) -> None:
    (course / "lessons" / "scratch.py").write_text("1")
    with pytest.raises(CourseError, match=r"lessons/scratch.py is no notebook of the course.*out of lessons/"):
        notebooks.find()


def test_other_files_are_left_alone(days: None, course: Path) -> None:
    (course / "lessons" / "Untitled.ipynb").write_text("{}")
    (course / "lessons" / ".ipynb_checkpoints").mkdir()
    assert len(notebooks.find()) == 5


# The round trip


@pytest.mark.parametrize("path", [*ALL, TRICKY], ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_round_trip_is_the_identity(path: Path, tmp_path: Path) -> None:
    ipynb = notebooks.to_ipynb(path, tmp_path / "there.ipynb")
    nbformat.validate(nbformat.read(ipynb, as_version=4))
    notebooks.write(notebooks.read(ipynb), tmp_path / "back.py")
    assert (tmp_path / "back.py").read_text(encoding="utf-8") == path.read_text(encoding="utf-8")


@pytest.mark.parametrize("path", [*ALL, TRICKY], ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_saving_from_jupyterlab_changes_nothing(path: Path) -> None:
    assert saved_by_jupyterlab(path) == path.read_text(encoding="utf-8")


def saved_by_jupyterlab(path: Path) -> str:
    """What jupytext makes of a notebook that was opened, run and saved in JupyterLab."""
    notebook = jupytext.read(path)
    notebook.metadata.language_info = {"name": "python", "version": "3.13.0"}
    for cell in notebook.cells:
        cell.metadata["trusted"] = True
        cell.metadata["execution"] = {"iopub.status.busy": "2026-01-01T00:00:00Z"}
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [nbformat.v4.new_output("stream", text="hello")], 3
    return jupytext.writes(notebook, "py:percent")


def test_the_tricky_notebook_holds_what_it_is_for() -> None:
    notebook = notebooks.read(TRICKY)
    assert [cell.cell_type for cell in notebook.cells].count("raw") == 2
    sources = [cell.source for cell in notebook.cells]
    assert "%matplotlib inline\nx = 1" in sources
    assert any(source.startswith("%%time\n") for source in sources)
    assert any('"""\n# %% no cell begins here\n"""' in source for source in sources)
    metadata = [cell.metadata for cell in notebook.cells]
    assert any(m.get("jupyter") == {"source_hidden": True} for m in metadata)
    assert any(m.get("nbgrader", {}).get("points") == 4 for m in metadata)
    assert any(m.get("deep") == {"list": [1, {"ü": None}], "text": 'a "quote"'} for m in metadata)


def test_lines_of_cells_are_found_in_the_file() -> None:
    notebook = notebooks.read(TRICKY)
    lines = TRICKY.read_text(encoding="utf-8").split("\n")
    starts = notebooks.cell_lines(TRICKY, notebook)
    cells = notebooks.code_cells(notebook)
    assert len(starts) == len(cells)
    for start, cell in zip(starts, cells, strict=True):
        assert lines[start - 1].removeprefix("# ") == cell.source.split("\n")[0].removeprefix("# ")


def test_cell_ids_depend_on_content_only(add: AddNotebook, tmp_path: Path) -> None:
    path = add("lessons/day_02_x.py", "# %%\n1\n\n# %%\n1\n")
    first, again = (notebooks.to_ipynb(path, tmp_path / name).read_text() for name in ("a.ipynb", "b.ipynb"))
    assert first == again
    ids = [cell.id for cell in notebooks.read(path).cells]
    assert len(set(ids)) == len(ids)
    longer = add("lessons/day_02_x.py", "# %%\nnew\n\n# %%\n1\n\n# %%\n1\n")
    assert set(ids) < {cell.id for cell in notebooks.read(longer).cells}


def test_parameters_are_set_in_their_cell(add: AddNotebook, tmp_path: Path) -> None:
    path = add("lessons/day_02_x.py")
    out = notebooks.read(notebooks.to_ipynb(path, tmp_path / "x.ipynb", PROFILE="smoke", SEED=2))
    assert out.cells[0].source == "PROFILE = \"auto\"\nSEED = 0\nPROFILE = 'smoke'\nSEED = 2"
    assert len(out.cells) == len(notebooks.read(path).cells)


def test_a_missing_parameters_cell_is_named(add: AddNotebook, tmp_path: Path) -> None:
    path = add("lessons/day_02_x.py", parameters="")
    with pytest.raises(CourseError, match=r'lessons/day_02_x\.py: no cell is tagged "parameters"'):
        notebooks.to_ipynb(path, tmp_path / "x.ipynb", PROFILE="smoke")


# Exercises


def test_an_exercise_has_stubs_for_answers(add: AddNotebook) -> None:
    notebook = notebooks.exercise(add("solutions/day_02_x.py", SOLUTION))
    answer = notebook.cells[1]
    assert answer.source == 'def f(image):\n    """Its height, doubled."""\n    # YOUR CODE HERE\n    ...'
    assert answer.metadata.nbgrader.grade_id == "f"
    assert notebook.cells[2].metadata.tags == ["hint"]
    assert notebook.metadata.course.generated_from == "solutions/day_02_x.py"
    namespace: dict = {}
    exec(answer.source, namespace)
    assert namespace["f"](None) is None


def test_a_whole_answer_cell_is_cleared_without_markers(add: AddNotebook) -> None:
    notebook = notebooks.exercise(add("solutions/day_02_x.py", ANSWER_CELL + "secret_of_the_answer = 42\n"))
    assert notebook.cells[1].source == "# YOUR CODE HERE"  # a lone `...` would show "Ellipsis" below the cell


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("def f():\n    ### BEGIN SOLUTION\n    return 1\n\n# %%\n2\n", "`### BEGIN SOLUTION` is not closed; end it"),
        ("def f():\n    ### BEGIN SOLUTION\n    return 1\n", "`### BEGIN SOLUTION` is not closed; end it"),
        ("### BEGIN SOLUTION\n1\n### BEGIN SOLUTION\n### END SOLUTION\n", "not closed before the next one"),
        ("1\n### END SOLUTION\n", "`### END SOLUTION` without a `### BEGIN SOLUTION`"),
        ("x = [\n### BEGIN SOLUTION\n1]\n### END SOLUTION\n", "code cell 2 is not valid Python"),
    ],
)
def test_wrong_markers_are_named(add: AddNotebook, body: str, said: str) -> None:
    path = add("solutions/day_02_x.py", ANSWER_CELL + body)
    with pytest.raises(CourseError) as caught:
        notebooks.exercise(path)
    assert said in str(caught.value)
    if "marker" in said or "SOLUTION" in said:
        line = int(str(caught.value).split("line ")[1].split(":")[0])
        assert "SOLUTION" in path.read_text().split("\n")[line - 1]


def test_an_answer_outside_an_answer_cell_is_named(add: AddNotebook) -> None:
    path = add("solutions/day_02_x.py", "# %%\n### BEGIN SOLUTION\nx = 1\n### END SOLUTION\n")
    with pytest.raises(CourseError, match=r"solutions/day_02_x.py, line \d+: an answer outside an answer cell"):
        notebooks.exercise(path)


@pytest.mark.parametrize(
    "leak",
    [
        "\n# %%\nif True:\n    return 2 * height_of_the_image\n",
        "\n# %% [markdown]\n# Remember:\n#\n#     return 2 * height_of_the_image\n",
        '\n# %% hint="return 2 * height_of_the_image"\n1\n',
    ],
)
def test_an_answer_that_stands_elsewhere_too_is_refused(add: AddNotebook, leak: str) -> None:
    path = add("solutions/day_02_x.py", SOLUTION + leak)
    with pytest.raises(CourseError, match=r"`return 2 \* height_of_the_image` can also be read outside the answer"):
        notebooks.exercise(path)


def solution_lines(path: Path) -> set[str]:
    lines, inside = set(), False
    for line in path.read_text(encoding="utf-8").split("\n"):
        if "SOLUTION" in line:
            inside = "BEGIN" in line
        elif inside and len(line.strip()) >= 20 and not line.strip().startswith(("#", "import ", "from ")):
            lines.add(line.strip())
    return lines


@pytest.mark.parametrize("path", sorted((REPOSITORY / "solutions").glob("*.py")), ids=lambda path: path.stem)
def test_no_answer_stands_in_the_committed_exercise(path: Path) -> None:
    exercise = (REPOSITORY / "exercises" / path.name).read_text(encoding="utf-8")
    assert "SOLUTION" not in exercise
    answers = solution_lines(path)
    assert answers, "a solution without an answer"
    assert not {line.strip() for line in exercise.split("\n")} & answers


def test_the_committed_files_are_in_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(REPOSITORY)
    assert notebooks.sync(check=True) == []


# Sync


def test_sync_makes_the_exercise_and_is_then_in_step(
    add: AddNotebook, course: Path, capsys: pytest.CaptureFixture
) -> None:
    add("solutions/day_02_x.py", SOLUTION)
    assert [change.kind for change in notebooks.sync()] == ["normal form", "made"]
    text = (course / "exercises" / "day_02_x.py").read_text()
    assert "# YOUR CODE HERE" in text
    assert "height_of_the_image" not in text
    assert notebooks.sync(check=True) == []
    assert "exercises/day_02_x.py: made" in capsys.readouterr().out


def test_check_shows_the_difference_and_writes_nothing(
    add: AddNotebook, course: Path, capsys: pytest.CaptureFixture
) -> None:
    path = add("solutions/day_02_x.py", SOLUTION)
    notebooks.sync()
    path.write_text(path.read_text().replace("Think of", "Look at"))
    before = (course / "exercises" / "day_02_x.py").read_text()
    assert [change.path.name for change in notebooks.sync(check=True)] == ["day_02_x.py"]
    assert (course / "exercises" / "day_02_x.py").read_text() == before
    out = capsys.readouterr().out
    assert "-# Think of `shape`." in out
    assert "+# Look at `shape`." in out


def edit(path: Path) -> str:
    path.write_text(path.read_text().replace("    ...", "    return 5  # mine"))
    return path.read_text()


def test_an_edited_exercise_is_kept(add: AddNotebook, course: Path, capsys: pytest.CaptureFixture) -> None:
    add("solutions/day_02_x.py", SOLUTION)
    notebooks.sync()
    mine = edit(course / "exercises" / "day_02_x.py")
    (change,) = notebooks.sync()
    assert change.kept is not None
    assert change.kept.read_text() == mine
    assert f"kept as exercises/edited/{change.kept.name}" in capsys.readouterr().out
    assert notebooks.sync(check=True) == []
    edit(course / "exercises" / "day_02_x.py")
    notebooks.sync()
    assert len(list((course / "exercises" / "edited").iterdir())) == 2


@pytest.mark.parametrize("damage", [lambda text: text.split("# ---\n")[-1], lambda text: text.replace("digest", "dig")])
def test_an_exercise_without_its_header_counts_as_edited(
    add: AddNotebook, course: Path, damage: Callable[[str], str]
) -> None:
    add("solutions/day_02_x.py", SOLUTION)
    notebooks.sync()
    path = course / "exercises" / "day_02_x.py"
    path.write_text(damage(path.read_text()))
    (change,) = notebooks.sync()
    assert change.kept is not None


def test_saving_unedited_in_jupyterlab_is_no_edit(add: AddNotebook, course: Path) -> None:
    solution = add("solutions/day_02_x.py", SOLUTION)
    notebooks.sync()
    path = course / "exercises" / "day_02_x.py"
    notebook = jupytext.reads(saved_by_jupyterlab(path), "py:percent")
    notebook.metadata.kernelspec.display_name = "my environment"
    notebook.cells[1].metadata.nbgrader = dict(reversed(notebook.cells[1].metadata.nbgrader.items()))
    notebook.cells[0].metadata.update({"editable": True, "slideshow": {"slide_type": ""}, "tags": ["parameters"]})
    notebook.cells.append(nbformat.v4.new_code_cell(""))
    path.write_text(jupytext.writes(notebook, "py:percent").replace("\n\n# %%", "\n\n\n# %%"))
    solution.write_text(solution.read_text().replace("Think of", "Look at"))
    (change,) = notebooks.sync()
    assert change.kind == "updated"
    assert change.kept is None


def test_a_renamed_exercise_is_refused(add: AddNotebook, course: Path) -> None:
    add("solutions/day_02_x.py", SOLUTION)
    notebooks.sync()
    mine = course / "exercises" / "day_02_my_copy.py"
    (course / "exercises" / "day_02_x.py").rename(mine)
    for attempt in (notebooks.sync, notebooks.find):
        with pytest.raises(CourseError, match=r"day_02_my_copy.py was made from solutions/day_02_x.py and renamed"):
            attempt()
    assert [path.name for path in (course / "exercises").iterdir()] == ["day_02_my_copy.py"]


def test_an_exercise_whose_solution_is_gone_is_not_deleted(add: AddNotebook, course: Path) -> None:
    add("solutions/day_02_x.py", SOLUTION)
    notebooks.sync()
    (course / "solutions" / "day_02_x.py").unlink()
    with pytest.raises(CourseError, match=r"exercises/day_02_x\.py has no solution"):
        notebooks.sync()
    assert (course / "exercises" / "day_02_x.py").is_file()


def test_a_fault_in_one_solution_leaves_all_exercises_alone(add: AddNotebook, course: Path) -> None:
    add("solutions/day_02_x.py", SOLUTION)
    add("solutions/day_03_y.py", SOLUTION.replace("### END SOLUTION", ""))
    with pytest.raises(CourseError, match=r"solutions/day_03_y\.py"):
        notebooks.sync()
    assert list((course / "exercises").iterdir()) == []


def test_a_bundle_without_solutions_has_nothing_to_sync(add: AddNotebook, course: Path) -> None:
    add("exercises/day_02_x.py")
    (course / "solutions").rmdir()
    assert len(notebooks.find()) == 1
    with pytest.raises(CourseError, match="no solutions/ folder"):
        notebooks.sync()
