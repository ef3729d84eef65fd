"""The notebooks as files: their facts, finding them, py:percent ↔ ipynb, solution → exercise. Executes nothing."""

from course_utils.notebooks.exercises import Change, digest, exercise, sync
from course_utils.notebooks.facts import Facts, facts
from course_utils.notebooks.find import find
from course_utils.notebooks.leaks import answers, leaked, telling
from course_utils.notebooks.text import FORMAT, cell_lines, code_cells, read, to_ipynb, with_parameters, write, writes

__all__ = [
    "FORMAT",
    "Change",
    "Facts",
    "answers",
    "cell_lines",
    "code_cells",
    "digest",
    "exercise",
    "facts",
    "find",
    "leaked",
    "read",
    "sync",
    "telling",
    "to_ipynb",
    "with_parameters",
    "write",
    "writes",
]
