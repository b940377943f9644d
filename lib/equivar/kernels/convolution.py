r"""The fused convolution: gather, depthwise product with a filter, weights, sum over edges.

Networks that pass messages between atoms spend their time here. For each edge $e$ from $s$ to $t$,
path $p$ and channel $u$,

$$\text{out}_{t, p u k} \mathrel{+}= w_{e, p u} \sum_{ij} \sqrt{2 l_3 + 1}\; C_{ijk}\;
x_{s, u i}\; Y_{e, j}.$$

The PyTorch form below is the definition. It writes every edge's message to memory, and that is
what takes the time; `convolution_numba` on a CPU and `convolution_triton` on a GPU add each message
where it belongs as soon as it is there.
"""

from __future__ import annotations

import torch
from torch import Tensor

from equivar._checks import is_captured, is_traced
from equivar._shapes import Float, Int
from equivar.kernels.couplings import coupling_like
from equivar.kernels.forms import check_device, choose_form
from equivar.kernels.paths import Path

__all__ = ["convolution"]

FORMS = ("torch", "numba", "triton")


def convolution(
    x: Float[Tensor, "..."],
    Y: Float[Tensor, "..."],
    weights: Float[Tensor, "..."],
    source: Int[Tensor, "..."],
    target: Int[Tensor, "..."],
    size: int,
    paths: tuple[Path, ...],
    form: str = "auto",
    rows: Int[Tensor, "..."] | None = None,
) -> Float[Tensor, "size d_out"]:
    """Sum over a target's edges of: source's features, times filter, times weights of the edge.

    The result depends on the order of a target's edges as any sum in floating point does, in the
    last digits, and on nothing else: the same call gives the same bits.

    Args:
        x: features (n, irreps_in.dim).
        Y: the filter on each edge (n_edges, irreps_filter.dim), usually spherical harmonics.
        weights: (n_edges, n_weights), one for each channel of each path.
        source: the row of x that an edge comes from, (n_edges,).
        target: the row of the result that it goes to, (n_edges,), in any order; sorted is faster.
        size: the number of rows of the result. Those without an edge are zero.
        paths: from `depthwise_paths`.
        form: "torch"; "numba", which runs on the CPU; "triton", which runs on a GPU; or "auto":
            Numba or Triton where it is there and the tensors are on its device, else PyTorch.
        rows: the row of weights of each edge, (n_edges,), where edges share them: two that are each
            other's reverse have one length, and so one set of weights. None: one row for each edge.

    Returns:
        Tensor (size, irreps_out.dim), differentiable to any order in x, Y and weights.

    Raises:
        ValueError: shapes or dtypes that do not agree, an index out of range, or a form that does
            not exist or cannot run here.

    Two edges bring the vectors of atoms 0 and 1 to atom 2; the filter is the number one:

    >>> from equivar.kernels.paths import depthwise_paths
    >>> paths, irreps_out = depthwise_paths("1o", "0e")
    >>> x = torch.tensor([[1.0, 2.0, 3.0], [0.0, 0.0, 1.0], [0.0, 0.0, 0.0]])
    >>> source, target = torch.tensor([0, 1]), torch.tensor([2, 2])
    >>> weights = torch.tensor([[1.0], [10.0]])
    >>> convolution(x, torch.ones(2, 1), weights, source, target, 3, paths)[2].tolist()
    [1.0, 2.0, 13.0]

    Source:
        Thomas et al., Tensor field networks, arXiv:1802.08219, equation 3; depthwise as in
        Batzner et al., NequIP, arXiv:2101.03164.
    """
    _check(x, Y, weights, source, target, size, paths, rows)
    check_device(x, Y=Y, weights=weights, source=source, target=target, rows=rows)
    form = choose_form(form, x, known=FORMS)
    if form == "torch":
        weights = weights if rows is None else weights[rows]
        return _torch(x, Y, weights, source, target, size, paths)
    if form == "triton":
        from equivar.kernels.convolution_triton import convolution_triton

        return convolution_triton(x, Y, weights, source, target, size, paths, rows)
    from equivar.kernels.convolution_numba import convolution_numba

    return convolution_numba(x, Y, weights, source, target, size, paths, rows)


