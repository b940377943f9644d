"""One training loop, the same for every model, so that a comparison compares the models."""

from equivar.train.forces import fit_forces, predict_forces
from equivar.train.loop import fit

__all__ = ["fit", "fit_forces", "predict_forces"]
