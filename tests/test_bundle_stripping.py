"""Taking the answers out of modules: whatever the way they are written, and refusing where one would stay."""

import textwrap

import pytest

from course_utils.bundle import public_library, public_module
from course_utils.bundle.library import Library
from course_utils.errors import CourseError

HEAD = """\
\"\"\"Questions of an instructor's own.\"\"\"

import math

import numpy as np

from course_utils import reference
from course_utils.checks import Case, Rule, question

__all__ = ["asked"]
DAY = 3
"""
CASES = "lambda rng: [Case(n=1), Case(n=2)]"


@pytest.fixture
def public(tmp_path):
    """`public(text)`: the public text of a file of questions that holds HEAD and this."""

    def make(text, head=HEAD):
        path = tmp_path / "own.py"
        path.write_text(head + textwrap.dedent(text))
        return public_module(path)

    return make


def made(text):
    """The names of the module, as a room would import it."""
    space = {}
    exec(compile(text, "own.py", "exec"), space)
    return space


WRITTEN = {
    "on one line": f'asked = question("asked", points=1, reference=math.sqrt, cases={CASES}, mistakes={{"M1.": abs}})',
    "answers first": """
        asked = question(
            "asked", reference=(lambda n: math.sqrt(n)), mistakes={"M1.": lambda n: n}, points=1,
            cases=lambda rng: [Case(n=1)],
        )
        """,
    "answers last": """
        asked = question(
            "asked",
            points=1,
            cases=lambda rng: [Case(n=1)],
            mistakes={"M1.": lambda n: n},
            reference=(
                lambda n: math.sqrt(n)
            )
        )
        """,
    "answers elsewhere": """
        def _right(n):
            return math.sqrt(n)


        def _drawn(rng):
            return [Case(n=1)]


        _MISTAKES = {"M1.": lambda n: n}
        # This comment tells of the mistakes: sqrt.
        _MISTAKES = {**_MISTAKES, "M2.": lambda n: math.sqrt(n) + 1}
        asked = question("asked", points=1, reference=_right, cases=_drawn, mistakes=_MISTAKES)
        """,
    "by the module": """
        from course_utils import checks

        asked = checks.question("asked", points=1, reference=math.sqrt, cases=lambda rng: [], mistakes={"M1.": abs})
        """,
    "by the whole path": """
        import course_utils.checks

        asked = course_utils.checks.question("asked", points=1, reference=math.sqrt, cases=abs, mistakes={"M1.": abs})
        """,
    "by the inner module": """
        import course_utils.checks.question as q

        asked = q.question("asked", points=1, reference=math.sqrt, cases=abs, mistakes={"M1.": abs})
        """,
    "under another name": """
        from course_utils.checks.question import question as q

        asked = q("asked", points=1, reference=math.sqrt, cases=lambda rng: [], mistakes={"M1.": abs})
        """,
    "with letters outside of ASCII": """
        WORDS = "×·–"
        asked = question("asked", hints={"values": "n · n × 1"}, points=1, reference=math.sqrt,
            cases=lambda rng: [], mistakes={"Ä.": abs, "M1.": abs})
        """,
}


@pytest.mark.parametrize("name", WRITTEN)
def test_answers_are_gone_however_they_are_written(public, name):
    text = public(WRITTEN[name])
    assert "sqrt" not in text and "M1." not in text and "reference" not in text
    asked = made(text)["asked"]
    assert (asked.name, asked.points, asked.kind, asked.reference) == ("asked", 1, "function", None)
    assert not asked.mistakes and asked.cases is None


def test_what_only_answers_need_is_gone(public):
    text = public(WRITTEN["answers elsewhere"])
    assert "_drawn" not in text and "import math" not in text and "numpy" not in text
    assert made(text)["DAY"] == 3


