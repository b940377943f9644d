"""A function of an image that turns do not change, and the plain network beside it."""

from __future__ import annotations

from torch import Tensor, nn

from equivar._checks import check_count
from equivar._shapes import Float
from equivar.group_conv import GroupConv2d, GroupPool, LiftingConv2d
from equivar.groups import Group

__all__ = ["GroupImageNet", "PlainImageNet"]


class GroupImageNet(nn.Module):
    """Convolutions over a group, pools over group and pixels: invariant to turns of the image.

    Exactly so where the group's turns take pixels to pixels (`cyclic(4)`, `dihedral(4)`); for other
    groups up to the error of sampling, which `LiftingConv2d` states.

    Args:
        group: `cyclic(n)` or `dihedral(n)`.
        n_in: channels of the images.
        n_out: numbers to predict, one for each class.
        width: channels in between; each has `group.order` values at a pixel.
        depth: how many convolutions, at least 1.
        kernel_size: height and width of the filters in pixels.

    Raises:
        ValueError: a group of another kind, or images of another shape.

    Example:
        >>> import torch
        >>> from equivar.groups import cyclic
        >>> net, image = GroupImageNet(cyclic(4), 1, 10), torch.randn(2, 1, 8, 8)
        >>> torch.testing.assert_close(net(image.rot90(1, (-2, -1))), net(image))

    Source:
        Cohen and Welling, Group Equivariant Convolutional Networks, ICML 2016, arXiv:1602.07576.
    """

    def __init__(
        self,
        group: Group,
        n_in: int,
        n_out: int,
        width: int = 8,
        depth: int = 3,
        kernel_size: int = 3,
    ) -> None:
        super().__init__()
        for name, n in {"n_out": n_out, "width": width, "depth": depth}.items():
            check_count(name, n, least=1)
        layers: list[nn.Module] = [LiftingConv2d(n_in, width, group, kernel_size), nn.SiLU()]
        for _ in range(depth - 1):
            layers += [GroupConv2d(width, width, group, kernel_size), nn.SiLU()]
        self.layers = nn.Sequential(*layers)
        self.pool = GroupPool("mean")
        self.out = nn.Linear(width, n_out)

    def forward(self, images: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
        """Predict.

        Args:
            images: (batch, n_in, height, width), of any size.

        Returns:
            Tensor (batch, n_out).
        """
        y: Tensor = self.out(self.pool(self.layers(images)).mean(dim=(-2, -1)))
        return y


class PlainImageNet(nn.Module):
    """The same without the group: plain convolutions and the mean over pixels, the control.

    Shifts it keeps as well as the other (up to the image's edge); turns it does not.

    Args:
        n_in: channels of the images.
        n_out: numbers to predict, one for each class.
        width: channels in between; `matched` finds the one of equal size.
        depth: how many convolutions, at least 1.
        kernel_size: height and width of the filters in pixels.

    Raises:
        ValueError: images of another shape.

    Example:
        >>> import torch
        >>> PlainImageNet(1, 10)(torch.randn(2, 1, 8, 8)).shape
        torch.Size([2, 10])
    """

    def __init__(
        self, n_in: int, n_out: int, width: int = 16, depth: int = 3, kernel_size: int = 3
    ) -> None:
        super().__init__()
        sizes = {"n_in": n_in, "n_out": n_out, "width": width, "depth": depth}
        for name, size in sizes.items():
            check_count(name, size, least=1)
        self.n_in = n_in
        layers: list[nn.Module] = []
        for i in range(depth):
            n = n_in if i == 0 else width
            layers += [nn.Conv2d(n, width, kernel_size, padding=kernel_size // 2), nn.SiLU()]
        self.layers = nn.Sequential(*layers)
        self.out = nn.Linear(width, n_out)

    def forward(self, images: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
        """Predict.

        Args:
            images: (batch, n_in, height, width), of any size.

        Returns:
            Tensor (batch, n_out).
        """
        if images.ndim != 4 or images.shape[1] != self.n_in:
            raise ValueError(
                f"given a tensor of shape {tuple(images.shape)}; expected (batch, {self.n_in}, "
                "height, width)"
            )
        y: Tensor = self.out(self.layers(images).mean(dim=(-2, -1)))
        return y
