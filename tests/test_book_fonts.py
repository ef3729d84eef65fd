"""The icon fonts of the site hold what its pages show, and no more."""

import shutil
from importlib.util import find_spec
from pathlib import Path

import pytest
from fontTools.ttLib import TTFont

from course_utils.book import fonts

THEME = Path(find_spec("pydata_sphinx_theme").origin).parent
CHECK, STAR, MOON, BOLT = 0xF00C, 0xF005, 0xF186, 0xF0E7


@pytest.fixture
def site(tmp_path):
    """A site of one page, with the theme's solid icons."""
    (whole,) = THEME.rglob("fa-solid-900.woff2")
    folder = tmp_path / "_static" / "vendor" / "fontawesome" / "webfonts"
    folder.mkdir(parents=True)
    shutil.copy(whole, folder)
    (tmp_path / "page.html").write_text('<i class="fa-solid fa-star"></i>')
    (tmp_path / "_static" / "theme.js").write_text("icon.classList.add('fa-moon')")
    (tmp_path / "_static" / "theme.css").write_text(
        '.fa-star:before{content:"\\f005"}.fa-moon:before,.fa-night:before{content:"\\f186"}'
        '.fa-bolt:before{content:"\\f0e7"}.note .title:before{content:"\\f00c"}'
    )
    return tmp_path


def signs(font):
    return set(TTFont(font).getBestCmap() or {})


def test_icons_in_pages_scripts_and_styles_stay_and_others_go(site):
    (font,) = site.rglob("*.woff2")
    before, bytes_before = signs(font), font.stat().st_size
    assert {CHECK, STAR, MOON, BOLT} <= before
    fonts.cut_icons(site)
    assert signs(font) == {CHECK, STAR, MOON}
    assert font.stat().st_size < bytes_before / 20


def test_a_site_without_icons_keeps_an_empty_font(site):
    (site / "page.html").write_text("no icon")
    (site / "_static" / "theme.js").write_text("")
    (site / "_static" / "theme.css").write_text("")
    fonts.cut_icons(site)
    (font,) = site.rglob("*.woff2")
    assert signs(font) == set()
