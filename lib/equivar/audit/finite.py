"""Samples on which a finite group acts, its elements given one by one."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor

from equivar.audit.alignment import Alignment, SameClass

__all__ = ["align_finite", "read_action"]

Action = list[Callable[[Tensor], Tensor]]


def read_action(law: Any, name: str, device: torch.device) -> Action:
    """Matrices (order, d, d), permutations (order, d) or a list of functions, as functions.

    Raises:
        ValueError: it is none of them.
    """
    if isinstance(law, Tensor) and law.ndim == 3 and law.shape[1] == law.shape[2]:
        return [partial(torch.matmul, M) for M in law.to(device, torch.float64)]
    if isinstance(law, Tensor) and law.ndim == 2 and not law.is_floating_point():
        return [partial(_reorder, p) for p in law.to(device)]
    if isinstance(law, list | tuple) and law and all(callable(f) for f in law):
        return list(law)
    raise ValueError(
        f"{name} is {type(law).__name__} and no finite action; expected matrices (order, d, d), "
        "permutations (order, n) of whole numbers, or a list of functions x -> g x, one for each "
        "element in the same order on inputs and on targets"
    )


def _reorder(p: Tensor, x: Tensor) -> Tensor:
    return x[p]


def _drawn_like(x: Tensor, generator: torch.Generator) -> Tensor:
    return torch.randn(x.shape, generator=generator, dtype=x.dtype, device="cpu").to(x)


def _check_group(act_in: Action, act_out: Action, x: Tensor, t: Tensor) -> None:
    if len(act_in) != len(act_out):
        raise ValueError(f"law_in has {len(act_in)} elements and law_out {len(act_out)}")
    generator = torch.Generator().manual_seed(0)
    x, t = (_drawn_like(y, generator) for y in (x, t))
    moved = [(g(x), h(t)) for g, h in zip(act_in, act_out, strict=True)]
    for k, (_, image) in enumerate(moved):
        if image.shape != t.shape or abs(float(image.norm() - t.norm())) > 1e-6 * float(t.norm()):
            raise ValueError(
                f"law_out, element {k}, changes the shape or the length of a target; the audit "
                "needs orthogonal laws. Are the targets scaled by component?"
            )
    points = torch.stack([torch.cat([a.flatten(), b.flatten()]) for a, b in moved])
    for k, (g, h) in enumerate(zip(act_in, act_out, strict=True)):
        again = torch.stack([torch.cat([g(a).flatten(), h(b).flatten()]) for a, b in moved])
        missing = torch.cdist(again, points).min(dim=1).values
        if bool((missing > 1e-6 * points[0].norm()).any()):
            raise ValueError(
                f"the elements are not closed: {k} times {int(missing.argmax())} is none of the "
                f"{len(act_in)}. Give all elements of the group, in the same order on inputs and "
                "targets, both as left actions"
            )


def align_finite(
    inputs: list[Tensor], targets: list[Tensor], law_in: Any, law_out: Any, tolerance: float
) -> Alignment:
    """Group samples that one of the elements carries onto each other."""
    device = inputs[0].device if inputs else torch.device("cpu")
    act_in, act_out = read_action(law_in, "law_in", device), read_action(law_out, "law_out", device)
    alignment = Alignment()
    if not inputs:
        return alignment
    _check_group(act_in, act_out, inputs[0], targets[0])
    generator = torch.Generator().manual_seed(0)
    probe = _drawn_like(inputs[0], generator)
    probe = probe / probe.abs().sum().clamp_min(1e-300)  # a nudge by d moves no product by more
    images = [torch.stack([g(x) for g in act_in]) for x in inputs]
    axes = tuple(range(1, probe.ndim + 1))
    prints = torch.stack([(y * probe).sum(dim=axes).sort().values for y in images])
    found: list[tuple[list[int], list[int]]] = []
    heads = torch.empty(len(inputs), dtype=torch.int64)
    for i in range(len(inputs)):
        head = heads[: len(found)]
        close = (prints[head] - prints[i]).abs().amax(dim=1) <= tolerance
        for c in close.nonzero().flatten().tolist():
            members, elements = found[c]
            off = (images[i] - inputs[members[0]]).abs().flatten(1).amax(dim=1)
            if float(off.min()) <= tolerance:
                members.append(i)
                elements.append(int(off.argmin()))
                break
        else:
            heads[len(found)] = i
            identity = (images[i] - inputs[i]).abs().flatten(1).amax(dim=1).argmin()
            found.append(([i], [int(identity)]))
    for members, elements in found:
        x = inputs[members[0]]
        off = (images[members[0]] - x).abs().flatten(1).amax(dim=1)
        stays = (off <= tolerance).nonzero().flatten().tolist()
        alignment.classes.append(_same_class(members, elements, stays, act_out))
    return alignment


def _same_class(
    members: list[int], elements: list[int], stays: list[int], act: Action
) -> SameClass:
    def pull(targets: list[Tensor]) -> list[Tensor]:
        return [act[g](t) for g, t in zip(elements, targets, strict=True)]

    def project(t: Tensor) -> Tensor:
        return torch.stack([act[g](t) for g in stays]).mean(dim=0)

    return SameClass(members, pull, project, len(stays) > 1)
