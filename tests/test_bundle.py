"""What students get: it installs nothing of an answer, its checks say what the full library says, and it works."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import ClassVar

import pytest

from course_utils import notebooks, wire
from course_utils.bundle import make_bundle
from course_utils.bundle.leaks import search
from course_utils.bundle.library import Library, day_modules
from course_utils.checks import day_02, day_12, decide, observe, questions_of
from course_utils.errors import CourseError
from course_utils.widgets import EXPLORERS

ROOT = Path(__file__).parents[1]
MODELS = ("build_model", "trained_model")  # looked at by rules, which other tests try
ASKED = [q for day in (day_02, day_12) for q in questions_of(day) if q.name not in MODELS]
HERE = """
import sys
from pathlib import Path
# The full course may be installed here as an editable package; a student has none.
sys.meta_path = [finder for finder in sys.meta_path if "editable" not in repr(finder).lower()]
from course_utils import checks
assert Path.cwd() in Path(checks.__file__).parents
"""


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    return make_bundle(tmp_path_factory.mktemp("given") / "handout")


def run(bundle, code, *arguments, prefix=HERE, **environment):
    """Run code as a student would: in the bundle, with its library."""
    blank = {key: value for key, value in os.environ.items() if not key.startswith(("COURSE_", "NBGRADER_"))}
    environment = {**blank, "PYTHONPATH": str(bundle), "PYTHONDONTWRITEBYTECODE": "1", **environment}
    line = [sys.executable, "-c", prefix + code, *map(str, arguments)]
    return subprocess.run(line, cwd=bundle, env=environment, capture_output=True, text=True, timeout=300)


def recorded(question, answer):
    """What an answer gives, call by call, and the full library's verdict on it."""
    calls = []

    def keeping(*inputs):
        calls.append([False, None])
        value = answer(*inputs)
        value = list(value) if hasattr(value, "__next__") else value
        calls[-1] = [True, value]
        return value

    cases = question.draw()
    given = keeping if question.kind == "function" else answer
    verdict = decide(question, cases, observe(question, given, cases))
    return [calls if question.kind == "function" else answer, list(vars(verdict).values())]


REPLAY = """
from course_utils.checks import day_02, day_12, judge
from course_utils import wire

def replayed(calls):
    rest = iter(calls)
    def answer(*inputs):
        worked, value = next(rest)
        if not worked:
            raise LookupError
        return value
    return answer

out = []
for name, day, answers in wire.decode(Path(sys.argv[1]).read_bytes()):
    question = getattr({"day_02": day_02, "day_12": day_12}[day], name)
    for given in answers:
        verdict = judge(question, replayed(given) if question.kind == "function" else given)
        out.append([name, list(vars(verdict).values())])
Path(sys.argv[2]).write_bytes(wire.encode(out))
"""


def test_its_checks_say_what_the_full_library_says(bundle, tmp_path):
    asked, wanted = [], []
    for question in ASKED:
        day = "day_02" if question in questions_of(day_02) else "day_12"
        answers = [recorded(question, answer) for answer in (question.reference, *question.mistakes.values())]
        asked.append([question.name, day, [given for given, _ in answers]])
        wanted += [[question.name, verdict] for _, verdict in answers]
    (tmp_path / "answers").write_bytes(wire.encode(asked))
    done = run(bundle, REPLAY, tmp_path / "answers", tmp_path / "verdicts")
    assert done.returncode == 0, done.stderr
    said = wire.decode((tmp_path / "verdicts").read_bytes())
    assert said == wanted
    assert sum(verdict[3] == "right" for _, verdict in said) == len(ASKED)


RULES = """
from course_utils.checks import day_12, questions_of
for question in questions_of(day_12):
    assert question.judged and all(rule.broken_by is None for rule in question.rules.values())
    print(question.name, question.points, question.kind, *question.rules, sep="|")
"""


def test_rules_stand_as_they_are(bundle):
    done = run(bundle, RULES)
    wanted = [[q.name, str(q.points), q.kind, *q.rules] for q in questions_of(day_12)]
    assert [line.split("|") for line in done.stdout.splitlines()] == wanted, done.stderr


def test_a_solved_exercise_earns_all_points_in_it(bundle, tmp_path):
    path = ROOT / "solutions" / "day_02_convolution.py"
    cells = notebooks.code_cells(notebooks.with_parameters(notebooks.read(path), path, PROFILE="smoke"))
    done = run(bundle, "\n".join(cell.source for cell in cells), MPLBACKEND="agg")
    assert done.returncode == 0, done.stderr
    assert "18 of 18 points" in done.stdout


@pytest.mark.parametrize("name", ["conv2d", "im2col", "conv_parameters", "confusion_matrix", "top_confusions"])
def test_the_library_has_no_reference_of_an_answer(bundle, name):
    files = sorted((bundle / "course_utils" / "reference").glob("*.py"))
    assert files
    assert [path.name for path in files if name in path.read_text()] == []


