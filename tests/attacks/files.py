"""Files that are no notebook, hardly one, one of another time or program, or too large. What is in them counts."""

import gzip
import io
import json
import random
import zipfile
from collections.abc import Callable

import jupytext
import nbformat

from attacks.kit import FULL, NAME, NOTHING, Attack, Base, Build, NotebookNode, at, code, new


def _file(name: str, what: str, build: Build, fair: dict[str, int] = FULL, filename: str = f"{NAME}.ipynb") -> Attack:
    return Attack(name, "files", what, build, fair, filename)


def _junk(name: str, what: str, data: bytes | Callable[[], bytes]) -> Attack:
    """A file in which nothing can be graded."""
    return _file(name, what, lambda base: data() if callable(data) else data, NOTHING)


def _solved(name: str, what: str, change: Callable[[bytes], bytes]) -> Attack:
    """The solved notebook's bytes, changed so that its answers can still be read."""
    return _file(name, what, lambda base: change(base.ipynb(base.solved())))


def _broken(name: str, what: str, change: Callable[[bytes], bytes]) -> Attack:
    """The same, but so that they cannot."""
    return _file(name, what, lambda base: change(base.ipynb(base.solved())), NOTHING)


def _json(name: str, what: str, change: Callable[[dict], object]) -> Attack:
    """The solved notebook as plain JSON, changed in place, in ways that nbformat would refuse."""

    def build(base: Base) -> bytes:
        notebook = json.loads(base.ipynb(base.solved()))
        change(notebook)
        return json.dumps(notebook).encode()

    return _file(name, what, build)


def _script(name: str, what: str, write: Callable[[NotebookNode], str]) -> Attack:
    """The solved notebook as a Python file."""
    return _file(name, what, lambda base: write(base.solved()).encode(), filename=f"{NAME}.py")


def _zipped(data: bytes) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        archive.writestr(f"{NAME}.ipynb", data)
    return held.getvalue()


def _format_three(base: Base) -> bytes:
    """The format of IPython 2: worksheets, `input` for `source`."""
    notebook = base.solved()
    for cell in notebook.cells:
        cell.pop("id", None)
    return nbformat.writes(nbformat.convert(notebook, 3), version=3).encode()


def _as_exported(notebook: NotebookNode) -> str:
    """As `jupyter nbconvert --to script` writes it."""
    parts = ["#!/usr/bin/env python\n# coding: utf-8\n"]
    for cell in notebook.cells:
        text = cell.source if cell.cell_type == "code" else "\n".join("# " + line for line in cell.source.splitlines())
        parts.append(("# In[ ]:\n\n\n" if cell.cell_type == "code" else "") + text + "\n")
    return "\n\n".join(parts)


def _lists(notebook: dict) -> None:
    for cell in notebook["cells"]:
        source = cell["source"] if isinstance(cell["source"], str) else "".join(cell["source"])
        cell["source"] = [part for line in source.splitlines(keepends=True) for part in (line[:3], line[3:])]


def _bare(notebook: dict) -> None:
    for key in [key for key in notebook if key != "cells"]:
        del notebook[key]
    notebook["cells"] = [{"cell_type": cell["cell_type"], "source": cell["source"]} for cell in notebook["cells"]]


def _odd_types(notebook: dict) -> None:
    """Things among the cells that are none, and fields of the wrong kind in those that need none of them."""
    for cell in notebook["cells"]:
        cell |= {"metadata": [], "id": 5, "outputs": "none", "execution_count": {"a": 1}}
    notebook["cells"] += [None, 5, "text", [], {}, {"cell_type": "code"}, {"cell_type": "code", "source": None},
                          {"cell_type": ["code"], "source": {"a": 1}}, {"source": [1, None, "x"], "cell_type": "code"},
                          {"cell_type": "code", "source": "1", "metadata": {"nbgrader": {"grade_id": ["conv2d"]}}},
                          {"cell_type": "code", "source": "1", "metadata": {"nbgrader": "conv2d"}}]  # fmt: skip
    notebook["metadata"] = None
    notebook["nbformat"] = "four"


def _large_outputs(notebook: dict) -> None:
    picture = {"output_type": "display_data", "metadata": {}, "data": {"image/png": "iVBORw0KGgo" + "A" * 8_000_000}}
    next(cell for cell in notebook["cells"] if cell["cell_type"] == "code")["outputs"] = [picture]


