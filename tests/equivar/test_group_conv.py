"""Group convolution: exact where pixels go to pixels, of stated error where they do not."""

from __future__ import annotations

import math
from functools import partial

import jaxtyping
import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d

from equivar.group_conv import (
    GroupConv2d,
    GroupPool,
    LiftingConv2d,
    act_on_features,
    act_on_images,
    polygon_matrices,
)
from equivar.group_conv.bank import filter_bank
from equivar.groups import Group, cyclic, dihedral, symmetric
from equivar.measure import equivariance_error
from equivar.representations import check_representation

GROUPS = [cyclic(1), cyclic(2), cyclic(4), dihedral(1), dihedral(2), dihedral(4)]
ids = [g.name for g in GROUPS]
EIGHT = [cyclic(8), dihedral(8)]


def network(group: Group, size: int = 3, dtype: torch.dtype = torch.float64) -> nn.Sequential:
    torch.manual_seed(0)
    layers = [LiftingConv2d(2, 3, group, size), nn.ReLU(), GroupConv2d(3, 2, group, size)]
    for layer in layers[::2]:
        nn.init.normal_(layer.bias)  # zero at first, and would hide
    return nn.Sequential(*layers).to(dtype).requires_grad_(False)


def images(*shape: int, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(1)).to(dtype)


def exact(group: Group) -> list[int]:
    """The elements that take pixels to pixels."""
    n = group.order if group.name[0] == "C" else group.order // 2
    return [g for g in range(group.order) if 4 * (g % n) % n == 0]


@pytest.mark.parametrize("group", [*GROUPS, *EIGHT, dihedral(3)], ids=lambda g: g.name)
def test_matrices_multiply_as_the_table_says(group: Group):
    check_representation(polygon_matrices(group), group)
    inverted = polygon_matrices(group).mT  # multiplies in the other order
    if not group.is_abelian:
        with pytest.raises(ValueError, match="differs from"):
            check_representation(inverted, group)


@pytest.mark.parametrize("group", [cyclic(4), dihedral(4)], ids=["C4", "D4"])
def test_matrices_move_points_where_images_go(group: Group):
    picture = images(5, 5)
    y, x = torch.meshgrid(torch.arange(2.0, -3, -1), torch.arange(-2.0, 3), indexing="ij")
    points = torch.stack([x, y], dim=-1).double()
    for g, matrix in enumerate(polygon_matrices(group)):
        column, row = (points @ matrix.mT).round().long().unbind(-1)
        moved = act_on_images(group, g, picture)
        torch.testing.assert_close(moved[2 - row, column + 2], picture)


@pytest.mark.parametrize("group", GROUPS, ids=ids)
def test_actions_are_actions(group: Group):
    x, y = images(1, 4, 5), images(group.order, 4, 5)
    for g in range(group.order):
        for h in range(group.order):
            gh = group.multiply(g, h)
            twice = act_on_images(group, g, act_on_images(group, h, x))
            assert torch.equal(twice, act_on_images(group, gh, x))
            twice = act_on_features(group, g, act_on_features(group, h, y))
            assert torch.equal(twice, act_on_features(group, gh, y))


@pytest.mark.parametrize("group", [*GROUPS, *EIGHT], ids=lambda g: g.name)
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("size", [5, 4])
def test_turns_and_reflections_of_the_grid_are_exact(group: Group, dtype: torch.dtype, size: int):
    if group in EIGHT and size == 4:
        return
    net, x = network(group, size, dtype), images(2, 2, 7, 9, dtype=dtype)
    for g in exact(group):
        error = equivariance_error(
            net, x, partial(act_on_images, group, g), partial(act_on_features, group, g)
        )
        assert error < (1e-10 if dtype == torch.float64 else 1e-4)


def test_a_plain_convolution_is_the_control():
    x, kernel = images(2, 2, 7, 7), images(4, 2, 3, 3)
    for g in range(dihedral(4).order):
        act = partial(act_on_images, dihedral(4), g)
        error = equivariance_error(lambda x: conv2d(x, kernel), x, act, act)
        assert error == 0 if g == 0 else error > 0.1


