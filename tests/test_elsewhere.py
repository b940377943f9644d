"""Code that names no device, on one that is not there: it runs, and finds the CPU's numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from coursetools import elsewhere
from coursetools.elsewhere import Elsewhere

from .pretended import FAR, Far, PretendedDevice

MAKES: dict[str, Callable[[], Tensor]] = {
    "tensor": lambda: torch.tensor([1.0, 2.0]),
    "as_tensor": lambda: torch.as_tensor(np.arange(3.0)),
    "eye": lambda: torch.eye(3),
    "arange": lambda: torch.arange(4),
    "randn": lambda: torch.randn(3),
    "with a generator": lambda: torch.randn(3, generator=torch.Generator().manual_seed(1)),
    "randperm": lambda: torch.randperm(5),
    "rand_like": lambda: torch.rand_like(torch.zeros(3)),
    "normal_": lambda: torch.empty(3).normal_(),
    "parameter": lambda: nn.Linear(2, 3).weight,
    "initialized": lambda: nn.init.xavier_normal_(torch.empty(3, 3)),
    "multinomial": lambda: torch.multinomial(torch.ones(4), 2),
    "gradient asked": lambda: torch.randn(3, requires_grad=True),
}


@pytest.fixture
def there() -> Iterator[None]:
    with PretendedDevice(), Elsewhere(FAR):
        yield


@pytest.mark.parametrize("make", MAKES.values(), ids=MAKES.keys())
def test_what_makes_a_tensor_makes_it_there_with_the_same_numbers(make: Callable) -> None:
    torch.manual_seed(3)
    here = make()
    with PretendedDevice(), Elsewhere(FAR):
        torch.manual_seed(3)
        far = make()
        assert far.device.type == FAR.type
        assert far.requires_grad == here.requires_grad
        torch.testing.assert_close(far.detach().cpu(), here.detach(), rtol=0, atol=0)


def test_numpy_and_python_read_it(there: None) -> None:
    x = torch.arange(3.0)
    assert np.asarray(x).tolist() == x.numpy().tolist() == x.tolist() == [0, 1, 2]
    with pytest.raises(RuntimeError):
        torch.ones(2, requires_grad=True).numpy()


def test_what_is_there_already_is_not_copied(there: None) -> None:
    x = torch.zeros(3)
    torch.as_tensor(x).add_(1)
    assert x.tolist() == [1, 1, 1]


def test_training_finds_the_same_parameters() -> None:
    def train() -> Tensor:
        torch.manual_seed(0)
        model = nn.Sequential(nn.Linear(3, 8), nn.SiLU(), nn.Linear(8, 1))
        optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
        x = torch.randn(20, 3)
        for _ in range(5):
            optimizer.zero_grad()
            (model(x) - x.square().sum(1, keepdim=True)).square().mean().backward()
            optimizer.step()
        return torch.cat([p.detach().flatten() for p in model.parameters()])

    here = train()
    with PretendedDevice(), Elsewhere(FAR):
        far = train()
        assert isinstance(far, Far)
        torch.testing.assert_close(far.cpu(), here)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: torch.ones(3) + torch.ones(3, device="cpu"),
        lambda: torch.ones(3, device="cpu") @ torch.ones(3),
        lambda: torch.zeros(3).index_add_(
            0, torch.zeros(2, dtype=int, device="cpu"), torch.ones(2)
        ),
    ],
)
def test_the_control_refuses_what_a_gpu_refuses(there: None, wrong: Callable) -> None:
    with pytest.raises(RuntimeError, match="same device"):
        wrong()


def test_without_the_mode_the_same_code_fails() -> None:
    with PretendedDevice(), pytest.raises(RuntimeError, match="draws its own"):
        torch.zeros(3, device=FAR).normal_()
    with PretendedDevice(), pytest.raises((RuntimeError, TypeError)):
        np.asarray(torch.zeros(3, device=FAR))


def test_it_is_entered_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(elsewhere, "_entered", [Elsewhere(torch.device("cuda"))])
    elsewhere.enter(torch.device("cuda"))
    with pytest.raises(ValueError, match="restart"):
        elsewhere.enter(torch.device("cpu"))
