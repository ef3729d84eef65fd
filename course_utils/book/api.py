"""The API reference: a page for each part of course_utils, filled by Sphinx's autodoc from the docstrings."""

import importlib
import inspect
import pkgutil
from types import ModuleType

from course_utils.book.markdown import plain, table

FOLDER = "book/api"
PACKAGE = "course_utils"
STUDENTS = (
    *("reference", "plots", "claims", "ledger", "layouts", "profiles", "data", "pretrained", "clinic", "checks"),
    *("widgets", "paths", "errors"),
)
STAFF = ("notebooks", "runner", "grading", "bundle", "book")
INTRODUCTION = """# The course_utils library

Whatever more than one notebook needs stands in `course_utils`. A lesson's own idea is never hidden there: it is in the
open cell. `import course_utils` imports no framework.
"""
STUDENT_HEADING = """## In the notebooks

What lessons and exercises use. Where a day introduces a function, its description links to that day.
"""
STAFF_HEADING = """## For instructors and maintainers

What runs, grades, bundles and publishes the notebooks. Mostly it is used through the command `course`.
"""


def pages() -> dict[str, str]:
    """Path below the book's source -> reStructuredText (Markdown for the index)."""
    return {f"{FOLDER}/index.md": index()} | {f"{FOLDER}/{part}.rst": page(part) for part in (*STUDENTS, *STAFF)}


def index() -> str:
    """The page that lists the parts, each with the first sentence of its docstring."""
    parts = [INTRODUCTION]
    for heading, names in ((STUDENT_HEADING, STUDENTS), (STAFF_HEADING, STAFF)):
        rows = [[f"{{doc}}`{PACKAGE}.{part} <{part}>`", plain(_summary(_module(part)))] for part in names]
        parts += [heading, table(["Module", "What it holds"], rows)]
    return "\n\n".join(parts) + "\n"


def page(part: str) -> str:
    """The page of one module or package.

    What a package names in `__all__` is its interface, wherever it is defined; one that names nothing is shown module
    by module.
    """
    module = _module(part)
    title = f"{PACKAGE}.{part}"
    sections = [f"{title}\n{'=' * len(title)}", _automodule(module)]
    if hasattr(module, "__path__") and not hasattr(module, "__all__"):
        for inner in _submodules(module):
            name = inner.__name__.removeprefix(f"{PACKAGE}.")
            sections += [f"{name}\n{'-' * len(name)}", _automodule(inner)]
    return "\n\n".join(sections) + "\n"


def _automodule(module: ModuleType) -> str:
    options = [":members:", ":member-order: bysource", ":show-inheritance:"]
    if hasattr(module, "__path__") and hasattr(module, "__all__"):
        options.append(":imported-members:")
    return "\n   ".join([f".. automodule:: {module.__name__}", *options])


def _module(part: str) -> ModuleType:
    return importlib.import_module(f"{PACKAGE}.{part}")


def _submodules(package: ModuleType) -> list[ModuleType]:
    names = sorted(found.name for found in pkgutil.iter_modules(package.__path__) if not found.name.startswith("_"))
    return [importlib.import_module(f"{package.__name__}.{name}") for name in names]


def _summary(module: ModuleType) -> str:
    return (inspect.getdoc(module) or "").split("\n\n")[0].replace("`", "")
