"""Spherical harmonics on a GPU, in Triton: values and gradients, one lane for each point.

The same recursion as the other forms: the factor of degree l and order m, downward in m, times the
real or imaginary part of (z + ix)^m. All loops have fixed bounds, so that the compiler unrolls them
and keeps each factor in a register. Import this only where Triton is: `harmonics` does so.
"""

# mypy: ignore-errors
from __future__ import annotations

from functools import cache

import torch
import triton
import triton.language as tl
from torch import Tensor

from equivar.kernels.harmonics_tables import legendre_coefficients, legendre_slopes
from equivar.kernels.launch_triton import POINTS, blocks, launch

__all__ = ["differentiate_points", "evaluate_points", "gradient", "values"]


@triton.jit
def _factor(y, rho2, a, b, L: tl.constexpr, M: tl.constexpr, N: tl.constexpr):
    """The factor of degree L and order M: from order L downward."""
    q = y * 0 + tl.load(a + L * N + L)
    before = y * 0
    for step in tl.static_range(L - M):
        at = L * N + L - 1 - step
        below = tl.load(a + at) * y * q - tl.load(b + at) * rho2 * before
        before = q
        q = below
    return q


@triton.jit
def _inverse_length(x, y, z):
    """One over the length; zero for the zero vector."""
    squared = x * x + y * y + z * z
    return tl.where(squared > 0, 1 / tl.sqrt(tl.where(squared > 0, squared, 1)), 0)


@triton.jit
def evaluate_points(
    v, Y, a, b, n, LMAX: tl.constexpr, NORMALIZE: tl.constexpr, POINTS: tl.constexpr
):
    """Write the harmonics of degrees 0 to LMAX of some points."""
    N: tl.constexpr = LMAX + 1
    points = tl.program_id(0).to(tl.int64) * POINTS + tl.arange(0, POINTS)
    there = points < n
    x = tl.load(v + 3 * points, mask=there, other=0.0)
    y = tl.load(v + 3 * points + 1, mask=there, other=0.0)
    z = tl.load(v + 3 * points + 2, mask=there, other=0.0)
    if NORMALIZE:
        inverse = _inverse_length(x, y, z)
        x = x * inverse
        y = y * inverse
        z = z * inverse
    rho2 = x * x + z * z
    real = x * 0 + 1  # of (z + ix)^m
    imaginary = x * 0
    for m in tl.static_range(N):
        for l in tl.static_range(m, N):
            q = _factor(y, rho2, a, b, l, m, N)
            at = Y + points * (N * N) + l * l + l
            tl.store(at + m, q * real, mask=there)
            if m > 0:
                tl.store(at - m, q * imaginary, mask=there)
        turned = z * real - x * imaginary
        imaginary = z * imaginary + x * real
        real = turned


@triton.jit
def differentiate_points(
    v,
    g,
    out,
    a,
    b,
    s,
    t,
    n,
    LMAX: tl.constexpr,
    NORMALIZE: tl.constexpr,
    POINTS: tl.constexpr,
):
    """Write the gradient of sum(Y * g) by some points."""
    N: tl.constexpr = LMAX + 1
    points = tl.program_id(0).to(tl.int64) * POINTS + tl.arange(0, POINTS)
    there = points < n
    x = tl.load(v + 3 * points, mask=there, other=0.0)
    y = tl.load(v + 3 * points + 1, mask=there, other=0.0)
    z = tl.load(v + 3 * points + 2, mask=there, other=0.0)
    inverse = x * 0 + 1
    if NORMALIZE:
        inverse = _inverse_length(x, y, z)
        x = x * inverse
        y = y * inverse
        z = z * inverse
    rho2 = x * x + z * z
    by_x = x * 0
    by_y = x * 0
    by_z = x * 0
    outward = x * 0  # what belongs to x and z alike
    real = x * 0 + 1  # of (z + ix)^m
    imaginary = x * 0
    lower_real = x * 0  # of (z + ix)^(m-1)
    lower_imaginary = x * 0
    for m in tl.static_range(N):
        by_real = x * 0
        by_imaginary = x * 0
        for l in tl.static_range(m, N):
            at = g + points * (N * N) + l * l + l
            g_real = tl.load(at + m, mask=there, other=0.0)
            by_factor = g_real * real
            if m > 0:
                g_imaginary = tl.load(at - m, mask=there, other=0.0)
                by_factor += g_imaginary * imaginary
                q = _factor(y, rho2, a, b, l, m, N)
                by_real += g_real * q
                by_imaginary += g_imaginary * q
            if l > m:  # the factors of one degree less: of the same order, and of the next
                slope = tl.load(s + l * N + m)
                by_y += by_factor * slope * _factor(y, rho2, a, b, l - 1, m, N)
            if l > m + 1:
                slope = tl.load(t + l * N + m)
                outward += by_factor * slope * _factor(y, rho2, a, b, l - 1, m + 1, N)
        # A power's derivative is its order times the power below.
        by_x += m * (by_imaginary * lower_real - by_real * lower_imaginary)
        by_z += m * (by_real * lower_real + by_imaginary * lower_imaginary)
        lower_real = real
        lower_imaginary = imaginary
        real = z * lower_real - x * lower_imaginary
        imaginary = z * lower_imaginary + x * lower_real
    by_x += outward * x
    by_z += outward * z
    if NORMALIZE:  # what points outward does not turn the direction
        along = x * by_x + y * by_y + z * by_z
        by_x = (by_x - x * along) * inverse
        by_y = (by_y - y * along) * inverse
        by_z = (by_z - z * along) * inverse
    tl.store(out + 3 * points, by_x, mask=there)
    tl.store(out + 3 * points + 1, by_y, mask=there)
    tl.store(out + 3 * points + 2, by_z, mask=there)


@cache
def _tables(lmax: int, dtype: torch.dtype, device: torch.device) -> tuple[Tensor, ...]:
    """The coefficients a and b, and the slopes s and t."""
    tables = torch.cat([legendre_coefficients(lmax), legendre_slopes(lmax)])
    return tuple(tables.to(device, dtype).contiguous().unbind())


def values(v: Tensor, lmax: int, normalize: bool) -> Tensor:
    """Harmonics (n, (lmax + 1)^2) of all points.

    Args:
        v: the points (n, 3).
        lmax: the largest degree.
        normalize: whether to divide by the length first.
    """
    Y = v.new_empty(len(v), (lmax + 1) ** 2)
    a, b, _, _ = _tables(lmax, v.dtype, v.device)
    settings = {"LMAX": lmax, "NORMALIZE": normalize, "POINTS": POINTS}
    arrays = v.contiguous(), Y, a, b
    launch(evaluate_points, blocks(len(v), POINTS), *arrays, len(v), **settings)
    return Y


def gradient(v: Tensor, g: Tensor, lmax: int, normalize: bool) -> Tensor:
    """The gradient (n, 3) of sum(harmonics * g) by the points.

    Args:
        v: the points (n, 3).
        g: a weight for each harmonic (n, (lmax + 1)^2).
        lmax: the largest degree.
        normalize: whether to divide by the length first.
    """
    out = torch.empty_like(v, memory_format=torch.contiguous_format)
    settings = {"LMAX": lmax, "NORMALIZE": normalize, "POINTS": POINTS}
    arrays = v.contiguous(), g.contiguous(), out, *_tables(lmax, v.dtype, v.device)
    launch(differentiate_points, blocks(len(v), POINTS), *arrays, len(v), **settings)
    return out
