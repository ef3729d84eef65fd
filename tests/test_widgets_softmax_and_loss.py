"""SoftmaxAndLoss: its JavaScript against the reference, torch's gradients and NumPy's 32 bits, and its Python side."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
import torch.nn.functional as F
import traitlets
from widget_kit import Thrown, node

from course_utils.reference import cross_entropy, cross_entropy_gradient, focal_loss, softmax
from course_utils.widgets import SoftmaxAndLoss
from course_utils.widgets.softmax_and_loss import LOSSES

NAME = "softmax_and_loss"
PHOTO = {
    "logits": [1.0, -1.5, 3.2, 1.9, 1.1, 0.7, 0.9, -0.5, -0.8, -2.0], "true_class": 9, "temperature": 1.0,
    "offset": 0.0, "smoothing": 0.1, "gamma": 2.0, "loss": "cross_entropy", "guess": "show",
}  # fmt: skip


def random_states(seed, count=60, spread=3.0):
    """States of 2 to 10 classes with every number at work."""
    rng = np.random.default_rng(seed)
    for _ in range(count):
        n = int(rng.integers(2, 11))
        yield {
            "logits": rng.normal(0, spread, n), "true_class": int(rng.integers(n)), "offset": float(rng.normal(0, 5)),
            "temperature": float(rng.choice([0.5, 1, 1, 2, 7])), "smoothing": float(rng.choice([0, 0.05, 0.1, 0.5])),
            "gamma": float(rng.choice([0, 0.5, 1, 2, 5])), "loss": "focal", "guess": "show",
        }  # fmt: skip


def by_torch(state, loss):
    """The loss and its slope by each logit."""
    z = torch.tensor(np.asarray(state["logits"], dtype=float), requires_grad=True)
    u, y = (z + state["offset"]) / state["temperature"], torch.tensor(state["true_class"])
    price = F.cross_entropy(u, y)
    value = {
        "cross_entropy": lambda: price,
        "smoothed": lambda: F.cross_entropy(u, y, label_smoothing=state["smoothing"]),
        "focal": lambda: (1 - torch.exp(-price)) ** state["gamma"] * price,
        "squared": lambda: ((u.softmax(0) - F.one_hot(y, len(z))) ** 2).sum(),
        "twice": lambda: F.cross_entropy(u.softmax(0), y),
    }[loss]()
    value.backward()
    return value.item(), z.grad.numpy()


def test_all_losses_and_slopes_agree_with_torch():
    states = list(random_states(1))
    found = node(NAME, "(s) => NAMES.map((name) => [name, lossOf(s, name), slopes(s, name)])", states)
    for state, rows in zip(states, found, strict=True):
        for name, value, slope in rows:
            wanted, gradient = by_torch(state, name)
            assert value == pytest.approx(wanted, rel=1e-9, abs=1e-12), name
            np.testing.assert_allclose(slope, gradient, atol=1e-9, err_msg=name)
    assert [name for name, *_ in found[0]] == list(LOSSES)


def test_probabilities_cross_entropy_and_smoothing_agree_with_the_reference_for_logits_of_any_size():
    states = [state | {"temperature": 1.0} for state in random_states(2, 40, spread=200.0)]
    calls = "(s) => [softmax(heated(s)), lossOf(s, 'cross_entropy'), lossOf(s, 'smoothed'), slopes(s, 'cross_entropy')]"
    for state, (p, price, smoothed, slope) in zip(states, node(NAME, calls, states), strict=True):
        rows, labels = (state["logits"] + state["offset"])[None], np.array([state["true_class"]])
        np.testing.assert_allclose(p, softmax(rows)[0], atol=1e-12)
        assert price == pytest.approx(cross_entropy(rows, labels), rel=1e-12, abs=1e-12)
        assert smoothed == pytest.approx(cross_entropy(rows, labels, state["smoothing"]), rel=1e-12, abs=1e-12)
        np.testing.assert_allclose(slope, cross_entropy_gradient(rows, labels)[0], atol=1e-12)


def test_focal_loss_of_two_classes_is_the_references():
    states = [state | {"logits": state["logits"][:2], "true_class": 1} for state in random_states(3, 20)]
    for state, found in zip(states, node(NAME, "(s) => lossOf(s, 'focal')", states), strict=True):
        logit = (state["logits"][1] - state["logits"][0]) / state["temperature"]
        assert found == pytest.approx(focal_loss([logit], [1], state["gamma"]), rel=1e-9)


def test_a_constant_changes_nothing_and_slopes_add_up_to_nothing():
    states = list(random_states(4, 20))
    moved = [state | {"offset": state["offset"] + 7} for state in states]
    found = node(NAME, "(s) => NAMES.map((name) => [lossOf(s, name), ...slopes(s, name)])", states + moved)
    for before, after in zip(found[:20], found[20:], strict=True):
        np.testing.assert_allclose(before, after, atol=1e-10)
        np.testing.assert_allclose(np.sum(before, axis=1) - np.array(before)[:, 0], 0, atol=1e-12)


def test_nothing_costs_less_than_the_least_and_the_least_is_reached():
    states = list(random_states(5, 40, spread=8.0))
    calls = "(s) => NAMES.map((name) => [lossOf(s, name), floorOf(s, name)])"
    for rows in node(NAME, calls, states):
        assert all(value >= least - 1e-12 for value, least in rows)
    perfect = PHOTO | {"logits": [0, 1000, 0, 0], "true_class": 1}
    target = np.array([0.1 / 4, 0.9 + 0.1 / 4, 0.1 / 4, 0.1 / 4])
    ((ce, _, focal, squared, twice),) = node(NAME, calls, [perfect])
    assert ce == focal == squared == [0, 0]
    assert twice == [pytest.approx(np.log(np.e + 3) - 1)] * 2
    best = perfect | {"logits": np.log(target)}
    assert node(NAME, "(s) => [lossOf(s, 'smoothed'), floorOf(s, 'smoothed')]", [best]) == [
        [pytest.approx(-(target * np.log(target)).sum())] * 2
    ]


def test_a_tiny_slope_is_no_noise_of_rounding():
    state = PHOTO | {"logits": [60, 0, 0], "true_class": 1}
    squared, twice = node(NAME, "(s, name) => slopes(s, name)", [(state, "squared"), (state, "twice")])
    p = np.exp(-60)
    np.testing.assert_allclose(squared, [2 * (2 * p + p), -4 * p, -2 * p], rtol=1e-12)
    q = np.exp([1, 0, 0]) / (np.e + 2) - [0, 1, 0]
    np.testing.assert_allclose(twice[1:], p * (q[1:] - q[0]), rtol=1e-12)


def test_steps_go_down_the_slope_until_the_net_is_right():
    states = [state | {"temperature": 1.0} for state in random_states(6, 12)]
    walks = node(NAME, "(s) => NAMES.map((name) => [stepped(s, name, 3), stepsUntilRight(s, name, 1000)])", states)
    cases = []
    for state, rows in zip(states, walks, strict=True):
        for name, (three, steps) in zip(LOSSES, rows, strict=True):
            logits = state["logits"]
            for _ in range(3):
                logits = logits - by_torch(state | {"logits": logits}, name)[1]
            np.testing.assert_allclose(three, logits, atol=1e-9)
            cases += [(state, name, count) for count in (steps, (steps or 0) - 1) if steps is not None and count >= 0]
    for (state, name, count), z in zip(cases, node(NAME, "stepped", cases), strict=True):
        y = state["true_class"]
        steps = walks[next(i for i, each in enumerate(states) if each is state)][list(LOSSES).index(name)][1]
        assert (z[y] - np.delete(z, y).max() > 1e-9) == (count == steps), name


def test_a_loss_that_does_not_move_gives_up():
    far = PHOTO | {"logits": [200.0, *[0.0] * 9]}
    near = PHOTO | {"logits": [8.0, *[0.0] * 9]}
    found = node(NAME, "(s) => NAMES.map((name) => stepsUntilRight(s, name))", [far, near])
    assert [steps is None for steps in found[0]] == [False, False, False, True, True]
    assert None not in found[1] and found[1][4] > 10 * found[1][0], "softmax twice needs far more steps"


def test_thirty_two_bits_fail_where_numpys_do():
    rng = np.random.default_rng(7)
    states = [
        state | {"logits": state["logits"] + shift, "temperature": 1.0}
        for state in random_states(7, 8)
        for shift in (0, 40, 95, 1000, -95, -130, -1000)
    ]
    states += [PHOTO | {"logits": rng.permutation([0.0, gap]), "true_class": 0} for gap in (10, 60, 95, 120, 300)]
    for state, found in zip(states, node(NAME, "inFloat32", states), strict=True):
        z, y = np.float32(state["logits"]) + np.float32(state["offset"]), state["true_class"]
        with np.errstate(all="ignore"):
            for name, moved in (("written", z), ("subtracted", z - z.max())):
                powers = np.exp(moved)
                p = powers[y] / powers.sum()
                if 0 < powers.max() < 1e-36:  # between the smallest normal number and zero, exp has few digits left
                    continue
                wanted = [powers.max(), powers.sum(), p, -np.log(p)]
                shown = [float(found[name][key]) for key in ("power", "total", "p", "loss")]
                np.testing.assert_allclose(shown, wanted, rtol=2e-5, atol=1e-6, err_msg=f"{name}: {z}, class {y}")
        exact = cross_entropy(np.asarray(z, dtype=float)[None], np.array([y]))
        assert found["joined"]["loss"] == pytest.approx(exact, rel=1e-5, abs=1e-5) and found["joined"]["p"] is None


def test_focal_loss_pulls_a_sure_mistake_harder_than_cross_entropy_does():
    hard, easy, same = node(NAME, "hardest", [PHOTO, PHOTO | {"true_class": 2}, PHOTO | {"gamma": 0, "smoothing": 0}])
    assert (hard, easy, same) == (["focal"], ["cross_entropy"], ["cross_entropy", "smoothed", "focal"])


def test_numbers_keep_their_first_digits():
    said = {
        "0": "0", "200": "200", "-0.5728": "−0.5728", "0.00316": "0.00316", "5.757216": "5.7572",
        "1.234e-5": "1.2·10⁻⁵", "-9.4e-88": "−9.4·10⁻⁸⁸", "3.4e38": "3.4·10³⁸",
        "NaN": "nan", "Infinity": "inf", "-Infinity": "−inf",
    }  # fmt: skip
    assert node(NAME, "(text) => exact(Number(text))", said) == list(said.values())


def test_the_words_show_the_numbers_of_each_loss():
    texts = node(NAME, "(s, name) => how(s, name, 'truck')", [(PHOTO, name) for name in LOSSES])
    said = dict(zip(LOSSES, texts, strict=True))
    assert said["cross_entropy"].startswith("−log 0.00316 = 5.7572. Push: target − p")
    assert said["smoothed"].startswith("Targets: 0.9100 for truck, 0.01000 for each other class.")
    assert "0.9968^2 × 5.7572 = 5.7209" in said["focal"]
    assert "always between 1.4612 and 2.4612" in said["twice"]
    (hot,) = node(NAME, "(s) => how(s, 'squared', 'truck')", [PHOTO | {"temperature": 2}])
    assert hot.endswith("Each push is then divided by T = 2, since softmax sees z / T.")


def test_what_an_offset_does_is_said():
    calm, high, low, gap = node(
        NAME,
        "notes",
        [PHOTO, PHOTO | {"offset": 100}, PHOTO | {"offset": -110}, PHOTO | {"logits": [0, 200], "true_class": 0}],
    )
    assert calm == ["Here all three ways find the same loss."]
    assert high[0].startswith("+100 on every logit") and "inf / inf is nan" in high[1]
    assert "0 / 0 is nan" in low[1]
    assert "any smaller power / inf is 0" in gap[0]
    assert gap[-1].endswith("−log 0 is inf. Log-sum-exp never forms p, and finds 200.")


def test_states_from_links_are_made_valid_or_refused():
    wild = {
        "logits": [1e9, -1e9, *[0] * 20], "true_class": 99, "temperature": 0, "offset": None, "smoothing": 7,
        "gamma": -1, "loss": "hinge", "guess": [3],
    }  # fmt: skip
    nothing = [PHOTO | {"logits": logits} for logits in (None, [], [1], "ten", [1, "x"])]
    cleaned, *refused = node(NAME, "clean", [wild, *nothing])
    assert cleaned == {
        "logits": [1000, -1000, *[0] * 8], "true_class": 9, "temperature": 0.05, "offset": 0, "smoothing": 0.5,
        "gamma": 0, "loss": "cross_entropy", "guess": "ask",
    }  # fmt: skip
    assert SoftmaxAndLoss(**cleaned).logits == cleaned["logits"]
    assert refused == [Thrown("no logits")] * len(nothing)


def test_python_says_what_the_browser_computes():
    for state in random_states(8, 10):
        text = SoftmaxAndLoss(**state).describe()
        for name, words in LOSSES.items():
            assert f"{words} {by_torch(state, name)[0]:.4g}" in text


def test_classes_without_a_name_are_numbered():
    explorer = SoftmaxAndLoss(logits=[1, 2, 3], classes=["cat", "dog"], true_class=9)
    assert "The truth is class 2" in explorer.describe() and "answers class 2" in explorer.describe()


def test_the_figure_shows_probabilities_and_losses():
    left, right = SoftmaxAndLoss().to_figure().axes
    assert [bar.get_width() for bar in left.patches] == pytest.approx(100 * softmax(PHOTO["logits"]))
    assert [label.get_text() for label in right.get_yticklabels()] == list(LOSSES.values())
    plt.close("all")


@pytest.mark.parametrize(
    ("trait", "value"),
    [
        ("logits", [1]), ("logits", np.zeros(11)), ("logits", [0, 1001]), ("logits", [0, float("nan")]),
        ("temperature", 0), ("temperature", float("nan")), ("offset", float("inf")), ("smoothing", 0.6), ("gamma", -1),
        ("loss", "hinge"), ("guess", "none"), ("true_class", -1), ("classes", [1]),
    ],
)  # fmt: skip
def test_values_that_are_none_are_refused_in_a_sentence(trait, value):
    with pytest.raises(traitlets.TraitError, match=r"^[^\n]+$"):
        SoftmaxAndLoss(**{trait: value})
