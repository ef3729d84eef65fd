"""What several test files share: a course folder of one's own, with notebooks made for the test."""

import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

PARAMETERS = '# %% tags=["parameters"]\nPROFILE = "auto"\nSEED = 0\n'


@pytest.fixture
def course(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty course folder, which is the current one. COURSE_PROFILE and COURSE_DATA are unset."""
    for folder in ("lessons", "solutions", "exercises"):
        (tmp_path / folder).mkdir()
    (tmp_path / "pyproject.toml").touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("COURSE_PROFILE", raising=False)
    monkeypatch.delenv("COURSE_DATA", raising=False)
    return tmp_path


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data cache of the test's own; no network, no data set at hand, no profile set."""
    monkeypatch.setenv("COURSE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.delenv("COURSE_PROFILE", raising=False)
    monkeypatch.delenv("COURSE_DATA", raising=False)
    return tmp_path / "cache"


@pytest.fixture
def one_thread() -> Iterator[None]:
    """PyTorch on one thread, which for small nets is quicker, and rounds alike everywhere."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


AddNotebook = Callable[..., Path]


@pytest.fixture
def add(course: Path) -> AddNotebook:
    """`add("lessons/day_02_x.py", cells, **facts)` writes a notebook with a parameters cell and these facts."""

    def add_notebook(name: str, body: str = "# %%\n1 + 1\n", parameters: str = PARAMETERS, **changed: Any) -> Path:
        path = course / name
        facts = {
            "day": int(path.name[4:6]),
            "title": "A day",
            "minutes": 10,
            "budget_s": {"smoke": 60, "cpu": 60, "gpu": 60},
            "data": [],
            "frameworks": [],
        } | changed
        facts = {key: value for key, value in facts.items() if value is not None}
        header = textwrap.indent(yaml.safe_dump({"jupyter": {"course": facts}}), "# ")
        path.write_text(f"# ---\n{header}# ---\n\n{parameters}\n{textwrap.dedent(body)}", encoding="utf-8")
        return path

    return add_notebook
