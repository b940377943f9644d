"""Symmetry through the input: quantities that a change of coordinates does not touch."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from equivar._checks import check_axes, check_finite
from equivar._shapes import Float, Int, Shaped

__all__ = [
    "frame_average",
    "gram",
    "one_hot",
    "pairwise_distances",
    "pca_frames",
    "radial_features",
]


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

    Raises:
        ValueError: there are no two axes, or a position is not finite.

    Example:
        >>> pairwise_distances(torch.tensor([[0.0, 0.0, 0.0], [3.0, 4.0, 0.0]]))
        tensor([[0., 5.],
                [5., 0.]])
    """
    check_axes("positions", positions, "n", None)
    check_finite("positions", positions)
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


def gram(x: Float[Tensor, "*batch n d"]) -> Float[Tensor, "*batch n n"]:
    """The inner product of every two rows.

    An orthogonal matrix keeps inner products, and two lists of vectors with equal ones differ by an
    orthogonal matrix. A translation does not keep them: center positions first.

    Args:
        x: n vectors.

    Returns:
        Entry [i, j] is x_i . x_j, in the square of the unit.

    Raises:
        ValueError: there are no two axes.

    Example:
        >>> gram(torch.tensor([[1.0, 0.0], [3.0, 4.0]])).tolist()
        [[1.0, 3.0], [3.0, 25.0]]

    Source:
        Weyl, The Classical Groups, chapter II, section 9 (the first fundamental theorem).
    """
    check_axes("x", x, "n", "d")
    return x @ x.mT


def pca_frames(
    positions: Float[Tensor, "..."], proper: bool = False
) -> tuple[Float[Tensor, "frames 3 3"], Float[Tensor, " 3"]]:
    """Coordinate systems that a cloud of points brings along: its principal axes.

    If the cloud is rotated, so are they. An axis has no sign, so there is not one frame but eight,
    four of them right-handed; as a set they turn with the cloud. Where two eigenvalues of the
    covariance are equal the cloud has no principal axes in their plane: what is returned is then
    arbitrary there, and near there it jumps. Symmetric molecules are such clouds.

    Args:
        positions: (n, 3), at least one point.
        proper: whether to give the right-handed frames alone: then a mirror image is another cloud.

    Returns:
        Frames (8, 3, 3) or (4, 3, 3), columns the axes, by growing spread; and the center (3,).
        `(positions - center) @ frame` are the coordinates in a frame.

    Raises:
        ValueError: positions are not (n, 3) with n at least 1, or not finite.

    Example:
        >>> frames, center = pca_frames(torch.tensor([[0.0, 1.0, 0.0], [0.0, 3.0, 0.0]]))
        >>> len(frames), center.tolist(), frames[0, :, 2].abs().tolist()
        (8, [0.0, 2.0, 0.0], [0.0, 1.0, 0.0])

    Source:
        Puny et al., Frame Averaging for Invariant and Equivariant Network Design, ICLR 2022.
    """
    if positions.ndim != 2 or positions.shape[-1] != 3 or not len(positions):
        raise ValueError(
            f"positions have shape {tuple(positions.shape)}; expected (n, 3) with at least a point"
        )
    check_finite("positions", positions)
    center = positions.mean(dim=0)
    centered = positions - center
    _, axes = torch.linalg.eigh(centered.mT @ centered / len(positions))
    plus_minus = torch.tensor([1.0, -1.0]).to(positions)
    frames = axes * torch.cartesian_prod(plus_minus, plus_minus, plus_minus)[:, None, :]
    return (frames[torch.linalg.det(frames) > 0] if proper else frames), center


def frame_average(
    f: Callable[[Tensor], Tensor],
    positions: Float[Tensor, "..."],
    act_out: Callable[[Tensor, Tensor], Tensor] | None = None,
    proper: bool = False,
) -> Float[Tensor, "..."]:
    r"""Make any function invariant or equivariant: average it over the cloud's own frames.

    $\frac{1}{|F|} \sum_{g \in F(x)} g \cdot f(g^{-1} x)$ is exactly equivariant under rotations
    and translations for any f, since F(gx) = g F(x). It is as continuous as the frames are: not
    where two principal spreads are equal.

    Args:
        f: takes centered positions (n, 3).
        positions: (n, 3).
        act_out: a rotation's action on outputs, called as `act_out(R, y)`; None for invariance.
        proper: average over the four right-handed frames: equivariant under rotations only.

    Returns:
        What f returns, averaged.

    Raises:
        ValueError: as `pca_frames`.

    Example:
        >>> cloud = torch.tensor([[0.0, 0.0, 0.0], [1.0, 0.0, 0.0], [0.0, 2.0, 0.0]])
        >>> turned = cloud[:, [1, 2, 0]]
        >>> first, second = (frame_average(lambda r: r[1].relu().sum(), c) for c in (cloud, turned))
        >>> bool((first - second).abs() < 1e-6)
        True

    Source:
        Puny et al., ICLR 2022, equations 3 and 4.
    """
    frames, center = pca_frames(positions, proper)
    images = [f((positions - center) @ R) for R in frames]
    if act_out is not None:
        images = [act_out(R, image) for R, image in zip(frames, images, strict=True)]
    return torch.stack(images).mean(dim=0)
