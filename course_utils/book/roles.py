"""The role `day`: {day}`2` in Markdown, :day:`2` in a docstring, is a link to Day 2 once that lesson is written."""

from typing import Any

from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxRole


class DayRole(SphinxRole):
    """The words "Day N", linked to the lesson of that day if the book holds one."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        if not self.text.isdecimal():
            problem = self.inliner.reporter.error(f"a day is a number, not {self.text!r}", line=self.lineno)
            return [nodes.Text(self.text)], [problem]
        words: nodes.Element = nodes.inline("", f"Day {int(self.text)}")
        prefix = f"lessons/day_{int(self.text):02}_"
        if lesson := next((name for name in sorted(self.env.found_docs) if name.startswith(prefix)), None):
            target = {"refdomain": "std", "reftype": "doc", "reftarget": f"/{lesson}"}
            words = pending_xref("", words, refdoc=self.env.docname, refexplicit=True, refwarn=True, **target)
        return [nodes.inline("", "", words, classes=["course-day"])], []


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the role with Sphinx."""
    app.add_role("day", DayRole())
    return {"parallel_read_safe": True, "parallel_write_safe": True}
