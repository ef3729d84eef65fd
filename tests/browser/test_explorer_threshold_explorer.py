"""The threshold explorer, driven by mouse, keyboard and touch, shows the reference's numbers."""

import numpy as np
import pytest
from playwright.sync_api import Locator

from browser.kit import Explorer, create
from course_utils import reference

NAME = "threshold_explorer"
LABELS = {
    "sensitivity": "Sensitivity (recall)",
    "specificity": "Specificity",
    "ppv": "PPV (precision)",
    "npv": "NPV",
    "accuracy": "Accuracy",
    "f1": "F1",
}


def pair(explorer: Explorer, which: str | None = None) -> list:
    """Labels and scores of the set that is shown, or of another."""
    return explorer.trait("samples")[explorer.trait("sample")][which or explorer.trait("shown")]


def row(explorer: Explorer, name: str) -> list[str]:
    """The cells beside a heading: how a measure comes about, its value, and, for a test set, that of validation."""
    heading = explorer.root.get_by_role("rowheader", name=name, exact=True)
    return heading.locator("xpath=..").locator("td:visible").all_inner_texts()


def percent(text: str) -> float:
    return float(text.replace("\u00a0%", "")) / 100


def agrees(explorer: Explorer) -> bool:
    """Matrix, measures, areas, traits and sentence all say what the reference says."""
    labels, scores = pair(explorer)
    counts = reference.binary_counts(labels, scores, explorer.trait("threshold"))
    assert explorer.trait("counts") == counts._asdict()
    yes, no = (
        explorer.root.get_by_role("row", name=f"{name} {key}") for name, key in (("pneumonia", "TP"), ("normal", "FP"))
    )
    assert yes.locator("td").all_inner_texts() == [f"TP {counts.tp} found", f"FN {counts.fn} missed"]
    assert no.locator("td").all_inner_texts() == [f"FP {counts.fp} false alarms", f"TN {counts.tn} cleared"]
    wanted = {name: getattr(counts, name) for name in LABELS}
    prevalence = explorer.trait("prevalence")
    if prevalence is not None:
        predictive = reference.predictive_values(counts.sensitivity, counts.specificity, prevalence)
        wanted = wanted | dict(zip(("ppv", "npv"), predictive, strict=True))
        del wanted["accuracy"], wanted["f1"]
    for name, value in wanted.items():
        assert percent(row(explorer, LABELS[name])[1]) == pytest.approx(value, abs=0.0005 + 1e-9), name
        assert explorer.trait("measures")[name] == pytest.approx(value)
    assert row(explorer, LABELS["sensitivity"])[0] == f"TP {counts.tp} / (TP {counts.tp} + FN {counts.fn})"
    assert explorer.trait("measures")["auc"] == reference.auc(labels, scores)
    assert explorer.root.get_by_text(f"ROC, AUC {reference.auc(labels, scores):.4f}".rstrip("0")).is_visible()
    low, high = reference.wilson_interval(counts.tp, counts.tp + counts.fn)
    said = explorer.root.get_by_text("95 % intervals").inner_text().replace("\u00a0", " ")
    assert [float(part) for part in said.split("sensitivity ")[1].split(" %")[0:1]] == [round(100 * low, 1)]
    assert f"to {100 * high:.1f}".removesuffix(".0") in said
    assert f"{100 * counts.sensitivity:.1f}".removesuffix(".0") in explorer.says()
    return True


def curve(explorer: Explorer, name: str) -> Locator:
    return explorer.root.get_by_role("img", name=name)


def grab(explorer: Explorer, name: str, x: float, y: float = 0.5) -> tuple[float, float]:
    """Where, on the screen, a place of a chart is: x and y from 0 to 1 between its axes' ends."""
    return curve(explorer, name).evaluate(
        """(svg, [x, y]) => {
            const [, left, top, bottom, right] = svg.querySelector(".cx-axis").getAttribute("d")
                .match(/M(\\S+) (\\S+)V(\\S+)H(\\S+)/).map(Number);
            const box = svg.getBoundingClientRect(), scale = box.width / 300;
            return [box.left + scale * (left + x * (right - left)), box.top + scale * (bottom - y * (bottom - top))];
        }""",
        [x, y],
    )


