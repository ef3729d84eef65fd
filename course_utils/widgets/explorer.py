"""What all explorers are: an anywidget whose arithmetic runs in the browser, without a kernel once it is shown."""

import re
from pathlib import Path
from typing import Any, ClassVar

import anywidget
import numpy as np
import traitlets
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

HERE = Path(__file__).parent
IMPORT = re.compile(r'^import \{[^}]*\} from "\./toolkit\.js";\n', re.M)


def linked(name: str) -> str:
    """The front end of the explorer `name` as the one module that a page gets: the toolkit, then NAME.js.

    A widget's front end is a single text, so that a static page needs no second request. Raises ValueError if NAME.js
    imports anything but names of the toolkit.
    """
    own, imports = IMPORT.subn("", (HERE / f"{name}.js").read_text(encoding="utf-8"))
    if imports != 1 or re.search(r"^\s*import\b|\bimport\(", own, re.M):
        raise ValueError(f"{name}.js has one import statement, from ./toolkit.js")
    shared = re.sub(r"^export ", "", (HERE / "toolkit.js").read_text(encoding="utf-8"), flags=re.M)
    return f"{shared}\n{own}"


def mulberry32(start: int, places: ArrayLike) -> NDArray[np.float64]:
    """The numbers at these places, from [0, 1), of the sequence of mulberry32 that starts with `start`.

    The toolkit has its twin, so that Python draws what the browser draws.
    """
    with np.errstate(over="ignore"):  # it is meant to: 32 bits are kept
        state = np.asarray(places, dtype=np.uint32) * np.uint32(0x6D2B79F5) + np.uint32(start & 0xFFFFFFFF)
        t = (state ^ (state >> 15)) * (state | 1)
        t ^= t + (t ^ (t >> 7)) * (t | 61)
    return (t ^ (t >> 14)) / 2**32


class Explorer(anywidget.AnyWidget):
    """Base of the explorers. Traits with `sync` are the state: set them from Python, or read what was done by hand.

    What the browser computes is read in a later cell: the answer comes with the next message. `title`, `day`,
    `question` and `try_this` say what the explorer is for; the book makes its page from them.
    """

    title: ClassVar[str]
    day: ClassVar[int]
    question: ClassVar[str]
    try_this: ClassVar[tuple[str, ...]]
    name: ClassVar[str]
    _css = (HERE / "toolkit.css").read_text(encoding="utf-8")

    def __init_subclass__(cls, **kwargs: Any) -> None:
        if "_esm" not in cls.__dict__:
            cls.name = cls.__module__.rpartition(".")[2]
            cls._esm = linked(cls.name)
        super().__init_subclass__(**kwargs)

    def to_figure(self) -> Figure:
        """The present state as a matplotlib figure, for print: `plots.show(figure, alt=self.describe())`."""
        raise NotImplementedError

    def describe(self) -> str:
        """The present state in a sentence or two: what a terminal shows, and the alt text of the figure."""
        raise NotImplementedError

    def _repr_mimebundle_(self, **kwargs: Any) -> tuple[dict, dict] | None:
        bundle = super()._repr_mimebundle_(**kwargs)
        if bundle:
            bundle[0]["text/plain"] = f"{self.title}: {self.describe()}"
        return bundle


class Numbers(traitlets.List):
    """A trait that takes any array of real numbers and keeps it as nested lists, which is what a page can hold.

    axes: how many it may have; a missing last axis of channels is added where `channels` is true; most: the longest.
    """

    def __init__(self, default: Any, axes: int, *, channels: bool = False, most: int = 64, **kwargs: Any) -> None:
        self.axes, self.channels, self.most = axes, channels, most
        super().__init__(default_value=self._lists(default), **kwargs)

    def validate(self, obj: Any, value: Any) -> list:
        """The value as nested lists. Raises TraitError in one sentence."""
        try:
            return self._lists(value)
        except (ValueError, TypeError) as error:
            raise traitlets.TraitError(f"{type(obj).__name__}.{self.name}: {error}") from None

    def _lists(self, value: Any) -> list:
        array = np.asarray(value, dtype=float)
        if self.channels and array.ndim == self.axes - 1:
            array = array[..., None]
        if array.ndim != self.axes or not array.size or max(array.shape) > self.most:
            raise ValueError(f"{self.axes} axes of 1 to {self.most} numbers are wanted, not shape {array.shape}")
        if not np.isfinite(array).all():
            raise ValueError("every number must be finite")
        return array.tolist()
