"""Benchmark rows become tables: the fastest form of a peer is compared, and nothing is dropped."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from bs4 import BeautifulSoup

from coursetools.benchmarks import HEADING, comparisons, distance, growth, load, tables


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


def cells(html: str) -> list[list[str]]:
    soup = BeautifulSoup(html, "html.parser")
    return [[cell.get_text(" ") for cell in line.select("th, td")] for line in soup.select("tr")]


def test_a_ratio_below_its_bar_is_marked():
    assert cells(tables(comparisons([row(ratio=2.9)])))[1][6] == "3 (below)"
    assert cells(tables(comparisons([row()])))[1][6] == "3"


def test_a_case_without_a_peer_is_shown():
    alone = row(None, ratio=None, peer_s=None, peer_error=None, bar=None, limit="memory")
    _, line = cells(tables(comparisons([alone])))
    assert line == [
        *("10,000 points forward", "2 ms", "25 % memory"),
        *("nobody", "", "", "", "1e-7", "1.0 MB 12 MB"),
    ]


def test_far_from_the_limit_is_not_nothing():
    assert cells(tables(comparisons([row(of_limit=0.004)])))[1][2] == "< 1 %"


def test_what_is_ours_alone_stands_once_beside_all_peers():
    html = tables(comparisons([row(), row("sphericart", ours_peak_mb=None), row(size="9")]))
    head, first, second, third = cells(html)
    assert tuple(head) == HEADING
    assert (len(first), len(second), len(third)) == (len(HEADING), len(HEADING) - 3, len(HEADING))
    spans = [c["rowspan"] for c in BeautifulSoup(html, "html.parser").select("[rowspan]")]
    assert spans == ["2"] * 3 + ["1"] * 3


def test_each_case_has_a_table_that_is_named_and_reached_by_the_keyboard():
    html = tables(comparisons([row(case="A < B"), row(case="C"), row(case="A < B", size="9")]))
    boxes = BeautifulSoup(html, "html.parser").select("div[role=region]")
    assert [box["aria-label"] for box in boxes] == ["A < B", "C"]
    assert [box.caption.get_text() for box in boxes if box.caption] == ["A < B", "C"]
    assert all(box["tabindex"] == "0" for box in boxes)
    assert [len(box.select("tbody")) for box in boxes] == [2, 1]
    assert "Not measured yet" in tables([])


def test_the_distance_to_the_limit_is_told_once_for_each_case():
    some = [row(), row("sphericart"), row(case="other", of_limit=0.5, limit="memory")]
    some += [row(case="third", of_limit=0.1, limit="arithmetic"), row(case="none", of_limit=None)]
    said = distance(comparisons(some))
    assert "These 3 cases run at 10 to 50 % of" in said
    assert "half of them above 25 %" in said
    assert "set by arithmetic in 1 and by memory in 1." in said
    assert distance(comparisons([row()])) == (
        "This case runs at 25 % of the speed that the machine allows."
    )


def test_growth_is_a_power_of_the_size():
    some = [row(size=f"{n:,} points", ours_s=1e-6 * n**2) for n in (4000, 1000, 2000)]
    found = growth([*some, row(size="3 lmax"), row(size="0 lmax", case="b")])
    (line,) = found["points"]
    assert line.sizes == (1000, 2000, 4000)
    assert line.power == pytest.approx(2.0)
    assert [line.power for line in found["lmax"]] == [None, None]
    assert growth([]) == {}


def test_what_is_no_report_is_said(tmp_path: Path):
    with pytest.raises(ValueError, match="no benchmark report"):
        load(tmp_path / "nothing.json")
    (tmp_path / "list.json").write_text(json.dumps({"rows": []}))
    with pytest.raises(ValueError, match="no benchmark report"):
        load(tmp_path / "list.json")
