"""What `gpu.py` times: each kernel's forms, PyTorch's own ways to be faster, and the peers.

A contender is a function that prepares the work and returns it. Preparing is not timed, and may
fail: where a peer is not installed, where a graph cannot be recorded without a GPU.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from gpu_peers import PEERS
from torch import Tensor

from equivar.irreps import Irrep, Irreps
from equivar.kernels.convolution import convolution
from equivar.kernels.harmonics import harmonics
from equivar.kernels.paths import depthwise_paths
from equivar.kernels.products import product
from equivar.kernels.rotate import rotate
from equivar.kernels.segments import gather_sum
from equivar.kernels.traffic import (
    gather_sum_traffic,
    harmonics_traffic,
    product_traffic,
    rotate_traffic,
)
from equivar.kernels.traffic_convolution import convolution_traffic
from equivar.points import neighbours
from equivar.rotations import random_rotations

Function = Callable[..., Tensor]
Work = Callable[[], tuple[Tensor, ...]]
LATTICE, CUTOFF = 3.61, 5.0  # angstrom, copper


@dataclass(frozen=True)
class Case:
    """One piece of work, and who does it.

    Attributes:
        name: what is computed.
        size: of the input.
        direction: "forward" or "forward + backward".
        contenders: by name, what prepares the work.
        exact: makes the results in float64.
        bytes: the least traffic.
        operations: the least operations.
        unordered: contenders whose results lie in another order, and are not compared.
    """

    name: str
    size: str
    direction: str
    contenders: dict[str, Callable[[], Work]]
    exact: Work
    bytes: int
    operations: int
    unordered: frozenset[str] = frozenset()


def first_line(failure: Exception) -> str:
    """Of an error's message."""
    return (str(failure).splitlines() or [""])[0][:200]


def forward(f: Function, *inputs: Tensor) -> Work:
    """Values alone."""

    def work() -> tuple[Tensor, ...]:
        with torch.no_grad():
            return (f(*inputs),)

    return work


def both(f: Function, *inputs: Tensor) -> Work:
    """Values, and the gradients by all inputs of a sum with fixed factors."""
    leaves = [x.detach().clone().requires_grad_() for x in inputs]

    def work() -> tuple[Tensor, ...]:
        y = f(*leaves)
        g = torch.linspace(-1, 1, y.numel(), dtype=y.dtype, device=y.device).reshape(y.shape)
        return y.detach(), *torch.autograd.grad(y, leaves, g)

    return work


def graphed(work: Work) -> Work:
    """The same, recorded once as a CUDA graph and played again."""
    if not torch.cuda.is_available():
        raise RuntimeError("a CUDA graph needs a GPU")
    aside = torch.cuda.Stream()
    aside.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(aside):
        for _ in range(3):
            work()
    torch.cuda.current_stream().wait_stream(aside)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        results = work()

    def play() -> tuple[Tensor, ...]:
        graph.replay()
        return results

    return play


def compiled(f: Function, dry: bool) -> Function:
    """By torch.compile, for these shapes alone; a dry run only traces."""
    torch._dynamo.reset()  # or it gives up after eight shapes
    if dry:
        return torch.compile(f, backend="eager", dynamic=False)
    return torch.compile(f, dynamic=False)


def entry(
    name: str,
    size: str,
    direction: str,
    forms: dict[str, Function],
    inputs: tuple[Tensor, ...],
    traffic: tuple[int, int],
    dry: bool,
    peers: dict[str, Callable[[], Function]] | None = None,
    unordered: frozenset[str] = frozenset(),
) -> Case:
    """A case: our forms, the definition compiled and as a graph, and peers."""
    how = forward if direction == "forward" else both
    define = forms["torch"]
    contenders: dict[str, Callable[[], Work]] = {
        form: functools.partial(how, f, *inputs) for form, f in forms.items()
    }
    contenders["torch.compile"] = lambda: how(compiled(define, dry), *inputs)
    contenders["CUDA graph of torch"] = lambda: graphed(how(define, *inputs))
    for peer, make in (peers or {}).items():
        contenders[peer] = lambda make=make: how(make(), *inputs)
    exact = functools.partial(lambda: how(define, *(x.double() for x in inputs))())
    return Case(name, size, direction, contenders, exact, *traffic, unordered)


def named(f: Function, forms: tuple[str, ...], **more: object) -> dict[str, Function]:
    """A kernel in several forms."""
    return {form: functools.partial(f, form=form, **more) for form in forms}


def rotations(device: torch.device, dry: bool) -> Iterator[Case]:
    """Clouds of few and of many points."""
    for batch, n in [(3, 5)] if dry else [(65_536, 21), (1024, 4096)]:
        R = random_rotations(batch, dtype=torch.float32).to(device)
        x = torch.randn(batch, n, 3, device=device)
        least = rotate_traffic(batch, n)
        traffic = least.least_total, least.operations
        forms = named(rotate, ("torch", "triton"))
        yield entry("rotations", f"{batch:,} x {n:,}", "forward", forms, (R, x), traffic, dry)


