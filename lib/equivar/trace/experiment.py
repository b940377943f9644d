"""One model, its inputs, and the runs that a trace is made of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from equivar.trace.containers import Path, law_at, map_tensors, path_text, tensors_in
from equivar.trace.laws import Law, move, read_law
from equivar.trace.record import Heal, Recording, record

__all__ = ["Experiment", "prepare"]


@dataclass
class Experiment:
    """A model and its inputs, to be run as they are, moved, or nudged.

    Attributes:
        model: the model.
        args: positional inputs, and last, where there are any, the dict of inputs by name.
        named: whether the last of `args` is that dict.
        laws: how each input tensor moves, by the way to it.
        start: puts back buffers and random numbers; called with a seed before each run.
    """

    model: nn.Module
    args: tuple
    named: bool
    laws: dict[Path, Any]
    start: Callable[[int], None]

    def run(self, seed: int, motion: Any = None, heal: Heal | None = None) -> Recording:
        """Record one run, on x or on g x.

        Raises:
            ValueError: the model failed; the message says in which module and on what.
        """
        found = self._record(self._changed(motion), seed, heal)
        if found.failure is not None:
            where, error = found.failure
            what = "the inputs" if motion is None else f"the inputs moved by {_called(motion)}"
            hint = "" if motion is None else "; it ran on the inputs as they are"
            raise ValueError(
                f"module {where or '(model)'!r} failed on {what} with "
                f"{type(error).__name__}: {error}{hint}"
            ) from error
        return found

    def nudged(self, seed: int) -> Recording:
        """Record a run with all inputs changed in their last digit, to see how rounding spreads.

        Zeros stay zero and equal rows stay equal: their differences have no direction, and must not
        get one.
        """
        generator = torch.Generator().manual_seed(seed)

        def nudge(path: Path, x: Tensor) -> Tensor:
            if not x.is_floating_point() or not x.numel() or self.laws[path] == "invariant":
                return x
            rows = x.detach().reshape(-1, x.shape[-1] if x.ndim > 1 else 1)
            unique, place = rows.unique(dim=0, return_inverse=True)
            change = torch.randn(unique.shape, generator=generator, dtype=torch.float64).to(x)
            scale = torch.finfo(x.dtype).eps * x.detach().square().mean().sqrt()
            change = change * scale * (unique != 0).any(dim=-1, keepdim=True)
            return x + change[place].reshape(x.shape)

        return self._record(map_tensors(self.args, nudge), seed, None)

    def _changed(self, motion: Any) -> tuple:
        if motion is None:
            return self.args

        def moved(path: Path, x: Tensor) -> Tensor:
            try:
                after = move(self.laws[path], motion, x)
            except ValueError as error:
                raise ValueError(f"input{path_text(path)}: {error}") from error
            if after is None:
                raise ValueError(
                    f"input{path_text(path)} has shape {tuple(x.shape)}, whose rows are neither "
                    "the permuted nodes nor edges; declare Law(..., rows='nodes', 'edges' or None)"
                )
            return after

        return map_tensors(self.args, moved)

    def _record(self, args: tuple, seed: int, heal: Heal | None) -> Recording:
        self.start(seed)
        if self.named:
            return record(self.model, args[:-1], args[-1], heal)
        return record(self.model, args, {}, heal)


def _called(motion: Any) -> str:
    return f"the {motion.name}" if hasattr(motion, "name") else str(motion)


def prepare(inputs: Any, law_in: Any) -> tuple[tuple, bool, dict[Path, Any]]:
    """Inputs as a tuple, whether its last entry is a dict of names, and each tensor's law.

    Raises:
        ValueError: inputs and laws have different structures, or an input has no law.
    """
    named = isinstance(inputs, dict)
    if named:
        args, laws = (inputs,), (law_in,)
    elif type(inputs) in (tuple, list):
        args, laws = tuple(inputs), law_in
        if not isinstance(law_in, tuple | list) or len(law_in) != len(args):
            raise ValueError(
                f"got {len(args)} inputs and law_in = {law_in!r}; expected a tuple of "
                f"{len(args)} laws, 'invariant' for what stays and None for what is no tensor"
            )
    else:
        args, laws = (inputs,), (law_in,)
    found: dict[Path, Any] = {}
    for path, x in tensors_in(args):
        law = law_at(laws, path)
        where = path[0] if len(path) == 1 else path_text(path[1:] if named else path)
        if law is None:
            raise ValueError(
                f"input {where} is a tensor of shape {tuple(x.shape)} and has no law; say "
                "'invariant' if the group does nothing to it"
            )
        law = read_law(law)
        if isinstance(law, Law) and not x.is_floating_point():
            raise ValueError(
                f"input {where} holds {x.dtype} and has the law {law}; only floating-point "
                "numbers rotate. Did you mean 'labels', 'indices' or 'invariant'?"
            )
        found[path] = law
    if not found:
        raise ValueError("the inputs hold no tensor, so there is nothing to act on")
    return args, named, found
