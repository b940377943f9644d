from __future__ import annotations

import inspect
import itertools
import math
from collections import Counter

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sympy.combinatorics import named_groups
from torch import Tensor

from equivar._axioms import check_axioms
from equivar.groups import (
    Group,
    cyclic,
    dihedral,
    direct_product,
    from_product,
    permutations,
    symmetric,
)


def _quaternion_product(g: tuple[int, str], h: tuple[int, str]) -> tuple[int, str]:
    (s, a), (t, b) = g, h
    if "1" in (a, b):
        return s * t, b if a == "1" else a
    if a == b:
        return -s * t, "1"
    (third,) = set("ijk") - {a, b}
    return s * t * (1 if a + b in "ijki" else -1), third


QUATERNIONS = from_product(
    [(sign, unit) for sign in (1, -1) for unit in "1ijk"], _quaternion_product, name="Q8"
)

GROUPS = [
    *map(cyclic, (1, 2, 3, 4, 6, 12)),
    *map(dihedral, (1, 2, 3, 4, 6)),
    *map(symmetric, (1, 2, 3, 4)),
    direct_product(cyclic(2), dihedral(3)),
    direct_product(cyclic(2), cyclic(3)),
    QUATERNIONS,
]
each_group = pytest.mark.parametrize("G", GROUPS, ids=repr)


@each_group
def test_the_axioms_hold_for_all_elements(G: Group):
    """Spelled out, where the library checks associativity on generators alone."""
    e, elements = G.identity, range(G.order)
    for g in elements:
        assert G.multiply(e, g) == g == G.multiply(g, e)
        assert G.multiply(g, G.inverse(g)) == e == G.multiply(G.inverse(g), g)
    left = G.table[G.table]  # [g, h, k] is (gh) k
    right = G.table[:, G.table]  # [g, h, k] is g (hk)
    assert torch.equal(left, right)


@each_group
def test_each_row_and_column_of_the_table_is_a_permutation(G: Group):
    everything = torch.arange(G.order).expand(G.order, -1)
    assert torch.equal(G.table.sort(dim=0).values.mT, everything)
    assert torch.equal(G.table.sort(dim=1).values, everything)


@each_group
def test_lagrange_orders_of_subgroups_divide_the_order(G: Group):
    for H in {G.subgroup([g, h]) for g, h in itertools.product(range(G.order), repeat=2)}:
        assert G.is_subgroup(H)
        assert G.order % len(H) == 0
        cosets = G.left_cosets(H)
        assert sorted(itertools.chain(*cosets)) == list(range(G.order))
        assert len(cosets) == G.order // len(H)


@each_group
def test_conjugacy_classes_partition_the_group_and_share_orders(G: Group):
    classes = G.conjugacy_classes()
    assert sorted(itertools.chain(*classes)) == list(range(G.order))
    for members in classes:
        assert G.order % len(members) == 0
        assert len({G.element_order(g) for g in members}) == 1
    # Burnside's count: the number of classes is that of commuting pairs over the order.
    assert len(classes) * G.order == int((G.table == G.table.mT).sum())
    assert G.is_abelian == (len(classes) == G.order)


SYMPY = [
    (cyclic, named_groups.CyclicGroup, range(1, 7)),
    (dihedral, named_groups.DihedralGroup, range(3, 7)),
    (symmetric, named_groups.SymmetricGroup, range(2, 5)),
]


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [(ours(n), theirs(n)) for ours, theirs, sizes in SYMPY for n in sizes],
    ids=lambda group: repr(group) if isinstance(group, Group) else "",
)
def test_sympy_counts_the_same(ours: Group, theirs):
    assert ours.order == theirs.order()
    assert ours.is_abelian == theirs.is_abelian
    orders = Counter(ours.element_order(g) for g in range(ours.order))
    assert orders == Counter(p.order() for p in theirs.elements)
    sizes = sorted(map(len, ours.conjugacy_classes()))
    assert sizes == sorted(map(len, theirs.conjugacy_classes()))


