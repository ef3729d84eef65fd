"""AugmentationPreview: its JavaScript against the lesson's own functions and the reference, and its Python side."""

import ast
from pathlib import Path

import numpy as np
import pytest
import traitlets
from scipy import ndimage
from widget_kit import node

from course_utils.reference import cutmix, mixup
from course_utils.widgets import AugmentationPreview

NAME = "augmentation_preview"
LESSON = Path(__file__).parents[1] / "lessons" / "day_10_regularization.py"
BORDERS = {"reflect": "reflect", "constant": "constant", "nearest": "nearest", "wrap": "grid-wrap"}
PICTURE = "(x) => ({ ...x, data: Float64Array.from(x.data) })"
LISTED = "(x) => Array.from(x.data)"


class Fixed:
    """A random generator that gives the browser's uniform numbers, one after the other."""

    def __init__(self, *numbers):
        self.left = list(numbers)

    def random(self):
        return self.left.pop(0)

    def uniform(self, low, high):
        return low + (high - low) * self.left.pop(0)

    def integers(self, low, high):
        return low + int((high - low) * self.left.pop(0))


@pytest.fixture(scope="module")
def lesson():
    """The functions that the lesson defines, by name."""
    wanted = {"flip", "shift", "rotate", "brightness", "contrast", "cutout", "boxed"}
    found = [n for n in ast.parse(LESSON.read_text()).body if isinstance(n, ast.FunctionDef) and n.name in wanted]
    functions = {"np": np, "ndimage": ndimage}
    exec(compile(ast.Module(found, []), str(LESSON), "exec"), functions)
    assert wanted <= functions.keys()
    return functions


def state(rng, **given):
    traits = {
        "subject": "picture", "flip": True, "seed": int(rng.integers(2**31)), "chosen": 0, "revealed": True,
        "shift": rng.uniform(0, 0.5), "rotate": rng.uniform(0, 180), "brightness": rng.uniform(0, 0.9),
        "contrast": rng.uniform(0, 1), "cutout": rng.uniform(0, 1), "share": rng.uniform(0, 1),
        "mix": str(rng.choice(["none", "mixup", "cutmix"])), "border": str(rng.choice(list(BORDERS))),
    }  # fmt: skip
    return traits | given


def pictures(rng, least=4, most=14):
    """Two small pictures, often not square, as NumPy and as JavaScript has them."""
    height, width = (int(n) for n in rng.integers(least, most, 2))
    pair = rng.random((2, height, width, 3))
    return pair, [{"height": height, "width": width, "data": x.ravel()} for x in pair]


def pipeline(lesson, state, u, image, partner):
    """The picture of a draw and its share of the label, by the lesson's functions."""
    mode, height, width = BORDERS[state["border"]], *image.shape[:2]
    x = lesson["flip"](image, Fixed(u[0])) if state["flip"] else image
    x = lesson["shift"](x, Fixed(*u[1:3]), state["shift"], mode)
    x = lesson["rotate"](x, Fixed(u[3]), state["rotate"], mode)
    x = lesson["brightness"](x, Fixed(u[4]), state["brightness"])
    x = lesson["contrast"](x, Fixed(u[5]), state["contrast"])
    x = lesson["cutout"](x, Fixed(*u[6:8]), state["cutout"])
    if state["mix"] == "mixup":
        return state["share"] * x + (1 - state["share"]) * partner, state["share"]
    if state["mix"] == "cutmix":
        return lesson["boxed"](x, partner, state["share"], np.array([int(u[8] * height), int(u[9] * width)]))
    return x, 1.0


def test_every_draw_is_the_lessons(lesson):
    rng, cases, wanted = np.random.default_rng(0), [], []
    for number in range(120):
        pair, given = pictures(rng)
        cases.append((state(rng), number, *given))
        wanted.append(pair)
    run = f"""(state, number, ...pair) => {{
        const [image, partner] = pair.map({PICTURE}), draw = drawOf(state, number, image);
        const kept = keptOf(state, draw, image);
        return [uniforms(state.seed, number), ({LISTED})(result(state, draw, image, partner)), kept];
    }}"""
    for (traits, *_), (image, partner), (u, data, kept) in zip(cases, wanted, node(NAME, run, cases), strict=True):
        expected, share = pipeline(lesson, traits, u, image, partner)
        np.testing.assert_allclose(np.reshape(data, image.shape), expected, atol=1e-9)
        assert kept == pytest.approx(share, abs=1e-12)


