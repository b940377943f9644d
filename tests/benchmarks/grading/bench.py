"""How many submissions a minute: ours in the sandbox, nbgrader, otter-grader. `make bench-grading`.

The same notebooks with the same answers, one grader after the other, on all cores: ours starts its
workers, each peer runs as many processes as there are cores, each with its share of the class. The
clock runs from the start of the command to its end. Peers live in an environment of their own,
which sees this one's torch and the course. Writes `_build/grading.json`.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from importlib.metadata import Distribution, version
from pathlib import Path
from threading import Event, Thread
from typing import Any

import psutil
from classes import make_class

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
BUILD = ROOT / "_build"
PEERS = {"nbgrader": "nbgrader", "otter": "otter-grader"}
ONE_THREAD = {f"{name}_NUM_THREADS": "1" for name in ("OMP", "MKL", "OPENBLAS")}


class Peak(Thread):
    """Memory of this process's children, shared pages counted once, in MB: the most seen."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.most = 0.0
        self.over = Event()

    def run(self) -> None:
        """Look every half second."""
        while not self.over.wait(0.5):
            total = 0
            for process in psutil.Process().children(recursive=True):
                with suppress(psutil.Error):
                    total += process.memory_full_info().pss
            self.most = max(self.most, total / 1e6)


def timed(commands: list[list[str]], environment: dict[str, str]) -> tuple[float, float, list[str]]:
    """Run commands at the same time: seconds, peak of memory in MB, what each printed."""
    peak = Peak()
    peak.start()
    start = time.perf_counter()
    running = [
        subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment
        )
        for command in commands
    ]
    said = [process.communicate()[0] for process in running]
    seconds = time.perf_counter() - start
    peak.over.set()
    peak.join()
    for process, command in zip(running, commands, strict=True):
        if process.returncode:
            raise SystemExit(f"failed ({process.returncode}): {' '.join(command)}")
    return seconds, peak.most, said


def ours(folder: Path, cores: int) -> tuple[float, float, dict[str, float]]:
    """Grade with `coursetools grade`, sandboxed."""
    out = folder / "out"
    shutil.rmtree(out, ignore_errors=True)
    command = [sys.executable, "-m", "coursetools.cli", "grade", str(folder / "in")]
    command += ["--course", str(ROOT), "--out", str(out), "--workers", str(cores)]
    seconds, peak, _ = timed([command], os.environ | ONE_THREAD)
    points: dict[str, float] = {}
    for row in json.loads((out / "grades.json").read_text(encoding="utf-8")):
        points.setdefault(row["student"], 0)
        points[row["student"]] += row["points"] if row["passed"] else 0
    return seconds, peak, points


def peer(
    name: str, python: Path, stem: str, folder: Path, cores: int
) -> tuple[float, float, dict[str, float]]:
    """Grade with a peer: each process has its share of the class."""
    students = sorted((folder / "in").iterdir())
    commands = []
    for number in range(cores):
        share = folder / f"{name}-{number}"
        shutil.rmtree(share, ignore_errors=True)
        (share / "in").mkdir(parents=True)
        shutil.copy(ROOT / "exercises" / f"{stem}.ipynb", share / "release.ipynb")
        for student in students[number::cores]:
            shutil.copytree(student, share / "in" / student.name)
        commands.append([str(python), str(HERE / f"with_{name}.py"), str(share), stem])
    path = f"{python.parent}{os.pathsep}{os.environ['PATH']}"
    seconds, peak, said = timed(commands, os.environ | ONE_THREAD | {"PATH": path})
    points: dict[str, float] = {}
    for text in said:
        points |= json.loads(text.splitlines()[-1])["points"]
    return seconds, peak, points


def main() -> None:
    """Grade one class with all three, twice, in opposite orders; keep each grader's faster run."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--peers", type=Path, default=ROOT / ".venv-graders")
    parser.add_argument("--students", type=int, default=60)
    parser.add_argument("--stem", default="01_same_molecule_two_answers")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--out", type=Path, default=BUILD / "grading.json")
    options = parser.parse_args()
    python = options.peers / "bin" / "python"
    cores = len(os.sched_getaffinity(0))
    rows: dict[str, dict[str, Any]] = {}
    with tempfile.TemporaryDirectory(prefix="class-") as name:
        folder = Path(name)
        make_class(ROOT, [options.stem], options.students, folder / "in")
        graders = ["coursetools", *PEERS]
        for turn in range(options.rounds):
            for grader in graders if turn % 2 == 0 else reversed(graders):
                if grader == "coursetools":
                    seconds, peak, points = ours(folder, cores)
                    release = version("equivar-course")
                else:
                    seconds, peak, points = peer(grader, python, options.stem, folder, cores)
                    release = _version(options.peers, PEERS[grader])
                row = {
                    "grader": grader,
                    "version": release,
                    "submissions": len(points),
                    "seconds": round(seconds, 2),
                    "per_minute": round(60 * len(points) / seconds, 2),
                    "peak_mb": round(peak),
                    "points": sum(points.values()),
                }
                print(json.dumps(row), flush=True)
                if grader not in rows or row["seconds"] < rows[grader]["seconds"]:
                    rows[grader] = row
    options.out.parent.mkdir(exist_ok=True, parents=True)
    options.out.write_text(json.dumps(list(rows.values()), indent=1) + "\n", encoding="utf-8")
    rate = rows["coursetools"]["per_minute"]
    for grader in PEERS:
        print(f"{rate / rows[grader]['per_minute']:.1f} times {grader}'s submissions a minute")
    print(f"written: {options.out}")


def _version(peers: Path, package: str) -> str:
    (site,) = peers.glob("lib/python*/site-packages")
    found = next(site.glob(f"{package.replace('-', '_')}-*.dist-info"))
    return Distribution.at(found).version


if __name__ == "__main__":
    main()
