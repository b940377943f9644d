"""The debate, settled for one molecule: python book/experiments/debate.py.

Ethanol's dipole moment, told about rotations in six ways, each within the same seconds. Five are
trained: on turned copies; on turned copies with a penalty; on turned copies, eight small trainings
whose answers are averaged; on invariant inputs; with features that are vectors. The sixth is the
first, averaged over the 60 rotations of an icosahedron when it is asked. Each training is a row of
`book/results/debate.json`: the error on turned molecules, the symmetry error, the worst rotation
that a search finds, and what training and answers cost.

Stop it whenever you like; the next run goes on. All of it takes about 40 minutes on one core.
Seconds are those of one processor thread. Learning rates were chosen from 0.1, 0.03, 0.01, 0.003
and 0.001 for each network, one training of 2 s and one of 8 s each, and the smaller where these
disagreed; for the augmented one also of 32 s, where two larger networks did no better. All on
molecules that neither training nor test has.
"""

from __future__ import annotations

import time
from copy import deepcopy
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from statistics import median
from typing import Any

import augmentation_cost as cost
import torch
from debate_networks import MEMBERS, Answer, Ensemble, averaged, build, punish, two_turns
from torch import Tensor, nn

from coursetools.results import Row, run_experiment
from equivar.averaging import solid_rotations
from equivar.measure import worst_rotation
from equivar.models import parameter_count
from equivar.rotations import random_rotations
from equivar.train import fit

RESULTS = Path(__file__).parent.parent / "results" / "debate.json"
SEEDS, BUDGETS, QUICK = range(5), (0.5, 2, 8, 32), 20
CLOUDS, TURNS, STARTS, CLIMB = 32, 128, 8, 40  # molecules searched, and how


@dataclass(frozen=True)
class Way:
    """A way to tell a network, what a step of it costs, and its learning rate."""

    ms: float  # the middle of seven timings, all networks in turns
    lr: float
    lr_long: float  # from 32 s on
    budgets: tuple[float, ...] = BUDGETS


WAYS = {
    "augmented": Way(1.0, 0.03, 0.01, (*BUDGETS, 128)),
    "penalty": Way(1.75, 0.01, 0.01),
    "ensemble": Way(1.0, 0.03, 0.03, (8, 32)),  # each member has an eighth of the seconds
    "invariants": Way(0.92, 0.003, 0.003),
    "vectors": Way(10.7, 0.03, 0.03),
}
AT_TEST = "averaged"  # the augmented network, averaged when it is asked


# ---- one training -------------------------------------------------------------------------------


def learn(
    way: str, given: cost.Task, *, steps: int, lr: float, seed: int
) -> tuple[nn.Module, float]:
    """Train in float32; return the network in float64, and the seconds of one thread."""
    x, y = given.x.float(), given.y.float()
    torch.manual_seed(seed)
    net = build(way, x)
    rest: dict[str, Any] = {}
    if way == "augmented":
        rest = {"augment": cost.turn}
    elif way == "penalty":
        rest = {"augment": two_turns, "loss": punish}
    if way == "ensemble":
        rest, steps = {"augment": cost.turn}, steps // MEMBERS
    start = time.process_time()
    for k, one in enumerate(net.members if isinstance(net, Ensemble) else [net]):
        fit(one, [x], y, steps=steps, batch=cost.BATCH, lr=lr, seed=100 * k + seed, **rest)
    return deepcopy(net).double(), time.process_time() - start


@cache
def turned_test(validation: bool = False) -> tuple[Tensor, Tensor, Tensor]:
    """Test molecules, each in its own random orientation, the true answers, and rotations."""
    given = cost.task("dipole", validation)
    R = random_rotations(len(given.x_test), torch.Generator().manual_seed(1001))
    return given.x_test, given.y_test, R


