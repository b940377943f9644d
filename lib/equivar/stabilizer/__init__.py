"""The symmetry that an input has, and what it forbids.

A molecule that looks the same after a rotation is fixed by it. An equivariant function must then
give an output that is fixed as well: f(x) = f(g x) = g f(x). So the symmetry of the input, its
stabilizer, says before any training what a model can answer at all.
"""

from equivar.stabilizer.find import Stabilizer, point_group, stabilizer
from equivar.stabilizer.reachable import best_reachable, equivalent_answers, images
from equivar.stabilizer.subspace import describe, invariant_subspace
from equivar.stabilizer.tensors import invariant_tensors

__all__ = [
    "Stabilizer",
    "best_reachable",
    "describe",
    "equivalent_answers",
    "images",
    "invariant_subspace",
    "invariant_tensors",
    "point_group",
    "stabilizer",
]
