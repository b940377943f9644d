"""The pairs are those of ASE, vectors have gradients, and the odd cells count their images."""

from __future__ import annotations

import math
import time

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.neighborlist import neighbor_list
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import SPECIAL_ORTHOGONALS, orthogonals, permutations, point_clouds, vectors
from torch import Tensor
from torch.autograd import gradcheck

from equivar.points import Neighbours, displacements, lengths, neighbours

FCC = torch.tensor([[0.0, 0.5, 0.5], [0.5, 0.0, 0.5], [0.5, 0.5, 0.0]], dtype=torch.float64)


def edges(found: Neighbours) -> list[tuple[int, ...]]:
    table = torch.cat([found.target[:, None], found.source[:, None], found.shifts], dim=1)
    return sorted(map(tuple, table.tolist()))


def by_ase(positions: Tensor, cutoff: float, cell: np.ndarray, periodic: tuple) -> list:
    atoms = Atoms(
        f"H{len(positions)}", positions=positions.numpy(), cell=cell, pbc=np.array(periodic)
    )
    # There D = positions[j] - positions[i] + S @ cell, so that i is our source and j our target.
    i, j, S = neighbor_list("ijS", atoms, cutoff)
    return sorted(map(tuple, np.column_stack([j, i, S]).tolist()))


@pytest.mark.parametrize("periodic", [(p & 4 > 0, p & 2 > 0, p & 1 > 0) for p in range(8)])
@pytest.mark.parametrize("seed", range(6))
def test_pairs_are_those_of_ase(periodic: tuple[bool, ...], seed: int) -> None:
    rng = np.random.default_rng(seed)
    n, size = int(rng.integers(1, 90)), float(rng.uniform(0.9, 5))  # down to many images
    cell = np.eye(3) * size + rng.normal(size=(3, 3)) * size * 0.25
    positions = torch.from_numpy(rng.normal(size=(n, 3)) * size)  # also outside the cell
    cutoff = float(rng.uniform(0.3, 1.6))
    found = neighbours(positions, cutoff, torch.from_numpy(cell), periodic)
    assert edges(found) == by_ase(positions, cutoff, cell, periodic)
    assert len(set(edges(found))) == len(found.source)
    order = found.target * n + found.source
    assert bool((order.diff() >= 0).all())
    expected = positions[found.target] - positions[found.source]
    expected = expected + found.shifts.double() @ torch.from_numpy(cell)
    torch.testing.assert_close(found.vectors, expected)
    assert bool((found.distances < cutoff).all())


@given(point_clouds(min_size=0), st.floats(0.1, 30))
def test_molecules_have_all_pairs_below_the_cutoff(positions: Tensor, cutoff: float) -> None:
    found = neighbours(positions, cutoff)
    n = len(positions)
    pairs = {(i, j) for i in range(n) for j in range(n) if i != j}
    near = {(i, j) for i, j in pairs if (positions[i] - positions[j]).norm() < cutoff}
    ours = list(zip(found.target.tolist(), found.source.tolist(), strict=True))
    assert ours == sorted(near)
    assert found.n_points == n
    everything = neighbours(positions, math.inf)
    assert len(everything.source) == len(pairs)


@pytest.mark.parametrize("n", [10, 250])  # searched as one box, and as many
def test_a_batch_is_its_members_side_by_side(n: int) -> None:
    graph = torch.randint(0, 5, (n,))  # in no order; some may be empty
    graph[graph == 3] = 4
    positions = torch.randn(n, 3, dtype=torch.float64)
    cells = torch.eye(3, dtype=torch.float64) * torch.linspace(2, 4, 5)[:, None, None]
    for cell in (None, cells[0], cells):
        found = neighbours(positions, 1.5, cell, batch=graph)
        assert bool((graph[found.source] == graph[found.target]).all())
        expected = []
        for g in range(5):
            rows = (graph == g).nonzero().squeeze(1)
            own = cell[g] if cell is not None and cell.ndim == 3 else cell
            alone = neighbours(positions[rows], 1.5, own)
            expected += [(int(rows[t]), int(rows[s]), *shift) for t, s, *shift in edges(alone)]
        assert edges(found) == sorted(expected)


