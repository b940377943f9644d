"""The peers' convolutions for `gpu_cases.py`: each function imports its peer, or fails to.

All take the graph, the layout (features, lmax, results, paths) and the device, and return a
function of features, harmonics and weights.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from equivar.irreps import Irreps
from equivar.kernels.paths import Path

Function = Callable[[Tensor, Tensor, Tensor], Tensor]


def _instructions(irreps_in: Irreps, paths: tuple[Path, ...]) -> list[tuple]:
    starts = [block.start for block in irreps_in.slices]
    return [(starts.index(p.start_in), p.l2, k, "uvu", True) for k, p in enumerate(paths)]


def e3nn(
    graph: tuple,
    irreps_in: Irreps,
    lmax: int,
    irreps_out: Irreps,
    paths: tuple[Path, ...],
    device: torch.device,
) -> Function:
    """Gather, product, and a sum by index."""
    from e3nn import o3

    source, target, size = graph
    product = o3.TensorProduct(
        str(irreps_in),
        o3.Irreps.spherical_harmonics(lmax),
        str(irreps_out),
        _instructions(irreps_in, paths),
        shared_weights=False,
        internal_weights=False,
    ).to(device)

    def f(x: Tensor, Y: Tensor, w: Tensor) -> Tensor:
        messages = product(x[source], Y, w)
        return messages.new_zeros(size, messages.shape[1]).index_add(0, target, messages)

    return f


def cuequivariance(
    graph: tuple,
    irreps_in: Irreps,
    lmax: int,
    irreps_out: Irreps,
    paths: tuple[Path, ...],
    device: torch.device,
) -> Function:
    """Its channel-wise product, which gathers and scatters by itself.

    Its results and weights are in an order of its own, so that only the time is compared.
    """
    import cuequivariance as cue
    import cuequivariance_torch as cuet

    source, target, size = graph
    kept: list[Any] = sorted({str(irrep) for _, irrep in irreps_out})
    product = cuet.ChannelWiseTensorProduct(
        cue.Irreps("O3", str(irreps_in)),
        cue.Irreps("O3", str(Irreps.spherical_harmonics(lmax))),
        [irrep for _, irrep in cue.Irreps("O3", " + ".join(kept))],
        layout=cue.mul_ir,
        shared_weights=False,
        internal_weights=False,
        device=device,
        dtype=torch.float32,
    )

    def f(x: Tensor, Y: Tensor, w: Tensor) -> Tensor:
        return product(x, Y, w, indices_1=source, indices_out=target, size_out=size)

    return f


def openequivariance(
    graph: tuple,
    irreps_in: Irreps,
    lmax: int,
    irreps_out: Irreps,
    paths: tuple[Path, ...],
    device: torch.device,
) -> Function:
    """Its fused convolution with atomics, which takes edges in any order."""
    import openequivariance as oeq

    source, target, _ = graph
    problem = oeq.TPProblem(
        oeq.Irreps(str(irreps_in)),
        oeq.Irreps(str(Irreps.spherical_harmonics(lmax))),
        oeq.Irreps(str(irreps_out)),
        _instructions(irreps_in, paths),
        shared_weights=False,
        internal_weights=False,
    )
    product = oeq.TensorProductConv(problem, deterministic=False)
    return lambda x, Y, w: product.forward(x, Y, w, target, source)


PEERS: dict[str, Callable[..., Function]] = {
    "e3nn": e3nn,
    "cuequivariance": cuequivariance,
    "openequivariance": openequivariance,
}
