"""What the attacks share: an attack's record, the solved notebook to start from, the ground that it is let loose on.

An attack's source is put into an answer cell. In it the line `#RIGHT` stands for the right answer, and `#GROUNDS` for
what an attacker could at best know of the grader's machine.
"""

import copy
import textwrap
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode

from course_utils import notebooks

NAME = "day_02_convolution"
FULL = {"conv2d": 4, "conv_layer": 4, "im2col": 3, "count_parameters": 2, "kernel_names": 3, "flip_matters": 2}
NOTHING = dict.fromkeys(FULL, 0)
SECRET = "CANARY-[0-9a-f]{32}"

# Shapes are right, values are not, and no known mistake gives them.
WRONG = """
def conv2d(image, kernel, stride=1):
    return np.full([(n - k) // stride + 1 for n, k in zip(image.shape, kernel.shape)], 0.123)
"""


@dataclass(frozen=True)
class Grounds:
    """The grader's machine. Everything but the secret, which stands in each of these places.

    files: that hold it. folders: that hold such files. variable: of the grader's environment. port, socket, abstract:
    doors that listen. pids: of the grader. token: a word of this run, for what an attack leaves behind.
    """

    files: tuple[str, ...] = ()
    folders: tuple[str, ...] = ()
    variable: str = "COURSE_TEST_SECRET"
    port: int = 9
    socket: str = "/nowhere"
    abstract: str = "nobody"
    pids: tuple[int, ...] = ()
    token: str = "token"


@dataclass(frozen=True)
class Base:
    """The solved day 2 of the course in the folder `root`, to be spoilt."""

    root: Path
    grounds: Grounds = field(default_factory=Grounds)

    @cached_property
    def _solved(self) -> NotebookNode:
        notebook = notebooks.read(self.root / "solutions" / f"{NAME}.py")
        for cell in notebook.cells:
            lines = [line for line in cell.source.splitlines() if "### BEGIN" not in line and "### END" not in line]
            cell.source = "\n".join(lines)
        return notebook

    def solved(self) -> NotebookNode:
        """A notebook with every answer right."""
        return copy.deepcopy(self._solved)

    def unsolved(self) -> NotebookNode:
        """The exercise as released."""
        return notebooks.read(self.root / "exercises" / f"{NAME}.py")

    def answer(self, question: str) -> str:
        """The right answer's source."""
        return at(self._solved, question).source

    def filled(self, question: str, source: str) -> str:
        """A source with its marks replaced."""
        source = code(source).replace("#GROUNDS", f"GROUNDS = {asdict(self.grounds)!r}")
        return source.replace("#RIGHT", self.answer(question))

    def with_answer(self, **sources: str) -> NotebookNode:
        """The solved notebook with these answer cells instead of the right ones."""
        notebook = self.solved()
        for question, source in sources.items():
            at(notebook, question).source = self.filled(question, source)
        return notebook

    def ipynb(self, notebook: NotebookNode) -> bytes:
        """The bytes of the file that JupyterLab saves."""
        return nbformat.writes(notebook, version=nbformat.NO_CONVERT).encode("utf-8", "surrogatepass")


Build = Callable[[Base], bytes]


@dataclass(frozen=True)
class Attack:
    """A submission and what it deserves.

    family: "forging", "secrets", "tampering", "crashing", "files", "accidents" or "channel". what: what it tries.
    fair: points by question. probe: for an attack that shows in its marks whether it got through, the answer cell,
    which a test also runs without any walls, to see that it does get through there; "" for the others.
    """

    name: str
    family: str
    what: str
    build: Build
    fair: Mapping[str, int]
    filename: str = f"{NAME}.ipynb"
    probe: str = ""


def code(source: str) -> str:
    """Source as written in a triple-quoted text."""
    return textwrap.dedent(source).strip("\n")


def fair(**points: int) -> dict[str, int]:
    """Full points, but for these questions."""
    return {**FULL, **points}


def at(notebook: NotebookNode, question: str) -> NotebookNode:
    """The answer cell of a question."""
    return next(cell for cell in notebook.cells if cell.metadata.get("nbgrader", {}).get("grade_id") == question)


def place(notebook: NotebookNode, question: str) -> int:
    """Where that cell stands."""
    return notebook.cells.index(at(notebook, question))


def new(source: str, **metadata: Any) -> NotebookNode:
    """A code cell of the student's own."""
    return nbformat.v4.new_code_cell(code(source), metadata=metadata)


def planted(family: str, name: str, what: str, source: str, question: str = "conv2d", points: int = 0) -> Attack:
    """An attack that stands in one answer cell, and what that question then deserves."""
    return Attack(name, family, what, lambda base: base.ipynb(base.with_answer(**{question: source})),
                  fair(**{question: points}))  # fmt: skip


def edited(family: str, name: str, what: str, edit: Callable[[NotebookNode], Any], **points: int) -> Attack:
    """An attack that edits the solved notebook."""

    def build(base: Base) -> bytes:
        notebook = base.solved()
        edit(notebook)
        return base.ipynb(notebook)

    return Attack(name, family, what, build, fair(**points))


def probing(
    family: str, name: str, what: str, seek: str, open_too: bool = True, questions: tuple[str, ...] = ("conv2d",)
) -> Attack:
    """Right answers that go wrong, and tell what was found, as soon as `seek` returns something.

    seek: the body of a function. open_too: whether it gets through where there are no walls. questions: functions.
    """
    body = textwrap.indent(code(seek), "    ")

    def source(question: str) -> str:
        return f"""
#GROUNDS
import contextlib, ctypes, glob, mmap, os, re, signal, socket, subprocess, sys, threading, time
SECRET = re.compile(rb"{SECRET}")

def seek():
{body}

try:
    FOUND = seek()
except BaseException:
    FOUND = None
print(FOUND)
#RIGHT

def {question}(*inputs, right={question}, found=FOUND):
    if found:
        raise RuntimeError(found)
    return right(*inputs)
"""

    sources = {question: source(question) for question in questions}
    return Attack(name, family, what, lambda base: base.ipynb(base.with_answer(**sources)), fair(),
                  probe=sources["conv2d"] if open_too else "")  # fmt: skip