SNOOP = """
import gc, json
from course_utils.checks import day_02, check, questions_of
for question in questions_of(day_02):
    assert question.reference is None and not question.mistakes and question.cases is None, question
answer = dict.fromkeys("ABCDEFG", "blur")
check(day_02.kernel_names, answer)
key = day_02.kernel_names.key()
key.mistakes
tracked = gc.get_objects()  # and what they hold: a dictionary of texts is not tracked itself
reached = [*tracked, *(inner for one in tracked for inner in gc.get_referents(one))]
seen = [one for one in reached if isinstance(one, dict) and set(one) == set("ABCDEFG")]
print("SEEN", json.dumps([one for one in seen if all(isinstance(value, str) for value in one.values())]))
print("KEY", key.expected, key.mistakes)
"""


def test_nothing_in_memory_is_the_answer_of_a_value_question(bundle):
    done = run(bundle, SNOOP)
    assert done.returncode == 0, done.stderr
    (seen,) = [line for line in done.stdout.splitlines() if line.startswith("SEEN ")]
    found = json.loads(seen[5:])
    assert dict.fromkeys("ABCDEFG", "blur") in found
    assert day_02.kernel_names.reference not in found
    assert not any(mistake in found for mistake in day_02.kernel_names.mistakes.values())
    assert not any(sentence in done.stdout for sentence in day_02.kernel_names.mistakes)


def test_the_sentences_of_a_value_question_can_be_read_nowhere(bundle):
    files = [path.read_bytes() for path in bundle.rglob("*") if path.is_file()]
    for question in (day_02.kernel_names, day_02.flip_matters):
        for sentence in question.mistakes:
            assert not any(sentence.encode() in data or sentence.encode().hex().encode() in data for data in files)


def test_it_holds_what_students_need_and_no_more(bundle):
    top = {path.name for path in bundle.iterdir()}
    assert {"lessons", "exercises", "notebooks", "course_utils", "pyproject.toml", "requirements.lock"} <= top
    assert {"README.md", "Makefile", "environment.yml", "LICENSE", "LICENSE-text"} <= top
    assert not top & {"solutions", "tests", "benchmarks", ".git", "CONTRIBUTING.md", "conftest.py"}
    inside = {path.name for path in (bundle / "course_utils").iterdir()}
    assert not inside & {"bundle", "grading"}
    for path in notebooks.find(folders=("exercises",)):
        given = notebooks.read(bundle / "notebooks" / f"{path.stem}.ipynb")
        assert [cell.source for cell in given.cells] == [cell.source for cell in notebooks.read(path).cells]
        assert "jupytext" not in given.metadata


COMMAND = "from course_utils.cli import main; sys.argv = ['course', *sys.argv[1:]]; main()"


@pytest.mark.parametrize("arguments", [["bundle", "out"], ["sync"]])
def test_what_is_for_instructors_says_so(bundle, arguments):
    done = run(bundle, COMMAND, *arguments)
    assert done.returncode == 2
    assert "instructors" in done.stderr and len(done.stderr.splitlines()) == 1


def test_its_commands_work(bundle):
    assert run(bundle, COMMAND, "--help").returncode == 0
    lab = run(bundle, "from course_utils import lab; print(lab.command('2', browser=False))")
    assert "lessons/day_02_convolution.py" in lab.stdout, lab.stderr
    assert run(bundle, COMMAND, "data", "status").returncode == 0
    makefile = subprocess.run(["make", "-n", "lab"], cwd=bundle, capture_output=True, text=True, timeout=60)
    assert makefile.returncode == 0 and "course lab" in makefile.stdout, makefile.stderr
    line = ["make", "--no-print-directory", "help"]
    helped = subprocess.run(line, cwd=bundle, capture_output=True, text=True, timeout=60)
    assert [line.split()[0] for line in helped.stdout.splitlines()] == ["help", "lab", "clean"]


def test_every_module_of_it_can_be_imported(bundle):
    code = """
import pkgutil, importlib, course_utils
for found in pkgutil.walk_packages(course_utils.__path__, "course_utils."):
    if not found.name.startswith(("course_utils.ledger.of_", "course_utils.checks.carried.")):
        importlib.import_module(found.name)
"""
    done = run(bundle, code)
    assert done.returncode == 0, done.stderr


EXPLORING = """
from course_utils.widgets import EXPLORERS, explorer
assert Path.cwd() in explorer.HERE.parents
for kind in EXPLORERS:
    widget = kind()
    shown, _ = widget._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in shown
    assert "export default explorer(" in str(widget._esm) and ".cx" in str(widget._css)
    widget.to_figure().canvas.draw()
    print(kind.name)
"""


