"""From a student's file to the program that defines one answer.

The released exercise is taken afresh; of the student's notebook only cells that differ from it count. Which of them an
answer needs is read from the names that they bind and use, so that lost metadata, moved, split or doubled cells, and a
broken cell elsewhere do not matter.
"""

import ast
import builtins
import contextlib
import json
import symtable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

MANY = 2000  # cells of a student's own
FIRST = 10**6  # the exercise's statements come before the student's cells at the same place
IMPORTS = (ast.Import, ast.ImportFrom)
BUILTIN = frozenset(dir(builtins))
UNPARSABLE = (SyntaxError, ValueError, RuntimeError, MemoryError)  # RecursionError is a RuntimeError


class Unfit(Exception):
    """A file that holds no notebook: one sentence, which quotes nothing of it."""


@dataclass
class Cell:
    """A cell to run, or a statement of a given one; read no further than needed, since students leave odd things about.

    at: what it is sorted by. own: the student's. answers: the question whose answer cell it is by its metadata, or "".
    """

    text: str
    at: tuple[int, int]
    own: bool = False
    answers: str = ""

    @cached_property
    def parsed(self) -> tuple[str, list[ast.stmt]]:
        """As plain Python, and its statements; none if it is not Python."""
        return _parse(self.text)

    @property
    def source(self) -> str:
        return self.parsed[0]

    @property
    def statements(self) -> list[ast.stmt]:
        return self.parsed[1]

    @cached_property
    def defines(self) -> set[str]:
        """Names at the top level to which it gives a value of their own."""
        return {name for node in self.statements for name in _bound(node) if _defines(node, name)}

    @cached_property
    def binds(self) -> set[str]:
        """Names at the top level that it defines or changes."""
        return set().union(*map(_bound, self.statements))

    @cached_property
    def uses(self) -> set[str]:
        """Names that it needs from elsewhere: not what it defines itself, nor what every Python has."""
        with contextlib.suppress(*UNPARSABLE):  # such as a `return` outside a function: running it will fail as well
            return _read_globals(symtable.symtable(self.source, "cell", "exec")) - self.defines - BUILTIN
        return set()

    def concerns(self, name: str) -> bool:
        """Whether it defines or changes the name."""
        return name in self.text and name in self.binds


def read(data: bytes, suffix: str, released: list[dict], names: list[str]) -> list[dict]:
    """The student's own code cells in a file, in order: [{"source", "place", "id"}].

    released: [{"source", "run", "id" of the answer cell or ""}] of the exercise; a cell that equals one of them is
    left out. place: index of the released answer cell that it was made for, or of the last released cell before it.
    names: of all answers. Makes sense of whatever it can: formats 3 and 4, lost metadata, py:percent, odd encodings.
    Raises Unfit.
    """
    text = _text(data)
    if not text.strip():
        raise Unfit("The file is empty.")
    places = {_squeezed(cell["source"]): i for i, cell in enumerate(released)}
    answers = {cell["id"]: i for i, cell in enumerate(released) if cell["id"]}
    own, place = [], -1
    for cell in _cells(text, suffix):
        source, name = _source_and_id(cell)
        squeezed = _squeezed(source)
        if squeezed in places:
            place = places[squeezed]
        elif squeezed and cell.get("cell_type") == "code":
            place = answers.get(name, place)
            own.append({"source": source, "place": place, "id": name if name in answers else ""})
    if len(own) > MANY:  # somebody's joke; what may be an answer is looked at all the same
        own = [cell for cell in own if cell["id"] or any(name in cell["source"] for name in names)][:MANY]
    return own


def given(released: list[dict]) -> list[Cell]:
    """The statements of the exercise's own cells: one unit each, so that only those needed are run."""
    return [
        Cell(ast.unparse(node), (i, j - FIRST))
        for i, cell in enumerate(released)
        for j, node in enumerate(_parse(cell["run"])[1])
    ]


def program(given: list[Cell], submitted: list[dict], name: str, names: list[str], every: bool) -> list[Cell]:
    """The cells to run, in order, for the answer `name`.

    given: as from `given`, submitted: as from `read`, names: of all answers of the day. every: all of the student's
    cells, not only those that the answer seems to need.
    """
    own = [Cell(cell["source"], (cell["place"], i), True, cell["id"]) for i, cell in enumerate(submitted)]
    wanted = _latest([cell for cell in own if cell.concerns(name)], name)
    wanted = wanted or [cell for cell in own if cell.answers == name]
    here = max((cell.at for cell in wanted), default=(FIRST, 0))
    chosen = list(own) if every else wanted
    chosen += [cell for cell in given if cell.concerns(name) or isinstance(cell.statements[0], IMPORTS)]
    reached: set[str] = set()
    while fresh := set().union(*(cell.uses for cell in chosen)) - reached:
        reached |= fresh
        for needed in fresh:
            new = _definitions(needed, given, own, names, here)
            chosen += [one for one in new if not any(one is cell for cell in chosen)]
    return sorted(chosen, key=lambda cell: cell.at)


def _definitions(
    needed: str, given: list[Cell], own: list[Cell], names: list[str], here: tuple[int, int]
) -> list[Cell]:
    """Where a name comes from: an answer is the student's, the exercise's own names are as released.

    here: the place of the answer. Of several helpers of one name, it meant the last above it, or else the first below.
    """
    released = [cell for cell in given if cell.concerns(needed)]
    if released and needed not in names:
        return released
    theirs = [cell for cell in own if cell.concerns(needed)]
    if needed in names:
        return _latest(theirs, needed) or released
    above = [cell for cell in theirs if cell.at <= here]
    return _latest(above, needed) or theirs[:1]


