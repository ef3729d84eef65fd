"""What a ledger holds, whatever the framework."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from course_utils.ledger import table
from course_utils.reference import ReceptiveField

Window = tuple[int, int, int, int]
"""How a layer slides along one axis: (kernel, stride, padding before, dilation)."""

Fields = tuple[ReceptiveField, ReceptiveField]
"""Along rows and along columns."""


@dataclass(frozen=True)
class Effect:
    """What one layer does: multiply-adds (None: unknown) and its windows over rows and columns.

    windows is None if the units that come out no longer look at a window of what came in.
    """

    macs: int | None
    windows: tuple[Window, Window] | None
    note: str = ""


STAY = ((1, 1, 0, 1), (1, 1, 0, 1))
"""The windows of a layer that looks at each pixel alone."""

ELEMENTWISE = Effect(0, STAY)
SHAPELESS = Effect(0, None)
UNKNOWN = Effect(None, None, "not a layer that the ledger knows: its multiply-adds are not counted")


@dataclass(frozen=True)
class Row:
    """One layer. Shapes without the batch axis; parameters include those that are not trainable; macs for one image."""

    name: str
    kind: str
    output_shape: tuple[int, ...]
    parameters: int
    trainable: int
    macs: int | None
    fields: Fields | None
    note: str = ""

    @property
    def non_trainable(self) -> int:
        return self.parameters - self.trainable

    @property
    def receptive_field(self) -> int | tuple[int, int] | None:
        """Side of the window of the input that one unit sees, in pixels; (rows, columns) where they differ."""
        return self._along("size")

    @property
    def jump(self) -> int | tuple[int, int] | None:
        """Distance in input pixels between the windows of neighbouring units; (rows, columns) where they differ."""
        return self._along("jump")

    def _along(self, what: str) -> int | tuple[int, int] | None:
        if self.fields is None:
            return None
        rows, columns = (getattr(field, what) for field in self.fields)
        return rows if rows == columns else (rows, columns)


@dataclass(frozen=True)
class Ledger:
    """The rows of a model and their totals; `str` gives a table, and a notebook shows it as one."""

    name: str
    input_shape: tuple[int, ...]
    rows: list[Row]

    @property
    def parameters(self) -> int:
        return sum(row.parameters for row in self.rows)

    @property
    def trainable(self) -> int:
        return sum(row.trainable for row in self.rows)

    @property
    def non_trainable(self) -> int:
        return self.parameters - self.trainable

    @property
    def macs(self) -> int:
        """Multiply-adds for one image; a lower bound unless `complete`."""
        return sum(row.macs or 0 for row in self.rows)

    @property
    def complete(self) -> bool:
        """Whether every layer's multiply-adds are known."""
        return all(row.macs is not None for row in self.rows)

    def __str__(self) -> str:
        return table.text(self)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return table.html(self)


def sizes(shapes: Iterable[Iterable[int]]) -> int:
    """Numbers held by arrays of these shapes."""
    return sum(math.prod(shape) for shape in shapes)


def first_fields(input_shape: tuple[int, ...]) -> Fields | None:
    """Each pixel sees itself; what is not an image (three axes) has no fields."""
    return (ReceptiveField(), ReceptiveField()) if len(input_shape) == 3 else None


def see(fields: Fields | None, effect: Effect) -> Fields | None:
    """Receptive fields along rows and columns after a layer with this effect."""
    if fields is None or effect.windows is None:
        return None
    (rows, columns), (over_rows, over_columns) = fields, effect.windows
    return rows.after(*over_rows), columns.after(*over_columns)
