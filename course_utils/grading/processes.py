"""The two servers as seen from the grader: started when needed, asked, started afresh when they fail, ended."""

import contextlib
import os
import select
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict
from typing import IO

from course_utils.errors import CourseError
from course_utils.grading import sandbox
from course_utils.room import server
from course_utils.room.server import End
from course_utils.room.walls import Limits

START_S, GRACE_S = 300, 20


class Server:
    """A server process. start: begins one, given a file for its errors; head, body: its first message."""

    def __init__(self, start: Callable[[IO[bytes]], subprocess.Popen], head: dict, body: bytes) -> None:
        self.start, self.head, self.body = start, head, body
        self.process: subprocess.Popen | None = None
        self.errors = tempfile.TemporaryFile()  # noqa: SIM115 - open as long as the server may write

    def ask(self, job: bytes, limits: Limits) -> tuple[End, bytes]:
        """Have a job done. A server that ends or hangs over a job is started afresh; the second time, the job has died.

        Raises CourseError if the server does not start, or if a worker could not be shut in.
        """
        message = self._ask(job, limits) or self._ask(job, limits)
        if message is None:
            return End("died", 0.0, 0.0, "the server ended"), b""
        end = End(**message[0])
        if end.why == "walls":
            self.close()
            raise CourseError("The sandbox could not shut a worker in, so grading stops: `course doctor` may tell why.")
        return end, message[1]

    def _ask(self, job: bytes, limits: Limits) -> tuple[dict, bytes] | None:
        process = self._running()
        try:
            server.send(process.stdin, asdict(limits), job)
            message = self._receive(process, limits.wall_s + GRACE_S)
        except OSError:  # the pipe is broken
            message = None
        if message is None:
            self.close()
        return message

    def close(self) -> None:
        """End the server and all below it."""
        process, self.process = self.process, None
        if process is None:
            return
        with contextlib.suppress(OSError):
            os.killpg(process.pid, signal.SIGKILL)
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            with contextlib.suppress(OSError):
                pipe.close()

    def _running(self) -> subprocess.Popen:
        if self.process is not None and self.process.poll() is None:
            return self.process
        self.close()
        self.process = process = self.start(self.errors)
        with contextlib.suppress(OSError):
            server.send(process.stdin, self.head, self.body)
        if self._receive(process, START_S) is None:
            self.close()
            self.errors.seek(0)
            raise CourseError(sandbox.remedy(self.errors.read().decode(errors="replace")))
        return process

    def _receive(self, process: subprocess.Popen, seconds: float) -> tuple[dict, bytes] | None:
        """The next message, or None if none begins in time or the server has ended."""
        deadline = time.monotonic() + seconds
        ready, _, _ = select.select([process.stdout], [], [], max(0.0, deadline - time.monotonic()))
        return server.receive(process.stdout) if ready else None
