"""The pages of the book that are made from checks, results, the run and the library."""

import dataclasses
import html
import json
import os
import pkgutil
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import nbformat
import pytest
from markdown_it import MarkdownIt

from course_utils import claims, notebooks
from course_utils.book import api, explorer_pages, results_page, times_page, wrong_texts
from course_utils.book.markdown import code, plain, table
from course_utils.errors import CourseError
from course_utils.profiles import Profile
from course_utils.runner.result import Report, Result
from course_utils.widgets import EXPLORERS

ROOT = Path(__file__).parents[1]
DOCNAME = "lessons/day_07_example"
SECTION = "## What texts get wrong\n\nEach cell tests a sentence."


def prose(text):
    return nbformat.v4.new_markdown_cell(text)


def checked(*claims):
    """A code cell with the outputs of `claim(statement, value, ..., source=row)`, as a kernel shows them."""
    outputs = []
    for row, statement, value in claims:
        source = f' data-claim="{row}"' if row else ""
        shown = f" [{row}]" if row else ""
        line = f'<div class="course-claim"{source}>✓ {statement}: <strong>{value}</strong>{shown}</div>'
        outputs.append(nbformat.v4.new_output("display_data", {"text/html": line}))
    return nbformat.v4.new_code_cell("claim(...)", outputs=outputs)


def lesson(*cells):
    facts = {"title": "Example", "day": 7, "budget_s": {"smoke": 60, "cpu": 300, "gpu": 300}}
    return nbformat.v4.new_notebook(cells=list(cells), metadata={"course": facts})


def rows(page):
    """The body rows of the tables of a page, each as a list of its cells' text."""
    found = []
    for body in re.findall(r"^`{7}\{list-table\}\n(.*?)^`{7}$", page, re.M | re.S):
        for mark, text in re.findall(r"^(\* -|  -)(.*?)(?=^\* -|^  -|\Z)", body, re.M | re.S):
            if mark == "* -":
                found.append([])
            found[-1].append(text.strip())
    return found


# ---- what texts get wrong --------------------------------------------------------------------------------------------


def test_a_claim_stands_beside_the_bold_sentence_above_it():
    text = f'{SECTION}\n\n**"Pooling learns."** It has no weights:'
    notebook = lesson(prose(text), checked(("F90", "weights", "0")))
    (saying,) = wrong_texts.sayings(notebook, DOCNAME)
    assert (saying.words, saying.comment, saying.verdict) == ('"Pooling learns."', "It has no weights:", "false")
    assert [(claim.statement, claim.value) for claim in saying.claims] == [("weights", "0")]


def test_a_sentence_finds_its_claim_anywhere_in_the_lesson_by_the_row_that_it_names():
    notebook = lesson(
        prose("## By hand"), checked(("F90", "sum", "0")), prose(f'{SECTION}\n\n**"It is 1."** You added it up (F90).')
    )
    (saying,) = wrong_texts.sayings(notebook, DOCNAME)
    assert (saying.words, saying.comment) == ('"It is 1."', "You added it up.")


def test_two_sentences_of_one_paragraph_are_told_apart():
    text = f'{SECTION}\n\n**"A."** Not so (M90). **"B"**, for all n. Nor that:'
    notebook = lesson(prose(text), checked(("M90", "a", "1"), ("M91", "b", "2")))
    first, second = wrong_texts.sayings(notebook, DOCNAME)
    assert (first.words, [claim.value for claim in first.claims]) == ('"A."', ["1"])
    assert (second.words, second.comment) == ('"B", for all n.', "Nor that:")


def test_claims_of_one_row_stay_together():
    notebook = lesson(
        checked(("M90", "early", "1")), prose(f'{SECTION}\n\n**"C."** See:'), checked(("M90", "late", "2"))
    )
    (saying,) = wrong_texts.sayings(notebook, DOCNAME)
    assert [claim.statement for claim in saying.claims] == ["early", "late"]


def test_a_sentence_in_the_running_text_counts_if_it_names_the_row():
    text = "Intro. A guide trains on its test images (F90). **Before you run:** guess."
    (saying,) = wrong_texts.sayings(lesson(prose(text), checked(("F90", "gain", "0.9"))), DOCNAME)
    assert saying.words == "A guide trains on its test images."


