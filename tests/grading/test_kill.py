"""Whatever ends a grading run in the middle: nothing is lost, and nothing is graded twice."""

from __future__ import annotations

import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

import psutil
import pytest

from coursetools.grading.batch import JOURNAL, grade
from coursetools.grading.journal import Journal

from .conftest import hand_in

STUDENTS = [f"student-{number:02}" for number in range(8)]


@pytest.fixture
def submissions(
    tmp_path: Path, notebook: Callable[..., dict[str, Any]], answers: dict[str, str]
) -> Path:
    for number, student in enumerate(STUDENTS):
        right = dict(list(answers.items())[: number % 4])  # 0, 2, 3 or 6 points
        hand_in(tmp_path / "in", student, notebook(right))
    return tmp_path / "in"


POINTS = {student: (0, 2, 3, 6)[number % 4] for number, student in enumerate(STUDENTS)}


def command(course: Path, submissions: Path, out: Path, *more: str) -> list[str]:
    python = [sys.executable, "-m", "coursetools.cli", "grade", "--course", str(course)]
    return [*python, str(submissions), "--out", str(out), "--seed", "7", *more]


def stored(out: Path) -> int:
    """How many results are in the journal, read by another process while it is written."""
    if not (out / JOURNAL).exists():
        return 0
    with closing(sqlite3.connect(f"file:{out / JOURNAL}?mode=ro", uri=True)) as database:
        try:
            return int(database.execute("SELECT count(*) FROM results").fetchone()[0])
        except sqlite3.OperationalError:  # no table yet
            return 0


def is_complete(out: Path) -> None:
    with Journal(out / JOURNAL, last=True) as journal:
        assert {r.student: r.points for r in journal.results()} == POINTS
        assert sorted(row[0] for row in journal.history()) == STUDENTS, "graded twice"


