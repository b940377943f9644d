"""The fast forms of Wigner D are the readable one: values, gradients, bad points of the angles."""

from __future__ import annotations

import e3nn.o3
import jaxtyping
import pytest
import torch
from hypothesis import given, settings
from scipy.spatial.transform import Rotation
from strategies import SPECIAL_ORTHOGONALS, orthogonals
from torch import Tensor

from equivar.kernels.harmonics import harmonics
from equivar.kernels.wigner import CHUNK, wigner_d_all
from equivar.measure import equivariance_error
from equivar.so3 import wigner_d

FORMS = ["torch", "numba"]
SPECIAL = torch.stack(list(SPECIAL_ORTHOGONALS.values()))
NEAR_POLE = torch.from_numpy(
    Rotation.from_euler("yxy", [[0.3, 1e-9, 2.0], [1.0, 3.1415926, -2.0]]).as_matrix()
)


def anywhere(n: int, seed: int = 0) -> Tensor:
    """Rotations and improper ones, float64."""
    R = torch.from_numpy(Rotation.random(n, random_state=seed).as_matrix())
    R[1::2] *= -1
    return R


def all_kinds() -> Tensor:
    return torch.cat([SPECIAL, NEAR_POLE, anywhere(20)])


def readable(lmax: int, R: Tensor) -> tuple[Tensor, ...]:
    return tuple(wigner_d(f"{l}{'eo'[l % 2]}", R) for l in range(lmax + 1))


def gradient_along_the_group(D: tuple[Tensor, ...], R: Tensor, g: list[Tensor]) -> Tensor:
    """Of sum(D * g), by autograd. Degree 0 is a constant and has no graph."""
    (whole,) = torch.autograd.grad(D[1:], R, g[1:])
    along = (whole - R @ whole.mT @ R).detach() / 2
    assert (whole - along).abs().max() > 0.1  # control: there is another part
    return along


def close(actual: tuple[Tensor, ...], expected: tuple[Tensor, ...], atol: float = 1e-12) -> None:
    assert len(actual) == len(expected)
    for a, b in zip(actual, expected, strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=atol)


def turned(w: Tensor) -> Tensor:
    """The rotations about w by its length, differentiable."""
    x, y, z = w.unbind(-1)
    o = torch.zeros_like(x)
    return torch.matrix_exp(torch.stack([o, -z, y, z, o, -x, -y, x, o], -1).unflatten(-1, (3, 3)))


@pytest.mark.parametrize("form", [*FORMS, "auto"])
@pytest.mark.parametrize("lmax", [0, 1, 2, 5, 8, 12])
def test_forms_agree_with_the_readable_one(form: str, lmax: int):
    R = all_kinds()
    actual = wigner_d_all(lmax, R, form)
    assert all(D.is_contiguous() for D in actual)
    assert all(D.dtype == torch.float64 for D in actual)
    close(actual, readable(lmax, R))


@pytest.mark.parametrize("form", FORMS)
@given(R=orthogonals())
@settings(max_examples=30)
def test_forms_agree_on_awkward_matrices(form: str, R: Tensor):
    close(wigner_d_all(4, R, form), readable(4, R))


@pytest.mark.parametrize("form", FORMS)
@given(R=orthogonals(), S=orthogonals())
@settings(max_examples=20)
def test_matrices_multiply_as_the_group_does(form: str, R: Tensor, S: Tensor):
    R, S = (R[None], S[None])
    pairs = zip(wigner_d_all(5, R, form), wigner_d_all(5, S, form), strict=True)
    close(wigner_d_all(5, R @ S, form), tuple(a @ b for a, b in pairs))


def test_e3nn_agrees():
    default = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)  # its tables are good to 2e-6 otherwise
    try:
        R = anywhere(20)
        peers = [e3nn.o3.Irrep(l, (-1) ** l).D_from_matrix(R) for l in range(9)]
    finally:
        torch.set_default_dtype(default)
    for form in FORMS:
        close(wigner_d_all(8, R, form), tuple(peers), atol=1e-12)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", ["identity", "half turn about [1, 1, 0]", "inverted identity"])
