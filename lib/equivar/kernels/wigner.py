r"""Wigner D matrices of all degrees at once, fast: polynomials in the entries of the rotation.

`so3.wigner_d` is the form to read; tests hold these equal to it. Textbooks write D with angles,
$e^{iM\alpha}\, d^l_{Mm}(\beta)\, e^{im\gamma}$, which have bad points at the pole. But angles only
occur in products that are linear in the rotation's entries: with

$$A = \tfrac12 (R_{zz} + R_{xx} + i R_{xz} - i R_{zx}), \quad
  B = \tfrac12 (R_{zz} - R_{xx} + i R_{xz} + i R_{zx}),$$
$$C = \tfrac12 (R_{zy} + i R_{xy}), \quad E = \tfrac12 (R_{yz} - i R_{yx}),$$

the entries of orders $M \ge m \ge 0$ are the real and imaginary parts of

$$A^m C^{M-m} P_l \quad\text{and}\quad B^m C^{M-m} Q_l,$$

and of the same with E in place of C ($\bar E$ beside B) for the transposed block. Of the real
parts, the sum is cosine with cosine and the difference sine with sine; of the imaginary parts, the
sum is the sine's row with the cosine's column, the difference the other way around. P and Q are
polynomials in $R_{yy}$, made by a recursion upward in l, which is the stable direction.

A derivative needs none of that: a rotation is turned further by $\omega$, so $dD = (\omega \cdot
X)\, D$ with the generators X. The gradient is made of D itself, and so is the gradient's gradient.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from equivar._checks import is_traced
from equivar._kept import kept
from equivar._shapes import Float
from equivar.kernels.forms import choose_form
from equivar.kernels.wigner_tables import entry_order, order_pairs, recursion
from equivar.so3 import check_degree, check_orthogonal, generators

__all__ = ["wigner_d_all"]

CHUNK = 2048
"""Rotations at a time in the PyTorch form, so that most of what it makes stays in the cache."""


def wigner_d_all(lmax: int, R: Float[Tensor, "..."], form: str = "auto") -> tuple[Tensor, ...]:
    r"""The matrices of all degrees from 0 to lmax that turn spherical harmonics.

    $Y^l(R r) = D^l(R)\, Y^l(r)$, also for reflections: inversion is $(-1)^l$.

    Args:
        lmax: the largest degree.
        R: rotations, reflections, inversions, (..., 3, 3); any batch.
        form: "torch"; "numba", which runs on the CPU; or "auto": Numba where it is there, R is on
            the CPU in float32 or float64, and nothing is being traced.

    Returns:
        lmax + 1 tensors (..., 2l+1, 2l+1), each contiguous, in the dtype and on the device of R.
        Numba's are parts of one buffer. Differentiable to any order. Only what keeps R orthogonal
        has a derivative: the gradient by R is its part along the group, which is all that a
        parametrization of R can feel.

    Raises:
        ValueError: lmax is not a degree from 0 to `so3.MAX_DEGREE`, R is not orthogonal, or the
            form does not exist or cannot run here.

    >>> half_turn = torch.diag(torch.tensor([-1.0, -1.0, 1.0]))  # about z
    >>> [D.diag().tolist() for D in wigner_d_all(2, half_turn)]
    [[1.0], [-1.0, -1.0, 1.0], [-1.0, 1.0, 1.0, -1.0, 1.0]]

    Source:
        Varshalovich, Quantum Theory of Angular Momentum, section 4.3; the products in place of the
        angles are Cayley and Klein's parameters, two at a time.
    """
    check_degree(lmax, "lmax")
    form = choose_form(form, R, traced="traced")
    if form == "torch" and is_traced():
        form = "traced"
    if form != "traced" or R.shape[-2:] != (3, 3):
        check_orthogonal(R)  # it looks at values, which would break a graph
    flat = R.reshape(-1, 3, 3)
    if form == "traced":
        # The value of R; the derivative of its part along the group.
        D = [D_l.contiguous() for D_l in _rows(lmax, (3 * flat - flat @ flat.mT @ flat) / 2)]
    else:
        D = _WignerD.apply(flat, lmax, form)
    return tuple(D_l.reshape(*R.shape[:-2], 2 * l + 1, 2 * l + 1) for l, D_l in enumerate(D))


# Everything below is for one list of rotations (n, 3, 3).


class _WignerD(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, R: Tensor, lmax: int, form: str) -> tuple[Tensor, ...]:
        ctx.set_materialize_grads(False)
        ctx.form = form
        D = (_values_numba if form == "numba" else _values)(lmax, R)
        ctx.save_for_backward(R, *D)
        return D

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor | None) -> tuple[Tensor | None, None, None]:
        R, *D = ctx.saved_tensors
        fast = ctx.form == "numba" and not torch.is_grad_enabled()
        slopes = R.new_zeros(len(R), 3)
        for l, (D_l, g) in enumerate(zip(D, gradients, strict=True)):
            if l and g is not None:
                slopes = slopes + (_slopes_numba if fast else _slopes)(l, D_l, g)
        # <gradient, w x R> = <slopes, w> for each infinitesimal rotation w, and none along normals.
        return torch.linalg.cross(slopes[:, :, None], R, dim=1) / 2, None, None


def _slopes(l: int, D: Tensor, g: Tensor) -> Float[Tensor, "n 3"]:
    """How sum(D * g) changes when D is turned further about x, y and z."""
    X = generators(l).to(D)
    return (g @ D.mT).flatten(1) @ X.flatten(1).T


def _tables(lmax: int) -> tuple[Tensor, ...]:
    """The recursion's numbers for each pair of orders; rows of the two factors of its phases."""
    M, m = order_pairs(lmax)
    left = 5 * m[:, None] + torch.tensor([0, 1, 0, 1])  # A, B, A, B
    right = 5 * (M - m)[:, None] + torch.tensor([2, 2, 3, 4])  # C, C, E, conj(E)
    orders = [entry_order(l) for l in range(lmax + 1)]
    return recursion(lmax)[M, m], left.flatten(), right.flatten(), *orders


