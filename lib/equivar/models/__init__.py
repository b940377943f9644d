"""Small whole networks, each beside its unconstrained control of about equal size."""

from equivar.models.energy import EnergyNet, PlainEnergyNet
from equivar.models.mlp import mlp, parameter_count

__all__ = ["EnergyNet", "PlainEnergyNet", "mlp", "parameter_count"]
