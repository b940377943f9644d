"""The stabilizer of a labeled cloud of points in O(3), and its Schoenflies symbol."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from equivar._shapes import Float, Int, Shaped
from equivar.groups import Group
from equivar.stabilizer.exact import largest_group
from equivar.stabilizer.schoenflies import element_names, numbered, symbol
from equivar.stabilizer.search import is_bijective, match, misfit, off_axis, search
from equivar.stabilizer.sites import Sites, find_sites, slack


@dataclass(frozen=True, eq=False, repr=False)
class Stabilizer:
    r"""All orthogonal maps about a center that take a labeled cloud of points to itself.

    A cloud that fills more than a line has finitely many, and they are listed. One on a line may
    also be turned about it by any angle, and a single point about all axes: then `axes` is not
    empty, and the group is the listed matrices times those turns.

    Attributes:
        symbol: in Schoenflies' notation: "C1", "Cs", "Ci", "C2v", "D6h", "S4", "Td", "Oh", "Ih";
            "Cinfv" and "Dinfh" for what lies on a line, "Kh", all of O(3), for a point or nothing.
        matrices: (g, 3, 3) orthogonal to rounding, in the dtype of the positions, the identity
            first, rotations before reflections. They multiply exactly as `group` does.
        permutations: (g, n) int64. Element g takes point i to where point `permutations[g, i]` is:
            `matrices[g] @ (r[i] - center)` is `r[permutations[g, i]] - center` within `error`.
        group: the multiplication table of the list, its elements named "E", "C3 1", "s 2", "i".
        axes: (k, 3) orthonormal. Turning about these by any angle changes nothing; k is 0 for a
            finite group, 1 for what lies on a line, 3 for a point.
        center: (3,) what all elements leave in place: the mean of the points, of which those that
            coincide count once.
        error: the largest distance between an image and its point, in the positions' unit.
    """

    symbol: str
    matrices: Float[Tensor, "g 3 3"]
    permutations: Int[Tensor, "g n"]
    group: Group
    axes: Float[Tensor, "k 3"]
    center: Float[Tensor, " 3"]
    error: float

    def __repr__(self) -> str:
        size = "infinite" if len(self.axes) else f"order {len(self.matrices)}"
        return f"Stabilizer({self.symbol}, {size})"


def stabilizer(
    positions: Shaped[Tensor, "..."],
    labels: Sequence[Hashable] | Tensor | None = None,
    tolerance: float = 0.01,
) -> Stabilizer:
    r"""Every rotation, reflection and inversion that leaves a labeled point cloud as it is.

    An equivariant model cannot tell these apart from doing nothing, and its output is fixed by them
    too: see `invariant_subspace`.

    **The tolerance.** Positions are never exactly symmetric. A map is accepted when its image of
    each point is within twice the tolerance of a point of the same label, its own and that one's
    error: each point may then be off its place in an exactly symmetric cloud by half the tolerance
    for sure, and by all of it unless errors conspire. Of the accepted maps those that fit best and
    form a group are kept, as matrices that form it exactly. So a cloud within the tolerance of a
    higher symmetry gets that one: with 0.01 angstrom the methoxy radical is Cs, as it should be;
    with 0.05 it is C3v, though a hydrogen is 0.07 angstrom off. Thermal motion, about 0.1 angstrom,
    leaves C1. Points of one label within twice the tolerance of each other count as one. What the
    rounding of the coordinates may add to an error is added to the tolerance.

    The search tries images of two points, so it costs about (pairs of images) times n^2: 60 atoms
    take a fraction of a second, a few hundred are fine.

    Args:
        positions: (n, 3), in any unit, angstrom for molecules; n may be 0, and points may coincide.
        labels: what must match, such as atomic numbers or symbols; None when all are alike.
        tolerance: see above, in the positions' unit; at least 0.

    Returns:
        `Stabilizer`, on the positions' device.

    Raises:
        ValueError: positions are not (n, 3) finite floats, labels are not one for each point, or
            the tolerance is negative.

    Ammonia: two turns and three mirrors, beside doing nothing. Each permutes the hydrogens.

    >>> from equivar.data import small_molecules
    >>> ammonia = next(m for m in small_molecules() if m.name == "NH3")
    >>> found = stabilizer(ammonia.positions, ammonia.symbols)
    >>> found, found.group.labels
    (Stabilizer(C3v, order 6), ('E', 'C3 1', 'C3 2', 's 1', 's 2', 's 3'))
    >>> found.permutations.tolist()[:3]
    [[0, 1, 2, 3], [0, 2, 3, 1], [0, 3, 1, 2]]
    """
    sites = find_sites(positions, labels, tolerance)
    tolerance = slack(positions, tolerance)
    r = sites.positions
    axes = _free_axes(r, tolerance)
    if len(axes):
        Q, permutations, group = _components(sites, axes, tolerance)
    else:
        Q, permutations, group = _finite(sites, tolerance)
    return Stabilizer(
        symbol=group.name,
        matrices=Q.to(positions.dtype),
        permutations=sites.lift(permutations),
        group=group,
        axes=axes.to(positions.dtype),
        center=sites.center.to(positions.dtype),
        error=float(misfit(r, Q, permutations).max()) if len(r) else 0.0,
    )


def point_group(
    positions: Shaped[Tensor, "..."],
    labels: Sequence[Hashable] | Tensor | None = None,
    tolerance: float = 0.01,
) -> str:
    """The Schoenflies symbol of a labeled point cloud's symmetry, such as "C2v".

    Args:
        positions: (n, 3), as for `stabilizer`.
        labels: what must match; None when all points are alike.
        tolerance: in the positions' unit, as for `stabilizer`.

    Returns:
        The symbol; `stabilizer` has the elements too.

    Raises:
        ValueError: as `stabilizer`.

    Four corners of a cube, every other one, are a tetrahedron; label one of them and the threefold
    axis through it is left. All eight are a cube.

    >>> corners = torch.tensor([[1.0, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]])
    >>> cube = torch.cat([corners, -corners])
    >>> point_group(corners), point_group(corners, "abbb"), point_group(cube)
    ('Td', 'C3v', 'Oh')
    """
    return stabilizer(positions, labels, tolerance).symbol


def _free_axes(r: Float[Tensor, "s 3"], tolerance: float) -> Float[Tensor, "k 3"]:
    """Axes about which all turns leave the sites in place: none, the line's own, or all three."""
    if bool((torch.linalg.vector_norm(r, dim=-1) <= tolerance).all()):  # a point, or none
        return torch.eye(3).to(r)
    axis = torch.linalg.svd(r, full_matrices=False).Vh[:1]
    return axis if bool((off_axis(r, axis[0]) <= tolerance).all()) else r[:0]


