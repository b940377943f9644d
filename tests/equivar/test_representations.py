"""Laws of representations, and irreps against tables of characters in books."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch import Tensor

from equivar.data import small_molecules
from equivar.groups import Group, cyclic, dihedral, direct_product, permutations, symmetric
from equivar.intertwiners import intertwiner_basis
from equivar.representations import (
    character,
    check_representation,
    decompose,
    direct_sum,
    dual,
    inner_product,
    irreducible_subspaces,
    irreps_of,
    make_orthogonal,
    multiplicity,
    permutation_representation,
    regular,
    tensor_product,
    trivial,
)
from equivar.stabilizer import stabilizer

QUATERNIONS = Group(
    torch.tensor(  # 1 -1 i -i j -j k -k
        [
            [0, 1, 2, 3, 4, 5, 6, 7],
            [1, 0, 3, 2, 5, 4, 7, 6],
            [2, 3, 1, 0, 6, 7, 5, 4],
            [3, 2, 0, 1, 7, 6, 4, 5],
            [4, 5, 7, 6, 1, 0, 2, 3],
            [5, 4, 6, 7, 0, 1, 3, 2],
            [6, 7, 4, 5, 3, 2, 1, 0],
            [7, 6, 5, 4, 2, 3, 0, 1],
        ]
    ),
    name="Q8",
)
# The dimensions of the irreps over the real numbers: two complex conjugates make one.
DIMENSIONS = {
    cyclic(1): [1],
    cyclic(2): [1, 1],
    cyclic(5): [1, 2, 2],
    cyclic(6): [1, 1, 2, 2],
    dihedral(3): [1, 1, 2],
    dihedral(4): [1, 1, 1, 1, 2],
    dihedral(5): [1, 1, 2, 2],
    symmetric(3): [1, 1, 2],
    symmetric(4): [1, 1, 2, 3, 3],
    symmetric(5): [1, 1, 4, 4, 5, 5, 6],
    direct_product(cyclic(2), cyclic(2)): [1, 1, 1, 1],
    QUATERNIONS: [1, 1, 1, 1, 4],
}
GROUPS = list(DIMENSIONS)
SMALL = [group for group in GROUPS if group.order <= 24]


def close(actual: Tensor, expected: Tensor, atol: float = 1e-10) -> None:
    torch.testing.assert_close(actual, expected, rtol=0, atol=atol)


def natural(n: int) -> Tensor:
    return permutation_representation(permutations(n))


@pytest.mark.parametrize("group", SMALL, ids=repr)
def test_what_is_built_represents_the_group(group: Group):
    rho = regular(group)
    built = [rho, trivial(group, 3), trivial(group, 0), direct_sum(rho, trivial(group)), dual(rho)]
    if group.order <= 8:
        built.append(tensor_product(rho, rho))
    for each in built:
        check_representation(each, group)


@pytest.mark.parametrize("group", SMALL[:6], ids=repr)
def test_characters_add_and_multiply(group: Group):
    a, b = regular(group), direct_sum(trivial(group, 2), irreps_of(group)[-1])
    close(character(direct_sum(a, b)), character(a) + character(b))
    close(character(tensor_product(a, b)), character(a) * character(b))
    close(tensor_product(a, b)[-1], torch.kron(a[-1], b[-1]))


def test_the_dual_keeps_the_pairing():
    change = torch.tensor([[1.0, 0.3, 0], [0, 2, 0], [0.5, 0, 1]], dtype=torch.float64)
    rho = torch.linalg.inv(change) @ natural(3) @ change
    check_representation(dual(rho), symmetric(3))
    eye = torch.eye(3, dtype=torch.float64)
    close(dual(rho).mT @ rho, eye.expand(6, 3, 3))
    assert (dual(rho) - rho).abs().max() > 0.1


@pytest.mark.parametrize("group", GROUPS, ids=repr)
def test_irreps_are_all_there_and_orthogonal(group: Group):
    irreps = irreps_of(group)
    assert [irrep.shape[-1] for irrep in irreps] == DIMENSIONS[group]
    close(irreps[0], trivial(group))
    kinds = []  # 1, 2 or 4: what an irrep commutes with are reals, complex numbers or quaternions
    for irrep in irreps:
        check_representation(irrep, group)
        d = irrep.shape[-1]
        close(irrep @ irrep.mT, torch.eye(d).double().expand(group.order, d, d))
        kinds.append(inner_product(irrep, irrep))
    for a, b in itertools.combinations(irreps, 2):
        assert inner_product(a, b) == pytest.approx(0, abs=1e-10)
    assert all(min(abs(kind - k) for k in (1, 2, 4)) < 1e-10 for kind in kinds)
    squares = sum(irrep.shape[-1] ** 2 / kind for irrep, kind in zip(irreps, kinds, strict=True))
    assert squares == pytest.approx(group.order)


def test_characters_of_s4_are_those_of_the_books():
    """Classes: identity, (0 1), (0 1)(2 3), (0 1 2), (0 1 2 3). James and Liebeck, section 18.1."""
    group = symmetric(4)
    labels = ["e", "(0 1)", "(0 1)(2 3)", "(0 1 2)", "(0 1 2 3)"]
    columns = [group.labels.index(label) for label in labels]
    table = [character(irrep)[columns].round().int().tolist() for irrep in irreps_of(group)]
    expected = [
        [1, 1, 1, 1, 1],
        [1, -1, 1, 1, -1],
        [2, 0, 2, -1, 0],
        [3, 1, -1, 0, -1],
        [3, -1, -1, 0, 1],
    ]
    assert sorted(table) == sorted(expected)


@pytest.mark.parametrize("group", [g for g in SMALL if g.order <= 10], ids=repr)
def test_the_number_of_maps_that_commute_is_the_inner_product_of_characters(group: Group):
    irreps = irreps_of(group)
    a, b = direct_sum(irreps[-1], irreps[0], irreps[-1]), direct_sum(irreps[-1], *irreps)
    assert len(intertwiner_basis(a, b)) == round(inner_product(a, b)) > 0


@pytest.mark.parametrize("group", [g for g in SMALL if g.order <= 24], ids=repr)
def test_decomposing_undoes_direct_sums_in_any_basis(group: Group):
    irreps = irreps_of(group)
    counts = [(2 * i + 1) % 4 for i in range(len(irreps))]  # 1, 3, 1, 3, ...
    rho = direct_sum(*(irrep for n, irrep in zip(counts, irreps, strict=True) for _ in range(n)))
    d = rho.shape[-1]
    g = torch.Generator().manual_seed(0)
    change = torch.eye(d) + 0.3 * torch.randn(d, d, generator=g, dtype=torch.float64) / d**0.5
    rho = torch.linalg.inv(change) @ rho @ change
    assert [n for n, _ in decompose(rho, group)] == counts
    orthogonal = make_orthogonal(rho)
    check_representation(orthogonal, group)
    parts = irreducible_subspaces(orthogonal)
    assert len(parts) == sum(counts)
    B = torch.cat(parts, dim=1)
    close(B.mT @ B, torch.eye(d).double())
    for part in parts:
        inside = part @ part.mT @ orthogonal @ part
        close(inside, orthogonal @ part)  # the group keeps it
        found = [multiplicity(part.mT @ orthogonal @ part, irrep) for irrep in irreps]
        assert sorted(found) == [0] * (len(irreps) - 1) + [1]


def test_the_regular_representation_holds_each_irrep():
    for group in SMALL:
        for irrep in irreps_of(group):
            kind = inner_product(irrep, irrep)
            assert multiplicity(regular(group), irrep) == round(irrep.shape[-1] / kind)


def test_the_vibrations_of_methane():
    """15 displacements: 1 A1 + 1 E + 1 T1 + 3 T2. Wilson, Decius and Cross, section 6."""
    methane = next(m for m in small_molecules() if m.name == "CH4")
    found = stabilizer(methane.positions, methane.symbols)
    check_representation(found.matrices, found.group)
    moves = tensor_product(permutation_representation(found.permutations), found.matrices)
    parts = decompose(moves, found.group)
    assert sorted((irrep.shape[-1], n) for n, irrep in parts) == [(1, 1), (2, 1), (3, 1), (3, 3)]
    (vectors,) = [irrep for n, irrep in parts if n == 3]
    close(character(vectors), character(found.matrices))


def test_a_checker_names_the_pair_at_fault():
    group = cyclic(4)
    rho = regular(group)
    check_representation(rho.float(), group)
    with pytest.raises(ValueError, match=r"rho\('r'\) rho\('r.?'\) differs from"):
        check_representation(rho[[0, 2, 1, 3]], group)
    with pytest.raises(ValueError, match=r"rho\('e'\) differs from the identity matrix"):
        check_representation(2 * rho, group)
    with pytest.raises(ValueError, match=r"expected \(4, d, d\)"):
        check_representation(rho[:3], group)
    with pytest.raises(ValueError, match="nan or infinity"):
        check_representation(rho * float("nan"), group)
    with pytest.raises(ValueError, match="differs from"):
        decompose(rho[[0, 2, 1, 3]], group)


def test_bad_input_is_restated():
    rho = regular(cyclic(3))
    with pytest.raises(ValueError, match=r"row 1 is \[0, 0\]; expected each of 0 to 1 once"):
        permutation_representation(torch.tensor([[0, 1], [0, 0]]))
    with pytest.raises(ValueError, match="expected whole numbers"):
        permutation_representation(torch.zeros(2, 2))
    with pytest.raises(ValueError, match="a direct sum of nothing"):
        direct_sum()
    for f in (direct_sum, tensor_product, inner_product, multiplicity):
        with pytest.raises(ValueError, match=r"matrices for \[3, 4\] elements"):
            f(rho, regular(cyclic(4)))
        with pytest.raises(ValueError, match=r"of shape \(3,\); expected \(order, d, d\)"):
            f(rho[:, 0, 0], rho)
    with pytest.raises(ValueError, match="is it irreducible"):
        multiplicity(trivial(cyclic(3)), rho + 0)
    with pytest.raises(ValueError, match="expected orthogonal matrices"):
        irreducible_subspaces(2 * rho)


def test_nothing_to_permute_and_no_components():
    assert permutation_representation(torch.zeros(2, 0, dtype=torch.int64)).shape == (2, 0, 0)
    assert irreducible_subspaces(trivial(cyclic(3), 0)) == []
    assert decompose(trivial(cyclic(3), 0), cyclic(3)) == []
