"""Arrays in, figures out: one palette, one style, and the drawings that lectures share.

Matplotlib is imported by the functions, not by the module, so that the palette can be read by the
site's build without it.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np

from equivar.plots.palette import PALETTE, color
from equivar.plots.symmetry import plot_audit, plot_trace

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from equivar._shapes import Float, Int

__all__ = [
    "PALETTE",
    "color",
    "interactive",
    "interactive_layout",
    "plot_audit",
    "plot_by_kind",
    "plot_molecule",
    "plot_trace",
    "save_svg",
    "use_style",
]

_ELEMENTS = {1: ("paper", 0.26), 6: ("muted", 0.40), 7: ("blue", 0.40), 8: ("red", 0.40)}


def use_style() -> None:
    """Draw all later figures of this session in the course's style, as SVG.

    SVG, because its colors can be exchanged: the site turns each picture into a light and a dark
    one. Call it once, in the first cell of a page.

    Example:
        >>> use_style()
        >>> import matplotlib
        >>> matplotlib.rcParams["axes.edgecolor"] == color("muted")
        True
    """
    import matplotlib as mpl
    from cycler import cycler

    mpl.rcParams.update(
        {
            "figure.figsize": (5.6, 3.5),
            "figure.facecolor": color("paper"),
            "figure.constrained_layout.use": True,
            "axes.facecolor": color("paper"),
            "axes.edgecolor": color("muted"),
            "axes.labelcolor": color("ink"),
            "axes.titlecolor": color("ink"),
            "axes.titlesize": "medium",
            "axes.titlelocation": "left",
            "axes.grid": True,
            "axes.axisbelow": True,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.prop_cycle": cycler(
                color=[color(c) for c in ("orange", "blue", "green", "purple", "red")]
            ),
            "grid.color": color("grid"),
            "text.color": color("ink"),
            "xtick.color": color("muted"),
            "ytick.color": color("muted"),
            "xtick.labelcolor": color("ink"),
            "ytick.labelcolor": color("ink"),
            "legend.frameon": False,
            "lines.linewidth": 2.0,
            "font.size": 12.0,
            "svg.hashsalt": "equivar",
            "svg.fonttype": "path",
        }
    )
    try:
        from IPython import get_ipython
        from matplotlib_inline.backend_inline import set_matplotlib_formats
    except ImportError:  # outside Jupyter the style alone is what was asked for
        return
    if get_ipython() is not None:
        set_matplotlib_formats("svg", metadata={"Date": None})


def save_svg(figure: Figure) -> str:
    """The figure as SVG text, the same bytes each time.

    Args:
        figure: a Matplotlib figure; it is closed afterwards.

    Returns:
        The SVG document.

    Example:
        >>> import matplotlib.pyplot as plt
        >>> save_svg(plt.figure()).rstrip().endswith("</svg>")
        True
    """
    import matplotlib.pyplot as plt

    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None})
    plt.close(figure)
    return buffer.getvalue()


def plot_molecule(
    axes: Axes,
    positions: Float[np.ndarray, "n 3"],
    numbers: Int[np.ndarray, " n"],
    bonds: Int[np.ndarray, "m 2"],
    *,
    labels: bool = False,
) -> None:
    """Draw a molecule as balls and sticks, seen along the z axis.

    What is nearer to the reader (larger z) is drawn later, so it covers what is behind.

    Args:
        axes: the Matplotlib axes to draw on; its frame and ticks are taken away.
        positions: (n, 3), in angstrom.
        numbers: (n,), atomic numbers; H, C, N and O have colors of their own.
        bonds: (m, 2), pairs of atom indices; m may be 0.
        labels: write each atom's index beside it.

    Example:
        >>> import matplotlib.pyplot as plt
        >>> figure, axes = plt.subplots()
        >>> water = np.array([[0.0, 0.0, 0.0], [0.8, 0.6, 0.0], [-0.8, 0.6, 0.0]])
        >>> plot_molecule(axes, water, np.array([8, 1, 1]), np.array([[0, 1], [0, 2]]))
        >>> len(axes.patches)
        3
        >>> plt.close(figure)
    """
    from matplotlib.patches import Circle

    for i, j in bonds:
        middle = (positions[i] + positions[j]) / 2
        for end in (positions[i], positions[j]):  # each half lies just beneath its own atom
            (x0, y0, z0), (x1, y1, _) = end, middle
            axes.plot([x0, x1], [y0, y1], color=color("muted"), lw=4, zorder=z0 - 0.01)
    for k, (position, number) in enumerate(zip(positions, numbers, strict=True)):
        name, radius = _ELEMENTS.get(int(number), ("purple", 0.42))
        x, y, z = position
        axes.add_patch(
            Circle((x, y), radius, facecolor=color(name), edgecolor=color("ink"), zorder=z)
        )
        if labels:
            text = color("ink" if name == "paper" else "paper")
            at = axes.text(x, y, str(k), color=text, zorder=z + 0.005, fontsize=9)
            at.set(ha="center", va="center")
    reach = float(np.abs(positions).max()) + 0.6 if len(positions) else 1.0
    axes.set(xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal")
    axes.set_axis_off()


def plot_by_kind(
    axes: Axes, errors: dict[str, dict[str, Any]], *, ylabel: str, floor: float = 1e-9
) -> None:
    """Compare models over kinds of transformation, one dot a seed, on a logarithmic axis.

    Every seed is drawn, not an average alone: a spread that is not seen is not believed.

    Args:
        axes: the Matplotlib axes to draw on.
        errors: for each model, for each kind of transformation, the values, one a seed.
        ylabel: what the values are, with the unit.
        floor: the smallest value that can be drawn; smaller ones, zero too, lie on it.

    Example:
        >>> import matplotlib.pyplot as plt
        >>> figure, axes = plt.subplots()
        >>> plot_by_kind(axes, {"net": {"rotation": [0.8, 0.9]}}, ylabel="error")
        >>> [tick.get_text() for tick in axes.get_xticklabels()]
        ['rotation']
        >>> plt.close(figure)
    """
    kinds = list(next(iter(errors.values())))
    markers = "os^Dv"
    for m, (model, by_kind) in enumerate(errors.items()):
        offset = (m - (len(errors) - 1) / 2) * 0.22
        for k, kind in enumerate(kinds):
            values = np.maximum(np.asarray(by_kind[kind], dtype=float), floor)
            spread = np.linspace(-0.07, 0.07, len(values)) if len(values) > 1 else np.zeros(1)
            axes.plot(
                k + offset + spread,
                values,
                ls="",
                marker=markers[m % len(markers)],
                ms=6,
                alpha=0.85,
                color=f"C{m}",
                label=model if k == 0 else None,
            )
    axes.set_xticks(range(len(kinds)), kinds)
    axes.set(yscale="log", ylabel=ylabel, xlim=(-0.6, len(kinds) - 0.4), ylim=(floor / 3, None))
    top = int(np.ceil(np.log10(axes.get_ylim()[1])))
    decades = range(int(np.round(np.log10(floor))) + 2, top + 1, 2)
    axes.set_yticks([floor, *(10.0**d for d in decades)], ["0", *(f"1e{d:+d}" for d in decades)])
    axes.minorticks_off()
    axes.grid(axis="x", visible=False)
    axes.legend(loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=len(errors), borderaxespad=0.2)


def interactive_layout(**layout: Any) -> dict[str, Any]:
    """Plotly's layout in the course's colors: see-through paper, palette inks, no mode bar.

    The site exchanges the palette's colors when the reader changes to the dark theme, so a figure
    that takes its colors from the palette follows.

    Args:
        layout: what the figure adds or overrides.

    Returns:
        Keyword arguments for `plotly.graph_objects.Figure.update_layout`.

    Example:
        >>> interactive_layout(height=300)["height"]
        300
    """
    base = {
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"color": color("ink"), "size": 13},
        "margin": {"l": 0, "r": 0, "t": 10, "b": 0},
    }
    return base | layout


def interactive(figure: Any, fallback: Figure, alt: str) -> None:
    """Show a Plotly figure that is a picture where there is no JavaScript.

    Args:
        figure: the Plotly figure.
        fallback: a Matplotlib figure of the same data; it is closed afterwards.
        alt: one or two sentences that say what is to be seen, for readers who do not see it.

    Raises:
        ValueError: if `alt` says nothing.
    """
    if not alt.strip():
        raise ValueError(
            "interactive() was given an empty alt text; write what a reader is to see in the figure"
        )
    import json

    from IPython.display import display

    mime = "application/vnd.plotly.v1+json"
    display(
        {mime: json.loads(figure.to_json()), "text/plain": alt},
        raw=True,
        metadata={mime: {"fallback": save_svg(fallback), "alt": alt}},
    )
