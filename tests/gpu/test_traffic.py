"""The formulas for traffic are what the interpreter sees, number by number."""

from __future__ import annotations

import pytest
import torch
from comparing import numbers, random_graph

from coursetools.accesses import AccessLog, record
from equivar.kernels.convolution import convolution
from equivar.kernels.harmonics import harmonics
from equivar.kernels.paths import depthwise_paths
from equivar.kernels.products import product
from equivar.kernels.rotate import rotate
from equivar.kernels.segments import gather_sum
from equivar.kernels.traffic import (
    Traffic,
    gather_sum_traffic,
    harmonics_traffic,
    product_traffic,
    rotate_traffic,
)
from equivar.kernels.traffic_convolution import convolution_traffic


@pytest.fixture(autouse=True)
def _interpreter(device: torch.device) -> None:
    if device.type != "cpu":
        pytest.skip("loads and stores are seen in the interpreter alone")


def same(log: AccessLog, counted: Traffic, kernel: str = "") -> None:
    """The log, of one kernel if it is named, holds what was counted, and nothing is odd."""
    kept = [a for a in log.accesses if kernel in ("", a.kernel)]
    part = AccessLog(kept, log.sizes, log.item_sizes)
    assert {k: v for k, v in part.traffic().items() if v} == {
        k: v for k, v in counted.asked.items() if v
    }
    assert part.faults() == []
    assert part.races() == []
    assert counted.total == sum(part.traffic().values())
    for name in counted.least.keys() & {a.array for a in kept if a.kernel != "add_rows"}:
        touched = {e for a in kept if a.array == name for e in a.elements.tolist()}
        item = log.item_sizes[kept[0].launch, name]
        assert counted.least[name] == len(touched) * item, name
    assert counted.least_operations <= counted.operations


@pytest.mark.parametrize(("batch", "n", "dtype"), [(0, 3, 4), (1, 1, 8), (2, 131, 4)])
def test_rotations(batch: int, n: int, dtype: int, device: torch.device):
    kind = torch.float32 if dtype == 4 else torch.float64
    R, x = numbers(batch, 3, 3, device=device, dtype=kind), numbers(batch, n, 3, device=device)
    with record() as log:
        rotate(R, x.to(kind), form="triton")
    same(log, rotate_traffic(batch, n, dtype))


@pytest.mark.parametrize("form", ["triton", "triton-atomic"])
@pytest.mark.parametrize(("n_edges", "width"), [(0, 4), (1, 1), (23, 5), (40, 131)])
def test_sums(form: str, n_edges: int, width: int, device: torch.device):
    source, target = random_graph(6, 4, n_edges, device, ordered=True)
    x = numbers(6, width, device=device, dtype=torch.float32)
    with record() as log:
        gather_sum(x, source, target, 4, form)
    same(log, gather_sum_traffic(source, target, 4, width, form=form))
    exact = gather_sum_traffic(source, target, 4, width, form="torch")
    assert n_edges == 0 or exact.total > 2 * 4 * n_edges * width


@pytest.mark.parametrize("lmax", [0, 1, 4])
@pytest.mark.parametrize("n", [0, 1, 131])
def test_harmonics(n: int, lmax: int, device: torch.device):
    v = numbers(n, 3, device=device).requires_grad_()
    with record() as log:
        Y = harmonics(lmax, v, form="triton")
    same(log, harmonics_traffic(n, lmax, 8))
    if lmax:
        with record() as log:
            torch.autograd.grad(Y, v, torch.ones_like(Y))
        same(log, harmonics_traffic(n, lmax, 8, backward=True))


@pytest.mark.parametrize("degrees", [(0, 0, 0), (1, 1, 1), (2, 2, 2)])
@pytest.mark.parametrize("n", [0, 1, 131])
def test_products(n: int, degrees: tuple, device: torch.device):
    l1, l2, l3 = degrees
    x, y = (numbers(n, 2 * l + 1, device=device, dtype=torch.float32) for l in (l1, l2))
    with record() as log:
        product(x, y, l3, form="triton")
    same(log, product_traffic(n, degrees))


@pytest.mark.parametrize("n_edges", [1, 7, 35])
@pytest.mark.parametrize("irreps_in", ["2x0e + 1x1o", "33x0e"])
def test_the_fused_convolution(irreps_in: str, n_edges: int, device: torch.device):
    paths, _ = depthwise_paths(irreps_in, "0e + 1o", keep=["0e", "1o"])
    d_in, n_weights = (5 if "1o" in irreps_in else 33), sum(path.mul for path in paths)
    source, target = random_graph(3, 3, n_edges, device)
    shapes = (3, d_in), (n_edges, 4), (n_edges, n_weights)
    x, Y, w = (numbers(*shape, device=device).requires_grad_() for shape in shapes)
    counted = convolution_traffic(paths, source, target, 3, 3, item=8)
    with record() as log:
        y = convolution(x, Y, w, source, target, 3, paths, form="triton")
    same(log, counted["values"])
    for name, kernel, leaf in (
        ("by x", "sum_edges", x),
        ("by Y", "differentiate_filter", Y),
        ("by w", "differentiate_weights", w),
    ):
        with record() as log:
            torch.autograd.grad(y, leaf, torch.ones_like(y), retain_graph=True)
        same(log, counted[name], kernel)
    assert counted["torch"].total > counted["values"].least_total


def test_a_form_that_is_not_counted():
    none = torch.zeros(0, dtype=torch.int64)
    with pytest.raises(ValueError, match="expected 'triton', 'triton-atomic' or 'torch'"):
        gather_sum_traffic(none, none, 1, 1, form="bag")
