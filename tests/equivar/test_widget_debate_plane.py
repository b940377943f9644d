"""The widget of the debate keeps what it was given, and refuses what has no place in a plane."""

from __future__ import annotations

import copy
import json
import math
from xml.etree import ElementTree

import pytest
from debate_example import WAYS, debate

from equivar.widgets import BUNDLE_MIME
from equivar.widgets.debate_plane import NUMBERS, shown


def test_it_keeps_each_number_and_knows_what_was_not_measured() -> None:
    widget = debate()
    assert widget.budgets == [0.5, 2.0, 8.0]
    for way in widget.ways:
        for budget, point in zip(widget.budgets, way["points"], strict=True):
            assert point == WAYS[way["name"]].get(budget)
    assert widget.at == [1, 0, 0]
    assert widget.ways[widget.control]["name"] == "turned copies"


def test_texts_are_those_of_the_chosen_way_and_of_the_control() -> None:
    widget = debate()
    assert widget.shown([1, 1, 0]) == {
        "budget": "2 s",
        "way-mean": "0.030",
        "way-worst": "0.030",
        "way-more": "+0 %",
        "way-symmetry": "0",
        "way-answer": "50.00",
        "control-mean": "0.080",
        "control-worst": "0.094",
        "control-more": "+18 %",
        "control-symmetry": "0.010",
        "control-answer": "0.50",
    }
    missing = widget.shown([1, 2, 1])
    assert {missing[f"way-{name}"] for name in (*NUMBERS, "more")} == {"–"}
    assert missing["control-more"] == "+57 %"


def test_axes_hold_everything_that_can_be_shown() -> None:
    axes = debate().axes
    for points in WAYS.values():
        for point in points.values():
            for key in ("mean", "worst"):
                assert axes["error"][0] < math.log10(point[key]) < axes["error"][1]
            assert axes["answer"][0] < math.log10(point["answer"]) < axes["answer"][1]
            assert math.log10(point["symmetry"] or 1e-16) < axes["symmetry"][1]
    for name in ("error", "answer", "symmetry"):
        ticks = [value for value, _ in axes[f"{name}_ticks"]]
        assert len(ticks) >= 2
        assert axes[name][0] <= min(ticks)
        assert max(ticks) <= axes[name][1]


def test_the_bundle_is_json_and_small() -> None:
    widget = debate()
    bundle = widget.static_bundle()
    text = json.dumps({key: bundle[key] for key in ("esm", "css", "state")}, allow_nan=False)
    assert len(text.encode()) < 200_000
    assert shown(json.loads(text)["state"], (2, 1, 1)) == widget.shown((2, 1, 1))
    data, _ = widget._repr_mimebundle_()
    assert data[BUNDLE_MIME] == bundle
    assert data["text/plain"] == widget.alt()


def test_the_fallback_is_a_picture_with_the_numbers() -> None:
    widget = debate()
    picture = ElementTree.fromstring(widget.fallback())
    said = [text.text for text in picture.findall(".//{http://www.w3.org/2000/svg}text")]
    for text in ("turned copies", "0.090", "0.13", "0.055", "8"):
        assert text in said
    assert said.count("–") == 2
    assert picture.get("aria-label") == widget.alt()
    assert "after 0.5 s: turned copies 0.090, exact 0.13" in widget.alt()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"control": "nobody"}, "control is 'nobody'"),
        ({"ways": {"turned copies": WAYS["turned copies"]}}, "2 to 6 in all"),
        ({"ways": {**WAYS, "empty": {}}}, "ways without any budget"),
    ],
)
def test_names_that_do_not_agree_are_refused(change: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        debate(**change)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("answer", 0.0, "answer of 'exact' at 2 s is 0.0"),
        ("mean", math.nan, "mean of 'exact' at 2 s is nan"),
        ("symmetry", -1.0, "symmetry of 'exact' at 2 s is -1.0"),
        ("worst", 0.01, "the worst error, 0.01, is below the mean"),
        ("worst", None, r"says nothing of \['worst'\]"),
    ],
)
def test_numbers_that_have_no_place_are_refused(key: str, value: float, message: str) -> None:
    ways = copy.deepcopy(WAYS)
    if value is None:
        del ways["exact"][2.0][key]
    else:
        ways["exact"][2.0][key] = value
    with pytest.raises(ValueError, match=message):
        debate(ways=ways)
