"""Say in words what happened to a cell: for the feedback page and for a student's own run."""

from __future__ import annotations

import re
from itertools import zip_longest
from typing import Any

from coursetools.grading.kernel import ForgedMessageError, KernelGoneError, OutputLimitError
from coursetools.outputs import ANSI, marked_lines, printed

MOST_CHARACTERS = 4000
MOST_LINES = 40
CELL_FILE = re.compile(r"\((?:\d+\.py|<[\w-]+>), line")  # IPython's name for a cell
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


def clean(text: str, most: int = MOST_CHARACTERS) -> str:
    r"""Text that is safe to put into a report: no colors, no control characters, not endless.

    >>> clean("\x1b[31mred\x1b[0m\x07"), clean("abcdef", most=3)
    ('red', 'abc...')
    """
    text = CONTROL.sub("", ANSI.sub("", text[: 4 * most]))
    return text if len(text) <= most else text[:most] + "..."


def explain(item: Any, error: BaseException, limit: float, ended_in: str | None) -> str:
    """Why a cell did not pass.

    Args:
        item: nbval's test item.
        error: What ended it.
        limit: The cell's time limit in seconds.
        ended_in: The name of the cell in which the kernel ended, if it has ended.
    """
    if isinstance(error, KernelGoneError) and str(error):
        return f"Stopped: this cell {error}"
    if isinstance(error, KernelGoneError):
        return (
            "The Python process ended while this cell ran. Usual causes: a call of exit() or "
            "os._exit(), or an array that needs more memory than there is."
        )
    if isinstance(error, OutputLimitError):
        return f"Stopped: {error}. Is there a print inside a long loop?"
    if isinstance(error, ForgedMessageError):
        return f"Stopped: the code sent a message that is none of Jupyter's ({clean(str(error))})."
    if ended_in is not None and "dead" in str(error):
        return f"Not run: the Python process had ended in cell `{ended_in}`."
    if str(error).startswith("Timeout"):
        return too_long(limit)
    raised = [out for out in item.test_outputs or [] if out["output_type"] == "error"]
    if raised:
        return _raised(raised[0])
    reference = item.cell.metadata.get("reference", [])
    if reference and item.test_outputs is not None:
        return differs(reference, marked_lines(printed({"outputs": item.test_outputs})))
    return clean(f"{type(error).__name__}: {error}")


def too_long(limit: float) -> str:
    """What to say about a cell that was cut at its time limit."""
    return f"Took longer than {limit:g} s and was stopped. Is there a loop that never ends?"


def _raised(output: Any) -> str:
    name, value = output["ename"], CELL_FILE.sub("(line", clean(output["evalue"]))
    if name == "NotImplementedError":
        return f"Not answered yet. {value}"
    if name == "AssertionError":
        return f"A law does not hold: {value.strip() or _failing_line(output)}"
    if name == "StdinNotImplementedError":
        return "The code waits for input(), and there is nobody to type. Use the arguments instead."
    if name == "NameError":
        return f"{value}. Did the cell that defines it run without an error?"
    return f"{name}: {value}\n{_failing_line(output)}".rstrip()


def _failing_line(output: Any) -> str:
    """The line of code that an arrow of IPython's traceback points at, the innermost one."""
    text = clean("\n".join(output["traceback"])[-20_000:], most=20_000)
    arrows = [line for line in text.splitlines() if re.match(r"\s*-+> ?\d+", line)]
    return arrows[-1].strip()[:300] if arrows else ""


def differs(reference: list[str], shown: list[str]) -> str:
    """The lines that differ, side by side in words.

    >>> print(differs(["check> n: shape (2,): 1  2"], ["check> n: shape (2,): 1  3"]))
    The code runs, but its result is not the right one.
      expected: n: shape (2,): 1  2
      yours:    n: shape (2,): 1  3
    """
    if not shown:
        return (
            "The check ran and showed nothing, so there is no result to compare. Is `show` or "
            "standard output replaced?"
        )
    parts = ["The code runs, but its result is not the right one."]
    for expected, found in zip_longest(reference, shown):
        if expected == found:
            continue
        for label, line in (("expected: ", expected), ("yours:    ", found)):
            text = "(no such line)" if line is None else line.removeprefix("check> ")
            parts.append(f"  {label}{clean(text, most=300)}")
        if len(parts) > MOST_LINES:
            parts.append("  ... and more lines that differ")
            break
    if any("nan" in line for line in shown) and not any("nan" in line for line in reference):
        parts.append("nan means not a number: 0/0, the square root or logarithm of a negative one.")
    if _shapes(reference) != _shapes(shown):
        parts.append("The shapes differ: print `.shape` after each step to find where it changes.")
    return "\n".join(parts)


def _shapes(lines: list[str]) -> list[str]:
    return [found for line in lines for found in re.findall(r"shape \([^)]*\)", line)]
