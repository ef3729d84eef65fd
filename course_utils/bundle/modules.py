"""What the top-level statements of a module define and need, so that what nothing needs can be left out."""

import ast
import importlib.util
import itertools
import re
import symtable
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from course_utils.errors import CourseError

Name = tuple[str, str]
"""A module and a name in it; the name "*" is the module as a whole."""
WHOLE = "*"
WIDTH = 110


@dataclass(eq=False)
class Part:
    """One top-level statement, or one name of an import statement.

    first, last: its lines, with decorators above and with the documenting string below an assignment.
    """

    node: ast.stmt
    binds: frozenset[str]
    first: int
    last: int
    alias: ast.alias | None = None

    @property
    def always(self) -> bool:
        """Whether it is no definition: a docstring, or a statement that does something."""
        return not self.binds or not isinstance(
            self.node, ast.FunctionDef | ast.ClassDef | ast.Assign | ast.AnnAssign | ast.Import | ast.ImportFrom
        )


@dataclass(eq=False)
class Module:
    """A module of whose names some may be left out.

    name: as imported. known: the names of all such modules, to tell their imports from those of other libraries.
    """

    name: str
    path: Path
    text: str
    known: frozenset[str] = frozenset()
    parts: list[Part] = field(init=False)

    def __post_init__(self) -> None:
        try:
            self.tree = ast.parse(self.text)
        except SyntaxError as error:
            raise CourseError(f"{self.path}, line {error.lineno}: this is not valid Python ({error.msg}).") from error
        self.parts = list(_parts(self.tree))
        self.of: dict[str, list[Part]] = {}
        for part in self.parts:
            for name in part.binds:
                self.of.setdefault(name, []).append(part)
        self._targets = {name: target for part in self.parts if part.alias for name, target in self._imported(part)}

    @property
    def public(self) -> list[str]:
        """The names in `__all__`. Raises CourseError where there is none to read."""
        try:
            return list(ast.literal_eval(self.of["__all__"][-1].node.value))
        except (KeyError, AttributeError, ValueError, TypeError):
            raise CourseError(f"{self.path}: list the questions' names in `__all__`, in quotes.") from None

    def needs(self, node: ast.AST) -> set[Name]:
        """What a piece of the module reads: its own names, and those of known modules that it has imported."""
        read = _globals(node)
        found = {(self.name, name) for name in read if name in self.of}
        return found | {target for chain in _chains(node) if chain[0] in read and (target := self.meant(chain))}

    def part_needs(self, part: Part) -> set[Name]:
        """What a part needs; an import from a known module needs the name there."""
        if part.alias:
            whole = part.alias.name == WHOLE  # `from module import *`
            found = {self._targets[name] for name in part.binds if name in self._targets}
            return {(module, name) for module, name in found if module in self.known and (whole or name != WHOLE)}
        return self.needs(part.node) - {(self.name, name) for name in part.binds}

    def meant(self, chain: list[str]) -> Name | None:
        """The known name that `alias.name` or `package.module.name` stands for."""
        module, name = self._targets.get(chain[0], ("", ""))
        if name != WHOLE:
            return None
        for name in chain[1:]:
            if not self._leads(f"{module}.{name}"):
                return (module, name) if module in self.known else None
            module = f"{module}.{name}"
        return (module, WHOLE) if module in self.known else None

    def original(self, name: str) -> Name:
        """Where a name of the module comes from, as far as its own import statements tell."""
        return self._targets.get(name, (self.name, name))

    def _leads(self, module: str) -> bool:
        return any(one == module or one.startswith(f"{module}.") for one in self.known)

    def _imported(self, part: Part) -> Iterator[tuple[str, Name]]:
        alias, (bound,) = part.alias, part.binds
        if isinstance(part.node, ast.Import):
            yield bound, (alias.name if alias.asname else bound, WHOLE)
            return
        package = self.name if self.path.name == "__init__.py" else self.name.rpartition(".")[0]
        module = importlib.util.resolve_name("." * part.node.level + (part.node.module or ""), package)
        whole = f"{module}.{alias.name}"
        yield bound, ((whole, WHOLE) if self._leads(whole) else (module, alias.name))


