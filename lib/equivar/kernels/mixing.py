r"""Copies of an irrep mixed by a matrix: the product that a linear layer is made of.

$$y_{e,w,i} = \sum_u x_{e,u,i} W_{u,w}$$

A matrix product wants the copies u of one component i side by side, and features have them apart:
x y z x y z. So peers turn each block, multiply, and turn the result back, and that is what takes
the time. There are two ways around it. In PyTorch, a block of few columns is multiplied as it lies
by $W \otimes 1$, a matrix that is mostly zeros: more arithmetic, and no turning. On a CPU with
Numba, a loop of our own reads the components where they are.

The map is linear in x and in W. Its gradient by x is the same map with W turned, that by W adds up
products of x and the cotangent, and the derivatives of both are these two again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from equivar._shapes import Float
from equivar.kernels.forms import choose_form, wants_gradient
from equivar.kernels.mixing_plan import Pair, Plan

__all__ = ["mix"]

CHUNK = 2**18
"""Numbers that are turned at a time: a megabyte, which a cache holds."""

TURNING = 64
"""Multiplications that take as long as turning one number; measured."""


def mix(
    x: Float[Tensor, "..."],
    bias: Float[Tensor, "..."] | None,
    weights: Sequence[Float[Tensor, "..."]],
    plan: Plan,
    form: str = "auto",
) -> Float[Tensor, "n d_out"]:
    r"""Mix copies; each matrix is divided by the root of its number of rows.

    Args:
        x: features (n, plan.width_in).
        bias: what is added to the even scalars of the result; or None.
        weights: a matrix for each of plan.names, of plan.shapes.
        plan: from `plan`.
        form: "einsum" to read; "torch" and "numba" for speed; "auto" takes "numba" where it runs,
            else "torch", and "einsum" while torch.compile or a transform of torch.func looks on.

    Returns:
        Tensor (n, plan.width_out), differentiable to any order; zero where nothing leads.

    Raises:
        ValueError: shapes that do not agree, no such form, or "numba" where it cannot run.

    >>> from equivar.irreps import Irreps
    >>> from equivar.kernels.mixing_plan import plan
    >>> two_to_one = plan(Irreps("2x1o"), Irreps("1o"))
    >>> vectors = torch.tensor([[1.0, 0.0, 0.0, 0.0, 1.0, 0.0]])
    >>> weights = torch.tensor([[1.0], [2.0]]) * 2**0.5
    >>> [round(v, 4) for v in mix(vectors, None, [weights], two_to_one)[0].tolist()]
    [1.0, 2.0, 0.0]
    """
    _check(x, bias, weights, plan)
    form = choose_form(form, x, *weights, known=("einsum", "torch", "numba"), traced="einsum")
    if form == "einsum":
        return _einsum(x, bias, plan, *weights)
    if not wants_gradient(x, bias, *weights):
        return _run_mix(x, bias, plan, form, False, weights)
    y: Tensor = _Mix.apply(x, bias, plan, form, False, *weights)
    return y


def _check(x: Tensor, bias: Tensor | None, weights: Sequence[Tensor], plan: Plan) -> None:
    if x.ndim != 2 or x.shape[1] != plan.width_in:
        raise ValueError(f"x has shape {tuple(x.shape)}; expected (n, {plan.width_in})")
    shapes = tuple(weight.shape for weight in weights)
    if shapes != plan.shapes:
        raise ValueError(
            f"weights have shapes {tuple(map(list, shapes))}; expected {plan.shapes}, one for each "
            f"of {plan.names}"
        )
    n = sum(mul for _, mul in plan.biased)
    if bias is not None and tuple(bias.shape) != (n,):
        raise ValueError(
            f"bias has shape {tuple(bias.shape)}; expected ({n},), one for each even scalar"
        )


def _einsum(x: Tensor, bias: Tensor | None, plan: Plan, *weights: Tensor) -> Tensor:
    """The form to read."""
    y = x.new_zeros(len(x), plan.there.width)
    for p in plan.there.pairs:
        dim, mul_in, mul_out, start_in, start_out, row, column = p.block
        copies = x.narrow(1, start_in, mul_in * dim).unflatten(1, (mul_in, dim))
        weight = p.scale * weights[p.weight].narrow(0, row, mul_in).narrow(1, column, mul_out)
        mixed = torch.einsum("nui,uw->nwi", copies, weight).flatten(1)
        right = plan.there.width - start_out - mixed.shape[1]
        y = y + torch.nn.functional.pad(mixed, (start_out, right))
    if bias is None:
        return y
    columns = [torch.arange(start, start + mul, device=x.device) for start, mul in plan.biased]
    return y.index_add(1, torch.cat(columns), bias.expand(len(x), -1))


class _Mix(torch.autograd.Function):
    """The map; with `back`, from its outputs to its inputs."""

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        bias: Tensor | None,
        plan: Plan,
        form: str,
        back: bool,
        *weights: Tensor,
    ) -> Tensor:
        ctx.save_for_backward(x, *weights)
        ctx.plan, ctx.form, ctx.back = plan, form, back
        return _run_mix(x, bias, plan, form, back, weights)

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor | None, ...]:
        x, *weights = ctx.saved_tensors
        plan, form, back = ctx.plan, ctx.form, ctx.back
        need_x, need_bias, _, _, _, *need = ctx.needs_input_grad
        grad_x = _Mix.apply(g, None, plan, form, not back, *weights) if need_x else None
        grad_bias = None
        if need_bias:
            grad_bias = torch.cat([g.narrow(1, *where).sum(dim=0) for where in plan.biased])
        grads = [None] * len(weights)
        if any(need):
            grads = _Correlate.apply(*((g, x) if back else (x, g)), plan, form)
        return grad_x, grad_bias, None, None, None, *grads


class _Correlate(torch.autograd.Function):
    """The gradients of all matrices: sums of products of an input and an output."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, g: Tensor, plan: Plan, form: str) -> tuple[Tensor, ...]:
        ctx.save_for_backward(x, g)
        ctx.plan, ctx.form = plan, form
        return _run_correlate(x, g, plan, form)

    @staticmethod
    def backward(ctx: Any, *cotangents: Tensor) -> tuple[Tensor | None, ...]:
        x, g = ctx.saved_tensors
        need_x, need_g = ctx.needs_input_grad[:2]
        plan, form = ctx.plan, ctx.form
        grad_x = _Mix.apply(g, None, plan, form, True, *cotangents) if need_x else None
        grad_g = _Mix.apply(x, None, plan, form, False, *cotangents) if need_g else None
        return grad_x, grad_g, None, None


