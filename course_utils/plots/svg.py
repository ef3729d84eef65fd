"""The style, and figures as inline SVG that takes the page's own text colour."""

import hashlib
import io
import itertools
import re
import textwrap
from xml.etree import ElementTree

import matplotlib.pyplot as plt
from cycler import cycler
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from course_utils.display import show_html

# Text, axes and ticks are drawn in INK, which becomes currentColor. A grey that also reads on white and on black,
# should a figure ever be shown as a bitmap.
INK = "#757678"

# Four of Okabe & Ito 2008, and two in place of those that are too pale on white: all stand out from white and from dark
# pages, and differ without full colour vision.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#875a3c", "#a578ff")

# Narrower than the font that matplotlib measures with, so nothing overflows.
FONTS = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"

SMOOTH_ABOVE = 96  # pixels a side: smaller images keep their square pixels when enlarged

STYLE = {
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "savefig.facecolor": "none",
    "legend.frameon": False,
    "text.color": INK,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "grid.color": INK,
    "grid.alpha": 0.3,
    "hatch.color": INK,
    "patch.edgecolor": INK,
    "lines.linewidth": 1.8,
    "axes.prop_cycle": cycler(color=COLOURS) + cycler(linestyle=["-", "--", "-.", ":", "-", "--"]),
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 10,
    "font.size": 9,
    "figure.constrained_layout.use": True,
    "image.cmap": "cividis",
    "image.interpolation": "none",  # in SVG: the image's own pixels, enlarged by the browser
    "svg.fonttype": "none",
}
plt.rcParams.update(STYLE)

_numbers = itertools.count(1)


def finish(fig: Figure, ax: Axes | None, title: str | None, caption: str) -> Figure:
    """Title and caption, the last step of every figure here."""
    if ax is not None and title:
        ax.set_title(title)
    if caption:
        wrapped = textwrap.fill(caption, int(12 * fig.get_figwidth()))  # about 12 letters an inch at this size
        fig.supxlabel(wrapped, fontsize=9, style="italic")
    return fig


def show(fig: Figure, alt: str) -> None:
    """Display the figure once, as inline SVG with `alt` as its text alternative, and close it.

    alt: what the figure shows, in a sentence or two; it is also what a terminal prints instead of the figure.
    Raises ValueError if it is missing or empty.
    """
    svg = to_svg(fig, alt)
    plt.close(fig)
    show_html(f'<div class="course-figure">{svg}</div>', alt.strip())


def to_svg(fig: Figure, alt: str) -> str:
    """The figure as one `<svg>` element for a page: no script, no style sheet, ids of its own.

    Text, axes and ticks take the page's text colour; the background is transparent. Raises ValueError as `show`.
    """
    if not isinstance(alt, str) or not alt.strip():
        raise ValueError('a figure needs a text that says what it shows: show(fig, alt="...")')
    buffer = io.BytesIO()
    with plt.rc_context({"svg.fonttype": "none", "svg.hashsalt": "course"}):  # the same figure, the same SVG
        fig.draw_without_rendering()  # constrained layout settles square axes and their titles in a second pass
        fig.savefig(buffer, format="svg", metadata={"Date": None})
    root = ElementTree.fromstring(buffer.getvalue())
    _for_a_page(root)
    _own_ids(root)
    root.set("role", "img")
    root.set("aria-label", " ".join(alt.split()))
    return ElementTree.tostring(root, encoding="unicode").replace(INK, "currentColor")


def _for_a_page(root: ElementTree.Element) -> None:
    """Drop what is meant for a file of its own: namespaces, metadata, a style sheet that would reach other figures."""
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag.endswith(("}metadata", "}style")):
                parent.remove(child)
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
        element.attrib = {name.rpartition("}")[2]: value for name, value in element.attrib.items()}
        style = element.get("style", "")
        if element.tag == "text" or element.tag == "tspan":
            element.set("style", re.sub(r"font: ((?:[\w.]+ )*?)([\d.]+px) [^;]*", _font, style))
        if element.tag == "image" and float(element.get("width", 0)) > SMOOTH_ABOVE:
            element.set("style", re.sub(r"image-rendering:[\w-]+;?", "", style))
    root.set("xmlns", "http://www.w3.org/2000/svg")
    root.set(
        "style",
        f"max-width:100%;height:auto;background:none;stroke-linejoin:round;stroke-linecap:butt;font-family:{FONTS}",
    )


def _font(match: re.Match) -> str:
    """`font: bold 10px 'DejaVu Sans', ...` without the family, which comes from the root."""
    weight = " ".join(word for word in match[1].split() if word in ("bold", "italic") or word.isdigit())
    rules = [f"font-size: {match[2]}"]
    if "italic" in weight:
        rules.append("font-style: italic")
    if number := weight.replace("italic", "").strip():
        rules.append(f"font-weight: {number}")
    return "; ".join(rules)


def _own_ids(root: ElementTree.Element) -> None:
    """Keep only ids that are referred to, and make them unlike those of any other figure on the page."""
    ids = {element.get("id") for element in root.iter()} - {None}
    used = {
        name
        for element in root.iter()
        for value in element.attrib.values()
        for name in re.findall(r"#([\w.-]+)", value)
        if name in ids
    }
    digest = hashlib.sha256(ElementTree.tostring(root)).hexdigest()[:8]
    prefix = f"figure{next(_numbers)}-{digest}-"
    for element in root.iter():
        for name, value in element.attrib.items():
            if name == "id":
                continue
            element.set(name, re.sub(r"#([\w.-]+)", lambda m: f"#{prefix * (m[1] in used)}{m[1]}", value))
        if (name := element.attrib.pop("id", None)) in used:
            element.set("id", prefix + name)
