"""Tensors that a crystal leaves as they are: textbook counts, the law, and the trace formula."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from equivar.data import CRYSTAL_CLASSES, crystal_class
from equivar.rotations import random_rotations
from equivar.stabilizer import invariant_tensors

ELASTIC = [(1, 0, 2, 3), (2, 3, 0, 1)]
PIEZO = [(0, 2, 1)]


def act(R: torch.Tensor, T: torch.Tensor) -> torch.Tensor:
    for axis in range(T.ndim):
        T = torch.tensordot(T, R, dims=([axis], [1])).movedim(-1, axis)
    return T


@given(st.sampled_from(CRYSTAL_CLASSES), st.integers(0, 4))
def test_generators_leave_as_many_as_all_elements_and_the_trace_says(name: str, rank: int) -> None:
    crystal = crystal_class(name)
    basis = invariant_tensors(crystal.generators, rank)
    traces = crystal.matrices.diagonal(dim1=-2, dim2=-1).sum(-1)
    assert len(basis) == round(float((traces**rank).mean()))
    gram = torch.eye(len(basis)).double()
    flat = basis.reshape(len(basis), 3**rank)
    torch.testing.assert_close(flat @ flat.mT, gram)
    for T in basis:
        for R in crystal.matrices:
            torch.testing.assert_close(act(R, T), T)


@pytest.mark.parametrize(
    ("name", "elastic", "piezo"),
    [("C1", 21, 18), ("C2h", 13, 0), ("C4v", 6, 3), ("S4", 7, 4), ("D3", 6, 2), ("O", 3, 0)],
)
def test_index_symmetries_and_textbook_counts(name: str, elastic: int, piezo: int) -> None:
    generators = crystal_class(name).generators
    found = invariant_tensors(generators, 4, ELASTIC)
    assert len(found) == elastic
    torch.testing.assert_close(found, found.permute(0, 2, 1, 3, 4))
    torch.testing.assert_close(found, found.permute(0, 3, 4, 1, 2))
    assert len(invariant_tensors(generators, 3, PIEZO)) == piezo


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_two_rotations_stand_for_all_of_them(dtype: torch.dtype) -> None:
    two = random_rotations(2, generator=torch.Generator().manual_seed(1)).to(dtype)
    assert [len(invariant_tensors(two, rank)) for rank in range(5)] == [1, 0, 1, 1, 3]
    epsilon = invariant_tensors(two, 3)[0]
    assert epsilon.dtype == dtype
    x, y = torch.randn(2, 3, generator=torch.Generator().manual_seed(2)).to(dtype)
    product = torch.einsum("ijk,j,k->i", epsilon, x, y)
    cross = torch.linalg.cross(x, y)
    torch.testing.assert_close(product.abs() * 6**0.5, cross.abs(), rtol=1e-4, atol=1e-5)
    assert (act(two[0], torch.ones(3, 3).to(dtype)) - 1).norm() > 0.1  # the control


def test_without_elements_all_is_allowed() -> None:
    assert len(invariant_tensors(torch.zeros(0, 3, 3), 2)) == 9
    assert len(invariant_tensors(torch.zeros(0, 3, 3), 2, [(1, 0)])) == 6


@pytest.mark.parametrize(
    ("rank", "symmetric", "message"),
    [
        (6, (), "rank up to 5"),
        (-1, (), "rank"),
        (2, [(0, 0)], "expected a permutation of the indices 0 to 1"),
    ],
)
def test_what_is_no_tensor_is_refused(rank: int, symmetric: list, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        invariant_tensors(torch.eye(3)[None], rank, symmetric)


def test_matrices_that_stretch_are_refused() -> None:
    with pytest.raises(ValueError, match="matrices"):
        invariant_tensors(2 * torch.eye(3)[None], 2)