_kept_tables = kept(_tables)  # torch.compile warns of a cache, and needs none


def _rows(lmax: int, R: Tensor) -> list[Float[Tensor, "n d d"]]:
    """The matrices in PyTorch, with rows of rotations while they are made; not contiguous."""
    make = _tables if torch.compiler.is_compiling() else _kept_tables
    table, left, right, *orders = (t.to(R.device) for t in make(lmax))
    table = table.to(R.dtype)
    xx, xy, xz, yx, yy, yz, zx, zy, zz = R.flatten(1).T.contiguous()
    sign = torch.linalg.det(R.detach()).sign()
    one_re = torch.stack([zz + xx, zz - xx, zy, yz, yz]) / 2  # A, B, C, E, conj(E)
    one_im = torch.stack([xz - zx, xz + zx, xy, -yx, yx]) / 2
    real, imaginary = [torch.ones_like(one_re)], [torch.zeros_like(one_im)]
    for _ in range(lmax):
        re, im = real[-1], imaginary[-1]
        real.append(re * one_re - im * one_im)
        imaginary.append(re * one_im + im * one_re)
    a, b = (torch.cat(part).index_select(0, left) for part in (real, imaginary))
    c, d = (torch.cat(part).index_select(0, right) for part in (real, imaginary))
    phases_re = (a * c - b * d).unflatten(0, (-1, 2, 2))  # (pair, block, term, n)
    phases_im = (a * d + b * c).unflatten(0, (-1, 2, 2))
    signs = torch.stack([sign, -sign])
    PQ = before = yy.new_zeros(0, 2, len(yy))  # (pair, 2, n), of all pairs up to degree l
    D = []
    for l in range(lmax + 1):
        slope, shift, back = table[: len(PQ), l, :, None, None].unbind(1)
        value = (slope * yy + shift * signs) * PQ
        old = len(before)
        value = torch.cat([value[:old] - back[:old] * before, value[old:]])
        new = table[len(PQ) : len(PQ) + l + 1, l, 0, None, None].expand(-1, 2, len(yy))
        before, PQ = PQ, torch.cat([value, new])
        a, b = (phases_re[: len(PQ)] * PQ[:, None]).unbind(2)
        c, d = (phases_im[: len(PQ)] * PQ[:, None]).unbind(2)
        entries = torch.stack([a + b, a - b, c + d, d - c], dim=2).flatten(0, 2)
        D.append(entries.index_select(0, orders[l]).T.unflatten(1, (2 * l + 1, 2 * l + 1)))
    return D


def _values(lmax: int, R: Tensor) -> tuple[Tensor, ...]:
    D = tuple(R.new_empty(len(R), 2 * l + 1, 2 * l + 1) for l in range(lmax + 1))
    for start in range(0, len(R), CHUNK):
        for D_l, part in zip(D, _rows(lmax, R[start : start + CHUNK]), strict=True):
            D_l[start : start + CHUNK] = part
    return D


def _values_numba(lmax: int, R: Tensor) -> tuple[Tensor, ...]:
    from equivar.kernels.wigner_numba import matrices

    r = R.detach().reshape(-1, 9).contiguous().numpy()
    sizes = [len(r) * (2 * l + 1) ** 2 for l in range(lmax + 1)]
    flat = R.new_empty(sum(sizes))
    matrices(lmax, _recursion_numba(lmax, r.dtype.str), r, flat.numpy())
    parts = flat.split(sizes)
    return tuple(part.view(-1, 2 * l + 1, 2 * l + 1) for l, part in enumerate(parts))


def _slopes_numba(l: int, D: Tensor, g: Tensor) -> Tensor:
    from equivar.kernels.wigner_numba import slopes

    out = D.new_empty(len(D), 3)
    D_flat, g_flat = (t.detach().contiguous().numpy().reshape(-1) for t in (D, g))
    places, factors = _generators_numba(l, D_flat.dtype.str)
    slopes(2 * l + 1, places, factors, D_flat, g_flat, out.numpy())
    return out


@kept
def _recursion_numba(lmax: int, dtype: str) -> Any:
    return recursion(lmax).numpy().astype(dtype).reshape(-1)


@kept
def _generators_numba(l: int, dtype: str) -> tuple[Any, Any]:
    X = generators(l)
    places = X.nonzero()
    return places.numpy(), X[places.unbind(1)].numpy().astype(dtype)
