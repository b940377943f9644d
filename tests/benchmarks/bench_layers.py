"""Layers against e3nn and cuequivariance: the same inputs, weights and layout.

Both forms of e3nn: as it runs by default, and compiled by TorchScript. Weights that a layer owns
get gradients as in training, on both sides; what is compared for accuracy are values and the
gradients of the inputs. The harness measures with two allocators, since ours and theirs write
results of tens of megabytes, whose fresh pages cost as much as the arithmetic.
"""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from harness import Case
from torch import Tensor, nn

from equivar.kernels.depthwise import depthwise
from equivar.linear import IrrepLinear
from equivar.nonlinear import Gate
from equivar.tensor_product import DepthwiseTensorProduct, TensorProduct

ROWS = (100, 1_000, 10_000)
LAYOUT = "32x0e + 32x1o + 32x2e"
FILTER = "0e + 1o + 2e"

Function = Callable[..., Tensor]


@dataclass(frozen=True)
class Layer:
    """One layer, and the same by others."""

    name: str
    ours: Function
    peers: dict[str, Function]
    widths: list[int]  # of the inputs
    bars: tuple[float, float]  # forward, forward + backward
    exact: Function | None = None  # in float64; None where the peers' definition differs
    flops: float | None = None  # for one row, forward


def _backward(f: Function, inputs: list[Tensor], grad: Tensor) -> tuple[Tensor, ...]:
    leaves = [x.detach().requires_grad_() for x in inputs]
    own = list(f.parameters()) if isinstance(f, nn.Module) else []
    y = f(*leaves)
    found = torch.autograd.grad(y, [*leaves, *own], grad)
    return y.detach(), *found[: len(leaves)]


@torch.no_grad()
def _forward(f: Function, inputs: list[Tensor]) -> Tensor:
    return f(*inputs)


def _case(layer: Layer, rows: int) -> Iterator[Case]:
    torch.manual_seed(0)
    inputs = [torch.randn(rows, n) for n in layer.widths]
    grad = torch.randn_like(layer.ours(*inputs))
    numbers = sum(x.numel() for x in inputs) + grad.numel()
    exact = None
    if layer.exact is not None:
        exact = _backward(layer.exact, [x.double() for x in inputs], grad.double())
    for direction, bar in zip(("forward", "forward + backward"), layer.bars, strict=True):
        back = direction != "forward"

        def work(f: Function, back: bool = back) -> Callable[[], Any]:
            return partial(_backward, f, inputs, grad) if back else partial(_forward, f, inputs)

        yield Case(
            layer.name,
            f"{rows:,} rows",
            direction,
            work(layer.ours),
            {name: work(f) for name, f in layer.peers.items()},
            reference=exact if back or exact is None else exact[:1],
            bytes_moved=4 * (2 * numbers if back else numbers),
            flops=None if layer.flops is None else layer.flops * rows * (3 if back else 1),
            bar=bar,
        )


def _scripted(make: Callable[[], nn.Module], like: nn.Module) -> nn.Module:
    """The same module of e3nn, compiled by TorchScript."""
    import e3nn

    before = e3nn.get_optimization_defaults()["jit_mode"]
    e3nn.set_optimization_defaults(jit_mode="script")
    module = make()
    e3nn.set_optimization_defaults(jit_mode=before)
    module.load_state_dict(like.state_dict())
    return module


def _linear() -> Layer:
    from e3nn import o3

    make = partial(o3.Linear, LAYOUT, LAYOUT)
    ours, theirs = IrrepLinear(LAYOUT, LAYOUT, bias=False), make()
    for weight, view in zip(ours.weights.values(), theirs.weight_views(), strict=True):
        weight.data = view.detach().clone()
    peers = {"e3nn": theirs, "e3nn scripted": _scripted(make, theirs)}
    exact = copy.deepcopy(ours).double()
    name, flops = "linear layer, 32 channels, lmax 2", 2 * 32 * 32 * 9
    return Layer(name, ours, peers, [288], (1.7, 1.7), exact, flops)


