"""Links between files of the repository, turned into links between pages of the book."""

import posixpath
import re
from collections.abc import Mapping
from pathlib import Path

from course_utils.errors import CourseError

CODE = r"^(?P<indent> *)(?P<fence>`{3,}|~{3,})[^\n]*\n.*?^(?P=indent)(?P=fence)`* *$|`[^`\n]+`"
# As in [text](target#place "title"), and behind an image's `!`; a target with a scheme is no file.
LINK = r"(?<=\]\()(?P<target>[^)#\s]+)(?=[^)\n]*\))"
EITHER = re.compile(f"{CODE}|{LINK}", re.M | re.S)


def rewrite(text: str, name: str, pages: Mapping[str, str], base: Path, repository: str) -> str:
    """Markdown text with its links as they have to be in the book; code stays as it is.

    name: of the file with this text, relative to the course folder `base`; pages: from such names to names below the
    book's source. A link to a page leads there, one to another file of the course leads to the repository. Raises
    CourseError for a link that leads nowhere.
    """
    here = posixpath.dirname(pages.get(name, name))

    def turned(match: re.Match[str]) -> str:
        target = match["target"]
        if target is None or re.match(r"[a-z][a-z0-9+.-]*:|/|<", target):
            return match[0]
        found = posixpath.normpath(posixpath.join(posixpath.dirname(name), target))
        if found in pages:
            return posixpath.relpath(pages[found], here or ".")
        if (base / found).exists():
            kind = "tree" if (base / found).is_dir() else "blob"
            return f"{repository}/{kind}/HEAD/{found}"  # HEAD: the default branch, however it is called
        raise CourseError(f"{name} links to {target}, which is neither a page of the book nor a file of the course.")

    return EITHER.sub(turned, text)
