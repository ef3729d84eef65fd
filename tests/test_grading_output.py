"""Submissions in, pages out: what is found in a folder, and that nothing of a student's reaches a page unescaped."""

import csv
import io
import os
import re
import sys
import threading
import unicodedata
from html.parser import HTMLParser
from pathlib import Path

import nbformat
import pytest
from typer.testing import CliRunner

from course_utils.cli import app
from course_utils.errors import CourseError
from course_utils.grading import gradebook, pages, submissions, summary
from course_utils.grading.results import Mark, Result
from course_utils.grading.store import MISSING, Store
from course_utils.grading.submissions import find, printable, read
from course_utils.notebooks import read as read_notebook

ROOT = Path(__file__).parents[1]
HOSTILE = [
    "<script>alert(1)<／script>",
    '"><img src=x onerror=alert(1)>',
    "=HYPERLINK(1)",
    "+1",
    "-1",
    "@SUM(1)",
    "Zoë ／ Ünïcode 学生",
    "two\nlines\x1b[31mred\x07",
    "x" * 200,
    "‮right to left",
    "[bold]markup[/bold]",
    "&amp;'quoted'",
]


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "in").mkdir()
    return tmp_path / "in"


def put(folder, *names, text="x = 1", age=0):
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        os.utime(path, (2_000_000_000 - age,) * 2)


def who(folder):
    return [(one.student, one.day) for one in find(folder).submissions]


@pytest.mark.parametrize(
    ("name", "student", "day"),
    [
        ("ann/day_02_convolution.ipynb", "ann", 2),
        ("ann/day_02_convolution.py", "ann", 2),
        ("Ann Lee/day_02_convolution/day_02_convolution.ipynb", "Ann Lee", 2),  # nbgrader
        ("ann/day_12_cifar10/solution.ipynb", "ann", 12),
        ("day_02/ann/notebook.ipynb", "ann", 2),
        ("ann/upload/more/Day 2.IPYNB", "ann", 2),
        ("ann/day_02_convolution (1).ipynb", "ann", 2),
        ("ann_day_02_convolution.ipynb", "ann", 2),
        ("day_02/ann_day_02_convolution.ipynb", "ann", 2),
        ("leeann_LATE_12345_67890_day_02_convolution-1.ipynb", "leeann", 2),  # Canvas
        ("leeann_12345_67890_day_02_convolution.ipynb", "leeann", 2),
        ("leeann_12345_67890_bob_day_02_x.ipynb", "leeann", 2),  # the file's own name claims to be bob's
        ("Ann Lee_1234567_assignsubmission_file_/day_02_convolution.ipynb", "Ann Lee", 2),  # Moodle
        ("Ann Lee_1234567_assignsubmission_file_day_02_convolution.ipynb", "Ann Lee", 2),
    ],
)
def test_the_layouts_of_the_platforms_are_found(folder, name, student, day):
    put(folder, name)
    assert who(folder) == [(student, day)]
    assert find(folder).skipped == ()


def test_both_layouts_in_one_folder_and_sorted(folder):
    put(folder, "bob/day_12_x.ipynb", "bob/day_02_x.ipynb", "ann_day_02_x.ipynb")
    assert who(folder) == [("ann", 2), ("bob", 2), ("bob", 12)]


def test_junk_is_passed_over_in_silence(folder):
    put(
        folder,
        "ann/day_02_x.ipynb",
        "ann/.ipynb_checkpoints/day_02_x-checkpoint.ipynb",
        "__MACOSX/ann/._day_02_x.ipynb",
    )
    put(folder, "ann/._day_02_x.ipynb", "ann/data.csv", ".DS_Store")
    found = find(folder)
    assert [one.file for one in found.submissions] == ["ann/day_02_x.ipynb"]
    assert (found.submissions[0].notes, found.skipped) == ((), ())


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("day_02_convolution (1).ipynb", "no student"),
        ("ann/notes.ipynb", "no day"),
        ("ann/friday2.ipynb", "no day"),
        ("ann/day_02_convolution.pdf", r"no \.ipynb"),
        ("ann/work.zip", r"no \.ipynb"),
        ("ann/.day_02_x.ipynb", "dot"),
        (".ann/day_02_x.ipynb", "dot"),
        ("/".join("abcdefghijkl") + "/day_02_x.ipynb", "too deep"),
    ],
)
def test_what_is_left_out_is_named(folder, name, why):
    put(folder, name)
    found = find(folder)
    assert found.submissions == ()
    (sentence,) = found.skipped
    assert re.search(why, sentence)


