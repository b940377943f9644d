"""Benchmark results as tables and sentences: from what `make bench` writes to what a page shows."""

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

__all__ = ["Comparison", "Growth", "comparisons", "distance", "growth", "load", "tables"]


@dataclass(frozen=True)
class Comparison:
    """One case against one peer, in the peer's fastest form.

    Attributes:
        file: the benchmark that it comes from.
        case: what is computed.
        size: of the input.
        direction: forward, forward + backward, ...
        peer: the peer's name, with its fastest form.
        ratio: the peer's time over ours, with the default allocator.
        ratio_pages_kept: the same with an allocator that keeps its pages; None if not measured.
        bar: what we asked of ourselves; None if nothing.
        ours_s: our time in seconds.
        peer_s: the peer's.
        ours_peak_mb: by how much the process grew while ours ran.
        peer_peak_mb: while the peer's did.
        ours_error: largest error against float64, relative to the largest entry.
        peer_error: the peer's.
        of_limit: the least time that this machine's memory or arithmetic allows, over our time.
        limit: which of the two sets that time; None if nothing says so.
    """

    file: str
    case: str
    size: str
    direction: str
    peer: str | None
    ratio: float | None
    ratio_pages_kept: float | None
    bar: float | None
    ours_s: float
    peer_s: float | None
    ours_peak_mb: float | None
    peer_peak_mb: float | None
    ours_error: float | None
    peer_error: float | None
    of_limit: float | None
    limit: str | None

    @property
    def below(self) -> bool:
        """Whether there is a bar, and it is not reached."""
        return self.bar is not None and self.ratio is not None and self.ratio < self.bar


def load(path: Path) -> tuple[list[dict], dict]:
    """The rows of a report, and the machine that they were measured on.

    Args:
        path: a JSON file that `tests/benchmarks/run.py` wrote.

    Raises:
        ValueError: there is no such file, or it is no report.
    """
    try:
        report = json.loads(path.read_text(encoding="utf-8"))
        return report["rows"], report["machine"]
    except (OSError, KeyError, json.JSONDecodeError) as error:
        raise ValueError(
            f"{path} is no benchmark report ({error}); expected what `make bench` writes"
        ) from None


def comparisons(rows: Iterable[dict]) -> list[Comparison]:
    """Join the rows of each case: the forms of a peer, and the two allocators.

    Where a peer has several forms ("e3nn", "e3nn scripted"), the fastest is the one compared.

    Args:
        rows: as `load` returns them.
    """
    groups: dict[tuple, dict[str, list[dict]]] = {}
    for row in rows:
        family = (row.get("peer") or "").partition(" ")[0]
        key = (row["file"], row["case"], row["size"], row["direction"], family)
        groups.setdefault(key, {}).setdefault(row["allocator"], []).append(row)
    found = []
    for by_allocator in groups.values():
        best = {name: min(some, key=_peer_time) for name, some in by_allocator.items()}
        row = best.get("default") or next(iter(best.values()))
        kept = best.get("pages kept")
        bars = [r["bar"] for some in by_allocator.values() for r in some if r.get("bar")]
        found.append(
            Comparison(
                file=row["file"],
                case=row["case"],
                size=row["size"],
                direction=row["direction"],
                peer=row.get("peer"),
                ratio=row.get("ratio"),
                ratio_pages_kept=kept.get("ratio") if kept else None,
                bar=bars[0] if bars else None,
                peer_s=row.get("peer_s"),
                peer_peak_mb=row.get("peer_peak_mb"),
                peer_error=row.get("peer_error"),
                ours_s=row["ours_s"],
                ours_peak_mb=row.get("ours_peak_mb"),
                ours_error=row.get("ours_error"),
                of_limit=row.get("of_limit"),
                limit=row.get("limit"),
            )
        )
    return found


def _peer_time(row: dict) -> float:
    return row.get("peer_s") or float("inf")


def distance(found: Iterable[Comparison]) -> str:
    """A sentence: how far some cases are from the limit of the machine, and which limit it is.

    Args:
        found: the cases, one entry for each peer.

    Returns:
        The least, the median and the most, in percent of the limit's speed.

    >>> distance([])
    'No limit is stated for these.'
    """
    cases = {(one.case, one.size, one.direction): one for one in found if one.of_limit}
    if not cases:
        return "No limit is stated for these."
    parts = sorted(100 * (one.of_limit or 0) for one in cases.values())
    middle = statistics.median(parts)
    many = f"These {len(parts)} cases run" if len(parts) > 1 else "This case runs"
    half = f", half of them above {middle:.0f} %" if len(parts) > 2 else ""
    limits = [one.limit for one in cases.values() if one.limit]
    by = sorted(set(limits), key=lambda name: (-limits.count(name), name))
    counts = [f"by {name} in {limits.count(name)}" for name in by]
    sets = f"by {by[0]}" if len(by) == 1 else " and ".join(counts)
    return (
        f"{many} at {_range(parts[0], parts[-1])} of the speed that the machine allows{half}."
        + (f" That speed is set {sets}." if by else "")
    )


def _range(low: float, high: float) -> str:
    return f"{low:.0f} %" if round(low) == round(high) else f"{low:.0f} to {high:.0f} %"


