"""Parity of the explorers: Node runs the text that a page runs, and the tests compare it with the reference.

    maps = node("convolution_stepper", "featureMap", [{"image": ..., "kernel": ..., "bias": 0, "flip": False}, ...])
    assert node("toolkit", "clamp", [(7, 0, 5), (-1, 0, 5)]) == [5, 0]
    assert node("convolution_stepper", "(s) => [featureMap(s), products(s)]", [state]) == [[expected, parts]]
    assert node("toolkit", "(x) => { throw new Error('no ' + x) }", [1]) == [Thrown("no 1")]
"""

import json
import shutil
import subprocess
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from course_utils.widgets.explorer import HERE, linked

# JSON knows no NaN and no infinity, but an explorer may well compute one: they travel under a name.
HARNESS = """
;const $finite = (value) => typeof value !== "number" || Number.isFinite(value);
const $named = (key, value) => ($finite(value) ? value : { $number: String(value) });
const $call = %s, $cases = %s;
process.stdout.write(JSON.stringify($cases.map((given) => {
  try { return { value: $call(...given) }; } catch (error) { return { thrown: error.message }; }
}), $named));
"""


@dataclass(frozen=True)
class Thrown:
    """What a call gives instead of a value where the JavaScript throws."""

    message: str


def node(name: str, function: str, cases: Iterable[Any]) -> list[Any]:
    """What `function` of the explorer `name` ("toolkit": of toolkit.js) returns for each case, from one run of Node.

    function: any name in the module, exported or not, or an expression that gives a function. A case is the tuple of
    its arguments, or its only argument; NumPy arrays and numbers are fine. undefined comes back as None, NaN and
    infinities as floats, a thrown error as `Thrown`.
    """
    module = (HERE / "toolkit.js").read_text(encoding="utf-8") if name == "toolkit" else linked(name)
    arguments = [list(case) if isinstance(case, tuple) else [case] for case in cases]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, f"{name}.mjs")
        file.write_text(module + HARNESS % (function, json.dumps(arguments, default=_plain)), encoding="utf-8")
        done = subprocess.run([_program(), file], capture_output=True, text=True, encoding="utf-8", timeout=120)
    assert done.returncode == 0, f"Node cannot run {name}.js:\n{done.stderr[-2000:]}"
    results = json.loads(done.stdout, object_hook=_number)
    return [Thrown(result["thrown"]) if "thrown" in result else result.get("value") for result in results]


def _program() -> str:
    """Node: the one on PATH, else the one that Playwright brings along."""
    found = shutil.which("node")
    if not found:
        import playwright

        found = shutil.which("node", path=str(Path(playwright.__file__).parent / "driver"))
    assert found, "Parity tests need Node: install it, or Playwright (`pip install -e .[dev]`), which contains it."
    return found


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} cannot be handed to JavaScript")


def _number(found: dict) -> Any:
    return float(found["$number"]) if found.keys() == {"$number"} else found
