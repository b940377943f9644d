"""The hints of an exercise, from the folded blocks in its Markdown, as safe pieces of HTML."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from html import escape
from html.parser import HTMLParser

BLOCK = re.compile(
    r"<details>\s*<summary>(?P<title>.*?)</summary>(?P<body>.*?)</details>", re.DOTALL
)
KEPT = {"code", "em", "i", "b", "strong", "sub", "sup"}
SYMBOLS = {
    r"\mapsto": "↦",
    r"\otimes": "⊗",
    r"\times": "×",
    r"\cdot": "·",
    r"\rho": "ρ",
    r"\sum": "Σ",
    r"\lambda": "λ",
    r"\theta": "θ",
    r"\top": "T",
    r"\le": "≤",
    r"\ge": "≥",
    r"\ne": "≠",
    r"\sqrt": "√",
}


@dataclass(frozen=True)
class Hint:
    """A hint: its title as text, its body as HTML."""

    title: str
    html: str


@lru_cache(maxsize=512)  # the same few cells for each of many students
def hints(markdown: str) -> tuple[Hint, ...]:
    """All hints of one Markdown cell, in order.

    >>> hints("<details><summary>Hint 1</summary>Use <code>a</code>: $x^2$.</details>")
    (Hint(title='Hint 1', html='Use <code>a</code>: <i>x<sup>2</sup></i>.'),)
    """
    blocks = BLOCK.finditer(markdown)
    return tuple(Hint(found["title"].strip(), _safe(found["body"])) for found in blocks)


def next_hint(available: Sequence[Hint], answered: bool, passed: int, failed: int) -> int:
    """Which hint helps next: the first for a blank, a later one for who is nearly there.

    Args:
        available: The hints, from gentle to plain.
        answered: Whether there is an answer that runs at all.
        passed: How many of the answer's checks passed.
        failed: How many did not.

    >>> three = [Hint(f"Hint {k}", "") for k in (1, 2, 3)]
    >>> next_hint(three, False, 0, 2), next_hint(three, True, 0, 2), next_hint(three, True, 1, 1)
    (0, 1, 2)
    """
    if not answered:
        return 0
    return min(len(available) - 1, 2 if passed and failed else 1)


class _Safe(HTMLParser):
    """Keeps a few tags without attributes; all else becomes text."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in KEPT:
            self.parts.append(f"<{tag}>")
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        while tag in self.open:
            last = self.open.pop()
            self.parts.append(f"</{last}>")
            if last == tag:
                return

    def handle_data(self, data: str) -> None:
        in_code = "code" in self.open
        for piece in [data] if in_code else re.split(r"(`[^`\n]+`)|(\$[^$\n]+\$)", data):
            if not piece:
                continue
            if in_code or piece[0] not in "`$" or len(piece) < 3:
                self.parts.append(escape(piece))
            elif piece[0] == "`":
                self.parts.append(f"<code>{escape(piece[1:-1])}</code>")
            else:
                self.parts.append(_formula(piece[1:-1]))


def formatted(words: str) -> str:
    """Text of Markdown, with its code and formulas as HTML; tags in it stay text.

    >>> formatted("`a < b` for $R^2$")
    '<code>a &lt; b</code> for <i>R<sup>2</sup></i>'
    """
    return _safe(escape(words))


def _safe(html: str) -> str:
    parser = _Safe()
    parser.feed(html.strip())
    parser.close()
    return "".join(parser.parts) + "".join(f"</{tag}>" for tag in reversed(parser.open))


def _formula(tex: str) -> str:
    r"""A short formula as letters, with raised and lowered parts; what is not known stays TeX.

    >>> _formula(r"(-1)^{l_1} \otimes x^2")
    '<i>(-1)<sup>l<sub>1</sub></sup> ⊗ x<sup>2</sup></i>'
    """
    for command, symbol in SYMBOLS.items():
        tex = re.sub(re.escape(command) + r"(?![a-zA-Z])\s*", symbol + " ", tex)
    tex = re.sub(r"√ ", "√", tex.replace(r"\,", " "))
    shown = re.sub(r" {2,}", " ", escape(tex, quote=False)).strip()
    for _ in range(3):  # what is in braces first, from the inside
        shown = re.sub(r"_\{([^{}]*)\}", r"<sub>\1</sub>", shown)
        shown = re.sub(r"\^\{([^{}]*)\}", r"<sup>\1</sup>", shown)
        shown = re.sub(r"_([A-Za-z0-9])", r"<sub>\1</sub>", shown)
        shown = re.sub(r"\^([A-Za-z0-9])", r"<sup>\1</sup>", shown)
    return f"<i>{shown.replace('{', '').replace('}', '')}</i>"
