"""An IPython extension that fails a cell for exceptions which Python and Jupyter only print.

Those are exceptions in threads, in destructors and weak references, in asyncio tasks and callbacks, in widget and
IPython callbacks, and in the display of a value. The cell during which one is noticed fails; what comes after the last
cell is caught by a hidden cell that awaits `finish()`.
"""

import asyncio
import gc
import logging
import sys
import threading
from types import TracebackType
from typing import Any

EXTENSION = __name__
# Run after the last cell.
LAST_CELL = "from course_utils.runner import guard as _guard\nawait _guard.finish()"
# Libraries that catch what a callback raises and log it instead.
LOGGERS = ("asyncio", "concurrent.futures", "tornado.application", "comm", "traitlets")
# Threads still running after the last cell get this long to finish, or to fail.
PATIENCE_S = 2.0

Caught = tuple[str, type[BaseException], BaseException, TracebackType | None]
_guard: "Guard | None" = None


class UnnoticedError(Exception):
    """An exception that would have been printed and forgotten."""

    def __init__(self, caught: list[Caught], rendered: list[str]) -> None:
        super().__init__("; ".join(f"{where}: {kind.__name__}: {error}" for where, kind, error, _ in caught))
        self._rendered = rendered

    def _render_traceback_(self) -> list[str]:
        """What IPython shows: the tracebacks of the exceptions themselves."""
        return [*self._rendered, f"{type(self).__name__}: {self}"]


class Guard(logging.Handler):
    """Collects unnoticed exceptions of one kernel and turns them into the failure of a cell."""

    def __init__(self, shell: Any) -> None:
        super().__init__(logging.ERROR)
        self.shell = shell
        self.caught: list[Caught] = []
        self.threads = set(threading.enumerate())

    def install(self) -> None:
        self._thread_hook, threading.excepthook = threading.excepthook, self._in_thread
        self._unraisable_hook, sys.unraisablehook = sys.unraisablehook, self._unraisable
        self._show, self.shell.showtraceback = self.shell.showtraceback, self._shown
        for name in LOGGERS:
            logging.getLogger(name).addHandler(self)
        self.shell.events.register("post_run_cell", self._after_cell)

    def _in_thread(self, args: Any) -> None:
        if not issubclass(args.exc_type, SystemExit):
            name = args.thread.name if args.thread else "a thread"
            self.caught.append((f"in thread {name}", args.exc_type, args.exc_value, args.exc_traceback))
        self._thread_hook(args)

    def _unraisable(self, args: Any) -> None:
        where = f"in {getattr(args.object, '__qualname__', 'a callback')}, which nobody could catch"
        self.caught.append((where, args.exc_type, args.exc_value, args.exc_traceback))
        self._unraisable_hook(args)

    def _shown(self, exc_tuple: Any = None, *args: Any, **kwargs: Any) -> None:
        kind, error, traceback = exc_tuple or sys.exc_info()
        if error is not None:
            self.caught.append(("in a callback or in showing a value", kind, error, traceback))
        self._show(exc_tuple, *args, **kwargs)

    def emit(self, record: logging.LogRecord) -> None:
        """Take an exception that a library logged."""
        if isinstance(record.exc_info, tuple) and record.exc_info[1] is not None:
            kind, error, traceback = record.exc_info
            self.caught.append((f"in a callback or task ({record.name})", kind, error, traceback))

    def _after_cell(self, result: Any) -> None:
        own = {id(result.error_in_exec), id(result.error_before_exec)} if result is not None else set()
        caught = [entry for entry in self.caught if id(entry[2]) not in own]
        self.caught = []
        if not caught or result is None:
            return
        if not result.success:  # the cell has failed already; a cell that may fail must not hide the others
            self.caught = caught
            return
        rendered = [
            line
            for _, kind, error, traceback in caught
            for line in self.shell.InteractiveTB.structured_traceback(kind, error, traceback)
        ]
        result.error_in_exec = UnnoticedError(caught, rendered)
        self._show((UnnoticedError, result.error_in_exec, None))


def load_ipython_extension(shell: Any) -> None:
    """`%load_ext course_utils.runner.guard`"""
    global _guard
    if _guard is None:
        _guard = Guard(shell)
        _guard.install()


async def finish() -> None:
    """Wait for what still runs after the last cell, so that its exceptions are noticed."""
    if _guard is None:
        raise RuntimeError("the guard was not loaded: exceptions in threads and callbacks would have been lost")
    left = [t for t in threading.enumerate() if t not in _guard.threads and not t.daemon]
    for thread in left:
        await asyncio.to_thread(thread.join, PATIENCE_S / len(left))
    await asyncio.sleep(0.05)
    gc.collect()  # a task whose exception nobody fetched speaks up when it is collected
    await asyncio.sleep(0)
