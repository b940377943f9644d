"""Time the kernels on a GPU, each form beside the peers: `make gpu-bench`, or this file.

    python tests/benchmarks/gpu.py                 everything; needs a GPU
    python tests/benchmarks/gpu.py rotations sums  some of it
    python tests/benchmarks/gpu.py --dry-run       tiny sizes on any machine, to see that it runs

It writes `_build/gpu.json`, and the same as a table in `_build/gpu.md`. A contender that is not
installed, or that fails, is a row that says why, and stops nothing. Times are medians between two
events of the GPU's own clock, after a warm-up, with the second-level cache emptied in between. A
dry run writes to `gpu-dry-run` instead, and its times mean nothing.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

from coursetools.device import choose_device, describe_device

DEVICE = choose_device()  # before Triton is imported

import torch  # noqa: E402
from torch import Tensor  # noqa: E402

sys.path.insert(0, str(Path(__file__).parent))

from gpu_cases import CASES, Case, first_line  # noqa: E402

BUILD = Path(__file__).parents[2] / "_build"
REPEATS, WARM_UP = 50, 5
FLUSH = 256 * 2**20  # bytes: more than any second-level cache
COPY = 2**30


def main() -> int:
    """Read the command line, measure, write the report."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("names", nargs="*", help=f"of {', '.join(CASES)}; all if none is given")
    parser.add_argument("--dry-run", action="store_true", help="tiny sizes, on any machine")
    parser.add_argument("--out", type=Path, help="the report, without .json and .md")
    options = parser.parse_args()
    unknown = set(options.names) - set(CASES)
    if unknown:
        parser.error(f"no case is named {', '.join(sorted(unknown))}; there are {', '.join(CASES)}")
    if DEVICE.type != "cuda" and not options.dry_run:
        print(
            "This machine has no GPU that PyTorch sees, so nothing was timed. `make gpu-test` "
            "checks the kernels in Triton's interpreter; --dry-run runs this script on tiny sizes."
        )
        return 0
    out = options.out or BUILD / ("gpu-dry-run" if options.dry_run else "gpu")
    out.parent.mkdir(parents=True, exist_ok=True)
    bandwidth = None if options.dry_run else measure_bandwidth()
    report = {
        "device": describe_device(),
        "dry_run": options.dry_run,
        "torch": torch.__version__,
        "bandwidth": bandwidth,
        "rows": [],
    }
    for name in options.names or CASES:
        for case in CASES[name](DEVICE, options.dry_run):
            report["rows"] += measure(case, bandwidth, options.dry_run)
            out.with_suffix(".json").write_text(json.dumps(report, indent=1))
            out.with_suffix(".md").write_text(table(report))
    print(table(report))
    print(f"written: {out}.json and {out}.md")
    return 0


def measure_bandwidth() -> float:
    """Bytes a second of a copy, read and written: the best of several."""
    source = torch.empty(COPY, dtype=torch.uint8, device=DEVICE)
    into = torch.empty_like(source)
    return 2 * COPY / min(times(lambda: into.copy_(source), dry=False))


def times(work: Callable[[], object], dry: bool) -> list[float]:
    """Seconds of some runs."""
    if DEVICE.type == "cpu":
        begin = time.perf_counter()
        work()
        return [time.perf_counter() - begin]
    for _ in range(1 if dry else WARM_UP):
        work()
    flush = torch.empty(FLUSH, dtype=torch.uint8, device=DEVICE)
    events = []
    for _ in range(2 if dry else REPEATS):
        begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        flush.zero_()
        begin.record()
        work()
        end.record()
        events.append((begin, end))
    torch.cuda.synchronize()
    return [begin.elapsed_time(end) / 1000 for begin, end in events]


def measure(case: Case, bandwidth: float | None, dry: bool) -> list[dict]:
    """A row for each contender."""
    try:
        exact = case.exact()
    except Exception as failure:  # it needs more memory than all others
        exact = None
        print(f"{case.name}: errors are left out ({first_line(failure)})", file=sys.stderr)
    rows = []
    for name, prepare in case.contenders.items():
        row: dict = {"case": case.name, "size": case.size, "direction": case.direction}
        row |= {"form": name, "least_bytes": case.bytes, "least_operations": case.operations}
        try:
            work = prepare()
            compared = exact is not None and name not in case.unordered
            row["error"] = error_of(work(), exact) if compared else None
            seconds = times(work, dry)
            row["seconds"] = statistics.median(seconds)
            row["fastest"], row["repeats"] = min(seconds), len(seconds)
            if bandwidth:
                row["of_bandwidth"] = case.bytes / row["seconds"] / bandwidth
        except Exception as failure:  # a peer may fail in any way; the others go on
            row["why_not"] = f"{type(failure).__name__}: {first_line(failure)}"
        rows.append(row)
        work = None
        if DEVICE.type == "cuda":
            torch.cuda.empty_cache()
        print(f"{case.name}, {case.size}, {case.direction}: {told(row)}", file=sys.stderr)
    return rows


def error_of(results: tuple[Tensor, ...], exact: tuple[Tensor, ...]) -> float:
    """The largest error, relative to the largest entry of that result."""
    errors = [0.0]
    for result, wanted in zip(results, exact, strict=True):
        if result.shape != wanted.shape:
            raise ValueError(f"a result has shape {tuple(result.shape)}, not {tuple(wanted.shape)}")
        if wanted.numel():
            errors.append(float((result.double() - wanted).abs().max() / wanted.abs().max()))
    return max(errors)


def told(row: dict) -> str:
    """One contender in a line."""
    if "why_not" in row:
        return f"{row['form']}: left out ({row['why_not']})"
    error = "" if row["error"] is None else f", error {row['error']:.1e}"
    return f"{row['form']}: {row['seconds'] * 1e6:.1f} us{error}"


def table(report: dict) -> str:
    """The report as Markdown."""
    bandwidth = report["bandwidth"]
    head = [f"# Kernels on {report['device']}", "", f"PyTorch {report['torch']}. "]
    if report["dry_run"]:
        head[-1] += "A dry run on tiny sizes: the times mean nothing."
    else:
        head[-1] += f"A copy moves {bandwidth / 1e9:.0f} GB/s, read and written."
    lines = [*head, ""]
    lines.append("| case | size | direction | form | us | of the bandwidth | error in float32 |")
    lines.append("|---|---|---|---|---|---|---|")
    for row in report["rows"]:
        cells = [row[key] for key in ("case", "size", "direction", "form")]
        if "why_not" in row:
            cells += [f"left out: {row['why_not']}".replace("|", "/"), "", ""]
        else:
            share, error = row.get("of_bandwidth"), row["error"]
            cells.append(f"{row['seconds'] * 1e6:.1f}")
            cells.append("" if share is None else f"{share:.0%}")
            cells.append("not compared" if error is None else f"{error:.1e}")
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
