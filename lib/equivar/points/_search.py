"""Finding the pairs: points sorted into boxes, and for each point the boxes around its own."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import torch
from torch import Tensor

# Below this many points a graph is searched as one box: 27 boxes would cost more than all pairs.
ONE_BOX = 48
# Candidate pairs looked at together. It bounds memory, and changes no result.
AT_ONCE = 1_000_000


@dataclass(frozen=True)
class Box:
    """Lattices, one for each graph, with the directions that do not repeat filled in.

    Attributes:
        rows: (n_graphs, 3, 3) float64. A direction that does not repeat has a unit vector
            orthogonal to all that do, so that the coordinate along it is a length.
        periodic: which rows repeat.
    """

    rows: Tensor
    periodic: tuple[bool, ...]

    @classmethod
    def of(cls, cells: Tensor, periodic: tuple[bool, ...]) -> Box:
        """Fill in the rows that do not repeat."""
        repeating = [i for i in range(3) if periodic[i]]
        others = [i for i in range(3) if not periodic[i]]
        rows = torch.eye(3).to(cells).repeat(len(cells), 1, 1)
        if repeating:
            rows[:, repeating] = cells[:, repeating]
        if repeating and others:
            _, _, Vh = torch.linalg.svd(cells[:, repeating], full_matrices=True)
            rows[:, others] = Vh[:, len(repeating) :]
        return cls(rows, periodic)


@dataclass(frozen=True)
class _Grid:
    """Where the points are: n points in graphs that are cut into boxes."""

    place: Tensor  # (n, 3) the box of each point
    wraps: Tensor  # (n, 3) cells between a point and its image in the first cell
    boxes: Tensor  # (n_graphs, 3) how many boxes along each direction
    first: Tensor  # (n_graphs,) the number of each graph's first box
    offsets: Tensor  # (n_offsets, 3) which boxes around one have to be searched
    numbers: Tensor  # (n,) the number of each point's box, sorted
    order: Tensor  # (n,) the points in that order


def _number(place: Tensor, boxes: Tensor, first: Tensor) -> Tensor:
    x, y, z = place.unbind(-1)
    return first + (x * boxes[..., 1] + y) * boxes[..., 2] + z


def _grid(points: Tensor, cutoff: float, box: Box, graph: Tensor) -> _Grid:
    n_graphs, device = len(box.rows), points.device
    inverse = torch.linalg.inv(box.rows)
    coordinates = (points[:, None] @ inverse[graph]).squeeze(1)
    repeats = torch.tensor(box.periodic, device=device)
    wraps = torch.where(repeats, coordinates.floor(), 0.0)
    inside = coordinates - wraps
    width = 1 / inverse.norm(dim=1)  # (n_graphs, 3) between opposite faces of a cell
    index = graph[:, None].expand(-1, 3)
    least = torch.full_like(width, math.inf).scatter_reduce(0, index, inside, "amin")
    most = torch.full_like(width, -math.inf).scatter_reduce(0, index, inside, "amax")
    extent = torch.where(repeats, width, (most - least).clamp(min=0.0))
    # A little wider than the cutoff, so that rounding never puts a pair two boxes apart. At most
    # so many that their numbers fit an int64.
    boxes = (extent / (cutoff * (1 + 1e-6))).floor().clamp(1, max(1, 2**20 // max(n_graphs, 1)))
    sizes = torch.bincount(graph, minlength=n_graphs)[:, None]
    boxes = torch.where(~repeats & (sizes <= ONE_BOX), 1.0, boxes)
    reach = torch.where(repeats, (cutoff * boxes / width).ceil(), (boxes > 1).double())
    start = torch.where(repeats, 0.0, least)[graph]
    scale = torch.where(repeats, 1.0, extent.clamp(min=1e-300))[graph]
    place = ((inside - start) / scale * boxes[graph]).floor().long()
    boxes = boxes.long()
    place = torch.minimum(place.clamp(min=0), boxes[graph] - 1)  # walls belong to the last box
    volume = boxes.prod(dim=1)
    first = volume.cumsum(0) - volume
    numbers, order = torch.sort(_number(place, boxes[graph], first[graph]), stable=True)
    ranges = [range(-k, k + 1) for k in reach.amax(dim=0).long().tolist()]
    offsets = torch.tensor(list(itertools.product(*ranges)), device=device)
    return _Grid(place, wraps.long(), boxes, first, offsets, numbers, order)


def _pairs(
    target: Tensor, points: Tensor, cutoff: float, box: Box, graph: Tensor, grid: _Grid
) -> tuple[Tensor, Tensor, Tensor]:
    """The edges that end in some of the points."""
    here = graph[target]
    boxes = grid.boxes[here][:, None]
    moved = grid.place[target][:, None] + grid.offsets
    image = torch.div(moved, boxes, rounding_mode="floor")
    allowed = ((image == 0) | torch.tensor(box.periodic, device=points.device)).all(dim=-1)
    number = _number(moved - image * boxes, boxes, grid.first[here][:, None])
    begin = torch.searchsorted(grid.numbers, number)
    count = (torch.searchsorted(grid.numbers, number, right=True) - begin) * allowed
    begin, count = begin.flatten(), count.flatten()
    row = torch.repeat_interleave(count)
    rank = torch.arange(len(row), device=points.device) - (count.cumsum(0) - count)[row]
    source = grid.order[begin[row] + rank]
    which = row % len(grid.offsets)
    target = target[torch.div(row, len(grid.offsets), rounding_mode="floor")]
    vectors = points[target] - points[source]
    if any(box.periodic):
        shifts = grid.wraps[source] - grid.wraps[target] - image.flatten(0, 1)[row]
        rows = box.rows[graph[target]] if len(box.rows) > 1 else box.rows
        vectors = vectors + (shifts.to(points)[:, None] @ rows).squeeze(1)
        itself = (source == target) & (shifts == 0).all(dim=1)
    else:
        shifts, itself = target.new_zeros(len(target), 3), source == target
    near = ((vectors.square().sum(dim=1) < cutoff**2) & ~itself).nonzero().squeeze(1)
    source, target, shifts, which = source[near], target[near], shifts[near], which[near]
    by = torch.argsort((target * len(points) + source) * len(grid.offsets) + which)
    return source[by], target[by], shifts[by]


def search(points: Tensor, cutoff: float, box: Box, graph: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Source, target and shifts of all pairs closer than the cutoff, sorted by (target, source)."""
    n, device = len(points), points.device
    if n == 0:
        none = torch.zeros(0, dtype=torch.int64, device=device)
        return none, none, none.reshape(0, 3)
    grid = _grid(points, cutoff, box, graph)
    crowd = n / len(grid.numbers.unique_consecutive())
    step = max(1, int(AT_ONCE / (crowd * len(grid.offsets))))
    parts = [
        _pairs(torch.arange(i, min(i + step, n), device=device), points, cutoff, box, graph, grid)
        for i in range(0, n, step)
    ]
    source, target, shifts = (torch.cat(part) for part in zip(*parts, strict=True))
    return source, target, shifts
