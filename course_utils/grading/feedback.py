"""What a student is told about a graded answer: the course's own sentences, nothing that the submission wrote."""

import builtins

from course_utils.checks import Question, Verdict

SENTENCES = {
    "raised": "Your code stops with an error.",
    "type": "Your answer is not of the kind asked for.",
    "shape": "Your answer does not have the shape asked for.",
    "values": "Your answer has the form asked for, but its values are not right.",
    "mutates": "Your function changes its input: work on a copy.",
    "time": "Your code took longer than it may.",
    "memory": "Your code used more memory than it may.",
    "processes": "Your code started more processes than it may.",
    "died": "Your code ended the process that it ran in.",
    "reply": "Your answer is too large.",
}
ERRORS = {name for name, kind in vars(builtins).items() if isinstance(kind, type) and issubclass(kind, BaseException)}


def feedback(question: Question, verdict: Verdict, fault: str, mistake: str, raised: str) -> str:
    """The sentences on an answer, one a line. raised: the error it stopped with, of which only the kind is told."""
    if verdict.status == "right" and not fault:
        return "All of it is right."
    if verdict.status == "unanswered" and not fault:
        return "Not answered yet."
    kind = raised.partition(":")[0]
    if fault == "raised" and kind in ERRORS:
        first = f"Your code stops with a {kind}."
    else:
        first = mistake or SENTENCES.get(fault, SENTENCES["values"])
    lines = [first]
    if verdict.smallest_case and fault not in ("time", "memory", "processes", "died", "reply"):
        lines.append(f"Smallest case that shows it: {verdict.smallest_case}.")
    if not mistake and (hint := question.hints.get(fault)):
        lines.append(hint)
    return "\n".join(lines)
