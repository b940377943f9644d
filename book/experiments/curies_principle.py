"""What lecture 11 does beside its subject: minimizing, untrained networks, net forces, drawings."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Sequence

import torch
from matplotlib.axes import Axes
from torch import Tensor

from equivar import plots
from equivar.data import molecules, small_molecules
from equivar.features import split
from equivar.models import EuclideanNet, ForceField, PlainForceField
from equivar.stabilizer import Stabilizer, best_reachable, stabilizer
from equivar.train import fit, fit_forces, predict_forces

MOMENTS = "1o + 2e + 3o + 4e"


def short(value: float) -> str:
    """One digit and a power of ten; 0 is 0."""
    return f"{value:.0e}" if value else "0"


def between(values: Iterable[float]) -> str:
    """The smallest and the largest of some small numbers, as text."""
    low, *_, high = [short(value) for value in sorted([*values] * 2)]
    return low if low == high else f"{low} to {high}"


def spread(values: Sequence[float]) -> str:
    """Mean and standard deviation of small numbers; of one number the number."""
    mean = f"{statistics.fmean(values):.2g}"
    return f"{mean} ± {statistics.stdev(values):.1g}" if len(values) > 1 else mean


def minimize(
    parameters: Iterable[Tensor], loss: Callable[[], Tensor], steps: int = 150, rounds: int = 3
) -> float:
    """L-BFGS until the gradient is rounding; the loss after it."""
    parameters = list(parameters)

    def closure() -> Tensor:
        optimizer.zero_grad()
        value = loss()
        value.backward()
        return value

    for _ in range(rounds):
        optimizer = torch.optim.LBFGS(
            parameters,
            max_iter=steps,
            history_size=30,
            tolerance_grad=1e-14,
            tolerance_change=0.0,
            line_search_fn="strong_wolfe",
        )
        optimizer.step(closure)
    return loss().item()


def molecule(name: str) -> tuple[Tensor, Sequence[str], Stabilizer, str]:
    """Atoms exactly where their symmetry wants them, kinds, symmetry, and the dipole's size.

    The dipole is the stored one, as text; SF6 is not stored, and an octahedron of any size.
    """
    if name == "SF6":
        corner = 1.5 * torch.eye(3, dtype=torch.float64)
        positions, symbols = torch.cat([0 * corner[:1], corner, -corner]), tuple("SFFFFFF")
        dipole = "–"
    else:
        found = next(m for m in small_molecules() if m.name == name)
        positions, symbols = found.positions, found.symbols
        dipole = f"{found.dipole.norm():.6f}"
    s = stabilizer(positions, symbols)
    return best_reachable(s, positions - s.center, "1o", per_point=True), symbols, s, dipole


def moments(positions: Tensor, symbols: Sequence[str], seed: int) -> list[float]:
    """Sizes of four answers of an untrained network, `MOMENTS`, over their common size."""
    torch.manual_seed(seed)
    hidden = "4x0e + 4x1o + 4x2e + 4x3o + 4x4e"
    net = EuclideanNet("3x0e", MOMENTS, hidden, layers=2, lmax=4, n_neighbours=5.0)
    kinds = sorted(set(symbols))
    x = torch.eye(3)[[kinds.index(symbol) for symbol in symbols]]
    y = net(x, positions)[0].detach()
    return [(part.norm() / y.norm()).item() for part in split(MOMENTS, y)]


def vibrations(energy: Callable[[Tensor], Tensor], positions: Tensor) -> tuple[Tensor, Tensor]:
    """Stiffness of each vibration, over the largest; and the motions, arrows of common length 1.

    From the second derivatives of an energy of positions (n, 3), among the motions that neither
    move nor turn the n atoms as a whole: (3n - 6,) and (3n - 6, n, 3).
    """
    n = len(positions)
    hessian = torch.autograd.functional.hessian(energy, positions).reshape(3 * n, 3 * n)
    axes = torch.eye(3).to(positions)
    spin = torch.linalg.cross(axes[:, None], positions.expand(3, n, 3))
    rigid = torch.cat([axes.repeat(1, n), spin.flatten(1)])
    V = torch.linalg.svd(rigid).Vh[6:]
    values, vectors = torch.linalg.eigh(V @ hessian @ V.mT)
    return values / values.abs().max(), (vectors.mT @ V).unflatten(1, (n, 3))


def net_forces(seeds: Iterable[int]) -> dict[str, list[list[float]]]:
    """Net force and torque of malonaldehyde's data and of two models trained on it, a pair a seed.

    In float32, as force fields are trained: the control with 400 conformations and 500 steps, the
    force field with 20 steps; 100 other conformations are asked about. In eV/angstrom and eV.
    """
    data = molecules("malonaldehyde")
    X, F = data.positions.float(), data.forces.float()
    E = (data.energies - data.energies.mean()).float()
    x, f, e, test, unit = X[:400], F[:400], E[:400], X[1400:1500], F[:400].std().item()
    found: dict[str, list[list[float]]] = {"data": [pull_and_twist(test, F[1400:1500])]}
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float32)
    for seed in seeds:
        torch.manual_seed(seed)
        plain = PlainForceField(x.mean(0), x.std(0), unit=unit)
        fit(plain, [x], f, steps=500, seed=seed)
        answer = pull_and_twist(test, plain(test).detach())
        found.setdefault("coordinates", []).append(answer)
        field = ForceField((1, 6, 8), "8x0e + 4x1o", cutoff=4.0, n_neighbours=6.0, scale=unit)
        fit_forces(field, data.numbers, x, e, f, steps=20, batch=4, seed=seed)
        answer = pull_and_twist(test, predict_forces(field, data.numbers, test)[1])
        found.setdefault("force field", []).append(answer)
    torch.set_default_dtype(before)
    return found


def pull_and_twist(positions: Tensor, forces: Tensor) -> list[float]:
    """Mean size of the net force and of the net torque about the center: (m, n, 3) twice."""
    arm = positions - positions.mean(dim=1, keepdim=True)
    both = forces.sum(dim=1), torch.linalg.cross(arm, forces).sum(dim=1)
    return [v.norm(dim=-1).mean().item() for v in both]


def draw_arrows(axis: Axes, start: Tensor, arrow: Tensor, name: str, title: str) -> None:
    """A flat shape, dotted; arrows at its corners; and the shape that they lead to."""
    muted, tone = plots.color("muted"), plots.color(name)
    for corners, style in (
        (start, {"color": muted, "ls": ":"}),
        (start + arrow, {"color": tone, "lw": 2}),
    ):
        x, y, _ = torch.cat([corners, corners[:1]]).T
        axis.plot(x, y, **style)
    (x, y, _), (u, v, _) = start.T, arrow.T
    axis.quiver(x, y, u, v, angles="xy", scale_units="xy", scale=1, color=tone, width=0.015)
    axis.set(xlim=(-2.4, 2.4), ylim=(-2.0, 2.0), aspect="equal", title=title)
    axis.set_axis_off()


def draw_levels(axis: Axes, columns: Sequence[tuple[str, Tensor]]) -> list[list[int]]:
    """A column of bars for each set of values, equal ones side by side; how many share each."""
    counted = []
    for k, (tone, values) in enumerate(columns):
        unit = (values - values.min()) / (values.max() - values.min())
        heights, counts = unit.round(decimals=7).unique(return_counts=True)
        counted.append(sorted(counts.tolist()))
        for y, n in zip(heights.tolist(), counts.tolist(), strict=True):
            for i in range(n):
                x = k + 0.27 * (i - n / 2)
                axis.plot(
                    [x + 0.04, x + 0.23],
                    [y, y],
                    lw=3,
                    color=plots.color(tone),
                    solid_capstyle="butt",
                )
    axis.set(yticks=[], ylabel="stiffness, scaled")
    axis.grid(visible=False)
    return counted
