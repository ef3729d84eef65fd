"""The landscape race: its JavaScript against PyTorch, the reference and theory, and its Python side."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
import traitlets
from widget_kit import node

from course_utils.reference import adamw_path, adaptive_path, momentum_path, numerical_gradient, sam_step
from course_utils.widgets import LandscapeRace
from course_utils.widgets.landscape_race import LANDSCAPES, RHO, RULES

NAME = "landscape_race"
optim = torch.optim


def losses(e):
    """The landscapes written once more, for PyTorch's own gradients."""
    return {
        "ravine": lambda x, y: (x**2 + 25 * y**2) / 2,
        "turned ravine": lambda x, y: (9.64 * x**2 - 23.04 * x * y + 16.36 * y**2) / 2,
        "saddle": lambda x, y: x**2 / 2 - y**2 / 2 + y**4 / 4,
        "plateau": lambda x, y: 1 - e(-(x**2 + y**2)),
        "two valleys": lambda x, y: (x**2 - 1) ** 2 + 0.3 * x + y**2,
        "level floor": lambda x, y: (1 + 2 * (x - 2) ** 2) * y**2 / 2,
    }


def random_states(seed, count=24, steps=25):
    """Every landscape several times, from anywhere in the picture, at rates with which most rules stay near."""
    rng = np.random.default_rng(seed)
    for i in range(count):
        yield {
            "landscape": list(LANDSCAPES)[i % len(LANDSCAPES)],
            "x": float(rng.uniform(-2.5, 2.5)),
            "y": float(rng.uniform(-1.5, 1.5)),
            "rates": {name: float(10 ** rng.uniform(-3, -1.3)) for name in RULES},
            "momentum": float(rng.uniform(0, 0.95)),
            "steps": steps,
        }


@pytest.fixture(scope="module")
def runs():
    """[(state, rule -> {places, events, diverged})] of random states, from one run of Node."""
    states = list(random_states(1))
    found = node(NAME, "(s) => Object.fromEntries(NAMES.map((name) => [name, run(s, name)]))", states)
    return list(zip(states, found, strict=True))


def by_torch(state, rule):
    """Where PyTorch's own optimiser is after each step, the start included, with gradients from its `backward`."""
    mu, loss = state["momentum"], losses(torch.exp)[state["landscape"]]
    make = {
        "SGD": lambda w, lr: optim.SGD(w, lr=lr),
        "momentum": lambda w, lr: optim.SGD(w, lr=lr, momentum=mu),
        "Nesterov": lambda w, lr: optim.SGD(w, lr=lr, momentum=mu, nesterov=True),
        "AdaGrad": lambda w, lr: optim.Adagrad(w, lr=lr),
        "RMSProp": lambda w, lr: optim.RMSprop(w, lr=lr),
        "Adam": lambda w, lr: optim.Adam(w, lr=lr, betas=(mu, 0.999)),
    }[rule]
    w = torch.tensor([state["x"], state["y"]], dtype=torch.float64, requires_grad=True)
    optimiser, path = make([w], state["rates"][rule]), [w.detach().numpy().copy()]
    for _ in range(state["steps"]):
        optimiser.zero_grad()
        loss(*w).backward()
        optimiser.step()
        path.append(w.detach().numpy().copy())
    return np.array(path)


@pytest.mark.parametrize("rule", [rule for rule in RULES if rule != "SAM"])
def test_every_rule_takes_the_steps_of_pytorch(runs, rule):
    compared = 0
    for state, found in runs:
        places = np.array(found[rule]["places"])
        if not found[rule]["diverged"]:
            np.testing.assert_allclose(places, by_torch(state, rule), rtol=1e-7, atol=1e-9)
            compared += 1
    assert compared >= 20


