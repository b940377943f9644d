"""Convolutions from images to features on a group, and among those."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from equivar._checks import check_count
from equivar._shapes import Float
from equivar.group_conv.bank import convolve, filter_bank, initial_weight, uses_of
from equivar.group_conv.filters import bank_index, position_filters
from equivar.groups import Group

__all__ = ["GroupConv2d", "GroupPool", "LiftingConv2d"]


class LiftingConv2d(nn.Module):
    r"""From images to features on the group: one filter, seen in all its positions.

    $$F(x, h) = \sum_y f(y)\, \psi\big(h^{-1} (y - x)\big) + b$$

    For `cyclic(n)` and `dihedral(n)` with n = 1, 2 or 4 a filter has kernel_size squared free
    weights. For other n it is a sum of smooth functions on a disk, Gaussian rings times waves in
    the angle, of which rings of small radius have few; each is sampled at the turned positions.

    The error for n = 8, at the middle of images that are known between pixels too (waves of random
    direction, none shorter than 4 pixels), turned by 45 degrees before they are sampled: 2 to 3 %
    of the output for one layer with kernel_size 5 or 7. It is rounding alone for the quarter turns
    that the group contains. Turning a sampled image adds the error of its own interpolation.

    Args:
        n_in: channels of the images.
        n_out: channels of the features; each has `group.order` values at a pixel.
        group: `cyclic(n)` or `dihedral(n)`, n = 1, 2 or 4 for exact equivariance.
        kernel_size: height and width of the filters in pixels; at least 5 for other n.
        stride: pixels between outputs.
        padding: zeros around the image; by default half of the kernel, which keeps odd kernels'
            images at their size.
        bias: whether to add a learned number to each channel, the same at all group elements.

    Attributes:
        weight: (n_out, n_in, 1, basis), what is learned of the filters.
        bias: (n_out,), zero at first, or None.

    Raises:
        ValueError: a group of another kind; images of another shape, or of a size whose last rows
            or columns a stride leaves out.

    Example:
        >>> from equivar.group_conv import act_on_features
        >>> from equivar.groups import cyclic
        >>> layer = LiftingConv2d(1, 2, cyclic(4), kernel_size=3)
        >>> image = torch.randn(5, 1, 9, 9)
        >>> features = layer(image)
        >>> features.shape
        torch.Size([5, 2, 4, 9, 9])
        >>> turned = act_on_features(cyclic(4), 1, features)
        >>> torch.testing.assert_close(layer(image.rot90(1, (-2, -1))), turned)

    Source:
        Cohen and Welling, Group Equivariant Convolutional Networks, ICML 2016, arXiv:1602.07576;
        Weiler, Hamprecht and Storath, Learning Steerable Filters, CVPR 2018, arXiv:1711.07289.
    """

    filters: Tensor | None
    places: Tensor
    uses: Tensor

    def __init__(
        self,
        n_in: int,
        n_out: int,
        group: Group,
        kernel_size: int = 3,
        stride: int = 1,
        padding: int | None = None,
        bias: bool = True,
    ) -> None:
        super().__init__()
        padding = kernel_size // 2 if padding is None else padding
        _check_sizes(n_in, n_out, kernel_size, stride, padding)
        self.n_in, self.n_out, self.group = n_in, n_out, group
        self.kernel_size, self.stride, self.padding = kernel_size, stride, padding
        filters, values = position_filters(group, kernel_size)
        self.register_buffer("filters", filters, persistent=False)
        self.register_buffer("places", values.flatten(), persistent=False)
        self.register_buffer("uses", uses_of(self.places), persistent=False)
        basis = kernel_size**2 if filters is None else len(filters)
        self.weight = initial_weight(n_out, n_in, 1, basis)
        self.bias = nn.Parameter(torch.zeros(n_out)) if bias else None

    def forward(self, images: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
        """Convolve.

        Args:
            images: (batch, n_in, height, width).

        Returns:
            Tensor (batch, n_out, order, height, width), smaller by the stride.
        """
        _check_images(images, (self.n_in,), self.kernel_size, self.stride, self.padding)
        bank = filter_bank(
            self.weight, self.filters, self.places, self.uses, self.group.order, self.kernel_size
        )
        return convolve(images, bank, self.bias, self.group.order, self.stride, self.padding)


class GroupConv2d(nn.Module):
    r"""From features on the group to features on the group.

    $$F'(x, h) = \sum_y \sum_k F(y, k)\, \psi\big(h^{-1}(y - x), h^{-1} k\big) + b$$

    Filters, exactness and error are those of `LiftingConv2d`, whose arguments these are.

    Args:
        n_in: channels of the features, before.
        n_out: channels of the features, after.
        group: `cyclic(n)` or `dihedral(n)`.
        kernel_size: height and width of the filters in pixels.
        stride: pixels between outputs.
        padding: zeros around the image; by default half of the kernel.
        bias: whether to add a learned number to each channel.

    Attributes:
        weight: (n_out, n_in, order, basis), what is learned of the filters.
        bias: (n_out,), zero at first, or None.

    Raises:
        ValueError: as in `LiftingConv2d`.

    Example:
        >>> from equivar.group_conv import act_on_features
        >>> from equivar.groups import dihedral
        >>> D4 = dihedral(4)
        >>> layer = GroupConv2d(2, 3, D4)
        >>> features = torch.randn(1, 2, 8, 6, 6)
        >>> s = D4.labels.index("s")
        >>> mirrored = act_on_features(D4, s, features)
        >>> torch.testing.assert_close(layer(mirrored), act_on_features(D4, s, layer(features)))

    Source:
        Cohen and Welling, Group Equivariant Convolutional Networks, ICML 2016, arXiv:1602.07576.
    """

    filters: Tensor | None
    places: Tensor
    uses: Tensor

    def __init__(
        self,
        n_in: int,
        n_out: int,
        group: Group,
        kernel_size: int = 3,
        stride: int = 1,
        padding: int | None = None,
        bias: bool = True,
    ) -> None:
        super().__init__()
        padding = kernel_size // 2 if padding is None else padding
        _check_sizes(n_in, n_out, kernel_size, stride, padding)
        self.n_in, self.n_out, self.group = n_in, n_out, group
        self.kernel_size, self.stride, self.padding = kernel_size, stride, padding
        filters, values = position_filters(group, kernel_size)
        width = kernel_size**2 * (1 if filters is None else group.order)
        self.register_buffer("filters", filters, persistent=False)
        self.register_buffer("places", bank_index(group, values, width), persistent=False)
        self.register_buffer("uses", uses_of(self.places), persistent=False)
        basis = width if filters is None else len(filters)
        self.weight = initial_weight(n_out, n_in, group.order, basis)
        self.bias = nn.Parameter(torch.zeros(n_out)) if bias else None

    def forward(self, features: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
        """Convolve.

        Args:
            features: (batch, n_in, order, height, width).

        Returns:
            Tensor (batch, n_out, order, height, width), smaller by the stride.
        """
        order = self.group.order
        wanted = (self.n_in, order)
        _check_images(features, wanted, self.kernel_size, self.stride, self.padding)
        bank = filter_bank(
            self.weight, self.filters, self.places, self.uses, order, self.kernel_size
        )
        flat = features.flatten(1, 2)
        return convolve(flat, bank, self.bias, order, self.stride, self.padding)


class GroupPool(nn.Module):
    """Forget which group element: features on the group become feature maps.

    The maps still turn with the image. The mean over pixels after it is invariant.

    Args:
        kind: "max" or "mean".

    Raises:
        ValueError: for another kind, or features that are not (batch, channels, order, height,
            width).

    Example:
        >>> GroupPool("max")(torch.arange(4.0).reshape(1, 1, 4, 1, 1)).flatten().tolist()
        [3.0]
    """

    def __init__(self, kind: str = "max") -> None:
        super().__init__()
        if kind not in ("max", "mean"):
            raise ValueError(f'GroupPool was given kind={kind!r}; expected "max" or "mean"')
        self.kind = kind

    def extra_repr(self) -> str:
        """Say the kind when printed."""
        return self.kind

    def forward(self, features: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
        """Pool over the group.

        Args:
            features: (batch, channels, order, height, width).

        Returns:
            Tensor (batch, channels, height, width).
        """
        if features.ndim != 5:
            raise ValueError(
                f"GroupPool was given features of shape {tuple(features.shape)}; expected (batch, "
                "channels, order, height, width)"
            )
        return features.amax(dim=2) if self.kind == "max" else features.mean(dim=2)


def _check_sizes(n_in: int, n_out: int, kernel_size: int, stride: int, padding: int) -> None:
    check_count("n_in", n_in, least=1)
    check_count("n_out", n_out, least=1)
    check_count("kernel_size", kernel_size, least=1)
    check_count("stride", stride, least=1)
    check_count("padding", padding)


def _check_images(
    images: Tensor, channels: tuple[int, ...], size: int, stride: int, padding: int
) -> None:
    shape = tuple(images.shape)
    if len(shape) != 3 + len(channels) or shape[1:-2] != channels:
        raise ValueError(
            f"given a tensor of shape {shape}; expected (batch, "
            f"{', '.join(map(str, channels))}, height, width)"
        )
    for name, pixels in (("height", shape[-2]), ("width", shape[-1])):
        spare = pixels + 2 * padding - size
        if spare < 0 or spare % stride:
            raise ValueError(
                f"a {name} of {pixels} pixels with padding {padding} does not fit filters of "
                f"{size} pixels in steps of {stride}: {spare % stride} would be left out on one "
                "side only, and the layer would not be equivariant. Change the size by that, or "
                "use stride 1 and average pooling"
            )
