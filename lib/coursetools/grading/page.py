"""The frame of every page that grading writes: one style, no scripts, nothing from elsewhere.

The page's own policy forbids scripts, pictures, forms and requests, so a page that shows what a
stranger submitted runs nothing, whatever slipped through the escaping.
"""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

STYLE = r"""
:root { color-scheme: light dark; --paper: #fff; --ink: #1f2328; --muted: #59636e; --box: #f6f8fa;
  --line: #d1d9e0; --good: #116329; --bad: #a40e26; --link: #0550ae; --bar: #2a6fb0; }
@media (prefers-color-scheme: dark) { :root { --paper: #0d1117; --ink: #e6edf3; --muted: #9aa4af;
  --box: #161b22; --line: #30363d; --good: #56d364; --bad: #ff9a94; --link: #79b8ff;
  --bar: #6cb0f0; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 46rem; padding: 1.5rem 1rem 4rem; background: var(--paper);
  color: var(--ink); font: 1rem/1.55 system-ui, sans-serif; overflow-wrap: break-word; }
h1 { font-size: 1.6rem; line-height: 1.25; margin: 0; }
h2 { font-size: 1.2rem; margin: 2.5rem 0 .5rem; border-top: 1px solid var(--line);
  padding-top: 1.2rem; }
h3 { font-size: 1rem; margin: 1.2rem 0 .3rem; }
a { color: var(--link); } p { margin: .5rem 0; }
.score { font-size: 1.2rem; } .muted { color: var(--muted); } .small { font-size: .875rem; }
.good { color: var(--good); } .bad { color: var(--bad); }
pre { background: var(--box); border: 1px solid var(--line); border-radius: 6px; padding: .75rem;
  font: .875rem/1.45 ui-monospace, monospace; margin: .3rem 0; white-space: pre-wrap;
  overflow-wrap: anywhere; tab-size: 4; }
code { font: .9em ui-monospace, monospace; overflow-wrap: anywhere; }
.check { border-left: 4px solid; padding-left: .8rem; margin: 1rem 0; }
.check > * { color: var(--ink); } .check h3 { color: inherit; }
.pair { display: grid; grid-template-columns: max-content 1fr; gap: .1rem .8rem; margin: .5rem 0; }
.pair dt { color: var(--muted); } .pair dd { margin: 0; min-width: 0; }
details { border: 1px solid var(--line); border-radius: 6px; padding: .4rem .75rem;
  margin: .6rem 0; }
summary { cursor: pointer; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; padding: .35rem .6rem .35rem 0; border-bottom: 1px solid var(--line);
  vertical-align: top; }
.number { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
svg { display: block; width: 100%; height: auto; }
svg text { fill: var(--ink); font: 12px system-ui, sans-serif; }
svg .faint { fill: var(--muted); } svg .bar { fill: var(--bar); } svg .rail { fill: var(--line); }
svg line { stroke: var(--line); }
details > pre { border: 0; padding: .4rem 0; background: none; }
th[scope=row] { font-weight: 400; overflow-wrap: anywhere; }
.plots { display: grid; gap: 1rem 1.5rem;
  grid-template-columns: repeat(auto-fill, minmax(min(18rem, 100%), 1fr)); }
figure { margin: 0; } figcaption { font-size: .875rem; color: var(--muted); }
.share { width: 5rem; display: inline-block; vertical-align: middle; }
th code, td code:not(.said) { overflow-wrap: normal; white-space: nowrap; }
.lines { white-space: pre-line; }
.kind { margin: 1rem 0; } q { quotes: '\201c' '\201d'; }
@media print { details:not([open]) { display: none; } }
"""

POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


def whole_page(title: str, body: Iterable[str], *, wide: bool = False) -> str:
    """A complete HTML document.

    Args:
        title: Text, not yet escaped.
        body: Pieces of HTML.
        wide: For a page of tables and plots.
    """
    width = "body { max-width: 60rem; }\n.scroll table { min-width: 38rem; }\n" if wide else ""
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
        '<meta name="referrer" content="no-referrer">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{text(title)}</title>\n<style>{STYLE}{width}</style>\n</head>\n<body>\n<main>\n"
        + "\n".join(body)
        + "\n</main>\n</body>\n</html>\n"
    )


def text(content: object) -> str:
    r"""Anything as text of HTML, also within an attribute; control characters are left out.

    >>> text("<b> & \x00'")
    '&lt;b&gt; &amp; &#x27;'
    """
    shown = "".join(c for c in str(content) if c >= " " or c in "\n\t")
    return escape(shown, quote=True)


def points_of(earned: int, possible: int) -> str:
    """How many points of how many, in words.

    >>> points_of(1, 1), points_of(2, 6)
    ('1 of 1 point', '2 of 6 points')
    """
    return f"{earned} of {possible} point{'s' * (possible != 1)}"


def table(heading: Iterable[str], rows: Iterable[Iterable[str]], label: str) -> str:
    """A table that scrolls within itself; the first cell of a row is its head.

    Args:
        heading: Names of the columns, as text; one that begins with "#" is of numbers.
        rows: Cells as HTML.
        label: What the table shows, for whoever listens to the page.
    """
    names = list(heading)
    kinds = [" class='number'" if name.startswith("#") else "" for name in names]
    head = "".join(
        f"<th scope='col'{kind}>{text(name.lstrip('#'))}</th>"
        for name, kind in zip(names, kinds, strict=True)
    )
    lines = []
    for row in rows:
        first, *others = row
        cells = "".join(
            f"<td{kind}>{cell}</td>" for cell, kind in zip(others, kinds[1:], strict=True)
        )
        lines.append(f"<tr><th scope='row'>{first}</th>{cells}</tr>")
    return (
        f"<div class='scroll' tabindex='0' role='region' aria-label='{text(label)}'>"
        f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(lines)}</tbody></table></div>"
    )
