"""How our own cost grows with the size: points, edges, degree, channels. No peer takes part."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import torch
from harness import Case

from equivar.irreps import Irrep, Irreps
from equivar.kernels.convolution import convolution
from equivar.kernels.harmonics import harmonics
from equivar.kernels.paths import depthwise_paths
from equivar.points import neighbours

ALONE = "forward"
LATTICE = 3.61  # angstrom, copper
FCC = torch.tensor([[0.0, 0.0, 0.0], [0.5, 0.5, 0.0], [0.5, 0.0, 0.5], [0.0, 0.5, 0.5]])


def copper(n: int) -> tuple[torch.Tensor, torch.Tensor]:
    """A periodic block of n^3 cubic cells, four atoms each, shaken by a tenth of an angstrom."""
    generator = torch.Generator().manual_seed(0)
    corners = torch.cartesian_prod(*[torch.arange(float(n))] * 3)
    positions = LATTICE * (corners[:, None] + FCC).reshape(-1, 3)
    positions = positions + 0.1 * torch.randn(positions.shape, generator=generator)
    return positions, LATTICE * n * torch.eye(3)


def _convolution(cells: int, channels: int, lmax: int) -> tuple[int, partial]:
    positions, cell = copper(cells)
    edges = neighbours(positions, 5.0, cell)
    irreps = Irreps([(channels, Irrep(l, (-1) ** l)) for l in range(lmax + 1)])
    natural = Irreps.spherical_harmonics(lmax)
    paths, _ = depthwise_paths(irreps, natural, keep=[irrep for _, irrep in natural])
    Y = harmonics(lmax, edges.vectors)
    x = torch.randn(len(positions), irreps.dim)
    weights = torch.randn(len(Y), sum(path.mul for path in paths))
    work = partial(convolution, x, Y, weights, edges.source, edges.target, len(positions), paths)
    return len(Y), work


def cases() -> Iterator[Case]:
    """Sizes from small to large, one series after the other."""
    torch.manual_seed(0)
    for n in (1_000, 3_000, 10_000, 30_000, 100_000):
        work = partial(harmonics, 4, torch.randn(n, 3))
        yield Case("harmonics, lmax 4", f"{n} points", ALONE, work)
    for cells in (3, 4, 5, 6, 8, 10):
        positions, cell = copper(cells)
        work = partial(lambda p, c: neighbours(p, 5.0, c).vectors, positions, cell)
        yield Case("neighbors, copper", f"{len(positions)} points", ALONE, work)
    for cells in (3, 4, 5, 6, 8):
        n_edges, work = _convolution(cells, channels=32, lmax=2)
        yield Case("convolution, 32 channels, lmax 2", f"{n_edges} edges", ALONE, work)
    for lmax in (1, 2, 3, 4, 6, 8, 10, 12):
        work = partial(harmonics, lmax, torch.randn(10_000, 3))
        yield Case("harmonics, 10,000 points", f"{lmax} lmax", ALONE, work)
    for lmax in (0, 1, 2, 3, 4):
        _, work = _convolution(4, channels=32, lmax=lmax)
        yield Case("convolution, copper 256", f"{lmax} lmax", ALONE, work)
    for channels in (8, 16, 32, 64, 128):
        _, work = _convolution(4, channels=channels, lmax=2)
        yield Case("convolution, lmax 2, copper 256", f"{channels} channels", ALONE, work)
