"""More of what happens to students who mean well: names used twice, forms filled in bit by bit, ways to define."""

from functools import partial

from attacks.accidents import right_answer
from attacks.kit import Attack, Base, NotebookNode, at, edited, fair, new, place

slip = partial(edited, "accidents")


def _helper_name_twice(notebook: NotebookNode) -> None:
    """Each answer has a helper by the same name; each check is right after its answer, and passes."""
    at(notebook, "conv2d").source = """\
def window(image, top, left, kernel):
    return image[top : top + kernel.shape[0], left : left + kernel.shape[1]]

def conv2d(image, kernel, stride=1):
    tops, lefts = [range(0, n - k + 1, stride) for n, k in zip(image.shape, kernel.shape)]
    return np.array([[np.sum(window(image, i, j, kernel) * kernel) for j in lefts] for i in tops])"""
    at(notebook, "im2col").source = """\
def window(image, side, top, left):
    return image[top : top + side, left : left + side].ravel()

def im2col(image, kernel_size, stride=1):
    tops, lefts = [range(0, n - kernel_size + 1, stride) for n in image.shape[:2]]
    return np.array([window(image, kernel_size, i, j) for i in tops for j in lefts])"""


def _helper_cells_twice(notebook: NotebookNode) -> None:
    """The same with the helpers in cells of their own above the answers."""
    _helper_name_twice(notebook)
    for question in ("conv2d", "im2col"):
        helper, answer = at(notebook, question).source.split("\n\n")
        at(notebook, question).source = answer
        notebook.cells.insert(place(notebook, question), new(helper))


def _helper_improved(notebook: NotebookNode) -> None:
    """A helper in a cell of its own, wrong at first, right in a later cell, and both above the answer."""
    where = place(notebook, "conv2d")
    at(notebook, "conv2d").source = "def conv2d(image, kernel, stride=1):\n    return slide(image, kernel, stride)"
    notebook.cells.insert(
        where,
        new("""
        def slide(image, kernel, stride):
            view = np.lib.stride_tricks.sliding_window_view(image, kernel.shape)[::stride, ::stride]
            return (view * kernel).sum(axis=(2, 3))
        """),
    )
    notebook.cells.insert(where, new("def slide(image, kernel, stride):\n    return image * kernel"))


def _constant_reused(notebook: NotebookNode) -> None:
    """A global constant that one answer reads, set to something else for a later one."""
    cell = at(notebook, "count_parameters")
    cell.source = "BIASES = 1\n" + cell.source.replace("+ 1)", "+ BIASES)")
    notebook.cells.insert(place(notebook, "kernel_names"), new("BIASES = 0\nprint(BIASES)"))


def _by_global(notebook: NotebookNode) -> None:
    """A function that sets the answer as a global, in a cell that has lost its metadata."""
    cell = at(notebook, "conv2d")
    cell.source = "def define():\n    global conv2d\n" + "\n".join("    " + line for line in cell.source.splitlines())
    cell.source += "\n\ndefine()"
    cell.metadata = {}


def _by_file(notebook: NotebookNode) -> None:
    """A module of one's own, written by a cell and imported by the answer."""
    helper = """%%writefile sliding.py
def slide(image, kernel, stride):
    from numpy.lib.stride_tricks import sliding_window_view
    return (sliding_window_view(image, kernel.shape)[::stride, ::stride] * kernel).sum(axis=(2, 3))
"""
    notebook.cells.insert(place(notebook, "conv2d"), new(helper))
    at(notebook, "conv2d").source = "from sliding import slide\ndef conv2d(image, kernel, stride=1):\n" + (
        "    return slide(image, kernel, stride)"
    )


def _names_bit_by_bit(notebook: NotebookNode) -> None:
    """A form filled in over four cells, by merging, and printed in between."""
    form = 'kernel_names = dict.fromkeys("ABCDEFG")\nkernel_names["A"] = "vertical edges"'
    at(notebook, "kernel_names").source = form
    below = place(notebook, "kernel_names") + 1
    steps = (
        'kernel_names |= {"B": "horizontal edges", "C": "sharpen"}',
        "print(kernel_names)",
        'kernel_names = {**kernel_names, "C": "edges in every direction", "D": "sharpen"}',
        'for letter, name in zip("EFG", ["blur", "shift left", "horizontal edges"]):\n    kernel_names[letter] = name',
    )
    notebook.cells[below:below] = [new(step) for step in steps]


