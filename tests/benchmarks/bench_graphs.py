"""The graph layer against its own definition, the fifteen contractions one by one."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from harness import Case
from torch import Tensor
from torch.func import functional_call

from equivar.graphs import GraphLinear, contractions, graph_linear_one_by_one

SIZES = ((20, 32), (70, 4), (200, 1))  # nodes, graphs: about equal numbers of pairs
CHANNELS = 32


def stacked(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """As the paper's own code does it: all fifteen side by side, then one contraction."""
    n = x.shape[-2]
    y = torch.einsum("...kijc,koc->...ijo", contractions(x), weight) + bias[0]
    return y + bias[1] * torch.eye(n).to(x).unsqueeze(-1)


def cases() -> Iterator[Case]:
    """Forward and backward, 20 to 200 nodes."""
    for n, graphs in SIZES:
        torch.manual_seed(0)
        layer = GraphLinear(CHANNELS, CHANNELS)
        x, grad = (torch.randn(graphs, n, n, CHANNELS) for _ in range(2))
        weight, bias = (p.detach().clone() for p in layer.parameters())

        def ours(x: Tensor, weight: Tensor, bias: Tensor, layer: GraphLinear = layer) -> Tensor:
            return functional_call(layer, {"weight": weight, "bias": bias}, (x,))

        inputs = (x, weight, bias)
        forms = {"one by one": graph_linear_one_by_one, "stacked": stacked}
        pairs = graphs * n * n
        for direction, wrap, work, passes in (
            ("forward", forward, 1, 2),
            ("forward + backward", backward, 3, 5),
        ):
            yield Case(
                f"graph layer, fifteen maps, {CHANNELS} channels",
                f"{graphs} x {n} nodes",
                direction,
                wrap(ours, inputs, grad),
                {name: wrap(form, inputs, grad) for name, form in forms.items()},
                reference=wrap(
                    graph_linear_one_by_one, tuple(t.double() for t in inputs), grad.double()
                )(),
                bytes_moved=4.0 * pairs * CHANNELS * passes,
                flops=4.0 * pairs * CHANNELS**2 * work,  # the table and its transpose
                bar=7.0,
            )


def forward(
    f: Callable[..., Tensor], inputs: tuple[Tensor, ...], grad: Tensor
) -> Callable[[], tuple[Tensor, ...]]:
    """The values alone."""

    def work() -> tuple[Tensor, ...]:
        with torch.no_grad():
            return (f(*inputs),)

    return work


def backward(
    f: Callable[..., Tensor], inputs: tuple[Tensor, ...], grad: Tensor
) -> Callable[[], tuple[Tensor, ...]]:
    """The values, and the gradients of all inputs and weights."""

    def work() -> tuple[Tensor, ...]:
        leaves = [x.detach().requires_grad_() for x in inputs]
        y = f(*leaves)
        return y.detach(), *torch.autograd.grad(y, leaves, grad)

    return work
