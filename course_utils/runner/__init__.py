"""Executing notebooks with papermill, each in its own process, and reporting what happened.

schedule: many notebooks, resuming, interrupts · execute: one notebook, its time and memory · worker: papermill itself ·
guard: runs in the kernel, so that no exception is lost · failure: cell and line of a fault · record: results/ ·
report: HTML and JSON. The names below are loaded when used, so that a kernel which needs the guard loads only that.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from course_utils.runner.result import Failure, Report, Result
    from course_utils.runner.schedule import run

__all__ = ["Failure", "Report", "Result", "run"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = "schedule" if name == "run" else "result"
    return getattr(import_module(f"{__name__}.{module}"), name)
