"""The two servers as seen from the grader: started when needed, asked, started afresh when they fail, ended."""

import contextlib
import os
import select
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict
from typing import IO, Any

from course_utils.errors import CourseError
from course_utils.grading import sandbox
from course_utils.room import channel
from course_utils.room.server import WALLS_UP, End
from course_utils.room.walls import Limits

START_S, GRACE_S, END_S = 300, 20, 5
Start = Callable[[socket.socket, IO[bytes]], subprocess.Popen]


class Server:
    """A server process. start: begins one, given its socket and a file for its errors; head, body: what it is told."""

    def __init__(self, start: Start, head: dict[str, Any], body: bytes) -> None:
        self.start, self.head, self.body = start, head, body
        self.process: subprocess.Popen | None = None
        self.control: socket.socket | None = None
        self.errors = tempfile.TemporaryFile()  # noqa: SIM115 - open as long as the server may write

    def ask(self, job: bytes, limits: Limits) -> tuple[End, bytes]:
        """Have a job done. A server that ends or hangs over a job is started afresh; the second time, the job has died.

        Raises CourseError if the server does not start, or if a worker could not be shut in.
        """
        done = self._ask(job, limits) or self._ask(job, limits)
        if done is None:
            return End("died", 0.0, 0.0, "the server ended"), b""
        end, reply = done
        if not reply.startswith(WALLS_UP):
            self.close()
            raise CourseError("The sandbox could not shut a worker in, so grading stops: `course doctor` may tell why.")
        return end, reply[len(WALLS_UP) :]

    def close(self) -> None:
        """End the server and all below it."""
        process, self.process = self.process, None
        if self.control:
            self.control.close()
        if process is None:
            return
        with contextlib.suppress(OSError):
            os.killpg(process.pid, signal.SIGKILL)
        process.kill()
        process.wait()

    def _ask(self, job: bytes, limits: Limits) -> tuple[End, bytes] | None:
        control = self._running()
        inlet, outlet = os.pipe()
        file = channel.as_file(job)
        try:
            channel.send(control, asdict(limits), file, outlet)
            os.close(outlet)
            outlet = None
            done = _collect(control, inlet, limits)
        except OSError:  # the socket is closed on the other side
            done = None
        finally:
            for one in (inlet, outlet, file):
                if one is not None:
                    os.close(one)
        if done is None:
            self.close()
        return done

    def _running(self) -> socket.socket:
        if self.process is not None and self.process.poll() is None:
            return self.control
        self.close()
        self.control, theirs = socket.socketpair()
        with theirs:
            self.process = self.start(theirs, self.errors)
        file = channel.as_file(self.body)
        with contextlib.suppress(OSError):
            channel.send(self.control, self.head, file)
        os.close(file)
        if not select.select([self.control], [], [], START_S)[0] or channel.receive(self.control) is None:
            self.close()
            self.errors.seek(0)
            raise CourseError(sandbox.remedy(self.errors.read().decode(errors="replace")))
        return self.control


def _collect(control: socket.socket, inlet: int, limits: Limits) -> tuple[End, bytes] | None:
    """How the job ended and what was replied; None if the server has ended or says nothing in time."""
    parts, size, end = [], 0, None
    deadline = time.monotonic() + limits.wall_s + GRACE_S
    waiting = [inlet, control]
    while waiting:
        ready, _, _ = select.select(waiting, [], [], max(0.0, deadline - time.monotonic()))
        if not ready:
            return None
        if inlet in ready:
            part = os.read(inlet, 2**20)
            if not part:
                waiting.remove(inlet)
            elif size <= limits.reply_mb * 2**20:
                parts.append(part)
                size += len(part)
                if size > limits.reply_mb * 2**20:
                    channel.send(control, {"stop": True})
        if control in ready:
            message = channel.receive(control)
            if message is None:
                return None
            end = End(**message[0])
            waiting.remove(control)
            deadline = time.monotonic() + END_S  # all writers have ended: what is left is in the pipe
    return end, b"".join(parts)
