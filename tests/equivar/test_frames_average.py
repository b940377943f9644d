"""Frames turn with the cloud, and averages over them make any function equivariant."""

from __future__ import annotations

import pytest
import torch
from strategies import SPECIAL_ORTHOGONALS
from torch import Tensor

from equivar.frames import frame_average, gram, pca_frames
from equivar.measure import equivariance_error

CLOUD = torch.tensor(
    [[0.3, -1.2, 0.5], [-0.7, 0.4, 2.0], [1.1, 0.9, -0.8], [0.0, 0.0, 0.0]], dtype=torch.float64
)
SHIFT = torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64)


def uneven(r: Tensor) -> Tensor:
    """Knows nothing of rotations."""
    return torch.tanh(r @ torch.arange(9.0).to(r).reshape(3, 3) + 0.3).sum(dim=0)


@pytest.mark.parametrize("name", SPECIAL_ORTHOGONALS)
def test_averages_are_invariant_and_equivariant(name: str):
    R = SPECIAL_ORTHOGONALS[name]

    def move(r: Tensor) -> Tensor:
        return r @ R.mT + SHIFT

    assert equivariance_error(lambda r: frame_average(uneven, r), CLOUD, move) < 1e-12
    equivariant = equivariance_error(
        lambda r: frame_average(uneven, r, lambda g, y: g @ y), CLOUD, move, lambda y: R @ y
    )
    assert equivariant < 1e-12
    assert equivariance_error(uneven, CLOUD, move) > 0.1  # control: without frames
    if name.startswith("inverted"):  # right-handed frames tell mirror images apart
        assert (
            equivariance_error(lambda r: frame_average(uneven, r, proper=True), CLOUD, move) > 0.1
        )
    else:
        error = equivariance_error(lambda r: frame_average(uneven, r, proper=True), CLOUD, move)
        assert error < 1e-12
    assert equivariance_error(gram, CLOUD, lambda r: r @ R.mT) < 1e-14
    assert equivariance_error(gram, CLOUD, lambda r: r + SHIFT) > 0.1


def test_frames_are_orthogonal_and_all_different():
    for proper, n in ((False, 8), (True, 4)):
        frames, center = pca_frames(CLOUD, proper)
        assert frames.shape == (n, 3, 3)
        eye = torch.eye(3, dtype=torch.float64).expand_as(frames)
        torch.testing.assert_close(frames @ frames.mT, eye)
        assert len(frames.round(decimals=6).unique(dim=0)) == n
        assert (torch.linalg.det(frames) > 0).sum() == 4
        spread = ((CLOUD - center) @ frames[0]).square().sum(dim=0)
        assert bool((spread.diff() > 0).all())


def test_averages_have_gradients():
    r = CLOUD.clone().requires_grad_()
    assert torch.autograd.gradcheck(lambda r: frame_average(uneven, r), r)


@pytest.mark.parametrize(
    "bad", [torch.zeros(0, 3), torch.zeros(4, 2), torch.full((2, 3), torch.nan)]
)
def test_bad_positions_are_refused(bad: Tensor):
    with pytest.raises(ValueError, match="positions"):
        pca_frames(bad)
