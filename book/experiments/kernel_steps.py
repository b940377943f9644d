"""Kernels step by step, for the widget of lecture 13: python book/experiments/kernel_steps.py.

Three jobs, two ways each. Triton's interpreter runs the library's kernels on a few numbers, and
every load and store is written down: `lib/equivar/widgets/kernel_steps.json`. The kernels are those
of the library, in smaller tiles; one is written here, since the library has no use for its layout.
Seconds on one core; it needs Triton, and no GPU.
"""

from __future__ import annotations

import argparse
import ast
import inspect
import json
from pathlib import Path
from typing import Any

from coursetools.device import choose_device

choose_device()  # before Triton is imported

import torch  # noqa: E402
import triton  # noqa: E402
import triton.language as tl  # noqa: E402
from torch import Tensor  # noqa: E402

from coursetools.accesses import AccessLog, record  # noqa: E402
from equivar.kernels.couplings import coupling  # noqa: E402
from equivar.kernels.products import entries  # noqa: E402
from equivar.kernels.products_triton import multiply_rows  # noqa: E402
from equivar.kernels.rotate_triton import turn  # noqa: E402
from equivar.kernels.segments_triton import add_rows, sum_rows  # noqa: E402
from equivar.rotations import random_rotations  # noqa: E402

RESULTS = Path(__file__).parents[2] / "lib" / "equivar" / "widgets" / "kernel_steps.json"
CLOUDS, POINTS, ROWS = 2, 16, 16
SOURCE = (0, 3, 5, 1, 4, 2, 0, 4, 5, 1, 3, 2)
TARGET = (0, 0, 0, 0, 0, 1, 1, 2, 2, 2, 2, 3)
NODES, SIZE, WIDTH, EDGES = 6, 4, 8, 4


@triton.jit
def turn_columns(R, x, y, n, POINTS: tl.constexpr):
    """The same points, stored coordinate after coordinate: all x, then all y, then all z."""
    cloud = tl.program_id(0)
    point = tl.arange(0, POINTS)
    there = point < n
    at = cloud * 3 * n + point
    x0 = tl.load(x + at, mask=there, other=0.0)
    x1 = tl.load(x + at + n, mask=there, other=0.0)
    x2 = tl.load(x + at + 2 * n, mask=there, other=0.0)
    for i in tl.static_range(3):
        row = R + cloud * 9 + 3 * i
        turned = tl.load(row) * x0 + tl.load(row + 1) * x1 + tl.load(row + 2) * x2
        tl.store(y + at + i * n, turned, mask=there)


def way(name: str, kernel: Any, log: AccessLog, columns: list[list[str]]) -> dict[str, Any]:
    """What one kernel did, in steps: each an access of many elements, with the single ones before.

    Args:
        name: what the reader calls it.
        kernel: made by `triton.jit`.
        log: of one launch.
        columns: the arrays, as they are drawn: some beside each other, some below.
    """
    lines, first = inspect.getsourcelines(kernel.fn)
    (function,) = ast.parse("".join(lines)).body
    assert isinstance(function, ast.FunctionDef)
    skipped = function.body[1].lineno - 1  # the head, and what the docstring says
    lines, first = lines[skipped:], first + skipped
    steps: list[dict[str, Any]] = []
    single: list[list[Any]] = []
    for a in log.accesses:
        elements = a.elements.tolist()
        if a.offsets.size == 1:
            single.append([a.array, elements[0]])
        elif elements:
            step = {"program": a.program[0], "line": a.line - first, "kind": a.kind}
            steps.append({**step, "array": a.array, "at": elements, "single": single})
            single = []
    steps[-1]["single"] = steps[-1]["single"] + single
    used = {array for column in columns for array in column}
    assert used == {a.array for a in log.accesses}
    assert log.faults() == log.races() == []
    return {
        "name": name,
        "kernel": kernel.fn.__name__,
        "source": [line.rstrip("\n").removeprefix("    ") for line in lines],
        "columns": [
            [{"name": n, "size": log.sizes[0, n], "item": log.item_sizes[0, n]} for n in column]
            for column in columns
        ],
        "steps": steps,
    }


