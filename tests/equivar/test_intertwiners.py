"""The null space of equivariance: its dimension from characters, its members from closed forms."""

from __future__ import annotations

import inspect
import itertools

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from equivar.groups import cyclic, permutations, symmetric
from equivar.intertwiners import echelon_basis, intertwiner_basis
from equivar.irreps import Irrep
from equivar.representations import (
    direct_sum,
    inner_product,
    irreps_of,
    permutation_representation,
    regular,
    tensor_product,
    trivial,
)
from equivar.rotations import random_orthogonal, random_rotations
from equivar.so3 import clebsch_gordan, generators, wigner_d


def close(actual: Tensor, expected: Tensor, atol: float = 1e-10) -> None:
    torch.testing.assert_close(actual, expected, rtol=0, atol=atol)


def both(a: Tensor, b: Tensor) -> Tensor:
    """How a Lie algebra acts on products: by the rule for derivatives."""
    eye_a, eye_b = torch.eye(a.shape[-1]).to(a), torch.eye(b.shape[-1]).to(a)
    return torch.stack(
        [torch.kron(x, eye_b) + torch.kron(eye_a, y) for x, y in zip(a, b, strict=True)]
    )


def check_basis(basis: Tensor, rho_in: Tensor, rho_out: Tensor, atol: float = 1e-10) -> None:
    flat = basis.flatten(1)
    close(flat @ flat.mT, torch.eye(len(basis)).to(basis), atol)
    for Q in basis:
        close(rho_out @ Q, (Q @ rho_in).expand_as(rho_out @ Q), atol)


@pytest.mark.parametrize("n", [2, 3, 4])
def test_a_linear_layer_on_sets_has_two_parameters(n: int):
    rho = permutation_representation(permutations(n))
    basis = intertwiner_basis(rho, rho)
    check_basis(basis, rho, rho)
    assert len(basis) == 2
    # They are spanned by the identity and the matrix of ones, and by nothing else.
    eye, ones = torch.eye(n).double(), torch.ones(n, n).double()
    for wanted in (eye, ones):
        projected = (basis.flatten(1) @ wanted.flatten()) @ basis.flatten(1)
        close(projected, wanted.flatten())


def test_a_linear_layer_on_graphs_has_fifteen():
    """Maron, Ben-Hamu, Shamir and Lipman 2019: the Bell number of 4, for at least 4 nodes."""
    rho = permutation_representation(permutations(4))
    pairs = tensor_product(rho, rho)
    generating = [symmetric(4).labels.index(label) for label in ("(0 1)", "(0 1 2 3)")]
    basis = intertwiner_basis(pairs[generating], pairs[generating])
    assert len(basis) == 15
    check_basis(basis, pairs, pairs)  # for all 24, though asked of two
    assert inner_product(pairs, pairs) == 15


def test_what_commutes_with_shifts_is_a_convolution():
    rho = regular(cyclic(5))
    basis = intertwiner_basis(rho, rho)
    assert len(basis) == 5
    for Q in basis:  # circulant: every diagonal is constant
        close(Q.roll((1, 1), dims=(0, 1)), Q)


def test_schur_between_irreps_there_are_no_maps_and_within_a_real_one_multiples():
    irreps = irreps_of(symmetric(4))
    for (i, a), (j, b) in itertools.product(enumerate(irreps), repeat=2):
        basis = intertwiner_basis(a, b)
        assert len(basis) == (i == j)
        if i == j:
            d = a.shape[-1]
            close(basis[0].abs(), torch.eye(d).double() / d**0.5)


def test_schur_for_rotations_and_their_parities():
    R = random_orthogonal(6, torch.Generator().manual_seed(0))
    names = [Irrep(l, p) for l in range(4) for p in (1, -1)]
    for a, b in itertools.product(names, repeat=2):
        assert len(intertwiner_basis(wigner_d(a, R), wigner_d(b, R))) == (a == b)


@pytest.mark.parametrize(("l1", "l2"), [(0, 0), (1, 0), (1, 1), (2, 1), (2, 2), (3, 1)])
def test_generators_of_rotations_leave_clebsch_gordan_alone(l1: int, l2: int):
    product = both(generators(l1), generators(l2))
    for l3 in range(l1 + l2 + 2):
        basis = intertwiner_basis(product, generators(l3))
        assert len(basis) == (abs(l1 - l2) <= l3 <= l1 + l2)
        if len(basis):
            C = clebsch_gordan(l1, l2, l3).flatten(0, 1).mT
            close(basis[0] * (basis[0] * C).sum().sign(), C, atol=1e-12)


def test_a_few_rotations_do_for_all():
    """Two random rotations generate a dense subgroup: nothing more commutes with them."""
    R = random_rotations(2, torch.Generator().manual_seed(0))
    D = torch.stack([torch.kron(r, r) for r in R])
    (alone,) = intertwiner_basis(D, wigner_d("2e", R))
    C = clebsch_gordan(1, 1, 2).flatten(0, 1).mT
    close(alone * (alone * C).sum().sign(), C)
    assert len(intertwiner_basis(D[:1], wigner_d("2e", R[:1]))) > 1  # one turn is not enough