def test_a_claim_without_a_sentence_is_shown_with_a_pointer_to_the_lesson():
    page = wrong_texts.page({DOCNAME: lesson(prose("Some text."), checked(("M90", "gain", "0.9")))})
    _, row = rows(page)
    assert row[0] == "The lesson tells what was said."
    assert "[gain: **0.9**](#day-07-example-check-1)" in row[1]
    assert row[2:] == ["misleading", "{day}`7`"]


def test_what_was_to_be_done_before_the_cell_is_no_sentence_of_a_text():
    text = f'{SECTION}\n\n**"D."** So it says. **Name them before you run the cell.**\n\n**Before you run:** how many?'
    (saying,) = wrong_texts.sayings(lesson(prose(text), checked(("F90", "n", "3"))), DOCNAME)
    assert (saying.words, saying.comment) == ('"D."', "So it says.")


def test_claims_after_the_section_do_not_belong_to_its_last_sentence():
    notebook = lesson(
        prose(f'{SECTION}\n\n**"E."** No:'), checked(("F90", "e", "1")), prose("## Pitfalls"), prose("x"),
        checked(("F91", "other", "2")),
    )  # fmt: skip
    first, second = wrong_texts.sayings(notebook, DOCNAME)
    assert ([claim.row for claim in first.claims], second.words) == (["F90"], "")


def test_confirmed_sentences_have_a_table_of_their_own():
    page = wrong_texts.page({DOCNAME: lesson(checked(("T90", "sum", "152")))})
    assert "What they get right" in page
    assert "[sum: **152**](#day-07-example-check-1)" in page.split("What they get right")[1]


def test_the_value_on_the_page_is_what_the_claim_showed(monkeypatch):
    shown = []
    monkeypatch.setattr(claims, "show_html", lambda html, text: shown.append((html, text)))
    claims.claim("sum of 'x' & y: all", 1196586, 1196586, source="F90")
    (line, text) = shown[0]
    cell = nbformat.v4.new_code_cell(outputs=[nbformat.v4.new_output("display_data", {"text/html": line})])
    (claim,) = wrong_texts.claims(lesson(cell), DOCNAME)
    assert f"✓ {claim.statement}: {claim.value} [{claim.row}]" == text
    assert claim.value == "1,196,586"


def test_claims_without_a_source_and_other_notebooks_are_left_out():
    cells = checked(("", "sum", "152")), checked(("extra", "sum", "152"))
    page = wrong_texts.page({DOCNAME: lesson(*cells), "solutions/day_07_example": lesson(checked(("F90", "a", "1")))})
    assert wrong_texts.EMPTY in page


def test_values_that_look_like_markup_are_shown_as_they_stand():
    notebook = lesson(checked(("F90", "a &lt; b, x_1 * $y$", "[[0, 1], [&#x27;a|b&#x27;]]")))
    (claim,) = wrong_texts.claims(notebook, DOCNAME)
    assert (claim.statement, claim.value) == ("a < b, x_1 * $y$", "[[0, 1], ['a|b']]")
    assert r"[a \< b, x\_1 \* \$y\$: **\[\[0, 1\], \['a\|b'\]\]**]" in wrong_texts.page({DOCNAME: notebook})


def test_every_link_of_the_page_has_its_target_before_the_cell_that_checks():
    notebook = lesson(prose("a"), checked(("F90", "a", "1")), checked(("", "b", "2")), checked(("F91", "c", "3")))
    prepared = wrong_texts.anchored(notebook, DOCNAME)
    targets = re.findall(r"\(#([\w-]+)\)", wrong_texts.page({DOCNAME: notebook}))
    sources = [cell.source for cell in prepared.cells]
    following = [prepared.cells[sources.index(f"({target})=") + 1] for target in targets]
    assert [cell.outputs for cell in following] == [notebook.cells[1].outputs, notebook.cells[3].outputs]
    assert len(notebook.cells) == 4, "the notebook itself stays as it was"