@pytest.mark.parametrize(("cutoff", "count"), [(0.72, 12), (1.01, 18), (1.23, 42), (2.9, 380)])
def test_one_atom_of_fcc_sees_itself_in_shells(cutoff: float, count: int) -> None:
    found = neighbours(torch.zeros(1, 3, dtype=torch.float64), cutoff, FCC)
    assert len(found.source) == count
    torch.testing.assert_close(found.vectors.sum(dim=0), torch.zeros(3, dtype=torch.float64))


def test_a_pair_at_exactly_the_cutoff_is_no_edge() -> None:
    positions = torch.tensor([[0.0, 0, 0], [1.0, 0, 0]], dtype=torch.float64)
    assert len(neighbours(positions, 1.0).source) == 0
    assert len(neighbours(positions, math.nextafter(1.0, 2.0)).source) == 2
    grid = torch.cartesian_prod(*(torch.arange(6.0, dtype=torch.float64),) * 3)
    assert len(neighbours(grid, 1.0).source) == 0
    assert len(neighbours(grid, 1.0 + 1e-9, 6 * torch.eye(3)).source) == 6 * 216


@settings(max_examples=20)
@given(orthogonals(), vectors(), permutations(30))
def test_isometries_and_relabeling(R: Tensor, t: Tensor, order: Tensor) -> None:
    generator = torch.Generator().manual_seed(1)
    positions = torch.randn(30, 3, dtype=torch.float64, generator=generator)
    cell = 2.5 * torch.eye(3, dtype=torch.float64) + 0.3 * torch.ones(3, 3)
    found = neighbours(positions, 1.3, cell)
    moved = neighbours(positions @ R.mT + t, 1.3, cell @ R.mT)
    assert len(found.source) == len(moved.source) > 100
    assert torch.equal(found.source, moved.source)
    # Which image of a point at a wall is nearest does not change, though its number may.
    key = torch.argsort(moved.vectors @ R @ torch.tensor([1.0, 10, 100]).double())
    old = torch.argsort(found.vectors @ torch.tensor([1.0, 10, 100]).double())
    torch.testing.assert_close(moved.vectors[key] @ R, found.vectors[old], rtol=0, atol=1e-9)
    relabeled = neighbours(positions[order], 1.3, cell)
    renamed = [(int(order[i]), int(order[j]), *s) for i, j, *s in edges(relabeled)]
    assert sorted(renamed) == edges(found)


def test_moving_atoms_by_lattice_vectors_changes_no_vector() -> None:
    positions = torch.randn(20, 3, dtype=torch.float64)
    cell = torch.eye(3, dtype=torch.float64) * 2 + 0.4 * torch.randn(3, 3, dtype=torch.float64)
    hops = torch.randint(-3, 4, (20, 3)).double()
    a = neighbours(positions, 1.7, cell)
    b = neighbours(positions + hops @ cell, 1.7, cell)
    assert torch.equal(a.source, b.source)
    assert torch.equal(a.target, b.target)
    torch.testing.assert_close(b.vectors, a.vectors, rtol=0, atol=1e-12)
    assert not torch.equal(a.shifts, b.shifts)


def test_vectors_are_differentiable_in_positions_and_cell() -> None:
    positions = torch.randn(5, 3, dtype=torch.float64, requires_grad=True)
    cell = (2 * torch.eye(3, dtype=torch.float64)).requires_grad_()
    assert gradcheck(lambda p, c: neighbours(p, 1.5, c).vectors, (positions, cell))
    batch = torch.tensor([0, 0, 1, 1, 1])
    cells = torch.stack([cell.detach(), 1.5 * cell.detach()]).requires_grad_()
    assert gradcheck(lambda p, c: neighbours(p, 1.4, c, batch=batch).vectors, (positions, cells))


