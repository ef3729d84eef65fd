"""From a student's file to the program that defines one answer.

The released exercise is taken afresh; of the student's notebook only cells that differ from it count. Which of them an
answer needs is read from the names that they bind and use, so that lost metadata, moved, split or doubled cells, and a
broken cell elsewhere do not matter.
"""

import ast
import contextlib
import json
import symtable
from dataclasses import dataclass, field
from typing import Any

MANY = 2000  # cells of a student's own
FIRST = 10**6  # the exercise's statements come before the student's cells at the same place
IMPORTS = (ast.Import, ast.ImportFrom)
UNPARSABLE = (SyntaxError, ValueError, RecursionError, MemoryError)


class Unfit(Exception):
    """A file that holds no notebook: one sentence, which quotes nothing of it."""


@dataclass
class Cell:
    """A cell to run, or a statement of a given one.

    at: what it is sorted by. own: the student's. answers: the question whose answer cell it is by its metadata, or "".
    binds, uses: names at the top level that it defines or changes, and that it reads.
    """

    source: str
    at: tuple[int, int]
    own: bool = False
    answers: str = ""
    statements: list[ast.stmt] = field(default_factory=list)
    binds: set[str] = field(default_factory=set)
    uses: set[str] = field(default_factory=set)


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
        _analysed(Cell(ast.unparse(node), (i, j - FIRST), statements=[node]))
        for i, cell in enumerate(released)
        for j, node in enumerate(_parse(cell["run"]) or [])
    ]


def program(given: list[Cell], submitted: list[dict], name: str, names: list[str], every: bool) -> list[Cell]:
    """The cells to run, in order, for the answer `name`.

    given: as from `given`, submitted: as from `read`, names: of all answers of the day. every: all of the student's
    cells, not only those that the answer seems to need.
    """
    own = _own(submitted)
    wanted = [cell for cell in own if cell.answers == name or name in cell.binds]
    chosen = list(own) if every else _latest([cell for cell in wanted if name in cell.binds], name) or wanted
    chosen += [cell for cell in given if name in cell.binds or isinstance(cell.statements[0], IMPORTS)]
    reached: set[str] = set()
    while fresh := set().union(*(cell.uses for cell in chosen)) - reached:
        reached |= fresh
        for needed in fresh:
            chosen += [one for one in _definitions(needed, given, own, names) if not any(one is c for c in chosen)]
    return sorted(chosen, key=lambda cell: cell.at)


def _definitions(needed: str, given: list[Cell], own: list[Cell], names: list[str]) -> list[Cell]:
    """Where a name comes from: an answer is the student's, the exercise's own names are as released."""
    theirs = [cell for cell in own if needed in cell.binds]
    if needed in names and theirs:
        return _latest(theirs, needed)
    return [cell for cell in given if needed in cell.binds] or theirs


def _latest(cells: list[Cell], name: str) -> list[Cell]:
    """Of several versions the last; a cell that only changes the value goes with the version that it changes."""
    whole = [i for i, cell in enumerate(cells) if any(_defines(node, name) for node in cell.statements)]
    return cells[whole[-1] :] if whole else cells


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


def _own(submitted: list[dict]) -> list[Cell]:
    """The student's cells that are Python, at their places."""
    cells = []
    for order, cell in enumerate(submitted):
        nodes = _parse(cell["source"])
        if nodes:
            cells.append(_analysed(Cell(cell["source"], (cell["place"], order), True, cell["id"], nodes)))
    return cells


def _squeezed(source: str) -> str:
    return "\n".join(line.rstrip() for line in source.strip().splitlines())


def _parse(source: str) -> list[ast.stmt] | None:
    """The statements of a cell, magics turned into calls as IPython does; None if they are not Python."""
    first, _, rest = source.lstrip().partition("\n")
    if first.startswith("%%"):  # %%time and its like: what it is about stands below
        source = rest
    with contextlib.suppress(*UNPARSABLE):
        return ast.parse(source).body
    from IPython.core.inputtransformer2 import TransformerManager

    with contextlib.suppress(*UNPARSABLE):
        return ast.parse(TransformerManager().transform_cell(source)).body
    return None


def _analysed(cell: Cell) -> Cell:
    for node in cell.statements:
        cell.binds |= _bound(node)
    text = ast.unparse(ast.Module(cell.statements, []))
    with contextlib.suppress(*UNPARSABLE):  # such as a `return` outside a function: running it will fail as well
        cell.uses = _read_globals(symtable.symtable(text, "cell", "exec"))
    # What it defines itself it needs from nowhere else.
    cell.uses -= {name for name in cell.binds if any(_defines(node, name) for node in cell.statements)}
    return cell


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


def _defines(node: ast.stmt, name: str) -> bool:
    """Whether a statement gives the name a value of its own, not one made from its old value."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return node.name == name
    if isinstance(node, ast.Import | ast.ImportFrom):
        return any((alias.asname or alias.name).split(".")[0] == name for alias in node.names)
    stores = [n for n in ast.walk(node) if isinstance(n, ast.Name) and n.id == name and isinstance(n.ctx, ast.Store)]
    loads = [n for n in ast.walk(node) if isinstance(n, ast.Name) and n.id == name and isinstance(n.ctx, ast.Load)]
    return bool(stores) and not loads and not isinstance(node, ast.AugAssign)