def test_a_student_has_every_explorer(bundle):
    done = run(bundle, EXPLORING, MPLBACKEND="agg")
    assert done.stdout.split() == [kind.name for kind in EXPLORERS], done.stderr
    front = {path.name for path in (ROOT / "course_utils" / "widgets").iterdir() if path.suffix in (".js", ".css")}
    assert front <= {path.name for path in (bundle / "course_utils" / "widgets").iterdir()}


class TestFolder:
    @pytest.fixture
    def quick(self, monkeypatch):
        """The library is made and searched by other tests."""
        monkeypatch.setattr("course_utils.bundle.folder.search", lambda folder, library: None)
        monkeypatch.setattr("course_utils.bundle.folder.write_library", lambda library, folder: None)

    def test_a_folder_of_something_else_is_left_alone(self, tmp_path, quick):
        (tmp_path / "thesis.txt").write_text("mine")
        with pytest.raises(CourseError, match="something else than a bundle"):
            make_bundle(tmp_path)
        assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]

    def test_a_file_in_its_place_is_left_alone(self, tmp_path, quick):
        (tmp_path / "out").write_text("mine")
        with pytest.raises(CourseError, match="is a file"):
            make_bundle(tmp_path / "out")

    def test_it_is_brought_up_to_date(self, tmp_path, quick):
        out = make_bundle(tmp_path / "out")
        before = (out / "README.md").read_text()
        marker = json.loads((out / ".course-bundle.json").read_text())
        (out / "README.md").unlink()
        (out / "old.py").write_text("from an earlier bundle")
        marker["files"]["old.py"] = [hashlib.sha256(b"from an earlier bundle").hexdigest()[:16]]
        (out / ".course-bundle.json").write_text(json.dumps(marker))
        (out / "notes.txt").write_text("mine")
        assert make_bundle(out) == out
        assert (out / "README.md").read_text() == before
        assert not (out / "old.py").exists()
        assert (out / "notes.txt").read_text() == "mine"

    def test_an_edited_file_is_left_alone(self, tmp_path, quick):
        out = make_bundle(tmp_path / "out")
        exercise = out / "exercises" / "day_02_convolution.py"
        exercise.write_text("my answer")
        with pytest.raises(CourseError, match=r"edited \(exercises/day_02_convolution.py\)"):
            make_bundle(out)
        assert exercise.read_text() == "my answer"

    def test_an_interrupted_run_can_be_repeated(self, tmp_path, quick, monkeypatch):
        out, copied, copyfile = tmp_path / "out", [], shutil.copyfile

        def failing(source, target):
            if str(target).startswith(str(out)):
                copied.append(target)
                if len(copied) == 4:
                    raise KeyboardInterrupt
            return copyfile(source, target)

        monkeypatch.setattr(shutil, "copyfile", failing)
        with pytest.raises(KeyboardInterrupt):
            make_bundle(out)
        monkeypatch.undo()
        assert len(list(out.rglob("*.*"))) < 10
        monkeypatch.setattr("course_utils.bundle.folder.search", lambda folder, library: None)
        assert (make_bundle(out) / "lessons").is_dir()

    def test_the_archive_holds_the_folder(self, tmp_path, quick):
        archive = make_bundle(tmp_path / "out", archive=True)
        names = zipfile.ZipFile(archive).namelist()
        assert archive == tmp_path / "out.zip" and "out/lessons/day_02_convolution.py" in names


class TestSearch:
    """A planted answer is found: the search looks at what was written, not at how."""

    PLANTED: ClassVar = {
        "lessons/extra.md": "view = all_windows(x, w.shape[:2], stride, dilation)\n"
        "maps = np.tensordot(view, w, axes=([2, 3, 4], [0, 1, 2]))\n",
        "course_utils/more.py": f"TABLE = [1, {day_02.kernel_names.reference!r}]\n",
        "results/more.json": json.dumps({"a": [day_02.flip_matters.reference]}),
    }

    @pytest.mark.parametrize("name", PLANTED)
    def test_it_is_found(self, name, tmp_path):
        path = tmp_path / name
        path.parent.mkdir(parents=True)
        path.write_text(self.PLANTED[name])
        with pytest.raises(CourseError, match="give away"):
            search(tmp_path, Library(sealed=True))

    def test_a_solved_exercise_is_found(self, tmp_path):
        (tmp_path / "exercises").mkdir()
        shutil.copy(ROOT / "solutions" / "day_12_cifar10.py", tmp_path / "exercises")
        with pytest.raises(CourseError, match="give away"):
            search(tmp_path, Library(sealed=True))
        notebook = notebooks.read(ROOT / "solutions" / "day_02_convolution.py")
        notebooks.write(notebook, tmp_path / "notebooks" / "day_02.ipynb")
        shutil.rmtree(tmp_path / "exercises")
        with pytest.raises(CourseError, match="give away"):
            search(tmp_path, Library(sealed=True))


def test_every_day_is_known():
    solved = sorted(path.name[:6] for path in (ROOT / "solutions").glob("day_*.py"))
    assert day_modules() == [f"course_utils.checks.{day}" for day in solved]
