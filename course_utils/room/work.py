"""A worker's job: read a submission, or run the cells of one answer and say what the answer gives for each case.

Everything here shares a process with the student's code and may be bent by it. So nothing here judges, and whoever
reads the reply takes it for an answer, never for a fact.
"""

import ast
import builtins
import contextlib
import importlib
import linecache
import random
import sys
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from course_utils.checks.observe import looked, observe, packed
from course_utils.checks.question import Case, Question
from course_utils.room import cells, proof
from course_utils.wire import Malformed, decode, encode, frame

# Kinds of messages: the student's cells, shortcuts found in them, why there are none; then, for an answer: a statement
# begins or is skipped, cells were left out, the outcome for a case; for a model, its data, or the fault it has.
CELLS, SHORTCUTS, UNFIT, BEGINS, MORE, OUTCOME = b"C", b"S", b"U", b"B", b"M", b"O"
PACKED, FAULT, SKIPPED = b"K", b"F", b"L"
Write = Callable[[bytes], None]


class Room:
    """What all jobs of a day have in common.

    released: the exercise's cells, as `cells.read` wants them. module: the day's questions, without their answers.
    shortcuts: by question, words that its answer had better not hold; the question's name is that of its answer.
    """

    def __init__(self, released: list[dict], module: str, shortcuts: dict[str, list[str]]) -> None:
        self.released, self.module, self.shortcuts = released, module, shortcuts
        self.names = list(shortcuts)
        self.given = cells.given(released)

    def do(self, job: bytes, write: Write) -> None:
        """One job, as encoded by `wire`: {"do": "read", "run", "look" or "prove", ...}."""
        asked = decode(job)
        todo = {"read": self._read, "run": self._run, "look": self._look, "prove": proof.prove}[asked.pop("do")]
        for kind, body in todo(**asked):
            write(frame(kind, encode(body)))

    def _read(self, data: np.ndarray, suffix: str) -> Iterator[tuple[bytes, Any]]:
        try:
            own = cells.read(data.tobytes(), suffix, self.released, self.names)
        except cells.Unfit as reason:
            yield UNFIT, str(reason)
            return
        yield CELLS, own
        found = {}
        for name, words in self.shortcuts.items():
            program = cells.program(self.given, own, name, self.names, every=False)
            found[name] = [word for word in words if any(word in cell.source for cell in program if cell.own)]
        yield SHORTCUTS, found

    def _run(
        self, own: np.ndarray, question: str, every: bool, skip: list, cases: list[dict], seed: int
    ) -> Iterator[tuple[bytes, Any]]:
        """Run what the answer needs, statement by statement, then look at the answer case by case.

        own: the cells as `read` has written them. skip: statements to leave out, since they ended an earlier try.
        cases: the inputs by name.
        """
        submitted = decode(own.tobytes())
        program = cells.program(self.given, submitted, question, self.names, every)
        if sum(cell.own for cell in program) < len(submitted):
            yield MORE, True
        asked = self._question(question)
        random.seed(seed)
        np.random.seed(seed % 2**32)
        namespace = _namespace()
        for cell in program:
            for number, node in enumerate(cell.statements):
                where = [*cell.at, number]
                if where in skip:
                    yield SKIPPED, where
                    continue
                yield BEGINS, where
                _execute(node, cell.source, namespace)
        yield BEGINS, []
        answer = namespace.get(question)
        if asked.carry:
            carried = packed(asked, answer)
            yield (FAULT, [carried.fault, carried.detail]) if carried.fault else (PACKED, carried.value)
            return
        for inputs in cases:
            (outcome,) = observe(asked, answer, [Case(**inputs)])
            yield OUTCOME, [outcome.fault, outcome.detail, outcome.value]

    def _look(self, question: str, data: np.ndarray, cases: list[dict]) -> Iterator[tuple[bytes, Any]]:
        """Look at a model that another worker, with the student's code, has packed. Here none of that code runs."""
        try:
            carried = decode(data.tobytes())
        except Malformed:
            carried = None  # which is no model
        for outcome in looked(self._question(question), carried, [Case(**inputs) for inputs in cases]):
            yield OUTCOME, [outcome.fault, outcome.detail, outcome.value]

    def _question(self, name: str) -> Question:
        return getattr(importlib.import_module(self.module), name)


def _namespace() -> dict[str, Any]:
    """What a notebook's cells see: IPython's, where input() answers with an empty line."""
    from IPython import get_ipython

    shell = get_ipython()
    builtins.input = lambda prompt="": ""
    namespace = shell.user_ns
    namespace["__name__"] = "__main__"
    sys.modules["__main__"].__dict__.update(get_ipython=get_ipython)
    return namespace


def _execute(node: ast.stmt, source: str, namespace: dict[str, Any]) -> None:
    """One statement; whatever it raises ends only the statement, as an error ends only a cell in a notebook."""
    name = f"<cell {len(linecache.cache)}>"
    linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)  # for inspect.getsource
    # Also SystemExit and KeyboardInterrupt: the student's next statement may be right.
    with contextlib.suppress(BaseException):
        exec(compile(ast.Module([node], []), name, "exec"), namespace)
