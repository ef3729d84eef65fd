"""Day 9: when early stopping ends a run, whose weights it keeps, and what noise does to both."""

from typing import Any, ClassVar

import matplotlib.pyplot as plt
import numpy as np
import traitlets
from matplotlib.figure import Figure
from numpy.typing import NDArray
from scipy.special import ndtri

from course_utils.plots import COLOURS, INK
from course_utils.widgets.explorer import Explorer, Numbers

DRAWS = 200
PLATEAU_DELTA = 1e-4
"""min_delta of ReduceLROnPlateau: Keras' default."""
MONITORS = {"val_loss": "validation loss", "val_accuracy": "validation accuracy", "val_auc": "validation AUC"}


def _presets() -> dict[str, dict]:
    t = np.arange(30)
    valley = 0.4 + 0.6 * 0.8**t + 0.004 * np.maximum(t - 12, 0)
    descents = 0.33 + 0.45 * 0.7**t + 0.22 / (1 + np.exp((t - 19) / 1.2)) + 0.004 * np.clip(t - 7, 0, 8)
    area = 0.972 - 0.24 * 0.8**t - 0.001 * np.maximum(t - 20, 0)
    curves = {
        "a noisy valley": {"curve": valley, "noise": 0.02},
        "a clean valley": {"curve": valley},
        "a plateau, then a second descent": {"curve": descents, "noise": 0.005},
        "a slow, steady fall": {"curve": 0.8 - 0.004 * t},
        "the AUC of a few images": {"curve": area, "monitor": "val_auc", "images": 16, "mode": "max"},
    }
    start = {"monitor": "val_loss", "noise": 0.0, "images": 0, "draw": 3, "mode": "min"}
    return {name: start | given | {"curve": given["curve"].round(4).tolist()} for name, given in curves.items()}


PRESETS = _presets()


