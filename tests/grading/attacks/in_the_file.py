"""In the file: notebooks that are edited, broken, or made to break whoever reads them."""

from __future__ import annotations

import json
from typing import Any

from .attack import Attack, Evidence, Notebook, Scene, checks, edit, file


def _answer(notebook: Notebook, name: str) -> dict[str, Any]:
    return next(c for c in notebook["cells"] if c["metadata"].get("name") == name)


def cleared_outputs(notebook: Notebook) -> None:
    for cell in checks(notebook):
        cell.update(outputs=[], execution_count=None)


def skip_tags(notebook: Notebook) -> None:
    for cell in checks(notebook):
        cell["metadata"]["tags"] = ["nbval-skip"]
        cell["source"] = "# NBVAL_SKIP\n"


def raises_tags(notebook: Notebook) -> None:
    for cell in checks(notebook):
        cell["metadata"]["tags"] = ["raises-exception"]
        cell["source"] = ["# NBVAL_RAISES_EXCEPTION\n", "raise ValueError\n"]


def edited_outputs(notebook: Notebook) -> None:
    for cell in checks(notebook):
        cell["source"] = "print('check> all is well')"
        cell["metadata"]["reference"] = ["check> all is well"]
        cell["outputs"] = [
            {"output_type": "stream", "name": "stdout", "text": "check> all is well\n"}
        ]


def changed_points(notebook: Notebook) -> None:
    for cell in checks(notebook):
        cell["metadata"]["points"] = 1000


def checks_of_their_own(notebook: Notebook) -> None:
    # No code cells, so `rotation` is still the only answer of its name.
    for cell in checks(notebook):
        cell["metadata"]["name"] = "rotation"
        cell["metadata"]["role"] = "given"
        cell["cell_type"] = "raw"


def other_cells(notebook: Notebook) -> None:
    notebook["cells"].insert(0, {"cell_type": "code", "metadata": {}, "source": "1 / 0"})
    notebook["metadata"] = {"kernelspec": {"name": "evil", "language": "bash"}, "role": "check"}
    notebook["cells"] = [c for c in notebook["cells"] if c["metadata"].get("role") != "check"]


def twice(notebook: Notebook) -> None:
    notebook["cells"].append(_answer(notebook, "rotate"))


def renamed(notebook: Notebook) -> None:
    _answer(notebook, "rotate")["metadata"]["name"] = "check-rotate"


def exchanged(notebook: Notebook) -> None:
    one, other = _answer(notebook, "rotation"), _answer(notebook, "count")
    one["metadata"], other["metadata"] = other["metadata"], one["metadata"]


def strange_sources(notebook: Notebook) -> None:
    _answer(notebook, "rotate")["source"] = ["def ", 1, None, ["x"], {"a": 1}, "\ud800\0"]
    _answer(notebook, "count")["source"] = {"no": "text"}


def strange_metadata(notebook: Notebook) -> None:
    for kind in (None, 7, [], "x", {"name": ["rotation"]}, {"name": {"a": 1}}, {"name": None}):
        notebook["cells"].append({"cell_type": "code", "metadata": kind, "source": "1"})
    notebook["cells"] += [{}, {"cell_type": None}, {"source": 1}]


def a_million_lines(notebook: Notebook) -> None:
    _answer(notebook, "rotate")["source"] = "x = 1\n" * 1_000_000


def null_bytes(notebook: Notebook) -> None:
    _answer(notebook, "rotate")["source"] += ["\0\0 = '\0'"]


def deep_code(notebook: Notebook) -> None:
    _answer(notebook, "rotate")["source"] = "x = " + "(" * 50_000 + ")" * 50_000


