"""Networks on points in space: what they keep, what they must not keep, and their derivatives."""

from __future__ import annotations

from collections.abc import Callable

import jaxtyping
import pytest
import torch
from hypothesis import given, settings
from strategies import SPECIAL_ORTHOGONALS, SPECIAL_ROTATIONS, orthogonals, vectors
from torch import Tensor, nn

from equivar.features import transform
from equivar.irreps import Irreps
from equivar.measure import equivariance_error
from equivar.models import EuclideanNet, ForceField, PlainPointNet
from equivar.point_conv import PointConv, edge_features
from equivar.points import displacements, neighbours

OUT = "2x0e + 0o + 1o + 1e + 2e"
HIDDEN = "6x0e + 3x0o + 4x1o + 3x1e + 3x2e + 2x2o"
ORDERS = [[1, 0, 2, 3, 4], [4, 3, 2, 1, 0], [2, 4, 1, 0, 3]]
# No two atoms alike, no mirror plane; the bond lengths are those of a molecule.
CLOUD = torch.tensor(
    [[0.1, -0.4, 0.3], [1.2, 0.5, -0.7], [-0.9, 0.8, 0.2], [0.4, 1.9, 1.1], [-1.5, -0.6, 0.9]],
    dtype=torch.float64,
)
NUMBERS = torch.tensor([8, 1, 6, 1, 1])
CELL = torch.tensor([[3.1, 0.0, 0.0], [0.4, 2.9, 0.0], [-0.3, 0.5, 3.3]], dtype=torch.float64)


def net(parity: bool = True, seed: int = 0) -> EuclideanNet:
    torch.manual_seed(seed)
    out, hidden = (OUT, HIDDEN) if parity else (OUT.replace("o", "e"), HIDDEN.replace("o", "e"))
    made = EuclideanNet("2x0e + 1o", out, hidden, layers=3, lmax=2, parity=parity, cutoff=4.0)
    return made.double().requires_grad_(False)


def field(**settings: object) -> ForceField:
    torch.manual_seed(0)
    options = {"irreps_hidden": "6x0e + 4x1o + 3x2e", "cutoff": 3.0, "n_neighbours": 4.0}
    return ForceField((1, 6, 8), **(options | settings)).double()


