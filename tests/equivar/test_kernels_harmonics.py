"""The fast forms of the harmonics are the readable one: values, gradients, awkward inputs."""

from __future__ import annotations

import jaxtyping
import pytest
import torch
from hypothesis import given, settings
from strategies import SPECIAL_ORTHOGONALS, point_clouds
from torch import Tensor

from equivar.features import transform
from equivar.irreps import Irreps
from equivar.kernels.harmonics import harmonics
from equivar.measure import equivariance_error
from equivar.so3 import spherical_harmonics

FORMS = ["torch", "numba"]
SPECIAL = torch.tensor(
    [[0, 0, 0], [1, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0], [0, 0, 1], [0, 0, -1], [1, -1, 1]],
    dtype=torch.float64,
)


def points(n: int = 40) -> Tensor:
    anywhere = torch.randn(n, 3, dtype=torch.float64)
    near_pole = torch.tensor([[1e-6, 1.0, -1e-7], [0.0, -2.0, 1e-9]], dtype=torch.float64)
    return torch.cat([SPECIAL, near_pole, anywhere])


@pytest.mark.parametrize("form", [*FORMS, "auto"])
@pytest.mark.parametrize("normalize", [True, False])
@pytest.mark.parametrize("lmax", [0, 1, 2, 5, 8, 12])
def test_forms_agree_with_the_readable_one(form: str, normalize: bool, lmax: int):
    v = points()
    v = v if normalize else v / v.norm(dim=-1, keepdim=True).clamp(min=1.0)
    expected = spherical_harmonics(lmax, v, normalize)
    actual = harmonics(lmax, v, normalize, form)
    assert actual.is_contiguous()
    torch.testing.assert_close(actual, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("form", FORMS)
@given(cloud=point_clouds(min_size=0))
@settings(max_examples=20)
def test_forms_agree_on_awkward_clouds(form: str, cloud: Tensor):
    expected = spherical_harmonics(4, cloud)
    torch.testing.assert_close(harmonics(4, cloud, form=form), expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("normalize", [True, False])
def test_gradients_agree_with_those_of_the_readable_one(form: str, normalize: bool):
    v = (points() / 4).requires_grad_()
    g = torch.randn(len(v), 81, dtype=torch.float64)
    t = torch.randn_like(v)

    def derivatives(Y: Tensor) -> tuple[Tensor, ...]:
        (first,) = torch.autograd.grad(Y, v, g, create_graph=True)
        (plain,) = torch.autograd.grad(Y, v, g, retain_graph=True)
        (second,) = torch.autograd.grad(first, v, t, create_graph=True)
        (third,) = torch.autograd.grad(second, v, t)
        return first, plain, second, third

    wanted = derivatives(spherical_harmonics(8, v, normalize))
    for actual, expected in zip(derivatives(harmonics(8, v, normalize, form)), wanted, strict=True):
        scale = expected.abs().max().item()
        torch.testing.assert_close(actual, expected, rtol=1e-11, atol=1e-13 * scale)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("normalize", [True, False])
def test_gradcheck_to_second_order(form: str, normalize: bool):
    v = torch.cat([SPECIAL[1:4], torch.randn(3, 3, dtype=torch.float64)]).requires_grad_()
    assert torch.autograd.gradcheck(lambda v: harmonics(4, v, normalize, form), v)
    assert torch.autograd.gradgradcheck(lambda v: harmonics(3, v, normalize, form), v)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("lmax", [0, 1])
def test_lowest_degrees_have_second_derivatives(form: str, lmax: int):
    v = torch.randn(3, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradgradcheck(lambda v: harmonics(lmax, v, True, form), v)
    assert torch.autograd.gradgradcheck(lambda v: harmonics(lmax, v, False, form), v)


@pytest.mark.parametrize("form", FORMS)
def test_the_zero_vector_gives_one_and_zeros_and_no_gradient(form: str):
    v = torch.zeros(2, 3, requires_grad=True)
    Y = harmonics(3, v, form=form)
    assert Y[0].tolist() == [1.0] + [0.0] * 15
    (gradient,) = torch.autograd.grad(Y.sum(), v, create_graph=True)
    assert gradient.tolist() == [[0.0] * 3] * 2
    (second,) = torch.autograd.grad(gradient.sum(), v)
    assert second.tolist() == [[0.0] * 3] * 2


@pytest.mark.parametrize("form", [*FORMS, "auto"])
def test_any_batch_shape_also_empty_and_not_contiguous(form: str):
    assert harmonics(2, torch.zeros(0, 3), form=form).shape == (0, 9)
    assert harmonics(2, torch.zeros(4, 0, 3), form=form).shape == (4, 0, 9)
    empty = torch.zeros(0, 3, requires_grad=True)
    harmonics(2, empty, form=form).sum().backward()
    assert empty.grad is not None
    assert empty.grad.shape == (0, 3)
    one = torch.tensor([1.0, 2.0, 3.0])
    torch.testing.assert_close(harmonics(2, one, form=form), spherical_harmonics(2, one))
    v = torch.randn(3, 5, 7, dtype=torch.float64).transpose(0, 2).requires_grad_()  # (7, 5, 3)
    Y = harmonics(3, v, form=form)
    torch.testing.assert_close(Y, spherical_harmonics(3, v), rtol=0, atol=1e-12)
    (actual,) = torch.autograd.grad(Y.mT.square().sum(), v)
    assert actual.abs().max() < 1e-12  # the squares add up to a constant


@pytest.mark.parametrize("form", FORMS)
def test_more_points_than_a_chunk(form: str):
    v = torch.randn(20000, 3, dtype=torch.float64, requires_grad=True)
    g = torch.randn(20000, 9, dtype=torch.float64)
    actual, expected = harmonics(2, v, form=form), spherical_harmonics(2, v)
    torch.testing.assert_close(actual, expected, rtol=0, atol=1e-13)
    for create_graph in (False, True):
        (a,) = torch.autograd.grad(actual, v, g, create_graph=create_graph, retain_graph=True)
        (b,) = torch.autograd.grad(expected, v, g, retain_graph=True)
        torch.testing.assert_close(a, b, rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("lmax", [4, 8])
def test_single_precision_is_as_good_as_the_readable_form(form: str, lmax: int):
    v = torch.randn(5000, 3)
    exact = spherical_harmonics(lmax, v.double())
    error = (harmonics(lmax, v, form=form) - exact).square().mean().sqrt()
    readable = (spherical_harmonics(lmax, v) - exact).square().mean().sqrt()
    assert harmonics(lmax, v, form=form).dtype == torch.float32
    assert error < 1.3 * readable


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", ["identity", "half turn about [1, 1, 0]", "inverted identity"])
def test_harmonics_turn_as_their_irreps_say(form: str, name: str):
    R, v = SPECIAL_ORTHOGONALS[name], torch.randn(10, 3, dtype=torch.float64)
    irreps = Irreps.spherical_harmonics(6)

    def error(lmax_law: Irreps) -> Tensor:
        return equivariance_error(
            lambda v: harmonics(6, v, form=form),
            v,
            lambda v: v @ R.mT,
            lambda Y: transform(lmax_law, R, Y),
        )

    assert error(irreps) < 1e-13
    if name == "inverted identity":  # control: the other parity
        assert error(Irreps([(mul, f"{irrep.l}e") for mul, irrep in irreps])) > 0.1


@pytest.mark.parametrize("form", ["auto", "torch"])
def test_it_compiles_whole(form: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)  # its checks do not trace
    v = torch.randn(6, 3, dtype=torch.float64, requires_grad=True)
    compiled = torch.compile(lambda v: harmonics(3, v, form=form), backend="eager", fullgraph=True)
    Y, expected = compiled(v), spherical_harmonics(3, v)
    torch.testing.assert_close(Y, expected, rtol=0, atol=1e-12)
    g = torch.randn_like(Y)
    (a,), (b,) = torch.autograd.grad(Y, v, g), torch.autograd.grad(expected, v, g)
    torch.testing.assert_close(a, b, rtol=1e-11, atol=1e-12)


def test_function_transforms_pass():
    v = torch.randn(4, 3, dtype=torch.float64)
    J = torch.func.vmap(torch.func.jacrev(lambda v: harmonics(2, v)))(v)
    expected = torch.func.vmap(torch.func.jacrev(lambda v: spherical_harmonics(2, v)))(v)
    torch.testing.assert_close(J, expected)


def test_bad_input_is_refused():
    with pytest.raises(ValueError, match=r"lmax = 13; expected a whole number from 0 to 12"):
        harmonics(13, torch.zeros(2, 3))
    with pytest.raises(ValueError, match=r"lmax = -1"):
        harmonics(-1, torch.zeros(2, 3))
    with pytest.raises(ValueError, match=r"shape \(3, 2\); expected \(\.\.\., 3\)"):
        harmonics(2, torch.zeros(3, 2))
    with pytest.raises(ValueError, match="form is 'fast'"):
        harmonics(2, torch.zeros(2, 3), form="fast")
    with pytest.raises(ValueError, match=r"float16"):
        harmonics(2, torch.zeros(2, 3).half(), form="numba")


def test_without_numba_it_says_so_and_auto_goes_on(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("equivar.kernels.forms.has_numba", lambda: False)
    v = torch.randn(3, 3, dtype=torch.float64)
    torch.testing.assert_close(harmonics(2, v), spherical_harmonics(2, v))
    with pytest.raises(ValueError, match="pip install numba"):
        harmonics(2, v, form="numba")
