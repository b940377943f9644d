"""What the widget says of a tensor is true of every tensor that the group leaves alone."""

from __future__ import annotations

import json
import re
from xml.etree import ElementTree

import pytest
import torch

from equivar.data import CRYSTAL_CLASSES, crystal_class
from equivar.widgets import BUNDLE_MIME, TensorTies
from equivar.widgets.tensor_patterns import PAIRS, TENSORS, _expression, measure, pattern
from equivar.widgets.tensor_ties import shown

SYMBOLS = (*CRYSTAL_CLASSES, "O(3)")
# Nye's tables 8 and 9, by hand: the whole elastic table of trigonal 32, the piezoelectric of 3m.
TRIGONAL = """11 12 13 14 · · 12 11 13 −14 · · 13 13 33 · · · 14 −14 · 44 · · · · · · 44 14
· · · · 14 ∗"""
THREE_M = "· · · · 15 −22 −22 22 · 15 · · 31 31 33 · · ·"


@pytest.fixture(scope="module")
def ties() -> TensorTies:
    return TensorTies.record()


def where(ties: TensorTies, symbol: str) -> int:
    return [group["symbol"] for group in ties.groups].index(symbol)


@pytest.mark.parametrize("kind", TENSORS, ids=lambda kind: kind.name)
@pytest.mark.parametrize("symbol", ["C2", "C4", "C3v", "D3", "C3h", "Td", "O(3)"])
def test_the_words_hold_for_an_average_over_the_group(symbol: str, kind) -> None:
    # Not by the null space again: a random tensor, averaged over all elements, is fixed by them.
    found, _ = pattern(kind, symbol)
    T = torch.randn((3,) * kind.rank, generator=torch.Generator().manual_seed(5)).double()
    swaps = [(1, 0, 2, 3), (0, 1, 3, 2), (2, 3, 0, 1)] if kind.name == "Elastic" else kind.symmetric
    for permutation in swaps:
        T = (T + T.permute(permutation)) / 2
    if symbol == "O(3)":
        d, e = torch.eye(3).double(), torch.einsum
        T = 2 * e("ij,kl->ijkl", d, d) + 3 * e("ik,jl->ijkl", d, d) + 3 * e("il,jk->ijkl", d, d)
        if not kind.symmetric:
            T = T + e("ik,jl->ijkl", d, d)
        if kind.rank == 3:
            T = torch.zeros(3, 3, 3).double()
    else:
        letters = "abcd"[: kind.rank], "ijkl"[: kind.rank]
        pairs = ",".join(f"g{i}{a}" for a, i in zip(*letters, strict=True))
        R = crystal_class(symbol).matrices
        T = torch.einsum(f"{pairs},{letters[0]}->{letters[1]}", *[R] * kind.rank, T) / len(R)
    values = [float(T[index]) for index in kind.indices()]
    named = {kind.short_name(i): v for i, v in reversed(list(enumerate(values)))}
    for i, value in enumerate(values):
        text = found["terms"][found["cells"][i]]["text"]
        said = re.sub(r"(?<=\d) (?=[cet])", " * ", text.replace("−", "-").replace("zero", "0"))
        assert eval(said, {}, dict(named)) == pytest.approx(value, abs=1e-9), (i, text)


def test_textbook_tables(ties: TensorTies) -> None:
    labels = ties.shown((where(ties, "D3"), 0, 0, 0))["labels"]
    assert labels.split() == TRIGONAL.split()
    piezo = ties.shown((where(ties, "C3v"), 1, 0, 0))["labels"]
    assert piezo.split() == THREE_M.split()