def test_known_edges_give_the_same_vectors() -> None:
    positions, cell = torch.randn(9, 3), 2 * torch.eye(3)
    found = neighbours(positions, 1.5, cell)
    again = displacements(positions, found.source, found.target, found.shifts, cell)
    assert torch.equal(again, found.vectors)
    assert found.vectors.dtype == torch.float32


def test_lengths_of_coincident_points_have_two_derivatives() -> None:
    v = torch.tensor([[0.0, 0, 0], [3.0, 4, 0]], dtype=torch.float64, requires_grad=True)
    hessian = torch.autograd.functional.hessian(lambda v: lengths(v).sum(), v)
    assert bool(torch.isfinite(hessian).all())
    found = neighbours(torch.zeros(3, 3, dtype=torch.float64), 1.0)
    assert found.distances.tolist() == [0.0] * 6


def test_the_cost_grows_as_the_number_of_points() -> None:
    def seconds(n: int) -> float:
        positions = torch.rand(n, 3) * n ** (1 / 3)
        best = math.inf
        for _ in range(3):
            start = time.perf_counter()
            neighbours(positions, 1.5)
            best = min(best, time.perf_counter() - start)
        return best

    small, large = seconds(1_000), seconds(8_000)
    assert large < 8 * small * 3  # all pairs would be 64 times


@pytest.mark.parametrize("R", [R for name, R in SPECIAL_ORTHOGONALS.items() if "half" in name])
def test_a_line_of_atoms_needs_one_lattice_vector(R: Tensor) -> None:
    cell = torch.zeros(3, 3, dtype=torch.float64)
    cell[1] = R[:, 0]  # the other rows are not read
    found = neighbours(torch.zeros(1, 3).double(), 2.5, cell, periodic=(False, True, False))
    assert sorted(found.shifts[:, 1].tolist()) == [-2, -1, 1, 2]


P, I = torch.zeros(2, 3), torch.eye(3)


@pytest.mark.parametrize(
    ("positions", "cutoff", "options", "message"),
    [
        (torch.tensor([[0.0, 0, 0], [0, math.nan, 0]]), 1.0, {}, "first at point 1"),
        (P + math.inf, 1.0, {}, "nan or infinity"),
        (P, -1.0, {}, "cutoff = -1.0"),
        (P, 0.0, {}, "cutoff = 0.0"),
        (P, math.nan, {}, "cutoff = nan"),
        (P, math.inf, {"cell": I}, "infinitely many images"),
        (torch.zeros(2, 2), 1.0, {}, r"expected floats \(n, 3\)"),
        (torch.zeros(4, 2, 3), 1.0, {}, "with `batch`"),
        (torch.zeros(2, 3, dtype=torch.int64), 1.0, {}, "int64"),
        (P, 1.0, {"cell": torch.ones(3, 3)}, "lie in one plane"),
        (P, 1.0, {"cell": torch.zeros(3, 3)}, "lie in one plane"),
        (P, 1.0, {"cell": I * math.nan}, "cell holds nan"),
        (P, 1.0, {"cell": torch.eye(2)}, r"cell has shape \(2, 2\)"),
        (P, 1.0, {"cell": I.expand(2, 3, 3)}, "together with a batch"),
        (P, 1.0, {"cell": I, "periodic": (True, False)}, "periodic has 2 entries"),
        (P, 1.0, {"batch": torch.tensor([0])}, r"expected int64 \(2,\)"),
        (P, 1.0, {"batch": torch.tensor([0.0, 1.0])}, "float32"),
        (P, 1.0, {"batch": torch.tensor([0, -1])}, "counted from 0"),
        (P, 1.0, {"batch": torch.tensor([0, 1]), "cell": I[None]}, "one cell for each graph"),
    ],
)
def test_bad_input_is_refused_with_the_cause(
    positions: Tensor, cutoff: float, options: dict, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        neighbours(positions, cutoff, **options)
