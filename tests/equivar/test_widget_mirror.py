"""What the mirror shows was measured: it agrees with physics written down here once more."""

from __future__ import annotations

import json
import math
import re
from xml.etree import ElementTree

import numpy as np
import pytest

from equivar.widgets import BUNDLE_MIME, Mirror
from equivar.widgets.mirror import elements, shown

LABELS = ("0e", "0o", "1o", "1e")
ZERO = "is zero: nothing to flip"


@pytest.fixture(scope="module")
def mirror() -> Mirror:
    return Mirror.record()


def test_elements_are_what_they_are_called() -> None:
    mirrors, turns, inversion = elements()
    for n in range(24):
        S, R = (np.array(kind["matrices"][n]) for kind in (mirrors, turns))
        a = math.radians(15 * n)
        normal = np.array([math.cos(a), math.sin(a), 0])
        np.testing.assert_allclose(S @ normal, -normal, atol=1e-12)
        np.testing.assert_allclose(S @ [0, 0, 1], [0, 0, 1], atol=1e-12)
        np.testing.assert_allclose(R @ [1, 0, 0], normal, atol=1e-12)
        assert np.linalg.det(S) == pytest.approx(-1)
        assert np.linalg.det(R) == pytest.approx(1)
        assert mirrors["texts"][n] == f"mirror, normal at {15 * n}°"
    np.testing.assert_allclose(inversion["matrices"], [-np.eye(3)])


def test_the_wheel_is_measured_on_its_image(mirror: Mirror) -> None:
    wheel = mirror.scenes[0]
    r = np.array(wheel["points"])[:8]  # the rim has radius 1
    v = np.array(wheel["velocities"])[:8] / 0.6
    L = wheel["quantities"][3]
    np.testing.assert_allclose(np.cross(r, v).sum(axis=0), L["value"], atol=1e-9)
    for kind in range(3):
        for n, S in enumerate(mirror.elements[kind]["matrices"]):
            image = np.cross(r @ np.array(S).T, v @ np.array(S).T).sum(axis=0)
            np.testing.assert_allclose(image, L["found"][kind][n]["value"], atol=1e-8)


@pytest.mark.parametrize("scene", [0, 1, 2])
@pytest.mark.parametrize("k", range(4))
def test_the_right_label_holds_and_the_wrong_one_does_not(
    mirror: Mirror, scene: int, k: int
) -> None:
    quantity = mirror.scenes[scene]["quantities"][k]
    assert quantity["label"] == LABELS[k]
    right, wrong = ("even", "odd") if LABELS[k][1] == "e" else ("odd", "even")
    for kind in range(3):
        for found in quantity["found"][kind]:
            if found["verdict"] == ZERO:
                assert (scene, k) == (0, 1)  # a wheel has no hand
                continue
            assert found[right] in ("0", "< 1e-8")
            assert found[wrong] == ("2.00" if kind != 1 else found[wrong])
            if kind == 1:
                assert found[wrong] in ("0", "< 1e-8")  # turns cannot tell


def test_verdicts(mirror: Mirror) -> None:
    said = [[mirror.shown((scene, k, 0, 3))["verdict"] for k in range(4)] for scene in range(3)]
    arrows = ["as the picture", "against the picture"]
    assert said[0] == ["stays", ZERO, *arrows]
    assert said[1] == said[2] == ["stays", "changes sign", *arrows]
    assert mirror.shown((1, 3, 1, 7))["verdict"] == "turns along"
    assert mirror.shown((1, 1, 1, 7))["verdict"] == "stays"


def test_the_molecule_is_the_one_of_the_data(mirror: Mirror) -> None:
    texts = mirror.shown((2, 0, 0, 0))
    assert texts["before"] == texts["after"] == "1.47"  # O-O, g2's geometry
    triple = mirror.shown((2, 1, 2, 0))
    assert triple["after"] == f"−{triple['before']}"
    assert abs(float(triple["before"])) > 0.5


def test_texts_at_one_place(mirror: Mirror) -> None:
    texts = mirror.shown((0, 3, 0, 0))
    assert texts["element"] == "mirror, normal at 0°"
    assert texts["determinant"] == "determinant −1"
    assert (texts["before"], texts["after"]) == ("(1.68, 3.84, 2.35)", "(1.68, −3.84, −2.35)")
    assert mirror.shown((0, 3, 2, 17))["element"] == "inversion"  # there is one
    assert mirror.shown((0, 3, 1, 0))["determinant"] == "determinant 1"


def test_the_bundle_is_json_and_small(mirror: Mirror) -> None:
    bundle = mirror.static_bundle()
    sent = {key: bundle[key] for key in ("esm", "css", "state")}
    text = json.dumps(sent, allow_nan=False)
    assert len(text.encode()) < 200_000
    assert json.loads(text) == sent
    assert shown(json.loads(text)["state"], (2, 3, 0, 5)) == mirror.shown((2, 3, 0, 5))
    mime = mirror._repr_mimebundle_()
    assert mime is not None
    data, _ = mime
    assert data[BUNDLE_MIME] == bundle
    assert data["text/plain"] == mirror.alt()


def test_the_fallback_is_a_picture_with_the_verdicts(mirror: Mirror) -> None:
    picture = ElementTree.fromstring(mirror.fallback())
    svg = "{http://www.w3.org/2000/svg}"
    said = [text.text for text in picture.findall(f".//{svg}text")]
    assert said.count("against the picture") == 3
    assert said.count("changes sign") == 2
    assert "0o helicity p · L" in said
    assert len(picture.findall(f".//{svg}circle")) == 2 * 10 + 3
    assert picture.get("aria-label") == mirror.alt()
    assert "angular momentum L (1e) against the picture" in mirror.alt()


def test_the_module_stands_alone(mirror: Mirror) -> None:
    esm = mirror.static_bundle()["esm"]
    assert not re.findall(r"^\s*import\b|\bimport\(|https?://(?!www\.w3\.org)", esm, re.M)
    assert len(re.findall(r"^export default", esm, re.M)) == 1
