"""Notebooks whose cells went astray: doubled, deleted, moved, split, merged, retagged. What is right stays right."""

from functools import partial

from attacks.kit import NOTHING, WRONG, Attack, Base, NotebookNode, at, edited, fair, new, place

clumsy = partial(edited, "files")


def _beside(name: str, what: str, source: str, before: bool = False, **points: int) -> Attack:
    """A cell added above or below the answer conv2d."""

    def edit(notebook: NotebookNode) -> None:
        notebook.cells.insert(place(notebook, "conv2d") + (not before), new(source))

    return clumsy(name, what, edit, **points)  # fmt: skip


def _each(change):
    """Do something to every code cell."""
    return lambda notebook: [change(cell) for cell in notebook.cells if cell.cell_type == "code"]


def _keep(condition):
    def edit(notebook: NotebookNode) -> None:
        notebook.cells = [cell for cell in notebook.cells if condition(cell)]

    return edit


def _grader(cell: NotebookNode) -> dict:
    return cell.metadata.get("nbgrader", {})


def _is_answer(cell: NotebookNode) -> bool:
    return bool(_grader(cell).get("solution"))


def _tagged(cell: NotebookNode) -> None:
    cell.metadata["tags"] = ["skip-execution", "remove-cell", "raises-exception", "parameters"]
    cell.metadata["jupyter"] = {"source_hidden": True, "outputs_hidden": True}
    cell.metadata |= {"editable": False, "deletable": False, "collapsed": True}


def _ids_exchanged(notebook: NotebookNode) -> None:
    one, other = at(notebook, "conv2d"), at(notebook, "im2col")
    _grader(one)["grade_id"], _grader(other)["grade_id"] = "im2col", "conv2d"


def _every_id_the_same(notebook: NotebookNode) -> None:
    for cell in notebook.cells:
        if _grader(cell):
            _grader(cell)["grade_id"] = "conv2d"


def _duplicated(notebook: NotebookNode) -> None:
    """JupyterLab copies a cell with its metadata."""
    for question in ("conv2d", "kernel_names"):
        cell = at(notebook, question)
        notebook.cells.insert(place(notebook, question), NotebookNode(cell))


def _function_split(notebook: NotebookNode) -> None:
    where = place(notebook, "conv2d")
    at(notebook, "conv2d").source = "def conv2d(image, kernel, stride=1):\n    return slide(image, kernel, stride)"
    notebook.cells.insert(
        where,
        new("""
        def slide(image, kernel, stride):
            positions = [range(0, n - k + 1, stride) for n, k in zip(image.shape, kernel.shape)]
            return np.array([[window_sum(image, kernel, i, j) for j in positions[1]] for i in positions[0]])
        """),
    )
    notebook.cells.append(
        new("""
        def window_sum(image, kernel, top, left):
            return SCALE * np.sum(image[top:top + kernel.shape[0], left:left + kernel.shape[1]] * kernel)
        """)
    )
    notebook.cells.insert(3, new("SCALE = 1.0"))


def _names_split(notebook: NotebookNode) -> None:
    """Filled in over two cells, as one goes along."""
    cell = at(notebook, "kernel_names")
    cell.source = 'kernel_names = {letter: None for letter in "ABCDEFG"}\nkernel_names["A"] = "vertical edges"'
    below = place(notebook, "kernel_names") + 1
    notebook.cells.insert(
        below,
        new("""
        kernel_names["B"] = kernel_names["G"] = "horizontal edges"
        kernel_names["C"] = "edges in every direction"
        """),
    )
    notebook.cells.append(new('kernel_names.update(D="sharpen", E="blur", F="shift left")'))


def _merged(first: int, last: int):
    """Merge the cells from `first` to `last`, counted from the answer conv2d."""

    def edit(notebook: NotebookNode) -> None:
        where = place(notebook, "conv2d")
        parts = notebook.cells[where + first : where + last + 1]
        parts[0].source = "\n\n".join(cell.source for cell in parts)
        parts[0].cell_type = "code"
        notebook.cells[where + first + 1 : where + last + 1] = []

    return edit  # fmt: skip


def _one_cell(notebook: NotebookNode) -> None:
    notebook.cells = [new("\n\n".join(cell.source for cell in notebook.cells if cell.cell_type == "code"))]


def _retyped(kind: str):
    def edit(notebook: NotebookNode) -> None:
        at(notebook, "conv2d").cell_type = kind
        at(notebook, "conv2d").pop("outputs", None)
        at(notebook, "conv2d").pop("execution_count", None)

    return edit


def _other_kernel(name: str, language: str):
    def edit(notebook: NotebookNode) -> None:
        notebook.metadata["kernelspec"] = {"name": name, "display_name": name, "language": language}
        notebook.metadata["language_info"] = {"name": language, "version": "0.0", "file_extension": ".r"}

    return edit


def _replaced(cell: NotebookNode, old: str, other: str) -> None:
    cell.source = cell.source.replace(old, other)


