"""The machinery of checks, on small questions of its own."""

import sys
from types import ModuleType

import numpy as np
import pytest

from course_utils.checks import (
    Case,
    Rule,
    Verdict,
    check,
    decide,
    judge,
    make_key,
    observe,
    plain,
    question,
    questions_of,
    summary,
)
from course_utils.checks.card import to_html, to_text


def doubling_cases(rng):
    return [Case(x=rng.integers(1, 9, n), by=2) for n in (2, 3, 50)]


TRIPLED = "You triple."
PLUS_TWO = "You add two."
double = question(
    "double",
    points=4,
    partial=1,
    reference=lambda x, by: x * by,
    cases=doubling_cases,
    mistakes={
        TRIPLED: lambda x, by: x * 3,
        PLUS_TWO: lambda x, by: x + 2,
        "Only for short arrays.": lambda x, by: {2: x * 5}[len(x)],
    },
    hints={"values": "Think of two.", "shape": "As many as came in.", "raised": "Keep calm.", "type": "An array."},
)
capital = question(
    "capital",
    points=1,
    reference={"France": "Paris", "Italy": "Rome"},
    options=("Paris", "Rome", "Milan"),
    mistakes={"Exchanged.": {"France": "Rome", "Italy": "Paris"}},
)


class AlwaysEqual:
    def __eq__(self, other):
        return True

    __hash__ = None

    def __getattr__(self, name):
        return lambda *_, **__: True


def mutating(x, by):
    result = x * by
    x[:] = 0
    return result


def recursing(x, by):
    return recursing(x, by)


def leaving(x, by):
    sys.exit(0)


def wrong_answers():
    """Answers that are wrong in other ways than by their numbers."""
    yield "a number for a function", 3
    yield "a text for a function", "double"
    yield "a class", AlwaysEqual
    yield "no arguments", lambda: None
    yield "too few arguments", lambda x: x * 2
    returned = {
        "an always equal object": AlwaysEqual(),
        "a text": "[2, 4]",
        "bytes": b"\x02\x04",
        "a set": {2, 4},
        "a generator": (i for i in range(3)),
        "a ragged list": [[1], [1, 2]],
        "a deep list": [[[[[[[[[1]]]]]]]]],
        "a huge integer": 10**400,
        "a truth value": True,
        "an object array": np.array([1, None], dtype=object),
        "complex numbers": np.array([2j, 4j]),
        "dates": np.array(["2026-01-01"], dtype="datetime64[D]"),
        "records": np.zeros(2, dtype=[("a", int)]),
        "a masked array": np.ma.masked_array([2, 4], mask=[True, True]),
        "a matrix": np.array([[2, 4]]).view(np.matrix),
        "a dictionary": {"x": 2},
        "one with None inside": [None, 2],
    }
    for name, value in returned.items():
        yield name, lambda x, by, value=value: value
    yield "NaN", lambda x, by: np.full(len(x), np.nan)
    yield "infinity", lambda x, by: np.full(len(x), np.inf)
    yield "a column", lambda x, by: (x * by)[:, None]
    yield "truth values", lambda x, by: x > 0
    yield "nothing for long arrays", lambda x, by: x * by if len(x) < 5 else None
    yield "raising", lambda x, by: x[1000]
    yield "endless recursion", recursing
    yield "leaving Python", leaving
    yield "changing its input", mutating


@pytest.mark.parametrize(("name", "answer"), list(wrong_answers()), ids=lambda v: v if isinstance(v, str) else "")
def test_a_clumsy_or_hostile_answer_earns_nothing_and_is_told_why(name, answer):
    verdict = judge(double, answer)
    assert (verdict.points, verdict.status, verdict.mistake) == (0, "wrong", "")
    assert verdict.fault and len(verdict.message) > 20
    assert "Traceback" not in verdict.message


