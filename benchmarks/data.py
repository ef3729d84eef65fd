"""How long the first `data.load` takes (decoding) and the second (mapping): python benchmarks/data.py [NAME ...]

Promise: a second `load("cifar10")` in a new process under 2 s, the start of Python and NumPy included. The data must be
at hand (COURSE_DATA, or fetched from the Hub before): no download is timed. Each load runs in a process of its own, the
first ones with an empty cache in a temporary folder; medians and ranges, beside a bare `import numpy`.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time

from course_utils import data, profiles

FIRST, SECOND = 3, 15
LOAD = "from course_utils import data; d = data.load({name!r}); d.train.images[-1], d.test.images[-1]"


def seconds(code: str, cache: str) -> float:
    """Wall time of one Python process, in seconds."""
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True, env=os.environ | {"COURSE_CACHE": cache})
    return time.perf_counter() - start


def line(what: str, values: list[float]) -> str:
    """Median, range and n of some wall times."""
    return f"{what:28} {statistics.median(values):.3f} s ({min(values):.3f} to {max(values):.3f}), n = {len(values)}"


def main() -> None:
    names = sys.argv[1:] or list(data.SPECS)
    print(f"{profiles.device_report()}; {profiles.versions()}")
    print(line("import numpy", [seconds("import numpy", "") for _ in range(SECOND)]))
    for name in names:
        first = []
        for _ in range(FIRST):
            with tempfile.TemporaryDirectory() as cache:
                first.append(seconds(LOAD.format(name=name), cache))
                if len(first) == FIRST:
                    second = [seconds(LOAD.format(name=name), cache) for _ in range(SECOND)]
        print(line(f"{name}, first load", first))
        print(line(f"{name}, second load", second))


if __name__ == "__main__":
    main()
