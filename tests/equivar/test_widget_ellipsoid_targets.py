"""What the widget says of three targets is what the audit and an eigensolver say."""

from __future__ import annotations

import itertools
import json
import math
import re
from xml.etree import ElementTree

import numpy as np
import pytest
import torch

from equivar.audit import audit_task
from equivar.features import transform
from equivar.rotations import rotation_3d
from equivar.widgets import BUNDLE_MIME, EllipsoidTargets
from equivar.widgets.ellipsoid_targets import (
    LAWS,
    NUDGES,
    ROUNDS,
    TURNS,
    half_axes,
    lobes,
    nudged,
    record_targets,
    shown,
)

Z = torch.tensor([0.0, 0, 1], dtype=torch.float64)


@pytest.fixture(scope="module")
def widget() -> EllipsoidTargets:
    return EllipsoidTargets.record()


def turns() -> torch.Tensor:
    return torch.stack([rotation_3d(Z, 2 * math.pi * k / TURNS) for k in range(TURNS)])


@pytest.mark.parametrize("k", [0, 6, ROUNDS - 1])
def test_out_of_reach_is_what_the_audit_finds_without_nudges(k: int) -> None:
    """Six points and 24 poses of them; with nudges there is more, by their mean square."""
    found = record_targets(k)
    clouds = list(nudged(k)[0] @ turns().mT)
    for m, (name, law) in enumerate(LAWS.items()):
        values = found[name][:, 0]
        audit = audit_task(clouds, values, "points", law)
        floor = audit.floor * values.shape[1]
        expected = {"arrow": 1.0, "axis": float(k == ROUNDS - 1), "moment": 0.0}[name]
        assert floor == pytest.approx(expected, abs=1e-9)
        reach = EllipsoidTargets.record().reach[k][m] if k == 6 else None
        assert reach is None or floor - 1e-9 <= reach < floor + 0.05


def test_targets_by_another_eigensolver(widget: EllipsoidTargets) -> None:
    R = turns().numpy()
    for k, turn, nudge in ((0, 0, 0), (3, 7, 2), (8, 23, 7), (ROUNDS - 1, 5, 4)):
        x = nudged(k)[nudge].numpy() @ R[turn].T
        x = x - x.mean(axis=0)
        n = np.linalg.svd(x)[2][0]
        n = n * np.sign(n[0])
        arrow = record_targets(k)["arrow"][turn, nudge].numpy()
        np.testing.assert_allclose(arrow, n, atol=1e-8)
        moment = x.T @ x - np.trace(x.T @ x) / 3 * np.eye(3)
        long = nudged(0)[0].numpy()
        unit = np.linalg.norm(long.T @ long - np.trace(long.T @ long) / 3 * np.eye(3))
        size = np.linalg.norm(moment) / unit
        assert float(widget.shown([k, turn, nudge])["size-moment"]) == pytest.approx(size, abs=6e-3)


def test_the_moment_turns_along_and_the_arrow_jumps() -> None:
    for k in (0, 5):
        found = record_targets(k)
        for name, jumps in (("arrow", True), ("axis", False), ("moment", False)):
            t = found[name]
            off = max(
                float((transform(LAWS[name], R, t[0]) - t[turn]).norm(dim=-1).max())
                for turn, R in enumerate(turns())
            )
            assert off == pytest.approx(2, abs=1e-9) if jumps else off < 1e-9


def test_the_axis_jitters_near_the_sphere_and_the_moment_shrinks(widget: EllipsoidTargets) -> None:
    sizes = [float(widget.shown([k, 0, 0])["size-moment"]) for k in range(ROUNDS)]
    assert sizes[0] == 1
    assert sizes[-1] == 0
    assert all(a > b for a, b in itertools.pairwise(sizes))
    axis = [row[1] for row in widget.reach]
    assert all(a < b for a, b in itertools.pairwise(axis))
    assert axis[0] < 0.01 < 0.99 < axis[-1]
    assert max(row[2] for row in widget.reach) < 0.005
    assert all(row[0] == pytest.approx(1, abs=1e-9) for row in widget.reach)
    moved = [float(widget.shown([ROUNDS - 1, 0, n])["moved-axis"]) for n in range(1, NUDGES)]
    steady = [float(widget.shown([0, 0, n])["moved-axis"]) for n in range(1, NUDGES)]
    assert min(moved) > 0.5 > 0.2 > max(steady)


def test_texts_at_one_place(widget: EllipsoidTargets) -> None:
    texts = widget.shown([ROUNDS - 1, 6, 0])
    assert (texts["round"], texts["turn"], texts["nudge"]) == ("100 %", "90°", "none")
    assert (texts["size-arrow"], texts["moved-arrow"]) == ("1.00", "0.00")
    assert half_axes(ROUNDS - 1).tolist() == pytest.approx([1, 1, 1])
    assert widget.shown(widget.at)["round"] == "0 %"


def test_the_outline_of_a_moment_is_the_quadratic_form() -> None:
    points = re.findall(r"(-?[\d.]+) (-?[\d.]+)", lobes(0.5, -0.2, 0.1))
    assert len(points) == 72
    x, y = (float(v) for v in points[2])  # ten degrees
    c, s = math.cos(math.radians(10)), math.sin(math.radians(10))
    r = 50 * (0.5 * c * c + 0.2 * c * s - 0.2 * s * s)
    assert (x, -y) == pytest.approx((r * c, r * s), abs=0.01)
    assert all(float(v) == 0 for v in points[18])  # straight up it is negative


def test_the_bundle_is_json_and_small(widget: EllipsoidTargets) -> None:
    bundle = widget.static_bundle()
    sent = {key: bundle[key] for key in ("esm", "css", "state")}
    text = json.dumps(sent, allow_nan=False)
    assert len(text.encode()) < 200_000
    assert json.loads(text) == sent
    assert shown(json.loads(text)["state"], [7, 3, 2]) == widget.shown([7, 3, 2])
    data, _ = widget._repr_mimebundle_()
    assert data[BUNDLE_MIME] == bundle
    assert data["text/plain"] == widget.alt()
    assert f"[{TURNS}, {NUDGES}, 10," in bundle["esm"]  # the page unpacks by the same sizes


def test_the_fallback_is_a_picture_with_the_numbers(widget: EllipsoidTargets) -> None:
    picture = ElementTree.fromstring(widget.fallback())
    svg = "{http://www.w3.org/2000/svg}"
    said = [text.text for text in picture.findall(f".//{svg}text")]
    assert said[:3] == ["arrow 1.000", "axis 0.002", "moment 0.003"]
    assert len(picture.findall(f".//{svg}ellipse")) == 3
    assert picture.get("aria-label") == widget.alt()
    assert "axis 0.002 for a long ellipsoid and 1.000 for a sphere" in widget.alt()


def test_the_module_stands_alone(widget: EllipsoidTargets) -> None:
    esm = widget.static_bundle()["esm"]
    assert not re.findall(r"^\s*import\b|\bimport\(|https?://(?!www\.w3\.org)", esm, re.M)
    assert len(re.findall(r"^export default", esm, re.M)) == 1
