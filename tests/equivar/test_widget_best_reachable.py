"""What the widget says can be reached is what the library projects on, for each order parameter."""

from __future__ import annotations

import json
import random
import re
from xml.etree import ElementTree

import pytest
import torch

from equivar.stabilizer import best_reachable, equivalent_answers, stabilizer
from equivar.widgets import BUNDLE_MIME, BestReachable
from equivar.widgets.best_reachable import REACH, STEPS, shown, solve


@pytest.fixture(scope="module")
def widget() -> BestReachable:
    return BestReachable.record()


def some_steps(n: int, seed: int) -> list[int]:
    draw = random.Random(seed)
    return [draw.randint(-REACH, REACH) for _ in range(2 * n)]


def moves_of(steps: list[int]) -> list[tuple[float, float]]:
    return [(x / STEPS, y / STEPS) for x, y in zip(steps[::2], steps[1::2], strict=True)]


@pytest.mark.parametrize("which", range(5))
def test_with_nothing_told_it_is_the_librarys_answer(widget: BestReachable, which: int) -> None:
    scene = widget.scenes[which]
    points = torch.tensor(scene["points"], dtype=torch.float64)
    s = stabilizer(torch.nn.functional.pad(points, (0, 1)))
    assert s.symbol == scene["symbol"]
    for target in (some_steps(len(points), 1), *(t["steps"] for t in scene["targets"])):
        found = solve(scene, 0, moves_of(target))
        t = torch.nn.functional.pad(torch.tensor(moves_of(target), dtype=torch.float64), (0, 1))
        best = best_reachable(s, t, "1o", per_point=True)
        torch.testing.assert_close(torch.tensor(found["best"]).double(), best[:, :2])
        assert found["floor"] == pytest.approx(float((t - best).square().sum(-1).mean()), abs=1e-12)
        answers = equivalent_answers(s, t, "1o", per_point=True, tolerance=0.02)
        assert len(found["images"]) == len(answers)


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("square", [8, 2, 4, 4, 4, 1]),
        ("rectangle", [4, 2, 4, 2, 2, 1]),
        ("triangle", [6, 1, 2, 1, 3, 1]),
        ("hexagon", [12, 2, 4, 2, 6, 1]),
        ("crooked", [1] * 6),
    ],
)
def test_what_order_parameters_keep(widget: BestReachable, name: str, kept: list[int]) -> None:
    scene = next(scene for scene in widget.scenes if scene["name"] == name)
    assert [len(told["elements"]) for told in scene["breaks"]] == kept


@pytest.mark.parametrize("which", range(5))
def test_what_is_free_is_the_rank_of_the_projection(widget: BestReachable, which: int) -> None:
    scene = widget.scenes[which]
    n = len(scene["points"])
    for k, told in enumerate(scene["breaks"]):
        unit = torch.eye(2 * n).reshape(2 * n, n, 2)
        P = torch.tensor([solve(scene, k, [tuple(p) for p in e.tolist()])["best"] for e in unit])
        assert int(torch.linalg.matrix_rank(P.reshape(2 * n, -1), rtol=1e-4)) == told["free"]


def test_the_stretch_reaches_the_rectangle_and_the_turn_the_turn(widget: BestReachable) -> None:
    names = [told["name"] for told in widget.scenes[0]["breaks"]]
    targets = {t["name"]: t["steps"] for t in widget.scenes[0]["targets"]}
    floors = {
        (target, name): float(widget.shown([0, k, 0, *targets[target]])["floor"])
        for k, name in enumerate(names)
        for target in targets
    }
    assert floors["wider", "nothing"] == 0.32
    assert floors["wider", "x² − y²"] == floors["wider", "arrow x"] == 0
    assert floors["wider", "xy"] == floors["wider", "turn"] == 0.32
    assert floors["turn it", "turn"] == 0 < floors["turn it", "x² − y²"]
    assert floors["slide", "x² − y²"] > 0 == floors["slide", "arrow x"]
    assert all(floors[target, "noise"] == 0 for target in targets)


def test_corners_in_whole_steps_do_not_make_more_targets(widget: BestReachable) -> None:
    names = [told["name"] for told in widget.scenes[3]["breaks"]]
    steps = next(t["steps"] for t in widget.scenes[3]["targets"] if t["name"] == "turn it")
    texts = widget.shown([3, names.index("turn"), 0, *steps])
    assert (texts["answers"], texts["floor"], texts["reached"]) == ("1", "0.000", "100 %")


def test_texts_at_one_place(widget: BestReachable) -> None:
    texts = widget.shown(widget.at)
    assert (texts["floor"], texts["asked"], texts["reached"]) == ("0.320", "0.640", "50 %")
    assert (texts["kept"], texts["free"], texts["answers"]) == ("8 of 8", "1 of 8", "2")
    assert (texts["two-0"], texts["two-1"]) == ("1.41", "0")
    assert texts["move"] == "corner 1 moves by (0.80, 0.00)"
    still = widget.shown([3, 0, 2, *[0] * 12])
    assert (still["reached"], still["floor"], still["answers"]) == ("all", "0.000", "1")


def test_the_bundle_is_json_and_small(widget: BestReachable) -> None:
    bundle = widget.static_bundle()
    sent = {key: bundle[key] for key in ("esm", "css", "state")}
    text = json.dumps(sent, allow_nan=False)
    assert len(text.encode()) < 200_000
    assert json.loads(text) == sent
    at = [2, 2, 1, *some_steps(3, 4)]
    assert shown(json.loads(text)["state"], at) == widget.shown(at)
    data, _ = widget._repr_mimebundle_()
    assert data[BUNDLE_MIME] == bundle
    assert data["text/plain"] == widget.alt()


def test_the_fallback_is_a_picture_with_the_numbers(widget: BestReachable) -> None:
    picture = ElementTree.fromstring(widget.fallback())
    svg = "{http://www.w3.org/2000/svg}"
    said = [text.text for text in picture.findall(f".//{svg}text")]
    assert "wider: floor 0.320" in said
    assert "grow: floor 0.000" in said
    assert len(picture.findall(f".//{svg}polygon")) == 12
    assert "wider 0.320 of 0.640" in widget.alt()
    assert picture.get("aria-label") == widget.alt()


def test_the_module_stands_alone(widget: BestReachable) -> None:
    esm = widget.static_bundle()["esm"]
    assert not re.findall(r"^\s*import\b|\bimport\(|https?://(?!www\.w3\.org)", esm, re.M)
    assert len(re.findall(r"^export default", esm, re.M)) == 1
