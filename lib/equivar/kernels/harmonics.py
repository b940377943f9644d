r"""Spherical harmonics, fast: a recursion over orders for all points at once.

`so3.spherical_harmonics` is the form to read; tests hold these equal to it. What makes them fast:

* components lie in rows of points while they are made, so that an operation treats a whole degree,
  and are turned around once at the end;
* the gradient is not taken through the recursion. As polynomials, harmonics have gradients that are
  harmonics of one degree less, $\partial_a Y^l_m = \sqrt l\,(2l+1) \sum_k C_{kam} Y^{l-1}_k$: a
  product with Clebsch-Gordan coefficients again. So the derivative of a derivative is made of the
  same two pieces, and nothing but the vectors needs to be kept;
* nothing that is made on the way leaves the cache.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from equivar._checks import is_traced
from equivar._shapes import Float
from equivar.kernels import harmonics_torch
from equivar.kernels.forms import choose_form
from equivar.so3 import check_degree, clebsch_gordan

__all__ = ["harmonics"]

FORMS = ("torch", "numba", "triton")


def harmonics(
    lmax: int, vectors: Float[Tensor, "..."], normalize: bool = True, form: str = "auto"
) -> Float[Tensor, "..."]:
    r"""The same as `so3.spherical_harmonics`, in a form that runs fast.

    Args:
        lmax: the largest degree.
        vectors: (..., 3), of any length.
        normalize: whether to divide by the length first. Without, degree l is a polynomial of
            degree l.
        form: "torch"; "numba", which runs on the CPU; "triton", which runs on a GPU; or "auto":
            Numba or Triton where it is there, the vectors are on its device in float32 or float64,
            and nothing is being traced.

    Returns:
        Tensor (..., (lmax+1)^2), contiguous, laid out as `Irreps.spherical_harmonics(lmax)`.
        Differentiable to any order. The zero vector gives 1 and then zeros; with `normalize`, zero
        gradients too.

    Raises:
        ValueError: lmax is not a degree from 0 to `so3.MAX_DEGREE`, vectors are not (..., 3), or
            the form does not exist or cannot run here.

    >>> Y = harmonics(2, torch.tensor([[0.0, 2.0, 0.0], [0.0, 0.0, 0.0]]))
    >>> [round(v, 4) for v in Y[0].tolist()]
    [1.0, 0.0, 1.7321, 0.0, 0.0, 0.0, 2.2361, 0.0, 0.0]
    >>> Y[1].tolist()
    [1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]

    Source:
        The gradient: Bigi, Fraux, Browning and Ceriotti, J. Chem. Phys. 159, 064802 (2023); here it
        comes from Clebsch-Gordan coefficients, and the recursion runs over orders.
    """
    check_degree(lmax, "lmax")
    if vectors.ndim < 1 or vectors.shape[-1] != 3:
        raise ValueError(f"vectors have shape {tuple(vectors.shape)}; expected (..., 3)")
    if not vectors.is_floating_point():
        raise ValueError(f"vectors are {vectors.dtype}; expected floating point, as lengths are")
    form = choose_form(form, vectors, known=FORMS, traced="traced")
    if form == "torch" and is_traced():
        form = "traced"
    flat = vectors.reshape(-1, 3)
    if form == "traced":
        x, y, z = (_unit(flat)[0] if normalize else flat).unbind(-1)
        Y = harmonics_torch.differentiable_rows(lmax, x, y, z).mT.contiguous()
    else:
        Y = _Harmonics.apply(flat, lmax, normalize, form)
    return Y.reshape(*vectors.shape[:-1], (lmax + 1) ** 2)


def _unit(v: Float[Tensor, "n 3"]) -> tuple[Float[Tensor, "n 3"], Float[Tensor, "n 1"]]:
    """Directions, and one over the lengths; zero for the zero vector."""
    x, y, z = v.unbind(-1)
    squared = x * x + y * y + z * z
    nonzero = squared > 0
    # Replaced before the root, whose derivative at zero is infinite.
    inverse = (nonzero / torch.where(nonzero, squared, 1.0).sqrt())[:, None]
    return v * inverse, inverse


# Everything below is for one list of points (n, 3).


def _loops(form: str) -> Any:
    """The module that has `values` and `gradient`."""
    if form == "torch":
        return harmonics_torch
    if form == "triton":
        from equivar.kernels import harmonics_triton

        return harmonics_triton
    from equivar.kernels import harmonics_numba

    return harmonics_numba


class _Harmonics(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, v: Tensor, lmax: int, normalize: bool, form: str) -> Tensor:
        ctx.save_for_backward(v)
        ctx.how = lmax, normalize, form
        values: Tensor = _loops(form).values(v, lmax, normalize)
        return values

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor | None, None, None, None]:
        (v,) = ctx.saved_tensors
        lmax, normalize, form = ctx.how
        if not torch.is_grad_enabled():
            return _loops(form).gradient(v, g, lmax, normalize), None, None, None
        if not normalize:
            return _Gradient.apply(v, g, lmax, form), None, None, None
        u, inverse = _unit(v)
        d = _Gradient.apply(u, g, lmax, form)
        return (d - u * (u * d).sum(-1, keepdim=True)) * inverse, None, None, None


class _Gradient(torch.autograd.Function):
    """The gradient of sum(Y * g) by the points, for Y as polynomials; linear in g."""

    @staticmethod
    def forward(ctx: Any, v: Tensor, g: Tensor, lmax: int, form: str) -> Tensor:
        ctx.save_for_backward(v, g)
        ctx.how = lmax, form
        gradient: Tensor = _loops(form).gradient(v, g, lmax, False)
        return gradient

    @staticmethod
    def backward(ctx: Any, t: Tensor) -> tuple[Tensor | None, Tensor | None, None, None]:
        v, g = ctx.saved_tensors
        lmax, form = ctx.how
        if lmax == 0:
            return torch.zeros_like(v), torch.zeros_like(g), None, None
        M = _gradient_matrices(lmax, g)
        by_v = by_g = None
        if ctx.needs_input_grad[0]:
            degrees = g.split([2 * l + 1 for l in range(lmax + 1)], dim=-1)[1:]
            pairs = zip(degrees, M, strict=True)
            lower = [torch.einsum("kam,na,nm->nk", m, t, g_l) for g_l, m in pairs]
            by_v = _Gradient.apply(v, torch.cat(lower, dim=-1), lmax - 1, form)
        if ctx.needs_input_grad[1]:
            Y = _Harmonics.apply(v, lmax - 1, False, form)
            pairs = zip(Y.split([2 * l + 1 for l in range(lmax)], dim=-1), M, strict=True)
            higher = [torch.einsum("kam,na,nk->nm", m, t, Y_l) for Y_l, m in pairs]
            by_g = torch.cat([torch.zeros_like(g[:, :1]), *higher], dim=-1)
        return by_v, by_g, None, None


def _gradient_matrices(lmax: int, like: Tensor) -> list[Float[Tensor, "k 3 m"]]:
    """How the gradient of each degree from 1 is made of the degree below."""
    return [
        clebsch_gordan(l - 1, 1, l).to(like) * (math.sqrt(l) * (2 * l + 1))
        for l in range(1, lmax + 1)
    ]