def _torch(
    x: Tensor,
    Y: Tensor,
    weights: Tensor,
    source: Tensor,
    target: Tensor,
    size: int,
    paths: tuple[Path, ...],
) -> Tensor:
    if not paths:
        return x.new_zeros(size, 0)
    blocks = []
    for p in paths:
        x_p = x.narrow(1, p.start_in, p.mul * (2 * p.l1 + 1)).unflatten(1, (p.mul, -1))[source]
        Y_p = Y.narrow(1, p.start_filter, 2 * p.l2 + 1)
        w_p = weights.narrow(1, p.start_weight, p.mul)
        matrix = torch.einsum("ej,ijk->eik", Y_p, coupling_like(p.l1, p.l2, p.l3, x))
        message = w_p[:, :, None] * (x_p @ matrix)
        zeros = message.new_zeros(size, p.mul * (2 * p.l3 + 1))
        blocks.append(zeros.index_add(0, target, message.flatten(1)))
    return torch.cat(blocks, dim=1)


def _check(
    x: Tensor,
    Y: Tensor,
    weights: Tensor,
    source: Tensor,
    target: Tensor,
    size: int,
    paths: tuple[Path, ...],
    rows: Tensor | None,
) -> None:
    n_weights = sum(p.mul for p in paths)
    least_in = max([0, *(p.start_in + p.mul * (2 * p.l1 + 1) for p in paths)])
    least_filter = max([0, *(p.start_filter + 2 * p.l2 + 1 for p in paths)])
    end = 0
    for p in paths:
        if p.start_out != end:
            raise ValueError(
                f"{p} begins at column {p.start_out} of the result, and the paths before it end at "
                f"{end}; expected paths that fill the result in order, as depthwise_paths makes"
            )
        end += p.mul * (2 * p.l3 + 1)
    if x.ndim != 2 or x.shape[1] < least_in:
        raise ValueError(
            f"x has shape {tuple(x.shape)}; expected (n, {least_in}) or wider, as the paths read "
            "that many columns. Were the paths made for other irreps?"
        )
    if Y.ndim != 2 or Y.shape[1] < least_filter:
        raise ValueError(
            f"Y has shape {tuple(Y.shape)}; expected (n_edges, {least_filter}) or wider, as the "
            "paths read that many columns. Is its lmax too small?"
        )
    if weights.ndim != 2 or weights.shape[1] != n_weights:
        raise ValueError(
            f"weights have shape {tuple(weights.shape)}; expected (n_edges, {n_weights}): one for "
            "each channel of each path"
        )
    n_edges = weights.shape[:1] if rows is None else rows.shape
    if not source.shape == target.shape == Y.shape[:1] == n_edges:
        raise ValueError(
            f"source has shape {tuple(source.shape)}, target {tuple(target.shape)}, Y "
            f"{tuple(Y.shape)} and {'weights' if rows is None else 'rows'} "
            f"{tuple((weights if rows is None else rows).shape)}; expected one number of edges"
        )
    if not x.dtype == Y.dtype == weights.dtype:
        raise ValueError(
            f"x is {x.dtype}, Y {Y.dtype} and weights {weights.dtype}; expected one dtype"
        )
    if is_traced():
        return  # a check that looks at values would break the graph
    for name, index, bound in (
        ("source", source, x.shape[0]),
        ("target", target, size),
        ("rows", rows, weights.shape[0]),
    ):
        if index is None or not index.numel() or is_captured(index):
            continue
        low, high = (int(end) for end in index.aminmax())
        if low < 0 or high >= bound:
            raise ValueError(
                f"{name} has indices from {low} to {high}; expected 0 to {bound - 1}, as there are "
                f"{bound} rows. Were the edges made for another graph, or batches not shifted?"
            )
