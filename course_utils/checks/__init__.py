"""Questions that recognise mistakes: one declaration serves the notebook's check, the examiner and the tests.

`question` declares; `observe` turns a student's answer into plain values (it is the only part that runs student code);
`decide` compares values with the reference and names the mistake; `check` shows the verdict as a card.
"""

from course_utils.checks.card import check, summary
from course_utils.checks.compare import Unreadable, plain
from course_utils.checks.judge import Key, Verdict, decide, judge, make_key
from course_utils.checks.observe import Outcome, observe
from course_utils.checks.question import Case, Question, Rule, question, questions_of

__all__ = [
    "Case",
    "Key",
    "Outcome",
    "Question",
    "Rule",
    "Unreadable",
    "Verdict",
    "check",
    "decide",
    "judge",
    "make_key",
    "observe",
    "plain",
    "question",
    "questions_of",
    "summary",
]