def test_a_name_that_is_given_twice_keeps_both(public):
    text = public("""
        SHOWN = 1
        SHOWN = SHOWN + 1
        asked = question("asked", points=1, reference=1.0, mistakes={"M1.": 2.0})
        """, head=HEAD.replace('["asked"]', '["asked", "SHOWN"]'))  # fmt: skip
    assert made(text)["SHOWN"] == 2


def test_a_statement_that_is_no_definition_stays_and_keeps_what_it_needs(public):
    text = public("""
        def _once(): return 5
        LIMITS = {}
        LIMITS["n"] = _once()
        asked = question("asked", points=1, reference=1.0, mistakes={"M1.": 2.0})
        """)
    assert made(text)["LIMITS"] == {"n": 5}


def test_rules_and_what_they_need_are_not_for_a_room(public):
    text = public("""
        def _observe(answer, n):
            return _twice(answer(n))

        def _twice(n):
            return 2 * n

        def _is_even(value, **_):
            return value % 2 == 0

        asked = question(
            "asked", points=1, reference=lambda n: 2, cases=lambda rng: [Case(n=1)], observe=_observe,
            rules={"It is odd.": Rule(_is_even, lambda n: 3), "No.": Rule(holds=_is_even, broken_by=lambda n: 5)},
        )
        """)
    asked = made(text)["asked"]
    assert "_is_even" not in text and asked.observe(lambda n: n, 4) == 8 and not asked.judged


def test_a_value_that_students_are_shown_stays(public):
    text = public("""
        def _rows(text): return [list(map(int, row)) for row in text.split()]

        SHOWN = _rows("12 34")
        \"\"\"What it is.\"\"\"
        _SECRET = {"a": 30}
        asked = question("asked", points=1, reference=_SECRET, mistakes={"M1.": {"a": 40}})
        """, head=HEAD.replace('["asked"]', '["asked", "SHOWN"]'))  # fmt: skip
    assert made(text)["SHOWN"] == [[1, 2], [3, 4]]
    assert "What it is." in text and "30" not in text and "40" not in text


