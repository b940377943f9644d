"""Point clouds that are rotated, reflected, shifted or relabeled copies of each other."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from equivar.audit.alignment import Alignment, Elements, Output, SameClass

__all__ = ["align_clouds", "alignments"]

Array = NDArray[np.float64]
Labels = NDArray[np.int64]


def alignments(
    a: Array, b: Array, labels_a: Labels, labels_b: Labels, tolerance: float, proper: bool
) -> tuple[Array, Labels]:
    """All orthogonal maps of the centered cloud a onto b, with the permutation of each.

    A map of points that span a plane is known from the images of two of them, up to the mirror in
    their plane. So two points of a are chosen that few pairs of b resemble; each such pair
    gives two candidates, which are then tested on all points and refined (Kabsch).

    Returns:
        Rotations (k, 3, 3) and permutations (k, n), `b[i] = R @ a[p[i]]`. The clouds must not lie
        on a line.
    """
    ra, rb = np.linalg.norm(a, axis=1), np.linalg.norm(b, axis=1)
    near = 2 * tolerance
    alike = (labels_a[:, None] == labels_b) & (np.abs(ra[:, None] - rb) <= near)
    area = np.linalg.norm(np.cross(a[:, None], a[None]), axis=-1)
    count = alike.sum(1).astype(float)
    cost = np.where(area >= 0.3 * area.max(), count[:, None] * count, np.inf)
    i, j = np.unravel_index(np.argmin(cost), cost.shape)
    first, second = np.nonzero(alike[i])[0], np.nonzero(alike[j])[0]
    u, v = np.repeat(first, len(second)), np.tile(second, len(first))
    slack = near * (ra[i] + ra[j] + near)
    fits = np.abs((b[u] * b[v]).sum(1) - a[i] @ a[j]) <= slack
    u, v = u[fits], v[fits]
    n = len(a)
    if not len(u):
        return np.zeros((0, 3, 3)), np.zeros((0, n), dtype=np.int64)
    start, ends = _frame(a[i], a[j]), _frame(b[u], b[v])
    R = ends.transpose(0, 2, 1) @ start
    if not proper:
        mirror = np.diag([1.0, 1.0, -1.0])  # the third axis of a frame is normal to the two
        R = np.concatenate([R, ends.transpose(0, 2, 1) @ mirror @ start])
    # A candidate made from two points is off by more than the points themselves are.
    rough = tolerance * (1 + 8 * max(ra.max(), 1e-300) / np.sqrt(area[i, j]) * 4)
    kept_R, kept_p = [], []
    for Q in R:
        p = _match(a @ Q.T, b, labels_a, labels_b, rough)
        if p is None:
            continue
        U, _, Vt = np.linalg.svd(b.T @ a[p])
        sign = np.sign(np.linalg.det(Q))
        Q = U @ np.diag([1.0, 1.0, sign * np.linalg.det(U @ Vt)]) @ Vt
        if np.linalg.norm(a[p] @ Q.T - b, axis=1).max() <= near:
            kept_R.append(Q)
            kept_p.append(p)
    if not kept_R:
        return np.zeros((0, 3, 3)), np.zeros((0, n), dtype=np.int64)
    return np.stack(kept_R), np.stack(kept_p)


def _frame(a: Array, b: Array) -> Array:
    """Rows: along a, b made orthogonal to it, and their cross product."""
    e1 = a / np.linalg.norm(a, axis=-1, keepdims=True)
    b = b - (b * e1).sum(-1, keepdims=True) * e1
    e2 = b / np.linalg.norm(b, axis=-1, keepdims=True)
    return np.stack([e1, e2, np.cross(e1, e2)], axis=-2)


def _match(a: Array, b: Array, labels_a: Labels, labels_b: Labels, near: float) -> Labels | None:
    """For each point of b the point of a there, each used once; None if one is missing."""
    distance = np.linalg.norm(b[:, None] - a[None], axis=-1)
    distance[labels_b[:, None] != labels_a] = np.inf
    p = distance.argmin(1)
    if (distance[np.arange(len(p)), p] > near).any():
        return None
    if len(np.unique(p)) == len(p):
        return p
    free = np.ones(len(p), dtype=bool)
    for k in range(len(p)):  # coincident points: take each once
        p[k] = np.where(free, distance[k], np.inf).argmin()
        if not free[p[k]] or distance[k, p[k]] > near:
            return None
        free[p[k]] = False
    return p


def _rank(a: Array, tolerance: float) -> int:
    """0: all at one place. 1: on a line. 2: neither."""
    if not len(a) or np.linalg.norm(a, axis=1).max() <= 2 * tolerance:
        return 0
    axis = _axis(a)
    off = a - (a @ axis)[:, None] * axis
    return 1 if np.linalg.norm(off, axis=1).max() <= 2 * tolerance else 2


def _axis(a: Array) -> Array:
    return np.linalg.svd(a, full_matrices=False)[2][0]


def _turn_onto(axis: Array) -> Array:
    """A rotation that takes z to the axis."""
    other = np.eye(3)[np.abs(axis).argmin()]
    e = _frame(axis, other)  # rows: axis, e2, e3
    return np.stack([e[1], e[2], e[0]], axis=1)


def _along(a: Array, b: Array, la: Labels, lb: Labels, tolerance: float, proper: bool) -> tuple:
    """The one or two ways of a line of points onto another; the turns about it come on top."""
    A, B = _turn_onto(_axis(a)), _turn_onto(_axis(b))
    found = []
    for sign in (1.0, -1.0):
        Q = B @ np.diag([1.0, sign, sign]) @ A.T
        p = _match(a @ Q.T, b, la, lb, 2 * tolerance)
        if p is not None:
            found.append((Q, p))
    n = len(a)
    R = np.stack([Q for Q, _ in found]) if found else np.zeros((0, 3, 3))
    return R, np.stack([p for _, p in found]) if found else np.zeros((0, n), dtype=np.int64)


def _elements(R: Array, p: Labels) -> Elements:
    return Elements(torch.from_numpy(np.ascontiguousarray(R)), torch.from_numpy(p))


def _levels(a: Array, labels: Labels, tolerance: float, proper: bool, law: Output) -> list:
    """Subgroups whose products are the stabilizer; averaging over one after the other projects."""
    n, one = len(a), np.eye(3)[None]
    levels: list = []
    if law.per_point and n > 1:
        close = np.linalg.norm(a[:, None] - a[None], axis=-1) <= tolerance
        close &= labels[:, None] == labels
        seen: set[int] = set()
        for k in range(n):
            group = np.nonzero(close[k])[0]
            if len(group) > 1 and not seen & set(group.tolist()):
                seen |= set(group.tolist())
                p = np.tile(np.arange(n), (len(group), 1))
                for shift in range(len(group)):
                    p[shift, group] = np.roll(group, shift)
                levels.append(_elements(np.repeat(one, len(group), 0), p))
    rank = _rank(a, tolerance)
    if rank == 0:
        return [*levels, None]
    if rank == 1:
        axis, k = _turn_onto(_axis(a)), 1 + max([irrep.l for _, irrep in law.irreps], default=0)
        # Turns by 1/k of a full turn leave in place just what all turns do, up to degree k - 1.
        angles = 2 * np.pi * np.arange(k) / k
        c, s, o, z = np.cos(angles), np.sin(angles), np.ones(k), np.zeros(k)
        turns = np.stack([c, -s, z, s, c, z, z, z, o], axis=1).reshape(k, 3, 3)
        same = np.arange(n)
        levels.append(_elements(axis @ turns @ axis.T, np.tile(same, (k, 1))))
        if not proper:
            mirror = np.stack([np.eye(3), np.diag([-1.0, 1.0, 1.0])])
            levels.append(_elements(axis @ mirror @ axis.T, np.tile(same, (2, 1))))
        levels.append(_elements(*_along(a, a, labels, labels, tolerance, proper)))
        return levels
    R, p = alignments(a, a, labels, labels, tolerance, proper)
    if len(R) > 1:
        levels.append(_elements(R, p))
    return levels


def _project(levels: list, law: Output, proper: bool, t: Tensor) -> Tensor:
    for level in levels:
        if level is None:  # every rotation: scalars alone stay
            keep = [(irrep.l == 0 and (proper or irrep.p == 1)) for _, irrep in law.irreps]
            mask = torch.zeros(law.irreps.dim, dtype=t.dtype)
            for stays, where in zip(keep, law.irreps.slices, strict=True):
                mask[where] = float(stays)
            t = t * mask
        else:
            t = level.act(law, t).mean(dim=0)
    return t


def _fingerprint(a: Array, labels: Labels) -> Array:
    """Sorted distances between each two kinds of point: no motion changes them, and a nudge of
    each point by d changes none by more than 2 d.
    """
    i, j = np.triu_indices(len(a), k=1)
    distance = np.linalg.norm(a[i] - a[j], axis=1)
    low, high = np.minimum(labels[i], labels[j]), np.maximum(labels[i], labels[j])
    return distance[np.lexsort((distance, high, low))]


def align_clouds(
    clouds: list[Tensor], labels: list[Tensor], law: Output, tolerance: float, proper: bool
) -> Alignment:
    """Group clouds that are images of each other, with the maps between them."""
    arrays = [x.detach().cpu().double().numpy() for x in clouds]
    arrays = [a - a.mean(0) if len(a) else a for a in arrays]
    kinds = [k.detach().cpu().numpy().astype(np.int64) for k in labels]
    buckets: dict[tuple, list[int]] = {}
    for i, k in enumerate(kinds):
        buckets.setdefault(tuple(np.sort(k).tolist()), []).append(i)
    alignment = Alignment()
    for indices in buckets.values():
        prints = np.stack([_fingerprint(arrays[i], kinds[i]) for i in indices])
        keys = prints.mean(1) if prints.shape[1] else np.zeros(len(indices))
        found: list[tuple[list[int], list[Array], list[Labels]]] = []
        first = np.zeros(len(indices))  # the keys of the representatives
        rows = np.zeros(len(indices), dtype=np.int64)
        for row, i in enumerate(indices):
            a, la = arrays[i], kinds[i]
            for c in np.nonzero(np.abs(first[: len(found)] - keys[row]) <= 4 * tolerance)[0]:
                if np.abs(prints[rows[c]] - prints[row]).max(initial=0.0) > 4 * tolerance:
                    continue
                members, R, p = found[c]
                b, lb = arrays[members[0]], kinds[members[0]]
                rank = _rank(b, tolerance)
                if rank == 0:
                    Q, q = np.eye(3)[None], np.zeros((0, len(a)), dtype=np.int64)
                    match = _match(a, b, la, lb, 4 * tolerance)
                    q = q if match is None else match[None]
                elif rank == 1:
                    Q, q = _along(a, b, la, lb, tolerance, proper)
                else:
                    Q, q = alignments(a, b, la, lb, tolerance, proper)
                if len(q):
                    members.append(i)
                    R.append(Q[0])
                    p.append(q[0])
                    break
            else:
                first[len(found)], rows[len(found)] = keys[row], row
                found.append(([i], [np.eye(3)], [np.arange(len(a))]))
        for members, Rs, ps in found:
            levels = _levels(arrays[members[0]], kinds[members[0]], tolerance, proper, law)
            alignment.classes.append(_same_class(members, Rs, ps, levels, law, proper))
    return alignment


def _same_class(
    members: list[int],
    R: list[Array],
    p: list[Labels],
    levels: list,
    law: Output,
    proper: bool,
) -> SameClass:
    carry = _elements(np.stack(R), np.stack(p))

    def pull(targets: list[Tensor]) -> list[Tensor]:
        if len(targets) == 1:
            return targets
        each = zip(carry.rotations, carry.permutations, targets, strict=True)
        return [Elements(g[None], q[None]).act(law, t)[0] for g, q, t in each]

    def project(t: Tensor) -> Tensor:
        return _project(levels, law, proper, t)

    def turn(rotations: Tensor, t: Tensor) -> Tensor:
        same = torch.arange(len(t)).expand(len(rotations), -1)
        return Elements(rotations, same).act(law, t)

    return SameClass(members, pull, project, bool(levels), turn)