def test_it_starts_with_the_references_numbers(explorer_page):
    explorer = explorer_page(NAME)
    assert agrees(explorer)
    assert explorer.root.get_by_text("sample data, drawn by code").is_visible()


def test_the_line_is_dragged_by_the_mouse_and_undone_as_one(explorer_page):
    explorer = explorer_page(NAME)
    curve(explorer, "Scores of the validation set").scroll_into_view_if_needed()
    mouse = explorer.page.mouse
    mouse.move(*grab(explorer, "Scores of", 0.5))
    mouse.down()
    seen = []
    for x in (0.4, 0.3, 0.2):
        mouse.move(*grab(explorer, "Scores of", x))
        seen.append(explorer.trait("threshold"))
        assert agrees(explorer)
    mouse.up()
    assert seen == pytest.approx([0.4, 0.3, 0.2], abs=0.006)
    mouse.move(*grab(explorer, "Scores of", 0.9))
    assert explorer.trait("threshold") == seen[-1], "let go"
    explorer.root.get_by_role("button", name="Undo").click()
    assert explorer.trait("threshold") == 0.5


def test_a_finger_moves_the_line(explorer_page):
    explorer = explorer_page(NAME, touch=True, width=360)
    curve(explorer, "Scores of the validation set").scroll_into_view_if_needed()
    explorer.page.touchscreen.tap(*grab(explorer, "Scores of", 0.75))
    assert explorer.trait("threshold") == pytest.approx(0.75, abs=0.02)
    assert agrees(explorer)


def test_arrow_keys_move_the_threshold(explorer_page):
    explorer = explorer_page(NAME)
    explorer.root.get_by_role("slider", name="Threshold").focus()
    explorer.press("ArrowRight", "ArrowRight", "ArrowLeft", "PageDown")
    assert explorer.trait("threshold") < 0.5
    assert agrees(explorer)
    explorer.press("Home")
    assert explorer.trait("counts")["fn"] == explorer.trait("counts")["tn"] == 0
    explorer.press("End")
    assert explorer.trait("counts")["tp"] == explorer.trait("counts")["fp"] == 0
    assert "Nobody is called pneumonia" in explorer.says()
    assert row(explorer, "PPV (precision)")[1] == "not defined"


def test_one_score_at_a_time(explorer_page):
    explorer = explorer_page(NAME)
    scores = np.unique(pair(explorer)[1])
    below = scores[scores < 0.5]
    for number in (1, 2, 3):
        explorer.root.get_by_role("button", name="One score lower").click()
        assert explorer.trait("threshold") == below[-number]
        assert agrees(explorer)
    explorer.root.get_by_role("button", name="One score higher").press("Enter")
    assert explorer.trait("threshold") == below[-2]


def test_a_click_on_the_roc_curve_takes_the_nearest_point(explorer_page):
    explorer = explorer_page(NAME)
    fpr, tpr, thresholds = reference.roc_curve(*pair(explorer))
    curve(explorer, "ROC").scroll_into_view_if_needed()
    for x, y in ((0, 0.3), (0.4, 1), (0, 0)):
        explorer.page.mouse.click(*grab(explorer, "ROC", x, y))
        wanted = thresholds[np.argmin((fpr - x) ** 2 + (tpr - y) ** 2)]
        assert explorer.trait("threshold") == min(wanted, 1)
        assert (fpr - x)[thresholds == wanted] ** 2 < 0.01
    assert explorer.trait("counts")["tp"] == 0