def test_the_sentences_of_the_real_lessons_are_found():
    """Every cell of a lesson gets outputs as its claims would make them; the lesson itself is run by other tests."""
    for path in notebooks.find(folders=("lessons",)):
        notebook = notebooks.read(path)
        for cell in notebook.cells:
            if cell.cell_type == "code":
                found = re.findall(r'source="([FMOTU]\d+)"', cell.source)
                cell.outputs = checked(*((row, f"{row} checked", "1") for row in found)).outputs
        name = f"lessons/{path.stem}"
        sayings = wrong_texts.sayings(notebook, name)
        assert sum(len(saying.claims) for saying in sayings) == len(wrong_texts.claims(notebook, name)) > 0
        wrong = [saying for saying in sayings if saying.verdict != "right"]
        assert sum(bool(saying.words) for saying in wrong) >= 0.9 * len(wrong)
        assert not [saying for saying in wrong if re.search(r"\b[FMOTU]\d\d\b|before you run", saying.words, re.I)]


# ---- measured results and run times ----------------------------------------------------------------------------------

RECORD = {
    "day": 7, "profile": "cpu", "hardware": {"processor": "Some CPU", "cores": 2, "memory_gib": 8, "gpus": 0},
    "versions": {"python": "3.12"}, "seeds": [0, 1, 2], "seconds": 42.4, "peak_memory_mb": 1234, "date": "2026-01-02",
    "results": {
        "accuracy_cnn": {"values": [0.5, 0.6, 0.7], "unit": "%", "mean": 0.6, "n": 3, "sd": 0.1},
        "time_ratio": {"values": [2.5], "unit": "times", "mean": 2.5, "n": 1, "sd": None},
    },
}  # fmt: skip


@pytest.fixture
def results(tmp_path):
    folder = tmp_path / "results"
    folder.mkdir()
    (folder / "day_07_example.cpu.json").write_text(json.dumps(RECORD))
    (folder / "README.md").write_text("# Measured results\n\nHow they are made.\n\nA note on the data.\n")
    return folder


def test_a_result_is_shown_with_mean_spread_number_and_unit(results):
    page = results_page.page(results, {DOCNAME: lesson()})
    assert "## Day 7: Example, profile cpu" in page
    assert rows(page)[1:3] == [
        ["accuracy cnn", "60.0 ± 10.0", "50.0 to 70.0", "3", "%"],
        ["time ratio", "2.5", "2.5", "1", "times"],
    ]


def test_hardware_versions_seeds_and_the_note_on_the_data_stand_beside_the_results(results):
    page = results_page.page(results, {})
    for words in ("3 runs with seeds 0 to 2", "Some CPU, 2 cores, 8 GiB of memory, no GPU", "python 3.12"):
        assert words in page
    assert "Recorded on 2026-01-02." in page
    assert "A note on the data." in page
    assert "How they are made." not in page


def test_without_results_the_page_says_how_they_are_made(tmp_path):
    assert "Nothing has been recorded yet" in results_page.page(tmp_path, {})


@pytest.mark.parametrize("text", ["{", "[]", json.dumps({"day": 7})])
def test_a_broken_record_is_named(tmp_path, text):
    (tmp_path / "day_07_example.cpu.json").write_text(text)
    with pytest.raises(CourseError, match=r"day_07_example\.cpu\.json"):
        results_page.page(tmp_path, {})


def result(notebook, **changes):
    blank = Result(notebook, "smoke", 0, "passed", 12.34, 60, 987.6, 6000, "key")
    return dataclasses.replace(blank, **changes)


@pytest.fixture
def report(tmp_path):
    path = tmp_path / "report.json"
    machine = {"hardware": {"cores": 2}, "versions": {"python": "3.12"}}
    path.write_text(json.dumps({"date": "2026-01-02T03:04:05+00:00", "profile": "smoke", **machine}))
    ran = result("lessons/day_07_example.py"), result("solutions/day_07_example.py", seconds=30.0, reused=True)
    return Report(ran, Profile("smoke", "as asked"), tmp_path / "report.html", path)


def test_run_times_stand_beside_their_budget(report, results):
    page = times_page.page(report, results, {DOCNAME: lesson()})
    first, second = rows(page)[1:3]
    assert first == ["{day}`7`, lesson", "12.3", "60", "21 %", "988"]
    assert second == ["{doc}`Day 7 </exercises/day_07_example>`, exercise with answers ¹", "30.0", "60", "50 %", "988"]
    assert "2026-01-02 03:04 UTC" in page
    assert "¹ Not executed again" in page


