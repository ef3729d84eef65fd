"""How long `import course_utils` and `course --help` take, beside a bare Python: python benchmarks/startup.py

Promises: the import under 0.3 s, the help under 0.5 s. Wall times of fresh processes, interleaved, medians and ranges.
"""

import statistics
import subprocess
import sys
import time

from course_utils import profiles

REPEATS = 20
COMMANDS = {
    "python -c pass": [sys.executable, "-c", "pass"],
    "import course_utils": [sys.executable, "-c", "import course_utils"],
    "course --help": [sys.executable, "-c", "from course_utils.cli import main; main()", "--help"],
}


def seconds(command: list[str]) -> float:
    """Wall time of one process, in seconds."""
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def main() -> None:
    for command in COMMANDS.values():
        seconds(command)  # the first call reads from disk
    times = {name: [] for name in COMMANDS}
    for _ in range(REPEATS):
        for name, command in COMMANDS.items():
            times[name].append(seconds(command))
    print(f"{profiles.device_report()}; {profiles.versions()}; n = {REPEATS}")
    base = statistics.median(times["python -c pass"])
    for name, values in times.items():
        median = statistics.median(values)
        print(f"{name:20} {median:.3f} s ({min(values):.3f} to {max(values):.3f}), {median / base:.1f} × a bare Python")


if __name__ == "__main__":
    main()
