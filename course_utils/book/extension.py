"""A Sphinx extension with what the theme leaves open: descriptions, launch links that exist, and lighter pages."""

from html import escape
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx

LENGTH = 160  # letters of a description that search engines show
ICONS = "_static/scripts/fontawesome.js"
NOT_NEEDED = "// The icons come from the font that the style sheet names; 1.5 MB of script for the same is left out.\n"


def setup(app: Sphinx) -> dict[str, Any]:
    """Called by Sphinx."""
    app.setup_extension("course_utils.book.roles")
    app.setup_extension("course_utils.book.docstrings")
    app.setup_extension("course_utils.book.formulas")
    app.connect("html-page-context", _describe)
    app.connect("html-page-context", _launch, priority=900)  # after the theme has made its buttons
    app.connect("build-finished", _without_icon_script)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}


def _describe(app: Sphinx, page: str, template: str, context: dict[str, Any], tree: nodes.document | None) -> None:
    """Give the page a description: the text that it begins with."""
    if tree is None:
        return
    first = next((node for node in tree.findall(nodes.paragraph) if node.astext().strip()), None)
    text = " ".join(first.astext().split()) if first else context.get("title", "")
    if len(text) > LENGTH:
        text = text[:LENGTH].rsplit(" ", 1)[0].rstrip(",;:.") + " …"
    context["metatags"] = context.get("metatags", "") + f'\n<meta name="description" content="{escape(text)}">'


def _launch(app: Sphinx, page: str, template: str, context: dict[str, Any], tree: nodes.document | None) -> None:
    """Launch buttons stay on the pages whose notebooks are published: lessons and exercises."""
    if not page.startswith(("lessons/", "exercises/")):
        buttons = context.get("header_buttons", [])
        context["header_buttons"] = [button for button in buttons if button.get("label") != "launch-buttons"]


def _without_icon_script(app: Sphinx, error: Exception | None) -> None:
    if error is None and app.builder.format == "html":
        Path(app.outdir, ICONS).write_text(NOT_NEEDED, encoding="utf-8")