def test_recorded_runs_are_listed_with_machine_and_date(report, results):
    page = times_page.page(report, results, {DOCNAME: lesson()})
    recorded = rows(page.split("## Recorded runs")[1])[1]
    machine = "Some CPU, 2 cores, 8 GiB of memory, no GPU"
    assert recorded == ["{day}`7`", "cpu", "42.4", "300", "1,234", "3", machine, "2026-01-02"]


def test_without_recorded_runs_the_book_s_own_stand_alone(report, tmp_path):
    assert "Recorded runs" not in times_page.page(report, tmp_path / "nothing", {})


def test_a_lost_report_is_named(report, results):
    report.json_path.unlink()
    with pytest.raises(CourseError, match=r"report\.json"):
        times_page.page(report, results, {})


# ---- explorers -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("explorer", EXPLORERS, ids=lambda explorer: explorer.__name__)
def test_an_explorer_s_page_has_its_question_its_cell_and_all_its_traits(explorer):
    page = explorer_pages.page(explorer)
    assert page.startswith(f"# {explorer.title}\n")
    assert plain(explorer.question) in page
    assert f"\n{explorer.__name__}()\n" in page.split("```{code-cell}")[1].split("```")[0]
    for trait in explorer_pages.traits(explorer):
        assert re.search(rf"^\* - `{trait}`$", page, re.M), trait
    assert all(plain(what) in page for what in explorer.try_this)


@pytest.mark.parametrize("explorer", EXPLORERS, ids=lambda explorer: explorer.__name__)
def test_every_trait_of_an_explorer_says_what_it_is(explorer):
    assert [name for name in explorer_pages.traits(explorer) if not explorer.class_traits()[name].help] == []


def test_the_example_of_an_explorer_s_page_runs():
    for explorer in EXPLORERS:
        source = explorer_pages.page(explorer).split("```python\n")[1].split("```")[0]
        names = {}
        exec(source, names)
        assert isinstance(names["explorer"], explorer)
        names["explorer"].close()


def test_what_the_browser_computes_is_not_offered_for_setting():
    seen = 0
    for explorer in EXPLORERS:
        settable, _, read = explorer_pages.page(explorer).partition("to be read only")
        for name in explorer_pages.traits(explorer):
            computed = explorer.class_traits()[name].help.startswith(explorer_pages.COMPUTED)
            assert (f"* - `{name}`" in settable, f"* - `{name}`" in read) == (not computed, computed)
            seen += computed
    assert seen


def test_the_overview_lists_explorers_in_the_order_of_their_days():
    made = [SimpleNamespace(title=f"E{day}", name=f"e{day}", question="Why?", day=day) for day in (12, 2)]
    assert [row[0] for row in rows(explorer_pages.overview(made))[1:]] == ["{doc}`E2 <e2>`", "{doc}`E12 <e12>`"]
    assert "None is finished yet" in explorer_pages.overview([])


def test_defaults_are_told_briefly():
    told = {3: "3", "a": "'a'", (): "[]"}
    assert {key: explorer_pages._brief(list(key) if key == () else key) for key in told} == told
    assert explorer_pages._brief([[1, 2], [3, 4]]) == "array of shape (2, 2)"
    assert explorer_pages._brief(list(range(99))) == "99 entries"


# ---- the library -----------------------------------------------------------------------------------------------------


def test_every_part_of_the_library_has_a_page_and_a_line_in_the_index():
    pages = api.pages()
    for part in (*api.STUDENTS, *api.STAFF):
        assert f".. automodule:: course_utils.{part}\n" in pages[f"{api.FOLDER}/{part}.rst"]
        assert f"<{part}>`" in pages[f"{api.FOLDER}/index.md"]


def test_no_public_part_of_the_library_is_forgotten():
    inner = {"cli", "display", "doctor", "lab", "room", "wire"}  # parts of the command and of the sandbox
    found = {module.name for module in pkgutil.iter_modules([str(ROOT / "course_utils")])}
    assert found - inner == {*api.STUDENTS, *api.STAFF}


# ---- Markdown --------------------------------------------------------------------------------------------------------


MARKUP = [
    "a*b*_c_",
    "1. no list",
    "- no list",
    "# no heading",
    "`x`",
    "$a$ | b",
    "<b> & co",
    "[x](y)",
    "a\nb",
    "{day}`2`",
]


