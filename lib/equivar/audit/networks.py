"""Graphs that are relabelings of each other, and their automorphisms."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from equivar.audit.alignment import Alignment, Elements, Output, SameClass

__all__ = ["align_graphs", "automorphism_levels", "isomorphism"]

Ints = NDArray[np.int64]


def _colors(A: Ints, labels: Ints) -> list[int]:
    """Colors that no relabeling changes: refined until neighbors tell no more apart."""
    colors = [hash((int(k), int(A[i, i]))) for i, k in enumerate(labels)]
    for _ in range(len(A)):
        after = [
            hash((c, tuple(sorted(zip(A[i].tolist(), A[:, i].tolist(), colors, strict=True)))))
            for i, c in enumerate(colors)
        ]
        if len(set(after)) == len(set(colors)):
            break
        colors = after
    return colors


def isomorphism(
    A: Ints, B: Ints, colors_a: list[int], colors_b: list[int], fixed: tuple[int, ...] = ()
) -> Ints | None:
    """One p with `B[i, j] = A[p[i], p[j]]` that starts with the given images, or None."""
    n = len(A)
    p: list[int] = []

    def fits(v: int) -> bool:
        k = len(p)
        return (
            v not in p
            and colors_b[k] == colors_a[v]
            and bool((B[k, :k] == A[v, p]).all() and (B[:k, k] == A[p, v]).all())
        )

    def extend() -> bool:
        k = len(p)
        if k == n:
            return True
        for v in (fixed[k],) if k < len(fixed) else range(n):
            if fits(v):
                p.append(v)
                if extend():
                    return True
                p.pop()
        return False

    return np.array(p, dtype=np.int64) if extend() else None


def automorphism_levels(A: Ints, colors: list[int]) -> list[Ints]:
    """One automorphism for each place that node k can go to while those before it stay.

    Each automorphism is one product of an entry from each level, so an average over the whole
    group, which may have n! elements, is one short average after the other.
    """
    levels = []
    for k in range(len(A)):
        found = [isomorphism(A, A, colors, colors, (*range(k), j)) for j in range(k, len(A))]
        level = [p for p in found if p is not None]
        if len(level) > 1:
            levels.append(np.stack(level))
    return levels


def align_graphs(
    graphs: list[Tensor], labels: list[Tensor], law: Output, tolerance: float
) -> Alignment:
    """Group adjacency matrices that are relabelings of each other."""
    values = np.concatenate([g.detach().cpu().double().numpy().ravel() for g in graphs])
    values = np.unique(values)
    cuts = values[1:][np.diff(values) > tolerance]
    whole = [np.searchsorted(cuts, g.detach().cpu().double().numpy(), "right") for g in graphs]
    kinds = [k.detach().cpu().numpy().astype(np.int64) for k in labels]
    seen: dict[tuple, tuple[list, Ints]] = {}
    found: dict[tuple, list[list]] = {}
    for i, (A, kind) in enumerate(zip(whole, kinds, strict=True)):
        copy = (A.tobytes(), kind.tobytes())
        if copy in seen:
            entry, p = seen[copy]
            entry[0].append(i)
            entry[1].append(p)
            continue
        colors = _colors(A, kind)
        bucket = found.setdefault(tuple(sorted(colors)), [])
        for entry in bucket:
            match = isomorphism(A, entry[2], colors, entry[3])
            if match is not None:
                entry[0].append(i)
                entry[1].append(match)
                break
        else:
            match = np.arange(len(A))
            entry = [[i], [match], A, colors]
            bucket.append(entry)
        seen[copy] = entry, match
    alignment = Alignment()
    for bucket in found.values():
        for members, ps, A, colors in bucket:
            alignment.classes.append(_same_class(members, ps, A, colors, law))
    return alignment


def _elements(p: Ints) -> Elements:
    eye = torch.eye(3, dtype=torch.float64).expand(len(p), 3, 3)
    return Elements(eye, torch.from_numpy(np.ascontiguousarray(p)))


def _same_class(
    members: list[int], ps: list[Ints], A: Ints, colors: list[int], law: Output
) -> SameClass:
    levels = [_elements(level) for level in automorphism_levels(A, colors)]

    def pull(targets: list[Tensor]) -> list[Tensor]:
        carried = zip(ps, targets, strict=True)
        return [t[torch.from_numpy(p)] if law.per_point else t for p, t in carried]

    def project(t: Tensor) -> Tensor:
        for level in levels:
            t = level.act(law, t).mean(dim=0)
        return t

    return SameClass(members, pull, project, bool(levels))
