"""Small whole networks, each beside its unconstrained control of about equal size."""

from equivar.models.energy import EnergyNet, PlainEnergyNet
from equivar.models.forces import ForceField, PlainForceField
from equivar.models.graphs import GraphNet, PlainGraphNet
from equivar.models.images import GroupImageNet, PlainImageNet
from equivar.models.interaction import Interaction
from equivar.models.matched import matched
from equivar.models.mlp import mlp, parameter_count
from equivar.models.points import EuclideanNet, PlainPointNet
from equivar.models.sets import PlainSetNet, SetNet

__all__ = [
    "EnergyNet",
    "EuclideanNet",
    "ForceField",
    "GraphNet",
    "GroupImageNet",
    "Interaction",
    "PlainEnergyNet",
    "PlainForceField",
    "PlainGraphNet",
    "PlainImageNet",
    "PlainPointNet",
    "PlainSetNet",
    "SetNet",
    "matched",
    "mlp",
    "parameter_count",
]
