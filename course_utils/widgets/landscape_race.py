"""Day 8: where several update rules go from one start, step by step, and which rates they bear."""

from collections.abc import Callable
from typing import Any, ClassVar, NamedTuple

import matplotlib.pyplot as plt
import numpy as np
import traitlets
from matplotlib.figure import Figure

from course_utils.plots import COLOURS, INK
from course_utils.plots.charts import MARKERS
from course_utils.widgets.explorer import Explorer

RULES = ("SGD", "momentum", "Nesterov", "AdaGrad", "RMSProp", "Adam", "SAM")
LEAST_RATE, MOST_RATE = 0.001, 3.0
RIGHT, TOP, FAR = 2.8, 1.6, 1000  # the picture's edges, and from where on a rule counts as diverged
RHO, ALPHA, BETA2 = 0.3, 0.99, 0.999


class Landscape(NamedTuple):
    """loss: of both weights; slope: their gradient (2,) from (2,); start: where the lesson starts."""

    loss: Callable
    slope: Callable
    start: tuple[float, float]


TURN = np.array([[0.8, -0.6], [0.6, 0.8]])  # a turn by 37°
LANDSCAPES = {
    "ravine": Landscape(lambda x, y: (x**2 + 25 * y**2) / 2, lambda w: w * (1, 25), (-2.5, 0.6)),
    "turned ravine": Landscape(
        lambda x, y: ((0.8 * x + 0.6 * y) ** 2 + 25 * (0.8 * y - 0.6 * x) ** 2) / 2,
        lambda w: TURN @ ((w @ TURN) * (1, 25)),
        (-2.36, -1.02),
    ),
    "saddle": Landscape(
        lambda x, y: x**2 / 2 - y**2 / 2 + y**4 / 4, lambda w: np.array([w[0], w[1] ** 3 - w[1]]), (-2.5, 0.0)
    ),
    "plateau": Landscape(lambda x, y: 1 - np.exp(-(x**2) - y**2), lambda w: 2 * w * np.exp(-np.sum(w**2)), (-2.5, 0.6)),
    "two valleys": Landscape(
        lambda x, y: (x**2 - 1) ** 2 + 0.3 * x + y**2,
        lambda w: np.array([4 * w[0] * (w[0] ** 2 - 1) + 0.3, 2 * w[1]]),
        (1.9, 0.6),
    ),
    "level floor": Landscape(
        lambda x, y: (1 + 2 * (x - 2) ** 2) * y**2 / 2,
        lambda w: np.array([2 * (w[0] - 2) * w[1] ** 2, (1 + 2 * (w[0] - 2) ** 2) * w[1]]),
        (-2.0, 0.6),
    ),
}


class Rates(traitlets.Dict):
    """Rule -> rate; a number stands for the same rate for all, and a rule that is left out keeps 0.05."""

    def validate(self, obj: Any, value: Any) -> dict[str, float]:
        """The rate of every rule. Raises TraitError in one sentence."""
        given = value if isinstance(value, dict) else dict.fromkeys(RULES, value)
        unknown = [name for name in given if name not in RULES]
        if unknown:
            raise traitlets.TraitError(f"rates: {unknown[0]!r} is none of the rules {', '.join(RULES)}")
        for name, rate in given.items():
            number = isinstance(rate, int | float | np.number) and not isinstance(rate, bool)
            if not (number and LEAST_RATE <= rate <= MOST_RATE):
                raise traitlets.TraitError(
                    f"the rate of {name} is a number from {LEAST_RATE} to {MOST_RATE:g}, not {rate!r}"
                )
        return {name: float(given.get(name, 0.05)) for name in RULES}


