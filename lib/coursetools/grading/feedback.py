"""Write one self-contained page for each submission: the student's code, and what each check said.

A student's code is text here, never markup: everything is escaped, and the page's own policy
forbids scripts, so a page that an instructor opens runs nothing.
"""

from __future__ import annotations

import re
from html import escape
from pathlib import Path
from typing import Any

from coursetools.grading.results import Check, Result, write_text

PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark; --paper: #fff; --ink: #1f2328; --muted: #59636e; --box: #f6f8fa;
  --line: #d1d9e0; --good: #116329; --bad: #a40e26; }}
@media (prefers-color-scheme: dark) {{ :root {{ --paper: #0d1117; --ink: #e6edf3; --muted: #9aa4af;
  --box: #161b22; --line: #30363d; --good: #56d364; --bad: #ff9a94; }} }}
body {{ margin: 0 auto; max-width: 46rem; padding: 1.5rem 1rem 4rem; background: var(--paper);
  color: var(--ink); font: 1rem/1.55 system-ui, sans-serif; }}
h1 {{ font-size: 1.6rem; margin: 0; }} h2 {{ font-size: 1.2rem; margin: 2.5rem 0 .5rem; }}
h3 {{ font-size: 1rem; margin: 1.2rem 0 .3rem; }}
.score {{ font-size: 1.2rem; }} .muted {{ color: var(--muted); }}
.good {{ color: var(--good); }} .bad {{ color: var(--bad); }}
pre {{ background: var(--box); border: 1px solid var(--line); border-radius: 6px; padding: .75rem;
  font: .875rem/1.45 ui-monospace, monospace; margin: .3rem 0; white-space: pre-wrap;
  overflow-wrap: anywhere; tab-size: 4; }}
.check {{ border-left: 4px solid; padding-left: .8rem; margin: 1rem 0; }}
.check > * {{ color: var(--ink); }} .check h3 {{ color: inherit; }}
</style>
</head>
<body>
<main>
{body}
</main>
</body>
</html>
"""


def write_feedback(out: Path, result: Result, pristine: dict[str, Any]) -> Path:
    """Write `feedback/<student>/<stem>.html` and return its path."""
    path = out / "feedback" / result.student / f"{result.stem}.html"
    write_text(path, page(result, pristine))
    return path


def page(result: Result, pristine: dict[str, Any]) -> str:
    """The feedback page as HTML.

    Args:
        result: What grading found out.
        pristine: The exercise notebook, for titles and the order of answers and checks.
    """
    possible = sum(check.points for check in result.checks)
    title = _headings("\n".join(_markdown(pristine)), "# ") or [result.stem]
    parts = [
        f"<p class='muted'>{_text(result.student)}</p>",
        f"<h1>{_text(title[0])}</h1>",
        f"<p class='score'><strong>{result.points}</strong> of {possible} points</p>",
    ]
    parts += [f"<p class='bad'>{_text(problem)}</p>" for problem in result.problems]
    checks = {check.name: check for check in result.checks}
    heading = ""
    for cell in pristine["cells"]:
        metadata = cell["metadata"]
        name = metadata.get("name", "")
        if cell["cell_type"] == "markdown":
            found = _headings("".join(cell["source"]), "##")
            heading = found[-1] if found else heading
        elif metadata.get("role") == "answer":
            parts.append(f"<h2>{_text(heading or name)}</h2>")
            heading = ""
            parts += _answer(name, result)
        elif metadata.get("role") == "check" and name in checks:
            parts.append(_check(checks[name]))
    return PAGE.format(title=_text(f"{result.student}: {title[0]}"), body="\n".join(parts))


def _answer(name: str, result: Result) -> list[str]:
    if name not in result.code:
        return [f"<p class='bad'>No answer cell <code>{_text(name)}</code> was read.</p>"]
    parts = [
        f"<p class='muted'>Your answer <code>{_text(name)}</code></p>",
        f"<pre tabindex='0'><code>{_text(result.code[name])}</code></pre>",
    ]
    if name in result.answers:
        parts.append("<p>This cell itself did not run to its end:</p>")
        parts.append(f"<pre>{_text(result.answers[name])}</pre>")
    return parts


def _check(check: Check) -> str:
    # Words and a sign beside the color, for those who do not see it.
    kind, word = ("good", "✓ Passed") if check.passed else ("bad", "✗ Not passed")
    earned = check.points if check.passed else 0
    message = f"<pre>{_text(check.message)}</pre>" if check.message else ""
    return (
        f"<section class='check {kind}'><h3>{word}: {_text(check.name)}, "
        f"{earned} of {check.points}</h3>{message}</section>"
    )


def _markdown(pristine: dict[str, Any]) -> list[str]:
    return ["".join(c["source"]) for c in pristine["cells"] if c["cell_type"] == "markdown"]


def _headings(text: str, mark: str) -> list[str]:
    return re.findall(rf"^{mark}#* *(.+?)\s*$", text, flags=re.MULTILINE)


def _text(text: str) -> str:
    return escape(text, quote=True)
