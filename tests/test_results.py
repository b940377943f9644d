"""Recorded results are whole, a repetition agrees with them, and a run goes on where it stopped."""

from __future__ import annotations

import importlib.util
import json
import math
from pathlib import Path
from types import ModuleType

import pytest

from coursetools.results import (
    load_results,
    rows_with,
    run_experiment,
    run_jobs,
    size_for_error,
    spread,
)

ROOT = Path(__file__).parent.parent


def experiment(name: str) -> ModuleType:
    path = ROOT / "book" / "experiments" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(f"experiment_{name}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    import sys

    sys.modules[spec.name] = module  # dataclasses look there
    spec.loader.exec_module(module)
    return module


FORCES, TETRIS = experiment("force_curves"), experiment("tetris")
TURNED = experiment("turned_digits")
COST = experiment("augmentation_cost")
EXPERIMENTS = [
    pytest.param(FORCES, FORCES.all_jobs(), id="forces"),
    pytest.param(TETRIS, TETRIS.jobs(), id="tetris"),
    pytest.param(TURNED, TURNED.jobs(), id="turned digits"),
    pytest.param(COST, COST.all_jobs(), id="augmentation"),
]


@pytest.mark.parametrize(("module", "jobs"), EXPERIMENTS)
def test_each_training_that_was_asked_for_is_recorded_once(module: ModuleType, jobs: list) -> None:
    rows, _ = load_results(module.RESULTS)
    settings = [{name: row[name] for name in jobs[0]} for row in rows]
    assert settings == jobs
    for row in rows:
        numbers = [value for value in row.values() if isinstance(value, float)]
        assert all(math.isfinite(number) for number in numbers)
        assert row["seconds"] > 0


def test_forces_have_five_seeds_and_all_sizes_of_every_model() -> None:
    rows, about = load_results(FORCES.RESULTS)
    assert FORCES.SIZES == (25, 50, 100, 200, 400, 800)
    for name, model in FORCES.MODELS.items():
        some = [row for row in rows if row["model"] == name and row["steps"] == model.steps]
        assert {(row["size"], row["seed"]) for row in some} == {
            (size, seed) for size in FORCES.SIZES for seed in range(5)
        }
    assert about["test_frames"] >= 200
    counts = {row["model"]: row["parameters"] for row in rows}
    wanted = counts["equivariant, lmax 2"]
    others = [n for name, n in counts.items() if "large" not in name]
    assert max(abs(n - wanted) for n in others) < 0.05 * wanted


def test_recorded_force_fields_are_equivariant_and_the_control_is_not() -> None:
    rows, _ = load_results(FORCES.RESULTS)
    for row in rows:
        if "unconstrained" in row["model"]:
            assert row["equivariance_error"] > 0.05
        else:
            assert row["equivariance_error"] < 1e-4
            assert abs(row["turned_mae"] / row["test_mae"] - 1) < 0.02


def test_tetris_is_what_the_theory_says() -> None:
    rows, _ = load_results(TETRIS.RESULTS)
    expected = {name: 1.0 for name in ("O(3)", "O(3), one mirror image withheld", "SO(3)")}
    expected |= {name: 7 / 8 for name in TETRIS.NETS if name not in expected}
    for row in rows:
        if row["model"] in expected:
            assert row["accuracy"] == expected[row["model"]], row


def test_augmentation_lowers_a_symmetry_error_and_architecture_removes_it() -> None:
    rows, _ = load_results(COST.RESULTS)
    for row in rows:
        errors = [row[kind] for kind in ("rotation", "inversion", "shift")]
        if row["model"] == "equivariant":
            assert max(errors) < 1e-14
        else:
            assert min(errors) > 1e-3
    for name in ("pull", "dipole"):
        counts = {r["model"]: r["parameters"] for r in rows if r["task"] == name}
        assert abs(counts["augmented"] / counts["equivariant"] - 1) < 0.05
        assert len({r["seed"] for r in rows if r["task"] == name and r["steps"] == 2000}) == 5


@pytest.mark.parametrize("job", COST.quick_jobs(), ids=lambda job: f"{job['task']} {job['model']}")
def test_a_training_on_vectors_can_be_repeated(job: dict) -> None:
    found, before = COST.train(job), recorded(COST, job)
    assert found["parameters"] == before["parameters"]
    for name in ("test", "train"):
        assert found[name] == pytest.approx(before[name], rel=0.02), name


def recorded(module: ModuleType, job: dict) -> dict:
    (row,) = rows_with(load_results(module.RESULTS)[0], **job)
    return row


@pytest.mark.parametrize("job", FORCES.quick_jobs(), ids=lambda job: job["model"])
def test_a_training_on_forces_can_be_repeated(job: dict) -> None:
    """Another processor sums in another order, and 30 steps make that grow."""
    found, before = FORCES.train(job), recorded(FORCES, job)
    assert found["parameters"] == before["parameters"]
    for name in ("train_mae", "test_mae", "turned_mae"):
        assert found[name] == pytest.approx(before[name], rel=0.02), name


def test_a_training_on_tetris_can_be_repeated() -> None:
    job = next(job for job in TETRIS.jobs() if job["model"] == "SO(3)" and job["seed"] == 2)
    found, before = TETRIS.train(job), recorded(TETRIS, job)
    assert found["accuracy"] == before["accuracy"]
    assert found["parameters"] == before["parameters"]
    copies = next(job for job in TETRIS.jobs() if job["model"] == "coordinates")
    found, before = TETRIS.train(copies), recorded(TETRIS, copies)
    assert found["accuracy"] == pytest.approx(before["accuracy"], abs=0.02)
    assert found["loss"] == pytest.approx(before["loss"], rel=0.1)


def test_turned_digits_keep_the_group_and_repeat() -> None:
    rows, about = load_results(TURNED.RESULTS)
    for row in rows:
        if row["model"] == "C4":
            assert row["turned"] == row["upright"]
        elif row["model"] == TURNED.UPRIGHT:
            assert row["turned"] < row["upright"] - 0.3
        for k in range(6) if row["model"] == "C4" and "by_angle" in row else ():
            assert len(set(row["by_angle"][k::6])) == 1, "the curve repeats every 90 degrees"
    assert about["angles"] == list(TURNED.ANGLES)
    for name in ("C4", TURNED.QUARTER):
        job = next(job for job in TURNED.jobs() if job["model"] == name and job["steps"] == 50)
        found, before = TURNED.train(job), recorded(TURNED, job)
        assert found["parameters"] == before["parameters"]
        assert found["turned"] == pytest.approx(before["turned"], abs=0.05)


def square(job: dict) -> dict:
    if job["n"] > 9:
        raise KeyboardInterrupt
    return {"square": job["n"] ** 2}


@pytest.mark.parametrize(
    ("words", "file", "rows"),
    [
        ([], "squares.json", [{"n": 2, "square": 4}, {"n": 3, "square": 9}]),
        (["--quick"], "_build/squares-quick.json", [{"n": 1, "square": 1}]),
        (["--quick", "--out", "other.json"], "other.json", [{"n": 1, "square": 1}]),
    ],
)
def test_a_script_writes_where_it_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], file: str, rows: list
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["squares.py", *words])
    jobs: list = [{"n": 2}, {"n": 3}]
    run_experiment("Squares.", Path("squares.json"), {}, jobs, square, quick=[{"n": 1}])
    assert [path.name for path in tmp_path.rglob("*.json")] == [Path(file).name]
    assert load_results(Path(file))[0] == rows