REFERENCE = {
    "SGD": lambda start, gradients, rate, mu: momentum_path(start, gradients, rate),
    "momentum": momentum_path,
    "Nesterov": lambda start, gradients, rate, mu: momentum_path(start, gradients, rate, mu, nesterov=True),
    "AdaGrad": lambda start, gradients, rate, mu: adaptive_path("adagrad", start, gradients, rate, eps=1e-10),
    "RMSProp": lambda start, gradients, rate, mu: adaptive_path("rmsprop", start, gradients, rate),
    "Adam": lambda start, gradients, rate, mu: adamw_path(start, gradients, rate, beta1=mu),
}


def test_the_updates_are_the_references_given_the_same_gradients(runs):
    for state, found in runs:
        for rule, path in REFERENCE.items():
            places, events = np.array(found[rule]["places"]), found[rule]["events"][1:]
            gradients = np.array([event["gradient"] for event in events])
            wanted = path(places[0], gradients, state["rates"][rule], state["momentum"])
            np.testing.assert_allclose(places[1:], wanted, rtol=1e-9, atol=1e-9)
            np.testing.assert_allclose(np.diff(places, axis=0), [event["update"] for event in events], atol=1e-9)


def test_sam_takes_the_references_steps(runs):
    for state, found in runs:
        slope, rate = LANDSCAPES[state["landscape"]].slope, state["rates"]["SAM"]
        w = np.array([state["x"], state["y"]])
        for place in found["SAM"]["places"][1:]:
            w = sam_step(w, slope, rate, RHO)
            np.testing.assert_allclose(place, w, rtol=1e-7, atol=1e-9)


def test_losses_and_slopes_are_the_landscapes_of_both_languages():
    rng = np.random.default_rng(2)
    cases = [(name, *rng.uniform(-1.6, 1.6, 2)) for name in LANDSCAPES for _ in range(5)]
    found = node(NAME, "(name, x, y) => [LANDSCAPES[name].loss(x, y), LANDSCAPES[name].slope(x, y)]", cases)
    for (name, *w), (loss, slope) in zip(cases, found, strict=True):
        again = losses(np.exp)[name]
        assert loss == pytest.approx(again(*w)) == pytest.approx(LANDSCAPES[name].loss(*w))
        np.testing.assert_allclose(slope, LANDSCAPES[name].slope(np.array(w)), atol=1e-12)
        np.testing.assert_allclose(slope, numerical_gradient(lambda w, f=again: f(*w), np.array(w)), atol=1e-5)


def test_starts_bottoms_and_curvatures():
    found = node(NAME, "(name) => [LANDSCAPES[name].start, LANDSCAPES[name].bottoms, lowest(name)]", list(LANDSCAPES))
    for (name, here), (start, bottoms, lowest) in zip(LANDSCAPES.items(), found, strict=True):
        assert start == list(here.start)
        grid = here.loss(*np.meshgrid(np.linspace(-2.8, 2.8, 561), np.linspace(-1.6, 1.6, 321)))
        assert lowest == pytest.approx(grid.min(), abs=1e-3) and lowest <= grid.min() + 1e-12
        for bottom in bottoms:
            w, step = np.array(bottom["at"]), 1e-5
            assert np.abs(here.slope(w)).max() < 1e-9, name
            hessian = [(here.slope(w + step * e) - here.slope(w - step * e)) / (2 * step) for e in np.eye(2)]
            assert np.linalg.eigvalsh(hessian).min() > 0.9
            assert bottom["curvature"] == pytest.approx(np.linalg.eigvalsh(hessian).max(), rel=1e-6)


def growth(rule, rate, L, mu):
    """By how much a rule multiplies its state in the long run in a bowl of curvature L."""
    matrix = {
        "SGD": [[1 - rate * L]],
        "momentum": [[1 - rate * L, -rate * mu], [L, mu]],
        "Nesterov": [[1 - rate * L * (1 + mu), -rate * mu**2], [L, mu]],
    }[rule]
    return np.abs(np.linalg.eigvals(matrix)).max()


