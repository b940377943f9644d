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
from equivar.kernels.so2_loops import WIDTH, torque, turn
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
    """A buffer of turned channels: for each order, (channels, m and -m, edges)."""

    def __init__(self, x: Tensor, side: Side, t: Tables, n: int) -> None:
        self.n, self.edges = n, -(-n // WIDTH) * WIDTH
        self.width, self.lmax = side.dim, max((b.l for b in side.blocks), default=0)
        sizes, places = [], []
        for m, first in enumerate(side.first):
            step = self.edges * (2 if m else 1)
            begin = sum(sizes) - first * step
            places += [(begin, step), (begin + self.edges, step)][: 2 if m else 1]
            sizes.append((side.channels - first) * step)
        # The order above all that have a matrix stays zero, but for what `turn` loads.
        self.flat = x.new_zeros(sum(sizes))
        parts = self.flat.split(sizes)
        channels = [side.channels - first for first in side.first]
        self.orders = [parts[m].view(channels[m], -1) for m in range(t.orders)]
        self.numbers, self.places = self.flat.numpy(), np.array(places, np.int64)
        blocks = [(b.mul, b.l, b.over_i, b.start, b.column) for b in side.blocks]
        self.blocks = np.array(blocks, np.int64).reshape(-1, 5)
        self.constants = _constants(self.lmax, self.numbers.dtype.str)

    def turn(self, rows: Tensor, u: Tensor, back: bool = False) -> None:
        """Load features, or store into them."""
        features, directions = rows.detach().view(-1).numpy(), u.detach().numpy()
        how = self.blocks, max(self.lmax, 1), *self.constants[:2], self.places
        turn(features, self.width, directions, *how, self.numbers, back)

    def torque(self, other: _Turned, out: Tensor, sign: float) -> None:
        """Add sign * self . X other, for X about x and z."""
        *_, entries, factors, begin = self.constants
        tables = self.blocks, entries, factors, begin, self.places
        numbers = self.numbers, other.numbers, self.edges, out.view(-1).numpy()
        torque(*tables, *numbers, self.numbers.dtype.type(sign))


def _chunks(n: int, t: Tables) -> Iterator[slice]:
    sides = t.inputs, t.outputs
    widest = max(sum(b.mul * (2 * b.l + 1) for b in side.blocks) for side in sides)
    size = max(1, CHUNK // (widest * WIDTH)) * WIDTH
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
                torch.mm(piece.mT, z, out=y)
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
                torch.mm(piece, by_made.orders[m], out=by_turned.orders[m])
                if need_u:
                    torch.mm(piece.mT, turned.orders[m], out=made.orders[m])
                if grad_M is not None:
                    _pieces(grad_M, t)[m].addmm_(turned.orders[m], by_made.orders[m].mT)
            if grad_x is not None:
                by_turned.turn(grad_x[at], u[at], back=True)
            if grad_u is not None:
                about = u.new_zeros(2, turned.edges)
                by_made.torque(made, about, 1.0)
                by_turned.torque(turned, about, -1.0)
                grad_u[at] = _gradient(u[at], about[:, :n])
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
    g_x, g_z = -about[1], about[0]
    return torch.stack([c * g_x + s * y * g_z, -rho * g_z, c * y * g_z - s * g_x], dim=-1)
