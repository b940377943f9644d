"""Running a model and writing down what each of its modules took and returned."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from equivar.trace.containers import Path, map_tensors, tensors_in

__all__ = ["Call", "Heal", "Key", "Recording", "record", "unchanged"]

Key = tuple[str, int]
"""A module's name, and which of its calls this was."""

Identity = tuple[int, int]
Heal = Callable[[Key, list[tuple[Path, Tensor]]], dict[Path, Tensor]]
"""Given a call and its outputs, what goes on in place of them."""


@dataclass
class Call:
    """One call of one module. Tensors are copies: what happens in place later does not show."""

    key: Key
    module: nn.Module
    parent: Key | None
    inputs: list[tuple[Path, Tensor]]
    input_ids: list[Identity]
    outputs: list[tuple[Path, Tensor]] = field(default_factory=list)
    output_ids: list[Identity] = field(default_factory=list)


@dataclass
class Recording:
    """All calls in the order in which they ended, so that a part comes before the whole."""

    calls: dict[Key, Call] = field(default_factory=dict)
    first_ids: list[Identity] = field(default_factory=list)
    alive: list[Tensor] = field(default_factory=list)  # or a freed tensor's id would be used again
    failure: tuple[str, Exception] | None = None


def _identity(x: Tensor) -> Identity:
    return id(x), 0 if x.is_inference() else x._version


def record(
    model: nn.Module,
    args: tuple,
    kwargs: dict[str, Any],
    heal: Heal | None = None,
) -> Recording:
    """Call the model once with hooks on every module, and take the hooks away again.

    Args:
        model: whose modules are recorded, the model itself under the empty name.
        args: positional inputs; copied, so that a model that writes into them does no harm.
        kwargs: inputs by name.
        heal: called after each call with its outputs; what it returns goes on in their place.

    Returns:
        The recording. A model that raises ends it early: `failure` says where and why.
    """
    recording = Recording()
    stack: list[Call] = []
    counts: dict[str, int] = {}

    def copies(path: Path, x: Tensor) -> Tensor:
        return x.detach().clone().requires_grad_(x.requires_grad)

    def before(name: str) -> Callable:
        def hook(module: nn.Module, args: tuple, kwargs: dict) -> None:
            counts[name] = counts.get(name, 0) + 1
            found = tensors_in((*args, kwargs) if kwargs else args)
            recording.alive += [x for _, x in found]
            stack.append(
                Call(
                    key=(name, counts[name]),
                    module=module,
                    parent=stack[-1].key if stack else None,
                    inputs=[(path, x.detach().clone()) for path, x in found],
                    input_ids=[_identity(x) for _, x in found],
                )
            )

        return hook

    def after(module: nn.Module, args: tuple, output: Any) -> Any:
        call = stack.pop()
        found = tensors_in(output)
        call.outputs = [(path, x.detach().clone()) for path, x in found]
        call.output_ids = [_identity(x) for _, x in found]
        recording.alive += [x for _, x in found]
        recording.calls[call.key] = call
        if heal is None:
            return None
        exact = heal(call.key, call.outputs)

        def healed(path: Path, x: Tensor) -> Tensor:
            if path not in exact:
                return x
            if not x.requires_grad or not bool(torch.isfinite(x).all()):
                return exact[path].clone()  # what follows may write into it
            return exact[path] + (x - x.detach())  # the exact value, and still x's gradient

        return map_tensors(output, healed) if exact else None

    handles = []
    try:
        for name, module in model.named_modules():
            handles.append(module.register_forward_pre_hook(before(name), with_kwargs=True))
            handles.append(module.register_forward_hook(after))
        args, kwargs = map_tensors(args, copies), map_tensors(kwargs, copies)
        given = tensors_in((*args, kwargs) if kwargs else args)
        recording.first_ids = [_identity(x) for _, x in given]
        recording.alive += [x for _, x in given]
        try:
            model(*args, **kwargs)
        except Exception as error:  # whatever the model raises, the report says where
            recording.failure = (stack[-1].key[0] if stack else "", error)
    finally:
        for handle in handles:
            handle.remove()
    return recording


@contextmanager
def unchanged(model: nn.Module, training: bool | None) -> Iterator[Callable[[int], None]]:
    """Leave the model's modes and buffers, and all random states, as they were.

    Args:
        model: for which it is done.
        training: the mode in between; None keeps each module's own.

    Yields:
        A function of a seed, to be called before each run: it puts the buffers back, so that
        running averages do not run on, and starts all random numbers from the seed.
    """
    modes = [(module, module.training) for module in model.modules()]
    buffers = [
        (module, key, buffer, None if buffer is None else buffer.detach().clone())
        for module in model.modules()
        for key, buffer in module._buffers.items()
    ]
    states = random.getstate(), np.random.get_state()
    devices = sorted(
        {x.device.index for x in [*model.parameters(), *model.buffers()] if x.device.type == "cuda"}
    )

    def restore() -> None:
        with torch.no_grad():
            for module, key, buffer, value in buffers:
                module._buffers[key] = buffer
                if buffer is not None and value is not None:
                    buffer.copy_(value)

    def start(seed: int) -> None:
        restore()
        torch.manual_seed(seed)
        random.seed(seed)
        np.random.seed(seed % 2**32)

    with torch.random.fork_rng(devices=devices):
        try:
            if training is not None:
                model.train(training)
            yield start
        finally:
            restore()
            for module, mode in modes:
                module.training = mode
            random.setstate(states[0])
            np.random.set_state(states[1])