def test_the_largest_rates_are_where_growth_begins():
    rng = np.random.default_rng(3)
    cases = [(float(rng.uniform(0.5, 40)), float(rng.uniform(0, 0.99))) for _ in range(40)]
    for (L, mu), limits in zip(cases, node(NAME, "limits", cases), strict=True):
        assert limits["Nesterov"] <= limits["SGD"] <= limits["momentum"]
        assert limits["momentum"] == pytest.approx((1 + mu) * limits["SGD"])
        for rule, rate in limits.items():
            assert growth(rule, 0.999 * rate, L, mu) < 1 < growth(rule, 1.001 * rate, L, mu)


def test_what_the_curvature_allows_is_said_for_every_bottom():
    state = {"momentum": 0.5, "x": -2, "rates": {}}
    cases = [("ravine", state, True), ("two valleys", state, True), ("level floor", state, False)]
    bowl, valleys, floor = node(NAME, "(name, s, all) => bears({ ...s, landscape: name }, all)", cases)
    assert bowl.startswith(
        "The largest curvature is L = 25: SGD settles with rates below 2/L = 0.08, momentum below (1 + μ) · 2/L = "
        "0.12, Nesterov below (1 + μ)/(1 + 2μ) · 2/L = 0.06. SAM breaks where SGD breaks."
    )
    left, right = (12 * x**2 - 4 for x in np.sort(np.roots([4, 0, -4, 0.3]))[[0, 2]])
    assert f"Close to (−1.04, 0) the largest curvature is L = {left:.4g}: SGD settles" in valleys
    assert f"Close to (0.96, 0) the largest curvature is L = {right:.4g}: SGD {2 / right:.4g}, momentum " in valleys
    assert floor == "Close to (−2, 0) the largest curvature is L = 33: SGD settles with rates below 2/L = 0.06061."


def test_rules_break_where_the_explorer_says():
    state = {"landscape": "ravine", "x": -2.5, "y": 0.6, "momentum": 0.9, "steps": 4000}
    (limits,) = node(NAME, "(s) => limits(25, s.momentum)", [state])
    limits["SAM"] = limits["SGD"]
    cases = [(state | {"rates": {name: share * limits[name]}}, name) for name in limits for share in (0.99, 1.01)]
    ends = node(NAME, "(s, name) => run(s, name).diverged", cases)
    assert all((end is None) == (i % 2 == 0) for i, end in enumerate(ends))
    wild = [(state | {"rates": {name: 3.0}, "steps": 200}, name) for name in ("AdaGrad", "RMSProp", "Adam")]
    assert node(NAME, "(s, name) => run(s, name).diverged", wild) == [None] * 3


def test_adams_first_step_has_the_size_of_the_rate(runs):
    for state, found in runs:
        first = found["Adam"]["events"][1]
        for slope, update in zip(first["gradient"], first["update"], strict=True):
            if abs(slope) > 1e-3:
                assert update == pytest.approx(-state["rates"]["Adam"] * np.sign(slope), rel=1e-4)


def test_a_turn_changes_nothing_for_sgd_and_much_for_adam():
    both = [{"landscape": name, "x": LANDSCAPES[name].start[0], "y": LANDSCAPES[name].start[1], "momentum": 0.9,
             "steps": 40, "rates": dict.fromkeys(RULES, 0.05)} for name in ("ravine", "turned ravine")]  # fmt: skip
    code = "(s) => NAMES.map((name) => run(s, name).places.map((w) => lossAt(s.landscape, w)))"
    straight, turned = (dict(zip(RULES, found, strict=True)) for found in node(NAME, code, both))
    for rule in ("SGD", "momentum", "Nesterov", "SAM"):
        assert turned[rule] == pytest.approx(straight[rule], rel=1e-6)
    for rule in ("AdaGrad", "RMSProp", "Adam"):
        assert turned[rule][-1] > 1.2 * straight[rule][-1]


