"""JupyterLab set up for the course: it opens on a day, and the py files open as notebooks."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

from course_utils import notebooks
from course_utils.errors import CourseError
from course_utils.paths import root

CONFIG = Path(__file__).parent / "jupyter_config"
# A student wants to read the lesson's output, not what the frameworks say about the processor.
QUIET = {"TF_CPP_MIN_LOG_LEVEL": "2", "TF_ENABLE_ONEDNN_OPTS": "1", "HF_HUB_DISABLE_TELEMETRY": "1"}


def command(day: str | None = None, browser: bool = True) -> list[str]:
    """The command line that opens the lesson of `day` (default: the first there is), relative to the course folder.

    Raises CourseError for a day that has no lesson, and where JupyterLab is not installed.
    """
    if importlib.util.find_spec("jupyterlab") is None:
        raise CourseError("JupyterLab is not installed in this Python: run `make lab`, which sets it up.")
    lessons = notebooks.find([day] if day else None, folders=("lessons",))
    if not lessons:
        raise CourseError("There is no lesson in `lessons` yet.")
    lesson = lessons[0]
    # Without a root_dir the file's own folder would be the top, and the exercises out of reach.
    top = f"--ServerApp.root_dir={root()}"
    line = [sys.executable, "-m", "jupyterlab", top, str(lesson.relative_to(root()))]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        line.append("--allow-root")  # the usual user of a container, for whom JupyterLab would refuse to start
    return line if browser else [*line, "--no-browser"]


def environment() -> dict[str, str]:
    """This process's environment with the course's JupyterLab settings in front of the user's own."""
    paths = [str(CONFIG), *filter(None, [os.environ.get("JUPYTER_CONFIG_PATH")])]
    return {**QUIET, **os.environ, "JUPYTER_CONFIG_PATH": os.pathsep.join(paths)}


def open_lab(day: str | None = None, browser: bool = True) -> int:
    """Run JupyterLab until it is stopped; its exit code."""
    line = command(day, browser)
    with subprocess.Popen(line, cwd=root(), env=environment()) as server:
        while True:
            try:
                return server.wait()
            except KeyboardInterrupt:
                continue  # JupyterLab has it too, and asks whether to stop
