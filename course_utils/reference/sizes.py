"""How large an output is, and what one of its units sees."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from course_utils.reference.inputs import at_least


def output_size(n: int, k: int, stride: int = 1, padding: int = 0, dilation: int = 1) -> int:
    """Length of a convolution's output along one axis.

    n, k: input and kernel length in pixels; stride, dilation >= 1; padding: pixels added on each side.
    Returns floor((n + 2*padding - dilation*(k - 1) - 1) / stride) + 1.
    Raises ValueError if the dilated kernel is longer than the padded input.
    Introduced on Day 3. Source: Dumoulin & Visin 2016, relationship 15.
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


def paths_to_unit(layers: Iterable[Sequence[int]], n: int, unit: int) -> NDArray[np.float64]:
    """How many paths lead from each pixel of one axis to `unit` of the last layer: 0 where it sees nothing.

    layers: as in `receptive_field`; n: pixels along the axis; unit: counted from 0. Returns (n,), exact up to
    2**53. Units in the padding of any layer are zeros and lead nowhere, dilated kernels leave holes. With all weights
    equal and no non-linearity, the shares of the paths are the effective receptive field.
    Raises ValueError if a layer does not fit or has no such unit.
    Introduced on Day 5. Source: Luo, Li, Urtasun & Zemel 2016.
    """
    layers = [(*layer, *(1, 1, 0, 1)[len(layer) :]) for layer in layers]
    lengths = [n]
    for k, stride, padding, dilation in layers:
        at_least(1, k=k, stride=stride, dilation=dilation)
        at_least(0, padding=padding)
        lengths.append(len(range(0, lengths[-1] + 2 * padding - dilation * (k - 1), stride)))
        if not lengths[-1]:
            raise ValueError(f"layer {len(lengths) - 1} does not fit: its kernel spans more pixels than there are")
    if not 0 <= unit < lengths[-1]:
        raise ValueError(f"the last layer has {lengths[-1]} units, so there is no unit {unit}")
    paths = np.zeros(lengths[-1])
    paths[unit] = 1
    for (k, stride, padding, dilation), length in zip(reversed(layers), reversed(lengths[:-1]), strict=True):
        units = np.flatnonzero(paths)
        seen = units[:, None] * stride - padding + dilation * np.arange(k)
        below, inside = np.zeros(length), (seen >= 0) & (seen < length)
        np.add.at(below, seen[inside], np.broadcast_to(paths[units, None], seen.shape)[inside])
        paths = below
    return paths
