"""Neighbor lists: the pairs of points closer than a cutoff, with their periodic images.

The pairs are found without gradients; the vectors between them are then computed again from the
positions, the whole numbers of cells crossed, and the cell, so that they are differentiable.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from equivar._checks import check_axes, check_indices
from equivar._shapes import Float, Int, Shaped
from equivar.points._search import Box, search

__all__ = ["Neighbours", "displacements", "lengths", "neighbours"]


@dataclass(frozen=True, eq=False)
class Neighbours:
    """The edges of a point cloud, sorted by target, then by source.

    Attributes:
        source: (n_edges,) where each edge begins.
        target: (n_edges,) where it ends; messages flow from source to target.
        vectors: (n_edges, 3) from source to target, differentiable in the positions and the cell.
        shifts: (n_edges, 3) whole numbers: the vector is positions[target] - positions[source] +
            shifts @ cell. All zero without a cell.
        n_points: the number of points, also those without a neighbor.
    """

    source: Int[Tensor, " n_edges"]
    target: Int[Tensor, " n_edges"]
    vectors: Float[Tensor, "n_edges 3"]
    shifts: Int[Tensor, "n_edges 3"]
    n_points: int

    @property
    def distances(self) -> Float[Tensor, " n_edges"]:
        """The lengths of the edges; see `lengths` for two points at one place."""
        return lengths(self.vectors)

    @cached_property
    def pairs(self) -> tuple[Int[Tensor, " n_edges"], Int[Tensor, " n_pairs"]]:
        """The pair that each edge belongs to, and one edge of each pair.

        An edge and its reverse have one length, so what is made of lengths is made once for both.
        An edge without a reverse is a pair of its own.

        >>> edges = neighbours(torch.tensor([[0.0, 0, 0], [1.0, 0, 0], [2.5, 0, 0]]), 2.0)
        >>> pair, first = edges.pairs
        >>> pair.tolist(), edges.distances[first].tolist()
        ([0, 0, 1, 1], [1.0, 1.5])
        """
        source, target, shifts = self.source, self.target, self.shifts
        if not len(source):
            return source, source
        # Of a pair one edge is kept as it is, and one is turned: that with source > target, or,
        # between images of one point, with a shift that begins with a negative number.
        base = 2 * int(shifts.abs().max()) + 1
        code = (shifts[:, 0] * base + shifts[:, 1]) * base + shifts[:, 2]
        turned = (source > target) | ((source == target) & (code < 0))
        low, high = torch.minimum(source, target), torch.maximum(source, target)
        code = (low * self.n_points + high) * base**3 + torch.where(turned, -code, code)
        _, pair = code.unique(return_inverse=True)
        first = torch.empty_like(pair[: int(pair.max()) + 1])
        first[pair] = torch.arange(len(pair), device=pair.device)
        return pair, first


def lengths(vectors: Float[Tensor, "*batch d"]) -> Float[Tensor, "*batch"]:
    """The length of each vector, with zero gradient at the zero vector in place of nan.

    >>> v = torch.tensor([[3.0, 4.0, 0.0], [0.0, 0.0, 0.0]], requires_grad=True)
    >>> lengths(v).tolist()
    [5.0, 0.0]
    >>> torch.autograd.grad(lengths(v).sum(), v)[0].mul(10).round().tolist()
    [[6.0, 8.0, 0.0], [0.0, 0.0, 0.0]]
    """
    squared = vectors.square().sum(dim=-1)
    nonzero = squared > 0
    # Replaced before the root, whose derivative at zero is infinite.
    return torch.where(nonzero, squared, 1.0).sqrt() * nonzero


def displacements(
    positions: Float[Tensor, "n 3"],
    source: Int[Tensor, " n_edges"],
    target: Int[Tensor, " n_edges"],
    shifts: Int[Tensor, "n_edges 3"] | None = None,
    cell: Float[Tensor, "*graphs 3 3"] | None = None,
    batch: Int[Tensor, " n"] | None = None,
) -> Float[Tensor, "n_edges 3"]:
    """Vectors along edges that are known: positions[target] - positions[source] + shifts @ cell.

    For training, where the pairs of a frame are found once, and its vectors at each step.

    Args:
        positions: the points.
        source: where each edge begins.
        target: where it ends.
        shifts: whole numbers of cells; None for none.
        cell: rows are the lattice vectors; one for all, or one for each graph of the batch.
        batch: the graph of each point; needed with one cell for each graph.

    Returns:
        Tensor (n_edges, 3), differentiable in positions and cell.

    Raises:
        ValueError: shapes that do not fit, or an index out of range.

    >>> line = torch.tensor([[0.0, 0, 0], [1.0, 0, 0]])
    >>> displacements(line, torch.tensor([0, 1]), torch.tensor([1, 0])).tolist()
    [[1.0, 0.0, 0.0], [-1.0, 0.0, 0.0]]
    """
    check_axes("positions", positions, "n", 3)
    for name, index in (("source", source), ("target", target)):
        if index.shape != source.shape or index.ndim != 1:
            raise ValueError(
                f"source has shape {tuple(source.shape)} and target {tuple(target.shape)}; "
                "expected (n_edges,) for both"
            )
        if not torch.compiler.is_compiling():  # it looks at values
            check_indices(name, index, len(positions))
    vectors = positions.index_select(0, target) - positions.index_select(0, source)
    if cell is None or shifts is None:
        return vectors
    check_axes("shifts", shifts, len(source), 3)
    check_axes("cell", cell, 3, 3)
    cell = cell.to(vectors)
    if cell.ndim == 3 and batch is not None:
        return vectors + (shifts.to(vectors).unsqueeze(1) @ cell[batch[target]]).squeeze(1)
    return vectors + shifts.to(vectors) @ cell.reshape(3, 3)


def neighbours(
    positions: Shaped[Tensor, "..."],
    cutoff: float,
    cell: Shaped[Tensor, "..."] | None = None,
    periodic: bool | Iterable[bool] = True,
    batch: Shaped[Tensor, "..."] | None = None,
) -> Neighbours:
    r"""All ordered pairs of points closer than a cutoff: molecules, batches, periodic cells.

    Space is cut into boxes at least as wide as the cutoff, so that only 27 of them have to be
    searched for each point: the cost grows as the number of points. In a periodic cell narrower
    than the cutoff, a point meets several images of another, and of itself; each is an edge.

    Args:
        positions: (n, 3). They need not lie inside the cell.
        cutoff: a length above 0; `math.inf` for all pairs (not with a periodic cell). A pair at
            exactly this distance is no edge.
        cell: rows are the lattice vectors, (3, 3), or (n_graphs, 3, 3) with a batch. None: no
            images.
        periodic: along which lattice vectors space repeats: one answer, or three. The rows of
            other directions are not read, so a slab needs two vectors alone.
        batch: (n,) the graph of each point, from 0; no edge joins two graphs. None: one graph.

    Returns:
        `Neighbours`. Each pair occurs in both directions. Points without a neighbor have no edge.

    Raises:
        ValueError: shapes that do not fit, positions or cell with nan or infinity, a cutoff that is
            not above 0, infinite in a periodic cell, or a cell whose vectors lie in one plane.

    Three points on a line, of which the outer two do not see each other:

    >>> line = torch.tensor([[0.0, 0, 0], [1.0, 0, 0], [2.5, 0, 0]])
    >>> edges = neighbours(line, cutoff=2.0)
    >>> list(zip(edges.source.tolist(), edges.target.tolist()))
    [(1, 0), (0, 1), (2, 1), (1, 2)]

    One atom in a cubic cell sees its own six nearest images:

    >>> len(neighbours(torch.zeros(1, 3), cutoff=1.1, cell=torch.eye(3)).source)
    6

    Source:
        Quentrec and Brot, J. Comput. Phys. 13, 430 (1973), for the boxes.
    """
    cutoff = float(cutoff)
    along = (periodic,) * 3 if isinstance(periodic, bool) else tuple(map(bool, periodic))
    along = along if cell is not None else (False,) * 3
    _check(positions, cutoff, cell, along, batch)
    with torch.no_grad():
        points = positions.detach().double()
        graph = batch if batch is not None else torch.zeros_like(points[:, 0], dtype=torch.int64)
        n_graphs = int(graph.max()) + 1 if len(graph) else 0
        if cell is not None:
            if cell.ndim == 3 and len(cell) < n_graphs:
                raise ValueError(
                    f"batch names graph {n_graphs - 1}, but cell has shape {tuple(cell.shape)}: "
                    "expected one cell for each graph"
                )
            cells = (
                cell.detach().to(points).expand(max(n_graphs, len(cell.reshape(-1, 3, 3))), 3, 3)
            )
        else:
            cells = torch.eye(3).to(points).expand(n_graphs, 3, 3)
        source, target, shifts = search(points, cutoff, Box.of(cells, along), graph)
    vectors = displacements(positions, source, target, shifts, cell if any(along) else None, batch)
    return Neighbours(source, target, vectors, shifts, len(positions))


def _check(
    positions: Tensor,
    cutoff: float,
    cell: Tensor | None,
    along: tuple[bool, ...],
    batch: Tensor | None,
) -> None:
    if positions.ndim != 2 or positions.shape[1] != 3 or not positions.is_floating_point():
        raise ValueError(
            f"positions have shape {tuple(positions.shape)} and dtype {positions.dtype}; expected "
            "floats (n, 3). Several clouds are given one after the other, with `batch`"
        )
    if not bool(torch.isfinite(positions).all()):
        bad = int((~torch.isfinite(positions).all(dim=1)).nonzero()[0])
        raise ValueError(
            f"positions hold nan or infinity, first at point {bad}: {positions[bad].tolist()}. Did "
            "a simulation or an optimizer diverge?"
        )
    if math.isnan(cutoff) or cutoff <= 0:
        raise ValueError(f"got cutoff = {cutoff}; expected a length above 0")
    if len(along) != 3:
        raise ValueError(f"periodic has {len(along)} entries; expected one, or three")
    if batch is not None:
        if batch.shape != positions.shape[:1] or batch.dtype != torch.int64:
            raise ValueError(
                f"batch has shape {tuple(batch.shape)} and dtype {batch.dtype}; expected int64 "
                f"({len(positions)},), the graph of each point"
            )
        if len(batch) and int(batch.min()) < 0:
            raise ValueError(f"batch holds {int(batch.min())}; graphs are counted from 0")
    if cell is None:
        return
    one_each = cell.ndim == 3 and cell.shape[1:] == (3, 3) and batch is not None
    if cell.shape != (3, 3) and not one_each:
        raise ValueError(
            f"cell has shape {tuple(cell.shape)}; expected (3, 3), or (n_graphs, 3, 3) together "
            "with a batch"
        )
    if not any(along):
        return
    if math.isinf(cutoff):
        raise ValueError(
            "got an infinite cutoff in a periodic cell, where each point has "
            "infinitely many images; expected a finite one"
        )
    rows = cell[..., [i for i in range(3) if along[i]], :]
    if not bool(torch.isfinite(rows).all()):
        raise ValueError("cell holds nan or infinity; expected finite lattice vectors")
    # The volume in units of the lengths: 0 where the vectors lie in one plane.
    directions = rows / rows.norm(dim=-1, keepdim=True).clamp(min=1e-30)
    volume = torch.linalg.svdvals(directions.double()).min() if rows.numel() else 1.0
    if volume < 1e-6:
        raise ValueError(
            f"the lattice vectors {rows.tolist()} lie in one plane, on one line or at zero; a "
            "periodic cell needs independent ones. Is this a molecule (cell=None), or a slab "
            "(periodic=(True, True, False))?"
        )
