"""What a widget records is what the models say, and what it shows is what it recorded."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation
from widget_examples import MODELS, NUMBERS, POSITIONS, SCALE, bonds, ethanol_orbit

import equivar.widgets
from equivar.plots import PALETTE
from equivar.rotations import covering_radius, random_rotations
from equivar.widgets import BUNDLE_MIME, RotationOrbit
from equivar.widgets.recorded import (
    format_error,
    format_fixed,
    pack_signed_squares,
    unpack_signed_squares,
)
from equivar.widgets.rotation_orbit import grid_rotations, shown

HOME = (0, 6, 0)
HALF_TURNS = [(12, 6, 0), (0, 6, 12), (12, 6, 12)]  # about y, about z, and both: about x
SOME = [tuple(int(i) for i in np.random.default_rng(7).integers((24, 13, 24))) for _ in range(30)]
FILES = sorted(Path(equivar.widgets.__file__).parent.glob("*.[jc]s*"))


@pytest.fixture(scope="module")
def orbit() -> RotationOrbit:
    return ethanol_orbit()


def by_scipy(i: int, j: int, k: int) -> torch.Tensor:
    angles = (15 * k, 15 * j - 90, 15 * i)
    return torch.tensor(Rotation.from_euler("ZXY", angles, degrees=True).as_matrix())


# ---- the grid -----------------------------------------------------------------------------------


def test_the_grid_is_roll_after_tilt_after_yaw() -> None:
    grid = grid_rotations(15)
    assert grid.shape == (24, 13, 24, 3, 3)
    for at in [HOME, *HALF_TURNS, *SOME]:
        torch.testing.assert_close(grid[at], by_scipy(*at))


def test_every_rotation_is_near_one_of_the_grid() -> None:
    grid = grid_rotations(15)
    probes = random_rotations(4000, torch.Generator().manual_seed(0))
    covered = math.degrees(covering_radius(grid.reshape(-1, 3, 3), probes))
    without_roll = math.degrees(covering_radius(grid[:, :, 0].reshape(-1, 3, 3), probes))
    assert covered < 13
    assert without_roll > 80


@pytest.mark.parametrize("step", [0, -15, 7, 60])
def test_a_grid_that_misses_the_half_turns_is_refused(step: int) -> None:
    with pytest.raises(ValueError, match=rf"step_degrees is {step}, expected a divisor of 90"):
        grid_rotations(step)


# ---- what is recorded ---------------------------------------------------------------------------


@pytest.mark.parametrize("mirror", [0, 1])
@pytest.mark.parametrize("name", MODELS)
def test_what_is_recorded_is_what_the_model_answers(
    orbit: RotationOrbit, name: str, mirror: int
) -> None:
    recorded = torch.tensor(orbit.deviations(name)[mirror])
    spacing = 6.2e-5 * abs(orbit.deviations(name)).max()
    start = MODELS[name](POSITIONS[None])[0]
    for at in [HOME, *HALF_TURNS, *SOME]:
        R = (-1 if mirror else 1) * by_scipy(*at)
        direct = MODELS[name]((POSITIONS.double() @ R.mT).float()[None])[0] - start
        # 2e-6: a batch of another size is summed in another order.
        torch.testing.assert_close(
            recorded[at], direct.double(), rtol=0, atol=float(spacing) / 2 + 2e-6
        )


def test_the_molecule_turns_about_its_own_center() -> None:
    shift = torch.tensor([1.0, -2.0, 0.5])
    moved = ethanol_orbit(positions=POSITIONS.double() + shift, step_degrees=90)
    R = grid_rotations(90)[1, 0, 3]
    x = POSITIONS.double()
    direct = [MODELS["coordinates"](p[None])[0] for p in (x @ R.mT + shift, x + shift)]
    torch.testing.assert_close(
        moved.deviations("coordinates")[0, 1, 0, 3], float(direct[0] - direct[1]), rtol=1e-3, atol=0
    )


def test_one_model_goes_wild_and_the_other_stays(orbit: RotationOrbit) -> None:
    for mirror in (0, 1):
        wild, flat = (abs(orbit.deviations(name)[mirror]) / SCALE for name in MODELS)
        assert wild.max() > 0.1
        assert flat.max() < 1e-5
        assert flat.max() > 0  # it is measured, in float32, and not assumed
    assert orbit.deviations("coordinates")[0][HOME] == 0
    assert abs(orbit.deviations("coordinates")[1][HOME]) / SCALE > 0.1  # inversion alone


def test_rounding_stays_below_the_shown_digits(orbit: RotationOrbit) -> None:
    for model in orbit.models:
        widest = (2 * 32767 - 1) * model["step"]
        assert widest / 2 < 0.5 * 10**-orbit.decimals


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=20))
def test_packing_keeps_sign_and_nearly_the_value(values: list[float]) -> None:
    text, step = pack_signed_squares(np.array(values))
    for value, back in zip(values, unpack_signed_squares(text, step), strict=True):
        assert abs(back - value) <= math.sqrt(abs(value) * step) + step
        assert back * value >= 0


def test_packing_refuses_what_no_page_can_show() -> None:
    with pytest.raises(ValueError, match="1 of 2 values are not finite"):
        pack_signed_squares(np.array([1.0, math.nan]))


# ---- what is shown ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "text"),
    [
        *((0.0, "0"), (3e-17, "< 1e-8"), (9.7e-8, "1e-7"), (2.4e-7, "2e-7"), (0.00096, "1e-3")),
        *((0.001, "0.0010"), (0.0123, "0.012"), (0.8349, "0.83"), (15.5, "15.50")),
    ],
)
def test_errors_are_written_with_the_digits_that_matter(value: float, text: str) -> None:
    assert format_error(value) == text


def test_halves_are_rounded_as_javascript_rounds_them() -> None:
    assert [format_fixed(v, 2) for v in (0.125, -0.125, -0.004, 1.005)] == [
        "0.13",
        "−0.13",
        "0.00",
        "1.00",
    ]


def test_shown_texts_are_the_recorded_numbers(orbit: RotationOrbit) -> None:
    at = (3, 8, 22, 1)
    texts = orbit.shown(at)
    off = orbit.deviations("coordinates")[1, 3, 8, 22]
    assert texts["error-0"] == format_error(abs(off) / SCALE)
    energy = float(MODELS["coordinates"](POSITIONS[None])[0]) + off
    assert texts["energy-0"] == f"{energy:.3f}".replace("-", "−")
    assert (texts["yaw"], texts["tilt"], texts["roll"]) == ("45°", "30°", "−30°")
    oxygen = -by_scipy(*at[:3]) @ POSITIONS[int(NUMBERS.argmax())].double()
    assert [float(texts[c].replace("−", "-")) for c in "xyz"] == pytest.approx(
        oxygen.tolist(), abs=0.0051
    )


def test_a_model_that_never_moves_has_error_zero() -> None:
    flat = ethanol_orbit(models={"constant": lambda p: torch.ones(len(p))}, step_degrees=90)
    texts = shown(flat.static_state(), (1, 0, 3, 1))
    assert texts["error-0"] == "0"
    assert texts["energy-0"] == "1.000"


def test_one_atom_without_bonds_is_a_molecule() -> None:
    alone = ethanol_orbit(
        positions=torch.tensor([[1.0, 2.0, 3.0]]),
        numbers=torch.tensor([2]),
        bonds=torch.empty(0, 2, dtype=torch.int64),
        models={"sum": lambda p: p.sum((-1, -2))},
        step_degrees=90,
    )
    assert alone.symbols == ["X"]
    assert alone.shown((2, 1, 1, 1))["x"] == "1.00"
    ElementTree.fromstring(alone.fallback())


# ---- what travels -------------------------------------------------------------------------------


def test_the_bundle_is_json_and_small(orbit: RotationOrbit) -> None:
    bundle = orbit.static_bundle()
    sent = {key: bundle[key] for key in ("esm", "css", "state")}
    text = json.dumps(sent, allow_nan=False)
    assert len(text.encode()) < 200_000
    assert json.loads(text) == sent
    assert "layout" not in sent["state"]
    assert not [key for key in sent["state"] if key.startswith("_")]
    assert shown(json.loads(text)["state"], (5, 2, 7, 1)) == orbit.shown((5, 2, 7, 1))


def test_jupyter_and_the_site_each_find_their_own(orbit: RotationOrbit) -> None:
    data, _ = orbit._repr_mimebundle_()
    assert data[BUNDLE_MIME] == orbit.static_bundle()
    assert "application/vnd.jupyter.widget-view+json" in data
    assert data["text/plain"] == orbit.alt()


def test_the_fallback_is_a_picture_with_the_numbers() -> None:
    risky = {"<coordinates> & more": MODELS["coordinates"], "distances": MODELS["distances"]}
    widget = ethanol_orbit(models=risky, step_degrees=30, unit='"eV"')
    picture = ElementTree.fromstring(widget.fallback())
    svg = "{http://www.w3.org/2000/svg}"
    assert len(picture.findall(f".//{svg}circle")) == 3 * len(NUMBERS)
    assert len(picture.findall(f".//{svg}line")) == 3 * 4 * len(bonds())
    said = [text.text for text in picture.findall(f".//{svg}text")]
    assert f"error {widget.shown((0, 3, 0, 0))['error-0']}" in said
    worst = format_error(float(abs(widget.deviations("<coordinates> & more")).max()) / SCALE)
    assert f"error {worst}" in said
    assert worst in widget.alt()
    assert "0.600" in widget.alt()
    assert picture.get("aria-label") == widget.alt()


def test_colors_come_from_the_palette_alone(orbit: RotationOrbit) -> None:
    css = orbit.static_bundle()["css"]
    for light, dark in PALETTE.values():
        assert light in css
        assert dark in css
    assert len(FILES) >= 4
    for file in FILES:
        assert not re.findall(r"#[0-9a-fA-F]{3,8}\b|rgba?\(", file.read_text("utf-8")), file.name


def test_the_module_stands_alone(orbit: RotationOrbit) -> None:
    esm = orbit.static_bundle()["esm"]
    assert not re.findall(r"^\s*import\b|\bimport\(|https?://(?!www\.w3\.org)", esm, re.M)
    assert len(re.findall(r"^export default", esm, re.M)) == 1


# ---- what is refused ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"scale": 0.0}, "scale is 0.0, expected a positive energy"),
        ({"scale": math.nan}, "scale is nan"),
        ({"models": {}}, "one or two functions by name"),
        ({"models": {"flat": lambda p: p.sum((-1, -2))[:, None]}}, r"\.squeeze\(-1\)"),
        ({"models": {"lost": lambda p: p.sum((-1, -2)) / 0}}, "'lost' gave nan or inf at"),
        ({"bonds": torch.tensor([[0, 9]])}, "pairs of atom indices below 9"),
        ({"bonds": torch.tensor([[0, -1]])}, "pairs of atom indices below 9"),
    ],
)
def test_what_does_not_fit_is_refused_with_the_reason(changes: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ethanol_orbit(step_degrees=90, **changes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"positions": POSITIONS[None]}, "of a trajectory"),
        ({"numbers": NUMBERS[:-1]}, r"numbers have shape \(8,\), expected \(9,\)"),
        ({"bonds": torch.zeros(4, 3, dtype=torch.int64)}, r"expected \(m, 2\)"),
    ],
)
def test_wrong_shapes_are_refused_with_the_reason(changes: dict, message: str) -> None:
    # Through the check itself: in this run jaxtyping refuses such arguments before it is reached.
    from equivar.widgets.recording import check_experiment

    given = {"positions": POSITIONS, "numbers": NUMBERS, "bonds": bonds(), "models": MODELS}
    with pytest.raises(ValueError, match=message):
        check_experiment(*{**given, **changes}.values(), SCALE)