@pytest.mark.parametrize("n", [1, 2, 3, 4, 6])
def test_the_dihedral_table_is_that_of_its_matrices(n: int):
    def turn(k: int) -> Tensor:
        c, s = math.cos(2 * math.pi * k / n), math.sin(2 * math.pi * k / n)
        return torch.tensor([[c, -s], [s, c]], dtype=torch.float64)

    mirror = torch.tensor([[1.0, 0.0], [0.0, -1.0]], dtype=torch.float64)
    matrices = torch.stack([turn(k) for k in range(n)] + [turn(k) @ mirror for k in range(n)])
    D = dihedral(n)
    torch.testing.assert_close(matrices[:, None] @ matrices, matrices[D.table])
    assert D.subgroup(range(n)) == tuple(range(n))
    assert torch.equal(D.table[:n, :n], cyclic(n).table)
    assert D.labels[:n] == cyclic(n).labels
    assert len(set(D.labels)) == 2 * n
    if n > 2:
        assert (D.labels[1], D.labels[2], D.labels[n], D.labels[n + 1]) == ("r", "r2", "s", "rs")


@given(st.integers(1, 5), st.data())
def test_permutations_compose_as_the_symmetric_group_multiplies(n: int, data):
    P, S = permutations(n), symmetric(n)
    g, h = (data.draw(st.integers(0, S.order - 1)) for _ in range(2))
    assert P[S.multiply(g, h)].tolist() == [int(P[g, P[h, i]]) for i in range(n)]
    assert torch.equal(P[S.inverse(g)], P[g].argsort())
    assert len(P) == S.order == math.factorial(n)
    assert S.identity == 0


def test_cycles_are_labels():
    P, S = permutations(4), symmetric(4)
    label = dict(zip(map(tuple, P.tolist()), S.labels, strict=True))
    assert label[0, 1, 2, 3] == "e"
    assert label[1, 0, 3, 2] == "(0 1)(2 3)"
    assert label[1, 2, 3, 0] == "(0 1 2 3)"
    assert label[2, 1, 0, 3] == "(0 2)"


def test_a_large_symmetric_group_is_built_and_a_huge_one_refused():
    assert symmetric(6).order == 720
    for n in (0, 8):
        with pytest.raises(ValueError, match=rf"symmetric\({n}\): expected n from 1 to 7"):
            symmetric(n)


def test_pairs_multiply_side_by_side():
    a, b = dihedral(3), cyclic(4)
    product = direct_product(a, b)
    for (i, j), (k, m) in itertools.product(itertools.product(range(6), range(4)), repeat=2):
        expected = a.multiply(i, k) * 4 + b.multiply(j, m)
        assert product.multiply(i * 4 + j, k * 4 + m) == expected
    assert product.labels[1 * 4 + 3] == "(r, r3)"
    assert product.name == "D3 x C4"


def test_the_chinese_remainder_theorem_tells_c6_from_c2_x_c2():
    assert max(map(direct_product(cyclic(2), cyclic(3)).element_order, range(6))) == 6
    assert max(map(direct_product(cyclic(2), cyclic(2)).element_order, range(4))) == 2


def test_the_quaternions_are_not_the_symmetries_of_a_square():
    """Both have order 8 and classes of sizes 1, 1, 2, 2, 2; the element orders differ."""
    orders = [Counter(map(G.element_order, range(8))) for G in (QUATERNIONS, dihedral(4))]
    assert orders == [{1: 1, 2: 1, 4: 6}, {1: 1, 2: 5, 4: 2}]


def test_subgroups_and_those_that_are_none():
    D4 = dihedral(4)
    assert D4.is_subgroup([0, 2])
    assert D4.is_subgroup([]) is False
    assert not D4.is_subgroup([0, 1])  # r without r2
    assert not D4.is_subgroup([1, 2, 3])  # no identity
    assert D4.subgroup([]) == (0,)
    assert D4.subgroup([1, 4]) == tuple(range(8))
    with pytest.raises(ValueError, match=r"\['e', 'r'\] is not a subgroup of D4; it generates"):
        D4.left_cosets([0, 1])


