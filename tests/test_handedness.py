"""The recorded trainings of lecture 10 are whole, and say what the lecture proves."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

sys.path.insert(0, str(Path(__file__).parent.parent / "book" / "experiments"))

import handedness
import optical_rotation

from coursetools.results import load_results, rows_with

ROWS: list[dict[str, Any]]
ROWS = load_results(handedness.RESULTS)[0]
LABELS: list[dict[str, Any]]
LABELS = load_results(optical_rotation.RESULTS)[0]


def values(what: str, **wanted: object) -> list[Any]:
    return [row[what] for row in rows_with(ROWS, **wanted)]


@pytest.mark.parametrize(
    ("rows", "jobs"),
    [
        pytest.param(ROWS, handedness.jobs(), id="trainings"),
        pytest.param(LABELS, optical_rotation.jobs(), id="labels"),
    ],
)
def test_what_was_asked_for_is_recorded_once(rows: list, jobs: list) -> None:
    assert len(rows) == len(jobs)
    for row, job in zip(rows, jobs, strict=True):
        assert {name: row[name] for name in job} == job


def test_the_floor_is_reached_and_never_passed() -> None:
    losses = values("loss", task="tetris", net="scalar")
    assert len(losses) == 5
    assert min(losses) == pytest.approx(2 / 56, rel=1e-3)
    assert all(loss > 2 / 56 - 1e-6 for loss in losses)
    assert set(values("accuracy", task="tetris", net="scalar")) == {0.75}


@pytest.mark.parametrize("withheld", [False, True])
def test_a_pseudoscalar_knows_both_hands(withheld: bool) -> None:
    wanted = {"task": "tetris", "net": "pseudoscalar", "withheld": withheld}
    assert values("accuracy", **wanted) == [1.0] * 5
    assert values("withheld_accuracy", **wanted) == [1.0] * 5
    control = values("withheld_accuracy", task="tetris", net="rotations only")
    assert len(control) == 5
    assert max(control) < 0.5


def test_distances_learn_by_heart() -> None:
    assert values("train", task="clouds", net="distances") == [1.0] * 5
    for net in ("distances", "distances, both hands"):
        assert all(abs(v - 0.5) < 0.03 for v in values("test", task="clouds", net=net))
    assert values("train", task="clouds", net="distances, both hands") == [0.5] * 5
    assert min(values("test", task="clouds", net="pseudoscalar")) > 0.95


def test_one_hand_in_training_is_a_trap_for_scalars_alone() -> None:
    pseudo = {"task": "rotation", "net": "pseudoscalar", "hands": "L"}
    assert values("test_L", **pseudo) == values("test_D", **pseudo)
    assert max(values("test_L", **pseudo)) < 0.6
    scalar = {"task": "rotation", "net": "scalar"}
    assert max(values("test_L", **scalar, hands="L")) < 0.7
    assert min(values("test_D", **scalar, hands="L")) > 1.7
    assert all(v == pytest.approx(1, abs=0.01) for v in values("train", **scalar, hands="L and D"))


def test_labels_change_sign_with_the_twist_and_vanish_where_it_is_flat() -> None:
    scan = {row["dihedral"]: row["rotation"][0] for row in LABELS if "dihedral" in row}
    for dihedral, value in scan.items():
        assert value == -scan[360 - dihedral]
    assert scan[0] == scan[180] == 0 < scan[90]


def test_a_label_can_be_computed_again() -> None:
    pytest.importorskip("tblite")
    row = next(row for row in LABELS if row.get("dihedral") == 120)
    numbers, bonds = np.array([1, 8, 8, 1]), optical_rotation.BONDS
    positions = optical_rotation.peroxide(120)
    found = optical_rotation.rotation(numbers, positions, bonds)
    assert found == pytest.approx(row["rotation"][0], abs=2e-6)
    assert optical_rotation.rotation(numbers, -positions, bonds) == pytest.approx(-found, abs=1e-6)
    draw = np.random.default_rng(0)
    turn = np.linalg.qr(draw.normal(size=(3, 3)))[0]
    turn *= np.linalg.det(turn)
    again = optical_rotation.rotation(numbers, positions @ turn.T, bonds)
    assert again == pytest.approx(found, abs=4e-5)  # the solver's thresholds; the script says so


def test_a_training_can_be_repeated() -> None:
    job = next(j for j in handedness.jobs() if j["task"] == "clouds" and j["net"] == "distances")
    (before,) = rows_with(ROWS, **job)
    found = handedness.train(job)
    assert found["parameters"] == before["parameters"]
    assert found["train"] == before["train"]
    assert found["test"] == pytest.approx(before["test"], abs=0.03)


def test_networks_obey_their_labels_before_training() -> None:
    twins = torch.randn(3, 4, 3, generator=torch.Generator().manual_seed(0))
    for first, sign in (("scalar", 1), ("pseudoscalar", -1)):
        torch.manual_seed(0)
        net = handedness.shape_net(first)
        with torch.no_grad():
            here, there = net(twins), net(-twins)
        torch.testing.assert_close(there[:, 0], sign * here[:, 0], rtol=1e-3, atol=1e-6)
        torch.testing.assert_close(there[:, 1:], here[:, 1:], rtol=1e-3, atol=1e-6)


def test_random_features_come_even_first() -> None:
    even, odd = handedness.random_features("pseudoscalar", seed=0)
    assert len(even) == len(odd) == 8
    torch.testing.assert_close(even[0], even[1], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(odd[0], -odd[1], rtol=1e-4, atol=1e-5)
    assert odd[0].norm() > 0.1
    assert handedness.random_features("scalar", seed=0)[1].norm() == 0
