"""Group convolution against a plain convolution of the same size, and against escnn's.

escnn 1.0.11 does not install with plain pip on a new machine: its requirement py3nj is built from
Fortran, and the compiled part of lie_learn is for NumPy 1. Both serve turns in space. For the plane
`pip install --no-deps escnn joblib` is enough, which is what `make bench` does.
"""

from __future__ import annotations

import copy
import importlib.util
import sys
import types
import warnings
from collections.abc import Callable, Iterator

import torch
from harness import Case
from torch import Tensor, nn

from equivar.group_conv import GroupConv2d
from equivar.groups import Group, cyclic, dihedral

SIZES = ((4, 16), (16, 32), (16, 64))  # images, pixels along each side
CHANNELS = 16


def plain(group: Group) -> nn.Module:
    """The convolution that the group's becomes once its filters are in place."""
    n = CHANNELS * group.order
    return nn.Sequential(nn.Flatten(1, 2), nn.Conv2d(n, n, 3, padding=1))


def escnn_layer(group: Group) -> nn.Module | None:
    """The same layer by escnn, which makes its filters at each step in training as we do."""
    if importlib.util.find_spec("escnn") is None:
        print("escnn is not there: it is left out", file=sys.stderr)
        return None
    # For turns in space escnn imports lie_learn. The plane needs none of it.
    unused = types.ModuleType("lie_learn.representations.SO3.wigner_d")
    vars(unused)["wigner_D_matrix"] = None
    sys.modules.setdefault(unused.__name__, unused)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from escnn import gspaces
        from escnn import nn as enn

        space = gspaces.rot2dOnR2(4) if group.order == 4 else gspaces.flipRot2dOnR2(4)
        fields = enn.FieldType(space, CHANNELS * [space.regular_repr])

        class Layer(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.conv = enn.R2Conv(fields, fields, kernel_size=3, padding=1)

            def forward(self, x: Tensor) -> Tensor:
                y: Tensor = self.conv(enn.GeometricTensor(x.flatten(1, 2), fields)).tensor
                return y

        return Layer()


def cases() -> Iterator[Case]:
    """Forward and backward; weights' gradients are part of the work."""
    for group in (cyclic(4), dihedral(4)):
        torch.manual_seed(0)
        width = CHANNELS * group.order
        layers: dict[str, nn.Module] = {
            "ours": GroupConv2d(CHANNELS, CHANNELS, group),
            "conv2d": plain(group),
        }
        theirs = escnn_layer(group)
        if theirs is not None:
            layers["escnn"] = theirs
        for images, pixels in SIZES:
            x = torch.randn(images, CHANNELS, group.order, pixels, pixels)
            for direction, train in (("forward", False), ("forward + backward", True)):
                works = {name: _work(layer, x, train) for name, layer in layers.items()}
                exact = {
                    name: _work(copy.deepcopy(layer).double(), x.double(), train)()
                    for name, layer in layers.items()
                }
                yield Case(
                    f"{group.name} convolution, {CHANNELS} x {group.order} channels, 3 x 3",
                    f"{images} images of {pixels} x {pixels}",
                    direction,
                    works.pop("ours"),
                    works,
                    exact,
                    flops=2.0 * images * pixels**2 * 9 * width**2 * (3 if train else 1),
                    bar=0.95,
                )


def _work(layer: nn.Module, x: Tensor, train: bool) -> Callable[[], tuple[Tensor, ...]]:
    """Layers stay in training mode: in eval mode escnn keeps its filters from the last step."""
    weights = [p for p in layer.parameters() if p.requires_grad]

    def forward() -> tuple[Tensor, ...]:
        with torch.no_grad():
            return (layer(x),)

    def backward() -> tuple[Tensor, ...]:
        leaf = x.detach().requires_grad_()
        y = layer(leaf)
        return y.detach(), *torch.autograd.grad(y.sum(), [leaf, *weights])

    return backward if train else forward
