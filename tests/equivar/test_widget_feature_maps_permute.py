"""The maps that are recorded are the layers', and the errors are those of the law."""

from __future__ import annotations

import base64
import json
import math
import re
from xml.etree import ElementTree

import numpy as np
import pytest
import torch
from maps_examples import IMAGE, MODELS, PIXELS, digit_maps

from equivar.group_conv import turn_images
from equivar.measure import equivariance_error
from equivar.widgets import BUNDLE_MIME, FeatureMapsPermute
from equivar.widgets.feature_maps_permute import best_order, shown
from equivar.widgets.recorded import format_error

QUARTERS = (0, 6, 12, 18)


@pytest.fixture(scope="module")
def widget() -> FeatureMapsPermute:
    return digit_maps()


def unpacked(text: str, *shape: int) -> torch.Tensor:
    flat = np.frombuffer(base64.b64decode(text), dtype=np.uint8) / 255
    return torch.tensor(flat).reshape(*shape).float()


@pytest.mark.parametrize("frame", [0, 2, 6, 11, 18])
def test_what_is_recorded_is_what_the_layers_say(widget: FeatureMapsPermute, frame: int) -> None:
    image = turn_images(IMAGE, math.radians(15 * frame))
    n = PIXELS
    frames = unpacked(widget.image, 24, n, n)
    torch.testing.assert_close(frames[frame], image[0, 0] / IMAGE.max(), rtol=0, atol=0.003)
    for model in widget.models:
        maps = unpacked(model["maps"], 24, 4, n, n)[frame]
        direct = MODELS[model["name"]](image)[0]
        scale = float(direct.max() / maps.max())
        torch.testing.assert_close(maps * scale, direct, rtol=0, atol=0.02 * float(direct.max()))


def test_at_quarter_turns_the_group_permutes_cyclically_and_the_control_does_not(
    widget: FeatureMapsPermute,
) -> None:
    plain, group = widget.models
    for k, frame in enumerate(QUARTERS):
        assert group["order"][frame] == [(i - k) % 4 for i in range(4)]
        assert group["errors"][frame] < 1e-6
        assert (plain["errors"][frame] > 0.1) == (k > 0)


def test_the_error_is_the_equivariance_error_of_the_best_order(widget: FeatureMapsPermute) -> None:
    for model in widget.models:
        frame = 4
        order, angle = model["order"][frame], math.radians(15 * frame)
        error = equivariance_error(
            MODELS[model["name"]],
            IMAGE,
            lambda x, a=angle: turn_images(x, a),
            lambda y, a=angle, o=order: turn_images(y, a)[:, o],
        )
        assert model["errors"][frame] == pytest.approx(error.item(), rel=1e-4)


def test_between_the_quarter_turns_nobody_is_exact(widget: FeatureMapsPermute) -> None:
    for model in widget.models:
        assert min(e for f, e in enumerate(model["errors"]) if f % 6) > 0.05


def test_the_best_order_is_found_among_all() -> None:
    maps = torch.randn(5, 3, 3, generator=torch.Generator().manual_seed(1))
    wanted = [3, 0, 4, 2, 1]
    order, left = best_order(maps[wanted], maps)
    assert order.tolist() == wanted
    assert left == 0
    assert best_order(maps[wanted] + 0.1, maps)[1] == pytest.approx(0.1 * 45**0.5, rel=1e-5)


def test_shown_texts_are_the_recorded_numbers(widget: FeatureMapsPermute) -> None:
    texts = widget.shown(6)
    assert texts["angle"] == "90°"
    assert [texts[f"from-1-{i}"] for i in range(4)] == ["was r³", "was e", "was r", "was r²"]
    for m, model in enumerate(widget.models):
        assert texts[f"error-{m}"] == format_error(model["errors"][6])
    assert widget.shown(0)["error-0"] == widget.shown(0)["error-1"] == "0"


def test_the_bundle_is_json_and_small(widget: FeatureMapsPermute) -> None:
    bundle = widget.static_bundle()
    sent = {key: bundle[key] for key in ("esm", "css", "state")}
    text = json.dumps(sent, allow_nan=False)
    assert len(text.encode()) < 200_000
    assert len(bundle["fallback"].encode()) < 100_000
    assert shown(json.loads(text)["state"], 7) == widget.shown(7)
    assert widget._repr_mimebundle_()[0][BUNDLE_MIME] == bundle
    assert not re.findall(r"^\s*import\b|\bimport\(|https?://(?!www\.w3\.org)", sent["esm"], re.M)


def test_the_fallback_is_a_picture_with_the_numbers() -> None:
    risky = {"<plain> & more": MODELS["plain CNN"], "C4": MODELS["C4"]}
    widget = digit_maps(models=risky)
    picture = ElementTree.fromstring(widget.fallback())
    svg = "{http://www.w3.org/2000/svg}"
    assert len(picture.findall(f"{svg}g")) == 3 * (1 + 2 * 4)
    said = [text.text for text in picture.findall(f"{svg}text")]
    assert f"<plain> & more: error {widget.shown(6)['error-0']}" in said
    assert picture.get("aria-label") == widget.alt()
    assert format_error(max(widget.models[0]["errors"])) in widget.alt()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"image": IMAGE[..., :5]}, "expected a square image|1 1 n n"),
        ({"image": IMAGE / 0}, "image"),
        ({"models": {}}, "one or two models by name"),
        ({"step_degrees": 7}, "a divisor of 90 such as 15"),
        ({"step_degrees": 0}, "a divisor of 90 such as 15"),
        ({"labels": ("e", "r")}, "has 2 labels"),
        ({"models": {"shrinks": lambda x: x[..., 1:]}}, "maps of shape"),
        ({"models": {"signed": lambda x: x.expand(-1, 4, -1, -1) - 0.5}}, "as after a ReLU"),
        ({"models": {"dead": lambda x: 0 * x.expand(-1, 4, -1, -1)}}, "not all zero"),
    ],
)
def test_what_does_not_fit_is_refused_with_the_reason(changes: dict, message: str) -> None:
    with pytest.raises(Exception, match=message):  # the shape hook's own, or ours
        digit_maps(**changes)
