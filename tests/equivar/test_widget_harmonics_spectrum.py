"""What is recorded of a cloud is what its harmonics add up to, and its powers stand still."""

from __future__ import annotations

import json
import math
from xml.etree import ElementTree

import numpy as np
import pytest
import torch
from harmonics_examples import CLOUDS, RANDOM, spectrum
from scipy.spatial.transform import Rotation

from equivar.so3 import spherical_harmonics
from equivar.widgets import BUNDLE_MIME, HarmonicsSpectrum
from equivar.widgets.harmonics_spectrum import LMAX, shown, turns
from equivar.widgets.recorded import format_error, unpack_signed_squares
from equivar.widgets.sphere_mesh import pack_bytes, sphere_mesh

AXES = torch.nn.functional.normalize(torch.tensor([[0.0, 1, 0], [1, 2, 3]]).double(), dim=-1)


@pytest.fixture(scope="module")
def widget() -> HarmonicsSpectrum:
    return spectrum()


def direct(name: str, axis: int, frame: int) -> torch.Tensor:
    """Coefficients of a cloud that SciPy turned."""
    R = Rotation.from_rotvec((math.radians(6 * frame) * AXES[axis]).numpy()).as_matrix()
    return spherical_harmonics(LMAX, CLOUDS[name] @ torch.tensor(R).mT).mean(dim=0)


# ---- the turns and the sphere -------------------------------------------------------------------


def test_turns_are_about_both_axes() -> None:
    rotations = turns(6)
    assert rotations.shape == (2, 60, 3, 3)
    for axis, frame in ((0, 0), (0, 15), (0, 30), (1, 1), (1, 30), (1, 59)):
        R = Rotation.from_rotvec((math.radians(6 * frame) * AXES[axis]).numpy()).as_matrix()
        torch.testing.assert_close(rotations[axis, frame], torch.tensor(R))


@pytest.mark.parametrize("step", [0, -6, 7])
def test_a_turn_that_does_not_close_is_refused(step: int) -> None:
    with pytest.raises(ValueError, match=rf"step_degrees is {step}, expected a divisor of 360"):
        turns(step)


@pytest.mark.parametrize("halvings", [0, 1, 3])
def test_the_mesh_is_a_closed_sphere(halvings: int) -> None:
    points, triangles = sphere_mesh(halvings)
    assert len(points) == 10 * 4**halvings + 2
    assert len(triangles) == 20 * 4**halvings
    np.testing.assert_allclose(np.linalg.norm(points, axis=1), 1)
    assert (np.linalg.det(points[triangles]) > 0).all()  # counter-clockwise from outside
    edges = np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]])
    there, back = ({tuple(e) for e in edges[:, k].tolist()} for k in ([0, 1], [1, 0]))
    assert there == back
    assert len(there) == len(edges)


def test_bytes_keep_what_a_picture_needs() -> None:
    values = np.random.default_rng(0).normal(size=(5, 7))
    text, step = pack_bytes(values)
    import base64

    back = np.frombuffer(base64.b64decode(text), dtype=np.int8).reshape(5, 7) * step
    assert np.abs(back - values).max() <= step / 2 * (1 + 1e-9)
    assert pack_bytes(np.zeros(3)) == ("AAAA", 0.0)


# ---- what is recorded ---------------------------------------------------------------------------


@pytest.mark.parametrize("name", CLOUDS)
def test_coefficients_are_those_of_the_turned_cloud(widget: HarmonicsSpectrum, name: str) -> None:
    recorded = widget.coefficients(name)
    assert recorded.shape == (2, 60, 49)
    for axis, frame in ((0, 0), (0, 7), (0, 30), (1, 0), (1, 13), (1, 30), (1, 59)):
        expected = direct(name, axis, frame).numpy()
        np.testing.assert_allclose(recorded[axis, frame], expected, rtol=0, atol=3e-4)


def test_powers_stand_still_and_components_do_not(widget: HarmonicsSpectrum) -> None:
    for cloud in widget.clouds:
        c = widget.coefficients(cloud["name"])
        changes = unpack_signed_squares(cloud["changes"], cloud["changes_step"])
        assert np.abs(changes).max() < 1e-13
        assert np.abs(c[1, :, 1:] ** 2 - c[1, :1, 1:] ** 2).max() > 0.1
        power = [(direct(cloud["name"], 1, 11)[l * l : (l + 1) ** 2] ** 2).sum() for l in range(7)]
        np.testing.assert_allclose(power, cloud["power"], rtol=0, atol=1e-13)