@pytest.mark.parametrize("text", MARKUP)
def test_text_is_shown_as_it_stands(text):
    shown = MarkdownIt("commonmark").render(plain(text))
    assert shown == f"<p>{html.escape(' '.join(text.split()), quote=False)}</p>\n"


def test_inline_code_may_hold_backticks():
    assert code("a `b` c") == "``a `b` c``"
    assert code("`a") == "`` `a ``"


def test_a_table_refuses_a_row_of_another_length():
    with pytest.raises(ValueError, match="2 cells, the head 1"):
        table(["a"], [["1", "2"]])


# ---- what Sphinx is taught -------------------------------------------------------------------------------------------

MODULE = '''"""A module about `a|b` and *stars*."""

from pathlib import Path

from numpy.typing import ArrayLike


def conv(image: ArrayLike, kernel: ArrayLike, stride: int = 1, kind: type = Path) -> int:
    """Slide `kernel` over image_ |now|.

    image: (H, W); kernel: (kh, kw)
    and more of it. stride: step.
    Returns the sum.
    Introduced on Day 2, derived on Day 3.

        conv(x, k)
    """
'''


def sphinx(folder, *extensions):
    """Sphinx in a process of its own: what it registers would stay for the next build in this one."""
    line = [sys.executable, "-m", "sphinx", "-q", "-n", "-W", "--keep-going", "-C"]
    line += ["-D", f"extensions={','.join(['myst_parser', *extensions])}", folder, folder / "html"]
    where = {**os.environ, "PYTHONPATH": os.pathsep.join([str(folder), str(ROOT)])}
    return subprocess.run(line, capture_output=True, text=True, timeout=120, env=where)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A small book with one lesson, Day 2, and a page of a library; a warning fails its build."""
    folder = tmp_path_factory.mktemp("site")
    (folder / "lessons").mkdir()
    (folder / "lessons" / "day_02_convolution.md").write_text("---\norphan: true\n---\n# Day 2\n")
    (folder / "index.md").write_text("# Book\n\nSee {day}`2` and {day}`3`.\n\n```{toctree}\nlibrary\n```\n")
    (folder / "library.rst").write_text("Library\n=======\n\n.. automodule:: small_library\n   :members:\n")
    (folder / "small_library.py").write_text(MODULE)
    built = sphinx(folder, "course_utils.book.roles", "course_utils.book.docstrings")
    assert built.returncode == 0, built.stderr
    return folder / "html"


def text_of(page):
    return " ".join(html.unescape(re.sub(r"<[^>]+>", "", page)).split())


def test_a_day_is_a_link_once_its_lesson_is_written(site):
    page = (site / "index.html").read_text()
    (sentence,) = re.findall(r"<p>See (.*?)</p>", page)
    written, planned = sentence.split(" and ")
    assert 'href="lessons/day_02_convolution.html"' in written
    assert (text_of(written), text_of(planned)) == ("Day 2", "Day 3.")
    assert "<a" not in planned


def test_a_day_that_is_no_number_is_reported(tmp_path):
    (tmp_path / "index.md").write_text("# Book\n\nSee {day}`two`.\n")
    told = sphinx(tmp_path, "course_utils.book.roles")
    assert "a day is a number, not 'two'" in told.stderr


def test_a_docstring_keeps_its_lines_and_its_signs(site):
    page = (site / "library.html").read_text()
    lines = [text_of(line) for line in re.findall(r'<div class="line">(.*?)</div>', page, re.S)]
    assert lines == [
        "image: (H, W); kernel: (kh, kw) and more of it. stride: step.",
        "Returns the sum.",
        "Introduced on Day 2, derived on Day 3.",
    ]
    assert "A module about a|b and *stars*." in text_of(page)
    assert "Slide kernel over image_ |now|." in text_of(page)
    assert "conv(x, k)" in text_of(page)
    assert 'href="lessons/day_02_convolution.html"' in page


def test_a_signature_reads_as_it_was_written(site):
    page = text_of((site / "library.html").read_text())
    assert "conv(image: ArrayLike, kernel: ArrayLike, stride: int = 1, kind: type = Path) → int" in page
