r"""The SO(2) form for the CPU: compiled turns, one matrix product for each order, few edges at a time.

The gradient by the directions needs no derivative of any rotation matrix, since equivariance says
what it is. Turn everything by a small angle $\theta$ about any axis: $f(x, r)$ turns along, and so

$$\theta \cdot (r \times \partial_r) (g \cdot f) = g \cdot (\theta \cdot X) f
  - \partial_x (g \cdot f) \cdot (\theta \cdot X)\, x$$

for the generators X. All on the right is there once the gradient by x is.
"""

# mypy: disable-error-code="import-untyped"
from __future__ import annotations

import math
from collections.abc import Iterator
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from equivar._shapes import Float
from equivar.kernels.so2_loops import torque, turn
from equivar.kernels.so2_tables import Side, Tables
from equivar.so3 import generators, wigner_d

__all__ = ["so2_numba"]

CHUNK = 2**17
"""Numbers in one buffer of turned channels: half a megabyte."""


def so2_numba(
    x: Float[Tensor, "n d_in"],
    u: Float[Tensor, "n 3"],
    M: Float[Tensor, "orders channels_in channels_out"],
    t: Tables,
) -> Float[Tensor, "n d_out"]:
    """The same as `so2.turned_product`.

    Args:
        x: features, float32 or float64, on the CPU.
        u: directions of the same dtype.
        M: a matrix for each order.
        t: the tables.

    Returns:
        The product. Second derivatives are those of the form to read.
    """
    out: Tensor = _Product.apply(x, u, M, t)
    return out


class _Sparse(NamedTuple):
    """Sparse matrices of all degrees: see `so2_loops.turn`."""

    starts: np.ndarray
    columns: np.ndarray
    values: np.ndarray
    begin: np.ndarray


class _Constants(NamedTuple):
    to_pole: _Sparse
    from_pole: _Sparse
    entries: np.ndarray
    factors: np.ndarray
    begin: np.ndarray


def _order(l: int, over_i: bool) -> tuple[list[int], list[float]]:
    """Which component each row 0, 1, -1, ... of the buffer holds, and its sign."""
    rows, signs = [l], [1.0]
    for m in range(1, l + 1):
        rows += [l - m, l + m] if over_i else [l + m, l - m]
        signs += [1.0, -1.0] if over_i else [1.0, 1.0]
    return rows, signs


def _sparse(matrices: list[list[Tensor]], dtype: str) -> _Sparse:
    starts, columns, values = [], [], []
    begin = np.zeros((len(matrices), len(matrices[0])), np.int64)
    for kind, of_degree in enumerate(matrices):
        for l, matrix in enumerate(of_degree):
            begin[kind, l] = len(starts)
            for row in matrix.tolist():
                starts.append(len(columns))
                columns += [j for j, v in enumerate(row) if abs(v) > 1e-13]
                values += [v for v in row if abs(v) > 1e-13]
            starts.append(len(columns))
    return _Sparse(np.array(starts), np.array(columns), np.array(values, dtype), begin)


@cache
def _constants(lmax: int, dtype: str) -> _Constants:
    axis = torch.tensor([1.0, 1.0, 0.0], dtype=torch.float64) / math.sqrt(2)
    half_turn = 2 * axis[:, None] * axis - torch.eye(3, dtype=torch.float64)
    J = [wigner_d(f"{l}{'eo'[l % 2]}", half_turn) for l in range(lmax + 1)]
    there, back = [J], [J]
    entries, factors, begin = [], [], np.zeros((2, lmax + 2), np.int64)
    for over_i in (False, True):
        reordered = []
        for l, matrix in enumerate(J):
            rows, signs = _order(l, over_i)
            sign = torch.tensor(signs, dtype=torch.float64)
            reordered.append(matrix[rows] * sign[:, None])
            begin[int(over_i), l] = len(factors)
            for number, X in enumerate(generators(l)[[0, 2]]):
                Z = X[rows][:, rows] * sign[:, None] * sign
                found = [(i, j) for i, j in Z.abs().gt(1e-13).nonzero().tolist() if i < j]
                entries += [(number, i, j) for i, j in found]
                factors += [Z[i, j].item() for i, j in found]
        begin[int(over_i), lmax + 1] = len(factors)
        there.append(reordered)
        back.append([matrix.mT for matrix in reordered])
    return _Constants(
        _sparse(there, dtype),
        _sparse(back, dtype),
        np.array(entries, np.int64).reshape(-1, 3),
        np.array(factors, dtype),
        begin,
    )