class LandscapeRace(Explorer):
    """Let seven rules run over a landscape of two weights, and read each of their steps. SAM climbs by 0.3 first."""

    title = "Landscape race"
    day = 8
    question = "At which rate does each rule leave the ravine?"
    try_this: ClassVar = (
        "In the ravine, raise the rate of all rules bit by bit. SGD must break above 2/25 = 0.08. Which of the others "
        "break, at which rate, and which never do? Write it down, then show the loss at every rate.",
        "Set the rate to 0.1 and let the momentum go from 0.9 down to 0.44, then to 0. Look for the path that goes "
        "straight for the bottom, and for the one that never comes there.",
        "Go to step 1 and read the last update of each rule. The two slopes are 2.5 and 15: whose update tells you "
        "so, and whose has the size of the rate in both? Then take the turned ravine.",
    )

    landscape = traitlets.Enum(list(LANDSCAPES), "ravine", help="the loss of two weights").tag(sync=True)
    rules = traitlets.List(
        traitlets.Enum(RULES), ["SGD", "momentum", "Nesterov", "Adam"], minlen=1, help="the rules that run"
    ).tag(sync=True)
    rates = Rates(dict.fromkeys(RULES, 0.05), help="rate of each rule, or one number for all").tag(sync=True)
    momentum = traitlets.CFloat(0.9, min=0.0, max=0.99, help="μ of momentum and Nesterov, β₁ of Adam").tag(sync=True)
    steps = traitlets.CInt(40, min=1, max=200, help="how many steps each rule makes").tag(sync=True)
    step = traitlets.CInt(40, min=0, help="the step that is shown; 0 is the start").tag(sync=True)
    x = traitlets.CFloat(None, allow_none=True, help="first weight at the start; None: the lesson's").tag(sync=True)
    y = traitlets.CFloat(None, allow_none=True, help="second weight at the start; None: the lesson's").tag(sync=True)
    rule = traitlets.Enum(RULES, "SGD", help="the rule whose step is worked out").tag(sync=True)
    every_rate = traitlets.CBool(False, help="show the loss at every rate, not at every step").tag(sync=True)
    places = traitlets.Dict(help="computed in the browser: where each rule is at this step").tag(sync=True)
    losses = traitlets.Dict(help="computed in the browser: the loss of each rule at this step").tag(sync=True)
    diverged = traitlets.Dict(help="computed in the browser: the step at which a rule diverged, or None").tag(sync=True)

    @traitlets.validate("momentum", "x", "y")
    def _inside(self, proposal: traitlets.Bunch) -> float | None:
        name, value = proposal["trait"].name, proposal["value"]
        least, most = {"momentum": (0, 0.99), "x": (-RIGHT, RIGHT), "y": (-TOP, TOP)}[name]
        if value is not None and not least <= value <= most:  # a NaN is not, either
            raise traitlets.TraitError(f"{name} is a number from {least} to {most}, not {value}")
        return value

    def to_figure(self) -> Figure:
        """Contour lines with the paths up to the shown step, and the loss after each step."""
        loss = LANDSCAPES[self.landscape].loss
        fig, (left, right) = plt.subplots(1, 2, figsize=(10, 4), width_ratios=(1.5, 1))
        across, up = np.meshgrid(np.linspace(-RIGHT, RIGHT, 113), np.linspace(-TOP, TOP, 65))
        heights = loss(across, up)
        levels = heights.min() + np.ptp(heights) * np.linspace(0, 1, 14) ** 2
        left.contour(across, up, heights, levels, colors=INK, linewidths=0.6, linestyles="solid")
        signs = MARKERS + "X"
        for name in self.rules:
            path, i = self._path(name), RULES.index(name)
            style = {"color": (*COLOURS, INK)[i], "linestyle": ("-", "--", ":", "-.")[i % 4], "marker": signs[i]}
            shown = path[: self.step + 1]
            left.plot(*shown.T, **style, markersize=6, markevery=[-1], linewidth=1.3)
            every = max(1, len(path) // 6)
            right.plot(loss(*path.T), **style, markersize=4, markevery=every, label=f"{name}, {self.rates[name]:g}")
        left.plot(*self._start(), "o", color=INK, fillstyle="none", markersize=10)
        left.set(xlabel="first weight", ylabel="second weight", aspect="equal", xlim=(-RIGHT, RIGHT), ylim=(-TOP, TOP))
        left.set_title(f"{self.landscape}, step {min(self.step, self.steps)} of {self.steps}")
        right.set(xlabel="step", ylabel="loss", yscale="symlog", xlim=(0, self.steps))
        right.legend(title="rule, rate")
        return fig

    def describe(self) -> str:
        """Where each rule is after the shown step, its loss, and which diverged."""
        told = []
        for name in self.rules:
            path = self._path(name)
            place = path[min(self.step, len(path) - 1)]
            if np.abs(place).max() > FAR:
                told.append(f"{name} diverged at step {len(path) - 1}")
            else:
                loss = LANDSCAPES[self.landscape].loss(*place)
                told.append(f"{name} at ({place[0]:.3f}, {place[1]:.3f}) with a loss of {loss:.4g}")
        return (
            f"{self.landscape.capitalize()}, step {min(self.step, self.steps)} of {self.steps}: {'; '.join(told)}."
        ).replace("-", "−")

    def _start(self) -> np.ndarray:
        given = zip((self.x, self.y), LANDSCAPES[self.landscape].start, strict=True)
        return np.array([usual if value is None else value for value, usual in given])

    def _path(self, name: str) -> np.ndarray:
        """Places from the start on, (steps + 1, 2); it ends early where the rule diverges."""
        slope, places = LANDSCAPES[self.landscape].slope, [self._start()]
        kept = {"v": np.zeros(2), "S": np.zeros(2)}
        for t in range(1, self.steps + 1):
            w = places[-1]
            g = slope(w)
            if name == "SAM" and g.any():
                g = slope(w + RHO * g / np.sqrt(g @ g))
            places.append(w - self.rates[name] * self._direction(name, g, kept, t))
            if np.abs(places[-1]).max() > FAR:
                break
        return np.array(places)

    def _direction(self, name: str, g: np.ndarray, kept: dict[str, np.ndarray], t: int) -> np.ndarray:
        """What the rate multiplies in step t, in PyTorch's form; `kept` is what the rule remembers."""
        mu = self.momentum
        if name in ("momentum", "Nesterov"):
            kept["v"] = g + mu * kept["v"]
            return kept["v"] if name == "momentum" else g + mu * kept["v"]
        if name == "Adam":
            kept["v"], kept["S"] = mu * kept["v"] + (1 - mu) * g, BETA2 * kept["S"] + (1 - BETA2) * g**2
            return kept["v"] / (1 - mu**t) / (np.sqrt(kept["S"] / (1 - BETA2**t)) + 1e-8)
        if name in ("AdaGrad", "RMSProp"):
            part, eps = (1.0, 1e-10) if name == "AdaGrad" else (1 - ALPHA, 1e-8)
            kept["S"] = (1.0 if name == "AdaGrad" else ALPHA) * kept["S"] + part * g**2
            return g / (np.sqrt(kept["S"]) + eps)
        return g
