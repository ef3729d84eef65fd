"""What a notebook is given to run in: environment variables and the last cell."""

import copy
import os
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from course_utils.notebooks.text import set_ids
from course_utils.profiles import cores
from course_utils.runner.guard import LAST_CELL

GUARD_TAG = "course-guard"
QUIET = {
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "GRPC_VERBOSITY": "ERROR",
    "TOKENIZERS_PARALLELISM": "false",
    "HF_HUB_DISABLE_TELEMETRY": "1",
}


def allowance_s(budget_s: float, jobs: int) -> float:
    """Seconds after which a notebook fails: its budget and a half, for each of the kernels that share the cores."""
    return 1.5 * budget_s * jobs


def kernel_environment(stem: str, profile: str, folder: Path, jobs: int = 1) -> dict[str, str]:
    """Environment for the kernel of one notebook.

    stem: of the notebook; folder: its temporary one; jobs: kernels that share the machine's cores.
    """
    threads = str(max(1, cores() // jobs))
    return {
        **os.environ,
        **QUIET,
        "COURSE_PROFILE": profile,
        "COURSE_NOTEBOOK": stem,
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
        "PYTHONHASHSEED": "0",
        "OMP_NUM_THREADS": threads,
        "TF_NUM_INTRAOP_THREADS": threads,
        "TF_NUM_INTEROP_THREADS": threads,
        # The user's own start-up files and kernels do not take part.
        "IPYTHONDIR": str(folder / "ipython"),
        "JUPYTER_PREFER_ENV_PATH": "1",
    }


def guarded(notebook: NotebookNode) -> NotebookNode:
    """A copy that ends with the hidden cell which waits for what still runs."""
    notebook = copy.deepcopy(notebook)
    hidden = {"tags": [GUARD_TAG, "remove-cell"], "jupyter": {"source_hidden": True}}
    notebook.cells.append(nbformat.v4.new_code_cell(LAST_CELL, metadata=hidden))
    set_ids(notebook)
    return notebook