def _many_cells(number: int) -> Callable[[dict], object]:
    def change(notebook: dict) -> None:
        blank = {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None}
        notebook["cells"][1:1] = [{**blank, "source": f"x_{i} = {i}"} for i in range(number)]

    return change


def _surrogates(notebook: dict) -> None:
    notebook["cells"].append({"cell_type": "code", "metadata": {}, "source": "x = '\ud800'  # \udfff"})
    notebook["cells"].append({"cell_type": "markdown", "metadata": {}, "source": "\ud83d half a smile"})


def _beside(name: str, what: str, source: str) -> Attack:
    """A cell of the student's own that a reader may choke on, beside answers that are right."""

    def build(base: Base) -> bytes:
        notebook = base.solved()
        for where in (1, 14, len(notebook.cells)):
            notebook.cells.insert(where, new(source))
        return base.ipynb(notebook)

    return _file(name, what, build)


def _within(name: str, what: str, source: str) -> Attack:
    """The same in an answer's own cell."""
    return _file(name, what, lambda base: base.ipynb(base.with_answer(conv2d=code(source) + "\n#RIGHT")))


def _renamed(base: Base, old: str, other: str) -> bytes:
    notebook = base.solved()
    at(notebook, "conv2d").source = base.answer("conv2d").replace(old, other)
    return base.ipynb(notebook)


