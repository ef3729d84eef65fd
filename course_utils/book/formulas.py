"""Formulas as MathML, written when the book is built: no script in the page, and screen readers read them as they are.

Browsers draw MathML themselves (MathML Core, all of them since 2023). What they lack is a font with mathematical signs
that stretch, so the book serves one: STIX Two Math, cut down to the signs that formulas on this subject use.
"""

from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.writers.html5 import HTML5Translator

from course_utils.book.fonts import cut

FONT = "STIXTwoMath-Regular.ttf"
NAME = "math.woff2"
# Latin, Greek, their italics and double-struck letters, accents, dashes, primes, arrows, operators, brackets, braces.
SIGNS = (
    *((0x20, 0x7E), (0xA0, 0xFF), (0x2C6, 0x2DD), (0x302, 0x30C), (0x391, 0x3C9), (0x3D1, 0x3F5), (0x2010, 0x2037)),
    *((0x2102, 0x2124), (0x2190, 0x21D5), (0x2200, 0x22F1), (0x2308, 0x230B), (0x23B4, 0x23B5), (0x23DC, 0x23E1)),
    *((0x27E8, 0x27EB), (0x1D434, 0x1D467), (0x1D538, 0x1D56B), (0x1D6FC, 0x1D71B), (0x1D7D8, 0x1D7E1)),
)


def setup(app: Sphinx) -> dict[str, Any]:
    """Called by Sphinx; `html_math_renderer: mathml` in the settings takes it into use."""
    app.add_html_math_renderer("mathml", (_inline, None), (_block, None))
    app.connect("build-finished", _bring_font)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}


def mathml(latex: str, *, block: bool) -> str:
    """A formula in LaTeX as a `<math>` element. Raises ValueError, in one sentence, for what is no formula."""
    from math_core import LatexError

    try:
        return _converter().convert_with_local_state(latex, displaystyle=block)
    except LatexError as error:
        raise ValueError(f"this formula cannot be set ({str(error).strip().splitlines()[0]}): {latex}") from None


@lru_cache(maxsize=1)
def font() -> bytes:
    """STIX Two Math with the signs above, their larger variants and its measures, as WOFF2."""
    # ziamath, which draws formulas, brings the font along; it is not imported.
    whole = Path(find_spec("ziamath").origin).parent / "fonts" / FONT
    return cut(whole, [sign for first, last in SIGNS for sign in range(first, last + 1)], ("ssty", "dtls"))


@lru_cache(maxsize=1)
def _converter() -> Any:
    from math_core import LatexToMathML

    return LatexToMathML()


def _inline(self: HTML5Translator, node: nodes.math) -> None:
    self.body.append(_element(node, block=False))
    raise nodes.SkipNode


def _block(self: HTML5Translator, node: nodes.math_block) -> None:
    self.body.append(self.starttag(node, "div", CLASS="math"))
    if node["number"]:
        self.body.append(f'<span class="eqno">({node["number"]})')
        self.add_permalink_ref(node, "Link to this equation")
        self.body.append("</span>")
    self.body.append(f"{_element(node, block=True)}</div>\n")
    raise nodes.SkipNode


def _element(node: nodes.Node, *, block: bool) -> str:
    try:
        return mathml(node.astext(), block=block)
    except ValueError as error:
        logging.getLogger(__name__).warning(str(error), location=node)
        return ""


def _bring_font(app: Sphinx, error: Exception | None) -> None:
    if error is None and app.builder.format == "html":
        Path(app.outdir, "_static", NAME).write_bytes(font())
