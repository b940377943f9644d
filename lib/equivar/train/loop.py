"""Adam on a cosine: the loop that everything is trained with, and `fit`, its usual form."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from equivar._checks import check_count
from equivar._shapes import Float, Shaped

__all__ = ["descend", "fit"]

Augment = Callable[[list[Tensor], Tensor, torch.Generator], tuple[list[Tensor], Tensor]]


def fit(
    model: nn.Module,
    inputs: Sequence[Shaped[Tensor, "..."]],
    targets: Shaped[Tensor, "samples ..."],
    *,
    steps: int,
    batch: int = 64,
    lr: float = 3e-3,
    seed: int = 0,
    loss: Callable[[Tensor, Tensor], Tensor] = nn.functional.mse_loss,
    augment: Augment | None = None,
) -> Float[Tensor, " steps"]:
    """Train with Adam on the mean squared error, the learning rate falling to zero on a cosine.

    Args:
        model: called as `model(*inputs)`; it is changed in place, and left in `eval` mode.
        inputs: the model's arguments, the first axis running over samples.
        targets: what it should answer, in units where they are of size one; labels of classes with
            a loss that reads labels.
        steps: gradient steps; 0 leaves the model as it is.
        batch: samples a step, drawn without replacement; all of them if there are fewer.
        lr: the learning rate at the start.
        seed: of the order of the samples; the weights were drawn when the model was made.
        loss: one number, of the answers and the targets.
        augment: called with the inputs and targets of each step and a generator; returns both
            changed together, such as turned by fresh rotations. None: samples stay as they are.

    Returns:
        The loss at each step, before that step is taken.

    Raises:
        ValueError: for inputs and targets of different length.
        FloatingPointError: when the loss is no longer finite, with the step.

    Example:
        >>> _ = torch.manual_seed(0)
        >>> x = torch.linspace(-1, 1, 50).unsqueeze(-1)
        >>> losses = fit(torch.nn.Linear(1, 1), [x], 2 * x + 1, steps=300, lr=0.05)
        >>> bool(losses[-1] < 1e-4 < losses[0])
        True

        Told by augmentation that the function is odd, from its right half alone:

        >>> def flip(inputs, targets, generator):
        ...     sign = 2.0 * torch.randint(2, (len(targets), 1), generator=generator) - 1
        ...     return [sign * x for x in inputs], sign * targets
        >>> model = torch.nn.Linear(1, 1)
        >>> _ = fit(model, [x[25:]], x[25:].sign(), steps=300, lr=0.05, augment=flip)
        >>> bool(model.bias.abs() < 0.05)
        True
    """
    n = len(targets)
    lengths = [len(x) for x in inputs]
    if any(length != n for length in lengths):
        raise ValueError(
            f"fit was given inputs of {lengths} samples and targets of {n}; the first axis of each "
            "must run over the same samples (an axis for the batch may be missing)"
        )
    generator = torch.Generator().manual_seed(seed)

    def loss_of(rows: Tensor) -> Tensor:
        some, wanted = [x[rows] for x in inputs], targets[rows]
        if augment is not None:
            some, wanted = augment(some, wanted, generator)
        return loss(model(*some), wanted)

    return descend(model, loss_of, targets, steps=steps, batch=batch, lr=lr, generator=generator)


def descend(
    model: nn.Module,
    loss_of: Callable[[Tensor], Tensor],
    samples: Shaped[Tensor, "samples ..."],
    *,
    steps: int,
    batch: int,
    lr: float,
    generator: torch.Generator,
    warmup: float = 0.0,
    betas: tuple[float, float] = (0.9, 0.999),
) -> Float[Tensor, " steps"]:
    """Minimize a loss of some samples by Adam, the learning rate falling to zero on a cosine.

    Args:
        model: it is changed in place, and left in `eval` mode.
        loss_of: the loss of the samples with these indices, differentiable in the parameters.
        samples: their number and their device are read, nothing else.
        steps: gradient steps.
        batch: samples a step, drawn without replacement; all of them if there are fewer.
        lr: the largest learning rate; without a warmup, that at the start.
        generator: draws the samples.
        warmup: the share of the steps over which the learning rate rises from zero.
        betas: of Adam: how slowly it forgets gradients, and their squares.

    Returns:
        The loss at each step, before that step is taken.

    Raises:
        ValueError: no samples, or a number of steps or samples that is none.
        FloatingPointError: when the loss is no longer finite, with the step.

    >>> model = torch.nn.Linear(1, 1)
    >>> x = torch.linspace(-1, 1, 50).unsqueeze(-1)
    >>> def loss_of(rows):
    ...     return (model(x[rows]) - x[rows]).abs().mean()
    >>> draw = torch.Generator().manual_seed(0)
    >>> losses = descend(model, loss_of, x, steps=200, batch=10, lr=0.05, generator=draw)
    >>> bool(losses[-1] < 0.01)
    True
    """
    check_count("steps", steps)
    check_count("batch", batch, least=1)
    if steps and not len(samples):
        raise ValueError("there are no samples to train on; expected at least one")
    # Fused: for networks this small, the optimizer's own overhead is a third of a step.
    optimizer = torch.optim.Adam(model.parameters(), lr=lr, betas=betas, fused=True)
    rise = max(warmup * steps, 1.0)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer,
        lambda step: (
            min((step + 1) / rise, 1.0) * (1 + math.cos(math.pi * step / max(steps, 1))) / 2
        ),
    )
    losses = []
    model.train()
    for step in range(steps):
        rows = torch.randperm(len(samples), generator=generator)[:batch].to(samples.device)
        loss = loss_of(rows)
        if not torch.isfinite(loss):
            raise FloatingPointError(
                f"the loss is {loss.item()} at step {step}; a learning rate below {lr} or targets "
                "scaled to size one usually mend this"
            )
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        losses.append(loss.detach())
    model.eval()
    return torch.stack(losses) if losses else torch.zeros(0, device=samples.device)
