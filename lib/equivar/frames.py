"""Symmetry through the input: quantities that a change of coordinates does not touch."""

from __future__ import annotations

import torch
from torch import Tensor

from equivar._shapes import Float, Int, Shaped

__all__ = ["one_hot", "pairwise_distances", "radial_features"]


def pairwise_distances(positions: Float[Tensor, "*batch n 3"]) -> Float[Tensor, "*batch n n"]:
    """The distance between every two points.

    An isometry keeps distances, by definition. The converse is what makes them a good input: two
    clouds with equal distances differ by a rotation, a translation, and perhaps a reflection.

    They are computed as norms of differences. The shortcut through squares and dot products loses
    half of the digits when the cloud is far from the origin. The gradient at coincident points
    (the diagonal too) is set to zero; the norm's own would be nan.

    Args:
        positions: n points, in any unit of length; n may be 0.

    Returns:
        Entry [i, j] is |r_i - r_j|, in the same unit; the diagonal is exactly 0.

    Example:
        >>> pairwise_distances(torch.tensor([[0.0, 0.0, 0.0], [3.0, 4.0, 0.0]]))
        tensor([[0., 5.],
                [5., 0.]])
    """
    difference = positions.unsqueeze(-2) - positions.unsqueeze(-3)
    squared = difference.square().sum(dim=-1)
    # sqrt'(0) is infinite, and infinity times a masked zero is nan: take the root of 1 there.
    apart = squared > 0
    return torch.where(apart, torch.where(apart, squared, 1.0).sqrt(), 0.0)


def radial_features(
    distances: Float[Tensor, "*shape"], n_radial: int, cutoff: float
) -> Float[Tensor, "*shape n_radial"]:
    """Describe each distance by Gaussians at equal steps, each two steps wide.

    A network learns a wiggly function of one number poorly; it learns a weighted sum of bumps well.
    They overlap, so that neighboring distances teach each other.

    Args:
        distances: in any unit of length.
        n_radial: how many Gaussians, at least 2; their centers run from 0 to `cutoff`.
        cutoff: the last center, in the unit of the distances.

    Returns:
        A new last axis of length `n_radial`, values in [0, 1].

    Raises:
        ValueError: for fewer than two Gaussians or a cutoff that is not positive.

    Example:
        >>> radial_features(torch.tensor([0.0, 2.0]), n_radial=3, cutoff=4.0)
        tensor([[1.0000, 0.8825, 0.6065],
                [0.8825, 1.0000, 0.8825]])
    """
    if n_radial < 2 or cutoff <= 0:
        raise ValueError(
            f"radial_features was given n_radial={n_radial} and cutoff={cutoff}; it needs at "
            "least 2 Gaussians and a cutoff above 0, or there is no step between them"
        )
    centers = torch.linspace(0, cutoff, n_radial, dtype=distances.dtype, device=distances.device)
    width = 2 * cutoff / (n_radial - 1)
    exponent = -0.5 * ((distances.unsqueeze(-1) - centers) / width) ** 2
    # Below exp(-60), far beneath rounding, processors take a slow path: five times the time.
    return torch.exp(exponent.clamp(min=-60.0))


def one_hot(
    numbers: Int[Tensor, "*shape"], species: Int[Tensor, " s"]
) -> Shaped[Tensor, "*shape s"]:
    """Name each atom's element without ranking elements.

    An atomic number as a number would say that oxygen is eight times hydrogen.

    Args:
        numbers: atomic numbers.
        species: the atomic numbers that may occur; their order is the order of the columns.

    Returns:
        One column for each species, True where it is the atom's own.

    Raises:
        ValueError: for an atom of another element.

    Example:
        >>> one_hot(torch.tensor([8, 1]), torch.tensor([1, 8])).int()
        tensor([[0, 1],
                [1, 0]], dtype=torch.int32)
    """
    hot = numbers.unsqueeze(-1) == species
    if not bool(hot.any(dim=-1).all()):
        unknown = sorted(set(numbers.flatten().tolist()) - set(species.tolist()))
        raise ValueError(
            f"atomic numbers {unknown} were given, but the species are {species.tolist()}; "
            "name every element that occurs when the network is built"
        )
    return hot
