"""How the grader and a server talk: short JSON over a socket, everything else in files that go along with it.

So a job and its reply pass the server by: what one student sent is never in its memory, of which the next student's
worker is a copy.
"""

import json
import os
import socket
import struct
from typing import Any

LENGTH = struct.Struct(">I")


def send(control: socket.socket, head: dict[str, Any], *files: int) -> None:
    """Send a message between trusted processes, with open files; the sender closes its own. Raises OSError."""
    text = json.dumps(head).encode()
    data = LENGTH.pack(len(text)) + text
    sent = socket.send_fds(control, [data], files)
    control.sendall(data[sent:])


def receive(control: socket.socket) -> tuple[dict[str, Any], list[int]] | None:
    """Wait for a message: its head and its files; None when the other side has closed."""
    files: list[int] = []
    try:
        data, files, _, _ = socket.recv_fds(control, LENGTH.size, 2)
        data += _rest(control, LENGTH.size - len(data)) if data else b""
        text = _rest(control, LENGTH.unpack(data)[0]) if data else b""
    except OSError:
        text = b""
    if not text:
        for file in files:
            os.close(file)
        return None
    return json.loads(text), list(files)


def as_file(data: bytes) -> int:
    """An open file without a name that holds these bytes."""
    file = os.memfd_create("job", os.MFD_CLOEXEC)
    with os.fdopen(os.dup(file), "wb") as writer:
        writer.write(data)
    return file


def contents(file: int) -> bytes:
    """All bytes of an open file, wherever it has been read to."""
    with os.fdopen(os.dup(file), "rb") as reader:
        reader.seek(0)
        return reader.read()


def _rest(control: socket.socket, count: int) -> bytes:
    parts = b""
    while len(parts) < count:
        part = control.recv(count - len(parts))
        if not part:
            raise OSError("closed within a message")
        parts += part
    return parts
