"""The house keeps its own rules: what the documents name exists, modules stay small, dependencies point one way."""

import ast
import re
from pathlib import Path

import pytest

from course_utils.cli import app

ROOT = Path(__file__).parents[1]
TEXTS = sorted(ROOT.glob("*.md"))
NOTEBOOKS = [path for folder in ("lessons", "exercises", "solutions") for path in sorted((ROOT / folder).glob("*.py"))]
MODULES = sorted((ROOT / "course_utils").rglob("*.py"))
LINK = re.compile(r"\]\(([^)#\s]+)[^)]*\)")


def imports(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield from (node.module, *(f"{node.module}.{alias.name}" for alias in node.names))
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


@pytest.mark.parametrize("path", TEXTS + NOTEBOOKS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_local_links_lead_somewhere(path):
    text = path.read_text()
    if path.suffix == ".py":  # only what a reader sees as text
        text = "\n".join(line for line in text.splitlines() if line.startswith("# "))
    links = [link for link in LINK.findall(text) if not re.match(r"[a-z]+:", link)]
    assert [link for link in links if not (path.parent / link).exists()] == []


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.name)
def test_commands_that_a_text_names_exist(path):
    text = path.read_text()
    snippets = re.findall(r"`([^`\n]+)`", text) + re.findall(r"^ *```sh\n(.*?)```", text, re.M | re.S)
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.M))
    commands = {command.name or command.callback.__name__ for command in app.registered_commands} | {"data"}
    for snippet in snippets:
        assert set(re.findall(r"\bmake ([a-z]+)", snippet)) <= targets, snippet
        assert set(re.findall(r"\bcourse ([a-z]+)", snippet)) <= commands, snippet


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_a_module_is_short_enough_to_read(path):
    assert len(path.read_text().splitlines()) <= 300


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_dependencies_point_one_way(path):
    where, used = path.relative_to(ROOT / "course_utils"), set(imports(path))
    if where.name != "cli.py":
        assert "course_utils.cli" not in used
    if where.parts[0] in ("data", "reference", "plots", "notebooks"):
        frameworks = {name for name in used if name.split(".")[0] in ("keras", "tensorflow", "torch", "jax")}
        assert frameworks == set()
    if where.parts[0] == "checks":
        assert {name for name in used if name.startswith(("course_utils.runner", "course_utils.notebooks"))} == set()
    if where.parts[0] == "checks" or where.parts[0] == "room":
        assert {name for name in used if name.startswith(("course_utils.grading", "course_utils.bundle"))} == set()
    if where.parts[0] == "room":  # it stands beside the student's code
        assert {name for name in used if re.match(r"course_utils\.(reference|checks\.day_)", name)} == set()
    if where.parts[0] == "grading":
        assert {name for name in used if name.startswith("course_utils.checks.day_")} == set()
    if where.parts[0] in ("reference", "profiles.py", "claims.py"):
        assert {name for name in used if name.startswith("course_utils.checks")} == set()
