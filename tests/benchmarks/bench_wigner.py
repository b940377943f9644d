"""Wigner D matrices of all degrees, values and gradients, against both forms of e3nn."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import torch
from harness import Case
from torch import Tensor

from equivar.kernels.wigner import wigner_d_all
from equivar.rotations import random_rotations
from equivar.so3 import wigner_d

Matrices = Callable[[Tensor], tuple[Tensor, ...]]
BAR = 15.0


def _with_gradient(f: Matrices, R: Tensor, g: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """The matrices, and the gradient of sum(D * g) by R: its part along the group.

    Away from orthogonal matrices each library goes on in its own way, and no parametrization of
    rotations feels how, so that part is taken out of everyone's gradient, at everyone's cost.
    """
    D = f(R)
    # Degree 0 is a constant; some leave it out of the graph.
    (gradient,) = torch.autograd.grad(D[1:], R, g[1:])
    R = R.detach()
    return *(D_l.detach() for D_l in D), (gradient - R @ gradient.mT @ R) / 2


def _readable(lmax: int, R: Tensor) -> tuple[Tensor, ...]:
    return tuple(wigner_d(f"{l}{'eo'[l % 2]}", R) for l in range(lmax + 1))


def _peers(lmax: int) -> dict[str, Matrices]:
    try:
        from e3nn import o3
    except ImportError:
        print("e3nn is not installed: skipped")
        return {}
    irreps = o3.Irreps.spherical_harmonics(lmax)

    def by_degree(R: Tensor) -> tuple[Tensor, ...]:
        angles = o3.matrix_to_angles(R)
        return tuple(o3.wigner_D(l, *angles) for l in range(lmax + 1))

    def direct_sum(R: Tensor) -> tuple[Tensor, ...]:
        D = irreps.D_from_matrix(R)
        return tuple(D[..., s, s] for s in irreps.slices())

    return {"e3nn": by_degree, "e3nn D_from_matrix": direct_sum}


def cases() -> Iterator[Case]:
    """Both forms, lmax 4, 6 and 8; values of two sizes, gradients of the smaller."""
    for lmax in (4, 6, 8):
        peers = _peers(lmax)
        sizes = [2 * l + 1 for l in range(lmax + 1)]
        entries = sum(d * d for d in sizes)
        # Four numbers and their four combinations for each block, two recursions for both.
        flops = 34 * sum((l + 1) * (l + 2) // 2 for l in range(lmax + 1))
        for n in (1_000, 10_000):
            exact_R = random_rotations(n, torch.Generator().manual_seed(0))
            R = exact_R.float()
            g = tuple(torch.randn(n, d, d) for d in sizes)
            w, exact_w = R.clone().requires_grad_(), exact_R.clone().requires_grad_()
            exact = _with_gradient(partial(_readable, lmax), exact_w, tuple(x.double() for x in g))
            for form, title in (("torch", "PyTorch"), ("numba", "Numba")):
                ours = partial(wigner_d_all, lmax, form=form)
                yield Case(
                    f"Wigner D, lmax {lmax}, {title}",
                    f"{n:,} rotations",
                    "forward",
                    partial(ours, R),
                    {name: partial(f, R) for name, f in peers.items()},
                    exact[:-1],
                    bytes_moved=4.0 * n * (9 + entries),
                    flops=float(n * flops),
                    bar=BAR,
                )
                if n > 1_000:
                    continue  # e3nn takes many seconds for its gradients
                yield Case(
                    f"Wigner D, lmax {lmax}, {title}",
                    f"{n:,} rotations",
                    "forward + backward",
                    partial(_with_gradient, ours, w, g),
                    {name: partial(_with_gradient, f, w, g) for name, f in peers.items()},
                    exact,
                    bytes_moved=4.0 * n * (9 + entries + 2 * entries + 9),
                    flops=float(n * (flops + sum(20 * l * (2 * l + 1) for l in range(lmax + 1)))),
                )