def test_a_smaller_group_does_not_keep_the_rest():
    x, turned = images(2, 2, 7, 7), lambda y: y.rot90(1, (-2, -1))
    maps = nn.Sequential(network(cyclic(2)), GroupPool("mean"))
    quarter = equivariance_error(maps, x, turned, turned)
    assert quarter > 0.1


@pytest.mark.parametrize("group", [cyclic(4), dihedral(4)], ids=["C4", "D4"])
def test_the_definition_written_out(group: Group):
    """One output at a time, by the formula: another way to the same numbers."""
    layer = GroupConv2d(2, 1, group).double()
    x = images(1, 2, group.order, 3, 3)
    middle = layer(x)[0, 0, :, 1, 1]
    psi = layer.weight[0].unflatten(-1, (3, 3))  # (n_in, order, 3, 3)
    for h in range(group.order):
        moved = psi[:, group.table[group.inverse(h)]]  # psi(., h^-1 k)
        moved = act_on_images(group, h, moved)  # psi(h^-1 ., h^-1 k)
        torch.testing.assert_close(middle[h], (moved * x[0]).sum())


def waves(angle: float, shortest: float, size: int = 21) -> Tensor:
    """Images that are known everywhere, turned before they are sampled."""
    generator = torch.Generator().manual_seed(0)
    radius, direction, phase = torch.rand(3, 300, 8, 1, 1, generator=generator).double()
    k = 2 * math.pi / shortest * radius.sqrt()
    x = torch.arange(size).double() - (size - 1) / 2
    y = -x[:, None]
    direction = 2 * math.pi * direction + angle
    wave = k * direction.cos() * x + k * direction.sin() * y + 2 * math.pi * phase
    return wave.cos().sum(1, keepdim=True)


@pytest.mark.parametrize("size", [5, 7])
def test_the_error_of_45_degrees_is_what_the_docstring_says(size: int):
    group = cyclic(8)
    errors = []
    for _ in range(3):
        layer = LiftingConv2d(1, 4, group, size).double().requires_grad_(False)
        before, after = (layer(waves(a, 4.0))[..., 10, 10] for a in (0.0, math.pi / 4))
        turned = before[..., group.table[group.inverse(1)]]
        errors.append(float((after - turned).norm() / turned.norm()))
        assert (after - before).norm() / before.norm() > 0.1  # what no turn at all would give
    assert 0.01 < sum(errors) / 3 < 0.03


@pytest.mark.parametrize("kind", ["max", "mean"])
def test_pooling_over_group_and_pixels_is_invariant(kind: str):
    maps, x = nn.Sequential(network(dihedral(4)), GroupPool(kind)), images(2, 2, 7, 7)
    for g in range(8):
        act = partial(act_on_images, dihedral(4), g)
        assert equivariance_error(maps, x, act, act) < 1e-10
        assert equivariance_error(lambda x: maps(x).mean((-2, -1)), x, act) < 1e-10


@pytest.mark.parametrize(("kernel", "pixels", "padding"), [(3, 9, 1), (2, 8, 0), (3, 7, 0)])
def test_a_stride_is_exact_where_the_steps_fit(kernel: int, pixels: int, padding: int):
    layer = LiftingConv2d(2, 3, cyclic(4), kernel, stride=2, padding=padding).double()
    layer.requires_grad_(False)
    error = equivariance_error(
        layer,
        images(1, 2, pixels, pixels),
        lambda x: x.rot90(1, (-2, -1)),
        lambda y: act_on_features(cyclic(4), 1, y),
    )
    assert error < 1e-10


def test_a_stride_on_an_even_image_would_not_be_equivariant():
    """What the check refuses, done by hand: the filter is symmetric, so the grid is to blame."""
    kernel = images(1, 1, 3, 3)
    kernel = sum((kernel.rot90(k, (-2, -1)) for k in range(4)), start=torch.zeros(()))
    turn = lambda x: x.rot90(1, (-2, -1))  # noqa: E731
    errors = [
        equivariance_error(
            lambda x: conv2d(x, kernel, stride=2, padding=1), images(1, 1, n, n), turn, turn
        )
        for n in (9, 8)
    ]
    assert errors[0] < 1e-10
    assert errors[1] > 0.1
    with pytest.raises(ValueError, match=r"height of 8 pixels .* in steps of 2: 1 would be left"):
        LiftingConv2d(1, 1, cyclic(4), 3, stride=2)(images(1, 1, 8, 8, dtype=torch.float32))


