r"""Derivatives of the fused convolution of any order, from two loops: PyTorch's side of them.

With a cotangent g, the convolution is one number that is linear in each of its four factors,

$$F(x, Y, w, g) = \sum_e \sum_{puk} g_{t, puk}\, w_{e, pu}
    \sum_{ij} C_{ijk}\, x_{s, ui}\, Y_{e, j},$$

and everything that is ever needed is a derivative of it: the values with respect to g, the first
gradients with respect to x, Y and w. The gradient of those, which training on forces asks for, is
again a sum of such derivatives with some factors replaced. So two loops do all orders; a third, if
there is one, makes that sum at once, where nothing will be differentiated again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor

__all__ = ["Loops", "convolve"]


class Loops(NamedTuple):
    """What a form of the convolution has to bring.

    Attributes:
        values: (x, Y, w, graph) -> the convolution.
        gradients: (x, Y, w, g, graph, needs) -> the gradients by x, Y and w; anything in place of
            those that are not needed.
        twice: ((x, Y, w), g, cotangents, graph, wanted) -> the gradients by x, Y, w and g of those
            gradients times their cotangents; None to put them together from the first two.
    """

    values: Callable[..., Tensor]
    gradients: Callable[..., tuple[Tensor, Tensor, Tensor]]
    twice: Callable[..., tuple[Tensor | None, ...]] | None = None


def convolve(x: Tensor, Y: Tensor, w: Tensor, graph: Any, loops: Loops) -> Tensor:
    """The convolution, differentiable to any order.

    Args:
        x: features.
        Y: the filter on each edge.
        w: weights.
        graph: whatever the loops need besides.
        loops: who does the work.
    """
    result: Tensor = _Values.apply(x, Y, w, graph, loops)
    return result


class _Values(torch.autograd.Function):
    """The derivative of F with respect to g: the convolution itself."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, Y: Tensor, w: Tensor, graph: Any, loops: Loops) -> Tensor:
        ctx.save_for_backward(x, Y, w)
        ctx.graph, ctx.loops = graph, loops
        return loops.values(x, Y, w, graph)

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> tuple:
        x, Y, w = ctx.saved_tensors
        needs = ctx.needs_input_grad[:3]
        return *_gradients(x, Y, w, g, ctx.graph, ctx.loops, needs), None, None


class _Gradients(torch.autograd.Function):
    """The derivatives of F with respect to x, Y and w."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, Y: Tensor, w: Tensor, g: Tensor, graph: Any, loops: Loops, needs: tuple
    ) -> tuple:
        ctx.save_for_backward(x, Y, w, g)
        ctx.graph, ctx.loops, ctx.needs = graph, loops, needs
        ctx.set_materialize_grads(False)
        return loops.gradients(x, Y, w, g, graph, needs)

    @staticmethod
    def backward(ctx: Any, *cotangents: Tensor | None) -> tuple:
        factors, graph, loops = ctx.saved_tensors[:3], ctx.graph, ctx.loops
        g = ctx.saved_tensors[3]
        wanted = ctx.needs_input_grad[:4]
        if loops.twice is not None and not torch.is_grad_enabled():
            kept = [c if n else None for c, n in zip(cotangents, ctx.needs, strict=True)]
            return *loops.twice(factors, g, kept, graph, wanted), None, None, None
        sums: list[Tensor | None] = [None, None, None, None]

        def add(place: int, value: Tensor | None) -> None:
            if value is not None:
                before = sums[place]
                sums[place] = value if before is None else before + value

        for place, cotangent in enumerate(cotangents):
            if cotangent is None or not ctx.needs[place]:
                continue
            x, Y, w = (cotangent if i == place else factors[i] for i in range(3))
            needs = tuple(wanted[i] and i != place for i in range(3))
            if any(needs):
                for i, value in enumerate(_gradients(x, Y, w, g, graph, loops, needs)):
                    add(i, value)
            if wanted[3]:
                add(3, _Values.apply(x, Y, w, graph, loops))
        return *sums, None, None, None


def _gradients(
    x: Tensor, Y: Tensor, w: Tensor, g: Tensor, graph: Any, loops: Loops, needs: tuple
) -> tuple[Tensor | None, ...]:
    """Those that are needed; None in place of the others."""
    found: tuple[Tensor, ...] = _Gradients.apply(x, Y, w, g, graph, loops, needs)
    return tuple(value if need else None for value, need in zip(found, needs, strict=True))