class EarlyStoppingSimulator(Explorer):
    """Drive Keras' EarlyStopping, and ReduceLROnPlateau beside it, over a curve, epoch by epoch.

    A run of your own: `EarlyStoppingSimulator(curve=history.history["val_loss"])`. Epochs count from 1.
    """

    title = "Early stopping simulator"
    day = 9
    question = "When does the run stop, and whose weights do you take home?"
    try_this: ClassVar = (
        "Predict where the noisy valley stops with a patience of 3, then run to the end. Raise the patience until the "
        "stop costs nothing, and draw the noise anew: is it still enough? Then look at 200 draws at once.",
        "Take the plateau with a second descent. Look for the least patience that survives it. Put ReduceLROnPlateau "
        "beside it with the same patience: after which epoch comes its cut, and who is left to use it?",
        "Take the AUC of a few images and run to the end. Which epoch wins, and can a later one beat it? Move the "
        "start with start_from_epoch, then take more images.",
    )

    curve = Numbers(
        PRESETS["a noisy valley"]["curve"], 1, most=100, help="the watched number after each epoch, without noise"
    ).tag(sync=True)
    monitor = traitlets.Enum(list(MONITORS), "val_loss", help="what is watched").tag(sync=True)
    noise = traitlets.CFloat(0.02, min=0.0, max=1.0, help="standard deviation of normal noise").tag(sync=True)
    images = traitlets.Enum([0, 16, 32, 64], 0, help="images that a val_auc is measured on; 0: on none").tag(sync=True)
    draw = traitlets.CInt(3, min=1, max=DRAWS, help="which draw of the noise is shown").tag(sync=True)
    patience = traitlets.CInt(3, min=0, max=30, help="epochs in a row without a better one").tag(sync=True)
    min_delta = traitlets.CFloat(0.0, min=0.0, max=1.0, help="by how much better is better").tag(sync=True)
    mode = traitlets.Enum(["min", "max"], "min", help="whether a lower or a higher number is better").tag(sync=True)
    restore_best_weights = traitlets.CBool(True, help="take the best epoch's weights, not the last's").tag(sync=True)
    start_from_epoch = traitlets.CInt(0, min=0, max=100, help="epochs that are not looked at").tag(sync=True)
    plateau = traitlets.CBool(False, help="whether ReduceLROnPlateau runs beside it").tag(sync=True)
    factor = traitlets.CFloat(0.1, min=0.01, max=0.99, help="what it multiplies the learning rate by").tag(sync=True)
    plateau_patience = traitlets.CInt(2, min=1, max=30, help="its patience").tag(sync=True)
    cooldown = traitlets.CInt(0, min=0, max=30, help="its rest after a cut, as Keras counts it").tag(sync=True)
    epoch = traitlets.CInt(9, min=1, max=100, help="how far the run is shown").tag(sync=True)
    many = traitlets.CBool(False, help=f"show {DRAWS} draws of the noise, by patience").tag(sync=True)
    values = traitlets.List(help="computed in the browser: what is measured after each epoch").tag(sync=True)
    stopped = traitlets.Int(help="computed in the browser: the last epoch that is run").tag(sync=True)
    kept = traitlets.Int(help="computed in the browser: the epoch whose weights are taken home").tag(sync=True)
    cuts = traitlets.List(help="computed in the browser: epochs after which the rate is cut").tag(sync=True)
    presets = traitlets.Dict(PRESETS, help="curves to choose from").tag(sync=True)

    def __init__(self, **traits: Any) -> None:
        if "curve" in traits:
            traits = {"noise": 0.0, "epoch": 1} | traits  # numbers that were measured have their noise already
        if traits.get("monitor", "val_loss") != "val_loss":
            traits = {"mode": "max"} | traits
        super().__init__(**traits)

    @traitlets.validate("curve")
    def _long_enough(self, proposal: traitlets.Bunch) -> list[float]:
        value = proposal["value"]
        if len(value) < 2 or max(map(abs, value)) > 1e6:
            raise traitlets.TraitError("a curve has 2 to 100 numbers between -1e6 and 1e6")
        return value

    @traitlets.validate("noise", "min_delta", "factor")
    def _finite(self, proposal: traitlets.Bunch) -> float:
        if not np.isfinite(proposal["value"]):
            raise traitlets.TraitError(f"{proposal['trait'].name} is a finite number, not {proposal['value']}")
        return proposal["value"]

    def to_figure(self) -> Figure:
        """The whole curve, what was measured, the last epoch and the one whose weights are kept."""
        values, (stopped, kept) = self._measured(), self._run()
        epochs = np.arange(1, len(values) + 1)
        fig, ax = plt.subplots(figsize=(6.4, 3.2))
        if self.noise or self._images():
            ax.plot(epochs, self.curve, linestyle="--", linewidth=1, color=INK, label="without noise")
        ax.plot(epochs[:stopped], values[:stopped], "-o", markersize=3.5, color=COLOURS[0], label="measured")
        if stopped < len(values):
            ax.plot(epochs[stopped - 1 :], values[stopped - 1 :], ":", color=COLOURS[0], label="not run")
        ax.plot(kept, values[kept - 1], "D", markersize=9, fillstyle="none", color=COLOURS[1], label=f"kept: {kept}")
        ax.axvline(stopped, color=COLOURS[1], linestyle="--", label=f"last epoch: {stopped}")
        for number, cut in enumerate(self._cuts(stopped)):
            low = ax.get_ylim()[0]
            ax.plot(cut, low, "v", color=INK, clip_on=False, label=None if number else "rate cut")
        ax.set(xlabel="epoch", ylabel=MONITORS[self.monitor], title=f"patience {self.patience}")
        ax.set_xlim(0, len(values) + 1)
        ax.grid(linewidth=0.6)
        ax.legend()
        return fig

    def describe(self) -> str:
        """Where the run ends, and whose weights are kept."""
        values, (stopped, kept) = self._measured(), self._run()
        name, rule = MONITORS[self.monitor], f"patience {self.patience}, min_delta {self.min_delta:g}, mode {self.mode}"
        text = (
            f"Early stopping on a {name} of {len(values)} epochs, {rule}: the run ends after epoch {stopped} with the "
            f"weights of epoch {kept}, {name} {values[kept - 1]:.4f}."
        )
        if cuts := self._cuts(stopped):
            text += f" The learning rate is cut after epoch {', '.join(map(str, cuts))}."
        return text.replace("-", "−")

    def _images(self) -> int:
        return self.images if self.monitor == "val_auc" else 0

    def _measured(self) -> NDArray:
        """What is measured after each epoch of this draw, the same numbers as in the browser."""
        curve, images = np.array(self.curve), self._images()
        if images:
            scores = np.sort(_normals(self.draw, len(curve) * images).reshape(len(curve), 2, images // 2))
            away = np.sqrt(2) * ndtri(np.clip(curve, 0.001, 0.999))
            return (scores[:, 1, :, None] + away[:, None, None] > scores[:, 0, None, :]).mean(axis=(1, 2))
        if not self.noise:
            return curve
        return np.floor((curve + self.noise * _normals(self.draw, len(curve))) * 1e4 + 0.5) / 1e4

    def _better(self, value: float, best: float | None, delta: float) -> bool:
        """Whether a value counts, in single precision as Keras compares."""
        sign = 1 if self.mode == "min" else -1
        return best is None or sign * np.float32(value + sign * delta) < sign * np.float32(best)

    def _run(self) -> tuple[int, int]:
        """(last epoch that is run, epoch whose weights are kept)."""
        best, winner, wait, values = None, 0, 0, self._measured().tolist()
        for epoch, value in enumerate(values, start=1):
            if epoch <= self.start_from_epoch:
                continue
            wait += 1
            if self._better(value, best, self.min_delta):
                best, winner, wait = value, epoch, 0
            elif wait >= self.patience:
                break
        return epoch, winner if self.restore_best_weights and winner else epoch

    def _cuts(self, stopped: int) -> list[int]:
        """Epochs after which the learning rate is cut; none where the rule is not used."""
        best, wait, rest, cuts = None, 0, 0, []
        for epoch, value in enumerate(self._measured().tolist()[: stopped * self.plateau], start=1):
            wait, rest = (0, rest - 1) if rest else (wait, 0)
            if self._better(value, best, PLATEAU_DELTA):
                best, wait = value, 0
            elif not rest:
                wait += 1
                if wait >= self.plateau_patience:
                    cuts.append(epoch)
                    wait, rest = 0, self.cooldown
        return cuts


def _mix(x: NDArray) -> NDArray:
    """A hash of 32 bits (lowbias32)."""
    x = (x ^ (x >> 16)) * np.uint32(0x7FEB352D)
    x = (x ^ (x >> 15)) * np.uint32(0x846CA68B)
    return x ^ (x >> 16)


def _normals(draw: int, count: int) -> NDArray:
    """Numbers of a draw, normally distributed, made by counting: the browser makes the same."""
    counter = np.arange(2 * count, dtype=np.uint32) * np.uint32(0x9E3779B1)
    uniform = (_mix(_mix(np.array([draw], np.uint32)) ^ counter) + 0.5) / 2**32
    return np.sqrt(-2 * np.log(uniform[::2])) * np.cos(2 * np.pi * uniform[1::2])