@pytest.mark.parametrize("group", [dihedral(4), cyclic(8)], ids=["D4", "C8"])
def test_second_derivatives(group: Group):
    size = 5 if group.name == "C8" else 3
    layer = GroupConv2d(1, 1, group, size, padding=0).double()
    x = images(1, 1, group.order, size, size).requires_grad_()

    def f(x: Tensor, weight: Tensor) -> Tensor:
        return torch.func.functional_call(layer, {"weight": weight}, (x,)).square()

    assert torch.autograd.gradcheck(f, (x, layer.weight), fast_mode=True)
    assert torch.autograd.gradgradcheck(f, (x, layer.weight), fast_mode=True)


def test_compiles_as_one_graph(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)  # its checks do not trace
    torch._dynamo.reset()
    net, x = network(dihedral(4)), images(2, 2, 7, 7)
    compiled = torch.compile(net, backend="eager", fullgraph=True)
    torch.testing.assert_close(compiled(x), net(x))


def test_empty_batches_and_sizes_of_outputs():
    net = network(dihedral(4))
    assert net(images(0, 2, 7, 7)).shape == (0, 2, 8, 7, 7)
    x = torch.randn(8, 64, 16, 16)
    y = LiftingConv2d(64, 64, cyclic(4), padding=0)(x)
    assert 0.8 < y.var() < 1.2
    assert 0.8 < GroupConv2d(64, 32, cyclic(4), padding=0)(y).var() / y.var() < 1.2


def test_bad_input_is_refused_with_the_reason():
    with pytest.raises(ValueError, match=r"expected cyclic\(n\) or dihedral\(n\)"):
        LiftingConv2d(1, 1, symmetric(3))
    with pytest.raises(ValueError, match="kernel_size is 3; turns by 45 degrees"):
        GroupConv2d(1, 1, cyclic(8), 3)
    with pytest.raises(ValueError, match="turns by 45 degrees"):
        act_on_images(cyclic(8), 1, images(3, 3))
    with pytest.raises(ValueError, match=r"expected \(batch, 2, height, width\)"):
        network(cyclic(4))(images(1, 3, 7, 7))
    with pytest.raises(ValueError, match=r"expected \(batch, 2, 4, height, width\)"):
        GroupConv2d(2, 1, cyclic(4))(images(1, 2, 8, 7, 7, dtype=torch.float32))
    with pytest.raises(ValueError, match="does not fit"):
        LiftingConv2d(2, 1, cyclic(4), 5, padding=0)(images(1, 2, 3, 9, dtype=torch.float32))
    with pytest.raises(ValueError, match="expected \\(batch, channels, order"):
        GroupPool()(images(1, 2, 8, 7))
    with pytest.raises(ValueError, match="kind='sum'"):
        GroupPool("sum")


@pytest.mark.parametrize("group", [cyclic(4), dihedral(4), cyclic(8)], ids=["C4", "D4", "C8"])
def test_the_gradient_of_the_bank_is_that_of_the_gather(group: Group):
    layer = GroupConv2d(2, 3, group, 5).double()
    given = (layer.filters, layer.places, layer.uses, group.order, 5)
    bank = filter_bank(layer.weight, *given)
    gradient = images(*bank.shape)
    (actual,) = torch.autograd.grad(bank, layer.weight, gradient)
    # Under a transform of torch.func PyTorch derives it itself.
    _, pull_back = torch.func.vjp(lambda w: filter_bank(w, *given), layer.weight.detach())
    torch.testing.assert_close(actual, pull_back(gradient)[0])


def test_sizes_that_make_no_layer_are_refused():
    for bad in ({"n_in": 0}, {"n_out": -1}, {"kernel_size": 0}, {"stride": 0}, {"padding": -1}):
        sizes = {"n_in": 1, "n_out": 1} | bad
        with pytest.raises(ValueError, match=f"got {next(iter(bad))} = "):
            LiftingConv2d(group=cyclic(4), **sizes)
        with pytest.raises(ValueError, match=f"got {next(iter(bad))} = "):
            GroupConv2d(group=cyclic(4), **sizes)
