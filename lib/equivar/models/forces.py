"""Interatomic potentials: energy and forces from elements and positions, and their control."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from equivar._checks import check_finite
from equivar._shapes import Float, Int
from equivar.frames import one_hot
from equivar.irreps import Irrep, Irreps
from equivar.linear import IrrepLinear
from equivar.models.interaction import interactions
from equivar.models.mlp import mlp
from equivar.models.points import pool_points
from equivar.point_conv import edge_features
from equivar.points import Neighbours, displacements, neighbours

__all__ = ["ForceField", "PlainForceField"]


class ForceField(nn.Module):
    r"""The energy of atoms, and with it their forces, for molecules and crystals alike.

    $$E = \sum_i \big( \epsilon_{z_i} + \sigma\, h(x_i) \big), \qquad F = -\nabla E$$

    The features x of an atom come from its surroundings by equivariant messages; its energy h reads
    the scalars among them. The energy is invariant, so the forces rotate with the atoms, add up to
    zero, and conserve the energy, whatever the weights are. With `lmax=0` and scalars alone it is
    an invariant network: messages are functions of distances, and angles reach it only through
    later layers. Mirror images have the same energy, as they have in nature.

    Args:
        species: the atomic numbers that may occur, in any order.
        irreps_hidden: the features between layers.
        layers: how often atoms look at their surroundings.
        lmax: the largest degree of the filters; None for that of the hidden features.
        cutoff: atoms farther apart than this do not see each other, in angstrom.
        n_radial: how many numbers describe a distance.
        radial_hidden: the widths of the networks that read it.
        n_neighbours: the typical number of neighbors of an atom.
        scale: sigma, the size of an atom's share of the energy, in eV; the root mean square of the
            forces in the training data serves well.
        shift: epsilon, the energy of an atom of each species, in eV; it adds no force.

    Raises:
        ValueError: no even scalars among the hidden irreps, or as many shifts as species missing.

    >>> _ = torch.manual_seed(0)
    >>> water, numbers = torch.tensor([[0.0, 0, 0], [0.8, 0.6, 0], [-0.8, 0.6, 0]]), [8, 1, 1]
    >>> model = ForceField(species=(1, 8), irreps_hidden="8x0e + 4x1o", layers=2)
    >>> energy, forces = model.energy_and_forces(torch.tensor(numbers), water)
    >>> energy.shape, forces.shape, bool(forces.sum(dim=0).norm() < 1e-5 < forces.norm())
    (torch.Size([1]), torch.Size([3, 3]), True)

    Source:
        Behler and Parrinello, Phys. Rev. Lett. 98, 146401 (2007), for the sum over atoms; Batzner
        et al., NequIP, arXiv:2101.03164, for the messages.
    """

    species: Tensor
    scale: Tensor
    shift: Tensor

    def __init__(
        self,
        species: tuple[int, ...],
        irreps_hidden: Irreps | str = "32x0e + 16x1o + 8x2e",
        layers: int = 2,
        lmax: int | None = None,
        cutoff: float = 5.0,
        n_radial: int = 8,
        radial_hidden: tuple[int, ...] = (32,),
        n_neighbours: float = 12.0,
        scale: float = 1.0,
        shift: tuple[float, ...] | None = None,
    ) -> None:
        super().__init__()
        hidden = Irreps(irreps_hidden)
        n_scalars = hidden.count("0e")
        if n_scalars == 0:
            raise ValueError(
                f"irreps_hidden is {hidden}; expected some 0e: energies are read there"
            )
        shift = (0.0,) * len(species) if shift is None else shift
        if len(shift) != len(species):
            raise ValueError(
                f"got {len(shift)} shifts for {len(species)} species; expected one each"
            )
        self.lmax = hidden.lmax if lmax is None else lmax
        self.cutoff, self.n_radial = cutoff, n_radial
        self.register_buffer("species", torch.tensor(species))
        self.register_buffer("scale", torch.tensor(float(scale), dtype=torch.float64))
        self.register_buffer("shift", torch.tensor(shift, dtype=torch.float64))
        scalars = Irreps([(n_scalars, Irrep(0, 1))])
        self.embedding = IrrepLinear(Irreps([(len(species), Irrep(0, 1))]), scalars, bias=False)
        self.layers = interactions(
            scalars,
            hidden,
            "0e",
            layers,
            Irreps.spherical_harmonics(self.lmax),
            n_radial,
            radial_hidden,
            n_neighbours,
        )
        self.head = mlp(n_scalars, n_scalars, 1)

    def forward(
        self,
        numbers: Int[Tensor, " n"],
        positions: Float[Tensor, "n 3"],
        cell: Float[Tensor, "*graphs 3 3"] | None = None,
        batch: Int[Tensor, " n"] | None = None,
        edges: Neighbours | None = None,
    ) -> Float[Tensor, " n_graphs"]:
        """The energy of each molecule or cell.

        Args:
            numbers: atomic numbers.
            positions: in angstrom.
            cell: rows are lattice vectors, in angstrom; one for all, or one for each graph. None:
                molecules.
            batch: the molecule of each atom, from 0. None: one.
            edges: neighbors that were found before; their vectors are computed again from the
                positions. None: they are searched.

        Returns:
            Tensor (n_graphs,), in eV; differentiable in positions and cell, to any order.

        Raises:
            ValueError: an element that is not among the species, or what `neighbours` refuses.
        """
        element = one_hot(numbers, self.species).to(positions)
        if edges is None:
            edges = neighbours(positions, self.cutoff, cell, batch=batch)
            vectors = edges.vectors
        else:
            vectors = displacements(
                positions, edges.source, edges.target, edges.shifts, cell, batch
            )
        pair, first = edges.pairs
        Y, radial = edge_features(vectors, self.lmax, self.n_radial, self.cutoff, first)
        x = self.embedding(element * len(self.species) ** 0.5)
        for layer in self.layers:
            x = layer(x, Y, radial, edges.source, edges.target, pair)
        atoms = self.head(x) * self.scale.to(x) + (element @ self.shift.to(element))[:, None]
        return pool_points(atoms, batch, "sum").squeeze(-1)

    def energy_and_forces(
        self,
        numbers: Int[Tensor, " n"],
        positions: Float[Tensor, "n 3"],
        cell: Float[Tensor, "*graphs 3 3"] | None = None,
        batch: Int[Tensor, " n"] | None = None,
        edges: Neighbours | None = None,
        create_graph: bool | None = None,
    ) -> tuple[Float[Tensor, " n_graphs"], Float[Tensor, "n 3"]]:
        """The energy of each molecule, and the force on each atom, minus its gradient.

        Args:
            numbers: as in `forward`, and so are the others.
            positions: in angstrom.
            cell: rows are lattice vectors.
            batch: the molecule of each atom.
            edges: neighbors that were found before.
            create_graph: whether the forces can be differentiated again, as a loss on forces has
                to be. None: in training mode.

        Returns:
            Energies (n_graphs,) in eV and forces (n, 3) in eV/angstrom.
        """
        create_graph = self.training if create_graph is None else create_graph
        with torch.enable_grad():
            if not positions.requires_grad:
                positions = positions.detach().requires_grad_()
            energy = self(numbers, positions, cell, batch, edges)
            (gradient,) = torch.autograd.grad(
                energy.sum(), positions, create_graph=create_graph, materialize_grads=True
            )
        return (energy if create_graph else energy.detach()), -gradient


class PlainForceField(nn.Module):
    """Forces from the table of standardized coordinates: the unconstrained control.

    It answers the forces themselves, not an energy, and they rotate with the atoms only as far as
    it has learned from turned examples.

    Args:
        center: (n, 3) subtracted from the positions, in angstrom.
        scale: (n, 3) or a number; what they are then divided by, in angstrom, above 0.
        width: units of each of two hidden layers.
        unit: the answers are multiplied by it, in eV/angstrom.
        activation: the class of the nonlinearity.

    Raises:
        ValueError: for a scale that is not positive.

    >>> net = PlainForceField(torch.zeros(3, 3), torch.ones(3, 3), width=16)
    >>> net(torch.randn(5, 3, 3)).shape
    torch.Size([5, 3, 3])
    """

    center: Tensor
    scale: Tensor

    def __init__(
        self,
        center: Float[Tensor, "n 3"],
        scale: Float[Tensor, "n 3"],
        width: int = 64,
        unit: float = 1.0,
        activation: type[nn.Module] = nn.SiLU,
    ) -> None:
        super().__init__()
        if not bool((scale > 0).all()):
            raise ValueError(
                f"the smallest scale is {scale.min().item()}, but each coordinate is divided by "
                "its scale; a coordinate that never varies in the data needs a scale set by hand"
            )
        self.unit = unit
        self.register_buffer("center", center)
        self.register_buffer("scale", scale)
        self.net = mlp(center.numel(), width, width, center.numel(), activation=activation)

    def forward(self, positions: Float[Tensor, "*batch n 3"]) -> Float[Tensor, "*batch n 3"]:
        """Predict the forces.

        Args:
            positions: in angstrom.

        Returns:
            Tensor of the same shape, in eV/angstrom.

        Raises:
            ValueError: for another number of atoms, or a position that is not finite.
        """
        if positions.shape[-2:] != self.center.shape:
            raise ValueError(
                f"positions have shape {tuple(positions.shape)}; expected (..., "
                f"{len(self.center)}, 3): this network has one weight for each coordinate of each "
                "atom"
            )
        check_finite("positions", positions)
        inputs = (positions - self.center) / self.scale
        out: Tensor = self.net(inputs.flatten(start_dim=-2))
        return out.unflatten(-1, self.center.shape) * self.unit
