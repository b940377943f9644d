"""Small whole networks, each beside its unconstrained control of about equal size."""

from equivar.models.energy import EnergyNet, PlainEnergyNet
from equivar.models.forces import ForceField, PlainForceField
from equivar.models.interaction import Interaction
from equivar.models.mlp import mlp, parameter_count
from equivar.models.points import EuclideanNet, PlainPointNet

__all__ = [
    "EnergyNet",
    "EuclideanNet",
    "ForceField",
    "Interaction",
    "PlainEnergyNet",
    "PlainForceField",
    "PlainPointNet",
    "mlp",
    "parameter_count",
]
