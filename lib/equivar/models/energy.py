"""A molecule's energy from distances, and the control that reads coordinates."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from equivar._checks import check_axes, check_finite
from equivar._shapes import Float, Int
from equivar.frames import one_hot, pairwise_distances, radial_features
from equivar.models.mlp import mlp

__all__ = ["EnergyNet", "PlainEnergyNet"]


def _check_molecules(numbers: Tensor, positions: Tensor) -> None:
    check_axes("positions", positions, "n", 3)
    check_axes("numbers", numbers, positions.shape[-2])
    check_finite("positions", positions)
    batch, given = positions.shape[:-2], numbers.shape[:-1]
    if len(given) > len(batch) or any(
        g not in (1, b) for g, b in zip(given[::-1], batch[::-1], strict=False)
    ):
        raise ValueError(
            f"numbers have shape {tuple(numbers.shape)} and positions {tuple(positions.shape)}; "
            "expected one list of numbers for all molecules, or one for each"
        )


class EnergyNet(nn.Module):
    r"""A molecule's energy from its distances and elements: invariant by construction.

    Each atom sums a learned function of its distance to every other atom and of both elements; a
    small network turns the sum into that atom's share of the energy,

    $$E = \sum_i \rho\Big(z_i, a(z_i) \odot \sum_{j \neq i} b(z_j) \odot W e(|r_i - r_j|)\Big).$$

    Rotation, reflection and translation keep every distance, and relabeling only reorders the two
    sums. So the answer cannot change, whatever the weights are. (The sums are evaluated in another
    order, which moves the last digit.) What it cannot see: handedness, since mirror images have the
    same distances.

    Args:
        species: the atomic numbers that may occur, in any order.
        width: units of each hidden layer.
        n_radial: how many Gaussians describe a distance. Energies change over hundredths of an
            angstrom; with too few Gaussians the network learns slowly.
        cutoff: the center of the last Gaussian, in angstrom.

    Example:
        >>> net = EnergyNet(species=(1, 8))
        >>> water = torch.tensor([[[0.0, 0.0, 0.0], [0.8, 0.6, 0.0], [-0.8, 0.6, 0.0]]])
        >>> net(torch.tensor([8, 1, 1]), water).shape
        torch.Size([1])
        >>> torch.testing.assert_close(
        ...     net(torch.tensor([8, 1, 1]), -water), net(torch.tensor([8, 1, 1]), water)
        ... )

    Source:
        Behler and Parrinello, Phys. Rev. Lett. 98, 146401 (2007), for the sum over atoms; Schütt et
        al., SchNet, J. Chem. Phys. 148, 241722 (2018), for the filter learned from Gaussians.
    """

    species: Tensor

    def __init__(
        self,
        species: tuple[int, ...],
        width: int = 48,
        n_radial: int = 64,
        cutoff: float = 4.0,
    ) -> None:
        super().__init__()
        self.n_radial, self.cutoff = n_radial, cutoff
        self.register_buffer("species", torch.tensor(species))
        self.filter = nn.Linear(n_radial, width)
        self.here = nn.Linear(len(species), width, bias=False)
        self.there = nn.Linear(len(species), width, bias=False)
        self.atom = mlp(width + len(species), width, 1)

    def forward(
        self, numbers: Int[Tensor, "*#batch n"], positions: Float[Tensor, "*batch n 3"]
    ) -> Float[Tensor, "*batch"]:
        """Predict the energy.

        Args:
            numbers: atomic numbers, one list for all molecules or one list for each.
            positions: in angstrom.

        Returns:
            One number a molecule, in the unit of the targets it was trained on.

        Raises:
            ValueError: for an element that is not among the species.
        """
        _check_molecules(numbers, positions)
        element = one_hot(numbers, self.species).to(positions)
        n = positions.shape[-2]
        # Each pair once: the distance is the same both ways, and the filter is the costly part.
        i, j = torch.triu_indices(n, n, offset=1, device=positions.device)
        distances = pairwise_distances(positions)[..., i, j]
        filters = self.filter(radial_features(distances, self.n_radial, self.cutoff))
        there = self.there(element)
        environment = positions.new_zeros((*positions.shape[:-1], filters.shape[-1]))
        environment = environment.index_add(-2, i, filters * there[..., j, :])
        environment = environment.index_add(-2, j, filters * there[..., i, :])
        environment = environment * self.here(element)
        element = element.expand(*environment.shape[:-1], element.shape[-1])
        energies: Tensor = self.atom(torch.cat([environment, element], dim=-1))
        return energies.squeeze(-1).sum(dim=-1)


class PlainEnergyNet(nn.Module):
    """A molecule's energy from the table of its coordinates: the unconstrained control.

    It reads the numbers in the order in which memory holds them, so it depends on the coordinate
    system, on the origin, and on the labels of the atoms. Nothing forbids it to learn otherwise;
    nothing tells it to.

    Its inputs are shifted and scaled by fixed numbers, usually the mean and the standard deviation
    of each coordinate over the training data: without them it learns far more slowly.

    Args:
        species: the atomic numbers that may occur, in any order.
        center: subtracted from the positions, in angstrom; its length sets the number of atoms.
        scale: what they are then divided by, in angstrom, above 0.
        width: units of each hidden layer.
        activation: the class of the nonlinearity. Tanh is bounded, so answers far from the training
            data stay of the size of those that were learned; SiLU's grow with the input.

    Raises:
        ValueError: for a scale that is not positive.

    Example:
        >>> net = PlainEnergyNet((1, 8), center=torch.zeros(3, 3), scale=torch.ones(3, 3))
        >>> net(torch.tensor([8, 1, 1]), torch.zeros(5, 3, 3)).shape
        torch.Size([5])
    """

    species: Tensor
    center: Tensor
    scale: Tensor

    def __init__(
        self,
        species: tuple[int, ...],
        center: Float[Tensor, "n 3"],
        scale: Float[Tensor, "n 3"],
        width: int = 54,
        activation: type[nn.Module] = nn.Tanh,
    ) -> None:
        super().__init__()
        if not bool((scale > 0).all()):
            raise ValueError(
                f"the smallest scale is {scale.min().item()}, but each coordinate is divided by "
                "its scale; a coordinate that never varies in the data needs a scale set by hand"
            )
        self.n_atoms = len(center)
        self.register_buffer("species", torch.tensor(species))
        self.register_buffer("center", center)
        self.register_buffer("scale", scale)
        self.net = mlp(self.n_atoms * (3 + len(species)), width, width, 1, activation=activation)

    def forward(
        self, numbers: Int[Tensor, "*#batch n"], positions: Float[Tensor, "*batch n 3"]
    ) -> Float[Tensor, "*batch"]:
        """Predict the energy.

        Args:
            numbers: atomic numbers, one list for all molecules or one list for each.
            positions: in angstrom.

        Returns:
            One number a molecule, in the unit of the targets it was trained on.

        Raises:
            ValueError: for an element that is not among the species, or another count of atoms.
        """
        _check_molecules(numbers, positions)
        if positions.shape[-2] != self.n_atoms:
            raise ValueError(
                f"positions of shape {tuple(positions.shape)} have {positions.shape[-2]} atoms, "
                f"but this network was built for {self.n_atoms}: its first layer has one weight "
                "for each coordinate of each atom"
            )
        element = one_hot(numbers, self.species).to(positions)
        element = element.expand(*positions.shape[:-1], element.shape[-1])
        inputs = (positions - self.center) / self.scale
        table = torch.cat([inputs, element], dim=-1).flatten(start_dim=-2)
        energies: Tensor = self.net(table)
        return energies.squeeze(-1)
