"""What the kernels of the fused convolution read, write and compute: a part of `traffic`."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor

from equivar._shapes import Int
from equivar.kernels.convolution_triton_tables import Lists, Tables, tables
from equivar.kernels.couplings import coupling
from equivar.kernels.launch_triton import EDGES, blocks, tile
from equivar.kernels.paths import Path
from equivar.kernels.traffic import ENTRY, INDEX, Traffic

__all__ = ["convolution_traffic"]


def convolution_traffic(
    paths: tuple[Path, ...],
    source: Int[Tensor, " n_edges"],
    target: Int[Tensor, " n_edges"],
    n: int,
    size: int,
    item: int = 4,
) -> dict[str, Traffic]:
    """Of `convolution` and its three gradients, where each edge has its own weights.

    Args:
        paths: what is multiplied, at least one path.
        source: the row of x of each edge.
        target: the row of the result.
        n: the rows of x.
        size: the rows of the result.
        item: the bytes of a number.

    Returns:
        By what is made: "values", "by x", "by Y", "by w", and "torch", the values by their
        definition, which writes messages to memory.

    The kernel keeps messages to itself: its least traffic is a fraction of what the definition
    writes and reads.

    >>> from equivar.kernels.paths import depthwise_paths
    >>> paths, _ = depthwise_paths("8x0e + 8x1o", "0e + 1o", keep=["0e", "1o"])
    >>> source, target = torch.arange(20) % 4, torch.arange(20) // 5
    >>> found = convolution_traffic(paths, source, target, 4, 4)
    >>> found["values"].least_total < found["torch"].total / 4
    True
    """
    t = tables(paths, torch.float32, torch.device("cpu"))
    graph = source, target
    d_in = max(p.start_in + p.mul * (2 * p.l1 + 1) for p in paths)
    d_out = sum(p.mul * (2 * p.l3 + 1) for p in paths)
    widths = {
        "x": len(source.unique()) * d_in * item,
        "Y": len(source) * max(p.start_filter + 2 * p.l2 + 1 for p in paths) * item,
        "w": len(source) * sum(p.mul for p in paths) * item,
        "g": len(target.unique()) * d_out * item,
    }
    index = {"sources": INDEX * len(source), "targets": INDEX * len(source)}
    fewest = _fewest(paths) * len(source)
    found = {}
    for name, lists, ends, rows, read, wide in (
        ("values", t.there, (target, source), size, "x", d_out),
        ("by x", t.back, (source, target), n, "g", d_in),
    ):
        asked, operations = _sum(lists, ends[0], rows, item, t.channels)
        least = {"out": rows * wide * item, "x": widths[read], "Y": widths["Y"], "w": widths["w"]}
        least |= {"starts": INDEX * (rows + 1), "nodes": INDEX * len(source)}
        found[name] = Traffic(asked, least, operations, fewest)
    asked, operations = _by_weights(t, len(source), item)
    least = {name: widths[name] for name in ("x", "Y", "g")} | index | {"dw": widths["w"]}
    found["by w"] = Traffic(asked, least, operations, fewest)
    asked, operations = _by_filter(t, len(source), item)
    least = {name: widths[name] for name in ("x", "w", "g")} | index | {"dY": widths["Y"]}
    found["by Y"] = Traffic(asked, least, operations, fewest)
    found["torch"] = _definition(paths, graph, size, item, found["values"])
    return found


def _parts(lists: Lists, channels: int) -> list[tuple[int, int, int, int]]:
    """Of each task: its filled channels, lines, groups and terms."""
    lines, groups = lists.lines.tolist(), lists.groups.tolist()
    return [
        (
            min(mul - first, channels),
            last_line - first_line,
            lines[last_line] - lines[first_line],
            groups[lines[last_line]] - groups[lines[first_line]],
        )
        for first, mul, _, _, first_line, last_line in lists.tasks.tolist()
    ]


def _sum(
    lists: Lists, ends: Tensor, rows: int, item: int, channels: int
) -> tuple[dict[str, int], int]:
    """`sum_edges`: what is asked for, and operations."""
    degrees = torch.bincount(ends, minlength=rows)
    side = tile(len(ends) // max(rows, 1), EDGES)
    edges, tiles = int(degrees.sum()), int(((degrees + side - 1) // side).sum())
    parts = _parts(lists, channels)
    n_lines, n_groups, n_terms = (sum(part[k] for part in parts) for k in (1, 2, 3))
    asked = {
        "tasks": 6 * ENTRY * len(parts) * rows,
        "starts": 2 * INDEX * len(parts) * rows,
        **dict.fromkeys(("edges", "nodes", "rows"), INDEX * edges * n_lines),
        "lines": 2 * ENTRY * tiles * n_lines,
        "groups": 2 * ENTRY * tiles * n_groups,
        "factors": 2 * ENTRY * tiles * n_groups,
        "terms": 2 * ENTRY * tiles * n_terms,
        "coefficients": item * tiles * n_terms,
        "Y": item * edges * n_terms,
        "x": item * edges * sum(c * terms for c, _, _, terms in parts),
        "w": item * edges * sum(c * groups for c, _, groups, _ in parts),
        "out": item * rows * sum(c * lines for c, lines, _, _ in parts),
    }
    each = sum(terms * (1 + 2 * c) + groups * 2 * c for c, _, groups, terms in parts)
    return asked, edges * each


def _by_weights(t: Tables, edges: int, item: int) -> tuple[dict[str, int], int]:
    """`differentiate_weights`."""
    tiles, parts = blocks(edges, EDGES), _parts(t.there, t.channels)
    n_lines, n_terms = (sum(part[k] for part in parts) for k in (1, 3))
    asked = {
        "tasks": 6 * ENTRY * len(parts) * tiles,
        **dict.fromkeys(("sources", "targets"), INDEX * edges * len(parts)),
        "lines": ENTRY * tiles * (n_lines + len(parts)),
        "groups": 2 * ENTRY * tiles * n_lines,
        "factors": ENTRY * tiles * (n_lines + len(parts)),
        "terms": 2 * ENTRY * tiles * n_terms,
        "coefficients": item * tiles * n_terms,
        "Y": item * edges * n_terms,
        "x": item * edges * sum(c * terms for c, _, _, terms in parts),
        "g": item * edges * sum(c * lines for c, lines, _, _ in parts),
        "dw": item * edges * sum(c for c, _, _, _ in parts),
    }
    each = sum(terms * (1 + 2 * c) + lines * 2 * c for c, lines, _, terms in parts)
    return asked, edges * each


def _by_filter(t: Tables, edges: int, item: int) -> tuple[dict[str, int], int]:
    """`differentiate_filter`."""
    table, tiles = t.by_filter, blocks(edges, EDGES)
    n_filter = len(table.columns) - 1
    starts, muls = table.starts.tolist(), table.groups[:, 1].tolist()
    numbers = [end - start for start, end in pairwise(starts)]
    passes = [blocks(mul, t.channels) for mul in muls]
    n_terms = sum(number * times for number, times in zip(numbers, passes, strict=True))
    per_channel = sum(number * mul for number, mul in zip(numbers, muls, strict=True))
    asked = {
        **dict.fromkeys(("sources", "targets", "rows"), INDEX * edges * n_filter),
        "columns": 2 * ENTRY * tiles * n_filter,
        "groups": ENTRY * tiles * (len(muls) + 5 * sum(passes)),
        "starts": 2 * ENTRY * tiles * sum(passes),
        "terms": 2 * ENTRY * tiles * n_terms,
        "coefficients": item * tiles * n_terms,
        **dict.fromkeys(("x", "g"), item * edges * per_channel),
        "w": item * edges * sum(muls),
        "dY": item * edges * n_filter,
    }
    return asked, edges * (3 * per_channel + 2 * sum(muls))


def _fewest(paths: tuple[Path, ...]) -> int:
    """Operations for one edge: its matrices once, then each channel's entries and weights.

    The weights may be multiplied to whichever side of a matrix has fewer components.
    """
    made = 0
    for l1, l2, l3, _ in {(p.l1, p.l2, p.l3, p.start_filter) for p in paths}:
        C = coupling(l1, l2, l3) != 0
        made += 2 * int(C.sum()) - int(C.any(dim=1).sum())
    for p in paths:
        entries = int((coupling(p.l1, p.l2, p.l3) != 0).any(dim=1).sum())
        made += p.mul * (2 * entries + 2 * min(p.l1, p.l3) + 1)
    return made


def _definition(
    paths: tuple[Path, ...], graph: tuple[Tensor, Tensor], size: int, item: int, kernel: Traffic
) -> Traffic:
    """The form to read: what its intermediate results cost, path by path."""
    edges = len(graph[0])
    asked = dict.fromkeys(("source", "target"), INDEX * edges * len(paths))
    asked |= dict.fromkeys(("x", "gathered", "matrices", "messages", "Y", "w", "out"), 0)
    operations = 0
    for p in paths:
        d1, d2, d3 = 2 * p.l1 + 1, 2 * p.l2 + 1, 2 * p.l3 + 1
        message, gathered, matrix = p.mul * d3, p.mul * d1, d1 * d3
        asked["x"] += item * edges * gathered
        asked["gathered"] += item * edges * 2 * gathered  # written, read
        asked["Y"] += item * edges * d2
        asked["matrices"] += item * edges * 2 * matrix
        asked["messages"] += item * edges * 4 * message  # written, read and weighted, read again
        asked["w"] += item * edges * p.mul
        asked["out"] += item * (size + 2 * edges) * message + 2 * item * size * message
        operations += edges * (2 * d1 * d2 * d3 + 2 * p.mul * d1 * d3 + 2 * message)
    return Traffic(asked, kernel.least, operations, kernel.least_operations)
