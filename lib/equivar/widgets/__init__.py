"""Recorded experiments that a reader can turn."""

from equivar.widgets.harmonics_spectrum import HarmonicsSpectrum
from equivar.widgets.recorded import BUNDLE_MIME, Recorded
from equivar.widgets.rotation_orbit import RotationOrbit

__all__ = ["BUNDLE_MIME", "HarmonicsSpectrum", "Recorded", "RotationOrbit"]
