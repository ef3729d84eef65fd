"""Every figure says in words what it shows: lessons and solutions are checked as they run, cell by cell."""

import ast
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from course_utils import notebooks
from course_utils.notebooks.figures import untold

ROOT = Path(__file__).parents[1]
PATHS = notebooks.find(folders=("lessons", "solutions"))


def html(text):
    return {"output_type": "display_data", "data": {"text/html": text, "text/plain": "what it shows"}}


@pytest.mark.parametrize(
    "output",
    [
        {"output_type": "stream", "name": "stdout", "text": "<img>"},
        {"output_type": "execute_result", "data": {"text/plain": "<svg>"}},
        html('<svg role="img" aria-label="a curve that rises"><g><svg><text>3</text></svg></g></svg>'),
        html('<img src="x.png" alt="a cat on a mat"/><svg aria-hidden="true"><path/></svg>'),
        html(["<p>in two ", "lines, as a file keeps it</p>"]),
    ],
)
def test_outputs_that_everybody_can_follow_pass(output):
    assert untold(output) == []


@pytest.mark.parametrize(
    ("output", "fault"),
    [
        ({"output_type": "display_data", "data": {"image/png": "iVBOR", "text/plain": "<Figure>"}}, "image/png"),
        ({"output_type": "execute_result", "data": {"image/svg+xml": "<svg/>"}}, "plots.show"),
        (html('<img src="x.png">'), "<img> has no alt"),
        (html('<img src="x.png" alt="">'), "<img> has no alt"),
        (html('<img src="x.png" alt="figure"/>'), "'figure'"),
        (html('<svg role="img"></svg>'), "<svg> has no aria-label"),
        (html('<svg aria-label="a curve that rises"></svg>'), 'lacks role="img"'),
        (html('<svg role="img" aria-label="a b c"/><svg role="img"/>'), "aria-label"),
        (html('<canvas role="img"></canvas>'), "<canvas>"),
    ],
)
def test_a_picture_without_words_is_found(output, fault):
    (found,) = untold(output)
    assert fault in found


def test_a_cell_that_shows_one_is_red(add, course):
    figure = "import matplotlib.pyplot as plt\n_ = plt.plot([1, 2])\n"
    told = "from course_utils import plots\nplots.show(plots.image([[0, 1]]), alt='two pixels, black and white')"
    add("lessons/day_01_mute.py", f"# %%\n{told}\n\n# %%\n{figure}plt.show()\n")
    shutil.copy(ROOT / "conftest.py", course)
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST", "COV"))}
    command = [sys.executable, "-m", "pytest", "-rA", "--color=no", "--rootdir=.", "-p", "no:cacheprovider"]
    told = subprocess.run(
        [*command, "lessons/day_01_mute.py"], cwd=course, env=environment, capture_output=True, text=True, timeout=120
    ).stdout
    assert "FAILED lessons/day_01_mute.py::runs through" in told
    assert "day_01_mute.py, cell 3: a figure is displayed as image/png: show it with plots.show(fig, alt=...)" in told


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_notebooks_show_figures_by_plots_show_alone(path):
    calls = [node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.Call)]
    names = [(ast.unparse(call.func), call) for call in calls]
    shown = [call for name, call in names if name == "plots.show"]
    other = [
        f"line {c.lineno}: {n}" for n, c in names if n.endswith((".show", ".savefig", ".draw")) and n != "plots.show"
    ]
    assert other == []
    assert [call.lineno for call in shown if "alt" not in {keyword.arg for keyword in call.keywords}] == []
    assert shown or path.parent.name == "solutions"
