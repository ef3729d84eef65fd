"""How large an output is, and what one of its units sees."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from course_utils.reference.inputs import at_least


def output_size(n: int, k: int, stride: int = 1, padding: int = 0, dilation: int = 1) -> int:
    """Length of a convolution's output along one axis.

    n, k: input and kernel length in pixels; stride, dilation >= 1; padding: pixels added on each side.
    Returns floor((n + 2*padding - dilation*(k - 1) - 1) / stride) + 1.
    Raises ValueError if the dilated kernel is longer than the padded input.
    Introduced on Day 2, derived on Day 3. Source: Dumoulin & Visin 2016, relationship 15.
    """
    at_least(1, n=n, k=k, stride=stride, dilation=dilation)
    at_least(0, padding=padding)
    span = dilation * (k - 1) + 1
    if span > n + 2 * padding:
        raise ValueError(f"a kernel spanning {span} does not fit into {n} + 2·{padding} pixels")
    return (n + 2 * padding - span) // stride + 1


class ReceptiveField(NamedTuple):
    """What one unit sees along one axis, in pixels of the input.

    size: width of the field; jump: distance between the fields of neighbouring units; start: centre of the
    first unit's field, where 0 is the centre of the first pixel (fields may reach into the padding).
    Introduced on Day 5. Source: Araujo, Norris & Sim 2019.
    """

    size: int = 1
    jump: int = 1
    start: float = 0.0

    def after(self, k: int, stride: int = 1, padding: int = 0, dilation: int = 1) -> "ReceptiveField":
        """The field after one more layer that slides a kernel of length k (convolution or pooling).

        padding: pixels added before the first one. Raises ValueError for k, stride, dilation < 1.
        """
        at_least(1, k=k, stride=stride, dilation=dilation)
        at_least(0, padding=padding)
        reach = dilation * (k - 1)
        return ReceptiveField(
            self.size + reach * self.jump,
            self.jump * stride,
            self.start + (reach / 2 - padding) * self.jump,
        )


def receptive_field(layers: Iterable[Sequence[int]]) -> list[ReceptiveField]:
    """Receptive field after each layer, along one axis.

    layers: (k,), (k, stride), (k, stride, padding) or (k, stride, padding, dilation), from the input on.
    Raises ValueError for k, stride, dilation < 1 or padding < 0. Introduced on Day 5.
    """
    fields, field = [], ReceptiveField()
    for layer in layers:
        field = field.after(*layer)
        fields.append(field)
    return fields
