"""The process that executes one notebook with papermill: `python -m course_utils.runner.worker JOB.json`.

It ends with 0 when papermill came to an end; whether a cell failed stands in the executed notebook. It ends itself and
its kernel when the process that started it is gone.
"""

import contextlib
import json
import os
import shutil
import sys
import threading
from pathlib import Path
from typing import Any

import papermill
import psutil

from course_utils.runner.guard import EXTENSION

KERNEL_START_S = 120
# A busy machine may take long to deliver what a cell printed.
OUTPUT_S = 60


def main(job_file: str) -> int:
    """Execute the job: input, output, progress (file names), parameters."""
    threading.Thread(target=_end_with_parent, args=(Path(job_file).parent,), daemon=True).start()
    job = json.loads(Path(job_file).read_text(encoding="utf-8"))

    def note(cell_index: int, **_: Any) -> None:
        Path(job["progress"]).write_text(str(cell_index), encoding="utf-8")

    with contextlib.suppress(papermill.PapermillExecutionError):
        papermill.execute_notebook(
            job["input"],
            job["output"],
            parameters=job["parameters"],
            kernel_name="python3",
            progress_bar=False,
            start_timeout=KERNEL_START_S,
            iopub_timeout=OUTPUT_S,
            extra_arguments=[f"--IPKernelApp.extra_extensions={EXTENSION}"],
            on_cell_execute=note,
        )
    return 0


def _end_with_parent(folder: Path) -> None:
    # The parent holds the other end of this pipe: it closes when the parent ends, however it ends.
    os.read(sys.stdin.fileno(), 1)
    for process in psutil.Process().children(recursive=True):
        process.kill()
    shutil.rmtree(folder, ignore_errors=True)
    os._exit(1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