def test_the_sweep_ends_where_the_runs_end():
    (state,) = random_states(4, 1)
    code = """(s) => NAMES.map((name) => [sweep(s, name), RATES.map((rate) => {
        const { places, diverged } = run({ ...s, rates: { [name]: rate } }, name);
        return diverged ? Infinity : lossAt(s.landscape, places.at(-1)) - lowest(s.landscape);
    })])"""
    for swept, one_by_one in node(NAME, code, [state])[0]:
        assert swept == pytest.approx(one_by_one)
    ((rates),) = node(NAME, "() => RATES", [0])
    assert rates[0] == 0.001 and rates[-1] == 3 and {0.05, 0.055, 0.08, 0.15, 0.16} <= set(rates)
    assert rates == sorted(set(rates))


def test_what_became_of_a_rule():
    common = {"momentum": 0.9, "steps": 60}
    cases = [
        ({"landscape": "ravine", "x": -2.5, "y": 0.6, "rates": {"SGD": 0.07}} | common, "SGD"),
        ({"landscape": "ravine", "x": -2.5, "y": 0.6, "rates": {"SGD": 0.16}} | common, "SGD"),
        ({"landscape": "ravine", "x": -2.5, "y": 0.6, "rates": {"SGD": 0.083}} | common, "SGD"),
        ({"landscape": "saddle", "x": -2.5, "y": 0, "rates": {"SGD": 0.2}} | common, "SGD"),
        ({"landscape": "plateau", "x": -2.5, "y": 0.6, "rates": {"SGD": 0.2}} | common, "SGD"),
        ({"landscape": "ravine", "x": -2.5, "y": 0.6, "rates": {"SGD": 0.07}} | common | {"steps": 100}, "SGD"),
        ({"landscape": "ravine", "x": 0, "y": 0, "rates": {"SGD": 0.07}} | common, "SGD"),
    ]
    found = node(NAME, "(s, name) => fate(s, run(s, name))", cases)
    steps = int(np.ceil(np.log(0.01 / 2.5) / np.log(0.93)))  # along the ravine each step leaves 0.93
    crossing = int(np.ceil(np.log(1.6 / 0.6) / np.log(25 * 0.083 - 1)))
    words = [(one["word"], one["step"]) for one in found]
    far = next(k for k in range(60) if 0.6 * 3**k > 1000)
    assert words == [("under way", None), ("diverged", far), ("outside", crossing), ("stuck", None), ("stuck", None),
                     ("arrived", steps), ("arrived", 0)]  # fmt: skip


def test_contour_lines_lie_on_their_level():
    xs, ys = np.linspace(-2, 2, 41), np.linspace(-1, 1, 21)
    plane, hill = 2 * xs + 3 * ys[:, None], xs**2 + ys[:, None] ** 2
    straight, ring = node(NAME, "contour", [(plane, 0.5, xs, ys), (hill, 0.63, xs, ys)])
    ends = np.array(straight).reshape(-1, 2)
    np.testing.assert_allclose(ends @ (2, 3), 0.5, atol=1e-9)
    ends = np.array(ring).reshape(-1, 2)
    np.testing.assert_allclose(np.hypot(*ends.T), np.sqrt(0.63), atol=0.005)
    assert len(np.unique(ends.round(9), axis=0)) == len(ring), "a ring is closed: each end is shared by two"


def test_numbers_in_words():
    numbers = [0, 0.05, -0.6, 1 / 3, 12345.6, 2.34e-7, -1e-24, 1e6, 0.001]
    assert node(NAME, "digits", numbers) == [
        "0", "0.05", "−0.6", "0.3333", "12346", "2.34 · 10⁻⁷", "−1 · 10⁻²⁴", "1 · 10⁶", "0.001"]  # fmt: skip


