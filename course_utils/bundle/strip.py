"""Taking the answers out of the text of a module that declares questions."""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass

from course_utils.bundle.modules import WHOLE, Module
from course_utils.errors import CourseError

DECLARING = {"course_utils.checks.question", "course_utils.checks.question.question"}
RULE = {"course_utils.checks.Rule", "course_utils.checks.question.Rule"}


@dataclass(frozen=True)
class Declared:
    """A question as declared in the text: its name, its reference, and expressions whose names are its mistakes."""

    name: str
    reference: ast.expr
    mistakes: tuple[ast.expr, ...]


@dataclass(frozen=True)
class Stripped:
    """A module's text without answers, what was declared in it, and the pieces of text taken out."""

    text: str
    declared: tuple[Declared, ...]
    pieces: tuple[str, ...]


def strip(module: Module, sealed: str | None) -> Stripped:
    """Take out references, mistakes and what breaks rules.

    sealed: the folder of keys that the notebook's checks use, or None for checks that show nothing; rules and cases go
    then as well. Raises CourseError for a declaration whose answers cannot be found in the text.
    """
    text = _Text(module.text)
    declared, understood = [], set()
    for statement in module.tree.body:
        for call in (node for node in ast.walk(statement) if isinstance(node, ast.Call)):
            if _is(module, call.func, DECLARING):
                if not (isinstance(statement, ast.Assign | ast.AnnAssign) and call is statement.value):
                    raise CourseError(f"{_at(module, call)}: declare each question as `name = question(...)`.")
                declared.append(_question(module, call, text, sealed))
                understood |= {call, *ast.walk(call.func)}
            elif _is(module, call.func, RULE):
                _rule(module, call, text)
                understood |= {call, *ast.walk(call.func)}
    _refuse_others(module, understood)
    if declared:
        first = next(part.node for part in module.parts if _is_checks_import(part.node))
        text.replace(text.start(first), text.start(first), "from course_utils.checks import sealed\n")
    return Stripped(text.result(), tuple(declared), tuple(text.pieces))


def _question(module: Module, call: ast.Call, text: "_Text", sealed: str | None) -> Declared:
    given = {keyword.arg: keyword.value for keyword in call.keywords}
    named = len(call.args) == 1 and isinstance(call.args[0], ast.Constant)
    if None in given or "reference" not in given or not named:
        raise CourseError(
            f"{_at(module, call)}: write the question's name in quotes and each argument as name=value, so that the "
            "answers can be taken out."
        )
    drop = {"reference", "mistakes", "given", "shortcuts"}
    if sealed is None or "rules" not in given:
        drop |= {"cases"}
    if sealed is None:
        drop |= {"rules"}
    add = []
    if "cases" in given and "kind" not in given:
        add.append('kind="function",')
    if sealed is not None and "rules" not in given:
        add.append(f'key="{sealed}/{call.args[0].value}",')
    text.replace(text.start(call.func), text.end(call.func), "sealed.question")
    first = call.keywords[0]
    gap = "\n" + " " * first.col_offset if first.lineno > call.lineno else " "
    text.replace(text.start(first), text.start(first), "".join(one + gap for one in add))
    close = text.end(call) - 1
    for keyword, after in zip(call.keywords, [*call.keywords[1:], None], strict=True):
        if keyword.arg in drop:
            text.drop(text.start(keyword), text.start(after) if after else close)
    listed = given.get("mistakes")
    values = listed.values if isinstance(listed, ast.Dict) else []
    rules = [node for node in ast.walk(given.get("rules", ast.Module([], []))) if isinstance(node, ast.Call)]
    called = [one for one in rules if _is(module, one.func, RULE)]
    broken = [part for one in called for part in [*one.args, *(keyword.value for keyword in one.keywords)][1:]]
    mistakes = tuple(one for one in [*values, *broken] if isinstance(one, ast.Name | ast.Attribute))
    elsewhere = () if listed is None or values else (listed,)
    return Declared(call.args[0].value, given["reference"], mistakes + elsewhere)


