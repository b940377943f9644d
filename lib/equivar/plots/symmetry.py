"""Pictures of a trace (where a symmetry breaks) and of an audit (what it puts out of reach)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from equivar.plots.palette import color

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from equivar.audit import Audit
    from equivar.trace import Trace

__all__ = ["plot_audit", "plot_trace"]

_MARKS = {"ok": ("green", "o"), "inherits": ("orange", "^"), "not compared": ("muted", "x")}


def plot_trace(axes: Axes, trace: Trace, *, floor: float = 1e-17) -> None:
    """Draw both errors of each module, top to bottom in the order in which they finished.

    The filled mark is the error that reaches the module's output, the open one what the module adds
    itself; the short line is what passes. Modules of unknown law have a name and no mark.

    Args:
        axes: the Matplotlib axes to draw on; give them a height of about 0.3 inch a row.
        trace: what `trace_equivariance` returned.
        floor: the smallest error that can be drawn; smaller ones, zero too, lie on it.

    Example:
        >>> import matplotlib.pyplot as plt
        >>> import torch
        >>> from equivar.trace import trace_equivariance
        >>> figure, axes = plt.subplots()
        >>> x = torch.ones(2, 3, dtype=torch.float64)
        >>> plot_trace(axes, trace_equivariance(torch.nn.ReLU(), x, "1o"))
        >>> axes.get_title(loc="left")
        'First fault: (model)'
        >>> plt.close(figure)
    """
    largest = max((r.error for r in trace.rows if math.isfinite(r.error)), default=1.0)
    top = max(1.0, 10 * largest)  # what is infinite lies on the edge

    def at(value: float) -> float:
        return min(max(value, floor), top)

    for y, row in enumerate(trace.rows):
        name, marker = _MARKS.get(row.status, ("red", "s"))
        if math.isnan(row.error):
            continue
        axes.plot([at(row.own_error), at(row.error)], [y, y], color=color("grid"), lw=2, zorder=1)
        axes.plot(at(row.error), y, marker, color=color(name), ms=8, zorder=3)
        axes.plot(at(row.own_error), y, marker, mec=color(name), mfc="none", ms=8, zorder=2)
        axes.plot([at(row.bound)] * 2, [y - 0.35, y + 0.35], color=color("muted"), lw=1.5)
    labels = [f"{row.label}  {row.kind}" for row in trace.rows]
    axes.set_yticks(range(len(labels)), labels)
    for tick, row in zip(axes.get_yticklabels(), trace.rows, strict=True):
        if row.name == trace.culprit:
            tick.set_color(color("red"))
    axes.set(xscale="log", xlim=(floor / 3, 3 * top), ylim=(len(labels) - 0.5, -0.5))
    axes.set_xlabel("relative equivariance error")
    axes.grid(axis="y", visible=False)
    title = "No fault found" if trace.ok else f"First fault: {trace.culprit or 'unknown'}"
    axes.set_title(title, loc="left")


def plot_audit(axes: Axes, report: Audit, *, most: int = 20) -> None:
    """Draw which samples an equivariant model cannot fit, largest first, and why.

    Args:
        axes: the Matplotlib axes to draw on.
        report: what `audit_task` returned.
        most: how many samples to draw.

    Example:
        >>> import matplotlib.pyplot as plt
        >>> import torch
        >>> from equivar.audit import audit_task
        >>> figure, axes = plt.subplots()
        >>> line = torch.tensor([[0.0, 0, -1], [0, 0, 1]])
        >>> plot_audit(axes, audit_task([line], [torch.ones(3)], "points", "1o"))
        >>> axes.get_title(loc="left")
        'Out of reach: MSE 1'
        >>> plt.close(figure)
    """
    order = report.per_sample.argsort(descending=True, stable=True)[:most]
    order = order[report.per_sample[order] > 0]
    place = np.arange(len(order))
    symmetry = report.from_symmetry[order].numpy()
    conflicts = report.from_conflicts[order].numpy()
    axes.bar(place, symmetry, color=color("purple"), label="its own symmetry")
    axes.bar(
        place,
        conflicts,
        bottom=symmetry,
        color=color("orange"),
        hatch="//",
        edgecolor=color("paper"),
        label="conflict with its images",
    )
    axes.axhline(report.floor, color=color("ink"), lw=1.5, ls="--", label="mean of all samples")
    axes.set_xticks(place, [str(int(i)) for i in order])
    axes.set(xlabel="sample", ylabel="squared error out of reach")
    axes.grid(axis="x", visible=False)
    axes.legend()
    title = "Clean" if report.ok else f"Out of reach: MSE {report.floor:.3g}"
    axes.set_title(title, loc="left")
