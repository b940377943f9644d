"""Benchmark rows become tables: the fastest form of a peer is compared, and nothing is dropped."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from coursetools.benchmarks import comparisons, load, table


def row(peer: str | None = "e3nn", **changes: object) -> dict:
    base = {
        "file": "harmonics",
        "case": "harmonics, lmax 4",
        "size": "10,000 points",
        "direction": "forward",
        "allocator": "default",
        "peer": peer,
        "ours_s": 0.002,
        "peer_s": 0.010,
        "ratio": 5.0,
        "bar": 3.0,
        "ours_peak_mb": 1.0,
        "peer_peak_mb": 12.0,
        "ours_error": 1e-7,
        "peer_error": 2e-7,
        "of_limit": 0.25,
    }
    return base | changes


def test_the_faster_form_of_a_peer_is_compared():
    (one,) = comparisons([row(), row("e3nn scripted", peer_s=0.004, ratio=2.0, bar=None)])
    assert (one.peer, one.ratio, one.bar) == ("e3nn scripted", 2.0, 3.0)


def test_other_peers_have_rows_of_their_own():
    found = comparisons([row(), row("sphericart", ratio=1.5)])
    assert [one.peer for one in found] == ["e3nn", "sphericart"]


def test_the_allocators_are_joined():
    (one,) = comparisons([row(), row(allocator="pages kept", ratio=4.0)])
    assert (one.ratio, one.ratio_pages_kept) == (5.0, 4.0)


def test_a_ratio_below_its_bar_is_marked():
    assert "3 (below)" in table(comparisons([row(ratio=2.9)]))
    assert "below" not in table(comparisons([row()]))


def test_a_case_without_a_peer_is_shown():
    text = table(comparisons([row(None, ratio=None, peer_s=None, peer_peak_mb=None, bar=None)]))
    assert "| none |" in text
    assert "2 ms" in text


def test_each_line_has_as_many_cells_as_the_heading():
    lines = table(comparisons([row(), row("sphericart", ours_peak_mb=None)])).splitlines()
    assert {line.count("|") for line in lines} == {lines[0].count("|")}


def test_what_is_no_report_is_said(tmp_path: Path):
    with pytest.raises(ValueError, match="no benchmark report"):
        load(tmp_path / "nothing.json")
    (tmp_path / "list.json").write_text(json.dumps({"rows": []}))
    with pytest.raises(ValueError, match="no benchmark report"):
        load(tmp_path / "list.json")
