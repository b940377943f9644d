"""A digit and two layers, as the tests of the feature maps' widget use them."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from equivar.data import digits
from equivar.group_conv import LiftingConv2d
from equivar.groups import cyclic
from equivar.widgets.feature_maps_permute import FeatureMapsPermute

PIXELS = 12
IMAGE = torch.nn.functional.pad(digits("test").images[2:3], (2, 2, 2, 2))
_DRAW = torch.Generator().manual_seed(0)
_FILTER, _FOUR = (torch.randn(n, 1, 3, 3, generator=_DRAW) for n in (1, 4))


def group(x: Tensor) -> Tensor:
    layer = LiftingConv2d(1, 1, cyclic(4)).requires_grad_(False)
    layer.weight.copy_(_FILTER.reshape(1, 1, 1, 9))
    return layer(x)[:, 0].relu()


def plain(x: Tensor) -> Tensor:
    return torch.nn.functional.conv2d(x, _FOUR, padding=1).relu()


MODELS = {"plain CNN": plain, "C4": group}


def digit_maps(**changes: Any) -> FeatureMapsPermute:
    """Record it, with some arguments exchanged."""
    given = {"image": IMAGE, "models": MODELS}
    return FeatureMapsPermute.record(**{**given, **changes})
