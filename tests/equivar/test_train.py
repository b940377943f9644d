"""The loop trains, is the same run each time, and says what is wrong with its input."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from equivar.train import fit

X = torch.linspace(-1, 1, 40).unsqueeze(-1)
Y = torch.sin(3 * X)


def trained(seed: int) -> tuple[nn.Module, torch.Tensor]:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(1, 16), nn.Tanh(), nn.Linear(16, 1))
    return net, fit(net, [X], Y, steps=400, batch=16, lr=0.03, seed=seed)


def test_it_learns_a_sine() -> None:
    net, losses = trained(seed=0)
    assert losses[0] > 0.1
    assert (net(X) - Y).square().mean() < 1e-2
    assert not net.training


def test_the_same_seed_is_the_same_run_and_another_is_another() -> None:
    torch.testing.assert_close(trained(seed=1)[1], trained(seed=1)[1], rtol=0, atol=0)
    assert not torch.equal(trained(seed=1)[1], trained(seed=2)[1])


def test_the_last_step_is_small() -> None:
    net = nn.Linear(1, 1)
    torch.manual_seed(0)
    before = fit(net, [X], Y, steps=300, lr=0.1)
    weights = [p.clone() for p in net.parameters()]
    assert len(before) == 300
    fit(net, [X], Y, steps=0)
    for p, w in zip(net.parameters(), weights, strict=True):
        torch.testing.assert_close(p, w, rtol=0, atol=0)


def test_inputs_of_another_length_are_refused() -> None:
    with pytest.raises(ValueError, match=r"\[39\] samples and targets of 40"):
        fit(nn.Linear(1, 1), [X[1:]], Y, steps=1)


def test_a_loss_that_is_not_finite_stops_with_the_step() -> None:
    with pytest.raises(FloatingPointError, match="at step 0"):
        fit(nn.Linear(1, 1), [X / 0], Y, steps=3)
