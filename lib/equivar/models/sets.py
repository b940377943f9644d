"""A function of a set, and the control that reads it as a list."""

from __future__ import annotations

from torch import Tensor, nn

from equivar._checks import check_axes, check_count
from equivar._shapes import Bool, Float
from equivar.models.mlp import mlp
from equivar.sets import SetLinear, SetPool

__all__ = ["PlainSetNet", "SetNet"]


class SetNet(nn.Module):
    """A function of a set of any size: set layers, a pool, and a small network on the summary.

    Args:
        n_in: features of an element.
        n_out: numbers to predict for a set.
        width: features of an element in between.
        depth: how many set layers.
        pool: "sum", "mean" or "max"; a sum also knows how many elements there are.

    Example:
        >>> import torch
        >>> net = SetNet(3, 1)
        >>> x = torch.randn(10, 5, 3)
        >>> torch.testing.assert_close(net(x.flip(1)), net(x))

    Source:
        Zaheer et al., Deep Sets, NeurIPS 2017, arXiv:1703.06114.
    """

    def __init__(
        self, n_in: int, n_out: int, width: int = 32, depth: int = 2, pool: str = "mean"
    ) -> None:
        super().__init__()
        for name, n in {"n_in": n_in, "n_out": n_out, "width": width, "depth": depth}.items():
            check_count(name, n)
        sizes = [n_in] + [width] * depth
        self.layers = nn.ModuleList(map(SetLinear, sizes[:-1], sizes[1:]))
        self.pool = SetPool(pool)
        self.out = mlp(sizes[-1], width, n_out)

    def forward(
        self, x: Float[Tensor, "*batch n c"], mask: Bool[Tensor, "*batch n"] | None = None
    ) -> Float[Tensor, "*batch n_out"]:
        """Predict.

        Args:
            x: sets of n elements with n_in features each.
            mask: True where there is an element; None for everywhere.

        Returns:
            Tensor (..., n_out).
        """
        for layer in self.layers:
            x = nn.functional.silu(layer(x, mask))
        y: Tensor = self.out(self.pool(x, mask))
        return y


class PlainSetNet(nn.Module):
    """A function of a list: the unconstrained control. It reads elements in the order given.

    Args:
        n: the length of the lists; no other is accepted.
        n_in: features of an element.
        n_out: numbers to predict for a list.
        width: units of each hidden layer; `matched` finds the one of equal size.

    Raises:
        ValueError: for lists of another length.

    Example:
        >>> import torch
        >>> from equivar.models import matched
        >>> net = matched(lambda width: PlainSetNet(5, 3, 1, width), like=SetNet(3, 1))
        >>> net(torch.randn(10, 5, 3)).shape
        torch.Size([10, 1])
    """

    def __init__(self, n: int, n_in: int, n_out: int, width: int = 32) -> None:
        super().__init__()
        for name, count in {"n": n, "n_in": n_in, "n_out": n_out, "width": width}.items():
            check_count(name, count)
        self.n, self.n_in = n, n_in
        self.net = mlp(n * n_in, width, width, n_out)

    def forward(self, x: Float[Tensor, "*batch n c"]) -> Float[Tensor, "*batch n_out"]:
        """Predict.

        Args:
            x: lists of n elements with n_in features each.

        Returns:
            Tensor (..., n_out).
        """
        check_axes("x", x, "n", self.n_in)
        if x.shape[-2] != self.n:
            raise ValueError(
                f"the lists have {x.shape[-2]} elements, but this network was built for {self.n}: "
                "its first layer has weights for each place in the list"
            )
        y: Tensor = self.net(x.flatten(start_dim=-2))
        return y
