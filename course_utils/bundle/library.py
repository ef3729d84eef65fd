"""The public library: course_utils as students and rooms have it, without answers.

Answers are found where they are declared, in the questions of `checks/day_NN`. Of those modules and of `reference`,
only those names stay that something public needs: what `__all__` lists, the lessons, the exercises, the rest of
course_utils. Where that would keep an answer, nothing is written.
"""

import ast
import importlib
import re
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import course_utils
from course_utils import notebooks
from course_utils.bundle.modules import WHOLE, Module, Name, Part, reduced
from course_utils.bundle.strip import Declared, strip
from course_utils.checks import questions_of
from course_utils.checks import sealed as sealing
from course_utils.errors import CourseError
from course_utils.paths import INSTRUCTORS, root

PACKAGE = Path(course_utils.__file__).parent
DAY = re.compile(r"course_utils\.checks\.day_\d\d")
HOLDERS = re.compile(r"course_utils\.(reference\b|checks\.day_\d\d)")


def public_library(out: Path, *, sealed: bool, extra: Iterable[Path] = ()) -> Path:
    """Write course_utils without answers to `out/course_utils`; returns that folder.

    sealed: the checks of the notebooks work (with `checks.sealed`); else they show nothing, as in a room.
    extra: an instructor's own files of questions: what they need stays, what they ask goes.
    Raises CourseError, and writes nothing, where something public needs an answer.
    """
    return write_library(Library(sealed, extra), Path(out))


def public_module(path: Path) -> str:
    """The text of an instructor's own file of questions, without answers. Raises CourseError as `public_library`."""
    return Library(False, [path]).texts()[Path(path).stem]


def write_library(library: "Library", out: Path) -> Path:
    """Write course_utils as `library` has it to `out/course_utils`; returns that folder."""
    texts = library.texts()
    target = out / PACKAGE.name
    for path in _files():
        copy = target / path.relative_to(PACKAGE)
        name = _module_name(path) if path.suffix == ".py" else ""
        if name in library.modules and name not in texts:
            continue
        copy.parent.mkdir(parents=True, exist_ok=True)
        if name in texts:
            copy.write_text(texts[name], encoding="utf-8")
        else:
            shutil.copyfile(path, copy)
    if library.sealed:
        _write_keys(target / "checks" / sealing.KEYS.name)
    return target


def day_modules() -> list[str]:
    """The modules of the days' questions, by name."""
    return sorted(name for path in _files() if DAY.fullmatch(name := _module_name(path)))


@dataclass
class Library:
    """The modules that hold answers, stripped of them, and what of these modules is public."""

    sealed: bool
    extra: Iterable[Path] = ()
    modules: dict[str, Module] = field(init=False)
    answers: dict[Name, str] = field(init=False)  # to the question that each answers

    def __post_init__(self) -> None:
        files = {_module_name(path): path for path in _files() if _holds_answers(path)}
        files |= {Path(path).stem: Path(path) for path in self.extra}
        known = frozenset(files)
        self._full = {name: Module(name, path, _read(path), known) for name, path in files.items()}
        self.stripped = {name: strip(module, self._keys(name)) for name, module in self._full.items()}
        self.modules = {
            name: Module(name, files[name], stripped.text, known) for name, stripped in self.stripped.items()
        }
        self.answers = dict(self._answers())

    def texts(self) -> dict[str, str]:
        """The text of each module that something public needs, by name. Raises CourseError where that is an answer."""
        kept = self._kept()
        parts = {name: {part for part in module.parts if part in kept} for name, module in self.modules.items()}
        # A package's folder needs its __init__.
        needed = {name for name, some in parts.items() if any(not part.always for part in some)}
        needed |= {one for one in parts if any(name.startswith(f"{one}.") for name in needed)}
        return {name: reduced(self.modules[name], parts[name]) for name in sorted(needed)}

    def secrets(self) -> dict[str, list[str]]:
        """The lines of each answer and mistake in the full library that is code, by where it stands."""
        found = {
            f"{_shown_path(self._full[name].path)}, {number}": piece.splitlines()
            for name, stripped in self.stripped.items()
            for number, piece in enumerate(stripped.pieces, start=1)
        }
        for module, name in self.answers:
            text = self._full[module].text.splitlines()
            for part in self._full[module].of[name]:
                if _is_code(part.node):
                    found[f"{_shown_path(self._full[module].path)}, {name}"] = text[part.first - 1 : part.last]
        return found

    def _keys(self, name: str) -> str | None:
        day = DAY.match(name)
        return day[0].rpartition(".")[2] if self.sealed and day else None

    def _answers(self) -> Iterator[tuple[Name, str]]:
        for name, stripped in self.stripped.items():
            for declared in stripped.declared:
                for answer in self._of(self._full[name], declared):
                    yield answer, declared.name

    def _of(self, module: Module, declared: Declared) -> set[Name]:
        """The names that are a question's reference, or a mistake of it."""
        named = {target for one in declared.mistakes for target in self._named(module, one)}
        found, todo = set(), [(module, declared.reference)]
        while todo:
            inside, node = todo.pop()
            for target in self._named(inside, node):
                parts = self._full[target[0]].of.get(target[1], [])
                own = target[0] == module.name and target[1] not in self._shown(module)
                if not parts or target in found or not (own or any(_is_code(part.node) for part in parts)):
                    continue
                found.add(target)
                todo += [(self._full[target[0]], one) for part in parts if (one := _delegates(part.node)) is not None]
        return found | {(module, name) for module, name in named if name in self._full[module].of}

    def _named(self, module: Module, node: ast.AST) -> set[Name]:
        """What a piece of a module means, seen through import statements."""
        found = set()
        for where, name in module.needs(node):
            while where in self._full and self._full[where].original(name) != (where, name):
                where, name = self._full[where].original(name)
            if where in self._full and name != WHOLE:
                found.add((where, name))
        return found

    def _shown(self, module: Module) -> set[str]:
        """What the day's students are shown by its `__all__`."""
        day = DAY.match(module.name)
        return set(self._full[day[0]].public if day else module.public)

    def _kept(self) -> set[Part]:
        """The parts that public things need. Raises CourseError where one of them is an answer."""
        todo = list(self._roots())
        kept: set[Part] = set()
        seen: set[Name] = set()
        while todo:
            by, name = todo.pop()
            if name in seen:
                continue
            seen.add(name)
            if name in self.answers:
                raise CourseError(
                    f"{by} needs `{name[1]}` of {_shown_path(self._full[name[0]].path)}, which answers the question "
                    f"`{self.answers[name]}`: let it do without, or students could read the answer."
                )
            if name[1] == WHOLE and not self._is_shown_whole(name[0]):
                raise CourseError(
                    f"{by} uses `{name[0]}` as a whole, so that nobody can tell what it needs: name what it uses, "
                    "as in `reference.output_size`."
                )
            module = self.modules.get(name[0])
            if module is None:
                continue
            for part in {*module.of.get(name[1], []), *(part for part in module.parts if part.always)} - kept:
                kept.add(part)
                # Whoever uses a name that is only passed on is the one to tell about it.
                user = by if part.alias else _shown_path(module.path)
                todo += [(user, need) for need in module.part_needs(part)]
        return kept

    def _roots(self) -> Iterator[tuple[str, Name]]:
        for name, module in self.modules.items():
            if DAY.fullmatch(name) or module.path in map(Path, self.extra):
                for public in ["__all__", *module.public, *({"DAY", "EXERCISE"} & set(module.of))]:
                    yield _shown_path(module.path), (name, public)
        for path, text in self._users():
            for need in _needs_of(path, text, frozenset(self.modules)):
                yield _shown_path(path), need

    def _is_shown_whole(self, module: str) -> bool:
        """Whether a module is for students as it is, so that `summary(module)` is harmless."""
        return bool(DAY.fullmatch(module)) or module in {Path(path).stem for path in self.extra}

    def _users(self) -> Iterator[tuple[Path, str]]:
        """Public code outside of the modules that hold answers."""
        yield from ((path, _read(path)) for path in _files() if path.suffix == ".py" and not _holds_answers(path))
        for path in notebooks.find(folders=("lessons", "exercises")):
            yield path, notebook_code(path)
        for path in map(Path, self.extra):
            exercise = self.modules[path.stem].of.get("EXERCISE")
            if exercise and (beside := path.parent / str(ast.literal_eval(exercise[-1].node.value))).is_file():
                yield beside, notebook_code(beside)