def test_harmonics_turn_by_these_matrices(form: str, name: str):
    R, v = SPECIAL_ORTHOGONALS[name], torch.randn(10, 3, dtype=torch.float64)

    def error(sign: float) -> Tensor:
        D = torch.block_diag(*(sign**l * D_l for l, D_l in enumerate(wigner_d_all(6, R, form))))
        return equivariance_error(
            lambda v: harmonics(6, v), v, lambda v: v @ R.mT, lambda Y: Y @ D.mT
        )

    assert error(1) < 1e-13
    assert error(-1) > 0.1  # control: the other parity


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    "name", ["identity", "half turn about [1, 1, 0]", "inverted half turn about [0, 1, 0]"]
)
def test_gradcheck_to_second_order_where_angles_have_bad_points(form: str, name: str):
    w = torch.tensor([[0.0, 0.0, 0.0], [0.0, 1.2, 0.0], [0.3, -2.0, 0.7]], dtype=torch.float64)
    w.requires_grad_()
    R = SPECIAL_ORTHOGONALS[name]
    assert torch.autograd.gradcheck(lambda w: wigner_d_all(4, turned(w) @ R, form), w)
    assert torch.autograd.gradgradcheck(lambda w: wigner_d_all(3, turned(w) @ R, form), w)


@pytest.mark.parametrize("form", FORMS)
def test_gradients_agree_with_those_of_the_readable_one(form: str):
    R = torch.cat([SPECIAL, anywhere(40)])
    w = torch.zeros(len(R), 3, dtype=torch.float64, requires_grad=True)
    g = [torch.randn(len(R), 2 * l + 1, 2 * l + 1, dtype=torch.float64) for l in range(9)]
    t = torch.randn_like(w)

    def derivatives(D: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        (first,) = torch.autograd.grad(D[1:], w, g[1:], create_graph=True)
        (plain,) = torch.autograd.grad(D[1:], w, g[1:], retain_graph=True)
        (second,) = torch.autograd.grad(first, w, t, create_graph=True)
        (third,) = torch.autograd.grad(second, w, t)
        return first, plain, second, third

    wanted = derivatives(readable(8, turned(w) @ R))
    for actual, expected in zip(
        derivatives(wigner_d_all(8, turned(w) @ R, form)), wanted, strict=True
    ):
        scale = expected.abs().max().item()
        torch.testing.assert_close(actual, expected, rtol=1e-11, atol=1e-13 * scale)


@pytest.mark.parametrize("form", FORMS)
def test_the_gradient_is_the_part_along_the_group(form: str):
    R = anywhere(8).requires_grad_()
    D = wigner_d_all(4, R, form)
    g = [torch.randn_like(D_l) for D_l in D]
    (actual,) = torch.autograd.grad(D, R, g)
    expected = gradient_along_the_group(readable(4, R), R, g)
    torch.testing.assert_close(actual, expected, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("form", FORMS)
def test_degrees_without_a_gradient_count_as_zero(form: str):
    w = torch.randn(3, 3, dtype=torch.float64, requires_grad=True)
    for l in range(3):
        (actual,) = torch.autograd.grad(wigner_d_all(2, turned(w), form)[l].square().sum(), w)
        assert actual.abs().max() < 1e-13  # the squares of an orthogonal matrix add up to 2l+1
    (some,) = torch.autograd.grad(wigner_d_all(2, turned(w), form)[2].sum(), w)
    (same,) = torch.autograd.grad(wigner_d("2e", turned(w)).sum(), w)
    torch.testing.assert_close(some, same, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("form", [*FORMS, "auto"])
def test_any_batch_shape_also_empty_and_not_contiguous(form: str):
    for shape in [(0,), (4, 0)]:
        R = torch.zeros(*shape, 3, 3, requires_grad=True)
        D = wigner_d_all(2, R, form)
        assert [D_l.shape for D_l in D] == [(*shape, d, d) for d in (1, 3, 5)]
        (gradient,) = torch.autograd.grad(sum(D_l.sum() for D_l in D), R)
        assert gradient.shape == R.shape
    one = anywhere(1)[0]
    close(wigner_d_all(3, one, form), readable(3, one))
    R = anywhere(35).unflatten(0, (5, 7)).transpose(0, 1).mT
    close(wigner_d_all(3, R, form), readable(3, R))


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("n", [15, 16, 17, 33, CHUNK + 3])
def test_more_rotations_than_a_block_or_a_chunk(form: str, n: int):
    R = anywhere(n).requires_grad_()
    D, expected = wigner_d_all(3, R, form), readable(3, R)
    close(D, expected)
    g = [torch.randn_like(D_l).mT for D_l in D]  # not contiguous
    (actual,) = torch.autograd.grad(D, R, g)
    along = gradient_along_the_group(expected, R, g)
    torch.testing.assert_close(actual, along, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("lmax", [4, 8])
def test_single_precision_is_good_to_twice_the_readable_form(form: str, lmax: int):
    exact = anywhere(3000)
    R = exact.float()
    pairs = zip(readable(lmax, exact), readable(lmax, R), wigner_d_all(lmax, R, form), strict=True)
    for D, reference, fast in pairs:
        assert fast.dtype == torch.float32
        assert (fast - D).abs().max() < 5e-6
        error, size = ((other - D).square().mean().sqrt() for other in (fast, reference))
        assert error <= 2 * size


@pytest.mark.parametrize("form", ["auto", "torch"])
def test_it_compiles_whole(form: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)  # its checks do not trace
    R = anywhere(6).requires_grad_()
    compiled = torch.compile(
        lambda R: wigner_d_all(3, R, form=form), backend="eager", fullgraph=True
    )
    D, expected = compiled(R), wigner_d_all(3, R, form)
    close(D, expected)
    g = [torch.randn_like(D_l) for D_l in D]
    (a,), (b,) = torch.autograd.grad(D, R, g), torch.autograd.grad(expected, R, g)
    torch.testing.assert_close(a, b, rtol=1e-11, atol=1e-12)


def test_function_transforms_pass():
    R = anywhere(4)
    J = torch.func.vmap(torch.func.jacrev(lambda R: wigner_d_all(2, R)[2]))(R)
    S = R.clone().requires_grad_()
    (row,) = torch.autograd.grad(wigner_d_all(2, S)[2][:, 1, 3].sum(), S)
    torch.testing.assert_close(J[:, 1, 3], row)


def test_bad_input_is_refused():
    R = torch.eye(3)
    with pytest.raises(ValueError, match=r"lmax = 13; expected a whole number from 0 to 12"):
        wigner_d_all(13, R)
    with pytest.raises(ValueError, match=r"shape \(3, 2\); expected \(\.\.\., 3, 3\)"):
        wigner_d_all(2, R[:, :2])
    for form in FORMS:
        with pytest.raises(ValueError, match="differs from the identity"):
            wigner_d_all(2, 2 * R, form)
        with pytest.raises(ValueError, match="differs from the identity"):
            wigner_d_all(2, R * torch.nan, form)
    with pytest.raises(ValueError, match="form is 'fast'"):
        wigner_d_all(2, R, form="fast")
    with pytest.raises(ValueError, match=r"float16"):
        wigner_d_all(2, R.half(), form="numba")


def test_without_numba_it_says_so_and_auto_goes_on(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("equivar.kernels.forms.has_numba", lambda: False)
    R = anywhere(3)
    close(wigner_d_all(2, R), readable(2, R))
    with pytest.raises(ValueError, match="pip install numba"):
        wigner_d_all(2, R, form="numba")