@pytest.mark.parametrize(
    "answer",
    [
        lambda x, by: (x * by).tolist(),
        lambda x, by: tuple(x * by),
        lambda x, by: (x * by).astype(np.float32),
        lambda x, by: (x * by) * (1 + 1e-7),
        lambda x, by: [np.int64(v) for v in x * by],
        lambda *both: both[0] * both[1],
        lambda x, by: print("looking for the fault") or x * by,
    ],
)
def test_the_right_numbers_count_in_any_form(answer, capsys):
    assert judge(double, answer).points == 4
    assert capsys.readouterr().out == ""


def test_tensors_count_as_arrays():
    torch = pytest.importorskip("torch")
    assert judge(double, lambda x, by: torch.tensor(x * by, dtype=torch.float32, requires_grad=True)).points == 4


def test_a_matrix_counts_where_an_array_of_its_shape_is_right():
    outer = question(
        "outer",
        points=1,
        reference=lambda x: np.outer(x, x),
        cases=lambda rng: [Case(x=np.arange(3))],
        mistakes={"Zero.": lambda x: np.zeros((3, 3))},
    )
    assert judge(outer, lambda x: np.outer(x, x).view(np.matrix)).points == 1
    assert judge(outer, lambda x: np.outer(x, x).view(np.matrix) + 1).points == 0


@pytest.mark.parametrize("answer", [None, ..., NotImplemented, lambda x, by: None, lambda x, by: ...])
def test_an_empty_answer_is_not_answered_yet(answer):
    verdict = judge(double, answer)
    assert (verdict.status, verdict.points, verdict.message) == ("unanswered", 0, "Not answered yet.")


def test_a_stub_that_raises_not_implemented_is_not_answered_yet():
    def stub(x, by):
        raise NotImplementedError

    assert judge(double, stub).status == "unanswered"


def test_a_known_mistake_is_named_and_earns_the_partial_points():
    verdict = judge(double, lambda x, by: x + x + x)
    assert (verdict.mistake, verdict.points, verdict.fault) == (TRIPLED, 1, "values")
    assert verdict.message.startswith(TRIPLED)
    assert "x = [" in verdict.smallest_case and "by = 2" in verdict.smallest_case


def test_a_mistake_that_is_not_defined_everywhere_is_judged_where_it_is():
    def answer(x, by):
        return x * 5 if len(x) == 2 else x * 7

    assert judge(double, answer).mistake == "Only for short arrays."


@pytest.mark.parametrize("order", [1, -1])
def test_the_mistake_that_explains_most_cases_is_named(order):
    mistakes = {"Wrong for one.": lambda n: {1: 0}[n], "Wrong for all.": lambda n: n - 1}
    answer = question(
        "answer",
        points=1,
        reference=lambda n: n,
        cases=lambda rng: [Case(n=1), Case(n=2), Case(n=3)],
        mistakes=dict(list(mistakes.items())[::order]),
    )
    assert judge(answer, lambda n: n - 1).mistake == "Wrong for all."


def test_right_numbers_under_a_mask_do_not_count():
    verdict = judge(double, lambda x, by: np.ma.masked_array(x * by, mask=True))
    assert (verdict.points, verdict.fault) == (0, "type") and "masked" in verdict.message


def test_an_unknown_mistake_is_not_named_and_gets_the_hint():
    verdict = judge(double, lambda x, by: x * 2 + 1)
    assert (verdict.mistake, verdict.points) == ("", 0)
    assert "Think of two." in verdict.message


def test_an_answer_between_the_reference_and_a_mistake_is_judged_by_the_tolerance():
    near = question(
        "near",
        points=1,
        reference=1.0,
        tolerance=0.1,
        mistakes={"A little more.": 1.15},
    )
    assert judge(near, 1.08).status == "right"
    assert judge(near, 1.12).mistake == "A little more."


def test_a_mistake_made_on_some_cases_only_is_not_named():
    assert judge(double, lambda x, by: x * 3 if len(x) == 3 else x * 2).mistake == ""