def _run_mix(
    x: Tensor, bias: Tensor | None, plan: Plan, form: str, back: bool, weights: Sequence[Tensor]
) -> Tensor:
    way = plan.back if back else plan.there
    y = (x.new_empty if way.whole else x.new_zeros)(len(x), way.width)
    (_numba_mix if form == "numba" else _torch_mix)(x, y, weights, back, way.pairs)
    if bias is not None:
        parts = bias.split([mul for _, mul in plan.biased])
        for where, part in zip(plan.biased, parts, strict=True):
            y.narrow(1, *where).add_(part)
    return y


def _run_correlate(x: Tensor, g: Tensor, plan: Plan, form: str) -> tuple[Tensor, ...]:
    found = tuple(x.new_zeros(shape) for shape in plan.shapes)
    (_numba_correlate if form == "numba" else _torch_correlate)(x, g, found, plan.there.pairs)
    return found


def _torch_mix(
    x: Tensor, y: Tensor, weights: Sequence[Tensor], back: bool, pairs: tuple[Pair, ...]
) -> None:
    for p in pairs:
        dim, mul_in, mul_out, start_in, start_out, row, column = p.block
        whole = weights[p.weight].T if back else weights[p.weight]
        weight = whole[row : row + mul_in, column : column + mul_out] * p.scale
        copies, into = x.narrow(1, start_in, mul_in * dim), y.narrow(1, start_out, mul_out * dim)
        if not _is_dense(p):
            for rows in _chunks(copies, max(copies.shape[1], into.shape[1])):
                mixed = _turned(copies[rows], dim) @ weight
                part = into[rows].unflatten(1, (mul_out, dim)).mT
                mixed = mixed.view(part.shape)
                part.add_(mixed) if p.add else part.copy_(mixed)
            continue
        if dim > 1:
            dense = weight.new_zeros(mul_in, dim, mul_out, dim)
            dense.diagonal(dim1=1, dim2=3).copy_(weight[..., None])
            weight = dense.view(mul_in * dim, mul_out * dim)
        if p.add:
            into.addmm_(copies, weight)
        else:
            torch.mm(copies, weight, out=into)


