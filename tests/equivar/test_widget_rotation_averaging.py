"""What the widget of averages records is what the averages leave."""

from __future__ import annotations

import json
import math
from xml.etree import ElementTree

import pytest
import torch

from equivar.averaging import averaging_error, solid_rotations
from equivar.rotations import random_rotations
from equivar.so3 import wigner_d
from equivar.widgets import BUNDLE_MIME, RotationAveraging
from equivar.widgets.recorded import format_error
from equivar.widgets.rotation_averaging import COUNTS, LMAX, shown


@pytest.fixture(scope="module")
def widget() -> RotationAveraging:
    return RotationAveraging.record()


def test_random_errors_are_those_of_the_first_rotations(widget: RotationAveraging) -> None:
    for k in (0, 3):
        R = random_rotations(256, torch.Generator().manual_seed(k))
        for count in (1, 12, 256):
            D = wigner_d("4e", R[:count]).mean(dim=0)
            recorded = widget.draws[k]["errors"][COUNTS.index(count)][3]
            assert recorded == pytest.approx(float(D.norm()) / 3)
    assert widget.draws[0]["errors"] != widget.draws[1]["errors"]


@pytest.mark.parametrize(
    ("at", "name", "exact"), [(1, "tetrahedron", 2), (2, "cube", 3), (3, "icosahedron", 5)]
)
def test_solids_are_exact_up_to_their_degree(
    widget: RotationAveraging, at: int, name: str, exact: int
) -> None:
    texts = widget.shown([at, 0, 0, exact])
    assert texts["error"] == "0"
    assert texts["exact"] == str(exact)
    assert texts["count"] == str(len(solid_rotations(name)))
    following = widget.shown([at, 0, 0, exact + 1])["error"]
    assert following == format_error(1 / math.sqrt(2 * exact + 3))
    assert following == format_error(float(averaging_error(solid_rotations(name), exact + 1)[-1]))


def test_random_rotations_are_never_exact(widget: RotationAveraging) -> None:
    for draw in widget.draws:
        for errors in draw["errors"]:
            assert min(errors) > 1e-3
    texts = widget.shown([0, COUNTS.index(64 if 64 in COUNTS else 60), 2, 4])
    assert texts["exact"] == "0"
    assert texts["chance"] == format_error(60**-0.5)


def test_points_are_where_the_arrow_goes(widget: RotationAveraging) -> None:
    for solid in widget.solids:
        points = torch.tensor(solid["points"], dtype=torch.float64)
        torch.testing.assert_close(
            points.norm(dim=1), torch.ones(len(points)).double(), atol=2e-3, rtol=0
        )
        apart = torch.cdist(points, points).fill_diagonal_(9)
        assert apart.min() > 0.1  # the arrow is on no axis, so no two points meet


def test_the_bundle_is_json_and_small(widget: RotationAveraging) -> None:
    bundle = widget.static_bundle()
    sent = {key: bundle[key] for key in ("esm", "css", "state")}
    text = json.dumps(sent, allow_nan=False)
    assert len(text.encode()) < 200_000
    at = (0, 5, 1, 6)
    assert shown(json.loads(text)["state"], at) == widget.shown(at)
    data, _ = widget._repr_mimebundle_()
    assert data[BUNDLE_MIME] == bundle
    assert data["text/plain"] == widget.alt()


def test_the_fallback_is_a_picture_with_the_numbers(widget: RotationAveraging) -> None:
    picture = ElementTree.fromstring(widget.fallback())
    svg = "{http://www.w3.org/2000/svg}"
    assert len(picture.findall(f".//{svg}circle")) == 4 + 12 + 24 + 60 + 60
    said = [text.text for text in picture.findall(f".//{svg}text")]
    assert said.count("0") == sum(e == 0 for s in widget.solids for e in s["errors"])
    assert widget.shown(widget.at)["error"] in said
    assert picture.get("aria-label") == widget.alt()
    assert "the 60 of the icosahedron up to degree 5" in widget.alt()


@pytest.mark.parametrize("n", [0, 9, -1])
def test_a_number_of_draws_that_is_none_is_refused(n: int) -> None:
    with pytest.raises(ValueError, match=rf"n_draws is {n}; expected 1 to 8"):
        RotationAveraging.record(n_draws=n)


def test_degrees_are_those_of_the_page(widget: RotationAveraging) -> None:
    assert len(widget.solids[0]["errors"]) == LMAX == 8
    assert widget.at == [0, COUNTS.index(60), 0, 3]