def test_of_two_for_a_day_the_newest_counts_and_the_other_is_named(folder):
    put(folder, "ann/day_02_x.ipynb", age=100)
    put(folder, "ann/day_02_x (1).ipynb")
    (one,) = find(folder).submissions
    assert one.file == "ann/day_02_x (1).ipynb"
    assert "not ann/day_02_x.ipynb" in one.notes[0]
    put(folder, "ann/day_02_new.ipynb", text="", age=-100)
    assert find(folder).submissions[0].file == "ann/day_02_x (1).ipynb", "an empty file does not replace work"


def test_composed_and_decomposed_letters_are_one_student(folder):
    put(
        folder,
        unicodedata.normalize("NFC", "Zoë") + "/day_02_x.py",
        unicodedata.normalize("NFD", "Zoë") + "/day_12_x.py",
    )
    assert who(folder) == [("Zoë", 2), ("Zoë", 12)]


@pytest.mark.parametrize(
    "names",
    [
        ("Ann Lee_11_assignsubmission_file_/day_02_x.py", "Ann Lee_22_assignsubmission_file_/day_02_x.py"),
        ("leeann_11_1_day_02_x.py", "leeann_22_2_day_12_x.py"),
        ("a\x01/day_02_x.py", "a\x02/day_02_x.py"),
        ("Ann/day_02_x.py", "ann/day_02_x.py"),
        ("x" * 150 + "1/day_02_x.py", "x" * 150 + "2/day_02_x.py"),
    ],
    ids=["Moodle", "Canvas", "control characters", "case", "long"],
)
def test_two_students_never_become_one(folder, names):
    put(folder, *names)
    students = {one.student for one in find(folder).submissions}
    assert len(students) == 2
    assert len({submissions.file_stem(name).lower() for name in students}) == 2


def test_moodles_other_number_on_another_day_is_the_same_student(folder):
    put(folder, "Ann_11_assignsubmission_file_/day_02_x.py", "Ann_22_assignsubmission_file_/day_12_x.py")
    assert who(folder) == [("Ann", 2), ("Ann", 12)]


def test_names_that_are_no_utf8_are_found(folder):
    name = os.fsdecode(b"caf\xe9")
    try:
        put(folder, f"{name}/day_02_x.py")
    except OSError:
        pytest.skip("this file system takes UTF-8 names only")
    (one,) = find(folder).submissions
    assert one.student == r"caf\xe9"
    assert read(folder, one)[0] == b"x = 1"


def link(path):
    path.symlink_to("/etc/passwd")


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (link, "link"),
        (os.mkfifo, "no ordinary file"),
        (Path.mkdir, "folder"),
        (Path.touch, "empty"),
        (lambda path: os.truncate(os.open(path, os.O_CREAT | os.O_WRONLY), 25_000_000), "too large: 25 MB"),
    ],
    ids=["link", "pipe", "folder", "empty", "large"],
)
def test_what_cannot_be_read_has_a_reason_and_never_hangs(folder, make, reason):
    put(folder, "bob/day_02_x.ipynb")
    (folder / "ann").mkdir()
    make(folder / "ann" / "day_02_x.ipynb")
    ann, bob = find(folder).submissions
    assert (ann.student, bob.problem) == ("ann", "")
    assert reason in ann.problem
    assert read(folder, ann) == (b"", ann.problem)
    assert read(folder, bob) == (b"x = 1", "")


@pytest.mark.parametrize("make", [link, os.mkfifo], ids=["link", "pipe"])
def test_a_file_exchanged_after_it_was_found_is_not_followed(folder, make):
    put(folder, "ann/day_02_x.ipynb")
    (one,) = find(folder).submissions
    (folder / "ann" / "day_02_x.ipynb").unlink()
    make(folder / "ann" / "day_02_x.ipynb")
    answer = []
    thread = threading.Thread(target=lambda: answer.append(read(folder, one)), daemon=True)
    thread.start()
    thread.join(10)
    assert answer and answer[0][0] == b"" and answer[0][1]