def rotations() -> dict[str, Any]:
    """Two clouds of points, stored by point or by coordinate."""
    draw = torch.Generator().manual_seed(0)
    R = random_rotations(CLOUDS, generator=draw).float()
    x = torch.randn(CLOUDS, POINTS, 3, generator=draw)
    wanted, columns = x @ R.mT, [["R"], ["x"], ["y"]]
    by_point, by_coordinate = torch.empty_like(x), torch.empty(CLOUDS, 3, POINTS)
    with record() as one:
        turn[(CLOUDS,)](R, x, by_point, POINTS, 1, POINTS=POINTS)
    with record() as other:
        turn_columns[(CLOUDS,)](R, x.mT.contiguous(), by_coordinate, POINTS, POINTS=POINTS)
    torch.testing.assert_close(by_point, wanted)
    torch.testing.assert_close(by_coordinate.mT, wanted)
    return {
        "name": "turn points",
        "ways": [
            way("point after point", turn, one, columns),
            way("coordinate after coordinate", turn_columns, other, columns),
        ],
    }


def sums() -> dict[str, Any]:
    """Twelve edges, four targets: sorted by target, or as they come."""
    x = torch.randn(NODES, WIDTH, generator=torch.Generator().manual_seed(0))
    source, target = torch.tensor(SOURCE), torch.tensor(TARGET)
    starts = torch.searchsorted(target, torch.arange(SIZE + 1))
    wanted = torch.zeros(SIZE, WIDTH).index_add(0, target, x[source])
    tiles = {"EDGES": EDGES, "COLUMNS": WIDTH}
    ordered, atomic = torch.empty(SIZE, WIDTH), torch.zeros(SIZE, WIDTH)
    with record() as one:
        sum_rows[(SIZE,)](x, source, starts, ordered, WIDTH, 1, **tiles)
    mixed = torch.randperm(len(source), generator=torch.Generator().manual_seed(1))
    graph: tuple[Tensor, Tensor] = source[mixed].contiguous(), target[mixed].contiguous()
    with record() as other:
        add_rows[(len(source) // EDGES,)](x, *graph, atomic, len(source), WIDTH, 1, **tiles)
    torch.testing.assert_close(ordered, wanted)
    torch.testing.assert_close(atomic, wanted)
    return {
        "name": "add up edges",
        "ways": [
            way("sorted by target", sum_rows, one, [["x"], ["source", "starts"], ["out"]]),
            way("atomic, as they come", add_rows, other, [["x"], ["source", "target"], ["out"]]),
        ],
    }


def products() -> dict[str, Any]:
    """1 x 1 -> 1 by the entries that are not zero, and by all 27."""
    a, b = torch.randn(2, ROWS, 3, generator=torch.Generator().manual_seed(0))
    C = coupling(1, 1, 1).float()
    wanted = torch.einsum("ni,nj,ijk->nk", a, b, C)
    pairs = torch.cartesian_prod(torch.arange(3), torch.arange(3)).repeat(3, 1).int()
    few = entries((1, 1, 1), (0, 1, 2), torch.float32, torch.device("cpu"))
    every = (
        torch.tensor([0, 9, 18, 27], dtype=torch.int32),
        pairs.contiguous(),
        C.permute(2, 0, 1).flatten().contiguous(),
    )
    columns = [["a", "b"], ["starts", "factors", "coefficients"], ["out"]]
    ways = []
    for name, table in (("no zeros", few), ("the whole table", every)):
        out = torch.empty(ROWS, 3)
        with record() as log:
            multiply_rows[(1,)](a, b, out, *table, ROWS, 3, 3, 3, ROWS=ROWS)
        torch.testing.assert_close(out, wanted)
        ways.append(way(name, multiply_rows, log, columns))
    return {"name": "multiply 1 × 1 → 1", "ways": ways}


def stories() -> list[dict[str, Any]]:
    """All that the widget plays."""
    return [rotations(), sums(), products()]


def main() -> None:
    """Write the file."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--out", type=Path, default=RESULTS)
    out = parser.parse_args().out
    whole = [json.dumps(story, ensure_ascii=False) for story in stories()]
    out.write_text("[\n" + ",\n".join(whole) + "\n]\n", "utf-8")


if __name__ == "__main__":
    main()