def test_the_message_says_what_is_wrong_about_the_shape():
    verdict = judge(double, lambda x, by: x[:1] * by)
    assert verdict.fault == "shape"
    assert "shape (1,)" in verdict.message and "shape (2,)" in verdict.message and "As many as" in verdict.message


def test_an_exception_is_told_by_its_kind_in_one_line():
    def answer(x, by):
        raise ValueError("first line\nsecond line\x1b[31m")

    message = judge(double, answer).message
    assert "ValueError: first line." in message and "second line" not in message and "\x1b" not in message


def test_inputs_are_copies():
    seen = []

    def spoiling(x, by):
        seen.append(x.copy())
        x[:] = 0
        return x

    assert judge(double, spoiling).fault in ("values", "mutates")
    assert all(np.array_equal(a, c.inputs["x"]) for a, c in zip(seen, double.draw(), strict=True))


def test_an_interrupt_goes_through():
    def answer(x, by):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        judge(double, answer)


def test_cases_depend_on_the_seed_only():
    first, again, other = (double.draw(seed)[2].inputs["x"] for seed in (1, 1, 2))
    assert np.array_equal(first, again) and not np.array_equal(first, other)


def test_observing_and_deciding_can_be_done_apart():
    cases = double.draw(5)
    outcomes = observe(double, lambda x, by: x + 2, cases)
    verdict = decide(double, cases, outcomes, make_key(double, cases))
    assert verdict.mistake == PLUS_TWO


class TestValues:
    def test_right(self):
        assert judge(capital, {"France": " paris ", "Italy": "Rome"}).points == 1

    def test_mistake(self):
        assert judge(capital, {"France": "Rome", "Italy": "Paris"}).mistake == "Exchanged."

    @pytest.mark.parametrize("form", [{"France": None, "Italy": None}, {"France": "", "Italy": ""}])
    def test_an_empty_form_is_not_answered_yet(self, form):
        assert judge(capital, form).status == "unanswered"

    @pytest.mark.parametrize(
        ("answer", "said"),
        [
            ({"France": "Paris", "Italy": None}, "Still without an answer: Italy"),
            ({"France": "Paris"}, "Still without an answer: Italy"),
            ({"France": "Lyon", "Italy": "Rome"}, "none of the choices"),
            ({"France": 1, "Italy": "Rome"}, "A text in quotes"),
            (["Paris", "Rome"], "A dictionary is asked for"),
            (lambda: "Paris", "as a value"),
            (AlwaysEqual(), "cannot be read"),
        ],
    )
    def test_a_wrong_form_is_told(self, answer, said):
        verdict = judge(capital, answer)
        assert verdict.points == 0 and said in verdict.message

    def test_which_entry_is_wrong_is_not_told(self):
        message = judge(capital, {"France": "Paris", "Italy": "Milan"}).message
        assert "Italy" not in message and "Rome" not in message


class TestRules:
    evens = question(
        "evens",
        points=2,
        reference=lambda n: list(range(0, 2 * n, 2)),
        cases=lambda rng: [Case(n=3).knowing(largest=100), Case(n=60).knowing(largest=100)],
        rules={
            "Not as many as asked for.": Rule(lambda value, n, **_: len(value) == n, lambda n: [0]),
            "There are odd ones.": Rule(lambda value, **_: all(v % 2 == 0 for v in value), lambda n: list(range(n))),
        },
    )

    def test_any_answer_that_keeps_the_rules_is_right(self):
        assert judge(self.evens, lambda n: [8] * n).points == 2

    def test_the_first_rule_broken_is_named(self):
        assert judge(self.evens, lambda n: [1]).mistake == "Not as many as asked for."
        assert judge(self.evens, lambda n: [1] * n).mistake == "There are odd ones."

    def test_an_answer_of_another_form_is_told_so(self):
        verdict = judge(self.evens, lambda n: 8)
        assert (verdict.points, verdict.fault, verdict.mistake) == (0, "shape", "")

    def test_what_is_hidden_does_not_reach_the_answer(self):
        got = []
        judge(self.evens, lambda *args, **kwargs: got.append((args, kwargs)) or [])
        assert got == [((3,), {}), ((60,), {})]


