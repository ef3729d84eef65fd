"""Day 6: what an answer costs by five losses, and where each of them pushes the logits."""

from typing import Any, ClassVar

import matplotlib.pyplot as plt
import numpy as np
import traitlets
from matplotlib.figure import Figure
from numpy.typing import NDArray
from scipy.special import log_softmax

from course_utils import plots
from course_utils.widgets.explorer import Explorer, Numbers

LOSSES = {
    "cross_entropy": "cross-entropy",
    "smoothed": "label smoothing",
    "focal": "focal loss",
    "squared": "squared error",
    "twice": "softmax twice",
}
MOST_CLASSES, MOST_LOGIT = 10, 1000
PHOTO = [1.0, -1.5, 3.2, 1.9, 1.1, 0.7, 0.9, -0.5, -0.8, -2.0]
CIFAR = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]


class Logits(Numbers):
    """2 to 10 logits, none beyond ±1000."""

    def _lists(self, value: Any) -> list:
        logits = super()._lists(value)
        if len(logits) < 2 or np.abs(logits).max() > MOST_LOGIT:
            raise ValueError(f"2 to {MOST_CLASSES} logits between -{MOST_LOGIT} and {MOST_LOGIT} are wanted")
        return logits


class SoftmaxAndLoss(Explorer):
    """Logits become probabilities, five losses charge for them, and each pushes every logit up or down."""

    title = "Softmax and loss"
    day = 6
    question = "The net says bird, the photo shows a truck: what does each loss charge, and where does it push?"
    try_this: ClassVar = (
        "Choose the situation “sure and wrong”, and guess which loss pulls the true logit up hardest. Then read the "
        "last column: how many steps does each loss need until the net is right? Which two hardly move?",
        "Add 100 to all logits. Which numbers change, and which do not? Look at the first way in 32 bits. Then choose "
        "the situation “wrong by 200”: which way still finds the loss?",
        "Choose “sure and right”. Which loss stays far above 0, however sure the net is, and which pushes the true "
        "logit down?",
    )

    logits = Logits(PHOTO, 1, most=MOST_CLASSES, help="one for each of 2 to 10 classes, within ±1000").tag(sync=True)
    classes = traitlets.List(
        traitlets.Unicode(), CIFAR, maxlen=MOST_CLASSES, help="their names; a logit without one is called by its number"
    ).tag(sync=True)
    true_class = traitlets.CInt(9, min=0, max=MOST_CLASSES - 1, help="number of the true class").tag(sync=True)
    temperature = traitlets.CFloat(1.0, min=0.05, max=30.0, help="softmax sees logits / temperature").tag(sync=True)
    offset = traitlets.CFloat(0.0, min=-MOST_LOGIT, max=MOST_LOGIT, help="added to all logits").tag(sync=True)
    smoothing = traitlets.CFloat(0.1, min=0.0, max=0.5, help="share of the target that all classes get").tag(sync=True)
    gamma = traitlets.CFloat(2.0, min=0.0, max=5.0, help="exponent of the focal loss").tag(sync=True)
    loss = traitlets.Enum(list(LOSSES), "cross_entropy", help="whose push is drawn").tag(sync=True)
    guess = traitlets.Enum(
        ["ask", "show", *LOSSES], "ask", help="the loss guessed to pull the truth hardest; pushes are hidden at 'ask'"
    ).tag(sync=True)
    probabilities = traitlets.List(help="computed in the browser: softmax of the logits").tag(sync=True)
    losses = traitlets.Dict(help="computed in the browser: what each loss charges").tag(sync=True)
    slopes = traitlets.List(help="computed in the browser: slope of the drawn loss by each logit").tag(sync=True)

    @traitlets.validate("temperature", "offset", "smoothing", "gamma")
    def _finite(self, proposal: traitlets.Bunch) -> float:
        if not np.isfinite(proposal["value"]):
            raise traitlets.TraitError(f"{proposal['trait'].name} is a finite number, not {proposal['value']}")
        return proposal["value"]

    def to_figure(self) -> Figure:
        """The probabilities, and the five losses."""
        names, true = self._names(), self._true()
        fig, (left, right) = plt.subplots(1, 2, figsize=(9.4, 1.2 + 0.25 * max(len(names), 6)))
        shares = np.exp(self._log_p())
        title, costs = f"the truth is {names[true]}", self._costs()
        plots.bars(names, shares, title=title, ax=left, label="probability", unit="%", accent=names[true])
        plots.bars(list(costs), list(costs.values()), title="what the answer costs", ax=right, label="loss")
        return fig

    def describe(self) -> str:
        """The truth, the answer and what it costs."""
        names, true, log_p = self._names(), self._true(), self._log_p()
        best = int(log_p.argmax())
        costs = "; ".join(f"{name} {cost:.4g}" for name, cost in self._costs().items())
        return (
            f"{len(names)} logits at temperature {self.temperature:g}. The truth is {names[true]}, with a probability "
            f"of {np.exp(log_p[true]):.3g}; the net answers {names[best]}, with {np.exp(log_p[best]):.3g}. "
            f"It costs: {costs}."
        )

    def _names(self) -> list[str]:
        return [self.classes[i] if i < len(self.classes) else f"class {i}" for i in range(len(self.logits))]

    def _true(self) -> int:
        return min(self.true_class, len(self.logits) - 1)

    def _log_p(self) -> NDArray:
        return log_softmax((np.array(self.logits) + self.offset) / self.temperature)

    def _costs(self) -> dict[str, float]:
        """What each loss charges, by its name in words."""
        log_p, true = self._log_p(), self._true()
        p, price = np.exp(log_p), -log_p[true]
        wanted = np.eye(len(p))[true]
        costs = {
            "cross_entropy": price,
            "smoothed": (1 - self.smoothing) * price - self.smoothing * log_p.mean(),
            "focal": (-np.expm1(-price)) ** self.gamma * price,
            "squared": ((p - wanted) ** 2).sum(),
            "twice": -log_softmax(p)[true],
        }
        return {LOSSES[name]: float(cost) for name, cost in costs.items()}
