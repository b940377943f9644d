"""Spherical harmonics as operations on rows of points, in PyTorch: values and gradients.

A row holds one number of each point. Rows are kept by steps of the recursion: step k has the orders
m = 0 to lmax - k of the degrees l = m + k, so that one operation makes a whole step out of slices
of the two before. The CPU takes some points at a time, whose rows stay in its cache, and writes to
the same rows for each such chunk; nothing in here is traced but `differentiable_rows`.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

import torch
from torch import Tensor

from equivar._shapes import Float
from equivar.kernels.harmonics_tables import legendre_coefficients, legendre_slopes

__all__ = ["differentiable_rows", "gradient", "values"]

CHUNK = 3072
"""Points at a time on the CPU: of degree 8, the rows in use take about 2 MB."""

PAD = 16
"""Columns beyond those points. To copy a part of a matrix, turned, is faster than to copy it whole,
and rows whose length is a power of two compete for the same lines of the cache."""


class _Tables(NamedTuple):
    sizes: list[int]  # how many rows each step has
    a: Tensor  # of the recursion, (rows, 1)
    b: Tensor
    slopes: Tensor  # `legendre_slopes`, (2, 1, rows)
    row: Tensor  # of q, for each harmonic
    around: Tensor  # imaginary parts downward, then real parts, where real parts are stored first
    harmonic: Tensor  # of order m for each row, then of order -m


def _in_steps(table: Tensor) -> Tensor:
    """Entries [..., l, m] in the order of the rows."""
    steps = [table.diagonal(-k, dim1=-2, dim2=-1) for k in range(table.shape[-1])]
    return torch.cat(steps, dim=-1)


def _tables(lmax: int, dtype: torch.dtype, device: torch.device) -> _Tables:
    begins = [k * (lmax + 1) - k * (k - 1) // 2 for k in range(lmax + 1)]
    pairs = [(m + k, m) for k in range(lmax + 1) for m in range(lmax + 1 - k)]
    orders = [(l, m) for l in range(lmax + 1) for m in range(-l, l + 1)]
    a, b = _in_steps(legendre_coefficients(lmax)).to(device, dtype)[..., None]
    return _Tables(
        [lmax + 1 - k for k in range(lmax + 1)],
        a,
        b,
        _in_steps(legendre_slopes(lmax)).to(device, dtype)[:, None],
        torch.tensor([begins[l - abs(m)] + abs(m) for l, m in orders], device=device),
        torch.tensor([*range(2 * lmax + 1, lmax + 1, -1), *range(lmax + 1)], device=device),
        torch.tensor([l * l + l + sign * m for sign in (1, -1) for l, m in pairs], device=device),
    )


_kept_tables = cache(_tables)  # torch.compile warns of a cache, and needs none


def differentiable_rows(lmax: int, x: Tensor, y: Tensor, z: Tensor) -> Float[Tensor, "d n"]:
    """Harmonics as polynomials, a row for each, by operations that can be traced.

    Args:
        lmax: the largest degree.
        x: coordinates (n,).
        y: likewise.
        z: likewise.
    """
    table = _tables(lmax, x.dtype, x.device)
    real, imaginary = [torch.ones_like(x)], [torch.zeros_like(x)]  # of (z + ix)^m
    for _ in range(lmax):
        re, im = real[-1], imaginary[-1]
        real.append(z * re - x * im)
        imaginary.append(z * im + x * re)
    rho2 = x * x + z * z
    a, b = table.a.split(table.sizes), table.b.split(table.sizes)
    q = [a[0].expand(-1, len(x))]
    for k in range(1, lmax + 1):
        value = a[k] * q[-1][1:] * y
        if k > 1:
            value = value - b[k] * (q[-2][2:] * rho2)
        q.append(value)
    around = torch.stack(real + imaginary).index_select(0, table.around)
    made = torch.cat(q).index_select(0, table.row)
    degrees = zip(made.split([2 * l + 1 for l in range(lmax + 1)]), range(lmax + 1), strict=True)
    return torch.cat([q_l * around[lmax - l : lmax + l + 1] for q_l, l in degrees])


class _Factors:
    """Room for what a chunk's harmonics are products of, and how to make it.

    All slices are taken once: for few points, that costs as much as an operation on one.

    Attributes:
        table: the numbers.
        q: the rows of the recursion.
        powers: $(z + ix)^m$, m from 0 to lmax: first the real parts, then the imaginary parts.
    """

    def __init__(self, lmax: int, width: int, like: Tensor) -> None:
        self.table = _kept_tables(lmax, like.dtype, like.device)
        self.lmax, self.width, self.like = lmax, width, like
        self.q, self.a_y, self.b_rho2 = (self.room(len(self.table.a)) for _ in range(3))
        self.powers, self.rho2 = self.room(2 * lmax + 2), self.room(1)
        self.real, self.imaginary = self.powers.split(lmax + 1)
        self.real[0], self.imaginary[0] = 1, 0
        q, a_y, b_rho2 = map(self.by_step, (self.q, self.a_y, self.b_rho2))
        q[0].copy_(self.by_step(self.table.a)[0].expand(-1, width))
        last, before = [rows[1:] for rows in q[:-1]], [rows[2:] for rows in q[:-2]]
        self.one_back = list(zip(q[1:], a_y[1:], last, strict=True))
        self.two_back = [None, *zip(b_rho2[2:], before, strict=True)]
        # Steps 0, and 0 and 1, have no such terms.
        first, second = lmax + 1, 2 * lmax + 1
        self.scaled = [
            (self.table.a[first:], self.a_y[first:]),
            (self.table.b[second:], self.b_rho2[second:]),
        ]
        self.doublings = []
        m = 1
        while m < lmax:  # powers m + 1, m + 2, ... are power m times the powers 1, 2, ...
            count = min(m, lmax - m)
            places = slice(m + 1, m + count + 1), slice(1, count + 1), slice(m, m + 1)
            self.doublings.append([p[i] for i in places for p in (self.real, self.imaginary)])
            m += count

    def room(self, n: int) -> Tensor:
        """New rows."""
        return self.like.new_empty(n, self.width)

    def by_step(self, rows: Tensor) -> list[Tensor]:
        """The rows of each step."""
        return list(rows.split(self.table.sizes))

    def by_order(self, rows: Tensor) -> list[Tensor]:
        """Of rows for m = 0 to lmax, those whose orders each step has."""
        return [rows[: self.lmax + 1 - k] for k in range(self.lmax + 1)]

    def make(self, x: Tensor, y: Tensor, z: Tensor) -> None:
        """Fill the rows for these points."""
        self.real[1:2], self.imaginary[1:2] = z, x
        for re, im, re_1, im_1, re_m, im_m in self.doublings:
            torch.mul(re_1, re_m, out=re).addcmul_(im_1, im_m, value=-1)
            torch.mul(re_1, im_m, out=im).addcmul_(im_1, re_m)
        torch.mul(x, x, out=self.rho2[0]).addcmul_(z, z)
        (a, a_y), (b, b_rho2) = self.scaled
        torch.mul(a, y, out=a_y)
        torch.mul(b, self.rho2, out=b_rho2)
        for (q, a_y, last), terms in zip(self.one_back, self.two_back, strict=False):
            torch.mul(a_y, last, out=q)
            if terms is not None:
                q.addcmul_(*terms, value=-1)


def _coordinates(v: Tensor, normalize: bool) -> tuple[Tensor, Tensor | None, int]:
    """Rows x, y, z with room for whole chunks; one over the lengths; the points of a chunk."""
    n = len(v)
    count = -(-n // CHUNK) if v.device.type == "cpu" else 1
    size = -(-n // max(count, 1))
    r = v.new_zeros(3, size * count + PAD)
    r[:, :n] = v.T
    if not normalize:
        return r, None, size
    squared = (r[0] * r[0]).addcmul_(r[1], r[1]).addcmul_(r[2], r[2])
    inverse = squared.rsqrt().masked_fill_(squared == 0, 0)
    return r.mul_(inverse), inverse, size


def _chunks(n: int, size: int, r: Tensor) -> Iterator[tuple[slice, int, Tensor]]:
    """Each chunk: which points, how many, their coordinates and PAD further columns."""
    for i in range(0, n, max(size, 1)):
        yield slice(i, i + size), min(size, n - i), r[:, i : i + size + PAD]


def values(v: Float[Tensor, "n 3"], lmax: int, normalize: bool) -> Float[Tensor, "n d"]:
    """Harmonics of all points.

    Args:
        v: the points.
        lmax: the largest degree.
        normalize: whether to divide by the length first.
    """
    Y = v.new_empty(len(v), (lmax + 1) ** 2)
    r, _, size = _coordinates(v, normalize)
    factors = _Factors(lmax, size + PAD, v)
    table = factors.table
    made, around = factors.room(Y.shape[1]), factors.room(2 * lmax + 1)
    degrees = made.split([2 * l + 1 for l in range(lmax + 1)])
    around_degrees = [around[lmax - l : lmax + l + 1] for l in range(lmax + 1)]
    for part, count, here in _chunks(len(v), size, r):
        factors.make(*here)
        torch.index_select(factors.q, 0, table.row, out=made)
        torch.index_select(factors.powers, 0, table.around, out=around)
        for Y_l, powers in zip(degrees, around_degrees, strict=True):
            Y_l.mul_(powers)
        Y[part] = made[:, :count].T
    return Y


def gradient(
    v: Float[Tensor, "n 3"], g: Float[Tensor, "n d"], lmax: int, normalize: bool
) -> Float[Tensor, "n 3"]:
    """The gradient of sum(harmonics * g) by the points, from the gradients by their factors.

    Args:
        v: the points.
        g: a weight for each harmonic.
        lmax: the largest degree.
        normalize: whether to divide by the length first.
    """
    if lmax == 0:
        return torch.zeros_like(v)
    r, inverse, size = _coordinates(v, normalize)
    result = torch.zeros_like(r)
    factors = _Factors(lmax, size + PAD, v)
    table, n_rows = factors.table, len(factors.q)
    weights, G = factors.room(g.shape[1]), factors.room(2 * n_rows)
    by_y, by_rho = factors.room(n_rows), factors.room(n_rows)
    by_powers = factors.room(2 * lmax + 2)
    by_real, by_imaginary = by_powers.split(lmax + 1)
    q, g_re, g_im, to_y, to_rho = map(factors.by_step, (factors.q, *G.split(n_rows), by_y, by_rho))
    re, im, by_re, by_im = map(
        factors.by_order, (factors.real, factors.imaginary, by_real, by_imaginary)
    )
    # The factors of one degree less: of the same order, and of the next.
    below = [rows[: lmax + 1 - k] for k, rows in enumerate(q[:-1], start=1)]
    beside = [rows[1 : lmax + 2 - k] for k, rows in enumerate(q[:-2], start=2)]
    # Step 0 does not depend on y, nor do steps 0 and 1 on the distance from the axis.
    first, second = lmax + 1, 2 * lmax + 1
    s, t = table.slopes[0, :, first:], table.slopes[1, :, second:]
    orders = torch.arange(1, lmax + 1, dtype=v.dtype, device=v.device)[None]
    for part, count, here in _chunks(len(v), size, r):
        factors.make(*here)
        weights[:, :count] = g[part].T
        torch.index_select(weights, 0, table.harmonic, out=G)
        by_powers.zero_()
        for k in range(lmax + 1):
            by_re[k].addcmul_(g_re[k], q[k])
            by_im[k].addcmul_(g_im[k], q[k])
            torch.mul(g_re[k], re[k], out=to_rho[k]).addcmul_(g_im[k], im[k])  # by q itself
            if k > 0:
                torch.mul(to_rho[k], below[k - 1], out=to_y[k])
            if k > 1:
                to_rho[k].mul_(beside[k - 2])
        # A power's derivative is its order times the power below.
        lower_re, lower_im, d_re, d_im = re[1], im[1], by_real[1:], by_imaginary[1:]
        by_x = orders @ (d_im * lower_re).addcmul_(d_re, lower_im, value=-1)
        by_z = orders @ (d_re * lower_re).addcmul_(d_im, lower_im)
        outward = t @ by_rho[second:]
        by_x.addcmul_(outward, here[0])
        by_z.addcmul_(outward, here[2])
        result[:, part] = torch.cat([by_x, s @ by_y[first:], by_z])[:, :size]
    if inverse is not None:  # what points outward does not turn the direction
        result = (result - r * (r * result).sum(dim=0)) * inverse
    return result[:, : len(v)].T.contiguous()