@pytest.mark.parametrize(
    "wrong",
    [
        {"mistakes": None},
        {"partial": 4},
        {"partial": -1},
        {"kind": "object"},
        {"cases": None, "kind": "function"},
        {"hints": {"colour": "Green."}},
        {"rules": {"Never.": Rule(lambda value: False, None)}},
    ],
)
def test_a_declaration_that_cannot_work_is_refused(wrong):
    arguments = {"points": 4, "reference": 1, "cases": doubling_cases, "mistakes": {"Zero.": 0}} | wrong
    with pytest.raises(ValueError, match=r"^bad: "):
        question("bad", **arguments)


def test_plain_copies_arrays():
    array = np.arange(3)
    copy = plain(array)
    array[:] = 9
    assert copy.tolist() == [0, 1, 2]


def test_printing_a_question_gives_nothing_away():
    assert repr(capital) == "Question('capital', points=1)"
    assert "Paris" not in f"{capital}"


class TestCard:
    def test_everything_of_the_students_is_escaped(self):
        def answer(x, by):
            raise ValueError("<script>alert('x')</script>")

        html = to_html(judge(double, answer))
        assert "<script>" not in html and "&lt;script&gt;" in html

    def test_a_value_is_escaped(self):
        verdict = judge(capital, {"France": "<b>", "Italy": "Rome"})
        assert "<b>" not in to_html(verdict) and "&lt;b&gt;" in to_html(verdict)

    @pytest.mark.parametrize("status", ["right", "wrong", "unanswered"])
    def test_the_status_is_said_in_words_and_by_a_glyph(self, status):
        words = {"right": "right", "wrong": "not right yet", "unanswered": "not answered yet"}
        glyphs = {"right": "✓", "wrong": "✗", "unanswered": "○"}
        verdict = Verdict("double", 0, 4, status, message="So it is.")
        for card in (to_html(verdict), to_text(verdict)):
            assert words[status] in card and glyphs[status] in card and "0 of 4 points" in card

    def test_the_card_sets_no_text_or_ground_colour(self):
        html = to_html(judge(double, lambda x, by: x + 2))
        assert "background" not in html
        assert html.count(";color:") + html.count('"color:') == 1  # the glyph alone

    def test_check_prints_in_a_terminal_and_returns_nothing(self, capsys, monkeypatch):
        monkeypatch.delenv("NBGRADER_EXECUTION", raising=False)
        assert check(double, lambda x, by: x + 2) is None
        assert capsys.readouterr().out.startswith("✗ double   1 of 4 points")

    def test_check_says_which_comes_first(self):
        with pytest.raises(TypeError, match="the question first"):
            check(lambda x, by: x, double)

    def test_check_gives_nbgrader_the_points(self, capsys, monkeypatch):
        monkeypatch.setenv("NBGRADER_EXECUTION", "autograde")
        assert check(double, lambda x, by: x + 2) == 1
        assert check(double, None) == 0

    def test_summary_adds_up_what_was_checked_last(self, capsys):
        day = ModuleType("day")
        day.__all__, day.double, day.other = (
            ["double", "other"],
            double,
            question("other", points=3, reference=1, mistakes={"Zero.": 0}),
        )
        check(double, lambda x, by: x * by)
        capsys.readouterr()
        summary(day)
        out = capsys.readouterr().out.splitlines()
        assert [q.name for q in questions_of(day)] == ["double", "other"]
        assert out[0] == "4 of 7 points"
        assert "✓ double" in out[1] and "○ other" in out[2]
