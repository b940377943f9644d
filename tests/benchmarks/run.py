"""Run the benchmarks and write `_build/benchmarks.json`: `make bench`, or this file with names.

    python tests/benchmarks/run.py                  all of them
    python tests/benchmarks/run.py convolution      bench_convolution.py alone
    python tests/benchmarks/run.py --quick          a tenth of the time for each case

Rows of cases that were not run this time are kept. Each file runs in a process of its own, twice:
with the default allocator, and with one that keeps its pages, which takes page faults out of the
comparison and is kinder to peers that allocate much.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import platform
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).parent
OUT = HERE.parent.parent / "_build" / "benchmarks.json"
KEEP_PAGES = {"MALLOC_MMAP_THRESHOLD_": str(2**30), "MALLOC_TRIM_THRESHOLD_": str(2**34)}
ONE_THREAD = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"}


def main() -> None:
    """Read the command line and run what it names."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("names", nargs="*", help="bench_NAME.py; all of them if none is given")
    parser.add_argument("--quick", action="store_true", help="fewer repeats")
    parser.add_argument("--out", type=Path, default=OUT)
    parser.add_argument("--worker", choices=("default", "pages kept"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    names = options.names or [
        p.stem.removeprefix("bench_") for p in sorted(HERE.glob("bench_*.py"))
    ]
    if options.worker:
        _work(names[0], options.worker, options.quick)
        return
    missing = [name for name in names if not (HERE / f"bench_{name}.py").exists()]
    if missing:
        parser.error(f"no benchmark named {', '.join(missing)} in {HERE}")
    options.out.parent.mkdir(exist_ok=True, parents=True)
    failed = []
    for name in names:
        for allocator, settings in {"default": {}, "pages kept": KEEP_PAGES}.items():
            command = [sys.executable, __file__, name, "--worker", allocator]
            command += ["--quick"] if options.quick else []
            environment = os.environ | ONE_THREAD | settings
            done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True)
            if done.returncode:
                failed.append(f"{name} ({allocator})")
                continue
            _store(options.out, name, allocator, json.loads(done.stdout.splitlines()[-1]))
    print(f"written: {options.out}")
    if failed:
        sys.exit(f"these did not finish, their old rows were kept: {', '.join(failed)}")


def _work(name: str, allocator: str, quick: bool) -> None:
    import torch

    sys.path.insert(0, str(HERE))
    from harness import LONGEST, measure, measure_machine

    torch.set_num_threads(1)
    cases = importlib.import_module(f"bench_{name}").cases
    machine = measure_machine()
    rows: list[dict] = []
    for case in cases():
        began = time.perf_counter()
        found = measure(case, machine, LONGEST / 10 if quick else LONGEST)
        rows += [row | {"file": name, "allocator": allocator} for row in found]
        for row in found:
            told = f"{row['ratio']:6.2f}x {row['peer']}" if row["ratio"] else "no peer"
            bar = f" (bar {row['bar']:g})" if row.get("bar") else ""
            print(
                f"[{allocator}] {case.case}, {case.size}, {case.direction}: {told}{bar}"
                f"  {row['ours_s'] * 1e3:.3g} ms, {time.perf_counter() - began:.0f} s",
                file=sys.stderr,
                flush=True,
            )
    limits = {"bandwidth": machine.bandwidth, "cached": machine.cached, "flops": machine.flops}
    print(json.dumps({"rows": rows, "machine": limits | _describe()}))


def _describe() -> dict[str, str]:
    import torch

    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        names = [x for x in cpuinfo.read_text().splitlines() if x.startswith("model name")]
        model = names[0].partition(":")[2].strip() if names else model
    return {"processor": model, "python": platform.python_version(), "torch": torch.__version__}


def _store(out: Path, name: str, allocator: str, found: dict) -> None:
    """Replace the rows of one file and allocator; the rest stays."""
    report = json.loads(out.read_text()) if out.exists() else {"rows": [], "machine": {}}
    old = [r for r in report["rows"] if (r["file"], r["allocator"]) != (name, allocator)]
    report = {"machine": found["machine"], "rows": old + found["rows"]}
    out.with_suffix(".part").write_text(json.dumps(report, indent=1))
    out.with_suffix(".part").replace(out)


if __name__ == "__main__":
    main()
