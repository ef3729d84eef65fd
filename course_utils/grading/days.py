"""What can be graded: the released exercises with their questions, and what a room needs to know of each."""

import ast
import hashlib
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import IO, Any

import jupytext
from IPython.core.inputtransformer2 import TransformerManager

import course_utils
from course_utils import room
from course_utils.checks import Question, questions_of
from course_utils.errors import CourseError
from course_utils.grading import desk
from course_utils.grading.results import Mark
from course_utils.room.walls import Limits


@dataclass(frozen=True)
class Day:
    """A day that can be graded.

    source: the questions' module or file. room: what `room.work.Room` wants. imports: what a room imports beforehand.
    data: the data sets that the exercise loads.
    """

    number: int
    source: str
    questions: dict[str, Question]
    room: dict[str, Any]
    imports: list[str]
    frameworks: tuple[str, ...]
    budget_s: dict[str, float]
    data: tuple[str, ...]
    fingerprint: str

    def profile(self, asked: str) -> str:
        """The profile of a room. There are no real data in it, and only the smoke profile does with sample data."""
        return "smoke" if self.data else asked

    def limits(self, seconds: float, profile: str) -> Limits:
        """What the worker of a question may use. seconds: for an answer that needs no framework."""
        if not self.frameworks:
            return Limits(seconds=seconds)
        seconds = max(seconds, 4 * self.budget_s.get(self.profile(profile), 60))
        # Frameworks start threads by the core, and reserve addresses that they never use.
        return Limits(seconds=seconds, memory_mb=6000, disk_mb=1024, processes=512, reply_mb=64, virtual=False)

    def nothing(self, reason: str) -> tuple[Mark, ...]:
        """The marks of a submission in which nothing can be read."""
        return tuple(
            Mark(name, 0, question.points, "unanswered", feedback=reason) for name, question in self.questions.items()
        )


def gradable(root: Path, questions: Path | None) -> dict[int, Day]:
    """The days that have an exercise and questions, by number; with a file of questions, its day only.

    Raises CourseError for a file that declares no usable questions, or whose exercise is missing.
    """
    if questions:
        module = desk.load(str(questions))
        number = getattr(module, "DAY", None)
        exercise = Path(questions).parent / getattr(module, "EXERCISE", "")
        if type(number) is not int or not exercise.is_file():
            raise CourseError(
                f"{questions} must say DAY = (the number of the day) and EXERCISE = (the released exercise, a file "
                "beside it)."
            )
        return {number: _day(number, exercise, module, str(questions))}
    found = {}
    for path in sorted((root / "exercises").glob("day_*.py")):
        name = f"course_utils.checks.day_{path.name[4:6]}"
        try:
            module = desk.load(name)
        except ModuleNotFoundError:
            continue
        found[int(path.name[4:6])] = _day(int(path.name[4:6]), path, module, name)
    if not found:
        raise CourseError(f"There is no exercise with questions in {root / 'exercises'}, so there is nothing to grade.")
    return found


def room_library(folder: Path, questions: Path | None) -> Path:
    """Make the folder of modules that a room sees: course_utils without the answers, the instructor's questions too."""
    from course_utils.bundle.library import public_library, public_module

    public_library(folder, sealed=False, extra=[questions] if questions else [])
    (folder / "course_utils" / "room").mkdir(exist_ok=True)
    for path in Path(room.__file__).parent.glob("*.py"):
        (folder / "course_utils" / "room" / path.name).write_bytes(path.read_bytes())
    if questions:
        (folder / Path(questions).name).write_text(public_module(Path(questions)), encoding="utf-8")
    return folder


def start_desk(control: socket.socket, stderr: IO[bytes]) -> subprocess.Popen:
    """Start a desk; it has this process's environment, for it is as trusted."""
    line = [sys.executable, "-m", "course_utils.grading.desk"]
    return subprocess.Popen(line, stdin=control, stdout=subprocess.DEVNULL, stderr=stderr, start_new_session=True)


def _day(number: int, exercise: Path, module: ModuleType, source: str) -> Day:
    try:
        notebook = jupytext.read(exercise)  # an instructor's own has no header of the course's
    except Exception as error:  # jupytext and nbformat raise many kinds, all meaning the same to a reader
        raise CourseError(f"{exercise} is not a notebook: {str(error).strip().splitlines()[0]}") from error
    course = notebook.metadata.get("course", {})
    questions = {question.name: question for question in questions_of(module)}
    frameworks = tuple(course.get("frameworks", ()))
    released, imports = [], []
    for cell in notebook.cells:
        nbgrader = cell.metadata.get("nbgrader", {})
        answer = nbgrader.get("grade_id", "") if nbgrader.get("solution") else ""
        statements = _statements(cell.source) if cell.cell_type == "code" and not answer else []
        imports += [name for node in statements for name in _imported(node)]
        released.append({"source": cell.source, "run": "\n".join(map(ast.unparse, statements)), "id": answer})
    shortcuts = {name: list(question.shortcuts) for name, question in questions.items()}
    name = source if module.__name__ == source else Path(source).stem
    return Day(
        number,
        source,
        questions,
        {"released": released, "module": name, "shortcuts": shortcuts},
        list(dict.fromkeys([*imports, name])),
        frameworks,
        course.get("budget_s", {}),
        tuple(course.get("data", ())),
        _fingerprint(exercise, source),
    )


def _statements(source: str) -> list[ast.stmt]:
    """A released cell without its checks, which in a room have nothing to compare with."""
    nodes = ast.parse(TransformerManager().transform_cell(source)).body
    return [node for node in nodes if not _is_check(node)]


def _is_check(node: ast.stmt) -> bool:
    call = node.value if isinstance(node, ast.Expr) else None
    return isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in ("check", "summary")


def _imported(node: ast.stmt) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom) and node.module:
        return [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return []


def _fingerprint(exercise: Path, source: str) -> str:
    """Of all that decides a mark, but for the submission and the seed."""
    package = Path(course_utils.__file__).parent
    files = [exercise, package / "wire.py"]
    files += [Path(source)] if source.endswith(".py") else []
    files += [package / "grading" / f"{name}.py" for name in ("days", "desk", "examiner", "feedback")]
    files += sorted(path for part in ("checks", "reference", "room") for path in (package / part).rglob("*.py"))
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()[:16]
