"""What the widget says of each module is what a direct measurement says."""

from __future__ import annotations

import json
import re
from itertools import combinations
from xml.etree import ElementTree

import pytest
import torch
from localizer_example import NUMBERS, POSITIONS, recorded

from equivar.features import transform
from equivar.rotations import random_rotations
from equivar.trace import trace_equivariance
from equivar.widgets import BUNDLE_MIME, ErrorLocalizer
from equivar.widgets.breakable import SWITCHES, Breakable
from equivar.widgets.error_localizer import shown

GUILTY = ("edges", "mix", "norm", "gate")  # the module that each switch breaks
NAMES = ("rotation", "x → y → z", "half turn", "inversion", "shift", "new order")
LAST = 9


@pytest.fixture(scope="module")
def widget() -> ErrorLocalizer:
    return recorded()


def pairs(n: int) -> torch.Tensor:
    apart = ~torch.eye(n, dtype=torch.bool)
    return apart.nonzero().T.flip(0)  # sorted by target


def answer(broken: tuple[str, ...], positions: torch.Tensor) -> torch.Tensor:
    return Breakable(POSITIONS, broken)(NUMBERS, positions, *pairs(len(positions))).detach()


def test_the_network_turns_until_a_switch_is_on(widget: ErrorLocalizer) -> None:
    R = random_rotations(1, generator=torch.Generator().manual_seed(0))[0].double()
    for mask in range(16):
        broken = tuple(name for i, name in enumerate(SWITCHES) if mask & 1 << i)
        y = answer(broken, POSITIONS)
        off = (answer(broken, POSITIONS @ R.mT) - transform("1o", R, y)).norm() / y.norm()
        assert (off < 1e-12) == (not broken)
        said = float(widget.shown((mask, 0, LAST))["whole"])
        assert said == pytest.approx(off.item(), rel=0.06, abs=1e-12)  # two digits


@pytest.mark.parametrize("mask", range(16))
def test_own_errors_name_each_fault_and_nothing_else(widget: ErrorLocalizer, mask: int) -> None:
    guilty = [name for i, name in enumerate(GUILTY) if mask & 1 << i]
    names = [m["name"] for m in widget.modules]
    for g in (0, 2, 3):
        record = widget.records[mask][g]
        found = [n for n, e in zip(names, record["owns"], strict=True) if float(e) > 1e-10]
        assert found == guilty
        assert record["verdict"] == (f"fault in {', '.join(guilty)}" if guilty else "no fault seen")
        if guilty:  # the error stays large from the first fault to the end
            first = names.index(guilty[0])
            errors = [float(e) for e in record["errors"]]
            assert max(errors[:first]) < 1e-10 < 1e-3 < min(errors[first:])


def test_some_elements_are_blind_to_some_faults(widget: ErrorLocalizer) -> None:
    assert [g["name"] for g in widget.elements] == list(NAMES)
    for mask in range(16):
        verdicts = [r["verdict"] for r in widget.records[mask]]
        assert verdicts[4] == verdicts[5] == "no fault seen"  # a shift, another order
        axes = [GUILTY[i] for i in (0, 1) if mask & 1 << i]  # LayerNorm and ReLU pass
        assert verdicts[1] == (f"fault in {', '.join(axes)}" if axes else "no fault seen")


def test_the_record_is_the_trace_of_the_library(widget: ErrorLocalizer) -> None:
    net = Breakable(POSITIONS, ("LayerNorm",))
    half = torch.diag(torch.tensor([1.0, -1.0, -1.0]).double())
    laws = ("labels", "positions", "indices", "indices")
    inputs = (NUMBERS, POSITIONS, *pairs(9))
    trace = trace_equivariance(net, inputs, laws, [half], law_out="1o")
    assert trace.culprit == "norm"
    rows = {row.name: row for row in trace.rows}
    texts = widget.shown((4, 2, 5))
    assert (texts["module"], texts["kind"]) == ("norm", "LayerNorm")
    assert float(texts["own"]) == pytest.approx(rows["norm"].own_error, rel=0.06)
    assert float(texts["whole"]) == pytest.approx(rows["(model)"].error, rel=0.06)


def test_weights_are_the_same_whatever_is_broken() -> None:
    plain = Breakable(POSITIONS)
    for k in (1, 2):
        for broken in combinations(SWITCHES, k):
            for name, p in Breakable(POSITIONS, broken).named_parameters():
                if not name.startswith("norm"):
                    assert torch.equal(p, plain.get_parameter(name))


def test_what_cannot_be_recorded_is_said() -> None:
    with pytest.raises(ValueError, match="expected float64"):
        ErrorLocalizer.record(NUMBERS, POSITIONS.float())
    with pytest.raises(ValueError, match="no switch 'relu'"):
        Breakable(POSITIONS, ("relu",))


def test_texts_at_one_place(widget: ErrorLocalizer) -> None:
    texts = widget.shown((8, 0, 6))
    assert (texts["module"], texts["kind"], texts["law"]) == ("gate", "Activate", "8x0e + 4x1o")
    assert texts["said"].endswith("the fault is here.")
    assert widget.shown((8, 0, 7))["said"].endswith("what came before.")
    assert widget.shown((8, 0, 0))["said"].endswith("as its law says.")
    assert len(texts["errors"].split()) == len(texts["owns"].split()) == 10


def test_the_bundle_is_json_and_small(widget: ErrorLocalizer) -> None:
    bundle = widget.static_bundle()
    sent = {key: bundle[key] for key in ("esm", "css", "state")}
    text = json.dumps(sent, allow_nan=False)
    assert len(text.encode()) < 200_000
    assert json.loads(text) == sent
    assert shown(json.loads(text)["state"], (9, 0, 4)) == widget.shown((9, 0, 4))
    data, _ = widget._repr_mimebundle_()
    assert data[BUNDLE_MIME] == bundle
    assert data["text/plain"] == widget.alt()


def test_the_fallback_is_a_picture_with_the_numbers(widget: ErrorLocalizer) -> None:
    picture = ElementTree.fromstring(widget.fallback())
    svg = "{http://www.w3.org/2000/svg}"
    said = [text.text for text in picture.findall(f".//{svg}text")]
    assert set(SWITCHES) <= set(said)
    assert len(picture.findall(f".//{svg}circle")) == 4 * 10 * 2
    assert "fault in gate" in widget.alt()
    assert picture.get("aria-label") == widget.alt()


def test_the_module_stands_alone(widget: ErrorLocalizer) -> None:
    esm = widget.static_bundle()["esm"]
    assert not re.findall(r"^\s*import\b|\bimport\(|https?://(?!www\.w3\.org)", esm, re.M)
    assert len(re.findall(r"^export default", esm, re.M)) == 1
