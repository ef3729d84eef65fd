"""Formulas of the book: MathML for every formula that the lessons hold, and a font that has their signs."""

import re
from io import BytesIO
from pathlib import Path

import pytest

from course_utils import notebooks
from course_utils.book.formulas import font, mathml

ROOT = Path(__file__).parents[1]
BLOCK, INLINE = re.compile(r"\$\$(.+?)\$\$", re.S), re.compile(r"(?<![\\$])\$([^$\n]+?)\$")


def texts():
    for folder in ("lessons", "solutions"):
        for path in sorted((ROOT / folder).glob("*.py")):
            for cell in notebooks.read(path).cells:
                if cell.cell_type == "markdown":
                    yield re.sub(r"```.*?```|`[^`\n]+`", "", cell.source, flags=re.S)
    for path in sorted((ROOT / "book").glob("*.md")):
        yield re.sub(r"```.*?```|`[^`\n]+`", "", path.read_text(), flags=re.S)


def formulas():
    found = set()
    for text in texts():
        found |= {(formula.strip(), True) for formula in BLOCK.findall(text)}
        found |= {(formula, False) for formula in INLINE.findall(BLOCK.sub("", text))}
    return sorted(found)


def test_a_formula_becomes_mathml_that_keeps_its_numbers():
    assert re.sub(r"\s", "", re.sub(r"<[^>]+>", "", mathml(r"\frac{1}{2} + x_3", block=False))) == "12+x3"


def test_a_block_formula_says_so():
    assert "display" in mathml("x", block=True) and "display" not in mathml("x", block=False)


def test_what_is_no_formula_is_one_sentence_with_the_formula():
    with pytest.raises(ValueError, match=r"cannot be set .*\\nothing\{x\}"):
        mathml(r"\nothing{x}", block=False)


def test_every_formula_of_the_course_can_be_set():
    found = formulas()
    assert len(found) > 50
    for formula, block in found:
        assert "<math" in mathml(formula, block=block), formula


def test_the_font_has_the_signs_of_all_formulas_and_their_measures():
    from fontTools.ttLib import TTFont

    cut = TTFont(BytesIO(font()))
    assert cut.flavor == "woff2" and "MATH" in cut
    written = "".join(mathml(formula, block=block) for formula, block in formulas())
    signs = set(re.sub(r"<[^>]+>|&\w+;", "", written))
    invisible = {chr(0x2061), chr(0x2062), chr(0x2063), chr(0x200B), "\n"}
    assert {sign for sign in signs - invisible if ord(sign) not in cut.getBestCmap()} == set()
