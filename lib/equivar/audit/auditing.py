"""Whether any equivariant model can learn a task, known before training."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from equivar.audit.advice import sentence
from equivar.audit.alignment import Alignment, Output, PerPoint
from equivar.audit.clouds import align_clouds
from equivar.audit.finite import align_finite
from equivar.audit.networks import align_graphs
from equivar.audit.report import Audit
from equivar.irreps import Irreps

__all__ = ["audit_task"]

SEEN = 1e-6
"""A sample counts as a cause when its error is above this part of the targets' mean square."""


def audit_task(
    inputs: Sequence[Tensor] | Tensor,
    targets: Sequence[Tensor] | Tensor,
    law_in: Any,
    law_out: Any,
    *,
    labels: Sequence[Tensor] | Tensor | None = None,
    group: str = "O(3)",
    tolerance: float = 1e-4,
) -> Audit:
    r"""How much of the targets no equivariant model can reach, and on which samples.

    Two things cost. An input with a symmetry, $s \cdot x = x$, has an output with it too, since
    $f(x) = f(s \cdot x) = s \cdot f(x)$; what the target has beside that is out of reach. And two
    inputs that are images of each other, $x' = g \cdot x$, have outputs that are:
    $f(x') = g \cdot f(x)$; where the targets are not, the model can serve one or the other. Both
    are counted exactly: all samples that are images of one x are carried back to it, and the best
    single answer there is the mean of their targets, projected on what the symmetries of x keep.

    It is a lower bound on the training error, and on the error of any data with such samples. It
    says nothing of what noise, a small model or little data cost on top. Inputs count as equal
    within `tolerance`: with a larger one, samples that merely resemble each other are asked to have
    the same target, and the bound is one for models that cannot resolve so small a difference.

    Args:
        inputs: a tensor with a row for each sample, or a list: positions (n, 3), adjacency
            matrices (n, n), or arrays that a finite group acts on.
        targets: one for each sample, of one width.
        law_in: "points" (rotations, shifts and relabelings of positions), "graph" (relabelings), or
            all elements of a finite group: matrices (order, d, d), permutations (order, d), or a
            list of functions `x -> g x`.
        law_out: irreps such as "1o" for one target a sample, `PerPoint("1o")` for targets
            (n, irreps.dim) that permute with the points; for a finite group its elements on
            targets, in the same order. They must be orthogonal.
        labels: (n,) whole numbers for each sample, or one list for all: points or nodes may only be
            exchanged when they are equal. None makes all equal.
        group: "O(3)", or "SO(3)" for models that see handedness; for points only.
        tolerance: the distance, in the unit of the inputs, within which points count as the same.

    Returns:
        An `Audit`; print it, or read `.floor`, `.worst` and `.sentence`. On the CPU, in float64.

    Raises:
        ValueError: shapes and laws that do not fit, nan, or a finite action that is no group.

    A square cannot become a rectangle: it would have to choose which way. The way back is free.

    >>> square = torch.tensor([[1.0, 1, 0], [-1, 1, 0], [-1, -1, 0], [1, -1, 0]])
    >>> rectangle = square * torch.tensor([2.0, 1, 1])
    >>> audit = audit_task([square], [rectangle - square], "points", PerPoint("1o"))
    >>> round(audit.floor, 6), audit.symmetric  # half of the 4 squared units, over 12 numbers
    (0.166667, (0,))
    >>> audit_task([rectangle], [square - rectangle], "points", PerPoint("1o")).ok
    True
    """
    if not tolerance >= 0:
        raise ValueError(f"tolerance is {tolerance}; expected a distance, 0 or more")
    if len(inputs) != len(targets):
        raise ValueError(f"got {len(inputs)} inputs and {len(targets)} targets; expected as many")
    if group not in ("O(3)", "SO(3)"):
        raise ValueError(f"group is {group!r}; expected 'O(3)' or 'SO(3)'")
    # Points and graphs are matched on the CPU; a finite action may live where its inputs do.
    where = "cpu" if isinstance(law_in, str) or not len(inputs) else _device(inputs[0])
    xs = [_wide(x, f"input {i}", where) for i, x in enumerate(inputs)]
    ts = [_wide(t, f"target {i}", where) for i, t in enumerate(targets)]
    with torch.device(where):
        return _audit(xs, ts, law_in, law_out, labels, group, tolerance)


