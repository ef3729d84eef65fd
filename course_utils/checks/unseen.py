"""Images that nobody has trained on, for questions about trained models."""

from typing import Any

import numpy as np

from course_utils.data import sample


def unseen_images(rng: np.random.Generator) -> dict[str, Any]:
    """500 sample images (N, 32, 32, 3) with their labels. In grading there are no real ones, see `docs/grading.md`."""
    labels = rng.permutation(np.arange(500) % 10)
    return {"images": sample.shapes(labels, (32, 32, 3), rng), "labels": labels, "setting": "sample"}