def test_a_run_killed_at_random_moments_goes_on(
    course: Path, submissions: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    moments = random.Random(11)
    for _ in range(5):
        before = stored(out)
        process = subprocess.Popen(
            command(course, submissions, out, "--workers", "1"),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        wanted = before + moments.randint(1, 2)
        while process.poll() is None and stored(out) < wanted:
            time.sleep(0.01)
        time.sleep(moments.uniform(0, 0.5))
        family = []
        with suppress(psutil.Error):
            family = psutil.Process(process.pid).children(recursive=True)
        with suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGKILL)
        process.wait()
        assert stored(out) >= min(wanted, len(STUDENTS))
        _, alive = psutil.wait_procs(family, timeout=30)
        assert not alive, "a process outlived the run"
    summary = grade(course, submissions, out, 7)
    assert summary.reused >= 5
    is_complete(out)
    assert grade(course, submissions, out, 7).reused == len(STUDENTS)
    is_complete(out)


def test_two_runs_do_not_write_into_one_folder(
    course: Path, submissions: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    first = subprocess.Popen(command(course, submissions, out, "--workers", "1"))
    try:
        while not stored(out):
            time.sleep(0.05)
        second = subprocess.run(
            command(course, submissions, out), capture_output=True, text=True, check=False
        )
        assert second.returncode == 2
        assert "another grading writes here" in second.stderr
    finally:
        first.send_signal(signal.SIGINT)
        assert first.wait(60) in (0, 130)


def open_to_others(pid: int) -> list[str]:
    """Where a run listens: beyond this machine, or for more than a request for a page that is none.

    A trusted kernel listens, too, and has a key.
    """
    family = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    found = []
    for process in family:
        with suppress(psutil.Error):
            name = " ".join(process.cmdline())
            ports = [c.laddr for c in process.net_connections("inet") if c.status == "LISTEN"]
            for port in ports if "ipykernel_launcher" not in name else []:
                if port.ip != "127.0.0.1" or _answer(port.port) != 404:
                    found.append(f"{name}: {port}")
    return found


def _answer(port: int) -> int | None:
    try:
        with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as page:
            return int(page.status)
    except HTTPError as error:
        return error.code
    except OSError:
        return None


@pytest.mark.parametrize("results", [0, 1])
def test_ctrl_c_stops_a_run_with_one_sentence(
    course: Path, submissions: Path, tmp_path: Path, results: int
) -> None:
    out = tmp_path / "out"
    run = subprocess.Popen(
        command(course, submissions, out, "--workers", "2"),
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    while run.poll() is None and not (
        stored(out) >= results and psutil.Process(run.pid).children(recursive=True)
    ):
        time.sleep(0.02)
    family = psutil.Process(run.pid).children(recursive=True)
    assert family, "while the solution runs, and while submissions do"
    assert not open_to_others(run.pid)
    os.killpg(run.pid, signal.SIGINT)  # as a terminal does: to all in the foreground
    _, errors = run.communicate(timeout=60)
    assert run.returncode == 130
    assert errors.strip() == "coursetools: stopped; the same command goes on from here"
    _, alive = psutil.wait_procs(family, timeout=30)
    assert not alive, "a process outlived the run"
    assert grade(course, submissions, out, 7, workers=2).reused >= results
    is_complete(out)


@pytest.fixture
def scheduler(tmp_path: Path) -> Iterator[tuple[str, list[subprocess.Popen[bytes]]]]:
    """A Dask scheduler and two workers without nannies, as processes of this machine."""
    pytest.importorskip("distributed")
    python = [sys.executable, "-m", "distributed.cli.dask_scheduler"]
    place = tmp_path / "scheduler.json"
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    processes = [
        subprocess.Popen(
            [*python, "--port", "0", "--no-dashboard", "--scheduler-file", str(place)], **quiet
        )
    ]
    try:
        while not place.exists() or not place.read_text():
            time.sleep(0.05)
            assert processes[0].poll() is None
        address = json.loads(place.read_text())["address"]
        worker = [sys.executable, "-m", "distributed.cli.dask_worker", address, "--no-nanny"]
        for name in ("first", "second"):
            local = ["--local-directory", str(tmp_path / name), "--no-dashboard"]
            arguments = [*worker, "--nthreads", "1", "--name", name, *local]
            processes.append(subprocess.Popen(arguments, **quiet))
        yield address, processes[1:]
    finally:
        for process in processes:
            process.kill()
            process.wait()


def test_a_worker_of_a_running_cluster_that_is_killed_costs_nothing(
    course: Path,
    submissions: Path,
    tmp_path: Path,
    scheduler: tuple[str, list[subprocess.Popen[bytes]]],
) -> None:
    address, workers = scheduler
    out = tmp_path / "out"
    run = subprocess.Popen(
        command(course, submissions, out, "--scheduler", address),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    while stored(out) < 2 and run.poll() is None:
        time.sleep(0.02)
    busy = max(workers, key=lambda w: len(psutil.Process(w.pid).children(recursive=True)))
    family = psutil.Process(busy.pid).children(recursive=True)
    assert family, "the worker should have been judging"
    busy.kill()
    _, errors = run.communicate(timeout=240)
    assert run.returncode == 0, errors
    is_complete(out)
    _, alive = psutil.wait_procs(family, timeout=30)
    assert not alive, "a judge outlived its worker"


def test_workers_of_its_own_agree_with_one_process(
    course: Path, submissions: Path, tmp_path: Path
) -> None:
    summary = grade(course, submissions, tmp_path / "out", 7, workers=2)
    assert summary.files == len(STUDENTS)
    is_complete(tmp_path / "out")


def test_no_scheduler_is_said(course: Path, submissions: Path, tmp_path: Path) -> None:
    run = subprocess.run(
        command(course, submissions, tmp_path / "out", "--scheduler", "tcp://127.0.0.1:9"),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert run.returncode == 2
    assert "no Dask scheduler answers at tcp://127.0.0.1:9" in run.stderr
