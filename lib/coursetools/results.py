"""Experiments that take minutes: run them once, keep each result, and read them on a page."""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import signal
import statistics
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from multiprocessing import get_context
from pathlib import Path

__all__ = ["load_results", "rows_with", "run_experiment", "run_jobs", "size_for_error", "spread"]

Row = dict[str, object]


def run_jobs(
    path: Path, about: Row, jobs: Sequence[Row], work: Callable[[Row], Row], processes: int = 1
) -> list[Row]:
    """Do the jobs that the file has no result of yet, and write it again after each.

    A row is what the job says and what `work` found. Interrupted, the next run goes on where this
    one stopped; a job whose settings changed is another job, and rows of jobs that are no longer
    asked for are dropped.

    Args:
        path: the JSON file.
        about: what the file says of all rows.
        jobs: settings, all that decides a result; what JSON can hold.
        work: from a job to its results; defined in a module, if there are several processes.
        processes: how many at a time, each with one thread.

    Returns:
        All rows, in the order of the jobs.

    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "squares.json"
    >>> rows = run_jobs(file, {}, [{"n": 2}], lambda job: {"square": job["n"] ** 2})
    >>> run_jobs(file, {}, [{"n": 3}, {"n": 2}], lambda job: {"square": job["n"] ** 2})
    [{'n': 3, 'square': 9}, {'n': 2, 'square': 4}]
    """
    from tqdm import tqdm

    about = {**about, "processor": _processor(), "threads": 1}
    found: dict[str, Row] = {}
    if path.exists():
        for row in load_results(path)[0]:
            for job in jobs:
                if job.items() <= row.items():
                    found[_key(job)] = row
    missing = [job for job in jobs if _key(job) not in found]
    with tqdm(desc=path.stem, total=len(jobs), initial=len(found)) as bar:
        for job, result in _results(missing, work, processes):
            found[_key(job)] = {**job, **result}
            _write(path, about, [found[_key(job)] for job in jobs if _key(job) in found])
            bar.update()
    return [found[_key(job)] for job in jobs]


def run_experiment(
    doc: str | None,
    path: Path,
    about: Row,
    jobs: Sequence[Row],
    work: Callable[[Row], Row],
    quick: Sequence[Row] = (),
) -> None:
    """The command line of a script in `book/experiments`: do the jobs that are missing.

    It takes `--processes N`, `--out FILE`, and, where there are quick jobs, `--quick` for those
    alone, which go to `_build` and not among the results. Ctrl-C ends it with a sentence.

    Args:
        doc: of the script; its first line describes the command.
        path: the JSON file of the results.
        about: what the file says of all rows.
        jobs: all that the experiment asks for.
        work: from a job to its results, a function of the script.
        quick: jobs of a moment, which show that the script runs.
    """
    parser = argparse.ArgumentParser(description=(doc or "").split("\n", 1)[0])
    parser.add_argument("--processes", type=int, default=1)
    if quick:
        parser.add_argument("--quick", action="store_true", help=f"{len(quick)} short jobs alone")
    parser.add_argument("--out", type=Path, help=f"default: book/results/{path.name}")
    options = parser.parse_args()
    if getattr(options, "quick", False):
        jobs, path = quick, Path("_build") / f"{path.stem}-quick.json"
    out = options.out or path
    try:
        run_jobs(out, about, jobs, work, options.processes)
    except KeyboardInterrupt:
        sys.exit(f"Stopped. Finished jobs are in {out}: run this again to go on.")


def _key(job: Row) -> str:
    return json.dumps(job, sort_keys=True)


def _results(
    jobs: Sequence[Row], work: Callable[[Row], Row], processes: int
) -> Iterator[tuple[Row, Row]]:
    if processes == 1:
        for job in jobs:
            yield job, work(job)
        return
    # As in equivar.data.make_molecules: spawned, and a Pool ends its workers at once at Ctrl-C.
    for name in ("OMP_NUM_THREADS", "NUMBA_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = "1"
    ignore = (signal.SIGINT, signal.SIG_IGN)
    with get_context("spawn").Pool(processes, initializer=signal.signal, initargs=ignore) as pool:
        yield from pool.imap_unordered(_With(work), jobs)


class _With:
    """A job beside its result; a class, since workers have to receive it."""

    def __init__(self, work: Callable[[Row], Row]) -> None:
        self.work = work

    def __call__(self, job: Row) -> tuple[Row, Row]:
        return job, self.work(job)


def _write(path: Path, about: Row, rows: Iterable[Row]) -> None:
    """One row a line, so that a changed result is a changed line; whole or not there."""
    lines = ",\n".join(json.dumps(row) for row in rows)
    path.parent.mkdir(parents=True, exist_ok=True)
    whole = path.with_suffix(".tmp")
    whole.write_text(f'{{"about": {json.dumps(about)},\n"rows": [\n{lines}\n]}}\n', "utf-8")
    whole.replace(path)


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        return next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def load_results(path: Path) -> tuple[list[Row], Row]:
    """The rows that an experiment wrote, and what it says of them all.

    Args:
        path: the JSON file.

    Raises:
        ValueError: there is no such file, or it is none that `run_jobs` wrote.
    """
    try:
        report = json.loads(path.read_text(encoding="utf-8"))
        return report["rows"], report["about"]
    except (OSError, KeyError, TypeError, json.JSONDecodeError) as error:
        raise ValueError(
            f"{path} holds no results ({error!r}); run the script of the same name in "
            "book/experiments, which makes it"
        ) from None


def rows_with(rows: Iterable[Row], **wanted: object) -> list[Row]:
    """The rows with these settings, in the order in which they stand: that of the seeds.

    >>> some = [{"net": "a", "seed": 0}, {"net": "b", "seed": 0}, {"net": "a", "seed": 1}]
    >>> rows_with(some, net="a")
    [{'net': 'a', 'seed': 0}, {'net': 'a', 'seed': 1}]
    """
    return [row for row in rows if wanted.items() <= row.items()]


def spread(values: Sequence[float], digits: int = 1) -> str:
    """Mean and standard deviation over the seeds, for a text.

    >>> spread([1.0, 2.0, 3.0])
    '2.0 ± 1.0'
    """
    return f"{statistics.fmean(values):.{digits}f} ± {statistics.stdev(values):.{digits}f}"


def size_for_error(sizes: Sequence[float], errors: Sequence[float], error: float) -> float | None:
    """How much data a learning curve needs for an error, between its points; never beyond them.

    Learning curves are close to power laws, so lines are drawn between logarithms. Where a curve
    is not monotonic, it is the first crossing that counts.

    Args:
        sizes: of the training sets, rising.
        errors: at each size, above 0.
        error: the error wanted, above 0.

    Returns:
        The size; None if the curve does not reach the error, or begins below it.

    A power law is met exactly:

    >>> round(size_for_error([25, 100, 400], [0.2, 0.1, 0.05], 0.2 / 2**0.5), 6)
    50.0
    >>> print(size_for_error([25, 100, 400], [0.2, 0.1, 0.05], 0.01))
    None
    """
    for n, m, worse, better in zip(sizes, sizes[1:], errors, errors[1:], strict=False):
        if worse >= error >= better:
            share = math.log(worse / error) / math.log(worse / better) if worse > better else 0.0
            return float(n * (m / n) ** share)
    return None
