"""Read a check's message again: what kind of fault, which law, which element of the group.

`explain` puts all that into one text, which is what a terminal shows. Pages and the summary of a
class take it apart here. A check's assert says the law in its first sentence; where it names an
element of the group (a matrix, an axis, an order, "element 3", "inversion"), that is found by form.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

# How `explain` begins each kind of message.
BEGINNINGS = {
    "unanswered": ("Not answered yet",),
    "law": ("A law does not hold: ",),
    "differs": ("The code runs, but its result is not the right one.",),
    "silent": ("The check ran and showed nothing",),
    "slow": ("Took longer than",),
    "stopped": ("Stopped: ",),
    "gone": ("The Python process ended while this cell ran",),
    "not run": ("Not run",),
    "input": ("The code waits for input()",),
}
WORDS = {
    "unanswered": "Not answered yet",
    "law": "A law does not hold",
    "differs": "It runs, and the result is another one",
    "silent": "The check showed nothing",
    "slow": "Too slow, and stopped",
    "stopped": "Stopped",
    "gone": "The Python process ended",
    "not run": "Not run",
    "input": "Waits for input()",
    "error": "An error",
}
ERROR = re.compile(r"(\w*(?:Error|Exception|Exit|Interrupt|Warning))\b")
MATRIX = re.compile(r"(?:tensor\()?\[\[.*?\]\](?:, dtype=[\w.]+)?\)?", re.DOTALL)
ELEMENTS = [
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"\belement (?:\d+|[a-z]\w*)(?= |:|,|\.)",
        r"\bmotion \d+",
        r"\b[gG] = [\w²³⁻¹]+(?: [a-z]\b)?",
        r"\bin the order \[[^\]]*\]",
        r"\babout \[[^\]]*\]",
        r"\b(?:a )?(?:quarter|half) turn about [xyz]",
        r"\ba turn by [^.,;:]*(?:degrees|radians)",
        r"\bdeterminant -1\b",
        r"\binversion\b",
        r"\bin a mirror\b",
        r"\breflections?\b",
    )
]
MISMATCHED = re.compile(r"Mismatched elements: (\d+) / (\d+)")
GREATEST = re.compile(
    r"(?:Greatest absolute|Max absolute|Absolute) difference[^:\d]*:? ([-\d.e+]+)"
)
LONG_NUMBER = re.compile(r"-?\d+\.\d{5,}(?:e[-+]\d+)?")


@dataclass(frozen=True)
class Saying:
    """A message, taken apart. What is not in it is empty."""

    kind: str
    headline: str
    law: str = ""
    element: str = ""
    size: str = ""  # how far off, in words
    pairs: tuple[tuple[str, str], ...] = ()  # expected, yours
    rest: str = ""


def read_message(message: str) -> Saying:
    r"""Take one message of `explain` apart.

    >>> said = read_message("A law does not hold: b moved when turned by\n[[1, 0], [0, 1]]")
    >>> said.law, said.element
    ('b moved when turned by', '[[1, 0], [0, 1]]')
    >>> read_message("NameError: name 'x' is not defined").headline
    'NameError'
    """
    kind = kind_of(message)
    if kind == "law":
        return _law(message.removeprefix(BEGINNINGS["law"][0]))
    if kind == "differs":
        return _differs(message)
    if kind == "error":
        found = ERROR.match(message)
        return Saying(kind, found[1] if found else WORDS[kind], rest=message)
    if kind == "unanswered":
        return Saying(kind, WORDS[kind], rest=message.partition(".")[2].strip())
    return Saying(kind, WORDS[kind], rest=message)


def kind_of(message: str) -> str:
    """What kind of fault a message tells of: a key of `WORDS`.

    >>> kind_of("Took longer than 60 s and was stopped."), kind_of("TypeError: no")
    ('slow', 'error')
    """
    for kind, starts in BEGINNINGS.items():
        if message.startswith(starts):
            return kind
    return "error"


def signature(message: str, shown: tuple[str, ...], notes: tuple[str, ...] = ()) -> str:
    """What two wrong answers have in common that went wrong in the same way.

    Where the check got to its end, that is what it showed; where a law failed before, the law's
    own words and numbers, to four digits, since rounding is nobody's mistake; for an error, its
    kind and text.

    Args:
        message: What the check said.
        shown: The lines it showed.
        notes: Remarks on the whole submission that were added to the message.

    >>> signature("A law does not hold: off by 0.123456789", ())
    'law: off by 0.1235'
    """
    for note in notes:
        message = message.replace(f"\n{note}", "")
    kind = kind_of(message)
    if kind == "differs":
        return "shown: " + "\n".join(shown)
    if kind == "law":
        core = LONG_NUMBER.sub(lambda found: f"{float(found[0]):.4g}", message)
        return "law: " + core.removeprefix(BEGINNINGS["law"][0])
    if kind == "error":
        return "error: " + message.partition("\n")[0][:200]
    return kind


def _law(text: str) -> Saying:
    before, details = _cut(text)
    matrix = MATRIX.search(before)
    element = matrix[0].strip() if matrix else ""
    law = before.replace(element, "").strip() if element and "\n" in before else before.strip()
    if not element:
        element = next((m[0] for pattern in ELEMENTS if (m := pattern.search(before))), "")
    mismatched, greatest = MISMATCHED.search(details), GREATEST.search(details)
    parts = []
    if mismatched:
        parts.append(f"{mismatched[1]} of {mismatched[2]} numbers are off")
    if greatest:
        by = _short(greatest[1])
        parts.append(f"the largest by {by}" if parts else f"off by {by}")
    return Saying("law", WORDS["law"], law, element, ", ".join(parts), rest=details)


def _cut(text: str) -> tuple[str, str]:
    """What the check's author says, and what the comparison adds to it."""
    found = re.search(r"^(?:Tensor-likes|Scalars|Sequences|Not equal to tolerance)", text, re.M)
    return (text[: found.start()], text[found.start() :].strip()) if found else (text, "")


def _short(number: str) -> str:
    try:
        return f"{float(number):.3g}"
    except ValueError:
        return number


def _differs(message: str) -> Saying:
    pairs: list[tuple[str, str]] = []
    rest: list[str] = []
    expected = ""
    for line in message.splitlines()[1:]:
        if line.startswith("  expected: "):
            expected = line[12:]
        elif line.startswith("  yours:    "):
            pairs.append((expected, line[12:]))
        else:
            rest.append(line.strip())
    return Saying("differs", WORDS["differs"], pairs=tuple(pairs), rest="\n".join(rest))