def _rule(module: Module, call: ast.Call, text: "_Text") -> None:
    """Rule(holds, broken_by) -> Rule(holds)."""
    given = [*call.args, *call.keywords]
    names = ["holds", "broken_by"][len(call.args) :]
    starred = any(isinstance(one, ast.Starred) for one in call.args)
    if len(given) != 2 or starred or [one.arg for one in call.keywords] != names:
        raise CourseError(f"{_at(module, call)}: write a rule as Rule(holds, broken_by).")
    end = text.end(given[0])
    comma = next(place for place, token in text.operators if token == "," and place >= end)
    text.drop(comma, text.end(call) - 1)


def _refuse_others(module: Module, understood: set[ast.AST]) -> None:
    """Raise CourseError for a declaration written in a way in which its answers would be overlooked."""
    for node in ast.walk(module.tree):
        keywords = {keyword.arg for keyword in node.keywords} if isinstance(node, ast.Call) else set()
        starred = isinstance(node, ast.ImportFrom) and any(alias.name == WHOLE for alias in node.names)
        named = isinstance(node, ast.Name | ast.Attribute) and _is(module, node, DECLARING | RULE)
        if node not in understood and (starred or named or keywords & {"reference", "mistakes", "broken_by"}):
            raise CourseError(
                f"{_at(module, node)}: import `question` and `Rule` by their names and use them in calls only, so that "
                "the answers can be taken out."
            )


def _is(module: Module, node: ast.expr, meant: set[str]) -> bool:
    """Whether an expression is one of these names, in whatever way it was imported."""
    names: list[str] = []
    while isinstance(node, ast.Attribute):
        names.insert(0, node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        return False
    where, name = module.original(node.id)
    return ".".join([where, *([] if name == WHOLE else [name]), *names]) in meant


def _is_checks_import(node: ast.stmt) -> bool:
    return isinstance(node, ast.ImportFrom) and (node.module or "").startswith("course_utils")


def _at(module: Module, node: ast.AST) -> str:
    return f"{module.path}, line {node.lineno}"


class _Text:
    """A text from which pieces are cut. Places are counted in bytes, as `ast` does."""

    def __init__(self, text: str) -> None:
        self._bytes = text.encode()
        self._starts = [0]
        for line in self._bytes.splitlines(keepends=True):
            self._starts.append(self._starts[-1] + len(line))
        self._edits: list[tuple[int, int, bytes]] = []
        self.pieces: list[str] = []
        self.operators = list(self._operators(text))

    def start(self, node: ast.AST) -> int:
        return self._starts[node.lineno - 1] + node.col_offset

    def end(self, node: ast.AST) -> int:
        return self._starts[node.end_lineno - 1] + node.end_col_offset

    def replace(self, start: int, end: int, text: str) -> None:
        self._edits.append((start, end, text.encode()))

    def drop(self, start: int, end: int) -> None:
        """Cut a piece out; before a closing bracket, the line break and indentation there stay."""
        piece = self._bytes[start:end]
        self.pieces.append(piece.decode())
        if self._bytes[end : end + 1] == b")":
            end -= len(piece) - len(piece.rstrip())
        self._edits.append((start, end, b""))

    def result(self) -> str:
        out, done = b"", 0
        for start, end, new in sorted(self._edits, key=lambda edit: (edit[0], edit[1])):
            if start >= done:  # what lies inside a piece that is gone needs no further edit
                out, done = out + self._bytes[done:start] + new, end
        text = (out + self._bytes[done:]).decode()
        return re.sub(r"\n[ \t]+\n(?=[ \t]*\))", "\n", text)

    def _operators(self, text: str) -> Iterator[tuple[int, str]]:
        lines = text.splitlines(keepends=True)
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type == tokenize.OP:
                line, column = token.start
                yield self._starts[line - 1] + len(lines[line - 1][:column].encode()), token.string