def markup(notebook: Notebook) -> None:
    evil = "<script>fetch('http://192.0.2.1')</script><img src=x onerror=alert(1)>"
    notebook["cells"][0]["source"] = evil
    _answer(notebook, "rotate")["source"] = (
        f"from IPython.display import HTML, Javascript, display\n"
        f"display(HTML({evil!r}), Javascript('alert(1)'))\n"
        f"# {evil} --></pre></code>\n"
        f"def rotate(points, angle):\n    raise ValueError({evil!r} + '</pre>' + \"' onload='\")\n"
    )


def _inert(evidence: Evidence) -> str:
    from .pages import assert_inert

    page = evidence.feedback
    assert_inert(page)
    assert "&lt;script&gt;" in page, "the page does not even show it"
    return "text on the page, no tag, no handler, and a policy that forbids scripts"


def double_keys(scene: Scene) -> bytes:
    text = json.dumps(scene.two_points())
    return text.replace('"cells":', '"cells": "none", "cells":', 1).encode()


def _large(scene: Scene, student: str) -> None:
    path = scene.hand_in(student, scene.two_points())
    with path.open("ab") as handle:
        handle.truncate(200_000_000)


def _format_3(scene: Scene) -> bytes:
    cells = [{"cell_type": "code", "input": "rotate = 1", "metadata": {"name": "rotate"}}]
    old = {"nbformat": 3, "nbformat_minor": 0, "metadata": {}, "worksheets": [{"cells": cells}]}
    return json.dumps(old).encode()


ATTACKS: list[Attack] = [
    edit("cleared-outputs", "clears all outputs, so that nothing is compared", cleared_outputs),
    edit("skip-tags", "tags the checks as skipped", skip_tags),
    edit("raises-tags", "tags the checks as allowed to fail", raises_tags),
    edit("edited-outputs", "writes other checks, with other references", edited_outputs),
    edit("changed-points", "makes each check worth 1000 points", changed_points),
    edit("checks-of-their-own", "renames checks to an answer", checks_of_their_own),
    edit("other-cells", "adds cells, another kernel, and deletes the checks", other_cells),
    edit("double-cell", "has one answer twice", twice, says="2 answer cells `rotate`"),
    edit("renamed-cell", "gives an answer a check's name", renamed, says="no answer cell `rotate`"),
    edit("exchanged-cells", "exchanges two answers' names", exchanged, points=0),
    edit("strange-sources", "has code that is no text", strange_sources, says="SyntaxError"),
    edit("strange-metadata", "has metadata of every type", strange_metadata),
    edit("a-million-lines", "has a cell of a million lines", a_million_lines, says="200,000"),
    edit("null-bytes", "has null bytes in its code", null_bytes),
    edit("deep-code", "has 50,000 brackets in its code", deep_code),
    edit("markup", "puts HTML and JavaScript into code, output and errors", markup, proof=_inert),
    file("double-keys", "says everything twice, differently", double_keys),
    Attack("200-MB", "is a notebook of 200 MB", _large, points=0, says="more than 20 MB"),
    file("format-3", "is of notebook format 3", _format_3, points=0, says="format 3"),
    file(
        "deep-json",
        "is JSON nested a million times",
        lambda scene: b'{"cells": ' + b"[" * 1_000_000,
        points=0,
        says="is no notebook",
    ),
    file("invalid-utf-8", "is no UTF-8", lambda scene: b"\xff\xfe\x00{", points=0, says="UTF-8"),
    file("empty", "is empty", lambda scene: b"", points=0, says="is empty"),
    file(
        "cut-off",
        "ends in the middle",
        lambda scene: json.dumps(scene.two_points()).encode()[:-500],
        points=0,
        says="upload cut off",
    ),
    file(
        "a-long-number",
        "has a number of a million digits",
        lambda scene: b'{"cells": ' + b"9" * 1_000_000 + b"}",
        points=0,
        says="is no notebook",
    ),
    file(
        "many-small-cells",
        "has a million cells of no content",
        lambda scene: b'{"cells": [' + b"{}," * 1_000_000 + b"{}]}",
        points=0,
        says="no answer cell",
    ),
]
