"""The fully connected product with harmonics of edge vectors, against both forms of e3nn.

Everything from the vectors on is in the time: harmonics on their side, turns on ours. Features,
filter and result have all degrees up to lmax, with their natural parities. Both sides get the
gradients of features, vectors and weights; what is compared for accuracy are the values and the
gradients of features and vectors, as the weights are laid out differently.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from functools import partial

import torch
from harness import Case
from torch import Tensor

from equivar.irreps import Irreps
from equivar.kernels.so2 import so2_product
from equivar.so3 import spherical_harmonics
from equivar.tensor_product import TensorProduct

# e3nn keeps tens of kilobytes an edge at lmax 6; larger sizes take seconds, and the ratio stays.
SIZES = [(16, 300), (16, 1_000), (16, 3_000), (32, 1_000)]
BARS = {3: 6.0, 4: 15.0, 6: 35.0}

Product = Callable[[Tensor, Tensor], Tensor]


def _peers(lmax: int, channels: int, ours: TensorProduct) -> dict[str, tuple[Product, list]]:
    """Both forms of e3nn with our weights, and their parameters."""
    try:
        import e3nn
        from e3nn import o3
    except ModuleNotFoundError:
        print("e3nn is not installed: skipped")
        return {}
    filter = o3.Irreps.spherical_harmonics(lmax)
    layout = " + ".join(f"{channels}x{irrep}" for _, irrep in filter)
    names = [str(irrep) for _, irrep in ours.irreps_out]
    before = e3nn.get_optimization_defaults()["jit_mode"]
    peers = {}
    for name, mode in (("e3nn", before), ("e3nn scripted", "script")):
        e3nn.set_optimization_defaults(jit_mode=mode)
        theirs = o3.FullyConnectedTensorProduct(layout, filter, layout)
        e3nn.set_optimization_defaults(jit_mode=before)
        used = dict.fromkeys(names, 0)
        order = [(i.i_out, i.i_in1, i.i_in2, n) for n, i in enumerate(theirs.instructions)]
        views = list(theirs.weight_views())
        for i_out, *_, n in sorted(order):  # as our rows go
            key, view = names[i_out], views[n].detach().flatten(0, 1)
            view.copy_(ours.weights[key][used[key] : used[key] + len(view)])
            used[key] += len(view)

        def product(x: Tensor, r: Tensor, f: torch.nn.Module = theirs) -> Tensor:
            return f(x, o3.spherical_harmonics(filter, r, True, normalization="component"))

        peers[name] = product, list(theirs.parameters())
    return peers


def _backward(
    f: Product, weights: list[Tensor], x: Tensor, r: Tensor, g: Tensor
) -> tuple[Tensor, ...]:
    x, r = x.detach().requires_grad_(), r.detach().requires_grad_()
    y = f(x, r)
    by_x, by_r, *_ = torch.autograd.grad(y, [x, r, *weights], g)
    return y.detach(), by_x, by_r


@torch.no_grad()
def _forward(f: Product, x: Tensor, r: Tensor) -> Tensor:
    return f(x, r)


def _flops(lmax: int, channels: int) -> float:
    """Of the matrices of all orders, and of both turns, for one edge."""
    orders = sum((lmax + 1 - abs(m)) ** 2 for m in range(-lmax, lmax + 1))
    turns = sum((2 * l + 1) ** 2 / 4 * 2 + 4 * l * 4 for l in range(lmax + 1))
    return 2.0 * channels**2 * orders + 2 * 2 * channels * turns


def cases() -> Iterator[Case]:
    """Both forms, lmax 3, 4 and 6."""
    warnings.simplefilter("ignore")
    for lmax, bar in BARS.items():
        for channels, edges in SIZES:
            torch.manual_seed(0)
            filter = Irreps.spherical_harmonics(lmax)
            layout = Irreps([(channels, irrep) for _, irrep in filter])
            layer = TensorProduct(layout, filter, layout)
            peers = _peers(lmax, channels, layer)
            x, r = torch.randn(edges, layout.dim), torch.randn(edges, 3)
            g, weights = torch.randn(edges, layout.dim), list(layer.weights.values())
            layer.double()

            def defined(x: Tensor, r: Tensor, layer: TensorProduct = layer, lmax: int = lmax):
                return layer(x, spherical_harmonics(lmax, r))

            parts = [_backward(defined, weights, *p) for p in _split(x, r, g)]
            exact = tuple(torch.cat(part) for part in zip(*parts, strict=True))
            layer.float()
            for form, title in (("numba", "Numba"), ("torch", "PyTorch")):
                ours = partial(
                    so2_product,
                    weights=layer.weights,
                    irreps_in=layout,
                    lmax=lmax,
                    irreps_out=layout,
                    form=form,
                )
                for back in (False, True):
                    yield Case(
                        f"product with harmonics, lmax {lmax}, {channels} channels, {title}",
                        f"{edges:,} edges",
                        "forward + backward" if back else "forward",
                        partial(_backward, ours, weights, x, r, g)
                        if back
                        else partial(_forward, ours, x, r),
                        {
                            name: partial(_backward, f, own, x, r, g)
                            if back
                            else partial(_forward, f, x, r)
                            for name, (f, own) in peers.items()
                        },
                        reference=exact if back else exact[:1],
                        bytes_moved=4.0 * edges * (2 * layout.dim + 3) * (2 if back else 1),
                        flops=edges * _flops(lmax, channels) * (3 if back else 1),
                        bar=None if back or form == "torch" else bar,
                    )


def _split(*tensors: Tensor) -> Iterator[list[Tensor]]:
    """A few edges at a time, in float64: the definition writes all pairs of components."""
    for part in zip(*(tensor.double().split(100) for tensor in tensors), strict=True):
        yield list(part)
