"""Turn an answer into a stub: what follows `# solution` becomes a line that raises."""

from __future__ import annotations

import re

SOLUTION = re.compile(r"(?P<indent>\s*)# solution(?::\s*(?P<hint>.*\S))?\s*")
DEFINITION = re.compile(r"(?P<indent>\s*)(?:async\s+)?(?:def|class)\s+(?P<name>\w+)")


def has_solution_line(source: str) -> bool:
    r"""Whether a line is `# solution` or `# solution: a hint`.

    >>> has_solution_line("def f():\n    # solution\n    return 1"), has_solution_line("x = 1")
    (True, False)
    """
    return any(SOLUTION.fullmatch(line) for line in source.splitlines())


def stub(source: str) -> str:
    r"""Replace each block below a `# solution` line by `raise NotImplementedError(...)`.

    The block ends where the indentation becomes smaller than that of the comment, so one cell may
    hold several functions to write, and given lines after them. A hint after the colon is what the
    student reads when the stub runs.

    >>> print(stub('def f(x):\n    # solution: double it\n    return 2 * x\n\nz = 1'))
    def f(x):
        raise NotImplementedError("Your turn: write `f`. Hint: double it")
    <BLANKLINE>
    z = 1
    """
    lines = source.splitlines()
    kept: list[str] = []
    position = 0
    while position < len(lines):
        match = SOLUTION.fullmatch(lines[position])
        if match is None:
            kept.append(lines[position])
            position += 1
            continue
        indent = match["indent"]
        message = _message(_enclosing(kept, indent), match["hint"])
        kept.append(f"{indent}raise NotImplementedError({message})")
        position += 1
        end = position
        while end < len(lines) and (not lines[end].strip() or lines[end].startswith(indent)):
            end += 1
        while end > position and not lines[end - 1].strip():
            end -= 1  # blank lines that separate the next block are not the answer's
        position = end
    return "\n".join(kept).rstrip("\n")


def _enclosing(above: list[str], indent: str) -> str | None:
    for line in reversed(above):
        match = DEFINITION.match(line)
        if match and len(match["indent"]) < len(indent):
            return match["name"]
    return None


def _message(name: str | None, hint: str | None) -> str:
    subject = f"write `{name}`" if name else "replace this line by your answer"
    text = f"Your turn: {subject}." + (f" Hint: {hint}" if hint else "")
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
