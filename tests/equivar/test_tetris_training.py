"""One orientation in training, all orientations in test; and what too small a network cannot do."""

from __future__ import annotations

import math
from functools import cache

import pytest
import torch
from torch import Tensor, nn

from equivar.data import tetris
from equivar.models import EuclideanNet, PlainPointNet
from equivar.rotations import random_orthogonal, random_rotations
from equivar.train import fit

POSITIONS, LABELS = tetris()


class Scores(nn.Module):
    """Eight scores: s + o and s - o for the mirror images, if there is a pseudoscalar o."""

    def __init__(self, parity: bool, layers: int, out: str) -> None:
        super().__init__()
        torch.manual_seed(2)
        hidden = "8x0e + 8x0o + 8x1o + 8x1e" if parity else "8x0e + 8x1e"
        options = {"cutoff": 3.5, "n_radial": 6, "radial_hidden": (16,), "n_neighbours": 3.0}
        self.net = EuclideanNet("0e", out, hidden, layers, 1, parity, **options)
        self.double()

    def forward(self, positions: Tensor) -> Tensor:
        clouds, n, _ = positions.shape
        batch = torch.arange(clouds).repeat_interleave(n)
        y = self.net(positions.new_ones(clouds * n, 1), positions.flatten(0, 1), batch=batch)
        if y.shape[1] == 8 and self.net.irreps_out.count("0o"):
            return torch.cat([y[:, :1] + y[:, 7:], y[:, :1] - y[:, 7:], y[:, 1:7]], dim=1)
        return y


@cache
def trained(parity: bool, layers: int, out: str, withheld: bool = False) -> tuple[Scores, float]:
    net, loss = Scores(parity, layers, out), nn.functional.cross_entropy
    rows = torch.tensor([0, 2, 3, 4, 5, 6, 7]) if withheld else LABELS
    return net, fit(net, [POSITIONS[rows]], rows, steps=60, lr=0.05, loss=loss)[-1].item()


def accuracy(net: nn.Module, n: int = 200) -> float:
    R = random_rotations(n, generator=torch.Generator().manual_seed(0))
    turned = torch.einsum("rij,snj->rsni", R, POSITIONS).flatten(0, 1)
    with torch.no_grad():
        return (net(turned).argmax(dim=1) == LABELS.repeat(n)).double().mean().item()


@pytest.mark.parametrize(("parity", "out"), [(True, "7x0e + 0o"), (False, "8x0e")])
def test_three_layers_name_every_shape_in_every_orientation(parity: bool, out: str) -> None:
    net, _ = trained(parity, 3, out)
    assert accuracy(net) == 1.0


@pytest.mark.parametrize(
    ("parity", "layers", "out"),
    [(True, 2, "7x0e + 0o"), (False, 2, "8x0e"), (True, 3, "8x0e")],
    ids=["O(3), two layers", "SO(3), two layers", "no pseudoscalar"],
)
def test_mirror_images_look_alike_to_what_has_no_pseudoscalar(
    parity: bool, layers: int, out: str
) -> None:
    net, loss = trained(parity, layers, out)
    with torch.no_grad():
        scores, mirrored = net(POSITIONS), net(-POSITIONS)
    torch.testing.assert_close(scores, mirrored, rtol=0, atol=1e-10 * scores.abs().max().item())
    torch.testing.assert_close(scores[0], scores[1], rtol=0, atol=1e-10 * scores.abs().max().item())
    assert accuracy(net) == 7 / 8
    assert loss >= 2 / 8 * math.log(2) - 1e-9  # two shapes of eight share their scores


def test_a_mirror_image_that_was_never_shown_is_named() -> None:
    net, _ = trained(True, 3, "7x0e + 0o", withheld=True)
    swapped = [1, 0, *range(2, 8)]
    with torch.no_grad():
        mirrored = net(-POSITIONS)[:, swapped]
        torch.testing.assert_close(mirrored, net(POSITIONS), rtol=0, atol=1e-9)
    assert accuracy(net) == 1.0


def test_scores_do_not_know_of_rotations_and_translations() -> None:
    net, _ = trained(True, 3, "7x0e + 0o")
    Q = random_orthogonal(6, generator=torch.Generator().manual_seed(3))
    proper = Q * torch.linalg.det(Q)[:, None, None]
    half_turn = torch.diag(torch.tensor([-1.0, -1.0, 1.0]).double())
    with torch.no_grad():
        scores = net(POSITIONS)
        for g in (*proper, half_turn, torch.eye(3).double()):
            torch.testing.assert_close(net(POSITIONS @ g.mT + 0.3), scores, rtol=0, atol=1e-9)
        control = net(-POSITIONS)  # a mirror is no rotation
        assert (control - scores)[:2].norm() > 0.1 * scores[:2].norm()


def test_the_control_has_learned_one_orientation_and_nothing_else() -> None:
    torch.manual_seed(0)
    net = PlainPointNet(4, n_out=8).double()
    fit(net, [POSITIONS], LABELS, steps=300, lr=3e-3, loss=nn.functional.cross_entropy)
    assert (net(POSITIONS).argmax(dim=1) == LABELS).all()
    assert accuracy(net) < 0.4