def _names_in_a_loop(notebook: NotebookNode) -> None:
    """Values tried out in a loop that reuses names of other answers as variables."""
    at(notebook, "flip_matters").source = """\
flip_matters = {}
for name in questions.KERNELS_TO_TURN:
    kernel = questions.KERNELS_TO_TURN[name]
    conv = conv2d(np.arange(36.0).reshape(6, 6) ** 2, kernel)
    flip = conv2d(np.arange(36.0).reshape(6, 6) ** 2, kernel[::-1, ::-1])
    flip_matters[name] = not np.allclose(conv, flip)
flip_matters"""


def _wrong_form_header(base: Base) -> bytes:
    text = "# ---\n# jupyter: [unclosed\n#   x: - : &\n# ---\n\n"
    cells = [cell.source for cell in base.solved().cells if cell.cell_type == "code"]
    return (text + "\n\n".join(f"# %%\n{source}" for source in cells)).encode()


ATTACKS = [
    slip("helper_name_twice", "Two answers with helpers of the same name.", _helper_name_twice),
    slip("helper_cells_twice", "The same, with the helpers in cells of their own.", _helper_cells_twice),
    slip("helper_improved", "A helper written twice, the second time right.", _helper_improved),
    slip("constant_reused", "A constant that has another value later on.", _constant_reused),
    slip("by_global", "An answer set from within a function.", _by_global),
    slip("by_file", "A module of one's own, written with %%writefile.", _by_file),
    slip("names_bit_by_bit", "A form filled in over many cells.", _names_bit_by_bit),
    slip("answer_uses_answer", "Values worked out with an answer of one's own.", _names_in_a_loop),
    Attack("header_broken", "accidents", "A Python file whose header is no YAML.", _wrong_form_header, fair(),
           "day_02_convolution.py"),
    right_answer("defined_in_if", "A function defined under an if, with a try around it.", """
        try:
            import no_such_module_at_all
        except ImportError:
            no_such_module_at_all = None
        if no_such_module_at_all is None:
            def conv2d(image, kernel, stride=1):
                view = np.lib.stride_tricks.sliding_window_view(image, kernel.shape)[::stride, ::stride]
                return (view * kernel).sum(axis=(2, 3))
        """),
    right_answer("closure", "A function made by another, with a default and a partial.", """
        import functools
        def make(combine):
            def slide(image, kernel, stride, offset=0):
                view = np.lib.stride_tricks.sliding_window_view(image, kernel.shape)[::stride, ::stride]
                return combine(view * kernel) + offset
            return slide
        conv2d, _ = functools.partial(make(lambda x: x.sum(axis=(2, 3))), offset=0), None
        """),
    right_answer("imported_late", "Imports within the function, and in the cell below it.", """
        def conv2d(image, kernel, stride=1):
            from numpy.lib import stride_tricks as tricks
            return it.reduce(np.add, [(tricks.sliding_window_view(image, kernel.shape)[::stride, ::stride] * kernel)
                                      .sum(axis=(2, 3))])
        import functools as it
        """),
    right_answer("star_imported", "Everything imported from NumPy, over the builtins.", """
        from numpy import *
        def conv2d(image, kernel, stride=1):
            view = lib.stride_tricks.sliding_window_view(image, kernel.shape)[::stride, ::stride]
            return sum(view * kernel, axis=(2, 3))
        """),
    right_answer("plots_inside", "Draws a picture for each case and leaves it open.", """
        #RIGHT
        right = conv2d
        def conv2d(image, kernel, stride=1):
            plt.figure(figsize=(1, 1))
            plt.imshow(image)
            return right(image, kernel, stride)
        """),
    right_answer("integer_input_kept", "Works on a copy that it changes.", """
        #RIGHT
        right = conv2d
        def conv2d(image, kernel, stride=1):
            image = image.astype(float)
            image += 1
            image -= 1
            return right(image, kernel, stride)
        """),
]  # fmt: skip