def _gate() -> Layer:
    from e3nn import nn as enn
    from e3nn.util import jit

    ours = Gate("32x0e", "32x1o + 32x2e")
    silu, sigmoid = nn.functional.silu, torch.sigmoid
    theirs = enn.Gate("32x0e", [silu], "64x0e", [sigmoid], "32x1o + 32x2e")
    peers = {"e3nn": theirs, "e3nn scripted": jit.script(copy.deepcopy(theirs))}
    # no reference: e3nn samples its constants, and they differ from the integrals in digit 3
    return Layer("gate, 32 channels, lmax 2", ours, peers, [352], (1.7, 1.7))


def _full() -> Layer:
    from e3nn import o3

    make = partial(o3.FullyConnectedTensorProduct, LAYOUT, FILTER, LAYOUT)
    ours, theirs = TensorProduct(LAYOUT, FILTER, LAYOUT), make()
    found: dict[int, list[tuple[int, int, Tensor]]] = {}
    for i, w in zip(theirs.instructions, theirs.weight_views(), strict=True):
        found.setdefault(i.i_out, []).append((i.i_in1, i.i_in2, w.detach().flatten(0, 1)))
    for out, name in enumerate(["0e", "1o", "2e"]):
        parts = sorted(found[out], key=lambda part: part[:2])
        ours.weights[name].data = torch.cat([w for *_, w in parts])
    peers = {"e3nn": theirs, "e3nn scripted": _scripted(make, theirs)}
    exact = copy.deepcopy(ours).double()
    flops = sum(2 * len(w) * 32 * (2 * l + 1) for l, w in enumerate(ours.weights.values()))
    name = "fully connected product, 32 channels, lmax 2"
    return Layer(name, ours, peers, [288, 9], (1.0, 1.0), exact, flops)


def _depthwise(keep: list[str] | None) -> Iterator[Layer]:
    from e3nn import o3

    layer = DepthwiseTensorProduct(LAYOUT, FILTER, keep)
    paths = [(p.l1, p.l2, k, "uvu", True) for k, p in enumerate(layer.paths)]
    out = str(layer.irreps_out)
    make = partial(o3.TensorProduct, LAYOUT, FILTER, out, paths, shared_weights=False)
    theirs = make()
    peers: dict[str, Function] = {"e3nn": theirs, "e3nn scripted": _scripted(make, theirs)}
    try:
        import cuequivariance as cue
        import cuequivariance_torch as cuet
    except ModuleNotFoundError:
        print("cuequivariance is not installed: skipped")
    else:
        if keep is not None:  # with all irreps their blocks are in another order
            peers["cuequivariance"] = cuet.ChannelWiseTensorProduct(
                cue.Irreps("O3", LAYOUT),
                cue.Irreps("O3", FILTER),
                [cue.O3.from_string(name) for name in keep],
                layout=cue.mul_ir,
                shared_weights=False,
                method="naive",
            )
    kept = "all irreps" if keep is None else f"{', '.join(keep)} kept"
    widths = [288, 9, layer.weight_numel]
    forms = {name: partial(depthwise, paths=layer.paths, form=name) for name in ("torch", "numba")}
    exact = partial(depthwise, paths=layer.paths, form="einsum")
    for form, title in [("torch", "PyTorch"), ("numba", "Numba")]:
        name = f"depthwise product, 32 channels, lmax 2, {kept}, {title}"
        yield Layer(name, forms[form], peers, widths, (1.7, 2.5), exact)


def cases() -> Iterator[Case]:
    """All layers."""
    warnings.simplefilter("ignore")
    try:
        import e3nn  # noqa: F401
    except ModuleNotFoundError:
        print("e3nn is not installed: layers are skipped")
        return
    torch.manual_seed(0)
    layers = [_linear(), _gate(), _full(), *_depthwise(["0e", "1o", "2e"]), *_depthwise(None)]
    for layer in layers:
        for rows in ROWS:
            yield from _case(layer, rows)
