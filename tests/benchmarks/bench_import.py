"""How long it takes until there is a model: the import, after torch, and building it.

Each measurement is a process of its own, which starts its clock when torch is there and reports
what its clock says; so an interpreter's start and torch's import are in neither number. Files are
in the page cache and bytecode is compiled, as on any day but the first. The model is that of
bench_models, two layers with 24,289 weights; e3nn's is built of its parts, with as many. Memory is
that of the process, above what it was with torch.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial

import torch
from harness import Case, Elsewhere, status_kb

HIDDEN = "32x0e + 32x1o + 32x2e"
WEIGHTS = 24_289
BAR = 5.0


def cases() -> Iterator[Case]:
    """The import alone, and with a model."""
    for what in ("import", "import and model"):
        yield Case(
            "import of the library",
            what,
            "start",
            partial(_elsewhere, "ours", what),
            {name: partial(_elsewhere, name, what) for name in ("e3nn", "e3nn scripted")},
            bar=BAR if what == "import and model" else None,
        )


def _elsewhere(who: str, what: str) -> Elsewhere:
    done = subprocess.run(
        [sys.executable, __file__, who, what], capture_output=True, text=True, check=True
    )
    seconds, megabytes = map(float, done.stdout.split())
    return Elsewhere(seconds, megabytes)


def _report(who: str, what: str) -> None:
    """Import and build, in a process that has done nothing else."""
    torch.set_num_threads(1)
    works: dict[str, Callable[[bool], torch.nn.Module | None]] = {
        "ours": _ours,
        "e3nn": partial(_e3nn, mode="eager"),
        "e3nn scripted": partial(_e3nn, mode="script"),
    }
    before, start = status_kb("VmRSS"), time.perf_counter()
    model = works[who](what != "import")
    seconds = time.perf_counter() - start
    grown = status_kb("VmHWM") - before
    if model is not None:
        assert sum(p.numel() for p in model.parameters()) == WEIGHTS
    print(seconds, max(grown, 0) / 1000)


def _ours(build: bool) -> torch.nn.Module | None:
    from equivar.models import ForceField

    return ForceField((29,), HIDDEN) if build else None


def _e3nn(build: bool, mode: str) -> torch.nn.Module | None:
    import e3nn
    from e3nn import nn, o3

    if not build:
        return None
    e3nn.set_optimization_defaults(jit_mode=mode)
    silu, filters = torch.nn.functional.silu, o3.Irreps.spherical_harmonics(2)

    def layer(irreps_in: str, between: str, gate: torch.nn.Module) -> torch.nn.ModuleList:
        here, made = o3.Irreps(irreps_in), o3.Irreps(between)
        paths = [(k if len(here) > 1 else 0, k, k, "uvu", True) for k in range(3)]
        product = o3.TensorProduct(
            here, filters, made, paths, shared_weights=False, internal_weights=False
        )
        radial = nn.FullyConnectedNet([8, 32, product.weight_numel], silu)
        mix = o3.Linear(here, here), o3.Linear(made, gate.irreps_in)
        own = o3.Linear(here, gate.irreps_in, biases=True)
        return torch.nn.ModuleList([product, radial, *mix, own, gate])

    def gate(n: int, gated: str) -> torch.nn.Module:
        gates = (f"{n}x0e", [torch.sigmoid]) if n else ("", [])
        return nn.Gate("32x0e", [silu], *gates, gated)

    return torch.nn.ModuleList(
        [
            o3.SphericalHarmonics(filters, True, "component"),
            o3.Linear("1x0e", "32x0e"),
            layer("32x0e", HIDDEN, gate(64, "32x1o + 32x2e")),
            layer(HIDDEN, "32x0e + 32x0e + 32x0e", gate(0, "")),
            torch.nn.Sequential(torch.nn.Linear(32, 32), torch.nn.SiLU(), torch.nn.Linear(32, 1)),
        ]
    )


if __name__ == "__main__":
    _report(*sys.argv[1:])
