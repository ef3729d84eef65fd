"""Before a batch, the walls are tried from inside, with the room that it will use; what does not hold stops it."""

import os
import secrets
import socket
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from course_utils import checks, wire
from course_utils.errors import CourseError
from course_utils.grading import sandbox
from course_utils.grading.processes import Server
from course_utils.room.proof import PROOF
from course_utils.room.walls import Limits

TRIAL = Limits(seconds=20, memory_mb=256, disk_mb=16, processes=32, virtual=False)
SHARED = {*sandbox.ENVIRONMENT, "COURSE_PROFILE", "KERAS_BACKEND", "PWD", "OLDPWD", "SHLVL", "_"}


def prove(room: Server) -> None:
    """Try network, files, processes, identity, memory and disk. Raises CourseError that names the first to fail."""
    for name, holds in _trials(room):
        if not holds:
            raise CourseError(
                f"The sandbox does not hold on this machine ({name}), so nothing was graded: docs/grading.md says what "
                "a sandbox needs."
            )


def _trials(room: Server) -> Iterator[tuple[str, bool]]:
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        secret, socket_file = Path(folder, "secret"), str(Path(folder, "door"))
        secret.write_text("secret")
        name = f"course-{secrets.token_hex(8)}"
        doors = [stack.enter_context(socket.socket(family)) for family in (socket.AF_INET, *[socket.AF_UNIX] * 2)]
        for door, address in zip(doors, (("127.0.0.1", 0), socket_file, "\0" + name), strict=True):
            door.bind(address)
            door.listen()
        port = doors[0].getsockname()[1]
        yield "the network can be reached", _ask(room, "reach", port=port, path=socket_file, name=name) == []
        answers = Path(checks.__file__).parents[1] / "reference" / "convolution.py"
        private = [str(secret), folder, str(answers), "/etc/shadow", "/var"]
        yield "private files can be read", _ask(room, "read", paths=private) == []
    yield "files can be written that outlive the worker", _ask(room, "write") == []
    found = _ask(room, "identity")
    yield "a worker does not start", isinstance(found, dict)
    yield "other processes can be seen", found["processes"] == [1]
    yield "the worker is root", found["uid"] != 0
    yield "capabilities are left", not any(int(value, 16) for value in found["capabilities"])
    yield "system calls are not filtered", found["filtered"]
    yield "the environment can be read", not set(found["environment"]) & (set(os.environ) - SHARED)
    # A worker that was ended for going too far answers nothing, which is as good.
    yield "the number of processes is not limited", (_ask(room, "fork", count=200) or 0) < 200
    yield "memory is not limited", (_ask(room, "hold", mebibytes=2048) or 0) < 2048
    yield "disk space is not limited", (_ask(room, "fill", mebibytes=256) or 0) < 256


def _ask(room: Server, attempt: str, **asked: Any) -> Any:
    _, reply = room.ask(wire.encode({"do": "prove", "attempt": attempt, **asked}), TRIAL)
    return next((wire.decode(body) for kind, body in wire.frames(reply) if kind == PROOF), None)
