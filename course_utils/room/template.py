"""The template: `python -m course_utils.room.template`, told of the room by the first message.

It imports what the exercise imports, once, and then serves: a worker forked from it starts in milliseconds.
"""

import contextlib
import importlib
import os
import sys
from functools import partial

from course_utils import wire
from course_utils.room import server, walls, work


def main() -> int:
    """Serve jobs from standard input until it closes."""
    jobs, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    null = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1):  # what an import prints must not get among the answers
        os.dup2(null, standard)
    message = server.receive(jobs)
    if message is None:
        return 1
    description, body = message
    for name in description["imports"]:
        # What cannot be imported here is missed by the statement that needs it, which says so to the student's check.
        with contextlib.suppress(Exception):
            importlib.import_module(name)
    _shell()
    room = work.Room(**wire.decode(body))
    if description["sandboxed"]:
        server.serve(jobs, answers, walls.fork, partial(walls.enter, uid=description["uid"]), room.do)
    else:
        server.serve(jobs, answers, os.fork, walls.restrict, room.do)
    return 0


def _shell() -> None:
    """IPython without a terminal, a history or a kernel: get_ipython() and magics work in cells."""
    from IPython.core.interactiveshell import InteractiveShell
    from traitlets.config import Config

    config = Config()
    config.HistoryManager.enabled = False
    InteractiveShell.instance(config=config)


if __name__ == "__main__":
    sys.exit(main())
