"""The fused convolution against e3nn's way: gather, product, and a sum over edges by index.

Atoms of fcc copper, every one moved a little, neighbors within 5 angstrom. Features and filter have
the same lmax, and all paths up to that degree, of both parities, are made. e3nn's product compiles
itself by TorchScript unless told otherwise; its other forms are listed as further peers.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator

import torch
from bench_scaling import copper
from harness import Case
from torch import Tensor

from equivar.irreps import Irrep, Irreps
from equivar.kernels.convolution import convolution
from equivar.kernels.couplings import coupling
from equivar.kernels.harmonics import harmonics
from equivar.kernels.paths import Path, depthwise_paths
from equivar.points import neighbours

CHANNELS = 32
CELLS = (2, 3, 5)  # 32, 108 and 500 atoms
FORWARD_BARS = {1: 7.0, 2: 12.0, 3: 13.0}
BACKWARD_BARS = {1: 6.0, 2: 10.0, 3: 10.0}

Function = Callable[[Tensor, Tensor, Tensor], Tensor]


def _e3nn(irreps_in: Irreps, lmax: int, irreps_out: Irreps, paths: tuple[Path, ...], mode: str):
    import e3nn
    from e3nn import o3

    starts = [block.start for block in irreps_in.slices]
    instructions = [(starts.index(p.start_in), p.l2, k, "uvu", True) for k, p in enumerate(paths)]
    before = e3nn.get_optimization_defaults()["jit_mode"]
    e3nn.set_optimization_defaults(jit_mode=mode)
    try:
        return o3.TensorProduct(
            str(irreps_in),
            o3.Irreps.spherical_harmonics(lmax),
            str(irreps_out),
            instructions,
            shared_weights=False,
            internal_weights=False,
        )
    finally:
        e3nn.set_optimization_defaults(jit_mode=before)


def _peers(graph: tuple, *layout) -> dict[str, Function]:
    try:
        import e3nn  # noqa: F401
    except ModuleNotFoundError:
        print("e3nn is not installed: skipped")
        return {}
    source, target, size = graph

    def around(product: Function, x: Tensor, Y: Tensor, weights: Tensor) -> Tensor:
        messages = product(x[source], Y, weights)
        return messages.new_zeros(size, messages.shape[1]).index_add(0, target, messages)

    eager = functools.partial(around, _e3nn(*layout, mode="eager"))
    return {
        "e3nn": eager,
        "e3nn scripted": functools.partial(around, _e3nn(*layout, mode="script")),
        "e3nn torch.compile": torch.compile(eager, dynamic=False),
    }


def _runs(f: Function, factors: list[Tensor]) -> bool:
    try:
        f(*factors)
    except Exception as error:  # inductor needs a C++ compiler, and Python's headers
        print(f"e3nn torch.compile is skipped: {str(error).splitlines()[0]}")
        return False
    return True


def _multiplications(p: Path) -> int:
    """Of one channel and edge, once the filter's matrix is there: its entries, and the weight."""
    return int((coupling(p.l1, p.l2, p.l3) != 0).any(dim=1).sum()) + 2 * p.l3 + 1


def _work(f: Function, factors: list[Tensor], g: Tensor | None) -> Callable:
    def forward() -> Tensor:
        with torch.no_grad():
            return f(*factors)

    def both() -> tuple[Tensor, ...]:
        leaves = [factor.detach().requires_grad_() for factor in factors]
        y = f(*leaves)
        return y.detach(), *torch.autograd.grad(y, leaves, g)

    return forward if g is None else both


def cases() -> Iterator[Case]:
    """Three degrees, three sizes, with gradients and without."""
    torch.manual_seed(0)
    for lmax in (1, 2, 3):
        irreps_in = Irreps([(CHANNELS, Irrep(l, (-1) ** l)) for l in range(lmax + 1)])
        keep = [Irrep(l, p) for l in range(lmax + 1) for p in (1, -1)]
        paths, irreps_out = depthwise_paths(irreps_in, Irreps.spherical_harmonics(lmax), keep)
        for cells in CELLS:
            positions, cell = copper(cells)
            edges = neighbours(positions, 5.0, cell)
            size = len(positions)
            graph = edges.source, edges.target, size
            n_edges, n_weights = len(edges.source), sum(path.mul for path in paths)
            factors = [
                torch.randn(size, irreps_in.dim),
                harmonics(lmax, edges.vectors).contiguous(),
                torch.randn(n_edges, n_weights),
            ]
            g = torch.randn(size, irreps_out.dim)
            ours = functools.partial(_ours, graph, paths)
            peers = _peers(graph, irreps_in, lmax, irreps_out, paths)
            if cells < max(CELLS):  # compiling takes as long as the rest
                peers.pop("e3nn torch.compile", None)
            torch._dynamo.reset()  # or it gives up after eight shapes, and runs as eager does
            if "e3nn torch.compile" in peers and not _runs(peers["e3nn torch.compile"], factors):
                del peers["e3nn torch.compile"]
            exact = [factor.double() for factor in factors]
            name, about = f"fused convolution, lmax {lmax}", f"{size} atoms, {n_edges:,} edges"
            per_edge = 2.0 * sum(p.mul * _multiplications(p) for p in paths)
            numbers = [factor.numel() for factor in factors]
            for direction, cotangent, bars in (
                ("forward", None, FORWARD_BARS),
                ("forward + backward", g, BACKWARD_BARS),
            ):
                reference = _work(
                    functools.partial(_ours, graph, paths, form="torch"),
                    exact,
                    None if cotangent is None else cotangent.double(),
                )()
                yield Case(
                    name,
                    about,
                    direction,
                    _work(ours, factors, cotangent),
                    {k: _work(peer, factors, cotangent) for k, peer in peers.items()},
                    (reference,) if isinstance(reference, Tensor) else reference,
                    bytes_moved=4.0 * (sum(numbers) * (1 if cotangent is None else 3) + g.numel()),
                    flops=n_edges * per_edge * (1 if cotangent is None else 3),
                    bar=bars[lmax] if cells == max(CELLS) else None,
                )


def _ours(graph: tuple, paths: tuple[Path, ...], x: Tensor, Y: Tensor, w: Tensor, form="auto"):
    return convolution(x, Y, w, *graph, paths, form=form)
