"""Benchmark results as tables: from the rows that `make bench` writes to what a page shows."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Comparison", "comparisons", "load", "table"]


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
            )
        )
    return found


def _peer_time(row: dict) -> float:
    return row.get("peer_s") or float("inf")


COLUMNS = (
    "what",
    "size",
    "direction",
    "peer",
    "times faster",
    "pages kept",
    "bar",
    "ours",
    "memory, ours / peer",
    "error, ours / peer",
    "of the limit",
)


def table(found: Sequence[Comparison], heading: Sequence[str] = COLUMNS) -> str:
    """A Markdown table, one row for each comparison.

    Args:
        found: what to show.
        heading: the columns, some or all of `COLUMNS`.

    Returns:
        Markdown. A ratio below its bar is marked with "below".
    """
    lines = ["| " + " | ".join(heading) + " |", "|" + "---|" * len(heading)]
    for one in found:
        cells = dict(zip(COLUMNS, _cells(one), strict=True))
        lines.append("| " + " | ".join(cells[name] for name in heading) + " |")
    return "\n".join(lines)


def _cells(one: Comparison) -> tuple[str, ...]:
    below = one.bar is not None and one.ratio is not None and one.ratio < one.bar
    return (
        one.case,
        one.size,
        one.direction,
        one.peer or "none",
        f"**{one.ratio:.1f}**" if one.ratio else "",
        f"{one.ratio_pages_kept:.1f}" if one.ratio_pages_kept else "",
        (f"{one.bar:g}" + (" (below)" if below else "")) if one.bar else "",
        _seconds(one.ours_s),
        _pair(one.ours_peak_mb, one.peer_peak_mb, "{:.1f}", " MB"),
        _pair(one.ours_error, one.peer_error, "{:.0e}", ""),
        f"{100 * one.of_limit:.0f} %" if one.of_limit else "",
    )


def _pair(ours: float | None, peer: float | None, form: str, unit: str) -> str:
    if ours is None:
        return ""
    return form.format(ours) + (f" / {form.format(peer)}" if peer is not None else "") + unit


def _seconds(time: float) -> str:
    if time < 1e-3:
        return f"{time * 1e6:.0f} µs"
    return f"{time * 1e3:.3g} ms" if time < 1 else f"{time:.2f} s"
