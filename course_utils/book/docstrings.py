"""The docstrings, written as plain text for a terminal, turned into reStructuredText for the book's API pages.

A line that opens with names and a colon (image: ...; kernel: ...), or with Returns, Raises, Introduced on, Source or
Used from, stays a line of its own; the lines below continue it. Backticks stay code; nothing else is markup. "Day N" is
a link once that day is written.
"""

import re
from typing import Any

from numpy.typing import ArrayLike, NDArray
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.util.typing import stringify_annotation

NAME = r"\*{0,2}[a-z_]\w*"
NAMES = re.compile(rf"{NAME}(?:, {NAME})*(?=: )")
OPENING = re.compile(r"(?:Returns|Raises|Yields|Introduced on|Used from|Source:|Sources:)\b")
PIECES = re.compile(rf"(?P<code>``[^`]+``|`[^`]+`)|\bDay (?P<day>\d+)\b|(?:^|(?<=[;.] ))(?P<names>{NAMES.pattern})")
ALIASES = {
    "ArrayLike": stringify_annotation(ArrayLike, "smart"),
    "NDArray": stringify_annotation(NDArray, "smart"),
}
MARKUP = re.compile(r"[\\*_|`]")


def to_rest(lines: list[str]) -> list[str]:
    """The lines of a docstring as reStructuredText that no line of can be taken for markup."""
    made: list[str] = []
    for paragraph in "\n".join(lines).strip("\n").split("\n\n"):
        if not paragraph.strip():
            continue
        if made:
            made.append("")
        if paragraph.startswith(" "):  # an example, set apart by indentation
            made += ["::", "", *(f"   {line}" for line in paragraph.split("\n"))]
        else:
            shown = _lines(paragraph)
            made += [f"| {_inline(line)}" for line in shown] if len(shown) > 1 else [_inline(shown[0], first=True)]
    return [*made, ""]


def setup(app: Sphinx) -> dict[str, Any]:
    """Let autodoc hand its docstrings over, and leave out what nobody wrote."""
    app.setup_extension("sphinx.ext.autodoc")
    app.connect("config-inited", _configure)
    app.connect("autodoc-process-docstring", _process)
    app.connect("autodoc-process-signature", _shorten)
    app.connect("autodoc-skip-member", _skip)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _configure(app: Sphinx, config: Config) -> None:
    config.autodoc_preserve_defaults = True  # `Examiner`, not <class 'course_utils...'>
    # Types of other libraries stand in signatures; there is no network to look up their pages.
    config.nitpick_ignore_regex = [*config.nitpick_ignore_regex, (r"py:.*", r".*")]


def _lines(paragraph: str) -> list[str]:
    shown: list[str] = []
    for line in paragraph.split("\n"):
        line = line.strip()
        if shown and not NAMES.match(line) and not OPENING.match(line):
            shown[-1] += f" {line}"
        else:
            shown.append(line)
    return shown


def _inline(line: str, first: bool = False) -> str:
    """One line of text as reST. first: it begins a paragraph, where a mark may mean a list or a heading."""
    made, at = "", 0
    for piece in PIECES.finditer(line):
        made += _escape(line[at : piece.start()])
        if piece["day"]:
            made += f"\\ :day:`{int(piece['day'])}`\\ "
        else:
            parts = [piece["code"].strip("`").strip()] if piece["code"] else piece["names"].split(", ")
            made += ", ".join(f"\\ ``{part}``\\ " for part in parts)
        at = piece.end()
    made += _escape(line[at:])
    return f"\\{made}" if first and not made[0].isalnum() and made[0] not in "\\`" else made


def _escape(text: str) -> str:
    return MARKUP.sub(r"\\\g<0>", text)


def _process(app: Sphinx, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    lines[:] = to_rest(lines)


def _shorten(
    app: Sphinx, what: str, name: str, obj: Any, options: Any, signature: str | None, returned: str | None
) -> tuple[str | None, str | None]:
    """NumPy's names for its unions of types, where Python shows what they stand for."""
    for alias, whole in ALIASES.items():
        signature, returned = (text and text.replace(whole, alias) for text in (signature, returned))
    return signature, returned


def _skip(app: Sphinx, what: str, name: str, obj: Any, skip: bool, options: Any) -> bool | None:
    """True for the fields of a named tuple that Python documents by itself, None where autodoc shall decide."""
    written = getattr(obj, "__doc__", None) or ""
    return True if written.startswith("Alias for field number") else None