def test_about_the_polar_axis_only_m_and_minus_m_mix(widget: HarmonicsSpectrum) -> None:
    c = widget.coefficients("random <cloud>")
    for l in range(1, LMAX + 1):
        for m in range(l + 1):
            pair = c[0, :, l * l + l + m] ** 2 + c[0, :, l * l + l - m] ** 2
            assert np.ptp(pair) < 2e-3
    assert max(np.ptp(c[1, :, l * l + l]) for l in range(1, LMAX + 1)) > 0.1  # slanted: all mix


def test_solids_are_balls_below_their_degree(widget: HarmonicsSpectrum) -> None:
    rough = {cloud["name"]: cloud["rough"] for cloud in widget.clouds}
    for name, first in (("tetrahedron", 3), ("cube", 4), ("icosahedron", 6)):
        assert max(rough[name][:first]) < 1e-13
        assert rough[name][first] > 1
    assert rough["random <cloud>"][1] > 0.1


def test_only_directions_count() -> None:
    near = spectrum(clouds={"near": RANDOM}, step_degrees=90)
    far = spectrum(clouds={"near": RANDOM * torch.arange(1.0, 8.0)[:, None]}, step_degrees=90)
    np.testing.assert_allclose(near.coefficients("near"), far.coefficients("near"), atol=1e-12)


# ---- what is shown ------------------------------------------------------------------------------


def test_shown_texts_are_the_recorded_numbers(widget: HarmonicsSpectrum) -> None:
    texts = widget.shown((3, 1, 13, 4, -3))
    c = direct("random <cloud>", 1, 13)
    start = direct("random <cloud>", 1, 0)
    assert texts["angle"] == "78°"
    for l in range(7):
        power = float(c[l * l : (l + 1) ** 2].square().sum())
        assert float(texts[f"power-{l}"]) == pytest.approx(power, abs=5.1e-4)
        assert texts[f"change-{l}"] in ("0", "< 1e-8")
    one = 16 + 4 - 3
    assert float(texts["square"]) == pytest.approx(float(c[one] ** 2), abs=1e-3)
    assert float(texts["square-change"]) == pytest.approx(
        abs(float(c[one] ** 2 - start[one] ** 2)), abs=6e-3
    )
    assert (texts["sum"], texts["sum-change"]) == (texts["power-4"], texts["change-4"])
    assert widget.shown((2, 0, 5, 5, 0))["rough"] == "< 1e-8"
    assert float(widget.shown((2, 0, 5, 6, 0))["rough"]) > 2


def test_the_bundle_is_json_and_small() -> None:
    six = {f"cloud {k}": torch.randn(12, 3).double() for k in range(5)}
    bundle = spectrum(clouds=six).static_bundle()
    sent = {key: bundle[key] for key in ("esm", "css", "state")}
    text = json.dumps(sent, allow_nan=False)
    assert len(text.encode()) < 200_000
    assert json.loads(text) == sent
    assert not [key for key in sent["state"] if key.startswith("_")]
    at = (4, 1, 7, 2, 1)
    assert shown(json.loads(text)["state"], at) == spectrum(clouds=six).shown(at)


def test_the_module_stands_alone(widget: HarmonicsSpectrum) -> None:
    data, _ = widget._repr_mimebundle_()
    assert data[BUNDLE_MIME] == widget.static_bundle()
    assert data["text/plain"] == widget.alt()
    esm = widget.static_bundle()["esm"]
    assert esm.count("export default") == 1
    assert "import " not in "".join(line for line in esm.splitlines() if line[:2] != "//")


def test_the_fallback_is_a_picture_with_the_numbers(widget: HarmonicsSpectrum) -> None:
    picture = ElementTree.fromstring(widget.fallback())
    svg = "{http://www.w3.org/2000/svg}"
    said = [text.text for text in picture.findall(f".//{svg}text")]
    assert "random <cloud>" in said
    assert said.count("0.00") == 2 + 1 + 3 + 1 + 5  # blind degrees of three solids, odd ones too
    assert len(picture.findall(f".//{svg}circle")) == 7 * len(CLOUDS)
    assert picture.get("aria-label") == widget.alt()
    assert "icosahedron: degree 6" in widget.alt()
    worst = max(
        np.abs(unpack_signed_squares(c["changes"], c["changes_step"])).max() for c in widget.clouds
    )
    assert f"changes by {format_error(float(worst))} at most" in widget.alt()


@pytest.mark.parametrize(
    ("clouds", "message"),
    [
        ({}, "got 0 clouds; expected one to six"),
        ({"flat": torch.zeros(0, 3).double()}, "flat: 0 points"),
        ({"lost": torch.tensor([[0.0, 0, 0], [1, 0, 0]]).double()}, "lost: 2 points, 1 of them at"),
        ({"nan": torch.full((2, 3), math.nan).double()}, "the positions of nan"),
    ],
)
def test_what_does_not_fit_is_refused_with_the_reason(clouds: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        spectrum(clouds=clouds)