def _latest(cells: list[Cell], name: str) -> list[Cell]:
    """Of several versions the last that is more than a form, and what only changes the value later."""
    whole = [i for i, cell in enumerate(cells) if name in cell.defines]
    filled = [i for i in whole if not any(_is_form(node, name) for node in cells[i].statements)]
    if not whole:
        return cells
    first = (filled or whole)[-1]
    return [cells[first], *(cell for i, cell in enumerate(cells) if i > first and i not in whole)]


def _text(data: bytes) -> str:
    for encoding in ("utf-8-sig", "utf-16") if data[:2] in (b"\xff\xfe", b"\xfe\xff") else ("utf-8-sig",):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    return data.decode("latin-1")


def _cells(text: str, suffix: str) -> list[dict[str, Any]]:
    """The cells of either kind of file; what is inside decides, a wrong ending does not matter."""
    if text.lstrip()[:1] != "{" and (suffix == ".py" or "# %%" in text):
        import jupytext

        return [dict(cell) for cell in jupytext.reads(text, "py:percent").cells]
    return _json_cells(text)


def _json_cells(text: str) -> list[dict[str, Any]]:
    try:
        notebook = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Unfit("The file is not a notebook: it is not JSON.") from error
    if not isinstance(notebook, dict):
        raise Unfit("The file is not a notebook: it has no cells.")
    sheets = notebook.get("worksheets")
    cells = notebook.get("cells")
    if not isinstance(cells, list) and isinstance(sheets, list):
        cells = [c for sheet in sheets if isinstance(sheet, dict) for c in _list(sheet.get("cells"))]
    if not isinstance(cells, list):
        raise Unfit("The file is not a notebook: it has no cells.")
    return [cell for cell in cells if isinstance(cell, dict)]


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _source_and_id(cell: dict[str, Any]) -> tuple[str, str]:
    source = cell.get("source", cell.get("input", ""))
    if isinstance(source, list):
        source = "".join(part for part in source if isinstance(part, str))
    metadata = cell.get("metadata")
    nbgrader = metadata.get("nbgrader") if isinstance(metadata, dict) else None
    grade_id = nbgrader.get("grade_id") if isinstance(nbgrader, dict) else None
    source = source.replace("\r\n", "\n") if isinstance(source, str) else ""
    return source, grade_id if isinstance(grade_id, str) else ""


def _squeezed(source: str) -> str:
    return "\n".join(line.rstrip() for line in source.strip().splitlines())


def _parse(source: str) -> tuple[str, list[ast.stmt]]:
    """Magics are turned into calls as IPython does."""
    first, _, rest = source.lstrip().partition("\n")
    if first.startswith("%%"):  # %%time and its like: what it is about stands below
        source = rest
    with contextlib.suppress(*UNPARSABLE):
        return source, ast.parse(source).body
    from IPython.core.inputtransformer2 import TransformerManager

    with contextlib.suppress(*UNPARSABLE):
        source = TransformerManager().transform_cell(source)
        return source, ast.parse(source).body
    return source, []


def _read_globals(table: symtable.SymbolTable) -> set[str]:
    """Names that are looked up outside of all functions; a function's own variables are not."""
    top = table.get_type() == "module"
    found = {s.get_name() for s in table.get_symbols() if s.is_referenced() and (top or s.is_global())}
    return found.union(*(_read_globals(inner) for inner in table.get_children()))


def _bound(node: ast.stmt) -> set[str]:
    """Names that a statement defines or changes at the top level; what a function does inside stays inside."""
    found: set[str] = set()
    todo: list[ast.AST] = [node]
    while todo:
        one = todo.pop()
        if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(one.name)
            todo += one.decorator_list
            continue
        if isinstance(one, ast.Lambda | ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp):
            continue
        if isinstance(one, ast.Import | ast.ImportFrom):
            found |= {(alias.asname or alias.name).split(".")[0] for alias in one.names}
        elif isinstance(one, ast.Name) and isinstance(one.ctx, ast.Store):
            found.add(one.id)
        elif isinstance(one, ast.Subscript | ast.Attribute) and isinstance(one.ctx, ast.Store):
            found |= _base(one)
        elif isinstance(one, ast.Call) and isinstance(one.func, ast.Attribute):
            found |= _base(one.func) if _changing(one.func.attr) else set()
        todo += ast.iter_child_nodes(one)
    return found


def _changing(method: str) -> bool:
    return method in ("update", "append", "extend", "insert", "setdefault", "fill", "put", "compile", "fit")


def _base(node: ast.AST) -> set[str]:
    while isinstance(node, ast.Subscript | ast.Attribute):
        node = node.value
    return {node.id} if isinstance(node, ast.Name) else set()


def _is_form(node: ast.stmt, name: str) -> bool:
    """Whether this is the name's function with nothing in it: a docstring, `...`, `pass`, `return`."""
    if not isinstance(node, ast.FunctionDef) or node.name != name:
        return False
    return all(
        isinstance(line, ast.Pass)
        or (isinstance(line, ast.Expr) and isinstance(line.value, ast.Constant))
        or (isinstance(line, ast.Return) and (line.value is None or isinstance(line.value, ast.Constant)))
        for line in node.body
    )


def _defines(node: ast.stmt, name: str) -> bool:
    """Whether a statement gives the name a value of its own, not one made from its old value."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return node.name == name
    if isinstance(node, ast.Import | ast.ImportFrom):
        return any((alias.asname or alias.name).split(".")[0] == name for alias in node.names)
    stores = [n for n in ast.walk(node) if isinstance(n, ast.Name) and n.id == name and isinstance(n.ctx, ast.Store)]
    loads = [n for n in ast.walk(node) if isinstance(n, ast.Name) and n.id == name and isinstance(n.ctx, ast.Load)]
    return bool(stores) and not loads and not isinstance(node, ast.AugAssign)