def test_textbook_counts(ties: TensorTies) -> None:
    elastic = [
        ties.count(s, "Elastic") for s in ("C1", "C2h", "D2h", "C4", "D4h", "D6h", "Oh", "O(3)")
    ]
    assert elastic == [21, 13, 9, 7, 6, 5, 3, 2]
    assert [ties.count(s, "Piezoelectric") for s in ("C1", "D3", "Td", "O", "O(3)")] == [
        18,
        2,
        1,
        0,
        0,
    ]
    assert [ties.count(s, "Any rank 4") for s in ("C1", "C2", "Oh", "O(3)")] == [81, 41, 4, 3]


@pytest.mark.parametrize("symbol", SYMBOLS)
def test_the_measured_error_and_its_control(ties: TensorTies, symbol: str) -> None:
    for kind in TENSORS:
        found, echelon = pattern(kind, symbol)
        tied, loose = measure(kind, symbol, echelon)
        assert tied < 1e-12
        assert (tied == -1) == (found["free"] == 0)
        even_inversion = symbol == "C1" or (symbol == "Ci" and kind.rank == 4)
        assert loose == 0 if even_inversion else loose > 0.1


def test_every_component_has_a_term_and_every_constant_is_used(ties: TensorTies) -> None:
    for found in ties.patterns:
        used = {a for i in found["cells"] for a in found["terms"][i]["uses"]}
        assert used == set(range(found["free"]))
        assert set(found["cells"]) == set(range(len(found["terms"])))


def test_texts_at_one_place(ties: TensorTies) -> None:
    i = 5 * len(PAIRS) + 5
    texts = ties.shown((where(ties, "D6h"), 0, 1, i))
    assert texts["group"] == "D6h (6/mmm), hexagonal"
    assert (texts["free"], texts["total"]) == ("5", "of 81 components")
    assert (texts["component"], texts["value"]) == ("c1212", "(c11 − c12)/2")
    assert texts["said"] == "4 components are (c11 − c12)/2"
    assert len(texts["labels"].split()) == 81
    assert ties.shown((0, 0, 0, 0))["elements"] == "1 element"
    assert ties.shown((where(ties, "Oh"), 1, 0, 0))["tied"] == "nothing is left"


@pytest.mark.parametrize(
    ("row", "text"),
    [((0, 0), "zero"), ((-1, 0), "−a"), ((1, 1), "a + b"), ((-0.5, 0), "−a/2"),
     ((2, -1), "2 a − b"), ((0.5, 0.5), "(a + b)/2")],
)  # fmt: skip
def test_combinations_in_words(row: tuple, text: str) -> None:
    assert _expression(tuple(map(float, row)), ("a", "b")) == text


def test_the_bundle_is_json_and_small(ties: TensorTies) -> None:
    bundle = ties.static_bundle()
    sent = {key: bundle[key] for key in ("esm", "css", "state")}
    text = json.dumps(sent, allow_nan=False)
    assert len(text.encode()) < 200_000
    assert json.loads(text) == sent
    assert shown(json.loads(text)["state"], (17, 1, 0, 4)) == ties.shown((17, 1, 0, 4))
    data, _ = ties._repr_mimebundle_()
    assert data[BUNDLE_MIME] == bundle
    assert data["text/plain"] == ties.alt()


def test_the_fallback_is_a_picture_with_the_numbers(ties: TensorTies) -> None:
    picture = ElementTree.fromstring(ties.fallback())
    svg = "{http://www.w3.org/2000/svg}"
    said = [text.text for text in picture.findall(f".//{svg}text")]
    assert "hexagonal: 5" in said
    assert "glass: 2" in said
    drawn = len(picture.findall(f".//{svg}rect")) + len(picture.findall(f".//{svg}circle"))
    assert drawn == 8 * 36
    assert "cubic 3" in ties.alt()
    assert picture.get("aria-label") == ties.alt()


def test_the_module_stands_alone(ties: TensorTies) -> None:
    esm = ties.static_bundle()["esm"]
    assert not re.findall(r"^\s*import\b|\bimport\(|https?://(?!www\.w3\.org)", esm, re.M)
    assert len(re.findall(r"^export default", esm, re.M)) == 1
