"""The loop trains, is the same run each time, and says what is wrong with its input."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from equivar.train import fit
from equivar.train.loop import descend

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


def test_no_samples_and_no_batch_are_refused() -> None:
    with pytest.raises(ValueError, match="no samples"):
        fit(nn.Linear(1, 1), [X[:0]], Y[:0], steps=1)
    with pytest.raises(ValueError, match="batch = 0"):
        fit(nn.Linear(1, 1), [X], Y, steps=1, batch=0)


def test_the_learning_rate_falls_to_zero_on_a_cosine() -> None:
    """A linear loss and one sample: Adam's steps are then as long as the learning rate."""
    for warmup in (0.0, 0.25):
        model = nn.Linear(1, 1, bias=False)
        at: list[float] = []

        def loss_of(rows: Tensor, model: nn.Linear = model, at: list[float] = at) -> Tensor:
            at.append(model.weight.item())
            return model.weight.sum()

        draw = torch.Generator().manual_seed(0)
        descend(model, loss_of, X, steps=40, batch=1, lr=0.1, generator=draw, warmup=warmup)
        at.append(model.weight.item())
        moved = torch.tensor(at[:-1]) - torch.tensor(at[1:])
        step = torch.arange(40)
        expected = 0.05 * (1 + torch.cos(torch.pi * step / 40))
        if warmup:
            expected = expected * ((step + 1) / 10).clamp(max=1)
        torch.testing.assert_close(moved, expected, rtol=1e-3, atol=1e-6)


def test_augmentation_sees_inputs_and_targets_together_and_is_reproducible() -> None:
    seen: list[Tensor] = []

    def flip(
        inputs: list[Tensor], targets: Tensor, generator: torch.Generator
    ) -> tuple[list[Tensor], Tensor]:
        sign = 2.0 * torch.randint(2, targets.shape, generator=generator) - 1
        seen.append(sign)
        return [sign * x for x in inputs], sign * targets

    def run(seed: int) -> tuple[nn.Linear, Tensor]:
        torch.manual_seed(0)
        net = nn.Linear(1, 1)
        half = X[20:]
        return net, fit(net, [half], 1 + 0 * half, steps=300, lr=0.05, seed=seed, augment=flip)

    net, losses = run(0)
    assert len({tuple(sign.flatten().tolist()) for sign in seen}) > 290  # fresh at each step
    # An odd function, since it was told so: without the flips it would answer 1 everywhere.
    torch.testing.assert_close(net(X), -net(-X), rtol=0, atol=0.1)
    torch.testing.assert_close(losses, run(0)[1], rtol=0, atol=0)
    plain = nn.Linear(1, 1)
    fit(plain, [X[20:]], 1 + 0 * X[20:], steps=300, lr=0.05)
    assert (plain(X) + plain(-X)).abs().max() > 1


def test_another_loss_trains_classes() -> None:
    torch.manual_seed(0)
    labels = (X[:, 0] > 0).long()
    net = nn.Linear(1, 2)
    fit(net, [X], labels, steps=200, lr=0.1, loss=nn.functional.cross_entropy)
    assert (net(X).argmax(dim=1) == labels).all()
