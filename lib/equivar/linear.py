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
from equivar.kernels.mixing import mix
from equivar.kernels.mixing_plan import plan

__all__ = ["IrrepLinear"]


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
        self._plan = plan(self.irreps_in, self.irreps_out)
        self.weights = nn.ParameterDict()
        for name, shape in zip(self._plan.names, self._plan.shapes, strict=True):
            self.weights[name] = nn.Parameter(torch.randn(shape))
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
        weights = [self.weights[name] for name in self._plan.names]
        if x.ndim == 2:
            return mix(x, self.bias, weights, self._plan)
        y = mix(x.reshape(x.shape[:-1].numel(), x.shape[-1]), self.bias, weights, self._plan)
        return y.reshape(*x.shape[:-1], y.shape[-1])