def test_a_step_is_worked_out_with_its_numbers():
    state = LandscapeRace(steps=3, step=1, x=-2.5, y=0.6, rates=0.05)
    given = {name: getattr(state, name) for name in ("landscape", "rates", "momentum", "steps", "step", "x", "y")}
    code = "(s, name) => worked(s, name, run(s, name))"
    adam, nesterov, start = node(NAME, code, [(given, "Adam"), (given, "Nesterov"), (given | {"step": 0}, "SAM")])
    assert adam[0] == "gradient g = (−2.5, 15) at (−2.5, 0.6)"
    assert adam[3:] == ["update = −0.05 · corrected m / √(corrected v) = (0.05, −0.05)", "so it goes to (−2.45, 0.55)"]
    assert nesterov[2] == "update = −0.05 · (g + 0.9 v) = (0.2375, −1.425)"
    assert len(start) == 1 and "where the gradient is (−2.5, 15)" in start[0]


def test_any_state_from_a_link_is_made_valid():
    wild = [
        {},
        {"landscape": "moon", "rules": "SGD", "rates": [1], "momentum": "x", "steps": 1e9, "step": -4, "x": 99},
        {"landscape": "saddle", "rules": ["SAM", "moon", "SGD"], "rates": {"SGD": 1e9, "Adam": "x"}, "steps": None,
         "step": None, "rule": "constructor", "every_rate": 1},
    ]  # fmt: skip
    for state in node(NAME, "clean", wild):
        checked = LandscapeRace(**state)
        assert checked.step <= checked.steps and checked.rules and checked.x is not None
    assert state["rules"] == ["SGD", "SAM"] and state["rates"]["SGD"] == 3 and state["y"] == 0


def test_rates_may_be_given_in_short():
    assert set(LandscapeRace(rates=0.2).rates.values()) == {0.2}
    assert LandscapeRace(rates={"Adam": 0.3}).rates == dict.fromkeys(RULES, 0.05) | {"Adam": 0.3}


@pytest.mark.parametrize(
    ("traits", "says"),
    [
        ({"rates": 0}, "rate of SGD is a number from 0.001 to 3, not 0"),
        ({"rates": {"Adam": float("nan")}}, "rate of Adam is a number from 0.001 to 3, not nan"),
        ({"rates": {"Adma": 0.1}}, "'Adma' is none of the rules SGD, "),
        ({"momentum": 1}, "momentum"),
        ({"x": float("nan")}, "x is a number from -2.8 to 2.8, not nan"),
        ({"y": 5}, "y is a number from -1.6 to 1.6, not 5"),
        ({"rules": []}, "rules"),
        ({"rules": ["moon"]}, "rules"),
        ({"steps": 0}, "steps"),
        ({"landscape": "moon"}, "landscape"),
    ],
)
def test_bad_values_are_refused_in_a_sentence(traits, says):
    with pytest.raises(traitlets.TraitError, match=says):
        LandscapeRace(**traits)


def test_it_describes_who_is_where_and_who_diverged():
    race = LandscapeRace(rates={"SGD": 0.16, "Adam": 0.05}, rules=["SGD", "Adam"], steps=20, step=1)
    assert race.describe() == (
        "Ravine, step 1 of 20: SGD at (−2.100, −1.800) with a loss of 42.7; "
        "Adam at (−2.450, 0.550) with a loss of 6.783."
    )
    race.step = 20
    assert "SGD diverged at step 7; Adam at " in race.describe()


@pytest.mark.parametrize("landscape", LANDSCAPES)
def test_its_figure_shows_the_browsers_paths(landscape):
    race = LandscapeRace(landscape=landscape, rules=list(RULES), steps=30, step=30, rates={"SGD": 0.3})
    given = {name: getattr(race, name) for name in ("landscape", "rates", "momentum", "steps", "x", "y")}
    (paths,) = node(NAME, "(s) => { const t = clean(s); return NAMES.map((name) => run(t, name).places); }", [given])
    figure = race.to_figure()
    for drawn, places in zip(figure.axes[0].lines, paths, strict=False):
        np.testing.assert_allclose(drawn.get_xydata(), places, rtol=1e-7, atol=1e-9)
    assert [ax.get_xlabel() for ax in figure.axes] == ["first weight", "step"]
    plt.close(figure)
