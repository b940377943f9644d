r"""Nonlinearities that keep directions.

A function applied to each component of a vector on its own depends on the axes: ReLU zeroes what
points to -x. What is left to an equivariant network is to act on numbers that no rotation changes,
on scalars and on lengths, and to multiply irreps by the result.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

from equivar._shapes import Float
from equivar.features import check_features, join, split
from equivar.irreps import Irrep, Irreps
from equivar.kernels.forms import wants_gradient
from equivar.kernels.gating import Gated

__all__ = ["Gate", "NormActivation"]

Activation = Callable[[Tensor], Tensor]


def _unit_second_moment(activation: Activation) -> float:
    """The factor that gives f(z) the mean square 1 for a normal z.

    By the trapezoidal rule, which converges exponentially for smooth functions with a bell weight.
    """
    z = torch.linspace(-12, 12, 2401, dtype=torch.float64)
    weight = torch.exp(-z.square() / 2)
    mean_square = (activation(z).square() * weight).sum() / weight.sum()
    return 1 / math.sqrt(mean_square.item())


class Gate(nn.Module):
    r"""Scalars through an activation; every other irrep times a number that scalars decide.

    $$(s, g, v) \mapsto (f(s),\; \sigma(g)\, v)$$

    The input carries one even scalar g, its gate, for each gated irrep v. Multiplying a vector by
    an invariant number keeps its direction. Each activation is divided by the root of its second
    moment for normal inputs, so that features of unit variance keep it, as e3nn does.

    Args:
        irreps_scalars: scalars alone, even or odd.
        irreps_gated: what is multiplied by gates; any irreps.
        even: the activation of even scalars; any function.
        odd: that of odd scalars; must be odd, $f(-s) = -f(s)$, since inversion turns them around.
        gate: that of gates; any function.

    Attributes:
        irreps_in: scalars, then gates, then gated.
        irreps_out: scalars, then gated.

    Raises:
        ValueError: a scalar is not of degree 0, or the activation of odd scalars is not odd.

    >>> gate = Gate("8x0e + 2x0o", "4x1o + 2x2e")
    >>> gate.irreps_in
    Irreps('8x0e + 2x0o + 6x0e + 4x1o + 2x2e')
    >>> gate(torch.randn(5, gate.irreps_in.dim)).shape
    torch.Size([5, 32])

    Source:
        Weiler et al., 3D Steerable CNNs, NeurIPS 2018, arXiv:1807.02547.
    """

    def __init__(
        self,
        irreps_scalars: Irreps | str,
        irreps_gated: Irreps | str,
        even: Activation = nn.functional.silu,
        odd: Activation = torch.tanh,
        gate: Activation = torch.sigmoid,
    ) -> None:
        super().__init__()
        self.irreps_scalars, self.irreps_gated = Irreps(irreps_scalars), Irreps(irreps_gated)
        for _, irrep in self.irreps_scalars:
            if irrep.l > 0:
                raise ValueError(
                    f"got {irrep} among the scalars {self.irreps_scalars}; expected degree 0 alone."
                    " A function of single components depends on the axes and breaks rotations:"
                    f" put {irrep} among the gated irreps"
                )
        if self.irreps_scalars.count("0o"):
            z = torch.linspace(0, 4, 65, dtype=torch.float64)
            asymmetry = (odd(z) + odd(-z)).abs().max().item()
            if not asymmetry < 1e-6:
                raise ValueError(
                    f"the activation of odd scalars has f(s) + f(-s) = {asymmetry:.2g} somewhere; "
                    "expected an odd function such as tanh. Inversion turns 0o around, and an even "
                    "function forgets that: its result is 0e, no longer 0o"
                )
        gates = Irreps([(self.irreps_gated.num_irreps, Irrep(0, 1))]).simplify()
        self.irreps_in = self.irreps_scalars + gates + self.irreps_gated
        self.irreps_out = self.irreps_scalars + self.irreps_gated
        self.even, self.odd, self.gate = even, odd, gate
        self._even_factor = _unit_second_moment(even)
        self._odd_factor = _unit_second_moment(odd)
        self._gate_factor = _unit_second_moment(gate)
        each = [d.dim for mul, d in self.irreps_gated for _ in range(mul)]
        # Not moved to a GPU: it says which columns to pick.
        self._dims = torch.tensor(each, dtype=torch.int64, device="cpu")
        gate_of = torch.arange(len(each)).repeat_interleave(torch.as_tensor(self._dims))
        self._gate_of: Tensor
        self.register_buffer("_gate_of", gate_of, persistent=False)

    def extra_repr(self) -> str:
        """Both layouts, for print(model)."""
        return f"{self.irreps_in} -> {self.irreps_out}"

    def forward(self, x: Float[Tensor, "*batch d_in"]) -> Float[Tensor, "*batch d_out"]:
        """Apply the activations and the gates.

        Args:
            x: features (..., irreps_in.dim): scalars, gates, gated.

        Returns:
            Tensor (..., irreps_out.dim).

        Raises:
            ValueError: the features have another width.
        """
        check_features(x, self.irreps_in, "the inputs of a gate")
        n_scalars, n_gates = self.irreps_scalars.dim, self.irreps_gated.num_irreps
        rows = x.reshape(x.shape[:-1].numel(), x.shape[-1])
        scalars, gates, gated = rows.split(
            [n_scalars, n_gates, x.shape[-1] - n_scalars - n_gates], dim=-1
        )
        parts = []
        for (_, irrep), where in zip(self.irreps_scalars, self.irreps_scalars.slices, strict=True):
            if irrep.p == 1:
                parts.append(self._even_factor * self.even(scalars[:, where]))
            else:
                parts.append(self._odd_factor * self.odd(scalars[:, where]))
        scalars = torch.cat(parts, dim=1) if len(parts) > 1 else (parts or [scalars])[0]
        gates = self.gate(gates)
        form = Gated.choose(scalars, gates, gated)
        if form == "definition":
            y = Gated.definition(scalars, gates, gated, self._gate_of, self._gate_factor)
        elif not wants_gradient(scalars, gates, gated):
            y = Gated.values(scalars, gates, gated, self._gate_of, self._gate_factor, form)
        else:
            y = Gated.apply(
                scalars, gates, gated, self._gate_of, self._dims, self._gate_factor, form
            )
        return y.reshape(*x.shape[:-1], y.shape[-1])


class NormActivation(nn.Module):
    r"""Each irrep times a function of its own length: $v \mapsto \sigma(\lvert v \rvert + b)\, v$.

    Where `Gate` takes the factor from other scalars, here it comes from the irrep itself. The
    length is the root mean square over the components, with a small constant under the root: so it
    is smooth at zero, where the length itself has a kink and its gradient is nan.

    Args:
        irreps: the layout. Scalars are taken by their absolute value; `Gate` does more for them.
        activation: from the length to the factor; any smooth function.
        bias: whether b is learned, one for each irrep; else it is 0.
        eps: lengths well below it count as zero; it has the unit of the features.

    Attributes:
        irreps_in, irreps_out: the layout; nothing moves.
        bias: one number for each irrep, 0 at first; or None.

    Raises:
        ValueError: eps is not positive.

    >>> layer = NormActivation("1o", activation=torch.tanh, bias=False)
    >>> [round(v, 3) for v in layer(torch.tensor([3.0, 0.0, 4.0])).tolist()]  # tanh(5 / sqrt(3))
    [2.981, 0.0, 3.975]

    Source:
        Worrall et al., Harmonic Networks, CVPR 2017, arXiv:1612.04642; Thomas et al., Tensor Field
        Networks, arXiv:1802.08219.
    """

    def __init__(
        self,
        irreps: Irreps | str,
        activation: Activation = torch.sigmoid,
        bias: bool = True,
        eps: float = 1e-3,
    ) -> None:
        super().__init__()
        self.irreps_in = self.irreps_out = Irreps(irreps)
        if not eps > 0:
            raise ValueError(f"got eps = {eps}; expected more than 0, else zero vectors give nan")
        self.activation, self.eps = activation, eps
        self.bias = nn.Parameter(torch.zeros(self.irreps_in.num_irreps)) if bias else None

    def extra_repr(self) -> str:
        """The layout, for print(model)."""
        return f"{self.irreps_in}, eps={self.eps}"

    def forward(self, x: Float[Tensor, "*batch d"]) -> Float[Tensor, "*batch d"]:
        """Multiply each irrep.

        Args:
            x: features (..., irreps_in.dim).

        Returns:
            Tensor of the shape of x.

        Raises:
            ValueError: the features have another width.
        """
        check_features(x, self.irreps_in, "the inputs of a norm activation")
        blocks, start = [], 0
        for block in split(self.irreps_in, x):
            mul = block.shape[-2]
            length = (block.square().mean(dim=-1, keepdim=True) + self.eps**2).sqrt()
            if self.bias is not None:
                length = length + self.bias[start : start + mul, None]
            blocks.append(self.activation(length) * block)
            start += mul
        return join(blocks) if blocks else x
