r"""The SO(2) form for the CPU: compiled turns, and a matrix product for each order.

The gradient by the directions needs no derivative of any rotation matrix, since equivariance says
what it is. Turn everything by a small angle $\theta$ about any axis: $f(x, r)$ turns along, and so

$$\theta \cdot (r \times \partial_r) (g \cdot f) = g \cdot (\theta \cdot X) f
  - \partial_x (g \cdot f) \cdot (\theta \cdot X)\, x$$

for the generators X. All on the right is there once the gradient by x is.
"""

# mypy: disable-error-code="import-untyped"
from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from equivar._kept import kept
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
    readable: Callable[..., Tensor],
) -> Float[Tensor, "n d_out"]:
    """The product in turned edges, a few hundred at a time, which stay in the cache.

    Args:
        x: features, float32 or float64, on the CPU.
        u: directions of the same dtype.
        M: a matrix for each order.
        t: the tables.
        readable: the form to read, of the same arguments. Second derivatives are taken of it.

    Returns:
        The product.
    """
    out: Tensor = _Product.apply(x, u, M, t, readable)
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
    starts: list[int] = []
    columns: list[int] = []
    values: list[float] = []
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


@kept
def _constants(lmax: int, dtype: str) -> _Constants:
    axis = torch.tensor([1.0, 1.0, 0.0], dtype=torch.float64) / math.sqrt(2)
    half_turn = 2 * axis[:, None] * axis - torch.eye(3, dtype=torch.float64)
    J = [wigner_d(f"{l}{'eo'[l % 2]}", half_turn) for l in range(lmax + 1)]
    there, back = [J], [J]
    entries: list[tuple[int, int, int]] = []
    factors: list[float] = []
    begin = np.zeros((2, lmax + 2), np.int64)
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

    def __init__(self, x: Tensor, side: Side, orders: int, n: int) -> None:
        self.n, self.edges, self.width = n, -(-n // WIDTH) * WIDTH, side.dim
        channels = [side.channels - first for first in side.first]
        sizes: list[int] = []
        places: list[tuple[int, int]] = []
        for m, first in enumerate(side.first):
            step = self.edges * (2 if m else 1)
            begin = sum(sizes) - first * step
            places += [(begin, step), (begin + self.edges, step)][: 2 if m else 1]
            sizes.append(channels[m] * step)
        flat = x.new_empty(sum(sizes))
        parts = flat.split(sizes)
        parts[-1].zero_()  # no matrix makes the order above all, and `torque` reads it
        self.orders = [parts[m].view(channels[m], -1) for m in range(orders)]
        self.numbers, self.places = flat.numpy(), np.array(places, np.int64)
        self.lmax, self.blocks = _blocks(side)
        self.constants = _constants(self.lmax, self.numbers.dtype.str)

    def turn(self, rows: Tensor, u: Tensor, back: bool = False) -> None:
        """Load features, or store into them."""
        features, directions = rows.detach().view(-1).numpy(), u.detach().numpy()
        how = self.blocks, self.lmax, *self.constants[:2], self.places
        turn(features, self.width, directions, *how, self.numbers, back)

    def torque(self, other: _Turned, out: Tensor, sign: float) -> None:
        """Add sign * self . X other, for X about x and z."""
        *_, entries, factors, begin = self.constants
        tables = self.blocks, entries, factors, begin, self.places
        numbers = self.numbers, other.numbers, self.edges, out.view(-1).numpy()
        torque(*tables, *numbers, self.numbers.dtype.type(sign))


@cache
def _blocks(side: Side) -> tuple[int, np.ndarray]:
    """The largest degree, and the table that the loops read."""
    rows = [(b.mul, b.l, b.over_i, b.start, b.column) for b in side.blocks]
    return max(b.l for b in side.blocks), np.array(rows, np.int64)


def _chunks(x: Tensor, t: Tables, sides: list[Side]) -> Iterator[tuple[slice, list[_Turned]]]:
    """A few edges at a time, and a buffer for each of the sides."""
    n, widest = len(x), max(side.dim for side in sides)
    size = max(1, CHUNK // (widest * WIDTH)) * WIDTH
    for start in range(0, n, size):
        count = min(size, n - start)
        if start == 0 or count < size:
            buffers = [_Turned(x, side, t.orders, count) for side in sides]
        yield slice(start, start + count), buffers


def _pieces(M: Tensor, t: Tables) -> list[Tensor]:
    """Of the matrix of each order what is not zero anyway."""
    return [M[m, t.inputs.first[m] :, t.outputs.first[m] :] for m in range(t.orders)]


class _Product(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, x: Tensor, u: Tensor, M: Tensor, t: Tables, readable: Callable[..., Tensor]
    ) -> Tensor:
        x, u = x.contiguous(), u.contiguous()
        ctx.save_for_backward(x, u, M)
        ctx.tables, ctx.readable = t, readable
        out = x.new_empty(len(x), t.outputs.dim)
        pieces = [piece.mT for piece in _pieces(M, t)]
        for at, (turned, made) in _chunks(x, t, [t.inputs, t.outputs]):
            turned.turn(x[at], u[at])
            for piece, z, y in zip(pieces, turned.orders, made.orders, strict=True):
                torch.mm(piece, z, out=y)
            made.turn(out[at], u[at], back=True)
        return out

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor | None, ...]:
        x, u, M = ctx.saved_tensors
        t: Tables = ctx.tables
        needed = ctx.needs_input_grad[:3]
        if torch.is_grad_enabled():  # someone will differentiate again
            wanted = [v for v, need in zip((x, u, M), needed, strict=True) if need]
            y = ctx.readable(x, u, M, t)
            found = iter(torch.autograd.grad(y, wanted, g, create_graph=True))
            return *(next(found) if need else None for need in needed), None, None
        need_x, need_u, need_M = needed
        g, grad_x = g.contiguous(), torch.empty_like(x)
        about, grad_M = u.new_empty(2, len(u)), torch.zeros_like(M)
        matrices = list(zip(_pieces(M, t), _pieces(grad_M, t), strict=True))
        sides = [t.outputs, t.outputs, t.inputs, t.inputs]
        for at, (by_made, made, turned, by_turned) in _chunks(x, t, sides):
            by_made.turn(g[at], u[at])
            if need_u or need_M:
                turned.turn(x[at], u[at])
            for m, (matrix, grad) in enumerate(matrices):
                if need_M:
                    grad.addmm_(turned.orders[m], by_made.orders[m].mT)
                if need_x or need_u:
                    torch.mm(matrix, by_made.orders[m], out=by_turned.orders[m])
                if need_u:
                    torch.mm(matrix.mT, turned.orders[m], out=made.orders[m])
            if need_x:
                by_turned.turn(grad_x[at], u[at], back=True)
            if need_u:
                total = u.new_zeros(2, turned.edges)
                by_made.torque(made, total, 1.0)
                by_turned.torque(turned, total, -1.0)
                about[:, at] = total[:, : turned.n]
        grad_u = _gradient(u, about) if need_u else None
        return grad_x if need_x else None, grad_u, grad_M if need_M else None, None, None


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
