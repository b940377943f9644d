"""What the roads cost in seconds, and what seconds buy: book/experiments/four_roads_costs.py.

Two files. `four_roads_costs.json`: milliseconds of a training step and of answering 1,000 clouds,
for each road. All roads take turns, seven times, in one process, and the median counts: what else
the machine does then slows all of them alike. `four_roads_longer.json`: trainings with other
numbers of steps, to compare at equal time and not at equal steps; rows as in `four_roads.json`.

Stop it whenever you like; the next run goes on.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from statistics import median

import torch
from four_roads import ROADS, SEEDS, STEPS, TASKS, Task, job, task, train, train_road

from coursetools.results import Row, run_jobs

RESULTS = Path(__file__).parent.parent / "results"
COSTS, LONGER = RESULTS / "four_roads_costs.json", RESULTS / "four_roads_longer.json"
TIMES = 8  # these roads with so many times the steps, vectors with so many times fewer
LONG_ROADS = ("augmentation", "distances")
ENERGIES = ("charges", "malonaldehyde")
TURNS, TIMED_STEPS, CLOUDS = 7, 100, 1000


def longer_jobs() -> list[Row]:
    """All trainings, seed by seed."""
    return [
        job(name, road, seed, steps)
        for seed in SEEDS
        for name in ENERGIES
        for road, steps in [
            ("vectors", STEPS[name] // TIMES),
            *[(road, STEPS[name] * TIMES) for road in LONG_ROADS],
        ]
    ]


def step_seconds(name: str, road: str, given: Task) -> float:
    """Seconds of a step: a long training less a short one, so that what is done once cancels."""
    odd, lr = name == "handedness", 1e-3
    taken = [
        train_road(road, given, steps=steps, lr=lr, seed=0, odd=odd)[2]
        for steps in (1, 1 + TIMED_STEPS)
    ]
    return (taken[1] - taken[0]) / TIMED_STEPS


def answer_seconds(name: str, road: str, given: Task) -> float:
    """Seconds of answering CLOUDS clouds at once, from positions to numbers, in float32."""
    net, _, _ = train_road(road, given, steps=1, lr=1e-3, seed=0, odd=name == "handedness")
    net.float()
    x = given.test.float()
    x = x.repeat(-(-CLOUDS // len(x)), 1, 1)[:CLOUDS]
    taken = 0.0
    with torch.no_grad():
        for _ in range(2):  # the first call may compile
            start = time.process_time()
            net(ROADS[road].read(x))
            taken = time.process_time() - start
    return taken


def measure_costs(turns: int = TURNS) -> list[Row]:
    """A row for each task and road: the median over turns, after one in which things compile."""
    torch.set_num_threads(1)
    found: dict[tuple[str, str], list[tuple[float, float]]] = {}
    for turn in range(-1, turns):
        for name, roads in TASKS.items():
            given = task(name)
            for road in roads:
                pair = step_seconds(name, road, given), answer_seconds(name, road, given)
                if turn >= 0:
                    found.setdefault((name, road), []).append(pair)
    return [
        {
            "task": name,
            "road": road,
            "step_ms": float(f"{1e3 * median(step for step, _ in pairs):.3g}"),
            "answer_ms": float(f"{1e3 * median(answer for _, answer in pairs):.3g}"),
        }
        for (name, road), pairs in found.items()
    ]


def work(settings: Row) -> Row:
    """All costs at once, as they take turns; the one job of its file."""
    return {"costs": measure_costs(int(settings["turns"]))}


def main() -> None:
    """Measure costs, then do the trainings that are missing."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--quick", action="store_true", help="one turn, and no training")
    options = parser.parse_args()
    about: Row = {"clouds": CLOUDS, "torch": torch.__version__}
    costs = Path("_build/four_roads_costs-quick.json") if options.quick else COSTS
    try:
        run_jobs(costs, about, [{"turns": 1 if options.quick else TURNS}], work)
        if not options.quick:
            run_jobs(LONGER, about, longer_jobs(), train, options.processes)
    except KeyboardInterrupt:
        sys.exit("Stopped. Finished trainings are kept: run this again to go on.")


if __name__ == "__main__":
    main()