class _Turned:
    """A buffer of turned channels: one matrix (edges, channels) for each order and sign."""

    def __init__(self, x: Tensor, side: Side, t: Tables, n: int) -> None:
        self.n, self.lmax = n, max((b.l for b in side.blocks), default=0)
        widths = [side.channels - first for first in side.first]
        places, begin = [], 0
        for m, width in enumerate(widths):
            for _ in range(2 if m else 1):
                places.append((begin - side.first[m], width))
                begin += n * width
        # The order above all that have a matrix stays zero, but in `load`.
        self.flat = x.new_zeros(begin)
        parts = self.flat.split([(2 if m else 1) * n * width for m, width in enumerate(widths)])
        self.orders = [parts[m].view(-1, widths[m]) for m in range(t.orders)]
        self.numbers = self.flat.numpy()
        self.places = np.array(places, np.int64)
        self.blocks = np.array(
            [(b.mul, b.l, b.over_i, b.start, b.column) for b in side.blocks], np.int64
        ).reshape(-1, 5)
        self.table = np.empty((4, max(self.lmax, 1) + 1, n), self.numbers.dtype)

    def turn(self, rows: Tensor, u: Tensor, back: bool = False) -> None:
        """Load features, or store into them."""
        to_pole, from_pole, *_ = _constants(self.lmax, self.numbers.dtype.str)
        arrays = rows.numpy(), u.numpy(), self.blocks, self.table
        turn(*arrays, to_pole, from_pole, self.places, self.numbers, back)

    def torque(self, other: _Turned, out: np.ndarray, sign: float) -> None:
        """Add sign * self . X other, for X about x and z."""
        *_, entries, factors, begin = _constants(self.lmax, self.numbers.dtype.str)
        sign = self.numbers.dtype.type(sign)
        tables = entries, factors, begin, self.places
        torque(self.blocks, *tables, self.numbers, other.numbers, self.n, out, sign)


def _chunks(n: int, t: Tables) -> Iterator[slice]:
    widest = max(
        sum(block.mul * (2 * block.l + 1) for block in side.blocks)
        for side in (t.inputs, t.outputs)
    )
    size = max(1, CHUNK // widest)
    return (slice(start, min(start + size, n)) for start in range(0, n, size))


def _pieces(M: Tensor, t: Tables) -> list[Tensor]:
    """Of the matrix of each order what is not zero anyway."""
    return [M[m, t.inputs.first[m] :, t.outputs.first[m] :] for m in range(t.orders)]


class _Product(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, u: Tensor, M: Tensor, t: Tables) -> Tensor:
        x, u = x.contiguous(), u.contiguous()
        ctx.save_for_backward(x, u, M)
        ctx.tables = t
        out = x.new_empty(len(x), t.outputs.dim)
        turned = None
        for at in _chunks(len(x), t):
            n = at.stop - at.start
            if turned is None or turned.n != n:
                turned, made = _Turned(x, t.inputs, t, n), _Turned(x, t.outputs, t, n)
            turned.turn(x[at], u[at])
            for z, y, piece in zip(turned.orders, made.orders, _pieces(M, t), strict=True):
                torch.mm(z, piece, out=y)
            made.turn(out[at], u[at], back=True)
        return out

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor | None, ...]:
        x, u, M = ctx.saved_tensors
        t: Tables = ctx.tables
        if torch.is_grad_enabled():  # someone will differentiate again
            from equivar.kernels.so2 import turned_product

            needed = ctx.needs_input_grad[:3]
            wanted = [v for v, need in zip((x, u, M), needed, strict=True) if need]
            y = turned_product(x, u, M, t)
            found = iter(torch.autograd.grad(y, wanted, g, create_graph=True))
            return *(next(found) if need else None for need in needed), None
        need_x, need_u, need_M = ctx.needs_input_grad[:3]
        g = g.contiguous()
        grad_x = torch.empty_like(x) if need_x else None
        grad_u = torch.empty_like(u) if need_u else None
        grad_M = torch.zeros_like(M) if need_M else None
        turned = None
        for at in _chunks(len(x), t):
            n = at.stop - at.start
            if turned is None or turned.n != n:
                turned, by_turned = (_Turned(x, t.inputs, t, n) for _ in range(2))
                by_made, made = (_Turned(x, t.outputs, t, n) for _ in range(2))
            by_made.turn(g[at], u[at])
            if need_u or need_M:
                turned.turn(x[at], u[at])
            for m, piece in enumerate(_pieces(M, t)):
                torch.mm(by_made.orders[m], piece.mT, out=by_turned.orders[m])
                if need_u:
                    torch.mm(turned.orders[m], piece, out=made.orders[m])
                if grad_M is not None:
                    _pieces(grad_M, t)[m].addmm_(turned.orders[m].mT, by_made.orders[m])
            if grad_x is not None:
                by_turned.turn(grad_x[at], u[at], back=True)
            if grad_u is not None:
                about = np.zeros((n, 2), turned.numbers.dtype)
                by_made.torque(made, about, 1.0)
                by_turned.torque(turned, about, -1.0)
                grad_u[at] = _gradient(u[at], torch.from_numpy(about))
        return grad_x, grad_u, grad_M, None


def _gradient(u: Tensor, about: Tensor) -> Tensor:
    """From u x gradient about the turned x and z axes to the gradient.

    At the pole the gradient is (-about z, 0, about x); the turn back is that of `so2_loops`.
    """
    x, y, z = u.unbind(-1)
    rho = torch.sqrt(x * x + z * z)
    flat = rho > 0
    safe = torch.where(flat, rho, 1.0)
    c, s = torch.where(flat, z / safe, 1.0), torch.where(flat, x / safe, 0.0)
    g_x, g_z = -about[:, 1], about[:, 0]
    return torch.stack([c * g_x + s * y * g_z, -rho * g_z, c * y * g_z - s * g_x], dim=-1)