def test_a_linked_folder_is_not_followed(folder, tmp_path):
    put(tmp_path / "other", "day_02_x.ipynb")
    (folder / "ann").symlink_to(tmp_path / "other")
    found = find(folder)
    assert found.submissions == ()
    assert "link" in found.skipped[0]


def test_folders_and_files_without_permission_are_named(folder):
    put(folder, "ann/day_02_x.ipynb", "bob/day_02_x.ipynb", "carl/day_02_x.ipynb")
    (folder / "ann").chmod(0)
    (folder / "bob" / "day_02_x.ipynb").chmod(0)
    if os.access(folder / "ann", os.R_OK):
        pytest.skip("root may read everything")
    try:
        found = find(folder)
        assert [one.student for one in found.submissions] == ["bob", "carl"]
        assert "ann" in found.skipped[0]
        assert "cannot be read" in read(folder, found.submissions[0])[1]
    finally:
        (folder / "ann").chmod(0o700)


@pytest.mark.parametrize("name", HOSTILE)
def test_a_shown_name_is_one_short_line_of_plain_text(name):
    shown = printable(name)
    assert len(shown) <= 120
    assert not [c for c in shown if unicodedata.category(c) in ("Cc", "Cf", "Cs")]


def result(student, day=2, file="day_02_x.ipynb", points=(1, 0), **more):
    marks = tuple(
        Mark(
            f"q{place}",
            number,
            2,
            "right" if number == 2 else "wrong",
            fault="" if number == 2 else "values",
            mistake="A <known> mistake." if number == 1 else "",
            feedback="Told & <b>told</b>\nagain",
            seconds=0.5,
            flags=("q0 uses scipy.signal",) if number == 1 else (),
        )
        for place, number in enumerate(points)
    )
    return Result(student, day, file, "f", marks, **more)


def rows(path):
    return list(csv.reader(io.StringIO(path.read_text("utf-8-sig"))))


def test_the_gradebook_has_a_row_for_each_question_and_a_total_for_each_student(tmp_path):
    missing = result("bob", 3, "", (0, 0), reason=MISSING)
    gradebook.write(
        tmp_path, [("ann", [result("ann"), result("ann", 3, points=(2, 2))]), ("bob", [result("bob"), missing])]
    )
    head, *found = rows(tmp_path / "gradebook.csv")
    assert head[:6] == ["student", "day", "question", "points", "max_points", "status"]
    assert len(found) == 8
    assert found[0][:7] == ["ann", "2", "q0", "1", "2", "wrong", "A <known> mistake."]
    assert rows(tmp_path / "totals.csv") == [
        ["student", "day_02 (of 4)", "day_03 (of 4)", "total (of 8)", "sandboxed"],
        ["ann", "1", "4", "5", "yes"],
        ["bob", "1", "", "1", "yes"],
    ]
    assert (tmp_path / "totals.csv").read_bytes().startswith(b"\xef\xbb\xbf")


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@A1", "\t=1", " =1", "|calc", "%x"])
def test_no_cell_becomes_a_formula(tmp_path, name):
    gradebook.write(tmp_path, [(name, [result(name, file=name)])])
    for file in ("gradebook.csv", "totals.csv"):
        for row in rows(tmp_path / file)[1:]:
            assert row[0] == f"'{name}"
            assert not [cell for cell in row if cell.lstrip()[:1] in "=+-@|%" and cell]


