r"""Products with harmonics, cheap: turn each edge to the pole, and the product falls apart.

The fully connected product of features and the harmonics of an edge's direction costs, by its
definition, a sum over all pairs of components for each path. But it commutes with rotations:

$$f(x, r) = D(R)^{-1} f(D(R)\, x, R r),$$

so each edge may be turned, there and back, to where f is simplest: to the polar axis (y). Turns
about that axis leave the turned edge alone, so f commutes with them too, and what commutes with
turns about one axis keeps the order m: Schur's lemma for SO(2). Components of order m and -m mix,
and nothing else. Features of degree up to L thus need 2L + 1 small matrices, one for each m, which
act on all channels of all degrees at once, in place of all paths $(l_1, l_2, l_3)$; the sum over
$l_2$ is done on the weights, once for all edges. With c channels the cost is $O(c^2 L^3)$ for each
edge and not $O(c^2 L^6)$.

Which rotation takes an edge to the pole does not matter: two differ by a turn about the pole, with
which f commutes. So there is no bad direction, and derivatives are right with any choice.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from equivar._checks import check_axes, check_finite, is_traced
from equivar._shapes import Float
from equivar.irreps import Irreps
from equivar.kernels.forms import choose_form
from equivar.kernels.so2_tables import Tables, tables
from equivar.kernels.wigner import wigner_d_all
from equivar.so3 import check_degree

__all__ = ["so2_product"]


def so2_product(
    x: Float[Tensor, "*batch d_in"],
    vectors: Float[Tensor, "..."],
    weights: Mapping[str, Tensor] | nn.ParameterDict,
    irreps_in: Irreps | str,
    lmax: int,
    irreps_out: Irreps | str,
    form: str = "auto",
) -> Float[Tensor, "*batch d_out"]:
    r"""The fully connected product of features with the harmonics of vectors.

    The same as `TensorProduct(irreps_in, Irreps.spherical_harmonics(lmax), irreps_out)` of x and
    `spherical_harmonics(lmax, vectors)`, with its weights. That makes all pairs of components; this
    turns each vector to the pole, where most of them are zero. It gains more the larger lmax is.

    Weights are the same for all edges. What varies with an edge's length multiplies x or the result
    channel by channel; a factor for each path would undo the sum over degrees of the filter.

    Args:
        x: features, one row for each edge.
        vectors: of any length. A zero vector has no direction: as with `spherical_harmonics`, it
            multiplies by 1 in degree 0 and by 0 above.
        weights: of such a `TensorProduct`: for each irrep of the output by name, a matrix (pairs,
            copies), where a pair is a copy in the input and a degree that reach the irrep together,
            in the order of (block of the input, degree, copy). The product is divided by the root
            of their number.
        irreps_in: the layout of x.
        lmax: the largest degree of the harmonics.
        irreps_out: the layout of the result. An irrep that no pair makes comes out as zero.
        form: "torch" to read, on any device; "numba", faster on the CPU; "auto" takes "numba" where
            it runs, and "torch" while torch.compile or a transform of torch.func looks on.

    Returns:
        Tensor (..., irreps_out.dim), differentiable to any order by x, vectors and weights.

    Raises:
        ValueError: a tensor has another shape or dtype, a vector is not finite, weights are
            missing, lmax is not a degree from 0 to `so3.MAX_DEGREE`, or the form does not exist or
            cannot run here.

    A vector feature times degree 1 gives its component along the edge, up to a constant:

    >>> x, up = torch.tensor([[5.0, 2.0, 7.0]]), torch.tensor([[0.0, 3.0, 0.0]])
    >>> out = so2_product(x, up, {"0e": torch.ones(1, 1)}, "1o", 1, "0e")
    >>> round(out.item(), 4)
    2.0

    Source:
        Passaro and Zitnick, Reducing SO(3) Convolutions to SO(2) for Efficient Equivariant GNNs,
        arXiv:2302.03655.
    """
    check_degree(lmax, "lmax")
    t = tables(irreps_in, lmax, irreps_out)
    check_axes("features", x, t.inputs.dim)
    check_axes("vectors", vectors, 3)
    if vectors.shape[:-1] != x.shape[:-1]:
        raise ValueError(
            f"vectors have shape {tuple(vectors.shape)} and features {tuple(x.shape)}; expected "
            "the same axes but the last: one vector for each row of features"
        )
    check_finite("vectors", vectors)
    if x.dtype != vectors.dtype:
        raise ValueError(
            f"features are {x.dtype} and vectors {vectors.dtype}; expected the same dtype"
        )
    _check_weights(weights, t, x.dtype)
    form = choose_form(form, x)
    batch = x.shape[:-1]
    rows, r = x.reshape(batch.numel(), x.shape[-1]), vectors.reshape(-1, 3)
    if not t.orders:
        return x.new_zeros(*batch, t.outputs.dim)
    u, known = _directions(r)
    M = _order_matrices(weights, t, x)
    if form == "numba":
        from equivar.kernels.so2_numba import so2_numba

        out = so2_numba(rows, u, M, t, _turned_product)
    else:
        out = _turned_product(rows, u, M, t)
    # An edge without direction is at the pole already, and degree 0 is all that it has.
    if is_traced():
        M0 = _order_matrices(weights, t, x, scalars=True)
        out = torch.where(known, out, _turned_product(rows, None, M0, t))
    elif not bool(known.all()):
        M0, at = _order_matrices(weights, t, x, scalars=True), (~known[:, 0]).nonzero()[:, 0]
        out = out.index_copy(0, at, _turned_product(rows[at], None, M0, t))
    return out.reshape(*batch, t.outputs.dim)


def _check_weights(
    weights: Mapping[str, Tensor] | nn.ParameterDict, t: Tables, dtype: torch.dtype
) -> None:
    for irrep in t.irreps:
        if not irrep.pairs:
            continue
        wanted, found = f"shape ({irrep.pairs}, {irrep.copies}) and {dtype}", "missing"
        if irrep.name in weights:
            weight = weights[irrep.name]
            found = f"shape {tuple(weight.shape)} and {weight.dtype}"
        if found != wanted:
            raise ValueError(
                f"weights of {irrep.name}: {found}; expected {wanted}, a row for each pair of a "
                "copy in the input and a degree of the filter, a column for each copy in the output"
            )


def _directions(r: Float[Tensor, "n 3"]) -> tuple[Float[Tensor, "n 3"], Tensor]:
    """Vectors of length 1, and whether there is a direction; if not, the pole stands in."""
    squared = r.square().sum(dim=-1, keepdim=True)
    known = (squared != 0) & (squared != torch.inf)  # nan stays nan
    # Replaced before the root, whose derivative at zero is infinite.
    u = r / torch.where(known, squared, 1.0).sqrt()
    return torch.where(known, u, torch.eye(3).to(r)[1]), known


def _order_matrices(
    weights: Mapping[str, Tensor] | nn.ParameterDict, t: Tables, like: Tensor, scalars: bool = False
) -> Float[Tensor, "orders channels_in channels_out"]:
    """For each order the matrix that acts on the channels of turned edges.

    The sum over degrees of the filter, without edges; only degree 0 if `scalars`.
    """
    made = []
    for irrep in t.irreps:
        if not irrep.pairs:
            made.append(like.new_zeros(t.inputs.channels, t.orders, irrep.copies))
            continue
        rows, factors = irrep.rows.to(like.device), irrep.factors.to(like)
        if scalars:
            rows, factors = rows[:, :1], factors[:, :, :1]
        weight = weights[irrep.name]
        padded = torch.cat([weight, weight.new_zeros(1, irrep.copies)])
        made.append(factors @ padded.index_select(0, rows.flatten()).unflatten(0, rows.shape))
    return torch.cat(made, dim=2).transpose(0, 1)


def _pole_rotation(u: Float[Tensor, "n 3"]) -> Float[Tensor, "n 3 3"]:
    """A rotation that takes each direction to the pole; it jumps where y = 0.

    The smallest one, which has 1 + y below the line. That is 0 at the opposite pole; so directions
    that point down first make a half turn about x.
    """
    sign = torch.where(u[..., 1] >= 0, 1.0, -1.0).to(u)
    a, b, c = u[..., 0], sign * u[..., 1], sign * u[..., 2]
    over = 1 / (1 + b)
    rows = [
        torch.stack([1 - a * a * over, -sign * a, -sign * a * c * over], dim=-1),
        torch.stack([a, sign * b, sign * c], dim=-1),
        torch.stack([-a * c * over, -sign * c, sign * (1 - c * c * over)], dim=-1),
    ]
    return torch.stack(rows, dim=-2)


def _turned_product(
    x: Float[Tensor, "n d_in"],
    u: Float[Tensor, "n 3"] | None,
    M: Float[Tensor, "orders channels_in channels_out"],
    t: Tables,
) -> Float[Tensor, "n d_out"]:
    """The form to read. An edge is at the pole already where u is None."""
    D = None
    if u is not None:
        lmax = max(block.l for side in (t.inputs, t.outputs) for block in side.blocks)
        D = wigner_d_all(lmax, _pole_rotation(u))
    orders = [
        z @ M[m, t.inputs.first[m] :, t.outputs.first[m] :]
        for m, z in enumerate(_to_orders(x, D, t))
    ]
    return _from_orders(orders, D, t)


def _over_i(z: Tensor, back: bool = False) -> Tensor:
    """Components -m and m of (n, 2l+1, channels) as imaginary and real part, over i; or times i."""
    l = z.shape[1] // 2
    sign = torch.ones(2 * l + 1, 1).to(z)
    sign[l + 1 :] = -1
    return z.flip(1) * (sign if back else sign.flip(0))


def _to_orders(x: Tensor, D: tuple[Tensor, ...] | None, t: Tables) -> list[Tensor]:
    """Turned features, for each order (m and -m, edges, channels that have it)."""
    turned = []
    for b in sorted(t.inputs.blocks, key=lambda b: b.column):
        z = x.narrow(1, b.start, b.mul * (2 * b.l + 1)).unflatten(1, (b.mul, -1)).mT
        z = z if D is None else D[b.l] @ z
        turned.append((b.l, _over_i(z) if b.over_i else z))
    return [
        torch.stack(
            [
                torch.cat([z[:, l + signed] for l, z in turned if l >= m], dim=-1)
                for signed in ((m, -m) if m else (0,))
            ]
        )
        for m in range(t.orders)
    ]


def _from_orders(orders: list[Tensor], D: tuple[Tensor, ...] | None, t: Tables) -> Tensor:
    """Undo `_to_orders`, for the channels of the result."""
    made = []
    for b in t.outputs.blocks:
        firsts = zip(orders[: b.l + 1], t.outputs.first, strict=False)
        own = [z.narrow(2, b.column - first, b.mul) for z, first in firsts]
        missing = [torch.zeros_like(own[0][0])] * (b.l + 1 - len(own))
        plus, minus = [z[0] for z in own] + missing, [z[-1] for z in own[1:]] + missing
        z = torch.stack(minus[::-1] + plus, dim=1)
        z = _over_i(z, back=True) if b.over_i else z
        made.append((z.mT if D is None else z.mT @ D[b.l]).flatten(1))
    return torch.cat(made, dim=1)
