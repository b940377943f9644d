"""One network keeps the symmetries with any weights; its control keeps none of them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from strategies import SPECIAL_ORTHOGONALS, orthogonals, vectors
from torch import Tensor, nn

from equivar.data import molecules
from equivar.measure import equivariance_error
from equivar.models import EnergyNet, PlainEnergyNet, parameter_count

NUMBERS = torch.tensor([8, 1, 6, 1, 1])
SPECIES = (1, 6, 8)
CLOUD = torch.tensor(
    [[0.1, -0.4, 0.3], [1.2, 0.5, -0.7], [-0.9, 0.8, 0.2], [0.4, 1.9, 1.1], [-1.5, -0.6, 0.9]],
    dtype=torch.float64,
)
# Several clouds: one number alone may be right by accident.
BATCH = torch.stack([CLOUD, 1.3 * CLOUD, CLOUD.roll(1, -1), CLOUD.flip(0), CLOUD.roll(2, 0)])
ORDERS = [[1, 0, 2, 3, 4], [4, 3, 2, 1, 0], [2, 4, 1, 0, 3]]


def both() -> dict[str, nn.Module]:
    torch.manual_seed(0)
    zeros, scale = torch.zeros(5, 3), torch.full((5, 3), 0.3)
    nets = {
        "distances": EnergyNet(SPECIES),
        "coordinates": PlainEnergyNet(SPECIES, zeros, scale),
    }
    for net in nets.values():
        net.double().requires_grad_(False)
    return nets


NETS = both()


def energy(name: str) -> Callable[[Tensor], Tensor]:
    net = NETS[name]
    return lambda p: net(NUMBERS, p) - (0 if name == "distances" else net(NUMBERS, 0 * CLOUD))


@given(orthogonals(), vectors())
def test_distances_answer_the_same_after_any_isometry(R: Tensor, t: Tensor) -> None:
    assert equivariance_error(energy("distances"), CLOUD, lambda p: p @ R.mT + t) < 1e-12


@pytest.mark.parametrize("name", SPECIAL_ORTHOGONALS)
def test_special_elements_and_the_control_that_feels_them(name: str) -> None:
    R = SPECIAL_ORTHOGONALS[name]
    assert equivariance_error(energy("distances"), BATCH, lambda p: p @ R.mT) < 1e-12
    control = equivariance_error(energy("coordinates"), BATCH, lambda p: p @ R.mT)
    if name == "identity":
        assert control == 0
    elif "tiny" not in name:
        assert control > 0.1


def test_the_control_is_as_wrong_as_its_answers_are_large() -> None:
    worst = max(
        float(equivariance_error(energy("coordinates"), CLOUD, lambda p, R=R: p @ R.mT))
        for R in SPECIAL_ORTHOGONALS.values()
    )
    assert worst > 0.5


@pytest.mark.parametrize("order", ORDERS)
def test_relabeling(order: list[int]) -> None:
    distances, coordinates = NETS["distances"], NETS["coordinates"]
    before = distances(NUMBERS, CLOUD)
    after = distances(NUMBERS[order], CLOUD[order])
    torch.testing.assert_close(after, before, rtol=1e-12, atol=0)
    change = coordinates(NUMBERS[order], CLOUD[order]) - coordinates(NUMBERS, CLOUD)
    assert abs(change / energy("coordinates")(CLOUD)) > 0.1


@settings(max_examples=20)
@given(orthogonals())
def test_forces_turn_with_the_molecule(R: Tensor) -> None:
    def force(positions: Tensor) -> Tensor:
        positions = positions.detach().requires_grad_()
        return -torch.autograd.grad(NETS["distances"](NUMBERS, positions), positions)[0]

    def turn(v: Tensor) -> Tensor:
        return v @ R.mT

    assert equivariance_error(force, CLOUD, turn, turn) < 1e-11


def test_second_derivatives_exist() -> None:
    hessian = torch.autograd.functional.hessian(lambda p: NETS["distances"](NUMBERS, p), CLOUD)
    flat = hessian.reshape(15, 15)
    torch.testing.assert_close(flat, flat.mT)
    assert flat.abs().max() > 1e-3


@pytest.mark.parametrize("name", ["distances", "coordinates"])
def test_a_batch_is_its_members(name: str) -> None:
    batch = torch.stack([CLOUD, 2 * CLOUD, -CLOUD])
    answers = NETS[name](NUMBERS, batch)
    alone = torch.stack([NETS[name](NUMBERS, cloud) for cloud in batch])
    torch.testing.assert_close(answers, alone)
    torch.testing.assert_close(NETS[name](NUMBERS.expand(3, 5), batch), answers)
    assert NETS[name](NUMBERS, batch[:0]).shape == (0,)


def test_energies_of_separate_molecules_differ_and_elements_matter() -> None:
    other = NUMBERS.clone()
    other[0] = 6
    for net in NETS.values():
        assert abs(net(other, CLOUD) - net(NUMBERS, CLOUD)) > 1e-3


def test_float32_error_is_of_the_size_of_its_rounding() -> None:
    data = molecules("malonaldehyde")
    x = data.positions[:32].float()
    net = EnergyNet(SPECIES).requires_grad_(False)
    for R in SPECIAL_ORTHOGONALS.values():
        S = R.float()
        error = equivariance_error(lambda p: net(data.numbers, p), x, lambda p, S=S: p @ S.mT)
        assert error < 1e-5


def test_networks_of_the_lecture_have_about_equal_size() -> None:
    zeros, ones = torch.zeros(9, 3), torch.ones(9, 3)
    plain = parameter_count(PlainEnergyNet(SPECIES, zeros, ones))
    distance = parameter_count(EnergyNet(SPECIES))
    assert abs(plain - distance) < 0.02 * distance


def test_another_count_of_atoms_is_refused_with_the_reason() -> None:
    with pytest.raises(ValueError, match=r"4 atoms.*built for 5"):
        NETS["coordinates"](NUMBERS[:4], CLOUD[:4])


def test_a_coordinate_that_never_varies_is_refused() -> None:
    scale = torch.ones(5, 3)
    scale[2, 1] = 0
    with pytest.raises(ValueError, match=r"smallest scale is 0\.0"):
        PlainEnergyNet(SPECIES, torch.zeros(5, 3), scale)
