"""Group convolution against a plain convolution of the same size, and against escnn's.

escnn 1.0.11 does not install with plain pip where there is no Fortran compiler: its requirement
py3nj is built from Fortran. It is not needed for the plane, so
`pip install --no-deps escnn pymanopt autograd joblib lie_learn` is enough for this file.
"""

from __future__ import annotations

import importlib.util
import sys
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


def escnn_layer(group: Group) -> Callable[[Tensor], Tensor] | None:
    """The same layer by escnn, which makes its filters at each step in training as we do."""
    if importlib.util.find_spec("escnn") is None:
        print("escnn is not there: it is left out", file=sys.stderr)
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from escnn import gspaces
        from escnn import nn as enn

        space = gspaces.rot2dOnR2(4) if group.order == 4 else gspaces.flipRot2dOnR2(4)
        fields = enn.FieldType(space, CHANNELS * [space.regular_repr])
        layer = enn.R2Conv(fields, fields, kernel_size=3, padding=1)

    def apply(x: Tensor) -> Tensor:
        y: Tensor = layer(enn.GeometricTensor(x.flatten(1, 2), fields)).tensor
        return y

    apply.layer = layer  # type: ignore[attr-defined]
    return apply


def cases() -> Iterator[Case]:
    """Forward and backward; weights' gradients are part of the work."""
    for group in (cyclic(4), dihedral(4)):
        torch.manual_seed(0)
        ours, conv = GroupConv2d(CHANNELS, CHANNELS, group), plain(group)
        peers: dict[str, tuple[Callable[[Tensor], Tensor], nn.Module]] = {"conv2d": (conv, conv)}
        theirs = escnn_layer(group)
        if theirs is not None:
            peers["escnn"] = (theirs, theirs.layer)  # type: ignore[attr-defined]
        for images, pixels in SIZES:
            x = torch.randn(images, CHANNELS, group.order, pixels, pixels)
            for direction, train in (("forward", False), ("forward + backward", True)):
                yield Case(
                    f"{group.name} convolution, {CHANNELS} x {group.order} channels, 3 x 3",
                    f"{images} images of {pixels} x {pixels}",
                    direction,
                    _work(ours, ours, x, train),
                    {k: _work(f, module, x, train) for k, (f, module) in peers.items()},
                    flops=2.0
                    * images
                    * pixels**2
                    * 9
                    * (CHANNELS * group.order) ** 2
                    * (3 if train else 1),
                    bar=0.95,
                )


def _work(
    f: Callable[[Tensor], Tensor], module: nn.Module, x: Tensor, train: bool
) -> Callable[[], tuple[Tensor, ...]]:
    def forward() -> tuple[Tensor, ...]:
        module.train()  # in eval mode escnn keeps its filters from the last step
        with torch.no_grad():
            return (f(x),)

    def backward() -> tuple[Tensor, ...]:
        module.train()
        leaf = x.detach().requires_grad_()
        y = f(leaf)
        weights = [p for p in module.parameters() if p.requires_grad]
        return y.detach(), *torch.autograd.grad(y.sum(), [leaf, *weights])

    return backward if train else forward