NET = net()
X = torch.randn(5, 5, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
LAW_IN = "2x0e + 1o"


def together(model: Callable[[Tensor, Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    """Features and positions side by side, so that one action turns both."""
    return lambda z: model(z[:, :5], z[:, 5:])


def act_in(R: Tensor, t: Tensor | float = 0.0) -> Callable[[Tensor], Tensor]:
    return lambda z: torch.cat([transform(LAW_IN, R, z[:, :5]), z[:, 5:] @ R.T + t], dim=1)


def out(R: Tensor, law: str = OUT) -> Callable[[Tensor], Tensor]:
    return lambda y: transform(law, R, y)


Z = torch.cat([X, CLOUD], dim=1)


@given(orthogonals(), vectors())
@settings(deadline=None, max_examples=20)
def test_any_isometry(R: Tensor, t: Tensor):
    assert equivariance_error(together(NET), Z, act_in(R, t), out(R)) < 1e-10


@pytest.mark.parametrize("R", SPECIAL_ORTHOGONALS.values(), ids=SPECIAL_ORTHOGONALS)
def test_special_elements(R: Tensor):
    assert equivariance_error(together(NET), Z, act_in(R), out(R)) < 1e-10


def test_float32_and_coordinates_as_the_control():
    R = SPECIAL_ORTHOGONALS["inverted quarter turn about [1, 1, 1]"].float()
    single = net().float()
    assert equivariance_error(together(single), Z.float(), act_in(R), out(R)) < 1e-4
    torch.manual_seed(0)
    plain = PlainPointNet(5, n_in=5, n_out=Irreps(OUT).dim)
    control = lambda z: plain(z[:, 5:], z[:, :5])  # noqa: E731
    assert equivariance_error(control, Z.float(), act_in(R), out(R)) > 0.1


@pytest.mark.parametrize("order", ORDERS)
def test_renumbering(order: list[int]):
    torch.testing.assert_close(NET(X[order], CLOUD[order]), NET(X, CLOUD), atol=1e-12, rtol=1e-10)
    torch.manual_seed(0)
    plain = PlainPointNet(5).double()
    assert (plain(CLOUD[order]) - plain(CLOUD)).abs().max() > 0.1 * plain(CLOUD).abs().max()


def test_mirror_images_have_opposite_pseudoscalars_and_equal_scalars():
    mirror = SPECIAL_ORTHOGONALS["inverted half turn about [0, 0, 1]"]
    seen = NET(X, CLOUD), together(NET)(act_in(mirror)(Z))
    scalars, pseudoscalar = ([y[0, part] for y in seen] for part in (slice(0, 2), slice(2, 3)))
    torch.testing.assert_close(*scalars, atol=1e-12, rtol=1e-10)
    torch.testing.assert_close(pseudoscalar[0], -pseudoscalar[1], atol=1e-12, rtol=1e-10)
    assert pseudoscalar[0].abs() > 1e-3 * scalars[0].abs().max()  # so it tells them apart


@pytest.mark.parametrize("R", SPECIAL_ROTATIONS.values(), ids=SPECIAL_ROTATIONS)
def test_without_parity_it_keeps_rotations(R: Tensor):
    law = OUT.replace("o", "e")
    turn = lambda z: torch.cat([transform("2x0e + 1e", R, z[:, :5]), z[:, 5:] @ R.T], 1)  # noqa: E731
    model = EuclideanNet(
        "2x0e + 1e", law, HIDDEN.replace("o", "e"), layers=3, lmax=2, parity=False, cutoff=4.0
    )
    error = equivariance_error(together(model.double()), Z, turn, out(R, law))
    assert error < 1e-10


def test_without_parity_it_does_not_keep_inversion():
    """A network that is told of rotations alone must not be equivariant to more."""
    torch.manual_seed(0)
    model = EuclideanNet("2x0e + 1e", "4x0e", HIDDEN.replace("o", "e"), 3, 2, False, 4.0).double()
    found, mirrored = model(X, CLOUD), model(X, -CLOUD)
    assert (found - mirrored).abs().max() > 0.1 * found.abs().max()


def test_a_convolution_and_edges_that_were_not_turned():
    torch.manual_seed(0)
    layer = PointConv(LAW_IN, OUT, lmax=2, n_radial=6).double()
    edges = neighbours(CLOUD, 4.0)

    def conv(z: Tensor, vectors: Tensor | None = None) -> Tensor:
        if vectors is None:
            vectors = displacements(z[:, 5:], edges.source, edges.target)
        Y, radial = edge_features(vectors, 2, 6, 4.0)
        return layer(z[:, :5], Y, radial, edges.source, edges.target)

    for R in SPECIAL_ORTHOGONALS.values():
        assert equivariance_error(conv, Z, act_in(R), out(R)) < 1e-10
    R = SPECIAL_ORTHOGONALS["quarter turn about [1, 1, 1]"]
    forgotten = lambda z: conv(z, edges.vectors)  # noqa: E731
    assert equivariance_error(forgotten, Z, act_in(R), out(R)) > 0.1


@given(orthogonals(), vectors())
@settings(deadline=None, max_examples=20)
def test_energy_stands_still_and_forces_turn(R: Tensor, t: Tensor):
    model = field().requires_grad_(False)
    energy, forces = model.energy_and_forces(NUMBERS, CLOUD)
    moved, turned = model.energy_and_forces(NUMBERS, CLOUD @ R.T + t)
    torch.testing.assert_close(moved, energy, atol=1e-10, rtol=1e-10)
    torch.testing.assert_close(turned, forces @ R.T, atol=1e-10, rtol=1e-10)


@pytest.mark.parametrize("R", SPECIAL_ORTHOGONALS.values(), ids=SPECIAL_ORTHOGONALS)
def test_a_crystal_turns_with_its_cell(R: Tensor):
    model = field().requires_grad_(False)
    energy, forces = model.energy_and_forces(NUMBERS, CLOUD, CELL)
    assert forces.norm() > 0.1
    moved, turned = model.energy_and_forces(NUMBERS, CLOUD @ R.T, CELL @ R.T)
    torch.testing.assert_close(moved, energy, atol=1e-10, rtol=1e-10)
    torch.testing.assert_close(turned, forces @ R.T, atol=1e-9, rtol=1e-9)


def test_a_crystal_does_not_feel_which_image_an_atom_is():
    model = field().requires_grad_(False)
    shifts = torch.tensor([[0, 1, 0], [2, 0, 0], [0, 0, -1], [0, 0, 0], [1, 1, 1]]).double()
    images = CLOUD + shifts @ CELL
    _, forces = model.energy_and_forces(NUMBERS, CLOUD, CELL)
    _, found = model.energy_and_forces(NUMBERS, images, CELL)
    torch.testing.assert_close(found, forces, atol=1e-9, rtol=1e-9)
    _, without_cell = model.energy_and_forces(NUMBERS, images)
    assert (without_cell - forces).norm() > 0.1 * forces.norm()


@pytest.mark.parametrize("settings", [{}, {"irreps_hidden": "6x0e"}], ids=["vectors", "scalars"])
def test_a_batch_is_its_members(settings: dict[str, object]):
    model = field(**settings).requires_grad_(False)
    clouds, batch = [CLOUD, 1.2 * CLOUD[:3]], torch.tensor([0] * 5 + [1] * 3)
    numbers = torch.cat([NUMBERS, NUMBERS[:3]])
    alone = torch.cat([model(NUMBERS[: len(cloud)], cloud) for cloud in clouds])
    torch.testing.assert_close(model(numbers, torch.cat(clouds), batch=batch), alone)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_no_atoms_one_atom_and_two_in_one_place(dtype: torch.dtype):
    model = field().to(dtype)
    nothing = torch.zeros(0, 3, dtype=dtype)
    assert model(NUMBERS[:0], nothing).tolist() == [0.0]
    energy, forces = model.energy_and_forces(NUMBERS[:1], nothing.new_zeros(1, 3))
    assert torch.isfinite(energy).all()
    assert not forces.any()
    together = CLOUD[[0, 1, 1, 2, 3]].to(dtype)
    energy, forces = model.energy_and_forces(NUMBERS, together)
    assert torch.isfinite(energy).all()
    assert torch.isfinite(forces).all()
    forces.square().sum().backward()
    assert all(torch.isfinite(p.grad).all() for p in model.parameters() if p.grad is not None)


def test_clouds_that_are_empty_or_coincide():
    assert NET(X[:0], CLOUD[:0]).shape == (1, Irreps(OUT).dim)
    one_place = NET(X[:, :2].repeat(1, 3)[:, :5] * torch.tensor([1.0, 1, 0, 0, 0]), 0 * CLOUD)
    assert torch.isfinite(one_place).all()
    torch.testing.assert_close(one_place[0, 2:], torch.zeros(12).double(), atol=1e-12, rtol=0)


def test_energies_by_finite_differences_twice():
    model = field(irreps_hidden="3x0e + 2x1o + 2e", n_radial=4, radial_hidden=(6,))
    model.requires_grad_(False)
    edges = neighbours(CLOUD[:4], 3.0)
    energy = lambda p: model(NUMBERS[:4], p, edges=edges)  # noqa: E731
    positions = CLOUD[:4].clone().requires_grad_()
    assert torch.autograd.gradcheck(energy, (positions,))
    assert torch.autograd.gradgradcheck(energy, (positions,))


def test_a_training_step_on_forces_by_finite_differences():
    model = field(irreps_hidden="3x0e + 2x1o + 2e", n_radial=4, radial_hidden=(6,))
    weight = model.layers[0].conv.radial[0]

    def loss() -> Tensor:
        return model.energy_and_forces(NUMBERS, CLOUD)[1].square().sum()

    (slope,) = torch.autograd.grad(loss(), weight)
    with torch.no_grad():
        direction = torch.randn_like(weight)
        step = 1e-5 * direction
        weight += step
        above = loss()
        weight -= 2 * step
        below = loss()
        weight += step
    found = (above - below) / 2e-5
    torch.testing.assert_close((slope * direction).sum(), found, rtol=1e-6, atol=1e-8)


def test_without_numba_energies_forces_and_training_are_the_same(monkeypatch: pytest.MonkeyPatch):
    def step() -> list[Tensor]:
        model = field()
        energy, forces = model.energy_and_forces(NUMBERS, CLOUD)
        loss = energy.square().sum() + forces.square().sum()
        grads = torch.autograd.grad(loss, list(model.parameters()), allow_unused=True)
        return [energy, forces, *(g for g in grads if g is not None)]

    fast = step()
    monkeypatch.setattr("equivar.kernels.forms.has_numba", lambda: False)
    for found, expected in zip(step(), fast, strict=True):
        torch.testing.assert_close(found, expected, atol=1e-11, rtol=1e-11)


@pytest.mark.parametrize("what", ["energy", "cloud"])
def test_compiled_models_answer_the_same(what: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)  # its checks do not trace
    torch._dynamo.reset()
    model: nn.Module = field().requires_grad_(False) if what == "energy" else NET
    compiled = torch.compile(model, backend="eager")
    inputs = (NUMBERS, CLOUD) if what == "energy" else (X, CLOUD)
    torch.testing.assert_close(compiled(*inputs), model(*inputs), atol=1e-11, rtol=1e-11)
