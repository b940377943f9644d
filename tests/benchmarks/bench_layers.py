"""Layers against e3nn and cuequivariance: the same inputs, weights and layout."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator

import torch
from harness import Case
from torch import Tensor, nn

from equivar.linear import IrrepLinear
from equivar.nonlinear import Gate
from equivar.tensor_product import DepthwiseTensorProduct, TensorProduct

ROWS = (100, 1_000, 10_000)
LAYOUT = "32x0e + 32x1o + 32x2e"
FILTER = "0e + 1o + 2e"

Function = Callable[..., Tensor]


def _case(
    name: str,
    rows: int,
    f: Function,
    peers: dict[str, Function],
    widths: list[int],
    bar: float,
    back: float,
) -> Iterator[Case]:
    torch.manual_seed(0)
    inputs = [torch.randn(rows, n) for n in widths]
    grad = torch.randn_like(f(*inputs))

    def backward(f: Function) -> Callable[[], tuple[Tensor, ...]]:
        def work() -> tuple[Tensor, ...]:
            leaves = [x.detach().requires_grad_() for x in inputs]
            y = f(*leaves)
            return y.detach(), *torch.autograd.grad(y, leaves, grad)

        return work

    def forward(f: Function) -> Callable[[], Tensor]:
        def work() -> Tensor:
            with torch.no_grad():
                return f(*inputs)

        return work

    size = f"{rows:,} rows"
    for direction, wrap, least in [
        ("forward", forward, bar),
        ("forward + backward", backward, back),
    ]:
        yield Case(
            name, size, direction, wrap(f), {k: wrap(g) for k, g in peers.items()}, bar=least
        )


def _depthwise(keep: list[str] | None) -> tuple[DepthwiseTensorProduct, dict[str, Function]]:
    from e3nn import o3

    ours = DepthwiseTensorProduct(LAYOUT, FILTER, keep)
    paths = [(p.l1, p.l2, k, "uvu", True) for k, p in enumerate(ours.paths)]
    theirs = o3.TensorProduct(LAYOUT, FILTER, str(ours.irreps_out), paths, shared_weights=False)
    peers: dict[str, Function] = {"e3nn": theirs}
    try:
        import cuequivariance as cue
        import cuequivariance_torch as cuet
    except ModuleNotFoundError:
        print("cuequivariance is not installed: skipped")
        return ours, peers
    if keep is not None:  # with all irreps their blocks are in another order
        wanted = [cue.O3.from_string(name) for name in keep]
        peers["cuequivariance"] = cuet.ChannelWiseTensorProduct(
            cue.Irreps("O3", LAYOUT),
            cue.Irreps("O3", FILTER),
            wanted,
            layout=cue.mul_ir,
            shared_weights=False,
            method="naive",
        )
    return ours, peers


def cases() -> Iterator[Case]:
    """All layers; e3nn compiles its own by TorchScript, so its form here is the scripted one."""
    warnings.simplefilter("ignore")
    try:
        from e3nn import nn as enn
        from e3nn import o3
    except ModuleNotFoundError:
        print("e3nn is not installed: layers are skipped")
        return
    torch.manual_seed(0)
    linear, their_linear = IrrepLinear(LAYOUT, LAYOUT, bias=False), o3.Linear(LAYOUT, LAYOUT)
    views = their_linear.weight_views()
    for weight, view in zip(linear.weights.values(), views, strict=True):
        weight.data = view.detach().clone()
    gate = Gate("32x0e", "32x1o + 32x2e")
    silu, sigmoid = nn.functional.silu, torch.sigmoid
    their_gate = enn.Gate("32x0e", [silu], "64x0e", [sigmoid], "32x1o + 32x2e")
    full, their_full = (
        TensorProduct(LAYOUT, FILTER, LAYOUT),
        o3.FullyConnectedTensorProduct(LAYOUT, FILTER, LAYOUT),
    )
    found: dict[int, list[tuple[int, int, Tensor]]] = {}
    for i, w in zip(their_full.instructions, their_full.weight_views(), strict=True):
        found.setdefault(i.i_out, []).append((i.i_in1, i.i_in2, w.detach().flatten(0, 1)))
    for out, name in enumerate(["0e", "1o", "2e"]):
        full.weights[name].data = torch.cat(
            [w for *_, w in sorted(found[out], key=lambda f: f[:2])]
        )
    some, some_peers = _depthwise(["0e", "1o", "2e"])
    every, every_peers = _depthwise(None)
    for rows in ROWS:
        yield from _case(
            "linear layer, 32 channels, lmax 2",
            rows,
            linear,
            {"e3nn": their_linear},
            [288],
            1.7,
            1.7,
        )
        yield from _case(
            "gate, 32 channels, lmax 2", rows, gate, {"e3nn": their_gate}, [352], 1.7, 1.7
        )
        yield from _case(
            "fully connected product, 32 channels, lmax 2",
            rows,
            full,
            {"e3nn": their_full},
            [288, 9],
            1.0,
            1.0,
        )
        for name, layer, peers in [
            ("0e, 1o, 2e kept", some, some_peers),
            ("all irreps", every, every_peers),
        ]:
            title = f"depthwise product, 32 channels, lmax 2, {name}"
            yield from _case(title, rows, layer, peers, [288, 9, layer.weight_numel], 1.7, 2.5)