def _finite(
    sites: Sites, tolerance: float
) -> tuple[Float[Tensor, "g 3 3"], Int[Tensor, "g s"], Group]:
    permutations, signs = search(sites, tolerance)
    kept, Q, table = largest_group(sites.positions, permutations, signs, tolerance)
    return Q, permutations[kept], Group(table, numbered(element_names(Q)), symbol(Q))


def _components(
    sites: Sites, axes: Float[Tensor, "k 3"], tolerance: float
) -> tuple[Float[Tensor, "g 3 3"], Int[Tensor, "g s"], Group]:
    """Of an infinite group, one element for each part that turns do not connect.

    Inversion reverses a line. A mirror through the line does nothing to it, and no turn about it
    is that mirror; for a point, inversion already stands for the mirrors.
    """
    r = sites.positions
    E, rest = torch.eye(3).to(r), torch.arange(len(r)).to(sites.kinds)
    if len(axes) == 3:
        return torch.stack([E, -E]), torch.stack([rest, rest]), _klein(("E", "i"), "Kh")
    normal = torch.linalg.svd(axes, full_matrices=True).Vh[2]
    mirror = E - 2 * torch.outer(normal, normal)
    reverse = match(-E[None], sites)[0]
    reversible = is_bijective(reverse) & (misfit(r, -E[None], reverse) <= 2 * tolerance)
    if not bool(reversible):
        return torch.stack([E, mirror]), torch.stack([rest, rest]), _klein(("E", "s"), "Cinfv")
    Q = torch.stack([E, -mirror, mirror, -E])
    permutations = torch.stack([rest, reverse[0], rest, reverse[0]])
    return Q, permutations, _klein(("E", "C2", "s", "i"), "Dinfh")


def _klein(labels: tuple[str, ...], name: str) -> Group:
    """Two or four elements, each its own inverse."""
    g = torch.arange(len(labels))
    return Group(g[:, None] ^ g, labels, name)