def test_groups_are_equal_when_tables_and_labels_are():
    assert cyclic(3) == cyclic(3)
    assert hash(cyclic(3)) == hash(cyclic(3))
    assert cyclic(4) != dihedral(2)
    assert cyclic(3) != Group(cyclic(3).table, ("a", "b", "c"))
    assert cyclic(3) != "C3"


@pytest.mark.parametrize("dtype", [torch.int32, torch.int64])
def test_the_table_is_a_copy_of_any_integer_kind(dtype: torch.dtype):
    table = torch.tensor([[0, 1], [1, 0]], dtype=dtype)
    C2 = Group(table)
    table[0, 0] = 1
    assert C2.multiply(0, 0) == 0
    assert C2.table.dtype == torch.int64
    assert C2.element_order(1) == 2
    assert C2.labels == ("0", "1")


def test_the_identity_may_be_any_element():
    C3 = Group(torch.tensor([[1, 2, 0], [2, 0, 1], [0, 1, 2]]), ("a", "b", "e"))
    assert C3.labels[C3.identity] == "e"
    assert C3.inverse(0) == 1


# What a table can have wrong

ABC = ("e", "a", "b")


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ([[0, 1, 2], [1, 2, 3], [2, 0, 1]], "not closed: 'a' 'b' = 3, .* those are 0 to 2"),
        ([[0, 1, 2], [1, 2, 0], [2, -1, 1]], "not closed: 'b' 'a' = -1"),
        ([[0, 1, 2], [1, 2, 0], [0, 0, 1]], "no identity: 'e' comes nearest, but with 'b' it"),
        ([[0, 1, 2], [1, 1, 1], [2, 1, 0]], "'a' has no inverse: no h makes 'a' h the identity"),
        ([[0, 1, 2], [1, 0, 0], [2, 0, 0]], r"not associative: \('a' 'a'\) 'b' differs from 'a'"),
    ],
)
def test_a_broken_axiom_names_the_elements_that_break_it(table: list[list[int]], message: str):
    with pytest.raises(ValueError, match=message):
        Group(torch.tensor(table), ABC)


def test_a_loop_that_is_no_group_is_found_out():
    """The smallest Latin square with identity and two-sided inverses that is not associative."""
    loop = [[0, 1, 2, 3, 4], [1, 0, 3, 4, 2], [2, 4, 0, 1, 3], [3, 2, 4, 0, 1], [4, 3, 1, 2, 0]]
    with pytest.raises(ValueError, match="not associative"):
        Group(torch.tensor(loop))


@given(st.sampled_from([G for G in GROUPS if G.order > 1]), st.data())
def test_no_single_wrong_entry_passes(G: Group, data):
    g, h, shift = (data.draw(st.integers(0, G.order - 1)) for _ in range(3))
    table = G.table.clone()
    table[g, h] = (table[g, h] + max(shift, 1)) % G.order
    with pytest.raises(ValueError, match=r"no identity|no inverse|not associative"):
        Group(table)


def test_labels_must_fit():
    with pytest.raises(ValueError, match="2 elements need 2 different labels"):
        Group(torch.tensor([[0, 1], [1, 0]]), ("e", "e"))
    with pytest.raises(ValueError, match="2 elements need 2 different labels"):
        Group(torch.tensor([[0, 1], [1, 0]]), ("e",))


@pytest.mark.parametrize("make", [cyclic, dihedral])
def test_a_polygon_has_corners(make):
    with pytest.raises(ValueError, match="got n = 0"):
        make(0)


def test_an_empty_table_is_no_group_and_one_that_is_not_square_neither():
    with pytest.raises(ValueError, match=r"shape \(0, 0\)"):
        Group(torch.zeros(0, 0, dtype=torch.int64))
    unhooked = inspect.unwrap(check_axioms)  # as a student meets it, without jaxtyping
    with pytest.raises(ValueError, match=r"shape \(2, 3\); expected \(order, order\)"):
        unhooked(torch.zeros(2, 3, dtype=torch.int64), ("a", "b"))
