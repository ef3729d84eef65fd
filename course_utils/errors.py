"""The one error that a user may cause and should read."""


class CourseError(Exception):
    """A fault that the user can mend: one sentence that names the cause and the way out.

    The `course` command prints it as one line and exits with code 2.
    """