def _audit(
    xs: list[Tensor],
    ts: list[Tensor],
    law_in: Any,
    law_out: Any,
    labels: Any,
    group: str,
    tolerance: float,
) -> Audit:
    if isinstance(law_in, str):
        if law_in not in ("points", "graph"):
            raise ValueError(
                f"law_in is {law_in!r}; expected 'points', 'graph', or a finite group's elements"
            )
        if not isinstance(law_out, PerPoint | str | Irreps):
            raise ValueError(
                f"law_out is {type(law_out).__name__}; with law_in={law_in!r} expected irreps such "
                "as '1o', or PerPoint('1o') for targets with a row a point"
            )
        per_point = isinstance(law_out, PerPoint)
        out = Output(
            Irreps(law_out.irreps if isinstance(law_out, PerPoint) else law_out), per_point
        )
        kinds = _labels(labels, xs)
        ts = [_checked(i, x, t, law_in, out) for i, (x, t) in enumerate(zip(xs, ts, strict=True))]
        if law_in == "points":
            alignment = align_clouds(xs, kinds, out, tolerance, group == "SO(3)")
        else:
            alignment = align_graphs(xs, kinds, out, tolerance)
    else:
        if labels is not None:
            raise ValueError("labels are for points and graphs; a finite group's action says all")
        if len({(x.shape, t.shape) for x, t in zip(xs, ts, strict=True)}) > 1:
            raise ValueError("with a finite group all inputs, and all targets, have one shape")
        alignment = align_finite(xs, ts, law_in, law_out, tolerance)
    return _report(alignment, ts, tolerance)


def _device(x: Any) -> torch.device | str:
    return x.device if isinstance(x, Tensor) else "cpu"


def _wide(x: Tensor, name: str, where: torch.device | str) -> Tensor:
    x = torch.as_tensor(x).detach().to(where, torch.float64)
    if not bool(torch.isfinite(x).all()):
        raise ValueError(f"{name} holds nan or infinity; take the sample out, or mend it")
    return x


def _labels(labels: Any, xs: list[Tensor]) -> list[Tensor]:
    if labels is None:
        return [torch.zeros(len(x), dtype=torch.int64) for x in xs]
    one = isinstance(labels, Tensor) and labels.ndim == 1
    kinds = [labels.cpu()] * len(xs) if one else [torch.as_tensor(k).cpu() for k in labels]
    for i, (x, k) in enumerate(zip(xs, kinds, strict=False)):
        if k.shape != (len(x),):
            raise ValueError(
                f"sample {i} has {len(x)} points and labels of shape {tuple(k.shape)}; expected "
                "one label a point"
            )
    if len(kinds) != len(xs):
        raise ValueError(f"got labels for {len(kinds)} samples; expected {len(xs)}")
    return kinds


def _checked(i: int, x: Tensor, t: Tensor, law_in: str, out: Output) -> Tensor:
    good = x.ndim == 2 and x.shape[1] == (3 if law_in == "points" else len(x))
    if not good:
        wanted = "(n, 3)" if law_in == "points" else "(n, n)"
        raise ValueError(f"input {i} has shape {tuple(x.shape)}; expected {wanted}")
    shape = (len(x), out.irreps.dim) if out.per_point else (out.irreps.dim,)
    if t.ndim == len(shape) - 1 and out.irreps.dim == 1:
        t = t[..., None]  # a number a point, or a sample, may come without an axis of its own
    if t.shape != shape:
        raise ValueError(
            f"target {i} has shape {tuple(t.shape)}; expected {shape} for {out.irreps}"
            f"{' a point' if out.per_point else ''}. PerPoint is for targets with a row a point"
        )
    return t


def _report(alignment: Alignment, targets: list[Tensor], tolerance: float) -> Audit:
    forbidden, contradicted = alignment.residuals(targets)

    def squares(parts: list[Tensor]) -> Tensor:
        return torch.tensor([float(p.square().sum()) for p in parts], dtype=torch.float64)

    sizes = torch.tensor([t.numel() for t in targets], dtype=torch.float64)
    own, others = squares(forbidden), squares(contradicted)
    numbers = float(sizes.sum())
    floor = float((own + others).sum()) / numbers if numbers else 0.0
    flat = [t.reshape(-1, t.shape[-1]) if t.ndim else t.reshape(1, 1) for t in targets]
    stacked = torch.cat(flat) if flat else torch.zeros(0, 1)
    variance = float((stacked - stacked.mean(dim=0)).square().mean()) if numbers else 0.0
    scale = float(stacked.square().mean()) if numbers else 0.0
    per = [v / sizes.clamp_min(1) for v in (own, others)]
    if variance < 1e-20 * scale:  # all targets are equal, up to rounding
        variance = 0.0
    limit = max(SEEN * scale, 1e-300)
    symmetric = tuple((per[0] > limit).nonzero().flatten().tolist())
    groups = tuple(
        tuple(c.members)
        for c in alignment.classes
        if len(c.members) > 1 and max(float(per[1][i]) for i in c.members) > limit
    )
    total = per[0] + per[1]
    order = total.argsort(descending=True, stable=True)[:10].tolist()
    worst = tuple(i for i in order if float(total[i]) > limit)
    fraction = floor / variance if variance else float("inf")
    return Audit(
        floor=floor,
        variance=variance,
        per_sample=total,
        from_symmetry=per[0],
        from_conflicts=per[1],
        symmetric=symmetric,
        groups=groups,
        distinct=len(alignment.classes),
        worst=worst,
        tolerance=tolerance,
        sentence=sentence(alignment, targets, floor, fraction, symmetric, groups),
    )