ATTACKS = [
    _junk("empty", "An empty file.", b""),
    _junk("blank", "A file of blanks.", b" \n\t\r\n" * 100),
    _junk("only_bom", "Nothing but a byte order mark.", b"\xef\xbb\xbf"),
    _junk("prose", "A letter to the instructor.", b"Sehr geehrte Lehrkraft, mein Hund ..."),
    _junk("noise", "Random bytes.", lambda: random.Random(2).randbytes(100_000)),
    _junk("picture", "A picture.", b"\x89PNG\r\n\x1a\n" + bytes(1000)),
    _junk("pickle", "A pickle that ends whoever reads it.", b"cos\n_exit\n(I0\ntR."),
    _junk("null", "JSON null.", b"null"),
    _junk("number", "A JSON number.", b"1" * 5000),
    _junk("list", "A JSON list.", b"[{}, {}]"),
    _junk("object", "An empty JSON object.", b"{}"),
    _junk("cells_text", "A notebook whose cells are a text.", b'{"cells": "def conv2d(): pass", "nbformat": 4}'),
    _junk("cells_object", "A notebook whose cells are an object.", b'{"cells": {"0": {"cell_type": "code"}}}'),
    _junk("cells_none", "A notebook without a cell.",
          b'{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}'),
    _junk("deep", "Brackets, a hundred thousand deep.", b"[" * 100_000),
    _junk("deep_closed", "The same, closed again.", b'{"cells":' + b"[" * 100_000 + b"]" * 100_000 + b"}"),
    _junk("huge", "Twenty-five megabytes of nothing.", lambda: b"x" * 25_000_000),
    _junk("huge_json", "Twenty-five megabytes of JSON.", lambda: b'{"cells": [' + b"0," * 12_500_000 + b"0]}"),
    _junk("web_page", "The page that a course platform shows to those who are not logged in.",
          b"<!DOCTYPE html><html><body><form>Please log in</form><script>MARKED()</script></body></html>"),
    _broken("cut_off", "A download that broke off.", lambda data: data[: len(data) // 2]),
    _broken("twice", "Two notebooks in one file.", lambda data: data + data),
    _broken("zipped", "A zip archive by the name of a notebook.", _zipped),
    _broken("compressed", "A compressed notebook.", gzip.compress),
    _broken("merge_conflict", "The marks of a conflict that git left.",
            lambda data: b"<<<<<<< HEAD\n" + data + b"\n=======\n" + data + b"\n>>>>>>> other\n"),
    _solved("bom", "A byte order mark.", lambda data: b"\xef\xbb\xbf" + data),
    _solved("utf16", "The encoding that PowerShell's > writes.", lambda data: data.decode().encode("utf-16")),
    _solved("windows_lines", "Windows' line ends in the file and in the sources.",
            lambda data: data.replace(b"\n", b"\r\n").replace(b"\\n", b"\\r\\n")),
    _solved("old_mac_lines", "Line ends of old Macs in the sources.", lambda data: data.replace(b"\\n", b"\\r")),
    _solved("latin_1", "The encoding of an old editor.", lambda data: data.decode().encode("latin-1", "replace")),
    _solved("blanks_around", "Blank lines before and after.", lambda data: b"\n\n  " + data + b"\n\n\n"),
    _solved("ascii_only", "Every odd letter escaped.", lambda data: json.dumps(json.loads(data)).encode()),
    _json("bare", "Nothing but the cells' sources: no metadata, no format, no outputs.", _bare),
    _json("odd_types", "Fields of the wrong kind, and cells that are none.", _odd_types),
    _json("split_lines", "Sources as lists of pieces, not of lines.", _lists),
    _json("same_ids", "Every cell by the same id.", lambda notebook: [c.update(id="a") for c in notebook["cells"]]),
    _json("format_99", "A format of the future.", lambda notebook: notebook.update(nbformat=99, nbformat_minor=-1)),
    _json("large_outputs", "Eight megabytes of pictures.", _large_outputs),
    _json("many_cells", "A hundred thousand cells.", _many_cells(100_000)),
    _json("three_thousand_cells", "Three thousand cells.", _many_cells(3000)),
    _json("surrogates", "Half letters in a cell of its own.", _surrogates),
    _file("format_3", "The format of the year 2014.", _format_three),
    _script("script_percent", "A Python file with cell marks.",
            lambda notebook: jupytext.writes(notebook, "py:percent")),
    _script("script_light", "A Python file of another style.", lambda notebook: jupytext.writes(notebook, "py:light")),
    _script("script_exported", "A Python file as JupyterLab exports it.", _as_exported),
    _script("script_bare", "A Python file of nothing but code.",
            lambda notebook: "\n\n".join(cell.source for cell in notebook.cells if cell.cell_type == "code")),
    _file("script_broken", "A Python file that is none.", lambda base: b"def conv2d(:\n", NOTHING, f"{NAME}.py"),
    _file("script_notebook", "A notebook by the name of a Python file.", lambda base: base.ipynb(base.solved()),
          filename=f"{NAME}.py"),
    _file("notebook_script", "A Python file by the name of a notebook.",
          lambda base: jupytext.writes(base.solved(), "py:percent").encode()),
    _beside("beside_brackets", "A hundred thousand brackets in a cell.", "x = " + "(" * 10**5),
    _beside("beside_long_sum", "A sum of three thousand terms.", "x = " + "+".join(["1"] * 3000)),
    _beside("beside_medium_sum", "A sum of a thousand terms.", "x = " + "+".join(["1"] * 1000)),
    _beside("beside_minus", "Two thousand signs.", "x = " + "-" * 2000 + "1"),
    _beside("beside_attributes", "An attribute of an attribute, five thousand times.", "x = a" + ".a" * 5000),
    _beside("beside_calls", "Calls of calls.", "x = f" + "()" * 3000),
    _beside("beside_ifs", "elif, three thousand times.",
            "if 1: pass\n" + "\n".join("elif 2: pass" for _ in range(3000))),
    _beside("beside_blocks", "Ninety loops in one another.",
            "\n".join("  " * depth + f"for x{depth} in [1]:" for depth in range(90)) + "\n" + "  " * 90 + "pass"),
    _beside("beside_shell", "Six hundred shell commands.", "\n".join(["!true"] * 600)),
    _beside("beside_null", "A null byte.", "x = '\0'"),
    _beside("beside_large", "A cell of five megabytes.", "x = '" + "a" * 5_000_000 + "'"),
    _beside("beside_many_lines", "A cell of fifty thousand lines.", "\n".join(f"y{i} = {i}" for i in range(50_000))),
    _beside("beside_number", "A number of ten thousand digits.", "x = " + "9" * 10_000),
    _beside("beside_escape", "A name in curly brackets that is no letter.", "x = '\\N{NO SUCH LETTER}'"),
    _beside("beside_encoding", "A declaration of an encoding that does not exist.", "# -*- coding: klingon -*-\nx = 1"),
    _within("within_large", "Five megabytes of comment above an answer.", "# " + "a" * 5_000_000),
    _within("within_encoding", "A declared encoding above an answer.", "# -*- coding: latin-1 -*-"),
    _within("within_shell", "Magics and shell commands around an answer.", "!true\n%matplotlib inline\n?np.sum"),
    _file("fullwidth_name", "A function's name in wide letters, which Python takes for the ordinary ones.",
          lambda base: _renamed(base, "def conv2d", "def ｃｏｎｖ2d")),
    _file("cyrillic_name", "A name with a letter that only looks like c.",
          lambda base: _renamed(base, "def conv2d", "def сonv2d"), FULL | {"conv2d": 0}),
]  # fmt: skip