REFUSED = {
    "something public needs the answer": (
        """
        def _right(n):
            n += 1
            return n
        SHOWN = _right(1)
        asked = question("asked", points=1, reference=_right, cases=lambda rng: [], mistakes={"M1.": abs})
        """,
        "own.py needs `_right` of .*own.py, which answers the question `asked`",
    ),
    "something public needs what the answer hands on to": (
        """
        def _deep(n):
            n += 1
            return n
        def _right(n):
            return _deep(n)
        SHOWN = _deep(1)
        asked = question("asked", points=1, reference=_right, cases=lambda rng: [], mistakes={"M1.": abs})
        """,
        "needs `_deep`",
    ),
    "something public needs a mistake": (
        """
        def _wrong(n):
            return n + 1
        SHOWN = _wrong(1)
        asked = question("asked", points=1, reference=abs, cases=lambda rng: [], mistakes={"M1.": _wrong})
        """,
        "needs `_wrong`",
    ),
    "something public holds the answer to a value question": (
        """
        _TABLE = {"a": 1}
        SHOWN = list(_TABLE.values())
        asked = question("asked", points=1, reference=dict(_TABLE), mistakes={"M1.": {"a": 2}})
        """,
        "needs `_TABLE`",
    ),
    "observe needs the answer": (
        """
        def _right(n):
            return 2 * n
        def _observe(answer, n):
            return answer(n) - _right(n)
        asked = question("asked", points=1, reference=_right, observe=_observe, cases=abs, mistakes={"M1.": abs})
        """,
        "needs `_right`",
    ),
    "mistakes that are added to": (
        """
        ALL = {"M1.": abs}
        ALL["M2."] = lambda n: n + 1
        asked = question("asked", points=1, reference=1.0, mistakes=ALL)
        """,
        "needs `ALL`",
    ),
    "a question under yet another name": (
        'ask = question\nasked = ask("asked", points=1, **{"reference": 1})',
        "line 12: import `question` and `Rule` by their names",
    ),
    "a question by a way that cannot be followed": (
        """
        import importlib
        checks = importlib.import_module("course_utils.checks")
        asked = checks.question("asked", points=1, reference=1, mistakes={"M.": 2})
        """,
        "import `question` and `Rule` by their names",
    ),
    "everything imported": (
        """
        from course_utils.checks.question import *
        asked = question("asked", points=1, reference=1, mistakes={"M.": 2})
        """,
        "import `question` and `Rule` by their names",
    ),
    "two statements on a line": (
        'A = 1; asked = question("asked", points=1, reference=1.0, mistakes={"M1.": 2.0})',
        "a line for each statement",
    ),
    "arguments that cannot be seen": (
        'ALL = {"reference": 1}\nasked = question("asked", points=1, **ALL)',
        "line 13: write the question's name in quotes and each argument as name=value",
    ),
    "a question inside something else": (
        'asked = list(question(n, points=1, reference=1, mistakes={"M.": 2}) for n in "ab")[0]',
        "line 12: declare each question as `name = question",
    ),
    "a rule that cannot be seen": (
        'BOTH = (abs, abs)\nasked = question("asked", points=1, reference=1, cases=abs, rules={"M.": Rule(*BOTH)})',
        r"line 13: write a rule as Rule\(holds, broken_by\)",
    ),
    "the library as a whole": (
        """
        HELP = dir(reference)
        asked = question("asked", points=1, reference=1.0, mistakes={"M1.": 2.0})
        """,
        "`course_utils.reference` as a whole",
    ),
    "no Python": ("asked = (", r"line 12: this is not valid Python"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_where_an_answer_would_stay_it_is_refused(public, name):
    text, said = REFUSED[name]
    shown = [word for word in ("SHOWN", "HELP") if word in text]
    head = HEAD.replace('["asked"]', str(["asked", *shown]))
    with pytest.raises(CourseError, match=said):
        public(text, head)


def test_questions_without_a_list_are_refused(public):
    with pytest.raises(CourseError, match="`__all__`"):
        public("asked = 1", HEAD.replace('__all__ = ["asked"]', ""))


def test_an_instructors_question_takes_its_reference_out_of_the_library(tmp_path, course, add):
    own = tmp_path / "own.py"
    declared = 'question("asked", points=1, reference=reference.huber, cases=abs, mistakes={"M.": abs})'
    own.write_text(f"{HEAD}asked = {declared}")
    assert "def huber" not in Library(False, [own]).texts().get("course_utils.reference.losses", "")
    add("lessons/day_05_x.py", "# %%\nfrom course_utils import reference\nreference.huber([0.5])\n")
    assert "def huber" in Library(False).texts()["course_utils.reference.losses"]
    with pytest.raises(CourseError, match=r"lessons/day_05_x.py needs `huber` of .*reference/losses.py"):
        public_library(tmp_path / "out", sealed=False, extra=[own])
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "code",
    [
        "from course_utils import reference\nreference.conv2d",
        "from course_utils import reference as r\nprint(r.conv2d([[1]], [[1]]))",
        "from course_utils.reference import conv2d as mine",
        "import course_utils.reference\ncourse_utils.reference.conv2d",
        "import course_utils.reference as r\n\ndef f():\n    return r.conv2d",
        "from course_utils import reference\ngetattr(reference, 'conv2d')",
        "from course_utils.reference import *",
        "%matplotlib inline\nfrom course_utils.reference import conv2d",
    ],
)
def test_a_lesson_that_uses_an_answer_is_refused(course, add, code):
    add("lessons/day_02_x.py", f"# %%\n{code}\n")
    said = r"lessons/day_02_x.py (needs `conv2d`|uses `course_utils.reference` as a whole)"
    with pytest.raises(CourseError, match=said):
        Library(False).texts()


def test_a_lesson_with_a_name_of_its_own_is_no_use_of_the_library(course, add):
    add("lessons/day_02_x.py", "# %%\nclass reference:\n    conv2d = 1\nconv2d = reference.conv2d\n")
    assert "course_utils.reference" in Library(False).texts()