def sums(device: torch.device, dry: bool) -> Iterator[Case]:
    """Sums over the neighbors of each atom."""
    for cells, width in [(1, 3)] if dry else [(8, 288), (16, 288)]:
        n, source, target, _ = crystal(cells, device)
        x = torch.randn(n, width, device=device)
        names = ("torch", "bag", "triton", "triton-atomic")
        graph = {"source": source, "target": target, "size": n}
        forms = named(gather_sum, names, **graph)
        least = gather_sum_traffic(source, target, n, width)
        size = f"{n:,} atoms, {len(source):,} edges, {width} columns"
        for direction, times in (("forward", 1), ("forward + backward", 2)):
            traffic = times * least.least_total, times * least.operations
            yield entry("segmented sums", size, direction, forms, (x,), traffic, dry)


def spherical(device: torch.device, dry: bool) -> Iterator[Case]:
    """Harmonics of directions."""
    for lmax in (1, 2, 3, 4):
        n = 5 if dry else 1_000_000
        v = torch.randn(n, 3, device=device)
        forms = named(functools.partial(harmonics, lmax), ("torch", "triton"))
        peers = {"e3nn": functools.partial(_e3nn_harmonics, lmax)}
        there, back = (harmonics_traffic(n, lmax, backward=b) for b in (False, True))
        for direction, parts in (("forward", [there]), ("forward + backward", [there, back])):
            traffic = sum(p.least_total for p in parts), sum(p.least_operations for p in parts)
            name = f"harmonics, lmax {lmax}"
            yield entry(name, f"{n:,} points", direction, forms, (v,), traffic, dry, peers)


def _e3nn_harmonics(lmax: int) -> Function:
    from e3nn import o3

    degrees = list(range(lmax + 1))
    return lambda v: o3.spherical_harmonics(degrees, v, True, normalization="component")


def products(device: torch.device, dry: bool) -> Iterator[Case]:
    """Products of two irreps."""
    for degrees in [(1, 1, 1)] if dry else [(1, 1, 1), (2, 2, 2), (4, 4, 4)]:
        n = 5 if dry else 1_000_000
        x, y = (torch.randn(n, 2 * l + 1, device=device) for l in degrees[:2])
        forms = named(product, ("torch", "triton"), l3=degrees[2])
        least = product_traffic(n, degrees)
        name = "products, {} x {} -> {}".format(*degrees)
        traffic = least.least_total, least.operations
        yield entry(name, f"{n:,} rows", "forward", forms, (x, y), traffic, dry)


def crystal(cells: int, device: torch.device) -> tuple[int, Tensor, Tensor, Tensor]:
    """Shaken copper: atoms, edges in the order of targets, and their vectors."""
    generator = torch.Generator().manual_seed(0)
    base = torch.tensor([[0.0, 0, 0], [0.5, 0.5, 0], [0.5, 0, 0.5], [0, 0.5, 0.5]])
    corners = torch.cartesian_prod(*[torch.arange(float(cells))] * 3)
    positions = LATTICE * (corners.reshape(-1, 1, 3) + base).reshape(-1, 3)
    positions = positions + 0.1 * torch.randn(positions.shape, generator=generator)
    edges = neighbours(positions, CUTOFF, LATTICE * cells * torch.eye(3))
    order = edges.target.argsort(stable=True)
    kept = (t[order].to(device) for t in (edges.source, edges.target, edges.vectors))
    return len(positions), *kept


def convolutions(device: torch.device, dry: bool) -> Iterator[Case]:
    """The fused convolution, features and filter of one lmax, all paths up to it."""
    for lmax in (1,) if dry else (1, 2, 3):
        channels = 2 if dry else 32
        n, source, target, vectors = crystal(1 if dry else 6, device)
        if dry:
            kept = target < 2
            source, target, vectors = source[kept][:6], target[kept][:6], vectors[kept][:6]
        irreps_in = Irreps([(channels, Irrep(l, (-1) ** l)) for l in range(lmax + 1)])
        keep = [Irrep(l, p) for l in range(lmax + 1) for p in (1, -1)]
        paths, irreps_out = depthwise_paths(irreps_in, Irreps.spherical_harmonics(lmax), keep)
        inputs = (
            torch.randn(n, irreps_in.dim, device=device),
            harmonics(lmax, vectors, form="torch"),
            torch.randn(len(source), sum(path.mul for path in paths), device=device),
        )
        graph = source, target, n
        edges = {"source": source, "target": target, "size": n, "paths": paths}
        forms = named(convolution, ("torch", "triton"), **edges)
        layout = irreps_in, lmax, irreps_out, paths
        peers = {
            name: functools.partial(make, graph, *layout, device) for name, make in PEERS.items()
        }
        least = convolution_traffic(paths, source.cpu(), target.cpu(), n, n)
        every = ("values", "by x", "by Y", "by w")
        size = f"{n:,} atoms, {len(source):,} edges, {channels} channels"
        for direction, names in (("forward", every[:1]), ("forward + backward", every)):
            parts = [least[name] for name in names]
            traffic = sum(p.least_total for p in parts), sum(p.least_operations for p in parts)
            unordered = frozenset({"cuequivariance"})
            name = f"fused convolution, lmax {lmax}"
            yield entry(name, size, direction, forms, inputs, traffic, dry, peers, unordered)


CASES = {
    "rotations": rotations,
    "sums": sums,
    "harmonics": spherical,
    "products": products,
    "convolutions": convolutions,
}
