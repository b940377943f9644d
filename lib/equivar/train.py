"""One training loop, the same for every model, so that a comparison compares the models."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from equivar._shapes import Float, Shaped

__all__ = ["fit"]


def fit(
    model: nn.Module,
    inputs: Sequence[Shaped[Tensor, "..."]],
    targets: Float[Tensor, "samples ..."],
    *,
    steps: int,
    batch: int = 64,
    lr: float = 3e-3,
    seed: int = 0,
) -> Float[Tensor, " steps"]:
    """Train with Adam on the mean squared error, the learning rate falling to zero on a cosine.

    Args:
        model: called as `model(*inputs)`; it is changed in place, and left in `eval` mode.
        inputs: the model's arguments, the first axis running over samples.
        targets: what it should answer, in units where they are of size one.
        steps: gradient steps; 0 leaves the model as it is.
        batch: samples a step, drawn without replacement; all of them if there are fewer.
        lr: the learning rate at the start.
        seed: of the order of the samples; the weights were drawn when the model was made.

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
    """
    n = len(targets)
    lengths = [len(x) for x in inputs]
    if any(length != n for length in lengths):
        raise ValueError(
            f"fit was given inputs of {lengths} samples and targets of {n}; the first axis of each "
            "must run over the same samples (an axis for the batch may be missing)"
        )
    generator = torch.Generator().manual_seed(seed)
    # Fused: for networks this small, the optimizer's own overhead is a third of a step.
    optimizer = torch.optim.Adam(model.parameters(), lr=lr, fused=True)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, max(steps, 1))
    losses = []
    model.train()
    for step in range(steps):
        rows = torch.randperm(n, generator=generator)[:batch].to(targets.device)
        loss = (model(*(x[rows] for x in inputs)) - targets[rows]).square().mean()
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
    return torch.stack(losses) if losses else targets.new_zeros(0)
