"""Two images become one, and so do their targets: mixup and CutMix."""

from collections.abc import Callable

import numpy as np

from course_utils import reference
from course_utils.checks.question import Case, question


def _batch(rng: np.random.Generator, n: int, side: tuple[int, ...], classes: int) -> dict:
    """Every pixel a number of its own; a cycle as the order, which differs from its inverse for n > 2."""
    images = 1 + rng.permutation(n * int(np.prod(side))).reshape(n, *side)
    targets = np.eye(classes)[rng.permutation(classes)[:n]]
    return {"images": images, "targets": targets, "order": np.roll(np.arange(n), 1)}


# --- mixup --------------------------------------------------------------------------------------------------------


def _mixup_cases(rng: np.random.Generator) -> list[Case]:
    def case(n, side, classes):
        return Case(**_batch(rng, n, side, classes), share=float(rng.choice([0.6, 0.7, 0.8])))

    return [case(2, (1, 2), 2), case(3, (2, 2), 3), case(4, (2, 3, 3), 5)]


def _mixup_wrong(
    pixels: Callable = lambda s: s, labels: Callable = lambda s: s, partner=lambda order: order
) -> Callable:
    def mixup(images, targets, order, share):
        other, a, b = partner(np.asarray(order)), pixels(share), labels(share)
        return a * images + (1 - a) * images[other], b * targets + (1 - b) * targets[other]

    return mixup


mixup = question(
    "mixup",
    points=2,
    partial=1,
    reference=reference.mixup,
    cases=_mixup_cases,
    mistakes={
        "The targets are not mixed: each image keeps its own label, though another shows through.": _mixup_wrong(
            labels=lambda s: 1.0
        ),
        "The images are not mixed, only the targets.": _mixup_wrong(pixels=lambda s: 1.0),
        "Both shares are exchanged: an image keeps `share` of itself, and the partner gets the rest.": _mixup_wrong(
            pixels=lambda s: 1 - s, labels=lambda s: 1 - s
        ),
        "In the targets the shares are exchanged: they go with the pixels.": _mixup_wrong(labels=lambda s: 1 - s),
        "In the images the shares are exchanged: they go with the targets.": _mixup_wrong(pixels=lambda s: 1 - s),
        "You mix half and half, whatever the share says.": _mixup_wrong(pixels=lambda s: 0.5, labels=lambda s: 0.5),
        "The partners come from the wrong end: image i is mixed with image order[i].": _mixup_wrong(
            partner=lambda order: np.argsort(order)
        ),
        "You mix the batch with itself turned round, not with images[order].": _mixup_wrong(
            partner=lambda order: np.arange(len(order))[::-1]
        ),
        "The partner's target is set to the partner's share of 1 for every class: multiply the one-hot rows, "
        "do not add "
        "the share.": lambda images, targets, order, share: (
            share * images + (1 - share) * images[order],
            share * targets + (1 - share),
        ),
    },
    hints={
        "shape": "Return two arrays: images of the shape of the images, targets of the shape of the targets.",
        "values": "Mix two pictures of one pixel each on paper, with a share of 0.75.",
        "type": "Return two arrays, (images, targets).",
    },
)

# --- cutmix -------------------------------------------------------------------------------------------------------


def _cutmix_cases(rng: np.random.Generator) -> list[Case]:
    """A box in the middle; one cut by the border; a height unlike the width; a side that comes out odd."""

    def case(n, side, share, centre, classes):
        return Case(**_batch(rng, n, side, classes), share=share, centre=centre)

    return [
        case(2, (4, 5), 0.7, (2, 2), 2),
        case(2, (8, 12), 0.7, (4, 6), 2),
        case(3, (8, 10), 0.6, (0, int(rng.integers(4, 7))), 3),
        case(3, (10, 8), 0.5, (int(rng.integers(4, 7)), 7), 4),
        case(3, (12, 9, 2), 0.3, (10, 1), 5),
    ]


def _box(shape, share, centre, side=lambda share: np.sqrt(1 - share), clipped=True):
    """((top, bottom), (left, right)) of the box, and the area it was meant to have."""
    edges = []
    for length, middle in zip(shape[1:3], centre, strict=True):
        half = int(length * side(share)) // 2
        low, high = middle - half, middle + half
        if not clipped:  # moved inside instead
            low = min(max(low, 0), length - 2 * half)
            high = low + 2 * half
        edges.append((max(low, 0), min(high, length)))
    return edges


def _cutmix_wrong(
    weight: Callable = lambda real, share: real,
    outside: bool = False,
    turned: bool = False,
    partner: Callable = lambda order: order,
    in_place: bool = False,
    label_partner: Callable | None = None,
    **box,
) -> Callable:
    def cutmix(images, targets, order, share, centre):
        (top, bottom), (left, right) = _box(images.shape, share, centre[::-1] if turned else centre, **box)
        other = partner(np.asarray(order))
        mixed, source = images.copy(), images[other]
        if in_place:
            for i, j in enumerate(other):
                mixed[i, top:bottom, left:right] = mixed[j, top:bottom, left:right]
        else:
            mixed[:, top:bottom, left:right] = source[:, top:bottom, left:right]
        real = (bottom - top) * (right - left) / (images.shape[1] * images.shape[2])
        if outside:
            whole = source.copy()
            whole[:, top:bottom, left:right] = images[:, top:bottom, left:right]
            mixed, real = whole, 1 - real
        pasted, named = weight(real, share), (label_partner or partner)(np.asarray(order))
        return mixed, (1 - pasted) * targets + pasted * targets[named]

    return cutmix


cutmix = question(
    "cutmix",
    points=4,
    partial=2,
    reference=reference.cutmix,
    cases=_cutmix_cases,
    mistakes={
        "The targets are mixed by the share that was drawn. The box was rounded and cut at the border: count its real "
        "area.": _cutmix_wrong(weight=lambda real, share: 1 - share),
        "The targets' shares are exchanged: the pasted area belongs to the partner.": _cutmix_wrong(
            weight=lambda real, share: 1 - real
        ),
        "The targets are not mixed.": _cutmix_wrong(weight=lambda real, share: 0.0),
        "The targets' shares are exchanged, and they are those that were drawn: the partner gets the box's "
        "real area.": (_cutmix_wrong(weight=lambda real, share: share)),
        "The sides of the box are 1 − share of the image's. It is the AREA that shall be 1 − share, so take "
        "the root.": (_cutmix_wrong(side=lambda share: 1 - share)),
        "The sides are the root of `share`. The box holds what the partner gives, 1 − share.": _cutmix_wrong(
            side=np.sqrt
        ),
        "Your box is moved inside the image. It stays where its centre is, and what hangs over is cut off.": (
            _cutmix_wrong(clipped=False)
        ),
        "Row and column of the centre are exchanged.": _cutmix_wrong(turned=True),
        "You paste everything but the box. The box comes from the partner, the rest stays.": _cutmix_wrong(
            outside=True
        ),
        "You paste into the batch while you still read from it, so a partner may hold a box already. Work on a copy.": (
            _cutmix_wrong(in_place=True)
        ),
        "The box comes from the wrong partner: image i gets its box from image order[i].": _cutmix_wrong(
            partner=lambda order: np.argsort(order)
        ),
    },
    hints={
        "shape": "Return two arrays: images of the shape of the images, targets of the shape of the targets.",
        "values": "Work out top, bottom, left and right for the smallest case on paper, then count the pixels of the "
        "box.",
        "raised": "Slices take integers: int(H * √(1 − share)) is the height, and half of it, rounded down, goes to "
        "each "
        "side.",
        "type": "Return two arrays, (images, targets).",
    },
)
