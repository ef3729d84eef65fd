"""The explorers' pages, each made from its class: the question, the explorer live, what to try, keys, traits."""

from collections.abc import Iterable
from typing import Any

import numpy as np

from course_utils.book.markdown import code, plain, table
from course_utils.widgets import EXPLORERS, Explorer

FOLDER = "book/explorers"
COMPUTED = "computed in the browser"  # how the help of a trait begins that can be read and not set
CELL = """```{{code-cell}}
:tags: [remove-input]
from course_utils.widgets import {name}

{name}()
```"""
OVERVIEW = """# Explorers

An explorer lets you turn one idea around in your hands. It computes in your browser, here as in JupyterLab: nothing is
sent anywhere, nothing has to be installed, and every number that it shows is the one that the lesson's code gives.
"""
KEYS = """## Keys

- {kbd}`Tab` goes from control to control; the arrow keys move a slider, and {kbd}`Space` presses a button.
- In a grid the arrow keys go from cell to cell, {kbd}`Home` and {kbd}`End` to the ends of a row, {kbd}`Page Up` and
  {kbd}`Page Down` to the ends of a column, and {kbd}`Ctrl` with {kbd}`Home` or {kbd}`End` to the corners.
- In a grid that you can change, type a number, press {kbd}`+` or {kbd}`−` to change it by a step, and {kbd}`Backspace`
  to make it 0. By touch, use the field below the grid.
- **Undo**, **Redo** and **Reset** do what they say; **Copy link** gives an address that opens this page in the present
  state.

A screen reader is told after each change what the line below the explorer says.
"""


def pages() -> dict[str, str]:
    """Path below the book's source -> MyST Markdown, for the overview and for each explorer."""
    found = {f"{FOLDER}/index.md": overview(EXPLORERS)}
    return found | {f"{FOLDER}/{explorer.name}.md": page(explorer) for explorer in EXPLORERS}


def overview(explorers: Iterable[type[Explorer]]) -> str:
    """The page that lists them, in the order of their days."""
    rows = [
        [f"{{doc}}`{plain(each.title)} <{each.name}>`", plain(each.question), f"{{day}}`{each.day}`"]
        for each in sorted(explorers, key=lambda each: each.day)
    ]
    if not rows:
        return f"{OVERVIEW}\nNone is finished yet.\n"
    return f"{OVERVIEW}\n{table(['Explorer', 'The question', 'Day'], rows)}\n"


def page(explorer: type[Explorer]) -> str:
    """The page of one explorer; its code cell, run when the book is built, leaves the explorer there."""
    name = explorer.__name__
    lines = "\n".join(f"{number}. {plain(what)}" for number, what in enumerate(explorer.try_this, start=1))
    return "\n\n".join(
        [
            f"# {plain(explorer.title)}",
            f"**{plain(explorer.question)}**",
            plain(explorer.__doc__ or ""),
            CELL.format(name=name),
            f"Its day: {{day}}`{explorer.day}`.",
            f"## Things to try\n\n{lines}",
            KEYS,
            _python(explorer),
        ]
    )


def traits(explorer: type[Explorer]) -> dict[str, Any]:
    """Its own synchronised traits in the order of the class, with their defaults."""
    own = [name for kind in reversed(explorer.__mro__) if issubclass(kind, Explorer) for name in vars(kind)]
    synced = explorer.class_traits(sync=True)
    shown = explorer()
    try:
        return {name: getattr(shown, name) for name in dict.fromkeys(own) if name in synced and name[0] != "_"}
    finally:
        shown.close()


def _python(explorer: type[Explorer]) -> str:
    name, help_of = explorer.__name__, {key: trait.help for key, trait in explorer.class_traits().items()}
    state = traits(explorer)
    read = [key for key in state if help_of[key].startswith(COMPUTED)]
    settable = {key: value for key, value in state.items() if key not in read}
    simple = next((f"{key}={value!r}" for key, value in settable.items() if isinstance(value, int | float | str)), "")
    example = [f"from course_utils.widgets import {name}", "", f"explorer = {name}({simple})", "explorer"]
    rows = [[code(key), plain(_brief(value)), plain(help_of[key])] for key, value in settable.items()]
    parts = [
        "## Drive it from Python",
        "In a notebook the last line of a cell shows the explorer. Its traits are its state: what you set moves it, "
        "and what was done by hand can be read in a later cell.",
        "```python\n" + "\n".join(example) + "\n```",
        table(["Trait", "At the start", "What it is"], rows),
    ]
    if read:
        rows = [[code(key), plain(help_of[key].removeprefix(COMPUTED).lstrip(" :,"))] for key in read]
        parts += ["These are computed in the browser, to be read only:", table(["Trait", "What it is"], rows)]
    parts.append("`explorer.to_figure()` draws the state for print, and `explorer.describe()` says it in words.")
    return "\n\n".join(parts) + "\n"


def _brief(value: Any) -> str:
    """A default in a few words: a number, a word or a short list as it is, what holds many of them by its size."""
    if isinstance(value, dict):
        return ", ".join(value)
    if not isinstance(value, list):
        return repr(value)
    try:
        shape = np.shape(value)
    except ValueError:  # rows of different lengths
        shape = (len(value),)
    if len(shape) > 1:
        return f"array of shape {shape}"
    return repr(value) if len(repr(value)) <= 40 else f"{shape[0]} entries"
