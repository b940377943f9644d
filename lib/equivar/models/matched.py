"""A control of equal size: the width at which two networks have as many parameters."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from torch import nn

from equivar.models.mlp import parameter_count

__all__ = ["matched"]

Model = TypeVar("Model", bound=nn.Module)


def matched(build: Callable[[int], Model], like: nn.Module) -> Model:
    """Build a network with the width that brings its parameter count closest to another's.

    So that a comparison compares symmetry, and not size.

    Args:
        build: makes the network from a width; its count must grow with the width.
        like: the network to match.

    Returns:
        The network, newly made. Small ones cannot match exactly, as widths are whole numbers.

    Example:
        >>> net = matched(lambda width: nn.Linear(width, 10), like=nn.Linear(7, 14))
        >>> net.in_features, parameter_count(net)
        (10, 110)
    """
    wanted = parameter_count(like)
    high = 1
    while parameter_count(build(high)) < wanted:
        high *= 2
    low = high // 2 + 1
    while low < high:  # the smallest width that is not too small
        middle = (low + high) // 2
        if parameter_count(build(middle)) < wanted:
            low = middle + 1
        else:
            high = middle
    return min(
        (build(width) for width in (max(low - 1, 1), low)),
        key=lambda net: abs(parameter_count(net) - wanted),
    )