def search(f: Answer, starts: int = STARTS, seed: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    """Errors of some molecules over random rotations, and the worst error that a climb finds.

    Returns:
        Errors at random rotations (CLOUDS, TURNS), the worst rotations (CLOUDS, 3, 3), and theirs.
    """
    x, y = (some[:: len(turned_test()[0]) // CLOUDS][:CLOUDS] for some in turned_test()[:2])

    def errors(R: Tensor) -> Tensor:
        """How wrong the answers are at rotations (CLOUDS * k, 3, 3), some for each molecule."""
        k = len(R) // CLOUDS
        some, wanted = (t.repeat_interleave(k, dim=0) for t in (x, y))
        wanted = torch.einsum("bij,bj->bi", R, wanted)
        return torch.linalg.vector_norm(f(some @ R.mT) - wanted, dim=-1)

    draw = torch.Generator().manual_seed(seed)
    random = random_rotations(CLOUDS * TURNS, draw)
    with torch.no_grad():
        drawn = errors(random).unflatten(0, (CLOUDS, TURNS))
    first = drawn.topk(starts, dim=1).indices  # begin where it is bad already
    begin = random.unflatten(0, (CLOUDS, TURNS)).gather(
        1, first[..., None, None].expand(-1, -1, 3, 3)
    )
    R, found = worst_rotation(errors, begin.flatten(0, 1), CLIMB)
    worst, where = found.unflatten(0, (CLOUDS, starts)).max(dim=1)
    return drawn, R.unflatten(0, (CLOUDS, starts))[torch.arange(CLOUDS), where], worst


def short(value: Tensor | float) -> float:
    """Four digits."""
    return float(f"{float(value):.4g}")


def judge(f: Answer, searched: bool = True) -> Row:
    """Errors and symmetry errors, in units of the labels' root mean square."""
    x, y, R = turned_test()
    with torch.no_grad():
        plain, turned = f(x), f(x @ R.mT)
        back = torch.einsum("bji,bj->bi", R, turned)
        found: Row = {
            "test": short((plain - y).norm() / y.norm()),
            "symmetry": short((back - plain).norm() / plain.norm()),
        }
    if searched:
        drawn, _, worst = search(f)
        found |= {
            "mean_error": short(drawn.mean()),
            "worst_drawn": short(drawn.amax(dim=1).mean()),
            "worst_found": short(worst.mean()),
            "worst_of_all": short(worst.max()),
        }
    return found


def answer_ms(net: nn.Module, rotations: Tensor | None) -> float:
    """Milliseconds of a thread for the answers to 1,000 molecules, in float32."""
    net = deepcopy(net).float()
    x = turned_test()[0].float().repeat(3, 1, 1)[:1000]
    f = net if rotations is None else averaged(net, rotations)
    taken = []
    with torch.no_grad():
        for _ in range(4):
            start = time.process_time()
            f(x)
            taken.append(time.process_time() - start)
    return float(f"{1e3 * median(taken[1:]):.3g}")


def job(way: str, seed: int, budget: float, steps: int) -> Row:
    """The settings of one training."""
    lr = WAYS[way].lr_long if budget >= 32 else WAYS[way].lr
    return {"way": way, "seed": seed, "budget": budget, "steps": steps, "lr": lr}


def quick_jobs() -> list[Row]:
    """Trainings of a moment, which the tests repeat; a budget of 0 stands for none."""
    return [job(way, 0, 0, QUICK) for way in WAYS if way != "ensemble"]


def all_jobs() -> list[Row]:
    """All trainings, seed by seed, the ways of a budget side by side."""
    return quick_jobs() + [
        job(name, seed, budget, round(1000 * budget / way.ms))
        for budget in (*BUDGETS, 128)
        for seed in SEEDS
        for name, way in WAYS.items()
        if budget in way.budgets
    ]


def train(settings: Row) -> Row:
    """Train one network and measure it; the same job gives the same numbers."""
    torch.set_num_threads(1)
    way, quick = str(settings["way"]), settings["budget"] == 0
    schedule: dict[str, Any] = {key: settings[key] for key in ("steps", "lr", "seed")}
    given = cost.task("dipole")
    learn(way, given, steps=1, lr=1e-3, seed=0)  # compiles, before the clock runs
    net, seconds = learn(way, given, **schedule)
    found: Row = {"parameters": parameter_count(net), "seconds": round(seconds, 3)}
    found |= {"answer_ms": answer_ms(net, None), **judge(net, not quick)}
    if way == "augmented" and not quick:
        sixty = solid_rotations("icosahedron")
        mean = judge(averaged(net, sixty))
        found[AT_TEST] = {"answer_ms": answer_ms(net, sixty), **mean}
        found["by_count"] = {str(k): _by_count(net, k) for k in (1, 4, 16, 64)}
    if isinstance(net, Ensemble):
        parts = [Ensemble(list(net.members)[:k]) for k in (1, 2, 4, 8)]
        some = [judge(part, searched=False) for part in parts]
        found["by_count"] = {
            str(len(p.members)): [e["test"], e["symmetry"]]
            for p, e in zip(parts, some, strict=True)
        }
    return found


def _by_count(net: nn.Module, k: int) -> list[float]:
    """Test error and symmetry error of a mean over k random rotations."""
    draw = torch.Generator().manual_seed(k)
    found = judge(averaged(net, random_rotations(k, draw)), searched=False)
    return [found["test"], found["symmetry"]]  # type: ignore[list-item]


def main() -> None:
    """Do what is missing."""
    about: Row = {
        "unit": "root mean square of the labels",
        "seconds": "of one processor thread",
        "torch": torch.__version__,
    }
    run_experiment(__doc__, RESULTS, about, all_jobs(), train, quick_jobs())


if __name__ == "__main__":
    main()