def notebook_code(path: Path) -> str:
    """The code of a notebook as plain Python."""
    return _code(path, _read(path))


@lru_cache(maxsize=512)
def _code(path: Path, text: str) -> str:
    import jupytext
    from IPython.core.inputtransformer2 import TransformerManager

    try:
        notebook = jupytext.reads(text, "ipynb" if path.suffix == ".ipynb" else notebooks.FORMAT)
    except Exception as error:  # jupytext and nbformat raise many kinds, all meaning the same to a reader
        raise CourseError(f"{path} is not a notebook.") from error
    transform = TransformerManager().transform_cell
    return "\n".join(transform(cell.source) for cell in notebooks.code_cells(notebook))


@lru_cache(maxsize=512)
def _needs_of(path: Path, text: str, known: frozenset[str]) -> frozenset[Name]:
    """What a file outside of the known modules needs of them."""
    user = Module(path.stem, path, text, known)
    needs = {need for part in user.parts for need in user.part_needs(part)}
    return frozenset(need for need in needs if need[0] in known)


def _delegates(node: ast.stmt) -> ast.expr | None:
    """What a function does that is one `return`: it only hands on, so that what it calls is the answer too."""
    if not isinstance(node, ast.FunctionDef):
        return node.value if isinstance(node, ast.Assign) and isinstance(node.value, ast.Lambda) else None
    body = [one for one in node.body if not (isinstance(one, ast.Expr) and isinstance(one.value, ast.Constant))]
    return body[0].value if len(body) == 1 and isinstance(body[0], ast.Return) else None


def _is_code(node: ast.stmt) -> bool:
    return isinstance(node, ast.FunctionDef | ast.ClassDef) or isinstance(getattr(node, "value", None), ast.Lambda)


def _files() -> list[Path]:
    """The package's files, without what only instructors have."""
    found = sorted(path for path in PACKAGE.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return [path for path in found if path.relative_to(PACKAGE).parts[0] not in INSTRUCTORS]


def _write_keys(folder: Path) -> None:
    """What the checks of all days compare answers with."""
    for day in day_modules():
        for question in questions_of(importlib.import_module(day)):
            if not question.rules:
                stem = day.rpartition(".")[2]
                path = folder / stem / f"{question.name}.key"
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(sealing.seal(question, salt=f"cnn-course/{stem}/{question.name}"))


def _holds_answers(path: Path) -> bool:
    name = _module_name(path) if path.suffix == ".py" else ""
    return bool(HOLDERS.match(name))


def _module_name(path: Path) -> str:
    names = [PACKAGE.name, *path.relative_to(PACKAGE).with_suffix("").parts]
    return ".".join(names[:-1] if names[-1] == "__init__" else names)


def _read(path: Path) -> str:
    try:
        return Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CourseError(f"{path} cannot be read: {error}.") from error


def _shown_path(path: Path) -> str:
    for base in (root(), PACKAGE.parent):
        if path.is_relative_to(base):
            return path.relative_to(base).as_posix()
    return str(path)
