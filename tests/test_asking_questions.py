"""What lecture 12 fits: features that turn, a fit that is exact, and 24 frames of each molecule."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch

from equivar.features import transform
from equivar.rotations import random_orthogonal, random_rotations

sys.path.insert(0, str(Path(__file__).parent.parent / "book" / "experiments"))
import asking_questions as asking

X, Z, NAMES = asking.molecules()
ROUND = {"atol": 1e-11, "rtol": 1e-11}


@pytest.mark.parametrize("l", [0, 1, 2])
def test_features_turn_and_know_no_order(l: int) -> None:
    law, Q = f"{l}{'eo'[l % 2]}", random_orthogonal(1, torch.Generator().manual_seed(1))[0]
    for k in (1, 40, 399):
        found = asking.pair_features(Z[k], X[k], l)
        assert found.shape == (150, 2 * l + 1)
        turned = asking.pair_features(Z[k], X[k] @ Q.mT + 3, l)
        torch.testing.assert_close(turned, transform(law, Q, found), **ROUND)
        order = torch.randperm(len(Z[k]), generator=torch.Generator().manual_seed(k))
        torch.testing.assert_close(asking.pair_features(Z[k][order], X[k][order], l), found)
    assert asking.pair_features(Z[399], X[399], l).norm() > 0.1


def test_a_fit_finds_weights_that_made_the_targets() -> None:
    draw = torch.Generator().manual_seed(0)
    F = torch.randn(80, 6, 5, generator=draw, dtype=torch.float64)
    w = torch.randn(6, generator=draw, dtype=torch.float64)
    y = torch.einsum("nkd,k->nd", F, w)
    torch.testing.assert_close(asking.weights(F, y, ridge=0.0), w)
    assert min(asking.explained(F, y)) > 1 - 1e-8
    assert max(asking.explained(F, torch.randn(80, 5, generator=draw).double())) < 0.2


def test_what_is_explained_of_whole_tensors_is_that_of_its_parts() -> None:
    """An answer with the right trace and nothing else, and one that is all right but the trace."""
    a = asking.column("published")
    trace = a.diagonal(dim1=1, dim2=2).mean(dim=1)[:, None, None] * torch.eye(3).double()
    whole = (a - trace.mean(dim=0)).square().sum()
    right = 1 - ((a - trace).square().sum() / whole).item()
    assert asking.explained_whole([1.0], [0.0], a) == pytest.approx([right])
    assert asking.explained_whole([0.0], [1.0], a) == pytest.approx([1 - right])


def test_the_frames_are_right_handed_and_turn_along() -> None:
    R = random_rotations(1, torch.Generator().manual_seed(2))[0]
    k = NAMES.index("CC=O")  # three different moments
    frames = asking.charge_frames(Z[k], X[k])
    assert frames.shape == (24, 3, 3)
    torch.testing.assert_close(frames @ frames.mT, torch.eye(3).double().expand(24, 3, 3))
    assert torch.linalg.det(frames).min() > 0.999
    turned = asking.charge_frames(Z[k], X[k] @ R.mT)
    gap = torch.cdist((R @ frames).flatten(1), turned.flatten(1)).min(dim=1).values
    assert gap.max() < 1e-10


def test_a_tensor_in_its_frame_is_found_again() -> None:
    a = asking.column("recomputed")[:30]
    frames = torch.stack([asking.charge_frames(Z[k], X[k]) for k in range(30)])
    inside = frames[:, 7].mT @ a @ frames[:, 7]  # as a program would print it
    torch.testing.assert_close(asking.nearest(inside, frames, asking.five(a)), asking.five(a))
    fixed = asking.chosen_by_fit(inside, frames, lambda now: asking.five(a))
    torch.testing.assert_close(fixed, asking.five(a))
    assert (asking.five(inside) - asking.five(a)).norm() > 0.5 * asking.five(a).norm()


def test_five_networks_end_where_symmetry_lets_them() -> None:
    """An arrow for six points on three axes: nothing but zero can be answered."""
    points = torch.diag(torch.tensor([3.0, 2.0, 1.0], dtype=torch.float64))
    cloud, arrow = torch.cat([points, -points]), torch.tensor([[1.0, 0, 0]], dtype=torch.float64)
    ones = torch.ones(6, 1, dtype=torch.float64)
    losses, size = asking.train_five([ones], [cloud], arrow, "1o", 2, cutoff=8.0)
    assert losses == pytest.approx([1 / 3] * 5, abs=1e-12)
    assert size > 500
