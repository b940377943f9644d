"""Spherical harmonics, values and gradients, against e3nn and sphericart."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import partial

import torch
from harness import Case
from torch import Tensor

from equivar.kernels.harmonics import harmonics
from equivar.so3 import spherical_harmonics

SCALE = math.sqrt(4 * math.pi)
BARS = {  # (form, lmax): forward, forward + backward, over e3nn
    ("torch", 4): (1.3, 1.6),
    ("torch", 8): (3.0, 4.0),
    ("numba", 4): (3.0, 8.0),
    ("numba", 8): (5.0, 8.0),
}


def _with_gradient(f: Callable[[Tensor], Tensor], v: Tensor, g: Tensor) -> tuple[Tensor, Tensor]:
    Y = f(v)
    return Y.detach(), torch.autograd.grad(Y, v, g)[0]


def _peers(lmax: int) -> dict[str, Callable[[Tensor], Tensor]]:
    peers: dict[str, Callable[[Tensor], Tensor]] = {}
    try:
        from e3nn import o3

        degrees = list(range(lmax + 1))
        peers["e3nn scripted"] = o3.SphericalHarmonics(degrees, True, "component")
        peers["e3nn"] = partial(_e3nn_eager, o3._spherical_harmonics._spherical_harmonics, lmax)
    except ImportError:
        print("e3nn is not installed: skipped")
    try:
        from sphericart.torch import SphericalHarmonics

        # Its polar axis is z and its values are smaller by sqrt(4 pi): the same work otherwise.
        compute = SphericalHarmonics(lmax)
        peers["sphericart"] = lambda v: compute(v)
    except ImportError:
        print("sphericart is not installed: skipped")
    return peers


def _e3nn_eager(function: Callable[..., Tensor], lmax: int, v: Tensor) -> Tensor:
    u = torch.nn.functional.normalize(v, dim=-1)
    return function(lmax, u[..., 0], u[..., 1], u[..., 2])


def cases() -> Iterator[Case]:
    """Both forms, lmax 4 and 8, three sizes, both directions."""
    for lmax in (4, 8):
        peers, d = _peers(lmax), (lmax + 1) ** 2
        for n in (1_000, 10_000, 100_000):
            torch.manual_seed(0)
            v, g = torch.randn(n, 3), torch.randn(n, d)
            w = v.clone().requires_grad_()
            exact_v = v.double().requires_grad_()
            exact = _with_gradient(partial(spherical_harmonics, lmax), exact_v, g.double())
            # sphericart's frame: (X, Y, Z) = (z, x, y). Its values are smaller.
            scaled = (exact[0] / SCALE, exact[1][:, [2, 0, 1]] / SCALE)
            names = ["ours", *(name for name in peers if name != "sphericart")]
            exact_of = dict.fromkeys(names, exact) | {"sphericart": scaled}
            turned = v[:, [2, 0, 1]].contiguous()
            turned_w = turned.clone().requires_grad_()

            def forward(name: str, f, v=v, turned=turned):
                if name != "sphericart":
                    return partial(f, v)
                return lambda: f(turned)

            def backward(name: str, f, w=w, turned_w=turned_w, g=g):
                return partial(_with_gradient, f, turned_w if name == "sphericart" else w, g)

            for form, title in (("torch", "PyTorch"), ("numba", "Numba")):
                ours = partial(harmonics, lmax, form=form)
                title = f"spherical harmonics, lmax {lmax}, {title}"
                size, (bar, bar_both) = f"{n:,} points", BARS[form, lmax]
                yield Case(
                    title,
                    size,
                    "forward",
                    partial(ours, v),
                    {name: forward(name, f) for name, f in peers.items()},
                    {name: values[:1] for name, values in exact_of.items()},
                    bytes_moved=4.0 * n * (3 + d),
                    flops=float(n * (5 * d + 6 * lmax)),
                    bar=bar if n >= 10_000 else None,
                )
                yield Case(
                    title,
                    size,
                    "forward + backward",
                    partial(_with_gradient, ours, w, g),
                    {name: backward(name, f) for name, f in peers.items()},
                    exact_of,
                    bytes_moved=4.0 * n * (3 + d + 3 + d + 3),
                    flops=float(n * (5 * d + 5 * lmax**2 + 15 * lmax**2)),
                    bar=bar_both if n >= 10_000 else None,
                )