def test_dimensions_are_those_of_characters():
    group = symmetric(3)
    parts = [trivial(group, 2), permutation_representation(permutations(3)), *irreps_of(group)]
    for a, b in itertools.product([*parts, direct_sum(*parts[:2])], repeat=2):
        basis = intertwiner_basis(a, b)
        assert len(basis) == round(inner_product(a, b))
        check_basis(basis, a, b)


def test_without_elements_nothing_is_asked():
    basis = intertwiner_basis(torch.zeros(0, 2, 2), torch.zeros(0, 3, 3))
    assert basis.shape == (6, 3, 2)
    close(basis.flatten(1) @ basis.flatten(1).mT, torch.eye(6), atol=1e-6)


@pytest.mark.parametrize(("n", "m"), [(0, 0), (0, 3), (2, 0)])
def test_without_components_there_are_no_maps(n: int, m: int):
    basis = intertwiner_basis(torch.zeros(2, n, n), torch.zeros(2, m, m))
    assert basis.shape == (0, m, n)


@pytest.mark.parametrize("k", [1, 3])
def test_elements_that_do_nothing_ask_nothing(k: int):
    eye = torch.eye(2, dtype=torch.float64).expand(k, 2, 2)
    assert len(intertwiner_basis(eye, eye)) == 4


def test_the_tolerance_decides_what_counts_as_a_symmetry():
    turn = torch.tensor([[0.0, -1.0], [1.0, 0.0]], dtype=torch.float64)[None]
    off = 1.00001 * turn
    assert len(intertwiner_basis(turn, off)) == 0
    assert len(intertwiner_basis(turn, off, tolerance=1e-3)) == 2


def test_float32_needs_a_tolerance_of_its_own_and_gives_float32():
    R = random_rotations(4, torch.Generator().manual_seed(0), dtype=torch.float32)
    D = torch.stack([torch.kron(r, r) for r in R])
    basis = intertwiner_basis(D, wigner_d("2e", R), tolerance=1e-5)
    assert basis.shape == (1, 5, 9)
    assert basis.dtype == torch.float32
    check_basis(basis, D, wigner_d("2e", R), atol=1e-5)


@pytest.mark.parametrize(
    ("rho_in", "rho_out", "message"),
    [
        (torch.zeros(2, 2), torch.zeros(1, 2, 2), r"rho_in has shape \(2, 2\)"),
        (torch.zeros(1, 2, 3), torch.zeros(1, 2, 2), r"rho_in has shape \(1, 2, 3\)"),
        (torch.zeros(1, 2, 2), torch.zeros(1, 3, 2), r"rho_out has shape \(1, 3, 2\)"),
        (torch.zeros(2, 2, 2), torch.zeros(3, 2, 2), "got 2 matrices for inputs and 3 for outputs"),
        (torch.full((1, 2, 2), torch.nan), torch.zeros(1, 2, 2), "rho_in holds nan or infinity"),
        (torch.zeros(1, 2, 2), torch.full((1, 2, 2), torch.inf), "rho_out holds nan or infinity"),
    ],
)
def test_bad_input_is_restated(rho_in: Tensor, rho_out: Tensor, message: str):
    with pytest.raises(ValueError, match=message):
        inspect.unwrap(intertwiner_basis)(rho_in, rho_out)


# ---- a basis to read ----------------------------------------------------------------------------


@given(st.integers(0, 5), st.integers(0, 10**6))
def test_an_echelon_basis_spans_the_same_and_has_entries_of_its_own(d: int, seed: int) -> None:
    draw = torch.Generator().manual_seed(seed)
    basis = torch.randn(d, 2, 3, generator=draw, dtype=torch.float64)
    order = torch.randperm(6, generator=draw).tolist()
    echelon, free = echelon_basis(basis, order)
    torch.testing.assert_close(echelon[:, list(free)], torch.eye(d, dtype=torch.float64))
    flat = basis.reshape(d, 6)
    torch.testing.assert_close(flat[:, list(free)] @ echelon, flat, atol=1e-6, rtol=1e-6)
    assert list(free) == order[:d]  # generic numbers: the first d asked for are independent


def test_an_echelon_basis_skips_what_is_not_free() -> None:
    basis = torch.tensor([[0.0, 1.0, 1.0, 0.0], [0.0, 0.0, 0.0, 2.0]]).double()
    echelon, free = echelon_basis(basis)
    assert free == (1, 3)
    assert echelon.tolist() == [[0, 1, 1, 0], [0, 0, 0, 1]]
    assert echelon_basis(basis, (2, 1, 0, 3))[1] == (2, 3)


@pytest.mark.parametrize(
    ("basis", "order", "message"),
    [
        (torch.ones(2, 3), None, "span 1 dimensions; expected linearly independent"),
        (torch.eye(2), [0, 0], "each of 0 to 1 once"),
        (torch.full((1, 2), torch.nan), None, "expected .d, n., finite numbers"),
    ],
)
def test_an_echelon_basis_refuses_what_has_none(
    basis: torch.Tensor, order: list[int] | None, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        echelon_basis(basis, order)
