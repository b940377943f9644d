r"""The equivariant linear map: it mixes copies of an irrep, and nothing else.

By Schur's lemma the only maps that commute with an irrep of O(3) are multiples of the identity, and
there is none between two different irreps. So a linear map from 8 vectors to 4 vectors has 8 * 4
weights, not 24 * 12, and one from vectors to scalars has none.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from equivar._shapes import Float
from equivar.features import check_features
from equivar.irreps import Irreps

__all__ = ["IrrepLinear"]


def _split(irreps: Irreps, x: Tensor) -> list[Tensor]:
    """As `features.split`, in one call, whose gradient is one concatenation."""
    if not irreps.blocks:
        return []
    parts = x.split([mul * irrep.dim for mul, irrep in irreps], dim=-1)
    return [
        part.reshape(*x.shape[:-1], mul, irrep.dim)
        for part, (mul, irrep) in zip(parts, irreps, strict=True)
    ]


class IrrepLinear(nn.Module):
    r"""All linear maps between two layouts that commute with rotations and with inversion.

    $y_{w,i} = \frac{1}{\sqrt{n}} \sum_u x_{u,i} W_{u,w}$ for each irrep, where u runs over its n
    copies in the input, w over its copies in the output, and i over its components. All blocks of
    an irrep are connected, wherever they stand. `intertwiner_basis` finds the same number of
    parameters by brute force.

    Weights begin as independent normal numbers of variance 1, and the division by $\sqrt n$ is done
    in the forward pass, as e3nn does: so each weight is of order one whatever the width, and
    inputs of unit variance give outputs of unit variance.

    Args:
        irreps_in: the layout of the inputs.
        irreps_out: the layout of the outputs. An irrep that is not in the input comes out as zero,
            since no equivariant linear map makes it.
        bias: whether even scalars get a constant added. Other irreps cannot have one: a constant
            vector would point somewhere, and inversion turns a constant pseudoscalar around.

    Attributes:
        irreps_in: the layout of the inputs.
        irreps_out: the layout of the outputs.
        weights: for each irrep by name, a matrix (copies in, copies out).
        bias: one number for each even scalar of the output, zero at first; or None.

    A vector cannot become a scalar, so this layer has 2 * 1 + 1 * 2 weights:

    >>> layer = IrrepLinear("2x0e + 1o", "0e + 2x1o", bias=False)
    >>> {irrep: tuple(weight.shape) for irrep, weight in layer.weights.items()}
    {'0e': (2, 1), '1o': (1, 2)}
    >>> layer(torch.randn(10, 5)).shape
    torch.Size([10, 7])

    Source:
        Schur's lemma; Geiger and Smidt, e3nn: Euclidean Neural Networks, arXiv:2207.09453.
    """

    def __init__(
        self, irreps_in: Irreps | str, irreps_out: Irreps | str, bias: bool = True
    ) -> None:
        super().__init__()
        self.irreps_in, self.irreps_out = Irreps(irreps_in), Irreps(irreps_out)
        self.weights = nn.ParameterDict()
        self._names_in = [str(irrep) for _, irrep in self.irreps_in]
        self._names_out = [str(irrep) for _, irrep in self.irreps_out]
        for irrep in sorted({irrep for _, irrep in self.irreps_out}):
            n_in, n_out = self.irreps_in.count(irrep), self.irreps_out.count(irrep)
            if n_in and n_out:
                self.weights[str(irrep)] = nn.Parameter(torch.randn(n_in, n_out))
        n_bias = self.irreps_out.count("0e") if bias else 0
        self.bias = nn.Parameter(torch.zeros(n_bias)) if n_bias else None

    def extra_repr(self) -> str:
        """Both layouts, for print(model)."""
        return f"{self.irreps_in} -> {self.irreps_out}, bias={self.bias is not None}"

    def forward(self, x: Float[Tensor, "*batch d_in"]) -> Float[Tensor, "*batch d_out"]:
        """Apply the map.

        Args:
            x: features (..., irreps_in.dim).

        Returns:
            Tensor (..., irreps_out.dim).

        Raises:
            ValueError: the features have another width.
        """
        check_features(x, self.irreps_in, "the inputs of a linear layer")
        copies = _split(self.irreps_in, x)
        mixed = {name: self._mix(name, copies) for name in self.weights}
        blocks, used = [], dict.fromkeys(mixed, 0)
        for (mul, irrep), name in zip(self.irreps_out, self._names_out, strict=True):
            if name in mixed:
                blocks.append(mixed[name][..., used[name] : used[name] + mul * irrep.dim])
                used[name] += mul * irrep.dim
            elif name == "0e" and self.bias is not None:
                blocks.append(self.bias[:mul].expand(*x.shape[:-1], mul))
            else:
                blocks.append(x.new_zeros((*x.shape[:-1], mul * irrep.dim)))
        return torch.cat(blocks, dim=-1) if blocks else x[..., :0]

    def _mix(self, name: str, copies: list[Tensor]) -> Tensor:
        """All outputs of one irrep: (..., copies * components)."""
        weight = self.weights[name]
        found = [b for b, of in zip(copies, self._names_in, strict=True) if of == name]
        x = torch.cat(found, dim=-2) if len(found) > 1 else found[0]
        mixed = torch.einsum("...ui,uw->...wi", x, weight / len(weight) ** 0.5).flatten(-2)
        return mixed + self.bias if name == "0e" and self.bias is not None else mixed
