"""Recorded experiments that a reader can turn."""

from equivar.widgets.best_reachable import BestReachable
from equivar.widgets.cayley_table import CayleyTable
from equivar.widgets.debate_plane import DebatePlane
from equivar.widgets.ellipsoid_targets import EllipsoidTargets
from equivar.widgets.error_localizer import ErrorLocalizer
from equivar.widgets.feature_maps_permute import FeatureMapsPermute
from equivar.widgets.four_roads import FourRoads
from equivar.widgets.harmonics_spectrum import HarmonicsSpectrum
from equivar.widgets.kernel_steps import KernelSteps
from equivar.widgets.mirror import Mirror
from equivar.widgets.permutation_masks import PermutationMasks
from equivar.widgets.recorded import BUNDLE_MIME, Recorded
from equivar.widgets.rotation_averaging import RotationAveraging
from equivar.widgets.rotation_orbit import RotationOrbit
from equivar.widgets.tensor_ties import TensorTies

__all__ = [
    "BUNDLE_MIME",
    "BestReachable",
    "CayleyTable",
    "DebatePlane",
    "EllipsoidTargets",
    "ErrorLocalizer",
    "FeatureMapsPermute",
    "FourRoads",
    "HarmonicsSpectrum",
    "KernelSteps",
    "Mirror",
    "PermutationMasks",
    "Recorded",
    "RotationAveraging",
    "RotationOrbit",
    "TensorTies",
]
