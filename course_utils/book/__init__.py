"""The published book: `course book` makes a static site of the lessons, their exercises and the pages around them.

building: the steps in order · contents: _toc.yml, _config.yml, the syllabus · days: executed notebooks as pages ·
live: explorers on other pages · links: from the repository's files to the book's pages · staging: the folder that
Sphinx reads · site: Sphinx · extension, roles, docstrings: what Sphinx is taught besides · generated: the pages that
nobody writes by hand, each made by a module of its own · branch: the notebooks for Colab and Binder.
"""

from course_utils.book.branch import make_branch
from course_utils.book.building import build

__all__ = ["build", "make_branch"]
