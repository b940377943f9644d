"""Sums of sources' rows into targets, on the graph of a copper crystal, against torch-geometric."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from functools import partial

import torch
from harness import Case
from torch import Tensor

from equivar.kernels.segments import gather_sum

CHANNELS = 288  # 32 channels of degrees 0, 1 and 2
LATTICE, CUTOFF = 3.61, 5.0  # angstrom
Sum = Callable[[Tensor, Tensor, Tensor, int], Tensor]


def _crystal(cells: int) -> tuple[int, Tensor, Tensor]:
    """Atoms of face-centered cubic copper in a periodic box, and edges sorted by target."""
    base = torch.tensor([[0.0, 0, 0], [0.5, 0.5, 0], [0.5, 0, 0.5], [0, 0.5, 0.5]])
    corners = torch.cartesian_prod(*[torch.arange(float(cells))] * 3)
    positions = (corners[:, None] + base).reshape(-1, 3)
    vectors = positions - positions[:, None]
    distances = LATTICE * torch.linalg.vector_norm(
        vectors - cells * (vectors / cells).round(), dim=-1
    )
    target, source = ((distances < CUTOFF) & (distances > 0)).nonzero().unbind(dim=1)
    return len(positions), source.contiguous(), target.contiguous()


def _peers(source: Tensor, target: Tensor, size: int) -> dict[str, Sum]:
    try:
        from torch_geometric import EdgeIndex
        from torch_geometric.utils import scatter, segment
    except ImportError:
        print("torch-geometric is not installed: skipped")
        return {}
    # What these two need is made once for a graph and kept: edges sorted by target, rows of a
    # sparse matrix, the sizes of segments.
    warnings.filterwarnings("ignore", module="torch_geometric")  # PyTorch's sparse matrices are new
    edges = EdgeIndex(torch.stack([source, target]), sparse_size=(size, size), sort_order="col")
    edges.fill_cache_()
    ends = torch.searchsorted(target, torch.arange(size + 1))
    return {
        # First the faster one of the two that MessagePassing may do: the bar is against it.
        "torch-geometric index_select": lambda x, source, target, size: scatter(
            x.index_select(0, source), target, dim_size=size, reduce="sum"
        ),
        "torch-geometric scatter": lambda x, source, target, size: scatter(
            x[source], target, dim_size=size, reduce="sum"
        ),
        "torch-geometric segment": lambda x, source, target, size: segment(
            x.index_select(0, source), ends, reduce="sum"
        ),
        # A product with a sparse matrix, as ours is: it stores no messages. It knows the graph
        # before; ours takes edges as they come, and looks at each of them.
        "EdgeIndex.matmul": lambda x, source, target, size: edges.matmul(x, transpose=True),
    }


def _with_gradient(f: Sum, x: Tensor, g: Tensor, *graph: Tensor | int) -> tuple[Tensor, Tensor]:
    out = f(x, *graph)  # type: ignore[arg-type]
    return out.detach(), torch.autograd.grad(out, x, g)[0]


def cases() -> Iterator[Case]:
    """Four crystals, each form, values and gradients."""
    generator = torch.Generator().manual_seed(0)
    for cells in (2, 3, 5, 8):
        n, source, target = _crystal(cells)
        x, g = (torch.randn(n, CHANNELS, generator=generator) for _ in range(2))
        for form in ("numba", "bag"):
            graph = (source, target, n)
            fs: dict[str, Sum] = {"ours": partial(gather_sum, form=form)} | _peers(*graph)
            forward = {name: partial(f, x, *graph) for name, f in fs.items()}
            x_grad = x.clone().requires_grad_()
            both = {name: partial(_with_gradient, f, x_grad, g, *graph) for name, f in fs.items()}
            exact = x.double().requires_grad_()
            values = _with_gradient(partial(gather_sum, form="torch"), exact, g.double(), *graph)
            for direction, works, reference, times in (
                ("forward", forward, values[:1], 1),
                ("forward + backward", both, values, 2),
            ):
                yield Case(
                    case=f"sum aggregation, {CHANNELS} channels, {form}",
                    size=f"{n:,} atoms, {len(source):,} edges",
                    direction=direction,
                    ours=works.pop("ours"),
                    peers=works,
                    reference=reference,
                    bytes_moved=times * (2 * 4 * n * CHANNELS + 8 * 2 * len(source)),
                    flops=times * len(source) * CHANNELS,
                    bar=5.0 if form == "numba" else None,
                )
