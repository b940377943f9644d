"""How groups of turns and reflections act on images, and on features that have a group axis."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from equivar._checks import check_axes
from equivar._shapes import Float
from equivar.groups import Group, cyclic, dihedral
from equivar.rotations import rotation_2d

__all__ = ["act_on_features", "act_on_images", "polygon", "polygon_matrices", "turn_images"]


def act_on_images(group: Group, g: int, images: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
    """Turn and reflect images by a group element, where pixels go to pixels.

    Args:
        group: `cyclic(n)` or `dihedral(n)`.
        g: the number of the element.
        images: (..., height, width).

    Returns:
        Tensor (..., height, width), or (..., width, height) after an odd number of quarter turns.

    Raises:
        ValueError: a group of another kind, a number that is no element of it, a turn that is no
            multiple of 90 degrees, or a tensor that is no image.

    Example:
        >>> import torch
        >>> act_on_images(cyclic(4), 1, torch.tensor([[1.0, 2.0], [3.0, 4.0]])).tolist()
        [[2.0, 4.0], [1.0, 3.0]]
    """
    n, reflect = polygon(group)
    _check_element(group, g)
    check_axes("images", images, "height", "width")
    if 4 * (g % n) % n:
        raise ValueError(
            f"element {group.labels[g]} of {group.name} turns by {360 * (g % n) / n:g} degrees; "
            "only multiples of 90 take pixels to pixels"
        )
    images = images.flip(-2) if reflect and g >= n else images
    return images.rot90(4 * (g % n) // n, (-2, -1))


def act_on_features(group: Group, g: int, features: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
    """Act on features on the group: on their pixels, and on their group axis.

    Args:
        group: `cyclic(n)` or `dihedral(n)`.
        g: the number of the element.
        features: (..., order, height, width).

    Returns:
        Tensor of that shape; height and width change places after an odd number of quarter turns.

    Raises:
        ValueError: as in `act_on_images`, or the features have no axis for this group.

    Example:
        >>> import torch
        >>> features = torch.arange(4.0).reshape(4, 1, 1)
        >>> act_on_features(cyclic(4), 1, features).flatten().tolist()  # what was at e is at r
        [3.0, 0.0, 1.0, 2.0]
    """
    _check_element(group, g)
    check_axes("features", features, group.order, "height", "width")
    source = group.table[group.inverse(g)].to(features.device)
    return act_on_images(group, g, features.index_select(-3, source))


def turn_images(images: Float[Tensor, "..."], angle: float | int) -> Float[Tensor, "..."]:
    """Turn images by any angle about their middle, where pixels fall between pixels.

    What lies between is blended from the four nearest (bilinear), what comes from outside is zero.
    So the turned image is another one: a blend of neighbors is smoother, and a turn back does not
    restore it. Multiples of 90 degrees are exact up to rounding, as in `torch.rot90`.

    Args:
        images: (batch, channels, height, width), floating point.
        angle: in radians, counter-clockwise.

    Returns:
        Tensor of that shape, differentiable in the images.

    Raises:
        ValueError: a tensor of other axes or without values between numbers, or an angle that is
            not finite.

    Example:
        >>> image = torch.tensor([[[[1.0, 2.0], [3.0, 4.0]]]])
        >>> turn_images(image, math.pi / 2).round(decimals=4).tolist()
        [[[[2.0, 4.0], [1.0, 3.0]]]]
    """
    check_axes("images", images, "batch", "channels", "height", "width")
    if not math.isfinite(angle) or not images.is_floating_point():
        raise ValueError(
            f"turn_images was given the angle {angle} and images of {images.dtype}; expected a "
            "finite angle in radians and floating point: gray values are blended"
        )
    batch, channels, height, width = images.shape
    if not images.numel():
        return images.clone()
    cos, sin = math.cos(angle), math.sin(angle)
    # Rows run downwards, and affine_grid measures in halves of height and width.
    inverse = [[cos, -sin * height / width, 0.0], [sin * width / height, cos, 0.0]]
    where = torch.nn.functional.affine_grid(
        torch.tensor([inverse], dtype=torch.float64),
        [1, channels, height, width],
        align_corners=False,
    )
    grid = where.to(images).expand(batch, -1, -1, -1)
    return torch.nn.functional.grid_sample(images, grid, align_corners=False)


def _check_element(group: Group, g: int) -> None:
    if not 0 <= g < group.order:
        raise ValueError(
            f"element {g} was asked of {group.name}; its elements are 0 to {group.order - 1}"
        )


def polygon(group: Group) -> tuple[int, bool]:
    """The n of an n-gon with these symmetries, and whether reflections are among them.

    Raises:
        ValueError: the group is neither `cyclic(n)` nor `dihedral(n)`.

    >>> polygon(dihedral(4))
    (4, True)
    """
    if group == cyclic(group.order):
        return group.order, False
    if group.order % 2 == 0 and group == dihedral(group.order // 2):
        return group.order // 2, True
    raise ValueError(
        f"{group} is not known as a group of image symmetries; expected cyclic(n) or dihedral(n), "
        "which are all that keep a point of the plane"
    )


def polygon_matrices(group: Group) -> Float[Tensor, "order 2 2"]:
    """What each element does to a point of the plane, as a matrix.

    Element r turns counter-clockwise, s takes y to -y: the same motions as `act_on_images`, for
    points instead of pixels.

    Args:
        group: `cyclic(n)` or `dihedral(n)`.

    Returns:
        (order, 2, 2) float64, orthogonal; they multiply as the table says.

    Raises:
        ValueError: a group of another kind.

    >>> r, s = polygon_matrices(dihedral(4))[[1, 4]]
    >>> (r @ torch.tensor([1.0, 0.0]).double()).round().tolist(), s.tolist()
    ([0.0, 1.0], [[1.0, 0.0], [0.0, -1.0]])
    """
    n, reflect = polygon(group)
    turns = rotation_2d(2 * torch.pi / n * torch.arange(n, dtype=torch.float64))
    mirror = torch.tensor([1.0, -1.0], dtype=torch.float64).diag()
    return torch.cat([turns, turns @ mirror]) if reflect else turns
