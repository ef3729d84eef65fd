"""Grading: submissions in, scores out, with the answers outside of the room in which a student's code runs.

`examiner` puts the questions of a day to one submission; `days` says what can be graded; `sandbox` and `processes` keep
the rooms (see `course_utils.room`), `proof` tries their walls, `desk` judges replies; `batch` grades a folder, with
`submissions` to find them and `gradebook`, `pages`, `summary` and `nbgrader` to tell what came out.
"""
