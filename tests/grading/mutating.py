"""Notebooks that are broken at random: structure, types, names, text and bytes."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from random import Random
from typing import Any

Notebook = dict[str, Any]

TEXTS = ("", "rotate", "rotation", "check-rotate", "\0", "\ud800", "é", "1/0\n", "'", "x" * 999)
NAMES = ("rotation", "rotate", "count", "check-rotate", "check-count", "", None, 7, ["rotate"])


def garbage(random: Random, depth: int = 3) -> Any:
    """Any JSON, and some that is none."""
    kind = random.randrange(9 if depth else 7)
    if kind == 7:
        return [garbage(random, depth - 1) for _ in range(random.randrange(4))]
    if kind == 8:
        return {
            random.choice(TEXTS): garbage(random, depth - 1) for _ in range(random.randrange(4))
        }
    simple = (None, True, random.randrange(-9, 9), 10**400, float("nan"), random.choice(TEXTS), 0.5)
    return simple[kind]


def _cell(random: Random, notebook: Notebook) -> Any:
    cells = notebook.get("cells")
    if not isinstance(cells, list) or not cells:
        return {}
    cell = random.choice(cells)
    return cell if isinstance(cell, dict) else {}


def _drop(random: Random, notebook: Notebook) -> None:
    if isinstance(notebook.get("cells"), list) and notebook["cells"]:
        notebook["cells"].pop(random.randrange(len(notebook["cells"])))


def _double(random: Random, notebook: Notebook) -> None:
    if isinstance(notebook.get("cells"), list):
        notebook["cells"].append(copy.deepcopy(_cell(random, notebook)))


def _add(random: Random, notebook: Notebook) -> None:
    if isinstance(notebook.get("cells"), list):
        place = random.randrange(len(notebook["cells"]) + 1)
        notebook["cells"].insert(place, garbage(random))


def _rename(random: Random, notebook: Notebook) -> None:
    metadata = _cell(random, notebook).get("metadata")
    if isinstance(metadata, dict):
        metadata["name"] = random.choice(NAMES)
        metadata["role"] = random.choice(("answer", "check", "given", None, 3))


def _retype(random: Random, notebook: Notebook) -> None:
    _cell(random, notebook)["cell_type"] = random.choice(("code", "raw", "markdown", None, 1, []))


def _metadata(random: Random, notebook: Notebook) -> None:
    _cell(random, notebook)["metadata"] = garbage(random)


def _source(random: Random, notebook: Notebook) -> None:
    cell = _cell(random, notebook)
    cell["source"] = random.choice(
        (garbage(random), [garbage(random) for _ in range(3)], [cell.get("source")], None)
    )


def _outputs(random: Random, notebook: Notebook) -> None:
    _cell(random, notebook)[random.choice(("outputs", "execution_count", "id"))] = garbage(random)


def _top(random: Random, notebook: Notebook) -> None:
    name = random.choice(("cells", "metadata", "nbformat", "nbformat_minor", "worksheets", "x"))
    notebook[name] = garbage(random)


def _shuffle(random: Random, notebook: Notebook) -> None:
    if isinstance(notebook.get("cells"), list):
        random.shuffle(notebook["cells"])


# The last ones less often: they end most notebooks.
CHANGES: list[Callable[[Random, Notebook], None]] = [
    *(_drop, _double, _add, _rename, _retype, _metadata, _source, _outputs, _shuffle) * 3,
    _top,
]


def mutate(random: Random, notebook: Notebook, most: int = 6) -> bytes:
    """The notebook with some changes, and sometimes with some bytes changed, too."""
    notebook = copy.deepcopy(notebook)
    for _ in range(random.randrange(1, most)):
        random.choice(CHANGES)(random, notebook)
    data = json.dumps(notebook, ensure_ascii=random.random() < 0.9).encode(errors="surrogatepass")
    if random.random() < 0.25:
        place = random.randrange(len(data) + 1)
        data = random.choice(
            (
                data[:place],
                data[place:],
                data[:place] + bytes([random.randrange(256)]) + data[place + 1 :],
                data[:place] + data[max(0, place - 200) :],
                b"\xef\xbb\xbf" + data,
                data + b"\0",
                data.replace(b'"', b"'"),
            )
        )
    return data
