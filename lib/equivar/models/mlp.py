"""Linear layers one after another, and how many numbers they hold."""

from __future__ import annotations

from itertools import pairwise

from torch import nn

from equivar._checks import check_count

__all__ = ["mlp", "parameter_count"]


def mlp(*sizes: int, activation: type[nn.Module] = nn.SiLU) -> nn.Sequential:
    """Linear layers with an activation between them.

    Args:
        sizes: the width of the input, of each hidden layer, of the output.
        activation: the class of the nonlinearity.

    Returns:
        The network; it acts on the last axis.

    Raises:
        ValueError: a width is negative.

    Example:
        >>> import torch
        >>> mlp(3, 16, 1)(torch.zeros(5, 3)).shape
        torch.Size([5, 1])
    """
    for size in sizes:
        check_count("a layer's width", size)
    layers: list[nn.Module] = []
    for i, (n_in, n_out) in enumerate(pairwise(sizes)):
        layers += [activation()] if i else []
        layers += [nn.Linear(n_in, n_out)]
    return nn.Sequential(*layers)


def parameter_count(model: nn.Module) -> int:
    """How many numbers training may change.

    Args:
        model: any module; parameters that are frozen do not count.

    Returns:
        The count; 0 for a module without parameters.

    Example:
        >>> parameter_count(nn.Linear(3, 2))
        8
    """
    return sum(p.numel() for p in model.parameters() if p.requires_grad)
