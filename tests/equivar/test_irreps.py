from __future__ import annotations

import itertools
import math

import pytest
from e3nn import o3
from hypothesis import given
from hypothesis import strategies as st
from strategies import irreps_text

from equivar.irreps import Irrep, Irreps

irreps = st.builds(Irrep, st.integers(0, 6), st.sampled_from([1, -1]))


def theirs(ours: Irreps) -> o3.Irreps:
    return o3.Irreps([(mul, (irrep.l, irrep.p)) for mul, irrep in ours])


@given(irreps_text())
def test_text_means_what_it_means_to_e3nn(text: str):
    ours, oracle = Irreps(text), o3.Irreps(text)
    assert theirs(ours) == oracle
    assert str(ours).replace(" ", "") == str(oracle)
    assert ours.dim == oracle.dim
    assert ours.num_irreps == oracle.num_irreps
    assert len(ours) == len(oracle)
    assert list(ours.slices) == oracle.slices()
    assert theirs(ours.sort()) == oracle.sort().irreps
    assert theirs(ours.simplify()) == oracle.simplify()
    for name in ("0e", "1o"):
        assert ours.count(name) == ours.count(Irrep.parse(name)) == oracle.count(name)


@given(irreps_text())
def test_the_largest_degree_is_that_of_e3nn_or_refused_by_both(text: str):
    if Irreps(text).num_irreps:
        assert Irreps(text).lmax == o3.Irreps(text).lmax
    else:
        with pytest.raises(ValueError, match="no largest degree"):
            _ = Irreps(text).lmax


@given(irreps_text())
def test_printing_and_reading_are_inverse(text: str):
    ours = Irreps(text)
    assert Irreps(str(ours)) == ours
    assert eval(repr(ours), {"Irreps": Irreps}) == ours
    assert Irreps(ours) == ours
    assert Irreps(ours.blocks) == ours
    assert hash(Irreps(str(ours))) == hash(ours)


@given(irreps_text(), irreps_text())
def test_direct_sums_and_products_add_and_multiply_dimensions(a: str, b: str):
    first, second = Irreps(a), Irreps(b)
    assert theirs(first + second) == o3.Irreps(a) + o3.Irreps(b)
    assert (first + second).dim == first.dim + second.dim
    assert first.tensor_product(second).dim == first.dim * second.dim
    assert first.tensor_product(second) == second.tensor_product(first)


@given(irreps_text())
def test_simplify_moves_nothing_and_sort_only_reorders(text: str):
    ours = Irreps(text)

    def components(irreps: Irreps) -> list[Irrep]:
        return [irrep for mul, irrep in irreps for _ in range(mul)]

    assert components(ours.simplify()) == components(ours)
    assert components(ours.sort()) == sorted(components(ours))
    blocks = ours.simplify().blocks
    assert all(a[1] != b[1] for a, b in itertools.pairwise(blocks))


@given(irreps, irreps)
def test_products_are_those_of_e3nn(a: Irrep, b: Irrep):
    expected = o3.Irrep(a.l, a.p) * o3.Irrep(b.l, b.p)
    assert [(irrep.l, irrep.p) for irrep in a * b] == [(irrep.l, irrep.p) for irrep in expected]


@given(irreps, irreps, st.floats(0.01, 3))
def test_characters_multiply(a: Irrep, b: Irrep, angle: float):
    """The trace of a rotation by t on degree l is 1 + 2 cos t + ... + 2 cos lt; on a product, it

    is the product of traces. That decides which degrees the product has, with no oracle.
    """

    def character(irrep: Irrep) -> float:
        return 1 + 2 * sum(math.cos(m * angle) for m in range(1, irrep.l + 1))

    product = sum(map(character, a * b))
    assert product == pytest.approx(character(a) * character(b), abs=1e-10)
    assert {irrep.p for irrep in a * b} == {a.p * b.p}  # the trace of the inversion


def test_two_vectors_make_a_scalar_a_pseudovector_and_a_traceless_matrix():
    vector = Irrep(1, -1)
    assert vector * vector == (Irrep(0, 1), Irrep(1, 1), Irrep(2, 1))
    assert Irreps("1o").tensor_product(Irreps("1o")) == Irreps("0e + 1e + 2e")
    assert Irreps("2x0e + 1o").tensor_product(Irreps("3x1o")) == Irreps("3x0e + 6x1o + 3x1e + 3x2e")


def test_sizes_of_the_example_everyone_knows():
    ours = Irreps("32x0e + 8x1o")
    assert (ours.dim, ours.num_irreps, ours.lmax) == (56, 40, 1)
    assert ours.slices == (slice(0, 32), slice(32, 56))
    assert str(ours) == "32x0e + 8x1o"
    assert list(ours) == [(32, Irrep(0, 1)), (8, Irrep(1, -1))]


def test_spherical_harmonics_are_those_of_e3nn():
    for lmax in range(5):
        assert theirs(Irreps.spherical_harmonics(lmax)) == o3.Irreps.spherical_harmonics(lmax)
    assert Irreps.spherical_harmonics(3).dim == 16  # (lmax + 1)^2


def test_irreps_sort_by_degree_then_odd_before_even():
    names = ["2e", "0e", "1e", "1o", "0o"]
    assert [str(i) for i in sorted(map(Irrep.parse, names))] == ["0o", "0e", "1o", "1e", "2e"]


def test_irreps_can_be_made_in_each_way():
    expected = Irreps("2x0e + 1o")
    assert Irreps([(2, "0e"), (1, Irrep(1, -1))]) == expected
    assert Irreps((mul, irrep) for mul, irrep in expected) == expected
    assert Irreps(Irrep(1, -1)) == Irreps("1o")
    assert Irreps() == Irreps("") == Irreps([])
    assert str(Irreps()) == ""
    assert len({expected, Irreps("2x0e+1x1o")}) == 1


@pytest.mark.parametrize("name", ["", "1", "o", "1x", "-1o", "1.5e", "1y", "e1", "1oo", "१e"])
def test_a_name_that_is_none_is_restated(name: str):
    with pytest.raises(ValueError, match="is not the name of an irrep") as error:
        Irrep.parse(name)
    assert repr(name) in str(error.value)


@pytest.mark.parametrize(
    ("text", "term"),
    [("2x0e, 1o", "2x0e, 1o"), ("0e + x1o", "x1o"), ("0e + ", ""), ("-2x0e", "-2x0e"), ("+", "")],
)
def test_the_term_that_cannot_be_read_is_restated(text: str, term: str):
    with pytest.raises(ValueError, match="cannot read") as error:
        Irreps(text)
    assert f"{term!r} in {text!r}" in str(error.value)


@pytest.mark.parametrize(("l", "p"), [(-1, 1), (0, 0), (1, 2)])
def test_impossible_irreps_are_refused(l: int, p: int):
    with pytest.raises(ValueError, match=f"got l={l}, p={p}"):
        Irrep(l, p)


def test_a_negative_multiplicity_is_refused():
    with pytest.raises(ValueError, match="got multiplicity -1 for 0e"):
        Irreps([(-1, "0e")])
