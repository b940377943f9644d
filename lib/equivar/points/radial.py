r"""A distance as a few smooth numbers that end smoothly at a cutoff.

Energies must not jump when an atom crosses the cutoff, and neither may forces, nor (in training on
forces, or in a vibration) their derivatives. So what a network reads of a distance is smooth, and
what it makes of it is multiplied by an envelope that has two vanishing derivatives at the cutoff.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from equivar._shapes import Float, Shaped

__all__ = ["bessel_basis", "smooth_cutoff"]


def check_radial(distances: Tensor, n: int, cutoff: float) -> None:
    """Raise a ValueError unless n functions of these distances can be made with this cutoff."""
    if n < 1:
        raise ValueError(f"got n = {n}; expected at least one function")
    if not (math.isfinite(cutoff) and cutoff > 0):
        raise ValueError(f"got cutoff = {cutoff}; expected a finite length above 0")
    if not distances.is_floating_point():
        raise ValueError(
            f"distances have dtype {distances.dtype}; expected floats. Are these the indices of "
            "the edges?"
        )


def _sinc(x: Tensor) -> Tensor:
    """sin(x) / x, with all derivatives right at zero and no cancellation near it."""
    near = x.abs() < 0.5
    small, large = torch.where(near, x, 0.0), torch.where(near, 1.0, x)
    square, series = small.square(), torch.ones_like(x)
    for k in range(8, 0, -1):  # 1 - x^2/6 + x^4/120 - ...; what is left out is below 1e-20
        series = 1 - series * square / (2 * k * (2 * k + 1))
    return torch.where(near, series, large.sin() / large)


def bessel_basis(distances: Shaped[Tensor, "..."], n: int, cutoff: float) -> Float[Tensor, "... n"]:
    r"""Standing waves in a ball, each zero at the cutoff: one more node for each k.

    $$e_k(d) = \sqrt{\frac{2}{c}}\, \frac{\sin(k \pi d / c)}{d}, \qquad k = 1 \dots n.$$

    They solve the wave equation for l = 0 with a wall at c, so they are orthonormal over the ball
    (with weight $d^2$), and resolve all distances alike where Gaussians need a width to be chosen.
    All come from one sine and one cosine, as $\sin kx = 2 \cos x \sin (k-1)x - \sin (k-2)x$.

    They are not zero beyond the cutoff, and their slope at it is not zero: multiply by
    `smooth_cutoff`.

    Args:
        distances: any shape, 0 or more, in the unit of the cutoff. At 0 the value is finite,
            $\sqrt{2/c}\, k\pi/c$, and the slope is 0.
        n: how many, 1 or more.
        cutoff: c, above 0.

    Returns:
        Tensor (..., n), in units of length^(-3/2).

    Raises:
        ValueError: n below 1, a cutoff that is not a finite length above 0, or whole numbers in
            place of distances.

    Where c = pi, the first wave is sqrt(2/pi) sin(d)/d; at d = pi/2 the second has its node:

    >>> d = torch.tensor([0.0, math.pi / 2, math.pi], dtype=torch.float64)
    >>> values = bessel_basis(d, 2, math.pi) / math.sqrt(2 / math.pi)
    >>> values.mul(1e6).round().div(1e6).abs().tolist()
    [[1.0, 2.0], [0.63662, 0.0], [0.0, 0.0]]

    Source:
        Gasteiger, Gross and Guennemann, Directional Message Passing for Molecular Graphs, ICLR
        2020, equation 7, arXiv:2003.03123.
    """
    check_radial(distances, n, cutoff)
    x = distances * (math.pi / cutoff)
    twice = 2 * x.cos()
    waves = [_sinc(x) * (math.sqrt(2 / cutoff) * math.pi / cutoff)]
    for k in range(1, n):
        waves.append(twice * waves[-1] - (waves[-2] if k > 1 else 0.0))
    return torch.stack(waves, dim=-1)


def smooth_cutoff(
    distances: Shaped[Tensor, "..."], cutoff: float, p: int = 6
) -> Float[Tensor, "..."]:
    r"""One at distance zero, zero from the cutoff on, with two continuous derivatives.

    $$u(d) = 1 - \tfrac{(p+1)(p+2)}{2} x^p + p(p+2)\, x^{p+1} - \tfrac{p(p+1)}{2} x^{p+2},
    \qquad x = d/c.$$

    Args:
        distances: any shape, 0 or more, in the unit of the cutoff.
        cutoff: c, above 0.
        p: 3 or more; the larger, the longer it stays near one.

    Returns:
        Tensor of the same shape, from 1 down to 0.

    Raises:
        ValueError: p below 3 (two derivatives at zero must vanish as well), a cutoff that is not a
            finite length above 0, or whole numbers in place of distances.

    >>> smooth_cutoff(torch.tensor([0.0, 2.5, 5.0, 9.0]), 5.0).tolist()
    [1.0, 0.85546875, 0.0, 0.0]

    Source:
        Gasteiger, Gross and Guennemann, Directional Message Passing for Molecular Graphs, ICLR
        2020, equation 8, arXiv:2003.03123.
    """
    check_radial(distances, 1, cutoff)
    if p < 3:
        raise ValueError(f"got p = {p}; expected at least 3, so that u is smooth at zero")
    x = (distances / cutoff).clamp(max=1.0)
    a, b, c = (p + 1) * (p + 2) / 2, p * (p + 2), p * (p + 1) / 2
    envelope = 1 - x.pow(p) * (a - x * (b - c * x))
    # The three terms cancel at the cutoff but for rounding.
    return torch.where(distances < cutoff, envelope, 0.0)
