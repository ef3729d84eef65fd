"""A ledger as text and as HTML."""

from typing import TYPE_CHECKING

from course_utils.display import escape

if TYPE_CHECKING:
    from course_utils.ledger.rows import Ledger

HEADINGS = ("layer", "kind", "output shape", "parameters", "trainable", "multiply-adds", "receptive field", "jump")
NUMERIC_FROM = 3  # columns from here on are numbers, set flush right
CONVENTION = (
    "Multiply-adds for one image, in convolutions and dense layers. "
    "Receptive field: side of the window of the input that one unit sees, in pixels; jump: from one window to the next."
)


def text(ledger: "Ledger") -> str:
    """The table in columns for a terminal."""
    lines = [HEADINGS, *_body(ledger), _total(ledger)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(HEADINGS))]
    rule = "  ".join("─" * width for width in widths)
    shown = ["  ".join(_set(cell, widths[i], i) for i, cell in enumerate(line)).rstrip() for line in lines]
    return "\n".join([_title(ledger), shown[0], rule, *shown[1:-1], rule, shown[-1], CONVENTION, *_notes(ledger)])


def html(ledger: "Ledger") -> str:
    """The table for a page, in the page's own colours."""
    head = "".join(f'<th scope="col" style="{_side(i)}">{name}</th>' for i, name in enumerate(HEADINGS))
    body = "".join(_html_row(line) for line in _body(ledger))
    notes = "".join(f"<p>{escape(note)}</p>" for note in _notes(ledger))
    # A wide table scrolls inside its own box, which the keyboard can reach, instead of being cut off.
    return (
        f'<div role="region" aria-label="{escape(_title(ledger))}" tabindex="0" style="overflow-x:auto">'
        '<table class="course-ledger">'
        f'<caption style="text-align:left">{escape(_title(ledger))}. {escape(CONVENTION)}</caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody>"
        f'<tfoot style="font-weight:bold;border-top:1px solid currentColor">{_html_row(_total(ledger))}</tfoot>'
        f"</table>{notes}</div>"
    )


def _html_row(cells: tuple[str, ...]) -> str:
    first, *others = cells
    data = "".join(f'<td style="{_side(i)}">{escape(cell)}</td>' for i, cell in enumerate(others, start=1))
    return f'<tr><th scope="row" style="{_side(0)}">{escape(first)}</th>{data}</tr>'


def _side(column: int) -> str:
    return f"white-space:nowrap;text-align:{'right' if column >= NUMERIC_FROM else 'left'}"


def _set(cell: str, width: int, column: int) -> str:
    return cell.rjust(width) if column >= NUMERIC_FROM else cell.ljust(width)


def _title(ledger: "Ledger") -> str:
    return f"{ledger.name}, input {_sides(ledger.input_shape)}"


def _body(ledger: "Ledger") -> list[tuple[str, ...]]:
    return [
        (
            row.name + " *" * bool(row.note),
            row.kind,
            _sides(row.output_shape),
            f"{row.parameters:,}",
            f"{row.trainable:,}",
            "?" if row.macs is None else f"{row.macs:,}",
            _sides(row.receptive_field),
            _sides(row.jump),
        )
        for row in ledger.rows
    ]


def _total(ledger: "Ledger") -> tuple[str, ...]:
    macs = f"{ledger.macs:,}" if ledger.complete else f"at least {ledger.macs:,}"
    return ("total", "", "", f"{ledger.parameters:,}", f"{ledger.trainable:,}", macs, "", "")


def _notes(ledger: "Ledger") -> list[str]:
    return [f"* {row.name} ({row.kind}): {row.note}." for row in ledger.rows if row.note]


def _sides(value: int | tuple[int, ...] | None) -> str:
    if value is None:
        return "–"
    return " × ".join(f"{side:,}" for side in (value if isinstance(value, tuple) else (value,)))
