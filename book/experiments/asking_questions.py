"""What lecture 12 fits and trains, and the frames it tries; the lecture asks the questions.

A *covariant fit* is linear: features that turn as the target does, times weights that do not turn.
Its solution is exact, so that nothing but the question decides how good it is.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from matplotlib.axes import Axes
from torch import Tensor

from coursetools.results import load_results
from equivar.audit import Audit
from equivar.models import EuclideanNet, parameter_count
from equivar.plots import color
from equivar.so3 import clebsch_gordan, spherical_harmonics

RESULTS = Path(__file__).parent.parent / "results" / "qm9_tensors.json"
SEEDS = range(5)
KIND = torch.zeros(10, dtype=torch.int64)
KIND[[1, 6, 7, 8, 9]] = torch.arange(5)  # H, C, N, O, F
CENTERS = torch.tensor([1.1, 1.5, 2.2, 2.8, 3.6, 4.6], dtype=torch.float64)  # angstrom
SIX = [0, 1, 3, 1, 2, 4, 3, 4, 5]  # the places of xx xy xz, yx yy yz, zx zy zz among the six


def column(name: str) -> Tensor:
    """A column of the extract of QM9, one row a molecule; six numbers as matrices (n, 3, 3)."""
    rows, _ = load_results(RESULTS)
    values = torch.tensor([row[name] for row in rows], dtype=torch.float64)
    return values[:, SIX].unflatten(1, (3, 3)) if values.shape[1:] == (6,) else values


def molecules() -> tuple[list[Tensor], list[Tensor], list[str]]:
    """Positions (n, 3) in angstrom, atomic numbers (n,) and SMILES of each molecule."""
    rows, _ = load_results(RESULTS)
    x = [torch.tensor(row["positions"], dtype=torch.float64) for row in rows]
    return x, [torch.tensor(row["numbers"]) for row in rows], [str(r["smiles"]) for r in rows]


def five(a: Tensor) -> Tensor:
    """The 2e part of symmetric matrices (..., 3, 3): (..., 5)."""
    return torch.einsum("ijk,...ij->...k", clebsch_gordan(1, 1, 2).to(a), a)


def pair_features(numbers: Tensor, r: Tensor, l: int) -> Tensor:
    """Sums over pairs of Y_l of their direction, by elements and length: (150, 2l + 1)."""
    i, j = torch.combinations(torch.arange(len(r))).T
    swap = numbers[i] > numbers[j]
    i, j = torch.where(swap, j, i), torch.where(swap, i, j)  # from the lighter to the heavier
    v = r[j] - r[i]
    d = v.norm(dim=-1, keepdim=True)
    harmonics = spherical_harmonics(l, v / d)[:, l * l :]  # (pairs, 2l + 1)
    bins = torch.exp(-(((d - CENTERS.to(d)) / 0.4) ** 2))  # (pairs, 6)
    if l % 2:  # between two of one element there is a line, and no direction
        bins = bins * (numbers[i] != numbers[j])[:, None]
    found = torch.zeros(25, 6, 2 * l + 1, dtype=r.dtype)
    kind = KIND.to(numbers)[numbers]
    which = 5 * kind[i] + kind[j]
    return found.index_add_(0, which, bins[..., None] * harmonics[:, None]).flatten(0, 1)


def all_features(numbers: Sequence[Tensor], clouds: Sequence[Tensor], l: int) -> Tensor:
    """Features of many clouds, (clouds, 150, 2l + 1)."""
    return torch.stack([pair_features(z, x, l) for z, x in zip(numbers, clouds, strict=True)])


def weights(features: Tensor, targets: Tensor, ridge: float = 1e-2) -> Tensor:
    """The best weights (k,) from features (n, k, d) to targets (n, d)."""
    A, b = features.transpose(1, 2).flatten(0, 1), targets.flatten()
    return torch.linalg.solve(A.T @ A + ridge * torch.eye(A.shape[1]).to(A), A.T @ b)


def explained(features: Tensor, targets: Tensor) -> list[float]:
    """Part of the square of held-out targets that a fit gets right, for five random splits."""
    parts = []
    for seed in SEEDS:
        order = torch.randperm(len(targets), generator=torch.Generator().manual_seed(seed))
        train, test = order[: 3 * len(order) // 4], order[3 * len(order) // 4 :]
        w = weights(features[train], targets[train])
        error = targets[test] - torch.einsum("nkd,k->nd", features[test], w)
        parts.append(1 - (error.square().sum() / targets[test].square().sum()).item())
    return parts


def explained_whole(trace: Sequence[float], rest: Sequence[float], a: Tensor) -> list[float]:
    """What fits explain of matrices a, from what they do of the trace, about its mean, and of 2e.

    Args:
        trace: explained of a third of the trace, less its mean.
        rest: explained of the five other numbers.
        a: symmetric matrices (n, 3, 3).
    """
    third = a.diagonal(dim1=1, dim2=2).mean(dim=1)
    easy = 3 * float((third - third.mean()).square().sum())
    hard = 5 * float(five(a).square().sum())  # the squares of the coefficients add up to 1, not 5
    return [(easy * s + hard * h) / (easy + hard) for s, h in zip(trace, rest, strict=True)]


def train_five(
    x: Sequence[Tensor], r: Sequence[Tensor], y: Tensor, law: str, steps: int, cutoff: float
) -> tuple[list[float], int]:
    """Train five Euclidean networks by L-BFGS, all samples at once.

    Args:
        x: features of the points of each cloud, (n, k) scalars.
        r: positions (n, 3) of each cloud.
        y: targets (clouds, d).
        law: irreps of the targets.
        steps: of L-BFGS.
        cutoff: how far neighbors may be.

    Returns:
        The mean squared errors after training, and how many parameters a network has.
    """
    batch = torch.arange(len(r)).repeat_interleave(torch.tensor([len(one) for one in r]))
    x_all, r_all, losses = torch.cat(list(x)), torch.cat(list(r)), []
    for seed in SEEDS:
        torch.manual_seed(seed)
        net = EuclideanNet(
            f"{x_all.shape[1]}x0e", law, "8x0e + 4x1o + 4x2e", layers=2, cutoff=cutoff,
            n_radial=4, radial_hidden=(16,), n_neighbours=5.0,
        ).to(y)  # fmt: skip
        optimizer = torch.optim.LBFGS(
            net.parameters(), max_iter=steps, history_size=20, line_search_fn="strong_wolfe"
        )

        def closure(net: EuclideanNet = net, optimizer: torch.optim.LBFGS = optimizer) -> float:
            optimizer.zero_grad()
            loss = (net(x_all, r_all, batch=batch) - y).square().mean()
            loss.backward()
            return loss.item()

        optimizer.step(closure)
        losses.append(closure())
    return losses, parameter_count(net)


def charge_frames(numbers: Tensor, r: Tensor) -> Tensor:
    """The 24 right-handed frames (24, 3, 3) along the principal axes of the nuclear charges."""
    w = numbers.to(r)[:, None]
    r = r - (w * r).sum(dim=0) / w.sum()
    axes = torch.linalg.eigh((w * r).mT @ r).eigenvectors
    eye = torch.eye(3).to(r)
    orders = [eye[list(p)] for p in itertools.permutations(range(3))]
    signs = [torch.tensor(v).to(r).diag() for v in itertools.product((1.0, -1.0), repeat=3)]
    ways = axes @ torch.stack([p @ v for p in orders for v in signs])
    return ways[torch.linalg.det(ways) > 0]


def nearest(a: Tensor, frames: Tensor, wanted: Tensor) -> Tensor:
    """Of each matrix, written in frames (n, 24, 3, 3), the 2e part that is closest to wanted."""
    options = five(frames @ a[:, None] @ frames.mT)  # (n, 24, 5)
    best = (options - wanted[:, None]).square().sum(-1).argmin(dim=1)
    return options[torch.arange(len(a)), best]


def chosen_by_fit(
    a: Tensor, frames: Tensor, fit: Callable[[Tensor], Tensor], rounds: int = 10
) -> Tensor:
    """Fit, take of each matrix the frame that is closest to the fit's answer, and repeat."""
    now = five(frames[:, 0] @ a @ frames[:, 0].mT)
    for _ in range(rounds):
        now = nearest(a, frames, fit(now))
    return now


def draw_floors(axes: Axes, names: Sequence[str], reports: Sequence[Audit]) -> None:
    """Bars: the part of each target's variance that is out of reach, and why."""
    own = [r.fraction * float(r.from_symmetry.sum() / r.per_sample.sum()) for r in reports]
    rest = [r.fraction - inner for r, inner in zip(reports, own, strict=True)]
    axes.barh(names, own, color=color("purple"), label="the input's own symmetry")
    axes.barh(names, rest, left=own, color=color("orange"), hatch="//",
              edgecolor=color("paper"), label="images that disagree")  # fmt: skip
    axes.invert_yaxis()
    axes.set(xlim=(0, 0.8), xlabel="part of the target's variance out of reach")
    axes.grid(axis="y", visible=False)
    axes.legend(loc="lower center", bbox_to_anchor=(0.35, 1), ncols=2, frameon=False)