class Page(HTMLParser):
    """Every tag with its attributes, and the text."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.attributes, self.text = [], [], ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data):
        self.text += data


@pytest.mark.parametrize("name", HOSTILE)
def test_nothing_on_a_page_is_unescaped(tmp_path, name):
    name = printable(name)
    both = [(name, [result(name, file=f"{name}/day_02_x.py", reason=name), result(name, 3, notes=(name,))])]
    pages.write(tmp_path, both)
    summary.write(tmp_path, both, [name])
    for path in (tmp_path / pages.feedback_page(name), tmp_path / "summary.html"):
        page = Page(path.read_text())
        assert name in page.text
        assert "Told & <b>told</b>" in page.text or path.name == "summary.html"
        assert {"script", "img", "b", "iframe", "link", "object"}.isdisjoint(page.tags)
        assert not [key for key, _ in page.attributes if key.startswith("on") or key == "src"]
        assert all(value.startswith("feedback/") for key, value in page.attributes if key == "href")
        assert ("content", "default-src 'none'; style-src 'unsafe-inline'") in page.attributes
        assert ("lang", "en") in page.attributes
        assert page.tags.count("h1") == 1
        assert page.tags.count("table") == page.tags.count("caption")


def test_a_page_tells_points_mistakes_and_reasons(tmp_path):
    text = Page(
        pages.feedback("ann", [result("ann"), result("ann", 3, reason="The file is empty.", points=(0, 0))])
    ).text
    assert "Day 2: 1 of 4 points" in text
    assert "✗ wrong" in text
    assert "The file is empty." in text
    assert "scipy" not in text, "flags are for the instructor"


def test_the_summary_counts(tmp_path):
    students = [("ann", [result("ann", points=(2, 2))]), ("bob", [result("bob", points=(1, 2))])]
    students += [
        ("carl", [result("carl", points=(1, 0))]),
        ("dora", [result("dora", file="", points=(0, 0), reason=MISSING)]),
    ]
    summary.write(tmp_path, students, ["x.zip: left out."])
    page = Page((tmp_path / "summary.html").read_text())
    text = re.sub(r"\s+", " ", page.text)
    assert "3 submissions; median 3, mean 2.7 of 4 points" in text
    label = next(value for key, value in page.attributes if key == "aria-label" and "points. " in value)
    assert label == "Distribution of points. 1 points: 1 student; 3 points: 1 student; 4 points: 1 student."
    assert "A <known> mistake." in text
    assert "Not handed in: 1" in text
    assert "q0 uses scipy.signal" in text
    assert "x.zip: left out." in text


@pytest.mark.parametrize("most", [1, 7, 10, 11, 18, 100, 101])
def test_the_bars_hold_every_student(tmp_path, most):
    marks = [(f"s{n}", [Result(f"s{n}", 2, "f", "", (Mark("q", n, most, "wrong"),))]) for n in range(most + 1)]
    summary.write(tmp_path, marks, [])
    page = Page((tmp_path / "summary.html").read_text())
    label = next(value for key, value in page.attributes if key == "aria-label" and "points. " in value)
    assert sum(map(int, re.findall(r"(\d+) students?", label))) == most + 1
    assert page.tags.count("rect") <= 11


def test_scores_without_the_sandbox_say_so_everywhere(tmp_path):
    both = [("ann", [result("ann", sandboxed=False)])]
    for write in (gradebook.write, pages.write):
        write(tmp_path, both)
    summary.write(tmp_path, both, [])
    for path in (tmp_path / pages.feedback_page("ann"), tmp_path / "summary.html"):
        assert pages.ALARM.split("'")[0] in Page(path.read_text()).text
    assert [row[-1] for row in rows(tmp_path / "gradebook.csv")] == ["sandboxed", "NO", "NO"]
    assert [row[-1] for row in rows(tmp_path / "totals.csv")] == ["sandboxed", "NO"]


def test_a_day_not_handed_in_is_told_where_others_handed_it_in(tmp_path):
    store = Store(tmp_path)
    put(tmp_path / "in", "ann/day_02_x.py", "ann/day_03_x.py", "bob/day_02_x.py")
    found = find(tmp_path / "in").submissions
    for one in found:
        store.save(result(one.student, one.day))
    told = {student: [(r.day, r.reason) for r in results] for student, results in store.students(found)}
    assert told == {"ann": [(2, ""), (3, "")], "bob": [(2, ""), (3, MISSING)]}


@pytest.fixture
def nbgrader_gradebook(tmp_path, monkeypatch):
    api = pytest.importorskip("nbgrader.api")
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent), prepend=os.pathsep)  # nbgrader calls alembic
    return lambda: api.Gradebook(f"sqlite:///{tmp_path / 'gradebook.db'}")


NAMES = {2: "day_02_convolution", 3: "day_03_y"}


@pytest.mark.filterwarnings("ignore")
def test_nbgrader_reads_the_scores_and_a_second_run_replaces_them(tmp_path, nbgrader_gradebook):
    from course_utils.grading.nbgrader import export

    missing = result("bob", 3, "", (0, 0), reason=MISSING)
    export(
        tmp_path / "gradebook.db", [("ann", [result("ann", points=(2, 1))]), ("bob", [result("bob"), missing])], NAMES
    )
    assert export(tmp_path / "gradebook.db", [("ann", [result("ann", points=(2, 2))])], NAMES) == 1
    with nbgrader_gradebook() as book:
        scores = {
            (one.student.id, one.assignment.name): (one.score, one.max_score)
            for one in book.assignment_submissions(NAMES[2])
        }
        assert scores == {("ann", NAMES[2]): (4, 4), ("bob", NAMES[2]): (1, 4)}
        assert book.find_student("ann").score == 4
        assert [assignment.name for assignment in book.assignments] == [NAMES[2]]


@pytest.mark.filterwarnings("ignore")
def test_an_assignment_of_nbgraders_own_is_completed_and_a_hand_set_score_stays(tmp_path, nbgrader_gradebook):
    from course_utils.grading.nbgrader import export

    name = NAMES[2]
    with nbgrader_gradebook() as book:
        book.add_assignment(name)
        book.add_notebook(name, name)
        book.add_grade_cell("check-q0", name, name, max_score=9, cell_type="code")
        book.add_student("ann")
        book.add_submission(name, "ann")
        book.find_grade("check-q0", name, name, "ann").manual_score = 1.5
        book.db.commit()
    export(tmp_path / "gradebook.db", [("ann", [result("ann", points=(2, 2))])], NAMES)
    with nbgrader_gradebook() as book:
        submission = book.find_submission(name, "ann")
        assert (submission.score, submission.max_score) == (1.5 + 2, 4)


def test_a_database_that_is_none_is_one_sentence(tmp_path, nbgrader_gradebook):
    from course_utils.grading.nbgrader import export

    (tmp_path / "gradebook.db").write_text("no database, but a text that is long enough to look at " * 10)
    with pytest.raises(CourseError, match="cannot be written"):
        export(tmp_path / "gradebook.db", [("ann", [result("ann")])], NAMES)
    with pytest.raises(CourseError, match="does not exist"):
        export(tmp_path / "nowhere" / "gradebook.db", [], NAMES)


@pytest.mark.skipif(sys.platform != "linux", reason="the sandbox needs Linux")
def test_the_command_grades_a_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT)
    notebook = nbformat.writes(read_notebook(ROOT / "solutions" / "day_02_convolution.py"))
    put(tmp_path / "in", "ann/day_02_convolution.ipynb", text=notebook)
    put(tmp_path / "in", "b\x1b[31mob/day_02_convolution.ipynb", text="{")
    put(tmp_path / "in", "c\x1b[31marl/day_02_convolution.pdf")
    put(tmp_path / "in", "dora/day_02_convolution.py", text=(ROOT / "exercises" / "day_02_convolution.py").read_text())
    line = ["grade", str(tmp_path / "in"), "--out", str(tmp_path / "out")]
    done = CliRunner().invoke(app, line)
    assert done.exit_code == 0, done.exception
    head, *found = rows(tmp_path / "out" / "totals.csv")
    most = int(re.search(r"\d+(?=\))", head[1])[0])
    assert [row[:2] for row in found] == [["ann", str(most)], ["b [31mob", "0"], ["dora", "0"]]
    assert "\x1b[31m" not in done.output
    assert len(list((tmp_path / "out" / "feedback").glob("*.html"))) == 3
    again = CliRunner().invoke(app, [*line, "--day", "2"])
    assert "3 of 3 have not changed" in again.output


def test_a_wrong_request_is_a_course_error(tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT)
    done = CliRunner().invoke(app, ["grade", str(tmp_path / "none"), "--out", str(tmp_path / "out")])
    assert isinstance(done.exception, CourseError)
    put(tmp_path / "in", "ann/day_02_x.py")
    line = ["grade", str(tmp_path / "in"), "--out", str(tmp_path / "out"), "--questions", str(tmp_path / "none.py")]
    done = CliRunner().invoke(app, line)
    assert isinstance(done.exception, CourseError)
    assert "no file" in str(done.exception)
