"""The palette can be exchanged and read, and figures are the same bytes each time."""

from __future__ import annotations

import itertools

import matplotlib as mpl
import numpy as np
import pytest

mpl.use("agg")
import matplotlib.pyplot as plt

from equivar import plots

WATER = np.array([[0.0, 0.0, 0.0], [0.8, 0.6, 0.3], [-0.8, 0.6, -0.3]])


def luminance(color: str) -> float:
    """Relative luminance, as WCAG 2.2 defines it."""
    channels = [int(color[k : k + 2], 16) / 255 for k in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return float(np.dot([0.2126, 0.7152, 0.0722], linear))


def contrast(first: str, second: str) -> float:
    low, high = sorted([luminance(first), luminance(second)])
    return (high + 0.05) / (low + 0.05)


def test_no_color_stands_in_the_palette_twice() -> None:
    light = [pair[0] for pair in plots.PALETTE.values()]
    assert len(set(light)) == len(light)
    both = set(light) & {pair[1] for pair in plots.PALETTE.values()}
    assert not both, "a dark color that is also a light one would be replaced twice"


@pytest.mark.parametrize("theme", [0, 1])
def test_each_ink_can_be_read_on_its_paper(theme: int) -> None:
    paper = plots.PALETTE["paper"][theme]
    for name, pair in plots.PALETTE.items():
        if name not in ("paper", "grid"):
            assert contrast(pair[theme], paper) > 4.5, name
    assert contrast("#000000", "#ffffff") == pytest.approx(21)  # the definition's own example


def test_a_color_that_is_not_there_names_those_that_are() -> None:
    with pytest.raises(KeyError, match=r"mauve.*paper, ink"):
        plots.color("mauve")


def test_a_figure_is_the_same_bytes_each_time_and_uses_the_palette_alone() -> None:
    def draw() -> str:
        with mpl.rc_context():
            plots.use_style()
            figure, axes = plt.subplots()
            axes.plot([0, 1], [1, 2])
            return plots.save_svg(figure)

    first = draw()
    assert first == draw()
    light = {pair[0] for pair in plots.PALETTE.values()}
    import re

    assert set(re.findall(r"#[0-9a-f]{6}\b", first)) <= light


def test_the_nearer_atom_is_drawn_later() -> None:
    figure, axes = plt.subplots()
    bonds = np.array([[0, 1], [0, 2]])
    plots.plot_molecule(axes, WATER, np.array([8, 1, 1]), bonds, labels=True)
    depth = [patch.get_zorder() for patch in axes.patches]
    assert depth[1] > depth[0] > depth[2]
    assert [text.get_text() for text in axes.texts] == ["0", "1", "2"]
    plt.close(figure)


def test_an_empty_molecule_is_an_empty_picture() -> None:
    figure, axes = plt.subplots()
    plots.plot_molecule(axes, np.zeros((0, 3)), np.zeros(0, int), np.zeros((0, 2), int))
    assert not axes.patches
    plt.close(figure)


def test_each_seed_is_a_dot_and_zero_lies_on_the_floor() -> None:
    errors = {"a": {"turn": [0.5, 0.7], "shift": [0.0, 0.1]}, "b": {"turn": [1], "shift": [2]}}
    figure, axes = plt.subplots()
    plots.plot_by_kind(axes, errors, ylabel="error", floor=1e-9)
    heights = sorted(itertools.chain(*(line.get_ydata() for line in axes.lines)))
    assert heights == [1e-9, 0.1, 0.5, 0.7, 1, 2]
    plt.close(figure)


def test_an_interactive_figure_without_words_is_refused() -> None:
    with pytest.raises(ValueError, match="empty alt text"):
        plots.interactive(None, plt.figure(), "  ")
    plt.close("all")


def test_an_interactive_figure_carries_its_fallback(monkeypatch: pytest.MonkeyPatch) -> None:
    import IPython.display
    import plotly.graph_objects as go

    shown = []
    monkeypatch.setattr(IPython.display, "display", lambda *a, **k: shown.append((a, k)))
    figure = go.Figure(go.Scatter(x=[0, 1], y=[2, 3]))
    plots.interactive(figure, plt.figure(), "Two points.")
    (data,), options = shown[0]
    mime = "application/vnd.plotly.v1+json"
    assert data[mime]["data"][0]["type"] == "scatter"
    assert data["text/plain"] == options["metadata"][mime]["alt"] == "Two points."
    assert options["metadata"][mime]["fallback"].rstrip().endswith("</svg>")