def _half(base: Base) -> bytes:
    notebook = base.unsolved()
    for question in ("conv2d", "kernel_names"):
        at(notebook, question).source = base.answer(question)
    return base.ipynb(notebook)


def _stub_below(base: Base) -> bytes:
    notebook = base.solved()
    notebook.cells.append(at(base.unsolved(), "conv2d"))
    return base.ipynb(notebook)


ATTACKS = [
    Attack("untouched", "accidents", "The exercise as it was handed out.",
           lambda base: base.ipynb(base.unsolved()), NOTHING),
    Attack("half_done", "accidents", "Two questions answered, the rest as handed out.", _half,
           NOTHING | {"conv2d": 4, "kernel_names": 3}),
    clumsy("solved", "Everything right.", lambda notebook: None),
    clumsy("duplicated", "Answer cells copied with their metadata.", _duplicated),
    _beside("wrong_then_right", "An attempt above the right answer.", WRONG, before=True),
    _beside("right_then_wrong", "A second, wrong version below the right one.", WRONG, conv2d=0),
    Attack("right_then_stub", "files",
           "The cell as handed out, once more below the right answer.", _stub_below, fair()),
    _beside("right_then_broken", "A second version that is no Python.",
            "def conv2d(image, kernel, stride=1:\n    return"),
    _beside("given_name_rebound", "A name of the exercise is used for something else.", "small = None\nplots = 3"),
    clumsy("function_split", "An answer's helpers in other cells, above, below, and a constant far above.",
           _function_split),
    clumsy("names_split", "A dictionary filled in over three cells.", _names_split),
    clumsy("merged_with_check", "An answer merged with the cells below it, up to its check.", _merged(0, 2)),
    clumsy("merged_with_given", "An answer merged with the given cell above it.", _merged(-1, 0)),
    clumsy("one_cell", "All code in one cell.", _one_cell),
    clumsy("checks_deleted", "All check cells deleted.",
           _keep(lambda cell: not cell.source.startswith(("check(", "summary(")))),
    clumsy("texts_deleted", "All texts deleted.", _keep(lambda cell: cell.cell_type == "code")),
    clumsy("only_answers", "Nothing but the answers, without imports.", _keep(_is_answer)),
    clumsy("answer_deleted", "One answer deleted with its cell.",
           _keep(lambda cell: _grader(cell).get("grade_id") != "im2col"), im2col=0),
    clumsy("imports_emptied", "The cell of the imports emptied.",
           _each(lambda cell: cell.update(source="") if cell.source.startswith("import matplotlib") else None)),
    clumsy("given_cells_broken", "The exercise's own cells made into nonsense.",
           _each(lambda cell: None if _is_answer(cell) else cell.update(source="1 +"))),
    clumsy("backwards", "The cells in the opposite order.", lambda notebook: notebook.cells.reverse()),
    clumsy("answers_first", "The answers above everything else.",
           lambda notebook: notebook.cells.sort(key=lambda cell: not _is_answer(cell))),
    clumsy("metadata_lost", "No metadata of any cell.",
           lambda notebook: [cell.update(metadata={}) for cell in notebook.cells]),
    clumsy("notebook_metadata_lost", "No metadata of the notebook.", lambda notebook: notebook.update(metadata={})),
    clumsy("ids_exchanged", "The ids of two answers exchanged.", _ids_exchanged),
    clumsy("ids_all_the_same", "Every cell by the id of the first answer.", _every_id_the_same),
    clumsy("retagged", "Every cell tagged to be skipped, hidden, locked.", _each(_tagged)),
    clumsy("points_edited", "Every cell worth a thousand points, none a solution.",
           _each(lambda cell: _grader(cell).update(points=1000, solution=False, locked=False, grade=True))),
    clumsy("kernel_r", "The kernel of another language.", _other_kernel("ir", "R")),
    clumsy("kernel_gone", "A kernel that is not installed.", _other_kernel("my-env-2019", "python")),
    clumsy("answer_as_text", "An answer turned into text.", _retyped("markdown"), conv2d=0),
    clumsy("answer_as_raw", "An answer turned into a raw cell.", _retyped("raw"), conv2d=0),
    clumsy("renamed", "A function by another name.",
           lambda notebook: _replaced(at(notebook, "conv2d"), "conv2d", "convolve"), conv2d=0),
    clumsy("renamed_capital", "A function's name with a capital.",
           lambda notebook: _replaced(at(notebook, "im2col"), "im2col", "Im2col"), im2col=0),
    clumsy("indented", "An answer indented by accident.",
           lambda notebook: at(notebook, "conv2d").update(
               source="\n".join("    " + line for line in at(notebook, "conv2d").source.splitlines()))),
    Attack("unused_fair", "files", "Empty cells everywhere.",
           lambda base: base.ipynb(_with_blanks(base.solved())), fair()),
]  # fmt: skip


def _with_blanks(notebook: NotebookNode) -> NotebookNode:
    notebook.cells = [one for cell in notebook.cells for one in (new(""), cell, new("\n\n  \n"), new("# nothing"))]
    return notebook
