r"""Convolution over a finite group of image symmetries: shifts, and turns and reflections too.

A group acts on images by $(g \cdot f)(x) = f(g^{-1} x)$: x points right and y up from the middle
of the image, turns are counter-clockwise, as in `torch.rot90`, and the reflection $s$ takes y to
-y, as in `torch.flip` of the rows. Features carry one more axis, a value for each group element
(batch, channels, order, height, width), and the group acts on it too:
$(g \cdot F)(x, h) = F(g^{-1} x, g^{-1} h)$.

A layer learns one filter and applies it in all its positions, so it costs what a plain convolution
with as many channels costs. Quarter turns and reflections of the square grid move pixels to
pixels: they are exact. A turn by 45 degrees is not a symmetry of the grid; there filters are
smooth functions that are sampled anew for each turn, and equivariance holds up to the error of
that sampling (see `LiftingConv2d`).

What tests with quarter turns do not show: with a stride, an image whose last rows the filter never
reaches is sampled off its middle, and the layer is not equivariant. The layers refuse such sizes.
"""

from equivar.group_conv.actions import (
    act_on_features,
    act_on_images,
    polygon_matrices,
    turn_images,
)
from equivar.group_conv.layers import GroupConv2d, GroupPool, LiftingConv2d

__all__ = [
    "GroupConv2d",
    "GroupPool",
    "LiftingConv2d",
    "act_on_features",
    "act_on_images",
    "polygon_matrices",
    "turn_images",
]
