"""Read what a cell printed. No heavy imports: each grading process pays for them."""

from __future__ import annotations

import re
from typing import Any

from coursetools.checks import MARK

ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def marked_lines(text: str) -> list[str]:
    r"""The lines that `coursetools.checks.show` printed; all others are noise.

    A mark in mid-line counts too: the student's code may have printed without a newline before it.

    >>> marked_lines("debug\ncheck> angle: 0\nx=1 check> n: 2\n")
    ['check> angle: 0', 'check> n: 2']
    """
    return [line[line.index(MARK) :].rstrip() for line in text.splitlines() if MARK in line]


def join_streams(outputs: list[Any]) -> list[Any]:
    """One output for each stream: how a kernel cuts what is printed depends on timing.

    >>> parts = [{"output_type": "stream", "name": "stdout", "text": text} for text in "ab"]
    >>> join_streams(parts)
    [{'output_type': 'stream', 'name': 'stdout', 'text': 'ab'}]
    """
    joined: list[Any] = []
    streams: dict[str, Any] = {}
    for output in outputs:
        if output["output_type"] == "stream" and output["name"] in streams:
            streams[output["name"]]["text"] += output["text"]
            continue
        output = type(output)(output)  # a copy: joining must not change what was given
        if output["output_type"] == "stream":
            streams[output["name"]] = output
        joined.append(output)
    return joined


def printed(cell: Any) -> str:
    """What a cell wrote to standard output, as one string."""
    return "".join(
        output["text"]
        for output in cell.get("outputs", [])
        if output["output_type"] == "stream" and output["name"] == "stdout"
    )
