"""JupyterLab as `course lab` starts it, on a free port, without a browser."""

import contextlib
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from course_utils import lab

TOKEN = "t"


@contextlib.contextmanager
def running(home: Path) -> Iterator[str]:
    """The address of a JupyterLab on the current course folder; home: a folder for the settings of its user."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    line = [*lab.command(browser=False), f"--port={port}", f"--IdentityProvider.token={TOKEN}", "--ip=127.0.0.1"]
    environment = {**lab.environment(), "HOME": str(home)}  # the settings of whoever runs the tests stay out of it
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    address = f"http://127.0.0.1:{port}"
    with subprocess.Popen(line, cwd=lab.root(), env=environment, **quiet) as process:
        try:
            for _ in range(240):
                with contextlib.suppress(urllib.error.URLError, ConnectionError):
                    urllib.request.urlopen(f"{address}/api/status?token={TOKEN}", timeout=10).close()
                    break
                assert process.poll() is None, "JupyterLab stopped while starting"
                time.sleep(0.25)
            yield address
        finally:
            process.terminate()