@pytest.mark.parametrize("target", [0.8, 0.95, 1])
def test_a_target_is_reached_on_validation_and_kept_on_the_test_set(explorer_page, target):
    explorer = explorer_page(NAME)
    explorer.root.get_by_label("Target sensitivity").fill(str(target))
    explorer.root.get_by_label("Target sensitivity").press("Enter")
    explorer.root.get_by_role("button", name="Reach it on validation").click()
    chosen = reference.threshold_for_sensitivity(*pair(explorer), target)
    assert explorer.trait("threshold") == chosen and agrees(explorer)
    before = row(explorer, "Sensitivity (recall)")[1]
    explorer.root.get_by_label("Set", exact=True).select_option("test: look once")
    assert explorer.trait("threshold") == chosen and agrees(explorer)
    assert row(explorer, "Sensitivity (recall)")[2] == before
    assert f"(validation {before}, change" in explorer.says() and "chosen on the test set" in explorer.says()
    explorer.root.get_by_role("button", name="Reach it on validation").click()
    assert explorer.trait("threshold") == chosen, "the test set has no say"


def test_the_cheapest_threshold_follows_the_costs(explorer_page):
    explorer = explorer_page(NAME)
    found = []
    for miss in (1, 5, 50):
        explorer.root.get_by_label("Cost of a miss").fill(str(miss))
        explorer.root.get_by_label("Cost of a miss").press("Tab")
        explorer.root.get_by_role("button", name="Cheapest on validation").click()
        labels, scores = pair(explorer)
        prices = [
            reference.expected_cost(reference.binary_counts(labels, scores, at), miss, 1, per=100)
            for at in {*scores, 1}
        ]
        assert explorer.trait("measures")["cost"] == pytest.approx(min(prices)) and agrees(explorer)
        found.append(explorer.trait("threshold"))
    assert found == sorted(found, reverse=True) and len(set(found)) == 3


def test_another_prevalence_moves_the_predictive_values_only(explorer_page):
    explorer = explorer_page(NAME)
    explorer.root.get_by_role("slider", name="Prevalence").focus()
    explorer.press("Home")
    assert explorer.trait("prevalence") == 0.001
    assert agrees(explorer)
    said = explorer.root.get_by_text("Of 1,000 films").inner_text()
    counts = reference.binary_counts(*pair(explorer), 0.5)
    assert f"999 are normal, {999 * counts.specificity:.1f}" in said
    explorer.root.get_by_role("button", name="As in the data").click()
    assert explorer.trait("prevalence") is None and agrees(explorer)
    assert explorer.root.get_by_text("Of 1,000 films").is_hidden()


def test_ratings_with_ties_and_without_a_test_set(explorer_page):
    explorer = explorer_page(NAME, shown="test")
    explorer.root.get_by_label("Scores", exact=True).select_option("a radiologist's ratings")
    assert explorer.root.get_by_label("Set", exact=True).is_disabled()
    assert explorer.trait("shown") == "validation" and explorer.trait("threshold") == pytest.approx(3)
    assert explorer.trait("measures")["auc"] == reference.auc(*pair(explorer))
    assert explorer.root.get_by_text("and half of").is_visible()
    assert explorer.root.get_by_text("Hanley & McNeil (1982)").is_visible()


def test_scores_given_from_python_are_shown_at_once(explorer_page):
    rng = np.random.default_rng(3)
    labels = rng.permutation(np.repeat([0, 1], [30, 20]))
    scores = rng.normal(labels, 1)
    explorer = explorer_page(create(NAME, validation=(labels, scores)))
    assert explorer.trait("sample") == "your scores"
    assert explorer.trait("counts") == reference.binary_counts(labels, scores, 0.5)._asdict()
    assert explorer.trait("measures")["auc"] == pytest.approx(reference.auc(labels, scores), rel=1e-12)
    explorer.set(validation=[[0, 1, 1], [0.1, 0.2, 0.9]])
    assert explorer.trait("counts") == {"tp": 1, "fp": 0, "fn": 1, "tn": 1}
    assert "1 of 2 positive found" in explorer.says()
    assert explorer.root.get_by_role("button", name="Undo").is_disabled(), "data are not undone"


def test_without_own_scores_they_cannot_be_chosen(explorer_page):
    explorer = explorer_page(NAME)
    assert explorer.root.get_by_role("option", name="your scores").count() == 0
    assert explorer.root.get_by_role("option", name="chest films").count() == 1
