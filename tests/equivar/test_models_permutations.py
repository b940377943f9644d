"""Networks on sets, graphs and images: invariant with any weights. The controls are not."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest
import torch
from hypothesis import given
from strategies import permutations
from torch import Tensor, nn

from equivar.data import digits
from equivar.group_conv import act_on_images
from equivar.groups import cyclic, dihedral
from equivar.measure import equivariance_error
from equivar.models import (
    GraphNet,
    GroupImageNet,
    PlainGraphNet,
    PlainImageNet,
    PlainSetNet,
    SetNet,
    matched,
    parameter_count,
)

N = 6
ORDERS = [[0, 1, 2, 3, 4, 5], [1, 0, 2, 3, 4, 5], [5, 4, 3, 2, 1, 0], [1, 2, 3, 4, 5, 0]]


def pairs() -> dict[str, tuple[nn.Module, nn.Module]]:
    sets, graphs = SetNet(3, 4), GraphNet(2, 4)
    nodes, images = GraphNet(2, 4, per_node=True), GroupImageNet(cyclic(4), 1, 10)
    mirrors = GroupImageNet(dihedral(4), 1, 10)
    return {
        "sets": (sets, matched(partial(PlainSetNet, N, 3, 4), like=sets)),
        "graphs": (graphs, matched(partial(PlainGraphNet, N, 2, 4), like=graphs)),
        "nodes": (nodes, matched(lambda w: PlainGraphNet(N, 2, 4, w, per_node=True), like=nodes)),
        "images": (images, matched(partial(PlainImageNet, 1, 10), like=images)),
        "mirrors": (mirrors, matched(partial(PlainImageNet, 1, 10), like=mirrors)),
    }


@pytest.fixture(scope="module")
def nets() -> dict[str, tuple[nn.Module, nn.Module]]:
    torch.manual_seed(0)
    made = pairs()
    for pair in made.values():
        for net in pair:
            net.double().requires_grad_(False)
    return made


def centered(net: nn.Module, x: Tensor) -> Callable[[Tensor], Tensor]:
    """Less the mean answer, so that a constant does not make the error small."""
    mean = net(x).mean(0)
    return lambda x: net(x) - mean


def inputs(name: str, dtype: torch.dtype = torch.float64) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    shape = {"sets": (8, N, 3), "graphs": (8, N, N, 2), "nodes": (8, N, N, 2)}
    if name in shape:
        return torch.randn(shape[name], generator=generator).to(dtype)
    return digits().images[:8].to(dtype)


def renumber(name: str, order: Tensor, x: Tensor) -> Tensor:
    return x[:, order] if name == "sets" else x[:, order][:, :, order]


@pytest.mark.parametrize("name", ["sets", "graphs", "nodes"])
@given(order=permutations(N))
def test_renumbering(nets: dict[str, tuple[nn.Module, nn.Module]], name: str, order: Tensor):
    back = (lambda y: y[:, order]) if name == "nodes" else None
    x, net = inputs(name), nets[name][0]
    assert (
        equivariance_error(
            centered(net, x) if back is None else net, x, partial(renumber, name, order), back
        )
        < 1e-10
    )


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("name", ["sets", "graphs"])
def test_controls_and_float32(
    nets: dict[str, tuple[nn.Module, nn.Module]], name: str, order: list[int]
):
    act, x = partial(renumber, name, torch.tensor(order)), inputs(name)
    control = equivariance_error(centered(nets[name][1], x), x, act)
    assert control == 0 if order == sorted(order) else control > 0.1
    torch.manual_seed(0)
    single = {"sets": SetNet(3, 4), "graphs": GraphNet(2, 4)}[name].requires_grad_(False)
    assert equivariance_error(single, x.float(), act) < 1e-4


@pytest.mark.parametrize("name", ["images", "mirrors"])
def test_turning_digits(nets: dict[str, tuple[nn.Module, nn.Module]], name: str):
    group = cyclic(4) if name == "images" else dihedral(4)
    (ours, plain), x = nets[name], inputs(name)
    for g in range(group.order):
        act = partial(act_on_images, group, g)
        assert equivariance_error(centered(ours, x), x, act) < 1e-10
        control = equivariance_error(centered(plain, x), x, act)
        assert control == 0 if g == group.identity else control > 0.1
        single = GroupImageNet(group, 1, 10).requires_grad_(False)
        assert equivariance_error(single, x.float(), act) < 1e-4


def test_turns_alone_do_not_keep_mirror_images(nets: dict[str, tuple[nn.Module, nn.Module]]):
    x = inputs("images")
    assert equivariance_error(centered(nets["images"][0], x), x, lambda x: x.flip(-1)) > 0.1


def test_controls_are_of_equal_size():
    for ours, plain in pairs().values():
        wanted = parameter_count(ours)
        assert abs(parameter_count(plain) - wanted) < 0.05 * wanted


def test_sets_of_different_size_by_a_mask():
    net, x = SetNet(3, 4), torch.randn(2, 5, 3)
    mask = torch.tensor([[True] * 5, [True] * 3 + [False] * 2])
    torch.testing.assert_close(net(x, mask)[1], net(x[1, :3]))


def test_second_derivatives():
    for net, x in [(SetNet(2, 1, 4), torch.randn(3, 2)), (GraphNet(1, 1, 3), torch.randn(3, 3, 1))]:
        net.double()
        assert torch.autograd.gradgradcheck(net, (x.double().requires_grad_(),))


def test_controls_refuse_other_sizes():
    with pytest.raises(ValueError, match="5 elements, but this network was built for 6"):
        PlainSetNet(6, 3, 1)(torch.zeros(5, 3))
    with pytest.raises(ValueError, match=r"built for \(\.\.\., 6, 6, 1\)"):
        PlainGraphNet(6, 1, 1)(torch.zeros(5, 5, 1))
    with pytest.raises(ValueError, match=r"x has shape \(6, 2\)"):
        PlainSetNet(6, 3, 1)(torch.zeros(6, 2))
    with pytest.raises(ValueError, match="got depth = -1"):
        GraphNet(1, 1, depth=-1)
