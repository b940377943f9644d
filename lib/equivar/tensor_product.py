r"""Products of features that are features again: the equivariant bilinear maps.

Two irreps multiply into a sum of irreps, and Clebsch-Gordan coefficients are the only way to do it.
So all that a bilinear layer can learn is how much of each product of copies goes into each copy of
the output.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import torch
from torch import Tensor, nn

from equivar._checks import is_traced
from equivar._shapes import Float
from equivar.features import check_features, split
from equivar.irreps import Irrep, Irreps
from equivar.kernels.couplings import coupling
from equivar.kernels.depthwise import depthwise
from equivar.kernels.mixing import mix
from equivar.kernels.mixing_plan import plan
from equivar.kernels.paths import depthwise_paths

__all__ = ["DepthwiseTensorProduct", "TensorProduct"]


class TensorProduct(nn.Module):
    r"""All bilinear maps from two layouts to a third that commute with rotations and inversion.

    $$z_{w,k} = \sqrt{\frac{2 l_3 + 1}{n}} \sum_{paths} \sum_{uv} W_{uv,w} \sum_{ij} C_{ijk}\,
    x_{u,i}\, y_{v,j}$$

    u and v run over all pairs of copies whose product contains the irrep of the output; there are n
    of them. Weights begin as normal numbers of variance 1, and inputs of unit variance give outputs
    of unit variance, as with e3nn's `FullyConnectedTensorProduct`.

    It is done in two steps that have fast forms: all products of copies, which is a depthwise
    product with each copy of the factor that has fewer; then a linear layer's mix of them.

    Args:
        irreps_in1: the layout of the first factor.
        irreps_in2: the layout of the second.
        irreps_out: the layout of the product. An irrep that no pair makes comes out as zero.

    Attributes:
        irreps_in: the layout of the first factor, the one that a network passes on.
        irreps_in1, irreps_in2, irreps_out: the layouts.
        weights: for each irrep by name, a matrix (pairs of copies, copies out). Pairs are in the
            order of: block of the first factor, block of the second, copy u, copy v.

    Two vectors make a scalar, their dot product, and a pseudovector, their cross product; no
    true vector, which inversion would have to turn around:

    >>> layer = TensorProduct("1o", "1o", "0e + 1e + 1o")
    >>> sorted(layer.weights)
    ['0e', '1e']
    >>> layer(torch.randn(10, 3), torch.randn(10, 3))[:, 4:].abs().max().item()
    0.0

    Source:
        Thomas et al., Tensor Field Networks, arXiv:1802.08219.
    """

    def __init__(
        self, irreps_in1: Irreps | str, irreps_in2: Irreps | str, irreps_out: Irreps | str
    ) -> None:
        super().__init__()
        self.irreps_in1, self.irreps_in2 = Irreps(irreps_in1), Irreps(irreps_in2)
        self.irreps_in, self.irreps_out = self.irreps_in1, Irreps(irreps_out)
        self.weights = nn.ParameterDict()
        self._names_out = [str(irrep) for _, irrep in self.irreps_out]
        self._paths: dict[str, list[tuple[int, int, int, int, int]]] = {}
        for irrep in sorted({irrep for _, irrep in self.irreps_out}):
            pairs = self._pairs(irrep)
            n_in = sum(
                self.irreps_in1.blocks[i][0] * self.irreps_in2.blocks[j][0] for i, j in pairs
            )
            n_out = self.irreps_out.count(irrep)
            if n_in and n_out:
                self.weights[str(irrep)] = nn.Parameter(torch.randn(n_in, n_out))
                self._paths[str(irrep)] = [
                    (i, j, self.irreps_in1.blocks[i][1].l, self.irreps_in2.blocks[j][1].l, irrep.l)
                    for i, j in pairs
                ]
        self._plan_products()

    def _plan_products(self) -> None:
        """How a depthwise product and a mix of copies do it: paths, and rows of the weights."""
        first, second = self.irreps_in1, self.irreps_in2
        self._swapped = second.num_irreps > first.num_irreps
        many, few = (second, first) if self._swapped else (first, second)
        copies = [(block, copy) for block, (mul, _) in enumerate(few) for copy in range(mul)]
        filter = Irreps([(1, few.blocks[block][1]) for block, _ in copies])
        self._products, made = depthwise_paths(many, filter, keep=list(self.weights))
        self._mix = plan(made, self.irreps_out)
        starts = {where.start: block for block, where in enumerate(many.slices)}
        at = {where.start: place for place, where in enumerate(filter.slices)}
        rows: dict[str, list[tuple[int, int, int, int]]] = {name: [] for name in self.weights}
        signs: dict[str, list[float]] = {name: [] for name in self.weights}
        for path, (_, irrep) in zip(self._products, made, strict=True):
            i, (j, v) = starts[path.start_in], copies[at[path.start_filter]]
            C = coupling(path.l1, path.l2, path.l3)
            turned = coupling(path.l2, path.l1, path.l3).transpose(0, 1)
            sign = math.copysign(1, (C * turned).sum().item()) if self._swapped else 1.0
            for u in range(path.mul):
                rows[str(irrep)].append((j, i, v, u) if self._swapped else (i, j, u, v))
                signs[str(irrep)].append(sign)
        for name, found in rows.items():
            place = {row: number for number, row in enumerate(sorted(found))}
            order = torch.tensor([place[row] for row in found])
            self.register_buffer(f"_order_{name}", order, persistent=False)
            sign_of = torch.tensor(signs[name])[:, None]
            self.register_buffer(f"_sign_{name}", sign_of, persistent=False)

    def _pairs(self, irrep: Irrep) -> list[tuple[int, int]]:
        """Positions of the blocks whose product contains an irrep."""
        return [
            (i, j)
            for i, (m, first) in enumerate(self.irreps_in1)
            for j, (n, second) in enumerate(self.irreps_in2)
            if m and n and irrep in first * second
        ]

    def extra_repr(self) -> str:
        """The layouts, for print(model)."""
        return f"{self.irreps_in1} x {self.irreps_in2} -> {self.irreps_out}"

    def forward(
        self, x: Float[Tensor, "*batch d_in1"], y: Float[Tensor, "*batch d_in2"]
    ) -> Float[Tensor, "*batch d_out"]:
        """Multiply.

        Args:
            x: features (..., irreps_in1.dim).
            y: features (..., irreps_in2.dim).

        Returns:
            Tensor (..., irreps_out.dim).

        Raises:
            ValueError: features have another width, or not a row for each of the other factor.
        """
        check_features(x, self.irreps_in1, "the first factors")
        check_features(y, self.irreps_in2, "the second factors")
        if x.shape[:-1] != y.shape[:-1]:
            raise ValueError(
                f"the factors have shapes {tuple(x.shape)} and {tuple(y.shape)}; expected the same "
                "but for the last axis: row by row they are multiplied"
            )
        if is_traced():
            return self._define(x, y)
        many, few = (y, x) if self._swapped else (x, y)
        n_rows = x.shape[:-1].numel()
        ones = x.new_ones(1, sum(path.mul for path in self._products)).expand(n_rows, -1)
        rows = [t.reshape(n_rows, t.shape[-1]) for t in (many, few)]
        products = depthwise(rows[0], rows[1], ones, self._products)
        z = mix(products, None, [self._rows_of(name) for name in self._mix.names], self._mix)
        return z.reshape(*x.shape[:-1], z.shape[-1])

    def _rows_of(self, name: str) -> Tensor:
        """A weight in the order, and with the signs, of the depthwise product."""
        sign: Tensor = getattr(self, f"_sign_{name}")
        return self.weights[name][getattr(self, f"_order_{name}")] * sign

    def _define(self, x: Tensor, y: Tensor) -> Tensor:
        """The form to read."""
        xs, ys = split(self.irreps_in1, x), split(self.irreps_in2, y)
        made = {name: self._make(name, xs, ys) for name in self.weights}
        blocks, used = [], dict.fromkeys(made, 0)
        for (mul, irrep), name in zip(self.irreps_out, self._names_out, strict=True):
            if name in made:
                blocks.append(made[name][..., used[name] : used[name] + mul, :].flatten(-2))
                used[name] += mul
            else:
                blocks.append(x.new_zeros((*x.shape[:-1], mul * irrep.dim)))
        return torch.cat(blocks, dim=-1) if blocks else x[..., :0]

    def _make(self, name: str, xs: list[Tensor], ys: list[Tensor]) -> Tensor:
        """All outputs of one irrep: (..., copies, components)."""
        weight, products = self.weights[name], []
        for i, j, l1, l2, l3 in self._paths[name]:
            C = coupling(l1, l2, l3).to(xs[i])
            pair = torch.einsum("...ui,...vj,ijk->...uvk", xs[i], ys[j], C)
            products.append(pair.flatten(-3, -2))
        scale = 1 / math.sqrt(len(weight))
        return torch.einsum("...nk,nw->...wk", torch.cat(products, dim=-2), weight * scale)


class DepthwiseTensorProduct(nn.Module):
    r"""Each channel of the features times one filter, with weights from outside.

    The product of message passing: the filter is the harmonics of an edge's direction, and the
    weights come from a network on its length. Channels do not mix, so that it costs as many weights
    as channels; a linear layer before or after mixes them.

    Args:
        irreps_in: the layout of the features.
        irreps_filter: the layout of the filter, multiplicity 1 in each block.
        keep: the irreps to make; None for all.

    Attributes:
        irreps_in, irreps_filter: the layouts of the factors.
        irreps_out: the layout of the product, one block for each path, sorted by irrep.
        paths: what multiplies into what; see `equivar.kernels.paths`.
        weight_numel: the number of weights of one edge.

    Raises:
        ValueError: a multiplicity in the filter is not 1.

    >>> product = DepthwiseTensorProduct("8x0e + 8x1o", "0e + 1o", keep=["0e", "1o"])
    >>> product.irreps_out, product.weight_numel
    (Irreps('8x0e + 8x0e + 8x1o + 8x1o'), 32)
    >>> product(torch.randn(5, 32), torch.randn(5, 4), torch.randn(5, 32)).shape
    torch.Size([5, 64])

    Source:
        Schütt et al., SchNet, arXiv:1706.08566, for scalars; Batzner et al., NequIP,
        arXiv:2101.03164, for irreps.
    """

    def __init__(
        self,
        irreps_in: Irreps | str,
        irreps_filter: Irreps | str,
        keep: Iterable[Irrep | str] | None = None,
    ) -> None:
        super().__init__()
        self.irreps_in, self.irreps_filter = Irreps(irreps_in), Irreps(irreps_filter)
        self.paths, self.irreps_out = depthwise_paths(self.irreps_in, self.irreps_filter, keep)
        self.weight_numel = sum(path.mul for path in self.paths)

    def extra_repr(self) -> str:
        """The layouts, for print(model)."""
        return f"{self.irreps_in} x {self.irreps_filter} -> {self.irreps_out}"

    def forward(
        self,
        x: Float[Tensor, "*batch d_in"],
        Y: Float[Tensor, "*batch d_filter"],
        weights: Float[Tensor, "*batch n_weights"],
    ) -> Float[Tensor, "*batch d_out"]:
        """Multiply.

        Args:
            x: features (..., irreps_in.dim), one row for each edge.
            Y: filters (..., irreps_filter.dim).
            weights: (..., weight_numel), one for each path and channel.

        Returns:
            Tensor (..., irreps_out.dim).

        Raises:
            ValueError: a tensor has another width.
        """
        check_features(x, self.irreps_in, "the features")
        check_features(Y, self.irreps_filter, "the filters")
        if weights.shape[-1:] != (self.weight_numel,):
            raise ValueError(
                f"weights have shape {tuple(weights.shape)}; expected {self.weight_numel} on the "
                "last axis, one for each path and channel"
            )
        return depthwise(x, Y, weights, self.paths)