@dataclass(frozen=True)
class Growth:
    """How the time of one case grows with one measure of its size.

    Attributes:
        case: what is computed.
        unit: what grows: "points", "edges", "lmax", "channels".
        sizes: ascending.
        seconds: the time at each.
        power: p in time = size^p, from the first to the last; None for a single size or size 0.
    """

    case: str
    unit: str
    sizes: tuple[float, ...]
    seconds: tuple[float, ...]
    power: float | None


def growth(rows: Iterable[dict]) -> dict[str, list[Growth]]:
    """The series of a scaling benchmark, by what grows in them.

    Args:
        rows: as `load` returns them, of cases whose size is a number and a unit: "1000 points".
    """
    series: dict[tuple[str, str], dict[float, float]] = {}
    for row in rows:
        number, _, unit = row["size"].partition(" ")
        size = float(number.replace(",", ""))
        series.setdefault((unit, row["case"]), {}).setdefault(size, row["ours_s"])
    found: dict[str, list[Growth]] = {}
    for (unit, case), times in series.items():
        sizes = tuple(sorted(times))
        seconds = tuple(times[size] for size in sizes)
        grows = len(sizes) > 1 and sizes[0] > 0
        power = (
            math.log(seconds[-1] / seconds[0]) / math.log(sizes[-1] / sizes[0]) if grows else None
        )
        found.setdefault(unit, []).append(Growth(case, unit, sizes, seconds, power))
    return found


HEADING = (
    "input",
    "our time",
    "of the limit",
    "compared with",
    "times faster",
    "pages kept",
    "bar",
    "error",
    "memory",
)


def tables(found: Sequence[Comparison]) -> str:
    """One HTML table for each case, which scrolls within itself where the page is narrow.

    Args:
        found: what to show, in the order in which to show it.

    Returns:
        HTML; a sentence where there is nothing to show. A ratio below its bar says "below".
    """
    by_case: dict[str, dict[tuple[str, str], list[Comparison]]] = {}
    for one in found:
        by_case.setdefault(one.case, {}).setdefault((one.size, one.direction), []).append(one)
    if not by_case:
        return '<p class="benchmark">Not measured yet.</p>'
    return "\n".join(_table(escape(case), groups.values()) for case, groups in by_case.items())


def _table(case: str, groups: Iterable[Sequence[Comparison]]) -> str:
    head = "".join(f'<th scope="col">{name}</th>' for name in HEADING)
    # A name and a stop of the Tab key: what scrolls can be reached, and says what it is.
    return (
        f'<div class="benchmark pst-scrollable-table-container" tabindex="0" role="region"'
        f' aria-label="{case}"><table class="table"><caption>{case}</caption>\n'
        f"<thead><tr>{head}</tr></thead>\n{''.join(map(_group, groups))}</table></div>"
    )


def _group(some: Sequence[Comparison]) -> str:
    """The peers on one input: what is ours alone stands once, beside all of them."""
    one, over = some[0], f' rowspan="{len(some)}"'
    name = f"{escape(one.size)}<br><small>{escape(one.direction)}</small>"
    ours = f"<td{over}>{_seconds(one.ours_s)}</td><td{over}>{_limit(one)}</td>"
    lines = ["".join(f"<td>{cell}</td>" for cell in _cells(peer)) for peer in some]
    lines[0] = f'<th scope="rowgroup"{over}>{name}</th>{ours}{lines[0]}'
    return "<tbody>" + "".join(f"<tr>{line}</tr>" for line in lines) + "</tbody>\n"


def _cells(one: Comparison) -> tuple[str, ...]:
    return (
        _peer(one.peer or "nobody"),
        f"<strong>{_ratio(one.ratio)}</strong>" if one.ratio else "",
        _ratio(one.ratio_pages_kept) if one.ratio_pages_kept else "",
        (f"{one.bar:g}" + (" (below)" if one.below else "")) if one.bar else "",
        _pair(one.ours_error, one.peer_error, lambda e: f"{e:.0e}".replace("e-0", "e-"), ""),
        _pair(one.ours_peak_mb, one.peer_peak_mb, _megabytes, " MB"),
    )


def _peer(name: str) -> str:
    """The peer, and below it the form that was fastest."""
    family, _, form = name.partition(" ")
    return escape(family) + (f"<br><small>{escape(form)}</small>" if form else "")


def _limit(one: Comparison) -> str:
    if not one.of_limit:
        return ""
    part = f"{100 * one.of_limit:.0f} %" if one.of_limit >= 0.01 else "&lt; 1 %"
    return part + (f"<br><small>{one.limit}</small>" if one.limit else "")


def _megabytes(size: float) -> str:
    return f"{size:.1f}" if size < 9.95 else f"{size:.0f}"


def _ratio(ratio: float) -> str:
    return f"{ratio:.2f}" if ratio < 2 else f"{ratio:.1f}"


def _pair(ours: float | None, peer: float | None, form: Callable[[float], str], unit: str) -> str:
    if ours is None:
        return ""
    below = "" if peer is None else f"<br><small>{form(peer)}{unit}</small>"
    return f"{form(ours)}{unit}{below}"


def _seconds(time: float) -> str:
    if time < 1e-3:
        return f"{time * 1e6:.0f} µs"
    return f"{time * 1e3:.3g} ms" if time < 1 else f"{time:.2f} s"
