"""The one exception that the command line turns into a message without a traceback."""

from __future__ import annotations


class CourseError(Exception):
    """Something that the person at the keyboard can mend: the message says what and how.

    >>> raise CourseError("solutions/: no such folder; run this in a clone of the course")
    Traceback (most recent call last):
    ...
    coursetools.errors.CourseError: solutions/: no such folder; run this in a clone of the course
    """
