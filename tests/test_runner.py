"""Executing notebooks: faults, budgets, resuming, reports, recording; and the same notebooks as tests."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from course_utils import notebooks, runner
from course_utils.errors import CourseError
from course_utils.runner import Result

REPOSITORY = Path(__file__).parents[1]
AddNotebook = Callable[..., Path]

# What a notebook may do wrong: its cells after the parameters, and what is reported: cell, part of the message, line.
FAULTS = {
    "error": ("# %%\ndef f():\n    raise KeyError('lost')\n\n# %%\nx = 1\nf()\n", 3, "KeyError: 'lost'", "f()"),
    "syntax": ("# %%\nx = 1\ny = = 2\n", 2, "SyntaxError: invalid syntax", "y = = 2"),
    "thread": (
        "# %%\nimport threading\n\ndef f():\n    1 / 0\n\nt = threading.Thread(target=f)\nt.start()\nt.join()\n\n"
        "# %%\n1\n",
        2,
        "ZeroDivisionError",
        "1 / 0",
    ),
    "late_thread": (
        "# %%\nimport threading\nimport time\n\ndef f():\n    time.sleep(0.5)\n    1 / 0\n\n"
        "threading.Thread(target=f).start()\n",
        None,
        "ZeroDivisionError",
        "",
    ),
    "widget": (
        "# %%\nimport ipywidgets\nb = ipywidgets.Button()\nb.on_click(lambda _: 1 / 0)\nb.click()\n",
        2,
        "ZeroDivisionError",
        "b.on_click(lambda _: 1 / 0)",
    ),
    "task": (
        "# %%\nimport asyncio\n\nasync def f():\n    1 / 0\n\nt = asyncio.ensure_future(f())\n\n"
        "# %%\nawait asyncio.sleep(0.1)\ndel t\n",
        3,
        "ZeroDivisionError",
        "await asyncio.sleep(0.1)",
    ),
    "callback": (
        "# %%\nfrom concurrent.futures import Future\nf = Future()\n"
        "f.add_done_callback(lambda _: 1 / 0)\nf.set_result(1)\n",
        2,
        "ZeroDivisionError",
        "f.add_done_callback(lambda _: 1 / 0)",
    ),
    "event": (
        "# %%\nget_ipython().events.register('pre_run_cell', lambda _: 1 / 0)\n\n# %%\n1\n",
        3,
        "ZeroDivisionError",
        "1",
    ),
    "destructor": (
        "# %%\nclass A:\n    def __del__(self):\n        1 / 0\n\nA()\n_ = None\n1\n",
        2,
        "ZeroDivision",
        "1 / 0",
    ),
    "display": ("# %%\nclass A:\n    def _repr_html_(self):\n        1 / 0\n\nA()\n", 2, "ZeroDivisionError", "1 / 0"),
    "exit": ("# %%\nimport sys\nsys.exit(0)\n\n# %%\n1\n", 2, "SystemExit", ""),
    "dies": ("# %%\nimport os\nos._exit(0)\n\n# %%\n1\n", 2, "DeadKernelError", "import os"),
    "hangs": ("# %%\n1\n\n# %%\nwhile True:\n    pass\n", 3, "took longer than 12 s; its budget is 4 s", "while True:"),
    "hog": (
        "# %%\nimport time\nx = bytearray(300 * 2**20)\ntime.sleep(30)\n",
        2,
        "more than its 250 MB",
        "import time",
    ),
}
STATUS = {"dies": "died", "hangs": "over time", "hog": "over memory"}
FINE = """\
# %%
assert (PROFILE, SEED) == ("smoke", 0)

# %% tags=["raises-exception"]
raise ValueError("meant")

