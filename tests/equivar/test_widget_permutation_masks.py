"""What the masks widget records is what both layers answer, in each order of the nodes."""

from __future__ import annotations

import itertools
import json
import math
from xml.etree import ElementTree

import numpy as np
import pytest
import torch
from widget_examples import four_nodes

from equivar.graphs import contractions
from equivar.widgets import BUNDLE_MIME, PermutationMasks
from equivar.widgets.permutation_masks import _check, equality_patterns, shown
from equivar.widgets.recorded import format_error, unpack_signed_squares

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def widget() -> PermutationMasks:
    return four_nodes()


def weights(widget: PermutationMasks, m: int) -> np.ndarray:
    layer = widget.layers[m]
    return unpack_signed_squares(layer["weights"], layer["weight_step"]).reshape(16, 16)


def renumbering(order: list[int]) -> np.ndarray:
    """P with (P x)[place] = x[order[place]], on tables."""
    P = np.eye(len(order))[order]
    return np.kron(P, P)


# ---- patterns -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("n", "count"), [(1, 1), (2, 8), (3, 14), (4, 15), (5, 15)])
def test_there_are_as_many_patterns_as_equivariant_maps(n: int, count: int) -> None:
    assert len(equality_patterns(n).unique()) == count


@pytest.mark.parametrize("n", [2, 3, 4])
def test_patterns_span_what_the_fifteen_contractions_span(n: int) -> None:
    masks = torch.nn.functional.one_hot(equality_patterns(n).flatten()).double()  # (n^4, count)
    units = torch.eye(n * n, dtype=torch.float64).reshape(n * n, n, n, 1)
    maps = contractions(units)[..., 0].permute(1, 2, 3, 0).reshape(15, -1).T  # (n^4, 15)
    together = torch.cat([masks, maps], dim=1)
    rank = torch.linalg.matrix_rank
    assert rank(together) == rank(masks) == rank(maps)


def test_a_pattern_is_the_same_after_any_renumbering() -> None:
    patterns = equality_patterns(4)
    for order in itertools.permutations(range(4)):
        assert torch.equal(patterns[np.ix_(order, order, order, order)], patterns)
    wrong = torch.arange(256).reshape(4, 4, 4, 4) % 15  # control
    assert not torch.equal(wrong[np.ix_((1, 0, 2, 3), (1, 0, 2, 3), *[(1, 0, 2, 3)] * 2)], wrong)


@pytest.mark.parametrize(("n", "k"), [(0, 4), (4, 0), (-1, 2)])
def test_no_nodes_or_no_indices_is_refused(n: int, k: int) -> None:
    with pytest.raises(ValueError, match=f"n = {n} nodes and k = {k} indices"):
        equality_patterns(n, k)


# ---- what is recorded ---------------------------------------------------------------------------


def test_every_order_is_recorded_once(widget: PermutationMasks) -> None:
    found = {tuple(order) for order in widget.orders}
    assert found == set(itertools.permutations(range(4)))
    assert widget.orders[0] == [0, 1, 2, 3]
    assert len(widget.letters) == 15
    assert widget.letters[0] == "iiii"
    assert widget.letters[-1] == "ijkl"


@pytest.mark.parametrize("m", [0, 1])
def test_what_is_recorded_is_what_the_layer_answers(widget: PermutationMasks, m: int) -> None:
    W, x = weights(widget, m), np.asarray(widget.table).flatten()
    answers = widget.answers(m)
    scale = np.abs(answers).max()
    for k, order in enumerate(widget.orders):
        P = renumbering(order)
        back = P.T @ W @ P @ x
        np.testing.assert_allclose(answers[k].flatten(), back, rtol=0, atol=2e-3 * scale)
        truth = W @ x
        error = np.linalg.norm(back - truth) / np.linalg.norm(truth)
        assert widget.layers[m]["errors"][k] == pytest.approx(error, abs=2e-3)


