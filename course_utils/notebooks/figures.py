"""What a reader who cannot see a figure is told of it: does an output hold a picture without a text?"""

from collections.abc import Mapping
from html.parser import HTMLParser
from typing import Any

WORDS = 3  # fewer cannot say what a figure shows


def untold(output: Mapping[str, Any]) -> list[str]:
    """Why the pictures of a cell's output cannot be heard, a sentence each; nothing where all is well.

    A bitmap that a library displays by itself has no place for a text. In HTML an <img> needs `alt`, and an <svg> or
    <canvas> role "img" with `aria-label`, or `aria-hidden` where it only decorates. `plots.show` does it right.
    """
    data = output.get("data", {})
    raw = [kind for kind in data if kind.startswith("image/")]
    faults = [f"a figure is displayed as {kind}: show it with plots.show(fig, alt=...)" for kind in raw]
    reader = _Reader()
    reader.feed("".join(data.get("text/html", "")))
    return faults + reader.faults


class _Reader(HTMLParser):
    """Collects what is wrong with the pictures of a piece of HTML."""

    def __init__(self) -> None:
        super().__init__()
        self.faults: list[str] = []
        self.inside = 0  # of an <svg>, whose inner ones belong to it

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag in ("img", "canvas", "svg") and not self.inside and given.get("aria-hidden") != "true":
            name = "alt" if tag == "img" else "aria-label"
            if tag != "img" and given.get("role") != "img":
                self.faults.append(f'an <{tag}> lacks role="img"')
            if len((given.get(name) or "").split()) < WORDS:
                self.faults.append(f"an <{tag}> has no {name} that says what it shows: {given.get(name)!r}")
        self.inside += tag == "svg"

    def handle_endtag(self, tag: str) -> None:
        self.inside -= tag == "svg"

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        self.handle_endtag(tag)
