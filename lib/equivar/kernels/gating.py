"""Each irrep times its gate: what a gate does after its activations.

There is one multiplication for each number that is read and written, so memory is all that counts.
The fast forms write each result where it belongs, once: in PyTorch a few rows at a time, so that
gates repeated for each component stay in the cache; on a CPU with Numba row by row.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from equivar.kernels.forms import choose_form

__all__ = ["Gated"]

CHUNK = 2**18
"""Numbers that are gated at a time: a megabyte, which a cache holds."""


class Gated(torch.autograd.Function):
    """Scalars (n, any), then irreps (n, components) times gates (n, gates) and a factor.

    `gate_of` has the gate of each component; `dims`, on the CPU, the components of each gate. Both
    agree, and nothing checks them. Call `Gated.choose` for the form. `definition` is the form to
    read, and the derivative of the gradient is its derivative.
    """

    @staticmethod
    def definition(
        scalars: Tensor, gates: Tensor, gated: Tensor, gate_of: Tensor, factor: float
    ) -> Tensor:
        """What is computed."""
        return torch.cat([scalars, gated * (factor * gates).index_select(1, gate_of)], dim=1)

    @staticmethod
    def choose(*factors: Tensor) -> str:
        """Return "numba" where it can run, else "torch"; "definition" while something traces."""
        return choose_form("auto", *factors, traced="definition")

    @staticmethod
    def forward(
        ctx: Any,
        scalars: Tensor,
        gates: Tensor,
        gated: Tensor,
        gate_of: Tensor,
        dims: Tensor,
        factor: float,
        form: str,
    ) -> Tensor:
        """Write each result where it belongs."""
        ctx.save_for_backward(scalars, gates, gated, gate_of, dims)
        ctx.factor, ctx.form = factor, form
        return Gated.values(scalars, gates, gated, gate_of, factor, form)

    @staticmethod
    def values(
        scalars: Tensor, gates: Tensor, gated: Tensor, gate_of: Tensor, factor: float, form: str
    ) -> Tensor:
        """What `forward` makes, where autograd need not know."""
        n, first = scalars.shape
        y = gated.new_empty(n, first + gated.shape[1])
        if form == "numba":
            from equivar.kernels.gating_numba import gate_rows

            x, width = _flat(gated)
            gate_rows(_array(scalars), _array(gates), x, width, gate_of.numpy(), factor, y.numpy())
            return y
        y[:, :first] = scalars
        for rows in _chunks(y):
            factors = (factor * gates[rows]).index_select(1, gate_of)
            torch.mul(gated[rows], factors, out=y[rows, first:])
        return y

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        """The gradients by scalars, gates and gated."""
        scalars, gates, gated, gate_of, dims = ctx.saved_tensors
        needed, factor = ctx.needs_input_grad[:3], ctx.factor
        none = (None, None, None, None)
        if torch.is_grad_enabled():  # someone will differentiate again
            y = Gated.definition(scalars, gates, gated, gate_of, factor)
            places = list(zip((scalars, gates, gated), needed, strict=True))
            wanted = [t for t, need in places if need]
            found = iter(torch.autograd.grad(y, wanted, grad, create_graph=True))
            return *(next(found) if need else None for _, need in places), *none
        first = scalars.shape[1]
        grad_gates, grad_gated = gates.new_empty(gates.shape), gated.new_empty(gated.shape)
        if ctx.form == "numba":
            from equivar.kernels.gating_numba import gate_rows_back

            x, width = _flat(gated)
            given = _array(grad), _array(gates), x, width, gate_of.numpy(), dims.numpy(), factor
            gate_rows_back(*given, grad_gates.numpy(), grad_gated.numpy())
            return grad[:, :first], grad_gates, grad_gated, *none
        starts = dims.cumsum(0) - dims
        for rows in _chunks(grad):
            g = grad[rows, first:]
            factors = (factor * gates[rows]).index_select(1, gate_of)
            torch.mul(g, factors, out=grad_gated[rows])
            product, into = g * gated[rows], grad_gates[rows]
            torch.index_select(product, 1, starts.to(grad.device), out=into)
            for k in range(1, int(dims.max()) if len(dims) else 0):  # a short axis sums slowly
                (more,) = (dims > k).nonzero(as_tuple=True)
                columns = (starts[more] + k).to(grad.device)
                into.index_add_(1, more.to(grad.device), product.index_select(1, columns))
            into.mul_(factor)
        return grad[:, :first], grad_gates, grad_gated, *none


def _chunks(x: Tensor) -> Iterator[slice]:
    """Pieces of the rows. A GPU has no such cache: it takes all at once."""
    size = CHUNK // max(x.shape[1], 1) if x.device.type == "cpu" else len(x)
    return (slice(start, start + size) for start in range(0, len(x), max(size, 1)))


def _array(x: Tensor) -> Any:
    return x.detach().contiguous().numpy()


def _flat(x: Tensor) -> tuple[Any, int]:
    """The memory of columns of a matrix as one axis, and the step from row to row."""
    x = x.detach()
    if x.stride(1) != 1 or x.stride(0) < x.shape[1]:
        x = x.contiguous()
    size = (len(x) - 1) * x.stride(0) + x.shape[1] if x.numel() else 0
    return x.as_strided((size,), (1,)).numpy(), x.stride(0)
