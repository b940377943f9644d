"""What the widget of the four roads records is what the models say; what it shows is recorded."""

from __future__ import annotations

import json
import math
from typing import Any
from xml.etree import ElementTree

import pytest
import torch
from four_roads_example import ERRORS, KINDS, MODELS, POSITIONS, four_roads
from scipy.spatial.transform import Rotation

from equivar.widgets import BUNDLE_MIME, FourRoads
from equivar.widgets.four_roads import shown
from equivar.widgets.recorded import format_error, format_fixed

NAMES = list(MODELS)
HOME = 36


@pytest.fixture(scope="module")
def widget() -> FourRoads:
    return four_roads()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("mirror", [0, 1])
def test_what_is_recorded_is_what_the_model_answers(
    widget: FourRoads, name: str, mirror: int
) -> None:
    road = widget.roads[NAMES.index(name)]
    centered = POSITIONS - POSITIONS.mean(dim=0)
    start = MODELS[name](centered[None])[0]
    for i in (0, 1, 17, 18, 36, 40, 54, 72):
        R = torch.tensor(Rotation.from_euler("y", 5 * i - 180, degrees=True).as_matrix())
        direct = MODELS[name](((-1) ** mirror * centered @ R.mT)[None])[0]
        torch.testing.assert_close(
            torch.tensor(road["answers"][mirror][i]).double(), direct, rtol=0, atol=6e-5
        )
        torch.testing.assert_close(
            torch.tensor(road["errors"][mirror][i]).double(),
            (direct - start).abs(),
            rtol=6e-3,
            atol=1e-13,
        )


def test_the_control_moves_and_distances_do_not(widget: FourRoads) -> None:
    moved = {road["name"]: max(map(max, road["errors"])) for road in widget.roads}
    assert moved["nothing"] > 0.1
    assert moved["distances"] < 1e-12
    quarter = widget.roads[NAMES.index("quarter turns")]["errors"][0]
    assert max(quarter[i] for i in (0, 18, 36, 54, 72)) < 1e-12
    assert max(quarter) > 0.1  # exact on a subgroup alone


def test_it_rests_at_the_identity_on_the_first_road(widget: FourRoads) -> None:
    assert widget.at == [1, HOME, 0]
    assert widget.control == 0
    texts = widget.shown(widget.at)
    assert texts["angle"] == "0°"
    assert texts["road-error"] == texts["control-error"] == "0"


def test_shown_texts_are_the_recorded_numbers(widget: FourRoads) -> None:
    texts = widget.shown([2, 50, 1])
    road = widget.roads[2]
    assert texts["road-answer"] == format_fixed(road["answers"][1][50], 2)
    assert texts["road-error"] == format_error(road["errors"][1][50])
    assert texts["angle"] == "70°"
    symmetry, nmse = ERRORS[NAMES[2]]
    assert (texts["road-symmetry"], texts["road-nmse"]) == (
        format_error(symmetry),
        format_error(nmse),
    )


def test_the_bundle_is_json_and_small(widget: FourRoads) -> None:
    bundle = widget.static_bundle()
    sent = {key: bundle[key] for key in ("esm", "css", "state")}
    text = json.dumps(sent, allow_nan=False)
    assert len(text.encode()) < 200_000
    assert shown(json.loads(text)["state"], [1, 3, 1]) == widget.shown([1, 3, 1])
    data, _ = widget._repr_mimebundle_()
    assert data[BUNDLE_MIME] == bundle
    assert data["text/plain"] == widget.alt()


def test_the_fallback_is_a_picture_with_every_road() -> None:
    risky = {"<nothing> & more": MODELS["nothing"], "distances": MODELS["distances"]}
    widget = four_roads(
        models=risky,
        errors={name: (0.0, 0.5) for name in risky},
        kinds=dict.fromkeys(risky, "loss"),
        control="<nothing> & more",
    )
    picture = ElementTree.fromstring(widget.fallback())
    svg = "{http://www.w3.org/2000/svg}"
    assert len(picture.findall(f".//{svg}circle")) == 2
    said = [text.text for text in picture.findall(f".//{svg}text")]
    assert set(risky) <= set(said)
    assert picture.get("aria-label") == widget.alt()
    assert "nMSE 0.50" in widget.alt()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"control": "something"}, "control is 'something'"),
        ({"errors": {}}, "errors say nothing of"),
        ({"kinds": {}}, "kinds say nothing of"),
        ({"kinds": dict.fromkeys(KINDS, "road")}, r"kinds are \['road'\]"),
        ({"errors": dict.fromkeys(ERRORS, (0.1, 0.0))}, "an nMSE above 0"),
        ({"errors": dict.fromkeys(ERRORS, (-1.0, 1.0))}, "at least 0"),
        ({"errors": dict.fromkeys(ERRORS, (math.nan, 1.0))}, "at least 0"),
        ({"models": {"nothing": MODELS["nothing"]}}, "another to compare"),
        ({"bonds": torch.tensor([[0, 9]])}, "pairs of atom indices below 4"),
    ],
)
def test_what_does_not_fit_is_refused_with_the_reason(changes: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        four_roads(**changes)
