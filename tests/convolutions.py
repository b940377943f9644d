"""Inputs of the fused convolution for its tests, and what is compared: values and derivatives."""

from __future__ import annotations

import torch
from torch import Tensor

from equivar.irreps import Irreps
from equivar.kernels.convolution import convolution
from equivar.kernels.paths import depthwise_paths

FORMS = ("torch", "numba")
LAYOUTS = {
    "mixed multiplicities": ("3x0e + 5x1o + 2x1e + 4x2e", "0e + 1o + 2e", None),
    "both parities": ("4x0e + 4x0o + 4x1o + 4x1e", "0e + 1o", ["0e", "0o", "1o", "1e"]),
    "repeated irreps": ("2x1o + 3x1o + 1x0e", "1o + 1e", ["0e", "0o", "1e"]),
    "many channels": ("33x0e + 17x1o", "0e + 1o", ["0e", "1o"]),
    "one channel": ("0e", "0e + 1o + 2e + 3o", None),
    "an empty block": ("0x0e + 2x1o", "0e + 1o", None),
}


def inputs(
    layout: str, n: int = 5, n_edges: int = 23, size: int = 6, dtype: torch.dtype = torch.float64
) -> tuple:
    """Features, harmonic-like filters, weights, an unsorted graph whose last row has no edge."""
    irreps_in, irreps_filter, keep = LAYOUTS[layout]
    paths, irreps_out = depthwise_paths(irreps_in, irreps_filter, keep)
    numbers = (
        torch.randn(n, Irreps(irreps_in).dim),
        torch.randn(n_edges, Irreps(irreps_filter).dim),
    )
    weights = torch.randn(n_edges, sum(path.mul for path in paths))
    source = torch.randint(0, n, (n_edges,)) if n else torch.zeros(0, dtype=torch.int64)
    target = torch.randint(0, size - 1, (n_edges,))
    tensors = tuple(x.to(dtype) for x in (*numbers, weights))
    return *tensors, source, target, size, paths, irreps_out


def derivatives(
    x: Tensor, Y: Tensor, w: Tensor, graph: tuple, form: str, rows: Tensor | None = None
) -> list[Tensor]:
    """Values, gradients, and the gradients of a function of the gradients."""
    factors = [factor.clone().requires_grad_() for factor in (x, Y, w)]
    y = convolution(*factors, *graph, form=form, rows=rows)
    first = torch.autograd.grad(y.sin().sum() + y.square().sum(), factors, create_graph=True)
    second = torch.autograd.grad(sum(f.pow(3).sum() for f in first), factors)
    return [tensor.detach() for tensor in (y, *first, *second)]