def _torch_correlate(
    x: Tensor, g: Tensor, found: Sequence[Tensor], pairs: tuple[Pair, ...]
) -> None:
    for p in pairs:
        dim, mul_in, mul_out, start_in, start_out, row, column = p.block
        into = found[p.weight][row : row + mul_in, column : column + mul_out]
        copies, others = x.narrow(1, start_in, mul_in * dim), g.narrow(1, start_out, mul_out * dim)
        if _is_dense(p):
            dense = (copies.T @ others).view(mul_in, dim, mul_out, dim)
            torch.mul(dense.diagonal(dim1=1, dim2=3).sum(dim=-1), p.scale, out=into)
            continue
        for rows in _chunks(copies, max(copies.shape[1], others.shape[1])):
            into.addmm_(_turned(copies[rows], dim).T, _turned(others[rows], dim), alpha=p.scale)


def _is_dense(p: Pair) -> bool:
    """Whether zeros cost less than turning."""
    dim, mul_in, mul_out, *_ = p.block
    return mul_in * mul_out * (dim - 1) <= TURNING * (mul_in + mul_out)


def _chunks(x: Tensor, width: int) -> Iterator[slice]:
    """Pieces of the rows. A GPU has no such cache: it takes all at once."""
    size = CHUNK // max(width, 1) if x.device.type == "cpu" else len(x)
    return (slice(start, start + size) for start in range(0, len(x), max(size, 1)))


def _turned(x: Tensor, dim: int) -> Tensor:
    """A block with the copies of one component side by side: (rows * components, copies)."""
    return x.unflatten(1, (-1, dim)).mT.reshape(-1, x.shape[1] // dim)


def _numba_mix(
    x: Tensor, y: Tensor, weights: Sequence[Tensor], back: bool, pairs: tuple[Pair, ...]
) -> None:
    from equivar.kernels.mixing_numba import loops, pack, table_of

    if not pairs:
        return
    read, matrices = _array(x), [_array(weight) for weight in weights]
    t = table_of(pairs, x.element_size())
    packed = _array(x.new_zeros(t.size))
    for p, (weight, *part) in zip(pairs, t.parts, strict=True):
        pack(matrices[weight], p.scale, back, *part, packed)
    loops(t.width)[0](read, y.numpy(), packed, t.lines)


def _numba_correlate(
    x: Tensor, g: Tensor, found: Sequence[Tensor], pairs: tuple[Pair, ...]
) -> None:
    from equivar.kernels.mixing_numba import loops, table_of, unpack

    if not pairs:
        return
    t = table_of(pairs, x.element_size())
    packed = _array(x.new_zeros(t.size))
    loops(t.width)[1](_array(x), _array(g), packed, t.lines)
    for p, (weight, *part) in zip(pairs, t.parts, strict=True):
        unpack(found[weight].numpy(), p.scale, *part, packed)


def _array(x: Tensor) -> Any:
    return x.detach().contiguous().numpy()
