"""What the Cayley table records is what the group does to pictures, by the right rule and not."""

from __future__ import annotations

import json
from xml.etree import ElementTree

import pytest
import torch
from cayley_example import PIECES, SCENES, cayley

from equivar.group_conv import act_on_images
from equivar.groups import Group, cyclic, dihedral
from equivar.measure import equivariance_error, orbit
from equivar.widgets import CayleyTable
from equivar.widgets.cayley_table import shown
from equivar.widgets.recorded import format_error

GROUPS = {"C4": cyclic(4), "D4": dihedral(4)}


@pytest.fixture(scope="module")
def table() -> CayleyTable:
    return cayley()


def image(points: torch.Tensor) -> torch.Tensor:
    """Cells of a piece as pixels, each square 2 by 2 of them."""
    pixels = torch.zeros(8, 8, dtype=torch.float64)
    for x, y in points.tolist():
        row, column = round(3 - 2 * y), round(2 * x + 3)
        pixels[row : row + 2, column : column + 2] = 1
    return pixels


@pytest.mark.parametrize("name", GROUPS)
def test_pictures_orbits_and_stabilizers_are_those_of_images(table: CayleyTable, name: str) -> None:
    group = GROUPS[name]
    scene = next(s for s in table.scenes if s["name"] == name)
    assert scene["table"] == group.table.tolist()
    for picture in scene["pictures"]:
        start = image(PIECES[picture["name"]])
        images = orbit(start, range(group.order), lambda g, x: act_on_images(group, g, x))
        for g, positions in enumerate(picture["positions"]):
            torch.testing.assert_close(image(torch.tensor(positions)), images[g])
        assert len(set(picture["member"])) == len(images.unique(dim=0))
        fixing = [g for g in range(group.order) if torch.equal(images[g], start)]
        assert picture["stabilizer"] == fixing
        for g in range(group.order):
            for h in range(group.order):
                same = torch.equal(images[g], images[h])
                assert (picture["member"][g] == picture["member"][h]) == same


def test_orbit_times_stabilizer_is_the_order_everywhere(table: CayleyTable) -> None:
    for s, scene in enumerate(table.scenes):
        for p in range(len(scene["pictures"])):
            texts = table.shown((s, p, 0, 0))
            assert int(texts["orbit"]) * int(texts["fixing"]) == int(texts["order"])


def test_the_right_rule_never_fails_and_the_control_fails_where_products_differ(
    table: CayleyTable,
) -> None:
    for scene in table.scenes:
        products = scene["table"]
        for picture in scene["pictures"]:
            for g, row in enumerate(picture["wrong"]["errors"]):
                for h, error in enumerate(row):
                    assert picture["right"]["errors"][g][h] == "0"
                    if products[g][h] == products[h][g]:
                        assert error == "0"
    lone = next(p for p in table.scenes[1]["pictures"] if p["name"] == "L")  # no symmetry hides it
    failing = sum(error != "0" for row in lone["wrong"]["errors"] for error in row)
    assert failing == 24


def test_the_error_of_the_control_is_that_of_functions(table: CayleyTable) -> None:
    """Act without the inverse on images, in two steps and in one, and measure as the library."""
    group, scene = GROUPS["D4"], table.scenes[1]

    def wrong(g: int, x: torch.Tensor) -> torch.Tensor:
        return act_on_images(group, group.inverse(g), x)  # (g f)(x) = f(g x)

    for picture in scene["pictures"]:
        x = image(PIECES[picture["name"]])
        for g in range(8):
            for h in range(8):
                # f(h g x): the outer step reads the inner one, so the order turns round.
                two = act_on_images(group, group.inverse(group.multiply(h, g)), x)
                torch.testing.assert_close(wrong(g, wrong(h, x)), two)
                error = equivariance_error(
                    lambda x, g=g, h=h: wrong(group.multiply(g, h), x),
                    x,
                    lambda x: x,
                    lambda y, t=two: t,
                )
                assert picture["wrong"]["errors"][g][h] == format_error(float(error))


def test_shown_texts_are_read_from_the_state(table: CayleyTable) -> None:
    texts = table.shown((1, 2, 1, 4))  # T: first r, then s
    assert (texts["first"], texts["then"]) == ("r", "s")
    assert (texts["product"], texts["reverse"]) == ("r3s", "rs")
    assert (texts["orbit"], texts["fixing"], texts["order"]) == ("4", "2", "8")
    assert (texts["stabilizer"], texts["coset"]) == ("e r2s", "r r3s")
    assert texts["error-1"] == "0"
    assert float(texts["error-0"]) > 0.1
    assert table.at == [1, 2, 1, 4]


def test_a_triangle_is_drawn_with_discs(table: CayleyTable) -> None:
    scene = table.scenes[2]
    assert [s["mark"] for s in table.scenes] == ["square", "square", "disc"]
    orders = {p["name"]: len(p["stabilizer"]) for p in scene["pictures"]}
    assert orders == {"3 atoms": 6, "2 atoms": 2, "1 atom": 2}


def test_the_bundle_is_json_and_small(table: CayleyTable) -> None:
    bundle = table.static_bundle()
    sent = {key: bundle[key] for key in ("esm", "css", "state")}
    text = json.dumps(sent, allow_nan=False)
    assert len(text.encode()) < 200_000
    assert shown(json.loads(text)["state"], (1, 0, 3, 5)) == table.shown((1, 0, 3, 5))


def test_the_fallback_is_a_picture_with_the_numbers(table: CayleyTable) -> None:
    picture = ElementTree.fromstring(table.fallback())
    svg = "{http://www.w3.org/2000/svg}"
    said = [text.text for text in picture.findall(f".//{svg}text")]
    assert "orbit 4 × stabilizer 2 = 8: e r2s" in said
    assert len(picture.findall(f".//{svg}rect")) == 4 * (2 + 1 + 4 + 4 + 4 + 8 + 8)
    assert picture.get("aria-label") == table.alt()
    assert "is r3s; in the other order it is rs" in table.alt()
    triangle = ElementTree.fromstring(cayley(at=("C3v", "3 atoms", "e", "e")).fallback())
    assert triangle.findall(f".//{svg}circle")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"scenes": {}, "at": None}, "expected at least one"),
        ({"scenes": {"C4": (cyclic(4), {})}, "at": None}, "at least one picture"),
        ({"at": ("D5", "T", "e", "e")}, "'D5' is not among C4, D4, C3v"),
        ({"at": ("D4", "T", "r4", "e")}, "'r4' is not among e, r, r2"),
        (
            {"scenes": {"C4": (cyclic(4), {"flat": torch.zeros(3)})}},
            r"shape \(3,\), expected \(n, 2\)",
        ),
        ({"scenes": {"C4": (cyclic(4), {"none": torch.zeros(0, 2)})}}, "at least one"),
        ({"scenes": {"D9": (dihedral(9), PIECES)}}, "18 elements; expected at most 16"),
        ({"scenes": {"K": (Group(torch.arange(4)[:, None] ^ torch.arange(4)), PIECES)}}, "cyclic"),
    ],
)
def test_what_does_not_fit_is_refused_with_the_reason(changes: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        cayley(**changes)


def test_without_a_start_the_first_of_each_is_shown() -> None:
    assert cayley(at=None).at == [0, 0, 0, 0]
    assert set(SCENES) == {scene["name"] for scene in cayley(at=None).scenes}