def reduced(module: Module, kept: set[Part]) -> str:
    """The module's text with only these parts, and without the comments that belong to others.

    Raises CourseError where two statements share a line.
    """
    lines = module.text.splitlines()
    for one, other in itertools.pairwise(module.tree.body):
        if one.end_lineno == other.lineno:
            shared = lines[one.end_lineno - 1].strip()
            raise CourseError(f"{module.path}: write a line for each statement of {shared!r}.")
    gone: set[int] = set()
    for node, group in itertools.groupby(module.parts, key=lambda part: part.node):
        parts = list(group)
        names = [part.alias for part in parts if part in kept and part.alias]
        if not any(part in kept for part in parts):
            above = parts[0].first - 1
            while above and lines[above - 1].startswith("#"):  # a comment that touches it
                above -= 1
            gone |= set(range(above + 1, parts[0].last + 1))
        elif names and len(names) < len(node.names):
            lines[node.lineno - 1] = _import(node, names)
            gone |= set(range(node.lineno + 1, node.end_lineno + 1))
    left = [None if number in gone else line for number, line in enumerate(lines, start=1)]
    return _tidy(left)


def _import(node: ast.Import | ast.ImportFrom, names: list[ast.alias]) -> str:
    short = type(node)(**{**dict(ast.iter_fields(node)), "names": names})
    line = ast.unparse(short)
    if len(line) <= WIDTH:
        return line
    head, _, listed = line.partition(" import ")
    return f"{head} import (\n    {listed.replace(', ', f',{chr(10)}    ')},\n)"


def _tidy(lines: list[str | None]) -> str:
    """Lines (None: left out) without headings of nothing and without gaps."""
    text = "\n".join(line for line in lines if line is not None) + "\n"
    # A comment that stands alone is the heading of what follows, up to the next one.
    blocks = re.split(r"(?m)^(?=#[^\n]*\n\n)", text)
    text = blocks[0] + "".join(block for block in blocks[1:] if block.partition("\n")[2].strip())
    text = re.sub(r"\n{4,}", "\n\n\n", text)
    return re.sub(r"\n{3}(?=from |import )", "\n\n", text).strip("\n") + "\n"


def _parts(tree: ast.Module) -> Iterator[Part]:
    for above, node, below in zip([None, *tree.body], tree.body, [*tree.body[1:], None], strict=False):
        if _is_text(node) and _assigns(above):
            continue  # it documents the assignment above
        first = min([node.lineno, *(one.lineno for one in getattr(node, "decorator_list", []))])
        last = below.end_lineno if _assigns(node) and _is_text(below) else node.end_lineno
        if isinstance(node, ast.Import | ast.ImportFrom):
            for alias in node.names:
                yield Part(node, frozenset({alias.asname or alias.name.split(".")[0]}), first, last, alias)
        else:
            yield Part(node, frozenset(_bound(node)), first, last)


def _is_text(node: ast.stmt | None) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def _assigns(node: ast.stmt | None) -> bool:
    return isinstance(node, ast.Assign | ast.AnnAssign)


def _bound(node: ast.stmt) -> Iterator[str]:
    """Names that a statement binds at the top level."""
    table = symtable.symtable(ast.unparse(node), "part", "exec")
    yield from (s.get_name() for s in table.get_symbols() if s.is_assigned() or s.is_imported() or s.is_namespace())


def _globals(node: ast.AST) -> set[str]:
    """Names that a piece of code looks up outside of its functions."""

    def read(table: symtable.SymbolTable) -> Iterator[str]:
        top = table.get_type() == "module"
        yield from (s.get_name() for s in table.get_symbols() if s.is_referenced() and (top or s.is_global()))
        for inner in table.get_children():
            yield from read(inner)

    return set(read(symtable.symtable(ast.unparse(node), "part", "exec")))


def _chains(node: ast.AST) -> Iterator[list[str]]:
    """["a", "b", "c"] for each a.b.c, and ["a"] for each name without a dot."""
    names: list[str] = []
    inner = node
    while isinstance(inner, ast.Attribute):
        names.append(inner.attr)
        inner = inner.value
    if isinstance(inner, ast.Name):
        yield [inner.id, *reversed(names)]
        return
    for child in ast.iter_child_nodes(node):
        yield from _chains(child)
