"""What students get: the course without its answers. For instructors; the bundle itself does not contain this package.

`library` makes course_utils without answers (`modules` and `strip` take them out), `leaks` searches what was made for
answers that are left, `folder` puts the students' folder together.
"""

from course_utils.bundle.folder import make_bundle
from course_utils.bundle.library import public_library, public_module

__all__ = ["make_bundle", "public_library", "public_module"]
