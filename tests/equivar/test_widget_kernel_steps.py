"""The widget of kernels counts sectors and bytes, and refuses what no kernel can have done."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from xml.etree import ElementTree

import pytest
from kernel_steps_example import example, stories

from equivar.kernels.traffic import product_traffic, rotate_traffic
from equivar.widgets import BUNDLE_MIME, KernelSteps
from equivar.widgets.kernel_steps import SECTOR, shown


def test_sectors_and_bytes_are_counted_by_hand() -> None:
    near, far = example().stories[0]["ways"]
    # Three floats of one sector and an index; three floats in three sectors.
    assert [s["sectors"] for s in near["steps"]] == [2, 1, 2, 1]
    assert [s["sectors"] for s in far["steps"]] == [3, 2 * 2, 3, 2 * 2]
    assert [s["fewest"] for s in far["steps"]] == [1, 2, 1, 2]
    assert [s["asked"] for s in near["steps"]] == [20, 32, 52, 64]
    assert [s["asked"] for s in far["steps"]] == [12, 12 + 24, 48, 72]
    assert [s["moved"] for s in far["steps"]] == [SECTOR * n for n in (3, 7, 10, 14)]
    assert (near["least"], far["least"]) == (3, 2)  # n, x and y; x and y
    assert (near["shared"], far["shared"]) == (0, 1)  # element 7 of y


def test_texts_name_what_happens() -> None:
    widget = example()
    found = widget.shown([0, 1, 1])
    assert found["does"] == "Program 0 adds to 3 numbers of y"
    assert found["now"] == "4 sectors, 2 would do"
    assert found["far"] == "7 sectors, 224 bytes"
    assert (found["step"], found["way-sectors"], found["other-sectors"]) == ("2 of 4", "14", "6")
    assert widget.shown([0, 0, 2])["does"] == "Program 1 loads 3 numbers of x, after 1 single load"
    assert widget.shown([0, 0, 1])["now"] == "1 sector, 1 would do"


def test_the_course_recording_says_what_the_lecture_says() -> None:
    turn, add, multiply = (story["ways"] for story in KernelSteps.recorded().stories)
    by_point, by_coordinate = turn
    loads = [s for s in by_point["steps"] if s["array"] == "x"]
    assert all(s["sectors"] == 3 * s["fewest"] for s in loads)
    assert all(s["sectors"] == s["fewest"] for s in by_coordinate["steps"] if s["array"] == "x")
    asked = rotate_traffic(2, 16).total
    assert [way["steps"][-1]["asked"] for way in turn] == [asked, asked]
    ordered, atomic = add
    assert (ordered["shared"], atomic["shared"] > 0) == (0, True)
    stores = [s for s in ordered["steps"] if s["kind"] == "store"]
    assert len({(s["program"], *s["at"]) for s in stores}) == len(stores) == 4
    few = multiply[0]
    assert few["steps"][-1]["asked"] == product_traffic(16, (1, 1, 1)).total
    loads = [sum(s["kind"] == "load" for s in way["steps"]) for way in multiply]
    assert loads == [2 * 6, 2 * 27]


def test_each_step_stands_on_a_line_that_does_it() -> None:
    for story in KernelSteps.recorded().stories:
        for way in story["ways"]:
            for step in way["steps"]:
                line = way["source"][step["line"]]
                word = {"load": "tl.load(", "store": "tl.store(", "atomic": "tl.atomic_add("}
                assert word[step["kind"]] in line
                assert not any(text.startswith(("def ", "@")) for text in way["source"])


def test_the_bundle_is_json_and_small() -> None:
    widget = KernelSteps.recorded()
    bundle = widget.static_bundle()
    text = json.dumps({key: bundle[key] for key in ("esm", "css", "state")}, allow_nan=False)
    assert len(text.encode()) < 200_000
    assert shown(json.loads(text)["state"], (2, 1, 30)) == widget.shown((2, 1, 30))
    data, _ = widget._repr_mimebundle_()
    assert data[BUNDLE_MIME] == bundle
    assert data["text/plain"] == widget.alt()


def test_the_fallback_is_a_picture_with_the_numbers() -> None:
    widget = example()
    picture = ElementTree.fromstring(widget.fallback())
    said = [text.text for text in picture.findall(".//{http://www.w3.org/2000/svg}text")]
    for text in ("copy", "near", "far", "14", "448"):
        assert text in said
    assert picture.get("aria-label") == widget.alt()
    assert "copy: near 6, far 14" in widget.alt()


def _no_ways(some: list) -> None:
    some[0]["ways"] = some[0]["ways"][:1]


def _no_steps(some: list) -> None:
    some[0]["ways"][0]["steps"] = []


def _unknown_kind(some: list) -> None:
    some[0]["ways"][0]["steps"][0]["kind"] = "fetch"


def _unknown_array(some: list) -> None:
    some[0]["ways"][0]["steps"][0]["array"] = "z"


def _outside(some: list) -> None:
    some[0]["ways"][0]["steps"][0]["at"] = [23, 24]


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (list.clear, "two ways of each"),
        (_no_ways, "two ways of each"),
        (_no_steps, "'near' has no steps"),
        (_unknown_kind, "a step is a 'fetch'"),
        (_unknown_array, "a step touches 'z'"),
        (_outside, "elements 23 to 24 of x; it has 24"),
    ],
)
def test_what_no_kernel_did_is_refused(spoil: Callable[[list], None], message: str) -> None:
    some = copy.deepcopy(stories())
    spoil(some)
    with pytest.raises(ValueError, match=message):
        KernelSteps.record(some)
