"""pyproject.toml, requirements.lock and environment.yml lead to one environment, and this one is it."""

import contextlib
import importlib.metadata
import re
import tomllib
from pathlib import Path

import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = PROJECT["optional-dependencies"]


def lock():
    lines = [line for line in (ROOT / "requirements.lock").read_text().splitlines() if line and line[0] != "#"]
    assert all(re.fullmatch(r"[\w.\-]+==[\w.]+", line) for line in lines), "the lock holds exact versions only"
    return {canonicalize_name(name): Version(version) for name, version in (line.split("==") for line in lines)}


def declared():
    """What pyproject.toml asks for; an extra that takes in another one names this very package."""
    wanted = [Requirement(text) for texts in (PROJECT["dependencies"], *EXTRAS.values()) for text in texts]
    return [one for one in wanted if one.name != PROJECT["name"]]


def needed_here(installed):
    """The names of all that this machine's Python and system ask for."""
    asked = declared() + [Requirement(text) for name in installed for text in importlib.metadata.requires(name) or []]
    return {canonicalize_name(r.name) for r in asked if r.marker is None or r.marker.evaluate({"extra": ""})}


def test_the_lock_pins_every_declared_package_inside_its_range():
    pins = lock()
    missing = [r.name for r in declared() if canonicalize_name(r.name) not in pins]
    assert missing == []
    outside = [str(r) for r in declared() if pins[canonicalize_name(r.name)] not in r.specifier]
    assert outside == []


def test_the_package_declares_ranges_and_the_lock_alone_is_exact():
    assert [str(r) for r in declared() if any(s.operator in ("==", "===") for s in r.specifier)] == []
    assert all(r.specifier for r in declared()), "a package without a range would install whatever is newest"
    assert lock()["torch"] == Version("2.13.0")


def test_the_lock_is_closed():
    """Whatever a locked package needs is locked too, or pinned by that package (PyTorch its CUDA): nothing floats."""
    pins, floating = {*lock(), "pip", "setuptools", "wheel"}, set()
    for name in pins:
        try:
            needs = importlib.metadata.distribution(name).requires or []
        except importlib.metadata.PackageNotFoundError:
            continue
        for need in map(Requirement, needs):
            wanted = need.marker is None or need.marker.evaluate({"extra": ""})
            exact = any(s.operator == "==" for s in need.specifier)
            if wanted and not exact and canonicalize_name(need.name) not in pins:
                floating.add(f"{name} needs {need.name}")
    assert floating == set()


def test_the_installed_packages_are_the_locked_ones():
    """A version between lock and machine would make every measured number doubtful."""
    locked, there = lock(), {}
    for name in locked:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            there[name] = Version(importlib.metadata.version(name))
    assert {name: str(found) for name, found in there.items() if found.public != locked[name].public} == {}
    assert needed_here(there) & set(locked) - set(there) == set(), "needed, but not installed"


def test_conda_installs_the_same_list():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    assert environment["name"] == PROJECT["name"]
    plain = [entry for entry in environment["dependencies"] if isinstance(entry, str)]
    (python,) = [entry for entry in plain if entry.startswith("python=")]
    assert Version(python.split("=")[1]) in SpecifierSet(PROJECT["requires-python"])
    assert sorted(plain) == ["pip", python], "packages are listed in pyproject.toml alone"
    (pip,) = [entry["pip"] for entry in environment["dependencies"] if isinstance(entry, dict)]
    assert pip == ["--constraint requirements.lock", "--editable ."]


def test_make_installs_the_same_list():
    makefile = (ROOT / "Makefile").read_text().splitlines()
    lines = [line for line in makefile if "$(BIN)/pip install" in line]
    assert len(lines) == 2
    assert all("--constraint requirements.lock --editable" in line for line in lines)


def test_students_get_no_test_tools():
    student = {canonicalize_name(Requirement(text).name) for text in PROJECT["dependencies"]}
    assert student.isdisjoint({"nbgrader", "pytest", "ruff", "sphinx", "jupyter-book", "dask"})
