"""What a learned filter is made of: functions of the pixels, in every position of the group."""

from __future__ import annotations

import torch
from torch import Tensor

from equivar._shapes import Float, Int
from equivar.group_conv.actions import polygon, polygon_matrices
from equivar.groups import Group

__all__ = ["bank_index", "position_filters"]


def position_filters(group: Group, size: int) -> tuple[Tensor | None, Int[Tensor, "order values"]]:
    """What the filter of each position is made of.

    Args:
        group: `cyclic(n)` or `dihedral(n)`.
        size: height and width of the filters.

    Returns:
        Two tensors. Where pixels go to pixels: None, and the pixel of the learned filter that each
        pixel of the turned one shows, (order, size * size). Elsewhere: smooth filters in each
        position, (basis, order * size * size) float64, of norm 1 up to sampling, and where each
        position's values are among them.

    Raises:
        ValueError: a group of another kind, or a filter of too few pixels for its turns.

    >>> from equivar.groups import cyclic
    >>> position_filters(cyclic(4), 2)[1].tolist()
    [[0, 1, 2, 3], [1, 3, 0, 2], [3, 2, 1, 0], [2, 0, 3, 1]]
    """
    middle = (size - 1) / 2
    axis = torch.arange(size, dtype=torch.float64) - middle
    xy = torch.stack([axis.expand(size, size), -axis[:, None].expand(size, size)], dim=-1)
    back = torch.einsum("hij,abj->habi", polygon_matrices(group).mT, xy)  # h^-1 (y - x)
    if 4 % polygon(group)[0] == 0:
        column, row = (back[..., 0] + middle).round(), (middle - back[..., 1]).round()
        return None, (row * size + column).long().flatten(1)
    if size < 5:
        raise ValueError(
            f"kernel_size is {size}; turns by {360 / polygon(group)[0]:g} degrees need at least "
            "5 pixels to sample a filter"
        )
    values = torch.arange(group.order * size * size).reshape(group.order, -1)
    return _rings(back, middle).flatten(1), values


def bank_index(group: Group, values: Int[Tensor, "order p"], width: int) -> Int[Tensor, " n"]:
    """Where a filter bank finds its entries: at (h, k) the filter for h^-1 k, in position h.

    Args:
        group: as in `position_filters`.
        values: its second result.
        width: how many values there are for one element k.

    Returns:
        Indices into (element, value), in the order (h, k, pixel).

    >>> from equivar.groups import cyclic
    >>> bank_index(cyclic(2), torch.tensor([[0], [0]]), 1).tolist()
    [0, 1, 1, 0]
    """
    element = group.table[group.inverses].to(values.device)
    return (element[:, :, None] * width + values[:, None, :]).flatten()


def _rings(xy: Float[Tensor, "h k k 2"], radius: float) -> Float[Tensor, "b h k k"]:
    """Smooth functions on a disk: Gaussian rings a pixel apart, times waves in the angle."""
    r, angle = xy.norm(dim=-1), torch.atan2(xy[..., 1], xy[..., 0])
    found = []
    for ring in range(int(radius) + 1):
        center = min(float(ring), radius - 0.5)  # a ring at the edge would be cut by the square
        profile = torch.exp(-0.5 * ((r - center) / 0.6) ** 2)
        # A wave with m periods on a ring is resolved when each period spans more than 2 pixels.
        for m in range(int(2 * center) + 1):
            found += [profile * torch.cos(m * angle)]
            found += [profile * torch.sin(m * angle)] if m else []
    basis = torch.stack(found)
    return basis / basis[:, 0].flatten(1).norm(dim=1)[(...,) + (None,) * (basis.ndim - 1)]
