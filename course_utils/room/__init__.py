"""What runs inside the sandbox: a trusted template process, and for each question a worker that meets a student's code.

`server` keeps the template and forks the workers, `walls` shuts a worker in, `filter` takes system calls from it,
`cells` finds the student's answers, `work` runs them and looks at their values, which `course_utils.wire` carries.
Nothing in here knows a right answer. The package imports neither `grading` nor any question.
"""
