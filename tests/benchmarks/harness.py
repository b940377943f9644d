"""One case of a benchmark, and how it is measured: interleaved, medians, one thread.

Ours and the peers' functions take turns in one process, and every second round goes through them in
the opposite order: so a slow second of the machine hits all of them alike, and none always follows
the one that leaves the cache full. Times are medians; a ratio is the median of the rounds' ratios,
which is steadier than the ratio of the medians. Memory and accuracy are measured on their own,
before the clock runs.
"""

from __future__ import annotations

import ctypes
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor

Work = Callable[[], "Tensor | tuple[Tensor, ...] | Elsewhere"]

REPEATS = 21
LONGEST = 60.0  # seconds that one case may take; slow cases get fewer repeats, never below 5
ENOUGH = 0.015  # of those seconds: until then short cases are repeated more often


@dataclass(frozen=True)
class Elsewhere:
    """What work that ran in a process of its own reports of itself, in place of results."""

    seconds: float
    peak_mb: float


@dataclass(frozen=True)
class Case:
    """The same work, done by us and by others.

    Attributes:
        case: what is computed: "spherical harmonics, lmax 4, PyTorch".
        size: of the input: "10,000 points".
        direction: "forward", "forward + backward", or what else is done.
        ours: does the work and returns its results, values first, then gradients.
        peers: the same for others; the first is the one that the bar is about. Names that share a
            first word ("e3nn", "e3nn scripted") are forms of one peer.
        reference: the same results in float64; by name, "ours" and the peers', where a peer's
            layer has other weights.
        bytes_moved: the least traffic of the algorithm: inputs read once, results written once.
        flops: the least operations of the algorithm.
        bar: the least ratio to the first peer that we ask of ourselves.
    """

    case: str
    size: str
    direction: str
    ours: Work
    peers: dict[str, Work] = field(default_factory=dict)
    reference: tuple[Tensor, ...] | dict[str, tuple[Tensor, ...]] | None = None
    bytes_moved: float | None = None
    flops: float | None = None
    bar: float | None = None


@dataclass(frozen=True)
class Machine:
    """What this machine can do with one thread.

    Attributes:
        bandwidth: bytes a second of a copy that does not fit in the cache, read and written.
        cached: the same for one that fits in the second-level cache.
        flops: float32 operations a second of a matrix product.
    """

    bandwidth: float
    cached: float
    flops: float


def measure_machine() -> Machine:
    """Measure it, the best of several tries."""
    large, small = torch.randn(32_000_000), torch.randn(40_000)
    into, near = torch.empty_like(large), torch.empty_like(small)
    a, b, c = (torch.randn(1024, 1024) for _ in range(3))

    def best(work: Callable[[], object], inner: int = 1) -> float:
        times = []
        for _ in range(9):
            start = time.perf_counter()
            for _ in range(inner):
                work()
            times.append((time.perf_counter() - start) / inner)
        return min(times)

    return Machine(
        bandwidth=8 * large.numel() / best(lambda: into.copy_(large)),
        cached=8 * small.numel() / best(lambda: near.copy_(small), 200),
        flops=2 * 1024**3 / best(lambda: torch.mm(a, b, out=c)),
    )


def measure(case: Case, machine: Machine, seconds: float = LONGEST) -> list[dict]:
    """Rows for the report, one for each peer (one without a peer if there is none)."""
    works = {"ours": case.ours} | case.peers
    exact = case.reference
    exact = exact if isinstance(exact, dict) else dict.fromkeys(works, exact)
    errors = {name: _error(work(), exact.get(name)) for name, work in works.items()}  # and warm up
    peaks = {name: _peak_mb(work) for name, work in works.items()}
    times = _interleave(works, seconds)
    ours = statistics.median(times["ours"])
    row = {
        "case": case.case,
        "size": case.size,
        "direction": case.direction,
        "ours_s": ours,
        "ours_peak_mb": peaks["ours"],
        "ours_error": errors["ours"],
        "repeats": len(times["ours"]),
    } | _limit(case, machine, ours)
    rows = []
    for number, name in enumerate(case.peers):
        peer = statistics.median(times[name])
        rows.append(
            row
            | {
                "peer": name,
                "peer_s": peer,
                "ratio": statistics.median(
                    theirs / own for theirs, own in zip(times[name], times["ours"], strict=True)
                ),
                "peer_peak_mb": peaks[name],
                "peer_error": errors[name],
                "bar": case.bar if number == 0 else None,
            }
        )
    return rows or [row | {"peer": None, "ratio": None}]


def _interleave(works: dict[str, Work], seconds: float) -> dict[str, list[float]]:
    times: dict[str, list[float]] = {name: [] for name in works}
    began, spent, repeat = time.perf_counter(), 0.0, 0
    while repeat < 5 or spent < (ENOUGH if repeat >= REPEATS else 1.0) * seconds:
        for name in list(works)[:: -1 if repeat % 2 else 1]:
            start = time.perf_counter()
            results = works[name]()
            taken = time.perf_counter() - start
            times[name].append(results.seconds if isinstance(results, Elsewhere) else taken)
            del results
        repeat, spent = repeat + 1, time.perf_counter() - began
    return times


def _limit(case: Case, machine: Machine, seconds: float) -> dict[str, float | str | None]:
    """The least time that memory or arithmetic allows, over the time taken; and which it is."""
    least = {}
    if case.bytes_moved is not None:
        fits = case.bytes_moved < 400_000  # in half a megabyte of second-level cache
        rate = machine.cached if fits else machine.bandwidth
        least["cache" if fits else "memory"] = case.bytes_moved / rate
    if case.flops is not None:
        least["arithmetic"] = case.flops / machine.flops
    name = max(least, key=lambda name: least[name], default=None)
    return {"limit": name, "of_limit": None if name is None else least[name] / seconds}


def _error(
    results: Tensor | tuple[Tensor, ...] | Elsewhere, reference: tuple[Tensor, ...] | None
) -> float | None:
    """The largest error of any result, relative to that result's largest entry."""
    if reference is None or isinstance(results, Elsewhere):
        return None
    results = (results,) if isinstance(results, Tensor) else results
    if len(results) != len(reference):
        raise ValueError(f"got {len(results)} results, but the reference has {len(reference)}")
    errors = []
    for result, exact in zip(results, reference, strict=True):
        if result.shape != exact.shape:
            raise ValueError(f"a result has shape {result.shape}, its reference {exact.shape}")
        if exact.numel():
            errors.append(((result.double() - exact).abs().max() / exact.abs().max()).item())
    return max(errors, default=0.0)


def _peak_mb(work: Work) -> float | None:
    """By how much the process grew at its largest moment, in MB. Linux only."""
    clear = Path("/proc/self/clear_refs")
    if not clear.exists():
        return None
    ctypes.CDLL(None).malloc_trim(0)
    try:
        clear.write_text("5")  # resets the high-water mark
    except OSError:
        return None
    before = status_kb("VmRSS")
    results = work()
    peak = status_kb("VmHWM")
    if isinstance(results, Elsewhere):
        return results.peak_mb
    del results
    return max(peak - before, 0) / 1000


def status_kb(field_name: str) -> float:
    """A number of /proc/self/status, in units of 1,000 bytes."""
    lines = Path("/proc/self/status").read_text().splitlines()
    (line,) = [line for line in lines if line.startswith(field_name + ":")]
    return float(line.split()[1]) * 1.024  # kB
