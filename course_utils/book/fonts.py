"""Fonts cut down to the signs that the book's pages show: a page weighs what a reader with a telephone has to load."""

import re
from collections.abc import Iterable
from io import BytesIO
from pathlib import Path

RULE = re.compile(r"([^{}]*)\{([^{}]*)\}")
SIGN = re.compile(r'"\\(f[0-9a-f]{3})"')
ICON = re.compile(r"\.(fa-[\w-]+)::?before")


def cut(font: Path, signs: Iterable[int], features: Iterable[str] = ()) -> bytes:
    """A font with these code points and OpenType features only, as WOFF2. Code points that it lacks are passed over."""
    from fontTools import subset

    options = subset.Options(flavor="woff2", layout_features=list(features))
    loaded = subset.load_font(str(font), options)
    subsetter = subset.Subsetter(options)
    subsetter.populate(unicodes=list(signs))
    subsetter.subset(loaded)
    loaded.flavor, buffer = options.flavor, BytesIO()
    loaded.save(buffer)
    return buffer.getvalue()


def cut_icons(html: Path) -> None:
    """Leave in the Font Awesome fonts of the theme the icons that pages, scripts or styles of the site `html` name."""
    signs = _icons(html)
    for font in html.glob("_static/vendor/fontawesome/webfonts/*.woff2"):
        font.write_bytes(cut(font, signs))


def _icons(html: Path) -> set[int]:
    """Code points of the icons: those of the classes in use, and those that a style shows by itself."""
    texts = [path.read_text(encoding="utf-8") for kind in ("html", "js") for path in html.rglob(f"*.{kind}")]
    used = {name for text in texts for name in re.findall(r"\bfa-[\w-]+", text)}
    signs = set()
    for style in html.rglob("*.css"):
        for selectors, body in RULE.findall(style.read_text(encoding="utf-8")):
            names = [ICON.fullmatch(selector.strip()) for selector in selectors.split(",")]
            if not all(names) or any(name[1] in used for name in names):
                signs |= {int(sign, 16) for sign in SIGN.findall(body)}
    return signs
