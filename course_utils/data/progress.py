"""Progress bars: in a terminal or a notebook, and only for what takes longer than a second."""

import sys

from tqdm.auto import tqdm


def bar(what: str, total: int, unit: str) -> tqdm:
    """A bar for `total` units of work; `unit` "B" counts bytes in kB, MB and so on."""
    seen = sys.stderr.isatty() or "ipykernel" in sys.modules
    return tqdm(total=total, desc=what, unit=f" {unit}", unit_scale=unit == "B", delay=1, leave=False, disable=not seen)