def test_one_layer_stands_still_and_the_other_does_not(widget: PermutationMasks) -> None:
    dense, maps = widget.layers
    assert max(maps["errors"]) < 1e-6
    assert max(maps["errors"]) > 0  # it is measured, in float32, and not assumed
    assert maps["moved"] == [0] * 24
    assert dense["errors"][0] == maps["errors"][0] == 0
    assert min(dense["errors"][1:]) > 0.1
    assert dense["moved"][0] == 0
    assert min(dense["moved"][1:]) > 200
    assert (dense["count"], maps["count"]) == (256, 15)


def test_masks_are_the_weights_of_the_equivariant_layer(widget: PermutationMasks) -> None:
    W = weights(widget, 1).flatten()
    for mask in range(15):
        assert len(np.unique(W[np.asarray(widget.patterns) == mask])) == 1
    assert len(np.unique(W)) == 15


def test_on_three_nodes_there_are_fourteen() -> None:
    small = PermutationMasks.record(torch.ones(3, 3))
    assert small.layers[1]["name"] == "14 maps"
    assert len(small.orders) == 6
    ElementTree.fromstring(small.fallback())


# ---- what is shown, and what travels ------------------------------------------------------------


def test_shown_texts_are_the_recorded_numbers(widget: PermutationMasks) -> None:
    at = widget.orders.index([2, 0, 3, 1])
    texts = widget.shown(at)
    assert texts["order"] == "C A D B"
    assert texts["error-0"] == format_error(widget.layers[0]["errors"][at])
    assert texts["worst-1"] == format_error(max(widget.layers[1]["errors"]))
    assert texts["moved-1"] == "0 of 256"
    value = float(widget.answers(0)[at, 3, 1])
    assert float(texts["answer-0-3-1"].replace("−", "-")) == pytest.approx(value, abs=0.051)


def test_the_bundle_is_json_and_small(widget: PermutationMasks) -> None:
    table = torch.arange(25.0).reshape(5, 5) % 10
    for w in (widget, PermutationMasks.record(table)):
        bundle = w.static_bundle()
        sent = {key: bundle[key] for key in ("esm", "css", "state")}
        text = json.dumps(sent, allow_nan=False)
        assert len(text.encode()) < 200_000
        assert shown(json.loads(text)["state"], 3) == w.shown(3)
    data, _ = widget._repr_mimebundle_()
    assert data[BUNDLE_MIME] == widget.static_bundle()
    assert data["text/plain"] == widget.alt()


def test_the_fallback_is_a_picture_with_the_numbers(widget: PermutationMasks) -> None:
    picture = ElementTree.fromstring(widget.fallback())
    assert picture.get("aria-label") == widget.alt()
    said = [text.text for text in picture.findall(f".//{SVG}text")]
    worst = format_error(max(widget.layers[0]["errors"]))
    assert f"error {worst}" in said
    assert worst in widget.alt()
    blue = [path.get("d") or "" for path in picture.findall(f".//{SVG}g[@class='m1']/{SVG}path")]
    cells = [path for path in blue if "h1v1h-1z" in path]
    assert len(cells) == 30  # the masks, in two orders
    assert sum(path.count("M") for path in cells) == 2 * 256
    assert cells[:15] == cells[15:]  # and they are the same pictures


# ---- what is refused ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (torch.ones(4, 3), r"shape \(4, 3\); expected \(n, n\)"),
        (torch.ones(6, 6), "with n from 2 to 5"),
        (torch.ones(1, 1), "with n from 2 to 5"),
        (torch.ones(4), r"shape \(4,\)"),
        (torch.tensor(1.0), r"shape \(\)"),
        (torch.full((4, 4), 0.5), "whole numbers from 0 to 9"),
        (torch.full((4, 4), -1.0), "whole numbers from 0 to 9"),
        (torch.full((4, 4), math.nan), "whole numbers from 0 to 9"),
        (torch.zeros(4, 4), "not only zeros"),
    ],
)
def test_tables_that_cannot_be_shown_are_refused(table: torch.Tensor, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        _check(table, "ABCDE")


def test_too_few_names_are_refused() -> None:
    for names in ("ABC", "ABCA"):
        with pytest.raises(ValueError, match="expected 4 different letters"):
            four_nodes(names=names)
