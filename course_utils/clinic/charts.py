"""A patient's chart: what the explorer of Day 13 shows of a run, as numbers that a page can hold.

`python -m course_utils.clinic.charts` runs the ward behind the explorer (a few minutes) and writes it where that finds
it. Do that after a change to the clinic; tests/test_clinic_charts.py tells when it is due.
"""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sklearn.model_selection import KFold, cross_val_predict
from sklearn.neighbors import KNeighborsClassifier
from tqdm import tqdm

from course_utils import clinic
from course_utils.clinic import HEALTHY, ILLNESSES, LAYERS, Moment, Run

WARD = Path(__file__).parents[1] / "widgets" / "curve_clinic.json"
RUNS = 12  # of each illness, from mild to severe: they say which readings go with it
FIRST_SEED = 1000  # far from the seeds of lessons and exercises


def chart(run: Run) -> dict[str, Any]:
    """history and steps: the curves, four and three digits; readings: name -> number, None where it is not finite.

    Gradients, dead shares (of the probe images) and update ratios are those of the first step.
    """
    finite = [loss for loss in run.step_losses if np.isfinite(loss)]
    readings = {
        **{f"final {name}": values[-1] for name, values in run.history.items()},
        "least loss": min(finite, default=np.nan),
        "broken images": int((~np.isfinite(run.images)).any(axis=(1, 2, 3)).sum()),
        "mean": round(float(np.nanmean(run.images)), 2) + 0.0,  # no −0
        "spread": float(np.nanstd(run.images)),
        "largest class": float(np.bincount(run.labels).max() / len(run.labels)),
        "agreement": _agreement(run.images, run.labels),
        "twins": _twins(run),
        "orders": len({order.tobytes() for order in run.order}),
        "asked twice": float(np.abs(run.answers[1] - run.answers[0]).max()),
        "sums": float(np.abs(1 - run.answers[0].sum(axis=1)).max()),
        "first loss": run.step_losses[0],
        **_flow(run.moments[0]),
        "born in": _birthplace(run.first_bad),
    }
    return {
        "history": {name: [_digits(v, 4) for v in values] for name, values in run.history.items()},
        "steps": [_digits(loss, 3) for loss in run.step_losses],
        "readings": {name: value if isinstance(value, str) else _digits(value, 4) for name, value in readings.items()},
    }


def recipe(name: str, number: int) -> dict[str, Any]:
    """What `clinic.run` is told for the run `number`, 0 to RUNS - 1, of an illness in the ward."""
    place = [HEALTHY, *ILLNESSES].index(name)
    return {"illness": name, "strength": round(number / (RUNS - 1), 2), "seed": FIRST_SEED + RUNS * place + number}


def shown(name: str) -> tuple[int, int]:
    """Which two runs of an illness the explorer shows: one of the milder half, one of the severer."""
    place = [HEALTHY, *ILLNESSES].index(name)
    return 1 + place % 4, 7 + place % 5


def ranges(charts: Iterable[dict[str, Any]]) -> dict[str, list]:
    """Reading -> [least, largest, whether some run had no number]; for words, those that occurred."""
    rows = [one["readings"] for one in charts]
    spans = {}
    for name in rows[0]:
        values = [row[name] for row in rows]
        if any(isinstance(value, str) for value in values):
            spans[name] = sorted(set(values))
        else:
            known = [value for value in values if value is not None]
            spans[name] = [min(known, default=None), max(known, default=None), len(known) < len(values)]
    return spans


def write(path: Path = WARD) -> None:
    """Run the whole ward and write it to `path`: patients, and for each illness what its runs read."""
    torch.set_num_threads(1)
    patients, known = [], {}
    with tqdm(total=RUNS * (1 + len(ILLNESSES)), unit="run") as progress:
        for name in (HEALTHY, *ILLNESSES):
            charts = []
            for number in range(RUNS):
                charts.append(chart(clinic.run(**recipe(name, number))))
                progress.update()
            known[name] = ranges(charts)
            patients += [{**recipe(name, number), **charts[number]} for number in shown(name)]
    lines = ",\n".join(json.dumps(patient, separators=(",", ":")) for patient in patients)
    spans = ",\n".join(f"{json.dumps(name)}:{json.dumps(span, separators=(',', ':'))}" for name, span in known.items())
    path.write_text(f'{{"runs":{RUNS},\n"ranges":{{\n{spans}}},\n"patients":[\n{lines}]}}\n', encoding="utf-8")


def _digits(value: float, digits: int) -> float | None:
    return float(f"{value:.{digits}g}") if np.isfinite(value) else None


def _agreement(images: np.ndarray, labels: np.ndarray) -> float:
    """Share of images that the five nearest neighbours in other folds call what their label says."""
    pixels = np.nan_to_num(images).reshape(len(images), -1)
    said = cross_val_predict(KNeighborsClassifier(5), pixels, labels, cv=KFold(5, shuffle=True, random_state=0))
    return float((said == labels).mean())


def _twins(run: Run) -> float:
    known = {image.tobytes() for image in run.images}
    return sum(image.tobytes() in known for image in run.validation_images) / len(run.validation_images)


def _flow(moment: Moment) -> dict[str, float]:
    flow = {}
    for layer in LAYERS:
        gradient, old = moment.gradients[layer], moment.before[layer].astype(float)
        flow[f"gradient {layer}"] = 0.0 if gradient is None else _length(gradient)
        flow[f"update {layer}"] = _length(moment.after[layer] - old) / _length(old)
    for layer, outputs in moment.activations.items():
        share = float(np.mean([not (unit > 0).any() for unit in outputs.swapaxes(0, 1)]))
        flow[f"dead {layer}"] = share if np.isfinite(outputs).all() else np.nan
    return flow


def _length(values: np.ndarray) -> float:
    return float(np.sqrt((values.astype(float) ** 2).sum()))


def _birthplace(moment: Moment | None) -> str:
    """The first of input, weights and rows that held anything but finite numbers when the loss first did."""
    if moment is None:
        return "nowhere"
    rows = [moment.walk[0], ("weights", np.concatenate([w.ravel() for w in moment.before.values()])), *moment.walk[1:]]
    return next((row for row, values in rows if not np.isfinite(values).all()), "the loss")


if __name__ == "__main__":
    write()
