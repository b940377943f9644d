"""How results of kernels are held against exact ones."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from strategies import SPECIAL_ORTHOGONALS
from torch import Tensor

SINGLE = 1e-5
"""The largest relative error of a kernel in float32."""

TURNS = {
    name: SPECIAL_ORTHOGONALS[name]
    for name in ("identity", "half turn about [1, 1, 0]", "quarter turn about [1, 1, 1]")
} | {"inversion": SPECIAL_ORTHOGONALS["inverted identity"]}


def numbers(*shape: int, device: torch.device, dtype: torch.dtype = torch.float64) -> Tensor:
    """Random ones; the same on each device."""
    return torch.randn(*shape, dtype=torch.float64).to(device, dtype)


def relative_error(results: Sequence[Tensor], exact: Sequence[Tensor]) -> float:
    """The largest error of any result, relative to that result's largest entry."""
    errors = [0.0]
    for one, other in zip(results, exact, strict=True):
        result, wanted = one.detach(), other.detach()
        assert result.shape == wanted.shape
        if wanted.numel():
            largest = float(wanted.abs().max()) or 1.0
            errors.append(float((result.double() - wanted).abs().max()) / largest)
    return max(errors)


def random_graph(
    n: int, size: int, n_edges: int, device: torch.device, ordered: bool = False
) -> tuple[Tensor, Tensor]:
    """Sources and targets; the last row of the result gets no edge if there is another."""
    if not n or not size:
        n_edges = 0
    source = torch.randint(max(n, 1), (n_edges,))
    target = torch.randint(max(size - 1, 1), (n_edges,))
    return source.to(device), (target.sort().values if ordered else target).to(device)
