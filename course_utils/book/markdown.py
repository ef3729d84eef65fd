"""Text and tables as MyST Markdown, for pages that are made from data."""

import re
from collections.abc import Sequence

SPECIAL = re.compile(r"[\\`*_{}\[\]<>$|~^!]")  # what means something in the middle of a line
OPENING = re.compile(r"^(\d+(?=[.)](?:\s|$)))?([-+#=:.)])")  # what means something at its beginning


def plain(text: object) -> str:
    """Text that Markdown shows as it stands, on one line."""
    line = " ".join(str(text).split())
    escaped = SPECIAL.sub(r"\\\g<0>", line.replace("&", "&amp;"))
    return OPENING.sub(r"\1\\\2", escaped)


def code(text: object) -> str:
    """Text as inline code, on one line, backticks included."""
    line = " ".join(str(text).split())
    fence = "`" * (max((len(run) for run in re.findall("`+", line)), default=0) + 1)
    pad = " " * (line.startswith("`") or line.endswith("`"))
    return f"{fence}{pad}{line}{pad}{fence}"


def table(head: Sequence[str], rows: Sequence[Sequence[str]], *, numbers: Sequence[int] = (), classes: str = "") -> str:
    """A table whose first column names its rows.

    head, rows: cells in Markdown, which may hold several lines (lists, say); numbers: columns set flush right;
    classes: for the style sheet and the page's script. Raises ValueError for a row of another length.
    """
    names = " ".join(["course-table", *(f"number-{column + 1}" for column in numbers), *classes.split()])
    lines = ["```````{list-table}", ":header-rows: 1", ":stub-columns: 1", f":class: {names}", ""]
    for row in (head, *rows):
        if len(row) != len(head):
            raise ValueError(f"a row has {len(row)} cells, the head {len(head)}")
        for column, cell in enumerate(row):
            first, *others = cell.strip().split("\n")
            lines.append(f"{'* -' if column == 0 else '  -'} {first}".rstrip())
            lines += [f"    {line}".rstrip() for line in others]
    return "\n".join([*lines, "```````"])
