"""Which points see each other, and how a distance becomes numbers for a network."""

from equivar.points.neighbours import Neighbours, displacements, lengths, neighbours
from equivar.points.radial import bessel_basis, smooth_cutoff

__all__ = [
    "Neighbours",
    "bessel_basis",
    "displacements",
    "lengths",
    "neighbours",
    "smooth_cutoff",
]