@pytest.mark.parametrize("border", BORDERS)
def test_quarter_turns_and_far_shifts_agree_with_scipy(border):
    rng, mode = np.random.default_rng(1), BORDERS[border]
    turns, shifts, wanted = [], [], []
    for angle in (0, 90, 180, 270, -90, -180, 45.0, -133.3):
        (x, _), (given, _) = pictures(rng, 5, 9)
        down, right = (int(n) for n in rng.integers(-20, 21, 2))
        turns.append((given, angle, border))
        shifts.append((given, down, right, border))
        wanted.append(
            (
                ndimage.rotate(x, angle, reshape=False, order=1, mode=mode),
                ndimage.shift(x, (down, right, 0), order=0, mode=mode),
            )
        )
    found = [
        node(NAME, f"(x, ...how) => ({LISTED})({f}(({PICTURE})(x), ...how))", c)
        for f, c in (("rotated", turns), ("shifted", shifts))
    ]
    for (turned, moved), rotated, shifted in zip(wanted, *found, strict=True):
        np.testing.assert_allclose(rotated, turned.ravel(), atol=1e-9)
        np.testing.assert_array_equal(shifted, moved.ravel())


def test_mixes_and_labels_are_the_references():
    rng, cases, wanted = np.random.default_rng(2), [], []
    for number in range(40):
        pair, given = pictures(rng, 8, 20)
        traits = state(
            rng, flip=False, shift=0, rotate=0, brightness=0, contrast=0, cutout=0, mix=["mixup", "cutmix"][number % 2]
        )
        cases.append((traits, number, *given))
        wanted.append(pair)
    run = f"""(state, number, ...pair) => {{
        const [image, partner] = pair.map({PICTURE}), draw = drawOf(state, number, image);
        const [y, x] = uniforms(state.seed, number).slice(8);
        const middle = [Math.floor(y * image.height), Math.floor(x * image.width)];
        return [middle, ({LISTED})(result(state, draw, image, partner)), keptOf(state, draw, image)];
    }}"""
    for (traits, *_), pair, (middle, data, kept) in zip(cases, wanted, node(NAME, run, cases), strict=True):
        how = (traits["share"], tuple(middle)) if traits["mix"] == "cutmix" else (traits["share"],)
        images, targets = (cutmix if traits["mix"] == "cutmix" else mixup)(pair, np.eye(2), np.array([1, 0]), *how)
        np.testing.assert_allclose(data, images[0].ravel(), atol=1e-12)
        np.testing.assert_allclose([kept, 1 - kept], targets[0], atol=1e-12)


def test_draws_are_uniform_independent_and_never_alike():
    draws = np.array(node(NAME, "uniforms", [(seed, number) for seed in range(20) for number in range(200)]))
    assert len(np.unique(draws)) == draws.size
    counts = np.apply_along_axis(lambda column: np.histogram(column, 10, (0, 1))[0], 0, draws)
    expected = len(draws) / 10
    assert (((counts - expected) ** 2 / expected).sum(axis=0) < 27.9).all(), "chi squared, 9 degrees, p = 0.001"
    between = np.corrcoef(draws, rowvar=False) - np.eye(10)
    assert np.abs(between).max() < 0.07, "four standard deviations of 4,000 pairs"


def test_a_strength_changes_nothing_but_its_own_change():
    rng = np.random.default_rng(3)
    base = state(rng, mix="cutmix", shift=0.1)
    size = {"height": 40, "width": 30}
    before, after = node(NAME, "drawOf", [(base, 4, size), (base | {"rotate": 3.0, "brightness": 0.0}, 4, size)])
    assert {k for k in before if before[k] != after[k]} == {"angle", "brightness"}


def test_what_a_six_becomes():
    size, off = {"height": 48, "width": 48}, {"shift": 0, "cutout": 0, "brightness": 0, "contrast": 0}
    rng = np.random.default_rng(4)
    cases = [(state(rng, subject="digit", seed=7, rotate=180, mix="none", **off), number) for number in range(40)]
    run = """(state, number) => {
        const size = { height: 48, width: 48 }, draw = drawOf(state, number, size);
        return [draw.flip, draw.angle, labelText(state, draw, ["6", "7"], size)];
    }"""
    seen = set()
    for flip, angle, label in node(NAME, run, cases):
        wanted = "no digit" if flip else "9" if abs(angle) > 90 else "6"
        assert label == wanted
        seen.add(label)
    assert seen == {"6", "9", "no digit"}
    (counted,) = node(NAME, "(s, size) => tally(s, size, 40)", [(cases[0][0], size)])
    labels = [label for _, _, label in node(NAME, run, cases)]
    assert (counted["mirrored"], counted["turned"]) == (labels.count("no digit"), labels.count("9"))


def test_the_digits_are_drawn_inside_their_pictures():
    digits = node(NAME, f"(x) => ({LISTED})(decoded(x))", AugmentationPreview().digits.values())
    for digit in np.reshape(digits, (2, 48, 48, 3)):
        edge = np.concatenate([digit[0], digit[-1], digit[:, 0], digit[:, -1]])
        assert edge.max() == 0 and digit.max() == 1 and 0.05 < digit.mean() < 0.3


