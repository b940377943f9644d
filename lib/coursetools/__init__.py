"""The course's machinery: exercises, grading, the site and its widgets' static host."""
