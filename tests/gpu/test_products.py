"""Products of two irreps to a third: three forms, odd sizes, derivatives, and the symmetry."""

from __future__ import annotations

import pytest
import torch
from comparing import SINGLE, TURNS, numbers, relative_error
from torch import Tensor

from equivar.features import transform
from equivar.kernels.couplings import coupling
from equivar.kernels.products import product
from equivar.measure import equivariance_error

DEGREES = [(0, 0, 0), (1, 1, 0), (1, 1, 1), (1, 2, 1), (2, 2, 2), (2, 1, 3), (4, 4, 4)]


def forms(device: torch.device) -> list[str]:
    return ["triton", "numba"] if device.type == "cpu" else ["triton"]


def factors(batch: tuple, degrees: tuple, device: torch.device) -> tuple[Tensor, Tensor]:
    l1, l2, _ = degrees
    return (
        numbers(*batch, 2 * l1 + 1, device=device),
        numbers(*batch, 2 * l2 + 1, device=device),
    )


@pytest.mark.parametrize("degrees", DEGREES)
def test_it_is_the_sum_over_the_whole_table(degrees: tuple, device: torch.device):
    x, y = factors((131,), degrees, device)
    C = coupling(*degrees).to(x)
    exact = torch.zeros(131, 2 * degrees[2] + 1, dtype=torch.float64, device=device)
    for i, j, k in torch.cartesian_prod(*(torch.arange(n) for n in C.shape)).tolist():
        exact[:, k] += C[i, j, k] * x[:, i] * y[:, j]
    for form in ("torch", *forms(device), "auto"):
        assert relative_error([product(x, y, degrees[2], form)], [exact]) < 1e-14
        single = product(x.float(), y.float(), degrees[2], form)
        assert single.dtype == torch.float32
        assert relative_error([single], [exact]) < SINGLE


@pytest.mark.parametrize("batch", [(), (0,), (1,), (2, 0), (3, 5)])
def test_any_batch(batch: tuple, device: torch.device):
    x, y = factors(batch, (1, 2, 3), device)
    for form in forms(device):
        torch.testing.assert_close(product(x, y, 3, form), product(x, y, 3, "torch"))


@pytest.mark.parametrize("degrees", [(1, 1, 1), (2, 1, 2)])
def test_derivatives(degrees: tuple, device: torch.device):
    x, y = (factor.requires_grad_() for factor in factors((3,), degrees, device))
    for form in forms(device):
        f = lambda x, y, form=form: product(x, y, degrees[2], form)  # noqa: E731
        assert torch.autograd.gradcheck(f, (x, y), fast_mode=True)
        assert torch.autograd.gradgradcheck(f, (x, y), fast_mode=True)


def test_each_gradient_alone(device: torch.device):
    x, y = factors((4,), (2, 1, 2), device)
    for first in (True, False):
        one = (x if first else y).clone().requires_grad_()
        both = (one, y) if first else (x, one)
        found = [torch.autograd.grad(product(*both, 2, f).sum(), one)[0] for f in forms(device)]
        (exact,) = torch.autograd.grad(product(*both, 2, "torch").sum(), one)
        assert relative_error(found, [exact] * len(found)) < 1e-13


@pytest.mark.parametrize("name", TURNS)
@pytest.mark.parametrize("degrees", DEGREES[1:])
def test_the_product_turns_as_its_degree_says(degrees: tuple, name: str, device: torch.device):
    R = TURNS[name].to(device, torch.float32)
    l1, l2, l3 = degrees
    x, y = (t.float() for t in factors((5,), degrees, device))
    own = [f"{l1}{'eo'[l1 % 2]}", f"{l2}{'eo'[l2 % 2]}"]
    parity = "eo"[(l1 + l2) % 2]

    def error(irrep: str) -> Tensor:
        return equivariance_error(
            lambda both: product(both[:, : 2 * l1 + 1], both[:, 2 * l1 + 1 :], l3, "triton"),
            torch.cat([x, y], dim=1),
            lambda both: transform(" + ".join(own), R, both),
            lambda z: transform(irrep, R, z),
        )

    assert error(f"{l3}{parity}") < SINGLE
    if name == "inversion":  # control: the other parity
        assert error(f"{l3}{'oe'[parity == 'o']}") > 0.1
    elif name != "identity" and l3:  # control: components that stay as they are
        assert error(f"{2 * l3 + 1}x0{parity}") > 0.1


def test_bad_input_is_refused():
    vector, tensor = torch.zeros(4, 3), torch.zeros(4, 5)
    for arguments, message in (
        ((torch.zeros(4, 2), vector, 1), r"x has shape \(4, 2\); expected \(\.\.\., 2l \+ 1\)"),
        ((vector, tensor[:3], 1), "row by row they are multiplied"),
        ((vector, vector, 3), "got l3 = 3; expected 0 to 2"),
        ((vector, vector.double(), 1), "expected one dtype"),
        ((vector, vector, 1, "fast"), "form is 'fast'"),
        ((vector, vector.to("meta"), 1), "y is on meta; expected cpu"),
    ):
        with pytest.raises(ValueError, match=message):
            product(*arguments)
