"""Pictures of traces and audits show every row and the numbers they were given."""

from __future__ import annotations

import matplotlib as mpl
import torch
from torch import nn

mpl.use("agg")
import matplotlib.pyplot as plt

from equivar import plots
from equivar.audit import audit_task
from equivar.trace import trace_equivariance


def test_each_row_of_a_trace_is_drawn_and_the_culprit_is_red():
    x = torch.randn(4, 6, dtype=torch.float64)
    model = nn.Sequential(nn.Identity(), nn.ReLU(), nn.Linear(6, 6, dtype=torch.float64))
    trace = trace_equivariance(model, x, "2x1o", laws={"2": "2x1o"})
    figure, axes = plt.subplots()
    plots.plot_trace(axes, trace)
    labels = axes.get_yticklabels()
    assert [t.get_text() for t in labels] == [f"{r.label}  {r.kind}" for r in trace.rows]
    assert [t.get_color() == plots.color("red") for t in labels] == [False, True, False, False]
    drawn = {v for line in axes.lines for v in line.get_xdata()}
    assert {row.error for row in trace.rows if row.error > 0} <= drawn
    plt.close(figure)


def test_rows_without_a_law_or_with_an_infinite_error_are_drawn_within_the_axes():
    class Grows(nn.Module):
        def forward(self, x):
            return x - x[:1].clamp(max=10.0) if x[0, 0] > 0 else x[:1]

    x = torch.ones(2, 3, dtype=torch.float64)
    trace = trace_equivariance(Grows(), x, "1o", -torch.eye(3), law_out="1o")
    figure, axes = plt.subplots()
    plots.plot_trace(axes, trace)
    low, high = axes.get_xlim()
    assert all(low <= v <= high for line in axes.lines for v in line.get_xdata())
    plt.close(figure)


def test_bars_of_an_audit_add_up_to_its_samples():
    line = torch.tensor([[0.0, 0, -1], [0, 0, 1]])
    tilted = line.roll(1, 1)
    targets = [torch.ones(1), 3 * torch.ones(1)]
    audit = audit_task([line, tilted], targets, "points", "0e")
    figure, axes = plt.subplots()
    plots.plot_audit(axes, audit)
    heights = [bar.get_height() for bar in axes.patches]
    assert heights == [0.0, 0.0, 1.0, 1.0]
    assert axes.get_title(loc="left") == "Out of reach: MSE 1"
    clean, axes = plt.subplots()
    plots.plot_audit(axes, audit_task([line], targets[:1], "points", "0e"))
    assert axes.get_title(loc="left") == "Clean"
    plt.close(figure)
    plt.close(clean)