# %%
import os
from pathlib import Path
Path("left behind.txt").write_text(os.environ["COURSE_NOTEBOOK"])
assert os.environ["COURSE_PROFILE"] == "smoke"
"""


def kernels() -> list[psutil.Process]:
    """Workers and kernels that this test process, or one that it ended, has started."""
    mine = psutil.Process().children(recursive=True)
    orphans = [p for p in psutil.process_iter(["cmdline", "ppid"]) if p.info["ppid"] == 1]
    marks = ("course_utils.runner.worker", "ipykernel_launcher")
    return [p for p in {*mine, *orphans} if p.is_running() and any(m in " ".join(_command(p)) for m in marks)]


def _command(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


@pytest.fixture(scope="module")
def faulty_run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, runner.Report]:
    """One run, two at a time, of a fine notebook and of one notebook for each fault."""
    course = tmp_path_factory.mktemp("course")
    (course / "lessons").mkdir()
    (course / "pyproject.toml").touch()
    for day, (name, body) in enumerate([("fine", FINE), *((n, fault[0]) for n, fault in FAULTS.items())], start=1):
        budget = 4 if name == "hangs" else 60  # two at a time: three times as long
        memory = "#     memory_mb: 250\n" if name == "hog" else ""
        header = (
            f"# ---\n# jupyter:\n#   course:\n#     day: {day}\n#     title: {name}\n#     minutes: 1\n{memory}"
            f"#     budget_s: {{smoke: {budget}, cpu: 1, gpu: 1}}\n#     data: []\n#     frameworks: []\n# ---\n\n"
        )
        cells = f'# %% tags=["parameters"]\nPROFILE = "auto"\nSEED = 9\n\n{body}'
        (course / "lessons" / f"day_{day:02d}_{name}.py").write_text(header + cells)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(course)
        report = runner.run(notebooks.find(), profile="smoke", jobs=2)
    return course, report


def result_of(report: runner.Report, name: str) -> Result:
    (found,) = [result for result in report.results if Path(result.notebook).stem[7:] == name]
    return found


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_found_with_its_cell_and_line(faulty_run: tuple[Path, runner.Report], name: str) -> None:
    course, report = faulty_run
    _, cell, error, text = FAULTS[name]
    result = result_of(report, name)
    assert result.status == STATUS.get(name, "failed")
    assert result.failure is not None
    assert result.failure.cell == cell
    assert error in result.failure.error
    assert "\n" not in result.failure.error
    assert text in result.failure.text
    if result.failure.line:
        lines = (course / result.notebook).read_text().split("\n")
        assert lines[result.failure.line - 1] == result.failure.text
        assert f"{result.notebook}:{result.failure.line}, cell {cell}" in result.sentence()


def test_a_fine_notebook_passes_beside_them(faulty_run: tuple[Path, runner.Report]) -> None:
    course, report = faulty_run
    result = result_of(report, "fine")
    assert result.status == "passed"
    assert 0 < result.peak_memory_mb < 1000
    assert not list(course.rglob("left behind.txt")), "a notebook writes into a folder of its own"
    assert len(report.failed) == len(FAULTS)


def test_nothing_is_left_running(faulty_run: tuple[Path, runner.Report]) -> None:
    assert kernels() == []


def test_the_json_report_says_the_same(faulty_run: tuple[Path, runner.Report]) -> None:
    _, report = faulty_run
    content = json.loads(report.json_path.read_text())
    assert content["passed"] is False
    assert content["profile"] == "smoke"
    assert [row["status"] for row in content["notebooks"]] == [result.status for result in report.results]
    for row in content["notebooks"]:
        executed = notebooks.read(report.json_path.parent / row["executed"])
        assert "injected-parameters" in str(executed.cells[1].metadata.tags) or row["status"] != "passed"


def test_the_html_report_stands_alone(faulty_run: tuple[Path, runner.Report]) -> None:
    _, report = faulty_run
    page = report.html_path.read_text()
    assert f"<h1>{len(FAULTS)} of {len(FAULTS) + 1} notebooks failed</h1>" in page
    assert "://" not in page
    assert "<script" not in page
    assert 'lang="en"' in page
    assert "prefers-color-scheme: dark" in page
    assert page.count("<tr>") == len(report.results) + 1
    assert page.count("<h3") == len(FAULTS)
    assert "KeyError: &#x27;lost&#x27;" in page
    for result in report.results:
        for suffix in (".html", ".ipynb"):
            assert f'href="{result.name}{suffix}"' in page
            assert (report.html_path.parent / f"{result.name}{suffix}").is_file()


# Resuming


def test_only_what_changed_or_failed_is_executed_again(
    add: AddNotebook, course: Path, capsys: pytest.CaptureFixture
) -> None:
    add("lessons/day_01_fine.py")
    log = course / "log"
    other = add("lessons/day_02_other.py", f"# %%\nopen({str(log)!r}, 'a').write('x')\n1 / 0\n")
    assert [r.reused for r in runner.run(notebooks.find(), profile="smoke").results] == [False, False]
    report = runner.run(notebooks.find(), profile="smoke")
    assert [r.reused for r in report.results] == [True, False]
    assert len(report.failed) == 1
    assert log.read_text() == "xx"
    assert "1 of 2 passed before and have not changed" in capsys.readouterr().out
    other.write_text(other.read_text().replace("1 / 0", "1"))
    assert [r.reused for r in runner.run([other], profile="smoke").results] == [False]
    assert [r.reused for r in runner.run([other], profile="smoke").results] == [True]
    assert [r.reused for r in runner.run([other], profile="smoke", fresh=True).results] == [False]


def test_two_runs_into_one_folder_execute_a_notebook_once(add: AddNotebook, course: Path) -> None:
    log = course / "log"
    path = add("lessons/day_01_fine.py", f"# %%\nimport time\ntime.sleep(1)\nopen({str(log)!r}, 'a').write('x')\n")
    with ThreadPoolExecutor() as pool:
        reports = list(pool.map(lambda _: runner.run([path], profile="smoke"), range(2)))
    assert log.read_text() == "x"
    assert sorted(report.results[0].reused for report in reports) == [False, True]


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGKILL], ids=["ctrl-c", "kill"])
def test_an_interrupted_run_is_taken_up(add: AddNotebook, course: Path, sent: signal.Signals) -> None:
    add("lessons/day_01_quick.py")
    started, go_on = course / "started", course / "go on"
    add(
        "lessons/day_02_slow.py",
        f"""\
        # %%
        import time
        from pathlib import Path
        Path({str(started)!r}).touch()
        while not Path({str(go_on)!r}).exists():
            time.sleep(0.05)
        """,
    )
    code = (
        "import sys\nfrom course_utils import notebooks, runner\n"
        "try:\n    runner.run(notebooks.find(), profile='smoke', jobs=1)\nexcept KeyboardInterrupt:\n    sys.exit(130)"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    wait_for(started.exists)
    family = psutil.Process(process.pid).children(recursive=True)
    assert family
    process.send_signal(sent)
    out = process.communicate(timeout=30)[0]
    assert process.returncode == (130 if sent == signal.SIGINT else -sent)
    if sent == signal.SIGINT:
        assert "Interrupted: 1 of 2 have passed and are kept" in out
    wait_for(lambda: not any(p.is_running() and p.status() != psutil.STATUS_ZOMBIE for p in family))
    go_on.touch()
    report = runner.run(notebooks.find(), profile="smoke")
    assert [(r.status, r.reused) for r in report.results] == [("passed", True), ("passed", False)]


def wait_for(condition: Callable[[], bool], seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)


# Requests that cannot be met


def test_nothing_starts_when_one_notebook_is_invalid(add: AddNotebook, course: Path) -> None:
    add("lessons/day_01_fine.py")
    add("lessons/day_02_bare.py", parameters="")
    with pytest.raises(CourseError, match=r'day_02_bare\.py: no cell is tagged "parameters"'):
        runner.run(notebooks.find(), profile="smoke")
    assert not (course / "build").exists()


def test_the_gpu_profile_without_a_gpu_is_one_sentence(add: AddNotebook, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("course_utils.profiles.visible_gpus", lambda: 0)
    with pytest.raises(CourseError, match="no GPU is visible"):
        runner.run([add("lessons/day_01_fine.py")], profile="gpu")


def test_an_unknown_profile_is_one_sentence(add: AddNotebook) -> None:
    with pytest.raises(CourseError, match="There is no profile 'huge'"):
        runner.run([add("lessons/day_01_fine.py")], profile="huge")


def test_smoke_results_are_not_recorded(add: AddNotebook, course: Path) -> None:
    with pytest.raises(CourseError, match=r"smoke profile \(as asked\) are never recorded"):
        runner.run([add("lessons/day_01_fine.py")], profile="smoke", record=True)
    assert not (course / "results").exists()


def test_auto_takes_smoke_where_the_data_is_missing(add: AddNotebook, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("course_utils.data.at_hand", lambda name: False)
    report = runner.run([add("lessons/day_01_fine.py", data=["cifar10"])])
    assert report.profile.name == "smoke"
    assert "cifar10 not at hand" in report.profile.reason


def test_an_output_folder_that_cannot_be_one_is_one_sentence(add: AddNotebook, course: Path) -> None:
    (course / "file").touch()
    with pytest.raises(CourseError, match="cannot be written"):
        runner.run([add("lessons/day_01_fine.py")], profile="smoke", out=course / "file")


def test_a_notebook_saved_as_ipynb_runs_too(add: AddNotebook, course: Path) -> None:
    ipynb = notebooks.to_ipynb(add("lessons/day_01_fine.py", "# %%\n1 / 0\n"), course / "day_01_fine.ipynb")
    (result,) = runner.run([ipynb], profile="smoke").results
    assert (result.failure.cell, result.failure.line, result.failure.text) == (2, None, "1 / 0")


def test_course_profile_is_respected(add: AddNotebook, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COURSE_PROFILE", "smoke")
    assert runner.run([add("lessons/day_01_fine.py")]).results[0].profile == "smoke"


# Recording

MEASURING = """\
# %%
from course_utils.claims import result
result("accuracy", 0.5 + SEED / 10, unit="%")
result("epochs", 3)
"""


def test_results_are_recorded_over_seeds(add: AddNotebook, course: Path) -> None:
    path = add("lessons/day_01_fine.py", MEASURING)
    report = runner.run([path], profile="cpu", record=True, seeds=3, jobs=2, out=course / "out")
    assert not report.failed
    assert report.html_path.parent == course / "out"
    (file,) = (course / "results").iterdir()
    assert file.name == "day_01_fine.cpu.json"
    content = json.loads(file.read_text())
    accuracy = content["results"]["accuracy"]
    assert accuracy["values"] == pytest.approx([0.5, 0.6, 0.7])
    assert (accuracy["mean"], accuracy["sd"], accuracy["n"], accuracy["unit"]) == pytest.approx((0.6, 0.1, 3, "%"))
    assert content["results"]["epochs"]["sd"] == 0
    assert (content["day"], content["profile"], content["seeds"]) == (1, "cpu", [0, 1, 2])
    assert content["hardware"]["cores"] >= 1
    assert {"python", "numpy"} <= set(content["versions"])


def test_a_failed_seed_keeps_the_earlier_record(add: AddNotebook, course: Path) -> None:
    path = add("lessons/day_01_fine.py", MEASURING + "assert SEED == 0\n")
    file = course / "results" / "day_01_fine.cpu.json"
    file.parent.mkdir()
    file.write_text("earlier")
    assert len(runner.run([path], profile="cpu", record=True, seeds=2).failed) == 1
    assert file.read_text() == "earlier"


def test_without_record_nothing_is_written(add: AddNotebook, course: Path) -> None:
    assert not runner.run([add("lessons/day_01_fine.py", MEASURING)], profile="cpu").failed
    assert not (course / "results").exists()


# The same notebooks as tests


@pytest.fixture(scope="module")
def pytest_run(faulty_run: tuple[Path, runner.Report]) -> str:
    """What pytest prints about the fine and two faulty notebooks."""
    course, report = faulty_run
    shutil.copy(REPOSITORY / "conftest.py", course)
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST", "COV"))}
    files = [result_of(report, name).notebook for name in ("fine", "error", "dies")]
    options = ["-rA", "--color=no", "--rootdir=.", "-p", "no:cacheprovider"]
    command = [sys.executable, "-m", "pytest", *options, *files]
    return subprocess.run(command, cwd=course, env=environment, capture_output=True, text=True, timeout=120).stdout


def test_a_fine_notebook_is_a_green_test(faulty_run: tuple[Path, runner.Report], pytest_run: str) -> None:
    assert f"PASSED {result_of(faulty_run[1], 'fine').notebook}::runs through" in pytest_run


@pytest.mark.parametrize("name", ["error", "dies"])
def test_a_red_test_names_file_and_cell(faulty_run: tuple[Path, runner.Report], pytest_run: str, name: str) -> None:
    result = result_of(faulty_run[1], name)
    assert f"FAILED {result.notebook}::runs through" in pytest_run
    assert f"{result.sentence().splitlines()[0]}\n" in pytest_run