def test_the_tally_tells_how_wrong_lambda_would_be():
    rng, size = np.random.default_rng(5), {"height": 30, "width": 50}
    states = [state(rng, mix=mix) for mix in ("cutmix", "cutmix", "mixup")]
    run = "(s, size) => [tally(s, size, 50), range(50).map((n) => keptOf(s, drawOf(s, n, size), size))]"
    for traits, (counted, kept) in zip(states, node(NAME, run, [(s, size) for s in states]), strict=True):
        off = np.abs(np.array(kept) - traits["share"])
        assert [counted["kept"], counted["off"], counted["worst"]] == pytest.approx(
            [np.mean(kept), off.mean(), off.max()]
        )


def test_any_state_from_a_link_is_made_valid():
    wild = [
        {"subject": 3, "flip": "x", "shift": 9, "rotate": None, "brightness": -1, "contrast": "a", "cutout": 1e30,
         "mix": [], "share": -0.5, "border": {}, "seed": -4, "chosen": 99, "revealed": 1},
        {},
    ]  # fmt: skip
    for found in node(NAME, "clean", wild):
        preview = AugmentationPreview(**found)
        assert {name: getattr(preview, name) for name in found} == found


def test_python_and_browser_show_the_same_draws():
    rng = np.random.default_rng(6)
    pair = rng.random((2, 12, 9, 3))
    for number in range(4):
        traits = state(rng, subject=["picture", "digit"][number % 2], seed=number)
        preview = AugmentationPreview(image=pair[0], partner=pair[1], class_names=("dot", "dash"), **traits)
        both, names = [preview.image, preview.partner], ["dot", "dash"]
        if preview.subject == "digit":
            both, names = list(preview.digits.values()), list(preview.digits)
        run = f"""(state, number, names, ...pair) => {{
            const [image, partner] = pair.map(decoded), draw = drawOf(state, number, image);
            return [({LISTED})(result(state, draw, image, partner)), labelText(state, draw, names, image)];
        }}"""
        found = node(NAME, run, [(traits, k, names, *both) for k in range(8)])
        axes = preview.to_figure().axes
        shown = [np.asarray(axis.images[0].get_array(), dtype=float) for axis in (*axes[1:5], *axes[6:10])]
        for (data, _), picture in zip(found, shown, strict=True):
            np.testing.assert_allclose(np.reshape(data, picture.shape), picture, atol=1e-6)
        assert f"Their labels: {'; '.join(label for _, label in found)}." in preview.describe()


def test_a_page_stays_light_and_own_pictures_bring_their_own_cup():
    state = AugmentationPreview().get_state()
    assert sum(len(str(state[name])) for name in ("image", "partner", "digits")) < 50_000
    preview = AugmentationPreview(image=np.zeros((20, 30)))
    assert (preview.image["channels"], preview.partner["height"], preview.partner["width"]) == (1, 20, 30)


@pytest.mark.parametrize(
    ("traits", "says"),
    [
        ({"image": np.zeros((2, 30, 30, 3))}, r"image is an array .*, not of shape \(2, 30, 30, 3\)"),
        ({"image": np.zeros((200, 30))}, r"sides of 4 to 96 pixels, not \(200, 30\)"),
        ({"image": np.full((30, 30), 255)}, "uint8, or floats from 0 to 1"),
        ({"image": np.full((30, 30), np.nan)}, "uint8, or floats from 0 to 1"),
        ({"image": "cat.png"}, "not of shape"),
        ({"image": {"height": 4}}, "image is an array"),
        ({"image": [[0.1], [0.2, 0.3]]}, "image is an array"),
        ({"partner": np.zeros((30, 30))}, r"one size, not \(64, 64\) and \(30, 30\)"),
        ({"class_names": ("cat",)}, "class_names"),
        ({"shift": 0.7}, "shift"),
        ({"rotate": float("nan")}, "rotate is a finite number"),
        ({"mix": "blend"}, "mix"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_in_a_sentence(traits, says):
    with pytest.raises(traitlets.TraitError, match=says):
        AugmentationPreview(**traits)


def test_it_describes_itself():
    preview = AugmentationPreview(flip=False, shift=0, rotate=0, mix="mixup", cutout=0.5)
    assert preview.describe() == (
        "Eight draws of a picture (cat) of 64 × 64 pixels, seed 0, with cutout 0.5 of the side, mixup with λ = 0.7. "
        f"Their labels: {'; '.join(['cat 0.7, coffee cup 0.3'] * 8)}."
    )
    assert "with no change." in AugmentationPreview(flip=False, shift=0, rotate=0, mix="none").describe()