def test_a_stopped_script_says_how_to_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", ["squares.py"])
    file = tmp_path / "squares.json"
    with pytest.raises(SystemExit, match="run this again to go on"):
        run_experiment("Squares.", file, {}, [{"n": 2}, {"n": 10}], square)
    assert load_results(file)[0] == [{"n": 2, "square": 4}]


def test_a_run_goes_on_where_it_was_stopped(tmp_path: Path) -> None:
    file, done = tmp_path / "deep" / "squares.json", []

    def work(job: dict) -> dict:
        if len(done) == 2:
            raise KeyboardInterrupt
        done.append(job["n"])
        return {"square": job["n"] ** 2}

    jobs = [{"n": n} for n in range(4)]
    with pytest.raises(KeyboardInterrupt):
        run_jobs(file, {"what": "squares"}, jobs, work)
    rows, about = load_results(file)
    assert rows == [{"n": 0, "square": 0}, {"n": 1, "square": 1}]
    assert about["what"] == "squares"
    done.clear()
    assert run_jobs(file, {}, jobs, work)[3] == {"n": 3, "square": 9}
    assert done == [2, 3]
    # What is no longer asked for goes, the order is that of the jobs, settings that changed count.
    done.clear()
    rows = run_jobs(file, {}, [{"n": 3}, {"n": 1, "exactly": True}], work)
    assert rows == [{"n": 3, "square": 9}, {"n": 1, "exactly": True, "square": 1}]
    assert done == [1]
    assert load_results(file)[0] == rows


def test_two_processes_do_what_one_does(tmp_path: Path) -> None:
    jobs = [{"sizes": [25, 100], "errors": [2.0, 1.0], "error": e} for e in (1.1, 1.5)]
    rows = run_jobs(tmp_path / "sizes.json", {}, jobs, _size, processes=2)
    assert rows == [{**job, **_size(job)} for job in jobs]


def _size(job: dict) -> dict:
    return {"size": size_for_error(job["sizes"], job["errors"], job["error"])}


def test_a_file_that_holds_no_results_is_named(tmp_path: Path) -> None:
    file = tmp_path / "none.json"
    with pytest.raises(ValueError, match=r"none\.json holds no results"):
        load_results(file)
    for text in ("[]", "{", json.dumps({"rows": []})):
        file.write_text(text, encoding="utf-8")
        with pytest.raises(ValueError, match="book/experiments"):
            load_results(file)


def test_a_size_is_read_from_a_curve_and_never_beyond_it() -> None:
    sizes, errors = [10, 20, 40, 80], [8.0, 4.0, 4.5, 1.0]
    assert size_for_error(sizes, errors, 8.0) == 10
    assert size_for_error(sizes, errors, 4.0) == 20
    assert size_for_error(sizes, errors, 4.0 * 2**0.5) == pytest.approx(10 * 2**0.5)
    assert size_for_error(sizes, errors, 2.0) == pytest.approx(
        40 * 2 ** (math.log(4.5 / 2) / math.log(4.5))
    )
    assert size_for_error(sizes, errors, 0.9) is None
    assert size_for_error(sizes, errors, 9.0) is None
    assert size_for_error([10, 20], [3.0, 3.0], 3.0) == 10


def test_a_spread_is_the_one_of_a_sample() -> None:
    assert spread([1.0, 2.0, 4.0], 2) == "2.33 ± 1.53"
